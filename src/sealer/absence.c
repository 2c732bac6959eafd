/*
 * absence.c
 *		Did the server run while no sealer looked?
 *
 * In single-user mode, or without the library, nobody seals, and what is no
 * field can be read unrecorded.  The WAL tells: each run of a server ends
 * with a shutdown checkpoint, after a crash with the one that ends recovery.
 * Where two such ends come with no sealer's start between them, a server ran
 * without this trail's sealer, and a record says from where to where.
 *
 * state->absent_from is the end of the run before, as long as no sealer has
 * come so far in the run after it, and invalid when one has.
 */
#include "sealer/absence.h"

#include "access/rmgr.h"
#include "access/xlog_internal.h"
#include "catalog/pg_control.h"
#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "sealer/note.h"

/* A run's end, and when that was; new_timeline: it is a recovery that ends. */
static bool
ends_run(XLogReaderState *xlog, TimestampTz *at, bool *new_timeline)
{
	if (XLogRecGetRmid(xlog) != RM_XLOG_ID)
		return false;
	switch (XLogRecGetInfo(xlog) & ~XLR_INFO_MASK)
	{
		case XLOG_CHECKPOINT_SHUTDOWN:
			{
				CheckPoint	checkpoint;

				memcpy(&checkpoint, XLogRecGetData(xlog), sizeof(checkpoint));
				*at = time_t_to_timestamptz(checkpoint.time);
				*new_timeline = checkpoint.ThisTimeLineID != checkpoint.PrevTimeLineID;
				return true;
			}
		case XLOG_END_OF_RECOVERY:
			{
				xl_end_of_recovery end;

				memcpy(&end, XLogRecGetData(xlog), sizeof(end));
				*at = end.end_time;
				*new_timeline = end.ThisTimeLineID != end.PrevTimeLineID;
				return true;
			}
		default:
			return false;
	}
}

static void
tell(CsecBatch *batch, XLogRecPtr from, XLogRecPtr to, TimestampTz at)
{
	char		ended[MAXDATELEN + 1];
	char	   *detail;

	JsonEncodeDateTime(ended, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
	detail = psprintf("{\"from\": \"%X/%X\", \"to\": \"%X/%X\", \"ended\": \"%s\"}",
					  LSN_FORMAT_ARGS(from), LSN_FORMAT_ARGS(to), ended);
	csec_note_server(batch, to, CSEC_NOTE_ABSENCE, detail);
	pfree(detail);
}

void
csec_absence_over(CsecState *state)
{
	state->absent_from = InvalidXLogRecPtr;
}

void
csec_absence_observe(CsecState *state, CsecBatch *batch, XLogReaderState *xlog,
					 XLogRecPtr here_from)
{
	TimestampTz at;
	bool		new_timeline;

	if (xlog->ReadRecPtr >= here_from)
	{
		csec_absence_over(state);
		return;
	}
	if (!ends_run(xlog, &at, &new_timeline))
		return;

	/* a copy of a server that was shut down: recovery wrote nothing else */
	if (!XLogRecPtrIsInvalid(state->absent_from) &&
		!(new_timeline &&
		  xlog->ReadRecPtr - state->absent_from <= SizeOfXLogLongPHD))
		tell(batch, state->absent_from, xlog->EndRecPtr, at);
	state->absent_from = xlog->EndRecPtr;
}
