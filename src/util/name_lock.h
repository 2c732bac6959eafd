/*
 * name_lock.h
 *		Locks on what has a name and no row.
 */
#ifndef CSEC_UTIL_NAME_LOCK_H
#define CSEC_UTIL_NAME_LOCK_H

#include "postgres.h"

#include "storage/lock.h"

/* Until the end of the transaction; lock_timeout ends the wait. */
extern void csec_name_lock(const char *name, LOCKMODE mode);
extern void csec_name_unlock(const char *name, LOCKMODE mode);

#endif							/* CSEC_UTIL_NAME_LOCK_H */
