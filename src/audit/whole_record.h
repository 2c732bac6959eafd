/*
 * whole_record.h
 *		Whole records from what is stored of them.
 */
#ifndef CSEC_AUDIT_WHOLE_RECORD_H
#define CSEC_AUDIT_WHOLE_RECORD_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/snapshot.h"

/* What was read of the records that others refer to. */
typedef struct CsecBases CsecBases;

/* In the current memory context; of the trail as the snapshot sees it. */
extern CsecBases *csec_bases_create(Snapshot snapshot);

/*
 * The whole record, palloc'd if it was not stored so; NULL where a record that
 * it refers to is not there or not what it was, or it is none itself.
 */
extern bytea *csec_bases_whole(CsecBases *bases, bytea *stored);

/* ... then why, as the detail of a finding. */
extern const char *csec_bases_problem(const CsecBases *bases);

/* The row that was stored so was found to be what was sealed. */
extern void csec_bases_keep(CsecBases *bases, bytea *stored);

/* The whole record, for a caller who may read the trail; or an error. */
extern bytea *csec_whole_record(bytea *stored);

#define CSEC_GETARG_RECORD(n) csec_whole_record(PG_GETARG_BYTEA_PP(n))

#endif							/* CSEC_AUDIT_WHOLE_RECORD_H */
