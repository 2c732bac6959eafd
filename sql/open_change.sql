-- Were this to fail, a change could not be undone from the trail, or the trail
-- would open to somebody who may not see what it keeps.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_open_clerk LOGIN;
CREATE ROLE regress_open_trail LOGIN;
CREATE ROLE regress_open_both LOGIN;
GRANT csec_trail_reader TO regress_open_trail, regress_open_both;
GRANT csec_loader TO CURRENT_USER;
SELECT csec.set_clearance('regress_open_clerk', level => 'core');
SELECT csec.set_clearance('regress_open_both', level => 'core');
CREATE TABLE cust (id int PRIMARY KEY, phone text, id_no text, note text, bal int);
SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card", "note": "free_text"}');
CREATE FUNCTION last_change() RETURNS int8 LANGUAGE sql SECURITY DEFINER AS
	'SELECT csec.flush_audit(); SELECT max(seq) FROM csec.trail() WHERE kind = 3';
CREATE FUNCTION opened() RETURNS TABLE (op text, subject text, column_name text, old_value text, new_value text, revealed bool)
	LANGUAGE sql AS 'SELECT op, subject, column_name, old_value, new_value, revealed FROM csec.open_change(last_change())';
GRANT USAGE ON SCHEMA csec TO PUBLIC;

INSERT INTO cust VALUES (42, '13800001234', '110108198101157903', 'first', 1);
UPDATE cust SET phone = '13900005678', id_no = NULL, bal = 2 WHERE id = 42;
SELECT csec.flush_audit();
-- as before, masks
SELECT column_name, old_value, new_value FROM csec.history('cust', '42') WHERE op = 'UPDATE';

-- the superuser is no member, the cleared clerk neither
SELECT * FROM opened();
SET SESSION AUTHORIZATION regress_open_clerk;
SELECT * FROM opened();
RESET SESSION AUTHORIZATION;
SELECT csec.flush_audit();
SELECT denied, login FROM csec.denials WHERE denied = 'open change' ORDER BY seq;

-- these tests' login is the superuser's: roles count as he is a member of them
GRANT regress_open_trail, regress_open_both TO CURRENT_USER;
-- who may open the trail and has no clearance sees masks
SET ROLE regress_open_trail;
SELECT * FROM opened();
-- who has both sees values: core with a reason only
SET ROLE regress_open_both;
SELECT * FROM opened();
BEGIN;
SELECT csec.set_context('li.na', 'complaint', 'T-1');
SELECT * FROM opened();
COMMIT;
SELECT * FROM csec.open_change(1);
RESET ROLE;
-- many values in one record, which share the headers of their envelopes
INSERT INTO cust SELECT g, '137' || lpad(g::text, 8, '0'), NULL, 'note ' || g, 0 FROM generate_series(1001, 1040) g;
SET ROLE regress_open_both;
SELECT column_name, count(*), bool_and(revealed) AS revealed,
	bool_and(new_value = CASE column_name WHEN 'phone' THEN '137' || lpad(subject, 8, '0') ELSE 'note ' || subject END) AS right
FROM opened() WHERE column_name IN ('phone', 'note') GROUP BY 1 ORDER BY 1;
RESET ROLE;

-- it is a read of the customer, on record as such
SELECT csec.flush_audit();
SELECT reader, actor, reason, statement, revealed, masked, exactness, strict FROM csec.who_saw('cust', '42') WHERE statement = 'OPEN CHANGE';

-- No search tag in the record, and no value in clear.
INSERT INTO cust VALUES (43, '13800004321', '110108198101157903', 'second', 3);
SET row_security = off;
SELECT id_no AS envelope FROM cust WHERE id = 43 \gset
RESET row_security;
SELECT csec.flush_audit();
SELECT get_byte(bytes, 2) & 1 AS tagged, position(substr(bytes, 46, 16) IN record) AS tag_in_record,
	position('110108198101157903'::bytea IN record) AS value_in_record
FROM decode(substr(:'envelope', 9), 'base64') bytes, csec.trail() WHERE seq = last_change();
-- What the record has instead is no value of a field.
SELECT 'csec:e1:' || replace(encode(substr(record, position('\xc10110'::bytea IN record), 41 + 11 + 16), 'base64'), E'\n', '') AS from_trail
	FROM csec.trail() WHERE seq = last_change() \gset
\set VERBOSITY default
SELECT csec.encrypted(:'from_trail'::text, csec.category_id('phone'), false);
\set VERBOSITY terse

-- A long value: its mask only.  What must not be stored at all: likewise.
UPDATE cust SET note = repeat('x', 70000) WHERE id = 43;
CREATE TABLE paid (id int PRIMARY KEY, cvv text);
SELECT csec.protect('paid', 'id', '{"cvv": "card_check"}', enforce => false);
SET ROLE regress_open_both;
BEGIN;
SELECT csec.set_context('li.na', 'complaint', 'T-2');
SELECT op, column_name, old_value, left(new_value, 20) AS new_value, revealed FROM opened();
RESET ROLE;
INSERT INTO paid VALUES (1, '987');
SET ROLE regress_open_both;
SELECT csec.set_context('li.na', 'complaint', 'T-2');
SELECT op, column_name, new_value FROM opened();
COMMIT;
RESET ROLE;

-- Without its key a change cannot be kept, and does not happen; the error names
-- the key, and recording can be suspended, which is on record.
UPDATE csec.category SET data_key = 'phones' WHERE name = 'phone';
UPDATE cust SET phone = '13700000000' WHERE id = 43;
UPDATE cust SET bal = 7 WHERE id = 43;
SELECT csec.suspend_recording('key is missing', now() + interval '1 minute');
UPDATE cust SET phone = '13700000000' WHERE id = 43;
SELECT csec.resume_recording();
SELECT csec.create_key('phones') > 0 AS made;
UPDATE cust SET phone = '13700000001' WHERE id = 43;
SELECT csec.flush_audit();
SELECT old_value, new_value FROM csec.history('cust', '43') WHERE column_name = 'phone' AND op = 'UPDATE';
-- a key that was destroyed leaves the mask
UPDATE csec.key SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE name = 'phones';
SET ROLE regress_open_both;
SELECT op, column_name, old_value, new_value, revealed FROM opened();
RESET ROLE;
SELECT verified FROM csec.verify_trail();

SELECT csec.unprotect_all('test');
DROP OWNED BY regress_open_clerk, regress_open_trail, regress_open_both;
DROP ROLE regress_open_clerk, regress_open_trail, regress_open_both;
REVOKE csec_loader FROM CURRENT_USER;
