/*
 * swap.c
 *		The end of csec.protect_online(): the prepared copy of a table takes the
 *		place of its contents.
 *
 * The table keeps its number, and with it what refers to it.  First its files
 * are put aside for empty ones, as TRUNCATE does it, so that csec.protect()
 * changes the columns' types in no time; then the copy's files are put in
 * their place, as ALTER TABLE does it with the table that it has rewritten,
 * and the indexes are built.  All in one transaction under an exclusive lock:
 * after an error the old files are the table's again.
 *
 * As after any rewrite, a transaction that took its snapshot before and looks
 * at the table for the first time afterwards does not see its rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/cluster.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "capture/guard.h"
#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_empty_files);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_swap_files);

static void
refuse_outside(void)
{
	if (!csec_own_ddl())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("files of tables are exchanged by csec.protect_online() only")));
}

/* Empty files for a table and its TOAST table. */
static void
set_new_files(Oid relid)
{
	Relation	rel = table_open(relid, AccessExclusiveLock);
	Oid			toast = rel->rd_rel->reltoastrelid;

	CheckTableNotInUse(rel, "csec.protect_online()");
	csec_set_new_files(rel);
	table_close(rel, NoLock);
	if (OidIsValid(toast))
	{
		rel = relation_open(toast, AccessExclusiveLock);
		csec_set_new_files(rel);
		table_close(rel, NoLock);
	}
}

/* csec.empty_files(tab regclass): the table as if it had no rows. */
Datum
csec_empty_files(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);

	refuse_outside();
	set_new_files(relid);
	csec_rebuild_indexes(relid, REINDEX_REL_PROCESS_TOAST);
	CommandCounterIncrement();
	PG_RETURN_VOID();
}

/* Are the rows of both laid out alike, and their columns called so? */
static bool
same_layout(Relation a, Relation b)
{
	TupleDesc	x = RelationGetDescr(a);
	TupleDesc	y = RelationGetDescr(b);

	if (x->natts != y->natts)
		return false;
	for (int i = 0; i < x->natts; i++)
	{
		Form_pg_attribute p = TupleDescAttr(x, i);
		Form_pg_attribute q = TupleDescAttr(y, i);

		if (p->attisdropped != q->attisdropped ||
			(!p->attisdropped &&
			 (strcmp(NameStr(p->attname), NameStr(q->attname)) != 0 ||
			  getBaseType(p->atttypid) != getBaseType(q->atttypid) || p->attlen != q->attlen ||
			  p->attalign != q->attalign || p->attbyval != q->attbyval)))
			return false;
	}
	return true;
}

/*
 * csec.swap_files(tab regclass, copy regclass): the contents of the copy become
 * those of the table; the copy is dropped.
 */
Datum
csec_swap_files(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Oid			copyid = PG_GETARG_OID(1);
	Relation	rel;
	Relation	copy;
	TransactionId frozen;
	MultiXactId minmulti;
	bool		alike;

	refuse_outside();
	rel = table_open(relid, AccessExclusiveLock);
	copy = table_open(copyid, AccessExclusiveLock);
	CheckTableNotInUse(rel, "csec.protect_online()");
	CheckTableNotInUse(copy, "csec.protect_online()");
	alike = same_layout(rel, copy) && rel->rd_rel->relam == copy->rd_rel->relam &&
		rel->rd_rel->relpersistence == copy->rd_rel->relpersistence;
	frozen = copy->rd_rel->relfrozenxid;
	minmulti = copy->rd_rel->relminmxid;
	table_close(copy, NoLock);
	table_close(rel, NoLock);
	if (!alike)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was altered while it was prepared for protection", get_rel_name(relid)),
				 errhint("Begin anew after csec.protect_online_cancel().")));
	finish_heap_swap(relid, copyid, false, false, false, true, frozen, minmulti,
					 get_rel_persistence(relid));
	PG_RETURN_VOID();
}
