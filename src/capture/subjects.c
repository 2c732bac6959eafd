/*
 * subjects.c
 *		A set of subject keys that grows row by row in bounded memory.
 *
 * Integer keys are kept as ranges: a scan in key order is one range, however
 * long.  Keys in any other order are gathered as they come, sorted and merged
 * when the array is full, and grown or, at CSEC_RANGES_MAX, emitted.
 *
 * All other keys (text, uuid, composite) are kept as texts, once each, and
 * emitted when they fill a record.
 *
 * Sorting and encoding allocate nothing: they also run in abort callbacks.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "audit/record.h"
#include "capture/subjects.h"
#include "util/bytes.h"

#define RANGES_FIRST	64
#define SLOTS			(32 * 1024)		/* a power of 2, above the texts of a record */

#define ST_SORT sort_ranges
#define ST_ELEMENT_TYPE CsecRange
#define ST_COMPARE(a, b) ((a)->low < (b)->low ? -1 : (a)->low > (b)->low)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
csec_subjects_init(CsecSubjects *set, bool integers)
{
	memset(set, 0, sizeof(*set));
	set->integers = integers;
	if (integers)
	{
		set->ranges = MemoryContextAlloc(TopMemoryContext, RANGES_FIRST * sizeof(CsecRange));
		set->ranges_size = RANGES_FIRST;
	}
}

void
csec_subjects_free(CsecSubjects *set)
{
	if (set->ranges != NULL)
		pfree(set->ranges);
	if (set->texts != NULL)
		pfree(set->texts);
	if (set->slots != NULL)
		pfree(set->slots);
	memset(set, 0, sizeof(*set));
}

/* Empty it, keeping its memory for the next rows. */
void
csec_subjects_reset(CsecSubjects *set)
{
	set->nranges = 0;
	set->ntexts = 0;
	set->texts_len = 0;
	if (set->slots != NULL)
		memset(set->slots, 0, SLOTS * sizeof(uint32));
}

/* Sort the ranges and merge those that touch. */
void
csec_subjects_sort(CsecSubjects *set)
{
	CsecRange  *ranges = set->ranges;
	int			last = 0;

	if (set->nranges < 2)
		return;
	sort_ranges(ranges, set->nranges);
	for (int i = 1; i < set->nranges; i++)
	{
		if (ranges[last].high == PG_INT64_MAX ||
			ranges[i].low <= ranges[last].high + 1)
			ranges[last].high = Max(ranges[last].high, ranges[i].high);
		else
			ranges[++last] = ranges[i];
	}
	set->nranges = last + 1;
}

/* Make room for a range: merge, else grow; false: it must be emitted. */
static bool
make_room(CsecSubjects *set)
{
	csec_subjects_sort(set);
	if (set->nranges <= set->ranges_size / 2)
		return true;
	if (set->ranges_size >= CSEC_RANGES_MAX)
		return false;
	set->ranges = repalloc(set->ranges, 2 * set->ranges_size * sizeof(CsecRange));
	set->ranges_size *= 2;
	return true;
}

bool
csec_subjects_add_range(CsecSubjects *set, int64 key)
{
	CsecRange  *range;

	if (set->nranges == set->ranges_size && !make_room(set))
		return false;
	range = &set->ranges[set->nranges++];
	range->low = range->high = key;
	return true;
}

/* The slot where a text stands, or where it would. */
static uint32 *
find_slot(CsecSubjects *set, const char *text, size_t len)
{
	uint32		at = hash_bytes((const unsigned char *) text, (int) len) & (SLOTS - 1);

	while (set->slots[at] != 0)
	{
		const uint8 *p = set->texts + set->slots[at] - 1;
		uint64		have;

		if (csec_get_varint(&p, set->texts + set->texts_len, &have) &&
			have == len && memcmp(p, text, len) == 0)
			break;
		at = (at + 1) & (SLOTS - 1);
	}
	return &set->slots[at];
}

/*
 * Add a key that is not an integer; false where the set is full.  A key
 * longer than a record is cut: it still names its subject beyond doubt in any
 * table that could have an index on it.
 */
bool
csec_subjects_add_text(CsecSubjects *set, const char *text, size_t len)
{
	uint32	   *slot;

	if (set->texts == NULL)
	{
		set->texts = MemoryContextAlloc(TopMemoryContext, CSEC_TEXTS_ROOM);
		set->slots = MemoryContextAllocZero(TopMemoryContext, SLOTS * sizeof(uint32));
	}
	len = Min(len, CSEC_TEXTS_ROOM / 2);
	slot = find_slot(set, text, len);
	if (*slot != 0)
		return true;
	if (set->texts_len + len + CSEC_VARINT_MAX > CSEC_TEXTS_ROOM ||
		set->ntexts >= SLOTS / 2)
		return false;
	*slot = (uint32) set->texts_len + 1;
	set->texts_len += csec_put_varint(set->texts + set->texts_len, len);
	memcpy(set->texts + set->texts_len, text, len);
	set->texts_len += len;
	set->ntexts++;
	return true;
}

/* No encoding of the set, in one piece, is longer. */
size_t
csec_subjects_bound(const CsecSubjects *set)
{
	return 1 + CSEC_VARINT_MAX + set->texts_len +
		(size_t) set->nranges * 2 * CSEC_VARINT_MAX;
}

/* A range as its distance from the one before it, and its length. */
typedef struct RangeCode
{
	uint64		distance;		/* zigzag; unsigned arithmetic, modulo 2^64 */
	uint64		length;
} RangeCode;

static inline RangeCode
code_range(const CsecRange *range, int64 before)
{
	RangeCode	code;

	code.distance = csec_zigzag((int64) ((uint64) range->low - (uint64) before));
	code.length = (uint64) range->high - (uint64) range->low;
	return code;
}

/* How many ranges from "from" on fit into room bytes. */
static int
ranges_that_fit(const CsecSubjects *set, int from, size_t room)
{
	size_t		needed = 1 + CSEC_VARINT_MAX;
	int64		before = 0;
	int			i;

	for (i = from; i < set->nranges; i++)
	{
		RangeCode	code = code_range(&set->ranges[i], before);

		needed += csec_varint_size(code.distance) + csec_varint_size(code.length);
		if (needed > room)
			break;
		before = set->ranges[i].high;
	}
	return i - from;
}

/*
 * Write the field of a record (see record.h) and give its length.  Ranges, if
 * they are too many for the room, come in several pieces: *from is where to
 * begin, and is moved to where the next piece begins.  The set is sorted.
 */
size_t
csec_subjects_encode(const CsecSubjects *set, int *from, uint8 *out, size_t room)
{
	uint8	   *p = out;
	int64		before = 0;
	int			n;

	if (set->all)
	{
		/* the ranges from before it was known are among them: nothing follows */
		*from = set->nranges;
		*p = CSEC_SUBJECTS_ALL;
		return 1;
	}
	if (!set->integers)
	{
		*p++ = CSEC_SUBJECTS_TEXTS;
		p += csec_put_varint(p, set->ntexts);
		memcpy(p, set->texts, set->texts_len);
		return p + set->texts_len - out;
	}
	n = ranges_that_fit(set, *from, room);
	*p++ = CSEC_SUBJECTS_RANGES;
	p += csec_put_varint(p, n);
	for (int i = *from; i < *from + n; i++)
	{
		RangeCode	code = code_range(&set->ranges[i], before);

		p += csec_put_varint(p, code.distance);
		p += csec_put_varint(p, code.length);
		before = set->ranges[i].high;
	}
	*from += n;
	return p - out;
}
