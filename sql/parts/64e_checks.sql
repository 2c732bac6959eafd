-- Checks that come after csec.protect(), which refuses those that are there: one
-- that reads the text of a field reads a mask when most readers write, so they
-- could write nothing any more.

-- What checks csec.protect() only tries, on copies in a schema of their own, it
-- judges itself (62_trial.sql).
CREATE FUNCTION csec.no_text_checks() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	read record;
BEGIN
	IF csec.in_own_ddl() THEN
		RETURN;
	END IF;
	WITH made AS MATERIALIZED (
		SELECT k.conname, coalesce(r.oid::regclass::text, k.contypid::regtype::text) AS object, k.conbin
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_constraint k ON (d.classid = 'pg_class'::regclass AND d.objid = k.conrelid)
				OR (d.classid = 'pg_type'::regclass AND d.objid = k.contypid)
			LEFT JOIN pg_class r ON r.oid = k.conrelid
		WHERE k.contype = 'c' AND NOT coalesce(starts_with(r.relnamespace::regnamespace::text, format('csec_try_%s_', pg_backend_pid())), false))
	SELECT m.conname, m.object INTO read FROM made m WHERE csec.reads_text(m.conbin) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'check "%" of % reads the text of a field, which is a mask to most readers', read.conname, read.object
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Who is not cleared for the field could write no row.',
				HINT = '= and <> work on fields as on text, and a strict category checks values by itself: see csec.category.check_mode. A check that was there before has to be dropped.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.no_text_checks() FROM PUBLIC;
COMMENT ON FUNCTION csec.no_text_checks() IS 'event trigger: refuses checks that read the text of a field';

CREATE EVENT TRIGGER csec_no_text_checks ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'ALTER FOREIGN TABLE', 'CREATE DOMAIN', 'ALTER DOMAIN')
	EXECUTE FUNCTION csec.no_text_checks();
ALTER EVENT TRIGGER csec_no_text_checks ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_no_text_checks IS 'refuses checks that read the text of a field';
