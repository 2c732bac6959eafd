-- What auditors look at: the records of the trail as views.
--
-- The trail's tables are made when something is protected for the first time
-- and outlive the extension, so nothing here may depend on them: every look
-- goes through functions that name them in their text.  csec.trail() is the
-- one that matters.  The planner puts its text in its place, so conditions on
-- seq, sealed_at and the like become conditions on the trail's indexes, and
-- the privileges that count are the caller's on csec_trail.

CREATE FUNCTION csec.whole_record(record bytea, missing_ok boolean DEFAULT false) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_sql_whole_record';
REVOKE ALL ON FUNCTION csec.whole_record(bytea, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.whole_record(bytea, boolean) TO csec_auditor;
COMMENT ON FUNCTION csec.whole_record(bytea, boolean) IS
	'the record from what csec_trail.audit_log has of it, which may leave out what an earlier record has: what is hashed, proved and exported; where that record is missing or altered an error, and with missing_ok null, as of what is no record at all';

CREATE FUNCTION csec.trail()
	RETURNS TABLE (seq int8, at timestamptz, subject int8, relid oid, kind int2, login text, subjects int8multirange, record bytea)
	LANGUAGE sql STABLE
	AS $$ SELECT l.seq, l.at, l.subject, l.relid, l.kind, l.login, l.subjects, csec.whole_record(l.record) FROM csec_trail.audit_log l $$;
REVOKE ALL ON FUNCTION csec.trail() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.trail() TO csec_auditor;
COMMENT ON FUNCTION csec.trail() IS
	'the records of the trail, whole, by the caller''s privileges; fast by seq, at, login and by relid with subject';

CREATE FUNCTION csec.record_fields(record bytea,
		OUT seq int8, OUT sealed_at timestamptz, OUT lsn pg_lsn, OUT timeline int8, OUT kind text, OUT outcome text,
		OUT at timestamptz, OUT session bytea, OUT session_started timestamptz, OUT session_pid int8, OUT number int8,
		OUT person text, OUT login text, OUT session_role text, OUT reader text, OUT effective_role text, OUT application text,
		OUT client text, OUT actor text, OUT reason text, OUT ticket text,
		OUT xid int8, OUT relid oid, OUT relation text, OUT statement text, OUT statement_no int8,
		OUT status text, OUT exactness text, OUT rows int8,
		OUT revealed text[], OUT masked text[], OUT redacted text[], OUT other text[], OUT probed text[], OUT subjects int8,
		OUT object text, OUT action text, OUT detail text, OUT from_lsn pg_lsn, OUT to_lsn pg_lsn, OUT told text,
		OUT payload bytea, OUT was_strict bool, OUT partial bool, OUT parallel bool, OUT read_key bytea, OUT permit int8,
		OUT repeats int8, OUT repeated_since timestamptz, OUT repeated_until timestamptz, OUT repeats_within interval)
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_fields';
REVOKE ALL ON FUNCTION csec.record_fields(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_fields(bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.record_fields(bytea) IS
	'everything an audit record says but its subjects and changed rows; malformed bytes are an error that names the record';

CREATE FUNCTION csec.record_changes(record bytea)
	RETURNS TABLE (row_no int8, op text, subject text, column_name text, classified bool,
		old_value text, new_value text, old_digest bytea, new_digest bytea, old_length int8, new_length int8)
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 10
	AS 'MODULE_PATHNAME', 'csec_record_changes';
REVOKE ALL ON FUNCTION csec.record_changes(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_changes(bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.record_changes(bytea) IS
	'the changed columns of the changed rows of an audit record; of a classified value the mask; of one over 64 kB SHA-256 and length, of a classified one of which no envelope is kept a keyed digest';

CREATE FUNCTION csec.record_subjects(record bytea) RETURNS SETOF text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_subjects';
REVOKE ALL ON FUNCTION csec.record_subjects(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_subjects(bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.record_subjects(bytea) IS
	'the subjects of an audit record; one null where it is about all of the table';

CREATE FUNCTION csec.record_has_subject(record bytea, subject text) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_has_subject';
REVOKE ALL ON FUNCTION csec.record_has_subject(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_has_subject(bytea, text) TO csec_auditor;
COMMENT ON FUNCTION csec.record_has_subject(bytea, text) IS
	'is an audit record about this subject, or about all of the table?';

CREATE FUNCTION csec.record_subject_keys(record bytea) RETURNS int8multirange
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_subject_keys';
REVOKE ALL ON FUNCTION csec.record_subject_keys(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_subject_keys(bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.record_subject_keys(bytea) IS
	'the keys by which an audit record''s subjects are found; without bounds: all of the table';

-- A detail that is not JSON, or not for jsonb, must not hide its record.
CREATE FUNCTION csec.detail(detail text) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN detail::jsonb;
EXCEPTION WHEN data_exception THEN
	RETURN to_jsonb(detail);
END
$$;
REVOKE ALL ON FUNCTION csec.detail(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.detail(text) TO csec_auditor;
COMMENT ON FUNCTION csec.detail(text) IS 'internal: the detail of a record as jsonb; what is none as a string';

-- A read of many rows, of long duration, by parallel workers, or recorded
-- before its rows left is told in several records.  All of them are in one
-- index, by session; a statement's stand together there.  So a look to both
-- sides, until another statement begins, finds them.
CREATE FUNCTION csec.read_pieces(seq int8, record bytea)
	RETURNS TABLE (piece int8, piece_record bytea, exactness text, status text, rows int8, subjects int8, was_strict bool, partial bool, parallel bool)
	LANGUAGE plpgsql STABLE STRICT ROWS 2
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	mine record;
	f record;
	p record;
	-- within that time all of one statement is sealed: a few partitions only
	margin CONSTANT interval := interval '31 days';
BEGIN
	SELECT * INTO mine FROM csec.record_fields(read_pieces.record);
	FOR p IN
		SELECT l.seq, l.record FROM csec_trail.audit_log l
		WHERE l.kind = 2 AND CASE WHEN get_byte(l.record, 0) < 128 THEN get_byte(l.record, 39) & 58 <> 0 END
			AND (CASE WHEN get_byte(l.record, 0) < 128 THEN CASE WHEN get_byte(l.record, 39) & 8 <> 0 THEN substr(l.record, length(l.record) - 11) ELSE substr(l.record, 41, 12) END END) = mine.session
			AND l.seq < read_pieces.seq AND l.at >= mine.sealed_at - margin
		ORDER BY l.seq DESC
	LOOP
		SELECT * INTO f FROM csec.record_fields(p.record);
		EXIT WHEN f.statement_no <> mine.statement_no;
		CONTINUE WHEN f.read_key <> mine.read_key;
		RETURN QUERY SELECT p.seq, p.record, f.exactness, f.status, f.rows, f.subjects, f.was_strict, f.partial, f.parallel;
	END LOOP;
	FOR p IN
		SELECT l.seq, l.record FROM csec_trail.audit_log l
		WHERE l.kind = 2 AND CASE WHEN get_byte(l.record, 0) < 128 THEN get_byte(l.record, 39) & 58 <> 0 END
			AND (CASE WHEN get_byte(l.record, 0) < 128 THEN CASE WHEN get_byte(l.record, 39) & 8 <> 0 THEN substr(l.record, length(l.record) - 11) ELSE substr(l.record, 41, 12) END END) = mine.session
			AND l.seq >= read_pieces.seq AND l.at <= mine.sealed_at + margin
		ORDER BY l.seq
	LOOP
		SELECT * INTO f FROM csec.record_fields(p.record);
		EXIT WHEN f.statement_no <> mine.statement_no;
		CONTINUE WHEN f.read_key <> mine.read_key;
		RETURN QUERY SELECT p.seq, p.record, f.exactness, f.status, f.rows, f.subjects, f.was_strict, f.partial, f.parallel;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.read_pieces(int8, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.read_pieces(int8, bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.read_pieces(int8, bytea) IS
	'internal: the records that tell one read together with the given one';

-- The first record by the leader, or where it has none by a worker, stands
-- for the read.  What was read is what the others say; an intent counts
-- where nothing else came.
CREATE FUNCTION csec.whole_read(seq int8, record bytea,
		OUT pieces int8, OUT rows int8, OUT subjects int8, OUT exactness text, OUT status text, OUT was_strict bool, OUT complete bool)
	LANGUAGE plpgsql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	w record;
BEGIN
	SELECT (array_agg(p.piece ORDER BY p.parallel, p.piece))[1] AS first, count(*) AS pieces, sum(p.rows) AS rows,
			CASE WHEN bool_and(p.exactness = 'intent') THEN 'intent'
				ELSE (array_agg(p.exactness ORDER BY array_position(ARRAY['all', 'scanned', 'delivered', 'intent'], p.exactness)))[1]
				END AS exactness,
			CASE WHEN bool_or(p.status <> 'ok') THEN 'error' ELSE 'ok' END AS status, bool_or(p.was_strict) AS was_strict,
			coalesce(bool_or(NOT p.partial) FILTER (WHERE NOT p.parallel), bool_or(NOT p.partial)) AS complete,
			bool_or(p.subjects IS NULL) AS everything
		INTO w
		FROM csec.read_pieces(whole_read.seq, whole_read.record) p;
	IF w.first <> whole_read.seq THEN
		RETURN;
	END IF;
	pieces := w.pieces;
	rows := w.rows;
	exactness := w.exactness;
	status := w.status;
	was_strict := w.was_strict;
	complete := w.complete;
	IF NOT w.everything THEN
		SELECT coalesce(sum(upper(r) - lower(r)), 0) INTO subjects
			FROM (SELECT range_agg(csec.record_subject_keys(p.piece_record)) AS keys
					FROM csec.read_pieces(whole_read.seq, whole_read.record) p) s, unnest(s.keys) r;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.whole_read(int8, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.whole_read(int8, bytea) TO csec_auditor;
COMMENT ON FUNCTION csec.whole_read(int8, bytea) IS
	'internal: a read that is told in several records, given the first of them; nulls given another';

CREATE VIEW csec.access_pieces AS
	SELECT l.seq, r.at, l.at AS sealed_at, r.login, r.session_role, r.reader, r.effective_role, r.person, r.actor, r.reason, r.ticket,
		r.application, r.client, r.session_started, r.session_pid, r.number, r.statement_no,
		r.relation, l.relid, r.statement, r.revealed, r.masked, r.redacted, r.other, r.probed,
		r.rows, r.subjects, r.exactness, r.status, r.was_strict AS strict, r.partial, r.parallel, r.permit,
		r.repeats, r.repeated_since, r.repeated_until, r.repeats_within
	FROM csec.trail() l CROSS JOIN LATERAL csec.record_fields(l.record) r
	WHERE l.kind = 2;
REVOKE ALL ON csec.access_pieces FROM PUBLIC;
GRANT SELECT ON csec.access_pieces TO csec_auditor;
COMMENT ON VIEW csec.access_pieces IS
	'the records of reads one by one, as they were sealed; csec.access_records shows each read as one row';

CREATE VIEW csec.access_records AS
	SELECT l.seq, r.at, l.at AS sealed_at, r.login, r.session_role, r.reader, r.effective_role, r.person, r.actor, r.reason, r.ticket,
		r.application, r.client, r.relation, l.relid, r.statement, r.revealed, r.masked, r.redacted, r.other, r.probed,
		CASE WHEN w.pieces IS NULL THEN r.rows ELSE w.rows END AS rows,
		CASE WHEN w.pieces IS NULL THEN r.subjects ELSE w.subjects END AS subjects,
		CASE WHEN w.pieces IS NULL THEN r.exactness ELSE w.exactness END AS exactness,
		CASE WHEN w.pieces IS NULL THEN r.status ELSE w.status END AS status,
		CASE WHEN w.pieces IS NULL THEN r.was_strict ELSE w.was_strict END AS strict,
		coalesce(w.complete, true) AS complete,
		coalesce(w.pieces, 1) AS pieces, r.permit,
		r.repeats, r.repeated_since, r.repeated_until, r.repeats_within
	FROM csec.trail() l
		CROSS JOIN LATERAL csec.record_fields(l.record) r
		-- OFFSET 0 keeps the condition inside: nothing is called for what is whole
		LEFT JOIN LATERAL (SELECT p.* FROM csec.whole_read(l.seq, l.record) p WHERE r.read_key IS NOT NULL OFFSET 0) w ON true
	WHERE l.kind = 2 AND (r.read_key IS NULL OR w.pieces IS NOT NULL);
REVOKE ALL ON csec.access_records FROM PUBLIC;
GRANT SELECT ON csec.access_records TO csec_auditor;
COMMENT ON VIEW csec.access_records IS
	'who read what, when, why and from where: one row for each read of a protected table; fast when bounded by seq, sealed_at or relid';
COMMENT ON COLUMN csec.access_records.seq IS 'number of the record, of several the first; see csec.subjects_of(seq)';
COMMENT ON COLUMN csec.access_records.at IS 'when, by the clock of the session that read';
COMMENT ON COLUMN csec.access_records.sealed_at IS 'when it entered the trail; indexed';
COMMENT ON COLUMN csec.access_records.login IS 'the authenticated role';
COMMENT ON COLUMN csec.access_records.session_role IS 'what SET SESSION AUTHORIZATION made of it';
COMMENT ON COLUMN csec.access_records.reader IS 'the role whose clearance decided: what SET ROLE chose';
COMMENT ON COLUMN csec.access_records.effective_role IS 'in whose name it ran: differs inside SECURITY DEFINER functions';
COMMENT ON COLUMN csec.access_records.person IS 'of a login that several share, who it was, authenticated by a token: csec.login(token)';
COMMENT ON COLUMN csec.access_records.actor IS 'the end user, as the application claims';
COMMENT ON COLUMN csec.access_records.reason IS 'why, as stated';
COMMENT ON COLUMN csec.access_records.ticket IS 'the ticket, as stated';
COMMENT ON COLUMN csec.access_records.application IS 'application_name, as the client claims';
COMMENT ON COLUMN csec.access_records.client IS 'address and port, or [local]';
COMMENT ON COLUMN csec.access_records.relation IS 'the protected table, by the name it had';
COMMENT ON COLUMN csec.access_records.relid IS 'its number, also when it is gone';
COMMENT ON COLUMN csec.access_records.statement IS 'the command';
COMMENT ON COLUMN csec.access_records.revealed IS 'classified columns that were in clear for this reader';
COMMENT ON COLUMN csec.access_records.masked IS 'classified columns of which he saw masks';
COMMENT ON COLUMN csec.access_records.redacted IS 'classified columns of which he saw nothing';
COMMENT ON COLUMN csec.access_records.other IS 'columns that are not classified';
COMMENT ON COLUMN csec.access_records.probed IS 'classified columns that were compared with values he gave';
COMMENT ON COLUMN csec.access_records.rows IS 'rows that the scan gave';
COMMENT ON COLUMN csec.access_records.subjects IS 'how many customers; null: all of the table must be assumed';
COMMENT ON COLUMN csec.access_records.exactness IS
	'delivered; scanned (passed the scan, perhaps not shown); all (every row must be assumed); intent (recorded before the rows left, the end is unknown: possibly seen)';
COMMENT ON COLUMN csec.access_records.status IS 'error: the statement failed, after the rows told here';
COMMENT ON COLUMN csec.access_records.strict IS 'recorded durably before the first row left';
COMMENT ON COLUMN csec.access_records.complete IS 'false: the last record of it is missing (yet); more may have been read';
COMMENT ON COLUMN csec.access_records.pieces IS 'number of records that tell it; see csec.access_pieces';
COMMENT ON COLUMN csec.access_records.permit IS 'the permit that showed these rows: see csec.access_requests; null: a clearance, or nothing, decided';
COMMENT ON COLUMN csec.access_records.repeats IS
	'the record stands for this many reads, each as it says, between repeated_since and repeated_until: see csec.set_coalescing(); null: for one, at the time it says';
COMMENT ON COLUMN csec.access_records.repeated_since IS 'when the first of them was';
COMMENT ON COLUMN csec.access_records.repeated_until IS 'when the last of them was';
COMMENT ON COLUMN csec.access_records.repeats_within IS
	'reads of the same session just like this one within this time after it are told as a number, in a record that has repeats';

-- How a transaction ended that was open when its record was sealed.  The first
-- that is told is of it, numbers of transactions come again; only behind
-- "prepared" there is one more.
CREATE FUNCTION csec.outcome_after(seq int8, xid int8) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN told[1] = 'prepared' THEN coalesce(told[2], told[1]) ELSE told[1] END
		FROM (
			SELECT array_agg(f.told ORDER BY l.seq) AS told
			FROM (
				SELECT l.seq, l.record FROM csec_trail.audit_log l
				WHERE l.relid = 0 AND l.subject = outcome_after.xid AND l.kind = 4 AND l.seq > outcome_after.seq
				ORDER BY l.seq LIMIT 2) l
			CROSS JOIN LATERAL csec.record_fields(l.record) f) o
	$$;
REVOKE ALL ON FUNCTION csec.outcome_after(int8, int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.outcome_after(int8, int8) TO csec_auditor;
COMMENT ON FUNCTION csec.outcome_after(int8, int8) IS
	'internal: the outcome that a later record states for the transaction of a record';

-- One row for each changed row, its columns in one jsonb: a row with forty
-- columns stays one line, and what belongs together stays together.
-- csec.history() shows columns one by one.
CREATE VIEW csec.change_records AS
	SELECT l.seq, c.row_no, r.at, l.at AS sealed_at, r.login, r.session_role, r.reader, r.effective_role, r.person, r.actor, r.reason, r.ticket,
		r.application, r.client, r.relation, l.relid,
		CASE c.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' WHEN 'T' THEN 'TRUNCATE' ELSE r.statement END AS op,
		c.subject, c.changed,
		CASE WHEN r.outcome IN ('open', 'prepared') THEN coalesce(csec.outcome_after(l.seq, r.xid), r.outcome) ELSE r.outcome END AS outcome,
		r.xid, coalesce(r.status = 'error', false) AS failed, csec.detail(r.detail) ->> 'sqlstate' AS sqlstate,
		CASE WHEN r.status = 'error' THEN r.rows END AS rows_reached
	FROM csec.trail() l
		CROSS JOIN LATERAL csec.record_fields(l.record) r
		LEFT JOIN LATERAL (
			SELECT c.row_no, c.op, c.subject,
				pg_catalog.jsonb_object_agg(c.column_name,
					CASE WHEN c.op = 'I' THEN '{}' ELSE pg_catalog.jsonb_build_object('old', c.old_value) END
					|| CASE WHEN c.op = 'D' THEN '{}' ELSE pg_catalog.jsonb_build_object('new', c.new_value) END
					|| pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
						'old_digest', pg_catalog.encode(c.old_digest, 'hex'), 'new_digest', pg_catalog.encode(c.new_digest, 'hex'),
						'old_length', c.old_length, 'new_length', c.new_length)))
					FILTER (WHERE c.column_name IS NOT NULL) AS changed
			FROM csec.record_changes(l.record) c
			GROUP BY c.row_no, c.op, c.subject) c ON true
	WHERE l.kind = 3;
REVOKE ALL ON csec.change_records FROM PUBLIC;
GRANT SELECT ON csec.change_records TO csec_auditor;
COMMENT ON VIEW csec.change_records IS
	'who changed what: one row for each changed row of a protected table; fast when bounded by seq, sealed_at or relid';
COMMENT ON COLUMN csec.change_records.seq IS 'number of the record';
COMMENT ON COLUMN csec.change_records.row_no IS 'number of the row within the record; null: the record is not about single rows (TRUNCATE, a statement that failed)';
COMMENT ON COLUMN csec.change_records.at IS 'when, by the clock of the session that changed it';
COMMENT ON COLUMN csec.change_records.sealed_at IS 'when it entered the trail; indexed';
COMMENT ON COLUMN csec.change_records.person IS 'of a login that several share, who it was, authenticated by a token: csec.login(token)';
COMMENT ON COLUMN csec.change_records.subject IS 'the customer';
COMMENT ON COLUMN csec.change_records.changed IS
	'for each column told: old and new; of a classified column the mask; of a value over 64 kB SHA-256 and length, of a classified one a keyed digest';
COMMENT ON COLUMN csec.change_records.outcome IS 'committed, aborted, open or prepared: as the trail knows by now';
COMMENT ON COLUMN csec.change_records.xid IS 'the transaction or subtransaction; 0: it had none yet';
COMMENT ON COLUMN csec.change_records.failed IS
	'a statement that failed: what it had changed until then stands in records of its own, where it came to that; false: a change';
COMMENT ON COLUMN csec.change_records.sqlstate IS 'with which error; null where it is not known: the session was ended';
COMMENT ON COLUMN csec.change_records.rows_reached IS 'how many rows it had come to; null where it is not known';

CREATE VIEW csec.control_records AS
	SELECT l.seq, r.at, l.at AS sealed_at, r.login, r.session_role, r.reader, r.effective_role, r.person, r.actor, r.reason, r.ticket,
		r.application, r.client, r.action, r.object, csec.detail(r.detail) AS detail,
		CASE WHEN r.outcome IN ('open', 'prepared') THEN coalesce(csec.outcome_after(l.seq, r.xid), r.outcome) ELSE r.outcome END AS outcome,
		r.xid
	FROM csec.trail() l CROSS JOIN LATERAL csec.record_fields(l.record) r
	WHERE l.kind = 5;
REVOKE ALL ON csec.control_records FROM PUBLIC;
GRANT SELECT ON csec.control_records TO csec_auditor;
COMMENT ON VIEW csec.control_records IS
	'what was done to policy, roles, settings, protected tables and csec itself';
COMMENT ON COLUMN csec.control_records.action IS 'what was done';
COMMENT ON COLUMN csec.control_records.object IS 'to what';
COMMENT ON COLUMN csec.control_records.detail IS 'the rest; never a field''s value';
COMMENT ON COLUMN csec.control_records.outcome IS 'none: it took effect at once; aborted: its transaction rolled back';

CREATE FUNCTION csec.require_trail() RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF to_regclass('csec_trail.audit_log') IS NULL THEN
		RAISE EXCEPTION 'this database has no trail'
			USING ERRCODE = 'undefined_table', HINT = 'The trail begins with the first call of csec.protect().';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.require_trail() FROM PUBLIC;
COMMENT ON FUNCTION csec.require_trail() IS 'internal: refuses to search a trail that is not there';

-- Denials and gaps are for others than auditors as well, who may see no more
-- of the trail than these: so by functions with their owner's rights.  Both
-- kinds are few, and have an index.
CREATE FUNCTION csec.denials()
	RETURNS TABLE (seq int8, at timestamptz, sealed_at timestamptz, login text, session_role text, reader text, effective_role text,
		person text, actor text, reason text, ticket text, application text, client text, denied text, object text, detail jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.require_trail();
	RETURN QUERY
		SELECT l.seq, r.at, l.at, r.login, r.session_role, r.reader, r.effective_role,
			r.person, r.actor, r.reason, r.ticket, r.application, r.client, r.action, r.object, csec.detail(r.detail)
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
		WHERE l.kind = 6
		ORDER BY l.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.denials() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.denials() TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.denials() IS 'what view csec.denials shows';

CREATE VIEW csec.denials AS SELECT * FROM csec.denials();
REVOKE ALL ON csec.denials FROM PUBLIC;
GRANT SELECT ON csec.denials TO csec_auditor, csec_officer;
COMMENT ON VIEW csec.denials IS 'what csec refused to whom';
COMMENT ON COLUMN csec.denials.denied IS 'what was refused';
COMMENT ON COLUMN csec.denials.object IS 'the category or claim that it was about';

CREATE FUNCTION csec.connection_records()
	RETURNS TABLE (seq int8, at timestamptz, sealed_at timestamptz, what text, role text, database text, client text, count int8)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.require_trail();
	RETURN QUERY
		SELECT l.seq, r.at, l.at, r.action, r.object, d.detail ->> 'database', d.detail ->> 'client', (d.detail ->> 'count')::int8
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
			CROSS JOIN LATERAL (SELECT csec.detail(r.detail) AS detail) d
		WHERE l.kind = 10
		ORDER BY l.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.connection_records() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.connection_records() TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.connection_records() IS 'what view csec.connection_records shows';

CREATE VIEW csec.connection_records AS SELECT * FROM csec.connection_records();
REVOKE ALL ON csec.connection_records FROM PUBLIC;
GRANT SELECT ON csec.connection_records TO csec_auditor, csec_officer;
COMMENT ON VIEW csec.connection_records IS
	'failed logins and replication connections of the cluster and, where csec.record_connections says so, logins of this database';
COMMENT ON COLUMN csec.connection_records.at IS 'when the first of them was';
COMMENT ON COLUMN csec.connection_records.what IS 'login failed, replication, login';
COMMENT ON COLUMN csec.connection_records.role IS 'the role that was asked for';
COMMENT ON COLUMN csec.connection_records.database IS 'the database that was asked for; null for physical replication';
COMMENT ON COLUMN csec.connection_records.count IS 'how many there were, one right after the other';

-- Where recording was not provably on: what the records say that tell of it,
-- and the time between the last of a run and the first of the next.
CREATE FUNCTION csec.gaps()
	RETURNS TABLE (seq int8, at timestamptz, sealed_at timestamptz, what text, why text, since timestamptz, until timestamptz,
		from_lsn pg_lsn, to_lsn pg_lsn, login text, detail jsonb, payload bytea)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.require_trail();
	RETURN QUERY
		SELECT t.seq, t.at, t.sealed_at, t.what, t.why,
			CASE WHEN t.what = 'cut' THEN (csec.read_cut(t.payload)).first_at
				WHEN t.what = 'suspension' OR t.why = 'stop' THEN t.at
				WHEN t.why = 'late heartbeat' OR t.why = 'start' AND t.before IS DISTINCT FROM 'stop'
					THEN (t.detail ->> 'since')::timestamptz END,
			CASE WHEN t.what = 'cut' THEN (csec.read_cut(t.payload)).bound
				WHEN t.what = 'suspension' THEN least((t.detail ->> 'until')::timestamptz,
					(SELECT n.at FROM csec_trail.audit_log m CROSS JOIN LATERAL csec.record_fields(m.record) n
						WHERE m.kind = 5 AND m.seq > t.seq AND n.action IN ('suspend recording', 'resume recording')
						ORDER BY m.seq LIMIT 1))
				WHEN t.why = 'stop' THEN t.next_start
				WHEN t.why = 'late heartbeat' OR t.why = 'start' AND t.before IS DISTINCT FROM 'stop' THEN t.at END,
			t.from_lsn, t.to_lsn, t.login, t.detail, CASE WHEN t.what <> 'cut' THEN t.payload END
		FROM (SELECT l.seq, r.at, l.at AS sealed_at,
				CASE l.kind WHEN 7 THEN 'gap' WHEN 8 THEN 'sealer' WHEN 9 THEN 'rejected' WHEN 11 THEN 'cut'
					ELSE CASE r.action WHEN 'suspend recording' THEN 'suspension' ELSE 'resumption' END END AS what,
				CASE l.kind WHEN 5 THEN r.object WHEN 11 THEN 'retention' ELSE r.action END AS why,
				lag(r.action) OVER (PARTITION BY l.kind = 8 ORDER BY l.seq) AS before,
				min(r.at) FILTER (WHERE l.kind = 8 AND r.action = 'start')
					OVER (ORDER BY l.seq ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_start,
				r.from_lsn, r.to_lsn, r.login, csec.detail(r.detail) AS detail, r.payload
			FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) r
			WHERE l.kind IN (5, 7, 8, 9, 11) AND (l.kind <> 5 OR r.action IN ('suspend recording', 'resume recording'))
				AND (l.kind <> 8 OR r.action NOT IN ('heartbeat', 'settings'))) t
		ORDER BY t.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.gaps() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.gaps() TO csec_auditor, csec_officer, csec_admin;
COMMENT ON FUNCTION csec.gaps() IS 'what view csec.gaps shows';

CREATE VIEW csec.gaps AS SELECT * FROM csec.gaps();
REVOKE ALL ON csec.gaps FROM PUBLIC;
GRANT SELECT ON csec.gaps TO csec_auditor, csec_officer, csec_admin;
COMMENT ON VIEW csec.gaps IS
	'where the trail is not, or may not be, complete: WAL that was never seen, messages that were not csec''s, suspensions, starts and stops of the sealer';
COMMENT ON COLUMN csec.gaps.what IS 'gap, rejected (a message that is not genuine, or repeated), suspension, resumption, or sealer (its starts, stops and observations)';
COMMENT ON COLUMN csec.gaps.why IS 'the cause; of a suspension the reason given';
COMMENT ON COLUMN csec.gaps.since IS 'since when nothing was recorded: a suspension, or the sealer away, whatever the reason';
COMMENT ON COLUMN csec.gaps.until IS 'and until when; a suspension may end earlier by a restart of the server; null: it goes on';
COMMENT ON COLUMN csec.gaps.from_lsn IS 'where in the WAL a gap begins';
COMMENT ON COLUMN csec.gaps.to_lsn IS 'and ends';
COMMENT ON COLUMN csec.gaps.login IS 'who suspended or resumed';
COMMENT ON COLUMN csec.gaps.payload IS 'the first bytes of a rejected message';
