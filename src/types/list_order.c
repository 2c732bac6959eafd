/*
 * list_order.c
 *		Lists of values that are looked up in a btree.
 *
 * A btree sorts the list itself, before it looks at what it holds, and takes its
 * results for sorted; from 17 on it goes through both side by side, too.  But values
 * that have no category, and texts, are not sorted as those of a field are that orders
 * by its text: rows would be missing, or come in another order.  From 17 on also where a
 * field keeps dates without the time that is written after them.  A list is not looked
 * up in such an index.  Before 17 each of its values can be, where nobody expects an
 * order of what is found.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_am_d.h"
#include "nodes/pathnodes.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "policy/catalog.h"
#include "policy/category.h"
#include "types/list_order.h"
#include "types/masked_value.h"
#include "util/pgcompat.h"

static get_relation_info_hook_type prev_relation_info = NULL;

/* Where the type does not say how its values are sorted, they may be in any way. */
static bool
sorts_as_list(Form_pg_attribute column)
{
	int32		typmod = column->atttypmod;
	const CsecCategory *category;

	(void) getBaseTypeAndTypmod(column->atttypid, &typmod);
	if (typmod < 0 || (typmod & CSEC_TYPMOD_PLAIN))
		return false;
	if (!csec_btree_walks_lists)
		return true;
	category = csec_category_lookup(typmod);
	return category != NULL && category->mask != CSEC_MASK_BIRTH_DATE;
}

static bool
takes_lists(IndexOptInfo *info)
{
	Relation	index = NULL;
	bool		takes = true;

	for (int i = 0; i < info->nkeycolumns && takes; i++)
	{
		if (likely(!csec_is_field_type(info->opcintype[i])))
			continue;
		if (index == NULL)
			index = index_open(info->indexoid, NoLock);
		takes = sorts_as_list(TupleDescAttr(RelationGetDescr(index), i));
	}
	if (index != NULL)
		index_close(index, NoLock);
	return takes;
}

static void
relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	ListCell   *lc;

	if (prev_relation_info)
		prev_relation_info(root, relid, inhparent, rel);
	if (csec_known_absent)
		return;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *info = lfirst_node(IndexOptInfo, lc);

		if (info->relam != BTREE_AM_OID || !info->amsearcharray || takes_lists(info))
			continue;
		info->amsearcharray = false;
		if (csec_btree_walks_lists)
			info->amhasgetbitmap = false;
	}
}

void
csec_list_order_init(void)
{
	prev_relation_info = get_relation_info_hook;
	get_relation_info_hook = relation_info;
}
