-- csec.apply(): the whole policy as one document, for version control.  It
-- makes the policy what the document says, does nothing where it is so
-- already, and may take access away but never protection: a table, field,
-- level or category that the document does not have stays and is named.

CREATE TYPE csec.applied AS (object text, what text);
COMMENT ON TYPE csec.applied IS 'internal: a line of what csec.apply() did, or would do';

CREATE FUNCTION csec.bad_document(place text, what text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '%: %', place, what
		USING ERRCODE = 'invalid_parameter_value', HINT = 'csec.policy_document() shows the form of a policy.';
END
$$;
REVOKE ALL ON FUNCTION csec.bad_document(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.bad_document(text, text) IS 'internal: the error of a policy document, with its place';

-- A part of a document must be an object (or array) of known keys: a typing
-- error must not pass for something left out.
CREATE FUNCTION csec.check_document(place text, part jsonb, keys text[]) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	unknown text;
BEGIN
	IF jsonb_typeof(part) IS DISTINCT FROM 'object' THEN
		PERFORM csec.bad_document(place, 'must be an object');
	END IF;
	SELECT k INTO unknown FROM jsonb_object_keys(part) k WHERE k <> ALL (keys) LIMIT 1;
	IF FOUND THEN
		PERFORM csec.bad_document(place, format('unknown key "%s"', unknown));
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_document(text, jsonb, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_document(text, jsonb, text[]) IS 'internal: refuses a part of a policy document with unknown keys';

-- csec.level and csec.category: the columns that a document may state.
CREATE FUNCTION csec.stated_columns(tab regclass) RETURNS text[]
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
		WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('name', 'shipped', 'mac')
	$$;
REVOKE ALL ON FUNCTION csec.stated_columns(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.stated_columns(regclass) IS 'internal: the columns of a level or category that a policy document may state';

-- One level or category.
CREATE FUNCTION csec.apply_row(tab regclass, name text, stated jsonb) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	object text := format('%s %s', (SELECT c.relname FROM pg_class c WHERE c.oid = tab), name);
	present jsonb;
	columns text;
BEGIN
	PERFORM csec.check_document(object, stated, csec.stated_columns(tab));
	EXECUTE format('SELECT to_jsonb(t) FROM %s t WHERE t.name = $1', tab) INTO present USING name;
	IF present @> stated THEN
		RETURN;
	END IF;
	columns := (SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(stated) k);
	IF present IS NULL THEN
		EXECUTE format('INSERT INTO %1$s (name%2$s) SELECT $1%2$s FROM jsonb_populate_record(NULL::%1$s, $2)', tab, coalesce(', ' || columns, ''))
			USING name, stated;
	ELSE
		EXECUTE format('UPDATE %1$s t SET (%2$s) = ROW (%3$s) FROM jsonb_populate_record(NULL::%1$s, $2) n WHERE t.name = $1', tab, columns,
			(SELECT string_agg('n.' || quote_ident(k), ', ') FROM jsonb_object_keys(stated) k)) USING name, stated;
	END IF;
	RETURN NEXT (object, CASE WHEN present IS NULL THEN 'added' ELSE 'changed: ' || (SELECT string_agg(s.key, ', ' ORDER BY s.key)
		FROM jsonb_each(stated) s WHERE present -> s.key IS DISTINCT FROM s.value) END)::csec.applied;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_row(regclass, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_row(regclass, text, jsonb) IS 'internal: makes a level or category as a policy document states it';

CREATE FUNCTION csec.apply_rows(tab regclass, place text, stated jsonb) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF jsonb_typeof(stated) <> 'object' THEN
		PERFORM csec.bad_document(place, 'must be an object of names');
	END IF;
	RETURN QUERY SELECT a.* FROM jsonb_each(stated) s, csec.apply_row(tab, s.key, s.value) a;
	RETURN QUERY EXECUTE format('SELECT format(''%%s %%s'', %L, t.name), ''kept, though not in the document'' FROM %s t WHERE NOT t.shipped AND NOT $1 ? t.name ORDER BY 1',
		(SELECT c.relname FROM pg_class c WHERE c.oid = tab), tab) USING stated;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_rows(regclass, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_rows(regclass, text, jsonb) IS 'internal: makes levels or categories as a policy document states them';

-- The arguments of csec.protect() that a document states for a table.
CREATE FUNCTION csec.stated_request(name text, stated jsonb, allow_lock boolean) RETURNS csec.protect_request
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	request csec.protect_request;
BEGIN
	PERFORM csec.check_document('table ' || name, stated,
		'{subject,fields,subject_of,enforce,audit,observe_until,subject_keys,repeats_within}');
	request.tab := to_regclass(name);
	IF request.tab IS NULL THEN
		PERFORM csec.bad_document('table ' || name, 'no such table; name it with its schema');
	END IF;
	request.subject := CASE jsonb_typeof(stated -> 'subject')
		WHEN 'string' THEN ARRAY[stated ->> 'subject']
		WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(stated -> 'subject')) END;
	request.fields := nullif(stated -> 'fields', 'null');
	request.subject_of := to_regclass(stated ->> 'subject_of');
	IF request.subject_of IS NULL AND stated ->> 'subject_of' IS NOT NULL THEN
		PERFORM csec.bad_document('table ' || name, 'subject_of names no table; name it with its schema');
	END IF;
	request.enforce := coalesce(nullif(stated -> 'enforce', 'null')::boolean, true);
	request.audit := stated ->> 'audit';
	request.observe_until := (stated ->> 'observe_until')::timestamptz;
	request.subject_keys := coalesce(nullif(stated -> 'subject_keys', 'null')::boolean, false);
	request.allow_lock := allow_lock;
	RETURN request;
END
$$;
REVOKE ALL ON FUNCTION csec.stated_request(text, jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.stated_request(text, jsonb, boolean) IS 'internal: what a policy document asks of csec.protect()';

-- What a document would change of a protected table and csec does not change
-- in place.
CREATE FUNCTION csec.check_same_protection(t csec.protected_table, request csec.protect_request) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	differing text := (SELECT string_agg(d.what, ', ') FROM (VALUES
		('subject', t.subject::text[] IS DISTINCT FROM request.subject),
		('subject_of', t.subject_of IS DISTINCT FROM request.subject_of),
		('subject_keys', t.subject_keys <> request.subject_keys),
		('enforce', t.enforce AND NOT request.enforce)) d (what, differs) WHERE d.differs);
BEGIN
	IF differing IS NOT NULL THEN
		RAISE EXCEPTION 'table % is protected with another %', csec.qualified(t.relid), differing
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'A document takes no protection away: csec.unprotect() the table first, or state what is.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_same_protection(csec.protected_table, csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_same_protection(csec.protected_table, csec.protect_request) IS 'internal: refuses a document that would protect a table in another way';

CREATE FUNCTION csec.apply_table(request csec.protect_request, dry_run boolean) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	t csec.protected_table := (SELECT p FROM csec.protected_table p WHERE p.relid = request.tab);
	object text := 'table ' || csec.qualified(request.tab);
	more jsonb;
BEGIN
	IF t.relid IS NULL THEN
		IF NOT dry_run THEN
			PERFORM csec.protect(request.tab, request.subject, request.fields, request.subject_of, request.enforce, request.audit,
				request.allow_lock, request.observe_until, request.subject_keys);
		END IF;
		RETURN NEXT (object, CASE WHEN request.enforce THEN 'protected' ELSE 'observed' END)::csec.applied;
		RETURN;
	END IF;
	PERFORM csec.check_same_protection(t, request);
	more := (csec.request_more(request.tab, coalesce(request.fields, '{}'), request.allow_lock)).fields;
	IF more <> '{}' THEN
		IF NOT dry_run THEN
			PERFORM csec.add_fields(request.tab, request.fields, request.allow_lock);
		END IF;
		RETURN NEXT (object, 'fields added: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(more) k))::csec.applied;
	END IF;
	IF request.enforce AND NOT t.enforce THEN
		IF NOT dry_run THEN
			PERFORM csec.enforce(request.tab, request.allow_lock);
		END IF;
		RETURN NEXT (object, 'masks turned on')::csec.applied;
	END IF;
	IF t.audit IS DISTINCT FROM request.audit THEN
		IF NOT dry_run THEN
			PERFORM csec.refuse_plan(csec.qualified(request.tab), ARRAY(SELECT k FROM csec.plan_kind(request.tab) k WHERE k.kind IS NOT NULL)
				|| ARRAY(SELECT o FROM csec.plan_options(request) o WHERE o.object = 'audit'));
			UPDATE csec.protected_table p SET audit = request.audit WHERE p.relid = request.tab;
			IF NOT FOUND THEN
				RAISE EXCEPTION '% was protected anew, or unprotected, meanwhile', csec.qualified(request.tab)
					USING ERRCODE = 'object_in_use', HINT = 'Apply the document again.';
			END IF;
		END IF;
		RETURN NEXT (object, format('audit: %s', coalesce(request.audit, 'by level')))::csec.applied;
	END IF;
	RETURN QUERY SELECT object, format('field %s kept, though not in the document', f.attname)
		FROM csec.protected_field f WHERE f.relid = request.tab AND NOT coalesce(request.fields, '{}') ? f.attname ORDER BY f.attname;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_table(csec.protect_request, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_table(csec.protect_request, boolean) IS 'internal: protects a table as a policy document states it';

CREATE FUNCTION csec.apply_coalescing(tab regclass, within interval, dry_run boolean) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF within IS NOT DISTINCT FROM (SELECT p.repeats_within FROM csec.protected_table p WHERE p.relid = tab) THEN
		RETURN;
	END IF;
	IF NOT dry_run THEN
		PERFORM csec.set_coalescing(tab, within);
	END IF;
	RETURN NEXT ('table ' || csec.qualified(tab), format('repeats_within: %s', coalesce(to_char(within, 'HH24:MI:SS'), 'none')))::csec.applied;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_coalescing(regclass, interval, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_coalescing(regclass, interval, boolean) IS 'internal: how repeated reads of a table are recorded, as a policy document states it';

-- Tables of customers before those that refer to them.
CREATE FUNCTION csec.apply_tables(stated jsonb, allow_lock boolean, dry_run boolean) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s record;
	request csec.protect_request;
	named regclass[] := '{}';
BEGIN
	IF jsonb_typeof(stated) <> 'object' THEN
		PERFORM csec.bad_document('tables', 'must be an object of names');
	END IF;
	FOR s IN SELECT e.key, e.value FROM jsonb_each(stated) e ORDER BY e.value ->> 'subject_of' IS NOT NULL, e.key LOOP
		request := csec.stated_request(s.key, s.value, allow_lock);
		IF request.tab = ANY (named) THEN
			PERFORM csec.bad_document('table ' || s.key, 'stated twice');
		END IF;
		named := named || request.tab;
		RETURN QUERY SELECT * FROM csec.apply_table(request, dry_run);
		RETURN QUERY SELECT * FROM csec.apply_coalescing(request.tab, (s.value ->> 'repeats_within')::interval, dry_run);
	END LOOP;
	RETURN QUERY SELECT 'table ' || csec.qualified(t.relid), 'kept, though not in the document'
		FROM csec.protected_table t WHERE t.relid <> ALL (named) ORDER BY 1;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_tables(jsonb, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_tables(jsonb, boolean, boolean) IS 'internal: protects tables as a policy document states them';

CREATE FUNCTION csec.stated_role(place text, name text) RETURNS regrole
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- not by regrole's input, which folds names
	role regrole := (SELECT r.oid FROM pg_roles r WHERE r.rolname = name);
BEGIN
	IF role IS NULL THEN
		PERFORM csec.bad_document(place, format('role "%s" does not exist', name));
	END IF;
	RETURN role;
END
$$;
REVOKE ALL ON FUNCTION csec.stated_role(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.stated_role(text, text) IS 'internal: a role of a policy document';

CREATE FUNCTION csec.clearance_name(role regrole, level text, category text) RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('clearance of %s for %s', role, CASE WHEN level IS NULL THEN 'category ' || category ELSE 'level ' || level END)
	$$;
REVOKE ALL ON FUNCTION csec.clearance_name(regrole, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.clearance_name(regrole, text, text) IS 'internal: a clearance as csec.apply() calls it';

CREATE FUNCTION csec.apply_clearance(stated jsonb, OUT object text, OUT what text)
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	role regrole;
	ends timestamptz := (stated ->> 'until')::timestamptz;
	present csec.clearance;
BEGIN
	PERFORM csec.check_document('clearances', stated, '{role,level,category,until,reason}');
	PERFORM csec.check_scope(stated ->> 'level', stated ->> 'category');
	role := csec.stated_role('clearances', stated ->> 'role');
	object := csec.clearance_name(role, stated ->> 'level', stated ->> 'category');
	present := (SELECT c FROM csec.clearance c WHERE csec.clearance_name(c.role, c.level, c.category) = apply_clearance.object);
	IF present.role IS NOT NULL AND csec.row_is_sound(present)
		AND (present.until, present.reason) IS NOT DISTINCT FROM (ends, stated ->> 'reason') THEN
		RETURN;
	END IF;
	PERFORM csec.set_clearance(role, stated ->> 'level', stated ->> 'category', ends, stated ->> 'reason');
	what := CASE WHEN present.role IS NULL THEN 'given' ELSE 'changed' END;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_clearance(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_clearance(jsonb) IS 'internal: gives a clearance that a policy document states';

-- Whole: a clearance that is not stated is taken back.
CREATE FUNCTION csec.apply_clearances(stated jsonb) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s jsonb;
	done csec.applied;
	kept text[] := '{}';
	extra csec.clearance;
BEGIN
	IF jsonb_typeof(stated) <> 'array' THEN
		PERFORM csec.bad_document('clearances', 'must be an array');
	END IF;
	FOR s IN SELECT jsonb_array_elements(stated) LOOP
		done := csec.apply_clearance(s);
		IF done.object = ANY (kept) THEN
			PERFORM csec.bad_document(done.object, 'stated twice');
		END IF;
		kept := kept || done.object;
		IF done.what IS NOT NULL THEN
			RETURN NEXT done;
		END IF;
	END LOOP;
	FOR extra IN SELECT c.* FROM csec.clearance c JOIN pg_roles r ON r.oid = c.role
		WHERE csec.clearance_name(c.role, c.level, c.category) <> ALL (kept) ORDER BY r.rolname, c.level, c.category
	LOOP
		PERFORM csec.revoke_clearance(extra.role, extra.level, extra.category);
		RETURN NEXT (csec.clearance_name(extra.role, extra.level, extra.category), 'revoked: not in the document')::csec.applied;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_clearances(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_clearances(jsonb) IS 'internal: makes the clearances those that a policy document states';

CREATE FUNCTION csec.apply_default_reasons(stated jsonb) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s record;
BEGIN
	IF jsonb_typeof(stated) <> 'object' OR jsonb_path_exists(stated, 'strict $.* ? (@.type() != "string")') THEN
		PERFORM csec.bad_document('default_reasons', 'must be an object of roles and their reasons');
	END IF;
	FOR s IN SELECT coalesce(e.role, d.role::oid::regrole) AS role, e.reason, d.reason AS present
		FROM (SELECT csec.stated_role('default_reasons', j.key) AS role, j.value AS reason FROM jsonb_each_text(stated) j) e
			FULL JOIN (SELECT d.* FROM csec.default_reason d JOIN pg_roles r ON r.oid = d.role) d ON d.role = e.role
		WHERE e.reason IS DISTINCT FROM d.reason ORDER BY 1
	LOOP
		PERFORM csec.set_default_reason(s.role, s.reason);
		RETURN NEXT (format('default reason of %s', s.role), CASE WHEN s.reason IS NULL THEN 'taken back: not in the document'
			WHEN s.present IS NULL THEN 'given' ELSE 'changed' END)::csec.applied;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_default_reasons(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_default_reasons(jsonb) IS 'internal: makes the default reasons those that a policy document states';

CREATE FUNCTION csec.apply_parts(policy jsonb, allow_lock boolean, dry_run boolean) RETURNS SETOF csec.applied
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- two documents at once would each undo what the other did
	LOCK TABLE csec.clearance IN SHARE ROW EXCLUSIVE MODE;
	IF policy ? 'levels' THEN
		RETURN QUERY SELECT * FROM csec.apply_rows('csec.level', 'levels', policy -> 'levels');
	END IF;
	IF policy ? 'categories' THEN
		RETURN QUERY SELECT * FROM csec.apply_rows('csec.category', 'categories', policy -> 'categories');
	END IF;
	IF policy ? 'tables' THEN
		RETURN QUERY SELECT * FROM csec.apply_tables(policy -> 'tables', allow_lock, dry_run);
	END IF;
	IF policy ? 'clearances' THEN
		RETURN QUERY SELECT * FROM csec.apply_clearances(policy -> 'clearances');
	END IF;
	IF policy ? 'default_reasons' THEN
		RETURN QUERY SELECT * FROM csec.apply_default_reasons(policy -> 'default_reasons');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.apply_parts(jsonb, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.apply_parts(jsonb, boolean, boolean) IS 'internal: the work of csec.apply()';

-- A dry run does all but what rewrites tables, and takes it back, so that it
-- meets what the run itself would meet.
CREATE FUNCTION csec.apply(policy jsonb, dry_run boolean DEFAULT false, allow_lock boolean DEFAULT false)
	RETURNS TABLE (step int, object text, what text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	done csec.applied[];
BEGIN
	PERFORM csec.need_now('apply', 'policy');
	PERFORM csec.hold_person(csec.current_person());
	PERFORM csec.check_document('policy', policy, '{levels,categories,tables,clearances,default_reasons}');
	BEGIN
		done := ARRAY(SELECT a FROM csec.apply_parts(policy, coalesce(allow_lock, false), coalesce(dry_run, false)) a);
		IF dry_run THEN
			RAISE EXCEPTION USING ERRCODE = 'CSDRY';
		END IF;
	EXCEPTION WHEN SQLSTATE 'CSDRY' THEN
		NULL;
	END;
	RETURN QUERY SELECT d.ordinality::int, d.object, d.what FROM unnest(done) WITH ORDINALITY d;
END
$$;
REVOKE ALL ON FUNCTION csec.apply(jsonb, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.apply(jsonb, boolean, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.apply(jsonb, boolean, boolean) IS
	'make the policy what a document says (levels, categories, tables, clearances, default_reasons), and tell each step; nothing is done where it is so already. A part that is stated is stated whole: clearances and default reasons not in it are taken back, tables, fields, levels and categories stay and are named. dry_run: only tell; allow_lock as in csec.protect(). In one transaction. For superusers and members of csec_admin, within what each step is allowed to them';

-- A level or category without what is not stated, or as by default.
CREATE FUNCTION csec.document_row(stored jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT jsonb_strip_nulls(stored - 'name' - 'shipped' - 'mac') $$;
REVOKE ALL ON FUNCTION csec.document_row(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.document_row(jsonb) IS 'internal: a level or category as a policy document states it';

CREATE FUNCTION csec.policy_document() RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	AS $$
		SELECT jsonb_build_object(
			'levels', (SELECT coalesce(jsonb_object_agg(l.name, csec.document_row(to_jsonb(l))), '{}') FROM csec.level l WHERE NOT l.shipped),
			'categories', (SELECT coalesce(jsonb_object_agg(c.name, csec.document_row(to_jsonb(c))), '{}') FROM csec.category c WHERE NOT c.shipped),
			'tables', (SELECT coalesce(jsonb_object_agg(csec.qualified(t.relid), jsonb_strip_nulls(jsonb_build_object(
					'subject', CASE cardinality(t.subject) WHEN 1 THEN to_jsonb(t.subject[1]) ELSE to_jsonb(t.subject) END,
					'subject_of', csec.qualified(t.subject_of), 'audit', t.audit,
					'enforce', CASE WHEN NOT t.enforce THEN false END, 'observe_until', t.observe_until,
					'subject_keys', CASE WHEN t.subject_keys THEN true END, 'repeats_within', to_char(t.repeats_within, 'HH24:MI:SS.US'),
					'fields', (SELECT jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = t.relid)))), '{}')
				FROM csec.protected_table t JOIN pg_class r ON r.oid = t.relid),
			'clearances', (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('role', r.rolname, 'level', c.level, 'category', c.category,
					'until', c.until, 'reason', c.reason)) ORDER BY r.rolname, c.level, c.category), '[]')
				FROM csec.clearance c JOIN pg_roles r ON r.oid = c.role WHERE csec.row_is_sound(c)),
			'default_reasons', (SELECT coalesce(jsonb_object_agg(r.rolname, d.reason), '{}') FROM csec.default_reason d JOIN pg_roles r ON r.oid = d.role))
	$$;
REVOKE ALL ON FUNCTION csec.policy_document() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.policy_document() TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.policy_document() IS
	'the policy as csec.apply() takes it; shipped levels and categories that nobody changed are left out';
