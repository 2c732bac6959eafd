-- Were this to fail, who reads through somebody else's function, view, default or policy would leave no trace: B.1.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(10);
CREATE ROLE regress_b1_low LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO regress_b1_low;
SELECT * FROM trail.seen();

-- In a definer's function, whatever the language, the reader is who called.
CREATE FUNCTION by_sql(int8) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT phone::text FROM cust WHERE id = $1 $$;
CREATE FUNCTION by_atomic(int8) RETURNS text SECURITY DEFINER BEGIN ATOMIC SELECT phone::text FROM cust WHERE id = $1; END;
CREATE FUNCTION by_plpgsql(int8) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT phone FROM cust WHERE id = $1); END $$;
CREATE FUNCTION by_execute(int8) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE r record; BEGIN EXECUTE 'SELECT * FROM cust WHERE id = $1' INTO r USING $1; RETURN r.phone; END $$;
CREATE FUNCTION by_loop(int8, int8) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE n int := 0; i int8; BEGIN FOR i IN SELECT id FROM cust WHERE id BETWEEN $1 AND $2 LOOP n := n + 1; END LOOP; RETURN n; END $$;
CREATE FUNCTION nested(int8) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN by_plpgsql($1) || by_sql($1 + 1); END $$;
CREATE FUNCTION by_set() RETURNS SETOF cust LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM cust WHERE id < 4 $$;
SELECT trail.mute();
\c - regress_b1_low
SELECT by_sql(1), by_atomic(2), by_plpgsql(3), by_execute(4), by_loop(5, 6);
\c - :dba
SELECT * FROM trail.seen();
SET ROLE regress_b1_low;
SELECT nested(7);
SELECT count(*) FROM by_set();
RESET ROLE;
SELECT * FROM trail.seen();

-- Called for each row of another query it is one record, with all of them.
SELECT count(by_plpgsql(i)) FROM generate_series(2, 9) i;
SELECT * FROM trail.seen();

-- From a view, a default, a check, a trigger, a row security policy, a
-- generated column's neighbour: wherever it is called from.
CREATE VIEW seen_by_view AS SELECT phone::text AS phone FROM cust WHERE id = 1;
CREATE VIEW over_view WITH (security_barrier) AS SELECT * FROM seen_by_view;
CREATE VIEW through_function AS SELECT by_sql(2) AS phone;
GRANT SELECT ON seen_by_view, over_view, through_function TO regress_b1_low;
CREATE TABLE mine (id int, phone text DEFAULT by_sql(3), CHECK (by_sql(4) IS NOT NULL));
GRANT ALL ON mine TO regress_b1_low;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NEW.id := (SELECT bal FROM cust WHERE id = 5); RETURN NEW; END $$;
CREATE TRIGGER fired BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION fired();
CREATE POLICY rows ON mine USING ((SELECT phone IS NOT NULL FROM cust WHERE cust.id = 6));
SELECT trail.mute();
SET ROLE regress_b1_low;
SELECT * FROM seen_by_view;
SELECT * FROM over_view;
SELECT * FROM through_function;
-- (it stores a mask: refused, unless that is meant)
INSERT INTO mine DEFAULT VALUES;
SET csec.allow_masked_dml = on;
INSERT INTO mine DEFAULT VALUES;
RESET csec.allow_masked_dml;
RESET ROLE;
SELECT * FROM trail.seen();
ALTER TABLE mine ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT ON cust TO regress_b1_low;
SET ROLE regress_b1_low;
SELECT * FROM mine;
RESET ROLE;
SELECT * FROM trail.seen();

-- In DO, CALL, a trigger function's RAISE, an index expression's function.
DO $$ BEGIN PERFORM * FROM cust WHERE id = 1; END $$;
CREATE PROCEDURE looks(int8) LANGUAGE plpgsql AS $$ BEGIN PERFORM phone FROM cust WHERE id = $1; COMMIT; PERFORM phone FROM cust WHERE id = $1 + 1; END $$;
CALL looks(2);
CREATE FUNCTION claims_immutable(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM phone FROM public.cust WHERE id = 4; RETURN $1; END $$;
CREATE INDEX ON mine (claims_immutable(id));
SELECT * FROM trail.seen();
-- Folded at planning, it has read as well.
EXPLAIN (COSTS OFF) SELECT claims_immutable(1);
SELECT * FROM trail.seen();

DROP OWNED BY regress_b1_low;
DROP ROLE regress_b1_low;
