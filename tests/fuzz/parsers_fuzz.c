/*
 * parsers_fuzz.c
 *		Everything that parses bytes from outside, on any bytes: libFuzzer.
 *
 * The first byte chooses the parser, the rest is its input.  Nothing may be
 * read or written out of bounds, and what is accepted must be written back the
 * same, where there is a writer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/change_row.h"
#include "audit/checkpoint.h"
#include "audit/columns.h"
#include "audit/cut_check.h"
#include "audit/merkle.h"
#include "audit/record.h"
#include "audit/stored.h"
#include "crypto/timestamp.h"
#include "keys/key_text.h"
#include "policy/check.h"
#include "policy/mask.h"
#include "policy/token.h"
#include "sealer/sealing_file.h"
#include "types/envelope.h"
#include "types/search_form.h"
#include "util/utf8.h"
#include "verify/bundle_format.h"
#include "verify/copy_row.h"
#include "verify/key_list.h"
#include "verify/notes_file.h"
#include "verify/proofs_file.h"

static void
demand(bool it)
{
	if (!it)
		abort();
}

/* A record that may stand there in short form comes out of it, byte by byte. */
static void
demand_short(const uint8_t *in, size_t len, const CsecHeader *header, const CsecBody *body)
{
	uint8_t		bytes[CSEC_PARTS][CSEC_PART_MAX];
	CsecPart	part[CSEC_PARTS];
	CsecStored	stored;
	uint8_t    *form;
	uint8_t    *whole;

	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		part[kind].base = 0;
		part[kind].data = bytes[kind];
		part[kind].len = (uint32_t) csec_part_put(header, body, (CsecPartKind) kind, bytes[kind]);
		if (part[kind].len == 0)
			return;
	}
	form = malloc(len + CSEC_SHORT_OVERHEAD);
	whole = malloc(len);
	demand(csec_short_get(form, csec_short_put(header, body, part, form), &stored) &&
		   csec_whole_size(&stored) == len && csec_whole_put(&stored, whole) == len &&
		   memcmp(whole, in, len) == 0);
	free(form);
	free(whole);
}

static void
fuzz_record(const uint8_t *in, size_t len)
{
	CsecHeader	header;
	CsecBody	body;
	CsecColumns columns;
	uint8_t		again[CSEC_HEADER_SIZE];

	if (!csec_header_get(in, len, &header))
		return;
	csec_header_put(again, &header);
	demand(memcmp(again, in, CSEC_HEADER_SIZE) == 0);
	if (!csec_body_get(in + CSEC_HEADER_SIZE, header.body_len, &body))
		return;
	demand(csec_columns_derive(&body, &columns));
	if (csec_may_be_short(&header, &body))
		demand_short(in, len, &header, &body);
}

/* What is stored of a record; parts that others have are made up. */
static void
fuzz_stored(const uint8_t *in, size_t len)
{
	static const uint8_t made_up[CSEC_PARTS][24] = {
		{0, 0, 0, 1, 0, 2, 0xef, 5, 0x94, 0x93, 0xa4, 0, 0, 0, 0x12, 0x67, CSEC_TAG_LOGIN, 5, 'c', 'l', 'e', 'r', 'k'},
		{CSEC_KIND_READ, 0, 0, CSEC_TAG_RELID, 4, 0, 0, 0x40, 1}
	};
	static const uint32_t size[CSEC_PARTS] = {23, 9};
	CsecStored	stored;
	uint8_t    *whole;
	size_t		n;

	if (!csec_short_get(in, len, &stored))
		return;
	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		if (stored.part[kind].base == 0)
			continue;
		demand(stored.part[kind].base < stored.seq);
		stored.part[kind].data = made_up[kind];
		stored.part[kind].len = size[kind];
	}
	whole = malloc(csec_whole_size(&stored));
	n = csec_whole_put(&stored, whole);
	demand(n == 0 || n == csec_whole_size(&stored));
	if (n > 0)
		fuzz_record(whole, n);
	free(whole);
}

static void
fuzz_body(const uint8_t *in, size_t len)
{
	CsecBody	body;
	CsecColumns columns;

	if (csec_body_get(in, len, &body))
		demand(csec_columns_derive(&body, &columns));
}

static void
fuzz_run(const uint8_t *in, size_t len)
{
	CsecRun		run;
	CsecRunReader reader;
	const uint8_t *record;
	const uint8_t *hash;
	uint32_t	record_len;
	uint8_t		again[CSEC_RUN_HEADER_SIZE];

	if (len < CSEC_RUN_HEADER_SIZE || !csec_run_get(in, &run))
		return;
	csec_run_put(again, &run);
	demand(memcmp(again, in, CSEC_RUN_HEADER_SIZE) == 0);
	if (run.bytes > len - CSEC_RUN_HEADER_SIZE)
		return;
	csec_run_open(&reader, &run, in + CSEC_RUN_HEADER_SIZE);
	while (csec_run_next(&reader, &record, &record_len, &hash))
		demand(record + record_len == hash && hash + CSEC_HASH_SIZE <= in + len);
}

static void
fuzz_manifest(const uint8_t *in, size_t len)
{
	CsecManifest manifest;
	char	   *again;

	if (csec_manifest_get((const char *) in, len, &manifest) != NULL)
		return;
	again = malloc(CSEC_MANIFEST_MAX + 1);
	demand(csec_manifest_put(again, CSEC_MANIFEST_MAX + 1, &manifest) == len &&
		   memcmp(again, in, len) == 0);
	free(again);
}

static void
fuzz_copy(const uint8_t *in, size_t len)
{
	CsecDatum	field[9];

	for (int first = 0; first < 2; first++)
		if (csec_copy_row(in, len, first, field, 9) == CSEC_COPY_ROW)
			for (int i = 0; i < 9; i++)
				demand(field[i].data == NULL || field[i].data + field[i].len <= in + len);
}

static void
fuzz_notes(const uint8_t *in, size_t len)
{
	CsecNotes	notes;
	CsecNote	note;
	CsecCheckpoint checkpoint;
	CsecSignedNote parts;
	CsecSignatureLine line;

	csec_notes_open(&notes, in, len);
	while (csec_notes_next(&notes, &note))
	{
		const uint8_t *token;
		size_t		size;

		for (const uint8_t *p = note.timestamps;
			 csec_notes_stamp(&p, note.timestamps + note.timestamps_len, &token, &size);)
			demand(token + size <= in + len);
		(void) csec_checkpoint_open(note.note, note.len, &checkpoint);
		if (!csec_note_split(note.note, note.len, &parts))
			continue;
		(void) csec_checkpoint_get(parts.text, parts.text_len, &checkpoint);
		for (const uint8_t *p = parts.signatures;
			 p < parts.signatures + parts.signatures_len;)
			if (!csec_note_line(&p, parts.signatures + parts.signatures_len, &line))
				break;
	}
}

static void
fuzz_checkpoint(const uint8_t *in, size_t len)
{
	CsecCheckpoint checkpoint;
	char		again[CSEC_CHECKPOINT_TEXT];

	if (csec_checkpoint_get(in, len, &checkpoint))
		demand(csec_checkpoint_put(&checkpoint, again) == len &&
			   memcmp(again, in, len) == 0);
}

static void
fuzz_lines(const uint8_t *in, size_t len)
{
	CsecProof	proof;
	CsecVerifierKey key;
	uint64_t	seq;
	char		again[CSEC_PROOF_LINE + 2];

	if (csec_proof_line_get((const char *) in, len, &seq, &proof))
		demand(csec_proof_line_put(again, seq, &proof) == len + 1 &&
			   memcmp(again, in, len) == 0);
	(void) csec_tree_line_get((const char *) in, len, &seq);
	(void) csec_vkey_get((const char *) in, len, &key);
}

static void
fuzz_envelope(const uint8_t *in, size_t len)
{
	CsecEnvelope envelope;

	(void) csec_envelope_parse(in, len, &envelope);
}

/* A token, and the claims of one as they are when decoded. */
static void
fuzz_token(const uint8_t *in, size_t len)
{
	CsecToken	token;

	if (csec_token_parse(in, len, &token) == NULL)
		demand(token.kid[0] != '\0' && token.subject[0] != '\0' && token.signed_len < len);
}

static void
fuzz_json(const uint8_t *in, size_t len)
{
	CsecJsonMember member[CSEC_JSON_MEMBERS];
	int			n = csec_json_object(in, len, member);
	int64_t		number;

	for (int i = 0; i < n; i++)
	{
		demand(member[i].value.data >= in && member[i].value.data + member[i].value.len <= in + len);
		(void) csec_json_names(&member[i].value, "bank");
		(void) csec_json_integer(&member[i].value, &number);
	}
}

static void
demand_within(CsecField field, const uint8_t *in, size_t len)
{
	demand(field.data == NULL || (field.data >= in && field.data + field.len <= in + len));
}

/* An envelope whose header stands elsewhere in the record. */
static void
fuzz_trail_envelope(const CsecTrailEnvelope *in, const uint8_t *record, size_t len)
{
	uint8_t		header[CSEC_TRAIL_HEADER_MAX];
	CsecEnvelope whole;

	csec_trail_envelope_whole(in, header, &whole);
	demand(whole.headerlen == in->headerlen && whole.headerlen <= sizeof(header));
	demand_within((CsecField) {in->header, (uint32_t) in->headerlen}, record, len);
	demand_within((CsecField) {whole.cipher, (uint32_t) (whole.len + CSEC_AEAD_TAG)}, record, len);
}

/* The changed rows of a record. */
static void
fuzz_changes(const uint8_t *in, size_t len)
{
	CsecChangeReader reader;
	CsecChangeRow row;
	CsecChangeValue value;
	CsecChangeName *names;
	bool		malformed;

	if (!csec_changes_open((CsecField) {in, (uint32_t) len}, &reader))
		return;
	names = calloc(reader.ncolumns + 1, sizeof(CsecChangeName));
	csec_changes_names(&reader, names);
	while (csec_changes_next_row(&reader, &row, &malformed))
	{
		demand_within(row.subject, in, len);
		while (row.told > 0 && csec_changes_next_value(&reader, names, &row, &value))
		{
			demand(value.column < reader.ncolumns);
			for (int i = 0; i < 2; i++)
			{
				const CsecChangeSide *side = i == 0 ? &value.before : &value.after;

				demand_within(side->value, in, len);
				demand_within(side->digest, in, len);
				if (side->envelope.header != NULL)
					fuzz_trail_envelope(&side->envelope, in, len);
			}
		}
		if (row.told > 0)
			break;
	}
	free(names);
}

/* A time stamp, and the certificates of an authority. */
static void
fuzz_timestamp(const uint8_t *in, size_t len)
{
	int64_t		time;

	demand(csec_timestamp_judge(in, len, "csec\n", 5, NULL, 0, &time) != CSEC_STAMP_GOOD);
	(void) csec_certificates_valid((const char *) in, len);
}

/* Keys: of a provider, of an auditor, of the sealer. */
static void
fuzz_keys(const uint8_t *in, size_t len)
{
	static CsecAead *aead = NULL;
	uint8_t		key[CSEC_ROOT_KEY_SIZE] = {0};
	uint8_t		seed[2][CSEC_ED25519_SEED];
	uint8_t		nonce[2][CSEC_AEAD_NONCE];
	uint8_t		again[CSEC_SEALING_FILE_MAX];
	char		text[CSEC_KEY_TEXT + 1];
	CsecKeyList list = {0};
	int			count;

	if (aead == NULL)
		aead = csec_aead_create(CSEC_SUITE_AES_256_GCM, key);
	if (csec_key_text_get((const char *) in, len, key))
	{
		csec_key_text_put(text, key);
		demand(strncasecmp(text, (const char *) in, len) == 0);
	}
	(void) csec_keys_parse(&list, (const char *) in, len);
	free(list.key);
	count = csec_sealing_file_get(in, len, aead, "name", seed);
	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
		memcpy(nonce[i], in + CSEC_SEALING_HEAD + i * CSEC_SEALING_ENTRY, CSEC_AEAD_NONCE);
	demand(csec_sealing_file_put(again, aead, "name", count, seed, nonce) == len &&
		   memcmp(again, in, len) == 0);
}

static bool
is_utf8(const uint8_t *in, size_t len)
{
	uint32_t	c;
	int			n;

	for (const uint8_t *p = in; p < in + len; p += n)
		if ((n = csec_utf8_decode(p, in + len, &c)) == 0)
			return false;
	return true;
}

/* What a user stores. */
static void
fuzz_value(const uint8_t *in, size_t len)
{
	const char *text = (const char *) in;
	char		mask[CSEC_MASK_MAX];
	char	   *form = malloc(len + 1);

	for (int kind = 0; kind <= CSEC_MASK_KINDS; kind++)
	{
		size_t		n = csec_mask_apply((CsecMaskKind) kind, text, len, mask, sizeof(mask));

		demand(n > 0 && n <= CSEC_MASK_MAX && csec_mask_shaped(mask, n));
		(void) csec_mask_shaped_as((CsecMaskKind) kind, text, len);
	}
	for (int kind = 0; kind <= CSEC_CHECK_KINDS; kind++)
		(void) csec_check_reason(csec_check_on((CsecCheckKind) kind, text, len, 20261122));
	for (int utf8 = 0; utf8 < 2; utf8++)
	{
		size_t		n = csec_search_form(text, len, utf8, form);

		demand(n <= len);
		/* what is in its form already stays as it is (left out of no UTF-8, bytes can meet) */
		if (n > sizeof(mask) || (utf8 && !is_utf8(in, len)))
			continue;
		memcpy(mask, form, n);
		demand(csec_search_form(mask, n, utf8, form) == n && memcmp(mask, form, n) == 0);
	}
	free(form);
}

/* The anchor of a cut, and the records that order one, with it in them. */
static void
fuzz_anchor(const uint8_t *in, size_t len)
{
	CsecCut		cut;
	CsecCutCheck check;
	CsecTreePeaks peaks;
	CsecHeader	header = {.seq = UINT64_C(1) << 62};
	CsecBody	body = {.kind = CSEC_KIND_CUT};
	uint8_t    *again;

	body.field[CSEC_TAG_PAYLOAD] = body.field[CSEC_TAG_DETAIL] =
		body.field[CSEC_TAG_LOGIN] = (CsecField) {in, (uint32_t) len};
	body.field[CSEC_TAG_OBJECT] = (CsecField) {(const uint8_t *) CSEC_CUT_OBJECT, strlen(CSEC_CUT_OBJECT)};
	body.field[CSEC_TAG_ACTION] = (CsecField) {(const uint8_t *) CSEC_CUT_APPROVED, strlen(CSEC_CUT_APPROVED)};
	demand(csec_cut_check_begin(&check, in, 0));
	(void) csec_cut_check_record(&check, &header, &body);
	body.kind = CSEC_KIND_CONTROL;
	demand(csec_cut_check_record(&check, &header, &body) == NULL);
	if (!csec_cut_get(in, len, &cut))
	{
		demand(!csec_cut_check_begin(&check, in, len) || len == 0);
		return;
	}
	demand(csec_cut_check_begin(&check, in, len) && csec_cut_size(&cut) == len);
	again = malloc(len);
	csec_cut_put(again, &cut);
	demand(memcmp(again, in, len) == 0);
	free(again);
	csec_cut_peaks(&cut, &peaks);
	for (uint32_t i = 0; i < cut.sessions; i++)
	{
		int64_t		started;
		uint32_t	pid;
		uint64_t	number;
		bool		before_gap;

		csec_cut_session(&cut, i, &started, &pid, &number, &before_gap);
	}
}

/* Leaves of a made-up tree: each is its number. */
static bool
made_up(void *arg, int height, uint64_t index, uint8_t *out)
{
	uint8_t		half[2][CSEC_TREE_HASH];

	if (height == 0)
	{
		memset(out, 0, CSEC_TREE_HASH);
		memcpy(out, &index, sizeof(index));
		return true;
	}
	return made_up(arg, height - 1, 2 * index, half[0]) &&
		made_up(arg, height - 1, 2 * index + 1, half[1]) &&
		csec_tree_node(half[0], half[1], out);
}

/* What proves one thing proves no other: a proof of a small tree, then bent by the input. */
static void
bend_proof(uint64_t a, uint64_t b, const uint8_t *in, size_t len)
{
	uint64_t	size = 1 + a % 20;
	uint64_t	leaf = b % size;
	CsecProof	inclusion;
	CsecProof	consistency;
	uint8_t		hash[3][CSEC_TREE_HASH];

	demand(made_up(NULL, 0, leaf, hash[0]) && csec_tree_root(size, made_up, NULL, hash[1]) &&
		   csec_tree_root(leaf + 1, made_up, NULL, hash[2]) &&
		   csec_tree_inclusion(leaf, size, made_up, NULL, &inclusion) &&
		   csec_tree_consistency(leaf + 1, size, made_up, NULL, &consistency));
	demand(csec_tree_verify_inclusion(leaf, size, hash[0], &inclusion, hash[1]) &&
		   csec_tree_verify_consistency(leaf + 1, size, hash[2], hash[1], &consistency));
	if (len < 3 || in[1] == 0)
		return;
	if (inclusion.count > 0)
	{
		inclusion.hash[in[0] % inclusion.count][in[2] % CSEC_TREE_HASH] ^= in[1];
		demand(!csec_tree_verify_inclusion(leaf, size, hash[0], &inclusion, hash[1]));
	}
	if (consistency.count > 0)
	{
		consistency.hash[in[0] % consistency.count][in[2] % CSEC_TREE_HASH] ^= in[1];
		demand(!csec_tree_verify_consistency(leaf + 1, size, hash[2], hash[1], &consistency));
	}
}

/* Proofs of the tree: numbers, two hashes, and the proof's. */
static void
fuzz_proof(const uint8_t *in, size_t len)
{
	CsecProof	proof;
	CsecTreePeaks peaks;
	uint64_t	number[2];
	uint8_t		hash[2][CSEC_TREE_HASH];
	uint8_t		zero[CSEC_TREE_HASH] = {0};

	if (len < sizeof(number) + sizeof(hash))
		return;
	memcpy(number, in, sizeof(number));
	memcpy(hash, in + sizeof(number), sizeof(hash));
	in += sizeof(number) + sizeof(hash);
	len -= sizeof(number) + sizeof(hash);
	bend_proof(number[0], number[1], in, len);
	for (proof.count = 0; proof.count < CSEC_PROOF_MAX && len >= CSEC_TREE_HASH; proof.count++)
	{
		memcpy(proof.hash[proof.count], in, CSEC_TREE_HASH);
		in += CSEC_TREE_HASH;
		len -= CSEC_TREE_HASH;
	}
	/* nobody finds what hashes to zeroes */
	demand(!csec_tree_verify_inclusion(number[0], number[1], hash[0], &proof, zero) ||
		   memcmp(hash[0], zero, CSEC_TREE_HASH) == 0);
	(void) csec_tree_verify_consistency(number[0], number[1], hash[0], hash[1], &proof);
	if (csec_tree_proof_peaks(number[1], hash[0], &proof, &peaks))
		demand(peaks.size == number[1]);
}

static void (*const target[]) (const uint8_t *, size_t) = {
	fuzz_record, fuzz_body, fuzz_run, fuzz_manifest, fuzz_copy, fuzz_notes,
	fuzz_checkpoint, fuzz_lines, fuzz_envelope, fuzz_token, fuzz_json,
	fuzz_changes, fuzz_timestamp, fuzz_keys, fuzz_value, fuzz_anchor,
	fuzz_proof, fuzz_stored
};

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t    *copy;

	if (size == 0)
		return 0;
	/* of exactly its size, so that one byte too far is seen */
	copy = malloc(size - 1);
	memcpy(copy, data + 1, size - 1);
	target[data[0] % (sizeof(target) / sizeof(target[0]))] (copy, size - 1);
	free(copy);
	return 0;
}
