-- Who has to be told of an incident, by when, and whether he was.  A day of a
-- deadline has 24 hours, whatever the clocks do where the session is.

CREATE FUNCTION csec.deadlines_of(i csec.incident)
	RETURNS TABLE (regime text, recipient text, class text, due_at timestamptz, met_at timestamptz, reference text, state text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
		SELECT d.regime, d.recipient, d.class, d.due_at, m.at, m.reference,
			CASE WHEN i.state = 'false_alarm' THEN 'not needed'
				WHEN m.at <= d.due_at THEN 'met' WHEN m.at IS NOT NULL THEN 'met late'
				WHEN d.due_at < clock_timestamp() THEN 'overdue' ELSE 'due' END
		FROM (
			SELECT DISTINCT ON (r.regime, r.recipient) r.regime, r.recipient, r.class, i.discovered_at + CASE WHEN csec.row_is_sound(r) THEN r.within ELSE interval '0' END AS due_at
			FROM csec.deadline_rule r
			WHERE (CASE WHEN i.regimes IS NULL THEN r.applies OR NOT csec.row_is_sound(r) ELSE r.regime = ANY (i.regimes) END)
				AND r.persons <= greatest(i.persons, 1)
			ORDER BY r.regime, r.recipient, r.persons DESC) d
		LEFT JOIN LATERAL (
			SELECT p.at, p.reference FROM csec.incident_report p
				WHERE p.incident = i.id AND p.regime = d.regime AND p.recipient = d.recipient
			UNION ALL
			-- all of those listed have it
			SELECT max(n.at), count(*) || ' letters' FROM csec.incident_notice n
				WHERE d.recipient = 'persons' AND n.incident = i.id HAVING count(*) > 0 AND bool_and(n.state = 'sent')
			UNION ALL
			SELECT v.at, v.reason FROM csec.incident_move v
				WHERE d.recipient = 'persons' AND v.incident = i.id AND v.to_state = 'persons not told') m ON true
		ORDER BY d.due_at, d.regime, d.recipient
	$$;
REVOKE ALL ON FUNCTION csec.deadlines_of(csec.incident) FROM PUBLIC;
COMMENT ON FUNCTION csec.deadlines_of(csec.incident) IS 'internal: whom an incident must be told to, until when, and whether it was';

CREATE FUNCTION csec.incident_deadlines()
	RETURNS TABLE (incident int8, title text, regime text, recipient text, class text, due_at timestamptz, met_at timestamptz, reference text, state text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT i.id, i.title, d.* FROM csec.incident i CROSS JOIN LATERAL csec.deadlines_of(i) d ORDER BY i.id, d.due_at, d.regime, d.recipient
	$$;
REVOKE ALL ON FUNCTION csec.incident_deadlines() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.incident_deadlines() TO csec_admin, csec_officer, csec_auditor, csec_management;
COMMENT ON FUNCTION csec.incident_deadlines() IS 'what view csec.incident_deadlines shows';

CREATE VIEW csec.incident_deadlines AS SELECT * FROM csec.incident_deadlines();
REVOKE ALL ON csec.incident_deadlines FROM PUBLIC;
GRANT SELECT ON csec.incident_deadlines TO csec_admin, csec_officer, csec_auditor, csec_management;
COMMENT ON VIEW csec.incident_deadlines IS 'whom each incident must be told to, until when, and whether it was: met, met late, due, overdue, not needed';

CREATE FUNCTION csec.incidents()
	RETURNS TABLE (id int8, state text, kind text, title text, place text, happened_from timestamptz, happened_until timestamptz,
		discovered_at timestamptz, reported_at timestamptz, reported_by text, handler text, severity text, persons int8,
		impact text, cause text, measures text, recovery text, lessons text, result text, changed_at timestamptz, next_due timestamptz, overdue bool)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT i.id, i.state, i.kind, i.title, i.place, i.happened_from, i.happened_until, i.discovered_at, i.reported_at, i.reported_by,
			i.handler, i.severity, i.persons, i.impact, i.cause, i.measures, i.recovery, i.lessons, i.result, i.changed_at,
			(SELECT min(d.due_at) FROM csec.deadlines_of(i) d WHERE d.state IN ('due', 'overdue')),
			EXISTS (SELECT FROM csec.deadlines_of(i) d WHERE d.state = 'overdue')
		FROM csec.incident i
		WHERE csec.reader() IS NOT NULL
			AND (i.reported_by = csec.current_person() OR csec.is_case_officer()
				OR csec.is_member(csec.login(), 'csec_admin') OR csec.is_member(csec.login(), 'csec_auditor'))
	$$;
COMMENT ON FUNCTION csec.incidents() IS 'what view csec.incidents shows';

CREATE VIEW csec.incidents AS SELECT * FROM csec.incidents();
GRANT SELECT ON csec.incidents TO PUBLIC;
COMMENT ON VIEW csec.incidents IS
	'incidents: everybody''s own reports, all for members of csec_officer, csec_management, csec_admin and csec_auditor';
COMMENT ON COLUMN csec.incidents.next_due IS 'when the next of those who must be told has to be told';

CREATE FUNCTION csec.record_report(id int8, regime text, recipient text, reference text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['triaged', 'confirmed', 'contained', 'notified', 'recovered', 'lessons'], 'record_report');
	due timestamptz;
BEGIN
	IF recipient NOT IN ('authority', 'media') OR regime IS NULL OR recipient IS NULL
			OR NOT EXISTS (SELECT FROM csec.deadline_rule r WHERE r.regime = record_report.regime) THEN
		PERFORM csec.refuse('record_report', 'incident ' || id, 'a report goes to the authority or the media of a regime',
			'See csec.deadline_rule; the persons concerned get letters.', 'invalid_parameter_value');
	END IF;
	IF NOT csec.states(reference, 200) THEN
		PERFORM csec.refuse('record_report', 'incident ' || id, 'a reference of 1 to 200 characters is needed', 'Give the number or the receipt that the report was given.', 'invalid_parameter_value');
	END IF;
	SELECT d.due_at INTO due FROM csec.deadlines_of(i) d WHERE d.regime = record_report.regime AND d.recipient = record_report.recipient;
	INSERT INTO csec.incident_report AS r (incident, regime, recipient, by, reference, due_at)
		VALUES (i.id, record_report.regime, record_report.recipient, csec.current_person(), record_report.reference, due)
		ON CONFLICT ON CONSTRAINT incident_report_pkey DO NOTHING;
	IF NOT FOUND THEN
		PERFORM csec.refuse('record_report', 'incident ' || id, 'that report is on record already', 'See csec.incident_report.', 'object_not_in_prerequisite_state');
	END IF;
	PERFORM csec.control('incident reported on', 'incident ' || id, jsonb_build_object('regime', regime, 'to', recipient, 'reference', reference,
		'person', csec.current_person(), 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.record_report(int8, text, text, text) IS 'an incident was reported to the authority or the media of a regime, by this reference';

CREATE FUNCTION csec.write_letter(id int8, kinds text, cause text, harm text, remedies text, advice text, contact text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['confirmed', 'contained'], 'write_letter');
	object text := 'incident ' || id;
BEGIN
	PERFORM csec.check_text('write_letter', object, 'which kinds of information it is about', kinds);
	PERFORM csec.check_text('write_letter', object, 'the cause', cause);
	PERFORM csec.check_text('write_letter', object, 'what harm may come of it', harm);
	PERFORM csec.check_text('write_letter', object, 'what was done against it', remedies);
	PERFORM csec.check_text('write_letter', object, 'what one can do oneself', advice);
	PERFORM csec.check_text('write_letter', object, 'whom to ask', contact);
	IF EXISTS (SELECT FROM csec.incident_notice n WHERE n.incident = i.id AND n.state <> 'listed') THEN
		PERFORM csec.refuse('write_letter', object, 'letters have gone out already', 'What they said stays.', 'object_not_in_prerequisite_state');
	END IF;
	INSERT INTO csec.incident_letter AS l (incident, kinds, cause, harm, remedies, advice, contact, written_by)
		VALUES (i.id, write_letter.kinds, write_letter.cause, write_letter.harm, write_letter.remedies, write_letter.advice, write_letter.contact, csec.current_person())
		ON CONFLICT ON CONSTRAINT incident_letter_pkey DO UPDATE SET kinds = EXCLUDED.kinds, cause = EXCLUDED.cause, harm = EXCLUDED.harm,
			remedies = EXCLUDED.remedies, advice = EXCLUDED.advice, contact = EXCLUDED.contact, written_by = EXCLUDED.written_by, written_at = clock_timestamp();
END
$$;
COMMENT ON FUNCTION csec.write_letter(int8, text, text, text, text, text, text) IS
	'what the persons concerned are told: kinds of information, cause, harm, remedies, what they can do, whom to ask; refused where one is missing';

-- Everybody whose fields were revealed; those of whom masks were seen, too, if asked for.
CREATE FUNCTION csec.list_notices(id int8, masked bool DEFAULT false) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['confirmed', 'contained'], 'list_notices');
	added int8;
	listed int8;
BEGIN
	IF NOT EXISTS (SELECT FROM csec.incident_letter l WHERE l.incident = i.id) THEN
		PERFORM csec.refuse('list_notices', 'incident ' || id, 'there is no letter to be sent', 'Write it with csec.write_letter().', 'object_not_in_prerequisite_state');
	END IF;
	INSERT INTO csec.incident_notice AS n (incident, relid, subject)
		SELECT s.incident, s.relid, s.subject FROM csec.incident_subject s WHERE s.incident = i.id AND (cardinality(s.revealed) > 0 OR list_notices.masked)
		ON CONFLICT ON CONSTRAINT incident_notice_pkey DO NOTHING;
	GET DIAGNOSTICS added = ROW_COUNT;
	SELECT count(*) INTO listed FROM csec.incident_notice n WHERE n.incident = i.id;
	PERFORM csec.control('incident notices', 'incident ' || id, jsonb_build_object('listed', listed, 'added', added,
		'person', csec.current_person(), 'policy', csec.policy_version()));
	RETURN listed;
END
$$;
COMMENT ON FUNCTION csec.list_notices(int8, bool) IS 'list the customers to whom the letter goes: those with revealed fields, and those with masked ones if asked for; gives how many';

CREATE FUNCTION csec.incident_letters(id int8) RETURNS TABLE (relid regclass, subject text, state text, letter text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT n.relid, n.subject, n.state, concat_ws(E'\n',
			i.title || ', discovered on ' || to_char(i.discovered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), '',
			'Information concerned: ' || l.kinds, 'Your fields: ' || array_to_string(s.revealed || s.masked, ', '),
			'Cause: ' || l.cause, 'What may come of it: ' || l.harm, 'What we did: ' || l.remedies, 'What you can do: ' || l.advice, 'Ask us: ' || l.contact)
		FROM csec.incident_notice n JOIN csec.incident i ON i.id = n.incident JOIN csec.incident_letter l ON l.incident = n.incident
			JOIN csec.incident_subject s ON (s.incident, s.relid, s.subject) = (n.incident, n.relid, n.subject)
		WHERE n.incident = incident_letters.id ORDER BY n.relid, n.subject COLLATE "C";
END
$$;
REVOKE ALL ON FUNCTION csec.incident_letters(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.incident_letters(int8) TO csec_officer, csec_management;
COMMENT ON FUNCTION csec.incident_letters(int8) IS 'the letters of an incident, one for each customer on its list; whoever sends them has the addresses';

CREATE FUNCTION csec.note_notice(id int8, tab regclass, subject text, sent bool, channel text, error text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['confirmed', 'contained', 'notified'], 'note_notice');
BEGIN
	IF sent IS NULL OR NOT csec.states(channel, 100) OR NOT sent AND NOT csec.states(error, 1000) THEN
		PERFORM csec.refuse('note_notice', 'incident ' || id, 'whether it was sent, by what way, or why not, must be said', 'Give sent =>, channel => and, of a failure, error =>.', 'invalid_parameter_value');
	END IF;
	UPDATE csec.incident_notice n SET state = CASE WHEN sent THEN 'sent' ELSE 'failed' END, channel = note_notice.channel, attempts = n.attempts + 1,
			at = clock_timestamp(), by = csec.current_person(), error = CASE WHEN NOT sent THEN note_notice.error END
		WHERE n.incident = i.id AND n.relid = tab AND n.subject = note_notice.subject AND n.state <> 'sent';
	IF NOT FOUND THEN
		PERFORM csec.refuse('note_notice', 'incident ' || id, 'no letter to that customer is waiting', 'See csec.incident_notice.', 'undefined_object');
	END IF;
	PERFORM csec.control(CASE WHEN sent THEN 'incident letter sent' ELSE 'incident letter failed' END, 'incident ' || id,
		jsonb_build_object('table', tab::text, 'subject', subject, 'channel', channel, 'person', csec.current_person(), 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.note_notice(int8, regclass, text, bool, text, text) IS 'a letter was sent to a customer, or could not be, and why';

-- All are told: the authorities, and the persons, unless it is said why they need not be.
CREATE FUNCTION csec.notify_incident(id int8, reason text, persons_not_told text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i csec.incident := csec.incident_to_move(id, ARRAY['contained'], 'notify_incident');
	missing text;
BEGIN
	PERFORM csec.check_reason('notify_incident', 'incident ' || id, reason);
	IF persons_not_told IS NOT NULL THEN
		PERFORM csec.check_reason('notify_incident', 'incident ' || id, persons_not_told);
		IF EXISTS (SELECT FROM csec.incident_notice n WHERE n.incident = i.id) THEN
			PERFORM csec.refuse('notify_incident', 'incident ' || id, 'letters are listed already', 'Send them.', 'object_not_in_prerequisite_state');
		END IF;
		PERFORM csec.check_may_close('notify_incident', i);
		PERFORM csec.note_incident_move(i.id, NULL, 'persons not told', csec.current_person(), persons_not_told);
	END IF;
	SELECT string_agg(d.regime || ' ' || d.recipient, ', ' ORDER BY d.regime, d.recipient) INTO missing FROM csec.deadlines_of(i) d WHERE d.met_at IS NULL;
	IF missing IS NOT NULL THEN
		PERFORM csec.refuse('notify_incident', 'incident ' || id, 'not everybody was told: ' || missing,
			'See csec.incident_deadlines; csec.record_report(), csec.note_notice(), or say why persons are not told.', 'object_not_in_prerequisite_state');
	END IF;
	PERFORM csec.enter_incident_state(i, 'notified', reason);
END
$$;
COMMENT ON FUNCTION csec.notify_incident(int8, text, text) IS
	'everybody who must be told of an incident was; refused as long as a report is not made or a letter not sent, unless it is said why the persons are not told (of a major one by the management)';

-- Evidence: what must not be destroyed.
CREATE FUNCTION csec.hold_evidence(reason text, tab regclass DEFAULT NULL, subject text DEFAULT NULL, from_time timestamptz DEFAULT NULL,
		to_time timestamptz DEFAULT NULL, incident int8 DEFAULT NULL) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := coalesce('incident ' || incident, tab::text, 'all');
	who text := csec.acting_person('hold_evidence', object);
	made int8;
BEGIN
	IF NOT csec.is_case_officer() THEN
		PERFORM csec.refuse('hold_evidence', object, 'this is for the security officer and the management', 'Ask one of them.');
	END IF;
	PERFORM csec.check_reason('hold_evidence', object, reason);
	IF subject IS NOT NULL AND tab IS NULL OR from_time >= to_time
			OR incident IS NOT NULL AND NOT EXISTS (SELECT FROM csec.incident i WHERE i.id = hold_evidence.incident) THEN
		PERFORM csec.refuse('hold_evidence', object, 'a customer is of a table, times have an order, and an incident exists', 'Correct what is to be held.', 'invalid_parameter_value');
	END IF;
	-- one of nobody would hold nothing
	IF EXISTS (SELECT FROM csec.protected_table p WHERE p.relid = tab) AND subject IS NOT NULL THEN
		subject := (csec.subjects_as_filed('hold_evidence', tab, ARRAY[subject]))[1];
	END IF;
	INSERT INTO csec.evidence_hold (incident, relid, subject, from_time, to_time, reason, placed_by)
		VALUES (hold_evidence.incident, tab, hold_evidence.subject, hold_evidence.from_time, hold_evidence.to_time, hold_evidence.reason, who)
		RETURNING id INTO made;
	-- now that the sealer can cut no more before this is over
	PERFORM csec.warn_of_cut(from_time);
	PERFORM csec.control('evidence held', 'hold ' || made, jsonb_strip_nulls(jsonb_build_object('incident', incident, 'table', tab::text, 'subject', subject,
		'from_time', from_time, 'to_time', to_time, 'reason', reason, 'person', who, 'policy', csec.policy_version())));
	RETURN made;
END
$$;
COMMENT ON FUNCTION csec.hold_evidence(text, regclass, text, timestamptz, timestamptz, int8) IS
	'stop retention: records and rows of a table, a customer, a time, or of all, must not be destroyed until csec.release_evidence(); gives the number of the hold';

CREATE FUNCTION csec.release_evidence(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'hold ' || coalesce(id::text, 'null');
	who text := csec.acting_person('release_evidence', object);
	h csec.evidence_hold;
BEGIN
	IF NOT csec.is_case_officer() THEN
		PERFORM csec.refuse('release_evidence', object, 'this is for the security officer and the management', 'Ask one of them.');
	END IF;
	SELECT * INTO h FROM csec.evidence_hold e WHERE e.id = release_evidence.id FOR UPDATE;
	IF NOT FOUND OR h.released_at IS NOT NULL THEN
		PERFORM csec.refuse('release_evidence', object, 'there is no such hold that stands', 'See csec.evidence_hold.', 'undefined_object');
	END IF;
	PERFORM csec.check_reason('release_evidence', object, reason);
	IF EXISTS (SELECT FROM csec.incident i WHERE i.id = h.incident AND who = ANY (i.accused)) THEN
		PERFORM csec.refuse('release_evidence', object, 'who is accused releases no evidence', 'Somebody else has to.');
	END IF;
	IF EXISTS (SELECT FROM csec.incident i WHERE i.id = h.incident AND i.state NOT IN ('closed', 'false_alarm')) THEN
		PERFORM csec.refuse('release_evidence', object, 'the incident is not over', 'Close it first.', 'object_not_in_prerequisite_state');
	END IF;
	UPDATE csec.evidence_hold e SET released_by = who, released_at = clock_timestamp(), release_reason = release_evidence.reason WHERE e.id = h.id;
	PERFORM csec.control('evidence released', object, jsonb_build_object('reason', reason, 'person', who, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.release_evidence(int8, text) IS 'end a hold; not by who is accused, and not before its incident is over';

CREATE FUNCTION csec.evidence_is_held(tab regclass, subject text DEFAULT NULL, from_time timestamptz DEFAULT '-infinity', to_time timestamptz DEFAULT 'infinity') RETURNS bool
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		-- one that somebody changed behind csec's back holds everything
		SELECT EXISTS (SELECT FROM csec.evidence_hold h WHERE NOT csec.row_is_sound(h) OR h.released_at IS NULL
			AND (h.relid IS NULL OR tab IS NULL OR h.relid = tab OR h.relid::oid = ANY (csec.subject_tables(tab, false))
				OR h.relid IN (SELECT t.subject_of FROM csec.protected_table t WHERE t.relid = tab))
			AND (h.subject IS NULL OR evidence_is_held.subject IS NULL OR h.subject IN (evidence_is_held.subject, csec.subject_as_filed(tab, evidence_is_held.subject))
				-- however a number is written
				OR CASE WHEN h.subject ~ '^-?[0-9]{1,18}$' AND evidence_is_held.subject ~ '^ *[-+]?[0-9]{1,18} *$' THEN h.subject::int8 = evidence_is_held.subject::int8 END)
			AND coalesce(h.from_time, '-infinity') < coalesce(evidence_is_held.to_time, 'infinity')
			AND coalesce(h.to_time, 'infinity') > coalesce(evidence_is_held.from_time, '-infinity'))
	$$;
REVOKE ALL ON FUNCTION csec.evidence_is_held(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.evidence_is_held(regclass, text, timestamptz, timestamptz) TO csec_admin, csec_officer, csec_auditor, csec_management;
COMMENT ON FUNCTION csec.evidence_is_held(regclass, text, timestamptz, timestamptz) IS
	'does a hold forbid to destroy rows or records of a table (null: of any), a customer (null: of any) and a time? Retention asks this';

-- Who destroys a key destroys evidence; no hold may come between the look and that.
CREATE FUNCTION csec.refuse_held(action text, object text, tab regclass, subject text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.need_now(action, object);
	LOCK TABLE csec.evidence_hold IN SHARE MODE;
	IF csec.evidence_is_held(tab, subject) THEN
		PERFORM csec.refuse(action, object, 'it would destroy evidence that is held', 'See csec.evidence_hold; csec.release_evidence() ends a hold.', 'object_in_use');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_held(text, text, regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_held(text, text, regclass, text) IS 'internal: refuses to destroy what a hold keeps; null: all tables, all customers';
