-- Were this to fail, a change would be made without a record, or the record would not say what, of whom, or how it ended: B.8.
\set SHOW_CONTEXT never

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(10);
ALTER TABLE cust ADD note text;
SELECT trail.mute();

-- Every kind of change: what became what, classified values as masks.
INSERT INTO cust VALUES (11, '13900000011', 1, 'new'), (12, NULL, NULL, NULL);
UPDATE cust SET phone = '13911111111', note = 'x' WHERE id = 11;
UPDATE cust SET phone = phone, note = 'x' WHERE id = 11;
UPDATE cust SET phone = NULL WHERE id = 11;
DELETE FROM cust WHERE id = 12;
COPY cust FROM stdin;
13	13900000013	3	c
14	\N	4	\N
\.
INSERT INTO cust VALUES (14, NULL, 9) ON CONFLICT (id) DO UPDATE SET bal = excluded.bal;
INSERT INTO cust VALUES (14, NULL, 9) ON CONFLICT DO NOTHING;
MERGE INTO cust USING (VALUES (13), (15)) s (id) ON cust.id = s.id
	WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id);
WITH w AS (DELETE FROM cust WHERE id = 15 RETURNING id) INSERT INTO cust (id) SELECT id + 1 FROM w;
SELECT * FROM trail.seen();

-- A key that changes: both customers can find it.
UPDATE cust SET id = 100 WHERE id = 10;
SELECT csec.flush_audit();
SELECT trail.subjects(record) FROM csec_trail.audit_log WHERE kind = 3 ORDER BY seq DESC LIMIT 1;
SELECT * FROM trail.seen();

-- What is long, and what prints oddly.
UPDATE cust SET note = repeat('长', 30000) WHERE id = 1;
UPDATE cust SET note = E'line\nfeed "quoted" \\ and ''more''' WHERE id = 2;
UPDATE cust SET note = repeat('y', 2000000) WHERE id = 3;
UPDATE cust SET note = NULL;
SELECT left(s, 120), right(s, 30) FROM trail.seen() s;

-- Rolled back, it has been tried.
BEGIN;
INSERT INTO cust (id) VALUES (20);
SAVEPOINT s;
INSERT INTO cust (id) VALUES (21);
ROLLBACK TO s;
INSERT INTO cust (id) VALUES (22);
SAVEPOINT t;
INSERT INTO cust (id) VALUES (23);
RELEASE t;
COMMIT;
BEGIN;
DELETE FROM cust WHERE id = 22;
ROLLBACK;
DO $$ BEGIN
	BEGIN INSERT INTO cust (id) VALUES (24); RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN INSERT INTO cust (id) VALUES (25); INSERT INTO cust (id) VALUES (25); EXCEPTION WHEN unique_violation THEN NULL; END;
	INSERT INTO cust (id) VALUES (26);
END $$;
INSERT INTO cust (id) SELECT g FROM generate_series(27, 29) g WHERE 1 / (29 - g) >= 0;
INSERT INTO cust (id) VALUES (30), (1);
SELECT * FROM trail.seen();

-- By a trigger, a rule, a function, a cascade; with triggers that are told to be silent.
CREATE TABLE ord (no int PRIMARY KEY, cust_id int8 REFERENCES cust ON DELETE CASCADE ON UPDATE CASCADE, what text);
SELECT csec.protect('ord', 'cust_id', subject_of => 'cust');
INSERT INTO ord VALUES (1, 4, 'a'), (2, 4, 'b'), (3, 5, 'c'), (4, NULL, 'd');
SELECT trail.mute();
DELETE FROM cust WHERE id = 4;
UPDATE cust SET id = 50 WHERE id = 5;
UPDATE ord SET what = 'e' WHERE no = 4;
GRANT csec_admin TO current_user;
SET session_replication_role = replica;
DELETE FROM cust WHERE id = 50;
RESET session_replication_role;
REVOKE csec_admin FROM current_user;
SELECT * FROM trail.seen();
CREATE FUNCTION changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'by a trigger'; UPDATE cust SET bal = -1 WHERE id = NEW.id + 1; RETURN NEW; END $$;
CREATE TRIGGER changes BEFORE UPDATE OF note ON cust FOR EACH ROW EXECUTE FUNCTION changes();
CREATE FUNCTION swallows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallows BEFORE DELETE ON cust FOR EACH ROW EXECUTE FUNCTION swallows();
UPDATE cust SET note = 'asked for' WHERE id = 6;
DELETE FROM cust WHERE id = 6;
SELECT * FROM trail.seen();

-- Many rows, in several records.
INSERT INTO cust (id, bal) SELECT g, g FROM generate_series(1001, 4000) g;
SELECT csec.flush_audit();
SELECT count(*) > 1 AS several, sum(f.rows) AS rows, range_agg(csec.record_subject_keys(l.record)) AS subjects
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f WHERE l.seq > (SELECT seq FROM trail.told) AND l.kind = 3;
SELECT count(*), count(DISTINCT s) FROM trail.seen() s;
DELETE FROM cust WHERE id > 1000;
DROP TRIGGER swallows ON cust;
DELETE FROM cust WHERE id > 1000;
SELECT count(*) FROM trail.seen();

-- TRUNCATE, also by cascade.
TRUNCATE ord;
BEGIN;
TRUNCATE cust CASCADE;
ROLLBACK;
SELECT * FROM trail.seen();

-- What would leave changes unrecorded is refused, or on record.
ALTER TABLE cust DISABLE TRIGGER csec_zz_record;
ALTER TABLE cust DISABLE TRIGGER ALL;
ALTER TABLE cust DISABLE TRIGGER USER;
ALTER TABLE cust ENABLE REPLICA TRIGGER csec_zz_record;
ALTER TABLE cust ENABLE TRIGGER csec_zz_record;
DROP TRIGGER csec_zz_record ON cust;
DROP TRIGGER csec_zz_truncate ON cust;
ALTER TRIGGER csec_zz_record ON cust RENAME TO harmless;
DROP FUNCTION csec.record_change() CASCADE;
DROP EXTENSION csec CASCADE;
ALTER TABLE cust DROP COLUMN id;
-- A column of the policy that is renamed keeps its part in it, under the new name; so does one
-- that another takes the name of.
ALTER TABLE cust RENAME COLUMN id TO no;
ALTER TABLE cust RENAME COLUMN phone TO mobile;
ALTER TABLE cust RENAME COLUMN bal TO phone;
ALTER TABLE cust DROP COLUMN no;
SELECT t.subject, f.attname, f.category FROM csec.protected_table t JOIN csec.protected_field f USING (relid)
WHERE relid = 'cust'::regclass ORDER BY f.attname;
BEGIN;
UPDATE cust SET phone = 6 WHERE no = 1 RETURNING mobile;
ROLLBACK;
ALTER TABLE cust RENAME COLUMN phone TO bal;
ALTER TABLE cust RENAME COLUMN mobile TO phone;
ALTER TABLE cust RENAME COLUMN no TO id;
ALTER TABLE cust DISABLE TRIGGER changes;
ALTER TABLE cust ENABLE ROW LEVEL SECURITY;
ALTER TABLE cust DISABLE ROW LEVEL SECURITY;
ALTER TABLE cust RENAME TO customers;
ALTER TABLE customers SET SCHEMA csec;
ALTER TABLE customers SET SCHEMA csec_zh;
ALTER TABLE customers SET SCHEMA csec_trail;
CREATE SCHEMA elsewhere;
ALTER TABLE customers SET SCHEMA elsewhere;
UPDATE elsewhere.customers SET bal = 5 WHERE id = 1 RETURNING phone;
ALTER TABLE elsewhere.customers SET SCHEMA public;
ALTER TABLE customers RENAME TO cust;
SELECT trail.news();
-- Around the guards, with an edit of the catalogs, the table is closed.
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'csec_zz_record' AND tgrelid = 'cust'::regclass;
UPDATE pg_class SET relhastriggers = relhastriggers WHERE oid = 'cust'::regclass;
\c
UPDATE cust SET bal = 0 WHERE id = 1;
INSERT INTO cust VALUES (60);
DELETE FROM cust;
COPY cust FROM stdin;
\.
MERGE INTO cust USING (VALUES (1)) s (id) ON cust.id = s.id WHEN MATCHED THEN DELETE;
UPDATE pg_trigger SET tgenabled = 'A' WHERE tgname = 'csec_zz_record' AND tgrelid = 'cust'::regclass;
-- Also to TRUNCATE, of itself or by way of another table.
CREATE TABLE above (id int PRIMARY KEY);
ALTER TABLE cust ADD above int REFERENCES above;
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'csec_zz_truncate' AND tgrelid = 'cust'::regclass;
TRUNCATE cust CASCADE;
TRUNCATE above CASCADE;
UPDATE pg_trigger SET tgenabled = 'A' WHERE tgname = 'csec_zz_truncate' AND tgrelid = 'cust'::regclass;
UPDATE pg_class SET relhastriggers = false WHERE oid = 'cust'::regclass;
TRUNCATE above CASCADE;
UPDATE pg_class SET relhastriggers = true WHERE oid = 'cust'::regclass;
ALTER TABLE cust DROP above;
-- And to rows that are routed to a partition whose trigger is off.
CREATE TABLE spread (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE spread_1 PARTITION OF spread FOR VALUES FROM (0) TO (10);
CREATE TABLE spread_2 PARTITION OF spread FOR VALUES FROM (10) TO (20);
SELECT csec.protect('spread', 'id');
INSERT INTO spread VALUES (12);
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'csec_zz_record' AND tgrelid = 'spread_1'::regclass;
UPDATE pg_class SET relhastriggers = relhastriggers WHERE oid = 'spread_1'::regclass;
INSERT INTO spread VALUES (1);
INSERT INTO spread VALUES (11);
UPDATE spread SET id = 2 WHERE id = 12;
COPY spread FROM stdin;
3
\.
SELECT * FROM spread ORDER BY id;
DROP TABLE above, spread;
UPDATE pg_class SET relhastriggers = relhastriggers WHERE oid = 'cust'::regclass;
\c
UPDATE cust SET bal = 0 WHERE id = 1;
SELECT * FROM trail.seen();

-- A dropped table is on record.
DROP TABLE cust;
DROP TABLE ord, cust;
SELECT regexp_replace(n, '\d{4,}', 'N') FROM trail.news() n;
