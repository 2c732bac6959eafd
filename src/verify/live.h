/*
 * live.h
 *		A trail in a running server.                                    [FE]
 */
#ifndef CSEC_VERIFY_LIVE_H
#define CSEC_VERIFY_LIVE_H

#include "verify/connection.h"
#include "verify/source.h"

/* Since a number (a text of digits), a time (anything else), or NULL. */
extern CsecSource *csec_live_open(CsecServer *server, int jobs, const char *since);

/* Where the look begins, and the hash before it. */
extern int64_t csec_live_from(const CsecSource *source, uint8_t *before);

/* What was found wrong with the tables themselves. */
extern CsecFinding csec_live_tables(const CsecSource *source);

/* The tree over what left by a cut, from its tiles. */
extern void csec_live_left(const CsecSource *source, const CsecCheckpoints *checkpoints,
						   CsecFinding *finding);

#endif							/* CSEC_VERIFY_LIVE_H */
