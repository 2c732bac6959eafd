-- Were this to fail, a statement that makes a table would take as long as the database has
-- columns, for whoever has settings of the planner's of his own (jit, enable_*).
\set VERBOSITY terse
SELECT evtname, evtfoid::regproc FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid
WHERE evtname LIKE 'csec%' AND NOT coalesce(proconfig, '{}') @> '{jit=off}' ORDER BY 1;

-- tables whose columns would have to be looked at, one by one
CREATE TYPE pair AS (a int, b int);
DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE many (%s)', string_agg(format('c%s pair', n), ', ')) FROM generate_series(1, 300) n); END $$;
-- how often a column is asked for the fields in it, in statements that make one column
ANALYZE pg_attribute, pg_class, pg_depend, pg_statistic_ext;
SET track_functions = 'all';
SET enable_nestloop = off;
SET enable_hashjoin = off;
SET enable_seqscan = off;
BEGIN;
CREATE TABLE one (i int PRIMARY KEY, p pair);
CREATE STATISTICS one_s (mcv) ON i, p FROM one;
ALTER TABLE one ADD COLUMN q pair;
SELECT sum(pg_stat_get_xact_function_calls(oid)) < 50 AS few_calls FROM pg_proc WHERE proname IN ('holds_fields', 'is_field_type');
ROLLBACK;
-- and it still finds them
CREATE TABLE had (i int, fields csec.phone[]);
SELECT attstattarget FROM pg_attribute WHERE attrelid = 'had'::regclass AND attname = 'fields';
CREATE STATISTICS had_s (mcv) ON i, fields FROM had;
DROP TABLE had, many;
DROP TYPE pair;
