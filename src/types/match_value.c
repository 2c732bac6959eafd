/*
 * match_value.c
 *		Is a stored value what somebody claims it to be?
 *
 * The value is opened whatever the reader may see of it, so this works within
 * csec.match_customer() only, which counts what is claimed.  Compared are
 * digests of the search forms, in constant time: how long it takes does not
 * tell how much was right.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "crypto/hash.h"
#include "types/encrypted_exit.h"
#include "types/encrypted_value.h"
#include "types/masked_text.h"
#include "types/match_value.h"
#include "types/search_form.h"
#include "util/crypto_failed.h"
#include "util/secure_memory.h"
#include "util/utf8.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_value);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_number);

#define MAX_DIGITS	1000		/* of a number that is claimed */
#define MAX_UTF8	4			/* bytes of a character */

Oid			csec_matching = InvalidOid;

static void
refuse_outside(void)
{
	if (!OidIsValid(csec_matching) || csec_matching != GetUserId() ||
		InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("stored values are matched by csec.match_customer() only")));
}

/*
 * A text of UTF-8 in a normal form, palloc'd: one keyboard sends an accented letter
 * as one character, another as two.  What is secret is compared in NFKD, as what is
 * on the way to NFKC could not be wiped.
 */
static char *
normalized(UnicodeNormalizationForm form, const char *text, size_t len, size_t *n)
{
	pg_wchar   *given = palloc((len + 1) * sizeof(pg_wchar));
	pg_wchar   *normal;
	char	   *out;
	int			count = 0;

	for (size_t i = 0; i < len;)
	{
		uint32_t	c;
		int			width = csec_utf8_decode((const unsigned char *) text + i,
											 (const unsigned char *) text + len, &c);

		i += Max(width, 1);
		given[count++] = width > 0 ? (pg_wchar) c : 0xFFFD;
	}
	given[count] = 0;
	normal = unicode_normalize(form, given);
	csec_secure_wipe(given, count * sizeof(pg_wchar));
	pfree(given);
	for (count = 0; normal[count] != 0; count++)
		continue;
	out = palloc(count * MAX_UTF8 + 1);
	*n = 0;
	for (int i = 0; i < count; i++)
	{
		unicode_to_utf8(normal[i], (unsigned char *) out + *n);
		*n += pg_utf_mblen((unsigned char *) out + *n);
	}
	csec_secure_wipe(normal, count * sizeof(pg_wchar));
	pfree(normal);
	return out;
}

/* The search form of a text in a normal form, palloc'd. */
static char *
search_form(UnicodeNormalizationForm normal, const char *text, size_t len, size_t *n)
{
	char	   *apart = NULL;
	size_t		size = len;
	char	   *form;

	if (GetDatabaseEncoding() == PG_UTF8 && !csec_is_ascii(text, len))
		apart = normalized(normal, text, len, &size);
	form = palloc(Max(size, 1));
	*n = csec_search_form(apart ? apart : text, size, csec_text_is_utf8(text, len), form);
	if (apart != NULL)
	{
		csec_secure_wipe(apart, size);
		pfree(apart);
	}
	return form;
}

/* What of a text is compared. */
static char *
form_of(const char *text, size_t len, size_t *n)
{
	return search_form(UNICODE_NFKD, text, len, n);
}

/* A letter with its accent, or a syllable, is one. */
int
csec_match_characters(const char *claimed)
{
	size_t		n;
	char	   *form = search_form(UNICODE_NFKC, claimed, strlen(claimed), &n);
	int			characters = pg_mbstrlen_with_len(form, (int) n);

	csec_secure_wipe(form, n);
	pfree(form);
	return characters;
}

static bool
same_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	uint8		x[CSEC_SHA256_SIZE];
	uint8		y[CSEC_SHA256_SIZE];

	if (!csec_sha256(a, alen, x) || !csec_sha256(b, blen, y))
		csec_crypto_failed("compute SHA-256");
	return CRYPTO_memcmp(x, y, sizeof(x)) == 0;
}

/* The whole of the value, or the end of it, as much as is claimed. */
static bool
matches(const char *value, size_t len, const text *claimed, bool last)
{
	size_t		n;
	size_t		m;
	char	   *stored = form_of(value, len, &n);
	char	   *said = form_of(VARDATA_ANY(claimed), VARSIZE_ANY_EXHDR(claimed), &m);
	size_t		tail = last ? Min(m, n) : n;
	bool		result = same_bytes(stored + n - tail, tail, said, m);

	csec_secure_wipe(stored, n);
	csec_secure_wipe(said, m);
	pfree(stored);
	pfree(said);
	return result;
}

/* csec.match_value(value, claimed text, last bool): of a field of either type. */
Datum
csec_match_value(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	bool		result;

	refuse_outside();
	CSEC_GETARG_VALUE(0, &value);
	if (unlikely(csec_value_is_gone(&value)))
		PG_RETURN_BOOL(false);
	csec_value_text(&value);
	result = matches(value.text, value.len, PG_GETARG_TEXT_PP(1), PG_GETARG_BOOL(2));
	csec_value_release(&value);
	PG_RETURN_BOOL(result);
}

CSEC_ENCRYPTED_EXIT(csec_encrypted_match, csec_match_value)

/* csec.match_value(text, claimed text, last bool): of another column, as text. */
Datum
csec_match_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	refuse_outside();
	PG_RETURN_BOOL(matches(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
						   PG_GETARG_TEXT_PP(1), PG_GETARG_BOOL(2)));
}

/* The number without the zeros that end its fraction. */
static char *
number_text(Datum number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   DirectFunctionCall1(numeric_trim_scale, number)));
}

/*
 * Is it the text of a number that PostgreSQL can read?  An error from there would
 * tell that there is something to compare it with.
 */
static bool
is_number_text(const char *text)
{
	size_t		digits = 0;
	bool		point = false;

	if (*text == '+' || *text == '-')
		text++;
	for (; *text != '\0'; text++)
	{
		if (*text >= '0' && *text <= '9')
			digits++;
		else if (*text == '.' && !point)
			point = true;
		else
			return false;
	}
	return digits >= 1 && digits <= MAX_DIGITS;
}

/*
 * csec.match_value(numeric, claimed text, last bool): exactly the number.  What
 * is claimed and is no number does not match.
 */
Datum
csec_match_number(PG_FUNCTION_ARGS)
{
	text	   *argument = PG_GETARG_TEXT_PP(1);
	size_t		n;
	char	   *form = form_of(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument), &n);
	char	   *claimed = pnstrdup(form, n);
	char	   *stored;
	char	   *said;

	refuse_outside();
	stored = number_text(PG_GETARG_DATUM(0));
	if (!is_number_text(claimed))
		PG_RETURN_BOOL(false);
	said = number_text(DirectFunctionCall3(numeric_in, CStringGetDatum(claimed),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	PG_RETURN_BOOL(same_bytes(stored, strlen(stored), said, strlen(said)));
}
