/*
 * older.c
 *		Waits for whatever may still work under an old key.
 *
 * A session learns of a new key when its next transaction starts, or when it
 * takes a lock.  One that made a value before may store it as long as its
 * transaction lasts; when all that run now are over, none can come any more.
 * CREATE INDEX CONCURRENTLY waits in this way, and lock_timeout ends the wait.
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"

#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_wait_for_older);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_lock_alone);

/* csec.wait_for_older(): all transactions of this database that run now are over. */
Datum
csec_wait_for_older(PG_FUNCTION_ARGS)
{
	int			n;
	VirtualTransactionId *running = GetCurrentVirtualXIDs(InvalidTransactionId, false, false,
														  PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &n);

	for (int i = 0; i < n; i++)
		if (!VirtualXactLock(running[i], false))
		{
			PGPROC	   *holder = csec_proc_of(running[i]);

			if (holder != NULL)
				ereport(NOTICE,
						(errmsg("waiting for the transaction of process %d to end", holder->pid)));
			VirtualXactLock(running[i], true);
		}
	pfree(running);
	PG_RETURN_VOID();
}

/* csec.lock_alone(regclass): as LOCK TABLE, which takes no materialized view. */
Datum
csec_lock_alone(PG_FUNCTION_ARGS)
{
	LockRelationOid(PG_GETARG_OID(0), AccessExclusiveLock);
	PG_RETURN_VOID();
}
