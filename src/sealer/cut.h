/*
 * cut.h
 *		Carries out the approved cut of the trail, if there is one.
 */
#ifndef CSEC_SEALER_CUT_H
#define CSEC_SEALER_CUT_H

#include "sealer/batch.h"
#include "sealer/state.h"

/* An order was approved in this record: look for it soon. */
extern void csec_cut_observe(const CsecBody *body);

/* Is it time to look whether there is one? */
extern bool csec_cut_is_due(void);

/*
 * In the transaction of a seal, before it: drops the months that an approved
 * order names, and adds the record that says so to the batch: both or neither.
 */
extern void csec_cut_carry_out(CsecBatch *batch, const CsecState *state, XLogRecPtr lsn);

#endif							/* CSEC_SEALER_CUT_H */
