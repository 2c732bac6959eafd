-- Questions to the trail: who saw a customer, what somebody did, what
-- happened to a row.  They search by index, and work for tables and roles that
-- are gone: names and numbers are in the records.  Without JIT: the planner
-- takes an index's few rows for many, and compiling would take longest.

CREATE FUNCTION csec.subject_key(VARIADIC parts text[]) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN cardinality(parts) = 1 THEN parts[1]
			ELSE (SELECT string_agg(replace(replace(p, E'\\', E'\\\\'), ',', E'\\,'), ',' ORDER BY n)
					FROM unnest(parts) WITH ORDINALITY u (p, n)) END
	$$;
REVOKE ALL ON FUNCTION csec.subject_key(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.subject_key(text[]) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.subject_key(text[]) IS
	'a subject of several columns as the trail names it: its parts, each as its type prints it, joined by commas';

CREATE FUNCTION csec.subject_parts(subject text) RETURNS text[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- up to each comma that no backslash quotes
		SELECT array_agg(regexp_replace(m[1], E'\\\\(.)', E'\\1', 'g') ORDER BY n)
		FROM regexp_matches(subject || ',', E'((?:[^\\\\,]|\\\\.)*),', 'g') WITH ORDINALITY u (m, n)
	$$;
REVOKE ALL ON FUNCTION csec.subject_parts(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.subject_parts(text) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.subject_parts(text) IS 'the parts that csec.subject_key() joined';

-- By what kinds of key the subjects of a table are named; null: not known (any more).
CREATE FUNCTION csec.subject_kinds(tab regclass) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT array_agg(csec.key_kind(a.atttypid) ORDER BY s.n)
		FROM csec.protected_table p CROSS JOIN LATERAL unnest(p.subject) WITH ORDINALITY s (name, n)
			JOIN pg_attribute a ON a.attrelid = p.relid AND a.attname = s.name
		WHERE p.relid IN (SELECT csec.above(tab))
		GROUP BY p.relid LIMIT 1
	$$;
REVOKE ALL ON FUNCTION csec.subject_kinds(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_kinds(regclass) IS 'internal: the kinds of the columns that name the subjects of a table';

-- Were one customer "042" here and "42" there, nobody would know him again.
CREATE FUNCTION csec.key_as_filed(kind text, part text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN kind = 'text' THEN part
			WHEN kind = 'uuid' AND part ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN lower(part)
			WHEN part !~ '^-?[0-9]{1,200}([.][0-9]{1,200})?$' THEN NULL
			WHEN kind = 'numeric' OR kind = 'integer' AND part !~ '[.]' AND part::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
				THEN trim_scale(part::numeric)::text END
	$$;
REVOKE ALL ON FUNCTION csec.key_as_filed(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_as_filed(text, text) IS 'internal: a column of a key as the trail writes it; null: no key of this kind';

CREATE FUNCTION csec.subject_as_filed(tab regclass, subject text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kinds text[] := csec.subject_kinds(tab);
	parts text[] := CASE WHEN cardinality(kinds) = 1 THEN ARRAY[subject] ELSE csec.subject_parts(subject) END;
BEGIN
	IF cardinality(parts) IS DISTINCT FROM cardinality(kinds) THEN
		RETURN subject;
	END IF;
	RETURN csec.subject_key(VARIADIC ARRAY(SELECT coalesce(csec.key_as_filed(u.kind, u.part), u.part)
		FROM unnest(kinds, parts) WITH ORDINALITY u (kind, part, n) ORDER BY u.n));
END
$$;
REVOKE ALL ON FUNCTION csec.subject_as_filed(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_as_filed(regclass, text) IS 'internal: a subject as the trail writes it, however it was written; as it is where it can be none of the table';

CREATE FUNCTION csec.subject_keys(subject text) RETURNS int8[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_subject_keys';
REVOKE ALL ON FUNCTION csec.subject_keys(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.subject_keys(text) TO csec_auditor;
COMMENT ON FUNCTION csec.subject_keys(text) IS
	'the keys by which the trail may have filed a subject: its number, if it is one, and that of its text';

-- The tables whose records tell of the subjects of a table: itself, what it
-- is a partition or child of, and those that refer to its subjects.
CREATE FUNCTION csec.subject_tables(tab regclass, referring bool) RETURNS oid[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH up AS MATERIALIZED (SELECT csec.above(tab))
		SELECT array_agg(DISTINCT t.relid) FROM (
			TABLE up
			UNION ALL SELECT unnest(p.filed_as) FROM csec.protected_table p
				WHERE p.relid IN (TABLE up) OR referring AND p.subject_of IN (TABLE up)) t (relid)
	$$;
REVOKE ALL ON FUNCTION csec.subject_tables(regclass, bool) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_tables(regclass, bool) IS
	'internal: the protected tables whose records tell of the subjects of a table';

-- The names that the trail may have for a subject: itself, and where the
-- customers have keys of their own the pseudonym.
CREATE FUNCTION csec.subject_names(tab regclass, subject text) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH up (relid) AS MATERIALIZED (SELECT csec.above(tab))
		SELECT ARRAY[f.subject] || (SELECT replace(csec.subject_pseudonym(s.relid, f.subject)::text, '-', '') FROM csec.subject_space s
			WHERE s.relid IN (SELECT relid FROM up
				UNION SELECT p.subject_of FROM csec.protected_table p JOIN up ON up.relid = p.relid)
				-- a number stands in the trail as it is
				AND csec.subject_kinds(s.relid) IS DISTINCT FROM '{integer}' LIMIT 1)
		FROM (SELECT csec.subject_as_filed(tab, subject_names.subject)) f (subject)
	$$;
REVOKE ALL ON FUNCTION csec.subject_names(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_names(regclass, text) IS
	'internal: a subject, and the pseudonym by which the trail names it where it is no number and its customers have keys of their own';

CREATE FUNCTION csec.keys_of_names(names text[]) RETURNS int8[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT array_agg(k) FROM unnest(names) n, unnest(csec.subject_keys(n)) k WHERE n IS NOT NULL $$;
REVOKE ALL ON FUNCTION csec.keys_of_names(text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.keys_of_names(text[]) IS 'internal: csec.subject_keys() of several names';

CREATE FUNCTION csec.record_has_any(record bytea, names text[]) RETURNS bool
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT csec.record_has_subject(record, names[1]) OR coalesce(csec.record_has_subject(record, names[2]), false) $$;
REVOKE ALL ON FUNCTION csec.record_has_any(bytea, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_has_any(bytea, text[]) TO csec_auditor;
COMMENT ON FUNCTION csec.record_has_any(bytea, text[]) IS 'internal: is a record about a subject, by either of its names?';

-- Each branch is one index: of one subject, of few, of many, of all.  Not by
-- SET search_path: the planner shall put the text in place of the call.
CREATE FUNCTION csec.records_about(relids oid[], keys int8[])
	RETURNS TABLE (seq int8, at timestamptz, kind int2, relid oid, record bytea)
	LANGUAGE sql STABLE
	AS $$
		SELECT l.seq, l.at, l.kind, l.relid, l.record FROM csec_trail.audit_log l
			WHERE l.relid = ANY (relids) AND l.subject = ANY (keys)
		UNION ALL
		SELECT l.seq, l.at, l.kind, l.relid, l.record
			FROM csec_trail.audit_subject s JOIN csec_trail.audit_log l ON l.seq = s.seq AND l.at = s.at
			WHERE s.relid = ANY (relids) AND s.subject = ANY (keys)
		UNION ALL
		SELECT l.seq, l.at, l.kind, l.relid, l.record FROM csec_trail.audit_log l
			WHERE l.relid = ANY (relids) AND l.subjects IS NOT NULL AND NOT pg_catalog.lower_inf(l.subjects)
				AND (l.subjects OPERATOR(pg_catalog.@>) keys[1] OR l.subjects OPERATOR(pg_catalog.@>) keys[2]
					OR l.subjects OPERATOR(pg_catalog.@>) keys[3])
		UNION ALL
		SELECT l.seq, l.at, l.kind, l.relid, l.record FROM csec_trail.audit_log l
			WHERE l.relid = ANY (relids) AND l.subjects IS NOT NULL AND pg_catalog.lower_inf(l.subjects)
	$$;
REVOKE ALL ON FUNCTION csec.records_about(oid[], int8[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.records_about(oid[], int8[]) TO csec_auditor;
COMMENT ON FUNCTION csec.records_about(oid[], int8[]) IS
	'internal: the records that may be about a subject, by its keys; the record itself decides (csec.record_has_subject)';

CREATE FUNCTION csec.check_question(tab regclass, subject text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.require_trail();
	IF tab IS NULL OR subject IS NULL THEN
		RAISE EXCEPTION 'a table and a subject must be named'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Of a table that is gone, give its number; of a key of several columns, csec.subject_key(...).';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_question(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_question(regclass, text) IS 'internal: refuses a question about nobody';

-- Within a time that ends before it begins nothing happened: who reads the answer
-- would take it for nobody.
CREATE FUNCTION csec.check_period(from_time timestamptz, to_time timestamptz) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF from_time > to_time THEN
		RAISE EXCEPTION 'the time ends before it begins' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give from_time => and a later to_time =>, or none of one of them.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_period(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_period(timestamptz, timestamptz) IS 'internal: refuses a time in which nothing can have happened';

CREATE FUNCTION csec.who_saw(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (seq int8, at timestamptz, login text, session_role text, reader text, effective_role text, person text, actor text,
		reason text, ticket text, application text, client text, relation text, statement text,
		revealed text[], masked text[], redacted text[], other text[], exactness text, status text, strict bool, permit int8,
		repeats int8, repeated_since timestamptz, repeated_until timestamptz, repeats_within interval)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	names text[];
	relids oid[];
	keys int8[];
BEGIN
	PERFORM csec.check_question(tab, subject);
	PERFORM csec.check_period(from_time, to_time);
	PERFORM csec.warn_of_cut(from_time);
	-- worked out here: within the query it would be for each month of the trail anew
	names := csec.subject_names(tab, subject);
	relids := csec.subject_tables(tab, true);
	keys := csec.keys_of_names(names);
	RETURN QUERY
		SELECT s.seq, s.at, s.login, s.session_role, s.reader, s.effective_role, s.person, s.actor,
			s.reason, s.ticket, s.application, s.client, s.relation, s.statement,
			s.revealed, s.masked, s.redacted, s.other, s.certainty, s.status, s.was_strict, s.permit,
			s.repeats, s.repeated_since, s.repeated_until, s.repeats_within
		FROM (
			-- of the records that tell one read the one that knows most
			SELECT DISTINCT ON (coalesce(r.read_key, int8send(l.seq))) r.*, c.certainty
			FROM csec.records_about(relids, keys) l
				CROSS JOIN LATERAL csec.record_fields(l.record) r
				-- rows that were delivered without their subjects may be anybody's
				CROSS JOIN LATERAL (SELECT CASE WHEN r.subjects IS NULL AND r.exactness <> 'intent' THEN 'all'
					ELSE r.exactness END) c (certainty)
			WHERE l.kind = 2
				-- sealing comes after reading; a day for clocks that were set
				AND (from_time IS NULL OR l.at >= from_time - interval '1 day')
				AND csec.record_has_any(l.record, names)
				AND (from_time IS NULL OR r.at >= from_time) AND (to_time IS NULL OR r.at < to_time)
			ORDER BY coalesce(r.read_key, int8send(l.seq)),
				array_position(ARRAY['delivered', 'scanned', 'all', 'intent'], c.certainty), r.seq) s
		ORDER BY s.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.who_saw(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.who_saw(regclass, text, timestamptz, timestamptz) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.who_saw(regclass, text, timestamptz, timestamptz) IS
	'every read of a table, and of those that refer to it, that includes or may include a subject, and how exact that is; from_time <= at < to_time';

-- The key is known as long as the table is protected.
CREATE FUNCTION csec.subject_before(tab oid, subject text, columns text[], old_values text[]) RETURNS text
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	key name[] := (SELECT p.subject FROM csec.protected_table p WHERE tab = ANY (p.filed_as) ORDER BY p.relid = tab DESC LIMIT 1);
	parts text[];
	at int;
	moved bool := false;
BEGIN
	parts := CASE WHEN cardinality(key) = 1 THEN ARRAY[subject] ELSE csec.subject_parts(subject) END;
	FOR i IN 1 .. coalesce(cardinality(key), 0) LOOP
		at := array_position(columns, key[i]::text);
		CONTINUE WHEN at IS NULL;
		parts[i] := old_values[at];
		moved := true;
	END LOOP;
	IF NOT moved OR array_position(parts, NULL) IS NOT NULL THEN
		RETURN NULL;
	END IF;
	RETURN csec.subject_as_filed(tab, csec.subject_key(VARIADIC parts));
END
$$;
REVOKE ALL ON FUNCTION csec.subject_before(oid, text, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_before(oid, text, text[], text[]) IS
	'internal: the subject that a row had before an update of its key; null where that did not change';

CREATE FUNCTION csec.history(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (seq int8, row_no int8, at timestamptz, login text, reader text, person text, actor text, reason text, ticket text,
		relation text, op text, column_name text, classified bool, old_value text, new_value text,
		old_digest bytea, new_digest bytea, old_length int8, new_length int8, outcome text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	keys CONSTANT int8[] := csec.subject_keys(subject);
	names text[];
	known_as text[];
	relids oid[];
	known_keys int8[];
BEGIN
	PERFORM csec.check_question(tab, subject);
	PERFORM csec.check_period(from_time, to_time);
	PERFORM csec.warn_of_cut(from_time);
	known_as := csec.subject_names(tab, subject);
	-- an integer however it was written, where the table is gone
	names := known_as || CASE WHEN cardinality(keys) = 2 THEN ARRAY[keys[1]::text] END;
	relids := csec.subject_tables(tab, false);
	known_keys := csec.keys_of_names(known_as);
	RETURN QUERY
		SELECT h.seq, h.row_no, h.at, h.login, h.reader, h.person, h.actor, h.reason, h.ticket, h.relation,
			CASE h.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' ELSE h.statement END,
			h.column_name, h.classified, h.old_value, h.new_value, h.old_digest, h.new_digest, h.old_length, h.new_length,
			CASE WHEN h.outcome IN ('open', 'prepared') THEN coalesce(csec.outcome_after(h.seq, h.xid), h.outcome) ELSE h.outcome END
		FROM (
			SELECT r.*, l.relid AS table_id, c.row_no, c.op, c.subject AS row_subject, c.column_name, c.classified,
				c.old_value, c.new_value, c.old_digest, c.new_digest, c.old_length, c.new_length,
				-- the key before, where an update moved the row to another subject
				CASE WHEN c.op = 'U' THEN csec.subject_before(l.relid, c.subject,
					array_agg(c.column_name) OVER row, array_agg(c.old_value) OVER row) END AS old_subject
			FROM csec.records_about(relids, known_keys) l
				CROSS JOIN LATERAL csec.record_fields(l.record) r
				LEFT JOIN LATERAL csec.record_changes(l.record) c ON true
			WHERE l.kind = 3
				AND (from_time IS NULL OR l.at >= from_time - interval '1 day')
				AND csec.record_has_any(l.record, known_as)
				AND (from_time IS NULL OR r.at >= from_time) AND (to_time IS NULL OR r.at < to_time)
			WINDOW row AS (PARTITION BY l.seq, c.row_no)) h
		-- no row: all of them (TRUNCATE)
		WHERE h.row_no IS NULL OR h.row_subject = ANY (names) OR h.old_subject = ANY (names)
		ORDER BY h.seq, h.row_no, h.column_name COLLATE "C";
END
$$;
REVOKE ALL ON FUNCTION csec.history(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.history(regclass, text, timestamptz, timestamptz) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.history(regclass, text, timestamptz, timestamptz) IS
	'the changes of a subject''s rows in a table, column by column, in order; classified values as masks, which csec.open_change() opens';

-- Old and new values in clear: src/capture/open_change.c says for whom.
CREATE FUNCTION csec.open_record_changes(record bytea)
	RETURNS TABLE (row_no int8, op text, subject text, column_name text, classified bool, old_value text, new_value text,
		old_digest bytea, new_digest bytea, old_length int8, new_length int8, revealed bool)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 10
	AS 'MODULE_PATHNAME', 'csec_open_record_changes';
REVOKE ALL ON FUNCTION csec.open_record_changes(bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.open_record_changes(bytea) IS
	'internal: csec.record_changes() with the values in clear that the reader may see; on record as a read';

CREATE FUNCTION csec.open_change(seq int8)
	RETURNS TABLE (row_no int8, op text, subject text, column_name text, classified bool, old_value text, new_value text, revealed bool)
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	found_record bytea;
BEGIN
	PERFORM csec.require_trail();
	SELECT l.record INTO found_record FROM csec_trail.audit_log l WHERE l.seq = open_change.seq AND l.kind = 3;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no audit record of a change with number %', seq
			USING ERRCODE = 'no_data_found', HINT = 'csec.history() gives the numbers of the changes of a customer''s rows.';
	END IF;
	RETURN QUERY
		SELECT c.row_no, CASE c.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' END,
			c.subject, c.column_name, c.classified, c.old_value, c.new_value, c.revealed
		FROM csec.open_record_changes(found_record) c;
END
$$;
REVOKE ALL ON FUNCTION csec.open_change(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.open_change(int8) TO csec_trail_reader;
COMMENT ON FUNCTION csec.open_change(int8) IS
	'the old and new values of a change in clear, for members of csec_trail_reader as far as their clearance goes, else masks; recorded as a read of its customers';

CREATE FUNCTION csec.subjects_of(seq int8) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	found_record bytea;
BEGIN
	PERFORM csec.require_trail();
	SELECT l.record INTO found_record FROM csec_trail.audit_log l WHERE l.seq = subjects_of.seq;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no audit record %', seq
			USING ERRCODE = 'no_data_found', HINT = 'Records are numbered from 1; the last ones may not be sealed yet: see csec.flush_audit().';
	END IF;
	IF (SELECT f.read_key IS NULL FROM csec.record_fields(found_record) f) THEN
		RETURN QUERY SELECT csec.record_subjects(found_record);
	ELSE
		RETURN QUERY SELECT DISTINCT s
			FROM csec.read_pieces(seq, found_record) p CROSS JOIN LATERAL csec.record_subjects(p.piece_record) s;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.subjects_of(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.subjects_of(int8) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.subjects_of(int8) IS
	'the subjects of a read or change, given the number of a record of it; one null where all of the table must be assumed';

-- Backends write in the order of their clocks, but for moments, and the
-- sealer keeps that order; only a clock that was set back breaks it, and that
-- has a record of its own.  So halving finds the place, in a few look-ups.
CREATE FUNCTION csec.seq_after(moment timestamptz) RETURNS int8
	LANGUAGE plpgsql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	low int8 := (SELECT min(l.seq) FROM csec_trail.audit_log l);
	high int8 := (SELECT max(l.seq) + 1 FROM csec_trail.audit_log l);
	middle int8;
	probe record;
BEGIN
	WHILE low < high LOOP
		middle := low + (high - low) / 2;
		SELECT l.seq, f.at INTO probe
			FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			WHERE l.seq >= middle AND l.seq < high AND l.kind IN (2, 3, 5, 6)
			ORDER BY l.seq LIMIT 1;
		IF NOT FOUND OR probe.at > moment + interval '1 minute' THEN
			high := middle;
		ELSE
			low := probe.seq + 1;
		END IF;
	END LOOP;
	IF EXISTS (SELECT FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			WHERE l.kind = 8 AND l.seq >= low AND f.action = 'clock set back') THEN
		RETURN NULL;
	END IF;
	RETURN low;
END
$$;
REVOKE ALL ON FUNCTION csec.seq_after(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.seq_after(timestamptz) IS
	'internal: a number above that of every record written up to a moment; null where the clock was set back since';

CREATE FUNCTION csec.record_names(record bytea, who text) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_names';
REVOKE ALL ON FUNCTION csec.record_names(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_names(bytea, text) TO csec_auditor;
COMMENT ON FUNCTION csec.record_names(bytea, text) IS
	'does an audit record name somebody as person, session role, reader, effective role or actor?';

CREATE FUNCTION csec.what_did(role text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (seq int8, at timestamptz, kind text, acted_as text[], login text, reader text, person text, actor text, reason text,
		ticket text, application text, client text, relation text, statement text, object text,
		revealed text[], masked text[], redacted text[], rows int8, subjects int8, exactness text, status text, outcome text, repeats int8)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	-- the planner has no idea of how many records a role has
	SET enable_seqscan = off
	AS $$
DECLARE
	-- sealing comes after acting; a day for clocks that were set
	sealed_from timestamptz := coalesce(from_time - interval '1 day', '-infinity');
	sealed_until timestamptz;
	below int8;
	-- up to there csec.acted_as has who is named
	named int8 := coalesce((SELECT c.seq FROM csec.alert_cursor c), 0);
BEGIN
	PERFORM csec.require_trail();
	IF role IS NULL THEN
		RAISE EXCEPTION 'a role, person or actor must be named'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the name as it stands in the trail.';
	END IF;
	PERFORM csec.check_period(from_time, to_time);
	PERFORM csec.warn_of_cut(from_time);
	below := coalesce(csec.seq_after(to_time), 9223372036854775807);
	sealed_until := coalesce((SELECT max(l.at) FROM csec_trail.audit_log l WHERE l.seq = below - 1), 'infinity');
	RETURN QUERY
		SELECT r.seq, r.at, r.kind,
			array_remove(ARRAY[CASE WHEN r.login = role THEN 'login' END, CASE WHEN r.session_role = role THEN 'session_role' END,
				CASE WHEN r.reader = role THEN 'reader' END, CASE WHEN r.effective_role = role THEN 'effective_role' END,
				CASE WHEN r.person = role THEN 'person' END, CASE WHEN r.actor = role THEN 'actor' END], NULL),
			r.login, r.reader, r.person, r.actor, r.reason, r.ticket, r.application, r.client,
			r.relation, coalesce(r.statement, r.action), r.object, r.revealed, r.masked, r.redacted,
			CASE WHEN w.pieces IS NULL THEN r.rows ELSE w.rows END,
			CASE WHEN w.pieces IS NULL THEN r.subjects ELSE w.subjects END,
			CASE WHEN w.pieces IS NULL THEN r.exactness ELSE w.exactness END,
			CASE WHEN w.pieces IS NULL THEN r.status ELSE w.status END,
			CASE WHEN r.outcome IN ('open', 'prepared') THEN coalesce(csec.outcome_after(r.seq, r.xid), r.outcome) ELSE r.outcome END, r.repeats
		FROM (
			-- as login, by index; named otherwise, by what the alerter has noted, and one by one where it has not been yet
			SELECT l.seq, l.record FROM csec_trail.audit_log l
			WHERE l.login = role AND l.at >= sealed_from AND l.at <= sealed_until AND l.seq < below AND l.kind IN (2, 3, 5, 6)
			UNION ALL
			SELECT l.seq, l.record FROM csec.acted_as a
				CROSS JOIN LATERAL unnest(a.seqs) s CROSS JOIN LATERAL generate_series(lower(s), upper(s) - 1) n
				JOIN csec_trail.audit_log l ON l.seq = n AND l.at >= a.from_at AND l.at <= a.to_at
			WHERE a.who = role AND a.to_at >= sealed_from AND a.from_at <= sealed_until AND n < below
				AND l.login IS DISTINCT FROM role AND csec.record_names(l.record, role)
			UNION ALL
			SELECT l.seq, l.record FROM csec_trail.audit_log l
			WHERE l.seq > named AND l.seq < below AND l.at >= sealed_from AND l.kind IN (2, 3, 5, 6)
				AND l.login IS DISTINCT FROM role AND csec.record_names(l.record, role)
			-- first find, then take apart
			OFFSET 0) l
			CROSS JOIN LATERAL csec.record_fields(l.record) r
			LEFT JOIN LATERAL (SELECT p.* FROM csec.whole_read(l.seq, l.record) p WHERE r.read_key IS NOT NULL OFFSET 0) w ON true
		WHERE (r.read_key IS NULL OR w.pieces IS NOT NULL)
			AND (from_time IS NULL OR r.at >= from_time) AND (to_time IS NULL OR r.at < to_time)
		ORDER BY l.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.what_did(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.what_did(text, timestamptz, timestamptz) TO csec_auditor;
COMMENT ON FUNCTION csec.what_did(text, timestamptz, timestamptz) IS
	'everything that somebody read, changed, set or was denied, as login, person who logged in by a token, reader or claimed actor; from_time <= at < to_time; subjects by csec.subjects_of(seq)';
