/*
 * envelope_column.c
 *		Columns that hold encrypted values: one in each row, or an array.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/table.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "capture/envelope_column.h"
#include "types/encrypted_value.h"
#include "util/array.h"

static bool
is_encrypted(Oid type)
{
	return OidIsValid(type) && getBaseType(type) == csec_encrypted_type();
}

Relation
csec_open_for_envelopes(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);

	if ((rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_MATVIEW) ||
		RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the rows of \"%s\" cannot be looked at", RelationGetRelationName(rel))));
	return rel;
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
		column->is_array = is_encrypted(get_element_type(getBaseType(att->atttypid)));
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
	n = csec_array_elements(DatumGetArrayTypeP(value), &values, &nulls);
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

	if (!column->is_array)
	{
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
		csec_encrypted_read((struct varlena *) DatumGetPointer(value), &envelope);
		return map(value, &envelope, arg);
	}
	array = DatumGetArrayTypeP(value);
	count = csec_array_elements(array, &values, &nulls);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[i]));
		csec_encrypted_read((struct varlena *) DatumGetPointer(values[i]), &envelope);
		values[i] = map(values[i], &envelope, arg);
	}
	return csec_array_like(array, values, nulls);
}
