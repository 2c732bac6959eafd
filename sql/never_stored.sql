-- Were this to fail, a card verification value or PIN would be stored after all, by a way in that
-- nobody thought of: what PCI DSS forbids, encrypted too.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT current_setting('data_directory') || '/regress_never' AS file \gset
SELECT csec.create_trail();
CREATE ROLE regress_never_app LOGIN;
CREATE ROLE regress_never_loader LOGIN IN ROLE csec_loader;
SELECT csec.set_clearance('regress_never_app', level => 'core');
CREATE TABLE pay (id int PRIMARY KEY, v csec.card_check, list csec.card_check[], m csec.masked(card_check));
GRANT ALL ON pay TO regress_never_app, regress_never_loader;

-- statements, as the superuser, who has no right to it either
INSERT INTO pay VALUES (1, '987');
INSERT INTO pay (id, list) VALUES (1, '{987}');
INSERT INTO pay (id, list) VALUES (1, ARRAY['987']);
INSERT INTO pay (id, m) VALUES (1, '987');
INSERT INTO pay VALUES (1, '');
INSERT INTO pay VALUES (1) RETURNING id;
INSERT INTO pay VALUES (1) ON CONFLICT (id) DO UPDATE SET v = '987';
UPDATE pay SET v = '987';
UPDATE pay SET v = '***';
UPDATE pay SET list[1] = '987';
MERGE INTO pay USING (VALUES (1, '987')) s (id, v) ON pay.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v;
INSERT INTO pay SELECT (json_populate_record(NULL::pay, '{"id": 7, "v": "987"}')).*;
INSERT INTO pay SELECT (jsonb_populate_record(NULL::pay, '{"id": 7, "list": ["987"]}')).*;
SELECT '(7,987,,)'::pay;
PREPARE typed(csec.card_check) AS INSERT INTO pay VALUES (2, $1);
EXECUTE typed('987');
PREPARE untyped(text) AS INSERT INTO pay VALUES (2, $1);
EXECUTE untyped('987');
DO $$ DECLARE v csec.card_check; BEGIN v := '987'; END $$;

-- COPY: text, csv, binary
COPY pay FROM STDIN;
3	987	\N	\N
\.
COPY pay FROM STDIN;
3	\N	{987}	\N
\.
COPY pay FROM STDIN (FORMAT csv);
3,,,987
\.
CREATE TABLE plain AS SELECT 3 AS id, '987'::text AS v, NULL::text AS list, NULL::text AS m;
COPY plain TO :'file' (FORMAT binary);
COPY pay FROM :'file' (FORMAT binary);

-- casts, by whatever leads there; a constant that has no category yet gets it in the end
SELECT '987'::csec.card_check;
SELECT 987::csec.encrypted(card_check);
SELECT v::csec.card_check FROM plain;
SELECT v::csec.masked(card_check) FROM plain;
SELECT v::varchar::csec.card_check FROM plain;
SELECT '987'::csec.encrypted::csec.card_check;
SELECT '987'::csec.masked::csec.masked(card_check);
SELECT v::csec.masked::csec.encrypted(card_check) FROM plain;
INSERT INTO pay SELECT 4, v::csec.encrypted FROM plain;
INSERT INTO pay (id, m) SELECT 4, v::csec.masked FROM plain;
BEGIN;
SET LOCAL ROLE regress_never_app;
SELECT csec.set_context('a', 'b', 'c');
SELECT '987'::csec.secret::csec.card_check;
ROLLBACK;

-- tables: made from a query, a default, another type
CREATE TABLE made AS SELECT '987'::csec.card_check AS v;
CREATE TABLE made AS SELECT v::csec.card_check FROM plain;
ALTER TABLE pay ADD COLUMN more csec.card_check DEFAULT '987';
ALTER TABLE pay ALTER COLUMN v SET DEFAULT '987';
INSERT INTO pay (id) VALUES (5);
ALTER TABLE pay ALTER COLUMN v DROP DEFAULT;
ALTER TABLE plain ALTER COLUMN v TYPE csec.card_check;
ALTER TABLE plain ALTER COLUMN v TYPE csec.masked(card_check) USING v::csec.masked(card_check);

-- protection: the plan says it, and nothing is done; under keys of customers likewise
ALTER TABLE plain ADD PRIMARY KEY (id);
SELECT kind, object, what FROM csec.plan_protect('plain', 'id', '{"v": "card_check"}') WHERE kind = 'refuse';
SELECT csec.protect('plain', 'id', '{"v": "card_check"}');
SELECT csec.protect('plain', 'id', '{"v": "card_check"}', subject_keys => true);
CALL csec.protect_online('plain', '{id}', '{"v": "card_check"}');
CALL csec.protect_online('plain', '{id}', '{"v": "card_check"}', subject_keys => true);
SELECT csec.protect('plain', 'id', '{"v": "card_check"}', enforce => false);
SELECT csec.enforce('plain');
SELECT csec.unprotect('plain', 'test');
SELECT csec.protect('plain', 'id', '{"list": "card_check"}', subject_keys => true);
INSERT INTO plain (id, list) VALUES (6, '987');
UPDATE plain SET list = '987';
SELECT csec.add_fields('plain', '{"v": "card_check"}');

-- Values that were stored while it was allowed are there until they are deleted, but come in no
-- more as what a dump has of them, pasted by whomever.
UPDATE csec.category SET storage = 'encrypted' WHERE name = 'card_check';
INSERT INTO pay VALUES (10, '987', '{986}', '985');
UPDATE plain SET list = '984';
SET row_security = off;
SELECT v AS envelope FROM pay WHERE id = 10 \gset
SELECT list AS of_customer FROM plain WHERE id = 3 \gset
CREATE ROLE regress_never_backup LOGIN IN ROLE csec_backup;
GRANT SELECT ON pay TO regress_never_backup;
\c - regress_never_backup
SET row_security = off;
SELECT m AS dumped FROM pay WHERE id = 10 \gset
\c - postgres
SET client_min_messages = warning;
UPDATE csec.category SET storage = 'refused' WHERE name = 'card_check';
SELECT left(:'envelope', 8) AS envelope, left(:'of_customer', 8) AS of_customer, left(:'dumped', 8) AS dumped;
CREATE FUNCTION attempt(col name, what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO pay (id, %I) VALUES (11, %L)', col, what);
	RETURN 'stored';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
CREATE TABLE attempts AS SELECT n, col, what FROM (VALUES (1, 'v', :'envelope'), (2, 'v', :'of_customer'), (3, 'v', :'dumped'),
	(4, 'list', '{' || :'envelope' || '}'), (5, 'm', :'dumped'), (6, 'm', :'envelope')) a (n, col, what);
GRANT SELECT ON attempts TO regress_never_app, regress_never_loader;
SELECT n, attempt(col, what) FROM attempts ORDER BY n;
\c - regress_never_loader
SELECT n, attempt(col, what) FROM attempts ORDER BY n;
\c - regress_never_app
SELECT n, attempt(col, what) FROM attempts ORDER BY n;
\c - postgres
SET client_min_messages = warning;
-- as a dump brings them
COPY (SELECT 11, :'envelope'::text) TO :'file' (FORMAT binary);
COPY pay (id, v) FROM :'file' (FORMAT binary);
COPY (SELECT 11, :'dumped'::text) TO :'file';
COPY pay (id, m) FROM :'file';
COPY pay (id, v) FROM :'file';

-- What is there hinders nothing else: other columns change, keys rotate, rows go.
UPDATE plain SET m = 'x';
CALL csec.rotate_key('data', reason => 'test');
CALL csec.reencrypt('pay');
SELECT id, v IS NULL AS v, list IS NULL AS list, m IS NULL AS m FROM pay ORDER BY id;
DELETE FROM pay;
SELECT csec.unprotect_all('test');
DROP OWNED BY regress_never_app, regress_never_loader, regress_never_backup;
DROP ROLE regress_never_app, regress_never_loader, regress_never_backup;
