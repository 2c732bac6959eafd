/*
 * log_scan.c
 *		Reads csec_trail.audit_log in the order of seq.
 *
 * An ordered scan of each partition's index on seq, merged: partitions are
 * months of the sealer's clock, and a clock that was set back makes numbers
 * alternate between two.  No executor and no planner: nothing that a rule, a
 * row security policy or an operator of somebody's own could bend.
 */
#include "audit/log_scan.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "audit/record.h"
#include "audit/trail.h"
#include "util/pgcompat.h"

typedef struct LeafScan
{
	Relation	rel;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;		/* looked ahead; empty at the end */
	int64		seq;
} LeafScan;

struct CsecLogScan
{
	int			count;
	LeafScan   *current;		/* whose row was given last, or NULL */
	int64		last;			/* its seq */
	LeafScan	leaf[FLEXIBLE_ARRAY_MEMBER];
};

static Relation
open_seq_index(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == CSEC_LOG_SEQ &&
			RelationGetIndexPredicate(index) == NIL &&
			(index->rd_indoption[0] & INDOPTION_DESC) == 0)
		{
			list_free(indexes);
			return index;
		}
		index_close(index, AccessShareLock);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("partition %s of the trail has no index on seq",
					RelationGetRelationName(rel)),
			 errhint("Somebody has dropped it. CREATE INDEX ON csec_trail.%s (seq) makes it again.",
					 RelationGetRelationName(rel))));
}

static void
step(LeafScan *leaf)
{
	bool		isnull;

	if (!index_getnext_slot(leaf->scan, ForwardScanDirection, leaf->slot))
	{
		ExecClearTuple(leaf->slot);
		return;
	}
	leaf->seq = DatumGetInt64(slot_getattr(leaf->slot, CSEC_LOG_SEQ, &isnull));
}

static void
open_leaf(LeafScan *leaf, Relation rel, int64 from, int64 to, Snapshot snapshot)
{
	ScanKeyData key[2];

	leaf->rel = rel;
	csec_trail_check_columns(leaf->rel, "audit_log");
	leaf->index = open_seq_index(leaf->rel);
	leaf->slot = table_slot_create(leaf->rel, NULL);
	ScanKeyInit(&key[0], 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from));
	ScanKeyInit(&key[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(to));
	leaf->scan = csec_index_beginscan(leaf->rel, leaf->index, snapshot, 2);
	index_rescan(leaf->scan, key, 2, NULL, 0);
	step(leaf);
}

CsecLogScan *
csec_log_scan_begin(int64 from, int64 to, Snapshot snapshot)
{
	List	   *leaves = csec_trail_partitions("audit_log", AccessShareLock);
	CsecLogScan *scan = palloc0(offsetof(CsecLogScan, leaf) +
								list_length(leaves) * sizeof(LeafScan));
	ListCell   *cell;

	foreach(cell, leaves)
		open_leaf(&scan->leaf[scan->count++], table_open(lfirst_oid(cell), AccessShareLock),
				  from, to, snapshot);
	return scan;
}

CsecLogScan *
csec_log_scan_month(int64 seq, TimestampTz at, Snapshot snapshot)
{
	Relation	rel = csec_trail_month("audit_log", at, AccessShareLock);
	CsecLogScan *scan;

	if (rel == NULL)
		return NULL;
	scan = palloc0(offsetof(CsecLogScan, leaf) + sizeof(LeafScan));
	open_leaf(&scan->leaf[scan->count++], rel, seq, seq, snapshot);
	return scan;
}

/* The leaf with the smallest number; the first of two. */
static LeafScan *
smallest(CsecLogScan *scan)
{
	LeafScan   *found = NULL;

	for (int i = 0; i < scan->count; i++)
		if (!TTS_EMPTY(scan->leaf[i].slot) &&
			(found == NULL || scan->leaf[i].seq < found->seq))
			found = &scan->leaf[i];
	return found;
}

TupleTableSlot *
csec_log_scan_next(CsecLogScan *scan)
{
	LeafScan   *leaf = scan->current;

	if (leaf != NULL)
		step(leaf);
	/* where numbers run on, no other leaf can have a smaller one to give */
	if (leaf == NULL || TTS_EMPTY(leaf->slot) || leaf->seq != scan->last + 1)
		leaf = smallest(scan);
	scan->current = leaf;
	if (leaf == NULL)
		return NULL;
	scan->last = leaf->seq;
	return leaf->slot;
}

void
csec_log_scan_end(CsecLogScan *scan)
{
	for (int i = 0; i < scan->count; i++)
	{
		LeafScan   *leaf = &scan->leaf[i];

		index_endscan(leaf->scan);
		ExecDropSingleTupleTableSlot(leaf->slot);
		index_close(leaf->index, AccessShareLock);
		table_close(leaf->rel, AccessShareLock);
	}
	pfree(scan);
}

bool
csec_log_scan_hash(int64 seq, Snapshot snapshot, uint8 *hash)
{
	CsecLogScan *scan = csec_log_scan_begin(seq, seq, snapshot);
	TupleTableSlot *slot = csec_log_scan_next(scan);
	bool		isnull = true;
	Datum		value;
	bool		found;

	if (slot != NULL)
		value = slot_getattr(slot, CSEC_LOG_HASH, &isnull);
	found = !isnull && VARSIZE_ANY_EXHDR(DatumGetByteaPP(value)) == CSEC_HASH_SIZE;
	if (found)
		memcpy(hash, VARDATA_ANY(DatumGetByteaPP(value)), CSEC_HASH_SIZE);
	csec_log_scan_end(scan);
	return found;
}
