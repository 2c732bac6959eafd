/*
 * tree.h
 *		The tree over the trail's records grows with them.
 */
#ifndef CSEC_SEALER_TREE_H
#define CSEC_SEALER_TREE_H

#include "postgres.h"

#include "audit/merkle.h"

/*
 * Read what the tree of so many records ends with; what is missing of it is
 * made from the records, and what is too much removed: true where something
 * was.  Inside a transaction with a snapshot.
 */
extern bool csec_tree_load(uint64 size);

/* One more record; full tiles are stored by csec_tree_store() at the latest. */
extern void csec_tree_add(const uint8 *record_hash);
extern void csec_tree_store(void);

extern void csec_tree_current_root(uint8 *root);

#endif							/* CSEC_SEALER_TREE_H */
