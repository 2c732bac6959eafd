/*
 * table.c
 *		Which relations are protected, and how.
 *
 * csec.protected_table and csec.protected_field are read whole when they (or
 * the levels of their categories) changed; what follows for one relation is
 * worked out when it is first asked for and kept, a "no" as well, until the
 * policy, the relation or one of its ancestors changes.
 *
 * What was handed out may be held by a statement, or by a cursor, of this
 * transaction, and by the callbacks at its end.  So an answer that is
 * replaced is retired, and freed in a later transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "policy/category.h"
#include "policy/table.h"
#include "util/pgcompat.h"

/* Rows of the policy tables. */
typedef enum Audit
{
	AUDIT_BY_LEVEL,
	AUDIT_BATCH,
	AUDIT_STRICT
} Audit;

typedef struct TableRow
{
	Oid			relid;
	Oid			subject_of;
	int			nsubject;
	NameData	subject[CSEC_MAX_SUBJECT_COLUMNS];
	bool		enforce;
	Audit		audit;
	TimestampTz observe_until;
} TableRow;

typedef struct FieldRow
{
	Oid			relid;
	NameData	name;
	uint32		category;
} FieldRow;

typedef struct Policy
{
	MemoryContext context;
	List	   *tables;			/* of TableRow */
	List	   *fields;			/* of FieldRow */
} Policy;

/* What is known of one relation; none of it for a plain "no". */
typedef struct Known
{
	MemoryContext context;
	CsecTable  *table;			/* NULL: not protected */
	int			nancestors;
	Oid		   *ancestors;
	LocalTransactionId retired; /* in this transaction */
	struct Known *next;			/* in the list of retired ones */
} Known;

typedef struct TableEntry
{
	Oid			relid;
	char		status;
	bool		stale;
	uint64		generation;
	Known	   *known;
} TableEntry;

#define SH_PREFIX			tables
#define SH_ELEMENT_TYPE		TableEntry
#define SH_KEY_TYPE			Oid
#define SH_KEY				relid
#define SH_HASH_KEY(tb, key)	murmurhash32(key)
#define SH_EQUAL(tb, a, b)	((a) == (b))
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static Policy *policy = NULL;
static bool policy_fresh = false;
static tables_hash *entries = NULL;
static uint64 generation = 1;	/* entries of older ones are stale */
static uint64 changes = 0;		/* counts what may concern any entry */
static int	with_ancestors = 0;
static int	stale_entries = 0;
static Known *retired = NULL;

/* Past so many stale entries (of dropped tables, mostly) they are removed. */
#define PURGE_AT 1000

#define DEPENDS_ON \
	(CSEC_POLICY_BIT(CSEC_POLICY_LEVEL) | \
	 CSEC_POLICY_BIT(CSEC_POLICY_CATEGORY) | \
	 CSEC_POLICY_BIT(CSEC_POLICY_PROTECTED_TABLE) | \
	 CSEC_POLICY_BIT(CSEC_POLICY_PROTECTED_FIELD))

static void
mark(TableEntry *entry)
{
	if (!entry->stale)
		stale_entries++;
	entry->stale = true;
}

static bool
descends_from(const Known *known, Oid relid)
{
	for (int i = 0; known != NULL && i < known->nancestors; i++)
		if (known->ancestors[i] == relid)
			return true;
	return false;
}

/* Called for every relation that changes: neither allocates nor fails. */
static void
policy_changed(uint32 tables, Oid relid)
{
	TableEntry *entry;

	changes++;
	if ((tables & DEPENDS_ON) != 0 || !OidIsValid(relid))
	{
		policy_fresh = false;
		generation++;
		return;
	}
	if (entries == NULL)
		return;
	entry = tables_lookup(entries, relid);
	if (entry != NULL)
		mark(entry);
	if (with_ancestors > 0)
	{
		tables_iterator i;

		tables_start_iterate(entries, &i);
		while ((entry = tables_iterate(entries, &i)) != NULL)
			if (descends_from(entry->known, relid))
				mark(entry);
	}
}

void
csec_table_init(void)
{
	csec_catalog_watch(policy_changed);
}

/* The subject columns' names, out of the column "subject". */
static void
read_subject(CsecPolicyScan *scan, HeapTuple row, TableRow *out)
{
	bool		isnull;
	Datum		value = csec_policy_value(scan, row, "subject", &isnull);
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), NAMEOID, NAMEDATALEN, false,
					  TYPALIGN_CHAR, &names, &nulls, &n);
	if (n > CSEC_MAX_SUBJECT_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("protected table %u has more than %d subject columns",
						out->relid, CSEC_MAX_SUBJECT_COLUMNS),
				 errhint("Correct its row in csec.protected_table.")));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			out->subject[out->nsubject++] = *DatumGetName(names[i]);
}

static TableRow *
read_table_row(CsecPolicyScan *scan, HeapTuple row)
{
	TableRow   *out = palloc0(sizeof(TableRow));
	char	   *audit = csec_policy_text(scan, row, "audit");
	Datum		value;
	bool		isnull;

	out->relid =
		DatumGetObjectId(csec_policy_value(scan, row, "relid", &isnull));
	value = csec_policy_value(scan, row, "subject_of", &isnull);
	out->subject_of = isnull ? InvalidOid : DatumGetObjectId(value);
	out->enforce =
		DatumGetBool(csec_policy_value(scan, row, "enforce", &isnull));
	value = csec_policy_value(scan, row, "observe_until", &isnull);
	out->observe_until = isnull ? 0 : DatumGetTimestampTz(value);
	if (audit == NULL)
		out->audit = AUDIT_BY_LEVEL;
	else
		out->audit = strcmp(audit, "batch") == 0 ? AUDIT_BATCH : AUDIT_STRICT;
	read_subject(scan, row, out);
	return out;
}

static FieldRow *
read_field_row(CsecPolicyScan *scan, HeapTuple row)
{
	FieldRow   *out = palloc0(sizeof(FieldRow));
	bool		isnull;

	out->relid =
		DatumGetObjectId(csec_policy_value(scan, row, "relid", &isnull));
	out->name =
		*DatumGetName(csec_policy_value(scan, row, "attname", &isnull));
	out->category =
		csec_category_id(csec_policy_text(scan, row, "category"));
	return out;
}

static void
load_rows(Policy *into)
{
	CsecPolicyScan scan;
	HeapTuple	row;

	csec_policy_scan_begin(&scan, CSEC_POLICY_PROTECTED_TABLE);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
		into->tables = lappend(into->tables, read_table_row(&scan, row));
	csec_policy_scan_end(&scan);
	csec_policy_scan_begin(&scan, CSEC_POLICY_PROTECTED_FIELD);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
		into->fields = lappend(into->fields, read_field_row(&scan, row));
	csec_policy_scan_end(&scan);
}

/* As in category.c: the old rows stay until the new ones are whole. */
static void
load_policy(void)
{
	MemoryContext context;
	MemoryContext caller;
	Policy	   *made;

	context = AllocSetContextCreate(CurrentMemoryContext, "csec protection",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	made = palloc0(sizeof(Policy));
	made->context = context;
	policy_fresh = true;		/* a change that arrives meanwhile clears it */
	PG_TRY();
	{
		load_rows(made);
	}
	PG_CATCH();
	{
		policy_fresh = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, TopMemoryContext);
	if (policy != NULL)
		MemoryContextDelete(policy->context);
	policy = made;
}

static const TableRow *
find_row(Oid relid)
{
	ListCell   *cell;

	foreach(cell, policy->tables)
	{
		const TableRow *row = lfirst(cell);

		if (row->relid == relid)
			return row;
	}
	return NULL;
}

/* Add a relation's parents, in the order of its inheritance. */
static List *
add_parents(List *ancestors, Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true,
							  NULL, 1, &key);
	while ((row = systable_getnext(scan)) != NULL)
		ancestors = list_append_unique_oid(ancestors,
										   ((Form_pg_inherits) GETSTRUCT(row))->inhparent);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return ancestors;
}

/* All ancestors of a relation, nearest first. */
static List *
find_ancestors(Oid relid)
{
	List	   *ancestors = add_parents(NIL, relid);
	ListCell   *cell;

	/* The list grows under the loop. */
	foreach(cell, ancestors)
		ancestors = add_parents(ancestors, lfirst_oid(cell));
	return ancestors;
}

static void
fill_subject(CsecTable *table, const TableRow *row)
{
	table->nsubject = row->nsubject;
	for (int i = 0; i < row->nsubject; i++)
	{
		const char *name = NameStr(row->subject[i]);
		AttrNumber	attno = get_attnum(table->relid, name);

		if (attno == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("subject column \"%s\" of protected table %s does not exist",
							name, table->qualified_name),
					 errhint("Rename it back, or call csec.unprotect and csec.protect again.")));
		table->subject_attno[i] = attno;
		table->subject_type[i] = getBaseType(get_atttype(table->relid, attno));
	}
	table->subject_is_integer = table->nsubject == 1 &&
		(table->subject_type[0] == INT2OID ||
		 table->subject_type[0] == INT4OID ||
		 table->subject_type[0] == INT8OID);
}

static int
by_attno(const void *a, const void *b)
{
	return ((const CsecTableField *) a)->attno -
		((const CsecTableField *) b)->attno;
}

/*
 * The classified columns.  One that was dropped or renamed since is left out:
 * what it holds carries its category itself.
 */
static void
fill_fields(CsecTable *table, const TableRow *row)
{
	bool		strict = false;
	ListCell   *cell;

	table->fields = palloc(Max(list_length(policy->fields), 1) *
						   sizeof(CsecTableField));
	foreach(cell, policy->fields)
	{
		const FieldRow *field = lfirst(cell);
		const CsecCategory *category;
		CsecTableField *out;
		AttrNumber	attno;

		if (field->relid != row->relid)
			continue;
		category = csec_category_lookup(field->category);
		strict = strict || category == NULL || category->strict;
		attno = get_attnum(table->relid, NameStr(field->name));
		if (attno == InvalidAttrNumber)
			continue;
		out = &table->fields[table->nfields++];
		out->attno = attno;
		out->name = field->name;
		out->category = field->category;
	}
	qsort(table->fields, table->nfields, sizeof(CsecTableField), by_attno);
	table->strict = row->audit == AUDIT_BY_LEVEL ? strict :
		row->audit == AUDIT_STRICT;
}

static char *
qualified_name(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (name == NULL || schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("protected table %u does not exist", relid),
				 errhint("It was dropped meanwhile: try again.")));
	return quote_qualified_identifier(schema, name);
}

static CsecTable *
make_table(Oid relid, const TableRow *row)
{
	CsecTable  *table = palloc0(sizeof(CsecTable));

	table->relid = relid;
	table->root = row->relid;
	table->enforce = row->enforce;
	table->observe_until = row->observe_until;
	table->subject_table = OidIsValid(row->subject_of) ? row->subject_of :
		row->relid;
	table->qualified_name = qualified_name(row->relid);
	fill_subject(table, row);
	fill_fields(table, row);
	return table;
}

static CsecTable *
make_trail_table(Oid relid)
{
	CsecTable  *table = palloc0(sizeof(CsecTable));

	table->relid = relid;
	table->root = relid;
	table->subject_table = relid;
	table->enforce = true;
	table->is_trail = true;
	table->qualified_name = qualified_name(relid);
	return table;
}

/*
 * Work out what is known of a relation, in the current memory context; NULL
 * for a relation of no ancestry that is not protected.
 */
static Known *
work_out(Oid relid)
{
	Oid			namespace = get_rel_namespace(relid);
	const TableRow *row;
	List	   *ancestors;
	ListCell   *cell;
	CsecTable  *table = NULL;
	Known	   *known;

	/* csec's own tables: its install script fills them before all are made. */
	if (csec_relation_is_own(relid))
		return NULL;
	if (!policy_fresh)
		load_policy();
	row = find_row(relid);
	ancestors = find_ancestors(relid);
	for (cell = list_head(ancestors); row == NULL && cell != NULL;
		 cell = lnext(ancestors, cell))
		row = find_row(lfirst_oid(cell));
	if (row != NULL)
		table = make_table(relid, row);
	else if (OidIsValid(namespace) && namespace == csec_trail_namespace())
		table = make_trail_table(relid);
	if (table == NULL && ancestors == NIL)
		return NULL;

	known = palloc0(sizeof(Known));
	known->context = CurrentMemoryContext;
	known->table = table;
	known->nancestors = list_length(ancestors);
	known->ancestors = palloc(Max(known->nancestors, 1) * sizeof(Oid));
	for (int i = 0; i < known->nancestors; i++)
		known->ancestors[i] = list_nth_oid(ancestors, i);
	return known;
}

static void
retire(Known *known)
{
	if (known == NULL)
		return;
	if (known->nancestors > 0)
		with_ancestors--;
	known->retired = csec_my_lxid();
	known->next = retired;
	retired = known;
}

static void
remember(Oid relid, Known *known, uint64 at_generation, bool stale)
{
	TableEntry *entry;
	bool		found;

	if (entries == NULL)
		entries = tables_create(TopMemoryContext, 64, NULL);
	entry = tables_insert(entries, relid, &found);
	if (found)
	{
		if (entry->stale)
			stale_entries--;
		retire(entry->known);
	}
	entry->known = known;
	entry->generation = at_generation;
	entry->stale = stale;
	if (stale)
		stale_entries++;
	if (known != NULL)
	{
		MemoryContextSetParent(known->context, TopMemoryContext);
		if (known->nancestors > 0)
			with_ancestors++;
	}
}

static const CsecTable *
find_out(Oid relid)
{
	MemoryContext context;
	MemoryContext caller;
	Known	   *known;
	uint64		at_generation = generation;
	uint64		at_changes = changes;

	context = AllocSetContextCreate(CurrentMemoryContext, "csec table",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	known = work_out(relid);
	MemoryContextSwitchTo(caller);

	/*
	 * A change that arrived on the way may or may not be in: the answer is
	 * good for now, as if it had been given a moment ago, and is worked out
	 * again the next time.
	 */
	remember(relid, known, at_generation, changes != at_changes);
	if (known == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	return known->table;
}

const CsecTable *
csec_table_lookup_slow(Oid relid)
{
	TableEntry *entry;

	/* Catalogs cannot be protected, and are asked about most. */
	if (relid < FirstNormalObjectId)
		return NULL;
	entry = entries ? tables_lookup(entries, relid) : NULL;
	if (likely(entry != NULL && !entry->stale &&
			   entry->generation == generation))
		return entry->known ? entry->known->table : NULL;
	if (csec_catalog_readable())
		return csec_database_has_csec() ? find_out(relid) : NULL;
	/* The last known state, where there is one. */
	if (entry != NULL)
		return entry->known ? entry->known->table : NULL;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("whether relation %u is protected cannot be found out now",
					relid),
			 errhint("The policy of csec is readable within a transaction and outside logical decoding only.")));
	return NULL;				/* keep compiler quiet */
}

/* Remove stale entries; what they know is retired. */
static void
purge(void)
{
	tables_iterator i;
	TableEntry *entry;

	tables_start_iterate(entries, &i);
	while ((entry = tables_iterate(entries, &i)) != NULL)
		if (entry->stale)
		{
			retire(entry->known);
			tables_delete_item(entries, entry);
		}
	stale_entries = 0;
}

void
csec_table_sweep(void)
{
	LocalTransactionId now = csec_my_lxid();
	Known	  **link = &retired;

	if (stale_entries > PURGE_AT)
		purge();
	if (retired == NULL || !LocalTransactionIdIsValid(now))
		return;
	while (*link != NULL)
	{
		Known	   *known = *link;

		if (known->retired == now)
			link = &known->next;
		else
		{
			*link = known->next;
			MemoryContextDelete(known->context);
		}
	}
}
