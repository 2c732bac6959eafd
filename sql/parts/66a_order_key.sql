-- Another root key for a database: the order of masked values, and the codes over
-- the rows of policy.

CREATE FUNCTION csec.restamp_table(tab regclass) RETURNS int8
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_restamp_table';
REVOKE ALL ON FUNCTION csec.restamp_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.restamp_table(regclass) IS
	'internal: write the masked values of a table anew under the server''s order key; its indexes have to be rebuilt in the same transaction';

CREATE FUNCTION csec.masked_columns(OUT relid regclass, OUT attname name, OUT reachable boolean) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM csec.columns_over('csec.masked')
$$;
REVOKE ALL ON FUNCTION csec.masked_columns() FROM PUBLIC;
COMMENT ON FUNCTION csec.masked_columns() IS 'internal: the columns that store masked values';

CREATE FUNCTION csec.refuse_old_order() RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	PERFORM csec.refuse_unsettled();
	PERFORM csec.refuse_partitions_by('csec.masked');
	SELECT * INTO c FROM csec.masked_columns() m WHERE NOT m.reachable AND pg_relation_size(m.relid) > 0 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the masked values in column "%" of % cannot be written anew', c.attname, c.relid
			USING ERRCODE = 'feature_not_supported',
			HINT = 'It holds rows or ranges with masked values in them, or belongs to a temporary table of another session: drop it first.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_old_order() FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_old_order() IS 'internal: refuses where not all masked values can be written anew';

-- Accepted and put in order in one step: a transaction that had accepted the key
-- and not made the indexes anew would miss what they hold, without a word.
CREATE FUNCTION csec.adopt_order_key() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	t record;
	tab regclass;
	index regclass;
	done regclass[] := '{}';
	rows int8;
BEGIN
	IF EXISTS (SELECT FROM csec.order_key o WHERE o.fingerprint = csec.order_key_fingerprint()) THEN
		-- else rows that somebody put behind csec's back would be signed for nothing
		RAISE EXCEPTION 'the order key of this server is that of this database'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There is nothing to adopt.';
	END IF;
	PERFORM csec.refuse_old_order();
	INSERT INTO csec.order_key (fingerprint) VALUES (csec.order_key_fingerprint())
		ON CONFLICT ((true)) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, created_at = now();
	-- Under another root key no row of policy is sound: what the lost one signed is
	-- signed anew, each on record.
	PERFORM csec.control('adopt order key', current_database(), '{}');
	FOR t IN SELECT s.tab FROM csec.signed_tables() s LOOP
		EXECUTE format('UPDATE %s t SET mac = NULL WHERE NOT csec.row_is_sound(t)', t.tab);
	END LOOP;

	LOOP
		tab := (SELECT m.relid FROM csec.masked_columns() m WHERE m.relid <> ALL (done) LIMIT 1);
		IF tab IS NULL THEN
			-- none may come up between this look and the commit
			LOCK TABLE pg_catalog.pg_class IN SHARE MODE;
			PERFORM csec.refuse_unborn();
			PERFORM csec.refuse_old_order();
			tab := (SELECT m.relid FROM csec.masked_columns() m WHERE m.relid <> ALL (done) LIMIT 1);
			EXIT WHEN tab IS NULL;
		END IF;
		PERFORM csec.lock_alone(tab);
		rows := csec.restamp_table(tab);
		EXECUTE format('REINDEX TABLE %s', csec.qualified(tab));
		PERFORM csec.control('restamp', csec.qualified(tab), jsonb_build_object('rows', rows));
		done := done || tab;
	END LOOP;
	-- over expressions that give masked values, of tables that store none
	FOR index, tab IN SELECT i, x.indrelid FROM csec.indexes_over('csec.masked') i JOIN pg_index x ON x.indexrelid = i
		WHERE x.indrelid <> ALL (done) ORDER BY 2, 1 LOOP
		PERFORM csec.lock_alone(tab);
		EXECUTE format('REINDEX INDEX %s', csec.qualified(index));
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.adopt_order_key() FROM PUBLIC;
COMMENT ON FUNCTION csec.adopt_order_key() IS
	'accept this server''s root key for this database: its codes over the rows of policy, which are signed anew as they are, and its order of masked values, which are written anew, with all indexes of their tables: locks these against everybody until the transaction ends';

-- A session that rolls this back does not go on with the key.
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON csec.order_key
	FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_changed();
ALTER TABLE csec.order_key ENABLE ALWAYS TRIGGER policy_changed;
