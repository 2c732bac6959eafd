/*
 * log_scan.h
 *		Reads csec_trail.audit_log in the order of seq.
 */
#ifndef CSEC_AUDIT_LOG_SCAN_H
#define CSEC_AUDIT_LOG_SCAN_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "utils/snapshot.h"

typedef struct CsecLogScan CsecLogScan;

/* Rows with from <= seq <= to. */
extern CsecLogScan *csec_log_scan_begin(int64 from, int64 to, Snapshot snapshot);

/* Those with this number in the month of a moment; NULL: there is no such month. */
extern CsecLogScan *csec_log_scan_month(int64 seq, TimestampTz at, Snapshot snapshot);

/* The next row, good until the next call; NULL at the end. */
extern TupleTableSlot *csec_log_scan_next(CsecLogScan *scan);
extern void csec_log_scan_end(CsecLogScan *scan);

/* The hash of one record; false where it is not there, or has none. */
extern bool csec_log_scan_hash(int64 seq, Snapshot snapshot, uint8 *hash);

#endif							/* CSEC_AUDIT_LOG_SCAN_H */
