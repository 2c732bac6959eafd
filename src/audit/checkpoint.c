/*
 * checkpoint.c
 *		What is signed at the end of an epoch: C2SP tlog-checkpoint.     [FE]
 *
 * The chain of keys: each checkpoint names the key that signs the next one and
 * is signed by the key that the one before named.  A key signs one checkpoint
 * and is erased.  So who takes the machine has the key of the epoch that is
 * open, and none of those before: he cannot sign the past anew.
 */
#include "audit/checkpoint.h"

#include <stdio.h>
#include <string.h>

#define HASH_TEXT 44			/* 32 bytes in base64 */

void
csec_origin_put(char *origin, uint64_t system_id, uint32_t database)
{
	snprintf(origin, CSEC_KEY_NAME_SIZE, "csec/%llu/%u",
			 (unsigned long long) system_id, database);
}

size_t
csec_checkpoint_put(const CsecCheckpoint *c, char *text)
{
	char		root[HASH_TEXT + 1];
	char		head[HASH_TEXT + 1];
	char		before[HASH_TEXT + 1];
	char		key[HASH_TEXT + 1];
	char		next[HASH_TEXT + 1];

	csec_base64_put(c->root, sizeof(c->root), root);
	csec_base64_put(c->head, sizeof(c->head), head);
	csec_base64_put(c->before, sizeof(c->before), before);
	csec_base64_put(c->key, sizeof(c->key), key);
	csec_base64_put(c->next, sizeof(c->next), next);
	return (size_t) snprintf(text, CSEC_CHECKPOINT_TEXT,
							 "%s\n%llu\n%s\nepoch %llu\nchain %llu\ntime %lld\n"
							 "head %s\nbefore %s\nkey %s\nnext %s\n",
							 c->origin, (unsigned long long) c->size, root,
							 (unsigned long long) c->epoch,
							 (unsigned long long) c->chain, (long long) c->time,
							 head, before, key, next);
}

/* One line, behind what it must begin with: where it begins and how long it is. */
static bool
take_line(const uint8_t **p, const uint8_t *end, const char *label,
		  const uint8_t **line, size_t *len)
{
	const uint8_t *stop = memchr(*p, '\n', (size_t) (end - *p));
	size_t		label_len = strlen(label);

	if (stop == NULL || (size_t) (stop - *p) <= label_len ||
		memcmp(*p, label, label_len) != 0)
		return false;
	*line = *p + label_len;
	*len = (size_t) (stop - *line);
	*p = stop + 1;
	return true;
}

static bool
take_number(const uint8_t **p, const uint8_t *end, const char *label, uint64_t *v)
{
	const uint8_t *line;
	size_t		len;

	if (!take_line(p, end, label, &line, &len) || len > 19 ||
		(line[0] == '0' && len > 1))
		return false;
	*v = 0;
	for (size_t i = 0; i < len; i++)
	{
		if (line[i] < '0' || line[i] > '9')
			return false;
		*v = *v * 10 + (line[i] - '0');
	}
	return *v >> 63 == 0;
}

static bool
take_hash(const uint8_t **p, const uint8_t *end, const char *label, uint8_t *hash)
{
	const uint8_t *line;
	size_t		len;

	return take_line(p, end, label, &line, &len) &&
		csec_base64_get(line, len, hash, CSEC_TREE_HASH) == CSEC_TREE_HASH;
}

bool
csec_checkpoint_get(const uint8_t *text, size_t len, CsecCheckpoint *c)
{
	const uint8_t *p = text;
	const uint8_t *end = text + len;
	const uint8_t *origin;
	size_t		origin_len;
	uint64_t	time;

	if (!take_line(&p, end, "", &origin, &origin_len) ||
		origin_len >= sizeof(c->origin) ||
		memchr(origin, '\0', origin_len) != NULL ||
		!take_number(&p, end, "", &c->size) ||
		!take_hash(&p, end, "", c->root) ||
		!take_number(&p, end, "epoch ", &c->epoch) ||
		!take_number(&p, end, "chain ", &c->chain) ||
		!take_number(&p, end, "time ", &time) ||
		!take_hash(&p, end, "head ", c->head) ||
		!take_hash(&p, end, "before ", c->before) ||
		!take_hash(&p, end, "key ", c->key) ||
		!take_hash(&p, end, "next ", c->next) || p != end)
		return false;
	memcpy(c->origin, origin, origin_len);
	c->origin[origin_len] = '\0';
	c->time = (int64_t) time;
	return true;
}

size_t
csec_checkpoint_sign(const CsecCheckpoint *checkpoint, const uint8_t *seed,
					 uint8_t *note)
{
	size_t		text_len = csec_checkpoint_put(checkpoint, (char *) note);
	size_t		line_len = csec_note_sign(note, text_len, checkpoint->origin, seed,
										  (char *) note + text_len + 1);

	note[text_len] = '\n';
	return line_len == 0 ? 0 : text_len + 1 + line_len;
}

bool
csec_checkpoint_open(const uint8_t *note, size_t len, CsecCheckpoint *checkpoint)
{
	CsecSignedNote parts;
	CsecSignatureLine line;
	CsecVerifierKey key;
	uint64_t	time;
	const uint8_t *p;

	if (!csec_note_split(note, len, &parts) ||
		!csec_checkpoint_get(parts.text, parts.text_len, checkpoint))
		return false;
	p = parts.signatures;
	return csec_note_line(&p, parts.signatures + parts.signatures_len, &line) &&
		csec_verifier_key(&key, checkpoint->origin, CSEC_SIGNED_ED25519, checkpoint->key) &&
		csec_note_verify(parts.text, parts.text_len, &line, &key, &time);
}

/* Of the detail: "key": "name+number+base64" */
bool
csec_body_names_key(const CsecBody *body, uint8_t *key)
{
	static const char label[] = "\"key\": \"";
	CsecField	detail = body->field[CSEC_TAG_DETAIL];
	const char *at = (const char *) detail.data;
	const char *end;
	const char *stop;
	CsecVerifierKey named;

	if (!csec_body_says(body, CSEC_KIND_SERVER, CSEC_NOTE_KEY) || detail.data == NULL)
		return false;
	end = at + detail.len;
	while (at < end && ((size_t) (end - at) < strlen(label) || memcmp(at, label, strlen(label)) != 0))
		at++;
	if (at == end)
		return false;
	at += strlen(label);
	stop = memchr(at, '"', (size_t) (end - at));
	if (stop == NULL || !csec_vkey_get(at, (size_t) (stop - at), &named))
		return false;
	memcpy(key, named.key, CSEC_ED25519_PUBLIC);
	return true;
}
