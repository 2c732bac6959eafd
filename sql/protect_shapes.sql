-- Were this to fail, protecting a table of a less usual shape would lose what it
-- has, or take values for masks, or there would be no way back.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

-- indexes stay in their tablespaces, whatever the session's own is, with what they were told of statistics
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_shapes LOCATION '';
CREATE TABLE spread (id int PRIMARY KEY, phone varchar(20), note text) TABLESPACE regress_shapes;
CREATE INDEX by_phone ON spread (phone varchar_pattern_ops) TABLESPACE regress_shapes;
CREATE INDEX by_note ON spread (lower(note)) TABLESPACE regress_shapes;
ALTER INDEX by_note ALTER COLUMN 1 SET STATISTICS 77;
CREATE INDEX at_home ON spread (note);
CREATE MATERIALIZED VIEW spread_copy TABLESPACE regress_shapes AS SELECT * FROM spread;
CREATE INDEX by_copy ON spread_copy (phone) TABLESPACE regress_shapes;
COMMENT ON INDEX by_copy IS 'of a copy';
CREATE TABLE parted (id int PRIMARY KEY, phone text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (9) TO (19);
CREATE INDEX parted_phone ON parted (phone) TABLESPACE regress_shapes;
ALTER INDEX parted_2_phone_idx SET TABLESPACE pg_default;
CREATE VIEW spaces AS
	SELECT c.relname, s.spcname, a.attstattarget, obj_description(c.oid, 'pg_class') FROM pg_class c LEFT JOIN pg_tablespace s ON s.oid = reltablespace
		JOIN pg_attribute a ON attrelid = c.oid AND attnum = 1
	WHERE relname ~ '^(spread|parted|by_|at_home)' AND relkind <> 'v';
CREATE TABLE spaces_before AS TABLE spaces;
SET default_tablespace = regress_shapes;
SELECT csec.protect('spread', subject => 'id', fields => '{"phone": "phone", "note": "free_text"}');
SELECT csec.protect('parted', subject => 'id', fields => '{"phone": "phone"}');
TABLE spaces EXCEPT TABLE spaces_before;
SELECT csec.unprotect_all('test');
TABLE spaces EXCEPT TABLE spaces_before;
SELECT count(*) FROM spaces_before WHERE spcname IS NOT NULL;
RESET default_tablespace;
DROP TABLE spread, parted CASCADE;
DROP TABLESPACE regress_shapes;

-- checks that are a child's own as well as its parent's, two levels of it
CREATE TABLE parent (id int PRIMARY KEY, phone varchar(20), CONSTRAINT told CHECK (phone <> 'x'));
CREATE TABLE child (id int NOT NULL, phone varchar(20), CONSTRAINT told CHECK (phone <> 'x'));
CREATE TABLE grandchild (id int NOT NULL, phone varchar(20), CONSTRAINT told CHECK (phone <> 'x'));
ALTER TABLE child INHERIT parent;
ALTER TABLE grandchild INHERIT child;
INSERT INTO grandchild VALUES (1, '13800000001');
CREATE VIEW checks AS SELECT conrelid::regclass, pg_get_constraintdef(oid), conislocal, coninhcount FROM pg_constraint WHERE conname = 'told';
CREATE TABLE checks_before AS TABLE checks;
SELECT csec.protect('parent', subject => 'id', fields => '{"phone": "phone"}');
TABLE checks ORDER BY conrelid::text;
INSERT INTO grandchild VALUES (2, 'x');
INSERT INTO grandchild VALUES (2, '13800000002');
SELECT csec.unprotect('parent', 'test');
TABLE checks EXCEPT TABLE checks_before;
TABLE parent ORDER BY id;

-- a trigger that is switched in one partition only
CREATE TABLE parted (id int PRIMARY KEY, phone text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (9) TO (19);
CREATE TRIGGER watch BEFORE UPDATE OF phone ON parted FOR EACH ROW EXECUTE FUNCTION same();
ALTER TABLE parted_1 DISABLE TRIGGER watch;
ALTER TABLE parted_2 ENABLE ALWAYS TRIGGER watch;
SELECT csec.protect('parted', subject => 'id', fields => '{"phone": "phone"}');
SELECT tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgname = 'watch' ORDER BY tgrelid::regclass::text;
SELECT csec.unprotect('parted', 'test');
SELECT tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgname = 'watch' ORDER BY tgrelid::regclass::text;

-- exclusion constraints
CREATE EXTENSION btree_gist;
CREATE TABLE once (id int PRIMARY KEY, phone varchar(20), email varchar(50), during int4range DEFAULT '[1,2)',
	CONSTRAINT one_phone EXCLUDE USING hash (phone WITH =), CONSTRAINT one_email EXCLUDE (lower(email) WITH =) DEFERRABLE);
COMMENT ON CONSTRAINT one_email ON once IS 'in any case';
INSERT INTO once SELECT g, '1380000000' || g, 'Ab' || g || '@example.org' FROM generate_series(1, 3) g;
SELECT csec.protect('once', subject => 'id', fields => '{"phone": "phone", "email": "email"}');
INSERT INTO once VALUES (4, '13800000001', 'ab4@example.org');
INSERT INTO once VALUES (4, '13800000004', 'aB3@example.org');
INSERT INTO once VALUES (4, '13800000004', 'ab4@example.org');
SELECT csec.unprotect('once', 'test');
SELECT pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conrelid = 'once'::regclass AND contype = 'x' ORDER BY 1;
ALTER TABLE once ADD CONSTRAINT one_at_a_time EXCLUDE USING gist (phone WITH =, during WITH &&), ADD CONSTRAINT mirrored EXCLUDE (reverse(email) WITH =);
SELECT kind, object, what FROM csec.plan_protect('once', subject => 'id', fields => '{"phone": "phone", "email": "email"}') WHERE kind = 'refuse';

-- equality that is not that of fields
CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE mails (id int PRIMARY KEY, email text COLLATE anycase, other text);
CREATE UNIQUE INDEX any_other ON mails (other COLLATE anycase);
SELECT csec.protect('mails', subject => 'id', fields => '{"email": "email"}');
SELECT csec.protect('mails', subject => 'id', fields => '{"other": "email"}');

-- a domain over the table's row type
CREATE DOMAIN a_mail AS mails;
CREATE TABLE keeps (m a_mail[]);
DROP INDEX any_other;
SELECT csec.protect('mails', subject => 'id', fields => '{"other": "email"}');
DROP TABLE keeps;
-- and where only views and types have it, none of which stores it
CREATE TYPE holds AS (m a_mail);
CREATE VIEW whole AS SELECT mails AS m, other FROM mails;
CREATE TABLE keeps (h holds);
SELECT csec.protect('mails', subject => 'id', fields => '{"other": "email"}');
DROP TABLE keeps;
INSERT INTO mails VALUES (1, 'x', 'someone@example.org');
SELECT csec.protect('mails', subject => 'id', fields => '{"other": "email"}');
SELECT (m).other, other, m FROM whole;
SELECT csec.unprotect('mails', 'test');
SELECT (m).other, other, m FROM whole;

-- domains over csec's domains: fields as any other
CREATE DOMAIN mobile AS csec.phone CHECK (VALUE IS NOT NULL);
CREATE DOMAIN own_mobile AS mobile;
CREATE DOMAIN own_id AS csec.id_card;
CREATE DOMAIN number AS int;
CREATE DOMAIN customer_number AS number;
CREATE TABLE nested (id customer_number PRIMARY KEY, phone own_mobile UNIQUE, id_no own_id);
INSERT INTO nested VALUES (1, '13800000001', '110101199003070011');
SELECT csec.protect('nested', subject => 'id', fields => '{"phone": "phone"}');
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
TABLE nested;
UPDATE nested SET phone = '138****0001', id_no = '110*************11';
SELECT phone = '13800000001' AS phone, id_no = '110101199003070011' AS id_no FROM nested;
CREATE STATISTICS keep (mcv) ON phone, id_no FROM nested;
CREATE TABLE visits (customer customer_number, phone own_mobile[]);
SELECT attstattarget FROM pg_attribute WHERE attrelid = 'visits'::regclass AND attname = 'phone';
SELECT csec.protect('visits', subject => 'customer', subject_of => 'nested');
SELECT csec.flush_audit();
SELECT DISTINCT masked FROM csec.access_records WHERE relation = 'public.nested' AND statement = 'SELECT' ORDER BY 1;
SELECT count(*) > 0 AS seen FROM csec.who_saw('nested', '1');
SELECT csec.unprotect_all('test');
SELECT phone, id_no FROM nested;

-- what has other names by now does not stand in the way back
CREATE TABLE named (id int PRIMARY KEY, phone varchar(20), email text, note text);
CREATE UNIQUE INDEX by_phone ON named (phone varchar_pattern_ops);
CREATE INDEX by_mail ON named (reverse(email));
CREATE INDEX by_note ON named (reverse(note));
SELECT csec.protect('named', subject => 'id', fields => '{"phone": "phone", "email": "email", "note": "free_text"}');
SELECT csec.rename_column('named', 'phone', 'mobile');
ALTER TABLE named DROP COLUMN note CASCADE;
SELECT csec.unprotect('named', 'test');
\d named

-- whatever the settings are by which PostgreSQL writes and reads definitions
CREATE TABLE told (id int PRIMARY KEY, phone varchar(20) CHECK (phone <> 'x\y'), at date, off interval, bal float8);
CREATE INDEX told_phone ON told (phone varchar_pattern_ops)
	WHERE phone <> 'a\b' AND at > DATE '2020-02-01' AND off > INTERVAL '-1 day 02:03' AND bal > 0.1::float8 + 0.2::float8;
CREATE VIEW told_all AS SELECT * FROM told WHERE at > '2020-03-02' OR phone = 'c\d';
CREATE VIEW told_so AS SELECT pg_get_indexdef('told_phone'::regclass), pg_get_viewdef('told_all'::regclass),
	(SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE conrelid = 'told'::regclass);
CREATE TABLE told_before AS TABLE told_so;
SET quote_all_identifiers = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -10;
SELECT csec.protect('told', subject => 'id', fields => '{"phone": "phone"}');
SET quote_all_identifiers = off;
SET standard_conforming_strings = on;
SET DateStyle = 'SQL, MDY';
SELECT csec.unprotect('told', 'test');
RESET ALL;
SET client_min_messages = warning;
TABLE told_so EXCEPT TABLE told_before;

-- names that need quotes, as a table, its columns, index, view and policy may have them
CREATE SCHEMA "We""ird.S p\ace$";
SET search_path = "We""ird.S p\ace$", public;
CREATE TABLE "Cust.om""ers '1\x" ("Id $" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Ph""o.ne" varchar(20) DEFAULT '13800000000',
	"select" text, "电话" text CHECK ("电话" <> 'x\y''z'), made text GENERATED ALWAYS AS ("select" || 'x') STORED);
CREATE INDEX "I.x ON ONLY y" ON "Cust.om""ers '1\x" (lower("电话"), "Ph""o.ne" varchar_pattern_ops);
CREATE VIEW "v ""iew.$" AS SELECT *, upper("Ph""o.ne") AS "U" FROM "Cust.om""ers '1\x" WHERE "电话" <> 'We"ird.S p\ace$';
CREATE TRIGGER "tr ig" BEFORE UPDATE OF "Ph""o.ne" ON "Cust.om""ers '1\x" FOR EACH ROW WHEN (OLD."Ph""o.ne" IS DISTINCT FROM NEW."Ph""o.ne") EXECUTE FUNCTION same();
CREATE POLICY "p ol" ON "Cust.om""ers '1\x" USING ("电话" = 'a');
INSERT INTO "Cust.om""ers '1\x" ("Ph""o.ne", "select", "电话") VALUES ('13800000001', 'n', '010-12345678');
CREATE TABLE odd_before AS SELECT pg_get_viewdef('"v ""iew.$"'), pg_get_indexdef('"I.x ON ONLY y"'::regclass),
	(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'tr ig'), (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy);
SELECT csec.protect('"Cust.om""ers ''1\x"', subject => 'Id $', fields => '{"Ph\"o.ne": "phone", "电话": "phone"}');
SELECT * FROM "v ""iew.$";
UPDATE "Cust.om""ers '1\x" SET "电话" = '010-87654321' WHERE "Id $" = 1;
SELECT csec.flush_audit();
SELECT DISTINCT relation, op, column_name FROM csec.history('"Cust.om""ers ''1\x"', '1') WHERE op = 'UPDATE';
SELECT csec.unprotect('"Cust.om""ers ''1\x"', 'test');
SELECT pg_get_viewdef('"v ""iew.$"'), pg_get_indexdef('"I.x ON ONLY y"'::regclass),
	(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'tr ig'), (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy)
	EXCEPT TABLE odd_before;
TABLE "Cust.om""ers '1\x";
