-- Reads that only repeat one on record.  Wrong if one that differs in anything
-- were told as a repeat, if a number were lost or told twice, or if a field
-- above general, a guess or a strict read had no record of its own.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_coalesce_clerk LOGIN;
CREATE ROLE regress_coalesce_other LOGIN IN ROLE csec_admin;
GRANT csec_loader TO CURRENT_USER;
CREATE TABLE cust (id int PRIMARY KEY, city text, phone text, zip text);
INSERT INTO cust SELECT g, 'c' || g % 10, '138000' || lpad(g::text, 5, '0'), lpad(g::text, 6, '0') FROM generate_series(1, 200) g;
INSERT INTO csec.category (name, level, mask) VALUES ('zip', 'general', 'first_last');
CREATE DOMAIN zip AS csec.masked(zip);
SELECT csec.protect('cust', 'id', '{"phone": "phone", "zip": "zip"}');
GRANT SELECT, UPDATE ON cust TO regress_coalesce_clerk;
-- a session tells what it counted as it ends, which is after its client has left
CREATE FUNCTION clerk_is_gone() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	WHILE EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'regress_coalesce_clerk') LOOP
		PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
	END LOOP;
END
$$;

-- who may, and what
SELECT csec.set_coalescing('cust', '2 hours');
SELECT csec.set_coalescing('cust', '10 milliseconds');
SELECT csec.set_coalescing('pg_class', '1 minute');
\c - regress_coalesce_other
SELECT csec.set_coalescing('cust', '1 minute');
\c - regress_coalesce_clerk
SELECT csec.set_coalescing('cust', '1 minute');
\c - postgres
SELECT csec.set_coalescing('cust', '60 minutes');
SELECT csec.set_coalescing('cust', '1 hour');
SELECT csec.flush_audit();
SELECT object, detail FROM csec.control_records WHERE action = 'set coalescing';

-- each line: how often it is read, and what differs
\c - regress_coalesce_clerk
SET application_name = 'plain';				SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT city FROM cust WHERE id = 42 \g /dev/null
PREPARE one AS SELECT city FROM cust WHERE id = $1;
EXECUTE one (42) \g /dev/null
SET application_name = 'another customer';	EXECUTE one (43) \g /dev/null
SET application_name = 'general field';		SELECT zip FROM cust WHERE id = 42 \g /dev/null
SELECT zip FROM cust WHERE id = 42 \g /dev/null
SET application_name = 'important field';	SELECT phone FROM cust WHERE id = 42 \g /dev/null
SELECT phone FROM cust WHERE id = 42 \g /dev/null
SET application_name = 'guesses';			SELECT city FROM cust WHERE zip = '000042' \g /dev/null
SELECT city FROM cust WHERE zip = '000042' \g /dev/null
SELECT city FROM cust WHERE zip = '999999' \g /dev/null
SELECT city FROM cust WHERE zip = '999998' \g /dev/null
SET application_name = 'reasons';			SET csec.reason = 'a';
SELECT city FROM cust WHERE id = 42 \g /dev/null
SET csec.reason = 'b';						SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT city FROM cust WHERE id = 42 \g /dev/null
RESET csec.reason;
SET application_name = 'fails';				SELECT 1 / (id - 42), city FROM cust WHERE id = 42 \g /dev/null
SELECT 1 / (id - 42), city FROM cust WHERE id = 42 \g /dev/null
SET application_name = 'rolled back';		BEGIN; EXECUTE one (42) \g /dev/null
EXECUTE one (42) \g /dev/null
ROLLBACK;
SET application_name = 'cursor';			BEGIN; DECLARE c CURSOR FOR SELECT city FROM cust WHERE id < 5;
FETCH 1 FROM c \g /dev/null
FETCH 1 FROM c \g /dev/null
COMMIT;
SET application_name = 'copy';				COPY (SELECT city FROM cust WHERE id = 42) TO STDOUT \g /dev/null
COPY (SELECT city FROM cust WHERE id = 42) TO STDOUT \g /dev/null
SET application_name = 'change';			UPDATE cust SET city = 'x' WHERE id = 42;
UPDATE cust SET city = 'x' WHERE id = 42;
SET application_name = 'many';
DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM city FROM cust WHERE id = i; END LOOP; END $$;
DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM city FROM cust WHERE id = i; END LOOP; END $$;
SET application_name = 'places';
-- more of them than a session waits for
\o /dev/null
\set ECHO none
SELECT format('SELECT city FROM cust WHERE id = %s', g / 2) FROM generate_series(2, 161) g \gexec
SELECT format('SELECT city FROM cust WHERE id = %s', g) FROM generate_series(1, 80) g \gexec
\set ECHO all
\o
-- the session ends: what it counted is told
\c - postgres
SELECT clerk_is_gone();
SELECT csec.flush_audit();
SELECT application, count(*) FILTER (WHERE repeats IS NULL) AS reads, array_agg(repeats ORDER BY seq) FILTER (WHERE repeats IS NOT NULL) AS repeats,
		count(repeats_within) AS may_stand_for_more, string_agg(DISTINCT array_to_string(masked, ','), ' ') AS masked,
		bool_and(repeats IS NULL OR repeated_since <= repeated_until AND repeated_until <= at) AS in_order
	FROM csec.access_records WHERE login = 'regress_coalesce_clerk' AND application <> 'places'
	GROUP BY application ORDER BY min(seq);
SELECT sum(coalesce(repeats, 1)) AS reads, count(*) < 240 AS fewer_records FROM csec.access_records WHERE application = 'places';
SELECT application, repeats, revealed, other, repeats_within FROM csec.who_saw('cust', '42') WHERE application = 'plain';
SELECT rows, repeats FROM csec.what_did('regress_coalesce_clerk') WHERE application = 'plain' ORDER BY seq;
SELECT field, reads, rows FROM csec.readers('cust') WHERE application = 'general field';

-- after its time a read is a record again
SELECT csec.set_coalescing('cust', '1 second');
\c - regress_coalesce_clerk
SET application_name = 'over time';
SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT pg_sleep(1.1);
-- the first statement after it tells the number, whatever it is
SELECT 1;
SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT pg_sleep(1.1);
\c - postgres
SELECT clerk_is_gone();
SELECT csec.flush_audit();
SELECT count(*) FILTER (WHERE repeats IS NULL) >= 2 AS recorded, sum(coalesce(repeats, 1)) AS reads FROM csec.access_records WHERE application = 'over time';

-- strict: none
SELECT csec.apply('{"tables": {"public.cust": {"subject": "id", "fields": {"phone": "phone", "zip": "zip"}, "audit": "strict", "repeats_within": "00:05:00"}}}');
SELECT csec.policy_document() #>> '{tables,public.cust,repeats_within}';
\c - regress_coalesce_clerk
SET application_name = 'strict';
SELECT city FROM cust WHERE id = 42 \g /dev/null
SELECT city FROM cust WHERE id = 42 \g /dev/null
\c - postgres
SELECT clerk_is_gone();
SELECT csec.set_coalescing('cust', NULL);
SELECT csec.flush_audit();
SELECT count(*), count(repeats), count(repeats_within) FROM csec.access_records WHERE application = 'strict';
SELECT verified, problem FROM csec.verify_trail();
REVOKE csec_loader FROM CURRENT_USER;
