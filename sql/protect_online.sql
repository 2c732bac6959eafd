-- Protecting a large table in batches, beside its use.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_online_clerk LOGIN;
SELECT csec.set_clearance('regress_online_clerk', level => 'core');
CREATE TABLE big (id int, gone text, region int, phone varchar(20), note text DEFAULT 'none', id_no text, old bytea,
	PRIMARY KEY (region, id), amount numeric GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE big DROP COLUMN gone;
CREATE UNIQUE INDEX big_phone ON big (phone);
CREATE INDEX big_id ON big (id);
CREATE VIEW big_view AS SELECT id, phone FROM big WHERE phone <> '1';
INSERT INTO big (id, region, phone, id_no, old)
	SELECT n, n % 7, '138' || lpad(n::text, 8, '0'), '110101' || lpad(n::text, 12, '0'), pgp_sym_encrypt('secret ' || n, 'k', 'cipher-algo=aes128,s2k-mode=0')
	FROM generate_series(1, 1000) n;
INSERT INTO big (id, region) VALUES (1001, 1);
CREATE TABLE ref (id int PRIMARY KEY, region int, big int, FOREIGN KEY (region, big) REFERENCES big (region, id));
INSERT INTO ref VALUES (1, 3, 3);
GRANT SELECT ON big, big_view TO regress_online_clerk;

-- what it refuses, with nothing half done
CREATE TABLE nokey (id int NOT NULL, phone text);
CREATE UNIQUE INDEX ON nokey (id);
CALL csec.protect_online('nokey', '{id}', '{"phone": "phone"}');
CALL csec.protect_online('big', '{region,id}', '{"phone": "no_such"}');
CALL csec.protect_online('big', '{region,id}', '{"phone": "phone"}', decrypt => '{"old": "x"}');
SELECT count(*) FROM csec.migration;

-- step by step: what changes meanwhile is followed
SELECT csec.migration_begin('big', '{region,id}', '{"phone": "phone", "id_no": "id_card", "old": "secret"}', NULL, NULL,
	'{"old": "public.pgp_sym_decrypt(t.old, ''k'')"}');
SELECT csec.migration_copy('big', 300);
TRUNCATE big CASCADE;
UPDATE big SET phone = '13900000001' WHERE id = 1;
UPDATE big SET region = 6 WHERE id = 2;
DELETE FROM big WHERE id IN (4, 999);
INSERT INTO big (id, region, phone) VALUES (2000, 0, '13700000000');
SELECT state, copied, expected > 0 AS expected FROM csec.migrations;
-- with other arguments it does not go on; with the same it does, to the end
CALL csec.protect_online('big', '{region,id}', '{"phone": "phone"}');
CALL csec.protect_online('big', '{region,id}', '{"phone": "phone", "id_no": "id_card", "old": "secret"}',
	decrypt => '{"old": "public.pgp_sym_decrypt(t.old, ''k'')"}', batch => 300);
SELECT count(*) FROM csec.migration;
SELECT count(*) FROM pg_namespace WHERE nspname = 'csec_work';
\d big
SELECT attname, category, original_type FROM csec.protected_field WHERE relid = 'big'::regclass ORDER BY 1;
\c - regress_online_clerk
SET client_min_messages = warning;
BEGIN;
SELECT csec.set_context('a', 'test', 't');
SELECT count(*), count(phone), count(id_no), count(old), sum(amount) FROM big;
SELECT id, region, phone, note, id_no, old, amount FROM big WHERE id IN (1, 2, 4, 5, 1001, 2000) ORDER BY id;
SELECT count(*) FROM big WHERE id_no::text = '110101' || lpad(id::text, 12, '0') AND old::text = 'secret ' || id;
SELECT id FROM big WHERE phone = '13900000001';
SELECT id FROM big_view WHERE phone = '13700000000';
COMMIT;
\c - postgres
SET client_min_messages = warning;
-- constraints and keys hold as before
INSERT INTO ref VALUES (2, 3, 4);
DELETE FROM big WHERE id = 3;
INSERT INTO big (id, region, phone) VALUES (3000, 0, '13900000001');
SELECT csec.flush_audit();
SELECT action, detail ->> 'state' AS state FROM csec.control_records WHERE action LIKE 'protect%' ORDER BY seq;
-- cancelled, the table is as it was
CREATE TABLE small (id int PRIMARY KEY, phone text);
INSERT INTO small VALUES (1, '13800000000');
SELECT csec.migration_begin('small', '{id}', '{"phone": "phone"}', NULL, NULL, NULL);
SELECT csec.migration_copy('small', 300);
SELECT csec.protect_online_cancel('small');
\d small
-- the functions that it is made of are closed
SELECT csec.holds('1'::csec.phone, '1');
SELECT csec.swap_files('small', 'small');
SELECT csec.unprotect_all('test', widen => true);
DROP VIEW big_view;
DROP TABLE ref, big, small, nokey;
SELECT csec.revoke_clearance('regress_online_clerk', level => 'core');
DROP OWNED BY regress_online_clerk;
DROP ROLE regress_online_clerk;
