/*
 * envelope.h
 *		The bytes of an encrypted value.                                [FE]
 *
 *		magic       1 byte, 0xC1: an envelope of this layout
 *		suite       1 byte (crypto/aead.h)
 *		flags       1 byte
 *		category    4 bytes, big endian like all numbers here; 0: none yet
 *		key id      4 bytes, of the data key
 *		key version 2 bytes
 *		nonce       12 bytes
 *		commitment  16 bytes, to the data key
 *		then, as the flags say:
 *			search mark 4 bytes, search tag 16 bytes
 *			the same for the search key that comes next
 *			subject key 8 bytes
 *		ciphertext  as long as the text
 *		tag         16 bytes
 *
 * All before the ciphertext is its associated data, so no byte of an envelope
 * can be changed.  docs/envelope-format.md has worked examples.
 */
#ifndef CSEC_TYPES_ENVELOPE_H
#define CSEC_TYPES_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/aead.h"
#include "util/bytes.h"

#define CSEC_ENVELOPE_MAGIC		0xC1

#define CSEC_ENVELOPE_SEARCH	0x01	/* has a search tag */
#define CSEC_ENVELOPE_NEXT		0x02	/* and one under the next search key */
#define CSEC_ENVELOPE_SUSPECT	0x04	/* the text has the form of a mask */
#define CSEC_ENVELOPE_SUBJECT	0x08	/* under the key of one subject */
#define CSEC_ENVELOPE_TRAIL		0x10	/* in a record of the trail: the value of no field */
#define CSEC_ENVELOPE_BYTES		0x20	/* not in UTF-8: see util/portable_text.h */
#define CSEC_ENVELOPE_FLAGS		0x3F
#define CSEC_ENVELOPE_SUITE_AT	1
#define CSEC_ENVELOPE_FLAGS_AT	2
#define CSEC_ENVELOPE_CATEGORY_AT 3
#define CSEC_ENVELOPE_NONCE_AT	13

#define CSEC_SEARCH_MARK		4
#define CSEC_SEARCH_TAG			16

#define CSEC_ENVELOPE_FIXED		41	/* before what the flags say */
#define CSEC_ENVELOPE_SEARCH_SIZE (CSEC_SEARCH_MARK + CSEC_SEARCH_TAG)
#define CSEC_ENVELOPE_SUBJECT_SIZE 8
#define CSEC_ENVELOPE_HEADER_MAX (CSEC_ENVELOPE_FIXED + \
								  2 * CSEC_ENVELOPE_SEARCH_SIZE + CSEC_ENVELOPE_SUBJECT_SIZE)

/* How an envelope is written as text: this, then base64 of its bytes. */
#define CSEC_ENVELOPE_PREFIX	"csec:e1:"

/* An envelope taken apart; pointers go into it. */
typedef struct CsecEnvelope
{
	int			suite;
	uint8_t		flags;
	uint32_t	category;
	uint32_t	key_id;
	uint16_t	key_version;
	const uint8_t *nonce;
	const uint8_t *commitment;
	uint32_t	search_mark;	/* with CSEC_ENVELOPE_SEARCH */
	const uint8_t *search_tag;
	uint32_t	next_mark;		/* with CSEC_ENVELOPE_NEXT */
	const uint8_t *next_tag;
	uint64_t	subject;		/* with CSEC_ENVELOPE_SUBJECT */
	const uint8_t *header;		/* all of it, headerlen bytes */
	size_t		headerlen;
	const uint8_t *cipher;
	size_t		len;			/* of the ciphertext, and so of the text */
	const uint8_t *tag;
} CsecEnvelope;

/* The size of the header that these flags make. */
extern size_t csec_envelope_header_size(uint8_t flags);

/* Is it under the key of one subject?  Of what has the form of an envelope. */
static inline bool
csec_envelope_of_subject(const uint8_t *data)
{
	return (data[CSEC_ENVELOPE_FLAGS_AT] & CSEC_ENVELOPE_SUBJECT) != 0;
}

/* Of what has the form of an envelope. */
static inline uint32_t
csec_envelope_category(const uint8_t *data)
{
	return csec_get_u32(data + CSEC_ENVELOPE_CATEGORY_AT);
}

/*
 * csec_envelope_plain_tag
 *		The search tag under the key of this mark, of an envelope as look-ups
 *		meet it row after row; NULL of any other bytes.
 *
 * A shortcut past csec_envelope_parse(), which has the last word on what this
 * does not know: a key that is changing, customers' keys, short values, damage.
 */
static inline const uint8_t *
csec_envelope_plain_tag(const uint8_t *data, size_t size, uint32_t mark)
{
	if (size < CSEC_ENVELOPE_FIXED + CSEC_ENVELOPE_SEARCH_SIZE + CSEC_AEAD_TAG ||
		data[0] != CSEC_ENVELOPE_MAGIC ||
		data[CSEC_ENVELOPE_SUITE_AT] < 1 || data[CSEC_ENVELOPE_SUITE_AT] > CSEC_SUITES ||
		(data[CSEC_ENVELOPE_FLAGS_AT] & ~(CSEC_ENVELOPE_SUSPECT | CSEC_ENVELOPE_BYTES)) != CSEC_ENVELOPE_SEARCH ||
		csec_get_u32(data + CSEC_ENVELOPE_FIXED) != mark)
		return NULL;
	return data + CSEC_ENVELOPE_FIXED + CSEC_SEARCH_MARK;
}

/* False where the bytes have not the form of an envelope. */
extern bool csec_envelope_parse(const uint8_t *data, size_t size, CsecEnvelope *out);

/* The same of bytes that begin with a header; of what follows it nothing is said. */
extern bool csec_envelope_parse_header(const uint8_t *data, size_t size, CsecEnvelope *out);

/* Make the nonce of a header n higher. */
extern void csec_envelope_advance(uint8_t *header, uint64_t n);

/* The header, as "what" says; out has room for CSEC_ENVELOPE_HEADER_MAX bytes.  Its size. */
extern size_t csec_envelope_put_header(const CsecEnvelope *what, uint8_t *out);

/*
 * Encrypt the text into out, which has room for the header, the text and the
 * tag.  "what" says suite, flags, category, key, nonce, commitment, search
 * tags and subject.
 */
extern bool csec_envelope_seal(CsecAead *aead, const CsecEnvelope *what,
							   const uint8_t *text, size_t len, uint8_t *out);

/* Decrypt into out, which has room for len bytes; false: not authentic. */
extern bool csec_envelope_open(CsecAead *aead, const CsecEnvelope *envelope, uint8_t *out);

#endif							/* CSEC_TYPES_ENVELOPE_H */
