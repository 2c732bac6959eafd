/*
 * connections.c
 *		Who connected, or tried to, until the sealers have noted it.
 *
 * A login is no business of one database only: who fails has none yet, and a
 * base backup takes all of them.  Nothing can be written to the WAL on its
 * behalf at that time either.  So it is left in a ring in shared memory, and
 * each sealer takes from there at its own pace.  The ring does not grow: when
 * connections come faster than a sealer takes them, it is told how many it
 * missed.  A crash loses those that no sealer has taken, of the last second.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"

#include "audit/connections.h"
#include "util/shared_memory.h"

#define PLACES		1024

typedef struct Ring
{
	LWLock	   *lock;
	uint64		added;			/* since the server's start */
	CsecConnection place[PLACES];
} Ring;

static Ring *ring = NULL;

static void
fill(LWLock *lock)
{
	ring->lock = lock;
}

static const CsecSharedPart part = {
	.name = "csec connections",
	.size = sizeof(Ring),
	.locked = true,
	.memory = (void **) &ring,
	.fill = fill,
};

void
csec_connections_init(void)
{
	csec_shared_memory(&part);
}

void
csec_connections_add(const CsecConnection *connection)
{
	LWLockAcquire(ring->lock, LW_EXCLUSIVE);
	ring->place[ring->added % PLACES] = *connection;
	ring->added++;
	LWLockRelease(ring->lock);
}

uint64
csec_connections_added(void)
{
	uint64		added;

	LWLockAcquire(ring->lock, LW_SHARED);
	added = ring->added;
	LWLockRelease(ring->lock);
	return added;
}

bool
csec_connections_next(uint64 *cursor, CsecConnection *connection, uint64 *lost)
{
	bool		found;

	LWLockAcquire(ring->lock, LW_SHARED);
	if (ring->added > *cursor + PLACES)
	{
		*lost += ring->added - PLACES - *cursor;
		*cursor = ring->added - PLACES;
	}
	found = *cursor < ring->added;
	if (found)
		*connection = ring->place[(*cursor)++ % PLACES];
	LWLockRelease(ring->lock);
	return found;
}
