-- What depends on columns whose type changes, and how to take it away and
-- bring it back.  PostgreSQL changes no type under a view, rule, policy or
-- trigger, and makes checks and indexes again from a text that says
-- (phone)::text where phone was varchar, which would be the mask.  So csec
-- drops all of them and makes them again: see 62_trial.sql for the text.
--
-- "relations" are a table and what inherits from it, "columns" names of
-- theirs.  All definitions are with schema-qualified names.  The functions that
-- users call pin the settings by which PostgreSQL writes and reads definitions:
-- what one session has kept another one makes again.

CREATE TYPE csec.dependent AS (
	ord int,
	kind text,
	object text,
	owner oid,
	drop_command text,
	create_commands text[]
);
COMMENT ON TYPE csec.dependent IS
	'internal: an object over fields, on relation "owner"; dropped in descending and created in ascending order of ord; the first create command makes it, the others give it what it had';

CREATE FUNCTION csec.qualified(relation oid) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
	$$;
REVOKE ALL ON FUNCTION csec.qualified(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.qualified(oid) IS 'internal: the name of a relation with its schema, quoted as needed';

CREATE FUNCTION csec.columns_of(relations oid[], columns name[], OUT relid oid, OUT attnum int2, OUT attname name)
	RETURNS SETOF record
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attrelid, a.attnum, a.attname FROM pg_attribute a
		WHERE a.attrelid = ANY (relations) AND a.attname = ANY (columns) AND NOT a.attisdropped
	$$;
REVOKE ALL ON FUNCTION csec.columns_of(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.columns_of(oid[], name[]) IS 'internal: the columns of these names';

-- Views over the columns, views over those, and so on; depth says in which
-- order they can be made.
CREATE FUNCTION csec.views_over(relations oid[], columns name[], OUT relid oid, OUT depth int)
	RETURNS SETOF record
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE v(relid, depth) AS (
			SELECT r.ev_class, 1
			FROM csec.columns_of(relations, columns) c
				JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
					AND d.refobjid = c.relid AND d.refobjsubid = c.attnum
					AND d.classid = 'pg_rewrite'::regclass
				JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
			UNION
			SELECT r.ev_class, v.depth + 1
			FROM v JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.relid
					AND d.classid = 'pg_rewrite'::regclass
				JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN' AND r.ev_class <> v.relid)
		SELECT relid, max(depth) FROM v GROUP BY relid
	$$;
REVOKE ALL ON FUNCTION csec.views_over(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.views_over(oid[], name[]) IS 'internal: views and materialized views over columns of a table, directly or not';

-- Privileges exactly as they were, whatever ALTER DEFAULT PRIVILEGES adds to a
-- new relation.  The owner becomes the grantor of all of them.
CREATE FUNCTION csec.set_acl(relation regclass, acl text, column_acls jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name text := csec.qualified(relation);
	g record;
BEGIN
	FOR g IN SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = relation LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', name,
			CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END);
	END LOOP;
	IF acl IS NULL AND (SELECT relacl FROM pg_class WHERE oid = relation) IS NOT NULL THEN
		EXECUTE format('GRANT ALL ON %s TO %s', name, (SELECT relowner::regrole FROM pg_class WHERE oid = relation));
	END IF;
	FOR g IN SELECT a.privilege_type AS what, '' AS columns, a.grantee, a.is_grantable FROM aclexplode(acl::aclitem[]) a
			UNION ALL
			SELECT a.privilege_type, format(' (%I)', c.key), a.grantee, a.is_grantable
			FROM jsonb_each_text(column_acls) c, aclexplode(c.value::aclitem[]) a LOOP
		EXECUTE format('GRANT %s%s ON %s TO %s%s', g.what, g.columns, name,
			CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
			CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.set_acl(regclass, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.set_acl(regclass, text, jsonb) IS 'internal: gives a recreated view the privileges that it had';

-- What an index has beside its definition.
CREATE FUNCTION csec.index_extras(index oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY[(SELECT format('ALTER INDEX %s SET TABLESPACE %I', csec.qualified(index), spcname) FROM pg_tablespace s WHERE s.oid = x.reltablespace),
			format('COMMENT ON INDEX %s IS %L', csec.qualified(index), obj_description(index, 'pg_class')),
			CASE WHEN i.indisclustered THEN format('ALTER TABLE %s CLUSTER ON %I', csec.qualified(i.indrelid), x.relname) END,
			CASE WHEN i.indisreplident THEN format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', csec.qualified(i.indrelid), x.relname) END]
			|| ARRAY(SELECT format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', csec.qualified(index), a.attnum, a.attstattarget)
				FROM pg_attribute a WHERE a.attrelid = index AND a.attstattarget >= 0 ORDER BY a.attnum)
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indexrelid = index
	$$;
REVOKE ALL ON FUNCTION csec.index_extras(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.index_extras(oid) IS 'internal: the commands that give an index that was made again what it had';

-- What a view has beside its query: owner, privileges, defaults, comments and
-- security labels, and the indexes of a materialized one.
CREATE FUNCTION csec.view_extras(relation oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH v AS (
			SELECT c.*, csec.qualified(c.oid) AS name,
				CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS sort
			FROM pg_class c WHERE c.oid = relation),
		commands(n, command) AS (
			SELECT 1, format('ALTER %s %s OWNER TO %s', sort, name, relowner::regrole) FROM v
			UNION ALL
			SELECT 2, format('SELECT csec.set_acl(%L, %L, %L)', name, relacl::text,
				(SELECT coalesce(jsonb_object_agg(attname, attacl::text), '{}') FROM pg_attribute
					WHERE attrelid = relation AND attacl IS NOT NULL)) FROM v
			UNION ALL
			SELECT 3, format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', v.name, a.attname, pg_get_expr(d.adbin, d.adrelid))
			FROM v, pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
			WHERE d.adrelid = relation
			UNION ALL
			SELECT 4, format('REFRESH MATERIALIZED VIEW %s', name) FROM v WHERE relkind = 'm' AND relispopulated
			UNION ALL
			SELECT 5, pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = relation
			UNION ALL
			SELECT 6, e FROM pg_index i, unnest(csec.index_extras(i.indexrelid)) e WHERE i.indrelid = relation
			UNION ALL
			SELECT 6, format('COMMENT ON %s %s IS %L', v.sort, v.name, d.description)
			FROM v, pg_description d
			WHERE d.classoid = 'pg_class'::regclass AND d.objoid = relation AND d.objsubid = 0
			UNION ALL
			SELECT 6, format('COMMENT ON COLUMN %s.%I IS %L', v.name, a.attname, d.description)
			FROM v, pg_description d JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = d.objsubid
			WHERE d.classoid = 'pg_class'::regclass AND d.objoid = relation
			UNION ALL
			SELECT 7, format('SECURITY LABEL FOR %I ON %s %s IS %L', l.provider,
				CASE WHEN a.attnum IS NULL THEN v.sort ELSE 'COLUMN' END,
				v.name || coalesce('.' || quote_ident(a.attname), ''), l.label)
			FROM v, pg_seclabel l LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = l.objsubid
			WHERE l.classoid = 'pg_class'::regclass AND l.objoid = relation)
		SELECT array_agg(command ORDER BY n, command) FROM commands
	$$;
REVOKE ALL ON FUNCTION csec.view_extras(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.view_extras(oid) IS 'internal: the commands that give a recreated view what it had';

CREATE FUNCTION csec.dependent_views(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT v.depth, lower(s.sort), csec.qualified(v.relid), v.relid,
			format('DROP %s %s', s.sort, csec.qualified(v.relid)),
			format('CREATE %s %s%s%s%s AS %s%s', s.sort, csec.qualified(v.relid),
				CASE WHEN c.relkind = 'm' THEN (SELECT format(' USING %I', amname) FROM pg_am WHERE oid = c.relam) END,
				(SELECT ' WITH (' || string_agg(o.option_name || '=' || quote_literal(o.option_value), ', ') || ')'
					FROM pg_options_to_table(c.reloptions) o),
				(SELECT format(' TABLESPACE %I', spcname) FROM pg_tablespace t WHERE t.oid = c.reltablespace),
				rtrim(pg_get_viewdef(v.relid), ';'),
				CASE WHEN c.relkind = 'm' THEN ' WITH NO DATA' END)
			|| csec.view_extras(v.relid)
		FROM csec.views_over(relations, columns) v JOIN pg_class c ON c.oid = v.relid
			CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS sort) s
	$$;
REVOKE ALL ON FUNCTION csec.dependent_views(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_views(oid[], name[]) IS 'internal: views over columns';

-- Objects of one catalog that depend on the columns, or on a view over them.
CREATE FUNCTION csec.depending(relations oid[], columns name[], catalog regclass) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT d.objid FROM csec.columns_of(relations, columns) c
			JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
				AND d.refobjid = c.relid AND d.refobjsubid = c.attnum
		WHERE d.classid = catalog
		UNION
		SELECT d.objid FROM csec.views_over(relations, columns) v
			JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.relid
		WHERE d.classid = catalog
		UNION
		SELECT d.objid FROM csec.views_over(relations, columns) v
			JOIN pg_class c ON c.oid = v.relid JOIN pg_type t ON t.oid = c.reltype
			JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (ARRAY[t.oid, t.typarray])
		WHERE d.classid = catalog AND d.deptype <> 'i'
	$$;
REVOKE ALL ON FUNCTION csec.depending(oid[], name[], regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.depending(oid[], name[], regclass) IS
	'internal: what depends on columns or on views over them, from one system catalog';

CREATE FUNCTION csec.dependent_rules(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT 1003, 'rule', n.object, r.ev_class, 'DROP RULE ' || n.object,
			ARRAY[pg_get_ruledef(r.oid),
				CASE WHEN r.ev_enabled <> 'O' THEN format('ALTER TABLE %s %s RULE %I', csec.qualified(r.ev_class),
					CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, r.rulename) END,
				format('COMMENT ON RULE %s IS %L', n.object, obj_description(r.oid, 'pg_rewrite'))]
		FROM csec.depending(relations, columns, 'pg_rewrite') d JOIN pg_rewrite r ON r.oid = d
			CROSS JOIN LATERAL (SELECT format('%I ON %s', r.rulename, csec.qualified(r.ev_class)) AS object) n
		WHERE r.rulename <> '_RETURN'
	$$;
REVOKE ALL ON FUNCTION csec.dependent_rules(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_rules(oid[], name[]) IS 'internal: rules over columns';

-- A trigger that is new is on, in every partition.
CREATE FUNCTION csec.trigger_states(trigger oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE t (oid) AS (
			SELECT trigger
			UNION ALL SELECT g.oid FROM t JOIN pg_trigger g ON g.tgparentid = t.oid)
		SELECT array_agg(format('ALTER TABLE ONLY %s %s TRIGGER %I', csec.qualified(g.tgrelid),
				CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, g.tgname)
			ORDER BY g.tgrelid)
		FROM t JOIN pg_trigger g ON g.oid = t.oid WHERE g.tgenabled <> 'O'
	$$;
REVOKE ALL ON FUNCTION csec.trigger_states(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.trigger_states(oid) IS 'internal: the commands that switch a trigger as it is, in each partition';

CREATE FUNCTION csec.dependent_triggers(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT 1002, 'trigger', n.object, g.tgrelid, 'DROP TRIGGER ' || n.object,
			ARRAY[pg_get_triggerdef(g.oid),
				format('COMMENT ON TRIGGER %s IS %L', n.object, obj_description(g.oid, 'pg_trigger'))]
			|| csec.trigger_states(g.oid)
		FROM csec.depending(relations, columns, 'pg_trigger') d JOIN pg_trigger g ON g.oid = d
			CROSS JOIN LATERAL (SELECT format('%I ON %s', g.tgname, csec.qualified(g.tgrelid)) AS object) n
		WHERE NOT g.tgisinternal AND g.tgparentid = 0
			AND g.tgfoid NOT IN ('csec.keep_masked'::regproc, 'csec.record_change'::regproc)
	$$;
REVOKE ALL ON FUNCTION csec.dependent_triggers(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_triggers(oid[], name[]) IS 'internal: triggers over columns, but csec''s own';

CREATE FUNCTION csec.dependent_policies(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT 1001, 'policy', n.object, p.polrelid, 'DROP POLICY ' || n.object,
			ARRAY[format('CREATE POLICY %s AS %s FOR %s TO %s%s%s', n.object,
				CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
				CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
				(SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) r),
				' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
				' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
				format('COMMENT ON POLICY %s IS %L', n.object, obj_description(p.oid, 'pg_policy'))]
		FROM csec.depending(relations, columns, 'pg_policy') d JOIN pg_policy p ON p.oid = d
			CROSS JOIN LATERAL (SELECT format('%I ON %s', p.polname, csec.qualified(p.polrelid)) AS object) n
	$$;
REVOKE ALL ON FUNCTION csec.dependent_policies(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_policies(oid[], name[]) IS 'internal: row security policies over columns';

-- A column's default is a text expression before and after; changed with the
-- column it would be cast there and back, and show a mask in the end.
CREATE FUNCTION csec.dependent_defaults(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT -3, 'default', format('%s.%I', csec.qualified(c.relid), c.attname), c.relid,
			format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', csec.qualified(c.relid), c.attname),
			ARRAY[format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', csec.qualified(c.relid), c.attname,
				pg_get_expr(d.adbin, d.adrelid))]
		FROM csec.columns_of(relations, columns) c
			JOIN pg_attribute a ON a.attrelid = c.relid AND a.attnum = c.attnum AND a.attgenerated = ''
			JOIN pg_attrdef d ON d.adrelid = c.relid AND d.adnum = c.attnum
	$$;
REVOKE ALL ON FUNCTION csec.dependent_defaults(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_defaults(oid[], name[]) IS 'internal: defaults of columns';

-- Checks and exclusion constraints; those that a child has from its parent
-- come and go with it.  One that is also the child's own has to be there when
-- the parent's comes, and stays when that goes: the deeper, the earlier made.
CREATE FUNCTION csec.dependent_constraints(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT -1 - (SELECT count(*)::int FROM unnest(relations) r WHERE k.conrelid IN (SELECT csec.tree(r))),
			'constraint', n.object, k.conrelid,
			format('ALTER TABLE %s DROP CONSTRAINT %I', csec.qualified(k.conrelid), k.conname),
			ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', csec.qualified(k.conrelid), k.conname, pg_get_constraintdef(k.oid)),
				format('COMMENT ON CONSTRAINT %s IS %L', n.object, obj_description(k.oid, 'pg_constraint'))]
			|| csec.index_extras(nullif(k.conindid, 0))
		FROM pg_constraint k
			CROSS JOIN LATERAL (SELECT format('%I ON %s', k.conname, csec.qualified(k.conrelid)) AS object) n
		WHERE k.contype IN ('c', 'x') AND k.conrelid = ANY (relations) AND (k.coninhcount = 0 OR k.conislocal)
			AND EXISTS (SELECT FROM csec.columns_of(relations, columns) c
				WHERE c.relid = k.conrelid AND (c.attnum = ANY (k.conkey)
					OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = k.conindid
						AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.relid AND d.refobjsubid = c.attnum)))
	$$;
REVOKE ALL ON FUNCTION csec.dependent_constraints(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_constraints(oid[], name[]) IS 'internal: check and exclusion constraints over columns';

-- What pg_get_indexdef() says of the index of a partitioned table, of one that stands for it in a trial.
CREATE FUNCTION csec.on_only(definition text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT regexp_replace(definition, '^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")+"|[^" ]+) ON )(?!ONLY )', E'\\1ONLY ') $$;
REVOKE ALL ON FUNCTION csec.on_only(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.on_only(text) IS 'internal: the definition of an index, on the table alone and not on its partitions';

-- The same index on another table, under another name.
CREATE FUNCTION csec.index_for(definition text, tab text, name text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('CREATE %sINDEX %I ON ONLY %s%s', CASE WHEN definition LIKE 'CREATE UNIQUE %' THEN 'UNIQUE ' END, name, tab,
			substring(definition FROM E'^CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")+"|[^" ]+) ON (?:ONLY )?(?:"(?:[^"]|"")+"|[^".]+)\\.(?:"(?:[^"]|"")+"|[^" ]+)( USING .*)$'))
	$$;
REVOKE ALL ON FUNCTION csec.index_for(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.index_for(text, text, text) IS 'internal: the definition of an index, for a partition';

-- names: partition -> name.  By themselves they would come under names that PostgreSQL thinks of.
CREATE FUNCTION csec.make_partition_indexes(root regclass, names jsonb, on_all boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
	parent oid;
BEGIN
	FOR r IN SELECT t.parentrelid, n.nspname, csec.qualified(t.relid) AS tab, coalesce(j.value, c.relname || '_' || k.relname) AS name
		FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid, pg_partition_tree(i.indrelid) t
			JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN jsonb_each_text(names) j ON j.key = csec.qualified(t.relid)
		WHERE i.indexrelid = root AND t.level > 0 AND (on_all OR j.key IS NOT NULL) ORDER BY t.level, t.relid
	LOOP
		parent := (SELECT i.indexrelid FROM pg_partition_tree(root) t JOIN pg_index i ON i.indexrelid = t.relid WHERE i.indrelid = r.parentrelid);
		EXECUTE csec.index_for(pg_get_indexdef(root), r.tab, r.name);
		EXECUTE format('ALTER INDEX %s ATTACH PARTITION %I.%I', csec.qualified(parent), r.nspname, r.name);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.make_partition_indexes(regclass, jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_partition_indexes(regclass, jsonb, boolean) IS
	'internal: makes the indexes of partitions that belong to one, under the names that they had; on_all: also of partitions that had none';

CREATE FUNCTION csec.partition_index_commands(root oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH parts AS (
			SELECT t.relid AS oid, x.relname, csec.qualified(i.indrelid) AS tab, csec.qualified(t.relid) AS name, x.reloptions, t.isleaf
			FROM pg_partition_tree(root) t JOIN pg_index i ON i.indexrelid = t.relid JOIN pg_class x ON x.oid = t.relid
			WHERE t.relid <> root),
		commands(n, command) AS (
			SELECT 1, format('SELECT csec.make_partition_indexes(%L, %L, %L)', csec.qualified(root),
				(SELECT coalesce(jsonb_object_agg(tab, relname), '{}') FROM parts), (SELECT indisvalid FROM pg_index WHERE indexrelid = root))
			UNION ALL
			SELECT 2, format('ALTER INDEX %s SET (%s = %L)', name, option_name, option_value) FROM parts, pg_options_to_table(reloptions) WHERE isleaf
			UNION ALL
			SELECT 3, e FROM parts, unnest(csec.index_extras(oid)) e)
		SELECT array_agg(command ORDER BY n, command) FROM commands
		WHERE (SELECT relkind FROM pg_class WHERE oid = root) = 'I'
	$$;
REVOKE ALL ON FUNCTION csec.partition_index_commands(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.partition_index_commands(oid) IS 'internal: the commands that make the indexes of partitions that belong to one';

-- Indexes of no constraint; those of a partition that belong to one of its
-- parent come and go with it.
CREATE FUNCTION csec.dependent_indexes(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT -1, 'index', csec.qualified(i.indexrelid), i.indrelid,
			'DROP INDEX ' || csec.qualified(i.indexrelid),
			ARRAY[pg_get_indexdef(i.indexrelid)] || csec.index_extras(i.indexrelid) || csec.partition_index_commands(i.indexrelid)
		FROM csec.depending(relations, columns, 'pg_class') d
			JOIN pg_index i ON i.indexrelid = d AND i.indrelid = ANY (relations)
			JOIN pg_class x ON x.oid = i.indexrelid
		WHERE NOT x.relispartition
			AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
	$$;
REVOKE ALL ON FUNCTION csec.dependent_indexes(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_indexes(oid[], name[]) IS 'internal: indexes over columns';

-- Extended statistics; a list of most common values, or an expression, keeps
-- values where everybody may look.
CREATE FUNCTION csec.dependent_statistics(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT -1, 'statistics', n.object, s.stxrelid, 'DROP STATISTICS ' || n.object,
			ARRAY[pg_get_statisticsobjdef(s.oid),
				format('ALTER STATISTICS %s OWNER TO %s', n.object, s.stxowner::regrole),
				CASE WHEN s.stxstattarget >= 0 THEN format('ALTER STATISTICS %s SET STATISTICS %s', n.object, s.stxstattarget) END,
				format('COMMENT ON STATISTICS %s IS %L', n.object, obj_description(s.oid, 'pg_statistic_ext'))]
		FROM csec.depending(relations, columns, 'pg_statistic_ext') d JOIN pg_statistic_ext s ON s.oid = d
			CROSS JOIN LATERAL (SELECT format('%s.%I', s.stxnamespace::regnamespace, s.stxname) AS object) n
		WHERE s.stxrelid = ANY (relations) AND s.stxkind && '{m,e}'
	$$;
REVOKE ALL ON FUNCTION csec.dependent_statistics(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependent_statistics(oid[], name[]) IS 'internal: extended statistics that would keep values of columns';

CREATE FUNCTION csec.dependents(relations oid[], columns name[]) RETURNS SETOF csec.dependent
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT * FROM (
			SELECT * FROM csec.dependent_defaults(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_constraints(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_indexes(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_statistics(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_views(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_policies(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_triggers(relations, columns)
			UNION ALL SELECT * FROM csec.dependent_rules(relations, columns)) d
		ORDER BY ord, object
	$$;
REVOKE ALL ON FUNCTION csec.dependents(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.dependents(oid[], name[]) IS
	'internal: all that has to be dropped and made again for columns to change their type';

CREATE FUNCTION csec.drop_dependents(dependents csec.dependent[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	d csec.dependent;
BEGIN
	FOR d IN SELECT * FROM unnest(dependents) u ORDER BY u.ord DESC, u.object DESC LOOP
		EXECUTE d.drop_command;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.drop_dependents(csec.dependent[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.drop_dependents(csec.dependent[]) IS 'internal: drop what csec.dependents() found';

CREATE FUNCTION csec.execute_all(commands text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	command text;
BEGIN
	FOREACH command IN ARRAY commands LOOP
		CONTINUE WHEN command IS NULL;
		EXECUTE command;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.execute_all(text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.execute_all(text[]) IS 'internal: statements, one after the other';

CREATE FUNCTION csec.create_dependents(dependents csec.dependent[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET default_tablespace = ''
	AS $$
DECLARE
	d csec.dependent;
BEGIN
	FOR d IN SELECT * FROM unnest(dependents) u ORDER BY u.ord, u.object LOOP
		PERFORM csec.execute_all(d.create_commands);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.create_dependents(csec.dependent[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.create_dependents(csec.dependent[]) IS 'internal: make again what csec.drop_dependents() dropped';

-- Another type takes what ALTER TABLE said of how a column is stored with it;
-- this says it again.
CREATE FUNCTION csec.storage_commands(relations oid[], columns name[]) RETURNS text[]
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(
			SELECT concat_ws(', ', format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s', csec.qualified(a.attrelid), a.attname,
					CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END),
				format('ALTER COLUMN %I SET COMPRESSION %s', a.attname,
					CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'DEFAULT' END))
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
			WHERE a.attrelid = ANY (relations) AND a.attname = ANY (columns) AND a.attnum > 0 AND a.attlen = -1
				AND (a.attstorage <> t.typstorage OR a.attcompression <> ''))
	$$;
REVOKE ALL ON FUNCTION csec.storage_commands(oid[], name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.storage_commands(oid[], name[]) IS 'internal: how columns are stored, where it was said, as statements for after a change of their types';

-- In the definitions of views and the like, after csec.unprotect().  What functions
-- of dates take is a date.
CREATE FUNCTION csec.without_types(definition text) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT regexp_replace(regexp_replace(definition,
				E'(\\m(?:to_char|age)\\(|\\m(?:date_part|date_trunc)\\(\\x27[^\\x27]*\\x27::text, |\\mage\\((?:[^()]|\\([^()]*\\))*, )(\\([^()]*\\))::csec\\.(?:masked|encrypted)(?![\\w(])',
				E'\\1\\2::date', 'g'), E'::csec\\.((masked|encrypted)(\\([^()]*\\))?|' || string_agg(quote_ident(typname), '|') || E')(?![\\w(])',
			'::text', 'g')
		FROM pg_type WHERE typnamespace = 'csec'::regnamespace AND typtype = 'd' AND typbasetype IN ('csec.masked'::regtype, 'csec.encrypted'::regtype)
	$$;
REVOKE ALL ON FUNCTION csec.without_types(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.without_types(text) IS 'internal: a definition with casts to text, or date, in place of casts to csec''s types';
