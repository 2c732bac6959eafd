-- Were this to fail, a way to read a table would go unrecorded, or a record would accuse a reader of rows that were not shown to him: B.5.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(40);
ALTER TABLE cust ADD name text;
-- a row's place is known: what a VACUUM FULL has left of an UPDATE depends on who else is there
ALTER TABLE cust ALTER name TYPE text USING 'n' || id;
CREATE INDEX by_bal ON cust (bal);
CREATE INDEX by_phone ON cust (phone);
CREATE INDEX by_bal_with_id ON cust (bal, name) INCLUDE (id);
ANALYZE cust;
CREATE TABLE ord (no int PRIMARY KEY, cust_id int8, what text);
INSERT INTO ord SELECT i, i % 10 + 1, 'w' FROM generate_series(1, 30) i;
ANALYZE ord;
CREATE FUNCTION rejects(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RETURN false; END $$;
SELECT trail.mute();

-- Whole tables, in every way there is to say it.
TABLE cust LIMIT 2;
COPY cust TO '/dev/null';
COPY cust (id, bal) TO '/dev/null';
COPY (SELECT phone FROM cust WHERE id < 3) TO '/dev/null' (FORMAT binary);
COPY cust TO PROGRAM 'cat > /dev/null';
SELECT count(c) FROM cust c WHERE id < 4;
SELECT count(to_jsonb(c)) FROM cust c WHERE id < 4;
SELECT * FROM trail.seen();

-- Every kind of scan.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT phone FROM cust WHERE id = 7;
SELECT id FROM cust WHERE id IN (3, 5);
SELECT bal FROM cust WHERE bal IN (8, 9);
SELECT bal FROM cust WHERE bal = 10 AND name = 'n10';
SELECT count(*) FROM cust WHERE phone = '13800000011';
SELECT ctid FROM cust WHERE ctid = '(0,12)';
SELECT count(phone) FROM cust WHERE ctid < '(0,4)';
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SELECT phone FROM cust WHERE bal IN (13, 14);
SELECT phone FROM cust WHERE bal = 15 OR id = 16;
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_seqscan;
SELECT count(phone) FROM cust TABLESAMPLE bernoulli (100);
SELECT phone FROM cust WHERE id = 17 FOR UPDATE;
SELECT phone FROM cust WHERE id = 18 FOR KEY SHARE SKIP LOCKED;
EXPLAIN (COSTS OFF) SELECT bal FROM cust WHERE bal IN (8, 9);
SELECT * FROM trail.seen();

-- Counted, aggregated, tested: nothing is shown, and it was read.
SELECT count(*) FROM cust;
SELECT count(*) FROM cust WHERE bal > 38;
SELECT max(bal) FROM cust WHERE bal < 4;
SELECT 1 FROM cust LIMIT 1;
SELECT EXISTS (SELECT FROM cust WHERE id = 19);
SELECT EXISTS (SELECT FROM cust WHERE id = 190);
SELECT count(DISTINCT phone) FROM cust WHERE id < 6;
SELECT count(*) FROM (SELECT phone FROM cust WHERE id < 3 GROUP BY phone HAVING count(*) = 1) x;
SELECT * FROM trail.seen();

-- How exact it is: of what a node above drops only what came through is told.
SELECT c.id, phone, o.no FROM cust c JOIN ord o ON o.cust_id = c.id WHERE o.no IN (4, 5, 6) ORDER BY o.no;
SET enable_nestloop = off;
SELECT c.id, phone, o.no FROM cust c JOIN ord o ON o.cust_id = c.id WHERE o.no IN (4, 5, 6) ORDER BY o.no;
SET enable_hashjoin = off;
SELECT c.id, phone, o.no FROM cust c JOIN ord o ON o.cust_id = c.id WHERE o.no IN (4, 5, 6) ORDER BY o.no;
RESET enable_nestloop;
RESET enable_hashjoin;
SELECT phone, o.no FROM cust c RIGHT JOIN ord o ON o.cust_id = c.id + 8 WHERE o.no < 4 ORDER BY o.no;
SELECT c.id, phone FROM cust c ORDER BY bal DESC LIMIT 2;
SELECT phone FROM cust c ORDER BY bal DESC LIMIT 2;
SELECT id, phone FROM cust ORDER BY id OFFSET 38;
SELECT c.id, d.id, c.phone FROM cust c JOIN cust d ON d.id = c.id + 1 WHERE c.id < 3;
SELECT DISTINCT id FROM cust WHERE id < 3;
SELECT * FROM (SELECT id, phone, row_number() OVER (ORDER BY bal) n FROM cust) x WHERE n = 2;
SELECT * FROM trail.seen();

-- Sub-queries of all sorts.
SELECT o.no, x.phone FROM ord o, LATERAL (SELECT phone FROM cust WHERE id = o.cust_id) x WHERE o.no IN (1, 2);
WITH RECURSIVE r (id) AS (SELECT id FROM cust WHERE id = 20 UNION ALL SELECT c.id FROM r JOIN cust c ON c.id = r.id + 1 WHERE c.id < 24) SELECT count(*) FROM r;
WITH m AS MATERIALIZED (SELECT * FROM cust WHERE id BETWEEN 25 AND 27) SELECT id FROM m WHERE bal = 26;
SELECT no, (SELECT phone FROM cust WHERE id = o.cust_id) FROM ord o WHERE no = 3;
SELECT no FROM ord WHERE cust_id IN (SELECT id FROM cust WHERE bal = 5) ORDER BY no LIMIT 1;
SELECT no FROM ord o WHERE NOT EXISTS (SELECT FROM cust c WHERE c.id = o.cust_id AND c.bal > 1) ORDER BY no LIMIT 1;
SELECT count(*) FROM ord o WHERE o.cust_id NOT IN (SELECT id FROM cust WHERE bal > 38);
SELECT count(*) FROM ord o LEFT JOIN cust c ON c.id = o.cust_id AND c.bal > 8 WHERE c.id IS NULL;
SELECT ARRAY(SELECT id FROM cust WHERE id < 4);
SELECT id FROM cust WHERE id = 28 UNION SELECT no FROM ord WHERE no = 28;
SELECT id FROM cust WHERE id IN (29, 30) INTERSECT SELECT id FROM cust WHERE id = 30;
VALUES ((SELECT phone FROM cust WHERE id = 31));
SELECT * FROM trail.seen();

-- A condition with somebody's own function has seen the rows that it rejects.
SELECT id FROM cust WHERE rejects(phone::text) AND id < 4;
SELECT id FROM cust WHERE id = 5 AND rejects(phone::text);
SELECT count(*) FROM cust c JOIN ord o ON o.cust_id = c.id AND rejects(c.phone::text) WHERE o.no = 4;
SELECT count(*) FROM cust c LEFT JOIN ord o ON o.no = 1 AND rejects(c.phone::text) WHERE c.id = 32;
SELECT id FROM (SELECT id, phone FROM cust WHERE id = 33 OFFSET 0) x WHERE rejects(phone::text);
SELECT phone FROM cust WHERE id < 3 GROUP BY phone HAVING rejects(phone::text);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT bal FROM cust WHERE bal = 6 AND rejects(bal::text);
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT count(*) FROM cust WHERE id = 34 AND CASE WHEN phone::text LIKE '138%' THEN random() < 0 END;
SELECT count(*) FILTER (WHERE rejects(phone::text)) FROM cust WHERE id = 35;
SELECT * FROM trail.seen();

-- The existing row in ON CONFLICT.
INSERT INTO cust (id, bal) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;
INSERT INTO cust (id, bal) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET bal = 0 WHERE rejects(cust.phone::text);
INSERT INTO cust (id, bal) VALUES (2, 0) ON CONFLICT (id) DO UPDATE SET bal = 2 RETURNING phone;
INSERT INTO cust (id, bal) VALUES (3, 0) ON CONFLICT (id) DO UPDATE SET name = cust.phone::text WHERE cust.phone::text = 'x';
SELECT * FROM trail.seen();

-- One that fails behind others, where its key is fetched apart: it may be any, and that is told once.
DROP INDEX by_bal_with_id;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT 1 / (15 - bal) AS x FROM cust WHERE bal > 9 ORDER BY bal;
BEGIN;
DECLARE c CURSOR FOR SELECT 1 / (25 - bal) AS x FROM cust WHERE bal > 19 ORDER BY bal;
FETCH 3 FROM c;
FETCH 10 FROM c;
ROLLBACK;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT * FROM trail.seen();
