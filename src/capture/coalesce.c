/*
 * coalesce.c
 *		Tells reads that only repeat one on record as a number.
 *
 * A screen that asks for the same customer every second makes 3,600 equal
 * records an hour.  Where a table's policy allows it (csec.set_coalescing), the
 * first of them goes on record as ever, and those that follow within the time
 * of the policy and differ in nothing but their moment are counted: same
 * session, identity, actor, reason, ticket, table, command, columns with their
 * decisions, rows and subjects.  When the time is over the session emits one
 * more record of the same fields with how many they were, and from when to
 * when.  The first record says for how long it may stand for others, so the
 * trail itself tells what it does not tell one by one.
 *
 * Only reads of general fields, and of columns that are not classified: none
 * that has to be durable before its rows leave, none that a permit showed, none
 * that compared a classified column with a value (each of these is a guess of
 * its own), and none of parallel workers.
 *
 * The numbers wait in the session's memory.  A session that ends, in whatever
 * way but the death of its process, emits them; one that is idle does so with
 * its next statement.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xlog.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "audit/emit.h"
#include "capture/coalesce.h"
#include "capture/columns.h"
#include "crypto/hash.h"
#include "util/bytes.h"
#include "util/clock.h"

/* Different reads of one session that are waited for at once. */
#define PLACES 64

/* A longer record is not kept, and its repeats are records. */
#define RECORD_MAX 2048

/* Of the field that tells the number, with its tag and length. */
#define REPEATS_ROOM (2 + CSEC_VARINT_MAX + 16)

typedef struct Repeated
{
	uint8		digest[CSEC_SHA256_SIZE];
	int64		until_ms;		/* on csec_clock_ms(); 0: the place is free */
	uint64		count;			/* repeats since the record */
	TimestampTz first;			/* of them */
	TimestampTz last;
	size_t		len;
	uint8		record[RECORD_MAX];
} Repeated;

static Repeated *places = NULL;
static int64 next_due = PG_INT64_MAX;	/* no number is due before */

int
csec_repeats_within(const CsecTable *table, Bitmapset *selected, Bitmapset *conditions)
{
	if (likely(table->repeats_within == 0) ||
		csec_columns_above_general(table, selected) ||
		csec_columns_touch_fields(table, conditions))
		return 0;
	return table->repeats_within;
}

/*
 * The session ends, perhaps by FATAL.  Its transaction has been aborted by
 * then, so that no lock is held that the WAL needs; it is still in shared memory.
 */
static void
at_exit(int code, Datum arg)
{
	next_due = 0;
	for (int i = 0; i < PLACES; i++)
		places[i].until_ms = Min(places[i].until_ms, 1);
	csec_repeats_emit_due();
}

void
csec_repeats_prepare(void)
{
	if (likely(places != NULL))
		return;
	places = MemoryContextAllocZero(TopMemoryContext, PLACES * sizeof(Repeated));
	on_shmem_exit(at_exit, (Datum) 0);
}

static bool
add(const void *data, size_t len)
{
	uint8		head[4];

	csec_put_u32(head, (uint32) len);
	return csec_sha256_add(head, sizeof(head)) && csec_sha256_add(data, len);
}

/* Two reads are alike if their records differ in these fields only. */
static bool
digest_record(const uint8 *record, size_t len, uint8 *digest)
{
	CsecBody	body;

	if (!csec_body_get(record, len, &body) || (body.flags & CSEC_BODY_PIECE) != 0 ||
		!csec_sha256_begin())
		return false;
	for (int tag = 0; tag <= CSEC_TAG_LAST; tag++)
		if (tag != CSEC_TAG_START_LSN && tag != CSEC_TAG_STATEMENT_NO &&
			!add(body.field[tag].data, body.field[tag].len))
			return false;
	return csec_sha256_end(digest);
}

/* Emit the number of a place, if there is one, and free it. */
static void
release(Repeated *place)
{
	uint8		repeats[CSEC_VARINT_MAX + 16];
	size_t		len;

	if (place->until_ms != 0 && place->count > 0)
	{
		csec_record_again(place->record, place->len);
		len = csec_put_varint(repeats, place->count);
		csec_put_u64(repeats + len, (uint64) place->first);
		csec_put_u64(repeats + len + 8, (uint64) place->last);
		csec_record_bytes(CSEC_TAG_REPEATS, repeats, len + 16);
		(void) csec_record_emit();
	}
	place->until_ms = 0;
	place->count = 0;
}

static Repeated *
find(const uint8 *digest)
{
	for (int i = 0; i < PLACES; i++)
		if (places[i].until_ms != 0 && memcmp(places[i].digest, digest, CSEC_SHA256_SIZE) == 0)
			return &places[i];
	return NULL;
}

/*
 * A free place, or the oldest of those that have no number to tell: none of
 * those that have is given up for what may never have one.
 */
static Repeated *
place_for_new(void)
{
	Repeated   *oldest = NULL;

	for (int i = 0; i < PLACES; i++)
		if (places[i].count == 0 && (oldest == NULL || places[i].until_ms < oldest->until_ms))
			oldest = &places[i];
	return oldest;
}

/* Wait for repeats of the record that is about to be emitted, and say in it for how long. */
static void
keep(const uint8 *record, size_t len, const uint8 *digest, int within)
{
	Repeated   *place = place_for_new();
	int64		until_ms = csec_clock_ms() + within;

	if (place == NULL)
		return;
	csec_record_varint(CSEC_TAG_WITHIN, (uint64) within);
	memcpy(place->digest, digest, CSEC_SHA256_SIZE);
	memcpy(place->record, record, len);
	place->len = len;
	place->until_ms = until_ms;
	next_due = Min(next_due, until_ms);
}

bool
csec_is_repeat(int within)
{
	uint8		digest[CSEC_SHA256_SIZE];
	size_t		len;
	const uint8 *record = csec_record_built(&len);
	Repeated   *place;

	/* what is due was emitted before this record was begun */
	if (len + REPEATS_ROOM > RECORD_MAX || !digest_record(record, len, digest))
		return false;
	place = find(digest);
	if (place == NULL)
	{
		keep(record, len, digest, within);
		return false;
	}
	place->last = (TimestampTz) csec_get_u64(record + 24);
	if (place->count++ == 0)
		place->first = place->last;
	return true;
}

void
csec_repeats_emit_due(void)
{
	int64		now;

	if (likely(next_due == PG_INT64_MAX) || RecoveryInProgress())
		return;
	now = csec_clock_ms();
	if (now < next_due)
		return;
	next_due = PG_INT64_MAX;
	for (int i = 0; i < PLACES; i++)
	{
		if (places[i].until_ms != 0 && places[i].until_ms <= now)
			release(&places[i]);
		if (places[i].until_ms != 0)
			next_due = Min(next_due, places[i].until_ms);
	}
}
