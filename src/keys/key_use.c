/*
 * key_use.c
 *		How often each version of a data key has encrypted.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys/key_use.h"
#include "util/guc.h"
#include "util/own_table.h"
#include "util/shared_memory.h"

#define MAX_COUNTS	1024		/* versions that encrypt between two starts */
/* What a start of the server adds to each count, at most. */
#define MARGIN		(UINT64CONST(1) << 20)

/* The columns of csec.key_use, in its order. */
enum
{
	COLUMN_ID = 1,
	COLUMN_VERSION,
	COLUMN_USES
};

typedef struct Counts
{
	LWLock	   *lock;			/* over n and the names of the counts */
	int			n;
	pg_atomic_uint32 due[MAX_COUNTS];	/* of count[i]: the sealer was woken */
	CsecKeyUse	count[MAX_COUNTS];
} Counts;

static Counts *counts = NULL;

void		(*csec_key_use_due_hook) (void) = NULL;

static void
fill(LWLock *lock)
{
	counts->lock = lock;
	for (int i = 0; i < MAX_COUNTS; i++)
	{
		pg_atomic_init_u32(&counts->due[i], 0);
		pg_atomic_init_u64(&counts->count[i].uses, 0);
		pg_atomic_init_u64(&counts->count[i].stored, 0);
	}
}

static const CsecSharedPart part = {
	.name = "csec key use",
	.size = sizeof(Counts),
	.locked = true,
	.memory = (void **) &counts,
	.fill = fill,
};

void
csec_key_use_init(void)
{
	csec_shared_memory(&part);
}

static uint64
margin(void)
{
	return Min(MARGIN, (uint64) csec_key_max_uses / 16);
}

/* What csec.key_use has of a key; 0 where it has nothing. */
static uint64
read_stored(uint32 id, uint16 version)
{
	Oid			relid = csec_own_table("key_use");
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	row;
	uint64		uses = 0;

	if (!OidIsValid(relid))
		return 0;
	rel = table_open(relid, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;

		if (DatumGetUInt32(heap_getattr(row, COLUMN_ID, desc, &isnull)) == id &&
			DatumGetInt32(heap_getattr(row, COLUMN_VERSION, desc, &isnull)) == version)
			uses = (uint64) DatumGetInt64(heap_getattr(row, COLUMN_USES, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return uses;
}

/* Needs the lock. */
static CsecKeyUse *
find(uint32 id, uint16 version)
{
	for (int i = 0; i < counts->n; i++)
		if (counts->count[i].database == MyDatabaseId && counts->count[i].id == id &&
			counts->count[i].version == version)
			return &counts->count[i];
	return NULL;
}

static CsecKeyUse *
add(uint32 id, uint16 version, uint64 stored)
{
	CsecKeyUse *use = find(id, version);

	if (use != NULL || counts->n == MAX_COUNTS)
		return use;
	use = &counts->count[counts->n];
	use->database = MyDatabaseId;
	use->id = id;
	use->version = version;
	pg_atomic_write_u64(&use->stored, stored);
	pg_atomic_write_u64(&use->uses, stored > 0 ? stored + margin() : 0);
	counts->n++;
	return use;
}

CsecKeyUse *
csec_key_use_of(uint32 id, uint16 version)
{
	CsecKeyUse *use;
	uint64		stored;

	LWLockAcquire(counts->lock, LW_SHARED);
	use = find(id, version);
	LWLockRelease(counts->lock);
	if (use != NULL)
		return use;
	if (!IsTransactionState() || HistoricSnapshotActive())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nothing can be encrypted where csec's tables cannot be read")));
	stored = read_stored(id, version);
	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	use = add(id, version, stored);
	LWLockRelease(counts->lock);
	if (use == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("more than %d versions of keys have encrypted since the server started", MAX_COUNTS),
				 errhint("Restart the server.")));
	return use;
}

/* No key encrypts more often than this, whatever becomes of the sealer. */
static uint64
hard_limit(void)
{
	return (uint64) csec_key_max_uses + csec_key_max_uses / 2;
}

bool
csec_key_use_spent(uint64 uses)
{
	return uses >= (uint64) csec_key_max_uses;
}

void
csec_key_use_take(CsecKeyUse *use, const char *name, uint32 n)
{
	uint64		uses = pg_atomic_add_fetch_u64(&use->uses, n);
	uint64		stored;

	if (unlikely(uses > hard_limit()))
	{
		pg_atomic_sub_fetch_u64(&use->uses, n);
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("key \"%s\" (%u version %u) has encrypted as often as it may", name, use->id, use->version),
				 errdetail("It should have been rotated after csec.key_max_uses (%d) values.", csec_key_max_uses),
				 errhint("CALL csec.rotate_key('%s', reason => ...) makes a new version. csec.trail_status says whether the sealer, which does it by itself, is running.", name)));
	}
	stored = pg_atomic_read_u64(&use->stored);
	if (unlikely(stored == 0 || csec_key_use_spent(uses) || uses - stored > margin() / 4) &&
		csec_key_use_due_hook != NULL &&
		pg_atomic_exchange_u32(&counts->due[use - counts->count], 1) == 0)
		csec_key_use_due_hook();
}

CsecKeyUse **
csec_key_use_all(int *n)
{
	CsecKeyUse **all = palloc(MAX_COUNTS * sizeof(CsecKeyUse *));

	*n = 0;
	LWLockAcquire(counts->lock, LW_SHARED);
	for (int i = 0; i < counts->n; i++)
		if (counts->count[i].database == MyDatabaseId)
			all[(*n)++] = &counts->count[i];
	LWLockRelease(counts->lock);
	return all;
}

bool
csec_key_use_is_due(void)
{
	bool		due = false;

	LWLockAcquire(counts->lock, LW_SHARED);
	for (int i = 0; i < counts->n; i++)
		if (counts->count[i].database == MyDatabaseId &&
			pg_atomic_exchange_u32(&counts->due[i], 0) != 0)
			due = true;
	LWLockRelease(counts->lock);
	return due;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_key_uses);

/*
 * csec.key_uses(id, version): how often the key has encrypted, counted since
 * the server's start; null: not since then.
 */
Datum
csec_key_uses(PG_FUNCTION_ARGS)
{
	CsecKeyUse *use;

	LWLockAcquire(counts->lock, LW_SHARED);
	use = find(PG_GETARG_UINT32(0), (uint16) PG_GETARG_INT32(1));
	LWLockRelease(counts->lock);
	if (use == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) pg_atomic_read_u64(&use->uses));
}
