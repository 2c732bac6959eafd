/*
 * protection.c
 *		The rows of csec.protected_table and csec.protected_field.
 *
 * Both tables are read whole when policy changed: hundreds of tables with
 * their fields are a millisecond, and most questions are about relations that
 * have no row.
 *
 * Of a row that was put or changed behind csec's back (row_mac.c), its own or
 * one of its fields', nothing can be believed: which columns are shown, and
 * which customer a row is about.  Such a table is not read or changed at all.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "policy/category.h"
#include "policy/kept.h"
#include "policy/protection.h"
#include "policy/row_mac.h"

typedef struct Rows
{
	List	   *tables;			/* of CsecProtection */
} Rows;

static void *read_all(MemoryContext context);

static CsecKept kept = {.name = "protection",.read = read_all};
static Rows *rows = NULL;		/* what is kept */

void
csec_protection_stale(void)
{
	kept.fresh = false;
}

static CsecProtection *
find(const Rows *in, Oid relid)
{
	ListCell   *cell;

	foreach(cell, in->tables)
	{
		CsecProtection *table = lfirst(cell);

		if (table->relid == relid)
			return table;
	}
	return NULL;
}

/* The subject columns' names, out of the column "subject". */
static void
read_subject(CsecPolicyScan *scan, HeapTuple row, CsecProtection *out)
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

/* The table's CHECK holds it within an hour; a row that got around that gives 0. */
static int
interval_ms(const Interval *interval)
{
	if (interval->month != 0 || interval->day != 0 ||
		interval->time < 0 || interval->time > USECS_PER_HOUR)
		return 0;
	return (int) (interval->time / 1000);
}

static CsecProtection *
read_table_row(CsecPolicyScan *scan, HeapTuple row)
{
	CsecProtection *out = palloc0(sizeof(CsecProtection));
	char	   *audit = csec_policy_text(scan, row, "audit");
	Datum		value;
	bool		isnull;

	out->relid =
		DatumGetObjectId(csec_policy_value(scan, row, "relid", &isnull));
	out->sound = csec_row_counts(row, RelationGetDescr(scan->rel), "protection");
	value = csec_policy_value(scan, row, "subject_of", &isnull);
	out->subject_of = isnull ? InvalidOid : DatumGetObjectId(value);
	out->enforce =
		DatumGetBool(csec_policy_value(scan, row, "enforce", &isnull));
	out->subject_keys =
		DatumGetBool(csec_policy_value(scan, row, "subject_keys", &isnull));
	value = csec_policy_value(scan, row, "repeats_within", &isnull);
	out->repeats_within = isnull ? 0 : interval_ms(DatumGetIntervalP(value));
	value = csec_policy_value(scan, row, "observe_until", &isnull);
	out->observe_until = isnull ? 0 : DatumGetTimestampTz(value);
	if (audit == NULL)
		out->audit = CSEC_AUDIT_BY_LEVEL;
	else
		out->audit = strcmp(audit, "batch") == 0 ? CSEC_AUDIT_BATCH :
			CSEC_AUDIT_STRICT;
	read_subject(scan, row, out);
	return out;
}

/* A field goes to its table's row; the foreign key says that there is one. */
static void
read_field_row(Rows *into, CsecPolicyScan *scan, HeapTuple row)
{
	CsecProtectedField *field = palloc0(sizeof(CsecProtectedField));
	CsecProtection *table;
	bool		isnull;
	Oid			relid;

	relid = DatumGetObjectId(csec_policy_value(scan, row, "relid", &isnull));
	field->name =
		*DatumGetName(csec_policy_value(scan, row, "attname", &isnull));
	field->category =
		csec_category_id(csec_policy_text(scan, row, "category"));
	table = find(into, relid);
	if (table == NULL)
		return;
	table->fields = lappend(table->fields, field);
	if (!csec_row_counts(row, RelationGetDescr(scan->rel), "protected field"))
		table->sound = false;
}

static void *
read_all(MemoryContext context)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	Rows	   *made = palloc0(sizeof(Rows));

	csec_policy_scan_begin(&scan, CSEC_POLICY_PROTECTED_TABLE);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
		made->tables = lappend(made->tables, read_table_row(&scan, row));
	csec_policy_scan_end(&scan);
	csec_policy_scan_begin(&scan, CSEC_POLICY_PROTECTED_FIELD);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
		read_field_row(made, &scan, row);
	csec_policy_scan_end(&scan);
	return made;
}

void
csec_protection_load(void)
{
	if (!kept.fresh)
		rows = csec_kept_read(&kept);
}

const CsecProtection *
csec_protection_of(Oid relid)
{
	return rows ? find(rows, relid) : NULL;
}

List *
csec_protection_relids(void)
{
	List	   *relids = NIL;
	ListCell   *cell;

	csec_protection_load();
	foreach(cell, rows->tables)
		relids = lappend_oid(relids, ((CsecProtection *) lfirst(cell))->relid);
	return relids;
}
