-- Everybody who could move an incident is accused in it: were this to fail, a
-- report could keep it from ever being looked at, or the accused acquit themselves.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE cust (id int PRIMARY KEY, name text);
SELECT csec.protect('cust', 'id', '{"name": "person_name"}');
CREATE ROLE regress_accused_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_accused_boss LOGIN IN ROLE csec_management;
CREATE ROLE regress_accused_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_accused_auditor2 LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_accused_clerk LOGIN;
INSERT INTO csec.person (id, name) VALUES ('o', 'Li Lei'), ('b', 'Han Mei'), ('a', 'Wang Wei');
INSERT INTO csec.person_login VALUES ('regress_accused_officer', 'o'), ('regress_accused_boss', 'b'), ('regress_accused_auditor', 'a');
ALTER SEQUENCE csec.incident_id RESTART 1;

\c - regress_accused_clerk
SELECT csec.report_incident('they all look on', 'misuse', accused => '{o,b}');
SELECT csec.report_incident('some of them do', 'misuse', accused => '{o}');
SELECT csec.report_incident('and so do the auditors', 'misuse', accused => '{o,b,a,login:regress_accused_auditor2}');
SELECT csec.accuse(1, '{}', 'never mind');
\c - regress_accused_officer
SELECT csec.accuse(1, '{b}', 'not me');
\c - regress_accused_boss
SELECT csec.triage_incident(1, 'b', reason => 'not me');
SELECT csec.accuse(1, '{o}', 'not me');

-- the auditors say who is accused, and no more; where somebody is left it is not for them
\c - regress_accused_auditor
SELECT csec.triage_incident(1, 'a', reason => 'nobody else is left');
SELECT csec.accuse(2, '{}', 'cannot be');
SELECT csec.accuse(3, '{}', 'not me');
SELECT csec.accuse(1, '{o,b}', '');
SELECT csec.accuse(1, '{o}', 'the boss was abroad');
SELECT csec.accuse(1, '{}', 'nobody did');
\c - regress_accused_boss
SELECT csec.triage_incident(1, 'b', reason => 'goes on');
SELECT csec.accuse(2, '{o}', 'indeed');

-- who is suspended, or cannot log in, is nobody who could
\c - postgres
UPDATE csec.person SET state = 'suspended' WHERE id = 'b';
\c - regress_accused_auditor
SELECT csec.accuse(2, '{}', 'the boss is suspended');
\c - postgres
UPDATE csec.person SET state = 'active' WHERE id = 'b';

-- and where the auditors are accused, too, somebody new has to be made one who may
GRANT csec_management TO regress_accused_clerk;
\c - regress_accused_clerk
SELECT csec.accuse(3, '{a}', 'the others did nothing');
\c - regress_accused_officer
SELECT csec.triage_incident(3, 'o', reason => 'goes on');
SELECT id, state, accused, handler FROM csec.incident ORDER BY id;
\c - postgres
SELECT csec.flush_audit();
SELECT login, object, detail -> 'from' AS "from", detail -> 'to' AS "to", detail ->> 'reason' AS reason FROM csec.control_records WHERE action = 'incident accused' ORDER BY seq;
SELECT login, denied, object, detail ->> 'why' AS why FROM csec.denials WHERE login LIKE 'regress_accused%' ORDER BY seq;

DROP TABLE cust;
DROP ROLE regress_accused_officer, regress_accused_boss, regress_accused_auditor, regress_accused_auditor2, regress_accused_clerk;
