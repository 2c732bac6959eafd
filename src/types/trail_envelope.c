/*
 * trail_envelope.c
 *		The envelopes in one record of the trail, which share headers.  [FE]
 */
#include "types/trail_envelope.h"

#include <string.h>

/* A header at p; false where it is none of the trail, or out of turn. */
static bool
take_header(CsecTrailHeaders *headers, unsigned place, const uint8_t **p, const uint8_t *end)
{
	CsecEnvelope header;

	if (place != headers->n % CSEC_TRAIL_HEADERS ||
		!csec_envelope_parse_header(*p, (size_t) (end - *p), &header) ||
		!(header.flags & CSEC_ENVELOPE_TRAIL))
		return false;
	headers->n++;
	headers->header[place].data = *p;
	headers->header[place].size = header.headerlen;
	headers->header[place].used = 0;
	*p += header.headerlen;
	return true;
}

bool
csec_trail_envelope_get(CsecTrailHeaders *headers, const uint8_t *data, size_t size,
						CsecTrailEnvelope *out)
{
	const uint8_t *p = data;
	const uint8_t *end = data + size;
	unsigned	place;

	if (size == 0)
		return false;
	place = *p & ~CSEC_TRAIL_NEW;
	if (place >= CSEC_TRAIL_HEADERS)
		return false;
	if (*p++ & CSEC_TRAIL_NEW)
	{
		if (!take_header(headers, place, &p, end))
			return false;
	}
	else if (headers->header[place].data == NULL)
		return false;
	if (end - p < CSEC_AEAD_TAG)
		return false;
	out->header = headers->header[place].data;
	out->headerlen = headers->header[place].size;
	out->number = headers->header[place].used++;
	out->cipher = p;
	out->len = (size_t) (end - p) - CSEC_AEAD_TAG;
	return true;
}

void
csec_trail_envelope_whole(const CsecTrailEnvelope *in, uint8_t *header, CsecEnvelope *out)
{
	memcpy(header, in->header, in->headerlen);
	csec_envelope_advance(header, in->number);
	/* csec_trail_envelope_get() has seen that it is one */
	(void) csec_envelope_parse_header(header, in->headerlen, out);
	out->cipher = in->cipher;
	out->len = in->len;
	out->tag = in->cipher + in->len;
}
