/*
 * of_planner_alone.c
 *		Operators that PostgreSQL puts into plans, and nobody into statements.
 *
 * csec.== and csec.=== say which texts have the same hash as fields.  Who joined
 * texts of his own by them would have these put into a hash table by their tags,
 * uncounted, and see of each some bits of its tag by the order of what comes out,
 * once the table has many batches.
 *
 * What is written in a statement is simplified; what the planner makes of
 * "phone IN (SELECT ...)" is not.  The privilege to execute would be asked for of both.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/supportnodes.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_of_planner_alone);

/* Planner support: NULL, which says nothing of the other requests. */
Datum
csec_of_planner_alone(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the operators csec.== and csec.=== are the planner's alone"),
				 errhint("Compare texts by \"=\".")));
	PG_RETURN_POINTER(NULL);
}
