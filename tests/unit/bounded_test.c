/*-------------------------------------------------------------------------
 * bounded_test.c
 *		Evidence may be made by anybody: what csec_verify looks up in it takes
 *		no longer the more of it there is.
 *
 *	sources: verify/chain_keys.c verify/checkpoints.c verify/file.c verify/finding.c verify/key_list.c verify/notes_file.c verify/origins.c verify/session_book.c verify/tree_range.c verify/vouchers.c audit/checkpoint.c audit/cut.c audit/merkle.c audit/record.c audit/signed_note.c crypto/hash.c crypto/sign.c crypto/timestamp.c
 *	libs: -lcrypto
 *
 * Without this, a file of some megabytes would hold an auditor up for days.  Each
 * part takes less than a second; where it looks at all of them for each of them,
 * as each once did, it is killed after a minute of processor time.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <sys/resource.h>

#include "verify/checkpoints.h"
#include "verify/session_book.h"

#define MANY 300000

static void
allow_a_minute(void)
{
	struct rusage used;
	struct rlimit limit;

	getrusage(RUSAGE_SELF, &used);
	limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	limit.rlim_cur = (rlim_t) used.ru_utime.tv_sec + (rlim_t) used.ru_stime.tv_sec + 60;
	setrlimit(RLIMIT_CPU, &limit);
	fflush(stdout);
}

/* ---- chains of keys, and records that name keys ---- */

static void
key_of(uint64_t n, uint8_t *key)
{
	memset(key, 0, CSEC_ED25519_PUBLIC);
	n *= UINT64_C(0x9E3779B97F4A7C15);
	memcpy(key, &n, sizeof(n));
}

static void
test_chains(void)
{
	CsecChains	chains = {0};
	CsecFinding finding = {0};
	uint8_t		key[CSEC_ED25519_PUBLIC];

	allow_a_minute();
	for (uint64_t i = 0; i < MANY; i++)
	{
		CsecChain	chain = {.epoch = i + 1, .size = 2 * MANY, .seq = 1};

		key_of(i, chain.key);
		csec_chains_add(&chains, &chain);
	}
	/* all but one, and as many that begin no chain */
	for (uint64_t i = 0; i < 2 * MANY; i++)
	{
		key_of(i, key);
		if (i != 77)
			csec_chains_named(&chains, key, (int64_t) i + 1);
	}
	csec_chains_check(&chains, 0, &finding);
	ok(finding.problem != NULL && strstr(finding.detail, "checkpoint 78 ") != NULL,
	   "of many chains of keys, and as many records, the one that none names is found");
	csec_chains_free(&chains);
}

/* ---- sessions that all want one slot ---- */

static uint64_t
unshifted(uint64_t z, int bits)
{
	uint64_t	x = z;

	for (int i = bits; i < 64; i += bits)
		x = z ^ (x >> bits);
	return x;
}

static uint64_t
inverse(uint64_t odd)
{
	uint64_t	x = odd;

	for (int i = 0; i < 6; i++)
		x *= 2 - odd * x;
	return x;
}

/* Starts of sessions whose hash was one and the same as long as it had no secret. */
static int64_t
chosen_start(uint64_t n, uint32_t pid)
{
	uint64_t	z = (n & 0xFFFF) | (n >> 16 << 48);

	z = unshifted(z, 27) * inverse(UINT64_C(0xBF58476D1CE4E5B9));
	z = unshifted(z, 30) - pid;
	return (int64_t) (z * inverse(UINT64_C(0x9E3779B97F4A7C15)));
}

static void
test_sessions(void)
{
	CsecSessionBook book;
	CsecFinding finding = {0};

	allow_a_minute();
	csec_sessions_init(&book);
	for (int round = 1; round <= 2; round++)
		for (uint64_t i = 0; i < MANY; i++)
		{
			CsecHeader	header = {.seq = (uint64_t) round * MANY + i};
			CsecBody	body = {.kind = CSEC_KIND_CONTROL, .session_start = chosen_start(i, 7),
				.session_pid = 7, .number = (uint64_t) round};

			csec_sessions_add(&book, &header, &body, &finding);
		}
	ok(finding.problem == NULL && book.count == MANY,
	   "many sessions that were chosen to meet are told apart");
	csec_sessions_free(&book);
}

/* ---- checkpoints of many names, and as many that were kept ---- */

static CsecKept *
add_kept(CsecCheckpoints *checkpoints, uint64_t epoch)
{
	CsecKept   *kept = &checkpoints->kept[checkpoints->count++];

	kept->epoch = epoch;
	kept->size = epoch;
	memcpy(kept->digest, &epoch, sizeof(epoch));
	return kept;
}

static void
settle(CsecCheckpoints *checkpoints, uint64_t odd)
{
	char		name[CSEC_KEY_NAME_SIZE];

	csec_checkpoints_init(checkpoints, 1, 1);
	checkpoints->kept = csec_alloc(2 * MANY * sizeof(CsecKept));
	checkpoints->capacity = 2 * MANY;
	for (uint64_t i = 1; i <= MANY; i++)
	{
		CsecKept   *kept = add_kept(checkpoints, i);

		kept->trusted = true;
		csec_origin_put(name, i, 1);
		kept->origin = csec_origins_add(&checkpoints->given, name);
		checkpoints->trusted++;
		if (i == odd)
			kept->digest[31] = 1;
	}
	for (uint64_t i = 1; i <= MANY; i++)
	{
		add_kept(checkpoints, i);
		csec_origin_put(name, i, 1);
		csec_origins_add(&checkpoints->own, name);
	}
	checkpoints->any = true;
	csec_checkpoints_settle(checkpoints);
}

static void
test_kept(void)
{
	CsecCheckpoints checkpoints;

	allow_a_minute();
	settle(&checkpoints, 0);
	ok(checkpoints.finding.problem == NULL && checkpoints.foreign.problem == NULL &&
	   checkpoints.vouched == MANY, "many checkpoints are those that were kept");
	csec_checkpoints_free(&checkpoints);
	settle(&checkpoints, MANY - 3);
	ok(checkpoints.finding.problem != NULL &&
	   strcmp(checkpoints.finding.problem, "checkpoint_replaced") == 0 &&
	   checkpoints.finding.seq == MANY - 3, "  but one that was replaced");
	csec_checkpoints_free(&checkpoints);
}

int
main(void)
{
	test_chains();
	test_sessions();
	test_kept();
	return unit_done();
}
