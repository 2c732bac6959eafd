/*
 * scan_progress.h
 *		How far sessions are that look at all encrypted values of a table.
 */
#ifndef CSEC_CAPTURE_SCAN_PROGRESS_H
#define CSEC_CAPTURE_SCAN_PROGRESS_H

#include "postgres.h"

extern void csec_scan_progress_init(void);

/* This session looks at a relation; at the end, and on an error, call ..._end(). */
extern void csec_scan_progress_begin(Oid relid, uint64 blocks);
extern void csec_scan_progress(uint64 done);
extern void csec_scan_progress_end(void);

#endif							/* CSEC_CAPTURE_SCAN_PROGRESS_H */
