-- Were this to fail, nobody could know before masks are on whom they will
-- meet, or observing would go on unseen.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_observe_app LOGIN;
CREATE ROLE regress_observe_clerk LOGIN;
SELECT current_user AS admin \gset
CREATE TABLE customers (id int PRIMARY KEY, name text, phone varchar(20), id_no text);
INSERT INTO customers SELECT g, '张三', '138' || lpad(g::text, 8, '0'), '11010119900307' || lpad(g::text, 4, '0') FROM generate_series(1, 100) g;
GRANT SELECT, UPDATE ON customers TO regress_observe_app, regress_observe_clerk;
SELECT csec.set_clearance('regress_observe_clerk', level => 'core');
SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone", "id_no": "id_card"}', enforce => false);
SELECT tab, fields, observe_until - since AS days, expired FROM csec.observed_tables;
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
SELECT csec.protect('customers', subject => 'id');
-- nothing is masked
\c - regress_observe_app
SELECT * FROM customers WHERE id = 1;
UPDATE customers SET name = upper(name) WHERE id_no LIKE '%0005';
\c - regress_observe_clerk
SELECT phone FROM customers WHERE id < 3;
SELECT id_no FROM customers WHERE id = 3;
BEGIN;
SELECT csec.set_context(reason => 'call 17');
SELECT id_no FROM customers WHERE id = 4;
COMMIT;
SELECT csec.readers('customers');
\c - :admin
SET client_min_messages = warning;
SELECT csec.flush_audit();
SELECT login, reader, field, category, statements, reads, rows, without_reason, would_see
	FROM csec.readers('customers') ORDER BY reader, field;
SELECT csec.readers('pg_class');
UPDATE csec.protected_table SET observe_until = now() - interval '1 day';
SELECT tab, expired FROM csec.observed_tables;

SELECT csec.enforce('customers');
SELECT count(*) FROM csec.observed_tables;
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
SELECT enforce, observe_until IS NULL AS unlimited, protected_at < now() AS kept FROM csec.protected_table;
SELECT csec.enforce('customers');
SELECT csec.enforce('pg_class');
SELECT * FROM customers WHERE id = 1;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'customers'::regclass ORDER BY 1;
SELECT csec.unprotect('customers', 'test');
\d customers

-- a table made with csec's types needs no rewrite, and keeps its categories
CREATE TABLE made (id int PRIMARY KEY, phone csec.phone, mail csec.masked(email), note text);
INSERT INTO made VALUES (1, '13800000001', 'a@b.cn', 'x');
SELECT csec.protect('made', subject => 'id', fields => '{"phone": "email"}');
SELECT kind, object, what FROM csec.plan_protect('made', subject => 'id', fields => '{"phone": "phone"}');
SELECT csec.protect('made', subject => 'id', fields => '{"phone": "phone"}');
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
SELECT csec.unprotect('made', 'test');
SELECT * FROM made;
DROP OWNED BY regress_observe_app, regress_observe_clerk;
DROP ROLE regress_observe_app, regress_observe_clerk;
