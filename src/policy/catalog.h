/*
 * catalog.h
 *		csec's policy tables: whether they are there, and when they change.
 *
 * The caches above (category, clearance, table) keep what they read until a
 * relation cache invalidation names the table it came from: csec's trigger
 * policy_changed() sends one with every change of a policy table, and it is
 * acted upon in each session at its next statement.
 */
#ifndef CSEC_POLICY_CATALOG_H
#define CSEC_POLICY_CATALOG_H

#include "postgres.h"

#include "access/genam.h"
#include "utils/rel.h"

/* The policy tables, all in schema csec. */
typedef enum CsecPolicyTable
{
	CSEC_POLICY_LEVEL = 0,
	CSEC_POLICY_CATEGORY,
	CSEC_POLICY_CLEARANCE,
	CSEC_POLICY_DEFAULT_REASON,
	CSEC_POLICY_PROTECTED_TABLE,
	CSEC_POLICY_PROTECTED_FIELD,
	CSEC_POLICY_PERMIT,
	CSEC_POLICY_PERMIT_USE,
	CSEC_POLICY_PERSON,
	CSEC_POLICY_PERSON_LOGIN,
	CSEC_POLICY_POOL_ROLE,
	CSEC_POLICY_ISSUER_KEY,
	CSEC_POLICY_USED_TOKEN
} CsecPolicyTable;

#define CSEC_POLICY_TABLES 13

/* Known to be absent: the one test that databases without csec pay for. */
extern bool csec_known_absent;

extern void csec_catalog_init(void);

/*
 * Does this database have csec (the extension, not only a schema of that
 * name)?  Looks it up where that is not known.  Needs a transaction; without
 * one it answers what was known last.
 */
extern bool csec_database_has_csec(void);

/*
 * Can the policy tables be read right now?  Not outside a transaction, not in
 * an aborted one, and not under a historic snapshot.
 */
extern bool csec_catalog_readable(void);

/* InvalidOid where csec is not in this database. */
extern Oid	csec_policy_relid(CsecPolicyTable which);

/* Is this a table of csec's own, made by its install script? */
extern bool csec_relation_is_own(Oid relid);

/* Is this csec's schema, or the trail's? */
extern bool csec_schema_is_own(Oid nspid);

/* Is this anything that the extension made? */
extern bool csec_object_is_own(Oid class, Oid object);

/* The schema of the trail, or InvalidOid. */
extern Oid	csec_trail_namespace(void);

/*
 * Scans of a policy table, newest committed rows first and last: see
 * catalog.c for which snapshot and why.
 */
typedef struct CsecPolicyScan
{
	Relation	rel;
	SysScanDesc scan;
} CsecPolicyScan;

extern void csec_policy_scan_begin(CsecPolicyScan *scan, CsecPolicyTable which);
/* Only the row with this primary key, which is the table's first column. */
extern void csec_policy_scan_one(CsecPolicyScan *scan, CsecPolicyTable which, Datum key);
extern HeapTuple csec_policy_scan_next(CsecPolicyScan *scan);
extern void csec_policy_scan_end(CsecPolicyScan *scan);

/* One column of a row: by name, as the tables may be altered by an update. */
extern Datum csec_policy_value(CsecPolicyScan *scan, HeapTuple row,
							   const char *column, bool *isnull);
/* The same for columns of type text; NULL for null; palloc'd. */
extern char *csec_policy_text(CsecPolicyScan *scan, HeapTuple row,
							  const char *column);

/*
 * A cache's wish to be told of changes: bit 1 << table for the policy tables.
 * relid is InvalidOid when anything may have changed.  May not fail.
 */
typedef void (*CsecPolicyChanged) (uint32 tables, Oid relid);
extern void csec_catalog_watch(CsecPolicyChanged callback);

#define CSEC_POLICY_BIT(which)	(1u << (which))
#define CSEC_POLICY_ALL			((1u << CSEC_POLICY_TABLES) - 1)

#endif							/* CSEC_POLICY_CATALOG_H */
