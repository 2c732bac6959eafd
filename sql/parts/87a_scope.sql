-- Whom does it concern?  Everything that a role or a person read in some
-- time, by the index on login and time, as customers and fields.

-- The records of reads by some logins, and of a person by whatever login that
-- several share.  Those that only announce a read, of
-- which the rest came, are left out.
CREATE FUNCTION csec.reads_by(logins text[], person text, from_time timestamptz, to_time timestamptz)
	RETURNS TABLE (seq int8, at timestamptz, relid oid, relation text, revealed text[], masked text[], record bytea)
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	-- the planner has no idea of how many rows a role has
	SET enable_seqscan = off
	AS $$
DECLARE
	below int8;
	sealed_until timestamptz;
	asked text[] := logins;
BEGIN
	PERFORM csec.require_trail();
	IF person IS NOT NULL THEN
		asked := asked || ARRAY(SELECT r.rolname::text FROM csec.pool_role p JOIN pg_roles r ON r.oid = p.role);
	END IF;
	below := csec.seq_after(to_time);
	-- sealing comes after reading, by how much nobody knows
	sealed_until := coalesce((SELECT max(l.at) FROM csec_trail.audit_log l WHERE l.seq = below - 1), 'infinity');
	RETURN QUERY
		SELECT s.seq, s.at, s.relid, s.relation, s.revealed, s.masked, s.record
		FROM (
			SELECT r.seq, r.at, l.relid, r.relation, r.revealed, r.masked, l.record, r.exactness,
				bool_or(r.exactness <> 'intent') OVER (PARTITION BY coalesce(r.read_key, int8send(r.seq))) AS told
			FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
			WHERE l.login = ANY (asked) AND l.kind = 2
				AND (reads_by.person IS NULL OR coalesce(r.person = reads_by.person, l.login = ANY (logins)))
				AND l.at >= from_time - interval '1 day' AND l.at <= sealed_until
				AND r.at >= from_time AND r.at < to_time) s
		WHERE s.exactness <> 'intent' OR NOT s.told;
END
$$;
REVOKE ALL ON FUNCTION csec.reads_by(text[], text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.reads_by(text[], text, timestamptz, timestamptz) IS 'internal: the records of what some logins, or a person by them and by shared ones, read in some time';

-- Fields of tables that are gone count as of the highest level.
CREATE FUNCTION csec.field_level(relid oid, field text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT c.level FROM csec.protected_table t JOIN csec.protected_field f ON f.relid = t.relid JOIN csec.category c ON c.name = f.category
				WHERE field_level.relid = ANY (t.filed_as) AND f.attname = field LIMIT 1),
			(SELECT l.name FROM csec.level l ORDER BY l.rank DESC LIMIT 1))
	$$;
REVOKE ALL ON FUNCTION csec.field_level(oid, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.field_level(oid, text) IS 'internal: the level of a column, also of one that is gone';

-- One row for each customer, table and field: what was shown of it at best.
-- A null subject: all customers of the table must be assumed.
CREATE FUNCTION csec.seen_by(logins text[], person text, from_time timestamptz, to_time timestamptz)
	RETURNS TABLE (relid oid, relation text, level text, shown text, field text, subject text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH reads AS MATERIALIZED (SELECT r.* FROM csec.reads_by(logins, person, from_time, to_time) r),
		shapes AS (
			-- few shapes of reads, many reads: so the levels are looked up once
			SELECT DISTINCT r.relid, f.field, f.shown FROM reads r
				CROSS JOIN LATERAL (SELECT unnest(r.revealed), 'revealed' UNION ALL SELECT unnest(r.masked), 'masked') f (field, shown)),
		levels AS (SELECT DISTINCT s.relid, s.field, csec.field_level(s.relid, s.field) AS level FROM (SELECT DISTINCT relid, field FROM shapes) s),
		-- reads of one shape together, so that a customer is counted once
		customers AS (
			SELECT DISTINCT r.relid, r.relation, r.revealed, r.masked, s.subject
				FROM reads r CROSS JOIN LATERAL csec.record_subjects(r.record) s (subject)
				WHERE cardinality(r.revealed) > 0 OR cardinality(r.masked) > 0)
		SELECT c.relid, max(c.relation COLLATE "C"), l.level, max(f.shown COLLATE "C"), f.field, c.subject
			FROM customers c
				CROSS JOIN LATERAL (SELECT unnest(c.revealed), 'revealed' UNION ALL SELECT unnest(c.masked), 'masked') f (field, shown)
				JOIN levels l ON l.relid = c.relid AND l.field = f.field
			GROUP BY c.relid, l.level, f.field, c.subject
	$$;
REVOKE ALL ON FUNCTION csec.seen_by(text[], text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.seen_by(text[], text, timestamptz, timestamptz) IS 'internal: which fields of which customers some logins, or a person by them and by shared ones, saw';

CREATE FUNCTION csec.scope_logins(role text, person text) RETURNS text[]
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF num_nonnulls(role, person) <> 1 THEN
		RAISE EXCEPTION 'either a role or a person must be named'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give role => as it stands in the trail, or person =>.';
	END IF;
	RETURN CASE WHEN role IS NOT NULL THEN ARRAY[role]
		ELSE ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.oid = ANY (csec.logins_of(person))) END;
END
$$;
REVOKE ALL ON FUNCTION csec.scope_logins(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.scope_logins(text, text) IS 'internal: whose reads the scope of an incident is';

CREATE FUNCTION csec.check_times(from_time timestamptz, to_time timestamptz) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF from_time IS NULL OR to_time IS NULL OR from_time >= to_time OR NOT isfinite(from_time) OR NOT isfinite(to_time) THEN
		RAISE EXCEPTION 'a time from which and a later one until which are needed'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give from_time => and to_time =>; the latter is not included.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_times(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_times(timestamptz, timestamptz) IS 'internal: refuses a time that is none';

-- Whoever asks whom an incident concerns asks in the minutes after it: a read
-- that is not sealed yet would be missing, and nobody would write to its
-- customers.  Who waits is volatile, so that its queries see what has come.
CREATE FUNCTION csec.await_sealing() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT pg_is_in_recovery() THEN
		PERFORM csec.flush_audit();
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.await_sealing() FROM PUBLIC;
COMMENT ON FUNCTION csec.await_sealing() IS 'internal: waits for everything up to now to be sealed; on a standby what has come is what there is';

-- The digest is over the sorted lines "table level shown field customer", each
-- with its length before it, so that no two lists of them give one text.
CREATE FUNCTION csec.scope_incident(role text DEFAULT NULL, person text DEFAULT NULL, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE ("table" text, level text, shown text, fields text[], customers int8, complete bool, digest text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	logins text[] := csec.scope_logins(role, person);
BEGIN
	PERFORM csec.check_times(from_time, to_time);
	PERFORM csec.await_sealing();
	PERFORM csec.warn_of_cut(from_time);
	RETURN QUERY
		WITH lines AS MATERIALIZED (
			SELECT s.relation, s.level, s.shown, s.field, s.subject,
				convert_to(format('%s %s %s %s %s', s.relation, s.level, s.shown, s.field, coalesce('=' || s.subject, '*')), 'UTF8') AS line
			FROM csec.seen_by(logins, person, from_time, to_time) s)
		SELECT l.relation, l.level, l.shown, array_agg(DISTINCT l.field COLLATE "C"), count(DISTINCT l.subject COLLATE "C"),
				bool_and(l.subject IS NOT NULL),
				encode(sha256(string_agg(int4send(length(l.line)) || l.line, '' ORDER BY l.line)), 'hex')
			FROM lines l GROUP BY GROUPING SETS ((l.relation, l.level, l.shown), ())
			HAVING count(*) > 0
			ORDER BY l.relation COLLATE "C" NULLS LAST, (SELECT v.rank FROM csec.level v WHERE v.name = l.level) DESC, l.shown DESC;
END
$$;
REVOKE ALL ON FUNCTION csec.scope_incident(text, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.scope_incident(text, text, timestamptz, timestamptz) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.scope_incident(text, text, timestamptz, timestamptz) IS
	'which fields of how many customers a login or a person saw, by table, level and revealed or masked, and in the last row all together; complete is false where all customers of the table must be assumed; the digest is over the sorted customers and fields; waits for everything up to now to be sealed';
