/*
 * outcome.c
 *		How the transactions of sealed changes end.
 *
 * A change's record is written before its transaction ends.  When the end
 * stands in the same batch, the record's header tells it; otherwise the
 * header says open (or prepared) and an outcome record follows, one for each
 * transaction id that records have named.  One that is prepared after its
 * record was sealed as open has an outcome record that says so before, as it
 * may stay prepared for ever.
 *
 * The ids in records may be those of subtransactions.  The commit record of a
 * top transaction lists the subtransactions that survived; one rolled back
 * has its own abort record.  A crash writes no abort records: the checkpoint
 * that ends recovery (or END_OF_RECOVERY) says that whatever was not prepared
 * is aborted.
 *
 * A transaction may have more subtransactions than a batch has room for.
 * What is settled is no longer open, so the WAL record that ends them is read
 * again for each batch, until nothing that it ends is left: then a crash in
 * between, after which it is read again as well, tells none twice.
 *
 * What is still open after a gap, and what a message written by a transaction
 * that had ended already may have opened by mistake, is settled by asking the
 * commit log.
 */
#include "sealer/outcome.h"

#include "access/heapam_xlog.h"
#include "access/rmgr.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "sealer/note.h"
#include "sealer/rowset.h"
#include "sealer/wal_reader.h"
#include "util/pgcompat.h"

typedef struct OpenXact
{
	TransactionId xid;
	bool		prepared;
	bool		told;			/* sealed as open: an outcome has to follow */
	bool		dirty;			/* its row does not say so */
	bool		gone;			/* was not running at the last asking */
	int			last_item;		/* in the batch at hand, or -1 */
	ItemPointerData tid;
} OpenXact;

enum
{
	OPEN_XID,
	OPEN_PREPARED,
	OPEN_COLUMNS
};

static HTAB *open_xacts = NULL;

/* Rows of transactions that have ended, to be removed with the batch. */
static ItemPointerData *ended = NULL;
static int	ended_count = 0;
static int	ended_capacity = 0;

static void
read_row(Datum *values, ItemPointer tid, void *arg)
{
	TransactionId xid = (TransactionId) DatumGetInt64(values[OPEN_XID]);
	OpenXact   *xact = hash_search(open_xacts, &xid, HASH_ENTER, NULL);

	xact->prepared = DatumGetBool(values[OPEN_PREPARED]);
	xact->told = true;
	xact->dirty = false;
	xact->gone = false;
	xact->last_item = -1;
	xact->tid = *tid;
}

static void
delete_row(Datum *values, ItemPointer tid, void *arg)
{
	csec_row_delete((Relation) arg, tid);
}

/*
 * Read what is open.  In a copied trail (ours is false) it stays open for
 * ever: the transactions belong to another database.
 */
void
csec_outcomes_load(bool ours)
{
	Relation	rel = csec_trail_table("sealer_open");
	HASHCTL		info = {
		.keysize = sizeof(TransactionId),
		.entrysize = sizeof(OpenXact),
		.hcxt = TopMemoryContext
	};

	open_xacts = hash_create("csec open transactions", 64, &info,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	csec_rows_scan(rel, ours ? read_row : delete_row, rel);
	table_close(rel, NoLock);
}

bool
csec_outcomes_pending(void)
{
	return hash_get_num_entries(open_xacts) > 0;
}

void
csec_outcome_expect(CsecBatch *batch, int item, TransactionId xid)
{
	bool		found;
	OpenXact   *xact = hash_search(open_xacts, &xid, HASH_ENTER, &found);

	if (!found)
	{
		xact->prepared = false;
		xact->told = false;
		xact->dirty = false;
		xact->last_item = -1;
		ItemPointerSetInvalid(&xact->tid);
	}
	xact->gone = false;
	batch->item[item].outcome = CSEC_OUTCOME_OPEN;
	batch->item[item].same_xact = xact->last_item;
	xact->last_item = item;
}

/* The row goes when the batch is stored. */
static void
remove_row_later(ItemPointer tid)
{
	if (!ItemPointerIsValid(tid))
		return;
	if (ended_count == ended_capacity)
	{
		ended_capacity = Max(64, 2 * ended_capacity);
		ended = ended == NULL ?
			MemoryContextAlloc(TopMemoryContext, ended_capacity * sizeof(*ended)) :
			repalloc(ended, ended_capacity * sizeof(*ended));
	}
	ended[ended_count++] = *tid;
}

static void
forget(OpenXact *xact)
{
	remove_row_later(&xact->tid);
	hash_search(open_xacts, &xact->xid, HASH_REMOVE, NULL);
}

/* False: there is no room in the batch for the outcome record that has to follow. */
static bool
settle(CsecBatch *batch, XLogRecPtr lsn, OpenXact *xact, CsecOutcome outcome)
{
	if (xact->told && csec_batch_full(batch))
		return false;
	for (int i = xact->last_item; i >= 0; i = batch->item[i].same_xact)
		batch->item[i].outcome = outcome;
	if (xact->told)
		csec_note_outcome(batch, lsn, xact->xid, outcome);
	forget(xact);
	return true;
}

static bool
settle_xid(CsecBatch *batch, XLogRecPtr lsn, TransactionId xid,
		   CsecOutcome outcome)
{
	OpenXact   *xact = hash_search(open_xacts, &xid, HASH_FIND, NULL);

	return xact == NULL || settle(batch, lsn, xact, outcome);
}

static bool
settle_tree(CsecBatch *batch, XLogRecPtr lsn, TransactionId xid,
			int nsubxacts, const TransactionId *subxacts, CsecOutcome outcome)
{
	bool		room = settle_xid(batch, lsn, xid, outcome);

	for (int i = 0; room && i < nsubxacts; i++)
		room = settle_xid(batch, lsn, subxacts[i], outcome);
	return room;
}

static bool
prepare_xid(CsecBatch *batch, XLogRecPtr lsn, TransactionId xid)
{
	OpenXact   *xact = hash_search(open_xacts, &xid, HASH_FIND, NULL);

	if (xact == NULL || xact->prepared)
		return true;
	if (xact->told && csec_batch_full(batch))
		return false;
	xact->prepared = true;
	xact->dirty = true;
	if (xact->told)
		csec_note_outcome(batch, lsn, xid, CSEC_OUTCOME_PREPARED);
	return true;
}

static bool
prepare_tree(CsecBatch *batch, XLogRecPtr lsn, const xl_xact_parsed_prepare *parsed)
{
	bool		room = prepare_xid(batch, lsn, parsed->twophase_xid);

	for (int i = 0; room && i < parsed->nsubxacts; i++)
		room = prepare_xid(batch, lsn, parsed->subxacts[i]);
	return room;
}

static bool
abort_unprepared(CsecBatch *batch, XLogRecPtr lsn)
{
	HASH_SEQ_STATUS status;
	OpenXact   *xact;

	hash_seq_init(&status, open_xacts);
	while ((xact = hash_seq_search(&status)) != NULL)
		if (!xact->prepared && !settle(batch, lsn, xact, CSEC_OUTCOME_ABORTED))
		{
			hash_seq_term(&status);
			return false;
		}
	return true;
}

static bool
observe_xact(CsecBatch *batch, XLogReaderState *xlog)
{
	uint8		info = XLogRecGetInfo(xlog);
	char	   *data = XLogRecGetData(xlog);
	XLogRecPtr	lsn = xlog->EndRecPtr;

	switch (info & XLOG_XACT_OPMASK)
	{
		case XLOG_XACT_COMMIT:
		case XLOG_XACT_COMMIT_PREPARED:
			{
				xl_xact_parsed_commit parsed;

				ParseCommitRecord(info, (xl_xact_commit *) data, &parsed);
				return settle_tree(batch, lsn,
								   TransactionIdIsValid(parsed.twophase_xid) ?
								   parsed.twophase_xid : XLogRecGetXid(xlog),
								   parsed.nsubxacts, parsed.subxacts,
								   CSEC_OUTCOME_COMMITTED);
			}
		case XLOG_XACT_ABORT:
		case XLOG_XACT_ABORT_PREPARED:
			{
				xl_xact_parsed_abort parsed;

				ParseAbortRecord(info, (xl_xact_abort *) data, &parsed);
				return settle_tree(batch, lsn,
								   TransactionIdIsValid(parsed.twophase_xid) ?
								   parsed.twophase_xid : XLogRecGetXid(xlog),
								   parsed.nsubxacts, parsed.subxacts,
								   CSEC_OUTCOME_ABORTED);
			}
		case XLOG_XACT_PREPARE:
			{
				xl_xact_parsed_prepare parsed;

				ParsePrepareRecord(info, (xl_xact_prepare *) data, &parsed);
				return prepare_tree(batch, lsn, &parsed);
			}
		default:
			return true;
	}
}

bool
csec_outcome_observe(CsecBatch *batch, XLogReaderState *xlog)
{
	if (!csec_outcomes_pending())
		return true;
	if (XLogRecGetRmid(xlog) == RM_XACT_ID)
		return observe_xact(batch, xlog);
	if (csec_wal_server_began(xlog))
		return abort_unprepared(batch, xlog->EndRecPtr);
	return true;
}

/* False where the commit log no longer reaches back to xid. */
static bool
commit_log_knows(TransactionId xid)
{
	TransactionId oldest;

	LWLockAcquire(XactTruncationLock, LW_SHARED);
	oldest = TransamVariables->oldestClogXid;
	LWLockRelease(XactTruncationLock);
	return !TransactionIdPrecedes(xid, oldest);
}

void
csec_outcomes_ask(CsecBatch *batch, XLogRecPtr lsn)
{
	HASH_SEQ_STATUS status;
	OpenXact   *xact;

	hash_seq_init(&status, open_xacts);
	while ((xact = hash_seq_search(&status)) != NULL)
	{
		if (!commit_log_knows(xact->xid))
			forget(xact);		/* nobody can tell: it stays open */
		else if (TransactionIdIsInProgress(xact->xid))
			xact->gone = false;
		else if (!xact->gone)
			xact->gone = true;
		else if (!settle(batch, lsn, xact, TransactionIdDidCommit(xact->xid) ?
						 CSEC_OUTCOME_COMMITTED : CSEC_OUTCOME_ABORTED))
		{
			hash_seq_term(&status);
			break;				/* the others at the next asking */
		}
	}
}

static void
store_row(Relation rel, OpenXact *xact)
{
	Datum		values[OPEN_COLUMNS];

	values[OPEN_XID] = Int64GetDatum((int64) xact->xid);
	values[OPEN_PREPARED] = BoolGetDatum(xact->prepared);
	csec_row_put(rel, &xact->tid, values);
	xact->dirty = false;
}

void
csec_outcomes_store(CsecBatch *batch)
{
	Relation	rel;
	HASH_SEQ_STATUS status;
	OpenXact   *xact;

	if (ended_count == 0 && !csec_outcomes_pending())
		return;
	rel = csec_trail_table("sealer_open");
	while (ended_count > 0)
		csec_row_delete(rel, &ended[--ended_count]);

	hash_seq_init(&status, open_xacts);
	while ((xact = hash_seq_search(&status)) != NULL)
	{
		for (int i = xact->last_item; i >= 0; i = batch->item[i].same_xact)
			batch->item[i].outcome = xact->prepared ?
				CSEC_OUTCOME_PREPARED : CSEC_OUTCOME_OPEN;
		if (xact->last_item >= 0 && !xact->told)
			xact->told = xact->dirty = true;
		xact->last_item = -1;
		if (xact->dirty)
			store_row(rel, xact);
	}
	table_close(rel, NoLock);
}
