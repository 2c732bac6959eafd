-- What csec.protect() and its relatives share: who may, what a request says,
-- which relations and columns it is about, and how values are converted.

GRANT EXECUTE ON FUNCTION csec.suspend_recording(text, timestamptz) TO csec_admin;
GRANT EXECUTE ON FUNCTION csec.resume_recording() TO csec_admin;

-- Conversions: src/capture/convert.c.
CREATE FUNCTION csec.value_problem(value text, category text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_value_problem';
REVOKE ALL ON FUNCTION csec.value_problem(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.value_problem(text, text) TO csec_admin;
COMMENT ON FUNCTION csec.value_problem(text, text) IS
	'what keeps a text from being stored in a field of the category: must not be stored (the category''s storage is refused), mask (it has the form of one), or what a strict check has against it; null: nothing';

CREATE FUNCTION csec.adopt(value text, category text) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_adopt';
REVOKE ALL ON FUNCTION csec.adopt(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.adopt(text, text) IS
	'internal: a value that a table has already, as one of the category';

CREATE FUNCTION csec.adopt_encrypted(value text, category text) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_adopt_encrypted';
REVOKE ALL ON FUNCTION csec.adopt_encrypted(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.adopt_encrypted(text, text) IS
	'internal: a value that a table has already, encrypted as one of the category';

CREATE FUNCTION csec.adopt_for(customers regclass, subject text, value text, category text) RETURNS csec.encrypted
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_adopt_for';
REVOKE ALL ON FUNCTION csec.adopt_for(regclass, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.adopt_for(regclass, text, text, text) IS
	'internal: the same, under the key of a customer of a table; subject null: of nobody';

CREATE FUNCTION csec.stored_text(value csec.masked) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_stored_text';
CREATE FUNCTION csec.stored_text(value csec.encrypted) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_stored_text';
REVOKE ALL ON FUNCTION csec.stored_text(csec.masked) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.stored_text(csec.encrypted) FROM PUBLIC;
COMMENT ON FUNCTION csec.stored_text(csec.masked) IS
	'internal: the whole text of a value, while csec.unprotect() rewrites its table and at no other time';
COMMENT ON FUNCTION csec.stored_text(csec.encrypted) IS
	'internal: the whole text of a value, while csec.unprotect() rewrites its table and at no other time';

CREATE FUNCTION csec.rewrite_plain(tab regclass, widen boolean) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_rewrite_plain';
REVOKE ALL ON FUNCTION csec.rewrite_plain(regclass, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.rewrite_plain(regclass, boolean) IS
	'internal: gives the fields of a table their original types back; on record before it begins';

CREATE FUNCTION csec.in_own_ddl() RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_in_own_ddl';
REVOKE ALL ON FUNCTION csec.in_own_ddl() FROM PUBLIC;
COMMENT ON FUNCTION csec.in_own_ddl() IS
	'internal: is a function of csec''s changing tables just now, with csec.own_ddl() on?';

CREATE FUNCTION csec.kin(OUT leaves boolean, OUT root regclass, OUT joins regclass)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_kin';
REVOKE ALL ON FUNCTION csec.kin() FROM PUBLIC;
COMMENT ON FUNCTION csec.kin() IS
	'internal: does the ALTER TABLE at work take something out of a parent, of which protected table is that, and which one that is protected on its own does it attach';

-- What is asked of csec.protect(), and a line of the plan.
CREATE TYPE csec.protect_request AS (
	tab regclass,
	subject text[],
	fields jsonb,
	subject_of regclass,
	enforce boolean,
	audit text,
	allow_lock boolean,
	observe_until timestamptz,
	subject_keys boolean
);
COMMENT ON TYPE csec.protect_request IS 'internal: the arguments of csec.protect()';

CREATE TYPE csec.plan_row AS (kind text, object text, what text, code text, hint text);
COMMENT ON TYPE csec.plan_row IS 'internal: a line of the plan; code and hint where it is a refusal';

CREATE FUNCTION csec.refusal(object text, what text, code text, hint text) RETURNS csec.plan_row
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT ('refuse', object, what, code, hint)::csec.plan_row $$;
REVOKE ALL ON FUNCTION csec.refusal(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.refusal(text, text, text, text) IS 'internal: a line of the plan that says what stands in the way';

CREATE FUNCTION csec.step(kind text, object text, what text) RETURNS csec.plan_row
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT (kind, object, what, NULL, NULL)::csec.plan_row $$;
REVOKE ALL ON FUNCTION csec.step(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.step(text, text, text) IS 'internal: a line of the plan that says what will be done';

-- Originals of what csec.protect() had to change, for csec.unprotect().
CREATE TABLE csec.replaced_object (
	relid regclass NOT NULL,
	name text NOT NULL,
	definition text NOT NULL,
	remade boolean NOT NULL,
	PRIMARY KEY (relid, name)
);
REVOKE ALL ON csec.replaced_object FROM PUBLIC;
GRANT SELECT ON csec.replaced_object TO csec_admin, csec_auditor, csec_officer, csec_backup;
COMMENT ON TABLE csec.replaced_object IS 'what of protected tables could not stay as it was: indexes, statistics, how columns are stored; csec.unprotect() brings it back';
COMMENT ON COLUMN csec.replaced_object.relid IS 'the protected table';
COMMENT ON COLUMN csec.replaced_object.name IS 'name of the index or of the statistics, with its schema; or whose storage it is';
COMMENT ON COLUMN csec.replaced_object.definition IS 'the commands that make it as it was';
COMMENT ON COLUMN csec.replaced_object.remade IS 'true: there is another of its name in its place; false: there is none';
SELECT pg_catalog.pg_extension_config_dump('csec.replaced_object',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');

-- What foreign keys would do, if pg_restore --jobs kept to their order.
CREATE FUNCTION csec.protected_gone() RETURNS trigger
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM csec.protected_field f WHERE f.relid = OLD.relid;
	DELETE FROM csec.replaced_object r WHERE r.relid = OLD.relid;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.protected_gone() FROM PUBLIC;
COMMENT ON FUNCTION csec.protected_gone() IS 'trigger of csec.protected_table: its fields go with a table';
CREATE TRIGGER protected_gone AFTER DELETE ON csec.protected_table
	FOR EACH ROW EXECUTE FUNCTION csec.protected_gone();
ALTER TABLE csec.protected_table ENABLE ALWAYS TRIGGER protected_gone;

CREATE FUNCTION csec.keep_used_category() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	tab regclass;
BEGIN
	SELECT f.relid INTO tab FROM csec.protected_field f WHERE f.category = OLD.name LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'category "%" is that of a field of %', OLD.name, csec.qualified(tab)
			USING ERRCODE = '2BP01', HINT = 'Unprotect the table first.';
	END IF;
	RETURN OLD;
END
$$;
REVOKE ALL ON FUNCTION csec.keep_used_category() FROM PUBLIC;
COMMENT ON FUNCTION csec.keep_used_category() IS 'trigger of csec.category: one that a table has stays';
CREATE TRIGGER keep_used_category BEFORE DELETE ON csec.category
	FOR EACH ROW EXECUTE FUNCTION csec.keep_used_category();
ALTER TABLE csec.category ENABLE ALWAYS TRIGGER keep_used_category;

-- Who acts: what SET ROLE chose, or the session's user.  Within a SECURITY
-- DEFINER function current_user would be that function's owner.
CREATE FUNCTION csec.acting_role() RETURNS regrole
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE current_setting('role')
			WHEN 'none' THEN session_user::regrole
			ELSE quote_ident(current_setting('role'))::regrole END
	$$;
REVOKE ALL ON FUNCTION csec.acting_role() FROM PUBLIC;
COMMENT ON FUNCTION csec.acting_role() IS 'internal: the role that the session acts as';

CREATE FUNCTION csec.is_superuser(role regrole) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT rolsuper FROM pg_roles WHERE oid = role $$;
REVOKE ALL ON FUNCTION csec.is_superuser(regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_superuser(regrole) IS 'internal: has the role the superuser attribute?';

CREATE FUNCTION csec.may_protect(tab regclass) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT csec.is_superuser(csec.acting_role())
			OR pg_has_role(csec.acting_role(), 'csec_admin', 'USAGE')
			AND pg_has_role(csec.acting_role(), (SELECT relowner FROM pg_class WHERE oid = tab), 'USAGE')
	$$;
REVOKE ALL ON FUNCTION csec.may_protect(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.may_protect(regclass) IS
	'internal: may the session protect and unprotect the table: a superuser may, and a member of csec_admin who owns it';

-- A table, its partitions and its inheritance children.
CREATE FUNCTION csec.tree(tab regclass) RETURNS SETOF regclass
	LANGUAGE sql STABLE STRICT ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE t(relid) AS (
			SELECT tab::oid
			UNION SELECT i.inhrelid FROM pg_inherits i JOIN t ON i.inhparent = t.relid)
		SELECT relid::regclass FROM t ORDER BY relid <> tab::oid, relid
	$$;
REVOKE ALL ON FUNCTION csec.tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.tree(regclass) IS 'internal: a table and all that inherit from it, itself first';

CREATE FUNCTION csec.above(tab regclass) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE up (relid) AS (
			SELECT tab::oid
			UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.relid)
		TABLE up
	$$;
REVOKE ALL ON FUNCTION csec.above(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.above(regclass) IS 'internal: a table and all that it inherits from, or is a partition of';

-- Domains may be over domains, to any depth; the modifier is the innermost's.
CREATE FUNCTION csec.base_type(INOUT type oid, INOUT typmod int4)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE d (type, typmod) AS (
			SELECT type, typmod
			UNION ALL SELECT t.typbasetype, t.typtypmod FROM d JOIN pg_type t ON t.oid = d.type WHERE t.typtype = 'd')
		SELECT d.type, d.typmod FROM d JOIN pg_type t ON t.oid = d.type WHERE t.typtype <> 'd'
	$$;
REVOKE ALL ON FUNCTION csec.base_type(oid, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.base_type(oid, int4) IS 'internal: what a domain is at the bottom, or the type itself, and its modifier';

CREATE FUNCTION csec.base_type(type oid) RETURNS oid
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT b.type FROM csec.base_type(base_type.type, -1) b $$;
REVOKE ALL ON FUNCTION csec.base_type(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.base_type(oid) IS 'internal: what a domain is at the bottom, or the type itself';

-- Is it a type whose values are fields, csec.masked or csec.encrypted, or a domain over one?
CREATE FUNCTION csec.is_field_type(type oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT csec.base_type(type) IN ('csec.masked'::regtype, 'csec.encrypted'::regtype) $$;
REVOKE ALL ON FUNCTION csec.is_field_type(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_field_type(oid) IS 'internal: is it the type of a field, or a domain over one?';

-- The category that a column's type names already; null: it is not of a type
-- of csec's, or its category has no row.
CREATE FUNCTION csec.column_category(tab regclass, attname name) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.name FROM pg_attribute a CROSS JOIN LATERAL csec.base_type(a.atttypid, a.atttypmod) b
			JOIN csec.category c ON csec.category_id(c.name) = b.typmod & ~1
		WHERE a.attrelid = tab AND a.attname = column_category.attname AND NOT a.attisdropped
			AND b.type IN ('csec.masked'::regtype, 'csec.encrypted'::regtype)
	$$;
REVOKE ALL ON FUNCTION csec.column_category(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION csec.column_category(regclass, name) IS 'internal: the category of a column that has a type of csec''s';

-- The type for a category: the domain of its name where csec ships one.  Under
-- the keys of customers every field is encrypted, as a text in clear would
-- outlive its customer's key.
CREATE FUNCTION csec.field_type(category text, subject_keys boolean) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN c.sort = 'plain' AND base.type = 'csec.masked'::regtype THEN format('csec.masked(%I, plain)', c.name)
			WHEN EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = 'csec'::regnamespace
				AND t.typname = c.name AND t.typtype = 'd' AND t.typbasetype = base.type
				AND t.typtypmod = csec.category_id(c.name))
			THEN format('csec.%I', c.name)
			ELSE format('%s(%I)', base.type, c.name) END
		FROM csec.category c
			CROSS JOIN LATERAL (SELECT CASE WHEN c.storage = 'masked' AND NOT subject_keys THEN 'csec.masked' ELSE 'csec.encrypted' END::regtype AS type) base
		WHERE c.name = field_type.category
	$$;
REVOKE ALL ON FUNCTION csec.field_type(text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.field_type(text, boolean) IS 'internal: the type of columns of a category';

-- Keys that are equal have one text, as src/capture/subject_key.c makes it.  The cast is of what
-- CASE gives, not in it: planned for a value (18), it would be done there whatever the type.
CREATE FUNCTION csec.key_text(value anynonarray) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(trim_scale((CASE csec.base_type(pg_typeof(value)) WHEN 'numeric'::regtype THEN value::text END)::numeric)::text, value::text)
	$$;
REVOKE ALL ON FUNCTION csec.key_text(anynonarray) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_text(anynonarray) IS 'internal: a key as the trail names its subject';

-- The expression that makes a field's value of a text that is there.  customers:
-- the table whose customers' keys it is to be under, with the subject's columns.
CREATE FUNCTION csec.adopting(value text, category text, customers regclass DEFAULT NULL, subject text[] DEFAULT NULL, prefix text DEFAULT '')
	RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN customers IS NOT NULL THEN format('csec.adopt_for(%s::pg_catalog.oid::pg_catalog.regclass, %s, %s, %L)', customers::oid,
				(SELECT CASE count(*) WHEN 1 THEN min(u.part)
						ELSE format('CASE WHEN pg_catalog.num_nulls(%1$s) = 0 THEN csec.subject_key(%1$s) END', string_agg(u.part, ', ' ORDER BY u.n)) END
					FROM (SELECT format('csec.key_text(%s%I)', prefix, s.s), s.n FROM unnest(subject) WITH ORDINALITY s (s, n)) u (part, n)),
				value, c.name)
			ELSE format('csec.%s(%s, %L)', CASE c.storage WHEN 'masked' THEN 'adopt' ELSE 'adopt_encrypted' END, value, c.name) END
		FROM csec.category c WHERE c.name = adopting.category
	$$;
REVOKE ALL ON FUNCTION csec.adopting(text, text, regclass, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION csec.adopting(text, text, regclass, text[], text) IS 'internal: the expression that makes a value of a category of a text';

-- A column as text, as it will be stored in a field.
CREATE FUNCTION csec.as_text(attname name, from_type regtype) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE from_type WHEN 'date'::regtype
			THEN format('pg_catalog.to_char(%I, ''YYYY-MM-DD'')', attname)
			ELSE format('%I::pg_catalog.text', attname) END
	$$;
REVOKE ALL ON FUNCTION csec.as_text(name, regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.as_text(name, regtype) IS 'internal: the expression that gives a column as text';

-- The fields of a request that exist: those asked for, and columns that have
-- a type of csec's already.  rewritten: the column's type changes.
CREATE FUNCTION csec.request_fields(request csec.protect_request,
		OUT attnum int2, OUT attname name, OUT category text, OUT from_type regtype,
		OUT original_type text, OUT rewritten boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attnum, a.attname, coalesce(f.value, own.category), a.atttypid::regtype,
			CASE WHEN own.category IS NOT NULL THEN 'text'
				ELSE format_type(a.atttypid, a.atttypmod)
					|| coalesce((SELECT format(' COLLATE %I.%I', n.nspname, l.collname)
						FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
						JOIN pg_type t ON t.oid = a.atttypid
						WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation), '') END,
			own.category IS NULL
		FROM pg_attribute a
			LEFT JOIN jsonb_each_text(CASE jsonb_typeof(request.fields) WHEN 'object' THEN request.fields ELSE '{}' END) f ON f.key = a.attname
			CROSS JOIN LATERAL (SELECT csec.column_category(request.tab, a.attname) AS category) own
		WHERE a.attrelid = request.tab AND a.attnum > 0 AND NOT a.attisdropped
			AND coalesce(f.value, own.category) IS NOT NULL
		ORDER BY a.attnum
	$$;
REVOKE ALL ON FUNCTION csec.request_fields(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.request_fields(csec.protect_request) IS
	'internal: the fields that a table will have, with what their columns are now';
