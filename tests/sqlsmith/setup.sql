-- The database that tests/sqlsmith/run attacks: protected values that cannot be mistaken for
-- anything else (the canaries), and roles that may do much and see nothing of it.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION csec CASCADE;
CREATE EXTENSION hstore;
CREATE ROLE low LOGIN;
CREATE ROLE owner LOGIN;
CREATE ROLE clerk LOGIN;

CREATE TABLE cust (
	id int PRIMARY KEY,
	name text, phone text, email text, address text, note text,
	id_no text, card text, born text,
	city text, bal numeric);
INSERT INTO cust
SELECT i, 'Zcanaryname Zcanaryname', '1398246' || lpad(i::text, 4, '0'), 'zcanarymail' || i || '@example.com',
	i || ' Zcanaryroad, Zcanarytown, London', 'zcanarynote ' || i,
	n || substr('10X98765432', 1 + (SELECT sum(substr(n, k, 1)::int * (ARRAY[7,9,10,5,8,4,2,1,6,3,7,9,10,5,8,4,2])[k])::int FROM generate_series(1, 17) k) % 11, 1),
	'62220212345' || lpad(i::text, 4, '0'), '1985-03-07', 'Xian', i
FROM generate_series(1, 300) i, LATERAL (SELECT '11010519491231' || lpad(i::text, 3, '0')) x(n);
-- one that holds other customers' fields under other keys, and one in partitions
CREATE TABLE orders (id int PRIMARY KEY, cust int NOT NULL REFERENCES cust, phone text, amount int);
INSERT INTO orders SELECT i, i, '1398246' || lpad(i::text, 4, '0'), i * 10 FROM generate_series(1, 300) i;
CREATE TABLE visits (cust int, day date, note text, PRIMARY KEY (cust, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2021-01-01') TO ('2030-01-01');
INSERT INTO visits SELECT i, date '2020-06-01' + 20 * i, 'zcanarynote ' || i FROM generate_series(1, 40) i;

-- canaries are no real numbers
UPDATE csec.category SET check_mode = 'lax' WHERE check_mode = 'strict';
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "email": "email",
	"address": "address", "note": "free_text", "id_no": "id_card", "card": "bank_card", "born": "birth_date"}');
SELECT csec.protect('orders', 'cust', '{"phone": "phone"}', subject_of => 'cust');
SELECT csec.protect('visits', 'cust', '{"note": "free_text"}', subject_of => 'cust');
CREATE INDEX ON cust (phone);
CREATE INDEX ON cust (id_no);
CREATE VIEW shown AS SELECT c.id, c.name, c.phone::text AS dialled, c.id_no, o.phone AS other, o.amount
	FROM cust c JOIN orders o ON o.cust = c.id;
CREATE MATERIALIZED VIEW kept AS SELECT id, name, phone, city FROM cust;
CREATE FUNCTION definer(int) RETURNS cust LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM public.cust WHERE id = $1';

-- his own, to put things into
CREATE SCHEMA own AUTHORIZATION low;
CREATE TABLE own.notes (id int, t text, j jsonb, a text[], b bytea, p csec.phone);
INSERT INTO own.notes VALUES (1, 'x', '{}', '{x}', '\x00', '13900000000');
ALTER TABLE own.notes OWNER TO low;
GRANT ALL ON SCHEMA own TO owner;
GRANT ALL ON own.notes TO owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON cust, orders, visits, visits_old, visits_new, shown, kept TO low;
ALTER TABLE cust OWNER TO owner;
ALTER TABLE orders OWNER TO owner;
ALTER TABLE visits OWNER TO owner;
ALTER MATERIALIZED VIEW kept OWNER TO owner;
ALTER VIEW shown OWNER TO owner;
SELECT csec.set_clearance('clerk', level => l) FROM unnest('{general,important,core}'::text[]) l;
SELECT csec.set_default_reason('clerk', 'control of the search');
GRANT SELECT ON cust TO clerk;
ANALYZE;
