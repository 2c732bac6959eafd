-- Reads that only repeat one on record, told as a number (src/capture/coalesce.c).

CREATE FUNCTION csec.set_coalescing(tab regclass, within interval) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	before csec.protected_table;
BEGIN
	PERFORM csec.need_now('set_coalescing', coalesce(csec.qualified(tab), tab::text));
	-- csec.enforce() puts another row in its place
	LOOP
		SELECT p.* INTO before FROM csec.protected_table p WHERE p.relid = tab FOR UPDATE;
		EXIT WHEN FOUND OR NOT EXISTS (SELECT FROM csec.protected_table p WHERE p.relid = tab);
	END LOOP;
	IF before.relid IS NULL THEN
		RAISE EXCEPTION '% is not protected', coalesce(tab::text, 'null')
			USING ERRCODE = '42704', HINT = 'See csec.protected_table for tables that are.';
	ELSIF NOT csec.may_protect(tab) THEN
		RAISE EXCEPTION 'permission denied for table %', tab
			USING ERRCODE = '42501', HINT = 'Whoever may protect a table says how its reads are recorded.';
	ELSIF within NOT BETWEEN interval '1 second' AND interval '1 hour' THEN
		RAISE EXCEPTION 'reads cannot be told as a number for %', within
			USING ERRCODE = '22023', HINT = 'Give one second to one hour, or null: each read has a record of its own.';
	END IF;
	-- 60 minutes, however written, is one value
	within := make_interval(secs => extract(epoch FROM within)::float8);
	IF within IS NOT DISTINCT FROM before.repeats_within THEN
		RETURN;
	END IF;
	PERFORM csec.control('set coalescing', csec.qualified(tab),
		jsonb_build_object('within', extract(epoch FROM within), 'before', extract(epoch FROM before.repeats_within)));
	UPDATE csec.protected_table p SET repeats_within = within WHERE p.relid = tab;
END
$$;
REVOKE ALL ON FUNCTION csec.set_coalescing(regclass, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_coalescing(regclass, interval) TO csec_admin;
COMMENT ON FUNCTION csec.set_coalescing(regclass, interval) IS
	'reads of general fields of a table that only repeat one of the same session within this time are told as a number, in one record; null: each has its own. For whoever may protect the table';
