/*
 * mac.c
 *		Keyed digests: HMAC-SHA256 and SipHash-2-4, and HKDF-SHA256.     [FE]
 *
 * A context lives as long as its process, as in hash.c.
 */
#include "crypto/mac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

struct CsecMac
{
	EVP_MAC_CTX *context;
	size_t		size;			/* of the full digest */
	bool		rekey;			/* SipHash must be given its key each time */
	uint8_t		key[CSEC_SIPHASH_KEY];
};

static CsecMac *
mac_create(const char *algorithm, const uint8_t *key, size_t keylen,
		   const OSSL_PARAM *params, size_t size)
{
	CsecMac    *mac = calloc(1, sizeof(CsecMac));
	EVP_MAC    *method = EVP_MAC_fetch(NULL, algorithm, NULL);

	if (mac != NULL && method != NULL)
		mac->context = EVP_MAC_CTX_new(method);
	EVP_MAC_free(method);		/* the context keeps it alive */
	if (mac != NULL && mac->context != NULL &&
		EVP_MAC_init(mac->context, key, keylen, params) == 1)
	{
		mac->size = size;
		return mac;
	}
	if (mac != NULL)
		EVP_MAC_CTX_free(mac->context);
	free(mac);
	return NULL;
}

CsecMac *
csec_hmac_create(const uint8_t *key, size_t len)
{
	OSSL_PARAM	params[2] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
										 (char *) "SHA256", 0),
		OSSL_PARAM_construct_end()
	};

	return mac_create("HMAC", key, len, params, CSEC_HMAC_SIZE);
}

CsecMac *
csec_siphash_create(const uint8_t *key)
{
	size_t		size = sizeof(uint64_t);
	OSSL_PARAM	params[2] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end()
	};
	CsecMac    *mac = mac_create("SIPHASH", key, CSEC_SIPHASH_KEY, params,
								 sizeof(uint64_t));

	if (mac != NULL)
	{
		mac->rekey = true;
		memcpy(mac->key, key, CSEC_SIPHASH_KEY);
	}
	return mac;
}

bool
csec_mac_begin(CsecMac *mac)
{
	if (mac->rekey)
		return EVP_MAC_init(mac->context, mac->key, CSEC_SIPHASH_KEY,
							NULL) == 1;
	return EVP_MAC_init(mac->context, NULL, 0, NULL) == 1;
}

bool
csec_mac_add(CsecMac *mac, const void *data, size_t len)
{
	return EVP_MAC_update(mac->context, data, len) == 1;
}

/* The first outlen bytes of the digest. */
bool
csec_mac_end(CsecMac *mac, uint8_t *out, size_t outlen)
{
	uint8_t		digest[CSEC_HMAC_SIZE];
	size_t		size;
	bool		ok;

	if (outlen > mac->size)
		return false;
	ok = EVP_MAC_final(mac->context, digest, &size, sizeof(digest)) == 1 &&
		size == mac->size;
	if (ok)
		memcpy(out, digest, outlen);
	OPENSSL_cleanse(digest, sizeof(digest));
	return ok;
}

bool
csec_hkdf(const uint8_t *key, size_t keylen, const char *salt,
		  const char *info, uint8_t *out, size_t outlen)
{
	EVP_KDF    *method = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(method);
	OSSL_PARAM	params[5] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
										 (char *) "SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
										  (void *) key, keylen),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
										  (void *) salt, strlen(salt)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
										  (void *) info, strlen(info)),
		OSSL_PARAM_construct_end()
	};
	bool		ok = context != NULL &&
		EVP_KDF_derive(context, out, outlen, params) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(method);
	return ok;
}
