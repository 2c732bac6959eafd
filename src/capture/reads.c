/*
 * reads.c
 *		Notes the subjects of the rows that scans over protected tables give.
 *
 * PostgreSQL has no triggers for reads.  In their place the scan nodes over
 * protected tables are wrapped after ExecutorStart has built them: each row
 * that such a node hands up passes through here, whatever stands above it, an
 * aggregate, a join, a view, a definer's function, a cursor, RETURNING.  The
 * query itself is not rewritten.
 *
 * What is known of a wrapped node stands in the query's own memory and is
 * found by the node's address; a reset callback of that memory forgets it,
 * after an error as well.  The collector it feeds belongs to a statement and
 * is looked up anew when the statement is another (a cursor's next FETCH).
 *
 * A node that cannot be looked into, a foreign or custom scan, is recorded as
 * having read the whole table.
 */
#include "postgres.h"

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
#include "capture/reads.h"
#include "capture/subject_key.h"
#include "capture/suspension.h"
#include "policy/table.h"
#include "util/guc.h"
#include "util/pgcompat.h"

const char *csec_reads_command = NULL;

/* A wrapped node. */
typedef struct WrappedScan
{
	PlanState  *node;
	ExecProcNodeMtd original;
	const CsecTable *table;
	const char *statement;
	Bitmapset  *selected;
	CsecExactness exactness;
	AttrNumber	attno[CSEC_MAX_SUBJECT_COLUMNS];	/* in the scan's tuple */
	TupleTableSlot *fetched;	/* row of an index-only scan without the key */
	CsecCollector *collector;
	uint64		generation;		/* of collectors, for which that is valid */
} WrappedScan;

/* All wrapped nodes of all queries that run, by address. */
typedef struct ScanEntry
{
	PlanState  *node;
	WrappedScan *scan;
	char		status;
} ScanEntry;

#define SH_PREFIX scans
#define SH_ELEMENT_TYPE ScanEntry
#define SH_KEY_TYPE PlanState *
#define SH_KEY node
#define SH_HASH_KEY(tb, key) ((uint32) ((uintptr_t) (key) >> 4) * 2654435761u)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static scans_hash *scans = NULL;
static WrappedScan *last_scan = NULL;	/* most plans have one protected scan */

/* Those of one query, forgotten with its memory. */
typedef struct QueryScans
{
	MemoryContextCallback callback;
	List	   *list;
} QueryScans;

typedef struct WalkContext
{
	QueryDesc  *queryDesc;
	EState	   *estate;
	QueryScans *query;
} WalkContext;

static TupleTableSlot *next_row(PlanState *node);

static void
forget_query(void *arg)
{
	QueryScans *query = arg;
	ListCell   *lc;

	foreach(lc, query->list)
	{
		WrappedScan *scan = lfirst(lc);

		scans_delete(scans, scan->node);
		if (last_scan == scan)
			last_scan = NULL;
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

/* Find the collector of the current statement for this scan. */
static void
attach(WrappedScan *scan)
{
	StringInfoData columns;
	MemoryContext old = MemoryContextSwitchTo(scan->node->state->es_query_cxt);

	initStringInfo(&columns);
	csec_columns_encode(&columns, scan->table, scan->selected);
	scan->collector = csec_collector_for(scan->table, scan->statement, scan->exactness,
										 (uint8 *) columns.data, columns.len);
	scan->generation = csec_collectors_generation;
	pfree(columns.data);
	MemoryContextSwitchTo(old);
}

/*
 * The slot that holds the scan's row with its key.  An index-only scan whose
 * index has no key in it must look at the table.
 */
static TupleTableSlot *
key_slot(WrappedScan *scan)
{
	IndexOnlyScanState *index_only;
	IndexScanDesc desc;
	ItemPointerData tid;
	bool		again = false;

	if (scan->fetched == NULL)
		return ((ScanState *) scan->node)->ss_ScanTupleSlot;
	index_only = (IndexOnlyScanState *) scan->node;
	desc = index_only->ioss_ScanDesc;
	tid = desc->xs_heaptid;
	if (table_index_fetch_tuple(desc->xs_heapfetch, &tid, scan->node->state->es_snapshot,
								scan->fetched, &again, NULL))
		return scan->fetched;
	return NULL;
}

static void
note_subject(WrappedScan *scan)
{
	CsecCollector *c = scan->collector;
	TupleTableSlot *slot;

	if (c->subjects.all)
		return;
	slot = key_slot(scan);
	if (slot == NULL)
	{
		c->subjects.all = true; /* never as nothing */
		return;
	}
	if (c->subjects.integers)
	{
		int64		key;

		if (csec_subject_integer(scan->table, slot, scan->attno, &key) &&
			!csec_subjects_add_integer(&c->subjects, key))
		{
			csec_collector_spill(c);
			csec_subjects_add_integer(&c->subjects, key);
		}
	}
	else
	{
		StringInfoData text;
		MemoryContext old = MemoryContextSwitchTo(scan->node->state->es_query_cxt);

		initStringInfo(&text);
		if (csec_subject_text(scan->table, slot, scan->attno, &text) &&
			!csec_subjects_add_text(&c->subjects, text.data, text.len))
		{
			csec_collector_spill(c);
			csec_subjects_add_text(&c->subjects, text.data, text.len);
		}
		pfree(text.data);
		MemoryContextSwitchTo(old);
	}
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

/* In place of a scan's own ExecProcNode. */
static TupleTableSlot *
next_row(PlanState *node)
{
	WrappedScan *scan = last_scan;
	TupleTableSlot *slot;
	CsecCollector *c;

	if (unlikely(scan == NULL || scan->node != node))
	{
		ScanEntry  *entry = scans_lookup(scans, node);

		if (entry == NULL)
			elog(ERROR, "csec lost track of a scan");
		scan = last_scan = entry->scan;
	}
	slot = scan->original(node);
	if (TupIsNull(slot))
		return slot;

	/* the call may have run other queries */
	if (unlikely(scan->generation != csec_collectors_generation))
		attach(scan);
	c = scan->collector;
	c->rows++;
	note_subject(scan);
	if (unlikely(c->strict && !c->intent_flushed))
		csec_collector_strict_intent(c);
	spill_if_late(c);
	return slot;
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

/* Decide how the key of a node's rows is got. */
static void
find_key(WrappedScan *scan)
{
	const CsecTable *table = scan->table;

	memcpy(scan->attno, table->subject_attno, sizeof(scan->attno));
	scan->exactness = CSEC_EXACT_SCANNED;
	switch (nodeTag(scan->node))
	{
		case T_ForeignScanState:
		case T_CustomScanState:
			scan->exactness = CSEC_EXACT_ALL;
			break;
		case T_IndexOnlyScanState:
			if (table->nsubject > 0 &&
				!key_in_index((IndexOnlyScan *) scan->node->plan, table, scan->attno))
			{
				memcpy(scan->attno, table->subject_attno, sizeof(scan->attno));
				scan->fetched = table_slot_create(((ScanState *) scan->node)->ss_currentRelation,
												  &scan->node->state->es_tupleTable);
			}
			break;
		default:
			break;
	}
}

static void
wrap(WalkContext *context, PlanState *node, const CsecTable *table, RangeTblEntry *rte)
{
	WrappedScan *scan;
	ScanEntry  *entry;
	bool		found;

	if (scans == NULL)
		scans = scans_create(TopMemoryContext, 64, NULL);
	if (scans_lookup(scans, node) != NULL && node->ExecProcNodeReal == next_row)
		return;					/* a sub-plan that is reached twice */

	scan = palloc0(sizeof(WrappedScan));
	scan->node = node;
	scan->original = node->ExecProcNodeReal;
	scan->table = table;
	scan->statement = command_name(context->queryDesc->operation);
	scan->selected = csec_selected_columns(context->queryDesc->plannedstmt, rte);
	find_key(scan);

	entry = scans_insert(scans, node, &found);
	entry->scan = scan;
	context->query->list = lappend(context->query->list, scan);
	ExecSetExecProcNode(node, next_row);
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

static bool
instrument_node(PlanState *node, WalkContext *context)
{
	Index		rti;

	if (node == NULL)
		return false;
	rti = scanned_relation(node);
	if (rti > 0)
	{
		RangeTblEntry *rte = exec_rt_fetch(rti, context->estate);
		const CsecTable *table = csec_table_lookup(rte->relid);

		if (table != NULL && !told_by_change(context, rti, table, rte))
			wrap(context, node, table, rte);
	}
	return planstate_tree_walker(node, instrument_node, context);
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
csec_reads_instrument(QueryDesc *queryDesc)
{
	EState	   *estate = queryDesc->estate;
	WalkContext context = {queryDesc, estate, NULL};
	MemoryContext old;
	ListCell   *lc;

	if (!touches_protected(queryDesc->plannedstmt))
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
	context.query = palloc0(sizeof(QueryScans));
	context.query->callback.func = forget_query;
	context.query->callback.arg = context.query;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &context.query->callback);
	instrument_node(queryDesc->planstate, &context);
	foreach(lc, estate->es_subplanstates)
		instrument_node(lfirst(lc), &context);
	MemoryContextSwitchTo(old);
}
