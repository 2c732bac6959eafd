-- Checks that come after csec.protect(): were this to fail, who is not cleared
-- for a field could write nothing any more, and would be told of a check.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_checks_clerk;
CREATE TABLE cust (id int PRIMARY KEY, phone text, name text);
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
GRANT SELECT, INSERT ON cust TO regress_checks_clerk;

-- by itself, not valid yet, with a column, in a child, in a table of its own
\set VERBOSITY default
ALTER TABLE cust ADD CONSTRAINT reads CHECK (phone ~ '^1');
\set VERBOSITY terse
ALTER TABLE cust ADD CONSTRAINT later CHECK (phone LIKE '1%') NOT VALID;
ALTER TABLE cust ADD CONSTRAINT mixed CHECK (id > 0 AND (name <> '' OR length(phone) = 11));
ALTER TABLE cust ADD COLUMN other csec.phone CONSTRAINT reads CHECK (other::text <> '');
CREATE TABLE kid (CONSTRAINT reads CHECK (phone ~ '^1')) INHERITS (cust);
CREATE TABLE kid () INHERITS (cust);
ALTER TABLE kid ADD CONSTRAINT reads CHECK (phone ~ '^1');
CREATE TABLE own (id int, phone csec.phone CONSTRAINT reads CHECK (phone ~ '^1'));
CREATE TABLE own (id int, id_no csec.id_card CONSTRAINT reads CHECK (id_no::text <> ''));

-- of a domain over a field
CREATE DOMAIN mobile AS csec.phone CONSTRAINT reads CHECK (VALUE ~ '^1');
CREATE DOMAIN mobile AS csec.phone CONSTRAINT compares CHECK (VALUE <> '1');
ALTER DOMAIN mobile ADD CONSTRAINT reads CHECK (length(VALUE) > 1);
ALTER DOMAIN mobile ADD CONSTRAINT reads CHECK (VALUE ~ '^1') NOT VALID;

-- one that came as text, and becomes a field
CREATE TABLE model (phone text CONSTRAINT told CHECK (phone ~ '^1'));
CREATE TABLE copy (LIKE model INCLUDING ALL);
ALTER TABLE copy ALTER phone TYPE csec.phone;
-- observed only, it is text; csec.enforce() refuses as csec.protect() does
CREATE TABLE seen (id int PRIMARY KEY, phone text);
SELECT csec.protect('seen', 'id', '{"phone": "phone"}', enforce => false);
ALTER TABLE seen ADD CONSTRAINT told CHECK (phone ~ '^1');
SELECT csec.enforce('seen');

-- what compares, and what is about other columns, may be
ALTER TABLE cust ADD CONSTRAINT compares CHECK (phone <> '1' AND phone IS NOT NULL);
ALTER TABLE cust ADD CONSTRAINT plain CHECK (name ~ '^[A-Z]');
SET ROLE regress_checks_clerk;
INSERT INTO cust VALUES (1, '13812345678', 'Li Lei');
INSERT INTO cust VALUES (2, '13812345678', 'li lei');
RESET ROLE;
SELECT coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text) AS object, conname FROM pg_constraint
	WHERE conname IN ('reads', 'later', 'mixed', 'compares', 'plain', 'told') ORDER BY 1, 2;

SELECT csec.unprotect('cust', 'over'), csec.unprotect('seen', 'over');
DROP TABLE cust, model, copy, seen CASCADE;
DROP DOMAIN mobile;
DROP ROLE regress_checks_clerk;
