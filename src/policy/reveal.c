/*
 * reveal.c
 *		The values that a permit lets this session see.
 *
 * Two tables in this process's memory: the rows that were read under a permit,
 * and the values of their permitted fields, by a hash of 64 bits under a
 * random seed, which nobody can aim at.  No value is kept.
 *
 * They live until the next query begins while no other is open (a cursor that
 * is fetched from later still gives values that were read before, and so does
 * one WITH HOLD), so a row
 * that is read again in another statement counts again, and one that a join
 * gives many times counts once.
 *
 * Whether the permit is in force is asked at each value that is shown: a
 * revocation stops an open cursor at its next FETCH.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "policy/category.h"
#include "policy/denied.h"
#include "policy/permit_quota.h"
#include "policy/reader.h"
#include "policy/reveal.h"
#include "util/crypto_failed.h"

/* Of either; 6 and 4 MB.  Values beyond stay masked. */
#define MOST_VALUES	(256 * 1024)
#define MOST_ROWS	(128 * 1024)
#define FEW_ROWS	8

typedef struct RowKey
{
	int64		permit;
	Oid			relid;
	BlockNumber block;
	OffsetNumber offset;
} RowKey;

typedef enum RowUse
{
	ROW_READ,					/* and nothing of it shown yet */
	ROW_SHOWN,
	ROW_TOO_MANY				/* the quota was used up */
} RowUse;

typedef struct RowEntry
{
	RowKey		key;
	uint32		number;
	char		status;
} RowEntry;						/* that of no place: the quota was refused */

typedef struct Row
{
	int64		permit;
	RowUse		use;
} Row;

typedef struct ValueEntry
{
	uint64		hash;
	uint32		row;
	char		status;
} ValueEntry;

#define SH_PREFIX rows
#define SH_ELEMENT_TYPE RowEntry
#define SH_KEY_TYPE RowKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_combine(murmurhash32((uint32) (key).permit ^ (key).relid), \
										  murmurhash32((key).block ^ ((uint32) (key).offset << 20)))
#define SH_EQUAL(tb, a, b) ((a).permit == (b).permit && (a).relid == (b).relid && \
							(a).block == (b).block && (a).offset == (b).offset)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX values
#define SH_ELEMENT_TYPE ValueEntry
#define SH_KEY_TYPE uint64
#define SH_KEY hash
#define SH_HASH_KEY(tb, key) ((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

bool		csec_reveal_exporting = false;
bool		csec_reveal_any = false;

static MemoryContext context = NULL;
static rows_hash *by_place = NULL;
static values_hash *by_value = NULL;
static Row *rows = NULL;		/* by number; 0 is none */
static uint32 nrows = 0;
static uint32 rows_size = 0;
static uint64 seed = 0;
static bool seeded = false;
static int	holders = 0;		/* what keeps all this alive */

/* Small: most queries read a few rows. */
static void
make_tables(void)
{
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "csec revealed values",
										ALLOCSET_DEFAULT_SIZES);
	by_place = rows_create(context, FEW_ROWS, NULL);
	by_value = values_create(context, 2 * FEW_ROWS, NULL);
	rows_size = FEW_ROWS;
	rows = MemoryContextAlloc(context, rows_size * sizeof(Row));
}

static void
begin(void)
{
	if (!seeded && !pg_strong_random(&seed, sizeof(seed)))
		csec_crypto_failed("generate random values");
	seeded = true;
	if (rows == NULL)
		make_tables();
	nrows = 1;
	csec_reveal_any = true;
}

/* Forget all; tables that have not grown are used again. */
static void
forget(void)
{
	csec_reveal_any = false;
	if (rows_size == FEW_ROWS && by_value->members <= 2 * FEW_ROWS)
	{
		rows_reset(by_place);
		values_reset(by_value);
		return;
	}
	by_place = NULL;
	by_value = NULL;
	rows = NULL;
	MemoryContextReset(context);
}

static void
release(void *arg)
{
	holders--;
}

void
csec_reveal_hold(MemoryContext memory)
{
	MemoryContextCallback *callback = MemoryContextAlloc(memory, sizeof(MemoryContextCallback));

	callback->func = release;
	callback->arg = NULL;
	MemoryContextRegisterResetCallback(memory, callback);
	holders++;
}

void
csec_reveal_new_query(void)
{
	if (likely(!csec_reveal_any) || holders > 0)
		return;
	forget();
}

static uint32
add_row(int64 permit)
{
	if (nrows == rows_size)
	{
		rows = repalloc(rows, 2 * rows_size * sizeof(Row));
		rows_size *= 2;
	}
	rows[nrows].permit = permit;
	rows[nrows].use = ROW_READ;
	return nrows++;
}

uint32
csec_reveal_row(int64 permit, Oid relid, ItemPointer tid)
{
	RowKey		key = {
		.permit = permit,
		.relid = relid,
		.block = ItemPointerGetBlockNumberNoCheck(tid),
		.offset = ItemPointerGetOffsetNumberNoCheck(tid)
	};
	RowEntry   *entry;
	bool		found;

	if (!csec_reveal_any)
		begin();
	if (nrows >= MOST_ROWS)
	{
		entry = rows_lookup(by_place, key);
		return entry == NULL ? 0 : entry->number;
	}
	entry = rows_insert(by_place, key, &found);
	if (!found)
	{
		entry->number = 0;		/* should the next line fail */
		entry->number = add_row(permit);
	}
	return entry->number;
}

static inline uint64
hash_of(uint32 category, const void *bytes, size_t len)
{
	return hash_bytes_extended(bytes, (int) len, seed ^ ((uint64) category << 20));
}

void
csec_reveal_note(uint32 row, uint32 category, const void *bytes, size_t len)
{
	uint64		hash = hash_of(category, bytes, len);
	ValueEntry *entry;
	bool		found;

	if (row == 0)
		return;
	entry = by_value->members < MOST_VALUES ? values_insert(by_value, hash, &found) :
		values_lookup(by_value, hash);

	/* of two rows with one value the one that was read last counts */
	if (entry != NULL)
		entry->row = row;
}

/* Say so, once for a permit. */
static void
refuse_row(Row *row, uint32 category)
{
	RowKey		key = {.permit = row->permit};	/* no row's place */
	bool		told;

	(void) rows_insert(by_place, key, &told);
	row->use = ROW_TOO_MANY;
	if (told)
		return;
	csec_denied("permit quota", category);
	ereport(NOTICE,
			(errmsg("the rows of permit " INT64_FORMAT " are used up: values are masked", row->permit),
			 errhint("Ask for another permit: csec.request_access().")));
}

bool
csec_reveal_allows(uint32 category, const void *bytes, size_t len)
{
	ValueEntry *entry;
	const CsecPermit *permit;
	Row		   *row;

	if (likely(!csec_reveal_any) || IsInParallelMode() || RecoveryInProgress() ||
		InSecurityRestrictedOperation())
		return false;
	entry = values_lookup(by_value, hash_of(category, bytes, len));
	if (entry == NULL || entry->row == 0)
		return false;
	row = &rows[entry->row];
	if (row->use == ROW_TOO_MANY)
		return false;
	permit = csec_permit_in_force(row->permit);
	if (permit == NULL || (csec_reveal_exporting && !permit->exports))
		return false;
	if (row->use == ROW_SHOWN)
		return true;
	if (!csec_permit_take(permit))
	{
		refuse_row(row, category);
		return false;
	}
	row->use = ROW_SHOWN;
	return true;
}
