/*
 * signed_note.c
 *		Text with signatures: C2SP signed-note and tlog-cosignature.     [FE]
 */
#include "audit/signed_note.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "crypto/hash.h"
#include "util/bytes.h"

#define DASH "\xe2\x80\x94 "
#define DASH_LEN 4
#define ID_SIZE 4

/* A note has no more signature lines, and no line is longer. */
#define MAX_LINE 8192

/* base64 of a longer signature than ours: only its first bytes are wanted */
#define HEAD_TEXT 104
#define HEAD_SIZE (HEAD_TEXT / 4 * 3)

size_t
csec_base64_put(const uint8_t *data, size_t len, char *out)
{
	return (size_t) EVP_EncodeBlock((unsigned char *) out, data, (int) len);
}

/* EVP_DecodeBlock lets blanks and loose bits pass: what it gives is written again. */
int
csec_base64_get(const uint8_t *text, size_t len, uint8_t *out, size_t size)
{
	uint8_t		bytes[HEAD_SIZE];
	char		again[HEAD_TEXT + 1];
	int			n;

	if (len == 0 || len % 4 != 0 || len > HEAD_TEXT)
		return -1;
	n = EVP_DecodeBlock(bytes, text, (int) len);
	if (n < 0)
		return -1;
	n -= (text[len - 1] == '=') + (text[len - 2] == '=');
	if ((size_t) n > size || csec_base64_put(bytes, (size_t) n, again) != len ||
		memcmp(again, text, len) != 0)
		return -1;
	memcpy(out, bytes, (size_t) n);
	return n;
}

/* Visible ASCII without plus: what is safe in a line and in a vkey. */
static bool
name_is_good(const uint8_t *name, size_t len)
{
	if (len == 0 || len >= CSEC_KEY_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == '+')
			return false;
	return true;
}

bool
csec_verifier_key(CsecVerifierKey *key, const char *name, uint8_t type,
				  const uint8_t *public_key)
{
	uint8_t		digest[CSEC_SHA256_SIZE];
	uint8_t		head[2] = {'\n', type};
	size_t		len = strlen(name);

	if (!name_is_good((const uint8_t *) name, len) ||
		!csec_sha256_begin() || !csec_sha256_add(name, len) ||
		!csec_sha256_add(head, sizeof(head)) ||
		!csec_sha256_add(public_key, CSEC_ED25519_PUBLIC) ||
		!csec_sha256_end(digest))
		return false;
	memcpy(key->name, name, len + 1);
	key->type = type;
	key->id = csec_get_u32(digest);
	memcpy(key->key, public_key, CSEC_ED25519_PUBLIC);
	return true;
}

void
csec_vkey_put(const CsecVerifierKey *key, char *out)
{
	uint8_t		bytes[1 + CSEC_ED25519_PUBLIC];
	int			n = snprintf(out, CSEC_VKEY_SIZE, "%s+%08x+", key->name, key->id);

	bytes[0] = key->type;
	memcpy(bytes + 1, key->key, CSEC_ED25519_PUBLIC);
	csec_base64_put(bytes, sizeof(bytes), out + n);
}

bool
csec_vkey_get(const char *text, size_t len, CsecVerifierKey *key)
{
	char		name[CSEC_KEY_NAME_SIZE];
	uint8_t		bytes[1 + CSEC_ED25519_PUBLIC];
	char		again[CSEC_VKEY_SIZE];
	const char *plus = memchr(text, '+', len);
	size_t		name_len = plus == NULL ? 0 : (size_t) (plus - text);

	if (len >= CSEC_VKEY_SIZE || !name_is_good((const uint8_t *) text, name_len) ||
		len < name_len + 10 || plus[9] != '+' ||
		csec_base64_get((const uint8_t *) plus + 10, len - name_len - 10,
						bytes, sizeof(bytes)) != (int) sizeof(bytes) ||
		(bytes[0] != CSEC_SIGNED_ED25519 && bytes[0] != CSEC_SIGNED_COSIGNATURE))
		return false;
	memcpy(name, text, name_len);
	name[name_len] = '\0';
	if (!csec_verifier_key(key, name, bytes[0], bytes + 1))
		return false;
	/* the number in it must be the key's */
	csec_vkey_put(key, again);
	return strlen(again) == len && memcmp(again, text, len) == 0;
}

bool
csec_note_split(const uint8_t *bytes, size_t len, CsecSignedNote *note)
{
	size_t		at = len;

	if (len < 4 || bytes[len - 1] != '\n')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\n') || bytes[i] == 0x7f)
			return false;
	/* the last empty line parts text and signatures */
	for (size_t i = len - 1; i > 0 && at == len; i--)
		if (bytes[i] == '\n' && bytes[i - 1] == '\n')
			at = i;
	if (at == len || at + 1 == len || at < 2)
		return false;
	note->text = bytes;
	note->text_len = at;
	note->signatures = bytes + at + 1;
	note->signatures_len = len - at - 1;
	return true;
}

bool
csec_note_line(const uint8_t **p, const uint8_t *end, CsecSignatureLine *line)
{
	const uint8_t *start = *p;
	const uint8_t *stop = memchr(start, '\n', (size_t) (end - start));
	const uint8_t *blank;
	const uint8_t *code;
	uint8_t		bytes[HEAD_SIZE];
	size_t		code_len;
	int			n;

	if (stop == NULL || stop - start > MAX_LINE || stop - start < DASH_LEN ||
		memcmp(start, DASH, DASH_LEN) != 0)
		return false;
	start += DASH_LEN;
	blank = memchr(start, ' ', (size_t) (stop - start));
	if (blank == NULL || !name_is_good(start, (size_t) (blank - start)))
		return false;
	code = blank + 1;
	code_len = (size_t) (stop - code);
	n = code_len > HEAD_TEXT && code_len % 4 == 0 ?
		csec_base64_get(code, HEAD_TEXT, bytes, sizeof(bytes)) :
		csec_base64_get(code, code_len, bytes, sizeof(bytes));
	if (n <= ID_SIZE)
		return false;
	memcpy(line->name, start, (size_t) (blank - start));
	line->name[blank - start] = '\0';
	line->id = csec_get_u32(bytes);
	line->size = code_len > HEAD_TEXT ? code_len / 4 * 3 - ID_SIZE : (size_t) n - ID_SIZE;
	memset(line->signature, 0, sizeof(line->signature));
	if (line->size <= sizeof(line->signature))
		memcpy(line->signature, bytes + ID_SIZE, line->size);
	*p = stop + 1;
	return true;
}

bool
csec_note_line_of(const CsecSignatureLine *line, const CsecVerifierKey *key)
{
	return line->id == key->id && strcmp(line->name, key->name) == 0;
}

/* What a witness signs: two lines, then the text. */
static bool
verify_cosignature(const uint8_t *text, size_t len, const CsecSignatureLine *line,
				   const CsecVerifierKey *key, uint64_t *time)
{
	uint8_t		message[4096];
	int			head;

	*time = csec_get_u64(line->signature);
	if (*time >> 63 != 0)
		return false;
	head = snprintf((char *) message, sizeof(message), "cosignature/v1\ntime %llu\n",
					(unsigned long long) *time);
	if (len > sizeof(message) - (size_t) head)
		return false;
	memcpy(message + head, text, len);
	return csec_ed25519_verify(key->key, message, (size_t) head + len,
							   line->signature + 8);
}

bool
csec_note_verify(const uint8_t *text, size_t len, const CsecSignatureLine *line,
				 const CsecVerifierKey *key, uint64_t *time)
{
	*time = 0;
	if (!csec_note_line_of(line, key))
		return false;
	switch (key->type)
	{
		case CSEC_SIGNED_ED25519:
			return line->size == CSEC_ED25519_SIGNATURE &&
				csec_ed25519_verify(key->key, text, len, line->signature);
		case CSEC_SIGNED_COSIGNATURE:
			return line->size == CSEC_COSIGNATURE_SIZE &&
				verify_cosignature(text, len, line, key, time);
		default:
			return false;
	}
}

size_t
csec_note_sign(const uint8_t *text, size_t len, const char *name,
			   const uint8_t *seed, char *line)
{
	CsecVerifierKey key;
	uint8_t		public_key[CSEC_ED25519_PUBLIC];
	uint8_t		bytes[ID_SIZE + CSEC_ED25519_SIGNATURE];
	size_t		n;

	if (!csec_ed25519_public(seed, public_key) ||
		!csec_verifier_key(&key, name, CSEC_SIGNED_ED25519, public_key) ||
		!csec_ed25519_sign(seed, text, len, bytes + ID_SIZE))
		return 0;
	csec_put_u32(bytes, key.id);
	n = (size_t) snprintf(line, CSEC_SIGNATURE_LINE, DASH "%s ", name);
	n += csec_base64_put(bytes, sizeof(bytes), line + n);
	line[n++] = '\n';
	return n;
}
