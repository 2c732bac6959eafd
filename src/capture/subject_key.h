/*
 * subject_key.h
 *		The subject of a row: an integer, or a text.
 */
#ifndef CSEC_CAPTURE_SUBJECT_KEY_H
#define CSEC_CAPTURE_SUBJECT_KEY_H

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"

#include "capture/subjects.h"
#include "keys/subject_key.h"
#include "policy/table.h"

/*
 * The subject of a row where the table's key is one integer column; false
 * where it is null.
 */
static inline bool
csec_subject_integer(const CsecTable *table, TupleTableSlot *slot,
					 const AttrNumber *attnos, int64 *key)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attnos[0], &isnull);

	if (unlikely(isnull))
		return false;
	switch (table->subject_type[0])
	{
		case INT8OID:
			*key = DatumGetInt64(value);
			break;
		case INT4OID:
			*key = DatumGetInt32(value);
			break;
		default:
			*key = DatumGetInt16(value);
			break;
	}
	return true;
}

/* Where customers have keys of their own this is a pseudonym. */
extern bool csec_subject_text(const CsecTable *table, TupleTableSlot *slot,
							  const AttrNumber *attnos, StringInfo out);

/*
 * Whose key a row of a table with subject_keys is under; false: it is about
 * nobody.
 */
extern bool csec_row_customer(const CsecTable *table, TupleTableSlot *slot, CsecCustomer *out);

#endif							/* CSEC_CAPTURE_SUBJECT_KEY_H */
