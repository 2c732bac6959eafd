/*
 * envelope_column.h
 *		Columns that hold encrypted values: one in each row, or an array.
 */
#ifndef CSEC_CAPTURE_ENVELOPE_COLUMN_H
#define CSEC_CAPTURE_ENVELOPE_COLUMN_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/relcache.h"

#include "types/envelope.h"

typedef struct CsecEnvelopeColumn
{
	AttrNumber	attno;
	bool		is_array;
} CsecEnvelopeColumn;

/* Opens a relation of which each row is looked at: a table or a materialized view. */
extern Relation csec_open_for_envelopes(Oid relid);

/* The columns of a relation that hold encrypted values, palloc'd. */
extern CsecEnvelopeColumn *csec_envelope_columns(TupleDesc desc, int *n);

/*
 * Show every envelope of a column's value to visit, until it says false, with
 * what its header says; the ciphertext may not be there.  Gives what visit
 * said last, true for an empty array.
 */
typedef bool (*CsecEnvelopeVisit) (const CsecEnvelope *envelope, void *arg);
extern bool csec_envelope_visit(const CsecEnvelopeColumn *column, Datum value,
								CsecEnvelopeVisit visit, void *arg);

/*
 * The value with what map makes of each of its envelopes: the value given, where
 * that envelope stays.
 */
typedef Datum (*CsecEnvelopeMap) (Datum value, const CsecEnvelope *envelope, void *arg);
extern Datum csec_envelope_mapped(const CsecEnvelopeColumn *column, Datum value,
								  CsecEnvelopeMap map, void *arg);

#endif							/* CSEC_CAPTURE_ENVELOPE_COLUMN_H */
