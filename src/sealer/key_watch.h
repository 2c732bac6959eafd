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

#endif							/* CSEC_SEALER_KEY_WATCH_H */
