/*
 * timestamp.h
 *		Time stamps of an authority: RFC 3161.                           [FE]
 */
#ifndef CSEC_CRYPTO_TIMESTAMP_H
#define CSEC_CRYPTO_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CsecStamp
{
	CSEC_STAMP_FORGED,			/* not of the data, altered, or no stamp at all */
	CSEC_STAMP_FOREIGN,			/* of the data, by somebody: nobody vouches for him */
	CSEC_STAMP_GOOD
} CsecStamp;

/*
 * What is token (a response, or the token in it, in DER) to the data?  Good:
 * stamped by an authority that one of these certificates (PEM; len may be 0)
 * is, or vouches for.  time: seconds since 1970; not of one that is forged.
 * Certificates count as of that time.
 */
extern CsecStamp csec_timestamp_judge(const uint8_t *token, size_t token_len,
									  const void *data, size_t len,
									  const char *certificates, size_t certificates_len,
									  int64_t *time);

/* Is there a certificate in it? */
extern bool csec_certificates_valid(const char *certificates, size_t len);

#endif							/* CSEC_CRYPTO_TIMESTAMP_H */
