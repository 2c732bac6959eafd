-- Persons: separation of duties is about them and not about logins.
-- Sessions of their own (\c): the login decides who acts.
\set VERBOSITY terse
CREATE ROLE regress_persons_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_persons_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_persons_officer2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_persons_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text);
SET client_min_messages = warning;
SELECT csec.protect('cust', 'id', '{"name": "person_name"}');
RESET client_min_messages;

-- a login that is nobody's is a person of its own
\c - regress_persons_clerk
SELECT csec.current_person();
-- for csec's roles only
SELECT csec.register_person('p1', 'Li Na');

\c - regress_persons_admin
SELECT csec.register_person('p0', 'Wang Fang', 'security', 'head');
SELECT csec.register_person('p1', 'Li Na', 'security', 'officer', 'p0');
SELECT csec.register_person('p2', 'Zhao Lei', 'claims', manager => 'p1');
SELECT csec.register_person('p3', 'Nobody', manager => 'p9');
SELECT csec.register_person('bad id', 'Nobody');
SELECT csec.register_person('login:postgres', 'Nobody');
-- a chain of managers has an end
SELECT csec.change_person('p0', manager => 'p2');
SELECT csec.change_person('p2', department => 'urgent claims');
SELECT csec.assign_login('p1', 'regress_persons_officer');
SELECT csec.assign_login('p1', 'regress_persons_officer2');
SELECT csec.assign_login('p9', 'regress_persons_clerk');
SELECT csec.assign_login('p2', 'regress_persons_clerk');
SELECT csec.set_own_customer('p2', 'cust', '42');
SELECT csec.set_own_customer('p2', 'pg_class', '42');
-- as the trail names him, however it was typed
SELECT csec.set_own_customer('p1', 'cust', '0077'), csec.set_own_customer('p1', 'cust', 'x');
SELECT csec.set_own_customer('p1', 'cust', '0077');
SELECT subject FROM csec.person_customer WHERE person = 'p1';
SELECT csec.set_own_customer('p1', 'cust', NULL);
SELECT csec.logins_of('p1'), csec.person_of('regress_persons_clerk');
-- nobody says who he is himself
SELECT csec.assign_login('p0', 'regress_persons_admin');

-- one person with two logins arranges himself by neither
\c - regress_persons_officer
SELECT csec.current_person();
SELECT csec.release_login('regress_persons_officer2');
SELECT csec.assign_login('p2', 'regress_persons_officer2');
SELECT csec.change_person('p1', name => 'Somebody Else');
SELECT csec.set_person_state('p1', 'active', 'why not');
SELECT csec.set_own_customer('p1', 'cust', NULL);
-- others he may
SELECT csec.set_person_state('p2', 'left', 'gone');
SELECT csec.set_person_state('p2', 'suspended', '');
SELECT csec.set_person_state('p2', 'suspended', 'inquiry 7');
SELECT id, name, department, post, manager, state FROM csec.person ORDER BY id;

-- who is suspended does nothing, by none of his logins
\c - regress_persons_admin
SELECT csec.set_person_state('p1', 'suspended', 'inquiry 8');
\c - regress_persons_officer2
SELECT csec.set_person_state('p2', 'active', 'inquiry 7 is over');
SELECT csec.register_person('p4', 'Chen Jie');
\c - regress_persons_admin
SELECT csec.set_person_state('p1', 'active', 'inquiry 8 is over');

-- a login that is renamed stays whose it was; one that is dropped is gone
\c - postgres
ALTER ROLE regress_persons_clerk RENAME TO regress_persons_clerk_b;
SELECT csec.person_of('regress_persons_clerk_b');
DROP ROLE regress_persons_clerk_b;
SELECT csec.logins_of('p2');
CREATE ROLE regress_persons_clerk LOGIN;
SELECT csec.person_of('regress_persons_clerk');

-- every change, and every refusal, is in the trail
SELECT csec.flush_audit();
SELECT login, action, object, detail -> 'new' ->> 'state' AS state FROM csec.control_records
	WHERE action LIKE '%person%' AND login LIKE 'regress_persons%' ORDER BY seq;
SELECT login, denied, object, detail ->> 'why' AS why FROM csec.denials WHERE login LIKE 'regress_persons%' ORDER BY seq;

DROP TABLE cust;
DROP ROLE regress_persons_admin, regress_persons_officer, regress_persons_officer2, regress_persons_clerk;
