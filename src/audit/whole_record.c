/*
 * whole_record.c
 *		Whole records from what is stored of them.
 *
 * A part that another record has is read from that record's row, by its number
 * and in the month of the one that refers to it, and kept for the next one.
 * That row is not trusted more than any other: if somebody altered it, all
 * records that refer to it come out wrong, and none has its hash.
 */
#include "audit/whole_record.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "audit/decode.h"
#include "audit/log_scan.h"
#include "audit/part_cache.h"
#include "audit/trail.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_whole_record);

struct CsecBases
{
	Snapshot	snapshot;
	char		problem[CSEC_PARTS_PROBLEM];
	CsecPartCache cache;
};

/* Of this transaction: what is asked for from SQL. */
static CsecBases *asked = NULL;

CsecBases *
csec_bases_create(Snapshot snapshot)
{
	/* not zeroed: most of it is never touched */
	CsecBases  *bases = palloc(sizeof(CsecBases));

	csec_part_cache_clear(&bases->cache);
	bases->problem[0] = '\0';
	bases->snapshot = snapshot;
	return bases;
}

static bool
fetch(void *arg, CsecPartKind kind, uint64_t seq, int64_t sealed_at)
{
	CsecBases  *bases = arg;
	CsecLogScan *scan;
	TupleTableSlot *slot;
	bool		found = false;

	if (seq > PG_INT64_MAX || !IS_VALID_TIMESTAMP(sealed_at))
		return false;
	scan = csec_log_scan_month((int64) seq, sealed_at, bases->snapshot);
	if (scan == NULL)
		return false;
	while (!found && (slot = csec_log_scan_next(scan)) != NULL)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, CSEC_LOG_RECORD, &isnull);
		bytea	   *stored;

		if (isnull)
			continue;
		stored = DatumGetByteaPP(value);
		found = csec_part_take(&bases->cache, kind, seq,
							   (uint8 *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
		if ((Pointer) stored != DatumGetPointer(value))
			pfree(stored);
	}
	csec_log_scan_end(scan);
	return found;
}

bytea *
csec_bases_whole(CsecBases *bases, bytea *stored)
{
	const uint8 *in = (uint8 *) VARDATA_ANY(stored);
	size_t		len = VARSIZE_ANY_EXHDR(stored);
	CsecStored	parts;
	bytea	   *whole;

	if (!csec_is_short(in, len))
		return stored;
	if (!csec_parts_open(&bases->cache, in, len, &parts, fetch, bases, bases->problem))
		return NULL;
	whole = palloc(VARHDRSZ + csec_whole_size(&parts));
	len = csec_parts_whole(&parts, (uint8 *) VARDATA(whole), bases->problem);
	if (len == 0)
	{
		pfree(whole);
		return NULL;
	}
	SET_VARSIZE(whole, VARHDRSZ + len);
	return whole;
}

const char *
csec_bases_problem(const CsecBases *bases)
{
	return bases->problem;
}

void
csec_bases_keep(CsecBases *bases, bytea *stored)
{
	csec_parts_keep_own(&bases->cache, (uint8 *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
}

/* ---- for SQL ---- */

static void
forget(void *arg)
{
	asked = NULL;
}

/*
 * Kept to the transaction's end and no longer.  The parts are of the trail: who
 * may not read that gets none by bytes of his own that refer to them.
 */
static CsecBases *
bases_of_transaction(void)
{
	if (asked == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
		MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

		asked = csec_bases_create(NULL);
		callback->func = forget;
		callback->arg = NULL;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
		MemoryContextSwitchTo(old);
	}
	asked->snapshot = GetActiveSnapshot();
	return asked;
}

static void
require_reader(void)
{
	Oid			relid = csec_trail_relid("audit_log");

	if (!OidIsValid(relid) ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read the records that an audit record refers to"),
				 errhint("Members of csec_auditor may.")));
}

/* NULL where it cannot be put together. */
static bytea *
find_whole(bytea *stored)
{
	if (!csec_is_short((uint8 *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored)))
		return stored;
	require_reader();
	return csec_bases_whole(bases_of_transaction(), stored);
}

bytea *
csec_whole_record(bytea *stored)
{
	bytea	   *whole = find_whole(stored);

	if (whole != NULL)
		return whole;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("audit record " INT64_FORMAT " cannot be put together",
					csec_stored_seq((uint8 *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored), 0)),
			 errdetail("%s.", asked->problem),
			 errhint("Run csec.verify_trail() to learn what else is wrong with the trail.")));
}

/* csec.whole_record(record bytea, missing_ok boolean) returns bytea */
Datum
csec_sql_whole_record(PG_FUNCTION_ARGS)
{
	bytea	   *stored = PG_GETARG_BYTEA_PP(0);
	bytea	   *whole;
	CsecHeader	header;
	CsecBody	body;

	if (!PG_GETARG_BOOL(1))
		PG_RETURN_BYTEA_P(csec_whole_record(stored));
	whole = find_whole(stored);
	if (whole == NULL || !csec_is_record(whole, &header, &body))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(whole);
}
