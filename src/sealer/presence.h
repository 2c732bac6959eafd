/*
 * presence.h
 *		Says that the sealer is there, since when, and with what.
 */
#ifndef CSEC_SEALER_PRESENCE_H
#define CSEC_SEALER_PRESENCE_H

#include "postgres.h"

#include "sealer/batch.h"
#include "sealer/state.h"

/* The record of a start; in a transaction. */
extern void csec_presence_start(CsecBatch *batch, const CsecState *state);

/* What the settings are now, where they were read anew and have changed. */
extern void csec_presence_reloaded(CsecBatch *batch, XLogRecPtr lsn);

/* A heartbeat, if it is time for one. */
extern void csec_presence_beat(CsecBatch *batch, const CsecState *state, XLogRecPtr lsn);

#endif							/* CSEC_SEALER_PRESENCE_H */
