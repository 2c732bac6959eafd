/*
 * change_value.h
 *		How the trail shows an old or new value of a column.
 */
#ifndef CSEC_CAPTURE_CHANGE_VALUE_H
#define CSEC_CAPTURE_CHANGE_VALUE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "audit/change_row.h"
#include "keys/subject_key.h"
#include "types/trail_seal.h"

/* A column of a table whose changes are recorded. */
typedef struct CsecChangeColumn
{
	NameData	name;
	bool		dropped;
	bool		by_value;
	int16		typlen;
	bool		is_masked;		/* of a csec type */
	uint32		category;		/* of a classified column of another type; or 0 */
	FmgrInfo	output;
} CsecChangeColumn;

/* Longer values are told by SHA-256 and length. */
#define CSEC_CHANGE_VALUE_MAX	(64 * 1024)

/*
 * Append the value as the trail shows it; true where a digest stands in the
 * place of a long value, or of the envelope.
 */
extern bool csec_change_value(StringInfo out, CsecTrailSealer *sealer, CsecChangeColumn *column,
							  Datum value);

/*
 * The same for a table whose customers have keys: nothing but an envelope, of
 * any column, under the key of the customer, of nobody's row (NULL) a data key.
 * Where gone, the key was destroyed: of such a row the trail keeps no value.
 */
extern void csec_change_value_sealed(StringInfo out, CsecTrailSealer *sealer,
									 CsecChangeColumn *column, Datum value,
									 const CsecCustomer *customer, bool gone);

#endif							/* CSEC_CAPTURE_CHANGE_VALUE_H */
