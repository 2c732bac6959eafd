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
 * What is known of a wrapped node stands in the query's own memory and is
 * found by the node's address; a reset callback of that memory forgets it,
 * after an error as well.  The collector it feeds belongs to a statement and
 * is looked up anew when the statement is another (a cursor's next FETCH).
 *
 * A scan's filter with somebody's own function in it has seen the rows that
 * it rejects, so such a filter is wrapped too and its rows noted before it
 * runs.  A node that cannot be looked into, a foreign or custom scan, is
 * recorded as having read the whole table.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/relscan.h"
#include "access/xlog.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "audit/emit.h"
#include "capture/collector.h"
#include "capture/columns.h"
#include "capture/read_point.h"
#include "capture/reads.h"
#include "capture/subject_key.h"
#include "capture/suspension.h"
#include "policy/table.h"
#include "util/guc.h"
#include "util/pgcompat.h"

const char *csec_reads_command = NULL;

/* One protected table whose subjects pass a node. */
typedef struct Observer
{
	struct Observer *next;
	const CsecTable *table;
	const char *statement;
	Bitmapset  *selected;
	CsecExactness exactness;
	bool		strict;
	PlanState  *scan;			/* over the table */
	bool		in_result;		/* the key is in the node's result */
	AttrNumber	attno[CSEC_MAX_SUBJECT_COLUMNS];	/* there, or in the scan's tuple */
	TupleTableSlot *fetched;	/* row of an index-only scan without the key */
	CsecCollector *collector;
	uint64		generation;		/* of collectors, for which that is valid */
} Observer;

/* A wrapped node. */
typedef struct Wrapped
{
	PlanState  *node;
	ExecProcNodeMtd original;
	Observer   *observers;
	bool		in_flight;		/* it is at work on a row */
} Wrapped;

/* A wrapped filter. */
typedef struct WrappedQual
{
	ExprState	state;			/* must be first: what the node runs */
	ExprState  *original;
	Observer   *observer;
} WrappedQual;

/* All wrapped nodes of all queries that run, by address. */
typedef struct WrappedEntry
{
	PlanState  *node;
	Wrapped    *wrapped;
	char		status;
} WrappedEntry;

#define SH_PREFIX nodes
#define SH_ELEMENT_TYPE WrappedEntry
#define SH_KEY_TYPE PlanState *
#define SH_KEY node
#define SH_HASH_KEY(tb, key) ((uint32) ((uintptr_t) (key) >> 4) * 2654435761u)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static nodes_hash *nodes = NULL;
static Wrapped *last = NULL;	/* most plans have one */

/* Those of one query, forgotten with its memory. */
typedef struct QueryNodes
{
	MemoryContextCallback callback;
	List	   *list;
} QueryNodes;

typedef struct WalkContext
{
	QueryDesc  *queryDesc;
	QueryNodes *query;
	bool		worker;			/* the root's rows go to a leader, who notes them */
	CsecPlanPath path;
} WalkContext;

static void
forget_query(void *arg)
{
	QueryNodes *query = arg;
	ListCell   *lc;

	foreach(lc, query->list)
	{
		Wrapped    *wrapped = lfirst(lc);

		nodes_delete(nodes, wrapped->node);
		if (last == wrapped)
			last = NULL;
	}
}

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

/* Find the collector of the current statement. */
static void
attach(Observer *observer)
{
	StringInfoData columns;
	MemoryContext old = MemoryContextSwitchTo(observer->scan->state->es_query_cxt);

	initStringInfo(&columns);
	csec_columns_encode(&columns, observer->table, observer->selected);
	observer->collector = csec_collector_for(observer->table, observer->statement,
											 observer->exactness, observer->strict,
											 (uint8 *) columns.data, columns.len);
	observer->generation = csec_collectors_generation;
	pfree(columns.data);
	MemoryContextSwitchTo(old);
}

/* The row of an index-only scan whose index has no key in it. */
static TupleTableSlot *
fetch_row(Observer *observer)
{
	IndexScanDesc desc = ((IndexOnlyScanState *) observer->scan)->ioss_ScanDesc;
	ItemPointerData tid = desc->xs_heaptid;
	bool		again = false;

	if (table_index_fetch_tuple(desc->xs_heapfetch, &tid,
								observer->scan->state->es_snapshot,
								observer->fetched, &again, NULL))
		return observer->fetched;
	return NULL;
}

/* The slot that holds the key of the row that just passed. */
static TupleTableSlot *
key_slot(Observer *observer, TupleTableSlot *result)
{
	if (observer->in_result)
		return result;
	if (observer->fetched != NULL)
		return fetch_row(observer);
	return ((ScanState *) observer->scan)->ss_ScanTupleSlot;
}

/* Not an integer: its text. */
static bool
note_text(Observer *observer, TupleTableSlot *slot)
{
	CsecCollector *c = observer->collector;
	StringInfoData text;
	MemoryContext old = MemoryContextSwitchTo(observer->scan->state->es_query_cxt);
	bool		found;

	initStringInfo(&text);
	found = csec_subject_text(observer->table, slot, observer->attno, &text);
	if (found && !csec_subjects_add_text(&c->subjects, text.data, text.len))
	{
		csec_collector_spill(c);
		csec_subjects_add_text(&c->subjects, text.data, text.len);
	}
	pfree(text.data);
	MemoryContextSwitchTo(old);
	return found;
}

static bool
note_integer(Observer *observer, TupleTableSlot *slot)
{
	CsecCollector *c = observer->collector;
	int64		key;

	if (!csec_subject_integer(observer->table, slot, observer->attno, &key))
		return false;
	if (unlikely(!csec_subjects_add_integer(&c->subjects, key)))
	{
		csec_collector_spill(c);
		csec_subjects_add_integer(&c->subjects, key);
	}
	return true;
}

/* Add the row's subject to the set; false: the row has none (an outer join). */
static bool
note_subject(Observer *observer, TupleTableSlot *result)
{
	CsecCollector *c = observer->collector;
	TupleTableSlot *slot;

	if (c->subjects.all)
		return true;
	slot = key_slot(observer, result);
	if (slot == NULL)
	{
		c->subjects.all = true; /* never as nothing */
		return true;
	}
	if (c->subjects.integers)
		return note_integer(observer, slot);
	return note_text(observer, slot);
}

/*
 * What was read must not wait in memory for longer than
 * csec.audit_flush_interval, so a long statement emits on its way.  The clock
 * is looked at for each of the first rows and then now and then: a statement
 * that gives few rows slowly must not be missed, one that gives millions must
 * not pay for it.
 */
static void
spill_if_late(CsecCollector *c)
{
	if (c->rows >= 512 && (c->rows & 255) != 0)
		return;
	if (c->rows < 2)
		return;
	if (TimestampDifferenceExceeds(c->emitted_at, GetCurrentTimestamp(),
								   csec_audit_flush_interval))
		csec_collector_spill(c);
}

static void
note_row(Observer *observer, TupleTableSlot *result)
{
	CsecCollector *c;

	/* what ran below may have ended statements of its own */
	if (unlikely(observer->generation != csec_collectors_generation))
		attach(observer);
	c = observer->collector;
	if (!note_subject(observer, result) && observer->in_result)
		return;
	c->rows++;
	if (unlikely(c->strict && !c->intent_flushed))
		csec_collector_strict_intent(c);
	spill_if_late(c);
}

/*
 * In place of a node's own ExecProcNode.  The collector is there before the
 * first row: a read that finds nothing, or fails at once, is a read.
 */
static TupleTableSlot *
next_row(PlanState *node)
{
	Wrapped    *wrapped = last;
	TupleTableSlot *slot;

	if (unlikely(wrapped == NULL || wrapped->node != node))
	{
		WrappedEntry *entry = nodes_lookup(nodes, node);

		if (entry == NULL)
			elog(ERROR, "csec lost track of a plan node");
		wrapped = entry->wrapped;
	}
	for (Observer *observer = wrapped->observers; observer != NULL; observer = observer->next)
		if (unlikely(observer->generation != csec_collectors_generation))
			attach(observer);
	wrapped->in_flight = true;
	slot = wrapped->original(node);
	wrapped->in_flight = false;
	last = wrapped;
	if (TupIsNull(slot))
		return slot;
	for (Observer *observer = wrapped->observers; observer != NULL; observer = observer->next)
		note_row(observer, slot);
	return slot;
}

/* In place of a filter: notes the row, then asks the filter. */
static Datum
note_and_filter(ExprState *state, ExprContext *econtext, bool *isnull)
{
	WrappedQual *qual = (WrappedQual *) state;

	note_row(qual->observer, NULL);
	return qual->original->evalfunc(qual->original, econtext, isnull);
}

/* An error that can carry a value out: not a cancellation, a deadlock, a full disk. */
static bool
error_may_tell(void)
{
	switch (ERRCODE_TO_CATEGORY(geterrcode()))
	{
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):
			return false;
		default:
			return true;
	}
}

/* Note the row on which a node failed; where it cannot be known, all rows. */
static void
note_failed_row(Observer *observer)
{
	CsecCollector *c = observer->collector;
	TupleTableSlot *slot = ((ScanState *) observer->scan)->ss_ScanTupleSlot;
	int64		key;

	if (observer->generation != csec_collectors_generation || c->subjects.all)
		return;
	if (!observer->in_result && observer->fetched == NULL && c->subjects.integers &&
		(TTS_EMPTY(slot) ||
		 !csec_subject_integer(observer->table, slot, observer->attno, &key) ||
		 csec_subjects_add_integer(&c->subjects, key)))
		return;
	c->subjects.all = true;
	c->exactness = CSEC_EXACT_INTENT;
}

/*
 * A query failed: an error message is a way out for the row that caused it,
 * which no node has handed up.  Runs in PG_CATCH, while the query's memory and
 * buffers are still there; allocates nothing.
 */
void
csec_reads_failed(QueryDesc *queryDesc)
{
	nodes_iterator iterator;
	WrappedEntry *entry;

	if (nodes == NULL || nodes->members == 0 || !error_may_tell())
		return;
	nodes_start_iterate(nodes, &iterator);
	while ((entry = nodes_iterate(nodes, &iterator)) != NULL)
	{
		if (entry->node->state != queryDesc->estate || !entry->wrapped->in_flight)
			continue;
		for (Observer *o = entry->wrapped->observers; o != NULL; o = o->next)
			note_failed_row(o);
	}
}

/* Where the key stands in the tuples of an index-only scan; false: nowhere. */
static bool
key_in_index(IndexOnlyScan *plan, const CsecTable *table, AttrNumber *attno)
{
	for (int i = 0; i < table->nsubject; i++)
	{
		ListCell   *lc;

		attno[i] = InvalidAttrNumber;
		foreach(lc, plan->indextlist)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (!tle->resjunk && IsA(tle->expr, Var) &&
				((Var *) tle->expr)->varattno == table->subject_attno[i])
				attno[i] = tle->resno;
		}
		if (attno[i] == InvalidAttrNumber)
			return false;
	}
	return true;
}

/* An index-only scan has only the index's columns. */
static void
use_index_tuple(Observer *observer)
{
	if (observer->table->nsubject == 0 ||
		key_in_index((IndexOnlyScan *) observer->scan->plan, observer->table, observer->attno))
		return;
	memcpy(observer->attno, observer->table->subject_attno, sizeof(observer->attno));
	observer->fetched = table_slot_create(((ScanState *) observer->scan)->ss_currentRelation,
										  &observer->scan->state->es_tupleTable);
}

static Observer *
make_observer(WalkContext *context, PlanState *scan, const CsecTable *table, RangeTblEntry *rte)
{
	Observer   *observer = palloc0(sizeof(Observer));

	observer->table = table;
	observer->scan = scan;
	observer->statement = command_name(context->queryDesc->operation);
	observer->selected = csec_selected_columns(context->queryDesc->plannedstmt, rte);
	observer->exactness = CSEC_EXACT_SCANNED;
	observer->strict = csec_columns_strict(table, observer->selected);
	memcpy(observer->attno, table->subject_attno, sizeof(observer->attno));
	return observer;
}

static void
wrap_node(WalkContext *context, PlanState *node, Observer *observer)
{
	WrappedEntry *entry;
	bool		found;

	entry = nodes_insert(nodes, node, &found);
	if (!found)
	{
		Wrapped    *wrapped = palloc0(sizeof(Wrapped));

		wrapped->node = node;
		wrapped->original = node->ExecProcNodeReal;
		entry->wrapped = wrapped;
		context->query->list = lappend(context->query->list, wrapped);
		ExecSetExecProcNode(node, next_row);
	}
	observer->next = entry->wrapped->observers;
	entry->wrapped->observers = observer;
}

/* The filter keeps its flags and steps; only the way in is another. */
static void
wrap_filter(PlanState *scan, Observer *observer)
{
	WrappedQual *qual = palloc0(sizeof(WrappedQual));

	qual->state = *scan->qual;
	qual->state.evalfunc = note_and_filter;
	qual->original = scan->qual;
	qual->observer = observer;
	scan->qual = &qual->state;
}

/* Decide where and how the subjects of a scan are noted, and do it. */
static void
observe(WalkContext *context, PlanState *scan, const CsecTable *table, RangeTblEntry *rte)
{
	Observer   *observer = make_observer(context, scan, table, rte);
	CsecReadPoint point;

	if (IsA(scan, ForeignScanState) || IsA(scan, CustomScanState))
	{
		observer->exactness = CSEC_EXACT_ALL;
		wrap_node(context, scan, observer);
		return;
	}
	if (scan->qual != NULL && csec_qual_may_leak(scan->plan->qual))
	{
		if (IsA(scan, IndexOnlyScanState))
			use_index_tuple(observer);
		wrap_filter(scan, observer);
		return;
	}
	csec_read_point(&context->path, table, &point);
	if (point.is_root && context->worker)
		return;
	if (point.is_root)
		observer->exactness = CSEC_EXACT_DELIVERED;
	if (point.node != scan)
	{
		observer->in_result = true;
		memcpy(observer->attno, point.attno, sizeof(observer->attno));
	}
	else if (IsA(scan, IndexOnlyScanState))
		use_index_tuple(observer);
	wrap_node(context, point.node, observer);
}

/*
 * A scan that only finds the rows an UPDATE, DELETE or MERGE then changes is
 * told by the change's own record, unless it looks at classified columns or
 * gives rows back.
 */
static bool
told_by_change(WalkContext *context, Index rti, const CsecTable *table, RangeTblEntry *rte)
{
	PlannedStmt *stmt = context->queryDesc->plannedstmt;

	if (!list_member_int(stmt->resultRelations, rti) || stmt->hasReturning)
		return false;
	return !csec_columns_touch_fields(table, csec_selected_columns(stmt, rte));
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

	if (rti == 0)
		return;
	rte = exec_rt_fetch(rti, node->state);
	table = csec_table_lookup(rte->relid);
	if (table != NULL && !told_by_change(context, rti, table, rte))
		observe(context, node, table, rte);
}

static bool
instrument_node(PlanState *node, WalkContext *context)
{
	if (node == NULL)
		return false;
	push(&context->path, node);
	instrument_scan(node, context);
	planstate_tree_walker(node, instrument_node, context);
	context->path.depth--;
	return false;
}

/*
 * The plan and its sub-plans, each once: the walker reaches a sub-plan through
 * the nodes that use it, which may be several, so those are left to the list
 * of them all.
 */
static void
instrument_plan(PlanState *root, WalkContext *context, bool main)
{
	context->path.main = main;
	context->path.depth = 0;
	instrument_node(root, context);
}

/*
 * The look-up of a foreign-key check, which is nobody's read: PostgreSQL runs
 * it with row security off, asks for the key alone, and locks what it finds.
 * A trigger that fires meanwhile runs queries of its own, which are not of
 * this form.
 */
static bool
is_foreign_key_check(QueryDesc *queryDesc)
{
	return InNoForceRLSOperation() && !csec_record_internal &&
		queryDesc->operation == CMD_SELECT &&
		list_length(queryDesc->plannedstmt->rtable) == 1 &&
		queryDesc->plannedstmt->rowMarks != NIL &&
		strncmp(queryDesc->sourceText, "SELECT 1 FROM ONLY ", 19) == 0;
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

/*
 * Wrap the scans of a query that ExecutorStart has just set up.  Sub-plans
 * are walked from the list of them all: one may be reached through several
 * nodes or through none that the tree walker knows.
 */
void
csec_reads_instrument(QueryDesc *queryDesc, bool outermost)
{
	EState	   *estate = queryDesc->estate;
	WalkContext context = {.queryDesc = queryDesc,.worker = outermost && IsParallelWorker()};
	MemoryContext old;
	ListCell   *lc;

	if (!touches_protected(queryDesc->plannedstmt) || is_foreign_key_check(queryDesc))
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

	if (nodes == NULL)
		nodes = nodes_create(TopMemoryContext, 64, NULL);
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	context.query = palloc0(sizeof(QueryNodes));
	context.query->callback.func = forget_query;
	context.query->callback.arg = context.query;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &context.query->callback);
	instrument_plan(queryDesc->planstate, &context, true);
	foreach(lc, estate->es_subplanstates)
		instrument_plan(lfirst(lc), &context, false);
	MemoryContextSwitchTo(old);
}
