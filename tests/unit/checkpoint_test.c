/*-------------------------------------------------------------------------
 * checkpoint_test.c
 *		Notes, keys and checkpoints are those of C2SP, and nothing passes for one.
 *
 *	sources: crypto/hash.c crypto/sign.c audit/signed_note.c audit/checkpoint.c audit/record.c
 *	libs: -lcrypto
 *
 * Without this, a witness could not read our checkpoints, and a note that was
 * altered in a byte might pass.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/checkpoint.h"

/* From Go's golang.org/x/mod/sumdb/note, as C2SP signed-note quotes its form. */
static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char note[] =
"If you think cryptography is the answer to your problem,\n"
"then you don't know what your problem is.\n"
"\n"
"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static bool
verifies(const uint8_t *bytes, size_t len, const CsecVerifierKey *key)
{
	CsecSignedNote parts;
	CsecSignatureLine line;
	uint64_t	time;
	const uint8_t *p;

	if (!csec_note_split(bytes, len, &parts))
		return false;
	for (p = parts.signatures; p < parts.signatures + parts.signatures_len;)
	{
		if (!csec_note_line(&p, parts.signatures + parts.signatures_len, &line))
			return false;
		if (csec_note_verify(parts.text, parts.text_len, &line, key, &time))
			return true;
	}
	return false;
}

/* Each byte of a note altered: false, whatever it becomes. */
static int
altered_that_pass(const uint8_t *bytes, size_t len, const CsecVerifierKey *key)
{
	uint8_t		copy[CSEC_CHECKPOINT_NOTE * 2];
	int			passed = 0;

	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(copy, bytes, len);
			copy[i] ^= (uint8_t) (1 << bit);
			passed += verifies(copy, len, key);
		}
	for (size_t i = 0; i < len; i++)
		passed += verifies(bytes, i, key);
	return passed;
}

static void
published(void)
{
	CsecVerifierKey key;
	char		again[CSEC_VKEY_SIZE];
	char		bad[sizeof(vkey)];
	int			passed = 0;

	ok(csec_vkey_get(vkey, strlen(vkey), &key), "a published key is read");
	csec_vkey_put(&key, again);
	is(again, vkey, "  and written");
	ok(verifies((const uint8_t *) note, strlen(note), &key), "a published note verifies");
	ok(altered_that_pass((const uint8_t *) note, strlen(note), &key) == 0,
	   "  and in no altered form");
	for (size_t i = 0; i < strlen(vkey); i++)
	{
		memcpy(bad, vkey, sizeof(vkey));
		bad[i] ^= 1;
		passed += csec_vkey_get(bad, strlen(bad), &key);
		passed += csec_vkey_get(vkey, i, &key);
	}
	ok(passed == 0, "a key that was altered or cut is none");
}

static void
base64(void)
{
	uint8_t		out[80];

	ok(csec_base64_get((const uint8_t *) "TWE=", 4, out, 80) == 2 &&
	   csec_base64_get((const uint8_t *) "TQ==", 4, out, 80) == 1 &&
	   csec_base64_get((const uint8_t *) "TWFu", 4, out, 80) == 3, "base64");
	ok(csec_base64_get((const uint8_t *) "TWF=", 4, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) "TR==", 4, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) "T===", 4, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) " TWFu", 5, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) "TWFu\n\n\n\n", 8, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) "TW", 2, out, 80) == -1 &&
	   csec_base64_get((const uint8_t *) "TWFu", 4, out, 2) == -1,
	   "  in its one form, and no longer than there is room");
}

static void
checkpoints(void)
{
	uint8_t		seed[CSEC_ED25519_SEED];
	uint8_t		bytes[CSEC_CHECKPOINT_NOTE];
	uint8_t		copy[CSEC_CHECKPOINT_NOTE];
	CsecCheckpoint made = {.size = 20852163,.epoch = 17,.chain = 2,.time = INT64_C(1795662000123456)};
	CsecCheckpoint read;
	CsecVerifierKey key;
	char		text[CSEC_CHECKPOINT_TEXT];
	size_t		len;
	int			passed = 0;

	for (int i = 0; i < CSEC_ED25519_SEED; i++)
	{
		seed[i] = (uint8_t) unit_random();
		made.root[i] = (uint8_t) unit_random();
		made.head[i] = (uint8_t) unit_random();
		made.before[i] = (uint8_t) unit_random();
		made.next[i] = (uint8_t) unit_random();
	}
	csec_ed25519_public(seed, made.key);
	csec_origin_put(made.origin, UINT64_MAX, UINT32_MAX);
	is(made.origin, "csec/18446744073709551615/4294967295", "an origin");
	len = csec_checkpoint_sign(&made, seed, bytes);
	ok(len > 0 && csec_checkpoint_open(bytes, len, &read), "a checkpoint is signed and opened");
	ok(strcmp(read.origin, made.origin) == 0 && read.size == made.size &&
	   read.epoch == made.epoch && read.chain == made.chain && read.time == made.time &&
	   memcmp(read.root, made.root, CSEC_TREE_HASH) == 0 &&
	   memcmp(read.head, made.head, CSEC_TREE_HASH) == 0 &&
	   memcmp(read.before, made.before, CSEC_TREE_HASH) == 0 &&
	   memcmp(read.next, made.next, CSEC_TREE_HASH) == 0, "  with all that is in it");
	csec_verifier_key(&key, made.origin, CSEC_SIGNED_ED25519, made.key);
	ok(altered_that_pass(bytes, len, &key) == 0, "  and in no altered form");
	for (size_t i = 0; i < len; i++)
	{
		memcpy(copy, bytes, len);
		copy[i] ^= 1;
		passed += csec_checkpoint_open(copy, len, &read);
	}
	ok(passed == 0, "  nor is it opened in one");

	/* what could be written in two ways is refused in all but one */
	len = csec_checkpoint_put(&made, text);
	ok(csec_checkpoint_get((uint8_t *) text, len, &read) &&
	   !csec_checkpoint_get((uint8_t *) text, len - 1, &read), "a text that lacks its end is none");
	memmove(text + strlen(made.origin) + 2, text + strlen(made.origin) + 1, len - strlen(made.origin) - 1);
	text[strlen(made.origin) + 1] = '0';
	ok(!csec_checkpoint_get((uint8_t *) text, len + 1, &read), "nor one with a zero before its size");
}

/* cosignature/v1: made here as the specification says, byte by byte. */
static void
cosignature(void)
{
	static const char text[] = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	char		message[512];
	char		line[CSEC_SIGNATURE_LINE];
	uint8_t		seed[CSEC_ED25519_SEED] = {7};
	uint8_t		public_key[CSEC_ED25519_PUBLIC];
	uint8_t		code[4 + CSEC_COSIGNATURE_SIZE] = {0};
	uint64_t	when = 1679315147;
	uint64_t	time;
	CsecVerifierKey key;
	CsecVerifierKey other;
	CsecSignatureLine parsed;
	const uint8_t *p = (uint8_t *) line;
	size_t		n;

	csec_ed25519_public(seed, public_key);
	csec_verifier_key(&key, "witness.example.com/w1", CSEC_SIGNED_COSIGNATURE, public_key);
	csec_verifier_key(&other, "witness.example.com/w1", CSEC_SIGNED_ED25519, public_key);
	n = (size_t) snprintf(message, sizeof(message), "cosignature/v1\ntime %llu\n%s",
						  (unsigned long long) when, text);
	for (int i = 0; i < 4; i++)
		code[i] = (uint8_t) (key.id >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		code[4 + i] = (uint8_t) (when >> (56 - 8 * i));
	csec_ed25519_sign(seed, message, n, code + 12);
	n = (size_t) snprintf(line, sizeof(line), "\xe2\x80\x94 %s ", key.name);
	n += csec_base64_put(code, sizeof(code), line + n);
	line[n++] = '\n';
	ok(csec_note_line(&p, (uint8_t *) line + n, &parsed) && p == (uint8_t *) line + n, "a witness's line is read");
	ok(csec_note_verify((const uint8_t *) text, strlen(text), &parsed, &key, &time) && time == when,
	   "  and verifies, with its time");
	ok(!csec_note_verify((const uint8_t *) text, strlen(text), &parsed, &other, &time),
	   "  not under the same key of another type");
	parsed.signature[7] ^= 1;
	ok(!csec_note_verify((const uint8_t *) text, strlen(text), &parsed, &key, &time),
	   "  nor with another time");

	/* a signature as long as those of other algorithms are is passed over */
	memset(message, 'A', 400);
	n = (size_t) snprintf(line, sizeof(line), "\xe2\x80\x94 w ");
	memcpy(message + 400, "\n", 2);
	{
		char		long_line[600];
		size_t		m = (size_t) snprintf(long_line, sizeof(long_line), "%s%s", line, message);

		p = (uint8_t *) long_line;
		ok(csec_note_line(&p, (uint8_t *) long_line + m, &parsed) && parsed.size == 296,
		   "a longer signature is read, and can be passed over");
	}
}

int
main(void)
{
	unit_seed();
	base64();
	published();
	checkpoints();
	cosignature();
	return unit_done();
}
