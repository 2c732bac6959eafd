-- The plan: what csec.protect() will do, and all that stands in its way.

-- Larger tables than this are rewritten only where the caller says so.
CREATE FUNCTION csec.rewrite_limit() RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT 1073741824::bigint $$;
REVOKE ALL ON FUNCTION csec.rewrite_limit() FROM PUBLIC;
COMMENT ON FUNCTION csec.rewrite_limit() IS 'bytes of a table beyond which a rewrite needs allow_lock => true';

CREATE FUNCTION csec.plan_server() RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	keep bigint := (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size');
	need bigint := (SELECT setting::bigint FROM pg_settings WHERE name = 'csec.max_unsealed');
BEGIN
	IF current_setting('wal_level') = 'minimal' THEN
		RETURN NEXT csec.refusal('wal_level', 'wal_level is minimal, and the audit trail travels in the WAL',
			'55000', 'Set wal_level = replica and restart the server.');
	END IF;
	IF to_regclass('csec_trail.sealer_state') IS NULL
		AND (SELECT count(*) FROM pg_replication_slots) >= current_setting('max_replication_slots')::int THEN
		RETURN NEXT csec.refusal('max_replication_slots', 'no replication slot is free to hold the WAL until it is sealed',
			'53400', 'Raise max_replication_slots and restart the server, or drop a slot that nobody uses.');
	END IF;
	IF keep <> -1 AND keep < need THEN
		RETURN NEXT csec.refusal('max_slot_wal_keep_size', format('max_slot_wal_keep_size is %s MB, and as much as %s MB may wait to be sealed (csec.max_unsealed)', keep, need),
			'55000', 'Set max_slot_wal_keep_size = -1 or above csec.max_unsealed, or lower that.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_server() FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_server() IS 'internal: what of the server stands in the way';

-- Why a relation is of no kind that can be protected; null: it is.
CREATE FUNCTION csec.plan_kind(tab regclass) RETURNS csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c pg_class := (SELECT r FROM pg_class r WHERE r.oid = tab);
	name text := csec.qualified(tab);
	schema text := c.relnamespace::regnamespace;
	other regclass;
BEGIN
	IF tab IS NULL OR c.oid IS NULL THEN
		RETURN csec.refusal(tab::text, 'the table does not exist', '42P01', 'Name a table.');
	ELSIF NOT csec.may_protect(tab) THEN
		RETURN csec.refusal(name, format('permission denied to protect %s', name), '42501',
			'A superuser may protect a table, and a member of csec_admin who owns it.');
	ELSIF c.relkind = 'f' THEN
		RETURN csec.refusal(name, format('%s is a foreign table', name), '42809', 'Protect the table on its own server.');
	ELSIF c.relkind NOT IN ('r', 'p') THEN
		RETURN csec.refusal(name, format('%s is not a table', name), '42809', 'Protect the tables that it reads.');
	ELSIF c.relpersistence = 't' THEN
		RETURN csec.refusal(name, format('%s is a temporary table', tab), '42809', 'Protect tables that stay.');
	ELSIF schema IN ('csec', 'csec_trail') OR schema = 'csec_zh' THEN
		RETURN csec.refusal(name, format('%s is one of csec''s own tables', name), '42809', 'csec protects these by itself.');
	ELSIF tab::oid < 16384 OR schema IN ('pg_catalog', 'information_schema', 'pg_toast') THEN
		RETURN csec.refusal(name, format('%s is a system table', name), '42809', 'Protect tables of your own.');
	ELSIF EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = tab AND deptype = 'e') THEN
		RETURN csec.refusal(name, format('%s belongs to an extension', name), '42809',
			'ALTER EXTENSION ... DROP TABLE makes it a table of your own.');
	ELSIF c.relispartition THEN
		RETURN csec.refusal(name, format('%s is a partition', name), '42809', 'Protect the partitioned table; its partitions follow.');
	END IF;
	SELECT t INTO other FROM csec.tree(tab) t JOIN pg_class k ON k.oid = t WHERE k.relkind = 'f' LIMIT 1;
	IF other IS NOT NULL THEN
		RETURN csec.refusal(name, format('%s is a foreign table that belongs to it', csec.qualified(other)), '42809',
			'Detach it; what lies on another server cannot be recorded here.');
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_kind(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_kind(regclass) IS 'internal: why a relation is of no kind that can be protected; null: it is';

-- Why a relation cannot be protected at all; null: it can.
CREATE FUNCTION csec.plan_relation(tab regclass) RETURNS csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind csec.plan_row := csec.plan_kind(tab);
	name text := csec.qualified(tab);
	other regclass;
BEGIN
	SELECT p.relid INTO other FROM csec.protected_table p
		WHERE p.relid = tab OR tab IN (SELECT csec.tree(p.relid)) OR p.relid IN (SELECT csec.tree(tab)) LIMIT 1;
	IF kind.kind IS NOT NULL OR other IS NULL THEN
		RETURN kind;
	END IF;
	RETURN csec.refusal(name, CASE WHEN other = tab THEN format('%s is protected already', name)
			ELSE format('%s and %s inherit from each other, and one is protected already', name, csec.qualified(other)) END,
		'42710', CASE WHEN NOT (SELECT enforce FROM csec.protected_table WHERE relid = other)
				THEN 'It is observed so far: csec.enforce() turns masks on.'
			WHEN other = tab THEN 'csec.add_fields() makes more columns fields; csec.unprotect() it first to protect it in another way.'
			ELSE 'csec.unprotect() it first to protect it in another way.' END);
END
$$;
REVOKE ALL ON FUNCTION csec.plan_relation(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_relation(regclass) IS 'internal: why a relation cannot be protected; null: it can';

CREATE FUNCTION csec.plan_subject_keys(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	plain name := (SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = request.tab AND a.attnum > 0 AND NOT a.attisdropped
			AND 'csec.masked'::regtype IN (t.oid, t.typbasetype) ORDER BY a.attnum LIMIT 1);
BEGIN
	IF NOT request.enforce THEN
		RETURN NEXT csec.refusal('subject_keys', 'a table that is only observed has no keys of customers', '22023', 'Leave subject_keys out, or enforce => false.');
	END IF;
	IF request.subject_of IS NOT NULL AND NOT coalesce((SELECT p.subject_keys FROM csec.protected_table p WHERE p.relid = request.subject_of), false) THEN
		RETURN NEXT csec.refusal('subject_keys', format('the customers of %s have no keys of their own', csec.qualified(request.subject_of)), '55000',
			'Protect that table with subject_keys => true first.');
	END IF;
	IF plain IS NOT NULL THEN
		RETURN NEXT csec.refusal(plain, format('column "%s" is of type csec.masked, which keeps its text in clear', plain), '42809',
			'Change it to csec.encrypted of the same category: only what is encrypted can be destroyed with a key.');
	END IF;
	IF coalesce(current_setting('csec.tombstone_directory', true), '') = '' AND coalesce(current_setting('csec.key_directory', true), '') = ''
		AND current_setting('csec.embedded_keys', true) IS DISTINCT FROM 'on' THEN
		RETURN NEXT csec.refusal('csec.tombstone_directory', 'there is no place to note destroyed keys of customers', '55000',
			'Set csec.tombstone_directory to a directory outside the data directory that the server''s user may write, and restart the server.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject_keys(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject_keys(csec.protect_request) IS 'internal: what keeps the customers of a table from having keys of their own';

CREATE FUNCTION csec.plan_options(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF request.audit NOT IN ('strict', 'batch') THEN
		RETURN NEXT csec.refusal('audit', 'audit is strict or batch', '22023', 'Leave it out to go by the level of the fields.');
	END IF;
	IF request.subject_keys THEN
		RETURN QUERY SELECT * FROM csec.plan_subject_keys(request);
	ELSIF (SELECT p.subject_keys FROM csec.protected_table p WHERE p.relid = request.subject_of) THEN
		RETURN NEXT csec.step('note', 'subject_keys', format('the customers of %s have keys of their own, and what is here will not be under them', csec.qualified(request.subject_of)));
	END IF;
	IF request.observe_until IS NULL THEN
		RETURN;
	ELSIF request.enforce THEN
		RETURN NEXT csec.refusal('observe_until', 'observe_until is for tables that are only observed', '22023', 'Add enforce => false.');
	ELSIF request.observe_until <= now() OR request.observe_until > now() + interval '90 days' THEN
		RETURN NEXT csec.refusal('observe_until', 'a table can be observed for at most 90 days from now', '22023', 'Give an earlier time to come.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_options(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_options(csec.protect_request) IS 'internal: what is wrong with the other arguments';

-- Is there a unique index on these columns or some of them?  In a partitioned
-- table the columns that it is partitioned by may be there in addition, as
-- PostgreSQL demands them.
CREATE FUNCTION csec.is_unique(tab regclass, columns text[]) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_index i
			WHERE i.indrelid = tab AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
				AND NOT EXISTS (
					SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = tab AND a.attnum = k
					WHERE a.attname <> ALL (columns)
						AND NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = tab AND a.attnum = ANY (p.partattrs)))
				AND EXISTS (
					SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = tab AND a.attnum = k
					WHERE a.attname = ANY (columns)))
	$$;
REVOKE ALL ON FUNCTION csec.is_unique(regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_unique(regclass, text[]) IS 'internal: do columns tell the rows of a table apart?';

-- A kind of key: keys of one kind have the same text.
CREATE FUNCTION csec.key_kind(type regtype) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
			WHEN type IN ('text'::regtype, 'varchar'::regtype) THEN 'text'
			WHEN type = 'uuid'::regtype THEN 'uuid'
			WHEN type = 'numeric'::regtype THEN 'numeric' END
	$$;
REVOKE ALL ON FUNCTION csec.key_kind(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_kind(regtype) IS 'internal: the kind of a subject key''s column; null: it cannot be one';

CREATE FUNCTION csec.plan_subject_columns(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s text;
	a pg_attribute;
	type regtype;
BEGIN
	FOREACH s IN ARRAY request.subject LOOP
		a := (SELECT t FROM pg_attribute t WHERE t.attrelid = request.tab AND t.attname = s AND t.attnum > 0 AND NOT t.attisdropped);
		type := (SELECT CASE typtype WHEN 'd' THEN typbasetype ELSE oid END FROM pg_type WHERE oid = a.atttypid);
		IF a.attname IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" does not exist', s), '42703', 'Name columns of the table.');
		ELSIF type IN ('csec.masked'::regtype, 'csec.encrypted'::regtype) OR request.fields ? s THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" is to be a masked field', s), '42809',
				'Subjects stand in the trail as they are: use a key that is not confidential.');
		ELSIF csec.key_kind(type) IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" is of type %s', s, type), '42804',
				'A key is of an integer type, text, varchar, uuid or numeric.');
		ELSIF NOT a.attnotnull AND request.subject_of IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" may be null', s), '42830', 'Set it NOT NULL: each row is about somebody.');
		ELSIF NOT a.attnotnull THEN
			RETURN NEXT csec.step('note', s, 'rows in which it is null are about nobody');
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject_columns(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject_columns(csec.protect_request) IS 'internal: what is wrong with the subject columns';

CREATE FUNCTION csec.plan_subject_of(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name text := csec.qualified(request.subject_of);
	customer csec.protected_table := (SELECT p FROM csec.protected_table p WHERE p.relid = request.subject_of);
	kinds text[];
BEGIN
	IF customer.relid IS NULL OR customer.subject_of IS NOT NULL THEN
		RETURN NEXT csec.refusal('subject_of', format('%s is not a protected table with subjects of its own', coalesce(name, request.subject_of::text)),
			'42704', 'Protect the table of customers first, and name that one.');
		RETURN;
	END IF;
	kinds := ARRAY(SELECT csec.key_kind(a.atttypid) FROM unnest(customer.subject) WITH ORDINALITY u (s, n)
		JOIN pg_attribute a ON a.attrelid = request.subject_of AND a.attname = s ORDER BY n);
	IF kinds IS DISTINCT FROM ARRAY(SELECT csec.key_kind(a.atttypid) FROM unnest(request.subject) WITH ORDINALITY u (s, n)
			JOIN pg_attribute a ON a.attrelid = request.tab AND a.attname = s ORDER BY n) THEN
		RETURN NEXT csec.refusal('subject', format('the subject columns do not match the key of %s: %s', name, array_to_string(kinds, ', ')),
			'42804', 'Name as many columns, in the same order and of the same kinds of types.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject_of(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject_of(csec.protect_request) IS 'internal: do the subjects match those of the table of customers?';

CREATE FUNCTION csec.plan_subject(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF coalesce(cardinality(request.subject), 0) NOT BETWEEN 1 AND 8 OR array_position(request.subject, NULL) IS NOT NULL
		OR cardinality(request.subject) > (SELECT count(DISTINCT s) FROM unnest(request.subject) s) THEN
		RETURN NEXT csec.refusal('subject', 'a subject is said by one to eight different columns', '22023',
			'Give subject => ''id'', or an array of columns.');
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM csec.plan_subject_columns(request);
	IF request.subject_of IS NOT NULL THEN
		RETURN QUERY SELECT * FROM csec.plan_subject_of(request);
	ELSIF NOT csec.is_unique(request.tab, request.subject) AND NOT EXISTS (
			SELECT FROM csec.plan_subject_columns(request) p WHERE p.kind = 'refuse') THEN
		RETURN NEXT csec.refusal('subject', format('the subject (%s) is not unique', array_to_string(request.subject, ', ')), '42830',
			'Add a unique constraint; for a table that refers to customers, name theirs as subject_of.');
	ELSIF (SELECT relkind FROM pg_class WHERE oid = request.tab) = 'p' OR (SELECT count(*) FROM csec.tree(request.tab)) > 1 THEN
		RETURN NEXT csec.step('note', array_to_string(request.subject, ', '), 'that a subject is in one partition only is taken on trust');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject(csec.protect_request) IS 'internal: what is wrong with the subject';

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
	ELSIF a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN
		RETURN NULL;
	ELSIF a.atttypid = 'date'::regtype AND (SELECT c.mask = 'birth_date' FROM csec.category c WHERE c.name = category) THEN
		RETURN NULL;
	END IF;
	RETURN csec.refusal(a.attname, format('column "%s" is of type %s', a.attname, type), '42804', CASE
		WHEN type ~ '(^|\.)citext$' THEN 'Fields compare with case: change it to text, with an index over lower() where case does not matter.'
		WHEN a.attndims > 0 OR type LIKE '%[]' THEN 'Fields are single values: keep them in a table of their own.'
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
	ELSIF jsonb_typeof(request.fields) <> 'object' OR jsonb_path_exists(request.fields, '$.* ? (@.type() != "string")') THEN
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
				JOIN pg_class c ON c.oid = x.relid JOIN pg_type t ON t.oid = c.reltype
				CROSS JOIN LATERAL (SELECT e.objid, e.objsubid FROM pg_depend e
					WHERE e.refclassid = 'pg_type'::regclass AND e.refobjid = ANY (ARRAY[t.oid, t.typarray])
						AND e.classid = 'pg_class'::regclass AND e.objsubid > 0) d
				JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
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
		SELECT (csec.refusal(o.name, format('%s uses functions, operators or types that do not come with PostgreSQL or an extension', o.name),
			'42501', 'They would run with the rights of a superuser: let a superuser do this.')).*
		FROM (
			SELECT 'pg_constraint'::regclass, k.oid, format('constraint %I', k.conname) FROM pg_constraint k JOIN own ON k.conrelid = relid
			UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, format('index %s', csec.qualified(i.indexrelid)) FROM pg_index i JOIN own ON i.indrelid = relid
			UNION ALL SELECT 'pg_statistic_ext'::regclass, x.oid, format('statistics %I', x.stxname) FROM pg_statistic_ext x JOIN own ON x.stxrelid = relid
			UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, format('a default or generated column of %s', csec.qualified(relid))
				FROM pg_attrdef d JOIN own ON d.adrelid = relid
				JOIN pg_attribute a ON a.attrelid = relid AND a.attnum = d.adnum AND a.attgenerated <> ''
			UNION ALL SELECT 'pg_class'::regclass, relid, format('the key by which %s is partitioned', csec.qualified(relid)) FROM own
				JOIN pg_partitioned_table ON partrelid = relid
			) o(class, id, name)
		WHERE NOT csec.is_superuser(csec.acting_role())
			AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.id AND d.objsubid = 0
				AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass) AND d.refobjid >= 16384
				AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid
					AND e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'))
	$$;
REVOKE ALL ON FUNCTION csec.plan_foreign_code(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_foreign_code(regclass) IS 'internal: code that a superuser''s rights must not be lent to';

-- Values that cannot become fields are counted, never shown.
CREATE FUNCTION csec.plan_values(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	f record;
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
			RETURN NEXT csec.refusal(f.attname, format('column "%s" has values that are not valid for category "%s": %s (%s)', f.attname, f.category, invalid, reasons), '22023',
				'Correct them, or let the category be lax: UPDATE csec.category SET check_mode = ''lax''.');
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
		WHERE t.oid = tab AND p.pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'csec')
			AND p.prosqlbody IS NULL
			AND p.prosrc ~* ('\m' || regexp_replace(t.relname, '(\W)', '\\\1', 'g') || '\M')
			AND p.prosrc ~* ('\m' || regexp_replace(c, '(\W)', '\\\1', 'g') || '\M')
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
			|| CASE WHEN f.from_type = 'date'::regtype THEN '; it is text yyyy-mm-dd then, without date arithmetic' ELSE '' END)).*
		FROM csec.request_fields(request) f WHERE f.rewritten;
	RETURN NEXT csec.step('lock', name, format('locked against reads and writes while %s are rewritten with their indexes: about %s, and as much free disk space',
		pg_size_pretty(whole), make_interval(secs => greatest(seconds, 1))));
	IF heap > csec.rewrite_limit() AND NOT request.allow_lock THEN
		RETURN NEXT csec.refusal(name, format('%s has %s, and would be locked for about %s', name, pg_size_pretty(heap), make_interval(secs => greatest(seconds, 1))),
			'53400', 'CALL csec.protect_online() does it beside the table''s use; or add allow_lock => true in a quiet hour.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_rewrite(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_rewrite(csec.protect_request) IS 'internal: what is rewritten, and how long it may take';

-- The lines that the trial gives.
CREATE FUNCTION csec.plan_tried(tried csec.tried[]) RETURNS SETOF csec.plan_row
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT (CASE WHEN t.problem IS NULL THEN csec.step(k.kind, (t.dependent).object,
				coalesce(t.note, CASE k.kind WHEN 'constraint' THEN 'checked again' ELSE 'made again' END))
			ELSE csec.refusal((t.dependent).object,
				format('%s %s cannot stay as it is: %s', (t.dependent).kind, (t.dependent).object, t.problem), '2BP01',
				CASE k.kind WHEN 'constraint' THEN 'Drop it; a strict category checks values by itself.'
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
