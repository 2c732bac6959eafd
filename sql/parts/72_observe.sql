-- Observing before masking: who reads which fields of a table, and what he
-- would see.

CREATE VIEW csec.observed_tables AS
	SELECT t.relid AS tab,
		(SELECT pg_catalog.jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = t.relid) AS fields,
		t.protected_at AS since, t.observe_until, t.observe_until <= pg_catalog.now() AS expired
	FROM csec.protected_table t WHERE NOT t.enforce;
REVOKE ALL ON csec.observed_tables FROM PUBLIC;
GRANT SELECT ON csec.observed_tables TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.observed_tables IS 'tables that are recorded but not masked yet: csec.enforce() ends that';
COMMENT ON COLUMN csec.observed_tables.expired IS 'the time for observing is over, and nothing is masked yet';

-- What a role would see of a category, by the clearances of today.
CREATE FUNCTION csec.would_see(login text, reader text, category text, reason_stated boolean) RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN l.oid IS NULL OR r.oid IS NULL THEN 'mask: the role is gone'
			WHEN NOT csec.is_member(l.oid::regrole, r.oid::regrole) THEN 'mask: the login is no member of the role'
			WHEN NOT EXISTS (
				SELECT FROM csec.clearance c LEFT JOIN csec.level cl ON cl.name = c.level
				WHERE c.role = ANY (csec.roles_inherited(r.oid::regrole))
					AND (c.until IS NULL OR c.until > now())
					AND (c.category = k.name OR cl.rank >= v.rank)) THEN 'mask: no clearance'
			WHEN v.needs_reason AND NOT reason_stated THEN 'mask: no reason stated'
			ELSE 'reveal' END
		FROM csec.category k JOIN csec.level v ON v.name = k.level
			LEFT JOIN pg_roles l ON l.rolname = would_see.login
			LEFT JOIN pg_roles r ON r.rolname = would_see.reader
		WHERE k.name = would_see.category
	$$;
REVOKE ALL ON FUNCTION csec.would_see(text, text, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.would_see(text, text, text, boolean) IS
	'internal: what a login under a role would see of a category, by today''s clearances, and why not more';

CREATE FUNCTION csec.readers(tab regclass, since timestamptz DEFAULT NULL)
	RETURNS TABLE (login text, reader text, application text, field text, category text, statements text[], reads bigint,
		rows bigint, compared bigint, without_reason bigint, first_read timestamptz, last_read timestamptz, would_see text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM csec.protected_table p WHERE p.relid = tab) THEN
		RAISE EXCEPTION '% is not protected', tab
			USING ERRCODE = '42704', HINT = 'csec.protect(..., enforce => false) begins to observe a table.';
	ELSIF NOT csec.may_protect(tab) AND NOT pg_has_role(csec.acting_role(), 'csec_auditor', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied for the readers of %', tab
			USING ERRCODE = '42501', HINT = 'Auditors may ask, and whoever may protect the table.';
	END IF;
	PERFORM csec.require_trail();
	RETURN QUERY
		SELECT r.login, r.reader, r.application, f.attname::text, f.category, array_agg(DISTINCT r.statement ORDER BY r.statement),
			sum(coalesce(r.repeats, 1))::bigint, sum(r.rows * coalesce(r.repeats, 1))::bigint, count(*) FILTER (WHERE f.attname = ANY (r.probed)),
			coalesce(sum(coalesce(r.repeats, 1)) FILTER (WHERE r.reason IS NULL), 0)::bigint, min(coalesce(r.repeated_since, r.at)), max(coalesce(r.repeated_until, r.at)),
			csec.would_see(r.login, r.reader, f.category, bool_and(r.reason IS NOT NULL))
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
			JOIN csec.protected_field f ON f.relid = l.relid
				AND (f.attname = ANY (r.revealed) OR f.attname = ANY (r.masked) OR f.attname = ANY (r.redacted)
					OR f.attname = ANY (r.other) OR f.attname = ANY (r.probed))
		WHERE l.kind = 2 AND l.relid = tab AND r.exactness <> 'intent'
			AND (since IS NULL OR l.at >= since)
		GROUP BY r.login, r.reader, r.application, f.attname, f.category
		ORDER BY r.login, r.reader, r.application, f.attname;
END
$$;
REVOKE ALL ON FUNCTION csec.readers(regclass, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.readers(regclass, timestamptz) TO csec_admin, csec_auditor;
COMMENT ON FUNCTION csec.readers(regclass, timestamptz) IS
	'who read which fields of a table, from the trail: login, role and application, by which commands, how often, in how many of them no reason was stated, and what he would see once masks are on. For auditors and for whoever may protect the table';
