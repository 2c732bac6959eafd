/*
 * hash_index.c
 *		What a query looks values up in by their hashes, and this process may not
 *		have hashed itself: hash indexes over fields, hash tables that processes
 *		share.
 *
 * A hash function is not told for what it is called, so the plan is looked
 * through.
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

/* Of a field's type, if that says it; 0: it does not. */
static uint32
category_of_type(Oid type, int32 typmod)
{
	(void) getBaseTypeAndTypmod(type, &typmod);
	return typmod < 0 ? CSEC_CATEGORY_NONE : (uint32) (typmod & ~CSEC_TYPMOD_PLAIN);
}

/* The category of what an index is over: its column's, as a type modifier. */
static uint32
category_of(Relation index)
{
	uint32		category;
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
	category = category_of_type(type, typmod);
	return category == CSEC_CATEGORY_NONE ? CSEC_CATEGORY_TYPED_IN : category;
}

/* The fields of one side of a hash join. */
static void
look_at_keys(List *keys, Search *search)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		Node	   *key = lfirst(lc);
		uint32		category;

		while (IsA(key, RelabelType))
			key = (Node *) ((RelabelType *) key)->arg;
		if (!csec_is_field_type(getBaseType(exprType(key))))
			continue;
		category = category_of_type(exprType(key), exprTypmod(key));
		if (category != CSEC_CATEGORY_NONE)
			search->found(category, NULL);
	}
}

static void
look_at_join(HashJoin *join, Search *search)
{
	if (!join->join.plan.parallel_aware)
		return;
	look_at_keys(join->hashkeys, search);
	look_at_keys(castNode(Hash, innerPlan(join))->hashkeys, search);
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
	else if (IsA(node, HashJoinState))
		look_at_join((HashJoin *) node->plan, search);
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
