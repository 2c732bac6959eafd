/*
 * verify_tree.c
 *		Are tree and checkpoints those of the records?
 *
 * The tree grows once more, from the records as they are walked, and each tile
 * and each checkpoint is compared when its last record comes by.  A checkpoint
 * that fits proves all records up to it to whoever trusts its key; the first
 * that does not tells between which two the records were altered.
 *
 *	tree_differs		a tile is missing, or not of these records
 *	checkpoint_differs	the records are not those that were signed
 *	checkpoint_forged	not signed by the key that it must be signed by, or
 *						not behind the checkpoint that it follows
 *	epoch_missing		a checkpoint is gone
 *	tail_cut			more records were signed than there are
 *
 * A chain of keys may end and another one begin where the key was lost (see
 * sealer/epoch.c): if a record from before that checkpoint names the new key.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "audit/checkpoint_read.h"
#include "audit/tree_read.h"
#include "audit/verify.h"
#include "util/crypto_failed.h"

typedef struct Level
{
	uint64		tile;			/* number of the tile that is being filled */
	int			count;
	uint8		hashes[CSEC_TILE_SIZE];
} Level;

struct CsecTreeCheck
{
	int64		from;
	CsecTree   *tree;
	CsecTreePeaks peaks;
	bool		whole;			/* from the first record: the upper levels, too */
	bool		filling;		/* the lowest tile was seen from its first leaf */
	Level		level[CSEC_TILE_LEVELS];
	CsecCheckpointScan *scan;
	bool		have_next;
	CsecCheckpointRow next;		/* not reached yet */
	CsecCheckpointRow prev;		/* the last one that was right; epoch 0: none */
	MemoryContext context;
	List	   *keys;			/* that records name: of uint8 * */
};

/* Moves on to the next checkpoint; an index scan allocates when it likes. */
static void
step(CsecTreeCheck *check)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);

	check->have_next = csec_checkpoint_scan_next(check->scan, ForwardScanDirection,
												 &check->next);
	MemoryContextSwitchTo(old);
}

CsecTreeCheck *
csec_tree_check_begin(int64 from, Snapshot snapshot, CsecVerdict *verdict)
{
	CsecTreeCheck *check = palloc0(sizeof(CsecTreeCheck));
	uint64		before = (uint64) from - 1;

	check->context = CurrentMemoryContext;
	check->from = from;
	check->whole = from == 1;
	check->tree = csec_tree_open(snapshot, AccessShareLock);
	check->scan = csec_checkpoint_scan_begin(snapshot);
	check->filling = before % CSEC_TILE_WIDTH == 0;
	check->level[0].tile = before / CSEC_TILE_WIDTH;
	if (!csec_tree_peaks(before, csec_tree_source, check->tree, &check->peaks))
		csec_verdict(verdict, "tree_differs", from,
					 "the tree over the records before is not there");
	for (step(check); check->have_next && !check->whole && check->next.size < from; step(check))
		check->prev = check->next;
	return check;
}

/* ---- tiles ---- */

static void
compare_tile(CsecTreeCheck *check, int level, CsecVerdict *verdict)
{
	Level	   *filled = &check->level[level];
	Level	   *above = &check->level[level + 1];
	uint8	   *hashes = palloc(CSEC_TILE_SIZE);
	uint8		stored[CSEC_TREE_HASH];
	uint8		root[CSEC_TREE_HASH];

	if (!csec_tree_fold(filled->hashes, CSEC_TILE_HEIGHT, root) ||
		!csec_tree_tile(check->tree, level, filled->tile, hashes, stored) ||
		memcmp(hashes, filled->hashes, CSEC_TILE_SIZE) != 0 ||
		memcmp(root, stored, CSEC_TREE_HASH) != 0)
		csec_verdict(verdict, "tree_differs",
					 (int64) (filled->tile << (CSEC_TILE_HEIGHT * (level + 1))) + 1,
					 "tile " UINT64_FORMAT " of level %d is not that of the records",
					 filled->tile, level);
	pfree(hashes);
	filled->tile++;
	filled->count = 0;
	if (!check->whole || level + 1 == CSEC_TILE_LEVELS)
		return;
	memcpy(above->hashes + above->count * CSEC_TREE_HASH, root, CSEC_TREE_HASH);
	if (++above->count == CSEC_TILE_WIDTH)
		compare_tile(check, level + 1, verdict);
}

static void
add_leaf(CsecTreeCheck *check, const uint8 *leaf, CsecVerdict *verdict)
{
	Level	   *level = &check->level[0];
	bool		ends_tile = check->peaks.size % CSEC_TILE_WIDTH == 0;

	if (check->filling)
	{
		memcpy(level->hashes + level->count * CSEC_TREE_HASH, leaf, CSEC_TREE_HASH);
		level->count++;
		if (ends_tile)
			compare_tile(check, 0, verdict);
	}
	else if (ends_tile)
	{
		check->filling = true;
		level->tile++;
	}
}

/* ---- checkpoints ---- */

static void
add_key(CsecTreeCheck *check, const uint8 *key)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	uint8	   *copy = palloc(CSEC_ED25519_PUBLIC);

	memcpy(copy, key, CSEC_ED25519_PUBLIC);
	check->keys = lappend(check->keys, copy);
	MemoryContextSwitchTo(old);
}

void
csec_tree_check_record(CsecTreeCheck *check, const CsecBody *body)
{
	uint8		key[CSEC_ED25519_PUBLIC];

	if (csec_body_names_key(body, key))
		add_key(check, key);
}

static bool
key_is_named(CsecTreeCheck *check, const uint8 *key)
{
	ListCell   *cell;

	foreach(cell, check->keys)
		if (memcmp(lfirst(cell), key, CSEC_ED25519_PUBLIC) == 0)
			return true;
	/* where only a part is looked at, the record may stand before it */
	return !check->whole;
}

/* Does the key sign here by right? */
static bool
key_is_right(CsecTreeCheck *check, const CsecCheckpoint *note)
{
	if (check->prev.epoch != 0 && note->chain == check->prev.note.chain)
		return strcmp(note->origin, check->prev.note.origin) == 0 &&
			memcmp(note->key, check->prev.note.next, CSEC_ED25519_PUBLIC) == 0;
	return note->chain == note->epoch && key_is_named(check, note->key);
}

/* All about a checkpoint that needs no records. */
static void
check_note(CsecTreeCheck *check, CsecVerdict *verdict)
{
	const CsecCheckpointRow *row = &check->next;
	const CsecCheckpoint *note = &row->note;
	int64		seq = check->prev.size + 1;

	if (row->epoch > check->prev.epoch + 1 && (check->whole || check->prev.epoch > 0))
		csec_verdict(verdict, "epoch_missing", seq,
					 "there is no checkpoint of epoch " INT64_FORMAT, check->prev.epoch + 1);
	else if (!row->signed_well)
		csec_verdict(verdict, "checkpoint_forged", seq,
					 "the checkpoint of epoch " INT64_FORMAT " is not signed by the key that it names", row->epoch);
	else if (note->epoch != (uint64) row->epoch || note->size != (uint64) row->size ||
			 memcmp(note->root, row->root, CSEC_TREE_HASH) != 0 ||
			 note->time != csec_checkpoint_time(row->at))
		csec_verdict(verdict, "checkpoint_forged", seq,
					 "a column of the checkpoint of epoch " INT64_FORMAT " is not what its note says", row->epoch);
	else if ((check->whole || check->prev.epoch > 0) &&
			 (memcmp(note->before, check->prev.note_hash, CSEC_TREE_HASH) != 0 ||
			  row->size < check->prev.size))
		csec_verdict(verdict, "checkpoint_forged", seq,
					 "the checkpoint of epoch " INT64_FORMAT " does not follow the one before it", row->epoch);
	else if ((check->whole || check->prev.epoch > 0) && !key_is_right(check, note))
		csec_verdict(verdict, "checkpoint_forged", seq,
					 "the checkpoint of epoch " INT64_FORMAT " is signed by a key that nothing vouches for", row->epoch);
}

/* leaf: that of the last record under it. */
static void
check_checkpoint(CsecTreeCheck *check, const uint8 *leaf, CsecVerdict *verdict)
{
	uint8		root[CSEC_TREE_HASH];
	uint8		head[CSEC_TREE_HASH];

	check_note(check, verdict);
	if (verdict->problem != NULL)
		return;
	if (!csec_tree_peaks_root(&check->peaks, root) ||
		memcmp(root, check->next.note.root, CSEC_TREE_HASH) != 0 ||
		!csec_tree_leaf(check->next.note.head, head) ||
		memcmp(leaf, head, CSEC_TREE_HASH) != 0)
		csec_verdict(verdict, "checkpoint_differs", check->prev.size + 1,
					 "records " INT64_FORMAT " to " INT64_FORMAT " are not all those that were signed at the end of epoch " INT64_FORMAT,
					 check->prev.size + 1, check->next.size, check->next.epoch);
	check->prev = check->next;
	step(check);
}

static void
openssl_failed(void)
{
	csec_crypto_failed("compute the tree over the audit records");
}

static void
take_leaf(CsecTreeCheck *check, int64 seq, const uint8 *leaf, CsecVerdict *verdict)
{
	if (!csec_tree_append(&check->peaks, leaf))
		openssl_failed();
	add_leaf(check, leaf, verdict);
	while (verdict->problem == NULL && check->have_next && check->next.size <= seq)
	{
		/* one over fewer records than the one before it is told as such */
		if (check->next.size < seq)
			check_note(check, verdict);
		if (verdict->problem == NULL)
			check_checkpoint(check, leaf, verdict);
	}
}

void
csec_tree_check_add(CsecTreeCheck *check, int64 seq, const uint8 *hash,
					CsecVerdict *verdict)
{
	uint8		leaf[CSEC_TREE_HASH];

	if (!csec_tree_leaf(hash, leaf))
		openssl_failed();
	take_leaf(check, seq, leaf, verdict);
}

/* ---- behind a cut ---- */

/* Is the tree over what left the one that the anchor names? */
static void
check_edge(CsecTreeCheck *check, const CsecCut *cut, const uint8 *last_leaf,
		   CsecVerdict *verdict)
{
	CsecTreePeaks peaks;
	uint8		expected[CSEC_TREE_HASH];
	uint8		root[CSEC_TREE_HASH];
	uint8		leaf[CSEC_TREE_HASH];

	csec_cut_peaks(cut, &peaks);
	if (!csec_tree_peaks_root(&peaks, expected) ||
		!csec_tree_peaks_root(&check->peaks, root) || !csec_tree_leaf(cut->hash, leaf))
		openssl_failed();
	if (memcmp(root, expected, CSEC_TREE_HASH) != 0 ||
		memcmp(leaf, last_leaf, CSEC_TREE_HASH) != 0)
		csec_verdict(verdict, "cut_forged", (int64) cut->last + 1,
					 "the anchor of the cut is not over the records of the tree");
}

/*
 * The records are gone, their leaves are not: the tiles stay.  So the tree and
 * all checkpoints over it are looked at as if the records were there.
 */
void
csec_tree_check_resume(CsecTreeCheck *check, const CsecCut *cut, CsecVerdict *verdict)
{
	uint8	   *tile = palloc(CSEC_TILE_SIZE);
	const uint8 *leaf = tile;

	for (int i = 0; i < cut->keys; i++)
		add_key(check, cut->key + i * CSEC_ED25519_PUBLIC);
	for (uint64 seq = 1; seq <= cut->last && verdict->problem == NULL; seq++)
	{
		uint64		place = (seq - 1) % CSEC_TILE_WIDTH;

		CHECK_FOR_INTERRUPTS();
		if (place == 0 &&
			!csec_tree_tile(check->tree, 0, (seq - 1) / CSEC_TILE_WIDTH, tile, NULL))
		{
			csec_verdict(verdict, "tree_differs", (int64) seq,
						 "tile " UINT64_FORMAT " of level 0, of records that left, is not there",
						 (seq - 1) / CSEC_TILE_WIDTH);
			break;
		}
		leaf = tile + place * CSEC_TREE_HASH;
		take_leaf(check, (int64) seq, leaf, verdict);
	}
	if (verdict->problem == NULL)
		check_edge(check, cut, leaf, verdict);
	pfree(tile);
}

static void
tell_extra(CsecTree *tree, ItemPointer tid, void *arg)
{
	*(bool *) arg = true;
}

void
csec_tree_check_end(CsecTreeCheck *check, bool to_the_end, CsecVerdict *verdict)
{
	bool		extra = false;

	if (to_the_end && check->have_next)
	{
		check_note(check, verdict);
		csec_verdict(verdict, "tail_cut", (int64) check->peaks.size + 1,
					 "the checkpoint of epoch " INT64_FORMAT " is over " INT64_FORMAT " records",
					 check->next.epoch, check->next.size);
	}
	if (to_the_end)
		csec_tree_scan(check->tree, 0, check->peaks.size / CSEC_TILE_WIDTH, PG_INT64_MAX,
					   tell_extra, &extra);
	if (extra)
		csec_verdict(verdict, "tree_differs", (int64) check->peaks.size + 1,
					 "there are tiles of more records than were sealed");
	csec_checkpoint_scan_end(check->scan);
	csec_tree_close(check->tree);
}
