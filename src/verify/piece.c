/*
 * piece.c
 *		A stretch of the trail, checked by itself.                      [FE]
 *
 * The kinds of findings and their order are those of csec.verify_trail().
 */
#include "verify/piece.h"

#include <stdlib.h>
#include <string.h>

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/cut_check.h"
#include "audit/stored.h"
#include "util/bytes.h"
#include "verify/columns_check.h"

void
csec_piece_init(CsecPiece *piece)
{
	memset(piece, 0, sizeof(*piece));
	csec_sessions_init(&piece->sessions);
}

void
csec_piece_free(CsecPiece *piece)
{
	csec_sessions_free(&piece->sessions);
	free(piece->range);
	piece->range = NULL;
	free(piece->told);
	piece->told = NULL;
}

/* ---- the tree ---- */

static void
open_range(CsecPiece *piece, uint64_t begin)
{
	if (piece->ranges == piece->range_capacity)
	{
		piece->range_capacity = piece->range_capacity == 0 ? 4 : piece->range_capacity * 2;
		piece->range = csec_realloc(piece->range,
									(size_t) piece->range_capacity * sizeof(CsecTreeRange));
	}
	csec_range_begin(&piece->range[piece->ranges++], begin);
}

/* The first mark above a size. */
static int
mark_after(CsecMarks marks, uint64_t size)
{
	int			low = 0;
	int			high = marks.count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (marks.size[middle] > size)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
add_to_tree(CsecPiece *piece)
{
	CsecTreeRange *range = &piece->range[piece->ranges - 1];

	csec_range_add(range, piece->hash);
	if (piece->next_mark < piece->marks.count &&
		piece->marks.size[piece->next_mark] == range->end)
	{
		piece->next_mark++;
		open_range(piece, range->end);
	}
}

void
csec_piece_begin(CsecPiece *piece, int64_t first, const uint8_t *before)
{
	piece->first = first;
	piece->last = first - 1;
	piece->records = 0;
	piece->finding.problem = NULL;
	memcpy(piece->before, before, CSEC_HASH_SIZE);
	memcpy(piece->hash, before, CSEC_HASH_SIZE);
	csec_sessions_clear(&piece->sessions);
	piece->ranges = 0;
	piece->told_len = 0;
	if (!piece->with_tree)
		return;
	open_range(piece, (uint64_t) first - 1);
	piece->next_mark = mark_after(piece->marks, (uint64_t) first - 1);
}

/* ---- a row ---- */

static bool
is_hash(CsecDatum datum, const uint8_t *hash)
{
	return datum.data != NULL && datum.len == CSEC_HASH_SIZE &&
		memcmp(datum.data, hash, CSEC_HASH_SIZE) == 0;
}

/* Is the row where a row must be?  What else stands there? */
static void
check_place(CsecPiece *piece, const CsecRow *row)
{
	int64_t		expected = piece->last + 1;

	if (row->seq == expected)
		return;
	if (row->seq > expected)
		csec_find(&piece->finding, "missing", expected,
				  "there are no records %lld to %lld", (long long) expected,
				  (long long) (row->seq - 1));
	else if (piece->records > 0 && row->seq == piece->last &&
			 is_hash(row->hash, piece->hash))
		csec_find(&piece->finding, "duplicated", row->seq, "the record is there twice");
	else
		csec_find(&piece->finding, "inserted", row->seq,
				  "more than one record claims this number");
}

static void
check_hash(CsecPiece *piece, const CsecRow *row)
{
	const uint8_t *bytes = row->record.data;
	size_t		len = row->record.len;
	uint8_t		hash[CSEC_HASH_SIZE];

	if (!csec_chain_hash(piece->hash, bytes, len, hash))
		csec_fail("could not compute a hash");
	if (!is_hash(row->hash, hash))
		csec_find(&piece->finding, "altered", row->seq,
				  "the hash is not that of this record behind record %lld",
				  (long long) (row->seq - 1));
	memcpy(piece->hash, hash, CSEC_HASH_SIZE);
}

static void
check_columns(CsecPiece *piece, const CsecRow *row, const CsecHeader *header,
			  const CsecBody *body)
{
	CsecColumns columns;
	const char *column;

	if (!csec_columns_derive(body, &columns))
		csec_fail("could not compute a hash");
	column = csec_differing_column(row, header, &columns, piece->encoding);
	if (column != NULL)
		csec_find(&piece->finding, "column_differs", row->seq,
				  "column %s is not what the record says", column);
	else if (piece->sums != NULL)
		csec_sums_expect(piece->sums, row->seq, header->sealed_at, &columns);
}

/* Few: kept for when the pieces are joined in order. */
static void
keep_record(CsecPiece *piece, const CsecRow *row)
{
	piece->told = csec_realloc(piece->told, piece->told_len + row->record.len);
	memcpy(piece->told + piece->told_len, row->record.data, row->record.len);
	piece->told_len += row->record.len;
}

static void
check_content(CsecPiece *piece, const CsecRow *row)
{
	const uint8_t *bytes = row->record.data;
	CsecHeader	header;
	CsecBody	body;
	uint8_t		key[CSEC_ED25519_PUBLIC];

	if (!csec_header_get(bytes, row->record.len, &header) ||
		!csec_body_get(bytes + CSEC_HEADER_SIZE, header.body_len, &body) ||
		header.kind != body.kind)
	{
		csec_find(&piece->finding, "malformed", row->seq,
				  "the record is not in the format of this version");
		return;
	}
	if (piece->records == 1)
		piece->first_sealed_at = header.sealed_at;
	piece->sealed_at = header.sealed_at;
	if (row->has_columns)
		check_columns(piece, row, &header, &body);
	if (csec_body_says(&body, CSEC_KIND_SERVER, CSEC_NOTE_HEAD))
		csec_find(&piece->finding, "head_forged", row->seq,
				  "when the sealer started here, the head did not carry this server's MAC: records before may have been cut off or replaced, or the root key was another one");
	if (csec_cut_concerns(&body) || csec_body_names_key(&body, key))
		keep_record(piece, row);
	if (piece->finding.problem == NULL)
		csec_sessions_add(&piece->sessions, &header, &body, &piece->finding);
}

void
csec_piece_row(CsecPiece *piece, const CsecRow *row)
{
	int64_t		sealed_as;

	if (piece->finding.problem != NULL)
		return;
	check_place(piece, row);
	if (piece->finding.problem != NULL)
		return;
	piece->last = row->seq;
	piece->records++;
	sealed_as = row->problem != NULL ? row->sealed_as :
		csec_stored_seq(row->record.data, row->record.len, row->seq);
	if (sealed_as != row->seq)
	{
		csec_find(&piece->finding, "reordered", row->seq,
				  "the record under this number was sealed as %lld",
				  (long long) sealed_as);
		return;
	}
	if (row->problem != NULL)
	{
		csec_find(&piece->finding, "altered", row->seq,
				  "the record cannot be put together: %s", row->problem);
		return;
	}
	if (row->record.data == NULL || row->hash.data == NULL)
	{
		csec_find(&piece->finding, "altered", row->seq, "the record or its hash is null");
		return;
	}
	check_hash(piece, row);
	if (piece->finding.problem == NULL)
		check_content(piece, row);
	if (piece->finding.problem == NULL && piece->with_tree)
		add_to_tree(piece);
}
