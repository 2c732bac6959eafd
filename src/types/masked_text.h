/*
 * masked_text.h
 *		What a reader gets to see of a value: the one exit that all others use.
 */
#ifndef CSEC_TYPES_MASKED_TEXT_H
#define CSEC_TYPES_MASKED_TEXT_H

#include "utils/rls.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "types/masked_value.h"

/* What is shown: in the value itself, or in the buffer. */
typedef struct CsecShown
{
	const char *text;			/* not terminated */
	size_t		len;
	char		buffer[CSEC_MASK_MAX];
} CsecShown;

/*
 * csec_statement_changes_data
 *		Is the statement that runs one that changes data?  Set by the capture
 *		floor for its length.
 *
 * While it is set, a value that this reader may not see in clear does not
 * become text: DELETE ... WHERE phone LIKE '%9' would delete by the mask, and
 * INSERT INTO other SELECT phone would store it.  csec.allow_masked_dml says
 * that it is meant.
 */
extern bool csec_statement_changes_data;

/*
 * Output functions print rows and errors, and also serve whatever takes any
 * type: concat, format, JSON, a row's cast to text.  Which it is they do not
 * know.  So while data changes they note here the category of a value that
 * they gave as a mask (else CSEC_CATEGORY_NONE), and the statement is refused
 * at its end, as all it has printed by then went to where data goes.
 */
extern uint32 csec_mask_was_given;
extern void csec_refuse_masked_dml(uint32 category);

/*
 * csec_masked_show
 *		What the reader of this moment may see of the value, of either type.
 *
 * as_text: it becomes a value of another type, rather than output.  Errors:
 * insufficient_privilege where a mask is no answer (row_security = off) or
 * would change data.  Output of an encrypted value is its envelope in those
 * cases.  "out" points into the value or into itself: it must not be copied,
 * nor outlive the value, which the caller releases (csec_value_release()).
 */
extern void csec_masked_show(CsecMasked *value, bool as_text, CsecShown *out);

/*
 * csec_masked_as_is
 *		Is it a masked value, as stored, that the reader of this moment may have
 *		in clear, as is known, with nothing else to be asked?
 *
 * So are most values of a result that is shown in clear, which by this costs
 * little more than text; else csec_masked_show() tells.  "text" points into
 * the value.
 */
static inline bool
csec_masked_as_is(const struct varlena *value, const char **text, size_t *len)
{
	const uint8 *data;
	size_t		size;
	uint32		category;

	/* short: as values lie in rows */
	if (!VARATT_IS_SHORT(value) || VARATT_IS_EXTERNAL(value))
		return false;
	data = (const uint8 *) VARDATA_SHORT(value);
	size = VARSIZE_SHORT(value) - VARHDRSZ_SHORT;
	if (size < CSEC_MASKED_HEADER || (data[0] & ~CSEC_MASKED_FLAGS) != 0)
		return false;
	category = csec_get_u32(data + 1);
	if (category == CSEC_CATEGORY_NONE || unlikely(!row_security) || !csec_known_revealed(category))
		return false;
	*text = (const char *) data + CSEC_MASKED_HEADER;
	*len = size - CSEC_MASKED_HEADER;
	return true;
}

/* The category's mask of a value, whoever the reader is; NULL redacts. */
extern void csec_value_mask(const CsecCategory *category, CsecMasked *value, CsecShown *out);

/* The category's mask of a text, whoever the reader is; NULL redacts. */
extern void csec_mask_text(const CsecCategory *category, const char *text,
						   size_t len, CsecShown *out);

/* An error: a value of one category does not become one of another. */
extern void csec_refuse_recategorize(uint32 from, uint32 to);

/* Can masks and checks, which count in UTF-8, work on this text? */
extern bool csec_text_is_utf8(const char *text, size_t len);

#endif							/* CSEC_TYPES_MASKED_TEXT_H */
