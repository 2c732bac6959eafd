/*
 * trail.c
 *		The tables of the trail: their columns, and their partitions.
 *
 * A partition is found by its name and then by its parent: a table that only
 * has the right name is not one.
 */
#include "audit/trail.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

Oid
csec_trail_relid(const char *name)
{
	Oid			schema = get_namespace_oid("csec_trail", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* The table of a month's name, or InvalidOid; is it the partition of that month? */
static Oid
find_month(const char *parent, TimestampTz at, char *name, bool *is_partition)
{
	struct pg_tm tm;
	fsec_t		fsec;
	Oid			relid;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	snprintf(name, NAMEDATALEN, "%s_%04d_%02d", parent, tm.tm_year, tm.tm_mon);
	relid = csec_trail_relid(name);
	*is_partition = OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_RELATION &&
		get_rel_relispartition(relid) &&
		get_partition_parent(relid, true) == csec_trail_relid(parent);
	return relid;
}

Relation
csec_trail_partition(const char *parent, TimestampTz at, LOCKMODE lockmode)
{
	char		name[NAMEDATALEN];
	bool		is_partition;
	Oid			relid = find_month(parent, at, name, &is_partition);

	if (!OidIsValid(relid))
		return NULL;
	if (!is_partition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("csec_trail.%s is not a partition of csec_trail.%s", name, parent),
				 errhint("Rename it, so that the sealer can make the partition.")));
	return table_open(relid, lockmode);
}

Relation
csec_trail_month(const char *parent, TimestampTz at, LOCKMODE lockmode)
{
	char		name[NAMEDATALEN];
	bool		is_partition;
	Oid			relid = find_month(parent, at, name, &is_partition);

	return is_partition ? table_open(relid, lockmode) : NULL;
}

#define MAX_COLUMNS 11			/* of any of them */

/* Types of columns, in their order, of the tables that are read without the executor. */
static const struct
{
	const char *name;
	int			columns;
	Oid			type[MAX_COLUMNS];
}			tables[] = {
	{"audit_log", CSEC_LOG_COLUMNS, {INT8OID, TIMESTAMPTZOID, INT8OID, OIDOID, INT2OID,
	TEXTOID, INT8MULTIRANGEOID, BYTEAOID, BYTEAOID}},
	{"audit_subject", CSEC_SUBJECT_COLUMNS, {INT8OID, INT8OID, TIMESTAMPTZOID, OIDOID}},
	{"checkpoint", 5, {INT8OID, TIMESTAMPTZOID, INT8OID, BYTEAOID, BYTEAOID}},
	{"tree_tile", 4, {INT2OID, INT8OID, BYTEAOID, BYTEAOID}},
	{"sealer_state", 11, {INT8OID, OIDOID, INT8OID, PG_LSNOID, INT8OID, TIMESTAMPTZOID, BYTEAOID,
	BYTEAOID, TIMESTAMPTZOID, PG_LSNOID, PG_LSNOID}},
	{"sealer_session", 4, {TIMESTAMPTZOID, INT8OID, INT8OID, PG_LSNOID}},
	{"sealer_open", 2, {INT8OID, BOOLOID}},
	{"sealer_reading", 7, {TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, BYTEAOID}}
};

/* Is it stored row by row, with just these columns?  One that was dropped keeps its place. */
static bool
has_columns(Relation rel, int columns, const Oid *type)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || desc->natts != columns)
		return false;
	for (int i = 0; i < columns; i++)
		if (TupleDescAttr(desc, i)->attisdropped || TupleDescAttr(desc, i)->atttypid != type[i])
			return false;
	return true;
}

void
csec_trail_check_columns(Relation rel, const char *table)
{
	int			i = 0;

	while (i < lengthof(tables) && strcmp(tables[i].name, table) != 0)
		i++;
	if (i == lengthof(tables) || !has_columns(rel, tables[i].columns, tables[i].type))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("csec_trail.%s is not as csec made it", RelationGetRelationName(rel)),
				 errhint("Somebody has altered it. The program csec_verify tells what else is wrong with the trail.")));
}

List *
csec_trail_partitions(const char *parent, LOCKMODE lockmode)
{
	Oid			relid = csec_trail_relid(parent);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("this database has no trail: csec_trail.%s does not exist", parent),
				 errhint("The trail begins with the first call of csec.protect().")));
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("csec_trail.%s is not the partitioned table that csec made", parent)));
	return find_inheritance_children(relid, lockmode);
}
