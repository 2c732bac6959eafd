/*
 * cut_read.h
 *		The anchor that the trail stands on, as its last cut has it.
 */
#ifndef CSEC_AUDIT_CUT_READ_H
#define CSEC_AUDIT_CUT_READ_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "audit/cut.h"

/*
 * The last cut on record, in the current memory context; false: there is none.
 * A hint until the record was met where it stands in the chain.  bytes: those
 * of the anchor.
 */
extern bool csec_cut_read_last(Snapshot snapshot, CsecCut *cut, CsecField *bytes,
							   int64 *seq);

#endif							/* CSEC_AUDIT_CUT_READ_H */
