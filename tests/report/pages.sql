-- What the pages of tests/report/run show: some days in the life of customer
-- 42, with texts that would be more than texts if they could.
SET client_min_messages = warning;
CREATE ROLE clerk LOGIN;
CREATE ROLE manager LOGIN;
CREATE ROLE colleague LOGIN;
CREATE ROLE auditor LOGIN;
CREATE EXTENSION csec CASCADE;
GRANT csec_auditor TO auditor;
GRANT SELECT, UPDATE ON customers, orders TO clerk, manager, colleague;
GRANT SELECT ON customers, orders TO auditor;
SELECT csec.protect('customers', subject => 'id', fields => '{"name": "person_name", "phone": "phone", "email": "email", "address": "address",
	"birth_date": "birth_date", "notes": "free_text", "id_no": "id_card", "bank_card": "bank_card"}');
SELECT csec.protect('orders', subject => 'customer_id', subject_of => 'customers');
SELECT csec.set_clearance('clerk', level => 'important'), csec.set_clearance('manager', level => 'core', until => now() + interval '1 year');
SELECT csec.register_person('E1001', '李娜', '客服部', '坐席'), csec.register_person('E1002', '王伟', '客服部', '主管'),
	csec.register_person('E1003', '<script>document.title = "run"</script>', '"><img src=x onerror="document.title = 1">');
SELECT csec.assign_login('E1001', 'clerk'), csec.assign_login('E1002', 'manager'), csec.assign_login('E1003', 'colleague');
INSERT INTO csec.record_part (relid, name, position, title, title_zh, source, newest_by) VALUES ('customers', 'orders', 15, 'Orders', '订单记录', 'orders', 'ordered_at');
INSERT INTO csec.incident (kind, state, title, place, happened_from, discovered_at, reported_by, severity, persons, impact, measures, result, changed_by)
	VALUES ('misuse', 'closed', 'A colleague looked at neighbours', 'Call centre, Shanghai', now() - interval '20 days', now() - interval '18 days', 'E1002', 'minor', 3,
		'Names and phones of three customers were read without need.', 'Clearance revoked, permits suspended.', 'Warned in writing; no data left the house.', 'E1002');
INSERT INTO csec.incident_subject (incident, relid, subject, revealed, masked, level) SELECT id, 'customers', '42', '{name,phone}', '{id_no}', 'important' FROM csec.incident;
INSERT INTO csec.incident_notice (incident, relid, subject, state, at) SELECT id, 'customers', '42', 'sent', now() - interval '10 days' FROM csec.incident;
INSERT INTO csec.review (state, checklist, relid, period_from, period_to, due, owner, reviewer, planned_by, conclusion, summary, concluded_at, changed_by)
	VALUES ('closed', 'monthly', 'customers', now() - interval '2 months', now() - interval '1 month', now(), 'E1001', 'E1002', 'E1002', 'needs improvement',
		'One login belonged to nobody.', now() - interval '25 days', 'E1002');
INSERT INTO csec.review_finding (review, state, severity, finding, fixer, due, found_by, fixed_by, fixed_at, fix, verified_by, verified_at)
	SELECT id, 'verified', 'minor', 'Login colleague belonged to nobody', 'E1001', now(), 'E1002', 'E1001', now() - interval '20 days', 'Assigned to E1003', 'E1002', now() - interval '19 days' FROM csec.review;
\c - clerk
BEGIN;
SELECT csec.set_context('li.na', 'delivery', 'T-1001');
SELECT name, phone, id_no FROM customers WHERE id = 42;
UPDATE customers SET phone = '17650210042' WHERE id = 42;
COMMIT;
SELECT item, amount FROM orders WHERE customer_id = 42;
\c - manager
BEGIN;
SELECT csec.set_context('<script>document.title = "run"</script>', 'refund', 'T-1002');
SELECT name, phone, id_no, bank_card FROM customers WHERE id = 42;
COMMIT;
\c - colleague
SELECT name, phone, id_no FROM customers WHERE id = 42;
SELECT count(*) FROM customers;
\c - postgres
SELECT csec.attest('training', 'All staff, course of March', now() + interval '200 days'), csec.attest('mfa', 'Tokens, see IT-204', now() + interval '90 days');
SELECT csec.flush_audit();
-- a customer of whom nothing is on record, and one of whom all is long, or would be more than text
CREATE TABLE odd (id text PRIMARY KEY, "a very long name of a column that goes on and on, to 63 bytes" text, note text);
INSERT INTO odd VALUES ('quiet', 'x', NULL), (repeat('x<b>', 100), repeat('W', 1500), repeat(U&'\202E\2066abc\200B', 100) || '</td></table></body>');
SELECT csec.protect('odd', 'id', '{"note": "free_text"}');
GRANT SELECT ON odd TO auditor, colleague;
SELECT csec.change_person('E1003', department => repeat('部<', 30));
INSERT INTO csec.incident (kind, title, place, discovered_at, reported_by, impact, measures, result, changed_by, state)
	VALUES ('other', repeat('T', 200), repeat('<p>', 66), now() - interval '3 days', 'E1003', repeat('I', 3000), repeat('长', 3000), repeat('<!--', 500), 'E1003', 'reported');
INSERT INTO csec.incident_subject (incident, relid, subject, revealed) SELECT max(id), 'odd', repeat('x<b>', 100), '{note}' FROM csec.incident;
\c - colleague
SET application_name = '<img src=x onerror=alert(1)>____xxxxxxxxxxxxxxxxx';
BEGIN;
SELECT csec.set_context(repeat('A', 250), repeat('R', 200), repeat('T<', 60));
SELECT * FROM odd WHERE id = repeat('x<b>', 100);
COMMIT;
\c - postgres
SELECT csec.flush_audit();
-- a document with many accesses over two months, as charts and tables must bear it
CREATE TABLE busy (doc jsonb);
GRANT SELECT ON busy TO auditor;
\c - auditor
SELECT csec.customer_record_json('customers', '42') AS doc \gset
\c - postgres
INSERT INTO busy
	WITH many AS (
		SELECT jsonb_agg(jsonb_build_object('at', timestamptz '2026-03-01 08:00Z' + n * n % 86000 * interval '1 minute' / 2, 'person', (ARRAY['李娜 (E1001)', '王伟 (E1002)', 'Zhang Min (E1104)', 'batch', 'a very long name of somebody (E1205)'])[1 + n * n % 5],
			'login', 'clerk', 'client', '10.1.2.' || n % 200 || ':51234', 'application', 'crm', 'reason', (ARRAY['delivery', 'refund', 'complaint'])[1 + n % 3], 'ticket', 'T-' || n, 'relation', 'public.customers', 'statement', 'SELECT',
			'revealed', CASE WHEN n % 4 = 0 THEN '["name", "phone", "id_no"]' WHEN n % 4 = 1 THEN '["name", "phone"]' ELSE '[]' END::jsonb,
			'masked', CASE WHEN n % 4 = 1 THEN '["id_no"]' WHEN n % 4 = 2 THEN '["name", "phone", "email"]' ELSE '[]' END::jsonb,
			'redacted', '[]'::jsonb, 'other', '["id"]'::jsonb, 'exactness', 'delivered', 'outcome', 'ok', 'seq', n) ORDER BY n) AS rows
		FROM generate_series(1, 700) n)
	SELECT jsonb_set(jsonb_set(doc, '{charts}', csec.access_charts(many.rows)), ARRAY['parts', p.n::text, 'rows'], many.rows)
	FROM many, (SELECT :'doc'::jsonb AS doc) d, LATERAL (SELECT n - 1 AS n FROM jsonb_array_elements(doc -> 'parts') WITH ORDINALITY u (part, n) WHERE part ->> 'name' = 'access_records') p;
