/*
 * utf8_test.c
 *		Reading UTF-8: every character there is, and no byte sequence more.
 *
 *	sources:
 */
#include "unit.h"

#include "util/utf8.h"

/* The bytes of a code point, by the definition of RFC 3629. */
static int
encode(uint32_t cp, unsigned char *out)
{
	if (cp < 0x80)
		return out[0] = cp, 1;
	if (cp < 0x800)
		return out[0] = 0xC0 | cp >> 6, out[1] = 0x80 | (cp & 63), 2;
	if (cp < 0x10000)
		return out[0] = 0xE0 | cp >> 12, out[1] = 0x80 | (cp >> 6 & 63),
			out[2] = 0x80 | (cp & 63), 3;
	return out[0] = 0xF0 | cp >> 18, out[1] = 0x80 | (cp >> 12 & 63),
		out[2] = 0x80 | (cp >> 6 & 63), out[3] = 0x80 | (cp & 63), 4;
}

/* Decode a copy that ends where it should. */
static int
decode(const unsigned char *in, size_t len, uint32_t *cp)
{
	unsigned char *copy = malloc(len);
	int			n;

	memcpy(copy, in, len);
	n = csec_utf8_decode(copy, copy + len, cp);
	free(copy);
	return n;
}

static void
every_character(void)
{
	bool		same = true;
	bool		cut = true;

	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++)
	{
		unsigned char b[4];
		uint32_t	got = 0;
		int			n = encode(cp, b);

		if (cp >= 0xD800 && cp <= 0xDFFF)
			same &= csec_utf8_decode(b, b + n, &got) == 0;
		else
			same &= csec_utf8_decode(b, b + n, &got) == n && got == cp;
		/* all of them would take a while */
		for (int short_by = 1; short_by < n && cp % 61 == 0; short_by++)
			cut &= decode(b, n - short_by, &got) == 0;
	}
	ok(same, "all code points are read, surrogates are not");
	ok(cut, "no character that is cut short is read");
}

/* As many sequences are read as there are characters of that length. */
static void
nothing_more(void)
{
	int			one = 0;
	int			two = 0;
	int			three = 0;
	int			four = 0;
	uint32_t	cp;

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++)
		{
			unsigned char s[4] = {a, b, 0x80, 0x80};
			int			n = csec_utf8_decode(s, s + 4, &cp);

			one += b == 0 && n == 1;
			two += n == 2;
			four += n == 4;
			for (int c = 0; c < 256; c++)
			{
				s[2] = c;
				three += csec_utf8_decode(s, s + 3, &cp) == 3;
			}
		}
	ok(one == 128, "one byte: %d", one);
	ok(two == 0x800 - 0x80, "two bytes: %d", two);
	ok(three == 0x10000 - 0x800 - 0x800, "three bytes: %d", three);
	ok(four == 0x100000 / 4096, "four bytes, the last two fixed: %d", four);
	four = 0;
	for (int c = 0; c < 256; c++)
		for (int d = 0; d < 256; d++)
		{
			unsigned char s[4] = {0xF0, 0x90, c, d};

			four += csec_utf8_decode(s, s + 4, &cp) == 4;
		}
	ok(four == 4096, "four bytes, the first two fixed: %d", four);
}

static void
lengths(void)
{
	const unsigned char text[] = "a张é𠮷";

	ok(csec_utf8_length(text, text + sizeof(text) - 1) == 4, "a length");
	ok(csec_utf8_length(text, text) == 0, "the length of nothing");
	ok(csec_utf8_length(text, text + sizeof(text) - 2) == -1,
	   "no length of what is cut short");
}

static void
classes(void)
{
	static const uint32_t letters[] = {
		'A', 'z', 0xC9, 0x142, 0x410, 0x3B1, 0x5D0, 0x628, 0x915, 0xE01,
		0x4E00, 0x9FFF, 0x20BB7, 0x3042, 0x30AB, 0xAC00, 0x3007,
	};
	static const uint32_t others[] = {
		0, ' ', '0', '*', '@', '[', '`', '{', 0x7F, 0x85, 0xA0, 0xD7, 0xF7,
		0x301, 0x200B, 0x200E, 0x202E, 0x2066, 0x3000, 0x3001, 0x30FB, 0xB7,
		0xFF10, 0xFF21, 0xFE0F, 0xFEFF, 0xE000, 0xFFFD, 0x1F600, 0xE0001,
		0x660, 0x61C,
	};
	bool		good = true;

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (!csec_is_letter(letters[i]))
			good = ok(false, "U+%04X is a letter", letters[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (csec_is_letter(others[i]))
			good = ok(false, "U+%04X is no letter", others[i]);
	ok(good, "letters are letters, and digits, marks and signs are none");
	ok(csec_is_digit('0') && csec_is_digit('9') && !csec_is_digit('/') &&
	   !csec_is_digit(':') && !csec_is_digit(0xFF10), "ten digits");
}

int
main(void)
{
	every_character();
	nothing_more();
	lengths();
	classes();
	return unit_done();
}
