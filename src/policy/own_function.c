/*
 * own_function.c
 *		Is a function csec's own?
 *
 * Asked of the triggers of a protected table for each statement that changes
 * it, where three look-ups in the catalog's caches each time cost as much as
 * recording the row.  So the answers are kept, and forgotten when any function
 * or schema changes, as the catalog's caches forget theirs.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "policy/own_function.h"

#define ANSWERS 16				/* a power of 2 */

typedef struct Answer
{
	Oid			function;		/* or InvalidOid: none */
	bool		own;
	bool		records;
} Answer;

static Answer answers[ANSWERS];
static uint64 changes = 0;		/* of functions and schemas */

static void
forget(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
	memset(answers, 0, sizeof(answers));
}

static void
watch(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum) 0);
	watching = true;
}

static Answer
ask(Oid function)
{
	Answer		answer = {.function = function};
	Oid			schema = get_namespace_oid("csec", true);
	char	   *name;

	answer.own = OidIsValid(schema) && get_func_namespace(function) == schema;
	name = answer.own ? get_func_name(function) : NULL;
	answer.records = name != NULL && strcmp(name, "record_change") == 0;
	if (name != NULL)
		pfree(name);
	return answer;
}

static Answer
answer_for(Oid function)
{
	Answer	   *kept = &answers[function % ANSWERS];
	Answer		answer;
	uint64		seen;

	if (likely(kept->function == function && OidIsValid(function)))
		return *kept;
	watch();
	seen = changes;
	answer = ask(function);

	/* a change that arrived on the way leaves it out of date */
	if (seen == changes)
		*kept = answer;
	return answer;
}

bool
csec_function_is_own(Oid function)
{
	return answer_for(function).own;
}

bool
csec_function_records(Oid function)
{
	return answer_for(function).records;
}
