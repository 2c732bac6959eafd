-- Were this to fail, somebody could read around the executor, or change who may what and how csec works, and nothing would tell: B.9, B.8.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(10);
CREATE ROLE regress_b9_dba LOGIN SUPERUSER;
CREATE ROLE regress_b9_low LOGIN;
DROP ROLE IF EXISTS regress_b9_none;
-- an error of PostgreSQL, in its own words
CREATE TEMP VIEW public.elsewhere AS SELECT 1;
CREATE ROLE regress_b9_none;
CREATE ROLE regress_b9_no_more;
CREATE ROLE regress_b9_admin LOGIN SUPERUSER IN ROLE csec_admin;
SELECT trail.mute();
-- What was done and what was refused since the last look; large numbers differ.
CREATE FUNCTION acts() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(n, 'seq \d+', 'seq N') FROM trail.news() n WHERE n ~ '^(control|denial)' $$;
CREATE FUNCTION settings() RETURNS TABLE (act text, setting text, told text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.flush_audit();
	RETURN QUERY SELECT concat(f.kind, ' ', f.action), f.object, f.detail FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
		WHERE l.seq > (SELECT seq FROM trail.told) AND f.kind IN ('control', 'denial') ORDER BY l.seq;
	PERFORM trail.mute();
END
$$;

-- Files, pages, large objects, slots: by which function, under any name, in code as well.
\c - regress_b9_dba
SELECT length(pg_read_file('PG_VERSION')) > 0, length(pg_read_binary_file('PG_VERSION', 0, 1)), length(pg_read_binary_file('PG_VERSION', 1, 1));
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM pg_read_file('PG_VERSION', 0, i); END LOOP; END $$;
SELECT * FROM acts();
CREATE FUNCTION harmless(text) RETURNS bytea LANGUAGE internal AS 'pg_read_binary_file_all';
SELECT length(harmless('PG_VERSION')) > 0;
CREATE EXTENSION pageinspect;
SELECT count(*) FROM heap_page_items(get_raw_page('cust', 0));
CREATE FUNCTION blameless(text, int8) RETURNS bytea LANGUAGE c AS '$libdir/pageinspect', 'get_raw_page_1_9';
SELECT length(blameless('cust', 0));
CREATE EXTENSION pg_walinspect;
SELECT pg_current_wal_flush_lsn() AS since \gset
CREATE TABLE some_wal ();
SELECT count(*) > 0 FROM pg_get_wal_records_info(:'since', pg_current_wal_flush_lsn());
SELECT lo_import('/dev/null') > 0;
SELECT pg_drop_replication_slot('none'), pg_replication_slot_advance('none', '0/1');
SELECT pg_create_physical_replication_slot('regress_b9'), pg_drop_replication_slot('regress_b9');
SELECT * FROM acts();
-- Within a plan that was made before, and in one that fails afterwards.
PREPARE p AS SELECT length(pg_read_file('PG_VERSION')) > 0;
EXECUTE p;
SELECT pg_read_file('no such file');
BEGIN;
SELECT length(pg_read_file('PG_VERSION')) > 0;
ROLLBACK;
EXPLAIN (COSTS OFF) SELECT pg_read_file('PG_VERSION');
SELECT * FROM acts();
-- ... and nothing for who may not.
\c - regress_b9_low
SELECT pg_read_file('PG_VERSION');
\c - regress_b9_dba
SELECT * FROM acts();

-- Programs and files of the server, also where the statement fails.
CREATE TABLE plain (t text);
COPY plain FROM '/dev/null';
COPY plain TO '/dev/null';
COPY plain FROM PROGRAM 'exit 1; echo secret';
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null';
-- A secret that stands first, before the program.
COPY (SELECT 1) TO PROGRAM 'PGPASSWORD=secret cat > /dev/null';
COPY (SELECT 1) TO PROGRAM '"/no/such/secret" x';
-- Files by a foreign table.
CREATE EXTENSION file_fdw;
CREATE SERVER regress_b9_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE pages (t text) SERVER regress_b9_files OPTIONS (filename '/dev/null');
ALTER FOREIGN TABLE pages OPTIONS (SET filename '/dev/zero');
LOAD 'no such library';
DO LANGUAGE plpgsql $$ BEGIN END $$;
SELECT * FROM acts();

-- Catalogs edited as if they were tables.
INSERT INTO pg_auth_members SELECT (jsonb_populate_record(NULL::pg_auth_members, jsonb_build_object('roleid', 'csec_admin'::regrole::oid, 'member', 'regress_b9_low'::regrole::oid,
	'grantor', 10, 'admin_option', false, 'oid', 99999, 'inherit_option', true, 'set_option', true))).*;
DELETE FROM pg_auth_members WHERE member = 'regress_b9_low'::regrole;
UPDATE pg_authid SET rolpassword = NULL WHERE rolname = 'regress_b9_low';
WITH x AS (UPDATE pg_class SET relname = relname WHERE oid = 'cust'::regclass RETURNING 1) SELECT * FROM x;
MERGE INTO pg_proc USING (SELECT 1) s ON false WHEN MATCHED THEN DELETE;
COPY pg_db_role_setting FROM stdin;
\.
BEGIN;
DELETE FROM pg_trigger WHERE tgrelid = 'cust'::regclass;
ROLLBACK;
SELECT * FROM acts();

-- Settings: by SET, by set_config(), in a function, from the client, for others.
SET csec.probe_limit = 77;
RESET csec.probe_limit;
SELECT set_config('csec.probe_limit', '78', false), set_config('work_mem', '5MB', false);
SELECT set_config('csec.probe_limit', '78', false);
DO $$ BEGIN PERFORM set_config('csec.record_internal', 'on', true); PERFORM count(*) FROM cust; PERFORM set_config('csec.record_internal', 'off', true); END $$;
SET allow_system_table_mods = on;
RESET allow_system_table_mods;
\set plainly 'dbname=' :DBNAME ' user=regress_b9_dba'
\set loaded :plainly ' options=\'-c csec.dump_plain=on -c work_mem=5MB\''
\c :loaded
SELECT 1;
\c :plainly
SELECT * FROM settings();
\c - regress_b9_dba
ALTER SYSTEM SET work_mem = '5MB';
ALTER SYSTEM RESET work_mem;
ALTER DATABASE :"DBNAME" SET csec.reason = 'x';
ALTER ROLE regress_b9_low SET work_mem = '5MB';
GRANT SET ON PARAMETER csec.dump_plain TO regress_b9_low;
SELECT * FROM acts();
\c - regress_b9_low
SET csec.dump_plain = on;
SET csec.actor = 'alice';
SET csec.probe_limit = 1000;
SELECT set_config('csec.dump_plain', 'off', false);
\c - regress_b9_dba
SELECT * FROM settings();

-- Triggers silenced by a setting: csec_admin's alone; by a command: nobody's.
SET session_replication_role = replica;
SELECT set_config('session_replication_role', 'local', false);
DO $$ BEGIN SET LOCAL session_replication_role = replica; END $$;
ALTER ROLE regress_b9_low SET session_replication_role = replica;
ALTER DATABASE :"DBNAME" SET session_replication_role = replica;
ALTER SYSTEM SET session_replication_role = replica;
CREATE FUNCTION silent() RETURNS int LANGUAGE sql SET session_replication_role = replica AS 'SELECT 1';
SET session_replication_role = origin;
ALTER TABLE cust DISABLE TRIGGER csec_zz_record;
SELECT * FROM acts();
\c - regress_b9_admin
SET session_replication_role = replica;
UPDATE cust SET bal = 0 WHERE id = 1;
RESET session_replication_role;
ALTER TABLE cust DISABLE TRIGGER ALL;
SELECT * FROM trail.news();

-- Who may what, by any form of GRANT; roles renamed; owners.
\c - regress_b9_dba
GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_b9_low;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_b9_low;
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM regress_b9_low;
GRANT SELECT (phone) ON cust TO regress_b9_low;
GRANT USAGE ON SCHEMA csec_trail TO regress_b9_low;
REVOKE USAGE ON SCHEMA csec_trail FROM regress_b9_low;
GRANT EXECUTE ON FUNCTION csec.set_clearance TO regress_b9_low;
REVOKE EXECUTE ON FUNCTION csec.set_clearance FROM regress_b9_low;
-- ... also where it stands behind another that does not matter.
GRANT USAGE ON SCHEMA public, csec_trail TO regress_b9_low, regress_b9_admin;
REVOKE USAGE ON SCHEMA public, csec_trail FROM regress_b9_low, regress_b9_admin;
GRANT EXECUTE ON FUNCTION now(), csec.set_clearance TO regress_b9_low;
REVOKE EXECUTE ON FUNCTION now(), csec.set_clearance FROM regress_b9_low;
GRANT regress_b9_none, csec_admin TO regress_b9_low;
REVOKE regress_b9_none, csec_admin FROM regress_b9_low;
SELECT * FROM acts();
GRANT csec_admin TO regress_b9_low, CURRENT_USER;
REVOKE csec_admin FROM regress_b9_low, CURRENT_USER;
GRANT SELECT ON cust TO PUBLIC;
REVOKE SELECT ON cust FROM PUBLIC;
SELECT * FROM settings();
ALTER ROLE CURRENT_USER CONNECTION LIMIT -1;
DROP ROLE regress_b9_none, regress_b9_no_more;
ALTER ROLE regress_b9_low RENAME TO regress_b9_other;
ALTER ROLE regress_b9_other RENAME TO regress_b9_low;
ALTER TABLE cust OWNER TO regress_b9_low;
REASSIGN OWNED BY regress_b9_low TO regress_b9_admin;
SELECT * FROM acts();

-- What stands on a protected table, taken away again.
CREATE INDEX by_bal ON cust (bal);
CREATE RULE nothing AS ON UPDATE TO cust DO ALSO NOTHING;
CREATE POLICY all_of_it ON cust USING (true);
ALTER POLICY all_of_it ON cust USING (false);
DROP INDEX by_bal;
DROP RULE nothing ON cust;
DROP POLICY all_of_it ON cust;
CREATE PUBLICATION regress_b9 FOR TABLE cust;
DROP PUBLICATION regress_b9;
SELECT * FROM acts();

-- csec's own: refused where it would not work any more, recorded where it would work otherwise.
ALTER SCHEMA csec RENAME TO away;
ALTER SCHEMA csec_trail RENAME TO away;
ALTER EXTENSION csec DROP FUNCTION csec.flush_audit();
ALTER EXTENSION csec ADD TABLE plain;
BEGIN;
CREATE OR REPLACE VIEW csec.gaps AS SELECT * FROM csec.gaps;
ALTER FUNCTION csec.flush_audit() COST 1;
CREATE OR REPLACE FUNCTION csec.resume_recording() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION csec.flush_audit(int) RETURNS void LANGUAGE sql AS '';
DO $$ BEGIN EXECUTE 'ALTER FUNCTION csec.flush_audit() RENAME TO flushed'; END $$;
ALTER EVENT TRIGGER csec_guard_unloaded DISABLE;
ALTER SCHEMA csec OWNER TO regress_b9_admin;
ROLLBACK;
SELECT * FROM acts();

\c - :dba
ALTER TABLE cust OWNER TO CURRENT_USER;
DROP EXTENSION pageinspect, file_fdw CASCADE;
DROP OWNED BY regress_b9_low, regress_b9_admin, regress_b9_dba CASCADE;
REVOKE SET ON PARAMETER csec.dump_plain FROM regress_b9_low;
DROP ROLE regress_b9_low, regress_b9_admin, regress_b9_dba;
