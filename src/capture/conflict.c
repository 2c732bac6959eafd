/*
 * conflict.c
 *		Notes the existing row that ON CONFLICT DO UPDATE meets.
 *
 * No scan gives it.  It is noted where the command's WHERE, else its SET, is
 * run on it.  A partition whose columns are numbered as its root's are shares
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

static void
wrap(OnConflictSetState *conflict, CsecObserver *observer, int input)
{
	if (conflict->oc_WhereClause != NULL)
		conflict->oc_WhereClause = csec_wrap_expression(conflict->oc_WhereClause, observer);
	else if (conflict->oc_ProjInfo != NULL)
		conflict->oc_ProjInfo = csec_wrap_projection(conflict->oc_ProjInfo, observer, input);
}

static bool
is_wrapped(const OnConflictSetState *conflict)
{
	return csec_is_wrapped(conflict->oc_WhereClause) ||
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

	if (leaf->ri_onConflict == NULL || is_wrapped(leaf->ri_onConflict))
		return;
	table = csec_table_lookup(RelationGetRelid(leaf->ri_RelationDesc));
	if (table == NULL)
		return;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	observer = palloc(sizeof(CsecObserver));
	*observer = *routed->observer;
	memcpy(observer->attno, table->subject_attno, sizeof(observer->attno));
	wrap(leaf->ri_onConflict, observer, root->ri_RangeTableIndex);
	MemoryContextSwitchTo(old);
}

/* The observer goes by the columns of the relation that the command names. */
void
csec_conflict_observe(CsecWrappedQuery *query, ModifyTableState *node, CsecObserver *observer)
{
	ResultRelInfo *rel = node->resultRelInfo;
	Routed	   *routed;

	wrap(rel->ri_onConflict, observer, rel->ri_RangeTableIndex);
	if (node->mt_partition_tuple_routing == NULL)
		return;
	routed = palloc(sizeof(Routed));
	routed->node = node;
	routed->observer = observer;
	csec_wrap_watch(query, outerPlanState(node), route, routed);
}
