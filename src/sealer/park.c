/*
 * park.c
 *		Keep the sealer, and who raises alerts, out of a database for a while.
 */
#include "sealer/park.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "audit/stream.h"
#include "util/clock.h"

/* A sealer that does not leave in time lets the command fail by itself. */
#define PARK_TIMEOUT_MS 30000

static List *parked_here = NIL;
static bool at_exit = false;

static void
release_all(int code, Datum arg)
{
	while (parked_here != NIL)
		csec_sealer_release(linitial_oid(parked_here));
}

static bool
sealer_is_out(CsecStream *stream)
{
	bool		out;

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	out = stream->sealer_pid == 0 && stream->alerter_pid == 0;
	LWLockRelease(csec_streams->lock);
	return out;
}

void
csec_sealer_park(Oid database)
{
	CsecStream *stream = csec_stream_of(database, false);
	MemoryContext old;
	int64		began = csec_clock_ms();

	if (stream == NULL)
		return;
	if (!at_exit)
		before_shmem_exit(release_all, 0);
	at_exit = true;

	old = MemoryContextSwitchTo(TopMemoryContext);
	parked_here = lappend_oid(parked_here, database);
	MemoryContextSwitchTo(old);
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->parked++;
	LWLockRelease(csec_streams->lock);

	csec_stream_poke_sealer(stream);
	while (!sealer_is_out(stream) && csec_clock_ms() - began < PARK_TIMEOUT_MS)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
csec_sealer_release(Oid database)
{
	CsecStream *stream;

	if (!list_member_oid(parked_here, database))
		return;
	parked_here = list_delete_oid(parked_here, database);
	stream = csec_stream_of(database, false);
	if (stream == NULL)
		return;
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	if (stream->parked > 0)
		stream->parked--;
	LWLockRelease(csec_streams->lock);
	csec_stream_poke_launcher();
}
