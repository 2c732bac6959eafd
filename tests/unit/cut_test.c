/*-------------------------------------------------------------------------
 * cut_test.c
 *		The anchor of a cut, and who must have ordered it.
 *
 *	sources: audit/cut.c audit/cut_check.c audit/merkle.c audit/record.c crypto/hash.c
 *	libs: -lcrypto
 *
 * Without this, a trail could begin with an anchor that nobody approved, or
 * with bytes that two programs take for two different anchors.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/cut_check.h"
#include "crypto/hash.h"
#include "util/bytes.h"

#define ROOM 4096
#define DAY (INT64_C(24) * 60 * 60 * 1000000)

static uint8_t hashes[64 * CSEC_TREE_HASH];
static uint8_t sessions[2 * CSEC_CUT_SESSION_SIZE];

static CsecField
text(const char *string)
{
	return (CsecField) {(const uint8_t *) string, (uint32_t) strlen(string)};
}

/* Of five records, so with two hashes; two sessions, one key. */
static CsecCut
example(void)
{
	CsecCut		cut = {.order = 7, .first = 1, .last = 5, .first_at = -1, .last_at = 2, .bound = 3,
		.subject_rows = 9, .epoch = 3, .size = 8, .hash = hashes, .before = hashes + 32,
		.gaps_until = -4, .requested_by = text("anna"), .approved_by = text("bert"),
		.reason = text("three years"), .edge = hashes + 64, .session = sessions, .sessions = 2,
	.key = hashes + 128, .keys = 1};

	for (size_t i = 0; i < sizeof(hashes); i++)
		hashes[i] = (uint8_t) (i * 7);
	csec_put_u64(sessions, 5);
	csec_put_u32(sessions + 8, 100);
	csec_put_u64(sessions + 12, 4);
	csec_put_u64(sessions + 20, 5);
	csec_put_u32(sessions + 28, 101);
	csec_put_u64(sessions + 32, 6 | CSEC_CUT_BEFORE_GAP);
	return cut;
}

static void
check_bytes(void)
{
	CsecCut		cut = example();
	CsecCut		got;
	size_t		len = csec_cut_size(&cut);
	uint8_t		bytes[ROOM];
	uint8_t		again[ROOM];
	int			accepted = 0;
	int64_t		started;
	uint32_t	pid;
	uint64_t	number;
	bool		before_gap;

	csec_cut_put(bytes, &cut);
	ok(csec_cut_get(bytes, len, &got) && csec_cut_size(&got) == len, "an anchor is read");
	csec_cut_put(again, &got);
	ok(memcmp(bytes, again, len) == 0, "and written back the same");
	ok(got.order == 7 && got.last == 5 && got.first_at == -1 && got.gaps_until == -4 &&
	   got.reason.len == 11 && got.sessions == 2 && got.keys == 1, "with what it says");
	csec_cut_session(&got, 1, &started, &pid, &number, &before_gap);
	ok(started == 5 && pid == 101 && number == 6 && before_gap, "a session behind a gap");
	for (size_t n = 0; n < len; n++)
	{
		uint8_t    *exact = malloc(n > 0 ? n : 1);	/* so that one byte too far is seen */

		memcpy(exact, bytes, n);
		accepted += csec_cut_get(exact, n, &got);
		free(exact);
	}
	ok(accepted == 0, "cut short anywhere it is none");
	bytes[len] = 0;
	ok(!csec_cut_get(bytes, len + 1, &got), "nor with a byte more");
	ok(csec_cut_edges(5) == 2 && csec_cut_edges(0) == 0 && csec_cut_edges(UINT64_MAX) == 64,
	   "a hash for each bit of the number");
}

/* An example with one number changed is refused, without a byte read too far. */
static void
is_refused(size_t at, int width, uint64_t value, const char *name)
{
	CsecCut		cut = example();
	CsecCut		got;
	size_t		len = csec_cut_size(&cut);
	uint8_t    *bytes = malloc(len);

	csec_cut_put(bytes, &cut);
	for (int i = 0; i < width; i++)
		bytes[at + i] = (uint8_t) (value >> 8 * (width - 1 - i));
	ok(!csec_cut_get(bytes, len, &got), "%s", name);
	free(bytes);
}

static void
check_refused(void)
{
	CsecCut		cut = example();
	size_t		lists = csec_cut_size(&cut) - 34 - sizeof(sessions) - 4;

	is_refused(0, 4, 0x43534132, "another version");
	is_refused(12, 8, 0, "a first record 0");
	is_refused(12, 8, 6, "a first record behind the last");
	is_refused(20, 8, 4, "a last record with other hashes");
	is_refused(20, 8, UINT64_C(1) << 62, "a last record out of all bounds");
	is_refused(68, 8, 4, "a checkpoint over less than left");
	is_refused(148, 2, 0xffff, "a text longer than there are bytes");
	is_refused(148, 2, CSEC_CUT_TEXT_MAX + 1, "a text longer than one may be");
	is_refused(lists, 4, UINT32_MAX, "more sessions than there are bytes");
	is_refused(lists, 4, 1, "a session less");
	is_refused(lists + 4, 8, 6, "sessions in another order");
	is_refused(lists + 4 + 8, 4, 101, "a session twice");
	is_refused(lists + 4 + sizeof(sessions), 2, 0xffff, "more keys than there are bytes");
}

/* ---- who ordered it ---- */

static CsecCutCheck check;
static uint8_t anchor[ROOM];
static size_t anchor_len;

static const char *
step(const char *action, int order, const char *login, const uint8_t *of)
{
	char		detail[256];
	char		hex[2 * CSEC_HASH_SIZE + 1] = "";
	uint8_t		digest[CSEC_HASH_SIZE];
	CsecHeader	header = {.seq = 6, .sealed_at = DAY};
	CsecBody	body = {.kind = CSEC_KIND_CONTROL};

	csec_sha256(of, anchor_len, digest);
	for (int i = 0; i < CSEC_HASH_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	/* as jsonb writes it; a reason that looks like something else is quoted */
	snprintf(detail, sizeof(detail), "{\"order\": %d, \"anchor\": \"%s\", \"reason\": \"\\\"order\\\": 8\"}", order, hex);
	body.field[CSEC_TAG_OBJECT] = text("trail");
	body.field[CSEC_TAG_ACTION] = text(action);
	body.field[CSEC_TAG_LOGIN] = text(login);
	body.field[CSEC_TAG_DETAIL] = text(detail);
	return csec_cut_check_record(&check, &header, &body);
}

static const char *
carried_out(uint64_t seq, int64_t at)
{
	CsecHeader	header = {.seq = seq, .sealed_at = at};
	CsecBody	body = {.kind = CSEC_KIND_CUT};
	const char *problem;

	body.field[CSEC_TAG_PAYLOAD] = (CsecField) {anchor, (uint32_t) anchor_len};
	problem = csec_cut_check_record(&check, &header, &body);
	return problem != NULL ? problem : "fine";
}

/* The look begins at the anchor, or where records of long ago are. */
static void
begin(bool at_anchor)
{
	CsecHeader	header = {.seq = 1, .sealed_at = 0};
	CsecBody	body = {.kind = CSEC_KIND_CONTROL};

	csec_cut_check_begin(&check, anchor, at_anchor ? anchor_len : 0);
	csec_cut_check_record(&check, &header, &body);
}

static void
check_order(bool at_anchor)
{
	uint8_t		other[ROOM];
	int64_t		at = at_anchor ? DAY : 9 * DAY;

	memcpy(other, anchor, anchor_len);
	other[anchor_len - 1] ^= 1;

	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	step("cut approved", 7, "bert", anchor);
	is(carried_out(9, at), "fine", "proposed by one, approved by another");
	is(carried_out(10, at), at_anchor ? "cut_forged" : "fine", "a second time only where the look has not begun with it");

	begin(at_anchor);
	is(carried_out(9, at), "cut_unapproved", "nobody");
	begin(at_anchor);
	step("cut approved", 7, "bert", anchor);
	is(carried_out(9, at), "cut_unapproved", "approved, and never proposed");
	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	is(carried_out(9, at), "cut_unapproved", "proposed, and never approved");
	step("cut rejected", 7, "bert", anchor);
	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	step("cut rejected", 7, "bert", anchor);
	is(carried_out(9, at), "cut_unapproved", "rejected");
	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	step("cut approved", 7, "anna", anchor);
	is(carried_out(9, at), "cut_unapproved", "both by one login");
	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	step("cut approved", 7, "bert", other);
	is(carried_out(9, at), "cut_unapproved", "another anchor was approved");
	begin(at_anchor);
	step("cut proposed", 8, "anna", anchor);
	step("cut approved", 8, "bert", anchor);
	is(carried_out(9, at), "cut_unapproved", "another order");
	begin(at_anchor);
	step("cut proposed", 7, "anna", anchor);
	step("cut approved", 7, "bert", anchor);
	is(carried_out(5, at), "cut_forged", "a cut of the record that tells it");
}

static void
check_others(void)
{
	uint8_t		later[ROOM];
	CsecCut		cut = example();
	size_t		len = anchor_len;

	/* the look begins behind an earlier cut than the one on record */
	cut.last = 6;				/* as many hashes */
	csec_cut_put(later, &cut);
	csec_cut_check_begin(&check, anchor, anchor_len);
	memcpy(anchor, later, len);
	step("cut proposed", 7, "anna", anchor);
	step("cut approved", 7, "bert", anchor);
	is(carried_out(9, DAY), "cut_forged", "a later cut is on record than the one that is seen");
	ok(!csec_cut_check_begin(&check, later, len - 1), "no look begins with what is no anchor");

	/* of an old cut, whose order left with the next one */
	cut = example();
	csec_cut_put(anchor, &cut);
	csec_cut_check_begin(&check, anchor, 0);
	is(carried_out(9, 8 * DAY), "fine", "steps of a cut in the first days may have left");
	begin(false);
	is(carried_out(9, 8 * DAY + 1), "cut_unapproved", "later ones may not");
}

int
main(void)
{
	CsecCut		cut = example();

	anchor_len = csec_cut_size(&cut);
	csec_cut_put(anchor, &cut);
	check_bytes();
	check_refused();
	check_order(true);
	check_order(false);
	check_others();
	return unit_done();
}
