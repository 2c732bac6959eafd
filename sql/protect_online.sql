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
-- a column that is encrypted by other means: how it becomes a field, and all that is over it as long as it is not
CREATE TABLE "old ""one" (id int PRIMARY KEY, "a ""card" bytea DEFAULT '\\x00', iv bytea);
CREATE INDEX old_card ON "old ""one" ("a ""card");
CREATE VIEW old_view AS SELECT length("a ""card") FROM "old ""one";
INSERT INTO "old ""one" VALUES (1, 'x');
\set VERBOSITY default
\set SHOW_CONTEXT never
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}');
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}', decrypt => '{"a \"card": "public.pgp_sym_decrypt(t.\"a \"\"card\", ''k'')"}');
DROP VIEW old_view;
DROP INDEX old_card;
ALTER TABLE "old ""one" ALTER "a ""card" DROP DEFAULT;
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}', decrypt => '{"a \"card": "nonsense(''secret'', "}');
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}', decrypt => '{"a \"card": "t.card"}');
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}', decrypt => '{"a \"card": "t.iv"}');
CALL csec.protect_online('"old ""one"', '{id}', '{"a \"card": "bank_card"}', decrypt => '{"a \"card": 7}');
\set VERBOSITY terse
\set SHOW_CONTEXT errors
SELECT count(*) FROM csec.migration;
SELECT csec.protect_online_cancel('"old ""one"') FROM csec.migration;
DROP TABLE "old ""one";

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
-- pgcrypto's other ways: a public key (its owner's test key, and what gpg encrypted for it), and a key and an IV in each row
CREATE FUNCTION secret_key() RETURNS bytea LANGUAGE sql AS $$ SELECT decode('
lQHXBGsIa0cBBADCmzsAzJGq9gjrKx20kudzOJz/nEBnilPUWZa8W3h+cSXV02O3uZ0Wz51QdxacwnYJQqqFnJcnFEfd0XDoKcRl
YW/ooMcawOO8Fw99JrfXTCRbMLAfJejRGItQDOnwjiG5gAokbDTqQOA1bYKAtBogAlNt7THtFREs8m0rAoLUtQARAQABAAP7BXbm
5/2WjIqmkvXtuluSqLNbAzlvvIiPlIukdisKXeCO+6tZJjhNzy1qwS7q4WF7f4SR9bkBLI1+/B1MspQzqcmQXtILq4tHsidDIkB6
nXEhnwMH3vI3Ujag1HtNGxcXdW4EXTJMTVh0iupIH7noZviE4auHvTDGHMX3RHqQxfECANZ7ND4Rs8EhOfdb4ASMpPXT61Xmr2s0
G+UqIOdPZRVOHeDibUzboTW1DVwL0EWoF2UbmP22thudI5qQa8E1jfECAOhHHAkNco1gcaUaum9/nRIs8Y4VSkvU4x1TDI82QrBt
++PnqNdKCFsRpceo1nlZC5TJoQ8kTxLeWI5sUWFU/wUB+NZlc01xtNz+X5Xdw8o04D0Y1YrRht+d0DeqPG36PbUj0meERF6Le7WR
o06C10guvO37cnIkjm+q3nKf6vw5vaE1tANvbGSIzgQTAQoAOBYhBIYsDLrzSG7MDlQ/eNmBYZeeghpOBQJrCGtHAhsDBQsJCAcC
BhUKCQgLAgQWAgMBAh4BAheAAAoJENmBYZeeghpOo/oEAK2PbiutsrROPWnV1d+LckUSHUl7ulM7Jve0q8ZTrKMM4JuBDCnmvVcb
z3bjkTJteut4T2l8bzKBGwbzPGOXe+F20i0gxawrtYxiBbCmBHRCEyf9KVvyr2de3JB59llMop0GTdbZGhFjTe282vyu3ld4byOK
LUgqR/TYi98rlwL2nQHYBGsIa0cBBAC0Ow3VSZ9LLnu32XolT2pCz5/Y84jIHZd8l22tdXPny5e71fYlSJybwP8zKWAvXryXmVgu
xh8hUueKvVofcA0mA3niRdEmQ46ENzlMrd+uqUbHMm2RabTu25POdONTxIE0Ig/BHc9iMclPupDrP8koyZREI5PQaDypMRAYBGrp
/wARAQABAAP8DtAtvmKLM6gx5fX7epaQ4sXi2veFPgFkooplqtSU/q+2nGslDIJv0MNnlkJn0+zi7kjdvRZul5QTUM1oW14fzmUu
kYxp64p2XJQiNiiJQAcX9sbyaDnauDa1/6g58fihKNDEkiQcHwc1ZUlOfKOS24hrWmHGpSrPr+0aVKcGmZECAMwIbphsM8OWcouJ
FHKW3DCTQU/BSr4pUv0ftg+boGxzfqX6Zae8scRuEdvWsQqzsSsJMtMz+wPvKl+y0ThNJTECAOIipHa9nA4l+jd5E0q8HiQCip5Y
YlFkBCsmlhd/oSlgaDv52ArppMqVLSeqzsV+EUIoXXf2YCWNHyhTPIPE9i8B/RlSpmtd2V74G6SbFJ4RlMx4r6hAYRFbGSX2tW7k
wiTQUAdtDl3fWjYkqI76khTOzkwfk1Iwj5GS8iZMX28bqdmbzIi2BBgBCgAgFiEEhiwMuvNIbswOVD942YFhl56CGk4FAmsIa0cC
GwwACgkQ2YFhl56CGk4guAP/VV8WMA3XY1Ra4HAVYemJKD5LcQiL9PAMB481po7ZDEcAuTRwG0RnNRvvAlHNmdFT33eF64eFNXaN
5j4SoPAiB7/Tzgak5Zb2k3fJgtCYXg084VcMk8y5qGr5lAnZeH1A1q9B775dEFKL7aa537V5o+NskMGBGsFLPfTiEZjxLLQ=', 'base64') $$;
CREATE TABLE pgcrypted (id int PRIMARY KEY, by_key bytea, by_iv bytea, iv bytea);
INSERT INTO pgcrypted VALUES (1, decode('
hIwDsZDLsklZ+n0BA/9EjxH8SvgKiqX3iy40q95bTYTmjkTKt4YKoIHzj9e7/55CfpYXih7zM8zfWX8pTgZrROniq8Cl0yYjRUEp
iFXwOIxHNRhguB41rnJy+RR9FHGug3WCzlmo2dEF3nNXdx2J8YELmHPi9Df+3wl7FojnPnWt7mV59OKVs61UTpxVHdJDAa8B40Uy
RDKayyBzj9JQOMDvC75A/AYmRSWcPThCmLkZmn8hWtKLevUNJJnJt66UMCb1ckpkK4A5pM8tkHK0gZnpjg==', 'base64'));
UPDATE pgcrypted SET iv = gen_random_bytes(16);
UPDATE pgcrypted SET by_iv = encrypt_iv('330105198703043471', 'a key of 16 byte', iv, 'aes');
INSERT INTO pgcrypted VALUES (2, pgp_sym_encrypt_bytea('11010519491231002X', 'another'), NULL);
\set VERBOSITY default
\set SHOW_CONTEXT never
\set by_key 'convert_from(public.pgp_pub_decrypt_bytea(t.by_key, public.secret_key()), ''UTF8'')'
\set by_iv 'convert_from(public.decrypt_iv(t.by_iv, ''a key of 16 byte'', t.iv, ''aes''), ''UTF8'')'
-- a message for a public key, and the wrong way to open it
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}', decrypt => jsonb_build_object('by_key', 'public.pgp_sym_decrypt(t.by_key, ''k'')', 'by_iv', :'by_iv'), batch => 1);
\set SHOW_CONTEXT always
-- a value that does not open is named, and how to open it is not; what was copied before stays
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}', decrypt => jsonb_build_object('by_key', :'by_key', 'by_iv', :'by_iv'), batch => 1);
\set SHOW_CONTEXT never
SELECT state, copied FROM csec.migrations;
-- the same of a row that changes while the rest is followed; the value in the error of a function stays inside
UPDATE pgcrypted SET by_iv = convert_to('not for you', 'UTF8') WHERE id = 2;
\set by_iv 'CASE t.id WHEN 2 THEN pg_catalog.convert_from(t.by_iv, ''UTF8'')::integer::text ELSE ' :by_iv ' END'
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}',
	decrypt => jsonb_build_object('by_key', 'CASE t.id WHEN 1 THEN ' || :'by_key' || ' END', 'by_iv', :'by_iv'), batch => 1);
\set by_key 'CASE t.id WHEN 2 THEN ''11010519491231002X'' ELSE ' :by_key ' END'
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}', decrypt => jsonb_build_object('by_key', :'by_key', 'by_iv', :'by_iv'), batch => 1);
-- a text that its category does not take
UPDATE csec.category SET check_mode = 'strict' WHERE name = 'id_card';
UPDATE pgcrypted SET by_iv = convert_to('110105194912310021', 'UTF8') WHERE id = 2;
\set by_iv 'CASE t.id WHEN 2 THEN pg_catalog.convert_from(t.by_iv, ''UTF8'') ELSE public.hidden(t.by_iv, t.iv) END'
CREATE FUNCTION hidden(bytea, bytea) RETURNS text LANGUAGE sql AS $$ SELECT convert_from(public.decrypt_iv($1, 'a key of 16 byte', $2, 'aes'), 'UTF8') $$;
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}', decrypt => jsonb_build_object('by_key', :'by_key', 'by_iv', :'by_iv'), batch => 1);
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card';
-- mended, it goes on from there
\set VERBOSITY terse
UPDATE pgcrypted SET by_iv = NULL WHERE id = 2;
CALL csec.protect_online('pgcrypted', '{id}', '{"by_key": "id_card", "by_iv": "id_card"}', decrypt => jsonb_build_object('by_key', :'by_key', 'by_iv', :'by_iv'), batch => 1);
GRANT SELECT ON pgcrypted TO regress_online_clerk;
\c - regress_online_clerk
BEGIN;
SELECT csec.set_context('a', 'test', 't');
SELECT id, by_key, by_iv FROM pgcrypted ORDER BY id;
COMMIT;
\c - postgres
SET client_min_messages = warning;
-- dates
CREATE TABLE dated (id int PRIMARY KEY, born date);
INSERT INTO dated VALUES (1, '1949-12-31'), (2, NULL);
CALL csec.protect_online('dated', '{id}', '{"born": "birth_date"}');
SELECT * FROM dated ORDER BY id;
-- cancelled, the table is as it was
CREATE TABLE small (id int PRIMARY KEY, phone text);
INSERT INTO small VALUES (1, '13800000000');
SELECT csec.migration_begin('small', '{id}', '{"phone": "phone"}', NULL, NULL, NULL);
SELECT csec.migration_copy('small', 300);
DROP TABLE small;
SELECT csec.protect_online_cancel('small');
\d small
-- partitioned: partitions laid out otherwise than their parent, at two levels, coming and going meanwhile
CREATE TABLE parted (region int, id int, phone text, note text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 (gone text, note text, phone text, id int NOT NULL, region int NOT NULL);
ALTER TABLE parted_1 DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) PARTITION BY HASH (id);
CREATE TABLE parted_2a PARTITION OF parted_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_2b PARTITION OF parted_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES IN (3);
CREATE INDEX ON parted (phone);
INSERT INTO parted SELECT n % 4, n, '138' || lpad(n::text, 8, '0'), 'n' || n FROM generate_series(1, 400) n;
GRANT SELECT ON parted TO regress_online_clerk;
SELECT csec.migration_begin('parted', '{id}', '{"phone": "phone"}', NULL, NULL, NULL);
SELECT csec.migration_copy('parted', 1000) FROM generate_series(1, 3);
TRUNCATE parted_1;
TRUNCATE parted_2;
UPDATE parted SET phone = '13900000001' WHERE id = 1;
UPDATE parted SET region = 2 WHERE id = 4;
UPDATE parted SET region = 0 WHERE id = 5;
GRANT csec_admin TO current_user;
SET session_replication_role = replica;
UPDATE parted SET phone = '13900000006' WHERE id = 6;
DELETE FROM parted WHERE id = 7;
SET session_replication_role = origin;
REVOKE csec_admin FROM current_user;
INSERT INTO parted_1 (id, region, phone) VALUES (401, 1, '13900000401');
ALTER TABLE parted DETACH PARTITION parted_3;
CREATE TABLE parted_5 PARTITION OF parted FOR VALUES IN (5);
INSERT INTO parted VALUES (5, 500, '13900000500', 'late');
SELECT csec.migration_copy('parted', 1000) FROM generate_series(1, 12);
SELECT csec.migration_follow('parted', 1000);
-- the last moment
CREATE TABLE parted_6 PARTITION OF parted FOR VALUES IN (6);
INSERT INTO parted VALUES (6, 600, '13900000600', 'last');
SELECT csec.migration_finish('parted');
TRUNCATE parted_6;
CALL csec.protect_online('parted', '{id}', '{"phone": "phone"}');
SELECT count(*) FROM csec.migration_part;
SELECT count(*) FROM pg_namespace WHERE nspname = 'csec_work';
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'csec_zy_queue%';
SELECT attrelid::regclass, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid::regclass::text LIKE 'parted__' AND attname = 'phone' ORDER BY 1;
\c - regress_online_clerk
SET client_min_messages = warning;
SELECT tableoid::regclass AS part, count(*), count(phone), min(id), max(id) FROM parted GROUP BY 1 ORDER BY 1;
SELECT region, id, phone, note FROM parted WHERE id IN (1, 4, 5, 6, 7, 401, 500, 600) ORDER BY id;
SELECT id FROM parted WHERE phone = '13900000600';
SELECT count(*) FROM parted WHERE id NOT IN (1, 6, 401, 500, 600) AND phone::text <> '138' || lpad(id::text, 8, '0');
\c - postgres
SET client_min_messages = warning;
SET enable_seqscan = off;
SELECT id FROM parted WHERE phone = '13800000008';
RESET enable_seqscan;
-- inheritance is not a partition
CREATE TABLE parent (id int PRIMARY KEY, phone text);
CREATE TABLE child () INHERITS (parent);
CALL csec.protect_online('parent', '{id}', '{"phone": "phone"}');
-- code of a table's owner, who is no superuser, is not run by csec: neither casts of the key's type nor checks of its domain
CREATE ROLE regress_online_admin LOGIN IN ROLE csec_admin;
CREATE SCHEMA regress_online AUTHORIZATION regress_online_admin;
\c - regress_online_admin
SET client_min_messages = warning;
CREATE TYPE regress_online.kind AS ENUM ('red', 'blue', 'green');
CREATE TABLE regress_online.ran (as_whom text);
CREATE FUNCTION regress_online.spy(regress_online.kind) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_online.ran VALUES (current_user); RETURN 'red'; END $$;
CREATE FUNCTION regress_online.spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_online.ran VALUES (current_user); RETURN true; END $$;
CREATE CAST (regress_online.kind AS text) WITH FUNCTION regress_online.spy(regress_online.kind);
CREATE DOMAIN regress_online.code AS text CHECK (regress_online.spy(VALUE));
CREATE TABLE regress_online.t (id int NOT NULL UNIQUE, kind regress_online.kind, code regress_online.code, phone text, PRIMARY KEY (kind, code));
INSERT INTO regress_online.t VALUES (1, 'red', 'a', '13812345678'), (2, 'blue', 'b', '138****5678'), (3, 'green', 'c', '13900001111');
DELETE FROM regress_online.ran;
CALL csec.protect_online('regress_online.t', '{id}', '{"phone": "phone"}', batch => 1);
UPDATE regress_online.t SET phone = '13900002222' WHERE id = 2;
CALL csec.protect_online('regress_online.t', '{id}', '{"phone": "phone"}', batch => 1);
SELECT id, kind, code, phone FROM regress_online.t ORDER BY id;
SELECT * FROM regress_online.ran;
\c - postgres
SET client_min_messages = warning;
-- the functions that it is made of are closed
SELECT csec.holds('1'::csec.phone, '1');
SELECT csec.swap_files('small', 'small');
SELECT csec.unprotect_all('test', widen => true);
DROP VIEW big_view;
DROP TABLE ref, big, small, nokey, parted, parted_3, parent, child, pgcrypted, dated;
DROP FUNCTION secret_key, hidden;
SELECT csec.revoke_clearance('regress_online_clerk', level => 'core');
DROP OWNED BY regress_online_clerk;
DROP SCHEMA regress_online CASCADE;
DROP ROLE regress_online_clerk, regress_online_admin;
