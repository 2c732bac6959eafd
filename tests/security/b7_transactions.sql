-- Were this to fail, taking a transaction back, or failing in it, would take its reads out of the trail: B.7, B.3.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(20);
SELECT trail.mute();

-- Taken back, it has been read.
BEGIN;
SELECT phone FROM cust WHERE id = 1;
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT phone FROM cust WHERE id = 2;
ROLLBACK TO s;
SELECT 1 / 0;
SELECT phone FROM cust WHERE id = 3;
ROLLBACK;
DO $$ BEGIN
	PERFORM phone FROM cust WHERE id = 4;
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
DO $$ BEGIN PERFORM phone FROM cust WHERE id = 5; ROLLBACK; PERFORM phone FROM cust WHERE id = 6; COMMIT; END $$;
SELECT * FROM trail.seen();

-- It has failed, and what it failed on is in it.
SELECT 1 / (bal - 7) FROM cust WHERE id < 10;
SELECT phone::text::int FROM cust WHERE id = 8;
BEGIN;
SELECT phone FROM cust WHERE id = 9;
SELECT 1 / 0;
COMMIT;
CREATE FUNCTION tells(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it is %', $1; END $$;
SELECT tells(phone::text) FROM cust WHERE id = 10;
SELECT id FROM cust WHERE tells(phone::text) = 1 AND id = 11;
COPY (SELECT 1 / (bal - 12) FROM cust WHERE id < 15) TO '/dev/null';
SELECT * FROM trail.seen();

-- Where nothing may be written.
BEGIN READ ONLY;
SELECT phone FROM cust WHERE id = 11;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT phone FROM cust WHERE id = 12;
COMMIT;
SET default_transaction_read_only = on;
SELECT phone FROM cust WHERE id = 13;
RESET default_transaction_read_only;
SET transaction_isolation = 'repeatable read';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT phone FROM cust WHERE id = 14;
SELECT phone FROM cust WHERE id = 15;
ROLLBACK;
SELECT * FROM trail.seen();

-- Several statements in one message are statements of their own.
SELECT phone FROM cust WHERE id = 16\; SELECT phone FROM cust WHERE id = 17;
SELECT * FROM trail.seen();

-- The claims of a transaction end with it.
BEGIN;
SELECT csec.set_context('alice', 'call 17', 'T-1');
SELECT phone FROM cust WHERE id = 18;
ROLLBACK;
SELECT phone FROM cust WHERE id = 19;
SELECT csec.flush_audit();
SELECT f.actor, f.reason, f.ticket, trail.subjects(l.record) FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > (SELECT seq FROM trail.told) AND f.relation = 'public.cust' ORDER BY l.seq;

-- Strict: flushed before the first row leaves, whatever the session asks for.
UPDATE csec.protected_table SET audit = 'strict';
SELECT trail.mute();
CREATE EXTENSION pg_walinspect;
CREATE FUNCTION on_disk(since pg_lsn) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT count(*) FROM pg_get_wal_records_info(since, pg_current_wal_flush_lsn()) WHERE resource_manager = 'LogicalMessage' AND description LIKE '%"csec"%' $$;
SET synchronous_commit = off;
BEGIN READ ONLY;
SELECT csec.flush_audit();
SELECT pg_current_wal_flush_lsn() AS before \gset
-- what a function does with a row, it does when the intent is on disk
SELECT on_disk(:'before'), id FROM cust WHERE id < 3;
COMMIT;
RESET synchronous_commit;
SELECT * FROM trail.seen();
