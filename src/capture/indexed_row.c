/*
 * indexed_row.c
 *		The table's row of an index-only scan's entry.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"

#include "capture/indexed_row.h"

/*
 * The row that an index-only scan has come to, fetched into "room", a slot for
 * rows of its table; NULL if it is not to be found.
 *
 * The scan's place is the index entry's while the page is known to be visible
 * to all: the beginning of a chain of versions, or a line pointer to one.  Where
 * the scan looked at the table itself, the place has become that of the version
 * that it found, at which no chain begins.
 */
TupleTableSlot *
csec_indexed_row(PlanState *scan, TupleTableSlot *room)
{
	IndexScanDesc desc = ((IndexOnlyScanState *) scan)->ioss_ScanDesc;
	Snapshot	snapshot = scan->state->es_snapshot;
	ItemPointerData tid = desc->xs_heaptid;
	bool		again = false;

	if (table_index_fetch_tuple(desc->xs_heapfetch, &tid, snapshot, room, &again, NULL) ||
		table_tuple_fetch_row_version(desc->heapRelation, &desc->xs_heaptid, snapshot, room))
		return room;
	return NULL;
}
