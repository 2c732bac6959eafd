/*
 * aead.h
 *		Authenticated encryption with associated data, in several suites. [FE]
 *
 * 1	AES-256-GCM (NIST SP 800-38D)
 * 2	SM4-CTR (GB/T 32907, GB/T 17964) then HMAC-SM3 (GB/T 32905, RFC 2104)
 *		over associated data, nonce and ciphertext
 *
 * One key of 32 bytes serves every suite: each derives from it the keys that
 * it works with (HKDF, RFC 5869), so that values of several suites may live
 * side by side under one key.
 */
#ifndef CSEC_CRYPTO_AEAD_H
#define CSEC_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_SUITE_AES_256_GCM		1
#define CSEC_SUITE_SM4_CTR_HMAC_SM3	2
#define CSEC_SUITES					2

#define CSEC_AEAD_KEY			32
#define CSEC_AEAD_NONCE			12
#define CSEC_AEAD_TAG			16
#define CSEC_KEY_COMMITMENT		16

/* A key made ready for one suite. */
typedef struct CsecAead CsecAead;

/* NULL where OpenSSL refuses an algorithm, or for a suite that is not known. */
extern CsecAead *csec_aead_create(int suite, const uint8_t *key);
extern void csec_aead_free(CsecAead *aead);

/*
 * Encrypt len bytes of text into as many of out, which may be the same, and
 * give the tag.  A nonce must not come twice under one key.
 */
extern bool csec_aead_seal(CsecAead *aead, const uint8_t *nonce,
						   const uint8_t *aad, size_t aadlen,
						   const uint8_t *text, size_t len,
						   uint8_t *out, uint8_t *tag);

/*
 * The other way; false where key, nonce, associated data, ciphertext or tag
 * are not those of the seal.  Nothing in out is then of any meaning.
 */
extern bool csec_aead_open(CsecAead *aead, const uint8_t *nonce,
						   const uint8_t *aad, size_t aadlen,
						   const uint8_t *cipher, size_t len,
						   const uint8_t *tag, uint8_t *out);

/*
 * csec_aead_nonce
 *		A nonce that is made of what will be encrypted with it: always the same
 *		for the same, and for anything else as good as random.
 *
 * "from" must tell apart what is not to look alike though its texts are equal,
 * the associated data all else that goes with the text.
 */
extern bool csec_aead_nonce(CsecAead *aead, const uint8_t *from, size_t fromlen,
							const uint8_t *aad, size_t aadlen,
							const uint8_t *text, size_t len, uint8_t *nonce);

/*
 * What commits to a key: no other key has it, and it tells nothing about the
 * key.  AES-GCM alone opens a chosen ciphertext under more than one key.
 */
extern bool csec_key_commitment(const uint8_t *key, uint8_t *out);

/* The name of a suite, NULL for a number that is none. */
extern const char *csec_suite_name(int suite);

#endif							/* CSEC_CRYPTO_AEAD_H */
