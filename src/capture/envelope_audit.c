/*
 * envelope_audit.c
 *		Looks for encrypted values of a table that something is wrong with.
 *
 * Rows are seen under the snapshot of the query, without the executor: nothing
 * that is read here leaves, so it is no read of the customers; that somebody
 * looked is put on record by csec.check_envelopes().
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "capture/envelope_column.h"
#include "capture/rekey.h"
#include "capture/scan_progress.h"
#include "capture/subject_key.h"
#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/envelope_check.h"
#include "util/array.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_check_relation);

typedef struct Check
{
	ReturnSetInfo *result;
	CsecEnvelopeColumn *columns;
	uint32	   *categories;		/* of the columns */
	int			ncolumns;
	const CsecTable *policy;	/* where its customers have keys, else NULL */
	bool		known;			/* who these customers are */
	CsecCustomer *customer;		/* of the row at hand; NULL: of nobody */
} Check;

/* The category that the type of a column, or of its elements, gives to values. */
static uint32
declared_category(Form_pg_attribute att, const CsecEnvelopeColumn *column)
{
	int32		typmod = att->atttypmod;
	Oid			type = getBaseTypeAndTypmod(att->atttypid, &typmod);

	if (column->is_array)
		(void) getBaseTypeAndTypmod(get_element_type(type), &typmod);
	return typmod < 0 ? CSEC_CATEGORY_NONE : (uint32) typmod;
}

/* element: of an array, from 1; 0: the column's one value. */
static void
put_problem(Check *check, TupleTableSlot *slot, int column, int element, const char *problem)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = Int16GetDatum(check->columns[column].attno);
	values[1] = PointerGetDatum(&slot->tts_tid);
	nulls[2] = element == 0;
	values[2] = Int32GetDatum(element);
	values[3] = PointerGetDatum(cstring_to_text(problem));
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

static void
check_value(Check *check, TupleTableSlot *slot, int column, int element, Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	const char *problem = csec_envelope_problem(value, check->categories[column]);
	CsecEnvelope envelope;

	if (problem == NULL && check->policy != NULL)
	{
		csec_encrypted_read(value, &envelope);
		if (!check->known)
			problem = "key_does_not_open";
		else if (!csec_envelope_is_of(&envelope, check->customer))
			problem = "wrong_subject";
	}

	if (problem != NULL)
		put_problem(check, slot, column, element, problem);
}

static void
check_array(Check *check, TupleTableSlot *slot, int column, Datum datum)
{
	Datum	   *values;
	bool	   *nulls;
	int			n = csec_array_elements(DatumGetArrayTypeP(datum), &values, &nulls);

	for (int i = 0; i < n; i++)
		if (!nulls[i])
			check_value(check, slot, column, i + 1, values[i]);
}

static void
check_row(Check *check, TupleTableSlot *slot)
{
	CsecCustomer customer;

	check->customer = NULL;
	if (check->policy != NULL && check->known && csec_row_customer(check->policy, slot, &customer))
		check->customer = &customer;
	for (int i = 0; i < check->ncolumns; i++)
	{
		bool		isnull;
		Datum		datum = slot_getattr(slot, check->columns[i].attno, &isnull);

		if (isnull)
			continue;
		if (check->columns[i].is_array)
			check_array(check, slot, i, datum);
		else
			check_value(check, slot, i, 0, datum);
	}
}

static void
check_relation(Check *check, Relation rel)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "csec envelopes",
											   ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);

	csec_scan_progress_begin(RelationGetRelid(rel), RelationGetNumberOfBlocks(rel));
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext outer = MemoryContextSwitchTo(rows);

		CHECK_FOR_INTERRUPTS();
		check_row(check, slot);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(rows);
		csec_scan_progress(ItemPointerGetBlockNumber(&slot->tts_tid));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(rows);
}

/*
 * csec.check_relation(tab regclass, OUT attnum, OUT ctid, OUT element, OUT problem)
 *		The encrypted values of one relation that something is wrong with.
 */
Datum
csec_check_relation(PG_FUNCTION_ARGS)
{
	Relation	rel = csec_open_for_envelopes(PG_GETARG_OID(0));
	Check		check = {.result = (ReturnSetInfo *) fcinfo->resultinfo};

	InitMaterializedSRF(fcinfo, 0);
	check.policy = csec_table_lookup(RelationGetRelid(rel));
	if (check.policy != NULL && !check.policy->subject_keys)
		check.policy = NULL;
	check.known = check.policy == NULL || csec_customers_known(check.policy->subject_table);
	check.columns = csec_envelope_columns(RelationGetDescr(rel), &check.ncolumns);
	check.categories = palloc((check.ncolumns + 1) * sizeof(uint32));
	for (int i = 0; i < check.ncolumns; i++)
		check.categories[i] = declared_category(TupleDescAttr(RelationGetDescr(rel),
															  check.columns[i].attno - 1),
												&check.columns[i]);
	PG_TRY();
	{
		if (check.ncolumns > 0)
			check_relation(&check, rel);
	}
	PG_FINALLY();
	{
		csec_scan_progress_end();
	}
	PG_END_TRY();
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}
