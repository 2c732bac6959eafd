-- Were this to fail, a change would be told wrongly, of the wrong customer, in
-- clear, or with another end than it had.
\set VERBOSITY terse
SET client_min_messages = warning;
GRANT csec_loader TO CURRENT_USER;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, note text, gone int, bal numeric);
CREATE TABLE pair (country text, no int, v text, PRIMARY KEY (country, no));
ALTER TABLE cust DROP COLUMN gone;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone"}');
SELECT csec.protect('pair', ARRAY['country', 'no']);
CREATE FUNCTION told(subject text, tab regclass DEFAULT 'cust') RETURNS TABLE (op text, column_name text, old_value text, new_value text, outcome text)
	LANGUAGE sql AS 'SELECT op, column_name, old_value, new_value, outcome FROM csec.history(tab, subject)';

INSERT INTO cust VALUES (1, '王小明', '13800001234', NULL, 1.50), (2, '李四', '13900001234', 'x', 0);
UPDATE cust SET phone = '13700009999', note = 'moved' WHERE id = 1;
UPDATE cust SET note = NULL WHERE id = 1;
UPDATE cust SET bal = bal WHERE id = 1;
INSERT INTO cust VALUES (3, '王小明', '13800001234', 'first', 9) ON CONFLICT DO NOTHING;
INSERT INTO cust VALUES (3, '王小明', '13800001234', 'second', 9) ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note;
DELETE FROM cust WHERE id = 2;
COPY cust (id, name) FROM stdin;
4	赵六
\.
SELECT csec.flush_audit();
SELECT * FROM told('1');
SELECT * FROM told('2');
SELECT * FROM told('3');
SELECT * FROM told('4');
SELECT subject, op, changed FROM csec.change_records WHERE op = 'UPDATE' AND subject = '1' AND NOT changed ? 'phone' ORDER BY seq;
SELECT row_no, op, subject, changed - 'name' - 'phone' AS changed, changed -> 'name' ->> 'new' AS name FROM csec.change_records WHERE op = 'INSERT' AND subject < '3' ORDER BY seq, row_no;
-- a value that is kept encrypted has no digest, by which equal ones could be found
SELECT count(*) FROM csec.history('cust', '1') WHERE classified AND (old_digest IS NOT NULL OR new_digest IS NOT NULL);
-- and no value is in any record
SELECT count(*) FROM csec.trail() WHERE position('13700009999' IN encode(record, 'escape')) > 0 OR position(convert_to('王小明', 'UTF8') IN record) > 0;

-- another key: both customers' history
UPDATE cust SET id = 40 WHERE id = 4;
INSERT INTO pair VALUES ('a,b', 1, 'x'), ('DE', 1, 'y');
UPDATE pair SET no = 2 WHERE country = 'a,b';
UPDATE pair SET country = 'FR', no = 9, v = 'z' WHERE country = 'DE';
SELECT csec.flush_audit();
SELECT * FROM told('4');
SELECT * FROM told('40');
SELECT * FROM told(csec.subject_key('a,b', '1'), 'pair');
SELECT * FROM told(csec.subject_key('a,b', '2'), 'pair');
SELECT * FROM told(csec.subject_key('DE', '1'), 'pair');
SELECT * FROM told(csec.subject_key('FR', '9'), 'pair');

-- how it ended: known at sealing, or told later
BEGIN; UPDATE cust SET note = 'rolled back' WHERE id = 1; ROLLBACK;
BEGIN;
UPDATE cust SET note = 'kept' WHERE id = 1;
SAVEPOINT s;
UPDATE cust SET note = 'taken back' WHERE id = 1;
ROLLBACK TO s;
SAVEPOINT t;
UPDATE cust SET note = 'kept too' WHERE id = 1;
RELEASE t;
COMMIT;
BEGIN;
UPDATE cust SET note = 'sealed while open' WHERE id = 1;
SELECT csec.flush_audit();
SELECT new_value, outcome FROM told('1') WHERE new_value = 'sealed while open';
COMMIT;
BEGIN;
UPDATE cust SET note = 'sealed, then rolled back' WHERE id = 1;
SELECT csec.flush_audit();
ROLLBACK;
SELECT csec.flush_audit();
SELECT new_value, outcome FROM told('1') WHERE op = 'UPDATE' AND column_name = 'note';
SELECT changed -> 'note' ->> 'new' AS note, outcome FROM csec.change_records WHERE changed -> 'note' ->> 'new' ~ 'sealed' ORDER BY seq;

-- long values
UPDATE cust SET note = repeat('长', 30000) WHERE id = 3;
UPDATE cust SET note = repeat('x', 60000) WHERE id = 3;
SELECT csec.flush_audit();
SELECT left(old_value, 10) AS old, left(new_value, 10) AS new, old_length, new_length, length(old_digest) AS digest,
	new_digest = digest(convert_to(repeat('长', 30000), 'UTF8'), 'sha256') AS is_sha
FROM csec.history('cust', '3') WHERE new_length IS NOT NULL OR old_length IS NOT NULL ORDER BY seq;
-- of a long value of a field there is a digest in the place of the envelope, which needs the server's key
UPDATE cust SET phone = repeat('1', 70000) WHERE id IN (1, 3);
UPDATE cust SET phone = repeat('2', 70000) WHERE id = 3;
SELECT csec.flush_audit();
SELECT op, new_value, length(new_digest) AS digest, new_length, new_digest = first_value(new_digest) OVER (ORDER BY seq, row_no) AS same,
	new_digest = substr(digest(repeat('1', 70000), 'sha256'), 1, 16) AS plain
FROM (SELECT * FROM csec.history('cust', '1') UNION SELECT * FROM csec.history('cust', '3')) h WHERE length(new_digest) = 16 ORDER BY seq, row_no;
-- everybody's
TRUNCATE cust;
SELECT csec.flush_audit();
SELECT * FROM told('1') WHERE op = 'TRUNCATE';
SELECT row_no, op, subject, changed, outcome FROM csec.change_records WHERE op = 'TRUNCATE';
-- many rows are many rows
INSERT INTO pair SELECT 'XX', g, repeat('v', 100) FROM generate_series(1, 3000) g;
SELECT csec.flush_audit();
SELECT count(*), count(DISTINCT subject), count(DISTINCT seq) > 1 AS several FROM csec.change_records WHERE subject ~ '^XX,';
SELECT * FROM told('XX,2999', 'pair') WHERE column_name = 'no';

-- Malformed bytes.  A record around a field of changes, to be spoilt.
CREATE FUNCTION varint(n int) RETURNS bytea LANGUAGE sql AS $$
	SELECT CASE WHEN n < 128 THEN set_byte('\x00', 0, n) ELSE set_byte('\x00', 0, n & 127 | 128) || set_byte('\x00', 0, n >> 7) END $$;
CREATE FUNCTION with_changes(changes bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT '\x01010301'::bytea || int8send(77) || int8send(0) || int8send(0) || int4send(1) || int4send(length(body)) || body
	FROM (SELECT '\x01030000'::bytea || int8send(0) || int4send(1) || int8send(1) || int8send(0) || '\x15' || varint(length(changes)) || changes) b (body) $$;
CREATE FUNCTION outcome_of(record bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
	SELECT count(*) INTO n FROM csec.record_changes(record);
	PERFORM FROM csec.record_fields(record);
	PERFORM csec.record_subjects(record) LIMIT 10;
	PERFORM csec.record_subject_keys(record);
	PERFORM csec.record_has_subject(record, '1');
	RETURN n || ' columns';
EXCEPTION WHEN data_corrupted THEN
	RETURN SQLERRM;
END
$$;
-- two columns (one classified, with an envelope before and a digest after), an update and a delete
CREATE TABLE sample AS SELECT decode('02' || '00026964' || '00' || '010570686f6e65' || '01'
	|| '55' || '0131' || '0002' || '00' || '03' || '0131' || '0132' || '01' || '23' || '3d' || '012a' || '80' || 'c10110' || repeat('55', 54) || '01'
	|| '13' || '022a2a' || repeat('aa', 16)
	|| '44' || '0131' || '0002' || '00' || '01' || '0131' || '01' || '01' || '13' || '012a' || '00' || repeat('66', 16), 'hex') AS changes;
SELECT row_no, op, subject, column_name, classified, old_value, new_value, old_digest, new_digest FROM sample, csec.record_changes(with_changes(changes));
SELECT outcome_of(with_changes(changes)) FROM sample;
-- cut short anywhere: right at the ends of rows only
SELECT outcome_of(with_changes(substr(changes, 1, n))) AS outcome, count(*), CASE WHEN count(*) < 5 THEN array_agg(n) END AS at
FROM sample, generate_series(0, length(changes)) n GROUP BY 1 ORDER BY min(n);
-- any one bit turned: told, or refused by the record's name
SELECT outcome_of(with_changes(set_bit(changes, b, 1 - get_bit(changes, b)))) ~ '^(\d+ columns|audit record 77 is malformed)$' AS sound, count(*)
FROM sample, generate_series(0, length(changes) * 8 - 1) b GROUP BY 1;
-- bytes too many, numbers too large, forms that are not the one form
SELECT what, outcome_of(with_changes(decode(hex, 'hex'))) FROM (VALUES
	('no columns, no rows', '00'), ('bytes after', '0000'), ('too many columns', '8110'), ('too high a number', '01810d016100'),
	('named twice', '02' || '00016100' || '00016100' || '49' || '00' || '0001' || '0002' || '00'), ('named and not told', '01' || '00016100'),
	('named in another order', '02' || '01016200' || '00016100' || '49' || '00' || '0002' || '0002' || '00' || '0102' || '00'),
	('told in the order of its names', '02' || '01016200' || '00016100' || '49' || '00' || '0001' || '0102' || '00' || '49' || '00' || '0002' || '0002' || '00' || '0102' || '00'),
	('long varint', '8000'), ('unknown operation', '01' || '00016100' || '58' || '00' || '0000'),
	('more told than there are', '01' || '00016100' || '55' || '00' || '0002'), ('a truncate with columns', '01' || '00016100' || '54' || '00' || '0001' || '0003' || '00' || '00'),
	('told twice', '01' || '00016100' || '55' || '00' || '0002' || '0003' || '00' || '00'), ('no such column', '01' || '00016100' || '49' || '00' || '0001' || '0102' || '00'),
	('without a name', '01' || '000000' || '49' || '00' || '0001' || '0002' || '00'),
	('an insert with an old value', '01' || '00016100' || '49' || '00' || '0001' || '0003' || '00' || '00'), ('a delete with a new value', '01' || '00016100' || '44' || '00' || '0001' || '0003' || '00' || '00'),
	('value and null', '01' || '00016100' || '49' || '00' || '0001' || '000a' || '00'), ('a digest of nothing', '01' || '00016100' || '49' || '00' || '0001' || '0028'),
	('unknown flag', '01' || '00016100' || '49' || '00' || '0001' || '0042' || '00'), ('a digest', '01' || '00016101' || '49' || '00' || '0001' || '0022' || '11' || '00' || repeat('aa', 16)),
	('short digest', '01' || '00016101' || '49' || '00' || '0001' || '0022' || '10' || '00' || repeat('aa', 15)), ('long digest', '01' || '00016101' || '49' || '00' || '0001' || '0022' || '12' || '00' || repeat('aa', 17)),
	('no mask', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '00'), ('a mask that ends early', '01' || '00016101' || '49' || '00' || '0001' || '0022' || '02' || '022a'),
	('neither envelope nor digest', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '01' || '00'),
	('an envelope', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '3b' || '00' || '80' || 'c10110' || repeat('55', 54)),
	('short envelope', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '3a' || '00' || '80' || 'c10110' || repeat('55', 53)),
	('a header of another place', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '3b' || '00' || '81' || 'c10110' || repeat('55', 54)),
	('no header', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '12' || '00' || '00' || repeat('55', 16)), ('no such place', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '12' || '00' || '10' || repeat('55', 16)),
	('an envelope of a field', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '3b' || '00' || '80' || 'c10100' || repeat('55', 54)),
	('an envelope with a tag', '01' || '00016101' || '49' || '00' || '0001' || '0002' || '4f' || '00' || '80' || 'c10111' || repeat('55', 74)),
	('a sealed value', '01' || '00016103' || '49' || '00' || '0001' || '0002' || '3a' || '80' || 'c10110' || repeat('55', 54)), ('nothing for it', '01' || '00016102' || '49' || '00' || '0001' || '0002' || '00'),
	('a digest for it', '01' || '00016102' || '49' || '00' || '0001' || '0022' || '10' || repeat('aa', 16)), ('a mask for it', '01' || '00016103' || '49' || '00' || '0001' || '0002' || '02' || '012a'),
	('unknown form', '01' || '00016104' || '49' || '00' || '0001' || '0002' || '00'),
	('short SHA', '01' || '00016100' || '49' || '00' || '0001' || '0022' || '0f' || repeat('aa', 15)), ('a value longer than all', '01' || '00016100' || '49' || '00' || '0001' || '0002' || 'ffffffffffffffffff01'),
	('nothing told', '00' || '55' || '00' || '0000')) v (what, hex);
-- whole records cut short or turned, of every kind there is
SELECT kind, bool_and(outcome_of(substr(record, 1, n)) ~ 'is malformed$') AS refused
FROM (SELECT DISTINCT ON (kind) kind, record FROM csec.trail() WHERE length(record) < 4000 ORDER BY kind, seq) r, generate_series(0, length(record) - 1) n
GROUP BY kind ORDER BY kind;
SELECT kind, bool_and(outcome_of(set_bit(record, b, 1 - get_bit(record, b))) ~ '^(\d+ columns|audit record \d+ (is malformed|cannot be put together))$') AS sound
FROM (SELECT DISTINCT ON (kind) kind, record FROM csec.trail() WHERE length(record) < 4000 ORDER BY kind, seq) r, generate_series(0, length(record) * 8 - 1) b
GROUP BY kind ORDER BY kind;
SELECT outcome_of(''), outcome_of('\x00');

SELECT csec.unprotect_all('test');
REVOKE csec_loader FROM CURRENT_USER;
