/*
 * trail.c
 *		Pieces joined in order: the verdict on the whole trail.         [FE]
 */
#include "verify/trail.h"

#include <string.h>

#include "util/bytes.h"

void
csec_trail_begin(CsecTrail *trail, int64_t from, const uint8_t *before,
				 CsecCheckpoints *checkpoints)
{
	memset(trail, 0, sizeof(*trail));
	trail->from = from;
	trail->last = from - 1;
	memcpy(trail->hash, before, CSEC_HASH_SIZE);
	csec_sessions_init(&trail->sessions);
	csec_range_begin(&trail->tree, (uint64_t) from - 1);
	trail->checkpoints = checkpoints;
	trail->with_tree = from == 1;
}

void
csec_trail_resume(CsecTrail *trail, const CsecAnchor *anchor)
{
	if (!csec_cut_check_begin(&trail->cuts, anchor->bytes, anchor->len))
		csec_fail("could not compute a hash");
	csec_sessions_resume(&trail->sessions, &anchor->cut);
	csec_chains_named_in_cut(&trail->checkpoints->chains, &anchor->cut);
	csec_anchor_range(anchor, &trail->tree);
	trail->with_tree = true;
}

void
csec_trail_go_on(CsecTrail *trail, const CsecStart *start)
{
	trail->tree = start->tree;
	trail->with_tree = true;
	trail->anchored = (int64_t) start->size;
}

void
csec_trail_end(CsecTrail *trail)
{
	csec_sessions_free(&trail->sessions);
}

/* The tree up to a checkpoint: does it have its root and its last record? */
static void
check_mark(CsecTrail *trail)
{
	const CsecKept *kept;

	if (trail->tree.begin != 0)
		return;
	if (csec_checkpoints_fit(trail->checkpoints, &trail->tree, &kept))
	{
		if (kept != NULL)
			trail->anchored = (int64_t) trail->tree.end;
		return;
	}
	csec_find(&trail->finding, "rewritten", trail->anchored + 1,
			  "records %lld to %llu are not those over which checkpoint %llu was signed",
			  (long long) (trail->anchored + 1), (unsigned long long) trail->tree.end,
			  (unsigned long long) kept->epoch);
}

static void
join_tree(CsecTrail *trail, const CsecPiece *piece)
{
	for (int i = 0; i < piece->ranges && trail->finding.problem == NULL; i++)
	{
		if (piece->range[i].count == 0)
			continue;
		if (!csec_range_join(&trail->tree, &piece->range[i]))
			csec_fail("could not join the tree at record %llu",
					  (unsigned long long) piece->range[i].begin + 1);
		check_mark(trail);
	}
}

/* What the records of a piece tell about cuts, and about keys of checkpoints. */
static void
check_told(CsecTrail *trail, const CsecPiece *piece, CsecFinding *finding)
{
	uint8_t		key[CSEC_ED25519_PUBLIC];
	const uint8_t *p = piece->told;
	const uint8_t *end = p + piece->told_len;
	CsecHeader	header;
	CsecBody	body;

	if (!trail->cuts.begun && piece->records > 0)
		trail->cuts.began_at = piece->first_sealed_at;
	trail->cuts.begun = trail->cuts.begun || piece->records > 0;
	for (; p < end; p += CSEC_HEADER_SIZE + header.body_len)
	{
		const char *problem;

		/* they were taken apart before */
		if (!csec_header_get(p, CSEC_HEADER_SIZE + csec_get_u32(p + 32), &header) ||
			!csec_body_get(p + CSEC_HEADER_SIZE, header.body_len, &body))
			return;
		if (csec_body_names_key(&body, key))
			csec_chains_named(&trail->checkpoints->chains, key, (int64_t) header.seq);
		if (!csec_cut_concerns(&body))
			continue;
		problem = csec_cut_check_record(&trail->cuts, &header, &body);
		if (problem != NULL && (finding->problem == NULL || (int64_t) header.seq <= finding->seq))
		{
			finding->problem = NULL;
			csec_find(finding, problem, (int64_t) header.seq, "%s", trail->cuts.detail);
			return;
		}
	}
}

/* More is gone than the approved cut took. */
static void
name_excess(const CsecTrail *trail, CsecFinding *finding)
{
	if (!trail->cuts.anchored || trail->records > 0 || finding->problem == NULL ||
		strcmp(finding->problem, "missing") != 0 ||
		finding->seq != (int64_t) trail->cuts.last + 1)
		return;
	finding->problem = NULL;
	csec_find(finding, "cut_exceeded", (int64_t) trail->cuts.last + 1,
			  "the approved cut took records up to %llu, and more are gone",
			  (unsigned long long) trail->cuts.last);
}

void
csec_trail_join(CsecTrail *trail, const CsecPiece *piece)
{
	CsecFinding finding = piece->finding;

	name_excess(trail, &finding);

	if (trail->finding.problem != NULL)
		return;
	if (piece->first > trail->last + 1 && !trail->selected)
		csec_find(&trail->finding, "missing", trail->last + 1,
				  "there are no records %lld to %lld", (long long) (trail->last + 1),
				  (long long) (piece->first - 1));
	else if (piece->first <= trail->last)
		csec_find(&trail->finding, "inserted", piece->first,
				  "more than one record claims this number");
	else if (piece->first == trail->last + 1 &&
			 memcmp(piece->before, trail->hash, CSEC_HASH_SIZE) != 0)
		csec_find(&trail->finding, "altered", piece->first,
				  "it does not stand behind record %lld", (long long) trail->last);
	if (trail->finding.problem != NULL)
		return;

	/* a session that began before the point from which we look may be beyond 1 */
	if (trail->records == 0 && trail->from > 1 && !trail->cuts.anchored && piece->records > 0)
		csec_sessions_start_at(&trail->sessions, piece->first_sealed_at);
	if (!trail->selected)
	{
		csec_sessions_join(&trail->sessions, &piece->sessions, &finding);
		check_told(trail, piece, &finding);
	}
	if (trail->records == 0 && piece->records > 0)
		trail->first = piece->first;
	trail->records += piece->records;
	trail->last = piece->last;
	if (piece->records > 0)
		trail->sealed_at = piece->sealed_at;
	memcpy(trail->hash, piece->hash, CSEC_HASH_SIZE);
	if (trail->with_tree)
		join_tree(trail, piece);
	/* a root that differs says less than the record that does */
	if (finding.problem != NULL &&
		(trail->finding.problem == NULL || finding.seq <= trail->finding.seq))
		trail->finding = finding;
}

/* A checkpoint over more records than there are. */
static void
check_cut(CsecTrail *trail)
{
	const CsecCheckpoints *checkpoints = trail->checkpoints;

	for (int i = 0; i < checkpoints->count && !trail->selected; i++)
	{
		const CsecKept *kept = &checkpoints->kept[i];

		if (kept->size > (uint64_t) trail->last)
			csec_find(&trail->finding, "tail_cut", trail->last + 1,
					  "%scheckpoint %llu was signed over %llu records",
					  kept->trusted ? "trusted " : "",
					  (unsigned long long) kept->epoch,
					  (unsigned long long) kept->size);
	}
}

void
csec_trail_check_end(CsecTrail *trail, const CsecHead *head)
{
	if (trail->finding.problem == NULL)
		check_cut(trail);
	if (trail->finding.problem != NULL || trail->selected)
		return;
	if (!head->known)
		csec_find(&trail->finding, "head_forged", trail->last,
				  "csec_trail.sealer_state does not have its one row");
	else if (trail->last < head->seq)
		csec_find(&trail->finding, "tail_cut", trail->last + 1,
				  "the trail was sealed up to record %lld", (long long) head->seq);
	else if (trail->last > head->seq)
		csec_find(&trail->finding, "inserted", head->seq + 1,
				  "the trail was sealed up to record %lld only", (long long) head->seq);
	else if (memcmp(trail->hash, head->hash, CSEC_HASH_SIZE) != 0)
		csec_find(&trail->finding, "head_forged", trail->last,
				  "the last record has another hash than the head");
	else if (trail->cuts.anchored && !trail->cuts.met)
		csec_find(&trail->finding, "cut_forged", trail->from,
				  "the cut behind which the trail begins is not on record");
}
