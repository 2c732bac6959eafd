/*
 * hash.h
 *		SHA-256 with a context that is fetched once.                    [FE]
 */
#ifndef CSEC_CRYPTO_HASH_H
#define CSEC_CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_SHA256_SIZE 32

/* One message in pieces, in the process's one context: never nest two. */
extern bool csec_sha256_begin(void);
extern bool csec_sha256_add(const void *data, size_t len);
extern bool csec_sha256_end(uint8_t *out);

/* One message in one piece. */
extern bool csec_sha256(const void *data, size_t len, uint8_t *out);

#ifdef FRONTEND
/* A thread gives back what it has, before it ends. */
extern void csec_sha256_release(void);
#endif

#endif							/* CSEC_CRYPTO_HASH_H */
