/*
 * suspended.h
 *		Whether the person behind the session's login may see anything in clear.
 */
#ifndef CSEC_POLICY_SUSPENDED_H
#define CSEC_POLICY_SUSPENDED_H

#include "postgres.h"

extern void csec_suspended_init(void);

/*
 * Is the login that was authenticated one of a person who is suspended or has
 * left?  A login that is nobody's is not.  True also where that cannot be
 * known, and for a row that was edited behind csec's back.
 */
extern bool csec_is_suspended(void);

#endif							/* CSEC_POLICY_SUSPENDED_H */
