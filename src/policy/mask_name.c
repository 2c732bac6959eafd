/*-------------------------------------------------------------------------
 * mask_name.c
 *		Masks of people's names, Chinese and Latin.                     [FE]
 *-------------------------------------------------------------------------
 */
#include "policy/mask_form.h"

typedef unsigned char uchar;

#define MAX_NAME_WORDS	4

/*
 * Surnames of two characters, simplified and traditional, in the order of
 * their bytes.  All are in the basic plane, thus six bytes long.
 */
static const char compound_surnames[][8] = {
	"万俟", "上官", "东方", "东郭", "东里", "乐正", "令狐", "仲孙", "仲孫",
	"公冶", "公孙", "公孫", "公羊", "公良", "公西", "单于", "南宫", "南宮",
	"南門", "南门", "叶赫", "司徒", "司空", "司馬", "司马", "呼延", "單于",
	"壤駟", "壤驷", "夏侯", "太叔", "太史", "夹谷", "夾谷", "子車", "子车",
	"宇文", "完顏", "完颜", "宗政", "宰父", "尉迟", "尉遲", "左丘", "巫馬",
	"巫马", "慕容", "拓跋", "東方", "東郭", "東里", "梁丘", "榖梁", "樂正",
	"欧阳", "歐陽", "段干", "淳于", "漆雕", "澹台", "澹臺", "濮阳", "濮陽",
	"独孤", "獨孤", "申屠", "百里", "皇甫", "相里", "端木", "第五", "納蘭",
	"纳兰", "耶律", "聞人", "葉赫", "西門", "西门", "諸葛", "诸葛", "谷梁",
	"赫连", "赫連", "軒轅", "轩辕", "鍾離", "钟离", "長孫", "长孙", "闻人",
	"顓孫", "颛孙", "鮮于", "鲜于",
};

/* What a name must not hold: digits of any width, controls, and stars. */
static inline bool
never_in_name(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || csec_is_digit(cp) ||
		(cp >= 0xFF10 && cp <= 0xFF19) || cp == '*';
}

/*
 * 张三 -> 张*, 张三丰 -> 张**, 欧阳锋 -> 欧阳*.  The first character's length
 * is given.  A name that is more than four characters, or holds anything
 * that is not such a script (a middle dot, a blank, brackets), shows its
 * first character only: what would be the surname there is not known.
 */
static size_t
mask_cjk_name(const uchar *p, const uchar *end, int first_len, char *out)
{
	const uchar *q = p;
	bool		plain = true;
	int			n = 0;
	int			shown = 1;
	int			shown_len = first_len;
	char	   *o;

	while (q < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(q, end, &cp);

		if (len == 0 || never_in_name(cp))
			return 0;
		plain &= csec_is_cjk(cp);
		q += len;
		n++;
	}
	if (n < 2)
		return 0;
	plain &= n <= 4;
	if (plain && n > 2 && q - p >= 6 && CSEC_PAIR_LISTED(compound_surnames, p))
	{
		shown = 2;
		shown_len = 6;
	}
	o = csec_mask_put(out, p, shown_len);
	*o++ = '*';
	if (!plain || n - shown > 1)
		*o++ = '*';
	return o - out;
}

/*
 * Reads one word of a Latin name: where it ends, and the length of its
 * initial, or 0 if the word is too short to have one or does not begin with
 * a letter.  NULL for a name that is no name.
 */
static const uchar *
read_word(const uchar *p, const uchar *end, int *initial)
{
	bool		letter = false;
	int			letters = 0;
	int			first_len = 0;

	while (p < end && *p != ' ')
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(p, end, &cp);

		if (len == 0 || never_in_name(cp))
			return NULL;
		letters += csec_is_letter(cp);
		if (first_len == 0)
		{
			first_len = len;
			letter = letters > 0;
		}
		p += len;
	}
	*initial = letter && letters > 1 ? first_len : 0;
	return p;
}

/* John Smith -> J*** S***; more than four words -> the first word's. */
static size_t
mask_latin_name(const uchar *p, const uchar *end, char *out)
{
	char	   *o = out;
	char	   *first_end = out;
	int			words = 0;

	while (p < end)
	{
		const uchar *word = p;
		int			initial;

		p = read_word(p, end, &initial);
		if (p == NULL)
			return 0;
		if (words++ < MAX_NAME_WORDS)
		{
			if (words > 1)
				*o++ = ' ';
			o = csec_mask_put(o, word, initial);
			o = csec_mask_put(o, "***", 3);
			if (words == 1)
				first_end = o;
		}
		while (p < end && *p == ' ')
			p++;
	}
	return (words > MAX_NAME_WORDS ? first_end : o) - out;
}

size_t
csec_mask_person_name(const uchar *p, const uchar *end, char *out)
{
	uint32_t	cp;
	int			len;

	while (p < end && *p == ' ')
		p++;
	while (p < end && end[-1] == ' ')
		end--;
	if (p == end || (len = csec_utf8_decode(p, end, &cp)) == 0)
		return 0;
	if (csec_is_cjk(cp))
		return mask_cjk_name(p, end, len, out);
	return mask_latin_name(p, end, out);
}
