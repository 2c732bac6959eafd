-- Extended statistics of most common values, and over expressions, keep values
-- that everybody may ask for, and tell by the planner's estimates which values
-- are there: over fields there are none.  Counts of distinct values and
-- dependencies between columns hold no values, and may be.
CREATE FUNCTION csec.no_kept_values() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	s record;
BEGIN
	WITH kept AS MATERIALIZED (
		SELECT e.stxname, e.stxrelid::regclass AS tab, a.attname, a.atttypid
		FROM pg_event_trigger_ddl_commands() c
			JOIN pg_statistic_ext e ON (c.classid = 'pg_statistic_ext'::regclass AND c.objid = e.oid)
				OR (c.classid = 'pg_class'::regclass AND c.objid = e.stxrelid)
			JOIN pg_depend d ON d.classid = 'pg_statistic_ext'::regclass AND d.objid = e.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid = e.stxrelid
			JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE e.stxkind && '{m,e}')
	SELECT k.stxname, k.tab, k.attname INTO s
	FROM kept k
	WHERE csec.is_field_type(k.atttypid) OR csec.holds_fields(k.atttypid)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'statistics "%" would keep values of field "%" of %', s.stxname, s.attname, s.tab
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Create them of the kinds (ndistinct, dependencies), and over columns alone; drop these first where they are there already.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.no_kept_values() FROM PUBLIC;
COMMENT ON FUNCTION csec.no_kept_values() IS 'event trigger: refuses extended statistics that would keep values of fields';
CREATE EVENT TRIGGER csec_no_kept_values ON ddl_command_end
	WHEN TAG IN ('CREATE STATISTICS', 'CREATE TABLE', 'ALTER TABLE')
	EXECUTE FUNCTION csec.no_kept_values();
ALTER EVENT TRIGGER csec_no_kept_values ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_no_kept_values IS 'refuses extended statistics that would keep values of fields';
