/*
 * note.h
 *		The records that the sealer itself writes.
 */
#ifndef CSEC_SEALER_NOTE_H
#define CSEC_SEALER_NOTE_H

#include "postgres.h"

#include "datatype/timestamp.h"
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

/* A connection, by the role that was asked for; detail is a JSON object. */
extern void csec_note_connection(CsecBatch *batch, XLogRecPtr lsn, TimestampTz at,
								 const char *action, const char *role,
								 const char *detail);

/* Records left by an approved cut: detail is a JSON object. */
extern void csec_note_trail_cut(CsecBatch *batch, XLogRecPtr lsn, const char *detail,
								const uint8 *anchor, size_t len);

/*
 * The record of a read that was cut off: its fields, made from the first
 * record of the read in the current memory context, and the record of them,
 * with the time of the read's last one.
 */
extern bytea *csec_note_cut_fields(const CsecBody *first);
extern void csec_note_cut(CsecBatch *batch, XLogRecPtr lsn, TimestampTz at,
						  const bytea *fields);

#endif							/* CSEC_SEALER_NOTE_H */
