-- Protecting a large table without locking it for long.
--
-- A copy of the table with csec's types is filled in batches, each a
-- transaction of its own.  A trigger notes the keys of rows that change
-- meanwhile, and their copies are made anew.  At the end, under a short
-- exclusive lock, the last of them are brought up to date, csec.protect()
-- does its work on the table as if it were empty, and the copy's files become
-- the table's (src/capture/swap.c), whose indexes are built then.
--
-- Of a partitioned table each partition has a copy of its own.  Partitions may
-- come and go meanwhile.
--
-- The work stands in tables, so that it goes on where it was after a crash.

CREATE FUNCTION csec.empty_files(tab regclass) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_empty_files';
REVOKE ALL ON FUNCTION csec.empty_files(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.empty_files(regclass) IS 'internal: a table as if it had no rows, until csec.swap_files() or the end of the transaction';

CREATE FUNCTION csec.swap_files(tab regclass, copy regclass) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_swap_files';
REVOKE ALL ON FUNCTION csec.swap_files(regclass, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.swap_files(regclass, regclass) IS 'internal: the contents of a copy become those of its table';

CREATE FUNCTION csec.holds(value csec.masked, expected text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_holds';
CREATE FUNCTION csec.holds(value csec.encrypted, expected text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_holds';
REVOKE ALL ON FUNCTION csec.holds(csec.masked, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.holds(csec.encrypted, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.holds(csec.masked, text) IS 'internal: reads back what csec.protect_online() has made';
COMMENT ON FUNCTION csec.holds(csec.encrypted, text) IS 'internal: reads back what csec.protect_online() has made';

CREATE TABLE csec.migration (
	relid regclass PRIMARY KEY,
	subject text[] NOT NULL,
	fields jsonb NOT NULL,
	subject_of regclass,
	audit text,
	subject_keys boolean NOT NULL,
	decrypt jsonb NOT NULL,
	key name[] NOT NULL,
	copied bigint NOT NULL DEFAULT 0,
	expected bigint NOT NULL,
	copying boolean NOT NULL DEFAULT true,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	worked interval NOT NULL DEFAULT '0',
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE ALL ON csec.migration FROM PUBLIC;
COMMENT ON TABLE csec.migration IS 'tables that csec.protect_online() is at work on';
COMMENT ON COLUMN csec.migration.relid IS 'the table';
COMMENT ON COLUMN csec.migration.subject IS 'as csec.protect() will be told';
COMMENT ON COLUMN csec.migration.fields IS 'likewise';
COMMENT ON COLUMN csec.migration.subject_of IS 'likewise';
COMMENT ON COLUMN csec.migration.audit IS 'likewise';
COMMENT ON COLUMN csec.migration.subject_keys IS 'likewise';
COMMENT ON COLUMN csec.migration.decrypt IS 'column to expression that gives the text of a column encrypted by other means';
COMMENT ON COLUMN csec.migration.key IS 'the key that the rows are copied by';
COMMENT ON COLUMN csec.migration.copied IS 'rows copied so far';
COMMENT ON COLUMN csec.migration.expected IS 'rows there were at the start, estimated';
COMMENT ON COLUMN csec.migration.copying IS 'false: all rows are copied, only changes are followed';
COMMENT ON COLUMN csec.migration.started_at IS 'when it began';
COMMENT ON COLUMN csec.migration.worked IS 'time spent on copying';
COMMENT ON COLUMN csec.migration.updated_at IS 'when it did its last step';

CREATE TABLE csec.migration_part (
	part oid PRIMARY KEY,
	relid regclass NOT NULL REFERENCES csec.migration ON DELETE CASCADE,
	last_key text[],
	copying boolean NOT NULL DEFAULT true
);
REVOKE ALL ON csec.migration_part FROM PUBLIC;
COMMENT ON TABLE csec.migration_part IS 'the tables that hold their rows: the table itself, or its partitions';
COMMENT ON COLUMN csec.migration_part.part IS 'the table itself, or a partition';
COMMENT ON COLUMN csec.migration_part.relid IS 'the table that csec.protect_online() is at work on';
COMMENT ON COLUMN csec.migration_part.last_key IS 'key of the last row that was copied';
COMMENT ON COLUMN csec.migration_part.copying IS 'false: all its rows are copied';

CREATE VIEW csec.migrations AS
	SELECT relid AS tab, CASE WHEN copying THEN 'copying' ELSE 'following' END AS state,
		copied, expected, round(100.0 * copied / greatest(expected, copied, 1), 1) AS percent,
		round(copied / greatest(extract(epoch FROM worked), 0.001)) AS rows_per_second,
		CASE WHEN copying AND copied > 0 THEN worked * (greatest(expected - copied, 0)::float8 / copied) END AS remaining,
		started_at, updated_at
	FROM csec.migration;
REVOKE ALL ON csec.migrations FROM PUBLIC;
GRANT SELECT ON csec.migrations TO csec_admin, csec_auditor;
COMMENT ON VIEW csec.migrations IS 'how far csec.protect_online() has come with each table, and how long it will yet take';
COMMENT ON COLUMN csec.migrations.remaining IS 'time that the rest of the copying takes at this rate';

CREATE FUNCTION csec.copy_name(part oid) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT 'csec_work.copy_' || part $$;
REVOKE ALL ON FUNCTION csec.copy_name(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.copy_name(oid) IS 'internal: the copy that csec.protect_online() makes of a table or partition';

CREATE FUNCTION csec.plain_name(attnum int2) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT format('"csec plain %s"', attnum) $$;
REVOKE ALL ON FUNCTION csec.plain_name(int2) FROM PUBLIC;
COMMENT ON FUNCTION csec.plain_name(int2) IS 'internal: what the text of a field is called while csec.protect_online() copies its row';

CREATE FUNCTION csec.queue_name(tab regclass) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT 'csec_work.queue_' || tab::oid $$;
REVOKE ALL ON FUNCTION csec.queue_name(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.queue_name(regclass) IS 'internal: the keys of rows that changed meanwhile, and the trigger function that notes them';

CREATE FUNCTION csec.parts_of(tab regclass) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT c.oid FROM csec.tree(tab) t JOIN pg_class c ON c.oid = t WHERE c.relkind <> 'p' $$;
REVOKE ALL ON FUNCTION csec.parts_of(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.parts_of(regclass) IS 'internal: a table, or the partitions that hold its rows';

-- The columns of the copy, in the order of the part, dropped ones included.
-- plain is the expression for the text of a field, over the part as t; source
-- that for the copy's value, over the same and the text beside it, as
-- csec.plain_name() calls it: what decrypts is dear, and is done once.
CREATE FUNCTION csec.copy_columns(m csec.migration, part oid, OUT attnum int2, OUT attname name, OUT live boolean,
		OUT type text, OUT source text, OUT plain text)
	RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 20
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attnum, a.attname, NOT a.attisdropped,
			CASE WHEN a.attisdropped THEN 'pg_catalog.int4'
				WHEN f.category IS NOT NULL THEN csec.field_type(f.category, m.subject_keys)
				ELSE format_type(a.atttypid, a.atttypmod) END,
			CASE WHEN f.category IS NOT NULL THEN csec.adopting(csec.plain_name(a.attnum), f.category, CASE WHEN m.subject_keys THEN coalesce(m.subject_of, m.relid) END, m.subject, 't.')
				WHEN a.attgenerated = 'v' THEN 'NULL'
				ELSE format('t.%I', a.attname) END,
			CASE WHEN f.category IS NOT NULL THEN coalesce('(' || (m.decrypt ->> a.attname) || ')', csec.as_text(a.attname, a.atttypid)) END
		FROM pg_attribute a
			LEFT JOIN LATERAL (SELECT j.value AS category FROM jsonb_each_text(m.fields) j
				WHERE j.key = a.attname AND csec.column_category(m.relid, a.attname) IS NULL) f ON true
		WHERE a.attrelid = part AND a.attnum > 0
		ORDER BY a.attnum
	$$;
REVOKE ALL ON FUNCTION csec.copy_columns(csec.migration, oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.copy_columns(csec.migration, oid) IS 'internal: the columns of a copy, and what goes into them';

-- The queue of keys, and the trigger that fills it.
CREATE FUNCTION csec.make_queue(m csec.migration) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	queue text := csec.queue_name(m.relid);
	keys text := (SELECT string_agg(quote_ident(k), ', ') FROM unnest(m.key) k);
BEGIN
	-- whoever ends the last of the others does not take it away meanwhile
	PERFORM csec.lock_name('csec_work', false);
	CREATE SCHEMA IF NOT EXISTS csec_work;
	REVOKE ALL ON SCHEMA csec_work FROM PUBLIC;
	EXECUTE format('CREATE TABLE %s AS SELECT NULL::pg_catalog.oid AS csec_part, %s FROM %s WHERE false', queue, keys, csec.qualified(m.relid));
	EXECUTE format($fn$
		CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
		BEGIN
			IF TG_OP = 'TRUNCATE' THEN
				RAISE EXCEPTION 'table %% is being protected and cannot be truncated', TG_RELID::regclass
					USING ERRCODE = 'object_in_use', HINT = 'Wait, or end it with csec.protect_online_cancel().';
			END IF;
			IF TG_OP <> 'INSERT' THEN
				INSERT INTO %s VALUES (TG_RELID, %s);
			END IF;
			IF TG_OP <> 'DELETE' THEN
				INSERT INTO %s VALUES (TG_RELID, %s);
			END IF;
			RETURN NULL;
		END
		$body$
		$fn$, queue, queue, (SELECT string_agg(format('OLD.%I', k), ', ') FROM unnest(m.key) k),
		queue, (SELECT string_agg(format('NEW.%I', k), ', ') FROM unnest(m.key) k));
	EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', queue);
	-- partitions, those to come as well, have the row trigger from their parent
	EXECUTE format('CREATE TRIGGER csec_zy_queue AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s()', csec.qualified(m.relid), queue);
END
$$;
REVOKE ALL ON FUNCTION csec.make_queue(csec.migration) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_queue(csec.migration) IS 'internal: the keys of rows that change, and the trigger that notes them';

-- An empty copy; and whoever would empty the part itself is refused.
CREATE FUNCTION csec.make_copy(m csec.migration, part oid) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	copy text := csec.copy_name(part);
	space text := (SELECT s.spcname FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.oid = part);
	dropped text := (SELECT string_agg(format('DROP COLUMN x_%s', attnum), ', ') FROM csec.copy_columns(m, part) WHERE NOT live);
BEGIN
	EXECUTE format('CREATE %s TABLE %s (%s)%s',
		(SELECT CASE relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE '' END FROM pg_class WHERE oid = part), copy,
		(SELECT string_agg(format('%s %s', CASE WHEN live THEN quote_ident(attname) ELSE 'x_' || attnum END, type), ', ' ORDER BY attnum)
			FROM csec.copy_columns(m, part)),
		coalesce(' TABLESPACE ' || quote_ident(space), ''));
	IF dropped IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', copy, dropped);
	END IF;
	EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', copy, (SELECT string_agg(quote_ident(k), ', ') FROM unnest(m.key) k));
	EXECUTE format('CREATE TRIGGER csec_zy_queue_all BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()', csec.qualified(part), csec.queue_name(m.relid));
	EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER csec_zy_queue, ENABLE ALWAYS TRIGGER csec_zy_queue_all', csec.qualified(part));
	INSERT INTO csec.migration_part (part, relid) VALUES (part, m.relid);
END
$$;
REVOKE ALL ON FUNCTION csec.make_copy(csec.migration, oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_copy(csec.migration, oid) IS 'internal: the empty copy of a table or partition';

-- Partitions come and go: true where there is a new one, which is to be copied.
CREATE FUNCTION csec.match_parts(m csec.migration) RETURNS boolean
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	part oid;
	added boolean := false;
BEGIN
	PERFORM csec.own_ddl(true);
	FOR part IN DELETE FROM csec.migration_part p WHERE p.relid = m.relid AND p.part NOT IN (SELECT csec.parts_of(m.relid)) RETURNING p.part LOOP
		PERFORM csec.drop_copy(part);
	END LOOP;
	FOR part IN SELECT n FROM csec.parts_of(m.relid) n WHERE n NOT IN (SELECT p.part FROM csec.migration_part p) LOOP
		PERFORM csec.make_copy(m, part);
		added := true;
	END LOOP;
	PERFORM csec.own_ddl(false);
	RETURN added;
END
$$;
REVOKE ALL ON FUNCTION csec.match_parts(csec.migration) FROM PUBLIC;
COMMENT ON FUNCTION csec.match_parts(csec.migration) IS 'internal: a copy for each partition that there is';

CREATE FUNCTION csec.drop_copy(part oid) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- a partition may have been detached, or dropped
	IF EXISTS (SELECT FROM pg_class WHERE oid = part) THEN
		EXECUTE format('DROP TRIGGER IF EXISTS csec_zy_queue_all ON %s', csec.qualified(part));
	END IF;
	EXECUTE format('DROP TABLE IF EXISTS %s', csec.copy_name(part));
END
$$;
REVOKE ALL ON FUNCTION csec.drop_copy(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.drop_copy(oid) IS 'internal: takes away what csec.make_copy() made';

CREATE FUNCTION csec.end_migration(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
BEGIN
	PERFORM csec.drop_copy(part) FROM csec.migration_part WHERE relid = tab;
	EXECUTE format('DROP TRIGGER IF EXISTS csec_zy_queue ON %s', csec.qualified(tab));
	EXECUTE format('DROP FUNCTION IF EXISTS %s()', csec.queue_name(tab));
	EXECUTE format('DROP TABLE IF EXISTS %s', csec.queue_name(tab));
	DELETE FROM csec.migration WHERE relid = tab;
	IF csec.try_lock_name('csec_work') AND NOT EXISTS (SELECT FROM csec.migration) THEN
		DROP SCHEMA IF EXISTS csec_work;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.end_migration(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.end_migration(regclass) IS 'internal: takes away what csec.protect_online() made beside the table';

-- Begin, or find what was begun.
CREATE FUNCTION csec.migration_begin(tab regclass, subject text[], fields jsonb, subject_of regclass, audit text, decrypt jsonb, subject_keys boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	m csec.migration := (SELECT x FROM csec.migration x WHERE x.relid = tab);
	estimate jsonb;
BEGIN
	PERFORM csec.migration_now();
	IF NOT csec.may_protect(tab) THEN
		RAISE EXCEPTION 'permission denied to protect %', csec.qualified(tab) USING ERRCODE = 'insufficient_privilege',
			HINT = 'A superuser may protect a table, and a member of csec_admin who owns it.';
	END IF;
	IF m.relid IS NOT NULL THEN
		IF (m.subject, m.fields, m.subject_of, m.audit, m.subject_keys, ARRAY(SELECT jsonb_object_keys(m.decrypt)))
			IS DISTINCT FROM (subject, fields, subject_of, audit, coalesce(subject_keys, false), ARRAY(SELECT jsonb_object_keys(decrypt))) THEN
			RAISE EXCEPTION 'csec.protect_online() is at work on % with other arguments', csec.qualified(tab)
				USING ERRCODE = 'object_in_use', HINT = 'Give the same ones to go on, or end it with csec.protect_online_cancel().';
		END IF;
		-- a value may need another key than those before it
		IF m.decrypt <> decrypt THEN
			PERFORM csec.refuse_decrypt(decrypt);
			UPDATE csec.migration x SET decrypt = migration_begin.decrypt WHERE x.relid = tab;
		END IF;
		RETURN;
	END IF;
	m.relid := tab;
	m.subject := subject;
	m.fields := coalesce(fields, '{}');
	m.subject_of := subject_of;
	m.audit := audit;
	m.subject_keys := coalesce(subject_keys, false);
	m.decrypt := coalesce(decrypt, '{}');
	m.key := (SELECT array_agg(a.attname ORDER BY k.n) FROM pg_index i, unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k (attnum, n)
		JOIN pg_attribute a ON a.attrelid = tab AND a.attnum = k.attnum WHERE i.indrelid = tab AND i.indisprimary);
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s', csec.qualified(tab)) INTO estimate;
	m.expected := (estimate -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
	PERFORM csec.refuse_online(m);
	PERFORM csec.create_trail();
	IF m.subject_keys AND m.subject_of IS NULL THEN
		PERFORM csec.make_space(tab);
	END IF;
	INSERT INTO csec.migration (relid, subject, fields, subject_of, audit, subject_keys, decrypt, key, expected)
		VALUES (m.relid, m.subject, m.fields, m.subject_of, m.audit, m.subject_keys, m.decrypt, m.key, m.expected) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'another session has begun to protect % just now', csec.qualified(tab)
			USING ERRCODE = 'object_in_use', HINT = 'Call csec.protect_online() again to work on beside it, or wait for it.';
	END IF;
	PERFORM csec.own_ddl(true);
	PERFORM csec.make_queue(m);
	PERFORM csec.own_ddl(false);
	PERFORM csec.match_parts(m);
	PERFORM csec.control('protect online', csec.qualified(tab), jsonb_build_object('fields', m.fields, 'state', 'begun'));
END
$$;
REVOKE ALL ON FUNCTION csec.migration_begin(regclass, text[], jsonb, regclass, text, jsonb, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.migration_begin(regclass, text[], jsonb, regclass, text, jsonb, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.migration_begin(regclass, text[], jsonb, regclass, text, jsonb, boolean) IS 'internal: the first step of csec.protect_online()';

-- Copy the rows that a clause finds (WHERE ... ORDER BY ... LIMIT ... over t),
-- and read back what was made of them.  Keys are noted by their output functions: a
-- cast to text may be a function of the table's owner, and would run with the rights
-- of a superuser.
CREATE FUNCTION csec.copy_rows(m csec.migration, part oid, clause text, OUT rows bigint, OUT last_key text[])
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	live text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM csec.copy_columns(m, part) c WHERE c.live);
	wrong bigint;
	last jsonb;
BEGIN
	PERFORM csec.own_ddl(true);
	EXECUTE format($q$
		WITH src AS MATERIALIZED (SELECT t.* %s FROM (SELECT * FROM ONLY %s t %s) t),
			made AS (INSERT INTO %s (%s) SELECT %s FROM src t RETURNING %s)
		SELECT count(*), count(*) FILTER (WHERE NOT (%s)), (array_agg(to_jsonb(ARRAY[%s]::text[]) ORDER BY %s DESC))[1]
		FROM made JOIN src USING (%s)
		$q$,
		(SELECT string_agg(format(', %s AS %s', plain, csec.plain_name(attnum)), '' ORDER BY attnum)
			FROM csec.copy_columns(m, part) WHERE plain IS NOT NULL),
		csec.qualified(part), clause, csec.copy_name(part), live,
		(SELECT string_agg(c.source, ', ' ORDER BY attnum) FROM csec.copy_columns(m, part) c WHERE c.live), live,
		coalesce((SELECT string_agg(format('CASE WHEN src.%1$I IS NULL THEN made.%1$I IS NULL ELSE coalesce(csec.holds(made.%1$I, src.%2$s), false) END',
				attname, csec.plain_name(attnum)), ' AND ')
			FROM csec.copy_columns(m, part) WHERE plain IS NOT NULL), 'true'),
		(SELECT string_agg(format('concat(made.%I)', k), ', ') FROM unnest(m.key) k),
		(SELECT string_agg(format('made.%I', k), ' DESC, ') FROM unnest(m.key) k),
		(SELECT string_agg(quote_ident(k), ', ') FROM unnest(m.key) k))
	INTO rows, wrong, last;
	last_key := CASE WHEN last IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(last)) END;
	PERFORM csec.own_ddl(false);
	IF wrong > 0 THEN
		RAISE EXCEPTION '% values of % were not what they had been when they were read back', wrong, csec.qualified(m.relid)
			USING ERRCODE = 'data_corrupted';
	END IF;
EXCEPTION WHEN OTHERS THEN
	-- the statement and its expressions, which stand in the error's context, go no further
	PERFORM csec.refuse_row(m, part, clause);
	RAISE EXCEPTION USING ERRCODE = SQLSTATE,
		MESSAGE = CASE WHEN csec.may_quote(SQLSTATE) THEN format('a value of %s cannot be copied: %s', csec.qualified(m.relid), SQLSTATE) ELSE SQLERRM END;
END
$$;
REVOKE ALL ON FUNCTION csec.copy_rows(csec.migration, oid, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.copy_rows(csec.migration, oid, text) IS 'internal: copies rows with csec''s types, and reads them back';

-- The next batch of a part in the order of the key; false: there is none.
CREATE FUNCTION csec.migration_copy(tab regclass, batch int) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	m csec.migration := (SELECT x FROM csec.migration x WHERE x.relid = tab FOR UPDATE);
	p csec.migration_part;
	began timestamptz := clock_timestamp();
	done record;
	keys text := (SELECT string_agg(format('%I', k), ', ') FROM unnest(m.key) k);
BEGIN
	PERFORM csec.migration_now();
	IF NOT csec.may_protect(tab) OR m.relid IS NULL THEN
		RAISE EXCEPTION 'csec.protect_online() is not at work on %', tab USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM csec.match_parts(m);
	SELECT x.* INTO p FROM csec.migration_part x WHERE x.relid = tab AND x.copying ORDER BY x.part LIMIT 1;
	IF NOT FOUND THEN
		UPDATE csec.migration SET copying = false WHERE relid = tab;
		RETURN false;
	END IF;
	done := csec.copy_rows(m, p.part, format('WHERE %s ORDER BY %s LIMIT %s',
		coalesce(csec.rows_after(m, p.last_key), 'true'), keys, greatest(batch, 1)));
	UPDATE csec.migration_part x SET last_key = coalesce(done.last_key, x.last_key), copying = done.rows > 0 WHERE x.part = p.part;
	UPDATE csec.migration SET copied = copied + done.rows, copying = true,
		worked = worked + (clock_timestamp() - began), updated_at = clock_timestamp() WHERE relid = tab;
	RETURN true;
END
$$;
REVOKE ALL ON FUNCTION csec.migration_copy(regclass, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.migration_copy(regclass, int) TO csec_admin;
COMMENT ON FUNCTION csec.migration_copy(regclass, int) IS 'internal: the next batch of csec.protect_online()';

-- Make the copies of changed rows anew; how many keys there were.  Those of
-- rows that are yet to be copied are left out, as of a partition that has no copy,
-- or one that another session is at work on.
CREATE FUNCTION csec.follow_changes(m csec.migration, batch int) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	keys text := (SELECT string_agg(quote_ident(k), ', ') FROM unnest(m.key) k);
	changed text;
	part oid;
	p csec.migration_part;
	n bigint;
BEGIN
	CREATE TEMPORARY TABLE IF NOT EXISTS csec_changed (dummy int) ON COMMIT DROP;
	DROP TABLE pg_temp.csec_changed;
	EXECUTE format('CREATE TEMPORARY TABLE csec_changed ON COMMIT DROP AS SELECT * FROM %s WHERE false', csec.queue_name(m.relid));
	EXECUTE format('WITH q AS (DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$s LIMIT %2$s)) RETURNING *) INSERT INTO pg_temp.csec_changed SELECT * FROM q',
		csec.queue_name(m.relid), batch);
	GET DIAGNOSTICS n = ROW_COUNT;
	-- what comes from here on sees the rows at least as new as their keys
	FOR p IN SELECT x.* FROM csec.migration_part x WHERE x.relid = m.relid AND x.part IN (SELECT c.csec_part FROM pg_temp.csec_changed c) LOOP
		part := p.part;
		IF p.copying THEN
			EXECUTE format('DELETE FROM pg_temp.csec_changed WHERE csec_part = %s AND %s', part, coalesce(csec.rows_after(m, p.last_key), 'true'));
		END IF;
		changed := format('(%s) IN (SELECT %s FROM pg_temp.csec_changed WHERE csec_part = %s)', keys, keys, part);
		EXECUTE format('DELETE FROM %s WHERE %s', csec.copy_name(part), changed);
		PERFORM csec.copy_rows(m, part, 'WHERE ' || changed);
	END LOOP;
	RETURN n;
END
$$;
REVOKE ALL ON FUNCTION csec.follow_changes(csec.migration, int) FROM PUBLIC;
COMMENT ON FUNCTION csec.follow_changes(csec.migration, int) IS 'internal: brings the copy up to date with rows that changed';

CREATE FUNCTION csec.migration_follow(tab regclass, batch int) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	m csec.migration := (SELECT x FROM csec.migration x WHERE x.relid = tab FOR UPDATE);
BEGIN
	PERFORM csec.migration_now();
	IF NOT csec.may_protect(tab) OR m.relid IS NULL THEN
		RAISE EXCEPTION 'csec.protect_online() is not at work on %', tab USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	UPDATE csec.migration SET updated_at = clock_timestamp() WHERE relid = tab;
	RETURN csec.follow_changes(m, greatest(batch, 1)) >= greatest(batch, 1);
END
$$;
REVOKE ALL ON FUNCTION csec.migration_follow(regclass, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.migration_follow(regclass, int) TO csec_admin;
COMMENT ON FUNCTION csec.migration_follow(regclass, int) IS 'internal: follows changes; true while there are many';

-- Under the lock: the last changes, then csec.protect() and the exchange.
-- False: there is a new partition, which has to be copied first.
CREATE FUNCTION csec.migration_finish(tab regclass) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	SET jit = off
	AS $$
DECLARE
	m csec.migration := (SELECT x FROM csec.migration x WHERE x.relid = tab FOR UPDATE);
	copy regclass;
	p oid;
	plain text;
BEGIN
	PERFORM csec.migration_now();
	IF NOT csec.may_protect(tab) OR m.relid IS NULL OR m.copying THEN
		RAISE EXCEPTION 'csec.protect_online() has not copied %', tab USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', csec.qualified(tab));
	IF csec.match_parts(m) THEN
		RETURN false;
	END IF;
	WHILE csec.follow_changes(m, 100000) > 0 LOOP
	END LOOP;
	PERFORM csec.own_ddl(true);
	EXECUTE format('DROP TRIGGER csec_zy_queue ON %s', csec.qualified(tab));
	FOR p IN SELECT x.part FROM csec.migration_part x WHERE x.relid = tab LOOP
		copy := csec.copy_name(p)::regclass;
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', copy, (SELECT conname FROM pg_constraint WHERE conrelid = copy AND contype = 'p'));
		EXECUTE format('DROP TRIGGER csec_zy_queue_all ON %s', csec.qualified(p));
		PERFORM csec.empty_files(p);
	END LOOP;
	plain := (SELECT string_agg(format('ALTER COLUMN %I TYPE pg_catalog.text USING NULL', d), ', ') FROM jsonb_object_keys(m.decrypt) d);
	IF plain IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', csec.qualified(tab), plain);
	END IF;
	PERFORM csec.protect(tab, m.subject, NULLIF(m.fields, '{}'), m.subject_of, true, m.audit, true, NULL, m.subject_keys);
	PERFORM csec.own_ddl(true);
	PERFORM csec.swap_files(x.part, csec.copy_name(x.part)::regclass) FROM csec.migration_part x WHERE x.relid = tab;
	PERFORM csec.end_migration(tab);
	PERFORM csec.own_ddl(false);
	PERFORM csec.control('protect online', csec.qualified(tab), jsonb_build_object('rows', m.copied, 'state', 'finished'));
	RETURN true;
END
$$;
REVOKE ALL ON FUNCTION csec.migration_finish(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.migration_finish(regclass) TO csec_admin;
COMMENT ON FUNCTION csec.migration_finish(regclass) IS 'internal: the last step of csec.protect_online(); false: go back to copying';

CREATE FUNCTION csec.protect_online_cancel(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- a step that is being done is done first
	PERFORM FROM csec.migration m WHERE m.relid = tab AND csec.may_protect(tab) FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'csec.protect_online() is not at work on %', tab USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM csec.own_ddl(true);
	PERFORM csec.end_migration(tab);
	PERFORM csec.own_ddl(false);
	PERFORM csec.control('protect online', csec.qualified(tab), '{"state": "cancelled"}');
END
$$;
REVOKE ALL ON FUNCTION csec.protect_online_cancel(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.protect_online_cancel(regclass) TO csec_admin;
COMMENT ON FUNCTION csec.protect_online_cancel(regclass) IS 'leave off what csec.protect_online() began; the table is as it was';

-- No SET and no SECURITY DEFINER, as it commits: so it only calls functions,
-- by their full names, and computes nothing.
CREATE PROCEDURE csec.protect_online(tab regclass, subject text[], fields jsonb DEFAULT NULL,
		subject_of regclass DEFAULT NULL, audit text DEFAULT NULL, decrypt jsonb DEFAULT NULL, batch int DEFAULT 5000, subject_keys boolean DEFAULT false)
	LANGUAGE plpgsql
	AS $$
BEGIN
	PERFORM csec.migration_begin(tab, subject, fields, subject_of, audit, decrypt, subject_keys);
	COMMIT;
	LOOP
		WHILE csec.migration_copy(tab, batch) LOOP
			COMMIT;
		END LOOP;
		COMMIT;
		WHILE csec.migration_follow(tab, batch) LOOP
			COMMIT;
		END LOOP;
		COMMIT;
		EXIT WHEN csec.migration_finish(tab);
		COMMIT;
	END LOOP;
END
$$;
REVOKE ALL ON PROCEDURE csec.protect_online(regclass, text[], jsonb, regclass, text, jsonb, int, boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.protect_online(regclass, text[], jsonb, regclass, text, jsonb, int, boolean) TO csec_admin;
COMMENT ON PROCEDURE csec.protect_online(regclass, text[], jsonb, regclass, text, jsonb, int, boolean) IS
	'csec.protect() for a large table that must not be locked for long: copies it in batches and takes an exclusive lock at the end, for as long as its indexes take; called again it goes on where it was. decrypt: column to expression, for columns encrypted by other means, over table t';
