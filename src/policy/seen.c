/*
 * seen.c
 *		Does a transaction see the protection that its DDL is held to?
 *
 * csec's event triggers are SQL.  Under REPEATABLE READ and SERIALIZABLE they
 * see csec's tables and the columns of tables as these were when the
 * transaction began, while the command itself works on what is so now: a child
 * of a table that has become protected since would get no triggers, and a
 * column that has become a field since would still be text to them.  Such a
 * command fails as any other that cannot be put before what another
 * transaction did, and can be tried again.
 *
 * What is seen is compared by the places of rows.  csec.migration_part is
 * written with each batch of csec.protect_online(), so of that the tables count.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "util/own_table.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sees_policy);

/* The number of rows that a snapshot sees, and the sum of what tells them apart. */
typedef struct Sight
{
	uint64		rows;
	uint64		sum;
} Sight;

static Sight
look(Relation rel, Snapshot snapshot, bool by_place)
{
	SysScanDesc scan;
	Sight		sight = {0, 0};
	HeapTuple	row;

	snapshot = RegisterSnapshot(snapshot);
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		uint64		place = (uint64) ItemPointerGetBlockNumber(&row->t_self) << 16 |
			ItemPointerGetOffsetNumber(&row->t_self);
		bool		isnull;

		if (!by_place)
			place = DatumGetObjectId(heap_getattr(row, 1, RelationGetDescr(rel), &isnull));
		sight.rows++;
		/* odd, so that no bit of a place is lost; squared, so that sums of two differ */
		sight.sum += (place + 1) * (place + 1) * UINT64CONST(0x9E3779B97F4A7C15);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return sight;
}

static bool
is_seen(const char *table, bool by_place)
{
	Oid			relid = csec_own_table(table);
	Relation	rel;
	Sight		now;
	Sight		seen;

	if (!OidIsValid(relid))
		return true;
	rel = table_open(relid, AccessShareLock);
	now = look(rel, GetLatestSnapshot(), by_place);
	seen = look(rel, GetTransactionSnapshot(), by_place);
	table_close(rel, AccessShareLock);
	return now.rows == seen.rows && now.sum == seen.sum;
}

/* csec.sees_policy() */
Datum
csec_sees_policy(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_seen("protected_table", true) && is_seen("protected_field", true) &&
				   is_seen("migration_part", false));
}
