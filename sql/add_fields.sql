-- More fields for a table that is protected: by csec.add_fields(), and by the
-- types of columns.  Wrong if a mask could be written back to a field that was
-- added, or if csec.unprotect() left one behind.
\set VERBOSITY terse
CREATE ROLE regress_add_low;
CREATE ROLE regress_add_admin IN ROLE csec_admin;
GRANT csec_loader TO CURRENT_USER;
CREATE TABLE c (id int PRIMARY KEY, name text, phone varchar(20), addr text, note text, card text);
INSERT INTO c SELECT i, 'Zhang Wei', '1380000' || to_char(i, 'FM0000'), 'No. ' || i || ' Long Road', 'calls', '4917481931124669' FROM generate_series(1, 20) i;
CREATE INDEX c_both ON c (phone text_pattern_ops, addr text_pattern_ops);
CREATE VIEW v AS SELECT id, phone, addr FROM c;
GRANT SELECT, UPDATE ON c, v TO regress_add_low;

SELECT csec.add_fields('c', '{"addr": "address"}');
SELECT csec.protect('c', 'id', '{"phone": "phone"}');
SELECT csec.protect('c', 'id', '{"addr": "address"}');

-- what is wrong is said, together, and nothing is done
SELECT csec.add_fields('c', '{"id": "phone", "nobody": "phone", "addr": "nothing", "phone": "email"}');
SELECT csec.add_fields('c', '["addr"]');
SELECT csec.add_fields('c', NULL);
SELECT csec.add_fields('pg_class', '{"relname": "phone"}');
SET SESSION AUTHORIZATION regress_add_admin;
SELECT csec.add_fields('c', '{"addr": "address"}');
RESET SESSION AUTHORIZATION;
UPDATE c SET note = '***' WHERE id = 3;
SELECT csec.add_fields('c', '{"note": "free_text"}');
UPDATE c SET note = 'calls' WHERE id = 3;
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;

SELECT kind, object, what FROM csec.plan_add_fields('c', '{"phone": "phone", "addr": "address", "card": "bank_card"}') WHERE kind <> 'lock';
SELECT csec.add_fields('c', '{"phone": "phone", "addr": "address", "card": "bank_card"}');
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
SELECT * FROM csec.plan_add_fields('c', '{"addr": "address"}');
SELECT csec.add_fields('c', '{"addr": "address"}');
SET ROLE regress_add_low;
SELECT * FROM c WHERE id = 1;
SELECT * FROM v WHERE id = 1;
RESET ROLE;

-- a mask that comes back keeps the value, any other is refused
CREATE FUNCTION written_back(assignment text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'UPDATE c SET ' || assignment || ' WHERE id = 1';
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT written_back('addr = ''***'', card = ''************4669'', phone = ''138****0001''');
SELECT addr = 'No. 1 Long Road' AS addr, card = '4917481931124669' AS card, phone = '13800000001' AS phone FROM c WHERE id = 1;
SELECT written_back('addr = ''No. * Long Road'''), written_back('card = ''************0000''');

-- columns that get a type of csec's are fields from then on
ALTER TABLE c ADD COLUMN phone2 csec.phone;
ALTER TABLE c ALTER COLUMN name TYPE csec.person_name USING name::csec.person_name;
SELECT attname, category, original_type FROM csec.protected_field ORDER BY 1;
UPDATE c SET phone2 = '13911111111' WHERE id = 1;
SELECT written_back('name = ''Z*** W***'', phone2 = ''139****1111''');
SELECT name = 'Zhang Wei' AS name, phone2 = '13911111111' AS phone2 FROM c WHERE id = 1;
SELECT written_back('name = ''Z***'''), written_back('phone2 = ''139****0000''');
ALTER TABLE c DROP COLUMN phone2 CASCADE;
SELECT written_back('name = ''Z***'''), written_back('name = ''Z*** W***''');
SELECT name = 'Zhang Wei' AS name FROM c WHERE id = 1;
SELECT tgname, (SELECT array_agg(attname ORDER BY attname) FROM pg_attribute a WHERE attrelid = tgrelid AND attnum = ANY (tgattr)) AS columns, tgenabled
	FROM pg_trigger WHERE tgrelid = 'c'::regclass ORDER BY 1;

-- and back, with the index as it was
SELECT name, definition, remade FROM csec.replaced_object;
SELECT csec.unprotect('c', 'the test is over');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'c'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT indexdef FROM pg_indexes WHERE tablename = 'c' ORDER BY 1;
SELECT * FROM c WHERE id = 1;
DROP TABLE c CASCADE;

-- partitions and children have the trigger over the new fields, too
CREATE TABLE p (id int, region text, phone text, addr text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_n PARTITION OF p FOR VALUES IN ('n');
INSERT INTO p VALUES (1, 'n', '13800000001', 'No. 1 Long Road');
SELECT csec.protect('p', 'id', '{"phone": "phone"}');
SELECT csec.add_fields('p', '{"addr": "address"}');
UPDATE p_n SET addr = '***', phone = '138****0001';
SELECT addr = 'No. 1 Long Road' AS kept FROM p;
ALTER TABLE p ADD COLUMN email csec.email;
UPDATE p SET email = 'a@example.org';
SELECT format('UPDATE p_n SET email = %L', email) FROM p \gexec
SELECT email = 'a@example.org' AS kept FROM p;
SELECT csec.unprotect('p', 'over');
DROP TABLE p;
CREATE TABLE parent (id int PRIMARY KEY, phone text, addr text);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO child VALUES (1, '13800000001', 'No. 1 Long Road');
SELECT csec.protect('parent', 'id', '{"phone": "phone"}');
SELECT csec.add_fields('parent', '{"addr": "address"}');
UPDATE child SET addr = '***';
SELECT addr = 'No. 1 Long Road' AS kept FROM child;
SELECT csec.unprotect('parent', 'over');
DROP TABLE parent CASCADE;

-- a table that is observed, and one without fields
CREATE TABLE o (id int PRIMARY KEY, phone text, addr text);
INSERT INTO o VALUES (1, '13800000001', 'No. 1 Long Road');
SELECT csec.protect('o', 'id', '{"phone": "phone"}', enforce => false);
SELECT csec.add_fields('o', '{"addr": "address"}');
SELECT csec.add_fields('o', '{"addr": "phone"}');
SELECT * FROM o;
SELECT csec.enforce('o');
SELECT * FROM o;
SELECT csec.unprotect('o', 'over');
SELECT csec.protect('o', 'id');
SELECT csec.add_fields('o', '{"addr": "address"}');
SELECT * FROM o;
SELECT csec.unprotect('o', 'over');

-- with keys of customers what is added goes under them
SELECT csec.protect('o', 'id', '{"phone": "phone"}', subject_keys => true);
ALTER TABLE o ADD COLUMN email csec.email;
SELECT csec.add_fields('o', '{"addr": "address"}');
SELECT bool_and((csec.envelope_info(addr)).subject_key) AS own_key FROM o;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'o'::regclass AND attnum > 0 ORDER BY attnum;
SELECT csec.unprotect('o', 'over');
DROP TABLE o;

SELECT csec.flush_audit();
SELECT action, object, detail, outcome FROM csec.control_records WHERE action = 'add fields' ORDER BY seq;
SELECT action, object, detail, outcome FROM csec.control_records WHERE detail::text LIKE '%phone2%' ORDER BY seq;
DROP OWNED BY regress_add_low, regress_add_admin;
DROP ROLE regress_add_low, regress_add_admin;
REVOKE csec_loader FROM CURRENT_USER;
