/*-------------------------------------------------------------------------
 * record_test.c
 *		Records are taken apart strictly, whatever the bytes.
 *
 *	sources: audit/record.c audit/columns.c audit/chain.c crypto/hash.c crypto/mac.c util/secure_block.c
 *	libs: -lcrypto
 *
 * Without this, two byte strings could mean one record, and bytes from a file
 * that somebody edited could lead the parser out of its buffer.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/chain.h"
#include "audit/columns.h"
#include "audit/record.h"
#include "util/bytes.h"

#define MAX 4096

/* A body in the making. */
static uint8_t body[MAX];
static size_t len;

static void
begin(uint8_t kind)
{
	memset(body, 0, sizeof(body));
	body[0] = 1;
	body[1] = kind;
	csec_put_u64(body + 4, 700000000000000);
	csec_put_u32(body + 12, 4711);
	csec_put_u64(body + 16, 7);
	csec_put_u64(body + 24, 700000000000001);
	len = CSEC_BODY_FIXED_SIZE;
}

static void
add(uint8_t tag, const void *data, size_t n)
{
	body[len++] = tag;
	len += csec_put_varint(body + len, n);
	memcpy(body + len, data, n);
	len += n;
}

/* Parse a copy that ends where the bytes end, so that ASan sees a step beyond. */
static bool
parses(const uint8_t *bytes, size_t n)
{
	uint8_t    *copy = malloc(n > 0 ? n : 1);
	CsecBody	out;
	bool		good;

	memcpy(copy, bytes, n);
	good = csec_body_get(copy, n, &out);
	if (good)
	{
		CsecColumns columns;

		csec_columns_derive(&out, &columns);
	}
	free(copy);
	return good;
}

static void
fields(void)
{
	static const struct
	{
		uint8_t		tag;
		size_t		size;
	}			fixed[] = {
		{CSEC_TAG_START_LSN, 8}, {CSEC_TAG_XID, 4}, {CSEC_TAG_RELID, 4},
		{CSEC_TAG_STATUS, 1}, {CSEC_TAG_EXACTNESS, 1}, {CSEC_TAG_FROM_LSN, 8},
		{CSEC_TAG_TO_LSN, 8}, {CSEC_TAG_OUTCOME, 1}, {CSEC_TAG_LEADER, 12}
	};
	static const uint8_t zeros[16];

	begin(CSEC_KIND_READ);
	ok(parses(body, len), "a body without fields");
	for (size_t n = 0; n < len; n++)
		if (parses(body, n))
			ok(false, "a body of %zu bytes", n);
	body[0] = 2;
	ok(!parses(body, len), "another version");
	for (int kind = 0; kind < 256; kind++)
	{
		begin((uint8_t) kind);
		if (parses(body, len) != (kind >= 1 && kind <= CSEC_KIND_LAST))
			ok(false, "kind %d", kind);
	}
	begin(CSEC_KIND_READ);
	csec_put_u64(body + 16, 0);
	ok(!parses(body, len), "a record without a number");

	for (int tag = 0; tag < 256; tag++)
	{
		begin(CSEC_KIND_READ);
		add((uint8_t) tag, "\1", 1);
		if (tag > CSEC_TAG_LAST && parses(body, len))
			ok(false, "tag %d", tag);
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		for (size_t n = 0; n <= 16; n++)
		{
			begin(CSEC_KIND_READ);
			add(fixed[i].tag, zeros, n);
			if (parses(body, len) != (n == fixed[i].size))
				ok(false, "tag %d with %zu bytes", fixed[i].tag, n);
		}
	ok(true, "fields of fixed size have that size");

	begin(CSEC_KIND_READ);
	add(CSEC_TAG_REASON, "a", 1);
	add(CSEC_TAG_ACTOR, "b", 1);
	ok(!parses(body, len), "fields out of order");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_PERSON, "p1", 2);
	add(CSEC_TAG_LOGIN, "pool", 4);
	ok(parses(body, len), "a person before the login");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_LOGIN, "pool", 4);
	add(CSEC_TAG_PERSON, "p1", 2);
	ok(!parses(body, len), "  and nowhere else");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_ACTOR, "a", 1);
	add(CSEC_TAG_ACTOR, "b", 1);
	ok(!parses(body, len), "a field twice");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_ACTOR, "abc", 3);
	ok(parses(body, len) && !parses(body, len - 1), "a field that ends early");
	begin(CSEC_KIND_READ);
	memcpy(body + len, "\7\x81\x00" "b", 4);
	ok(!parses(body, len + 4), "a length longer than it need be");
	begin(CSEC_KIND_READ);
	memcpy(body + len, "\7\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	ok(!parses(body, len + 11), "a length of 2^64 - 1");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_ROWS, "\x80\x00", 2);
	ok(!parses(body, len), "a number longer than it need be");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_COLUMNS, "\3\5phone\0\2id", 11);
	ok(parses(body, len) && !parses(body, len - 1), "columns");
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_PROBED, "\5phone\2id\3x", 11);
	ok(!parses(body, len), "names that end early");
}

/* ---- subjects ---- */

/* low, high, … of ascending ranges, as a backend writes them */
static size_t
put_ranges(uint8_t *out, int n, const int64_t *ends)
{
	size_t		used = 1;
	int64_t		high = 0;

	out[0] = CSEC_SUBJECTS_RANGES;
	used += csec_put_varint(out + used, (uint64_t) n);
	for (int i = 0; i < n; i++)
	{
		used += csec_put_varint(out + used,
								csec_zigzag((int64_t) ((uint64_t) ends[2 * i] - (uint64_t) high)));
		used += csec_put_varint(out + used,
								(uint64_t) ends[2 * i + 1] - (uint64_t) ends[2 * i]);
		high = ends[2 * i + 1];
	}
	return used;
}

static bool
ranges_survive(int n, const int64_t *ends)
{
	uint8_t		bytes[512];
	size_t		size = put_ranges(bytes, n, ends);
	CsecSubjectsReader reader;
	int64_t		low;
	int64_t		high;

	begin(CSEC_KIND_READ);
	add(CSEC_TAG_SUBJECTS, bytes, size);
	if (!parses(body, len) ||
		!csec_subjects_open((CsecField) {bytes, (uint32_t) size}, &reader))
		return false;
	for (int i = 0; i < n; i++)
		if (!csec_subjects_next_range(&reader, &low, &high) ||
			low != ends[2 * i] || high != ends[2 * i + 1])
			return false;
	return !csec_subjects_next_range(&reader, &low, &high) &&
		reader.left == 0 && reader.p == reader.end;
}

static void
derive(const uint8_t *subjects, size_t size, CsecColumns *columns)
{
	CsecBody	parsed;

	begin(CSEC_KIND_READ);
	add(CSEC_TAG_SUBJECTS, subjects, size);
	if (!csec_body_get(body, len, &parsed) || !csec_columns_derive(&parsed, columns))
		ok(false, "subjects of %zu bytes", size);
}

static void
subjects(void)
{
	static const int64_t all[] = {INT64_MIN, INT64_MAX};
	static const int64_t ends[] = {INT64_MIN, INT64_MIN, INT64_MAX, INT64_MAX};
	static const int64_t some[] = {-7, -7, -5, 3, 42, 42, 100, 102};
	static const int64_t touching[] = {1, 2, 3, 4};
	static const int64_t backwards[] = {5, 6, 1, 2};
	int64_t		pair[] = {1, 64};
	uint8_t		bytes[MAX];
	size_t		size;
	CsecColumns columns;

	ok(ranges_survive(0, NULL), "no ranges");
	ok(ranges_survive(1, all), "the whole of bigint");
	ok(ranges_survive(2, ends), "its two ends");
	ok(ranges_survive(4, some), "some ranges");
	ok(!ranges_survive(2, touching), "ranges that touch");
	ok(!ranges_survive(2, backwards), "ranges that descend");

	size = put_ranges(bytes, 4, some);
	for (size_t n = 0; n < size; n++)
	{
		begin(CSEC_KIND_READ);
		add(CSEC_TAG_SUBJECTS, bytes, n);
		if (parses(body, len))
			ok(false, "ranges cut to %zu bytes", n);
	}
	bytes[size] = 0;
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_SUBJECTS, bytes, size + 1);
	ok(!parses(body, len), "ranges with a byte to spare");
	for (int form = 0; form < 256; form++)
	{
		bytes[0] = (uint8_t) form;
		begin(CSEC_KIND_READ);
		add(CSEC_TAG_SUBJECTS, bytes, 1);
		if (parses(body, len) != (form == CSEC_SUBJECTS_ALL))
			ok(false, "form %d alone", form);
	}

	derive(bytes, put_ranges(bytes, 4, some), &columns);
	ok(columns.shape == CSEC_SHAPE_FEW && columns.count == 14 &&
	   columns.key[0] == -7 && columns.key[13] == 102, "a few keys");
	derive(bytes, put_ranges(bytes, 1, pair), &columns);
	ok(columns.shape == CSEC_SHAPE_FEW && columns.count == 64, "64 keys are few");
	pair[1] = 65;
	derive(bytes, put_ranges(bytes, 1, pair), &columns);
	ok(columns.shape == CSEC_SHAPE_MANY, "65 keys are many");
	derive(bytes, put_ranges(bytes, 1, all), &columns);
	ok(columns.shape == CSEC_SHAPE_MANY, "all of bigint is many");
	pair[0] = pair[1] = INT64_MAX;
	derive(bytes, put_ranges(bytes, 1, pair), &columns);
	ok(columns.shape == CSEC_SHAPE_ONE && columns.key[0] == INT64_MAX, "the last number");
	derive((const uint8_t *) "\2\3\1a\1b\1a", 8, &columns);
	ok(columns.shape == CSEC_SHAPE_FEW && columns.count == 2, "texts, one of them twice");
	derive((const uint8_t *) "\2\1\3abc", 6, &columns);
	/* the beginning of SHA-256("abc"), FIPS 180-4 */
	ok(columns.shape == CSEC_SHAPE_ONE &&
	   columns.key[0] == (int64_t) UINT64_C(0xba7816bf8f01cfea), "the key of a text");
	derive((const uint8_t *) "\3", 1, &columns);
	ok(columns.shape == CSEC_SHAPE_ALL, "all");
}

/* ---- headers, the chain ---- */

static void
headers(void)
{
	CsecHeader	header = {
		.kind = CSEC_KIND_CHANGE, .outcome = CSEC_OUTCOME_OPEN, .seq = 1001,
		.sealed_at = -5, .lsn = UINT64_C(0xfedcba9876543210), .timeline = 3, .body_len = 40
	};
	CsecHeader	again;
	uint8_t		record[CSEC_HEADER_SIZE + 40] = {0};

	csec_header_put(record, &header);
	ok(csec_header_get(record, sizeof(record), &again) &&
	   again.kind == header.kind && again.outcome == header.outcome && again.seq == header.seq &&
	   again.sealed_at == header.sealed_at && again.lsn == header.lsn &&
	   again.timeline == header.timeline && again.body_len == header.body_len, "a header survives");
	ok(!csec_header_get(record, sizeof(record) - 1, &again), "a body that is shorter than said");
	ok(!csec_header_get(record, CSEC_HEADER_SIZE - 1, &again), "half a header");
	for (int at = 0; at < 4; at++)
	{
		csec_header_put(record, &header);
		record[at] = 99;
		ok(!csec_header_get(record, sizeof(record), &again), "an unknown byte %d", at);
	}
}

static void
chain(void)
{
	/* SHA-256 of 32 zero bytes and "abc", by another program (sha256sum) */
	static const uint8_t expected[] = {
		0x36, 0x5a, 0xa7, 0xd8, 0xf7, 0xf9, 0x40, 0x2c
	};
	uint8_t		hash[CSEC_HASH_SIZE];

	ok(csec_chain_hash(csec_chain_start, (const uint8_t *) "abc", 3, hash) &&
	   memcmp(hash, expected, sizeof(expected)) == 0, "the first link");
}

/* Sound bodies, bent at random: none is read beyond its end. */
static void
random_bytes(void)
{
	static const int64_t some[] = {-7, -7, -5, 3, 42, 42, 100, 102};
	uint8_t		bytes[256];
	uint8_t		bent[MAX];
	int			accepted = 0;

	unit_seed();
	begin(CSEC_KIND_READ);
	add(CSEC_TAG_LOGIN, "clerk", 5);
	add(CSEC_TAG_XID, "\0\0\1\2", 4);
	add(CSEC_TAG_RELID, "\0\0\1\2", 4);
	add(CSEC_TAG_ROWS, "\xac\2", 2);
	add(CSEC_TAG_COLUMNS, "\3\5phone\0\2id", 11);
	add(CSEC_TAG_SUBJECTS, bytes, put_ranges(bytes, 4, some));
	for (int i = 0; i < 200000; i++)
	{
		size_t		n = unit_below(8) == 0 ? unit_below((unsigned) len + 1) : len;

		memcpy(bent, body, len);
		for (unsigned k = 1 + unit_below(4); k > 0; k--)
			bent[unit_below((unsigned) len)] = (uint8_t) unit_random();
		accepted += parses(bent, n);
	}
	ok(accepted > 0 && accepted < 200000, "bent at random: %d of 200000 accepted, none read beyond its end", accepted);
}

int
main(void)
{
	fields();
	subjects();
	headers();
	chain();
	random_bytes();
	return unit_done();
}
