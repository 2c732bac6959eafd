-- Were this to fail, protecting a table would lose or change what stands over
-- it, or taking the protection back would not give the table back as it was.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION pg_trgm;
CREATE ROLE regress_protect_app;
GRANT csec_loader TO CURRENT_USER;
CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

CREATE TABLE customers (
	id int PRIMARY KEY,
	name varchar(40) NOT NULL DEFAULT '无名',
	phone varchar(20) COLLATE "C" UNIQUE,
	email varchar(100) DEFAULT 'none@example.org',
	id_no char(18),
	birth date,
	note text,
	bal numeric,
	CHECK (phone <> ''),
	CONSTRAINT reachable CHECK (email IS NOT NULL OR phone IS NOT NULL)
);
COMMENT ON CONSTRAINT reachable ON customers IS 'one of them';
COMMENT ON COLUMN customers.phone IS 'mobile';
GRANT SELECT (id, phone, name), DELETE ON customers TO regress_protect_app;
CREATE INDEX by_email ON customers (lower(email));
CREATE INDEX by_phone ON customers (phone varchar_pattern_ops) WHERE phone IS NOT NULL;
COMMENT ON INDEX by_phone IS 'for prefixes';
CREATE INDEX by_name ON customers USING gin (name gin_trgm_ops);
CREATE STATISTICS together (mcv) ON name, phone FROM customers;
ALTER STATISTICS together SET STATISTICS 77;
ALTER TABLE customers ALTER note SET STORAGE EXTERNAL, ALTER note SET COMPRESSION pglz, ALTER phone SET STORAGE MAIN, ALTER id_no SET STORAGE EXTERNAL,
	ALTER phone SET STATISTICS 500, ALTER name SET (n_distinct = -0.5);
CREATE VIEW v1 WITH (security_barrier) AS
	SELECT id, phone, name FROM customers WHERE phone <> '13800000000';
COMMENT ON VIEW v1 IS 'hello';
COMMENT ON COLUMN v1.phone IS 'of a view';
ALTER VIEW v1 ALTER COLUMN name SET DEFAULT '张三';
ALTER VIEW v1 OWNER TO regress_protect_app;
GRANT SELECT ON v1 TO PUBLIC;
GRANT SELECT (phone) ON v1 TO csec_officer WITH GRANT OPTION;
CREATE VIEW v2 AS SELECT v1.*, upper(name) AS up FROM v1 WHERE phone LIKE '138%' OR phone = '13900000001';
CREATE MATERIALIZED VIEW m1 AS SELECT id, phone FROM customers;
CREATE UNIQUE INDEX m1_id ON m1 (id);
CREATE MATERIALIZED VIEW m2 AS SELECT phone FROM customers WITH NO DATA;
CREATE POLICY own ON customers AS RESTRICTIVE FOR SELECT TO regress_protect_app USING (phone = current_setting('app.phone', true));
COMMENT ON POLICY own ON customers IS 'by phone';
CREATE TRIGGER watch BEFORE UPDATE OF phone ON customers FOR EACH ROW WHEN (OLD.phone <> NEW.phone) EXECUTE FUNCTION same();
ALTER TABLE customers DISABLE TRIGGER watch;
CREATE TRIGGER onview INSTEAD OF INSERT ON v1 FOR EACH ROW EXECUTE FUNCTION same();
CREATE RULE r1 AS ON DELETE TO v1 DO INSTEAD DELETE FROM customers WHERE phone = OLD.phone;
CREATE FUNCTION by_hand(p text) RETURNS int LANGUAGE sql AS 'SELECT id FROM customers WHERE phone = p';
INSERT INTO customers
	SELECT g, '张三丰', '138' || lpad(g::text, 8, '0'), 'a' || g || '@example.org',
		'1101011990030' || lpad(g::text, 5, '0'), DATE '1990-01-01' + g, 'a note', g
	FROM generate_series(1, 50) g;
REFRESH MATERIALIZED VIEW m1;

-- What a table and its views are, without csec's part, for comparison.
CREATE FUNCTION picture() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT * FROM (
		SELECT attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' '
			|| attstorage::text || attcompression::text || coalesce(attstattarget, -1) || coalesce(substring(attoptions::text, 'n_distinct=[^,}]*'), '') || ' '
			|| coalesce(attacl::text, '-') || coalesce(' ' || col_description(attrelid, attnum), '')
			|| coalesce(' ' || (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum), '')
			|| coalesce(' ' || (SELECT collname FROM pg_collation c WHERE c.oid = attcollation), '')
		FROM pg_attribute WHERE attrelid IN ('customers'::regclass, 'v1'::regclass, 'v2'::regclass, 'm1'::regclass, 'm2'::regclass) AND attnum > 0
		UNION ALL SELECT pg_get_constraintdef(oid) || coalesce(' ' || obj_description(oid, 'pg_constraint'), '') FROM pg_constraint WHERE conrelid = 'customers'::regclass
		UNION ALL SELECT pg_get_indexdef(indexrelid) || coalesce(' ' || obj_description(indexrelid, 'pg_class'), '') FROM pg_index WHERE indrelid IN ('customers'::regclass, 'm1'::regclass)
		UNION ALL SELECT pg_get_statisticsobjdef(oid) || ' ' || coalesce(stxstattarget, -1) FROM pg_statistic_ext
		UNION ALL SELECT c.oid::regclass || ' ' || relowner::regrole || coalesce(' ' || reloptions::text, '') || coalesce(' ' || relacl::text, '') || ' ' || relispopulated
			|| coalesce(' ' || obj_description(c.oid, 'pg_class'), '') FROM pg_class c WHERE relname IN ('customers', 'v1', 'v2', 'm1', 'm2')
		UNION ALL SELECT pg_get_viewdef(relname::regclass) FROM pg_class WHERE relname IN ('v1', 'v2', 'm1', 'm2')
		UNION ALL SELECT polname::text || polcmd::text || polpermissive || polroles::regrole[]::text || pg_get_expr(polqual, polrelid) || obj_description(oid, 'pg_policy') FROM pg_policy
		UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('customers'::regclass, 'v1'::regclass)
		UNION ALL SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename = 'r1') x(line)
	ORDER BY line COLLATE "C" $$;
CREATE TABLE before AS SELECT * FROM picture() line;
CREATE TABLE rows_before AS SELECT * FROM customers;

SELECT step, kind, object, what FROM csec.plan_protect('customers', subject => 'id',
	fields => '{"name": "person_name", "phone": "phone", "email": "email", "id_no": "id_card", "birth": "birth_date", "note": "free_text"}')
	WHERE kind <> 'lock';
-- nothing was changed by that, and nothing is left of it
SELECT line FROM picture() line EXCEPT SELECT line FROM before;
SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'csec_try%';

SELECT csec.protect('customers', subject => 'id',
	fields => '{"name": "person_name", "phone": "phone", "email": "email", "id_no": "id_card", "birth": "birth_date", "note": "free_text"}');
SELECT relid, attname, category, original_type FROM csec.protected_field ORDER BY attname;
SELECT name, remade FROM csec.replaced_object ORDER BY name;
SELECT line FROM picture() line EXCEPT SELECT line FROM before ORDER BY 1;
SELECT line FROM before EXCEPT SELECT line FROM picture() line ORDER BY 1;

SELECT * FROM customers WHERE id = 7;
SELECT * FROM v2 WHERE id = 7;
SELECT * FROM v2 WHERE phone = '13800000007';
SELECT * FROM m1 WHERE id = 7;
SELECT by_hand('13800000009');
INSERT INTO customers (id, phone) VALUES (100, '13800000007');
INSERT INTO customers (id, phone) VALUES (100, '');
INSERT INTO customers (id) VALUES (100) RETURNING name = '无名' AS named, email = 'none@example.org' AS reachable;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM customers WHERE lower(email) = 'a7@example.org';
RESET enable_seqscan;
UPDATE customers SET name = name, phone = phone::text WHERE id = 7;
UPDATE customers SET phone = '138****0007', bal = 0 WHERE id = 7;
SELECT phone = '13800000007' AS kept, bal FROM customers WHERE id = 7;
DELETE FROM customers WHERE id = 100;
UPDATE customers SET bal = 7 WHERE id = 7;

-- and back
SELECT csec.unprotect('customers', '');
SELECT csec.unprotect('customers', 'the test is over');
SELECT line FROM picture() line EXCEPT SELECT line FROM before;
SELECT line FROM before EXCEPT SELECT line FROM picture() line;
SELECT count(*) FROM (SELECT * FROM customers EXCEPT SELECT * FROM rows_before) x;
SELECT count(*) FROM (SELECT * FROM rows_before EXCEPT SELECT * FROM customers) x;
SELECT count(*) FROM csec.protected_table;
SELECT csec.unprotect('customers', 'again');

-- a value that has outgrown its type is not cut off
SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone"}');
UPDATE customers SET phone = '+86 138 0000 0001 ext. 2345' WHERE id = 1;
SELECT csec.unprotect('customers', 'back');
SELECT csec.unprotect('customers', 'back', widen => true);
SELECT phone FROM customers WHERE id = 1;

-- it is all in the trail, with its outcome
SELECT csec.flush_audit();
SELECT action, detail ->> 'reason' AS reason, outcome FROM csec.control_records
	WHERE action IN ('protect', 'unprotect', 'rewrite in clear') ORDER BY seq;
DROP VIEW v2, v1;
DROP OWNED BY regress_protect_app;
DROP ROLE regress_protect_app;
REVOKE csec_loader FROM CURRENT_USER;
