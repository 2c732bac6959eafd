/*
 * merkle.c
 *		The Merkle tree over the trail's records: RFC 6962, section 2.   [FE]
 *
 * A subtree that is not whole is made of whole ones: those of the bits of its
 * size, the largest first.  So all that is ever asked of a source are hashes
 * that do not change any more, and any tree in the past can be asked about.
 *
 * Proofs are checked as RFC 9162, 2.1.3.2 and 2.1.4.2, has it.
 */
#include "audit/merkle.h"

#include <string.h>

#include "crypto/hash.h"

bool
csec_tree_leaf(const uint8_t *record_hash, uint8_t *out)
{
	uint8_t		bytes[1 + CSEC_TREE_HASH] = {0x00};

	memcpy(bytes + 1, record_hash, CSEC_TREE_HASH);
	return csec_sha256(bytes, sizeof(bytes), out);
}

bool
csec_tree_node(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	uint8_t		bytes[1 + 2 * CSEC_TREE_HASH] = {0x01};

	memcpy(bytes + 1, left, CSEC_TREE_HASH);
	memcpy(bytes + 1 + CSEC_TREE_HASH, right, CSEC_TREE_HASH);
	return csec_sha256(bytes, sizeof(bytes), out);
}

bool
csec_tree_fold(const uint8_t *hashes, int height, uint8_t *out)
{
	uint8_t		row[CSEC_TILE_SIZE / 2];

	if (height < 0 || height > CSEC_TILE_HEIGHT)
		return false;
	for (int h = height; h > 0; h--)
	{
		for (int i = 0; i < 1 << (h - 1); i++)
			if (!csec_tree_node(hashes + 2 * i * CSEC_TREE_HASH,
								hashes + (2 * i + 1) * CSEC_TREE_HASH,
								row + i * CSEC_TREE_HASH))
				return false;
		hashes = row;
	}
	memcpy(out, hashes, CSEC_TREE_HASH);
	return true;
}

bool
csec_tree_append(CsecTreePeaks *peaks, const uint8_t *leaf)
{
	uint8_t		carry[CSEC_TREE_HASH];
	int			h = 0;

	memcpy(carry, leaf, CSEC_TREE_HASH);
	for (; peaks->size >> h & 1; h++)
		if (!csec_tree_node(peaks->peak[h], carry, carry))
			return false;
	if (h == CSEC_TREE_HEIGHT)
		return false;
	memcpy(peaks->peak[h], carry, CSEC_TREE_HASH);
	peaks->size++;
	return true;
}

/* Of no leaves: the hash of nothing. */
static bool
empty_root(uint8_t *out)
{
	return csec_sha256("", 0, out);
}

bool
csec_tree_peaks_root(const CsecTreePeaks *peaks, uint8_t *out)
{
	bool		have = false;

	if (peaks->size == 0)
		return empty_root(out);
	for (int h = 0; h < CSEC_TREE_HEIGHT; h++)
	{
		if (!(peaks->size >> h & 1))
			continue;
		if (!have)
			memcpy(out, peaks->peak[h], CSEC_TREE_HASH);
		else if (!csec_tree_node(peaks->peak[h], out, out))
			return false;
		have = true;
	}
	return true;
}

bool
csec_tree_peaks(uint64_t size, CsecTreeSource source, void *arg,
				CsecTreePeaks *peaks)
{
	uint64_t	end = size;

	if (size >> CSEC_TREE_HEIGHT != 0)
		return false;
	peaks->size = size;
	for (int h = 0; h < CSEC_TREE_HEIGHT; h++)
	{
		if (!(size >> h & 1))
			continue;
		end -= UINT64_C(1) << h;
		if (!source(arg, h, end >> h, peaks->peak[h]))
			return false;
	}
	return true;
}

/*
 * The hash over leaves begin to end - 1.  Ranges come from halving: begin is a
 * multiple of the largest power of two that the range has room for.
 */
static bool
hash_range(uint64_t begin, uint64_t end, CsecTreeSource source, void *arg,
		   uint8_t *out)
{
	uint64_t	size = end - begin;
	bool		have = false;

	for (int h = 0; h < CSEC_TREE_HEIGHT; h++)
	{
		uint8_t		whole[CSEC_TREE_HASH];

		if (!(size >> h & 1))
			continue;
		end -= UINT64_C(1) << h;
		if (!source(arg, h, end >> h, have ? whole : out))
			return false;
		if (have && !csec_tree_node(whole, out, out))
			return false;
		have = true;
	}
	return have;
}

bool
csec_tree_root(uint64_t size, CsecTreeSource source, void *arg, uint8_t *out)
{
	if (size == 0)
		return empty_root(out);
	return size >> CSEC_TREE_HEIGHT == 0 && hash_range(0, size, source, arg, out);
}

/* The largest power of two below n, which is 2 or more. */
static uint64_t
split(uint64_t n)
{
	uint64_t	k = 1;

	while (k << 1 < n)
		k <<= 1;
	return k;
}

/* What was gathered from the root down is told from the leaf up. */
static void
turn(CsecProof *proof)
{
	for (int i = 0, j = proof->count - 1; i < j; i++, j--)
	{
		uint8_t		hash[CSEC_TREE_HASH];

		memcpy(hash, proof->hash[i], CSEC_TREE_HASH);
		memcpy(proof->hash[i], proof->hash[j], CSEC_TREE_HASH);
		memcpy(proof->hash[j], hash, CSEC_TREE_HASH);
	}
}

/*
 * Goes down by halves towards leaf, or to the range that ends with it (whole),
 * and gathers the other half each time.
 */
static bool
descend(uint64_t leaf, bool whole, uint64_t *begin, uint64_t *end,
		CsecTreeSource source, void *arg, CsecProof *proof)
{
	while (whole ? *end != leaf + 1 : *end - *begin > 1)
	{
		uint64_t	middle = *begin + split(*end - *begin);
		bool		left = leaf < middle;

		if (proof->count == CSEC_PROOF_MAX ||
			!hash_range(left ? middle : *begin, left ? *end : middle, source, arg,
						proof->hash[proof->count++]))
			return false;
		if (left)
			*end = middle;
		else
			*begin = middle;
	}
	return true;
}

bool
csec_tree_inclusion(uint64_t leaf, uint64_t size, CsecTreeSource source,
					void *arg, CsecProof *proof)
{
	uint64_t	begin = 0;
	uint64_t	end = size;

	proof->count = 0;
	if (leaf >= size || size >> CSEC_TREE_HEIGHT != 0 ||
		!descend(leaf, false, &begin, &end, source, arg, proof))
		return false;
	turn(proof);
	return true;
}

bool
csec_tree_consistency(uint64_t old_size, uint64_t size, CsecTreeSource source,
					  void *arg, CsecProof *proof)
{
	uint64_t	begin = 0;
	uint64_t	end = size;

	proof->count = 0;
	if (old_size > size || size >> CSEC_TREE_HEIGHT != 0)
		return false;
	if (old_size == 0 || old_size == size)
		return true;
	if (!descend(old_size - 1, true, &begin, &end, source, arg, proof))
		return false;
	/* the old tree itself, where it is whole, is known to who asks */
	if (begin != 0 &&
		(proof->count == CSEC_PROOF_MAX ||
		 !hash_range(begin, end, source, arg, proof->hash[proof->count++])))
		return false;
	turn(proof);
	return true;
}

bool
csec_tree_verify_inclusion(uint64_t leaf, uint64_t size, const uint8_t *leaf_hash,
						   const CsecProof *proof, const uint8_t *root)
{
	uint64_t	at = leaf;
	uint64_t	last = size - 1;
	uint8_t		hash[CSEC_TREE_HASH];

	if (leaf >= size)
		return false;
	memcpy(hash, leaf_hash, CSEC_TREE_HASH);
	for (int i = 0; i < proof->count; i++)
	{
		if (last == 0)
			return false;
		if (at & 1 || at == last)
		{
			if (!csec_tree_node(proof->hash[i], hash, hash))
				return false;
			for (; !(at & 1) && at != 0; at >>= 1)
				last >>= 1;
		}
		else if (!csec_tree_node(hash, proof->hash[i], hash))
			return false;
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(hash, root, CSEC_TREE_HASH) == 0;
}

/*
 * On the way up from the last leaf all other halves are to the left: first
 * those within the smallest peak, then the other peaks.
 */
bool
csec_tree_proof_peaks(uint64_t size, const uint8_t *last_leaf, const CsecProof *proof,
					  CsecTreePeaks *peaks)
{
	uint8_t		hash[CSEC_TREE_HASH];
	int			used = 0;
	int			h = 0;

	if (size == 0 || size >> CSEC_TREE_HEIGHT != 0)
		return false;
	memcpy(hash, last_leaf, CSEC_TREE_HASH);
	for (; !(size >> h & 1); h++)
		if (used == proof->count || !csec_tree_node(proof->hash[used++], hash, hash))
			return false;
	memset(peaks, 0, sizeof(*peaks));
	peaks->size = size;
	memcpy(peaks->peak[h], hash, CSEC_TREE_HASH);
	for (h++; h < CSEC_TREE_HEIGHT; h++)
	{
		if (!(size >> h & 1))
			continue;
		if (used == proof->count)
			return false;
		memcpy(peaks->peak[h], proof->hash[used++], CSEC_TREE_HASH);
	}
	return used == proof->count;
}

bool
csec_tree_verify_consistency(uint64_t old_size, uint64_t size,
							 const uint8_t *old_root, const uint8_t *root,
							 const CsecProof *proof)
{
	uint64_t	at = old_size - 1;
	uint64_t	last = size - 1;
	bool		whole = (old_size & (old_size - 1)) == 0;
	uint8_t		old[CSEC_TREE_HASH];
	uint8_t		new[CSEC_TREE_HASH];

	if (old_size == 0)
		return proof->count == 0 && empty_root(old) &&
			memcmp(old, old_root, CSEC_TREE_HASH) == 0;
	if (old_size >= size)
		return old_size == size && proof->count == 0 &&
			memcmp(old_root, root, CSEC_TREE_HASH) == 0;
	if (proof->count == 0)
		return false;
	for (; at & 1; at >>= 1)
		last >>= 1;
	memcpy(old, whole ? old_root : proof->hash[0], CSEC_TREE_HASH);
	memcpy(new, old, CSEC_TREE_HASH);
	for (int i = whole ? 0 : 1; i < proof->count; i++)
	{
		const uint8_t *next = proof->hash[i];

		if (last == 0)
			return false;
		if (at & 1 || at == last)
		{
			if (!csec_tree_node(next, old, old) || !csec_tree_node(next, new, new))
				return false;
			for (; !(at & 1) && at != 0; at >>= 1)
				last >>= 1;
		}
		else if (!csec_tree_node(new, next, new))
			return false;
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(old, old_root, CSEC_TREE_HASH) == 0 &&
		memcmp(new, root, CSEC_TREE_HASH) == 0;
}
