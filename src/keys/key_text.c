/*
 * key_text.c
 *		A key as its file has it, or as a command prints it.            [FE]
 */
#include "keys/key_text.h"

#include "util/hex.h"

/* Files made by hand may have capitals. */
static char
small(char c)
{
	return c >= 'A' && c <= 'F' ? (char) (c - 'A' + 'a') : c;
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
		char		pair[2] = {small(text[2 * i]), small(text[2 * i + 1])};

		if (!csec_hex_get(pair, sizeof(pair), key + i, 1))
			return false;
	}
	return true;
}

void
csec_key_text_put(char *text, const uint8_t *key)
{
	csec_hex_put(text, key, CSEC_ROOT_KEY_SIZE);
	text[CSEC_KEY_TEXT] = '\n';
}
