/*-------------------------------------------------------------------------
 * mask_form.c
 *		What a mask looks like from outside.                            [FE]
 *
 * Applications write whole rows back, masks included.  A mask must never
 * replace the value that it hides, so input asks here whether a text is
 * "mask-shaped".  With blanks at both ends left out, these are, and nothing
 * else is:
 *
 *	all, free_text	***                                (and so for all kinds)
 *	person_name		one or two CJK characters and one or two stars;
 *					one to four words parted by a blank, each of them ***
 *					behind at most one letter
 *	phone			3 digits **** 4 digits, or **** and 2 to 4 digits, either
 *					behind "+", a country code and a blank or not
 *	email			*** behind at most one letter or digit, @, a host name
 *	address			two to six Chinese characters and ***;
 *					"***, " and Latin letters without digits
 *	id_card			3 digits, 13 stars, 2 digits or a digit and x
 *	bank_card		12 stars and 4 digits
 *	birth_date		4 digits -**-**
 *	first_last		3 to 16 stars between 0 to 6 letters or digits each
 *	last4			**** and at most 4 letters or digits
 *
 * Ordinary texts that have such a shape, and are thus taken for masks: a
 * lone "***" (a horizontal line in Markdown), 好* and 注意**, words with
 * letters starred out ("f***", "d***ed"), "wow***", "4***2", the account
 * numbers that banks print ("****1234").  Texts that have none: **urgent**,
 * *emphasis*, ** note **, 2*3, 2**3, a * b, SELECT * FROM t, 5 stars *****!,
 * any text in which a mask is only a part.  A caller who knows the category
 * asks csec_mask_shaped_as(), so that a note may say "f***".
 *-------------------------------------------------------------------------
 */
#include "policy/mask_form.h"

#include <string.h>

#include "policy/mask.h"

typedef unsigned char uchar;

int
csec_place_form(const uchar *p, const uchar *end)
{
	int			chars = 0;
	int			letters = 0;
	bool		letter = false;

	while (p < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(p, end, &cp);

		if (len == 0)
			return 0;
		letter = cp < 0x250 && csec_is_letter(cp);
		if (letter)
			letters++;
		else if (chars == 0 ||
				 (cp != ' ' && cp != '.' && cp != '\'' && cp != '-'))
			return 0;
		p += len;
		chars++;
	}
	return letter && letters >= 2 && chars <= CSEC_MASK_MAX_PLACE ? chars : 0;
}

/* Reads one or two digits that make 1 .. most; gives where they end, or NULL. */
static const uchar *
read_day_or_month(const uchar *p, const uchar *end, int most)
{
	int			v = 0;
	int			n = 0;

	while (p < end && n < 2 && csec_is_digit(*p))
	{
		v = v * 10 + (*p++ - '0');
		n++;
	}
	return n > 0 && v >= 1 && v <= most ? p : NULL;
}

/* Passes over the n bytes of "mark"; gives NULL if they are not there. */
static const uchar *
pass(const uchar *p, const uchar *end, const char *mark, size_t n)
{
	if (p == NULL || (size_t) (end - p) < n || memcmp(p, mark, n) != 0)
		return NULL;
	return p + n;
}

bool
csec_date_form(const uchar *p, const uchar *end)
{
	size_t		len = end - p;
	int			year = 0;

	if (len < 8)
		return false;
	for (int i = 0; i < 4; i++)
	{
		if (!csec_is_digit(p[i]))
			return false;
		year = year * 10 + (p[i] - '0');
	}
	if (year < 1800 || year > 2199)
		return false;
	p += 4;
	if (csec_is_digit(*p))
	{
		if (len != 8)
			return false;
		p = read_day_or_month(p, p + 2, 12);
		if (p == NULL || p + 2 != end)
			return false;
		return read_day_or_month(p, end, 31) == end;
	}
	if (*p == '-' || *p == '/' || *p == '.')
	{
		char		mark = (char) *p;

		p = read_day_or_month(p + 1, end, 12);
		p = pass(p, end, &mark, 1);
		return p != NULL && read_day_or_month(p, end, 31) == end;
	}
	p = pass(p, end, "年", 3);
	if (p != NULL)
		p = read_day_or_month(p, end, 12);
	p = pass(p, end, "月", 3);
	if (p != NULL)
		p = read_day_or_month(p, end, 31);
	return pass(p, end, "日", 3) == end;
}

/* How many stars are at p. */
static int
count_stars(const uchar *p, const uchar *end)
{
	int			n = 0;

	while (p + n < end && p[n] == '*')
		n++;
	return n;
}

/* How many digits are at p. */
static int
count_digits(const uchar *p, const uchar *end)
{
	int			n = 0;

	while (p + n < end && csec_is_digit(p[n]))
		n++;
	return n;
}

/*
 * The characters at p that a mask may show, up to the first that it may not;
 * *n is how many.  Gives where they end.
 */
static const uchar *
read_shown(const uchar *p, const uchar *end, int *n)
{
	uint32_t	cp;
	int			len;

	for (*n = 0; p < end; (*n)++, p += len)
	{
		len = csec_utf8_decode(p, end, &cp);
		if (len == 0 || !csec_mask_shows(cp))
			break;
	}
	return p;
}

static bool
first_last_shape(const uchar *p, const uchar *end)
{
	int			left;
	int			right;
	int			stars;

	p = read_shown(p, end, &left);
	stars = count_stars(p, end);
	p = read_shown(p + stars, end, &right);
	return p == end && left <= CSEC_MASK_MAX_KEEP &&
		right <= CSEC_MASK_MAX_KEEP && stars >= CSEC_MASK_MIN_STARS &&
		stars <= CSEC_MASK_MAX_STARS;
}

static bool
last4_shape(const uchar *p, const uchar *end)
{
	int			n;

	return count_stars(p, end) == 4 && read_shown(p + 4, end, &n) == end &&
		n <= 4;
}

static bool
person_name_shape(const uchar *p, const uchar *end)
{
	const uchar *q = p;
	uint32_t	cp;
	int			len;
	int			n = 0;

	while (q < end && (len = csec_utf8_decode(q, end, &cp)) > 0 &&
		   csec_is_cjk(cp))
	{
		q += len;
		n++;
	}
	if (n == 1 || n == 2)
	{
		int			stars = count_stars(q, end);

		if (q + stars == end && (stars == 1 || stars == 2))
			return true;
	}
	for (int words = 1; words <= 4 && p < end; words++)
	{
		if (*p != '*')
		{
			len = csec_utf8_decode(p, end, &cp);
			if (len == 0 || !csec_is_letter(cp))
				return false;
			p += len;
		}
		if (count_stars(p, end) != 3)
			return false;
		p += 3;
		if (p == end)
			return true;
		if (*p++ != ' ')
			return false;
	}
	return false;
}

static bool
phone_shape(const uchar *p, const uchar *end)
{
	int			n;

	if (p < end && *p == '+')
	{
		n = count_digits(++p, end);
		p += n;
		if (n < 1 || n > 3 || p == end || *p++ != ' ')
			return false;
	}
	n = count_digits(p, end);
	if ((n != 0 && n != 3) || count_stars(p + n, end) != 4)
		return false;
	p += n + 4;
	if (p + count_digits(p, end) != end)
		return false;
	return n == 3 ? end - p == 4 : end - p >= 2 && end - p <= 4;
}

static bool
email_shape(const uchar *p, const uchar *end)
{
	uint32_t	cp;

	if (p < end && *p != '*')
	{
		int			len = csec_utf8_decode(p, end, &cp);

		if (len == 0 || !csec_mask_shows(cp))
			return false;
		p += len;
	}
	p = pass(p, end, "***@", 4);
	return p != NULL && csec_mask_domain(p, end);
}

static bool
address_shape(const uchar *p, const uchar *end)
{
	const uchar *latin = pass(p, end, "***, ", 5);
	uint32_t	cp;
	int			len;
	int			n = 0;

	if (latin != NULL)
		return csec_place_form(latin, end) > 0;
	while (p < end && (len = csec_utf8_decode(p, end, &cp)) > 0 &&
		   csec_is_han(cp))
	{
		p += len;
		n++;
	}
	return n >= 2 && n <= 6 && pass(p, end, "***", 3) == end;
}

static bool
id_card_shape(const uchar *p, const uchar *end)
{
	return end - p == 18 && count_digits(p, end) == 3 &&
		count_stars(p + 3, end) == 13 && csec_is_digit(p[16]) &&
		(csec_is_digit(p[17]) || (p[17] | 0x20) == 'x');
}

static bool
bank_card_shape(const uchar *p, const uchar *end)
{
	return end - p == 16 && count_stars(p, end) == 12 &&
		count_digits(p + 12, end) == 4;
}

static bool
birth_date_shape(const uchar *p, const uchar *end)
{
	return count_digits(p, end) == 4 && pass(p + 4, end, "-**-**", 6) == end;
}

static bool
is_blank(uchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
csec_mask_shaped_as(CsecMaskKind kind, const char *in, size_t len)
{
	const uchar *p = (const uchar *) in;
	const uchar *end = p + len;

	while (p < end && is_blank(*p))
		p++;
	while (p < end && is_blank(end[-1]))
		end--;
	if (p == end || end - p > CSEC_MASK_MAX)
		return false;
	if (pass(p, end, CSEC_MASK_REDACTED, CSEC_MASK_REDACTED_LEN) == end)
		return true;
	switch (kind)
	{
		case CSEC_MASK_PERSON_NAME:
			return person_name_shape(p, end);
		case CSEC_MASK_PHONE:
			return phone_shape(p, end);
		case CSEC_MASK_EMAIL:
			return email_shape(p, end);
		case CSEC_MASK_ADDRESS:
			return address_shape(p, end);
		case CSEC_MASK_ID_CARD:
			return id_card_shape(p, end);
		case CSEC_MASK_BANK_CARD:
			return bank_card_shape(p, end);
		case CSEC_MASK_BIRTH_DATE:
			return birth_date_shape(p, end);
		case CSEC_MASK_FIRST_LAST:
			return first_last_shape(p, end);
		case CSEC_MASK_LAST4:
			return last4_shape(p, end);
		case CSEC_MASK_ALL:
		case CSEC_MASK_FREE_TEXT:
			break;
	}
	return false;
}

bool
csec_mask_shaped(const char *in, size_t len)
{
	/* nearly every text ends here */
	if (len == 0 || memchr(in, '*', len) == NULL)
		return false;
	for (int kind = 0; kind < CSEC_MASK_KINDS; kind++)
		if (csec_mask_shaped_as((CsecMaskKind) kind, in, len))
			return true;
	return false;
}
