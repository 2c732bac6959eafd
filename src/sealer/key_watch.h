/*
 * key_watch.h
 *		Do the keys of this database open?
 */
#ifndef CSEC_SEALER_KEY_WATCH_H
#define CSEC_SEALER_KEY_WATCH_H

#include "postgres.h"

#include "audit/stream.h"
#include "keys/data_key.h"
#include "sealer/batch.h"

/*
 * Unwrap them all, in a transaction.  Those that do not open are named in the
 * server's log and, where there is a batch, in the trail; the first is given, or NULL.
 */
extern const CsecKeyTrouble *csec_keys_watch(CsecBatch *batch, XLogRecPtr lsn);

/* Have the KEKs changed since that was last done? */
extern bool csec_keys_watch_due(void);

/*
 * A record that the provider fails, or is well again, where that has not been
 * told; has it not?  A sealer that starts begins with what the one before it
 * sealed of that, and says when it has sealed it itself.
 */
extern void csec_provider_watch(CsecBatch *batch, XLogRecPtr lsn);
extern bool csec_provider_watch_due(void);
extern void csec_provider_watch_begin(const CsecStream *stream, CsecBatch *batch, XLogRecPtr lsn);
extern void csec_provider_watch_sealed(CsecStream *stream);

/* A record of the KEKs that are in force now. */
extern void csec_note_keks(CsecBatch *batch, XLogRecPtr lsn);

typedef enum CsecKeksWhy
{
	CSEC_KEKS_OUTDATED,			/* only if csec.kek names others than are in force */
	CSEC_KEKS_RELOADED,			/* the DBA reloads */
	CSEC_KEKS_CHECK				/* it is time to see whether the provider gives them */
} CsecKeksWhy;

/* Gives other trouble with keys, if there is any; false: it was cut short. */
typedef bool (*CsecKeysTry) (char **trouble);

/*
 * Ask the provider for the KEKs, and read them anew for all processes.  A failure
 * is told in the log and changes nothing.  Where the provider gives all, also is
 * called, unless it is NULL.  The launcher, outside of a transaction.
 */
extern void csec_keks_read(CsecKeksWhy why, CsecKeysTry also);

/* So many ms from now it is time for a check; none is to be: very many. */
extern int64 csec_keks_due_in(void);

#endif							/* CSEC_SEALER_KEY_WATCH_H */
