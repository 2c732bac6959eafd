/*
 * worker.c
 *		What csec's background workers have in common.
 */
#include "sealer/worker.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "audit/identity.h"

void
csec_worker_begin(void)
{
	csec_is_own_worker = true;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
}

static void
set_place(struct Latch **place, struct Latch *latch)
{
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	*place = latch;
	LWLockRelease(csec_streams->lock);
}

static void
leave_place(int code, Datum arg)
{
	set_place((struct Latch **) DatumGetPointer(arg), NULL);
}

void
csec_worker_take_place(struct Latch **place)
{
	set_place(place, MyLatch);
	before_shmem_exit(leave_place, PointerGetDatum(place));
}

List *
csec_worker_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *all = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (database->datallowconn)
			all = lappend_oid(all, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return all;
}

static void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_OVERRIDE);
}

void
csec_worker_connect(Oid database, const char *lock_timeout)
{
	/*
	 * A background worker ignores SIGHUP until csec_worker_begin(): it would go on
	 * with the settings from before a reload that came while it was started.
	 */
	ProcessConfigFile(PGC_SIGHUP);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	set("search_path", "pg_catalog");
	set("lock_timeout", lock_timeout);
	set("statement_timeout", "0");
	set("idle_in_transaction_session_timeout", "0");
	set("default_transaction_read_only", "off");
	set("default_transaction_isolation", "read committed");
	/* a parallel worker would not know whose it is: csec_is_own_worker */
	set("max_parallel_workers_per_gather", "0");
}

void
csec_worker_start_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
csec_worker_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

uint32		csec_worker_reloads = 0;

void
csec_worker_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	csec_worker_reloads++;
}

bool
csec_worker_is_dismissed(CsecStream *stream)
{
	bool		dismissed;

	if (ShutdownRequestPending)
		return true;
	/* DROP DATABASE anywhere waits for each process to attend to its barrier */
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	dismissed = stream->parked > 0 || stream->sealer_pid == 0;
	LWLockRelease(csec_streams->lock);
	return dismissed;
}
