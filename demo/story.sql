\c - dba
--hidden
CREATE ROLE clerk LOGIN;
--hidden
CREATE ROLE manager LOGIN;
--hidden
CREATE ROLE colleague LOGIN;
--hidden
GRANT SELECT, UPDATE ON customers TO clerk, manager, colleague;
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

-- Clerks may see what is important (names, phones), managers also what is core (ID cards).

SELECT csec.set_clearance('clerk', level => 'important');
SELECT csec.set_clearance('manager', level => 'core');
--hidden
CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
--hidden
SELECT csec.register_person('E1001', '李娜', '客服部', '坐席'), csec.register_person('E1002', '王伟', '客服部', '主管'), csec.register_person('E1003', '赵强', '市场部');
--hidden
SELECT csec.assign_login('E1001', 'clerk'), csec.assign_login('E1002', 'manager'), csec.assign_login('E1003', 'colleague');
--hidden
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO clerk;

\c - clerk
-- # 3. The clerk does her work
-- The application says for whom and why. She sees the phone, but only a mask of the ID number.

BEGIN;
SELECT csec.set_context(actor => 'li.na', reason => 'delivery', ticket => 'T-1001');
--expect 戴斌.*17650215925.*110\*{13}03
--never 110108198101157903
SELECT name, phone, id_no, balance FROM customers WHERE id = 42;
UPDATE customers SET phone = '17650210042' WHERE id = 42;
COMMIT;

-- A look-up by phone number works as before, and uses the index if there is one.

--expect 38.*戴芳伟
SELECT id, name FROM customers WHERE phone = '13674762974';

-- A caller says that he is customer 42. She need not see his ID number to know.

--expect ^ t
SELECT csec.match_customer('customers', '42',
  '{"name": "戴斌", "id_no": {"last": "7903"}}');
--expect ^ f
SELECT csec.match_customer('customers', '42',
  '{"name": "戴斌", "id_no": {"last": "7904"}}');

\c - manager
-- # 4. The manager may see core data, if he says why
-- Without a reason it is masked for him as well.

--expect NOTICE.*no reason
--expect 戴斌.*17650210042.*110\*{13}03
--never 110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
BEGIN;
SELECT csec.set_context(actor => 'wang.wei', reason => 'refund', ticket => 'T-1002');
--expect 戴斌.*17650210042.*110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
COMMIT;

\c - colleague
-- # 5. A colleague is only curious
-- He may read the table, but nobody gave him a clearance.

--expect 戴\*.*176\*{4}0042.*110\*{13}03
--never 戴斌|17650210042|110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
--expect ^ +800 \|
SELECT count(*), sum(balance) FROM customers WHERE id BETWEEN 100 AND 899;

-- He may look up a number that he knows. So he tries all ten thousand that the mask leaves open:

--error 53400
--expect ^ERROR:  too many values tried
--never 17650210042
SELECT phone FROM customers WHERE phone IN
  (SELECT '176' || lpad(n::text, 4, '0') || '0042' FROM generate_series(0, 9999) n);

\c - dba
-- # 6. The DBA is a superuser
-- He sees masks, too. Turning into the manager does not help him.

--expect 戴\*.*176\*{4}0042.*110\*{13}03
--never 戴斌|17650210042|110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;
SET ROLE manager;
--expect 戴\*.*176\*{4}0042.*110\*{13}03
--never 戴斌|17650210042|110108198101157903
SELECT name, phone, id_no FROM customers WHERE id = 42;

-- Or he takes the files. The masked phone is in them; the ID number, which is core, is not:
-- it is encrypted, under a key that is not in the data folder.

--hidden
RESET ROLE;
--hidden
CHECKPOINT;
--expect ^ t +\| f
SELECT file LIKE '%1765021%' AS phone_found, file LIKE '%11010819%' AS id_no_found
FROM encode(pg_read_binary_file(pg_relation_filepath('customers')), 'escape') file;
\c - auditor
-- # 7. The auditor asks
-- Who saw customer 42, when and why? And what did they see in clear?

--hidden
SELECT csec.flush_audit();
--expect clerk .*li\.na .*delivery .*T-1001 .*\{name,phone\}
--expect manager .*wang\.wei .*refund .*T-1002 .*\{name,phone,id_no\}
--expect colleague .*\{\}
--expect dba .*\{\}
SELECT at::time(0), login, actor, reason, ticket, revealed AS in_clear
FROM csec.who_saw('customers', '42');

-- Whom did the clerk see?

--expect SELECT .*\{42\}
--expect SELECT .*\{38\}
SELECT at::time(0), statement, actor, ARRAY(SELECT csec.subjects_of(seq)) AS customer
FROM csec.what_did(role => 'clerk') WHERE kind = 'read';

-- And the colleague? "Scanned" customers were counted or compared, not shown.

--expect read .*SELECT .* 1 .* delivered
--expect read .*SELECT .* 800 .* scanned
--expect denial .*probe limit
SELECT at::time(0), kind, statement, rows, subjects, exactness, status
FROM csec.what_did(role => 'colleague');

-- What happened to customer 42? Who reads the trail learns no phone number from it.

--expect clerk .*UPDATE .*phone .*176\*{4}5925 .*176\*{4}0042 .*committed
--never 17650215925|17650210042
SELECT at::time(0), login, actor, op, column_name, old_value, new_value, outcome
FROM csec.history('customers', '42');

-- Is the trail as it was written?

--expect ^ t +\|
SELECT verified, records, bad_seq, problem FROM csec.verify_trail();

-- All that is known of customer 42 goes onto one page: what is stored of him, who saw it, what
-- changed, which measures hold, and which nobody can vouch for.

--expect fail +\| +[1-9]
--expect pass +\| +[1-9]
--expect unknown +\| +[1-9]
SELECT state, count(*) FROM csec.security_measures('customers')
GROUP BY state ORDER BY state;
--page customer-42.html
SELECT csec.customer_record_html('customers', '42');

\c - dba
-- # 8. Customer 42 wants to be forgotten
-- In this table each customer has a key of his own. It needs one word more.

CREATE TABLE insured (id int PRIMARY KEY, name text, phone text, illness text, fee numeric);
INSERT INTO insured VALUES (41, '王芳', '13812340041', 'asthma', 120),
  (42, '戴斌', '17650210042', 'diabetes', 180);
SELECT csec.protect('insured', subject => 'id', subject_keys => true, fields => '{
  "name": "person_name", "phone": "phone", "illness": "health"}');
--hidden
GRANT SELECT, UPDATE ON insured TO manager;
--hidden
CREATE ROLE officer LOGIN IN ROLE csec_officer;
--hidden
CREATE ROLE second_officer LOGIN IN ROLE csec_officer;
\c - manager
BEGIN;
SELECT csec.set_context(actor => 'wang.wei', reason => 'new fee', ticket => 'T-1003');
UPDATE insured SET illness = 'diabetes, type 2', fee = 200 WHERE id = 42;
--expect 42 .*戴斌.*17650210042.*diabetes, type 2
SELECT id, name, phone, illness FROM insured ORDER BY id;
COMMIT;

\c - officer
-- Destroying a key takes two persons. The first one asks.

SELECT csec.destroy_subject_key('insured', '42', reason => 'erasure, request 7');
--error 42501
--expect ^ERROR:  request 1 must be approved by somebody else
SELECT csec.approve_destruction(1);

\c - second_officer
SELECT csec.approve_destruction(1);

\c - manager
-- Nobody can read him any more. Everybody else is as before.

BEGIN;
SELECT csec.set_context(actor => 'wang.wei', reason => 'review', ticket => 'T-1004');
--expect 41 .*王芳.*13812340041.*asthma
--expect 42 .*\*{3} .*\*{3} .*\*{3}
--never 戴斌|17650210042|diabetes
SELECT id, name, phone, illness FROM insured ORDER BY id;
COMMIT;

\c - auditor
-- The trail says still that something was changed, when and by whom, and not what.

--hidden
SELECT csec.flush_audit();
--expect manager .*UPDATE .*illness .*\*{3} .*\*{3}
--expect manager .*UPDATE .*fee .*\*{3} .*\*{3}
--never diabetes|180|200
SELECT at::time(0), login, op, column_name, old_value, new_value
FROM csec.history('insured', '42');

-- Its records are linked over what is encrypted, so they verify without the key.

--expect ^ t +\|
SELECT verified, bad_seq, problem FROM csec.verify_trail();

-- A backup of before, restored, does not bring him back: that he is gone is noted elsewhere.

\c - dba
-- # 9. The DBA does the colleague a favour
-- A superuser can edit any table, the trail as well. From now on it was the clerk who looked.

UPDATE csec_trail.audit_log SET login = 'clerk'
WHERE seq = (SELECT min(seq) FROM csec_trail.audit_log WHERE login = 'colleague')
RETURNING seq;

\c - auditor
-- The next verification names the record, and what is wrong with it.

--expect ^ f .*column login is not what the record says
SELECT verified, bad_seq, problem, detail FROM csec.verify_trail();

-- # That was all
-- Masks, encryption, and who saw whom: one call, and no change to the application.
-- The record of customer 42 is still there, to be opened in a browser or printed:
--where
-- This server is gone now. README.md says how to install csec into a database of yours.
