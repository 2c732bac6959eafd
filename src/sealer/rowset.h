/*
 * rowset.h
 *		Rows of the sealer's small tables, kept where the sealer knows them.
 */
#ifndef CSEC_SEALER_ROWSET_H
#define CSEC_SEALER_ROWSET_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/rel.h"

/*
 * One of csec_trail's tables, locked for writing until the transaction ends; an
 * error where its columns are not as csec made them.
 */
extern Relation csec_trail_table(const char *name);
/* The same, but NULL where there is none. */
extern Relation csec_trail_table_if_any(const char *name);

/*
 * An error where a table that is filled as a catalog is has another index than
 * its own, which might be one that cannot be filled without an executor.
 */
extern void csec_trail_check_index(Relation rel);

/* Write a row: a new one where tid is not valid; tid becomes its place. */
extern void csec_row_put(Relation rel, ItemPointer tid, Datum *values);
extern void csec_row_delete(Relation rel, ItemPointer tid);

/* Calls back for each row. */
typedef void (*CsecRowCallback) (Datum *values, ItemPointer tid, void *arg);
extern int	csec_rows_scan(Relation rel, CsecRowCallback callback, void *arg);

#endif							/* CSEC_SEALER_ROWSET_H */
