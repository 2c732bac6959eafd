-- A permit for one customer must give nothing of another: not by what a row
-- is joined with, copied to, cast to or compared with, by whatever key the
-- customers have, in partitions, children, or under another's name (A.15).
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_a15_clerk LOGIN;
CREATE ROLE regress_a15_low LOGIN;
GRANT CREATE ON SCHEMA public TO regress_a15_clerk, regress_a15_low;

-- keys of text, of two columns, partitions
CREATE TABLE named (name text PRIMARY KEY, phone csec.phone);
INSERT INTO named VALUES ('a', '13812345671'), ('a,b', '13812345672'), ('A', '13812345673'), ('', '13812345674');
CREATE TABLE pairs (a text, b int, phone csec.phone, PRIMARY KEY (a, b));
INSERT INTO pairs VALUES ('x', 1, '13812345671'), ('x,1', 1, '13812345672'), ('x\', 1, '13812345673');
CREATE TABLE parts (id int PRIMARY KEY, phone csec.phone, extra int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
CREATE TABLE part_2 (extra int, junk text, phone csec.phone, id int NOT NULL);
ALTER TABLE part_2 DROP COLUMN junk;
ALTER TABLE parts ATTACH PARTITION part_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT g, '138123456' || 10 + g FROM generate_series(8, 11) g;
CREATE TABLE visits (cust int NOT NULL, phone csec.phone);
INSERT INTO visits VALUES (1, '13812345671'), (2, '13812345672');
CREATE TABLE cust (id int PRIMARY KEY, name csec.person_name, phone csec.phone, other csec.phone, id_no csec.id_card, docs csec.phone[]);
INSERT INTO cust SELECT g, 'Zhang ' || chr(64 + g), '1381234567' || g, '1391234567' || g, '11010519491231002X', ARRAY['1371234567' || g] FROM generate_series(1, 4) g;
UPDATE cust SET other = '13812345671' WHERE id = 4;
CREATE TABLE wide (id int PRIMARY KEY, long csec.masked(address), f1 csec.phone, f2 csec.phone, f3 csec.phone, f4 csec.phone, f5 csec.phone, f6 csec.phone, f7 csec.phone, f8 csec.phone, f9 csec.phone, f10 csec.phone);
SET csec.probe_limit = 1000;
INSERT INTO wide SELECT g, 'Chaoyang District ' || repeat(g || ' Long Street ', 5), '13311234567' || g, '13321234567' || g, '13331234567' || g, '13341234567' || g, '13351234567' || g, '13361234567' || g, '13371234567' || g, '13381234567' || g, '13391234567' || g, '13401234567' || g
	FROM generate_series(1, 4) g;
RESET csec.probe_limit;
SELECT csec.protect('wide', 'id');
SELECT csec.protect(t, s, '{"phone": "phone"}') FROM (VALUES ('named'::regclass, 'name'), ('parts', 'id')) v (t, s);
SELECT csec.protect('pairs', ARRAY['a', 'b'], '{"phone": "phone"}');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "other": "phone", "id_no": "id_card"}');
SELECT csec.protect('visits', 'cust', '{"phone": "phone"}', subject_of => 'cust');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO regress_a15_clerk, regress_a15_low;
CREATE FUNCTION give(id int, tab regclass, fields name[], subjects text[], export bool DEFAULT false) RETURNS void LANGUAGE sql AS $$
	INSERT INTO csec.access_permit (id, login, relid, fields, subjects, max_rows, export, valid_from, valid_until)
		VALUES (id, 'regress_a15_clerk', tab, fields, subjects, 1000, export, '-infinity', 'infinity');
	INSERT INTO csec.permit_use (permit) VALUES (id) $$;
REVOKE ALL ON FUNCTION give FROM PUBLIC;
SELECT give(1, 'named', '{phone}', '{a}'), give(2, 'pairs', '{phone}', ARRAY[csec.subject_key('x', '1')]),
	give(3, 'parts', '{phone}', '{8,10}'), give(4, 'visits', '{phone}', '{1}'), give(5, 'cust', '{phone,id_no}', '{1}'),
	give(6, 'wide', '{long,f1,f2,f3,f4,f5,f6,f7,f8,f9,f10}', '{1,3}');

\c - regress_a15_clerk
SELECT * FROM named ORDER BY phone::text COLLATE "C", name COLLATE "C";
SELECT * FROM pairs ORDER BY a COLLATE "C";
SELECT id, phone FROM parts ORDER BY id;
SELECT id, phone FROM part_2 ORDER BY id;
-- another field of the same kind, and arrays; the same value elsewhere tells what = tells
SELECT id, name, phone, other, id_no, docs FROM cust ORDER BY id;

-- many fields, long ones, and several rows of them at once
SELECT * FROM wide ORDER BY id;
SELECT * FROM wide ORDER BY f1::text COLLATE "C" DESC;
SELECT a.f1, a.f10, b.f1, b.f10, b.long FROM wide a, wide b WHERE a.id = 3 AND b.id = 1;
SELECT b.f10 FROM wide a, wide b WHERE a.id = 1 AND b.id = 2;
BEGIN;
DECLARE c CURSOR FOR SELECT id, f1, f9 FROM wide ORDER BY id;
FETCH 1 FROM c;
SELECT f1, f9 FROM wide WHERE id = 3;
FETCH 2 FROM c;
COMMIT;

-- joined with and compared to what is permitted
SELECT b.id, b.phone FROM cust a JOIN cust b ON a.id = 1 AND b.id = 2;
SELECT CASE WHEN id = 1 THEN (SELECT phone FROM cust WHERE id = 2) END FROM cust WHERE id = 1;
SELECT max(phone::text COLLATE "C") FROM cust WHERE id IN (2, 3);
SELECT coalesce(NULL, b.phone), b.phone::csec.phone::text, (b).phone FROM cust a, cust b WHERE a.id = 1 AND b.id = 3;
SELECT lag(phone) OVER (ORDER BY id) AS before, phone FROM cust ORDER BY id;
SELECT string_agg(phone, ',' ORDER BY id), json_agg(phone ORDER BY id) FROM cust;
SELECT phone FROM cust WHERE id = 1 INTERSECT SELECT phone FROM cust;
-- encrypted values under another row's name
SELECT b.id_no FROM cust a, cust b WHERE a.id = 1 AND b.id = 2;
-- a row of one's own making, with the key of a permitted one
CREATE TABLE mine (id int PRIMARY KEY, phone csec.phone);
INSERT INTO mine SELECT 1, phone FROM cust WHERE id = 2;
SELECT m.phone FROM mine m;
SELECT m.phone FROM mine m JOIN cust c USING (id);
CREATE TABLE child () INHERITS (mine);
-- another customer's value under a permitted key: by copying it, by moving the
-- row, by whatever statement; what is typed in may be stored
SET csec.allow_masked_dml = on;
UPDATE cust SET id = 100 WHERE id = 1 RETURNING phone;
BEGIN;
DELETE FROM cust WHERE id = 1;
UPDATE cust SET id = 1 WHERE id = 2 RETURNING id, phone;
ROLLBACK;
UPDATE cust SET phone = (SELECT phone FROM cust WHERE id = 2) WHERE id = 1;
UPDATE cust c SET phone = o.phone FROM cust o WHERE c.id = 1 AND o.id = 2;
UPDATE cust SET phone = other WHERE id = 1;
UPDATE cust c SET phone = (m).phone FROM (SELECT o AS m FROM cust o WHERE id = 2) s WHERE c.id = 1;
UPDATE cust SET phone = (ARRAY(SELECT phone FROM cust WHERE id = 2))[1] WHERE id = 1;
UPDATE cust SET phone = docs[1] WHERE id = 1;
WITH w AS (UPDATE cust c SET phone = o.phone FROM cust o WHERE c.id = 1 AND o.id = 2 RETURNING 1) SELECT * FROM w;
MERGE INTO cust c USING (SELECT * FROM cust WHERE id = 2) o ON c.id = 1 WHEN MATCHED THEN UPDATE SET phone = o.phone;
INSERT INTO visits SELECT 1, phone FROM visits WHERE cust = 2;
INSERT INTO visits SELECT 1, phone FROM cust WHERE id = 2;
INSERT INTO visits VALUES (1, '13812345670') ON CONFLICT DO NOTHING;
INSERT INTO cust (id, phone) VALUES (1, '13812345671') ON CONFLICT (id) DO UPDATE SET phone = (SELECT phone FROM cust WHERE id = 2);
INSERT INTO cust (id, phone) VALUES (1, '13812345671') ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone, name = 'Zhang A';
DO $$ DECLARE p csec.phone; BEGIN SELECT phone INTO p FROM cust WHERE id = 2; UPDATE cust SET phone = p WHERE id = 1; END $$;
DO $$ DECLARE p csec.phone; BEGIN SELECT phone INTO p FROM cust WHERE id = 2; EXECUTE 'INSERT INTO visits VALUES (1, $1)' USING p; END $$;
UPDATE parts SET id = 10 WHERE id = 9;
UPDATE cust SET phone = phone, name = 'Zhang A' WHERE id = 1;
UPDATE cust SET phone = '13812345671' WHERE id = 1;
UPDATE cust SET phone = NULL WHERE id = 3;
PREPARE given AS UPDATE cust SET phone = $1 WHERE id = 1;
CREATE FUNCTION of_another() RETURNS csec.phone LANGUAGE sql AS 'SELECT phone FROM cust WHERE id = 2';
EXECUTE given (of_another());
UPDATE cust SET phone = of_another() WHERE id = 1;
-- what the transaction itself has changed is not shown before it commits
BEGIN;
UPDATE cust SET phone = '13812345671' WHERE id = 1;
SELECT phone FROM cust WHERE id = 1;
ROLLBACK;
RESET csec.allow_masked_dml;
SELECT id, phone FROM cust WHERE id <= 2 ORDER BY id;
SELECT * FROM visits ORDER BY cust, phone::text COLLATE "C";

-- functions of others, in the clerk's session: what he sees, no more
\c - regress_a15_low
CREATE TABLE loot (t text);
GRANT INSERT ON loot TO PUBLIC;
CREATE FUNCTION leak(csec.phone) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$;
\c - regress_a15_clerk
SELECT id FROM cust WHERE leak(phone) ORDER BY id;
-- a security-restricted operation
CREATE MATERIALIZED VIEW seen AS SELECT phone::text FROM cust WHERE id = 1;
REFRESH MATERIALIZED VIEW seen;
SELECT * FROM seen;
-- roles: SET ROLE to one that the login holds keeps the login; to others nobody
SET ROLE regress_a15_low;
DROP MATERIALIZED VIEW seen;

\c - postgres
DELETE FROM csec.access_permit;
DROP FUNCTION give, leak, of_another;
DROP TABLE child, mine, loot;
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP TABLE named, pairs, parts, visits, cust, wide;
DROP OWNED BY regress_a15_clerk, regress_a15_low;
DROP ROLE regress_a15_clerk, regress_a15_low;
