-- Who reads, why, under which ticket; and what needs a reason.
\set VERBOSITY terse
CREATE ROLE regress_context_manager LOGIN;
CREATE ROLE regress_context_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
INSERT INTO cust VALUES (1, '13812345678', '11010519491231002X');
GRANT SELECT ON cust TO PUBLIC;
SELECT csec.set_clearance('regress_context_manager', level => 'core');

-- core needs a reason; one notice in a session
\c - regress_context_manager
SELECT phone, id_no FROM cust;
SELECT phone, id_no FROM cust;
SELECT category, shown, why FROM csec.why_masked WHERE category IN ('bank_card', 'id_card') ORDER BY 1;
BEGIN;
SELECT csec.set_context('wang', 'complaint', 'T-17');
SELECT id_no FROM cust;
SELECT * FROM csec.current_context();
COMMIT;
SELECT id_no FROM cust;
SELECT * FROM csec.current_context();

-- by SET LOCAL, which a rollback takes back
BEGIN;
SET LOCAL csec.actor = 'wang';
SET LOCAL csec.reason = 'complaint';
SELECT id_no FROM cust;
ROLLBACK;
SELECT id_no FROM cust;

-- A.13: what outlives the transaction does not serve core
SET csec.reason = 'left on a pooled connection';
SELECT phone, id_no FROM cust;
SELECT reason, reason_source FROM csec.current_context();
BEGIN;
SET csec.reason = 'session-wide within a transaction';
SELECT id_no FROM cust;
ROLLBACK;
BEGIN;
SET LOCAL csec.reason = 'of the transaction';
SELECT id_no FROM cust;
SELECT reason, reason_source FROM csec.current_context();
COMMIT;
RESET csec.reason;
\c - postgres
ALTER ROLE regress_context_manager SET csec.reason = 'standing order';
\c - regress_context_manager
SELECT id_no FROM cust;
SELECT reason, reason_source FROM csec.current_context();
\c - postgres
ALTER ROLE regress_context_manager RESET csec.reason;
CREATE FUNCTION fixed_reason() RETURNS text LANGUAGE sql SET csec.reason = 'fixed'
	AS 'SELECT id_no::text FROM public.cust';
CREATE FUNCTION states_reason() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT (SELECT id_no::text FROM public.cust);
	PERFORM csec.set_context('wang', 'stated inside');
	RETURN NEXT (SELECT id_no::text FROM public.cust);
END
$$;
CREATE FUNCTION sets_reason() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT (SELECT id_no::text FROM public.cust);
	SET LOCAL csec.reason = 'set inside';
	RETURN NEXT (SELECT id_no::text FROM public.cust);
END
$$;
\c - regress_context_manager
SELECT fixed_reason();
SELECT * FROM states_reason();
SELECT * FROM sets_reason();

-- the first value of a transaction stands
BEGIN;
SELECT csec.set_context('wang', 'complaint', 'T-17');
SELECT csec.set_context('boss', 'because');
SELECT * FROM csec.current_context();
SET LOCAL csec.actor = 'boss';
SELECT actor, reason, ticket FROM csec.current_context();
COMMIT;
BEGIN;
SET LOCAL csec.actor = 'wang';
SET LOCAL csec.actor = 'boss';
SELECT actor FROM csec.current_context();
ROLLBACK;
-- over a session's value, the transaction's own
SET csec.actor = 'app';
BEGIN;
SELECT actor FROM csec.current_context();
SELECT csec.set_context('wang');
SELECT actor FROM csec.current_context();
COMMIT;
SELECT actor FROM csec.current_context();
-- a savepoint rolled back takes back the setting, not what stands
BEGIN;
SAVEPOINT s;
SELECT csec.set_context('wang', 'complaint');
ROLLBACK TO s;
SHOW csec.reason;
SELECT actor, reason FROM csec.current_context();
SELECT csec.set_context('boss', 'because');
SELECT actor, reason FROM csec.current_context();
COMMIT;

-- taken back: for the session, and for the rest of the transaction
BEGIN;
SELECT csec.set_context('wang', 'complaint', 'T-17');
SELECT id_no FROM cust;
SELECT csec.clear_context();
SELECT id_no FROM cust;
SELECT actor, reason FROM csec.current_context();
SELECT csec.set_context('wang', 'complaint', 'T-17');
SELECT id_no FROM cust;
COMMIT;
SELECT actor FROM csec.current_context();
BEGIN;
SELECT csec.set_context('wang', 'complaint', 'T-17');
SELECT id_no FROM cust;
COMMIT;

-- nulls leave what stands; nothing stated is nothing in force
BEGIN;
SELECT csec.set_context(reason => 'complaint');
SELECT csec.set_context(ticket => 'T-17');
SELECT actor, reason, ticket FROM csec.current_context();
COMMIT;
BEGIN;
SELECT csec.set_context('', '', '');
SELECT id_no FROM cust;
COMMIT;
-- nor are blanks, also of two columns' width; a reason may still come after them
BEGIN;
SELECT csec.set_context(' ', '  ', ' ');
SELECT id_no FROM cust;
SET LOCAL csec.reason = '　 ';
SELECT id_no FROM cust;
SELECT actor, reason, ticket FROM csec.current_context();
SELECT csec.set_context('wang', 'complaint');
SELECT id_no FROM cust;
COMMIT;

-- a prepared statement, a cursor, a READ ONLY transaction
PREPARE p AS SELECT id_no FROM cust;
EXECUTE p;
BEGIN READ ONLY;
SELECT csec.set_context('wang', 'complaint');
EXECUTE p;
DECLARE c CURSOR FOR SELECT id_no FROM cust UNION ALL SELECT id_no FROM cust;
FETCH 1 FROM c;
SELECT csec.clear_context();
FETCH 1 FROM c;
COMMIT;
EXECUTE p;

-- default reasons: recorded, never for core; the nearest role's
\c - postgres
SELECT csec.set_default_reason('regress_context_manager', 'daily business');
\c - regress_context_manager
SELECT phone, id_no FROM cust;
SELECT reason, reason_source FROM csec.current_context();
\c - postgres
SELECT csec.set_default_reason('regress_context_manager', NULL);
SELECT csec.set_default_reason('regress_context_clerk', 'calls');
GRANT regress_context_clerk TO regress_context_manager;
\c - regress_context_manager
SELECT reason, reason_source FROM csec.current_context();
SELECT csec.set_default_reason('regress_context_manager', 'mine');

-- B.10: claims are one short line
SET csec.reason = E'a\nb';
SET csec.actor = E'\u009b31m';
SELECT csec.set_context(E'\x01');
SELECT csec.set_context(repeat('x', 257));
SELECT csec.set_context(repeat('x', 256));
BEGIN;
SELECT csec.set_context('王"; DROP TABLE cust; --''', '<b>&amp;');
SELECT actor, reason FROM csec.current_context();
COMMIT;

\c - postgres
SELECT csec.set_default_reason('regress_context_clerk', '');
SELECT csec.set_default_reason('regress_context_clerk', ' ');
SELECT csec.set_default_reason('regress_context_clerk', E'a\tb');
SELECT csec.set_default_reason('regress_context_clerk', NULL);
SELECT csec.revoke_clearance('regress_context_manager', level => 'core');
DROP FUNCTION fixed_reason, states_reason, sets_reason;
DROP TABLE cust;
DROP ROLE regress_context_manager, regress_context_clerk;
