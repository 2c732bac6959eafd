-- A.1, A.4: if this failed, a value would leave through statistics of arrays
-- and rows of fields, or through dblink,
-- postgres_fdw and large objects.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_a4_low LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
INSERT INTO cust SELECT n, '1380000' || lpad((n % 10)::text, 4, '0'), '33010519870304347' || n % 10 FROM generate_series(1, 500) n;
SELECT csec.protect('cust', 'id');
GRANT SELECT ON cust TO regress_a4_low;
CREATE TYPE pair AS (phone csec.phone, n int);
CREATE TYPE deep AS (p pair, n int);
CREATE DOMAIN phones AS csec.phone[];
CREATE TABLE holders AS SELECT id, ARRAY[phone] AS a, ROW(phone, 1)::pair AS p, ARRAY[ROW(phone, 1)::pair] AS ap,
	ARRAY[id_no] AS e, ARRAY[phone]::phones AS d, ROW(ROW(phone, 1)::pair, 1)::deep AS deep, ARRAY[id] AS plain FROM cust;
CREATE MATERIALIZED VIEW holders_mv AS SELECT ARRAY[phone] AS a FROM cust;
ALTER TABLE holders ADD COLUMN later csec.phone[];
UPDATE holders SET later = a;
ALTER TABLE holders ALTER COLUMN a SET STATISTICS 100;
ANALYZE holders;
ANALYZE holders_mv;
SELECT tablename, attname, most_common_vals IS NOT NULL OR most_common_elems IS NOT NULL AS values FROM pg_stats
WHERE tablename IN ('holders', 'holders_mv') ORDER BY 1, 2;
SELECT attname, coalesce(attstattarget, -1) AS attstattarget FROM pg_attribute WHERE attrelid = 'holders'::regclass AND attnum > 0 ORDER BY attname COLLATE "C";
DROP MATERIALIZED VIEW holders_mv;
DROP TABLE holders;

-- back into the same database, as low
CREATE EXTENSION dblink;
CREATE EXTENSION postgres_fdw;
SELECT current_database() AS db, current_setting('port') AS port, split_part(current_setting('unix_socket_directories'), ',', 1) AS host \gset
SELECT v FROM dblink(format('host=%s port=%s dbname=%s user=regress_a4_low', :'host', :'port', :'db'),
	'SELECT phone::text || '' '' || id_no::text FROM cust WHERE id = 1') AS t (v text);
SELECT v FROM dblink(format('host=%s port=%s dbname=%s user=regress_a4_low', :'host', :'port', :'db'),
	'SELECT id_no FROM cust WHERE id = 1') AS t (v csec.id_card);
CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host :'host', port :'port', dbname :'db');
CREATE USER MAPPING FOR postgres SERVER self OPTIONS (user 'regress_a4_low', password_required 'false');
CREATE FOREIGN TABLE remote (id int, phone text, id_no text) SERVER self OPTIONS (table_name 'cust');
SELECT * FROM remote WHERE id = 1;
DROP SERVER self CASCADE;

\c - regress_a4_low
\set VERBOSITY terse
SELECT lo_from_bytea(0, convert_to(phone::text || id_no::text, 'UTF8')) AS lo FROM cust WHERE id = 1 \gset
SELECT encode(lo_get(:lo), 'escape'), lo_unlink(:lo);
SELECT lo_from_bytea(0, csec.encrypted_send(id_no)) AS lo FROM cust WHERE id = 1 \gset
SELECT encode(lo_get(:lo), 'escape'), lo_unlink(:lo);
-- a plan has what was typed, and no value of a row
\c - postgres
SET client_min_messages = warning;
EXPLAIN (VERBOSE, COSTS OFF) SELECT phone, id_no FROM cust WHERE id = 1;
SELECT csec.unprotect_all('test');
DROP TABLE cust;
DROP DOMAIN phones;
DROP TYPE deep, pair;
DROP EXTENSION dblink;
DROP EXTENSION postgres_fdw;
DROP ROLE regress_a4_low;
