/*
 * export.c
 *		What of a trail goes into evidence.                             [FE]
 *
 * The act is on record before the first record leaves, and what has left is
 * on record with its digest afterwards.  A checkpoint is asked for first, so
 * that everything up to now is under one.
 */
#include "postgres_fe.h"

#include "audit/chain.h"
#include "util/bytes.h"
#include "verify/checkpoints.h"
#include "verify/export.h"
#include "verify/finding.h"
#include "verify/live_tables.h"
#include "verify/progress.h"
#include "verify/proofs_file.h"

#define PROOFS_AT_A_TIME 500

/* ---- the selection ---- */

static void
add_text(char *text, const char *label, const char *value)
{
	size_t		used = strlen(text);

	if (value != NULL)
		snprintf(text + used, CSEC_MANIFEST_TEXT - used, "%s%s %s",
				 used > 0 ? ", " : "", label, value);
}

static bool
is_number(const char *when)
{
	return when != NULL && *when != '\0' && strspn(when, "0123456789") == strlen(when);
}

static void
describe(CsecExport *export)
{
	const CsecSelection *selection = export->selection;
	char	   *text = export->selection_text;

	add_text(text, "table", selection->table);
	add_text(text, "subject", selection->subject);
	add_text(text, "person", selection->person);
	add_text(text, is_number(selection->since) ? "from record" : "from", selection->since);
	add_text(text, is_number(selection->until) ? "to record" : "before", selection->until);
	export->all = text[0] == '\0';
	if (export->all)
		add_text(text, "all", "");
	if (export->all)
		text[strlen("all")] = '\0';
	if (strlen(text) >= CSEC_MANIFEST_TEXT - 1)
		csec_fail("the selection is described by too long a text");
}

static void
copy_text(char *out, const char *value)
{
	if (strlen(value) >= CSEC_MANIFEST_TEXT)
		csec_fail("a text for the manifest is too long");
	memcpy(out, value, strlen(value) + 1);
}

/*
 * The table as the user means it, by his own search_path; everything else is
 * done with that of csec_connect().
 */
static void
find_table(CsecExport *export)
{
	const char *params[1] = {export->selection->table};
	PGresult   *result;

	if (params[0] == NULL)
		return;
	csec_run(export->conn, "RESET search_path");
	result = csec_query(export->conn, "SELECT $1::pg_catalog.regclass::pg_catalog.oid", 1, 1, params);
	snprintf(export->table, sizeof(export->table), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	csec_run(export->conn, "SET search_path = pg_catalog");
}

void
csec_export_begin(CsecExport *export, CsecServer *server,
				  const CsecSelection *selection, const char *program)
{
	const char *params[3];
	PGresult   *result;

	memset(export, 0, sizeof(*export));
	export->selection = selection;
	describe(export);
	export->conn = csec_connect(server);
	/* what was typed means the same in whatever encoding the database is; and so does what is written */
	csec_run(export->conn, "SET client_encoding = 'UTF8'");
	find_table(export);
	params[0] = export->selection_text;
	params[1] = selection->reason;
	params[2] = program;
	result = csec_query(export->conn,
						"SELECT exported_by, to_char(exported_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), server"
						" FROM csec.begin_export($1, $2, $3)", 1, 3, params);
	copy_text(export->manifest.exported_by, PQgetvalue(result, 0, 0));
	copy_text(export->manifest.exported_at, PQgetvalue(result, 0, 1));
	copy_text(export->manifest.server, PQgetvalue(result, 0, 2));
	copy_text(export->manifest.exported_with, program);
	copy_text(export->manifest.reason, selection->reason);
	copy_text(export->manifest.selection, export->selection_text);
	copy_text(export->manifest.database, PQdb(export->conn));
	PQclear(result);
}

/* ---- checkpoints and keys ---- */

/* A part of a checkpoint that verification would read. */
static void
put_part(CsecBundleFile *file, const char *label, const uint8_t *bytes, size_t len, size_t max)
{
	char		line[64];

	if (len > max)
		csec_fail("%s of a checkpoint: %zu bytes are too many for evidence", label, len);
	snprintf(line, sizeof(line), "%s %zu\n", label, len);
	csec_writer_put(file, line, strlen(line));
	csec_writer_put(file, bytes, len);
}

static void
put_note(CsecBundleFile *file, const CsecNote *note)
{
	put_part(file, "note", note->note, note->len, CSEC_NOTE_MAX);
	if (note->cosignatures_len > 0)
		put_part(file, "cosignatures", note->cosignatures, note->cosignatures_len, CSEC_NOTE_MAX);
	if (note->timestamps_len > 0)
		put_part(file, "timestamps", note->timestamps, note->timestamps_len, CSEC_STAMPS_MAX);
}

/* The key of the first checkpoint, and of each that begins a new chain. */
static void
put_key(CsecBundleFile *file, const CsecCheckpoint *checkpoint)
{
	CsecVerifierKey key;
	char		text[CSEC_VKEY_SIZE + 1];

	if (!csec_verifier_key(&key, checkpoint->origin, CSEC_SIGNED_ED25519, checkpoint->key))
		csec_fail("a checkpoint has an origin that is none");
	csec_vkey_put(&key, text);
	csec_writer_put(file, text, strlen(text));
	csec_writer_put(file, "\n", 1);
}

/* Of checkpoints that contradict each other verification tells. */
static void
note_size(CsecExport *export, uint64_t size)
{
	if (size == 0 || (export->sizes > 0 && size <= export->size[export->sizes - 1]))
		return;
	if (export->sizes == export->size_capacity)
	{
		export->size_capacity = export->size_capacity == 0 ? 64 : export->size_capacity * 2;
		export->size = csec_realloc(export->size, export->size_capacity * sizeof(uint64_t));
	}
	export->size[export->sizes++] = size;
}

static void
write_checkpoints(CsecExport *export, CsecBundleWriter *writer)
{
	CsecCheckpoint last = {0};
	CsecCheckpointRows rows;
	CsecBundleFile notes;
	CsecBundleFile keys;
	CsecNote	note;
	bool		any = false;

	csec_writer_begin(writer, &notes, "checkpoints");
	csec_writer_begin(writer, &keys, "keys");
	csec_checkpoint_rows_begin(&rows, export->conn);
	while (csec_checkpoint_rows_next(&rows, &note))
	{
		CsecCheckpoint checkpoint;

		put_note(&notes, &note);
		/* what is malformed goes out as it is: it is evidence, too */
		if (!csec_checkpoint_open(note.note, note.len, &checkpoint))
			continue;
		if (!any || checkpoint.chain != last.chain)
			put_key(&keys, &checkpoint);
		note_size(export, checkpoint.size);
		last = checkpoint;
		any = true;
	}
	export->tree = last.size;
	csec_writer_end(&notes, writer->manifest.checkpoints);
	csec_writer_end(&keys, writer->manifest.keys);
}

/* ---- records ---- */

static void
begin_all(CsecExport *export, CsecCopy *copy)
{
	csec_copy_begin(copy, export->conn,
					"COPY (SELECT seq, csec.whole_record(record, missing_ok => true), hash, NULL::bytea FROM csec_trail.audit_log ORDER BY seq)"
					" TO STDOUT (FORMAT binary)");
}

#define ARGUMENTS 7

static void
begin_selected(CsecExport *export, CsecCopy *copy)
{
	const CsecSelection *s = export->selection;
	bool		from_number = is_number(s->since);
	bool		to_number = is_number(s->until);
	const char *value[ARGUMENTS] = {
		s->table == NULL ? NULL : export->table, s->subject, s->person,
		from_number ? NULL : s->since, to_number ? NULL : s->until,
		from_number ? s->since : NULL, to_number ? s->until : NULL
	};
	char	   *quoted[ARGUMENTS] = {NULL};
	const char *literal[ARGUMENTS];
	char	   *sql = csec_alloc(65536);
	int			len;

	for (int i = 0; i < ARGUMENTS; i++)
	{
		if (value[i] != NULL &&
			(quoted[i] = PQescapeLiteral(export->conn, value[i], strlen(value[i]))) == NULL)
			csec_fail("%s", PQerrorMessage(export->conn));
		literal[i] = quoted[i] == NULL ? "NULL" : quoted[i];
	}
	len = snprintf(sql, 65536,
				   "COPY (SELECT l.seq, csec.whole_record(l.record, missing_ok => true), l.hash, b.hash"
				   " FROM csec.records_to_export(%s::regclass, %s, %s, %s::timestamptz, %s::timestamptz, %s::int8, %s::int8) s (seq)"
				   " JOIN csec_trail.audit_log l USING (seq)"
				   " LEFT JOIN csec_trail.audit_log b ON b.seq = s.seq - 1 ORDER BY 1)"
				   " TO STDOUT (FORMAT binary)",
				   literal[0], literal[1], literal[2], literal[3], literal[4], literal[5], literal[6]);
	if (len < 0 || len >= 65536)
		csec_fail("the selection is too long");
	for (int i = 0; i < ARGUMENTS; i++)
		PQfreemem(quoted[i]);
	csec_copy_begin(copy, export->conn, sql);
	free(sql);
}

/* Records behind the last checkpoint cannot be proved: of a selection they
 * would be mere bytes. */
static bool
is_provable(CsecExport *export, uint64_t seq)
{
	if (export->all || export->tree == 0 || seq <= export->tree)
		return true;
	export->left_out++;
	return false;
}

static void
write_records(CsecExport *export, CsecBundleWriter *writer, int64_t total)
{
	CsecCopy	copy;
	CsecDatum	field[4];
	uint8_t		before[CSEC_HASH_SIZE];

	CsecAnchor	anchor = {0};

	/* behind a cut there is no row before the first one */
	memcpy(before, csec_read_anchor(export->conn, &anchor) ? anchor.cut.hash : csec_chain_start,
		   CSEC_HASH_SIZE);
	export->left = anchor.cut.last;
	csec_anchor_free(&anchor);
	if (export->all)
		begin_all(export, &copy);
	else
		begin_selected(export, &copy);
	while (csec_copy_next(&copy, field, 4))
	{
		uint64_t	seq = csec_copy_u64(field[0]);

		if (field[1].data == NULL || field[2].data == NULL || field[2].len != CSEC_HASH_SIZE ||
			seq == 0 || seq <= export->last_seq)
			csec_fail("the trail is not sound at record %llu: run csec_verify on the server",
					  (unsigned long long) seq);
		if (!is_provable(export, seq))
			continue;
		if (field[3].data != NULL && field[3].len == CSEC_HASH_SIZE)
			memcpy(before, field[3].data, CSEC_HASH_SIZE);
		csec_writer_add(writer, seq, before, field[1].data, field[1].len, field[2].data);
		memcpy(before, field[2].data, CSEC_HASH_SIZE);
		export->last_seq = seq;
		export->records++;
		csec_progress((int64_t) export->records, total);
	}
	csec_writer_end_records(writer);
}

/* ---- proofs ---- */

static void
put_proof(CsecBundleFile *file, const char *label, const PGresult *result, int row)
{
	char		line[sizeof(CSEC_PROOFS_FROM) + CSEC_PROOF_LINE + 2];
	const char *number = PQgetvalue(result, row, 0);
	const char *hashes = PQgetvalue(result, row, 1);
	size_t		label_len = strlen(label);
	uint64_t	parsed;
	CsecProof	proof;
	int			len = snprintf(line, sizeof(line), "%s%s%s%s", label, number,
							   hashes[0] != '\0' ? " " : "", hashes);

	if (len < 0 || len >= (int) sizeof(line) - 1 ||
		!csec_proof_line_get(line + label_len, (size_t) len - label_len, &parsed, &proof))
		csec_fail("the server gave no proof for record %s", number);
	line[len++] = '\n';
	csec_writer_put(file, line, (size_t) len);
}

/* Proofs from the server, by a function of a number and the size of the tree. */
static void
put_some_proofs(CsecExport *export, CsecBundleFile *file, const char *label,
				const char *function, const uint64_t *number, size_t count)
{
	char		array[PROOFS_AT_A_TIME * 21 + 3] = "{";
	char		size[32];
	char		sql[512];
	const char *params[2] = {array, size};
	size_t		used = 1;
	PGresult   *result;

	for (size_t i = 0; i < count; i++)
		used += (size_t) snprintf(array + used, sizeof(array) - used, "%s%llu",
								  i > 0 ? "," : "", (unsigned long long) number[i]);
	snprintf(array + used, sizeof(array) - used, "}");
	snprintf(size, sizeof(size), "%llu", (unsigned long long) export->tree);
	snprintf(sql, sizeof(sql),
			 "SELECT r.n, coalesce((SELECT string_agg(encode(h, 'hex'), ' ' ORDER BY o)"
			 " FROM unnest(%s(r.n, $2::int8)) WITH ORDINALITY u (h, o)), '')"
			 " FROM unnest($1::int8[]) WITH ORDINALITY r (n, place) ORDER BY r.place", function);
	result = csec_query(export->conn, sql, 0, 2, params);
	if ((size_t) PQntuples(result) != count)
		csec_fail("the server gave too few proofs");
	for (int i = 0; i < PQntuples(result); i++)
		put_proof(file, label, result, i);
	PQclear(result);
}

static void
put_proofs(CsecExport *export, CsecBundleFile *file, const char *label,
		   const char *function, const uint64_t *number, size_t count)
{
	for (size_t from = 0; from < count; from += PROOFS_AT_A_TIME)
		put_some_proofs(export, file, label, function, number + from,
						Min(PROOFS_AT_A_TIME, count - from));
}

/*
 * The checkpoints from which the tree must be proved to go on: of all records only
 * those whose own records left, as the other trees can be computed.
 */
static size_t
sizes_to_prove(const CsecExport *export)
{
	size_t		count = export->sizes;

	while (count > 0 && (export->size[count - 1] >= export->tree ||
						 (export->all && export->size[count - 1] > export->left)))
		count--;
	return count;
}

static void
write_proofs(CsecExport *export, CsecBundleWriter *writer)
{
	CsecBundleFile file;
	char		line[64];
	uint64_t	tree = export->all && export->left == 0 ? 0 : export->tree;

	csec_writer_begin(writer, &file, "proofs");
	snprintf(line, sizeof(line), CSEC_PROOFS_FIRST_LINE "\ntree %llu\n", (unsigned long long) tree);
	csec_writer_put(&file, line, strlen(line));
	if (tree > 0)
		put_proofs(export, &file, CSEC_PROOFS_FROM, "csec.consistency_proof",
				   export->size, sizes_to_prove(export));
	if (tree > 0 && !export->all)
		put_proofs(export, &file, "", "csec.inclusion_proof", writer->run_end, writer->run_ends);
	csec_writer_end(&file, writer->manifest.proofs);
	free(export->size);
	export->size = NULL;
}

/* ---- the whole ---- */

void
csec_export_write(CsecExport *export, CsecBundleWriter *writer)
{
	CsecSource	facts = {0};
	int			encoding;

	csec_make_checkpoint(export->conn);
	csec_begin_reading(export->conn);
	csec_read_head(export->conn, &facts, &encoding);
	writer->manifest = export->manifest;
	writer->manifest.system = facts.system;
	writer->manifest.database_id = facts.database_id;
	writer->manifest.trail_seq = (uint64_t) facts.head.seq;
	memcpy(writer->manifest.trail_hash, facts.head.hash, CSEC_HASH_SIZE);
	write_checkpoints(export, writer);
	write_records(export, writer, export->all ? facts.head.seq : 0);
	write_proofs(export, writer);
	csec_run(export->conn, "COMMIT");
}

void
csec_export_end(CsecExport *export, const char *digest)
{
	char		records[32];
	char		last[32];
	const char *params[4] = {export->selection_text, records, last, digest};

	snprintf(records, sizeof(records), "%llu", (unsigned long long) export->records);
	snprintf(last, sizeof(last), "%llu", (unsigned long long) export->last_seq);
	PQclear(csec_query(export->conn, "SELECT csec.end_export($1, $2, $3, $4)", 1, 4, params));
	PQfinish(export->conn);
}
