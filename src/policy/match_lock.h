/*
 * match_lock.h
 *		Who has claimed too much that was not so is locked out for a while.
 */
#ifndef CSEC_POLICY_MATCH_LOCK_H
#define CSEC_POLICY_MATCH_LOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"

extern void csec_match_lock_init(void);

/*
 * Count a failed match for the person and the login, beforehand, so
 * that neither a rollback nor a cancelled statement nor a second session gets
 * a guess for nothing.  False: locked out, *until then.
 */
extern bool csec_match_enter(TimestampTz *until);

/* The match succeeded: it does not count. */
extern void csec_match_take_back(void);

#endif							/* CSEC_POLICY_MATCH_LOCK_H */
