/*
 * attempts.c
 *		Records changes of protected tables that were tried and failed.
 *
 * A changed row is recorded by an AFTER trigger (changes.c).  A statement that
 * fails before those run, by a constraint, a BEFORE trigger, a missing
 * privilege, changes nothing; that it was tried is told all the same: the
 * table, the command, how many rows it had come to, and the error by its
 * SQLSTATE.  Never by its message, which may hold values.
 *
 * An attempt is noted when its statement starts, with all that its record
 * needs, since nothing can be looked up after an error.  One that fails is
 * marked and told with the next end of a statement or transaction.  What ends
 * in no other way, by FATAL or between the calls that are watched, has failed
 * when its (sub)transaction aborts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"

#include "audit/emit.h"
#include "audit/identity.h"
#include "audit/record.h"
#include "capture/attempts.h"
#include "capture/collector.h"
#include "capture/suspension.h"
#include "policy/catalog.h"
#include "policy/table.h"

typedef struct Attempt
{
	struct Attempt *next;
	const void *owner;			/* its statement; NULL: that has failed */
	SubTransactionId subid;
	CsecIdentity *identity;
	Oid			root;
	char		relation[CSEC_RELATION_MAX];
	const char *command;		/* a constant */
	uint64		statement_number;
	bool		main;			/* what the statement counts as its rows */
	TransactionId xid;
	int			sqlstate;		/* 0: not known */
	int64		rows;			/* -1: not known */
} Attempt;

static Attempt *attempts = NULL;
static Attempt *spare = NULL;	/* kept, so that most statements allocate nothing */

/* May raise an error: called before the statement runs. */
static void
note_attempt(const void *owner, const CsecTable *table, const char *command, bool main)
{
	Attempt    *attempt;

	csec_emit_prepare();
	if (csec_recording_suspended())
		return;
	if (spare == NULL)
		spare = MemoryContextAlloc(TopMemoryContext, sizeof(Attempt));
	attempt = spare;
	attempt->identity = csec_identity_acquire();
	spare = NULL;
	attempt->owner = owner;
	attempt->subid = GetCurrentSubTransactionId();
	attempt->root = table->root;
	strlcpy(attempt->relation, table->qualified_name, sizeof(attempt->relation));
	attempt->command = command;
	attempt->statement_number = csec_statement_number();
	attempt->main = main;
	attempt->xid = InvalidTransactionId;
	attempt->sqlstate = 0;
	attempt->rows = -1;
	attempt->next = attempts;
	attempts = attempt;
}

static const char *
command_of(CmdType operation)
{
	switch (operation)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		default:
			return "MERGE";
	}
}

/* Partitions are told by their root: the first says all. */
static void
note_plan(QueryDesc *queryDesc, Plan *plan)
{
	ListCell   *lc;

	if (plan == NULL || !IsA(plan, ModifyTable))
		return;
	foreach(lc, ((ModifyTable *) plan)->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), queryDesc->plannedstmt->rtable);
		const CsecTable *table = csec_table_lookup(rte->relid);

		if (table == NULL || table->is_trail)
			continue;
		note_attempt(queryDesc, table, command_of(((ModifyTable *) plan)->operation),
					 ((ModifyTable *) plan)->canSetTag);
		return;
	}
}

void
csec_attempts_query(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	ListCell   *lc;

	if (RecoveryInProgress() || !csec_database_has_csec())
		return;
	csec_attempts_emit();
	note_plan(queryDesc, stmt->planTree);
	/* those in WITH are plans of their own */
	foreach(lc, stmt->subplans)
		note_plan(queryDesc, lfirst(lc));
}

static void
note_relation(const void *owner, RangeVar *relation, const char *command)
{
	Oid			relid = RangeVarGetRelid(relation, NoLock, true);
	const CsecTable *table = OidIsValid(relid) ? csec_table_lookup(relid) : NULL;

	if (table != NULL && !table->is_trail)
		note_attempt(owner, table, command, false);
}

/* COPY and TRUNCATE change tables without a query. */
void
csec_attempts_utility(const void *owner, Node *stmt)
{
	ListCell   *lc;

	if ((!IsA(stmt, CopyStmt) && !IsA(stmt, TruncateStmt)) ||
		RecoveryInProgress() || !csec_database_has_csec())
		return;
	csec_attempts_emit();
	if (IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->is_from)
		note_relation(owner, ((CopyStmt *) stmt)->relation, "COPY");
	else if (IsA(stmt, TruncateStmt))
		foreach(lc, ((TruncateStmt *) stmt)->relations)
			note_relation(owner, lfirst(lc), "TRUNCATE");
}

static void
drop_attempt(Attempt *attempt)
{
	csec_identity_release(attempt->identity);
	if (spare == NULL)
		spare = attempt;
	else
		pfree(attempt);
}

void
csec_attempts_done(const void *owner)
{
	Attempt   **link = &attempts;

	while (*link != NULL)
	{
		Attempt    *attempt = *link;

		if (attempt->owner == owner)
		{
			*link = attempt->next;
			drop_attempt(attempt);
		}
		else
			link = &attempt->next;
	}
}

/* Allocates nothing and looks nothing up. */
void
csec_attempts_failed(const void *owner, const EState *estate)
{
	for (Attempt *attempt = attempts; attempt != NULL; attempt = attempt->next)
	{
		if (attempt->owner != owner)
			continue;
		attempt->owner = NULL;
		attempt->sqlstate = geterrcode();
		attempt->xid = GetCurrentTransactionIdIfAny();
		if (estate != NULL && attempt->main)
			attempt->rows = (int64) estate->es_processed;
	}
}

/* What a subtransaction had begun is over with it. */
void
csec_attempts_subabort(SubTransactionId subid)
{
	for (Attempt *attempt = attempts; attempt != NULL; attempt = attempt->next)
		if (attempt->subid >= subid)
			attempt->owner = NULL;
}

/*
 * A record of a change, rolled back, that is about no customer and has no rows;
 * the outcome needs no transaction, as it is known.
 */
static void
emit_attempt(const Attempt *attempt)
{
	static const uint8 nobody[] = {CSEC_SUBJECTS_RANGES, 0};
	char		detail[32];

	csec_record_begin(CSEC_KIND_CHANGE, CSEC_BODY_ABORTED, attempt->identity);
	csec_record_u32(CSEC_TAG_XID, attempt->xid);
	csec_record_u32(CSEC_TAG_RELID, attempt->root);
	csec_record_text(CSEC_TAG_RELATION, attempt->relation);
	csec_record_text(CSEC_TAG_STATEMENT, attempt->command);
	csec_record_varint(CSEC_TAG_STATEMENT_NO, attempt->statement_number);
	csec_record_u8(CSEC_TAG_STATUS, CSEC_STATUS_ERROR);
	if (attempt->rows >= 0)
		csec_record_varint(CSEC_TAG_ROWS, (uint64) attempt->rows);
	csec_record_bytes(CSEC_TAG_SUBJECTS, nobody, sizeof(nobody));
	if (attempt->sqlstate != 0)
	{
		snprintf(detail, sizeof(detail), "{\"sqlstate\": \"%s\"}", unpack_sql_state(attempt->sqlstate));
		csec_record_text(CSEC_TAG_DETAIL, detail);
	}
	csec_record_emit();
}

/* Those that failed, in the order in which they began. */
static void
emit_failed(void)
{
	Attempt    *failed = NULL;
	Attempt   **link = &attempts;

	while (*link != NULL)
	{
		Attempt    *attempt = *link;

		if (attempt->owner != NULL)
		{
			link = &attempt->next;
			continue;
		}
		*link = attempt->next;
		attempt->next = failed;
		failed = attempt;
	}
	while (failed != NULL)
	{
		Attempt    *attempt = failed;

		failed = attempt->next;
		emit_attempt(attempt);
		drop_attempt(attempt);
	}
}

void
csec_attempts_emit(void)
{
	if (unlikely(attempts != NULL))
		emit_failed();
}

void
csec_attempts_end(bool aborted)
{
	if (likely(attempts == NULL))
		return;
	if (aborted)
		csec_attempts_subabort(TopSubTransactionId);
	emit_failed();
	while (attempts != NULL)
	{
		Attempt    *attempt = attempts;

		attempts = attempt->next;
		drop_attempt(attempt);
	}
}
