/*
 * envelope_check.c
 *		What is wrong with an encrypted value, if anything; and what its header
 *		says, for which no key is needed.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "keys/data_key.h"
#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/envelope_check.h"
#include "types/envelope_key.h"
#include "util/row.h"
#include "util/secure_memory.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_envelope_problem_sql);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_envelope_info);

static const char *
tag_problem(uint32 mark, const uint8 *tag, const CsecPortable *text)
{
	uint8		computed[CSEC_SEARCH_TAG];

	if (!csec_search_key_is_known(mark))
		return "unknown_search_key";
	csec_portable_tag_under(mark, text, computed);
	return memcmp(computed, tag, CSEC_SEARCH_TAG) == 0 ? NULL : "wrong_search_tag";
}

/* What the text tells: it is authentic, so only what made it can be at fault. */
static const char *
text_problem(const CsecEnvelope *envelope, const CsecPortable *text)
{
	const char *problem = NULL;

	if (envelope->flags & CSEC_ENVELOPE_SEARCH)
		problem = tag_problem(envelope->search_mark, envelope->search_tag, text);
	if (problem == NULL && (envelope->flags & CSEC_ENVELOPE_NEXT))
		problem = tag_problem(envelope->next_mark, envelope->next_tag, text);
	return problem;
}

/* Takes the text over. */
static const char *
encoding_problem(CsecPortable *text)
{
	size_t		len;
	char	   *here = csec_portable_back(text, &len);

	if (here == NULL)
		return "other_encoding";
	csec_secure_wipe(here, len);
	return NULL;
}

static const char *
category_problem(const CsecEnvelope *envelope, uint32 category)
{
	if (category != CSEC_CATEGORY_NONE && envelope->category != category)
		return "wrong_category";
	if (envelope->category != CSEC_CATEGORY_NONE &&
		csec_category_lookup(envelope->category) == NULL)
		return "unknown_category";
	return NULL;
}

const char *
csec_envelope_problem(const struct varlena *value, uint32 category)
{
	CsecEnvelope envelope;
	CsecPortable opened;
	const char *problem;

	if (!csec_envelope_parse((const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &envelope) ||
		(envelope.flags & CSEC_ENVELOPE_TRAIL))
		return "malformed";
	problem = csec_envelope_key_problem(&envelope);
	if (problem != NULL)
		return problem;
	if (!csec_encrypted_try_portable(&envelope, &opened))
		return "not_authentic";
	problem = category_problem(&envelope, category);
	if (problem == NULL)
		problem = text_problem(&envelope, &opened);
	if (problem == NULL)
		problem = encoding_problem(&opened);
	csec_portable_release(&opened);
	return problem;
}

/*
 * csec.envelope_problem(csec.encrypted, category text): its problem, null if it
 * has none; category: of the field that it is in, null for any.
 */
Datum
csec_envelope_problem_sql(PG_FUNCTION_ARGS)
{
	const char *problem;
	uint32		category = CSEC_CATEGORY_NONE;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		category = csec_category_id(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	problem = csec_envelope_problem(PG_GETARG_VARLENA_PP(0), category);
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

static Datum
mark_text(uint32 mark, bool *isnull)
{
	*isnull = mark == 0;
	return *isnull ? (Datum) 0 : CStringGetTextDatum(psprintf("%08x", mark));
}

/*
 * csec.envelope_info(csec.encrypted, OUT ...): what the header says.  It is not
 * authenticated: that takes the key.
 */
Datum
csec_envelope_info(PG_FUNCTION_ARGS)
{
	CsecEnvelope envelope;
	const CsecCategory *category;
	Datum		values[9];
	bool		nulls[9] = {false};

	CSEC_GETARG_ENCRYPTED(0, &envelope);
	category = csec_category_lookup(envelope.category);
	values[0] = CStringGetTextDatum(csec_suite_name(envelope.suite));
	nulls[1] = category == NULL;
	values[1] = category ? CStringGetTextDatum(NameStr(category->name)) : (Datum) 0;
	values[2] = Int32GetDatum((int32) envelope.category);
	values[3] = Int32GetDatum((int32) envelope.key_id);
	values[4] = Int32GetDatum(envelope.key_version);
	nulls[3] = nulls[4] = (envelope.flags & CSEC_ENVELOPE_SUBJECT) != 0;
	values[5] = mark_text(envelope.search_mark, &nulls[5]);
	values[6] = mark_text(envelope.next_mark, &nulls[6]);
	values[7] = BoolGetDatum((envelope.flags & CSEC_ENVELOPE_SUBJECT) != 0);
	values[8] = Int32GetDatum((int32) (envelope.headerlen + CSEC_AEAD_TAG));
	return csec_row(fcinfo, values, nulls);
}
