/*
 * name_lock.c
 *		Locks on what has a name and no row.
 *
 * They are of a class that no SQL function for everybody takes: with
 * pg_advisory_lock() anybody could keep others from acting, or himself from
 * being suspended.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "util/name_lock.h"

/* Advisory locks have 1 and 2 here, used tokens 0x6373 (policy/used_token.c). */
#define LOCK_CLASS 0x6374

static void
lock_tag(LOCKTAG *tag, const char *name)
{
	uint64		h = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);

	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (h >> 32), (uint32) h, LOCK_CLASS);
}

void
csec_name_lock(const char *name, LOCKMODE mode)
{
	LOCKTAG		tag;

	lock_tag(&tag, name);
	(void) LockAcquire(&tag, mode, false, false);
}

void
csec_name_unlock(const char *name, LOCKMODE mode)
{
	LOCKTAG		tag;

	lock_tag(&tag, name);
	(void) LockRelease(&tag, mode, false);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_lock_name);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_try_lock_name);

/* csec.lock_name(name text, alone bool): until the end of the transaction. */
Datum
csec_lock_name(PG_FUNCTION_ARGS)
{
	csec_name_lock(text_to_cstring(PG_GETARG_TEXT_PP(0)),
				   PG_GETARG_BOOL(1) ? ExclusiveLock : ShareLock);
	/* what follows goes by what was made or dropped under it, as after the lock of a relation */
	AcceptInvalidationMessages();
	PG_RETURN_VOID();
}

/* csec.try_lock_name(name text) returns bool: alone, or not at all. */
Datum
csec_try_lock_name(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;
	bool		got;

	lock_tag(&tag, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	got = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
	AcceptInvalidationMessages();
	PG_RETURN_BOOL(got);
}
