-- Access by request: draft, submitted, approved | rejected | withdrawn |
-- lapsed, active, expired | revoked | suspended.  What moves a request is a
-- function here, each move a record; a move that is not allowed is refused,
-- and that is on record, too.

-- What time, and dropped tables and roles, have made of a request.
CREATE FUNCTION csec.request_state(r csec.access_request) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN r.state IN ('rejected', 'withdrawn', 'lapsed', 'expired', 'revoked') THEN r.state
			WHEN NOT EXISTS (SELECT FROM csec.protected_table t JOIN pg_class c ON c.oid = t.relid WHERE t.relid = r.relid)
				OR NOT EXISTS (SELECT FROM pg_roles l WHERE l.oid = r.login)
				THEN CASE WHEN r.state IN ('draft', 'submitted') THEN 'lapsed' ELSE 'revoked' END
			WHEN r.state = 'draft' THEN r.state
			WHEN r.state = 'submitted' THEN
				CASE WHEN r.submitted_at + csec.access_limit('lapse') > clock_timestamp()
					AND (r.valid_until IS NULL OR r.valid_until > clock_timestamp()) THEN r.state ELSE 'lapsed' END
			WHEN r.valid_until <= clock_timestamp() THEN 'expired'
			WHEN r.recertify_by <= clock_timestamp() THEN 'revoked'
			WHEN r.state = 'approved' AND r.valid_from <= clock_timestamp() THEN 'active'
			ELSE r.state
		END
	$$;
REVOKE ALL ON FUNCTION csec.request_state(csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.request_state(csec.access_request) IS 'internal: the state of a request at this moment';

-- Put a request into another state, and say so.  Whether it may be is the
-- caller's to know.
CREATE FUNCTION csec.enter_state(r csec.access_request, state text, who text, reason text, detail jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE csec.access_request q
		SET state = enter_state.state, changed_at = clock_timestamp(), changed_by = who, why = reason,
			submitted_at = CASE WHEN enter_state.state = 'submitted' THEN clock_timestamp() ELSE q.submitted_at END
		WHERE q.id = r.id;
	IF state IN ('expired', 'revoked', 'suspended', 'withdrawn') THEN
		DELETE FROM csec.access_permit p WHERE p.id = r.id;
	END IF;
	PERFORM csec.control('access ' || state, 'request ' || r.id, detail || jsonb_strip_nulls(jsonb_build_object(
		'from', r.state, 'kind', r.kind, 'person', who, 'for', r.person, 'table', r.relid::text, 'reason', reason,
		'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.enter_state(csec.access_request, text, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.enter_state(csec.access_request, text, text, text, jsonb) IS 'internal: one move of a request, on record';

CREATE FUNCTION csec.check_sound(action text, r csec.access_request) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.row_is_sound(r) OR EXISTS (SELECT FROM csec.access_approval a WHERE a.request = r.id AND NOT csec.row_is_sound(a)) THEN
		PERFORM csec.refuse(action, 'request ' || r.id, format('request %s was changed behind csec''s back', r.id), 'See csec.unsound_rows.', 'object_not_in_prerequisite_state');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_sound(text, csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_sound(text, csec.access_request) IS 'internal: refuses a request that was changed behind csec''s back, or an approval of it';

-- A request, locked against all others who would move it, in one of the
-- states that it may be moved from.
CREATE FUNCTION csec.request_to_move(id int8, from_states text[], action text) RETURNS csec.access_request
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.access_request;
	state text;
BEGIN
	-- whose login it is may have been said since
	PERFORM csec.hold_person(q.person), csec.hold_person(csec.person_of(q.login)) FROM csec.access_request q WHERE q.id = request_to_move.id;
	SELECT * INTO r FROM csec.access_request q WHERE q.id = request_to_move.id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, 'request ' || coalesce(id::text, 'null'), 'the request does not exist', 'See csec.access_requests.', 'undefined_object');
	END IF;
	PERFORM csec.check_sound(action, r);
	state := csec.request_state(r);
	IF state <> ALL (from_states) THEN
		PERFORM csec.refuse(action, 'request ' || id, format('request %s is %s', id, state),
			'This is done to one that is ' || array_to_string(from_states, ' or ') || '.', 'object_not_in_prerequisite_state');
	END IF;
	-- what time has moved is moved first, and on record
	IF state <> r.state THEN
		PERFORM csec.enter_state(r, state, 'csec', NULL);
		r.state := state;
	END IF;
	RETURN r;
END
$$;
REVOKE ALL ON FUNCTION csec.request_to_move(int8, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION csec.request_to_move(int8, text[], text) IS 'internal: a request that is about to be moved, or the refusal';

CREATE FUNCTION csec.settle_access() RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.access_request;
	state text;
	moved int8 := 0;
BEGIN
	FOR r IN SELECT * FROM csec.access_request q
		WHERE q.state IN ('draft', 'submitted', 'approved', 'active', 'suspended') OR q.review IN ('open', 'escalated')
		ORDER BY q.id FOR UPDATE SKIP LOCKED
	LOOP
		state := csec.request_state(r);
		IF state <> r.state THEN
			PERFORM csec.enter_state(r, state, 'csec', CASE WHEN state = 'revoked' THEN
				CASE WHEN r.recertify_by <= clock_timestamp() THEN 'not recertified' ELSE 'table or login is gone' END END);
			moved := moved + 1;
		END IF;
		IF r.review = 'open' AND r.review_by <= clock_timestamp() THEN
			PERFORM csec.escalate_review(r);
			moved := moved + 1;
		END IF;
	END LOOP;
	RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION csec.settle_access() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.settle_access() TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.settle_access() IS
	'put on record which requests and permits time has ended; they had ended before. Gives how many';

-- What was agreed to was about the columns as they were classified: were the
-- table protected anew, otherwise, no permit may be back.
CREATE FUNCTION csec.end_access_to(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.access_request;
BEGIN
	FOR r IN SELECT * FROM csec.access_request q
		WHERE q.relid = tab AND q.state IN ('draft', 'submitted', 'approved', 'active', 'suspended') ORDER BY q.id FOR UPDATE
	LOOP
		PERFORM csec.enter_state(r, csec.request_state(r), 'csec', 'table is no longer protected');
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.end_access_to(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.end_access_to(regclass) IS 'internal: requests for a table that is no longer protected are over, and so are permits';

CREATE FUNCTION csec.is_data_owner(login regrole, tab regclass) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE WHEN EXISTS (SELECT FROM csec.data_owner o JOIN pg_roles r ON r.oid = o.role WHERE o.relid = tab)
			THEN EXISTS (SELECT FROM csec.data_owner o JOIN pg_roles r ON r.oid = o.role
				WHERE o.relid = tab AND csec.is_member(login, o.role) AND csec.row_is_sound(o))
			ELSE csec.is_member(login, (SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = tab)) END
	$$;
REVOKE ALL ON FUNCTION csec.is_data_owner(regrole, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_data_owner(regrole, regclass) IS
	'internal: does the login decide on access to the table: as csec.data_owner says, or as its owner in PostgreSQL';

CREATE FUNCTION csec.set_data_owner(tab regclass, role regrole, "on" bool DEFAULT true) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('set_data_owner', tab::text);
BEGIN
	IF NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab) THEN
		PERFORM csec.refuse('set_data_owner', tab::text, format('"%s" is not protected', tab), 'Protect it first.', 'object_not_in_prerequisite_state');
	END IF;
	IF NOT csec.is_superuser(csec.login()) AND EXISTS (SELECT FROM unnest(csec.login() || csec.logins_of(who)) l WHERE csec.may_become(l, role)) THEN
		PERFORM csec.refuse('set_data_owner', tab::text, 'nobody makes himself the owner of data', 'Ask another member of csec_admin or csec_officer.');
	END IF;
	IF "on" THEN
		INSERT INTO csec.data_owner AS o (relid, role) VALUES (tab, set_data_owner.role) ON CONFLICT ON CONSTRAINT data_owner_pkey DO NOTHING;
	ELSE
		DELETE FROM csec.data_owner o WHERE o.relid = tab AND o.role = set_data_owner.role;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.set_data_owner(regclass, regrole, bool) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_data_owner(regclass, regrole, bool) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.set_data_owner(regclass, regrole, bool) IS
	'members of a role decide on access to a table, in place of its owner in PostgreSQL; "on" => false: no longer';

-- The highest level among the fields, or the refusal.
CREATE FUNCTION csec.level_of_fields(action text, tab regclass, fields name[]) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	field name;
	level text;
BEGIN
	IF NOT EXISTS (SELECT FROM csec.protected_table t JOIN pg_class c ON c.oid = t.relid WHERE t.relid = tab) THEN
		PERFORM csec.refuse(action, tab::text, format('"%s" is not protected', tab), 'Name a protected table; partitions follow their parent.', 'object_not_in_prerequisite_state');
	END IF;
	IF coalesce(array_ndims(fields), 0) <> 1 OR array_position(fields, NULL) IS NOT NULL THEN
		PERFORM csec.refuse(action, tab::text, 'the columns must be named', 'Give those that are needed as fields =>.', 'invalid_parameter_value');
	END IF;
	FOREACH field IN ARRAY fields LOOP
		IF NOT EXISTS (SELECT FROM csec.protected_field f WHERE f.relid = tab AND f.attname = field) THEN
			PERFORM csec.refuse(action, tab::text, format('column "%s" of "%s" is not classified', field, tab), 'See csec.protected_field.', 'undefined_column');
		END IF;
	END LOOP;
	IF EXISTS (SELECT FROM csec.protected_field f LEFT JOIN csec.category c ON c.name = f.category LEFT JOIN csec.level l ON l.name = c.level
			WHERE f.relid = tab AND f.attname = ANY (fields)
				AND NOT coalesce(csec.row_is_sound(f) AND csec.row_is_sound(c) AND csec.row_is_sound(l), false)) THEN
		PERFORM csec.refuse(action, tab::text, 'the policy of the columns was changed behind csec''s back', 'See csec.unsound_rows.', 'object_not_in_prerequisite_state');
	END IF;
	SELECT l.name INTO level FROM csec.protected_field f JOIN csec.category c ON c.name = f.category JOIN csec.level l ON l.name = c.level
		WHERE f.relid = tab AND f.attname = ANY (fields) ORDER BY l.rank DESC LIMIT 1;
	RETURN level;
END
$$;
REVOKE ALL ON FUNCTION csec.level_of_fields(text, regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.level_of_fields(text, regclass, name[]) IS 'internal: the highest level of some columns';

-- Does a request keep to the rules of its level?  Asked when it is made, when
-- it is submitted and when it is approved: the rules may have changed.  A day
-- has 24 hours here and where the permit is made, whatever clocks do elsewhere.
CREATE FUNCTION csec.check_rule(action text, r csec.access_request) RETURNS csec.access_rule
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	rule csec.access_rule;
	begins timestamptz := greatest(r.valid_from, clock_timestamp());
	object text := 'request ' || coalesce(r.id::text, 'for ' || r.relid::text);
BEGIN
	r.level := csec.level_of_fields(action, r.relid, r.fields);
	SELECT * INTO rule FROM csec.access_rule a WHERE a.level = r.level AND csec.row_is_sound(a);
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, object, format('access to level "%s" cannot be asked for', r.level), 'csec.access_rule has no row for it, or one that csec did not set.');
	END IF;
	IF num_nonnulls(r.lasting, r.valid_until) <> 1 OR r.lasting IS NOT NULL AND r.valid_from IS NOT NULL THEN
		PERFORM csec.refuse(action, object, 'either how long it lasts or until when is to be said', 'Give lasting =>, or until => with from_time => or without.', 'invalid_parameter_value');
	END IF;
	IF r.valid_until <= begins OR r.valid_from < clock_timestamp() - interval '1 minute' OR r.lasting <= interval '0' THEN
		PERFORM csec.refuse(action, object, 'the time asked for is over', 'Ask for a time to come.', 'invalid_parameter_value');
	END IF;
	-- months and days have no length of their own, so both are reckoned from one moment;
	-- what no rule allows is not reckoned at all: it may be beyond any time
	IF r.lasting > interval '410 days' OR coalesce(r.valid_until, begins + r.lasting) > begins + rule.longest
		OR r.valid_from > clock_timestamp() + rule.longest THEN
		PERFORM csec.refuse(action, object, format('access to level "%s" is given for %s at most', r.level, rule.longest), 'Ask for less, and again when it is over.', 'invalid_parameter_value');
	END IF;
	IF r.max_rows IS NULL OR r.max_rows NOT BETWEEN 1 AND rule.most_rows THEN
		PERFORM csec.refuse(action, object, format('access to level "%s" is given for %s rows at most', r.level, rule.most_rows), 'Ask for fewer.', 'invalid_parameter_value');
	END IF;
	IF r.export AND NOT rule.may_export THEN
		PERFORM csec.refuse(action, object, format('fields of level "%s" are not exported', r.level), 'Ask without export.');
	END IF;
	RETURN rule;
END
$$;
REVOKE ALL ON FUNCTION csec.check_rule(text, csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_rule(text, csec.access_request) IS 'internal: the rule that a request is under, or the refusal';

CREATE FUNCTION csec.request_access(tab regclass, fields name[], purpose text, subjects text[] DEFAULT NULL,
		max_rows int8 DEFAULT 100, lasting interval DEFAULT NULL, from_time timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		export bool DEFAULT false, ticket text DEFAULT NULL, submit bool DEFAULT true) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('request_access', tab::text);
	r csec.access_request;
BEGIN
	PERFORM csec.check_reason('request_access', tab::text, purpose);
	PERFORM csec.hold_table(tab);
	r.relid := tab;
	r.fields := ARRAY(SELECT DISTINCT f FROM unnest(fields) f ORDER BY f);
	r.max_rows := max_rows;
	r.lasting := lasting;
	r.valid_from := from_time;
	r.valid_until := until;
	r.export := coalesce(export, false);
	r.level := csec.level_of_fields('request_access', tab, fields);
	r.subjects := csec.subjects_for('request_access', tab, who, subjects);
	PERFORM csec.check_rule('request_access', r);
	INSERT INTO csec.access_request AS q (state, person, login, relid, fields, level, subjects, max_rows, export, purpose, ticket,
			lasting, valid_from, valid_until, changed_by)
		VALUES ('draft', who, csec.login(), tab, r.fields, r.level, r.subjects, r.max_rows, r.export, request_access.purpose, request_access.ticket,
			r.lasting, r.valid_from, r.valid_until, who)
		RETURNING * INTO r;
	PERFORM csec.control('access draft', 'request ' || r.id, jsonb_strip_nulls(jsonb_build_object('person', who, 'table', r.relid::text,
		'fields', to_jsonb(r.fields), 'level', r.level, 'subjects', to_jsonb(r.subjects), 'rows', r.max_rows, 'export', r.export,
		'lasting', r.lasting, 'from_time', r.valid_from, 'until', r.valid_until, 'reason', r.purpose, 'ticket', r.ticket,
		'policy', csec.policy_version())));
	IF submit THEN
		PERFORM csec.submit_request(r.id);
	END IF;
	RETURN r.id;
END
$$;
COMMENT ON FUNCTION csec.request_access(regclass, name[], text, text[], int8, interval, timestamptz, timestamptz, bool, text, bool) IS
	'ask for access to columns of a protected table, of some customers (null: any), for a purpose and a time; gives the number of the request';

CREATE FUNCTION csec.submit_request(id int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('submit_request', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['draft'], 'submit_request');
BEGIN
	IF NOT csec.is_request_of(r, who) THEN
		PERFORM csec.refuse('submit_request', 'request ' || id, 'a request is submitted by the one who made it', 'Make one of your own.');
	END IF;
	PERFORM csec.check_rule('submit_request', r);
	PERFORM csec.enter_state(r, 'submitted', who, r.purpose);
END
$$;
COMMENT ON FUNCTION csec.submit_request(int8) IS 'submit a draft for approval';

CREATE FUNCTION csec.withdraw_request(id int8, reason text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('withdraw_request', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['draft', 'submitted', 'approved'], 'withdraw_request');
BEGIN
	IF NOT csec.is_request_of(r, who) THEN
		PERFORM csec.refuse('withdraw_request', 'request ' || id, 'a request is withdrawn by the one who made it', 'csec.reject_request() and csec.revoke_permit() are for others.');
	END IF;
	IF reason IS NOT NULL THEN
		PERFORM csec.check_reason('withdraw_request', 'request ' || id, reason);
	END IF;
	PERFORM csec.enter_state(r, 'withdrawn', who, reason);
END
$$;
COMMENT ON FUNCTION csec.withdraw_request(int8, text) IS 'take one''s own request back, before the permit is in force';

-- As what a person may agree to a request, of that which is missing.
CREATE FUNCTION csec.capacity_for(r csec.access_request, rule csec.access_rule, login regrole) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN rule.needs_owner AND csec.is_data_owner(login, r.relid)
				AND NOT EXISTS (SELECT FROM csec.access_approval a WHERE a.request = r.id AND a.capacity = 'owner') THEN 'owner'
			WHEN rule.needs_officer AND csec.is_member(login, 'csec_officer')
				AND NOT EXISTS (SELECT FROM csec.access_approval a WHERE a.request = r.id AND a.capacity = 'officer') THEN 'officer'
		END
	$$;
REVOKE ALL ON FUNCTION csec.capacity_for(csec.access_request, csec.access_rule, regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.capacity_for(csec.access_request, csec.access_rule, regrole) IS 'internal: as what a login may agree to a request: owner, officer, or null';

-- A login that several share is nobody's own.
CREATE FUNCTION csec.is_own_login(login regrole) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT login = csec.login() AND NOT csec.is_pool_role(login) $$;
REVOKE ALL ON FUNCTION csec.is_own_login(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_own_login(regrole) IS 'internal: is it the login that acts, and one person''s?';

-- Whose request is it?  The login's, too: who stood behind it may have been
-- entered since.
CREATE FUNCTION csec.is_request_of(r csec.access_request, who text) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT r.person = who OR csec.is_own_login(r.login) OR coalesce(csec.person_of(r.login) = who, false) $$;
REVOKE ALL ON FUNCTION csec.is_request_of(csec.access_request, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_request_of(csec.access_request, text) IS 'internal: has the person, or the login that acts, made the request?';

CREATE FUNCTION csec.requester_is_active(r csec.access_request) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT csec.person_is_active(r.person) AND coalesce(csec.person_is_active(csec.person_of(r.login)), false) $$;
REVOKE ALL ON FUNCTION csec.requester_is_active(csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.requester_is_active(csec.access_request) IS 'internal: may who asked act, and whose login it is by now?';

-- What is asked for now is asked for of the table as it is: unprotecting it
-- waits, and ends what came of it.
CREATE FUNCTION csec.hold_table(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM csec.protected_table t JOIN pg_class c ON c.oid = t.relid WHERE t.relid = tab) THEN
		EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', csec.qualified(tab));
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.hold_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.hold_table(regclass) IS 'internal: a table stays protected to the end of the transaction';

-- Somebody else than who asked, and than the customer it is about.
CREATE FUNCTION csec.check_not_concerned(action text, r csec.access_request, who text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF csec.is_request_of(r, who) THEN
		PERFORM csec.refuse(action, 'request ' || r.id, 'nobody decides on a request of his own', 'Another person has to, whichever login is used.');
	END IF;
	IF r.subjects && csec.own_subjects(who, r.relid) THEN
		PERFORM csec.refuse(action, 'request ' || r.id, 'nobody decides on access to himself as a customer', 'Another person has to.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_not_concerned(text, csec.access_request, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_not_concerned(text, csec.access_request, text) IS 'internal: refuses to decide on one''s own';

-- All have agreed: the permit.  It serves from the next transaction on, so
-- that none can be used and rolled back.
CREATE FUNCTION csec.open_permit(r csec.access_request, who text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	moment timestamptz := clock_timestamp();
	begins timestamptz := coalesce(r.valid_from, moment);
	ends timestamptz := coalesce(r.valid_until, moment + r.lasting);
	again timestamptz := moment + csec.access_limit('recertify');
BEGIN
	IF ends <= again THEN
		again := NULL;
	END IF;
	UPDATE csec.access_request q SET valid_from = begins, valid_until = ends, recertify_by = again WHERE q.id = r.id RETURNING * INTO r;
	PERFORM csec.enter_state(r, 'approved', who, reason);
	INSERT INTO csec.access_permit (id, login, person, relid, fields, subjects, not_subjects, max_rows, export, valid_from, valid_until)
		VALUES (r.id, r.login, CASE WHEN csec.is_pool_role(r.login) THEN r.person END, r.relid, r.fields, r.subjects, csec.own_subjects(r.person, r.relid), r.max_rows, r.export,
			begins, least(ends, again));
	INSERT INTO csec.permit_use (permit) VALUES (r.id) ON CONFLICT DO NOTHING;
	IF begins <= moment THEN
		r.state := 'approved';
		PERFORM csec.enter_state(r, 'active', who, reason);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.open_permit(csec.access_request, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.open_permit(csec.access_request, text, text) IS 'internal: a request becomes a permit';

CREATE FUNCTION csec.approve_request(id int8, reason text DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('approve_request', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['submitted'], 'approve_request');
	rule csec.access_rule;
	capacity text;
BEGIN
	PERFORM csec.check_not_concerned('approve_request', r, who);
	IF reason IS NOT NULL THEN
		PERFORM csec.check_reason('approve_request', 'request ' || id, reason);
	END IF;
	rule := csec.check_rule('approve_request', r);
	IF NOT csec.requester_is_active(r) THEN
		PERFORM csec.refuse('approve_request', 'request ' || id, 'who asked is suspended or has left', 'Reject the request.', 'object_not_in_prerequisite_state');
	END IF;
	IF EXISTS (SELECT FROM csec.access_approval a WHERE a.request = approve_request.id
			AND (a.person = who OR csec.person_of(to_regrole(quote_ident(a.login))) = who)) THEN
		PERFORM csec.refuse('approve_request', 'request ' || id, 'one person agrees once, in one capacity', 'The other approval is another person''s.');
	END IF;
	capacity := csec.capacity_for(r, rule, csec.login());
	IF capacity IS NULL THEN
		PERFORM csec.refuse('approve_request', 'request ' || id, 'the approval that is missing is not this person''s to give',
			'The owner of the data gives it, or a member of csec_officer: see csec.access_rule.');
	END IF;
	INSERT INTO csec.access_approval (request, capacity, person, login, reason)
		VALUES (approve_request.id, capacity, who, (SELECT l.rolname FROM pg_roles l WHERE l.oid = csec.login()), approve_request.reason);
	PERFORM csec.control('access agreed', 'request ' || id, jsonb_strip_nulls(jsonb_build_object('person', who, 'as', capacity,
		'for', r.person, 'table', r.relid::text, 'reason', reason, 'policy', csec.policy_version())));
	IF (SELECT count(*) FROM csec.access_approval a WHERE a.request = approve_request.id) < rule.needs_owner::int + rule.needs_officer::int THEN
		RETURN 'submitted';
	END IF;
	PERFORM csec.open_permit(r, who, reason);
	RETURN (SELECT q.state FROM csec.access_request q WHERE q.id = approve_request.id);
END
$$;
COMMENT ON FUNCTION csec.approve_request(int8, text) IS
	'agree to a request, as owner of the data or as security officer; gives its state: submitted while another approval is missing';

CREATE FUNCTION csec.reject_request(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('reject_request', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['submitted'], 'reject_request');
BEGIN
	PERFORM csec.check_not_concerned('reject_request', r, who);
	PERFORM csec.check_guardian('reject_request', r);
	PERFORM csec.check_reason('reject_request', 'request ' || id, reason);
	PERFORM csec.enter_state(r, 'rejected', who, reason);
END
$$;
COMMENT ON FUNCTION csec.reject_request(int8, text) IS 'refuse a request, as owner of the data or as security officer';

CREATE FUNCTION csec.check_guardian(action text, r csec.access_request) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.is_data_owner(csec.login(), r.relid) AND NOT csec.is_member(csec.login(), 'csec_officer') THEN
		PERFORM csec.refuse(action, 'request ' || r.id, 'this is for the owner of the data and for the security officer', 'Ask one of them.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_guardian(text, csec.access_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_guardian(text, csec.access_request) IS 'internal: refuses all but the owner of the data and the security officer';

-- One's own permit may be given back; another's is taken by its guardians.
CREATE FUNCTION csec.revoke_permit(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('revoke_permit', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['approved', 'active', 'suspended'], 'revoke_permit');
BEGIN
	IF NOT csec.is_request_of(r, who) THEN
		PERFORM csec.check_guardian('revoke_permit', r);
	END IF;
	PERFORM csec.check_reason('revoke_permit', 'request ' || id, reason);
	PERFORM csec.enter_state(r, 'revoked', who, reason);
END
$$;
COMMENT ON FUNCTION csec.revoke_permit(int8, text) IS
	'end a permit for good; it ends with the next statement or FETCH of every session, within a long statement soon after';

CREATE FUNCTION csec.suspend_permit(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('suspend_permit', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['approved', 'active'], 'suspend_permit');
BEGIN
	PERFORM csec.check_guardian('suspend_permit', r);
	PERFORM csec.check_reason('suspend_permit', 'request ' || id, reason);
	PERFORM csec.enter_state(r, 'suspended', who, reason);
END
$$;
COMMENT ON FUNCTION csec.suspend_permit(int8, text) IS 'stop a permit until csec.resume_permit(); its time goes on';

CREATE FUNCTION csec.suspend_permits(person text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.access_request;
BEGIN
	FOR r IN SELECT * FROM csec.access_request q
		WHERE (q.person = suspend_permits.person OR q.login = ANY (csec.logins_of(suspend_permits.person)))
			AND q.state IN ('approved', 'active') ORDER BY q.id FOR UPDATE
	LOOP
		PERFORM csec.enter_state(r, 'suspended', csec.current_person(), reason);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.suspend_permits(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.suspend_permits(text, text) IS 'internal: a person is suspended, and his permits with him';

CREATE FUNCTION csec.resume_permit(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('resume_permit', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['suspended'], 'resume_permit');
BEGIN
	PERFORM csec.check_not_concerned('resume_permit', r, who);
	PERFORM csec.check_guardian('resume_permit', r);
	PERFORM csec.check_reason('resume_permit', 'request ' || id, reason);
	IF NOT csec.requester_is_active(r) THEN
		PERFORM csec.refuse('resume_permit', 'request ' || id, 'whose permit it is, is suspended or has left', 'Make the person active first.', 'object_not_in_prerequisite_state');
	END IF;
	INSERT INTO csec.access_permit (id, login, person, relid, fields, subjects, not_subjects, max_rows, export, valid_from, valid_until)
		VALUES (r.id, r.login, CASE WHEN csec.is_pool_role(r.login) THEN r.person END, r.relid, r.fields, r.subjects, csec.own_subjects(r.person, r.relid), r.max_rows, r.export,
			r.valid_from, least(r.valid_until, r.recertify_by));
	PERFORM csec.enter_state(r, CASE WHEN r.valid_from <= clock_timestamp() THEN 'active' ELSE 'approved' END, who, reason);
END
$$;
COMMENT ON FUNCTION csec.resume_permit(int8, text) IS 'let a suspended permit be used again';

-- Everybody sees his own, owners those on their tables, csec's roles all.
CREATE FUNCTION csec.access_requests()
	RETURNS TABLE (id int8, kind text, state text, person text, login text, "table" text, fields name[], level text, subjects text[],
		max_rows int8, rows_taken int8, export bool, purpose text, ticket text, lasting interval, valid_from timestamptz, valid_until timestamptz,
		recertify_by timestamptz, made_at timestamptz, submitted_at timestamptz, changed_at timestamptz, changed_by text, why text,
		owner_approval text, officer_approval text, review text, review_by timestamptz, reviewed_by text, review_why text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT r.id, r.kind, csec.request_state(r), r.person, r.login::text, r.relid::text, r.fields, r.level, r.subjects,
			r.max_rows, u.taken, r.export, r.purpose, r.ticket, r.lasting, r.valid_from, r.valid_until,
			r.recertify_by, r.made_at, r.submitted_at, r.changed_at, r.changed_by, r.why,
			(SELECT a.person FROM csec.access_approval a WHERE a.request = r.id AND a.capacity = 'owner'),
			(SELECT a.person FROM csec.access_approval a WHERE a.request = r.id AND a.capacity = 'officer'),
			CASE WHEN r.review = 'open' AND r.review_by <= clock_timestamp() THEN 'escalated' ELSE r.review END,
			r.review_by, r.reviewed_by, r.review_why
		FROM csec.access_request r LEFT JOIN csec.permit_use u ON u.permit = r.id
		WHERE csec.reader() IS NOT NULL
			AND (r.person = csec.current_person() OR csec.is_own_login(r.login) OR r.state <> 'draft' AND csec.is_data_owner(csec.login(), r.relid)
				OR csec.is_member(csec.login(), 'csec_officer') OR csec.is_member(csec.login(), 'csec_admin')
				OR csec.is_member(csec.login(), 'csec_auditor'))
	$$;
COMMENT ON FUNCTION csec.access_requests() IS 'what view csec.access_requests shows';

CREATE VIEW csec.access_requests AS SELECT * FROM csec.access_requests();
GRANT SELECT ON csec.access_requests TO PUBLIC;
COMMENT ON VIEW csec.access_requests IS
	'requests and permits with the state of this moment: everybody''s own, those on an owner''s tables, all for members of csec_officer, csec_admin and csec_auditor';
COMMENT ON COLUMN csec.access_requests.rows_taken IS 'how much of max_rows is given out, in advance by a small part';

CREATE FUNCTION csec.signed_tables(OUT tab text, OUT key text) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.attrelid::regclass::text AS tab, (SELECT string_agg(format('t.%I', k.attname), ', ' ORDER BY k.attnum) FROM pg_attribute k
		WHERE k.attrelid = a.attrelid AND k.attnum = ANY (coalesce((SELECT i.indkey::int2[] FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary), '{1}')))
	FROM pg_attribute a JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'csec'
	WHERE a.attname = 'mac' AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped ORDER BY 1
	$$;
REVOKE ALL ON FUNCTION csec.signed_tables() FROM PUBLIC;
COMMENT ON FUNCTION csec.signed_tables() IS 'internal: the tables of csec''s whose rows are signed, with the columns of their keys';

CREATE FUNCTION csec.unsound_rows() RETURNS TABLE ("table" text, id text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM csec.signed_tables() LOOP
		RETURN QUERY EXECUTE format('SELECT %L, concat_ws('' '', %s) FROM %s t WHERE NOT csec.row_is_sound(t)', t.tab, t.key, t.tab);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.unsound_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.unsound_rows() TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.unsound_rows() IS 'what view csec.unsound_rows shows';

CREATE VIEW csec.unsound_rows AS SELECT * FROM csec.unsound_rows();
REVOKE ALL ON csec.unsound_rows FROM PUBLIC;
GRANT SELECT ON csec.unsound_rows TO csec_admin, csec_officer, csec_auditor;
COMMENT ON VIEW csec.unsound_rows IS 'rows of policy that were put or changed behind csec''s back: they are not honoured; an UPDATE, which is on record, signs one anew';
