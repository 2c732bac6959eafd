/*
 * epoch.c
 *		Ends an epoch: signs a checkpoint, and erases the key that did.
 *
 * Each checkpoint names the key that will sign the next one.  In this order,
 * so that a crash at any instant neither loses the chain of keys nor lets a
 * key sign two checkpoints that anybody has seen:
 *
 *	1	the next key is made, and the file holds both
 *	2	the checkpoint, with the next key's public half, is signed and stored;
 *		its commit is on disk before anybody sees it
 *	3	the file holds the next key only; the old one is overwritten
 *
 * After a crash the last checkpoint that is stored names the key to go on
 * with, and the file has it: before 2 as the first of the two, after 2 as the
 * second.
 *
 * Where the file does not have it (a standby was promoted, a backup restored,
 * the server copied or upgraded, the file lost), nobody can go on with that
 * chain, and that is what it is for.  A new chain begins: a record in the
 * trail says so and why, names the new key, and the log shows it.
 */
#include "sealer/epoch.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/checkpoint_read.h"
#include "sealer/note.h"
#include "sealer/rowset.h"
#include "sealer/sealing_key.h"
#include "sealer/tree.h"
#include "sealer/worker.h"
#include "util/clock.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/pgcompat.h"

/* After a failure it is tried again so soon. */
#define RETRY_MS 10000

static int64 next_at = 0;		/* on csec_clock_ms() */

/* The key of a new chain that has not signed yet. */
static bool fresh = false;
static uint8 fresh_key[CSEC_ED25519_PUBLIC];

bool
csec_epoch_is_over(CsecStream *stream)
{
	return csec_clock_ms() >= next_at ||
		pg_atomic_read_u64(&stream->checkpoint_wanted) >
		pg_atomic_read_u64(&stream->checkpoint_tried);
}

/* The key that may sign next; -1: there is none.  Says in which chain. */
static int
choose_key(const CsecSealingKeys *keys, const CsecCheckpointRow *last,
		   CsecCheckpoint *checkpoint, const char **why)
{
	bool		ours = last->signed_well &&
		strcmp(last->note.origin, checkpoint->origin) == 0;

	for (int i = 0; i < keys->count; i++)
	{
		if (ours && memcmp(keys->public_key[i], last->note.next, CSEC_ED25519_PUBLIC) == 0)
		{
			checkpoint->chain = last->note.chain;
			return i;
		}
		if (fresh && memcmp(keys->public_key[i], fresh_key, CSEC_ED25519_PUBLIC) == 0)
		{
			checkpoint->chain = checkpoint->epoch;
			return i;
		}
	}
	if (last->epoch == 0)
		*why = "first key";
	else if (!last->signed_well)
		*why = "damaged checkpoint";
	else if (!ours)
		*why = "copied";
	else if (keys->count > 0)
		*why = "other key";
	return -1;
}

static void
begin_chain(const CsecCheckpoint *checkpoint, const char *why,
			CsecBatch *batch, XLogRecPtr lsn)
{
	CsecSealingKeys keys = {0};
	CsecVerifierKey key;
	char		vkey[CSEC_VKEY_SIZE];
	char	   *detail;

	csec_sealing_keys_add(&keys);
	csec_sealing_keys_write(&keys);
	memcpy(fresh_key, keys.public_key[0], CSEC_ED25519_PUBLIC);
	fresh = true;
	csec_sealing_keys_wipe(&keys);

	if (!csec_verifier_key(&key, checkpoint->origin, CSEC_SIGNED_ED25519, fresh_key))
		elog(ERROR, "could not name the key of a chain");
	csec_vkey_put(&key, vkey);
	detail = psprintf("{\"why\": \"%s\", \"epoch\": " UINT64_FORMAT ", \"key\": \"%s\"}",
					  why, checkpoint->epoch, vkey);
	csec_note_server(batch, lsn, CSEC_NOTE_KEY, detail);
	pfree(detail);
	ereport(LOG,
			(errmsg("a new chain of keys that sign checkpoints of the audit trail begins (%s): %s",
					why, vkey),
			 errhint("Keep this key where the server cannot reach: it verifies all checkpoints of the chain.")));
}

static void
store(const CsecCheckpoint *checkpoint, TimestampTz at, const uint8 *note, size_t len)
{
	Relation	rel = csec_trail_table("checkpoint");
	Datum		values[CSEC_CHECKPOINT_COLUMNS];
	bool		nulls[CSEC_CHECKPOINT_COLUMNS] = {false};
	char		root[VARHDRSZ + CSEC_TREE_HASH];
	bytea	   *bytes = palloc(VARHDRSZ + len);
	HeapTuple	tuple;

	csec_trail_check_index(rel);
	SET_VARSIZE(root, sizeof(root));
	memcpy(VARDATA(root), checkpoint->root, CSEC_TREE_HASH);
	SET_VARSIZE(bytes, VARHDRSZ + len);
	memcpy(VARDATA(bytes), note, len);
	values[CSEC_CHECKPOINT_EPOCH - 1] = Int64GetDatum((int64) checkpoint->epoch);
	values[CSEC_CHECKPOINT_AT - 1] = TimestampTzGetDatum(at);
	values[CSEC_CHECKPOINT_SIZE - 1] = Int64GetDatum((int64) checkpoint->size);
	values[CSEC_CHECKPOINT_ROOT - 1] = PointerGetDatum(root);
	values[CSEC_CHECKPOINT_BYTES - 1] = PointerGetDatum(bytes);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

/* Steps 1 to 3 of the head of this file; false: a new chain has to begin. */
static bool
sign(CsecStream *stream, const CsecState *state, CsecSealingKeys *keys,
	 CsecBatch *batch, XLogRecPtr lsn)
{
	CsecCheckpointRow last = {0};
	CsecCheckpoint checkpoint = {0};
	uint8		note[CSEC_CHECKPOINT_NOTE];
	TimestampTz at = GetCurrentTimestamp();
	const char *why;
	size_t		len;
	int			mine;

	(void) csec_checkpoint_last(GetActiveSnapshot(), &last);
	csec_origin_put(checkpoint.origin, GetSystemIdentifier(), MyDatabaseId);
	checkpoint.epoch = (uint64) last.epoch + 1;
	csec_sealing_keys_read(keys, &why);
	mine = choose_key(keys, &last, &checkpoint, &why);
	if (mine < 0)
	{
		begin_chain(&checkpoint, why, batch, lsn);
		return false;
	}
	checkpoint.size = state->seq;
	csec_tree_current_root(checkpoint.root);
	checkpoint.time = csec_checkpoint_time(at);
	memcpy(checkpoint.head, state->hash, CSEC_TREE_HASH);
	memcpy(checkpoint.before, last.note_hash, CSEC_TREE_HASH);

	/* what an attempt before this one left behind goes */
	if (mine == 1)
	{
		memcpy(keys->seed[0], keys->seed[1], CSEC_ED25519_SEED);
		memcpy(keys->public_key[0], keys->public_key[1], CSEC_ED25519_PUBLIC);
	}
	keys->count = 1;
	csec_sealing_keys_add(keys);
	csec_sealing_keys_write(keys);
	memcpy(checkpoint.key, keys->public_key[0], CSEC_ED25519_PUBLIC);
	memcpy(checkpoint.next, keys->public_key[1], CSEC_ED25519_PUBLIC);
	len = csec_checkpoint_sign(&checkpoint, keys->seed[0], note);
	if (len == 0)
		csec_crypto_failed("sign a checkpoint of the audit trail");
	store(&checkpoint, at, note, len);
	ForceSyncCommit();
	csec_worker_commit();

	pg_atomic_write_u32(&stream->anchor_due, 1);
	fresh = false;
	memcpy(keys->seed[0], keys->seed[1], CSEC_ED25519_SEED);
	keys->count = 1;
	csec_sealing_keys_write(keys);
	return true;
}

static void
note_failure(CsecStream *stream)
{
	ErrorData  *error;

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("the audit trail could not be sealed under a checkpoint: %s", error->message),
			 error->hint ? errhint("%s", error->hint) : 0));
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->checkpoint_failed_at = GetCurrentTimestamp();
	strlcpy(stream->checkpoint_error, error->message, CSEC_STREAM_ERROR_SIZE);
	LWLockRelease(csec_streams->lock);
	FreeErrorData(error);
}

static void
clear_failure(CsecStream *stream)
{
	if (stream->checkpoint_failed_at == 0)
		return;
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->checkpoint_failed_at = 0;
	stream->checkpoint_error[0] = '\0';
	LWLockRelease(csec_streams->lock);
}

bool
csec_epoch_close(CsecStream *stream, const CsecState *state,
				 CsecBatch *batch, XLogRecPtr lsn)
{
	uint64		wanted = pg_atomic_read_u64(&stream->checkpoint_wanted);
	volatile bool closed = true;
	volatile bool good = true;
	CsecSealingKeys keys = {0};

	PG_TRY();
	{
		csec_worker_start_transaction();
		closed = sign(stream, state, &keys, batch, lsn);
		if (!closed)
			csec_worker_commit();
	}
	PG_CATCH();
	{
		note_failure(stream);
		good = false;
	}
	PG_END_TRY();
	csec_sealing_keys_wipe(&keys);
	if (!closed)
		return false;
	if (good)
		clear_failure(stream);
	next_at = csec_clock_ms() +
		(good ? (int64) csec_checkpoint_interval * 1000 : RETRY_MS);
	pg_atomic_write_u64(&stream->checkpoint_tried, wanted);
	ConditionVariableBroadcast(&stream->sealed);
	return true;
}
