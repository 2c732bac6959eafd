/*
 * key_list.c
 *		Keys that whoever verifies has given.                           [FE]
 */
#include "verify/key_list.h"

#include <stdlib.h>
#include <string.h>

#include "verify/file.h"
#include "verify/finding.h"

static bool
add_key(CsecKeyList *keys, const char *text, size_t len)
{
	CsecVerifierKey key;

	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\r'))
		len--;
	if (!csec_vkey_get(text, len, &key))
		return false;
	keys->key = csec_realloc(keys->key, (size_t) (keys->count + 1) * sizeof(CsecVerifierKey));
	keys->key[keys->count++] = key;
	return true;
}

bool
csec_keys_parse(CsecKeyList *keys, const char *text, size_t len)
{
	for (const char *line = text, *stop; line < text + len; line = stop + 1)
	{
		stop = memchr(line, '\n', (size_t) (text + len - line));
		if (stop == NULL)
			stop = text + len;
		if (stop > line && *line != '#' &&
			!add_key(keys, line, (size_t) (stop - line)))
			return false;
	}
	return true;
}

static void
add_keys_of_file(CsecKeyList *keys, const char *path)
{
	size_t		len;
	char	   *text = csec_file_read(path, 1024 * 1024, &len);
	int			before = keys->count;

	if (!csec_keys_parse(keys, text, len))
		csec_fail("\"%s\" has a line that is no verification key", path);
	free(text);
	if (keys->count == before)
		csec_fail("\"%s\" has no verification key in it", path);
}

void
csec_keys_add(CsecKeyList *keys, const char *given)
{
	if (!add_key(keys, given, strlen(given)))
		add_keys_of_file(keys, given);
}
