/*
 * outcome.h
 *		How the transactions of sealed changes end.
 */
#ifndef CSEC_SEALER_OUTCOME_H
#define CSEC_SEALER_OUTCOME_H

#include "postgres.h"

#include "access/xlogreader.h"

#include "sealer/batch.h"

extern void csec_outcomes_load(bool ours);

/* The record just added to the batch belongs to this transaction. */
extern void csec_outcome_expect(CsecBatch *batch, int item, TransactionId xid);

/*
 * Looks whether a WAL record ends transactions that are waited for.  False: of
 * more than the batch has room for; look at it again with the next batch.
 */
extern bool csec_outcome_observe(CsecBatch *batch, XLogReaderState *xlog);

/*
 * Ask the server about transactions whose end should have been seen: after a
 * gap, and now and then.  In two rounds, so that what ends meanwhile is seen
 * in the WAL first.
 */
extern void csec_outcomes_ask(CsecBatch *batch, XLogRecPtr lsn);

/* The batch is being stored: what is open in it stays to be told. */
extern void csec_outcomes_store(CsecBatch *batch);

extern bool csec_outcomes_pending(void);

#endif							/* CSEC_SEALER_OUTCOME_H */
