/*
 * bundle_read.c
 *		A trail in an evidence bundle.                                  [FE]
 *
 * A unit is a run.  The file of records is read once, from its beginning to
 * its end; in memory is one run for each worker.  Of a selection each run has
 * a proof that its last record is in the tree of a checkpoint; the hashes from
 * record to record prove the others of the run.
 */
#include "verify/bundle_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "audit/chain.h"
#include "crypto/hash.h"
#include "verify/file.h"
#include "verify/notes_stream.h"
#include "verify/proofs_file.h"

#define MANIFEST		"MANIFEST"

typedef struct Worker
{
	CsecRun		run;
	uint8_t    *bytes;
} Worker;

typedef struct Bundle
{
	CsecSource	source;
	char	   *folder;
	CsecManifest manifest;
	uint8_t		digest[CSEC_HASH_SIZE];
	FILE	   *records;
	char	   *records_path;
	uint8_t		runs_digest[CSEC_HASH_SIZE];
	uint64_t	runs;
	bool		ended;			/* the last run was read */
	uint64_t	broken_after;	/* number of the last record before the damage */
	const char *broken;
	FILE	   *proofs;
	uint64_t	tree;			/* the size that proofs are for; 0: none */
	const uint8_t *root;
	CsecAnchor	anchor;			/* of the cut behind which it begins */
	CsecFinding files;
} Bundle;

/* ---- runs ---- */

static void *
open_worker(CsecSource *source)
{
	Worker	   *worker = csec_alloc(sizeof(Worker));

	worker->bytes = csec_alloc(CSEC_RUN_MAX);
	return worker;
}

static void
close_worker(CsecSource *source, void *arg)
{
	free(((Worker *) arg)->bytes);
	free(arg);
}

static bool
broken(Bundle *bundle, const char *how)
{
	bundle->ended = true;
	bundle->broken = how;
	return false;
}

/* Reads the next run; false at the end of the file, or of what can be read. */
static bool
claim(CsecSource *source, void *arg)
{
	Bundle	   *bundle = (Bundle *) source;
	Worker	   *worker = arg;
	uint8_t		header[CSEC_RUN_HEADER_SIZE];
	uint8_t		digest[CSEC_HASH_SIZE + CSEC_RUN_DIGEST_SIZE];
	size_t		n;

	if (bundle->ended)
		return false;
	n = fread(header, 1, sizeof(header), bundle->records);
	if (n == 0 && feof(bundle->records))
	{
		bundle->ended = true;
		return false;
	}
	if (n < sizeof(header) || !csec_run_get(header, &worker->run))
		return broken(bundle, n < sizeof(header) ? "it ends too early" : "no run begins there");
	if (fread(worker->bytes, 1, worker->run.bytes, bundle->records) != worker->run.bytes)
		return broken(bundle, "it ends too early");
	memcpy(digest, bundle->runs_digest, CSEC_HASH_SIZE);
	csec_run_digest_put(digest + CSEC_HASH_SIZE, &worker->run,
						worker->bytes + worker->run.bytes - CSEC_HASH_SIZE);
	if (!csec_sha256(digest, sizeof(digest), bundle->runs_digest))
		csec_fail("could not compute a hash");
	bundle->runs++;
	bundle->broken_after = worker->run.first + worker->run.count - 1;
	return true;
}

static void
check(CsecSource *source, void *arg, CsecPiece *piece)
{
	Worker	   *worker = arg;
	CsecRunReader reader;
	CsecRow		row = {0};

	csec_piece_begin(piece, (int64_t) worker->run.first, worker->run.before);
	csec_run_open(&reader, &worker->run, worker->bytes);
	row.hash.len = CSEC_HASH_SIZE;
	for (row.seq = piece->first;
		 csec_run_next(&reader, &row.record.data, &row.record.len, &row.hash.data);
		 row.seq++)
		csec_piece_row(piece, &row);
	if (reader.left != 0 || reader.p != reader.end)
		csec_find(&piece->finding, "bundle_damaged", row.seq,
				  "the run of records from %llu is not as long as it says",
				  (unsigned long long) worker->run.first);
}

/* ---- a selection ---- */

static bool
next_line(FILE *file, char *line, size_t size, size_t *len)
{
	if (file == NULL || fgets(line, (int) size, file) == NULL)
		return false;
	*len = strlen(line);
	if (*len == 0 || line[*len - 1] != '\n')
		return false;
	line[--*len] = '\0';
	return true;
}

/* The run just joined: is its last record in the tree? */
static void
joined(CsecSource *source, CsecTrail *trail, const CsecPiece *piece)
{
	Bundle	   *bundle = (Bundle *) source;
	char		line[CSEC_PROOF_LINE + 2];
	size_t		len;
	uint64_t	seq;
	CsecProof	proof;
	uint8_t		leaf[CSEC_TREE_HASH];

	if (!source->selected || bundle->root == NULL || trail->finding.problem != NULL)
		return;
	if (!next_line(bundle->proofs, line, sizeof(line), &len) ||
		!csec_proof_line_get(line, len, &seq, &proof) || seq != (uint64_t) piece->last)
	{
		csec_find(&trail->finding, "bundle_damaged", piece->last,
				  "there is no proof for this record");
		return;
	}
	if (!csec_tree_leaf(piece->hash, leaf))
		csec_fail("could not compute a hash");
	if (!csec_tree_verify_inclusion(seq - 1, bundle->tree, leaf, &proof, bundle->root))
		csec_find(&trail->finding, "not_in_tree", piece->first,
				  "records %lld to %lld are not those of the tree of %llu records",
				  (long long) piece->first, (long long) piece->last,
				  (unsigned long long) bundle->tree);
}

/*
 * Proofs lead to the last checkpoint.  Is it one that hangs on what was given?  A new
 * chain of keys anybody can begin, and who named it stands in a record that is not here.
 */
static void
check_chain(Bundle *bundle, const CsecCheckpoints *checkpoints)
{
	bool		given = checkpoints->trusted > 0 || checkpoints->vouchers.witness.count > 0;

	if (given && checkpoints->loose != NULL && checkpoints->finding.problem == NULL)
		csec_find(&bundle->files, "key_unknown", checkpoints->loose->seq,
				  "checkpoint %llu begins a chain of keys, behind all that was kept or witnessed",
				  (unsigned long long) checkpoints->loose->epoch);
}

/* The proof that the tree goes on from that of a size. */
static bool
next_from(FILE *file, uint64_t size, CsecProof *proof)
{
	char		line[sizeof(CSEC_PROOFS_FROM) + CSEC_PROOF_LINE + 2];
	size_t		label_len = strlen(CSEC_PROOFS_FROM);
	size_t		len;
	uint64_t	from;

	return next_line(file, line, sizeof(line), &len) && len > label_len &&
		memcmp(line, CSEC_PROOFS_FROM, label_len) == 0 &&
		csec_proof_line_get(line + label_len, len - label_len, &from, proof) && from == size;
}

/*
 * Each checkpoint was signed over the beginning of the tree, the ones that were kept
 * or witnessed among them.  Whoever has the keys that sign today could sign another
 * tree, but not prove this of it.
 */
static bool
check_from(Bundle *bundle, const CsecCheckpoints *checkpoints)
{
	uint64_t	good = 0;
	uint64_t	end = bundle->tree;

	/* of all records there are those under the others: their trees are computed */
	if (!bundle->source.selected && bundle->anchor.cut.last < end)
		end = bundle->anchor.cut.last + 1;
	for (int i = 0; i < checkpoints->count && checkpoints->kept[i].size < end; i++)
	{
		const CsecKept *kept = &checkpoints->kept[i];
		CsecProof	proof;

		/* what was kept stands beside the one of the trail that it is */
		if (kept->size == good || kept->size == 0)
			continue;
		if (!next_from(bundle->proofs, kept->size, &proof))
		{
			csec_find(&bundle->files, "bundle_damaged", (int64_t) kept->size,
					  "there is no proof that the tree goes on from that of checkpoint %llu",
					  (unsigned long long) kept->epoch);
			return false;
		}
		if (!csec_tree_verify_consistency(kept->size, bundle->tree, kept->root, bundle->root, &proof))
		{
			csec_find(&bundle->files, "rewritten", (int64_t) good + 1,
					  "the tree of %llu records does not go on from the one over which checkpoint %llu was signed",
					  (unsigned long long) bundle->tree, (unsigned long long) kept->epoch);
			return false;
		}
		good = kept->size;
	}
	return true;
}

static void
open_proofs(Bundle *bundle, const CsecCheckpoints *checkpoints)
{
	char		line[256];
	size_t		len;

	if (!next_line(bundle->proofs, line, sizeof(line), &len) ||
		strcmp(line, CSEC_PROOFS_FIRST_LINE) != 0 ||
		!next_line(bundle->proofs, line, sizeof(line), &len) ||
		!csec_tree_line_get(line, len, &bundle->tree))
	{
		csec_find(&bundle->files, "bundle_damaged", 1, "file \"proofs\" is malformed");
		return;
	}
	/* behind a checkpoint that is wrong no others are looked at */
	if ((bundle->tree == 0 && bundle->source.selected) || checkpoints->finding.problem != NULL)
		return;
	if (bundle->tree != (checkpoints->any ? checkpoints->last.size : 0))
	{
		csec_find(&bundle->files, "bundle_damaged", 1,
				  "the proofs are not for the tree of the last checkpoint");
		return;
	}
	if (bundle->tree == 0)
		return;
	bundle->root = checkpoints->last.root;
	if (!check_from(bundle, checkpoints))
		bundle->root = NULL;
}

/* ---- the other files ---- */

static FILE *
open_file(const Bundle *bundle, const char *name, char **path)
{
	*path = csec_file_path(bundle->folder, name);
	return csec_file_open_ordinary(*path, false);
}

/* A file that the manifest names by its digest; at its beginning. */
static FILE *
open_named(Bundle *bundle, const char *name, const uint8_t *expected)
{
	char	   *path;
	FILE	   *file = open_file(bundle, name, &path);
	uint8_t		digest[CSEC_HASH_SIZE];

	csec_file_digest(file, path, digest);
	if (memcmp(digest, expected, CSEC_HASH_SIZE) != 0)
		csec_find(&bundle->files, "bundle_damaged", 1,
				  "file \"%s\" is not the one that the manifest names", name);
	free(path);
	return file;
}

static void
read_checkpoints(CsecSource *source, CsecCheckpoints *checkpoints)
{
	Bundle	   *bundle = (Bundle *) source;
	CsecNotesStream notes;
	CsecNote	note;
	FILE	   *file = open_named(bundle, "checkpoints", bundle->manifest.checkpoints);

	csec_notes_stream_begin(&notes, file, "checkpoints");
	while (csec_notes_stream_next(&notes, &note))
		csec_checkpoints_add(checkpoints, &note);
	if (!csec_notes_stream_end(&notes))
		csec_find(&bundle->files, "bundle_damaged", 1, "file \"checkpoints\" is malformed");
	fclose(file);
}

/* A moment when all checkpoints are known, and their roots. */
static void
settled(CsecSource *source, const CsecCheckpoints *checkpoints)
{
	Bundle	   *bundle = (Bundle *) source;

	if (!source->selected && source->anchor == NULL)
		return;
	if (source->selected)
		check_chain(bundle, checkpoints);
	open_proofs(bundle, checkpoints);
}

static void
read_all(CsecSource *source, CsecTrail *trail)
{
	Bundle	   *bundle = (Bundle *) source;

	if (bundle->broken != NULL)
		csec_find(&trail->finding, "bundle_damaged", (int64_t) bundle->broken_after + 1,
				  "file \"records\" is damaged: %s", bundle->broken);
}

static void
finish(CsecSource *source, CsecTrail *trail)
{
	Bundle	   *bundle = (Bundle *) source;
	const CsecManifest *manifest = &bundle->manifest;
	char		line[256];
	size_t		len;

	if (trail->finding.problem != NULL)
		return;
	if (trail->records != manifest->records || bundle->runs != manifest->runs ||
			 memcmp(bundle->runs_digest, manifest->runs_digest, CSEC_HASH_SIZE) != 0)
		csec_find(&trail->finding, "bundle_damaged", trail->first > 0 ? trail->first : 1,
				  "file \"records\" is not the one that the manifest names");
	else if (bundle->root != NULL && next_line(bundle->proofs, line, sizeof(line), &len))
		csec_find(&trail->finding, "bundle_damaged", trail->last,
				  "file \"proofs\" goes on behind its end");
}

/* ---- the source ---- */

static bool
hash_in_run(Bundle *bundle, const CsecRun *run, int64_t seq, uint8_t *hash)
{
	uint8_t    *bytes = csec_alloc(run->bytes);
	CsecRunReader reader;
	const uint8_t *record;
	uint32_t	len;
	const uint8_t *found;
	bool		there = false;

	if (fread(bytes, 1, run->bytes, bundle->records) == run->bytes)
	{
		csec_run_open(&reader, run, bytes);
		for (int64_t n = (int64_t) run->first;
			 !there && csec_run_next(&reader, &record, &len, &found); n++)
			if (n == seq)
			{
				memcpy(hash, found, CSEC_HASH_SIZE);
				there = true;
			}
	}
	free(bytes);
	return there;
}

/* Goes over the headers of the runs; those before the one wanted are skipped. */
static bool
hash_at(CsecSource *source, int64_t seq, uint8_t *hash)
{
	Bundle	   *bundle = (Bundle *) source;
	uint8_t		header[CSEC_RUN_HEADER_SIZE];
	CsecRun		run;

	if (fseeko(bundle->records, 0, SEEK_SET) != 0)
		csec_fail("could not read \"%s\": %s", bundle->records_path, strerror(errno));
	while (fread(header, 1, sizeof(header), bundle->records) == sizeof(header) &&
		   csec_run_get(header, &run) && (int64_t) run.first <= seq)
	{
		if (seq < (int64_t) (run.first + run.count))
			return hash_in_run(bundle, &run, seq, hash);
		if (fseeko(bundle->records, (off_t) run.bytes, SEEK_CUR) != 0)
			return false;
	}
	return false;
}

static void
close_source(CsecSource *source)
{
	Bundle	   *bundle = (Bundle *) source;

	fclose(bundle->records);
	if (bundle->proofs != NULL)
		fclose(bundle->proofs);
	csec_anchor_free(&bundle->anchor);
	free(bundle->records_path);
	free(bundle->folder);
	free(bundle);
}

static void
set_head(Bundle *bundle)
{
	CsecSource *source = &bundle->source;
	const CsecManifest *manifest = &bundle->manifest;

	source->selected = strcmp(manifest->selection, "all") != 0;
	source->system = manifest->system;
	source->database_id = manifest->database_id;
	source->total = (int64_t) manifest->records;
	source->head.known = !source->selected;
	source->head.seq = (int64_t) manifest->trail_seq;
	memcpy(source->head.hash, manifest->trail_hash, CSEC_HASH_SIZE);
}

static void
read_manifest(Bundle *bundle)
{
	char	   *path;
	FILE	   *file = open_file(bundle, MANIFEST, &path);
	size_t		len;
	char	   *text = csec_file_read_open(file, path, CSEC_MANIFEST_MAX, &len);
	const char *problem = csec_manifest_get(text, len, &bundle->manifest);

	if (problem != NULL)
		csec_fail("\"%s\" is no manifest of evidence: see \"%s\"", path, problem);
	if (!csec_sha256(text, len, bundle->digest))
		csec_fail("could not compute a hash");
	free(text);
	free(path);
}

/* ---- behind a cut ---- */

/* The last record of a cut in a run. */
static void
look_for_cut(Bundle *bundle, const CsecRun *run, const uint8_t *bytes)
{
	CsecRunReader reader;
	const uint8_t *record;
	uint32_t	len;
	const uint8_t *hash;

	csec_run_open(&reader, run, bytes);
	while (csec_run_next(&reader, &record, &len, &hash))
		if (len > CSEC_HEADER_SIZE && record[2] == CSEC_KIND_CUT)
			(void) csec_anchor_take(&bundle->anchor, record, len);
}

/*
 * All records, but not from the first: then the anchor is in one of them, and
 * must be known before.  What it is worth is seen when that record comes by.
 */
static void
find_anchor(Bundle *bundle)
{
	uint8_t		header[CSEC_RUN_HEADER_SIZE];
	CsecRun		run;
	uint8_t    *bytes = csec_alloc(CSEC_RUN_MAX);
	bool		first = true;

	while (fread(header, 1, sizeof(header), bundle->records) == sizeof(header) &&
		   csec_run_get(header, &run) && !(first && run.first == 1) &&
		   fread(bytes, 1, run.bytes, bundle->records) == run.bytes)
	{
		first = false;
		look_for_cut(bundle, &run, bytes);
	}
	free(bytes);
	if (fseeko(bundle->records, 0, SEEK_SET) != 0)
		csec_fail("could not read \"%s\": %s", bundle->records_path, strerror(errno));
	if (bundle->anchor.len > 0)
		bundle->source.anchor = &bundle->anchor;
}

CsecSource *
csec_bundle_open(const char *path)
{
	Bundle	   *bundle = csec_alloc(sizeof(Bundle));
	CsecSource *source = &bundle->source;
	size_t		len = strlen(path);

	bundle->folder = csec_strdup(path);
	if (!csec_is_directory(path))
	{
		if (len < strlen("/" MANIFEST) ||
			strcmp(path + len - strlen("/" MANIFEST), "/" MANIFEST) != 0)
			csec_fail("\"%s\" is no evidence: neither a folder nor its " MANIFEST, path);
		bundle->folder[len - strlen("/" MANIFEST)] = '\0';
	}
	read_manifest(bundle);
	set_head(bundle);
	/* its digest is checked; who needs keys is told them by somebody else */
	fclose(open_named(bundle, "keys", bundle->manifest.keys));
	bundle->proofs = open_named(bundle, "proofs", bundle->manifest.proofs);
	bundle->records = open_file(bundle, "records", &bundle->records_path);
	if (!source->selected)
		find_anchor(bundle);

	source->name = bundle->folder;
	source->open_worker = open_worker;
	source->claim = claim;
	source->check = check;
	source->close_worker = close_worker;
	source->checkpoints = read_checkpoints;
	source->settled = settled;
	source->joined = joined;
	source->read_all = read_all;
	source->finish = finish;
	source->hash_at = hash_at;
	source->close = close_source;
	return source;
}

int64_t
csec_bundle_from(const CsecSource *source, uint8_t *before)
{
	if (source->anchor == NULL)
	{
		memcpy(before, csec_chain_start, CSEC_HASH_SIZE);
		return 1;
	}
	memcpy(before, source->anchor->cut.hash, CSEC_HASH_SIZE);
	return (int64_t) source->anchor->cut.last + 1;
}

const CsecManifest *
csec_bundle_manifest(const CsecSource *source)
{
	return &((const Bundle *) source)->manifest;
}

const uint8_t *
csec_bundle_digest(const CsecSource *source)
{
	return ((const Bundle *) source)->digest;
}

bool
csec_bundle_unproved(const CsecSource *source)
{
	const Bundle *bundle = (const Bundle *) source;

	return source->selected && bundle->root == NULL && bundle->manifest.records > 0;
}

CsecFinding
csec_bundle_files(const CsecSource *source)
{
	return ((const Bundle *) source)->files;
}
