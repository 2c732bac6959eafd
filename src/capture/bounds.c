/*
 * bounds.c
 *		Bounds of partitions that are computed hold no values of fields.
 *
 * PostgreSQL computes the bound of a partition once, and keeps the value in
 * pg_class by its bytes, for everybody to see.  By a function of his own a
 * reader would put there what is hidden from him.  What he types in may stand
 * there, so literals may; a cast of one may be a function of his.
 *
 * It is looked at when the partition is made.  Which one that is PostgreSQL
 * tells, not the statement: functions that it runs can change what a name means,
 * before the partition is locked and after.
 */
#include "capture/bounds.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "capture/control.h"
#include "capture/row_types.h"
#include "types/masked_value.h"

CsecBounds csec_bounds_now;

static bool
is_literal(Node *datum)
{
	TypeCast   *cast = (TypeCast *) datum;
	Oid			type;

	if (!IsA(datum, TypeCast))
		return IsA(datum, A_Const);
	if (!IsA(cast->arg, A_Const) || !IsA(&castNode(A_Const, cast->arg)->val, String))
		return false;
	/* a type's input makes a value of a string; a field's has the type of the bound */
	type = LookupTypeNameOid(NULL, cast->typeName, true);
	return OidIsValid(type) && csec_is_field_type(getBaseType(type));
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

static bool
computes_bounds(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, CreateStmt))
		return is_computed(castNode(CreateStmt, stmt)->partbound);
	if (!IsA(stmt, AlterTableStmt))
		return false;
	foreach(lc, castNode(AlterTableStmt, stmt)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AttachPartition &&
			is_computed(castNode(PartitionCmd, cmd->def)->bound))
			return true;
	}
	return false;
}

void
csec_bounds_begin(Node *stmt)
{
	csec_bounds_now.computed = computes_bounds(stmt);
}

/* The bound is stored only after its table has become a child. */
void
csec_bounds_child(Oid relid)
{
	MemoryContext old;

	if (!csec_bounds_now.computed)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	csec_bounds_now.children = lappend_oid(csec_bounds_now.children, relid);
	MemoryContextSwitchTo(old);
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
csec_bounds_check(void)
{
	ListCell   *lc;

	if (csec_bounds_now.children == NIL)
		return;
	CommandCounterIncrement();
	foreach(lc, csec_bounds_now.children)
	{
		PartitionBoundSpec *bound = bound_of(lfirst_oid(lc));

		if (bound != NULL &&
			(hold_field(bound->listdatums) || hold_field(bound->lowerdatums) ||
			 hold_field(bound->upperdatums)))
			refuse(get_rel_name(lfirst_oid(lc)));
	}
}
