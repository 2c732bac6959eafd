/*
 * key_watch.h
 *		Do the keys of this database open?
 */
#ifndef CSEC_SEALER_KEY_WATCH_H
#define CSEC_SEALER_KEY_WATCH_H

#include "sealer/batch.h"

/*
 * Unwrap them all, in a transaction.  Those that do not open are named in the
 * server's log and, where there is a batch, in the trail.
 */
extern void csec_keys_watch(CsecBatch *batch, XLogRecPtr lsn);

/* Have the KEKs changed since that was last done? */
extern bool csec_keys_watch_due(void);

/*
 * A record that the provider fails, or is well again, where that has not been
 * told; has it not?
 */
extern void csec_provider_watch(CsecBatch *batch, XLogRecPtr lsn);
extern bool csec_provider_watch_due(void);

/* A record of the KEKs that are in force now. */
extern void csec_note_keks(CsecBatch *batch, XLogRecPtr lsn);

/*
 * Read the KEKs anew, for all processes: anyway, or only if csec.kek names
 * others.  A failure is told in the log and changes nothing.  The launcher,
 * outside of a transaction.
 */
extern void csec_keks_read(bool anyway);

#endif							/* CSEC_SEALER_KEY_WATCH_H */
