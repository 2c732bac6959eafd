/*
 * armor.c
 *		Bytes as text that says what they are: a prefix, then base64.
 */
#include "postgres.h"

#include "common/base64.h"

#include "util/armor.h"
#include "util/pgcompat.h"

char *
csec_armor(const char *prefix, const uint8 *bytes, size_t size, size_t *len)
{
	size_t		prefix_len = strlen(prefix);
	int			room = pg_b64_enc_len((int) size);
	char	   *text = palloc(prefix_len + room + 1);
	int			n;

	memcpy(text, prefix, prefix_len);
	n = pg_b64_encode((const CsecBase64Byte *) bytes, (int) size, text + prefix_len, room);
	if (n < 0)
		elog(ERROR, "could not encode bytes as base64");
	*len = prefix_len + n;
	text[*len] = '\0';
	return text;
}

size_t
csec_unarmor_room(const char *prefix, size_t len)
{
	return pg_b64_dec_len((int) (len - strlen(prefix)));
}

int
csec_unarmor(const char *prefix, const char *text, size_t len, uint8 *bytes, size_t room)
{
	size_t		prefix_len = strlen(prefix);

	return pg_b64_decode(text + prefix_len, (int) (len - prefix_len),
						 (CsecBase64Byte *) bytes, (int) room);
}
