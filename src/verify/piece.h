/*
 * piece.h
 *		A stretch of the trail, checked by itself.                      [FE]
 *
 * What can be checked without the rest is checked here: each record's hash
 * from its bytes and the hash before, its place, its form, its columns, its
 * session's numbers as far as the piece sees them, the tree over it.  Pieces
 * are checked side by side, and then joined in order: see trail.h.
 */
#ifndef CSEC_VERIFY_PIECE_H
#define CSEC_VERIFY_PIECE_H

#include "audit/record.h"
#include "verify/finding.h"
#include "verify/row.h"
#include "verify/session_book.h"
#include "verify/subject_sums.h"
#include "verify/tree_range.h"

/* Sizes of the tree at which its root is asked for, ascending. */
typedef struct CsecMarks
{
	const uint64_t *size;
	int			count;
} CsecMarks;

typedef struct CsecPiece
{
	int64_t		first;			/* the number that the first record has */
	int64_t		last;			/* of the last record seen */
	uint64_t	records;
	int64_t		first_sealed_at;	/* of the first record seen */
	int64_t		sealed_at;		/* of the last record seen */
	uint8_t		before[CSEC_HASH_SIZE]; /* hash of the record before first */
	uint8_t		hash[CSEC_HASH_SIZE];	/* of the last record seen */
	CsecFinding finding;
	CsecSessionBook sessions;
	CsecSubjectSums *sums;		/* NULL: there are no columns to compare */
	int			encoding;		/* of the database, for columns */
	CsecMarks	marks;
	int			next_mark;
	CsecTreeRange *range;		/* cut at the marks */
	int			ranges;
	int			range_capacity;
	bool		with_tree;
	uint8_t    *told;			/* records about cuts and keys, whole, one behind the other */
	size_t		told_len;
} CsecPiece;

extern void csec_piece_init(CsecPiece *piece);
extern void csec_piece_free(CsecPiece *piece);

/* The next records are those from number first, behind this hash. */
extern void csec_piece_begin(CsecPiece *piece, int64_t first,
							 const uint8_t *before);

/* Check the next row; after a finding rows are let pass. */
extern void csec_piece_row(CsecPiece *piece, const CsecRow *row);

#endif							/* CSEC_VERIFY_PIECE_H */
