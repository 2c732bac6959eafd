-- Were this to fail, a role or a reason that comes in the midst of a read would show in clear what the trail tells as masks: B.7, B.4, A.13.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(20);
CREATE ROLE regress_b7_low;
CREATE ROLE regress_b7_clerk;
CREATE ROLE regress_b7_duo LOGIN NOINHERIT IN ROLE regress_b7_low, regress_b7_clerk;
SELECT csec.set_clearance('regress_b7_clerk', level => 'important');
GRANT SELECT ON cust TO regress_b7_low, regress_b7_clerk, regress_b7_duo;
CREATE FUNCTION become(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('role', $1, false); END $$;
CREATE FUNCTION show(cust) RETURNS text LANGUAGE plpgsql SET role = 'regress_b7_clerk' AS $$ BEGIN RETURN $1.phone; END $$;
CREATE FUNCTION look(int8) RETURNS text LANGUAGE plpgsql SET role = 'regress_b7_clerk' AS $$ BEGIN RETURN (SELECT phone FROM cust WHERE id = $1); END $$;
SELECT trail.mute();
\c - regress_b7_duo

-- Within one statement.
SELECT id, phone, CASE id WHEN 2 THEN become('regress_b7_clerk') WHEN 4 THEN become('none') END FROM cust WHERE id < 6;
SELECT show(c) FROM cust c WHERE id = 6;
-- what a function reads itself is a read of that role
SELECT look(7);
DO $$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM cust WHERE id = 8;
	SET LOCAL ROLE regress_b7_clerk;
	RAISE NOTICE '% before, as masks', r.phone;
	SELECT * INTO r FROM cust WHERE id = 9;
	RAISE NOTICE '% after, in the same statement', r.phone;
END $$;
DO $$
DECLARE
	c CURSOR FOR SELECT * FROM cust WHERE id > 9;
	r record;
BEGIN
	OPEN c;
	FETCH c INTO r;
	SET LOCAL ROLE regress_b7_clerk;
	FETCH c INTO r;
	RAISE NOTICE '%', r.phone;
	RESET ROLE;
	FETCH c INTO r;
	RAISE NOTICE '%', r.phone;
END $$;
-- over the end of a transaction, which keeps the cursor
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM cust WHERE id < 3 LOOP
		SET ROLE regress_b7_clerk;
		COMMIT;
		RAISE NOTICE '%', r.phone;
	END LOOP;
	RESET ROLE;
END $$;
\c - :dba
SELECT * FROM trail.seen();

-- A cursor: what its plan read for an earlier FETCH, and what it reads now.
\c - regress_b7_duo
BEGIN;
DECLARE sorted CURSOR FOR SELECT phone FROM cust WHERE id < 5 ORDER BY bal;
DECLARE plain CURSOR FOR SELECT phone FROM cust WHERE id BETWEEN 5 AND 8;
FETCH 1 FROM sorted;
FETCH 1 FROM plain;
SET LOCAL ROLE regress_b7_clerk;
FETCH 1 FROM sorted;
FETCH 1 FROM plain;
SELECT phone FROM cust WHERE id = 9;
FETCH 1 FROM sorted;
COMMIT;
\c - :dba
SELECT * FROM trail.seen();

-- One that keeps its rows, read by FETCH and by a function.
\c - regress_b7_duo
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, phone FROM cust WHERE id < 5;
COMMIT;
SET ROLE regress_b7_clerk;
SELECT phone FROM cust WHERE id = 10;
FETCH 1 FROM held;
DO $$
DECLARE
	c refcursor := 'held';
	r record;
BEGIN
	FETCH RELATIVE 0 FROM c INTO r;
	RAISE NOTICE '%', r.phone;
	FETCH c INTO r;
	RAISE NOTICE '%', r.phone;
END $$;
-- where they went nobody knows, as long as it is open
SELECT phone FROM cust WHERE id = 11;
CLOSE held;
SELECT phone FROM cust WHERE id = 12;
RESET ROLE;
\c - :dba
SELECT * FROM trail.seen();

-- Filled in clear it shows masks to who sees masks.
\c - regress_b7_duo
SET ROLE regress_b7_clerk;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, phone FROM cust WHERE id < 5;
COMMIT;
FETCH 1 FROM held;
SET ROLE regress_b7_low;
FETCH 1 FROM held;
SET ROLE regress_b7_clerk;
FETCH 1 FROM held;
\c - :dba
SELECT * FROM trail.seen();

-- A reason that is stated in the midst.
CREATE TABLE vip (id int8 PRIMARY KEY, id_no csec.id_card);
INSERT INTO vip SELECT i, '11010119900307' || i FROM generate_series(1001, 1004) i;
SELECT csec.protect('vip', 'id', '{"id_no": "id_card"}');
GRANT SELECT ON vip TO regress_b7_duo;
SELECT csec.set_clearance('regress_b7_duo', level => 'core');
SELECT trail.mute();
\c - regress_b7_duo
SELECT id, id_no, CASE id WHEN 1002 THEN csec.set_context('duo', 'call', 'T-1') END FROM vip WHERE id < 1004;
SELECT csec.set_context('duo', 'call', 'T-1')\; SELECT id, id_no FROM vip WHERE id = 1004;
\c - :dba
SELECT * FROM trail.seen();

SELECT csec.revoke_clearance('regress_b7_clerk', level => 'important');
SELECT csec.revoke_clearance('regress_b7_duo', level => 'core');
DROP OWNED BY regress_b7_low, regress_b7_clerk, regress_b7_duo;
DROP ROLE regress_b7_duo, regress_b7_low, regress_b7_clerk;
