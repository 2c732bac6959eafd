/*
 * tree_range.c
 *		The RFC 6962 tree over a stretch of records.                    [FE]
 *
 * The nodes kept are the canonical ones: a node is joined with the one before
 * it as soon as both are of one level and the left one begins where a node of
 * the next level does.
 */
#include "verify/tree_range.h"

#include <string.h>

#include "verify/finding.h"

void
csec_range_begin(CsecTreeRange *range, uint64_t begin)
{
	range->begin = begin;
	range->end = begin;
	range->count = 0;
}

static void
push(CsecTreeRange *range, int level, const uint8_t *hash)
{
	uint8_t		node[CSEC_HASH_SIZE];
	uint64_t	start = range->end;

	range->end += UINT64_C(1) << level;
	memcpy(node, hash, CSEC_HASH_SIZE);
	while (range->count > 0 && range->level[range->count - 1] == level &&
		   (start >> level & 1) == 1)
	{
		if (!csec_tree_node(range->hash[range->count - 1], node, node))
			csec_fail("could not compute a hash");
		range->count--;
		start -= UINT64_C(1) << level;
		level++;
	}
	range->level[range->count] = (uint8_t) level;
	memcpy(range->hash[range->count++], node, CSEC_HASH_SIZE);
}

void
csec_range_add(CsecTreeRange *range, const uint8_t *record_hash)
{
	uint8_t		leaf[CSEC_HASH_SIZE];

	if (!csec_tree_leaf(record_hash, leaf))
		csec_fail("could not compute a hash");
	push(range, 0, leaf);
	memcpy(range->last, record_hash, CSEC_HASH_SIZE);
}

bool
csec_range_add_node(CsecTreeRange *range, int level, const uint8_t *hash)
{
	uint64_t	size;

	if (level < 0 || level >= CSEC_TREE_HEIGHT || range->count == CSEC_RANGE_NODES)
		return false;
	size = UINT64_C(1) << level;
	if ((range->end & (size - 1)) != 0 ||
		range->end > (UINT64_C(1) << CSEC_TREE_HEIGHT) - size)
		return false;
	push(range, level, hash);
	return true;
}

void
csec_range_peaks(CsecTreeRange *range, const CsecTreePeaks *peaks)
{
	csec_range_begin(range, 0);
	for (int h = CSEC_TREE_HEIGHT - 1; h >= 0; h--)
		if (peaks->size >> h & 1)
			push(range, h, peaks->peak[h]);
	memset(range->last, 0, CSEC_HASH_SIZE);
}

bool
csec_range_join(CsecTreeRange *range, const CsecTreeRange *next)
{
	if (next->begin != range->end)
		return false;
	for (int i = 0; i < next->count; i++)
		if (!csec_range_add_node(range, next->level[i], next->hash[i]))
			return false;
	memcpy(range->last, next->last, CSEC_HASH_SIZE);
	return true;
}

bool
csec_range_root(const CsecTreeRange *range, uint8_t *root)
{
	if (range->begin != 0 || range->count == 0)
		return false;
	memcpy(root, range->hash[range->count - 1], CSEC_HASH_SIZE);
	for (int i = range->count - 2; i >= 0; i--)
		if (!csec_tree_node(range->hash[i], root, root))
			csec_fail("could not compute a hash");
	return true;
}
