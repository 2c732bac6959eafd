/*
 * used_token.c
 *		Login tokens that have been used.
 *
 * A token is good once, and so it stays if the transaction that used it is
 * rolled back.  So a row of csec.used_token belongs to no transaction: it is
 * inserted frozen, as COPY ... FREEZE inserts, which makes it visible to all
 * at once and for good, and its index entries belong to no transaction anyway.
 * It is an ordinary row in all else: logged, replicated, vacuumed, deleted.
 *
 * Sessions that come with one token take a lock on it in turn, for as long as
 * it takes to look and to insert.  The lock is one that no SQL function takes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/rel.h"

#include "policy/catalog.h"
#include "policy/used_token.h"
#include "util/pgcompat.h"

/* csec.used_token: digest, expires */
#define COLUMNS 2

/* Advisory locks have 1 and 2 here. */
#define LOCK_CLASS 0x6373

/* Longer than any clock may be off: a token that is forgotten stays expired. */
#define KEPT_FOR "1 hour"

static void
lock_tag(LOCKTAG *tag, bytea *digest)
{
	uint32		h = hash_bytes((unsigned char *) VARDATA_ANY(digest),
							   VARSIZE_ANY_EXHDR(digest));

	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, 0, h, LOCK_CLASS);
}

static bool
is_used(bytea *digest)
{
	CsecPolicyScan scan;
	bool		found;

	csec_policy_scan_one(&scan, CSEC_POLICY_USED_TOKEN, PointerGetDatum(digest));
	found = csec_policy_scan_next(&scan) != NULL;
	csec_policy_scan_end(&scan);
	return found;
}

static void
insert_into_index(Relation rel, Oid indexid, TupleTableSlot *slot, HeapTuple row)
{
	Relation	index = index_open(indexid, RowExclusiveLock);
	IndexInfo  *info = BuildIndexInfo(index);
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	FormIndexDatum(info, slot, NULL, values, isnull);
	index_insert(index, values, isnull, &row->t_self, rel,
				 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
				 false, info);
	index_close(index, RowExclusiveLock);
}

static void
insert(bytea *digest, TimestampTz expires)
{
	Relation	rel = table_open(csec_policy_relid(CSEC_POLICY_USED_TOKEN), RowExclusiveLock);
	Datum		values[COLUMNS] = {PointerGetDatum(digest), TimestampTzGetDatum(expires)};
	bool		isnull[COLUMNS] = {false};
	HeapTuple	row = heap_form_tuple(RelationGetDescr(rel), values, isnull);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	heap_insert(rel, row, GetCurrentCommandId(true), HEAP_INSERT_FROZEN, NULL);
	ExecStoreHeapTuple(row, slot, false);
	foreach(lc, indexes)
		insert_into_index(rel, lfirst_oid(lc), slot, row);
	ExecDropSingleTupleTableSlot(slot);
	list_free(indexes);
	table_close(rel, RowExclusiveLock);
}

bool
csec_used_token_take(bytea *digest, TimestampTz expires)
{
	LOCKTAG		tag;
	bool		taken;

	lock_tag(&tag, digest);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	taken = !is_used(digest);
	if (taken)
		insert(digest, expires);
	LockRelease(&tag, ExclusiveLock, false);
	return taken;
}

void
csec_used_tokens_forget(void)
{
	SPI_connect();
	if (SPI_execute("DELETE FROM csec.used_token WHERE expires < pg_catalog.now() - interval '" KEPT_FOR "'",
					false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete from csec.used_token");
	SPI_finish();
}
