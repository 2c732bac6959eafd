-- The schema, and the fingerprint of the key that orders csec's indexes.

-- What csec makes is for those whom this script names.  Who else owns the schema
-- could put functions of his own beside csec's, which run with its rights; and
-- ALTER DEFAULT PRIVILEGES gives what is made to others, or keeps it from everybody.
DO $$
DECLARE
	schema pg_catalog.pg_namespace := (SELECT n FROM pg_catalog.pg_namespace n WHERE n.nspname = 'csec');
BEGIN
	IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = schema.nspowner)
		OR EXISTS (SELECT FROM pg_catalog.aclexplode(schema.nspacl) a WHERE a.grantee <> schema.nspowner AND a.privilege_type <> 'USAGE')
		OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = schema.oid
			AND d.classid NOT IN ('pg_catalog.pg_extension'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass)) THEN
		RAISE EXCEPTION 'there is a schema csec, and others can create something in it, or have'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = pg_catalog.format('It belongs to %s.', schema.nspowner::pg_catalog.regrole),
				HINT = 'Drop or rename it: csec makes its own.';
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_default_acl d WHERE d.defaclrole = current_user::pg_catalog.regrole AND d.defaclnamespace IN (0, schema.oid)) THEN
		RAISE EXCEPTION 'the default privileges of role % would change who may use csec', current_user::pg_catalog.regrole
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = E'Let a superuser create csec who has none: CREATE ROLE csec_owner SUPERUSER; SET ROLE csec_owner; CREATE EXTENSION csec CASCADE. \\ddp in psql shows them.';
	END IF;
END
$$;

GRANT USAGE ON SCHEMA csec TO PUBLIC;
COMMENT ON SCHEMA csec IS 'customer security: masked fields, clearances, the audit trail';

CREATE FUNCTION csec.order_key_fingerprint() RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_order_key_fingerprint';
REVOKE ALL ON FUNCTION csec.order_key_fingerprint() FROM PUBLIC;
COMMENT ON FUNCTION csec.order_key_fingerprint() IS
	'fingerprint of the key by which this server orders csec''s types; says nothing about the key';

-- Not marked for pg_dump: a fingerprint speaks of the indexes of this
-- physical copy.  A restored dump builds its indexes anew, under the key of
-- the server it is restored into.
CREATE TABLE csec.order_key (
	fingerprint bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE csec.order_key REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX order_key_one ON csec.order_key ((true));
REVOKE ALL ON csec.order_key FROM PUBLIC;
COMMENT ON TABLE csec.order_key IS 'one row: the fingerprint of the key that orders masked values; another key is an error, never a corrupt index';
COMMENT ON COLUMN csec.order_key.fingerprint IS 'what the server''s key must answer to';
COMMENT ON COLUMN csec.order_key.created_at IS 'when this database first met the key';

INSERT INTO csec.order_key (fingerprint) VALUES (csec.order_key_fingerprint());
