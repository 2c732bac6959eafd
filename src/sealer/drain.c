/*
 * drain.c
 *		When the server stops, who may still write records?
 *
 * A fast shutdown ends sessions and background workers at the same time, and a
 * session that ends writes its last records then.  So the sealer stays until
 * the sessions are gone: the postmaster waits for them in any case.  What is
 * in the trail when the server is down is complete, and a copy of it (by
 * pg_upgrade, say) misses nothing.
 *
 * Whether the server stops, or only this process is to end, stands in the
 * postmaster's lock file alone.
 */
#include "sealer/drain.h"

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/backend_status.h"
#include "utils/pidfile.h"

#include "util/pgcompat.h"

#define LOCK_FILE "postmaster.pid"

static bool
server_stops(void)
{
	FILE	   *file = AllocateFile(LOCK_FILE, "r");
	char		line[MAXPGPATH];
	bool		stops = false;

	if (file == NULL)
		return false;
	for (int i = 1; fgets(line, sizeof(line), file) != NULL; i++)
		if (i == LOCK_FILE_LINE_PM_STATUS)
			stops = strncmp(line, PM_STATUS_STOPPING, strlen(PM_STATUS_STOPPING)) == 0;
	FreeFile(file);
	return stops;
}

/* Walsenders are left out: they stay until the very end. */
static bool
sessions_remain(void)
{
	bool		remain = false;

	pgstat_clear_backend_activity_snapshot();
	for (int i = 1; i <= pgstat_fetch_stat_numbackends() && !remain; i++)
	{
		PgBackendStatus *status = csec_backend_status(i);

		remain = status != NULL && status->st_backendType == B_BACKEND &&
			status->st_databaseid == MyDatabaseId;
	}
	pgstat_clear_backend_activity_snapshot();
	return remain;
}

bool
csec_sessions_are_ending(void)
{
	return server_stops() && sessions_remain();
}
