-- Verification: is the trail what was sealed?

CREATE FUNCTION csec.check_trail(
		from_seq bigint, to_seq bigint,
		OUT verified boolean, OUT records bigint, OUT first_seq bigint, OUT last_seq bigint,
		OUT head_hash bytea, OUT bad_seq bigint, OUT problem text, OUT detail text)
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_check_trail';
REVOKE ALL ON FUNCTION csec.check_trail(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_trail(bigint, bigint) IS
	'internal: csec.verify_trail() without a record of itself';

CREATE FUNCTION csec.verify_trail(
		from_seq bigint DEFAULT 1, to_seq bigint DEFAULT NULL,
		OUT verified boolean, OUT records bigint, OUT first_seq bigint, OUT last_seq bigint,
		OUT head_hash bytea, OUT bad_seq bigint, OUT problem text, OUT detail text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	SELECT * INTO verified, records, first_seq, last_seq, head_hash, bad_seq, problem, detail
	FROM csec.check_trail(from_seq, to_seq);
	-- a standby can verify, but has nowhere to write that it did
	IF NOT pg_is_in_recovery() THEN
		PERFORM csec.control('verify', 'trail', jsonb_build_object(
			'from', from_seq, 'to', to_seq, 'verified', verified, 'last', last_seq, 'bad', bad_seq, 'problem', problem));
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.verify_trail(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.verify_trail(bigint, bigint) IS
	'recompute the trail from one record to another (to the head where that is null): names the first bad record and what is wrong with it';

-- The same chain in plain SQL, for who would rather not trust csec's C.  It
-- begins behind the last cut: number and hash of the last record that left
-- stand in the anchor (docs/record-format.md), and this in a record of the chain.
CREATE FUNCTION csec.verify_trail_sql(
		from_seq bigint DEFAULT 1, to_seq bigint DEFAULT NULL,
		OUT verified boolean, OUT records bigint, OUT bad_seq bigint)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	hashing regprocedure := (
		SELECT format('%I.digest(bytea, text)', n.nspname)::regprocedure
		FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgcrypto');
	anchor bytea;
	before bigint;
	hash_before bytea;
	last bigint;
	head bigint;
BEGIN
	-- of months that left since the transaction began the table is gone and the anchor not to be seen
	IF NOT csec.sees_now() THEN
		RAISE EXCEPTION 'csec.verify_trail_sql() cannot run in an older snapshot'
			USING ERRCODE = 'invalid_transaction_state',
				HINT = 'Call it in a READ COMMITTED transaction; csec.verify_trail() runs in any.';
	END IF;
	-- first, so that nothing leaves that the queries below see, or that is seen to have left
	LOCK TABLE csec_trail.audit_log IN ACCESS SHARE MODE;
	anchor := (SELECT substr(l.record, position('CSA1'::bytea IN l.record)) FROM csec_trail.audit_log l
		WHERE l.kind = 11 ORDER BY l.seq DESC LIMIT 1);
	before := coalesce(('x' || encode(substr(anchor, 21, 8), 'hex'))::bit(64)::bigint, 0);
	hash_before := coalesce(substr(anchor, 77, 32), decode(repeat('00', 32), 'hex'));
	EXECUTE format($query$
		SELECT coalesce(bool_and(ok) FILTER (WHERE NOT anchor), true),
			count(*) FILTER (WHERE NOT anchor), min(greatest(least(seq, due), least(seq, $1))) FILTER (WHERE NOT ok AND NOT anchor),
			coalesce(max(seq), greatest($1 - 1, $3)), (SELECT max(s.seq) FROM csec_trail.sealer_state s)
		FROM (
			SELECT seq, due, seq < $1 AND seq > $3 AS anchor,
				coalesce(seq = due AND hash = %s(hash_before || record, 'sha256') AND int8send(seq) = substr(record, 5, 8), false) AS ok
			FROM (
				SELECT seq, hash, CASE WHEN record < E'\\x80' THEN record ELSE csec.whole_record(record, missing_ok => true) END AS record, coalesce(lag(hash) OVER (ORDER BY seq), $4) AS hash_before,
					coalesce(lag(seq) OVER (ORDER BY seq), $3) + 1 AS due
				FROM csec_trail.audit_log
				WHERE (seq >= $1 - 1 OR $1 <= $3 + 1) AND ($2 IS NULL OR seq <= $2)) links) log
		$query$, split_part(hashing::text, '(', 1))
	INTO verified, records, bad_seq, last, head USING from_seq, to_seq, before, hash_before;
	-- the end is missing: what is left would fit
	IF verified AND to_seq IS NULL AND (head IS NULL OR last < head) THEN
		verified := false;
		bad_seq := last + 1;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.verify_trail_sql(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.verify_trail_sql(bigint, bigint) IS
	'the hash chain alone, up to the record that the sealer says is the last, recomputed by SQL and pgcrypto, in a READ COMMITTED transaction; csec.verify_trail() looks at more and is faster';

GRANT EXECUTE ON FUNCTION csec.verify_trail(bigint, bigint), csec.verify_trail_sql(bigint, bigint)
	TO csec_auditor;
GRANT SELECT ON csec.trail_status TO csec_auditor, csec_admin;
GRANT EXECUTE ON FUNCTION csec.stream_status() TO csec_auditor, csec_admin;
