-- Were this to fail, equality on masked fields would miss rows or indexes, or order and repeated trying would tell what a mask hides.
\set SHOW_CONTEXT never

SELECT current_user AS dba \gset
CREATE ROLE regress_masked_index_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_masked_index_low LOGIN;
CREATE ROLE regress_masked_index_clerk LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_masked_index_clerk', level => 'important');
INSERT INTO csec.category (name, level, mask, sort) VALUES ('city', 'important', 'first_last', 'plain');
INSERT INTO csec.category (name, level, mask, search) VALUES ('unsearched', 'important', 'all', 'none');

\c - regress_masked_index_owner
CREATE DOMAIN city AS csec.masked(city, plain);
CREATE TABLE cust (id int PRIMARY KEY, name csec.person_name, phone csec.phone, email csec.email, city city, hidden csec.masked(unsearched));
INSERT INTO cust SELECT g, CASE g % 3 WHEN 0 THEN '张三' WHEN 1 THEN '李四' ELSE 'John Smith' END,
	'138' || lpad((g * 7919)::text, 8, '0'), 'User' || g || '@example.com',
	chr(65 + g % 26) || 'town', 'same' FROM generate_series(1, 3000) g;
CREATE UNIQUE INDEX cust_phone ON cust (phone);
CREATE INDEX cust_email ON cust USING hash (email);
CREATE INDEX cust_lower ON cust (lower(email));
CREATE INDEX cust_city ON cust (city);
CREATE INDEX cust_hidden ON cust (hidden);
ANALYZE cust;
GRANT SELECT, INSERT ON cust TO PUBLIC;
CREATE TABLE candidates AS SELECT '138' || lpad((g * 7919)::text, 8, '0') AS p FROM generate_series(1, 100) g;
GRANT SELECT ON candidates TO PUBLIC;

-- The index is used for what drivers and people write.
\c - regress_masked_index_low
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone = '13800007919';
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone = '13800007919'::text;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE '13800007919'::varchar = phone;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone IN ('13800007919', '13800015838');
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone = ANY ('{13800007919,13800015838}'::text[]);
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE email = 'User1@example.com'::text;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE lower(email) = 'user1@example.com';
SELECT id FROM cust WHERE phone = '13800007919';
SELECT id FROM cust WHERE phone = '13800007919'::text;
SELECT id FROM cust WHERE '13800007919'::varchar = phone;
SELECT id FROM cust WHERE phone IN ('13800007919', '13800015838') ORDER BY id;
SELECT id FROM cust WHERE phone = ANY ('{13800007919,13800015838}'::text[]) ORDER BY id;
SELECT id FROM cust WHERE email = 'User1@example.com';
SELECT id FROM cust WHERE email = 'User1@example.com'::text;
SELECT id FROM cust WHERE lower(email) = 'user1@example.com';
SELECT id FROM cust WHERE phone = '13800007918';

-- A long list is hashed.
RESET enable_seqscan;
SELECT id FROM cust WHERE email || '' = '' OR phone IN ('13800007919', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
SELECT count(*) FROM cust WHERE email || '' = '' OR phone NOT IN ('13800007919', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
SELECT id FROM cust WHERE email || '' = '' OR phone = ANY ('{13800007919,1,2,3,4,5,6,7,8,9,10}'::text[]);
SELECT id FROM cust WHERE phone IN ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '22');

-- Row security does not keep look-ups off the index.
\c - regress_masked_index_owner
ALTER TABLE cust ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON cust USING (id > 0);
\c - regress_masked_index_low
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone = '13800007919';
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE phone = '13800007919'::text;
\c - regress_masked_index_owner
ALTER TABLE cust DISABLE ROW LEVEL SECURITY;

-- Joins, grouping and sets agree, however they are done.
\c - regress_masked_index_clerk
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.phone;
SET enable_hashjoin = off;
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.phone;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.phone AS p FROM candidates) x ON x.p = c.phone;
SET enable_nestloop = off;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.phone AS p FROM candidates) x ON x.p = c.phone;
SELECT count(*) FROM cust c FULL JOIN cust d USING (phone);
RESET enable_hashjoin;
RESET enable_nestloop;
SELECT count(*) FROM cust WHERE phone IN (SELECT p FROM candidates);
SELECT count(*) FROM cust WHERE phone NOT IN (SELECT p FROM candidates);
SELECT count(*) FROM candidates WHERE p IN (SELECT phone FROM cust);
SELECT name, count(*) FROM cust GROUP BY name ORDER BY count(*), name::text COLLATE "C";
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT name FROM cust GROUP BY name) g;
SELECT count(*) FROM (SELECT DISTINCT phone FROM cust) g;
SELECT count(*) FROM (SELECT phone FROM cust INTERSECT SELECT p::csec.phone FROM candidates) g;
RESET enable_hashagg;
SELECT count(*) FROM (SELECT DISTINCT phone FROM cust) g;
SELECT count(*) FROM (SELECT phone FROM cust UNION SELECT p FROM candidates) g;
SELECT count(*) FROM (SELECT phone FROM cust INTERSECT SELECT p::csec.phone FROM candidates) g;
SELECT count(DISTINCT c) FROM (SELECT name, city FROM cust) c;
SELECT count(*) FROM (SELECT ARRAY[name] FROM cust GROUP BY ARRAY[name]) g;

-- Unique, foreign keys, conflicts, partitions.
\c - regress_masked_index_owner
INSERT INTO cust (id, phone) VALUES (4000, '13800007919');
INSERT INTO cust (id, phone) VALUES (4000, '13800007919') ON CONFLICT (phone) DO NOTHING;
INSERT INTO cust (id, phone) VALUES (4000, '13800007919') ON CONFLICT (phone) DO UPDATE SET email = 'new@example.com' RETURNING id;
CREATE TABLE orders (no int, phone csec.phone REFERENCES cust (phone) ON UPDATE CASCADE);
INSERT INTO orders VALUES (1, '13800007919');
INSERT INTO orders VALUES (2, '13800007918');
UPDATE cust SET phone = '13900007919' WHERE id = 1;
SELECT count(*) FROM orders JOIN cust USING (phone);
UPDATE cust SET phone = '13800007919' WHERE id = 1;
CREATE TABLE parts (id int, phone csec.phone) PARTITION BY HASH (phone);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, phone FROM cust WHERE id <= 200;
SELECT count(*) BETWEEN 50 AND 150 AS spread FROM parts_0;
SELECT id FROM parts WHERE phone = '13800007919';
SELECT id FROM parts WHERE phone = '13800007919'::text;
INSERT INTO parts_0 SELECT * FROM parts_0;
CREATE TABLE lists (id int, name csec.person_name) PARTITION BY LIST (name);
CREATE TABLE lists_1 PARTITION OF lists FOR VALUES IN ('张三', '李四');
INSERT INTO lists VALUES (1, '张三');
INSERT INTO lists VALUES (2, '王五');
SELECT id FROM lists WHERE name = '张三';
GRANT SELECT ON parts, parts_0 TO PUBLIC;

-- Order tells nothing: A.5.  Sorted by the field the texts are not in order,
-- and hardly more of them are in their place than chance puts there.
\c - regress_masked_index_clerk
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT row_number() OVER (ORDER BY phone) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT row_number() OVER (ORDER BY ARRAY[phone]) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT row_number() OVER (ORDER BY ROW(phone)) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT row_number() OVER (ORDER BY ROW(phone) USING OPERATOR(pg_catalog.*<)) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT width_bucket(phone, (SELECT array_agg(phone ORDER BY phone) FROM cust WHERE id % 100 = 0)) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
SELECT GREATEST(a.phone, b.phone) = percentile_disc(1) WITHIN GROUP (ORDER BY p) AS one_order FROM cust a, cust b, LATERAL (VALUES (a.phone), (b.phone)) v(p)
	WHERE a.id = 1 AND b.id = 2 GROUP BY a.id, b.id;
CREATE TYPE phone_range AS RANGE (subtype = csec.masked);
SELECT corr(a, b) BETWEEN -0.1 AND 0.1 AS unrelated FROM (
	SELECT row_number() OVER (ORDER BY phone_range(phone, NULL)) AS a, row_number() OVER (ORDER BY phone::text COLLATE "C") AS b FROM cust) o;
-- A category declared plain sorts by its text, for everybody.
\c - regress_masked_index_low
SELECT DISTINCT ON (city) city FROM cust ORDER BY city LIMIT 3;
SELECT id FROM cust WHERE city = 'Btown' ORDER BY id LIMIT 2;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM cust WHERE city = 'Btown'::text;
SELECT count(*) FROM cust WHERE city = 'Btown'::text;
RESET enable_seqscan;
SELECT city FROM cust WHERE id < 3 UNION ALL SELECT phone FROM cust WHERE id < 3 ORDER BY 1;

-- Support functions give nothing.
SELECT csec.masked_hash(phone) FROM cust;
SELECT csec.masked_cmp(phone, '13800007919'::csec.phone) FROM cust;
SELECT count(DISTINCT hash_array(ARRAY[phone])), count(DISTINCT hash_record(ROW(phone))), count(DISTINCT hash_array_extended(ARRAY[phone], 1)) FROM cust;
\c - :dba
SELECT csec.masked_hash(phone) FROM cust;
SELECT csec.masked_hash('13800007919'::text);
SELECT csec.masked_hash(phone, 1) FROM cust;
SELECT csec.masked_cmp(phone, '13800007919'::csec.phone) FROM cust;
SELECT csec.masked_cmp('a'::text, 'b'::text);

-- Statistics hold no values: A.4.
SELECT attname, null_frac, n_distinct, most_common_vals IS NULL AS mcv, histogram_bounds IS NULL AS hist, correlation IS NULL AS corr
	FROM pg_stats WHERE tablename = 'cust' AND attname <> 'id' ORDER BY attname;
CREATE FUNCTION estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT estimate($$SELECT * FROM cust WHERE name = '张三'$$) = estimate($$SELECT * FROM cust WHERE name = 'nobody'$$) AS same;

-- Extended statistics keep values, and tell them by estimates: refused, by
-- whatever statement they would come.  Those without values may be.
CREATE STATISTICS kept (mcv) ON id, phone FROM cust;
CREATE STATISTICS kept ON id, phone FROM cust;
CREATE STATISTICS kept ON id, (phone::text) FROM cust;
CREATE STATISTICS counted (ndistinct, dependencies) ON id, phone FROM cust;
DROP STATISTICS counted;
CREATE TABLE held (id int, phone text, phones csec.phone[]);
CREATE STATISTICS kept (mcv) ON id, phones FROM held;
CREATE STATISTICS kept (mcv) ON id, phone FROM held;
ALTER TABLE held ALTER phone TYPE csec.phone;
CREATE TABLE held_too (LIKE held INCLUDING STATISTICS);
DROP TABLE held_too, held;

-- Trying values: A.6.  Constants work; many do not, however they are brought.
\c - regress_masked_index_low
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.phone;
SELECT count(*) FROM cust WHERE phone IN (SELECT p FROM candidates);
SELECT count(*) FROM cust c JOIN (SELECT p::csec.masked AS p FROM candidates) x ON x.p = c.phone;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.phone AS p FROM candidates) x ON x.p = c.phone;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.email AS p FROM candidates) x ON x.p = c.phone;
SELECT count(*) FROM cust WHERE phone = ANY (ARRAY(SELECT p FROM candidates));
SELECT count(*) FROM cust WHERE phone = ANY (ARRAY(SELECT p FROM candidates)::csec.masked[]);
SELECT count(*) FROM (SELECT phone FROM cust INTERSECT SELECT p::csec.masked FROM candidates) g;
SELECT count(*) FROM (SELECT phone FROM cust UNION SELECT p::csec.masked FROM candidates) g;
SELECT count(*) FROM cust WHERE phone = '1' OR phone = '2' OR phone = '3';
SET enable_hashjoin = off;
SELECT count(*) FROM cust c JOIN candidates x ON x.p = c.phone;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.masked AS p FROM candidates) x ON x.p = c.phone;
SET enable_nestloop = off;
SELECT count(*) FROM cust c JOIN (SELECT p::csec.masked AS p FROM candidates) x ON x.p = c.phone;
RESET enable_hashjoin;
RESET enable_nestloop;
CREATE TEMP TABLE own (p csec.masked PRIMARY KEY);
INSERT INTO own SELECT p::csec.masked FROM candidates LIMIT 5;
INSERT INTO own SELECT phone FROM cust WHERE id = 1 ON CONFLICT DO NOTHING;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*) FROM cust c JOIN own ON own.p = c.phone WHERE c.id = 42;
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
CREATE TEMP TABLE referring (p csec.phone REFERENCES own);
CREATE TEMP TABLE own_phones (p csec.phone);
INSERT INTO own_phones SELECT p FROM candidates;
INSERT INTO cust (id, phone) SELECT 5000 + row_number() OVER (), p FROM candidates ON CONFLICT DO NOTHING;
SELECT count(*) FROM candidates WHERE satisfies_hash_partition('parts'::regclass, 2, 0, p::csec.masked);
SELECT count(*) FROM candidates WHERE satisfies_hash_partition('parts'::regclass, 2, 0, p::csec.phone);
-- search = none: not even one, and not by way of its own type.
SELECT count(*) FROM cust WHERE hidden = 'same';
SELECT count(*) FROM cust WHERE hidden = 'same'::text;
SELECT count(*) FROM cust WHERE hidden = 'same'::csec.masked(unsearched);
SELECT hidden FROM cust GROUP BY hidden;
SELECT count(*) FROM cust WHERE hidden LIKE '***';
SELECT hidden FROM cust ORDER BY hidden LIMIT 1;
\c - regress_masked_index_clerk
SELECT count(*) FROM cust WHERE hidden = 'same';
SELECT hidden, count(*) FROM cust GROUP BY hidden;

\c - :dba
SET client_min_messages = warning;
DROP OWNED BY regress_masked_index_owner, regress_masked_index_low, regress_masked_index_clerk CASCADE;
SELECT csec.revoke_clearance('regress_masked_index_clerk', level => 'important');
DROP ROLE regress_masked_index_owner, regress_masked_index_low, regress_masked_index_clerk;
