/*
 * verify_cut.c
 *		The record of a cut, by itself.
 *
 * The look at a trail begins with what this record says, long before it comes
 * by in its place.  So its bytes are compared with its hash first: were they
 * edited, everything that follows from them would be told in its stead.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"

#include "audit/chain.h"
#include "audit/log_scan.h"
#include "audit/trail.h"
#include "audit/verify.h"
#include "util/pgcompat.h"

static bool
hash_fits(TupleTableSlot *slot, const uint8 *before)
{
	bool		no_record;
	bool		no_hash;
	Datum		record = slot_getattr(slot, CSEC_LOG_RECORD, &no_record);
	Datum		hash = slot_getattr(slot, CSEC_LOG_HASH, &no_hash);
	bytea	   *bytes;
	bytea	   *stored;
	uint8		expected[CSEC_HASH_SIZE];

	if (no_record || no_hash)
		return false;
	bytes = DatumGetByteaPP(record);
	stored = DatumGetByteaPP(hash);
	return csec_chain_hash(before, (uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), expected) &&
		VARSIZE_ANY_EXHDR(stored) == CSEC_HASH_SIZE &&
		memcmp(VARDATA_ANY(stored), expected, CSEC_HASH_SIZE) == 0;
}

void
csec_cut_check_whole(int64 seq, Snapshot snapshot, CsecVerdict *verdict)
{
	uint8		before[CSEC_HASH_SIZE];
	CsecLogScan *scan;
	TupleTableSlot *slot;

	if (!csec_log_scan_hash(seq - 1, snapshot, before))
		return;					/* told where it is missing */
	scan = csec_log_scan_begin(seq, seq, snapshot);
	slot = csec_log_scan_next(scan);
	if (slot != NULL && !hash_fits(slot, before))
		csec_verdict(verdict, "altered", seq,
					 "the record of the cut behind which the trail begins was edited");
	csec_log_scan_end(scan);
}
