/*-------------------------------------------------------------------------
 * merkle_test.c
 *		Roots and proofs are those of RFC 6962, and prove nothing else.
 *
 *	sources: crypto/hash.c audit/merkle.c
 *	libs: -lcrypto
 *
 * Without this, a tree that only agrees with itself would be no evidence for
 * any other program, and a proof that fits too much none for ours.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/merkle.h"
#include "crypto/hash.h"

#define MANY 70

static uint8_t leaves[MANY * 8][CSEC_TREE_HASH];

static const char *
to_hex(const uint8_t *bytes)
{
	static char text[2 * CSEC_TREE_HASH + 1];

	for (int i = 0; i < CSEC_TREE_HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static size_t
from_hex(const char *hex, uint8_t *out)
{
	size_t		n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return n;
}

/* MTH of RFC 6962, 2.1, word by word: what all else is measured with. */
static void
plain_root(uint8_t (*leaf)[CSEC_TREE_HASH], uint64_t n, uint8_t *out)
{
	uint64_t	k = 1;
	uint8_t		left[CSEC_TREE_HASH];
	uint8_t		right[CSEC_TREE_HASH];

	if (n == 0)
		csec_sha256("", 0, out);
	else if (n == 1)
		memcpy(out, leaf[0], CSEC_TREE_HASH);
	else
	{
		while (k * 2 < n)
			k *= 2;
		plain_root(leaf, k, left);
		plain_root(leaf + k, n - k, right);
		csec_tree_node(left, right, out);
	}
}

/* A source that knows the leaves, and minds what it is asked for. */
static uint64_t known;
static int	asked_badly;

static bool
source(void *arg, int height, uint64_t index, uint8_t *out)
{
	if ((index + 1) << height > known)
	{
		asked_badly++;
		return false;
	}
	plain_root(leaves + (index << height), UINT64_C(1) << height, out);
	return true;
}

/* Certificate Transparency's own: eight entries, from nothing to 16 bytes. */
static const char *const entries[8] = {
	"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
	"606162636465666768696a6b6c6d6e6f"
};
static const char *const roots[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
};

typedef struct Published
{
	uint64_t	m;				/* leaf, from 0, or old size */
	uint64_t	n;
	int			count;
	const char *hash[3];
} Published;

static const Published inclusion[] = {
	{0, 1, 0, {NULL}},
	{0, 8, 3, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	{5, 8, 3, {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	{2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
	{1, 5, 3, {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}}
};

static const Published consistency[] = {
	{1, 1, 0, {NULL}},
	{1, 8, 3, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	{6, 8, 3, {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
	"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	{2, 5, 2, {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}}
};

static bool
proof_is(const CsecProof *proof, const Published *published)
{
	if (proof->count != published->count)
		return false;
	for (int i = 0; i < proof->count; i++)
		if (strcmp(to_hex(proof->hash[i]), published->hash[i]) != 0)
			return false;
	return true;
}

static void
published_vectors(void)
{
	CsecTreePeaks peaks = {0};
	CsecProof	proof;
	uint8_t		root[CSEC_TREE_HASH];

	known = 8;
	for (int i = 0; i < 8; i++)
	{
		uint8_t		entry[1 + 16] = {0x00};

		csec_sha256(entry, 1 + from_hex(entries[i], entry + 1), leaves[i]);
	}
	for (int n = 0; n <= 8; n++)
	{
		csec_tree_peaks_root(&peaks, root);
		is(to_hex(root), roots[n], "root by peaks, published");
		csec_tree_root(n, source, NULL, root);
		is(to_hex(root), roots[n], "root by whole subtrees, published");
		if (n < 8)
			csec_tree_append(&peaks, leaves[n]);
	}
	for (int i = 0; i < 5; i++)
		ok(csec_tree_inclusion(inclusion[i].m, inclusion[i].n, source, NULL, &proof) &&
		   proof_is(&proof, &inclusion[i]), "inclusion proof %d, published", i);
	for (int i = 0; i < 4; i++)
		ok(csec_tree_consistency(consistency[i].m, consistency[i].n, source, NULL, &proof) &&
		   proof_is(&proof, &consistency[i]), "consistency proof %d, published", i);
}

/* A proof that was tampered with in any one way must not verify. */
static bool
tampered_fails(bool inclusion_proof, uint64_t m, uint64_t n, const uint8_t *a,
			   const uint8_t *b, const CsecProof *good)
{
	CsecProof	bad;

#define VERIFIES(m_, n_) (inclusion_proof ? \
						  csec_tree_verify_inclusion(m_, n_, a, &bad, b) : \
						  csec_tree_verify_consistency(m_, n_, a, b, &bad))
	for (int i = 0; i < good->count; i++)
	{
		bad = *good;
		bad.hash[i][unit_below(CSEC_TREE_HASH)] ^= (uint8_t) (1 << unit_below(8));
		if (VERIFIES(m, n))
			return false;
		bad = *good;
		memmove(bad.hash[i], bad.hash[i + 1], (size_t) (bad.count - 1 - i) * CSEC_TREE_HASH);
		bad.count--;
		if (VERIFIES(m, n))
			return false;
	}
	bad = *good;
	if (bad.count < CSEC_PROOF_MAX)
	{
		memcpy(bad.hash[bad.count++], a, CSEC_TREE_HASH);
		if (VERIFIES(m, n))
			return false;
	}
	bad = *good;
	if (n > 1 && inclusion_proof && VERIFIES((m + 1) % n, n))
		return false;
	return true;
#undef VERIFIES
}

static void
exhaustive(void)
{
	CsecTreePeaks peaks = {0};
	CsecTreePeaks from_source;
	static uint8_t root[MANY + 1][CSEC_TREE_HASH];
	bool		same = true,
				held = true,
				proved = true,
				tight = true;

	known = MANY;
	for (uint64_t i = 0; i < MANY; i++)
	{
		uint8_t		record[CSEC_TREE_HASH];

		csec_sha256(&i, sizeof(i), record);
		csec_tree_leaf(record, leaves[i]);
	}
	for (uint64_t n = 0; n <= MANY; n++)
	{
		uint8_t		by_peaks[CSEC_TREE_HASH];

		plain_root(leaves, n, root[n]);
		csec_tree_peaks_root(&peaks, by_peaks);
		same = same && memcmp(by_peaks, root[n], CSEC_TREE_HASH) == 0;
		csec_tree_peaks(n, source, NULL, &from_source);
		csec_tree_peaks_root(&from_source, by_peaks);
		held = held && memcmp(by_peaks, root[n], CSEC_TREE_HASH) == 0;
		if (n < MANY)
			csec_tree_append(&peaks, leaves[n]);
	}
	ok(same, "roots of 0 to %d leaves, one after the other", MANY);
	ok(held, "  and from peaks that a source gives");
	held = true;
	for (uint64_t n = 1; n <= MANY; n++)
	{
		CsecProof	proof;
		uint8_t		by_peaks[CSEC_TREE_HASH];

		held = held && csec_tree_inclusion(n - 1, n, source, NULL, &proof) &&
			csec_tree_proof_peaks(n, leaves[n - 1], &proof, &peaks) &&
			csec_tree_peaks_root(&peaks, by_peaks) &&
			memcmp(by_peaks, root[n], CSEC_TREE_HASH) == 0;
		proof.count++;
		held = held && !csec_tree_proof_peaks(n, leaves[n - 1], &proof, &peaks);
		proof.count -= 2;
		held = held && (proof.count < 0 || !csec_tree_proof_peaks(n, leaves[n - 1], &proof, &peaks));
	}
	ok(held, "  and from the proof of the last leaf, if it is one");
	for (uint64_t n = 1; n <= MANY; n++)
		for (uint64_t m = 0; m <= n; m++)
		{
			CsecProof	proof;

			if (m < n)
			{
				proved = proved &&
					csec_tree_inclusion(m, n, source, NULL, &proof) &&
					csec_tree_verify_inclusion(m, n, leaves[m], &proof, root[n]);
				tight = tight && tampered_fails(true, m, n, leaves[m], root[n], &proof) &&
					!csec_tree_verify_inclusion(m, n, leaves[(m + 1) % MANY], &proof, root[n]) &&
					!csec_tree_verify_inclusion(m, n, leaves[m], &proof, root[n - 1]);
			}
			proved = proved &&
				csec_tree_consistency(m, n, source, NULL, &proof) &&
				csec_tree_verify_consistency(m, n, root[m], root[n], &proof);
			if (m > 0)
				tight = tight && tampered_fails(false, m, n, root[m], root[n], &proof) &&
					!csec_tree_verify_consistency(m, n, root[m - 1], root[n], &proof) &&
					(m == n || !csec_tree_verify_consistency(m, n, root[m], root[n - 1], &proof));
		}
	ok(proved, "every inclusion and consistency of trees up to %d", MANY);
	ok(tight, "  and none that was tampered with");
	ok(asked_badly == 0, "  and never a subtree that is not whole yet");
}

static void
edges(void)
{
	CsecProof	proof;
	uint8_t		root[CSEC_TREE_HASH];
	uint8_t		fold[CSEC_TREE_HASH];

	ok(!csec_tree_inclusion(5, 5, source, NULL, &proof), "no proof of a leaf that is not there");
	ok(!csec_tree_consistency(6, 5, source, NULL, &proof), "nor of a tree that shrank");
	ok(!csec_tree_root(UINT64_C(1) << 63, source, NULL, root), "nor of a tree too large");
	proof.count = 0;
	ok(!csec_tree_verify_inclusion(0, 0, leaves[0], &proof, leaves[0]), "nothing is in an empty tree");
	for (uint64_t i = 0; i < CSEC_TILE_WIDTH; i++)
		csec_tree_leaf(leaves[i % MANY], leaves[MANY + i]);
	memmove(leaves, leaves + MANY, CSEC_TILE_SIZE);
	plain_root(leaves, CSEC_TILE_WIDTH, root);
	csec_tree_fold(leaves[0], CSEC_TILE_HEIGHT, fold);
	ok(memcmp(root, fold, CSEC_TREE_HASH) == 0, "a tile folds to the root over it");
	csec_tree_fold(leaves[7], 0, fold);
	ok(memcmp(leaves[7], fold, CSEC_TREE_HASH) == 0, "  and one hash to itself");
}

int
main(void)
{
	unit_seed();
	published_vectors();
	exhaustive();
	edges();
	return unit_done();
}
