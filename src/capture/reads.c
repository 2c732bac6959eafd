/*
 * reads.c
 *		Notes the subjects of the rows that scans over protected tables give.
 *
 * PostgreSQL has no triggers for reads.  In their place nodes of the plan are
 * wrapped after ExecutorStart has built them: each scan over a protected
 * table, or a node above it that still carries its key (read_point.c).  The
 * rows pass through here whatever else the query does, an aggregate, a join, a
 * view, a definer's function, a cursor, RETURNING.  The query itself is not
 * rewritten.
 *
 * A scan's filter with somebody's own function in it has seen the rows that
 * it rejects, so such a filter is wrapped too and its rows noted before it
 * runs.  A node that cannot be looked into, a foreign or custom scan, is
 * recorded as having read the whole table.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/xlog.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audit/emit.h"
#include "audit/identity.h"
#include "capture/columns.h"
#include "capture/conflict.h"
#include "capture/key_check.h"
#include "capture/permitted.h"
#include "capture/read_point.h"
#include "capture/reads.h"
#include "capture/selected.h"
#include "capture/suspension.h"
#include "capture/wrap.h"
#include "policy/own_function.h"
#include "policy/table.h"
#include "util/guc.h"
#include "util/pgcompat.h"

const char *csec_reads_command = NULL;

typedef struct WalkContext
{
	QueryDesc  *queryDesc;
	CsecWrappedQuery *query;
	bool		outermost;		/* no statement stands around it */
	bool		worker;			/* the root's rows go to a leader, who notes them */
	bool		exporting;		/* the rows do not go to the client as they are */
	Bitmapset  *scanned;		/* range table indexes, once asked for */
	CsecPlanPath path;
} WalkContext;

/* The command as the record shall name it. */
static const char *
command_name(CmdType operation)
{
	if (csec_reads_command != NULL)
		return csec_reads_command;
	switch (operation)
	{
		case CMD_SELECT:
			return "SELECT";
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "UTILITY";
	}
}

/* The range table index of a scan over a relation, or 0. */
static Index
scanned_relation(PlanState *node)
{
	switch (nodeTag(node))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
		case T_ForeignScanState:
		case T_CustomScanState:
			return ((Scan *) node->plan)->scanrelid;
		default:
			return 0;
	}
}

/* What an index-only scan computes or asks names columns of its index. */
static Bitmapset *
columns_by_index(IndexOnlyScan *plan, List *expressions)
{
	Bitmapset  *in_index = NULL;
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) expressions, INDEX_VAR, &in_index);
	foreach(lc, plan->indextlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (IsA(tle->expr, Var) &&
			bms_is_member(tle->resno - FirstLowInvalidHeapAttributeNumber, in_index))
			columns = bms_add_member(columns, ((Var *) tle->expr)->varattno -
									 FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

/* The columns that a scan's conditions look at, numbered as in a range table entry. */
static Bitmapset *
condition_columns(PlanState *scan)
{
	Index		rti = ((Scan *) scan->plan)->scanrelid;
	Bitmapset  *columns = NULL;

	pull_varattnos((Node *) scan->plan->qual, rti, &columns);
	if (IsA(scan, IndexScanState))
		pull_varattnos((Node *) ((IndexScan *) scan->plan)->indexqualorig, rti, &columns);
	else if (IsA(scan, BitmapHeapScanState))
		pull_varattnos((Node *) ((BitmapHeapScan *) scan->plan)->bitmapqualorig, rti, &columns);
	else if (IsA(scan, IndexOnlyScanState))
	{
		IndexOnlyScan *plan = (IndexOnlyScan *) scan->plan;

		columns = bms_join(columns_by_index(plan, plan->indexqual), columns_by_index(plan, scan->plan->qual));
	}
	return columns;
}

/*
 * Policies of row security look at columns that the query does not name: those
 * of what is changed, here; others are among a scan's conditions.
 */
static Bitmapset *
policy_columns(WalkContext *context, Index rti, Bitmapset *columns)
{
	ResultRelInfo **targets = context->queryDesc->estate->es_result_relations;
	ListCell   *lc;

	if (targets == NULL || targets[rti - 1] == NULL)
		return columns;
	foreach(lc, targets[rti - 1]->ri_WithCheckOptions)
		pull_varattnos(lfirst_node(WithCheckOption, lc)->qual, rti, &columns);
	return columns;
}

static bool
note_scanned(PlanState *node, Bitmapset **scanned)
{
	if (scanned_relation(node) != 0)
		*scanned = bms_add_member(*scanned, scanned_relation(node));
	return planstate_tree_walker(node, note_scanned, scanned);
}

static const Bitmapset *
all_scanned(WalkContext *context)
{
	ListCell   *lc;

	if (context->scanned != NULL)
		return context->scanned;
	note_scanned(context->queryDesc->planstate, &context->scanned);
	foreach(lc, context->queryDesc->estate->es_subplanstates)
		if (lfirst(lc) != NULL)
			note_scanned(lfirst(lc), &context->scanned);
	return context->scanned;
}

/*
 * A table that is joined to itself by a unique key may be scanned once for both
 * (18), and its columns selected under the name that is gone.  In a worker, which
 * has a part of the plan, those of a scan elsewhere may be among them.
 */
static Bitmapset *
columns_of_removed(WalkContext *context, PlanState *scan, Index rti)
{
	Bitmapset  *removed;
	Bitmapset  *computed = NULL;

	if (!csec_joins_to_itself_go || scanned_relation(scan) == 0)
		return NULL;
	removed = csec_selected_elsewhere(context->queryDesc->plannedstmt, rti, all_scanned(context));
	if (removed == NULL || IsA(scan, ForeignScanState) || IsA(scan, CustomScanState))
		return removed;
	if (IsA(scan, IndexOnlyScanState))
		computed = columns_by_index((IndexOnlyScan *) scan->plan, scan->plan->targetlist);
	pull_varattnos((Node *) scan->plan->targetlist, rti, &computed);
	return bms_int_members(removed, bms_join(computed, condition_columns(scan)));
}

static CsecObserver *
make_observer(WalkContext *context, PlanState *scan, const CsecTable *table, Index rti)
{
	CsecObserver *observer = palloc0(sizeof(CsecObserver));
	Bitmapset  *seen;

	observer->table = table;
	observer->scan = scan;
	observer->in_sequence = IsA(scan, SeqScanState);
	observer->statement = command_name(context->queryDesc->operation);
	if (scanned_relation(scan) != 0)
		observer->conditions = condition_columns(scan);
	seen = policy_columns(context, rti, bms_copy(observer->conditions));
	seen = bms_join(seen, columns_of_removed(context, scan, rti));
	observer->selected = csec_selected_columns(context->queryDesc->plannedstmt, rti);
	if (!bms_is_subset(seen, observer->selected))
		observer->selected = bms_union(observer->selected, seen);
	observer->exactness = CSEC_EXACT_SCANNED;
	observer->strict = csec_columns_strict(table, observer->selected);
	memcpy(observer->attno, table->subject_attno, sizeof(observer->attno));
	return observer;
}

/* Do all rows of the scan at the path's end go to what changes them? */
static bool
is_changed_by_parent(const CsecPlanPath *path)
{
	int			at = path->depth - 2;

	while (at >= 0 && (IsA(path->nodes[at], AppendState) ||
					   (IsA(path->nodes[at], ResultState) &&
						((Result *) path->nodes[at]->plan)->resconstantqual == NULL)))
		at--;
	return at >= 0 && IsA(path->nodes[at], ModifyTableState);
}

/* Do the conditions of a scan look at nothing but the subject's key? */
static bool
finds_by_key(PlanState *scan, const CsecTable *table)
{
	Bitmapset  *columns = condition_columns(scan);

	for (int i = 0; i < table->nsubject; i++)
		columns = bms_del_member(columns, table->subject_attno[i] - FirstLowInvalidHeapAttributeNumber);
	return bms_next_member(columns, -FirstLowInvalidHeapAttributeNumber - 1) < 0 &&
		!csec_may_leak(scan->plan->qual);
}

/*
 * Leave it to the changes to tell what this observer notes.  Where they do
 * not, whole rows were at hand: for a trigger, or an error's detail.
 */
static void
leave_to_changes(CsecObserver *observer, bool counted)
{
	observer->told = true;
	observer->counted = counted;
	observer->selected = bms_make_singleton(0 - FirstLowInvalidHeapAttributeNumber);
	observer->strict = csec_columns_strict(observer->table, observer->selected);
}

/* Does somebody else's code see each row of the target before it is changed? */
static bool
has_foreign_trigger(WalkContext *context, Index rti)
{
	ResultRelInfo *target = context->queryDesc->estate->es_result_relations[rti - 1];
	TriggerDesc *triggers = target == NULL ? NULL : target->ri_TrigDesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!csec_function_is_own(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

/* Is this what the query counts as its changes? */
static bool
is_counted(const CsecPlanPath *path)
{
	return path->main && IsA(path->nodes[0], ModifyTableState) &&
		((ModifyTable *) path->nodes[0]->plan)->canSetTag;
}

/*
 * A scan that only finds the rows an UPDATE or DELETE then changes is told by
 * the change's own record, if it comes to that (see collector.c).  Not so
 * where it looks at more than the key: then what it finds nothing by, or a
 * join drops, is told by nobody.  Nor where a row has to be on record before
 * anybody else's code sees it.
 */
static bool
told_by_change(WalkContext *context, Index rti, PlanState *scan, const CsecTable *table)
{
	PlannedStmt *stmt = context->queryDesc->plannedstmt;

	if (!list_member_int(stmt->resultRelations, rti) || stmt->hasReturning)
		return false;
	if (!is_counted(&context->path) || !is_changed_by_parent(&context->path) ||
		!finds_by_key(scan, table))
		return false;
	if (table->strict && has_foreign_trigger(context, rti))
		return false;
	return !csec_columns_touch_fields(table, csec_selected_columns(stmt, rti));
}

/*
 * The same for the existing row in ON CONFLICT DO UPDATE, which stands in no
 * count: what a trigger may swallow is a read.
 */
static bool
conflict_told_by_change(WalkContext *context, ResultRelInfo *rel, const CsecTable *table)
{
	PlannedStmt *stmt = context->queryDesc->plannedstmt;

	/* a partition may have triggers of its own */
	return !stmt->hasReturning &&
		rel->ri_RelationDesc->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		!has_foreign_trigger(context, rel->ri_RangeTableIndex) &&
		!csec_columns_touch_fields(table, csec_selected_columns(stmt, rel->ri_RangeTableIndex));
}

/* Does a policy show the existing row to somebody's function? */
static bool
policy_may_leak(const ResultRelInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->ri_WithCheckOptions)
	{
		WithCheckOption *option = lfirst_node(WithCheckOption, lc);

		if (option->kind == WCO_RLS_CONFLICT_CHECK && csec_may_leak((List *) option->qual))
			return true;
	}
	return false;
}

/* The existing row in ON CONFLICT DO UPDATE: no scan gives it. */
static void
observe_conflict(WalkContext *context, ModifyTableState *node)
{
	ResultRelInfo *rel = node->resultRelInfo;
	OnConflictSetState *conflict = rel->ri_onConflict;
	const CsecTable *table;
	CsecObserver *observer;

	if (conflict == NULL ||
		(table = csec_table_lookup(RelationGetRelid(rel->ri_RelationDesc))) == NULL)
		return;
	observer = make_observer(context, &node->ps, table, rel->ri_RangeTableIndex);
	if (conflict->oc_WhereClause == NULL && !policy_may_leak(rel) && conflict_told_by_change(context, rel, table))
		leave_to_changes(observer, false);
	csec_conflict_observe(context->query, node, observer);
}

/* A row is locked: what the scan gave may be an older version of it. */
typedef struct Locked
{
	LockRowsState *node;
	Index		rti;
	CsecObserver observer;
} Locked;

static void
note_locked(void *arg, TupleTableSlot *row)
{
	Locked	   *locked = arg;
	TupleTableSlot *version = locked->node->lr_epqstate.relsubs_slot[locked->rti - 1];

	if (!TupIsNull(version))
		csec_observer_note(&locked->observer, version);
}

/*
 * FOR UPDATE waits for other sessions and then gives the row as they left it,
 * perhaps with another key.  Where the rows are noted before they are locked,
 * the locked ones are noted, too.
 */
static void
observe_locked(WalkContext *context, PlanState *scan, const CsecObserver *observer, PlanState *noted_at)
{
	bool		passed = false;

	for (int at = context->path.depth - 1; at >= 0; at--)
	{
		PlanState  *node = context->path.nodes[at];
		Locked	   *locked;

		if (passed && IsA(node, LockRowsState))
		{
			locked = palloc(sizeof(Locked));
			locked->node = (LockRowsState *) node;
			locked->rti = ((Scan *) scan->plan)->scanrelid;
			locked->observer = *observer;
			locked->observer.in_result = locked->observer.again = true;
			locked->observer.collector = NULL;
			locked->observer.generation = 0;
			memcpy(locked->observer.attno, observer->table->subject_attno,
				   sizeof(locked->observer.attno));
			csec_wrap_watch(context->query, node, note_locked, locked);
		}
		passed |= node == noted_at;
	}
}

/* Decide where and how the subjects of a scan are noted, and do it. */
static void
observe(WalkContext *context, PlanState *scan, const CsecTable *table, Index rti, bool told)
{
	CsecObserver *observer = make_observer(context, scan, table, rti);
	CsecReadPoint point;

	if (told)
		leave_to_changes(observer, true);
	observer->permitted = csec_permitted_scan(context->query, scan, table, observer->selected,
											  context->exporting);
	if (IsA(scan, ForeignScanState) || IsA(scan, CustomScanState))
	{
		observer->exactness = CSEC_EXACT_ALL;
		csec_wrap_node(context->query, scan, observer);
		return;
	}
	if (scan->qual != NULL && csec_may_leak(scan->plan->qual))
	{
		if (IsA(scan, IndexOnlyScanState))
			csec_observer_use_index(observer);
		scan->qual = csec_wrap_expression(scan->qual, observer);
		csec_wrap_node(context->query, scan, observer);
		observe_locked(context, scan, observer, scan);
		return;
	}
	csec_read_point(&context->path, table, &point);
	if (point.left_to_leader && context->worker && context->path.main)
		return;
	if (point.delivered && !context->worker)
		observer->exactness = CSEC_EXACT_DELIVERED;
	observer->one_row = point.one_row && context->outermost && !context->worker &&
		context->queryDesc->operation == CMD_SELECT;
	observer->last = context->outermost && point.node == context->queryDesc->planstate &&
		context->queryDesc->operation == CMD_SELECT;
	if (point.node != scan)
	{
		observer->in_result = true;
		memcpy(observer->attno, point.attno, sizeof(observer->attno));
	}
	else if (IsA(scan, IndexOnlyScanState))
		csec_observer_use_index(observer);
	if (point.input != 0)
		point.node->ps_ProjInfo = csec_wrap_projection(point.node->ps_ProjInfo, observer, point.input);
	csec_wrap_node(context->query, point.node, observer);
	observe_locked(context, scan, observer, point.node);
}

static bool instrument_node(PlanState *node, WalkContext *context);

static void
push(CsecPlanPath *path, PlanState *node)
{
	if (path->depth == path->size)
	{
		path->size = Max(16, 2 * path->size);
		path->nodes = path->nodes == NULL ?
			palloc(path->size * sizeof(PlanState *)) :
			repalloc(path->nodes, path->size * sizeof(PlanState *));
	}
	path->nodes[path->depth++] = node;
}

static void
instrument_scan(PlanState *node, WalkContext *context)
{
	Index		rti = scanned_relation(node);
	RangeTblEntry *rte;
	const CsecTable *table;

	if (IsA(node, ModifyTableState))
		observe_conflict(context, (ModifyTableState *) node);
	if (rti == 0)
		return;
	rte = exec_rt_fetch(rti, node->state);
	table = csec_table_lookup(rte->relid);
	if (table != NULL && !(table->is_trail && csec_is_own_worker))
		observe(context, node, table, rti, told_by_change(context, rti, node, table));
}

/*
 * The walker reaches a sub-plan through the nodes that use it, which may be
 * several or none; those are left to the list of them all, each once.
 */
static bool
instrument_node(PlanState *node, WalkContext *context)
{
	if (node == NULL ||
		(context->path.depth > 0 && list_member_ptr(node->state->es_subplanstates, node)))
		return false;
	push(&context->path, node);
	instrument_scan(node, context);
	planstate_tree_walker(node, instrument_node, context);
	context->path.depth--;
	return false;
}

static void
instrument_plan(PlanState *root, WalkContext *context, bool main)
{
	context->path.main = main;
	context->path.depth = 0;
	instrument_node(root, context);
}

/* Does what a query reads go elsewhere than to the client as rows? */
bool
csec_query_exports(QueryDesc *queryDesc)
{
	return queryDesc->operation != CMD_SELECT || queryDesc->plannedstmt->hasModifyingCTE ||
		csec_reads_command != NULL || queryDesc->dest->mydest == DestIntoRel;
}

/* Does the query touch a protected table at all? */
static bool
touches_protected(PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && csec_table_lookup(rte->relid) != NULL)
			return true;
	}
	return false;
}

/* On a standby nothing can be recorded. */
static void
refuse_on_standby(void)
{
	if (csec_standby_reads == CSEC_STANDBY_REFUSE)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("protected tables cannot be read on a standby: the read could not be recorded"),
				 errhint("Read them on the primary, or set csec.standby_reads = masked_only.")));
}

/* Wrap the scans of a query that ExecutorStart has just set up. */
void
csec_reads_instrument(QueryDesc *queryDesc, bool outermost)
{
	EState	   *estate = queryDesc->estate;
	WalkContext context = {
		.queryDesc = queryDesc,
		.outermost = outermost,
		.worker = outermost && IsParallelWorker(),
		.exporting = csec_query_exports(queryDesc)
	};
	MemoryContext old;
	ListCell   *lc;

	if (!touches_protected(queryDesc->plannedstmt) ||
		(!csec_record_internal && csec_is_key_check(queryDesc)))
		return;
	if (RecoveryInProgress())
	{
		refuse_on_standby();
		return;
	}
	csec_emit_prepare();
	if (csec_recording_suspended())
		return;
	csec_emit_check_lag();

	old = MemoryContextSwitchTo(estate->es_query_cxt);
	context.query = csec_wrap_query(estate);
	instrument_plan(queryDesc->planstate, &context, true);
	foreach(lc, estate->es_subplanstates)
		instrument_plan(lfirst(lc), &context, false);
	MemoryContextSwitchTo(old);
}
