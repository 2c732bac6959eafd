/*
 * resume.h
 *		Where a sealer that starts goes on, and what it must say about it.
 */
#ifndef CSEC_SEALER_RESUME_H
#define CSEC_SEALER_RESUME_H

#include "postgres.h"

#include "sealer/batch.h"
#include "sealer/state.h"

/*
 * Settles, with the slot held, from which position on to read
 * (state->resume_lsn), and adds to the batch what is to be told.  Says whether
 * the trail is this database's own, or one copied from another.
 */
extern bool csec_resume(CsecState *state, CsecBatch *batch, bool slot_was_lost);

#endif							/* CSEC_SEALER_RESUME_H */
