/*
 * batch.h
 *		The records that will be sealed together.
 */
#ifndef CSEC_SEALER_BATCH_H
#define CSEC_SEALER_BATCH_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "audit/record.h"

/* A batch is full with so many records or so many bytes. */
#define CSEC_BATCH_RECORDS	16384
#define CSEC_BATCH_BYTES	(6 * 1024 * 1024)

typedef struct CsecItem
{
	bytea	   *record;			/* header yet to be written, then the body */
	XLogRecPtr	lsn;			/* end of the WAL record it came with */
	uint8		kind;
	uint8		outcome;
	int			same_xact;		/* the item before it with its xid, or -1 */
	uint8		hash[CSEC_HASH_SIZE];
} CsecItem;

typedef struct CsecBatch
{
	MemoryContext context;		/* what did not fit into the arena */
	CsecItem   *item;
	int			count;
	int			capacity;
	size_t		bytes;
	char	   *arena;
	size_t		arena_used;
} CsecBatch;

extern CsecBatch *csec_batch_create(void);
extern void csec_batch_reset(CsecBatch *batch);
extern bool csec_batch_full(const CsecBatch *batch);

/* Adds a record with the body; gives its number in the batch. */
extern int	csec_batch_add(CsecBatch *batch, uint8 kind, const uint8 *body,
						   size_t len, XLogRecPtr lsn);

#endif							/* CSEC_SEALER_BATCH_H */
