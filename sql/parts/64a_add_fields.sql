-- csec.add_fields(): more fields for a table that is protected already.

-- A request for the columns that are no fields yet.
CREATE FUNCTION csec.request_more(tab regclass, fields jsonb, allow_lock boolean) RETURNS csec.protect_request
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (tab, t.subject::text[],
			CASE jsonb_typeof(fields) WHEN 'object' THEN
				coalesce((SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(fields) n
					WHERE NOT EXISTS (SELECT FROM csec.protected_field f
						WHERE f.relid = tab AND f.attname = n.key AND to_jsonb(f.category) = n.value)), '{}')
				ELSE coalesce(fields, 'null') END,
			t.subject_of, coalesce(t.enforce, true), t.audit, coalesce(allow_lock, false), NULL, coalesce(t.subject_keys, false))::csec.protect_request
		FROM (SELECT) one LEFT JOIN csec.protected_table t ON t.relid = tab
	$$;
REVOKE ALL ON FUNCTION csec.request_more(regclass, jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.request_more(regclass, jsonb, boolean) IS 'internal: what is asked of csec.add_fields()';

-- Why a table can have no more fields; null: it can.
CREATE FUNCTION csec.plan_more_relation(tab regclass) RETURNS csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind csec.plan_row := csec.plan_kind(tab);
BEGIN
	IF kind.kind IS NULL AND NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab) THEN
		RETURN csec.refusal(csec.qualified(tab), format('%s is not protected', csec.qualified(tab)), '42704', 'csec.protect() comes first.');
	END IF;
	RETURN kind;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_more_relation(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_more_relation(regclass) IS 'internal: why a table can have no more fields; null: it can';

-- In a table that is only observed its fields have their old types, so that
-- the columns do not say what they are.
CREATE FUNCTION csec.plan_other_category(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (csec.refusal(f.attname, format('column "%s" is of category "%s" already', f.attname, f.category),
			'42809', 'A value keeps its category; name that one.')).*
		FROM csec.protected_field f
		WHERE f.relid = request.tab AND f.original_type IS NULL
			AND jsonb_typeof(request.fields) = 'object' AND request.fields ? f.attname
	$$;
REVOKE ALL ON FUNCTION csec.plan_other_category(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_other_category(csec.protect_request) IS 'internal: fields that are to become something else';

-- As csec.make_plan(), for a table that is protected.
CREATE FUNCTION csec.plan_more(request csec.protect_request, OUT plan csec.plan_row[], OUT tried csec.tried[])
	LANGUAGE plpgsql VOLATILE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	relation csec.plan_row := csec.plan_more_relation(request.tab);
	change record;
BEGIN
	tried := '{}';
	IF relation.kind IS NOT NULL THEN
		plan := ARRAY[relation];
		RETURN;
	END IF;
	plan := ARRAY(SELECT p FROM csec.plan_fields(request) p WHERE p.kind = 'refuse')
		|| ARRAY(SELECT p FROM csec.plan_subject_columns(request) p WHERE p.kind = 'refuse')
		|| ARRAY(SELECT p FROM csec.plan_other_category(request) p);
	IF plan = '{}' THEN
		change := csec.plan_change(request);
		plan := change.plan;
		tried := change.tried;
	END IF;
	IF plan = '{}' THEN
		plan := ARRAY[csec.step('note', csec.qualified(request.tab), CASE
			WHEN request.fields = '{}' THEN 'these are fields already: nothing to do'
			ELSE 'nothing is masked yet: see csec.readers(), then csec.enforce()' END)];
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_more(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_more(csec.protect_request) IS 'internal: the plan of csec.add_fields(), and the trial behind it';

CREATE FUNCTION csec.plan_add_fields(tab regclass, fields jsonb, allow_lock boolean DEFAULT false)
	RETURNS TABLE (step int, kind text, object text, what text)
	LANGUAGE sql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
		SELECT p.ordinality::int, p.kind, p.object, p.what || coalesce('. ' || p.hint, '')
		FROM csec.plan_more(csec.request_more(tab, fields, allow_lock)) m, unnest(m.plan) WITH ORDINALITY p
	$$;
REVOKE ALL ON FUNCTION csec.plan_add_fields(regclass, jsonb, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.plan_add_fields(regclass, jsonb, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.plan_add_fields(regclass, jsonb, boolean) IS
	'what csec.add_fields() of the same arguments would do, break or refuse; changes nothing';

CREATE FUNCTION csec.add_fields(tab regclass, fields jsonb, allow_lock boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	request csec.protect_request := csec.request_more(tab, fields, allow_lock);
	relation csec.plan_row := csec.plan_more_relation(tab);
	planned record;
BEGIN
	PERFORM csec.need_now('add_fields', coalesce(csec.qualified(tab), tab::text));
	IF relation.kind IS NULL AND request.fields <> '{}' THEN
		PERFORM csec.lock_table(request);
		-- what another session added while the lock was waited for
		request := csec.request_more(tab, fields, allow_lock);
	END IF;
	planned := csec.plan_more(request);
	PERFORM csec.refuse_plan(coalesce(csec.qualified(tab), tab::text), planned.plan);
	IF request.fields = '{}' THEN
		RETURN;
	END IF;
	INSERT INTO csec.protected_field (relid, attname, category, original_type)
		SELECT tab, f.attname, f.category, CASE WHEN request.enforce OR NOT f.rewritten THEN f.original_type END
		FROM csec.request_fields(request) f WHERE request.fields ? f.attname;
	PERFORM csec.control('add fields', csec.qualified(tab), request.fields);
	PERFORM csec.carry_out(request, planned.tried);
END
$$;
REVOKE ALL ON FUNCTION csec.add_fields(regclass, jsonb, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.add_fields(regclass, jsonb, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.add_fields(regclass, jsonb, boolean) IS
	'make more columns (column -> category) of a protected table fields; those that are stay. It rewrites the table under its lock, above 1 GB with allow_lock => true only. For superusers, and members of csec_admin who own the table. csec.plan_add_fields() tells beforehand';
