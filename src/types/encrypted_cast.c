/*
 * encrypted_cast.c
 *		Casts between csec.encrypted, the text types and csec.masked.
 *
 * To text by masked_cast.c, which serves both types.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "types/date_value.h"
#include "types/encrypted_value.h"
#include "types/masked_text.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_bpchar);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_date);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_coerce);

/* csec.encrypted(text, int4, bool): see csec_encrypted_input(). */
Datum
csec_encrypted_from_text(PG_FUNCTION_ARGS)
{
	text	   *in = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(1), VARDATA_ANY(in),
										   VARSIZE_ANY_EXHDR(in)));
}

/* The same for character(n), without the blanks that pad it. */
Datum
csec_encrypted_from_bpchar(PG_FUNCTION_ARGS)
{
	BpChar	   *in = PG_GETARG_BPCHAR_PP(0);

	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(1), VARDATA_ANY(in),
										   bpchartruelen(VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in))));
}

/* The same for a date, as yyyy-mm-dd. */
Datum
csec_encrypted_from_date(PG_FUNCTION_ARGS)
{
	char		text[MAXDATELEN + 1];

	csec_date_text(PG_GETARG_DATEADT(0), text);
	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(1), text, strlen(text)));
}

/*
 * The category that a value has after a conversion to that of the typmod.
 * One that has none gets it; one that has another keeps it, which is an
 * error, unless the reader may see it in clear.
 */
static uint32
category_after(uint32 category, int32 typmod)
{
	uint32		wanted = typmod < 0 ? category : (uint32) typmod & ~CSEC_TYPMOD_PLAIN;

	if (category != CSEC_CATEGORY_NONE && category != wanted &&
		csec_decide(category) != CSEC_REVEAL)
		csec_refuse_recategorize(category, wanted);
	return wanted;
}

/*
 * csec.encrypted(csec.encrypted, int4, bool): give a value the category of a
 * field.  A constant that has none yet is checked, and counts as tried, as
 * input would have it.
 */
Datum
csec_encrypted_coerce(PG_FUNCTION_ARGS)
{
	struct varlena *datum = PG_GETARG_VARLENA_PP(0);
	int32		typmod = PG_GETARG_INT32(1);
	CsecMasked	value;
	struct varlena *result;

	if (typmod < 0)
		PG_RETURN_POINTER(datum);
	csec_encrypted_take(datum, &value);
	if (likely(category_after(value.category, typmod) == value.category))
		PG_RETURN_POINTER(datum);
	csec_value_text(&value);
	result = csec_encrypted_input(typmod, value.text, value.len);
	csec_value_release(&value);
	PG_RETURN_POINTER(result);
}

/*
 * csec.encrypted(csec.masked, int4, bool): the same value, encrypted.  Without
 * this cast the conversion would go through text, and encrypt the mask.
 */
Datum
csec_encrypted_from_masked(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	uint32		category;

	CSEC_GETARG_MASKED(0, &value);
	category = category_after(value.category, PG_GETARG_INT32(1));
	if (category == value.category)
		PG_RETURN_POINTER(csec_encrypted_make(category, value.text, value.len));
	PG_RETURN_POINTER(csec_encrypted_input((int32) category, value.text, value.len));
}

/*
 * csec.masked(csec.encrypted, int4, bool): the same value, no longer
 * encrypted.  For readers with clearance: somebody else would put into a page
 * what was kept out of all pages.
 */
Datum
csec_masked_from_encrypted(PG_FUNCTION_ARGS)
{
	int32		typmod = PG_GETARG_INT32(1);
	CsecMasked	value;
	struct varlena *result;

	csec_encrypted_take(PG_GETARG_VARLENA_PP(0), &value);
	if (value.category != CSEC_CATEGORY_NONE && csec_decide(value.category) != CSEC_REVEAL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("an encrypted value cannot become a masked one without clearance"),
				 errhint("A reader with clearance for its category may convert it.")));
	csec_value_text(&value);
	result = csec_masked_input(typmod < 0 && value.category != CSEC_CATEGORY_NONE ?
							   (int32) value.category : typmod, value.text, value.len);
	csec_value_release(&value);
	PG_RETURN_POINTER(result);
}
