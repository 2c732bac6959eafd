-- A.13, B.9: if this failed, who may write all data, as loaders are often made
-- to, would give himself clearances, and take keys away.
SET client_min_messages = warning;
CREATE ROLE regress_all_writer LOGIN IN ROLE pg_write_all_data, pg_read_all_data;
CREATE ROLE regress_all_admin LOGIN IN ROLE pg_write_all_data, csec_admin;
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone);
INSERT INTO cust VALUES (1, '13812345678');
SELECT csec.protect('cust', 'id');

\c - regress_all_writer
INSERT INTO csec.clearance (role, level) VALUES ('regress_all_writer', 'core');
INSERT INTO csec.clearance (role, level) SELECT 'regress_all_writer', 'core' ON CONFLICT DO NOTHING;
WITH w AS (INSERT INTO csec.clearance (role, level) VALUES ('regress_all_writer', 'core') RETURNING 1) SELECT 2;
MERGE INTO csec.clearance c USING (VALUES (1)) v ON false WHEN NOT MATCHED THEN INSERT (role, level) VALUES ('regress_all_writer', 'core');
UPDATE csec.category SET level = 'general', mask = 'first_last';
UPDATE csec.protected_table SET enforce = false;
DELETE FROM csec.key;
DELETE FROM csec_trail.audit_log;
COPY csec.clearance (role, level) FROM STDIN;
regress_all_writer	core
\.
CREATE TEMP VIEW v AS SELECT role, level FROM csec.clearance;
INSERT INTO v VALUES ('regress_all_writer', 'core');
-- what is data, he may write
UPDATE cust SET phone = '13812345679' WHERE id = 1;
SELECT phone FROM cust;
SELECT role FROM csec.clearance;

-- who was given the right has it
\c - regress_all_admin
INSERT INTO csec.category (name, level, mask) VALUES ('regress_policy_no', 'general', 'last4');
DELETE FROM csec.category WHERE name = 'regress_policy_no';
INSERT INTO csec.clearance (role, level) VALUES ('regress_all_admin', 'core');

\c - postgres
SET client_min_messages = warning;
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP TABLE cust;
DROP OWNED BY regress_all_writer, regress_all_admin;
DROP ROLE regress_all_writer, regress_all_admin;
