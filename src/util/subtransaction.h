/*
 * subtransaction.h
 *		Work that may fail without anything else failing.
 */
#ifndef CSEC_UTIL_SUBTRANSACTION_H
#define CSEC_UTIL_SUBTRANSACTION_H

#include "postgres.h"

/*
 * csec_in_subtransaction
 *		Do work(arg) in a subtransaction of its own.
 *
 * NULL where it succeeded; else nothing of it is left, and this is what it
 * failed with, palloc'd in the caller's context (FreeErrorData()).
 */
extern ErrorData *csec_in_subtransaction(void (*work) (void *arg), void *arg);

#endif							/* CSEC_UTIL_SUBTRANSACTION_H */
