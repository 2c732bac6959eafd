/*
 * cut.h
 *		The anchor of a cut: what must be known of records that left.   [FE]
 *
 * When months of the trail leave, the sealer seals a record of kind CUT in the
 * transaction that drops them.  Its payload is the anchor, from which the
 * records that remain are verified as if the others were still there.  It was
 * made, and approved, before: see cut_measure.c.  So the anchor stands in the
 * chain, under the same checkpoints as everything else.
 *
 * Big endian, like a record:
 *	  0  4   "CSA1"
 *	  4  u64 number of the order
 *	 12  u64 first record that left with this cut
 *	 20  u64 last record that left
 *	 28  i64 when the first was sealed, µs since 2000-01-01 UTC
 *	 36  i64 when the last was
 *	 44  i64 the months before this moment left
 *	 52  u64 rows of audit_subject that left
 *	 60  u64 epoch of the first checkpoint over all that left
 *	 68  u64 ... and records under it
 *	 76  32  hash of the last record
 *	108  32  SHA-256 of the anchor before; zeros: there was none
 *	140  i64 when the last gap record (or the first record) that left was sealed
 *	148      who asked, who approved, the reason: u16 length, bytes each
 *	         the tree's edge: for each bit of last, the highest first, the hash
 *	         over the whole subtree that it stands for (32)
 *	         u32 count of sessions that went on behind the cut; of each its
 *	         start (i64), its process (u32), its last number (u64, with the
 *	         highest bit where a gap record that left came after it); ascending
 *	         u16 count of keys that records which left named; 32 each
 */
#ifndef CSEC_AUDIT_CUT_H
#define CSEC_AUDIT_CUT_H

#include "audit/merkle.h"
#include "audit/record.h"

#define CSEC_CUT_FIXED_SIZE		148
#define CSEC_CUT_SESSION_SIZE	20
#define CSEC_CUT_BEFORE_GAP		(UINT64_C(1) << 63)
#define CSEC_CUT_TEXT_MAX		4000
/* An anchor fits into the body of a record, beside its other fields. */
#define CSEC_CUT_MAX			(CSEC_BODY_MAX - 65536)

/* What a cut's record says, and those of the workflow before it. */
#define CSEC_CUT_OBJECT		"trail"
#define CSEC_CUT_DONE		"cut"
#define CSEC_CUT_PROPOSED	"cut proposed"
#define CSEC_CUT_APPROVED	"cut approved"

/* An anchor taken apart: what is a pointer points into its bytes. */
typedef struct CsecCut
{
	uint64_t	order;
	uint64_t	first;
	uint64_t	last;
	int64_t		first_at;
	int64_t		last_at;
	int64_t		bound;
	int64_t		gaps_until;
	uint64_t	subject_rows;
	uint64_t	epoch;
	uint64_t	size;
	const uint8_t *hash;
	const uint8_t *before;
	CsecField	requested_by;
	CsecField	approved_by;
	CsecField	reason;
	const uint8_t *edge;
	const uint8_t *session;
	uint32_t	sessions;
	const uint8_t *key;
	int			keys;
} CsecCut;

/* How many hashes the edge of a tree of so many records has. */
extern int	csec_cut_edges(uint64_t last);

/* False where these are not the bytes of an anchor. */
extern bool csec_cut_get(const uint8_t *in, size_t len, CsecCut *cut);

/* So many bytes, or those bytes; a text that is too long is not for these. */
extern size_t csec_cut_size(const CsecCut *cut);
extern void csec_cut_put(uint8_t *out, const CsecCut *cut);

/* A session that went on; before_gap: its next number may be any higher one. */
extern void csec_cut_session(const CsecCut *cut, uint32_t i, int64_t *started,
							 uint32_t *pid, uint64_t *number, bool *before_gap);

/* The tree over what left. */
extern void csec_cut_peaks(const CsecCut *cut, CsecTreePeaks *peaks);

/* The anchor in the record of a cut; false: it has none. */
extern bool csec_cut_of_body(const CsecBody *body, CsecCut *cut);

#endif							/* CSEC_AUDIT_CUT_H */
