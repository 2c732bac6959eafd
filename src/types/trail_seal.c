/*
 * trail_seal.c
 *		Encrypts values for one record of the trail.
 *
 * Each header begins with a random nonce, and each further value under it takes
 * the nonce that is one higher.  That two values of one key meet is not likelier
 * so than with a random nonce for each: it takes two runs that overlap, and there
 * are fewer of them the longer they are.
 */
#include "postgres.h"

#include "types/encrypted_value.h"
#include "types/trail_seal.h"
#include "util/crypto_failed.h"

#define BEFORE_NONCE	CSEC_ENVELOPE_NONCE_AT
#define BEHIND_NONCE	(CSEC_ENVELOPE_NONCE_AT + CSEC_AEAD_NONCE)

/* The place of a header that differs in its nonce alone; -1: there is none. */
static int
find_header(const CsecTrailSealer *sealer, const uint8 *header, size_t size)
{
	for (unsigned i = 0; i < Min(sealer->n, CSEC_TRAIL_HEADERS); i++)
	{
		const uint8 *known = sealer->header[i].data;

		if (sealer->header[i].size == size &&
			memcmp(known, header, BEFORE_NONCE) == 0 &&
			memcmp(known + BEHIND_NONCE, header + BEHIND_NONCE, size - BEHIND_NONCE) == 0)
			return (int) i;
	}
	return -1;
}

void
csec_trail_seal_begin(CsecTrailSealer *sealer, const CsecCustomer *customer,
					  uint32 id, const CsecCategory *category, size_t len,
					  CsecTrailSealing *sealing)
{
	static const uint8 no_nonce[CSEC_AEAD_NONCE];
	CsecEnvelope what = {.category = id,.flags = CSEC_ENVELOPE_TRAIL,.nonce = no_nonce};
	uint8		header[CSEC_ENVELOPE_HEADER_MAX];
	size_t		size;
	int			place;

	sealing->aead = csec_envelope_put_key(&what, category, csec_customer_key(customer));
	size = csec_envelope_put_header(&what, header);
	place = find_header(sealer, header, size);
	sealing->is_new = place < 0;
	sealing->place = place < 0 ? sealer->n % CSEC_TRAIL_HEADERS : (unsigned) place;
	sealing->size = 1 + (sealing->is_new ? size : 0) + len + CSEC_AEAD_TAG;
	if (!sealing->is_new)
		return;
	csec_random_nonce(header + CSEC_ENVELOPE_NONCE_AT);
	memcpy(sealer->header[sealing->place].data, header, size);
	sealer->header[sealing->place].size = size;
	sealer->n++;
}

void
csec_trail_seal(StringInfo out, CsecTrailSealer *sealer,
				const CsecTrailSealing *sealing, const char *text, size_t len)
{
	uint8	   *header = sealer->header[sealing->place].data;
	size_t		size = sealer->header[sealing->place].size;
	uint8	   *p;

	enlargeStringInfo(out, (int) sealing->size);
	p = (uint8 *) out->data + out->len;
	*p++ = (uint8) (sealing->place | (sealing->is_new ? CSEC_TRAIL_NEW : 0));
	if (sealing->is_new)
	{
		memcpy(p, header, size);
		p += size;
	}
	if (!csec_aead_seal(sealing->aead, header + CSEC_ENVELOPE_NONCE_AT, header, size,
						(const uint8 *) text, len, p, p + len))
		csec_crypto_failed("encrypt a value for the trail");
	csec_envelope_advance(header, 1);
	out->len += (int) sealing->size;
	out->data[out->len] = '\0';
}
