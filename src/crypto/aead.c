/*
 * aead.c
 *		Authenticated encryption with associated data, in several suites. [FE]
 *
 * A context keeps its key schedule: OpenSSL spends longer on finding a cipher
 * and on its key than on a short text.
 */
#include "crypto/aead.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/mac.h"
#include "util/bytes.h"

#define SALT			"csec 1"
#define SM4_KEY			16
#define COUNTER_BLOCK	16

struct CsecAead
{
	int			suite;
	EVP_CIPHER_CTX *seal;
	EVP_CIPHER_CTX *open;		/* the same as seal where a cipher is its own inverse */
	CsecMac    *mac;			/* suite 2 */
	uint8_t		nonce_key[CSEC_AEAD_KEY];	/* see csec_aead_nonce() */
};

/* Bytes of the key for one use. */
static bool
derive(CsecDigest digest, const uint8_t *key, const char *use, uint8_t *out, size_t len)
{
	return csec_hkdf_with(digest, key, CSEC_AEAD_KEY, SALT, use, out, len);
}

/* A cipher, fetched once. */
static EVP_CIPHER *
cipher_of(int suite)
{
	static EVP_CIPHER *ciphers[CSEC_SUITES + 1];

	if (ciphers[suite] == NULL)
		ciphers[suite] = EVP_CIPHER_fetch(NULL, suite == CSEC_SUITE_AES_256_GCM ?
										  "AES-256-GCM" : "SM4-CTR", NULL);
	return ciphers[suite];
}

static EVP_CIPHER_CTX *
cipher_context(int suite, const uint8_t *key, bool encrypt)
{
	EVP_CIPHER *cipher = cipher_of(suite);
	EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (context != NULL &&
		EVP_CipherInit_ex2(context, cipher, key, NULL, encrypt, NULL) != 1)
	{
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	return context;
}

static bool
make_aes(CsecAead *aead, const uint8_t *key)
{
	uint8_t		derived[2 * CSEC_AEAD_KEY];

	if (derive(CSEC_DIGEST_SHA256, key, "aes-256-gcm", derived, sizeof(derived)))
	{
		aead->seal = cipher_context(CSEC_SUITE_AES_256_GCM, derived, true);
		aead->open = cipher_context(CSEC_SUITE_AES_256_GCM, derived, false);
		memcpy(aead->nonce_key, derived + CSEC_AEAD_KEY, CSEC_AEAD_KEY);
	}
	OPENSSL_cleanse(derived, sizeof(derived));
	return aead->seal != NULL && aead->open != NULL;
}

static bool
make_sm4(CsecAead *aead, const uint8_t *key)
{
	uint8_t		derived[SM4_KEY];
	uint8_t		mac[CSEC_HMAC_SIZE + CSEC_AEAD_KEY];

	if (derive(CSEC_DIGEST_SM3, key, "sm4-ctr", derived, sizeof(derived)) &&
		derive(CSEC_DIGEST_SM3, key, "hmac-sm3", mac, sizeof(mac)))
	{
		aead->seal = aead->open = cipher_context(CSEC_SUITE_SM4_CTR_HMAC_SM3, derived, true);
		aead->mac = csec_hmac_create_with(CSEC_DIGEST_SM3, mac, CSEC_HMAC_SIZE);
		memcpy(aead->nonce_key, mac + CSEC_HMAC_SIZE, CSEC_AEAD_KEY);
	}
	OPENSSL_cleanse(derived, sizeof(derived));
	OPENSSL_cleanse(mac, sizeof(mac));
	return aead->seal != NULL && aead->mac != NULL;
}

CsecAead *
csec_aead_create(int suite, const uint8_t *key)
{
	CsecAead   *aead = calloc(1, sizeof(CsecAead));
	bool		made = false;

	if (aead == NULL)
		return NULL;
	aead->suite = suite;
	if (suite == CSEC_SUITE_AES_256_GCM)
		made = make_aes(aead, key);
	else if (suite == CSEC_SUITE_SM4_CTR_HMAC_SM3)
		made = make_sm4(aead, key);
	if (made)
		return aead;
	csec_aead_free(aead);
	return NULL;
}

void
csec_aead_free(CsecAead *aead)
{
	if (aead == NULL)
		return;
	if (aead->open != aead->seal)
		EVP_CIPHER_CTX_free(aead->open);
	EVP_CIPHER_CTX_free(aead->seal);
	csec_mac_free(aead->mac);
	OPENSSL_cleanse(aead->nonce_key, sizeof(aead->nonce_key));
	free(aead);
}

/*
 * ---- suite 1 ----
 *
 * The tag goes by parameters, not by EVP_CIPHER_CTX_ctrl(), which makes such
 * ones of what it is told.
 */

static bool
gcm_seal(CsecAead *aead, const uint8_t *nonce, const uint8_t *aad, int aadlen,
		 const uint8_t *text, int len, uint8_t *out, uint8_t *tag)
{
	OSSL_PARAM	params[2] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, CSEC_AEAD_TAG),
		OSSL_PARAM_END
	};
	int			n;

	return EVP_EncryptInit_ex2(aead->seal, NULL, NULL, nonce, NULL) == 1 &&
		EVP_EncryptUpdate(aead->seal, NULL, &n, aad, aadlen) == 1 &&
		(len == 0 || EVP_EncryptUpdate(aead->seal, out, &n, text, len) == 1) &&
		EVP_EncryptFinal_ex(aead->seal, out + len, &n) == 1 &&
		EVP_CIPHER_CTX_get_params(aead->seal, params) == 1;
}

static bool
gcm_open(CsecAead *aead, const uint8_t *nonce, const uint8_t *aad, int aadlen,
		 const uint8_t *cipher, int len, const uint8_t *tag, uint8_t *out)
{
	const OSSL_PARAM params[2] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, (void *) tag, CSEC_AEAD_TAG),
		OSSL_PARAM_END
	};
	int			n;

	return EVP_DecryptInit_ex2(aead->open, NULL, NULL, nonce, params) == 1 &&
		EVP_DecryptUpdate(aead->open, NULL, &n, aad, aadlen) == 1 &&
		(len == 0 || EVP_DecryptUpdate(aead->open, out, &n, cipher, len) == 1) &&
		EVP_DecryptFinal_ex(aead->open, out + len, &n) == 1;
}

/* ---- suite 2 ---- */

/* The counter starts at zero behind the nonce: 64 GB may follow. */
static bool
sm4_crypt(CsecAead *aead, const uint8_t *nonce, const uint8_t *in, int len, uint8_t *out)
{
	uint8_t		block[COUNTER_BLOCK] = {0};
	int			n;

	memcpy(block, nonce, CSEC_AEAD_NONCE);
	return EVP_EncryptInit_ex2(aead->seal, NULL, NULL, block, NULL) == 1 &&
		(len == 0 || EVP_EncryptUpdate(aead->seal, out, &n, in, len) == 1);
}

/*
 * The length of the associated data comes first, so that no byte can move
 * between it and what follows.
 */
static bool
sm4_tag(CsecAead *aead, const uint8_t *nonce, const uint8_t *aad, size_t aadlen,
		const uint8_t *cipher, size_t len, uint8_t *tag)
{
	uint8_t		head[sizeof(uint64_t)];

	csec_put_u64(head, aadlen);
	return csec_mac_begin(aead->mac) &&
		csec_mac_add(aead->mac, head, sizeof(head)) &&
		csec_mac_add(aead->mac, aad, aadlen) &&
		csec_mac_add(aead->mac, nonce, CSEC_AEAD_NONCE) &&
		csec_mac_add(aead->mac, cipher, len) &&
		csec_mac_end(aead->mac, tag, CSEC_AEAD_TAG);
}

bool
csec_aead_seal(CsecAead *aead, const uint8_t *nonce,
			   const uint8_t *aad, size_t aadlen,
			   const uint8_t *text, size_t len, uint8_t *out, uint8_t *tag)
{
	if (len > INT_MAX || aadlen > INT_MAX)
		return false;
	if (aead->suite == CSEC_SUITE_AES_256_GCM)
		return gcm_seal(aead, nonce, aad, (int) aadlen, text, (int) len, out, tag);
	return sm4_crypt(aead, nonce, text, (int) len, out) &&
		sm4_tag(aead, nonce, aad, aadlen, out, len, tag);
}

bool
csec_aead_open(CsecAead *aead, const uint8_t *nonce,
			   const uint8_t *aad, size_t aadlen,
			   const uint8_t *cipher, size_t len, const uint8_t *tag, uint8_t *out)
{
	uint8_t		computed[CSEC_AEAD_TAG];

	if (len > INT_MAX || aadlen > INT_MAX)
		return false;
	if (aead->suite == CSEC_SUITE_AES_256_GCM)
		return gcm_open(aead, nonce, aad, (int) aadlen, cipher, (int) len, tag, out);
	return sm4_tag(aead, nonce, aad, aadlen, cipher, len, computed) &&
		CRYPTO_memcmp(computed, tag, CSEC_AEAD_TAG) == 0 &&
		sm4_crypt(aead, nonce, cipher, (int) len, out);
}

/*
 * The lengths in front, so that no byte can move between the parts.  Under a key
 * of the suite's, which goes when the key goes: what was made of a customer's
 * value must not be found by trying texts when the key was destroyed.
 */
bool
csec_aead_nonce(CsecAead *aead, const uint8_t *from, size_t fromlen,
				const uint8_t *aad, size_t aadlen,
				const uint8_t *text, size_t len, uint8_t *nonce)
{
	CsecDigest	digest = aead->suite == CSEC_SUITE_AES_256_GCM ?
		CSEC_DIGEST_SHA256 : CSEC_DIGEST_SM3;
	uint8_t		head[2 * sizeof(uint64_t)];
	const void *parts[4] = {head, from, aad, text};
	size_t		lens[4] = {sizeof(head), fromlen, aadlen, len};
	uint8_t		full[CSEC_HMAC_SIZE];

	csec_put_u64(head, fromlen);
	csec_put_u64(head + sizeof(uint64_t), aadlen);
	if (!csec_hmac_once(digest, aead->nonce_key, CSEC_AEAD_KEY, parts, lens, 4, full))
		return false;
	memcpy(nonce, full, CSEC_AEAD_NONCE);
	return true;
}

bool
csec_key_commitment(const uint8_t *key, uint8_t *out)
{
	return derive(CSEC_DIGEST_SHA256, key, "commitment", out, CSEC_KEY_COMMITMENT);
}

const char *
csec_suite_name(int suite)
{
	switch (suite)
	{
		case CSEC_SUITE_AES_256_GCM:
			return "aes_256_gcm";
		case CSEC_SUITE_SM4_CTR_HMAC_SM3:
			return "sm4_ctr_hmac_sm3";
		default:
			return NULL;
	}
}
