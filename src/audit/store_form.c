/*
 * store_form.c
 *		In which form the sealer stores a record.
 *
 * The sealer remembers which record of this month had a part first, or had it
 * last if there was no room to remember more.  It remembers nothing from the
 * time before it started, and nothing of another month: what leaves the trail,
 * leaves by months, and takes along what its records refer to.  And it
 * remembers for a minute only: whoever damages a row shall not have damaged
 * what is yet to come.
 */
#include "audit/store_form.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audit/part_cache.h"
#include "util/bytea.h"

/* Whose parts are remembered, by what they say. */
static CsecPartCache *said = NULL;
static Oid	said_in = InvalidOid;
static int64 said_since = 0;

#define REMEMBERED_US (60 * USECS_PER_SEC)

/* Both forms of a record, while it is stored. */
static uint8 *scratch = NULL;
static Size scratch_size = 0;

static void
prepare(Oid leaf, int64 now, Size size)
{
	if (said == NULL)
		said = MemoryContextAlloc(TopMemoryContext, sizeof(CsecPartCache));
	if (said_in != leaf || now < said_since || now - said_since > REMEMBERED_US)
	{
		csec_part_cache_clear(said);
		said_in = leaf;
		said_since = now;
	}
	if (scratch_size < size)
	{
		if (scratch != NULL)
			pfree(scratch);
		scratch = NULL;
		scratch_size = 0;
		scratch = MemoryContextAlloc(TopMemoryContext, size);
		scratch_size = size;
	}
}

static unsigned
slot_of(const CsecPart *part)
{
	return hash_bytes(part->data, (int) part->len) % CSEC_PART_SLOTS;
}

/* The part of a record, and which earlier one has it. */
static bool
find_part(const CsecHeader *header, const CsecBody *body, CsecPartKind kind,
		  uint8 *out, CsecPart *part)
{
	CsecPartSlot *slot;
	unsigned	at;

	part->data = out;
	part->len = (uint32) csec_part_put(header, body, kind, out);
	if (part->len == 0)
		return false;
	at = slot_of(part);
	slot = &said->slot[kind][at];
	part->base = slot->seq != 0 && header->seq - slot->seq <= CSEC_PART_REACH &&
		slot->len == part->len &&
		memcmp(said->data[kind][at], part->data, part->len) == 0 ? slot->seq : 0;
	return true;
}

/* A form is as good as what comes out of it. */
static bool
comes_out(const uint8 *form, size_t len, const CsecPart *part, bytea *record, uint8 *out)
{
	CsecStored	stored;

	if (!csec_short_get(form, len, &stored))
		return false;
	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		if (stored.part[kind].base == 0)
			continue;
		stored.part[kind].data = part[kind].data;
		stored.part[kind].len = part[kind].len;
	}
	return csec_whole_size(&stored) == VARSIZE(record) - VARHDRSZ &&
		csec_whole_put(&stored, out) == VARSIZE(record) - VARHDRSZ &&
		memcmp(out, VARDATA(record), VARSIZE(record) - VARHDRSZ) == 0;
}

bytea *
csec_store_form(Oid leaf, bytea *record, const CsecBody *body)
{
	static uint8 bytes[CSEC_PARTS][CSEC_PART_MAX];
	Size		size = VARSIZE(record) - VARHDRSZ;
	CsecPart	part[CSEC_PARTS];
	CsecHeader	header;
	size_t		len;

	if (!csec_header_get((uint8 *) VARDATA(record), size, &header) ||
		!csec_may_be_short(&header, body))
		return record;
	prepare(leaf, header.sealed_at, 2 * size + CSEC_SHORT_OVERHEAD);
	for (int kind = 0; kind < CSEC_PARTS; kind++)
		if (!find_part(&header, body, kind, bytes[kind], &part[kind]))
			return record;
	len = csec_short_put(&header, body, part, scratch);
	if (!comes_out(scratch, len, part, record, scratch + size + CSEC_SHORT_OVERHEAD))
		return record;
	for (int kind = 0; kind < CSEC_PARTS; kind++)
		if (part[kind].base == 0)
			csec_part_keep(said, kind, slot_of(&part[kind]), header.seq,
						   part[kind].data, part[kind].len);
	return csec_bytea(scratch, len);
}
