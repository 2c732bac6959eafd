\c - dba
--hidden
CREATE ROLE clerk LOGIN;
--hidden
CREATE ROLE colleague LOGIN;
--hidden
CREATE ROLE manager LOGIN;
--hidden
GRANT SELECT, UPDATE ON customers TO clerk, colleague, manager;
-- # 1. An ordinary table
-- Ten thousand customers. Who may read the table reads everything, and nobody knows who did.

--expect 戴斌.*17650215925.*110108198101157903
SELECT name, phone, id_no, balance FROM customers WHERE id = 42;

-- # 2. One call protects it
-- Nothing changes in the application. Each field gets a category, each category has a level.

CREATE EXTENSION csec CASCADE;
SELECT csec.protect('customers', subject => 'id', fields => '{
  "name": "person_name", "phone": "phone", "email": "email", "address": "address",
  "birth_date": "birth_date", "notes": "free_text",
  "id_no": "id_card", "bank_card": "bank_card"}');
SELECT csec.set_data_owner('customers', 'manager');

--hidden
CREATE ROLE officer LOGIN IN ROLE csec_officer;
--hidden
CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
--hidden
SELECT csec.register_person('E1001', '李娜', '客服部', '坐席'), csec.register_person('E1002', '王伟', '客服部', '主管'), csec.register_person('E1003', '赵国波', '市场部'), csec.register_person('E1004', '陈洁', '安全部'), csec.register_person('E1005', '周敏', '审计部');
--hidden
SELECT csec.assign_login('E1001', 'clerk'), csec.assign_login('E1002', 'manager'), csec.assign_login('E1003', 'colleague'), csec.assign_login('E1004', 'officer'), csec.assign_login('E1005', 'auditor'), csec.set_own_customer('E1003', 'customers', '33');
--hidden
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO clerk;
--hidden
INSERT INTO csec.match_permit (relid, fields) VALUES ('customers', '{name,phone}');
--hidden
UPDATE csec.alert_rule SET enabled = false WHERE kind IN ('off_hours', 'policy_change');
\c - officer
--hidden
INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('customers', '8', 'vip');
\c - colleague
--hidden
SELECT csec.request_access('customers', '{name,phone}', 'autumn campaign', max_rows => 500, lasting => '7 days');
\c - manager
--hidden
SELECT csec.approve_request(1, 'the campaign is mine');

\c - clerk
-- # 3. A clerk takes a call
-- She sees masks. The caller says that he is customer 42: she need not see his data to know.

--expect 戴\*.*176\*{4}5925.*110\*{13}03
--never 戴斌|17650215925|110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
--expect ^ f
SELECT csec.match_customer('customers', '42',
  '{"name": "戴斌", "id_no": {"last": "7904"}}');
--expect ^ t
SELECT csec.match_customer('customers', '42',
  '{"name": "戴斌", "id_no": {"last": "7903"}}');

-- It is he. For ten minutes she sees his name and phone, and may do what he called for.

--expect 戴斌.*17650215925.*110\*{13}03
--never 110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
UPDATE customers SET phone = '17650210042' WHERE id = 42;

-- # 4. She needs the ID number, and asks for it
-- It is core data: the owner of the data has to agree, and the security officer. Not she herself.

--expect ^ +3$
SELECT csec.request_access('customers', '{id_no}', purpose => 'refund', ticket => 'T-1001',
  subjects => '{42}', max_rows => 5, lasting => '10 seconds') AS request;
--error 42501
--expect ^ERROR:  nobody decides on a request of his own
SELECT csec.approve_request(3);
\c - manager
--expect submitted
SELECT csec.approve_request(3, 'our customer');
\c - officer
--expect active
SELECT csec.approve_request(3, 'T-1001 is open');

\c - clerk
-- Now there is a permit: for this customer, five rows, ten seconds. What she rolls back was seen.

BEGIN;
--expect 110108198101157903
SELECT id_no FROM customers WHERE id = 42;
ROLLBACK;
--hidden
SELECT pg_sleep_until(valid_until) FROM csec.access_requests WHERE id = 3;

-- Ten seconds later:

--expect 110\*{13}03
--never 110108198101157903
SELECT id_no FROM customers WHERE id = 42;
--expect expired .*refund
SELECT state, fields, subjects, purpose FROM csec.access_requests WHERE id = 3;

\c - colleague
-- # 5. A colleague is curious
-- He has a permit, too: names and phones, for a campaign. He looks up his neighbour, a star, himself.

--expect 王海林.*\d{11}
SELECT name, phone FROM customers WHERE id = 14;
--expect 诸葛健鹏.*\d{11}
SELECT name, phone FROM customers WHERE id = 8;
--expect 赵\*.*\*{4}
SELECT name, phone FROM customers WHERE id = 33;

-- And he takes along whom he can get, a few at a time.

BEGIN;
DECLARE everybody CURSOR FOR
  SELECT id, name, phone FROM customers WHERE id >= 41 ORDER BY id;
--expect 戴斌.*17650210042
FETCH 2 FROM everybody;

\c - officer
-- # 6. Alert, incident, suspension
-- Seconds after the look at the star there is an alert. It becomes an incident.

--hidden
DO $$ BEGIN FOR i IN 1 .. 300 LOOP EXIT WHEN (SELECT count(*) = 2 FROM csec.alert WHERE login = 'colleague'); PERFORM pg_sleep(0.1); END LOOP; END $$;
--expect own_record .*major .*33
--expect watched .*major .*8
SELECT kind, severity, person, subject, state FROM csec.alert
WHERE login = 'colleague' ORDER BY kind;
--expect ^ +1$
SELECT csec.incident_of_alert(id, 'Curiosity about a star') AS incident
FROM csec.alert WHERE kind = 'watched';
SELECT csec.set_person_state('E1003', 'suspended', 'incident 1');

\c - colleague
-- His cursor is still open:

--expect ^ +43 .*\*{4}
--never \d{11}
FETCH 2 FROM everybody;
--hidden
COMMIT;

-- Masks leave four digits open. He tries all ten thousand, and asks for another permit.

--error 53400
--expect ^ERROR:  too many values tried
--never 17650210042
SELECT phone FROM customers WHERE phone IN
  (SELECT '176' || lpad(n::text, 4, '0') || '0042' FROM generate_series(0, 9999) n);
--error 42501
--expect ^ERROR:  a person who is suspended
SELECT csec.request_access('customers', '{phone}', 'I go on', lasting => '1 day');

\c - officer
-- Whom did he see, in clear or masked? The trail knows; the digest is the same on every run.

--hidden
SELECT csec.flush_audit();
--hidden
SELECT csec.triage_incident(1, 'E1004');
--expect important +\| revealed .*\{name,phone\} .* 4\b
--expect important +\| masked .*\{name,phone\} .* 3\b
SELECT level, shown, fields, customers, left(digest, 16) AS digest
FROM csec.scope_incident(person => 'E1003', from_time => now() - interval '1 hour',
  to_time => now());
--hidden
SELECT csec.add_scope(1, person => 'E1003', from_time => now() - interval '1 hour', to_time => now());

\c - dba
-- # 7. The DBA is a superuser
-- He sees masks, too. Turning into the clerk does not help him.

SET ROLE clerk;
--expect 戴\*.*176\*{4}0042.*110\*{13}03
--never 戴斌|17650210042|110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
--hidden
RESET ROLE;

-- Or he takes the files. The masked phone is in them; the ID number, which is core, is not:
-- it is encrypted, under a key that is not in the data folder.

--hidden
CHECKPOINT;
--expect ^ t +\| f
SELECT file LIKE '%1765021%' AS phone_found, file LIKE '%11010819%' AS id_no_found
FROM encode(pg_read_binary_file(pg_relation_filepath('customers')), 'escape') file;

\c - auditor
-- # 8. The auditor asks
-- Who saw customer 42, why, by which permit? And what did they see in clear?

--hidden
SELECT csec.flush_audit();
--expect clerk .*matched .*\{name,phone\}
--expect clerk .*refund .*T-1001 .*\{id_no\}
--expect colleague .*autumn campaign .*\{name,phone\}
--expect dba .*\{\}
SELECT at::time(0), login, permit, reason, ticket, revealed AS in_clear
FROM csec.access_records('customers', '42');

-- What was changed? Who reads the trail learns no phone number from it.

--expect clerk .*UPDATE .*phone .*176\*{4}5925 .*176\*{4}0042 .*committed
--never 17650215925|17650210042
SELECT at::time(0), login, op, column_name, old_value, new_value, outcome
FROM csec.history('customers', '42');

-- All that is known of customer 42 goes onto one page: what is stored of him, who saw it, what
-- changed, which measures hold, which nobody can vouch for, which incidents concern him.

--page customer-42.html
SELECT csec.customer_record_html('customers', '42');

\c - dba
-- # 9. Customer 42 wants to be forgotten
-- In this table each customer has a key of his own. It takes two persons to destroy one.

CREATE TABLE insured (id int PRIMARY KEY, name text, illness text);
INSERT INTO insured VALUES (41, '王芳', 'asthma'), (42, '戴斌', 'diabetes');
SELECT csec.protect('insured', subject => 'id', subject_keys => true, fields => '{
  "name": "person_name", "illness": "health"}');
--hidden
CREATE ROLE second_officer LOGIN IN ROLE csec_officer;
--hidden
SELECT csec.set_clearance('manager', level => 'core');
--hidden
GRANT SELECT ON insured TO manager;
\c - officer
SELECT csec.destroy_subject_key('insured', '42', reason => 'erasure, request 7');
--error 42501
--expect ^ERROR:  request 1 must be approved by somebody else
SELECT csec.approve_destruction(1);
\c - second_officer
SELECT csec.approve_destruction(1);

\c - manager
-- Nobody can read him any more, here, in the trail, or in a backup. Everybody else is as before.

BEGIN;
--hidden
SELECT csec.set_context(actor => 'wang.wei', reason => 'review', ticket => 'T-1004');
--expect 41 .*王芳.*asthma
--expect 42 .*\*{3} .*\*{3}
--never 戴斌|diabetes
SELECT id, name, illness FROM insured ORDER BY id;
COMMIT;

\c - auditor
--hidden
SELECT csec.flush_audit();

-- The trail is linked over what is encrypted: it verifies without his key.

--expect ^ t +\|
SELECT verified, records, bad_seq, problem FROM csec.verify_trail();

\c - dba
-- # 10. The DBA does the colleague a favour
-- A superuser can edit any table, the trail as well. From now on it was the clerk who looked.

UPDATE csec_trail.audit_log SET login = 'clerk'
WHERE seq = (SELECT min(seq) FROM csec_trail.audit_log WHERE login = 'colleague' AND kind = 2)
RETURNING seq;

\c - auditor
-- The next verification names the record, and what is wrong with it.

--expect ^ f .*column login is not what the record says
SELECT verified, bad_seq, problem, detail FROM csec.verify_trail();

-- # That was all
-- Masks, permits, alerts, and who saw whom: one call, and no change to the application.
-- The record of customer 42 is still there, to be opened in a browser or printed:
--where
-- This server is gone now. README.md says how to install csec into a database of yours.
