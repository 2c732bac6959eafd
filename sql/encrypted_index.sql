-- Were this to fail, equality on encrypted fields would miss rows or indexes, or order, trying and plans would tell what is encrypted.
\set SHOW_CONTEXT never

SELECT current_user AS dba \gset
CREATE ROLE regress_enc_index_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_enc_index_low LOGIN;
CREATE ROLE regress_enc_index_clerk LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_enc_index_clerk', level => 'core');
INSERT INTO csec.category (name, level, mask, search, storage, suite) VALUES ('sm4_no', 'important', 'last4', 'equality', 'encrypted', 'sm4_ctr_hmac_sm3');

\c - regress_enc_index_owner
CREATE DOMAIN sm4_no AS csec.encrypted(sm4_no);
CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, card csec.bank_card, other sm4_no, phone csec.phone, hidden csec.health)
	WITH (autovacuum_enabled = false); -- plans do not depend on when it comes
INSERT INTO cust SELECT g, '1101051949' || lpad((g * 7919)::text, 8, '0'), '62220212' || lpad((g * 104729)::text, 8, '0'),
	'S' || g % 7, '138' || lpad(g::text, 8, '0'), 'same' FROM generate_series(1, 3000) g;
CREATE UNIQUE INDEX cust_id_no ON cust (id_no);
CREATE INDEX cust_card ON cust USING hash (card);
CREATE INDEX cust_other ON cust (other);
CREATE INDEX cust_lower ON cust (lower(id_no));
ANALYZE cust;
GRANT SELECT, INSERT ON cust TO PUBLIC;
CREATE TABLE candidates AS SELECT '1101051949' || lpad((g * 7919)::text, 8, '0') AS p FROM generate_series(1, 100) g;
GRANT SELECT ON candidates TO PUBLIC;

-- The index is used for what drivers and people write, and the search form decides.
\c - regress_enc_index_low
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE id_no = '110105194900007919'::text;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE '110105194900007919'::varchar = id_no;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE id_no = ANY ('{110105194900007919,110105194900015838}'::text[]);
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE card = '6222021200104729'::text;
-- a literal is shown as typed, to him who typed it
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE id_no = '110105194900007919';
EXPLAIN (COSTS OFF, VERBOSE) SELECT id FROM cust WHERE id_no IN ('110105194900007919', '110105194900015838');
SELECT id FROM cust WHERE id_no = '110105194900007919';
SELECT id FROM cust WHERE id_no = ' 110105 1949 0000 7919 '::text;
SELECT id FROM cust WHERE id_no = '１１０１０５１９４９００００７９１９';
SELECT id FROM cust WHERE '110105194900007919'::varchar = id_no;
SELECT id FROM cust WHERE id_no = '110105194900007919'::char(30);
SELECT id FROM cust WHERE id_no IN ('110105194900007919', '110105194900015838') ORDER BY id;
SELECT id FROM cust WHERE id_no = ANY ('{110105194900007919,110105194900015838}'::text[]) ORDER BY id;
SELECT id FROM cust WHERE card = '6222 0212 0010 4729';
SELECT id FROM cust WHERE lower(id_no) = '110105194900007919';
SELECT id FROM cust WHERE id_no = '110105194900007918';
SELECT id FROM cust WHERE id_no IS NOT DISTINCT FROM '110105194900007919';
SELECT count(*) FROM cust WHERE id_no <> '110105194900007919' AND id < 10;
PREPARE by_text(text) AS SELECT id FROM cust WHERE id_no = $1;
PREPARE by_unknown AS SELECT id FROM cust WHERE id_no = $1;
PREPARE by_array(varchar[]) AS SELECT id FROM cust WHERE id_no = ANY ($1);
EXECUTE by_text('110105194900007919');
EXECUTE by_unknown('110105194900007919');
EXECUTE by_array('{110105194900007919}');
SET search_path = '';
SELECT id FROM public.cust WHERE id_no = '110105194900007919'::text;
SELECT id FROM public.cust WHERE '110105194900007919' = id_no;
RESET search_path;
-- a long list is hashed
RESET enable_seqscan;
SELECT id FROM cust WHERE phone || '' = '' OR id_no IN ('110105194900007919', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
SELECT count(*) FROM cust WHERE phone || '' = '' OR id_no NOT IN ('110105194900007919', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
SELECT id FROM cust WHERE phone || '' = '' OR id_no = ANY ('{110105194900007919,1,2,3,4,5,6,7,8,9,10}'::text[]);

-- Row security does not keep look-ups off the index.
\c - regress_enc_index_owner
ALTER TABLE cust ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON cust USING (id > 0);
\c - regress_enc_index_low
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE id_no = '110105194900007919'::text;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE card = '6222021200104729'::text;
SELECT id FROM cust WHERE id_no = '110105194900007919'::text;
\c - regress_enc_index_owner
ALTER TABLE cust DISABLE ROW LEVEL SECURITY;

-- One text after the other through one plan, of equal lengths and longer than what is kept of the last one.
CREATE TABLE long_ones (v csec.id_card UNIQUE, id int);
INSERT INTO long_ones SELECT x || repeat('0', n) || y, n * 100 + x * 10 + y FROM generate_series(254, 258) n, generate_series(1, 2) x, generate_series(1, 2) y;
SET enable_seqscan = off;
SELECT count(*), bool_and(found = n * 100 + x * 10 + y) FROM generate_series(254, 258) n, generate_series(1, 2) x, generate_series(1, 2) y,
	LATERAL (SELECT id AS found FROM long_ones WHERE v = (x || repeat('0', n) || y)) f;
SELECT count(*), bool_and(found = n * 100 + x * 10 + y) FROM generate_series(254, 258) n, generate_series(1, 2) x, generate_series(1, 2) y,
	LATERAL (SELECT id AS found FROM long_ones WHERE v = (x || repeat('0', n) || y)::csec.masked) f;
RESET enable_seqscan;

-- Joins, grouping and sets agree, however they are done.
\c - regress_enc_index_clerk
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN cust d USING (id_no);
SELECT count(*) FROM cust WHERE id_no IN (SELECT p FROM candidates);
SELECT count(*) FROM cust WHERE id_no NOT IN (SELECT p FROM candidates);
SELECT count(*) FROM candidates WHERE p IN (SELECT id_no FROM cust);
SET LOCAL enable_hashjoin = off;
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.id_card AS p FROM candidates) x ON x.p = c.id_no;
SET LOCAL enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM cust c FULL JOIN cust d USING (id_no);
SELECT count(*) FROM cust c FULL JOIN cust d USING (id_no);
SET LOCAL enable_hashjoin = on;
SET LOCAL enable_mergejoin = off;
SELECT count(*) FROM cust c FULL JOIN cust d USING (id_no);
SET LOCAL enable_nestloop = on;
SET LOCAL enable_mergejoin = on;
SELECT count(*), count(DISTINCT other), count(DISTINCT id_no) FROM cust;
SELECT other, count(*) FROM cust GROUP BY other ORDER BY other::text;
SELECT count(*) FROM (SELECT DISTINCT other FROM cust) g;
SELECT count(*) FROM (SELECT id_no FROM cust UNION SELECT p FROM candidates) g;
SELECT count(*) FROM (SELECT id_no FROM cust INTERSECT SELECT p::csec.id_card FROM candidates) g;
SELECT count(*) FROM (SELECT id_no FROM cust EXCEPT SELECT p::csec.id_card FROM candidates) g;
SET LOCAL enable_hashagg = off;
SELECT count(*) FROM (SELECT DISTINCT other FROM cust) g;
SELECT count(*) FROM (SELECT id_no FROM cust INTERSECT SELECT p::csec.id_card FROM candidates) g;
SET LOCAL enable_hashagg = on;
SELECT count(*) FROM (SELECT ARRAY[other] FROM cust GROUP BY ARRAY[other]) g;
SELECT count(DISTINCT c) FROM (SELECT other, 1 FROM cust) c;
-- a constant in an expression that is grouped by is the same in each place
SELECT other = 'S1', CASE WHEN other = 'S1' THEN 'one' ELSE 'more' END, count(*) FROM cust
	GROUP BY other = 'S1', CASE WHEN other = 'S1' THEN 'one' ELSE 'more' END ORDER BY 1;
-- with a masked field, both ways, by the search form; indexes of the encrypted side serve
CREATE TEMP TABLE m AS SELECT id, id_no::text::csec.masked(id_card) AS id_no FROM cust WHERE id <= 5;
INSERT INTO m VALUES (6, '110105 1949 0004 7514');
SELECT count(*) FROM cust c JOIN m ON c.id_no = m.id_no;
SELECT count(*) FROM cust c JOIN m ON m.id_no = c.id_no;
SELECT count(*) FROM m WHERE id_no <> (SELECT id_no FROM cust WHERE id = 1);
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT c.id FROM m JOIN cust c ON c.id_no = m.id_no;
SELECT c.id FROM m JOIN cust c ON c.id_no = m.id_no ORDER BY 1;
COMMIT;

-- Unique, conflicts, foreign keys, partitions.
\c - regress_enc_index_owner
INSERT INTO cust (id, id_no) VALUES (4000, '110105194900007919');
INSERT INTO cust (id, id_no) VALUES (4000, '110105 194900007919'::text);
INSERT INTO cust (id, id_no) VALUES (4000, '110105194900007919') ON CONFLICT (id_no) DO NOTHING;
INSERT INTO cust (id, id_no) VALUES (4000, '110105194900007919') ON CONFLICT (id_no) DO UPDATE SET card = NULL RETURNING id, id_no;
CREATE TABLE loan (n int, id_no csec.id_card REFERENCES cust (id_no) ON UPDATE CASCADE);
-- (between types as they are, not between fields and what is none)
CREATE TABLE loan_text (n int, id_no text REFERENCES cust (id_no));
CREATE TABLE loan_masked (n int, id_no csec.masked(id_card) REFERENCES cust (id_no));
CREATE TABLE plain (id_no text PRIMARY KEY, phones text[] UNIQUE);
CREATE TABLE to_plain (n int, id_no csec.id_card REFERENCES plain);
CREATE TABLE to_plain (n int, id_no csec.masked(id_card) REFERENCES plain);
CREATE DOMAIN own_card AS csec.id_card;
CREATE TABLE to_plain (n int, id_no own_card);
ALTER TABLE to_plain ADD CONSTRAINT leads_away FOREIGN KEY (id_no) REFERENCES plain;
ALTER TABLE to_plain ADD other csec.id_card REFERENCES plain;
-- a key that begins between texts
CREATE TABLE from_plain (id_no text REFERENCES plain);
ALTER TABLE from_plain ALTER id_no TYPE csec.id_card;
-- fields in arrays on both sides are none of this
CREATE TABLE lists (phones csec.phone[] PRIMARY KEY);
CREATE TABLE to_lists (phones csec.phone[] REFERENCES lists);
DROP TABLE to_lists, lists, from_plain, to_plain, plain;
DROP DOMAIN own_card;
INSERT INTO loan VALUES (1, '110105194900007919'), (2, '110105194900015838');
INSERT INTO loan VALUES (3, '110105194900007918');
DELETE FROM cust WHERE id = 1;
DELETE FROM cust WHERE id = 2;
UPDATE cust SET id_no = '110105194999999999' WHERE id = 2;
SELECT count(*) FROM loan JOIN cust USING (id_no);
CREATE TABLE parts (id int, id_no csec.id_card) PARTITION BY HASH (id_no);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, id_no FROM cust WHERE id BETWEEN 3 AND 202;
SELECT count(*) BETWEEN 50 AND 150 AS spread FROM parts_0;
SELECT id FROM parts WHERE id_no = '110105194900023757';
SELECT id FROM parts WHERE id_no = '110105194900023757'::text;
INSERT INTO parts_0 SELECT * FROM parts_0;
CREATE TABLE lists (id int, other sm4_no) PARTITION BY LIST (other);
CREATE TABLE lists_1 PARTITION OF lists FOR VALUES IN ('S1', 's 2');
INSERT INTO lists VALUES (1, 'S1'), (2, 'S2');
INSERT INTO lists VALUES (3, 'S3');
SELECT id FROM lists WHERE other = 's2';
CREATE INDEX partial ON cust (id) WHERE id_no <> '110105194900007919';
SET enable_seqscan = off;
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE id_no <> '110105194900007919' AND id < 5;
GRANT SELECT ON parts, parts_0 TO PUBLIC;
-- no index, and no list, over what has no search tag
CREATE INDEX ON cust (hidden);
CREATE INDEX ON cust USING hash (hidden);
CREATE TABLE by_hidden (h csec.health) PARTITION BY HASH (h);
CREATE TABLE by_hidden_0 PARTITION OF by_hidden FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO by_hidden VALUES ('x');

-- Order tells nothing: A.5.
\c - regress_enc_index_clerk
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT what, corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT 'value' AS what, row_number() OVER (ORDER BY id_no) AS a, row_number() OVER (ORDER BY id_no::text COLLATE "C") AS b FROM cust
	UNION ALL SELECT 'array', row_number() OVER (ORDER BY ARRAY[id_no]), row_number() OVER (ORDER BY id_no::text COLLATE "C") FROM cust
	UNION ALL SELECT 'row', row_number() OVER (ORDER BY ROW(id_no)), row_number() OVER (ORDER BY id_no::text COLLATE "C") FROM cust
	UNION ALL SELECT 'image', row_number() OVER (ORDER BY ROW(id_no) USING OPERATOR(pg_catalog.*<)), row_number() OVER (ORDER BY id_no::text COLLATE "C") FROM cust) o
	GROUP BY what ORDER BY what;
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT width_bucket(id_no, (SELECT array_agg(id_no ORDER BY id_no) FROM cust WHERE id % 100 = 0)) AS a, row_number() OVER (ORDER BY id_no::text COLLATE "C") AS b FROM cust) o;
COMMIT;
-- what is written with < and the like means what the reader sees
\c - regress_enc_index_low
SELECT count(*) FROM cust WHERE id_no < '111' AND id BETWEEN 3 AND 9;
SELECT min(id_no), max(id_no) FROM cust WHERE id BETWEEN 3 AND 9;

-- Support functions give nothing.
SELECT csec.encrypted_hash(id_no) FROM cust;
SELECT csec.encrypted_cmp(id_no, id_no) FROM cust;
\c - :dba
SELECT csec.encrypted_hash(id_no) FROM cust;
SELECT csec.encrypted_hash('110105194900007919'::text);
SELECT csec.encrypted_cmp(id_no, '110105194900007919'::text) FROM cust;
SELECT count(DISTINCT hash_array(ARRAY[id_no])), count(DISTINCT hash_record(ROW(id_no))) FROM cust;

-- Statistics hold no values, and estimates follow none: A.4.
SELECT attname, null_frac, round(n_distinct::numeric, 1) AS n_distinct, most_common_vals IS NULL AS mcv, histogram_bounds IS NULL AS hist, correlation IS NULL AS corr
	FROM pg_stats WHERE tablename = 'cust' AND attname IN ('id_no', 'card', 'other', 'hidden') ORDER BY attname;
CREATE FUNCTION estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT estimate($$SELECT * FROM cust WHERE other = 'S1'$$) = estimate($$SELECT * FROM cust WHERE other = 'nobody'$$) AS same;

-- Trying values: A.6.  Constants work; many do not, however they are brought.
\c - regress_enc_index_low
\set VERBOSITY terse
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.id_no;
SELECT count(*) FROM cust WHERE id_no IN (SELECT p FROM candidates);
SELECT count(*) FROM cust c JOIN (SELECT p::csec.encrypted AS p FROM candidates) x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.id_card AS p FROM candidates) x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.bank_card AS p FROM candidates) x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.masked AS p FROM candidates) x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.phone AS p FROM candidates) x ON c.id_no = x.p;
SELECT count(*) FROM cust WHERE id_no = ANY (ARRAY(SELECT p FROM candidates));
SELECT count(*) FROM cust WHERE id_no = ANY (ARRAY(SELECT p FROM candidates)::csec.encrypted[]);
SELECT count(*) FROM (SELECT id_no FROM cust INTERSECT SELECT p::csec.encrypted FROM candidates) g;
SELECT count(*) FROM (SELECT id_no FROM cust UNION SELECT p::csec.encrypted FROM candidates) g;
SET enable_hashjoin = off;
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.id_no;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.encrypted AS p FROM candidates) x ON x.p = c.id_no;
SET enable_nestloop = off;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.encrypted AS p FROM candidates) x ON x.p = c.id_no;
RESET enable_hashjoin;
RESET enable_nestloop;
-- the same search form again and again is one value
SELECT count(*) FROM generate_series(1, 50) g, cust WHERE id_no = repeat(' ', g) || '110105194900023757' AND id = 3;
CREATE TEMP TABLE own (p csec.encrypted PRIMARY KEY);
INSERT INTO own SELECT p::csec.encrypted FROM candidates LIMIT 5;
INSERT INTO own SELECT id_no FROM cust WHERE id = 3 ON CONFLICT DO NOTHING;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*) FROM cust c JOIN own ON own.p = c.id_no WHERE c.id = 42;
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
INSERT INTO cust (id, id_no) SELECT 5000 + row_number() OVER (), p FROM candidates ON CONFLICT DO NOTHING;
SELECT count(*) FROM candidates WHERE satisfies_hash_partition('parts'::regclass, 2, 0, p::csec.id_card);
DO $$
BEGIN
	FOR i IN 1..100 LOOP
		PERFORM FROM public.cust WHERE id_no = i::text;
	END LOOP;
END
$$;
-- search = none: not even one, by nobody, and not by way of another category
SELECT count(*) FROM cust WHERE hidden = 'same';
SELECT count(*) FROM cust WHERE hidden = 'same'::csec.health;
SELECT hidden FROM cust GROUP BY hidden;
SELECT hidden FROM cust ORDER BY hidden LIMIT 1;
SELECT count(*) FROM cust WHERE hidden LIKE '***';
SELECT count(*) FROM cust a JOIN cust b ON a.hidden = b.other;
\c - :dba
UPDATE csec.category SET search = 'none' WHERE name = 'sm4_no';
\c - regress_enc_index_low
\set VERBOSITY terse
SELECT count(*) FROM cust WHERE other = 'S1';
CREATE TEMP TABLE mine (n csec.person_name, i csec.id_card);
INSERT INTO mine VALUES ('S1', 'S1');
SELECT count(*) FROM cust JOIN mine ON other = i;
SELECT count(*) FROM cust JOIN mine ON other = n;

-- Nor are tags compared outside: who may make those of all candidates, under a
-- category that he sees in clear, does not get those of values that he does not.
\c - :dba
SELECT csec.set_clearance('regress_enc_index_low', category => 'phone');
CREATE FUNCTION tag(shown json) RETURNS bytea LANGUAGE sql AS $$ SELECT substr(decode(substr(shown #>> '{}', 9), 'base64'), 42, 20) $$;
\c - regress_enc_index_low
\set VERBOSITY terse
SET row_security = off;
CREATE TEMP TABLE tags AS SELECT p, tag(to_json(p::csec.encrypted(phone))) AS tag FROM candidates;
SELECT count(DISTINCT tag) FROM tags;
SELECT id, p FROM cust JOIN tags ON tags.tag = tag(to_json(id_no)) ORDER BY id;
SELECT id_no FROM cust WHERE id = 1;
CREATE MATERIALIZED VIEW regress_enc_mat AS SELECT to_json(id_no) #>> '{}' AS shown FROM cust WHERE id = 1 WITH NO DATA;
CREATE FUNCTION off() RETURNS bool LANGUAGE sql AS $$ SELECT set_config('row_security', 'off', false) = 'off' $$;
CREATE MATERIALIZED VIEW regress_enc_off AS SELECT off(), to_json(id_no) #>> '{}' AS shown FROM public.cust WHERE id = 1 WITH NO DATA;
\c - :dba
REFRESH MATERIALIZED VIEW regress_enc_mat;
SELECT shown FROM regress_enc_mat;
\set VERBOSITY terse
REFRESH MATERIALIZED VIEW regress_enc_off;

\c - :dba
SET client_min_messages = warning;
DROP FUNCTION tag(json);
SELECT csec.revoke_clearance('regress_enc_index_low', category => 'phone');
DROP OWNED BY regress_enc_index_owner, regress_enc_index_low, regress_enc_index_clerk CASCADE;
SELECT csec.revoke_clearance('regress_enc_index_clerk', level => 'core');
DROP ROLE regress_enc_index_owner, regress_enc_index_low, regress_enc_index_clerk;
