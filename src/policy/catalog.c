/*
 * catalog.c
 *		csec's policy tables: whether they are there, and when they change.
 *
 * Which snapshot.  Policy is read with a fresh snapshot, whatever the
 * transaction's own: a session in REPEATABLE READ must not go on revealing
 * under a clearance that was revoked since it began.  systable_beginscan()
 * with a NULL snapshot takes the catalog snapshot; for a table that is not a
 * system catalog GetNonHistoricCatalogSnapshot() makes it anew at each call,
 * just because no invalidation tells it when to.  GetLatestSnapshot() would
 * see the same but is refused in parallel workers.  Invalidations are sent
 * after a transaction has become visible, so what is read after one arrived
 * includes what it was sent for.
 *
 * Tables count only if they belong to the extension: anyone may make a schema
 * named csec where there is none.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "policy/catalog.h"
#include "util/pgcompat.h"

#define SCHEMA			"csec"
#define TRAIL_SCHEMA	"csec_trail"
#define MAX_WATCHERS	8

static const char *const table_names[CSEC_POLICY_TABLES] = {
	"level", "category", "clearance", "default_reason",
	"protected_table", "protected_field", "access_permit", "permit_use",
	"person", "person_login", "pool_role", "issuer_key", "used_token"
};

bool		csec_known_absent = false;

/* Does "present" still hold?  What follows is good only while it does. */
static bool known = false;
static bool present = false;
static bool complete = false;	/* all policy tables were found */
static Oid	relids[CSEC_POLICY_TABLES];
static Oid	extension = InvalidOid;
static Oid	schema = InvalidOid;
static Oid	trail = InvalidOid;

static CsecPolicyChanged watchers[MAX_WATCHERS];
static int	nwatchers = 0;

void
csec_catalog_watch(CsecPolicyChanged callback)
{
	if (nwatchers >= MAX_WATCHERS)
		elog(ERROR, "too many watchers of csec's policy");
	watchers[nwatchers++] = callback;
}

static void
tell_watchers(uint32 tables, Oid relid)
{
	for (int i = 0; i < nwatchers; i++)
		watchers[i] (tables, relid);
}

static void
forget(void)
{
	known = false;
	csec_known_absent = false;
}

/*
 * Called for every relation that changes, so it looks at a handful of OIDs
 * only.  Where csec, or a table of it, was not found any relation may be it.
 */
static void
relation_changed(Datum arg, Oid relid)
{
	uint32		tables = 0;

	if (!known || !complete || !OidIsValid(relid))
	{
		forget();
		tell_watchers(CSEC_POLICY_ALL, InvalidOid);
		return;
	}
	for (int i = 0; i < CSEC_POLICY_TABLES; i++)
		if (relids[i] == relid)
			tables |= CSEC_POLICY_BIT(i);
	/* A policy table may be on its way out: look for it again. */
	if (tables != 0)
		forget();
	tell_watchers(tables, relid);
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	forget();
	tell_watchers(0, InvalidOid);
}

void
csec_catalog_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
}

bool
csec_catalog_readable(void)
{
	return IsTransactionState() && OidIsValid(MyDatabaseId) &&
		!HistoricSnapshotActive();
}

/*
 * The extension and its schema; not by the schema's name, so that renaming it
 * does not switch csec off.
 */
static Oid
find_extension(Oid *in_schema)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	Oid			found = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("csec"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		found = ((Form_pg_extension) GETSTRUCT(row))->oid;
		*in_schema = ((Form_pg_extension) GETSTRUCT(row))->extnamespace;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Look csec up.  A change that arrives meanwhile leaves it unknown again. */
static void
find_out(void)
{
	Oid			extension_found;
	Oid			schema_found = InvalidOid;
	Oid			found[CSEC_POLICY_TABLES] = {InvalidOid};

	known = true;				/* the callbacks take it back */
	present = false;
	complete = false;
	extension_found = find_extension(&schema_found);
	if (OidIsValid(extension_found))
		for (int i = 0; i < CSEC_POLICY_TABLES; i++)
		{
			Oid			relid = get_relname_relid(table_names[i], schema_found);

			if (OidIsValid(relid) &&
				getExtensionOfObject(RelationRelationId, relid) == extension_found)
				found[i] = relid;
		}
	extension = extension_found;
	schema = schema_found;
	trail = get_namespace_oid(TRAIL_SCHEMA, true);
	memcpy(relids, found, sizeof(relids));
	complete = true;
	for (int i = 0; i < CSEC_POLICY_TABLES; i++)
		complete = complete && OidIsValid(found[i]);
	present = OidIsValid(extension_found);
	csec_known_absent = known && !present;
}

bool
csec_database_has_csec(void)
{
	if (!known && csec_catalog_readable())
	{
		/* An error on the way must not leave a half-made answer. */
		PG_TRY();
		{
			find_out();
		}
		PG_CATCH();
		{
			forget();
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	return present;
}

Oid
csec_policy_relid(CsecPolicyTable which)
{
	return csec_database_has_csec() ? relids[which] : InvalidOid;
}

Oid
csec_trail_namespace(void)
{
	return csec_database_has_csec() ? trail : InvalidOid;
}

bool
csec_relation_is_own(Oid relid)
{
	return csec_database_has_csec() && get_rel_namespace(relid) == schema &&
		getExtensionOfObject(RelationRelationId, relid) == extension;
}

bool
csec_schema_is_own(Oid nspid)
{
	return csec_database_has_csec() && OidIsValid(nspid) &&
		(nspid == schema || nspid == trail);
}

bool
csec_object_is_own(Oid class, Oid object)
{
	return csec_database_has_csec() && getExtensionOfObject(class, object) == extension;
}

/* An error where the table is not there or cannot be read now. */
static Relation
open_table(CsecPolicyTable which)
{
	Oid			relid = csec_policy_relid(which);

	if (!OidIsValid(relid) || !csec_catalog_readable())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("policy table \"%s.%s\" cannot be read",
						SCHEMA, table_names[which]),
				 errhint("Without it nothing that is protected can be read. If the table is missing, restore the extension csec.")));
	return table_open(relid, AccessShareLock);
}

void
csec_policy_scan_begin(CsecPolicyScan *scan, CsecPolicyTable which)
{
	scan->rel = open_table(which);
	scan->scan = systable_beginscan(scan->rel, InvalidOid, false,
									NULL, 0, NULL);
}

static RegProcedure
equality_of(Oid type)
{
	switch (type)
	{
		case TEXTOID:
			return F_TEXTEQ;
		case BYTEAOID:
			return F_BYTEAEQ;
		default:
			return F_OIDEQ;
	}
}

/* By its index; while a dump is restored there may be none yet. */
void
csec_policy_scan_one(CsecPolicyScan *scan, CsecPolicyTable which, Datum key)
{
	Form_pg_attribute att;
	ScanKeyData scankey;
	Oid			index;

	scan->rel = open_table(which);
	index = csec_primary_key_index(scan->rel);
	att = TupleDescAttr(RelationGetDescr(scan->rel), 0);
	ScanKeyInit(&scankey, att->attnum, BTEqualStrategyNumber,
				equality_of(att->atttypid), key);
	scankey.sk_collation = att->attcollation;
	scan->scan = systable_beginscan(scan->rel, index, OidIsValid(index), NULL, 1, &scankey);
}

HeapTuple
csec_policy_scan_next(CsecPolicyScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	return systable_getnext(scan->scan);
}

void
csec_policy_scan_end(CsecPolicyScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->rel, AccessShareLock);
}

Datum
csec_policy_value(CsecPolicyScan *scan, HeapTuple row, const char *column,
				  bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(scan->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), column) == 0)
			return heap_getattr(row, att->attnum, desc, isnull);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("policy table \"%s.%s\" has no column \"%s\"",
					SCHEMA, RelationGetRelationName(scan->rel), column),
			 errhint("Run ALTER EXTENSION csec UPDATE.")));
	return (Datum) 0;			/* keep compiler quiet */
}

char *
csec_policy_text(CsecPolicyScan *scan, HeapTuple row, const char *column)
{
	bool		isnull;
	Datum		value = csec_policy_value(scan, row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_policy_changed);

/*
 * csec.policy_changed()
 *		Statement trigger of the policy tables: every session, this one at its
 *		next command and the others after commit, reads the table anew.
 */
Datum
csec_policy_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("csec.policy_changed() must be called as a trigger")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
	return PointerGetDatum(NULL);
}
