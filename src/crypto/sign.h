/*
 * sign.h
 *		Signatures: Ed25519 (RFC 8032).                                  [FE]
 */
#ifndef CSEC_CRYPTO_SIGN_H
#define CSEC_CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_ED25519_SEED		32	/* the private key */
#define CSEC_ED25519_PUBLIC		32
#define CSEC_ED25519_SIGNATURE	64

/* False, of each, where OpenSSL fails. */
extern bool csec_ed25519_public(const uint8_t *seed, uint8_t *public_key);
extern bool csec_ed25519_sign(const uint8_t *seed, const void *data,
							  size_t len, uint8_t *signature);

/* False also where the signature is not that of the data under the key. */
extern bool csec_ed25519_verify(const uint8_t *public_key, const void *data,
								size_t len, const uint8_t *signature);

#endif							/* CSEC_CRYPTO_SIGN_H */
