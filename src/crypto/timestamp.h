/*
 * timestamp.h
 *		Time stamps of an authority: RFC 3161.                           [FE]
 */
#ifndef CSEC_CRYPTO_TIMESTAMP_H
#define CSEC_CRYPTO_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Is token (a response, or the token in it, in DER) a time stamp of the data
 * by an authority that one of these certificates (PEM) is, or vouches for?
 * time: seconds since 1970.  Certificates count as of that time.
 */
extern bool csec_timestamp_verify(const uint8_t *token, size_t token_len,
								  const void *data, size_t len,
								  const char *certificates, size_t certificates_len,
								  int64_t *time);

/* Is there a certificate in it? */
extern bool csec_certificates_valid(const char *certificates, size_t len);

#endif							/* CSEC_CRYPTO_TIMESTAMP_H */
