-- The keys that fields are encrypted and found by, wrapped under a KEK.
--
-- CREATE EXTENSION makes a data key and a search key.  A restored dump brings
-- the ones that its values need; an active key that comes takes the place of
-- the one that is there, which goes on decrypting.

CREATE FUNCTION csec.generate_key(purpose text, id int4, version int4,
		OUT kek text, OUT wrapped bytea, OUT commitment bytea)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_generate_key';
REVOKE ALL ON FUNCTION csec.generate_key(text, int4, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.generate_key(text, int4, int4) IS 'internal: a new random key, wrapped under the first KEK of csec.kek';

CREATE FUNCTION csec.rewrap_key(id int4, version int4,
		OUT kek text, OUT wrapped bytea, OUT commitment bytea)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_rewrap_key';
REVOKE ALL ON FUNCTION csec.rewrap_key(int4, int4) FROM PUBLIC;
COMMENT ON FUNCTION csec.rewrap_key(int4, int4) IS 'internal: a key of csec.key, wrapped under the first KEK of csec.kek';

CREATE FUNCTION csec.key_troubles(OUT id int4, OUT version int4, OUT trouble text) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10
	AS 'MODULE_PATHNAME', 'csec_key_troubles_shown';
REVOKE ALL ON FUNCTION csec.key_troubles() FROM PUBLIC;
COMMENT ON FUNCTION csec.key_troubles() IS 'internal: the keys of csec.key that were not destroyed and do not open on this server, with the reason and what helps';

CREATE FUNCTION csec.key_provider(OUT keks text, OUT tried_at timestamptz, OUT well_at timestamptz, OUT failing_since timestamptz, OUT trouble text)
	LANGUAGE c VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_key_provider';
REVOKE ALL ON FUNCTION csec.key_provider() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.key_provider() TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.key_provider() IS 'what view csec.key_provider shows';

CREATE VIEW csec.key_provider AS SELECT * FROM csec.key_provider();
REVOKE ALL ON csec.key_provider FROM PUBLIC;
GRANT SELECT ON csec.key_provider TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.key_provider IS 'did the provider give this server the keys of csec.kek, and the root key, when it was last asked: at its start, at a reload of the configuration, and every csec.key_check_interval, on a standby, too. While it fails the server goes on with the keys it has, and would not start again';
COMMENT ON COLUMN csec.key_provider.keks IS 'the key-encryption keys that are in force';
COMMENT ON COLUMN csec.key_provider.tried_at IS 'when it was last asked';
COMMENT ON COLUMN csec.key_provider.well_at IS 'when it last gave all of them; on a standby: and they opened the keys of all databases';
COMMENT ON COLUMN csec.key_provider.failing_since IS 'null: it does not fail';
COMMENT ON COLUMN csec.key_provider.trouble IS 'why, and what helps; never what the provider printed';

-- src/keys/key_table.c reads the columns by their numbers.
CREATE TABLE csec.key (
	id			int4 NOT NULL CHECK (id > 0),
	version		int4 NOT NULL CHECK (version BETWEEN 1 AND 65535),
	purpose		text NOT NULL CHECK (purpose IN ('data', 'search')),
	name		text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	state		text NOT NULL CHECK (state IN ('active', 'next', 'decrypt_only', 'destroyed')),
	commitment	bytea NOT NULL CHECK (octet_length(commitment) = 16),
	kek			text,
	wrapped		bytea,
	created_at	timestamptz NOT NULL DEFAULT now(),
	retired_at	timestamptz,
	destroyed_at timestamptz,
	PRIMARY KEY (id, version),
	CHECK ((state = 'destroyed') = (wrapped IS NULL)),
	CHECK (state <> 'next' OR purpose = 'search')
);
CREATE UNIQUE INDEX key_active ON csec.key (purpose, name) WHERE state = 'active';
CREATE UNIQUE INDEX key_next ON csec.key (purpose, name) WHERE state = 'next';
CREATE UNIQUE INDEX key_mark ON csec.key (substr(commitment, 1, 4)) WHERE purpose = 'search';
REVOKE ALL ON csec.key FROM PUBLIC;
GRANT SELECT ON csec.key TO csec_admin, csec_backup;
COMMENT ON TABLE csec.key IS 'keys of fields, wrapped under a KEK that the database does not hold';
COMMENT ON COLUMN csec.key.id IS 'number of the key, at random; stands in each value';
COMMENT ON COLUMN csec.key.version IS 'version of the key; stands in each value';
COMMENT ON COLUMN csec.key.purpose IS 'data: values are encrypted under it; search: the tags by which they are found';
COMMENT ON COLUMN csec.key.name IS 'the versions of a key share a name; csec.category.data_key says which key a category has';
COMMENT ON COLUMN csec.key.state IS 'active: for new values; next: tags are made with it too, until it becomes active; decrypt_only: for values that are there; destroyed: gone for good';
COMMENT ON COLUMN csec.key.commitment IS 'commits to the key and tells nothing about it; stands in each value';
COMMENT ON COLUMN csec.key.kek IS 'name of the key-encryption key that wraps it';
COMMENT ON COLUMN csec.key.wrapped IS 'the key, wrapped; null: destroyed';
COMMENT ON COLUMN csec.key.created_at IS 'when it was made';
COMMENT ON COLUMN csec.key.retired_at IS 'when it stopped being active';
COMMENT ON COLUMN csec.key.destroyed_at IS 'when it was destroyed';

-- How often keys have encrypted: src/keys/key_use.c counts and reads the columns
-- by their numbers, src/sealer/key_keeper.c writes.
CREATE TABLE csec.key_use (
	id			int4 NOT NULL,
	version		int4 NOT NULL,
	uses		int8 NOT NULL CHECK (uses >= 0),
	stored_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id, version)
);
REVOKE ALL ON csec.key_use FROM PUBLIC;
GRANT SELECT ON csec.key_use TO csec_admin, csec_auditor, csec_officer, csec_backup;
COMMENT ON TABLE csec.key_use IS 'how many values each version of a data key has encrypted; written by the sealer, now and then';
COMMENT ON COLUMN csec.key_use.id IS 'number of the key';
COMMENT ON COLUMN csec.key_use.version IS 'version of the key';
COMMENT ON COLUMN csec.key_use.uses IS 'never less than the values it had encrypted then';
COMMENT ON COLUMN csec.key_use.stored_at IS 'when';
SELECT pg_catalog.pg_extension_config_dump('csec.key_use', '');

CREATE FUNCTION csec.key_uses(id int4, version int4) RETURNS int8
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_key_uses';
REVOKE ALL ON FUNCTION csec.key_uses(int4, int4) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.key_uses(int4, int4) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.key_uses(int4, int4) IS
	'how many values a key version has encrypted, as the server counts now; null: none since its start';

CREATE VIEW csec.keys AS
	SELECT k.id, k.version, k.purpose, k.name, k.state, k.kek, k.created_at, k.retired_at, k.destroyed_at,
		pg_catalog.now() - k.created_at AS age, coalesce(csec.key_uses(k.id, k.version), u.uses) AS uses
	FROM csec.key k LEFT JOIN csec.key_use u ON u.id = k.id AND u.version = k.version;
REVOKE ALL ON csec.keys FROM PUBLIC;
GRANT SELECT ON csec.keys TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.keys IS 'the keys of this database: states, ages, and the KEK that each is wrapped under';

-- Not marked for pg_dump: it speaks of the indexes of this physical copy, whatever
-- becomes of the rows of csec.key.
CREATE TABLE csec.index_key (
	commitment bytea,
	since timestamptz NOT NULL DEFAULT now(),
	replaced boolean NOT NULL DEFAULT false
);
ALTER TABLE csec.index_key REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX index_key_one ON csec.index_key ((true));
REVOKE ALL ON csec.index_key FROM PUBLIC;
COMMENT ON TABLE csec.index_key IS 'one row: the search key by whose tags encrypted fields are indexed; another one does not become active while rows are indexed';
COMMENT ON COLUMN csec.index_key.commitment IS 'what commits to that key in csec.key; null: all indexes are made anew in this transaction';
COMMENT ON COLUMN csec.index_key.since IS 'since when';
COMMENT ON COLUMN csec.index_key.replaced IS 'it took the place of one that was lost: indexes may hold values whose tags are that one''s';
INSERT INTO csec.index_key DEFAULT VALUES;

-- NULL: all indexes are made anew in this transaction.
CREATE FUNCTION csec.is_indexed_by(commitment bytea) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM csec.index_key i WHERE i.commitment IS NULL OR i.commitment = $1)
$$;
REVOKE ALL ON FUNCTION csec.is_indexed_by(bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_indexed_by(bytea) IS 'internal: are fields indexed by the tags of this search key?';

-- May a search key become active?  Indexes that were built by the tags of another
-- would miss what they hold, without a word.  The locks keep rows from coming in by
-- these tags until the transaction ends.
CREATE FUNCTION csec.may_index(commitment bytea) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF csec.is_indexed_by(commitment) THEN
		RETURN true;
	END IF;
	PERFORM csec.lock_alone(t) FROM (SELECT DISTINCT x.indrelid::regclass AS t
		FROM csec.tag_indexes() i JOIN pg_index x ON x.indexrelid = i ORDER BY 1) l;
	RETURN NOT EXISTS (SELECT FROM csec.tag_indexes() i JOIN pg_index x ON x.indexrelid = i WHERE pg_relation_size(x.indrelid) > 0);
END
$$;
REVOKE ALL ON FUNCTION csec.may_index(bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.may_index(bytea) IS 'internal: are fields indexed by the tags of this search key, or none at all?';

CREATE FUNCTION csec.index_by(commitment bytea) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO csec.index_key (commitment) VALUES ($1) ON CONFLICT ((true)) DO UPDATE SET commitment = EXCLUDED.commitment, since = now()
$$;
REVOKE ALL ON FUNCTION csec.index_by(bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.index_by(bytea) IS 'internal: by which search key fields are indexed from now on; null: by any that comes, as all indexes are made anew in this transaction';

-- A dump's active key meets the one that CREATE EXTENSION made, and takes its
-- place.  Not so a search key where fields are indexed by another one.
CREATE FUNCTION csec.key_rules() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NEW.purpose = 'search' AND NEW.state = 'active' AND (TG_OP = 'INSERT' OR OLD.state <> 'active') THEN
		IF csec.may_index(NEW.commitment) THEN
			PERFORM csec.index_by(NEW.commitment);
		ELSIF TG_OP = 'INSERT' THEN
			NEW.state := 'decrypt_only';
			NEW.retired_at := now();
			RAISE NOTICE 'search key % version % is not the one by which fields are indexed here, and stays decrypt_only', NEW.id, NEW.version
				USING HINT = CASE WHEN EXISTS (SELECT FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active') THEN 'Values that bring its tags are found; CALL csec.reencrypt(...) gives them those of this database.'
					ELSE 'Restore the row of csec.key that belongs to the data; if it is lost, CALL csec.replace_search_key(...).' END;
		ELSE
			RAISE EXCEPTION 'fields are indexed under another search key than % version %', NEW.id, NEW.version
				USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'CALL csec.finish_search_rotation(...) makes the next key active, csec.replace_search_key(...) another one where it is lost.';
		END IF;
	END IF;
	IF TG_OP = 'INSERT' THEN
		IF NEW.state = 'active' THEN
			UPDATE csec.key SET state = 'decrypt_only', retired_at = now()
				WHERE purpose = NEW.purpose AND name = NEW.name AND state = 'active';
		END IF;
		RETURN NEW;
	END IF;
	IF OLD.state = 'destroyed' AND NEW.state <> 'destroyed' THEN
		RAISE EXCEPTION 'key % version % was destroyed and stays so', OLD.id, OLD.version
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	IF (NEW.id, NEW.version, NEW.purpose, NEW.name, NEW.commitment)
		IS DISTINCT FROM (OLD.id, OLD.version, OLD.purpose, OLD.name, OLD.commitment) THEN
		RAISE EXCEPTION 'what key % version % is cannot be changed', OLD.id, OLD.version
			USING ERRCODE = 'object_in_use', HINT = 'Values carry its number and what commits to it.';
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.key_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.key_rules() IS 'trigger of csec.key';
CREATE TRIGGER key_rules BEFORE INSERT OR UPDATE ON csec.key
	FOR EACH ROW EXECUTE FUNCTION csec.key_rules();

-- The life of a key is in the trail, whoever changes it.
CREATE FUNCTION csec.key_recorded() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r csec.key;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM csec.control('truncate key', 'csec.key', '{}');
		RETURN NULL;
	END IF;
	r := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
	PERFORM csec.control(lower(TG_OP) || ' key', r.purpose || ' ' || r.name, jsonb_build_object(
		'id', r.id, 'version', r.version, 'state', r.state, 'kek', r.kek,
		'was', CASE TG_OP WHEN 'UPDATE' THEN jsonb_build_object('state', OLD.state, 'kek', OLD.kek) END));
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.key_recorded() FROM PUBLIC;
COMMENT ON FUNCTION csec.key_recorded() IS 'trigger of csec.key: each changed row is a control record, without the key';
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON csec.index_key
	FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_changed();
ALTER TABLE csec.index_key ENABLE ALWAYS TRIGGER policy_changed;
CREATE TRIGGER key_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON csec.key
	FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_changed();
CREATE TRIGGER key_recorded AFTER INSERT OR UPDATE OR DELETE ON csec.key
	FOR EACH ROW EXECUTE FUNCTION csec.key_recorded();
CREATE TRIGGER key_truncated AFTER TRUNCATE ON csec.key
	FOR EACH STATEMENT EXECUTE FUNCTION csec.key_recorded();
ALTER TABLE csec.key ENABLE ALWAYS TRIGGER key_rules, ENABLE ALWAYS TRIGGER key_changed,
	ENABLE ALWAYS TRIGGER key_recorded, ENABLE ALWAYS TRIGGER key_truncated;

SELECT pg_catalog.pg_extension_config_dump('csec.key', '');

-- A number at random, so that keys of two databases are told apart.
CREATE FUNCTION csec.add_key(purpose text, name text, id int4, version int4, state text) RETURNS int4
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	number int4 := coalesce(id, (get_byte(uuid_send(gen_random_uuid()), 0) & 127) << 24
		| ('x' || encode(substr(uuid_send(gen_random_uuid()), 2, 3), 'hex'))::bit(24)::int4);
	k record;
BEGIN
	k := csec.generate_key(purpose, number, version);
	INSERT INTO csec.key (id, version, purpose, name, state, commitment, kek, wrapped)
		VALUES (number, version, purpose, name, state, k.commitment, k.kek, k.wrapped);
	RETURN number;
END
$$;
REVOKE ALL ON FUNCTION csec.add_key(text, text, int4, int4, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.add_key(text, text, int4, int4, text) IS 'internal: make a key and put it into csec.key';

CREATE FUNCTION csec.create_key(name text) RETURNS int4
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF name IS NULL OR name !~ '^[a-z][a-z0-9_]{0,62}$' THEN
		RAISE EXCEPTION 'a key cannot have that name'
			USING ERRCODE = 'invalid_name', HINT = 'Names have 1 to 63 characters: small letters, digits and "_", a letter first.';
	END IF;
	LOCK TABLE csec.key IN SHARE ROW EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM csec.key k WHERE k.name = create_key.name) THEN
		RAISE EXCEPTION 'there is a key "%" already', name
			USING ERRCODE = 'duplicate_object', HINT = 'CALL csec.rotate_key(...) makes a new version of it.';
	END IF;
	RETURN csec.add_key('data', name, NULL, 1, 'active');
END
$$;
REVOKE ALL ON FUNCTION csec.create_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.create_key(text) TO csec_admin;
COMMENT ON FUNCTION csec.create_key(text) IS
	'make a data key of that name, for categories whose data_key names it; gives its number';

CREATE FUNCTION csec.rewrap_keys() RETURNS int4
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r record;
	k record;
	n int4 := 0;
BEGIN
	-- ahead of the rows: who makes or retires a key comes before or after
	LOCK TABLE csec.key IN SHARE ROW EXCLUSIVE MODE;
	FOR r IN SELECT id, version, kek FROM csec.key WHERE state <> 'destroyed' ORDER BY id, version FOR UPDATE LOOP
		k := csec.rewrap_key(r.id, r.version);
		CONTINUE WHEN k.kek = r.kek;
		UPDATE csec.key SET kek = k.kek, wrapped = k.wrapped WHERE id = r.id AND version = r.version;
		n := n + 1;
	END LOOP;
	RETURN n;
END
$$;
REVOKE ALL ON FUNCTION csec.rewrap_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.rewrap_keys() TO csec_admin;
COMMENT ON FUNCTION csec.rewrap_keys() IS
	'wrap every key anew under the first KEK of csec.kek; gives how many were not; values stay as they are';

SELECT csec.add_key('data', 'data', NULL, 1, 'active');
SELECT csec.add_key('search', 'search', NULL, 1, 'active');
