-- The way back: csec.unprotect() and csec.unprotect_all().

-- What depends on fields, made for plain columns.  With row_security = off a
-- default or a view that holds a constant of the reader's own masking raises
-- an error, where otherwise the mask would be stored in it.
CREATE FUNCTION csec.plain_dependents(tab regclass, columns name[]) RETURNS csec.dependent[]
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	SET row_security = off
	AS $$
		SELECT ARRAY(
			SELECT ROW(d.ord, d.kind, d.object, d.owner, d.drop_command,
				csec.without_types(d.create_commands[1]) || d.create_commands[2:])::csec.dependent
			FROM csec.dependents(ARRAY(SELECT t::oid FROM csec.tree(tab) t), columns) d)
	$$;
REVOKE ALL ON FUNCTION csec.plain_dependents(regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.plain_dependents(regclass, name[]) IS 'internal: what depends on fields, as it will be over plain columns';

-- Where a column is one of dates again, a literal may have been compared with it as a
-- text: then what it is compared with says of which type it is.
CREATE FUNCTION csec.create_plain(dependents csec.dependent[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET default_tablespace = ''
	AS $$
DECLARE
	d csec.dependent;
	problem text;
BEGIN
	FOR d IN SELECT * FROM unnest(dependents) u ORDER BY u.ord, u.object LOOP
		problem := CASE WHEN d.create_commands[1] IS NOT NULL THEN csec.attempt(d.create_commands[1]) END;
		IF problem IS NOT NULL
			AND csec.attempt(regexp_replace(d.create_commands[1], E'(\\x27(?:[^\\x27]|\\x27\\x27)*\\x27)::text\\M', E'\\1', 'g')) IS NOT NULL THEN
			RAISE EXCEPTION '% % cannot be made over plain columns: %', d.kind, d.object, problem
				USING ERRCODE = 'dependent_objects_still_exist', HINT = 'Drop it, and make it again afterwards.';
		END IF;
		PERFORM csec.execute_all(d.create_commands[2:]);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.create_plain(csec.dependent[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.create_plain(csec.dependent[]) IS 'internal: make over plain columns again what was over fields, or say what cannot be';

-- What stands in the way, as for csec.protect().
CREATE FUNCTION csec.plan_unprotect(tab regclass, reason text, allow_lock boolean) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	tab_name text := csec.qualified(tab);
	columns name[] := ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = tab AND f.original_type IS NOT NULL);
	heap bigint := (SELECT sum(pg_table_size(t)) FROM csec.tree(tab) t);
BEGIN
	IF NOT EXISTS (SELECT FROM csec.protected_table p WHERE p.relid = tab) THEN
		RETURN NEXT csec.refusal(tab_name, format('%s is not protected', coalesce(tab_name, tab::text)), '42704', 'See csec.protected_table for those that are.');
		RETURN;
	ELSIF NOT csec.may_protect(tab) THEN
		RETURN NEXT csec.refusal(tab_name, format('permission denied to unprotect %s', tab_name), '42501',
			'A superuser may unprotect a table, and a member of csec_admin who owns it.');
		RETURN;
	END IF;
	IF NOT csec.states(reason, length(reason)) THEN
		RETURN NEXT csec.refusal('reason', 'unprotecting a table needs a reason', '22023', 'It will stand in the trail.');
	ELSIF length(reason) > 1000 OR reason ~ '[[:cntrl:]]' THEN
		RETURN NEXT csec.refusal('reason', 'the reason must be one line of at most 1000 characters', '22023', 'It will stand in the trail.');
	END IF;
	RETURN QUERY SELECT (csec.refusal(csec.qualified(p.relid), format('the subjects of %s are those of %s', csec.qualified(p.relid), tab_name),
			'2BP01', 'Unprotect that table first.')).*
		FROM csec.protected_table p WHERE p.subject_of = tab;
	RETURN QUERY SELECT (csec.refusal(k.name, format('foreign key %s links a field of %s with one of another table', k.name, tab_name),
			'2BP01', 'csec.unprotect_all() brings all tables back with it; or drop it, unprotect both, and add it again.')).*
		FROM csec.foreign_keys(tab, columns) k
		WHERE k.referrer NOT IN (SELECT csec.tree(tab)) AND csec.column_category(k.referrer, k.referring) IS NOT NULL
			OR k.referred_table NOT IN (SELECT csec.tree(tab)) AND csec.column_category(k.referred_table, k.referred) IS NOT NULL;
	IF columns <> '{}' AND heap > csec.rewrite_limit() AND allow_lock IS NOT TRUE THEN
		RETURN NEXT csec.refusal(tab_name, format('%s has %s, and would be locked for long', tab_name, pg_size_pretty(heap)), '53400',
			'Add allow_lock => true in a quiet hour.');
	END IF;
	RETURN QUERY SELECT * FROM csec.plan_foreign_code(tab) WHERE columns <> '{}';
	RETURN QUERY SELECT * FROM csec.plan_obstacles(tab, columns);
END
$$;
REVOKE ALL ON FUNCTION csec.plan_unprotect(regclass, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_unprotect(regclass, text, boolean) IS 'internal: what keeps a table from being unprotected';

CREATE FUNCTION csec.disarm(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT csec.qualified(g.tgrelid) AS name, g.tgname FROM pg_trigger g
		WHERE g.tgrelid IN (SELECT csec.tree(tab)) AND g.tgparentid = 0
			AND g.tgfoid IN ('csec.keep_masked'::regproc, 'csec.rekey_row'::regproc, 'csec.record_change'::regproc)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', r.tgname, r.name);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.disarm(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.disarm(regclass) IS 'internal: takes csec''s triggers off a table';

-- What csec.protect() had to change, as it was before.  A definition may name
-- what has another name by now, or is gone: that keeps nobody from going back.
CREATE FUNCTION csec.restore_replaced(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET default_tablespace = ''
	AS $$
DECLARE
	r csec.replaced_object;
	problem text;
BEGIN
	FOR r IN SELECT * FROM csec.replaced_object o WHERE o.relid = tab ORDER BY o.name LOOP
		problem := CASE WHEN to_regclass(r.name) IS NOT NULL THEN 'its name is taken' ELSE csec.attempt(r.definition) END;
		IF problem IS NOT NULL THEN
			RAISE WARNING '% is not brought back as it was: %', r.name, problem
				USING HINT = 'Its definition is in csec.replaced_object, if this is rolled back.';
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.restore_replaced(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.restore_replaced(regclass) IS 'internal: brings back what csec.protect() replaced';

CREATE FUNCTION csec.make_plain(tab regclass, widen boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	columns name[] := ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = tab AND f.original_type IS NOT NULL);
	dependents csec.dependent[] := csec.plain_dependents(tab, columns);
	storage text[] := csec.storage_commands(ARRAY(SELECT t::oid FROM csec.tree(tab) t), columns);
	hint text;
BEGIN
	-- what somebody dropped in the meantime is not wanted any more
	DELETE FROM csec.replaced_object r WHERE r.relid = tab AND r.remade AND to_regclass(r.name) IS NULL;
	PERFORM csec.drop_dependents(dependents);
	BEGIN
		PERFORM csec.rewrite_plain(tab, widen);
	EXCEPTION WHEN string_data_right_truncation THEN
		RAISE EXCEPTION 'values of % have outgrown the original types of their columns', csec.qualified(tab)
			USING ERRCODE = 'string_data_right_truncation',
				HINT = 'Add widen => true: the columns become text.';
	WHEN object_not_in_prerequisite_state OR undefined_object OR data_corrupted THEN
		-- the first value that does not open says only which key it is under
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		RAISE EXCEPTION 'a value of % cannot be given back: %', csec.qualified(tab), SQLERRM
			USING ERRCODE = SQLSTATE, HINT = concat_ws(' ', nullif(hint, ''), format('csec.check_envelopes(%L) shows all values of the table that do not open, and why.', csec.qualified(tab)));
	END;
	PERFORM csec.execute_all(storage);
	PERFORM csec.restore_replaced(tab);
	-- an index that did not come back as it was stays as it is
	PERFORM csec.create_plain(ARRAY(SELECT d FROM unnest(dependents) d
		WHERE d.kind <> 'index' OR to_regclass(d.object) IS NULL));
END
$$;
REVOKE ALL ON FUNCTION csec.make_plain(regclass, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_plain(regclass, boolean) IS 'internal: gives the fields of a table their original types back';

CREATE FUNCTION csec.unprotect(tab regclass, reason text, allow_lock boolean DEFAULT false, widen boolean DEFAULT false)
	RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	plan csec.plan_row[] := ARRAY(SELECT p FROM csec.plan_unprotect(tab, reason, allow_lock) p);
	name text := csec.qualified(tab);
BEGIN
	PERFORM csec.need_now('unprotect', coalesce(name, tab::text));
	IF NOT EXISTS (SELECT FROM unnest(plan) p WHERE p.kind = 'refuse') THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', name);
		plan := ARRAY(SELECT p FROM csec.plan_unprotect(tab, reason, allow_lock) p);
	END IF;
	PERFORM csec.refuse_plan(name, plan);
	PERFORM csec.control('unprotect', name, jsonb_build_object('reason', reason));
	PERFORM csec.own_ddl(true);
	PERFORM csec.disarm(tab);
	IF EXISTS (SELECT FROM csec.protected_field f WHERE f.relid = tab AND f.original_type IS NOT NULL) THEN
		PERFORM csec.make_plain(tab, widen);
	END IF;
	DELETE FROM csec.protected_table p WHERE p.relid = tab;
	PERFORM csec.end_access_to(tab);
	PERFORM csec.own_ddl(false);
END
$$;
REVOKE ALL ON FUNCTION csec.unprotect(regclass, text, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.unprotect(regclass, text, boolean, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.unprotect(regclass, text, boolean, boolean) IS
	'give a table its plain columns back, with their full values, and stop recording it; its trail stays. widen: columns become text, for values that have outgrown their original type. For superusers, and members of csec_admin who own the table; on record with the reason';

-- Those whose subjects are another table's go first; foreign keys between
-- fields go before them and come back in the end.
CREATE FUNCTION csec.unprotect_all(reason text, allow_lock boolean DEFAULT false, widen boolean DEFAULT false)
	RETURNS SETOF regclass
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	keys text[];
	tab regclass;
	left_over text;
	r record;
BEGIN
	PERFORM csec.need_now('unprotect', 'all');
	FOR r IN SELECT p.relid FROM csec.protected_table p WHERE NOT csec.may_protect(p.relid) LOOP
		RAISE EXCEPTION 'permission denied to unprotect %', csec.qualified(r.relid)
			USING ERRCODE = '42501', HINT = 'A superuser may unprotect all tables, and a member of csec_admin who owns all that are protected.';
	END LOOP;
	keys := ARRAY(
		SELECT DISTINCT format('ALTER TABLE %s ADD CONSTRAINT %I %s', csec.qualified(k.conrelid), k.conname, pg_get_constraintdef(k.oid))
		FROM csec.protected_table p, csec.foreign_keys(p.relid, ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = p.relid)) f
			JOIN pg_constraint k ON k.oid = f.id);
	PERFORM csec.own_ddl(true);
	FOR r IN SELECT DISTINCT f.id, k.conname, csec.qualified(k.conrelid) AS name
		FROM csec.protected_table p, csec.foreign_keys(p.relid, ARRAY(SELECT f.attname FROM csec.protected_field f WHERE f.relid = p.relid)) f
			JOIN pg_constraint k ON k.oid = f.id
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.name, r.conname);
	END LOOP;
	FOR tab IN SELECT p.relid FROM csec.protected_table p ORDER BY p.subject_of IS NULL, p.relid LOOP
		PERFORM csec.unprotect(tab, reason, allow_lock, widen);
		RETURN NEXT tab;
	END LOOP;
	FOR r IN SELECT unnest(keys) AS command LOOP
		EXECUTE r.command;
	END LOOP;
	PERFORM csec.own_ddl(false);
	left_over := (SELECT string_agg(format('%s.%I', csec.qualified(c.relid), c.attname), ', ' ORDER BY csec.qualified(c.relid), c.attname)
		FROM (SELECT m.relid, m.attname FROM csec.masked_columns() m UNION SELECT e.relid, e.attname FROM csec.encrypted_columns() e) c);
	IF left_over IS NOT NULL THEN
		RAISE WARNING 'columns are fields still that csec.protect() did not make: %', left_over
			USING HINT = 'csec cannot be dropped before them. Let somebody who may see their values keep these as text, in another column, and drop them: ALTER TABLE ... DROP COLUMN ... CASCADE.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.unprotect_all(text, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.unprotect_all(text, boolean, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.unprotect_all(text, boolean, boolean) IS
	'csec.unprotect() for every protected table, before csec is dropped; all of them or none';
