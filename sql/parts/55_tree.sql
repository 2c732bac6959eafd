-- The tree over the trail's records, and proofs from it.

CREATE FUNCTION csec.create_tree() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE csec_trail.tree_tile (
		level int2 NOT NULL,
		tile int8 NOT NULL,
		root bytea NOT NULL,
		hashes bytea NOT NULL
	);
	-- hashes do not compress; roots are read without them
	ALTER TABLE csec_trail.tree_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
	CREATE UNIQUE INDEX tree_tile_place ON csec_trail.tree_tile (level, tile);
	PERFORM csec.close_trail_table('tree_tile');
	COMMENT ON TABLE csec_trail.tree_tile IS 'the Merkle tree (RFC 6962) over the records: its full tiles of 256 hashes';
	COMMENT ON COLUMN csec_trail.tree_tile.level IS '0: the hashes are leaves; above: the roots of 256 tiles of the level below';
	COMMENT ON COLUMN csec_trail.tree_tile.tile IS 'number of the tile on its level, from 0';
	COMMENT ON COLUMN csec_trail.tree_tile.root IS 'the hash over the tile';
	COMMENT ON COLUMN csec_trail.tree_tile.hashes IS '256 hashes of 32 bytes';
END
$$;
REVOKE ALL ON FUNCTION csec.create_tree() FROM PUBLIC;
COMMENT ON FUNCTION csec.create_tree() IS 'internal: the table of the tree, for csec.create_trail()';

CREATE FUNCTION csec.tree_size() RETURNS bigint
	LANGUAGE c STABLE STRICT
	AS 'MODULE_PATHNAME', 'csec_sql_tree_size';
REVOKE ALL ON FUNCTION csec.tree_size() FROM PUBLIC;
COMMENT ON FUNCTION csec.tree_size() IS 'how many records are sealed: the size of the tree over them';

CREATE FUNCTION csec.tree_root(size bigint) RETURNS bytea
	LANGUAGE c STABLE STRICT
	AS 'MODULE_PATHNAME', 'csec_sql_tree_root';
REVOKE ALL ON FUNCTION csec.tree_root(bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.tree_root(bigint) IS 'root of the tree over the first so many records (RFC 6962)';

CREATE FUNCTION csec.inclusion_proof(seq bigint, size bigint) RETURNS bytea[]
	LANGUAGE c STABLE STRICT
	AS 'MODULE_PATHNAME', 'csec_sql_inclusion_proof';
REVOKE ALL ON FUNCTION csec.inclusion_proof(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.inclusion_proof(bigint, bigint) IS
	'the hashes that prove that a record is among the first so many, given the root over those';

CREATE FUNCTION csec.consistency_proof(old_size bigint, size bigint) RETURNS bytea[]
	LANGUAGE c STABLE STRICT
	AS 'MODULE_PATHNAME', 'csec_sql_consistency_proof';
REVOKE ALL ON FUNCTION csec.consistency_proof(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.consistency_proof(bigint, bigint) IS
	'the hashes that prove that a later tree has the records of an earlier one, unaltered and in the same places';

CREATE FUNCTION csec.verify_inclusion(seq bigint, size bigint, record_hash bytea, proof bytea[], root bytea) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_sql_verify_inclusion';
REVOKE ALL ON FUNCTION csec.verify_inclusion(bigint, bigint, bytea, bytea[], bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.verify_inclusion(bigint, bigint, bytea, bytea[], bytea) IS
	'does the proof show that the record with this hash has this number below the root over so many?';

CREATE FUNCTION csec.verify_consistency(old_size bigint, size bigint, old_root bytea, root bytea, proof bytea[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_sql_verify_consistency';
REVOKE ALL ON FUNCTION csec.verify_consistency(bigint, bigint, bytea, bytea, bytea[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.verify_consistency(bigint, bigint, bytea, bytea, bytea[]) IS
	'does the proof show that the later root is over the records of the earlier one, and more?';

GRANT EXECUTE ON FUNCTION csec.tree_size(), csec.tree_root(bigint), csec.inclusion_proof(bigint, bigint),
	csec.consistency_proof(bigint, bigint), csec.verify_inclusion(bigint, bigint, bytea, bytea[], bytea),
	csec.verify_consistency(bigint, bigint, bytea, bytea, bytea[])
	TO csec_auditor;
