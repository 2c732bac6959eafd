-- csec.protect() and csec.enforce(), and the event triggers that keep the
-- policy true to the tables afterwards.

-- The triggers of a protected table and of all that inherit from it.  Names
-- sort before and after those of applications, so that masks are resolved
-- first and the row that is stored is the one recorded.
CREATE FUNCTION csec.arm(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
	-- those that have csec's types
	columns name[] := ARRAY(SELECT f.attname FROM csec.protected_field f
		WHERE f.relid = tab AND f.original_type IS NOT NULL ORDER BY f.attname);
	fields text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
		WHERE a.attrelid = tab AND a.attname = ANY (columns));
	wanted name[] := '{csec_aa_keep,csec_zz_record,csec_zz_truncate}'::name[]
		|| CASE WHEN (SELECT t.subject_keys FROM csec.protected_table t WHERE t.relid = tab) THEN '{csec_zy_rekey}'::name[] END;
BEGIN
	FOR r IN SELECT csec.qualified(g.tgrelid) AS name FROM pg_trigger g
		WHERE g.tgrelid IN (SELECT csec.tree(tab)) AND g.tgname = 'csec_aa_keep' AND g.tgparentid = 0
			AND columns <> ARRAY(SELECT a.attname FROM pg_attribute a
				WHERE a.attrelid = g.tgrelid AND a.attnum = ANY (g.tgattr) ORDER BY a.attname)
	LOOP
		EXECUTE format('DROP TRIGGER csec_aa_keep ON %s', r.name);
	END LOOP;
	FOR r IN SELECT csec.qualified(t) AS name, c.relispartition AS follows, m.missing
		FROM csec.tree(tab) t JOIN pg_class c ON c.oid = t
			CROSS JOIN LATERAL (SELECT ARRAY(SELECT n FROM unnest(wanted) n
				WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t AND g.tgname = n)) AS missing) m
	LOOP
		-- a partition has its row triggers from the partitioned table
		IF 'csec_zz_record' = ANY (r.missing) AND NOT r.follows THEN
			EXECUTE format('CREATE TRIGGER csec_zz_record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION csec.record_change()', r.name);
		END IF;
		IF 'csec_aa_keep' = ANY (r.missing) AND NOT r.follows AND fields IS NOT NULL THEN
			EXECUTE format('CREATE TRIGGER csec_aa_keep BEFORE UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION csec.keep_masked()', fields, r.name);
		END IF;
		IF 'csec_zy_rekey' = ANY (r.missing) AND NOT r.follows THEN
			EXECUTE format('CREATE TRIGGER csec_zy_rekey BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION csec.rekey_row()', r.name);
		END IF;
		IF 'csec_zz_truncate' = ANY (r.missing) THEN
			EXECUTE format('CREATE TRIGGER csec_zz_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION csec.record_change()', r.name);
		END IF;
	END LOOP;
	FOR r IN SELECT csec.qualified(g.tgrelid) AS name, g.tgname FROM pg_trigger g
		WHERE g.tgrelid IN (SELECT csec.tree(tab)) AND g.tgenabled <> 'A'
			AND g.tgname = ANY (wanted)
	LOOP
		EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', r.name, r.tgname);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.arm(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.arm(regclass) IS
	'internal: puts csec''s triggers on a table and all that inherit from it, where they are missing or do not know all fields';

CREATE FUNCTION csec.refuse_plan(name text, plan csec.plan_row[]) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	refusals csec.plan_row[] := ARRAY(SELECT p FROM unnest(plan) p WHERE p.kind = 'refuse');
BEGIN
	IF cardinality(refusals) = 1 THEN
		RAISE EXCEPTION USING ERRCODE = refusals[1].code, MESSAGE = refusals[1].what, HINT = refusals[1].hint;
	ELSIF cardinality(refusals) > 1 THEN
		RAISE EXCEPTION USING ERRCODE = refusals[1].code,
			MESSAGE = format('%s stays as it is, for %s reasons', name, cardinality(refusals)),
			DETAIL = (SELECT string_agg(format('%s. %s', r.what, r.hint), E'\n') FROM unnest(refusals) r),
			HINT = 'csec.plan_protect() or csec.plan_add_fields() of the same arguments shows them with the rest of the plan.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_plan(text, csec.plan_row[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_plan(text, csec.plan_row[]) IS 'internal: raises all refusals of a plan as one error';

-- Keep what changes for good, drop, rewrite, make again.  In one ALTER TABLE,
-- so that the table is written once.
CREATE FUNCTION csec.rewrite(request csec.protect_request, tried csec.tried[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	clauses text := (SELECT string_agg(format('ALTER COLUMN %I TYPE %s USING %s',
			f.attname, csec.field_type(f.category, request.subject_keys), csec.adopting(csec.as_text(f.attname, f.from_type), f.category,
				CASE WHEN request.subject_keys THEN coalesce(request.subject_of, request.tab) END, request.subject)), ', ' ORDER BY f.attnum)
		FROM csec.request_fields(request) f WHERE f.rewritten);
	dependents csec.dependent[] := ARRAY(SELECT t.dependent FROM unnest(tried) t);
	relations oid[] := ARRAY(SELECT r::oid FROM csec.tree(request.tab) r);
	columns name[] := ARRAY(SELECT f.attname FROM csec.request_fields(request) f WHERE f.rewritten);
	storage text[] := csec.storage_commands(relations, columns);
BEGIN
	INSERT INTO csec.replaced_object (relid, name, definition, remade)
		SELECT request.tab, o.object, array_to_string(o.create_commands, '; '), (t.dependent).create_commands <> '{}'
		FROM unnest(tried) t JOIN csec.dependents(relations, columns) o
			ON o.kind = (t.dependent).kind AND o.object = (t.dependent).object
		WHERE t.changed
		-- over an older field, too: what it was before that stands
		ON CONFLICT (relid, name) DO UPDATE SET remade = EXCLUDED.remade;
	-- csec.encrypted is EXTERNAL by itself: that a column was told to be would be forgotten
	INSERT INTO csec.replaced_object (relid, name, definition, remade)
		SELECT request.tab, quote_ident(format('storage of %s.%I', csec.qualified(a.attrelid), a.attname)),
			format('ALTER TABLE IF EXISTS ONLY %s ALTER COLUMN %I SET STORAGE EXTERNAL', csec.qualified(a.attrelid), a.attname), false
		FROM csec.columns_of(relations, columns) c JOIN pg_attribute a ON (a.attrelid, a.attnum) = (c.relid, c.attnum)
		WHERE a.attstorage = 'e';
	PERFORM csec.drop_dependents(dependents);
	EXECUTE format('ALTER TABLE %s %s', csec.qualified(request.tab), clauses);
	PERFORM csec.execute_all(storage);
	PERFORM csec.create_dependents(dependents);
END
$$;
REVOKE ALL ON FUNCTION csec.rewrite(csec.protect_request, csec.tried[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.rewrite(csec.protect_request, csec.tried[]) IS 'internal: gives the columns of a table csec''s types';

-- A table that will be refused for its size is not locked for that.
CREATE FUNCTION csec.lock_table(request csec.protect_request) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF request.allow_lock OR NOT request.enforce
		OR (SELECT sum(pg_table_size(t)) FROM csec.tree(request.tab) t) <= csec.rewrite_limit() THEN
		EXECUTE format('LOCK TABLE %s IN %s MODE', csec.qualified(request.tab),
			CASE WHEN request.enforce AND request.fields IS NOT NULL THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END);
		-- nor does anybody unprotect the customers' table meanwhile
		IF EXISTS (SELECT FROM csec.protected_table p WHERE p.relid = request.subject_of AND p.relid <> request.tab) THEN
			EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', csec.qualified(request.subject_of));
		END IF;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.lock_table(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.lock_table(csec.protect_request) IS 'internal: the lock that a request''s work needs';

-- The plan under the lock that carrying it out needs; raises what refuses.
CREATE FUNCTION csec.plan_locked(request csec.protect_request) RETURNS csec.tried[]
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	relation csec.plan_row := csec.plan_relation(request.tab);
	planned record;
BEGIN
	IF relation.kind IS NULL THEN
		PERFORM csec.lock_table(request);
	END IF;
	planned := csec.make_plan(request);
	PERFORM csec.refuse_plan(coalesce(csec.qualified(request.tab), request.tab::text), planned.plan);
	RETURN planned.tried;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_locked(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_locked(csec.protect_request) IS 'internal: the plan of a table that is locked for it; all refusals as one error';

-- Values that were encrypted before go under the keys of their customers, too.
CREATE FUNCTION csec.rekey_rows(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	target regclass;
	done record;
	blocks int8;
BEGIN
	FOR target IN SELECT t FROM csec.reencrypt_targets(tab) t LOOP
		blocks := pg_relation_size(target) / current_setting('block_size')::int8;
		SELECT 0::int8 AS next_block INTO done;
		WHILE done.next_block < blocks LOOP
			done := csec.reencrypt_blocks(target, done.next_block, blocks, 2147483647);
		END LOOP;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.rekey_rows(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.rekey_rows(regclass) IS 'internal: the rest of the work of csec.protect() with subject_keys, under its lock';

CREATE FUNCTION csec.carry_out(request csec.protect_request, tried csec.tried[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	rewriting boolean := request.enforce AND EXISTS (SELECT FROM csec.request_fields(request) f WHERE f.rewritten);
BEGIN
	PERFORM csec.own_ddl(true);
	IF rewriting THEN
		PERFORM csec.rewrite(request, tried);
	END IF;
	PERFORM csec.arm(request.tab);
	PERFORM csec.own_ddl(false);
	IF request.subject_keys THEN
		PERFORM csec.rekey_rows(request.tab);
	END IF;
	IF rewriting THEN
		RAISE NOTICE '% is protected; pg_dump of it needs a member of csec_backup now', csec.qualified(request.tab);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.carry_out(csec.protect_request, csec.tried[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.carry_out(csec.protect_request, csec.tried[]) IS 'internal: does what a plan says';

CREATE FUNCTION csec.protect(tab regclass, subject text[], fields jsonb DEFAULT NULL, subject_of regclass DEFAULT NULL,
		enforce boolean DEFAULT true, audit text DEFAULT NULL, allow_lock boolean DEFAULT false, observe_until timestamptz DEFAULT NULL,
		subject_keys boolean DEFAULT false)
	RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	request csec.protect_request := (tab, subject, fields, subject_of, enforce, audit, allow_lock, observe_until, coalesce(subject_keys, false));
	tried csec.tried[];
BEGIN
	PERFORM csec.need_now('protect', coalesce(csec.qualified(tab), tab::text));
	IF EXISTS (SELECT FROM csec.migration m WHERE m.relid = tab) AND NOT csec.in_own_ddl() THEN
		RAISE EXCEPTION 'csec.protect_online() is at work on %', csec.qualified(tab)
			USING ERRCODE = 'object_in_use', HINT = 'Call it again to go on, or end it with csec.protect_online_cancel().';
	END IF;
	tried := csec.plan_locked(request);
	PERFORM csec.create_trail();
	IF request.subject_keys AND request.subject_of IS NULL THEN
		PERFORM csec.make_space(request.tab);
	END IF;
	INSERT INTO csec.protected_table (relid, subject, subject_of, enforce, audit, subject_keys, observe_until, protected_by)
		VALUES (request.tab, request.subject, request.subject_of, request.enforce, request.audit, request.subject_keys,
			CASE WHEN NOT request.enforce THEN coalesce(request.observe_until, now() + interval '30 days') END,
			csec.login()::text);
	INSERT INTO csec.protected_field (relid, attname, category, original_type)
		SELECT request.tab, f.attname, f.category, CASE WHEN request.enforce OR NOT f.rewritten THEN f.original_type END
		FROM csec.request_fields(request) f;
	PERFORM csec.control('protect', csec.qualified(request.tab), to_jsonb(request) - 'tab');
	PERFORM csec.carry_out(request, tried);
END
$$;
REVOKE ALL ON FUNCTION csec.protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.protect(regclass, text[], jsonb, regclass, boolean, text, boolean, timestamptz, boolean) IS
	'protect a table: record its reads and changes by subject, and mask its fields (column -> category). subject_of: the protected table of the customers that it refers to; enforce => false: record only, for at most 90 days; audit: strict or batch, else by level; allow_lock: rewrite it even above 1 GB; subject_keys: a key for each customer, which csec.destroy_subject_key() destroys alone. For superusers, and members of csec_admin who own the table. csec.plan_protect() tells beforehand';

CREATE FUNCTION csec.protect(tab regclass, subject text, fields jsonb DEFAULT NULL, subject_of regclass DEFAULT NULL,
		enforce boolean DEFAULT true, audit text DEFAULT NULL, allow_lock boolean DEFAULT false, observe_until timestamptz DEFAULT NULL,
		subject_keys boolean DEFAULT false)
	RETURNS void
	LANGUAGE sql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT csec.protect(tab, ARRAY[subject], fields, subject_of, enforce, audit, allow_lock, observe_until, subject_keys) $$;
REVOKE ALL ON FUNCTION csec.protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.protect(regclass, text, jsonb, regclass, boolean, text, boolean, timestamptz, boolean) IS
	'protect a table whose subject is one column; see the other csec.protect()';

-- What is to be enforced, as csec.protect() and others have left it.
CREATE FUNCTION csec.request_enforce(tab regclass, allow_lock boolean, OUT t csec.protected_table, OUT request csec.protect_request)
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	SELECT p.* INTO t FROM csec.protected_table p WHERE p.relid = tab;
	IF t.relid IS NULL OR t.enforce THEN
		RAISE EXCEPTION USING ERRCODE = CASE WHEN t.relid IS NULL THEN '42704' ELSE '55000' END,
			MESSAGE = CASE WHEN t.relid IS NULL THEN format('%s is not protected', tab) ELSE format('%s masks its fields already', tab) END,
			HINT = 'csec.protect(..., enforce => false) is what comes before.';
	END IF;
	request := (tab, t.subject, (SELECT jsonb_object_agg(f.attname, f.category) FROM csec.protected_field f WHERE f.relid = tab),
		t.subject_of, true, t.audit, allow_lock, NULL, t.subject_keys);
END
$$;
REVOKE ALL ON FUNCTION csec.request_enforce(regclass, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.request_enforce(regclass, boolean) IS 'internal: what csec.enforce() is asked for; an error where nothing is to be enforced';

-- From observing to masking, with what csec.protect() was told then.
CREATE FUNCTION csec.enforce(tab regclass, allow_lock boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	SET standard_conforming_strings = on
	SET DateStyle = 'ISO, YMD'
	SET IntervalStyle = 'postgres'
	SET extra_float_digits = 1
	AS $$
DECLARE
	what record;
	t csec.protected_table;
	request csec.protect_request;
	tried csec.tried[];
BEGIN
	PERFORM csec.need_now('enforce', coalesce(csec.qualified(tab), tab::text));
	what := csec.request_enforce(tab, allow_lock);
	-- fields that another session adds, or its unprotecting, come before this or after it
	IF csec.may_protect(tab) THEN
		PERFORM csec.lock_table(what.request);
		PERFORM FROM csec.protected_table p WHERE p.relid = tab FOR UPDATE;
		what := csec.request_enforce(tab, allow_lock);
	END IF;
	t := what.t;
	request := what.request;
	-- out of the way of the plan, which refuses tables that are protected;
	-- back before anybody else can see the table without its triggers' policy
	DELETE FROM csec.protected_table p WHERE p.relid = tab;
	tried := csec.plan_locked(request);
	INSERT INTO csec.protected_table (relid, subject, subject_of, audit, repeats_within, protected_at, protected_by, filed_as)
		VALUES (tab, t.subject, t.subject_of, t.audit, t.repeats_within, t.protected_at, t.protected_by, t.filed_as);
	INSERT INTO csec.protected_field (relid, attname, category, original_type)
		SELECT tab, f.attname, f.category, f.original_type FROM csec.request_fields(request) f;
	PERFORM csec.control('enforce', csec.qualified(tab), NULL);
	PERFORM csec.carry_out(request, tried);
END
$$;
REVOKE ALL ON FUNCTION csec.enforce(regclass, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.enforce(regclass, boolean) TO csec_admin;
COMMENT ON FUNCTION csec.enforce(regclass, boolean) IS
	'mask the fields of a table that csec.protect(..., enforce => false) only observed';

-- The columns that the policy names and the table does not have.
CREATE FUNCTION csec.missing_columns(tab regclass) RETURNS SETOF name
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c FROM (
			SELECT unnest(t.subject) AS c FROM csec.protected_table t WHERE t.relid = tab
			UNION SELECT f.attname FROM csec.protected_field f WHERE f.relid = tab) n
		WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tab AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)
	$$;
REVOKE ALL ON FUNCTION csec.missing_columns(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.missing_columns(regclass) IS 'internal: columns of the policy that a table does not have';

-- A subject column that has got a type no key may have.
CREATE FUNCTION csec.spoilt_subject(t csec.protected_table) RETURNS name
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = t.relid AND a.attname = ANY (t.subject) AND NOT a.attisdropped
			AND (csec.key_kind(a.atttypid) IS NULL OR NOT (SELECT l.collisdeterministic FROM pg_collation l WHERE l.oid = a.attcollation))
		LIMIT 1
	$$;
REVOKE ALL ON FUNCTION csec.spoilt_subject(csec.protected_table) FROM PUBLIC;
COMMENT ON FUNCTION csec.spoilt_subject(csec.protected_table) IS 'internal: a subject column of a type that no key may have; null: there is none';

-- Columns that ALTER TABLE gave a type of csec's are fields from then on: a
-- mask written back to one that csec_aa_keep does not know would destroy it.
CREATE FUNCTION csec.file_new_fields(t csec.protected_table) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	added name[] := ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = t.relid AND a.attnum > 0 AND NOT a.attisdropped
			AND csec.column_category(t.relid, a.attname) IS NOT NULL
			AND NOT EXISTS (SELECT FROM csec.protected_field f WHERE f.relid = t.relid AND f.attname = a.attname));
BEGIN
	IF t.subject_keys AND added <> '{}' THEN
		RAISE EXCEPTION 'column "%" cannot become a field of % in this way', added[1], csec.qualified(t.relid)
			USING ERRCODE = '55000', HINT = 'Its customers have keys of their own: add the column as text, and csec.add_fields() puts it under them.';
	END IF;
	INSERT INTO csec.protected_field (relid, attname, category, original_type)
		SELECT t.relid, a, csec.column_category(t.relid, a), 'text' FROM unnest(added) a;
END
$$;
REVOKE ALL ON FUNCTION csec.file_new_fields(csec.protected_table) FROM PUBLIC;
COMMENT ON FUNCTION csec.file_new_fields(csec.protected_table) IS 'internal: columns of csec''s types that the policy does not name yet join it';

-- After CREATE and ALTER TABLE: new partitions and children get triggers, those
-- that leave a policy of their own, new fields join the policy, and no column
-- that it names goes away.
CREATE FUNCTION csec.follow_tables() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	t csec.protected_table;
	missing name;
BEGIN
	IF csec.in_own_ddl() OR to_regclass('csec.protected_field') IS NULL THEN
		RETURN;
	END IF;
	IF (csec.kin()).leaves THEN
		PERFORM csec.keep_leavers(ARRAY(SELECT c.objid FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass));
	END IF;
	FOR t IN SELECT p.* FROM csec.protected_table p
		WHERE EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c
			WHERE c.classid = 'pg_class'::regclass
				-- a column that a parent renames, or drops, is renamed or dropped here, whether the parent is protected or not
				AND (c.objid IN (SELECT csec.tree(p.relid)) OR c.objid IN (SELECT csec.above(p.relid))))
	LOOP
		SELECT m INTO missing FROM csec.missing_columns(t.relid) m LIMIT 1;
		IF FOUND AND csec.name_given(t.relid) IS NOT NULL THEN
			PERFORM csec.own_ddl(true);
			PERFORM csec.take_new_name(t.relid, missing, csec.name_given(t.relid));
			PERFORM csec.own_ddl(false);
			SELECT p.* INTO t FROM csec.protected_table p WHERE p.relid = t.relid;
			SELECT m INTO missing FROM csec.missing_columns(t.relid) m LIMIT 1;
		END IF;
		IF missing IS NOT NULL THEN
			RAISE EXCEPTION 'column "%" of protected table % cannot go', missing, csec.qualified(t.relid)
				USING ERRCODE = '55000', HINT = 'It says which customer a row is about: csec.unprotect() comes before dropping it.';
		END IF;
		IF csec.spoilt_subject(t) IS NOT NULL THEN
			RAISE EXCEPTION 'another type for subject column "%" of protected table % is refused', csec.spoilt_subject(t), csec.qualified(t.relid)
				USING ERRCODE = '55000', HINT = 'A key is of an integer type, text, varchar, uuid or numeric; csec.unprotect() comes before any other.';
		END IF;
		-- a dump that is being restored (it says row_security = off) brings
		-- the triggers itself; until then nothing else can be stored.  It
		-- makes its tables before they are protected.
		CONTINUE WHEN current_setting('row_security') = 'off' AND NOT EXISTS (
			SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.command_tag = 'CREATE TABLE');
		PERFORM csec.own_ddl(true);
		PERFORM csec.file_new_fields(t);
		PERFORM csec.arm(t.relid);
		PERFORM csec.own_ddl(false);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.follow_tables() FROM PUBLIC;
COMMENT ON FUNCTION csec.follow_tables() IS 'event trigger: protection follows a table''s partitions and children';

-- After a drop: a table or field that is gone is no part of the policy, as
-- another may get its number.  Most drops concern nothing here, and a
-- statement that finds nothing would make a version of the policy all the same.
CREATE FUNCTION csec.forget_dropped() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
BEGIN
	IF to_regclass('csec.protected_table') IS NULL OR to_regclass('csec.protected_field') IS NULL THEN
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objid IN (SELECT p.relid FROM csec.protected_table p
			UNION ALL SELECT f.relid FROM csec.protected_field f UNION ALL SELECT s.relid FROM csec.subject_space s)) THEN
		RETURN;
	END IF;
	DELETE FROM csec.protected_field f USING pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objid = f.relid AND d.objsubid > 0
			AND d.address_names[array_upper(d.address_names, 1)] = f.attname;
	-- what the trail has of a table that was a part of another stays that one's
	UPDATE csec.protected_table c SET filed_as = c.filed_as || gone.numbers
		FROM (SELECT p.subject_of, p.subject, array_agg(n) AS numbers
			FROM csec.protected_table p, unnest(p.filed_as) n, pg_event_trigger_dropped_objects() d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = p.relid AND d.objsubid = 0 GROUP BY 1, 2) gone
		WHERE c.relid = gone.subject_of AND c.subject = gone.subject;
	DELETE FROM csec.protected_table p USING pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objid = p.relid AND d.objsubid = 0;
	-- its customers' keys stay: the trail is under them
	UPDATE csec.subject_space s SET relid = NULL FROM pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objid = s.relid AND d.objsubid = 0;
END
$$;
REVOKE ALL ON FUNCTION csec.forget_dropped() FROM PUBLIC;
COMMENT ON FUNCTION csec.forget_dropped() IS 'event trigger: takes dropped tables and columns out of the policy';

-- Does a type hold csec's fields: an array, range, domain or row type with
-- one in it, at any depth?  A field itself does not.
CREATE FUNCTION csec.holds_fields(type oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE part (id) AS (
			SELECT type
			UNION SELECT inner_type.id FROM part JOIN pg_type t ON t.oid = part.id
				CROSS JOIN LATERAL (
					SELECT t.typelem AS id WHERE t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc
					UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
					UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
					UNION ALL SELECT a.atttypid FROM pg_attribute a
						WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped) inner_type)
		SELECT NOT csec.is_field_type(type)
			AND EXISTS (SELECT FROM part WHERE id IN ('csec.masked'::regtype, 'csec.encrypted'::regtype))
	$$;
REVOKE ALL ON FUNCTION csec.holds_fields(oid) FROM PUBLIC;
COMMENT ON FUNCTION csec.holds_fields(oid) IS 'internal: is it an array, range or row type with fields in it?';

-- Event triggers run with the settings of whoever makes the statement.  With none of
-- them may the planner ask of every column that there is whether it is, or holds, a
-- field, nor compile that each time: so these are asked of what a query found before
-- (MATERIALIZED), without jit.

-- Fields have statistics without values, by their own ANALYZE function.  Types
-- that hold fields have PostgreSQL's, which keep common elements and rows:
-- their columns get none.
CREATE FUNCTION csec.no_statistics() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	c record;
BEGIN
	FOR c IN
		WITH made AS MATERIALIZED (
			SELECT DISTINCT k.oid::regclass AS tab, k.relkind, a.attname, a.atttypid FROM pg_event_trigger_ddl_commands() d
				JOIN pg_class k ON k.oid = d.objid AND k.relkind IN ('r', 'p', 'm', 'f')
				JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE d.classid = 'pg_class'::regclass AND a.atttypid >= 16384 AND a.attstattarget IS DISTINCT FROM 0)
		SELECT m.tab, m.relkind, m.attname FROM made m WHERE csec.holds_fields(m.atttypid)
	LOOP
		EXECUTE format('ALTER %s %s ALTER COLUMN %I SET STATISTICS 0',
			CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, csec.qualified(c.tab), c.attname);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.no_statistics() FROM PUBLIC;
COMMENT ON FUNCTION csec.no_statistics() IS 'event trigger: columns of arrays and rows with fields in them get no statistics, which would keep values';

-- From a field to a column that is none PostgreSQL makes a foreign key and
-- compares what the writer sees, a mask or not.  (The other way round, and
-- between the two types of fields, it refuses by itself.)
CREATE FUNCTION csec.no_mixed_keys() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	c record;
BEGIN
	WITH keyed AS MATERIALIZED (
		SELECT k.conname, k.conrelid::regclass AS tab, a.attname, a.atttypid, k.confrelid::regclass AS other, b.attname AS other_column
		FROM pg_constraint k CROSS JOIN LATERAL unnest(k.conkey, k.confkey, k.conpfeqop) u(col, other_col, op)
			JOIN pg_operator o ON o.oid = u.op
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.col
			JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.other_col
		WHERE k.contype = 'f'
			AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_class'::regclass AND d.objid IN (k.conrelid, k.confrelid))
			AND o.oprleft NOT IN ('csec.masked'::regtype, 'csec.encrypted'::regtype))
	SELECT k.conname, k.tab, k.attname, k.other, k.other_column INTO c
	FROM keyed k WHERE csec.is_field_type(k.atttypid) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'foreign key "%" cannot lead from a field to a column that is none', c.conname
			USING ERRCODE = 'datatype_mismatch',
				DETAIL = format('Column %I of %s is a field, column %I of %s is not: what the writer sees would be compared, which may be a mask.',
					c.attname, c.tab, c.other_column, c.other),
				HINT = 'Make the other column a field of the same type and category, by csec.protect(), and add the key then.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.no_mixed_keys() FROM PUBLIC;
COMMENT ON FUNCTION csec.no_mixed_keys() IS 'event trigger: refuses foreign keys from a field to a column that is none';

-- What would take fields along is refused by the library (guard.c).  Where the
-- server runs without it, nobody can tell what such a statement would take, so
-- none may run while anything is protected.  pg_settings does not show what
-- postgresql.conf sets for a library that is not loaded.
CREATE FUNCTION csec.guard_unloaded() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_settings WHERE name = 'csec.max_unsealed')
		OR NOT EXISTS (SELECT FROM csec.protected_table) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION '% is refused while csec is not loaded: it could take protected columns with it', tg_tag
		USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Add csec to shared_preload_libraries, restart the server, and use csec.unprotect_all() where csec is to go.';
END
$$;
REVOKE ALL ON FUNCTION csec.guard_unloaded() FROM PUBLIC;
COMMENT ON FUNCTION csec.guard_unloaded() IS 'event trigger: where the library is missing, refuses what could drop fields';

CREATE EVENT TRIGGER csec_guard_unloaded ON ddl_command_start
	WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP TYPE', 'DROP DOMAIN', 'DROP OWNED')
	EXECUTE FUNCTION csec.guard_unloaded();
ALTER EVENT TRIGGER csec_guard_unloaded ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_guard_unloaded IS 'where the library is missing, refuses what could drop fields';
CREATE EVENT TRIGGER csec_follow_tables ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION csec.follow_tables();
CREATE EVENT TRIGGER csec_forget_dropped ON sql_drop EXECUTE FUNCTION csec.forget_dropped();
ALTER EVENT TRIGGER csec_follow_tables ENABLE ALWAYS;
ALTER EVENT TRIGGER csec_forget_dropped ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_follow_tables IS 'protection follows a table''s partitions and children';
COMMENT ON EVENT TRIGGER csec_forget_dropped IS 'takes dropped tables and columns out of the policy';
CREATE EVENT TRIGGER csec_no_statistics ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'ALTER MATERIALIZED VIEW')
	EXECUTE FUNCTION csec.no_statistics();
ALTER EVENT TRIGGER csec_no_statistics ENABLE ALWAYS;
CREATE EVENT TRIGGER csec_no_mixed_keys ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')
	EXECUTE FUNCTION csec.no_mixed_keys();
ALTER EVENT TRIGGER csec_no_mixed_keys ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_no_mixed_keys IS 'refuses foreign keys from a field to a column that is none';
COMMENT ON EVENT TRIGGER csec_no_statistics IS 'columns of arrays and rows with fields in them get no statistics';
