/*
 * ceiling.h
 *		What has been read as a mask stays one.
 *
 * The record of a read says which columns were shown in clear, by what holds
 * when the read begins.  A function may switch the role or state a reason
 * later in the same statement, and a clearance may be given meanwhile: values
 * of the rows that were read before would come out in clear, and the trail
 * would tell of masks.  So categories that a record has told as not in clear
 * are not shown until the statement ends, nor as long as a cursor or a portal
 * lives that was read so.
 */
#ifndef CSEC_POLICY_CEILING_H
#define CSEC_POLICY_CEILING_H

#include "postgres.h"

#include "utils/portal.h"

/* Is there any ceiling?  What exits ask first. */
extern bool csec_ceiling_any;

/* A statement begins: what was kept with cursors still holds for them. */
extern void csec_ceiling_new_statement(void);

/* A record tells that the category is not in clear. */
extern void csec_ceiling_lower(uint32 category);

/* May values of it not be shown in the statement, or the portal, that runs? */
extern bool csec_ceiling_is_low(uint32 category);

/* Does the test hold for one of the categories that are low now? */
extern bool csec_ceiling_find(bool (*test) (uint32 category));

/*
 * Rows that were read meanwhile can come out as long as this memory lives: it
 * belongs to a query, or to the rows that a portal keeps.  What is kept with a
 * portal is low in the whole session once rows of it were fetched.
 */
extern void csec_ceiling_keep(MemoryContext memory, Portal portal);

/* What was kept with this memory holds for the statement that runs, too. */
extern void csec_ceiling_resume(MemoryContext memory);

#endif							/* CSEC_POLICY_CEILING_H */
