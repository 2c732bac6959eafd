/*
 * attempts.h
 *		Changes of protected tables that were tried and failed.
 */
#ifndef CSEC_CAPTURE_ATTEMPTS_H
#define CSEC_CAPTURE_ATTEMPTS_H

#include "executor/execdesc.h"
#include "nodes/parsenodes.h"

/* A statement begins; owner names it until it is over. */
extern void csec_attempts_query(QueryDesc *queryDesc);
extern void csec_attempts_utility(const void *owner, Node *stmt);

/* It has changed what it would. */
extern void csec_attempts_done(const void *owner);

/* It failed, in PG_CATCH. */
extern void csec_attempts_failed(const void *owner, const EState *estate);

extern void csec_attempts_subabort(SubTransactionId subid);

/* A statement is over: those that failed go out. */
extern void csec_attempts_emit(void);

/* The transaction is over: all that are left failed, or are forgotten. */
extern void csec_attempts_end(bool aborted);

#endif							/* CSEC_CAPTURE_ATTEMPTS_H */
