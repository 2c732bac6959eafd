-- The plan: what csec.protect() will do, and all that stands in its way.  Here: the
-- server, the table and the options.

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
	schema name := (SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace);
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
	plain name := (SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = request.tab AND a.attnum > 0 AND NOT a.attisdropped
			AND csec.base_type(a.atttypid) = 'csec.masked'::regtype ORDER BY a.attnum LIMIT 1);
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
	IF request.enforce IS NULL THEN
		RETURN NEXT csec.refusal('enforce', 'enforce is true or false', '22023', 'Leave it out to mask the fields at once.');
	END IF;
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
