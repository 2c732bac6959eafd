-- A.5, A.6: if this failed, a reader would learn where thousands of candidates
-- lie in the order of hidden values, and so which of them a hidden one may be.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_place_low LOGIN;
CREATE ROLE regress_place_half LOGIN;
CREATE ROLE regress_place_clerk LOGIN;
CREATE ROLE regress_place_loader LOGIN IN ROLE csec_loader;
GRANT CREATE ON SCHEMA public TO regress_place_low;
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.encrypted(phone));
INSERT INTO cust SELECT g, '138123456' || g, '138123456' || g FROM generate_series(10, 13) g;
CREATE INDEX ON cust (phone);
CREATE INDEX ON cust (id_no);
SELECT csec.protect('cust', 'id');
GRANT SELECT ON cust TO PUBLIC;
CREATE VIEW candidates AS SELECT '1381234' || 5000 + g AS x FROM generate_series(1, 30) g;
GRANT SELECT ON candidates TO PUBLIC;
CREATE TABLE own (a csec.masked, b csec.encrypted);
GRANT SELECT ON own TO PUBLIC;
CREATE FOREIGN DATA WRAPPER regress_places;
CREATE SERVER regress_places FOREIGN DATA WRAPPER regress_places;
GRANT USAGE ON FOREIGN SERVER regress_places TO regress_place_low;
SELECT csec.set_clearance('regress_place_half', category => 'phone', reason => 'test');
SELECT csec.set_clearance('regress_place_clerk', level => 'core', reason => 'test');
UPDATE csec.level SET needs_reason = false;

\c - regress_place_low
-- what is sorted, hashed, compared
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.masked OFFSET 0) s;
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.encrypted OFFSET 0) s;
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY length(x), x::csec.masked OFFSET 0) s;
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY length(x), x::csec.encrypted DESC OFFSET 0) s;
SELECT sum(r) FROM (SELECT rank() OVER (ORDER BY x::csec.encrypted) AS r FROM candidates) s;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x::csec.masked) FROM candidates;
SELECT count(*) FROM (SELECT x::csec.masked FROM candidates GROUP BY 1 OFFSET 0) s;
SELECT count(*) FROM (SELECT DISTINCT x::csec.encrypted FROM candidates OFFSET 0) s;
SELECT count(*) FROM (SELECT x::csec.encrypted FROM candidates UNION SELECT 'y' OFFSET 0) s;
SELECT count(*) FROM candidates WHERE ARRAY[x::csec.masked] < ARRAY['1'::csec.masked];
SELECT count(*) FROM candidates WHERE ROW(x::csec.encrypted, 1)::record OPERATOR(pg_catalog.<) ROW('1'::csec.encrypted, 1)::record;
SELECT count(*) FROM candidates WHERE x::csec.masked OPERATOR(csec.<) '1'::csec.masked;
SELECT count(*) FROM candidates WHERE x::csec.encrypted OPERATOR(csec.>=) '1'::csec.encrypted;
SELECT count(*) FROM candidates WHERE greatest(x::csec.masked, '1'::csec.masked) = x;
SELECT count(*) FROM candidates WHERE least('1'::csec.encrypted, x::csec.encrypted) = x;
SELECT max(width_bucket(x::csec.masked, ARRAY['1'::csec.masked])) FROM candidates;
CREATE TYPE regress_places AS RANGE (subtype = csec.encrypted);
SELECT count(*) FROM candidates WHERE regress_places(x::csec.encrypted, NULL) < regress_places('1', NULL);
-- by its bytes, or by hashes of texts
SELECT string_agg(x, ' ' ORDER BY ROW(x::csec.masked) USING OPERATOR(pg_catalog.*<)) = string_agg(x, ' ' ORDER BY x COLLATE "C") AS by_text FROM candidates;
SELECT count(DISTINCT record_image_lt(ROW(x::csec.masked), ROW('13812345017'::csec.masked)) = (x < '13812345017')) FROM candidates;
SELECT count(*) FROM candidates a JOIN candidates b ON a.x OPERATOR(csec.==) b.x;
SELECT count(*) FROM candidates a JOIN candidates b ON a.x OPERATOR(csec.===) b.x;
SELECT count(*) FROM candidates a WHERE csec.text_eq(a.x, 'x') OR csec.text_tag_eq(a.x, 'y');
-- in an index
CREATE TABLE mine (a csec.masked, b csec.encrypted);
INSERT INTO mine SELECT x, x FROM candidates;
CREATE INDEX ON mine (a);
CREATE INDEX ON mine (b);
CREATE TABLE mine_too (a csec.masked PRIMARY KEY);
INSERT INTO mine_too SELECT x FROM candidates;
CREATE TABLE mine_hashed (b csec.encrypted);
CREATE INDEX ON mine_hashed USING hash (b);
INSERT INTO mine_hashed SELECT x FROM candidates;
CREATE TABLE mine_tagged (b csec.encrypted UNIQUE);
INSERT INTO mine_tagged SELECT x FROM candidates;
-- in the catalogs, by their bytes
\set ECHO errors
SELECT format('CREATE TEMP VIEW v AS SELECT %s', string_agg(format('%L::csec.encrypted AS c%s', x, row_number), ', ')) FROM (SELECT x, row_number() OVER () FROM candidates) s \gexec
SELECT format('ALTER TABLE mine ADD CHECK (a <> ALL (ARRAY[%s]::csec.masked[]))', string_agg(quote_literal(x), ', ')) FROM candidates \gexec
SELECT format('CREATE FOREIGN TABLE far (%s) SERVER regress_places', string_agg(format('c%s csec.encrypted DEFAULT %L', row_number, x), ', ')) FROM (SELECT x, row_number() OVER () FROM candidates) s \gexec
SELECT format('CREATE FUNCTION f() RETURNS csec.encrypted[] BEGIN ATOMIC SELECT ARRAY[%s]::csec.encrypted[]; END', string_agg(quote_literal(x), ', ')) FROM candidates \gexec
\set ECHO all
-- within the limits it works, and what is no candidate counts as none
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.masked LIMIT 5) s, (SELECT id FROM cust ORDER BY phone, id_no) t WHERE false;
SELECT array_agg(x ORDER BY x::csec.masked) IS NOT NULL AS sorted FROM (SELECT x FROM candidates LIMIT 10) s;
CREATE TEMP VIEW w AS SELECT '1'::csec.encrypted AS a, '2'::csec.encrypted AS b;
SELECT count(*) FROM (SELECT id FROM cust ORDER BY phone, id_no OFFSET 0) s;

-- who sees some fields: long lists of what he looks up
\c - regress_place_half
SELECT format('SELECT count(*) FROM cust WHERE phone IN (%1$s); SET enable_seqscan = off; SELECT count(*) FROM cust WHERE phone IN (%1$s) AND id_no IN (%1$s);',
	string_agg(quote_literal(x), ', ')) FROM candidates \gexec
SELECT count(*) FROM cust JOIN candidates ON phone = x;
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.masked OFFSET 0) s;
-- who sees all, and who loads
\c - regress_place_clerk
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.masked OFFSET 0) s;
SELECT count(*) FROM (SELECT DISTINCT x::csec.encrypted FROM candidates OFFSET 0) s;
\c - regress_place_loader
SELECT count(*) FROM (SELECT x FROM candidates ORDER BY x::csec.masked OFFSET 0) s;
-- a superuser's REINDEX reads no order, his DDL may have many constants
\c - postgres
SET client_min_messages = warning;
GRANT csec_loader TO postgres;
INSERT INTO own SELECT x, x FROM candidates;
REVOKE csec_loader FROM postgres;
CREATE INDEX own_a ON own (a);
CREATE INDEX own_b ON own (b);
REINDEX TABLE own;
SELECT format('CREATE TEMP VIEW v AS SELECT %s', string_agg(format('%L::csec.encrypted AS c%s', x, row_number), ', ')) FROM (SELECT x, row_number() OVER () FROM candidates) s \gexec
UPDATE csec.level SET needs_reason = true WHERE name = 'core';
SELECT csec.revoke_clearance('regress_place_half', category => 'phone');
SELECT csec.revoke_clearance('regress_place_clerk', level => 'core');
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP TABLE cust, own;
DROP VIEW candidates CASCADE;
DROP FOREIGN DATA WRAPPER regress_places CASCADE;
DROP OWNED BY regress_place_low, regress_place_half, regress_place_clerk;
DROP ROLE regress_place_low, regress_place_half, regress_place_clerk, regress_place_loader;
