-- Access without asking first: the broken glass, for an emergency, which
-- somebody else looks at afterwards, and the short permit for a customer who
-- has just proved who he is.

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'csec_break_glass') THEN
		CREATE ROLE csec_break_glass NOLOGIN;
	END IF;
END
$$;

CREATE FUNCTION csec.break_glass(tab regclass, subjects text[], reason text, fields name[] DEFAULT NULL, lasting interval DEFAULT NULL) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('break_glass', tab::text);
	longest interval := csec.access_limit('break_glass');
	moment timestamptz := clock_timestamp();
	r csec.access_request;
BEGIN
	IF NOT csec.is_member(csec.login(), 'csec_break_glass') THEN
		PERFORM csec.refuse('break_glass', tab::text, 'the glass is broken by members of csec_break_glass', 'Ask for access: csec.request_access().');
	END IF;
	PERFORM csec.check_reason('break_glass', tab::text, reason);
	PERFORM csec.hold_table(tab);
	IF EXISTS (SELECT FROM csec.access_request q WHERE q.person = who AND q.review IN ('open', 'escalated') AND q.review_by <= clock_timestamp()) THEN
		PERFORM csec.refuse('break_glass', tab::text, 'the last time has not been reviewed, and is overdue', 'csec.review_break_glass() is for another person.');
	END IF;
	r.level := csec.level_of_fields('break_glass', tab, coalesce(fields, ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = tab)));
	r.subjects := csec.subjects_for('break_glass', tab, who, subjects);
	IF r.subjects IS NULL OR cardinality(r.subjects) > 20 THEN
		PERFORM csec.refuse('break_glass', tab::text, 'the glass is broken for customers who are named, 20 at most', 'Name those whom the emergency is about.', 'invalid_parameter_value');
	END IF;
	-- by the clock: a year less 360 days is less than an hour to PostgreSQL, but five days from now on
	r.lasting := moment + least(coalesce(lasting, longest), interval '1 day') - moment;
	IF r.lasting > longest OR r.lasting <= interval '0' THEN
		PERFORM csec.refuse('break_glass', tab::text, format('the glass is broken for %s at most', longest), 'Ask for a shorter time.', 'invalid_parameter_value');
	END IF;
	INSERT INTO csec.access_request AS q (kind, state, person, login, relid, fields, level, subjects, max_rows, purpose, lasting, changed_by, submitted_at, review_by, review)
		VALUES ('break_glass', 'submitted', who, csec.login(), tab,
			coalesce(fields, ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = tab ORDER BY 1)), r.level, r.subjects,
			100 * cardinality(r.subjects), reason, r.lasting, who, clock_timestamp(),
			clock_timestamp() + csec.access_limit('review'), 'open')
		RETURNING * INTO r;
	PERFORM csec.tell_break_glass('break glass', r, who, reason);
	PERFORM csec.open_permit(r, who, reason);
	RETURN r.id;
END
$$;
COMMENT ON FUNCTION csec.break_glass(regclass, text[], text, name[], interval) IS
	'in an emergency: see named customers in clear at once, for an hour at most; on record, announced, and to be justified to another person within a day. Serves from the next transaction on';

-- Anybody may LISTEN and NOTIFY: so neither who nor whom is said, and where
-- somebody has filled the queue, which would make COMMIT fail, nothing.
CREATE FUNCTION csec.notify_alert(what jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF pg_notification_queue_usage() < 0.9 THEN
		PERFORM pg_notify('csec_alert', what::text);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.notify_alert(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.notify_alert(jsonb) IS 'internal: NOTIFY csec_alert, where there is room';

-- A record of an action of its own, and whoever listens hears of it.
CREATE FUNCTION csec.tell_break_glass(action text, r csec.access_request, who text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.control(action, 'request ' || r.id, jsonb_strip_nulls(jsonb_build_object('person', who, 'for', r.person, 'table', r.relid::text,
		'fields', to_jsonb(r.fields), 'subjects', to_jsonb(r.subjects), 'level', r.level, 'reason', reason, 'policy', csec.policy_version())));
	-- at once, and not only when the record is sealed
	PERFORM csec.notify_alert(jsonb_build_object('kind', action, 'request', r.id));
END
$$;
REVOKE ALL ON FUNCTION csec.tell_break_glass(text, csec.access_request, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.tell_break_glass(text, csec.access_request, text, text) IS 'internal: a broken glass, and what becomes of it, as a record and over NOTIFY csec_alert';

CREATE FUNCTION csec.escalate_review(r csec.access_request) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE csec.access_request q SET review = 'escalated' WHERE q.id = r.id;
	PERFORM csec.tell_break_glass('break glass escalated', r, 'csec', NULL);
END
$$;
REVOKE ALL ON FUNCTION csec.escalate_review(csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.escalate_review(csec.access_request) IS 'internal: nobody has reviewed a broken glass in time';

CREATE FUNCTION csec.review_break_glass(id int8, verdict text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('review_break_glass', 'request ' || id);
	r csec.access_request;
BEGIN
	PERFORM csec.hold_person(q.person), csec.hold_person(csec.person_of(q.login)) FROM csec.access_request q WHERE q.id = review_break_glass.id;
	SELECT * INTO r FROM csec.access_request q WHERE q.id = review_break_glass.id FOR UPDATE;
	IF r.kind IS DISTINCT FROM 'break_glass' OR r.review NOT IN ('open', 'escalated') THEN
		PERFORM csec.refuse('review_break_glass', 'request ' || id, format('request %s is no broken glass that waits for a review', id),
			'See csec.access_requests.', 'object_not_in_prerequisite_state');
	END IF;
	PERFORM csec.check_sound('review_break_glass', r);
	PERFORM csec.check_not_concerned('review_break_glass', r, who);
	PERFORM csec.check_guardian('review_break_glass', r);
	PERFORM csec.check_reason('review_break_glass', 'request ' || id, reason);
	IF verdict IS NULL OR verdict NOT IN ('justified', 'abuse') THEN
		PERFORM csec.refuse('review_break_glass', 'request ' || id, 'the verdict is justified or abuse', 'Give one of the two.', 'invalid_parameter_value');
	END IF;
	IF r.review = 'open' AND r.review_by <= clock_timestamp() THEN
		PERFORM csec.escalate_review(r);
	END IF;
	UPDATE csec.access_request q SET review = verdict, reviewed_by = who, review_why = reason WHERE q.id = r.id;
	PERFORM csec.tell_break_glass('break glass ' || verdict, r, who, reason);
	IF verdict = 'abuse' THEN
		-- discovered now, by who looked
		PERFORM csec.open_incident(who, format('the glass of request %s was broken without an emergency', id), 'misuse', NULL, NULL,
			r.submitted_at, NULL, NULL, ARRAY[r.person]);
		-- what was abused does not go on
		IF csec.request_state(r) IN ('approved', 'active', 'suspended') THEN
			PERFORM csec.enter_state(r, 'revoked', who, reason);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION csec.review_break_glass(int8, text, text) IS
	'look at a broken glass, as owner of the data or as security officer and another person than who broke it: justified, or abuse, which ends it and is reported as an incident';

-- Called by csec.match_customer() where its claims were so.
CREATE FUNCTION csec.open_match_permit(tab regclass, subject text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.current_person();
	what csec.match_permit;
	r csec.access_request;
BEGIN
	-- what was so when the transaction began opens nothing
	IF NOT csec.sees_now() THEN
		RETURN;
	END IF;
	PERFORM csec.hold_person(who);
	SELECT * INTO what FROM csec.match_permit m WHERE m.relid = tab AND csec.row_is_sound(m);
	IF NOT FOUND OR who IS NULL OR csec.reader() IS NULL OR NOT csec.person_is_active(who)
		OR csec.subject_as_filed(tab, csec.subject_key(VARIADIC subject)) = ANY (csec.own_subjects(who, tab)) THEN
		RETURN;
	END IF;
	INSERT INTO csec.access_request AS q (kind, state, person, login, relid, fields, level, subjects, max_rows, purpose, lasting, changed_by, submitted_at)
		VALUES ('match', 'submitted', who, csec.login(), tab, what.fields, csec.level_of_fields('match_customer', tab, what.fields),
			csec.subjects_for('match_customer', tab, who, ARRAY[csec.subject_key(VARIADIC subject)]), what.max_rows,
			'the customer was matched', csec.access_limit('match'), who, clock_timestamp())
		RETURNING * INTO r;
	PERFORM csec.open_permit(r, who, 'the customer was matched');
END
$$;
REVOKE ALL ON FUNCTION csec.open_match_permit(regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.open_match_permit(regclass, text[]) IS
	'internal: the short permit for a customer who was matched, where csec.match_permit has his table';
