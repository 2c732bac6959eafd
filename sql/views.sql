-- Were this to fail, an auditor would miss a read, see it twice or as more or
-- less than it was, or somebody else would see the trail.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_views_clerk LOGIN;
CREATE ROLE regress_views_desk;
GRANT regress_views_desk TO regress_views_clerk;
CREATE ROLE regress_views_low LOGIN;
CREATE ROLE regress_views_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_views_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_views_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_views_backup LOGIN IN ROLE csec_backup;
CREATE ROLE regress_views_loader LOGIN IN ROLE csec_loader;
GRANT csec_loader TO CURRENT_USER;

-- before there is a trail
SELECT count(*) FROM csec.gaps;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM csec.who_saw('pg_class', '1');
\set VERBOSITY terse

CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, city text);
INSERT INTO cust SELECT g, '王小明', '1380000' || 1000 + g, 'X' FROM generate_series(1, 100) g;
CREATE TABLE account (no int PRIMARY KEY, owner int REFERENCES cust, iban text);
INSERT INTO account SELECT g, g, 'DE' || g FROM generate_series(1, 3000) g WHERE g <= 100;
CREATE TABLE secret (id int PRIMARY KEY, v text);
INSERT INTO secret SELECT g, 'v' FROM generate_series(1, 20000) g;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone"}');
SELECT csec.protect('account', 'owner', subject_of => 'cust');
SELECT csec.protect('secret', 'id', audit => 'strict');
GRANT SELECT ON cust, account, secret TO regress_views_clerk, regress_views_desk, regress_views_low;
UPDATE cust SET city = 'Y' WHERE id = 5;
SELECT csec.set_clearance('regress_views_desk', category => 'phone', reason => 'service');
CREATE FUNCTION peek(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT city FROM public.cust WHERE id = $1';

\c - regress_views_clerk
SET application_name = 'desk app';
BEGIN;
SELECT csec.set_context('alice', 'call back', 'T-7');
SELECT id, phone FROM cust WHERE id = 5;
SET LOCAL ROLE regress_views_desk;
SELECT id, phone FROM cust WHERE id = 6;
COMMIT;
SELECT count(*) FROM cust WHERE id BETWEEN 11 AND 13;
SELECT count(*) FROM account a JOIN cust c ON c.id = a.owner WHERE a.no = 9;
SELECT city FROM cust WHERE id = 77 AND 1 / (id - 77) = 1;
SELECT peek(8);
SELECT id FROM cust WHERE phone = '13800001042';
-- strict: told in several records; many subjects: in many
SELECT v FROM secret WHERE id = 42;
SELECT count(v) FROM secret WHERE id % 2 = 0;
-- parallel
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT count(v) FROM secret;
SET parallel_leader_participation = off;
SELECT count(v) FROM secret WHERE v <> '';
RESET ALL;
-- a portal that is left
BEGIN;
DECLARE c CURSOR FOR SELECT city FROM cust ORDER BY id;
FETCH 2 FROM c;
FETCH 1 FROM c;
ROLLBACK;
-- without clearance, one value after another
\c - regress_views_low
SELECT name, phone FROM cust WHERE id = 9;
DO $$ BEGIN FOR i IN 1..30 LOOP PERFORM FROM cust WHERE phone = '1390000' || 1000 + i; END LOOP; END $$;

\c - postgres
SELECT csec.flush_audit();
-- each read once
SELECT row_number() OVER (ORDER BY seq) AS n, reader, effective_role AS effective, actor, reason, ticket, application, client,
	relation, revealed, masked, redacted, other
FROM csec.access_records WHERE login IN ('regress_views_clerk', 'regress_views_low') ORDER BY seq;
SELECT row_number() OVER (ORDER BY seq) AS n, relation, statement, probed, rows, subjects, exactness, status, strict, complete,
	pieces > 1 AS several, sealed_at >= at AS later
FROM csec.access_records WHERE login IN ('regress_views_clerk', 'regress_views_low') ORDER BY seq;
-- all pieces are in one read or another, and no subject is lost
SELECT sum(pieces) = (SELECT count(*) FROM csec.access_pieces) AS all_pieces FROM csec.access_records;
SELECT relation, (SELECT count(*) FROM csec.subjects_of(a.seq)) = subjects AS all_subjects, count(*)
FROM csec.access_records a WHERE login = 'regress_views_clerk' GROUP BY 1, 2 ORDER BY 1;
-- parallel workers are not reads of their own
SELECT bool_or(parallel) AS by_workers FROM csec.access_pieces WHERE relation = 'public.secret';
-- conditions reach the indexes, single reads call nothing more
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
SET enable_seqscan = off;
SELECT bool_or(p ~ 'seq_idx') AS by_seq, bool_or(p ~ 'Seq Scan') AS scans, bool_or(p ~ 'One-Time Filter: \(r.read_key IS NOT NULL') AS spares
	FROM plan_of('SELECT * FROM csec.access_records WHERE seq BETWEEN 7 AND 9') p;
SELECT bool_or(p ~ 'Backward using .*seq_idx') AS by_seq, bool_or(p ~ 'Seq Scan|->  Sort') AS scans
	FROM plan_of('SELECT * FROM csec.access_records ORDER BY seq DESC LIMIT 3') p;
SELECT bool_or(p ~ '_at_idx') AS by_time, bool_or(p ~ 'Seq Scan') AS scans
	FROM plan_of('SELECT * FROM csec.access_records WHERE sealed_at > now() - interval ''1 hour''') p;
SELECT bool_or(p ~ 'relid_subject_idx') AS by_table, bool_or(p ~ 'Seq Scan') AS scans
	FROM plan_of('SELECT * FROM csec.change_records WHERE relid = 77') p;
RESET enable_seqscan;

-- the control plane, denials, gaps
SELECT csec.suspend_recording('a bad night', now() + interval '1 hour');
SELECT count(*) FROM cust;
SELECT csec.resume_recording();
SELECT count(*) > 0 AS emitted FROM pg_logical_emit_message(false, 'csec', 'I am a record');
BEGIN;
SELECT csec.set_clearance('regress_views_clerk', level => 'important', reason => 'never');
ROLLBACK;
SELECT csec.flush_audit();
SELECT action, object, outcome, detail -> 'new' ->> 'category' AS category, detail -> 'new' ->> 'level' AS level
FROM csec.control_records WHERE action ~ 'clearance' ORDER BY seq;
SELECT denied, object, login, reader FROM csec.denials ORDER BY seq;
SELECT what, why, login, until < now() + interval '1 minute' AS ended, payload FROM csec.gaps WHERE what <> 'sealer' ORDER BY seq;
SELECT bool_or(why = 'start') AS started FROM csec.gaps WHERE what = 'sealer';
-- none of what happened during the suspension was recorded
SELECT count(*) FROM csec.access_records WHERE login = 'postgres' AND relation = 'public.cust';

-- names survive what they named
CREATE TABLE kept AS SELECT 'account'::regclass::oid AS relid;
SELECT csec.unprotect('account', 'test');
DROP TABLE account;
SELECT DISTINCT relation FROM csec.access_records WHERE login = 'regress_views_clerk' ORDER BY 1;
SELECT count(*) FROM kept, csec.who_saw(kept.relid::regclass, '9');

-- who may look at what
CREATE VIEW doors AS
	SELECT o AS object, r AS role, CASE WHEN o ~ '\(' THEN has_function_privilege(r, o, 'EXECUTE')
		ELSE has_table_privilege(r, o, 'SELECT') END AS may
	FROM unnest(ARRAY['csec_trail.audit_log', 'csec_trail.audit_subject', 'csec.access_records', 'csec.access_pieces',
			'csec.change_records', 'csec.control_records', 'csec.denials', 'csec.gaps',
			'csec.who_saw(regclass,text,timestamptz,timestamptz)', 'csec.history(regclass,text,timestamptz,timestamptz)',
			'csec.subjects_of(int8)', 'csec.what_did(text,timestamptz,timestamptz)']) WITH ORDINALITY x (o, n),
		unnest(ARRAY['regress_views_auditor', 'regress_views_officer', 'regress_views_admin', 'regress_views_backup',
			'regress_views_loader', 'regress_views_clerk']) r;
SELECT object,
	bool_or(may) FILTER (WHERE role ~ 'auditor') AS auditor, bool_or(may) FILTER (WHERE role ~ 'officer') AS officer,
	bool_or(may) FILTER (WHERE role ~ 'admin') AS admin, bool_or(may) FILTER (WHERE role ~ 'backup|loader|clerk') AS others
FROM doors GROUP BY object ORDER BY object COLLATE "C";

\c - regress_views_auditor
SELECT count(*) > 0 AS sees FROM csec.access_records;
SELECT count(*) > 0 AS sees FROM csec.change_records;
SELECT count(*) > 0 AS sees FROM csec.control_records;
SELECT count(*) > 0 AS sees FROM csec.denials;
SELECT count(*) > 0 AS sees FROM csec.gaps;
SELECT count(*) FROM csec.who_saw('cust', '5');
SELECT count(*) > 0 AS sees FROM csec.what_did('alice');
SELECT count(*) FROM cust;
INSERT INTO csec_trail.audit_log SELECT * FROM csec_trail.audit_log LIMIT 1;
\c - regress_views_officer
SELECT count(*) FROM csec.who_saw('cust', '5');
SELECT count(*) > 0 AS sees FROM csec.denials;
SELECT count(*) FROM csec.access_records;
SELECT count(*) FROM csec.trail();
SELECT count(*) FROM csec.what_did('alice');
\c - regress_views_clerk
SELECT count(*) FROM csec.access_records;
SELECT * FROM csec.who_saw('cust', '5');
SELECT * FROM csec.gaps;
SELECT csec.record_fields('\x');

-- reading the trail is in the trail
\c - postgres
SELECT csec.flush_audit();
SELECT login, relation, subjects, exactness, count(*) > 0 AS recorded FROM csec.access_records
WHERE relation ~ '^csec_trail' AND login ~ 'regress' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
SELECT verified FROM csec.verify_trail();

-- who is named is found by what the alerter has noted, and one by one where it has not been yet: the same
CREATE TABLE names AS SELECT DISTINCT n FROM csec_trail.audit_log l, csec.record_fields(l.record) f,
	unnest(ARRAY[f.login, f.session_role, f.reader, f.effective_role, f.actor]) n WHERE n <> '';
CREATE VIEW did AS SELECT n, w.* FROM names, csec.what_did(n) w;
CREATE TABLE did_before AS SELECT * FROM did;
SELECT csec.evaluate_alerts(100) AS some;
SELECT count(*) > 0 AS noted FROM csec.acted_as;
CREATE TABLE did_half AS SELECT * FROM did;
DO $$ BEGIN WHILE csec.evaluate_alerts() > 0 LOOP END LOOP; END $$;
CREATE TABLE did_after AS SELECT * FROM did;
SELECT count(*) > 30 AS many, count(DISTINCT n) > 3 AS names, count(*) FILTER (WHERE 'actor' = ANY (acted_as) AND login <> n) > 0 AS actors FROM did_before;
(TABLE did_before EXCEPT ALL TABLE did_after) UNION ALL (TABLE did_before EXCEPT ALL TABLE did_half);
SELECT count(*) FROM (SELECT n, seq FROM did_after GROUP BY 1, 2 HAVING count(*) > 1) twice;

SELECT csec.unprotect_all('test');
DROP OWNED BY regress_views_clerk, regress_views_desk, regress_views_low;
DROP ROLE regress_views_clerk, regress_views_low, regress_views_desk, regress_views_auditor, regress_views_officer, regress_views_admin,
	regress_views_backup, regress_views_loader;
REVOKE csec_loader FROM CURRENT_USER;
