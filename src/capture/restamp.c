/*
 * restamp.c
 *		Writes masked values anew under another order key.
 *
 * A value carries the head of its text's keyed digest (types/masked_value.h),
 * and under another key that is another one.  The rows are read and written
 * below the executor, as by re-encryption: no trigger fires and no change is
 * recorded, as there is none, so neither a data key has to open nor can
 * somebody's trigger put the old value back.
 *
 * No index gets an entry here: they are in the order of the old key.  The caller
 * (csec.adopt_order_key()) holds the table alone and rebuilds them all.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "types/masked_value.h"
#include "util/array.h"
#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_restamp_table);

typedef struct Column
{
	int			at;				/* in a slot's values */
	bool		is_array;
} Column;

static bool
is_masked(Oid type)
{
	return OidIsValid(type) && csec_is_field_type(getBaseType(type)) &&
		getBaseType(type) != csec_encrypted_type();
}

static Column *
masked_columns(TupleDesc desc, int *n)
{
	Column	   *columns = palloc(desc->natts * sizeof(Column));

	*n = 0;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Oid			element;

		if (att->attisdropped)
			continue;
		element = get_element_type(getBaseType(att->atttypid));
		if (is_masked(att->atttypid))
			columns[(*n)++] = (Column) {.at = i};
		else if (is_masked(element))
			columns[(*n)++] = (Column) {.at = i, .is_array = true};
	}
	return columns;
}

/* The same value, but for its tag. */
static Datum
restamped(Datum datum)
{
	struct varlena *old = PG_DETOAST_DATUM_PACKED(datum);
	struct varlena *new = palloc(VARSIZE_ANY(old));
	CsecMasked	value;

	csec_masked_read(old, &value);
	memcpy(new, old, VARSIZE_ANY(old));
	csec_put_u32((uint8 *) VARDATA_ANY(new) + CSEC_MASKED_TAG,
				 csec_masked_stored_tag(value.category, value.text, value.len));
	return PointerGetDatum(new);
}

static Datum
restamped_array(Datum datum)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	Datum	   *values;
	bool	   *nulls;
	int			n = csec_array_elements(array, &values, &nulls);

	for (int i = 0; i < n; i++)
		if (!nulls[i])
			values[i] = restamped(values[i]);
	return csec_array_like(array, values, nulls);
}

static void
restamp_row(const TupleTableSlot *old, TupleTableSlot *new, const Column *columns, int n)
{
	int			natts = old->tts_tupleDescriptor->natts;

	ExecClearTuple(new);
	memcpy(new->tts_values, old->tts_values, natts * sizeof(Datum));
	memcpy(new->tts_isnull, old->tts_isnull, natts * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		Datum	   *value = &new->tts_values[columns[i].at];

		if (new->tts_isnull[columns[i].at])
			continue;
		*value = columns[i].is_array ? restamped_array(*value) : restamped(*value);
	}
	ExecStoreVirtualTuple(new);
	new->tts_tableOid = old->tts_tableOid;
}

static int64
restamp_rows(Relation rel, const Column *columns, int n)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *old = table_slot_create(rel, NULL);
	TupleTableSlot *new = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "csec restamped row",
											  ALLOCSET_DEFAULT_SIZES);
	int64		rows = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, old))
	{
		MemoryContext outer = MemoryContextSwitchTo(row);
		TU_UpdateIndexes ignored;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(old);
		restamp_row(old, new, columns, n);
		simple_table_tuple_update(rel, &old->tts_tid, new, snapshot, &ignored);
		rows++;
		ExecClearTuple(new);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(row);
	}
	table_endscan(scan);
	MemoryContextDelete(row);
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(new);
	UnregisterSnapshot(snapshot);
	return rows;
}

/*
 * csec.restamp_table(tab regclass) returns int8
 *		All masked values of a table or materialized view, which this transaction
 *		has locked against everybody, get the tags of the server's order key;
 *		gives the rows.
 */
Datum
csec_restamp_table(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(PG_GETARG_OID(0), NoLock);
	int			n;
	Column	   *columns = masked_columns(RelationGetDescr(rel), &n);
	int64		rows = 0;

	if (!CheckRelationLockedByMe(rel, AccessExclusiveLock, false))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" is not locked by this transaction", RelationGetRelationName(rel))));
	/* where updates are published, rows must be told apart: as UPDATE asks */
	if (rel->rd_rel->relkind == RELKIND_RELATION)
		CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	if (n > 0)
		rows = restamp_rows(rel, columns, n);
	table_close(rel, NoLock);
	PG_RETURN_INT64(rows);
}
