/*
 * changes.c
 *		Records the rows that statements change in protected tables.
 *
 * ENABLE ALWAYS row triggers in C, AFTER, so that they see what was stored,
 * under session_replication_role = replica and logical apply as well.  Rows of
 * one statement are packed: as long as table, command, identity and
 * (sub)transaction are the same they go into one record, until it is full or
 * the statement is over.  That is before the transaction's commit record, so
 * a committed change always has its record.
 *
 * What is packed when a transaction rolls back still goes out, marked as
 * rolled back: from the callbacks of the abort, where nothing is allocated,
 * because the room was taken when the rows came in.  A batch never spans a
 * subtransaction's borders.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audit/emit.h"
#include "capture/change_table.h"
#include "capture/change_value.h"
#include "capture/changes.h"
#include "capture/collector.h"
#include "capture/permit_write.h"
#include "capture/rekey.h"
#include "capture/subject_key.h"
#include "capture/suspension.h"
#include "policy/table.h"
#include "types/masked_value.h"
#include "types/masked_writeback.h"
#include "util/bytes.h"

/* A record is closed when its rows exceed this. */
#define BATCH_ROOM (40 * 1024)
#define NAMES_ROOM 1024

/* Whose key one side of a changed row is under, in a table that is sealed. */
typedef struct Side
{
	TupleTableSlot *slot;		/* NULL: there is no such side */
	CsecCustomer *customer;		/* NULL: it is about nobody */
	CsecCustomer known;
	bool		gone;			/* the customer's key was destroyed */
} Side;

/* The rows that wait for their record. */
typedef struct Batch
{
	bool		open;
	bool		aborted;		/* its subtransaction has rolled back */
	Oid			relid;
	Oid			root;
	TransactionId xid;
	char		op;				/* of CSEC_CHANGE_OPS */
	CsecIdentity *identity;
	char		relation[CSEC_RELATION_MAX];
	uint64		rows;
	bool		header_written;
	bool		closed;			/* no more rows: the last one failed halfway */
	int			nnames;			/* columns that were told */
	StringInfoData names;		/* their names */
	bool	   *named;			/* by column */
	int			maxnamed;
	StringInfoData fields;		/* the rows */
	CsecTrailSealer sealer;
	CsecSubjects integers;
	CsecSubjects texts;
	CsecSubjects *subjects;		/* the one of them in use */
} Batch;

static Batch batch;

#define OP_INSERT 'I'
#define OP_UPDATE 'U'
#define OP_DELETE 'D'
#define OP_TRUNCATE 'T'

static void
init_bytes(StringInfo bytes, int room)
{
	bytes->data = MemoryContextAlloc(TopMemoryContext, room);
	bytes->maxlen = room;
	resetStringInfo(bytes);
}

static void
prepare(void)
{
	if (batch.fields.data != NULL)
		return;
	csec_subjects_init(&batch.integers, true);
	csec_subjects_init(&batch.texts, false);
	init_bytes(&batch.names, NAMES_ROOM);
	init_bytes(&batch.fields, BATCH_ROOM);
}

static const char *
op_name(char op)
{
	switch (op)
	{
		case OP_INSERT:
			return "INSERT";
		case OP_UPDATE:
			return "UPDATE";
		case OP_DELETE:
			return "DELETE";
		default:
			return "TRUNCATE";
	}
}

/* Columns told, then rows: how long that is at most, and the field itself. */
static size_t
changes_size(void)
{
	return CSEC_VARINT_MAX + batch.names.len + batch.fields.len;
}

/*
 * Room for the record of what the batch holds, and so much more.  Before what
 * it is for counts as held: what finds no room must not be there when the
 * abort that follows emits the rest.
 */
static void
reserve(size_t more)
{
	csec_record_reserve(CSEC_RECORD_OVERHEAD + changes_size() +
						csec_subjects_bound(batch.subjects) + more);
}

static void
put_changes(void)
{
	size_t		room;
	uint8	   *out = csec_record_open_field(CSEC_TAG_CHANGES, &room);
	size_t		n = csec_put_varint(out, batch.nnames);

	memcpy(out + n, batch.names.data, batch.names.len);
	n += batch.names.len;
	memcpy(out + n, batch.fields.data, batch.fields.len);
	csec_record_close_field(n + batch.fields.len);
}

/*
 * Emit the batch.  Runs in abort callbacks too, with ABORTED among the flags:
 * no allocation, no error.
 */
static void
emit_batch(uint16 flags)
{
	size_t		room;
	uint8	   *out;
	int			from = 0;

	if (!batch.open)
		return;
	batch.open = false;
	if (batch.aborted)
		flags |= CSEC_BODY_ABORTED;
	csec_subjects_sort(batch.subjects);
	csec_record_begin(CSEC_KIND_CHANGE, flags, batch.identity);
	csec_record_u32(CSEC_TAG_XID, batch.xid);
	csec_record_u32(CSEC_TAG_RELID, batch.root);
	csec_record_text(CSEC_TAG_RELATION, batch.relation);
	csec_record_text(CSEC_TAG_STATEMENT, op_name(batch.op));
	csec_record_varint(CSEC_TAG_STATEMENT_NO, csec_statement_number());
	csec_record_varint(CSEC_TAG_ROWS, batch.rows);
	out = csec_record_open_field(CSEC_TAG_SUBJECTS, &room);
	csec_record_close_field(csec_subjects_encode(batch.subjects, &from, out,
												 room - changes_size() - 2 * CSEC_VARINT_MAX));
	put_changes();
	csec_record_emit();
	csec_identity_release(batch.identity);
	batch.identity = NULL;
}

/* The statement, or a subtransaction, is over. */
void
csec_changes_emit(void)
{
	if (unlikely(batch.open))
		emit_batch(0);
}

/* The current subtransaction has rolled back: what it changed, too. */
void
csec_changes_subabort(void)
{
	if (batch.open && batch.xid == GetCurrentTransactionIdIfAny())
		batch.aborted = true;
}

/* The transaction has rolled back. */
void
csec_changes_abort(void)
{
	if (batch.open)
		emit_batch(CSEC_BODY_ABORTED);
}

static void
append_name(StringInfo out, const char *name)
{
	uint8		head[CSEC_VARINT_MAX];
	size_t		len = strlen(name);

	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, len));
	appendBinaryStringInfo(out, name, (int) len);
}

static char
form_of(const CsecChangeTable *table, const CsecChangeColumn *column)
{
	return (column->is_masked || column->category != 0 ? CSEC_CHANGE_CLASSIFIED : 0) |
		(table->sealed ? CSEC_CHANGE_SEALED : 0);
}

/* The columns are named once, so that rows need not repeat it. */
static void
name_column(const CsecChangeTable *table, int i)
{
	uint8		head[CSEC_VARINT_MAX];

	if (batch.named[i])
		return;
	appendBinaryStringInfo(&batch.names, (char *) head, (int) csec_put_varint(head, i));
	append_name(&batch.names, NameStr(table->columns[i].name));
	appendStringInfoChar(&batch.names, form_of(table, &table->columns[i]));
	batch.named[i] = true;
	batch.nnames++;
}

static void
forget_names(int natts)
{
	if (natts > batch.maxnamed)
	{
		batch.named = batch.named == NULL ? MemoryContextAlloc(TopMemoryContext, natts) :
			repalloc(batch.named, natts);
		batch.maxnamed = natts;
	}
	memset(batch.named, 0, natts);
	batch.nnames = 0;
	resetStringInfo(&batch.names);
}

static void
open_batch(Relation rel, const CsecTable *policy, CsecChangeTable *table, char op,
		   CsecIdentity *identity, TransactionId xid)
{
	batch.relid = RelationGetRelid(rel);
	batch.root = policy != NULL ? policy->root : batch.relid;
	batch.op = op;
	batch.xid = xid;
	batch.identity = identity;
	batch.aborted = false;
	batch.rows = 0;
	if (policy != NULL)
		strlcpy(batch.relation, policy->qualified_name, sizeof(batch.relation));
	else
		snprintf(batch.relation, sizeof(batch.relation), "%s.%s",
				 get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));
	batch.subjects = policy != NULL && policy->subject_is_integer ?
		&batch.integers : &batch.texts;
	csec_subjects_reset(batch.subjects);
	batch.subjects->all = op == OP_TRUNCATE || policy == NULL || policy->nsubject == 0;
	resetStringInfo(&batch.fields);
	forget_names(table->natts);
	memset(&batch.sealer, 0, sizeof(batch.sealer));
	batch.closed = false;
	batch.open = true;
}

/* The batch that a row of this kind belongs to, opened if need be. */
static void
enter_batch(Relation rel, const CsecTable *policy, CsecChangeTable *table, char op)
{
	CsecIdentity *identity = csec_identity_acquire();
	TransactionId xid = GetCurrentTransactionIdIfAny();

	if (batch.open && batch.relid == RelationGetRelid(rel) && batch.op == op &&
		batch.identity == identity && batch.xid == xid && !batch.aborted && !batch.closed &&
		batch.fields.len < BATCH_ROOM / 2)
	{
		csec_identity_release(identity);
		return;
	}
	csec_changes_emit();
	open_batch(rel, policy, table, op, identity, xid);
}

static void
add_integer_subject(int64 key)
{
	reserve(2 * CSEC_VARINT_MAX);
	csec_subjects_add_integer(batch.subjects, key);
}

static void
add_text_subject(const StringInfoData *text)
{
	reserve(text->len + CSEC_VARINT_MAX);
	csec_subjects_add_text(batch.subjects, text->data, text->len);
}

/*
 * Note the subject of a row in the set of the record and, as text, in the row
 * itself; an empty text where the key is null.
 */
static void
append_subject(const CsecTable *policy, TupleTableSlot *slot)
{
	StringInfoData text;
	int64		key;

	if (policy == NULL || policy->nsubject == 0)
	{
		append_name(&batch.fields, "");
		return;
	}
	if (policy->subject_is_integer)
	{
		char		digits[MAXINT8LEN + 1];

		digits[0] = '\0';
		if (csec_subject_integer(policy, slot, policy->subject_attno, &key))
		{
			add_integer_subject(key);
			pg_lltoa(key, digits);
		}
		append_name(&batch.fields, digits);
		return;
	}
	initStringInfo(&text);
	if (csec_subject_text(policy, slot, policy->subject_attno, &text))
		add_text_subject(&text);
	append_name(&batch.fields, text.data);
	pfree(text.data);
}

static bool
same_value(const CsecChangeColumn *column, bool oldnull, Datum old, bool newnull, Datum new)
{
	if (oldnull || newnull)
		return oldnull && newnull;
	return datum_image_eq(old, new, column->by_value, column->typlen);
}

/* True where a digest stands in the place of the value, or of its envelope. */
static bool
append_value(CsecChangeColumn *column, Datum value, const Side *side, bool sealed)
{
	if (!sealed)
		return csec_change_value(&batch.fields, &batch.sealer, column, value);
	csec_change_value_sealed(&batch.fields, &batch.sealer, column, value, side->customer, side->gone);
	return false;
}

/*
 * Append the values of one column, where there is something to tell: its
 * number, a byte of flags, and the values.
 */
static bool
append_column(CsecChangeTable *table, int i, const Side *old, const Side *new)
{
	CsecChangeColumn *column = &table->columns[i];
	bool		oldnull = true;
	bool		newnull = true;
	Datum		oldvalue = old->slot ? slot_getattr(old->slot, i + 1, &oldnull) : (Datum) 0;
	Datum		newvalue = new->slot ? slot_getattr(new->slot, i + 1, &newnull) : (Datum) 0;
	uint8		head[CSEC_VARINT_MAX];
	uint8		flags = 0;
	int			flags_at;

	if (column->dropped || same_value(column, oldnull, oldvalue, newnull, newvalue))
		return false;
	name_column(table, i);
	appendBinaryStringInfo(&batch.fields, (char *) head, (int) csec_put_varint(head, i));
	flags_at = batch.fields.len;
	appendStringInfoChar(&batch.fields, 0);
	if (old->slot)
		flags |= oldnull ? CSEC_CHANGE_OLD_NULL : CSEC_CHANGE_OLD;
	if (new->slot)
		flags |= newnull ? CSEC_CHANGE_NEW_NULL : CSEC_CHANGE_NEW;
	if (!oldnull && append_value(column, oldvalue, old, table->sealed))
		flags |= CSEC_CHANGE_OLD_DIGEST;
	if (!newnull && append_value(column, newvalue, new, table->sealed))
		flags |= CSEC_CHANGE_NEW_DIGEST;
	batch.fields.data[flags_at] = (char) flags;
	return true;
}

/*
 * Append a row: the operation, the subject, the number of columns told, the
 * columns.  A row never ends up half in the batch: what was appended before
 * an error is taken back, and no row may follow, as names and headers of
 * envelopes that it was the first to tell are taken for told.
 */
static void
append_row(const CsecTable *policy, CsecChangeTable *table, char op, const Side *old, const Side *new)
{
	const int	before = batch.fields.len;
	const int	names_before = batch.names.len;
	const int	nnames_before = batch.nnames;

	PG_TRY();
	{
		int			count_at;
		int			count = 0;

		appendStringInfoChar(&batch.fields, op);
		append_subject(policy, new->slot != NULL ? new->slot : old->slot);
		count_at = batch.fields.len;
		appendBinaryStringInfo(&batch.fields, "\0\0", 2);
		for (int i = 0; i < table->natts; i++)
			if (append_column(table, i, old, new))
				count++;
		csec_put_u16((uint8 *) batch.fields.data + count_at, (uint16) count);
		reserve(0);
		batch.rows++;
	}
	PG_CATCH();
	{
		batch.fields.len = before;
		batch.names.len = names_before;
		batch.nnames = nnames_before;
		batch.closed = true;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* One side of a row; what its customer's key is like is asked where it matters. */
static void
take_side(const CsecTable *policy, const CsecChangeTable *table, TupleTableSlot *slot, Side *side)
{
	side->slot = slot;
	side->customer = NULL;
	side->gone = false;
	if (slot == NULL || !table->sealed || !csec_row_customer(policy, slot, &side->known))
		return;
	side->customer = &side->known;
	side->gone = csec_subject_key_for(side->customer) == NULL;
}

static bool
same_customer(const Side *a, const Side *b)
{
	if (a->customer == NULL || b->customer == NULL)
		return a->customer == b->customer;
	return memcmp(a->known.pseudonym, b->known.pseudonym, CSEC_PSEUDONYM) == 0;
}

/*
 * Append a changed row.  One that an update moves from one customer to another
 * is told, where their keys differ, as a row that leaves and one that comes:
 * nothing of the one may stand with the other's.
 */
static void
append_change(const CsecTable *policy, CsecChangeTable *table, const Side *old, const Side *new)
{
	const Side	none = {.slot = NULL};

	if (old->slot == NULL || new->slot == NULL || same_customer(old, new))
	{
		append_row(policy, table, batch.op, old, new);
		return;
	}
	append_row(policy, table, OP_DELETE, old, &none);
	append_row(policy, table, OP_INSERT, &none, new);
	batch.rows--;				/* it is one row */
}

/* An update may move a row to another customer: then both are subjects. */
static void
add_old_subject(const CsecTable *policy, TupleTableSlot *old)
{
	int64		key;

	if (policy == NULL || policy->nsubject == 0)
		return;
	if (policy->subject_is_integer)
	{
		if (csec_subject_integer(policy, old, policy->subject_attno, &key))
			add_integer_subject(key);
	}
	else
	{
		StringInfoData text;

		initStringInfo(&text);
		if (csec_subject_text(policy, old, policy->subject_attno, &text))
			add_text_subject(&text);
		pfree(text.data);
	}
}

static char
operation_of(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return OP_INSERT;
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return OP_UPDATE;
	if (TRIGGER_FIRED_BY_DELETE(event))
		return OP_DELETE;
	return OP_TRUNCATE;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_change);

/*
 * csec.record_change(), the trigger of protected tables: AFTER INSERT OR
 * UPDATE OR DELETE FOR EACH ROW and AFTER TRUNCATE FOR EACH STATEMENT, ENABLE
 * ALWAYS.
 */
Datum
csec_record_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const CsecTable *policy;
	CsecChangeTable *table;
	char		op;
	TupleTableSlot *old = NULL;
	TupleTableSlot *new = NULL;
	Side		before;
	Side		after;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("csec.record_change() is an AFTER trigger")));
	csec_emit_prepare();
	prepare();
	policy = csec_table_lookup(RelationGetRelid(trigger->tg_relation));
	op = operation_of(trigger->tg_event);
	if (op == OP_INSERT)
		new = trigger->tg_trigslot;
	else if (op == OP_UPDATE)
	{
		old = trigger->tg_trigslot;
		new = trigger->tg_newslot;
	}
	else if (op == OP_DELETE)
		old = trigger->tg_trigslot;
	/* all columns are looked at: take the rows apart once */
	if (old != NULL)
		slot_getallattrs(old);
	if (new != NULL)
		slot_getallattrs(new);
	table = csec_change_table(trigger->tg_relation, policy);
	if (op == OP_INSERT && table->nmasked > 0)
		csec_refuse_masks(RelationGetRelid(trigger->tg_relation), new,
						  table->masked, table->nmasked);
	take_side(policy, table, old, &before);
	take_side(policy, table, new, &after);
	if (table->sealed && new != NULL)
		csec_check_rekeyed(trigger->tg_relation, new, after.customer,
						   table->encrypted, table->nencrypted);
	if (op == OP_UPDATE)
		csec_permit_check_key(policy, old, new);
	if (csec_recording_suspended())
		return PointerGetDatum(NULL);
	csec_emit_check_lag();

	enter_batch(trigger->tg_relation, policy, table, op);
	if (op != OP_TRUNCATE)
	{
		append_change(policy, table, &before, &after);
		if (op == OP_UPDATE)
			add_old_subject(policy, old);
	}
	return PointerGetDatum(NULL);
}
