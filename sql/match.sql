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
-- each claim is compared, whatever became of the others: so time does not tell which one was not so
SET track_functions = 'all';
CREATE FUNCTION compared() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(pg_stat_get_xact_function_calls(oid))::bigint FROM pg_proc WHERE proname = 'match_value' $$;
BEGIN;
SELECT csec.match_customer('cust', '1', '{"name": "x", "phone": "13812345678", "id_no": {"last": "002x"}}'), compared();
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678", "id_no": {"last": "0021"}}'), compared();
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678", "id_no": {"last": "002x"}}'), compared();
ROLLBACK;
RESET track_functions;
-- what is no number is no match, not an error that tells of a value; and who the customer is counts for no claim
CREATE ROLE regress_match_two LOGIN;
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO regress_match_two;
\c - regress_match_two
\set VERBOSITY terse
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "orders.amount": {"is": "1.2.8.5", "newest_by": "placed_at"}}');
SELECT csec.match_customer('cust', '1', jsonb_build_object('name', 'zhang wei', 'orders.amount', jsonb_build_object('is', repeat('9', 200000), 'newest_by', 'placed_at')));
SELECT csec.match_customer('cust', '1', '{"id": 1, "phone": "13812345678"}');
SELECT csec.match_customer('cust', '1', '{"phone": "13812345678", "cust.phone": {"is": "13812345678", "newest_by": "id"}}');
-- another claimed actor each time gives no guesses
BEGIN;
SET LOCAL csec.actor = 'one';
SELECT csec.match_customer('cust', '1', '{"name": "a", "phone": "1"}');
SET LOCAL csec.actor = 'two';
COMMIT;
BEGIN;
SET LOCAL csec.actor = 'two';
SELECT csec.match_customer('cust', '1', '{"name": "a", "phone": "1"}'), csec.match_customer('cust', '1', '{"name": "a", "phone": "2"}');
COMMIT;
BEGIN;
SET LOCAL csec.actor = 'three';
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
ROLLBACK;
-- two logins of one person are one
\c - postgres
SET client_min_messages = warning;
CREATE ROLE regress_match_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_match_her LOGIN;
CREATE ROLE regress_match_hers LOGIN;
CREATE ROLE regress_match_pool LOGIN;
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO regress_match_her, regress_match_hers, regress_match_pool;
\c - regress_match_admin
SELECT csec.register_person('m1', 'Li Na'), csec.assign_login('m1', 'regress_match_her'), csec.assign_login('m1', 'regress_match_hers');
SELECT csec.set_pool_role('regress_match_pool', 'test');
\c - regress_match_her
SELECT csec.match_customer('cust', '1', jsonb_build_object('name', 'a', 'phone', n::text)) FROM generate_series(1, 3) n;
\c - regress_match_hers
SELECT csec.match_customer('cust', '1', jsonb_build_object('name', 'a', 'phone', n::text)) FROM generate_series(1, 2) n;
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
\c - regress_match_her
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
-- in a pool each actor is one, and who goes on trying while locked out locks nobody else
\c - regress_match_pool
BEGIN;
SET LOCAL csec.actor = 'one';
DO $$
BEGIN
	FOR n IN 1 .. 150 LOOP
		BEGIN
			IF csec.match_customer('cust', '1', jsonb_build_object('name', 'a', 'phone', n::text)) IS NOT false THEN
				RAISE EXCEPTION 'matched';
			END IF;
		EXCEPTION WHEN configuration_limit_exceeded THEN
			RAISE EXCEPTION 'locked after % claims', n - 1 USING ERRCODE = 'P0001' ;
		END;
	END LOOP;
END $$;
ROLLBACK;
BEGIN;
SET LOCAL csec.actor = 'one';
DO $$
BEGIN
	FOR n IN 1 .. 150 LOOP
		BEGIN
			PERFORM csec.match_customer('cust', '1', jsonb_build_object('name', 'a', 'phone', n::text));
			RAISE EXCEPTION 'not locked';
		EXCEPTION WHEN configuration_limit_exceeded THEN
			NULL;
		END;
	END LOOP;
END $$;
ROLLBACK;
BEGIN;
SET LOCAL csec.actor = 'two';
SELECT csec.match_customer('cust', '1', '{"name": "zhang wei", "phone": "13812345678"}');
ROLLBACK;
\c - postgres
\set VERBOSITY default
-- on record: the columns and the answer, not the claims
SELECT csec.flush_audit();
SELECT login, object, detail FROM csec.control_records WHERE action = 'match' AND login IN ('regress_match_clerk', 'postgres') ORDER BY seq;
SELECT count(*) FROM csec_trail.audit_log WHERE position('zhang wei'::bytea IN record) > 0;
SELECT login, denied, count(*) FROM csec.denials WHERE denied = 'match locked' GROUP BY 1, 2 ORDER BY 1;
SELECT csec.unprotect_all('test');
DROP TABLE orders, cust;
DROP FUNCTION compared;
DROP OWNED BY regress_match_clerk, regress_match_two, regress_match_her, regress_match_hers, regress_match_pool;
DROP ROLE regress_match_clerk, regress_match_two, regress_match_her, regress_match_hers, regress_match_pool, regress_match_admin;
