/*
 * clearance.h
 *		What a role may see in clear: csec.clearance, through inheritance.
 */
#ifndef CSEC_POLICY_CLEARANCE_H
#define CSEC_POLICY_CLEARANCE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "policy/category.h"

extern void csec_clearance_init(void);

/*
 * Is this role cleared for the category at that time?  Roles it inherits from
 * count.  A level covers all levels below it; a category covers itself alone.
 */
extern bool csec_clearance_covers(Oid role, const CsecCategory *category,
								  TimestampTz at);

/* The default reason of a role or one it inherits from, or NULL. */
extern const char *csec_default_reason(Oid role);

/* Read what is not cached yet; false where it could not be brought up to date. */
extern bool csec_clearance_load(void);

#endif							/* CSEC_POLICY_CLEARANCE_H */
