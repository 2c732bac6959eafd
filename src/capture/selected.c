/*
 * selected.c
 *		Which columns a query selects of a relation in its range table.
 *
 * PostgreSQL 15 says it of each.  16 does not of a partition or another child that
 * is scanned for its parent: what is selected there is what is selected of the
 * parent.  The plan says whose child it is; in a parallel worker it does not, and
 * then it is a child of whatever ancestor of it the query names.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_inherits.h"
#include "nodes/pathnodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "capture/selected.h"
#include "util/pgcompat.h"

#define WHOLE_ROW (0 - FirstLowInvalidHeapAttributeNumber)

static bool
is_selected(Bitmapset *columns, AttrNumber attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, columns);
}

static Bitmapset *
add(Bitmapset *columns, AttrNumber attno)
{
	return bms_add_member(columns, attno - FirstLowInvalidHeapAttributeNumber);
}

/* Those of the system, which have the same numbers everywhere. */
static Bitmapset *
system_columns(Bitmapset *parents)
{
	Bitmapset  *columns = NULL;

	for (AttrNumber attno = FirstLowInvalidHeapAttributeNumber + 1; attno < 0; attno++)
		if (is_selected(parents, attno))
			columns = add(columns, attno);
	return columns;
}

static Bitmapset *
by_plan(const AppendRelInfo *child, Bitmapset *parents)
{
	Bitmapset  *columns = system_columns(parents);

	for (int i = 0; i < child->num_child_cols; i++)
		if (child->parent_colnos[i] > 0 &&
			(is_selected(parents, InvalidAttrNumber) || is_selected(parents, child->parent_colnos[i])))
			columns = add(columns, i + 1);
	return columns;
}

static Bitmapset *
by_names(Oid child, Oid parent, Bitmapset *parents)
{
	Bitmapset  *columns = system_columns(parents);
	char	   *name;

	for (AttrNumber attno = 1; (name = get_attname(parent, attno, true)) != NULL; attno++)
	{
		AttrNumber	own = get_attnum(child, name);

		if (own != InvalidAttrNumber &&
			(is_selected(parents, InvalidAttrNumber) || is_selected(parents, attno)))
			columns = add(columns, own);
	}
	return columns;
}

/* Of all ancestors that the query names; of none, the whole row. */
static Bitmapset *
of_ancestors(PlannedStmt *stmt, Oid child)
{
	Bitmapset  *columns = NULL;
	Bitmapset  *parents;
	bool		found = false;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION || !csec_permission_columns(stmt, rte, &parents) ||
			!typeInheritsFrom(get_rel_type_id(child), get_rel_type_id(rte->relid)))
			continue;
		columns = bms_add_members(columns, by_names(child, rte->relid, parents));
		found = true;
	}
	return found ? columns : bms_make_singleton(WHOLE_ROW);
}

/* Numbered as in a range table entry; not to be changed. */
Bitmapset *
csec_selected_columns(PlannedStmt *stmt, Index rti)
{
	RangeTblEntry *rte = rt_fetch(rti, stmt->rtable);
	Bitmapset  *columns;
	ListCell   *lc;

	if (csec_permission_columns(stmt, rte, &columns))
		return columns;
	foreach(lc, stmt->appendRelations)
	{
		AppendRelInfo *child = lfirst_node(AppendRelInfo, lc);

		if (child->child_relid == rti)
			return by_plan(child, csec_selected_columns(stmt, child->parent_relid));
	}
	return of_ancestors(stmt, rte->relid);
}

/*
 * What the query selects of the same table under other names that no scan stands
 * for; scanned are the range table indexes of those that have one.
 */
Bitmapset *
csec_selected_elsewhere(PlannedStmt *stmt, Index rti, const Bitmapset *scanned)
{
	Oid			relid = rt_fetch(rti, stmt->rtable)->relid;
	Bitmapset  *elsewhere = NULL;
	Bitmapset  *columns;
	int			at = 0;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!bms_is_member(++at, scanned) && rte->rtekind == RTE_RELATION && rte->relid == relid &&
			csec_permission_columns(stmt, rte, &columns))
			elsewhere = bms_add_members(elsewhere, columns);
	}
	return elsewhere;
}
