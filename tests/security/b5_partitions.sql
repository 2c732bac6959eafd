-- Were this to fail, a partition or a child would be a way around its parent: B.5, B.8.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
-- Partitioned: through the parent and through its partitions.
SET csec.probe_limit = 1000;
CREATE TABLE part (id int8, region text, phone csec.phone, bal int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE part_n PARTITION OF part FOR VALUES IN ('n');
CREATE TABLE part_s (bal int, region text NOT NULL, gone int, phone csec.phone, id int8 NOT NULL);
ALTER TABLE part_s DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_s FOR VALUES IN ('s');
CREATE TABLE part_e PARTITION OF part FOR VALUES IN ('e') PARTITION BY RANGE (id);
CREATE TABLE part_e1 PARTITION OF part_e FOR VALUES FROM (0) TO (100);
INSERT INTO part SELECT i, (ARRAY['n', 's', 'e'])[i % 3 + 1], '138' || lpad(i::text, 8, '0'), i FROM generate_series(1, 12) i;
SELECT csec.protect('part', 'id', '{"phone": "phone"}');
SELECT trail.mute();
SELECT id, phone FROM part WHERE region = 'n' ORDER BY id;
SELECT phone FROM part_s ORDER BY bal;
SELECT count(phone) FROM part_e1;
SELECT * FROM part;
SELECT count(phone) FROM part;
SELECT phone FROM part ORDER BY id LIMIT 2;
SELECT id FROM part ORDER BY region, id LIMIT 2;
COPY part_s TO '/dev/null';
COPY (SELECT * FROM part) TO '/dev/null';
SELECT p.id FROM part p JOIN part q USING (region, id) WHERE q.bal = 5;
SELECT * FROM trail.seen();
-- Attached afterwards, it is under the same rule; detached, it is under one of
-- its own, and that is on record.
CREATE TABLE part_w (LIKE part);
INSERT INTO part_w VALUES (20, 'w', '13800000020', 20);
SELECT phone FROM part_w;
ALTER TABLE part ATTACH PARTITION part_w FOR VALUES IN ('w');
SELECT phone FROM part_w;
SELECT * FROM trail.seen();
ALTER TABLE part DETACH PARTITION part_e;
SELECT phone FROM part_e1 LIMIT 1;
SELECT * FROM trail.news();
ALTER TABLE part ATTACH PARTITION part_e FOR VALUES IN ('e');
-- A changed row is told under the table that is protected.
UPDATE part SET bal = 0 WHERE id IN (1, 2);
UPDATE part_s SET bal = 1 WHERE id = 4;
DELETE FROM part_e1 WHERE id = 11;
INSERT INTO part_n VALUES (30, 'n', '13800000030', 30);
UPDATE part SET region = 'n' WHERE id = 4;
TRUNCATE part_n;
SELECT * FROM trail.seen();

-- The existing row in ON CONFLICT, in partitions whose columns stand otherwise.
INSERT INTO part VALUES (1, 's', '1', 1) ON CONFLICT (region, id) DO UPDATE SET bal = 9 WHERE part.bal > 100;
INSERT INTO part VALUES (30, 's', '1', 1) ON CONFLICT (region, id) DO UPDATE SET bal = 9 WHERE part.bal > 100;
INSERT INTO part VALUES (5, 'e', '1', 1), (7, 's', '1', 1), (10, 's', '1', 1), (31, 'n', '1', 1)
	ON CONFLICT (region, id) DO UPDATE SET bal = excluded.bal WHERE part.bal = 7;
INSERT INTO part VALUES (10, 's', '1', 1) ON CONFLICT (region, id) DO UPDATE SET bal = 8;
INSERT INTO part VALUES (10, 's', '1', 1) ON CONFLICT (region, id) DO NOTHING;
INSERT INTO part VALUES (10, 'x', '1', 1) ON CONFLICT (region, id) DO UPDATE SET bal = 8;
SELECT * FROM trail.seen();

-- Inherited: the same.
CREATE TABLE parent (id int8 PRIMARY KEY, phone csec.phone);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE TABLE other (x int, id int8 NOT NULL, phone csec.phone);
ALTER TABLE other INHERIT parent;
INSERT INTO parent VALUES (1, '13800000001');
INSERT INTO child VALUES (2, '13800000002', 'e');
INSERT INTO other VALUES (0, 3, '13800000003');
SELECT csec.protect('parent', 'id', '{"phone": "phone"}');
SELECT trail.mute();
SELECT phone FROM parent;
SELECT phone FROM ONLY parent;
ALTER TABLE child ADD gone text;
ALTER TABLE child DROP gone;
SELECT child FROM child;
SELECT phone, extra FROM child;
SELECT phone, x FROM other;
SELECT * FROM trail.seen();
CREATE TABLE late () INHERITS (parent);
INSERT INTO late VALUES (4, '13800000004');
UPDATE parent SET phone = '13900000009';
DELETE FROM child;
SELECT * FROM trail.seen();
-- A change by key that one of the children refuses.
ALTER TABLE other ADD CHECK (id < 30);
UPDATE parent SET id = id * 10;
SELECT * FROM trail.seen();
