/*
 * masked_writeback.h
 *		Masks that come back as values.
 */
#ifndef CSEC_TYPES_MASKED_WRITEBACK_H
#define CSEC_TYPES_MASKED_WRITEBACK_H

#include "executor/tuptable.h"

/*
 * csec_refuse_masks
 *		Raise an error where a column of this new row has the form of its
 *		category's mask.
 *
 * attnos: the columns to look at, all of a csec.masked type, as 1-based
 * numbers; csec_masked_columns() finds them.  For the AFTER
 * trigger that sees inserted rows: what an UPDATE brings was resolved by the
 * BEFORE trigger csec.keep_masked().  Error invalid_text_representation, with
 * table and column and without the value.
 */
extern void csec_refuse_masks(Oid relid, TupleTableSlot *slot,
							  const AttrNumber *attnos, int nattnos);

/*
 * csec_masked_columns
 *		The columns of type csec.masked and of domains over it, live ones
 *		only, as a palloc'd array; *n is their number.
 */
extern AttrNumber *csec_masked_columns(TupleDesc desc, int *n);

#endif							/* CSEC_TYPES_MASKED_WRITEBACK_H */
