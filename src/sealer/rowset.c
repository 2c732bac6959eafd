/*
 * rowset.c
 *		Rows of the sealer's small tables, kept where the sealer knows them.
 *
 * sealer_state, sealer_session and sealer_open have one writer, which
 * remembers the place of each row: so they need no index, and their updates
 * stay on their page.  A row that somebody else has touched makes the update
 * fail, and the sealer starts again from what stands in the table.
 */
#include "sealer/rowset.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "utils/snapmgr.h"

#include "audit/trail.h"
#include "util/pgcompat.h"

#define MAX_COLUMNS 16
#define MAX_TABLES 8

/* Which file of which table the places that are remembered belong to. */
static struct
{
	Oid			relid;
	Oid			file;
}			known[MAX_TABLES];
static int	known_count = 0;

Relation
csec_trail_table_if_any(const char *name)
{
	Oid			relid = csec_trail_relid(name);
	Relation	rel = OidIsValid(relid) ? try_table_open(relid, RowExclusiveLock) : NULL;

	if (rel != NULL)
		csec_trail_check_columns(rel, name);
	return rel;
}

Relation
csec_trail_table(const char *name)
{
	Relation	rel = csec_trail_table_if_any(name);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table csec_trail.%s does not exist", name),
				 errhint("A trail is damaged: restore schema csec_trail from a backup, or rename it so that csec.create_trail() begins a new one.")));
	return rel;
}

void
csec_trail_check_index(Relation rel)
{
	if (list_length(RelationGetIndexList(rel)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("csec_trail.%s has not just the one index that csec made", RelationGetRelationName(rel)),
				 errhint("Drop what was added; the sealer tries again.")));
}

static void
remember_file(Relation rel)
{
	int			i = 0;

	while (i < known_count && known[i].relid != RelationGetRelid(rel))
		i++;
	if (i == MAX_TABLES)
		elog(ERROR, "too many tables in the trail");
	known_count = Max(known_count, i + 1);
	known[i].relid = RelationGetRelid(rel);
	known[i].file = rel->rd_rel->relfilenode;
}

/* VACUUM FULL and its like move rows: then nothing remembered is true. */
static void
check_file(Relation rel)
{
	for (int i = 0; i < known_count; i++)
		if (known[i].relid == RelationGetRelid(rel) &&
			known[i].file == rel->rd_rel->relfilenode)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("csec_trail.%s was rewritten under the sealer",
					RelationGetRelationName(rel)),
			 errdetail("The sealer starts again and reads it anew.")));
}

void
csec_row_put(Relation rel, ItemPointer tid, Datum *values)
{
	bool		nulls[MAX_COLUMNS] = {false};
	HeapTuple	tuple;

	check_file(rel);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	if (ItemPointerIsValid(tid))
		csec_update_row(rel, tid, tuple);
	else
		simple_heap_insert(rel, tuple);
	*tid = tuple->t_self;
	heap_freetuple(tuple);
}

void
csec_row_delete(Relation rel, ItemPointer tid)
{
	check_file(rel);
	simple_heap_delete(rel, tid);
	ItemPointerSetInvalid(tid);
}

/*
 * The scan is also what cleans these pages: updates by place never look at
 * one, and so would never prune it.
 */
int
csec_rows_scan(Relation rel, CsecRowCallback callback, void *arg)
{
	TableScanDesc scan;
	HeapTuple	tuple;
	int			rows = 0;

	remember_file(rel);
	scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Datum		values[MAX_COLUMNS];
		bool		nulls[MAX_COLUMNS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
			if (nulls[i])
				ereport(ERROR,
						(errcode(ERRCODE_DATA_CORRUPTED),
						 errmsg("null in csec_trail.%s",
								RelationGetRelationName(rel))));
		if (callback != NULL)
		{
			/* its own to spoil: from 18 on the scan takes the page from the last row's place */
			ItemPointerData tid = tuple->t_self;

			callback(values, &tid, arg);
		}
		rows++;
	}
	table_endscan(scan);
	return rows;
}
