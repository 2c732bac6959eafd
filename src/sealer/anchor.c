/*
 * anchor.c
 *		Takes checkpoints outside, beside the sealer.
 *
 * A background worker that the sealer starts when there are checkpoints to
 * take, and that ends when it has taken them: a command that hangs, or a
 * directory on a server that does not answer, holds up nothing else.
 *
 * First csec.sign_command: it reads a checkpoint and prints signatures by keys
 * that are elsewhere.  Then csec.checkpoint_directory and
 * csec.checkpoint_command, which get each checkpoint with its signatures, in
 * order, and again until it was taken.  How far each has come stands in
 * csec_trail.anchor.
 */
#include "sealer/anchor.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "sealer/worker.h"
#include "util/clock.h"
#include "util/command.h"
#include "util/guc.h"
#include "util/shell_command.h"
#include "util/pgcompat.h"
#include "util/write_whole.h"

#define RETRY_MS 10000

/* Where a checkpoint goes. */
typedef struct Place
{
	const char *name;			/* in csec_trail.anchor */
	char	  **setting;
	void		(*take) (int64 epoch, const bytea *note);
} Place;

static CsecStream *stream = NULL;

/* ---- the sealer's side ---- */

void
csec_anchor_tend(CsecStream *of)
{
	static BackgroundWorkerHandle *running = NULL;
	static int64 not_before = 0;
	BackgroundWorker worker = {
		.bgw_type = "csec anchor",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "csec",
		.bgw_function_name = "csec_anchor_main",
		.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId),
		.bgw_notify_pid = MyProcPid
	};
	MemoryContext old;
	pid_t		pid;

	if (running != NULL)
	{
		if (GetBackgroundWorkerPid(running, &pid) != BGWH_STOPPED)
			return;
		pfree(running);
		running = NULL;
	}
	if (pg_atomic_read_u32(&of->anchor_due) == 0 || csec_clock_ms() < not_before ||
		!(csec_guc_is_set(csec_sign_command) || csec_guc_is_set(csec_checkpoint_directory) ||
		  csec_guc_is_set(csec_checkpoint_command)))
		return;
	not_before = csec_clock_ms() + (pg_atomic_read_u32(&of->anchor_due) > 1 ? RETRY_MS : 0);
	snprintf(worker.bgw_name, BGW_MAXLEN, "csec anchor of database %u", MyDatabaseId);
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &running))
	{
		running = NULL;
		not_before = csec_clock_ms() + RETRY_MS;
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker is free to take checkpoints of the audit trail outside"),
				 errhint("Raise max_worker_processes by one for each database with csec, and restart the server.")));
	}
	MemoryContextSwitchTo(old);
}

/* ---- the worker ---- */

static bool
must_leave(void)
{
	return csec_worker_is_dismissed(stream);
}

static void
begin(void)
{
	csec_worker_start_transaction();
	SPI_connect();
}

static void
commit(void)
{
	SPI_finish();
	csec_worker_commit();
}

static void
run(const char *sql, int n, Oid *types, Datum *values)
{
	if (SPI_execute_with_args(sql, n, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not work with csec_trail.anchor");
}

/*
 * The next checkpoint for a place, in the caller's memory; NULL: there is none.
 * Nothing goes outside before it is signed, where that is asked for.
 */
static bytea *
next_checkpoint(const Place *place, int64 *epoch, MemoryContext context)
{
	Oid			types[] = {TEXTOID, BOOLOID};
	Datum		values[] = {
		CStringGetTextDatum(place->name),
		BoolGetDatum(csec_guc_is_set(csec_sign_command) && strcmp(place->name, "sign") != 0)
	};
	bytea	   *note = NULL;

	run("SELECT c.epoch, csec.checkpoint_note(c.epoch) FROM csec_trail.checkpoint c "
		"WHERE c.epoch > coalesce((SELECT a.epoch FROM csec_trail.anchor a WHERE a.place = $1), 0) "
		"AND (NOT $2 OR c.epoch <= (SELECT a.epoch FROM csec_trail.anchor a WHERE a.place = 'sign')) "
		"ORDER BY c.epoch LIMIT 1", 2, types, values);
	if (SPI_processed == 1)
	{
		bool		isnull;
		MemoryContext old;
		HeapTuple	tuple = SPI_tuptable->vals[0];

		*epoch = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
		old = MemoryContextSwitchTo(context);
		note = DatumGetByteaPCopy(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		MemoryContextSwitchTo(old);
	}
	return note;
}

static void
tell_success(const Place *place, int64 epoch)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(place->name), Int64GetDatum(epoch)};

	run("INSERT INTO csec_trail.anchor AS a (place, epoch, size, reached_at) "
		"SELECT $1, epoch, size, pg_catalog.clock_timestamp() FROM csec_trail.checkpoint WHERE epoch = $2 "
		"ON CONFLICT (place) DO UPDATE SET epoch = excluded.epoch, size = excluded.size, "
		"reached_at = excluded.reached_at, failed_at = NULL, failures = 0, error = NULL",
		2, types, values);
}

static void
tell_failure(const Place *place, const char *error)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(place->name), CStringGetTextDatum(error)};

	run("INSERT INTO csec_trail.anchor AS a (place, epoch, size, failed_at, failures, error) "
		"VALUES ($1, 0, 0, pg_catalog.clock_timestamp(), 1, $2) "
		"ON CONFLICT (place) DO UPDATE SET failed_at = excluded.failed_at, "
		"failures = a.failures + 1, error = excluded.error",
		2, types, values);
}

static char *
expand(const char *setting, const char *name, int64 epoch)
{
	CsecShellWord words[] = {
		{'e', psprintf(INT64_FORMAT, epoch), true},
		{'d', psprintf("%u", MyDatabaseId), true}
	};
	char	   *line = csec_shell_command(setting, words, lengthof(words));

	if (line == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("%s has a \"%%\" that stands for nothing", name),
				 errhint("Write %%e for the number of the epoch, %%d for the OID of the database and %%%% for a percent sign.")));
	return line;
}

static void
run_command(const char *setting, const char *name, int64 epoch,
			const bytea *note, CsecCommand *command)
{
	char	   *line = expand(setting, name, epoch);

	command->line = line;
	command->input = VARDATA_ANY(note);
	command->input_len = VARSIZE_ANY_EXHDR(note);
	command->timeout_ms = csec_anchor_timeout * 1000;
	command->stop = must_leave;
	pgstat_report_activity(STATE_RUNNING, name);
	switch (csec_command_run(command))
	{
		case CSEC_COMMAND_DONE:
			break;
		case CSEC_COMMAND_STOPPED:
			proc_exit(0);
		case CSEC_COMMAND_TOO_SLOW:
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("%s took longer than %d s for epoch " INT64_FORMAT,
							name, csec_anchor_timeout, epoch)));
		case CSEC_COMMAND_FAILED:
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 WIFSIGNALED(command->status) ?
					 errmsg("%s was ended by signal %d for epoch " INT64_FORMAT,
							name, WTERMSIG(command->status), epoch) :
					 errmsg("%s ended with status %d for epoch " INT64_FORMAT,
							name, WEXITSTATUS(command->status), epoch)));
		case CSEC_COMMAND_NOT_RUN:
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("could not run %s: %m", name)));
	}
	pgstat_report_activity(STATE_IDLE, NULL);
	pfree(line);
}

static void
take_to_command(int64 epoch, const bytea *note)
{
	CsecCommand command = {0};

	run_command(csec_checkpoint_command, "csec.checkpoint_command", epoch, note, &command);
}

/* Its signatures are checked before they are kept. */
static void
take_to_sign(int64 epoch, const bytea *note)
{
	char		lines[8192];
	CsecCommand command = {.output = lines,.output_size = sizeof(lines)};
	Oid			types[] = {INT8OID, BYTEAOID};
	Datum		values[2];

	run_command(csec_sign_command, "csec.sign_command", epoch, note, &command);
	begin();
	values[0] = Int64GetDatum(epoch);
	values[1] = PointerGetDatum(cstring_to_text_with_len(lines, (int) command.output_len));
	run("SELECT csec.attach_signatures($1, $2)", 2, types, values);
	commit();
}

static bool
holds(const char *path, const bytea *note)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	size_t		len = VARSIZE_ANY_EXHDR(note);
	char	   *bytes = palloc(len + 1);
	bool		same = fd >= 0 && read(fd, bytes, len + 1) == (ssize_t) len &&
		memcmp(bytes, VARDATA_ANY(note), len) == 0;

	if (fd >= 0)
		(void) CloseTransientFile(fd);
	pfree(bytes);
	return same;
}

/* What lies there already is evidence and never written over. */
static void
take_to_directory(int64 epoch, const bytea *note)
{
	char	   *path;
	char	   *temporary;
	int			fd;

	begin();
	path = psprintf("%s/csec_" UINT64_FORMAT "_%u_" INT64_FORMAT ".note",
					csec_checkpoint_directory, GetSystemIdentifier(), MyDatabaseId, epoch);
	temporary = psprintf("%s.%d.tmp", path, MyProcPid);
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.checkpoint_directory is not an absolute path")));
	if (access(path, F_OK) == 0)
	{
		if (!holds(path, note))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_FILE),
					 errmsg("another checkpoint of epoch " INT64_FORMAT " is in csec.checkpoint_directory", epoch),
					 errhint("This trail is a fork, or was set back. Keep both, and set another directory.")));
	}
	else
	{
		(void) unlink(temporary);
		fd = OpenTransientFilePerm(temporary, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY,
								   S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
		if (fd < 0 || !csec_write_whole(fd, VARDATA_ANY(note), VARSIZE_ANY_EXHDR(note)) ||
			pg_fsync(fd) != 0 || CloseTransientFile(fd) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to csec.checkpoint_directory: %m")));
		durable_rename(temporary, path, ERROR);
	}
	commit();
}

/* False where it failed; that is told. */
static bool
take_all(const Place *place)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool good = true;

	PG_TRY();
	{
		for (;;)
		{
			int64		epoch;
			bytea	   *note;

			CHECK_FOR_INTERRUPTS();
			if (must_leave())
				proc_exit(0);
			begin();
			note = next_checkpoint(place, &epoch, context);
			commit();
			MemoryContextSwitchTo(context);
			if (note == NULL)
				break;
			place->take(epoch, note);
			begin();
			tell_success(place, epoch);
			commit();
			MemoryContextSwitchTo(context);
			pfree(note);
		}
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		ereport(LOG,
				(errmsg("a checkpoint of the audit trail could not be taken outside: %s", error->message),
				 errdetail("It is tried again.")));
		begin();
		tell_failure(place, error->message);
		commit();
		good = false;
	}
	PG_END_TRY();
	return good;
}

void
csec_anchor_main(Datum arg)
{
	static const Place places[] = {
		{"sign", &csec_sign_command, take_to_sign},
		{"directory", &csec_checkpoint_directory, take_to_directory},
		{"command", &csec_checkpoint_command, take_to_command}
	};
	bool		good = true;

	csec_worker_begin();
	csec_worker_connect(DatumGetObjectId(arg), "10s");
	stream = csec_stream_of(MyDatabaseId, false);
	if (stream == NULL)
		proc_exit(0);

	/* what becomes due from now on is another worker's, if not this one's */
	pg_atomic_write_u32(&stream->anchor_due, 0);
	for (int i = 0; i < lengthof(places); i++)
		if (csec_guc_is_set(*places[i].setting))
			good = take_all(&places[i]) && good;
	if (!good)
		pg_atomic_write_u32(&stream->anchor_due, 2);
	proc_exit(0);
}
