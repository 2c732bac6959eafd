/*
 * state.h
 *		The head of the trail, and where the sealer goes on.
 */
#ifndef CSEC_SEALER_STATE_H
#define CSEC_SEALER_STATE_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "storage/itemptr.h"

#include "audit/record.h"

typedef struct CsecState
{
	uint64		system_id;
	Oid			database;
	TimeLineID	timeline;
	XLogRecPtr	resume_lsn;
	uint64		seq;			/* of the last record */
	TimestampTz sealed_at;		/* of the last record */
	uint8		hash[CSEC_HASH_SIZE];	/* of the last record */
	bool		head_is_sound;	/* its MAC was made with this server's key */
	TimestampTz sessions_since; /* sessions older than this may have records
								 * that were never seen */
	XLogRecPtr	forgotten_lsn;	/* sessions silent since before may be
								 * forgotten: see session.c */
	XLogRecPtr	absent_from;	/* no sealer has come so far in the server's run
								 * that began here: see absence.c */
	ItemPointerData tid;
} CsecState;

/* False where this database has no trail. */
extern bool csec_state_load(CsecState *state);
extern void csec_state_store(CsecState *state);

#endif							/* CSEC_SEALER_STATE_H */
