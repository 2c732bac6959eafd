/*
 * bounds.c
 *		Bounds of partitions that are computed hold no values of fields.
 *
 * PostgreSQL computes the bound of a partition once, and keeps the value in
 * pg_class by its bytes, for everybody to see.  By a function of his own a
 * reader would put there what is hidden from him.  What he types in may stand
 * there, so literals may.
 *
 * It is looked at when the partition is made, and locked: which table a name
 * means before that may change.
 */
#include "capture/bounds.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "capture/control.h"
#include "capture/row_types.h"

static bool
is_literal(Node *datum)
{
	while (IsA(datum, TypeCast))
		datum = castNode(TypeCast, datum)->arg;
	return IsA(datum, A_Const);
}

/* MINVALUE and MAXVALUE look like columns, and so may anything that is none. */
static bool
are_literals(List *datums)
{
	ListCell   *lc;

	foreach(lc, datums)
		if (!is_literal(lfirst(lc)) && !IsA(lfirst(lc), ColumnRef))
			return false;
	return true;
}

static bool
is_computed(PartitionBoundSpec *bound)
{
	return bound != NULL &&
		!(are_literals(bound->listdatums) && are_literals(bound->lowerdatums) &&
		  are_literals(bound->upperdatums));
}

List *
csec_bounds_computed(Node *stmt)
{
	List	   *partitions = NIL;
	ListCell   *lc;

	if (IsA(stmt, CreateStmt) && is_computed(castNode(CreateStmt, stmt)->partbound))
		return list_make1(castNode(CreateStmt, stmt)->relation);
	if (!IsA(stmt, AlterTableStmt))
		return NIL;
	foreach(lc, castNode(AlterTableStmt, stmt)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AttachPartition &&
			is_computed(castNode(PartitionCmd, cmd->def)->bound))
			partitions = lappend(partitions, castNode(PartitionCmd, cmd->def)->name);
	}
	return partitions;
}

static bool
hold_field(List *datums)
{
	ListCell   *lc;

	foreach(lc, datums)
	{
		Node	   *datum = lfirst(lc);

		if (IsA(datum, PartitionRangeDatum))
			datum = castNode(PartitionRangeDatum, datum)->value;
		/* MINVALUE and MAXVALUE have none */
		if (datum != NULL && csec_type_holds_field(exprType(datum)))
			return true;
	}
	return false;
}

/* Of a table that is no partition there is none. */
static PartitionBoundSpec *
bound_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	PartitionBoundSpec *bound = NULL;
	Datum		tree;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	tree = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
	if (!isnull)
		bound = castNode(PartitionBoundSpec, stringToNode(TextDatumGetCString(tree)));
	ReleaseSysCache(tuple);
	return bound;
}

static void
refuse(const char *partition)
{
	static const char *what = "a computed bound of a partition";

	csec_denial_emit(what, partition, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a bound of partition \"%s\" is computed, and of a field's type", partition),
			 errdetail("Bounds stand in pg_class as they are, for everybody to see."),
			 errhint("Write the value as a literal.")));
}

void
csec_bounds_check(List *partitions)
{
	ListCell   *lc;

	CommandCounterIncrement();
	foreach(lc, partitions)
	{
		RangeVar   *name = lfirst_node(RangeVar, lc);
		PartitionBoundSpec *bound = bound_of(RangeVarGetRelid(name, NoLock, false));

		if (bound != NULL &&
			(hold_field(bound->listdatums) || hold_field(bound->lowerdatums) ||
			 hold_field(bound->upperdatums)))
			refuse(name->relname);
	}
}
