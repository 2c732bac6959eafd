/*-------------------------------------------------------------------------
 * mask_name.c
 *		Masks of people's names, Chinese and Latin.                     [FE]
 *-------------------------------------------------------------------------
 */
#include "policy/mask_form.h"

typedef unsigned char uchar;

#define MAX_NAME_WORDS	4

/*
 * Surnames of two characters, simplified and traditional, in order.
 */
#define P(a, b) CSEC_PAIR(a, b)

static const uint32_t compound_surnames[] = {
	P(U'万', U'俟'), P(U'上', U'官'), P(U'东', U'方'), P(U'东', U'郭'), P(U'东', U'里'),
	P(U'乐', U'正'), P(U'令', U'狐'), P(U'仲', U'孙'), P(U'仲', U'孫'), P(U'公', U'冶'),
	P(U'公', U'孙'), P(U'公', U'孫'), P(U'公', U'羊'), P(U'公', U'良'), P(U'公', U'西'),
	P(U'单', U'于'), P(U'南', U'宫'), P(U'南', U'宮'), P(U'南', U'門'), P(U'南', U'门'),
	P(U'叶', U'赫'), P(U'司', U'徒'), P(U'司', U'空'), P(U'司', U'馬'), P(U'司', U'马'),
	P(U'呼', U'延'), P(U'單', U'于'), P(U'壤', U'駟'), P(U'壤', U'驷'), P(U'夏', U'侯'),
	P(U'太', U'叔'), P(U'太', U'史'), P(U'夹', U'谷'), P(U'夾', U'谷'), P(U'子', U'車'),
	P(U'子', U'车'), P(U'宇', U'文'), P(U'完', U'顏'), P(U'完', U'颜'), P(U'宗', U'政'),
	P(U'宰', U'父'), P(U'尉', U'迟'), P(U'尉', U'遲'), P(U'左', U'丘'), P(U'巫', U'馬'),
	P(U'巫', U'马'), P(U'慕', U'容'), P(U'拓', U'跋'), P(U'東', U'方'), P(U'東', U'郭'),
	P(U'東', U'里'), P(U'梁', U'丘'), P(U'榖', U'梁'), P(U'樂', U'正'), P(U'欧', U'阳'),
	P(U'歐', U'陽'), P(U'段', U'干'), P(U'淳', U'于'), P(U'漆', U'雕'), P(U'澹', U'台'),
	P(U'澹', U'臺'), P(U'濮', U'阳'), P(U'濮', U'陽'), P(U'独', U'孤'), P(U'獨', U'孤'),
	P(U'申', U'屠'), P(U'百', U'里'), P(U'皇', U'甫'), P(U'相', U'里'), P(U'端', U'木'),
	P(U'第', U'五'), P(U'納', U'蘭'), P(U'纳', U'兰'), P(U'耶', U'律'), P(U'聞', U'人'),
	P(U'葉', U'赫'), P(U'西', U'門'), P(U'西', U'门'), P(U'諸', U'葛'), P(U'诸', U'葛'),
	P(U'谷', U'梁'), P(U'赫', U'连'), P(U'赫', U'連'), P(U'軒', U'轅'), P(U'轩', U'辕'),
	P(U'鍾', U'離'), P(U'钟', U'离'), P(U'長', U'孫'), P(U'长', U'孙'), P(U'闻', U'人'),
	P(U'顓', U'孫'), P(U'颛', U'孙'), P(U'鮮', U'于'), P(U'鲜', U'于'),
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
	uint32_t	begin[2] = {0, 0};
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
		if (n < 2)
			begin[n] = cp;
		q += len;
		n++;
	}
	if (n < 2)
		return 0;
	plain &= n <= 4;
	if (plain && n > 2 &&
		CSEC_PAIR_LISTED(compound_surnames, begin[0], begin[1]))
	{
		shown = 2;
		shown_len = 6;			/* all listed are three bytes each */
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
