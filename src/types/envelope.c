/*
 * envelope.c
 *		The bytes of an encrypted value.                                [FE]
 */
#include "types/envelope.h"

#include <string.h>

#include "util/bytes.h"

#define AT_SUITE		CSEC_ENVELOPE_SUITE_AT
#define AT_FLAGS		CSEC_ENVELOPE_FLAGS_AT
#define AT_CATEGORY		CSEC_ENVELOPE_CATEGORY_AT
#define AT_KEY_ID		7
#define AT_KEY_VERSION	11
#define AT_NONCE		CSEC_ENVELOPE_NONCE_AT
#define AT_COMMITMENT	25

size_t
csec_envelope_header_size(uint8_t flags)
{
	size_t		size = CSEC_ENVELOPE_FIXED;

	if (flags & CSEC_ENVELOPE_SEARCH)
		size += CSEC_ENVELOPE_SEARCH_SIZE;
	if (flags & CSEC_ENVELOPE_NEXT)
		size += CSEC_ENVELOPE_SEARCH_SIZE;
	if (flags & CSEC_ENVELOPE_SUBJECT)
		size += CSEC_ENVELOPE_SUBJECT_SIZE;
	return size;
}

/*
 * Flags that have a meaning: a tag under the next key is beside one under
 * this; the trail has no tags, by which its values could be found, and its texts
 * are as its records are.
 */
static bool
flags_known(uint8_t flags)
{
	return (flags & ~CSEC_ENVELOPE_FLAGS) == 0 &&
		(!(flags & CSEC_ENVELOPE_NEXT) || (flags & CSEC_ENVELOPE_SEARCH)) &&
		!((flags & CSEC_ENVELOPE_TRAIL) &&
		  (flags & (CSEC_ENVELOPE_SEARCH | CSEC_ENVELOPE_SUSPECT | CSEC_ENVELOPE_BYTES)));
}

bool
csec_envelope_parse_header(const uint8_t *data, size_t size, CsecEnvelope *out)
{
	const uint8_t *p;

	memset(out, 0, sizeof(*out));
	if (size < CSEC_ENVELOPE_FIXED || data[0] != CSEC_ENVELOPE_MAGIC ||
		data[AT_SUITE] < 1 || data[AT_SUITE] > CSEC_SUITES || !flags_known(data[AT_FLAGS]))
		return false;
	out->suite = data[AT_SUITE];
	out->flags = data[AT_FLAGS];
	out->headerlen = csec_envelope_header_size(out->flags);
	if (size < out->headerlen)
		return false;
	out->category = csec_get_u32(data + AT_CATEGORY);
	out->key_id = csec_get_u32(data + AT_KEY_ID);
	out->key_version = csec_get_u16(data + AT_KEY_VERSION);
	out->nonce = data + AT_NONCE;
	out->commitment = data + AT_COMMITMENT;
	p = data + CSEC_ENVELOPE_FIXED;
	if (out->flags & CSEC_ENVELOPE_SEARCH)
	{
		out->search_mark = csec_get_u32(p);
		out->search_tag = p + CSEC_SEARCH_MARK;
		p += CSEC_ENVELOPE_SEARCH_SIZE;
	}
	if (out->flags & CSEC_ENVELOPE_NEXT)
	{
		out->next_mark = csec_get_u32(p);
		out->next_tag = p + CSEC_SEARCH_MARK;
		p += CSEC_ENVELOPE_SEARCH_SIZE;
	}
	if (out->flags & CSEC_ENVELOPE_SUBJECT)
	{
		out->subject = csec_get_u64(p);
		p += CSEC_ENVELOPE_SUBJECT_SIZE;
	}
	out->header = data;
	return true;
}

bool
csec_envelope_parse(const uint8_t *data, size_t size, CsecEnvelope *out)
{
	if (!csec_envelope_parse_header(data, size, out) ||
		size - out->headerlen < CSEC_AEAD_TAG)
		return false;
	out->cipher = data + out->headerlen;
	out->len = size - out->headerlen - CSEC_AEAD_TAG;
	out->tag = out->cipher + out->len;
	return true;
}

/* Its last eight bytes are counted up; random nonces do not meet such runs sooner. */
void
csec_envelope_advance(uint8_t *header, uint64_t n)
{
	uint8_t    *counter = header + AT_NONCE + CSEC_AEAD_NONCE - sizeof(uint64_t);

	csec_put_u64(counter, csec_get_u64(counter) + n);
}

static uint8_t *
put_search(uint8_t *p, uint32_t mark, const uint8_t *tag)
{
	csec_put_u32(p, mark);
	memcpy(p + CSEC_SEARCH_MARK, tag, CSEC_SEARCH_TAG);
	return p + CSEC_ENVELOPE_SEARCH_SIZE;
}

size_t
csec_envelope_put_header(const CsecEnvelope *what, uint8_t *out)
{
	uint8_t    *p = out + CSEC_ENVELOPE_FIXED;

	out[0] = CSEC_ENVELOPE_MAGIC;
	out[AT_SUITE] = (uint8_t) what->suite;
	out[AT_FLAGS] = what->flags;
	csec_put_u32(out + AT_CATEGORY, what->category);
	csec_put_u32(out + AT_KEY_ID, what->key_id);
	csec_put_u16(out + AT_KEY_VERSION, what->key_version);
	memcpy(out + AT_NONCE, what->nonce, CSEC_AEAD_NONCE);
	memcpy(out + AT_COMMITMENT, what->commitment, CSEC_KEY_COMMITMENT);
	if (what->flags & CSEC_ENVELOPE_SEARCH)
		p = put_search(p, what->search_mark, what->search_tag);
	if (what->flags & CSEC_ENVELOPE_NEXT)
		p = put_search(p, what->next_mark, what->next_tag);
	if (what->flags & CSEC_ENVELOPE_SUBJECT)
	{
		csec_put_u64(p, what->subject);
		p += CSEC_ENVELOPE_SUBJECT_SIZE;
	}
	return (size_t) (p - out);
}

bool
csec_envelope_seal(CsecAead *aead, const CsecEnvelope *what,
				   const uint8_t *text, size_t len, uint8_t *out)
{
	size_t		headerlen = csec_envelope_put_header(what, out);

	return csec_aead_seal(aead, what->nonce, out, headerlen, text, len,
						  out + headerlen, out + headerlen + len);
}

bool
csec_envelope_open(CsecAead *aead, const CsecEnvelope *envelope, uint8_t *out)
{
	return csec_aead_open(aead, envelope->nonce, envelope->header, envelope->headerlen,
						  envelope->cipher, envelope->len, envelope->tag, out);
}
