-- Match without reveal: one answer for all claims together.
SET client_min_messages = warning;
CREATE TABLE cust (id int PRIMARY KEY, name text NOT NULL, phone text, id_no text, opened date);
INSERT INTO cust VALUES
	(1, 'Zhang Wei', '13812345678', '11010519491231002X', '2020-01-02'),
	(2, '欧阳娜娜', '13900001111', '330105198703043471', NULL);
CREATE TABLE orders (no int PRIMARY KEY, cust int, amount numeric(10, 2), placed_at timestamptz);
INSERT INTO orders VALUES (1, 1, 10.00, '2026-01-01'), (2, 1, 128.50, '2026-02-01'), (3, 2, 7, '2026-01-01');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
SELECT csec.protect('orders', 'cust', subject_of => 'cust');
CREATE ROLE regress_match_clerk LOGIN;
ALTER ROLE regress_match_clerk SET csec.match_failures = 6;
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO regress_match_clerk;

\c - regress_match_clerk
-- the clerk may not read the table at all, and need not
SELECT name FROM cust;
-- blanks, case and full-width digits make no difference, zeros behind the point neither
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "id_no": {"last": "002x"}, "orders.amount": {"is": "128.5", "newest_by": "placed_at"}}');
SELECT csec.match_customer('cust', '2', '{"name": "欧阳 娜娜", "phone": "１３９００００１１１１"}');
SELECT csec.match_customer('cust', '1', '{"phone": 13812345678, "opened": "2020-01-02"}');
-- one that is not so is no match, whichever it is
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "id_no": {"last": "0021"}}');
SELECT csec.match_customer('cust', '1', '{"name": "zhang", "id_no": {"last": "002X"}}');
-- a null is no match; a customer that is not there neither
SELECT csec.match_customer('cust', '2', '{"name": "欧阳娜娜", "opened": "2020-01-02"}');
SELECT csec.match_customer('cust', '99', '{"name": "zhang wei", "phone": "1"}');
-- what is not understood is an error and does not count
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei"}');
SELECT csec.match_customer('cust', '1', '[1, 2]');
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "id_no": {"last": "02X"}}');
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "nothing": "1"}');
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "orders.amount": "128.5"}');
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "pg_class.relname": "x"}');
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone\" OR true --": "x"}');
SELECT csec.match_customer('orders', '1', '{"amount": 1, "no": 1}');
SELECT csec.match_customer('pg_class', '1', '{"amount": 1, "no": 1}');
-- a rollback gives no guess back
BEGIN;
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "2"}');
ROLLBACK;
SELECT csec.match_customer('cust', '1 OR true', '{"name": "zhang wei", "phone": "1"}');
\set VERBOSITY sqlstate
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "3"}');
-- locked, even for what is so; a new session and another actor do not help
\c -
\set VERBOSITY sqlstate
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
-- the comparing functions are closed
SELECT csec.match_value('x'::text, 'x', false);
\set VERBOSITY default
\c - postgres
SELECT csec.match_value(name, 'x', false) FROM cust;
-- somebody else is not locked; the customer never is
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
-- on record: the columns and the answer, not the claims
SELECT csec.flush_audit();
SELECT login, object, detail FROM csec.control_records WHERE action = 'match' ORDER BY seq;
SELECT count(*) FROM csec_trail.audit_log WHERE position('zhang wei'::bytea IN record) > 0;
SELECT login, denied FROM csec.denials WHERE denied = 'match locked';
SELECT csec.unprotect_all('test');
DROP TABLE orders, cust;
DROP OWNED BY regress_match_clerk;
DROP ROLE regress_match_clerk;
