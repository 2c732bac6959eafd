-- Were this to fail, somebody who saw a customer would not be named, or
-- somebody who did not would be.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_who_clerk LOGIN;
GRANT csec_loader TO CURRENT_USER;
CREATE TABLE cust (id int8 PRIMARY KEY, v text);
CREATE TABLE orders (no serial PRIMARY KEY, cust_id int, what text);
CREATE TABLE by_text (code text PRIMARY KEY, v text);
CREATE TABLE by_uuid (id uuid PRIMARY KEY, v text);
CREATE TABLE by_pair (country text, no int, v text, PRIMARY KEY (country, no));
CREATE TABLE no_subject (v text);
CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
INSERT INTO cust SELECT g, 'v' FROM generate_series(-5, 400) g;
INSERT INTO cust VALUES (9223372036854775807, 'max'), (-9223372036854775808, 'min');
INSERT INTO orders (cust_id, what) VALUES (42, 'tea'), (43, 'ink');
INSERT INTO by_text SELECT 'c' || g, 'v' FROM generate_series(1, 200) g;
INSERT INTO by_text VALUES ('42', 'a number in a text'), ('O''Neil, 小明\', 'odd');
INSERT INTO by_uuid VALUES ('00000000-0000-0000-0000-00000000002a', 'v');
INSERT INTO by_pair VALUES ('DE', 1, 'v'), ('DE', 2, 'v'), ('a,b\c', 3, 'v');
INSERT INTO no_subject VALUES ('v');
INSERT INTO parted SELECT g, 'v' FROM generate_series(1, 150) g;
SELECT csec.protect('cust', 'id');
SELECT csec.protect('orders', 'cust_id', subject_of => 'cust');
SELECT csec.protect('by_text', 'code');
SELECT csec.protect('by_uuid', 'id');
SELECT csec.protect('by_pair', ARRAY['country', 'no']);
-- csec.protect wants a subject; a table may have lost it
INSERT INTO csec.protected_table (relid) VALUES ('no_subject');
SELECT csec.protect('parted', 'id');
GRANT SELECT, UPDATE ON cust, orders, by_text, by_uuid, by_pair, no_subject, parted, parted_1 TO regress_who_clerk;

-- what each read is called here is its application_name
\c - regress_who_clerk
SET application_name = 'one';			SELECT v FROM cust WHERE id = 42;
SET application_name = 'few';			SELECT count(v) FROM cust WHERE id IN (40, 42, 44, 200);
SET application_name = 'range of few';	SELECT count(v) FROM cust WHERE id BETWEEN 30 AND 50;
SET application_name = 'many';			SELECT count(v) FROM cust WHERE id BETWEEN 20 AND 300 AND id <> 43;
SET application_name = 'negative';		SELECT v FROM cust WHERE id = -3;
SET application_name = 'extremes';		SELECT v FROM cust WHERE id IN (9223372036854775807, -9223372036854775808) ORDER BY v;
SET application_name = 'other';			SELECT v FROM cust WHERE id = 43;
SET application_name = 'order';			SELECT what FROM orders WHERE no = 1;
SET application_name = 'text';			SELECT v FROM by_text WHERE code = 'c7';
SET application_name = 'texts';			SELECT count(v) FROM by_text WHERE code LIKE 'c%';
SET application_name = 'digits';		SELECT v FROM by_text WHERE code = '42';
SET application_name = 'odd';			SELECT v FROM by_text WHERE code = 'O''Neil, 小明\';
SET application_name = 'uuid';			SELECT v FROM by_uuid;
SET application_name = 'pair';			SELECT v FROM by_pair WHERE no = 2;
SET application_name = 'odd pair';		SELECT v FROM by_pair WHERE no = 3;
SET application_name = 'nobody';		SELECT v FROM no_subject;
SET application_name = 'parent';		SELECT v FROM parted WHERE id = 42;
SET application_name = 'partition';		SELECT v FROM parted_1 WHERE id = 42;
SET application_name = 'rolled back';	BEGIN; SELECT v FROM cust WHERE id = 42; ROLLBACK;
SET application_name = 'locked';		SELECT v FROM cust WHERE id = 42 FOR UPDATE;
SET application_name = 'changed';		UPDATE cust SET v = 'w' WHERE id = 42 RETURNING v;

\c - postgres
SELECT csec.flush_audit();
CREATE FUNCTION by(tab regclass, subject text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(format('%s: %s', application, exactness), '; ' ORDER BY seq) FROM csec.who_saw(tab, subject) WHERE login = 'regress_who_clerk' $$;
SELECT by('cust', '42');
SELECT by('cust', '0042') = by('cust', '42') AS same;
SELECT by('cust', '43');
SELECT by('cust', '21');
SELECT by('cust', '300'), by('cust', '301');
SELECT by('cust', '-3'), by('cust', '9223372036854775807') AS max, by('cust', '-9223372036854775808') AS min;
SELECT by('cust', '9223372036854775808') AS too_large, by('cust', 'c7') AS text, by('cust', '') AS empty, by('cust', '-') AS minus;
SELECT by('orders', '42'), by('orders', '43');
SELECT by('by_text', 'c7'), by('by_text', 'c8'), by('by_text', 'c'), by('by_text', '42') AS digits, by('by_text', '042') AS others;
SELECT by('by_text', 'O''Neil, 小明\');
SELECT by('by_uuid', '00000000-0000-0000-0000-00000000002a');
SELECT by('by_pair', csec.subject_key('DE', '2')), by('by_pair', csec.subject_key('DE', '1')), by('by_pair', csec.subject_key('a,b\c', '3'));
SELECT by('no_subject', 'anybody');
SELECT by('parted', '42'), by('parted_1', '42'), by('parted', '43');
-- one row tells it all
SELECT relation, statement, reader, client, status, strict, other FROM csec.who_saw('cust', '42') WHERE application = 'one';
-- keys of several columns, there and back
SELECT key, csec.subject_parts(key) FROM (VALUES (csec.subject_key('a', 'b')), (csec.subject_key('a,b\', '', ',')), (csec.subject_key('x'))) v (key);
-- time
SELECT count(*) FROM csec.who_saw('cust', '-3', now() - interval '1 hour', now());
SELECT count(*) FROM csec.who_saw('cust', '-3', from_time => now());
SELECT count(*) FROM csec.who_saw('cust', '-3', to_time => now() - interval '1 hour');
-- a time that ends before it begins: not nobody, but no answer
SELECT count(*) FROM csec.who_saw('cust', '-3', now(), now() - interval '1 hour');
SELECT count(*) FROM csec.history('cust', '-3', now(), now() - interval '1 hour');
SELECT count(*) FROM csec.what_did('regress_who_clerk', 'infinity', now());
-- nobody in particular
SELECT * FROM csec.who_saw('cust', NULL);
SELECT * FROM csec.who_saw(NULL, '42');

-- every branch has an index
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
SET enable_seqscan = off;
SELECT i AS index, bool_or(p ~ i) AS used, bool_or(p ~ 'Seq Scan') AS scans
FROM plan_of('SELECT * FROM csec.records_about(ARRAY[''cust''::regclass::oid], csec.subject_keys(''42''))') p,
	unnest(ARRAY['audit_log_.*_relid_subject_idx', 'audit_subject_.*_relid_subject_idx', 'audit_log_.*_seq_idx', 'audit_log_.*_relid_seq_idx']) i
GROUP BY i ORDER BY i COLLATE "C";
-- keys and tables are worked out once, however many months the trail has
SET track_functions = 'all';
BEGIN;
SELECT count(csec.add_trail_partitions(now() - m * interval '1 month')) AS months FROM generate_series(1, 12) m;
SELECT count(*) > 0 AS seen FROM csec.who_saw('cust', '42');
SELECT count(*) >= 0 AS history FROM csec.history('cust', '42');
SELECT count(*) > 0 AS exported FROM csec.records_to_export('cust', '42', NULL, NULL, NULL, NULL, NULL);
SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE schemaname = 'csec' AND funcname IN ('subject_tables', 'keys_of_names') ORDER BY 1;
ROLLBACK;
RESET track_functions;
SELECT bool_or(p ~ '_subjects_idx') AS used, bool_or(p ~ 'Seq Scan') AS scans
FROM plan_of('SELECT FROM csec.trail() WHERE subjects IS NOT NULL AND NOT lower_inf(subjects) AND subjects @> 42::int8') p;
RESET enable_seqscan;
SELECT count(*) > 0 AS large, bool_and(subjects @> 42::int8 = csec.record_has_subject(record, '42')) AS agree
FROM csec.trail() WHERE relid = 'cust'::regclass AND subjects IS NOT NULL;
-- a key that only has the same digest is not the same
SELECT csec.subject_keys('c7') = ARRAY[('x' || left(encode(digest('c7', 'sha256'), 'hex'), 16))::bit(64)::int8] AS digest, csec.subject_keys('-7')::int8[] @> ARRAY[-7::int8] AS number;
GRANT csec_admin TO current_user;
SET session_replication_role = replica;
INSERT INTO csec_trail.audit_log (seq, at, subject, relid, kind, login, record, hash)
	SELECT seq + 100000, at, (csec.subject_keys('other'))[1], relid, kind, login, record, hash
	FROM csec_trail.audit_log WHERE relid = 'by_text'::regclass AND subject = (csec.subject_keys('c7'))[1];
RESET session_replication_role;
REVOKE csec_admin FROM current_user;
SELECT by('by_text', 'other');
DELETE FROM csec_trail.audit_log WHERE seq > 100000;

-- what somebody did
SELECT kind, acted_as, relation, statement, rows, subjects, exactness, outcome FROM csec.what_did('regress_who_clerk')
WHERE application IN ('one', 'few', 'many', 'changed') ORDER BY seq;
SELECT count(*) FROM csec.what_did('regress_who_clerk', now() - interval '1 hour', now() + interval '1 hour') d
	JOIN csec.what_did('regress_who_clerk') USING (seq);
SELECT count(*) FROM csec.what_did('regress_who_clerk', to_time => now() - interval '1 hour');
SELECT count(*) FROM csec.what_did('regress_who_nobody');
SELECT csec.what_did(NULL);
SELECT s FROM csec.what_did('regress_who_clerk') d, csec.subjects_of(d.seq) s WHERE application = 'few' ORDER BY s;
SELECT s IS NULL AS everybody, count(*) FROM csec.what_did('regress_who_clerk') d, csec.subjects_of(d.seq) s WHERE application = 'nobody' GROUP BY 1;
SELECT csec.subjects_of(1000000);

SELECT csec.unprotect_all('test');
DROP OWNED BY regress_who_clerk;
DROP ROLE regress_who_clerk;
REVOKE csec_loader FROM CURRENT_USER;
