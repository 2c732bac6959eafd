/*
 * envelope_column.c
 *		Columns that hold encrypted values: one in each row, or an array.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "capture/envelope_column.h"
#include "types/encrypted_value.h"

static bool
is_encrypted(Oid type)
{
	return OidIsValid(type) && getBaseType(type) == csec_encrypted_type();
}

CsecEnvelopeColumn *
csec_envelope_columns(TupleDesc desc, int *n)
{
	CsecEnvelopeColumn *columns = palloc(desc->natts * sizeof(CsecEnvelopeColumn));

	*n = 0;
	if (!OidIsValid(csec_encrypted_type()))
		return columns;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		CsecEnvelopeColumn *column = &columns[*n];

		if (att->attisdropped)
			continue;
		column->attno = att->attnum;
		column->element = get_element_type(getBaseType(att->atttypid));
		column->is_array = is_encrypted(column->element);
		if (column->is_array || is_encrypted(att->atttypid))
			(*n)++;
	}
	return columns;
}

/*
 * The header of an envelope.  A long value lies out of line, uncompressed: its
 * head alone is fetched.
 */
static void
read_head(Datum value, CsecEnvelope *out)
{
	struct varlena *head = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(head))
		head = detoast_attr_slice(head, 0, CSEC_ENVELOPE_HEADER_MAX + CSEC_AEAD_TAG);
	else
		head = PG_DETOAST_DATUM_PACKED(value);
	csec_encrypted_read(head, out);
}

static void
take_apart(const CsecEnvelopeColumn *column, ArrayType *array, Datum **values, bool **nulls, int *n)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(column->element, &len, &byval, &align);
	deconstruct_array(array, column->element, len, byval, align, values, nulls, n);
}

bool
csec_envelope_visit(const CsecEnvelopeColumn *column, Datum value,
					CsecEnvelopeVisit visit, void *arg)
{
	CsecEnvelope envelope;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (!column->is_array)
	{
		read_head(value, &envelope);
		return visit(&envelope, arg);
	}
	take_apart(column, DatumGetArrayTypeP(value), &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			continue;
		read_head(values[i], &envelope);
		if (!visit(&envelope, arg))
			return false;
	}
	return true;
}

Datum
csec_envelope_mapped(const CsecEnvelopeColumn *column, Datum value, CsecEnvelopeMap map, void *arg)
{
	CsecEnvelope envelope;
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	int			count;
	int16		len;
	bool		byval;
	char		align;

	if (!column->is_array)
	{
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
		csec_encrypted_read((struct varlena *) DatumGetPointer(value), &envelope);
		return map(value, &envelope, arg);
	}
	array = DatumGetArrayTypeP(value);
	take_apart(column, array, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[i]));
		csec_encrypted_read((struct varlena *) DatumGetPointer(values[i]), &envelope);
		values[i] = map(values[i], &envelope, arg);
	}
	get_typlenbyvalalign(column->element, &len, &byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array),
											  ARR_LBOUND(array), column->element,
											  len, byval, align));
}
