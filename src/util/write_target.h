/*
 * write_target.h
 *		What the executor sets up for one table that is written below it.
 */
#ifndef CSEC_UTIL_WRITE_TARGET_H
#define CSEC_UTIL_WRITE_TARGET_H

#include "nodes/execnodes.h"
#include "storage/lockdefs.h"

/*
 * The table with its indexes opened, for ExecInsertIndexTuples(); end it with
 * ExecCloseIndices().  lock: what is held on the table; updated: the columns of
 * an UPDATE, offset as in a range table entry; speculative: an insertion may
 * turn out to conflict.
 */
extern ResultRelInfo *csec_write_target(EState *estate, Relation rel, LOCKMODE lock,
										Bitmapset *updated, bool speculative);

#endif							/* CSEC_UTIL_WRITE_TARGET_H */
