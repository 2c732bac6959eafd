/*
 * mac.c
 *		Keyed digests: HMAC and HKDF over SHA-256 and SM3, SipHash-2-4.  [FE]
 *
 * A context lives as long as its process, as in hash.c, and holds its key, in
 * a page of its own.
 */
#include "crypto/mac.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "util/secure_block.h"

#define BLOCK 64				/* of SHA-256 and of SM3 */

/* What is made of the key. */
typedef struct Secret
{
	uint8_t		key[CSEC_SIPHASH_KEY];	/* SipHash must be given it each time */
	uint8_t		inner[BLOCK];	/* HMAC: key ⊕ ipad */
	uint8_t		outer[BLOCK];	/* HMAC: key ⊕ opad */
} Secret;

struct CsecMac
{
	EVP_MAC_CTX *siphash;		/* or NULL: HMAC */
	EVP_MD_CTX *hash;
	Secret	   *secret;
};

void
csec_mac_free(CsecMac *mac)
{
	if (mac == NULL)
		return;
	EVP_MAC_CTX_free(mac->siphash);
	EVP_MD_CTX_free(mac->hash);
	csec_secure_block_free(mac->secret, sizeof(Secret));
	free(mac);
}

static CsecMac *
start(void)
{
	CsecMac    *mac = calloc(1, sizeof(CsecMac));

	if (mac != NULL)
		mac->secret = csec_secure_block(sizeof(Secret));
	if (mac != NULL && mac->secret == NULL)
	{
		free(mac);
		mac = NULL;
	}
	return mac;
}

static const char *
digest_name(CsecDigest digest)
{
	return digest == CSEC_DIGEST_SM3 ? "SM3" : "SHA256";
}

/* The key of an HMAC, BLOCK bytes at most. */
static void
set_key(CsecMac *mac, const uint8_t *key, size_t len)
{
	memset(mac->secret, 0, sizeof(Secret));
	memcpy(mac->secret->inner, key, len);
	memcpy(mac->secret->outer, key, len);
	for (int i = 0; i < BLOCK; i++)
	{
		mac->secret->inner[i] ^= 0x36;
		mac->secret->outer[i] ^= 0x5c;
	}
}

/*
 * HMAC (RFC 2104) over EVP's digests.  EVP_MAC's own copies two digest
 * contexts for each message, which in a backend that has other things in its
 * caches costs more than the hashing.
 */
CsecMac *
csec_hmac_create_with(CsecDigest digest, const uint8_t *key, size_t len)
{
	CsecMac    *mac = start();
	EVP_MD	   *method = EVP_MD_fetch(NULL, digest_name(digest), NULL);

	if (mac != NULL && method != NULL && len <= BLOCK)
		mac->hash = EVP_MD_CTX_new();
	if (mac == NULL || mac->hash == NULL ||
		EVP_DigestInit_ex2(mac->hash, method, NULL) != 1)
	{
		csec_mac_free(mac);
		mac = NULL;
	}
	EVP_MD_free(method);		/* the context keeps it alive */
	if (mac != NULL)
		set_key(mac, key, len);
	return mac;
}

CsecMac *
csec_hmac_create(const uint8_t *key, size_t len)
{
	return csec_hmac_create_with(CSEC_DIGEST_SHA256, key, len);
}

CsecMac *
csec_siphash_create(const uint8_t *key)
{
	size_t		size = sizeof(uint64_t);
	OSSL_PARAM	params[2] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end()
	};
	CsecMac    *mac = start();
	EVP_MAC    *method = EVP_MAC_fetch(NULL, "SIPHASH", NULL);

	if (mac != NULL && method != NULL)
		mac->siphash = EVP_MAC_CTX_new(method);
	EVP_MAC_free(method);		/* the context keeps it alive */
	if (mac == NULL || mac->siphash == NULL ||
		EVP_MAC_init(mac->siphash, key, CSEC_SIPHASH_KEY, params) != 1)
	{
		csec_mac_free(mac);
		return NULL;
	}
	memcpy(mac->secret->key, key, CSEC_SIPHASH_KEY);
	return mac;
}

bool
csec_mac_begin(CsecMac *mac)
{
	if (mac->siphash != NULL)
		return EVP_MAC_init(mac->siphash, mac->secret->key, CSEC_SIPHASH_KEY, NULL) == 1;
	return EVP_DigestInit_ex2(mac->hash, NULL, NULL) == 1 &&
		EVP_DigestUpdate(mac->hash, mac->secret->inner, BLOCK) == 1;
}

bool
csec_mac_add(CsecMac *mac, const void *data, size_t len)
{
	if (mac->siphash != NULL)
		return EVP_MAC_update(mac->siphash, data, len) == 1;
	return EVP_DigestUpdate(mac->hash, data, len) == 1;
}

static bool
hmac_end(CsecMac *mac, uint8_t *digest)
{
	return EVP_DigestFinal_ex(mac->hash, digest, NULL) == 1 &&
		EVP_DigestInit_ex2(mac->hash, NULL, NULL) == 1 &&
		EVP_DigestUpdate(mac->hash, mac->secret->outer, BLOCK) == 1 &&
		EVP_DigestUpdate(mac->hash, digest, CSEC_HMAC_SIZE) == 1 &&
		EVP_DigestFinal_ex(mac->hash, digest, NULL) == 1;
}

/* The first outlen bytes of the digest. */
bool
csec_mac_end(CsecMac *mac, uint8_t *out, size_t outlen)
{
	uint8_t		digest[CSEC_HMAC_SIZE];
	size_t		size = CSEC_HMAC_SIZE;
	bool		ok;

	if (mac->siphash != NULL)
		ok = EVP_MAC_final(mac->siphash, digest, &size, sizeof(digest)) == 1;
	else
		ok = hmac_end(mac, digest);
	if (!ok || outlen > size)
		return false;
	memcpy(out, digest, outlen);
	return true;
}

/*
 * The context for keys that are used once, of each digest.  A page of its own
 * for each such key would cost more than the hashing.  A child needs another:
 * it does not inherit the page's lock.
 */
static CsecMac *
passing(CsecDigest digest)
{
	static _Thread_local CsecMac *kept[2];
	static _Thread_local pid_t owner[2];
	int			i = digest == CSEC_DIGEST_SM3;
	static const uint8_t none[1] = {0};

	if (kept[i] == NULL || owner[i] != getpid())
	{
		csec_mac_free(kept[i]);
		kept[i] = csec_hmac_create_with(digest, none, 0);
		owner[i] = getpid();
	}
	return kept[i];
}

bool
csec_hmac_once(CsecDigest digest, const uint8_t *key, size_t keylen,
			   const void *const *parts, const size_t *lens, int n, uint8_t *out)
{
	CsecMac    *mac = keylen <= BLOCK ? passing(digest) : NULL;
	bool		ok;

	if (mac == NULL)
		return false;
	set_key(mac, key, keylen);
	ok = csec_mac_begin(mac);
	for (int i = 0; ok && i < n; i++)
		ok = csec_mac_add(mac, parts[i], lens[i]);
	ok = ok && csec_mac_end(mac, out, CSEC_HMAC_SIZE);
	OPENSSL_cleanse(mac->secret, sizeof(Secret));
	/* its state is what was derived, until it begins anew */
	return EVP_DigestInit_ex2(mac->hash, NULL, NULL) == 1 && ok;
}

/*
 * By HMAC, not by EVP_KDF, which takes three times as long: a session that reads
 * many customers with a key each derives all the time.
 */
bool
csec_hkdf_with(CsecDigest digest, const uint8_t *key, size_t keylen,
			   const char *salt, const char *info, uint8_t *out, size_t outlen)
{
	uint8_t		extracted[CSEC_HMAC_SIZE];
	uint8_t		block[CSEC_HMAC_SIZE];
	const void *input[1] = {key};
	bool		ok = csec_hmac_once(digest, (const uint8_t *) salt, strlen(salt), input, &keylen, 1, extracted);

	for (uint8_t number = 1; ok && outlen > 0; number++)
	{
		const void *parts[3] = {block, info, &number};
		size_t		lens[3] = {number == 1 ? 0 : sizeof(block), strlen(info), 1};
		size_t		n = outlen < sizeof(block) ? outlen : sizeof(block);

		ok = number != 0 && csec_hmac_once(digest, extracted, sizeof(extracted), parts, lens, 3, block);
		memcpy(out, block, ok ? n : 0);
		out += n;
		outlen -= n;
	}
	OPENSSL_cleanse(extracted, sizeof(extracted));
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

bool
csec_hkdf(const uint8_t *key, size_t keylen, const char *salt,
		  const char *info, uint8_t *out, size_t outlen)
{
	return csec_hkdf_with(CSEC_DIGEST_SHA256, key, keylen, salt, info, out, outlen);
}
