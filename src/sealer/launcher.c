/*
 * launcher.c
 *		Starts a sealer for each database that has a trail, and beside it who
 *		raises alerts.
 *
 * A static background worker without a database of its own.  When it starts
 * it probes every database once: a sealer is started there, and leaves if it
 * finds no extension.  Later, backends and sealers poke it through shared
 * memory: a stream that is wanted, not parked, and has no sealer gets one.
 *
 * It is also who cleans up after databases that are gone: their slots would
 * hold the WAL for ever.  And it is who asks the provider of keys, at a reload and
 * every csec.key_check_interval: one process, so that it is never asked twice at
 * once.  On a standby another worker does it (standby.c), whose end we wait for.
 */
#include "sealer/launcher.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/slot.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "audit/stream.h"
#include "sealer/key_watch.h"
#include "sealer/sealer.h"
#include "sealer/slot.h"
#include "sealer/standby.h"
#include "sealer/worker.h"
#include "util/clock.h"

#define RESTART_SECONDS	5
#define ALERTS_RESTART_MS 2000
#define CLEANING_MS		60000
#define BUSY_MS			100
#define COMPLAINT_MS	60000

/* So long work that waits goes before a check of the keys, which takes its time. */
#define CHECK_WAITS_MS	60000

/* A sealer that was started, or a worker that raises alerts. */
typedef struct Child
{
	Oid			database;
	bool		alerts;
	BackgroundWorkerHandle *handle;
	int64		started;		/* on csec_clock_ms(), as all times here */
} Child;

static List *children = NIL;	/* of Child: they run, or will in a moment */
static List *to_probe = NIL;	/* OIDs of databases not looked at yet */

/* When a sealer of a stream may be started again; by place in csec_streams. */
static int64 not_before[CSEC_MAX_DATABASES];
static int64 alerts_not_before[CSEC_MAX_DATABASES];

void
csec_launcher_init(void)
{
	BackgroundWorker worker = {
		.bgw_name = "csec launcher",
		.bgw_type = "csec launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_library_name = "csec",
		.bgw_function_name = "csec_launcher_main"
	};

	/* pg_upgrade needs the databases to itself */
	if (IsBinaryUpgrade)
		return;
	RegisterBackgroundWorker(&worker);
	csec_standby_init();
}

static bool
database_is_open(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		open;

	if (!HeapTupleIsValid(tuple))
		return false;
	open = ((Form_pg_database) GETSTRUCT(tuple))->datallowconn;
	ReleaseSysCache(tuple);
	return open;
}

/* False where no worker could be had; says why, but not every time. */
static bool
start_worker(Oid database, bool alerts)
{
	static int64 complained = 0;
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "csec",
		.bgw_main_arg = ObjectIdGetDatum(database),
		.bgw_notify_pid = MyProcPid
	};
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Child	   *child = palloc(sizeof(Child));
	int64		now = csec_clock_ms();

	snprintf(worker.bgw_type, BGW_MAXLEN, alerts ? "csec alerts" : "csec sealer");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, alerts ? "csec_alerter_main" : "csec_sealer_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s of database %u", worker.bgw_type, database);
	child->database = database;
	child->alerts = alerts;
	child->started = now;
	if (RegisterDynamicBackgroundWorker(&worker, &child->handle))
	{
		children = lappend(children, child);
		MemoryContextSwitchTo(old);
		return true;
	}
	pfree(child);
	MemoryContextSwitchTo(old);
	if (complained == 0 || now - complained > COMPLAINT_MS)
	{
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg(alerts ? "no background worker is free to raise alerts in database %u" :
						"no background worker is free to seal the audit trail of database %u", database),
				 errhint("Raise max_worker_processes by two for each database with csec, and restart the server.")));
		complained = now;
	}
	return false;
}

static Child *
child_of(Oid database, bool alerts)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		Child	   *child = lfirst(cell);

		if (child->database == database && child->alerts == alerts)
			return child;
	}
	return NULL;
}

/*
 * A sealer that failed, or ended as soon as it began, is not started again at
 * once: it would only fill the log.
 */
static void
bury(Child *child)
{
	CsecStream *stream = csec_stream_of(child->database, false);
	int64		now = csec_clock_ms();

	if (stream == NULL)
		return;
	if (child->alerts)
	{
		alerts_not_before[stream - csec_streams->stream] = now + ALERTS_RESTART_MS;
		return;
	}
	if (stream->failed_at != 0 || now - child->started < 1000)
		not_before[stream - csec_streams->stream] = now + RESTART_SECONDS * 1000;
}

static void
look_after_children(void)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		Child	   *child = lfirst(cell);
		pid_t		pid;

		if (GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED)
			continue;
		bury(child);
		children = foreach_delete_current(children, cell);
		pfree(child->handle);
		pfree(child);
	}
}

/* Has the sealer of a probed database told what it is: gone, or at work? */
static bool
probe_is_over(Oid database)
{
	CsecStream *stream = csec_stream_of(database, false);

	return child_of(database, false) == NULL || (stream != NULL && stream->sealer_pid != 0);
}

/* A launcher before this one may have started it. */
static bool
has_sealer(Oid database)
{
	CsecStream *stream = csec_stream_of(database, false);

	return child_of(database, false) != NULL || (stream != NULL && stream->sealer_pid != 0);
}

/* One at a time: a server with many databases has few workers. */
static void
probe_next(void)
{
	static Oid	probing = InvalidOid;

	if (OidIsValid(probing) && !probe_is_over(probing))
		return;
	probing = InvalidOid;
	if (to_probe == NIL)
		return;
	if (!has_sealer(linitial_oid(to_probe)))
	{
		bool		open;

		StartTransactionCommand();
		open = database_is_open(linitial_oid(to_probe));
		CommitTransactionCommand();
		if (open && !start_worker(linitial_oid(to_probe), false))
			return;
		if (open)
			probing = linitial_oid(to_probe);
	}
	to_probe = list_delete_first(to_probe);
}

static bool
wants_sealer(CsecStream *stream)
{
	bool		wants;

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	wants = OidIsValid(stream->database) && stream->wanted &&
		stream->parked == 0 && stream->sealer_pid == 0;
	LWLockRelease(csec_streams->lock);
	return wants && child_of(stream->database, false) == NULL;
}

/* Beside each sealer that is at work. */
static bool
wants_alerts(CsecStream *stream)
{
	bool		wants;

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	wants = OidIsValid(stream->database) && stream->wanted &&
		stream->parked == 0 && stream->sealer_pid != 0 && stream->alerter_pid == 0;
	LWLockRelease(csec_streams->lock);
	return wants && child_of(stream->database, true) == NULL;
}

/* True where something is left to do soon. */
static bool
start_wanted(void)
{
	int64		now = csec_clock_ms();
	bool		more = false;

	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
	{
		CsecStream *stream = &csec_streams->stream[i];
		bool		open;

		if (!wants_sealer(stream))
			continue;
		if (now < not_before[i] && !stream->urgent)
		{
			more = true;
			continue;
		}
		stream->urgent = false;
		StartTransactionCommand();
		open = database_is_open(stream->database);
		CommitTransactionCommand();
		if (open && !start_worker(stream->database, false))
		{
			csec_stream_failed(stream, "no background worker is free: raise max_worker_processes");
			more = true;
		}
	}
	/* sealers first, where workers are few */
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
	{
		CsecStream *stream = &csec_streams->stream[i];

		if (!wants_alerts(stream))
			continue;
		if (now < alerts_not_before[i] || !start_worker(stream->database, true))
			more = true;
	}
	return more;
}

/* Forget databases that are gone, and drop what they left behind. */
static void
clean_up(void)
{
	StartTransactionCommand();
	csec_slot_drop_orphans();
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
	{
		CsecStream *stream = &csec_streams->stream[i];

		if (!OidIsValid(stream->database) || stream->parked > 0 ||
			SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(stream->database)))
			continue;
		LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
		stream->database = InvalidOid;
		LWLockRelease(csec_streams->lock);
		not_before[i] = 0;
	}
	CommitTransactionCommand();
}

static void
warn_of_settings(void)
{
	if (max_slot_wal_keep_size_mb >= 0)
		ereport(WARNING,
				(errmsg("max_slot_wal_keep_size may remove WAL before its audit records are sealed"),
				 errhint("Set max_slot_wal_keep_size = -1; csec.max_unsealed limits what can pile up.")));
}

/* Why the provider is to be asked at once; a check is made when it is due. */
static CsecKeksWhy to_ask = CSEC_KEKS_OUTDATED;

/* Gives in how many ms there may be something to ask. */
static long
ask_provider(bool busy)
{
	if (to_ask == CSEC_KEKS_CHECK && csec_keks_due_in() > (busy ? -CHECK_WAITS_MS : 0))
		return Max(1, Min(CLEANING_MS, csec_keks_due_in()));
	if (!csec_standby_is_over())
		return BUSY_MS;
	csec_keks_read(to_ask, NULL);
	to_ask = CSEC_KEKS_CHECK;
	return Max(1, Min(CLEANING_MS, csec_keks_due_in()));
}

void
csec_launcher_main(Datum arg)
{
	int64		cleaned = 0;

	csec_worker_begin();
	/* a reload that came while it was started would be lost on it */
	ProcessConfigFile(PGC_SIGHUP);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("csec launcher");
	csec_worker_take_place(&csec_streams->launcher_latch);
	warn_of_settings();
	MemoryContextSwitchTo(TopMemoryContext);
	to_probe = csec_worker_databases();

	while (!ShutdownRequestPending)
	{
		bool		busy;
		long		until_asked;

		look_after_children();
		probe_next();
		busy = start_wanted() || to_probe != NIL;
		if (cleaned == 0 || csec_clock_ms() - cleaned > CLEANING_MS)
		{
			clean_up();
			cleaned = csec_clock_ms();
		}
		until_asked = ask_provider(busy);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 busy ? BUSY_MS : Min(CLEANING_MS, until_asked), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			warn_of_settings();
			to_ask = CSEC_KEKS_RELOADED;
		}
	}

	/*
	 * Whoever ended it without the server gets another one: after 0 the
	 * postmaster would start none, and no sealer after it.
	 */
	proc_exit(1);
}
