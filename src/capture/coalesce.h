/*
 * coalesce.h
 *		Tells reads that only repeat one on record as a number.
 */
#ifndef CSEC_CAPTURE_COALESCE_H
#define CSEC_CAPTURE_COALESCE_H

#include "nodes/bitmapset.h"

#include "policy/table.h"

/*
 * For how long after a read of these columns (numbered as in a range table
 * entry) others like it are told as a number, in ms; 0: each has its record.
 */
extern int	csec_repeats_within(const CsecTable *table, Bitmapset *selected, Bitmapset *conditions);

/* Get what the others need, while errors may be raised. */
extern void csec_repeats_prepare(void);

/*
 * Does the record that was just built say what one of the last "within" ms
 * said?  Then it is counted, and must not be emitted.  Else it may be the one
 * that others repeat, and says so.  Never fails: what cannot be told is no
 * repeat.
 */
extern bool csec_is_repeat(int within);

/* Emit the numbers whose time is over; all of them at the session's end. */
extern void csec_repeats_emit_due(void);

#endif							/* CSEC_CAPTURE_COALESCE_H */
