/*
 * batch.c
 *		The records that will be sealed together.
 *
 * Bodies are copied out of the WAL reader's buffer into one arena that is
 * used again for every batch: with palloc, each would be rounded up to the
 * next power of two, and freeing thousands of them costs more than hashing them.
 */
#include "sealer/batch.h"
#include "util/pgcompat.h"

#include "utils/memutils.h"

#define ARENA_SIZE (CSEC_BATCH_BYTES + CSEC_BATCH_RECORDS * 64)

CsecBatch *
csec_batch_create(void)
{
	CsecBatch  *batch = MemoryContextAllocZero(TopMemoryContext, sizeof(CsecBatch));

	batch->context = AllocSetContextCreate(TopMemoryContext, "csec batch",
										   ALLOCSET_DEFAULT_SIZES);
	batch->arena = MemoryContextAlloc(TopMemoryContext, ARENA_SIZE);
	batch->capacity = CSEC_BATCH_RECORDS + 64;
	batch->item = MemoryContextAlloc(TopMemoryContext,
									 batch->capacity * sizeof(CsecItem));
	return batch;
}

void
csec_batch_reset(CsecBatch *batch)
{
	MemoryContextReset(batch->context);
	batch->count = 0;
	batch->bytes = 0;
	batch->arena_used = 0;
}

bool
csec_batch_full(const CsecBatch *batch)
{
	return batch->count >= CSEC_BATCH_RECORDS || batch->bytes >= CSEC_BATCH_BYTES;
}

static void *
allocate(CsecBatch *batch, size_t size)
{
	void	   *p;

	if (size > ARENA_SIZE - batch->arena_used)
		return MemoryContextAlloc(batch->context, size);
	p = batch->arena + batch->arena_used;
	batch->arena_used += Min(MAXALIGN(size), ARENA_SIZE - batch->arena_used);
	return p;
}

int
csec_batch_add(CsecBatch *batch, uint8 kind, const uint8 *body, size_t len,
			   XLogRecPtr lsn)
{
	size_t		size = VARHDRSZ + CSEC_HEADER_SIZE + len;
	CsecItem   *item;

	if (batch->count == batch->capacity)
	{
		batch->capacity *= 2;
		batch->item = repalloc_huge(batch->item,
									(Size) batch->capacity * sizeof(CsecItem));
	}
	item = &batch->item[batch->count];
	item->record = allocate(batch, size);
	SET_VARSIZE(item->record, size);
	memcpy(VARDATA(item->record) + CSEC_HEADER_SIZE, body, len);
	item->lsn = lsn;
	item->kind = kind;
	item->outcome = CSEC_OUTCOME_NONE;
	item->same_xact = -1;
	batch->bytes += size;
	return batch->count++;
}
