-- Security measures with their evidence.  Live: looked up here, in catalogs,
-- settings and the trail.  What is not known stays unknown, and counts as not
-- kept until somebody vouches for it (csec.attest); what was looked up and
-- found wanting is not mended by anybody's word.

-- Who may ask: auditors, officers, and who decides on access to the table.  A
-- refusal is on record.
CREATE FUNCTION csec.check_record_reader(action text, tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.acting_person(action, coalesce(tab::text, ''));
	IF tab IS NULL THEN
		RAISE EXCEPTION 'a table must be named' USING ERRCODE = 'null_value_not_allowed', HINT = 'Name a protected table.';
	END IF;
	IF NOT EXISTS (SELECT FROM csec.protected_table t JOIN pg_class c ON c.oid = t.relid WHERE t.relid = tab) THEN
		RAISE EXCEPTION '% is not protected', tab
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Records are kept of protected tables: see csec.protect().';
	END IF;
	IF NOT csec.is_member(csec.reader(), 'csec_auditor') AND NOT csec.is_member(csec.reader(), 'csec_officer')
			AND NOT coalesce(csec.is_data_owner(csec.reader(), tab), false) THEN
		PERFORM csec.refuse(action, tab::text, format('permission denied for the record of %s', tab),
			'Auditors and officers may ask, and who decides on access to the table.');
	END IF;
	PERFORM csec.require_trail();
END
$$;
REVOKE ALL ON FUNCTION csec.check_record_reader(text, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_record_reader(text, regclass) IS 'internal: refuses those who may not see records of a table';

CREATE FUNCTION csec.person_title(person text) RETURNS text
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT p.name || ' (' || p.id || ')' FROM csec.person p WHERE p.id = person), regexp_replace(person, '^login:', ''))
	$$;
REVOKE ALL ON FUNCTION csec.person_title(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.person_title(text) IS 'internal: a person as a record names him';

CREATE FUNCTION csec.login_title(login text) RETURNS text
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT csec.person_title(l.person) FROM pg_roles r JOIN csec.person_login l ON l.role = r.oid WHERE r.rolname = login), login)
	$$;
REVOKE ALL ON FUNCTION csec.login_title(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.login_title(text) IS 'internal: the person whose login it is, as a record names him; a login that is nobody''s by its own name';

CREATE FUNCTION csec.login_titles() RETURNS TABLE (login text, title text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT r.rolname::text, csec.person_title(l.person) FROM csec.person_login l JOIN pg_roles r ON r.oid = l.role
	$$;
REVOKE ALL ON FUNCTION csec.login_titles() FROM PUBLIC;
COMMENT ON FUNCTION csec.login_titles() IS 'internal: the persons behind all logins that are somebody''s, as a record names them';

-- Each role that can reach the table, by whatever way, and what it may see.
CREATE FUNCTION csec.effective_access(tab regclass)
	RETURNS TABLE ("role" text, can_login bool, person text, via text[], privileges text[], clearances text[])
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		WITH RECURSIVE held (member, role) AS (
			SELECT r.oid, r.oid FROM pg_roles r
			UNION SELECT h.member, m.roleid FROM held h JOIN pg_auth_members m ON m.member = h.role),
		granted AS (
			SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = tab
			UNION SELECT a.grantee FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = tab)
		SELECT r.rolname::text, r.rolcanlogin, csec.person_of(r.oid::regrole), v.via, p.privileges,
			ARRAY(SELECT DISTINCT coalesce(e.level, e.category) FROM csec.effective_clearances e WHERE e.role = r.oid AND e.in_force ORDER BY 1)
		FROM pg_roles r
			CROSS JOIN LATERAL (SELECT array_agg(p ORDER BY n) AS privileges
				FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
					|| CASE WHEN current_setting('server_version_num')::int >= 170000 THEN ARRAY['MAINTAIN'] END) WITH ORDINALITY u (p, n)
				WHERE has_table_privilege(r.oid, tab, p)
					OR p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(r.oid, tab, p)) p
			CROSS JOIN LATERAL (SELECT array_agg(DISTINCT w.how ORDER BY w.how) AS via FROM (
				SELECT 'superuser' AS how WHERE r.rolsuper
				UNION ALL SELECT CASE WHEN h.role = r.oid THEN 'owner' ELSE 'member of its owner ' || h.role::regrole END
					FROM held h JOIN pg_class c ON c.relowner = h.role AND c.oid = tab WHERE h.member = r.oid
				UNION ALL SELECT CASE WHEN h.role = r.oid THEN 'grant' ELSE 'member of ' || h.role::regrole END
					FROM held h JOIN granted g ON g.grantee = h.role WHERE h.member = r.oid
				UNION ALL SELECT 'grant to PUBLIC' FROM granted g WHERE g.grantee = 0
				UNION ALL SELECT 'member of ' || h.role::regrole FROM held h
					WHERE h.member = r.oid AND h.role IN ('pg_read_all_data'::regrole, 'pg_write_all_data'::regrole, to_regrole('pg_maintain'))) w) v
		-- the roles that PostgreSQL brings are shown by their members
		WHERE r.rolname !~ '^pg_' AND (p.privileges IS NOT NULL OR v.via IS NOT NULL)
		ORDER BY 1
	$$;
REVOKE ALL ON FUNCTION csec.effective_access(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.effective_access(regclass) TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.effective_access(regclass) IS
	'which roles reach a table and by which ways: ownership, superusers, grants, memberships (also those that need SET ROLE); whose they are, and their clearances';

CREATE FUNCTION csec.live_encryption(tab regclass)
	RETURNS TABLE (measure text, item text, state text, finding text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		-- each field by itself; masked fields are not encrypted, and say so
		SELECT 'field_storage', f.attname::text,
			CASE WHEN NOT o.encrypted THEN CASE WHEN c.level = 'core' THEN 'fail' ELSE 'pass' END
				WHEN NOT p.enforce THEN 'fail'
				WHEN NOT o.known OR e.shares IS NULL THEN 'unknown'
				WHEN e.bad THEN 'fail' ELSE 'pass' END,
			CASE WHEN NOT o.encrypted THEN 'masked; stored as text, as its category says'
				WHEN NOT p.enforce THEN 'not encrypted: the table is observed only'
				WHEN NOT o.known THEN 'the server has another root key than this database was made with'
				ELSE coalesce(e.shares, 'no value is stored') END
		FROM csec.protected_field f JOIN csec.protected_table p ON p.relid = f.relid JOIN csec.category c ON c.name = f.category
			-- under another root key no protected table can be looked at
			-- where customers have keys of their own, a field is encrypted whatever its category says
			CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM csec.order_key k WHERE k.fingerprint = csec.order_key_fingerprint()),
				c.storage = 'encrypted' OR EXISTS (SELECT FROM csec.declared_fields(tab) d WHERE d.attname = f.attname AND d.encrypted)) o (known, encrypted)
			LEFT JOIN LATERAL (
				SELECT string_agg(format(CASE s.key WHEN 'per subject' THEN '%1$s, a key of each customer: %5$s %%' ELSE '%1$s, key %2$s version %3$s (%4$s): %5$s %%' END,
						s.suite, s.key, s.key_version, s.key_state, round(s.share * 100, 2)), '; ') AS shares,
					bool_or(s.suite = 'plain' OR s.key_state IN ('unknown', 'destroyed')) AS bad
				FROM csec.encryption_share(tab, 64) s WHERE s.attname = f.attname AND p.enforce AND o.encrypted
					AND EXISTS (SELECT FROM csec.order_key k WHERE k.fingerprint = csec.order_key_fingerprint())) e ON true
		WHERE f.relid = tab
		UNION ALL
		SELECT 'field_keys', k.purpose || ' key ' || k.name || ' version ' || k.version,
			CASE WHEN t.trouble IS NULL AND k.created_at > now() - m.most * interval '1 day' THEN 'pass' ELSE 'fail' END,
			coalesce('does not open: ' || t.trouble, format('made %s, %s', to_char(k.created_at, 'YYYY-MM-DD'), k.state))
		FROM csec.keys k JOIN csec.measure m ON m.name = 'field_keys' LEFT JOIN csec.key_troubles() t ON t.id = k.id AND t.version = k.version
		WHERE k.state = 'active' OR t.trouble IS NOT NULL
		UNION ALL
		SELECT 'field_keys', 'root key', 'fail', 'the server has another root key than this database was made with'
		WHERE NOT EXISTS (SELECT FROM csec.order_key k WHERE k.fingerprint = csec.order_key_fingerprint())
		UNION ALL
		SELECT 'field_keys', 'key provider', 'fail', format('fails since %s: %s', to_char(p.failing_since, 'YYYY-MM-DD HH24:MI'), p.trouble)
		FROM csec.key_provider() p WHERE p.failing_since IS NOT NULL
		UNION ALL
		-- what nobody looks for is not known to be there
		SELECT 'field_keys', 'key provider', 'unknown', format('not asked since %s, as csec.key_check_interval is 0', to_char(p.tried_at, 'YYYY-MM-DD HH24:MI'))
		FROM csec.key_provider() p WHERE p.failing_since IS NULL AND current_setting('csec.key_check_interval')::interval = '0'
		UNION ALL
		SELECT 'field_keys', 'destroyed keys', 'fail', 'keys of customers are not used: ' || s.trouble
		FROM csec.protected_table p CROSS JOIN LATERAL csec.tombstones_seen() s WHERE p.relid = tab AND p.subject_keys AND s.trouble IS NOT NULL
		UNION ALL
		SELECT 'keys_outside', NULL, CASE WHEN current_setting('csec.embedded_keys')::bool THEN 'fail' ELSE 'pass' END,
			CASE WHEN current_setting('csec.embedded_keys')::bool THEN 'csec.embedded_keys is on: keys lie in the data directory'
				ELSE 'from csec.key_directory or csec.key_command' END
		UNION ALL
		SELECT 'masks_on', NULL, CASE WHEN p.enforce THEN 'pass' ELSE 'fail' END,
			CASE WHEN p.enforce THEN 'since ' || to_char(p.protected_at, 'YYYY-MM-DD') ELSE 'observed only, until ' || coalesce(to_char(p.observe_until, 'YYYY-MM-DD'), 'it is enforced') END
		FROM csec.protected_table p WHERE p.relid = tab
	$$;
REVOKE ALL ON FUNCTION csec.live_encryption(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.live_encryption(regclass) IS 'internal: what csec.live_measures() finds of fields and keys';

CREATE FUNCTION csec.live_access(tab regclass)
	RETURNS TABLE (measure text, item text, state text, finding text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH reach AS MATERIALIZED (SELECT * FROM csec.effective_access(tab))
		SELECT 'superusers', NULL, CASE WHEN count(*) <= max(m.most) THEN 'pass' ELSE 'fail' END,
			count(*) || ': ' || string_agg(r.rolname, ', ' ORDER BY r.rolname)
		FROM pg_roles r, csec.measure m WHERE m.name = 'superusers' AND r.rolsuper AND r.rolcanlogin
		HAVING count(*) > 0
		UNION ALL
		SELECT 'public_privileges', NULL, CASE WHEN count(*) = 0 THEN 'pass' ELSE 'fail' END,
			coalesce('PUBLIC has ' || string_agg(DISTINCT a.privilege_type, ', '), 'none')
		FROM (SELECT x.* FROM pg_class c, aclexplode(c.relacl) x WHERE c.oid = tab
			UNION ALL SELECT x.* FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = tab) a WHERE a.grantee = 0
		UNION ALL
		SELECT 'logins_known', NULL, CASE WHEN count(*) FILTER (WHERE r.person LIKE 'login:%') = 0 THEN 'pass' ELSE 'fail' END,
			count(*) || ' logins reach the table'
				|| coalesce('; nobody''s: ' || string_agg(r.role, ', ' ORDER BY r.role) FILTER (WHERE r.person LIKE 'login:%'), '')
		FROM reach r WHERE r.can_login
		UNION ALL
		SELECT 'core_until', NULL, CASE WHEN count(*) = 0 THEN 'pass' ELSE 'fail' END,
			coalesce('without an end: ' || string_agg(c.role::text, ', ' ORDER BY c.role::text), 'all have one')
		FROM csec.clearance c LEFT JOIN csec.category k ON k.name = c.category JOIN csec.level l ON l.name = coalesce(c.level, k.level)
		WHERE l.needs_reason AND c.until IS NULL
		UNION ALL
		SELECT 'rows_sound', NULL, CASE WHEN count(*) = 0 THEN 'pass' ELSE 'fail' END,
			coalesce('edited: ' || string_agg(u."table" || ' ' || u.id, ', '), 'all keyed codes fit')
		FROM csec.unsound_rows() u
	$$;
REVOKE ALL ON FUNCTION csec.live_access(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.live_access(regclass) IS 'internal: what csec.live_measures() finds of rights to a table';

-- The server's own look at pg_hba.conf: what a reload would make of it.
CREATE FUNCTION csec.live_logins()
	RETURNS TABLE (measure text, item text, state text, finding text)
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		WITH rules AS MATERIALIZED (SELECT h.line_number, h.type, h.auth_method, h.options, h.error FROM pg_hba_file_rules h),
		passwords AS MATERIALIZED (SELECT a.rolname, a.rolvaliduntil, a.rolpassword ~ E'^SCRAM-SHA-256\\$' AS scram
			FROM pg_authid a WHERE a.rolcanlogin AND a.rolpassword IS NOT NULL)
		SELECT 'password_rules', NULL, CASE WHEN s.modules IS NULL THEN 'unknown' ELSE 'pass' END,
			coalesce('enforced by ' || s.modules, 'no module that checks passwords is loaded')
		FROM (SELECT string_agg(m, ', ') AS modules FROM unnest(string_to_array(current_setting('shared_preload_libraries'), ',')) l,
				LATERAL (SELECT btrim(l, ' "') AS m) t WHERE m ~ '(^|/)(passwordcheck|passwordcheck_extra|credcheck|passwordpolicy)$') s
		UNION ALL
		SELECT 'password_storage', NULL, CASE WHEN count(*) FILTER (WHERE NOT p.scram) = 0 AND current_setting('password_encryption') = 'scram-sha-256' THEN 'pass' ELSE 'fail' END,
			format('password_encryption = %s; %s passwords', current_setting('password_encryption'), count(*))
				|| coalesce('; otherwise: ' || string_agg(p.rolname, ', ' ORDER BY p.rolname) FILTER (WHERE NOT p.scram), '')
		FROM passwords p
		UNION ALL
		SELECT 'password_end', NULL, CASE WHEN count(*) = 0 THEN 'unknown'
				WHEN count(*) FILTER (WHERE p.rolvaliduntil IS NULL OR p.rolvaliduntil = 'infinity') = 0 THEN 'pass' ELSE 'fail' END,
			CASE WHEN count(*) = 0 THEN 'no login has a password here'
				ELSE count(*) FILTER (WHERE p.rolvaliduntil IS NULL OR p.rolvaliduntil = 'infinity') || ' of ' || count(*) || ' without an end' END
		FROM passwords p
		UNION ALL
		SELECT 'login_rules', NULL, CASE WHEN bool_or(r.error IS NOT NULL) THEN 'unknown'
				WHEN bool_or(r.auth_method IN ('trust', 'password', 'md5', 'ident')) THEN 'fail' ELSE 'pass' END,
			CASE WHEN bool_or(r.error IS NOT NULL) THEN 'the file has errors, in line ' || min(r.line_number) FILTER (WHERE r.error IS NOT NULL)
				ELSE coalesce(string_agg('line ' || r.line_number || ': ' || r.auth_method, ', ' ORDER BY r.line_number)
					FILTER (WHERE r.auth_method IN ('trust', 'password', 'md5', 'ident')), count(*) || ' rules, none of them') END
		FROM rules r HAVING count(*) > 0
		UNION ALL
		SELECT 'mfa', NULL, 'pass', 'all network rules ask for a certificate and a password'
		FROM rules r WHERE r.type <> 'local' AND r.error IS NULL AND r.auth_method <> 'reject'
		HAVING count(*) > 0 AND bool_and(r.type = 'hostssl' AND r.auth_method = 'scram-sha-256' AND 'clientcert=verify-full' = ANY (r.options))
		UNION ALL
		SELECT 'tls_on', NULL, CASE WHEN current_setting('ssl')::bool AND current_setting('ssl_min_protocol_version') IN ('TLSv1.2', 'TLSv1.3') THEN 'pass' ELSE 'fail' END,
			format('ssl = %s, ssl_min_protocol_version = %s', current_setting('ssl'), current_setting('ssl_min_protocol_version'))
		UNION ALL
		SELECT 'tls_required', NULL, CASE WHEN bool_or(r.error IS NOT NULL) THEN 'unknown'
				WHEN bool_or(r.type IN ('host', 'hostnossl', 'hostgssenc', 'hostnogssenc') AND r.auth_method <> 'reject') THEN 'fail' ELSE 'pass' END,
			CASE WHEN bool_or(r.error IS NOT NULL) THEN 'the file has errors'
				ELSE coalesce(string_agg('line ' || r.line_number || ': ' || r.type, ', ' ORDER BY r.line_number)
					FILTER (WHERE r.type IN ('host', 'hostnossl', 'hostgssenc', 'hostnogssenc') AND r.auth_method <> 'reject'), 'all are hostssl') END
		FROM rules r HAVING count(*) > 0
		UNION ALL
		SELECT 'tls_used', NULL, CASE WHEN count(*) = 0 THEN 'unknown' WHEN bool_and(s.ssl) THEN 'pass' ELSE 'fail' END,
			CASE WHEN count(*) = 0 THEN 'nobody is connected over the network'
				ELSE count(*) FILTER (WHERE s.ssl) || ' of ' || count(*) || ' network connections' END
		FROM pg_stat_activity a JOIN pg_stat_ssl s ON s.pid = a.pid WHERE a.client_addr IS NOT NULL
	$$;
REVOKE ALL ON FUNCTION csec.live_logins() FROM PUBLIC;
COMMENT ON FUNCTION csec.live_logins() IS 'internal: what csec.live_measures() finds of passwords, pg_hba.conf and TLS';

CREATE FUNCTION csec.live_server()
	RETURNS TABLE (measure text, item text, state text, finding text)
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		SELECT 'checksums', NULL, CASE WHEN current_setting('data_checksums')::bool THEN 'pass' ELSE 'fail' END,
			'data_checksums = ' || current_setting('data_checksums')
		UNION ALL
		SELECT 'durable', NULL, CASE WHEN current_setting('fsync')::bool AND current_setting('full_page_writes')::bool AND current_setting('synchronous_commit') <> 'off' THEN 'pass' ELSE 'fail' END,
			format('fsync = %s, full_page_writes = %s, synchronous_commit = %s', current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'))
		UNION ALL
		SELECT 'archiving', NULL, CASE WHEN current_setting('archive_mode') = 'off' THEN 'fail'
				WHEN a.last_archived_time IS NULL THEN 'unknown'
				WHEN a.last_failed_time > a.last_archived_time THEN 'fail' ELSE 'pass' END,
			CASE WHEN current_setting('archive_mode') = 'off' THEN 'archive_mode = off'
				ELSE format('%s files, the last one %s; %s failures', a.archived_count, coalesce(to_char(a.last_archived_time, 'YYYY-MM-DD HH24:MI'), 'never'), a.failed_count) END
		FROM pg_stat_archiver a
		UNION ALL
		SELECT 'server_version', NULL, CASE WHEN v.ends IS NULL THEN 'unknown' WHEN v.ends > current_date THEN 'pass' ELSE 'fail' END,
			current_setting('server_version') || coalesce(', supported until ' || v.ends, '')
		FROM (SELECT CASE current_setting('server_version_num')::int / 10000 WHEN 15 THEN date '2027-11-11' WHEN 16 THEN date '2028-11-09'
			WHEN 17 THEN date '2029-11-08' WHEN 18 THEN date '2030-11-14' END AS ends) v
		UNION ALL
		SELECT 'statements_logged', NULL,
			CASE WHEN current_setting('log_statement') = 'none' AND current_setting('log_min_duration_statement')::text = '-1'
				AND current_setting('log_min_duration_sample') = '-1' AND current_setting('log_transaction_sample_rate')::float8 = 0 THEN 'pass' ELSE 'fail' END,
			format('log_statement = %s, log_min_duration_statement = %s', current_setting('log_statement'), current_setting('log_min_duration_statement'))
	$$;
REVOKE ALL ON FUNCTION csec.live_server() FROM PUBLIC;
COMMENT ON FUNCTION csec.live_server() IS 'internal: what csec.live_measures() finds of the server';

CREATE FUNCTION csec.live_trail()
	RETURNS TABLE (measure text, item text, state text, finding text)
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		SELECT 'recording', NULL,
			CASE WHEN s.suspended_until IS NOT NULL THEN 'fail'
				WHEN s.state = 'running' AND s.last_error IS NULL AND s.warning IS NULL THEN 'pass' ELSE 'fail' END,
			CASE WHEN s.suspended_until IS NOT NULL THEN 'recording is suspended'
				ELSE concat_ws('; ', 'the sealer is ' || coalesce(s.state, 'not there'), s.last_error, s.warning) END
		FROM (SELECT current_database() AS here) d LEFT JOIN csec.trail_status s ON s.database = d.here
		UNION ALL
		SELECT 'no_gaps', NULL, CASE WHEN g.n = 0 THEN 'pass' ELSE 'fail' END,
			CASE WHEN g.n = 0 THEN 'none in ' || m.most || ' days' ELSE g.n || ', the last one ' || to_char(g.newest, 'YYYY-MM-DD HH24:MI') END
		FROM csec.measure m CROSS JOIN LATERAL (SELECT count(*) AS n, max(g.at) AS newest FROM csec.gaps() g
			WHERE (g.what IN ('gap', 'rejected', 'suspension') OR g.what = 'sealer' AND g.why LIKE 'ran without%')
				AND g.at > now() - m.most * interval '1 day') g
		WHERE m.name = 'no_gaps'
		UNION ALL
		SELECT 'verified', NULL, CASE WHEN v.at IS NULL THEN 'unknown' WHEN v.good AND v.at > now() - v.most * interval '1 day' THEN 'pass' ELSE 'fail' END,
			CASE WHEN v.at IS NULL THEN 'never verified here' WHEN v.good THEN 'found true on ' || to_char(v.at, 'YYYY-MM-DD HH24:MI')
				ELSE 'found false on ' || to_char(v.at, 'YYYY-MM-DD HH24:MI') || ', record ' || coalesce(v.bad, 'unknown') END
		FROM (SELECT m.most, c.* FROM csec.measure m LEFT JOIN LATERAL (
				SELECT r.at, (csec.detail(r.detail) ->> 'verified')::bool AS good, csec.detail(r.detail) ->> 'bad' AS bad
				FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
				WHERE l.kind = 5 AND l.kind <> 2 AND l.kind <> 3 AND l.kind <> 4 AND r.action = 'verify' AND r.object = 'trail'
				ORDER BY l.seq DESC LIMIT 1) c ON true
			WHERE m.name = 'verified') v
	$$;
REVOKE ALL ON FUNCTION csec.live_trail() FROM PUBLIC;
COMMENT ON FUNCTION csec.live_trail() IS 'internal: what csec.live_measures() finds of csec itself';

-- The newest word on each measure.  A row that was edited behind csec's back,
-- and one whose time is over, count for nothing, and neither does the one before.
CREATE FUNCTION csec.attestations()
	RETURNS TABLE (measure text, holds bool, statement text, until timestamptz, person text, at timestamptz, sound bool)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT DISTINCT ON (a.measure) a.measure, a.holds, a.statement, a.until, a.person, a.at, csec.row_is_sound(a)
		FROM csec.attestation a ORDER BY a.measure, a.at DESC, a.id DESC
	$$;
REVOKE ALL ON FUNCTION csec.attestations() FROM PUBLIC;
COMMENT ON FUNCTION csec.attestations() IS 'internal: the newest attestation of each measure';

CREATE FUNCTION csec.security_measures(tab regclass)
	RETURNS TABLE ("position" int, measure text, area text, title text, title_zh text, item text, state text, evidence text, finding text, attested_by text, attested_at timestamptz, until timestamptz)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
	PERFORM csec.check_record_reader('security_measures', tab);
	RETURN QUERY
		WITH live AS MATERIALIZED (
			SELECT * FROM csec.live_encryption(tab) UNION ALL SELECT * FROM csec.live_access(tab)
			UNION ALL SELECT * FROM csec.live_logins() UNION ALL SELECT * FROM csec.live_server() UNION ALL SELECT * FROM csec.live_trail())
		SELECT m.position, m.name, m.area, m.title, m.title_zh, l.item,
			CASE WHEN v.known THEN l.state WHEN v.counts AND a.holds THEN 'pass' WHEN v.counts THEN 'fail' ELSE 'unknown' END,
			CASE WHEN v.known THEN 'live' WHEN v.counts THEN 'attested' ELSE 'unknown' END,
			CASE WHEN v.known THEN l.finding WHEN v.counts THEN a.statement
				WHEN NOT a.sound THEN 'its attestation was edited behind csec''s back'
				WHEN a.until <= now() THEN 'its attestation is over'
				ELSE coalesce(l.finding, 'nobody has vouched for it') END,
			CASE WHEN v.counts THEN csec.person_title(a.person) END, CASE WHEN v.counts THEN a.at END, CASE WHEN v.counts THEN a.until END
		FROM csec.measure m
			LEFT JOIN live l ON l.measure = m.name
			LEFT JOIN csec.attestations() a ON a.measure = m.name
			CROSS JOIN LATERAL (SELECT coalesce(l.state <> 'unknown', false) AS known,
				coalesce(l.state, 'unknown') = 'unknown' AND coalesce(a.sound AND a.until > now(), false) AS counts) v
		WHERE m.shown
		ORDER BY m.position, m.name, l.item COLLATE "C";
END
$$;
REVOKE ALL ON FUNCTION csec.security_measures(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.security_measures(regclass) TO PUBLIC;
COMMENT ON FUNCTION csec.security_measures(regclass) IS
	'the security measures around a protected table and their evidence: live, attested by a person until a time, or unknown, which is no pass. For auditors, officers and the table''s owner';

CREATE VIEW csec.security_measures AS
	SELECT t.relid AS tab, m.* FROM csec.protected_table t JOIN pg_catalog.pg_class c ON c.oid = t.relid CROSS JOIN LATERAL csec.security_measures(t.relid) m;
REVOKE ALL ON csec.security_measures FROM PUBLIC;
GRANT SELECT ON csec.security_measures TO csec_auditor, csec_officer;
COMMENT ON VIEW csec.security_measures IS
	'the security measures around each protected table, with their evidence; what is the same for all tables is told for each';
