-- Were this to fail, a policy of row security would show fields to its owner's function, and the trail would name other columns, or nobody: B.5, A.7.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(20);
CREATE ROLE regress_b5_clerk LOGIN;
SELECT csec.set_clearance('regress_b5_clerk', level => 'important');
GRANT ALL ON cust TO regress_b5_clerk;
CREATE FUNCTION spy(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1 LIKE '%1'; END $$;
CREATE FUNCTION tells(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'where %', $1; RETURN true; END $$;
CREATE POLICY one ON cust USING (spy(phone::text)) WITH CHECK (true);
ALTER TABLE cust ENABLE ROW LEVEL SECURITY;
SELECT trail.mute();

-- What it looks at is read, though nobody named it.
\c - regress_b5_clerk
SELECT id FROM cust WHERE id < 3;
SELECT count(*) FROM cust WHERE id = 4;
UPDATE cust SET bal = 0 WHERE id IN (1, 5);
DELETE FROM cust WHERE id = 6;
SELECT id FROM cust WHERE id = 7 FOR UPDATE;
MERGE INTO cust USING (VALUES (8), (11)) v (id) ON cust.id = v.id WHEN MATCHED THEN UPDATE SET bal = 1;
COPY (SELECT bal FROM cust WHERE id = 9) TO STDOUT;
\c - :dba
SELECT * FROM trail.seen();

-- The existing row that INSERT and MERGE meet.
DROP POLICY one ON cust;
CREATE POLICY reads ON cust FOR SELECT USING (true);
CREATE POLICY inserts ON cust FOR INSERT WITH CHECK (true);
CREATE POLICY updates ON cust FOR UPDATE USING (spy(phone::text)) WITH CHECK (true);
SELECT trail.mute();
\c - regress_b5_clerk
INSERT INTO cust (id) VALUES (11) ON CONFLICT (id) DO UPDATE SET bal = 2;
INSERT INTO cust (id) VALUES (12) ON CONFLICT (id) DO UPDATE SET bal = 2;
INSERT INTO cust (id) VALUES (13) ON CONFLICT (id) DO NOTHING;
MERGE INTO cust USING (VALUES (14)) v (id) ON cust.id = v.id WHEN MATCHED THEN UPDATE SET bal = 2;
\c - :dba
SELECT * FROM trail.seen();
-- Policy and WHERE see it one after the other, in an order of the release's own: one row.
\c - regress_b5_clerk
SET client_min_messages = warning;
INSERT INTO cust (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET bal = 2 WHERE tells(cust.bal);
\c - :dba
SELECT * FROM trail.seen();

-- In partitions, whose columns may be numbered otherwise.
CREATE TABLE part (id int8, phone csec.phone, bal int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 (x int, bal int, phone csec.phone, id int8 PRIMARY KEY);
ALTER TABLE part_2 DROP x;
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (10) TO (20);
INSERT INTO part SELECT i, '138' || lpad(i::text, 8, '0'), i FROM generate_series(1, 19) i;
SELECT csec.protect('part', 'id', '{"phone": "phone"}');
GRANT ALL ON part TO regress_b5_clerk;
CREATE POLICY reads ON part FOR SELECT USING (true);
CREATE POLICY inserts ON part FOR INSERT WITH CHECK (true);
CREATE POLICY updates ON part FOR UPDATE USING (spy(phone::text)) WITH CHECK (true);
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
SELECT trail.mute();
\c - regress_b5_clerk
INSERT INTO part (id) VALUES (1), (11) ON CONFLICT (id) DO UPDATE SET bal = 2;
INSERT INTO part (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET bal = 2;
INSERT INTO part (id) VALUES (12) ON CONFLICT (id) DO UPDATE SET bal = 2;
UPDATE part SET bal = 3 WHERE id = 13;
\c - :dba
SELECT * FROM trail.seen();

SELECT csec.revoke_clearance('regress_b5_clerk', level => 'important');
DROP OWNED BY regress_b5_clerk;
DROP ROLE regress_b5_clerk;
