/*
 * row_types.c
 *		Row types that hold fields keep the types of their columns.
 *
 * PostgreSQL rewrites stored rows when the type of a column is altered.  A row
 * that a session has in its hands (a cursor's, a variable's) it reads from then
 * on as the new type says: a field as bytea, say, past its output function; or
 * what stands beside a field from another place, if a column before it takes
 * more or less room than it did.  Anybody may make such a type, and put fields
 * into a row of it.
 *
 * Looked at is what the catalog says before and after, not what the statement
 * says: the name in it may be another table's by the time it is locked.
 */
#include "capture/row_types.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "capture/control.h"
#include "policy/table.h"
#include "types/masked_value.h"

/*
 * The modifier of a dropped column that held fields: it has no type any more, but
 * a row from before still has the field.  No type has such a modifier.
 */
#define DROPPED_FIELD	(-0x63736563)

static bool
row_holds_field(Oid relid)
{
	HeapTuple	tuple;
	bool		holds = false;

	for (AttrNumber attno = 1; !holds &&
		 HeapTupleIsValid(tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno)));
		 attno++)
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tuple);
		Oid			type = att->atttypid;

		holds = att->attisdropped && att->atttypmod == DROPPED_FIELD;
		ReleaseSysCache(tuple);
		holds = holds || csec_type_holds_field(type);
	}
	return holds;
}

bool
csec_type_holds_field(Oid type)
{
	check_stack_depth();
	if (!OidIsValid(type))
		return false;
	type = getBaseType(type);
	if (csec_is_field_type(type))
		return true;
	if (OidIsValid(get_element_type(type)))
		return csec_type_holds_field(get_element_type(type));
	if (type_is_range(type))
		return csec_type_holds_field(get_range_subtype(type));
	if (type_is_multirange(type))
		return csec_type_holds_field(get_multirange_range(type));
	return OidIsValid(get_typ_typrelid(type)) && row_holds_field(get_typ_typrelid(type));
}

void
csec_row_type_loses(Oid relid, AttrNumber attno)
{
	Relation	rel;
	HeapTuple	tuple;

	if (!csec_type_holds_field(get_atttype(relid, attno)))
		return;
	rel = table_open(AttributeRelationId, RowExclusiveLock);
	tuple = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "could not find column %d of relation %u", attno, relid);
	((Form_pg_attribute) GETSTRUCT(tuple))->atttypmod = DROPPED_FIELD;
	CatalogTupleUpdate(rel, &tuple->t_self, tuple);
	heap_freetuple(tuple);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/* What this command has made of the column's type, which the caches do not know yet. */
static Oid
type_from_now_on(Oid relid, AttrNumber attno)
{
	Relation	rel = table_open(AttributeRelationId, AccessShareLock);
	Oid			type = InvalidOid;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(attno));
	scan = systable_beginscan(rel, AttributeRelidNumIndexId, true, SnapshotSelf, 2, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		type = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return type;
}

static bool
takes_other_room(Oid before, Oid after)
{
	int16		len[2];
	bool		byval[2];
	char		align[2];

	get_typlenbyvalalign(before, &len[0], &byval[0], &align[0]);
	get_typlenbyvalalign(after, &len[1], &byval[1], &align[1]);
	return len[0] != len[1] || align[0] != align[1];
}

/* Tried is what is told, also where it fails. */
static void
refuse(Oid relid, AttrNumber attno, bool holds)
{
	static const char *what = "another type in a row type";
	char	   *name = get_rel_name(relid);

	if (!RecoveryInProgress())
		csec_denial_emit(what, name, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 holds ?
			 errmsg("the type of column \"%s\" of \"%s\" cannot be altered, as it holds fields of csec's",
					get_attname(relid, attno, false), name) :
			 errmsg("the type of column \"%s\" of \"%s\" cannot be altered, as other columns hold fields of csec's",
					get_attname(relid, attno, false), name),
			 errdetail("Rows that a session still has would be read as the new type says, past every mask."),
			 errhint("Add another column, and drop this one.")));
}

/*
 * In the protected tables themselves columns beside fields may be altered, as
 * applications' migrations do: by their owner, and on record.
 */
void
csec_row_type_altered(Oid relid, AttrNumber attno)
{
	Oid			before = get_atttype(relid, attno);
	Oid			after = type_from_now_on(relid, attno);

	if (!OidIsValid(before) || !OidIsValid(after) || before == after)
		return;
	if (csec_type_holds_field(before))
		refuse(relid, attno, true);
	if (takes_other_room(before, after) && row_holds_field(relid) &&
		csec_table_lookup(relid) == NULL)
		refuse(relid, attno, false);
}
