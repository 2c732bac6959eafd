/*-------------------------------------------------------------------------
 * mask.c
 *		The masks themselves; those of names and addresses, which need to
 *		know some language, have files of their own.                    [FE]
 *
 * One function per kind.  Each gives the length of its mask, or 0 for "not of
 * my form", whereupon the caller redacts: what a kind does not recognise to
 * the last byte is not shown.
 *
 * How many stars: the number is fixed for every kind, so that it tells
 * nothing of the length, with one exception.  A Chinese name has one star or
 * two, because 张* and 张** are what people expect and the difference between
 * two characters and three says little; four and more are two stars as well.
 * The number of words in a Latin name shows up to four.
 *
 * Speed matters here: a COPY of a million rows asks for three million masks.
 * Hence no calls through function tables, no locale, constant-size copies.
 *-------------------------------------------------------------------------
 */
#include "policy/mask.h"

#include <string.h>

#include "policy/mask_form.h"

typedef unsigned char uchar;

static const char *const kind_names[CSEC_MASK_KINDS] = {
	[CSEC_MASK_ALL] = "all",
	[CSEC_MASK_FREE_TEXT] = "free_text",
	[CSEC_MASK_PERSON_NAME] = "person_name",
	[CSEC_MASK_PHONE] = "phone",
	[CSEC_MASK_EMAIL] = "email",
	[CSEC_MASK_ADDRESS] = "address",
	[CSEC_MASK_ID_CARD] = "id_card",
	[CSEC_MASK_BANK_CARD] = "bank_card",
	[CSEC_MASK_BIRTH_DATE] = "birth_date",
	[CSEC_MASK_FIRST_LAST] = "first_last",
	[CSEC_MASK_LAST4] = "last4",
};

/* The digits behind the country code: 138****1234, ****0132, ****42. */
static size_t
mask_national(const uchar *d, int n, bool chinese, char *o)
{
	int			keep;

	if (chinese && n == 11 && d[0] == '1' && d[1] >= '3')
	{
		memcpy(o, d, 3);
		memcpy(o + 3, "****", 4);
		memcpy(o + 7, d + 7, 4);
		return 11;
	}
	if (n < 6)
		return 0;
	keep = n >= 10 ? 4 : n >= 8 ? 3 : 2;
	memcpy(o, "****", 4);
	memcpy(o + 4, d + n - keep, keep);
	return 4 + keep;
}

/* How many digits of an international number are its country code (E.164). */
static int
country_code_len(const uchar *d)
{
	static const char two[] =
		"20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 "
		"56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";

	if (d[0] == '1' || d[0] == '7')
		return 1;
	for (const char *t = two; *t; t += 3)
		if (t[0] == d[0] && t[1] == d[1])
			return 2;
	return 3;
}

/* Eleven characters that begin with 1: all digits, as nearly always? */
static size_t
mask_plain_mobile(const uchar *p, char *out)
{
	unsigned	bad = 0;

	for (int i = 1; i < 11; i++)
		bad |= (unsigned) (p[i] - '0') > 9;
	return bad ? 0 : mask_national(p, 11, true, out);
}

static size_t
mask_phone(const uchar *p, const uchar *end, char *out)
{
	uchar		d[17];
	int			n = 0;
	int			cc;
	bool		plus = *p == '+';
	char	   *o = out;
	size_t		len;

	if (end - p == 11 && *p == '1')
	{
		/* nearly all are Chinese mobile numbers, plainly written */
		len = mask_plain_mobile(p, out);
		if (len > 0)
			return len;
	}
	for (p += plus; p < end; p++)
	{
		if (csec_is_digit(*p))
		{
			if (n == (int) sizeof(d))
				return 0;
			d[n++] = *p;
		}
		else if (*p != ' ' && *p != '-' && *p != '(' && *p != ')' &&
				 *p != '.')
			return 0;
	}
	if (!plus && n > 2 && d[0] == '0' && d[1] == '0')
	{
		/* 00 is how + is dialled */
		plus = true;
		n -= 2;
		memmove(d, d + 2, n);
	}
	else if (!plus && n == 13 && d[0] == '8' && d[1] == '6' && d[2] == '1')
		plus = true;
	if (n > 15)
		return 0;
	if (!plus)
		return mask_national(d, n, true, out);
	if (n < 7 || d[0] == '0')
		return 0;
	cc = country_code_len(d);
	*o++ = '+';
	o = csec_mask_put(o, d, cc);
	*o++ = ' ';
	len = mask_national(d + cc, n - cc, cc == 2 && d[0] == '8' && d[1] == '6',
						o);
	return len == 0 ? 0 : (size_t) (o - out) + len;
}

/*
 * alice@example.com -> a***@example.com.  A local part of one character shows
 * none.  Quoted local parts, domains that are not plain host names with a dot
 * and anything with two @ are redacted: what stands there could be the secret.
 */
static size_t
mask_email(const uchar *p, const uchar *end, char *out)
{
	const uchar *at = memchr(p, '@', end - p);
	const uchar *q = p;
	uint32_t	first = 0;
	int			first_len = 0;
	int			n = 0;
	char	   *o = out;

	if (at == NULL || at == p || !csec_mask_domain(at + 1, end))
		return 0;
	while (q < at)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(q, at, &cp);

		if (len == 0 || cp <= ' ' || cp == '"' || (cp >= 0x7F && cp < 0xA0))
			return 0;
		if (n++ == 0)
		{
			first = cp;
			first_len = len;
		}
		q += len;
	}
	if (n > 1 && csec_mask_shows(first))
		o = csec_mask_put(o, p, first_len);
	o = csec_mask_put(o, "***", 3);
	o = csec_mask_put(o, at, end - at);
	return o - out;
}

/*
 * 110101199003072316 -> 110*************16, and the same for the old form of
 * fifteen digits.  Nothing of the birth date (7..14, or 7..12) shows, so the
 * mask of a birth date adds only what it says itself.  First six and last
 * four, as often seen, would leave with the year of birth 365 numbers, some
 * thirty after the check digit; three and two leave over 50,000.
 */
static size_t
mask_id_card(const uchar *p, const uchar *end, char *out)
{
	size_t		len = end - p;

	if (len != 18 && len != 15)
		return 0;
	for (size_t i = 0; i < len - 1; i++)
		if (!csec_is_digit(p[i]))
			return 0;
	if (!csec_is_digit(p[len - 1]) && (len == 15 || (p[17] | 0x20) != 'x'))
		return 0;
	memcpy(out, p, 3);
	memcpy(out + 3, "*************", 13);
	memcpy(out + 16, end - 2, 2);
	return 18;
}

/* Twelve stars and the last four of 12 to 19 digits. */
static size_t
mask_bank_card(const uchar *p, const uchar *end, char *out)
{
	uchar		last[4];
	unsigned	n = 0;

	for (; p < end; p++)
	{
		if (csec_is_digit(*p))
			last[n++ & 3] = *p;
		else if (*p != ' ' && *p != '-')
			return 0;
	}
	if (n < 12 || n > 19)
		return 0;
	memcpy(out, "************", 12);
	for (int i = 0; i < 4; i++)
		out[12 + i] = last[(n + i) & 3];
	return 16;
}

/* 1985-03-07 -> 1985-**-**. */
static size_t
mask_birth_date(const uchar *p, const uchar *end, char *out)
{
	if (!csec_date_form(p, end))
		return 0;
	memcpy(out, p, 4);
	memcpy(out + 4, "-**-**", 6);
	return 10;
}

/*
 * Characters kept at both ends, stars between.  At most half of the value
 * shows.  What is kept ends at the first character that is no letter or
 * digit, so that AB-1234 keeps AB of four: a mask is then told from text by
 * its form.
 */
static size_t
mask_first_last(const CsecMaskParams *params, const uchar *p,
				const uchar *end, char *out)
{
	const uchar *left = p;		/* end of what is kept at the left */
	const uchar *right = end;	/* start of what is kept at the right */
	uint32_t	cp;
	int			n;
	char	   *o = out;

	if (!csec_mask_params_valid(params))
		return 0;
	n = csec_utf8_length(p, end);
	if (n < 2 * (params->keep_left + params->keep_right) || n < 2)
		return 0;
	for (int i = 0; i < params->keep_left; i++)
	{
		int			len = csec_utf8_decode(left, end, &cp);

		if (len == 0 || !csec_mask_shows(cp))
			break;
		left += len;
	}
	for (int i = 0; i < params->keep_right; i++)
	{
		const uchar *c = right - 1;

		while ((*c & 0xC0) == 0x80)
			c--;
		if (csec_utf8_decode(c, end, &cp) == 0 || !csec_mask_shows(cp))
			break;
		right = c;
	}
	o = csec_mask_put(o, p, left - p);
	memset(o, '*', params->stars);
	o = csec_mask_put(o + params->stars, right, end - right);
	return o - out;
}

bool
csec_mask_params_valid(const CsecMaskParams *params)
{
	return params->keep_left <= CSEC_MASK_MAX_KEEP &&
		params->keep_right <= CSEC_MASK_MAX_KEEP &&
		params->stars >= CSEC_MASK_MIN_STARS &&
		params->stars <= CSEC_MASK_MAX_STARS;
}

size_t
csec_mask_apply_params(CsecMaskKind kind, const CsecMaskParams *params,
					   const char *in, size_t inlen, char *out,
					   size_t outsize)
{
	static const CsecMaskParams first_last = CSEC_MASK_DEFAULT_PARAMS;
	static const CsecMaskParams last4 = {0, 4, 4};
	const uchar *p = (const uchar *) in;
	const uchar *end = p + inlen;
	size_t		len = 0;

	if (outsize < CSEC_MASK_MAX)
		return 0;
	if (inlen > 0 && inlen <= CSEC_MASK_MAX_INPUT)
	{
		switch (kind)
		{
			case CSEC_MASK_PERSON_NAME:
				len = csec_mask_person_name(p, end, out);
				break;
			case CSEC_MASK_PHONE:
				len = mask_phone(p, end, out);
				break;
			case CSEC_MASK_EMAIL:
				len = mask_email(p, end, out);
				break;
			case CSEC_MASK_ADDRESS:
				len = csec_mask_address(p, end, out);
				break;
			case CSEC_MASK_ID_CARD:
				len = mask_id_card(p, end, out);
				break;
			case CSEC_MASK_BANK_CARD:
				len = mask_bank_card(p, end, out);
				break;
			case CSEC_MASK_BIRTH_DATE:
				len = mask_birth_date(p, end, out);
				break;
			case CSEC_MASK_FIRST_LAST:
				len = mask_first_last(params ? params : &first_last, p, end,
									  out);
				break;
			case CSEC_MASK_LAST4:
				len = mask_first_last(&last4, p, end, out);
				break;
			case CSEC_MASK_ALL:
			case CSEC_MASK_FREE_TEXT:
				break;
		}
	}
	if (len == 0)
	{
		memcpy(out, CSEC_MASK_REDACTED, CSEC_MASK_REDACTED_LEN);
		len = CSEC_MASK_REDACTED_LEN;
	}
	return len;
}

size_t
csec_mask_apply(CsecMaskKind kind, const char *in, size_t inlen, char *out,
				size_t outsize)
{
	return csec_mask_apply_params(kind, NULL, in, inlen, out, outsize);
}

const char *
csec_mask_kind_name(CsecMaskKind kind)
{
	return (unsigned) kind < CSEC_MASK_KINDS ? kind_names[kind] : NULL;
}

bool
csec_mask_kind_from_name(const char *name, CsecMaskKind *kind)
{
	for (int i = 0; i < CSEC_MASK_KINDS; i++)
	{
		if (strcmp(name, kind_names[i]) == 0)
		{
			*kind = (CsecMaskKind) i;
			return true;
		}
	}
	return false;
}
