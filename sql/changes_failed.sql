-- A change of a protected table that fails is on record although no row was
-- changed: who tried, what, how far it came, and which error it was.
\getenv source PG_ABS_SRCDIR
\set trail :source '/tests/lib/trail.sql'
\i :trail
SET client_min_messages = warning;
CREATE ROLE regress_changes_failed LOGIN;
CREATE ROLE regress_changes_failed_out LOGIN;
SELECT trail.make_cust(5);
ALTER TABLE cust ADD CHECK (bal < 100);
CREATE TABLE sales (id int PRIMARY KEY, cust int8 REFERENCES cust);
CREATE TABLE plain (id int PRIMARY KEY);
INSERT INTO sales VALUES (1, 1);
GRANT ALL ON cust, sales, plain TO regress_changes_failed;
\set VERBOSITY sqlstate
-- no clearance is needed to try
SELECT count(trail.mute());

\c - regress_changes_failed
\set VERBOSITY sqlstate
INSERT INTO cust VALUES (1, '13800000009', 1);
INSERT INTO cust VALUES (11, '13800000011', 1), (12, '13800000012', 1000);
INSERT INTO cust SELECT 20 + g, '1380000002' || g, 1 / (3 - g) FROM generate_series(1, 5) g;
UPDATE cust SET bal = 1000 WHERE id = 3;
UPDATE cust SET bal = bal + 98;
-- its row was changed, and then the check of the key failed
DELETE FROM cust WHERE id = 1;
INSERT INTO plain VALUES (1), (1);
COPY cust FROM STDIN;
31	13800000031	1
32	13800000032	1000
\.
TRUNCATE cust;
WITH gone AS (DELETE FROM cust WHERE id = 5 RETURNING id) INSERT INTO cust SELECT id - 4, '13800000001', 1 FROM gone;
INSERT INTO cust VALUES (4, '13800000004', 2) ON CONFLICT (id) DO UPDATE SET bal = 1000;
MERGE INTO cust USING (VALUES (2)) v (id) ON cust.id = v.id WHEN MATCHED THEN UPDATE SET bal = 1000;
\c - postgres
\set VERBOSITY sqlstate
SELECT * FROM trail.seen();

-- within a subtransaction, with work that goes on
\c - regress_changes_failed
\set VERBOSITY sqlstate
DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		BEGIN
			INSERT INTO cust VALUES (i, '13800000009', 1);
		EXCEPTION WHEN unique_violation THEN
			UPDATE cust SET bal = 50 + i WHERE id = i;
		END;
	END LOOP;
END $$;
BEGIN;
SAVEPOINT s;
UPDATE cust SET bal = 1000 WHERE id = 4;
ROLLBACK TO s;
UPDATE cust SET bal = 60 WHERE id = 4;
COMMIT;
\c - postgres
\set VERBOSITY sqlstate
SELECT * FROM trail.seen();

-- by a trigger of the owner's, before anything was changed; out of time
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.bal = 13 THEN PERFORM pg_sleep(60); END IF;
	RAISE 'not so' USING ERRCODE = 'P0099';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON cust FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT count(trail.mute());
\c - regress_changes_failed
\set VERBOSITY sqlstate
INSERT INTO cust VALUES (41, '13800000041', 1);
SET statement_timeout = '3s';
INSERT INTO cust VALUES (41, '13800000041', 13);
-- who may not
\c - regress_changes_failed_out
\set VERBOSITY sqlstate
INSERT INTO cust VALUES (51, '13800000051', 1);
DELETE FROM cust;
\copy cust FROM '/dev/null'
TRUNCATE cust;
-- what was only explained was not tried, and what is not valid is no statement
EXPLAIN INSERT INTO cust VALUES (1);
INSERT INTO cust (no_such_column) VALUES (1);
\c - postgres
\set VERBOSITY sqlstate
SELECT * FROM trail.seen();

-- what an auditor sees, and nothing of the values
SELECT login, op, subject, changed, outcome, failed, sqlstate, rows_reached FROM csec.change_records WHERE failed ORDER BY seq LIMIT 3;
SELECT count(*) FILTER (WHERE NOT failed) > 0 AS others_did_not, count(*) FILTER (WHERE failed IS NULL) AS unknown FROM csec.change_records;
SELECT count(*) FROM csec_trail.audit_log l, csec.record_fields(l.record) f
	WHERE f.kind = 'change' AND f.status = 'error' AND (position('138'::bytea IN l.record) > 0 OR position('not so'::bytea IN l.record) > 0);
SELECT count(*) FROM csec.who_saw('cust', '51') WHERE login = 'regress_changes_failed_out';
-- more in one row than a record holds: refused, and what came before it is told as rolled back
CREATE TABLE wide (id int8 PRIMARY KEY);
DO $$ BEGIN FOR c IN 1..20 LOOP EXECUTE format('ALTER TABLE wide ADD c%s text', c); END LOOP; END $$;
SELECT FROM csec.protect('wide', subject => 'id');
DO $$ BEGIN
	EXECUTE (SELECT format('INSERT INTO wide SELECT g, %s FROM generate_series(1, 2) g', string_agg('repeat(''w'', 1 + 62000 * (g - 1))', ', ')) FROM generate_series(1, 20));
END $$;
SELECT csec.flush_audit();
SELECT f.status, f.outcome, f.rows, f.subjects FROM csec_trail.audit_log l, csec.record_fields(l.record) f WHERE f.kind = 'change' AND f.relid = 'wide'::regclass ORDER BY l.seq;
SELECT count(trail.mute());
-- not while recording is suspended
SELECT csec.suspend_recording('test', now() + interval '1 hour');
INSERT INTO cust VALUES (1, '13800000009', 1);
SELECT csec.resume_recording();
SELECT * FROM trail.seen();
SELECT verified, problem FROM csec.verify_trail();
DROP OWNED BY regress_changes_failed, regress_changes_failed_out;
DROP ROLE regress_changes_failed, regress_changes_failed_out;
