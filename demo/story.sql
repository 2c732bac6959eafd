\c - postgres
-- # 1. An ordinary shop
-- Ten thousand customers, in a table like any other. Whoever may read it
-- reads everything, and nobody will ever know who did.

SELECT name, phone, id_no, balance FROM customers WHERE id = 42;

-- # 2. One call protects it
-- No change to the application, none to its SQL.

CREATE EXTENSION csec CASCADE;
SELECT csec.protect('customers', subject => 'id', fields => '{
  "name": "person_name", "phone": "phone", "email": "email", "address": "address",
  "id_no": "id_card", "bank_card": "bank_card", "birth_date": "birth_date", "notes": "free_text"}');

-- Who may see what in clear. Levels: general, important, core.

CREATE ROLE li LOGIN;      -- clerk
CREATE ROLE wang LOGIN;    -- manager
CREATE ROLE zhang LOGIN;   -- a colleague
CREATE ROLE chen LOGIN IN ROLE csec_auditor;
GRANT SELECT, UPDATE ON customers TO li, wang, zhang;
SELECT csec.set_clearance('li', level => 'important');
SELECT csec.set_clearance('wang', level => 'core');

\c - li
-- # 3. Li, a clerk, does her work
-- She may see what is important, and not what is core: the ID number.

BEGIN;
SELECT csec.set_context(reason => 'delivery complaint', ticket => 'T-1001');
SELECT name, phone, id_no, balance FROM customers WHERE id = 42;
UPDATE customers SET phone = '17650210042' WHERE id = 42;
COMMIT;

\c - wang
-- # 4. Wang, the manager, is cleared for core data
-- Without a reason even he sees a mask; with one he sees the number.

SELECT name, phone, id_no FROM customers WHERE id = 42;
BEGIN;
SELECT csec.set_context(reason => 'refund over 5000', ticket => 'T-1002');
SELECT name, phone, id_no FROM customers WHERE id = 42;
COMMIT;

\c - zhang
-- # 5. Zhang is only curious
-- He may read the table, and has no clearance.

SELECT name, phone, id_no, balance FROM customers WHERE id = 42;
SELECT count(*), sum(balance) FROM customers WHERE id BETWEEN 100 AND 899;

-- The mask shows seven of eleven digits. He tries the other ten thousand.

--! 54000
SELECT id FROM customers
WHERE phone IN (SELECT '176' || lpad(n::text, 4, '0') || '0042' FROM generate_series(0, 9999) n);

\c - postgres
-- # 6. The DBA is a superuser
-- He sees masks as well. Becoming the manager by his attribute confers nothing.

SELECT name, phone, id_no FROM customers WHERE id = 42;
SET ROLE wang;
SELECT name, phone, id_no FROM customers WHERE id = 42;
RESET ROLE;

\c - chen
-- # 7. Chen, the auditor, asks
-- Who saw customer 42, when and why?

SELECT csec.flush_audit();
SELECT to_char(at, 'HH24:MI:SS') AS at, login, reason, ticket, exactness
FROM csec.who_saw('customers', '42') ORDER BY at;

-- Which customers did Zhang look at?

SELECT to_char(at, 'HH24:MI:SS') AS at, statement, rows, subjects, exactness
FROM csec.what_did(role => 'zhang') ORDER BY at;

-- What happened to customer 42?

SELECT to_char(at, 'HH24:MI:SS') AS at, login, statement, changes, outcome
FROM csec.history('customers', '42') ORDER BY at;

-- Is the trail as it was written?

SELECT * FROM csec.verify_trail();

\c - postgres
-- # 8. The DBA owes Zhang a favour
-- A superuser can edit any row. So he does: it was Li who looked.

SET session_replication_role = replica;
UPDATE csec_trail.audit_log SET login = 'li'
WHERE seq = (SELECT max(seq) FROM csec_trail.audit_log WHERE login = 'zhang' AND kind = 2);

\c - chen
-- The next verification names the record, and what is wrong with it.

SELECT * FROM csec.verify_trail();

-- # That was all
-- Masks and the trail came with one call. This server is gone now; README.md
-- says how to install csec into a database of yours.
