/*
 * subject_store.c
 *		The rows of csec.subject_key and csec.subject_space, read and added.
 *
 * Rows are seen as they are now (SnapshotSelf), those of the same command
 * included: a key must be found by the next row of the statement that made it.
 *
 * A key is added as INSERT ... ON CONFLICT DO NOTHING does it, but below the
 * executor: two sessions that write about a new customer at once shall both
 * find one key, in any isolation level, and a load of many new customers must
 * not pay for a query each.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "keys/subject_store.h"
#include "util/bytea.h"
#include "util/bytes.h"
#include "util/own_table.h"
#include "util/pgcompat.h"
#include "util/write_target.h"

/* The columns of csec.subject_key, in its order. */
enum
{
	KEY_PSEUDONYM = 1,
	KEY_SPACE,
	KEY_WRAPPED,
	KEY_DESTROYED_AT,
	KEY_NATTS = KEY_DESTROYED_AT
};

/* Those of csec.subject_space. */
enum
{
	SPACE_ID = 1,
	SPACE_RELID,
	SPACE_WRAPPED
};

typedef enum Table
{
	SUBJECT_KEY,
	SUBJECT_SPACE
} Table;

/* Their numbers when they were last opened. */
static Oid	opened[2];

bool
csec_subject_store_readable(void)
{
	return IsTransactionState() && OidIsValid(MyDatabaseId) && !HistoricSnapshotActive();
}

bool
csec_subject_store_relation(Oid relid)
{
	return relid == opened[SUBJECT_KEY] || relid == opened[SUBJECT_SPACE];
}

/*
 * Where a row is replaced meanwhile, SnapshotSelf can pass over both of its
 * versions: the new one as it is not committed yet, and the old one, met after
 * that commit, as it is not valid any more.  So "there is none" is asked for once
 * more, by a snapshot, which has one of them.
 */
#define NEWEST_SNAPSHOT ((Snapshot) NULL)

static Relation
open_table(Table table, LOCKMODE lock)
{
	static const char *const names[] = {"subject_key", "subject_space"};
	const char *name = names[table];
	Oid			relid = csec_own_table(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table csec.%s is missing", name)));
	opened[table] = relid;
	return table_open(relid, lock);
}

static bool
read_wrapped(HeapTuple row, TupleDesc desc, int column, uint8 *out)
{
	bool		isnull;
	Datum		value = heap_getattr(row, column, desc, &isnull);
	bytea	   *bytes;

	if (isnull)
		return false;
	bytes = DatumGetByteaPP(value);
	if (VARSIZE_ANY_EXHDR(bytes) != CSEC_SUBJECT_WRAPPED)
		return false;
	memcpy(out, VARDATA_ANY(bytes), CSEC_SUBJECT_WRAPPED);
	return true;
}

static void
read_key(HeapTuple row, TupleDesc desc, CsecSubjectRow *out)
{
	bool		isnull;

	memset(out, 0, sizeof(*out));
	memcpy(out->pseudonym,
		   DatumGetUUIDP(heap_getattr(row, KEY_PSEUDONYM, desc, &isnull))->data, CSEC_PSEUDONYM);
	out->space = DatumGetInt32(heap_getattr(row, KEY_SPACE, desc, &isnull));
	out->destroyed = !read_wrapped(row, desc, KEY_WRAPPED, out->wrapped);
	out->own = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
}

/* The rows whose pseudonym lies between two, both included. */
static int
find_between(const pg_uuid_t *low, const pg_uuid_t *high, Snapshot snapshot, CsecSubjectRow *out, int room)
{
	Relation	rel = open_table(SUBJECT_KEY, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	row;
	int			n = 0;

	ScanKeyInit(&keys[0], KEY_PSEUDONYM, BTGreaterEqualStrategyNumber, F_UUID_GE, UUIDPGetDatum(low));
	ScanKeyInit(&keys[1], KEY_PSEUDONYM, BTLessEqualStrategyNumber, F_UUID_LE, UUIDPGetDatum(high));
	scan = systable_beginscan(rel, csec_primary_key_index(rel), true, snapshot, 2, keys);
	while (n < room && HeapTupleIsValid(row = systable_getnext(scan)))
		read_key(row, RelationGetDescr(rel), &out[n++]);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return n;
}

bool
csec_subject_row_find(const uint8 *pseudonym, CsecSubjectRow *out)
{
	pg_uuid_t	wanted;

	memcpy(wanted.data, pseudonym, CSEC_PSEUDONYM);
	return find_between(&wanted, &wanted, SnapshotSelf, out, 1) == 1;
}

int
csec_subject_rows_numbered(uint64 number, CsecSubjectRow *out, int room)
{
	pg_uuid_t	low;
	pg_uuid_t	high;
	int			n;

	memset(low.data, 0x00, CSEC_PSEUDONYM);
	memset(high.data, 0xff, CSEC_PSEUDONYM);
	csec_put_u64(low.data, number);
	csec_put_u64(high.data, number);
	n = find_between(&low, &high, SnapshotSelf, out, room);
	return n > 0 ? n : find_between(&low, &high, NEWEST_SNAPSHOT, out, room);
}

static void
fill_slot(TupleTableSlot *slot, const CsecSubjectRow *row, pg_uuid_t *pseudonym)
{
	memcpy(pseudonym->data, row->pseudonym, CSEC_PSEUDONYM);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, KEY_NATTS * sizeof(bool));
	slot->tts_isnull[KEY_PSEUDONYM - 1] = false;
	slot->tts_values[KEY_PSEUDONYM - 1] = UUIDPGetDatum(pseudonym);
	slot->tts_isnull[KEY_SPACE - 1] = false;
	slot->tts_values[KEY_SPACE - 1] = Int32GetDatum(row->space);
	slot->tts_isnull[KEY_WRAPPED - 1] = false;
	slot->tts_values[KEY_WRAPPED - 1] = PointerGetDatum(csec_bytea(row->wrapped, CSEC_SUBJECT_WRAPPED));
	ExecStoreVirtualTuple(slot);
}

/*
 * One attempt; false: somebody else's row is there, or was until just now.  The
 * caller has looked for one, so what comes in between is rare: it is found out by
 * the insertion, and then waited for.
 */
static bool
insert(EState *estate, ResultRelInfo *target, TupleTableSlot *slot)
{
	Relation	rel = target->ri_RelationDesc;
	ItemPointerData conflict;
	uint32		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
	bool		lost = false;

	table_tuple_insert_speculative(rel, slot, estate->es_output_cid, 0, NULL, token);
	list_free(csec_insert_index_tuples(target, slot, estate, false, true, &lost, false));
	table_tuple_complete_speculative(rel, slot, token, !lost);
	SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	if (lost)
		(void) csec_check_index_constraints(target, slot, estate, &conflict);
	return !lost;
}

bool
csec_subject_row_add(const CsecSubjectRow *row)
{
	Relation	rel = open_table(SUBJECT_KEY, RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	ResultRelInfo *target = csec_write_target(estate, rel, RowExclusiveLock, NULL, true);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	pg_uuid_t	pseudonym;
	bool		added;

	fill_slot(slot, row, &pseudonym);
	added = insert(estate, target, slot);
	ExecDropSingleTupleTableSlot(slot);
	ExecCloseIndices(target);
	MemoryContextSwitchTo(caller);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
	return added;
}

static bool
find_space(Oid relid, Snapshot snapshot, CsecSpaceRow *out)
{
	Relation	rel = open_table(SUBJECT_SPACE, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	row;
	bool		found = false;

	while (!found && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;

		out->relid = DatumGetObjectId(heap_getattr(row, SPACE_RELID, desc, &isnull));
		if (isnull || out->relid != relid)
			continue;
		out->id = DatumGetInt32(heap_getattr(row, SPACE_ID, desc, &isnull));
		found = read_wrapped(row, desc, SPACE_WRAPPED, out->wrapped);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

bool
csec_space_row_find(Oid relid, CsecSpaceRow *out)
{
	return find_space(relid, SnapshotSelf, out) || find_space(relid, NEWEST_SNAPSHOT, out);
}
