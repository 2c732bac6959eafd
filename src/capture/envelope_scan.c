/*
 * envelope_scan.c
 *		Counts the encrypted values of a table by what their headers say.
 *
 * Nothing is opened, and what comes out are numbers.  All rows are seen under
 * the snapshot of the calling query, so that a query over several tables sees
 * one moment of all of them.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "capture/rekey.h"
#include "capture/scan_progress.h"
#include "capture/subject_key.h"
#include "types/encrypted_value.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_scan_envelopes);

/* What values are counted by; without padding, as it is hashed by its bytes. */
typedef struct Kind
{
	int32		attno;
	uint32		category;
	uint32		suite;			/* 0: not encrypted */
	uint32		key_id;
	uint32		key_version;	/* SUBJECT_KEY: those of customers, not one by one */
	uint32		search_mark;	/* 0: no tag */
	uint32		next_mark;
	uint32		current;
} Kind;

#define SUBJECT_KEY		PG_UINT32_MAX

typedef struct Count
{
	Kind		kind;			/* hash key */
	int64		n;
	BlockNumber first;			/* blocks that have them */
	BlockNumber last;
} Count;

typedef struct EnvelopeScan
{
	HTAB	   *counts;
	const CsecTable *policy;	/* where its customers have keys, else NULL */
	CsecCustomer *customer;		/* of the row at hand; NULL: of nobody */
	AttrNumber	attno;			/* of the value at hand */
	BlockNumber block;
} EnvelopeScan;

static void
count(EnvelopeScan *scan, const Kind *kind)
{
	bool		found;
	Count	   *entry = hash_search(scan->counts, kind, HASH_ENTER, &found);

	if (!found)
	{
		entry->n = 0;
		entry->first = scan->block;
	}
	entry->n++;
	entry->first = Min(entry->first, scan->block);
	entry->last = scan->block;
}

static bool
count_envelope(const CsecEnvelope *envelope, void *arg)
{
	EnvelopeScan *scan = arg;
	Kind		kind = {
		.attno = scan->attno,
		.category = envelope->category,
		.suite = (uint32) envelope->suite,
		.key_id = envelope->key_id,
		.key_version = (envelope->flags & CSEC_ENVELOPE_SUBJECT) ? SUBJECT_KEY : envelope->key_version,
		.search_mark = envelope->search_mark,
		.next_mark = envelope->next_mark,
		.current = csec_envelope_is_current(envelope, scan->customer)
	};

	count(scan, &kind);
	return true;
}

/* Other columns whose values are to be counted. */
static CsecEnvelopeColumn *
plain_columns(ArrayType *array, int natts, int *n)
{
	Datum	   *numbers;
	CsecEnvelopeColumn *columns;

	deconstruct_array(array, INT2OID, sizeof(int16), true, TYPALIGN_SHORT, &numbers, NULL, n);
	columns = palloc((*n + 1) * sizeof(CsecEnvelopeColumn));
	for (int i = 0; i < *n; i++)
	{
		columns[i].attno = DatumGetInt16(numbers[i]);
		if (columns[i].attno < 1 || columns[i].attno > natts)
			elog(ERROR, "no column %d", columns[i].attno);
	}
	return columns;
}

typedef struct Columns
{
	CsecEnvelopeColumn *encrypted;
	int			nencrypted;
	CsecEnvelopeColumn *plain;
	int			nplain;
} Columns;

static void
count_row(EnvelopeScan *scan, const Columns *columns, TupleTableSlot *slot)
{
	bool		isnull;
	CsecCustomer customer;

	scan->block = ItemPointerGetBlockNumber(&slot->tts_tid);
	scan->customer = NULL;
	if (scan->policy != NULL && csec_row_customer(scan->policy, slot, &customer))
		scan->customer = &customer;
	for (int i = 0; i < columns->nencrypted; i++)
	{
		Datum		value = slot_getattr(slot, columns->encrypted[i].attno, &isnull);

		scan->attno = columns->encrypted[i].attno;
		if (!isnull)
			csec_envelope_visit(&columns->encrypted[i], value, count_envelope, scan);
	}
	for (int i = 0; i < columns->nplain; i++)
	{
		Kind		kind = {.attno = columns->plain[i].attno};

		(void) slot_getattr(slot, columns->plain[i].attno, &isnull);
		if (!isnull)
			count(scan, &kind);
	}
}

/* Rows of blocks from..to, which is not one of them. */
static void
count_blocks(EnvelopeScan *scan, Relation rel, const Columns *columns, TupleTableSlot *slot,
			 BlockNumber from, BlockNumber to)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "csec envelopes",
											   ALLOCSET_DEFAULT_SIZES);
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc blocks;

	ItemPointerSet(&first, from, FirstOffsetNumber);
	ItemPointerSet(&last, to - 1, MaxOffsetNumber);
	blocks = table_beginscan_tidrange(rel, GetActiveSnapshot(), &first, &last);
	while (table_scan_getnextslot_tidrange(blocks, ForwardScanDirection, slot))
	{
		MemoryContext outer = MemoryContextSwitchTo(rows);

		CHECK_FOR_INTERRUPTS();
		count_row(scan, columns, slot);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(rows);
	}
	table_endscan(blocks);
	MemoryContextDelete(rows);
}

/* All blocks, or "sample" of them, spread evenly. */
static void
count_relation(EnvelopeScan *scan, Relation rel, const Columns *columns, int64 sample)
{
	/* some blocks at a time, so that progress shows */
	const BlockNumber stride = 128;
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	csec_scan_progress_begin(RelationGetRelid(rel), Min(sample, blocks));
	if (sample >= blocks)
		for (BlockNumber from = 0; from < blocks; from = Min(blocks, (uint64) from + stride))
		{
			count_blocks(scan, rel, columns, slot, from, Min(blocks, (uint64) from + stride));
			csec_scan_progress(Min(blocks, (uint64) from + stride));
		}
	else
		for (int64 i = 0; i < sample; i++)
		{
			BlockNumber block = (BlockNumber) (i * blocks / sample);

			count_blocks(scan, rel, columns, slot, block, block + 1);
			csec_scan_progress(i + 1);
		}
	ExecDropSingleTupleTableSlot(slot);
}

static void
put_counts(ReturnSetInfo *result, HTAB *counts)
{
	HASH_SEQ_STATUS seq;
	Count	   *entry;

	hash_seq_init(&seq, counts);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		const Kind *kind = &entry->kind;
		bool		plain = kind->suite == 0;
		Datum		values[11];
		bool		nulls[11] = {false};

		values[0] = Int16GetDatum((int16) kind->attno);
		values[1] = Int32GetDatum((int32) kind->category);
		values[2] = Int32GetDatum((int32) kind->suite);
		values[3] = Int32GetDatum((int32) kind->key_id);
		values[4] = Int32GetDatum((int32) kind->key_version);
		values[5] = Int64GetDatum(kind->search_mark);
		values[6] = Int64GetDatum(kind->next_mark);
		values[7] = BoolGetDatum(kind->current != 0);
		values[8] = Int64GetDatum(entry->n);
		values[9] = Int64GetDatum(entry->first);
		values[10] = Int64GetDatum(entry->last);
		for (int i = 1; i <= 7; i++)
			nulls[i] = plain;
		nulls[3] |= kind->key_version == SUBJECT_KEY;
		nulls[4] |= kind->key_version == SUBJECT_KEY;
		nulls[5] |= kind->search_mark == 0;
		nulls[6] |= kind->next_mark == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * csec.scan_envelopes(tab regclass, plain int2[], sample int8)
 *		The values of a relation, counted by column, category, suite, key and
 *		search tags; those of the plain columns by column.  sample: so many
 *		blocks only.
 */
Datum
csec_scan_envelopes(PG_FUNCTION_ARGS)
{
	HASHCTL		ctl = {.keysize = sizeof(Kind),.entrysize = sizeof(Count),.hcxt = CurrentMemoryContext};
	Relation	rel = csec_open_for_envelopes(PG_GETARG_OID(0));
	int64		sample = PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2);
	Columns		columns;
	EnvelopeScan scan = {0};

	InitMaterializedSRF(fcinfo, 0);
	scan.policy = csec_table_lookup(RelationGetRelid(rel));
	if (scan.policy != NULL && (!scan.policy->subject_keys || !csec_customers_known(scan.policy->subject_table)))
		scan.policy = NULL;
	columns.encrypted = csec_envelope_columns(RelationGetDescr(rel), &columns.nencrypted);
	columns.plain = plain_columns(PG_GETARG_ARRAYTYPE_P(1), RelationGetDescr(rel)->natts,
								  &columns.nplain);
	scan.counts = hash_create("csec envelopes", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	PG_TRY();
	{
		if (columns.nencrypted + columns.nplain > 0)
			count_relation(&scan, rel, &columns, sample);
	}
	PG_FINALLY();
	{
		csec_scan_progress_end();
	}
	PG_END_TRY();
	put_counts((ReturnSetInfo *) fcinfo->resultinfo, scan.counts);
	hash_destroy(scan.counts);
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}
