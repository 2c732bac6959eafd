/*-------------------------------------------------------------------------
 * verify_test.c
 *		csec_verify's own parts: were they wrong, a sound trail would be
 *		called tampered with, or the reverse.
 *
 *	sources: verify/bundle_format.c verify/finding.c verify/notes_file.c verify/proofs_file.c verify/session_book.c verify/tree_range.c audit/cut.c audit/merkle.c crypto/hash.c
 *	libs: -lcrypto
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/merkle.h"
#include "verify/bundle_format.h"
#include "verify/notes_file.h"
#include "verify/proofs_file.h"
#include "verify/session_book.h"
#include "verify/tree_range.h"

/* ---- the tree, in pieces ---- */

static void
record_hash(uint64_t n, uint8_t *hash)
{
	memset(hash, 0, CSEC_HASH_SIZE);
	memcpy(hash, &n, sizeof(n));
}

static void
whole_root(uint64_t size, uint8_t *root)
{
	CsecTreePeaks peaks = {0};
	uint8_t		hash[CSEC_HASH_SIZE];
	uint8_t		leaf[CSEC_HASH_SIZE];

	for (uint64_t i = 0; i < size; i++)
	{
		record_hash(i, hash);
		csec_tree_leaf(hash, leaf);
		csec_tree_append(&peaks, leaf);
	}
	csec_tree_peaks_root(&peaks, root);
}

static void
test_pieces(void)
{
	int			same = 0;

	for (int round = 0; round < 300; round++)
	{
		uint64_t	size = 1 + unit_below(400);
		CsecTreeRange tree;
		uint8_t		want[CSEC_HASH_SIZE];
		uint8_t		got[CSEC_HASH_SIZE];
		uint8_t		hash[CSEC_HASH_SIZE];

		csec_range_begin(&tree, 0);
		while (tree.end < size)
		{
			CsecTreeRange piece;
			uint64_t	end = tree.end + 1 + unit_below((unsigned) (size - tree.end));

			csec_range_begin(&piece, tree.end);
			while (piece.end < end)
			{
				record_hash(piece.end, hash);
				csec_range_add(&piece, hash);
			}
			if (!csec_range_join(&tree, &piece))
				break;
		}
		whole_root(size, want);
		same += csec_range_root(&tree, got) && memcmp(got, want, sizeof(got)) == 0;
	}
	ok(same == 300, "a tree joined from pieces has the root of the whole (%d of 300)", same);
}

static void
test_places(void)
{
	CsecTreeRange one;
	CsecTreeRange other;
	uint8_t		hash[CSEC_HASH_SIZE] = {0};

	csec_range_begin(&one, 0);
	csec_range_add(&one, hash);
	csec_range_begin(&other, 2);
	csec_range_add(&other, hash);
	ok(!csec_range_join(&one, &other), "pieces that do not touch are not joined");
	ok(!csec_range_root(&other, hash), "a piece that does not begin with the first leaf has no root");
	ok(!csec_range_add_node(&one, 1, hash), "a subtree stands only where it can begin");
}

/* ---- numbers within sessions ---- */

typedef struct Entry
{
	int			kind;
	int64_t		started;
	uint64_t	number;
} Entry;

/* In one book, and in books of every size joined: the same verdict. */
static void
sessions_are(const Entry *entry, int count, const char *want, const char *name)
{
	for (int width = 1; width <= count; width++)
	{
		CsecSessionBook all;
		CsecSessionBook piece;
		CsecFinding finding = {0};
		char		got[64] = "sound";

		csec_sessions_init(&all);
		csec_sessions_init(&piece);
		for (int i = 0; i < count && finding.problem == NULL; i++)
		{
			CsecHeader	header = {.seq = (uint64_t) i + 1, .sealed_at = 100 + i};
			CsecBody	body = {.kind = (uint8_t) entry[i].kind,
				.session_start = entry[i].started, .session_pid = 7,
			.number = entry[i].number};

			csec_sessions_add(&piece, &header, &body, &finding);
			if ((i + 1) % width == 0 || i + 1 == count || finding.problem != NULL)
			{
				csec_sessions_join(&all, &piece, &finding);
				csec_sessions_clear(&piece);
			}
		}
		if (finding.problem != NULL)
			snprintf(got, sizeof(got), "%s %d", finding.problem, (int) finding.seq);
		csec_sessions_free(&all);
		csec_sessions_free(&piece);
		if (strcmp(got, want) != 0 || width == count)
		{
			is(got, want, name);
			break;
		}
	}
}

#define READ CSEC_KIND_READ
#define GAP CSEC_KIND_GAP
#define GENESIS CSEC_KIND_GENESIS
#define SESSIONS_ARE(want, name, ...) \
	do { \
		static const Entry entry[] = {__VA_ARGS__}; \
		sessions_are(entry, (int) (sizeof(entry) / sizeof(entry[0])), want, name); \
	} while (0)

static void
test_sessions(void)
{
	SESSIONS_ARE("sound", "two sessions side by side",
				 {READ, 1000, 1}, {READ, 1001, 1}, {READ, 1000, 2}, {READ, 1001, 2}, {READ, 1000, 3});
	SESSIONS_ARE("session_gap 4", "a hole",
				 {READ, 1000, 1}, {READ, 1001, 1}, {READ, 1000, 2}, {READ, 1001, 3}, {READ, 1000, 3});
	SESSIONS_ARE("session_gap 3", "a repeat", {READ, 1000, 1}, {READ, 1000, 2}, {READ, 1000, 2});
	SESSIONS_ARE("session_gap 2", "a session that does not begin with 1",
				 {GENESIS, 50, 1}, {READ, 1000, 2});
	SESSIONS_ARE("sound", "a session older than the trail", {GENESIS, 50, 1}, {READ, 10, 5}, {READ, 10, 6});
	SESSIONS_ARE("sound", "a hole across a gap",
				 {READ, 1000, 1}, {GAP, 2000, 1}, {READ, 1000, 5}, {READ, 1000, 6});
	SESSIONS_ARE("session_gap 5", "a second hole after a gap",
				 {READ, 1000, 1}, {GAP, 2000, 1}, {READ, 1000, 5}, {READ, 1000, 6}, {READ, 1000, 8});
	SESSIONS_ARE("session_gap 3", "a gap excuses no repeat",
				 {READ, 1000, 1}, {GAP, 2000, 1}, {READ, 1000, 1});
}

/* ---- lines and notes ---- */

static void
test_notes(void)
{
	static const char text[] = "note 5\nfirst" "cosignatures 3\nsig" "timestamps 11\n\0\0\0\3DER\0\0\0\0" "note 3\nxyz";
	const uint8_t *p;
	const uint8_t *token;
	size_t		size;
	CsecNotes	notes;
	CsecNote	note;

	csec_notes_open(&notes, (const uint8_t *) text, sizeof(text) - 1);
	ok(csec_notes_next(&notes, &note) && note.len == 5 && note.cosignatures_len == 3,
	   "a note and its cosignatures");
	p = note.timestamps;
	ok(note.timestamps_len == 11 && csec_notes_stamp(&p, p + 11, &token, &size) &&
	   size == 3 && memcmp(token, "DER", 3) == 0 &&
	   csec_notes_stamp(&p, p + 4, &token, &size) && size == 0, "  and its time stamps");
	p = note.timestamps;
	ok(!csec_notes_stamp(&p, p + 6, &token, &size) && !csec_notes_stamp(&p, p + 3, &token, &size),
	   "  of which none is longer than there is");
	ok(csec_notes_next(&notes, &note) && note.len == 3 && note.cosignatures_len + note.timestamps_len == 0,
	   "a note without");
	ok(!csec_notes_next(&notes, &note) && notes.p == notes.end, "and the end");
	csec_notes_open(&notes, (const uint8_t *) "bare\n", 5);
	ok(csec_notes_next(&notes, &note) && note.len == 5, "a bare note");
	csec_notes_open(&notes, (const uint8_t *) "note 3\nxyznote 99\nx", 19);
	ok(csec_notes_next(&notes, &note) && !csec_notes_next(&notes, &note) && notes.p != notes.end,
	   "a note longer than its file is no note");
}

static void
test_manifest(void)
{
	CsecManifest manifest = {.system = 7, .records = 3};
	char		text[CSEC_MANIFEST_MAX];
	size_t		len;
	int			accepted = 0;

	snprintf(manifest.reason, sizeof(manifest.reason), "two\nlines: x");
	len = csec_manifest_put(text, sizeof(text), &manifest);
	ok(len > 0 && csec_manifest_get(text, len, &manifest) == NULL, "a manifest is read as written");
	is(manifest.reason, "two?lines: x", "a line feed in a text ends no line");
	for (size_t cut = 0; cut < len; cut++)
		accepted += csec_manifest_get(text, cut, &manifest) == NULL;
	ok(accepted == 0, "cut anywhere it is no manifest");
	ok(csec_manifest_put(text, 100, &manifest) == 0, "one that does not fit is not written");
}

static void
test_runs(void)
{
	CsecRun		run = {.first = 5, .count = 2, .bytes = 80};
	uint8_t		bytes[CSEC_RUN_HEADER_SIZE];

	csec_run_put(bytes, &run);
	ok(csec_run_get(bytes, &run) && run.first == 5 && run.count == 2, "a run is read as written");
	run.count = 3;
	csec_run_put(bytes, &run);
	ok(!csec_run_get(bytes, &run), "a run has no more records than fit");
	run = (CsecRun) {.first = INT64_MAX, .count = 1, .bytes = 80};
	csec_run_put(bytes, &run);
	ok(!csec_run_get(bytes, &run), "its numbers do not go beyond what numbers can");
	run = (CsecRun) {.first = 1, .count = 1, .bytes = CSEC_RUN_MAX + 1};
	csec_run_put(bytes, &run);
	ok(!csec_run_get(bytes, &run), "it is no longer than it may be");
}

int
main(void)
{
	unit_seed();
	test_pieces();
	test_places();
	test_sessions();
	test_notes();
	test_manifest();
	test_runs();
	return unit_done();
}
