-- Were this to fail, a check, an index or a type's conversion would show all customers to a function, and the trail would tell of an ALTER TABLE at most: B.9, A.7.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
CREATE ROLE regress_b9_low LOGIN;
CREATE ROLE regress_b9_clerk LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO regress_b9_low, regress_b9_clerk;
SELECT csec.set_clearance('regress_b9_clerk', level => 'important');
SELECT trail.make_cust(3);
ALTER TABLE cust ADD name text;
UPDATE cust SET name = 'n' || id;
ALTER TABLE cust OWNER TO regress_b9_clerk;
CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE FUNCTION spy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE FUNCTION spied(cust) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE OPERATOR ?? (RIGHTARG = int, FUNCTION = spy);
-- checks that read the text of a field are refused; what they saw by then is told all the same
ALTER EVENT TRIGGER csec_no_text_checks DISABLE;
SELECT trail.mute();

-- The owner's own expressions.
\c - regress_b9_clerk
ALTER TABLE cust ADD CONSTRAINT later CHECK (spy(phone::text) <> '') NOT VALID;
ALTER TABLE cust VALIDATE CONSTRAINT later;
ALTER TABLE cust ADD CHECK (id > 1 OR spy(phone::text) <> '');
ALTER TABLE cust ADD CHECK (id > 1 OR cust.spied);
ALTER TABLE cust ADD CHECK (id > 1 OR spied(cust));
ALTER TABLE cust ALTER bal TYPE int8 USING CASE id WHEN 1 THEN length(spy(phone::text)) END;
ALTER TABLE cust ALTER bal TYPE int;
ALTER TABLE cust ADD twice int GENERATED ALWAYS AS (CASE id WHEN 1 THEN ??bal ELSE 0 END) STORED;
CREATE INDEX ON cust (spy(bal)) WHERE id < 2;
CREATE INDEX ON cust (id) WHERE id < 2 AND spy(phone || '') IS NULL;
ALTER TABLE cust ADD EXCLUDE (spy(name) WITH =) WHERE (id < 2);
\c - :dba
SELECT * FROM trail.news();

-- Those of PostgreSQL and csec show nothing, unless they fail by what they quote.
\c - regress_b9_clerk
ALTER TABLE cust ADD made int, ADD CHECK (made > 0), ADD CHECK (id > 0);
ALTER TABLE cust ALTER name TYPE varchar(20);
CREATE INDEX ON cust (lower(phone), (name || 'x'));
ALTER TABLE cust ADD CHECK (bal > 1000);
ALTER TABLE cust ALTER name TYPE int USING name::int;
DO $$ BEGIN
	ALTER TABLE cust ADD CHECK (name::int > 0);
EXCEPTION WHEN data_exception THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
\c - :dba
SELECT * FROM trail.news();

-- A domain's owner needs no privilege on the tables that have it.
SET ROLE regress_b9_low;
CREATE DOMAIN words AS text;
CREATE DOMAIN more_words AS words;
RESET ROLE;
CREATE TABLE notes (id int PRIMARY KEY, cust_id int8 REFERENCES cust, note more_words);
SELECT csec.protect('notes', 'cust_id', subject_of => 'cust');
INSERT INTO notes VALUES (1, 1, 'nobody''s business');
SELECT trail.mute();
\c - regress_b9_low
SELECT note FROM notes;
ALTER DOMAIN words ADD CONSTRAINT c CHECK (spy(VALUE) <> '');
ALTER DOMAIN words ADD CONSTRAINT d CHECK (spy(VALUE) <> '') NOT VALID;
ALTER DOMAIN words VALIDATE CONSTRAINT d;
ALTER DOMAIN words SET NOT NULL;
\c - :dba
SELECT * FROM trail.news();

-- Through a parent that is not protected; and of a strict table before it happens.
CREATE TABLE parent (id int8, bal int);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO child VALUES (1, 1);
SELECT csec.protect('child', 'id', audit => 'strict');
SELECT trail.mute();
ALTER TABLE parent ADD CHECK (spy(bal) > 0);
ALTER TABLE parent ADD CHECK (spy(bal) > 1);
SELECT * FROM trail.news();

-- A table made in the form of another has its indexes, whose expressions nobody typed: it
-- can be made, and nothing is read.
CREATE TABLE shape (a int CHECK (a > 0), b text, doubled int GENERATED ALWAYS AS (a * 2) STORED);
CREATE INDEX ON shape ((a + 1)) WHERE lower(b) > '';
CREATE TABLE formed (LIKE shape INCLUDING ALL, LIKE cust INCLUDING INDEXES);
SELECT count(*) FROM pg_index WHERE indrelid = 'formed'::regclass AND indexprs IS NOT NULL;
DROP TABLE formed, shape;
SELECT * FROM trail.news();

-- What csec does itself is told by its own records.
CREATE TABLE plain (id int8 PRIMARY KEY, phone text, CHECK (spy(id::text) <> ''));
SELECT csec.protect('plain', 'id', '{"phone": "phone"}');
SELECT csec.unprotect('plain', reason => 'test');
SELECT * FROM trail.seen();

DROP TABLE notes;
DROP DOMAIN more_words, words;
SELECT csec.revoke_clearance('regress_b9_clerk', level => 'important');
ALTER TABLE cust OWNER TO :"dba";
DROP OWNED BY regress_b9_clerk, regress_b9_low;
DROP ROLE regress_b9_clerk, regress_b9_low;
