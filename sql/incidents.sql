-- Incidents: were this to fail, one could be closed by who is accused or
-- before those concerned were told, or its scope could leave somebody out.
-- Sessions of their own (\c): the login decides who acts.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_incidents_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_incidents_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_incidents_officer2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_incidents_boss LOGIN IN ROLE csec_management;
CREATE ROLE regress_incidents_clerk LOGIN;
CREATE ROLE regress_incidents_partner LOGIN;
CREATE ROLE regress_incidents_partner2 LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text, bal numeric);
INSERT INTO cust SELECT i, 'Zhang Wei', '138' || (10000000 + i), '11010519491231002X', i FROM generate_series(1, 300) i;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
GRANT SELECT ON cust TO PUBLIC;
ALTER SEQUENCE csec.incident_id RESTART 1;
ALTER SEQUENCE csec.evidence_hold_id RESTART 1;
SELECT csec.set_clearance('regress_incidents_partner', level => 'important');
\c - regress_incidents_admin
SELECT csec.register_person('p1', 'Li Lei'), csec.register_person('p2', 'Han Mei');
SELECT csec.assign_login('p1', 'regress_incidents_partner'), csec.assign_login('p1', 'regress_incidents_partner2'),
	csec.assign_login('p2', 'regress_incidents_officer2');

-- what the partner's login read: revealed, masked, aggregates, nothing
\c - regress_incidents_partner
SELECT phone FROM cust WHERE id IN (42, 43);
SELECT phone, id_no FROM cust WHERE id = 44;
SELECT count(phone::text) FROM cust WHERE id BETWEEN 100 AND 199;
SELECT bal FROM cust WHERE id = 250;
\c - regress_incidents_partner2
SELECT name FROM cust WHERE id IN (42, 300);
\c - postgres

-- the scope, of what was read a moment ago, too: by login and by person, the same on every run
SELECT set_config('regress.from', (now() - interval '1 hour')::text, false) IS NOT NULL AS "from", set_config('regress.to', (now() + interval '1 hour')::text, false) IS NOT NULL AS "to";
SELECT "table", level, shown, fields, customers, complete FROM csec.scope_incident('regress_incidents_partner', from_time => now() - interval '1 hour', to_time => now() + interval '1 hour');
SELECT "table", level, shown, fields, customers, complete FROM csec.scope_incident(person => 'p1', from_time => now() - interval '1 hour', to_time => now() + interval '1 hour');
SELECT count(DISTINCT digest) AS digests, count(*) FROM (
	SELECT digest FROM csec.scope_incident('regress_incidents_partner', from_time => current_setting('regress.from')::timestamptz, to_time => current_setting('regress.to')::timestamptz) WHERE "table" IS NULL
	UNION ALL SELECT digest FROM csec.scope_incident('regress_incidents_partner', from_time => current_setting('regress.from')::timestamptz - interval '1 minute', to_time => current_setting('regress.to')::timestamptz) WHERE "table" IS NULL) d;
-- ... whatever the session's settings, and after VACUUM
VACUUM csec_trail.audit_log, csec_trail.audit_subject;
CREATE FUNCTION digest_of_partner() RETURNS text LANGUAGE sql AS $$ SELECT digest FROM csec.scope_incident(person => 'p1',
	from_time => pg_catalog.current_setting('regress.from')::timestamptz, to_time => pg_catalog.current_setting('regress.to')::timestamptz) WHERE "table" IS NULL $$;
SELECT digest_of_partner() AS plain \gset
BEGIN;
SET LOCAL DateStyle = 'German';
SET LOCAL TimeZone = 'Asia/Shanghai';
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL search_path = '';
SET LOCAL enable_hashagg = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL work_mem = '64kB';
SET LOCAL force_parallel_mode = on;
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT public.digest_of_partner() = :'plain' AS same;
COMMIT;
-- ... and one that anybody can make again: of one customer and field
\c - regress_incidents_partner2
SELECT set_config('regress.then', now()::text, false) IS NOT NULL AS set;
SELECT phone FROM cust WHERE id = 7;
\c - postgres
SELECT csec.flush_audit();
SELECT s.digest = encode(sha256(int4send(length(line)) || convert_to(line, 'UTF8')), 'hex') AS made_again
	FROM (SELECT 'public.cust important masked phone =7') l (line), csec.access_records a,
		csec.scope_incident('regress_incidents_partner2', from_time => a.at, to_time => a.at + interval '1 microsecond') s
	WHERE a.login = 'regress_incidents_partner2' AND a.masked = '{phone}' AND s."table" IS NULL;
SELECT * FROM csec.scope_incident('regress_incidents_nobody', from_time => now() - interval '1 hour', to_time => now());
SELECT * FROM csec.scope_incident(from_time => now() - interval '1 hour', to_time => now());
SELECT * FROM csec.scope_incident('a', 'b', now() - interval '1 hour', now());
SELECT * FROM csec.scope_incident('a', from_time => now(), to_time => now());
SELECT * FROM csec.scope_incident('a', from_time => '-infinity', to_time => now());
-- by the index on who and when
SELECT count(*) > 0 AS by_login FROM pg_indexes WHERE schemaname = 'csec_trail' AND indexdef LIKE '%btree (login, at)%';
\c - regress_incidents_clerk
SELECT * FROM csec.scope_incident('regress_incidents_partner', from_time => now() - interval '1 hour', to_time => now());

-- reported by anyone; what cannot be
SELECT csec.report_incident('');
SELECT csec.report_incident('x', 'flood');
SELECT csec.report_incident('x', discovered_at => now() + interval '1 day');
SELECT csec.report_incident('x', discovered_at => 'infinity');
SELECT csec.report_incident('x', discovered_at => now() - interval '2 days', happened_from => now() - interval '1 day');
SELECT csec.report_incident('x', accused => '{nobody}');
SELECT csec.report_incident($$Key of a partner stolen <b>'; DROP TABLE cust; --$$, 'leak', now() - interval '1 hour', 'partner gateway', accused => '{p1,p2}') AS reported;
SELECT id, state, kind, title, reported_by, severity, overdue FROM csec.incidents;
SELECT csec.triage_incident(1, 'p2');
SELECT count(*) FROM csec.incident;
\c - regress_incidents_officer2
-- accused
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', reason => 'mine');
SELECT csec.accuse(1, '{}', 'not me');
\c - regress_incidents_officer
-- out of order, and nobody there
SELECT csec.confirm_incident(1, 'cause'), csec.close_incident(1, 'done');
SELECT csec.close_incident(1, 'done');
SELECT csec.close_incident(99, 'done');
SELECT csec.triage_incident(1, 'p2');
SELECT csec.triage_incident(1, 'nobody');
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', 'awful');
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', regimes => '{mars}');
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', regimes => '{}');
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', persons => -1);
SELECT csec.triage_incident(1, 'login:regress_incidents_officer', 'minor', regimes => '{pipl,cn_network,gdpr,hipaa}', reason => 'looks genuine');
SELECT severity, persons, handler FROM csec.incident WHERE id = 1;
SELECT csec.add_scope(1, 'regress_incidents_partner', from_time => now() - interval '1 hour', to_time => now() + interval '1 hour') AS customers;
SELECT severity, persons FROM csec.incident WHERE id = 1;
SELECT number, level, shown, relid, fields, customers, reads, complete FROM csec.incident_scope WHERE incident = 1 ORDER BY level, shown;
SELECT relid, subject, revealed, masked, level FROM csec.incident_subject WHERE incident = 1 AND subject IN ('42', '44', '150', '250');
SELECT regime, recipient, class, due_at - discovered_at AS within, d.state FROM csec.incident_deadlines d JOIN csec.incident i ON i.id = incident ORDER BY 1, 2;

-- counts decide on severity, class and deadlines
SELECT csec.report_incident('Tape lost', 'loss', now() - interval '5 hours') AS reported;
SELECT csec.triage_incident(2, 'login:regress_incidents_officer', persons => 20000000);
SELECT severity, persons FROM csec.incident WHERE id = 2;
SELECT regime, recipient, class, due_at - discovered_at AS within, d.state FROM csec.incident_deadlines d JOIN csec.incident i ON i.id = incident WHERE i.id = 2 ORDER BY 1, 2;
SELECT id, overdue FROM csec.incidents ORDER BY id;
-- a critical one is not dismissed by the officer
SELECT csec.dismiss_incident(2, 'found under the desk');
\c - regress_incidents_boss
SELECT csec.dismiss_incident(2, 'found under the desk');
SELECT csec.confirm_incident(2, 'none after all');
SELECT state, overdue FROM csec.incidents WHERE id = 2;

-- letters
\c - regress_incidents_officer
SELECT csec.write_letter(1, 'phone numbers', 'a stolen key', 'calls by swindlers', 'key changed', 'do not tell codes', 'call 95588');
SELECT csec.confirm_incident(1, ' ');
SELECT csec.confirm_incident(1, 'key in a public repository');
SELECT csec.list_notices(1);
SELECT csec.write_letter(1, 'phone numbers', 'a stolen key', NULL, 'key changed', 'do not tell codes', 'call 95588');
SELECT csec.write_letter(1, 'phone numbers', 'a stolen key', 'calls by swindlers', 'key changed', 'do not tell codes', '');
SELECT csec.write_letter(1, 'phone numbers', 'a stolen key', 'calls by swindlers', 'key changed', 'do not tell codes', 'call 95588');
SELECT csec.contain_incident(1, 'login locked, key revoked');
SELECT csec.list_notices(1) AS listed;
SELECT letter FROM csec.incident_letters(1) WHERE subject = '42' \gset
SELECT regexp_replace(:'letter', '\d{4}-\d\d-\d\d \d\d:\d\d', 'TIME') AS letter;
-- what is written is in it as a text
SELECT csec.write_letter(1, $$<b>'; DROP TABLE cust; --$$, '%s %1$I', '\1 $1', '{{7*7}}', '<script>alert(1)</script>', '&amp;');
SELECT bool_and(strpos(l.letter, t) > 0) AS as_written FROM csec.incident_letters(1) l,
	unnest(ARRAY[$$<b>'; DROP TABLE cust; --$$, '%s %1$I', '\1 $1', '{{7*7}}', '<script>alert(1)</script>', '&amp;']) t;
SELECT csec.notify_incident(1, 'told');
SELECT csec.record_report(1, 'pipl', 'persons', 'x');
SELECT csec.record_report(1, 'pipl', 'authority', '');
SELECT csec.record_report(1, 'pipl', 'authority', 'CAC 1'), csec.record_report(1, 'cn_network', 'authority', 'CAC 2'), csec.record_report(1, 'gdpr', 'authority', 'CNIL 3');
SELECT csec.record_report(1, 'pipl', 'authority', 'CAC 4');
SELECT csec.note_notice(1, 'cust', '42', false, 'letter');
SELECT csec.note_notice(1, 'cust', '42', false, 'letter', 'moved away');
SELECT csec.note_notice(1, 'cust', '999', true, 'letter');
SELECT count(csec.note_notice(1, relid, subject, true, 'text message')) FROM csec.incident_notice WHERE subject <> '42';
SELECT csec.notify_incident(1, 'told');
SELECT csec.notify_incident(1, 'told', 'no harm to be feared');
SELECT csec.note_notice(1, 'cust', '42', true, 'telephone');
SELECT csec.note_notice(1, 'cust', '42', true, 'telephone');
SELECT csec.write_letter(1, 'a', 'b', 'c', 'd', 'e', 'f');
SELECT state, channel, attempts, count(*) FROM csec.incident_notice GROUP BY 1, 2, 3 ORDER BY 3;
SELECT csec.notify_incident(1, 'all told');
SELECT csec.close_incident(1, 'done');
SELECT csec.recover_incident(1, 'new keys'), csec.learn_from_incident(1, 'scan repositories');

-- evidence
SELECT csec.hold_evidence('inquiry', 'cust', '42', incident => 1) AS held, csec.hold_evidence('inquiry', from_time => '2026-01-01', to_time => '2026-02-01') AS held;
SELECT csec.hold_evidence('inquiry', subject => '42');
SELECT csec.evidence_is_held('cust', '42') AS customer, csec.evidence_is_held('cust', '43') AS january_too,
	csec.evidence_is_held('cust', '43', '2026-02-01') AS not_later, csec.evidence_is_held('cust', NULL, '2026-02-01') AS somebody;
SELECT csec.release_evidence(1, 'over');
\c - regress_incidents_clerk
SELECT csec.hold_evidence('mine');
SELECT csec.release_evidence(2, 'mine');
-- suspended
\c - postgres
SELECT csec.accuse(1, '{login:postgres}', 'a test');
\c - regress_incidents_officer
SELECT csec.accuse(1, '{p1,login:regress_incidents_officer2,p2}', 'both officers of that shift');
\c - regress_incidents_officer2
SELECT csec.close_incident(1, 'done');
SELECT csec.release_evidence(1, 'over');
\c - regress_incidents_officer
SELECT csec.close_incident(1, 'done');
SELECT csec.release_evidence(1, 'over'), csec.release_evidence(2, 'over');
SELECT csec.release_evidence(1, 'over');
SELECT csec.evidence_is_held(NULL) AS held;
SELECT from_state, to_state, person, reason, policy > 0 AS policy FROM csec.incident_move WHERE incident = 1 ORDER BY at;

-- deadlines are as long wherever the session is, while clocks change
\c - postgres
INSERT INTO csec.incident (kind, title, discovered_at, reported_by, changed_by, regimes, persons)
	VALUES ('leak', 'Clocks', '2024-10-20 12:00Z', 'p1', 'p1', '{pipl,cn_network,postal,gdpr,hipaa}', 600) RETURNING id AS clocks \gset
CREATE FUNCTION due_in(zone text) RETURNS TABLE (regime text, recipient text, hours numeric) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('TimeZone', zone, true);
	RETURN QUERY SELECT d.regime, d.recipient, extract(epoch FROM d.due_at - '2024-10-20 12:00Z') / 3600 FROM csec.incident_deadlines d WHERE d.title = 'Clocks';
END $$;
SELECT d.regime, d.recipient, array_agg(DISTINCT round(d.hours, 3)) AS hours
	FROM unnest(ARRAY['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Shanghai', 'Australia/Lord_Howe', 'Africa/Casablanca']) z CROSS JOIN LATERAL due_in(z) d GROUP BY 1, 2 ORDER BY 1, 2;
DROP FUNCTION due_in;
DELETE FROM csec.incident WHERE id = :clocks;
-- and at each size as the regime calls it: one less, as many
SELECT p AS persons, string_agg(concat_ws(' ', d.regime, d.recipient, d.class, extract(epoch FROM d.due_at - i.discovered_at)::int / 3600), ', ' ORDER BY d.regime, d.recipient)
	FROM unnest(ARRAY[0, 499, 500, 501, 999999, 1000000, 9999999, 10000000, 99999999, 100000000]) p
		CROSS JOIN LATERAL jsonb_populate_record(NULL::csec.incident, jsonb_build_object('id', 0, 'state', 'triaged', 'discovered_at', '2024-10-20 12:00Z', 'persons', p, 'regimes', '["cn_network", "hipaa"]'::jsonb)) i
		CROSS JOIN LATERAL csec.deadlines_of(i) d GROUP BY p ORDER BY p;

-- all of it is in the trail: moves, and what was refused
\c - postgres
SELECT csec.flush_audit();
SELECT object, action, detail ->> 'from' AS "from", detail ->> 'person' AS person, (detail ->> 'policy')::int > 0 AS policy, count(*)
	FROM csec.control_records WHERE action LIKE 'incident %' AND action <> 'incident letter sent' OR action LIKE 'evidence %' GROUP BY 1, 2, 3, 4, 5 ORDER BY min(seq);
SELECT login, denied, object, detail ->> 'why' AS why FROM csec.denials WHERE denied ~ 'incident|accuse|evidence|letter|notice|report' ORDER BY seq;
-- rows that are edited by hand are on record, too
UPDATE csec.incident SET severity = 'minor' WHERE id = 1;
DELETE FROM csec.incident_subject WHERE subject = '42';
SELECT csec.flush_audit();
SELECT action, object FROM csec.control_records WHERE login = 'postgres' ORDER BY seq DESC LIMIT 2;
SELECT csec.unprotect('cust', 'test is over', allow_lock => true);
DROP TABLE cust;
DROP ROLE regress_incidents_admin, regress_incidents_officer, regress_incidents_officer2, regress_incidents_boss, regress_incidents_clerk, regress_incidents_partner, regress_incidents_partner2;
