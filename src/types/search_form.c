/*
 * search_form.c
 *		The form of a text that its search tag is computed over.        [FE]
 */
#include "types/search_form.h"

#include <stdint.h>

#include "util/utf8.h"

#define FULL_WIDTH_FIRST	0xFF01	/* the full-width twins of ! to ~ */
#define FULL_WIDTH_LAST		0xFF5E

/*
 * The character at p, if it is one of two or three bytes of UTF-8, which all
 * that is folded is; 0 otherwise.
 */
static uint32_t
decode(const unsigned char *p, size_t left, size_t *size)
{
	if (left >= 2 && (p[0] & 0xE0) == 0xC0 && (p[1] & 0xC0) == 0x80)
	{
		*size = 2;
		return (uint32_t) (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
	}
	if (left >= 3 && (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80)
	{
		*size = 3;
		return (uint32_t) (p[0] & 0x0F) << 12 | (uint32_t) (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
	}
	return 0;
}

static char
capital(uint32_t c)
{
	return (char) (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

size_t
csec_search_form(const char *text, size_t len, bool utf8, char *out)
{
	size_t		n = 0;

	for (size_t i = 0; i < len;)
	{
		const unsigned char *p = (const unsigned char *) text + i;
		size_t		size = 1;
		uint32_t	c;

		/* most of it is letters and digits */
		if (p[0] > ' ' && p[0] < 0x80)
		{
			out[n++] = capital(p[0]);
			i++;
			continue;
		}
		c = p[0] < 0x80 ? p[0] : utf8 ? decode(p, len - i, &size) : 0;
		i += size;
		if (c != 0 && csec_is_blank(c))
			continue;
		if (c >= FULL_WIDTH_FIRST && c <= FULL_WIDTH_LAST)
			c = c - FULL_WIDTH_FIRST + '!';
		if (c != 0 && c < 0x80)
			out[n++] = capital(c);
		else
			for (size_t k = 0; k < size; k++)
				out[n++] = (char) p[k];
	}
	return n;
}
