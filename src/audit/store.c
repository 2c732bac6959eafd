/*
 * store.c
 *		Puts records into csec_trail.audit_log, many at a time.
 *
 * Rows go straight into the leaf partition with table_multi_insert, as COPY
 * does: a tenth of what an INSERT through SPI costs.  Constraints, triggers
 * and generated columns are not looked at, because the trail has none.
 *
 * The rows of a batch go into the heap first, then into one index after the
 * other: see store_index.c.
 */
#include "audit/store.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audit/columns.h"
#include "audit/store_form.h"
#include "audit/store_index.h"
#include "audit/subjects.h"
#include "audit/trail.h"
#include "util/bytea.h"
#include "util/subtransaction.h"

#define ROWS_AT_A_TIME 16384

/* Multiranges are many times as large as the bodies they come from. */
#define ROWS_MEMORY (8 * 1024 * 1024)

/* So long before a month begins its partitions are made. */
#define AHEAD_MS (INT64CONST(20) * 24 * 60 * 60 * 1000)

/*
 * A leaf that is being filled.  The slots stay for the next batch: they belong
 * to a copy of the descriptor, as each slot of a relation's own would take a
 * place in the resource owner, and giving back so many is quadratic.
 */
typedef struct Leaf
{
	const char *parent;
	Relation	rel;
	CsecRowIndexes *indexes;
	BulkInsertState bulk;
	TupleDesc	desc;
	TupleTableSlot *slot[ROWS_AT_A_TIME];
	CsecRowKey	key[ROWS_AT_A_TIME];	/* of the slots used */
	int			used;
	int			made;
} Leaf;

struct CsecStore
{
	TimestampTz at;
	MemoryContext rows;			/* values of the rows being gathered */
	text	   *login;			/* the last login among them, or NULL */
	EState	   *estate;
};

static Leaf log_leaf = {.parent = "audit_log"};
static Leaf subject_leaf = {.parent = "audit_subject"};

bool		csec_trail_own_ddl = false;

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

static void
add_partitions(void *at)
{
	Oid			argtypes[] = {TIMESTAMPTZOID};
	Datum		args[] = {TimestampTzGetDatum(*(TimestampTz *) at)};

	SPI_connect();
	csec_trail_own_ddl = true;
	PG_TRY();
	{
		if (SPI_execute_with_args("SELECT csec.add_trail_partitions($1)", 1,
								  argtypes, args, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not make the partitions of the trail");
	}
	PG_FINALLY();
	{
		csec_trail_own_ddl = false;
	}
	PG_END_TRY();
	SPI_finish();
	CommandCounterIncrement();
}

/* The batches of today do not wait for next month. */
void
csec_store_look_ahead(TimestampTz now)
{
	ErrorData  *error;

	if (partitions_exist(TimestampTzPlusMilliseconds(now, AHEAD_MS)))
		return;
	error = csec_in_subtransaction(add_partitions, &now);
	if (error == NULL)
		return;
	ereport(LOG,
			(errmsg("next month's partitions of the audit trail could not be made yet: %s",
					error->message)));
	FreeErrorData(error);
}

static void
adopt_descriptor(Leaf *leaf)
{
	MemoryContext old;

	if (leaf->desc != NULL && equalTupleDescs(leaf->desc, RelationGetDescr(leaf->rel)))
		return;
	while (leaf->made > 0)
		ExecDropSingleTupleTableSlot(leaf->slot[--leaf->made]);
	if (leaf->desc != NULL)
		FreeTupleDesc(leaf->desc);
	old = MemoryContextSwitchTo(TopMemoryContext);
	leaf->desc = CreateTupleDescCopy(RelationGetDescr(leaf->rel));
	MemoryContextSwitchTo(old);
}

static void
open_leaf(CsecStore *store, Leaf *leaf)
{
	leaf->rel = csec_trail_partition(leaf->parent, store->at, RowExclusiveLock);
	if (leaf->rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("csec_trail.%s has no partition for the present month", leaf->parent),
				 errhint("The sealer makes it when it begins anew.")));
	csec_trail_check_columns(leaf->rel, leaf->parent);
	adopt_descriptor(leaf);
	leaf->indexes = csec_row_indexes_open(leaf->rel, leaf == &log_leaf);
	leaf->bulk = GetBulkInsertState();
	leaf->used = 0;
}

/*
 * Without a look at the free space map: rows stand in the order of seq, and a
 * page that is full is not asked about again.
 */
static void
flush_leaf(CsecStore *store, Leaf *leaf)
{
	if (leaf->used == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	table_multi_insert(leaf->rel, leaf->slot, leaf->used,
					   GetCurrentCommandId(true), HEAP_INSERT_SKIP_FSM, leaf->bulk);
	csec_row_indexes_fill(leaf->indexes, leaf->slot, leaf->key, leaf->used,
						  store->at, store->estate);
	for (int i = 0; i < leaf->used; i++)
		ExecClearTuple(leaf->slot[i]);
	leaf->used = 0;
}

static void
close_leaf(CsecStore *store, Leaf *leaf)
{
	flush_leaf(store, leaf);
	FreeBulkInsertState(leaf->bulk);
	table_finish_bulk_insert(leaf->rel, HEAP_INSERT_SKIP_FSM);
	csec_row_indexes_close(leaf->indexes);
	table_close(leaf->rel, NoLock);
}

/* The slot of one more row, which indexes will find by this. */
static TupleTableSlot *
next_slot(Leaf *leaf, CsecRowKey key)
{
	if (leaf->used == leaf->made)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		leaf->slot[leaf->made] = MakeSingleTupleTableSlot(leaf->desc,
														  table_slot_callbacks(leaf->rel));
		leaf->made++;
		MemoryContextSwitchTo(old);
	}
	key.slot = leaf->used;
	leaf->key[leaf->used] = key;
	return leaf->slot[leaf->used++];
}

CsecStore *
csec_store_begin(TimestampTz at)
{
	CsecStore  *store = palloc(sizeof(CsecStore));

	store->at = at;
	store->login = NULL;
	store->rows = AllocSetContextCreate(CurrentMemoryContext, "csec rows",
										ALLOCSET_DEFAULT_SIZES);
	store->estate = CreateExecutorState();
	if (!partitions_exist(at))
		add_partitions(&at);
	open_leaf(store, &log_leaf);
	open_leaf(store, &subject_leaf);
	return store;
}

void
csec_store_end(CsecStore *store)
{
	close_leaf(store, &log_leaf);
	close_leaf(store, &subject_leaf);
	FreeExecutorState(store->estate);
	MemoryContextDelete(store->rows);
	pfree(store);
}

static void
flush_rows(CsecStore *store)
{
	flush_leaf(store, &log_leaf);
	flush_leaf(store, &subject_leaf);
	MemoryContextReset(store->rows);
	store->login = NULL;
}

static void
add_subject_rows(CsecStore *store, uint64 seq, const CsecColumns *columns)
{
	for (int i = 0; i < columns->count; i++)
	{
		TupleTableSlot *slot;
		CsecRowKey	key = {
			.seq = (int64) seq,
			.subject = columns->key[i],
			.relid = columns->relid,
			.has_subject = true,
			.has_relid = true
		};

		if (subject_leaf.used == ROWS_AT_A_TIME)
			flush_leaf(store, &subject_leaf);
		slot = next_slot(&subject_leaf, key);
		slot->tts_values[CSEC_SUBJECT_SUBJECT - 1] = Int64GetDatum(columns->key[i]);
		slot->tts_values[CSEC_SUBJECT_SEQ - 1] = Int64GetDatum((int64) seq);
		slot->tts_values[CSEC_SUBJECT_AT - 1] = TimestampTzGetDatum(store->at);
		slot->tts_values[CSEC_SUBJECT_RELID - 1] = ObjectIdGetDatum(columns->relid);
		memset(slot->tts_isnull, false, CSEC_SUBJECT_COLUMNS);
		ExecStoreVirtualTuple(slot);
	}
}

/*
 * Among the rows being gathered.  A role's name in another encoding than this
 * database's stays in the record.  Most records are by whom the one before is.
 */
static text *
login_text(CsecStore *store, const CsecColumns *columns)
{
	const char *login = (const char *) columns->login.data;
	int			len = (int) columns->login.len;
	const text *before = store->login;

	if (login == NULL)
		return NULL;
	if (before != NULL && VARSIZE_ANY_EXHDR(before) == len &&
		memcmp(VARDATA_ANY(before), login, len) == 0)
		return store->login;
	if (!pg_verifymbstr(login, len, true))
		return NULL;
	store->login = cstring_to_text_with_len(login, len);
	return store->login;
}

static void
fill_row(CsecStore *store, TupleTableSlot *slot, uint64 seq, bytea *record,
		 const uint8 *hash, const CsecColumns *columns, text *login)
{
	Datum	   *values = slot->tts_values - 1;
	bool	   *nulls = slot->tts_isnull - 1;

	memset(slot->tts_isnull, false, CSEC_LOG_COLUMNS);
	values[CSEC_LOG_SEQ] = Int64GetDatum((int64) seq);
	values[CSEC_LOG_AT] = TimestampTzGetDatum(store->at);
	values[CSEC_LOG_KIND] = Int16GetDatum(columns->kind);
	values[CSEC_LOG_RECORD] = PointerGetDatum(record);
	values[CSEC_LOG_HASH] = PointerGetDatum(csec_bytea(hash, CSEC_HASH_SIZE));

	nulls[CSEC_LOG_SUBJECT] = columns->shape != CSEC_SHAPE_ONE;
	if (columns->shape == CSEC_SHAPE_ONE)
		values[CSEC_LOG_SUBJECT] = Int64GetDatum(columns->key[0]);
	nulls[CSEC_LOG_RELID] = !columns->has_relid;
	values[CSEC_LOG_RELID] = ObjectIdGetDatum(columns->relid);
	nulls[CSEC_LOG_LOGIN] = login == NULL;
	values[CSEC_LOG_LOGIN] = PointerGetDatum(login);
	nulls[CSEC_LOG_SUBJECTS] = columns->shape != CSEC_SHAPE_MANY &&
		columns->shape != CSEC_SHAPE_ALL;
	if (!nulls[CSEC_LOG_SUBJECTS])
		values[CSEC_LOG_SUBJECTS] = csec_subjects_multirange(columns);
}

/*
 * Most rows are in none of the log's partial indexes, and need not be asked:
 * reads told in one record, changes and outcomes, of few subjects.
 */
static bool
is_special(const CsecBody *body, const CsecColumns *columns)
{
	if (columns->shape == CSEC_SHAPE_MANY || columns->shape == CSEC_SHAPE_ALL)
		return true;
	if (body->kind == CSEC_KIND_READ)
		return (body->flags & CSEC_BODY_PIECE) != 0;
	return body->kind != CSEC_KIND_CHANGE && body->kind != CSEC_KIND_OUTCOME;
}

static CsecRowKey
key_of(uint64 seq, const CsecBody *body, const CsecColumns *columns, text *login)
{
	CsecRowKey	key = {
		.seq = (int64) seq,
		.login = login,
		.subject = columns->shape == CSEC_SHAPE_ONE ? columns->key[0] : 0,
		.relid = columns->relid,
		.has_subject = columns->shape == CSEC_SHAPE_ONE,
		.has_relid = columns->has_relid,
		.is_special = is_special(body, columns)
	};

	return key;
}

void
csec_store_add(CsecStore *store, uint64 seq, bytea *record, const uint8 *hash)
{
	CsecBody	body;
	CsecColumns columns;
	TupleTableSlot *slot;
	MemoryContext old;
	text	   *login;

	if (!csec_body_get((uint8 *) VARDATA(record) + CSEC_HEADER_SIZE,
					   VARSIZE(record) - VARHDRSZ - CSEC_HEADER_SIZE, &body) ||
		!csec_columns_derive(&body, &columns))
		elog(ERROR, "could not derive the columns of an audit record");

	if (log_leaf.used == ROWS_AT_A_TIME)
		flush_rows(store);
	old = MemoryContextSwitchTo(store->rows);
	login = login_text(store, &columns);
	slot = next_slot(&log_leaf, key_of(seq, &body, &columns, login));
	record = csec_store_form(RelationGetRelid(log_leaf.rel), record, &body);
	fill_row(store, slot, seq, record, hash, &columns, login);
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(old);
	if (columns.shape == CSEC_SHAPE_FEW)
		add_subject_rows(store, seq, &columns);
	else if (columns.shape == CSEC_SHAPE_MANY &&
			 MemoryContextMemAllocated(store->rows, false) > ROWS_MEMORY)
		flush_rows(store);
}
