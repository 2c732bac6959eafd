-- Were this to fail, a reader who sees masks would change or store data by the masks without a word.

SELECT current_user AS dba \gset
CREATE ROLE regress_masked_dml_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_masked_dml_low LOGIN;
CREATE ROLE regress_masked_dml_clerk LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_masked_dml_clerk', level => 'important');

\c - regress_masked_dml_owner
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, email csec.email, bal numeric);
INSERT INTO cust VALUES (1, '13812341234', 'a@x.com', 1), (2, '13987654321', 'b@y.org', 2);
CREATE TABLE invoice (id int, phone text, who csec.phone);
INSERT INTO invoice VALUES (1, '138', NULL);
GRANT ALL ON cust, invoice TO PUBLIC;

-- By the text of a field: A.14.
\c - regress_masked_dml_low
DELETE FROM cust WHERE email NOT LIKE '%@x.com';
UPDATE cust SET bal = 0 WHERE phone LIKE '138%';
UPDATE cust SET bal = length(phone);
DELETE FROM cust USING invoice i WHERE i.phone = substr(cust.phone, 1, 3);
MERGE INTO invoice i USING cust c ON i.id = c.id AND c.phone ~ '^138' WHEN NOT MATCHED THEN INSERT VALUES (c.id, 'x', NULL);
-- Into a column that is not protected.
INSERT INTO invoice SELECT id, phone FROM cust;
INSERT INTO invoice SELECT id, phone::text FROM cust;
INSERT INTO invoice SELECT id, phone::int FROM cust;
UPDATE invoice i SET phone = c.phone FROM cust c;
WITH gone AS (DELETE FROM invoice WHERE phone IN (SELECT phone::text FROM cust) RETURNING *) SELECT count(*) FROM gone;
-- Through functions that take any type, rows and arrays: A.2.
INSERT INTO invoice SELECT id, concat('tel ', phone) FROM cust;
INSERT INTO invoice SELECT id, concat_ws(' ', id, phone) FROM cust;
INSERT INTO invoice SELECT id, format('%s', phone) FROM cust;
INSERT INTO invoice SELECT id, quote_literal(phone) FROM cust;
INSERT INTO invoice SELECT id, to_jsonb(phone) ->> 0 FROM cust;
INSERT INTO invoice SELECT id, row_to_json(cust) FROM cust;
INSERT INTO invoice SELECT id, json_build_object('tel', phone) FROM cust;
INSERT INTO invoice SELECT 1, jsonb_agg(phone) FROM cust;
INSERT INTO invoice SELECT 1, array_to_string(array_agg(phone), ',') FROM cust;
INSERT INTO invoice SELECT id, cust::text FROM cust;
INSERT INTO invoice SELECT id, ARRAY[phone]::text FROM cust;
INSERT INTO invoice SELECT id, xmlelement(name tel, phone) FROM cust;
INSERT INTO invoice SELECT id, encode(record_send(cust), 'hex') FROM cust;
UPDATE invoice i SET phone = format('%s', c.phone) FROM cust c;
UPDATE cust SET bal = 0 WHERE concat(phone) LIKE '138%';
DELETE FROM cust WHERE to_jsonb(cust) ->> 'email' LIKE '%x.com';
WITH gone AS (DELETE FROM invoice WHERE phone = format('%s', 138) RETURNING *) SELECT count(concat(c.phone)) FROM gone, cust c;
-- By a function of the application.
CREATE FUNCTION pg_temp.told(c cust) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN format('%s', c.phone); END $$;
INSERT INTO invoice SELECT id, pg_temp.told(cust) FROM cust;
-- One that reads by a statement of its own is part of the statement that changes.
CREATE FUNCTION pg_temp.by_sql(csec.masked) RETURNS text LANGUAGE sql STABLE AS 'SELECT t FROM (SELECT $1::text OFFSET 0) x (t)';
CREATE FUNCTION pg_temp.by_select(csec.masked) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN SELECT $1::text INTO t; RETURN t; END $$;
CREATE FUNCTION pg_temp.by_execute(csec.masked) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN EXECUTE 'SELECT format(''%s'', $1)' INTO t USING $1; RETURN t; END $$;
CREATE FUNCTION pg_temp.by_cursor(csec.masked) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT $1::text AS t FROM generate_series(1, 2) LOOP RETURN r.t; END LOOP; END $$;
CREATE FUNCTION pg_temp.by_look(n int) RETURNS text LANGUAGE sql STABLE AS 'SELECT phone::text FROM cust WHERE id = n';
\set SHOW_CONTEXT never
DELETE FROM cust WHERE pg_temp.by_sql(phone) LIKE '1%';
UPDATE cust SET bal = 0 WHERE pg_temp.by_select(phone) LIKE '1%';
INSERT INTO invoice SELECT id, pg_temp.by_execute(phone) FROM cust;
DELETE FROM cust WHERE pg_temp.by_cursor(phone) LIKE '1%';
DELETE FROM cust WHERE pg_temp.by_look(id) LIKE '1%';
\set SHOW_CONTEXT errors
SELECT count(*) > 0 AS read FROM cust WHERE pg_temp.by_sql(phone) LIKE '1%' AND pg_temp.by_select(phone) LIKE '1%' AND pg_temp.by_execute(phone) LIKE '1%' AND pg_temp.by_look(id) LIKE '1%';
SELECT count(*) FROM invoice;
-- What they tell in an error, and what goes to the client, is no change.
INSERT INTO cust SELECT 1, phone FROM cust WHERE id = 2;
UPDATE cust SET bal = 7 WHERE id = 1 RETURNING cust, id;
DO $$ BEGIN UPDATE cust SET bal = 7 WHERE id = 1; RAISE NOTICE 'seen: %', (SELECT c FROM cust c WHERE id = 1); END $$;
CREATE TEMP TABLE copied AS SELECT id, format('%s', phone) AS told FROM cust;
SELECT * FROM copied ORDER BY id;
-- By equality, and from field to field, nothing is lost.
UPDATE cust SET bal = 5 WHERE phone = '13812341234';
INSERT INTO invoice (id, who) SELECT id, phone FROM cust;
DELETE FROM invoice WHERE who = '13987654321';
UPDATE cust SET bal = 6 WHERE id = 1 RETURNING phone, email;
-- A SELECT works on what the reader sees; so does a change that says so.
SELECT count(*) FROM cust WHERE phone LIKE '138%';
SET csec.allow_masked_dml = on;
INSERT INTO invoice (id, phone) SELECT id, phone FROM cust WHERE id = 1;
SELECT id, phone, who FROM invoice ORDER BY phone;
\c - regress_masked_dml_clerk
DELETE FROM cust WHERE email NOT LIKE '%@x.com';
INSERT INTO invoice (id, phone) SELECT id, phone FROM cust;
SELECT * FROM invoice ORDER BY phone COLLATE "C", id;

\c - :dba
SET client_min_messages = warning;
DROP OWNED BY regress_masked_dml_owner, regress_masked_dml_low, regress_masked_dml_clerk CASCADE;
SELECT csec.revoke_clearance('regress_masked_dml_clerk', level => 'important');
DROP ROLE regress_masked_dml_owner, regress_masked_dml_low, regress_masked_dml_clerk;
