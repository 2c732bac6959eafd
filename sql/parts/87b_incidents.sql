-- Incidents: reported (by anyone), triaged, confirmed | false alarm,
-- contained, notified, recovered, lessons, closed.  What moves one is a
-- function here, each move a record, and so is each that was refused.

CREATE FUNCTION csec.is_case_officer() RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce(csec.is_member(csec.login(), 'csec_officer') OR csec.is_member(csec.login(), 'csec_management'), false) $$;
REVOKE ALL ON FUNCTION csec.is_case_officer() FROM PUBLIC;
COMMENT ON FUNCTION csec.is_case_officer() IS 'internal: is who logged in a security officer, or of the management?';

-- Nobody is kept out of an incident by those who could move it, nor do they keep
-- it from being looked at: where all are accused, the auditors say who is.
CREATE FUNCTION csec.all_are_accused(accused text[]) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT NOT EXISTS (SELECT FROM pg_roles r CROSS JOIN LATERAL csec.person_of(r.oid::regrole) p
			WHERE r.rolcanlogin AND (csec.is_member(r.oid::regrole, 'csec_officer') OR csec.is_member(r.oid::regrole, 'csec_management'))
				AND p <> ALL (accused) AND csec.person_is_active(p))
	$$;
REVOKE ALL ON FUNCTION csec.all_are_accused(text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.all_are_accused(text[]) IS 'internal: is nobody left who could move an incident?';

CREATE FUNCTION csec.check_text(action text, object text, what text, value text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.states(value, 10000) THEN
		PERFORM csec.refuse(action, object, what || ' must be said, in 1 to 10000 characters', 'Say it as a text.', 'invalid_parameter_value');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_text(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_text(text, text, text, text) IS 'internal: refuses a text that says nothing';

CREATE FUNCTION csec.check_persons(action text, object text, persons text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one text;
BEGIN
	FOREACH one IN ARRAY coalesce(persons, '{}') LOOP
		IF one IS NULL OR NOT EXISTS (SELECT FROM csec.person p WHERE p.id = one)
				AND NOT EXISTS (SELECT FROM pg_roles r WHERE 'login:' || r.rolname = one) THEN
			PERFORM csec.refuse(action, object, format('person "%s" does not exist', one), 'See csec.person; of a login that is nobody''s the person is login:NAME.', 'undefined_object');
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.check_persons(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_persons(text, text, text[]) IS 'internal: refuses persons who do not exist';

CREATE FUNCTION csec.report_incident(title text, kind text DEFAULT 'other', discovered_at timestamptz DEFAULT NULL, place text DEFAULT NULL,
		happened_from timestamptz DEFAULT NULL, happened_until timestamptz DEFAULT NULL, impact text DEFAULT NULL, accused text[] DEFAULT '{}') RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- anyone may, also behind a pool that nobody logged into: then the pool reports
	who text := CASE WHEN csec.current_person() IS NULL AND csec.is_pool_role(csec.login()) THEN csec.person_of(csec.login())
		ELSE csec.acting_person('report_incident', title) END;
BEGIN
	PERFORM csec.check_persons('report_incident', title, accused);
	RETURN csec.open_incident(who, title, kind, discovered_at, place, happened_from, happened_until, impact, accused);
END
$$;
COMMENT ON FUNCTION csec.report_incident(text, text, timestamptz, text, timestamptz, timestamptz, text, text[]) IS
	'report an incident; anyone may. kind: leak, misuse, tampering, loss, outage, other; deadlines run from discovered_at; gives its number';

CREATE FUNCTION csec.open_incident(who text, title text, kind text, discovered_at timestamptz, place text,
		happened_from timestamptz, happened_until timestamptz, impact text, accused text[]) RETURNS int8
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made int8;
	now CONSTANT timestamptz := clock_timestamp();
BEGIN
	IF NOT csec.states(title, 200) THEN
		PERFORM csec.refuse('report_incident', title, 'a title of 1 to 200 characters is needed', 'Say in a line what happened.', 'invalid_parameter_value');
	END IF;
	IF kind IS NULL OR kind NOT IN ('leak', 'misuse', 'tampering', 'loss', 'outage', 'other') THEN
		PERFORM csec.refuse('report_incident', title, 'there is no such kind of incident', 'Kinds are leak, misuse, tampering, loss, outage and other.', 'invalid_parameter_value');
	END IF;
	-- a clock that is a little off is no reason to refuse
	IF discovered_at > now + interval '5 minutes' OR NOT isfinite(discovered_at) OR happened_from > now + interval '5 minutes'
			OR happened_until < happened_from OR happened_from > discovered_at THEN
		PERFORM csec.refuse('report_incident', title, 'an incident happens before it is discovered, and neither lies in the future', 'Correct the times.', 'invalid_parameter_value');
	END IF;
	INSERT INTO csec.incident (kind, title, place, happened_from, happened_until, discovered_at, reported_by, accused, impact, changed_by)
		VALUES (open_incident.kind, open_incident.title, open_incident.place, open_incident.happened_from, open_incident.happened_until,
			coalesce(open_incident.discovered_at, now), who,
			ARRAY(SELECT DISTINCT a FROM unnest(open_incident.accused) a ORDER BY a), open_incident.impact, who)
		RETURNING id INTO made;
	PERFORM csec.note_incident_move(made, NULL, 'reported', who, title);
	RETURN made;
END
$$;
REVOKE ALL ON FUNCTION csec.open_incident(text, text, text, timestamptz, text, timestamptz, timestamptz, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.open_incident(text, text, text, timestamptz, text, timestamptz, timestamptz, text, text[]) IS 'internal: enter an incident, whoever reports it';

CREATE FUNCTION csec.note_incident_move(id int8, from_state text, to_state text, who text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO csec.incident_move (incident, from_state, to_state, person, reason, policy)
		VALUES (id, note_incident_move.from_state, note_incident_move.to_state, who, csec.shortened(note_incident_move.reason), csec.policy_version());
	PERFORM csec.control('incident ' || to_state, 'incident ' || id, jsonb_strip_nulls(jsonb_build_object(
		'from', from_state, 'person', who, 'reason', csec.shortened(reason), 'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.note_incident_move(int8, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.note_incident_move(int8, text, text, text, text) IS 'internal: one move of an incident, on record';

-- An incident, locked against all others who would move it, for somebody who
-- may move it from a state in which it may be moved so.
CREATE FUNCTION csec.incident_to_move(id int8, from_states text[], action text) RETURNS csec.incident
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'incident ' || coalesce(id::text, 'null');
	who text := csec.acting_person(action, object);
	as_auditor bool := action = 'accuse' AND NOT csec.is_case_officer() AND coalesce(csec.is_member(csec.login(), 'csec_auditor'), false);
	i csec.incident;
BEGIN
	IF NOT csec.is_case_officer() AND NOT as_auditor THEN
		PERFORM csec.refuse(action, object, 'this is for the security officer and the management', 'Anyone may report an incident.');
	END IF;
	SELECT * INTO i FROM csec.incident n WHERE n.id = incident_to_move.id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, object, 'the incident does not exist', 'See csec.incidents.', 'undefined_object');
	END IF;
	IF who = ANY (i.accused) THEN
		PERFORM csec.refuse(action, object, 'who is accused decides nothing about the incident', 'Somebody else has to; where all who could are accused, an auditor says who is, by csec.accuse().');
	END IF;
	IF as_auditor AND NOT csec.all_are_accused(i.accused) THEN
		PERFORM csec.refuse(action, object, 'an auditor says who is accused only where all others who could are', 'Ask the security officer or the management.');
	END IF;
	IF i.state <> ALL (from_states) THEN
		PERFORM csec.refuse(action, object, format('incident %s is %s', id, replace(i.state, '_', ' ')),
			'This is done to one that is ' || array_to_string(from_states, ' or ') || '.', 'object_not_in_prerequisite_state');
	END IF;
	RETURN i;
END
$$;
REVOKE ALL ON FUNCTION csec.incident_to_move(int8, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION csec.incident_to_move(int8, text[], text) IS 'internal: an incident that is about to be moved, or the refusal';

CREATE FUNCTION csec.enter_incident_state(i csec.incident, state text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.current_person();
BEGIN
	UPDATE csec.incident n SET state = enter_incident_state.state, changed_at = clock_timestamp(), changed_by = who,
			closed_at = CASE WHEN enter_incident_state.state IN ('closed', 'false_alarm') THEN clock_timestamp() END
		WHERE n.id = i.id;
	PERFORM csec.note_incident_move(i.id, i.state, enter_incident_state.state, who, reason);
END
$$;
REVOKE ALL ON FUNCTION csec.enter_incident_state(csec.incident, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.enter_incident_state(csec.incident, text, text) IS 'internal: put an incident into another state, and say so';

CREATE FUNCTION csec.severity_rank(severity text) RETURNS int
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT array_position(ARRAY['unrated', 'minor', 'moderate', 'major', 'critical'], severity) $$;
REVOKE ALL ON FUNCTION csec.severity_rank(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.severity_rank(text) IS 'internal: severities in their order';

-- The worst where a row was changed behind csec's back.
CREATE FUNCTION csec.severity_of(rule csec.severity_rule) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT CASE WHEN csec.row_is_sound(rule) THEN rule.severity ELSE 'critical' END $$;
REVOKE ALL ON FUNCTION csec.severity_of(csec.severity_rule) FROM PUBLIC;
COMMENT ON FUNCTION csec.severity_of(csec.severity_rule) IS 'internal: the severity that a rule says';

-- Severity and the number of persons, from what is known by now.
CREATE FUNCTION csec.rate_incident(id int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident;
	found_persons int8;
	worst_level text;
	worst text;
BEGIN
	SELECT * INTO i FROM csec.incident n WHERE n.id = rate_incident.id;
	SELECT greatest(count(*), (SELECT max(s.customers) FROM csec.incident_scope s WHERE s.incident = i.id))
		INTO found_persons FROM csec.incident_subject s WHERE s.incident = i.id;
	-- more were stated than found, and not what of them: the worst is assumed
	SELECT l.name INTO worst_level FROM csec.level l
		WHERE NOT EXISTS (SELECT FROM csec.incident_scope s WHERE s.incident = i.id)
			OR EXISTS (SELECT FROM csec.incident_scope s WHERE s.incident = i.id AND s.level = l.name)
		ORDER BY l.rank DESC LIMIT 1;
	SELECT s INTO worst FROM (
			SELECT csec.severity_of(r) FROM csec.incident_scope c JOIN csec.severity_rule r ON r.level = c.level AND r.shown = c.shown AND r.persons <= c.customers
				WHERE c.incident = i.id
			UNION ALL SELECT csec.severity_of(r) FROM csec.severity_rule r
				WHERE i.persons > found_persons AND r.level = worst_level AND r.shown = 'revealed' AND r.persons <= i.persons
			UNION ALL SELECT i.severity_set
			UNION ALL SELECT 'unrated') v (s)
		WHERE s IS NOT NULL ORDER BY csec.severity_rank(s) DESC LIMIT 1;
	UPDATE csec.incident n SET severity = worst, persons = greatest(n.persons, found_persons)
		WHERE n.id = i.id AND (n.severity <> worst OR n.persons < found_persons);
END
$$;
REVOKE ALL ON FUNCTION csec.rate_incident(int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.rate_incident(int8) IS 'internal: severity and number of persons of an incident';

CREATE FUNCTION csec.triage_incident(id int8, handler text, severity text DEFAULT NULL, persons int8 DEFAULT NULL, regimes text[] DEFAULT NULL,
		accused text[] DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['reported'], 'triage_incident');
	object text := 'incident ' || id;
	suspects text[] := ARRAY(SELECT DISTINCT a FROM unnest(i.accused || triage_incident.accused) a ORDER BY a);
BEGIN
	PERFORM csec.check_persons('triage_incident', object, ARRAY[handler] || accused);
	IF handler = ANY (suspects) OR NOT csec.may_be_charged(handler) THEN
		PERFORM csec.refuse('triage_incident', object, 'who is accused, suspended or has left cannot be in charge', 'Name another person.');
	END IF;
	IF severity = 'unrated' OR csec.severity_rank(severity) IS NULL AND severity IS NOT NULL THEN
		PERFORM csec.refuse('triage_incident', object, 'there is no such severity', 'Severities are minor, moderate, major and critical.', 'invalid_parameter_value');
	END IF;
	IF persons < 0 THEN
		PERFORM csec.refuse('triage_incident', object, 'the number of persons cannot be negative', 'Give an estimate, or none.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_regimes('triage_incident', object, regimes);
	IF reason IS NOT NULL THEN
		PERFORM csec.check_reason('triage_incident', object, reason);
	END IF;
	UPDATE csec.incident n SET handler = triage_incident.handler, severity_set = triage_incident.severity, accused = suspects,
			persons = greatest(n.persons, triage_incident.persons), regimes = triage_incident.regimes
		WHERE n.id = i.id;
	PERFORM csec.rate_incident(id);
	PERFORM csec.enter_incident_state(i, 'triaged', reason);
END
$$;
COMMENT ON FUNCTION csec.triage_incident(int8, text, text, int8, text[], text[], text) IS
	'say who is in charge of an incident, how severe it is at least, how many persons it concerns, whose deadlines apply and who is accused; what its scope says can only make it worse';

CREATE FUNCTION csec.check_regimes(action text, object text, regimes text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cardinality(regimes) = 0 OR EXISTS (SELECT FROM unnest(regimes) g WHERE g IS NULL OR NOT EXISTS (SELECT FROM csec.deadline_rule d WHERE d.regime = g)) THEN
		PERFORM csec.refuse(action, object, 'a regime is named that has no deadlines', 'See csec.deadline_rule; null: those that apply by themselves.', 'undefined_object');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_regimes(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_regimes(text, text, text[]) IS 'internal: refuses regimes that do not exist';

CREATE FUNCTION csec.accuse(id int8, persons text[], reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['reported', 'triaged', 'confirmed', 'contained', 'notified', 'recovered', 'lessons'], 'accuse');
BEGIN
	PERFORM csec.check_persons('accuse', 'incident ' || id, persons);
	PERFORM csec.check_reason('accuse', 'incident ' || id, reason);
	UPDATE csec.incident n SET accused = ARRAY(SELECT DISTINCT a FROM unnest(accuse.persons) a ORDER BY a),
			handler = CASE WHEN n.handler = ANY (accuse.persons) THEN NULL ELSE n.handler END WHERE n.id = i.id;
	PERFORM csec.control('incident accused', 'incident ' || id, jsonb_build_object('from', i.accused, 'to', persons,
		'person', csec.current_person(), 'reason', reason, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.accuse(int8, text[], text) IS 'say who is accused in an incident, in place of who was before; he decides nothing about it any more. Where all officers and managers are accused, auditors do it';

CREATE FUNCTION csec.confirm_incident(id int8, cause text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['triaged'], 'confirm_incident');
BEGIN
	PERFORM csec.check_text('confirm_incident', 'incident ' || id, 'the cause', cause);
	UPDATE csec.incident n SET cause = confirm_incident.cause WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'confirmed', cause);
END
$$;
COMMENT ON FUNCTION csec.confirm_incident(int8, text) IS 'an incident is one, and how it came about as far as known';

CREATE FUNCTION csec.dismiss_incident(id int8, result text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['triaged'], 'dismiss_incident');
BEGIN
	PERFORM csec.check_text('dismiss_incident', 'incident ' || id, 'the result', result);
	PERFORM csec.check_may_close('dismiss_incident', i);
	UPDATE csec.incident n SET result = dismiss_incident.result WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'false_alarm', result);
END
$$;
COMMENT ON FUNCTION csec.dismiss_incident(int8, text) IS 'an incident was a false alarm, and why';

CREATE FUNCTION csec.check_may_close(action text, i csec.incident) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF i.severity IN ('major', 'critical') AND NOT coalesce(csec.is_member(csec.login(), 'csec_management'), false) THEN
		PERFORM csec.refuse(action, 'incident ' || i.id, format('a %s incident is closed by the management', i.severity), 'Ask a member of csec_management.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_may_close(text, csec.incident) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_may_close(text, csec.incident) IS 'internal: refuses all but the management to close a major incident';

CREATE FUNCTION csec.contain_incident(id int8, measures text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['confirmed'], 'contain_incident');
BEGIN
	PERFORM csec.check_text('contain_incident', 'incident ' || id, 'what was done', measures);
	UPDATE csec.incident n SET measures = contain_incident.measures WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'contained', measures);
END
$$;
COMMENT ON FUNCTION csec.contain_incident(int8, text) IS 'an incident goes on no longer, and what was done';

CREATE FUNCTION csec.recover_incident(id int8, recovery text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['notified'], 'recover_incident');
BEGIN
	PERFORM csec.check_text('recover_incident', 'incident ' || id, 'what was put right', recovery);
	UPDATE csec.incident n SET recovery = recover_incident.recovery WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'recovered', recovery);
END
$$;
COMMENT ON FUNCTION csec.recover_incident(int8, text) IS 'things are put right after an incident, and how';

CREATE FUNCTION csec.learn_from_incident(id int8, lessons text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['recovered'], 'learn_from_incident');
BEGIN
	PERFORM csec.check_text('learn_from_incident', 'incident ' || id, 'what was learnt', lessons);
	UPDATE csec.incident n SET lessons = learn_from_incident.lessons WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'lessons', lessons);
END
$$;
COMMENT ON FUNCTION csec.learn_from_incident(int8, text) IS 'what is to be done so that an incident does not come again';

CREATE FUNCTION csec.close_incident(id int8, result text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['lessons'], 'close_incident');
BEGIN
	PERFORM csec.check_text('close_incident', 'incident ' || id, 'the result', result);
	PERFORM csec.check_may_close('close_incident', i);
	UPDATE csec.incident n SET result = close_incident.result WHERE n.id = i.id;
	PERFORM csec.enter_incident_state(i, 'closed', result);
END
$$;
COMMENT ON FUNCTION csec.close_incident(int8, text) IS 'an incident is over; major and critical ones are closed by the management, none by who is accused';

-- The scope, kept with the incident.
CREATE FUNCTION csec.add_scope(id int8, role text DEFAULT NULL, person text DEFAULT NULL, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['triaged', 'confirmed', 'contained', 'notified'], 'add_scope');
	logins text[] := csec.scope_logins(role, person);
	next int := 1 + coalesce((SELECT max(s.number) FROM csec.incident_scope s WHERE s.incident = add_scope.id), 0);
	found_customers int8;
BEGIN
	PERFORM csec.check_times(from_time, to_time);
	PERFORM csec.await_sealing();
	INSERT INTO csec.incident_subject AS s (incident, relid, subject, revealed, masked, level)
		SELECT i.id, v.relid, v.subject,
				coalesce(array_agg(v.field ORDER BY v.field COLLATE "C") FILTER (WHERE v.shown = 'revealed'), '{}'),
				coalesce(array_agg(v.field ORDER BY v.field COLLATE "C") FILTER (WHERE v.shown = 'masked'), '{}'),
				(array_agg(v.level ORDER BY l.rank DESC))[1]
			FROM csec.seen_by(logins, person, from_time, to_time) v LEFT JOIN csec.level l ON l.name = v.level
			WHERE v.subject IS NOT NULL
			GROUP BY v.relid, v.subject
		ON CONFLICT ON CONSTRAINT incident_subject_pkey DO UPDATE
			SET revealed = ARRAY(SELECT DISTINCT f FROM unnest(s.revealed || EXCLUDED.revealed) f ORDER BY f),
				masked = ARRAY(SELECT DISTINCT f FROM unnest(s.masked || EXCLUDED.masked) f
					WHERE f <> ALL (s.revealed || EXCLUDED.revealed) ORDER BY f),
				level = (SELECT l.name FROM csec.level l WHERE l.name IN (s.level, EXCLUDED.level) ORDER BY l.rank DESC LIMIT 1);
	GET DIAGNOSTICS found_customers = ROW_COUNT;
	INSERT INTO csec.incident_scope (incident, number, role, person, from_time, to_time, level, shown, relid, relation, fields, customers, reads, complete, digest)
		SELECT i.id, next, add_scope.role, add_scope.person, add_scope.from_time, add_scope.to_time, s.level, s.shown, t.relid, s."table", s.fields,
				-- where all must be assumed, as many as the table has
				CASE WHEN s.complete THEN s.customers ELSE greatest(s.customers, (SELECT c.reltuples::int8 FROM pg_class c WHERE c.oid = t.relid)) END,
				t.reads, s.complete, s.digest
			FROM csec.scope_incident(role, person, from_time, to_time) s
				JOIN (SELECT r.relation, max(r.relid)::regclass AS relid, count(*) AS reads
						FROM csec.reads_by(logins, person, from_time, to_time) r WHERE cardinality(r.revealed) > 0 OR cardinality(r.masked) > 0 GROUP BY r.relation) t ON t.relation = s."table";
	PERFORM csec.rate_incident(id);
	PERFORM csec.control('incident scope', 'incident ' || id, jsonb_strip_nulls(jsonb_build_object('role', role, 'of', person, 'from_time', from_time, 'to_time', to_time,
		'customers', found_customers, 'person', csec.current_person(), 'policy', csec.policy_version(),
		'digest', (SELECT s.digest FROM csec.scope_incident(role, person, from_time, to_time) s WHERE s."table" IS NULL))));
	RETURN found_customers;
END
$$;
COMMENT ON FUNCTION csec.add_scope(int8, text, text, timestamptz, timestamptz) IS
	'keep what csec.scope_incident() finds with an incident, its customers one by one, and rate it anew; gives how many customers it found';
