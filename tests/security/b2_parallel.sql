-- Were this to fail, what parallel workers read would be lost, told twice, or be nobody's: B.2.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(2000);
CREATE FUNCTION looks(int8) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN (SELECT phone FROM cust WHERE id = $1); END $$;
CREATE TABLE plain (id int8, x int);
INSERT INTO plain SELECT i, i % 7 FROM generate_series(1, 2000) i;
ANALYZE cust, plain;

-- All records since the last look as what was read: who gave how many rows is
-- for the scheduler to say.
CREATE FUNCTION whole() RETURNS TABLE (readers text, statements bigint, rows numeric, subjects text, exactness text, masked text[])
	LANGUAGE plpgsql AS $$
DECLARE
	since int8 := (SELECT told.seq FROM trail.told);
	me bytea := (SELECT f.session FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
		WHERE f.session_pid = pg_backend_pid() ORDER BY l.seq DESC LIMIT 1);
BEGIN
	PERFORM csec.flush_audit();
	RETURN QUERY
	SELECT string_agg(DISTINCT concat(f.reader, CASE WHEN f.parallel THEN ' worker' END,
			CASE WHEN f.session <> me THEN ' of another session' END), ', '),
		count(DISTINCT f.statement_no), sum(f.rows),
		(SELECT string_agg(lower(r) || '-' || upper(r) - 1, ',') FROM unnest(range_agg(csec.record_subject_keys(l.record))) r),
		string_agg(DISTINCT f.exactness, ','), f.masked
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > since AND l.kind = 2 AND f.relation = 'public.cust'
	GROUP BY f.masked;
	PERFORM trail.mute();
END
$$;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT trail.mute();

-- The rows go to the leader: it says what was delivered, workers add nothing.
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT id, phone FROM cust;
\copy (SELECT id, phone FROM cust) TO /dev/null
SELECT * FROM whole();
SELECT count(phone) FROM (SELECT id, phone FROM cust ORDER BY bal, id LIMIT 1700) x;
SELECT * FROM whole();

-- They stay in the workers: those say it, each row once, in the leader's name.
EXPLAIN (COSTS OFF) SELECT count(phone) FROM cust;
SELECT count(phone) FROM cust;
SELECT * FROM whole();
SELECT count(*) FROM cust JOIN plain USING (id) WHERE x = 3 AND cust.bal < 30;
SELECT * FROM whole();
SET parallel_leader_participation = on;
SELECT count(phone) FROM cust;
SELECT rows, subjects, masked FROM whole();
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(id) FROM cust WHERE id BETWEEN 11 AND 1900;
SELECT count(id) FROM cust WHERE id BETWEEN 11 AND 1900;
SELECT rows, subjects FROM whole();
SELECT count(phone) FROM cust WHERE id BETWEEN 11 AND 1900;
SELECT rows, subjects FROM whole();
RESET enable_seqscan;

-- The leader projects the key away, or looks at the rows himself.
CREATE FUNCTION restricted(text) RETURNS text LANGUAGE plpgsql PARALLEL RESTRICTED COST 1 AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql PARALLEL SAFE STABLE COST 1 AS $$ BEGIN RETURN $1; END $$;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id + 1, restricted(phone::text) FROM cust WHERE bal > 1500;
SELECT count(*) FROM (SELECT id + 1, restricted(phone::text) FROM cust WHERE bal > 1500 OFFSET 0) x;
SELECT rows, subjects FROM whole();
SELECT id + 1, restricted(phone::text) FROM cust WHERE bal > 1998 ORDER BY bal;
SELECT rows, subjects FROM whole();
SELECT id + 1, restricted(phone::text) FROM cust WHERE bal > 2000;
SELECT rows, subjects FROM whole();
-- What a worker computes for rows that the leader drops, the worker has seen.
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, spy(phone::text) FROM cust ORDER BY 2 LIMIT 1;
SELECT id, spy(phone::text) FROM cust ORDER BY 2 LIMIT 1;
SELECT rows, subjects, exactness FROM whole();

-- A function that claims to be safe runs in workers.
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT looks(id) FROM plain WHERE id BETWEEN 100 AND 199;
SELECT count(*) FROM (SELECT looks(id) FROM plain WHERE id BETWEEN 100 AND 199 OFFSET 0) x;
SELECT * FROM whole();
RESET parallel_leader_participation;
SET force_parallel_mode = on;
SELECT looks(7);
SELECT rows, subjects, masked FROM whole();
SELECT id, phone FROM cust WHERE id = 8;
SELECT rows, subjects, exactness, masked FROM whole();

-- In a session that reads nothing itself, the client and the statement are
-- still the leader's.
\c -
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT 1;
SELECT count(*) FROM (SELECT looks(id) FROM plain WHERE id BETWEEN 100 AND 199 OFFSET 0) x;
SELECT csec.flush_audit();
SELECT DISTINCT f.client, f.parallel, ('x' || encode(substr(f.session, 9), 'hex'))::bit(32)::int = pg_backend_pid() AS mine, f.statement_no > 2 AS later
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > (SELECT told.seq FROM trail.told) AND l.kind = 2 AND f.relation = 'public.cust';
SELECT trail.mute();

-- It fails in a worker after rows were seen.
SET force_parallel_mode = off;
SET parallel_leader_participation = off;
SELECT sum(1 / (bal - 2000)) FROM cust WHERE phone IS NOT NULL;
SELECT readers, rows > 0 AS some, subjects LIKE '%2000' AS the_culprit FROM whole();

-- Strict: flushed by each of the workers before its first row.
UPDATE csec.protected_table SET audit = 'strict';
SELECT count(phone) FROM cust;
CREATE VIEW pieces AS
	SELECT f.exactness, f.was_strict, f.session, f.number FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > (SELECT seq FROM trail.told) AND f.relation = 'public.cust';
SELECT csec.flush_audit();
SELECT DISTINCT ON (session) exactness, was_strict FROM pieces ORDER BY session, number;
SELECT rows, subjects, masked FROM whole();

-- A worker is told what stands in its leader's transaction: the reason that it
-- stated, so that who is cleared is not stopped as one who tries values, and
-- the actor that it named first, not the one that was set last.
CREATE ROLE regress_b2_clerk LOGIN;
CREATE TABLE card (id int8 PRIMARY KEY, no csec.id_card);
CREATE TABLE list (no text);
GRANT SELECT ON card, list TO regress_b2_clerk;
SET csec.probe_limit = 1000;
INSERT INTO card SELECT i, '1101051949' || lpad(i::text, 8, '0') FROM generate_series(1, 300) i;
INSERT INTO list SELECT '1101051949' || lpad(i::text, 8, '0') FROM generate_series(1, 300) i;
SELECT csec.protect('card', 'id', '{"no": "id_card"}');
SELECT csec.set_clearance('regress_b2_clerk', level => 'core');
ANALYZE card, list;
SELECT trail.mute();
\c - regress_b2_clerk
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
BEGIN;
SET LOCAL csec.actor = 'first';
SET LOCAL csec.reason = 'control';
SET LOCAL csec.actor = 'boss';
EXPLAIN (COSTS OFF) SELECT count(*) FROM card c JOIN list l ON c.no = l.no;
SELECT count(*) FROM card c JOIN list l ON c.no = l.no;
COMMIT;
BEGIN;
SELECT csec.set_context('first', 'control');
SELECT csec.clear_context();
SELECT count(*) FROM card c JOIN list l ON c.no = l.no;
COMMIT;
\c - :dba
SELECT csec.flush_audit();
SELECT DISTINCT f.parallel, f.actor, f.reason, f.revealed, f.masked, f.status
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > (SELECT seq FROM trail.told) AND l.kind = 2 AND f.relation = 'public.card' ORDER BY f.status DESC, reason;
