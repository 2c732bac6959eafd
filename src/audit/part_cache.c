/*
 * part_cache.c
 *		Parts of records that other records refer to.                   [FE]
 */
#include "audit/part_cache.h"

#include <stdio.h>
#include <string.h>

void
csec_part_cache_clear(CsecPartCache *cache)
{
	memset(cache->slot, 0, sizeof(cache->slot));
}

void
csec_part_keep(CsecPartCache *cache, CsecPartKind kind, unsigned slot,
			   uint64_t seq, const uint8_t *data, uint32_t len)
{
	cache->slot[kind][slot].seq = seq;
	cache->slot[kind][slot].len = len;
	memcpy(cache->data[kind][slot], data, len);
}

static void
keep_by_number(CsecPartCache *cache, CsecPartKind kind, const CsecStored *stored)
{
	const CsecPart *part = &stored->part[kind];

	csec_part_keep(cache, kind, (unsigned) (stored->seq % CSEC_PART_SLOTS), stored->seq,
				   part->data, part->len);
}

/* Somebody may have stored a record whole that had been short. */
static bool
take_from_whole(CsecPartCache *cache, CsecPartKind kind, uint64_t seq,
				const uint8_t *in, size_t len)
{
	uint8_t		data[CSEC_PART_MAX];
	CsecHeader	header;
	CsecBody	body;
	size_t		size;

	if (!csec_header_get(in, len, &header) || header.seq != seq ||
		!csec_body_get(in + CSEC_HEADER_SIZE, header.body_len, &body))
		return false;
	size = csec_part_put(&header, &body, kind, data);
	if (size > 0)
		csec_part_keep(cache, kind, (unsigned) (seq % CSEC_PART_SLOTS), seq, data, (uint32_t) size);
	return size > 0;
}

/*
 * Only of the very record that was asked for: bytes that claim another number
 * would put their part into records that are not to blame.
 */
bool
csec_part_take(CsecPartCache *cache, CsecPartKind kind, uint64_t seq,
			   const uint8_t *in, size_t len)
{
	CsecStored	stored;

	if (!csec_is_short(in, len))
		return take_from_whole(cache, kind, seq, in, len);
	if (!csec_short_get(in, len, &stored) || stored.seq != seq ||
		stored.part[kind].base != 0)
		return false;
	keep_by_number(cache, kind, &stored);
	return true;
}

void
csec_parts_keep_own(CsecPartCache *cache, const uint8_t *in, size_t len)
{
	static const uint8_t none = CSEC_SHORT_SESSION | CSEC_SHORT_STATEMENT;
	CsecStored	stored;

	/* most have none */
	if (len == 0 || (in[0] & none) == none || !csec_short_get(in, len, &stored))
		return;
	for (int kind = 0; kind < CSEC_PARTS; kind++)
		if (stored.part[kind].base == 0)
			keep_by_number(cache, (CsecPartKind) kind, &stored);
}

/* The record that should have a part and has not, or 0: all are there. */
static uint64_t
find_parts(CsecPartCache *cache, CsecStored *stored, CsecPartFetch fetch, void *arg)
{
	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		CsecPart   *part = &stored->part[kind];
		unsigned	slot = (unsigned) (part->base % CSEC_PART_SLOTS);

		if (part->base == 0)
			continue;
		if (cache->slot[kind][slot].seq != part->base &&
			!fetch(arg, (CsecPartKind) kind, part->base, stored->sealed_at))
			return part->base;
		part->data = cache->data[kind][slot];
		part->len = cache->slot[kind][slot].len;
	}
	return 0;
}

bool
csec_parts_open(CsecPartCache *cache, const uint8_t *in, size_t len,
				CsecStored *stored, CsecPartFetch fetch, void *arg, char *problem)
{
	uint64_t	missing;

	if (!csec_short_get(in, len, stored))
	{
		snprintf(problem, CSEC_PARTS_PROBLEM, "it is not in the form in which records are stored");
		return false;
	}
	missing = find_parts(cache, stored, fetch, arg);
	if (missing != 0)
		snprintf(problem, CSEC_PARTS_PROBLEM,
				 "record %llu, with which it has a part in common, is missing or altered",
				 (unsigned long long) missing);
	return missing == 0;
}

size_t
csec_parts_whole(const CsecStored *stored, uint8_t *out, char *problem)
{
	size_t		len = csec_whole_put(stored, out);

	if (len == 0)
		snprintf(problem, CSEC_PARTS_PROBLEM, "its parts are not those of a record that is stored so");
	return len;
}
