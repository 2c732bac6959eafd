/*-------------------------------------------------------------------------
 * mask_address.c
 *		Masks of postal addresses, Chinese and Latin.                   [FE]
 *-------------------------------------------------------------------------
 */
#include "policy/mask_form.h"

typedef unsigned char uchar;

#define HIDDEN_MIN		4	/* characters, Chinese */
#define LATIN_HIDDEN_MIN	8	/* characters, Latin */

/* Provinces and their like by their first two characters, in byte order. */
static const char provinces[][8] = {
	"上海", "云南", "内蒙", "北京", "台湾", "吉林", "四川", "天津", "宁夏",
	"安徽", "寧夏", "山东", "山東", "山西", "广东", "广西", "廣東", "廣西",
	"新疆", "江苏", "江蘇", "江西", "河北", "河南", "浙江", "海南", "湖北",
	"湖南", "澳門", "澳门", "甘肃", "甘肅", "福建", "臺灣", "西藏", "貴州",
	"贵州", "辽宁", "遼寧", "重庆", "重慶", "陕西", "陝西", "雲南", "青海",
	"香港", "黑龍", "黑龙",
};

/* Is the 区 after "prev" a housing estate's, a school's, ... not a district? */
static inline bool
not_a_district(uint32_t prev)
{
	return prev == 0x5C0F /* 小 */ || prev == 0x793E /* 社 */ ||
		prev == 0x56ED /* 园 */ || prev == 0x5712 /* 園 */ ||
		prev == 0x6821 /* 校 */ || prev == 0x5382 /* 厂 */ ||
		prev == 0x5EE0 /* 廠 */ || prev == 0x8857 /* 街 */ ||
		prev == 0x9662 /* 院 */ || prev == 0x4F4F /* 住 */;
}

/* The bytes of a province's name at p, where seven characters or more are. */
static size_t
province_len(const uchar *p, const uchar *end)
{
	if (end - p < 9 || !CSEC_PAIR_LISTED(provinces, p))
		return 0;
	return memcmp(p, "内蒙古", 9) == 0 || memcmp(p, "黑龙江", 9) == 0 ||
		memcmp(p, "黑龍江", 9) == 0 ? 9 : 6;
}

/*
 * Province, city or district at the start of a Chinese address: the longest
 * of the first six characters that ends in 省, 市 or 区 and is less than half
 * of the n characters; else the name of a province.  Gives the bytes, or 0.
 * A 区 counts after a 市 or 省 only, or in 自治区, for 阳光小区 is a home.
 */
static size_t
address_prefix(const uchar *p, const uchar *end, int n)
{
	const uchar *q = p;
	uint32_t	prev = 0;
	uint32_t	prev2 = 0;
	int			boundary = 0;	/* characters up to the last boundary */
	size_t		best = 0;
	int			most = n - HIDDEN_MIN;

	if (most > 6)
		most = 6;
	for (int i = 1; i <= most && 2 * i < n; i++)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(q, end, &cp);
		bool		is_boundary = false;

		if (len == 0 || !csec_is_han(cp))
			break;
		q += len;
		if (i - boundary < 3)
			;					/* no place has a name that short */
		else if (cp == 0x7701 /* 省 */ || cp == 0x5E02 /* 市 */ )
			is_boundary = true;
		else if (cp == 0x533A /* 区 */ || cp == 0x5340 /* 區 */ )
			is_boundary = (boundary > 0 && !not_a_district(prev)) ||
				(prev2 == 0x81EA && prev == 0x6CBB) /* 自治 */;
		if (is_boundary)
		{
			boundary = i;
			best = q - p;
		}
		prev2 = prev;
		prev = cp;
	}
	if (best == 0 && n >= 7)
		best = province_len(p, end);
	return best;
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
	uint32_t	first = 0;
	int			n = 0;
	size_t		prefix;

	while (q < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(q, end, &cp);

		if (len == 0 || cp == '*')
			return 0;
		if (n++ == 0)
			first = cp;
		q += len;
	}
	if (csec_is_han(first))
	{
		prefix = address_prefix(p, end, n);
		if (prefix == 0)
			return 0;
		memcpy(out, p, prefix);
		memcpy(out + prefix, "***", 3);
		return prefix + 3;
	}
	part = address_last_part(p, end, n);
	if (part == NULL)
		return 0;
	memcpy(out, "***, ", 5);
	memcpy(out + 5, part, end - part);
	return 5 + (end - part);
}
