/*
 * masked_text.c
 *		What a reader gets to see of a value: the one exit that all others use.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "types/masked_text.h"
#include "util/guc.h"

bool		csec_statement_changes_data = false;
uint32		csec_mask_was_given = CSEC_CATEGORY_NONE;

/*
 * In a database of another encoding the texts that are plain ASCII, which is
 * the same everywhere, are masked and checked as usual.
 */
bool
csec_text_is_utf8(const char *text, size_t len)
{
	if (likely(GetDatabaseEncoding() == PG_UTF8))
		return true;
	for (size_t i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

void
csec_mask_text(const CsecCategory *category, const char *text, size_t len,
			   CsecShown *out)
{
	CsecMaskKind kind = CSEC_MASK_ALL;
	const CsecMaskParams *params = NULL;

	if (category != NULL && csec_text_is_utf8(text, len))
	{
		kind = category->mask;
		params = &category->mask_params;
	}
	out->text = out->buffer;
	out->len = csec_mask_apply_params(kind, params, text, len,
									  out->buffer, sizeof(out->buffer));
}

void
csec_refuse_masked_dml(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("this statement would change data by the masked text of a field of category \"%s\"",
					known ? NameStr(known->name) : "unknown"),
			 errdetail("The current reader sees a mask in place of the value."),
			 errhint("Compare the field with = or <>, let a reader with clearance run the statement, or set csec.allow_masked_dml if the mask is meant.")));
}

void
csec_masked_show(const CsecMasked *value, bool as_text, CsecShown *out)
{
	CsecDecision decision = CSEC_REVEAL;

	if (value->category != CSEC_CATEGORY_NONE)
		decision = csec_decide_or_refuse(value->category);
	if (decision == CSEC_REVEAL)
	{
		out->text = value->text;
		out->len = value->len;
		return;
	}
	if (unlikely(csec_statement_changes_data) && !csec_allow_masked_dml)
	{
		if (as_text)
			csec_refuse_masked_dml(value->category);
		csec_mask_was_given = value->category;
	}
	csec_mask_text(decision == CSEC_MASK ? csec_category_lookup(value->category) : NULL,
				   value->text, value->len, out);
}
