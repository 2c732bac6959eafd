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

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_value);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_number);

#define MAX_DIGITS	1000		/* of a number that is claimed */

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

/* The search form of a text, palloc'd. */
static char *
form_of(const char *text, size_t len, size_t *n)
{
	char	   *form = palloc(Max(len, 1));

	*n = csec_search_form(text, len, csec_text_is_utf8(text, len), form);
	return form;
}

/* How many bytes of a text are its last characters. */
static size_t
tail_size(const char *text, size_t len, int characters)
{
	size_t		at = len;

	while (characters > 0 && at > 0)
	{
		at--;
		/* the bytes that follow in a character of UTF-8 are 10xxxxxx */
		if (((unsigned char) text[at] & 0xC0) != 0x80)
			characters--;
	}
	return characters > 0 ? len : len - at;
}

static int
count_characters(const char *text, size_t len)
{
	int			n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char) text[i] & 0xC0) != 0x80;
	return n;
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

/* The whole of the value, or its last characters, as many as are claimed. */
static bool
matches(const char *value, size_t len, const text *claimed, bool last)
{
	size_t		n;
	size_t		m;
	char	   *stored = form_of(value, len, &n);
	char	   *said = form_of(VARDATA_ANY(claimed), VARSIZE_ANY_EXHDR(claimed), &m);
	size_t		tail = last ? tail_size(stored, n, count_characters(said, m)) : n;
	bool		result = same_bytes(stored + n - tail, tail, said, m);

	csec_secure_wipe(stored, n);
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
	char	   *claimed = text_to_cstring(PG_GETARG_TEXT_PP(1));
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
