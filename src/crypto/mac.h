/*
 * mac.h
 *		Keyed digests: HMAC and HKDF over SHA-256 and SM3, SipHash-2-4.  [FE]
 */
#ifndef CSEC_CRYPTO_MAC_H
#define CSEC_CRYPTO_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_HMAC_SIZE		32
#define CSEC_SIPHASH_KEY	16

typedef struct CsecMac CsecMac;

/* Both have blocks of 64 bytes and digests of 32. */
typedef enum CsecDigest
{
	CSEC_DIGEST_SHA256,
	CSEC_DIGEST_SM3
} CsecDigest;

/* A context that keeps its key; NULL where OpenSSL cannot give one. */
extern CsecMac *csec_hmac_create(const uint8_t *key, size_t len);
extern CsecMac *csec_hmac_create_with(CsecDigest digest, const uint8_t *key, size_t len);
extern CsecMac *csec_siphash_create(const uint8_t *key);

extern void csec_mac_free(CsecMac *mac);

/* One message in pieces. */
extern bool csec_mac_begin(CsecMac *mac);
extern bool csec_mac_add(CsecMac *mac, const void *data, size_t len);
extern bool csec_mac_end(CsecMac *mac, uint8_t *out, size_t outlen);

/* HMAC of n parts under a key of 64 bytes at most, which is used this once. */
extern bool csec_hmac_once(CsecDigest digest, const uint8_t *key, size_t keylen,
						   const void *const *parts, const size_t *lens, int n,
						   uint8_t *out);

/* RFC 5869, extract and expand, SHA-256. */
extern bool csec_hkdf(const uint8_t *key, size_t keylen, const char *salt,
					  const char *info, uint8_t *out, size_t outlen);
extern bool csec_hkdf_with(CsecDigest digest, const uint8_t *key, size_t keylen,
						   const char *salt, const char *info,
						   uint8_t *out, size_t outlen);

#endif							/* CSEC_CRYPTO_MAC_H */
