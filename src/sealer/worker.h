/*
 * worker.h
 *		What csec's background workers have in common.
 */
#ifndef CSEC_SEALER_WORKER_H
#define CSEC_SEALER_WORKER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "audit/stream.h"

/* First of all: signals; settings are followed at once, and so is the end. */
extern void csec_worker_begin(void);

/*
 * Then, but for the launcher: the database, and settings that no ALTER ROLE or
 * postgresql.conf changes; lock_timeout as its setting takes it.
 */
extern void csec_worker_connect(Oid database, const char *lock_timeout);

/* Be the one whose latch stands there, until the process ends. */
extern void csec_worker_take_place(struct Latch **place);

/* The databases that sessions may connect to; outside of a transaction. */
extern List *csec_worker_databases(void);

/* A transaction with a snapshot. */
extern void csec_worker_start_transaction(void);
extern void csec_worker_commit(void);

/* Read postgresql.conf anew, if somebody asked for that; how often it was. */
extern uint32 csec_worker_reloads;
extern void csec_worker_reload(void);

/*
 * Should a worker beside the sealer leave: the server stops, the sealer is gone,
 * or the database must be let go?  Throws nothing, and may be asked in waits.
 */
extern bool csec_worker_is_dismissed(CsecStream *stream);

#endif							/* CSEC_SEALER_WORKER_H */
