-- Were this to fail, a mask would be stored as a value, a value would change its category, or an error would repeat what was typed in.

SELECT current_user AS dba \gset
SELECT current_setting('data_directory') || '/regress_masked_write' AS file \gset
CREATE ROLE regress_masked_write_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_masked_write_low LOGIN;
CREATE ROLE regress_masked_write_clerk LOGIN IN ROLE pg_read_server_files, pg_write_server_files;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_masked_write_clerk', level => 'important');
INSERT INTO csec.category (name, level, mask, check_kind, check_mode) VALUES
	('strict_phone', 'important', 'phone', 'phone', 'strict'),
	('strict_birth', 'important', 'birth_date', 'birth_date', 'strict'),
	('strict_id', 'important', 'id_card', 'id_card', 'strict');
GRANT EXECUTE ON FUNCTION csec.keep_masked() TO regress_masked_write_owner, regress_masked_write_clerk;

\c - regress_masked_write_owner
CREATE TABLE cust (id int PRIMARY KEY, name csec.person_name, phone csec.phone, id_no csec.id_card, note csec.free_text, bal numeric);
CREATE TRIGGER keep_masked BEFORE UPDATE ON cust FOR EACH ROW EXECUTE FUNCTION csec.keep_masked();
INSERT INTO cust VALUES
	(1, '张三', '13812341234', '11010519491231002X', 'likes tea', 1),
	(2, 'John Smith', '13987654321', NULL, '**urgent**', 2),
	(3, NULL, NULL, NULL, NULL, 3);
GRANT SELECT, UPDATE ON cust TO PUBLIC;
-- What is stored, seen by one who may.
CREATE VIEW stored AS SELECT id, name, phone, note, bal FROM cust ORDER BY id;
GRANT SELECT ON stored TO PUBLIC;

-- A whole row written back keeps what was masked and changes the rest: A.9.
\c - regress_masked_write_low
SELECT * FROM cust WHERE id = 1;
UPDATE cust SET name = '张*', phone = '138****1234', id_no = '110*************2X', note = '***', bal = 11 WHERE id = 1;
UPDATE cust SET name = c.n, phone = c.p FROM (VALUES ('张*'::text, '138****1234'::varchar)) c(n, p) WHERE id = 1;
PREPARE write_back(text, text) AS UPDATE cust SET name = $1, phone = $2, bal = 12 WHERE id = 1;
EXECUTE write_back('张*', '138****1234');
UPDATE cust SET phone = '13812345678' WHERE id = 2;
-- Any other mask is refused: of another value, of nothing, of another form.
UPDATE cust SET phone = '139****4321' WHERE id = 1;
UPDATE cust SET phone = '138****1234' WHERE id = 3;
UPDATE cust SET phone = '***' WHERE id = 1;
UPDATE cust SET name = 'J*** S***' WHERE id = 1;
UPDATE cust SET phone = '138****1234';
-- Ordinary text with stars, and columns that the statement leaves alone.
UPDATE cust SET note = '**very urgent**' WHERE id = 2;
UPDATE cust SET bal = bal + 1;
-- The cleared see values: a mask from them that is none of the value is one too many.
\c - regress_masked_write_clerk
SELECT * FROM stored;
UPDATE cust SET phone = '138****9999' WHERE id = 1;
UPDATE cust SET phone = '138****1234' WHERE id = 1;
SELECT phone FROM stored WHERE id = 1;
SELECT csec.keep_masked();

-- A value keeps its category: A.11.
\c - regress_masked_write_low
SELECT phone::csec.email FROM cust WHERE id = 1;
SELECT phone::csec.masked(person_name) FROM cust WHERE id = 1;
SELECT (phone::csec.masked)::csec.free_text FROM cust WHERE id = 1;
CREATE TEMP TABLE mine (n csec.masked(email), t text, p csec.phone, m csec.masked, s csec.masked(phone, plain));
INSERT INTO mine (n) SELECT phone FROM cust WHERE id = 1;
INSERT INTO mine (p) SELECT phone FROM cust WHERE id = 1;
INSERT INTO mine (m) SELECT phone FROM cust WHERE id = 1;
INSERT INTO mine (s) SELECT phone FROM cust WHERE id IN (1, 2);
SELECT * FROM mine ORDER BY t, n;
SELECT csec.category_of(m) FROM mine WHERE m IS NOT NULL;
SELECT CASE WHEN true THEN phone ELSE 'x'::csec.email END FROM cust WHERE id = 1;
SELECT array_agg(x) FROM (SELECT phone FROM cust WHERE id = 1 UNION ALL SELECT name FROM cust WHERE id = 1) u(x);
\c - regress_masked_write_clerk
SELECT csec.category_of(phone::csec.email), phone::csec.email FROM cust WHERE id = 1;
SELECT id_no::csec.phone FROM cust WHERE id = 1;

-- Checks: strict refuses without a word of the value, lax stores.
CREATE TEMP TABLE checked (p csec.masked(strict_phone), b csec.masked(strict_birth), i csec.masked(strict_id), lax csec.phone);
INSERT INTO checked (p) VALUES ('13812341234');
INSERT INTO checked (p) VALUES ('not a number 4711');
INSERT INTO checked (p) VALUES ('not a number 4711'::text);
INSERT INTO checked (i) VALUES ('110105194912310021');
INSERT INTO checked (i) VALUES ('11010519491231002X');
INSERT INTO checked (b) VALUES ('1985-02-30');
INSERT INTO checked (b) VALUES ('2985-02-03');
INSERT INTO checked (lax) VALUES ('not a number 4711');
SELECT '{"p": "not a number 4711"}'::json, (json_populate_record(NULL::checked, '{"p": "not a number 4711"}')).p;
PREPARE checked_by(csec.masked(strict_phone)) AS INSERT INTO checked (p) VALUES ($1);
EXECUTE checked_by('not a number 4711');
COPY checked (lax, p) FROM STDIN;
first	13812341234
second	not a number 4711
\.
SELECT count(*) FROM checked;

-- Assignment from the other types of strings, and from others by way of text.
CREATE TEMP TABLE assigned (id serial, p csec.phone, b csec.birth_date);
INSERT INTO assigned (p) VALUES ('1'), ('2'::text), ('3'::varchar(5)), ('4'::char(5)), ('5'::name), (6);
INSERT INTO assigned (b) VALUES (date '1985-05-01'), (NULL);
SELECT p, octet_length(p), b FROM assigned ORDER BY id;
ALTER TABLE assigned ADD COLUMN q csec.phone DEFAULT '13812341234';
SELECT q, csec.category_of(q) FROM assigned WHERE id = 1;
SELECT ('{13812341234,NULL}'::csec.phone[])[1], csec.category_of(('{13812341234}'::csec.phone[])[1]);
SELECT p, csec.category_of(p) FROM json_to_record('{"p": "13812341234"}') AS r(p csec.phone);
SELECT csec.category_of(lower('A@B.C'::csec.email)), lower('A@B.C'::csec.email), upper('a@b.c'::csec.email), btrim('  a '::csec.email), ltrim('  a '::csec.email) || '|', rtrim('  a '::csec.email) || '|';

-- The binary form is the text, both ways.
COPY (SELECT id, phone, note FROM cust) TO :'file' (FORMAT binary);
CREATE TEMP TABLE as_masked (id int, phone csec.phone, note csec.free_text);
CREATE TEMP TABLE as_text (id int, phone text, note text);
COPY as_masked FROM :'file' (FORMAT binary);
COPY as_text FROM :'file' (FORMAT binary);
SELECT m.*, t.phone = m.phone AS same, csec.category_of(m.phone) FROM as_masked m JOIN as_text t USING (id) ORDER BY id;
CREATE TEMP TABLE as_checked (id int, phone csec.masked(strict_birth), note text);
COPY as_checked FROM :'file' (FORMAT binary);

-- Long values, out of line, and empty ones.
CREATE TABLE long (id int PRIMARY KEY, addr csec.address);
CREATE TRIGGER keep_masked BEFORE UPDATE ON long FOR EACH ROW EXECUTE FUNCTION csec.keep_masked();
INSERT INTO long SELECT g, string_agg(md5((g * 1000 + i)::text), '' ORDER BY i) FROM generate_series(1, 3) g, generate_series(1, 400) i GROUP BY g;
INSERT INTO long VALUES (4, repeat('x', 1000000)), (5, '');
UPDATE long SET id = id + 10;
SELECT id, length(addr), md5(addr) = md5((SELECT string_agg(md5((1000 + i)::text), '' ORDER BY i) FROM generate_series(1, 400) i)) AS first FROM long ORDER BY id;
CREATE INDEX ON long USING hash (addr);
SET enable_seqscan = off;
SELECT id FROM long WHERE addr = repeat('x', 1000000);
SELECT id FROM long WHERE addr = '';
ANALYZE long;

\c - :dba
SELECT stawidth % 16 AS rounded, stanullfrac, stadistinct FROM pg_statistic WHERE starelid = 'long'::regclass AND staattnum = 2;
SET client_min_messages = warning;
DROP OWNED BY regress_masked_write_owner, regress_masked_write_low, regress_masked_write_clerk CASCADE;
SELECT csec.revoke_clearance('regress_masked_write_clerk', level => 'important');
DROP ROLE regress_masked_write_owner, regress_masked_write_low, regress_masked_write_clerk;
