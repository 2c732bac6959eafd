-- Were this to fail, a row that an index-only scan met after an update in its page would be told as all customers: B.5.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(40);
CREATE INDEX by_phone ON cust (phone);
ANALYZE cust;
SELECT trail.mute();
SET enable_seqscan = off;
SET enable_bitmapscan = off;

-- The index has no key, and still names the row's first version; the row is another in its chain.
UPDATE cust SET bal = bal + 100 WHERE id IN (5, 6);
UPDATE cust SET bal = bal + 100 WHERE id = 6;
SELECT * FROM trail.seen();
EXPLAIN (COSTS OFF) SELECT count(*) FROM cust WHERE phone = '13800000005';
SELECT count(*) FROM cust WHERE phone = '13800000005';
SELECT count(*) FROM cust WHERE phone IN ('13800000006', '13800000007');
SELECT EXISTS (SELECT FROM cust WHERE phone = '13800000006');
SELECT * FROM trail.seen();

-- One that this transaction made, one that it deleted, one that an older snapshot sees.
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE cust SET bal = 0 WHERE id = 8;
SELECT count(*) FROM cust WHERE phone = '13800000008';
DELETE FROM cust WHERE id = 8;
SELECT count(*) FROM cust WHERE phone = '13800000008';
ROLLBACK;
DECLARE held CURSOR WITH HOLD FOR SELECT FROM cust WHERE phone = '13800000009';
CLOSE held;
BEGIN;
DECLARE older CURSOR FOR SELECT 'there' AS is FROM cust WHERE phone IN ('13800000009', '13800000010');
UPDATE cust SET bal = 0 WHERE id IN (9, 10);
FETCH ALL older;
COMMIT;
SELECT * FROM trail.seen();

-- Pruned: the index leads over a line pointer, and the page is known to be visible to all.
VACUUM cust;
SELECT count(*) FROM cust WHERE phone = '13800000006';
SELECT * FROM trail.seen();

-- A filter on what the index has, of the query or of a policy, is a look at the field.
CREATE ROLE regress_b5_low LOGIN;
GRANT SELECT ON cust TO regress_b5_low;
CREATE POLICY known ON cust USING (phone LIKE '138%');
ALTER TABLE cust ENABLE ROW LEVEL SECURITY;
EXPLAIN (COSTS OFF) SELECT count(*) FROM cust WHERE phone LIKE '138%';
SELECT count(*) FROM cust WHERE phone LIKE '138%';
SET ROLE regress_b5_low;
SELECT count(*) FROM cust;
RESET ROLE;
SELECT * FROM trail.seen();
SELECT reader, probed FROM csec.access_records WHERE relation = 'public.cust' ORDER BY seq DESC LIMIT 2;
DROP OWNED BY regress_b5_low;
DROP ROLE regress_b5_low;
