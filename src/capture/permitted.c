/*
 * permitted.c
 *		Notes the values of permitted rows as a scan reads them.
 *
 * A value is noted (policy/reveal.c) before anything can show it: a scan's
 * filter, if it looks at a permitted field, else what the scan computes, else
 * what it hands up.  So everything above, joins, aggregates, sorts, functions,
 * cursors, meets values that are noted, or that are not of a permitted
 * customer.  What does not come through here stays masked: the rows of foreign
 * and custom scans, those that EvalPlanQual reads again, the existing row of
 * ON CONFLICT.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "capture/indexed_row.h"
#include "capture/permitted.h"
#include "capture/subject_key.h"
#include "policy/decision.h"
#include "policy/permit_quota.h"
#include "policy/reveal.h"
#include "types/encrypted_value.h"

/* A field that a permit shows, as a column of this relation. */
typedef struct Field
{
	AttrNumber	attno;
	uint32		category;
} Field;

/*
 * One permit, with what it is needed for: its fields that the query selects,
 * and once a row is met those only that the reader would not see anyway.
 */
typedef struct Permit
{
	int64		id;
	bool		decided;
	int			nfields;
	Field	   *fields;
} Permit;

struct CsecPermitted
{
	const CsecTable *table;
	PlanState  *scan;
	TupleTableSlot *fetched;	/* row of an index-only scan */
	AttrNumber	last_attno;		/* of key and fields */
	int			n;
	Permit	   *permits;

	/*
	 * The key asked for last, and by which permit it is shown: it is asked for
	 * again, for the record.  Whether that is in force still, the exits ask.
	 */
	bool		asked;
	int64		last_key;
	int64		last_permit;
};

/* Is a field among the permit's columns, which are those of the root? */
static bool
names_field(const CsecPermit *permit, const CsecTable *table, const CsecTableField *field)
{
	for (int i = 0; i < permit->nfields; i++)
	{
		char	   *name;

		if (table->relid == table->root)
		{
			if (permit->attnos[i] == field->attno)
				return true;
			continue;
		}
		name = get_attname(table->root, permit->attnos[i], true);
		if (name != NULL && strcmp(NameStr(field->name), name) == 0)
			return true;
	}
	return false;
}

/* The permit's columns among those selected, as this relation numbers them. */
static void
fill_fields(Permit *out, const CsecPermit *permit, const CsecTable *table, Bitmapset *selected)
{
	bool		whole = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected);

	out->id = permit->id;
	out->fields = palloc(Max(table->nfields, 1) * sizeof(Field));
	for (int f = 0; f < table->nfields; f++)
	{
		const CsecTableField *field = &table->fields[f];

		if ((whole || bms_is_member(field->attno - FirstLowInvalidHeapAttributeNumber, selected)) &&
			csec_is_field_type(field->type) && names_field(permit, table, field))
			out->fields[out->nfields++] = (Field) {.attno = field->attno,.category = field->category};
	}
}

/*
 * Does the reader need the permit?  Not asked before a row is met, so that the
 * exits, which ask the same of each field, have the answers already.
 */
static bool
is_needed(Permit *permit)
{
	int			n = 0;

	if (likely(permit->decided))
		return permit->nfields > 0;
	for (int f = 0; f < permit->nfields; f++)
		if (csec_decide(permit->fields[f].category) != CSEC_REVEAL)
			permit->fields[n++] = permit->fields[f];
	permit->nfields = n;
	permit->decided = true;
	return n > 0;
}

/* Is it in force, and has it the customer of that number, or where it is NULL of that text? */
static const CsecPermit *
covers(Permit *permit, int64 key, const StringInfoData *text)
{
	const CsecPermit *found = csec_permit_find(permit->id);

	if (found == NULL ||
		!(text == NULL ? csec_permit_covers_integer(found, key) :
		  csec_permit_covers_text(found, text->data, text->len)) ||
		!is_needed(permit))
		return NULL;
	/* deciding may have read the permits anew */
	return csec_permit_in_force(permit->id);
}

/* The same for all permits that have any; their number. */
static int
find_permits(CsecPermitted *out, const CsecTable *table, Bitmapset *selected, bool exporting)
{
	List	   *permits = csec_permits_of(table->root);
	ListCell   *lc;

	if (permits == NIL)
		return 0;
	out->permits = palloc0(list_length(permits) * sizeof(Permit));
	foreach(lc, permits)
	{
		const CsecPermit *permit = lfirst(lc);

		if (exporting && !permit->exports)
			continue;
		fill_fields(&out->permits[out->n], permit, table, selected);
		if (out->permits[out->n].nfields > 0)
			out->n++;
	}
	return out->n;
}

int64
csec_permitted_by(CsecPermitted *permitted, TupleTableSlot *slot, const AttrNumber *attno)
{
	const CsecTable *table = permitted->table;
	StringInfoData text;
	int64		key = 0;
	int64		found = 0;

	if (table->nsubject == 0)
		return 0;
	if (table->subject_is_integer)
	{
		if (!csec_subject_integer(table, slot, attno, &key))
			return 0;
		if (permitted->asked && permitted->last_key == key)
			return permitted->last_permit;
		text.data = NULL;
	}
	else
	{
		initStringInfo(&text);
		if (!csec_subject_text(table, slot, attno, &text))
		{
			pfree(text.data);
			return 0;
		}
	}
	for (int i = 0; i < permitted->n; i++)
	{
		const CsecPermit *permit = covers(&permitted->permits[i], key, text.data == NULL ? NULL : &text);

		if (permit == NULL)
			continue;

		/* of several one that has rows left */
		found = permit->id;
		if (permitted->n == 1 || csec_permit_has_rows(permit))
			break;
	}
	if (text.data != NULL)
		pfree(text.data);
	permitted->asked = text.data == NULL;
	permitted->last_key = key;
	permitted->last_permit = found;
	return found;
}

bool
csec_permitted_column(const CsecPermitted *permitted, int64 permit, AttrNumber attno)
{
	for (int i = 0; i < permitted->n; i++)
		if (permitted->permits[i].id == permit)
			for (int f = 0; f < permitted->permits[i].nfields; f++)
				if (permitted->permits[i].fields[f].attno == attno)
					return true;
	return false;
}

static void
note_value(uint32 row, Datum datum)
{
	struct varlena *value = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(datum));
	CsecMasked	masked;

	if (csec_value_well_formed(value))
	{
		csec_value_read(value, &masked);
		if (masked.envelope != NULL)
			csec_reveal_note(row, masked.category, masked.envelope, masked.envelope_size);
		else
			csec_reveal_note(row, masked.category, masked.text, masked.len);
	}
	if ((Pointer) value != DatumGetPointer(datum))
		pfree(value);
}

/* Note the fields that a permit shows of a row.  The exits ask whether it is still in force. */
static void
note_row(CsecPermitted *permitted, int64 id, TupleTableSlot *slot)
{
	uint32		row = csec_reveal_row(id, permitted->table->relid, &slot->tts_tid);

	for (int i = 0; i < permitted->n; i++)
	{
		const Permit *p = &permitted->permits[i];

		if (p->id != id)
			continue;
		for (int f = 0; f < p->nfields; f++)
		{
			bool		isnull;
			Datum		value = slot_getattr(slot, p->fields[f].attno, &isnull);

			if (!isnull)
				note_value(row, value);
		}
	}
}

/*
 * Has this transaction made the row what it is?  With another customer's values
 * under a permitted key, perhaps, which a rollback would leave no trace of.
 */
static bool
is_own_work(TupleTableSlot *slot)
{
	bool		isnull;
	Datum		xmin = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);

	return isnull || TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

/* A row passes the scan. */
static void
pass(void *arg, TupleTableSlot *unused)
{
	CsecPermitted *permitted = arg;
	TupleTableSlot *slot = permitted->fetched != NULL ? csec_indexed_row(permitted->scan, permitted->fetched) :
	((ScanState *) permitted->scan)->ss_ScanTupleSlot;
	MemoryContext old;
	int64		permit;

	if (TupIsNull(slot))
		return;
	old = MemoryContextSwitchTo(permitted->scan->state->es_query_cxt);
	/* the query selects them: taken apart once */
	slot_getsomeattrs(slot, permitted->last_attno);
	permit = csec_permitted_by(permitted, slot, permitted->table->subject_attno);
	if (permit != 0 && !is_own_work(slot))
		note_row(permitted, permit, slot);
	MemoryContextSwitchTo(old);
}

/* Does the scan's filter look at one of the fields? */
static bool
filter_sees_fields(const CsecPermitted *permitted)
{
	Bitmapset  *columns = NULL;
	bool		sees = false;

	/* an index-only scan's filter is about columns of the index */
	if (permitted->fetched != NULL)
		return true;
	pull_varattnos((Node *) permitted->scan->plan->qual,
				   ((Scan *) permitted->scan->plan)->scanrelid, &columns);
	sees = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, columns);
	for (int i = 0; i < permitted->n; i++)
		for (int f = 0; f < permitted->permits[i].nfields; f++)
			sees |= bms_is_member(permitted->permits[i].fields[f].attno - FirstLowInvalidHeapAttributeNumber,
								  columns);
	bms_free(columns);
	return sees;
}

/* The last column that is looked at of each row. */
static AttrNumber
last_attno(const CsecPermitted *permitted)
{
	AttrNumber	last = 1;

	for (int i = 0; i < permitted->table->nsubject; i++)
		last = Max(last, permitted->table->subject_attno[i]);
	for (int i = 0; i < permitted->n; i++)
		for (int f = 0; f < permitted->permits[i].nfields; f++)
			last = Max(last, permitted->permits[i].fields[f].attno);
	return last;
}

CsecPermitted *
csec_permitted_scan(CsecWrappedQuery *query, PlanState *scan, const CsecTable *table,
					Bitmapset *selected, bool exporting)
{
	CsecPermitted *permitted;

	if (likely(!csec_permit_any()) || !table->enforce || table->is_trail ||
		IsA(scan, ForeignScanState) || IsA(scan, CustomScanState))
		return NULL;
	permitted = palloc0(sizeof(CsecPermitted));
	permitted->table = table;
	permitted->scan = scan;
	if (find_permits(permitted, table, selected, exporting) == 0)
		return NULL;
	permitted->last_attno = last_attno(permitted);
	csec_reveal_hold(scan->state->es_query_cxt);
	if (IsA(scan, IndexOnlyScanState))
		permitted->fetched = table_slot_create(((ScanState *) scan)->ss_currentRelation,
											   &scan->state->es_tupleTable);
	if (scan->qual != NULL && filter_sees_fields(permitted))
		scan->qual = csec_wrap_expression_watch(scan->qual, pass, permitted);
	else if (scan->ps_ProjInfo != NULL)
		scan->ps_ProjInfo = csec_wrap_projection_watch(scan->ps_ProjInfo, pass, permitted);
	else
		csec_wrap_watch(query, scan, pass, permitted);
	return permitted;
}

bool
csec_reads_under_permit(PlannedStmt *stmt)
{
	ListCell   *lc;

	if (likely(!csec_permit_any()))
		return false;
	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const CsecTable *table;

		if (rte->rtekind == RTE_RELATION && (table = csec_table_lookup(rte->relid)) != NULL &&
			csec_permits_of(table->root) != NIL)
			return true;
	}
	return false;
}
