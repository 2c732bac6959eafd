/*
 * ceiling.c
 *		What has been read as a mask stays one.
 */
#include "postgres.h"

#include "tcop/pquery.h"
#include "utils/memutils.h"

#include "policy/ceiling.h"

#define MOST_CATEGORIES 32		/* of more, all are low */

typedef struct Ceiling
{
	bool		all;
	int			n;
	uint32		categories[MOST_CATEGORIES];
} Ceiling;

/* That of a query or a portal, in its memory and gone with it. */
typedef struct Kept
{
	struct Kept *next;
	MemoryContext memory;
	Portal		portal;			/* whose memory it is; NULL: a query's */
	MemoryContextCallback callback;
	Ceiling		ceiling;
} Kept;

bool		csec_ceiling_any = false;

static Ceiling statement;
static Kept *all_kept = NULL;

static inline bool
is_empty(const Ceiling *ceiling)
{
	return ceiling->n == 0 && !ceiling->all;
}

static bool
has(const Ceiling *ceiling, uint32 category)
{
	for (int i = 0; i < ceiling->n; i++)
		if (ceiling->categories[i] == category)
			return true;
	return ceiling->all;
}

static void
lower(Ceiling *ceiling, uint32 category)
{
	if (has(ceiling, category))
		return;
	if (ceiling->n < MOST_CATEGORIES)
		ceiling->categories[ceiling->n++] = category;
	else
		ceiling->all = true;
}

static void
lower_to(Ceiling *ceiling, const Ceiling *other)
{
	for (int i = 0; i < other->n; i++)
		lower(ceiling, other->categories[i]);
	ceiling->all |= other->all;
}

static void
look_for_any(void)
{
	csec_ceiling_any = all_kept != NULL || !is_empty(&statement);
}

static Kept *
find_kept(MemoryContext memory)
{
	for (Kept *kept = all_kept; kept != NULL; kept = kept->next)
		if (kept->memory == memory)
			return kept;
	return NULL;
}

static void
forget_kept(void *arg)
{
	Kept	  **link = &all_kept;

	while (*link != arg)
		link = &(*link)->next;
	*link = (*link)->next;
	look_for_any();
}

void
csec_ceiling_new_statement(void)
{
	statement.n = 0;
	statement.all = false;
	look_for_any();
}

void
csec_ceiling_lower(uint32 category)
{
	lower(&statement, category);
	csec_ceiling_any = true;
}

/*
 * Rows that a portal keeps come out without the executor: by the protocol, and
 * by a FETCH in a procedural language, after which they can be anywhere.
 */
static bool
counts_now(const Kept *kept)
{
	return kept->portal != NULL && (kept->portal == ActivePortal || !kept->portal->atStart);
}

bool
csec_ceiling_is_low(uint32 category)
{
	if (has(&statement, category))
		return true;
	for (Kept *kept = all_kept; kept != NULL; kept = kept->next)
		if (counts_now(kept) && has(&kept->ceiling, category))
			return true;
	return false;
}

static bool
find_in(const Ceiling *ceiling, bool (*test) (uint32 category))
{
	for (int i = 0; i < ceiling->n; i++)
		if (test(ceiling->categories[i]))
			return true;
	return ceiling->all;
}

bool
csec_ceiling_find(bool (*test) (uint32 category))
{
	if (find_in(&statement, test))
		return true;
	for (Kept *kept = all_kept; kept != NULL; kept = kept->next)
		if (counts_now(kept) && find_in(&kept->ceiling, test))
			return true;
	return false;
}

void
csec_ceiling_keep(MemoryContext memory, Portal portal)
{
	Kept	   *kept;

	if (is_empty(&statement))
		return;
	kept = find_kept(memory);
	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(memory, sizeof(Kept));
		kept->memory = memory;
		kept->portal = portal;
		kept->callback.func = forget_kept;
		kept->callback.arg = kept;
		MemoryContextRegisterResetCallback(memory, &kept->callback);
		kept->next = all_kept;
		all_kept = kept;
	}
	lower_to(&kept->ceiling, &statement);
}

void
csec_ceiling_resume(MemoryContext memory)
{
	Kept	   *kept = find_kept(memory);

	if (kept == NULL)
		return;
	lower_to(&statement, &kept->ceiling);
	look_for_any();
}
