/*
 * stream.c
 *		What backends, launcher and sealers share about the audit stream.
 *
 * A place is taken for a database when the first of its backends asks for
 * one and stays until the launcher finds the database gone.  Places never
 * move, so a pointer once found may be kept by a backend for its life: its
 * own database cannot be dropped under it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "audit/connections.h"
#include "audit/stream.h"
#include "util/shared_memory.h"

CsecStreams *csec_streams = NULL;

/* A place that is nobody's; of the database before nothing is left. */
static void
clear(CsecStream *stream)
{
	memset(stream, 0, sizeof(CsecStream));
	pg_atomic_init_u64(&stream->sealed_lsn, 0);
	pg_atomic_init_u64(&stream->emitted_lsn, 0);
	pg_atomic_init_u64(&stream->awaited_lsn, 0);
	pg_atomic_init_u64(&stream->sealed_seq, 0);
	pg_atomic_init_u64(&stream->slowed, 0);
	pg_atomic_init_u32(&stream->sealer_idle, 0);
	pg_atomic_init_u64(&stream->suspended_until, 0);
	pg_atomic_init_u64(&stream->checkpoint_wanted, 0);
	pg_atomic_init_u64(&stream->checkpoint_tried, 0);
	pg_atomic_init_u32(&stream->anchor_due, 0);
	pg_atomic_init_u32(&stream->keys_shut, 0);
	ConditionVariableInit(&stream->sealed);
}

static void
fill(LWLock *lock)
{
	csec_streams->lock = lock;
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
		clear(&csec_streams->stream[i]);
}

static const CsecSharedPart part = {
	.name = "csec stream",
	.size = sizeof(CsecStreams),
	.locked = true,
	.memory = (void **) &csec_streams,
	.fill = fill,
};

void
csec_stream_init(void)
{
	csec_shared_memory(&part);
}

static CsecStream *
find(Oid database)
{
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
		if (csec_streams->stream[i].database == database)
			return &csec_streams->stream[i];
	return NULL;
}

/*
 * The stream of a database, made if make is true; NULL where there is none.
 * An error where all places are taken.
 */
CsecStream *
csec_stream_of(Oid database, bool make)
{
	CsecStream *stream;

	LWLockAcquire(csec_streams->lock, make ? LW_EXCLUSIVE : LW_SHARED);
	stream = find(database);
	if (stream == NULL && make)
	{
		stream = find(InvalidOid);
		if (stream != NULL)
		{
			clear(stream);
			stream->connections_seen = csec_connections_added();
			stream->database = database;
		}
	}
	LWLockRelease(csec_streams->lock);
	if (stream == NULL && make)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("csec serves at most %d databases of a cluster", CSEC_MAX_DATABASES),
				 errhint("Move databases to another cluster.")));
	return stream;
}

void
csec_stream_poke_launcher(void)
{
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	if (csec_streams->launcher_latch != NULL)
		SetLatch(csec_streams->launcher_latch);
	LWLockRelease(csec_streams->lock);
}

void
csec_stream_poke_sealer(CsecStream *stream)
{
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	if (stream->sealer_latch != NULL)
		SetLatch(stream->sealer_latch);
	LWLockRelease(csec_streams->lock);
}

void
csec_stream_failed(CsecStream *stream, const char *why)
{
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->failed_at = GetCurrentTimestamp();
	strlcpy(stream->last_error, why, CSEC_STREAM_ERROR_SIZE);
	LWLockRelease(csec_streams->lock);
}
