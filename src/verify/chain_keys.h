/*
 * chain_keys.h
 *		Which record names the key that a chain of checkpoints begins with. [FE]
 *
 * A server that has lost its sealing key, a copy, a restored backup begin anew,
 * with a key that no checkpoint before has named; then a record does.  One that
 * none names nobody has announced.  A record proves less than --key: who has
 * the whole server can write one, too.
 */
#ifndef CSEC_VERIFY_CHAIN_KEYS_H
#define CSEC_VERIFY_CHAIN_KEYS_H

#include "audit/cut.h"
#include "crypto/sign.h"
#include "verify/finding.h"

typedef struct CsecChain
{
	uint64_t	epoch;			/* of its first checkpoint */
	uint64_t	size;			/* records under that */
	int64_t		seq;			/* the first record that is under no checkpoint before */
	uint8_t		key[CSEC_ED25519_PUBLIC];
	bool		given;			/* by who verifies */
} CsecChain;

/* All chains that begin with one key; whoever makes evidence may give each one of its own. */
typedef struct CsecChainKey
{
	uint8_t		key[CSEC_ED25519_PUBLIC];
	int64_t		named;			/* by this record first; 0: by none seen; -1: by one that left */
} CsecChainKey;

typedef struct CsecChains
{
	CsecChain  *chain;
	int			count;
	int			capacity;
	CsecChainKey *key;			/* each once, in order; made when all chains are there */
	int			keys;
} CsecChains;

extern void csec_chains_free(CsecChains *chains);

/* All chains, before a record names the key of one. */
extern void csec_chains_add(CsecChains *chains, const CsecChain *chain);

/* A record, or one that left with an approved cut, names a key; they come in their order. */
extern void csec_chains_named(CsecChains *chains, const uint8_t *key, int64_t seq);
extern void csec_chains_named_in_cut(CsecChains *chains, const CsecCut *cut);

/*
 * All records behind the first so many were seen: is a chain named by none?  A key
 * that was not given is told with the record that names it.
 */
extern void csec_chains_check(CsecChains *chains, uint64_t granted,
							  CsecFinding *finding);

#endif							/* CSEC_VERIFY_CHAIN_KEYS_H */
