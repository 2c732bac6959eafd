/*
 * store.h
 *		Puts records into csec_trail.audit_log, many at a time.
 *
 * begin, add …, end inside one transaction that has an active snapshot; all
 * records get the time of begin.
 */
#ifndef CSEC_AUDIT_STORE_H
#define CSEC_AUDIT_STORE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "audit/record.h"

typedef struct CsecStore CsecStore;

/*
 * The sealer is about to run a statement of its own, which makes a partition
 * or drops one by an approved cut: none that is put on record as somebody's.  What runs inside such a statement (an event
 * trigger) is somebody else's.
 */
extern bool csec_trail_own_ddl;

extern CsecStore *csec_store_begin(TimestampTz at);
extern void csec_store_add(CsecStore *store, uint64 seq, bytea *record,
						   const uint8 *hash);
extern void csec_store_end(CsecStore *store);

/*
 * Make next month's partitions when it is near and they are missing.  Inside
 * a transaction; what goes wrong (somebody holds a lock) is logged, and left
 * to the next call.
 */
extern void csec_store_look_ahead(TimestampTz now);

#endif							/* CSEC_AUDIT_STORE_H */
