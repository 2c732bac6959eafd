-- Were this to fail, somebody who knows less than he is asked for would be taken for the
-- customer, or the owner of a table would run what he likes as a superuser.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_claims_clerk LOGIN;
CREATE ROLE regress_claims_owner LOGIN;
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO regress_claims_clerk, regress_claims_owner;
ALTER ROLE regress_claims_clerk SET csec.match_failures = 1000;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text, balance numeric, rate float8, fee money, ok boolean, note text);
INSERT INTO cust VALUES
	(1, U&'Jos\00E9', '13812345678', '11010519491231002X', 1000.10, 1.5, 5, true, ''),
	(2, '张三', '13900001111', '330105198703043471', 'NaN', 'Infinity', NULL, NULL, '  ');
CREATE TABLE orders (no int PRIMARY KEY, cust int, amount numeric(10, 2), placed_at timestamptz);
INSERT INTO orders VALUES (1, 1, 128.50, '2026-02-01');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
SELECT csec.protect('orders', 'cust', subject_of => 'cust');

\c - regress_claims_clerk
\set VERBOSITY terse
-- nothing is claimed by blanks, whatever their width, nor by fewer characters than four beside them
SELECT csec.match_customer('cust', '1', '{"id_no": {"last": "    "}, "phone": {"last": "    "}}');
SELECT csec.match_customer('cust', '1', '{"id_no": {"last": "X   "}, "phone": {"last": "8   "}}');
SELECT csec.match_customer('cust', '1', '{"id_no": {"last": "\u3000 2X"}, "phone": "13812345678"}');
SELECT csec.match_customer('cust', '1', '{"name": {"last": "ose\u0301"}, "phone": "13812345678"}');
SELECT csec.match_customer('cust', '1', '{"name": {"last": "jos\u00e9"}, "phone": "13812345678"}');
SELECT csec.match_customer('cust', '1', '{"note": "", "phone": "13812345678"}');
SELECT csec.match_customer('cust', '2', '{"note": "\u2003", "phone": "13900001111"}');
-- nor by who the customer is, nor by one thing said twice
SELECT csec.match_customer('cust', '1', '{"orders.cust": {"is": 1, "newest_by": "no"}, "phone": "13812345678"}');
SELECT csec.match_customer('cust', '1', '{"orders.amount": {"is": 128.5, "newest_by": "no"}, "public.orders.amount": {"is": 128.5, "newest_by": "no"}}');
-- more characters than there are is no match
SELECT csec.match_customer('cust', '1', '{"id_no": {"last": "0011010519491231002X"}, "phone": "13812345678"}');
-- names: an accent is one wherever it is typed, and capitals may have it
SELECT csec.match_customer('cust', '1', '{"name": "Jose\u0301", "phone": "13812345678"}'), csec.match_customer('cust', '1', '{"name": "JOS\u00c9", "phone": "13812345678"}'),
	csec.match_customer('cust', '1', '{"name": "Jose", "phone": "13812345678"}'), csec.match_customer('cust', '2', '{"name": "\u5f20\u3000\u4e09", "phone": "13900001111"}');
-- amounts: exact, whatever their type and the zeros behind the point
SELECT value, csec.match_customer('cust', '1', jsonb_build_object('phone', '13812345678', field, value)) FROM (VALUES
	('balance', '1000.1'), ('balance', '1000.100'), ('balance', '１０００.１'), ('balance', '1000.11'), ('balance', '1000'), ('balance', '1,000.10'), ('balance', '1e3'),
	('rate', '1.50'), ('rate', '1.5000001'), ('fee', '5'), ('fee', '5.01')) v (field, value);
SELECT csec.match_customer('cust', '2', '{"balance": "NaN", "phone": "13900001111"}'), csec.match_customer('cust', '2', '{"rate": "Infinity", "phone": "13900001111"}'),
	csec.match_customer('cust', '1', '{"ok": "true", "phone": "13812345678"}');

-- a column and a table may have any name: one that is the customer's column is that
\c - postgres
SET client_min_messages = warning;
\set VERBOSITY default
CREATE TABLE "odd.""名" ("编 号" int PRIMARY KEY, "a.b" text, "c.""d" text, "Case" text);
INSERT INTO "odd.""名" VALUES (1, '13812345678', 'x.y', 'Zhang');
CREATE TABLE "refers.to" (no int PRIMARY KEY, "of.whom" int, "sum.of" numeric, "at.""time" date);
INSERT INTO "refers.to" VALUES (1, 1, 7, '2026-01-01'), (2, 1, 8, '2026-02-01');
SELECT csec.protect('"odd.""名"', '编 号', '{"a.b": "phone", "Case": "person_name"}');
SELECT csec.protect('"refers.to"', 'of.whom', subject_of => '"odd.""名"');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "c.\"d": "x.y", "Case": "zhang"}') AS t,
	csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "\"refers.to\".\"sum.of\"": {"is": 8, "newest_by": "at.\"time"}}') AS t,
	csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "public.\"refers.to\".\"sum.of\"": {"is": 7, "newest_by": "at.\"time"}}') AS f,
	csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "\"refers.to\".no": {"is": 2, "newest_by": "no"}}') AS t;
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "refers.to.no": {"is": 2, "newest_by": "no"}}');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "\"refers.to\".sum.of": {"is": 2, "newest_by": "no"}}');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "one.two.three.four.no": {"is": 2, "newest_by": "no"}}');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", ".no": {"is": 2, "newest_by": "no"}}');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "refers.": {"is": 2, "newest_by": "no"}}');
SELECT csec.match_customer('"odd.""名"', '1', '{"a.b": "13812345678", "\"refers.to\".\"no": {"is": 2, "newest_by": "no"}}');
SELECT csec.unprotect('"refers.to"', 'over'), csec.unprotect('"odd.""名"', 'over');
DROP TABLE "odd.""名", "refers.to";

-- a cast of the table's owner does not run with csec's rights
\c - postgres
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE SCHEMA regress_claims AUTHORIZATION regress_claims_owner;
SET ROLE regress_claims_owner;
CREATE TYPE regress_claims.kind AS ENUM ('red', 'blue');
CREATE TYPE regress_claims.citext AS (v text);
CREATE TABLE regress_claims.ran (as_whom text);
CREATE FUNCTION regress_claims.spy(regress_claims.kind) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_claims.ran VALUES (current_user); RETURN 'blue'; END $$;
CREATE FUNCTION regress_claims.spy(regress_claims.citext) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_claims.ran VALUES (current_user); RETURN 'x'; END $$;
CREATE CAST (regress_claims.kind AS text) WITH FUNCTION regress_claims.spy(regress_claims.kind);
CREATE CAST (regress_claims.citext AS text) WITH FUNCTION regress_claims.spy(regress_claims.citext);
CREATE TABLE regress_claims.cust (id int PRIMARY KEY, name text, kind regress_claims.kind, phone regress_claims.citext);
INSERT INTO regress_claims.cust VALUES (1, '张三', 'red', '(1)'), (2, '李四', NULL, NULL);
RESET ROLE;
SELECT csec.protect('regress_claims.cust', 'id', '{"name": "person_name"}');
SELECT csec.match_customer('regress_claims.cust', '1', '{"name": "张三", "kind": "red"}'), csec.match_customer('regress_claims.cust', '1', '{"name": "张三", "kind": "blue"}'),
	csec.match_customer('regress_claims.cust', '2', '{"name": "李四", "kind": "red"}');
SELECT attname, category, passed FROM csec.discover() WHERE tab = 'regress_claims.cust'::regclass;
SELECT * FROM regress_claims.ran;
SELECT csec.unprotect_all('test');
DROP TABLE orders, cust;
DROP SCHEMA regress_claims CASCADE;
DROP OWNED BY regress_claims_clerk, regress_claims_owner;
DROP ROLE regress_claims_clerk, regress_claims_owner;
