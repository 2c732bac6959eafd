/*
 * subject_sums.h
 *		Has csec_trail.audit_subject the rows that the records demand?  [FE]
 *
 * As in the server (audit/verify_subject.c): both sides are summed, a keyed
 * digest of each row, in buckets by number, and equal sums are equal sets of
 * rows.  Where a bucket differs its rows are compared record by record.
 */
#ifndef CSEC_VERIFY_SUBJECT_SUMS_H
#define CSEC_VERIFY_SUBJECT_SUMS_H

#include "audit/columns.h"

#define CSEC_SUM_BUCKETS 1024

typedef struct CsecSubjectSums
{
	int64_t		from;
	int64_t		to;
	uint64_t	width;			/* of a bucket, in records */
	uint64_t	seed;
	uint64_t	sum[CSEC_SUM_BUCKETS];	/* demanded less found */
} CsecSubjectSums;

extern void csec_sums_begin(CsecSubjectSums *sums, int64_t from, int64_t to);

/* An empty copy for another thread, and what it summed added up. */
extern void csec_sums_fork(CsecSubjectSums *sums, const CsecSubjectSums *of);
extern void csec_sums_join(CsecSubjectSums *sums, const CsecSubjectSums *other);

/* A record demands its rows; a row is there. */
extern void csec_sums_expect(CsecSubjectSums *sums, int64_t seq, int64_t at,
							 const CsecColumns *columns);
extern void csec_sums_found(CsecSubjectSums *sums, int64_t subject, int64_t seq,
							int64_t at, uint32_t relid);

/* The first bucket that differs as numbers first .. last; false: none does. */
extern bool csec_sums_differ(const CsecSubjectSums *sums, int64_t *first,
							 int64_t *last);

#endif							/* CSEC_VERIFY_SUBJECT_SUMS_H */
