/*
 * permit.c
 *		The permits of this login, and of the person behind it.
 *
 * csec.access_permit has only permits that may be used, so it is read whole
 * when it changed, and this login's rows are kept.  When one begins and ends
 * is in the row and compared with the clock each time: no job has to run.
 *
 * A row counts only
 *	- if its keyed code fits (row_mac.c); one that does not is on record once
 *	  in each session that meets it;
 *	- from the transaction after the one that made it.  Otherwise a glass
 *	  could be broken, values read, and the permit, its review and its alert
 *	  rolled back.
 *
 * Nobody has a permit in a parallel worker: what is revealed there could not
 * be counted, as the count is written down (permit_quota.c).  Statements that
 * read under a permit are run without workers.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "policy/catalog.h"
#include "policy/context.h"
#include "policy/kept.h"
#include "policy/permit.h"
#include "policy/reader.h"
#include "policy/row_mac.h"
#include "policy/table.h"

typedef struct Permits
{
	MemoryContext context;
	List	   *all;			/* of CsecPermit: the login's */
	List	   *list;			/* those that serve the person below */
	uint64		chosen_for;		/* csec_context_person_number(), or 0 */
	const CsecPermit *found;	/* in the list, the one asked for last; or NULL */
} Permits;

static void *read_all(MemoryContext context);

static CsecKept kept = {.name = "permits",.read = read_all};
static Permits *permits = NULL; /* what is kept */

static void
policy_changed(uint32 tables, Oid relid)
{
	if (tables & CSEC_POLICY_BIT(CSEC_POLICY_PERMIT))
		kept.fresh = false;
}

void
csec_permit_init(void)
{
	csec_catalog_watch(policy_changed);
}

static int
compare_keys(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A key as csec.subject_key() writes an integer, and no other way. */
static bool
parse_key(const char *text, int64 *key)
{
	char	   *end;
	char		again[32];

	errno = 0;
	*key = strtoll(text, &end, 10);
	snprintf(again, sizeof(again), INT64_FORMAT, *key);
	return errno == 0 && *end == '\0' && strcmp(again, text) == 0;
}

static void
fill_subjects(CsecPermitSubjects *out, Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &n);
	out->texts = palloc(Max(n, 1) * sizeof(char *));
	out->keys = palloc(Max(n, 1) * sizeof(int64));
	out->integers = true;
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			continue;
		out->texts[out->n] = TextDatumGetCString(values[i]);
		out->integers = parse_key(out->texts[out->n], &out->keys[out->n]) && out->integers;
		out->n++;
	}
	qsort(out->texts, out->n, sizeof(char *), compare_texts);
	if (out->integers)
		qsort(out->keys, out->n, sizeof(int64), compare_keys);
}

static void
fill_fields(CsecPermit *out, Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), INT2OID, 2, true, TYPALIGN_SHORT,
					  &values, &nulls, &n);
	out->attnos = palloc(Max(n, 1) * sizeof(AttrNumber));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			out->attnos[out->nfields++] = DatumGetInt16(values[i]);
}

static CsecPermit *
read_permit(CsecPolicyScan *scan, HeapTuple row)
{
	CsecPermit *out = palloc0(sizeof(CsecPermit));
	Datum		value;
	bool		isnull;

	out->id = DatumGetInt64(csec_policy_value(scan, row, "id", &isnull));
	out->person = csec_policy_text(scan, row, "person");
	out->relid = DatumGetObjectId(csec_policy_value(scan, row, "relid", &isnull));
	value = csec_policy_value(scan, row, "attnums", &isnull);
	if (!isnull)
		fill_fields(out, value);
	value = csec_policy_value(scan, row, "subjects", &isnull);
	out->any = isnull;
	if (!isnull)
		fill_subjects(&out->subjects, value);
	value = csec_policy_value(scan, row, "not_subjects", &isnull);
	if (!isnull)
		fill_subjects(&out->never, value);
	out->max_rows = DatumGetInt64(csec_policy_value(scan, row, "max_rows", &isnull));
	out->exports = DatumGetBool(csec_policy_value(scan, row, "export", &isnull));
	out->from = DatumGetTimestampTz(csec_policy_value(scan, row, "valid_from", &isnull));
	out->until = DatumGetTimestampTz(csec_policy_value(scan, row, "valid_until", &isnull));
	return out;
}

static bool
counts(CsecPolicyScan *scan, HeapTuple row)
{
	bool		isnull;

	if (DatumGetObjectId(csec_policy_value(scan, row, "login", &isnull)) != csec_login_id() ||
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data)))
		return false;
	return csec_row_counts(row, RelationGetDescr(scan->rel), "permit");
}

static void *
read_all(MemoryContext context)
{
	Permits    *made = palloc0(sizeof(Permits));
	CsecPolicyScan scan;
	HeapTuple	row;

	made->context = context;
	csec_policy_scan_begin(&scan, CSEC_POLICY_PERMIT);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
		if (counts(&scan, row))
			made->all = lappend(made->all, read_permit(&scan, row));
	csec_policy_scan_end(&scan);
	return made;
}

/* Of all permits those that serve whoever is behind the login now; is there one? */
static bool
choose(void)
{
	uint64		number = csec_context_person_number();
	const char *person;
	MemoryContext old;
	ListCell   *lc;

	if (likely(permits->chosen_for == number))
		return permits->list != NIL;
	permits->chosen_for = 0;
	permits->found = NULL;
	list_free(permits->list);
	permits->list = NIL;
	person = csec_context()->person;
	old = MemoryContextSwitchTo(permits->context);
	foreach(lc, permits->all)
	{
		CsecPermit *permit = lfirst(lc);

		if (permit->person == NULL || strcmp(permit->person, person) == 0)
			permits->list = lappend(permits->list, permit);
	}
	MemoryContextSwitchTo(old);
	permits->chosen_for = number;
	return permits->list != NIL;
}

bool
csec_permit_any(void)
{
	if (likely(kept.fresh))		/* not read yet: this is asked by the first read */
		return permits != NULL && permits->all != NIL && !IsParallelWorker() && choose();
	if (IsParallelWorker() || !csec_catalog_readable() || !OidIsValid(csec_login_id()) ||
		!OidIsValid(csec_policy_relid(CSEC_POLICY_PERMIT)))
		return false;
	permits = csec_kept_read(&kept);
	return kept.fresh && choose();
}

List *
csec_permits_of(Oid relid)
{
	List	   *found = NIL;
	ListCell   *lc;

	if (csec_permit_any())
		foreach(lc, permits->list)
			if (((CsecPermit *) lfirst(lc))->relid == relid)
				found = lappend(found, lfirst(lc));
	return found;
}

const CsecPermit *
csec_permit_find(int64 id)
{
	ListCell   *lc;

	/* asked again for each value that is shown */
	if (likely(kept.fresh && permits != NULL && permits->found != NULL &&
			   permits->found->id == id && !IsParallelWorker() &&
			   permits->chosen_for == csec_context_person_number()))
		return permits->found;
	if (!csec_permit_any())
		return NULL;
	foreach(lc, permits->list)
		if (((CsecPermit *) lfirst(lc))->id == id)
			return permits->found = lfirst(lc);
	return NULL;
}

static bool
is_in_force(const CsecPermit *permit)
{
	TimestampTz now = GetCurrentTimestamp();

	return permit->from <= now && now < permit->until && OidIsValid(csec_reader());
}

const CsecPermit *
csec_permit_in_force(int64 id)
{
	const CsecPermit *permit = csec_permit_find(id);

	return permit != NULL && is_in_force(permit) ? permit : NULL;
}

/* Is this column of a protected table a field of the category? */
static bool
is_field_of(Oid relid, AttrNumber attno, uint32 category)
{
	const CsecTable *table = csec_table_lookup(relid);

	for (int i = 0; table != NULL && i < table->nfields; i++)
		if (table->fields[i].attno == attno)
			return table->fields[i].category == category;
	return false;
}

bool
csec_permit_shows(uint32 category)
{
	ListCell   *lc;

	if (csec_permit_any())
		foreach(lc, permits->list)
		{
			const CsecPermit *permit = lfirst(lc);

			for (int i = 0; i < permit->nfields; i++)
				if (is_field_of(permit->relid, permit->attnos[i], category) &&
					is_in_force(permit))
					return true;
		}
	return false;
}

static bool
has_key(const CsecPermitSubjects *subjects, int64 key)
{
	return subjects->integers &&
		bsearch(&key, subjects->keys, subjects->n, sizeof(int64), compare_keys) != NULL;
}

bool
csec_permit_covers_integer(const CsecPermit *permit, int64 key)
{
	/* whom it must not show cannot be told from others: nobody */
	if (permit->never.n > 0 && (!permit->never.integers || has_key(&permit->never, key)))
		return false;
	return permit->any || has_key(&permit->subjects, key);
}

static bool
has_text(const CsecPermitSubjects *subjects, const char *key)
{
	return bsearch(&key, subjects->texts, subjects->n, sizeof(char *), compare_texts) != NULL;
}

bool
csec_permit_covers_text(const CsecPermit *permit, const char *key, size_t len)
{
	if (strlen(key) != len || (permit->never.n > 0 && has_text(&permit->never, key)))
		return false;
	return permit->any || (permit->subjects.n > 0 && has_text(&permit->subjects, key));
}
