-- Reviews and findings of somebody who has left: were this to fail, they would
-- be open for ever, or the owner would choose who looks at his work.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_reassign_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_reassign_other LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_reassign_owner LOGIN IN ROLE csec_officer;
CREATE ROLE regress_reassign_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text);
SELECT csec.protect('cust', 'id', '{"name": "person_name"}');
ALTER SEQUENCE csec.review_id RESTART 1;
ALTER SEQUENCE csec.review_finding_id RESTART 1;
INSERT INTO csec.person (id, name) VALUES ('auditor', 'Han Mei'), ('other', 'Wang Wei'), ('owner', 'Li Lei'), ('clerk', 'Li Na'), ('clerk2', 'Zhao Lei');
INSERT INTO csec.person_login VALUES ('regress_reassign_auditor', 'auditor'), ('regress_reassign_other', 'other'),
	('regress_reassign_owner', 'owner'), ('regress_reassign_clerk', 'clerk');
INSERT INTO csec.checklist (name, title, every, sample) VALUES ('small', 'Small', '1 month', 0);
INSERT INTO csec.checklist_item (checklist, item, position, question) VALUES ('small', 'one', 1, 'One?');

\c - regress_reassign_owner
SELECT csec.plan_review('small', 'owner', 'auditor', now() + interval '7 days') AS planned;
-- not the owner, nor somebody whose business it is not
SELECT csec.reassign_review(1, 'other', 'easier');
\c - regress_reassign_clerk
SELECT csec.reassign_review(1, 'clerk', 'mine'), csec.reassign_finding(1, 'other', 'not mine');
SELECT csec.reassign_finding(1, 'other', 'not mine');
\c - regress_reassign_auditor
SELECT csec.start_review(1);
SELECT csec.answer_item(1, 'one', 'no', 'seen');
SELECT csec.add_finding(1, 'minor', 'a door', 'clerk', now() + interval '1 day') AS finding;

-- the auditor leaves, and the clerk who had to put it right
\c - postgres
SELECT object, detail FROM csec.offboard('auditor', 'leaves') WHERE kind = 'duty' AND object ~ '^review';
SELECT object, detail FROM csec.offboard('clerk', 'leaves') WHERE kind = 'duty' AND object ~ '^finding';
\c - regress_reassign_other
SELECT csec.conclude_review(1, 'needs improvement', 'a door');
SELECT csec.reassign_review(1, 'owner', 'left');
SELECT csec.reassign_review(1, 'auditor', 'left');
SELECT csec.reassign_review(1, 'clerk', 'left');
SELECT csec.reassign_review(1, 'nobody', 'left');
SELECT csec.reassign_review(1, NULL, 'left');
SELECT csec.reassign_review(1, 'other', E'two\nlines');
SELECT csec.reassign_review(9, 'other', 'left');
SELECT csec.reassign_review(1, 'other', '<b>left</b>''; DROP TABLE cust; --');
SELECT item, answer, by FROM csec.review_answer WHERE review = 1;
-- who has left gets nothing to put right
SELECT csec.add_finding(1, 'minor', 'a window', 'clerk', now() + interval '1 day');
SELECT csec.conclude_review(1, 'needs improvement', 'a door');
SELECT csec.reassign_review(1, 'auditor', 'too late');
SELECT csec.reassign_finding(1, 'clerk', 'left');
SELECT csec.reassign_finding(1, 'clerk2', '');
SELECT csec.reassign_finding(1, 'owner', 'left');
\c - regress_reassign_owner
SELECT csec.reassign_finding(1, 'clerk2', 'not me');
SELECT csec.fix_finding(1, 'locked');
\c - regress_reassign_other
SELECT csec.reassign_finding(1, 'clerk2', 'is fixed');
SELECT csec.verify_finding(1, true, 'tried the door'), csec.close_review(1, 'done');
SELECT r.state, r.reviewer, f.state AS finding, f.fixer, f.fixed_by, f.verified_by FROM csec.review r JOIN csec.review_finding f ON f.review = r.id;

\c - postgres
SELECT csec.flush_audit();
SELECT login, action, object, detail ->> 'from' AS "from", detail ->> 'to' AS "to", detail ->> 'reason' AS reason FROM csec.control_records WHERE action ~ 'reassigned' ORDER BY seq;
SELECT login, object, detail ->> 'why' AS why FROM csec.denials WHERE denied ~ 'reassign|add_finding' ORDER BY seq;
DROP TABLE cust;
DELETE FROM csec.checklist WHERE name = 'small';
DROP ROLE regress_reassign_auditor, regress_reassign_other, regress_reassign_owner, regress_reassign_clerk;
