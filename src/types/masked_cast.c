/*
 * masked_cast.c
 *		Casts between csec.masked and the text types, and from one category
 *		to another.
 *
 * None is binary-coercible: each way out is a decision, and each way in makes
 * a header.  The implicit casts to text, varchar and bpchar are what text
 * functions and operators work through.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "types/date_value.h"
#include "types/encrypted_value.h"
#include "types/masked_exit.h"
#include "types/masked_text.h"
#include "types/masked_value.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_to_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_bpchar);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_date);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_coerce);

/*
 * csec.to_text(csec.masked), to varchar and bpchar, and of csec.encrypted: what
 * the reader sees.
 */
Datum
csec_masked_to_text(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	CsecShown	shown;
	text	   *result;

	CSEC_GETARG_VALUE(0, &value);
	csec_masked_show(&value, true, &shown);
	result = cstring_to_text_with_len(shown.text, shown.len);
	csec_value_release(&value);
	PG_RETURN_TEXT_P(result);
}

/* csec.masked(text, int4, bool): see csec_masked_input(). */
Datum
csec_masked_from_text(PG_FUNCTION_ARGS)
{
	text	   *in = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(1), VARDATA_ANY(in),
										VARSIZE_ANY_EXHDR(in)));
}

/* The same for character(n), without the blanks that pad it. */
Datum
csec_masked_from_bpchar(PG_FUNCTION_ARGS)
{
	BpChar	   *in = PG_GETARG_BPCHAR_PP(0);

	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(1), VARDATA_ANY(in),
										bpchartruelen(VARDATA_ANY(in),
													  VARSIZE_ANY_EXHDR(in))));
}

/* The same for a date. */
Datum
csec_masked_from_date(PG_FUNCTION_ARGS)
{
	char		text[MAXDATELEN + 1];

	csec_date_text(PG_GETARG_DATEADT(0), text);
	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(1), text, strlen(text)));
}

void
csec_refuse_recategorize(uint32 from, uint32 to)
{
	const CsecCategory *category = csec_category_lookup(from);
	char	   *from_name = category ? pstrdup(NameStr(category->name)) : "unknown";

	category = csec_category_lookup(to);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a value of category \"%s\" cannot become one of category \"%s\"",
					from_name, category ? NameStr(category->name) : "unknown"),
			 errdetail("A second mask could show what the first one hides."),
			 errhint("A reader with clearance for category \"%s\" may convert it.", from_name)));
}

/*
 * Has the field's way of sorting been declared anew?  Only what the category
 * itself says is followed, as anybody may make a type that says "plain".
 */
static bool
sorts_otherwise(const CsecMasked *value, int32 typmod)
{
	bool		plain = (typmod & CSEC_TYPMOD_PLAIN) != 0;
	const CsecCategory *category;

	if (likely(((value->flags & CSEC_MASKED_PLAIN) != 0) == plain))
		return false;
	category = csec_category_lookup(value->category);
	return !plain || (category != NULL && category->sort_plain);
}

/*
 * csec.masked(csec.masked, int4, bool): give a value the category of a field.
 *
 * A value that has none gets it, as input would have given it.  One that has
 * another keeps it, which is an error, unless the reader may see it in clear.
 */
Datum
csec_masked_coerce(PG_FUNCTION_ARGS)
{
	struct varlena *datum = PG_GETARG_VARLENA_PP(0);
	int32		typmod = PG_GETARG_INT32(1);
	uint32		category = typmod & ~CSEC_TYPMOD_PLAIN;
	CsecMasked	value;

	if (typmod < 0)
		PG_RETURN_POINTER(datum);
	csec_masked_read(datum, &value);
	if (value.category == CSEC_CATEGORY_NONE)
		PG_RETURN_POINTER(csec_masked_input(typmod, value.text, value.len));
	if (likely(value.category == category))
	{
		if (sorts_otherwise(&value, typmod))
			PG_RETURN_POINTER(csec_masked_make(category, typmod & CSEC_TYPMOD_PLAIN,
											   value.text, value.len));
		PG_RETURN_POINTER(datum);
	}
	if (csec_decide(value.category) != CSEC_REVEAL)
		csec_refuse_recategorize(value.category, category);
	PG_RETURN_POINTER(csec_masked_input(typmod, value.text, value.len));
}
