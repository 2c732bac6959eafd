/*
 * verify.h
 *		What csec.verify_trail() looks for.
 */
#ifndef CSEC_AUDIT_VERIFY_H
#define CSEC_AUDIT_VERIFY_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "audit/columns.h"
#include "audit/cut.h"

/* What is found first; problem NULL: nothing is wrong. */
typedef struct CsecVerdict
{
	const char *problem;
	int64		seq;
	char	   *detail;
} CsecVerdict;

extern void csec_verdict(CsecVerdict *verdict, const char *problem, int64 seq,
						 const char *format,...)
	__attribute__((format(printf, 4, 5)));

/* Numbers of records within their sessions. */
typedef struct CsecSessionCheck CsecSessionCheck;

extern CsecSessionCheck *csec_session_check_begin(bool from_the_start);

/* As if the records had been seen that a cut took. */
extern void csec_session_check_resume(CsecSessionCheck *check, const CsecCut *cut);
extern void csec_session_check(CsecSessionCheck *check, const CsecHeader *header,
							   const CsecBody *body, CsecVerdict *verdict);

/* Rows of csec_trail.audit_subject. */
typedef struct CsecSubjectCheck CsecSubjectCheck;

extern CsecSubjectCheck *csec_subject_check_begin(int64 from, int64 to);
extern void csec_subject_check_expect(CsecSubjectCheck *check, int64 seq,
									  int64 at, const CsecColumns *columns);
extern void csec_subject_check_end(CsecSubjectCheck *check, Snapshot snapshot,
								   CsecVerdict *verdict);

/* csec_trail.tree_tile and csec_trail.checkpoint. */
typedef struct CsecTreeCheck CsecTreeCheck;

extern CsecTreeCheck *csec_tree_check_begin(int64 from, Snapshot snapshot,
											CsecVerdict *verdict);
extern void csec_tree_check_resume(CsecTreeCheck *check, const CsecCut *cut,
								   CsecVerdict *verdict);
extern void csec_tree_check_record(CsecTreeCheck *check, const CsecBody *body);
extern void csec_tree_check_add(CsecTreeCheck *check, int64 seq, const uint8 *hash,
								CsecVerdict *verdict);
extern void csec_tree_check_end(CsecTreeCheck *check, bool to_the_end,
								CsecVerdict *verdict);

/* The record of a cut, by itself: do its bytes stand behind the one before? */
extern void csec_cut_check_whole(int64 seq, Snapshot snapshot, CsecVerdict *verdict);

#endif							/* CSEC_AUDIT_VERIFY_H */
