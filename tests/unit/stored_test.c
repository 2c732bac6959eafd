/*-------------------------------------------------------------------------
 * stored_test.c
 *		The short form of a record: what comes out of it is what went in.
 *
 *	sources: audit/stored.c audit/part_cache.c audit/record.c
 *
 * Without this, a record could be lost in the form in which it is stored, get
 * its person from a record that is not the one it refers to, or lead whoever
 * puts it together out of the buffer.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/part_cache.h"
#include "util/bytes.h"

static CsecPartCache cache;
static char problem[CSEC_PARTS_PROBLEM];

typedef struct Record
{
	uint8_t		bytes[8192];
	size_t		len;
	CsecHeader	header;
	CsecBody	body;
} Record;

static void
add(Record *record, int tag, const void *data, size_t len)
{
	uint8_t    *p = record->bytes + record->len;

	*p++ = (uint8_t) tag;
	p += csec_put_varint(p, len);
	memcpy(p, data, len);
	record->len = (size_t) (p + len - record->bytes);
}

static void
begin(Record *record, uint64_t seq, uint8_t kind)
{
	uint8_t    *body = record->bytes + CSEC_HEADER_SIZE;

	memset(record, 0, sizeof(*record));
	body[0] = CSEC_FORMAT_VERSION;
	body[1] = kind;
	csec_put_u16(body + 2, CSEC_BODY_STRICT);
	csec_put_u64(body + 4, 800000000000000);
	csec_put_u32(body + 12, 4711);
	csec_put_u64(body + 16, seq);
	csec_put_u64(body + 24, 800000000000123);
	record->len = CSEC_HEADER_SIZE + CSEC_BODY_FIXED_SIZE;
	record->header.kind = kind;
	record->header.seq = seq;
}

/* The header, at a time of sealing. */
static void
end(Record *record, int64_t sealed_at)
{
	record->header.outcome = record->header.kind == CSEC_KIND_CHANGE ? CSEC_OUTCOME_COMMITTED : CSEC_OUTCOME_NONE;
	record->header.sealed_at = sealed_at;
	record->header.lsn = 0x16B3748;
	record->header.timeline = 3;
	record->header.body_len = (uint32_t) (record->len - CSEC_HEADER_SIZE);
	csec_header_put(record->bytes, &record->header);
	ok(csec_header_get(record->bytes, record->len, &record->header) &&
	   csec_body_get(record->bytes + CSEC_HEADER_SIZE, record->header.body_len, &record->body),
	   "record %llu is one", (unsigned long long) record->header.seq);
}

static void
make_record(Record *record, uint64_t seq, uint8_t kind, const char *login, const char *actor)
{
	uint8_t		u32[4] = {0, 0, 1, 2};
	uint8_t		one = 1;

	begin(record, seq, kind);
	add(record, CSEC_TAG_LOGIN, login, strlen(login));
	add(record, CSEC_TAG_APPLICATION, "shop", 4);
	if (actor != NULL)
		add(record, CSEC_TAG_ACTOR, actor, strlen(actor));
	add(record, CSEC_TAG_XID, u32, 4);
	add(record, CSEC_TAG_RELID, u32, 4);
	add(record, CSEC_TAG_RELATION, "public.customer", 15);
	add(record, CSEC_TAG_STATEMENT_NO, "\x07", 1);
	add(record, CSEC_TAG_STATUS, &one, 1);
	add(record, CSEC_TAG_ROWS, &one, 1);
	add(record, CSEC_TAG_COLUMNS, "\x03\x02id", 4);
	add(record, CSEC_TAG_SUBJECTS, "\x01\x01\x02\x00", 4);
	add(record, CSEC_TAG_WITHIN, "\x0a", 1);
	end(record, 800000000200000);
}

/* In short form; the parts are those of these records (0: its own). */
static size_t
shorten(const Record *record, uint64_t session, uint64_t statement, uint8_t *out)
{
	static uint8_t bytes[CSEC_PARTS][CSEC_PART_MAX];
	CsecPart	part[CSEC_PARTS] = {{.base = session}, {.base = statement}};

	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		part[kind].len = (uint32_t) csec_part_put(&record->header, &record->body, kind, bytes[kind]);
		part[kind].data = bytes[kind];
	}
	return csec_short_put(&record->header, &record->body, part, out);
}

static const uint8_t *fetched;
static size_t fetched_len;
static int	fetches;

static bool
fetch(void *arg, CsecPartKind kind, uint64_t seq, int64_t sealed_at)
{
	fetches++;
	return fetched != NULL && csec_part_take(&cache, kind, seq, fetched, fetched_len);
}

static bool
comes_out(const uint8_t *in, size_t len, const Record *record)
{
	static uint8_t whole[8192];
	CsecStored	stored;

	return csec_parts_open(&cache, in, len, &stored, fetch, NULL, problem) &&
		csec_whole_size(&stored) == record->len &&
		csec_parts_whole(&stored, whole, problem) == record->len &&
		memcmp(whole, record->bytes, record->len) == 0;
}

static void
round_trips(void)
{
	Record		first;
	Record		second;
	uint8_t		a[8192];
	uint8_t		b[8192];
	size_t		alen;
	size_t		blen;
	CsecStored	stored;

	csec_part_cache_clear(&cache);
	make_record(&first, 41, CSEC_KIND_READ, "clerk", NULL);
	make_record(&second, 42, CSEC_KIND_READ, "clerk", "web user 7");
	alen = shorten(&first, 0, 0, a);
	blen = shorten(&second, 41, 41, b);
	ok(csec_may_be_short(&first.header, &first.body), "a read may be short");
	ok(csec_is_short(a, alen) && !csec_is_short(first.bytes, first.len), "a short form shows that it is one");
	ok(comes_out(a, alen, &first), "with parts of its own it comes out");
	ok(blen < 70 && blen < alen, "without them it is short: %zu bytes", blen);

	fetched = NULL;
	ok(!csec_parts_open(&cache, b, blen, &stored, fetch, NULL, problem), "what it refers to is not there");
	is(problem, "record 41, with which it has a part in common, is missing or altered", "it is named");
	fetched = a;
	fetched_len = alen;
	fetches = 0;
	ok(comes_out(b, blen, &second) && fetches == 2, "it is fetched, and all comes out");
	ok(comes_out(b, blen, &second) && fetches == 2, "and not fetched again");

	/* one of another number, one that refers further itself, a whole one */
	csec_part_cache_clear(&cache);
	make_record(&second, 43, CSEC_KIND_READ, "clerk", NULL);
	fetched_len = shorten(&second, 0, 0, a);
	ok(!comes_out(b, blen, &second), "a record of another number is not taken for it");
	make_record(&first, 41, CSEC_KIND_READ, "clerk", NULL);
	fetched_len = shorten(&first, 40, 40, a);
	ok(!comes_out(b, blen, &second), "one that has not got the part itself neither");
	fetched = first.bytes;
	fetched_len = first.len;
	make_record(&second, 42, CSEC_KIND_READ, "clerk", "web user 7");
	ok(comes_out(b, blen, &second), "a whole record has its parts as well");
	first.header.seq = 40;
	csec_header_put(first.bytes, &first.header);
	csec_part_cache_clear(&cache);
	ok(!comes_out(b, blen, &second), "if it is the one that was asked for");
	make_record(&first, 41, CSEC_KIND_READ, "clerk", NULL);
	csec_parts_keep_own(&cache, first.bytes, first.len);
	csec_parts_keep_own(&cache, a, shorten(&first, 40, 40, a));
	ok(cache.slot[0][41].seq == 0 && cache.slot[1][41].seq == 0, "of neither is anything kept");
	csec_parts_keep_own(&cache, a, shorten(&first, 40, 0, a));
	ok(cache.slot[CSEC_PART_SESSION][41].seq == 0 && cache.slot[CSEC_PART_STATEMENT][41].seq == 41,
	   "of a record that has one part itself that one is kept");
}

/* A base that is too far away, and one that lies behind. */
static void
reach(void)
{
	Record		record;
	uint8_t		a[8192];
	CsecStored	stored;

	make_record(&record, 100000, CSEC_KIND_READ, "clerk", NULL);
	ok(csec_short_get(a, shorten(&record, 100000 - CSEC_PART_REACH, 99999, a), &stored) &&
	   stored.part[0].base == 100000 - CSEC_PART_REACH && stored.part[1].base == 99999, "the farthest and the nearest");
	ok(!csec_short_get(a, shorten(&record, 100000 - CSEC_PART_REACH - 1, 99999, a), &stored), "one too far away");
	ok(!csec_short_get(a, shorten(&record, 100000, 99999, a), &stored), "itself");
	ok(!csec_short_get(a, shorten(&record, 100001, 99999, a), &stored), "one behind it");
	make_record(&record, 2, CSEC_KIND_READ, "clerk", NULL);
	ok(!csec_short_get(a, shorten(&record, (uint64_t) -1, 1, a), &stored), "one before the first");
}

static void
what_stands_whole(void)
{
	Record		record;
	char		names[CSEC_PART_MAX];
	uint8_t		part[CSEC_PART_MAX];
	uint8_t		form[8192];

	make_record(&record, 5, CSEC_KIND_CHANGE, "clerk", NULL);
	ok(csec_may_be_short(&record.header, &record.body), "a change may be short");
	record.body.flags |= CSEC_BODY_PARTIAL;
	ok(!csec_may_be_short(&record.header, &record.body), "a piece of a read or change stands whole");
	ok(!comes_out(form, shorten(&record, 0, 0, form), &record), "... and comes out of no short form");
	make_record(&record, 6, CSEC_KIND_CONTROL, "clerk", NULL);
	ok(!csec_may_be_short(&record.header, &record.body), "and so does a control record");
	ok(!comes_out(form, shorten(&record, 0, 0, form), &record), "... nor does that");
	memset(names, 'x', sizeof(names));
	begin(&record, 7, CSEC_KIND_READ);
	add(&record, CSEC_TAG_RELATION, names, sizeof(names) - 7);
	end(&record, 800000000200000);
	ok(csec_part_put(&record.header, &record.body, CSEC_PART_STATEMENT, part) == 1023, "a part just has room");
	begin(&record, 8, CSEC_KIND_READ);
	add(&record, CSEC_TAG_RELATION, names, sizeof(names) - 5);
	end(&record, 800000000200000);
	ok(csec_part_put(&record.header, &record.body, CSEC_PART_STATEMENT, part) == 0, "or none");
	ok(csec_part_put(&record.header, &record.body, CSEC_PART_SESSION, part) == 16, "a session without any field");
}

/* Numbers at their ends: as clocks, counters and logs may have them. */
static void
extremes(void)
{
	static const int64_t times[] = {0, INT64_MAX, INT64_MIN, -1, 800000000000000};
	Record		record;
	uint8_t		a[8192];

	csec_part_cache_clear(&cache);
	for (int i = 0; i < 25; i++)
	{
		uint64_t	seq = i % 2 == 0 ? 1 : INT64_MAX;

		make_record(&record, seq, i % 3 == 0 ? CSEC_KIND_READ : CSEC_KIND_CHANGE, "x", "y");
		csec_put_u64(record.bytes + CSEC_HEADER_SIZE + 24, (uint64_t) times[i / 5]);
		record.header.lsn = i % 2 == 0 ? UINT64_MAX : 0;
		record.header.sealed_at = times[i % 5];
		csec_header_put(record.bytes, &record.header);
		ok(csec_header_get(record.bytes, record.len, &record.header) &&
		   csec_body_get(record.bytes + CSEC_HEADER_SIZE, record.header.body_len, &record.body) &&
		   comes_out(a, shorten(&record, 0, 0, a), &record),
		   "sealed at %lld what happened at %lld", (long long) times[i % 5], (long long) times[i / 5]);
	}
}

/* Bytes of any kind are refused, or come out as something: nothing is read beyond them. */
static void
damage(void)
{
	Record		record;
	uint8_t		a[8192];
	size_t		len;
	int			refused = 0;

	unit_seed();
	csec_part_cache_clear(&cache);
	make_record(&record, 41, CSEC_KIND_READ, "clerk", "web user 7");
	fetched = NULL;
	len = shorten(&record, 0, 0, a);
	for (int i = 0; i < 20000; i++)
	{
		size_t		cut = i < (int) len ? (size_t) i : len;
		uint8_t    *copy = malloc(cut + 1);
		CsecStored	stored;

		memcpy(copy, a, cut);
		if (cut == len)
			copy[unit_below((unsigned) len)] = (uint8_t) unit_random();
		if (!csec_parts_open(&cache, copy, cut, &stored, fetch, NULL, problem))
			refused++;
		else
		{
			size_t		size = csec_whole_size(&stored);
			uint8_t    *whole = malloc(size);
			size_t		put = csec_whole_put(&stored, whole);

			if (put != 0 && put != size)
				break;
			refused += put == 0;
			free(whole);
		}
		free(copy);
	}
	ok(refused > (int) len / 2, "%d of 20000 damaged forms refused", refused);
}

int
main(void)
{
	round_trips();
	reach();
	what_stands_whole();
	extremes();
	damage();
	return unit_done();
}
