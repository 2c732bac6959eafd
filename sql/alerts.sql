-- Alerts: were this to fail, something that a rule looks for would go by, a
-- rule could run what its row says, or somebody could silence what is about him.
-- (A worker evaluates as well; each call here waits for it, and what one found
-- the other does not find again.)
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_alerts_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_alerts_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_alerts_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_alerts_clerk LOGIN;
CREATE ROLE regress_alerts_clerk2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_alerts_b LOGIN;
CREATE ROLE regress_alerts_c LOGIN;
CREATE ROLE regress_alerts_service LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text);
INSERT INTO cust SELECT i, 'Zhang Wei', '138' || (10000000 + i) FROM generate_series(1, 400) i;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone"}');
GRANT SELECT ON cust TO PUBLIC;
SELECT csec.register_person('p1', 'Li Lei'), csec.register_person('p2', 'Han Mei');
SELECT csec.assign_login('p1', 'regress_alerts_clerk'), csec.assign_login('p1', 'regress_alerts_clerk2'), csec.assign_login('p2', 'regress_alerts_b');
SELECT csec.set_own_customer('p1', 'cust', '77'), csec.set_own_customer('p2', 'cust', '78');
SELECT csec.set_clearance('regress_alerts_clerk', level => 'important'), csec.set_clearance('regress_alerts_service', level => 'important');
CREATE FUNCTION settle() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.flush_audit();
	WHILE csec.evaluate_alerts(100000) > 0 LOOP
	END LOOP;
END
$$;

-- rules: numbers and switches, and nothing else
\c - regress_alerts_admin
UPDATE csec.alert_rule SET params = '{"factor": "pg_sleep(9)", "least": 1}' WHERE kind = 'bulk_reveal';
UPDATE csec.alert_rule SET params = '{"factor": 5}' WHERE kind = 'bulk_reveal';
UPDATE csec.alert_rule SET params = '{"factor": 5, "least": 1, "sql": "SELECT 1"}' WHERE kind = 'bulk_reveal';
UPDATE csec.alert_rule SET params = '{"from": "07:00", "until": "21:00", "days": [8], "zone": "UTC"}' WHERE kind = 'off_hours';
UPDATE csec.alert_rule SET params = '{"from": "25:00", "until": "21:00", "days": [1], "zone": "UTC"}' WHERE kind = 'off_hours';
UPDATE csec.alert_rule SET params = '{"from": "07:00", "until": "21:00", "days": [1], "zone": "Nowhere"}' WHERE kind = 'off_hours';
UPDATE csec.alert_rule SET params = 'null' WHERE kind = 'own_record';
UPDATE csec.alert_rule SET params = '{"levels": [1]}' WHERE kind = 'no_ticket';
INSERT INTO csec.alert_rule (kind, severity, meaning) VALUES ('mine', 'minor', 'x');
UPDATE csec.alert_rule SET params = '{"factor": 5, "least": 150}' WHERE kind = 'bulk_reveal';
UPDATE csec.alert_rule SET params = '{"levels": ["core", "important"]}' WHERE kind = 'no_ticket';
UPDATE csec.alert_rule SET params = '{"customers": 30, "minutes": 10080}' WHERE kind = 'enumeration';
UPDATE csec.alert_rule SET params = '{"least": 5, "minutes": 10080}' WHERE kind = 'denial_burst';
UPDATE csec.alert_rule SET params = '{"persons": 3, "minutes": 10080}' WHERE kind = 'one_customer';
UPDATE csec.alert_rule SET params = '{"logins": ["regress_alerts_service"], "applications": ["regress_tool%"]}' WHERE kind = 'service_account';
-- at no hour of no day is it usual
UPDATE csec.alert_rule SET params = '{"from": "07:00", "until": "21:00", "days": [], "zone": "Asia/Shanghai"}' WHERE kind = 'off_hours';
UPDATE csec.alert_rule SET enabled = false WHERE kind IN ('login_after_reset');
SELECT count(*) AS own_ones FROM csec.alert_rule WHERE NOT shipped;
SELECT relid, subject, why, person, note FROM csec.watched_customer;
SELECT csec.evaluate_alerts();
\c - regress_alerts_officer
INSERT INTO csec.watched_customer (relid, subject, why, person) VALUES ('cust', '200', 'vip', ''), ('cust', '201', 'relative', 'p1'), ('cust', '202', 'decoy', '');
INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '200', 'relative');
\c - postgres
SELECT settle();
SELECT kind, key, times FROM csec.alert WHERE kind = 'policy_change' AND login <> 'postgres' ORDER BY id;
UPDATE csec.alert SET state = 'acknowledged';

-- a permit, for a ticket
\c - regress_alerts_b
SELECT csec.request_access('cust', '{phone}', 'campaign', subjects => '{6}', lasting => '1 hour', ticket => 'T2') AS permit \gset
\c - postgres
SELECT csec.approve_request(:permit);

-- the clerk: himself, a colleague, a VIP, a relative; without ticket; the same reason; one by one
\c - regress_alerts_clerk
SELECT csec.set_context(reason => 'complaint') \; SELECT phone FROM cust WHERE id IN (77, 300);
SELECT phone FROM cust WHERE id = 78;
SELECT phone FROM cust WHERE id = 200;
SELECT phone FROM cust WHERE id = 201;
SELECT count(phone::text) FROM cust WHERE id BETWEEN 1 AND 70;
SELECT csec.set_context(reason => 'complaint', ticket => 'T1') \; SELECT count(phone::text) FROM cust WHERE id BETWEEN 301 AND 331;
\o /dev/null
SELECT format('SELECT phone FROM cust WHERE id = %s', i) FROM generate_series(1, 30) i \gexec
\o
-- the relative is nobody's to b; 78 is himself; with others on customer 5
\c - regress_alerts_b
SELECT phone FROM cust WHERE id = 201;
SELECT phone FROM cust WHERE id = 78;
SELECT phone FROM cust WHERE id = 5;
SELECT phone FROM cust WHERE id = 202;
-- by his permit, which has a ticket
SELECT phone FROM cust WHERE id = 6;
-- all of them: nobody is looked at
SELECT count(*) FROM cust;
\c - regress_alerts_c
SELECT phone FROM cust WHERE id = 5;
SELECT csec.triage_incident(1, 'p1');
SELECT csec.triage_incident(2, 'p1');
SELECT csec.triage_incident(3, 'p1');
SELECT csec.triage_incident(4, 'p1');
SELECT csec.triage_incident(5, 'p1');
\c - regress_alerts_service
SET application_name = 'regress_toolbox';
SELECT phone FROM cust WHERE id = 9;
-- a person whom the application names, at himself; one whom it names, at another
SELECT csec.set_context(actor => 'p1') \; SELECT phone FROM cust WHERE id = 77;
SELECT csec.set_context(actor => 'p1') \; SELECT phone FROM cust WHERE id = 78;
\c - postgres
SELECT settle();
SELECT kind, login, person, subject, severity, regexp_replace(regexp_replace(key, '\d{4}-\d\d-\d\d.*', 'DAY'), '\m\d{5,}\M', 'TABLE') AS key, detail, times FROM csec.alert WHERE state = 'open'
	ORDER BY kind COLLATE "C", login COLLATE "C", subject COLLATE "C";
-- evaluated once
SELECT settle();
SELECT count(*) AS none_more FROM csec.alert a WHERE state = 'open' AND kind = 'decoy' AND times > 1;
SELECT sum(reads) > 30 AS reads, sum(revealed) AS revealed, sum(denials) FILTER (WHERE who = 'login:regress_alerts_c') AS denials FROM csec.activity WHERE who ~ '^p1$|_c$';

-- bulk: counts with what the day had; again once the mean is as high
\c - regress_alerts_clerk
SELECT count(phone::text) FROM cust WHERE id BETWEEN 1 AND 100;
\c - postgres
SELECT settle();
SELECT kind, login, detail FROM csec.alert WHERE kind = 'bulk_reveal' AND state = 'open';
UPDATE csec.alert SET state = 'acknowledged' WHERE kind = 'bulk_reveal';
INSERT INTO csec.activity (who, day, revealed) SELECT 'p1', (now() AT TIME ZONE 'UTC')::date - i, 240 FROM generate_series(1, 10) i;
\c - regress_alerts_clerk
SELECT count(phone::text) FROM cust WHERE id BETWEEN 1 AND 100;
\c - postgres
SELECT settle();
SELECT count(*) AS usual_by_now FROM csec.alert WHERE kind = 'bulk_reveal' AND state = 'open';

-- somebody else's password, then a login; a dormant permit; recording suspended
UPDATE csec.alert_rule SET enabled = true WHERE kind = 'login_after_reset';
ALTER ROLE regress_alerts_clerk PASSWORD 'x';
SELECT csec.suspend_recording('test', now() + interval '1 minute');
SELECT csec.resume_recording();
\c - regress_alerts_clerk
SELECT phone FROM cust WHERE id = 9;
\c - postgres
SELECT settle();
SELECT kind, login, detail FROM csec.alert WHERE kind IN ('login_after_reset', 'audit_gap') ORDER BY kind;
-- a chain that is broken: a record exchanged that was looked at long ago
SELECT count(*) FROM csec.alert WHERE kind IN ('chain_break', 'rule_failed');
BEGIN;
SELECT seq AS target FROM csec_trail.audit_log WHERE kind = 2 ORDER BY seq LIMIT 1 \gset
SELECT csec.first_break(0, 1000000, NULL) AS whole;
UPDATE csec_trail.audit_log SET record = set_byte(record, 50, (get_byte(record, 50) + 1) % 256) WHERE seq = :target;
SELECT csec.first_break(0, 1000000, NULL) = :target AS found;
DELETE FROM csec_trail.audit_log WHERE seq = :target;
SELECT csec.first_break(0, 1000000, NULL) = :target + 1 AS missing_found;
-- the end cut off
DELETE FROM csec_trail.audit_log WHERE seq >= (SELECT seq - 3 FROM csec.alert_cursor);
SELECT csec.evaluate_alerts() >= 0 AS evaluated;
SELECT count(*) > 0 AS cut FROM csec.alert WHERE kind = 'chain_break' AND detail ->> 'what' = 'is not there, or another one';
ROLLBACK;

-- acknowledged, with a reason, and not by whom it is about; an incident
SELECT kind, login, subject, state, times, count(*) FROM csec.alert WHERE kind = 'own_record' GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3;
SELECT min(id) AS own FROM csec.alert WHERE kind = 'own_record' AND person = 'p1' AND state = 'open' \gset
SELECT id AS decoy FROM csec.alert WHERE kind = 'decoy' \gset
SELECT id AS claimed FROM csec.alert WHERE kind = 'own_record' AND login = 'regress_alerts_service' \gset
ALTER SEQUENCE csec.incident_id RESTART 1;
\c - regress_alerts_clerk2
SELECT csec.acknowledge_alert(:own, 'nothing');
SELECT csec.acknowledge_alert(:claimed, 'not me');
\c - regress_alerts_c
SELECT csec.acknowledge_alert(:own, 'nothing');
SELECT count(*) FROM csec.alert;
\c - regress_alerts_officer
SELECT csec.acknowledge_alert(:own, '');
SELECT csec.acknowledge_alert(0, 'x');
SELECT csec.acknowledge_alert(:decoy, 'a test', seen => 2);
SELECT csec.acknowledge_alert(:decoy, 'a test', seen => NULL);
SELECT csec.acknowledge_alert(:decoy, 'a test');
SELECT csec.acknowledge_alert(:decoy, 'a test');
SELECT csec.incident_of_alert(:own, 'Clerk looked at himself') AS incident;
SELECT csec.incident_of_alert(:claimed, 'The same behind the application') AS incident;
SELECT i.state, i.kind, i.title, i.accused, a.incident FROM csec.incident i JOIN csec.alert a ON a.incident = i.id ORDER BY i.id;
-- what comes after is another alert
\c - regress_alerts_b
SELECT phone FROM cust WHERE id = 202;
\c - postgres
SELECT settle();
SELECT state, times, count(*) FROM csec.alert WHERE kind = 'decoy' GROUP BY 1, 2 ORDER BY 1;
-- a rule that fails is an alert, and the others go on
ALTER TABLE csec.person_customer RENAME TO person_customer_gone;
\c - regress_alerts_b
SELECT phone FROM cust WHERE id = 202;
\c - postgres
SELECT settle();
ALTER TABLE csec.person_customer_gone RENAME TO person_customer;
SELECT DISTINCT detail FROM csec.alert WHERE kind = 'rule_failed' ORDER BY 1;
SELECT csec.flush_audit();
SELECT count(*) > 0 AS raised FROM csec.control_records WHERE action = 'alert raised';
SELECT action, detail ->> 'person' AS person, detail ->> 'reason' AS reason, detail ->> 'seen' AS seen FROM csec.control_records WHERE action = 'alert acknowledged' ORDER BY seq;
SELECT login, denied, detail ->> 'why' AS why FROM csec.denials WHERE denied LIKE '%alert%' ORDER BY seq;
SELECT csec.unprotect('cust', 'test is over', allow_lock => true);
DROP TABLE cust;
DROP ROLE regress_alerts_admin, regress_alerts_officer, regress_alerts_auditor, regress_alerts_clerk, regress_alerts_clerk2, regress_alerts_b, regress_alerts_c, regress_alerts_service;
