-- Columns that the policy names, under another name.

-- The policy takes the new name.  What was asked for by name, and not given yet,
-- is for the columns that had these names when it was asked.
CREATE FUNCTION csec.take_new_name(tab regclass, old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	request int8;
BEGIN
	SELECT r.id INTO request FROM csec.access_request r
	WHERE r.relid = tab AND r.state IN ('draft', 'submitted', 'suspended') AND r.fields && ARRAY[old, new]
	ORDER BY r.id LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of protected table % cannot be renamed to "%" while access is asked for by these names', old, csec.qualified(tab), new
			USING ERRCODE = '55000', HINT = format('Decide on request %s first, or withdraw it.', request);
	END IF;
	-- a name that is there without being a field must not become one by this
	IF EXISTS (SELECT FROM csec.match_permit m WHERE m.relid = tab AND new = ANY (m.fields)) THEN
		RAISE EXCEPTION 'csec.match_permit names column "%" of protected table %', new, csec.qualified(tab)
			USING ERRCODE = '55000', HINT = 'Take the name out of its row first.';
	END IF;
	UPDATE csec.match_permit m SET fields = array_replace(m.fields, old, new)
		WHERE m.relid = tab AND old = ANY (m.fields) AND csec.row_is_sound(m);
	UPDATE csec.protected_field SET attname = new WHERE relid = tab AND attname = old;
	UPDATE csec.protected_table SET subject = array_replace(subject, old, new) WHERE relid = tab AND old = ANY (subject);
END
$$;
REVOKE ALL ON FUNCTION csec.take_new_name(regclass, name, name) FROM PUBLIC;
COMMENT ON FUNCTION csec.take_new_name(regclass, name, name) IS 'internal: the policy takes a column''s new name';

-- The new name that the command which has just run gave to a column of the
-- table, or of one that it inherits from; null: it renamed none.
CREATE FUNCTION csec.name_given(tab regclass) RETURNS name
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname FROM pg_event_trigger_ddl_commands() c JOIN pg_attribute a ON a.attrelid = c.objid AND a.attnum = c.objsubid
		WHERE c.classid = 'pg_class'::regclass AND c.object_type = 'table column' AND c.objid IN (SELECT csec.above(tab)) AND NOT a.attisdropped
			AND EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = tab AND o.attname = a.attname)
			AND NOT EXISTS (SELECT FROM csec.protected_field f WHERE f.relid = tab AND f.attname = a.attname)
			AND NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab AND a.attname = ANY (t.subject))
	$$;
REVOKE ALL ON FUNCTION csec.name_given(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.name_given(regclass) IS 'internal, for event triggers: the name that a column of a table has got';

-- The same as a call, for who would rather name the policy than the table.
CREATE FUNCTION csec.rename_column(tab regclass, old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT csec.may_protect(tab) THEN
		RAISE EXCEPTION 'permission denied for table %', tab
			USING ERRCODE = '42501', HINT = 'A superuser may do this, and a member of csec_admin who owns the table.';
	END IF;
	PERFORM csec.own_ddl(true);
	EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', csec.qualified(tab), old, new);
	PERFORM csec.take_new_name(tab, old, new);
	PERFORM csec.own_ddl(false);
END
$$;
REVOKE ALL ON FUNCTION csec.rename_column(regclass, name, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.rename_column(regclass, name, name) TO csec_admin;
COMMENT ON FUNCTION csec.rename_column(regclass, name, name) IS
	'rename a field or subject column of a protected table; for superusers, and members of csec_admin who own the table';
