-- What the stored values are encrypted with.

-- Fields that a table is declared to have: those of the policy, and columns
-- that are encrypted without it.
CREATE FUNCTION csec.declared_fields(tab regclass, OUT attnum int2, OUT attname name, OUT category text, OUT storage text, OUT encrypted boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.attnum, a.attname, c.name, c.storage, e.attname IS NOT NULL
	FROM pg_attribute a
		LEFT JOIN (SELECT i.attname FROM csec.encrypted_types() t JOIN pg_attribute i ON i.atttypid = t.type
			WHERE i.attrelid = tab AND t.arrays <= 1 AND NOT t.inside) e ON e.attname = a.attname
		LEFT JOIN csec.protected_field f ON f.relid = tab AND f.attname = a.attname
		LEFT JOIN csec.category c ON c.name = coalesce(f.category, csec.column_category(tab, a.attname))
	WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped
		AND (e.attname IS NOT NULL OR c.storage = 'encrypted')
$$;
REVOKE ALL ON FUNCTION csec.declared_fields(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.declared_fields(regclass) IS 'internal: the columns of a table that are encrypted, or should be';

CREATE FUNCTION csec.encryption_share(tab regclass, sample int8 DEFAULT NULL,
		OUT attname name, OUT category text, OUT suite text, OUT key_id int4, OUT key_version int4,
		OUT key text, OUT key_state text, OUT search text, OUT current boolean, OUT "values" int8, OUT share numeric)
	RETURNS SETOF record
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH counted AS MATERIALIZED (
		SELECT f.attname, s.category, s.suite, s.key_id, s.key_version, s.search_mark, s.next_mark, s.current, sum(s.n) AS n
		FROM csec.tree(tab) t JOIN pg_class c ON c.oid = t AND c.relkind IN ('r', 'm')
			CROSS JOIN LATERAL csec.scan_envelopes(t, ARRAY(SELECT a.attnum FROM csec.declared_fields(tab) d
				JOIN pg_attribute a ON a.attrelid = t AND a.attname = d.attname WHERE NOT d.encrypted), sample) s
			JOIN pg_attribute f ON f.attrelid = t AND f.attnum = s.attnum
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8)
	SELECT n.attname, coalesce(c.name, d.category), CASE n.suite WHEN 1 THEN 'aes_256_gcm' WHEN 2 THEN 'sm4_ctr_hmac_sm3' ELSE 'plain' END,
		n.key_id, n.key_version, coalesce(k.name, o.customers), CASE WHEN n.suite IS NOT NULL THEN coalesce(k.state, o.customers, 'unknown') END,
		CASE WHEN n.suite IS NOT NULL THEN concat_ws(', ', coalesce(a.state, CASE WHEN n.search_mark IS NOT NULL THEN 'unknown' ELSE 'none' END),
			coalesce(x.state, CASE WHEN n.next_mark IS NOT NULL THEN 'unknown' END)) END,
		coalesce(n.current, false), n.n::int8, round(n.n / sum(n.n) OVER (PARTITION BY n.attname), 4)
	FROM counted n
		CROSS JOIN LATERAL (SELECT CASE WHEN n.suite IS NOT NULL AND n.key_id IS NULL THEN 'per subject' END AS customers) o
		LEFT JOIN csec.category c ON csec.category_id(c.name) = n.category
		LEFT JOIN csec.declared_fields(tab) d ON d.attname = n.attname
		LEFT JOIN csec.key k ON k.purpose = 'data' AND k.id = n.key_id AND k.version = n.key_version
		LEFT JOIN csec.key a ON a.purpose = 'search' AND ('x' || encode(substr(a.commitment, 1, 4), 'hex'))::bit(32)::int8 = n.search_mark
		LEFT JOIN csec.key x ON x.purpose = 'search' AND ('x' || encode(substr(x.commitment, 1, 4), 'hex'))::bit(32)::int8 = n.next_mark
	ORDER BY 1, 2, 3, 4, 5, 8
$$;
REVOKE ALL ON FUNCTION csec.encryption_share(regclass, int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.encryption_share(regclass, int8) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.encryption_share(regclass, int8) IS
	'the values of a table by suite, key version and search tags, with the share of each in its column; current: as new values are; sample: look at so many blocks of each partition only. Reads no value';

CREATE VIEW csec.encryption_status AS
	SELECT t.relid, f.attname, f.category, f.storage, s.suite, s.key, s.key_version, s.key_state, s.search, s.current,
		s.share, s."values" AS values_sampled
	FROM csec.protected_table t
		CROSS JOIN LATERAL csec.declared_fields(t.relid) f
		LEFT JOIN csec.encryption_share(t.relid, 64) s ON s.attname = f.attname;
REVOKE ALL ON csec.encryption_status FROM PUBLIC;
GRANT SELECT ON csec.encryption_status TO csec_admin, csec_auditor, csec_officer;
GRANT EXECUTE ON FUNCTION csec.declared_fields(regclass) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.encryption_status IS
	'each encrypted field of the protected tables: what share of its values is under which suite and key version, from 64 blocks of each table; suite plain: not encrypted though its category says so. csec.encryption_share() looks at all';

-- ---- the keys ----

-- Of each key version: the columns in which a sample found values under it,
-- and of an active one those whose new values go under it.
-- Nothing where it is not known how: as a condition on the rows it might come after them (18).
CREATE FUNCTION csec.key_columns(known boolean, OUT id int4, OUT version int4, OUT columns text[]) RETURNS SETOF record
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	WITH stored AS MATERIALIZED (
		SELECT c.relid, c.attname, csec.column_category(c.relid, c.attname) AS category, c.reachable
		FROM csec.encrypted_columns() c
		WHERE key_columns.known
	), found AS MATERIALIZED (
		SELECT r.relid, a.attname, s.key_id, s.key_version, s.search_mark, s.next_mark
		FROM (SELECT DISTINCT s.relid FROM stored s WHERE s.reachable) r
			CROSS JOIN LATERAL csec.scan_envelopes(r.relid, '{}', 64) s
			JOIN pg_attribute a ON a.attrelid = r.relid AND a.attnum = s.attnum
	), used AS (
		SELECT k.id, k.version, f.relid, f.attname FROM csec.key k JOIN found f
			ON CASE k.purpose WHEN 'data' THEN f.key_id = k.id AND f.key_version = k.version
				ELSE ('x' || encode(substr(k.commitment, 1, 4), 'hex'))::bit(32)::int8 IN (f.search_mark, f.next_mark) END
		UNION
		SELECT k.id, k.version, s.relid, s.attname FROM csec.key k
			JOIN csec.category c ON CASE k.purpose WHEN 'data' THEN c.data_key = k.name ELSE c.search = 'equality' END
			JOIN stored s ON s.category = c.name
		WHERE k.state IN ('active', 'next')
	)
	SELECT u.id, u.version, array_agg(format('%s.%I', u.relid, u.attname) ORDER BY u.relid::text, u.attname)
	FROM used u GROUP BY 1, 2
$$;
REVOKE ALL ON FUNCTION csec.key_columns(boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_columns(boolean) IS 'internal: which columns each key version is used by, by a sample of 64 blocks of each table';

CREATE FUNCTION csec.key_status()
	RETURNS TABLE (id int4, version int4, purpose text, name text, state text, created_at timestamptz, age interval,
		past_age boolean, uses int8, kek text, embedded boolean, unwraps boolean, trouble text, columns text[], provider text)
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT k.id, k.version, k.purpose, k.name, k.state, k.created_at, k.age,
		k.state = 'active' AND current_setting('csec.max_key_age')::interval > '0' AND k.age > current_setting('csec.max_key_age')::interval,
		k.uses, k.kek, current_setting('csec.embedded_keys')::boolean,
		CASE WHEN k.state <> 'destroyed' THEN t.trouble IS NULL END,
		coalesce(t.trouble, CASE WHEN k.purpose = 'data' AND k.name = 'data' AND k.state = 'active' AND EXISTS (SELECT FROM csec.subject_space)
			THEN 'keys of customers are not used: ' || (csec.tombstones_seen()).trouble END, CASE WHEN k.purpose = 'search' AND k.state = 'active'
			AND NOT csec.is_indexed_by((SELECT o.commitment FROM csec.key o WHERE o.id = k.id AND o.version = k.version))
			THEN 'fields are indexed under another search key. Restore the row of csec.key that belongs to the data; or, if it is lost, CALL csec.replace_search_key(...).' END), CASE WHEN o.known THEN coalesce(c.columns, '{}') END,
		p.trouble
	FROM csec.keys k
		CROSS JOIN csec.key_provider() p
		LEFT JOIN csec.key_troubles() t ON t.id = k.id AND t.version = k.version
		-- under another root key no protected table can be looked at, and this is where to see what is wrong
		CROSS JOIN (SELECT EXISTS (SELECT FROM csec.order_key f WHERE f.fingerprint = csec.order_key_fingerprint())) o (known)
		LEFT JOIN csec.key_columns((SELECT EXISTS (SELECT FROM csec.order_key f WHERE f.fingerprint = csec.order_key_fingerprint()))) c
			ON c.id = k.id AND c.version = k.version
$$;
REVOKE ALL ON FUNCTION csec.key_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.key_status() TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.key_status() IS 'what view csec.key_status shows';

CREATE VIEW csec.key_status AS SELECT * FROM csec.key_status();
REVOKE ALL ON csec.key_status FROM PUBLIC;
GRANT SELECT ON csec.key_status TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.key_status IS 'the keys of this database: can they be unwrapped, are they due, what uses them';
COMMENT ON COLUMN csec.key_status.past_age IS 'it is active and older than csec.max_key_age: rotate it';
COMMENT ON COLUMN csec.key_status.uses IS 'how many values it has encrypted';
COMMENT ON COLUMN csec.key_status.kek IS 'the key-encryption key that wraps it';
COMMENT ON COLUMN csec.key_status.embedded IS 'the keys that wrap lie in the data directory (csec.embedded_keys): who has a copy of it has all';
COMMENT ON COLUMN csec.key_status.unwraps IS 'can it be unwrapped on this server now? null: it was destroyed';
COMMENT ON COLUMN csec.key_status.trouble IS 'why not, or why it cannot be used, and what helps';
COMMENT ON COLUMN csec.key_status.provider IS 'why the provider did not give the keys when it was last asked: this server opens what it can open now, and would not start again; null: it does not fail (csec.key_provider)';
COMMENT ON COLUMN csec.key_status.columns IS 'encrypted columns with values under it, by a sample of 64 blocks of each table, and those whose new values go under it; the trail uses data keys, too; null: not to be known under another root key';
