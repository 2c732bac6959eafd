/*
 * reading.h
 *		Reads that are told in part, until the rest has come.
 */
#ifndef CSEC_SEALER_READING_H
#define CSEC_SEALER_READING_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "sealer/batch.h"

extern void csec_reads_load(void);

/* A read's record was just added to the batch as this item. */
extern void csec_read_observe(CsecBatch *batch, int item, const CsecBody *body);

/*
 * The rest of what is being read will not come, or cannot be told from what
 * was lost: the server went down, or WAL is missing.
 */
extern void csec_reads_cut(CsecBatch *batch, XLogRecPtr lsn);

/* The same for reads of sessions that are gone; now and then, in two rounds. */
extern void csec_reads_ask(CsecBatch *batch, XLogRecPtr lsn);

/* The batch is being stored, and with it what is being read. */
extern void csec_reads_store(void);

#endif							/* CSEC_SEALER_READING_H */
