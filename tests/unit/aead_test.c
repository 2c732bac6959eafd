/*-------------------------------------------------------------------------
 * aead_test.c
 *		The primitives of encryption give what their standards say, and the
 *		suites are what docs/envelope-format.md says.
 *
 *	sources: crypto/aead.c crypto/mac.c util/secure_block.c types/envelope.c types/search_form.c
 *	libs: -lcrypto
 *
 * Without this, a cipher that is not AES-256-GCM or SM4 would still agree with
 * itself, an altered envelope might open, and no other program could open one.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <openssl/evp.h>

#include "crypto/aead.h"
#include "crypto/mac.h"
#include "types/envelope.h"
#include "types/search_form.h"
#include "util/bytes.h"

#define DOCUMENT UNIT_TOP "/docs/envelope-format.md"

static size_t
from_hex(const char *hex, uint8_t *out)
{
	size_t		n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return n;
}

static const char *
to_hex(const uint8_t *bytes, size_t n)
{
	static char hex[1024];

	for (size_t i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	hex[2 * n] = '\0';
	return hex;
}

/* OpenSSL, straight: what the wrappers are compared with. */
static size_t
cipher(const char *name, const uint8_t *key, const uint8_t *iv, const uint8_t *aad, size_t aadlen,
	   const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int			n = 0;
	int			m = 0;

	EVP_EncryptInit_ex2(context, method, key, iv, NULL);
	EVP_CIPHER_CTX_set_padding(context, 0);
	if (aad != NULL)
		EVP_EncryptUpdate(context, NULL, &n, aad, (int) aadlen);
	EVP_EncryptUpdate(context, out, &n, in, (int) len);
	EVP_EncryptFinal_ex(context, out + n, &m);
	if (tag != NULL)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(method);
	return (size_t) (n + m);
}

static void
test_aes_vector(void)
{
	uint8_t		key[32] = {0}, iv[12] = {0}, aad[20], text[64] = {0}, out[64], tag[16];

	cipher("AES-256-GCM", key, iv, NULL, 0, text, 0, out, tag);
	is(to_hex(tag, 16), "530f8afbc74536b9a963b4f1c4cb738b", "AES-256-GCM: McGrew and Viega, test case 13");
	cipher("AES-256-GCM", key, iv, NULL, 0, text, 16, out, tag);
	is(to_hex(out, 16), "cea7403d4d606b6e074ec5d3baf39d18", "  test case 14");
	is(to_hex(tag, 16), "d0d1c8a799996bf0265b98b5d48ab919", "  its tag");
	from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
	from_hex("cafebabefacedbaddecaf888", iv);
	from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
			 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255", text);
	cipher("AES-256-GCM", key, iv, NULL, 0, text, 64, out, tag);
	is(to_hex(out, 64),
	   "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	   "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad", "  test case 15");
	is(to_hex(tag, 16), "b094dac5d93471bdec1a502270e3cc6c", "  its tag");
	from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
	from_hex("cafebabefacedbaddecaf888", iv);
	from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
			 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", text);
	cipher("AES-256-GCM", key, iv, aad, sizeof(aad), text, 60, out, tag);
	is(to_hex(out, 60),
	   "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	   "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	   "  test case 16");
	is(to_hex(tag, 16), "76fc6ece0f4e1768cddf8853bb2d551b", "  its tag");
}

/* GB/T 32907, example 2: the block of example 1, encrypted a million times. */
static void
test_sm4_million(const uint8_t *key)
{
	EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, "SM4-ECB", NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t		block[16];
	int			n;

	memcpy(block, key, 16);
	EVP_EncryptInit_ex2(context, method, key, NULL, NULL);
	for (int i = 0; i < 1000000; i++)
		EVP_EncryptUpdate(context, block, &n, block, 16);
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(method);
	is(to_hex(block, 16), "595298c7c6fd271f0402f804c33d3f66", "SM4: GB/T 32907, example 2");
}

static void
test_sm4_counter(const uint8_t *key)
{
	static const char letters[] = "aabbccddeeffaabb";
	uint8_t		iv[16], text[64], out[64];

	for (int i = 0; i < 16; i++)
		iv[i] = (uint8_t) i;
	for (int i = 0; i < 64; i++)
	{
		char		hex[3] = {letters[i / 8 * 2], letters[i / 8 * 2], '\0'};

		from_hex(hex, text + i);
	}
	cipher("SM4-CTR", key, iv, NULL, 0, text, 64, out, NULL);
	is(to_hex(out, 64),
	   "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7"
	   "f234bc0e24c11980fd1286310ce37b926e02fcd0faa0baf38b2933851d824514",
	   "SM4-CTR: draft-ribose-cfrg-sm4, A.2.5.1");
}

static void
test_sm_vectors(void)
{
	uint8_t		key[32], text[16], out[32], block[64];
	static const char message[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	CsecMac    *mac;
	unsigned	n;
	EVP_MD	   *sm3 = EVP_MD_fetch(NULL, "SM3", NULL);

	from_hex("0123456789abcdeffedcba9876543210", key);
	memcpy(text, key, 16);
	cipher("SM4-ECB", key, NULL, NULL, 0, text, 16, out, NULL);
	is(to_hex(out, 16), "681edf34d206965e86b3e94f536e4246", "SM4: GB/T 32907, example 1");
	test_sm4_million(key);
	test_sm4_counter(key);
	EVP_Digest("abc", 3, out, &n, sm3, NULL);
	is(to_hex(out, 32), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
	   "SM3: GB/T 32905, example 1");
	for (int i = 0; i < 64; i++)
		block[i] = (uint8_t) ('a' + i % 4);
	EVP_Digest(block, 64, out, &n, sm3, NULL);
	EVP_MD_free(sm3);
	is(to_hex(out, 32), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
	   "SM3: GB/T 32905, example 2");
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t) (i + 1);
	mac = csec_hmac_create_with(CSEC_DIGEST_SM3, key, 32);
	csec_mac_begin(mac);
	csec_mac_add(mac, message, strlen(message));
	csec_mac_end(mac, out, 32);
	csec_mac_free(mac);
	is(to_hex(out, 32), "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
	   "HMAC-SM3: GM/T 0042, D.3");
}

static void
test_hkdf(void)
{
	uint8_t		key[22], out[42];

	memset(key, 0x0b, sizeof(key));
	csec_hkdf(key, sizeof(key), "", "", out, sizeof(out));
	is(to_hex(out, sizeof(out)),
	   "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
	   "HKDF-SHA256: RFC 5869, test case 3");
}

/* The example of the document: its key, its nonce, its text. */
static uint8_t example_key[32];
static uint8_t example_nonce[12];
static const char example_text[] = "11010519491231002X";

/* Suite 1 and 2 by the document's steps, without the code that is tested. */
static void
by_the_document(int suite, const uint8_t *aad, size_t aadlen, const uint8_t *text, size_t len,
				uint8_t *out, uint8_t *tag)
{
	uint8_t		key[32], mackey[32], counter[16] = {0}, full[32], head[8];
	EVP_MAC    *method = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(method);
	OSSL_PARAM	params[2] = {OSSL_PARAM_construct_utf8_string("digest", (char *) "SM3", 0), OSSL_PARAM_construct_end()};
	size_t		n;

	if (suite == CSEC_SUITE_AES_256_GCM)
	{
		csec_hkdf(example_key, 32, "csec 1", "aes-256-gcm", key, 32);
		cipher("AES-256-GCM", key, example_nonce, aad, aadlen, text, len, out, tag);
	}
	else
	{
		csec_hkdf_with(CSEC_DIGEST_SM3, example_key, 32, "csec 1", "sm4-ctr", key, 16);
		csec_hkdf_with(CSEC_DIGEST_SM3, example_key, 32, "csec 1", "hmac-sm3", mackey, 32);
		memcpy(counter, example_nonce, 12);
		cipher("SM4-CTR", key, counter, NULL, 0, text, len, out, NULL);
		csec_put_u64(head, aadlen);
		EVP_MAC_init(context, mackey, 32, params);
		EVP_MAC_update(context, head, 8);
		EVP_MAC_update(context, aad, aadlen);
		EVP_MAC_update(context, example_nonce, 12);
		EVP_MAC_update(context, out, len);
		EVP_MAC_final(context, full, &n, sizeof(full));
		memcpy(tag, full, 16);
	}
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(method);
}

/* The envelope of the example, with a search tag; gives its size. */
static size_t
make_example(int suite, uint8_t *out)
{
	static uint8_t tag[16];
	static uint8_t commitment[16];
	CsecAead   *aead = csec_aead_create(suite, example_key);
	CsecEnvelope what = {
		.suite = suite,.flags = CSEC_ENVELOPE_SEARCH,.category = 0x34e6e3f4,
		.key_id = 661943316,.key_version = 1,.nonce = example_nonce,.search_mark = 0x01020304
	};
	size_t		len = strlen(example_text);

	csec_key_commitment(example_key, commitment);
	memset(tag, 0xAA, sizeof(tag));
	what.commitment = commitment;
	what.search_tag = tag;
	csec_envelope_seal(aead, &what, (const uint8_t *) example_text, len, out);
	csec_aead_free(aead);
	return csec_envelope_header_size(what.flags) + len + CSEC_AEAD_TAG;
}

static bool
opens(int suite, const uint8_t *key, const uint8_t *data, size_t size, char *text)
{
	CsecEnvelope envelope;
	CsecAead   *aead;
	bool		good;

	if (!csec_envelope_parse(data, size, &envelope) || envelope.suite != suite)
		return false;
	aead = csec_aead_create(suite, key);
	good = csec_envelope_open(aead, &envelope, (uint8_t *) text);
	csec_aead_free(aead);
	text[envelope.len] = '\0';
	return good;
}

static void
test_suite(int suite)
{
	uint8_t		data[256], copy[256], out[64], tag[16], other[32];
	char		text[256];
	const char *name = csec_suite_name(suite);
	size_t		size = make_example(suite, data);
	size_t		header = csec_envelope_header_size(CSEC_ENVELOPE_SEARCH);
	size_t		len = strlen(example_text);
	size_t		slips = 0;

	by_the_document(suite, data, header, (const uint8_t *) example_text, len, out, tag);
	ok(memcmp(out, data + header, len) == 0 && memcmp(tag, data + header + len, 16) == 0,
	   "%s: the envelope is what the document's steps give", name);
	ok(opens(suite, example_key, data, size, text) && strcmp(text, example_text) == 0,
	   "%s: it opens", name);
	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(copy, data, size);
			copy[i] ^= (uint8_t) (1 << bit);
			slips += opens(suite, example_key, copy, size, text);
		}
	ok(slips == 0, "%s: with any bit flipped it does not (%zu did)", name, slips);
	for (size_t cut = 1; cut < size; cut++)
		slips += opens(suite, example_key, data, size - cut, text);
	ok(slips == 0, "%s: nor cut short", name);
	memcpy(other, example_key, 32);
	other[31] ^= 1;
	ok(!opens(suite, other, data, size, text), "%s: nor under another key", name);
}

static void
test_empty(int suite)
{
	CsecAead   *aead = csec_aead_create(suite, example_key);
	uint8_t		tag[16], out[1];

	ok(csec_aead_seal(aead, example_nonce, (const uint8_t *) "a", 1, NULL, 0, out, tag) &&
	   csec_aead_open(aead, example_nonce, (const uint8_t *) "a", 1, NULL, 0, tag, out) &&
	   !csec_aead_open(aead, example_nonce, (const uint8_t *) "b", 1, NULL, 0, tag, out),
	   "%s: an empty text has an authentic envelope, too", csec_suite_name(suite));
	csec_aead_free(aead);
}

/*
 * Every combination of flags, with texts of any length: what is sealed is
 * parsed as it was meant and opens; flags that have no meaning do not parse.
 */
static void
test_flags(int suite)
{
	CsecAead   *aead = csec_aead_create(suite, example_key);
	uint8_t		commitment[16];
	int			parsed = 0;
	size_t		slips = 0;

	csec_key_commitment(example_key, commitment);
	for (int flags = 0; flags < 256; flags++)
	{
		uint8_t		tags[2][16], text[300], data[512], out[300];
		size_t		len = unit_below(300);
		CsecEnvelope is, what = {
			.suite = suite,.flags = (uint8_t) flags,.category = (uint32_t) unit_random(),
			.key_id = (uint32_t) unit_random(),.key_version = (uint16_t) unit_random(),
			.nonce = example_nonce,.commitment = commitment,
			.search_mark = (uint32_t) unit_random(),.search_tag = tags[0],
			.next_mark = (uint32_t) unit_random(),.next_tag = tags[1],.subject = unit_random()
		};

		memset(tags, 0x5a, sizeof(tags));
		for (size_t i = 0; i < len; i++)
			text[i] = (uint8_t) unit_random();
		csec_envelope_seal(aead, &what, text, len, data);
		if (!csec_envelope_parse(data, csec_envelope_header_size(what.flags) + len + CSEC_AEAD_TAG, &is))
			continue;
		parsed++;
		slips += is.flags != flags || is.category != what.category || is.key_id != what.key_id ||
			is.key_version != what.key_version || is.len != len ||
			((flags & CSEC_ENVELOPE_SEARCH) && (is.search_mark != what.search_mark || memcmp(is.search_tag, tags[0], 16) != 0)) ||
			((flags & CSEC_ENVELOPE_NEXT) && (is.next_mark != what.next_mark || memcmp(is.next_tag, tags[1], 16) != 0)) ||
			((flags & CSEC_ENVELOPE_SUBJECT) && is.subject != what.subject) ||
			!csec_envelope_open(aead, &is, out) || memcmp(out, text, len) != 0;
	}
	csec_aead_free(aead);
	/* subject or not, suspect or not, UTF-8 or not, with no tag, one or two; in the trail, subject or not */
	ok(slips == 0 && parsed == 2 * 2 * 2 * 3 + 2, "%s: every form of header (%d) goes there and back", csec_suite_name(suite), parsed);
}

/*
 * Nonces that are made of a value: as the document says, the same for the same,
 * and another one for anything else, also where the bytes are the same but
 * belong to other parts.
 */
static void
test_made_nonce(int suite)
{
	CsecAead   *aead = csec_aead_create(suite, example_key);
	CsecAead   *other = NULL;
	CsecMac    *mac = NULL;
	uint8_t		key[64], other_key[32], head[16], full[32], nonce[4][12];
	bool		made;

	if (suite == CSEC_SUITE_AES_256_GCM)
		csec_hkdf(example_key, 32, "csec 1", "aes-256-gcm", key, 64);
	else
		csec_hkdf_with(CSEC_DIGEST_SM3, example_key, 32, "csec 1", "hmac-sm3", key, 64);
	mac = csec_hmac_create_with(suite == CSEC_SUITE_AES_256_GCM ? CSEC_DIGEST_SHA256 : CSEC_DIGEST_SM3, key + 32, 32);
	csec_put_u64(head, 2);
	csec_put_u64(head + 8, 3);
	csec_mac_begin(mac);
	csec_mac_add(mac, head, 16);
	csec_mac_add(mac, "abcdefgh", 8);
	csec_mac_end(mac, full, 32);
	csec_mac_free(mac);
	made = csec_aead_nonce(aead, (const uint8_t *) "ab", 2, (const uint8_t *) "cde", 3, (const uint8_t *) "fgh", 3, nonce[0]);
	ok(made && memcmp(nonce[0], full, 12) == 0, "%s: a nonce is made as the document says", csec_suite_name(suite));
	csec_aead_nonce(aead, (const uint8_t *) "abc", 3, (const uint8_t *) "de", 2, (const uint8_t *) "fgh", 3, nonce[1]);
	csec_aead_nonce(aead, (const uint8_t *) "ab", 2, (const uint8_t *) "cde", 3, (const uint8_t *) "fgH", 3, nonce[2]);
	memcpy(other_key, example_key, 32);
	other_key[0] ^= 1;
	other = csec_aead_create(suite, other_key);
	csec_aead_nonce(other, (const uint8_t *) "ab", 2, (const uint8_t *) "cde", 3, (const uint8_t *) "fgh", 3, nonce[3]);
	for (int i = 1; i < 4; i++)
		made = made && memcmp(nonce[0], nonce[i], 12) != 0;
	ok(made, "%s: and differs where a part or the key does", csec_suite_name(suite));
	csec_aead_free(aead);
	csec_aead_free(other);
}

/* The ciphertext may take the place of its text. */
static void
test_in_place(int suite)
{
	CsecAead   *aead = csec_aead_create(suite, example_key);
	uint8_t		text[1000], out[1000], tag[16], same[16];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t) unit_random();
	csec_aead_seal(aead, example_nonce, (const uint8_t *) "a", 1, text, sizeof(text), out, tag);
	csec_aead_seal(aead, example_nonce, (const uint8_t *) "a", 1, text, sizeof(text), text, same);
	ok(memcmp(text, out, sizeof(text)) == 0 && memcmp(tag, same, 16) == 0, "%s: in place, too", csec_suite_name(suite));
	csec_aead_free(aead);
}

static int	example_rows;
static int	form_rows;

/* | `suite` | `hex of the envelope` |, or | `text` | `search form` | of 3 cells. */
static void
row(int ncells, char **cells)
{
	if (ncells == 2 && (strcmp(cells[0], "aes_256_gcm") == 0 || strcmp(cells[0], "sm4_ctr_hmac_sm3") == 0))
	{
		uint8_t		data[256];
		int			suite = strcmp(cells[0], "aes_256_gcm") == 0 ? 1 : 2;
		size_t		size = make_example(suite, data);

		is(cells[1], to_hex(data, size), "the document's example");
		example_rows++;
	}
	else if (ncells == 3 && strcmp(cells[2], "form") == 0)
	{
		char		form[256];
		size_t		n = csec_search_form(cells[0], strlen(cells[0]), true, form);

		form[n] = '\0';
		is(form, cells[1], "a search form of the document");
		form_rows++;
	}
}

/* Not longer than the text, whatever it is: the caller's room. */
static void
test_form_bound(void)
{
	size_t		slips = 0;

	for (int i = 0; i < 20000; i++)
	{
		char		text[16];
		size_t		len = unit_below(16);
		char	   *form = malloc(len ? len : 1);	/* exactly: a slip is caught */

		for (size_t k = 0; k < len; k++)
			text[k] = (char) unit_random();
		slips += csec_search_form(text, len, unit_below(2), form) > len;
		free(form);
	}
	ok(slips == 0, "a search form is not longer than its text");
}

int
main(void)
{
	for (int i = 0; i < 32; i++)
		example_key[i] = (uint8_t) i;
	for (int i = 0; i < 12; i++)
		example_nonce[i] = (uint8_t) (0xf0 + i);
	unit_seed();
	test_aes_vector();
	test_sm_vectors();
	test_hkdf();
	for (int suite = 1; suite <= CSEC_SUITES; suite++)
	{
		test_suite(suite);
		test_empty(suite);
		test_flags(suite);
		test_in_place(suite);
		test_made_nonce(suite);
	}
	ok(csec_aead_create(3, example_key) == NULL, "a suite that is none is refused");
	unit_table(DOCUMENT, row);
	ok(example_rows == 2 && form_rows >= 6, "the document has its examples");
	test_form_bound();
	return unit_done();
}
