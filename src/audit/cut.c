/*
 * cut.c
 *		The anchor of a cut: what must be known of records that left.   [FE]
 */
#include "audit/cut.h"

#include <string.h>

#include "util/bytes.h"

#define MAGIC "CSA1"

int
csec_cut_edges(uint64_t last)
{
	int			count = 0;

	for (; last > 0; last &= last - 1)
		count++;
	return count;
}

static bool
get_text(const uint8_t **p, const uint8_t *end, CsecField *text)
{
	if (end - *p < 2)
		return false;
	text->len = csec_get_u16(*p);
	text->data = *p + 2;
	*p += 2;
	if (text->len > CSEC_CUT_TEXT_MAX || (size_t) (end - *p) < text->len)
		return false;
	*p += text->len;
	return true;
}

/* A stretch of items of one size; false where there are not so many bytes. */
static bool
get_items(const uint8_t **p, const uint8_t *end, uint64_t count, size_t size,
		  const uint8_t **items)
{
	if (count > (size_t) (end - *p) / size)
		return false;
	*items = *p;
	*p += count * size;
	return true;
}

/* Big endian, and no session began before 2000: bytes order them. */
static bool
sessions_ascend(const CsecCut *cut)
{
	for (uint32_t i = 1; i < cut->sessions; i++)
	{
		const uint8_t *session = cut->session + (size_t) i * CSEC_CUT_SESSION_SIZE;

		if (memcmp(session - CSEC_CUT_SESSION_SIZE, session, 12) >= 0)
			return false;
	}
	return true;
}

static bool
get_lists(const uint8_t *p, const uint8_t *end, CsecCut *cut)
{
	if (!get_text(&p, end, &cut->requested_by) ||
		!get_text(&p, end, &cut->approved_by) ||
		!get_text(&p, end, &cut->reason) ||
		!get_items(&p, end, csec_cut_edges(cut->last), CSEC_TREE_HASH, &cut->edge) ||
		end - p < 4)
		return false;
	cut->sessions = csec_get_u32(p);
	p += 4;
	if (!get_items(&p, end, cut->sessions, CSEC_CUT_SESSION_SIZE, &cut->session) ||
		end - p < 2)
		return false;
	cut->keys = csec_get_u16(p);
	p += 2;
	return get_items(&p, end, cut->keys, 32, &cut->key) && p == end &&
		sessions_ascend(cut);
}

bool
csec_cut_get(const uint8_t *in, size_t len, CsecCut *cut)
{
	if (len < CSEC_CUT_FIXED_SIZE || len > CSEC_CUT_MAX || memcmp(in, MAGIC, 4) != 0)
		return false;
	cut->order = csec_get_u64(in + 4);
	cut->first = csec_get_u64(in + 12);
	cut->last = csec_get_u64(in + 20);
	cut->first_at = (int64_t) csec_get_u64(in + 28);
	cut->last_at = (int64_t) csec_get_u64(in + 36);
	cut->bound = (int64_t) csec_get_u64(in + 44);
	cut->subject_rows = csec_get_u64(in + 52);
	cut->epoch = csec_get_u64(in + 60);
	cut->size = csec_get_u64(in + 68);
	cut->hash = in + 76;
	cut->before = in + 108;
	cut->gaps_until = (int64_t) csec_get_u64(in + 140);
	return cut->first >= 1 && cut->first <= cut->last &&
		cut->last < UINT64_C(1) << 62 && cut->size >= cut->last &&
		get_lists(in + CSEC_CUT_FIXED_SIZE, in + len, cut);
}

size_t
csec_cut_size(const CsecCut *cut)
{
	return CSEC_CUT_FIXED_SIZE + 3 * 2 + cut->requested_by.len +
		cut->approved_by.len + cut->reason.len +
		(size_t) csec_cut_edges(cut->last) * CSEC_TREE_HASH +
		4 + (size_t) cut->sessions * CSEC_CUT_SESSION_SIZE + 2 + (size_t) cut->keys * 32;
}

static uint8_t *
put_bytes(uint8_t *out, const uint8_t *bytes, size_t len)
{
	if (len > 0)
		memcpy(out, bytes, len);
	return out + len;
}

static uint8_t *
put_text(uint8_t *out, CsecField text)
{
	csec_put_u16(out, (uint16_t) text.len);
	return put_bytes(out + 2, text.data, text.len);
}

void
csec_cut_put(uint8_t *out, const CsecCut *cut)
{
	memcpy(out, MAGIC, 4);
	csec_put_u64(out + 4, cut->order);
	csec_put_u64(out + 12, cut->first);
	csec_put_u64(out + 20, cut->last);
	csec_put_u64(out + 28, (uint64_t) cut->first_at);
	csec_put_u64(out + 36, (uint64_t) cut->last_at);
	csec_put_u64(out + 44, (uint64_t) cut->bound);
	csec_put_u64(out + 52, cut->subject_rows);
	csec_put_u64(out + 60, cut->epoch);
	csec_put_u64(out + 68, cut->size);
	memcpy(out + 76, cut->hash, CSEC_HASH_SIZE);
	memcpy(out + 108, cut->before, CSEC_HASH_SIZE);
	csec_put_u64(out + 140, (uint64_t) cut->gaps_until);
	out = put_text(out + CSEC_CUT_FIXED_SIZE, cut->requested_by);
	out = put_text(out, cut->approved_by);
	out = put_text(out, cut->reason);
	out = put_bytes(out, cut->edge, (size_t) csec_cut_edges(cut->last) * CSEC_TREE_HASH);
	csec_put_u32(out, cut->sessions);
	out = put_bytes(out + 4, cut->session, (size_t) cut->sessions * CSEC_CUT_SESSION_SIZE);
	csec_put_u16(out, (uint16_t) cut->keys);
	put_bytes(out + 2, cut->key, (size_t) cut->keys * 32);
}

void
csec_cut_session(const CsecCut *cut, uint32_t i, int64_t *started, uint32_t *pid,
				 uint64_t *number, bool *before_gap)
{
	const uint8_t *session = cut->session + (size_t) i * CSEC_CUT_SESSION_SIZE;

	*started = (int64_t) csec_get_u64(session);
	*pid = csec_get_u32(session + 8);
	*number = csec_get_u64(session + 12) & ~CSEC_CUT_BEFORE_GAP;
	*before_gap = (csec_get_u64(session + 12) & CSEC_CUT_BEFORE_GAP) != 0;
}

void
csec_cut_peaks(const CsecCut *cut, CsecTreePeaks *peaks)
{
	const uint8_t *hash = cut->edge;

	memset(peaks, 0, sizeof(*peaks));
	peaks->size = cut->last;
	for (int h = CSEC_TREE_HEIGHT - 1; h >= 0; h--)
		if (cut->last >> h & 1)
		{
			memcpy(peaks->peak[h], hash, CSEC_TREE_HASH);
			hash += CSEC_TREE_HASH;
		}
}

bool
csec_cut_of_body(const CsecBody *body, CsecCut *cut)
{
	CsecField	payload = body->field[CSEC_TAG_PAYLOAD];

	return body->kind == CSEC_KIND_CUT && payload.data != NULL &&
		csec_cut_get(payload.data, payload.len, cut);
}
