/*
 * sealing_file.h
 *		The bytes of the file that holds the sealing keys.              [FE]
 *
 * A mark, the number of keys (1 or 2), and each key encrypted: nonce, 32
 * bytes, tag.  The file's name is associated data, so that a file of another
 * database or cluster is none.
 */
#ifndef CSEC_SEALER_SEALING_FILE_H
#define CSEC_SEALER_SEALING_FILE_H

#include "crypto/aead.h"
#include "crypto/sign.h"

#define CSEC_SEALING_MARK		"csecseal1"
#define CSEC_SEALING_HEAD		(sizeof(CSEC_SEALING_MARK) - 1 + 1)
#define CSEC_SEALING_ENTRY		(CSEC_AEAD_NONCE + CSEC_ED25519_SEED + CSEC_AEAD_TAG)
#define CSEC_SEALING_FILE_MAX	(CSEC_SEALING_HEAD + 2 * CSEC_SEALING_ENTRY)

/* Gives the number of keys; 0 where the bytes are not such a file of that name. */
extern int	csec_sealing_file_get(const uint8_t *in, size_t len, CsecAead *aead,
								  const char *name, uint8_t seed[2][CSEC_ED25519_SEED]);

/*
 * Writes the bytes for one or two keys, and gives their number; 0 where they
 * cannot be encrypted.  A nonce for each key, which must not have been before.
 */
extern size_t csec_sealing_file_put(uint8_t *out, CsecAead *aead, const char *name,
									int count, const uint8_t seed[2][CSEC_ED25519_SEED],
									const uint8_t nonce[2][CSEC_AEAD_NONCE]);

#endif							/* CSEC_SEALER_SEALING_FILE_H */
