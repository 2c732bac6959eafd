-- Reviews: planned, in progress, concluded, findings open, verified, closed.
-- The reviewer is not the owner, and who makes sure is not who put it right.

CREATE FUNCTION csec.check_reviewing(action text, object text) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person(action, object);
BEGIN
	IF NOT (csec.is_case_officer() OR coalesce(csec.is_member(csec.login(), 'csec_auditor'), false)) THEN
		PERFORM csec.refuse(action, object, 'this is for security officers, auditors and the management', 'Ask one of them.');
	END IF;
	RETURN who;
END
$$;
REVOKE ALL ON FUNCTION csec.check_reviewing(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_reviewing(text, text) IS 'internal: the person who acts, if reviews are his business';

-- A review, locked against all others who would move it, in a state that it
-- may be moved from.
CREATE FUNCTION csec.review_to_move(id int8, from_states text[], action text) RETURNS csec.review
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review;
BEGIN
	SELECT * INTO r FROM csec.review v WHERE v.id = review_to_move.id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, 'review ' || coalesce(id::text, 'null'), 'the review does not exist', 'See csec.reviews.', 'undefined_object');
	END IF;
	IF r.state <> ALL (from_states) THEN
		PERFORM csec.refuse(action, 'review ' || id, format('review %s is %s', id, replace(r.state, '_', ' ')),
			'This is done to one that is ' || replace(array_to_string(from_states, ' or '), '_', ' ') || '.', 'object_not_in_prerequisite_state');
	END IF;
	RETURN r;
END
$$;
REVOKE ALL ON FUNCTION csec.review_to_move(int8, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION csec.review_to_move(int8, text[], text) IS 'internal: a review that is about to be moved, or the refusal';

-- ... for its reviewer.
CREATE FUNCTION csec.own_review(id int8, from_states text[], action text) RETURNS csec.review
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.check_reviewing(action, 'review ' || coalesce(id::text, 'null'));
	r csec.review := csec.review_to_move(id, from_states, action);
BEGIN
	IF r.reviewer <> who THEN
		PERFORM csec.refuse(action, 'review ' || id, 'a review is made by its reviewer', 'See csec.reviews.');
	END IF;
	RETURN r;
END
$$;
REVOKE ALL ON FUNCTION csec.own_review(int8, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION csec.own_review(int8, text[], text) IS 'internal: a review that its reviewer is about to move, or the refusal';

CREATE FUNCTION csec.enter_review_state(r csec.review, state text, reason text, detail jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.current_person();
BEGIN
	UPDATE csec.review v SET state = enter_review_state.state, changed_at = clock_timestamp(), changed_by = who,
			closed_at = CASE WHEN enter_review_state.state = 'closed' THEN clock_timestamp() END
		WHERE v.id = r.id;
	PERFORM csec.control('review ' || replace(state, '_', ' '), 'review ' || r.id, detail || jsonb_strip_nulls(jsonb_build_object('from', r.state, 'person', who,
		'reason', csec.shortened(reason), 'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.enter_review_state(csec.review, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.enter_review_state(csec.review, text, text, jsonb) IS 'internal: put a review into another state, and say so';

CREATE FUNCTION csec.plan_review(checklist text, owner text, reviewer text, due timestamptz, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL,
		tab regclass DEFAULT NULL) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'review ' || coalesce(checklist, 'null');
	who text := csec.check_reviewing('plan_review', object);
	until timestamptz := coalesce(to_time, clock_timestamp());
	c csec.checklist;
	made csec.review;
BEGIN
	SELECT * INTO c FROM csec.checklist l WHERE l.name = plan_review.checklist;
	IF NOT FOUND THEN
		PERFORM csec.refuse('plan_review', object, 'the checklist does not exist', 'See csec.checklist.', 'undefined_object');
	END IF;
	PERFORM csec.check_persons('plan_review', object, ARRAY[owner, reviewer]);
	IF owner = reviewer THEN
		PERFORM csec.refuse('plan_review', object, 'nobody reviews what he answers for', 'Name another reviewer.');
	END IF;
	IF NOT (csec.may_be_charged(owner) AND csec.may_be_charged(reviewer)) THEN
		PERFORM csec.refuse('plan_review', object, 'who is suspended or has left can be neither owner nor reviewer', 'Name another person.');
	END IF;
	IF due IS NULL OR due <= clock_timestamp() OR NOT isfinite(due) OR from_time >= until OR NOT isfinite(until) OR NOT isfinite(coalesce(from_time, until)) THEN
		PERFORM csec.refuse('plan_review', object, 'a review is due in the future, and its period has a beginning and an end', 'Correct the times.', 'invalid_parameter_value');
	END IF;
	IF tab IS NOT NULL AND NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab) THEN
		PERFORM csec.refuse('plan_review', object, format('"%s" is not protected', tab), 'Name a protected table.', 'object_not_in_prerequisite_state');
	END IF;
	INSERT INTO csec.review (checklist, relid, period_from, period_to, due, owner, reviewer, planned_by, changed_by)
		VALUES (c.name, tab, coalesce(from_time, until - c.every), until, plan_review.due, plan_review.owner, plan_review.reviewer, who, who)
		RETURNING * INTO made;
	PERFORM csec.control('review planned', 'review ' || made.id, jsonb_build_object('checklist', c.name, 'owner', owner, 'reviewer', reviewer, 'due', due,
		'person', who, 'policy', csec.policy_version()));
	RETURN made.id;
END
$$;
COMMENT ON FUNCTION csec.plan_review(text, text, text, timestamptz, timestamptz, timestamptz, regclass) IS
	'plan a review by a checklist: of what its owner answers for, by a reviewer who is somebody else; gives its number';

CREATE FUNCTION csec.start_review(id int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review := csec.own_review(id, ARRAY['planned'], 'start_review');
	c csec.checklist;
BEGIN
	SELECT * INTO c FROM csec.checklist l WHERE l.name = r.checklist;
	-- by chance, so that the reviewer does not choose what he looks at; kept, so that anybody can draw again
	r.seed := gen_random_uuid()::text;
	UPDATE csec.review v SET started_at = clock_timestamp(), seed = r.seed WHERE v.id = r.id;
	IF c.sample > 0 THEN
		INSERT INTO csec.review_sample (review, number, seq)
			SELECT r.id, s.number, s.seq FROM csec.sample_accesses(r.period_from, r.period_to, c.sample, r.seed, r.relid) s;
	END IF;
	PERFORM csec.answer_live(r);
	PERFORM csec.enter_review_state(r, 'in_progress', NULL, jsonb_build_object('seed', r.seed));
END
$$;
COMMENT ON FUNCTION csec.start_review(int8) IS 'begin a review: csec answers what it can, and draws the accesses to be looked at';

-- Who has left does not come back for it: it is another one's then.
CREATE FUNCTION csec.reassign_review(id int8, reviewer text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'review ' || coalesce(id::text, 'null');
	who text := csec.check_reviewing('reassign_review', object);
	r csec.review := csec.review_to_move(id, ARRAY['planned', 'in_progress'], 'reassign_review');
BEGIN
	IF who = r.owner THEN
		PERFORM csec.refuse('reassign_review', object, 'nobody chooses who reviews what he answers for', 'Somebody else has to.');
	END IF;
	PERFORM csec.check_persons('reassign_review', object, ARRAY[reviewer]);
	IF reviewer IN (r.owner, r.reviewer) OR NOT csec.may_be_charged(reviewer) THEN
		PERFORM csec.refuse('reassign_review', object, 'a review goes to another person who can act, and not to its owner', 'Name another reviewer.');
	END IF;
	PERFORM csec.check_reason('reassign_review', object, reason);
	UPDATE csec.review v SET reviewer = reassign_review.reviewer, changed_at = clock_timestamp(), changed_by = who WHERE v.id = r.id;
	PERFORM csec.control('review reassigned', object, jsonb_build_object('from', r.reviewer, 'to', reviewer, 'state', r.state, 'person', who,
		'reason', reason, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.reassign_review(int8, text, text) IS
	'give a review that is not concluded to another reviewer, and why; not by its owner. What was answered and judged stays, with who did it';

CREATE FUNCTION csec.answer_item(id int8, item text, answer text, evidence text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review := csec.own_review(id, ARRAY['in_progress'], 'answer_item');
	object text := 'review ' || id;
BEGIN
	IF NOT EXISTS (SELECT FROM csec.checklist_item i WHERE i.checklist = r.checklist AND i.item = answer_item.item) THEN
		PERFORM csec.refuse('answer_item', object, 'the checklist has no such item', 'See csec.checklist_item.', 'undefined_object');
	END IF;
	IF EXISTS (SELECT FROM csec.review_answer a WHERE a.review = r.id AND a.item = answer_item.item AND a.live) THEN
		PERFORM csec.refuse('answer_item', object, 'csec answers that itself', 'What is wrong with the answer is a finding.');
	END IF;
	IF answer IS NULL OR answer NOT IN ('yes', 'no', 'unknown', 'not applicable') THEN
		PERFORM csec.refuse('answer_item', object, 'there is no such answer', 'Answers are yes, no, unknown and not applicable.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_text('answer_item', object, 'the evidence', evidence);
	INSERT INTO csec.review_answer AS a (review, item, answer, live, evidence, by)
		VALUES (r.id, answer_item.item, answer_item.answer, false, answer_item.evidence, r.reviewer)
		ON CONFLICT ON CONSTRAINT review_answer_pkey DO UPDATE SET answer = EXCLUDED.answer, evidence = EXCLUDED.evidence, by = EXCLUDED.by, at = clock_timestamp();
END
$$;
COMMENT ON FUNCTION csec.answer_item(int8, text, text, text) IS 'answer a question of a review, and say what shows it';

CREATE FUNCTION csec.judge_access(id int8, number int, verdict text, note text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review := csec.own_review(id, ARRAY['in_progress'], 'judge_access');
BEGIN
	IF verdict IS NULL OR verdict NOT IN ('justified', 'not justified', 'unclear') THEN
		PERFORM csec.refuse('judge_access', 'review ' || id, 'there is no such verdict', 'Verdicts are justified, not justified and unclear.', 'invalid_parameter_value');
	END IF;
	UPDATE csec.review_sample s SET verdict = judge_access.verdict, note = judge_access.note, by = r.reviewer, at = clock_timestamp()
		WHERE s.review = r.id AND s.number = judge_access.number;
	IF NOT FOUND THEN
		PERFORM csec.refuse('judge_access', 'review ' || id, 'the sample has no such access', 'See csec.review_sample.', 'undefined_object');
	END IF;
END
$$;
COMMENT ON FUNCTION csec.judge_access(int8, int, text, text) IS 'what the reviewer thinks of an access of the sample';

CREATE FUNCTION csec.add_finding(id int8, severity text, finding text, fixer text, due timestamptz) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review := csec.own_review(id, ARRAY['in_progress'], 'add_finding');
	object text := 'review ' || id;
	made int8;
BEGIN
	IF severity IS NULL OR severity NOT IN ('minor', 'moderate', 'major', 'critical') OR due IS NULL OR due <= clock_timestamp() OR NOT isfinite(due) THEN
		PERFORM csec.refuse('add_finding', object, 'a severity, and a time to come by which it is put right, are needed', 'Severities are minor, moderate, major and critical.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_text('add_finding', object, 'the finding', finding);
	PERFORM csec.check_persons('add_finding', object, ARRAY[fixer]);
	IF NOT csec.may_be_charged(fixer) THEN
		PERFORM csec.refuse('add_finding', object, 'who is suspended or has left puts nothing right', 'Name another person.');
	END IF;
	INSERT INTO csec.review_finding (review, severity, finding, fixer, due, found_by)
		VALUES (r.id, add_finding.severity, add_finding.finding, add_finding.fixer, add_finding.due, r.reviewer) RETURNING review_finding.id INTO made;
	PERFORM csec.control('finding open', 'finding ' || made, jsonb_build_object('review', r.id, 'severity', severity, 'fixer', fixer, 'due', due,
		'person', r.reviewer, 'policy', csec.policy_version()));
	RETURN made;
END
$$;
COMMENT ON FUNCTION csec.add_finding(int8, text, text, text, timestamptz) IS 'what a review found, who has to put it right, and by when; gives its number';

CREATE FUNCTION csec.conclude_review(id int8, conclusion text, summary text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.review := csec.own_review(id, ARRAY['in_progress'], 'conclude_review');
	object text := 'review ' || id;
	open_items text;
BEGIN
	IF conclusion IS NULL OR conclusion NOT IN ('satisfactory', 'needs improvement', 'unsatisfactory') THEN
		PERFORM csec.refuse('conclude_review', object, 'there is no such conclusion', 'Conclusions are satisfactory, needs improvement and unsatisfactory.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_text('conclude_review', object, 'the summary', summary);
	PERFORM csec.answer_live(r);
	SELECT string_agg(i.item, ', ' ORDER BY i.position) INTO open_items FROM csec.checklist_item i
		WHERE i.checklist = r.checklist AND NOT EXISTS (SELECT FROM csec.review_answer a WHERE a.review = r.id AND a.item = i.item);
	IF open_items IS NOT NULL OR EXISTS (SELECT FROM csec.review_sample s WHERE s.review = r.id AND s.verdict IS NULL) THEN
		PERFORM csec.refuse('conclude_review', object, 'not everything was looked at' || coalesce(': ' || open_items, ': the sample'), 'See csec.answer_item() and csec.judge_access().', 'object_not_in_prerequisite_state');
	END IF;
	IF conclusion = 'satisfactory' AND EXISTS (SELECT FROM csec.review_answer a WHERE a.review = r.id AND a.answer IN ('no', 'unknown')) THEN
		PERFORM csec.refuse('conclude_review', object, 'with answers that are no or unknown a review is not satisfactory', 'Conclude otherwise.', 'object_not_in_prerequisite_state');
	END IF;
	IF conclusion <> 'satisfactory' AND NOT EXISTS (SELECT FROM csec.review_finding f WHERE f.review = r.id) THEN
		PERFORM csec.refuse('conclude_review', object, 'what is not satisfactory is a finding', 'See csec.add_finding().', 'object_not_in_prerequisite_state');
	END IF;
	UPDATE csec.review v SET concluded_at = clock_timestamp(), conclusion = conclude_review.conclusion, summary = conclude_review.summary WHERE v.id = r.id;
	PERFORM csec.enter_review_state(r, 'concluded', conclusion);
	IF EXISTS (SELECT FROM csec.review_finding f WHERE f.review = r.id) THEN
		r.state := 'concluded';
		PERFORM csec.enter_review_state(r, 'findings_open', NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION csec.conclude_review(int8, text, text) IS
	'end the looking: satisfactory only where all answers are yes; else there is a finding, and findings are open from then on';

CREATE FUNCTION csec.finding_to_move(id int8, from_state text, action text) RETURNS csec.review_finding
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f csec.review_finding;
BEGIN
	-- its review first: the last of its findings moves that, too
	PERFORM FROM csec.review v WHERE v.id = (SELECT g.review FROM csec.review_finding g WHERE g.id = finding_to_move.id) FOR UPDATE;
	SELECT * INTO f FROM csec.review_finding g WHERE g.id = finding_to_move.id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, 'finding ' || coalesce(id::text, 'null'), 'the finding does not exist', 'See csec.review_finding.', 'undefined_object');
	END IF;
	PERFORM csec.review_to_move(f.review, ARRAY['findings_open'], action);
	IF f.state <> from_state THEN
		PERFORM csec.refuse(action, 'finding ' || id, format('finding %s is %s', id, f.state), 'This is done to one that is ' || from_state || '.', 'object_not_in_prerequisite_state');
	END IF;
	RETURN f;
END
$$;
REVOKE ALL ON FUNCTION csec.finding_to_move(int8, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.finding_to_move(int8, text, text) IS 'internal: a finding that is about to be moved, or the refusal';

CREATE FUNCTION csec.fix_finding(id int8, fix text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('fix_finding', 'finding ' || coalesce(id::text, 'null'));
	f csec.review_finding := csec.finding_to_move(id, 'open', 'fix_finding');
BEGIN
	IF f.fixer <> who THEN
		PERFORM csec.refuse('fix_finding', 'finding ' || id, 'a finding is put right by the person who has to', 'See csec.review_finding.');
	END IF;
	PERFORM csec.check_text('fix_finding', 'finding ' || id, 'what was done', fix);
	UPDATE csec.review_finding g SET state = 'fixed', fixed_by = who, fixed_at = clock_timestamp(), fix = fix_finding.fix,
		verified_by = NULL, verified_at = NULL, verification = NULL WHERE g.id = f.id;
	PERFORM csec.control('finding fixed', 'finding ' || id, jsonb_build_object('review', f.review, 'person', who, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.fix_finding(int8, text) IS 'a finding was put right, and how; for the person who had to';

CREATE FUNCTION csec.reassign_finding(id int8, fixer text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'finding ' || coalesce(id::text, 'null');
	who text := csec.check_reviewing('reassign_finding', object);
	f csec.review_finding := csec.finding_to_move(id, 'open', 'reassign_finding');
BEGIN
	IF who = f.fixer THEN
		PERFORM csec.refuse('reassign_finding', object, 'who has to put it right does not give it to somebody else', 'Ask the reviewer.');
	END IF;
	PERFORM csec.check_persons('reassign_finding', object, ARRAY[fixer]);
	IF fixer = f.fixer OR NOT csec.may_be_charged(fixer) THEN
		PERFORM csec.refuse('reassign_finding', object, 'a finding goes to another person who can act', 'Name another person.');
	END IF;
	PERFORM csec.check_reason('reassign_finding', object, reason);
	UPDATE csec.review_finding g SET fixer = reassign_finding.fixer WHERE g.id = f.id;
	PERFORM csec.control('finding reassigned', object, jsonb_build_object('review', f.review, 'from', f.fixer, 'to', fixer, 'person', who,
		'reason', reason, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.reassign_finding(int8, text, text) IS 'give a finding that is open to another person to put right, by the day that it was due, and why; not by who had to';

CREATE FUNCTION csec.verify_finding(id int8, good bool, verification text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.check_reviewing('verify_finding', 'finding ' || coalesce(id::text, 'null'));
	f csec.review_finding := csec.finding_to_move(id, 'fixed', 'verify_finding');
	r csec.review;
BEGIN
	IF who IN (f.fixed_by, f.fixer) THEN
		PERFORM csec.refuse('verify_finding', 'finding ' || id, 'who put it right does not make sure that it is', 'Somebody else has to.');
	END IF;
	IF good IS NULL THEN
		PERFORM csec.refuse('verify_finding', 'finding ' || id, 'whether it is right must be said', 'Give good =>.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_text('verify_finding', 'finding ' || id, 'how it was made sure', verification);
	UPDATE csec.review_finding g SET state = CASE WHEN good THEN 'verified' ELSE 'open' END, verified_by = who, verified_at = clock_timestamp(),
		verification = verify_finding.verification WHERE g.id = f.id;
	PERFORM csec.control(CASE WHEN good THEN 'finding verified' ELSE 'finding open' END, 'finding ' || id, jsonb_build_object('review', f.review, 'from', f.state, 'person', who,
		'policy', csec.policy_version()));
	IF NOT EXISTS (SELECT FROM csec.review_finding g WHERE g.review = f.review AND g.state <> 'verified') THEN
		SELECT * INTO r FROM csec.review v WHERE v.id = f.review;
		PERFORM csec.enter_review_state(r, 'verified', NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION csec.verify_finding(int8, bool, text) IS 'it was made sure that a finding is put right, or it is not and open again; never by who put it right';

CREATE FUNCTION csec.close_review(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.check_reviewing('close_review', 'review ' || coalesce(id::text, 'null'));
	r csec.review := csec.review_to_move(id, ARRAY['concluded', 'verified'], 'close_review');
BEGIN
	IF who = r.owner THEN
		PERFORM csec.refuse('close_review', 'review ' || id, 'nobody closes the review of what he answers for', 'Ask the reviewer.');
	END IF;
	PERFORM csec.check_reason('close_review', 'review ' || id, reason);
	PERFORM csec.enter_review_state(r, 'closed', reason);
END
$$;
COMMENT ON FUNCTION csec.close_review(int8, text) IS 'a review is over; not by the owner';

-- Told by csec.offboard_report(): what waits for somebody who does not come.
CREATE FUNCTION csec.duties_of(person text) RETURNS TABLE (object text, detail text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT 'person ' || p.id, 'is his manager' FROM csec.person p WHERE p.manager = duties_of.person AND p.state <> 'left'
		UNION ALL
		SELECT 'review ' || r.id, CASE WHEN r.reviewer = duties_of.person THEN 'is to review' ELSE 'owns what is reviewed' END FROM csec.review r
			WHERE duties_of.person IN (r.reviewer, r.owner) AND r.state <> 'closed'
		UNION ALL
		SELECT 'incident ' || i.id, 'is in charge' FROM csec.incident i WHERE i.handler = duties_of.person AND i.state NOT IN ('closed', 'false_alarm')
		UNION ALL
		SELECT 'finding ' || f.id || ' of review ' || f.review, 'is to fix it' FROM csec.review_finding f WHERE f.fixer = duties_of.person AND f.state = 'open'
	$$;
REVOKE ALL ON FUNCTION csec.duties_of(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.duties_of(text) IS 'internal: what others have to take over from a person';
