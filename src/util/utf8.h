/*-------------------------------------------------------------------------
 * utf8.h
 *		Reading UTF-8 character by character, and what kind they are.    [FE]
 *
 * Strict as RFC 3629 is: no overlong forms, no surrogates, nothing above
 * U+10FFFF, nothing cut short.  No locale is asked: what counts as a letter
 * must not depend on the server's settings, or a mask would.
 *-------------------------------------------------------------------------
 */
#ifndef CSEC_UTIL_UTF8_H
#define CSEC_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * csec_utf8_decode
 *		Read the character at p, which must lie before end.  Gives its length
 *		in bytes (1..4) and the code point, or 0 if the bytes are not UTF-8.
 */
static inline int
csec_utf8_decode(const unsigned char *p, const unsigned char *end,
				 uint32_t *cp)
{
	uint32_t	c = p[0];

	if (c < 0x80)
	{
		*cp = c;
		return 1;
	}
	if (c < 0xE0)
	{
		if (c < 0xC2 || end - p < 2 || (p[1] & 0xC0) != 0x80)
			return 0;
		*cp = (c & 0x1F) << 6 | (p[1] & 0x3F);
		return 2;
	}
	if (c < 0xF0)
	{
		if (end - p < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
			return 0;
		c = (c & 0x0F) << 12 | (uint32_t) (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
		if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF))
			return 0;
		*cp = c;
		return 3;
	}
	if (c > 0xF4 || end - p < 4 || (p[1] & 0xC0) != 0x80 ||
		(p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80)
		return 0;
	c = (c & 0x07) << 18 | (uint32_t) (p[1] & 0x3F) << 12 |
		(uint32_t) (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
	if (c < 0x10000 || c > 0x10FFFF)
		return 0;
	*cp = c;
	return 4;
}

/* How many characters there are from p to end, or -1 if it is not UTF-8. */
static inline int
csec_utf8_length(const unsigned char *p, const unsigned char *end)
{
	int			n = 0;

	while (p < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(p, end, &cp);

		if (len == 0)
			return -1;
		p += len;
		n++;
	}
	return n;
}

static inline bool
csec_is_digit(uint32_t cp)
{
	return cp - '0' < 10;
}

static inline bool
csec_is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] & 0x80) != 0)
			return false;
	return true;
}

static inline bool
csec_is_ascii_letter(uint32_t cp)
{
	return (cp | 0x20) - 'a' < 26;
}

/*
 * Blanks of any width, ends of lines, and characters that show nothing at all or
 * turn the direction of the text: what is copied from elsewhere brings them along.
 * (Joiners, U+200C and U+200D, are part of words in some scripts.)
 */
static inline bool
csec_is_blank(uint32_t cp)
{
	if (cp < 0x80)
		return cp == ' ' || (cp >= '\t' && cp <= '\r');
	return cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
		(cp >= 0x2000 && cp <= 0x200B) || cp == 0x200E || cp == 0x200F ||
		(cp >= 0x2028 && cp <= 0x202F) || (cp >= 0x205F && cp <= 0x206F) ||
		cp == 0x3000 || cp == 0xFEFF;
}

/* Nothing but blanks from p to end?  Beyond ASCII, only UTF-8 is known. */
static inline bool
csec_all_blank(const unsigned char *p, const unsigned char *end)
{
	while (p < end)
	{
		uint32_t	cp;
		int			len = csec_utf8_decode(p, end, &cp);

		if (len == 0 || !csec_is_blank(cp))
			return false;
		p += len;
	}
	return true;
}

/* Chinese characters: the unified blocks, the compatibility ones, and 〇. */
static inline bool
csec_is_han(uint32_t cp)
{
	return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) ||
		(cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x323AF) ||
		cp == 0x3007;
}

/* Scripts in which a name is written without blanks: Han, kana, Hangul. */
static inline bool
csec_is_cjk(uint32_t cp)
{
	return csec_is_han(cp) || (cp >= 0x3041 && cp <= 0x3096) ||
		(cp >= 0x30A1 && cp <= 0x30FA) || (cp >= 0xAC00 && cp <= 0xD7A3) ||
		cp == 0x3005 || cp == 0x30FC;
}

/*
 * A letter of some script, by blocks: what lies outside of the blocks of
 * punctuation, symbols, marks, format and private characters.  Errs towards
 * "no" for blocks it does not know.
 */
static inline bool
csec_is_letter(uint32_t cp)
{
	if (cp < 0x80)
		return csec_is_ascii_letter(cp);
	if (cp < 0x2B0)				/* Latin-1, Latin Extended, IPA */
		return cp >= 0xC0 && cp != 0xD7 && cp != 0xF7;
	if (cp < 0x370)				/* modifiers, combining marks */
		return false;
	if (cp < 0x2000)			/* Greek, Cyrillic, Arabic, Indic, Thai, ... */
		return cp != 0x37E && cp != 0x387 && cp != 0x589 && cp != 0x5C3 &&
			!(cp >= 0x600 && cp <= 0x61F) && !(cp >= 0x660 && cp <= 0x66D) &&
			!(cp >= 0x6DD && cp <= 0x6DE) && !(cp >= 0x6F0 && cp <= 0x6F9) &&
			cp != 0x1680 && !(cp >= 0x180B && cp <= 0x180F);
	if (cp < 0x2C00)			/* punctuation, direction marks, symbols */
		return false;
	return csec_is_cjk(cp);
}

#endif							/* CSEC_UTIL_UTF8_H */
