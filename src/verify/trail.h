/*
 * trail.h
 *		Pieces joined in order: the verdict on the whole trail.         [FE]
 */
#ifndef CSEC_VERIFY_TRAIL_H
#define CSEC_VERIFY_TRAIL_H

#include "audit/cut_check.h"
#include "verify/checkpoints.h"
#include "verify/left.h"
#include "verify/piece.h"

/* The end of the trail as its keeper states it; not to be trusted, but it
 * has to fit. */
typedef struct CsecHead
{
	bool		known;
	int64_t		seq;
	uint8_t		hash[CSEC_HASH_SIZE];
} CsecHead;

typedef struct CsecTrail
{
	int64_t		from;			/* where the look begins */
	int64_t		first;			/* numbers seen, 0: none */
	int64_t		last;
	uint64_t	records;
	uint8_t		hash[CSEC_HASH_SIZE];	/* of record last */
	int64_t		sealed_at;		/* of record last */
	CsecFinding finding;
	CsecSessionBook sessions;
	CsecTreeRange tree;
	CsecCheckpoints *checkpoints;
	bool		selected;		/* runs of a selection: not all records are here */
	bool		with_tree;
	int64_t		anchored;		/* records covered by a checkpoint that fits */
	CsecCutCheck cuts;
} CsecTrail;

/* Where a look at a part begins: behind a checkpoint. */
typedef struct CsecStart
{
	uint64_t	size;			/* records taken for granted */
	uint64_t	epoch;			/* of the checkpoint that covers them */
	uint8_t		head[CSEC_HASH_SIZE];	/* hash of the last of them */
	CsecTreeRange tree;			/* over them */
} CsecStart;

/* The records before from are trusted to end with this hash. */
extern void csec_trail_begin(CsecTrail *trail, int64_t from, const uint8_t *before,
							 CsecCheckpoints *checkpoints);
/* It begins where an approved cut ended; from is the record behind that. */
extern void csec_trail_resume(CsecTrail *trail, const CsecAnchor *anchor);
/* It begins behind a checkpoint. */
extern void csec_trail_go_on(CsecTrail *trail, const CsecStart *start);
extern void csec_trail_end(CsecTrail *trail);

/* Join the piece that follows; its finding, or one at the seam, stands. */
extern void csec_trail_join(CsecTrail *trail, const CsecPiece *piece);

/* All pieces are joined: is it the end that the head and checkpoints tell? */
extern void csec_trail_check_end(CsecTrail *trail, const CsecHead *head);

#endif							/* CSEC_VERIFY_TRAIL_H */
