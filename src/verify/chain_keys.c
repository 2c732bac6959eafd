/*
 * chain_keys.c
 *		Which record names the key that a chain of checkpoints begins with. [FE]
 */
#include "verify/chain_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
csec_chains_free(CsecChains *chains)
{
	free(chains->chain);
	free(chains->key);
	memset(chains, 0, sizeof(*chains));
}

void
csec_chains_add(CsecChains *chains, const CsecChain *chain)
{
	if (chains->count == chains->capacity)
	{
		chains->capacity = chains->capacity == 0 ? 4 : chains->capacity * 2;
		chains->chain = csec_realloc(chains->chain, (size_t) chains->capacity * sizeof(CsecChain));
	}
	chains->chain[chains->count++] = *chain;
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(((const CsecChainKey *) a)->key, ((const CsecChainKey *) b)->key, CSEC_ED25519_PUBLIC);
}

static void
collect_keys(CsecChains *chains)
{
	chains->key = csec_alloc((size_t) chains->count * sizeof(CsecChainKey));
	for (int i = 0; i < chains->count; i++)
		memcpy(chains->key[i].key, chains->chain[i].key, CSEC_ED25519_PUBLIC);
	qsort(chains->key, (size_t) chains->count, sizeof(CsecChainKey), compare_keys);
	for (int i = 0; i < chains->count; i++)
		if (i == 0 || compare_keys(&chains->key[i], &chains->key[chains->keys - 1]) != 0)
			chains->key[chains->keys++] = chains->key[i];
}

/* NULL: no chain begins with it. */
static CsecChainKey *
find_key(CsecChains *chains, const uint8_t *key)
{
	CsecChainKey sought;

	if (chains->count == 0)
		return NULL;
	if (chains->key == NULL)
		collect_keys(chains);
	memcpy(sought.key, key, CSEC_ED25519_PUBLIC);
	return bsearch(&sought, chains->key, (size_t) chains->keys, sizeof(CsecChainKey), compare_keys);
}

void
csec_chains_named(CsecChains *chains, const uint8_t *key, int64_t seq)
{
	CsecChainKey *found = find_key(chains, key);

	if (found != NULL && found->named == 0)
		found->named = seq;
}

/* By a record among those that the first checkpoint of the chain is over, or one that left. */
static int64_t
named_by(CsecChains *chains, const CsecChain *chain)
{
	int64_t		seq = find_key(chains, chain->key)->named;

	return seq <= (int64_t) chain->size ? seq : 0;
}

void
csec_chains_named_in_cut(CsecChains *chains, const CsecCut *cut)
{
	for (int i = 0; i < cut->keys; i++)
		csec_chains_named(chains, cut->key + i * CSEC_ED25519_PUBLIC, -1);
}

static void
tell_name(int64_t named, CsecFinding *finding)
{
	size_t		len = strlen(finding->detail);

	if (named > 0)
		snprintf(finding->detail + len, sizeof(finding->detail) - len,
				 "; record %lld names its key, as who has the server can, too", (long long) named);
	else if (named == 0)
		snprintf(finding->detail + len, sizeof(finding->detail) - len,
				 "; no record names its key");
}

void
csec_chains_check(CsecChains *chains, uint64_t granted, CsecFinding *finding)
{
	for (int i = 0; i < chains->count; i++)
	{
		const CsecChain *chain = &chains->chain[i];

		if (chain->size <= granted || chain->given)
			continue;
		if (finding->problem == NULL && named_by(chains, chain) == 0)
			csec_find(finding, "key_unknown", chain->seq,
					  "checkpoint %llu begins a chain of keys, with one that no record names",
					  (unsigned long long) chain->epoch);
		else if (finding->problem != NULL && strcmp(finding->problem, "key_unknown") == 0 &&
				 i == chains->count - 1)
			tell_name(named_by(chains, chain), finding);
	}
}
