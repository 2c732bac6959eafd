-- The later life of a key: rotated, and at last destroyed.

CREATE FUNCTION csec.wait_for_older() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_wait_for_older';
REVOKE ALL ON FUNCTION csec.wait_for_older() FROM PUBLIC;
COMMENT ON FUNCTION csec.wait_for_older() IS
	'internal: wait until all transactions of this database that run now have ended';

-- Two who wait for all older transactions to end would wait for each other.
CREATE FUNCTION csec.destroy_alone() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.try_lock_name('keys destroyed or exchanged') THEN
		RAISE EXCEPTION 'another session is destroying or exchanging a key'
			USING ERRCODE = 'object_in_use', HINT = 'Try again when its transaction has ended; csec.scans() shows how far it is.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.destroy_alone() FROM PUBLIC;
COMMENT ON FUNCTION csec.destroy_alone() IS 'internal: refuses where another session destroys a key, or makes another search key the active one, just now';

CREATE FUNCTION csec.lock_alone(tab regclass) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_lock_alone';
REVOKE ALL ON FUNCTION csec.lock_alone(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.lock_alone(regclass) IS
	'internal: lock a table or materialized view against everybody else, until the end of the transaction';

CREATE FUNCTION csec.scan_envelopes(tab regclass, plain int2[], sample int8,
		OUT attnum int2, OUT category int4, OUT suite int4, OUT key_id int4, OUT key_version int4,
		OUT search_mark int8, OUT next_mark int8, OUT current boolean, OUT n int8,
		OUT first_block int8, OUT last_block int8)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_scan_envelopes';
REVOKE ALL ON FUNCTION csec.scan_envelopes(regclass, int2[], int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.scan_envelopes(regclass, int2[], int8) IS
	'internal: the encrypted values of a table counted by what their headers say, under the snapshot of the query; sample: in so many blocks';

CREATE FUNCTION csec.scans(OUT pid int4, OUT relid regclass, OUT started_at timestamptz,
		OUT blocks_done int8, OUT blocks_total int8)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_scans';
REVOKE ALL ON FUNCTION csec.scans() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.scans() TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.scans() IS
	'sessions that look at all encrypted values of a table just now (to destroy a key, to finish a rotation), and how far they are';

-- All types that hold values of a base type: domains over it, arrays, and rows
-- and ranges, which inside marks.
CREATE FUNCTION csec.types_over(base regtype, OUT type oid, OUT arrays int4, OUT inside boolean) RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE holds(type, arrays, inside) AS (
		SELECT base::oid, 0, false
		UNION
		SELECT n.type, n.arrays, n.inside FROM holds h CROSS JOIN LATERAL (
			SELECT t.oid, h.arrays, h.inside FROM pg_type t WHERE t.typbasetype = h.type AND t.typtype = 'd'
			UNION ALL
			SELECT t.typarray, least(h.arrays + 1, 2), h.inside FROM pg_type t WHERE t.oid = h.type AND t.typarray <> 0
			UNION ALL
			SELECT unnest(ARRAY[r.rngtypid, r.rngmultitypid]), h.arrays, true FROM pg_range r WHERE r.rngsubtype = h.type
			UNION ALL
			SELECT c.reltype, h.arrays, true FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
				WHERE a.atttypid = h.type AND NOT a.attisdropped AND c.reltype <> 0
		) n(type, arrays, inside))
	SELECT type, arrays, inside FROM holds
$$;
REVOKE ALL ON FUNCTION csec.types_over(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.types_over(regtype) IS 'internal: the types that hold values of csec.encrypted or csec.masked; arrays: how deep, inside: in a row or range';

CREATE FUNCTION csec.encrypted_types(OUT type oid, OUT arrays int4, OUT inside boolean) RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM csec.types_over('csec.encrypted')
$$;
REVOKE ALL ON FUNCTION csec.encrypted_types() FROM PUBLIC;
COMMENT ON FUNCTION csec.encrypted_types() IS 'internal: the types that hold encrypted values; arrays: how deep, inside: in a row or range';

-- Where this database stores values of a base type.
CREATE FUNCTION csec.columns_over(base regtype, OUT relid regclass, OUT attname name, OUT reachable boolean) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.oid, a.attname, bool_and(t.arrays <= 1 AND NOT t.inside
			AND (c.relpersistence <> 't' OR c.relnamespace = pg_my_temp_schema()))
	FROM csec.types_over(base) t JOIN pg_attribute a ON a.atttypid = t.type JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped
	GROUP BY c.oid, a.attnum, a.attname ORDER BY c.oid, a.attnum
$$;
REVOKE ALL ON FUNCTION csec.columns_over(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.columns_over(regtype) IS
	'internal: the columns that store values of csec.encrypted or csec.masked; reachable: those that csec looks into, which are not rows in rows nor temporary tables of other sessions';

CREATE FUNCTION csec.encrypted_columns(OUT relid regclass, OUT attname name, OUT reachable boolean) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM csec.columns_over('csec.encrypted')
$$;
REVOKE ALL ON FUNCTION csec.encrypted_columns() FROM PUBLIC;
COMMENT ON FUNCTION csec.encrypted_columns() IS 'internal: the columns that store encrypted values';

CREATE FUNCTION csec.need_reason(reason text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.states(reason, length(reason)) THEN
		RAISE EXCEPTION 'a change of keys needs a reason'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give it as reason => ''...''; it goes into the trail.';
	END IF;
	IF length(reason) > 1000 OR reason ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the reason must be one line of at most 1000 characters'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It goes into the trail as it is.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.need_reason(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.need_reason(text) IS 'internal: refuses a reason that is empty, or too long to be kept';

CREATE PROCEDURE csec.rotate_key(name text DEFAULT 'data', reason text DEFAULT NULL)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k csec.key;
	latest int4;
BEGIN
	PERFORM csec.need_reason(reason);
	LOCK TABLE csec.key IN SHARE ROW EXCLUSIVE MODE;
	-- where the row of the active one was lost, other versions tell what it was for
	SELECT * INTO k FROM csec.key o WHERE o.name = rotate_key.name ORDER BY o.state = 'active' DESC, o.version DESC LIMIT 1;
	IF NOT FOUND OR k.purpose = 'search' AND k.state <> 'active' THEN
		RAISE EXCEPTION 'there is no active key "%"', name
			USING ERRCODE = 'undefined_object', HINT = 'csec.keys shows the keys of this database. CALL csec.replace_search_key(...) makes a search key where it is lost.';
	END IF;
	IF k.purpose = 'search' AND EXISTS (SELECT FROM csec.key o WHERE o.purpose = 'search' AND o.state = 'next') THEN
		RAISE EXCEPTION 'the search key is being rotated already'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'CALL csec.reencrypt(...) for every table, then csec.finish_search_rotation(reason).';
	END IF;
	latest := (SELECT max(o.version) FROM csec.key o WHERE o.id = k.id);
	PERFORM csec.control('rotate key', k.purpose || ' ' || k.name,
		jsonb_build_object('id', k.id, 'version', k.version, 'reason', reason));
	-- Versions have two bytes in a value: when they are used up, another number;
	-- also after a loss, as values may name the version that would come next.
	PERFORM csec.add_key(k.purpose, k.name, CASE WHEN k.state = 'active' AND latest < 65535 THEN k.id END,
		CASE WHEN k.state = 'active' AND latest < 65535 THEN latest + 1 ELSE 1 END,
		CASE k.purpose WHEN 'search' THEN 'next' ELSE 'active' END);
END
$$;
REVOKE ALL ON PROCEDURE csec.rotate_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.rotate_key(text, text) TO csec_admin;
COMMENT ON PROCEDURE csec.rotate_key(text, text) IS
	'make a new version of a key: new values go under it, the old one only decrypts; of the search key, the next one, which csec.finish_search_rotation() makes active';

-- ---- what keeps a key in use ----

-- Bytes as they stand in a stored expression; char has a sign here or it has not.
CREATE FUNCTION csec.as_node_bytes(bytes bytea, signed boolean) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(CASE WHEN signed AND get_byte(bytes, i) > 127 THEN get_byte(bytes, i) - 256 ELSE get_byte(bytes, i) END::text, ' ' ORDER BY i)
	FROM generate_series(0, length(bytes) - 1) i
$$;
REVOKE ALL ON FUNCTION csec.as_node_bytes(bytea, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.as_node_bytes(bytea, boolean) IS 'internal: bytes as a constant in a stored expression shows them';

CREATE FUNCTION csec.constants_under(id int4, version int4, OUT object text) RETURNS SETOF text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- category none, then the key
	bytes bytea := E'\\x00000000'::bytea || int4send(id) || substr(int4send(version), 3, 2);
	r record;
BEGIN
	FOR r IN SELECT a.attrelid::regclass AS catalog, quote_ident(a.attname) AS expression,
			CASE a.attrelid WHEN 'pg_index'::regclass THEN '''pg_class''::regclass, indexrelid'
				WHEN 'pg_partitioned_table'::regclass THEN '''pg_class''::regclass, partrelid'
				ELSE 'tableoid, oid' END AS address
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE a.atttypid = 'pg_node_tree'::regtype AND c.relkind = 'r' AND c.relnamespace = 'pg_catalog'::regnamespace
	LOOP
		RETURN QUERY EXECUTE format('SELECT pg_describe_object(%s, 0) FROM %s WHERE %s::text LIKE ANY ($1)',
			r.address, r.catalog, r.expression)
			USING ARRAY['% ' || csec.as_node_bytes(bytes, true) || ' %', '% ' || csec.as_node_bytes(bytes, false) || ' %'];
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.constants_under(int4, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.constants_under(int4, int4) IS
	'internal: views, defaults, constraints and the like with a constant that was encrypted under a key';

-- One query, so that all tables are seen at one moment: a value that is moved
-- from one to another is in one of them.
CREATE FUNCTION csec.values_under(k csec.key, OUT relid regclass, OUT attname name, OUT n int8) RETURNS SETOF record
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.relid, a.attname, sum(s.n)::int8
	FROM (SELECT c.relid FROM csec.encrypted_columns() c WHERE c.reachable GROUP BY 1) r
		CROSS JOIN LATERAL csec.scan_envelopes(r.relid, '{}', NULL) s
		JOIN pg_attribute a ON a.attrelid = r.relid AND a.attnum = s.attnum
	WHERE CASE k.purpose WHEN 'data' THEN s.key_id = k.id AND s.key_version = k.version
		ELSE ('x' || encode(substr(k.commitment, 1, 4), 'hex'))::bit(32)::int8 IN (s.search_mark, s.next_mark) END
	GROUP BY 1, 2 ORDER BY 1, 2
$$;
REVOKE ALL ON FUNCTION csec.values_under(csec.key) FROM PUBLIC;
COMMENT ON FUNCTION csec.values_under(csec.key) IS 'internal: how many stored values are under a key, by column';

-- Bytes 2 to 7 of a wrapped key are id and version of the data key.
CREATE FUNCTION csec.subject_keys_under(id int4, version int4) RETURNS int8
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*) FROM (
		SELECT k.wrapped FROM csec.subject_key k WHERE k.wrapped IS NOT NULL
		UNION ALL SELECT s.wrapped FROM csec.subject_space s) w
	WHERE substr(w.wrapped, 2, 6) = int4send(id) || substr(int4send(version), 3)
$$;
REVOKE ALL ON FUNCTION csec.subject_keys_under(int4, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_keys_under(int4, int4) IS 'internal: how many keys of customers a data key wraps';

CREATE FUNCTION csec.record_values_under(record bytea, id int4, version int4) RETURNS int8
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_record_values_under';
REVOKE ALL ON FUNCTION csec.record_values_under(bytea, int4, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.record_values_under(bytea, int4, int4) IS
	'internal: how many old and new values of a record of the trail are under a key';

CREATE FUNCTION csec.trail_values_under(id int4, version int4) RETURNS int8
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
BEGIN
	IF to_regclass('csec_trail.audit_log') IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM csec.flush_audit();
	-- most records have not got the key's number in them anywhere
	EXECUTE 'SELECT coalesce(sum(csec.record_values_under(l.record, $1, $2)), 0)::int8
		FROM csec_trail.audit_log l WHERE l.kind = 3 AND position($3 IN l.record) > 0'
		INTO n USING id, version, int4send(id) || substr(int4send(version), 3, 2);
	RETURN n;
END
$$;
REVOKE ALL ON FUNCTION csec.trail_values_under(int4, int4) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.trail_values_under(int4, int4) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.trail_values_under(int4, int4) IS
	'how many old and new values in the trail are under a version of a data key; looks at all records of changes';

CREATE FUNCTION csec.refuse_unsettled() RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.sees_now() THEN
		RAISE EXCEPTION 'this needs isolation level READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
	END IF;
	IF EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database()) THEN
		RAISE EXCEPTION 'there are prepared transactions in this database, which may hold values'
			USING ERRCODE = 'object_in_use', HINT = 'Commit or roll them back first: see pg_prepared_xacts.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_unsettled() FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_unsettled() IS 'internal: refuses where this transaction, or one that is prepared, hides what others have stored';

CREATE FUNCTION csec.refuse_unreachable() RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	PERFORM csec.refuse_unsettled();
	SELECT * INTO c FROM csec.encrypted_columns() e WHERE NOT e.reachable LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the values in column "%" of % cannot be looked at', c.attname, c.relid
			USING ERRCODE = 'feature_not_supported',
			HINT = 'It holds rows with encrypted values in them, or belongs to a temporary table of another session.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_unreachable() FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_unreachable() IS 'internal: refuses where not all stored values can be looked at';

-- Every transaction that could still store a value under the key is over,
-- then all stored values are looked at.
CREATE FUNCTION csec.refuse_used(k csec.key) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found text;
BEGIN
	PERFORM csec.refuse_unreachable();
	found := (SELECT string_agg(o, ', ') FROM csec.constants_under(k.id, k.version) o);
	IF k.purpose = 'data' AND found IS NOT NULL THEN
		RAISE EXCEPTION 'constants are encrypted under key % version %: %', k.id, k.version, found
			USING ERRCODE = 'dependent_objects_still_exist', HINT = 'Make these views, defaults, constraints or indexes anew: their constants then go under the active key.';
	END IF;
	PERFORM csec.wait_for_older();
	IF k.purpose = 'data' AND csec.subject_keys_under(k.id, k.version) > 0 THEN
		RAISE EXCEPTION 'key % version % wraps % keys of customers', k.id, k.version, csec.subject_keys_under(k.id, k.version)
			USING ERRCODE = 'object_in_use',
			HINT = 'CALL csec.rewrap_subject_keys() first. force => true destroys it all the same, and what is under these keys cannot be read any more.';
	END IF;
	found := (SELECT string_agg(format('%s values of %s.%I', v.n, v.relid, v.attname), ', ') FROM csec.values_under(k) v);
	IF found IS NOT NULL THEN
		RAISE EXCEPTION 'key % version % is in use: %', k.id, k.version, found
			USING ERRCODE = 'object_in_use',
			HINT = 'CALL csec.reencrypt(...) of these tables first. force => true destroys it all the same, and what is under it cannot be read any more.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_used(csec.key) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_used(csec.key) IS 'internal: refuses where a stored value is under the key';

-- The trail is as it is: its values cannot be re-encrypted.
CREATE FUNCTION csec.refuse_in_trail(k csec.key, trail_too boolean) RETURNS int8
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8 := CASE k.purpose WHEN 'data' THEN csec.trail_values_under(k.id, k.version) ELSE 0 END;
BEGIN
	IF n > 0 AND trail_too IS NOT TRUE THEN
		RAISE EXCEPTION 'key % version % is in use: % old and new values in the trail', k.id, k.version, n
			USING ERRCODE = 'object_in_use',
			HINT = 'Keep it: it only decrypts, and costs nothing. trail_too => true destroys it all the same, and csec.open_change() cannot open these values any more; the trail verifies as before.';
	END IF;
	RETURN n;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_in_trail(csec.key, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_in_trail(csec.key, boolean) IS 'internal: refuses where a value of the trail is under the key and is not to be lost; gives how many are';

CREATE PROCEDURE csec.destroy_key(id int4, version int4, reason text, force boolean DEFAULT false, trail_too boolean DEFAULT false)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k csec.key;
	lost int8;
BEGIN
	PERFORM csec.need_reason(reason);
	IF (id > 0 AND version BETWEEN 1 AND 65535) IS NOT TRUE THEN
		RAISE EXCEPTION 'there is no key % version %', id, version
			USING ERRCODE = 'invalid_parameter_value', HINT = 'csec.keys shows those that are.';
	END IF;
	PERFORM csec.destroy_alone();
	SELECT * INTO k FROM csec.key o WHERE o.id = destroy_key.id AND o.version = destroy_key.version FOR UPDATE;
	IF NOT FOUND AND force THEN
		-- Its row is lost.  As it could come back what is under it cannot be written
		-- over, until it is said here that it will not.
		PERFORM csec.refuse_held('destroy_key', 'data', NULL, NULL);
		PERFORM csec.control('destroy key', 'data', jsonb_build_object('id', id, 'version', version, 'reason', reason, 'force', true, 'lost', true));
		INSERT INTO csec.key (id, version, purpose, name, state, commitment, destroyed_at)
			VALUES (id, version, 'data', 'data', 'destroyed', decode(repeat('00', 16), 'hex'), now());
		PERFORM csec.reorder_tags(true);
		RETURN;
	ELSIF NOT FOUND THEN
		RAISE EXCEPTION 'key % version % is not in this database', id, version
			USING ERRCODE = 'undefined_object', HINT = 'csec.keys shows those that are. If the row of a data key is lost, force => true gives up what is under it.';
	END IF;
	IF k.state <> 'decrypt_only' THEN
		RAISE EXCEPTION 'key % version % is %', id, version, k.state
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = CASE k.state WHEN 'active' THEN 'CALL csec.rotate_key(...) first.' WHEN 'next' THEN 'CALL csec.finish_search_rotation(...) first.'
				ELSE 'csec.keys shows the states of all keys.' END;
	END IF;
	IF EXISTS (SELECT FROM csec.key o WHERE o.id = k.id AND o.version = k.version AND o.xmin = pg_current_xact_id_if_assigned()::xid)
		AND k.retired_at >= now() THEN
		RAISE EXCEPTION 'key % version % was retired in this transaction', id, version
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Other sessions use it until that is committed.';
	END IF;
	IF force OR trail_too THEN
		PERFORM csec.refuse_held('destroy_key', k.purpose || ' ' || k.name, NULL, NULL);
	END IF;
	IF force IS NOT TRUE THEN
		PERFORM csec.refuse_used(k);
		lost := csec.refuse_in_trail(k, trail_too);
	END IF;
	PERFORM csec.control('destroy key', k.purpose || ' ' || k.name,
		jsonb_build_object('id', id, 'version', version, 'reason', reason, 'force', force IS TRUE, 'trail_values', lost));
	UPDATE csec.key o SET state = 'destroyed', wrapped = NULL, destroyed_at = now()
		WHERE o.id = k.id AND o.version = k.version;
	IF k.purpose = 'data' THEN
		PERFORM csec.reorder_tags(force IS TRUE);
	END IF;
END
$$;
REVOKE ALL ON PROCEDURE csec.destroy_key(int4, int4, text, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.destroy_key(int4, int4, text, boolean, boolean) TO csec_admin;
COMMENT ON PROCEDURE csec.destroy_key(int4, int4, text, boolean, boolean) IS
	'destroy a key version that only decrypts, for good, after a look at all stored values and the trail that none is under it; trail_too: those of the trail may be lost; force: without any look, and also where its row is lost';

-- ---- the search key: from the next to the active one ----

-- Indexes whose order or hash is that of a base type's values.
CREATE FUNCTION csec.indexes_over(base regtype) RETURNS SETOF regclass
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	WHERE c.relkind = 'i' AND (
		EXISTS (SELECT FROM pg_opclass o WHERE o.oid = ANY (i.indclass) AND o.opcintype = base)
		OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attnum <= i.indnkeyatts
			AND a.atttypid IN (SELECT t.type FROM csec.types_over(base) t)))
	ORDER BY i.indexrelid
$$;
REVOKE ALL ON FUNCTION csec.indexes_over(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.indexes_over(regtype) IS 'internal: the indexes that are ordered or hashed by values of csec.encrypted or csec.masked';

CREATE FUNCTION csec.tag_indexes() RETURNS SETOF regclass
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT csec.indexes_over('csec.encrypted')
$$;
REVOKE ALL ON FUNCTION csec.tag_indexes() FROM PUBLIC;
COMMENT ON FUNCTION csec.tag_indexes() IS 'internal: the indexes whose order or hash is that of search tags';

CREATE FUNCTION csec.refuse_partitions_by(base regtype) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tab regclass := (SELECT p.partrelid::regclass FROM pg_partitioned_table p
		WHERE EXISTS (SELECT FROM pg_opclass o WHERE o.oid = ANY (p.partclass) AND o.opcintype = base) LIMIT 1);
BEGIN
	IF tab IS NOT NULL THEN
		RAISE EXCEPTION '% is partitioned by %', tab, CASE base WHEN 'csec.masked'::regtype THEN 'a masked column' ELSE 'an encrypted column' END
			USING ERRCODE = 'feature_not_supported',
			HINT = 'Rows would have to move to other partitions with another key. Detach these, and make the table anew afterwards, partitioned by another column.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_partitions_by(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_partitions_by(regtype) IS 'internal: refuses where rows lie in partitions by values of csec.encrypted or csec.masked';

-- Tables of transactions that have not ended are not to be seen, but their
-- locks are.
CREATE FUNCTION csec.refuse_unborn() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	other int4;
BEGIN
	SELECT l.pid INTO other FROM pg_locks l
	WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'process % is creating a table or an index', other
			USING ERRCODE = 'object_in_use', HINT = 'Try again when its transaction has ended.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse_unborn() FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse_unborn() IS 'internal: refuses while another session creates relations';

-- What reads by an index, or joins, holds a lock on its table: when all are
-- ours, nobody is between the old order and the new.
CREATE FUNCTION csec.lock_encrypted() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tab regclass;
BEGIN
	FOR tab IN SELECT c.relid FROM csec.encrypted_columns() c GROUP BY c.relid ORDER BY c.relid LOOP
		PERFORM csec.lock_alone(tab);
	END LOOP;
	PERFORM csec.refuse_unreachable();
	PERFORM csec.refuse_unborn();
END
$$;
REVOKE ALL ON FUNCTION csec.lock_encrypted() FROM PUBLIC;
COMMENT ON FUNCTION csec.lock_encrypted() IS 'internal: locks every table that stores encrypted values';

CREATE FUNCTION csec.rebuild_tag_indexes() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	index regclass;
	rebuilt regclass[] := '{}';
BEGIN
	LOOP
		index := (SELECT i FROM csec.tag_indexes() i WHERE i <> ALL (rebuilt) LIMIT 1);
		IF index IS NULL THEN
			-- none may come up between this look and the commit
			LOCK TABLE pg_catalog.pg_class IN SHARE MODE;
			PERFORM csec.refuse_unborn();
			PERFORM csec.refuse_unreachable();
			index := (SELECT i FROM csec.tag_indexes() i WHERE i <> ALL (rebuilt) LIMIT 1);
			EXIT WHEN index IS NULL;
		END IF;
		EXECUTE format('REINDEX INDEX %s', csec.qualified(index));
		rebuilt := rebuilt || index;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.rebuild_tag_indexes() FROM PUBLIC;
COMMENT ON FUNCTION csec.rebuild_tag_indexes() IS 'internal: rebuilds the indexes by search tags of tables that are locked, under the search key as it is in this transaction';

-- A value with the tags of another search key has its place in an index by what it
-- is opened for, in rows that are no more, too.  Once its own key is destroyed that
-- would be another place, and what lies about it not be found.  They come from a
-- search key that was lost, and from other databases.
CREATE FUNCTION csec.reorder_tags(others boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM csec.index_key i WHERE i.replaced)
		AND NOT (others AND (SELECT count(*) FROM csec.key k WHERE k.purpose = 'search') > 1) THEN
		RETURN;
	-- without one nothing is sought, and csec.replace_search_key() rebuilds all
	ELSIF NOT EXISTS (SELECT FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active') THEN
		RETURN;
	END IF;
	PERFORM csec.lock_encrypted();
	PERFORM csec.rebuild_tag_indexes();
END
$$;
REVOKE ALL ON FUNCTION csec.reorder_tags(boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.reorder_tags(boolean) IS 'internal: rebuilds the indexes by search tags after a key was destroyed, where values under it may have been in their order by what they were opened for; others: values of other databases, too';

-- Also where somebody has disabled the triggers of csec.key.
CREATE FUNCTION csec.index_by_active(replaced boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.index_by(k.commitment) FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active';
	UPDATE csec.index_key i SET replaced = index_by_active.replaced;
	PERFORM csec.rebuild_tag_indexes();
END
$$;
REVOKE ALL ON FUNCTION csec.index_by_active(boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.index_by_active(boolean) IS 'internal: fields of tables that are locked are indexed by the active search key from now on; replaced: it took the place of one that was lost';

CREATE PROCEDURE csec.finish_search_rotation(reason text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	active csec.key;
	next csec.key;
	untagged text;
BEGIN
	PERFORM csec.need_reason(reason);
	PERFORM csec.destroy_alone();
	LOCK TABLE csec.key IN SHARE ROW EXCLUSIVE MODE;
	SELECT * INTO active FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active';
	SELECT * INTO next FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'next';
	IF next.id IS NULL THEN
		RAISE EXCEPTION 'the search key is not being rotated'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL csec.rotate_key(''search'', reason => ...) begins it.';
	END IF;
	IF EXISTS (SELECT FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'next' AND k.xmin = pg_current_xact_id_if_assigned()::xid) THEN
		RAISE EXCEPTION 'the rotation was begun in this transaction'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Commit it, and re-encrypt the tables.';
	END IF;
	PERFORM csec.refuse_partitions_by('csec.encrypted');
	PERFORM csec.refuse_unreachable();
	PERFORM csec.wait_for_older();

	-- in one query: all tables at one moment.  What nothing opens any more
	-- (current, without the tag) keeps its old tag and equals nothing then.
	untagged := (SELECT string_agg(v, ', ' ORDER BY relid) FROM (
		SELECT r.relid, format('%s values of %s', sum(s.n), r.relid) AS v
		FROM (SELECT c.relid FROM csec.encrypted_columns() c GROUP BY 1) r
			CROSS JOIN LATERAL csec.scan_envelopes(r.relid, '{}', NULL) s
		WHERE s.search_mark IS NOT NULL AND NOT s.current AND s.next_mark IS DISTINCT FROM
			('x' || encode(substr(next.commitment, 1, 4), 'hex'))::bit(32)::int8
		GROUP BY r.relid) u);
	IF untagged IS NOT NULL THEN
		RAISE EXCEPTION 'not all values have the tag of the next search key: %', untagged
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL csec.reencrypt(...) of these tables first.';
	END IF;

	PERFORM csec.lock_encrypted();
	PERFORM csec.control('finish search rotation', 'search ' || active.name,
		jsonb_build_object('from', active.version, 'to', next.version, 'reason', reason));
	PERFORM csec.index_by(NULL);
	UPDATE csec.key k SET state = 'decrypt_only', retired_at = now() WHERE k.id = active.id AND k.version = active.version;
	UPDATE csec.key k SET state = 'active' WHERE k.id = next.id AND k.version = next.version;
	PERFORM csec.index_by_active(replaced => false);
END
$$;
REVOKE ALL ON PROCEDURE csec.finish_search_rotation(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.finish_search_rotation(text) TO csec_admin;
COMMENT ON PROCEDURE csec.finish_search_rotation(text) IS
	'make the next search key the active one, when every stored value has its tag: locks the tables with encrypted columns and rebuilds their indexes, all in one transaction';

-- Where the search key is lost there is no tag to go on with: nothing can be
-- looked up, and nothing stored, until there is another.  Indexes are built by
-- opening each value, so that no look-up misses one meanwhile.
CREATE PROCEDURE csec.replace_search_key(reason text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	lost csec.key;
BEGIN
	PERFORM csec.need_reason(reason);
	PERFORM csec.destroy_alone();
	LOCK TABLE csec.key IN SHARE ROW EXCLUSIVE MODE;
	SELECT * INTO lost FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active';
	IF FOUND AND csec.is_indexed_by(lost.commitment)
		AND NOT EXISTS (SELECT FROM csec.key_troubles() t WHERE t.id = lost.id AND t.version = lost.version) THEN
		RAISE EXCEPTION 'the search key opens'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL csec.rotate_key(''search'', reason => ...) exchanges it while everything works.';
	END IF;
	PERFORM csec.refuse_partitions_by('csec.encrypted');
	PERFORM csec.refuse_unreachable();
	PERFORM csec.wait_for_older();
	PERFORM csec.lock_encrypted();
	PERFORM csec.control('replace search key', 'search', jsonb_build_object('lost', lost.id, 'version', lost.version, 'reason', reason));
	PERFORM csec.index_by(NULL);
	UPDATE csec.key k SET state = 'decrypt_only', retired_at = now() WHERE k.purpose = 'search' AND k.state IN ('active', 'next');
	PERFORM csec.add_key('search', 'search', NULL, 1, 'active');
	PERFORM csec.index_by_active(replaced => true);
END
$$;
REVOKE ALL ON PROCEDURE csec.replace_search_key(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.replace_search_key(text) TO csec_admin;
COMMENT ON PROCEDURE csec.replace_search_key(text) IS
	'another search key in the place of one that is lost: locks the tables with encrypted columns and rebuilds their indexes, for which all values must open; then csec.reencrypt() each table. Until the search key has been rotated once more, destroying a key rebuilds these indexes, too';
