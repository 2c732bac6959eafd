/*
 * passes_check.c
 *		Has a text the form of a category's values?  For csec.discover().
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "policy/check.h"
#include "types/masked_text.h"
#include "types/search_form.h"
#include "util/pgcompat.h"
#include "util/secure_memory.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_passes_check);

static bool
passes(CsecCheckKind kind, const char *value, size_t len)
{
	return csec_check_on(kind, value, len, 99991231) == CSEC_CHECK_OK;
}

/* With digits of full width, say. */
static bool
passes_in_search_form(CsecCheckKind kind, const char *value, size_t len)
{
	char	   *form = palloc(Max(len, 1));
	size_t		n = csec_search_form(value, len, GetDatabaseEncoding() == PG_UTF8, form);
	bool		result = (n != len || memcmp(form, value, n) != 0) && passes(kind, form, n);

	csec_secure_wipe(form, n);
	pfree(form);
	return result;
}

/*
 * csec.passes_check(value text, kind text): has the value the form, and the
 * check digits, of that kind?  Null where there is no check of that name.
 */
Datum
csec_passes_check(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	CsecCheckKind kind;

	if (!csec_check_kind_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)), &kind))
		PG_RETURN_NULL();
	/* what is not plain ASCII can be looked at in UTF-8 only */
	if (!csec_text_is_utf8(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(passes(kind, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) ||
				   passes_in_search_form(kind, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)));
}
