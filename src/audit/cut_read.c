/*
 * cut_read.c
 *		The anchor that the trail stands on, as its last cut has it.
 *
 * Found by the index of rare kinds, which somebody could have bent: what it
 * gives is only where to begin.  Whoever verifies meets the record itself in
 * the chain, and compares.  No query, which would be on record as a read.
 */
#include "audit/cut_read.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "audit/trail.h"
#include "util/pgcompat.h"

/* The index of a partition on kind and seq, or NULL. */
static Relation
open_kind_index(Relation rel)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			IndexRelationGetNumberOfKeyAttributes(index) == 2 &&
			index->rd_index->indkey.values[0] == CSEC_LOG_KIND &&
			index->rd_index->indkey.values[1] == CSEC_LOG_SEQ)
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

static bool
take_apart(bytea *record, CsecCut *cut, CsecField *bytes)
{
	const uint8 *data = (uint8 *) VARDATA_ANY(record);
	CsecHeader	header;
	CsecBody	body;

	if (!csec_header_get(data, VARSIZE_ANY_EXHDR(record), &header) ||
		!csec_body_get(data + CSEC_HEADER_SIZE, header.body_len, &body) ||
		!csec_cut_of_body(&body, cut))
		return false;
	*bytes = body.field[CSEC_TAG_PAYLOAD];
	return true;
}

/* The last record of a cut in a partition, if it is behind this number. */
static bytea *
last_in(Relation rel, Relation index, Snapshot snapshot, int64 *seq)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	IndexScanDesc scan = csec_index_beginscan(rel, index, snapshot, 1);
	ScanKeyData key;
	bytea	   *record = NULL;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(CSEC_KIND_CUT));
	index_rescan(scan, &key, 1, NULL, 0);
	if (index_getnext_slot(scan, BackwardScanDirection, slot))
	{
		bool		isnull;
		int64		found = DatumGetInt64(slot_getattr(slot, CSEC_LOG_SEQ, &isnull));
		Datum		value = slot_getattr(slot, CSEC_LOG_RECORD, &isnull);

		if (found > *seq && !isnull)
		{
			*seq = found;
			record = DatumGetByteaPCopy(value);
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return record;
}

bool
csec_cut_read_last(Snapshot snapshot, CsecCut *cut, CsecField *bytes, int64 *seq)
{
	List	   *leaves = csec_trail_partitions("audit_log", AccessShareLock);
	ListCell   *cell;
	bytea	   *last = NULL;

	*seq = 0;
	foreach(cell, leaves)
	{
		Relation	rel = table_open(lfirst_oid(cell), AccessShareLock);
		Relation	index;

		csec_trail_check_columns(rel, "audit_log");
		index = open_kind_index(rel);
		if (index != NULL)
		{
			bytea	   *record = last_in(rel, index, snapshot, seq);

			if (record != NULL)
				last = record;
			index_close(index, AccessShareLock);
		}
		table_close(rel, AccessShareLock);
	}
	return last != NULL && take_apart(last, cut, bytes);
}
