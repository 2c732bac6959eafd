/*
 * merkle.h
 *		The Merkle tree over the trail's records: RFC 6962, section 2.   [FE]
 *
 * Leaf i, from 0, is the hash of record i + 1.  Whoever has a root needs few
 * hashes to know that a record is below it (inclusion), or that a later root
 * is over the same records and more (consistency).
 */
#ifndef CSEC_AUDIT_MERKLE_H
#define CSEC_AUDIT_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_TREE_HASH		32
#define CSEC_TREE_HEIGHT	63	/* of the largest tree: below 2^63 records */
#define CSEC_PROOF_MAX		(CSEC_TREE_HEIGHT + 1)

/* So many hashes of one level stand together: see docs/record-format.md. */
#define CSEC_TILE_HEIGHT	8
#define CSEC_TILE_WIDTH		(1 << CSEC_TILE_HEIGHT)
#define CSEC_TILE_SIZE		(CSEC_TILE_WIDTH * CSEC_TREE_HASH)
#define CSEC_TILE_LEVELS	8

/* All of these are false where OpenSSL fails, or a source does. */

/* SHA-256(0x00 ‖ hash of the record), and SHA-256(0x01 ‖ left ‖ right). */
extern bool csec_tree_leaf(const uint8_t *record_hash, uint8_t *out);
extern bool csec_tree_node(const uint8_t *left, const uint8_t *right, uint8_t *out);

/* The hash over 2^height hashes that stand side by side; height up to 8. */
extern bool csec_tree_fold(const uint8_t *hashes, int height, uint8_t *out);

/*
 * A tree that grows by leaves and keeps only its peaks: of a size with bit h
 * set, the whole subtree of 2^h leaves that this bit stands for.
 */
typedef struct CsecTreePeaks
{
	uint64_t	size;
	uint8_t		peak[CSEC_TREE_HEIGHT][CSEC_TREE_HASH];
} CsecTreePeaks;

extern bool csec_tree_append(CsecTreePeaks *peaks, const uint8_t *leaf);
extern bool csec_tree_peaks_root(const CsecTreePeaks *peaks, uint8_t *out);

/*
 * Where hashes come from: that of the whole subtree over the leaves from
 * index << height to the last before (index + 1) << height.
 */
typedef bool (*CsecTreeSource) (void *arg, int height, uint64_t index, uint8_t *out);

extern bool csec_tree_root(uint64_t size, CsecTreeSource source, void *arg,
						   uint8_t *out);
extern bool csec_tree_peaks(uint64_t size, CsecTreeSource source, void *arg,
							CsecTreePeaks *peaks);

typedef struct CsecProof
{
	int			count;
	uint8_t		hash[CSEC_PROOF_MAX][CSEC_TREE_HASH];
} CsecProof;

/* False also for a leaf, or an old size, that the tree does not have. */
extern bool csec_tree_inclusion(uint64_t leaf, uint64_t size,
								CsecTreeSource source, void *arg, CsecProof *proof);
extern bool csec_tree_consistency(uint64_t old_size, uint64_t size,
								  CsecTreeSource source, void *arg, CsecProof *proof);

extern bool csec_tree_verify_inclusion(uint64_t leaf, uint64_t size,
									   const uint8_t *leaf_hash, const CsecProof *proof,
									   const uint8_t *root);
/*
 * The peaks of a tree, from the proof that its last leaf is in it; false where
 * it is no such proof.  Whether they have the right root is for who asks.
 */
extern bool csec_tree_proof_peaks(uint64_t size, const uint8_t *last_leaf,
								  const CsecProof *proof, CsecTreePeaks *peaks);
extern bool csec_tree_verify_consistency(uint64_t old_size, uint64_t size,
										 const uint8_t *old_root, const uint8_t *root,
										 const CsecProof *proof);

#endif							/* CSEC_AUDIT_MERKLE_H */
