/*
 * resume.c
 *		Where a sealer that starts goes on, and what it must say about it.
 *
 * Normally at the position stored with the last records.  In the other cases
 * nothing is bridged silently:
 *
 *	the trail is another's	it was restored from a dump, came with pg_upgrade,
 *							or its database was a template.  A record names
 *							the trail it was copied from and the number at
 *							which the two part; the WAL between is a gap.
 *	the timeline is another	a standby was promoted, or the server was restored
 *							to a point in time.  A record names both; the old
 *							timeline's WAL is read where it is still there.
 *	the slot was lost		a record says so; whether WAL was lost with it is
 *							seen by looking.
 *	the WAL is gone			a gap record, from where to where.
 */
#include "sealer/resume.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "sealer/note.h"
#include "sealer/presence.h"
#include "sealer/reading.h"
#include "sealer/slot.h"
#include "sealer/wal_reader.h"

static void
tell_gap(CsecState *state, CsecBatch *batch, const char *why, XLogRecPtr to)
{
	csec_note_gap(batch, to, why, state->resume_lsn, to);
	csec_reads_cut(batch, to);
	state->resume_lsn = to;
	state->sessions_since = GetCurrentTimestamp();
}

static void
adopt_copy(CsecState *state, CsecBatch *batch)
{
	XLogRecPtr	from = csec_slot_position();
	char	   *detail = psprintf("{\"system_id\": \"" UINT64_FORMAT "\", \"database_id\": %u, \"seq\": " UINT64_FORMAT ", \"same_key\": %s}",
								  state->system_id, state->database, state->seq,
								  state->head_is_sound ? "true" : "false");

	csec_note_server(batch, from, "copied", detail);
	tell_gap(state, batch, "copied", from);
	state->system_id = GetSystemIdentifier();
	state->database = MyDatabaseId;
	state->forgotten_lsn = from;
	state->absent_from = InvalidXLogRecPtr;
	pfree(detail);
}

static void
tell_timeline(CsecState *state, CsecBatch *batch, TimeLineID now)
{
	char	   *detail = psprintf("{\"from\": %u, \"to\": %u}", state->timeline, now);

	csec_note_server(batch, state->resume_lsn, "timeline", detail);
	pfree(detail);
	if (!csec_wal_in_history(state->timeline, state->resume_lsn))
		tell_gap(state, batch, "timeline", csec_slot_position());
}

bool
csec_resume(CsecState *state, CsecBatch *batch, bool slot_was_lost)
{
	TimeLineID	now = GetWALInsertionTimeLine();
	bool		ours = state->system_id == GetSystemIdentifier() &&
		state->database == MyDatabaseId;

	if (state->seq == 0 && ours)
		csec_note_genesis(batch, state->resume_lsn);
	if (!ours)
		adopt_copy(state, batch);
	else
	{
		if (!state->head_is_sound)
			csec_note_server(batch, state->resume_lsn, CSEC_NOTE_HEAD, NULL);
		if (state->timeline != now)
			tell_timeline(state, batch, now);
	}
	state->timeline = now;

	/* first make the slot hold what is there, then look whether it is */
	if (ours && slot_was_lost)
		csec_note_server(batch, state->resume_lsn, "slot lost", NULL);
	if (csec_slot_position() != state->resume_lsn)
		csec_slot_move(state->resume_lsn);
	if (!csec_wal_exists(state->resume_lsn))
	{
		tell_gap(state, batch, "wal removed",
				 state->resume_lsn > GetXLogInsertRecPtr() ? GetRedoRecPtr() :
				 csec_wal_first_after(state->resume_lsn));
		csec_slot_move(state->resume_lsn);
	}
	csec_presence_start(batch, state);
	return ours;
}
