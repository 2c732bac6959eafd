-- Were this to fail, a reader could pass for somebody else, break the record with what he claims, or change it by hand unseen: B.10.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(10);
CREATE ROLE regress_b10_low LOGIN;
CREATE ROLE "regress_b10 ""odd""
name" LOGIN;
GRANT SELECT ON cust TO regress_b10_low, "regress_b10 ""odd""
name";
SELECT trail.mute();
-- Claims as they were stored, beside who was authenticated.
CREATE FUNCTION claims() RETURNS TABLE (login text, reader text, application text, actor text, reason text, ticket text, subjects text)
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.flush_audit();
	RETURN QUERY SELECT f.login, f.reader, left(f.application, 60), left(f.actor, 60), left(f.reason, 60), f.ticket, trail.subjects(l.record)
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
		WHERE l.seq > (SELECT seq FROM trail.told) AND f.kind IN ('read', 'denial') AND f.relation IS DISTINCT FROM 'csec_trail.audit_log' ORDER BY l.seq;
	PERFORM trail.mute();
END
$$;

\c - regress_b10_low
SET application_name = E'x\n\x1b[31mfake "quoted" ''n'' \\ end';
SELECT count(*) FROM cust WHERE id = 1;
SELECT set_config('application_name', repeat('a', 1000000), false) IS NOT NULL;
SELECT count(*) FROM cust WHERE id = 2;
SET application_name = '数据库管理员';
SELECT count(*) FROM cust WHERE id = 3;
-- The claims themselves are one line, short, and do not end what stands.
SET csec.actor = E'boss\nroot';
SELECT set_config('csec.reason', repeat('r', 1000000), false);
SELECT csec.set_context(repeat('长', 1000));
SELECT csec.set_context('a"b''c\d; DROP TABLE x --', '{"json": "like"}', '<tag>');
BEGIN;
SELECT csec.set_context('a"b''c\d; DROP TABLE x --', '{"json": "like"}', '<tag>');
SELECT count(*) FROM cust WHERE id = 4;
SELECT csec.set_context('somebody else');
SELECT count(*) FROM cust WHERE id = 5;
SET LOCAL csec.actor = 'boss';
SELECT count(*) FROM cust WHERE id = 6;
COMMIT;
SET csec.actor = 'postgres';
SELECT count(*) FROM cust WHERE id = 7;
RESET csec.actor;
\c - :dba
SELECT * FROM claims();

-- Becoming somebody does not change who was authenticated.
SET ROLE regress_b10_low;
SELECT count(*) FROM cust WHERE id = 1;
RESET ROLE;
SET SESSION AUTHORIZATION regress_b10_low;
SELECT count(*) FROM cust WHERE id = 2;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION "regress_b10 ""odd""
name";
SELECT count(*) FROM cust WHERE id = 3;
RESET SESSION AUTHORIZATION;
SELECT login, reader, subjects FROM claims();

-- Messages of another's making are rejected, and on record.
SELECT pg_logical_emit_message(false, 'csec', 'harmless') IS NOT NULL;
SELECT pg_logical_emit_message(false, 'csec', repeat('x', 5000)) IS NOT NULL;
SELECT pg_logical_emit_message(true, 'csec', ''::bytea) IS NOT NULL;
SELECT pg_logical_emit_message(false, 'csecret', 'somebody else''s') IS NOT NULL;
SELECT * FROM trail.news() n WHERE n LIKE 'rejected%';

-- Changing the trail by hand is refused to others, and on record for a superuser.
\c - regress_b10_low
INSERT INTO csec_trail.audit_log DEFAULT VALUES;
UPDATE csec_trail.audit_log SET record = '';
DELETE FROM csec_trail.audit_subject;
TRUNCATE csec_trail.audit_log;
SELECT * FROM csec.access_records;
SELECT csec.control('act', 'object', '{}');
SELECT csec.own_ddl(true);
\c - :dba
SELECT trail.mute();
BEGIN;
DELETE FROM csec_trail.audit_log WHERE seq = 1;
ROLLBACK;
GRANT csec_admin TO current_user;
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE csec_trail.audit_log SET record = record || '\x00' WHERE seq = 1;
INSERT INTO csec_trail.sealer_open VALUES (1, false);
TRUNCATE csec_trail.audit_subject;
ROLLBACK;
REVOKE csec_admin FROM current_user;
DROP TABLE csec_trail.sealer_open;
ALTER TABLE csec_trail.audit_log ADD extra int;
ALTER TABLE csec_trail.audit_log DROP subject;
ALTER TABLE csec_trail.audit_log RENAME TO gone;
ALTER TABLE csec_trail.audit_log RENAME login TO who;
ALTER TABLE csec_trail.audit_log SET SCHEMA public;
ALTER TABLE csec_trail.audit_log ALTER login TYPE varchar;
ALTER TABLE csec_trail.sealer_state ALTER hash DROP NOT NULL;
SELECT n FROM trail.news() n WHERE n LIKE 'control%';
SELECT verified, problem FROM csec.verify_trail();

-- What a procedure does in its later transactions, and a block after it has set a claim, is no less somebody's.
SELECT trail.mute();
\c - regress_b10_low
SET csec.actor = 'of the session';
CREATE PROCEDURE pg_temp.steps() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM phone FROM cust WHERE id = 1;
	COMMIT;
	PERFORM phone FROM cust WHERE id = 2;
	COMMIT;
	SET LOCAL csec.actor = 'of the third';
	PERFORM phone FROM cust WHERE id = 3;
	COMMIT;
	PERFORM id FROM cust WHERE id = 4;
	SET LOCAL csec.actor = 'of the fourth';
	PERFORM id FROM cust WHERE id = 5;
END $$;
CALL pg_temp.steps();
\c - :dba
SELECT csec.flush_audit();
SELECT f.actor, trail.subjects(l.record) FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > (SELECT seq FROM trail.told) AND f.reader = 'regress_b10_low' AND l.kind = 2 ORDER BY 2;

DROP OWNED BY regress_b10_low, "regress_b10 ""odd""
name";
DROP ROLE regress_b10_low, "regress_b10 ""odd""
name";
