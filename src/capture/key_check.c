/*
 * key_check.c
 *		Is a query the look-up of a foreign-key check?
 *
 * Such a look-up is nobody's read: PostgreSQL asks whether a row with these
 * values of a key is there, with row security off, and locks what it finds.
 * What fires meanwhile, the triggers of a cascade, runs with row security off
 * as well, and whoever wrote them can give their queries the same text.  So it
 * goes by the plan: one that compares columns with values, by what an index
 * calls equality, and gives nothing out but a constant, tells no more than a key
 * does.  Anything else is a read of who runs it.
 *
 * A key with a period (18) asks whether the ranges that are found hold one, all
 * together.
 */
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "capture/key_check.h"
#include "util/pgcompat.h"

#define BEGINS "SELECT 1 FROM "

/* A column as it is, or as PostgreSQL casts it to the other side's type. */
static bool
is_column(Node *node)
{
	if (IsA(node, RelabelType))
		return is_column((Node *) ((RelabelType *) node)->arg);
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *cast = (FuncExpr *) node;

		return cast->funcid < FirstNormalObjectId &&
			(cast->funcformat == COERCE_EXPLICIT_CAST || cast->funcformat == COERCE_IMPLICIT_CAST) &&
			list_length(cast->args) == 1 && is_column(linitial(cast->args));
	}
	return IsA(node, Var) && ((Var *) node)->varattno > 0;
}

/* Only a superuser says what an index takes for equal. */
static bool
compares_keys(Oid operator)
{
	RegProcedure function = get_opcode(operator);

	return function == F_RANGE_OVERLAPS || function == F_MULTIRANGE_OVERLAPS_MULTIRANGE ||
		get_mergejoin_opfamilies(operator) != NIL;
}

static bool
is_comparison(Node *node)
{
	OpExpr	   *op = (OpExpr *) node;
	Node	   *left;
	Node	   *right;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2 || !compares_keys(op->opno))
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);
	return (is_column(left) && !contain_var_clause(right)) ||
		(is_column(right) && !contain_var_clause(left));
}

static bool
are_comparisons(List *conditions)
{
	ListCell   *lc;

	foreach(lc, conditions)
		if (!is_comparison(lfirst(lc)))
			return false;
	return true;
}

/* Does a list give out constants, and where rows are locked; of a period's key also ranges? */
static bool
gives_nothing(List *targetlist, bool period)
{
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		Node	   *node = (Node *) lfirst_node(TargetEntry, lc)->expr;

		if (IsA(node, Const) || (IsA(node, Var) && ((Var *) node)->varattno < 0))
			continue;
		if (!period || !IsA(node, Var) ||
			!(type_is_range(exprType(node)) || type_is_multirange(exprType(node))))
			return false;
	}
	return true;
}

static bool
is_scan(Plan *plan, bool period)
{
	List	   *conditions = NIL;

	switch (nodeTag(plan))
	{
		case T_SeqScan:
			break;
		case T_IndexScan:
			conditions = ((IndexScan *) plan)->indexqualorig;
			break;
		case T_BitmapHeapScan:
			conditions = ((BitmapHeapScan *) plan)->bitmapqualorig;
			break;
		default:
			return false;
	}
	return are_comparisons(conditions) && are_comparisons(plan->qual) &&
		gives_nothing(plan->targetlist, period);
}

/* What locks the rows, and the scans below it: of partitions there are several. */
static bool
finds_keys(Plan *plan, bool period)
{
	ListCell   *lc;

	if (plan == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_SubqueryScan:
			return period && plan->qual == NIL && finds_keys(((SubqueryScan *) plan)->subplan, period);
		case T_LockRows:
			return plan->qual == NIL && finds_keys(outerPlan(plan), period);
		case T_Append:
			foreach(lc, ((Append *) plan)->appendplans)
				if (!finds_keys(lfirst(lc), period))
					return false;
			return true;
		case T_Result:
			/* all partitions are excluded */
			return outerPlan(plan) == NULL && plan->qual == NIL;
		default:
			return is_scan(plan, period);
	}
}

/* Do the ranges that were found hold a value? */
static bool
is_range_condition(List *conditions)
{
	OpExpr	   *op;
	Aggref	   *all;
	RegProcedure function;

	if (list_length(conditions) != 1 || !IsA(linitial(conditions), OpExpr))
		return false;
	op = linitial(conditions);
	function = get_opcode(op->opno);
	if ((function != F_RANGE_CONTAINED_BY_MULTIRANGE && function != F_MULTIRANGE_CONTAINED_BY_MULTIRANGE) ||
		contain_var_clause(linitial(op->args)) || contain_agg_clause(linitial(op->args)) ||
		!IsA(lsecond(op->args), Aggref))
		return false;
	all = lsecond(op->args);
	return (all->aggfnoid == F_RANGE_AGG_ANYRANGE || all->aggfnoid == F_RANGE_AGG_ANYMULTIRANGE) &&
		all->aggfilter == NULL;
}

bool
csec_is_key_check(const QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	Plan	   *plan = stmt->planTree;

	if (!InNoForceRLSOperation() || queryDesc->operation != CMD_SELECT ||
		stmt->rowMarks == NIL || stmt->subplans != NIL ||
		strncmp(queryDesc->sourceText, BEGINS, strlen(BEGINS)) != 0)
		return false;
	if (csec_keys_have_periods && IsA(plan, Agg))
		return is_range_condition(plan->qual) && gives_nothing(plan->targetlist, false) &&
			finds_keys(outerPlan(plan), true);
	return finds_keys(plan, false);
}
