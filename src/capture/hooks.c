/*
 * hooks.c
 *		Puts csec between PostgreSQL and its work: installs and chains, and
 *		leaves what is done to the files named after it.
 *
 * "depth" counts the statements inside one another: what was read and changed
 * is emitted when the outermost ends, and a portal's next run is a new one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "capture/attempts.h"
#include "capture/bounds.h"
#include "capture/changes.h"
#include "capture/collector.h"
#include "capture/ddl_reads.h"
#include "capture/guard.h"
#include "capture/hooks.h"
#include "capture/permit_write.h"
#include "capture/permitted.h"
#include "capture/reads.h"
#include "capture/settings.h"
#include "capture/target.h"
#include "capture/utility.h"
#include "capture/wrap.h"
#include "policy/catalog.h"
#include "policy/ceiling.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/reveal.h"
#include "types/masked_text.h"
#include "types/masked_tried.h"
#include "util/pgcompat.h"

static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;

static int	depth = 0;
static bool statement_open = false;

/*
 * A statement begins, or a portal goes on: by the policy of this moment.  At
 * the executor's start, because constants meet fields there already, and at
 * each run, because it may come much later.
 */
static void
begin_outermost(void)
{
	if (depth != 0)
		return;
	if (!statement_open)
	{
		csec_statement_begin();
		csec_ceiling_new_statement();
	}
	statement_open = true;
	csec_decision_new_statement();
}

static void
end_outermost(void)
{
	if (depth != 0)
		return;
	csec_collectors_emit(CSEC_STATUS_OK);
	csec_changes_emit();
	csec_attempts_emit();
	if (unlikely(csec_settings_unsure))
		csec_settings_look();
	csec_own_ddl_end();
	statement_open = false;
}

static void
start(QueryDesc *queryDesc, int eflags, bool watched)
{
	if (prev_ExecutorStart)
		prev_ExecutorStart(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
	if (watched && csec_database_has_csec())
	{
		if (unlikely(csec_settings_unsure))
			csec_settings_look();
		csec_targets_check(queryDesc);
		csec_permit_check_writes(queryDesc->plannedstmt, depth == 0);
		csec_reads_instrument(queryDesc, depth == 0);
	}
}

/* One that changes tables: that it was tried is told if it is refused. */
static void
start_change(QueryDesc *queryDesc, int eflags)
{
	csec_attempts_query(queryDesc);
	PG_TRY();
	{
		start(queryDesc, eflags, true);
	}
	PG_CATCH();
	{
		csec_attempts_failed(queryDesc, NULL);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
executor_start(QueryDesc *queryDesc, int eflags)
{
	bool		watched = !csec_known_absent && !(eflags & EXEC_FLAG_EXPLAIN_ONLY);

	if (!csec_known_absent)
		begin_outermost();
	if (depth == 0)
		csec_reveal_new_query();
	if (watched && queryDesc->plannedstmt->resultRelations != NIL)
		start_change(queryDesc, eflags);
	else
		start(queryDesc, eflags, watched);
}

/* Does the statement change data by what it reads? */
static bool
changes_data(QueryDesc *queryDesc)
{
	return queryDesc->operation != CMD_SELECT || queryDesc->plannedstmt->hasModifyingCTE;
}

/*
 * It printed masks while it ran.  COPY of what a change returns prints its
 * rows meanwhile, too; all others do when it is over.
 */
static void
refuse_if_masks_were_given(QueryDesc *queryDesc)
{
	if (unlikely(csec_mask_was_given != CSEC_CATEGORY_NONE) &&
		queryDesc->dest->mydest != DestCopyOut)
		csec_refuse_masked_dml(csec_mask_was_given);
}

/* The rows go into a cursor's store (WITH HOLD, RETURNING), and out later. */
static bool
goes_into_store(QueryDesc *queryDesc)
{
	return queryDesc->dest->mydest == DestTuplestore &&
		ActivePortal != NULL && ActivePortal->holdContext != NULL;
}

static void
hold_for_portal(QueryDesc *queryDesc)
{
	if (unlikely(csec_reveal_any) && goes_into_store(queryDesc))
		csec_reveal_hold(ActivePortal->holdContext);
}

/* Rows that were read in this run may come out in another statement. */
static void
keep_ceiling(QueryDesc *queryDesc, bool goes_on)
{
	if (goes_on)
		csec_ceiling_keep(queryDesc->estate->es_query_cxt, NULL);
	if (goes_into_store(queryDesc))
		csec_ceiling_keep(ActivePortal->holdContext, ActivePortal);
}

/*
 * Go on; without parallel workers where permits have to be counted, or where they
 * would show what was read as a mask before.  Others go by the claims that stand
 * here, also where a procedure has begun another transaction since its statement
 * began.
 */
static void
run(CSEC_RUN_HOOK_ARGS)
{
	if (!csec_known_absent && queryDesc->plannedstmt->parallelModeNeeded)
	{
		csec_context_observe();
		if (csec_reads_under_permit(queryDesc->plannedstmt) || csec_decision_is_kept_low())
			CSEC_RUN_WITHOUT_WORKERS(queryDesc);
	}
	if (prev_ExecutorRun)
		prev_ExecutorRun(CSEC_RUN_HOOK_PASS);
	else
		standard_ExecutorRun(CSEC_RUN_HOOK_PASS);
}

static void
executor_run(CSEC_RUN_HOOK_ARGS)
{
	bool		changing = csec_statement_changes_data;
	uint32		given = csec_mask_was_given;
	bool		exporting = csec_reveal_exporting;
	QueryDesc  *around = csec_tried_query;

	if (csec_known_absent)
	{
		run(CSEC_RUN_HOOK_PASS);
		return;
	}
	begin_outermost();
	if (depth == 0)
		csec_reads_discarded = queryDesc->dest->mydest == DestNone;

	/* what a function reads within a statement that changes data decides what it changes */
	csec_statement_changes_data = (depth > 0 && changing) || changes_data(queryDesc);
	csec_mask_was_given = CSEC_CATEGORY_NONE;

	/* what a function reads within a statement that exports goes where its rows go */
	csec_reveal_exporting = (depth > 0 && exporting) || csec_query_exports(queryDesc);
	hold_for_portal(queryDesc);
	if (unlikely(csec_ceiling_any))
		csec_ceiling_resume(queryDesc->estate->es_query_cxt);
	csec_tried_query = queryDesc;
	depth++;
	PG_TRY();
	{
		run(CSEC_RUN_HOOK_PASS);
		if (unlikely(csec_ceiling_any))
			keep_ceiling(queryDesc, count != 0);
		if (queryDesc->dest->mydest == DestTuplestore && around == NULL)
			csec_decision_rows_stored();
		refuse_if_masks_were_given(queryDesc);
	}
	PG_CATCH();
	{
		depth--;
		csec_statement_changes_data = changing;
		csec_mask_was_given = given;
		csec_reveal_exporting = exporting;
		csec_tried_query = around;
		csec_wrap_failed(queryDesc->estate);
		csec_attempts_failed(queryDesc, queryDesc->estate);
		csec_collectors_failed(queryDesc->estate);
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
	csec_statement_changes_data = changing;
	csec_mask_was_given = given;
	csec_reveal_exporting = exporting;
	csec_tried_query = around;
	if (queryDesc->operation == CMD_SELECT)
		end_outermost();
}

/* AFTER triggers fire in here. */
static void
executor_finish(QueryDesc *queryDesc)
{
	QueryDesc  *around = csec_tried_query;

	if (csec_known_absent)
	{
		if (prev_ExecutorFinish)
			prev_ExecutorFinish(queryDesc);
		else
			standard_ExecutorFinish(queryDesc);
		return;
	}
	csec_tried_query = queryDesc;
	depth++;
	PG_TRY();
	{
		csec_targets_check_routed(queryDesc);
		if (prev_ExecutorFinish)
			prev_ExecutorFinish(queryDesc);
		else
			standard_ExecutorFinish(queryDesc);
	}
	PG_CATCH();
	{
		depth--;
		csec_tried_query = around;
		csec_attempts_failed(queryDesc, queryDesc->estate);
		csec_collectors_failed(queryDesc->estate);
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
	csec_tried_query = around;
	csec_attempts_done(queryDesc);
	csec_collectors_settle(queryDesc->estate);
	end_outermost();
}

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_ProcessUtility)
		prev_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
							queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
								queryEnv, dest, qc);
}

/*
 * A statement of csec's interest.  Fetching from a cursor and the ends of
 * transactions are none: what runs inside them is an outermost statement of
 * its own.
 */
static void
watch_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	CsecUtility utility = {0};
	volatile bool at_rows = false;
	int			outside = depth;

	begin_outermost();
	csec_attempts_utility(&utility, pstmt->utilityStmt);
	PG_TRY();
	{
		csec_utility_before(&utility, &pstmt);
		at_rows = csec_ddl_reads_before(&utility, pstmt->utilityStmt);
		depth++;
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
		csec_bounds_check();
	}
	PG_CATCH();
	{
		depth = outside;
		csec_utility_always(&utility);
		csec_attempts_failed(&utility, NULL);
		if (at_rows)
			csec_ddl_reads_failed(&utility);
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth = outside;
	csec_utility_always(&utility);
	csec_attempts_done(&utility);
	if (at_rows)
		csec_collectors_forget(&utility);
	csec_utility_after(&utility);
	end_outermost();
}

/* Stop a sealer that stands in the statement's way, for its length. */
static void
park_and_watch(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			   ProcessUtilityContext context, ParamListInfo params,
			   QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	CsecUtility utility;

	csec_utility_park(&utility, pstmt->utilityStmt);
	PG_TRY();
	{
		watch_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		csec_utility_release(&utility);
	}
	PG_END_TRY();
	csec_utility_dropped(&utility);
}

/*
 * From a cursor that keeps its rows they come without the executor, into the
 * store of the portal that FETCH runs in.
 */
static void
fetch(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
	  ProcessUtilityContext context, ParamListInfo params,
	  QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Portal		cursor = GetPortalByName(castNode(FetchStmt, pstmt->utilityStmt)->portalname);

	if (depth == 0)
	{
		csec_ceiling_new_statement();
		csec_decision_new_statement();
	}
	if (unlikely(csec_ceiling_any) && PortalIsValid(cursor) && cursor->holdContext != NULL)
		csec_ceiling_resume(cursor->holdContext);
	run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	if (dest->mydest == DestTuplestore && csec_tried_query == NULL)
		csec_decision_rows_stored();
	if (unlikely(csec_ceiling_any) && ActivePortal != NULL && ActivePortal->holdContext != NULL)
		csec_ceiling_keep(ActivePortal->holdContext, ActivePortal);
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	switch (nodeTag(pstmt->utilityStmt))
	{
		case T_TransactionStmt:
			run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
			break;
		case T_FetchStmt:
			fetch(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
			break;
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_AlterDatabaseStmt:
		case T_RenameStmt:
			park_and_watch(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
			break;
		default:
			watch_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	}
}

static void
transaction_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (unlikely(IsLogicalWorker()) && csec_database_has_csec())
				csec_targets_check_applied();
			/* FALLTHROUGH */
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			csec_collectors_emit(CSEC_STATUS_OK);
			csec_changes_emit();
			csec_attempts_end(false);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			csec_collectors_emit(CSEC_STATUS_ERROR);
			csec_changes_abort();
			csec_attempts_end(true);
			csec_emit_refusal_over();
			csec_own_ddl_end();
			csec_settings_end();

			/* a procedure that rolls back goes on: its statement stays open */
			if (depth == 0)
				statement_open = false;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			csec_settings_end();
			break;
		default:
			break;
	}
}

static void
subtransaction_callback(SubXactEvent event, SubTransactionId mySubid,
						SubTransactionId parentSubid, void *arg)
{
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			csec_changes_emit();
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			csec_changes_subabort();
			csec_emit_refusal_over();
			csec_attempts_subabort(mySubid);
			break;
		default:
			break;
	}
}

void
csec_hooks_init(void)
{
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(transaction_callback, NULL);
	RegisterSubXactCallback(subtransaction_callback, NULL);
}
