/*
 * anchor.h
 *		Takes checkpoints outside, beside the sealer.
 */
#ifndef CSEC_SEALER_ANCHOR_H
#define CSEC_SEALER_ANCHOR_H

#include "postgres.h"

#include "audit/stream.h"

/* Start the worker where there is something to do; the sealer, now and then. */
extern void csec_anchor_tend(CsecStream *stream);

extern PGDLLEXPORT void csec_anchor_main(Datum arg);

#endif							/* CSEC_SEALER_ANCHOR_H */
