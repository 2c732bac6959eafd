-- A tree over 100 million records, made by its tiles alone: all leaves are the same hash,
-- so that each tile of a level is.  What a proof reads does not depend on what is in them.
\set ON_ERROR_STOP on
\timing off
SET client_min_messages = error;
CREATE EXTENSION csec CASCADE;
SELECT csec.create_trail();
SELECT csec.flush_audit();
BEGIN;
-- the sealer waits meanwhile, and finds all as it was
LOCK TABLE csec_trail.sealer_state;
TRUNCATE csec_trail.tree_tile;
-- a tile of one hash compresses to little, so that the table fits a laptop
ALTER TABLE csec_trail.tree_tile ALTER COLUMN hashes SET STORAGE MAIN;
DO $$
DECLARE
	records constant int8 := 100000000;
	leaf bytea := sha256('\x00' || sha256('record'));
	node bytea;
	tiles int8 := records / 256;
	l int := 0;
BEGIN
	WHILE tiles > 0 LOOP
		node := leaf;
		FOR i IN 1 .. 8 LOOP
			node := sha256('\x01' || node || node);
		END LOOP;
		INSERT INTO csec_trail.tree_tile
			SELECT l, t, node, decode(repeat(encode(leaf, 'hex'), 256), 'hex')
			FROM generate_series(0, tiles - 1) t;
		leaf := node;
		tiles := tiles / 256;
		l := l + 1;
	END LOOP;
	UPDATE csec_trail.sealer_state SET seq = records;
END $$;
CREATE TEMP TABLE took (kind text, ms float8, cpu float8, hashes int, good bool) ON COMMIT DROP;
-- processor time of this process, in hundredths of a second: other work on the machine is not in it
CREATE FUNCTION pg_temp.ticks() RETURNS int8 LANGUAGE sql VOLATILE AS $$
	SELECT (f[12])::int8 + (f[13])::int8
	FROM string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ') f $$;
CREATE FUNCTION pg_temp.measure(kind text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	records constant int8 := 100000000;
	rounds constant int := 2000;
	root bytea := csec.tree_root(records);
	proof bytea[];
	started timestamptz;
	before int8;
	n int8;
BEGIN
	PERFORM setseed(0.5);
	before := pg_temp.ticks();
	FOR i IN 1 .. rounds LOOP
		n := 1 + (random() * (records - 1))::int8;
		started := clock_timestamp();
		proof := CASE kind WHEN 'inclusion' THEN csec.inclusion_proof(n, records) ELSE csec.consistency_proof(n, records) END;
		INSERT INTO took VALUES (kind, extract(epoch FROM clock_timestamp() - started) * 1000, NULL, cardinality(proof), NULL);
	END LOOP;
	UPDATE took SET cpu = (pg_temp.ticks() - before) * 10.0 / rounds WHERE took.kind = measure.kind;
	FOR i IN 1 .. 50 LOOP
		n := 1 + (random() * (records - 1))::int8;
		INSERT INTO took (kind, good) VALUES (kind, CASE kind
			WHEN 'inclusion' THEN csec.verify_inclusion(n, records, sha256('record'), csec.inclusion_proof(n, records), root)
			ELSE csec.verify_consistency(n, records, csec.tree_root(n), root, csec.consistency_proof(n, records)) END);
	END LOOP;
END $$;
SELECT pg_temp.measure('inclusion');
SELECT pg_temp.measure('consistency');
\pset format unaligned
\pset fieldsep '  '
SELECT kind, 'median ' || round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 3) || ' ms' AS median,
	'processor ' || round(max(cpu)::numeric, 3) || ' ms' AS cpu,
	max(hashes) || ' hashes' AS longest, CASE WHEN bool_and(good) THEN 'all verify' ELSE 'WRONG' END AS verdict
FROM took GROUP BY kind ORDER BY kind DESC;
ROLLBACK;
