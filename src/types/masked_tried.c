/*
 * masked_tried.c
 *		Values that a reader knows, meeting values that he may not see.
 *
 * Equality is shown to everybody, as look-ups, joins and unique constraints
 * need it.  What keeps it from revealing a masked value is the number of
 * values that may be tried against it (policy/probe.c).  This file finds out
 * which values are tried.
 *
 * "Known" is a text, a value that has no category, and a value of a category
 * that the reader sees in clear; "hidden" is any other.  Two values of one
 * category need no look here: what is typed in counts when it gets its
 * category (csec_masked_input).
 *
 * Where two values are compared, it is plain which one is tried.  A hash join
 * or a sort compares only those that are equal, or nearly: 10,000 candidates
 * go in and only the hit is seen.  So what goes in is noted for the length of
 * a statement, known values on one side and hidden categories on the other,
 * and each known value counts as tried against each hidden category, in
 * whatever order they come.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "types/masked_tried.h"
#include "util/guc.h"

/* More categories than this in one statement are refused. */
#define MAX_HIDDEN 64

/* Where the limit is set so high, it is no limit, and noting stops here. */
#define MAX_KNOWN 1000

typedef struct Known
{
	uint32		tag;
	size_t		len;
	char	   *text;
} Known;

/* What went into hash tables and sorts in this statement. */
static struct
{
	TimestampTz statement;
	Oid			reader;
	MemoryContext context;		/* of the known texts */
	Known	   *known;
	int			nknown;
	int			room;
	uint32		hidden[MAX_HIDDEN];
	int			nhidden;
} seen;

static inline bool
is_known(uint32 category)
{
	return category == CSEC_CATEGORY_NONE || csec_decide(category) == CSEC_REVEAL;
}

/* Does the category allow no comparison by this reader? */
static void
refuse_unsearchable(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	if (known != NULL && !known->searchable && csec_decide(category) != CSEC_REVEAL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("values of category \"%s\" cannot be compared without clearance",
						NameStr(known->name)),
				 errdetail("The category's search is \"none\"."),
				 errhint("Convert the field to text to compare what you see of it, or ask for a clearance.")));
}

void
csec_tried_compare_slow(const CsecMasked *a, const CsecMasked *b)
{
	bool		known = is_known(a->category);

	if (known == is_known(b->category))
	{
		/* Two hidden ones: one may be the reader's own, under another category. */
		if (!known)
		{
			refuse_unsearchable(a->category);
			refuse_unsearchable(b->category);
		}
		return;
	}
	if (known)
		csec_probe(b->category, a->text, a->len);
	else
		csec_probe(a->category, b->text, b->len);
}

/*
 * The last text, by its digest, and the category it was tried against: an index
 * is descended with the same one at each step, and once is what it counts.
 */
static struct
{
	CsecDecisionStamp stamp;
	uint32		category;		/* 0: none */
	uint64		digest;
} last;

void
csec_tried_text(uint32 category, const char *text, size_t len, uint64 digest)
{
	bool		stands = csec_decision_stands(&last.stamp);

	if (likely(stands && last.category == category && last.digest == digest))
		return;
	last.category = CSEC_CATEGORY_NONE;	/* an error settles nothing */
	if (!is_known(category))
		csec_probe(category, text, len);
	last.digest = digest;
	last.category = category;
}

void
csec_tried_same(uint32 category)
{
	static uint32 last = CSEC_CATEGORY_NONE;
	static Oid	last_reader = InvalidOid;
	static int	uses = 0;

	/* Looked up anew now and then, so that a change of policy is noticed. */
	if (category == last && csec_reader() == last_reader && ++uses < 1024)
		return;
	refuse_unsearchable(category);
	last = category;
	last_reader = csec_reader();
	uses = 0;
}

void
csec_tried_lookup(const CsecMasked *indexed, const CsecMasked *sought)
{
	if (is_known(sought->category))
	{
		csec_tried_compare_slow(indexed, sought);
		return;
	}
	if (is_known(indexed->category) && !csec_reader_has_role(CSEC_ROLE_LOADER))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a masked value cannot be looked up in an index over values that have no category, or another one"),
				 errhint("Give both columns the same type.")));
}

/* A new statement, or another reader: nothing has gone in yet. */
static void
begin_if_new(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();
	Oid			reader = csec_reader();

	if (likely(seen.context != NULL && seen.statement == now && seen.reader == reader))
		return;
	if (seen.context == NULL)
		seen.context = AllocSetContextCreate(TopMemoryContext, "csec tried values",
											 ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(seen.context);
	seen.known = NULL;
	seen.nknown = seen.room = seen.nhidden = 0;
	seen.statement = now;
	seen.reader = reader;
}

static bool
noted_already(uint32 tag, const char *text, size_t len)
{
	for (int i = 0; i < seen.nknown; i++)
		if (seen.known[i].tag == tag && seen.known[i].len == len &&
			memcmp(seen.known[i].text, text, len) == 0)
			return true;
	return false;
}

static void
note_known(uint32 tag, const char *text, size_t len)
{
	MemoryContext old;
	Known	   *entry;

	/* One more than may be tried is all that need be known. */
	if (seen.nknown > Min(csec_probe_limit, MAX_KNOWN) || noted_already(tag, text, len))
		return;
	old = MemoryContextSwitchTo(seen.context);
	if (seen.nknown == seen.room)
	{
		int			room = seen.room ? seen.room * 2 : 32;

		seen.known = seen.known ? repalloc(seen.known, room * sizeof(Known))
			: palloc(room * sizeof(Known));
		seen.room = room;
	}
	entry = &seen.known[seen.nknown];
	entry->tag = tag;
	entry->len = len;
	entry->text = palloc(Max(len, 1));
	memcpy(entry->text, text, len);
	seen.nknown++;
	MemoryContextSwitchTo(old);
	for (int i = 0; i < seen.nhidden; i++)
		csec_probe(seen.hidden[i], text, len);
}

static void
note_hidden(uint32 category)
{
	for (int i = 0; i < seen.nhidden; i++)
		if (seen.hidden[i] == category)
			return;
	if (seen.nhidden == MAX_HIDDEN)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("values of more than %d categories are compared in one statement",
						MAX_HIDDEN)));
	seen.hidden[seen.nhidden++] = category;
	for (int i = 0; i < seen.nknown; i++)
		csec_probe(category, seen.known[i].text, seen.known[i].len);
}

void
csec_tried_sort(const CsecMasked *value)
{
	begin_if_new();
	if (is_known(value->category))
		note_known(value->tag, value->text, value->len);
	else
		note_hidden(value->category);
}

void
csec_tried_hash(const CsecMasked *value)
{
	/* To group and to join by hash is to search; to sort by tags is not. */
	if (value->category != CSEC_CATEGORY_NONE)
		csec_tried_same(value->category);
	csec_tried_sort(value);
}

void
csec_tried_hash_text(uint32 tag, const char *text, size_t len)
{
	begin_if_new();
	note_known(tag, text, len);
}
