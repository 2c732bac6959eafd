/*
 * intake.h
 *		What the sealer takes from the WAL into its batch.
 */
#ifndef CSEC_SEALER_INTAKE_H
#define CSEC_SEALER_INTAKE_H

#include "sealer/batch.h"
#include "sealer/state.h"
#include "sealer/wal_reader.h"

/* The sealer begins its work: what the WAL holds already, others wrote. */
extern void csec_intake_begin(void);

/*
 * Read until the batch is full (true) or there is no more (false).  Sets
 * *position_due when a backup may begin that lacks the WAL before its
 * checkpoint: the position has to be stored first.
 */
extern bool csec_intake(CsecWalReader *reader, CsecBatch *batch, CsecState *state,
						bool *position_due);

#endif							/* CSEC_SEALER_INTAKE_H */
