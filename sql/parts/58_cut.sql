-- Cuts: months of the trail that left by an approved order, and what is known
-- of them since.  The workflow is in 89_retention.sql.

CREATE FUNCTION csec.measure_cut(
		order_no bigint, last_seq bigint, bound timestamptz, subject_rows bigint, restarted timestamptz,
		requested_by text, approved_by text, reason text, OUT anchor bytea, OUT mac bytea)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_measure_cut';
REVOKE ALL ON FUNCTION csec.measure_cut(bigint, bigint, timestamptz, bigint, timestamptz, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.measure_cut(bigint, bigint, timestamptz, bigint, timestamptz, text, text, text) IS
	'internal: the anchor from which the trail verifies when all records up to one have left, made while they are there';

CREATE FUNCTION csec.read_cut(
		anchor bytea,
		OUT order_no bigint, OUT first_seq bigint, OUT last_seq bigint, OUT first_at timestamptz, OUT last_at timestamptz,
		OUT bound timestamptz, OUT subject_rows bigint, OUT epoch bigint, OUT requested_by text, OUT approved_by text, OUT reason text,
		OUT last_hash bytea, OUT root bytea, OUT before bytea, OUT sessions bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_read_cut';
REVOKE ALL ON FUNCTION csec.read_cut(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.read_cut(bytea) TO csec_auditor, csec_officer, csec_admin;
COMMENT ON FUNCTION csec.read_cut(bytea) IS 'what the anchor of a cut says; all null where it is none';

-- By the index of rare kinds.
CREATE FUNCTION csec.trail_cuts()
	RETURNS TABLE (seq int8, at timestamptz, order_no int8, from_seq int8, to_seq int8, from_time timestamptz, to_time timestamptz,
		bound timestamptz, records int8, subject_rows int8, checkpoint int8, requested_by text, approved_by text, reason text,
		last_hash bytea, root bytea, anchor bytea)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF to_regclass('csec_trail.audit_log') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT l.seq, l.at, c.order_no, c.first_seq, c.last_seq, c.first_at, c.last_at, c.bound, c.last_seq - c.first_seq + 1,
			c.subject_rows, c.epoch, c.requested_by, c.approved_by, c.reason, c.last_hash, c.root, f.payload
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f CROSS JOIN LATERAL csec.read_cut(f.payload) c
		WHERE l.kind = 11 AND c.last_seq IS NOT NULL
		ORDER BY l.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.trail_cuts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.trail_cuts() TO csec_auditor, csec_officer, csec_admin;
COMMENT ON FUNCTION csec.trail_cuts() IS 'what view csec.trail_cuts shows';

CREATE VIEW csec.trail_cuts AS SELECT * FROM csec.trail_cuts();
REVOKE ALL ON csec.trail_cuts FROM PUBLIC;
GRANT SELECT ON csec.trail_cuts TO csec_auditor, csec_officer, csec_admin;
COMMENT ON VIEW csec.trail_cuts IS 'records that left the trail by an approved order; the last cut is the one from which the rest verifies';
COMMENT ON COLUMN csec.trail_cuts.seq IS 'number of the record that tells it';
COMMENT ON COLUMN csec.trail_cuts.order_no IS 'the order: csec.trail_cut_orders';
COMMENT ON COLUMN csec.trail_cuts.from_seq IS 'first record that left';
COMMENT ON COLUMN csec.trail_cuts.to_seq IS 'last record that left';
COMMENT ON COLUMN csec.trail_cuts.from_time IS 'when the first of them was sealed';
COMMENT ON COLUMN csec.trail_cuts.to_time IS 'when the last of them was';
COMMENT ON COLUMN csec.trail_cuts.bound IS 'the months before this left';
COMMENT ON COLUMN csec.trail_cuts.subject_rows IS 'rows of csec_trail.audit_subject that left with them';
COMMENT ON COLUMN csec.trail_cuts.checkpoint IS 'epoch of the first checkpoint over all of them';
COMMENT ON COLUMN csec.trail_cuts.last_hash IS 'hash of the last record that left';
COMMENT ON COLUMN csec.trail_cuts.root IS 'root of the tree over all records that have left, with this cut and before';
COMMENT ON COLUMN csec.trail_cuts.anchor IS 'the anchor, as docs/record-format.md has it';

CREATE FUNCTION csec.trail_begin(OUT first_seq bigint, OUT complete_since timestamptz, OUT cut bigint, OUT hash_before bytea)
	LANGUAGE c STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_trail_begin';
REVOKE ALL ON FUNCTION csec.trail_begin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.trail_begin() TO csec_auditor, csec_officer, csec_admin;
COMMENT ON FUNCTION csec.trail_begin() IS
	'where the trail begins: its first record, and where records have left by an approved cut since when it is complete, by which order, and the hash of the record before';

-- A question about a time that has left in part: the answer is not whole.
CREATE FUNCTION csec.warn_of_cut(from_time timestamptz) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	b record := csec.trail_begin();
BEGIN
	IF b.complete_since IS NOT NULL AND coalesce(from_time < b.complete_since, true) THEN
		RAISE WARNING 'the trail begins with record %, of % and later: what was before has left by order %', b.first_seq,
				to_char(b.complete_since AT TIME ZONE 'UTC', 'YYYY-MM-DD'), b.cut
			USING HINT = 'See csec.trail_cuts. Evidence that was exported before has the rest.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.warn_of_cut(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.warn_of_cut(timestamptz) IS 'internal: says that the trail has no records of so early a time any more';

-- The months of the trail, by the bounds of its partitions.
CREATE FUNCTION csec.trail_months()
	RETURNS TABLE (month timestamptz, bound timestamptz, log regclass, subjects regclass)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH leaf AS (
			SELECT i.inhparent, c.oid::regclass AS leaf,
				regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$FROM \('([^']+)'\) TO \('([^']+)'\)$r$) AS bounds
			FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent IN (to_regclass('csec_trail.audit_log'), to_regclass('csec_trail.audit_subject')))
		SELECT (l.bounds)[1]::timestamptz, (l.bounds)[2]::timestamptz, l.leaf, s.leaf
		FROM leaf l LEFT JOIN leaf s ON s.inhparent = to_regclass('csec_trail.audit_subject') AND s.bounds = l.bounds
		WHERE l.inhparent = to_regclass('csec_trail.audit_log')
		ORDER BY 1
	$$;
REVOKE ALL ON FUNCTION csec.trail_months() FROM PUBLIC;
COMMENT ON FUNCTION csec.trail_months() IS 'internal: the months of the trail and their partitions';

CREATE FUNCTION csec.month_span(log regclass, OUT first_seq bigint, OUT last_seq bigint)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('SELECT min(seq), max(seq) FROM %s', log) INTO first_seq, last_seq;
END
$$;
REVOKE ALL ON FUNCTION csec.month_span(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.month_span(regclass) IS 'internal: the first and the last number in a partition of the trail';

-- The sealer's: in the transaction that seals the record of the cut.
CREATE FUNCTION csec.drop_trail_months(bound timestamptz, last_seq bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	m record;
BEGIN
	-- who is about to hold evidence has done so before, and nothing leaves, or does so after, and is told
	LOCK TABLE csec.evidence_hold, csec.incident, csec.retention_rule, csec.trail_cut_order IN SHARE MODE;
	IF NOT EXISTS (SELECT FROM csec.cut_to_carry_out() o CROSS JOIN LATERAL csec.read_cut(o.anchor) c
			WHERE o.mac IS NOT NULL AND c.bound = drop_trail_months.bound AND c.last_seq = drop_trail_months.last_seq) THEN
		RAISE EXCEPTION 'the order is not in force any more' USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	LOCK TABLE csec_trail.audit_log, csec_trail.audit_subject IN ACCESS EXCLUSIVE MODE;
	IF (SELECT max((csec.month_span(t.log)).last_seq) FROM csec.trail_months() t WHERE t.bound <= drop_trail_months.bound) IS DISTINCT FROM last_seq THEN
		RAISE EXCEPTION 'the months of the trail do not end with record %', last_seq USING ERRCODE = 'data_corrupted';
	END IF;
	FOR m IN SELECT t.log, t.subjects FROM csec.trail_months() t WHERE t.bound <= drop_trail_months.bound LOOP
		PERFORM csec.own_ddl(true);
		EXECUTE format('DROP TABLE %s', m.log);
		IF m.subjects IS NOT NULL THEN
			EXECUTE format('DROP TABLE %s', m.subjects);
		END IF;
		PERFORM csec.own_ddl(false);
	END LOOP;
	IF (SELECT min(l.seq) FROM csec_trail.audit_log l) IS DISTINCT FROM last_seq + 1 THEN
		RAISE EXCEPTION 'the records behind the cut do not begin with %', last_seq + 1 USING ERRCODE = 'data_corrupted';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.drop_trail_months(timestamptz, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.drop_trail_months(timestamptz, bigint) IS
	'internal: drop the partitions of the trail before a month, which end with this record; the sealer calls it';
