/*
 * verify_subject.c
 *		Does csec_trail.audit_subject have the rows that the records demand?
 *
 * Looking each row up would cost more than all the hashing.  Instead both
 * sides are summed: a keyed digest of each row, under a random key of this
 * call's own, added up in buckets by seq.  Equal sums are equal sets of rows.
 * Only where they differ are the rows of one bucket compared record by record.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audit/log_scan.h"
#include "audit/trail.h"
#include "audit/verify.h"
#include "audit/whole_record.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

#define BUCKETS 1024

struct CsecSubjectCheck
{
	int64		from;
	int64		to;
	uint64		width;			/* of a bucket, in records */
	uint64		seed;
	uint64		expected[BUCKETS];
	uint64		found[BUCKETS];
};

/* The digest of a row: no padding between these. */
typedef struct RowImage
{
	int64		subject;
	int64		seq;
	int64		at;
	uint64		relid;
} RowImage;

/* The rows of one record, in the bucket that is looked into. */
typedef struct RecordSum
{
	int64		seq;
	uint64		sum;			/* expected less found */
} RecordSum;

CsecSubjectCheck *
csec_subject_check_begin(int64 from, int64 to)
{
	CsecSubjectCheck *check = palloc0(sizeof(CsecSubjectCheck));

	check->from = from;
	check->to = Max(from, to);
	check->width = ((uint64) check->to - (uint64) from) / BUCKETS + 1;
	if (!pg_strong_random(&check->seed, sizeof(check->seed)))
		csec_crypto_failed("generate a random key");
	return check;
}

static uint64
row_digest(CsecSubjectCheck *check, int64 subject, int64 seq, int64 at, Oid relid)
{
	RowImage	image = {subject, seq, at, relid};

	return hash_bytes_extended((unsigned char *) &image, sizeof(image), check->seed);
}

static uint64
record_digest(CsecSubjectCheck *check, int64 seq, int64 at,
			  const CsecColumns *columns)
{
	uint64		sum = 0;

	if (columns->shape != CSEC_SHAPE_FEW)
		return 0;
	for (int i = 0; i < columns->count; i++)
		sum += row_digest(check, columns->key[i], seq, at, columns->relid);
	return sum;
}

void
csec_subject_check_expect(CsecSubjectCheck *check, int64 seq, int64 at,
						  const CsecColumns *columns)
{
	if (seq > check->to)
		return;					/* behind a head that is not to be believed */
	check->expected[((uint64) seq - (uint64) check->from) / check->width] +=
		record_digest(check, seq, at, columns);
}

typedef void (*RowSeen) (CsecSubjectCheck *check, int64 seq, uint64 digest, void *arg);

static void
scan_leaf(CsecSubjectCheck *check, Oid relid, Snapshot snapshot,
		  RowSeen seen, void *arg)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;

	csec_trail_check_columns(rel, "audit_subject");
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		Datum	   *values = slot->tts_values - 1;
		int64		seq;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		seq = DatumGetInt64(values[CSEC_SUBJECT_SEQ]);
		if (seq >= check->from && seq <= check->to)
			seen(check, seq,
				 row_digest(check, DatumGetInt64(values[CSEC_SUBJECT_SUBJECT]), seq,
							DatumGetInt64(values[CSEC_SUBJECT_AT]),
							DatumGetObjectId(values[CSEC_SUBJECT_RELID])),
				 arg);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
}

static void
scan_rows(CsecSubjectCheck *check, Snapshot snapshot, RowSeen seen, void *arg)
{
	List	   *leaves = csec_trail_partitions("audit_subject", AccessShareLock);
	ListCell   *cell;

	foreach(cell, leaves)
		scan_leaf(check, lfirst_oid(cell), snapshot, seen, arg);
}

static void
add_to_bucket(CsecSubjectCheck *check, int64 seq, uint64 digest, void *arg)
{
	check->found[((uint64) seq - (uint64) check->from) / check->width] += digest;
}

static RecordSum *
sum_of(HTAB *sums, int64 seq)
{
	bool		found;
	RecordSum  *sum = hash_search(sums, &seq, HASH_ENTER, &found);

	if (!found)
		sum->sum = 0;
	return sum;
}

static void
subtract_row(CsecSubjectCheck *check, int64 seq, uint64 digest, void *arg)
{
	sum_of(arg, seq)->sum -= digest;
}

static void
add_records(CsecSubjectCheck *check, Snapshot snapshot, HTAB *sums)
{
	CsecLogScan *scan = csec_log_scan_begin(check->from, check->to, snapshot);
	CsecBases  *bases = csec_bases_create(snapshot);
	TupleTableSlot *slot;

	while ((slot = csec_log_scan_next(scan)) != NULL)
	{
		bytea	   *stored;
		bytea	   *record;
		bool		isnull;
		CsecHeader	header;
		CsecBody	body;
		CsecColumns columns;

		CHECK_FOR_INTERRUPTS();
		stored = DatumGetByteaPP(slot_getattr(slot, CSEC_LOG_RECORD, &isnull));
		record = csec_bases_whole(bases, stored);
		if (record != NULL &&
			csec_header_get((uint8 *) VARDATA_ANY(record), VARSIZE_ANY_EXHDR(record), &header) &&
			csec_body_get((uint8 *) VARDATA_ANY(record) + CSEC_HEADER_SIZE, header.body_len, &body) &&
			csec_columns_derive(&body, &columns))
			sum_of(sums, (int64) header.seq)->sum +=
				record_digest(check, (int64) header.seq, header.sealed_at, &columns);
		if (record != NULL && record != stored)
			pfree(record);
	}
	csec_log_scan_end(scan);
}

/* Names the first record of a bucket whose rows differ. */
static void
look_into(CsecSubjectCheck *check, int bucket, Snapshot snapshot,
		  CsecVerdict *verdict)
{
	HASHCTL		info = {
		.keysize = sizeof(int64),
		.entrysize = sizeof(RecordSum),
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *sums = hash_create("csec subjects to verify", 1024, &info,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	HASH_SEQ_STATUS status;
	RecordSum  *sum;
	int64		first = PG_INT64_MAX;

	check->from += (int64) (bucket * check->width);
	check->to = Min(check->to, check->from + (int64) check->width - 1);
	scan_rows(check, snapshot, subtract_row, sums);
	add_records(check, snapshot, sums);

	hash_seq_init(&status, sums);
	while ((sum = hash_seq_search(&status)) != NULL)
		if (sum->sum != 0 && sum->seq < first)
			first = sum->seq;
	hash_destroy(sums);
	csec_verdict(verdict, "column_differs", first,
				 "the rows of csec_trail.audit_subject are not those of the record");
}

void
csec_subject_check_end(CsecSubjectCheck *check, Snapshot snapshot,
					   CsecVerdict *verdict)
{
	scan_rows(check, snapshot, add_to_bucket, NULL);
	for (int i = 0; i < BUCKETS && verdict->problem == NULL; i++)
		if (check->expected[i] != check->found[i])
			look_into(check, i, snapshot, verdict);
}
