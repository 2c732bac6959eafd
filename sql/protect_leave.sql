-- What leaves a protected table, or comes back to it.  Wrong if rows that were
-- protected were shown, read or changed without what protects the others, or if
-- a table could come back under another policy than it left.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_leave_owner LOGIN;
CREATE ROLE regress_leave_clerk LOGIN;
CREATE ROLE regress_leave_manager LOGIN;
SELECT csec.set_clearance('regress_leave_manager', level => 'important');
GRANT csec_loader TO CURRENT_USER;
CREATE SCHEMA leave AUTHORIZATION regress_leave_owner;
GRANT USAGE ON SCHEMA leave TO PUBLIC;
SET search_path = leave;
SET ROLE regress_leave_owner;
CREATE TABLE cust (id int, year int, phone text, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE cust_1 PARTITION OF cust FOR VALUES IN (1);
CREATE TABLE cust_2 (phone text, year int NOT NULL, id int NOT NULL);
ALTER TABLE cust ATTACH PARTITION cust_2 FOR VALUES IN (2);
CREATE TABLE cust_3 PARTITION OF cust FOR VALUES IN (3) PARTITION BY RANGE (id);
CREATE TABLE cust_3a PARTITION OF cust_3 FOR VALUES FROM (0) TO (100);
INSERT INTO cust SELECT g, 1 + g % 3, '138000' || lpad(g::text, 5, '0') FROM generate_series(1, 12) g;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA leave TO regress_leave_clerk, regress_leave_manager;
RESET ROLE;
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
CREATE VIEW policy AS SELECT p.relid, p.subject, p.subject_of, p.enforce, p.subject_keys, p.repeats_within,
		(SELECT jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = p.relid) AS fields
	FROM csec.protected_table p WHERE p.relid::text LIKE 'cust%' OR p.relid::text LIKE 'kid%' OR p.relid::text LIKE 'par%';
CREATE VIEW triggers AS SELECT g.tgrelid::regclass AS tab, g.tgname, g.tgenabled, g.tgparentid <> 0 AS cloned FROM pg_trigger g
	WHERE g.tgrelid::regclass::text ~ '^(cust|kid|par)' AND NOT g.tgisinternal OR g.tgrelid::regclass::text ~ '^(cust|kid|par)' AND g.tgname LIKE 'csec%';
SELECT csec.set_coalescing('cust', NULL);

-- the owner takes partitions out: they stay under csec, as the customers' own
SET ROLE regress_leave_owner;
ALTER TABLE cust DETACH PARTITION cust_2;
ALTER TABLE cust DETACH PARTITION cust_3;
RESET ROLE;
SELECT * FROM policy ORDER BY relid::text;
SELECT * FROM triggers ORDER BY tab::text, tgname;
\c - regress_leave_clerk
SET search_path = leave;
SELECT id, phone FROM cust_2 ORDER BY id;
UPDATE cust_2 SET phone = phone, year = 2;
UPDATE cust_3 SET phone = (SELECT phone FROM cust_2 LIMIT 1) WHERE id = 2;
DELETE FROM cust_3a WHERE id = 5;
TRUNCATE cust_3a;
\c - regress_leave_manager
SET search_path = leave;
SELECT id, phone FROM cust_2 ORDER BY id;
INSERT INTO cust_3 VALUES (8, 3, '13800000008');
\c - postgres
SET search_path = leave;
SET client_min_messages = warning;
SELECT csec.flush_audit();
SELECT login, relation, revealed, masked, rows FROM csec.access_records WHERE relation LIKE 'leave.cust%' ORDER BY seq;
SELECT login, relation, op, subject, outcome FROM csec.change_records WHERE relation LIKE 'leave.cust%' AND login <> 'postgres' ORDER BY seq, row_no;
-- of a customer all is found, by whichever of the tables
SELECT login, relation, exactness FROM csec.who_saw('cust', '4') ORDER BY seq;
SELECT login, relation, exactness FROM csec.who_saw('cust_2', '4') ORDER BY seq;
SELECT action, object, detail FROM csec.control_records WHERE action IN ('protect', 'join') AND object LIKE 'leave.%' ORDER BY seq;
-- what holds customers of a table keeps it under csec
SELECT csec.unprotect('cust', 'over');

-- a new partition is made by who owns the table; a trigger of csec's by nobody
SET ROLE regress_leave_owner;
CREATE TABLE cust_4 PARTITION OF cust FOR VALUES IN (4);
CREATE TABLE mine (id int);
CREATE TRIGGER csec_zz_truncate AFTER TRUNCATE ON mine EXECUTE FUNCTION csec.record_change();
CREATE TRIGGER again AFTER INSERT ON cust_1 FOR EACH ROW EXECUTE FUNCTION csec.record_change();
CREATE CONSTRAINT TRIGGER again AFTER UPDATE ON mine DEFERRABLE FOR EACH ROW EXECUTE FUNCTION csec.record_change();
SELECT csec.record_change();
RESET ROLE;
SELECT * FROM triggers WHERE tab::text = 'cust_4' ORDER BY tgname;
-- under another policy none comes back
SET ROLE regress_leave_owner;
ALTER TABLE cust_2 ADD note csec.free_text;
ALTER TABLE cust ADD note text;
ALTER TABLE cust ATTACH PARTITION cust_2 FOR VALUES IN (2);
ALTER TABLE cust_2 DROP note CASCADE;
ALTER TABLE cust DROP note;
-- as it went it does, and the trail is whole
ALTER TABLE cust ATTACH PARTITION cust_2 FOR VALUES IN (2);
BEGIN;
ALTER TABLE cust ATTACH PARTITION cust_3 FOR VALUES IN (3);
ROLLBACK;
RESET ROLE;
SELECT relid FROM policy ORDER BY relid::text;
SET ROLE regress_leave_owner;
ALTER TABLE cust ATTACH PARTITION cust_3 FOR VALUES IN (3);
RESET ROLE;
SELECT * FROM policy ORDER BY relid::text;
SELECT * FROM triggers ORDER BY tab::text, tgname;
SELECT login, relation, exactness FROM csec.who_saw('cust', '4') ORDER BY seq;
SELECT csec.flush_audit();
SELECT object, detail FROM csec.control_records WHERE action = 'join' ORDER BY seq;

-- beside those who read meanwhile, and as a dump is restored
ALTER TABLE cust DETACH PARTITION cust_2 CONCURRENTLY;
SET row_security = off;
ALTER TABLE cust DETACH PARTITION cust_3;
RESET row_security;
SELECT relid, subject_of FROM policy ORDER BY relid::text;
ALTER TABLE cust ATTACH PARTITION cust_2 FOR VALUES IN (2);
SELECT count(phone) FROM cust_3 WHERE id = 8;
DROP TABLE cust_3;
SELECT relid FROM policy ORDER BY relid::text;
-- the trail still knows whose customers they were
SELECT csec.flush_audit();
SELECT login, relation, exactness FROM csec.who_saw('cust', '8') ORDER BY seq;

-- what has csec's triggers and no policy, as from a dump of one table, keeps nobody from his own
CREATE TABLE alone (id int);
CREATE TRIGGER csec_zz_truncate AFTER TRUNCATE ON alone EXECUTE FUNCTION csec.record_change();
ALTER TABLE cust DETACH PARTITION cust_2;
ALTER TABLE cust ATTACH PARTITION cust_2 FOR VALUES IN (2);
CREATE TABLE free (id int) PARTITION BY RANGE (id);
CREATE TABLE free_1 PARTITION OF free DEFAULT;
ALTER TABLE free DETACH PARTITION free_1;
DROP TABLE alone, free, free_1;
SELECT relid FROM policy ORDER BY relid::text;

-- a child with more fields than its parent; one that has another protected parent
CREATE TABLE par (id int PRIMARY KEY, phone text);
CREATE TABLE par_too (code text);
CREATE TABLE kid (email csec.email) INHERITS (par);
CREATE TABLE kid_too () INHERITS (par, par_too);
SELECT csec.protect('par', 'id', '{"phone": "phone"}');
ALTER TABLE kid NO INHERIT par;
ALTER TABLE kid_too NO INHERIT par_too;
SELECT relid, subject_of, fields FROM policy WHERE relid::text ~ '^(kid|par)' ORDER BY relid::text;
SELECT * FROM triggers WHERE tab::text ~ '^(kid|par)' ORDER BY tab::text, tgname;
ALTER TABLE kid INHERIT par;
INSERT INTO kid VALUES (1, '13800000001', 'a@example.com');
UPDATE par SET phone = '13800000002';
SELECT csec.flush_audit();
SELECT relation, op, subject, outcome FROM csec.change_records WHERE relation ~ 'leave.(par|kid)' ORDER BY seq;

-- what is only observed goes on being observed; what has keys of its customers' keeps them
CREATE TABLE cust_seen (id int PRIMARY KEY, phone text) PARTITION BY RANGE (id);
CREATE TABLE cust_seen_1 PARTITION OF cust_seen DEFAULT;
SELECT csec.protect('cust_seen', 'id', '{"phone": "phone"}', enforce => false);
ALTER TABLE cust_seen DETACH PARTITION cust_seen_1;
CREATE TABLE cust_keys (id int PRIMARY KEY, id_no text) PARTITION BY RANGE (id);
CREATE TABLE cust_keys_1 PARTITION OF cust_keys DEFAULT;
INSERT INTO cust_keys VALUES (1, '11010519491231002X');
SELECT csec.protect('cust_keys', 'id', '{"id_no": "id_card"}', subject_keys => true);
ALTER TABLE cust_keys DETACH PARTITION cust_keys_1;
INSERT INTO cust_keys_1 VALUES (2, '11010519491231002X');
SELECT relid, subject_of, enforce, subject_keys, fields FROM policy WHERE relid::text ~ '^cust_(seen|keys)' ORDER BY relid::text;
SELECT count(*) FROM csec.subject_key k JOIN csec.subject_space s ON s.id = k.space WHERE s.relid = 'cust_keys'::regclass;
ALTER TABLE cust_keys ATTACH PARTITION cust_keys_1 DEFAULT;
ALTER TABLE cust_seen ATTACH PARTITION cust_seen_1 DEFAULT;
SELECT relid, subject_of, enforce, subject_keys, fields FROM policy WHERE relid::text ~ '^cust_(seen|keys)' ORDER BY relid::text;

-- what was protected on its own comes under its parent's policy, if that is the same
CREATE TABLE cust_own (LIKE cust_seen INCLUDING INDEXES);
SELECT csec.protect('cust_own', 'id', '{"phone": "phone"}');
CREATE TABLE cust_all (id int PRIMARY KEY, phone text) PARTITION BY RANGE (id);
SELECT csec.protect('cust_all', 'id', '{"phone": "email"}');
ALTER TABLE cust_all ATTACH PARTITION cust_own DEFAULT;
SELECT csec.unprotect('cust_all', 'over');
SELECT csec.protect('cust_all', 'id', '{"phone": "phone"}');
SELECT id, phone FROM cust_own;
ALTER TABLE cust_all ATTACH PARTITION cust_own DEFAULT;
SELECT relid, 'cust_own'::regclass = ANY (filed_as) AS has_its_records FROM csec.protected_table p WHERE relid::text ~ '^cust_(own|all)';
SELECT csec.unprotect_all('over');
SELECT tab, tgname FROM triggers;
SELECT verified, problem FROM csec.verify_trail();
SELECT csec.revoke_clearance('regress_leave_manager', level => 'important');
REVOKE csec_loader FROM CURRENT_USER;

-- a child under a policy of its own follows the names that come from its parent, which is under none
CREATE TABLE up (id int, kind text, note text);
CREATE TABLE down (phone text, PRIMARY KEY (id)) INHERITS (up);
INSERT INTO down VALUES (1, 'a', 'b', '13812345678');
SELECT csec.protect('down', 'id', '{"phone": "phone"}');
ALTER TABLE up RENAME COLUMN id TO number;
ALTER TABLE up RENAME COLUMN note TO remark;
SELECT p.subject FROM csec.protected_table p WHERE p.relid = 'down'::regclass;
SELECT number, phone::text FROM down;
SELECT csec.flush_audit();
SELECT count(*) > 0 AS told FROM csec.who_saw('down', '1');
ALTER TABLE up DROP COLUMN number CASCADE;
SELECT csec.unprotect('down', 'over');
DROP TABLE up CASCADE;
