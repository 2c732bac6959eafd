/*
 * left.h
 *		Behind an approved cut: verification from its anchor.           [FE]
 */
#ifndef CSEC_VERIFY_LEFT_H
#define CSEC_VERIFY_LEFT_H

#include "audit/cut.h"
#include "verify/checkpoints.h"
#include "verify/tree_range.h"

/* The anchor with which a trail begins; len 0: it begins with record 1. */
typedef struct CsecAnchor
{
	uint8_t    *bytes;
	size_t		len;
	CsecCut		cut;
} CsecAnchor;

/* Takes the anchor out of a record of a cut; false: it is none. */
extern bool csec_anchor_take(CsecAnchor *anchor, const uint8_t *record, size_t len);
extern void csec_anchor_free(CsecAnchor *anchor);

/* The tree over what left, by its edge; the last record's hash with it. */
extern void csec_anchor_range(const CsecAnchor *anchor, CsecTreeRange *range);

/*
 * The leaves of what left, in order, from the tiles that stay: is it the tree
 * of the anchor, and do the checkpoints over fewer records still fit?
 */
typedef struct CsecLeft
{
	const CsecAnchor *anchor;
	const CsecCheckpoints *checkpoints;
	CsecTreeRange range;
	uint8_t		leaf[CSEC_HASH_SIZE];	/* the last one */
	int			mark;
} CsecLeft;

extern void csec_left_begin(CsecLeft *left, const CsecAnchor *anchor,
							const CsecCheckpoints *checkpoints);
extern void csec_left_add(CsecLeft *left, const uint8_t *leaf, CsecFinding *finding);
extern void csec_left_end(CsecLeft *left, CsecFinding *finding);

#endif							/* CSEC_VERIFY_LEFT_H */
