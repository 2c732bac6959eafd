/*
 * match_lock.c
 *		Who has claimed too much that was not so is locked out for a while.
 *
 * The reader is locked and never the customer: whoever knows a customer's
 * number could lock him out of his bank.  Counted is the person, by the register
 * of logins or a token, whichever of his logins he comes with; and the login.
 * Of a pool, which several people share, the login has a higher limit, and where
 * nobody logged in by a token each actor that it claims is counted: any may be
 * claimed, so a claim makes no difference for a login that is no pool.
 *
 * In shared memory, as a count in a table would be rolled back.  It survives a
 * restart of the server, and a crash.  Where there is no room for another count
 * the answer is "locked".
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "policy/context.h"
#include "policy/match_lock.h"
#include "policy/person.h"
#include "policy/reader.h"
#include "util/guc.h"
#include "util/kept_memory.h"
#include "util/shared_memory.h"

#define PLACES		4096		/* a power of two; 160 kB */
#define REACH		64			/* places a count may be away from its own */
#define LOGIN_SHARE	20			/* clerks behind one login */

typedef struct Count
{
	Oid			database;		/* InvalidOid: never used */
	Oid			login;			/* InvalidOid: a person's, of all his logins */
	uint32		actor;			/* hash of person or claim; 0: of all of them */
	uint32		failures;
	TimestampTz since;			/* of the first failure */
	TimestampTz until;			/* locked; 0: not */
} Count;

typedef struct Counts
{
	LWLock	   *lock;
	Count		place[PLACES];
} Counts;

static Counts *counts = NULL;

static void
fill(LWLock *lock)
{
	csec_kept_memory("match", counts->place, sizeof(Count), PLACES);
	counts->lock = lock;
}

static const CsecSharedPart part = {
	.name = "csec match",
	.size = sizeof(Counts),
	.locked = true,
	.memory = (void **) &counts,
	.fill = fill,
};

void
csec_match_lock_init(void)
{
	csec_shared_memory(&part);
}

static TimestampTz
lock_from(TimestampTz now)
{
	return now + (TimestampTz) csec_match_lock_time * USECS_PER_SEC;
}

/*
 * Is a count of no meaning any more?  One that began in the future, by a clock
 * that was set back or was read before another session came first, begins
 * again: it neither lasts for years nor gives anybody his claims back.
 */
static bool
is_over(Count *count, TimestampTz now)
{
	TimestampTz window = (TimestampTz) csec_match_window * USECS_PER_SEC;

	if (count->since > now)
	{
		count->since = now;
		if (count->until != 0)
			count->until = Min(count->until, lock_from(now));
	}
	return (count->until != 0 ? count->until : count->since + window) <= now;
}

/* The count of a login and actor; NULL where all places in reach are taken. */
static Count *
place_of(Oid login, uint32 actor, TimestampTz now)
{
	uint32		h = hash_combine(murmurhash32(login),
								 hash_combine(murmurhash32(actor), murmurhash32(MyDatabaseId)));
	Count	   *room = NULL;

	for (int i = 0; i < REACH; i++)
	{
		Count	   *count = &counts->place[(h + i) % PLACES];
		bool		mine = count->database == MyDatabaseId && count->login == login &&
			count->actor == actor;

		if (mine && !is_over(count, now))
			return count;
		if (mine || (room == NULL && (count->database == InvalidOid || is_over(count, now))))
		{
			room = count;
			if (mine)
				break;
		}
	}
	if (room != NULL)
		*room = (Count) {.database = MyDatabaseId,.login = login,.actor = actor,.since = now};
	return room;
}

static bool
count_one(Count *count, uint32 limit, TimestampTz now, TimestampTz *until)
{
	if (count == NULL)
	{
		*until = lock_from(now);
		return false;
	}
	if (count->until == 0 && count->failures < limit)
	{
		count->failures++;
		csec_kept_store(count);
		return true;
	}
	/* This attempt is one too many; those that follow do not prolong it. */
	if (count->until == 0)
	{
		count->until = lock_from(now);
		csec_kept_store(count);
	}
	*until = count->until;
	return false;
}

typedef struct Counted
{
	Oid			login;
	uint32		actor;
	uint32		limit;
} Counted;

#define MAX_COUNTED	2

static uint32
hash_of(const char *who)
{
	return hash_bytes((const unsigned char *) who, (int) strlen(who)) | 1;
}

/* What a claim of this session counts for, from the narrow to the wide. */
static int
who_is_counted(Counted *who)
{
	const CsecContext *context = csec_context();
	Oid			login = csec_login_id();
	bool		pool = csec_is_pool_role(login);
	char	   *person = NULL;
	int			n = 0;

	if (context->person[0] != '\0')
		person = pstrdup(context->person);
	else if (!csec_person_of(login, &person))
		person = NULL;
	if (person != NULL)
		who[n++] = (Counted) {InvalidOid, hash_of(person), csec_match_failures};
	else if (pool && context->actor.text[0] != '\0')
		who[n++] = (Counted) {login, hash_of(context->actor.text), csec_match_failures};
	who[n] = (Counted) {login, 0, csec_match_failures * (pool && n > 0 ? LOGIN_SHARE : 1)};
	return n + 1;
}

bool
csec_match_enter(TimestampTz *until)
{
	Counted		who[MAX_COUNTED];
	int			n = who_is_counted(who);
	TimestampTz now = GetCurrentTimestamp();
	bool		allowed = true;

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n && allowed; i++)
		allowed = count_one(place_of(who[i].login, who[i].actor, now), who[i].limit, now, until);
	LWLockRelease(counts->lock);
	return allowed;
}

static void
take_back(Count *count)
{
	if (count == NULL || count->failures == 0)
		return;
	count->failures--;
	csec_kept_store(count);
}

void
csec_match_take_back(void)
{
	Counted		who[MAX_COUNTED];
	int			n = who_is_counted(who);
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		take_back(place_of(who[i].login, who[i].actor, now));
	LWLockRelease(counts->lock);
}
