-- Were this to fail, an encrypted value would leave by one of its ways in clear, be stored in clear or twice encrypted, or be lost when its row is written back.

SELECT current_user AS dba \gset
SELECT current_setting('data_directory') || '/regress_enc_write' AS file \gset
CREATE ROLE regress_enc_write_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_enc_write_low LOGIN;
CREATE ROLE regress_enc_write_clerk LOGIN IN ROLE regress_enc_write_low, pg_read_server_files, pg_write_server_files;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_enc_write_clerk', level => 'core');
INSERT INTO csec.category (name, level, mask, check_kind, check_mode, storage) VALUES
	('strict_card', 'core', 'bank_card', 'bank_card', 'strict', 'encrypted'),
	('low_no', 'important', 'last4', 'none', 'lax', 'encrypted');
GRANT EXECUTE ON FUNCTION csec.keep_masked() TO regress_enc_write_owner;
CREATE EXTENSION hstore;
-- Is it the same envelope, byte for byte?
CREATE FUNCTION bytes(v csec.encrypted) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'textsend';

\c - regress_enc_write_owner
CREATE DOMAIN low_no AS csec.encrypted(low_no);
CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, card csec.bank_card, note csec.health, no low_no, bal numeric);
CREATE TRIGGER keep_masked BEFORE UPDATE ON cust FOR EACH ROW EXECUTE FUNCTION csec.keep_masked();
INSERT INTO cust VALUES
	(1, '11010519491231002X', '4111111111111111', 'likes tea', 'N-00012345', 1),
	(2, '330105198703043471', NULL, '**urgent**', NULL, 2),
	(3, NULL, NULL, NULL, NULL, 3);
GRANT SELECT, UPDATE, INSERT ON cust TO PUBLIC;
CREATE TABLE before AS SELECT * FROM cust;
GRANT SELECT ON before TO PUBLIC;
CREATE VIEW kept AS SELECT c.id, c.id_no = b.id_no AS id_no, c.card = b.card AS card, c.no = b.no AS no, c.bal FROM cust c JOIN before b USING (id) ORDER BY id;
GRANT SELECT ON kept TO PUBLIC;
CREATE FUNCTION definer_sql(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT id_no::text FROM cust WHERE id = $1';
CREATE FUNCTION definer_plpgsql(int) RETURNS csec.id_card LANGUAGE plpgsql SECURITY DEFINER AS
	'BEGIN RETURN (SELECT id_no FROM cust WHERE id = $1); END';
CREATE FUNCTION atomic(int) RETURNS text LANGUAGE sql SECURITY DEFINER
	BEGIN ATOMIC SELECT id_no::text FROM cust WHERE id = $1; END;

-- Each way out, as one without clearance: A.1, A.2.  None may hold the value.
\c - regress_enc_write_low
SET csec.allow_masked_dml = on;
CREATE TEMP TABLE ways (way text, shown text);
INSERT INTO ways
SELECT w.way, w.shown FROM cust c, LATERAL (VALUES
	('text', c.id_no::text),
	('varchar(5)', c.id_no::varchar(5)),
	('char(20)', c.id_no::char(20)),
	('name', c.id_no::name::text),
	('format', format('%s/%I/%L', c.id_no, c.id_no, c.id_no)),
	('concat_ws', concat_ws('/', c.id_no, c.note)),
	('||', c.id_no || '/' || c.note),
	('|| fields', c.id_no || c.id_no),
	('to_json', to_json(c.id_no)::text),
	('to_jsonb', to_jsonb(c.id_no)::text),
	('json_build', json_build_object('p', c.id_no)::text),
	('jsonb_build', jsonb_build_array(c.id_no)::text),
	('row_to_json', row_to_json(c)::text),
	('whole row', c::text),
	('record_out', textin(record_out(c))),
	('row', row(c.id_no, c.note)::text),
	('array', ARRAY[c.id_no]::text),
	('array_to_string', array_to_string(ARRAY[c.id_no], ',')),
	('array cast', (ARRAY[c.id_no]::text[])[1]),
	('unnest', (SELECT string_agg(u::text, '') FROM unnest(ARRAY[c.id_no]) u)),
	('xml', xmlelement(name p, c.id_no)::text),
	('hstore', hstore('p', c.id_no)::text),
	('hstore of row', (hstore(c) -> 'id_no')),
	('quote_literal', quote_literal(c.id_no)),
	('convert_to', convert_to(c.id_no::text, 'UTF8')::text),
	('out', textin(csec.encrypted_out(c.id_no))),
	('send', encode(csec.encrypted_send(c.id_no), 'escape')),
	('record_send', encode(record_send(c), 'escape')),
	('array_send', encode(array_send(ARRAY[c.id_no]), 'escape')),
	('populate', (json_populate_record(NULL::cust, row_to_json(c))).id_no::text),
	('replace', replace(c.id_no, '*', '#')),
	('overlay', overlay(c.id_no placing 'zz' from 2 for 1)),
	('lower', lower(c.id_no)::text),
	('btrim', btrim(c.id_no)::text),
	('case', CASE WHEN true THEN c.id_no ELSE 'none' END::text),
	('coalesce', COALESCE(c.id_no, 'none')::text),
	('nullif', NULLIF(c.id_no, 'none')::text),
	('greatest', GREATEST(c.id_no)::text),
	('csec.mask', csec.mask(c.id_no)),
	('domain', (c.id_no::csec.id_card)::text),
	('base type', (c.id_no::csec.encrypted)::text),
	('health', c.note::text),
	('length', length(c.id_no)::text),
	('size', pg_column_size(c.id_no)::text),
	('size of health', pg_column_size(c.note)::text),
	('definer', definer_sql(c.id)),
	('definer plpgsql', definer_plpgsql(c.id)::text),
	('atomic', atomic(c.id))
) w(way, shown) WHERE c.id = 1;
SELECT * FROM ways WHERE way !~ '_send';
SELECT count(*) AS must_be_0 FROM ways WHERE shown ~ '10519|1231|likes|csec:e1';
SELECT query_to_xml('SELECT id_no FROM cust WHERE id = 1', true, true, '')::text ~ '10519' AS must_be_f;
CREATE TABLE copied AS SELECT * FROM cust;
SELECT id, id_no, note FROM copied ORDER BY id;
SELECT id, id_no::text INTO TEMP into_text FROM cust;
SELECT * FROM into_text ORDER BY id;
CREATE MATERIALIZED VIEW mat AS SELECT id, id_no FROM cust;
SELECT * FROM mat ORDER BY id;
RESET csec.allow_masked_dml;
\c - regress_enc_write_clerk
PREPARE prepared AS SELECT id_no, id_no::text, definer_sql(id), definer_plpgsql(id), atomic(id), '110'::csec.id_card FROM cust WHERE id = 1;
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
EXECUTE prepared;
SET LOCAL ROLE regress_enc_write_low;
EXECUTE prepared;
COMMIT;

-- A whole row written back keeps what was masked: A.9.
\c - regress_enc_write_low
SELECT * FROM cust WHERE id = 1;
UPDATE cust SET id_no = '110*************2X', card = '************1111', note = '***', no = '****2345', bal = 11 WHERE id = 1;
UPDATE cust SET id_no = c.n FROM (VALUES ('110*************2X'::varchar)) c(n) WHERE id = 1;
SELECT * FROM kept WHERE id = 1;
UPDATE cust SET id_no = '330*************71' WHERE id = 1;
UPDATE cust SET id_no = '110*************2X' WHERE id = 3;
UPDATE cust SET note = 'J*** S***' WHERE id = 3;
UPDATE cust SET id_no = '***' WHERE id = 1;
-- the very value that is there stays the envelope that it is, another text of it does not
\c - :dba
CREATE TABLE bytes_before AS SELECT bytes(id_no) AS id_no, bytes(note) AS note FROM cust WHERE id = 1;
UPDATE cust SET id_no = '11010519491231002X', bal = 12 WHERE id = 1;
SELECT bytes(c.id_no) = b.id_no AS id_no, bytes(c.note) = b.note AS note FROM cust c, bytes_before b WHERE id = 1;
UPDATE cust SET id_no = '11010519491231002x' WHERE id = 1;
SELECT bytes(c.id_no) = b.id_no AS id_no, c.id_no = '11010519491231002X' AS equal FROM cust c, bytes_before b WHERE id = 1;
UPDATE cust SET id_no = '11010519491231002X' WHERE id = 1;

-- A value keeps its category: A.11.
\c - regress_enc_write_low
SELECT id_no::csec.bank_card FROM cust WHERE id = 1;
SELECT id_no::csec.encrypted(low_no) FROM cust WHERE id = 1;
SELECT (id_no::csec.encrypted)::low_no FROM cust WHERE id = 1;
SELECT id_no::csec.masked(person_name) FROM cust WHERE id = 1;
CREATE TEMP TABLE mine (c csec.bank_card, i csec.id_card, e csec.encrypted, m csec.masked);
INSERT INTO mine (c) SELECT id_no FROM cust WHERE id = 1;
INSERT INTO mine (m) SELECT id_no FROM cust WHERE id = 1;
INSERT INTO mine (i) SELECT id_no FROM cust WHERE id = 1;
INSERT INTO mine (e) SELECT id_no FROM cust WHERE id = 1;
SELECT i, e, csec.category_of(e) FROM mine ORDER BY i;
-- by way of a masked field, and the other way: encrypted, it is what it was
CREATE TEMP TABLE masked_one (p csec.phone);
INSERT INTO masked_one VALUES ('13812341234');
SELECT csec.category_of(p::csec.encrypted), p::csec.encrypted FROM masked_one;
SELECT p::csec.id_card FROM masked_one;
\c - regress_enc_write_clerk
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT csec.category_of(id_no::csec.bank_card), id_no::csec.bank_card, csec.category_of(id_no::csec.masked(phone)) FROM cust WHERE id = 1;
COMMIT;

-- Checks, and what must not be kept: no error repeats a value.
CREATE TEMP TABLE checked (c csec.encrypted(strict_card), cvv csec.card_check, h csec.health, n int CHECK (n > 0));
INSERT INTO checked (c) VALUES ('4111111111111111');
INSERT INTO checked (c) VALUES ('4111111111111112');
INSERT INTO checked (c) VALUES ('4111111111111112'::text);
SELECT (json_populate_record(NULL::checked, '{"c": "4111111111111112"}')).c;
SELECT '4111111111111112'::csec.encrypted(strict_card);
INSERT INTO checked (cvv) VALUES ('987');
INSERT INTO checked (cvv) VALUES ('987'::varchar);
SELECT ARRAY['987']::csec.card_check[];
SELECT '987'::csec.masked(card_check);
CREATE TEMP TABLE cvv (v csec.masked(card_check));
INSERT INTO cvv VALUES ('987');
INSERT INTO checked (h, n) VALUES ('some illness', 0);
COPY checked (h, c) FROM STDIN;
some illness	4111111111111112
\.
COPY checked (h, cvv) FROM STDIN;
some illness	987
\.
COPY checked (h, n) FROM STDIN;
some illness	many
\.
COPY checked (h, n) FROM STDIN;
some illness	-1
\.
SELECT count(*) FROM checked;

-- Assignment from other types; arrays, rows, defaults; the empty text.
CREATE TEMP TABLE assigned (id serial, p csec.id_card, q csec.id_card[], d csec.health);
INSERT INTO assigned (p) VALUES ('1'), ('2'::text), ('3'::varchar(5)), ('4'::char(5)), ('5'::name), (6), (''), (NULL);
INSERT INTO assigned (d) VALUES (date '1985-05-01');
INSERT INTO assigned (q) VALUES ('{11010519491231002X,NULL}'), (ARRAY['a', 'b']);
ALTER TABLE assigned ADD COLUMN e csec.id_card DEFAULT '11010519491231002X';
ALTER TABLE assigned ADD CHECK (p <> '99');
INSERT INTO assigned (p) VALUES ('9 9');
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT id, p, octet_length(p), q, d, e, csec.category_of(e) FROM assigned ORDER BY id;
SELECT csec.category_of(q[1]), q[1] = '11010519491231002x', q @> ARRAY['b'::csec.id_card], '11010519491231002X' = ANY (q) FROM assigned WHERE q IS NOT NULL ORDER BY id;
COMMIT;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'assigned'::regclass AND adnum = 5;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'assigned'::regclass;
CREATE TEMP TABLE wrong (v csec.encrypted(id_card, plain));
CREATE TEMP TABLE wrong (v csec.encrypted(1001));
CREATE TEMP TABLE modified (a csec.encrypted("id_card"), b csec.encrypted, c csec.encrypted(1000), d csec.encrypted('health')[]);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum;
INSERT INTO modified (c) VALUES ('x');
SELECT c, csec.category_of(c) FROM modified;

-- The binary form is that of the text form, both ways: of the cleared the text, in a dump the envelope.
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
COPY (SELECT id, id_no FROM cust) TO :'file' (FORMAT binary);
CREATE TEMP TABLE from_text (id int, id_no csec.id_card);
CREATE TEMP TABLE as_text (id int, id_no text);
COPY from_text FROM :'file' (FORMAT binary);
COPY as_text FROM :'file' (FORMAT binary);
SELECT f.id, f.id_no, t.id_no FROM from_text f JOIN as_text t USING (id) ORDER BY id;
SET LOCAL row_security = off;
COPY (SELECT id, id_no FROM cust) TO :'file' (FORMAT binary);
CREATE TEMP TABLE from_envelope (id int, id_no csec.id_card);
CREATE TEMP TABLE raw (id int, id_no text);
COPY from_envelope FROM :'file' (FORMAT binary);
COPY raw FROM :'file' (FORMAT binary);
SET LOCAL row_security = on;
SELECT f.id, f.id_no, left(r.id_no, 8) AS raw, bytes(f.id_no) = bytes(c.id_no) AS same_bytes FROM from_envelope f JOIN raw r USING (id) JOIN cust c USING (id) ORDER BY id;
COMMIT;

-- An envelope is stored as it is, by who could store the value too; what cannot be checked only by who restores.
\c - :dba
SET row_security = off;
SELECT id_no AS envelope FROM cust WHERE id = 1 \gset
\c - regress_enc_write_low
UPDATE cust SET id_no = :'envelope' WHERE id = 1;
SELECT * FROM kept WHERE id = 1;
SELECT id_no FROM cust WHERE id = 1;
-- (the key's number stands in bytes 7 to 10)
SELECT 'csec:e1:' || encode(set_byte(e, 7, get_byte(e, 7) # 64), 'base64') AS elsewhere FROM decode(substr(:'envelope', 9), 'base64') e \gset
SELECT replace(:'elsewhere', E'\n', '') AS elsewhere \gset
\set VERBOSITY terse
SELECT set_config('regress.elsewhere', :'elsewhere', false) IS NOT NULL AS set;
CREATE FUNCTION pg_temp.fails(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || regexp_replace(SQLERRM, 'key \d+', 'key ID', 'g');
END
$$;
SELECT pg_temp.fails(format('UPDATE cust SET id_no = %L WHERE id = 1', current_setting('regress.elsewhere')));
\c - regress_enc_write_owner
SELECT set_config('regress.elsewhere', :'elsewhere', false) IS NOT NULL AS set;
INSERT INTO cust (id, id_no) VALUES (9, :'elsewhere');
\c - :dba
-- it is there, nobody reads it, csec names it, and it can be deleted
CREATE FUNCTION fails(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || regexp_replace(SQLERRM, 'key \d+', 'key ID', 'g');
END
$$;
SELECT csec.create_trail();
SELECT fails('SELECT id_no::text FROM cust WHERE id = 9');
SELECT attname, element, problem FROM csec.check_envelopes('cust');
SELECT key_version, category, suite FROM csec.envelope_info((SELECT id_no FROM cust WHERE id = 9));
DELETE FROM cust WHERE id = 9;
SELECT count(*) FROM csec.check_envelopes('cust');

-- Who may check.
SELECT fails('SELECT csec.check_envelopes(''into_nothing'')');
SELECT fails('SELECT csec.check_envelopes(''pg_class'')');
\c - regress_enc_write_low
\set VERBOSITY terse
SELECT csec.check_envelopes('cust');
SELECT csec.envelope_problem(id_no) FROM cust;
SELECT csec.envelope_info(id_no) FROM cust;

-- Long values, out of line, and what is derived of them.
\c - regress_enc_write_owner
CREATE TABLE long (id int PRIMARY KEY, h csec.health, a csec.bank_card);
CREATE TRIGGER keep_masked BEFORE UPDATE ON long FOR EACH ROW EXECUTE FUNCTION csec.keep_masked();
INSERT INTO long SELECT g, string_agg(md5((g * 1000 + i)::text), '' ORDER BY i), string_agg(md5((g * 1000 + i)::text), '' ORDER BY i) FROM generate_series(1, 3) g, generate_series(1, 400) i GROUP BY g;
INSERT INTO long VALUES (4, repeat('x', 1000000), repeat('y', 1000000)), (5, '', '');
UPDATE long SET id = id + 10;
CREATE INDEX ON long USING hash (a);
SET enable_seqscan = off;
SELECT id FROM long WHERE a = repeat('Y', 1000000);
SELECT id FROM long WHERE a = '';
GRANT SELECT ON long TO PUBLIC;
\c - regress_enc_write_clerk
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT id, length(h), md5(h) = md5((SELECT string_agg(md5((1000 + i)::text), '' ORDER BY i) FROM generate_series(1, 400) i)) AS first FROM long ORDER BY id;
COMMIT;
\c - :dba
SELECT count(*) FROM csec.check_envelopes('long');

SET client_min_messages = warning;
DROP TABLE bytes_before;
DROP EXTENSION hstore;
DROP OWNED BY regress_enc_write_owner, regress_enc_write_low, regress_enc_write_clerk CASCADE;
SELECT csec.revoke_clearance('regress_enc_write_clerk', level => 'core');
DROP ROLE regress_enc_write_owner, regress_enc_write_low, regress_enc_write_clerk;
