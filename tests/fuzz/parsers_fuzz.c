/*
 * parsers_fuzz.c
 *		Everything that csec_verify parses, and login tokens, on any bytes: libFuzzer.
 *
 * The first byte chooses the parser, the rest is its input.  Nothing may be
 * read or written out of bounds, and what is accepted must be written back the
 * same, where there is a writer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/checkpoint.h"
#include "audit/columns.h"
#include "audit/record.h"
#include "policy/token.h"
#include "types/envelope.h"
#include "verify/bundle_format.h"
#include "verify/copy_row.h"
#include "verify/notes_file.h"
#include "verify/proofs_file.h"

static void
demand(bool it)
{
	if (!it)
		abort();
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
	if (csec_body_get(in + CSEC_HEADER_SIZE, header.body_len, &body))
		demand(csec_columns_derive(&body, &columns));
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

static void (*const target[]) (const uint8_t *, size_t) = {
	fuzz_record, fuzz_body, fuzz_run, fuzz_manifest, fuzz_copy, fuzz_notes,
	fuzz_checkpoint, fuzz_lines, fuzz_envelope, fuzz_token, fuzz_json
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
