/*
 * probe.c
 *		The limit on the values that a reader without clearance may try.
 *
 * Two counts.  In a statement: distinct values per category, in this process;
 * a set of their hashes under a random seed, so that nobody can choose values
 * that count as one.  In an hour: such values per reader and category over
 * all sessions, in shared memory, counted from the first of them on.  The
 * hourly count survives a restart and a crash, and a rolled-back statement
 * has counted.
 *
 * Each process of a parallel query counts its statement for itself.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "policy/denied.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/kept_memory.h"
#include "util/shared_memory.h"

#define QUOTA_PLACES	8192	/* a power of two; 256 kB */
#define QUOTA_REACH		64		/* places an entry may be away from its own */
#define HOUR			(USECS_PER_HOUR)

/* The hour of one reader and category. */
typedef struct Quota
{
	Oid			database;		/* InvalidOid: never used */
	Oid			reader;
	uint32		category;
	uint32		count;
	TimestampTz since;
} Quota;

typedef struct Quotas
{
	LWLock	   *lock;
	Quota		place[QUOTA_PLACES];
} Quotas;

static Quotas *quotas = NULL;

/* A value tried in this statement, or (value 0) how many of a category. */
typedef struct TryKey
{
	uint64		value;
	uint32		category;
} TryKey;

typedef struct TryEntry
{
	TryKey		key;
	uint32		count;
	char		status;
} TryEntry;

#define SH_PREFIX			tries
#define SH_ELEMENT_TYPE		TryEntry
#define SH_KEY_TYPE			TryKey
#define SH_KEY				key
#define SH_HASH_KEY(tb, k)	((uint32) ((k).value ^ ((k).value >> 32)) ^ \
							 murmurhash32((k).category))
#define SH_EQUAL(tb, a, b)	((a).value == (b).value && \
							 (a).category == (b).category)
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static tries_hash *tries = NULL;
static uint64 seed;
static bool seeded = false;

/* The last value: the same constant meets row after row. */
static struct
{
	uint32		category;		/* 0: none */
	bool		stored;
	uint64		digest;
} last;

static void
fill(LWLock *lock)
{
	csec_kept_memory("probe", quotas->place, sizeof(Quota), QUOTA_PLACES);
	quotas->lock = lock;
}

static const CsecSharedPart part = {
	.name = "csec probe",
	.size = sizeof(Quotas),
	.locked = true,
	.memory = (void **) &quotas,
	.fill = fill,
};

void
csec_probe_init(void)
{
	csec_shared_memory(&part);
}

void
csec_probe_new_statement(void)
{
	last.category = CSEC_CATEGORY_NONE;
	if (tries != NULL && tries->members > 0)
		tries_reset(tries);
}

static const char *
category_name(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	return known ? NameStr(known->name) : "(unknown)";
}

/*
 * Is an hour over?  One that began in the future, by a clock that was set back
 * or was read before another session came first, begins again with its count:
 * it neither lasts for years nor gives anybody his values back.
 */
static bool
is_over(Quota *q, TimestampTz now)
{
	if (q->since > now)
		q->since = now;
	return q->since + HOUR <= now;
}

/*
 * The place of a reader's hour; NULL where all places in reach are taken.  An
 * hour that is over leaves its place to others.
 */
static Quota *
quota_place(Oid reader, uint32 category, TimestampTz now)
{
	uint32		h = hash_combine(murmurhash32(reader),
								 hash_combine(murmurhash32(category),
											  murmurhash32(MyDatabaseId)));
	Quota	   *room = NULL;

	for (int i = 0; i < QUOTA_REACH; i++)
	{
		Quota	   *q = &quotas->place[(h + i) % QUOTA_PLACES];
		bool		over = is_over(q, now);

		if (q->database == MyDatabaseId && q->reader == reader &&
			q->category == category)
		{
			if (over)
			{
				q->since = now;
				q->count = 0;
			}
			return q;
		}
		if (room == NULL && (q->database == InvalidOid || over))
			room = q;
	}
	if (room != NULL)
	{
		room->database = MyDatabaseId;
		room->reader = reader;
		room->category = category;
		room->since = now;
		room->count = 0;
	}
	return room;
}

/* Count one value for the hour; false: too many. */
static bool
within_quota(Oid reader, uint32 category)
{
	TimestampTz now = GetCurrentTimestamp();
	Quota	   *q;
	bool		within = false;

	if (quotas == NULL)
		return false;
	LWLockAcquire(quotas->lock, LW_EXCLUSIVE);
	q = quota_place(reader, category, now);
	if (q != NULL && q->count < (uint32) csec_probe_quota)
	{
		q->count++;
		csec_kept_store(q);
		within = true;
	}
	LWLockRelease(quotas->lock);
	return within;
}

uint64
csec_probe_digest(const char *value, size_t len)
{
	if (unlikely(!seeded))
	{
		if (!pg_strong_random(&seed, sizeof(seed)))
			csec_crypto_failed("generate random values");
		seeded = true;
	}
	return hash_bytes_extended((const unsigned char *) value, (int) len, seed);
}

/*
 * Note a value of this statement; gives how many distinct ones of its
 * category there are now, or 0 where it was there already.
 */
static uint32
note_value(uint32 category, uint64 digest)
{
	TryKey		key = {0};
	TryEntry   *total;
	bool		found;

	if (tries == NULL)
		tries = tries_create(TopMemoryContext, 64, NULL);
	key.category = category;
	key.value = Max(digest, 1);	/* 0 is the count's own */
	tries_insert(tries, key, &found);
	if (found)
		return 0;
	key.value = 0;
	total = tries_insert(tries, key, &found);
	if (!found)
		total->count = 0;
	return ++total->count;
}

static void
refuse_statement(uint32 category)
{
	csec_denied("probe limit", category);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 category == CSEC_CATEGORY_TYPED_IN ?
			 errmsg("too many values without a category sorted, hashed or stored as constants in one statement") :
			 errmsg("too many values tried against category \"%s\" in one statement",
					category_name(category)),
			 errdetail("A reader without clearance may try %d distinct values (csec.probe_limit).",
					   csec_probe_limit),
			 errhint("Ask for a clearance; to load data, for membership in csec_loader.")));
}

static void
refuse_hour(uint32 category)
{
	csec_denied("probe quota", category);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 category == CSEC_CATEGORY_TYPED_IN ?
			 errmsg("too many values without a category sorted, hashed or stored as constants within an hour") :
			 errmsg("too many values tried against category \"%s\" within an hour",
					category_name(category)),
			 errdetail("A reader without clearance may try %d values an hour (csec.probe_quota).",
					   csec_probe_quota),
			 errhint("Wait, or ask for a clearance; to load data, for membership in csec_loader.")));
}

static void
refuse_search(uint32 category)
{
	csec_denied("search", category);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("values of category \"%s\" cannot be searched without clearance",
					category_name(category)),
			 errhint("Ask for a clearance, or search by another column.")));
}

/* Does it count what this reader tries? */
static inline bool
is_counted(uint32 category)
{
	return csec_decide(category) != CSEC_REVEAL && !csec_reader_has_role(CSEC_ROLE_LOADER);
}

static void
probe(uint32 category, uint64 digest, bool stored)
{
	const CsecCategory *known;
	uint32		n;

	/* Once for each value, not each row: the same constant comes again. */
	if (last.category == category && last.digest == digest && last.stored == stored)
		return;
	if (!is_counted(category))
		return;
	known = csec_category_lookup(category);
	if (!stored && known != NULL && !known->searchable)
		refuse_search(category);
	n = note_value(category, digest);
	if (n > (uint32) csec_probe_limit)
		refuse_statement(category);
	/* Nobody has an hour of his own: all of them share one. */
	if (n > 0 && !within_quota(csec_reader(), category))
		refuse_hour(category);
	last.category = category;
	last.digest = digest;
	last.stored = stored;
}

void
csec_probe(uint32 category, uint64 digest)
{
	if (category != CSEC_CATEGORY_NONE)
		probe(category, digest, false);
}

void
csec_probe_input(uint32 category, const char *value, size_t len)
{
	/* Who loads data pays for no digest. */
	if (category != CSEC_CATEGORY_NONE && is_counted(category))
		probe(category, csec_probe_digest(value, len), true);
}
