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
COMMENT ON COLUMN csec.discovery_rule.shipped IS 'as csec shipped it: left out of dumps';

-- pg_temp.title(): see 10_policy.sql
INSERT INTO csec.discovery_rule (category, column_names, check_kind, chance, shipped) VALUES
	('id_card', concat_ws('|', '^(id|identity)_?(no|num|number|card)$|id_?card|identity_?(no|num|card)|sfz|shenfenzheng', pg_temp.title('\xe8baabe4bbbde8af81')), 'id_card', 0.001, true),
	('bank_card', concat_ws('|', '(bank|credit|debit)_?card|card_?(no|num|number)|\mpan\M', pg_temp.title('\xe993b6e8a18ce58da1'), pg_temp.title('\xe58da1e58fb7')), 'bank_card', 0.1, true),
	('phone', concat_ws('|', 'phone|mobile|telefon|\mtel\M|cell|shouji', pg_temp.title('\xe6898be69cba'), pg_temp.title('\xe794b5e8af9d')), 'phone', 0.05, true),
	('email', concat_ws('|', 'e_?mail', pg_temp.title('\xe982aee7aeb1')), 'email', 0, true),
	('iban', '\miban\M', 'iban', 0.01, true),
	('birth_date', concat_ws('|', 'birth|\mdob\M', pg_temp.title('\xe7949fe697a5'), pg_temp.title('\xe587bae7949f')), 'birth_date', 0.3, true),
	('person_name', concat_ws('|', '^(full|first|last|family|given|customer|client|contact|real)_?name$|surname|xingming', pg_temp.title('\xe5a793e5908d')), NULL, 0, true),
	('address', concat_ws('|', 'addr(ess)?\M|street|dizhi', pg_temp.title('\xe59cb0e59d80')), NULL, 0, true),
	('plate', concat_ws('|', '(license|licence|number|car|vehicle)_?plate|\mplate_?(no|num|number)\M|chepai', pg_temp.title('\xe8bda6e7898c')), NULL, 0, true),
	('passport', concat_ws('|', 'passport', pg_temp.title('\xe68aa4e785a7')), NULL, 0, true),
	('permit', concat_ws('|', 'permit_?(no|num)', pg_temp.title('\xe9809ae8a18ce8af81')), NULL, 0, true),
	('ssn', concat_ws('|', '\mssn\M|social_?sec', pg_temp.title('\xe7a4bee4bf9d')), NULL, 0, true),
	('account_number', concat_ws('|', 'account_?(no|num|number)|\macct', pg_temp.title('\xe8b4a6e58fb7')), NULL, 0, true),
	('health', concat_ws('|', 'diagnos|disease|allerg|blood_?type|medical', pg_temp.title('\xe79785')), NULL, 0, true),
	('biometric', concat_ws('|', 'fingerprint|face_?(id|print)|iris|biometr', pg_temp.title('\xe68c87e7bab9')), NULL, 0, true),
	('location', concat_ws('|', '\m(lat|lon|latitude|longitude|gps|geo_?hash)\M', pg_temp.title('\xe8bda8e8bfb9')), NULL, 0, true),
	('secret', concat_ws('|', 'pass_?w(or)?d|\mpwd\M|secret|api_?key|token', pg_temp.title('\xe5af86e7a081')), NULL, 0, true),
	('card_check', '\m(cvv2?|cvc2?|cav2?|card_?pin)\M', NULL, 0, true);
SELECT pg_catalog.pg_extension_config_dump('csec.discovery_rule', 'WHERE NOT shipped');

-- The columns that could hold such values and are no fields.
CREATE FUNCTION csec.unprotected_columns(OUT tab regclass, OUT attname name, OUT live_rows float8)
	RETURNS SETOF record
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.oid::regclass, a.attname, c.reltuples
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_type t ON t.oid = a.atttypid
		WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
			AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'csec', 'csec_trail', 'csec_work') AND n.nspname !~ '^pg_'
			AND CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
				IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'int8'::regtype, 'numeric'::regtype, 'date'::regtype)
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
	$$;
REVOKE ALL ON FUNCTION csec.unprotected_columns() FROM PUBLIC;
COMMENT ON FUNCTION csec.unprotected_columns() IS 'internal: columns that are no fields and could be';

CREATE FUNCTION csec.discover(sample int DEFAULT 1000, min_confidence float8 DEFAULT 0.3,
		OUT tab regclass, OUT attname name, OUT category text, OUT level text, OUT confidence numeric,
		OUT sampled int, OUT passed int, OUT name_fits boolean)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET DateStyle = 'ISO, YMD'
	AS $$
DECLARE
	c record;
	r record;
	size int := least(greatest(sample, 1), 100000);
	share float8;
BEGIN
	PERFORM csec.control('discover', NULL, jsonb_build_object('sample', size));
	FOR c IN SELECT u.* FROM csec.unprotected_columns() u ORDER BY u.tab::text, u.attname LOOP
		-- one look at the table for all rules; of blocks at random, where it is large
		FOR r IN EXECUTE format($q$
			WITH s AS MATERIALIZED (
				SELECT btrim(%I::text) AS v FROM ONLY %s %s WHERE %I IS NOT NULL LIMIT %s)
			SELECT k.category, g.level, $1 ~* k.column_names AS fits, k.check_kind, k.chance,
				(SELECT count(*)::int FROM s WHERE v <> '') AS seen,
				CASE WHEN k.check_kind IS NULL THEN 0
					ELSE (SELECT count(*)::int FROM s WHERE v <> '' AND csec.passes_check(v, k.check_kind)) END AS passed
			FROM csec.discovery_rule k JOIN csec.category g ON g.name = k.category
			$q$, c.attname, csec.qualified(c.tab),
			CASE WHEN c.live_rows > 20.0 * size THEN format('TABLESAMPLE SYSTEM (%s)', greatest(100.0 * 2 * size / c.live_rows, 0.0001)) ELSE '' END,
			c.attname, size) USING c.attname
		LOOP
			-- what passes by chance does not count
			share := CASE WHEN r.seen = 0 THEN 0 ELSE greatest((r.passed::float8 / r.seen - r.chance) / (1 - r.chance), 0) END;
			-- a check that fails speaks against a name, if there were enough to look at
			confidence := CASE
				WHEN r.fits AND r.check_kind IS NULL THEN 0.5
				WHEN r.fits AND r.seen < 10 THEN greatest(share, 0.5)
				WHEN r.fits THEN 1 - (1 - share) * 0.7
				WHEN r.seen >= 10 THEN share
				ELSE 0 END;
			IF confidence >= min_confidence THEN
				tab := c.tab;
				attname := c.attname;
				category := r.category;
				level := r.level;
				confidence := round(confidence, 2);
				sampled := r.seen;
				passed := r.passed;
				name_fits := coalesce(r.fits, false);
				RETURN NEXT;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.discover(int, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.discover(int, float8) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.discover(int, float8) IS
	'columns outside protection that seem to hold data of a category: by their names, and by the forms and check digits of a sample of their values, none of which is shown';
