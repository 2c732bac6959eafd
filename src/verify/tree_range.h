/*
 * tree_range.h
 *		The RFC 6962 tree over a stretch of records.                    [FE]
 *
 * Of the leaves begin .. end - 1 (counted from 0) only the roots of the
 * largest whole subtrees are kept: at most two for each level.  Stretches
 * that touch can be joined, so the tree is computed in pieces side by side,
 * and from a stretch that begins with leaf 0 follows the root of the tree.
 */
#ifndef CSEC_VERIFY_TREE_RANGE_H
#define CSEC_VERIFY_TREE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "audit/record.h"

#define CSEC_RANGE_NODES 128

typedef struct CsecTreeRange
{
	uint64_t	begin;
	uint64_t	end;
	uint8_t		last[CSEC_HASH_SIZE];	/* hash of the record added last */
	int			count;
	uint8_t		level[CSEC_RANGE_NODES];
	uint8_t		hash[CSEC_RANGE_NODES][CSEC_HASH_SIZE];
} CsecTreeRange;

extern void csec_range_begin(CsecTreeRange *range, uint64_t begin);

/* Append the leaf of a record, given the record's hash. */
extern void csec_range_add(CsecTreeRange *range, const uint8_t *record_hash);

/* Append a whole subtree of 2^level leaves; false where none can stand there. */
extern bool csec_range_add_node(CsecTreeRange *range, int level,
								const uint8_t *hash);

/* The tree that has these peaks; of the last record nothing is known. */
extern void csec_range_peaks(CsecTreeRange *range, const CsecTreePeaks *peaks);

/* Append what begins where range ends; false where it does not. */
extern bool csec_range_join(CsecTreeRange *range, const CsecTreeRange *next);

/* The root of the tree of range->end leaves; false unless begin = 0 < end. */
extern bool csec_range_root(const CsecTreeRange *range, uint8_t *root);

#endif							/* CSEC_VERIFY_TREE_RANGE_H */
