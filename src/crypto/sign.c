/*
 * sign.c
 *		Signatures: Ed25519 (RFC 8032).                                  [FE]
 *
 * Keys are made for one call: a signature comes once an epoch, and a private
 * key that no context keeps is one that can be erased.
 */
#include "crypto/sign.h"

#include <openssl/evp.h>

bool
csec_ed25519_public(const uint8_t *seed, uint8_t *public_key)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
												   CSEC_ED25519_SEED);
	size_t		size = CSEC_ED25519_PUBLIC;
	bool		good = key != NULL &&
		EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 &&
		size == CSEC_ED25519_PUBLIC;

	EVP_PKEY_free(key);
	return good;
}

bool
csec_ed25519_sign(const uint8_t *seed, const void *data, size_t len,
				  uint8_t *signature)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
												   CSEC_ED25519_SEED);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t		size = CSEC_ED25519_SIGNATURE;
	bool		good = key != NULL && context != NULL &&
		EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(context, signature, &size, data, len) == 1 &&
		size == CSEC_ED25519_SIGNATURE;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}

bool
csec_ed25519_verify(const uint8_t *public_key, const void *data, size_t len,
					const uint8_t *signature)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
												  CSEC_ED25519_PUBLIC);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool		good = key != NULL && context != NULL &&
		EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(context, signature, CSEC_ED25519_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}
