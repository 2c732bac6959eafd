/*
 * live.c
 *		A trail in a running server.                                    [FE]
 *
 * All connections see the snapshot of the first.  A unit is a range of
 * numbers; the row before it is read too, for its hash.  So that no index can
 * hide a row, the rows are counted without indexes as well.
 */
#include "postgres_fe.h"

#include <pthread.h>

#include "audit/chain.h"
#include "verify/live.h"
#include "verify/live_records.h"
#include "verify/live_tables.h"
#include "verify/live_tiles.h"
#include "verify/since.h"

/* As many as stand below a tile of level 1, and begin where such a tile does. */
#define UNIT_RECORDS 65536

typedef struct Worker
{
	PGconn	   *conn;
	int64_t		first;			/* claimed */
	int64_t		last;
	CsecSubjectSums sums;
	CsecTileRow tiles;
	CsecLiveRecords records;
	struct Worker *next;
} Worker;

typedef struct Live
{
	CsecSource	source;
	CsecServer *server;
	PGconn	   *conn;			/* holds the snapshot */
	char	   *snapshot;
	bool		alone;			/* one worker, on this connection */
	int			encoding;
	const char *since;			/* as asked for, or NULL */
	CsecStart	start;
	int64_t		from;
	CsecAnchor	anchor;
	uint8_t		before[CSEC_HASH_SIZE];
	int64_t		next;			/* number of the next unit */
	CsecFinding tables;
	CsecSubjectSums sums;
	CsecTile   *tile;			/* of level 1, from the first; one for each unit */
	int			tiles;
	CsecFinding tree;			/* of the first tile that differs */
	Worker	   *workers;
	pthread_mutex_t lock;
} Live;

/* ---- workers ---- */

static char *
where_is(PGconn *conn)
{
	char		text[1200];

	snprintf(text, sizeof(text), "%s, port %s", PQhost(conn), PQport(conn));
	return csec_strdup(text);
}

static PGconn *
connect_to_snapshot(void *arg)
{
	Live	   *live = arg;
	PGconn	   *conn = csec_connect(live->server);
	char		sql[256];

	csec_run(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	snprintf(sql, sizeof(sql), "SET TRANSACTION SNAPSHOT '%s'", live->snapshot);
	csec_run(conn, sql);
	/* who waits for the first connection's lock makes this one wait for him */
	csec_run(conn, "SET LOCAL lock_timeout = '30s'");
	return conn;
}

static void *
open_worker(CsecSource *source)
{
	Live	   *live = (Live *) source;
	Worker	   *worker = csec_alloc(sizeof(Worker));

	pthread_mutex_lock(&live->lock);
	worker->next = live->workers;
	live->workers = worker;
	pthread_mutex_unlock(&live->lock);
	/* where there is only one, it needs no connection of its own */
	worker->conn = live->alone ? live->conn : connect_to_snapshot(live);
	csec_live_records_begin(&worker->records, connect_to_snapshot, live);
	csec_sums_fork(&worker->sums, &live->sums);
	return worker;
}

static void
close_worker(CsecSource *source, void *arg)
{
	Live	   *live = (Live *) source;
	Worker	   *worker = arg;

	if (worker->conn != live->conn)
		PQfinish(worker->conn);
	worker->conn = NULL;
	csec_live_records_end(&worker->records);
}

static bool
claim(CsecSource *source, void *arg)
{
	Live	   *live = (Live *) source;
	Worker	   *worker = arg;

	if (live->next > live->source.head.seq && live->next > live->from)
		return false;
	worker->first = live->next;
	worker->last = (worker->first - 1) / UNIT_RECORDS * UNIT_RECORDS + UNIT_RECORDS;
	/* the last unit also has what stands behind the head */
	if (worker->last >= live->source.head.seq)
		worker->last = INT64_MAX;
	live->next = worker->last == INT64_MAX ? INT64_MAX : worker->last + 1;
	return true;
}

/* ... of all that there should be: nothing may stand before it. */
static bool
is_first(const Live *live, const Worker *worker)
{
	return worker->first == live->from && (live->from == 1 || live->source.anchor != NULL);
}

static void
begin_rows(Live *live, const Worker *worker, CsecCopy *copy)
{
	char		sql[512];

	/* the first unit also has what stands before the beginning */
	snprintf(sql, sizeof(sql),
			 "COPY (SELECT seq, at, kind, relid, login, subject, subjects, record, hash "
			 "FROM csec_trail.audit_log WHERE seq >= %lld AND seq <= %lld ORDER BY seq) "
			 "TO STDOUT (FORMAT binary)",
			 is_first(live, worker) ? (long long) INT64_MIN : (long long) (worker->first - 1),
			 (long long) worker->last);
	csec_copy_begin(copy, worker->conn, sql);
}

enum
{
	ROW_SEQ, ROW_AT, ROW_KIND, ROW_RELID, ROW_LOGIN, ROW_SUBJECT, ROW_SUBJECTS,
	ROW_RECORD, ROW_HASH, ROW_COLUMNS
};

static void
fill_row(CsecRow *row, const CsecDatum *field)
{
	row->seq = (int64_t) csec_copy_u64(field[ROW_SEQ]);
	row->record = field[ROW_RECORD];
	row->problem = NULL;
	row->hash = field[ROW_HASH];
	row->has_columns = true;
	row->at = field[ROW_AT];
	row->kind = field[ROW_KIND];
	row->relid = field[ROW_RELID];
	row->login = field[ROW_LOGIN];
	row->subject = field[ROW_SUBJECT];
	row->subjects = field[ROW_SUBJECTS];
}

/* ---- the stored tree ---- */

static void
begin_tiles(Worker *worker)
{
	csec_tiles_begin(&worker->tiles, 0,
					 ((uint64_t) worker->first - 1 + CSEC_TILE_WIDTH - 1) / CSEC_TILE_WIDTH);
}

/* Of a tile that began before the unit not all is known. */
static void
add_to_tiles(Worker *worker, const CsecPiece *piece)
{
	uint8_t		leaf[CSEC_TREE_HASH];

	if (piece->finding.problem != NULL ||
		(uint64_t) piece->last <= worker->tiles.first * CSEC_TILE_WIDTH)
		return;
	if (!csec_tree_leaf(piece->hash, leaf))
		csec_fail("could not compute a hash");
	csec_tiles_add(&worker->tiles, leaf);
}

/* The unit is at its end.  Where its records are wrong, they are told, not tiles. */
static void
compare_tiles(Live *live, Worker *worker, const CsecPiece *piece)
{
	int			unit = (int) ((worker->first - 1) / UNIT_RECORDS);
	CsecTileRow *row = &worker->tiles;
	CsecFinding finding = {0};
	CsecTileRow *above;

	if (piece->finding.problem != NULL)
		return;
	csec_tiles_compare(worker->conn, row, &finding);
	above = csec_alloc(sizeof(CsecTileRow));
	for (int i = 0; i < row->count; i++)
		csec_tiles_add(above, row->tile[i].root);
	pthread_mutex_lock(&live->lock);
	if (finding.problem != NULL &&
		(live->tree.problem == NULL || finding.seq < live->tree.seq))
		live->tree = finding;
	if (above->count > 0 && unit >= live->tiles)
	{
		live->tile = csec_realloc(live->tile, (size_t) (unit + 1) * sizeof(CsecTile));
		live->tiles = unit + 1;
	}
	if (above->count > 0)
		live->tile[unit] = above->tile[0];
	pthread_mutex_unlock(&live->lock);
	csec_tiles_free(above);
	free(above);
}

static void
finish_tiles(Live *live, CsecTrail *trail)
{
	CsecTileRow *row = csec_alloc(sizeof(CsecTileRow));

	row->level = 1;
	row->tile = live->tile;
	row->count = live->tiles;
	if (live->from == 1)
		csec_tiles_compare_above(live->conn, row, trail->last, &live->tree);
	free(row);
	if (live->tree.problem != NULL)
		trail->finding = live->tree;
}

/* ---- units ---- */

static void
check(CsecSource *source, void *arg, CsecPiece *piece)
{
	Live	   *live = (Live *) source;
	Worker	   *worker = arg;
	CsecCopy	copy;
	CsecDatum	field[ROW_COLUMNS];
	CsecRow		row;
	bool		begun = worker->first == live->from;

	piece->encoding = live->encoding;
	piece->sums = &worker->sums;
	csec_piece_begin(piece, worker->first, live->before);
	begin_tiles(worker);
	begin_rows(live, worker, &copy);
	while (csec_copy_next(&copy, field, ROW_COLUMNS))
	{
		fill_row(&row, field);
		if (!is_first(live, worker) && row.seq < worker->first)
		{
			/* the row before: what it is worth, the unit before finds out */
			if (!begun && row.hash.data != NULL && row.hash.len == CSEC_HASH_SIZE)
				csec_piece_begin(piece, worker->first, row.hash.data);
			begun = true;
			continue;
		}
		if (source->head.known && row.seq > source->head.seq &&
			piece->last >= source->head.seq)
			csec_find(&piece->finding, "inserted", source->head.seq + 1,
					  "the trail was sealed up to record %lld only",
					  (long long) source->head.seq);
		csec_live_record(&worker->records, &row.record);
		if (row.record.data == NULL && field[ROW_RECORD].data != NULL)
		{
			row.problem = worker->records.problem;
			row.sealed_as = csec_stored_seq(field[ROW_RECORD].data, field[ROW_RECORD].len, row.seq);
		}
		csec_piece_row(piece, &row);
		if (piece->finding.problem == NULL)
			csec_live_record_keep(&worker->records, field[ROW_RECORD]);
		add_to_tiles(worker, piece);
	}
	if (piece->finding.problem == NULL && worker->last != INT64_MAX &&
		piece->last < worker->last)
		csec_find(&piece->finding, "missing", piece->last + 1,
				  "there are no records %lld to %lld", (long long) (piece->last + 1),
				  (long long) worker->last);
	compare_tiles(live, worker, piece);
}

/* ---- when all rows were seen ---- */

static void
sum_subject_rows(Live *live, CsecSubjectSums *sums)
{
	CsecCopy	copy;
	CsecDatum	field[4];
	char		sql[256];

	snprintf(sql, sizeof(sql),
			 "COPY (SELECT subject, seq, at, relid FROM csec_trail.audit_subject "
			 "WHERE seq >= %lld AND seq <= %lld) TO STDOUT (FORMAT binary)",
			 (long long) sums->from, (long long) sums->to);
	csec_copy_begin(&copy, live->conn, sql);
	while (csec_copy_next(&copy, field, 4))
		csec_sums_found(sums, (int64_t) csec_copy_u64(field[0]),
						(int64_t) csec_copy_u64(field[1]),
						(int64_t) csec_copy_u64(field[2]), csec_copy_u32(field[3]));
}

static void
sum_records(Live *live, CsecSubjectSums *sums)
{
	CsecLiveRecords records;
	CsecCopy	copy;
	CsecDatum	field[1];
	char		sql[256];

	snprintf(sql, sizeof(sql),
			 "COPY (SELECT record FROM csec_trail.audit_log "
			 "WHERE seq >= %lld AND seq <= %lld) TO STDOUT (FORMAT binary)",
			 (long long) sums->from, (long long) sums->to);
	csec_live_records_begin(&records, connect_to_snapshot, live);
	csec_copy_begin(&copy, live->conn, sql);
	while (csec_copy_next(&copy, field, 1))
	{
		CsecHeader	header;
		CsecBody	body;
		CsecColumns columns;

		csec_live_record(&records, &field[0]);
		if (field[0].data != NULL &&
			csec_header_get(field[0].data, field[0].len, &header) &&
			csec_body_get(field[0].data + CSEC_HEADER_SIZE, header.body_len, &body) &&
			csec_columns_derive(&body, &columns))
			csec_sums_expect(sums, (int64_t) header.seq, header.sealed_at, &columns);
	}
	csec_live_records_end(&records);
}

/* The first record of a bucket that differs: in buckets of buckets. */
static int64_t
first_that_differs(Live *live, int64_t first, int64_t last)
{
	while (first < last)
	{
		CsecSubjectSums sums;

		csec_sums_begin(&sums, first, last);
		sum_records(live, &sums);
		sum_subject_rows(live, &sums);
		if (!csec_sums_differ(&sums, &first, &last))
			break;
	}
	return first;
}

static void
finish(CsecSource *source, CsecTrail *trail)
{
	Live	   *live = (Live *) source;
	int64_t		first;
	int64_t		last;

	if (trail->finding.problem != NULL)
		return;
	if (live->from == 1 || live->source.anchor != NULL)
		csec_count_rows(live->conn, (int64_t) trail->records, live->source.head.seq,
						&trail->finding);
	if (trail->finding.problem != NULL)
		return;
	for (Worker *worker = live->workers; worker != NULL; worker = worker->next)
		csec_sums_join(&live->sums, &worker->sums);
	sum_subject_rows(live, &live->sums);
	if (csec_sums_differ(&live->sums, &first, &last))
		csec_find(&trail->finding, "column_differs", first_that_differs(live, first, last),
				  "the rows of csec_trail.audit_subject are not those of the record");
	if (trail->finding.problem == NULL)
		finish_tiles(live, trail);
}

/* ---- the rest of a source ---- */

static bool
hash_of(Live *live, int64_t seq, uint8_t *hash)
{
	char		number[32];
	const char *params[1] = {number};
	PGresult   *result;
	bool		found;

	snprintf(number, sizeof(number), "%lld", (long long) seq);
	result = PQexecParams(live->conn,
						  "SELECT hash FROM csec_trail.audit_log WHERE seq = $1::int8",
						  1, NULL, params, NULL, NULL, 1);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		csec_fail("%s", PQerrorMessage(live->conn));
	found = PQntuples(result) == 1 && PQgetlength(result, 0, 0) == CSEC_HASH_SIZE;
	if (found)
		memcpy(hash, PQgetvalue(result, 0, 0), CSEC_HASH_SIZE);
	PQclear(result);
	return found;
}

static bool
hash_at(CsecSource *source, int64_t seq, uint8_t *hash)
{
	return hash_of((Live *) source, seq, hash);
}

static void
close_source(CsecSource *source)
{
	Live	   *live = (Live *) source;
	Worker	   *next;

	for (Worker *worker = live->workers; worker != NULL; worker = next)
	{
		next = worker->next;
		csec_tiles_free(&worker->tiles);
		free(worker);
	}
	PQfinish(live->conn);
	csec_anchor_free(&live->anchor);
	free(live->snapshot);
	free((char *) source->where);
	free(live->tile);
	free(live);
}

static void
read_checkpoints(CsecSource *source, CsecCheckpoints *checkpoints)
{
	csec_read_checkpoints(((Live *) source)->conn, checkpoints);
}

/* ---- where to begin ---- */

/* The record asked for: by number, or the first that was sealed at a time or later. */
static int64_t
number_since(Live *live)
{
	const char *params[1] = {live->since};
	PGresult   *result;
	int64_t		number;

	if (strspn(live->since, "0123456789") == strlen(live->since))
		result = csec_query(live->conn, "SELECT $1::int8", 1, 1, params);
	else
		result = csec_query(live->conn,
							"SELECT coalesce(min(seq), (SELECT max(seq) + 1 FROM csec_trail.sealer_state), 1) "
							"FROM csec_trail.audit_log WHERE at >= $1::timestamptz",
							1, 1, params);
	number = csec_result_int64(result, 0, 0);
	PQclear(result);
	if (number < 1)
		csec_fail("records are numbered from 1");
	return number;
}

static void
begin_behind(Live *live, uint64_t last, const uint8_t *hash)
{
	live->from = (int64_t) last + 1;
	memcpy(live->before, hash, CSEC_HASH_SIZE);
}

/* With record 1, or behind a cut; or later, where that was asked for and a
 * checkpoint covers what stands before. */
static void
settled(CsecSource *source, const CsecCheckpoints *checkpoints)
{
	Live	   *live = (Live *) source;

	begin_behind(live, 0, csec_chain_start);
	if (csec_read_anchor(live->conn, &live->anchor))
	{
		begin_behind(live, live->anchor.cut.last, live->anchor.cut.hash);
		source->anchor = &live->anchor;
	}
	if (live->since != NULL &&
		csec_start_find(live->conn, checkpoints, number_since(live) - 1, &live->start) &&
		(int64_t) live->start.size >= live->from)
	{
		begin_behind(live, live->start.size, live->start.head);
		source->start = &live->start;
		source->anchor = NULL;
	}
	live->next = live->from;
	source->total = source->head.seq - live->from + 1;
	csec_sums_begin(&live->sums, live->from, source->head.seq);
}

CsecSource *
csec_live_open(CsecServer *server, int jobs, const char *since)
{
	Live	   *live = csec_alloc(sizeof(Live));
	CsecSource *source = &live->source;
	PGresult   *result;

	pthread_mutex_init(&live->lock, NULL);
	live->server = server;
	live->conn = csec_connect(server);
	csec_begin_reading(live->conn);
	live->alone = jobs == 1;
	result = csec_query(live->conn, "SELECT pg_export_snapshot()", 1, 0, NULL);
	live->snapshot = csec_strdup(PQgetvalue(result, 0, 0));
	if (strspn(live->snapshot, "0123456789ABCDEF-") != strlen(live->snapshot))
		csec_fail("the server gave a strange name for a snapshot");
	PQclear(result);
	source->name = PQdb(live->conn);
	source->where = where_is(live->conn);
	csec_check_tables(live->conn, &live->tables);
	csec_read_head(live->conn, source, &live->encoding);
	live->since = since;
	source->open_worker = open_worker;
	source->claim = claim;
	source->check = check;
	source->close_worker = close_worker;
	source->checkpoints = read_checkpoints;
	source->settled = settled;
	source->finish = finish;
	source->hash_at = hash_at;
	source->close = close_source;
	return source;
}

int64_t
csec_live_from(const CsecSource *source, uint8_t *before)
{
	const Live *live = (const Live *) source;

	memcpy(before, live->before, CSEC_HASH_SIZE);
	return live->from;
}

void
csec_live_left(const CsecSource *source, const CsecCheckpoints *checkpoints,
			   CsecFinding *finding)
{
	const Live *live = (const Live *) source;

	if (source->anchor != NULL)
		csec_check_left(live->conn, source->anchor, checkpoints, finding);
}

CsecFinding
csec_live_tables(const CsecSource *source)
{
	return ((const Live *) source)->tables;
}
