/*
 * hex.h
 *		Bytes as hexadecimal digits, the letters lower case.            [FE]
 */
#ifndef CSEC_UTIL_HEX_H
#define CSEC_UTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline int
csec_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* So many bytes from twice as many digits; false where len is another, or they are none. */
static inline bool
csec_hex_get(const char *hex, size_t len, uint8_t *out, size_t size)
{
	if (len != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++)
	{
		int			high = csec_hex_digit(hex[2 * i]);
		int			low = csec_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

/* Twice as many digits, and the end of a text. */
static inline void
csec_hex_put(char *out, const uint8_t *in, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		out[2 * i] = "0123456789abcdef"[in[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
	}
	out[2 * size] = '\0';
}

#endif							/* CSEC_UTIL_HEX_H */
