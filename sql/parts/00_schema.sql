-- The schema, and the fingerprint of the key that orders csec's indexes.

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
CREATE UNIQUE INDEX order_key_one ON csec.order_key ((true));
REVOKE ALL ON csec.order_key FROM PUBLIC;
COMMENT ON TABLE csec.order_key IS 'one row: the fingerprint of the key that orders masked values; another key is an error, never a corrupt index';
COMMENT ON COLUMN csec.order_key.fingerprint IS 'what the server''s key must answer to';
COMMENT ON COLUMN csec.order_key.created_at IS 'when this database first met the key';

INSERT INTO csec.order_key (fingerprint) VALUES (csec.order_key_fingerprint());

CREATE FUNCTION csec.adopt_order_key() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE csec.order_key SET fingerprint = csec.order_key_fingerprint(), created_at = now();
	-- what the other key signed is signed anew
	UPDATE csec.clearance SET role = role;
	UPDATE csec.access_permit SET id = id;
END
$$;
REVOKE ALL ON FUNCTION csec.adopt_order_key() FROM PUBLIC;
COMMENT ON FUNCTION csec.adopt_order_key() IS
	'accept this server''s order key for this database; every field of a csec type must be updated with csec.restamp() right after, and its indexes rebuilt (REINDEX DATABASE)';
