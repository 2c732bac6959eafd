-- Were this to fail, a masked value would leave by one of its exits in clear, or a cleared reader would not get it.

SELECT current_user AS dba \gset
CREATE ROLE regress_masked_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_masked_low LOGIN;
CREATE ROLE regress_masked_clerk LOGIN IN ROLE regress_masked_low;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_masked_clerk', level => 'important');

CREATE EXTENSION hstore;
\c - regress_masked_owner
CREATE TABLE cust (
	id int PRIMARY KEY,
	name csec.person_name,
	phone csec.phone,
	email csec.email,
	id_no csec.id_card,
	card csec.bank_card,
	born csec.birth_date,
	addr csec.address,
	note csec.free_text,
	bal numeric
);
INSERT INTO cust VALUES
	(1, '张三', '13812341234', 'zhang.san@example.com', '11010519491231002X', '4111111111111111', '1949-12-31', '广东省深圳市南山区科技园路1号', 'likes tea', 10),
	(2, 'John Smith', '+442079460958', 'js@example.org', NULL, NULL, '1985-05-01', NULL, '', 20),
	(3, NULL, '12', 'no mail', 'short', '', 'unknown', 'x', '**urgent**', 30);
GRANT SELECT ON cust TO PUBLIC;

-- The owner, the superuser and the reader, all without clearance, and the clerk.
SELECT * FROM cust ORDER BY id;
\c - :dba
SELECT * FROM cust ORDER BY id;
\c - regress_masked_clerk
SELECT * FROM cust ORDER BY id;
\c - regress_masked_low
SELECT * FROM cust ORDER BY id;

-- A superuser becomes nobody else by his attribute, a member becomes his role.
\c - :dba
SET ROLE regress_masked_clerk;
SELECT phone FROM cust WHERE id = 1;
SET SESSION AUTHORIZATION regress_masked_clerk;
SELECT phone FROM cust WHERE id = 1;
\c - regress_masked_clerk
SET ROLE regress_masked_low;
SELECT phone FROM cust WHERE id = 1;

-- Each way out, as low: A.1.  None may hold the value.
\c - regress_masked_low
SET csec.allow_masked_dml = on;
CREATE TEMP TABLE ways (way text, shown text);
INSERT INTO ways
SELECT w.way, w.shown FROM cust c, LATERAL (VALUES
	('text', c.phone::text),
	('varchar', c.phone::varchar),
	('varchar(5)', c.phone::varchar(5)),
	('char(20)', c.phone::char(20)),
	('name', c.phone::name::text),
	('format', format('%s/%I/%L', c.phone, c.phone, c.phone)),
	('concat', concat(c.phone, '/', c.name)),
	('concat_ws', concat_ws('/', c.phone, c.name)),
	('||', c.phone || '/' || c.name),
	('|| left', 'x' || c.phone),
	('|| masked', c.phone || c.phone),
	('to_json', to_json(c.phone)::text),
	('to_jsonb', to_jsonb(c.phone)::text),
	('json_build', json_build_object('p', c.phone)::text),
	('jsonb_build', jsonb_build_array(c.phone)::text),
	('row_to_json', row_to_json(c)::text),
	('whole row', c::text),
	('record_out', textin(record_out(c))),
	('row', row(c.phone, c.name)::text),
	('array', ARRAY[c.phone]::text),
	('array_to_string', array_to_string(ARRAY[c.phone], ',')),
	('xml', xmlelement(name p, c.phone)::text),
	('xmlforest', xmlforest(c.phone)::text),
	('hstore', hstore('p', c.phone)::text),
	('hstore of row', (hstore(c) -> 'phone')),
	('quote_literal', quote_literal(c.phone)),
	('quote_nullable', quote_nullable(c.phone)),
	('quote_ident', quote_ident(c.phone)),
	('convert_to', convert_to(c.phone::text, 'UTF8')::text),
	('encode', encode(c.phone::text::bytea, 'escape')),
	('masked_out', textin(csec.masked_out(c.phone))),
	('masked_send', encode(csec.masked_send(c.phone), 'escape')),
	('populate', (json_populate_record(NULL::cust, row_to_json(c))).phone::text),
	('replace', replace(c.phone, '*', '#')),
	('regexp', regexp_replace(c.phone, '[0-9]', 'd')),
	('reverse', reverse(c.phone)),
	('overlay', overlay(c.phone placing 'zz' from 2 for 1)),
	('lower', lower(c.email)::text),
	('upper', upper(c.email)::text),
	('btrim', btrim(c.phone)::text),
	('case', CASE WHEN true THEN c.phone ELSE 'none' END::text),
	('coalesce', COALESCE(c.phone, 'none')::text),
	('nullif', NULLIF(c.phone, 'none')::text),
	('greatest', GREATEST(c.phone)::text),
	('csec.mask', csec.mask(c.phone)),
	('domain', (c.phone::csec.phone)::text),
	('base type', (c.phone::csec.masked)::text)
) w(way, shown) WHERE c.id = 1;
SELECT * FROM ways;
SELECT count(*) AS must_be_0 FROM ways WHERE shown ~ '12341234|3812|zhang.san';
SELECT query_to_xml('SELECT phone FROM cust WHERE id = 1', true, true, '')::text ~ '12341234' AS must_be_f;
SELECT string_agg(phone, ',' ORDER BY id), array_agg(phone ORDER BY id), json_agg(phone ORDER BY id), min(phone), max(name) FROM cust;
COPY (SELECT name, phone, id_no FROM cust ORDER BY id) TO STDOUT;
COPY (SELECT name, phone, id_no FROM cust ORDER BY id) TO STDOUT (FORMAT csv);
DO $$
DECLARE
	r cust;
	p csec.phone;
	t text;
BEGIN
	SELECT * INTO r FROM cust WHERE id = 1;
	p := r.phone;
	t := r.phone;
	RAISE NOTICE '% | % | % | %', r, r.phone, p, t;
	EXECUTE 'SELECT $1' INTO t USING r.phone;
	RAISE NOTICE '%', t;
	RAISE EXCEPTION 'failed for %', r.phone;
END
$$;

-- Through copies: A.2.
CREATE TABLE copied AS SELECT * FROM cust;
SELECT id, phone, id_no FROM copied ORDER BY id;
SELECT id, phone::text INTO TEMP into_text FROM cust;
SELECT * FROM into_text ORDER BY id;
CREATE MATERIALIZED VIEW mat AS SELECT id, phone FROM cust;
SELECT * FROM mat ORDER BY id;
BEGIN;
DECLARE cur CURSOR WITH HOLD FOR SELECT phone FROM cust ORDER BY id;
COMMIT;
FETCH ALL cur;
CLOSE cur;
\c - regress_masked_owner
CREATE VIEW view_of_owner AS SELECT id, phone, phone::text AS shown FROM cust;
GRANT SELECT ON view_of_owner TO PUBLIC;
CREATE FUNCTION definer_sql(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS
	'SELECT phone::text FROM cust WHERE id = $1';
CREATE FUNCTION definer_plpgsql(int) RETURNS csec.phone LANGUAGE plpgsql SECURITY DEFINER AS
	'BEGIN RETURN (SELECT phone FROM cust WHERE id = $1); END';
CREATE FUNCTION atomic(int) RETURNS text LANGUAGE sql SECURITY DEFINER
	BEGIN ATOMIC SELECT phone::text FROM cust WHERE id = $1; END;
\c - regress_masked_clerk
SELECT *, definer_sql(id), definer_plpgsql(id), atomic(id) FROM view_of_owner WHERE id = 1;
PREPARE prepared AS SELECT phone, phone::text, '138'::csec.phone FROM cust WHERE id = 1;
EXECUTE prepared;
SET ROLE regress_masked_low;
SELECT *, definer_sql(id), definer_plpgsql(id), atomic(id) FROM view_of_owner WHERE id = 1;
EXECUTE prepared;

-- Through errors: A.3.
SELECT phone::int FROM cust WHERE id = 1;
SELECT phone::date FROM cust WHERE id = 1;
\c - regress_masked_owner
CREATE TABLE checked (
	id int,
	phone csec.phone UNIQUE,
	other text NOT NULL,
	CHECK (id > 0)
);
GRANT ALL ON checked TO PUBLIC;
INSERT INTO checked VALUES (1, '13812341234', 'x');
\c - regress_masked_low
INSERT INTO checked VALUES (2, '13812341234', 'x');
INSERT INTO checked VALUES (0, '13812341235', 'x');
INSERT INTO checked SELECT id, phone, NULL FROM cust WHERE id = 1;

-- Complete or refused.
SET row_security = off;
SELECT phone FROM cust WHERE id = 1;
SELECT phone::text FROM cust WHERE id = 1;
SELECT id FROM cust WHERE id = 1;
\c - regress_masked_clerk
SET row_security = off;
SELECT phone FROM cust WHERE id = 1;
SELECT id_no::text FROM cust WHERE id = 1;
RESET row_security;

-- A category that nobody knows redacts; it is not refused as a type.
CREATE TEMP TABLE odd (v csec.masked(no_such_category));
INSERT INTO odd VALUES ('secret');
SELECT * FROM odd;
SELECT csec.category_of(v) ~ '^[0-9]+$' AS is_number FROM odd;

-- What never got a category prints as typed; views and defaults keep it.
SELECT '13812341234'::csec.masked, csec.category_of('x'::csec.masked) IS NULL AS none;
CREATE TEMP VIEW with_constant AS SELECT id FROM cust WHERE phone = '13812341234' AND name <> '张三'::text;
SELECT pg_get_viewdef('with_constant');
CREATE TEMP TABLE with_default (p csec.phone DEFAULT '13812341234', CHECK (p <> '13812341235'));
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'with_default'::regclass;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'with_default'::regclass;

-- The modifier, by name and by number, and as a dump writes it.
CREATE TEMP TABLE modified (a csec.masked(phone), b csec.masked("phone", plain), c csec.masked, d csec.masked('free_text')[]);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum;
SELECT format('CREATE TEMP TABLE again (v %s)', regexp_replace(format_type(atttypid, atttypmod), '\d+', '1000', 'g'))
	FROM pg_attribute WHERE attrelid = 'odd'::regclass AND attnum = 1;
CREATE TEMP TABLE again (v csec.masked(1000), w csec.masked(1000, plain));
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'again'::regclass AND attnum > 0 ORDER BY attnum;
CREATE TEMP TABLE wrong (v csec.masked(phone, sorted));
CREATE TEMP TABLE wrong (v csec.masked(1001));
CREATE TEMP TABLE wrong (v csec.masked(0));
CREATE TEMP TABLE wrong (v csec.masked(99999999999999999999));
CREATE TEMP TABLE wrong (v csec.masked(''));

-- csec.mask() masks for everybody.
SELECT csec.mask('13812341234', 'phone'), csec.mask('张三', 'person_name'), csec.mask(phone) FROM cust WHERE id = 1;
SELECT csec.mask('13812341234', 'no_such_category');
SELECT csec.mask(NULL, 'phone') IS NULL AS is_null;

\c - :dba
SET client_min_messages = warning;
DROP EXTENSION hstore;
DROP OWNED BY regress_masked_owner, regress_masked_low, regress_masked_clerk CASCADE;
SELECT csec.revoke_clearance('regress_masked_clerk', level => 'important');
DROP ROLE regress_masked_owner, regress_masked_low, regress_masked_clerk;
