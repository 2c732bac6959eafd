/*
 * sealing_file.c
 *		The bytes of the file that holds the sealing keys.              [FE]
 */
#include "sealer/sealing_file.h"

#include <string.h>

int
csec_sealing_file_get(const uint8_t *in, size_t len, CsecAead *aead,
					  const char *name, uint8_t seed[2][CSEC_ED25519_SEED])
{
	int			count;

	if (len < CSEC_SEALING_HEAD ||
		memcmp(in, CSEC_SEALING_MARK, CSEC_SEALING_HEAD - 1) != 0)
		return 0;
	count = in[CSEC_SEALING_HEAD - 1];
	if (count < 1 || count > 2 ||
		len != CSEC_SEALING_HEAD + (size_t) count * CSEC_SEALING_ENTRY)
		return 0;
	for (int i = 0; i < count; i++)
	{
		const uint8_t *nonce = in + CSEC_SEALING_HEAD + i * CSEC_SEALING_ENTRY;
		const uint8_t *cipher = nonce + CSEC_AEAD_NONCE;

		if (!csec_aead_open(aead, nonce, (const uint8_t *) name, strlen(name),
							cipher, CSEC_ED25519_SEED, cipher + CSEC_ED25519_SEED, seed[i]))
			return 0;
	}
	return count;
}

size_t
csec_sealing_file_put(uint8_t *out, CsecAead *aead, const char *name,
					  int count, const uint8_t seed[2][CSEC_ED25519_SEED],
					  const uint8_t nonce[2][CSEC_AEAD_NONCE])
{
	memcpy(out, CSEC_SEALING_MARK, CSEC_SEALING_HEAD - 1);
	out[CSEC_SEALING_HEAD - 1] = (uint8_t) count;
	for (int i = 0; i < count; i++)
	{
		uint8_t    *entry = out + CSEC_SEALING_HEAD + i * CSEC_SEALING_ENTRY;
		uint8_t    *cipher = entry + CSEC_AEAD_NONCE;

		memcpy(entry, nonce[i], CSEC_AEAD_NONCE);
		if (!csec_aead_seal(aead, nonce[i], (const uint8_t *) name, strlen(name),
							seed[i], CSEC_ED25519_SEED, cipher, cipher + CSEC_ED25519_SEED))
			return 0;
	}
	return CSEC_SEALING_HEAD + (size_t) count * CSEC_SEALING_ENTRY;
}
