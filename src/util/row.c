/*
 * row.c
 *		One row as the result of a function of SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "util/row.h"

Datum
csec_row(FunctionCallInfo fcinfo, const Datum *values, const bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), (Datum *) values, (bool *) nulls));
}
