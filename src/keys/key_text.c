/*
 * key_text.c
 *		A key as its file has it, or as a command prints it.            [FE]
 */
#include "keys/key_text.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
csec_key_text_get(const char *text, size_t len, uint8_t *key)
{
	if (len == CSEC_KEY_TEXT + 1 && text[CSEC_KEY_TEXT] == '\n')
		len--;
	if (len != CSEC_KEY_TEXT)
		return false;
	for (int i = 0; i < CSEC_ROOT_KEY_SIZE; i++)
	{
		int			high = hex_digit(text[2 * i]);
		int			low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

void
csec_key_text_put(char *text, const uint8_t *key)
{
	for (int i = 0; i < CSEC_ROOT_KEY_SIZE; i++)
	{
		text[2 * i] = "0123456789abcdef"[key[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[key[i] & 15];
	}
	text[CSEC_KEY_TEXT] = '\n';
}
