-- csec.encrypted at every exit: what is stored is an envelope, what leaves is
-- what the reader may see.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_encrypted_clerk LOGIN;
CREATE ROLE regress_encrypted_low LOGIN;
CREATE ROLE regress_encrypted_backup LOGIN IN ROLE csec_backup;
CREATE ROLE regress_encrypted_app LOGIN IN ROLE csec_loader;
SELECT csec.set_clearance('regress_encrypted_clerk', level => 'core');
CREATE SCHEMA regress_encrypted;
GRANT CREATE, USAGE ON SCHEMA regress_encrypted TO PUBLIC;
CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, card csec.bank_card, note csec.secret, phone csec.encrypted(phone));
INSERT INTO cust VALUES
	(1, '11010519491231002X', '6222021234567890123', 'hunter2', '13812345678'),
	(2, '330105198703043471', NULL, 'x', '13900001111');
SELECT csec.protect('cust', 'id');
GRANT SELECT, INSERT, UPDATE, DELETE ON cust TO regress_encrypted_clerk, regress_encrypted_low, regress_encrypted_backup, regress_encrypted_app;
CREATE VIEW cust_view AS SELECT id, id_no, id_no = '11010519491231002x' AS is_it FROM cust;
GRANT SELECT ON cust_view TO PUBLIC;

-- without clearance: masks at every exit, and no value in any error
\c - regress_encrypted_low
\set VERBOSITY terse
SELECT * FROM cust ORDER BY id;
SELECT id_no::text, id_no::varchar, id_no::char(30), concat(id_no, '!'), format('%s', id_no), id_no || '-', quote_literal(id_no) FROM cust WHERE id = 1;
SELECT to_json(c), row_to_json(c), to_jsonb(c.id_no), c::text, ARRAY[id_no], json_agg(id_no) OVER (), array_agg(id_no) OVER () FROM cust c WHERE id = 1;
SELECT xmlelement(name x, id_no), string_agg(id_no, ',') OVER (), upper(id_no), substr(id_no, 1, 5), length(id_no), octet_length(id_no), pg_column_size(id_no) FROM cust WHERE id = 1;
SELECT encode(csec.encrypted_send(id_no), 'escape'), encode(convert_to(id_no::text, 'UTF8'), 'escape') FROM cust WHERE id = 1;
COPY cust TO STDOUT;
COPY (SELECT id_no FROM cust WHERE id = 1) TO STDOUT (FORMAT csv);
SELECT * FROM cust_view ORDER BY id;
DECLARE c CURSOR WITH HOLD FOR SELECT id_no FROM cust ORDER BY id;
FETCH ALL FROM c;
CLOSE c;
DO $$ DECLARE r record; BEGIN SELECT * INTO r FROM public.cust WHERE id = 1; RAISE EXCEPTION '%', r; END $$;
DO $$ DECLARE v csec.id_card; BEGIN SELECT id_no INTO v FROM public.cust WHERE id = 1; RAISE EXCEPTION '%', v; END $$;
SELECT 1 / (CASE WHEN id_no::text LIKE '110%' THEN 0 ELSE 1 END) FROM cust WHERE id = 1;
SELECT id_no::int FROM cust WHERE id = 1;
CREATE TABLE regress_encrypted.copy AS SELECT id, id_no, note FROM cust;
SELECT * FROM regress_encrypted.copy ORDER BY id;
SELECT csec.category_of(id_no), csec.mask(id_no), csec.category_of(note) FROM regress_encrypted.copy WHERE id = 1;
DROP TABLE regress_encrypted.copy;
-- a second mask, and a type that is stored in clear
SELECT id_no::csec.encrypted(phone) FROM cust WHERE id = 1;
SELECT id_no::csec.phone FROM cust WHERE id = 1;
SELECT id_no::csec.masked FROM cust WHERE id = 1;
-- changed data
INSERT INTO cust (id, note) SELECT 7, id_no::text FROM cust WHERE id = 1;
DELETE FROM cust WHERE id_no::text LIKE '110%';
UPDATE cust SET id_no = '110*************2X', card = '************0123', note = '***' WHERE id = 1;
UPDATE cust SET id_no = '330*************71' WHERE id = 1;
INSERT INTO cust (id, id_no) VALUES (8, '110*************2X');
-- what has no search tag is not compared, nor sorted
SELECT id FROM cust WHERE note = 'hunter2';
SELECT count(DISTINCT note) FROM cust;
SELECT note FROM cust ORDER BY note;
SELECT id FROM cust ORDER BY note::text, id;
-- a dump of his is refused: an envelope has the tag by which its value can be guessed
SET row_security = off;
SELECT id_no FROM cust WHERE id = 1;
SELECT to_json(id_no) FROM cust WHERE id = 1;
COPY cust TO STDOUT;
SELECT id_no::text FROM cust WHERE id = 1;
SELECT id FROM cust WHERE id_no LIKE '110%';
RESET row_security;

-- with clearance, and a reason
\c - regress_encrypted_clerk
\set VERBOSITY terse
SELECT id_no FROM cust WHERE id = 1;
BEGIN;
SELECT csec.set_context('li.na', 'test', 'T-1');
SELECT * FROM cust ORDER BY id;
SELECT id FROM cust WHERE id_no LIKE '110%' AND length(note) = 7;
SELECT id, lower(id_no), csec.category_of(lower(id_no)) FROM cust WHERE id = 1;
-- of the mask that low wrote back the value is left
SELECT id_no, card, note FROM cust WHERE id = 1;
SELECT id_no::csec.masked, csec.category_of(id_no::csec.masked) FROM cust WHERE id = 1;
SET LOCAL row_security = off;
SELECT id_no FROM cust WHERE id = 1 \gset clerk_
SELECT :'clerk_id_no' LIKE 'csec:e1:%' AS envelope, id_no::text FROM cust WHERE id = 1;
COMMIT;

-- a backup: envelopes, and nothing else
\c - regress_encrypted_backup
\set VERBOSITY terse
SELECT id_no FROM cust WHERE id = 1;
SET row_security = off;
SELECT id_no FROM cust WHERE id = 1 \gset backup_
SELECT :'backup_id_no' LIKE 'csec:e1:%' AS envelope;
SELECT id_no::text FROM cust WHERE id = 1;

-- envelopes go in as they are; those of another category, or altered, do not
\c - regress_encrypted_app
\set VERBOSITY terse
INSERT INTO cust (id, id_no) VALUES (10, :'backup_id_no');
SELECT id FROM cust WHERE id_no = '11010519491231002X' ORDER BY id;
INSERT INTO cust (id, card) VALUES (11, :'backup_id_no');
INSERT INTO cust (id, id_no) VALUES (11, left(:'backup_id_no', -8));
INSERT INTO cust (id, id_no) VALUES (11, overlay(:'backup_id_no' placing 'AAAA' from 120));
INSERT INTO cust (id, id_no) VALUES (11, 'csec:e1:');
INSERT INTO cust (id, id_no) VALUES (11, 'csec:e1:not base64');
SELECT 'csec:e1:wQ=='::csec.id_card;
-- the same text twice gives different envelopes; each has its own nonce
INSERT INTO cust (id, id_no) VALUES (12, '11010519491231002X'), (13, '11010519491231002X');
\c - regress_encrypted_backup
\set VERBOSITY terse
SET row_security = off;
SELECT count(DISTINCT id_no_text) FROM (SELECT (json_agg(c.id_no) ->> 0) AS id_no_text FROM cust c WHERE id IN (12, 13) GROUP BY id) x;
\c - regress_encrypted_app
\set VERBOSITY terse
-- what must not be stored
CREATE TEMP TABLE t (v csec.card_check);
INSERT INTO t VALUES ('123');
\c - postgres
SET client_min_messages = warning;
\set VERBOSITY terse
-- of statistics, files and definitions
ANALYZE cust;
SELECT attname, n_distinct <> 0 AS distinct, most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'cust' AND attname IN ('id_no', 'note') ORDER BY 1;
CHECKPOINT;
SELECT content LIKE '%11010519491231002X%' AS id_no, content LIKE '%hunter2%' AS note, content LIKE '%13812345678%' AS phone
FROM encode(pg_read_binary_file(pg_relation_filepath('cust')), 'escape') content;
SELECT pg_get_viewdef('cust_view');
SELECT count(*) FROM pg_rewrite WHERE ev_action::text LIKE '%11010519491231002%';
-- a constant in a view goes through a dump as it was typed
SET row_security = off;
SELECT pg_get_viewdef('cust_view') LIKE '%11010519491231002x%' AS as_typed;
RESET row_security;
DROP VIEW cust_view;
SELECT csec.unprotect_all('test');
DROP TABLE cust;
DROP SCHEMA regress_encrypted;
SELECT csec.revoke_clearance('regress_encrypted_clerk', level => 'core');
DROP ROLE regress_encrypted_clerk, regress_encrypted_low, regress_encrypted_backup, regress_encrypted_app;
