-- A.6: how many values a reader without clearance may try.
\set VERBOSITY terse
CREATE ROLE regress_probe_low LOGIN;
CREATE ROLE regress_probe_other LOGIN;
CREATE ROLE regress_probe_clerk LOGIN;
CREATE ROLE regress_probe_both LOGIN IN ROLE regress_probe_low, regress_probe_clerk;
CREATE ROLE regress_probe_loader LOGIN IN ROLE csec_loader;
INSERT INTO csec.category (name, level, mask, search) VALUES ('regress_none', 'important', 'all', 'none');
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, note csec.masked(regress_none), email csec.email);
CREATE INDEX ON cust (phone);
GRANT SELECT, INSERT, DELETE ON cust TO PUBLIC;
SELECT csec.set_clearance('regress_probe_clerk', level => 'important');

-- who loads data is limited, but for members of csec_loader
INSERT INTO cust (id, phone) SELECT g, (13800000000 + g)::text FROM generate_series(1, 100) g;
\c - regress_probe_loader
INSERT INTO cust SELECT g, (13800000000 + g)::text, 'note ' || g, 'user' || g || '@example.com'
	FROM generate_series(1, 100) g;

-- values that he knows can be looked up, up to the limit in a statement
\c - regress_probe_low
SHOW csec.probe_limit;
SELECT id, phone FROM cust WHERE phone = '13800000042';
SELECT count(*) FROM cust WHERE phone IN ('13800000001', '13800000002', '13800000003');
DO $$
DECLARE
	n int;
	list text;
BEGIN
	SELECT string_agg(quote_literal(13800000000 + g), ',') INTO list FROM generate_series(1, 20) g;
	EXECUTE 'SELECT count(*) FROM public.cust WHERE phone IN (' || list || ')' INTO n;
	RAISE NOTICE 'an IN list of 20 finds %', n;
END
$$;
DO $$
DECLARE
	n int;
	list text;
BEGIN
	SELECT string_agg(quote_literal(13800000000 + g), ',') INTO list FROM generate_series(1, 21) g;
	EXECUTE 'SELECT count(*) FROM public.cust WHERE phone IN (' || list || ')' INTO n;
	RAISE NOTICE 'an IN list of 21 finds %', n;
END
$$;
-- the same value again and again is one
SELECT count(*) FROM cust, generate_series(1, 1000) g WHERE phone = '13800000042';
-- a loop in one statement is one statement
DO $$
DECLARE
	hits int := 0;
BEGIN
	FOR i IN 1..100 LOOP
		IF EXISTS (SELECT FROM public.cust WHERE phone = (13800000000 + i)::text) THEN
			hits := hits + 1;
		END IF;
	END LOOP;
	RAISE NOTICE 'hits: %', hits;
END
$$;
-- what another role tried before in the same statement, who sees it in clear, was not tried by him
\c - regress_probe_both
CREATE FUNCTION pg_temp.try(n int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', 'regress_probe_clerk', true);
	PERFORM FROM public.cust WHERE id = 1 AND phone = (13800000000 + n)::text;
	PERFORM set_config('role', 'regress_probe_low', true);
	RETURN EXISTS (SELECT FROM public.cust WHERE id = 1 AND phone = (13800000000 + n)::text);
END
$$;
SELECT count(*) FILTER (WHERE pg_temp.try(n)) FROM generate_series(1, 20) n;
SELECT count(*) FILTER (WHERE pg_temp.try(n)) FROM generate_series(1, 21) n;
RESET ROLE;
\c - regress_probe_low
-- his own rows
CREATE TEMP TABLE guess AS SELECT (13800000000 + g)::text AS phone FROM generate_series(1, 10000) g;
SELECT count(*) FROM cust JOIN guess ON cust.phone = guess.phone;
SET enable_hashjoin = off;
SELECT count(*) FROM cust JOIN guess ON cust.phone = guess.phone;
RESET enable_hashjoin;
SELECT count(*) FROM cust WHERE phone = ANY (ARRAY(SELECT phone FROM guess));
SELECT count(*) FROM cust WHERE phone IN (SELECT (13800000000 + g)::text FROM generate_series(1, 10000) g);
SELECT count(*) FROM (SELECT phone FROM cust INTERSECT SELECT phone::csec.phone FROM guess) s;
-- hash support by name, or as an operator of his own: hashes could be compared
-- at leisure
SELECT csec.masked_hash(phone) FROM cust LIMIT 1;
CREATE FUNCTION pg_temp.make() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE OPERATOR pg_temp.### (RIGHTARG = csec.masked, FUNCTION = csec.masked_hash);
END
$$;
SELECT pg_temp.make();
SELECT OPERATOR(pg_temp.###) phone FROM cust LIMIT 1;
-- a category with search = none: not even one
SELECT count(*) FROM cust WHERE note = 'note 1';

-- the cleared are not limited
\c - regress_probe_clerk
SELECT count(*) FROM cust WHERE phone IN (SELECT (13800000000 + g)::text FROM generate_series(1, 10000) g);
SELECT count(*) FROM cust WHERE note = 'note 1';

-- by the hour, over statements and sessions, for each reader and category
\c - postgres
SET csec.probe_quota = 0;
SELECT id FROM cust WHERE phone = '13800000042';
ALTER ROLE regress_probe_other SET csec.probe_quota = 5;
\c - regress_probe_other
SELECT count(*) FROM cust WHERE phone IN ('1', '2', '3', '4');
\c - regress_probe_other
SELECT count(*) FROM cust WHERE phone = '5';
SELECT count(*) FROM cust WHERE phone = '6';
SELECT count(*) FROM cust WHERE email = 'user6@example.com';
-- he cannot raise it
SET csec.probe_quota = 1000;
SET csec.probe_limit = 1000;
\c - regress_probe_low
SELECT count(*) FROM cust WHERE phone = '6';

\c - postgres
DROP TABLE cust;
SELECT csec.revoke_clearance('regress_probe_clerk', level => 'important');
DROP OWNED BY regress_probe_low, regress_probe_both;
DROP ROLE regress_probe_both, regress_probe_low, regress_probe_other, regress_probe_clerk, regress_probe_loader;
