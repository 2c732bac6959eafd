/*
 * note.h
 *		The records that the sealer itself writes.
 */
#ifndef CSEC_SEALER_NOTE_H
#define CSEC_SEALER_NOTE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "sealer/batch.h"

/* detail is a JSON object or NULL. */
extern void csec_note_genesis(CsecBatch *batch, XLogRecPtr lsn);
extern void csec_note_server(CsecBatch *batch, XLogRecPtr lsn,
							 const char *action, const char *detail);
extern void csec_note_gap(CsecBatch *batch, XLogRecPtr lsn, const char *why,
						  XLogRecPtr from, XLogRecPtr to);
extern void csec_note_outcome(CsecBatch *batch, XLogRecPtr lsn,
							  TransactionId xid, CsecOutcome outcome);
extern void csec_note_rejected(CsecBatch *batch, XLogRecPtr lsn,
							   const char *why, const uint8 *message,
							   size_t len);

#endif							/* CSEC_SEALER_NOTE_H */
