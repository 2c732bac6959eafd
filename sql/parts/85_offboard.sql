-- Somebody leaves: everything that he could use goes in one transaction, and
-- what is left is told, down to PostgreSQL's own privileges.

-- What ALTER ROLE keeps for superusers stays theirs, or an officer could lock
-- out who looks after the server; and nobody locks out the last of them.
CREATE FUNCTION csec.logins_kept(logins regrole[]) RETURNS regrole[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce(array_agg(r.oid::regrole ORDER BY r.rolname), '{}') FROM pg_roles r
			WHERE r.oid = ANY (logins::oid[]) AND CASE WHEN csec.is_superuser(csec.login())
				THEN r.rolsuper AND r.rolcanlogin AND NOT EXISTS (SELECT FROM pg_roles o WHERE o.rolsuper AND o.rolcanlogin AND o.oid <> ALL (logins::oid[]))
				ELSE r.rolsuper OR r.rolreplication END
	$$;
REVOKE ALL ON FUNCTION csec.logins_kept(regrole[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.logins_kept(regrole[]) IS 'internal: which of these logins who acts may not take: those of superusers and those that replicate, of which a superuser takes all but the last that can log in';

-- A duty, too: somebody else has to be granted it.
CREATE FUNCTION csec.held_by_nobody_else(logins regrole[]) RETURNS name[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce(array_agg(o.rolname ORDER BY o.rolname), '{}') FROM pg_roles o
			WHERE o.rolname IN ('csec_admin', 'csec_officer', 'csec_auditor', 'csec_management')
				AND EXISTS (SELECT FROM unnest(logins) l WHERE csec.is_member(l, o.oid::regrole))
				AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolcanlogin AND r.oid <> ALL (logins::oid[])
					AND csec.is_member(r.oid::regrole, o.oid::regrole) AND csec.person_is_active(csec.person_of(r.oid::regrole)))
	$$;
REVOKE ALL ON FUNCTION csec.held_by_nobody_else(regrole[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.held_by_nobody_else(regrole[]) IS 'internal: the roles of csec that a person has alone, of those who can act';

CREATE FUNCTION csec.end_sessions(login regrole) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_end_sessions';
REVOKE ALL ON FUNCTION csec.end_sessions(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.end_sessions(regrole) IS 'internal: when the transaction commits, and the login may not log in then, end its sessions';

-- Since PostgreSQL 16 a grant is its grantor's: each has to be taken, and with it
-- would go what he himself granted to others, who did not leave.
CREATE FUNCTION csec.take_own_roles(login regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	own record;
	other record;
BEGIN
	FOR own IN SELECT m.roleid, m.roleid::regrole::text AS role, m.grantor::regrole::text FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid
		WHERE m.member = login AND o.rolname ~ '^csec_' LOOP
		IF current_setting('server_version_num')::int < 160000 THEN
			EXECUTE format('REVOKE %s FROM %s', own.role, login);
			CONTINUE;
		END IF;
		FOR other IN SELECT m.member::regrole, bool_or(m.admin_option)::text AS admin, bool_or((to_jsonb(m) ->> 'inherit_option')::bool)::text AS inherit, bool_or((to_jsonb(m) ->> 'set_option')::bool)::text AS set
			FROM pg_auth_members m WHERE m.roleid = own.roleid AND m.grantor IN (login, 10) AND m.member <> login
			GROUP BY m.member HAVING bool_or(m.grantor = login) LOOP
			EXECUTE format('GRANT %s TO %s WITH ADMIN %s, INHERIT %s, SET %s', own.role, other.member, other.admin, other.inherit, other.set);
		END LOOP;
		EXECUTE format('REVOKE %s FROM %s GRANTED BY %s CASCADE', own.role, login, own.grantor);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.take_own_roles(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.take_own_roles(regrole) IS 'internal: takes every membership in a role of csec, whoever granted it';

-- One after the other: of the two last superusers each would see that there is
-- another one, and go.
CREATE FUNCTION csec.leave_in_turn(person text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
	PERFORM csec.lock_name('leaving', true);
EXCEPTION WHEN lock_not_available THEN
	PERFORM csec.refuse('offboard', person, 'somebody else leaves just now', 'Try again when that is committed.', 'lock_not_available');
END
$$;
REVOKE ALL ON FUNCTION csec.leave_in_turn(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.leave_in_turn(text) IS 'internal: let nobody else be seen off until the end of the transaction';

CREATE FUNCTION csec.offboard(person text, reason text) RETURNS TABLE (kind text, object text, detail text, residue bool)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	logins regrole[] := csec.logins_of(person);
	kept regrole[];
	alone name[];
	r csec.access_request;
	login regrole;
	ended int := 0;
	sessions int;
BEGIN
	PERFORM csec.check_other_person('offboard', person, logins[1]);
	PERFORM csec.check_reason('offboard', person, reason);
	-- (csec's own roles and PostgreSQL's are nobody's login)
	IF NOT EXISTS (SELECT FROM csec.person p WHERE p.id = person)
		AND NOT EXISTS (SELECT FROM pg_roles g WHERE g.oid = ANY (logins::oid[]) AND (g.rolcanlogin OR g.rolname !~ '^(csec|pg)_')) THEN
		PERFORM csec.refuse('offboard', person, format('person "%s" does not exist', person), 'See csec.person; a login without a person is login:NAME.', 'undefined_object');
	END IF;
	PERFORM csec.leave_in_turn(person);
	kept := csec.logins_kept(logins);
	-- what he is at now ends, so that nothing of it is left (workers of the server are in the name of its first superuser)
	PERFORM pg_terminate_backend(a.pid, 1000) FROM pg_stat_activity a WHERE a.usesysid = ANY (logins::oid[]) AND a.usesysid <> ALL (kept::oid[]) AND a.pid <> pg_backend_pid() AND a.client_port IS NOT NULL;
	GET DIAGNOSTICS sessions = ROW_COUNT;
	PERFORM csec.stop_person('offboard', person);
	-- a login that he was given a moment ago goes, too
	logins := csec.logins_of(person);
	kept := csec.logins_kept(logins);
	alone := csec.held_by_nobody_else(logins);
	FOR r IN SELECT * FROM csec.access_request q WHERE (q.person = offboard.person OR q.login = ANY (logins))
		AND q.state IN ('draft', 'submitted', 'approved', 'active', 'suspended') ORDER BY q.id FOR UPDATE
	LOOP
		PERFORM csec.enter_state(r, CASE WHEN r.state IN ('draft', 'submitted') THEN 'withdrawn' ELSE 'revoked' END, csec.current_person(), reason);
		ended := ended + 1;
	END LOOP;
	-- also those that a permit of an older name of his has
	DELETE FROM csec.access_permit p WHERE p.login = ANY (logins) OR p.person = offboard.person;
	DELETE FROM csec.clearance c WHERE c.role = ANY (logins);
	DELETE FROM csec.default_reason d WHERE d.role = ANY (logins);
	DELETE FROM csec.data_owner o WHERE o.role = ANY (logins);
	UPDATE csec.person p SET state = 'left', since = clock_timestamp() WHERE p.id = person AND p.state <> 'left';
	FOREACH login IN ARRAY logins LOOP
		PERFORM csec.take_own_roles(login);
		IF login <> ALL (kept) THEN
			EXECUTE format('ALTER ROLE %s NOLOGIN', login);
			-- who logs in before that is committed
			PERFORM csec.end_sessions(login);
		END IF;
	END LOOP;
	-- and what he began meanwhile
	PERFORM pg_stat_clear_snapshot();
	-- (a function that does something is no condition: PostgreSQL asks the cheapest first, of all sessions)
	SELECT count(pg_terminate_backend(a.pid)) + sessions INTO sessions FROM pg_stat_activity a
		WHERE a.usesysid = ANY (logins::oid[]) AND a.usesysid <> ALL (kept::oid[]) AND a.pid <> pg_backend_pid() AND a.client_port IS NOT NULL;
	PERFORM csec.control('offboard', person, jsonb_build_object('person', csec.current_person(), 'logins', to_jsonb(logins::text[]), 'kept', to_jsonb(kept::text[]),
		'requests', ended, 'sessions', sessions, 'reason', reason, 'policy', csec.policy_version()));
	RETURN QUERY SELECT * FROM csec.offboard_report(person)
		UNION ALL SELECT 'duty', a::text, 'nobody holds it any more', false FROM unnest(alone) a;
END
$$;
REVOKE ALL ON FUNCTION csec.offboard(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.offboard(text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.offboard(text, text) IS
	'a person leaves: his requests, permits, clearances, default reasons, delegations and memberships in csec''s roles end, his logins cannot log in, his sessions are terminated; gives csec.offboard_report(). Logins of superusers and those that replicate are taken by superusers only';

-- What is in this database by name, what is in others by number.
CREATE FUNCTION csec.native_residue(login regrole) RETURNS TABLE (kind text, object text, detail text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT 'attribute', login::text, a.what || CASE WHEN a.what = 'LOGIN' AND (r.rolsuper OR r.rolreplication) THEN ', which a superuser has to take' ELSE '' END FROM pg_roles r,
				LATERAL (VALUES ('LOGIN', r.rolcanlogin), ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole),
					('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) a (what, has)
			WHERE r.oid = login AND a.has
		UNION ALL
		SELECT 'membership', m.roleid::regrole::text, CASE WHEN m.admin_option THEN 'with admin option' END FROM pg_auth_members m WHERE m.member = login
		UNION ALL
		-- who may act as he did
		SELECT 'member', m.member::regrole::text, 'of ' || login FROM pg_auth_members m WHERE m.roleid = login
		UNION ALL
		SELECT CASE d.deptype WHEN 'o' THEN 'owner' WHEN 'r' THEN 'policy' ELSE 'privilege' END,
				CASE WHEN d.dbid IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
					THEN pg_describe_object(d.classid, d.objid, d.objsubid)
					ELSE format('object %s of %s', d.objid, d.classid::regclass) END,
				(SELECT 'database ' || b.datname FROM pg_database b WHERE b.oid = d.dbid AND b.datname <> current_database())
			FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = login AND d.deptype IN ('o', 'a', 'r')
	$$;
REVOKE ALL ON FUNCTION csec.native_residue(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.native_residue(regrole) IS 'internal: what PostgreSQL itself lets a role do';

CREATE FUNCTION csec.offboard_report(person text) RETURNS TABLE (kind text, object text, detail text, residue bool)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	logins regrole[] := csec.logins_of(person);
BEGIN
	PERFORM pg_stat_clear_snapshot();
	RETURN QUERY
		SELECT 'session', a.usename::text, format('process %s since %s', a.pid, a.backend_start), true FROM pg_stat_activity a
			WHERE a.usesysid = ANY (logins::oid[]) AND a.pid <> pg_backend_pid() AND a.client_port IS NOT NULL
		UNION ALL
		SELECT 'request', 'request ' || q.id, csec.request_state(q), true FROM csec.access_request q
			WHERE (q.person = offboard_report.person OR q.login = ANY (logins)) AND csec.request_state(q) IN ('draft', 'submitted', 'approved', 'active', 'suspended')
		UNION ALL
		SELECT 'permit', 'request ' || p.id, p.relid::text, true FROM csec.access_permit p WHERE p.login = ANY (logins) OR p.person = offboard_report.person
		UNION ALL
		SELECT 'clearance', c.role::text, coalesce(c.level, c.category), true FROM csec.clearance c WHERE c.role = ANY (logins)
		UNION ALL
		SELECT 'default reason', d.role::text, d.reason, true FROM csec.default_reason d WHERE d.role = ANY (logins)
		UNION ALL
		SELECT 'delegation', o.relid::text, o.role::text, true FROM csec.data_owner o WHERE o.role = ANY (logins)
		UNION ALL
		SELECT n.kind, n.object, n.detail, true FROM unnest(logins) l, LATERAL csec.native_residue(l) n
		UNION ALL
		SELECT 'duty', d.object, d.detail, false FROM csec.duties_of(person) d
		UNION ALL
		SELECT 'duty', a::text, 'nobody else holds it', false FROM unnest(csec.held_by_nobody_else(logins)) a;
	IF to_regclass('csec_trail.audit_log') IS NOT NULL THEN
		-- what he read a moment ago as well; a sealer that is stuck does not keep him here
		BEGIN
			PERFORM csec.flush_audit();
		EXCEPTION WHEN OTHERS THEN
			RETURN QUERY SELECT 'read', NULL, 'the trail is behind: reads of the last moments are missing', false;
		END;
		RETURN QUERY
			SELECT 'read', w.relation, format('%s reads, %s rows, %s of them with fields in clear, the last at %s',
					sum(coalesce(w.repeats, 1)), sum(w.rows * coalesce(w.repeats, 1)), coalesce(sum(coalesce(w.repeats, 1)) FILTER (WHERE cardinality(w.revealed) > 0), 0), max(w.at)), false
				FROM (SELECT r.rolname::text, 'login' FROM pg_roles r WHERE r.oid = ANY (logins::oid[]) UNION ALL SELECT offboard_report.person, 'person') n (name, as_what),
					LATERAL csec.what_did(n.name, clock_timestamp() - interval '90 days') w
				WHERE w.kind = 'read' AND n.as_what = ANY (w.acted_as)
				GROUP BY w.relation ORDER BY w.relation;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.offboard_report(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.offboard_report(text) TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.offboard_report(text) IS
	'what a person still has, in csec and in PostgreSQL (residue), what others have to take over from him (duty), and what he read in the last 90 days; without residue rows nothing is left';
