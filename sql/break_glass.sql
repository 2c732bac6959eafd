-- Access without asking first, permits that last, and leaving: were this to
-- fail, an emergency would pass unseen, a permit outlive its owner's silence,
-- or somebody who left still have something.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_bg_clerk LOGIN IN ROLE csec_break_glass;
CREATE ROLE regress_bg_clerk2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_bg_low LOGIN;
CREATE ROLE regress_bg_owner LOGIN;
CREATE ROLE regress_bg_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_bg_admin LOGIN IN ROLE csec_admin;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text);
INSERT INTO cust SELECT g, 'Zhang ' || chr(64 + g), '1381234567' || g, '11010519491231002X' FROM generate_series(1, 8) g;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
ALTER TABLE cust OWNER TO regress_bg_owner;
GRANT SELECT ON cust TO PUBLIC;
ALTER SEQUENCE csec.access_request_id RESTART 1;
INSERT INTO csec.person (id, name) VALUES ('p1', 'Li Lei');
INSERT INTO csec.person_login VALUES ('regress_bg_clerk', 'p1'), ('regress_bg_clerk2', 'p1');
INSERT INTO csec.person_customer VALUES ('p1', 'cust', '8');

-- who may, and for whom
\c - regress_bg_low
SELECT csec.break_glass('cust', '{1}', 'fire');
\c - regress_bg_clerk
SELECT csec.break_glass('cust', NULL, 'fire');
SELECT csec.break_glass('cust', '{1,8}', 'fire');
SELECT csec.break_glass('cust', '{1}', '');
SELECT csec.break_glass('cust', '{1}', 'fire', lasting => '61 minutes');
-- less than an hour as intervals are compared, and five days by the calendar
SELECT csec.break_glass('cust', '{1}', 'fire', lasting => '1 year -360 days 30 minutes');
SELECT csec.break_glass('cust', ARRAY(SELECT g::text FROM generate_series(10, 30) g), 'fire');
-- what is rolled back has shown nothing
BEGIN;
SELECT csec.break_glass('cust', '{1}', 'fire');
SELECT name, phone, id_no FROM cust WHERE id = 1;
ROLLBACK;
SELECT name FROM cust WHERE id = 1;
-- at once, for those named and no others
SELECT csec.break_glass('cust', '{1,2}', 'fire in the branch', '{phone,id_no}') \gset
SELECT id, name, phone, id_no FROM cust WHERE id <= 3 ORDER BY id;
SELECT state, kind, review, review_by - submitted_at > interval '23 hours' AS a_day, valid_until - valid_from <= interval '1 hour' AS an_hour
	FROM csec.access_requests WHERE id = :break_glass;
-- reviewed by another person
SELECT csec.review_break_glass(:break_glass, 'justified', 'I know');
\c - regress_bg_clerk2
SELECT csec.review_break_glass(:break_glass, 'justified', 'I know');
\c - regress_bg_low
SELECT csec.review_break_glass(:break_glass, 'justified', 'I know');
\c - regress_bg_officer
SELECT csec.review_break_glass(:break_glass, 'well', 'asked the branch');
SELECT csec.review_break_glass(:break_glass, 'justified', 'asked the branch');
SELECT csec.review_break_glass(:break_glass, 'abuse', 'asked again');
SELECT review, reviewed_by, state FROM csec.access_requests WHERE id = :break_glass;
-- somebody has filled the queue of notifications: it would keep the glass from being broken
\c - postgres
SET allow_system_table_mods = on;
ALTER FUNCTION pg_catalog.pg_notification_queue_usage() RENAME TO real_queue_usage;
CREATE FUNCTION pg_catalog.pg_notification_queue_usage() RETURNS float8 LANGUAGE sql AS 'SELECT 0.95::float8';
\c - regress_bg_clerk
LISTEN csec_alert;
SELECT csec.break_glass('cust', '{4}', 'fire', lasting => '1 minute') \gset
\c - regress_bg_officer
LISTEN csec_alert;
SELECT csec.review_break_glass(:break_glass, 'justified', 'asked the branch');
\c - postgres
SET allow_system_table_mods = on;
DROP FUNCTION pg_catalog.pg_notification_queue_usage();
ALTER FUNCTION pg_catalog.real_queue_usage() RENAME TO pg_notification_queue_usage;
-- nobody looks: escalated, by time, and not once more until somebody does
\c - regress_bg_clerk
SELECT csec.break_glass('cust', '{3}', 'fire', lasting => '10 minutes') \gset
\c - postgres
UPDATE csec.access_request SET review_by = now() - interval '1 second' WHERE id = :break_glass;
\c - regress_bg_officer
SELECT id, review FROM csec.access_requests WHERE review <> 'justified';
SELECT csec.settle_access(), csec.settle_access();
\c - regress_bg_clerk
SELECT csec.break_glass('cust', '{3}', 'fire');
-- abuse ends it
SELECT phone FROM cust WHERE id = 3;
\c - regress_bg_owner
SELECT csec.review_break_glass(:break_glass, 'abuse', 'there was no fire');
SELECT kind, state, title FROM csec.incidents;
\c - regress_bg_clerk
SELECT phone FROM cust WHERE id = 3;
SELECT state, review FROM csec.access_requests WHERE id = :break_glass;

-- a customer who was matched, where policy says so, for ten minutes
\c - postgres
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO PUBLIC;
\c - regress_bg_low
SELECT csec.match_customer('cust', '4', '{"name": "Zhang D", "id_no": {"last": "002X"}}');
SELECT phone FROM cust WHERE id = 4;
\c - regress_bg_admin
INSERT INTO csec.match_permit (relid, fields, max_rows) VALUES ('cust', '{phone}', 2);
\c - regress_bg_low
SELECT csec.match_customer('cust', '4', '{"name": "Zhang E", "id_no": {"last": "002X"}}');
SELECT phone FROM cust WHERE id = 4;
SELECT csec.match_customer('cust', '4', '{"name": "Zhang D", "id_no": {"last": "002X"}}');
SELECT id, name, phone FROM cust WHERE id IN (4, 5) ORDER BY id;
SELECT kind, state, subjects, valid_until - valid_from <= interval '10 minutes' AS ten_minutes FROM csec.access_requests;
BEGIN READ ONLY;
SELECT csec.match_customer('cust', '5', '{"name": "Zhang E", "id_no": {"last": "002X"}}');
COMMIT;
SELECT phone FROM cust WHERE id = 5;
\c - postgres
REVOKE EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) FROM PUBLIC;

-- recertified by the owner; silence revokes, by time
\c - postgres
UPDATE csec.access_limit SET limit_to = '1 year -360 days 30 minutes' WHERE name = 'break_glass';
UPDATE csec.access_limit SET limit_to = '1 hour' WHERE name = 'recertify';
\c - regress_bg_low
SELECT csec.request_access('cust', '{name,phone}', 'care', '{5,6}', lasting => '30 days') AS long \gset
\c - regress_bg_owner
SELECT csec.approve_request(:long);
SELECT recertify_by - valid_from <= interval '1 hour' AS soon FROM csec.access_requests WHERE id = :long;
\c - regress_bg_officer
SELECT csec.recertify(:long, 'keep', 'still needed');
\c - regress_bg_low
SELECT csec.recertify(:long, 'keep', 'still needed');
\c - regress_bg_owner
SELECT csec.recertify(:long, 'keep', 'still needed', fields => '{name}');
SELECT csec.recertify(:long, 'reduce', 'less is enough');
SELECT csec.recertify(:long, 'reduce', 'less is enough', fields => '{name,id_no}');
SELECT csec.recertify(:long, 'reduce', 'less is enough', subjects => '{5,7}');
SELECT csec.recertify(:long, 'reduce', 'less is enough', max_rows => 101);
SELECT csec.recertify(:long, 'reduce', 'less is enough', until => now() + interval '31 days');
SELECT csec.recertify(:long, 'reduce', 'less is enough', fields => '{phone}', subjects => '{5}');
\c - regress_bg_low
SELECT id, name, phone FROM cust WHERE id IN (5, 6) ORDER BY id;
\c - postgres
UPDATE csec.access_permit SET valid_until = now() - interval '1 second' WHERE id = :long;
UPDATE csec.access_request SET recertify_by = now() - interval '1 second' WHERE id = :long;
\c - regress_bg_low
SELECT id, name, phone FROM cust WHERE id = 5;
SELECT state FROM csec.access_requests WHERE id = :long;
\c - regress_bg_owner
SELECT csec.recertify(:long, 'keep', 'was on leave');
\c - postgres
SELECT csec.settle_access();
SELECT state, why FROM csec.access_request WHERE id = :long;

-- leaving: not by oneself; all at once; what is left is told
SELECT csec.set_clearance('regress_bg_low', level => 'important');
INSERT INTO csec.data_owner VALUES ('cust', 'regress_bg_low');
GRANT csec_loader TO regress_bg_low;
SELECT csec.set_default_reason('regress_bg_low', 'desk');
\c - regress_bg_low
SELECT csec.request_access('cust', '{id_no}', 'care', '{5,6}', lasting => '1 hour') IS NOT NULL AS asked;
SELECT count(*) FROM cust;
\c - regress_bg_clerk2
SELECT * FROM csec.offboard('p1', 'leaves');
\c - regress_bg_officer
SELECT * FROM csec.offboard('p9', 'leaves');
SELECT * FROM csec.offboard('login:regress_bg_low', '');
SELECT kind, object, CASE kind WHEN 'read' THEN regexp_replace(detail, ', the last at.*', '') ELSE detail END AS detail, residue
	FROM csec.offboard('login:regress_bg_low', 'leaves') ORDER BY kind, object, detail;
SELECT kind, object, detail FROM csec.offboard('p1', 'leaves') WHERE residue ORDER BY kind, object, detail;
\c - postgres
SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname ~ '^regress_bg_(low|clerk)' ORDER BY rolname;
SELECT count(*) FROM csec.access_permit;
SELECT id, state FROM csec.person;
-- reads of a login whose name needs quotes are told as well
CREATE ROLE "regress_bg Li.Na" LOGIN;
GRANT SELECT ON cust TO "regress_bg Li.Na";
\c - "regress_bg Li.Na"
SELECT count(*) FROM cust;
\c - postgres
SELECT kind, object FROM csec.offboard_report('login:regress_bg Li.Na') WHERE NOT residue;
REVOKE ALL ON cust FROM "regress_bg Li.Na";
DROP ROLE "regress_bg Li.Na";
-- with a privilege left, it is told
GRANT SELECT ON cust TO regress_bg_low;
CREATE TABLE his (a int);
ALTER TABLE his OWNER TO regress_bg_low;
SELECT kind, object, residue FROM csec.offboard_report('login:regress_bg_low') WHERE residue ORDER BY 1, 2;

SELECT csec.flush_audit();
SELECT action, object, detail ->> 'person' AS person, detail ->> 'reason' AS reason, outcome FROM csec.control_records
	WHERE action LIKE 'break glass%' OR action IN ('offboard', 'access recertified') OR action = 'access active' AND detail ->> 'kind' = 'match' ORDER BY seq;
SELECT login, denied, detail ->> 'why' AS why FROM csec.denials WHERE login LIKE 'regress_bg%' ORDER BY seq;
-- each is an alert, but not that all was well
DO $$ BEGIN WHILE csec.evaluate_alerts(100000) > 0 LOOP END LOOP; END $$;
SELECT severity, key, login, times FROM csec.alert WHERE kind = 'break_glass' ORDER BY key COLLATE "C";

DROP TABLE cust, his;
UPDATE csec.access_limit SET limit_to = '90 days' WHERE name = 'recertify';
DROP ROLE regress_bg_clerk, regress_bg_clerk2, regress_bg_low, regress_bg_owner, regress_bg_officer, regress_bg_admin;
