-- After test_setup: tables of PostgreSQL's own tests, protected without fields, so that each read
-- and each change of theirs is recorded and nothing else should differ.
-- Their keys are not unique, and many rows have none: they name the customers of a table of ours.
CREATE SCHEMA csec_core;
CREATE TABLE csec_core.customer (id int PRIMARY KEY, note text);
SELECT csec.protect('csec_core.customer', 'id', '{}');
SELECT csec.protect(t, k, '{}', subject_of => 'csec_core.customer')
	FROM (VALUES ('onek'::regclass, 'unique1'), ('onek2', 'unique1'), ('tenk1', 'unique1'), ('tenk2', 'unique1'),
		('int4_tbl', 'f1'), ('int2_tbl', 'f1'), ('int8_tbl', 'q1'), ('person', 'age')) AS x(t, k);
-- they switch triggers by a setting that is csec_admin's where csec is
GRANT csec_admin TO CURRENT_USER;
-- what these tests do in bulk is no guessing
ALTER DATABASE regression SET csec.probe_limit = 1000000;
