/*
 * conflict.c
 *		Notes the existing row that ON CONFLICT DO UPDATE meets.
 *
 * No scan gives it.  It is noted where a policy of row security or the command's
 * WHERE, else its SET, is run on it: which of the first two comes first differs
 * between minor releases.  A partition whose columns are numbered as its root's are shares
 * these expressions with it.  Any other has its own, which are made when the
 * first row is routed to it, too late for that row: so each row is routed here
 * before the ModifyTable node gets it, which then finds the partition ready.
 */
#include "postgres.h"

#include "executor/execPartition.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "capture/conflict.h"
#include "policy/table.h"

typedef struct Routed
{
	ModifyTableState *node;
	CsecObserver *observer;		/* of the root */
} Routed;

/* The observer of one relation's rows, and the row that it noted last. */
typedef struct Once
{
	CsecObserver *observer;
	ItemPointerData noted;
} Once;

static void
note_once(void *arg, TupleTableSlot *row)
{
	Once	   *once = arg;

	if (ItemPointerEquals(&once->noted, &row->tts_tid))
		return;
	once->noted = row->tts_tid;
	csec_observer_note(once->observer, row);
}

/* Where the first policy's expression for the existing row stands; NULL: there is none. */
static ListCell *
policy_of(ResultRelInfo *rel)
{
	ListCell   *option;
	ListCell   *expression;

	forboth(option, rel->ri_WithCheckOptions, expression, rel->ri_WithCheckOptionExprs)
		if (lfirst_node(WithCheckOption, option)->kind == WCO_RLS_CONFLICT_CHECK &&
			lfirst(expression) != NULL)
			return expression;
	return NULL;
}

static ExprState *
wrap_once(ExprState *original, Once *once)
{
	return csec_wrap_expression_watch(original, note_once, once);
}

static void
wrap(ResultRelInfo *rel, CsecObserver *observer, int input)
{
	OnConflictSetState *conflict = rel->ri_onConflict;
	ListCell   *policy = policy_of(rel);
	Once	   *once;

	if (conflict->oc_WhereClause == NULL && policy == NULL)
	{
		if (conflict->oc_ProjInfo != NULL)
			conflict->oc_ProjInfo = csec_wrap_projection(conflict->oc_ProjInfo, observer, input);
		return;
	}
	once = palloc0(sizeof(Once));
	once->observer = observer;
	observer->in_result = observer->fetched == NULL;
	observer->in_expression = true;
	if (conflict->oc_WhereClause != NULL)
		conflict->oc_WhereClause = wrap_once(conflict->oc_WhereClause, once);
	if (policy != NULL)
		lfirst(policy) = wrap_once(lfirst(policy), once);
}

static bool
is_wrapped(ResultRelInfo *rel)
{
	OnConflictSetState *conflict = rel->ri_onConflict;
	ListCell   *policy = policy_of(rel);

	return csec_is_wrapped(conflict->oc_WhereClause) ||
		(policy != NULL && csec_is_wrapped(lfirst(policy))) ||
		(conflict->oc_ProjInfo != NULL && csec_is_wrapped(&conflict->oc_ProjInfo->pi_state));
}

/* A row is about to be inserted. */
static void
route(void *arg, TupleTableSlot *slot)
{
	Routed	   *routed = arg;
	ResultRelInfo *root = routed->node->rootResultRelInfo;
	EState	   *estate = routed->node->ps.state;
	ResultRelInfo *leaf = ExecFindPartition(routed->node, root,
											routed->node->mt_partition_tuple_routing,
											slot, estate);
	const CsecTable *table;
	CsecObserver *observer;
	MemoryContext old;

	if (leaf->ri_onConflict == NULL || is_wrapped(leaf))
		return;
	table = csec_table_lookup(RelationGetRelid(leaf->ri_RelationDesc));
	if (table == NULL)
		return;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	observer = palloc(sizeof(CsecObserver));
	*observer = *routed->observer;
	memcpy(observer->attno, table->subject_attno, sizeof(observer->attno));
	wrap(leaf, observer, root->ri_RangeTableIndex);
	MemoryContextSwitchTo(old);
}

/* The observer goes by the columns of the relation that the command names. */
void
csec_conflict_observe(CsecWrappedQuery *query, ModifyTableState *node, CsecObserver *observer)
{
	ResultRelInfo *rel = node->resultRelInfo;
	Routed	   *routed;

	wrap(rel, observer, rel->ri_RangeTableIndex);
	if (node->mt_partition_tuple_routing == NULL)
		return;
	routed = palloc(sizeof(Routed));
	routed->node = node;
	routed->observer = observer;
	csec_wrap_watch(query, outerPlanState(node), route, routed);
}
