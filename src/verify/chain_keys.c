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
	memset(chains, 0, sizeof(*chains));
}

void
csec_chains_add(CsecChains *chains, const CsecChain *chain)
{
	chains->chain = csec_realloc(chains->chain, ((size_t) chains->count + 1) * sizeof(CsecChain));
	chains->chain[chains->count++] = *chain;
}

/* The record must be among those that the first checkpoint is over. */
void
csec_chains_named(CsecChains *chains, const uint8_t *key, int64_t seq)
{
	for (int i = 0; i < chains->count; i++)
	{
		CsecChain  *chain = &chains->chain[i];

		if (chain->named == 0 && seq <= (int64_t) chain->size &&
			memcmp(chain->key, key, CSEC_ED25519_PUBLIC) == 0)
			chain->named = seq;
	}
}

void
csec_chains_named_in_cut(CsecChains *chains, const CsecCut *cut)
{
	for (int i = 0; i < cut->keys; i++)
		csec_chains_named(chains, cut->key + i * CSEC_ED25519_PUBLIC, -1);
}

static void
tell_name(const CsecChain *chain, CsecFinding *finding)
{
	size_t		len = strlen(finding->detail);

	if (chain->named > 0)
		snprintf(finding->detail + len, sizeof(finding->detail) - len,
				 "; record %lld names its key, as who has the server can, too", (long long) chain->named);
	else if (chain->named == 0)
		snprintf(finding->detail + len, sizeof(finding->detail) - len,
				 "; no record names its key");
}

void
csec_chains_check(const CsecChains *chains, uint64_t granted, CsecFinding *finding)
{
	for (int i = 0; i < chains->count; i++)
	{
		const CsecChain *chain = &chains->chain[i];

		if (chain->size <= granted)
			continue;
		if (finding->problem == NULL && chain->named == 0 && !chain->given)
			csec_find(finding, "key_unknown", chain->seq,
					  "checkpoint %llu begins a chain of keys, with one that no record names",
					  (unsigned long long) chain->epoch);
		else if (finding->problem != NULL && strcmp(finding->problem, "key_unknown") == 0 &&
				 !chain->given && i == chains->count - 1)
			tell_name(chain, finding);
	}
}
