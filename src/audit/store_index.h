/*
 * store_index.h
 *		Puts the rows of a batch into the indexes of a partition.
 */
#ifndef CSEC_AUDIT_STORE_INDEX_H
#define CSEC_AUDIT_STORE_INDEX_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

/* By what a row is found; its time is that of the batch. */
typedef struct CsecRowKey
{
	int64		subject;
	int64		seq;
	text	   *login;			/* or NULL */
	Oid			relid;
	int			slot;			/* which of the batch */
	ItemPointerData tid;
	bool		has_subject;	/* else null */
	bool		has_relid;
	bool		is_special;		/* may be in a partial index of csec's */
} CsecRowKey;

typedef struct CsecRowIndexes CsecRowIndexes;

extern CsecRowIndexes *csec_row_indexes_open(Relation leaf, bool is_log);

/* The rows have been stored; keys come back in another order. */
extern void csec_row_indexes_fill(CsecRowIndexes *indexes, TupleTableSlot **slots,
								  CsecRowKey *keys, int count, TimestampTz at,
								  EState *estate);
extern void csec_row_indexes_close(CsecRowIndexes *indexes);

#endif							/* CSEC_AUDIT_STORE_INDEX_H */
