-- Re-encryption: stored values under the keys, suites and tags of today.
-- src/capture/reencrypt.c says how it goes beside other sessions.

CREATE FUNCTION csec.reencrypt_blocks(tab regclass, first_block int8, end_block int8, batch int4,
		OUT next_block int8, OUT scanned int8, OUT changed int8, OUT "values" int8, OUT skipped int8)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_reencrypt_blocks';
REVOKE ALL ON FUNCTION csec.reencrypt_blocks(regclass, int8, int8, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.reencrypt_blocks(regclass, int8, int8, int4) IS
	'internal: renew the values of a range of blocks that are not current, until so many rows have changed';

CREATE TABLE csec.reencrypt_progress (
	relid			regclass PRIMARY KEY,
	root			regclass NOT NULL,
	state			text NOT NULL CHECK (state IN ('running', 'checking', 'waiting', 'done', 'left')),
	pass			int4 NOT NULL DEFAULT 1,
	next_block		int8 NOT NULL DEFAULT 0,
	end_block		int8 NOT NULL,
	rows_scanned	int8 NOT NULL DEFAULT 0,
	rows_changed	int8 NOT NULL DEFAULT 0,
	values_changed	int8 NOT NULL DEFAULT 0,
	rows_skipped	int8 NOT NULL DEFAULT 0,
	rows_estimated	int8 NOT NULL,
	values_left		int8,
	pid				int4,
	backend_start	timestamptz,
	called_at		timestamptz,
	started_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	resumed_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	resumed_scanned	int8 NOT NULL DEFAULT 0,
	progress_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at		timestamptz
);
REVOKE ALL ON csec.reencrypt_progress FROM PUBLIC;
GRANT SELECT ON csec.reencrypt_progress TO csec_admin, csec_auditor, csec_officer;
COMMENT ON TABLE csec.reencrypt_progress IS 'where csec.reencrypt() is in each table, or was when it last ended; it goes on from there';
COMMENT ON COLUMN csec.reencrypt_progress.relid IS 'the table, or partition';
COMMENT ON COLUMN csec.reencrypt_progress.root IS 'what csec.reencrypt() was called for: the table itself, or one that it belongs to';
COMMENT ON COLUMN csec.reencrypt_progress.state IS 'running; checking: looks for what is left; waiting: for rows that others hold; done; left: ended while others held rows';
COMMENT ON COLUMN csec.reencrypt_progress.pass IS 'later passes come back for rows that were held, or moved';
COMMENT ON COLUMN csec.reencrypt_progress.next_block IS 'the block to go on with';
COMMENT ON COLUMN csec.reencrypt_progress.end_block IS 'where this pass ends';
COMMENT ON COLUMN csec.reencrypt_progress.rows_scanned IS 'rows looked at in the first pass';
COMMENT ON COLUMN csec.reencrypt_progress.rows_changed IS 'rows of which a value was renewed';
COMMENT ON COLUMN csec.reencrypt_progress.values_changed IS 'values that were renewed';
COMMENT ON COLUMN csec.reencrypt_progress.rows_skipped IS 'times that a row was passed over because another session had it';
COMMENT ON COLUMN csec.reencrypt_progress.rows_estimated IS 'rows of the table, by its statistics, when the run began';
COMMENT ON COLUMN csec.reencrypt_progress.values_left IS 'values that were not current at the last look at all rows';
COMMENT ON COLUMN csec.reencrypt_progress.pid IS 'the session that works, or did';
COMMENT ON COLUMN csec.reencrypt_progress.backend_start IS 'when that session began, to know it again';
COMMENT ON COLUMN csec.reencrypt_progress.called_at IS 'when its statement began, to know that again';
COMMENT ON COLUMN csec.reencrypt_progress.started_at IS 'when the run began';
COMMENT ON COLUMN csec.reencrypt_progress.resumed_at IS 'when it was last taken up';
COMMENT ON COLUMN csec.reencrypt_progress.resumed_scanned IS 'rows_scanned then';
COMMENT ON COLUMN csec.reencrypt_progress.progress_at IS 'when it last got on';
COMMENT ON COLUMN csec.reencrypt_progress.finished_at IS 'when it ended';

-- A session that was cancelled, or met an error, may be at something else by now.  Where
-- the server does not track activities nobody can tell.
CREATE FUNCTION csec.reencrypts_now(pid int4, backend_start timestamptz, called_at timestamptz) RETURNS boolean
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM pg_stat_get_activity(reencrypts_now.pid) a
		WHERE a.backend_start = reencrypts_now.backend_start AND a.state IS DISTINCT FROM 'idle'
			AND coalesce(a.query_start = reencrypts_now.called_at, true))
$$;
REVOKE ALL ON FUNCTION csec.reencrypts_now(int4, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.reencrypts_now(int4, timestamptz, timestamptz) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.reencrypts_now(int4, timestamptz, timestamptz) IS 'internal: is a session still at the call of csec.reencrypt() that csec.reencrypt_progress tells of?';

CREATE VIEW csec.reencryption AS
	SELECT p.relid, p.state, p.pass, p.rows_scanned AS rows_done, r.total AS rows_total,
		CASE WHEN p.state IN ('done', 'left') THEN 100.0
			ELSE round(100.0 * p.next_block / greatest(p.end_block, 1), 1) END AS percent,
		p.rows_changed, p.values_changed, p.rows_skipped, p.values_left, r.rate::int8 AS rows_per_second,
		CASE WHEN p.state = 'running' AND p.pass = 1 AND r.rate > 0
			THEN make_interval(secs => greatest(r.total - p.rows_scanned, 0) / r.rate) END AS eta,
		CASE WHEN p.state NOT IN ('done', 'left') AND csec.reencrypts_now(p.pid, p.backend_start, p.called_at) THEN p.pid END AS pid,
		p.started_at, p.progress_at, p.finished_at
	FROM csec.reencrypt_progress p
		CROSS JOIN LATERAL (SELECT (p.rows_scanned - p.resumed_scanned)
				/ nullif(extract(epoch FROM p.progress_at - p.resumed_at), 0)::float8 AS rate,
			CASE WHEN p.pass = 1 AND p.next_block > 0 THEN p.rows_scanned * p.end_block / p.next_block
				ELSE greatest(p.rows_estimated, p.rows_scanned) END AS total) r;
REVOKE ALL ON csec.reencryption FROM PUBLIC;
GRANT SELECT ON csec.reencryption TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.reencryption IS
	'progress of csec.reencrypt() by table; pid is null where nobody is at work: CALL it again and it goes on';

-- The relations below a table that store rows with encrypted values.
CREATE FUNCTION csec.reencrypt_targets(tab regclass) RETURNS SETOF regclass
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT DISTINCT e.relid FROM csec.tree(tab) t JOIN csec.encrypted_columns() e ON e.relid = t AND e.reachable
$$;
REVOKE ALL ON FUNCTION csec.reencrypt_targets(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.reencrypt_targets(regclass) IS 'internal: a table, its partitions and children, as far as they store encrypted values';

CREATE FUNCTION csec.refuse_reencrypt(tab regclass) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.may_protect(tab) THEN
		RAISE EXCEPTION 'permission denied to re-encrypt table %', tab
			USING ERRCODE = 'insufficient_privilege', HINT = 'A superuser may, and a member of csec_admin who owns the table.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_reencrypt(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_reencrypt(regclass) IS 'internal: refuses whoever may not re-encrypt a table';

CREATE FUNCTION csec.refuse_second_reencrypt(target regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p csec.reencrypt_progress := (SELECT g FROM csec.reencrypt_progress g WHERE g.relid = target);
BEGIN
	IF p.state NOT IN ('done', 'left') AND NOT (p.pid = pg_backend_pid()
			AND p.backend_start = (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a))
		AND csec.reencrypts_now(p.pid, p.backend_start, p.called_at) THEN
		RAISE EXCEPTION 'process % is re-encrypting % already', p.pid, target
			USING ERRCODE = 'object_in_use', HINT = 'csec.reencryption shows how far it is. Called when that has ended, this goes on from there.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_second_reencrypt(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_second_reencrypt(regclass) IS 'internal: refuses csec.reencrypt() of a table that another session is at';

CREATE FUNCTION csec.reencrypt_begin(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	me timestamptz := (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a);
	target regclass;
	p csec.reencrypt_progress;
	blocks int8;
BEGIN
	PERFORM csec.refuse_reencrypt(tab);
	IF NOT EXISTS (SELECT FROM csec.reencrypt_targets(tab)) THEN
		RAISE EXCEPTION '% stores no encrypted values', tab
			USING ERRCODE = 'wrong_object_type', HINT = 'Name a table that has columns of type csec.encrypted.';
	END IF;
	DELETE FROM csec.reencrypt_progress g WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = g.relid);
	FOR target IN SELECT t FROM csec.reencrypt_targets(tab) t ORDER BY t LOOP
		blocks := pg_relation_size(target) / current_setting('block_size')::int8;
		-- who is at work holds the row for as long as a batch takes: that is told, not waited for
		PERFORM csec.refuse_second_reencrypt(target);
		IF NOT EXISTS (SELECT FROM csec.reencrypt_progress g WHERE g.relid = target) THEN
			INSERT INTO csec.reencrypt_progress AS g (relid, root, state, end_block, rows_estimated)
				VALUES (target, tab, 'done', blocks, 0) ON CONFLICT DO NOTHING;
		END IF;
		BEGIN
			SELECT * INTO p FROM csec.reencrypt_progress g WHERE g.relid = target FOR UPDATE NOWAIT;
		EXCEPTION WHEN lock_not_available THEN
			RAISE EXCEPTION 'another session is at the re-encryption of % just now', target
				USING ERRCODE = 'object_in_use', HINT = 'csec.reencryption shows how far it is. Called when that has ended, this goes on from there.';
		END;
		PERFORM csec.refuse_second_reencrypt(target);
		IF p.state IN ('done', 'left') THEN
			UPDATE csec.reencrypt_progress g SET state = 'running', pass = 1, next_block = 0, end_block = blocks,
				rows_scanned = 0, rows_changed = 0, values_changed = 0, rows_skipped = 0, resumed_scanned = 0, values_left = NULL,
				rows_estimated = (SELECT greatest(c.reltuples, 0) FROM pg_class c WHERE c.oid = target),
				started_at = clock_timestamp(), finished_at = NULL
				WHERE g.relid = target;
		END IF;
		UPDATE csec.reencrypt_progress g SET root = tab, pid = pg_backend_pid(), backend_start = me, called_at = statement_timestamp(), resumed_scanned = g.rows_scanned,
			resumed_at = clock_timestamp(), progress_at = clock_timestamp()
			WHERE g.relid = target;
		PERFORM csec.control(CASE WHEN p.state IN ('done', 'left') THEN 'reencrypt' ELSE 'resume reencrypt' END, csec.qualified(target),
			CASE WHEN p.state NOT IN ('done', 'left') THEN jsonb_build_object('rows', p.rows_changed, 'block', p.next_block) END);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.reencrypt_begin(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.reencrypt_begin(regclass) TO csec_admin;
COMMENT ON FUNCTION csec.reencrypt_begin(regclass) IS 'internal: begins csec.reencrypt() of a table, or takes it up again, on record';

CREATE FUNCTION csec.reencrypt_end(p csec.reencrypt_progress, state text, left_over int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE csec.reencrypt_progress g SET state = reencrypt_end.state, values_left = left_over,
		progress_at = clock_timestamp(), finished_at = clock_timestamp() WHERE g.relid = p.relid;
	PERFORM csec.control('reencrypted', csec.qualified(p.relid), jsonb_build_object(
		'rows', p.rows_changed, 'values', p.values_changed, 'passes', p.pass, 'values_left', left_over));
	IF left_over > 0 THEN
		RAISE WARNING '% values of % were left as they are: other sessions hold their rows', left_over, p.relid
			USING HINT = 'CALL csec.reencrypt(...) again when their transactions have ended.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.reencrypt_end(csec.reencrypt_progress, text, int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.reencrypt_end(csec.reencrypt_progress, text, int8) IS 'internal: ends csec.reencrypt() of a table, on record';

-- At the end of a pass: look at all rows at one moment, as rows may have moved
-- behind the pass.  Then either there is nothing left, or another pass.
CREATE FUNCTION csec.reencrypt_check(p csec.reencrypt_progress, patience interval) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	SELECT coalesce(sum(s.n), 0)::int8 AS n, min(s.first_block) AS first, max(s.last_block) AS last INTO c
		FROM csec.scan_envelopes(p.relid, '{}', NULL) s WHERE NOT s.current;
	IF c.n = 0 THEN
		PERFORM csec.reencrypt_end(p, 'done', 0);
		RETURN 'more';
	END IF;
	IF p.state = 'waiting' AND clock_timestamp() - p.progress_at > patience THEN
		PERFORM csec.reencrypt_end(p, 'left', c.n);
		RETURN 'more';
	END IF;
	UPDATE csec.reencrypt_progress g SET state = CASE p.state WHEN 'waiting' THEN 'waiting' ELSE 'running' END,
		pass = g.pass + 1, next_block = c.first, end_block = c.last + 1, values_left = c.n
		WHERE g.relid = p.relid;
	RETURN CASE p.state WHEN 'waiting' THEN 'wait' ELSE 'more' END;
END
$$;
REVOKE ALL ON FUNCTION csec.reencrypt_check(csec.reencrypt_progress, interval) FROM PUBLIC;
COMMENT ON FUNCTION csec.reencrypt_check(csec.reencrypt_progress, interval) IS 'internal: what csec.reencrypt() has left of a table, and what is to be done about it';

-- One transaction's work.  A pass after the first that changes nothing found
-- only rows that others hold: then "waiting".
CREATE FUNCTION csec.reencrypt_step(tab regclass, batch int4, patience interval) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p csec.reencrypt_progress;
	r record;
BEGIN
	PERFORM csec.refuse_reencrypt(tab);
	SELECT * INTO p FROM csec.reencrypt_progress g
		WHERE g.root = tab AND g.state NOT IN ('done', 'left')
			AND g.pid = pg_backend_pid() ORDER BY g.relid LIMIT 1 FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'done';
	END IF;
	IF p.next_block >= p.end_block THEN
		RETURN csec.reencrypt_check(p, patience);
	END IF;
	r := csec.reencrypt_blocks(p.relid, p.next_block, p.end_block, greatest(batch, 1));
	UPDATE csec.reencrypt_progress g SET next_block = r.next_block,
		state = CASE WHEN r.changed > 0 THEN 'running' WHEN r.skipped > 0 THEN 'waiting' ELSE g.state END,
		rows_scanned = g.rows_scanned + CASE g.pass WHEN 1 THEN r.scanned ELSE 0 END,
		rows_changed = g.rows_changed + r.changed, values_changed = g.values_changed + r."values",
		rows_skipped = g.rows_skipped + r.skipped,
		progress_at = CASE WHEN r.changed > 0 OR g.state = 'running' THEN clock_timestamp() ELSE g.progress_at END
		WHERE g.relid = p.relid;
	RETURN 'more';
END
$$;
REVOKE ALL ON FUNCTION csec.reencrypt_step(regclass, int4, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.reencrypt_step(regclass, int4, interval) TO csec_admin;
COMMENT ON FUNCTION csec.reencrypt_step(regclass, int4, interval) IS 'internal: one batch of csec.reencrypt(); more, wait or done';

-- With transactions of its own, so neither SECURITY DEFINER nor a search_path
-- of its own are possible: nothing in it is looked up by a path.
CREATE PROCEDURE csec.reencrypt(tab regclass, batch int4 DEFAULT 1000, patience interval DEFAULT '1 min')
	LANGUAGE plpgsql AS $$
DECLARE
	step text;
BEGIN
	PERFORM csec.reencrypt_begin(tab);
	COMMIT;
	LOOP
		step := csec.reencrypt_step(tab, batch, patience);
		COMMIT;
		EXIT WHEN step OPERATOR(pg_catalog.=) 'done';
		IF step OPERATOR(pg_catalog.=) 'wait' THEN
			PERFORM pg_catalog.pg_sleep(0.2);
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON PROCEDURE csec.reencrypt(regclass, int4, interval) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.reencrypt(regclass, int4, interval) TO csec_admin;
COMMENT ON PROCEDURE csec.reencrypt(regclass, int4, interval) IS
	'put the values of a table under the active keys, suites and search tags, beside other sessions: a COMMIT after each batch of rows; goes on where it was after a crash; patience: how long to wait for rows that others hold';
