/*-------------------------------------------------------------------------
 * check.c
 *		Field checks: one function per kind, each with the standard it
 *		follows.                                                        [FE]
 *
 * The order of the questions is the same everywhere: characters, then length
 * and form, then what the digits say (region, date), the check digit last, so
 * that the reason given is the one a person can act upon.
 *-------------------------------------------------------------------------
 */
#include "policy/check.h"

#include <string.h>

#include "policy/domain_name.h"
#include "policy/iban_lengths.h"
#include "util/utf8.h"

typedef unsigned char uchar;

#define FIRST_YEAR		1800

static const char *const kind_names[CSEC_CHECK_KINDS] = {
	[CSEC_CHECK_NONE] = "none",
	[CSEC_CHECK_ID_CARD] = "id_card",
	[CSEC_CHECK_BANK_CARD] = "bank_card",
	[CSEC_CHECK_PHONE] = "phone",
	[CSEC_CHECK_EMAIL] = "email",
	[CSEC_CHECK_BIRTH_DATE] = "birth_date",
	[CSEC_CHECK_PERSON_NAME] = "person_name",
	[CSEC_CHECK_CREDIT_CODE] = "credit_code",
	[CSEC_CHECK_IBAN] = "iban",
	[CSEC_CHECK_VIN] = "vin",
};

static const char *const reasons[CSEC_CHECK_RESULTS] = {
	[CSEC_CHECK_OK] = "valid",
	[CSEC_CHECK_EMPTY] = "value is empty",
	[CSEC_CHECK_LENGTH] = "wrong length",
	[CSEC_CHECK_CHARACTER] = "character not allowed",
	[CSEC_CHECK_FORM] = "wrong form",
	[CSEC_CHECK_REGION] = "unknown region or country code",
	[CSEC_CHECK_DATE] = "no such date",
	[CSEC_CHECK_FUTURE] = "date lies in the future",
	[CSEC_CHECK_DIGIT] = "check digit does not agree",
	[CSEC_CHECK_ENCODING] = "invalid encoding",
	[CSEC_CHECK_UNKNOWN_KIND] = "unknown check",
};

static bool
all_digits(const uchar *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!csec_is_digit(p[i]))
			return false;
	return true;
}

static int
number(const uchar *p, int digits)
{
	int			n = 0;

	while (digits-- > 0)
		n = n * 10 + (*p++ - '0');
	return n;
}

/* Is this a day, and not after "today" (yyyymmdd, or 0)? */
static CsecCheckResult
check_day(int year, int month, int day, int32_t today)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
	31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < FIRST_YEAR || month < 1 || month > 12 || day < 1 ||
		day > days[month - 1] || (month == 2 && day == 29 && !leap))
		return CSEC_CHECK_DATE;
	if (today != 0 && year * 10000 + month * 100 + day > today)
		return CSEC_CHECK_FUTURE;
	return CSEC_CHECK_OK;
}

/* The first two digits of a region code of GB/T 2260. */
static bool
is_province(int n)
{
	return (n >= 11 && n <= 15) || (n >= 21 && n <= 23) ||
		(n >= 31 && n <= 37) || (n >= 41 && n <= 46) ||
		(n >= 50 && n <= 54) || (n >= 61 && n <= 65) || n == 71 ||
		(n >= 81 && n <= 83);
}

/*
 * GB 11643: six digits of region, eight of birth date, three of sequence and
 * a check character (ISO 7064 mod 11-2).  The old form lacks the century and
 * the check character.  The permanent residence permit for foreigners has
 * the same form with 9, province and country in place of the region.
 */
static CsecCheckResult
check_id_card(const uchar *p, size_t len, int32_t today)
{
	CsecCheckResult result;
	int			rest = 0;

	for (size_t i = 0; i < len; i++)
		if (!csec_is_digit(p[i]) && !(i == 17 && (p[i] | 0x20) == 'x'))
			return CSEC_CHECK_CHARACTER;
	if (len != 18 && len != 15)
		return CSEC_CHECK_LENGTH;
	if (!is_province(number(p, 2)) &&
		!(len == 18 && p[0] == '9' && is_province(number(p + 1, 2))))
		return CSEC_CHECK_REGION;
	if (len == 15)
		return check_day(1900 + number(p + 6, 2), number(p + 8, 2),
						 number(p + 10, 2), today);
	result = check_day(number(p + 6, 4), number(p + 10, 2),
					   number(p + 12, 2), today);
	if (result != CSEC_CHECK_OK)
		return result;
	for (int i = 0; i < 17; i++)
		rest = (rest + (p[i] - '0')) * 2 % 11;
	rest = (12 - rest) % 11;
	if (rest != (csec_is_digit(p[17]) ? p[17] - '0' : 10))
		return CSEC_CHECK_DIGIT;
	return CSEC_CHECK_OK;
}

/* ISO/IEC 7812: 12 to 19 digits, Luhn's check digit.  None begins with 0. */
static CsecCheckResult
check_bank_card(const uchar *p, size_t len)
{
	uchar		d[19];
	size_t		n = 0;
	bool		gap = true;		/* no digit just before */
	bool		form = true;
	int			sum = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (csec_is_digit(p[i]))
		{
			if (n < sizeof(d))
				d[n] = p[i] - '0';
			n++;
			gap = false;
		}
		else if (p[i] == ' ' || p[i] == '-')
		{
			form &= !gap;
			gap = true;
		}
		else
			return CSEC_CHECK_CHARACTER;
	}
	if (n < 12 || n > sizeof(d))
		return CSEC_CHECK_LENGTH;
	if (!form || gap || d[0] == 0)
		return CSEC_CHECK_FORM;
	for (size_t i = 0; i < n; i++)
	{
		int			v = d[n - 1 - i];

		if (i % 2 == 1)
			v = v * 2 > 9 ? v * 2 - 9 : v * 2;
		sum += v;
	}
	return sum % 10 == 0 ? CSEC_CHECK_OK : CSEC_CHECK_DIGIT;
}

/*
 * The digits of a Chinese number behind +86 or a trunk 0: a mobile number has
 * eleven and begins with 13 to 19, a land line has area code and subscriber
 * number, nine to eleven together.
 */
static CsecCheckResult
check_chinese_number(const uchar *d, int n)
{
	if (n == 11 && d[0] == '1')
		return d[1] >= '3' ? CSEC_CHECK_OK : CSEC_CHECK_FORM;
	if (d[0] == '0')
		return CSEC_CHECK_FORM;
	return n >= 9 && n <= 11 ? CSEC_CHECK_OK : CSEC_CHECK_LENGTH;
}

/*
 * ITU-T E.164 behind + or 00: 7 to 15 digits that do not begin with 0.
 * Without: a Chinese mobile number, or a land line with its trunk 0.
 */
static CsecCheckResult
check_phone(const uchar *p, size_t len)
{
	uchar		d[17];
	int			n = 0;
	bool		plus = p[0] == '+';
	const uchar *digits = d;

	for (size_t i = plus; i < len; i++)
	{
		if (csec_is_digit(p[i]))
		{
			if (n == (int) sizeof(d))
				return CSEC_CHECK_LENGTH;
			d[n++] = p[i];
		}
		else if (i == 0 ? p[i] != '('
				 : p[i] == 0 || strchr(" -().", p[i]) == NULL)
			return CSEC_CHECK_CHARACTER;
	}
	if (p[len - 1] != ')' && !csec_is_digit(p[len - 1]))
		return CSEC_CHECK_FORM;
	if (!plus && n > 2 && d[0] == '0' && d[1] == '0')
	{
		plus = true;
		digits += 2;
		n -= 2;
	}
	if (plus)
	{
		if (n < 7 || n > 15)
			return CSEC_CHECK_LENGTH;
		if (digits[0] == '0')
			return CSEC_CHECK_REGION;
		if (digits[0] == '8' && digits[1] == '6')
			return check_chinese_number(digits + 2, n - 2);
		return CSEC_CHECK_OK;
	}
	if (n < 10)
		return CSEC_CHECK_LENGTH;
	if (d[0] == '0')
		return d[1] == '1' && n == 12 ? CSEC_CHECK_LENGTH :
			check_chinese_number(d + 1, n - 1);
	if (n != 11)
		return CSEC_CHECK_LENGTH;
	return d[0] == '1' && d[1] >= '3' ? CSEC_CHECK_OK : CSEC_CHECK_FORM;
}

/*
 * RFC 5321 without quoted parts and address literals, with letters of any
 * script in the local part (RFC 6531), and without its star, which nobody
 * uses but masks.
 */
static CsecCheckResult
check_email(const uchar *p, size_t len)
{
	const uchar *end = p + len;
	const uchar *at = memchr(p, '@', len);
	const uchar *q = p;

	for (const uchar *c = p; c < end; c++)
		if (*c <= ' ' || *c == 0x7F)
			return CSEC_CHECK_CHARACTER;
	if (at == NULL || at == p)
		return CSEC_CHECK_FORM;
	if (at - p > 64)
		return CSEC_CHECK_LENGTH;
	while (q < at)
	{
		uint32_t	cp = 0;

		q += csec_utf8_decode(q, at, &cp);
		if (cp == '.')
		{
			if (q - 1 == p || q == at || *q == '.')
				return CSEC_CHECK_FORM;
		}
		else if (!csec_is_digit(cp) && !csec_is_letter(cp) &&
				 (cp > 0x7E || strchr("!#$%&'+-/=?^_`{|}~", cp) == NULL))
			return CSEC_CHECK_CHARACTER;
	}
	return csec_domain_name(at + 1, end) ? CSEC_CHECK_OK : CSEC_CHECK_FORM;
}

static CsecCheckResult
check_birth_date(const uchar *p, size_t len, int32_t today)
{
	for (size_t i = 0; i < len; i++)
		if (!csec_is_digit(p[i]) && p[i] != '-')
			return CSEC_CHECK_CHARACTER;
	if (len == 8 && all_digits(p, 8))
		return check_day(number(p, 4), number(p + 4, 2), number(p + 6, 2),
						 today);
	if (len == 10 && all_digits(p, 4) && p[4] == '-' &&
		all_digits(p + 5, 2) && p[7] == '-' && all_digits(p + 8, 2))
		return check_day(number(p, 4), number(p + 5, 2), number(p + 8, 2),
						 today);
	return CSEC_CHECK_FORM;
}

/*
 * Controls, digits of either width, stars (a mask), and the characters that
 * turn the direction of text or are not seen: they serve to deceive.
 */
static bool
never_in_name(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || csec_is_digit(cp) ||
		(cp >= 0xFF10 && cp <= 0xFF19) || cp == '*' || cp == 0x200B ||
		cp == 0x200E || cp == 0x200F || (cp >= 0x2028 && cp <= 0x202E) ||
		(cp >= 0x2060 && cp <= 0x206F) || cp == 0xFEFF;
}

static CsecCheckResult
check_person_name(const uchar *p, size_t len)
{
	const uchar *end = p + len;
	uint32_t	cp = 0;
	int			chars = 0;
	bool		letter = false;

	while (p < end)
	{
		p += csec_utf8_decode(p, end, &cp);
		if (never_in_name(cp) || (chars == 0 && (cp == ' ' || cp == 0x3000)))
			return CSEC_CHECK_CHARACTER;
		letter |= csec_is_letter(cp);
		chars++;
	}
	if (cp == ' ' || cp == 0x3000)
		return CSEC_CHECK_CHARACTER;
	if (chars > 100)
		return CSEC_CHECK_LENGTH;
	return letter ? CSEC_CHECK_OK : CSEC_CHECK_FORM;
}

/*
 * GB 32100: department, category, six digits of region, nine characters of
 * organisation and a check character, mod 31 with powers of 3.  Region 10 is
 * the state itself.
 */
static CsecCheckResult
check_credit_code(const uchar *p, size_t len)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	int			sum = 0;
	int			power = 1;

	for (size_t i = 0; i < len; i++)
		if (p[i] == 0 || strchr(alphabet, p[i]) == NULL)
			return CSEC_CHECK_CHARACTER;
	if (len != 18)
		return CSEC_CHECK_LENGTH;
	if (!all_digits(p + 2, 6))
		return CSEC_CHECK_FORM;
	if (number(p + 2, 2) != 10 && !is_province(number(p + 2, 2)))
		return CSEC_CHECK_REGION;
	for (int i = 0; i < 17; i++)
	{
		sum += (int) (strchr(alphabet, p[i]) - alphabet) * power;
		power = power * 3 % 31;
	}
	return alphabet[(31 - sum % 31) % 31] == p[17] ?
		CSEC_CHECK_OK : CSEC_CHECK_DIGIT;
}

/*
 * ISO 13616: the first four characters moved to the end and letters read as
 * 10 .. 35 make a number that is 1 mod 97.
 */
static CsecCheckResult
check_iban(const uchar *p, size_t len)
{
	uchar		c[34];
	size_t		n = 0;
	int			want;
	int			rest = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (csec_is_digit(p[i]) || (p[i] >= 'A' && p[i] <= 'Z'))
		{
			if (n == sizeof(c))
				return CSEC_CHECK_LENGTH;
			c[n++] = p[i];
		}
		else if (p[i] != ' ')
			return CSEC_CHECK_CHARACTER;
		else if (i == 0 || i == len - 1 || p[i - 1] == ' ')
			return CSEC_CHECK_FORM;
	}
	if (n < 5)
		return CSEC_CHECK_LENGTH;
	if (csec_is_digit(c[0]) || csec_is_digit(c[1]) || !all_digits(c + 2, 2))
		return CSEC_CHECK_FORM;
	want = csec_iban_length((const char *) c);
	if (want == 0)
		return CSEC_CHECK_REGION;
	if (n != want)
		return CSEC_CHECK_LENGTH;
	for (size_t i = 0; i < n; i++)
	{
		uchar		v = c[(i + 4) % n];

		rest = csec_is_digit(v) ? (rest * 10 + v - '0') % 97 :
			(rest * 100 + v - 'A' + 10) % 97;
	}
	/* 00, 01 and 99 agree with 97, 98 and 02, but are never given out */
	return rest == 1 && number(c + 2, 2) >= 2 && number(c + 2, 2) <= 98 ?
		CSEC_CHECK_OK : CSEC_CHECK_DIGIT;
}

/*
 * ISO 3779: 17 characters without I, O, Q.  The ninth is a check digit, mod
 * 11, where the law demands it: North America (1 to 5) and China (L).
 */
static CsecCheckResult
check_vin(const uchar *p, size_t len)
{
	/* the value of each letter A .. Z; 0 for those that are not used */
	static const uint8_t values[26] = {
		1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9, 2, 3, 4, 5, 6,
		7, 8, 9,
	};
	static const uint8_t weights[17] = {
		8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2,
	};
	int			sum = 0;

	for (size_t i = 0; i < len; i++)
		if (!csec_is_digit(p[i]) &&
			(p[i] < 'A' || p[i] > 'Z' || values[p[i] - 'A'] == 0))
			return CSEC_CHECK_CHARACTER;
	if (len != 17)
		return CSEC_CHECK_LENGTH;
	if (!(p[0] >= '1' && p[0] <= '5') && p[0] != 'L')
		return CSEC_CHECK_OK;
	for (int i = 0; i < 17; i++)
		sum += weights[i] *
			(csec_is_digit(p[i]) ? p[i] - '0' : values[p[i] - 'A']);
	return p[8] == "0123456789X"[sum % 11] ? CSEC_CHECK_OK : CSEC_CHECK_DIGIT;
}

CsecCheckResult
csec_check_on(CsecCheckKind kind, const char *in, size_t len, int32_t today)
{
	const uchar *p = (const uchar *) in;

	if (kind == CSEC_CHECK_NONE)
		return CSEC_CHECK_OK;
	if ((unsigned) kind >= CSEC_CHECK_KINDS)
		return CSEC_CHECK_UNKNOWN_KIND;
	if (len == 0)
		return CSEC_CHECK_EMPTY;
	if (csec_utf8_length(p, p + len) < 0)
		return CSEC_CHECK_ENCODING;
	if (csec_all_blank(p, p + len))
		return CSEC_CHECK_EMPTY;
	switch (kind)
	{
		case CSEC_CHECK_NONE:
			break;
		case CSEC_CHECK_ID_CARD:
			return check_id_card(p, len, today);
		case CSEC_CHECK_BANK_CARD:
			return check_bank_card(p, len);
		case CSEC_CHECK_PHONE:
			return check_phone(p, len);
		case CSEC_CHECK_EMAIL:
			return check_email(p, len);
		case CSEC_CHECK_BIRTH_DATE:
			return check_birth_date(p, len, today);
		case CSEC_CHECK_PERSON_NAME:
			return check_person_name(p, len);
		case CSEC_CHECK_CREDIT_CODE:
			return check_credit_code(p, len);
		case CSEC_CHECK_IBAN:
			return check_iban(p, len);
		case CSEC_CHECK_VIN:
			return check_vin(p, len);
	}
	return CSEC_CHECK_UNKNOWN_KIND;
}

CsecCheckResult
csec_check(CsecCheckKind kind, const char *in, size_t len)
{
	return csec_check_on(kind, in, len, 0);
}

const char *
csec_check_reason(CsecCheckResult result)
{
	return (unsigned) result < CSEC_CHECK_RESULTS ? reasons[result] :
		"unknown reason";
}

const char *
csec_check_kind_name(CsecCheckKind kind)
{
	return (unsigned) kind < CSEC_CHECK_KINDS ? kind_names[kind] : NULL;
}

bool
csec_check_kind_from_name(const char *name, CsecCheckKind *kind)
{
	for (int i = 0; i < CSEC_CHECK_KINDS; i++)
	{
		if (strcmp(name, kind_names[i]) == 0)
		{
			*kind = (CsecCheckKind) i;
			return true;
		}
	}
	return false;
}
