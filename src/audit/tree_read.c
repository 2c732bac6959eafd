/*
 * tree_read.c
 *		Reads the tree over the trail's records from csec_trail.tree_tile.
 *
 * The table has the full tiles, each with the hash over it.  A tile that is
 * not full yet is not stored, so that no row is ever written twice: its hashes
 * are the roots of full tiles below it, and on the lowest level come from the
 * last records themselves.  So a proof reads at most two or three tiles' worth
 * of rows on each of a few levels, however long the trail is.
 *
 * Like log_scan.c it goes by the index, without executor and planner.
 */
#include "audit/tree_read.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "audit/log_scan.h"
#include "audit/trail.h"
#include "util/pgcompat.h"

#define STATE_SEQ 5				/* column of csec_trail.sealer_state */

/* The tile of a level that was read last. */
typedef struct Cached
{
	bool		valid;
	uint64		number;
	int			count;
	uint8		hashes[CSEC_TILE_SIZE];
} Cached;

struct CsecTree
{
	Relation	rel;
	Oid			index;
	LOCKMODE	lockmode;
	Snapshot	snapshot;
	Cached		cached[CSEC_TILE_LEVELS];
};

static Oid
find_index(Relation rel)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		bool		fits = index->rd_rel->relam == BTREE_AM_OID &&
			index->rd_index->indisvalid &&
			IndexRelationGetNumberOfKeyAttributes(index) == 2 &&
			index->rd_index->indkey.values[0] == CSEC_TILE_LEVEL &&
			index->rd_index->indkey.values[1] == CSEC_TILE_NUMBER &&
			RelationGetIndexPredicate(index) == NIL;

		index_close(index, AccessShareLock);
		if (fits)
			return lfirst_oid(cell);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("csec_trail.tree_tile has no index on level and tile"),
			 errhint("Somebody has dropped it. CREATE UNIQUE INDEX ON csec_trail.tree_tile (level, tile) makes it again.")));
}

CsecTree *
csec_tree_open(Snapshot snapshot, LOCKMODE lockmode)
{
	Oid			relid = csec_trail_relid("tree_tile");
	CsecTree   *tree;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table csec_trail.tree_tile does not exist"),
				 errhint("The trail begins with the first call of csec.protect().")));
	tree = palloc0(sizeof(CsecTree));
	tree->rel = table_open(relid, lockmode);
	csec_trail_check_columns(tree->rel, "tree_tile");
	tree->index = find_index(tree->rel);
	tree->lockmode = lockmode;
	tree->snapshot = snapshot;
	return tree;
}

void
csec_tree_close(CsecTree *tree)
{
	table_close(tree->rel, NoLock);
	pfree(tree);
}

Relation
csec_tree_rel(CsecTree *tree)
{
	return tree->rel;
}

uint64
csec_tree_sealed(Snapshot snapshot)
{
	Oid			relid = csec_trail_relid("sealer_state");
	Relation	rel;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		seq = 0;

	if (!OidIsValid(relid))
		return 0;
	rel = table_open(relid, AccessShareLock);
	csec_trail_check_columns(rel, "sealer_state");
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		seq = DatumGetInt64(slot_getattr(slot, STATE_SEQ, &isnull));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return (uint64) Max(seq, 0);
}

/* The tiles of a level from one number to another, in their order. */
static SysScanDesc
begin_scan(CsecTree *tree, Relation index, int level, uint64 from, uint64 to)
{
	ScanKeyData key[3];

	ScanKeyInit(&key[0], 1, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(level));
	ScanKeyInit(&key[1], 2, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum((int64) from));
	ScanKeyInit(&key[2], 2, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum((int64) to));
	return systable_beginscan_ordered(tree->rel, index, tree->snapshot, 3, key);
}

static bool
copy_hashes(Datum value, bool isnull, uint8 *out, size_t size)
{
	bytea	   *bytes;
	bool		good;

	if (isnull)
		return false;
	bytes = DatumGetByteaPP(value);
	good = VARSIZE_ANY_EXHDR(bytes) == size;
	if (good)
		memcpy(out, VARDATA_ANY(bytes), size);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return good;
}

bool
csec_tree_tile(CsecTree *tree, int level, uint64 number, uint8 *hashes, uint8 *root)
{
	TupleDesc	desc = RelationGetDescr(tree->rel);
	Relation	index = index_open(tree->index, AccessShareLock);
	SysScanDesc scan = begin_scan(tree, index, level, number, number);
	HeapTuple	tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	bool		good = HeapTupleIsValid(tuple);

	if (good)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, CSEC_TILE_HASHES, desc, &isnull);

		good = copy_hashes(value, isnull, hashes, CSEC_TILE_SIZE);
		value = heap_getattr(tuple, CSEC_TILE_ROOT, desc, &isnull);
		if (root != NULL)
			good = good && copy_hashes(value, isnull, root, CSEC_TREE_HASH);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	return good;
}

/* The roots of count tiles, side by side. */
static bool
read_roots(CsecTree *tree, int level, uint64 first, int count, uint8 *hashes)
{
	TupleDesc	desc = RelationGetDescr(tree->rel);
	Relation	index = index_open(tree->index, AccessShareLock);
	SysScanDesc scan = begin_scan(tree, index, level, first, first + count - 1);
	HeapTuple	tuple;
	int			found = 0;

	while (found < count &&
		   HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;
		Datum		number = heap_getattr(tuple, CSEC_TILE_NUMBER, desc, &isnull);
		Datum		root;

		if ((uint64) DatumGetInt64(number) != first + found)
			break;
		root = heap_getattr(tuple, CSEC_TILE_ROOT, desc, &isnull);
		if (!copy_hashes(root, isnull, hashes + found * CSEC_TREE_HASH, CSEC_TREE_HASH))
			break;
		found++;
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	return found == count;
}

/* The leaves of count records. */
static bool
read_leaves(CsecTree *tree, uint64 first, int count, uint8 *hashes)
{
	CsecLogScan *scan = csec_log_scan_begin((int64) first + 1, (int64) (first + count),
											tree->snapshot);
	TupleTableSlot *slot;
	int			found = 0;

	while (found < count && (slot = csec_log_scan_next(scan)) != NULL)
	{
		bool		isnull;
		Datum		seq = slot_getattr(slot, CSEC_LOG_SEQ, &isnull);
		Datum		hash;
		uint8		bytes[CSEC_TREE_HASH];

		if ((uint64) DatumGetInt64(seq) != first + found + 1)
			break;
		hash = slot_getattr(slot, CSEC_LOG_HASH, &isnull);
		if (!copy_hashes(hash, isnull, bytes, sizeof(bytes)) ||
			!csec_tree_leaf(bytes, hashes + found * CSEC_TREE_HASH))
			break;
		found++;
	}
	csec_log_scan_end(scan);
	return found == count;
}

bool
csec_tree_hashes(CsecTree *tree, int level, uint64 number, int count, uint8 *hashes)
{
	uint64		first = number << CSEC_TILE_HEIGHT;

	CHECK_FOR_INTERRUPTS();
	if (count == 0)
		return true;
	if (level == 0)
		return read_leaves(tree, first, count, hashes);
	return read_roots(tree, level - 1, first, count, hashes);
}

static bool
have_tile(CsecTree *tree, int level, uint64 number, int count)
{
	Cached	   *cached = &tree->cached[level];

	if (cached->valid && cached->number == number && cached->count >= count)
		return true;
	cached->number = number;
	cached->valid = csec_tree_tile(tree, level, number, cached->hashes, NULL);
	cached->count = CSEC_TILE_WIDTH;
	if (!cached->valid)
	{
		cached->valid = csec_tree_hashes(tree, level, number, count, cached->hashes);
		cached->count = count;
	}
	return cached->valid;
}

bool
csec_tree_source(void *arg, int height, uint64_t index, uint8_t *out)
{
	CsecTree   *tree = arg;
	int			level = height / CSEC_TILE_HEIGHT;
	int			above = height % CSEC_TILE_HEIGHT;
	uint64		first = index << above;
	int			place = (int) (first % CSEC_TILE_WIDTH);

	return level < CSEC_TILE_LEVELS &&
		have_tile(tree, level, first / CSEC_TILE_WIDTH, place + (1 << above)) &&
		csec_tree_fold(tree->cached[level].hashes + place * CSEC_TREE_HASH, above, out);
}

void
csec_tree_scan(CsecTree *tree, int level, uint64 from, uint64 to,
			   CsecTileCallback callback, void *arg)
{
	Relation	index = index_open(tree->index, AccessShareLock);
	SysScanDesc scan = begin_scan(tree, index, level, from, to);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		callback(tree, &tuple->t_self, arg);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
}
