/*
 * permit_quota.c
 *		How many rows each permit has shown.
 *
 * All sessions count in shared memory.  Behind that stands csec.permit_use,
 * which says how many rows were given out so far: they are taken from there in
 * small parts, before they are shown, so after a restart or a crash the rest
 * of a part is lost to the permit and never given twice.
 *
 * A row of that table must not belong to a transaction: a read that is rolled
 * back, or in a READ ONLY transaction, has been seen.  So the number is
 * overwritten in place, as PostgreSQL does with its own statistics, under
 * generic WAL, and flushed.  ShareUpdateExclusiveLock on the table, which
 * conflicts with itself and with VACUUM, keeps those who take apart.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lwlock.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "policy/catalog.h"
#include "policy/permit_quota.h"
#include "util/pgcompat.h"
#include "util/shared_memory.h"

#define PLACES		2048		/* a power of two; 80 kB */
#define REACH		32			/* places a count may be away from its own */
/* csec.permit_use: two bigints that are never null. */
#define PERMIT_ATTNO	1
#define TAKEN_ATTNO		2

#define PARTS		16			/* of a quota, taken one at a time */

/*
 * What a restart may cost: so many rows, or this share of a large quota.  Each
 * part waits for a flush, and who reads that much reads fast.
 */
#define PART_MAX	256
#define PART_SHARE	256

typedef struct Count
{
	Oid			database;		/* InvalidOid: never used */
	int64		permit;
	int64		given;			/* as csec.permit_use says */
	int64		used;
	uint64		at;				/* when it was used last, by "clock" */
} Count;

typedef struct Counts
{
	LWLock	   *lock;
	uint64		clock;
	Count		place[PLACES];
} Counts;

static Counts *counts = NULL;

static void
fill(LWLock *lock)
{
	counts->lock = lock;
}

static const CsecSharedPart part = {
	.name = "csec permits",
	.size = sizeof(Counts),
	.locked = true,
	.memory = (void **) &counts,
	.fill = fill,
};

void
csec_permit_quota_init(void)
{
	csec_shared_memory(&part);
}

/* The place of a permit; *found says whether it has one already. */
static Count *
place_of(int64 permit, bool *found)
{
	uint32		h = hash_combine(murmurhash32((uint32) permit), murmurhash32(MyDatabaseId));
	Count	   *oldest = NULL;

	for (int i = 0; i < REACH; i++)
	{
		Count	   *count = &counts->place[(h + i) % PLACES];

		if (count->database == MyDatabaseId && count->permit == permit)
		{
			*found = true;
			return count;
		}
		if (oldest == NULL || count->at < oldest->at)
			oldest = count;
	}
	*found = false;
	return oldest;
}

/*
 * How many of those that were given out may be used: a permit that was reduced
 * since has less than that.
 */
static int64
usable(const Count *count, const CsecPermit *permit)
{
	return Min(count->given, permit->max_rows);
}

/* Take one of those that were given out; false: there is none. */
static bool
take_given(const CsecPermit *permit)
{
	bool		found;
	Count	   *count;
	bool		taken = false;

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	count = place_of(permit->id, &found);
	if (found && count->used < usable(count, permit))
	{
		count->used++;
		count->at = ++counts->clock;
		taken = true;
	}
	LWLockRelease(counts->lock);
	return taken;
}

/* More were given out.  Where the permit had no place, those before are gone. */
static void
add_given(int64 permit, int64 before, int64 now)
{
	bool		found;
	Count	   *count;

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	count = place_of(permit, &found);
	if (!found || count->given != before)
	{
		count->database = MyDatabaseId;
		count->permit = permit;
		count->used = before;
	}
	count->given = now;
	count->at = ++counts->clock;
	LWLockRelease(counts->lock);
}

/* Overwrite the number in a row, where it lies. */
static void
overwrite(Relation rel, ItemPointer tid, int64 number)
{
	Buffer		buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(tid));
	GenericXLogState *state;
	Page		page;
	ItemId		item;
	HeapTupleHeader header;
	size_t		offset;
	XLogRecPtr	lsn;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(rel);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	item = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));
	if (!ItemIdIsNormal(item))
		elog(ERROR, "a row of csec.permit_use went away");
	header = (HeapTupleHeader) PageGetItem(page, item);

	offset = header->t_hoff + (TAKEN_ATTNO - 1) * sizeof(int64);
	if (offset + sizeof(int64) > ItemIdGetLength(item))
		elog(ERROR, "a row of csec.permit_use is too short");
	memcpy((char *) header + offset, &number, sizeof(number));
	lsn = GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	XLogFlush(lsn);
}

/* What is known here of a permit: whether it has a place, and rows left there. */
static bool
look(const CsecPermit *permit, bool *known, int64 *given)
{
	const Count *count;
	bool		has;

	LWLockAcquire(counts->lock, LW_SHARED);
	count = place_of(permit->id, known);
	has = *known && count->used < usable(count, permit);
	*given = *known ? count->given : 0;
	LWLockRelease(counts->lock);
	return has;
}

/*
 * Give out another part of the quota, unless there are rows left of the last;
 * part 0: just see how many were given out.  False: there is nothing left.  A
 * permit without a row in csec.permit_use has nothing.
 */
static bool
give_out(const CsecPermit *permit, int64 part)
{
	Oid			relid = csec_policy_relid(CSEC_POLICY_PERMIT_USE);
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		known;
	int64		before;
	bool		has;

	if (!OidIsValid(relid))
		return false;
	rel = table_open(relid, ShareUpdateExclusiveLock);
	ScanKeyInit(&key, PERMIT_ATTNO, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(permit->id));
	scan = systable_beginscan(rel, csec_primary_key_index(rel), true, NULL, 1, &key);

	/* somebody else may have, meanwhile */
	has = look(permit, &known, &before);
	if (!has && (row = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		int64		now;

		before = DatumGetInt64(heap_getattr(row, TAKEN_ATTNO, RelationGetDescr(rel), &isnull));
		now = Max(before, Min(before + part, permit->max_rows));
		if (before >= 0)
		{
			if (now > before)
				overwrite(rel, &row->t_self, now);
			add_given(permit->id, before, now);
			has = now > before;
		}
	}
	systable_endscan(scan);
	table_close(rel, ShareUpdateExclusiveLock);
	return has;
}

bool
csec_permit_has_rows(const CsecPermit *permit)
{
	bool		known;
	int64		given;

	if (counts == NULL)
		return false;
	if (look(permit, &known, &given))
		return true;
	if (!known)
	{
		(void) give_out(permit, 0);
		(void) look(permit, &known, &given);
	}
	return known && given < permit->max_rows;
}

bool
csec_permit_take(const CsecPermit *permit)
{
	int64		part = Max(1, Min(permit->max_rows / PARTS,
								  Max(permit->max_rows / PART_SHARE, PART_MAX)));

	if (counts == NULL || RecoveryInProgress() || IsInParallelMode())
		return false;

	/* others may be faster to take what was given out */
	while (!take_given(permit))
	{
		CHECK_FOR_INTERRUPTS();
		if (!give_out(permit, part))
			return false;
	}
	return true;
}
