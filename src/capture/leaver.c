/*
 * leaver.c
 *		Ends the sessions of logins that may not log in any more.
 *
 * Until a transaction that takes LOGIN from a role is committed, the role can
 * log in, and its sessions would stay for as long as they like.  So the
 * sessions are ended when that has become so.  Whether it has, as a savepoint
 * may have been taken back, is looked up just before the commit; behind it
 * nothing is, and nothing allocated.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "capture/leaver.h"

static List *leavers = NIL;		/* OIDs, of this transaction and in its memory */

static bool
can_log_in(Oid role)
{
	HeapTuple	row = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		can = HeapTupleIsValid(row) && ((Form_pg_authid) GETSTRUCT(row))->rolcanlogin;

	if (HeapTupleIsValid(row))
		ReleaseSysCache(row);
	return can;
}

static void
keep_who_cannot(void)
{
	ListCell   *lc;

	foreach(lc, leavers)
		if (can_log_in(lfirst_oid(lc)))
			leavers = foreach_delete_current(leavers, lc);
}

/* A place may be another session's by now, or nobody's: then it is in no list of who runs. */
static void
end_sessions(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		int			pid = proc->pid;

		if (pid != 0 && pid != MyProcPid && list_member_oid(leavers, proc->roleId) &&
			BackendPidGetProc(pid) == proc)
			(void) kill(pid, SIGTERM);
	}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (likely(leavers == NIL))
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			keep_who_cannot();
			return;
		case XACT_EVENT_COMMIT:
			end_sessions();
			break;
		default:
			break;
	}
	leavers = NIL;
}

void
csec_leaver_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_end_sessions);

/* csec.end_sessions(login regrole): when this transaction commits, if it may not log in then. */
Datum
csec_end_sessions(PG_FUNCTION_ARGS)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	leavers = list_append_unique_oid(leavers, PG_GETARG_OID(0));
	MemoryContextSwitchTo(old);
	PG_RETURN_VOID();
}
