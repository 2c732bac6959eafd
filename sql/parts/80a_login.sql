-- The person behind a login that several share: an application's pool.  Who
-- issues its users' tokens is trusted by its keys; each transaction of the
-- pool begins with csec.login(token), and what it does is that person's.

CREATE TABLE csec.pool_role (
	role		regrole PRIMARY KEY,
	since		timestamptz NOT NULL DEFAULT statement_timestamp(),
	until		timestamptz
);
COMMENT ON TABLE csec.pool_role IS 'logins that several people share, by an application''s pool of connections';
COMMENT ON COLUMN csec.pool_role.until IS 'when it ceased to be one; null: it is';
SELECT pg_temp.sign_rows('csec.pool_role');

CREATE TABLE csec.issuer_key (
	kid			text PRIMARY KEY CHECK (kid ~ '^[!-~]{1,64}$'),
	issuer		text NOT NULL CHECK (issuer ~ '^[!-~]+$' AND length(issuer) <= 256),
	audience	text NOT NULL CHECK (audience ~ '^[!-~]+$' AND length(audience) <= 256),
	public_key	bytea NOT NULL CHECK (length(public_key) = 32),
	added_at	timestamptz NOT NULL DEFAULT statement_timestamp(),
	added_by	text NOT NULL,
	until		timestamptz
);
COMMENT ON TABLE csec.issuer_key IS 'keys by which login tokens may be signed';
COMMENT ON COLUMN csec.issuer_key.kid IS 'by which a token names its key; none is ever used for another one';
COMMENT ON COLUMN csec.issuer_key.issuer IS 'claim iss of the tokens';
COMMENT ON COLUMN csec.issuer_key.audience IS 'must be, or be among, claim aud of the tokens: names this database';
COMMENT ON COLUMN csec.issuer_key.public_key IS 'Ed25519, 32 bytes';
COMMENT ON COLUMN csec.issuer_key.until IS 'from when on it is retired; null: not known yet';
SELECT pg_temp.sign_rows('csec.issuer_key');

-- Rows come from src/policy/used_token.c and belong to no transaction; the
-- sealer deletes what has long expired.
CREATE TABLE csec.used_token (
	digest		bytea PRIMARY KEY,
	expires		timestamptz NOT NULL
);
CREATE INDEX used_token_expires ON csec.used_token (expires);
COMMENT ON TABLE csec.used_token IS 'login tokens that have been used, until after they expire';
COMMENT ON COLUMN csec.used_token.digest IS 'SHA-256 of issuer, a zero byte and jti';

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('pool_role', 'role'), ('issuer_key', 'kid')) v (name, object) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object);
		PERFORM pg_temp.count_policy(format('csec.%I', t.name));
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_backup', t.name);
	END LOOP;
END
$$;
SELECT pg_temp.record_rows('csec.used_token', 'digest', NULL);
-- a token that could be used again for it
CREATE TRIGGER row_recorded AFTER UPDATE OR DELETE ON csec.used_token FOR EACH ROW
	WHEN (OLD.expires > clock_timestamp()) EXECUTE FUNCTION csec.row_recorded('digest');
ALTER TABLE csec.used_token ENABLE ALWAYS TRIGGER row_recorded;

SELECT pg_catalog.pg_extension_config_dump('csec.pool_role',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT pg_catalog.pg_extension_config_dump('csec.issuer_key', '');

CREATE FUNCTION csec.login(token text) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_login_token';
COMMENT ON FUNCTION csec.login(text) IS
	'in a transaction of a pool role: who acts in it, by a signed token (JWS, EdDSA) that is good once; to be sent as a parameter; gives the person';

CREATE FUNCTION csec.authenticated_person() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_authenticated_person';
COMMENT ON FUNCTION csec.authenticated_person() IS 'the person who logged in by a token in this transaction; null: nobody did';

CREATE FUNCTION csec.is_pool_role(role regrole) RETURNS bool
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ SELECT EXISTS (SELECT FROM csec.pool_role p WHERE p.role = is_pool_role.role AND p.until IS NULL AND csec.row_is_sound(p)) $$;
REVOKE ALL ON FUNCTION csec.is_pool_role(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.is_pool_role(regrole) TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.is_pool_role(regrole) IS 'do several people share the login?';

-- Behind a pool that nobody logged into there is nobody: were it a person of
-- its own, everybody in the pool could be two.
CREATE FUNCTION csec.current_person() RETURNS text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(csec.authenticated_person(),
			CASE WHEN NOT csec.is_pool_role(csec.login()) THEN csec.person_of(csec.login()) END)
	$$;
COMMENT ON FUNCTION csec.current_person() IS
	'the person who logged in, whatever SET ROLE made of it; of a pool role the one whom csec.login(token) named, or null';

CREATE FUNCTION csec.set_pool_role(role regrole, reason text, "on" bool DEFAULT true) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('set_pool_role', role::text);
BEGIN
	PERFORM csec.check_reason('set_pool_role', role::text, reason);
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
		PERFORM csec.refuse('set_pool_role', role::text, 'the login does not exist', 'Name a role.', 'undefined_object');
	END IF;
	IF "on" AND csec.is_superuser(role) THEN
		PERFORM csec.refuse('set_pool_role', role::text, 'a superuser''s login is not shared', 'Give the application a role of its own.', 'invalid_parameter_value');
	END IF;
	IF "on" AND EXISTS (SELECT FROM csec.person_login l WHERE l.role = set_pool_role.role) THEN
		PERFORM csec.refuse('set_pool_role', role::text, 'the login is a person''s', 'csec.release_login() takes it from him.', 'object_not_in_prerequisite_state');
	END IF;
	IF EXISTS (SELECT FROM csec.access_request q WHERE q.login = set_pool_role.role
			AND csec.request_state(q) IN ('draft', 'submitted', 'approved', 'active', 'suspended')) THEN
		PERFORM csec.refuse('set_pool_role', role::text, 'requests and permits of the login are open', 'End them first: see csec.access_requests.', 'object_not_in_prerequisite_state');
	END IF;
	INSERT INTO csec.pool_role AS p (role, until) VALUES (set_pool_role.role, CASE WHEN NOT "on" THEN clock_timestamp() END)
		ON CONFLICT ON CONSTRAINT pool_role_pkey DO UPDATE SET until = EXCLUDED.until;
	PERFORM csec.control('set_pool_role', role::text, jsonb_build_object('on', "on", 'person', who, 'reason', reason, 'policy', csec.policy_version()));
END
$$;
REVOKE ALL ON FUNCTION csec.set_pool_role(regrole, text, bool) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_pool_role(regrole, text, bool) TO csec_admin;
COMMENT ON FUNCTION csec.set_pool_role(regrole, text, bool) IS
	'say that several people share a login, who name themselves by csec.login(token) in each transaction; "on" => false: no longer';

CREATE FUNCTION csec.check_new_key(action text, kid text, public_key bytea) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM csec.issuer_key k WHERE k.kid = check_new_key.kid OR k.public_key = check_new_key.public_key) THEN
		PERFORM csec.refuse(action, kid, 'the key, or its name, is known already', 'A new key has a new name: see csec.issuer_key.', 'duplicate_object');
	END IF;
	IF length(public_key) IS DISTINCT FROM 32 THEN
		PERFORM csec.refuse(action, kid, 'a public key of Ed25519 has 32 bytes', 'Give the key itself, as bytea, without what a file puts around it.', 'invalid_parameter_value');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_new_key(text, text, bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_new_key(text, text, bytea) IS 'internal: refuses a key that is known, or is none';

CREATE FUNCTION csec.add_issuer_key(kid text, public_key bytea, issuer text, audience text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('add_issuer_key', kid);
BEGIN
	PERFORM csec.check_new_key('add_issuer_key', kid, public_key);
	INSERT INTO csec.issuer_key (kid, issuer, audience, public_key, added_by)
		VALUES (add_issuer_key.kid, add_issuer_key.issuer, add_issuer_key.audience, add_issuer_key.public_key, who);
END
$$;
REVOKE ALL ON FUNCTION csec.add_issuer_key(text, bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.add_issuer_key(text, bytea, text, text) TO csec_admin;
COMMENT ON FUNCTION csec.add_issuer_key(text, bytea, text, text) IS
	'trust login tokens that are signed by a key, made by an issuer (iss) and for an audience (aud)';

CREATE FUNCTION csec.key_to_end(action text, kid text) RETURNS csec.issuer_key
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k csec.issuer_key;
BEGIN
	SELECT * INTO k FROM csec.issuer_key i WHERE i.kid = key_to_end.kid FOR UPDATE;
	IF NOT FOUND OR k.until <= clock_timestamp() THEN
		PERFORM csec.refuse(action, kid, 'there is no such key that is not retired', 'See csec.issuer_key.', 'undefined_object');
	END IF;
	RETURN k;
END
$$;
REVOKE ALL ON FUNCTION csec.key_to_end(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_to_end(text, text) IS 'internal: a key that is about to be retired, or the refusal';

CREATE FUNCTION csec.rotate_issuer_key(kid text, new_kid text, public_key bytea, overlap interval DEFAULT interval '1 hour') RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('rotate_issuer_key', kid);
	k csec.issuer_key := csec.key_to_end('rotate_issuer_key', kid);
BEGIN
	PERFORM csec.check_new_key('rotate_issuer_key', new_kid, public_key);
	IF NOT csec.row_is_sound(k) THEN
		PERFORM csec.refuse('rotate_issuer_key', kid, 'csec did not enter the key', 'It was put or changed behind csec''s back: retire it, and add a new one.', 'object_not_in_prerequisite_state');
	END IF;
	IF overlap IS NULL OR overlap < interval '0' OR overlap > interval '30 days' THEN
		PERFORM csec.refuse('rotate_issuer_key', kid, 'the old key is good for 30 days more at most', 'Give a shorter overlap =>.', 'invalid_parameter_value');
	END IF;
	INSERT INTO csec.issuer_key (kid, issuer, audience, public_key, added_by)
		VALUES (new_kid, k.issuer, k.audience, rotate_issuer_key.public_key, who);
	UPDATE csec.issuer_key i SET until = least(i.until, clock_timestamp() + overlap) WHERE i.kid = rotate_issuer_key.kid;
END
$$;
REVOKE ALL ON FUNCTION csec.rotate_issuer_key(text, text, bytea, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.rotate_issuer_key(text, text, bytea, interval) TO csec_admin;
COMMENT ON FUNCTION csec.rotate_issuer_key(text, text, bytea, interval) IS
	'a new key of the same issuer for the same audience; the old one is retired when the overlap is over';

CREATE FUNCTION csec.retire_issuer_key(kid text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('retire_issuer_key', kid);
BEGIN
	PERFORM csec.check_reason('retire_issuer_key', kid, reason);
	PERFORM csec.key_to_end('retire_issuer_key', kid);
	UPDATE csec.issuer_key i SET until = clock_timestamp() WHERE i.kid = retire_issuer_key.kid;
	PERFORM csec.control('retire_issuer_key', kid, jsonb_build_object('person', who, 'reason', reason, 'policy', csec.policy_version()));
END
$$;
REVOKE ALL ON FUNCTION csec.retire_issuer_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.retire_issuer_key(text, text) TO csec_admin;
COMMENT ON FUNCTION csec.retire_issuer_key(text, text) IS 'no token signed by the key is good any more, at once';
