-- Where customers' data may lie unprotected: by the names of columns and by
-- the form and check digits of a sample of their values.  No value is shown.

CREATE FUNCTION csec.passes_check(value text, kind text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_passes_check';
REVOKE ALL ON FUNCTION csec.passes_check(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.passes_check(text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.passes_check(text, text) IS
	'has the value the form, and the check digits, of that kind? null where there is no check of that name';

CREATE TABLE csec.discovery_rule (
	category text PRIMARY KEY REFERENCES csec.category ON DELETE CASCADE,
	column_names text,
	check_kind text CHECK (csec.check_kind_known(check_kind) AND check_kind <> 'none'),
	chance float8 NOT NULL DEFAULT 0 CHECK (chance >= 0 AND chance < 1),
	values_alone float8 NOT NULL DEFAULT 1 CHECK (values_alone BETWEEN 0 AND 1),
	shipped boolean NOT NULL DEFAULT false,
	CHECK (num_nonnulls(column_names, check_kind) > 0)
);
REVOKE ALL ON csec.discovery_rule FROM PUBLIC;
GRANT SELECT ON csec.discovery_rule TO csec_admin, csec_auditor, csec_officer;
GRANT INSERT, UPDATE, DELETE ON csec.discovery_rule TO csec_admin;
COMMENT ON TABLE csec.discovery_rule IS 'by what csec.discover() knows a category';
COMMENT ON COLUMN csec.discovery_rule.category IS 'the category';
COMMENT ON COLUMN csec.discovery_rule.column_names IS 'regular expression, whatever the case, that names of its columns match';
COMMENT ON COLUMN csec.discovery_rule.check_kind IS 'check that its values pass';
COMMENT ON COLUMN csec.discovery_rule.chance IS 'share of other values, of digits say, that pass the check by chance';
COMMENT ON COLUMN csec.discovery_rule.values_alone IS 'confidence that values give at most where the name does not fit: most dates are nobody''s birth date';
COMMENT ON COLUMN csec.discovery_rule.shipped IS 'as csec shipped it: left out of dumps';

-- pg_temp.title(): see 10_policy.sql
INSERT INTO csec.discovery_rule (category, column_names, check_kind, chance, shipped) VALUES
	('id_card', concat_ws('|', '^(id|identity)_?(no|num|number|card)$|id_?card|identity_?(no|num|card)|sfz|shenfenzheng', pg_temp.title(E'\\xe8baabe4bbbde8af81')), 'id_card', 0.001, true),
	('bank_card', concat_ws('|', E'(bank|credit|debit)_?card|card_?(no|num|number)|\\mpan\\M', pg_temp.title(E'\\xe993b6e8a18ce58da1'), pg_temp.title(E'\\xe58da1e58fb7')), 'bank_card', 0.1, true),
	('phone', concat_ws('|', E'phone|mobile|telefon|\\mtel\\M|\\mcell\\M|shouji', pg_temp.title(E'\\xe6898be69cba'), pg_temp.title(E'\\xe794b5e8af9d')), 'phone', 0.05, true),
	('email', concat_ws('|', 'e_?mail', pg_temp.title(E'\\xe982aee7aeb1')), 'email', 0, true),
	('iban', E'\\miban\\M', 'iban', 0.01, true),
	('birth_date', concat_ws('|', E'birth|\\mdob\\M', pg_temp.title(E'\\xe7949fe697a5'), pg_temp.title(E'\\xe587bae7949f')), 'birth_date', 0.3, true),
	('person_name', concat_ws('|', '^(full|first|last|family|given|customer|client|contact|real)_?name$|surname|xingming', pg_temp.title(E'\\xe5a793e5908d')), NULL, 0, true),
	('address', concat_ws('|', E'(?<!\\m(ip|mac|e_?mail|web|url|wallet)[_ ]?)addr(ess)?\\M|street|dizhi', pg_temp.title(E'\\xe59cb0e59d80')), NULL, 0, true),
	('plate', concat_ws('|', E'(license|licence|number|car|vehicle)_?plate|\\mplate_?(no|num|number)\\M|chepai', pg_temp.title(E'\\xe8bda6e7898c')), NULL, 0, true),
	('passport', concat_ws('|', 'passport', pg_temp.title(E'\\xe68aa4e785a7')), NULL, 0, true),
	('permit', concat_ws('|', 'permit_?(no|num)', pg_temp.title(E'\\xe9809ae8a18ce8af81')), NULL, 0, true),
	('ssn', concat_ws('|', E'\\mssn\\M|social_?sec', pg_temp.title(E'\\xe7a4bee4bf9d')), NULL, 0, true),
	('account_number', concat_ws('|', E'account_?(no|num|number)|\\macct', pg_temp.title(E'\\xe8b4a6e58fb7')), NULL, 0, true),
	('health', concat_ws('|', 'diagnos|disease|allerg|blood_?type|medical', pg_temp.title(E'\\xe79785')), NULL, 0, true),
	('biometric', concat_ws('|', 'fingerprint|face_?(id|print)|iris|biometr', pg_temp.title(E'\\xe68c87e7bab9')), NULL, 0, true),
	('location', concat_ws('|', E'\\m(lat|lon|latitude|longitude|gps|geo_?hash)\\M', pg_temp.title(E'\\xe8bda8e8bfb9')), NULL, 0, true),
	('secret', concat_ws('|', E'pass_?w(or)?d|\\mpwd\\M|secret|api_?key|token', pg_temp.title(E'\\xe5af86e7a081')), NULL, 0, true),
	('card_check', E'\\m(cvv2?|cvc2?|cav2?|(card|atm)[_ ]?pin|pin[_ ]?block)\\M|^pin$', NULL, 0, true);
UPDATE csec.discovery_rule SET values_alone = 0.25 WHERE category = 'birth_date';
SELECT pg_catalog.pg_extension_config_dump('csec.discovery_rule', 'WHERE NOT shipped');

-- A name as words, so that \m and \M find them: home_tel, homeTel.  What
-- only says something of such a value (phone_count, token_type) is none.
CREATE FUNCTION csec.name_fits(name text, names text) RETURNS boolean
	LANGUAGE sql IMMUTABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce((name ~* names OR words ~* names)
			AND words !~* ' (count|cnt|qty|kind|type|status|state|flag|format|length|limit|verified|confirmed|at)$', false)
		FROM (SELECT regexp_replace(regexp_replace(name, '([a-z0-9])([A-Z])', E'\\1 \\2', 'g'), '_+', ' ', 'g')) w (words)
	$$;
REVOKE ALL ON FUNCTION csec.name_fits(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.name_fits(text, text) IS 'internal: is it the name of a column with such values?';

-- The columns that could hold such values and are no fields.  Partitions are
-- looked at with their table.
CREATE FUNCTION csec.unprotected_columns(OUT tab regclass, OUT attname name, OUT base regtype, OUT is_array boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.oid::regclass, a.attname, t.oid::regtype, base.is_array
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
			-- domains over domains, arrays of them
			CROSS JOIN LATERAL (
				WITH RECURSIVE b(id, is_array) AS (
					SELECT a.atttypid, false
					UNION ALL SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END, t.typtype <> 'd'
						FROM b JOIN pg_type t ON t.oid = b.id WHERE t.typtype = 'd' OR t.typcategory = 'A')
				SELECT b.id, b.is_array OR EXISTS (SELECT FROM b x WHERE x.is_array) AS is_array FROM b
					JOIN pg_type t ON t.oid = b.id WHERE t.typtype <> 'd' AND t.typcategory <> 'A') base
			JOIN pg_type t ON t.oid = base.id
		WHERE c.relkind IN ('r', 'm', 'p') AND c.relispopulated AND NOT c.relispartition AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
			AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'csec', 'csec_trail', 'csec_work') AND n.nspname !~ '^pg_'
			AND (t.oid = ANY ('{text,varchar,bpchar,int2,int4,int8,numeric,date,timestamp,timestamptz,bytea,json,jsonb}'::regtype[]) OR t.typname = 'citext')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
	$$;
REVOKE ALL ON FUNCTION csec.unprotected_columns() FROM PUBLIC;
COMMENT ON FUNCTION csec.unprotected_columns() IS 'internal: columns that are no fields and could be';

-- A query for some values of a column: of blocks at random where there are many,
-- and of a few partitions, so that a look costs the same however large the
-- table is, and a column that is null almost everywhere is looked at as well.
CREATE FUNCTION csec.sample_query(tab regclass, attname name, size int) RETURNS text
	LANGUAGE sql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH part AS MATERIALIZED (
			SELECT p, pg_relation_size(p) / current_setting('block_size')::int AS blocks
			FROM csec.parts_of(tab) p JOIN pg_class c ON c.oid = p AND c.relkind IN ('r', 'm')
			ORDER BY pg_relation_size(p) > 0 DESC, random() LIMIT 16)
		SELECT coalesce(string_agg(format('(SELECT %1$I AS v FROM ONLY %2$s %3$s WHERE %1$I IS NOT NULL ORDER BY random() LIMIT %4$s)', attname, csec.qualified(p),
				CASE WHEN blocks * n > 1000 THEN format('TABLESAMPLE SYSTEM (%s)', least(100000.0 / n / blocks, 100)) ELSE '' END,
				ceil(size::float8 / n)), ' UNION ALL '), format('(SELECT %I AS v FROM ONLY %s WHERE false)', attname, csec.qualified(tab)))
		FROM part, (SELECT count(*) AS n FROM part) c
	$$;
REVOKE ALL ON FUNCTION csec.sample_query(regclass, name, int) FROM PUBLIC;
COMMENT ON FUNCTION csec.sample_query(regclass, name, int) IS 'internal: reads a sample of a column as v';

-- The texts in such values, as key and v: of JSON each member's for itself.  No cast
-- to text of what is called citext: it may be a function of its owner, and would run
-- with the rights of csec.discover()'s.
CREATE FUNCTION csec.texts_query(base regtype, is_array boolean) RETURNS text
	LANGUAGE sql IMMUTABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN base IN ('json'::regtype, 'jsonb'::regtype) THEN format($q$
				SELECT j.key, left(j.v #>> '{}', 200) FROM (
					WITH RECURSIVE j(key, v) AS (
						SELECT NULL::text, %s FROM s WHERE pg_column_size(s.v) < 100000
						UNION ALL SELECT m.key, m.value FROM j CROSS JOIN LATERAL (
							SELECT o.key, o.value FROM jsonb_each(CASE jsonb_typeof(j.v) WHEN 'object' THEN j.v ELSE '{}' END) o
							UNION ALL SELECT j.key, a FROM jsonb_array_elements(CASE jsonb_typeof(j.v) WHEN 'array' THEN j.v ELSE '[]' END) a) m)
					SELECT * FROM j LIMIT 100000) j WHERE jsonb_typeof(j.v) IN ('string', 'number')$q$,
				CASE WHEN is_array THEN 'to_jsonb(s.v)' ELSE 's.v::jsonb' END)
			ELSE format('SELECT NULL::text, left(%s, 200) FROM s%s',
				CASE WHEN base = 'bytea'::regtype THEN $q$encode(substr(e, 1, 200), 'escape')$q$ WHEN base::text LIKE 'timestamp%' THEN 'e::date::text' ELSE 'concat(e)' END,
				CASE WHEN is_array THEN ', unnest(s.v) e' ELSE ', LATERAL (SELECT s.v) x (e)' END)
			END
	$$;
REVOKE ALL ON FUNCTION csec.texts_query(regtype, boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.texts_query(regtype, boolean) IS 'internal: reads the texts in values of a type';

-- How sure a rule is, by what the name says and how many of the values passed.
CREATE FUNCTION csec.rule_confidence(fits boolean, has_check boolean, chance float8, values_alone float8, seen bigint, passed bigint) RETURNS float8
	LANGUAGE sql IMMUTABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN fits AND NOT has_check THEN 0.5
			WHEN fits AND seen < 10 THEN greatest(share, 0.5)
			-- a check that fails speaks against a name, if there were enough to look at
			WHEN fits THEN 1 - (1 - share) * 0.7
			WHEN seen >= 10 THEN least(share, values_alone)
			ELSE 0 END
		-- what passes by chance does not count
		FROM (SELECT CASE WHEN seen = 0 THEN 0 ELSE greatest((passed::float8 / seen - chance) / (1 - chance), 0) END) x (share)
	$$;
REVOKE ALL ON FUNCTION csec.rule_confidence(boolean, boolean, float8, float8, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.rule_confidence(boolean, boolean, float8, float8, bigint, bigint) IS 'internal: how sure a rule is of a column';

CREATE FUNCTION csec.discover(sample int DEFAULT 1000, min_confidence float8 DEFAULT 0.3,
		OUT tab regclass, OUT attname name, OUT category text, OUT level text, OUT confidence numeric,
		OUT sampled int, OUT passed int, OUT name_fits boolean)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET DateStyle = 'ISO, YMD'
	SET jit = off
	AS $$
DECLARE
	c record;
	size int := least(greatest(sample, 1), 100000);
BEGIN
	PERFORM csec.control('discover', NULL, jsonb_build_object('sample', size));
	FOR c IN SELECT u.* FROM csec.unprotected_columns() u ORDER BY u.tab::text, u.attname LOOP
		BEGIN
			-- one look at the column for all rules; of JSON the member that fits best, whose name may be a value itself
			RETURN QUERY EXECUTE format($q$
				WITH s AS MATERIALIZED (%s), x(key, v) AS MATERIALIZED (%s),
					seen AS (SELECT x.key, k.category, count(*) AS seen, count(*) FILTER (WHERE csec.passes_check(btrim(x.v), k.check_kind)) AS passed
						FROM x CROSS JOIN csec.discovery_rule k WHERE btrim(x.v) <> '' GROUP BY 1, 2)
				SELECT $1, $2, r.category, r.level, round(r.confidence::numeric, 2), r.seen::int, r.passed::int, r.fits
				FROM (
					SELECT DISTINCT ON (k.category) k.category, g.level, f.fits, coalesce(n.seen, 0) AS seen, coalesce(n.passed, 0) AS passed, f2.confidence
					FROM csec.discovery_rule k JOIN csec.category g ON g.name = k.category
						CROSS JOIN (SELECT NULL UNION SELECT x.key FROM x) u (key)
						LEFT JOIN seen n ON n.key IS NOT DISTINCT FROM u.key AND n.category = k.category
						CROSS JOIN LATERAL (SELECT csec.name_fits(coalesce(u.key, $2::text), k.column_names)) f (fits)
						CROSS JOIN LATERAL (SELECT csec.rule_confidence(f.fits, k.check_kind IS NOT NULL, k.chance, k.values_alone,
							coalesce(n.seen, 0), coalesce(n.passed, 0))) f2 (confidence)
					ORDER BY k.category, f2.confidence DESC, n.seen DESC NULLS LAST) r
				WHERE r.confidence >= $3
				ORDER BY r.confidence DESC, r.category
				$q$, csec.sample_query(c.tab, c.attname, size), csec.texts_query(c.base, c.is_array)) USING c.tab, c.attname, min_confidence;
		EXCEPTION WHEN data_exception THEN
			RAISE WARNING 'values of %.% could not be looked at (SQLSTATE %)', csec.qualified(c.tab), quote_ident(c.attname), SQLSTATE;
		END;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.discover(int, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.discover(int, float8) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.discover(int, float8) IS
	'columns outside protection that seem to hold data of a category: by their names, and by the forms and check digits of a sample of their values, none of which is shown';
