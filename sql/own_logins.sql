-- Nobody clears himself, or makes himself the owner of data, by another login of
-- his: were this to fail, two logins would be all that it takes.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_own_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_own_group;
CREATE ROLE regress_own_second LOGIN;
CREATE ROLE regress_own_third LOGIN IN ROLE regress_own_group;
CREATE ROLE regress_own_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text);
SELECT csec.protect('cust', 'id', '{"name": "person_name"}');
INSERT INTO csec.person (id, name) VALUES ('p1', 'Li Lei'), ('p2', 'Han Mei');
INSERT INTO csec.person_login VALUES ('regress_own_admin', 'p1'), ('regress_own_second', 'p1'), ('regress_own_third', 'p1'), ('regress_own_clerk', 'p2');

\c - regress_own_admin
SELECT csec.set_clearance('regress_own_second', level => 'core');
SELECT csec.set_clearance('regress_own_group', level => 'core');
SELECT csec.set_clearance('regress_own_clerk', level => 'important');
SELECT csec.set_data_owner('cust', 'regress_own_second');
SELECT csec.set_data_owner('cust', 'regress_own_group');
SELECT csec.set_data_owner('cust', 'regress_own_clerk');
SELECT role, level FROM csec.clearance;
SELECT role FROM csec.data_owner;
\c - postgres
SELECT csec.set_clearance('regress_own_second', level => 'general'), csec.set_data_owner('cust', 'regress_own_second');

SELECT csec.flush_audit();
SELECT login, denied, detail ->> 'why' AS why FROM csec.denials WHERE login LIKE 'regress_own%' ORDER BY seq;
DROP TABLE cust;
DELETE FROM csec.clearance;
DROP ROLE regress_own_admin, regress_own_group, regress_own_second, regress_own_third, regress_own_clerk;
