/*
 * alerter.c
 *		Looks at what was sealed, and raises alerts.
 *
 * A background worker for each database whose trail is being sealed, started
 * by the launcher beside the sealer and not in it: whatever goes wrong in a
 * rule, or with a command that hangs, sealing goes on.  It keeps no state of
 * its own.  How far it has come stands in csec.alert_cursor, which moves in
 * the transaction that stores what was found, so a record is looked at once.
 *
 * What the rules do is SQL (sql/parts/86_alert_rules.sql), in batches.  Alerts
 * are committed before csec.alert_command is told of them, and noted as told
 * after it took them: however we end, each is told once at least.  One that it
 * did not take is tried again at once some times, then every minute, behind
 * those that are new; the first that it does not take then ends the attempt.
 * While a command runs the rules go on: one that hangs makes others late to be
 * told, but not to be raised.
 */
#include "sealer/alerter.h"

#include <sys/wait.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "audit/stream.h"
#include "sealer/worker.h"
#include "util/clock.h"
#include "util/command.h"
#include "util/guc.h"
#include "util/shell_command.h"

#define BATCH			5000
#define IDLE_MS			1000
#define TRIES			3		/* before an alert counts as not told */
#define RETRY_MS		60000	/* then */
#define TELL_AT_A_TIME	20

static CsecStream *stream = NULL;
static bool here = true;		/* the extension is */
static bool broken = false;		/* a batch failed */
static XLogRecPtr evaluated_lsn = InvalidXLogRecPtr;	/* sealed by then */
static int64 evaluated_at = 0;
static int64 retried_at = 0;	/* what was not told, and failed again */
static uint32 retried_reloads = 0;

static void
commit(void)
{
	csec_worker_commit();
	pgstat_report_stat(false);
}

static bool
must_leave(void)
{
	return csec_worker_is_dismissed(stream);
}

static void
leave_place(int code, Datum arg)
{
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->alerter_pid = 0;
	LWLockRelease(csec_streams->lock);
	csec_stream_poke_launcher();
}

/* One batch; true: there may be more. */
static bool
evaluate(void)
{
	bool		more = false;

	evaluated_lsn = pg_atomic_read_u64(&stream->sealed_lsn);
	evaluated_at = csec_clock_ms();
	csec_worker_start_transaction();
	here = OidIsValid(get_extension_oid("csec", true));
	if (here)
	{
		Oid			types[] = {INT4OID};
		Datum		args[] = {Int32GetDatum(BATCH)};
		bool		isnull;

		SPI_connect();
		if (SPI_execute_with_args("SELECT csec.evaluate_alerts($1)", 1, types, args,
								  NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not evaluate the rules of alerts");
		more = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										   1, &isnull)) >= BATCH;
		SPI_finish();
	}
	commit();
	return more;
}

/*
 * One batch, and on whatever happens in it: those who wait to be told do not
 * wait for a rule to be mended.  We end later, as after any error, and are
 * started again.
 */
static bool
try_evaluate(void)
{
	MemoryContext old = CurrentMemoryContext;
	volatile bool more = false;

	PG_TRY();
	{
		csec_worker_reload();
		if (csec_alerts)
			more = evaluate();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		broken = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return more;
}

/* An alert that waits to be told, and the command that tells of it. */
typedef struct Untold
{
	int64		id;
	bool		again;			/* it counts as not told already */
	char	   *command;		/* NULL: the setting makes none */
} Untold;

/* Those that were tried in this round already have had their turn. */
static bool
next_untold(TimestampTz round, bool again, Untold *untold)
{
	Oid			types[] = {TIMESTAMPTZOID, BOOLOID};
	Datum		args[] = {TimestampTzGetDatum(round), BoolGetDatum(again)};
	MemoryContext outer = CurrentMemoryContext;
	bool		found;

	csec_worker_start_transaction();
	SPI_connect();
	/* (what was told in the future was so before the clock was set back) */
	if (SPI_execute_with_args("SELECT id, kind, severity, coalesce(login, ''), times, told IS NOT NULL FROM csec.alert "
							  "WHERE told IS DISTINCT FROM 'yes' AND (told IS NULL OR $2) "
							  "AND coalesce(told_at NOT BETWEEN $1 AND pg_catalog.clock_timestamp(), true) "
							  "ORDER BY told IS NOT NULL, told_at NULLS FIRST, id LIMIT 1",
							  2, types, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read csec.alert");
	found = SPI_processed == 1;
	if (found)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		CsecShellWord words[] = {
			{'i', SPI_getvalue(row, desc, 1), false},
			{'k', SPI_getvalue(row, desc, 2), false},
			{'s', SPI_getvalue(row, desc, 3), false},
			{'u', SPI_getvalue(row, desc, 4), false},
			{'n', SPI_getvalue(row, desc, 5), false}
		};
		char	   *made = csec_shell_command(csec_alert_command, words, lengthof(words));

		untold->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		untold->again = DatumGetBool(SPI_getbinval(row, desc, 6, &isnull));
		untold->command = made == NULL ? NULL : MemoryContextStrdup(outer, made);
	}
	SPI_finish();
	commit();
	return found;
}

/* failure: NULL if it was told. */
static void
note_told(int64 id, const char *failure)
{
	Oid			types[] = {INT8OID, TEXTOID, INT4OID};
	Datum		args[] = {Int64GetDatum(id), failure == NULL ? (Datum) 0 : CStringGetTextDatum(failure), Int32GetDatum(TRIES)};
	char		nulls[] = {' ', failure == NULL ? 'n' : ' ', ' '};

	csec_worker_start_transaction();
	SPI_connect();
	if (SPI_execute_with_args("UPDATE csec.alert SET tries = tries + 1, told_at = pg_catalog.clock_timestamp(), tell_error = $2, "
							  "told = CASE WHEN $2 IS NULL THEN 'yes' WHEN tries + 1 >= $3 THEN 'failed' END WHERE id = $1",
							  3, types, args, nulls, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not write csec.alert");
	SPI_finish();
	commit();
}

/* Asked while a command runs, over which nothing may be thrown. */
static bool
evaluate_meanwhile(void)
{
	if (must_leave() || !here)
		return true;
	if (csec_clock_ms() - evaluated_at < IDLE_MS &&
		(broken || evaluated_lsn == pg_atomic_read_u64(&stream->sealed_lsn)))
		return false;
	(void) try_evaluate();
	return false;
}

/* False: we must leave.  failure: NULL if the alert was taken. */
static bool
run(const char *line, char **failure)
{
	CsecCommand command = {
		.line = line,
		.timeout_ms = csec_alert_command_timeout * 1000,
		.stop = evaluate_meanwhile
	};

	*failure = NULL;
	if (line == NULL)
	{
		*failure = "has a \"%\" that stands for nothing";
		return true;
	}
	switch (csec_command_run(&command))
	{
		case CSEC_COMMAND_DONE:
			break;
		case CSEC_COMMAND_FAILED:
			*failure = WIFSIGNALED(command.status) ?
				psprintf("was ended by signal %d", WTERMSIG(command.status)) :
				psprintf("ended with status %d", WEXITSTATUS(command.status));
			break;
		case CSEC_COMMAND_TOO_SLOW:
			*failure = psprintf("took longer than %d s", command.timeout_ms / 1000);
			break;
		case CSEC_COMMAND_NOT_RUN:
			*failure = psprintf("could not be run: %s", strerror(errno));
			break;
		case CSEC_COMMAND_STOPPED:
			return false;
	}
	return true;
}

/* Is what counts as not told to be tried again? */
static bool
may_retry(void)
{
	return csec_worker_reloads != retried_reloads || csec_clock_ms() - retried_at >= RETRY_MS;
}

/* Tell of some alerts that were not told; false: one was not taken. */
static bool
tell(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "csec alerts",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TimestampTz round = GetCurrentTimestamp();
	bool		all = true;
	Untold		untold;

	/* while a command runs, it may be set anew and the extension dropped */
	for (int i = 0; i < TELL_AT_A_TIME && here && csec_guc_is_set(csec_alert_command) && !must_leave(); i++)
	{
		char	   *failure;

		/* a transaction ends in a context of its own */
		MemoryContextSwitchTo(context);
		if (!next_untold(round, may_retry(), &untold))
			break;
		MemoryContextSwitchTo(context);
		if (!run(untold.command, &failure))
			break;
		if (failure != NULL && !untold.again)
			ereport(LOG,
					(errmsg("csec.alert_command %s for alert " INT64_FORMAT, failure, untold.id),
					 errhint("It must end with status 0 within csec.alert_command_timeout. It is tried again.")));
		note_told(untold.id, failure);
		all = all && failure == NULL;
		if (failure != NULL && untold.again)
		{
			retried_at = csec_clock_ms();
			retried_reloads = csec_worker_reloads;
		}
		if (broken)
			break;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return all;
}

/*
 * Until something was sealed, or the time is up.  The sealer broadcasts after
 * each seal; who parks us or ends the sealer does not, so the time is short.
 */
static void
wait_for_more(XLogRecPtr seen, long ms)
{
	int64		until = csec_clock_ms() + ms;

	ConditionVariablePrepareToSleep(&stream->sealed);
	while (pg_atomic_read_u64(&stream->sealed_lsn) == seen && !must_leave())
	{
		long		left = until - csec_clock_ms();

		if (left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&stream->sealed, Min(left, 100), PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/* There is one at most, and only where a sealer is at work. */
static bool
enter(void)
{
	bool		free;

	stream = csec_stream_of(MyDatabaseId, false);
	if (stream == NULL)
		return false;
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	free = stream->alerter_pid == 0;
	if (free)
		stream->alerter_pid = MyProcPid;
	LWLockRelease(csec_streams->lock);
	if (free)
		before_shmem_exit(leave_place, 0);
	return free && !must_leave();
}

void
csec_alerter_main(Datum arg)
{
	int64		told_at = 0;
	bool		all_told = true;

	csec_worker_begin();
	/* who drops the extension meets us half way: we are the one to give up */
	csec_worker_connect(DatumGetObjectId(arg), "500ms");
	SetConfigOption("deadlock_timeout", "50ms", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	if (!enter())
		proc_exit(0);

	while (here && !must_leave())
	{
		XLogRecPtr	sealed = pg_atomic_read_u64(&stream->sealed_lsn);
		bool		more;

		CHECK_FOR_INTERRUPTS();
		csec_worker_reload();
		if (!csec_alerts)
		{
			wait_for_more(sealed, IDLE_MS);
			continue;
		}
		more = try_evaluate();
		/* what was not taken is not tried at once again */
		if (here && (all_told || csec_clock_ms() - told_at >= 1000))
		{
			all_told = tell();
			told_at = csec_clock_ms();
		}
		if (broken)
			proc_exit(1);
		if (!more)
			wait_for_more(sealed, IDLE_MS);
	}
	proc_exit(0);
}
