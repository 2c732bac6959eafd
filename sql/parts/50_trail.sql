-- The trail: its tables, its sealer's state, and how far it has come.
--
-- Schema csec_trail and all in it are no members of the extension: a trail
-- outlives DROP EXTENSION, and pg_dump dumps it like any user's table.  So
-- CREATE EXTENSION does not make them either (a restored dump brings its own
-- tables); csec.create_trail() does, when something is protected for the
-- first time.

CREATE FUNCTION csec.prepare_trail_stream() RETURNS pg_lsn
	LANGUAGE c VOLATILE STRICT
	AS 'MODULE_PATHNAME', 'csec_prepare_trail_stream';
REVOKE ALL ON FUNCTION csec.prepare_trail_stream() FROM PUBLIC;
COMMENT ON FUNCTION csec.prepare_trail_stream() IS
	'internal: make the replication slot that holds the WAL for this database''s sealer, and let the sealer wait for this transaction; gives the position from which it will read';

-- ALTER DEFAULT PRIVILEGES has given what was made a moment ago to others.
CREATE FUNCTION csec.withdraw_defaults(object text, acl aclitem[], owner oid) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	who regrole;
BEGIN
	FOR who IN SELECT DISTINCT a.grantee FROM aclexplode(acl) a WHERE a.grantee NOT IN (0, owner) LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', object, who);
	END LOOP;
	EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', object);
END
$$;
REVOKE ALL ON FUNCTION csec.withdraw_defaults(text, aclitem[], oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.withdraw_defaults(text, aclitem[], oid) IS
	'internal: a new schema or table is nobody''s but its owner''s';

-- The trail belongs to the bootstrap superuser, whoever creates it.
CREATE FUNCTION csec.close_trail_table(tab name, shown boolean DEFAULT true) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('ALTER TABLE csec_trail.%I OWNER TO %I', tab, (SELECT rolname FROM pg_authid WHERE oid = 10));
	PERFORM csec.withdraw_defaults(format('csec_trail.%I', tab), relacl, relowner)
		FROM pg_class WHERE oid = format('csec_trail.%I', tab)::regclass;
	IF shown AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'csec_auditor') THEN
		EXECUTE format('GRANT SELECT ON csec_trail.%I TO csec_auditor', tab);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.close_trail_table(name, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.close_trail_table(name, boolean) IS
	'internal: a new table of the trail is nobody''s but the bootstrap superuser''s; auditors read it, where it is shown';

CREATE FUNCTION csec.add_trail_partitions(moment timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	AS $$
DECLARE
	parent text;
	leaf text;
	lower_bound timestamptz;
BEGIN
	-- this month's and the next one's: ahead of need, so that sealing never
	-- waits for a lock.  LIKE and ATTACH, as PARTITION OF would lock out every
	-- reader of the trail.
	FOR month IN 0..1 LOOP
		lower_bound := date_trunc('month', moment) + make_interval(months => month);
		FOREACH parent IN ARRAY ARRAY['audit_log', 'audit_subject'] LOOP
			leaf := parent || to_char(lower_bound, '_YYYY_MM');
			CONTINUE WHEN EXISTS (
				SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
				WHERE i.inhparent = format('csec_trail.%I', parent)::regclass AND c.relname = leaf);
			EXECUTE format('CREATE TABLE csec_trail.%I (LIKE csec_trail.%I INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION)',
				leaf, parent);
			PERFORM csec.close_trail_table(leaf, shown => false);
			EXECUTE format('ALTER TABLE csec_trail.%I ATTACH PARTITION csec_trail.%I FOR VALUES FROM (%L) TO (%L)',
				parent, leaf, lower_bound, lower_bound + interval '1 month');
		END LOOP;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.add_trail_partitions(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.add_trail_partitions(timestamptz) IS
	'internal: make the partitions of the trail for the month of a moment and the month after it, where they are missing';

CREATE FUNCTION csec.create_audit_log() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE csec_trail.audit_log (
		seq int8 NOT NULL,
		at timestamptz NOT NULL,
		subject int8,
		relid oid,
		kind int2 NOT NULL,
		login text COLLATE "C",
		subjects int8multirange,
		record bytea NOT NULL,
		hash bytea NOT NULL
	) PARTITION BY RANGE (at);
	-- pglz costs the sealer more than all else for a read of hundreds of
	-- subjects; where there is no lz4 they are rather not compressed.
	BEGIN
		ALTER TABLE csec_trail.audit_log ALTER COLUMN record SET COMPRESSION lz4, ALTER COLUMN subjects SET COMPRESSION lz4;
	EXCEPTION WHEN feature_not_supported THEN
		ALTER TABLE csec_trail.audit_log ALTER COLUMN record SET STORAGE EXTERNAL, ALTER COLUMN subjects SET STORAGE EXTERNAL;
	END;
	CREATE INDEX audit_log_seq ON csec_trail.audit_log (seq) WITH (deduplicate_items = off);
	CREATE INDEX audit_log_subject ON csec_trail.audit_log (relid, subject);
	-- The heap is in the order of time, so a block range index finds a time as
	-- well as a btree would, at a tenth of its cost for each record.
	CREATE INDEX audit_log_at ON csec_trail.audit_log USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
	-- What somebody did in some hours; the many rows of one batch are one entry.
	CREATE INDEX audit_log_login ON csec_trail.audit_log (login, at);
	-- Of all rows of a table: found by the table alone, and a GiST entry costs
	-- many times a btree entry.
	CREATE INDEX audit_log_subjects ON csec_trail.audit_log USING gist (subjects)
		WHERE subjects IS NOT NULL AND NOT lower_inf(subjects);
	CREATE INDEX audit_log_all ON csec_trail.audit_log (relid, seq) WHERE lower_inf(subjects);
	-- Kinds that are few among many: neither reads, changes nor outcomes.
	CREATE INDEX audit_log_rare ON csec_trail.audit_log (kind, seq) WHERE kind <> 2 AND kind <> 3 AND kind <> 4;
	-- Reads told in several records (the flags partial, parallel, continued
	-- and leader of the body), by the session that they belong to: in a
	-- parallel worker's record the leader's, which is its last field.  They
	-- stand there whole: with a version below 128.
	CREATE INDEX audit_log_pieces ON csec_trail.audit_log
		((CASE WHEN get_byte(record, 0) < 128 THEN CASE WHEN get_byte(record, 39) & 8 <> 0 THEN substr(record, length(record) - 11) ELSE substr(record, 41, 12) END END), seq)
		WHERE kind = 2 AND CASE WHEN get_byte(record, 0) < 128 THEN get_byte(record, 39) & 58 <> 0 END;

	CREATE TABLE csec_trail.audit_subject (
		subject int8 NOT NULL,
		seq int8 NOT NULL,
		at timestamptz NOT NULL,
		relid oid NOT NULL
	) PARTITION BY RANGE (at);
	CREATE INDEX audit_subject_subject ON csec_trail.audit_subject (relid, subject);
	PERFORM csec.close_trail_table(tab) FROM unnest(ARRAY['audit_log', 'audit_subject']) tab;

	COMMENT ON TABLE csec_trail.audit_log IS 'one row for each audit record, each linked to the one before by its hash';
	COMMENT ON COLUMN csec_trail.audit_log.seq IS 'number of the record, from 1, without gaps';
	COMMENT ON COLUMN csec_trail.audit_log.at IS 'when it was sealed';
	COMMENT ON COLUMN csec_trail.audit_log.subject IS 'key of the subject, where there is exactly one; in an outcome record the transaction id';
	COMMENT ON COLUMN csec_trail.audit_log.relid IS 'the protected table; 0 in an outcome record';
	COMMENT ON COLUMN csec_trail.audit_log.kind IS '1 genesis, 2 read, 3 change, 4 outcome, 5 control, 6 denial, 7 gap, 8 server, 9 rejected, 10 connection, 11 cut';
	COMMENT ON COLUMN csec_trail.audit_log.login IS 'the authenticated role';
	COMMENT ON COLUMN csec_trail.audit_log.subjects IS 'keys of the subjects, where there are more than 64; without bounds where all rows must be assumed';
	COMMENT ON COLUMN csec_trail.audit_log.record IS 'the record, or what it does not have in common with an earlier one: see docs/record-format.md; csec.whole_record() gives the whole one';
	COMMENT ON COLUMN csec_trail.audit_log.hash IS 'SHA-256 of the hash before and the record';
	COMMENT ON TABLE csec_trail.audit_subject IS 'the subjects of records that have 2 to 64 of them';
	COMMENT ON COLUMN csec_trail.audit_subject.subject IS 'key of the subject';
	COMMENT ON COLUMN csec_trail.audit_subject.seq IS 'number of the record in audit_log';
	COMMENT ON COLUMN csec_trail.audit_subject.at IS 'when the record was sealed';
	COMMENT ON COLUMN csec_trail.audit_subject.relid IS 'the protected table';
END
$$;
REVOKE ALL ON FUNCTION csec.create_audit_log() FROM PUBLIC;
COMMENT ON FUNCTION csec.create_audit_log() IS
	'internal: make the tables of records and their subjects';

CREATE FUNCTION csec.create_sealer_tables() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- No indexes on these four: the sealer knows where its rows are, and an
	-- update that changes no index leaves nothing behind (HOT).
	CREATE TABLE csec_trail.sealer_state (
		system_id int8 NOT NULL,
		database_id oid NOT NULL,
		timeline int8 NOT NULL,
		resume_lsn pg_lsn NOT NULL,
		seq int8 NOT NULL,
		sealed_at timestamptz NOT NULL,
		hash bytea NOT NULL,
		head_mac bytea NOT NULL,
		sessions_since timestamptz NOT NULL,
		forgotten_lsn pg_lsn NOT NULL,
		absent_from pg_lsn NOT NULL
	) WITH (fillfactor = 25);
	CREATE TABLE csec_trail.sealer_session (
		started timestamptz NOT NULL,
		pid int8 NOT NULL,
		number int8 NOT NULL,
		lsn pg_lsn NOT NULL
	) WITH (fillfactor = 50);
	CREATE TABLE csec_trail.sealer_open (
		xid int8 NOT NULL,
		prepared boolean NOT NULL
	) WITH (fillfactor = 50);

	CREATE TABLE csec_trail.sealer_reading (
		started timestamptz NOT NULL,
		pid int8 NOT NULL,
		statement int8 NOT NULL,
		what int8 NOT NULL,
		count int8 NOT NULL,
		at timestamptz NOT NULL,
		fields bytea NOT NULL
	) WITH (fillfactor = 50);
	PERFORM csec.close_trail_table('sealer_state');
	PERFORM csec.close_trail_table(tab, shown => false) FROM unnest(ARRAY['sealer_session', 'sealer_open', 'sealer_reading']) tab;

	COMMENT ON TABLE csec_trail.sealer_state IS 'one row: the head of the trail, and where in the WAL the sealer goes on';
	COMMENT ON TABLE csec_trail.sealer_session IS 'the number of the last record sealed of each session: what shows a repeat';
	COMMENT ON TABLE csec_trail.sealer_open IS 'transactions with sealed changes whose end has not been seen';
	COMMENT ON TABLE csec_trail.sealer_reading IS 'reads with sealed records that say more follows, which has not been seen yet';
END
$$;
REVOKE ALL ON FUNCTION csec.create_sealer_tables() FROM PUBLIC;
COMMENT ON FUNCTION csec.create_sealer_tables() IS
	'internal: make the tables of what the sealer has to know when it goes on';

CREATE FUNCTION csec.create_trail() RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET default_tablespace = ''
	AS $$
DECLARE
	start_at pg_lsn;
	owner oid := (SELECT o.owner FROM (
		SELECT nspowner FROM pg_namespace WHERE nspname = 'csec_trail'
		UNION ALL SELECT relowner FROM pg_class WHERE relnamespace = to_regnamespace('csec_trail')) o (owner)
		JOIN pg_authid r ON r.oid = o.owner WHERE NOT r.rolsuper LIMIT 1);
BEGIN
	IF owner IS NOT NULL THEN
		RAISE EXCEPTION 'schema csec_trail, or a table in it, belongs to %, who is no superuser', owner::regrole
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A trail that others can write proves nothing. DROP EXTENSION csec, drop or rename that schema, and create csec again: it makes its own.';
	END IF;
	start_at := csec.prepare_trail_stream();
	IF to_regclass('csec_trail.sealer_state') IS NOT NULL THEN
		RETURN false;
	END IF;
	CREATE SCHEMA IF NOT EXISTS csec_trail;
	COMMENT ON SCHEMA csec_trail IS 'the audit trail of csec; written by its sealer only';
	EXECUTE format('ALTER SCHEMA csec_trail OWNER TO %I', (SELECT rolname FROM pg_authid WHERE oid = 10));
	PERFORM csec.withdraw_defaults('SCHEMA csec_trail', nspacl, nspowner) FROM pg_namespace WHERE nspname = 'csec_trail';
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'csec_auditor') THEN
		GRANT USAGE ON SCHEMA csec_trail TO csec_auditor;
	END IF;
	PERFORM csec.create_audit_log();
	PERFORM csec.create_sealer_tables();
	PERFORM csec.add_trail_partitions(now());
	PERFORM csec.create_tree();
	PERFORM csec.create_checkpoints();
	INSERT INTO csec_trail.sealer_state VALUES (
		(SELECT system_identifier FROM pg_control_system()),
		(SELECT oid FROM pg_database WHERE datname = current_database()),
		(SELECT timeline_id FROM pg_control_checkpoint()),
		start_at, 0, now(), decode(repeat('00', 32), 'hex'), '', now(), start_at, '0/0');
	RETURN true;
END
$$;
REVOKE ALL ON FUNCTION csec.create_trail() FROM PUBLIC;
COMMENT ON FUNCTION csec.create_trail() IS
	'internal: make the audit trail of this database where it has none; says whether it had to. csec.protect() calls it';

CREATE FUNCTION csec.flush_audit() RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_flush_audit';
COMMENT ON FUNCTION csec.flush_audit() IS
	'wait until everything recorded before this call stands in the trail, at most csec.flush_timeout';

CREATE FUNCTION csec.stream_status(
		OUT database oid, OUT sealer_pid int, OUT state text, OUT sealed_lsn pg_lsn, OUT emitted_lsn pg_lsn,
		OUT lag_bytes int8, OUT last_seq int8, OUT failed_at timestamptz, OUT last_error text, OUT warning text, OUT slowed bigint,
		OUT suspended_until timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT
	AS 'MODULE_PATHNAME', 'csec_stream_status';
REVOKE ALL ON FUNCTION csec.stream_status() FROM PUBLIC;
COMMENT ON FUNCTION csec.stream_status() IS 'internal: what csec.trail_status shows';

CREATE VIEW csec.trail_status AS
	SELECT d.datname AS database, s.sealer_pid, s.state, s.sealed_lsn, s.emitted_lsn, s.lag_bytes,
		s.last_seq, s.failed_at, s.last_error, s.warning, s.slowed, s.suspended_until
	FROM csec.stream_status() s JOIN pg_catalog.pg_database d ON d.oid = s.database;
REVOKE ALL ON csec.trail_status FROM PUBLIC;
COMMENT ON VIEW csec.trail_status IS 'the sealer of each database with a trail: whether it runs, how far it has come, what troubles it';
COMMENT ON COLUMN csec.trail_status.database IS 'name of the database';
COMMENT ON COLUMN csec.trail_status.sealer_pid IS 'process id of its sealer; null where none runs';
COMMENT ON COLUMN csec.trail_status.state IS 'running, starting, parked (CREATE or DROP DATABASE is at work), failing or stopped';
COMMENT ON COLUMN csec.trail_status.sealed_lsn IS 'everything before this position of the WAL is sealed';
COMMENT ON COLUMN csec.trail_status.emitted_lsn IS 'end of the newest record in the WAL';
COMMENT ON COLUMN csec.trail_status.lag_bytes IS 'WAL between the two, in bytes';
COMMENT ON COLUMN csec.trail_status.last_seq IS 'number of the record sealed last since the sealer started';
COMMENT ON COLUMN csec.trail_status.failed_at IS 'when last_error was met; null after the next success';
COMMENT ON COLUMN csec.trail_status.last_error IS 'what stopped the sealer last';
COMMENT ON COLUMN csec.trail_status.warning IS 'a setting under which records could be lost or stay unsealed';
COMMENT ON COLUMN csec.trail_status.suspended_until IS 'until when csec.suspend_recording() keeps reads and changes unrecorded; null: it does not';
COMMENT ON COLUMN csec.trail_status.slowed IS 'how often protected work waited for a millisecond since the server started, as more than half of csec.max_unsealed was not sealed';
