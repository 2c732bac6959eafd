-- Evaluating the rules, and what becomes of alerts.

-- A rule that was switched off behind csec's back is on.
CREATE FUNCTION csec.rule_is_on(rule csec.alert_rule) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT rule.enabled OR NOT csec.row_is_sound(rule) $$;
REVOKE ALL ON FUNCTION csec.rule_is_on(csec.alert_rule) FROM PUBLIC;
COMMENT ON FUNCTION csec.rule_is_on(csec.alert_rule) IS 'internal: is a rule to be evaluated?';

CREATE FUNCTION csec.run_alert_rule(rule csec.alert_rule, batch csec.alert_record[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.raise_alert(rule.kind, h.key, h.login, h.who, h.relid, h.subject, h.detail, h.seq, h.last_seq, h.at, h.last_at, h.times)
		FROM csec.alert_hits(rule.kind, rule.params, batch) h;
EXCEPTION
	-- another session was in the way: the batch is looked at again, by all rules
	WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
		RAISE;
	WHEN OTHERS THEN
		PERFORM csec.raise_alert('rule_failed', rule.kind, NULL, NULL, NULL, NULL, jsonb_build_object('rule', rule.kind, 'error', SQLSTATE), NULL, NULL, clock_timestamp(), clock_timestamp(), 1);
END
$$;
REVOKE ALL ON FUNCTION csec.run_alert_rule(csec.alert_rule, csec.alert_record[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.run_alert_rule(csec.alert_rule, csec.alert_record[]) IS 'internal: one rule for one batch; a failure is an alert of its own';

CREATE FUNCTION csec.tell_break(seq int8, what text) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		SELECT csec.raise_alert('chain_break', what || ' ' || seq, NULL, NULL, NULL, NULL, jsonb_build_object('record', seq, 'what', what), seq, seq, clock_timestamp(), clock_timestamp(), 1)
			WHERE seq IS NOT NULL AND EXISTS (SELECT FROM csec.alert_rule r WHERE r.kind = 'chain_break' AND csec.rule_is_on(r))
	$$;
REVOKE ALL ON FUNCTION csec.tell_break(int8, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.tell_break(int8, text) IS 'internal: raise an alert that the trail is broken at a record';

-- pg_hba.conf, after each reload before any session that it let in is looked at.  When
-- it changed is not known better than since the last look.  One that is back as it was
-- has another time of change all the same.
CREATE FUNCTION csec.look_at_hba() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c csec.alert_cursor := (SELECT t FROM csec.alert_cursor t);
	now CONSTANT timestamptz := clock_timestamp();
	digest text;
BEGIN
	BEGIN
		digest := (SELECT md5(concat(string_agg(h::text, E'\n' ORDER BY h.line_number), (SELECT f.change FROM pg_stat_file(current_setting('hba_file')) f))) FROM pg_hba_file_rules h);
	EXCEPTION WHEN OTHERS THEN
		-- it is away, or cannot be read: the rules go on
		digest := SQLSTATE;
	END;
	IF c.hba_digest <> digest THEN
		PERFORM csec.count_for_alert('pg_hba.conf', '{""}', ARRAY[c.hba_looked_at], '{1}');
		UPDATE csec.alert_cursor SET hba_changed_at = now;
	END IF;
	UPDATE csec.alert_cursor SET hba_digest = digest, hba_looked_at = now;
END
$$;
REVOKE ALL ON FUNCTION csec.look_at_hba() FROM PUBLIC;
COMMENT ON FUNCTION csec.look_at_hba() IS 'internal: has pg_hba.conf changed?';

-- What no record tells: permits that nobody uses, older records.
CREATE FUNCTION csec.look_around() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	c csec.alert_cursor;
	kept record := csec.trail_begin();
	upto int8;
	many int8 := coalesce((SELECT (r.params ->> 'records')::int8 FROM csec.alert_rule r WHERE r.kind = 'chain_break' AND csec.rule_is_on(r)), 0);
	unused int := (SELECT (r.params ->> 'days')::int FROM csec.alert_rule r WHERE r.kind = 'dormant_permit' AND csec.rule_is_on(r));
BEGIN
	SELECT * INTO c FROM csec.alert_cursor;
	PERFORM csec.raise_alert('dormant_permit', q.key, (SELECT r.rolname FROM pg_roles r WHERE r.oid = q.login), coalesce(q.person, csec.person_of(q.login)), q.relid, NULL, jsonb_build_object('permit', q.id),
			NULL, NULL, clock_timestamp(), clock_timestamp(), 1)
		-- once since it was given, or used last
		FROM (SELECT p.*, 'permit ' || p.id || coalesce(' since ' || (s.at AT TIME ZONE 'UTC')::date, '') AS key FROM csec.access_permit p LEFT JOIN csec.permit_seen s ON s.permit = p.id
			WHERE coalesce(s.at, p.valid_from) < clock_timestamp() - unused * interval '24 hours' AND p.valid_until > clock_timestamp()) q
		WHERE NOT EXISTS (SELECT FROM csec.alert a WHERE a.kind = 'dormant_permit' AND a.key = q.key);
	PERFORM csec.raise_alert('policy_edited', u."table" || ' ' || u.id, NULL, NULL, NULL, NULL, jsonb_build_object('table', u."table", 'row', u.id),
			NULL, NULL, clock_timestamp(), clock_timestamp(), 1)
		FROM csec.unsound_rows() u WHERE NOT EXISTS (SELECT FROM csec.alert_rule r WHERE r.kind = 'policy_edited' AND NOT csec.rule_is_on(r));
	-- older records, some at a time, from the first again after the last
	IF many > 0 THEN
		IF c.checked_seq >= c.seq THEN
			c.checked_seq := 0;
		END IF;
		IF c.checked_seq < kept.first_seq THEN
			c.checked_seq := kept.first_seq - 1;
			c.checked_hash := kept.hash_before;
		END IF;
		upto := least(c.checked_seq + many, c.seq);
		PERFORM csec.tell_break(csec.first_break(c.checked_seq, upto, c.checked_hash), 'does not fit the record before');
	END IF;
	UPDATE csec.alert_cursor t SET looked_at = clock_timestamp(), checked_seq = coalesce(upto, t.checked_seq), checked_hash = (SELECT l.hash FROM csec_trail.audit_log l WHERE l.seq = upto);
	DELETE FROM csec.alert_tally t WHERE t.minute < clock_timestamp() - interval '8 days';
	DELETE FROM csec.permit_seen s WHERE NOT EXISTS (SELECT FROM csec.access_permit p WHERE p.id = s.permit);
	DELETE FROM csec.alert_seen s WHERE s.at < clock_timestamp() - interval '7 days';
	-- of records that are no longer kept
	DELETE FROM csec.acted_as a WHERE a.to_at < (SELECT l.at FROM csec_trail.audit_log l ORDER BY l.seq LIMIT 1);
END
$$;
REVOKE ALL ON FUNCTION csec.look_around() FROM PUBLIC;
COMMENT ON FUNCTION csec.look_around() IS 'internal: rules about what is no record';

-- Keys of alerts have dates in them: the same for whoever evaluates.
CREATE FUNCTION csec.evaluate_alerts(most int DEFAULT 5000) RETURNS int8
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
DECLARE
	c csec.alert_cursor;
	rule csec.alert_rule;
	batch csec.alert_record[];
	kept record;
	upto int8;
BEGIN
	IF to_regclass('csec_trail.audit_log') IS NULL THEN
		RETURN 0;
	END IF;
	SELECT * INTO c FROM csec.alert_cursor FOR UPDATE;
	-- the record that was the last one must be there as it was
	IF c.hash IS NOT NULL AND NOT EXISTS (SELECT FROM csec_trail.audit_log l WHERE l.seq = c.seq AND l.hash = c.hash) THEN
		SELECT * INTO kept FROM csec.trail_begin();
		IF c.seq < kept.first_seq THEN
			-- it left by an approved cut
			c.seq := kept.first_seq - 1;
			c.hash := kept.hash_before;
		ELSE
			PERFORM csec.tell_break(c.seq, 'is not there, or another one');
			c.hash := NULL;
			c.seq := least(c.seq, coalesce((SELECT max(l.seq) FROM csec_trail.audit_log l), 0));
			UPDATE csec.acted_as a SET seqs = a.seqs * int8multirange(int8range(NULL, c.seq, '[]')) WHERE upper(a.seqs) > c.seq + 1;
		END IF;
	END IF;
	-- (what was looked at in the future was so before the clock was set back)
	IF coalesce(c.hba_looked_at < pg_conf_load_time() OR c.hba_looked_at NOT BETWEEN clock_timestamp() - interval '10 seconds' AND clock_timestamp(), true) THEN
		PERFORM csec.look_at_hba();
	END IF;
	SELECT max(l.seq) INTO upto FROM (SELECT n.seq FROM csec_trail.audit_log n WHERE n.seq > c.seq ORDER BY n.seq LIMIT most) l;
	IF upto IS NOT NULL THEN
		SELECT array_agg((f.seq, f.at, l.kind, l.login, coalesce(f.person, o.person, 'login:' || l.login), coalesce(f.person, nullif(f.actor, '')), l.relid, l.subject,
				CASE WHEN l.kind IN (2, 3) AND l.subject IS NULL THEN coalesce(l.subjects, csec.record_subject_keys(w.record)) END,
				coalesce(f.subjects, f.rows, 0), f.revealed, nullif(f.reason, ''),
				-- a permit was given for its ticket
				coalesce(nullif(f.ticket, ''), CASE WHEN f.permit IS NOT NULL THEN (SELECT q.ticket FROM csec.access_request q WHERE q.id = f.permit) END), f.application, f.session_started, f.action, f.object,
				f.exactness IS DISTINCT FROM 'intent',
				-- who counts customers looks at none of them
				l.kind = 3 OR cardinality(f.revealed) > 0 OR cardinality(f.masked) > 0, l.at,
				CASE WHEN (f.session_role, f.reader, f.effective_role, coalesce(f.person, l.login), coalesce(f.actor, l.login)) IS DISTINCT FROM (l.login, l.login, l.login, l.login, l.login)
					THEN ARRAY(SELECT DISTINCT n FROM unnest(ARRAY[f.session_role, f.reader, f.effective_role, f.person, f.actor]) n WHERE n IS DISTINCT FROM l.login) END,
				f.permit
				)::csec.alert_record ORDER BY l.seq)
			INTO batch
			-- what was damaged is told below, and must not keep anybody from what was not
			FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.whole_record(l.record, missing_ok => true) w (record)
				CROSS JOIN LATERAL csec.record_fields(w.record) f
				LEFT JOIN (SELECT g.rolname, p.person FROM csec.person_login p JOIN pg_roles g ON g.oid = p.role) o ON o.rolname = l.login
			WHERE l.seq > c.seq AND l.seq <= upto AND l.kind <> 4 AND w.record IS NOT NULL;
		PERFORM csec.note_names(batch);
		PERFORM csec.note_activity(batch);
		PERFORM csec.note_seen(batch);
		PERFORM csec.note_permits(batch);
		FOR rule IN SELECT * FROM csec.alert_rule r WHERE csec.rule_is_on(r) ORDER BY r.kind LOOP
			PERFORM csec.run_alert_rule(rule, batch);
		END LOOP;
		PERFORM csec.tell_break(csec.first_break(c.seq, upto, c.hash), 'does not fit the record before');
		UPDATE csec.alert_cursor SET seq = upto, hash = (SELECT l.hash FROM csec_trail.audit_log l WHERE l.seq = upto);
	ELSE
		UPDATE csec.alert_cursor SET seq = c.seq, hash = c.hash WHERE (seq, hash) IS DISTINCT FROM (c.seq, c.hash);
	END IF;
	IF coalesce(c.looked_at NOT BETWEEN clock_timestamp() - interval '10 seconds' AND clock_timestamp(), true) THEN
		PERFORM csec.look_around();
	END IF;
	RETURN coalesce(upto - c.seq, 0);
END
$$;
REVOKE ALL ON FUNCTION csec.evaluate_alerts(int) FROM PUBLIC;
COMMENT ON FUNCTION csec.evaluate_alerts(int) IS 'internal: look at the next records of the trail, so many at most; gives how many there were';

-- What is counted with an open alert between somebody's look at it and this is
-- not acknowledged unseen.
CREATE FUNCTION csec.acknowledge_alert(id int8, reason text, seen int8 DEFAULT 1) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'alert ' || coalesce(id::text, 'null');
	who text := csec.check_reviewing('acknowledge_alert', object);
	a csec.alert;
BEGIN
	SELECT * INTO a FROM csec.alert t WHERE t.id = acknowledge_alert.id FOR UPDATE;
	IF NOT FOUND OR a.state <> 'open' THEN
		PERFORM csec.refuse('acknowledge_alert', object, 'there is no such alert that is open', 'See csec.alert.', 'object_not_in_prerequisite_state');
	END IF;
	IF who IN (a.person, a.detail ->> 'actor') THEN
		PERFORM csec.refuse('acknowledge_alert', object, 'nobody acknowledges an alert about himself', 'Somebody else has to.');
	END IF;
	PERFORM csec.check_reason('acknowledge_alert', object, reason);
	IF a.times IS DISTINCT FROM seen THEN
		PERFORM csec.refuse('acknowledge_alert', object, format('alert %s counts another number of times than is said to be seen', id),
			'Look at it in csec.alert, and give its times as seen.', 'object_not_in_prerequisite_state');
	END IF;
	UPDATE csec.alert t SET state = 'acknowledged', acknowledged_by = who, acknowledged_at = clock_timestamp(), reason = acknowledge_alert.reason WHERE t.id = a.id;
	PERFORM csec.control('alert acknowledged', object, jsonb_build_object('kind', a.kind, 'person', who, 'reason', reason, 'seen', seen, 'policy', csec.policy_version()));
END
$$;
COMMENT ON FUNCTION csec.acknowledge_alert(int8, text, int8) IS 'an alert was looked at when it had been met so often, and what is thought of it; not by whom it is about. What comes after is a new alert';

CREATE FUNCTION csec.incident_of_alert(id int8, title text, kind text DEFAULT 'misuse') RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a csec.alert;
	made int8;
BEGIN
	-- nothing is waved away: the incident is about all of it
	PERFORM csec.acknowledge_alert(id, title, (SELECT t.times FROM csec.alert t WHERE t.id = incident_of_alert.id FOR UPDATE));
	SELECT * INTO a FROM csec.alert t WHERE t.id = incident_of_alert.id;
	made := csec.open_incident(csec.current_person(), title, incident_of_alert.kind, greatest(a.raised_at, a.at), NULL, a.at, a.last_at, NULL,
		array_remove(ARRAY[a.person, a.detail ->> 'actor'], NULL));
	UPDATE csec.alert t SET incident = made WHERE t.id = a.id;
	RETURN made;
END
$$;
COMMENT ON FUNCTION csec.incident_of_alert(int8, text, text) IS 'acknowledge an alert, as often as it was met, by reporting an incident, discovered when the alert was raised, with whom it is about as accused; gives its number';
