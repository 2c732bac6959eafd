-- What would change rows or columns behind the back of csec.protect_online(): the
-- copies would be exchanged for a table that they are no copies of any more.

-- A part, while it is worked on, that has other columns than its copy, or does
-- not note which of its rows change; null: there is none.
CREATE FUNCTION csec.part_astray() RETURNS regclass
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT p.part::regclass
		FROM csec.migration_part p JOIN csec.migration m ON m.relid = p.relid
			-- (one that is detached or dropped is a part no more)
			JOIN pg_class r ON r.oid = p.part AND r.oid IN (SELECT csec.parts_of(m.relid))
			JOIN pg_class copy ON copy.oid = to_regclass(csec.copy_name(p.part))
		WHERE (SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = p.part AND g.tgname IN ('csec_zy_queue', 'csec_zy_queue_all') AND g.tgenabled = 'A') < 2
			OR r.relpersistence <> copy.relpersistence OR r.relam <> copy.relam OR EXISTS (
				SELECT FROM (SELECT a.* FROM pg_attribute a WHERE a.attrelid = p.part AND a.attnum > 0) a
					FULL JOIN (SELECT c.* FROM pg_attribute c WHERE c.attrelid = copy.oid AND c.attnum > 0) c USING (attnum)
				WHERE (a.attname, a.attisdropped) IS DISTINCT FROM (c.attname, c.attisdropped)
					OR NOT a.attisdropped AND NOT m.fields ? a.attname AND (a.atttypid, a.atttypmod) <> (c.atttypid, c.atttypmod))
		LIMIT 1
	$$;
REVOKE ALL ON FUNCTION csec.part_astray() FROM PUBLIC;
COMMENT ON FUNCTION csec.part_astray() IS 'internal: a table that csec.protect_online() is at work on and that was altered';

CREATE FUNCTION csec.keep_migrations() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
<<keep_migrations>>
DECLARE
	part regclass;
	dropped text;
BEGIN
	-- (the library is asked last: without it, what has nothing to do with csec goes on)
	IF NOT EXISTS (SELECT FROM csec.migration_part) THEN
		RETURN;
	ELSIF csec.in_own_ddl() THEN
		RETURN;
	END IF;
	IF tg_event = 'table_rewrite' THEN
		-- each row is another one then, and no trigger tells of it
		part := pg_event_trigger_table_rewrite_oid();
		SELECT p.part INTO part FROM csec.migration_part p WHERE p.part = keep_migrations.part;
	ELSIF tg_event = 'sql_drop' THEN
		-- a partition may go; of the table its copies and what is known of it would stay
		SELECT d.object_identity INTO dropped FROM pg_event_trigger_dropped_objects() d JOIN csec.migration m ON m.relid = d.objid
			WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0;
		IF FOUND THEN
			RAISE EXCEPTION 'table % is being protected and cannot be dropped', dropped
				USING ERRCODE = 'object_in_use', HINT = 'Wait, or end it with csec.protect_online_cancel().';
		END IF;
	ELSE
		part := csec.part_astray();
	END IF;
	IF part IS NOT NULL THEN
		RAISE EXCEPTION 'table % is being protected and cannot be altered in this way', csec.qualified(part)
			USING ERRCODE = 'object_in_use', HINT = 'Wait, or end it with csec.protect_online_cancel().';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.keep_migrations() FROM PUBLIC;
COMMENT ON FUNCTION csec.keep_migrations() IS
	'event trigger: keeps columns, rows and triggers of a table as they are while csec.protect_online() is at work on it';

CREATE EVENT TRIGGER csec_keep_migrations ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'DROP TRIGGER', 'ALTER TRIGGER') EXECUTE FUNCTION csec.keep_migrations();
CREATE EVENT TRIGGER csec_keep_migrations_rows ON table_rewrite EXECUTE FUNCTION csec.keep_migrations();
CREATE EVENT TRIGGER csec_keep_migrations_tables ON sql_drop EXECUTE FUNCTION csec.keep_migrations();
ALTER EVENT TRIGGER csec_keep_migrations ENABLE ALWAYS;
ALTER EVENT TRIGGER csec_keep_migrations_tables ENABLE ALWAYS;
ALTER EVENT TRIGGER csec_keep_migrations_rows ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_keep_migrations IS 'keeps columns and triggers of a table as they are while csec.protect_online() is at work on it';
COMMENT ON EVENT TRIGGER csec_keep_migrations_rows IS 'keeps its rows from being written anew meanwhile';
COMMENT ON EVENT TRIGGER csec_keep_migrations_tables IS 'keeps the table itself meanwhile';
