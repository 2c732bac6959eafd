-- The plan's lines about fields: their columns, what depends on them, their values,
-- and the rewrite.

-- What is wrong with a field whose column and category exist; null: nothing.
CREATE FUNCTION csec.field_refusal(a pg_attribute, category text) RETURNS csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	own text := csec.column_category(a.attrelid, a.attname);
	type text := format_type(a.atttypid, a.atttypmod);
BEGIN
	IF own = category THEN
		RETURN NULL;
	ELSIF own IS NOT NULL THEN
		RETURN csec.refusal(a.attname, format('column "%s" is of category "%s" already', a.attname, own), '42809', 'A value keeps its category; name that one.');
	ELSIF a.attgenerated <> '' THEN
		RETURN csec.refusal(a.attname, format('column "%s" is generated', a.attname), '42809', 'Drop its expression, or the column.');
	ELSIF a.attinhcount > 0 THEN
		RETURN csec.refusal(a.attname, format('column "%s" is inherited', a.attname), '42809', 'Protect the table that it is inherited from.');
	ELSIF EXISTS (SELECT FROM csec.tree(a.attrelid) t JOIN pg_attribute c ON c.attrelid = t
			WHERE c.attname = a.attname AND c.attinhcount > 1) THEN
		RETURN csec.refusal(a.attname, format('column "%s" is inherited from other tables too', a.attname), '42809', 'Detach the child that has several parents.');
	ELSIF EXISTS (SELECT FROM csec.tree(a.attrelid) t JOIN pg_partitioned_table p ON p.partrelid = t
			JOIN pg_attribute c ON c.attrelid = t AND c.attname = a.attname
			WHERE c.attnum = ANY (p.partattrs) OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t AND d.refobjsubid = c.attnum AND d.deptype = 'i')) THEN
		RETURN csec.refusal(a.attname, format('column "%s" is what the table is partitioned by', a.attname), '42809', 'Its bounds would tell values; partition by another column.');
	ELSIF NOT (SELECT l.collisdeterministic FROM pg_collation l WHERE l.oid = a.attcollation) THEN
		RETURN csec.refusal(a.attname, format('column "%s" has collation %s, to which different texts are equal', a.attname, a.attcollation::regcollation), '42804',
			'Fields compare with case: give it another collation, with an index over lower() where case does not matter.');
	ELSIF a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN
		RETURN NULL;
	ELSIF a.atttypid = 'date'::regtype AND (SELECT c.mask = 'birth_date' FROM csec.category c WHERE c.name = category) THEN
		RETURN NULL;
	END IF;
	RETURN csec.refusal(a.attname, format('column "%s" is of type %s', a.attname, type), '42804', CASE
		WHEN type ~ E'(^|\\.)citext$' THEN 'Fields compare with case: change it to text, with an index over lower() where case does not matter.'
		WHEN a.attndims > 0 OR type LIKE '%[]' THEN 'Fields are single values: keep them in a table of their own.'
		WHEN type = 'bytea' THEN 'What is encrypted by other means becomes a field by csec.protect_online(), by an expression in decrypt that gives its text.'
		WHEN type = 'date' THEN 'Only categories with mask birth_date take dates.'
		WHEN (SELECT typtype = 'd' FROM pg_type WHERE oid = a.atttypid) THEN 'Change it to the domain''s base type; the category can check values.'
		ELSE 'Fields are of type text, varchar or char, birth dates also of type date: change it to text first.' END);
END
$$;
REVOKE ALL ON FUNCTION csec.field_refusal(pg_attribute, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.field_refusal(pg_attribute, text) IS 'internal: why a column cannot be a field of a category; null: it can';

CREATE FUNCTION csec.plan_fields(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	f record;
	a pg_attribute;
	refused csec.plan_row;
BEGIN
	IF request.fields IS NULL THEN
		RETURN;
	ELSIF jsonb_typeof(request.fields) <> 'object' OR jsonb_path_exists(request.fields, 'strict $.* ? (@.type() != "string")') THEN
		RETURN NEXT csec.refusal('fields', 'fields is a JSON object of columns and their categories', '22023',
			'Write {"phone": "phone", "id_no": "id_card"}.');
		RETURN;
	END IF;
	FOR f IN SELECT * FROM jsonb_each_text(request.fields) LOOP
		a := (SELECT t FROM pg_attribute t WHERE t.attrelid = request.tab AND t.attname = f.key AND t.attnum > 0 AND NOT t.attisdropped);
		IF a.attname IS NULL THEN
			RETURN NEXT csec.refusal(f.key, format('column "%s" does not exist', f.key), '42703', 'Name columns of the table.');
		ELSIF NOT EXISTS (SELECT FROM csec.category c WHERE c.name = f.value) THEN
			RETURN NEXT csec.refusal(f.key, format('category "%s" does not exist', f.value), '42704', 'See csec.category for those that do.');
		ELSE
			refused := csec.field_refusal(a, f.value);
			IF refused.kind IS NOT NULL THEN
				RETURN NEXT refused;
			END IF;
		END IF;
	END LOOP;
	RETURN QUERY SELECT (csec.step('note', r.attname, format('is of a type of csec''s: field of category %s', r.category))).*
		FROM csec.request_fields(request) r WHERE NOT r.rewritten AND NOT request.fields ? r.attname;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_fields(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_fields(csec.protect_request) IS 'internal: what is wrong with the fields';

-- A type, and the domains over it, arrays and ranges of it, rows with it in a
-- column that nothing stores, to any depth.
CREATE FUNCTION csec.types_of(type oid) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT ROWS 2
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE made (type) AS (
			SELECT types_of.type
			UNION SELECT n.type FROM made m CROSS JOIN LATERAL (
				SELECT t.oid FROM pg_type t WHERE t.typbasetype = m.type AND t.typtype = 'd'
				UNION ALL SELECT t.typarray FROM pg_type t WHERE t.oid = m.type AND t.typarray <> 0
				UNION ALL SELECT unnest(ARRAY[r.rngtypid, r.rngmultitypid]) FROM pg_range r WHERE r.rngsubtype = m.type
				UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
					WHERE a.atttypid = m.type AND NOT a.attisdropped AND c.relkind IN ('v', 'c')) n (type))
		SELECT m.type FROM made m
	$$;
REVOKE ALL ON FUNCTION csec.types_of(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.types_of(oid) IS 'internal: a type, and the domains, arrays, ranges and rows made of it';

-- What depends on a field and can neither stay nor be made again.
CREATE FUNCTION csec.plan_obstacles(tab regclass, columns name[]) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH relations AS (SELECT ARRAY(SELECT t::oid FROM csec.tree(tab) t) AS oids)
		SELECT (csec.refusal(x.object, x.what, '2BP01', x.hint)).* FROM (
			SELECT p.oid::regprocedure::text, format('the body of function %s depends on a field or on a view over one', p.oid::regprocedure),
				'Drop the function, protect the table, and create it again.'
			FROM relations r, csec.depending(r.oids, columns, 'pg_proc') d JOIN pg_proc p ON p.oid = d
			UNION ALL
			SELECT b.pubname, format('publication %I selects rows or columns of %s by a field', b.pubname, csec.qualified(q.prrelid)),
				'Take the table out of the publication, protect it, and add it again.'
			FROM relations r, csec.depending(r.oids, columns, 'pg_publication_rel') d JOIN pg_publication_rel q ON q.oid = d
				JOIN pg_publication b ON b.oid = q.prpubid
			UNION ALL
			SELECT format('%s.%I', csec.qualified(e.adrelid), a.attname),
				format('generated column %s.%I is computed from a field', csec.qualified(e.adrelid), a.attname),
				'Drop its expression or the column: it would keep the value, or depend on who writes.'
			FROM relations r, csec.depending(r.oids, columns, 'pg_attrdef') d JOIN pg_attrdef e ON e.oid = d
				JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
			WHERE a.attgenerated <> '' AND a.attname <> ALL (columns)
			UNION ALL
			SELECT format('%s.%I', csec.qualified(a.attrelid), a.attname),
				format('column %s.%I has the row type of the table or of a view over it', csec.qualified(a.attrelid), a.attname),
				'PostgreSQL changes no type that another table stores: drop that column.'
			FROM (SELECT unnest(r.oids) FROM relations r
					UNION SELECT v.relid FROM relations r, csec.views_over(r.oids, columns) v) x(relid)
				JOIN pg_class c ON c.oid = x.relid CROSS JOIN LATERAL csec.types_of(c.reltype) t
				JOIN pg_attribute a ON a.atttypid = t AND a.attnum > 0 AND NOT a.attisdropped
				JOIN pg_class s ON s.oid = a.attrelid AND s.relkind NOT IN ('v', 'c')
			WHERE s.oid NOT IN (SELECT v.relid FROM relations r, csec.views_over(r.oids, columns) v)
			UNION ALL
			SELECT csec.qualified(v.relid), format('view %s belongs to an extension', csec.qualified(v.relid)),
				'Take it out of the extension, or drop it.'
			FROM relations r, csec.views_over(r.oids, columns) v
			WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = v.relid AND d.deptype = 'e')
			UNION ALL
			SELECT csec.qualified(c.oid), format('%s is a typed table', csec.qualified(c.oid)), 'ALTER TABLE ... NOT OF makes it an ordinary one.'
			FROM relations r JOIN pg_class c ON c.oid = ANY (r.oids) WHERE c.reloftype <> 0
			) x (object, what, hint)
	$$;
REVOKE ALL ON FUNCTION csec.plan_obstacles(regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_obstacles(regclass, name[]) IS 'internal: what keeps columns from changing their type';

-- Foreign keys over columns, with the two columns.
CREATE FUNCTION csec.foreign_keys(tab regclass, columns name[], OUT id oid, OUT name text, OUT referrer regclass, OUT referring name,
		OUT referred_table regclass, OUT referred name)
	RETURNS SETOF record
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT k.oid, format('%I ON %s', k.conname, csec.qualified(k.conrelid)), k.conrelid::regclass, a.attname, k.confrelid::regclass, o.attname
		FROM pg_constraint k CROSS JOIN LATERAL unnest(k.conkey, k.confkey) u (own, ref)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = own
			JOIN pg_attribute o ON o.attrelid = k.confrelid AND o.attnum = ref
		WHERE k.contype = 'f' AND k.conparentid = 0
			AND (k.conrelid IN (SELECT csec.tree(tab)) AND a.attname = ANY (columns)
				OR k.confrelid IN (SELECT csec.tree(tab)) AND o.attname = ANY (columns))
	$$;
REVOKE ALL ON FUNCTION csec.foreign_keys(regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.foreign_keys(regclass, name[]) IS 'internal: foreign keys from and to columns of a table, and the columns at both ends';

-- PostgreSQL compares a field with a field only; and were the other side text,
-- it would have the same values in clear.
CREATE FUNCTION csec.plan_foreign_keys(tab regclass, columns name[]) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (CASE WHEN referring_field AND referred_field THEN csec.step('constraint', k.name, 'checked again')
			ELSE csec.refusal(k.name, format('foreign key %s links a field with %s, which is none', k.name,
				CASE WHEN referring_field THEN format('%s.%I', csec.qualified(k.referred_table), k.referred)
					ELSE format('%s.%I', csec.qualified(k.referrer), k.referring) END),
				'2BP01', 'Drop it, protect both tables with both columns as fields of one category, and add it again.') END).*
		FROM csec.foreign_keys(tab, columns) k
			CROSS JOIN LATERAL (SELECT
				k.referrer IN (SELECT csec.tree(tab)) AND k.referring = ANY (columns) OR csec.column_category(k.referrer, k.referring) IS NOT NULL,
				k.referred_table IN (SELECT csec.tree(tab)) AND k.referred = ANY (columns) OR csec.column_category(k.referred_table, k.referred) IS NOT NULL
				) f (referring_field, referred_field)
	$$;
REVOKE ALL ON FUNCTION csec.plan_foreign_keys(regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_foreign_keys(regclass, name[]) IS 'internal: foreign keys from and to columns that become fields';

-- Expressions of a table are evaluated by whoever rewrites it, and some of
-- them by whoever only plans a query on it: here with the rights of csec's
-- owner.  Functions of the table's owner may not come in that way.
CREATE FUNCTION csec.plan_foreign_code(tab regclass) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH own AS (SELECT t::oid AS relid FROM csec.tree(tab) t)
		SELECT (CASE WHEN csec.is_superuser(csec.acting_role())
				THEN csec.step('note', o.name, format('uses functions, operators or types of its owner %s: they run with your rights, in this plan as well', c.relowner::regrole))
				ELSE csec.refusal(o.name, format('%s uses functions, operators or types that do not come with PostgreSQL or an extension', o.name),
					'42501', 'They would run with the rights of a superuser: let a superuser do this.') END).*
		FROM pg_class c CROSS JOIN (
			SELECT 'pg_constraint'::regclass, k.oid, format('constraint %I', k.conname) FROM pg_constraint k JOIN own ON k.conrelid = relid
			UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, format('index %s', csec.qualified(i.indexrelid)) FROM pg_index i JOIN own ON i.indrelid = relid
			UNION ALL SELECT 'pg_statistic_ext'::regclass, x.oid, format('statistics %I', x.stxname) FROM pg_statistic_ext x JOIN own ON x.stxrelid = relid
			UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, format('a default or generated column of %s', csec.qualified(relid))
				FROM pg_attrdef d JOIN own ON d.adrelid = relid
				JOIN pg_attribute a ON a.attrelid = relid AND a.attnum = d.adnum AND a.attgenerated <> ''
			UNION ALL SELECT 'pg_class'::regclass, relid, format('the key by which %s is partitioned', csec.qualified(relid)) FROM own
				JOIN pg_partitioned_table ON partrelid = relid
			) o(class, id, name)
		WHERE c.oid = tab AND NOT (csec.is_superuser(csec.acting_role()) AND csec.is_superuser(c.relowner))
			AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.id AND d.objsubid = 0
				AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass) AND d.refobjid >= 16384
				AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid
					AND e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'))
	$$;
REVOKE ALL ON FUNCTION csec.plan_foreign_code(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_foreign_code(regclass) IS 'internal: code that a superuser''s rights are lent to knowingly only: what protecting the table, or planning it, would run; this runs none of it';

-- Values that cannot become fields are counted, never shown.
CREATE FUNCTION csec.plan_values(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	f record;
	is_kept boolean;
	masks bigint;
	invalid bigint;
	reasons text;
BEGIN
	FOR f IN SELECT * FROM csec.request_fields(request) WHERE rewritten LOOP
		EXECUTE format($q$
			SELECT coalesce(sum(n) FILTER (WHERE problem = 'mask'), 0), coalesce(sum(n) FILTER (WHERE problem <> 'mask'), 0),
				string_agg(problem, ', ') FILTER (WHERE problem <> 'mask')
			FROM (SELECT coalesce(%s, csec.value_problem(%s, %L)) AS problem, count(*) AS n FROM %s GROUP BY 1) s $q$,
			CASE WHEN f.from_type = 'date'::regtype
				THEN format('CASE WHEN isfinite(%I) AND %I BETWEEN ''0001-01-01'' AND ''9999-12-31'' THEN NULL ELSE CASE WHEN %I IS NOT NULL THEN ''not a date of four-digit years'' END END',
					f.attname, f.attname, f.attname) ELSE 'NULL::text' END,
			csec.as_text(f.attname, f.from_type), f.category, csec.qualified(request.tab))
			INTO masks, invalid, reasons;
		IF masks > 0 THEN
			RETURN NEXT csec.refusal(f.attname, format('column "%s" has values in the form of a mask: %s', f.attname, masks), '22023',
				format('Their originals are lost, or they mean "none": put null or something else in their place. They are those for which csec.value_problem(%I, %L) is ''mask''.', f.attname, f.category));
		END IF;
		IF invalid > 0 THEN
			is_kept := (SELECT c.storage <> 'refused' FROM csec.category c WHERE c.name = f.category);
			RETURN NEXT csec.refusal(f.attname, format('column "%s" has values that are not valid for category "%s": %s (%s)', f.attname, f.category, invalid, reasons), '22023',
				CASE WHEN is_kept THEN 'Correct them, or let the category be lax: UPDATE csec.category SET check_mode = ''lax''.'
				ELSE 'Set them to null first: no value of this category is kept, encrypted neither.' END
				|| CASE WHEN f.from_type <> 'date'::regtype THEN format(' They are those for which csec.value_problem(%I, %L) is not null.', f.attname, f.category) ELSE '' END);
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_values(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_values(csec.protect_request) IS 'internal: counts the values that cannot become fields';

-- Functions whose body, a mere text, has the names of the table and a field.
CREATE FUNCTION csec.plan_functions(tab regclass, columns name[]) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (csec.step('function', p.oid::regprocedure::text,
			format('seems to use %s: text functions in it see what each reader may see', string_agg(format('%I', c), ', ')))).*
		FROM pg_proc p, unnest(columns) c, pg_class t
		WHERE t.oid = tab AND (SELECT n.nspname FROM pg_namespace n WHERE n.oid = p.pronamespace) NOT IN ('pg_catalog', 'information_schema', 'csec')
			AND p.prosqlbody IS NULL
			AND p.prosrc ~* (E'\\m' || regexp_replace(t.relname, E'(\\W)', E'\\\\\\1', 'g') || E'\\M')
			AND p.prosrc ~* (E'\\m' || regexp_replace(c, E'(\\W)', E'\\\\\\1', 'g') || E'\\M')
		GROUP BY p.oid ORDER BY 1
	$$;
REVOKE ALL ON FUNCTION csec.plan_functions(regclass, name[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_functions(regclass, name[]) IS 'internal: functions that seem to use fields';

-- The rewrite itself: columns, size and time.
CREATE FUNCTION csec.plan_rewrite(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	heap bigint := (SELECT sum(pg_table_size(t)) FROM csec.tree(request.tab) t);
	whole bigint := (SELECT sum(pg_total_relation_size(t)) FROM csec.tree(request.tab) t);
	-- 20 MB of table and indexes a second: what an ordinary disk is good for
	seconds bigint := ceil(whole / 20000000.0);
	name text := csec.qualified(request.tab);
BEGIN
	RETURN QUERY SELECT (csec.step('rewrite', f.attname,
			format('%s becomes %s', f.original_type, csec.field_type(f.category, request.subject_keys))
			|| CASE WHEN f.original_type LIKE 'character%(%' THEN '; its length is not limited any more' ELSE '' END
			|| CASE WHEN f.from_type = 'date'::regtype THEN '; it is text yyyy-mm-dd then, and computed with as a date' ELSE '' END)).*
		FROM csec.request_fields(request) f WHERE f.rewritten;
	RETURN NEXT csec.step('lock', name, format('locked against reads and writes while %s are rewritten with their indexes: about %s, and as much free disk space',
		pg_size_pretty(whole), make_interval(secs => greatest(seconds, 1))));
	IF heap > csec.rewrite_limit() AND request.allow_lock IS NOT TRUE THEN
		RETURN NEXT csec.refusal(name, format('%s has %s, and would be locked for about %s', name, pg_size_pretty(heap), make_interval(secs => greatest(seconds, 1))),
			'53400', 'CALL csec.protect_online() does it beside the table''s use; or add allow_lock => true in a quiet hour.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_rewrite(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_rewrite(csec.protect_request) IS 'internal: what is rewritten, and how long it may take';
