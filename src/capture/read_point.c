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
 * The climb ends below a node whose conditions could tell somebody of the
 * rows they reject: with functions that are not PostgreSQL's or csec's own, or
 * that are volatile.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "capture/read_point.h"

/* One of somebody's own making, or one that can have effects. */
static bool
function_may_leak(Oid function, void *context)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return true;
	return function >= FirstNormalObjectId &&
		get_func_namespace(function) != get_namespace_oid("csec", true);
}

static bool
may_leak_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_may_leak, context))
		return true;
	if (IsA(node, SubPlan))
		return true;			/* whatever it runs, sees the outer row */
	return expression_tree_walker(node, may_leak_walker, context);
}

/* Could these conditions tell somebody of the rows that they reject? */
bool
csec_qual_may_leak(List *qual)
{
	return may_leak_walker((Node *) qual, NULL);
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

	if (csec_qual_may_leak(plan->qual))
		return true;
	switch (nodeTag(node))
	{
		case T_HashJoinState:
			return csec_qual_may_leak(((Join *) plan)->joinqual) ||
				csec_qual_may_leak(((HashJoin *) plan)->hashclauses);
		case T_MergeJoinState:
			return csec_qual_may_leak(((Join *) plan)->joinqual) ||
				csec_qual_may_leak(((MergeJoin *) plan)->mergeclauses);
		case T_NestLoopState:
			return csec_qual_may_leak(((Join *) plan)->joinqual);
		default:
			return false;
	}
}

/* By which variable number a node refers to this child; 0: it does not. */
static int
child_varno(PlanState *node, PlanState *child)
{
	if (IsA(node, SubqueryScanState))
		return ((SubqueryScanState *) node)->subplan == child ?
			(int) ((Scan *) node->plan)->scanrelid : 0;
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

/*
 * Find the point for the scan at the end of the path.  Where the climb does
 * not get beyond it, the point is the scan, whose key is in its own tuple.
 */
void
csec_read_point(const CsecPlanPath *path, const CsecTable *table, CsecReadPoint *point)
{
	int			at = path->depth - 1;
	PlanState  *scan = path->nodes[at];
	AttrNumber	key[CSEC_MAX_SUBJECT_COLUMNS];
	AttrNumber	above[CSEC_MAX_SUBJECT_COLUMNS];

	point->node = scan;
	if (table->nsubject > 0 &&
		find_key_in_result(scan, ((Scan *) scan->plan)->scanrelid, table->nsubject,
						   table->subject_attno, key))
	{
		for (; at > 0; at--)
		{
			PlanState  *node = path->nodes[at - 1];
			int			varno = child_varno(node, path->nodes[at]);

			if (varno == 0 || !hands_on(node) || conditions_may_leak(node) ||
				!find_key_in_result(node, varno, table->nsubject, key, above))
				break;
			memcpy(key, above, sizeof(key));

			/* a Hash gives its rows to the join in bulk, not one by one */
			if (!IsA(node, HashState))
			{
				point->node = node;
				memcpy(point->attno, key, sizeof(key));
			}
		}
	}
	point->is_root = path->main && point->node == path->nodes[0];
}
