-- Access by request: were this to fail, somebody could get what nobody else
-- agreed to, or a move of a request could be missing in the trail.
-- Sessions of their own (\c): the login decides who acts.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_permits_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_permits_owner LOGIN;
CREATE ROLE regress_permits_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_permits_clerk LOGIN;
CREATE ROLE regress_permits_clerk2 LOGIN IN ROLE csec_officer, regress_permits_owner;
CREATE ROLE regress_permits_other LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text, bal numeric);
INSERT INTO cust VALUES (42, 'Zhang Wei', '13812345678', '11010519491231002X', 10), (43, 'Li Na', '13912345678', '11010519491231002X', 10);
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
ALTER TABLE cust OWNER TO regress_permits_owner;
CREATE TABLE bare (id int PRIMARY KEY);
GRANT SELECT ON cust TO PUBLIC;
-- the numbers of requests, whatever the tests before did
ALTER SEQUENCE csec.access_request_id RESTART 1;
-- the clerk has a second login, which is officer and owner, too
\c - regress_permits_admin
SELECT csec.register_person('p1', 'Li Lei'), csec.register_person('p2', 'Han Mei');
SELECT csec.assign_login('p1', 'regress_permits_clerk'), csec.assign_login('p1', 'regress_permits_clerk2');
SELECT csec.assign_login('p2', 'regress_permits_owner');
SELECT csec.set_own_customer('p1', 'cust', '77');
SELECT csec.set_own_customer('p2', 'cust', '78');

-- what cannot be asked for
\c - regress_permits_clerk
SELECT csec.request_access('bare', '{id}', 'why', '{42}', lasting => '30 minutes');
SELECT csec.request_access('cust', '{bal}', 'why', '{42}', lasting => '30 minutes');
SELECT csec.request_access('cust', '{}', 'why', '{42}', lasting => '30 minutes');
SELECT csec.request_access('cust', '{phone}', ' ', '{42}', lasting => '30 minutes');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '-1 minute');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', until => '2020-01-01');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', from_time => '2020-01-01', until => now() + interval '1 hour');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '91 days');
SELECT csec.request_access('cust', '{phone,id_no}', 'why', '{42}', lasting => '8 hours 1 second');
SELECT csec.request_access('cust', '{id_no}', 'why', '{42}', from_time => now() + interval '1 day', until => now() + interval '2 days');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', until => 'infinity');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', max_rows => 0, lasting => '1 hour');
SELECT csec.request_access('cust', '{id_no}', 'why', '{42}', max_rows => 1001, lasting => '1 hour');
SELECT csec.request_access('cust', '{id_no}', 'why', '{42}', lasting => '1 hour', export => true);
SELECT csec.request_access('cust', '{phone}', 'why', '{42,x}', lasting => '1 hour');
SELECT csec.request_access('cust', '{phone}', 'why', '{}', lasting => '1 hour');
-- oneself as a customer
SELECT csec.request_access('cust', '{phone}', 'why', '{42,077}', lasting => '1 hour');

-- draft, submitted, withdrawn; moves out of order
SELECT csec.request_access('cust', '{phone}', 'call back', '{42,042}', lasting => '30 minutes', submit => false) AS draft;
SELECT csec.approve_request(1);
SELECT csec.submit_request(1);
SELECT csec.submit_request(1);
SELECT csec.withdraw_request(1, 'not needed');
SELECT csec.withdraw_request(1);
SELECT csec.approve_request(1), csec.revoke_permit(1, 'x');
SELECT csec.revoke_permit(99, 'x');
SELECT id, state, person, "table", fields, level, subjects, max_rows, lasting, purpose FROM csec.access_requests;

-- nobody decides on his own, by whichever login
SELECT csec.request_access('cust', '{phone}', 'call back', '{42}', lasting => '30 minutes') AS submitted;
SELECT csec.approve_request(2);
\c - regress_permits_clerk2
SELECT id, state FROM csec.access_requests ORDER BY id;
SELECT csec.approve_request(2);
SELECT csec.reject_request(2, 'no');
-- who has nothing to say about it
\c - regress_permits_other
SELECT count(*) FROM csec.access_requests;
SELECT csec.approve_request(2), csec.reject_request(2, 'no');
SELECT csec.withdraw_request(2);
\c - postgres
SELECT csec.approve_request(2);
-- important: the owner agrees; the officer may reject, not agree
\c - regress_permits_officer
SELECT csec.approve_request(2);
\c - regress_permits_owner
SELECT csec.approve_request(2, 'is his case');
SELECT csec.approve_request(2);
SELECT csec.reject_request(2, 'changed my mind');
SELECT id, state, owner_approval, officer_approval, valid_until > valid_from AS times, rows_taken FROM csec.access_requests WHERE id = 2;
-- suspended, resumed, revoked, for good
SELECT csec.suspend_permit(2, 'look at it');
SELECT csec.suspend_permit(2, 'look at it');
SELECT csec.resume_permit(2, 'is well');
SELECT csec.revoke_permit(2, '');
SELECT csec.revoke_permit(2, 'case closed');
SELECT csec.resume_permit(2, 'open again');
SELECT count(*) FROM csec.access_requests WHERE id = 2 AND state = 'revoked';
\c - postgres
SELECT count(*) FROM csec.access_permit;

-- core: owner and officer, two persons
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{id_no,phone}', 'identity check', '{42}', max_rows => 5, lasting => '30 minutes', ticket => 'T-1') AS core;
\c - regress_permits_owner
SELECT csec.approve_request(3);
SELECT csec.approve_request(3);
SELECT id, state, owner_approval, officer_approval FROM csec.access_requests WHERE id = 3;
\c - regress_permits_officer
SELECT csec.approve_request(3);
-- both in one person count once
\c - postgres
GRANT csec_officer TO regress_permits_owner;
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{id_no}', 'identity check', '{42}', lasting => '30 minutes') AS core;
\c - regress_permits_owner
SELECT csec.approve_request(4), csec.approve_request(4);
SELECT csec.approve_request(4);
\c - postgres
REVOKE csec_officer FROM regress_permits_owner;
-- nor who was entered as one person since, as the one who asked or agreed
\c - regress_permits_other
SELECT csec.request_access('cust', '{id_no}', 'his own', '{42}', lasting => '30 minutes') AS of_other \gset
\c - postgres
INSERT INTO csec.person_login VALUES ('regress_permits_other', 'p2');
\c - regress_permits_owner
SELECT csec.approve_request(:of_other);
\c - postgres
INSERT INTO csec.person (id, name) VALUES ('p3', 'Third') ON CONFLICT DO NOTHING;
UPDATE csec.person_login SET person = 'p3' WHERE role = 'regress_permits_other'::regrole;
\c - regress_permits_owner
SELECT csec.approve_request(:of_other);
\c - postgres
INSERT INTO csec.person_login VALUES ('regress_permits_officer', 'p2');
\c - regress_permits_officer
SELECT csec.approve_request(:of_other);
SELECT csec.reject_request(:of_other, 'test is over');
\c - postgres
DELETE FROM csec.person_login WHERE role IN ('regress_permits_officer'::regrole, 'regress_permits_other'::regrole);
DELETE FROM csec.access_request WHERE id = :of_other;
ALTER SEQUENCE csec.access_request_id RESTART :of_other;

-- nor does who is suspended, or the customer himself
\c - regress_permits_admin
SELECT csec.set_person_state('p2', 'suspended', 'inquiry');
\c - regress_permits_owner
SELECT csec.approve_request(4);
\c - regress_permits_admin
SELECT csec.set_person_state('p2', 'active', 'inquiry is over');
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{phone}', 'his landlord', '{78}', lasting => '30 minutes') AS about_the_owner;
\c - regress_permits_owner
SELECT csec.approve_request(5);
-- rejected
\c - regress_permits_officer
SELECT csec.reject_request(5, 'no reason to');
-- a permit of a person who is suspended stops with him
\c - regress_permits_admin
SELECT csec.set_person_state('p1', 'suspended', 'inquiry');
SELECT id, state FROM csec.access_requests ORDER BY id;
SELECT csec.set_person_state('p1', 'active', 'inquiry is over');
\c - regress_permits_officer
SELECT csec.resume_permit(3, 'inquiry is over');

-- time: lapsed after 48 hours, active from a moment on, expired; no job runs
\c - postgres
UPDATE csec.access_request SET submitted_at = submitted_at - interval '48 hours 1 second' WHERE id = 4;
\c - regress_permits_officer
SELECT id, state FROM csec.access_requests WHERE id = 4;
SELECT csec.approve_request(4);
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{phone}', 'call back', '{42}', from_time => now() + interval '1 hour', until => now() + interval '2 hours') AS later;
\c - regress_permits_owner
SELECT csec.approve_request(6);
\c - postgres
UPDATE csec.access_request SET valid_from = valid_from - interval '90 minutes', valid_until = valid_until - interval '90 minutes' WHERE id = 6;
SELECT id, csec.request_state(r) FROM csec.access_request r WHERE id = 6;
UPDATE csec.access_request SET valid_from = valid_from - interval '1 hour', valid_until = valid_until - interval '1 hour' WHERE id = 6;
SELECT id, csec.request_state(r) FROM csec.access_request r WHERE id = 6;
SELECT csec.settle_access(), csec.settle_access();
SELECT id, state, why FROM csec.access_request WHERE id IN (4, 6) ORDER BY id;
SELECT count(*) FROM csec.access_permit WHERE id = 6;

-- another owner of the data than the table's
\c - regress_permits_other
SELECT csec.set_data_owner('cust', 'regress_permits_other');
\c - regress_permits_admin
SELECT csec.set_data_owner('cust', 'regress_permits_admin');
SELECT csec.set_data_owner('cust', 'regress_permits_other');
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{phone}', 'call back', lasting => '30 minutes', max_rows => 10) AS of_any;
\c - regress_permits_owner
SELECT csec.approve_request(7);
\c - regress_permits_other
SELECT csec.approve_request(7);
\c - postgres
SELECT id, login, relid, fields, subjects, not_subjects, max_rows, export FROM csec.access_permit ORDER BY id;

-- behind csec's back: reported; by UPDATE, on record and signed
SELECT * FROM csec.unsound_rows;
UPDATE csec.access_permit SET max_rows = 6 WHERE id = 7;
SELECT * FROM csec.unsound_rows;
ALTER TABLE csec.access_permit DISABLE TRIGGER sign_row;
UPDATE csec.access_permit SET max_rows = 1000 WHERE id = 7;
INSERT INTO csec.access_permit SELECT 99, login, person, relid, fields, attnums, subjects, not_subjects, max_rows, export, valid_from, valid_until, mac FROM csec.access_permit WHERE id = 3;
ALTER TABLE csec.access_permit ENABLE ALWAYS TRIGGER sign_row;
SELECT * FROM csec.unsound_rows ORDER BY id;
DELETE FROM csec.access_permit WHERE id = 99;

-- texts that are SQL and HTML are texts
\c - regress_permits_clerk
SELECT csec.request_access('cust', '{phone}', $$<script>alert('x')</script>'; DROP TABLE cust; --$$, '{42}', lasting => '30 minutes') AS odd;
SELECT purpose FROM csec.access_requests WHERE id = 8;
SELECT csec.request_access('cust', '{phone}', E'two\nlines', '{42}', lasting => '30 minutes');

-- a role that is renamed keeps what it has; one that is dropped has nothing;
-- a column that is renamed or made anew; a table that is gone
\c - postgres
ALTER ROLE regress_permits_clerk RENAME TO regress_permits_clerk_b;
ALTER TABLE cust RENAME TO customers;
SELECT id, csec.request_state(r), login, relid FROM csec.access_request r WHERE state IN ('submitted', 'active') ORDER BY id;
SELECT csec.unprotect('customers', 'test is over', allow_lock => true);
SELECT id, csec.request_state(r) FROM csec.access_request r WHERE id IN (3, 7, 8) ORDER BY id;
-- no permit is back where the table is protected anew
SELECT csec.protect('customers', 'id', '{"name": "person_name", "phone": "phone"}');
SELECT count(*) FROM csec.access_permit;
SELECT csec.unprotect('customers', 'test is over', allow_lock => true);
SELECT csec.settle_access();
DROP TABLE customers;
DROP ROLE regress_permits_clerk_b;
SELECT id, csec.request_state(r), person, why FROM csec.access_request r ORDER BY id;

-- all of it is in the trail: moves, and what was refused
SELECT csec.flush_audit();
SELECT object, action, detail ->> 'from' AS "from", detail ->> 'person' AS person, detail ->> 'as' AS "as", detail ->> 'reason' AS reason,
	(detail ->> 'policy')::int > 0 AS policy, outcome
	FROM csec.control_records WHERE action LIKE 'access %' ORDER BY seq;
SELECT login, denied, object, detail ->> 'why' AS why FROM csec.denials ORDER BY seq;

DROP TABLE bare;
DROP ROLE regress_permits_admin, regress_permits_owner, regress_permits_officer, regress_permits_clerk2, regress_permits_other;
