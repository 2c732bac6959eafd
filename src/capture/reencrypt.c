/*
 * reencrypt.c
 *		Puts stored values under the keys, suites and search tags of today.
 *
 * The rows are read and written below the executor: no trigger of anybody's
 * fires, no rule and no policy takes part, and csec records no change of a
 * customer's data, as there is none: the run is a control record.  That opens
 * no door, because nothing comes in from outside: a new value is made here, of
 * the text that the old one opened to, and an old one that is not authentic
 * ends the batch.
 *
 * Beside other sessions: a batch is a range of blocks in a transaction of its
 * own, under ROW EXCLUSIVE.  A row is replaced only if the version that was
 * read is still the newest and nobody holds it, even for a key share: else it
 * is passed over, at once, and a later pass comes back for it.  So no batch
 * waits for a row, none can be one end of a deadlock, and no update is lost.
 *
 * Functions in the table's indexes are its owner's code.  They run as the owner
 * in a security-restricted operation, as REINDEX has them, whoever called.
 *
 * New versions of rows can move behind a pass.  Therefore a run ends only when
 * a look at all rows under one snapshot (envelope_scan.c) finds none that is
 * not current.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "capture/rekey.h"
#include "capture/subject_key.h"
#include "types/encrypted_value.h"
#include "util/pgcompat.h"
#include "util/row.h"
#include "util/write_target.h"

/* So many blocks at most in a transaction, changed or not: 64 MB. */
#define BLOCKS_AT_ONCE	8192

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_reencrypt_blocks);

typedef struct Run
{
	Relation	rel;
	Snapshot	snapshot;
	EState	   *estate;
	ResultRelInfo *target;
	TupleTableSlot *old;
	TupleTableSlot *new;
	CsecEnvelopeColumn *columns;
	int			ncolumns;
	const CsecTable *policy;	/* where its customers have keys, else NULL */
	CsecCustomer known;
	CsecCustomer *customer;		/* of the row at hand; NULL: of nobody */
	int64		scanned;
	int64		changed;
	int64		skipped;
	uint64		renewed;		/* values of the row at hand */
	uint64		values;
} Run;

static void
open_target(Run *run)
{
	Bitmapset  *updated = NULL;

	for (int i = 0; i < run->ncolumns; i++)
		updated = bms_add_member(updated, run->columns[i].attno -
								 FirstLowInvalidHeapAttributeNumber);
	run->estate = CreateExecutorState();
	run->target = csec_write_target(run->estate, run->rel, AccessShareLock, updated, false);
}

static bool
visit_current(const CsecEnvelope *envelope, void *arg)
{
	return csec_envelope_is_current(envelope, ((Run *) arg)->customer);
}

static bool
row_current(Run *run)
{
	for (int i = 0; i < run->ncolumns; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(run->old, run->columns[i].attno, &isnull);

		if (!isnull && !csec_envelope_visit(&run->columns[i], value, visit_current, run))
			return false;
	}
	return true;
}

static Datum
renew(Datum value, const CsecEnvelope *envelope, void *arg)
{
	Run		   *run = arg;

	if (csec_envelope_is_current(envelope, run->customer))
		return value;
	run->renewed++;
	return PointerGetDatum(csec_envelope_renew(envelope, run->customer));
}

/* The row with its values renewed, in run->new; run->renewed is how many were. */
static void
renew_row(Run *run)
{
	int			natts = RelationGetDescr(run->rel)->natts;

	run->renewed = 0;

	slot_getallattrs(run->old);
	ExecClearTuple(run->new);
	memcpy(run->new->tts_values, run->old->tts_values, natts * sizeof(Datum));
	memcpy(run->new->tts_isnull, run->old->tts_isnull, natts * sizeof(bool));
	for (int i = 0; i < run->ncolumns; i++)
	{
		int			at = run->columns[i].attno - 1;

		if (!run->new->tts_isnull[at])
			run->new->tts_values[at] = csec_envelope_mapped(&run->columns[i],
															run->new->tts_values[at], renew, run);
	}
	ExecStoreVirtualTuple(run->new);
}

/* Store run->new in the place of run->old; false: somebody else has the row. */
static bool
replace_row(Run *run)
{
	TM_FailureData failure;
	LockTupleMode lockmode;
	TU_UpdateIndexes update_indexes;

	run->new->tts_tableOid = RelationGetRelid(run->rel);
	if (table_tuple_update(run->rel, &run->old->tts_tid, run->new, run->estate->es_output_cid,
						   run->snapshot, InvalidSnapshot, false, &failure,
						   &lockmode, &update_indexes) != TM_Ok)
		return false;
	if (run->target->ri_NumIndices > 0 && update_indexes != TU_None)
		list_free(csec_insert_index_tuples(run->target, run->new, run->estate, true, false, NULL,
										   update_indexes == TU_Summarizing));
	return true;
}

static void
look_at_row(Run *run)
{
	run->scanned++;
	run->customer = NULL;
	if (run->policy != NULL && csec_row_customer(run->policy, run->old, &run->known))
		run->customer = &run->known;
	if (row_current(run))
		return;
	renew_row(run);
	if (replace_row(run))
	{
		run->changed++;
		run->values += run->renewed;
	}
	else
		run->skipped++;
}

/*
 * Look at the rows of blocks from..to, until enough have changed at the end of
 * a block; gives the block to go on with.
 */
static BlockNumber
look_at_blocks(Run *run, BlockNumber from, BlockNumber to, int batch)
{
	BlockNumber end = Min((uint64) to, (uint64) from + BLOCKS_AT_ONCE);
	BlockNumber block = from;
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;

	if (from >= end)
		return to;
	ItemPointerSet(&first, from, FirstOffsetNumber);
	ItemPointerSet(&last, end - 1, MaxOffsetNumber);
	scan = table_beginscan_tidrange(run->rel, run->snapshot, &first, &last);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, run->old))
	{
		MemoryContext outer = MemoryContextSwitchTo(GetPerTupleMemoryContext(run->estate));

		CHECK_FOR_INTERRUPTS();
		block = ItemPointerGetBlockNumber(&run->old->tts_tid);
		if (block != from && run->changed >= batch)
			end = block;
		else
		{
			from = block;
			look_at_row(run);
		}
		MemoryContextSwitchTo(outer);
		ResetPerTupleExprContext(run->estate);
		if (end == block)
			break;
	}
	table_endscan(scan);
	return end;
}

/* The same, as the owner of the table; after an error the end of the (sub)transaction sets the user right. */
static BlockNumber
renew_blocks(Run *run, BlockNumber from, BlockNumber to, int batch)
{
	BlockNumber next;
	Oid			caller;
	int			context;
	int			settings = NewGUCNestLevel();

	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(run->rel->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	run->snapshot = RegisterSnapshot(GetLatestSnapshot());
	run->old = table_slot_create(run->rel, NULL);
	run->new = table_slot_create(run->rel, NULL);
	open_target(run);
	next = look_at_blocks(run, from, to, batch);
	ExecCloseIndices(run->target);
	ExecDropSingleTupleTableSlot(run->old);
	ExecDropSingleTupleTableSlot(run->new);
	FreeExecutorState(run->estate);
	UnregisterSnapshot(run->snapshot);
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(caller, context);
	return next;
}

static Relation
open_table(Oid relid)
{
	Relation	rel = table_open(relid, RowExclusiveLock);

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" does not store rows", RelationGetRelationName(rel))));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a temporary table of another session", RelationGetRelationName(rel))));

	/* where updates are published, rows must be told apart: as UPDATE asks */
	if (rel->rd_rel->relkind == RELKIND_RELATION)
		CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	return rel;
}

static Datum
result_row(FunctionCallInfo fcinfo, const Run *run, BlockNumber next)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = Int64GetDatum(next);
	values[1] = Int64GetDatum(run->scanned);
	values[2] = Int64GetDatum(run->changed);
	values[3] = Int64GetDatum((int64) run->values);
	values[4] = Int64GetDatum(run->skipped);
	return csec_row(fcinfo, values, nulls);
}

/*
 * csec.reencrypt_blocks(tab, first_block, end_block, batch, OUT next_block,
 * OUT scanned, OUT changed, OUT "values", OUT skipped)
 *		Renew what is not current in a range of blocks, which ends before
 *		end_block, until "batch" rows have changed.
 */
Datum
csec_reencrypt_blocks(PG_FUNCTION_ARGS)
{
	Run			run = {.rel = open_table(PG_GETARG_OID(0))};
	BlockNumber from = (BlockNumber) Max(PG_GETARG_INT64(1), 0);
	BlockNumber to = (BlockNumber) Min(PG_GETARG_INT64(2), (int64) RelationGetNumberOfBlocks(run.rel));
	BlockNumber next = (BlockNumber) PG_GETARG_INT64(2);

	run.policy = csec_table_lookup(RelationGetRelid(run.rel));
	if (run.policy != NULL && !run.policy->subject_keys)
		run.policy = NULL;
	run.columns = csec_envelope_columns(RelationGetDescr(run.rel), &run.ncolumns);
	if (run.ncolumns > 0 && from < to)
	{
		next = renew_blocks(&run, from, to, PG_GETARG_INT32(3));
		if (next == to)
			next = (BlockNumber) Max((int64) to, PG_GETARG_INT64(2));
	}
	table_close(run.rel, NoLock);
	return result_row(fcinfo, &run, next);
}
