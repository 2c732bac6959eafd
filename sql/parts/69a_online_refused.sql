-- What csec.protect_online() refuses, and which value keeps it from going on: the
-- table, the column, the row by its key, and for whom pgcrypto encrypted it.  Never
-- the value, nor an error's own text where a function may have put the value in.

-- Errors whose text may quote what they were about: of data, of constraints,
-- and what functions raise.
CREATE FUNCTION csec.may_quote(state text) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT left(state, 2) IN ('21', '22', '23', '2F', '38', '39', '44', 'P0') OR state !~ '^[0-9A-FXP]' $$;
REVOKE ALL ON FUNCTION csec.may_quote(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.may_quote(text) IS 'internal: may the text of an error with this SQLSTATE have a value in it?';

-- pgcrypto's own words, which are fixed, else the state alone.
CREATE FUNCTION csec.error_told(state text, message text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN NOT csec.may_quote(state) OR message ~ ('^((decrypt|decrypt_iv) error: )?(Cannot decrypt with public key|Corrupt ascii-armor|Corrupt key packet'
				'|Data not a multiple of block size|Decryption failed|Key was too big|Need password for secret key|Not text data|Wrong key( or corrupt data)?)$')
			THEN format('%s (%s)', message, state) ELSE format('SQLSTATE %s', state) END
	$$;
REVOKE ALL ON FUNCTION csec.error_told(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.error_told(text, text) IS 'internal: as much of an error as has no value in it';

-- For whom a value of pgcrypto's pgp functions is encrypted; null: it is none.
CREATE FUNCTION csec.pgp_key(part oid, attname name, row_at tid) RETURNS text
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	key_id text := (SELECT format('%I.%I', p.pronamespace::regnamespace, p.proname) FROM pg_proc p
		JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pgcrypto'
		WHERE p.proname = 'pgp_key_id' AND p.proargtypes = '17');
	found text;
BEGIN
	EXECUTE format('SELECT %s(%I) FROM ONLY %s WHERE ctid = $1', key_id, attname, csec.qualified(part)) INTO found USING row_at;
	RETURN CASE found WHEN 'SYMKEY' THEN 'a password' WHEN 'ANYKEY' THEN 'a key that it does not name' ELSE 'key ' || found END;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.pgp_key(oid, name, tid) FROM PUBLIC;
COMMENT ON FUNCTION csec.pgp_key(oid, name, tid) IS 'internal: the key that pgcrypto''s pgp functions encrypted a value for';

-- A row by its key; a part of the key that becomes a field is not shown.
CREATE FUNCTION csec.row_named(m csec.migration, part oid, row_at tid) RETURNS text
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	named text;
BEGIN
	EXECUTE format('SELECT concat_ws('', '', %s) FROM ONLY %s t WHERE t.ctid = $1',
		(SELECT string_agg(CASE WHEN m.fields ? k THEN format('%L', format('%I = ***', k)) ELSE format('concat(%L, t.%I)', format('%I = ', k), k) END, ', ' ORDER BY n)
			FROM unnest(m.key) WITH ORDINALITY u (k, n)), csec.qualified(part)) INTO named USING row_at;
	RETURN named;
END
$$;
REVOKE ALL ON FUNCTION csec.row_named(csec.migration, oid, tid) FROM PUBLIC;
COMMENT ON FUNCTION csec.row_named(csec.migration, oid, tid) IS 'internal: the key of a row that csec.protect_online() cannot copy';

-- One value through the steps of a copy.  trouble: null where it passes.
CREATE FUNCTION csec.try_copy(part oid, col record, row_at tid, OUT trouble text, OUT told text)
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	lost boolean;
BEGIN
	trouble := 'its text cannot be had';
	EXECUTE format('SELECT t.%I IS NOT NULL AND %s IS NULL FROM ONLY %s t WHERE t.ctid = $1', col.attname, col.plain, csec.qualified(part)) INTO lost USING row_at;
	IF lost THEN
		trouble := 'it has a value, of which the expression makes null';
		RETURN;
	END IF;
	trouble := 'its text cannot be stored';
	EXECUTE format('SELECT %s FROM (SELECT t.*, %s AS %s FROM ONLY %s t WHERE t.ctid = $1) t',
		col.source, col.plain, csec.plain_name(col.attnum), csec.qualified(part)) USING row_at;
	trouble := NULL;
EXCEPTION WHEN OTHERS THEN
	IF trouble = 'its text cannot be stored' AND SQLSTATE = '42883' THEN
		EXECUTE format('SELECT format(''The expression gives %%s, and not a text'', pg_typeof(%s)) FROM ONLY %s t WHERE t.ctid = $1', col.plain, csec.qualified(part)) INTO told USING row_at;
		RETURN;
	END IF;
	told := CASE WHEN trouble = 'its text cannot be stored' AND SQLERRM ~ '^(a stored value is not one|values) of category ' THEN SQLERRM
		ELSE csec.error_told(SQLSTATE, SQLERRM) END;
END
$$;
REVOKE ALL ON FUNCTION csec.try_copy(oid, record, tid) FROM PUBLIC;
COMMENT ON FUNCTION csec.try_copy(oid, record, tid) IS 'internal: what keeps a value from being copied';

-- The first value of a batch that fails, as an error.
CREATE FUNCTION csec.refuse_row(m csec.migration, part oid, clause text) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	row_at tid;
	col record;
	trouble text;
	told text;
BEGIN
	FOR row_at IN EXECUTE format('SELECT t.ctid FROM ONLY %s t %s', csec.qualified(part), clause) LOOP
		FOR col IN SELECT * FROM csec.copy_columns(m, part) c WHERE c.plain IS NOT NULL LOOP
			SELECT y.trouble, y.told INTO trouble, told FROM csec.try_copy(part, col, row_at) y;
			IF trouble IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'data_exception',
					MESSAGE = format('column "%s" of %s, row %s: %s', col.attname, csec.qualified(part), csec.row_named(m, part, row_at), trouble),
					DETAIL = concat_ws(' ', told || '.', 'It is encrypted for ' || csec.pgp_key(part, col.attname, row_at) || '.', 'What was copied before stays so.'),
					HINT = CASE WHEN m.decrypt ? col.attname THEN 'Mend the value, or give an expression that opens it as well; then' ELSE 'Mend the value; then' END
						|| ' call csec.protect_online() again to go on from here. csec.protect_online_cancel() leaves the table as it was.';
			END IF;
		END LOOP;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_row(csec.migration, oid, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_row(csec.migration, oid, text) IS 'internal: names the value that keeps csec.protect_online() from going on';

CREATE FUNCTION csec.refuse_decrypt(decrypt jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF decrypt <> '{}' AND NOT csec.is_superuser(csec.acting_role()) THEN
		RAISE EXCEPTION 'only a superuser may give expressions that decrypt' USING ERRCODE = 'insufficient_privilege',
			HINT = 'They are run with the rights of one.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_decrypt(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_decrypt(jsonb) IS 'internal: who may give expressions to csec.protect_online()';

-- What csec.protect_online() cannot do, beside what csec.protect() refuses.
CREATE FUNCTION csec.refuse_online(m csec.migration) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name text := csec.qualified(m.relid);
	request csec.protect_request := (m.relid, m.subject,
		(SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(m.fields) f WHERE NOT m.decrypt ? f.key),
		m.subject_of, true, m.audit, true, NULL, m.subject_keys);
	missing text;
BEGIN
	PERFORM csec.refuse_plan(name, (csec.make_plan(request)).plan);
	IF EXISTS (SELECT FROM csec.tree(m.relid) t JOIN pg_class c ON c.oid = t
			WHERE c.relkind NOT IN ('r', 'p') OR c.oid <> m.relid AND NOT c.relispartition) THEN
		RAISE EXCEPTION '% has children or foreign tables, which cannot be protected online', name
			USING ERRCODE = 'feature_not_supported', HINT = 'csec.protect(..., allow_lock => true) does it in one go.';
	END IF;
	IF m.key IS NULL THEN
		RAISE EXCEPTION '% has no primary key to copy its rows by', name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Add one, or use csec.protect(..., allow_lock => true).';
	END IF;
	IF EXISTS (SELECT FROM csec.foreign_keys(m.relid, ARRAY(SELECT jsonb_object_keys(m.fields)::name))) THEN
		RAISE EXCEPTION 'a foreign key of % is over a field', name
			USING ERRCODE = 'feature_not_supported', HINT = 'csec.protect(..., allow_lock => true) can do that.';
	END IF;
	PERFORM csec.refuse_decrypt(m.decrypt);
	SELECT d INTO missing FROM jsonb_object_keys(m.decrypt) d WHERE NOT m.fields ? d LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'decrypt names column "%", which is no field', missing USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Name its category in fields.';
	END IF;
	missing := (SELECT string_agg(format('%s %s', x.kind, x.object), ', ' ORDER BY x.ord, x.object)
		FROM csec.dependents(ARRAY[m.relid::oid], ARRAY(SELECT jsonb_object_keys(m.decrypt)::name)) x);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION '% cannot stay as long as its column is encrypted by other means', missing USING ERRCODE = 'dependent_objects_still_exist',
			HINT = 'Drop it first (of a column''s default: ALTER COLUMN ... DROP DEFAULT), and make it again over the field.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_online(csec.migration) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_online(csec.migration) IS 'internal: raises what stands in the way of csec.protect_online()';

-- By a snapshot of before the lock the last changes would not be followed, and lost.
CREATE FUNCTION csec.migration_now() RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT csec.sees_now() THEN
		RAISE EXCEPTION 'csec.protect_online() needs isolation level READ COMMITTED' USING ERRCODE = 'invalid_transaction_state',
			HINT = 'SET default_transaction_isolation = ''read committed'' first.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.migration_now() FROM PUBLIC;
COMMENT ON FUNCTION csec.migration_now() IS 'internal: refuses to copy by the snapshot of a transaction that began earlier';

-- The condition on the rows of a part that are not copied yet; null: none is.
-- (Not of a domain: its checks would run with the rights of a superuser.)
CREATE FUNCTION csec.rows_after(m csec.migration, last_key text[]) RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('(%s) > (%s)', (SELECT string_agg(quote_ident(k), ', ') FROM unnest(m.key) k),
			string_agg(format('%L::%s', v.v, format_type(b.type, b.typmod)), ', ' ORDER BY v.n))
		FROM unnest(last_key) WITH ORDINALITY v (v, n) JOIN pg_attribute a ON a.attrelid = m.relid AND a.attname = m.key[v.n]
			CROSS JOIN LATERAL csec.base_type(a.atttypid, a.atttypmod) b
		HAVING last_key IS NOT NULL
	$$;
REVOKE ALL ON FUNCTION csec.rows_after(csec.migration, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.rows_after(csec.migration, text[]) IS 'internal: which rows csec.protect_online() has not copied yet';
