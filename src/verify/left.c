/*
 * left.c
 *		Behind an approved cut: verification from its anchor.           [FE]
 *
 * The records are gone, their leaves are not: a server keeps the tiles of the
 * tree.  So checkpoints from before the cut are compared as ever.  Evidence
 * does not have the leaves, but proofs that its tree goes on from theirs.
 */
#include "verify/left.h"

#include <stdlib.h>
#include <string.h>

bool
csec_anchor_take(CsecAnchor *anchor, const uint8_t *record, size_t len)
{
	CsecHeader	header;
	CsecBody	body;
	CsecField	payload;
	CsecCut		cut;

	if (!csec_header_get(record, len, &header) ||
		!csec_body_get(record + CSEC_HEADER_SIZE, header.body_len, &body) ||
		!csec_cut_of_body(&body, &cut))
		return false;
	payload = body.field[CSEC_TAG_PAYLOAD];
	anchor->bytes = csec_realloc(anchor->bytes, payload.len);
	memcpy(anchor->bytes, payload.data, payload.len);
	anchor->len = payload.len;
	return csec_cut_get(anchor->bytes, anchor->len, &anchor->cut);
}

void
csec_anchor_free(CsecAnchor *anchor)
{
	free(anchor->bytes);
	memset(anchor, 0, sizeof(*anchor));
}

void
csec_anchor_range(const CsecAnchor *anchor, CsecTreeRange *range)
{
	CsecTreePeaks peaks;

	csec_cut_peaks(&anchor->cut, &peaks);
	csec_range_peaks(range, &peaks);
	memcpy(range->last, anchor->cut.hash, CSEC_HASH_SIZE);
}

/* ---- leaves that stay ---- */

void
csec_left_begin(CsecLeft *left, const CsecAnchor *anchor,
				const CsecCheckpoints *checkpoints)
{
	memset(left, 0, sizeof(*left));
	left->anchor = anchor;
	left->checkpoints = checkpoints;
	csec_range_begin(&left->range, 0);
}

/* The checkpoints over so many records; of the head only the leaf is known. */
static void
check_mark(CsecLeft *left, CsecFinding *finding)
{
	const CsecCheckpoints *checkpoints = left->checkpoints;

	while (left->mark < checkpoints->count &&
		   checkpoints->kept[left->mark].size < left->range.end)
		left->mark++;
	for (; left->mark < checkpoints->count &&
		 checkpoints->kept[left->mark].size == left->range.end; left->mark++)
	{
		const CsecKept *kept = &checkpoints->kept[left->mark];
		uint8_t		root[CSEC_HASH_SIZE];
		uint8_t		head[CSEC_HASH_SIZE];

		if (!csec_range_root(&left->range, root) || !csec_tree_leaf(kept->head, head))
			csec_fail("could not compute a hash");
		if (memcmp(root, kept->root, CSEC_HASH_SIZE) != 0 ||
			memcmp(head, left->leaf, CSEC_HASH_SIZE) != 0)
			csec_find(finding, "rewritten", (int64_t) left->range.end,
					  "the tree over the first %llu records is not the one over which checkpoint %llu was signed",
					  (unsigned long long) left->range.end, (unsigned long long) kept->epoch);
	}
}

void
csec_left_add(CsecLeft *left, const uint8_t *leaf, CsecFinding *finding)
{
	if (left->range.end >= left->anchor->cut.last || finding->problem != NULL)
		return;
	if (!csec_range_add_node(&left->range, 0, leaf))
		csec_fail("could not compute the tree of what left");
	memcpy(left->leaf, leaf, CSEC_HASH_SIZE);
	check_mark(left, finding);
}

void
csec_left_end(CsecLeft *left, CsecFinding *finding)
{
	CsecTreeRange edge;
	uint8_t		expected[CSEC_HASH_SIZE];
	uint8_t		root[CSEC_HASH_SIZE];
	uint8_t		leaf[CSEC_HASH_SIZE];

	if (left->range.end != left->anchor->cut.last)
	{
		csec_find(finding, "tree_differs", (int64_t) left->range.end + 1,
				  "the tree over records that left is not all there");
		return;
	}
	csec_anchor_range(left->anchor, &edge);
	if (!csec_range_root(&edge, expected) || !csec_range_root(&left->range, root) ||
		!csec_tree_leaf(left->anchor->cut.hash, leaf))
		csec_fail("could not compute a hash");
	if (memcmp(root, expected, CSEC_HASH_SIZE) != 0 ||
		memcmp(leaf, left->leaf, CSEC_HASH_SIZE) != 0)
		csec_find(finding, "cut_forged", (int64_t) left->anchor->cut.last + 1,
				  "the anchor of the cut is not over the records of the tree");
}
