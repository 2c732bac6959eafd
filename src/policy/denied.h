/*
 * denied.h
 *		Policy says no: tell the floor above, which puts it on record.
 */
#ifndef CSEC_POLICY_DENIED_H
#define CSEC_POLICY_DENIED_H

#include "postgres.h"

typedef void (*CsecDenied) (const char *what, uint32 category);

/* Set by the capture floor as the library is loaded. */
extern CsecDenied csec_denied_hook;

/* What was denied, and the category, or CSEC_CATEGORY_NONE. */
extern void csec_denied(const char *what, uint32 category);

#endif							/* CSEC_POLICY_DENIED_H */
