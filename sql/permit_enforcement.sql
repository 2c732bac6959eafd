-- What a permit shows: only its fields, only of its customers, only while it
-- is in force, and no more rows than it says.  Everything else is a mask, by
-- whatever way the values come.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_pe_clerk LOGIN;
CREATE ROLE regress_pe_low LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text, city text);
INSERT INTO cust SELECT g, 'Zhang ' || chr(64 + g), '1381234567' || g, '11010519491231002X', 'c' || g % 2 FROM generate_series(1, 8) g;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
CREATE TABLE orders (no int PRIMARY KEY, cust int, amount int);
INSERT INTO orders SELECT g, 1 + g % 4, g FROM generate_series(1, 12) g;
SELECT csec.protect('orders', 'cust', subject_of => 'cust');
GRANT SELECT, UPDATE ON cust TO PUBLIC;
GRANT SELECT ON orders TO PUBLIC;
GRANT CREATE, TEMPORARY ON DATABASE :DBNAME TO PUBLIC;
GRANT CREATE ON SCHEMA public TO PUBLIC;
-- a permit as csec's functions make it (see permits.sql)
CREATE FUNCTION give(id int, fields name[], subjects text[], max_rows int DEFAULT 1000, export bool DEFAULT false,
	until timestamptz DEFAULT 'infinity', begins timestamptz DEFAULT '-infinity') RETURNS void LANGUAGE sql AS $$
	INSERT INTO csec.access_permit (id, login, relid, fields, subjects, not_subjects, max_rows, export, valid_from, valid_until)
		VALUES (id, 'regress_pe_clerk', 'cust', fields, subjects, '{7}', max_rows, export, begins, until);
	INSERT INTO csec.permit_use (permit) VALUES (id);
$$;
REVOKE ALL ON FUNCTION give FROM PUBLIC;
CREATE FUNCTION reading(int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT phone::text FROM cust WHERE id = $1 $$;
CREATE FUNCTION reading_definer(int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS
	$$ BEGIN RETURN (SELECT phone FROM cust WHERE id = $1); END $$;
CREATE VIEW people AS SELECT id, upper(name) AS up, phone, id_no FROM cust;
GRANT SELECT ON people TO PUBLIC;
SELECT give(1, '{name,phone}', '{1,2}');

-- its fields, its customers
\c - regress_pe_clerk
SELECT id, name, phone, id_no FROM cust ORDER BY id;
SELECT id, phone FROM cust WHERE id = 2;
SELECT category, shown, why FROM csec.why_masked WHERE category IN ('phone', 'id_card', 'email') ORDER BY category;
-- another login, and whoever acts as this one by attribute
\c - regress_pe_low
SELECT id, phone FROM cust WHERE id = 2;
\c - postgres
SET SESSION AUTHORIZATION regress_pe_clerk;
SELECT id, phone FROM cust WHERE id = 2;
RESET SESSION AUTHORIZATION;

\c - regress_pe_clerk
-- as text, in filters, computed in the scan, sorted, grouped, joined, in CTEs,
-- sub-queries, functions, views, rows, JSON, arrays, by index only
SELECT phone::text || '!' AS t, upper(name) FROM cust WHERE id IN (1, 3) ORDER BY id;
SELECT id FROM cust WHERE phone::text LIKE '138%7_' ORDER BY id;
SELECT id, phone FROM cust WHERE name::text LIKE 'Zhang%' ORDER BY phone::text, id;
SELECT city, count(*), string_agg(phone, ' ' ORDER BY id), min(phone::text) FROM cust GROUP BY city ORDER BY city;
SELECT c.id, c.phone, count(*) FROM cust c JOIN orders o ON o.cust = c.id GROUP BY c.id, c.phone ORDER BY c.id;
WITH m AS MATERIALIZED (SELECT * FROM cust) SELECT id, phone FROM m WHERE id IN (2, 3) ORDER BY id;
SELECT id, (SELECT c.phone FROM cust c WHERE c.id = o.cust) FROM (SELECT DISTINCT cust, cust AS id FROM orders) o ORDER BY id;
SELECT id, reading(id), reading_definer(id) FROM generate_series(2, 3) id;
SELECT * FROM people WHERE id IN (2, 3) ORDER BY id;
SELECT c FROM cust c WHERE id IN (2, 3) ORDER BY id;
SELECT row_to_json(c) FROM cust c WHERE id IN (2, 3) ORDER BY id;
SELECT array_agg(phone ORDER BY id) FROM cust WHERE id < 4;
SELECT phone FROM cust WHERE id = 1 UNION ALL SELECT phone FROM cust WHERE id = 3;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id, phone FROM cust WHERE id IN (2, 3) ORDER BY id LOOP RAISE NOTICE '% %', r.id, r.phone; END LOOP; END $$;
\c - postgres
CREATE INDEX by_phone ON cust (phone);
VACUUM ANALYZE cust;
\c - regress_pe_clerk
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT phone FROM cust WHERE phone = '13812345672' OR phone = '13812345673' ORDER BY phone::text COLLATE "C";
SELECT phone FROM cust ORDER BY phone::text COLLATE "C";
RESET enable_seqscan;
RESET enable_bitmapscan;

-- what was stored elsewhere is not the row any more
CREATE TEMP TABLE kept AS SELECT id, phone FROM cust;
SELECT * FROM kept ORDER BY id LIMIT 2;
SELECT k.id, k.phone, c.phone FROM kept k JOIN cust c USING (id) WHERE id IN (2, 3) ORDER BY id;
-- without export: not into COPY, other tables, changes
COPY (SELECT phone FROM cust WHERE id = 2) TO STDOUT;
CREATE TEMP TABLE texts AS SELECT phone::text FROM cust WHERE id = 2;
SELECT * FROM texts;
UPDATE cust SET city = phone::text WHERE id = 2;
DROP TABLE kept, texts;

-- cursors: what was read before is shown later, while the permit lasts
BEGIN;
DECLARE c CURSOR FOR SELECT id, phone FROM cust ORDER BY id;
FETCH 1 FROM c;
SELECT id, phone FROM cust WHERE id = 1;
FETCH 2 FROM c;
COMMIT;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT id, phone FROM cust ORDER BY id;
COMMIT;
FETCH 1 FROM h;
SELECT id, phone FROM cust WHERE id = 1;
FETCH 2 FROM h;
CLOSE h;

-- without workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET force_parallel_mode = on;
SELECT id, phone::text FROM cust WHERE id IN (2, 3) ORDER BY id;
SELECT count(*) FILTER (WHERE phone::text LIKE '%72') FROM cust;
SELECT phone FROM cust WHERE city = 'c0';
RESET force_parallel_mode;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- complete or refused: a permit makes no dump
SET row_security = off;
SELECT phone FROM cust WHERE id = 2;
RESET row_security;

-- core: its purpose is the reason; export; any customer, but never oneself
\c - postgres
DELETE FROM csec.access_permit;
SELECT give(2, '{id_no}', '{2}'), give(3, '{phone}', NULL, export => true);
\c - regress_pe_clerk
SELECT id, phone, id_no FROM cust WHERE id IN (1, 2, 7) ORDER BY id;
COPY (SELECT phone, id_no FROM cust WHERE id IN (2, 7) ORDER BY id) TO STDOUT;

-- not yet, and not any more
\c - postgres
DELETE FROM csec.access_permit;
SELECT give(4, '{phone}', '{1}', begins => now() + interval '1 hour'), give(5, '{phone}', '{2}', until => now() - interval '1 second');
\c - regress_pe_clerk
SELECT id, phone FROM cust WHERE id IN (1, 2) ORDER BY id;

-- the quota: rows, each once in a statement, over all statements
\c - postgres
DELETE FROM csec.access_permit;
SELECT give(6, '{name,phone}', NULL, max_rows => 3);
\c - regress_pe_clerk
SELECT id, name, phone, phone::text FROM cust WHERE id IN (1, 2) ORDER BY id;
-- what is filtered and counted is not shown
SELECT count(*) FROM cust;
SELECT id FROM cust WHERE id = 3 ORDER BY phone;
BEGIN;
SELECT c.phone, o.no FROM cust c JOIN orders o ON o.cust = c.id WHERE c.id = 3 AND o.no < 8 ORDER BY o.no;
ROLLBACK;
SET client_min_messages = notice;
SELECT id, name, phone FROM cust WHERE id IN (3, 4) ORDER BY id;
RESET client_min_messages;
BEGIN READ ONLY;
SELECT id, phone FROM cust WHERE id = 4;
COMMIT;
\c - postgres
SELECT * FROM csec.permit_use WHERE permit = 6;

-- one that csec did not give
DELETE FROM csec.access_permit;
SELECT give(8, '{phone}', '{1}');
ALTER TABLE csec.access_permit DISABLE TRIGGER sign_row;
UPDATE csec.access_permit SET subjects = '{1,2,3}' WHERE id = 8;
ALTER TABLE csec.access_permit ENABLE ALWAYS TRIGGER sign_row;
\c - regress_pe_clerk
SELECT id, phone FROM cust WHERE id = 1;

-- the columns are those that it was given for: a protected one is not dropped
-- under it, and another that gets its name does not come in
\c - postgres
DELETE FROM csec.access_permit;
SELECT give(9, '{phone}', '{1}');
ALTER TABLE cust RENAME COLUMN phone TO mobile;
ALTER TABLE cust RENAME COLUMN name TO phone;
\c - regress_pe_clerk
SELECT id, phone, mobile FROM cust WHERE id = 1;
\c - postgres
ALTER TABLE cust RENAME COLUMN phone TO name;
ALTER TABLE cust RENAME COLUMN mobile TO phone;
ALTER TABLE cust DROP COLUMN phone;
-- nor does what was asked for by name, and not given yet, come to be for another
INSERT INTO csec.access_request (id, state, person, login, relid, fields, level, subjects, max_rows, purpose, lasting, changed_by)
	VALUES (77, 'submitted', 'p', 'regress_pe_clerk', 'cust', '{phone}', 'important', '{1}', 1, 'test', '1 hour', 'p');
ALTER TABLE cust RENAME COLUMN phone TO mobile;
UPDATE csec.access_request SET fields = '{gone}' WHERE id = 77;
ALTER TABLE cust RENAME COLUMN name TO gone;
UPDATE csec.access_request SET state = 'withdrawn' WHERE id = 77;
INSERT INTO csec.match_permit VALUES ('cust', '{phone,gone}');
ALTER TABLE cust RENAME COLUMN name TO gone;
ALTER TABLE cust RENAME COLUMN phone TO mobile;
SELECT fields FROM csec.match_permit;
ALTER TABLE cust RENAME COLUMN mobile TO phone;
DELETE FROM csec.match_permit;
DELETE FROM csec.access_request WHERE id = 77;

-- the records: rows of permitted customers apart, with the permit
\c - postgres
SELECT csec.flush_audit();
SELECT statement, revealed, masked, rows, permit, (SELECT string_agg(s, ',') FROM csec.subjects_of(seq) s) AS subjects
	FROM csec.access_records WHERE login = 'regress_pe_clerk' AND relation = 'public.cust' ORDER BY seq LIMIT 8;
SELECT permit, sum(rows) AS rows FROM csec.access_records WHERE permit IS NOT NULL GROUP BY permit ORDER BY permit;
SELECT DISTINCT permit, revealed FROM csec.who_saw('cust', '2') WHERE permit = 1 AND 'phone' = ANY (revealed) ORDER BY 2 LIMIT 1;
SELECT login, denied, object FROM csec.denials WHERE denied LIKE '%permit%' ORDER BY seq;
SELECT verified, bad_seq, problem FROM csec.verify_trail();

DROP VIEW people;
SELECT csec.unprotect('orders', 'test is over', allow_lock => true);
DROP FUNCTION reading, reading_definer, give;
DROP TABLE cust, orders;
DROP OWNED BY regress_pe_clerk;
DELETE FROM csec.access_permit;
DROP ROLE regress_pe_clerk, regress_pe_low;
