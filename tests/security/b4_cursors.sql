-- Were this to fail, what is fetched from a cursor would be recorded late, not at all, or as more than it was: B.4.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(40);
SELECT trail.mute();

-- Held beyond its transaction, a cursor has read all when that ends.
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, phone FROM cust WHERE id < 6;
FETCH 1 FROM held;
SELECT * FROM trail.seen();
COMMIT;
SELECT * FROM trail.seen();
FETCH ALL FROM held;
CLOSE held;
SELECT * FROM trail.seen();
-- ... and none of it where it is dropped before.
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, phone FROM cust WHERE id < 6;
FETCH 2 FROM held;
ROLLBACK;
SELECT * FROM trail.seen();

-- A part is fetched, moved over, gone back to, left: each FETCH its own.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, phone FROM cust ORDER BY id;
FETCH 2 FROM c;
MOVE 3 FROM c;
FETCH ABSOLUTE 10 FROM c;
FETCH PRIOR FROM c;
FETCH 0 FROM c;
CLOSE c;
DECLARE d CURSOR FOR SELECT id, phone FROM cust WHERE id > 20;
FETCH 0 FROM d;
FETCH 2 FROM d;
SAVEPOINT s;
FETCH 2 FROM d;
ROLLBACK TO s;
FETCH 1 FROM d;
ROLLBACK;
SELECT * FROM trail.seen();
DO $$ DECLARE c CURSOR FOR SELECT id, phone FROM cust WHERE id BETWEEN 30 AND 39; r record;
BEGIN OPEN c; FETCH c INTO r; MOVE FORWARD 2 FROM c; FETCH c INTO r; CLOSE c; END $$;
SELECT * FROM trail.seen();

-- Through a cursor: WHERE CURRENT OF, a refcursor, a function that is left half way.
BEGIN;
DECLARE c CURSOR FOR SELECT id, phone FROM cust WHERE id > 10 FOR UPDATE;
FETCH 1 FROM c;
UPDATE cust SET bal = 0 WHERE CURRENT OF c;
COMMIT;
CREATE FUNCTION gives() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE c refcursor := 'given'; BEGIN OPEN c FOR SELECT id, phone FROM cust WHERE id BETWEEN 12 AND 15; RETURN c; END $$;
BEGIN;
SELECT gives();
FETCH 2 FROM given;
COMMIT;
CREATE FUNCTION all_of_them() RETURNS SETOF cust LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM cust ORDER BY id OFFSET 0 $$;
SELECT id FROM all_of_them() LIMIT 1;
SELECT all_of_them() LIMIT 1;
SELECT * FROM trail.seen();
