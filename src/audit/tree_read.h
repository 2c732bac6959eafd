/*
 * tree_read.h
 *		Reads the tree over the trail's records from csec_trail.tree_tile.
 */
#ifndef CSEC_AUDIT_TREE_READ_H
#define CSEC_AUDIT_TREE_READ_H

#include "postgres.h"

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "audit/merkle.h"

/* Columns of csec_trail.tree_tile. */
enum
{
	CSEC_TILE_LEVEL = 1,
	CSEC_TILE_NUMBER,
	CSEC_TILE_ROOT,
	CSEC_TILE_HASHES,
	CSEC_TILE_COLUMNS = CSEC_TILE_HASHES
};

typedef struct CsecTree CsecTree;

/* The tree as of a snapshot; the table is opened with this lock. */
extern CsecTree *csec_tree_open(Snapshot snapshot, LOCKMODE lockmode);
extern void csec_tree_close(CsecTree *tree);
extern Relation csec_tree_rel(CsecTree *tree);

/* Records sealed, as csec_trail.sealer_state has it. */
extern uint64 csec_tree_sealed(Snapshot snapshot);

/* A full tile; false where there is none of this form.  root may be NULL. */
extern bool csec_tree_tile(CsecTree *tree, int level, uint64 number,
						   uint8 *hashes, uint8 *root);

/*
 * The first count hashes of a tile, full or not yet: those of a level come
 * from the roots of the tiles below, those of the lowest from the records.
 * False where one is missing.
 */
extern bool csec_tree_hashes(CsecTree *tree, int level, uint64 number,
							 int count, uint8 *hashes);

/* What csec_tree_root() and the proofs ask: arg is the tree. */
extern bool csec_tree_source(void *arg, int height, uint64_t index, uint8_t *out);

/* Calls back for the place of each tile of a level between two numbers. */
typedef void (*CsecTileCallback) (CsecTree *tree, ItemPointer tid, void *arg);
extern void csec_tree_scan(CsecTree *tree, int level, uint64 from, uint64 to,
						   CsecTileCallback callback, void *arg);

#endif							/* CSEC_AUDIT_TREE_READ_H */
