/*
 * trees.c
 *		Keeps the trees of statements out of messages.
 *
 * With debug_print_parse, debug_print_rewritten and debug_print_plan, which
 * anybody may set, PostgreSQL writes the tree of each statement into the log,
 * and to a client that asks for such messages.  Constants stand there by their
 * bytes, past all output functions; and a constant of a plan may be the value
 * of a variable, or what an immutable function has read from a table.  So where
 * csec is, these settings are off.
 *
 * They are switched off at the last moment before PostgreSQL looks at them, as
 * a session may have them in many ways, from the server's configuration on.
 */
#include "postgres.h"

#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "utils/guc.h"

#include "capture/trees.h"
#include "policy/catalog.h"

static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;
static planner_hook_type prev_planner = NULL;

/* Where it cannot be found out whether csec is here, it is. */
static bool
may_be_here(void)
{
	return !csec_known_absent && (csec_database_has_csec() || !csec_catalog_readable());
}

static void
switch_off(bool *setting, const char *name)
{
	if (likely(!*setting) || !may_be_here())
		return;
	*setting = false;
	ereport(NOTICE,
			(errmsg("%s is off where csec is", name),
			 errdetail("Trees of statements have values of fields in them, past every mask.")));
}

static void
post_parse_analyze(ParseState *pstate, Query *query, JumbleState *jstate)
{
	if (prev_post_parse_analyze)
		prev_post_parse_analyze(pstate, query, jstate);
	switch_off(&Debug_print_parse, "debug_print_parse");
	switch_off(&Debug_print_rewritten, "debug_print_rewritten");
}

static PlannedStmt *
plan(Query *parse, const char *query_string, int cursorOptions, ParamListInfo boundParams)
{
	PlannedStmt *result = prev_planner ?
		prev_planner(parse, query_string, cursorOptions, boundParams) :
		standard_planner(parse, query_string, cursorOptions, boundParams);

	/* now, as functions that are computed for the plan may set it */
	switch_off(&Debug_print_plan, "debug_print_plan");
	return result;
}

void
csec_trees_init(void)
{
	prev_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = post_parse_analyze;
	prev_planner = planner_hook;
	planner_hook = plan;
}
