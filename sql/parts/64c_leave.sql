-- A table that was part of a protected one stays under csec when it leaves; what
-- comes back comes under its parent's policy again.

-- Tables with csec's triggers that no policy covers any more, the topmost of
-- each tree.  A trigger for TRUNCATE is each table's own, and stays.
CREATE FUNCTION csec.left_alone() RETURNS SETOF regclass
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT g.tgrelid::regclass FROM pg_trigger g
		WHERE g.tgname = 'csec_zz_truncate' AND g.tgfoid = 'csec.record_change'::regproc
			AND NOT EXISTS (SELECT FROM csec.protected_table p WHERE p.relid IN (SELECT csec.above(g.tgrelid)))
			AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_trigger o ON o.tgrelid = i.inhparent
				WHERE i.inhrelid = g.tgrelid AND o.tgname = g.tgname AND o.tgfoid = g.tgfoid)
	$$;
REVOKE ALL ON FUNCTION csec.left_alone() FROM PUBLIC;
COMMENT ON FUNCTION csec.left_alone() IS 'internal: the tables that are no part of a protected one any more';

-- A table with csec's triggers and no policy may also come from a dump of it
-- alone, and is no part of what is detached then.
CREATE FUNCTION csec.has_fields_of(tab regclass, root regclass) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT NOT EXISTS (
			SELECT FROM csec.protected_table p
				CROSS JOIN LATERAL (SELECT unnest(p.subject), NULL
					UNION ALL SELECT f.attname, CASE WHEN p.enforce THEN f.category END FROM csec.protected_field f WHERE f.relid = root) n (attname, category)
			WHERE p.relid = root AND NOT EXISTS (SELECT FROM pg_attribute a
				WHERE a.attrelid = tab AND a.attname = n.attname AND NOT a.attisdropped
					AND (n.category IS NULL OR csec.column_category(tab, a.attname) = n.category)))
	$$;
REVOKE ALL ON FUNCTION csec.has_fields_of(regclass, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.has_fields_of(regclass, regclass) IS 'internal: has a table the columns that the policy of another names, and is what are fields there a field here?';

-- Its rows are of the customers of the table that it was part of, so what is
-- asked about these finds what was done to it.
CREATE FUNCTION csec.stay_protected(tab regclass, root regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	t csec.protected_table := (SELECT p FROM csec.protected_table p WHERE p.relid = root);
	customers regclass := CASE WHEN t.subject <> '{}' THEN coalesce(t.subject_of, t.relid) END;
BEGIN
	IF t.relid IS NULL THEN
		RAISE EXCEPTION 'it cannot be told what % was part of', csec.qualified(tab)
			USING ERRCODE = '55000', HINT = 'Another session has renamed tables meanwhile: try again.';
	END IF;
	INSERT INTO csec.protected_table (relid, subject, subject_of, enforce, audit, subject_keys, observe_until, repeats_within, protected_by)
		VALUES (tab, t.subject, customers, t.enforce, t.audit, t.subject_keys, t.observe_until, t.repeats_within, csec.login()::text);
	INSERT INTO csec.protected_field (relid, attname, category, original_type)
		SELECT tab, f.attname, f.category, f.original_type FROM csec.protected_field f WHERE f.relid = root;
	IF EXISTS (SELECT csec.missing_columns(tab)) THEN
		RAISE EXCEPTION '% has not the columns of %, which it seemed to be part of', csec.qualified(tab), csec.qualified(root)
			USING ERRCODE = '55000', HINT = 'Another session has renamed tables meanwhile: try again.';
	END IF;
	PERFORM csec.file_new_fields((SELECT p FROM csec.protected_table p WHERE p.relid = tab));
	PERFORM csec.arm(tab);
	PERFORM csec.control('protect', csec.qualified(tab), jsonb_build_object('left', csec.qualified(root), 'subject', t.subject,
		'subject_of', customers, 'enforce', t.enforce, 'subject_keys', t.subject_keys,
		'fields', (SELECT jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = tab)));
END
$$;
REVOKE ALL ON FUNCTION csec.stay_protected(regclass, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.stay_protected(regclass, regclass) IS 'internal: a table gets the policy of the one that it has left';

-- After ALTER TABLE of the tables given: of a parent from which a partition was
-- detached, or of a child that has left its parent.
CREATE FUNCTION csec.keep_leavers(altered oid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	tab regclass;
	parent regclass := (SELECT p.relid FROM csec.protected_table p WHERE p.relid IN (SELECT csec.above(a) FROM unnest(altered) a)
		ORDER BY p.relid = (csec.kin()).root DESC LIMIT 1);
BEGIN
	PERFORM csec.own_ddl(true);
	FOR tab IN SELECT l FROM csec.left_alone() l LOOP
		IF tab::oid = ANY (altered) THEN
			PERFORM csec.stay_protected(tab, (csec.kin()).root);
		ELSIF csec.has_fields_of(tab, parent) THEN
			PERFORM csec.stay_protected(tab, parent);
		END IF;
	END LOOP;
	PERFORM csec.own_ddl(false);
END
$$;
REVOKE ALL ON FUNCTION csec.keep_leavers(oid[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.keep_leavers(oid[]) IS 'internal: what a statement has taken out of protected tables stays under their policy';

-- The policy of a table, but for what is its own matter.
CREATE FUNCTION csec.terms(tab regclass) RETURNS jsonb
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT jsonb_build_object('subject', p.subject, 'enforce', p.enforce, 'subject_keys', p.subject_keys,
			'keys_of', CASE WHEN p.subject_keys THEN coalesce(p.subject_of, p.relid)::oid END,
			'fields', (SELECT jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = p.relid))
		FROM csec.protected_table p WHERE p.relid = tab
	$$;
REVOKE ALL ON FUNCTION csec.terms(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.terms(regclass) IS 'internal: what two tables must have in common for one to become a partition of the other';

-- Before a table that is protected on its own becomes part of another.  ATTACH
-- PARTITION gives it the row triggers of its parent, and would find them there
-- already; INHERIT has none, and csec.follow_tables() makes them again.
CREATE FUNCTION csec.join_tables() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	tab regclass;
	root regclass;
	r record;
BEGIN
	IF csec.in_own_ddl() OR to_regclass('csec.protected_field') IS NULL THEN
		RETURN;
	END IF;
	SELECT k.joins, k.root INTO tab, root FROM csec.kin() k;
	IF tab IS NULL THEN
		RETURN;
	END IF;
	-- a child may have fields of its own, which have csec's types
	IF (csec.terms(tab) - 'fields') IS DISTINCT FROM (csec.terms(root) - 'fields')
		OR NOT (csec.terms(tab) -> 'fields') @> (csec.terms(root) -> 'fields') THEN
		RAISE EXCEPTION '% is protected otherwise than %', csec.qualified(tab), csec.qualified(root)
			USING ERRCODE = '55000', HINT = 'It must have the subject, the fields and the keys of its parent: see csec.protected_table and csec.protected_field.';
	END IF;
	IF EXISTS (SELECT FROM csec.protected_table p WHERE p.subject_of = tab) THEN
		RAISE EXCEPTION 'other tables refer to the customers of %', csec.qualified(tab)
			USING ERRCODE = '55000', HINT = 'See csec.protected_table.subject_of: protect them again, with subject_of the table that this is to become a part of.';
	END IF;
	PERFORM csec.own_ddl(true);
	FOR r IN SELECT g.tgname FROM pg_trigger g
		WHERE g.tgrelid = tab AND g.tgname IN ('csec_aa_keep', 'csec_zy_rekey', 'csec_zz_record')
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', r.tgname, csec.qualified(tab));
	END LOOP;
	PERFORM csec.own_ddl(false);
	UPDATE csec.protected_table p SET filed_as = p.filed_as || t.filed_as
		FROM csec.protected_table t WHERE p.relid = root AND t.relid = tab;
	DELETE FROM csec.protected_table p WHERE p.relid = tab;
	PERFORM csec.control('join', csec.qualified(tab), jsonb_build_object('table', csec.qualified(root)));
END
$$;
REVOKE ALL ON FUNCTION csec.join_tables() FROM PUBLIC;
COMMENT ON FUNCTION csec.join_tables() IS 'event trigger: a protected table that becomes part of another comes under its policy';

CREATE EVENT TRIGGER csec_join_tables ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION csec.join_tables();
ALTER EVENT TRIGGER csec_join_tables ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_join_tables IS 'a protected table that becomes part of another comes under its policy';
