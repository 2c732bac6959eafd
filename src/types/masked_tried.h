/*
 * masked_tried.h
 *		Values that a reader knows, meeting values that he may not see.
 */
#ifndef CSEC_TYPES_MASKED_TRIED_H
#define CSEC_TYPES_MASKED_TRIED_H

#include "executor/execdesc.h"
#include "fmgr.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "types/masked_value.h"

/* The query that runs; NULL: none.  Set by the capture floor. */
extern QueryDesc *csec_tried_query;

/*
 * Two values are compared.  Where the reader knows one (it has no category,
 * or one that he sees in clear) and may not see the other, the known one
 * counts as tried.  Errors: those of csec_probe().
 */
extern void csec_tried_compare_slow(const CsecMasked *a, const CsecMasked *b);

/*
 * A value is about to be put into the order of all values, or by its hash, where
 * whoever looks sees its place.  One that the reader made, of no category, counts as
 * tried, if anything is hidden from him: from where thousands of candidates lie, and
 * where a hidden value lies, he would know which of them it may be.
 */
extern void csec_tried_place_slow(const CsecMasked *value);

static inline void
csec_tried_place(const CsecMasked *value)
{
	if (unlikely(value->category == CSEC_CATEGORY_NONE))
		csec_tried_place_slow(value);
}

/*
 * Expressions are being stored, in a view, say: the catalogs show the tags of
 * constants in them.
 */
extern bool csec_tried_stored;
extern void csec_tried_constant(const char *text, size_t len);

/* Two values of one category are tested for equality: does it allow that? */
extern void csec_tried_same(uint32 category);

/*
 * The last text, by its digest, and the category it was tried against: an index
 * is descended with the same one at each step, and once is what it counts.
 */
typedef struct CsecTriedText
{
	CsecDecisionStamp stamp;
	uint32		category;		/* 0: none */
	uint64		digest;
} CsecTriedText;

extern CsecTriedText csec_tried_last;
extern void csec_tried_text_slow(uint32 category, const char *text, size_t len, uint64 digest);

/*
 * A text is compared with a value of the category.  "digest" tells it from
 * others, and cannot be aimed at.
 */
static inline void
csec_tried_text(uint32 category, const char *text, size_t len, uint64 digest)
{
	bool		stands = csec_decision_stands(&csec_tried_last.stamp);

	if (unlikely(!stands || csec_tried_last.category != category || csec_tried_last.digest != digest))
		csec_tried_text_slow(category, text, len, digest);
}

/*
 * A value goes into a hash table, a sort by tags or a look-up in a hash index,
 * where it may meet others without being compared with them.  "hash": the
 * function, as it was called.
 */
extern void csec_tried_sort(const CsecMasked *value);
extern void csec_tried_hash(const CsecMasked *value, const FmgrInfo *hash);
extern void csec_tried_hash_text(uint32 tag, const char *text, size_t len);

/*
 * A value that the reader may not see is looked up among values in an index.
 * Those that he knows would answer after log n comparisons: refused.
 */
extern void csec_tried_lookup(const CsecMasked *indexed, const CsecMasked *sought);

static inline void
csec_tried_compare(const CsecMasked *a, const CsecMasked *b)
{
	if (a->category != b->category)
		csec_tried_compare_slow(a, b);
}

#endif							/* CSEC_TYPES_MASKED_TRIED_H */
