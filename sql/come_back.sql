-- Were this to fail, who drops csec and creates it again as docs/install.md has it could not open
-- what the trail keeps of before, or would find none of it by the customers' names.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only
SET client_min_messages = warning;
CREATE ROLE regress_back_reader IN ROLE csec_trail_reader, csec_auditor;
GRANT regress_back_reader TO CURRENT_USER;
SELECT csec.set_clearance('regress_back_reader', level => 'core');
CREATE TABLE cust (id int PRIMARY KEY, phone text);
INSERT INTO cust VALUES (1, '13800000001');
CREATE TABLE own (code text PRIMARY KEY, name text);
INSERT INTO own VALUES ('A', 'Ada');
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
SELECT csec.protect('own', 'code', '{"name": "person_name"}', subject_keys => true);
UPDATE cust SET phone = '13900000001';
UPDATE own SET name = 'Bea';
SELECT csec.flush_audit();
CREATE FUNCTION opened(tab regclass, subject text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.set_context('a', 'test', 't');
	RETURN QUERY SELECT concat_ws(' ', o.column_name, o.old_value, o.new_value)
		FROM (SELECT max(h.seq) AS seq FROM csec.history(tab, subject) h WHERE h.op = 'UPDATE') h, csec.open_change(h.seq) o WHERE h.seq IS NOT NULL;
END
$$;
SET ROLE regress_back_reader;
SELECT opened('cust', '1');
SELECT opened('own', 'A');
RESET ROLE;

-- the keys stay, and what csec made of them goes
CREATE TABLE kept_key AS TABLE csec.key;
CREATE TABLE kept_space AS TABLE csec.subject_space;
CREATE TABLE kept_subject AS TABLE csec.subject_key;
SELECT csec.unprotect_all('csec is removed');
DROP EXTENSION csec;
CREATE EXTENSION csec;
INSERT INTO csec.key TABLE kept_key;
INSERT INTO csec.subject_space TABLE kept_space;
INSERT INTO csec.subject_key TABLE kept_subject;
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
SELECT csec.protect('own', 'code', '{"name": "person_name"}', subject_keys => true);
SELECT csec.set_clearance('regress_back_reader', level => 'core');
SET ROLE regress_back_reader;
SELECT opened('cust', '1');
SELECT opened('own', 'A');
RESET ROLE;
SELECT bool_and(unwraps) FROM csec.key_status;
SELECT name FROM own WHERE name = 'Bea';
SELECT verified FROM csec.verify_trail();

-- without them the trail says what it knows, and no more
SELECT csec.unprotect_all('csec is removed');
DROP EXTENSION csec;
CREATE EXTENSION csec;
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
SELECT csec.set_clearance('regress_back_reader', level => 'core');
SET ROLE regress_back_reader;
SELECT opened('cust', '1');
RESET ROLE;
SELECT csec.unprotect_all('the test is over');
DROP FUNCTION opened(regclass, text);
DROP TABLE cust, own, kept_key, kept_space, kept_subject;
DROP OWNED BY regress_back_reader;
DROP ROLE regress_back_reader;
