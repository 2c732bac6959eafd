/*
 * tree.c
 *		The tree over the trail's records grows with them.
 *
 * In memory are the tiles that are not full yet, one of each level.  A tile
 * that becomes full is stored, in the transaction of the record that filled
 * it, and its root goes one level up.  The records are the truth, and the tree
 * can be made from them at any time: so a sealer that finds tiles missing
 * makes them, and says so in the trail; who altered the records as well is
 * met by the roots in the checkpoints.
 */
#include "sealer/tree.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audit/tree_read.h"
#include "sealer/rowset.h"
#include "util/bytea.h"
#include "util/crypto_failed.h"

typedef struct Tile
{
	int			count;
	uint8		hashes[CSEC_TILE_SIZE];
} Tile;

static uint64 size = 0;
static Tile tiles[CSEC_TILE_LEVELS];	/* that are not full */

/* The table, while something is stored in it. */
static Relation rel = NULL;
static CatalogIndexState indexes = NULL;

static void
openssl_failed(void)
{
	csec_crypto_failed("compute the tree over the audit records");
}

static void
store_tile(int level, uint64 number, const uint8 *hashes, const uint8 *root)
{
	Datum		values[CSEC_TILE_COLUMNS];
	bool		nulls[CSEC_TILE_COLUMNS] = {false};
	HeapTuple	tuple;

	CHECK_FOR_INTERRUPTS();
	if (rel == NULL)
	{
		rel = csec_trail_table("tree_tile");
		csec_trail_check_index(rel);
		indexes = CatalogOpenIndexes(rel);
	}
	values[CSEC_TILE_LEVEL - 1] = Int16GetDatum(level);
	values[CSEC_TILE_NUMBER - 1] = Int64GetDatum((int64) number);
	values[CSEC_TILE_ROOT - 1] = PointerGetDatum(csec_bytea(root, CSEC_TREE_HASH));
	values[CSEC_TILE_HASHES - 1] = PointerGetDatum(csec_bytea(hashes, CSEC_TILE_SIZE));
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsertWithInfo(rel, tuple, indexes);
	heap_freetuple(tuple);
	pfree(DatumGetPointer(values[CSEC_TILE_ROOT - 1]));
	pfree(DatumGetPointer(values[CSEC_TILE_HASHES - 1]));
}

void
csec_tree_store(void)
{
	if (rel == NULL)
		return;
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
	rel = NULL;
}

/* A hash more on a level. */
static void
add_hash(int level, const uint8 *hash)
{
	Tile	   *tile = &tiles[level];
	uint8		root[CSEC_TREE_HASH];

	memcpy(tile->hashes + tile->count * CSEC_TREE_HASH, hash, CSEC_TREE_HASH);
	if (++tile->count < CSEC_TILE_WIDTH)
		return;
	if (level + 1 == CSEC_TILE_LEVELS ||
		!csec_tree_fold(tile->hashes, CSEC_TILE_HEIGHT, root))
		openssl_failed();
	store_tile(level, (size - 1) >> (CSEC_TILE_HEIGHT * (level + 1)), tile->hashes, root);
	tile->count = 0;
	add_hash(level + 1, root);
}

void
csec_tree_add(const uint8 *record_hash)
{
	uint8		leaf[CSEC_TREE_HASH];

	if (!csec_tree_leaf(record_hash, leaf))
		openssl_failed();
	size++;
	add_hash(0, leaf);
}

/* From what is in memory: the tiles that are not full, lowest level first. */
void
csec_tree_current_root(uint8 *root)
{
	CsecTreePeaks peaks = {0};

	for (int level = 0; level < CSEC_TILE_LEVELS; level++)
	{
		CsecTreePeaks part = {0};

		for (int i = 0; i < tiles[level].count; i++)
			if (!csec_tree_append(&part, tiles[level].hashes + i * CSEC_TREE_HASH))
				openssl_failed();
		for (int h = 0; h < CSEC_TILE_HEIGHT && level * CSEC_TILE_HEIGHT + h < CSEC_TREE_HEIGHT; h++)
			memcpy(peaks.peak[level * CSEC_TILE_HEIGHT + h], part.peak[h], CSEC_TREE_HASH);
	}
	peaks.size = size;
	if (!csec_tree_peaks_root(&peaks, root))
		openssl_failed();
}

/* ---- at the start ---- */

/* How many tiles of a level are full, and hashes in the one that is not. */
static uint64
full_tiles(int level)
{
	int			height = CSEC_TILE_HEIGHT * (level + 1);

	return height < 64 ? size >> height : 0;
}

static int
loose_hashes(int level)
{
	return (int) (size >> (CSEC_TILE_HEIGHT * level)) & (CSEC_TILE_WIDTH - 1);
}

static void
remove_tile(CsecTree *tree, ItemPointer tid, void *arg)
{
	simple_heap_delete(csec_tree_rel(tree), tid);
	*(bool *) arg = true;
}

/* What cannot be read stays zero. */
static bool
read_ends(CsecTree *tree)
{
	bool		whole = true;

	for (int level = 0; level < CSEC_TILE_LEVELS; level++)
	{
		Tile	   *tile = &tiles[level];

		memset(tile->hashes, 0, sizeof(tile->hashes));
		tile->count = loose_hashes(level);
		whole = csec_tree_hashes(tree, level, full_tiles(level), tile->count,
								 tile->hashes) && whole;
	}
	return whole;
}

/* Each tile of a level that is missing, from the level below. */
static void
make_missing(CsecTree *tree, int level)
{
	static uint8 hashes[CSEC_TILE_SIZE];

	for (uint64 number = 0; number < full_tiles(level); number++)
	{
		uint8		root[CSEC_TREE_HASH];
		bool		removed;

		if (csec_tree_tile(tree, level, number, hashes, root))
			continue;
		csec_tree_scan(tree, level, number, number, remove_tile, &removed);
		memset(hashes, 0, sizeof(hashes));
		(void) csec_tree_hashes(tree, level, number, CSEC_TILE_WIDTH, hashes);
		if (!csec_tree_fold(hashes, CSEC_TILE_HEIGHT, root))
			openssl_failed();
		store_tile(level, number, hashes, root);
	}
	csec_tree_store();
}

/* The tree with what this transaction has written. */
static CsecTree *
open_tree(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	return csec_tree_open(GetActiveSnapshot(), RowExclusiveLock);
}

static void
close_tree(CsecTree *tree)
{
	csec_tree_close(tree);
	PopActiveSnapshot();
}

bool
csec_tree_load(uint64 records)
{
	CsecTree   *tree = open_tree();
	bool		mended = false;
	bool		whole;

	size = records;
	for (int level = 0; level < CSEC_TILE_LEVELS; level++)
		csec_tree_scan(tree, level, full_tiles(level), PG_INT64_MAX, remove_tile, &mended);
	whole = read_ends(tree);
	close_tree(tree);
	if (whole)
		return mended;
	for (int level = 0; level < CSEC_TILE_LEVELS; level++)
	{
		tree = open_tree();
		make_missing(tree, level);
		close_tree(tree);
	}
	tree = open_tree();
	(void) read_ends(tree);
	close_tree(tree);
	return true;
}
