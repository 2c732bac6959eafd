-- A.4, A.7: if this failed, somebody would get at the bytes of a value past its
-- type: in the tree of a plan or a partition's bound, or in a row whose type was
-- altered meanwhile.
SET client_min_messages = warning;
CREATE ROLE regress_raw_low LOGIN;
CREATE ROLE regress_raw_owner LOGIN;
GRANT CREATE ON SCHEMA public TO regress_raw_low, regress_raw_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_raw_low', current_database()) \gexec
CREATE TABLE cust (id int PRIMARY KEY, note text, phone csec.phone, id_no csec.id_card);
INSERT INTO cust VALUES (1, '', '13812345678', '11010519491231002X');
SELECT csec.protect('cust', 'id');
ALTER TABLE cust OWNER TO regress_raw_owner;
GRANT SELECT ON cust TO regress_raw_low;

\c - regress_raw_low
CREATE FUNCTION his_phone() RETURNS csec.phone LANGUAGE sql IMMUTABLE AS 'SELECT phone FROM public.cust WHERE id = 1';
CREATE FUNCTION his_id() RETURNS csec.id_card LANGUAGE sql IMMUTABLE AS 'SELECT id_no FROM public.cust WHERE id = 1';

-- trees in messages: of a variable's value, of what is computed for a plan, of what is typed in
SET client_min_messages = log;
SET debug_print_plan = on;
DO $$
DECLARE
	v csec.phone := (SELECT phone FROM cust WHERE id = 1);
	n int;
BEGIN
	SELECT count(*) INTO n FROM cust WHERE phone = v;
END $$;
SHOW debug_print_plan;
SET debug_print_plan = on;
SELECT id FROM cust WHERE phone = his_phone() AND id_no = his_id();
-- set within the very query
SELECT set_config('debug_print_plan', 'on', false), (SELECT count(*) FROM generate_series(1, 2) g WHERE query_to_xml('SELECT his_phone()', true, true, '') IS DOCUMENT) AS n;
SET debug_print_parse = on;
SELECT id_no = '11010519491231002X' AS same FROM cust;
SET debug_print_rewritten = on;
SELECT id_no = '11010519491231002X' AS same FROM cust;
-- an error in between leaves nothing behind
BEGIN;
SET debug_print_plan = on;
SELECT 1 / 0;
ROLLBACK;
SELECT phone = his_phone() AS same FROM cust;
SET client_min_messages = warning;

-- bounds are computed once, and stand in pg_class for everybody
CREATE TABLE by_phone (phone csec.phone, n int) PARTITION BY LIST (phone);
CREATE TABLE by_phone_1 PARTITION OF by_phone FOR VALUES IN (his_phone());
CREATE TABLE by_phone_2 PARTITION OF by_phone FOR VALUES IN ('13812345671', '13812345672'::csec.phone, NULL);
CREATE TABLE by_phone_3 (phone csec.phone, n int);
ALTER TABLE by_phone ATTACH PARTITION by_phone_3 FOR VALUES IN ('13812345673', his_phone());
CREATE TABLE by_id (id_no csec.id_card, n int) PARTITION BY RANGE (n, id_no);
CREATE TABLE by_id_1 PARTITION OF by_id FOR VALUES FROM (1, MINVALUE) TO (1, his_id());
CREATE TABLE by_id_2 PARTITION OF by_id FOR VALUES FROM (1, his_id()) TO (1, MAXVALUE);
CREATE TABLE by_id_3 PARTITION OF by_id FOR VALUES FROM (1, MINVALUE) TO (1, MAXVALUE);
CREATE SCHEMA regress_raw CREATE TABLE x PARTITION OF public.by_phone FOR VALUES IN (public.his_phone());
CREATE TABLE by_n (n int, phone csec.phone) PARTITION BY RANGE (n);
CREATE TABLE by_n_1 PARTITION OF by_n FOR VALUES FROM (1 + 1) TO (abs(-9));
-- a cast of a literal may be a function, and what a name means may change on the way
CREATE TYPE taken AS (x text);
CREATE FUNCTION taken_phone(taken) RETURNS csec.phone LANGUAGE sql IMMUTABLE AS 'SELECT phone FROM public.cust WHERE id = 1';
CREATE CAST (taken AS csec.masked) WITH FUNCTION taken_phone(taken) AS ASSIGNMENT;
CREATE TABLE by_phone_4 PARTITION OF by_phone FOR VALUES IN ('(x)'::taken);
CREATE TABLE by_phone_5 PARTITION OF by_phone FOR VALUES IN ('(x)'::taken::csec.masked);
CREATE SCHEMA regress_raw_away CREATE TABLE by_way_1 (phone csec.phone);
CREATE FUNCTION away(csec.masked) RETURNS csec.masked LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM set_config('search_path', 'regress_raw_away, public', false); RETURN $1; END $$;
CREATE TABLE by_way (phone csec.phone) PARTITION BY LIST (away(phone));
CREATE TABLE by_way_1 AS SELECT phone FROM cust;
ALTER TABLE by_way ATTACH PARTITION by_way_1 FOR VALUES IN (his_phone());
RESET search_path;
DROP TABLE by_way, by_way_1;
DROP SCHEMA regress_raw_away CASCADE;
DROP TYPE taken CASCADE;
SELECT c.oid::regclass AS bound FROM pg_class c WHERE relpartbound IS NOT NULL AND relnamespace = 'public'::regnamespace ORDER BY relname;

-- a row of a type that is altered meanwhile is read as the new type says
CREATE TYPE flat AS (p csec.phone);
CREATE TYPE nested AS (f flat, n int);
CREATE TYPE phones AS RANGE (subtype = csec.phone);
CREATE TYPE ranged AS (r phones);
CREATE TYPE many AS (m phones_multirange, a flat[]);
CREATE DOMAIN flats AS flat[];
CREATE TYPE of_domain AS (d flats);
-- ... and what stands beside a field, if another attribute takes more room
CREATE TYPE beside AS (a text, z text, p csec.phone);
CREATE TYPE around AS (a text, z text, b beside);
CREATE TYPE lost AS (a text, z text, p csec.phone);
CREATE TABLE mine (a text, z text, p csec.phone);
CREATE TABLE parted (a text, z text, p flat[]);
CREATE FUNCTION altered(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'altered';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RETURN SQLERRM;
END $$;
BEGIN;
DECLARE c1 CURSOR FOR SELECT ROW(phone)::flat FROM cust;
DECLARE c2 CURSOR FOR SELECT ROW(ROW(phone)::flat, 1)::nested FROM cust;
DECLARE c3 CURSOR FOR SELECT ROW(phones(phone, NULL))::ranged FROM cust;
DECLARE c4 CURSOR FOR SELECT ROW(multirange(phones(phone, NULL)), ARRAY[ROW(phone)::flat])::many FROM cust;
DECLARE c5 CURSOR FOR SELECT ROW(ARRAY[ROW(phone)::flat])::of_domain FROM cust;
DECLARE c6 CURSOR FOR SELECT ROW('', '', phone)::beside FROM cust;
DECLARE c7 CURSOR FOR SELECT ROW('', '', ROW('', '', phone)::beside)::around FROM cust;
DECLARE c8 CURSOR FOR SELECT ROW('', '', phone)::mine FROM cust;
DECLARE c9 CURSOR FOR SELECT ROW('', '', phone)::lost FROM cust;
DECLARE c10 CURSOR FOR SELECT ROW('', '', ARRAY[ROW(phone)::flat])::parted FROM cust;
SELECT altered('ALTER TYPE flat ALTER ATTRIBUTE p TYPE bytea');
SELECT altered('ALTER TYPE nested ALTER ATTRIBUTE f TYPE bytea');
SELECT altered('ALTER TYPE ranged ALTER ATTRIBUTE r TYPE bytea');
SELECT altered('ALTER TYPE many ALTER ATTRIBUTE m TYPE bytea');
SELECT altered('ALTER TYPE many ALTER ATTRIBUTE a TYPE bytea');
SELECT altered('ALTER TYPE of_domain ALTER ATTRIBUTE d TYPE bytea CASCADE');
SELECT altered('ALTER TYPE beside ALTER ATTRIBUTE a TYPE uuid');
SELECT altered('ALTER TYPE around ALTER ATTRIBUTE a TYPE uuid');
SELECT altered('ALTER TABLE mine ALTER a TYPE uuid USING NULL');
-- ... which is so also when the field is gone
SELECT altered('ALTER TYPE lost DROP ATTRIBUTE p');
SELECT altered('ALTER TYPE lost ALTER ATTRIBUTE a TYPE uuid');
SELECT altered('ALTER TABLE parted DROP COLUMN p, ALTER a TYPE uuid USING NULL');
SELECT altered('ALTER TABLE parted DROP COLUMN p');
SELECT altered('ALTER TABLE parted ALTER a TYPE uuid USING NULL');
FETCH c1;
FETCH c2;
FETCH c3;
FETCH c4;
FETCH c5;
FETCH c6;
FETCH c7;
FETCH c8;
FETCH c9;
FETCH c10;
COMMIT;
-- what changes no row's layout may be, and types without fields
SELECT altered('ALTER TYPE beside ALTER ATTRIBUTE a TYPE varchar(20)');
SELECT altered('ALTER TYPE beside ADD ATTRIBUTE y int');
SELECT altered('ALTER TYPE beside DROP ATTRIBUTE y');
SELECT altered('ALTER TABLE mine ALTER a TYPE varchar(20), ADD COLUMN y int');
CREATE TYPE plain AS (a int, b text);
SELECT altered('ALTER TYPE plain ALTER ATTRIBUTE a TYPE text');
-- the owner of a protected table may, on record
\c - regress_raw_owner
ALTER TABLE cust ADD COLUMN n int;
ALTER TABLE cust ALTER COLUMN n TYPE int8;

\c - postgres
SET client_min_messages = warning;
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP TABLE cust;
DROP OWNED BY regress_raw_low, regress_raw_owner;
DROP ROLE regress_raw_low, regress_raw_owner;
