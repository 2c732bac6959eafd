-- What many of csec's tables get.  These functions are there while csec is
-- installed; 94_record_zh.sql, the last part, drops them.

-- A trigger that fires for everybody, whatever session_replication_role is.
CREATE FUNCTION pg_temp.add_trigger(tab regclass, name name, fires text, does text) RETURNS void
	LANGUAGE plpgsql
	AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER %I %s EXECUTE FUNCTION csec.%s', name, format(fires, tab), does);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tab, name);
END
$$;

-- A table whose rows are signed: called before it has any.  Triggers fire in
-- the order of their names, and this one has to be the last that changes a row.
CREATE FUNCTION pg_temp.sign_rows(tab regclass) RETURNS void
	LANGUAGE plpgsql
	AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD COLUMN mac bytea', tab);
	EXECUTE format('COMMENT ON COLUMN %s.mac IS %L', tab, 'keyed code over the other columns: csec.unsound_rows shows those that do not fit');
	PERFORM pg_temp.add_trigger(tab, 'sign_row', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'sign_row()');
END
$$;

-- What is done to its rows is on record, by the column that names them; ops
-- null: but for TRUNCATE.
CREATE FUNCTION pg_temp.record_rows(tab regclass, named_by name, ops text DEFAULT 'INSERT OR UPDATE OR DELETE') RETURNS void
	LANGUAGE plpgsql
	AS $$
BEGIN
	IF ops IS NOT NULL THEN
		PERFORM pg_temp.add_trigger(tab, 'row_recorded', 'AFTER ' || ops || ' ON %s FOR EACH ROW', format('row_recorded(%L)', named_by));
	END IF;
	PERFORM pg_temp.add_trigger(tab, 'rows_truncated', 'AFTER TRUNCATE ON %s FOR EACH STATEMENT', format('row_recorded(%L)', named_by));
END
$$;

-- It is policy: a change makes a new version of it.
CREATE FUNCTION pg_temp.count_policy(tab regclass) RETURNS void
	LANGUAGE sql
	AS $$
		SELECT pg_temp.add_trigger(tab, 'policy_counted', 'AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT', 'policy_counted()')
	$$;

-- Rows that csec ships make way for those that somebody puts in their place;
-- told apart by these columns.
CREATE FUNCTION pg_temp.ship_rules(tab regclass, VARIADIC told_apart_by name[]) RETURNS void
	LANGUAGE sql
	AS $$
		SELECT pg_temp.add_trigger(tab, 'rule_shipped', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW',
			format('rule_shipped(%s)', (SELECT string_agg(quote_literal(k), ', ') FROM unnest(told_apart_by) k)))
	$$;

