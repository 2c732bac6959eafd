/*-------------------------------------------------------------------------
 * mask_address.c
 *		Masks of postal addresses, Chinese and Latin.                   [FE]
 *-------------------------------------------------------------------------
 */
#include "policy/mask_form.h"

typedef unsigned char uchar;

#define MAX_PREFIX		6	/* characters of a Chinese address to show */
#define LATIN_HIDDEN_MIN	8	/* characters of a Latin one to hide */

/* Provinces and their like by their first two characters, in order. */
#define P(a, b) CSEC_PAIR(a, b)

static const uint32_t provinces[] = {
	P(U'上', U'海'), P(U'云', U'南'), P(U'内', U'蒙'), P(U'北', U'京'), P(U'台', U'湾'),
	P(U'吉', U'林'), P(U'四', U'川'), P(U'天', U'津'), P(U'宁', U'夏'), P(U'安', U'徽'),
	P(U'寧', U'夏'), P(U'山', U'东'), P(U'山', U'東'), P(U'山', U'西'), P(U'广', U'东'),
	P(U'广', U'西'), P(U'廣', U'東'), P(U'廣', U'西'), P(U'新', U'疆'), P(U'江', U'苏'),
	P(U'江', U'蘇'), P(U'江', U'西'), P(U'河', U'北'), P(U'河', U'南'), P(U'浙', U'江'),
	P(U'海', U'南'), P(U'湖', U'北'), P(U'湖', U'南'), P(U'澳', U'門'), P(U'澳', U'门'),
	P(U'甘', U'肃'), P(U'甘', U'肅'), P(U'福', U'建'), P(U'臺', U'灣'), P(U'西', U'藏'),
	P(U'貴', U'州'), P(U'贵', U'州'), P(U'辽', U'宁'), P(U'遼', U'寧'), P(U'重', U'庆'),
	P(U'重', U'慶'), P(U'陕', U'西'), P(U'陝', U'西'), P(U'雲', U'南'), P(U'青', U'海'),
	P(U'香', U'港'), P(U'黑', U'龍'), P(U'黑', U'龙'),
};

/* Is the 区 after "prev" a housing estate's, a school's, ... not a district? */
static inline bool
not_a_district(uint32_t prev)
{
	static const uint32_t before[] = {
		U'小', U'社', U'园', U'園', U'校', U'厂', U'廠', U'街', U'院', U'住',
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		if (prev == before[i])
			return true;
	return false;
}

/* The characters of the province's name that "cp" begins with, or 0. */
static int
province_chars(const uint32_t *cp)
{
	if (!CSEC_PAIR_LISTED(provinces, cp[0], cp[1]))
		return 0;
	return (cp[0] == U'内' && cp[2] == U'古') ||
		(cp[0] == U'黑' && cp[2] == U'江') ? 3 : 2;
}

/*
 * Province, city or district at the start of a Chinese address: the longest
 * of the first six characters that ends in 省, 市 or 区 and is less than half
 * of the n characters; else the name of a province.  Gives how many of the
 * characters "cp", the first six or fewer, to show.  A 区 counts behind a 市
 * or 省 only, or in 自治区, for 阳光小区 is a home.  No place has a name of
 * less than three characters: 城市花园 is a home, too.
 */
static int
address_prefix(const uint32_t *cp, int n)
{
	int			boundary = 0;	/* characters up to the last boundary */
	int			most = (n - 1) / 2;

	if (most > MAX_PREFIX)
		most = MAX_PREFIX;
	for (int i = 0; i < most && csec_is_han(cp[i]); i++)
	{
		if (i + 1 - boundary < 3)
			continue;
		if (cp[i] == U'省' || cp[i] == U'市' ||
			((cp[i] == U'区' || cp[i] == U'區') &&
			 ((boundary > 0 && !not_a_district(cp[i - 1])) ||
			  (cp[i - 2] == U'自' && cp[i - 1] == U'治'))))
			boundary = i + 1;
	}
	return boundary == 0 && most >= 3 ? province_chars(cp) : boundary;
}

/*
 * The last comma part of a Latin address, a country or city: at most a third
 * of the whole and without digits, for a digit means postcode or street.
 * Gives where it starts, or NULL.
 */
static const uchar *
address_last_part(const uchar *p, const uchar *end, int n)
{
	const uchar *comma = end;
	int			chars;

	while (comma > p && comma[-1] != ',')
		comma--;
	if (comma == p)
		return NULL;
	while (comma < end && *comma == ' ')
		comma++;
	chars = csec_place_form(comma, end);
	if (chars == 0 || n - chars < LATIN_HIDDEN_MIN || 3 * chars > n)
		return NULL;
	return comma;
}

size_t
csec_mask_address(const uchar *p, const uchar *end, char *out)
{
	const uchar *q = p;
	const uchar *part;
	uint32_t	first[MAX_PREFIX] = {0};
	size_t		ends[MAX_PREFIX + 1] = {0};	/* in bytes */
	int			n = 0;

	while (q < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(q, end, &cp);

		if (len == 0 || cp == '*')
			return 0;
		q += len;
		if (n < MAX_PREFIX)
		{
			first[n] = cp;
			ends[n + 1] = q - p;
		}
		n++;
	}
	if (csec_is_han(first[0]))
	{
		size_t		shown = ends[address_prefix(first, n)];

		if (shown == 0)
			return 0;
		memcpy(out, p, shown);
		memcpy(out + shown, "***", 3);
		return shown + 3;
	}
	part = address_last_part(p, end, n);
	if (part == NULL)
		return 0;
	memcpy(out, "***, ", 5);
	memcpy(out + 5, part, end - part);
	return 5 + (end - part);
}
