/*
 * array.h
 *		The elements of an array of whatever type, and an array of others like it.
 */
#ifndef CSEC_UTIL_ARRAY_H
#define CSEC_UTIL_ARRAY_H

#include "postgres.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

/* The elements, palloc'd; gives their number. */
static inline int
csec_array_elements(ArrayType *array, Datum **values, bool **nulls)
{
	Oid			type = ARR_ELEMTYPE(array);
	int			n;
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	deconstruct_array(array, type, len, byval, align, values, nulls, &n);
	return n;
}

/* An array of the same dimensions and type with these elements instead. */
static inline Datum
csec_array_like(const ArrayType *array, Datum *values, bool *nulls)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array),
											  ARR_LBOUND(array), type, len, byval, align));
}

#endif							/* CSEC_UTIL_ARRAY_H */
