-- Export of evidence: what the program csec_export calls.  An export is an act
-- on record, begun before the first record leaves and closed with the digest
-- of what has left.

CREATE FUNCTION csec.begin_export(
		selection text, reason text, program text,
		OUT exported_by text, OUT exported_at timestamptz, OUT server text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.require_trail();
	IF pg_is_in_recovery() THEN
		RAISE EXCEPTION 'evidence cannot be exported from a standby'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'An export is an act on record, and nothing can be recorded here. Export from the primary.';
	END IF;
	IF length(selection) > 10000 OR length(reason) > 1000 OR length(program) > 1000 THEN
		RAISE EXCEPTION 'what is exported, why and by which program must be said in less'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A selection may have 10000 characters, the others 1000.';
	END IF;
	exported_by := (SELECT r.rolname FROM pg_roles r WHERE r.oid = csec.login());
	exported_at := clock_timestamp();
	server := format('csec %s, PostgreSQL %s',
		(SELECT extversion FROM pg_extension WHERE extname = 'csec'), current_setting('server_version'));
	PERFORM csec.control('export', 'trail', jsonb_build_object(
		'selection', selection, 'reason', reason, 'program', program));
END
$$;
REVOKE ALL ON FUNCTION csec.begin_export(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.begin_export(text, text, text) IS
	'put on record that evidence is about to be exported: what, why, by which program';

CREATE FUNCTION csec.end_export(selection text, records bigint, last_seq bigint, digest text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF length(selection) > 10000 OR length(digest) > 1000 THEN
		RAISE EXCEPTION 'what was exported, and its digest, must be said in less'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A selection may have 10000 characters, a digest 1000.';
	END IF;
	PERFORM csec.control('exported', 'trail', jsonb_build_object(
		'selection', selection, 'records', records, 'last', last_seq, 'digest', digest));
END
$$;
REVOKE ALL ON FUNCTION csec.end_export(text, bigint, bigint, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.end_export(text, bigint, bigint, text) IS
	'put on record what was exported: how many records, up to which number, and the digest of the evidence';

-- The records that a selection is of.  All conditions that are not null hold
-- together; times are those of sealing.  A change that was sealed before its
-- outcome was known brings the record of its outcome along: the first, and the
-- one behind it where that says "prepared".
CREATE FUNCTION csec.records_to_export(
		tab regclass, subject text, person text, from_time timestamptz, to_time timestamptz,
		from_seq bigint, to_seq bigint)
	RETURNS SETOF bigint
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	-- worked out here: within the query it would be for each month of the trail anew
	relids CONSTANT oid[] := csec.subject_tables(tab, true);
	names CONSTANT text[] := csec.subject_names(tab, subject);
	keys CONSTANT int8[] := csec.keys_of_names(names);
BEGIN
	PERFORM csec.require_trail();
	IF (tab IS NULL) <> (subject IS NULL) THEN
		RAISE EXCEPTION 'a subject is named by its table and its key'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Of a key of several columns, give csec.subject_key(...).';
	END IF;
	IF from_seq IS NULL OR from_seq < (SELECT b.first_seq FROM csec.trail_begin() b) THEN
		PERFORM csec.warn_of_cut(from_time);
	END IF;
	RETURN QUERY
		WITH about AS MATERIALIZED (
			SELECT l.seq, l.at, l.kind, l.record
			FROM csec.records_about(relids, keys) l
			WHERE records_to_export.subject IS NOT NULL AND csec.record_has_any(l.record, names)
			UNION ALL
			SELECT l.seq, l.at, l.kind, l.record FROM csec_trail.audit_log l
			WHERE records_to_export.subject IS NULL
				AND (from_time IS NULL OR l.at >= from_time) AND (to_time IS NULL OR l.at < to_time)
				AND (from_seq IS NULL OR l.seq >= from_seq) AND (to_seq IS NULL OR l.seq <= to_seq)
		), chosen AS MATERIALIZED (
			SELECT a.seq, a.kind, a.record FROM about a
			WHERE (from_time IS NULL OR a.at >= from_time) AND (to_time IS NULL OR a.at < to_time)
				AND (from_seq IS NULL OR a.seq >= from_seq) AND (to_seq IS NULL OR a.seq <= to_seq)
				AND (records_to_export.person IS NULL OR EXISTS (
					SELECT FROM csec.record_fields(a.record) r
					WHERE records_to_export.person IN (r.login, r.session_role, r.reader, r.effective_role, r.person, r.actor)))
		)
		SELECT c.seq FROM chosen c
		UNION
		SELECT o.seq FROM chosen c CROSS JOIN LATERAL csec.record_fields(c.record) r
			CROSS JOIN LATERAL (
				SELECT l.seq, lag(f.told, 1, 'prepared') OVER (ORDER BY l.seq) AS told_before
				FROM (
					SELECT l.seq, l.record FROM csec_trail.audit_log l
					WHERE l.relid = 0 AND l.subject = r.xid AND l.seq > c.seq AND l.kind = 4
						AND (to_seq IS NULL OR l.seq <= to_seq)
					ORDER BY l.seq LIMIT 2) l
				CROSS JOIN LATERAL csec.record_fields(l.record) f) o
		WHERE c.kind <> 4 AND r.outcome IN ('open', 'prepared') AND o.told_before = 'prepared'
		ORDER BY 1;
END
$$;
REVOKE ALL ON FUNCTION csec.records_to_export(regclass, text, text, timestamptz, timestamptz, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.records_to_export(regclass, text, text, timestamptz, timestamptz, bigint, bigint) IS
	'numbers of the records about a subject, of a person (login, role, person or actor), in a span of time or of numbers; null: any';

GRANT EXECUTE ON FUNCTION csec.begin_export(text, text, text), csec.end_export(text, bigint, bigint, text),
	csec.records_to_export(regclass, text, text, timestamptz, timestamptz, bigint, bigint)
	TO csec_auditor;
