-- Were this to fail, bad input would be taken, or refused under a SQLSTATE that
-- programs cannot go by, or without a word on how to go on, or half done.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE far (id int, phone text) SERVER files OPTIONS (filename '/dev/null');
CREATE TEMP TABLE passing (id int PRIMARY KEY, phone text);
CREATE TABLE c (id int PRIMARY KEY, x int, at timestamptz NOT NULL UNIQUE, arr int[] NOT NULL UNIQUE, phone text, num bigint, born date);
CREATE TABLE masks (id int PRIMARY KEY, phone text);
CREATE TABLE parts (id int, phone text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE TABLE o (no int PRIMARY KEY, c_id text NOT NULL);
CREATE TABLE done (id int PRIMARY KEY, phone text);
CREATE TABLE seen (id int PRIMARY KEY, phone text);
CREATE MATERIALIZED VIEW mat AS SELECT 1 AS id;
CREATE SEQUENCE seq;
CREATE TYPE comp AS (id int);
INSERT INTO masks VALUES (1, '138****1234');
SELECT csec.protect('done', subject => 'id', fields => '{"phone": "phone"}');
SELECT csec.protect('seen', subject => 'id', fields => '{"phone": "phone"}', enforce => false);
CREATE ROLE regress_refusals_own LOGIN;
CREATE ROLE regress_refusals_admin LOGIN IN ROLE csec_admin;

-- What a statement is refused by, in one line.
CREATE FUNCTION said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'TAKEN: ' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s %s%s (%s)', SQLSTATE, SQLERRM, nullif(': ' || detail, ': '), coalesce(nullif(hint, ''), 'NO HINT'));
END $$;
GRANT EXECUTE ON FUNCTION said(text) TO PUBLIC;
CREATE FUNCTION protecting(what text) RETURNS text LANGUAGE sql AS $$ SELECT said(format('SELECT csec.protect(%s)', what)) $$;

-- tables
SELECT protecting(t || ', subject => ''id''') FROM unnest(ARRAY['''far''', '''passing''', '''mat''', '''seq''', '''comp''', '''c_pkey''',
	'''pg_class''', '''information_schema.sql_features''', '''csec.category''', '''csec_trail.audit_log''', '''part''', '''done''', '''seen''',
	'''nowhere''', '0::regclass', 'NULL']) t;
-- (how a session likes names to be printed changes nothing)
SET quote_all_identifiers = on;
SELECT protecting(t || ', subject => ''id''') FROM unnest(ARRAY['''csec_trail.sealer_state''', '''csec.category''', '''information_schema.sql_features''']) t;
RESET quote_all_identifiers;
-- keys
SELECT protecting('''c'', ' || k) FROM unnest(ARRAY['subject => ''nobody''', 'subject => ''''', 'subject => NULL::text', 'subject => ''{}''::text[]',
	'subject => ARRAY[''id'', ''id'']', 'subject => ARRAY[''id'', NULL]', 'subject => ''{id,x,at,arr,phone,num,born,a,b}''::text[]', 'subject => ''at''', 'subject => ''arr''', 'subject => ''num''',
	'subject => ''ctid''', 'subject => ''phone'', fields => ''{"phone": "phone"}''', 'subject => ''id'', subject_of => ''masks''', 'subject => ''id'', subject_of => 0::regclass']) k;
SELECT protecting('''o'', subject => ''c_id'', subject_of => ''done''');
SELECT protecting('''o'', subject => ''c_id''');
-- fields: unknown, of a wrong type, of a wrong shape
SELECT protecting('''c'', subject => ''id'', fields => ' || quote_literal(f)) FROM unnest(ARRAY['{"fax": "phone"}', '{"": "phone"}', '{"phone": "telephone"}', '{"phone": ""}',
	'{"Phone": "phone"}', '{"phone": "Phone"}', '{"num": "phone"}', '{"born": "phone"}', '{"xmin": "phone"}', '{"phone": null}', '{"phone": 1}', '{"phone": ["phone"]}', '{"phone": {"category": "phone"}}',
	'["phone"]', '"phone"', '1', 'null', 'true', '{"phone"']) f;
-- options
SELECT protecting('''c'', subject => ''id'', ' || o) FROM unnest(ARRAY['audit => ''sometimes''', 'audit => ''''', 'enforce => NULL', 
	'observe_until => now() + interval ''1 day''', 'enforce => false, observe_until => now()', 'enforce => false, observe_until => ''infinity''', 'enforced => false', 'enforce => ''perhaps''',
	'fields => ''{"phone": "phone"}'', subject_keys => true, enforce => false']) o;
-- values
SELECT protecting('''masks'', subject => ''id'', fields => ''{"phone": "phone"}''');
UPDATE csec.category SET check_mode = 'strict' WHERE name = 'phone';
UPDATE masks SET phone = 'call me';
SELECT protecting('''masks'', subject => ''id'', fields => ''{"phone": "phone"}''');
SELECT said($$ INSERT INTO done VALUES (1, 'call me') $$);
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'phone';
SELECT said($$ INSERT INTO done VALUES (1, '138****1234') $$);
SELECT said($$ INSERT INTO done VALUES (1, E'138\xff\xff') $$);
SELECT said($$ INSERT INTO done VALUES (1, convert_from('\xe68800', 'UTF8')) $$);
-- of tables that are none of csec's
SELECT said(s) FROM unnest(ARRAY['SELECT csec.unprotect(''c'', ''over'')', 'SELECT csec.unprotect(''done'', '''')', 'SELECT csec.unprotect(''done'', NULL)', 'SELECT csec.unprotect(0::regclass, ''over'')',
	'SELECT csec.enforce(''c'')', 'SELECT csec.enforce(''done'')', 'SELECT csec.enforce(0::regclass)', 'SELECT csec.add_fields(''c'', ''{"phone": "phone"}'')', 'SELECT csec.add_fields(''done'', ''{}'')',
	'SELECT * FROM csec.readers(''c'')', 'SELECT * FROM csec.who_saw(''c'', ''1'')', 'SELECT * FROM csec.history(''c'', ''1'')', 'SELECT * FROM csec.who_saw(''done'', ''x'')']) s;
-- clearances, reasons, context, masks
SELECT said('SELECT csec.set_clearance(' || s || ')') FROM unnest(ARRAY['''nobody'', level => ''core''', '0::regrole, level => ''core''', 'NULL, level => ''core''', '''regress_refusals_own''', '''regress_refusals_own'', level => ''top''', '''regress_refusals_own'', level => ''''',
	'''regress_refusals_own'', category => ''fax''', '''regress_refusals_own'', level => ''core'', category => ''phone''', '''regress_refusals_own'', level => ''core'', until => now()', '''regress_refusals_own'', level => ''core'', until => ''-infinity''']) s;
SELECT said(s) FROM unnest(ARRAY['SELECT csec.revoke_clearance(''regress_refusals_own'', level => ''core'')', 'SELECT csec.revoke_clearance(''regress_refusals_own'', level => ''top'')', 'SELECT csec.revoke_clearance(''regress_refusals_own'', category => ''fax'')',
	'SELECT csec.set_default_reason(''regress_refusals_own'', '''')', 'SELECT csec.set_default_reason(0::regrole, ''x'')', 'SELECT csec.set_default_reason(''regress_refusals_own'', E''a\nb'')', 'SELECT csec.set_context(reason => E''a\nb'')', 'SELECT csec.set_context(actor => repeat(''x'', 10000))',
	'SELECT csec.mask(''1'', ''fax'')', 'SELECT csec.suspend_recording('''', now() + interval ''1 hour'')', 'SELECT csec.suspend_recording(''x'', now())', 'SELECT csec.suspend_recording(''x'', ''infinity'')', 'SELECT csec.suspend_recording(''x'', NULL)',
	'CREATE TABLE bad (f csec.masked(''phone'', ''email''))', 'CREATE TABLE bad (f csec.masked(''''))', 'CREATE TABLE bad (f csec.encrypted(''phone'', ''plain''))', 'CREATE DOMAIN bad AS csec.masked(''phone'', ''x'')',
	'INSERT INTO csec.category (name, level, mask) VALUES (''fax'', ''top'', ''phone'')']) s;
-- blanks of any width give no reason
SELECT said(replace(s, '#', '　 ')) FROM unnest(ARRAY['SELECT csec.unprotect(''done'', ''#'')', 'SELECT csec.set_default_reason(''regress_refusals_own'', ''#'')', 'SELECT csec.suspend_recording(''#'', now() + interval ''1 hour'')',
	'CALL csec.rotate_key(''data'', ''#'')', 'SELECT csec.report_incident(''#'', ''leak'')']) s;
-- a restore makes tables before it fills csec.category: a category to come is taken, and shows nothing
CREATE TABLE to_come (f csec.masked('fax'), e csec.encrypted('fax'));
INSERT INTO to_come VALUES ('12345678', '87654321');
SELECT * FROM to_come;
SET row_security = off;
SELECT said('SELECT f::text FROM to_come');
RESET row_security;
-- who may not
GRANT SELECT, INSERT ON c TO regress_refusals_own, regress_refusals_admin;
ALTER TABLE o OWNER TO regress_refusals_own;
ALTER TABLE masks OWNER TO regress_refusals_admin;
GRANT CREATE ON SCHEMA public TO regress_refusals_admin;
\c - regress_refusals_own
\pset format unaligned
\pset tuples_only on
SELECT said(s) FROM unnest(ARRAY['SELECT csec.protect(''o'', subject => ''no'')', 'SELECT csec.plan_protect(''o'', subject => ''no'')', 'SELECT csec.unprotect(''done'', ''x'')', 'SELECT csec.unprotect_all(''x'')', 'SELECT csec.set_clearance(''regress_refusals_own'', level => ''core'')',
	'SELECT csec.set_default_reason(''regress_refusals_own'', ''x'')', 'SELECT csec.suspend_recording(''x'', now() + interval ''1 hour'')', 'SELECT * FROM csec.who_saw(''done'', ''1'')', 'SELECT csec.create_trail()']) s;
\c - regress_refusals_admin
\pset format unaligned
\pset tuples_only on
SELECT said(s) FROM unnest(ARRAY['SELECT csec.protect(''c'', subject => ''id'')', 'SELECT csec.unprotect(''done'', ''x'')', 'SELECT csec.unprotect_all(''x'')', 'SELECT csec.set_clearance(''regress_refusals_admin'', level => ''core'')']) s;
-- who owns the table and is a member of csec_admin may
SELECT csec.protect('masks', subject => 'id', fields => '{"phone": "phone"}');
SELECT csec.unprotect('masks', 'over');
\c - postgres
\pset format unaligned
\pset tuples_only on
-- nothing half done
SELECT relid, subject, enforce FROM csec.protected_table ORDER BY 1;
SELECT relid, attname, category FROM csec.protected_field ORDER BY 1;
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('c'::regclass, 'o'::regclass, 'masks'::regclass, 'parts'::regclass);
SELECT count(*) FROM csec.clearance WHERE role = 'regress_refusals_own'::regrole;
SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'csec_try%';
SELECT csec.unprotect_all('over');
DROP OWNED BY regress_refusals_own, regress_refusals_admin;
DROP ROLE regress_refusals_own, regress_refusals_admin;
