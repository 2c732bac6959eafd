/*
 * live_tiles.h
 *		The stored tree: is it the one over the records?                [FE]
 *
 * Proofs are made from csec_trail.tree_tile.  Nothing follows from it for who
 * has the records; but a tile that was altered makes proofs that fail.
 */
#ifndef CSEC_VERIFY_LIVE_TILES_H
#define CSEC_VERIFY_LIVE_TILES_H

#include "audit/merkle.h"
#include "verify/connection.h"
#include "verify/finding.h"

/* A tile as it must be, or all that is kept of it. */
typedef struct CsecTile
{
	uint8_t		root[CSEC_TREE_HASH];
	uint8_t		digest[CSEC_TREE_HASH]; /* SHA-256 of its hashes */
} CsecTile;

/* Full tiles of one level, side by side. */
typedef struct CsecTileRow
{
	int			level;
	uint64_t	first;			/* number of the first */
	int			count;
	int			capacity;
	CsecTile   *tile;
	int			filled;			/* hashes of the tile that is not full yet */
	uint8_t		hashes[CSEC_TILE_SIZE];
} CsecTileRow;

extern void csec_tiles_begin(CsecTileRow *row, int level, uint64_t first);
extern void csec_tiles_free(CsecTileRow *row);

/* The next hash of the level. */
extern void csec_tiles_add(CsecTileRow *row, const uint8_t *hash);

/* Are the stored tiles these?  The finding is of the first record below. */
extern void csec_tiles_compare(PGconn *conn, const CsecTileRow *row, CsecFinding *finding);

/* Compares this row, which begins with tile 0, all levels above it, and the number of all tiles. */
extern void csec_tiles_compare_above(PGconn *conn, const CsecTileRow *row, int64_t records,
									 CsecFinding *finding);

#endif							/* CSEC_VERIFY_LIVE_TILES_H */
