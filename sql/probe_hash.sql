-- A.6: values tried through hash indexes, and hash tables that a cursor goes on with.
\set VERBOSITY terse
CREATE ROLE regress_hash_low LOGIN;
CREATE ROLE regress_hash_other LOGIN;
CREATE ROLE regress_hash_both LOGIN IN ROLE regress_hash_low, regress_hash_other;
CREATE ROLE regress_hash_mail LOGIN;
CREATE ROLE regress_hash_split LOGIN;
CREATE ROLE regress_hash_clerk LOGIN;
SELECT csec.set_clearance('regress_hash_mail', category => 'email');
SELECT csec.set_clearance('regress_hash_clerk', level => 'core');
GRANT csec_loader TO regress_hash_clerk;
INSERT INTO csec.category (name, level, storage, search) VALUES ('regress_hash', 'important', 'encrypted', 'equality');
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, code csec.encrypted(regress_hash), mail csec.email, phones csec.phone[]);
CREATE INDEX cust_phone ON cust USING hash (phone);
CREATE INDEX cust_code ON cust USING hash (code);
CREATE INDEX cust_phones ON cust USING hash ((phones[1]));
CREATE TABLE mails (mail csec.email);
CREATE INDEX mails_mail ON mails USING hash (mail);
GRANT SELECT, INSERT ON cust, mails TO PUBLIC;
\c - regress_hash_clerk
INSERT INTO cust SELECT g, (13800000000 + g)::text, 'CODE' || g, 'user' || g || '@example.com', ARRAY[(13800000000 + g)::text]
	FROM generate_series(1, 50) g;
INSERT INTO mails SELECT (13800000000 + g)::text FROM generate_series(1, 10) g;
\c - postgres
ANALYZE cust, mails;
ALTER ROLE regress_hash_low SET enable_seqscan = off;
ALTER ROLE regress_hash_mail SET enable_seqscan = off;
ALTER ROLE regress_hash_clerk SET enable_seqscan = off;

-- one finds, and what does not find counts as well
\c - regress_hash_low
SELECT id FROM cust WHERE phone = '13800000042'::text;
SELECT id FROM cust WHERE code = 'code42'::text;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE FUNCTION pg_temp.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n int;
	line text;
	used text := 'no index';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ '(Index|Bitmap Index) Scan (using|on) cust_' THEN
			used := substring(line FROM 'cust_\w+');
		END IF;
	END LOOP;
	EXECUTE query INTO n;
	RETURN used || ': ' || n;
EXCEPTION WHEN configuration_limit_exceeded OR insufficient_privilege THEN
	RETURN used || ': ' || SQLERRM;
END
$$;
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT (13900000000 + g)::text AS v FROM generate_series(1, 20) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v $q$);
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT (13900000000 + g)::text AS v FROM generate_series(1, 21) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v $q$);
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT 'none' || g AS v FROM generate_series(1, 20) g OFFSET 0) g LEFT JOIN cust c ON c.code = g.v $q$);
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT 'none' || g AS v FROM generate_series(1, 21) g OFFSET 0) g LEFT JOIN cust c ON c.code = g.v $q$);
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT 'none' || g AS v FROM generate_series(1, 21) g OFFSET 0) g LEFT JOIN cust c ON c.phones[1] = g.v $q$);
-- typed in as a field without a category
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT ('none' || g)::csec.masked AS v FROM generate_series(1, 21) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v $q$);
-- by a bitmap, in a sub-query, in a CTE
SET enable_indexscan = off;
SELECT pg_temp.try($q$ SELECT count(c.id) FROM (SELECT (13900000000 + g)::text AS v FROM generate_series(1, 21) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v $q$);
RESET enable_indexscan;
SELECT pg_temp.try($q$ SELECT count((SELECT id FROM cust WHERE phone = (13900000000 + g)::text)) FROM generate_series(1, 21) g $q$);
SELECT pg_temp.try($q$ WITH c AS MATERIALIZED (SELECT count(id) AS n FROM generate_series(1, 21) g LEFT JOIN cust ON phone = (13900000000 + g)::text) SELECT n FROM c $q$);
-- statement after statement within one
DO $$
BEGIN
	FOR i IN 1..21 LOOP
		PERFORM FROM public.cust WHERE phone = (13900000000 + i)::text;
	END LOOP;
	RAISE NOTICE 'not reached';
END
$$;
-- a cursor that is fetched from again and again
BEGIN;
DECLARE c CURSOR FOR SELECT c.id FROM (SELECT (13900000000 + g)::text AS v FROM generate_series(1, 100) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v;
MOVE 10 FROM c;
MOVE 15 FROM c;
MOVE 21 FROM c;
COMMIT;

-- the same with a hash table, which is filled at the first FETCH
RESET enable_hashjoin;
SET enable_nestloop = off;
SET cursor_tuple_fraction = 1;
CREATE TEMP TABLE guess AS SELECT (13900000000 + g)::text AS v FROM generate_series(1, 100) g;
ANALYZE guess;
BEGIN;
EXPLAIN (COSTS OFF) DECLARE c CURSOR FOR SELECT c.id FROM guess LEFT JOIN (SELECT * FROM cust WHERE id < 5) c ON c.phone = guess.v;
DECLARE c CURSOR FOR SELECT c.id FROM guess LEFT JOIN (SELECT * FROM cust WHERE id < 5) c ON c.phone = guess.v;
MOVE 10 FROM c;
MOVE 15 FROM c;
MOVE 21 FROM c;
ROLLBACK;
-- the other way round: the values first, and what is hidden at the second FETCH
BEGIN;
DECLARE c CURSOR FOR SELECT o.id FROM (SELECT 0 AS id, 'x'::csec.masked AS phone UNION ALL SELECT id, phone FROM cust) o
	LEFT JOIN guess ON o.phone = guess.v;
MOVE 1 FROM c;
MOVE 1 FROM c;
ROLLBACK;
-- what is over is forgotten
BEGIN;
SELECT count(DISTINCT phone) FROM cust;
SELECT count(*) FROM guess JOIN (VALUES ('a'::csec.masked), ('b')) m (v) ON m.v = guess.v;
COMMIT;

-- another role goes on with it
\c - regress_hash_both
SET enable_seqscan = off;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SET cursor_tuple_fraction = 1;
CREATE TEMP TABLE guess AS SELECT (13900000000 + g)::text AS v FROM generate_series(1, 100) g;
ANALYZE guess;
GRANT SELECT ON guess TO PUBLIC;
SET ROLE regress_hash_low;
BEGIN;
DECLARE c CURSOR FOR SELECT c.id FROM guess LEFT JOIN (SELECT * FROM cust WHERE id < 5) c ON c.phone = guess.v;
MOVE 10 FROM c;
SET LOCAL ROLE regress_hash_other;
MOVE 21 FROM c;
ROLLBACK;

-- in a parallel hash join each process counts its values, also one that hashed nothing hidden (that is slow, so that all take part)
\c - postgres
CREATE TABLE hidden AS SELECT phone FROM cust LIMIT 1;
CREATE TABLE spread (v text, pad text);
ALTER TABLE spread ALTER pad SET STORAGE PLAIN;
INSERT INTO spread SELECT (13900000000 + g)::text, repeat('x', 7000) FROM generate_series(1, 15) g;
ANALYZE hidden, spread;
GRANT SELECT ON hidden, spread TO PUBLIC;
ALTER ROLE regress_hash_split SET csec.probe_quota = 15;
\c - regress_hash_split
SET max_parallel_workers_per_gather = 2;
SET cpu_tuple_cost = 10;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(h.phone) FROM (SELECT v FROM spread WHERE pg_sleep(0.02) IS NOT NULL) s LEFT JOIN hidden h ON h.phone = s.v;
SELECT count(h.phone) FROM (SELECT v FROM spread WHERE pg_sleep(0.02) IS NOT NULL) s LEFT JOIN hidden h ON h.phone = s.v;
SELECT count(*) FROM hidden WHERE phone = '13900000016'::text;

-- what he may not see is not looked up among what he knows
\c - regress_hash_mail
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT count(m.mail) FROM cust c LEFT JOIN mails m ON m.mail = c.phone;
SELECT count(m.mail) FROM cust c LEFT JOIN mails m ON m.mail = c.phone;
-- while what he knows is, without limit
SELECT count(m.mail) FROM (SELECT (13900000000 + g)::text AS v FROM generate_series(1, 100) g OFFSET 0) g LEFT JOIN mails m ON m.mail = g.v;
SELECT count(m.mail) FROM cust c LEFT JOIN mails m ON m.mail = c.mail;
-- and is grouped by beside
SELECT count(*) FROM (SELECT phone, count(*) FROM cust WHERE EXISTS (SELECT FROM mails WHERE mail = '13800000001'::text) GROUP BY phone) s;

-- the cleared are not limited
\c - regress_hash_clerk
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(c.id) FROM (SELECT (13800000000 + g)::text AS v FROM generate_series(1, 100) g OFFSET 0) g LEFT JOIN cust c ON c.phone = g.v;
SELECT count(c.id) FROM (SELECT 'Code ' || g AS v FROM generate_series(1, 100) g OFFSET 0) g LEFT JOIN cust c ON c.code = g.v;

\c - postgres
DROP TABLE cust, mails, hidden, spread;
SELECT csec.revoke_clearance('regress_hash_mail', category => 'email');
SELECT csec.revoke_clearance('regress_hash_clerk', level => 'core');
DROP OWNED BY regress_hash_low, regress_hash_both, regress_hash_mail, regress_hash_clerk, regress_hash_other, regress_hash_split;
DROP ROLE regress_hash_both, regress_hash_low, regress_hash_other, regress_hash_mail, regress_hash_clerk, regress_hash_split;
