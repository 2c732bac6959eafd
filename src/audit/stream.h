/*
 * stream.h
 *		What backends, launcher and sealers share about the audit stream.
 *
 * One slot per database that has csec, found by database OID, in fixed
 * shared memory.  The numbers are hints that speed up a decision; the truth
 * is the WAL, the replication slot and csec_trail.sealer_state.
 */
#ifndef CSEC_AUDIT_STREAM_H
#define CSEC_AUDIT_STREAM_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#define CSEC_MAX_DATABASES	64	/* that can have csec in one cluster */
#define CSEC_STREAM_ERROR_SIZE	256

typedef struct CsecStream
{
	Oid			database;		/* InvalidOid: the place is free */
	pid_t		sealer_pid;		/* 0: none is running */
	pid_t		alerter_pid;	/* 0: none is running */
	struct Latch *sealer_latch; /* procLatch of the sealer, or NULL */
	int			parked;			/* > 0: no sealer may run (CREATE DATABASE …) */
	bool		wanted;			/* a sealer should run here */
	bool		urgent;			/* and somebody waits: start it at once */
	pg_atomic_uint64 sealed_lsn;	/* all records before it are sealed */
	pg_atomic_uint64 emitted_lsn;	/* end of the newest csec message */
	pg_atomic_uint64 awaited_lsn;	/* what csec.flush_audit() waits for */
	pg_atomic_uint64 sealed_seq;	/* number of the last record sealed */
	pg_atomic_uint64 slowed;		/* waits in csec_emit_check_lag() */
	pg_atomic_uint32 sealer_idle;	/* the sealer sleeps until it is poked */
	pg_atomic_uint64 suspended_until;	/* timestamptz; 0: recording is on */
	uint64		connections_seen;	/* by the sealer, which alone looks here */
	uint32		provider_told;	/* likewise: what the trail was told of the provider */
	pg_atomic_uint32 keys_shut; /* keys of the database that did not open when they were tried */
	ConditionVariable sealed;	/* broadcast when sealed_lsn or
								 * checkpoint_tried moves */
	TimestampTz failed_at;		/* when last_error was met; 0: all is well */
	char		last_error[CSEC_STREAM_ERROR_SIZE];
	pg_atomic_uint64 checkpoint_wanted; /* calls of csec.make_checkpoint() */
	pg_atomic_uint64 checkpoint_tried;	/* the last of them that was attended to */
	pg_atomic_uint32 anchor_due;	/* checkpoints wait to be taken outside; 2:
									 * it was tried and failed */
	TimestampTz checkpoint_failed_at;	/* as failed_at */
	char		checkpoint_error[CSEC_STREAM_ERROR_SIZE];
} CsecStream;

typedef struct CsecStreams
{
	LWLock	   *lock;			/* over all that is not atomic */
	struct Latch *launcher_latch;	/* NULL: there is none */
	struct Latch *standby_latch;	/* likewise: who asks for keys on a standby */
	Oid			keys_tried;		/* whose keys it has tried, */
	bool		keys_known;		/* whether that has been done, */
	char		keys_trouble[CSEC_STREAM_ERROR_SIZE * 2];	/* and what does not open */
	CsecStream	stream[CSEC_MAX_DATABASES];
} CsecStreams;

extern CsecStreams *csec_streams;

extern void csec_stream_init(void);

/* The stream of a database, made if make is true; NULL where there is none. */
extern CsecStream *csec_stream_of(Oid database, bool make);

/* Wake the launcher: a database wants a sealer, or is parked or released. */
extern void csec_stream_poke_launcher(void);
extern void csec_stream_poke_sealer(CsecStream *stream);

/* Why nothing is sealed, for csec.trail_status; until something is. */
extern void csec_stream_failed(CsecStream *stream, const char *why);

/*
 * Tell that a message was written that ends at lsn.  A sealer at work looks
 * for it by itself; only one that sleeps has to be woken.  The barrier pairs
 * with the sealer's: it says that it sleeps, then looks at emitted_lsn.
 */
static inline void
csec_stream_emitted(CsecStream *stream, XLogRecPtr lsn)
{
	pg_atomic_write_u64(&stream->emitted_lsn, lsn);
	pg_memory_barrier();
	if (unlikely(pg_atomic_read_u32(&stream->sealer_idle) != 0))
		csec_stream_poke_sealer(stream);
}

#endif							/* CSEC_AUDIT_STREAM_H */
