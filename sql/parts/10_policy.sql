-- Policy: who may see what, as tables.  The C side (src/policy) caches them
-- and drops its caches when policy_changed() says that one changed.

-- Roles that csec gives a meaning to.  Roles belong to the cluster: they may
-- be there from another database, and DROP EXTENSION leaves them.
DO $$
DECLARE
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['csec_auditor', 'csec_admin', 'csec_officer',
								'csec_backup', 'csec_loader', 'csec_trail_reader', 'csec_management']
	LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
		END IF;
	END LOOP;
END
$$;

GRANT USAGE ON SCHEMA csec TO PUBLIC;

CREATE FUNCTION csec.category_id(name text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_category_id_sql';
COMMENT ON FUNCTION csec.category_id(text) IS
	'the number that stands for a category in values: from its name alone';

CREATE FUNCTION csec.mask_kind_known(name text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_mask_kind_known';
COMMENT ON FUNCTION csec.mask_kind_known(text) IS
	'is there a mask of that name?';

CREATE FUNCTION csec.check_kind_known(name text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_check_kind_known';
COMMENT ON FUNCTION csec.check_kind_known(text) IS
	'is there a field check of that name?';

-- What decides is signed: a row that got around the trigger is not honoured
-- (src/policy/row_mac.c).
CREATE FUNCTION csec.sign_row() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'csec_sign_row';
REVOKE ALL ON FUNCTION csec.sign_row() FROM PUBLIC;
COMMENT ON FUNCTION csec.sign_row() IS 'trigger: puts the keyed code over a row into its column mac';

CREATE FUNCTION csec.row_is_sound("row" record) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_row_sound';
REVOKE ALL ON FUNCTION csec.row_is_sound(record) FROM PUBLIC;
COMMENT ON FUNCTION csec.row_is_sound(record) IS 'internal: does the keyed code of a row fit its other columns?';

-- Levels, least secret first.
CREATE TABLE csec.level (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	rank		int NOT NULL UNIQUE CHECK (rank > 0),
	title_zh	text,
	audit		text NOT NULL DEFAULT 'batch' CHECK (audit IN ('strict', 'batch')),
	needs_reason bool NOT NULL DEFAULT false,
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.level IS 'levels of secrecy, ordered by rank; a clearance for one covers those below it';
COMMENT ON COLUMN csec.level.rank IS 'order among the levels: higher is more secret';
COMMENT ON COLUMN csec.level.audit IS 'strict: the record of a read is durable before the first row leaves; batch: at the end of the statement';
COMMENT ON COLUMN csec.level.needs_reason IS 'values are shown only while a reason is in force that the transaction itself stated';
COMMENT ON COLUMN csec.level.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.level');

-- Categories: the kinds of fields.
CREATE TABLE csec.category (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	level		text NOT NULL REFERENCES csec.level ON UPDATE CASCADE,
	mask		text NOT NULL DEFAULT 'all' CHECK (csec.mask_kind_known(mask)),
	keep_left	int NOT NULL DEFAULT 1 CHECK (keep_left BETWEEN 0 AND 6),
	keep_right	int NOT NULL DEFAULT 1 CHECK (keep_right BETWEEN 0 AND 6),
	check_kind	text NOT NULL DEFAULT 'none' CHECK (csec.check_kind_known(check_kind)),
	check_mode	text NOT NULL DEFAULT 'lax' CHECK (check_mode IN ('strict', 'lax')),
	search		text NOT NULL DEFAULT 'equality' CHECK (search IN ('equality', 'none')),
	sort		text NOT NULL DEFAULT 'opaque' CHECK (sort IN ('opaque', 'plain')),
	storage		text NOT NULL DEFAULT 'masked' CHECK (storage IN ('masked', 'encrypted', 'refused')),
	suite		text CHECK (suite IN ('aes_256_gcm', 'sm4_ctr_hmac_sm3')),
	data_key	text NOT NULL DEFAULT 'data' CHECK (data_key ~ '^[a-z][a-z0-9_]{0,62}$'),
	title_zh	text,
	shipped		bool NOT NULL DEFAULT false,
	CHECK (storage = 'masked' OR sort = 'opaque')
);
-- What the trigger below refuses with a hint this refuses without a race.
CREATE UNIQUE INDEX category_id_key ON csec.category (csec.category_id(name));
COMMENT ON TABLE csec.category IS 'kinds of fields: level, mask, check, search, sort; insert rows to add your own';
COMMENT ON COLUMN csec.category.name IS 'cannot be changed: every stored value carries a number made from it';
COMMENT ON COLUMN csec.category.mask IS 'name of the mask that readers without clearance see';
COMMENT ON COLUMN csec.category.keep_left IS 'characters that mask first_last keeps at the left';
COMMENT ON COLUMN csec.category.keep_right IS 'characters that mask first_last keeps at the right';
COMMENT ON COLUMN csec.category.check_kind IS 'name of the check that input goes through';
COMMENT ON COLUMN csec.category.check_mode IS 'strict: input that fails the check is refused; lax: it is stored';
COMMENT ON COLUMN csec.category.search IS 'equality: readers without clearance may look up by a value they know, within limits; none: they may not';
COMMENT ON COLUMN csec.category.sort IS 'opaque: the order tells nothing; plain: the order of the text, for low-risk fields';
COMMENT ON COLUMN csec.category.storage IS 'what csec.protect() makes of a column: masked (the text is stored), encrypted, or refused (values that must not be kept)';
COMMENT ON COLUMN csec.category.suite IS 'suite that new values are encrypted with; null: csec.suite says';
COMMENT ON COLUMN csec.category.data_key IS 'name of the key in csec.key that new values are encrypted under';
COMMENT ON COLUMN csec.category.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.category');

-- Clearances.
CREATE TABLE csec.clearance (
	role		regrole NOT NULL,
	level		text REFERENCES csec.level ON UPDATE CASCADE,
	category	text REFERENCES csec.category,
	until		timestamptz,
	reason		text CHECK (length(reason) <= 1000),
	granted_by	text NOT NULL DEFAULT session_user,
	granted_at	timestamptz NOT NULL DEFAULT statement_timestamp(),
	CHECK (num_nonnulls(level, category) = 1),
	UNIQUE NULLS NOT DISTINCT (role, level, category)
);
-- no primary key: a publication of all tables would keep it from being revoked
ALTER TABLE csec.clearance REPLICA IDENTITY FULL;
COMMENT ON TABLE csec.clearance IS 'what roles may see in clear, by level (and those below) or by category (alone)';
COMMENT ON COLUMN csec.clearance.until IS 'the clearance ends at this time; null: no end is set';
SELECT pg_temp.sign_rows('csec.clearance');

-- Default reasons: recorded, and good for levels that need none.
CREATE TABLE csec.default_reason (
	role		regrole PRIMARY KEY,
	reason		text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 256 AND reason !~ '[[:cntrl:]]')
);
COMMENT ON TABLE csec.default_reason IS 'the reason recorded for roles whose application states none; never serves a level that needs a reason';
SELECT pg_temp.sign_rows('csec.default_reason');

-- Protected tables and their classified columns.
CREATE TABLE csec.protected_table (
	relid		regclass PRIMARY KEY,
	subject		name[] NOT NULL DEFAULT '{}' CHECK (array_ndims(subject) IS NULL OR cardinality(subject) <= 8),
	subject_of	regclass,
	enforce		bool NOT NULL DEFAULT true,
	audit		text CHECK (audit IN ('strict', 'batch')),
	subject_keys bool NOT NULL DEFAULT false,
	observe_until timestamptz,
	repeats_within interval CHECK (repeats_within BETWEEN interval '1 second' AND interval '1 hour'),
	protected_at timestamptz NOT NULL DEFAULT statement_timestamp(),
	protected_by text NOT NULL DEFAULT session_user,
	filed_as	oid[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE csec.protected_table IS 'tables under csec; partitions and children follow their parent';
COMMENT ON COLUMN csec.protected_table.subject IS 'the columns that say which customer a row is about';
COMMENT ON COLUMN csec.protected_table.subject_of IS 'the protected table whose key the subject columns hold; null: its own';
COMMENT ON COLUMN csec.protected_table.enforce IS 'false: reads and changes are recorded, nothing is masked yet';
COMMENT ON COLUMN csec.protected_table.audit IS 'strict or batch; null: as the highest level of its fields says';
COMMENT ON COLUMN csec.protected_table.subject_keys IS 'fields and changes are under the key of each customer, which can be destroyed alone';
COMMENT ON COLUMN csec.protected_table.repeats_within IS
	'reads of general fields that only repeat one of this time before are told as a number; null: each has its record';
COMMENT ON COLUMN csec.protected_table.filed_as IS
	'the numbers under which the trail has records of the table: its own, and those it had before it was restored from a dump';

-- The trail files by number, and a dump brings the table back under another
-- one: relid, a name in the dump, becomes the new number, and these stay.
CREATE FUNCTION csec.file_table() RETURNS trigger
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NEW.relid::oid <> ALL (NEW.filed_as) THEN
		NEW.filed_as := NEW.filed_as || NEW.relid::oid;
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.file_table() FROM PUBLIC;
COMMENT ON FUNCTION csec.file_table() IS 'trigger of csec.protected_table: the number of the table joins those it had';
CREATE TRIGGER file_table BEFORE INSERT OR UPDATE ON csec.protected_table
	FOR EACH ROW EXECUTE FUNCTION csec.file_table();
ALTER TABLE csec.protected_table ENABLE ALWAYS TRIGGER file_table;
SELECT pg_temp.sign_rows('csec.protected_table');

-- No foreign keys: pg_restore --jobs loads the tables in any order.
CREATE TABLE csec.protected_field (
	relid		regclass NOT NULL,
	attname		name NOT NULL,
	category	text NOT NULL,
	original_type text,
	PRIMARY KEY (relid, attname)
);
COMMENT ON TABLE csec.protected_field IS 'classified columns of protected tables';
COMMENT ON COLUMN csec.protected_field.original_type IS 'what csec.unprotect gives back';
SELECT pg_temp.sign_rows('csec.protected_field');

-- Chinese titles, in UTF-8: this script is in ASCII, so that it can be run in a
-- database of any encoding.  One without such characters has no titles.
-- (Dropped where it is used last, in 94_record_zh.sql.)
CREATE FUNCTION pg_temp.title(utf8 bytea) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	RETURN pg_catalog.convert_from(utf8, 'UTF8');
EXCEPTION WHEN untranslatable_character THEN
	RETURN NULL;
END
$$;

INSERT INTO csec.level (name, rank, title_zh, audit, needs_reason, shipped) VALUES
	('general', 10, pg_temp.title(E'\\xe4b880e888ac'), 'batch', false, true),
	('important', 20, pg_temp.title(E'\\xe9878de8a681'), 'batch', false, true),
	('core', 30, pg_temp.title(E'\\xe6a0b8e5bf83'), 'strict', true, true);

INSERT INTO csec.category (name, level, mask, check_kind, check_mode, search, title_zh, shipped) VALUES
	('person_name', 'important', 'person_name', 'person_name', 'lax', 'equality', pg_temp.title(E'\\xe5a793e5908d'), true),
	('phone', 'important', 'phone', 'phone', 'lax', 'equality', pg_temp.title(E'\\xe794b5e8af9de58fb7e7a081'), true),
	('email', 'important', 'email', 'email', 'lax', 'equality', pg_temp.title(E'\\xe794b5e5ad90e982aee7aeb1'), true),
	('address', 'important', 'address', 'none', 'lax', 'equality', pg_temp.title(E'\\xe59cb0e59d80'), true),
	('birth_date', 'important', 'birth_date', 'birth_date', 'lax', 'equality', pg_temp.title(E'\\xe587bae7949fe697a5e69c9f'), true),
	('free_text', 'important', 'free_text', 'none', 'lax', 'equality', pg_temp.title(E'\\xe5a487e6b3a8'), true);
INSERT INTO csec.category (name, level, mask, keep_left, keep_right, title_zh, shipped) VALUES
	('plate', 'important', 'first_last', 2, 2, pg_temp.title(E'\\xe8bda6e7898ce58fb7'), true);
INSERT INTO csec.category (name, level, mask, check_kind, check_mode, search, storage, title_zh, shipped) VALUES
	('id_card', 'core', 'id_card', 'id_card', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe8baabe4bbbde8af81e58fb7'), true),
	('bank_card', 'core', 'bank_card', 'bank_card', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe993b6e8a18ce58da1e58fb7'), true),
	('passport', 'core', 'last4', 'none', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe68aa4e785a7e58fb7'), true),
	('permit', 'core', 'last4', 'none', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe9809ae8a18ce8af81e58fb7'), true),
	('account_number', 'core', 'last4', 'none', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe8b4a6e58fb7'), true),
	('iban', 'core', 'last4', 'iban', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe59bbde99985e993b6e8a18ce8b4a6e58fb7'), true),
	('ssn', 'core', 'last4', 'none', 'lax', 'equality', 'encrypted', pg_temp.title(E'\\xe7a4bee4bc9ae4bf9de99a9ce58fb7'), true),
	('health', 'core', 'all', 'none', 'lax', 'none', 'encrypted', pg_temp.title(E'\\xe581a5e5bab7e4bfa1e681af'), true),
	('biometric', 'core', 'all', 'none', 'lax', 'none', 'encrypted', pg_temp.title(E'\\xe7949fe789a9e8af86e588abe4bfa1e681af'), true),
	('location', 'core', 'all', 'none', 'lax', 'none', 'encrypted', pg_temp.title(E'\\xe8a18ce8b8aae8bda8e8bfb9'), true),
	('secret', 'core', 'all', 'none', 'lax', 'none', 'encrypted', pg_temp.title(E'\\xe5af86e7a081e4b88ee5af86e992a5'), true),
	('core_text', 'core', 'all', 'none', 'lax', 'none', 'encrypted', pg_temp.title(E'\\xe6a0b8e5bf83e5a487e6b3a8'), true),
	('card_check', 'core', 'all', 'none', 'lax', 'none', 'refused', pg_temp.title(E'\\xe58da1e9aa8ce8af81e7a081e4b88ee5af86e7a081'), true);

-- Rules of level and category that a CHECK cannot say.
--
-- A shipped row that was changed is dumped, and meets the shipped one again
-- when the dump is restored after CREATE EXTENSION: an inserted row takes the
-- place of a shipped one of its name.  One that is signed anew stays as it is.
CREATE FUNCTION csec.level_rules() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		NEW.shipped := OLD.shipped AND to_jsonb(NEW) - 'mac' = to_jsonb(OLD) - 'mac';
		RETURN NEW;
	END IF;
	UPDATE csec.level
		SET rank = NEW.rank, title_zh = NEW.title_zh, audit = NEW.audit,
			needs_reason = NEW.needs_reason
		WHERE name = NEW.name AND shipped;
	IF FOUND THEN
		RETURN NULL;
	END IF;
	NEW.shipped := false;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.level_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.level_rules() IS 'trigger of csec.level';
CREATE TRIGGER level_rules BEFORE INSERT OR UPDATE ON csec.level
	FOR EACH ROW EXECUTE FUNCTION csec.level_rules();
ALTER TABLE csec.level ENABLE ALWAYS TRIGGER level_rules;

CREATE FUNCTION csec.category_rules() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	other text;
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF NEW.name <> OLD.name THEN
			RAISE EXCEPTION 'the name of category "%" cannot be changed', OLD.name
				USING ERRCODE = 'object_in_use',
					HINT = 'Stored values carry a number made from the name. Add a category of the new name and convert the columns to it.';
		END IF;
		NEW.shipped := OLD.shipped AND to_jsonb(NEW) - 'mac' = to_jsonb(OLD) - 'mac';
		RETURN NEW;
	END IF;
	SELECT c.name INTO other FROM csec.category c
		WHERE csec.category_id(c.name) = csec.category_id(NEW.name)
			AND c.name <> NEW.name;
	IF FOUND THEN
		RAISE EXCEPTION 'category "%" cannot be told from category "%"', NEW.name, other
			USING ERRCODE = 'unique_violation',
				HINT = 'The numbers made from their names are the same. Choose another name.';
	END IF;
	UPDATE csec.category
		SET level = NEW.level, mask = NEW.mask, keep_left = NEW.keep_left,
			keep_right = NEW.keep_right, check_kind = NEW.check_kind,
			check_mode = NEW.check_mode, search = NEW.search, sort = NEW.sort,
			storage = NEW.storage, suite = NEW.suite, data_key = NEW.data_key,
			title_zh = NEW.title_zh
		WHERE name = NEW.name AND shipped;
	IF FOUND THEN
		RETURN NULL;
	END IF;
	NEW.shipped := false;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.category_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.category_rules() IS 'trigger of csec.category';
CREATE TRIGGER category_rules BEFORE INSERT OR UPDATE ON csec.category
	FOR EACH ROW EXECUTE FUNCTION csec.category_rules();
ALTER TABLE csec.category ENABLE ALWAYS TRIGGER category_rules;

-- Every change of policy, by whatever way, tells the caches and the trail.
CREATE FUNCTION csec.policy_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'csec_policy_changed';
REVOKE ALL ON FUNCTION csec.policy_changed() FROM PUBLIC;
COMMENT ON FUNCTION csec.policy_changed() IS 'trigger of the policy tables: all sessions read the table anew';

CREATE FUNCTION csec.policy_recorded() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
	act text := lower(TG_OP) || ' ' || TG_TABLE_NAME;
	detail jsonb;
	r record;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM csec.control(act, object, '{}');
		RETURN NULL;
	END IF;
	IF TG_OP = 'DELETE' THEN
		r := OLD;
		detail := jsonb_build_object('old', to_jsonb(OLD) - 'mac');
	ELSIF TG_OP = 'INSERT' THEN
		r := NEW;
		detail := jsonb_build_object('new', to_jsonb(NEW) - 'mac');
	ELSE
		r := NEW;
		detail := jsonb_build_object('old', to_jsonb(OLD) - 'mac', 'new', to_jsonb(NEW) - 'mac');
	END IF;
	IF TG_TABLE_NAME IN ('clearance', 'default_reason') THEN
		object := r.role::text;
		IF TG_TABLE_NAME = 'clearance' THEN
			act := CASE TG_OP WHEN 'DELETE' THEN 'revoke_clearance' ELSE 'set_clearance' END;
		ELSE
			act := CASE TG_OP WHEN 'DELETE' THEN 'clear_default_reason' ELSE 'set_default_reason' END;
		END IF;
	ELSIF TG_TABLE_NAME IN ('level', 'category', 'witness') THEN
		object := r.name;
	ELSE
		object := r.relid::text;
	END IF;
	PERFORM csec.control(act, object, detail);
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.policy_recorded() FROM PUBLIC;
COMMENT ON FUNCTION csec.policy_recorded() IS 'trigger of the policy tables: each changed row is a control record';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['level', 'category', 'clearance', 'default_reason',
							 'protected_table', 'protected_field']
	LOOP
		EXECUTE format('CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON csec.%I FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_changed()', t);
		EXECUTE format('CREATE TRIGGER policy_recorded AFTER INSERT OR UPDATE OR DELETE ON csec.%I FOR EACH ROW EXECUTE FUNCTION csec.policy_recorded()', t);
		EXECUTE format('CREATE TRIGGER policy_truncated AFTER TRUNCATE ON csec.%I FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_recorded()', t);
		EXECUTE format('ALTER TABLE csec.%I ENABLE ALWAYS TRIGGER policy_changed, ENABLE ALWAYS TRIGGER policy_recorded, ENABLE ALWAYS TRIGGER policy_truncated', t);
	END LOOP;
END
$$;

-- Who may read and change the policy.  Levels and categories are no secret.
GRANT SELECT ON csec.level, csec.category TO PUBLIC;
GRANT SELECT ON csec.clearance, csec.default_reason, csec.protected_table,
	csec.protected_field TO csec_admin, csec_auditor, csec_officer, csec_backup;
GRANT INSERT, UPDATE, DELETE ON csec.level, csec.category TO csec_admin;

-- What a dump carries: not what CREATE EXTENSION brings anyway, and nothing
-- that points to a role or table that is gone (its number may be another's
-- where the dump is restored).
SELECT pg_catalog.pg_extension_config_dump('csec.level', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.category', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.clearance',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT pg_catalog.pg_extension_config_dump('csec.default_reason',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT pg_catalog.pg_extension_config_dump('csec.protected_table',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');
SELECT pg_catalog.pg_extension_config_dump('csec.protected_field',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');
