/*
 * absence.h
 *		Did the server run while no sealer looked?
 */
#ifndef CSEC_SEALER_ABSENCE_H
#define CSEC_SEALER_ABSENCE_H

#include "postgres.h"

#include "access/xlogreader.h"

#include "sealer/batch.h"
#include "sealer/state.h"

/* What the record of such a run says. */
#define CSEC_NOTE_ABSENCE "ran without its sealer"

/* All there is has been read: a sealer is there now. */
extern void csec_absence_over(CsecState *state);

/*
 * Looks at a WAL record, and puts what is found into the batch.  here_from is
 * where the WAL ended when this sealer began.
 */
extern void csec_absence_observe(CsecState *state, CsecBatch *batch,
								 XLogReaderState *xlog,
								 XLogRecPtr here_from);

#endif							/* CSEC_SEALER_ABSENCE_H */
