-- Every move of an incident, a review, a finding and a request, tried in every
-- state: what is out of order is refused, and on record.  Were this to fail, a
-- step could be left out: an incident closed before anybody was told.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_moves LOGIN IN ROLE csec_officer, csec_management, csec_admin, csec_auditor;
CREATE ROLE regress_moves_clerk LOGIN;
CREATE TABLE cust (id int PRIMARY KEY, phone text);
SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
ALTER TABLE cust OWNER TO regress_moves;
INSERT INTO csec.person (id, name) VALUES ('p1', 'Li Na'), ('p2', 'Wang Wei');
INSERT INTO csec.person_login VALUES ('regress_moves_clerk', 'p2');
INSERT INTO csec.checklist (name, title, every) VALUES ('bare', 'Bare', '1 month');

-- one of each kind, put into each state in turn
CREATE FUNCTION put(what text, state text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	DELETE FROM csec.access_permit;
	CASE what
	WHEN 'incident' THEN
		DELETE FROM csec.incident;
		INSERT INTO csec.incident (id, state, kind, title, discovered_at, reported_by, changed_by, regimes) VALUES (1, put.state, 'leak', 'x', now(), 'p1', 'p1', '{gdpr}');
		INSERT INTO csec.incident_letter VALUES (1, 'x', 'x', 'x', 'x', 'x', 'x', 'p1') ON CONFLICT DO NOTHING;
		INSERT INTO csec.incident_notice (incident, relid, subject, state) VALUES (1, 'cust', '42', 'listed') ON CONFLICT (incident, relid, subject) DO UPDATE SET state = 'listed';
	WHEN 'told' THEN
		PERFORM put('incident', put.state);
		UPDATE csec.incident_notice SET state = 'sent', at = now();
		INSERT INTO csec.incident_report (incident, regime, recipient, by, reference) VALUES (1, 'gdpr', 'authority', 'p1', 'x') ON CONFLICT DO NOTHING;
	WHEN 'review' THEN
		DELETE FROM csec.review_finding;
		DELETE FROM csec.review;
		INSERT INTO csec.review (id, state, checklist, period_from, period_to, due, owner, reviewer, planned_by, changed_by)
			VALUES (1, put.state, 'bare', 'yesterday', now(), now() + interval '1 day', 'p1', 'login:regress_moves', 'p1', 'p1');
	WHEN 'finding' THEN
		PERFORM put('review', 'findings_open');
		INSERT INTO csec.review_finding (id, review, state, severity, finding, fixer, due, found_by, fixed_by)
			VALUES (1, 1, put.state, 'minor', 'x', CASE WHEN put.state = 'open' THEN 'login:regress_moves' ELSE 'p1' END, now(), 'p1', CASE WHEN put.state <> 'open' THEN 'p1' END);
	ELSE
		DELETE FROM csec.access_request;
		DELETE FROM csec.access_approval;
		INSERT INTO csec.access_request (id, state, person, login, relid, fields, level, subjects, max_rows, purpose, lasting, valid_from, valid_until, changed_by, submitted_at, kind, review, review_by)
			VALUES (1, CASE WHEN what = 'broken glass' THEN 'active' ELSE put.state END, CASE WHEN what = 'own request' THEN 'login:regress_moves' ELSE 'p2' END,
				CASE WHEN what = 'own request' THEN 'regress_moves' ELSE 'regress_moves_clerk' END::regrole, 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour',
				CASE WHEN put.state NOT IN ('draft', 'submitted') THEN now() + CASE WHEN put.state = 'approved' THEN interval '10 minutes' ELSE interval '0' END END,
				CASE WHEN put.state NOT IN ('draft', 'submitted') THEN now() + interval '1 hour' END, 'p2', now(),
				CASE WHEN what = 'broken glass' THEN 'break_glass' ELSE 'request' END,
				CASE WHEN what = 'broken glass' THEN put.state END, CASE WHEN what = 'broken glass' THEN now() + interval '1 day' END);
	END CASE;
END $$;
CREATE TABLE state (what text, states text[]);
INSERT INTO state VALUES
	('incident', '{reported,triaged,confirmed,false_alarm,contained,notified,recovered,lessons,closed}'), ('told', '{reported,triaged,confirmed,false_alarm,contained,notified,recovered,lessons,closed}'),
	('review', '{planned,in_progress,concluded,findings_open,verified,closed}'), ('finding', '{open,fixed,verified}'),
	('request', '{draft,submitted,approved,rejected,withdrawn,lapsed,active,expired,revoked,suspended}'), ('own request', '{draft,submitted,approved,rejected,withdrawn,lapsed,active,expired,revoked,suspended}'),
	('broken glass', '{open,escalated,justified,abuse}');
CREATE TABLE move (what text, move text, call text);
INSERT INTO move
	SELECT w, m, c FROM unnest(ARRAY['incident', 'told']) w, (VALUES ('triage', 'triage_incident(1, ''p1'')'), ('accuse', 'accuse(1, ''{p2}'', ''x'')'), ('confirm', 'confirm_incident(1, ''x'')'),
		('dismiss', 'dismiss_incident(1, ''x'')'), ('contain', 'contain_incident(1, ''x'')'), ('write letter', 'write_letter(1, ''x'', ''x'', ''x'', ''x'', ''x'', ''x'')'), ('list notices', 'list_notices(1)'),
		('note notice', 'note_notice(1, ''cust'', ''42'', true, ''post'')'), ('report', 'record_report(1, ''gdpr'', ''media'', ''x'')'), ('notify', 'notify_incident(1, ''x'')'), ('recover', 'recover_incident(1, ''x'')'),
		('learn', 'learn_from_incident(1, ''x'')'), ('close', 'close_incident(1, ''x'')')) v (m, c);
INSERT INTO move VALUES
	('review', 'start', 'start_review(1)'), ('review', 'add finding', 'add_finding(1, ''minor'', ''x'', ''p1'', now() + interval ''1 day'')'), ('review', 'conclude', 'conclude_review(1, ''satisfactory'', ''x'')'), ('review', 'close', 'close_review(1, ''x'')'),
	('finding', 'fix', 'fix_finding(1, ''x'')'), ('finding', 'verify', 'verify_finding(1, true, ''x'')'), ('finding', 'find open', 'verify_finding(1, false, ''x'')'), ('broken glass', 'review', 'review_break_glass(1, ''justified'', ''x'')');
INSERT INTO move SELECT w, m, c FROM unnest(ARRAY['request', 'own request']) w, (VALUES ('submit', 'submit_request(1)'), ('withdraw', 'withdraw_request(1, ''x'')'), ('approve', 'approve_request(1, ''x'')'), ('reject', 'reject_request(1, ''x'')'),
	('suspend', 'suspend_permit(1, ''x'')'), ('resume', 'resume_permit(1, ''x'')'), ('revoke', 'revoke_permit(1, ''x'')'), ('recertify', 'recertify(1, ''keep'', ''x'')')) v (m, c);
CREATE TABLE came (what text, state text, n int, move text, refused text);
GRANT ALL ON state, move, came TO regress_moves;
SELECT csec.flush_audit();
SELECT max(seq) AS before FROM csec_trail.audit_log \gset

\c - regress_moves
DO $$
DECLARE
	m record;
	why text;
BEGIN
	FOR m IN SELECT v.*, u.state, u.n FROM public.state s JOIN public.move v USING (what), unnest(s.states) WITH ORDINALITY u (state, n) LOOP
		BEGIN
			PERFORM public.put(m.what, m.state);
			EXECUTE 'SELECT csec.' || m.call;
			RAISE EXCEPTION USING ERRCODE = 'OK000';
		EXCEPTION WHEN OTHERS THEN
			why := CASE WHEN SQLSTATE <> 'OK000' THEN SQLERRM END;
		END;
		INSERT INTO public.came VALUES (m.what, m.state, m.n, m.move, why);
	END LOOP;
END $$;
\c - postgres
SELECT what, state, string_agg(move, ', ' ORDER BY move) FILTER (WHERE refused IS NULL) AS moves, count(refused) AS refused FROM came GROUP BY what, state, n ORDER BY what COLLATE "C", n;
-- the reasons that are not the state
SELECT what, state, move, refused FROM came WHERE refused !~ '^(incident|review|finding|request) \d+ is ' ORDER BY what COLLATE "C", n, move;
SELECT csec.flush_audit();
SELECT count(refused) = (SELECT count(*) FROM csec.denials d WHERE d.seq > :before AND d.login = 'regress_moves') AS all_on_record FROM came;

SELECT csec.unprotect('cust', 'test is over', allow_lock => true);
DROP OWNED BY regress_moves;
DROP ROLE regress_moves, regress_moves_clerk;
