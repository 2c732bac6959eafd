/*
 * cut_sql.c
 *		What the anchor of a cut says, and where the trail begins, for SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/cut.h"
#include "audit/cut_read.h"
#include "audit/trail.h"
#include "util/bytea.h"
#include "util/crypto_failed.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_read_cut);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_trail_begin);

enum
{
	ORDER_NO, FIRST_SEQ, LAST_SEQ, FIRST_AT, LAST_AT, BOUND, SUBJECT_ROWS, EPOCH,
	REQUESTED_BY, APPROVED_BY, REASON, LAST_HASH, ROOT, BEFORE, SESSIONS, NATTS
};

static Datum
text_value(CsecField field)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) field.data, (int) field.len));
}

static Datum
root_value(const CsecCut *cut)
{
	CsecTreePeaks peaks;
	uint8		root[CSEC_TREE_HASH];

	csec_cut_peaks(cut, &peaks);
	if (!csec_tree_peaks_root(&peaks, root))
		csec_crypto_failed("compute a hash");
	return PointerGetDatum(csec_bytea(root, CSEC_HASH_SIZE));
}

/* csec.read_cut(anchor bytea) returns record: all null where it is none. */
Datum
csec_read_cut(PG_FUNCTION_ARGS)
{
	bytea	   *anchor = PG_GETARG_BYTEA_PP(0);
	CsecCut		cut;
	Datum		values[NATTS] = {0};
	bool		nulls[NATTS];

	memset(nulls, true, sizeof(nulls));
	if (csec_cut_get((uint8 *) VARDATA_ANY(anchor), VARSIZE_ANY_EXHDR(anchor), &cut))
	{
		memset(nulls, false, sizeof(nulls));
		values[ORDER_NO] = Int64GetDatum((int64) cut.order);
		values[FIRST_SEQ] = Int64GetDatum((int64) cut.first);
		values[LAST_SEQ] = Int64GetDatum((int64) cut.last);
		values[FIRST_AT] = TimestampTzGetDatum(cut.first_at);
		values[LAST_AT] = TimestampTzGetDatum(cut.last_at);
		values[BOUND] = TimestampTzGetDatum(cut.bound);
		values[SUBJECT_ROWS] = Int64GetDatum((int64) cut.subject_rows);
		values[EPOCH] = Int64GetDatum((int64) cut.epoch);
		values[REQUESTED_BY] = text_value(cut.requested_by);
		values[APPROVED_BY] = text_value(cut.approved_by);
		values[REASON] = text_value(cut.reason);
		values[LAST_HASH] = PointerGetDatum(csec_bytea(cut.hash, CSEC_HASH_SIZE));
		values[ROOT] = root_value(&cut);
		values[BEFORE] = PointerGetDatum(csec_bytea(cut.before, CSEC_HASH_SIZE));
		values[SESSIONS] = Int64GetDatum(cut.sessions);
	}
	return csec_row(fcinfo, values, nulls);
}

enum
{
	BEGIN_FIRST_SEQ, BEGIN_COMPLETE_SINCE, BEGIN_CUT, BEGIN_HASH_BEFORE, BEGIN_NATTS
};

/*
 * csec.trail_begin() returns record
 *
 * As of now, whatever the snapshot of who asks: with that of a moment before a
 * cut its record is not seen, and the months that left are not there either.
 * The lock, kept as that of a query is, makes it hold for the rest of the transaction.
 */
Datum
csec_trail_begin(PG_FUNCTION_ARGS)
{
	Oid			relid = csec_trail_relid("audit_log");
	Datum		values[BEGIN_NATTS] = {0};
	bool		nulls[BEGIN_NATTS] = {false, true, true, true};
	CsecCut		cut;
	CsecField	bytes;
	int64		seq;

	values[BEGIN_FIRST_SEQ] = Int64GetDatum(1);
	if (OidIsValid(relid))
	{
		LockRelationOid(relid, AccessShareLock);
		PushActiveSnapshot(GetLatestSnapshot());
		if (csec_cut_read_last(GetActiveSnapshot(), &cut, &bytes, &seq))
		{
			memset(nulls, false, sizeof(nulls));
			values[BEGIN_FIRST_SEQ] = Int64GetDatum((int64) cut.last + 1);
			values[BEGIN_COMPLETE_SINCE] = TimestampTzGetDatum(cut.bound);
			values[BEGIN_CUT] = Int64GetDatum((int64) cut.order);
			values[BEGIN_HASH_BEFORE] = PointerGetDatum(csec_bytea(cut.hash, CSEC_HASH_SIZE));
		}
		PopActiveSnapshot();
	}
	return csec_row(fcinfo, values, nulls);
}
