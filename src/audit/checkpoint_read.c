/*
 * checkpoint_read.c
 *		Reads csec_trail.checkpoint in the order of epochs.
 *
 * Like log_scan.c it goes by the index, without executor and planner.
 */
#include "audit/checkpoint_read.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "audit/trail.h"
#include "crypto/hash.h"
#include "util/pgcompat.h"

struct CsecCheckpointScan
{
	Relation	rel;
	Relation	index;
	SysScanDesc scan;
};

int64
csec_checkpoint_time(int64 timestamp)
{
	return timestamp + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

static Relation
open_index(Relation rel)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == CSEC_CHECKPOINT_EPOCH &&
			RelationGetIndexPredicate(index) == NIL)
			return index;
		index_close(index, AccessShareLock);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("csec_trail.checkpoint has no index on epoch"),
			 errhint("Somebody has dropped it. CREATE UNIQUE INDEX ON csec_trail.checkpoint (epoch) makes it again.")));
}

CsecCheckpointScan *
csec_checkpoint_scan_begin(Snapshot snapshot)
{
	Oid			relid = csec_trail_relid("checkpoint");
	CsecCheckpointScan *scan;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table csec_trail.checkpoint does not exist"),
				 errhint("The trail begins with the first call of csec.protect().")));
	scan = palloc0(sizeof(CsecCheckpointScan));
	scan->rel = table_open(relid, AccessShareLock);
	csec_trail_check_columns(scan->rel, "checkpoint");
	scan->index = open_index(scan->rel);
	scan->scan = systable_beginscan_ordered(scan->rel, scan->index, snapshot, 0, NULL);
	return scan;
}

/* Bytes of at most this size; -1 for what is null or longer. */
static int
get_bytes(HeapTuple tuple, Relation rel, int column, uint8 *out, int size)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, RelationGetDescr(rel), &isnull);
	bytea	   *bytes;
	int			len;

	if (isnull)
		return -1;
	bytes = DatumGetByteaPP(value);
	len = (int) VARSIZE_ANY_EXHDR(bytes);
	if (len <= size)
		memcpy(out, VARDATA_ANY(bytes), len);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return len <= size ? len : -1;
}

static int64
get_number(HeapTuple tuple, Relation rel, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, RelationGetDescr(rel), &isnull);

	return isnull ? -1 : DatumGetInt64(value);
}

bool
csec_checkpoint_scan_next(CsecCheckpointScan *scan, ScanDirection direction,
						  CsecCheckpointRow *row)
{
	HeapTuple	tuple = systable_getnext_ordered(scan->scan, direction);
	uint8		note[CSEC_CHECKPOINT_NOTE];
	int			len;

	CHECK_FOR_INTERRUPTS();
	if (!HeapTupleIsValid(tuple))
		return false;
	memset(row, 0, sizeof(*row));
	row->epoch = get_number(tuple, scan->rel, CSEC_CHECKPOINT_EPOCH);
	row->at = get_number(tuple, scan->rel, CSEC_CHECKPOINT_AT);
	row->size = get_number(tuple, scan->rel, CSEC_CHECKPOINT_SIZE);
	len = get_bytes(tuple, scan->rel, CSEC_CHECKPOINT_BYTES, note, sizeof(note));
	row->signed_well =
		get_bytes(tuple, scan->rel, CSEC_CHECKPOINT_ROOT, row->root, CSEC_TREE_HASH) == CSEC_TREE_HASH &&
		len > 0 && csec_sha256(note, (size_t) len, row->note_hash) &&
		csec_checkpoint_open(note, (size_t) len, &row->note);
	return true;
}

void
csec_checkpoint_scan_end(CsecCheckpointScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->rel, NoLock);
	pfree(scan);
}

bool
csec_checkpoint_last(Snapshot snapshot, CsecCheckpointRow *row)
{
	CsecCheckpointScan *scan = csec_checkpoint_scan_begin(snapshot);
	bool		found = csec_checkpoint_scan_next(scan, BackwardScanDirection, row);

	csec_checkpoint_scan_end(scan);
	return found;
}
