/*
 * masked_text.c
 *		What a reader gets to see of a value: the one exit that all others use.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/rls.h"

#include "policy/reveal.h"
#include "types/dump_value.h"
#include "types/encrypted_value.h"
#include "types/masked_text.h"
#include "util/guc.h"
#include "util/utf8.h"

bool		csec_statement_changes_data = false;
uint32		csec_mask_was_given = CSEC_CATEGORY_NONE;

/*
 * In a database of another encoding the texts that are plain ASCII, which is
 * the same everywhere, are masked and checked as usual.
 */
bool
csec_text_is_utf8(const char *text, size_t len)
{
	return likely(GetDatabaseEncoding() == PG_UTF8) || csec_is_ascii(text, len);
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

/* An encrypted value in output that is complete or refused: as it is stored. */
static void
show_envelope(const CsecMasked *value, CsecShown *out)
{
	out->text = csec_encrypted_as_text(value->envelope, value->envelope_size, &out->len);
}

static void
show_nothing(CsecShown *out)
{
	out->text = CSEC_MASK_REDACTED;
	out->len = CSEC_MASK_REDACTED_LEN;
}

/* Is it a value that a permit lets the reader see? */
static bool
is_permitted(const CsecMasked *value)
{
	if (likely(!csec_reveal_any) || csec_complete_or_refused())
		return false;
	if (value->envelope != NULL)
		return csec_reveal_allows(value->category, value->envelope, value->envelope_size);
	return csec_reveal_allows(value->category, value->text, value->len);
}

/*
 * The decision for a value.  In a text that is computed with, an envelope
 * would be as wrong as a mask: there an encrypted value is complete or refused
 * like a masked one, but csec_backup, whose dumps have envelopes, does not see
 * it in clear.
 */
static CsecDecision
decide(const CsecMasked *value)
{
	CsecDecision decision;

	if (value->category == CSEC_CATEGORY_NONE)
		return CSEC_REVEAL;
	decision = csec_decide_or_refuse(value->category, value->envelope == NULL);
	if (likely(decision == CSEC_REVEAL) || !is_permitted(value))
		return decision;
	csec_decision_note_shown();
	return CSEC_REVEAL;
}

/*
 * Output that is complete or refused has an encrypted value as it is stored,
 * and a dump a masked one encrypted; false: this is neither.
 */
static bool
show_as_kept(CsecMasked *value, CsecShown *out)
{
	if (value->envelope == NULL)
	{
		if (!csec_is_dumped())
			return false;
		out->text = csec_dump_text(value, &out->len);
		return true;
	}
	if (!csec_complete_or_refused())
		return false;
	if (!csec_may_have_envelope(value->category))
		csec_refuse_incomplete(value->category);
	show_envelope(value, out);
	return true;
}

static void
show_in_clear(CsecMasked *value, CsecShown *out)
{
	if (value->envelope != NULL)
	{
		if (unlikely(csec_value_is_gone(value)))
		{
			show_nothing(out);
			return;
		}
		csec_value_text(value);
	}
	out->text = value->text;
	out->len = value->len;
}

/* Each value of a result comes by here: what is rare stands behind one test. */
void
csec_masked_show(CsecMasked *value, bool as_text, CsecShown *out)
{
	CsecDecision decision;
	const CsecCategory *category = NULL;

	if ((value->envelope != NULL || unlikely(!row_security)) &&
		!as_text && value->category != CSEC_CATEGORY_NONE && show_as_kept(value, out))
		return;
	decision = decide(value);
	if (decision == CSEC_REVEAL)
	{
		show_in_clear(value, out);
		return;
	}
	if (unlikely(csec_statement_changes_data) && !csec_allow_masked_dml)
	{
		if (as_text)
			csec_refuse_masked_dml(value->category);
		csec_mask_was_given = value->category;
	}
	if (decision == CSEC_MASK)
		category = csec_category_lookup(value->category);
	csec_value_mask(category, value, out);
}

void
csec_value_mask(const CsecCategory *category, CsecMasked *value, CsecShown *out)
{
	/* What shows nothing of a value needs not open it. */
	if (value->envelope != NULL &&
		(category == NULL || csec_mask_shows_nothing(category->mask) || csec_value_is_gone(value)))
	{
		show_nothing(out);
		return;
	}
	csec_value_text(value);
	csec_mask_text(category, value->text, value->len, out);
}
