-- Were this to fail, reading by changing, merging, copying, refreshing or explaining would leave no trace: B.6.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(40);
ALTER TABLE cust ADD note text;
VACUUM ANALYZE cust;
CREATE TABLE src (id int8, bal int);
INSERT INTO src VALUES (3, 30), (4, 40), (90, 900);
CREATE ROLE regress_b6_clerk LOGIN;
GRANT CREATE ON SCHEMA public TO regress_b6_clerk;
SELECT csec.set_clearance('regress_b6_clerk', level => 'important');
GRANT ALL ON cust, src TO regress_b6_clerk;
SELECT trail.mute();

-- Rows that a change gives back are read.
UPDATE cust SET bal = 0 WHERE id = 1 RETURNING phone;
UPDATE cust SET bal = 0 WHERE id = 2 RETURNING 1;
DELETE FROM cust WHERE id = 40 RETURNING *;
INSERT INTO cust (id, bal) VALUES (41, 1) RETURNING id, phone;
INSERT INTO cust (id, bal) VALUES (5, 1) ON CONFLICT (id) DO UPDATE SET bal = excluded.bal RETURNING phone;
INSERT INTO cust (id, bal) VALUES (6, 1) ON CONFLICT (id) DO UPDATE SET bal = excluded.bal;
WITH d AS (DELETE FROM cust WHERE id = 39 RETURNING phone) SELECT count(*) FROM d;
SELECT * FROM trail.seen();

-- What a change only looks at: by the key it is told by the change, by
-- anything else it is a read, above all where it changes nothing.
UPDATE cust SET bal = bal + 1 WHERE id = 7;
DELETE FROM cust WHERE id BETWEEN 37 AND 38;
UPDATE cust SET bal = bal WHERE id = 700;
UPDATE cust SET bal = 1 WHERE id = 7 AND bal > 100;
UPDATE cust SET bal = 1 WHERE bal = 77;
UPDATE cust SET bal = 1 FROM src WHERE cust.id = 8 AND cust.bal = src.bal;
DELETE FROM cust USING src WHERE cust.bal = src.bal AND src.id = 90;
UPDATE cust SET note = 'x' WHERE phone = '13800000009';
INSERT INTO cust (id, bal) VALUES (10, 1) ON CONFLICT (id) DO UPDATE SET bal = 1 WHERE cust.bal > 100;
SELECT * FROM trail.seen();

-- By the key alone, and it does not come to the change: then it was a read.
ALTER TABLE cust ADD CHECK (bal <> 666);
UPDATE cust SET bal = 666 WHERE id = 9;
UPDATE cust SET bal = CASE WHEN id < 12 THEN 1 ELSE 666 END WHERE id BETWEEN 11 AND 13;
INSERT INTO cust (id, bal) VALUES (14, 1) ON CONFLICT (id) DO UPDATE SET bal = 666;
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'has %', OLD.bal; RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE UPDATE OR DELETE ON cust FOR EACH ROW WHEN (OLD.id = 16) EXECUTE FUNCTION swallow();
UPDATE cust SET bal = 1 WHERE id = 16;
UPDATE cust SET bal = 1 WHERE id IN (16, 17);
UPDATE cust SET bal = 1 WHERE id = 17;
DELETE FROM cust WHERE id = 16;
INSERT INTO cust (id, bal) VALUES (16, 1) ON CONFLICT (id) DO UPDATE SET bal = 1;
DO $$ BEGIN
	UPDATE cust SET bal = 666 WHERE id = 18;
EXCEPTION WHEN check_violation THEN
	UPDATE cust SET bal = 2 WHERE id = 19;
END $$;
WITH gone AS (DELETE FROM cust WHERE id = 16 RETURNING 1) UPDATE cust SET bal = 3 WHERE id = 20;
BEGIN;
UPDATE cust SET bal = 4 WHERE id = 21;
ROLLBACK;
DROP TRIGGER swallow ON cust;
ALTER TABLE cust DROP CONSTRAINT cust_bal_check;
SELECT * FROM trail.seen();
-- Of a strict table before the error tells of it.
CREATE TABLE vip (id int PRIMARY KEY, bal int CHECK (bal < 666));
INSERT INTO vip VALUES (1, 1), (2, 2);
SELECT csec.protect('vip', 'id', audit => 'strict');
SELECT trail.mute();
UPDATE vip SET bal = 667 WHERE id = 1;
UPDATE vip SET bal = 3 WHERE id = 2;
SELECT * FROM trail.seen();

-- MERGE.
MERGE INTO cust USING src ON cust.id = src.id WHEN MATCHED THEN UPDATE SET bal = src.bal WHEN NOT MATCHED THEN INSERT (id, bal) VALUES (src.id, src.bal);
MERGE INTO cust USING src ON cust.id = src.id WHEN MATCHED AND cust.bal = 30 THEN DELETE WHEN MATCHED THEN DO NOTHING;
MERGE INTO src USING cust ON cust.id = src.id AND cust.id = 4 WHEN MATCHED THEN UPDATE SET bal = cust.bal;
\c - regress_b6_clerk
MERGE INTO cust USING src ON cust.id = 11 AND src.id = 90 WHEN MATCHED THEN UPDATE SET note = cust.phone::text;
\c - :dba
SELECT * FROM trail.seen();

-- Into other tables.
\c - regress_b6_clerk
CREATE TEMP TABLE kept AS SELECT phone::text FROM cust WHERE id = 12;
INSERT INTO kept SELECT phone::text FROM cust WHERE id = 13;
SELECT phone::text INTO TEMP kept2 FROM cust WHERE id = 14;
UPDATE src SET bal = (SELECT bal FROM cust WHERE cust.id = 15) WHERE id = 90;
COPY (DELETE FROM kept WHERE phone IN (SELECT phone::text FROM cust WHERE id = 16) RETURNING *) TO STDOUT;
\c - :dba
SELECT * FROM trail.seen();

-- Rules, views that can be written through, materialised views.
CREATE VIEW live AS SELECT * FROM cust WHERE bal >= 0;
CREATE VIEW joined AS SELECT c.id, c.phone, s.bal FROM cust c JOIN src s USING (id);
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE cust SET bal = NEW.bal WHERE id = OLD.id; RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF UPDATE ON joined FOR EACH ROW EXECUTE FUNCTION instead();
CREATE TABLE log (id int8, bal int);
CREATE RULE logged AS ON DELETE TO src DO ALSO INSERT INTO log SELECT id, bal FROM cust WHERE cust.id = OLD.id + 13;
CREATE TABLE shadow (id int8);
CREATE RULE instead AS ON INSERT TO shadow DO INSTEAD SELECT phone FROM cust WHERE id = NEW.id;
CREATE MATERIALIZED VIEW mat AS SELECT id, phone FROM cust WHERE id < 19 WITH NO DATA;
SELECT trail.mute();
UPDATE live SET bal = 5 WHERE id = 17 RETURNING phone;
UPDATE live SET bal = 5 WHERE id = 18;
UPDATE joined SET bal = 41 WHERE id = 4;
DELETE FROM src WHERE id = 4;
INSERT INTO shadow VALUES (19);
REFRESH MATERIALIZED VIEW mat;
SELECT count(phone) FROM mat;
SELECT * FROM trail.seen();

-- EXPLAIN reads nothing; with ANALYZE it does.
EXPLAIN (COSTS OFF) SELECT phone FROM cust WHERE id = 20;
EXPLAIN (COSTS OFF) UPDATE cust SET bal = 1 WHERE phone = 'x';
EXPLAIN (COSTS OFF) EXECUTE no_such;
PREPARE one AS SELECT phone FROM cust WHERE id = $1;
EXPLAIN (COSTS OFF) EXECUTE one(20);
SELECT * FROM trail.seen();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT phone FROM cust WHERE id = 20;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT text) DELETE FROM cust WHERE id = 21;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE one(22);
EXECUTE one(23);
SELECT * FROM trail.seen();

-- Foreign-key checks are nobody's read, by setting recorded; what fires
-- meanwhile is somebody's.
CREATE TABLE ord (no int PRIMARY KEY, cust_id int8 REFERENCES cust ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO ord VALUES (1, 24), (2, 25), (3, 26);
INSERT INTO ord VALUES (4, 777);
SELECT trail.mute();
INSERT INTO ord VALUES (5, 24);
UPDATE ord SET cust_id = 26 WHERE no = 1;
DELETE FROM cust WHERE id = 25;
UPDATE cust SET id = 126 WHERE id = 26;
SELECT * FROM trail.seen();
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM phone FROM cust WHERE id = 27; RETURN NEW; END $$;
CREATE TRIGGER fires BEFORE UPDATE ON ord FOR EACH ROW EXECUTE FUNCTION fires();
UPDATE cust SET id = 127 WHERE id = 126;
SELECT * FROM trail.seen();
-- Its text and its security can be imitated; then it goes by what it asks and gives.
CREATE OR REPLACE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n int;
BEGIN
	EXECUTE 'SELECT 1 FROM ONLY cust x WHERE id = 28 AND phone LIKE ''138%'' FOR KEY SHARE OF x' INTO n;
	EXECUTE 'SELECT 1 FROM ONLY cust x WHERE id = 29 AND bal > 3 FOR KEY SHARE OF x' INTO n;
	EXECUTE 'SELECT 1 FROM ONLY cust x WHERE id + 0 = 30 FOR KEY SHARE OF x' INTO n;
	EXECUTE 'SELECT 1 FROM ONLY cust x WHERE id = 31 AND phone::text = ''138****0031'' FOR KEY SHARE OF x' INTO n;
	EXECUTE 'SELECT 1 FROM ONLY cust x WHERE id = (SELECT c.id FROM ONLY cust c WHERE c.bal = 32) FOR KEY SHARE OF x' INTO n;
	RETURN NEW;
END $$;
-- (what masks decide while data changes is refused, unless it is meant)
SET csec.allow_masked_dml = on;
UPDATE cust SET id = 128 WHERE id = 127;
RESET csec.allow_masked_dml;
SELECT * FROM trail.seen();
SET csec.record_internal = on;
INSERT INTO ord VALUES (6, 24);
RESET csec.record_internal;
SELECT * FROM trail.seen();

-- The same of partitions.
CREATE TABLE parts (id int8 PRIMARY KEY, phone csec.phone) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
SELECT csec.protect('parts', 'id', '{"phone": "phone"}');
INSERT INTO parts VALUES (5, '13800000005'), (15, '13800000015');
CREATE TABLE visit (cust_id int8 REFERENCES parts);
SELECT trail.mute();
INSERT INTO visit VALUES (5), (15);
SELECT * FROM trail.seen();

DROP OWNED BY regress_b6_clerk;
SELECT csec.revoke_clearance('regress_b6_clerk', level => 'important');
DROP ROLE regress_b6_clerk;
