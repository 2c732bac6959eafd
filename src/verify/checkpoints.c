/*
 * checkpoints.c
 *		The checkpoints of a trail, and those that the auditor kept.    [FE]
 */
#include "verify/checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

void
csec_checkpoints_init(CsecCheckpoints *checkpoints, uint64_t system, uint32_t database_id)
{
	memset(checkpoints, 0, sizeof(*checkpoints));
	csec_origin_put(checkpoints->name, system, database_id);
	csec_origins_add(&checkpoints->own, checkpoints->name);
}

void
csec_checkpoints_free(CsecCheckpoints *checkpoints)
{
	free(checkpoints->kept);
	free(checkpoints->size);
	csec_origins_free(&checkpoints->own);
	csec_origins_free(&checkpoints->given);
	free(checkpoints->key.key);
	csec_chains_free(&checkpoints->chains);
	csec_vouchers_free(&checkpoints->vouchers);
	memset(checkpoints, 0, sizeof(*checkpoints));
}

static bool
is_known_key(const CsecCheckpoints *checkpoints, const CsecCheckpoint *checkpoint)
{
	for (int i = 0; i < checkpoints->key.count; i++)
		if (strcmp(checkpoints->key.key[i].name, checkpoint->origin) == 0 &&
			memcmp(checkpoints->key.key[i].key, checkpoint->key, CSEC_ED25519_PUBLIC) == 0)
			return true;
	return false;
}

/* ---- one checkpoint ---- */

static void
sha256(const void *data, size_t len, uint8_t *out)
{
	if (!csec_sha256(data, len, out))
		csec_fail("could not compute a hash");
}

static CsecKept *
keep(CsecCheckpoints *checkpoints, const CsecCheckpoint *checkpoint,
	 const uint8_t *note, size_t len)
{
	CsecKept   *kept;
	CsecSignedNote parts;

	if (checkpoints->count == checkpoints->capacity)
	{
		checkpoints->capacity = checkpoints->capacity == 0 ? 64 : checkpoints->capacity * 2;
		checkpoints->kept = csec_realloc(checkpoints->kept,
										 (size_t) checkpoints->capacity * sizeof(CsecKept));
	}
	kept = &checkpoints->kept[checkpoints->count++];
	memset(kept, 0, sizeof(*kept));
	kept->size = checkpoint->size;
	kept->epoch = checkpoint->epoch;
	memcpy(kept->root, checkpoint->root, CSEC_TREE_HASH);
	memcpy(kept->head, checkpoint->head, CSEC_TREE_HASH);
	if (csec_note_split(note, len, &parts))
		sha256(parts.text, parts.text_len, kept->digest);
	return kept;
}

bool
csec_checkpoints_trust(CsecCheckpoints *checkpoints, const uint8_t *note, size_t len,
					   bool among_others)
{
	CsecCheckpoint checkpoint;
	CsecKept   *kept;

	if (!csec_checkpoint_open(note, len, &checkpoint))
		return false;
	kept = keep(checkpoints, &checkpoint, note, len);
	kept->trusted = true;
	kept->sorted_out = among_others;
	kept->origin = csec_origins_add(&checkpoints->given, checkpoint.origin);
	checkpoints->trusted++;
	return true;
}

/* The first checkpoint of the trail, or of a new chain of keys. */
static void
check_key(CsecCheckpoints *checkpoints, const CsecCheckpoint *checkpoint,
		  CsecFinding *finding)
{
	CsecChain	chain = {
		.epoch = checkpoint->epoch,
		.size = checkpoint->size,
		.seq = (int64_t) checkpoints->last.size + 1,
		.given = is_known_key(checkpoints, checkpoint)
	};

	memcpy(chain.key, checkpoint->key, sizeof(chain.key));
	csec_chains_add(&checkpoints->chains, &chain);
	if (!chain.given && checkpoints->key.count > 0)
		csec_find(finding, "key_unknown", (int64_t) checkpoints->last.size + 1,
				  checkpoints->any ?
				  "checkpoint %llu begins a new chain of keys, with none that was given" :
				  "checkpoint %llu is not signed by a key that was given",
				  (unsigned long long) checkpoint->epoch);
}

/* Before the first one there is nothing: epoch 0, of no size, a digest of zeros. */
static void
check_after(CsecCheckpoints *checkpoints, const CsecCheckpoint *checkpoint,
			CsecFinding *finding)
{
	const CsecCheckpoint *last = &checkpoints->last;
	int64_t		seq = (int64_t) last->size + 1;
	unsigned long long epoch = checkpoint->epoch;

	if (!checkpoints->any && checkpoint->epoch > 1)
		csec_find(finding, "checkpoint_missing", seq, "checkpoint %llu is the first", epoch);
	/* a copy of a trail goes on under another origin, with a chain of its own */
	if (checkpoint->chain == last->chain && strcmp(checkpoint->origin, last->origin) != 0)
		csec_find(finding, "checkpoint_forged", seq,
				  "checkpoint %llu is of another trail: %s", epoch, checkpoint->origin);
	if (checkpoint->epoch > last->epoch + 1)
		csec_find(finding, "checkpoint_missing", seq,
				  "checkpoint %llu follows checkpoint %llu", epoch,
				  (unsigned long long) last->epoch);
	if (checkpoint->epoch <= last->epoch)
		csec_find(finding, "checkpoint_reordered", seq,
				  "checkpoint %llu follows checkpoint %llu", epoch,
				  (unsigned long long) last->epoch);
	if (memcmp(checkpoint->before, checkpoints->last_digest, CSEC_TREE_HASH) != 0)
		csec_find(finding, "checkpoint_forged", seq,
				  "checkpoint %llu was not signed after the one before it", epoch);
	if (checkpoint->size < last->size ||
		(checkpoint->size == last->size && checkpoint->size > 0 &&
		 memcmp(checkpoint->root, last->root, CSEC_TREE_HASH) != 0))
		csec_find(finding, "checkpoint_forged", seq,
				  "checkpoint %llu contradicts the one before it", epoch);
	if (checkpoint->chain != last->chain && checkpoint->chain != checkpoint->epoch)
		csec_find(finding, "checkpoint_forged", seq,
				  "checkpoint %llu is of a chain of keys that it does not follow", epoch);
	else if (checkpoint->chain != last->chain)
		check_key(checkpoints, checkpoint, finding);
	else if (memcmp(checkpoint->key, last->next, CSEC_ED25519_PUBLIC) != 0)
		csec_find(finding, "checkpoint_forged", seq,
				  "checkpoint %llu is signed by another key than the one before it named",
				  epoch);
}

void
csec_checkpoints_add(CsecCheckpoints *checkpoints, const CsecNote *note)
{
	CsecFinding *finding = &checkpoints->finding;
	int64_t		seq = (int64_t) checkpoints->last.size + 1;
	CsecCheckpoint checkpoint;

	if (finding->problem != NULL)
		return;
	if (!csec_checkpoint_open(note->note, note->len, &checkpoint))
	{
		csec_find(finding, "checkpoint_forged", seq,
				  "the checkpoint after %llu is malformed, or not signed by its key",
				  (unsigned long long) checkpoints->last.epoch);
		return;
	}
	check_after(checkpoints, &checkpoint, finding);
	if (finding->problem == NULL)
		csec_origins_add(&checkpoints->own, checkpoint.origin);
	csec_vouchers_add(&checkpoints->vouchers, &checkpoint, note, seq, finding);
	checkpoints->stored++;
	/* an empty epoch says nothing new about the records, unless it was kept */
	if (!checkpoints->any || checkpoint.size != checkpoints->last.size ||
		checkpoints->trusted > 0)
		keep(checkpoints, &checkpoint, note->note, note->len);
	sha256(note->note, note->len, checkpoints->last_digest);
	checkpoints->last = checkpoint;
	checkpoints->any = true;
}

/* ---- all of them ---- */

static int
compare_kept(const void *a, const void *b)
{
	const CsecKept *left = a;
	const CsecKept *right = b;

	if (left->size != right->size)
		return left->size > right->size ? 1 : -1;
	return (left->epoch > right->epoch) - (left->epoch < right->epoch);
}

/*
 * The first of an epoch or a later one, from .. count.  Of a trail's own, as long as
 * nothing is wrong with them, epochs ascend.
 */
static int
first_of_epoch(const CsecCheckpoints *checkpoints, int from, uint64_t epoch)
{
	int			high = checkpoints->count;

	while (from < high)
	{
		int			middle = from + (high - from) / 2;

		if (checkpoints->kept[middle].epoch >= epoch)
			high = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* Trusted checkpoints stand beside those of the trail, which begin at own, of the same epoch. */
static void
match_trusted(CsecCheckpoints *checkpoints, const CsecKept *trusted, int own)
{
	int			place = first_of_epoch(checkpoints, own, trusted->epoch);
	const CsecKept *other = &checkpoints->kept[place];

	if (place == checkpoints->count || other->epoch != trusted->epoch)
	{
		if (checkpoints->any)
			csec_find(&checkpoints->finding, "checkpoint_missing", (int64_t) trusted->size,
					  "the trail does not have checkpoint %llu, which was kept",
					  (unsigned long long) trusted->epoch);
	}
	else if (memcmp(other->digest, trusted->digest, CSEC_TREE_HASH) != 0)
		csec_find(&checkpoints->finding, "checkpoint_replaced",
				  (int64_t) (other->size < trusted->size ? other->size : trusted->size),
				  "checkpoint %llu is not the one that was kept",
				  (unsigned long long) trusted->epoch);
	else if (trusted->epoch > checkpoints->vouched)
		checkpoints->vouched = trusted->epoch;
}

/*
 * What was kept of other trails is compared with nothing.  That is wrong where it
 * was given for this one, or where nothing else was given.
 */
static void
drop_foreign(CsecCheckpoints *checkpoints)
{
	const char *foreign = NULL;
	int			count = 0;

	for (int i = 0; i < checkpoints->count; i++)
	{
		const CsecKept *kept = &checkpoints->kept[i];

		if (!kept->trusted ||
			csec_origins_have(&checkpoints->own, checkpoints->given.name[kept->origin]))
		{
			checkpoints->kept[count++] = *kept;
			continue;
		}
		checkpoints->trusted--;
		if (foreign == NULL && (!kept->sorted_out || checkpoints->trusted == 0))
			foreign = checkpoints->given.name[kept->origin];
	}
	checkpoints->count = count;
	if (foreign != NULL)
		csec_find(&checkpoints->foreign, "other_trail", 1,
				  "the checkpoints that were kept are of %s, the trail is %s",
				  foreign, checkpoints->name);
}

/*
 * A checkpoint vouches for those before it, whose digests it carries, and for those
 * behind it in its chain, whose keys it names.  Where does another chain begin?
 */
static const CsecChain *
find_loose(const CsecCheckpoints *checkpoints)
{
	for (int i = 0; i < checkpoints->chains.count; i++)
	{
		const CsecChain *chain = &checkpoints->chains.chain[i];

		if (!chain->given && chain->epoch > checkpoints->vouched)
			return chain;
	}
	return NULL;
}

void
csec_checkpoints_settle(CsecCheckpoints *checkpoints)
{
	drop_foreign(checkpoints);
	for (int i = 0; i < checkpoints->trusted && checkpoints->finding.problem == NULL; i++)
		match_trusted(checkpoints, &checkpoints->kept[i], checkpoints->trusted);
	if (!checkpoints->any && (checkpoints->key.count > 0 || checkpoints->trusted > 0))
		csec_find(&checkpoints->finding, "checkpoint_missing", 1,
				  "the trail has no checkpoint");
	csec_vouchers_settle(&checkpoints->vouchers, &checkpoints->finding);
	if (checkpoints->vouchers.vouched.cosigned_epoch > checkpoints->vouched)
		checkpoints->vouched = checkpoints->vouchers.vouched.cosigned_epoch;
	checkpoints->loose = find_loose(checkpoints);

	if (checkpoints->count > 0)
		qsort(checkpoints->kept, (size_t) checkpoints->count, sizeof(CsecKept), compare_kept);
	checkpoints->size = csec_alloc((size_t) checkpoints->count * sizeof(uint64_t));
	for (int i = 0; i < checkpoints->count; i++)
		if (checkpoints->kept[i].size > 0 &&
			(checkpoints->sizes == 0 ||
			 checkpoints->size[checkpoints->sizes - 1] != checkpoints->kept[i].size))
			checkpoints->size[checkpoints->sizes++] = checkpoints->kept[i].size;
}

CsecMarks
csec_checkpoints_marks(const CsecCheckpoints *checkpoints)
{
	CsecMarks	marks = {checkpoints->size, checkpoints->sizes};

	return marks;
}

/* The first one kept of a size, or the count. */
static int
first_of_size(const CsecCheckpoints *checkpoints, uint64_t size)
{
	int			low = 0;
	int			high = checkpoints->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (checkpoints->kept[middle].size >= size)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const CsecKept *
csec_checkpoints_of_size(const CsecCheckpoints *checkpoints, uint64_t size, int *count)
{
	int			first = first_of_size(checkpoints, size);

	*count = 0;
	while (first + *count < checkpoints->count && checkpoints->kept[first + *count].size == size)
		(*count)++;
	return *count == 0 ? NULL : &checkpoints->kept[first];
}

bool
csec_checkpoints_fit(const CsecCheckpoints *checkpoints, const CsecTreeRange *tree,
					 const CsecKept **which)
{
	uint8_t		root[CSEC_HASH_SIZE];
	int			count;
	const CsecKept *kept = csec_checkpoints_of_size(checkpoints, tree->end, &count);

	*which = NULL;
	for (int i = 0; i < count; i++)
	{
		*which = &kept[i];
		if (!csec_range_root(tree, root) ||
			memcmp(root, kept[i].root, CSEC_HASH_SIZE) != 0 ||
			memcmp(tree->last, kept[i].head, CSEC_HASH_SIZE) != 0)
			return false;
	}
	return true;
}
