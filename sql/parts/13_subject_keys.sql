-- Keys of single customers, which can be destroyed alone: src/keys/subject_key.c
-- and subject_store.c, which read the columns by their numbers.

CREATE TABLE csec.subject_space (
	id			int4 PRIMARY KEY,
	relid		regclass UNIQUE,
	wrapped		bytea NOT NULL CHECK (octet_length(wrapped) = 67),
	created_at	timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON csec.subject_space FROM PUBLIC;
GRANT SELECT ON csec.subject_space TO csec_admin, csec_backup;
COMMENT ON TABLE csec.subject_space IS 'tables whose customers have keys of their own; it outlives their protection, as the trail does';
COMMENT ON COLUMN csec.subject_space.id IS 'number, at random';
COMMENT ON COLUMN csec.subject_space.relid IS 'the table that has the customers; null: it is gone';
COMMENT ON COLUMN csec.subject_space.wrapped IS 'what makes pseudonyms of subjects, wrapped under a data key';
COMMENT ON COLUMN csec.subject_space.created_at IS 'when it was made';

CREATE TABLE csec.subject_key (
	pseudonym	uuid PRIMARY KEY,
	space		int4 NOT NULL,
	wrapped		bytea CHECK (octet_length(wrapped) = 67),
	destroyed_at timestamptz,
	CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
REVOKE ALL ON csec.subject_key FROM PUBLIC;
GRANT SELECT ON csec.subject_key TO csec_admin, csec_backup;
COMMENT ON TABLE csec.subject_key IS 'the key of each customer, wrapped under a data key';
COMMENT ON COLUMN csec.subject_key.pseudonym IS 'keyed digest of the subject; its first 8 bytes stand in each value';
COMMENT ON COLUMN csec.subject_key.space IS 'csec.subject_space of its table';
COMMENT ON COLUMN csec.subject_key.wrapped IS 'suite (1 byte), id (4) and version (2) of the data key, nonce (12), the key encrypted (32), tag (16); null: destroyed';
COMMENT ON COLUMN csec.subject_key.destroyed_at IS 'when it was destroyed, for good';

CREATE FUNCTION csec.subject_pseudonym(tab regclass, subject text) RETURNS uuid
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_subject_pseudonym_sql';
REVOKE ALL ON FUNCTION csec.subject_pseudonym(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_pseudonym(regclass, text) IS
	'internal: the pseudonym of a customer, where those of the table have keys of their own';

CREATE FUNCTION csec.generate_space(id int4) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_generate_space';
REVOKE ALL ON FUNCTION csec.generate_space(int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.generate_space(int4) IS 'internal: a new key that makes pseudonyms, wrapped under the active data key';

CREATE FUNCTION csec.rewrap_subject(wrapped bytea, space int4, pseudonym uuid) RETURNS bytea
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_rewrap_subject';
REVOKE ALL ON FUNCTION csec.rewrap_subject(bytea, int4, uuid) FROM PUBLIC;
COMMENT ON FUNCTION csec.rewrap_subject(bytea, int4, uuid) IS
	'internal: a customer''s key, or with a null pseudonym that of a space, under the active data key';

-- Where destroyed keys are noted: src/keys/tombstone.c.
CREATE FUNCTION csec.bury(pseudonym uuid) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_bury';
REVOKE ALL ON FUNCTION csec.bury(uuid) FROM PUBLIC;
COMMENT ON FUNCTION csec.bury(uuid) IS 'internal: note outside the database, when this transaction commits, that a customer''s key is destroyed';

CREATE FUNCTION csec.is_buried(pseudonym uuid) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_is_buried';
REVOKE ALL ON FUNCTION csec.is_buried(uuid) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_buried(uuid) IS 'internal: is it noted outside the database that a customer''s key is destroyed?';

CREATE FUNCTION csec.tombstones() RETURNS SETOF uuid
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_tombstones';
REVOKE ALL ON FUNCTION csec.tombstones() FROM PUBLIC;
COMMENT ON FUNCTION csec.tombstones() IS 'internal: the destroyed keys that are noted outside the database';

CREATE FUNCTION csec.prepare_tombstones(known boolean) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_prepare_tombstones';
REVOKE ALL ON FUNCTION csec.prepare_tombstones(boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.prepare_tombstones(boolean) IS 'internal: make the directory that notes destroyed keys, the first time; an error where it is missing or cannot be used though it was made before or customers are known, or where there is no place for it';

-- For who looks after it, who must not be kept from it by an error.
CREATE FUNCTION csec.tombstones_seen(OUT pseudonyms uuid[], OUT trouble text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hint text;
BEGIN
	PERFORM csec.prepare_tombstones(true);
	pseudonyms := ARRAY(SELECT t FROM csec.tombstones() t);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS trouble = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	trouble := concat_ws('. ', trouble, nullif(hint, ''));
END
$$;
REVOKE ALL ON FUNCTION csec.tombstones_seen() FROM PUBLIC;
COMMENT ON FUNCTION csec.tombstones_seen() IS 'internal: the destroyed keys that are noted outside the database, or why they are not to be had';

-- A restored dump brings a destroyed key back: not into the table.
CREATE FUNCTION csec.subject_key_rules() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF csec.is_buried(NEW.pseudonym) THEN
			NEW.wrapped := NULL;
			NEW.destroyed_at := coalesce(NEW.destroyed_at, now());
		END IF;
	ELSIF OLD.destroyed_at IS NOT NULL AND NEW.destroyed_at IS NULL THEN
		RAISE EXCEPTION 'the key of a customer was destroyed and stays so'
			USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF (NEW.pseudonym, NEW.space) IS DISTINCT FROM (OLD.pseudonym, OLD.space) THEN
		RAISE EXCEPTION 'whose key it is cannot be changed' USING ERRCODE = 'object_in_use';
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.subject_key_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_key_rules() IS 'trigger of csec.subject_key: a destroyed key stays destroyed';
CREATE TRIGGER subject_key_rules BEFORE INSERT OR UPDATE ON csec.subject_key
	FOR EACH ROW EXECUTE FUNCTION csec.subject_key_rules();

-- A key that is destroyed, or goes in another way, is in the trail.
CREATE FUNCTION csec.subject_key_recorded() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM csec.control('truncate ' || TG_TABLE_NAME, 'csec.' || TG_TABLE_NAME, '{}');
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM csec.control('delete ' || TG_TABLE_NAME, 'csec.' || TG_TABLE_NAME, to_jsonb(OLD) - 'wrapped');
	ELSE
		PERFORM csec.control('destroyed subject key', 'csec.' || TG_TABLE_NAME, to_jsonb(NEW) - 'wrapped');
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.subject_key_recorded() FROM PUBLIC;
COMMENT ON FUNCTION csec.subject_key_recorded() IS 'trigger of csec.subject_key and csec.subject_space: what ends a key is a control record';
CREATE TRIGGER subject_key_destroyed AFTER UPDATE ON csec.subject_key FOR EACH ROW
	WHEN (NEW.destroyed_at IS NOT NULL AND OLD.destroyed_at IS NULL) EXECUTE FUNCTION csec.subject_key_recorded();
ALTER TABLE csec.subject_key ENABLE ALWAYS TRIGGER subject_key_rules, ENABLE ALWAYS TRIGGER subject_key_destroyed;

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['subject_key', 'subject_space'] LOOP
		EXECUTE format('CREATE TRIGGER policy_changed AFTER UPDATE OR DELETE OR TRUNCATE ON csec.%I FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_changed()', t);
		EXECUTE format('CREATE TRIGGER subject_key_deleted AFTER DELETE ON csec.%I FOR EACH ROW EXECUTE FUNCTION csec.subject_key_recorded()', t);
		EXECUTE format('CREATE TRIGGER subject_key_truncated AFTER TRUNCATE ON csec.%I FOR EACH STATEMENT EXECUTE FUNCTION csec.subject_key_recorded()', t);
		EXECUTE format('ALTER TABLE csec.%I ENABLE ALWAYS TRIGGER policy_changed, ENABLE ALWAYS TRIGGER subject_key_deleted, ENABLE ALWAYS TRIGGER subject_key_truncated', t);
	END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('csec.subject_space',
	'WHERE relid IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');
SELECT pg_catalog.pg_extension_config_dump('csec.subject_key', '');

-- The customers of a table get keys, from their first change on.
CREATE FUNCTION csec.make_space(tab regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	number int4;
BEGIN
	PERFORM csec.prepare_tombstones(EXISTS (SELECT FROM csec.subject_space));
	LOOP
		EXIT WHEN EXISTS (SELECT FROM csec.subject_space s WHERE s.relid = tab);
		number := ('x' || encode(substr(uuid_send(gen_random_uuid()), 1, 4), 'hex'))::bit(32)::int4 & 2147483647;
		INSERT INTO csec.subject_space (id, relid, wrapped) VALUES (number, tab, csec.generate_space(number)) ON CONFLICT DO NOTHING;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.make_space(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.make_space(regclass) IS 'internal: let the customers of a table have keys of their own';

CREATE FUNCTION csec.rekey_row() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'csec_rekey_row';
-- as csec.record_change(): of partitions
GRANT EXECUTE ON FUNCTION csec.rekey_row() TO PUBLIC;
COMMENT ON FUNCTION csec.rekey_row() IS 'trigger of tables protected with subject_keys: encrypts a row''s fields under the key of its customer';
