/*
 * session_book.h
 *		Are the records of each session numbered without holes?         [FE]
 *
 * The same rule as in the server (audit/verify_session.c), made so that
 * pieces of the trail can be looked at side by side: each piece has a book of
 * its own, and the books are joined in the order of the trail.
 *
 * Two holes are honest: across a gap record, and before the first record of a
 * session that is older than the trail, than a gap, or than the point from
 * which the trail is looked at.
 */
#ifndef CSEC_VERIFY_SESSION_BOOK_H
#define CSEC_VERIFY_SESSION_BOOK_H

#include "audit/cut.h"
#include "verify/finding.h"

typedef struct CsecSession
{
	int64_t		started;
	uint32_t	pid;
	uint64_t	first_number;	/* of its first record in this book */
	uint64_t	first_seq;
	int64_t		older_than;		/* book's, when that record came */
	uint64_t	gap_before;		/* likewise */
	uint64_t	number;			/* of its last record */
	uint64_t	seq;
} CsecSession;

typedef struct CsecSessionBook
{
	CsecSession *session;		/* in the order of their first records */
	uint32_t	count;
	uint32_t	capacity;
	uint32_t   *slot;			/* open addressing: index + 1, 0 is free */
	uint32_t	slots;			/* a power of two */
	uint64_t	seed[2];
	uint32_t	last;			/* looked up last: index + 1 */
	uint64_t	gap_seq;		/* of the last gap record */
	int64_t		older_than;		/* such sessions may begin above 1 */
} CsecSessionBook;

extern void csec_sessions_init(CsecSessionBook *book);
extern void csec_sessions_clear(CsecSessionBook *book);
extern void csec_sessions_free(CsecSessionBook *book);

/* Sessions that are older than this moment may begin above 1. */
extern void csec_sessions_start_at(CsecSessionBook *book, int64_t moment);

/* As if the records had been seen that a cut took. */
extern void csec_sessions_resume(CsecSessionBook *book, const CsecCut *cut);

/* Enter a record; holes that the book itself can see are findings. */
extern void csec_sessions_add(CsecSessionBook *book, const CsecHeader *header,
							  const CsecBody *body, CsecFinding *finding);

/* Enter a later piece's book into the one of all before it. */
extern void csec_sessions_join(CsecSessionBook *book,
							   const CsecSessionBook *piece,
							   CsecFinding *finding);

#endif							/* CSEC_VERIFY_SESSION_BOOK_H */
