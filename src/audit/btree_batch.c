/*
 * btree_batch.c
 *		Puts many entries into a btree, page by page.
 *
 * PostgreSQL inserts entries one by one: each descends from the root and has
 * a record of its own in the WAL.  The sealer has thousands at a time, most
 * of them next to each other.  So here one descent serves all that belong on
 * the page it leads to; they go to the WAL together where they are many; and
 * rows of the same values become one entry with a list of rows at once, and
 * not when the page is full.
 *
 * What is written is what PostgreSQL could have written: plain entries and
 * lists, in order, and never more than the page has room for.  All that alters
 * the shape of the tree (splits, merging, a new root) is left to
 * index_insert().  The order in which entries come is not trusted: one that
 * does not belong right behind the one before ends the page's turn.
 */
#include "audit/btree_batch.h"

#include "access/generic_xlog.h"
#include "access/nbtree.h"
#include "access/nbtxlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_am_d.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

#include "util/pgcompat.h"

/*
 * From so many entries on a page is logged as a whole: what has changed in
 * it is looked for byte by byte, which costs as much as a few records.
 */
#define MANY 8

/* A list of rows is no longer than PostgreSQL's own: half of what an entry may have. */
#define LIST_SIZE(page) (csec_bt_max_item(page) / 2)
#define LIST_ROWS (BLCKSZ / 6 / sizeof(ItemPointerData))

struct CsecBtreeBatch
{
	Relation	heap;
	Relation	index;
	CsecBtreeSource source;
	void	   *arg;
	int			count;
	bool		makes_lists;
	BTScanInsert key;			/* of the entry at hand */
	CsecBtreeEntry entry;
	MemoryContext memory;		/* for what a page gets */
};

CsecBtreeBatch *
csec_btree_batch_begin(Relation heap, Relation index, int count,
					   CsecBtreeSource source, void *arg)
{
	CsecBtreeBatch *batch;

	if (index->rd_rel->relam != BTREE_AM_OID || index->rd_index->indisunique ||
		index->rd_index->indnatts != index->rd_index->indnkeyatts)
		return NULL;
	batch = palloc(sizeof(CsecBtreeBatch));
	batch->heap = heap;
	batch->index = index;
	batch->source = source;
	batch->arg = arg;
	batch->count = count;
	batch->key = _bt_mkscankey(index, NULL);
	batch->key->keysz = index->rd_index->indnkeyatts;
	_bt_metaversion(index, &batch->key->heapkeyspace, &batch->key->allequalimage);
	if (!batch->key->heapkeyspace)
	{
		pfree(batch->key);
		pfree(batch);
		return NULL;
	}
	batch->makes_lists = batch->key->allequalimage && BTGetDeduplicateItems(index);
	batch->memory = AllocSetContextCreate(CurrentMemoryContext, "csec btree entries",
										  ALLOCSET_DEFAULT_SIZES);
	return batch;
}

void
csec_btree_batch_end(CsecBtreeBatch *batch)
{
	MemoryContextDelete(batch->memory);
	pfree(batch->key);
	pfree(batch);
}

static void
aim(CsecBtreeBatch *batch, int i)
{
	batch->source(batch->arg, i, &batch->entry);
	for (int k = 0; k < batch->key->keysz; k++)
	{
		ScanKey		key = &batch->key->scankeys[k];

		key->sk_argument = batch->entry.value[k];
		if (batch->entry.null[k])
			key->sk_flags |= SK_ISNULL;
		else
			key->sk_flags &= ~SK_ISNULL;
	}
	batch->key->scantid = &batch->entry.tid;
}

static bool
is_at_home(CsecBtreeBatch *batch, Page page)
{
	return P_RIGHTMOST(BTPageGetOpaque(page)) ||
		_bt_compare(batch->index, batch->key, page, P_HIKEY) <= 0;
}

/*
 * Where the entry at hand belongs, at this offset or behind it; invalid where
 * its row is in the index already, or between those of a list.
 */
static OffsetNumber
place(CsecBtreeBatch *batch, Page page, OffsetNumber low)
{
	OffsetNumber high = OffsetNumberNext(PageGetMaxOffsetNumber(page));
	OffsetNumber probe = low;	/* most come right behind the one before */

	while (low < high)
	{
		int32		order = _bt_compare(batch->index, batch->key, page, probe);

		if (order == 0)
			return InvalidOffsetNumber;
		if (order > 0)
			low = OffsetNumberNext(probe);
		else
			high = probe;
		probe = low + (high - low) / 2;
	}
	return low;
}

/* A list up to this row: does all of it belong before what stands at the offset? */
static bool
list_fits(CsecBtreeBatch *batch, Page page, OffsetNumber offset, ItemPointer last)
{
	bool		fits;

	batch->key->scantid = last;
	fits = is_at_home(batch, page) &&
		(offset > PageGetMaxOffsetNumber(page) ||
		 _bt_compare(batch->index, batch->key, page, offset) < 0);
	batch->key->scantid = &batch->entry.tid;
	return fits;
}

/*
 * What goes to that offset: the entry at hand, with the rows of the entries
 * behind it that have the same values.  NULL: there is no room.
 */
static IndexTuple
form(CsecBtreeBatch *batch, Page page, OffsetNumber offset, int i, int *rows)
{
	IndexTuple	tuple = index_form_tuple(RelationGetDescr(batch->index),
										 batch->entry.value, batch->entry.null);
	Size		room = PageGetFreeSpace(page);
	int			most;
	ItemPointerData tid[LIST_ROWS];
	CsecBtreeEntry next;

	if (IndexTupleSize(tuple) > room)
		return NULL;
	*rows = 1;
	tuple->t_tid = tid[0] = batch->entry.tid;
	room = MAXALIGN_DOWN(Min(room, LIST_SIZE(page)));
	if (!batch->makes_lists || IndexTupleSize(tuple) >= room)
		return tuple;
	most = Min((room - IndexTupleSize(tuple)) / sizeof(ItemPointerData), LIST_ROWS);
	while (*rows < most && i + *rows < batch->count)
	{
		batch->source(batch->arg, i + *rows, &next);
		if (!next.same || ItemPointerCompare(&next.tid, &tid[*rows - 1]) <= 0)
			break;
		tid[(*rows)++] = next.tid;
	}
	if (*rows > 1 && !list_fits(batch, page, offset, &tid[*rows - 1]))
		*rows = 1;
	return *rows > 1 ? _bt_form_posting(tuple, tid, *rows) : tuple;
}

static void
add(Page page, IndexTuple tuple, OffsetNumber offset, int elevel)
{
	if (PageAddItem(page, (Item) tuple, IndexTupleSize(tuple), offset,
					false, false) == InvalidOffsetNumber)
		elog(elevel, "could not add an entry to a page of an index");
}

/* With a record in the WAL as PostgreSQL writes it for an entry. */
static void
add_logged(CsecBtreeBatch *batch, Buffer buffer, IndexTuple tuple, OffsetNumber offset)
{
	Page		page = BufferGetPage(buffer);
	xl_btree_insert record = {.offnum = offset};
	XLogRecPtr	lsn;

	START_CRIT_SECTION();
	add(page, tuple, offset, PANIC);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(batch->index))
	{
		XLogBeginInsert();
		XLogRegisterData((char *) &record, SizeOfBtreeInsert);
		XLogRegisterBuffer(0, buffer, REGBUF_STANDARD);
		XLogRegisterBufData(0, (char *) tuple, IndexTupleSize(tuple));
		lsn = XLogInsert(RM_BTREE_ID, XLOG_BTREE_INSERT_LEAF);
		PageSetLSN(page, lsn);
	}
	END_CRIT_SECTION();
}

static bool
comes_behind(CsecBtreeBatch *batch, Page page, OffsetNumber offset)
{
	return _bt_compare(batch->index, batch->key, page, offset) > 0;
}

/* On the page of a buffer or, where copy is not NULL, on that copy of it. */
static int
put_on_page(CsecBtreeBatch *batch, Buffer buffer, Page copy, int from)
{
	Page		page = copy != NULL ? copy : BufferGetPage(buffer);
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	int			i = from;
	int			rows;

	for (; i < batch->count; i += rows)
	{
		IndexTuple	tuple;

		aim(batch, i);
		if (!is_at_home(batch, page) ||
			(i > from && !comes_behind(batch, page, OffsetNumberPrev(low))))
			break;
		low = place(batch, page, low);
		if (low == InvalidOffsetNumber)
			break;
		tuple = form(batch, page, low, i, &rows);
		if (tuple == NULL)
			break;
		if (copy != NULL)
			add(copy, tuple, low, ERROR);
		else
			add_logged(batch, buffer, tuple, low);
		low = OffsetNumberNext(low);
	}
	return i - from;
}

static int
put_together(CsecBtreeBatch *batch, Buffer buffer, int from)
{
	GenericXLogState *state = GenericXLogStart(batch->index);
	Page		copy = GenericXLogRegisterBuffer(state, buffer, 0);
	int			put = put_on_page(batch, buffer, copy, from);

	if (put > 0)
		GenericXLogFinish(state);
	else
		GenericXLogAbort(state);
	return put;
}

static bool
many_belong_on(CsecBtreeBatch *batch, Page page, int from)
{
	if (batch->count - from < MANY)
		return false;
	aim(batch, from + MANY - 1);
	return is_at_home(batch, page);
}

int
csec_btree_batch_put(CsecBtreeBatch *batch, int from)
{
	MemoryContext old;
	Buffer		buffer;
	Page		page;
	int			put = 0;

	old = MemoryContextSwitchTo(batch->memory);
	aim(batch, from);
	_bt_freestack(csec_bt_search(batch->index, batch->heap, batch->key, &buffer));
	page = BufferGetPage(buffer);
	if (!P_INCOMPLETE_SPLIT(BTPageGetOpaque(page)))
	{
		CheckForSerializableConflictIn(batch->index, NULL, BufferGetBlockNumber(buffer));
		put = many_belong_on(batch, page, from) ?
			put_together(batch, buffer, from) :
			put_on_page(batch, buffer, NULL, from);
	}
	_bt_relbuf(batch->index, buffer);
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->memory);
	return put;
}
