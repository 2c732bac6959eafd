/*
 * session.h
 *		Which number each session has come to: what shows a repeat.
 */
#ifndef CSEC_SEALER_SESSION_H
#define CSEC_SEALER_SESSION_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "audit/record.h"
#include "sealer/state.h"

extern void csec_sessions_load(bool ours);

/*
 * Is this record, found at lsn, one that was not sealed before?  Counts it if
 * so; otherwise *why says what it is.
 */
extern bool csec_session_admit(const CsecBody *body, XLogRecPtr lsn,
							   const CsecState *state, const char **why);

/* Write what has changed since the last call. */
extern void csec_sessions_store(void);

/* Let go of sessions that are over; now and then, inside a transaction. */
extern void csec_sessions_forget(CsecState *state);

#endif							/* CSEC_SEALER_SESSION_H */
