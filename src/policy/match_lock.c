/*
 * match_lock.c
 *		Who has claimed too much that was not so is locked out for a while.
 *
 * The reader is locked and never the customer: whoever knows a customer's
 * number could lock him out of his bank.  Counted are the authenticated login
 * with the person who logged in by a token or the actor that it claims, and the
 * login alone, with a higher limit, as an application that several clerks share
 * may claim any actor.
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
	Oid			login;
	uint32		actor;			/* hash of the claim; 0: of all of them */
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

/* Is a count of no meaning any more?  A clock set back must not prolong it. */
static bool
is_over(const Count *count, TimestampTz now)
{
	TimestampTz window = (TimestampTz) csec_match_window * USECS_PER_SEC;

	if (count->until != 0)
		return count->until <= now || count->since > now;
	return count->since + window <= now || count->since > now;
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
		*until = now + (TimestampTz) csec_match_lock_time * USECS_PER_SEC;
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
		count->until = now + (TimestampTz) csec_match_lock_time * USECS_PER_SEC;
		csec_kept_store(count);
	}
	*until = count->until;
	return false;
}

/* Who is behind the login: proved by a token, or else as claimed. */
static uint32
claimed_actor(void)
{
	const CsecContext *context = csec_context();
	const char *actor = context->person[0] != '\0' ? context->person : context->actor.text;

	return actor[0] == '\0' ? 0 :
		hash_bytes((const unsigned char *) actor, (int) strlen(actor)) | 1;
}

bool
csec_match_enter(TimestampTz *until)
{
	Oid			login = csec_login_id();
	uint32		actor = claimed_actor();
	TimestampTz now = GetCurrentTimestamp();
	bool		allowed;

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	allowed = count_one(place_of(login, 0, now),
						csec_match_failures * (actor != 0 ? LOGIN_SHARE : 1), now, until);
	if (allowed && actor != 0)
		allowed = count_one(place_of(login, actor, now), csec_match_failures, now, until);
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
	Oid			login = csec_login_id();
	uint32		actor = claimed_actor();
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(counts->lock, LW_EXCLUSIVE);
	take_back(place_of(login, 0, now));
	if (actor != 0)
		take_back(place_of(login, actor, now));
	LWLockRelease(counts->lock);
}
