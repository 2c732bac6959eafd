-- Reviews: were this to fail, somebody could review, or make sure of, what he
-- did himself, or choose the accesses that are looked at.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_reviews_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_reviews_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_reviews_officer2 LOGIN IN ROLE csec_officer;
CREATE ROLE regress_reviews_owner LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_reviews_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text);
INSERT INTO cust SELECT i, 'Zhang Wei', '138' || (10000000 + i) FROM generate_series(1, 300) i;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone"}');
GRANT SELECT ON cust TO PUBLIC;
ALTER SEQUENCE csec.review_id RESTART 1;
ALTER SEQUENCE csec.review_finding_id RESTART 1;
SELECT csec.register_person('p1', 'Li Lei', 'Retail'), csec.register_person('p2', 'Han Mei', 'Audit');
-- the owner has a second login, which is an officer's
SELECT csec.assign_login('p1', 'regress_reviews_owner'), csec.assign_login('p1', 'regress_reviews_officer2'), csec.assign_login('p2', 'regress_reviews_auditor');
\c - regress_reviews_clerk
\o /dev/null
SELECT format('SELECT phone FROM cust WHERE id = %s', i) FROM generate_series(1, 60) i \gexec
\o
SELECT csec.plan_review('monthly', 'p1', 'p2', now() + interval '7 days');
\c - postgres
SELECT csec.flush_audit();

-- what cannot be planned
\c - regress_reviews_officer
SELECT csec.plan_review('weekly', 'p1', 'p2', now() + interval '7 days');
SELECT csec.plan_review('monthly', 'p1', 'p1', now() + interval '7 days');
SELECT csec.plan_review('monthly', 'p1', 'p9', now() + interval '7 days');
SELECT csec.plan_review('monthly', 'p1', 'p2', now() - interval '7 days');
SELECT csec.plan_review('monthly', 'p1', 'p2', 'infinity');
SELECT csec.plan_review('monthly', 'p1', 'p2', now() + interval '7 days', now(), now() - interval '1 day');
SELECT csec.plan_review('monthly', 'p1', 'p2', now() + interval '7 days', tab => 'pg_class');
SELECT csec.plan_review('monthly', 'p1', 'p2', now() + interval '7 days', to_time => now() + interval '1 hour', tab => 'cust') AS planned;
SELECT csec.start_review(1);
SELECT csec.close_review(1, 'looks fine');

-- by the reviewer, and nobody else
\c - regress_reviews_owner
SELECT csec.start_review(1);
\c - regress_reviews_auditor
SELECT csec.conclude_review(1, 'satisfactory', 'all well');
SELECT csec.start_review(1);
SELECT csec.start_review(1);
SELECT item, answer, live, evidence, by FROM csec.review_answer WHERE review = 1 ORDER BY item;
-- the sample: drawn by a seed that csec chose, again by anybody
SELECT count(*), count(DISTINCT s.seq), bool_and(a.relation = 'public.cust') AS of_table FROM csec.review_sample s JOIN csec.access_records a USING (seq);
SELECT count(*) AS same FROM csec.review r CROSS JOIN LATERAL csec.sample_accesses(r.period_from, r.period_to, 20, r.seed, 'cust') d
	JOIN csec.review_sample s ON (s.number, s.seq) = (d.number, d.seq);
SELECT count(*) < 20 AS another FROM csec.review r CROSS JOIN LATERAL csec.sample_accesses(r.period_from, r.period_to, 20, 'other', 'cust') d
	JOIN csec.review_sample s ON (s.number, s.seq) = (d.number, d.seq);
-- nothing is left out, nothing is made better than it is
SELECT csec.answer_item(1, 'policy_sound', 'yes', 'sure');
SELECT csec.answer_item(1, 'no_such', 'yes', 'sure');
SELECT csec.answer_item(1, 'denials_looked_at', 'perhaps', 'sure');
SELECT csec.answer_item(1, 'denials_looked_at', 'yes', '');
SELECT csec.conclude_review(1, 'satisfactory', 'all well');
SELECT csec.answer_item(1, 'denials_looked_at', 'yes', 'list of 2026-11');
SELECT csec.conclude_review(1, 'satisfactory', 'all well');
SELECT csec.judge_access(1, 99, 'justified'), csec.judge_access(1, 1, 'fine');
SELECT csec.judge_access(1, 1, 'fine');
SELECT count(csec.judge_access(1, number, CASE number WHEN 7 THEN 'unclear' ELSE 'justified' END, CASE number WHEN 7 THEN 'no ticket' END)) FROM csec.review_sample WHERE review = 1;
SELECT csec.conclude_review(1, 'satisfactory', 'all well');
SELECT csec.conclude_review(1, 'needs improvement', 'one access without a ticket');
SELECT csec.add_finding(1, 'minor', 'tickets are not stated', 'p1', now() - interval '1 day');
SELECT csec.add_finding(1, 'minor', '<script>alert(1)</script>', 'p1', now() + interval '1 day') AS finding,
	csec.add_finding(1, 'minor', 'nobody asks', 'p1', now() + interval '1 day') AS finding;
SELECT csec.fix_finding(1, 'done');
SELECT csec.conclude_review(1, 'needs improvement', 'one access without a ticket');
SELECT id, state, conclusion, findings, open_findings, overdue FROM csec.reviews;
SELECT csec.close_review(1, 'done');

-- put right by one, made sure by another
SELECT csec.fix_finding(1, 'done');
SELECT csec.verify_finding(1, true, 'seen');
\c - regress_reviews_owner
SELECT csec.fix_finding(1, ''), csec.fix_finding(1, 'x');
SELECT csec.fix_finding(1, 'setting'), csec.fix_finding(2, 'training');
SELECT csec.fix_finding(1, 'again');
SELECT csec.verify_finding(1, true, 'seen');
\c - regress_reviews_officer2
SELECT csec.verify_finding(1, true, 'seen');
\c - regress_reviews_clerk
SELECT csec.verify_finding(1, true, 'seen');
SELECT * FROM csec.reviews;
\c - regress_reviews_officer
SELECT person, name, department, open_findings, overdue_findings, overdue_reviews FROM csec.person_indicators WHERE person LIKE 'p_';
SELECT department, open_findings FROM csec.department_indicators WHERE department IS NOT NULL ORDER BY 1;
SELECT csec.verify_finding(1, true, 'looked at the setting'), csec.verify_finding(2, false, 'nobody was there');
SELECT state FROM csec.review WHERE id = 1;
\c - regress_reviews_owner
SELECT csec.fix_finding(2, 'training again');
\c - regress_reviews_officer
SELECT csec.verify_finding(2, true, 'list of those who were there');
SELECT state FROM csec.review WHERE id = 1;
\c - regress_reviews_officer2
SELECT csec.close_review(1, 'done');
\c - regress_reviews_officer
SELECT csec.close_review(1, 'done');
SELECT csec.close_review(1, 'done');
SELECT id, state, findings, open_findings FROM csec.reviews;

-- what csec sees for itself
\c - postgres
SELECT csec.set_person_state('p1', 'suspended', 'inquiry');
SELECT csec.set_clearance('regress_reviews_owner', level => 'general');
SELECT csec.plan_review('quarterly', 'p1', 'p2', now() + interval '7 days');
\c - regress_reviews_officer
SELECT csec.plan_review('quarterly', 'p1', 'p2', now() + interval '7 days');
SELECT csec.plan_review('quarterly', 'login:regress_reviews_officer', 'p2', now() + interval '7 days') AS planned;
\c - regress_reviews_auditor
SELECT csec.start_review(2);
SELECT item, answer, evidence FROM csec.review_answer WHERE review = 2 ORDER BY item;

\c - postgres
SELECT csec.flush_audit();
SELECT object, action, detail ->> 'from' AS "from", detail ->> 'person' AS person FROM csec.control_records WHERE action ~ '^(review|finding) ' ORDER BY seq;
SELECT login, denied, object, detail ->> 'why' AS why FROM csec.denials WHERE denied ~ 'review|finding|answer|judge' ORDER BY seq;
SELECT csec.unprotect('cust', 'test is over', allow_lock => true);
DROP TABLE cust;
DROP ROLE regress_reviews_auditor, regress_reviews_officer, regress_reviews_officer2, regress_reviews_owner, regress_reviews_clerk;
