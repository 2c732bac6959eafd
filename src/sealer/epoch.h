/*
 * epoch.h
 *		Ends an epoch: signs a checkpoint, and erases the key that did.
 */
#ifndef CSEC_SEALER_EPOCH_H
#define CSEC_SEALER_EPOCH_H

#include "postgres.h"

#include "audit/stream.h"
#include "sealer/batch.h"
#include "sealer/state.h"

/* Is it time, or does somebody ask? */
extern bool csec_epoch_is_over(CsecStream *stream);

/*
 * Outside a transaction.  False: there was no key to go on with; the batch has
 * a record of the new one, and when that is sealed the call comes again.  What
 * goes wrong is told in the log and in csec.anchor_status, tried again later,
 * and never keeps the trail from being sealed.
 */
extern bool csec_epoch_close(CsecStream *stream, const CsecState *state,
							 CsecBatch *batch, XLogRecPtr lsn);

#endif							/* CSEC_SEALER_EPOCH_H */
