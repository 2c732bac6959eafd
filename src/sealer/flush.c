/*
 * flush.c
 *		SQL functions about the sealer: make its slot, wait for it, look at it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_extension.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "audit/emit.h"
#include "audit/stream.h"
#include "audit/trail.h"
#include "policy/catalog.h"
#include "sealer/sealer.h"
#include "sealer/slot.h"
#include "sealer/wal_reader.h"
#include "util/clock.h"
#include "util/guc.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_prepare_trail_stream);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_flush_audit);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_await_checkpoint);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_stream_status);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_checkpoint_trouble);

static bool
made_by_others(HeapTuple row)
{
	return HeapTupleIsValid(row) &&
		!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
}

static bool
extension_made_by_others(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		result;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("csec"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	result = made_by_others(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Does the sealer see all that it looks for?  What others made, and is seen here, is committed. */
static bool
sealer_sees_trail(void)
{
	Oid			state = get_relname_relid("sealer_state", csec_trail_namespace());
	HeapTuple	row = SearchSysCache1(RELOID, ObjectIdGetDatum(state));
	bool		result = made_by_others(row);

	if (HeapTupleIsValid(row))
		ReleaseSysCache(row);
	return result && extension_made_by_others();
}

/*
 * csec.prepare_trail_stream() returns pg_lsn
 *
 * Before the trail's tables are made: the slot, so that nothing written from
 * now on can be removed, and a lock until the end of the transaction, for
 * which the sealer waits.  Should it roll back, the sealer finds no trail and
 * drops the slot again.  Where there is a trail already, nobody has to wait for
 * the end of the transaction: that would be whoever protects another table, too.
 */
Datum
csec_prepare_trail_stream(PG_FUNCTION_ARGS)
{
	XLogRecPtr	from = GetXLogInsertRecPtr();
	CsecStream *stream;
	LOCKTAG		tag;

	PreventCommandDuringRecovery("csec.create_trail()");
	csec_trail_creation_tag(&tag);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	/* of what whom it waited for has made */
	AcceptInvalidationMessages();
	csec_slot_make();
	stream = csec_stream_of(MyDatabaseId, true);
	stream->wanted = stream->urgent = true;
	csec_stream_poke_launcher();
	if (!OidIsValid(csec_trail_namespace()))
		csec_emit_trail_begins(from);
	if (sealer_sees_trail())
		LockRelease(&tag, ExclusiveLock, false);
	PG_RETURN_LSN(from);
}

static void
await(CsecStream *stream, XLogRecPtr lsn)
{
	uint64		awaited = pg_atomic_read_u64(&stream->awaited_lsn);

	while (awaited < lsn &&
		   !pg_atomic_compare_exchange_u64(&stream->awaited_lsn, &awaited, lsn))
		;
	csec_stream_poke_sealer(stream);
	if (stream->sealer_pid == 0)
	{
		stream->wanted = true;
		csec_stream_poke_launcher();
	}
}

static void
give_up(CsecStream *stream)
{
	char		last_error[CSEC_STREAM_ERROR_SIZE];

	ConditionVariableCancelSleep();
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	strlcpy(last_error, stream->last_error, sizeof(last_error));
	LWLockRelease(csec_streams->lock);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the audit trail was not sealed within %d ms", csec_flush_timeout),
			 last_error[0] != '\0' ?
			 errdetail("The sealer failed with: %s", last_error) :
			 stream->sealer_pid == 0 ? errdetail("No sealer is running.") : 0,
			 errhint("See csec.trail_status and the server's log; csec.flush_timeout sets how long to wait.")));
}

/*
 * csec.flush_audit() returns void
 *
 * Waits until every record written before the call is in the trail, at most
 * csec.flush_timeout; then an error tells what troubles the sealer.  Where
 * there is no trail there is nothing to wait for.
 */
Datum
csec_flush_audit(PG_FUNCTION_ARGS)
{
	CsecStream *stream;
	XLogRecPtr	lsn;
	int64		began = csec_clock_ms();

	PreventCommandDuringRecovery("csec.flush_audit()");
	if (!OidIsValid(csec_trail_relid("sealer_state")))
		PG_RETURN_VOID();
	stream = csec_stream_of(MyDatabaseId, true);
	lsn = csec_wal_insert_end();
	XLogFlush(lsn);
	while (pg_atomic_read_u64(&stream->sealed_lsn) < lsn)
	{
		long		left = csec_flush_timeout - (csec_clock_ms() - began);

		if (left <= 0)
			give_up(stream);
		/* again each time: the sealer may be another one by now */
		await(stream, lsn);
		ConditionVariableTimedSleep(&stream->sealed, Min(left, 200),
									PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	PG_RETURN_VOID();
}

/* The sealer tried and could not, or did not try in time. */
static void
checkpoint_failed(CsecStream *stream)
{
	char		error[CSEC_STREAM_ERROR_SIZE];

	LWLockAcquire(csec_streams->lock, LW_SHARED);
	strlcpy(error, stream->checkpoint_error, sizeof(error));
	LWLockRelease(csec_streams->lock);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no checkpoint of the audit trail was made"),
			 error[0] != '\0' ? errdetail("The sealer failed with: %s", error) : 0,
			 errhint("See csec.trail_status, csec.anchor_status and the server's log.")));
}

/* csec.await_checkpoint() returns void: asks the sealer for one, and waits. */
Datum
csec_await_checkpoint(PG_FUNCTION_ARGS)
{
	CsecStream *stream;
	int64		began = csec_clock_ms();
	uint64		mine;

	PreventCommandDuringRecovery("csec.make_checkpoint()");
	stream = csec_stream_of(MyDatabaseId, true);
	mine = pg_atomic_add_fetch_u64(&stream->checkpoint_wanted, 1);
	while (pg_atomic_read_u64(&stream->checkpoint_tried) < mine)
	{
		long		left = csec_flush_timeout - (csec_clock_ms() - began);

		if (left <= 0)
			break;
		csec_stream_poke_sealer(stream);
		ConditionVariableTimedSleep(&stream->sealed, Min(left, 200),
									PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	if (pg_atomic_read_u64(&stream->checkpoint_tried) < mine ||
		stream->checkpoint_failed_at != 0)
		checkpoint_failed(stream);
	PG_RETURN_VOID();
}

/* csec.checkpoint_trouble(OUT failed_at, OUT error): of this database. */
Datum
csec_checkpoint_trouble(PG_FUNCTION_ARGS)
{
	CsecStream *stream = csec_stream_of(MyDatabaseId, false);
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};
	char		error[CSEC_STREAM_ERROR_SIZE];

	if (stream != NULL)
	{
		LWLockAcquire(csec_streams->lock, LW_SHARED);
		values[0] = TimestampTzGetDatum(stream->checkpoint_failed_at);
		nulls[0] = nulls[1] = stream->checkpoint_failed_at == 0;
		strlcpy(error, stream->checkpoint_error, sizeof(error));
		LWLockRelease(csec_streams->lock);
		values[1] = CStringGetTextDatum(error);
	}
	return csec_row(fcinfo, values, nulls);
}

static const char *
state_of(const CsecStream *stream)
{
	if (stream->parked > 0)
		return "parked";
	if (stream->failed_at != 0)
		return "failing";
	if (stream->sealer_pid != 0)
		return "running";
	return stream->wanted ? "starting" : "stopped";
}

enum
{
	STAT_DATABASE,
	STAT_PID,
	STAT_STATE,
	STAT_SEALED,
	STAT_EMITTED,
	STAT_LAG,
	STAT_SEQ,
	STAT_FAILED_AT,
	STAT_ERROR,
	STAT_WARNING,
	STAT_SLOWED,
	STAT_SUSPENDED,
	STAT_COLUMNS
};

/* What of the server may lose records, or keep them from being sealed; or NULL. */
static const char *
warning(void)
{
	if (csec_streams->launcher_latch == NULL && !RecoveryInProgress())
		return "csec's launcher does not run, so nothing is sealed: raise max_worker_processes, and restart";
	if (max_slot_wal_keep_size_mb >= 0)
		return "max_slot_wal_keep_size is not -1: WAL may be removed before it is sealed";
	return NULL;
}

static void
put_status(const CsecStream *stream, ReturnSetInfo *result)
{
	Datum		values[STAT_COLUMNS];
	bool		nulls[STAT_COLUMNS] = {false};
	XLogRecPtr	sealed = pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &stream->sealed_lsn));
	XLogRecPtr	emitted = pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &stream->emitted_lsn));
	TimestampTz suspended = (TimestampTz) pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &stream->suspended_until));

	values[STAT_DATABASE] = ObjectIdGetDatum(stream->database);
	nulls[STAT_PID] = stream->sealer_pid == 0;
	values[STAT_PID] = Int32GetDatum(stream->sealer_pid);
	values[STAT_STATE] = CStringGetTextDatum(state_of(stream));
	nulls[STAT_SEALED] = XLogRecPtrIsInvalid(sealed);
	values[STAT_SEALED] = LSNGetDatum(sealed);
	nulls[STAT_EMITTED] = XLogRecPtrIsInvalid(emitted);
	values[STAT_EMITTED] = LSNGetDatum(emitted);
	nulls[STAT_LAG] = nulls[STAT_SEALED];
	values[STAT_LAG] = Int64GetDatum(emitted > sealed ? (int64) (emitted - sealed) : 0);
	values[STAT_SEQ] = Int64GetDatum((int64)
									   pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &stream->sealed_seq)));
	nulls[STAT_FAILED_AT] = nulls[STAT_ERROR] = stream->failed_at == 0;
	values[STAT_FAILED_AT] = TimestampTzGetDatum(stream->failed_at);
	values[STAT_ERROR] = CStringGetTextDatum(stream->last_error);
	nulls[STAT_WARNING] = warning() == NULL;
	values[STAT_WARNING] = nulls[STAT_WARNING] ? (Datum) 0 : CStringGetTextDatum(warning());
	values[STAT_SLOWED] = Int64GetDatum((int64)
										pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &stream->slowed)));
	nulls[STAT_SUSPENDED] = suspended <= GetCurrentTimestamp();
	values[STAT_SUSPENDED] = TimestampTzGetDatum(suspended);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* csec.stream_status() returns setof record: see csec.trail_status. */
Datum
csec_stream_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
	{
		CsecStream	copy = csec_streams->stream[i];

		if (!OidIsValid(copy.database))
			continue;
		LWLockRelease(csec_streams->lock);
		put_status(&copy, result);
		LWLockAcquire(csec_streams->lock, LW_SHARED);
	}
	LWLockRelease(csec_streams->lock);
	return (Datum) 0;
}
