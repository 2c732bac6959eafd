/*
 * btree_batch.h
 *		Puts many entries into a btree, page by page.
 */
#ifndef CSEC_AUDIT_BTREE_BATCH_H
#define CSEC_AUDIT_BTREE_BATCH_H

#include "postgres.h"

#include "utils/rel.h"

/* What stands in the index of a row. */
typedef struct CsecBtreeEntry
{
	Datum		value[INDEX_MAX_KEYS];
	bool		null[INDEX_MAX_KEYS];
	ItemPointerData tid;
	bool		same;			/* byte for byte the values of the entry before */
} CsecBtreeEntry;

/* Gives entry i; what its values point to stays as long as the batch. */
typedef void (*CsecBtreeSource) (void *arg, int i, CsecBtreeEntry *entry);

typedef struct CsecBtreeBatch CsecBtreeBatch;

/* Of so many entries.  NULL: the index is one that index_insert() must fill. */
extern CsecBtreeBatch *csec_btree_batch_begin(Relation heap, Relation index, int count,
											  CsecBtreeSource source, void *arg);

/*
 * Puts entries in, from this one on, as long as they belong on one page and
 * find room there.  How many were; after 0 the first must go in by
 * index_insert(), which makes room.
 */
extern int	csec_btree_batch_put(CsecBtreeBatch *batch, int from);
extern void csec_btree_batch_end(CsecBtreeBatch *batch);

#endif							/* CSEC_AUDIT_BTREE_BATCH_H */
