-- The trial: what a change of types would do to the objects over the columns,
-- tried on empty copies of the tables in a schema of their own, within a
-- subtransaction that is rolled back.  PostgreSQL itself says what works.
--
-- First the copies' columns are text, so that definitions come out in terms
-- of text, free of the casts that PostgreSQL prints for varchar and char; those
-- of dates stay so, as what computes with a date does so with a field of dates.
-- Then they get csec's types, and everything is made again from those.

CREATE TYPE csec.tried AS (
	dependent csec.dependent,
	problem text,
	note text,
	changed boolean
);
COMMENT ON TYPE csec.tried IS
	'internal: a dependent with the commands that will make it; problem: why it cannot be made; note: what is to be known of it; changed: not as it was';

-- Does an expression see the text of a field, and so what its reader may see: by a
-- cast to a text type or to a date, by a function of dates that makes one, or through
-- the output function to any other type?
CREATE FUNCTION csec.reads_text(tree pg_node_tree) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT tree::text ~ (E'\\{FUNCEXPR :funcid (' || (SELECT string_agg(f::text, '|') FROM (
				SELECT castfunc::oid FROM pg_cast
				WHERE castsource IN ('csec.masked'::regtype, 'csec.encrypted'::regtype) AND castfunc <> 0
					AND casttarget NOT IN ('csec.masked'::regtype, 'csec.encrypted'::regtype)
				UNION SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
					AND proname IN ('date_trunc', 'date_part', 'to_char', 'age')
					AND ('csec.masked'::regtype = ANY (proargtypes) OR 'csec.encrypted'::regtype = ANY (proargtypes))) r (f)) || ') ')
			OR tree::text ~ (E'\\{COERCEVIAIO :arg (\\{\\w+ :arg )*\\{VAR :varno \\d+ :varattno \\d+ :vartype ('
				|| (SELECT string_agg(oid::text, '|') FROM pg_type
					WHERE oid IN ('csec.masked'::regtype, 'csec.encrypted'::regtype) OR typtype = 'd' AND csec.is_field_type(oid)) || ') ')
	$$;
REVOKE ALL ON FUNCTION csec.reads_text(pg_node_tree) FROM PUBLIC;
COMMENT ON FUNCTION csec.reads_text(pg_node_tree) IS 'internal: does a stored expression use the text of a field?';

CREATE FUNCTION csec.scratch_name(schema oid) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT format('csec_try_%s_%s', pg_backend_pid(), schema) $$;
REVOKE ALL ON FUNCTION csec.scratch_name(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.scratch_name(oid) IS 'internal: the schema that stands for another one during a trial';

-- A definition with the names of relations led to their copies, and back.
CREATE FUNCTION csec.led_astray(definition text, relations oid[]) RETURNS text
	LANGUAGE plpgsql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT regexp_replace(csec.qualified(c.oid), E'([^\\w\\s"])', E'\\\\\\1', 'g') AS name,
			format('%I.%I', csec.scratch_name(c.relnamespace), c.relname) AS copy
		FROM pg_class c WHERE c.oid = ANY (relations)
	LOOP
		definition := regexp_replace(definition, E'(?<![\\w$".])' || r.name || E'(?![\\w$"])', replace(r.copy, E'\\', E'\\\\'), 'g');
	END LOOP;
	RETURN definition;
END
$$;
REVOKE ALL ON FUNCTION csec.led_astray(text, oid[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.led_astray(text, oid[]) IS 'internal: a definition over the copies of relations';

CREATE FUNCTION csec.led_back(definition text, relations oid[]) RETURNS text
	LANGUAGE plpgsql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	n oid;
BEGIN
	FOR n IN SELECT DISTINCT relnamespace FROM pg_class WHERE oid = ANY (relations) LOOP
		definition := replace(definition, csec.scratch_name(n) || '.', n::regnamespace || '.');
	END LOOP;
	RETURN definition;
END
$$;
REVOKE ALL ON FUNCTION csec.led_back(text, oid[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.led_back(text, oid[]) IS 'internal: the definition of a copy as one of the original';

CREATE FUNCTION csec.copy_tables(relations oid[]) RETURNS oid[]
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
	copies oid[] := '{}';
BEGIN
	FOR r IN SELECT DISTINCT csec.scratch_name(relnamespace) AS schema FROM pg_class WHERE oid = ANY (relations) LOOP
		EXECUTE format('CREATE SCHEMA %I', r.schema);
	END LOOP;
	-- the owner's, so that functions in indexes run with his rights only
	FOR r IN SELECT c.oid, format('%I.%I', csec.scratch_name(relnamespace), relname) AS name, relowner::regrole AS owner
			FROM pg_class c WHERE c.oid = ANY (relations) AND relkind NOT IN ('v', 'm') LOOP
		EXECUTE format('CREATE TABLE %s (LIKE %s)', r.name, csec.qualified(r.oid));
		EXECUTE format('ALTER TABLE %s OWNER TO %s', r.name, r.owner);
		copies := copies || r.name::regclass::oid;
	END LOOP;
	RETURN copies;
END
$$;
REVOKE ALL ON FUNCTION csec.copy_tables(oid[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.copy_tables(oid[]) IS 'internal: empty copies of tables, for a trial';

-- types: column -> type.  The columns are empty, so nothing is converted.
CREATE FUNCTION csec.set_types(copies oid[], types jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
	was boolean := csec.in_own_ddl();
BEGIN
	FOR r IN SELECT a.attrelid, string_agg(format('ALTER COLUMN %I TYPE %s USING NULL', a.attname, t.value), ', ') AS clauses
		FROM pg_attribute a JOIN jsonb_each_text(types) t ON t.key = a.attname
		WHERE a.attrelid = ANY (copies) AND NOT a.attisdropped GROUP BY a.attrelid
	LOOP
		-- nobody has rows of the copies, so beside a field types may change
		PERFORM csec.own_ddl(true);
		EXECUTE format('ALTER TABLE %s %s', csec.qualified(r.attrelid), r.clauses);
		PERFORM csec.own_ddl(was);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.set_types(oid[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.set_types(oid[], jsonb) IS 'internal: gives columns of the copies their types';

-- An error to end a trial's attempt with its message, or null.
CREATE FUNCTION csec.attempt(command text) RETURNS text
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE command;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
REVOKE ALL ON FUNCTION csec.attempt(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.attempt(text) IS 'internal: run a command; its error message, or null';

-- What became of a dependent that was made with csec's types.
CREATE FUNCTION csec.trial_finding(d csec.dependent) RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE d.kind
			WHEN 'constraint' THEN (SELECT 'text' FROM pg_constraint k
				WHERE format('%I ON %s', k.conname, csec.qualified(k.conrelid)) = d.object AND csec.reads_text(k.conbin))
			WHEN 'policy' THEN (SELECT 'text' FROM pg_policy p
				WHERE format('%I ON %s', p.polname, csec.qualified(p.polrelid)) = d.object
					AND (csec.reads_text(p.polqual) OR csec.reads_text(p.polwithcheck)))
			WHEN 'view' THEN (SELECT 'text' FROM pg_rewrite r
				WHERE r.ev_class = to_regclass(d.object) AND csec.reads_text(r.ev_action))
			WHEN 'materialized view' THEN (SELECT 'text' FROM pg_rewrite r
				WHERE r.ev_class = to_regclass(d.object) AND csec.reads_text(r.ev_action))
			WHEN 'trigger' THEN (SELECT 'text' FROM pg_trigger g
				WHERE format('%I ON %s', g.tgname, csec.qualified(g.tgrelid)) = d.object AND csec.reads_text(g.tgqual))
			WHEN 'rule' THEN (SELECT 'text' FROM pg_rewrite r
				WHERE format('%I ON %s', r.rulename, csec.qualified(r.ev_class)) = d.object AND csec.reads_text(r.ev_action))
			END
	$$;
REVOKE ALL ON FUNCTION csec.trial_finding(csec.dependent) FROM PUBLIC;
COMMENT ON FUNCTION csec.trial_finding(csec.dependent) IS 'internal: "text" where a dependent sees what each reader may see';

CREATE FUNCTION csec.try_index(command text, OUT working text, OUT problem text)
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	working := command;
	problem := csec.attempt(working);
	IF problem IS NOT NULL AND NOT EXISTS (SELECT FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
			WHERE NOT l.collisdeterministic AND position(format(' COLLATE %I.%I', n.nspname, l.collname) IN command) > 0) THEN
		-- a pattern or collation of text means nothing to an order that tells nothing; one to which
		-- different texts are equal does to what is unique
		working := regexp_replace(command, E' (COLLATE ("[^"]+"|\\w+)(\\.("[^"]+"|\\w+))?|(text|varchar|bpchar)(_pattern)?_ops)(?=[ ,)])', '', 'g');
		IF working <> command THEN
			problem := csec.attempt(working);
		END IF;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.try_index(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.try_index(text) IS
	'internal: make an index on a copy, as it is said or else with the default operator classes';

-- One dependent, made with csec's types; "d" is as it is over the copies.
CREATE FUNCTION csec.try_dependent(d csec.dependent, OUT found csec.tried)
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	working text := d.create_commands[1];
	problem text;
BEGIN
	found.changed := false;
	IF d.kind = 'index' THEN
		SELECT * INTO working, problem FROM csec.try_index(d.create_commands[1]);
		found.changed := problem IS NOT NULL OR working <> d.create_commands[1];
		found.note := CASE
			WHEN problem IS NULL AND found.changed THEN 'rebuilt with the default operator class: it finds equal values, no patterns and no ranges'
			WHEN problem IS NULL THEN 'rebuilt'
			WHEN d.create_commands[1] NOT LIKE 'CREATE UNIQUE%' THEN format('dropped: %s; csec.unprotect() brings it back', problem)
			END;
		IF problem IS NOT NULL THEN
			d.create_commands := '{}';
			problem := CASE WHEN found.note IS NULL THEN problem END;
		ELSE
			d.create_commands[1] := working;
		END IF;
	ELSE
		problem := csec.attempt(working);
		IF problem IS NULL AND csec.trial_finding(d) = 'text' THEN
			IF d.kind = 'constraint' THEN
				problem := 'it reads the text of a field, which is a mask to most readers';
			ELSE
				found.note := 'made again; where it uses the text of a field it now sees what each reader may see';
			END IF;
		END IF;
	END IF;
	found.dependent := d;
	found.problem := problem;
END
$$;
REVOKE ALL ON FUNCTION csec.try_dependent(csec.dependent) FROM PUBLIC;
COMMENT ON FUNCTION csec.try_dependent(csec.dependent) IS 'internal: make a dependent over copies that have csec''s types';

-- The relations that a trial needs copies of: those with dependents, and
-- those that dependents are on.
CREATE FUNCTION csec.relations_tried(tab regclass, columns name[], dependents csec.dependent[]) RETURNS oid[]
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT array_agg(DISTINCT o) FROM (
			SELECT tab::oid AS o
			UNION SELECT d.owner FROM unnest(dependents) d
			UNION SELECT c.relid FROM csec.columns_of(ARRAY(SELECT t::oid FROM csec.tree(tab) t), columns) c
				JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = c.relid
					AND p.refobjsubid = c.attnum AND p.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass)) u
	$$;
REVOKE ALL ON FUNCTION csec.relations_tried(regclass, name[], csec.dependent[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.relations_tried(regclass, name[], csec.dependent[]) IS 'internal: the relations that a trial copies';

-- types: column -> type to come.  Gives every dependent with what will make
-- it.  Changes nothing.
CREATE FUNCTION csec.try_types(tab regclass, types jsonb) RETURNS SETOF csec.tried
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	columns name[] := ARRAY(SELECT jsonb_object_keys(types));
	originals csec.dependent[] := ARRAY(SELECT d FROM csec.dependents(ARRAY(SELECT t::oid FROM csec.tree(tab) t), columns) d);
	relations oid[] := csec.relations_tried(tab, columns, originals);
	copies oid[];
	as_text csec.dependent[];
	d csec.dependent;
	t csec.tried;
	found csec.tried[] := '{}';
	problem text;
BEGIN
	BEGIN
		copies := csec.copy_tables(relations);
		copies := ARRAY(SELECT c FROM unnest(copies) c JOIN pg_class k ON k.oid = c
			WHERE EXISTS (SELECT FROM csec.tree(tab) o WHERE csec.led_astray(csec.qualified(o), relations) = csec.qualified(c)));
		PERFORM csec.set_types(copies, (SELECT jsonb_object_agg(c, CASE a.atttypid WHEN 'date'::regtype THEN 'date' ELSE 'text' END)
			FROM unnest(columns) c JOIN pg_attribute a ON a.attrelid = tab AND a.attname = c));
		FOREACH d IN ARRAY originals LOOP
			CONTINUE WHEN d.kind = 'statistics';
			problem := csec.attempt(csec.led_astray(d.create_commands[1], relations));
			IF problem IS NOT NULL THEN
				found := found || ROW(d, csec.led_back(problem, relations), NULL, false)::csec.tried;
			END IF;
		END LOOP;
		as_text := ARRAY(SELECT e FROM csec.dependents(copies, columns) e);
		PERFORM csec.drop_dependents(as_text);
		PERFORM csec.set_types(copies, types);
		FOREACH d IN ARRAY as_text LOOP
			t := csec.try_dependent(d);
			found := found || t;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'CSTRY';
	EXCEPTION WHEN SQLSTATE 'CSTRY' THEN
		NULL;
	END;
	FOREACH d IN ARRAY originals LOOP
		IF d.kind = 'statistics' THEN
			d.create_commands := '{}';
			RETURN NEXT ROW(d, NULL, 'dropped: they keep values where everybody may look; csec.unprotect() brings them back', true)::csec.tried;
		END IF;
	END LOOP;
	FOREACH t IN ARRAY found LOOP
		d := t.dependent;
		t.dependent := (SELECT ROW(o.ord, o.kind, o.object, o.owner, o.drop_command,
				CASE WHEN d.create_commands = '{}' THEN '{}'
					ELSE csec.led_back(CASE WHEN o.kind = 'index' AND o.create_commands[1] = csec.on_only(o.create_commands[1])
							THEN csec.on_only(d.create_commands[1]) ELSE d.create_commands[1] END, relations)
						|| o.create_commands[2:] END)::csec.dependent
			FROM unnest(originals) o
			WHERE o.kind = d.kind AND o.object = csec.led_back(d.object, relations));
		t.problem := csec.led_back(t.problem, relations);
		t.note := csec.led_back(t.note, relations);
		RETURN NEXT t;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.try_types(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.try_types(regclass, jsonb) IS
	'internal: try a change of column types on empty copies; all that depends on the columns, and how it fares';
