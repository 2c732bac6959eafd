/*
 * mask_test.c
 *		Masks: the examples of docs/masks.md, and what must hold for any input.
 *
 *	sources: policy/mask.c policy/mask_form.c policy/mask_name.c policy/mask_address.c
 */
#include "unit.h"

#include "policy/mask.h"
#include "util/utf8.h"

#define DOCUMENT UNIT_TOP "/docs/masks.md"

/* The mask of a text, with parameters or without, ending in NUL. */
static const char *
mask(CsecMaskKind kind, const CsecMaskParams *params, const char *in,
	 size_t len)
{
	static char out[CSEC_MASK_MAX + 1];
	size_t		n;

	/* exactly as large as promised, and poisoned, so that a slip shows */
	char	   *exact = malloc(CSEC_MASK_BOUND(len));
	char	   *copy = malloc(len ? len : 1);

	memset(exact, 0x55, CSEC_MASK_BOUND(len));
	memcpy(copy, in, len);
	n = csec_mask_apply_params(kind, params, copy, len, exact,
							   CSEC_MASK_BOUND(len));
	memcpy(out, exact, n);
	out[n] = '\0';
	free(copy);
	free(exact);
	return out;
}

/*
 * The rows of docs/masks.md.
 */
static int	mask_rows;
static int	kind_seen[CSEC_MASK_KINDS];
static int	shape_rows[2];

/* Which table a row is in follows from its number of cells and what came. */
static bool negative_shapes;

static void
example(int ncells, char **cells)
{
	char		name[32];
	char		what[256];
	unsigned	left,
				right,
				stars;
	CsecMaskKind kind;
	CsecMaskParams params;
	int			n;

	if (ncells == 1)
	{
		bool		want;

		negative_shapes |= strcmp(cells[0], "**urgent**") == 0;
		want = !negative_shapes;
		ok(csec_mask_shaped(cells[0], strlen(cells[0])) == want,
		   "\"%s\" is %s", cells[0], want ? "a mask" : "no mask");
		shape_rows[want]++;
		return;
	}
	n = sscanf(cells[0], "%31s %u %u %u", name, &left, &right, &stars);
	if (ncells != 3 || (n != 1 && n != 4) ||
		!csec_mask_kind_from_name(name, &kind))
	{
		ok(false, "row \"%s\" of the document can be read", cells[0]);
		return;
	}
	params = (CsecMaskParams) {left, right, stars};
	snprintf(what, sizeof(what), "%s: \"%s\"", cells[0], cells[1]);
	is(mask(kind, n == 4 ? &params : NULL, cells[1], strlen(cells[1])),
	   cells[2], what);
	mask_rows++;
	kind_seen[kind]++;
}

static void
examples(void)
{
	unit_table(DOCUMENT, example);
	for (int k = 0; k < CSEC_MASK_KINDS; k++)
		ok(kind_seen[k] > 0, "the document shows %s",
		   csec_mask_kind_name((CsecMaskKind) k));
	ok(mask_rows >= 90 && shape_rows[0] >= 12 && shape_rows[1] >= 12,
	   "the document's tables were read");
}

static void
names_and_limits(void)
{
	CsecMaskKind kind = CSEC_MASK_PHONE;
	char		out[CSEC_MASK_MAX];
	char		big[CSEC_MASK_MAX_INPUT + 1];

	for (int k = 0; k < CSEC_MASK_KINDS; k++)
		ok(csec_mask_kind_from_name(csec_mask_kind_name((CsecMaskKind) k),
									&kind) && kind == (CsecMaskKind) k,
		   "kind %d has a name and is found by it", k);
	ok(!csec_mask_kind_from_name("nonesuch", &kind) &&
	   !csec_mask_kind_from_name("", &kind), "no other name is a kind");
	ok(csec_mask_kind_name((CsecMaskKind) CSEC_MASK_KINDS) == NULL &&
	   csec_mask_kind_name((CsecMaskKind) -1) == NULL,
	   "no other number has a name");
	is(mask((CsecMaskKind) 99, NULL, "13800001234", 11), "***",
	   "an unknown kind redacts");
	is(mask((CsecMaskKind) -1, NULL, "13800001234", 11), "***",
	   "a negative kind redacts");

	memset(out, 0x55, sizeof(out));
	ok(csec_mask_apply(CSEC_MASK_PHONE, "13800001234", 11, out,
					   sizeof(out) - 1) == 0 && out[0] == 0x55,
	   "nothing is written to a buffer that is too small");
	for (int k = 0; k < CSEC_MASK_KINDS; k++)
		is(mask((CsecMaskKind) k, NULL, "", 0), "***",
		   "an empty value is redacted");

	memset(big, 'a', sizeof(big));
	is(mask(CSEC_MASK_PERSON_NAME, NULL, big, sizeof(big)), "***",
	   "a value over the limit is redacted");
	is(mask(CSEC_MASK_PERSON_NAME, NULL, big, sizeof(big) - 1), "a***",
	   "a value at the limit is masked");
	is(mask(CSEC_MASK_PERSON_NAME, NULL, "Jo\0hn", 5), "***",
	   "a NUL byte inside redacts");
	memcpy(big, "bob@", 4);
	memcpy(big + 4 + 59, ".com", 4);
	ok(strlen(mask(CSEC_MASK_EMAIL, NULL, big, 4 + 63)) == 5 + 63,
	   "a domain of 63 characters is shown");
	memcpy(big + 4 + 59, "a.com", 5);
	is(mask(CSEC_MASK_EMAIL, NULL, big, 4 + 64), "***",
	   "a longer domain is not");
	is(mask(CSEC_MASK_ID_CARD, NULL, "11010519491231002x", 18),
	   "110*************2x", "a small x stays small");
}

/*
 * What a mask of each kind may show at most: characters other than stars,
 * blanks around words and fixed punctuation included.  And how many
 * characters of the value it must hide at least, unless it is redacted.
 */
static const struct
{
	int			shows;
	int			hides;
}			limits[CSEC_MASK_KINDS] = {
	[CSEC_MASK_ALL] = {0, 0},
	[CSEC_MASK_FREE_TEXT] = {0, 0},
	[CSEC_MASK_PERSON_NAME] = {7, 1},	/* four initials, three blanks */
	[CSEC_MASK_PHONE] = {12, 4},	/* +999 and blank, 3 and 4 digits */
	[CSEC_MASK_EMAIL] = {65, 1},	/* initial, @, domain */
	[CSEC_MASK_ADDRESS] = {34, 4},	/* comma, blank, place */
	[CSEC_MASK_ID_CARD] = {5, 10},
	[CSEC_MASK_BANK_CARD] = {4, 8},
	[CSEC_MASK_BIRTH_DATE] = {6, 2},	/* year and dashes; 1985/3/7 */
	[CSEC_MASK_FIRST_LAST] = {12, 1},
	[CSEC_MASK_LAST4] = {4, 4},
};

static bool
valid_utf8(const char *s, size_t len, int *chars, int *shown)
{
	const unsigned char *p = (const unsigned char *) s;
	const unsigned char *end = p + len;

	*chars = *shown = 0;
	while (p < end)
	{
		uint32_t	cp;
		int			n = csec_utf8_decode(p, end, &cp);

		if (n == 0)
			return false;
		++*chars;
		*shown += cp != '*';
		p += n;
	}
	return true;
}

/* The first thing that is wrong with the mask of this input, or NULL. */
static const char *
fault(CsecMaskKind kind, const CsecMaskParams *params, const char *in,
	  size_t len)
{
	char		first[CSEC_MASK_MAX + 1];
	size_t		n;
	int			in_chars,
				in_shown,
				chars,
				shown;
	bool		valid = valid_utf8(in, len, &in_chars, &in_shown);
	bool		redacted;

	strcpy(first, mask(kind, params, in, len));
	n = strlen(first);
	redacted = strcmp(first, "***") == 0;
	if (n == 0 || n > CSEC_MASK_MAX)
		return "has a wrong length";
	if (!valid_utf8(first, n, &chars, &shown))
		return "is not UTF-8";
	if (!valid && !redacted && kind != CSEC_MASK_LAST4 &&
		kind != CSEC_MASK_FIRST_LAST)
		return "shows something of a text that is not UTF-8";
	if (!valid && !redacted)
		return "shows something of invalid text";
	if (strchr(first, '*') == NULL)
		return "has no star";
	if (n == len && memcmp(first, in, len) == 0 && !csec_mask_shaped(in, len))
		return "is the value itself";
	if (shown > limits[kind].shows)
		return "shows too much";
	if (!redacted && shown > 0 && in_chars < limits[kind].hides + 1)
		return "hides too little";
	if (!csec_mask_shaped_as(kind, first, n) || !csec_mask_shaped(first, n))
		return "is not known as a mask";
	if (!csec_mask_shaped(mask(kind, params, first, n),
						  strlen(mask(kind, params, first, n))))
		return "has a mask that is not known as one";
	return NULL;
}

/* What random texts are made of: pieces that lead deep into every kind. */
static const char *const pieces[] = {
	"1", "13", "138", "0", "86", "+", "+86", "+1", "+852", "00", " ", "-",
	"(", ")", ".", ",", ", ", "@", "@x.com", "a", "Z", "John", "x", "X",
	"*", "**", "***", "****", "张", "三", "欧阳", "司马", "省", "市", "区",
	"广东省", "北京市", "自治区", "小区", "内蒙古", "·", "１", "号", "é", "А",
	"김", "𠮷", "😀", "\xE2\x80\xAE", "\t", "\n", "\"", "年", "月", "日",
	"1985", "-03", "/3", "19850307", "110105", "4111111111111111", "com",
	"London", "\xE5\xBC", "\xFF", "\xC0\xAF", "\xED\xA0\x80", "'", "e\xCC\x81",
};

static size_t
random_text(char *out, size_t most)
{
	size_t		n = 0;
	size_t		want = 1 + unit_below(most);
	int			way = unit_below(4);

	while (n < want)
	{
		if (way == 0)
			out[n++] = (char) unit_random();
		else if (way == 1)
			out[n++] = '0' + unit_below(10);
		else
		{
			const char *piece =
				pieces[unit_below(sizeof(pieces) / sizeof(pieces[0]))];
			size_t		len = strlen(piece);

			if (n + len > most)
				break;
			memcpy(out + n, piece, len);
			n += len;
		}
	}
	return n ? n : (out[0] = '7', 1);
}

static void
hex(const char *in, size_t len)
{
	printf("#   input:");
	for (size_t i = 0; i < len; i++)
		printf(" %02x", (unsigned char) in[i]);
	printf("\n");
}

/* No random text breaks a rule. */
static void
random_texts(void)
{
	for (int k = 0; k < CSEC_MASK_KINDS; k++)
	{
		const char *bad = NULL;
		int			i;
		char		in[64];
		size_t		len = 0;
		int			redacted = 0;

		for (i = 0; i < 20000 && bad == NULL; i++)
		{
			CsecMaskParams params = {unit_below(8), unit_below(8),
			2 + unit_below(16)};

			len = random_text(in, sizeof(in));
			bad = fault((CsecMaskKind) k, i % 2 ? &params : NULL, in, len);
			redacted += strcmp(mask((CsecMaskKind) k, NULL, in, len), "***")
				== 0;
		}
		if (!ok(bad == NULL, "%s: no mask of %d random texts %s (%d redacted)",
				csec_mask_kind_name((CsecMaskKind) k), i,
				bad ? bad : "breaks a rule", redacted))
			hex(in, len);
	}
}

/* Values that every kind takes, in all their damaged forms. */
static void
damaged(int ncells, char **cells)
{
	const char *bad = NULL;
	char		in[512];
	size_t		len;
	CsecMaskKind kind;
	char		name[32];

	if (ncells != 3 || sscanf(cells[0], "%31s", name) != 1 ||
		!csec_mask_kind_from_name(name, &kind))
		return;
	len = strlen(cells[1]);
	memcpy(in, cells[1], len);
	for (size_t bit = 0; bit < len * 8 && bad == NULL; bit++)
	{
		in[bit / 8] ^= 1 << bit % 8;
		bad = fault(kind, NULL, in, len);
		in[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t start = 0; start < len && bad == NULL; start++)
		for (size_t n = 1; n <= len - start && bad == NULL; n++)
			bad = fault(kind, NULL, in + start, n);
	ok(bad == NULL, "%s \"%s\": no flipped bit and no piece %s", cells[0],
	   cells[1], bad ? bad : "breaks a rule");
}

/*
 * A pair of values that differ only in what a mask hides must have one mask:
 * so nothing of the hidden part shows, not even its length.
 */
static void
same_mask(CsecMaskKind kind, const char *a, const char *b)
{
	char		first[CSEC_MASK_MAX + 1];

	strcpy(first, mask(kind, NULL, a, strlen(a)));
	ok(strcmp(first, mask(kind, NULL, b, strlen(b))) == 0 &&
	   strcmp(first, "***") != 0, "%s: %s and %s look alike: %s",
	   csec_mask_kind_name(kind), a, b, first);
}

static void
hidden_parts(void)
{
	char		id[] = "110105194912310021";
	char		want[CSEC_MASK_MAX + 1];
	bool		same = true;

	same_mask(CSEC_MASK_PERSON_NAME, "张三丰", "张无忌");
	same_mask(CSEC_MASK_PERSON_NAME, "张三丰", "张一二三");
	same_mask(CSEC_MASK_PERSON_NAME, "John Smith", "Jo Salamander");
	same_mask(CSEC_MASK_PHONE, "13800001234", "13899991234");
	same_mask(CSEC_MASK_PHONE, "+44 20 7946 0958", "+44 121 496 000958");
	same_mask(CSEC_MASK_EMAIL, "ab@x.com", "alice.wonderland@x.com");
	same_mask(CSEC_MASK_ADDRESS, "北京市朝阳区一二三四五六七", "北京市朝阳区建国路88号院2号楼3单元");
	same_mask(CSEC_MASK_BANK_CARD, "411111111234", "6222021234567891234");
	same_mask(CSEC_MASK_BIRTH_DATE, "1985-03-07", "1985年12月31日");
	same_mask(CSEC_MASK_LAST4, "00001234", "9999999999991234");

	/* no digit from the fourth to the sixteenth changes an id card's mask */
	strcpy(want, mask(CSEC_MASK_ID_CARD, NULL, id, 18));
	for (int i = 3; i < 16; i++)
		for (char d = '0'; d <= '9'; d++)
		{
			char		was = id[i];

			id[i] = d;
			same &= strcmp(want, mask(CSEC_MASK_ID_CARD, NULL, id, 18)) == 0;
			id[i] = was;
		}
	ok(same, "id_card: digits 4 to 16, the birth date with them, do not show");
}

/* Each surname of two characters is found: the table is in order. */
static void
surnames(void)
{
	static const char *const list[] = {
		"万俟", "上官", "东方", "仲孫", "单于", "南門", "司馬", "司马", "尉迟",
		"慕容", "欧阳", "歐陽", "独孤", "百里", "皇甫", "端木", "第五", "諸葛",
		"诸葛", "轩辕", "長孫", "长孙", "闻人", "顓孫", "颛孙", "鮮于", "鲜于",
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		char		name[16];
		char		want[16];

		snprintf(name, sizeof(name), "%s明", list[i]);
		snprintf(want, sizeof(want), "%s*", list[i]);
		is(mask(CSEC_MASK_PERSON_NAME, NULL, name, strlen(name)), want, name);
	}
}

static void
shapes_by_kind(void)
{
	ok(!csec_mask_shaped_as(CSEC_MASK_FREE_TEXT, "f***", 4),
	   "a note may say f***");
	ok(csec_mask_shaped_as(CSEC_MASK_FREE_TEXT, "***", 3),
	   "a note may not say ***");
	ok(!csec_mask_shaped_as(CSEC_MASK_PHONE, "a***@x.com", 10),
	   "the mask of an e-mail address is none of a telephone number");
	ok(!csec_mask_shaped_as(CSEC_MASK_ADDRESS, "张***", 6),
	   "no place has a name of one character");
	ok(!csec_mask_shaped("", 0) && !csec_mask_shaped("  ", 2),
	   "nothing is no mask");
	ok(csec_mask_shaped("\t***\r\n", 6), "blanks around a mask do not matter");
}

int
main(void)
{
	unit_seed();
	examples();
	names_and_limits();
	surnames();
	hidden_parts();
	shapes_by_kind();
	unit_table(DOCUMENT, damaged);
	random_texts();
	return unit_done();
}
