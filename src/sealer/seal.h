/*
 * seal.h
 *		Seals a batch: chains its records and stores them.
 */
#ifndef CSEC_SEALER_SEAL_H
#define CSEC_SEALER_SEAL_H

#include "postgres.h"

#include "sealer/batch.h"
#include "sealer/state.h"
#include "sealer/wal_reader.h"

/*
 * Stores the batch, perhaps empty, with position as the place to go on from,
 * inside a transaction that the caller commits.
 */
extern void csec_seal(CsecBatch *batch, CsecState *state,
					  CsecWalReader *reader, XLogRecPtr position);

#endif							/* CSEC_SEALER_SEAL_H */
