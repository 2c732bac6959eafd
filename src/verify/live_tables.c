/*
 * live_tables.c
 *		The tables of a trail in a server: are they what csec made?     [FE]
 *
 * Who stands a view in the place of a table, or gives a column another type or
 * a default, has not changed a record; but searches, and later verifiers, may
 * be shown something else than what is stored.
 */
#include "postgres_fe.h"

#include "verify/live_tables.h"

typedef struct Table
{
	const char *name;
	bool		is_parent;
	const char *columns;
} Table;

static const Table tables[] = {
	{"audit_log", true,
	"seq bigint,at timestamp with time zone,subject bigint,relid oid,kind smallint,"
	"login text,subjects int8multirange,record bytea,hash bytea"},
	{"audit_subject", true,
	"subject bigint,seq bigint,at timestamp with time zone,relid oid"},
	{"tree_tile", false,
	"level smallint,tile bigint,root bytea,hashes bytea"},
	{"checkpoint", false,
	"epoch bigint,at timestamp with time zone,size bigint,root bytea,note bytea"},
};

/* One row for a table and each of its partitions. */
static const char layout_query[] =
"WITH RECURSIVE tree (oid, is_leaf) AS ("
" SELECT c.oid, false FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
" WHERE n.nspname = 'csec_trail' AND c.relname = $1"
" UNION ALL SELECT i.inhrelid, true FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid) "
"SELECT c.relname, c.relkind, c.relrowsecurity"
" OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)"
" OR EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid),"
" string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)"
" || CASE WHEN a.atthasdef OR a.attgenerated <> '' THEN ' by default' ELSE '' END, ',' ORDER BY a.attnum)"
" FROM tree t JOIN pg_class c ON c.oid = t.oid JOIN pg_attribute a ON a.attrelid = c.oid"
" WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY c.oid, 1, 2, 3, t.is_leaf ORDER BY t.is_leaf, 1";

static void
check_table(PGconn *conn, const Table *table, CsecFinding *finding)
{
	const char *params[1] = {table->name};
	PGresult   *result = csec_query(conn, layout_query, 0, 1, params);

	if (PQntuples(result) == 0)
		csec_fail("database \"%s\" has no trail (csec_trail.%s)", PQdb(conn), table->name);
	for (int i = 0; i < PQntuples(result); i++)
	{
		const char *name = PQgetvalue(result, i, 0);
		char		kind = PQgetvalue(result, i, 1)[0];

		if (kind != (i == 0 && table->is_parent ? 'p' : 'r'))
			csec_find(finding, "table_altered", 1, "csec_trail.%s is not a table of csec", name);
		if (PQgetvalue(result, i, 2)[0] != 'f')
			csec_find(finding, "table_altered", 1,
					  "csec_trail.%s has rules, triggers or row security", name);
		if (strcmp(PQgetvalue(result, i, 3), table->columns) != 0)
			csec_find(finding, "table_altered", 1,
					  "csec_trail.%s has other columns than csec gave it", name);
	}
	PQclear(result);
}

void
csec_check_tables(PGconn *conn, CsecFinding *finding)
{
	for (size_t i = 0; i < lengthof(tables); i++)
		check_table(conn, &tables[i], finding);
}

void
csec_count_rows(PGconn *conn, int64_t expected, int64_t head, CsecFinding *finding)
{
	char		number[32];
	const char *params[1] = {number};
	PGresult   *result;

	csec_run(conn, "SET enable_indexscan = off");
	csec_run(conn, "SET enable_indexonlyscan = off");
	csec_run(conn, "SET enable_bitmapscan = off");
	result = csec_query(conn, "SELECT count(*) FROM csec_trail.audit_log", 1, 0, NULL);
	if (csec_result_int64(result, 0, 0) != expected)
	{
		PQclear(result);
		snprintf(number, sizeof(number), "%lld", (long long) head);
		result = csec_query(conn,
							"SELECT coalesce((SELECT seq FROM csec_trail.audit_log GROUP BY seq"
							" HAVING count(*) > 1 OR seq < 1 OR seq > $1::int8 ORDER BY 1 LIMIT 1), 1)",
							1, 1, params);
		csec_find(finding, "inserted", csec_result_int64(result, 0, 0),
				  "csec_trail.audit_log has rows that its index on seq does not show");
	}
	PQclear(result);
	csec_run(conn, "RESET enable_indexscan");
	csec_run(conn, "RESET enable_indexonlyscan");
	csec_run(conn, "RESET enable_bitmapscan");
}

void
csec_read_head(PGconn *conn, CsecSource *source, int *encoding)
{
	PGresult   *result = PQexecParams(conn,
									  "SELECT s.seq, s.hash, s.system_id, s.database_id::int8, d.encoding::int8"
									  " FROM csec_trail.sealer_state s, pg_database d"
									  " WHERE d.datname = current_database() LIMIT 2",
									  0, NULL, NULL, NULL, NULL, 1);
	CsecDatum	field[5];

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != 5)
		csec_fail("%s", PQerrorMessage(conn));
	*encoding = 0;
	/* none or two: told as a forged head, once the records were looked at */
	source->head.known = PQntuples(result) == 1 && PQgetlength(result, 0, 1) == CSEC_HASH_SIZE;
	if (PQntuples(result) > 0)
	{
		for (int i = 0; i < 5; i++)
		{
			field[i].data = (const uint8_t *) PQgetvalue(result, 0, i);
			field[i].len = (uint32_t) PQgetlength(result, 0, i);
		}
		source->head.seq = (int64_t) csec_copy_u64(field[0]);
		if (source->head.known)
			memcpy(source->head.hash, field[1].data, CSEC_HASH_SIZE);
		source->system = csec_copy_u64(field[2]);
		source->database_id = (uint32_t) csec_copy_u64(field[3]);
		*encoding = (int) csec_copy_u64(field[4]);
	}
	PQclear(result);
}

static bool
exists(PGconn *conn, const char *query)
{
	PGresult   *result = csec_query(conn, query, 1, 0, NULL);
	bool		found = PQgetvalue(result, 0, 0)[0] == 't';

	PQclear(result);
	return found;
}

void
csec_begin_reading(PGconn *conn)
{
	bool		any = exists(conn, "SELECT to_regclass('csec_trail.audit_log') IS NOT NULL");

	/* the lock comes before the snapshot: what that sees is still there */
	csec_run(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (any)
		csec_run(conn, "LOCK TABLE csec_trail.audit_log, csec_trail.audit_subject IN ACCESS SHARE MODE");
}

bool
csec_read_anchor(PGconn *conn, CsecAnchor *anchor)
{
	PGresult   *result = PQexecParams(conn,
									  "SELECT record FROM csec_trail.audit_log WHERE kind = 11 ORDER BY seq DESC LIMIT 1",
									  0, NULL, NULL, NULL, NULL, 1);
	bool		found;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		csec_fail("%s", PQerrorMessage(conn));
	found = PQntuples(result) == 1 &&
		csec_anchor_take(anchor, (const uint8_t *) PQgetvalue(result, 0, 0),
						 (size_t) PQgetlength(result, 0, 0));
	PQclear(result);
	return found;
}

void
csec_check_left(PGconn *conn, const CsecAnchor *anchor,
				const CsecCheckpoints *checkpoints, CsecFinding *finding)
{
	CsecCopy	copy;
	CsecDatum	field[2];
	CsecLeft	left;
	char		sql[256];

	csec_left_begin(&left, anchor, checkpoints);
	snprintf(sql, sizeof(sql),
			 "COPY (SELECT tile, hashes FROM csec_trail.tree_tile WHERE level = 0 AND tile < %llu ORDER BY tile) TO STDOUT (FORMAT binary)",
			 (unsigned long long) ((anchor->cut.last + CSEC_TILE_WIDTH - 1) / CSEC_TILE_WIDTH));
	csec_copy_begin(&copy, conn, sql);
	while (csec_copy_next(&copy, field, 2))
	{
		if (csec_copy_u64(field[0]) * CSEC_TILE_WIDTH != left.range.end ||
			field[1].data == NULL || field[1].len != CSEC_TILE_SIZE)
			continue;
		for (int i = 0; i < CSEC_TILE_WIDTH; i++)
			csec_left_add(&left, field[1].data + i * CSEC_TREE_HASH, finding);
	}
	if (finding->problem == NULL)
		csec_left_end(&left, finding);
}

void
csec_checkpoint_rows_begin(CsecCheckpointRows *rows, PGconn *conn)
{
	memset(rows, 0, sizeof(*rows));
	rows->any = exists(conn, "SELECT to_regclass('csec_trail.checkpoint') IS NOT NULL");
	if (rows->any)
		csec_copy_begin(&rows->copy, conn,
						"COPY (SELECT c.epoch, c.size, c.root, c.note, (SELECT string_agg(w.evidence, ''::bytea ORDER BY w.added_at, w.witness)"
						" FROM csec_trail.checkpoint_witness w WHERE w.epoch = c.epoch AND w.kind = 'signature'),"
						" (SELECT string_agg(int4send(octet_length(w.evidence)) || w.evidence, ''::bytea ORDER BY w.added_at, w.witness)"
						" FROM csec_trail.checkpoint_witness w WHERE w.epoch = c.epoch AND w.kind = 'timestamp')"
						" FROM csec_trail.checkpoint c ORDER BY c.epoch) TO STDOUT (FORMAT binary)");
}

/* What is null has no bytes, but is somewhere. */
static const uint8_t *
bytes_of(CsecDatum datum, size_t *len)
{
	static const uint8_t nothing[1];

	*len = datum.data == NULL ? 0 : datum.len;
	return datum.data == NULL ? nothing : datum.data;
}

bool
csec_checkpoint_rows_next(CsecCheckpointRows *rows, CsecNote *note)
{
	CsecDatum	field[6];

	if (!rows->any || !csec_copy_next(&rows->copy, field, 6))
		return false;
	rows->epoch = (int64_t) csec_copy_u64(field[0]);
	rows->size = (int64_t) csec_copy_u64(field[1]);
	rows->root = field[2];
	note->note = bytes_of(field[3], &note->len);
	note->cosignatures = bytes_of(field[4], &note->cosignatures_len);
	note->timestamps = bytes_of(field[5], &note->timestamps_len);
	return true;
}

void
csec_read_checkpoints(PGconn *conn, CsecCheckpoints *checkpoints)
{
	CsecCheckpointRows rows;
	CsecNote	note;

	csec_checkpoint_rows_begin(&rows, conn);
	while (csec_checkpoint_rows_next(&rows, &note))
	{
		const CsecCheckpoint *last = &checkpoints->last;

		csec_checkpoints_add(checkpoints, &note);
		if (checkpoints->finding.problem == NULL &&
			((int64_t) last->epoch != rows.epoch || (int64_t) last->size != rows.size ||
			 rows.root.data == NULL || rows.root.len != CSEC_TREE_HASH ||
			 memcmp(rows.root.data, last->root, CSEC_TREE_HASH) != 0))
			csec_find(&checkpoints->finding, "checkpoint_forged", rows.size,
					  "the columns of checkpoint %lld are not what its note says",
					  (long long) rows.epoch);
	}
}

void
csec_make_checkpoint(PGconn *conn)
{
	/* a trail from before there were checkpoints has no such function */
	if (exists(conn, "SELECT to_regprocedure('csec.make_checkpoint()') IS NOT NULL"))
		csec_run(conn, "SELECT csec.make_checkpoint()");
	else
		csec_run(conn, "SELECT csec.flush_audit()");
}
