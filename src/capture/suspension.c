/*
 * suspension.c
 *		csec.suspend_recording(): the lever for a bad night.
 *
 * Reads and changes of this database go unrecorded until a stated time; masks
 * stay.  The suspension itself is a control record, so the gap has a name, a
 * beginning and an end in the trail.  It is kept in shared memory only: a
 * restart ends it, which errs on the side of recording.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "audit/emit.h"
#include "audit/stream.h"
#include "capture/control.h"
#include "capture/suspension.h"
#include "util/name_lock.h"
#include "util/utf8.h"

/* Who suspends, or resumes: in turn, so that the last record says how it is. */
#define LOCK "recording"

/* Longer than a night needs an answer, not a lever. */
#define LONGEST_SUSPENSION (INT64CONST(24) * USECS_PER_HOUR)

bool
csec_recording_suspended(void)
{
	CsecStream *stream = csec_emit_stream();
	uint64		until = pg_atomic_read_u64(&stream->suspended_until);

	return unlikely(until != 0) && (int64) until > GetCurrentTimestamp();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_suspend_recording);

/*
 * csec.suspend_recording(reason text, until timestamptz): for members of
 * csec_admin; at most 24 hours ahead.
 */
Datum
csec_suspend_recording(PG_FUNCTION_ARGS)
{
	/* not STRICT: nobody shall believe that a NULL has suspended anything */
	char	   *reason = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	TimestampTz until = PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1);
	TimestampTz now = GetCurrentTimestamp();
	char		end[MAXDATELEN + 1];

	if (csec_all_blank((unsigned char *) reason, (unsigned char *) reason + strlen(reason)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("suspending the recording needs a reason"),
				 errhint("It will stand in the trail.")));
	if (until <= now || until > now + LONGEST_SUSPENSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("recording can be suspended for at most 24 hours from now"),
				 errhint("Say until when, as now() + interval '1 hour'.")));

	/* first on record, and flushed, then in force; the offset as a number */
	JsonEncodeDateTime(end, PG_GETARG_DATUM(1), TIMESTAMPTZOID, NULL);
	csec_emit_prepare();
	csec_name_lock(LOCK, ExclusiveLock);
	csec_emit_flush(csec_control_emit("suspend recording", reason,
									  psprintf("{\"until\": \"%s\"}", end)));
	pg_atomic_write_u64(&csec_emit_stream()->suspended_until, (uint64) until);
	csec_name_unlock(LOCK, ExclusiveLock);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_resume_recording);

/* csec.resume_recording(): ends a suspension; for members of csec_admin. */
Datum
csec_resume_recording(PG_FUNCTION_ARGS)
{
	csec_emit_prepare();
	csec_name_lock(LOCK, ExclusiveLock);
	pg_atomic_write_u64(&csec_emit_stream()->suspended_until, 0);
	csec_emit_flush(csec_control_emit("resume recording", NULL, NULL));
	csec_name_unlock(LOCK, ExclusiveLock);
	PG_RETURN_VOID();
}
