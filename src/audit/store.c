/*
 * store.c
 *		Puts records into csec_trail.audit_log, many at a time.
 *
 * Rows go straight into the leaf partition with table_multi_insert, as COPY
 * does: a tenth of what an INSERT through SPI costs.  Constraints, triggers
 * and generated columns are not looked at, because the trail has none.
 */
#include "audit/store.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audit/columns.h"
#include "audit/subjects.h"
#include "audit/trail.h"
#include "util/pgcompat.h"

#define ROWS_AT_A_TIME 1000

/* Multiranges are many times as large as the bodies they come from. */
#define ROWS_MEMORY (8 * 1024 * 1024)

/* A leaf that is being filled. */
typedef struct Leaf
{
	Relation	rel;
	ResultRelInfo *info;
	BulkInsertState bulk;
	TupleTableSlot *slot[ROWS_AT_A_TIME];
	int			used;
	int			made;
} Leaf;

struct CsecStore
{
	TimestampTz at;
	MemoryContext rows;			/* values of the rows being gathered */
	EState	   *estate;
	Leaf		log;
	Leaf		subject;
};

static bool
partitions_exist(TimestampTz at)
{
	static const char *const parents[] = {"audit_log", "audit_subject"};

	for (int i = 0; i < lengthof(parents); i++)
	{
		Relation	leaf = csec_trail_partition(parents[i], at, AccessShareLock);

		if (leaf == NULL)
			return false;
		table_close(leaf, AccessShareLock);
	}
	return true;
}

void
csec_store_add_partitions(TimestampTz at)
{
	Oid			argtypes[] = {TIMESTAMPTZOID};
	Datum		args[] = {TimestampTzGetDatum(at)};

	SPI_connect();
	if (SPI_execute_with_args("SELECT csec.add_trail_partitions($1)", 1,
							  argtypes, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not make the partitions of the trail");
	SPI_finish();
	CommandCounterIncrement();
}

static void
open_leaf(CsecStore *store, Leaf *leaf, const char *parent, int columns)
{
	leaf->rel = csec_trail_partition(parent, store->at, RowExclusiveLock);
	if (leaf->rel == NULL || RelationGetNumberOfAttributes(leaf->rel) != columns)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a partition of csec_trail.%s is not as csec made it", parent)));
	leaf->info = makeNode(ResultRelInfo);
	InitResultRelInfo(leaf->info, leaf->rel, 1, NULL, 0);
	ExecOpenIndices(leaf->info, false);
	leaf->bulk = GetBulkInsertState();
	leaf->used = leaf->made = 0;
}

static void
flush_leaf(CsecStore *store, Leaf *leaf)
{
	if (leaf->used == 0)
		return;
	table_multi_insert(leaf->rel, leaf->slot, leaf->used,
					   GetCurrentCommandId(true), 0, leaf->bulk);
	for (int i = 0; i < leaf->used; i++)
	{
		list_free(csec_insert_index_tuples(leaf->info, leaf->slot[i],
										   store->estate));
		ExecClearTuple(leaf->slot[i]);
	}
	ResetPerTupleExprContext(store->estate);
	leaf->used = 0;
}

static void
close_leaf(CsecStore *store, Leaf *leaf)
{
	flush_leaf(store, leaf);
	for (int i = 0; i < leaf->made; i++)
		ExecDropSingleTupleTableSlot(leaf->slot[i]);
	FreeBulkInsertState(leaf->bulk);
	table_finish_bulk_insert(leaf->rel, 0);
	ExecCloseIndices(leaf->info);
	table_close(leaf->rel, NoLock);
}

static TupleTableSlot *
next_slot(Leaf *leaf)
{
	if (leaf->used == leaf->made)
		leaf->slot[leaf->made++] = table_slot_create(leaf->rel, NULL);
	return leaf->slot[leaf->used++];
}

CsecStore *
csec_store_begin(TimestampTz at)
{
	CsecStore  *store = palloc(sizeof(CsecStore));

	store->at = at;
	store->rows = AllocSetContextCreate(CurrentMemoryContext, "csec rows",
										ALLOCSET_DEFAULT_SIZES);
	store->estate = CreateExecutorState();
	if (!partitions_exist(at))
		csec_store_add_partitions(at);
	open_leaf(store, &store->log, "audit_log", CSEC_LOG_COLUMNS);
	open_leaf(store, &store->subject, "audit_subject", CSEC_SUBJECT_COLUMNS);
	return store;
}

void
csec_store_end(CsecStore *store)
{
	close_leaf(store, &store->log);
	close_leaf(store, &store->subject);
	FreeExecutorState(store->estate);
	MemoryContextDelete(store->rows);
	pfree(store);
}

static void
flush_rows(CsecStore *store)
{
	flush_leaf(store, &store->log);
	flush_leaf(store, &store->subject);
	MemoryContextReset(store->rows);
}

static void
add_subject_rows(CsecStore *store, uint64 seq, const CsecColumns *columns)
{
	for (int i = 0; i < columns->count; i++)
	{
		TupleTableSlot *slot;

		if (store->subject.used == ROWS_AT_A_TIME)
			flush_leaf(store, &store->subject);
		slot = next_slot(&store->subject);
		slot->tts_values[CSEC_SUBJECT_SUBJECT - 1] = Int64GetDatum(columns->key[i]);
		slot->tts_values[CSEC_SUBJECT_SEQ - 1] = Int64GetDatum((int64) seq);
		slot->tts_values[CSEC_SUBJECT_AT - 1] = TimestampTzGetDatum(store->at);
		slot->tts_values[CSEC_SUBJECT_RELID - 1] = ObjectIdGetDatum(columns->relid);
		memset(slot->tts_isnull, false, CSEC_SUBJECT_COLUMNS);
		ExecStoreVirtualTuple(slot);
	}
}

/* A role's name in another encoding than this database's stays in the record. */
static bool
login_is_text(const CsecColumns *columns)
{
	return columns->login.data != NULL &&
		pg_verifymbstr((const char *) columns->login.data,
					   (int) columns->login.len, true);
}

static void
fill_row(CsecStore *store, TupleTableSlot *slot, uint64 seq, bytea *record,
		 const uint8 *hash, const CsecColumns *columns)
{
	Datum	   *values = slot->tts_values - 1;
	bool	   *nulls = slot->tts_isnull - 1;
	bytea	   *hash_value = palloc(VARHDRSZ + CSEC_HASH_SIZE);

	SET_VARSIZE(hash_value, VARHDRSZ + CSEC_HASH_SIZE);
	memcpy(VARDATA(hash_value), hash, CSEC_HASH_SIZE);

	memset(slot->tts_isnull, false, CSEC_LOG_COLUMNS);
	values[CSEC_LOG_SEQ] = Int64GetDatum((int64) seq);
	values[CSEC_LOG_AT] = TimestampTzGetDatum(store->at);
	values[CSEC_LOG_KIND] = Int16GetDatum(columns->kind);
	values[CSEC_LOG_RECORD] = PointerGetDatum(record);
	values[CSEC_LOG_HASH] = PointerGetDatum(hash_value);

	nulls[CSEC_LOG_SUBJECT] = columns->shape != CSEC_SHAPE_ONE;
	if (columns->shape == CSEC_SHAPE_ONE)
		values[CSEC_LOG_SUBJECT] = Int64GetDatum(columns->key[0]);
	nulls[CSEC_LOG_RELID] = !columns->has_relid;
	values[CSEC_LOG_RELID] = ObjectIdGetDatum(columns->relid);
	nulls[CSEC_LOG_LOGIN] = !login_is_text(columns);
	if (!nulls[CSEC_LOG_LOGIN])
		values[CSEC_LOG_LOGIN] =
			PointerGetDatum(cstring_to_text_with_len((const char *) columns->login.data,
													 (int) columns->login.len));
	nulls[CSEC_LOG_SUBJECTS] = columns->shape != CSEC_SHAPE_MANY &&
		columns->shape != CSEC_SHAPE_ALL;
	if (!nulls[CSEC_LOG_SUBJECTS])
		values[CSEC_LOG_SUBJECTS] = csec_subjects_multirange(columns);
}

void
csec_store_add(CsecStore *store, uint64 seq, bytea *record, const uint8 *hash)
{
	CsecBody	body;
	CsecColumns columns;
	TupleTableSlot *slot;
	MemoryContext old;

	if (!csec_body_get((uint8 *) VARDATA(record) + CSEC_HEADER_SIZE,
					   VARSIZE(record) - VARHDRSZ - CSEC_HEADER_SIZE, &body) ||
		!csec_columns_derive(&body, &columns))
		elog(ERROR, "could not derive the columns of an audit record");

	if (store->log.used == ROWS_AT_A_TIME)
		flush_rows(store);
	old = MemoryContextSwitchTo(store->rows);
	slot = next_slot(&store->log);
	fill_row(store, slot, seq, record, hash, &columns);
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(old);
	if (columns.shape == CSEC_SHAPE_FEW)
		add_subject_rows(store, seq, &columns);
	else if (columns.shape == CSEC_SHAPE_MANY &&
			 MemoryContextMemAllocated(store->rows, false) > ROWS_MEMORY)
		flush_rows(store);
}
