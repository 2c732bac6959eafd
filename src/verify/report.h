/*
 * report.h
 *		The verdict, for people and for programs.                       [FE]
 */
#ifndef CSEC_VERIFY_REPORT_H
#define CSEC_VERIFY_REPORT_H

#include "verify/bundle_format.h"
#include "verify/trail.h"

#define CSEC_REPORT_FINDINGS 8

/* What is said of one trail. */
typedef struct CsecReport
{
	const char *name;
	bool		is_bundle;
	const char *selection;		/* of a bundle, or NULL */
	uint8_t		digest[CSEC_HASH_SIZE]; /* of a bundle */
	CsecManifest manifest;
	bool		part;			/* not all was asked for (--since) */
	uint64_t	granted;		/* so many records were not looked at, as */
	uint64_t	granted_by;		/* ... this checkpoint covers them */
	int64_t		first;
	int64_t		last;
	uint64_t	records;
	uint8_t		hash[CSEC_HASH_SIZE];
	int64_t		anchored;
	bool		unproved;		/* a selection, and nothing ties it to a trail */
	uint64_t	checkpoints;
	CsecVouched vouched;
	int			trusted;
	bool		known_keys;		/* the checkpoints hang on a key or one that was given */
	int64_t		known_until;	/* ... or those up to this record do; 0: unknown */
	CsecFinding finding[CSEC_REPORT_FINDINGS];
	int			findings;
} CsecReport;

extern void csec_report_finding(CsecReport *report, const CsecFinding *finding);

extern void csec_report_text(const CsecReport *report, int count);
extern void csec_report_json(const CsecReport *report, int count, bool verified);

#endif							/* CSEC_VERIFY_REPORT_H */
