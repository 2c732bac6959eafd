-- Plain text of customers in columns that nobody protects.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_discover_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_discover_low LOGIN;
-- valid check digits, made by the rules of GB 11643 and Luhn
CREATE FUNCTION id_card(n int) RETURNS text LANGUAGE sql AS $$
	SELECT b || substr('10X98765432', 1 + (SELECT sum(substr(b, i::int, 1)::int * w)::int FROM unnest('{7,9,10,5,8,4,2,1,6,3,7,9,10,5,8,4,2}'::int[]) WITH ORDINALITY u (w, i)) % 11, 1)
	FROM (SELECT '110101' || to_char(date '1980-01-01' + n, 'YYYYMMDD') || lpad((n % 1000)::text, 3, '0')) x (b) $$;
CREATE FUNCTION card(n int) RETURNS text LANGUAGE sql AS $$
	SELECT b || (10 - (SELECT sum(CASE WHEN i % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END)::int FROM
			(SELECT i, substr(b, i, 1)::int AS d FROM generate_series(1, 15) i) y) % 10) % 10
	FROM (SELECT '622202' || lpad(n::text, 9, '0')) x (b) $$;
CREATE TABLE clients (id int, c1 text, c2 varchar(40), contact text, mobile text, remark text, pass_word text, order_no text, num int8);
INSERT INTO clients SELECT n, id_card(n), card(n), 'u' || n || '@example.com', '1380000' || lpad(n::text, 4, '0'), 'ok', 'x', lpad(n::text, 16, '7'), n
	FROM generate_series(1, 200) n;
CREATE TABLE empty_one (身份证号 text, phone text);
CREATE TABLE done (id int PRIMARY KEY, phone text);
INSERT INTO done VALUES (1, '13800000000');
SELECT csec.protect('done', 'id', '{"phone": "phone"}');
\c - regress_discover_low
SELECT * FROM csec.discover();
\c - regress_discover_admin
SELECT * FROM csec.discover();
SELECT tab, attname, category FROM csec.discover(min_confidence => 0.9);
-- where else it may lie: in JSON, arrays, bytea, numbers, domains over domains, full-width digits, partitions; and
-- what only looks like it: dates of all kinds, counts, running numbers, other addresses; names of JSON members may be values
\c - postgres
SET client_min_messages = warning;
CREATE DOMAIN short AS varchar(20);
CREATE DOMAIN shorter AS short;
CREATE TABLE odd (id int, info jsonb, old_info json, list text[], raw bytea, nested shorter, full_width text, sparse text, cvv int, "homeTel" text, "dateOfBirth" timestamp,
	created date, stamp timestamptz, yyyymmdd text, token_count int, phone_verified text, cellar text, ip_address text, serial text, ms int8);
INSERT INTO odd SELECT n, jsonb_build_object('who', jsonb_build_array(jsonb_build_object('x', 'u' || n || '@example.com')), '13800000000', n, 'mobile', '1380000' || lpad(n::text, 4, '0')),
	json_build_object('n', n), ARRAY['1380000' || lpad(n::text, 4, '0')], convert_to(card(n), 'UTF8'), id_card(n), translate(id_card(n), '0123456789', '０１２３４５６７８９'),
	CASE WHEN n > 180 THEN card(n) END, n, '1390000' || lpad(n::text, 4, '0'), date '1960-01-01' + n * 50,
	date '2020-01-01' + n, now(), to_char(date '2020-01-01' + n, 'YYYYMMDD'), n, 'yes', 'red', '10.0.0.' || n, lpad((n * 104729)::text, 16, '0'), 1700000000000 + n
	FROM generate_series(1, 200) n;
CREATE TABLE parted (id int, phone text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT n, '1380000' || lpad(n::text, 4, '0') FROM generate_series(1, 200) n;
-- holds nothing yet, and cannot be read
CREATE MATERIALIZED VIEW empty_view AS SELECT phone FROM parted WITH NO DATA;
CREATE TABLE not_json (j json);
INSERT INTO not_json VALUES ('{"phone": "\u0000"}');
\c - regress_discover_admin
SELECT tab, attname, category, confidence, passed, name_fits FROM csec.discover() WHERE tab IN ('odd'::regclass, 'parted'::regclass, 'parted_1'::regclass, 'not_json'::regclass);
SELECT attname, category, confidence FROM csec.discover(min_confidence => 0.2) WHERE tab = 'odd'::regclass AND confidence < 0.3;
-- a rule of one's own
INSERT INTO csec.discovery_rule (category, column_names) VALUES ('free_text', '^remark$') ON CONFLICT DO NOTHING;
SELECT tab, attname, confidence FROM csec.discover() WHERE category = 'free_text';
DELETE FROM csec.discovery_rule WHERE category = 'free_text';
\c - postgres
SET client_min_messages = warning;
SELECT csec.unprotect_all('test');
DROP MATERIALIZED VIEW empty_view;
DROP TABLE clients, empty_one, done, odd, parted, not_json;
DROP DOMAIN shorter, short;
DROP FUNCTION id_card, card;
DROP ROLE regress_discover_admin, regress_discover_low;
