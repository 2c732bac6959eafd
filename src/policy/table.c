/*
 * table.c
 *		Which relations are protected, and how.
 *
 * What follows for a relation from the policy (protection.c) is worked out
 * when it is first asked for and kept, a "no" as well, until the policy, the
 * relation or one of its ancestors changes.
 *
 * What was handed out may be held by a statement, or by a cursor, of this
 * transaction, and by the callbacks at its end.  So an answer that is
 * replaced is retired, and freed in a later transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "keys/keyring.h"
#include "policy/category.h"
#include "policy/protection.h"
#include "policy/table.h"
#include "util/pgcompat.h"

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

static tables_hash *entries = NULL;
static uint64 generation = 1;	/* entries of older ones are stale */
static uint64 changes = 0;		/* counts what may concern any entry */
static int	with_ancestors = 0;
static int	stale_entries = 0;
static Known *retired = NULL;

/* What csec_table_all() gives, as of this many changes. */
static Oid *all = NULL;
static int	nall = 0;
static uint64 all_at_changes = PG_UINT64_MAX;

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
		csec_protection_stale();
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
fill_subject(CsecTable *table, const CsecProtection *row)
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

/* Not above general; where there is no such level, none is. */
static bool
is_general(const CsecCategory *category)
{
	int			rank;

	return category != NULL && csec_level_rank("general", &rank) && category->rank <= rank;
}

/*
 * The classified columns.  One that was dropped or renamed since is left out:
 * what it holds carries its category itself.
 */
static void
fill_fields(CsecTable *table, const CsecProtection *row)
{
	ListCell   *cell;

	table->fields = palloc(Max(list_length(row->fields), 1) *
						   sizeof(CsecTableField));
	foreach(cell, row->fields)
	{
		const CsecProtectedField *field = lfirst(cell);
		const CsecCategory *category;
		CsecTableField *out;
		AttrNumber	attno;

		category = csec_category_lookup(field->category);
		attno = get_attnum(table->relid, NameStr(field->name));
		if (attno == InvalidAttrNumber)
			continue;
		out = &table->fields[table->nfields++];
		out->attno = attno;
		out->name = field->name;
		out->type = getBaseType(get_atttype(table->relid, attno));
		out->category = field->category;
		out->strict = row->audit == CSEC_AUDIT_BY_LEVEL &&
			(category == NULL || category->strict);
		out->general = is_general(category);
	}
	qsort(table->fields, table->nfields, sizeof(CsecTableField), by_attno);
	table->strict = row->audit == CSEC_AUDIT_STRICT;
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

static void
refuse_unsound(const char *table)
{
	/* Under another root key no row fits: then it is the key that is wrong. */
	csec_keyring_check();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the protection of table %s was changed behind csec's back", table),
			 errhint("csec.unsound_rows names the rows. Set them right by an UPDATE, which is on record.")));
}

static CsecTable *
make_table(Oid relid, const CsecProtection *row)
{
	CsecTable  *table = palloc0(sizeof(CsecTable));

	table->qualified_name = qualified_name(row->relid);
	if (!row->sound)
		refuse_unsound(table->qualified_name);
	table->relid = relid;
	table->root = row->relid;
	table->enforce = row->enforce;
	table->subject_keys = row->subject_keys && row->enforce;
	table->repeats_within = row->repeats_within;
	table->observe_until = row->observe_until;
	table->subject_table = OidIsValid(row->subject_of) ? row->subject_of :
		row->relid;
	fill_subject(table, row);
	fill_fields(table, row);
	return table;
}

/* The trail is one table to who reads it, in however many partitions it lies. */
static Oid
trail_root(Oid relid)
{
	List	   *ancestors = get_rel_relispartition(relid) ?
		get_partition_ancestors(relid) : NIL;

	return ancestors == NIL ? relid : llast_oid(ancestors);
}

static CsecTable *
make_trail_table(Oid relid)
{
	CsecTable  *table = palloc0(sizeof(CsecTable));

	table->relid = relid;
	table->root = trail_root(relid);
	table->subject_table = table->root;
	table->enforce = true;
	table->is_trail = true;
	table->qualified_name = qualified_name(table->root);
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
	const CsecProtection *row;
	List	   *ancestors;
	ListCell   *cell;
	CsecTable  *table = NULL;
	Known	   *known;

	/* csec's own tables: its install script fills them before all are made. */
	if (csec_relation_is_own(relid))
		return NULL;
	csec_protection_load();
	row = csec_protection_of(relid);
	ancestors = find_ancestors(relid);
	for (cell = list_head(ancestors); row == NULL && cell != NULL;
		 cell = lnext(ancestors, cell))
		row = csec_protection_of(lfirst_oid(cell));
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

const Oid *
csec_table_all(int *n)
{
	uint64		at_changes = changes;
	List	   *found = NIL;
	ListCell   *cell;

	if (all_at_changes != changes)
	{
		foreach(cell, csec_protection_relids())
			found = list_concat_unique_oid(found, find_all_inheritors(lfirst_oid(cell), NoLock, NULL));
		if (all != NULL)
			pfree(all);
		all = NULL;
		nall = 0;
		all = MemoryContextAlloc(TopMemoryContext, Max(list_length(found), 1) * sizeof(Oid));
		foreach(cell, found)
			all[nall++] = lfirst_oid(cell);
		list_free(found);
		all_at_changes = at_changes;
	}
	*n = nall;
	return all;
}
