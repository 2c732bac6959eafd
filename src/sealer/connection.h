/*
 * connection.h
 *		Puts connections into the trail.
 */
#ifndef CSEC_SEALER_CONNECTION_H
#define CSEC_SEALER_CONNECTION_H

#include "postgres.h"

#include "sealer/batch.h"

/* In the sealer's first transaction. */
extern void csec_connections_start(void);

/* Note what came after *seen, which moves on. */
extern void csec_connections_note(CsecBatch *batch, XLogRecPtr lsn, uint64 *seen);

#endif							/* CSEC_SEALER_CONNECTION_H */
