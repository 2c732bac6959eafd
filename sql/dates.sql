-- Were this to fail, an application that kept birthdays in a column of dates would meet errors
-- once it is a field, would not find a day that a driver sent with a time behind it, or would
-- learn a day that its reader sees masked.

SELECT current_user AS dba \gset
CREATE ROLE regress_dates_low LOGIN;
CREATE ROLE regress_dates_clerk LOGIN;
SELECT csec.set_clearance('regress_dates_clerk', level => 'core');
CREATE TABLE people (id int PRIMARY KEY, born date, enc csec.encrypted(birth_date), note text);
CREATE INDEX people_born ON people (born);
INSERT INTO people VALUES (1, '1980-01-02', '1980-01-02', 'first'), (2, '1981-02-03', '1981-02-03', 'second'), (3, NULL, NULL, NULL);
SELECT csec.protect('people', 'id', '{"born": "birth_date", "enc": "birth_date", "note": "free_text"}');
GRANT SELECT, INSERT, UPDATE, DELETE ON people TO regress_dates_low, regress_dates_clerk;

-- What drivers send for a date, without saying of which type it is.  A column of dates keeps the day.
\c - regress_dates_clerk
PREPARE put AS INSERT INTO people VALUES ($1, $2, $3, $4);
EXECUTE put(11, '1981-02-03 +00', '1981-02-03 +00', '1981-02-03 +00');
EXECUTE put(12, '1981-02-03T00:00:00.000+08:00', '1981-02-03T00:00:00.000+08:00', 'note');
EXECUTE put(13, '1981-02-03 23:59:59.5-03:30', '1981-02-03 23:59:59.5-03:30', 'note');
EXECUTE put(14, '1981-02-03 00:00', '1981-02-03 00:00', 'note');
EXECUTE put(15, '1981-02-03Z', '1981-02-03 +0800', 'note');
UPDATE people SET born = '1981-02-03 00:00:00+05:30:15' WHERE id = 15;
COPY people FROM STDIN;
16	1981-02-03 00:00:00	1981-02-03 00:00:00	note
\.
INSERT INTO people VALUES (17, timestamp '1981-02-03 10:00', timestamptz '1981-02-03 10:00', timestamp '1981-02-03 10:00');
INSERT INTO people VALUES (18, timestamptz '1981-02-03 10:00', timestamp '1981-02-03 10:00', date '1981-02-03');
BEGIN;
SELECT csec.set_context('clerk', 'test', 't');
SELECT id, born, enc, note FROM people WHERE id > 10 ORDER BY id;
COMMIT;
-- What is no date with a time stays as it is, in a category that is lax.
INSERT INTO people (id, born) VALUES (21, '1981-02-03 about noon'), (22, '1981-02-03 1'), (23, '1981-02-03T'), (24, '1981-02-03 10:00+1'), (25, '03.02.1981 10:00');
SELECT id, born FROM people WHERE id > 20 ORDER BY id;
DELETE FROM people WHERE id > 20;

-- Found by each other, in every form, with the index and without, by every reader.
CREATE FUNCTION pg_temp.found() RETURNS TABLE (form text, masked bigint, encrypted bigint) LANGUAGE plpgsql AS $$
DECLARE
	d date := '1981-02-03';
BEGIN
	form := 'date'; SELECT count(*) INTO masked FROM people WHERE born = d; SELECT count(*) INTO encrypted FROM people WHERE enc = d; RETURN NEXT;
	form := 'the other way'; SELECT count(*) INTO masked FROM people WHERE d = born; SELECT count(*) INTO encrypted FROM people WHERE d = enc; RETURN NEXT;
	form := '<>'; SELECT count(*) INTO masked FROM people WHERE born <> d; SELECT count(*) INTO encrypted FROM people WHERE d <> enc; RETURN NEXT;
	form := 'in'; SELECT count(*) INTO masked FROM people WHERE born IN (d, date '1980-01-02'); SELECT count(*) INTO encrypted FROM people WHERE enc = ANY (ARRAY[d]); RETURN NEXT;
	form := 'distinct'; SELECT count(*) INTO masked FROM people WHERE born IS NOT DISTINCT FROM d; SELECT count(*) INTO encrypted FROM people WHERE enc IS DISTINCT FROM d; RETURN NEXT;
	form := 'untyped'; SELECT count(*) INTO masked FROM people WHERE born = '1981-02-03 00:00:00+00'; SELECT count(*) INTO encrypted FROM people WHERE enc = '1981-02-03'; RETURN NEXT;
	form := 'text'; SELECT count(*) INTO masked FROM people WHERE born = '1981-02-03T00:00:00.000+08:00'::text; SELECT count(*) INTO encrypted FROM people WHERE enc = '1981-02-03'::text; RETURN NEXT;
	form := 'another'; SELECT count(*) INTO masked FROM people WHERE born = '1981-02-04 00:00:00+00'; SELECT count(*) INTO encrypted FROM people WHERE enc = date '1981-02-04'; RETURN NEXT;
END
$$;
SELECT * FROM pg_temp.found();
-- A text that looks like a date with a time is compared as it is where the field holds texts.
SELECT count(*) FROM people WHERE note = '1981-02-03 +00';
SELECT count(*) FROM people WHERE note = '1981-02-03';
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM people WHERE born = date '1981-02-03';
SELECT * FROM pg_temp.found();
RESET enable_seqscan;
\c - regress_dates_low
SELECT count(*) FROM people WHERE born = date '1981-02-03';
SELECT count(*) FROM people WHERE enc = date '1981-02-03';
SELECT count(*) FROM people WHERE born = '1981-02-03 00:00:00+00';
-- nine or more are hashed
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FROM people WHERE born IN ('1981-02-03T00:00', '1', '2', '3', '4', '5', '6', '7', '8');
-- so are joins
SET enable_nestloop = off;
SELECT count(*) FROM people JOIN (VALUES ('1981-02-03'), ('1981-02-03 00:00:00')) s (day) ON born = day;
SELECT count(*) FROM people JOIN (VALUES ('1981-02-03'::csec.masked), ('1981-02-03 00:00:00')) s (day) ON born = day;
RESET enable_nestloop;
RESET enable_indexscan;
RESET enable_bitmapscan;
-- and each day that is tried counts
SELECT count(*) FROM people, generate_series(0, 30) g WHERE born = date '1990-01-01' + g;
SELECT count(*) FROM people WHERE born IN (SELECT date '1990-01-01' + g FROM generate_series(0, 30) g);

-- What is computed with dates.
\c - :dba
CREATE VIEW computed AS
SELECT id, w.* FROM people p, LATERAL (VALUES
	('date', born::date::text, enc::date::text),
	('<', (born < date '1981-01-01')::text, (enc < date '1981-01-01')::text),
	('between', (born BETWEEN date '1981-02-03' AND date '1981-02-03')::text, (enc BETWEEN date '1981-02-03' AND date '1981-02-03')::text),
	('< timestamptz', (born < timestamptz '1981-01-01 00:00Z')::text, (enc < timestamptz '1981-01-01 00:00Z')::text),
	('extract', extract(year FROM born)::text, extract(month FROM enc)::text),
	('date_part', date_part('day', born)::text, date_part('year', enc)::text),
	('date_trunc', date_trunc('month', born)::date::text, date_trunc('year', enc)::date::text),
	('to_char', to_char(born, 'MM-DD'), to_char(enc, 'YYYY')),
	('age', age(date '2000-03-04', born)::text, age(date '2000-03-04', enc)::text),
	('age of today', (age(born) > interval '40 years')::text, (age(enc) > interval '40 years')::text),
	('+', (born + 1)::text, (1 + enc)::text),
	('-', (born - date '1980-01-01')::text, (enc - enc)::text),
	('interval', (born + interval '1 month')::text, (enc - interval '1 month')::text)) w (what, masked, encrypted);
-- Text wins where both would do.
CREATE VIEW as_text AS
SELECT id, (born < '1981')::text AS lt, (born >= '1981-02-03')::text AS ge, min(born) OVER () AS lowest, coalesce(born, 'none') AS or_none, born || '!' AS cat, length(born) AS len
FROM people WHERE id < 3;
GRANT SELECT ON computed, as_text TO regress_dates_low, regress_dates_clerk;
\c - regress_dates_clerk
BEGIN;
SELECT csec.set_context('clerk', 'test', 't');
SELECT * FROM computed WHERE id IN (1, 2) ORDER BY id, what COLLATE "C";
SELECT count(*) FROM computed WHERE id = 3 AND (masked IS NOT NULL OR encrypted IS NOT NULL);
SELECT * FROM as_text ORDER BY id;
-- a time in a field of texts is one with its hour
SELECT id FROM people WHERE id = 17 AND note::timestamp = '1981-02-03 10:00' AND note::timestamptz = '1981-02-03 10:00';
-- an error does not repeat what is no date
SELECT note::date FROM people WHERE id = 1;
ROLLBACK;
-- of a mask there is no date
\c - regress_dates_low
SELECT count(*), count(masked), count(encrypted) FROM computed;
SELECT * FROM as_text ORDER BY id;
-- which is not for changes to go by, nor to keep
DELETE FROM people WHERE born < date '1981-01-01';
DELETE FROM people WHERE born::date IS NULL;
DELETE FROM people WHERE born::timestamp IS NULL;
DELETE FROM people WHERE enc::timestamptz IS NULL;
CREATE TEMP TABLE days (day date);
INSERT INTO days SELECT born FROM people;
DELETE FROM people WHERE born = date '1980-01-02' RETURNING id;
-- Not for row_security = off either.
SET row_security = off;
SELECT born::date FROM people WHERE id = 2;

\c - :dba
DROP VIEW computed, as_text;
SELECT csec.unprotect('people', 'end of the test');
SELECT id, born, pg_typeof(born) FROM people WHERE id < 13 ORDER BY id;

-- What computed with a column of dates before it became a field does so afterwards, and the other way round.
DELETE FROM people WHERE id > 2;
CREATE VIEW older AS SELECT id, born + 1 AS next, extract(year FROM born) AS year, to_char(born, 'MM-DD') AS day, born > '1981-01-01' AS late, born = '1980-01-02' AS one
	FROM people WHERE born BETWEEN '1980-01-01' AND '1990-01-01' AND age(timestamptz '2000-03-04', born) > '1 year';
CREATE VIEW over AS SELECT id, year, next - 1 = people.born AS same FROM older JOIN people USING (id);
CREATE INDEX people_late ON people (id) WHERE born > '1981-01-01';
CREATE VIEW told AS SELECT id, to_char(born, 'MM-DD') AS day, date_trunc('month', born) AS month, born::timestamp AS noon, age(timestamptz '2000-03-04', born) AS age FROM people;
GRANT SELECT ON older, over, told TO regress_dates_low, regress_dates_clerk;
SELECT kind, object, what FROM csec.plan_protect('people', 'id', '{"born": "birth_date"}') WHERE kind IN ('rewrite', 'view', 'index', 'refuse');
SELECT csec.protect('people', 'id', '{"born": "birth_date"}', subject_keys => true);
\c - regress_dates_clerk
TABLE older ORDER BY id;
TABLE over ORDER BY id;
TABLE told ORDER BY id;
\c - regress_dates_low
SELECT count(*) FROM older;
TABLE told ORDER BY id;
\c - :dba
-- A check by the date is one by what each reader sees, so it is refused as one by the text is.
\set VERBOSITY terse
ALTER TABLE people ADD CONSTRAINT reads CHECK (born > date '1900-01-01');
ALTER TABLE people ADD CONSTRAINT reads CHECK (extract(year FROM born) > 1900);
ALTER TABLE people ADD CONSTRAINT reads CHECK (date_part('year', born) > 1900 OR id > 3);
ALTER TABLE people ADD CONSTRAINT reads CHECK (to_char(born, 'YYYY') > '1900') NOT VALID;
ALTER TABLE people ADD CONSTRAINT reads CHECK (age(timestamptz '2020-01-01', born) > '1 day');
ALTER TABLE people ADD CONSTRAINT reads CHECK (date_trunc('year', born) > '1900-01-01');
CREATE DOMAIN birthday AS csec.birth_date CONSTRAINT reads CHECK (VALUE > date '1900-01-01');
ALTER TABLE people ADD CONSTRAINT reads CHECK (born::timestamp > '1900-01-01');
ALTER TABLE people ADD CONSTRAINT compares CHECK (born <> date '1900-01-01' AND enc <> '1900-01-01');
-- what was made over the field, and what cannot be made over a date
CREATE VIEW later AS SELECT id, to_char(born, 'MM-DD') AS day, date_trunc('month', born) AS month, date_part('year', born) AS year, age(timestamptz '2000-03-04', born) AS age,
	age(born) > '1 year' AS old, born <> '1980-01-02' AS other, born::timestamptz AS noon, born = date '1980-01-02' AS one FROM people;
CREATE VIEW odd_one AS SELECT id, born LIKE '19%' AS last FROM people;
CREATE VIEW "odd. two" AS SELECT id, lower(born) || sin(id) AS x, btrim(born) = any (array[born]) AS y FROM people;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT csec.unprotect('people', 'end of the test');
\set SHOW_CONTEXT errors
DROP VIEW "odd. two";
SELECT csec.unprotect('people', 'end of the test');
TABLE older ORDER BY id;
SELECT day, month, year, age, old, other, noon, one FROM later ORDER BY id;
TABLE odd_one ORDER BY id;
SELECT pg_get_indexdef('people_late'::regclass);
ALTER TABLE people ADD CONSTRAINT reads CHECK (born > '1900-01-01');
SELECT kind, object, what FROM csec.plan_protect('people', 'id', '{"born": "birth_date"}') WHERE kind = 'refuse';
DROP TABLE people CASCADE;
DROP ROLE regress_dates_low, regress_dates_clerk;
