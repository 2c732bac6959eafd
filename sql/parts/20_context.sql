-- Clearances, reasons and the context of a transaction.

CREATE FUNCTION csec.reader() RETURNS regrole
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_reader_sql';
COMMENT ON FUNCTION csec.reader() IS
	'the role whose clearance decides: the session''s outer role, if the login holds it by membership; null: nobody';

CREATE FUNCTION csec.login() RETURNS regrole
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_login';
COMMENT ON FUNCTION csec.login() IS
	'the role that was authenticated, whatever SET ROLE or SET SESSION AUTHORIZATION made of it';

CREATE FUNCTION csec.is_member(member regrole, role regrole) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_is_member';
COMMENT ON FUNCTION csec.is_member(regrole, regrole) IS
	'is the first role the second or a member of it, by membership and not by the superuser attribute?';

CREATE FUNCTION csec.may_become(member regrole, role regrole) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_may_become';
REVOKE ALL ON FUNCTION csec.may_become(regrole, regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.may_become(regrole, regrole) IS
	'internal: as csec.is_member(), also by a grant of PostgreSQL 16 or later that lets the member do nothing but grant the role';

CREATE FUNCTION csec.roles_inherited(role regrole) RETURNS regrole[]
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_roles_inherited_sql';
COMMENT ON FUNCTION csec.roles_inherited(regrole) IS
	'the role and those whose clearances it inherits';

CREATE FUNCTION csec.states(value text, longest int) RETURNS bool
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_states';
REVOKE ALL ON FUNCTION csec.states(text, int) FROM PUBLIC;
COMMENT ON FUNCTION csec.states(text, int) IS
	'internal: does a text say something, more than blanks of any width, in at most so many characters?';

CREATE FUNCTION csec.set_context(actor text DEFAULT NULL, reason text DEFAULT NULL, ticket text DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_set_context';
COMMENT ON FUNCTION csec.set_context(text, text, text) IS
	'state for this transaction who reads, why, and under which ticket; the first statement stands';

CREATE FUNCTION csec.clear_context() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_clear_context';
COMMENT ON FUNCTION csec.clear_context() IS
	'take back actor, reason and ticket; no reason is in force for the rest of the transaction';

CREATE FUNCTION csec.current_context(OUT login regrole, OUT reader regrole, OUT actor text,
	OUT reason text, OUT reason_source text, OUT ticket text)
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_current_context';
COMMENT ON FUNCTION csec.current_context() IS
	'who reads and why, as it would be recorded now; reason_source: transaction, session or default';

CREATE FUNCTION csec.why_masked(OUT category text, OUT level text, OUT shown text,
	OUT why text, OUT detail text) RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_why_masked';
COMMENT ON FUNCTION csec.why_masked() IS
	'for each category: what the reader is shown (reveal, mask, redact), and why';

CREATE VIEW csec.why_masked AS SELECT * FROM csec.why_masked();
GRANT SELECT ON csec.why_masked TO PUBLIC;
COMMENT ON VIEW csec.why_masked IS
	'for each category: what the reader is shown (reveal, mask, redact), and why';

CREATE VIEW csec.effective_clearances AS
	SELECT r.oid::regrole AS role, c.level, c.category, via AS via_role, c.until,
		(c.until IS NULL OR c.until > pg_catalog.clock_timestamp()) AND csec.row_is_sound(c) AS in_force,
		c.reason, c.granted_by, c.granted_at
	FROM pg_catalog.pg_roles r
		CROSS JOIN LATERAL pg_catalog.unnest(csec.roles_inherited(r.oid::regrole)) AS via
		JOIN csec.clearance c ON c.role = via;
GRANT SELECT ON csec.effective_clearances TO csec_admin, csec_auditor, csec_officer;
GRANT EXECUTE ON FUNCTION csec.row_is_sound(record) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.effective_clearances IS
	'each role''s clearances, its own and those it inherits; whether a role can be acted as is the login''s membership';

-- Under another isolation level all is seen as it was when the transaction began.
CREATE FUNCTION csec.sees_now() RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') $$;
REVOKE ALL ON FUNCTION csec.sees_now() FROM PUBLIC;
COMMENT ON FUNCTION csec.sees_now() IS 'internal: does each statement of this transaction see what is so now?';

-- Who may not give a clearance to whom.  Nobody clears himself, nor a role
-- that he is in by any of his logins, except a superuser, whom nothing could
-- stop: it is on record.
CREATE FUNCTION csec.check_not_oneself(role regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who regrole;
BEGIN
	PERFORM csec.need_now('set_clearance', role::text);
	PERFORM csec.hold_person(csec.current_person());
	IF NOT coalesce(csec.person_is_active(csec.current_person()), true) THEN
		PERFORM csec.refuse('set_clearance', role::text, 'a person who is suspended or has left may not act', 'Ask the security officer.');
	END IF;
	IF (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = csec.login()) THEN
		RETURN;
	END IF;
	FOREACH who IN ARRAY ARRAY[csec.login(), session_user::regrole, csec.reader()] || csec.logins_of(csec.current_person()) LOOP
		IF who IS NULL OR csec.may_become(who, role) THEN
			RAISE EXCEPTION 'a clearance for oneself must be set by somebody else'
				USING ERRCODE = 'insufficient_privilege',
					DETAIL = format('Role %s is, or is a member of, %s.', coalesce(who::text, '(nobody)'), role),
					HINT = 'Ask another member of csec_admin.';
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.check_not_oneself(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_not_oneself(regrole) IS 'internal: refuses a clearance for oneself';

-- One of level and category, and one that exists.
CREATE FUNCTION csec.check_scope(level text, category text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF num_nonnulls(level, category) <> 1 THEN
		RAISE EXCEPTION 'a clearance is for a level or for a category'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give one of level => and category =>.';
	END IF;
	IF level IS NOT NULL AND NOT EXISTS (SELECT FROM csec.level l WHERE l.name = check_scope.level) THEN
		RAISE EXCEPTION 'level "%" does not exist', level
			USING ERRCODE = 'undefined_object',
				HINT = 'See csec.level for those that do.';
	END IF;
	IF category IS NOT NULL AND NOT EXISTS (SELECT FROM csec.category c WHERE c.name = check_scope.category) THEN
		RAISE EXCEPTION 'category "%" does not exist', category
			USING ERRCODE = 'undefined_object',
				HINT = 'See csec.category for those that do.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_scope(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_scope(text, text) IS 'internal: refuses a clearance for nothing that exists';

-- Rows of roles that were dropped: gone before a new role can get the number.
CREATE FUNCTION csec.forget_dropped_roles() RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		DELETE FROM csec.clearance c WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = c.role);
		DELETE FROM csec.default_reason d WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = d.role);
	$$;
REVOKE ALL ON FUNCTION csec.forget_dropped_roles() FROM PUBLIC;
COMMENT ON FUNCTION csec.forget_dropped_roles() IS 'internal: removes the clearances and default reasons of roles that are gone';

CREATE FUNCTION csec.set_clearance(role regrole, level text DEFAULT NULL, category text DEFAULT NULL,
	until timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = set_clearance.role) THEN
		RAISE EXCEPTION 'the role of a clearance does not exist'
			USING ERRCODE = 'undefined_object', HINT = 'Name a role.';
	END IF;
	PERFORM csec.check_scope(level, category);
	PERFORM csec.check_not_oneself(role);
	IF until <= clock_timestamp() THEN
		RAISE EXCEPTION 'the clearance would have ended already'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give a time to come as until =>, or none.';
	END IF;
	PERFORM csec.forget_dropped_roles();
	INSERT INTO csec.clearance AS c (role, level, category, until, reason, granted_by, granted_at)
		VALUES (set_clearance.role, set_clearance.level, set_clearance.category,
			set_clearance.until, set_clearance.reason, coalesce(csec.login()::text, session_user), clock_timestamp())
		ON CONFLICT ON CONSTRAINT clearance_role_level_category_key DO UPDATE
			SET until = EXCLUDED.until, reason = EXCLUDED.reason,
				granted_by = EXCLUDED.granted_by, granted_at = EXCLUDED.granted_at;
END
$$;
REVOKE ALL ON FUNCTION csec.set_clearance(regrole, text, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_clearance(regrole, text, text, timestamptz, text) TO csec_admin;
COMMENT ON FUNCTION csec.set_clearance(regrole, text, text, timestamptz, text) IS
	'let a role see a level (and those below) or a category in clear, until a time; for members of csec_admin, not for themselves';

CREATE FUNCTION csec.revoke_clearance(role regrole, level text DEFAULT NULL, category text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_scope(level, category);
	DELETE FROM csec.clearance c
		WHERE c.role = revoke_clearance.role
			AND c.level IS NOT DISTINCT FROM revoke_clearance.level
			AND c.category IS NOT DISTINCT FROM revoke_clearance.category;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'role % has no such clearance', role
			USING ERRCODE = 'undefined_object',
				HINT = 'See csec.effective_clearances: it may have it through another role, or by level rather than category.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.revoke_clearance(regrole, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.revoke_clearance(regrole, text, text) TO csec_admin;
COMMENT ON FUNCTION csec.revoke_clearance(regrole, text, text) IS
	'take a clearance back; it ends with the next statement or FETCH of every session, within a long statement soon after';

CREATE FUNCTION csec.set_default_reason(role regrole, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = set_default_reason.role) THEN
		RAISE EXCEPTION 'the role of a default reason does not exist'
			USING ERRCODE = 'undefined_object', HINT = 'Name a role.';
	END IF;
	PERFORM csec.forget_dropped_roles();
	IF reason IS NULL THEN
		DELETE FROM csec.default_reason d WHERE d.role = set_default_reason.role;
		RETURN;
	END IF;
	IF NOT csec.states(reason, 256) OR octet_length(reason) > 256 OR reason ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'a reason has 1 to 256 bytes and no control characters'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a short code or phrase.';
	END IF;
	INSERT INTO csec.default_reason AS d (role, reason)
		VALUES (set_default_reason.role, set_default_reason.reason)
		ON CONFLICT ON CONSTRAINT default_reason_pkey DO UPDATE SET reason = EXCLUDED.reason;
END
$$;
REVOKE ALL ON FUNCTION csec.set_default_reason(regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_default_reason(regrole, text) TO csec_admin;
COMMENT ON FUNCTION csec.set_default_reason(regrole, text) IS
	'the reason recorded for a role whose application states none; null takes it back; never serves core';
