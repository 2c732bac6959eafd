-- The plan as a whole.

-- The lines that the trial gives.
CREATE FUNCTION csec.plan_tried(tried csec.tried[]) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (CASE WHEN t.problem IS NULL THEN csec.step(k.kind, (t.dependent).object,
				coalesce(t.note, CASE k.kind WHEN 'constraint' THEN 'checked again' ELSE 'made again' END))
			ELSE csec.refusal((t.dependent).object,
				format('%s %s cannot stay as it is: %s', (t.dependent).kind, (t.dependent).object, t.problem), '2BP01',
				CASE k.kind WHEN 'constraint' THEN 'Drop it; = and <> work on fields as on text, and a strict category checks values by itself.'
					ELSE 'Drop it, or write it in another way; = and <> work on fields as on text.' END) END).*
		FROM unnest(tried) WITH ORDINALITY t
			CROSS JOIN LATERAL (SELECT CASE (t.dependent).kind WHEN 'materialized view' THEN 'view' WHEN 'rule' THEN 'view'
				WHEN 'statistics' THEN 'index' WHEN 'default' THEN 'constraint' ELSE (t.dependent).kind END AS kind) k
		WHERE t.problem IS NOT NULL OR (t.dependent).kind <> 'default'
		ORDER BY t.ordinality
	$$;
REVOKE ALL ON FUNCTION csec.plan_tried(csec.tried[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_tried(csec.tried[]) IS 'internal: the plan''s lines for what depends on fields';

-- Everything that depends on the change of types.
CREATE FUNCTION csec.plan_change(request csec.protect_request, OUT plan csec.plan_row[], OUT tried csec.tried[])
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	columns name[] := ARRAY(SELECT f.attname FROM csec.request_fields(request) f WHERE f.rewritten);
	types jsonb := (SELECT jsonb_object_agg(f.attname, csec.field_type(f.category, request.subject_keys)) FROM csec.request_fields(request) f WHERE f.rewritten);
BEGIN
	tried := '{}';
	plan := '{}';
	IF columns = '{}' OR NOT request.enforce THEN
		RETURN;
	END IF;
	plan := ARRAY(SELECT p FROM csec.plan_rewrite(request) p)
		|| ARRAY(SELECT p FROM csec.plan_obstacles(request.tab, columns) p)
		|| ARRAY(SELECT p FROM csec.plan_foreign_code(request.tab) p)
		|| ARRAY(SELECT p FROM csec.plan_foreign_keys(request.tab, columns) p);
	IF NOT EXISTS (SELECT FROM unnest(plan) p WHERE p.code = '42501') THEN
		tried := ARRAY(SELECT t FROM csec.try_types(request.tab, types) t);
		plan := plan || ARRAY(SELECT p FROM csec.plan_tried(tried) p) || ARRAY(SELECT p FROM csec.plan_values(request) p);
	END IF;
	plan := plan || ARRAY(SELECT p FROM csec.plan_functions(request.tab, columns) p);
END
$$;
REVOKE ALL ON FUNCTION csec.plan_change(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_change(csec.protect_request) IS 'internal: the plan of a change of types, and the trial behind it';

CREATE FUNCTION csec.plan_rest(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (csec.step('trigger', csec.qualified(request.tab), 'reads and changes are recorded from now on')).*
		UNION ALL
		SELECT (csec.step('note', csec.qualified(request.tab), CASE
			WHEN NOT EXISTS (SELECT FROM csec.request_fields(request)) THEN 'no field is masked: trail only'
			WHEN request.enforce THEN 'pg_dump needs a member of csec_backup from now on, and refuses others'
			ELSE 'nothing is masked yet: see csec.readers(), then csec.enforce()' END)).*
		UNION ALL
		SELECT (csec.step('note', csec.qualified(c.oid), 'is unlogged: a crash of the server empties it, and no record tells of its rows')).*
		FROM pg_class c WHERE c.oid IN (SELECT csec.tree(request.tab)) AND c.relpersistence = 'u'
	$$;
REVOKE ALL ON FUNCTION csec.plan_rest(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_rest(csec.protect_request) IS 'internal: what happens with every protected table';

-- The whole plan, by many small queries, which compiling (jit) only delays.
-- What cannot be looked at for what is wrong before is left
-- out; all else that is wrong is in it together.
CREATE FUNCTION csec.make_plan(request csec.protect_request, OUT plan csec.plan_row[], OUT tried csec.tried[])
	LANGUAGE plpgsql VOLATILE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	relation csec.plan_row := csec.plan_relation(request.tab);
	fields csec.plan_row[];
	change record;
BEGIN
	tried := '{}';
	plan := ARRAY(SELECT p FROM csec.plan_server() p) || ARRAY(SELECT p FROM csec.plan_options(request) p);
	IF relation.kind IS NOT NULL THEN
		plan := plan || relation;
		RETURN;
	END IF;
	fields := ARRAY(SELECT p FROM csec.plan_fields(request) p);
	plan := plan || ARRAY(SELECT p FROM csec.plan_subject(request) p) || fields;
	IF NOT EXISTS (SELECT FROM unnest(fields) p WHERE p.kind = 'refuse') THEN
		change := csec.plan_change(request);
		plan := plan || change.plan;
		tried := change.tried;
	END IF;
	plan := plan || ARRAY(SELECT p FROM csec.plan_rest(request) p);
END
$$;
REVOKE ALL ON FUNCTION csec.make_plan(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_plan(csec.protect_request) IS 'internal: the plan of csec.protect(), and the trial behind it';

CREATE FUNCTION csec.plan_protect(tab regclass, subject text[], fields jsonb DEFAULT NULL, subject_of regclass DEFAULT NULL,
		enforce boolean DEFAULT true, audit text DEFAULT NULL, allow_lock boolean DEFAULT false, observe_until timestamptz DEFAULT NULL,
		subject_keys boolean DEFAULT false)
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
		FROM csec.make_plan((tab, subject, fields, subject_of, enforce, audit, allow_lock, observe_until, coalesce(subject_keys, false))::csec.protect_request) m,
			unnest(m.plan) WITH ORDINALITY p
	$$;
REVOKE ALL ON FUNCTION csec.plan_protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.plan_protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.plan_protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) IS
	'what csec.protect() of the same arguments would do, break or refuse; changes nothing';

CREATE FUNCTION csec.plan_protect(tab regclass, subject text, fields jsonb DEFAULT NULL, subject_of regclass DEFAULT NULL,
		enforce boolean DEFAULT true, audit text DEFAULT NULL, allow_lock boolean DEFAULT false, observe_until timestamptz DEFAULT NULL,
		subject_keys boolean DEFAULT false)
	RETURNS TABLE (step int, kind text, object text, what text)
	LANGUAGE sql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT * FROM csec.plan_protect(tab, ARRAY[subject], fields, subject_of, enforce, audit, allow_lock, observe_until, subject_keys)
	$$;
REVOKE ALL ON FUNCTION csec.plan_protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.plan_protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.plan_protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) IS
	'what csec.protect() of the same arguments would do, break or refuse; changes nothing';
