/*
 * read_point.c
 *		Where in a plan the subjects of a scan are best seen.
 *
 * A scan sees more than is delivered: a hash join that gave 200 rows scanned
 * 200,000 customers, and a record that names them all accuses the reader of
 * what he did not do.  So the subjects are noted at the highest node that
 * still carries the whole key in its result, and if that is the root of the
 * query, what was noted is what was delivered.
 *
 * The climb ends where the key is lost, or where somebody's own code could see
 * rows that are dropped above it: in a condition, in what a node computes, on
 * the inner side of a join that is given values of the row.  What a node
 * computes, it computes from rows that are noted before.  That code is a function that is not
 * PostgreSQL's or csec's own, or that is volatile, and the making of a value
 * of somebody's own type (a domain's checks, a row's domains).
 *
 * A worker's plan ends below the leader's Gather, which it cannot look at.  So
 * both go by the same rules up to there, and what gets through them is noted
 * by the leader alone.
 */
#include "postgres.h"

#include "access/skey.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "capture/read_point.h"
#include "policy/own_function.h"
#include "util/pgcompat.h"

/* One of somebody's own making, or one that can have effects. */
static bool
function_may_leak(Oid function, void *context)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return true;
	return function >= FirstNormalObjectId && !csec_function_is_own(function);
}

/* Does making a value of this type run somebody's own code? */
static bool
type_may_leak(Oid type)
{
	Oid			element = get_element_type(type);
	HeapTuple	tuple;
	Form_pg_type form;
	bool		may;

	if (OidIsValid(element))
		type = element;
	if (type < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_type) GETSTRUCT(tuple);
	may = form->typtype != TYPTYPE_BASE && form->typtype != TYPTYPE_ENUM &&
		form->typnamespace != get_namespace_oid("csec", true);
	ReleaseSysCache(tuple);
	return may;
}

static bool
makes_leaking_type(Node *node)
{
	if (csec_is_json_query(node))
		return type_may_leak(exprType(node));
	switch (nodeTag(node))
	{
		case T_FuncExpr:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_RowExpr:
		case T_ConvertRowtypeExpr:
			return type_may_leak(exprType(node));
		case T_Var:
			return ((Var *) node)->varattno == InvalidAttrNumber &&
				type_may_leak(((Var *) node)->vartype);
		default:
			return false;
	}
}

static bool
may_leak_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_may_leak, context) ||
		makes_leaking_type(node))
		return true;
	if (IsA(node, SubPlan))
		return true;			/* whatever it runs, sees the outer row */
	return expression_tree_walker(node, may_leak_walker, context);
}

/* Could these expressions tell somebody of the rows that they are given? */
bool
csec_may_leak(List *expressions)
{
	return may_leak_walker((Node *) expressions, NULL);
}

static bool
functions_may_leak(FunctionScan *plan)
{
	ListCell   *lc;
	ListCell   *type;

	if (csec_may_leak(plan->functions))
		return true;
	foreach(lc, plan->functions)
		foreach(type, lfirst_node(RangeTblFunction, lc)->funccoltypes)
			if (type_may_leak(lfirst_oid(type)))
				return true;
	return false;
}

/* Could a node, or one below it, tell somebody of the values it is given? */
static bool
subtree_may_leak(PlanState *node, void *context)
{
	Plan	   *plan = node->plan;

	if (csec_may_leak(plan->qual) || csec_may_leak(plan->targetlist))
		return true;
	switch (nodeTag(node))
	{
		case T_FunctionScanState:
			if (functions_may_leak((FunctionScan *) plan))
				return true;
			break;
		case T_ValuesScanState:
			if (csec_may_leak(((ValuesScan *) plan)->values_lists))
				return true;
			break;
		case T_IndexScanState:
			if (csec_may_leak(((IndexScan *) plan)->indexqual))
				return true;
			break;
		case T_IndexOnlyScanState:
			if (csec_may_leak(((IndexOnlyScan *) plan)->indexqual))
				return true;
			break;
		case T_BitmapIndexScanState:
			if (csec_may_leak(((BitmapIndexScan *) plan)->indexqual))
				return true;
			break;
		case T_TidScanState:
			if (csec_may_leak(((TidScan *) plan)->tidquals))
				return true;
			break;
		case T_TidRangeScanState:
			if (csec_may_leak(((TidRangeScan *) plan)->tidrangequals))
				return true;
			break;
		case T_ResultState:
			if (csec_may_leak((List *) ((Result *) plan)->resconstantqual))
				return true;
			break;
		case T_SeqScanState:
		case T_BitmapHeapScanState:
		case T_SubqueryScanState:
		case T_MaterialState:
		case T_MemoizeState:
		case T_SortState:
		case T_IncrementalSortState:
		case T_LimitState:
		case T_AppendState:
		case T_MergeAppendState:
		case T_HashState:
		case T_UniqueState:
			break;
		case T_NestLoopState:
			if (csec_may_leak(((Join *) plan)->joinqual))
				return true;
			break;
		case T_HashJoinState:
			if (csec_may_leak(((Join *) plan)->joinqual) ||
				csec_may_leak(((HashJoin *) plan)->hashclauses))
				return true;
			break;
		case T_AggState:		/* its functions are in its target list and qual */
			break;
		default:
			return true;
	}
	return planstate_tree_walker(node, subtree_may_leak, context);
}

/* Nodes that hand rows on, or drop them, and do not make others of them. */
static bool
hands_on(PlanState *node)
{
	switch (nodeTag(node))
	{
		case T_LimitState:
		case T_SortState:
		case T_IncrementalSortState:
		case T_MaterialState:
		case T_MemoizeState:
		case T_UniqueState:
		case T_LockRowsState:
		case T_GatherState:
		case T_GatherMergeState:
		case T_HashState:
		case T_HashJoinState:
		case T_MergeJoinState:
		case T_NestLoopState:
		case T_SubqueryScanState:
		case T_ResultState:
			return true;
		default:
			return false;
	}
}

static bool
conditions_may_leak(PlanState *node)
{
	Plan	   *plan = node->plan;

	if (csec_may_leak(plan->qual))
		return true;
	switch (nodeTag(node))
	{
		case T_HashJoinState:
			return csec_may_leak(((Join *) plan)->joinqual) ||
				csec_may_leak(((HashJoin *) plan)->hashclauses);
		case T_MergeJoinState:
			return csec_may_leak(((Join *) plan)->joinqual) ||
				csec_may_leak(((MergeJoin *) plan)->mergeclauses);
		case T_NestLoopState:
			return csec_may_leak(((Join *) plan)->joinqual) ||
				(((NestLoop *) plan)->nestParams != NIL &&
				 subtree_may_leak(innerPlanState(node), NULL));
		default:
			return false;
	}
}

/*
 * Do the rows of this side come out of the join?  Those of an anti-join's inner
 * side never do: they are told by what does not.
 */
static bool
side_comes_out(PlanState *join, bool inner)
{
	switch (((Join *) join->plan)->jointype)
	{
		case JOIN_INNER:
		case JOIN_LEFT:
		case JOIN_FULL:
		case JOIN_RIGHT:
		case JOIN_SEMI:
			return true;
		case JOIN_ANTI:
			return !inner;
		default:
			return false;
	}
}

static bool
is_join(PlanState *node)
{
	return IsA(node, HashJoinState) || IsA(node, MergeJoinState) || IsA(node, NestLoopState);
}

/* By which variable number a node refers to this child; 0: it does not. */
static int
child_varno(PlanState *node, PlanState *child)
{
	if (IsA(node, SubqueryScanState))
		return ((SubqueryScanState *) node)->subplan == child ?
			(int) ((Scan *) node->plan)->scanrelid : 0;
	if (is_join(node) && !side_comes_out(node, innerPlanState(node) == child))
		return 0;
	if (outerPlanState(node) == child)
		return OUTER_VAR;
	if (innerPlanState(node) == child)
		return INNER_VAR;
	return 0;
}

/* Where a variable stands in a node's result; InvalidAttrNumber: nowhere. */
static AttrNumber
find_in_result(PlanState *node, int varno, AttrNumber varattno)
{
	ListCell   *lc;

	foreach(lc, node->plan->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (IsA(tle->expr, Var) && ((Var *) tle->expr)->varno == varno &&
			((Var *) tle->expr)->varattno == varattno)
			return tle->resno;
	}
	return InvalidAttrNumber;
}

/* Where the whole key stands in a node's result; false: not all of it does. */
static bool
find_key_in_result(PlanState *node, int varno, int n,
				   const AttrNumber *below, AttrNumber *above)
{
	for (int i = 0; i < n; i++)
	{
		above[i] = find_in_result(node, varno, below[i]);
		if (above[i] == InvalidAttrNumber)
			return false;
	}
	return true;
}

/* What a node hands up is handed on to the reader by all above it. */
static bool
is_delivered(const CsecPlanPath *path, int at)
{
	while (--at >= 0)
		if (!IsA(path->nodes[at], AppendState))
			return false;
	return path->main;
}

/* The node that a climb may go on to; NULL: it ends here. */
static PlanState *
next_above(const CsecPlanPath *path, int at, int *varno)
{
	PlanState  *node;

	if (at == 0)
		return NULL;
	node = path->nodes[at - 1];
	*varno = child_varno(node, path->nodes[at]);
	if (*varno == 0 || !hands_on(node) || conditions_may_leak(node))
		return NULL;
	return node;
}

/* Must rows be noted before the node computes its result from them? */
static bool
loses_or_shows(PlanState *node, bool carried)
{
	return node->ps_ProjInfo != NULL &&
		(!carried || csec_may_leak(node->plan->targetlist));
}

/* Is each column of a unique key compared with one value? */
static bool
compares_whole_key(Relation index, ScanKey keys, int nkeys)
{
	Form_pg_index form = index->rd_index;
	int			found = 0;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisunique ||
		!form->indimmediate || !form->indisvalid)
		return false;
	for (int i = 0; i < nkeys; i++)
	{
		if (keys[i].sk_strategy != BTEqualStrategyNumber ||
			(keys[i].sk_flags & (SK_ROW_HEADER | SK_SEARCHARRAY | SK_SEARCHNULL | SK_SEARCHNOTNULL)) != 0)
			return false;
		/* they come in the order of the index's columns */
		if (keys[i].sk_attno == found + 1)
			found++;
	}
	return found >= form->indnkeyatts;
}

static bool
finds_one_row(PlanState *scan)
{
	if (IsA(scan, IndexScanState))
	{
		IndexScanState *node = (IndexScanState *) scan;

		return compares_whole_key(node->iss_RelationDesc, node->iss_ScanKeys, node->iss_NumScanKeys);
	}
	if (IsA(scan, IndexOnlyScanState))
	{
		IndexOnlyScanState *node = (IndexOnlyScanState *) scan;

		return compares_whole_key(node->ioss_RelationDesc, node->ioss_ScanKeys, node->ioss_NumScanKeys);
	}
	return false;
}

/*
 * Is the query this scan alone, whose row goes to the reader as it is?  Not
 * with FOR UPDATE, which may find the row under another key by then.
 */
static bool
gives_one_row(const CsecPlanPath *path, const CsecReadPoint *point)
{
	int			at = path->depth - 1;

	if (!point->delivered || point->input != 0 || !finds_one_row(path->nodes[at]))
		return false;
	while (--at >= 0)
		if (!IsA(path->nodes[at], LimitState))
			return false;
	return true;
}

/*
 * Find the point for the scan at the end of the path.  Where the climb does
 * not get beyond it, the point is the scan, whose key is in its own tuple.
 */
void
csec_read_point(const CsecPlanPath *path, const CsecTable *table, CsecReadPoint *point)
{
	int			at = path->depth - 1;
	int			point_at = at;
	int			varno = ((Scan *) path->nodes[at]->plan)->scanrelid;
	PlanState  *node = path->nodes[at];
	AttrNumber	key[CSEC_MAX_SUBJECT_COLUMNS];
	AttrNumber	above[CSEC_MAX_SUBJECT_COLUMNS];
	bool		carried = table->nsubject > 0 &&
		find_key_in_result(node, varno, table->nsubject, table->subject_attno, key);

	point->input = 0;
	if (loses_or_shows(node, true))
	{
		point->input = varno;
		carried = false;
	}
	while (carried && (node = next_above(path, at, &varno)) != NULL)
	{
		carried = find_key_in_result(node, varno, table->nsubject, key, above);
		if (loses_or_shows(node, carried))
		{
			point->input = varno;
			carried = false;
		}
		else if (carried)
			memcpy(key, above, sizeof(key));
		else
			break;
		at--;

		/* a Hash gives its rows to the join in bulk, not one by one */
		if (!IsA(node, HashState))
		{
			point_at = at;
			memcpy(point->attno, key, sizeof(key));
		}
	}
	point->node = path->nodes[point_at];
	point->delivered = is_delivered(path, point_at);
	point->one_row = gives_one_row(path, point);
	point->left_to_leader = carried && at == 0;
}
