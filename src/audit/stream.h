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
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#define CSEC_MAX_DATABASES	64	/* that can have csec in one cluster */

typedef struct CsecStream
{
	Oid			database;		/* InvalidOid: the place is free */
	pid_t		sealer_pid;		/* 0: none is running */
	struct Latch *sealer_latch; /* procLatch of the sealer, or NULL */
	int			parked;			/* > 0: no sealer may run (CREATE DATABASE …) */
	bool		wanted;			/* a sealer should run here */
	pg_atomic_uint64 sealed_lsn;	/* all records before it are sealed */
	pg_atomic_uint64 emitted_lsn;	/* end of the newest csec message */
	ConditionVariable sealed;	/* broadcast when sealed_lsn moves */
} CsecStream;

typedef struct CsecStreams
{
	LWLock	   *lock;			/* over database, sealer_*, parked, wanted */
	pid_t		launcher_pid;
	struct Latch *launcher_latch;
	CsecStream	stream[CSEC_MAX_DATABASES];
} CsecStreams;

extern CsecStreams *csec_streams;

extern void csec_stream_init(void);

/* The stream of a database, made if make is true; NULL where there is none. */
extern CsecStream *csec_stream_of(Oid database, bool make);

/* Wake the launcher: a database wants a sealer, or is parked or released. */
extern void csec_stream_poke_launcher(void);
extern void csec_stream_poke_sealer(CsecStream *stream);

#endif							/* CSEC_AUDIT_STREAM_H */
