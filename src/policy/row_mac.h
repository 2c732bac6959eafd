/*
 * row_mac.h
 *		A keyed code over a row of policy, so that one that was put or changed
 *		behind csec's back is told from one that csec's trigger has seen.
 */
#ifndef CSEC_POLICY_ROW_MAC_H
#define CSEC_POLICY_ROW_MAC_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

/* Does the row's column "mac" hold the code of its other columns? */
extern bool csec_row_is_sound(HeapTuple row, TupleDesc desc);

/*
 * The same for a row that is about to decide something: one that does not
 * count is put on record as "what that csec did not set", once in each session
 * that meets it.
 */
extern bool csec_row_counts(HeapTuple row, TupleDesc desc, const char *what);

#endif							/* CSEC_POLICY_ROW_MAC_H */
