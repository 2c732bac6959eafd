/*
 * hash_index.c
 *		The hash indexes over fields that a query looks values up in.
 *
 * A hash function is not told for which index it is called, so the plan is
 * looked through.
 */
#include "postgres.h"

#include "access/hash.h"
#include "catalog/pg_am_d.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "policy/category.h"
#include "types/hash_index.h"
#include "types/masked_value.h"

typedef struct Search
{
	void		(*found) (uint32 category, const FmgrInfo *hash);
} Search;

/* The category of what an index is over: its column's, as a type modifier. */
static uint32
category_of(Relation index)
{
	AttrNumber	attno = index->rd_index->indkey.values[0];
	Oid			type;
	int32		typmod;

	if (attno != InvalidAttrNumber)
	{
		Oid			collation;

		get_atttypetypmodcoll(index->rd_index->indrelid, attno, &type, &typmod, &collation);
	}
	else
	{
		Node	   *expression = linitial(RelationGetIndexExpressions(index));

		type = exprType(expression);
		typmod = exprTypmod(expression);
	}
	(void) getBaseTypeAndTypmod(type, &typmod);
	return typmod < 0 ? CSEC_CATEGORY_TYPED_IN : (uint32) (typmod & ~CSEC_TYPMOD_PLAIN);
}

static void
look_at(Relation index, Search *search)
{
	if (index != NULL && index->rd_rel->relam == HASH_AM_OID &&
		csec_is_field_type(index->rd_opcintype[0]))
		search->found(category_of(index), index_getprocinfo(index, 1, HASHSTANDARD_PROC));
}

static bool
look(PlanState *node, void *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, IndexScanState))
		look_at(((IndexScanState *) node)->iss_RelationDesc, search);
	else if (IsA(node, BitmapIndexScanState))
		look_at(((BitmapIndexScanState *) node)->biss_RelationDesc, search);
	return planstate_tree_walker(node, look, search);
}

void
csec_hash_indexes(QueryDesc *query, void (*found) (uint32 category, const FmgrInfo *hash))
{
	Search		search = {.found = found};
	ListCell   *lc;

	look(query->planstate, &search);
	/* those that the walk does not reach through what uses them */
	foreach(lc, query->estate->es_subplanstates)
		look(lfirst(lc), &search);
}
