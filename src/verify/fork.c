/*
 * fork.c
 *		Two copies of one trail: does one go on where the other ends?   [FE]
 *
 * A hash stands for all records up to its own.  So where two trails have the
 * same hash under a number they are the same up to there, and the first
 * difference is found by halving.
 */
#include "verify/fork.h"

#include <string.h>

/* Of a selection the numbers between its runs are nobody's. */
static bool
same_at(CsecSource *one, CsecSource *other, int64_t seq)
{
	uint8_t		left[CSEC_HASH_SIZE];
	uint8_t		right[CSEC_HASH_SIZE];

	if (!one->hash_at(one, seq, left) || !other->hash_at(other, seq, right))
		csec_fail("\"%s\" and \"%s\" cannot be compared at record %lld", one->name,
				  other->name, (long long) seq);
	return memcmp(left, right, CSEC_HASH_SIZE) == 0;
}

void
csec_compare_trails(CsecSource *one, const CsecTrail *trail_one,
					CsecSource *other, const CsecTrail *trail_other,
					CsecFinding *finding)
{
	int64_t		low = trail_one->first > trail_other->first ?
		trail_one->first : trail_other->first;
	int64_t		high = trail_one->last < trail_other->last ?
		trail_one->last : trail_other->last;

	if (one->selected || other->selected)
		csec_fail("two trails can only be compared where all their records are there");
	if (low > high || low < 1)
		csec_fail("\"%s\" and \"%s\" have no record number in common", one->name, other->name);
	if (same_at(one, other, high))
		return;
	/* the first of low .. high that differs */
	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (same_at(one, other, middle))
			low = middle + 1;
		else
			high = middle;
	}
	csec_find(finding, "fork", low,
			  "from this record on \"%s\" and \"%s\" have gone on each on its own",
			  one->name, other->name);
}
