-- Were this to fail, who made ready for it could write csec's functions, its policy or
-- its trail from the day on which it is installed, or nobody could use it.
\set VERBOSITY default
SET client_min_messages = warning;
DROP EXTENSION csec;
CREATE ROLE regress_install_mallory LOGIN;
CREATE ROLE regress_install_owner SUPERUSER;
CREATE ROLE regress_install_clerk LOGIN;
CREATE VIEW given AS
	SELECT c.oid::regclass::text AS object, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = to_regrole('regress_install_mallory')
	UNION ALL SELECT p.oid::regprocedure::text, a.privilege_type FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = to_regrole('regress_install_mallory')
	UNION ALL SELECT n.nspname, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = to_regrole('regress_install_mallory');

-- a schema that somebody has put there: his, with his functions, or open to him
DROP SCHEMA csec;
CREATE SCHEMA csec AUTHORIZATION regress_install_mallory;
CREATE EXTENSION csec;
ALTER SCHEMA csec OWNER TO postgres;
GRANT CREATE ON SCHEMA csec TO regress_install_mallory;
CREATE EXTENSION csec;
REVOKE CREATE ON SCHEMA csec FROM regress_install_mallory;
CREATE FUNCTION csec.check_not_oneself(role regrole) RETURNS void LANGUAGE sql AS '';
CREATE EXTENSION csec;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'csec'::regnamespace;
DROP FUNCTION csec.check_not_oneself(regrole);

-- default privileges: for somebody, and from everybody
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_install_mallory;
CREATE EXTENSION csec;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_install_mallory;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE EXTENSION csec;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_install_mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO regress_install_mallory;
-- in other schemas they are none of csec's business
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO regress_install_clerk;
SELECT count(*) FROM pg_extension WHERE extname = 'csec';

-- a superuser who has none
SET ROLE regress_install_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO regress_install_clerk;
CREATE EXTENSION csec;
RESET ROLE;
SELECT * FROM given ORDER BY 1, 2;

-- a trail that somebody has put there
CREATE TABLE cust (id int PRIMARY KEY, phone text);
CREATE SCHEMA csec_trail AUTHORIZATION regress_install_mallory;
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
ALTER SCHEMA csec_trail OWNER TO postgres;
CREATE TABLE csec_trail.sealer_state (i int);
ALTER TABLE csec_trail.sealer_state OWNER TO regress_install_mallory;
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
DROP EXTENSION csec;
DROP SCHEMA csec_trail CASCADE;
SET ROLE regress_install_owner;
CREATE EXTENSION csec;
RESET ROLE;

-- the trail is made by whoever protects first, its months by the sealer
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
SELECT csec.add_trail_partitions(now() + interval '3 months');
SELECT * FROM given WHERE object ~ 'csec' ORDER BY 1, 2;
SELECT relacl = (SELECT relacl FROM pg_class WHERE oid = 'csec_trail.audit_log'::regclass) AS as_others, relowner::regrole, count(*) FROM pg_class
	WHERE relnamespace = 'csec_trail'::regnamespace AND relkind IN ('r', 'p') AND has_table_privilege('csec_auditor', oid, 'SELECT') GROUP BY 1, 2;
INSERT INTO cust VALUES (1, '13800000001');
\c - regress_install_clerk
SELECT phone FROM cust;
\c - regress_install_mallory
SELECT phone FROM cust;
SELECT count(*) FROM csec.clearance;
SELECT count(*) FROM csec_trail.audit_log;
\c - postgres
SELECT csec.unprotect_all('over');
SELECT csec.flush_audit();
SELECT verified FROM csec.verify_trail();
DROP EXTENSION csec;

-- what csec's functions mean is not the session's to change
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET ROLE regress_install_owner;
CREATE EXTENSION csec;
RESET ROLE;
SELECT csec.subject_key('a,b', E'c\\d'), csec.subject_parts(csec.subject_key('a,b', E'c\\d'));
SELECT csec.html(E'a1u\\\x01<b>');
DROP EXTENSION csec;
RESET standard_conforming_strings;
DROP OWNED BY regress_install_owner;
DROP OWNED BY regress_install_mallory;
DROP OWNED BY regress_install_clerk;
DROP ROLE regress_install_owner, regress_install_mallory, regress_install_clerk;
