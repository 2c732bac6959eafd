/*
 * live_tiles.c
 *		The stored tree: is it the one over the records?                [FE]
 *
 * The server sends a digest in the place of the 8 kB of a tile: one that would
 * lie about it could as well lie about the tile.
 */
#include "postgres_fe.h"

#include "crypto/hash.h"
#include "verify/live_tiles.h"

void
csec_tiles_begin(CsecTileRow *row, int level, uint64_t first)
{
	row->level = level;
	row->first = first;
	row->count = 0;
	row->filled = 0;
}

void
csec_tiles_free(CsecTileRow *row)
{
	free(row->tile);
	row->tile = NULL;
	row->capacity = 0;
}

void
csec_tiles_add(CsecTileRow *row, const uint8_t *hash)
{
	CsecTile   *tile;

	memcpy(row->hashes + row->filled * CSEC_TREE_HASH, hash, CSEC_TREE_HASH);
	if (++row->filled < CSEC_TILE_WIDTH)
		return;
	row->filled = 0;
	if (row->count == row->capacity)
	{
		row->capacity = row->capacity == 0 ? CSEC_TILE_WIDTH : row->capacity * 2;
		row->tile = csec_realloc(row->tile, (size_t) row->capacity * sizeof(CsecTile));
	}
	tile = &row->tile[row->count++];
	if (!csec_tree_fold(row->hashes, CSEC_TILE_HEIGHT, tile->root) ||
		!csec_sha256(row->hashes, CSEC_TILE_SIZE, tile->digest))
		csec_fail("could not compute a hash");
}

/* The number of the first record below a tile. */
static int64_t
first_record(const CsecTileRow *row, uint64_t tile)
{
	return (int64_t) (tile << (CSEC_TILE_HEIGHT * (row->level + 1))) + 1;
}

static bool
is_tile(const CsecDatum *field, uint64_t number, const CsecTile *tile)
{
	return csec_copy_u64(field[0]) == number &&
		field[1].data != NULL && field[1].len == CSEC_TREE_HASH &&
		memcmp(field[1].data, tile->root, CSEC_TREE_HASH) == 0 &&
		field[2].data != NULL && field[2].len == CSEC_TREE_HASH &&
		memcmp(field[2].data, tile->digest, CSEC_TREE_HASH) == 0;
}

void
csec_tiles_compare(PGconn *conn, const CsecTileRow *row, CsecFinding *finding)
{
	CsecCopy	copy;
	CsecDatum	field[3];
	char		sql[256];
	int			good = 0;
	bool		differs = false;

	snprintf(sql, sizeof(sql),
			 "COPY (SELECT tile, root, sha256(hashes) FROM csec_trail.tree_tile "
			 "WHERE level = %d AND tile >= %lld AND tile < %lld ORDER BY tile) TO STDOUT (FORMAT binary)",
			 row->level, (long long) row->first, (long long) (row->first + (uint64_t) row->count));
	csec_copy_begin(&copy, conn, sql);
	while (csec_copy_next(&copy, field, 3))
		if (!differs && good < row->count &&
			is_tile(field, row->first + (uint64_t) good, &row->tile[good]))
			good++;
		else
			differs = true;
	if (differs || good < row->count)
		csec_find(finding, "tree_differs", first_record(row, row->first + (uint64_t) good),
				  "tile %llu of level %d is not that of the records",
				  (unsigned long long) (row->first + (uint64_t) good), row->level);
}

static void
compare_number(PGconn *conn, int64_t records, CsecFinding *finding)
{
	PGresult   *result = csec_query(conn, "SELECT count(*) FROM csec_trail.tree_tile", 1, 0, NULL);
	int64_t		expected = 0;

	for (int64_t full = records / CSEC_TILE_WIDTH; full > 0; full /= CSEC_TILE_WIDTH)
		expected += full;
	if (csec_result_int64(result, 0, 0) != expected)
		csec_find(finding, "tree_differs", records + 1,
				  "csec_trail.tree_tile has tiles that the tree over %lld records does not have",
				  (long long) records);
	PQclear(result);
}

void
csec_tiles_compare_above(PGconn *conn, const CsecTileRow *row, int64_t records,
						 CsecFinding *finding)
{
	CsecTileRow *above;

	csec_tiles_compare(conn, row, finding);
	if (row->count < CSEC_TILE_WIDTH)
	{
		compare_number(conn, records, finding);
		return;
	}
	above = csec_alloc(sizeof(CsecTileRow));
	csec_tiles_begin(above, row->level + 1, 0);
	for (int i = 0; i < row->count; i++)
		csec_tiles_add(above, row->tile[i].root);
	csec_tiles_compare_above(conn, above, records, finding);
	csec_tiles_free(above);
	free(above);
}
