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
 * go in and only the hit is seen.  So what goes in is noted, known values on
 * one side and hidden categories on the other, and each known value counts as
 * tried against each hidden category, in whatever order they come.  It is
 * noted, by its digest, for the length of a statement, and as long as a query is
 * open that it went into: a cursor compares in one FETCH with what went in at another.
 *
 * A hash index is compared with only where a hash is the same, so what is
 * sought in one would count on a hit only.  What it holds, of a category that
 * is hidden, went in before; so the query that runs is asked for its hash
 * indexes (hash_index.c) when a value goes in, and for what other processes may
 * have put into the same hash table.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "policy/category.h"
#include "policy/decision.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "types/hash_index.h"
#include "types/masked_tried.h"
#include "util/guc.h"

/* More categories than this in one statement are refused. */
#define MAX_HIDDEN 64

/* Where the limit is set so high, it is no limit, and noting stops here. */
#define MAX_KNOWN 1000

typedef struct Known
{
	uint32		tag;
	uint64		digest;
} Known;

QueryDesc  *csec_tried_query = NULL;

/* What went into hash tables and sorts. */
static struct
{
	TimestampTz statement;
	int			holders;		/* open queries that something went into */
	CsecDecisionStamp stamp;
	QueryDesc  *query;			/* whose hash indexes are known since */
	List	   *open_indexes;	/* hash functions of those whose values the reader knows */
	MemoryContext context;		/* of all this */
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
		csec_probe(b->category, csec_probe_digest(a->text, a->len));
	else
		csec_probe(a->category, csec_probe_digest(b->text, b->len));
}

/*
 * Is nothing hidden from the reader?  Where a superuser has an index built, which
 * goes on as the table's owner, nothing is revealed to anybody either.
 */
static bool
sees_all(void)
{
	static CsecDecisionStamp stamp;
	static bool all = false;
	bool		revealed = true;
	ListCell   *lc;

	if (csec_decision_stands(&stamp))
		return all;
	all = false;				/* an error settles nothing */
	if (!InSecurityRestrictedOperation() || !superuser_arg(GetOuterUserId()))
		foreach(lc, csec_category_all())
		{
			const CsecCategory *category = lfirst(lc);

			revealed = revealed && (category->storage == CSEC_STORAGE_REFUSED ||
									csec_decide(category->id) == CSEC_REVEAL);
		}
	all = revealed;
	return all;
}

void
csec_tried_place_slow(const CsecMasked *value)
{
	if (!sees_all())
		csec_probe_input(CSEC_CATEGORY_TYPED_IN, value->text, value->len);
}

bool		csec_tried_stored = false;

void
csec_tried_constant(const char *text, size_t len)
{
	if (!superuser() && !sees_all())
		csec_probe_input(CSEC_CATEGORY_TYPED_IN, text, len);
}

CsecTriedText csec_tried_last;

void
csec_tried_text_slow(uint32 category, const char *text, size_t len, uint64 digest)
{
	CsecTriedText *last = &csec_tried_last;

	last->category = CSEC_CATEGORY_NONE;	/* an error settles nothing */
	if (!is_known(category))
		csec_probe(category, csec_probe_digest(text, len));
	last->digest = digest;
	last->category = category;
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

static void
refuse_lookup(void)
{
	if (!csec_reader_has_role(CSEC_ROLE_LOADER))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a masked value cannot be looked up in an index over values that have no category, or another one"),
				 errhint("Give both columns the same type.")));
}

void
csec_tried_lookup(const CsecMasked *indexed, const CsecMasked *sought)
{
	if (is_known(sought->category))
		csec_tried_compare_slow(indexed, sought);
	else if (is_known(indexed->category))
		refuse_lookup();
}

static void note_hidden(uint32 category);

/* A query is over, or failed. */
static void
release(void *arg)
{
	seen.holders--;
	if (seen.query == arg)
		seen.query = NULL;
}

/* What goes in stays as long as the query that runs can go on. */
static void
hold(QueryDesc *query)
{
	MemoryContext memory = query->estate->es_query_cxt;
	MemoryContextCallback *callback;

	for (callback = memory->reset_cbs; callback != NULL; callback = callback->next)
		if (callback->func == release)
			return;
	callback = MemoryContextAlloc(memory, sizeof(MemoryContextCallback));
	callback->func = release;
	callback->arg = query;
	MemoryContextRegisterResetCallback(memory, callback);
	seen.holders++;
}

static void
note_index(uint32 category, const FmgrInfo *hash)
{
	MemoryContext old;

	if (!is_known(category))
	{
		note_hidden(category);
		return;
	}
	if (hash == NULL)
		return;
	old = MemoryContextSwitchTo(seen.context);
	seen.open_indexes = list_append_unique_ptr(seen.open_indexes, (void *) hash);
	MemoryContextSwitchTo(old);
}

static void
forget(void)
{
	if (seen.context == NULL)
		seen.context = AllocSetContextCreate(TopMemoryContext, "csec tried values",
											 ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(seen.context);
	seen.known = NULL;
	seen.open_indexes = NIL;
	seen.nknown = seen.room = seen.nhidden = 0;
}

/*
 * Another statement, query or reader, or other decisions.  What other readers
 * tried in the same statement counts with the rest: it may be in a hash table.
 */
static pg_noinline void
begin(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (seen.context == NULL || (seen.statement != now && seen.holders == 0))
		forget();
	seen.statement = now;
	seen.query = NULL;			/* an error settles nothing */
	if (csec_tried_query == NULL)
		return;
	hold(csec_tried_query);
	csec_hash_indexes(csec_tried_query, note_index);
	seen.query = csec_tried_query;
}

static inline void
begin_if_new(void)
{
	bool		stands = csec_decision_stands(&seen.stamp);

	if (unlikely(!stands || seen.query == NULL || seen.query != csec_tried_query))
		begin();
}

static bool
noted_already(uint32 tag, const char *text, size_t len)
{
	for (int i = 0; i < seen.nknown; i++)
		if (seen.known[i].tag == tag && seen.known[i].digest == csec_probe_digest(text, len))
			return true;
	return false;
}

static void
note_known(uint32 tag, const char *text, size_t len)
{
	if (noted_already(tag, text, len))
		return;
	for (int i = 0; i < seen.nhidden; i++)
		csec_probe(seen.hidden[i], csec_probe_digest(text, len));
	/* One more than may be tried is all that need be known. */
	if (seen.nknown > Min(csec_probe_limit, MAX_KNOWN))
		return;
	if (seen.nknown == seen.room)
	{
		int			room = seen.room ? seen.room * 2 : 32;
		size_t		size = room * sizeof(Known);

		seen.known = seen.known ? repalloc(seen.known, size) :
			MemoryContextAlloc(seen.context, size);
		seen.room = room;
	}
	seen.known[seen.nknown++] = (Known) {tag, csec_probe_digest(text, len)};
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
		csec_probe(category, seen.known[i].digest);
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
csec_tried_hash(const CsecMasked *value, const FmgrInfo *hash)
{
	/* To group and to join by hash is to search; to sort by tags is not. */
	if (value->category != CSEC_CATEGORY_NONE)
		csec_tried_same(value->category);
	csec_tried_sort(value);
	if (unlikely(seen.open_indexes != NIL) && !is_known(value->category) &&
		list_member_ptr(seen.open_indexes, hash))
		refuse_lookup();
}

void
csec_tried_hash_text(uint32 tag, const char *text, size_t len)
{
	begin_if_new();
	note_known(tag, text, len);
}
