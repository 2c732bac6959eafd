/*
 * standby.c
 *		See whether a standby has the keys, before it takes over.
 *
 * There are no sealers there, as nothing can be written, and no launcher; but the
 * provider that a standby has is its own, and so is csec.kek.  When it is promoted
 * is the worst moment to learn that it does not have the keys.  So a worker asks
 * the provider as the launcher does elsewhere, and then has the keys of each
 * database tried: the primary may have wrapped them under a KEK of which nobody
 * told the standby.
 *
 * For that it starts a worker in one database after the other, which tells what
 * it found in shared memory, and ends.  What is found stands in
 * csec.key_provider and in the log; the trail learns it after the promotion.
 *
 * It is not the launcher that does it, which must be there the moment that a
 * standby is promoted: the checkpoint that comes then may remove WAL that a sealer
 * has not read.  Where the server is no standby, the worker leaves for good as
 * soon as it has started, and takes no place that another worker could have.
 */
#include "sealer/standby.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "audit/stream.h"
#include "keys/keyring.h"
#include "sealer/key_watch.h"
#include "sealer/worker.h"
#include "util/subtransaction.h"

#define RESTART_SECONDS	5
/* So long a promotion may go unnoticed, until the launcher tells. */
#define LOOK_MS		1000

static bool
is_over(void)
{
	return ShutdownRequestPending || !RecoveryInProgress();
}

static void
doze(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_MS, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* ---- the worker of the standby ---- */

static BackgroundWorkerHandle *
start_worker(Oid database)
{
	BackgroundWorkerHandle *handle;
	BackgroundWorker worker = {
		.bgw_type = "csec keys",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "csec",
		.bgw_function_name = "csec_standby_keys_main",
		.bgw_main_arg = ObjectIdGetDatum(database),
		.bgw_notify_pid = MyProcPid
	};

	snprintf(worker.bgw_name, BGW_MAXLEN, "csec keys of database %u", database);
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	csec_streams->keys_tried = database;
	csec_streams->keys_known = false;
	LWLockRelease(csec_streams->lock);
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* NULL: it is gone. */
static char *
name_of(Oid database)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *name;

	StartTransactionCommand();
	name = get_database_name(database);
	if (name != NULL)
		name = MemoryContextStrdup(context, name);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return name;
}

/* What came of it; NULL: the keys of the database open, or it is gone. */
static char *
result_of(Oid database)
{
	bool		known;
	char		trouble[sizeof(csec_streams->keys_trouble)];
	char	   *name;

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	known = csec_streams->keys_known;
	strlcpy(trouble, csec_streams->keys_trouble, sizeof(trouble));
	LWLockRelease(csec_streams->lock);
	if (known)
		return trouble[0] != '\0' ? pstrdup(trouble) : NULL;
	name = name_of(database);
	if (name == NULL)
		return NULL;
	return psprintf("could not try the keys of database \"%s\". See the server's log; it takes a free place in max_worker_processes.",
					name);
}

/* False: it was cut short. */
static bool
try_database(Oid database, char **trouble)
{
	BackgroundWorkerHandle *handle = start_worker(database);
	pid_t		pid;

	while (handle != NULL && GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
	{
		if (is_over())
		{
			TerminateBackgroundWorker(handle);
			return false;
		}
		doze();
	}
	*trouble = result_of(database);
	return true;
}

/* All are tried, so that the log has all; the first trouble is shown. */
static bool
try_databases(char **trouble)
{
	ListCell   *cell;

	foreach(cell, csec_worker_databases())
	{
		char	   *one;

		if (!try_database(lfirst_oid(cell), &one))
			return false;
		if (*trouble == NULL)
			*trouble = one;
	}
	return true;
}

static void
tell_launcher(int code, Datum arg)
{
	csec_stream_poke_launcher();
}

static void
stand_by(void)
{
	bool		due = true;
	CsecKeksWhy why = CSEC_KEKS_CHECK;

	while (!is_over())
	{
		if (due)
			csec_keks_read(why, try_databases);
		if (is_over())
			break;
		doze();
		why = ConfigReloadPending ? CSEC_KEKS_RELOADED : CSEC_KEKS_CHECK;
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		due = why == CSEC_KEKS_RELOADED || csec_keks_due_in() <= 0;
	}
}

void
csec_standby_main(Datum arg)
{
	csec_worker_begin();
	/* a reload that came while it was started would be lost on it */
	ProcessConfigFile(PGC_SIGHUP);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("csec standby");
	/* first of all, as a launcher looks for it that starts meanwhile */
	before_shmem_exit(tell_launcher, 0);
	csec_worker_take_place(&csec_streams->standby_latch);
	stand_by();
	proc_exit(ShutdownRequestPending ? 1 : 0);
}

void
csec_standby_init(void)
{
	BackgroundWorker worker = {
		.bgw_name = "csec standby",
		.bgw_type = "csec standby",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_library_name = "csec",
		.bgw_function_name = "csec_standby_main"
	};

	RegisterBackgroundWorker(&worker);
}

/* ---- the launcher ---- */

bool
csec_standby_is_over(void)
{
	bool		over;

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	over = csec_streams->standby_latch == NULL;
	if (!over)
		SetLatch(csec_streams->standby_latch);
	LWLockRelease(csec_streams->lock);
	return over;
}

/* ---- the worker in a database ---- */

static void
tell(const char *trouble)
{
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	if (csec_streams->keys_tried == MyDatabaseId)
	{
		csec_streams->keys_known = true;
		strlcpy(csec_streams->keys_trouble, trouble, sizeof(csec_streams->keys_trouble));
	}
	LWLockRelease(csec_streams->lock);
}

/* In words for csec.key_provider. */
static char *
in_words(const char *message, const char *hint)
{
	return psprintf("database \"%s\": %s. %s", get_database_name(MyDatabaseId),
					message, hint != NULL ? hint : "");
}

/* Empty: all open. */
static char *
look(void)
{
	const CsecKeyTrouble *trouble = csec_keys_watch(NULL, InvalidXLogRecPtr);

	return trouble != NULL ? in_words(trouble->message, trouble->hint) : "";
}

static void
check_root(void *arg)
{
	csec_keyring_check();
}

/* Under another root key nothing that is protected can be read. */
static char *
look_at_root(void)
{
	ErrorData  *error = csec_in_subtransaction(check_root, NULL);

	if (error == NULL)
		return "";
	/* a lock, say, tells nothing of keys: then they were not tried */
	if (error->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		ReThrowError(error);
	ereport(WARNING,
			(errmsg("database \"%s\": %s", get_database_name(MyDatabaseId), error->message),
			 error->hint ? errhint("%s", error->hint) : 0));
	return in_words(error->message, error->hint);
}

void
csec_standby_keys_main(Datum arg)
{
	csec_worker_begin();
	/* who replays a lock of the primary's does not wait for us, nor we for him */
	csec_worker_connect(DatumGetObjectId(arg), "2s");
	csec_worker_start_transaction();
	if (OidIsValid(get_extension_oid("csec", true)))
	{
		char	   *keys = look();
		char	   *root = look_at_root();

		tell(root[0] != '\0' ? root : keys);
	}
	else
		tell("");
	csec_worker_commit();
	proc_exit(0);
}
