/*
 * masked_func.c
 *		Functions over csec.masked that are more than a cast.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"

#include "types/encrypted_value.h"
#include "types/masked_exit.h"
#include "types/masked_text.h"
#include "types/masked_value.h"
#include "util/secure_memory.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_mask);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_mask_value);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_category_of);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_column_size);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_lower);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_upper);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_btrim);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_ltrim);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_rtrim);

/*
 * csec.mask(value text, category text): the category's mask of a text,
 * whatever the reader may see.  Error undefined_object for a category that is
 * not known: a mask of the wrong kind would be worse than none.
 */
Datum
csec_mask(PG_FUNCTION_ARGS)
{
	text	   *in = PG_GETARG_TEXT_PP(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const CsecCategory *category = csec_category_lookup(csec_category_id(name));
	CsecShown	shown;

	if (category == NULL || strcmp(NameStr(category->name), name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("category \"%s\" does not exist", name),
				 errhint("The categories are in csec.category.")));
	csec_mask_text(category, VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), &shown);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(shown.text, shown.len));
}

/*
 * csec.mask(csec.masked): the mask by the value's own category, or what less
 * the reader may see.  A value without a category is redacted.
 */
Datum
csec_mask_value(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	CsecShown	shown;
	const CsecCategory *category = NULL;
	text	   *result;

	CSEC_GETARG_VALUE(0, &value);
	if (value.category != CSEC_CATEGORY_NONE &&
		csec_decide(value.category) != CSEC_REDACT)
		category = csec_category_lookup(value.category);
	csec_value_mask(category, &value, &shown);
	result = cstring_to_text_with_len(shown.text, shown.len);
	csec_value_release(&value);
	PG_RETURN_TEXT_P(result);
}

/*
 * csec.category_of(csec.masked): the name of the value's category; its number
 * where no category has it; null where the value never got one.
 */
Datum
csec_category_of(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	const CsecCategory *category;

	CSEC_GETARG_VALUE(0, &value);
	if (value.category == CSEC_CATEGORY_NONE)
		PG_RETURN_NULL();
	category = csec_category_lookup(value.category);
	if (category == NULL)
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("%u", value.category)));
	PG_RETURN_TEXT_P(cstring_to_text(NameStr(category->name)));
}

/*
 * pg_catalog.pg_column_size(csec.masked): the size of what the reader sees.
 * The stored size would tell the length that a mask hides.
 */
Datum
csec_masked_column_size(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	CsecShown	shown;

	CSEC_GETARG_VALUE(0, &value);
	csec_masked_show(&value, true, &shown);
	csec_value_release(&value);
	PG_RETURN_INT32((int32) Min(shown.len + VARHDRSZ, PG_INT32_MAX));
}

/*
 * A text function of the whole value.  The result is masked as the value is,
 * so the function may be immutable and serve an index over lower(email).
 */
static Datum
through_text(FunctionCallInfo fcinfo, PGFunction function)
{
	CsecMasked	value;
	text	   *whole;
	text	   *changed;
	struct varlena *result;

	CSEC_GETARG_VALUE(0, &value);
	/* a row whose customer's key was destroyed must not keep its index from being built */
	if (unlikely(csec_value_is_gone(&value)))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	csec_value_text(&value);
	whole = cstring_to_text_with_len(value.text, value.len);
	changed = DatumGetTextPP(DirectFunctionCall1Coll(function, DEFAULT_COLLATION_OID,
													 PointerGetDatum(whole)));
	result = csec_value_remake(&value, VARDATA_ANY(changed), VARSIZE_ANY_EXHDR(changed));
	if (value.envelope != NULL)
	{
		csec_secure_wipe(whole, VARSIZE_ANY(whole));
		csec_secure_wipe(changed, VARSIZE_ANY(changed));
	}
	csec_value_release(&value);
	PG_RETURN_POINTER(result);
}

/* pg_catalog.lower(csec.masked) */
Datum
csec_masked_lower(PG_FUNCTION_ARGS)
{
	return through_text(fcinfo, lower);
}

/* pg_catalog.upper(csec.masked) */
Datum
csec_masked_upper(PG_FUNCTION_ARGS)
{
	return through_text(fcinfo, upper);
}

/*
 * pg_catalog.btrim(csec.masked), ltrim, rtrim: of blanks only.  With characters
 * of the caller's choice they would shift what the mask shows.
 */
Datum
csec_masked_btrim(PG_FUNCTION_ARGS)
{
	return through_text(fcinfo, btrim1);
}

Datum
csec_masked_ltrim(PG_FUNCTION_ARGS)
{
	return through_text(fcinfo, ltrim1);
}

Datum
csec_masked_rtrim(PG_FUNCTION_ARGS)
{
	return through_text(fcinfo, rtrim1);
}
