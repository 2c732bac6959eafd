-- Retention: were this to fail, one person alone could let the trail go, one that
-- must be kept could be let go, or an edited row of the rules could make it so.
-- What leaves, and what then verifies, is in tests/tap/retention.pl.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_retention_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_retention_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_retention_officer2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_retention_boss LOGIN IN ROLE csec_management;
CREATE ROLE regress_retention_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_retention_clerk LOGIN;
SELECT csec.create_trail();
SELECT csec.register_person('p1', 'Li Lei'), csec.register_person('p2', 'Han Mei');
SELECT csec.assign_login('p1', 'regress_retention_officer'), csec.assign_login('p1', 'regress_retention_officer2'), csec.assign_login('p2', 'regress_retention_boss');

-- who may do and see what
SELECT r.role, string_agg(f.name, ' ' ORDER BY f.name) AS may_call
	FROM (VALUES ('admin'), ('officer'), ('boss'), ('auditor'), ('clerk')) r (role)
	LEFT JOIN LATERAL (SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'csec'::regnamespace
			AND p.proname ~ 'cut|retention|trail_begin|kept_by|trail_month|month_span|anchor_of'
			AND has_function_privilege('regress_retention_' || r.role, p.oid, 'EXECUTE')) f (name) ON true
	GROUP BY 1 ORDER BY 1;
SELECT r.role, string_agg(c.relname || ' ' || p.what, ', ' ORDER BY c.relname, p.what) AS may
	FROM (VALUES ('admin'), ('officer'), ('boss'), ('auditor'), ('clerk')) r (role) CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (what)
		JOIN pg_class c ON c.relnamespace = 'csec'::regnamespace AND c.relname ~ 'cut|retention' AND c.relkind IN ('r', 'v')
			AND has_table_privilege('regress_retention_' || r.role, c.oid, p.what)
	GROUP BY 1 ORDER BY 1;

-- nothing may leave: not this month, not one to come, not part of one, not without a reason
SELECT csec.flush_audit();
SELECT state, kept_by FROM csec.retention_plan;
SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS this, to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', 'YYYY-MM-DD') AS next \gset
\c - regress_retention_officer
\set VERBOSITY sqlstate
SELECT csec.propose_trail_cut(:'next', 'space');
SELECT csec.propose_trail_cut(:'this', 'space');
SELECT csec.propose_trail_cut((:'this'::date + 14)::date, 'space');
\set VERBOSITY terse
SELECT csec.propose_trail_cut('2999-01-01', 'space');
SELECT csec.propose_trail_cut('infinity', 'space');
SELECT csec.propose_trail_cut(NULL, 'space');
SELECT csec.propose_trail_cut('2020-01-01', '');
SELECT csec.propose_trail_cut('2020-01-01', NULL);
SELECT csec.approve_trail_cut(1);
SELECT csec.approve_trail_cut(NULL);
SELECT csec.reject_trail_cut(NULL, 'no');
\c - regress_retention_boss
SELECT csec.propose_trail_cut('2020-01-01', 'space');
\c - regress_retention_admin
SELECT csec.approve_trail_cut(1);
\c - regress_retention_auditor
SELECT csec.reject_trail_cut(1, 'no');
SELECT csec.drop_trail_months('2020-01-01', 1);
\c - regress_retention_clerk
SELECT * FROM csec.retention_plan;
SELECT * FROM csec.trail_cut_orders;
SELECT csec.propose_trail_cut('2020-01-01', 'space');

-- the rules are rows, of csec_admin, and none is under the floor
\c - regress_retention_officer
UPDATE csec.retention_rule SET keep = '6 months';
\c - regress_retention_admin
INSERT INTO csec.retention_rule (name, keep, law) VALUES ('short', '5 months', 'none');
INSERT INTO csec.retention_rule (name, keep, law) VALUES ('short', '-10 years', 'none');
UPDATE csec.retention_rule SET keep = NULL;
INSERT INTO csec.retention_rule (name, keep, law) VALUES ('house', '12 years', 'our own');
UPDATE csec.retention_rule SET applies = true WHERE name = 'pci_dss';
SELECT name, keep, applies, shipped FROM csec.retention_rule ORDER BY name;
\c - postgres
SELECT csec.kept_by('2010-01-01', '2010-02-01') AS old, csec.kept_by('2020-01-01', '2020-02-01') AS younger;
DELETE FROM csec.retention_rule WHERE name = 'house';
BEGIN;
UPDATE csec.retention_rule SET applies = false;
SELECT csec.kept_by('2010-01-01', '2010-02-01') AS without_rules;
ROLLBACK;

-- holds and incidents keep what their time touches, whatever they name
\c - regress_retention_officer
SELECT csec.hold_evidence('a case', from_time => '2011-01-31 23:59:59+00', to_time => '2011-02-01 00:00:01+00') > 0 AS held;
SELECT csec.hold_evidence('all since', from_time => '2012-01-01 00:00+00') AS since \gset
SELECT csec.release_evidence(:since, 'over');
\c - postgres
SET TimeZone = 'UTC';
INSERT INTO csec.incident (id, state, kind, title, happened_from, happened_until, discovered_at, reported_by, changed_by)
	VALUES (101, 'confirmed', 'leak', 'x', '2013-01-10', '2013-01-20', '2013-05-01', 'x', 'x'), (102, 'closed', 'leak', 'x', NULL, NULL, '2013-05-01', 'x', 'x');
SELECT m::date AS month, regexp_replace(array_to_string(csec.kept_by(m, m + interval '1 month'), ', '), 'hold \d+', 'hold N') AS kept_by
	FROM unnest('{2010-12-01 00:00+00, 2011-01-01 00:00+00, 2011-02-01 00:00+00, 2011-03-01 00:00+00, 2012-12-01 00:00+00, 2013-01-01 00:00+00, 2013-02-01 00:00+00}'::timestamptz[]) m;
-- of rows that were changed behind csec's back nothing is believed
SELECT * FROM csec.unsound_rows ORDER BY id;
ALTER TABLE csec.retention_rule DISABLE TRIGGER sign_row;
ALTER TABLE csec.evidence_hold DISABLE TRIGGER sign_row;
ALTER TABLE csec.incident DISABLE TRIGGER sign_row;
BEGIN;
UPDATE csec.retention_rule SET keep = '6 months' WHERE name = 'pipl';
SELECT csec.kept_by('2010-01-01', '2010-02-01'), (SELECT count(keep_until) FROM csec.retention_plan) AS known;
ROLLBACK;
BEGIN;
UPDATE csec.incident SET state = 'closed' WHERE id = 101;
SELECT csec.kept_by('2010-01-01', '2010-02-01');
ROLLBACK;
BEGIN;
UPDATE csec.evidence_hold SET from_time = '1999-01-01', to_time = '1999-02-01', relid = 'csec.level'::regclass WHERE released_at IS NULL;
SELECT regexp_replace(array_to_string(csec.kept_by('2010-01-01', '2010-02-01'), ', '), 'hold \d+', 'hold N') AS kept_by, csec.evidence_is_held('csec.category', '1', now(), now());
ROLLBACK;
SELECT csec.kept_by('2010-01-01', '2010-02-01');
ALTER TABLE csec.retention_rule ENABLE ALWAYS TRIGGER sign_row;
ALTER TABLE csec.evidence_hold ENABLE ALWAYS TRIGGER sign_row;
ALTER TABLE csec.incident ENABLE ALWAYS TRIGGER sign_row;

-- orders: who decides, how often, and until when.  (What they say of the trail
-- is not so: the last word is that no month ends there.)
CREATE FUNCTION ordered(id int8, who text, login text, hours numeric DEFAULT 1, state text DEFAULT 'proposed') RETURNS void LANGUAGE sql AS $$
	INSERT INTO csec.trail_cut_order (id, state, bound, last_seq, reason, requested_by, requested_login, requested_at)
		VALUES (id, state, '2020-01-01 00:00+00', 5, 'space', who, login, clock_timestamp() - hours * interval '1 hour') $$;
SELECT ordered(1, 'p1', 'regress_retention_officer'), ordered(2, 'p2', 'regress_retention_boss'), ordered(3, 'p2', 'regress_retention_boss', 49),
	ordered(4, 'p2', 'regress_retention_boss', 1, 'rejected'), ordered(5, 'p2', 'regress_retention_boss'), ordered(6, 'p3', 'regress_retention_boss'),
	ordered(7, 'p2', 'regress_retention_boss');
\c - regress_retention_officer
SELECT csec.approve_trail_cut(1);
\c - regress_retention_officer2
SELECT csec.approve_trail_cut(1);
SELECT csec.approve_trail_cut(2);
SELECT csec.approve_trail_cut(3);
SELECT csec.reject_trail_cut(3, 'no');
SELECT csec.approve_trail_cut(4);
SELECT csec.reject_trail_cut(2, '');
SELECT csec.reject_trail_cut(2, 'no');
SELECT csec.reject_trail_cut(2, 'no');
SELECT csec.approve_trail_cut(2);
SELECT csec.reject_trail_cut(1, 'mine');
\c - regress_retention_boss
-- another person asked, by this login: which is not enough
SELECT csec.approve_trail_cut(6);
SELECT csec.reject_trail_cut(5, 'mine');
\c - postgres
SELECT id, state, decided_by, decision, lapses_at - requested_at < '48 hours 1 second' AS in_time, waits_for FROM csec.trail_cut_orders ORDER BY id;

-- an order that was changed behind csec's back is none
\c - postgres
ALTER TABLE csec.trail_cut_order DISABLE TRIGGER sign_row;
UPDATE csec.trail_cut_order SET requested_by = 'p9', requested_login = 'regress_retention_admin' WHERE id = 7;
UPDATE csec.trail_cut_order SET requested_at = now() WHERE id = 3;
ALTER TABLE csec.trail_cut_order ENABLE ALWAYS TRIGGER sign_row;
SELECT * FROM csec.unsound_rows ORDER BY id;
\c - regress_retention_boss
SELECT csec.approve_trail_cut(7);
SELECT csec.reject_trail_cut(7, 'no');
SELECT id, state, waits_for FROM csec.trail_cut_orders WHERE id IN (3, 7);
\c - postgres
UPDATE csec.trail_cut_order SET state = 'rejected' WHERE id IN (3, 7);
SELECT * FROM csec.unsound_rows ORDER BY id;
-- nor does one stand where the time for it is not csec's own
ALTER TABLE csec.access_limit DISABLE TRIGGER sign_row;
BEGIN;
UPDATE csec.access_limit SET limit_to = '10 years' WHERE name = 'lapse';
SELECT state FROM csec.trail_cut_orders WHERE id = 6;
ROLLBACK;
ALTER TABLE csec.access_limit ENABLE ALWAYS TRIGGER sign_row;
SELECT state FROM csec.trail_cut_orders WHERE id = 6;

-- all of it is on record, and the trail has lost nothing
SELECT csec.flush_audit();
SELECT object, action, detail ->> 'person' AS person, detail ->> 'reason' AS reason FROM csec.control_records WHERE action LIKE 'cut %' ORDER BY seq;
SELECT login, object, detail ->> 'why' AS why FROM csec.denials WHERE denied LIKE '%trail_cut' AND object LIKE 'order %' ORDER BY seq;
SELECT count(*) FROM csec.trail_cuts;
SELECT first_seq, complete_since, cut FROM csec.trail_begin();
SELECT verified FROM csec.verify_trail();
DROP ROLE regress_retention_admin, regress_retention_officer, regress_retention_officer2, regress_retention_boss, regress_retention_auditor, regress_retention_clerk;
