/*
 * reveal.h
 *		The values that a permit lets this session see.
 *
 * An exit of a value knows its category and its bytes, not its row.  So each
 * value of a permitted row is noted where the row is read, below everything
 * that could show it, and an exit shows, beyond what a clearance does, the
 * values that are noted.  A value that is not, whatever the reason, stays a
 * mask.
 *
 * What is noted is the value itself: the same value of another customer's is
 * shown, too.  That tells that the two are equal, which masks never hid.
 */
#ifndef CSEC_POLICY_REVEAL_H
#define CSEC_POLICY_REVEAL_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "policy/permit.h"

/*
 * What is shown goes into COPY, another table or a change of data, not to the
 * client as rows; set by the capture floor.
 */
extern bool csec_reveal_exporting;

/*
 * A row of a permitted customer is being read, under this permit; gives its
 * number, by which its values are noted.  0: there is no room for more.
 */
extern uint32 csec_reveal_row(int64 permit, Oid relid, ItemPointer tid);

/* One of its values: the text of a masked one, the envelope of an encrypted one. */
extern void csec_reveal_note(uint32 row, uint32 category, const void *bytes, size_t len);

/* Anything noted at all?  What exits ask first. */
extern bool csec_reveal_any;

/*
 * May this value be shown by a permit, now?  Takes the row from the permit's
 * quota when the first of its values is shown.
 */
extern bool csec_reveal_allows(uint32 category, const void *bytes, size_t len);

/*
 * As long as this memory lives, values that were noted may still be shown: it
 * belongs to a query, or to the rows that a cursor keeps.
 */
extern void csec_reveal_hold(MemoryContext memory);

/* A new query begins: forget all, if none that was begun before can go on. */
extern void csec_reveal_new_query(void);

#endif							/* CSEC_POLICY_REVEAL_H */
