/*
 * support_call.h
 *		Who calls a support function of an operator class?
 */
#ifndef CSEC_TYPES_SUPPORT_CALL_H
#define CSEC_TYPES_SUPPORT_CALL_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/memnodes.h"
#include "nodes/nodes.h"
#include "utils/memutils.h"

/*
 * Support functions serve indexes, sorts and hash tables.  What they return
 * is nobody's business: called by name, in an expression, they refuse.
 */
static inline void
csec_refuse_direct_call(FunctionCallInfo fcinfo)
{
	Node	   *expr = fcinfo->flinfo ? fcinfo->flinfo->fn_expr : NULL;

	/* An operator that somebody made of one is a call by name, too. */
	if (expr != NULL &&
		unlikely(IsA(expr, FuncExpr) || IsA(expr, OpExpr) ||
				 IsA(expr, DistinctExpr) || IsA(expr, NullIfExpr)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("this function serves indexes and cannot be called directly")));
}

/*
 * Is this call made for an array or a row (hash_array, hash_record)?  Those
 * hash functions anybody may call and look at the result, which would tell
 * equal values without comparing them.  There all values hash alike.  The
 * type cache, through which they come, keeps its functions in this context.
 */
static inline bool
csec_called_for_container(FunctionCallInfo fcinfo)
{
	return fcinfo->flinfo != NULL && fcinfo->flinfo->fn_mcxt == CacheMemoryContext;
}

/*
 * Does an index scan sort the values that it looks for?  Nobody sees their order,
 * and each counts where it meets what the index holds.  The scan works in a context
 * of its own meanwhile; from 17 on it takes the index's function for it.
 */
static inline bool
csec_sorts_array(void)
{
	return strcmp(CurrentMemoryContext->name, "BTree array context") == 0;
}

/* Is it an index that compares?  Else an expression, or rows and arrays in one. */
static inline bool
csec_called_for_index(FunctionCallInfo fcinfo)
{
	return fcinfo->flinfo == NULL ||
		(fcinfo->flinfo->fn_expr == NULL && !csec_called_for_container(fcinfo));
}

/* Is it the list of an IN that is hashed?  There likewise. */
static inline bool
csec_hashes_list(FunctionCallInfo fcinfo)
{
	Node	   *expr = fcinfo->flinfo ? fcinfo->flinfo->fn_expr : NULL;

	return expr != NULL && IsA(expr, ScalarArrayOpExpr);
}

#define CSEC_HASH_IN_CONTAINER	0x63736563

#endif							/* CSEC_TYPES_SUPPORT_CALL_H */
