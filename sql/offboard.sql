-- Who may be seen off by whom: were this to fail, an officer could lock out
-- who looks after the server, or a leaver's last duties would be nobody's.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE cust (id int PRIMARY KEY, name text);
SELECT csec.protect('cust', 'id', '{"name": "person_name"}');
-- whom other tests have left in the server holds no duty here
DO $$ BEGIN
	EXECUTE (SELECT coalesce(string_agg(format('ALTER ROLE %I NOLOGIN', rolname), ';'), '') FROM pg_roles WHERE rolname ~ '^regress_');
END $$;
CREATE ROLE regress_off_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_off_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_off_dba LOGIN SUPERUSER IN ROLE csec_auditor;
CREATE ROLE regress_off_dba2 LOGIN IN ROLE csec_break_glass;
CREATE ROLE regress_off_copies LOGIN REPLICATION;
INSERT INTO csec.person (id, name) VALUES ('dba', 'Li Lei'), ('officer', 'Han Mei');
INSERT INTO csec.person_login VALUES ('regress_off_dba', 'dba'), ('regress_off_dba2', 'dba'), ('regress_off_officer', 'officer');
CREATE FUNCTION can_login() RETURNS TABLE (login name, can bool) LANGUAGE sql
	AS $$ SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname ~ '^regress_off|^postgres$' ORDER BY rolname COLLATE "C" $$;

-- an officer: not what ALTER ROLE keeps for superusers, but all that is csec's
\c - regress_off_officer
BEGIN;
SELECT kind, object, detail, residue FROM csec.offboard('login:postgres', 'locks out') WHERE detail LIKE 'LOGIN%';
SELECT * FROM can_login() WHERE login = 'postgres';
ROLLBACK;
SELECT object, detail FROM csec.offboard('login:regress_off_copies', 'leaves') WHERE kind = 'attribute';
SELECT kind, object, detail, residue FROM csec.offboard('dba', 'leaves') WHERE kind IN ('attribute', 'membership', 'duty') ORDER BY kind, object COLLATE "C", detail;
SELECT * FROM can_login();
SELECT state FROM csec.person WHERE id = 'dba';
-- groups are nobody's login
SELECT * FROM csec.offboard('login:csec_officer', 'leaves');
SELECT * FROM csec.offboard('login:pg_monitor', 'leaves');
SELECT csec.assign_login('dba', 'csec_admin');

-- the only one who can act: he leaves, and it is said before and after; who is suspended cannot
\c - postgres
CREATE ROLE regress_off_officer2 LOGIN IN ROLE csec_officer;
INSERT INTO csec.person (id, name) VALUES ('officer2', 'Wang Wei');
INSERT INTO csec.person_login VALUES ('regress_off_officer2', 'officer2');
\c - regress_off_admin
SELECT count(*) FROM csec.offboard_report('officer') WHERE kind = 'duty';
SELECT csec.set_person_state('officer2', 'suspended', 'inquiry 7');
SELECT object, detail, residue FROM csec.offboard_report('officer') WHERE kind = 'duty';
SELECT object, detail, residue FROM csec.offboard('officer', 'leaves') WHERE kind = 'duty';
SELECT object, detail FROM csec.offboard_report('officer') WHERE kind = 'duty';

-- a superuser takes it, but not from the last one
\c - postgres
SELECT kind, object, detail FROM csec.offboard('dba', 'leaves') WHERE kind = 'attribute' ORDER BY object, detail;
BEGIN;
SELECT object, detail FROM csec.offboard('login:postgres', 'the last one') WHERE detail LIKE 'LOGIN%';
SELECT * FROM can_login();
ROLLBACK;
SELECT csec.flush_audit();
SELECT login, object, detail -> 'logins' AS logins, detail -> 'kept' AS kept, outcome FROM csec.control_records WHERE action = 'offboard' ORDER BY seq;

DROP TABLE cust;
DROP ROLE regress_off_officer, regress_off_officer2, regress_off_admin, regress_off_dba, regress_off_dba2, regress_off_copies;
