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
 * are committed before csec.alert_command is told of them; one that it did not
 * take is tried again, some times.
 */
#include "sealer/alerter.h"

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
#define TELL_AT_A_TIME	20

static CsecStream *stream = NULL;

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

/* One batch; true: there may be more.  *here: the extension still is. */
static bool
evaluate(bool *here)
{
	bool		more = false;

	csec_worker_start_transaction();
	*here = OidIsValid(get_extension_oid("csec", true));
	if (*here)
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

/* An alert that was not told yet: its words for the command, and its id. */
static bool
next_untold(int64 after, int64 *id, char **command)
{
	Oid			types[] = {INT8OID};
	Datum		args[] = {Int64GetDatum(after)};
	MemoryContext outer = CurrentMemoryContext;
	bool		found;

	csec_worker_start_transaction();
	SPI_connect();
	if (SPI_execute_with_args("SELECT id, kind, severity, coalesce(login, ''), times FROM csec.alert "
							  "WHERE told IS NULL AND id > $1 ORDER BY id LIMIT 1",
							  1, types, args, NULL, true, 1) != SPI_OK_SELECT)
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

		*id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		*command = made == NULL ? NULL : MemoryContextStrdup(outer, made);
	}
	SPI_finish();
	commit();
	return found;
}

static void
note_told(int64 id, bool done)
{
	Oid			types[] = {INT8OID, BOOLOID, INT4OID};
	Datum		args[] = {Int64GetDatum(id), BoolGetDatum(done), Int32GetDatum(TRIES)};

	csec_worker_start_transaction();
	SPI_connect();
	if (SPI_execute_with_args("UPDATE csec.alert SET tries = tries + 1, told_at = pg_catalog.clock_timestamp(), "
							  "told = CASE WHEN $2 THEN 'yes' WHEN tries + 1 >= $3 THEN 'failed' END WHERE id = $1",
							  3, types, args, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not write csec.alert");
	SPI_finish();
	commit();
}

static bool
run(const char *line)
{
	CsecCommand command = {
		.line = line,
		.timeout_ms = csec_alert_command_timeout * 1000,
		.stop = must_leave
	};

	return csec_command_run(&command) == CSEC_COMMAND_DONE;
}

/* Tell of some alerts that were not told; false: one was not taken. */
static bool
tell(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "csec alerts",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		id = 0;
	char	   *command;
	bool		all = true;

	if (csec_guc_is_set(csec_alert_command))
		for (int i = 0; i < TELL_AT_A_TIME && !must_leave(); i++)
		{
			bool		done;

			/* a transaction ends in a context of its own */
			MemoryContextSwitchTo(context);
			if (!next_untold(id, &id, &command))
				break;
			if (command == NULL)
				ereport(LOG,
						(errcode(ERRCODE_CONFIG_FILE_ERROR),
						 errmsg("csec.alert_command has a \"%%\" that stands for nothing"),
						 errhint("Write %%i, %%k, %%s, %%u, %%n, or %%%% for a percent sign.")));
			done = command != NULL &&
				run(command);
			if (!done && must_leave())
				break;
			if (!done && command != NULL)
				ereport(LOG,
						(errmsg("csec.alert_command failed for alert " INT64_FORMAT, id),
						 errhint("It must end with status 0 within csec.alert_command_timeout.")));
			note_told(id, done);
			all = all && done;
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
	bool		here = true;
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
		more = evaluate(&here);
		/* what was not taken is not tried at once again */
		if (here && (all_told || csec_clock_ms() - told_at >= 1000))
		{
			all_told = tell();
			told_at = csec_clock_ms();
		}
		if (!more)
			wait_for_more(sealed, IDLE_MS);
	}
	proc_exit(0);
}
