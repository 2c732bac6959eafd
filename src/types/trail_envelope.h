/*
 * trail_envelope.h
 *		The envelopes in one record of the trail, which share headers.  [FE]
 *
 * A record tells many values of few categories, so the headers of their
 * envelopes (types/envelope.h) would differ by nothing but the nonce.  There
 * an envelope is
 *
 *		u8			place of its header, from 0; with CSEC_TRAIL_NEW the
 *					header follows, and takes that place
 *		ciphertext and tag
 *
 * New headers take the places in turn.  The n-th envelope under a header, from
 * 0, has that header with a nonce that is n higher; so it is an envelope like
 * any other, whose bytes need not be written out.
 */
#ifndef CSEC_TYPES_TRAIL_ENVELOPE_H
#define CSEC_TYPES_TRAIL_ENVELOPE_H

#include "types/envelope.h"

#define CSEC_TRAIL_HEADERS	16
#define CSEC_TRAIL_NEW		0x80

/* Such headers have no search tags. */
#define CSEC_TRAIL_HEADER_MAX (CSEC_ENVELOPE_FIXED + CSEC_ENVELOPE_SUBJECT_SIZE)

/* The headers met so far; all zero at first. */
typedef struct CsecTrailHeaders
{
	unsigned	n;
	struct
	{
		const uint8_t *data;
		size_t		size;
		uint64_t	used;		/* envelopes under it */
	}			header[CSEC_TRAIL_HEADERS];
} CsecTrailHeaders;

/* An envelope as it stands there; pointers go into the record. */
typedef struct CsecTrailEnvelope
{
	const uint8_t *header;		/* NULL: there is none */
	size_t		headerlen;
	uint64_t	number;			/* of those under this header */
	const uint8_t *cipher;
	size_t		len;			/* of the text */
} CsecTrailEnvelope;

/* Takes one apart that is told by these bytes; false where they do not have that form. */
extern bool csec_trail_envelope_get(CsecTrailHeaders *headers, const uint8_t *data, size_t size,
									CsecTrailEnvelope *out);

/* The same as any other; its header is written to CSEC_TRAIL_HEADER_MAX bytes. */
extern void csec_trail_envelope_whole(const CsecTrailEnvelope *in, uint8_t *header, CsecEnvelope *out);

#endif							/* CSEC_TYPES_TRAIL_ENVELOPE_H */
