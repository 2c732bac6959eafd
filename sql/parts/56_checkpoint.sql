-- Checkpoints: what the trail is sealed under, epoch after epoch.

CREATE FUNCTION csec.create_checkpoints() RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE csec_trail.checkpoint (
		epoch int8 NOT NULL,
		at timestamptz NOT NULL,
		size int8 NOT NULL,
		root bytea NOT NULL,
		note bytea NOT NULL
	);
	CREATE UNIQUE INDEX checkpoint_epoch ON csec_trail.checkpoint (epoch);
	CREATE TABLE csec_trail.checkpoint_witness (
		epoch int8 NOT NULL,
		kind text COLLATE "C" NOT NULL CHECK (kind IN ('signature', 'timestamp')),
		witness text COLLATE "C" NOT NULL,
		at timestamptz NOT NULL,
		added_at timestamptz NOT NULL DEFAULT now(),
		evidence bytea NOT NULL,
		PRIMARY KEY (epoch, kind, witness)
	);
	CREATE TABLE csec_trail.anchor (
		place text COLLATE "C" PRIMARY KEY CHECK (place IN ('command', 'directory', 'sign')),
		epoch int8 NOT NULL,
		size int8 NOT NULL,
		reached_at timestamptz,
		failed_at timestamptz,
		failures int8 NOT NULL DEFAULT 0,
		error text
	);
	PERFORM csec.close_trail_table(tab) FROM unnest(ARRAY['checkpoint', 'checkpoint_witness', 'anchor']) tab;
	COMMENT ON TABLE csec_trail.checkpoint IS 'one row for each epoch: the tree''s root, signed; written by the sealer only';
	COMMENT ON COLUMN csec_trail.checkpoint.epoch IS 'number of the epoch, from 1, without gaps';
	COMMENT ON COLUMN csec_trail.checkpoint.at IS 'when it was signed';
	COMMENT ON COLUMN csec_trail.checkpoint.size IS 'records sealed until then';
	COMMENT ON COLUMN csec_trail.checkpoint.root IS 'root of the tree over them';
	COMMENT ON COLUMN csec_trail.checkpoint.note IS 'the evidence: a signed note, see docs/record-format.md and csec.read_checkpoint()';
	COMMENT ON TABLE csec_trail.checkpoint_witness IS 'signatures of others on checkpoints, and time stamps (RFC 3161)';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.epoch IS 'epoch of the checkpoint';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.kind IS 'signature (a line of a signed note) or timestamp (a token in DER)';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.witness IS 'whose it is: csec.witness.name';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.at IS 'when the witness says that it was; where it says nothing, when it was added';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.added_at IS 'when it was added here';
	COMMENT ON COLUMN csec_trail.checkpoint_witness.evidence IS 'the signature line, or the token';
	COMMENT ON TABLE csec_trail.anchor IS 'how far checkpoints have come outside: csec.checkpoint_command, csec.checkpoint_directory, csec.sign_command';
	COMMENT ON COLUMN csec_trail.anchor.place IS 'command, directory or sign';
	COMMENT ON COLUMN csec_trail.anchor.epoch IS 'last epoch whose checkpoint it has taken; 0: none';
	COMMENT ON COLUMN csec_trail.anchor.size IS 'records under that checkpoint';
	COMMENT ON COLUMN csec_trail.anchor.reached_at IS 'when it took it';
	COMMENT ON COLUMN csec_trail.anchor.failed_at IS 'when it failed last; null after the next success';
	COMMENT ON COLUMN csec_trail.anchor.failures IS 'failures since the last success';
	COMMENT ON COLUMN csec_trail.anchor.error IS 'how it failed';
END
$$;
REVOKE ALL ON FUNCTION csec.create_checkpoints() FROM PUBLIC;
COMMENT ON FUNCTION csec.create_checkpoints() IS 'internal: the tables of the checkpoints, for csec.create_trail()';

CREATE FUNCTION csec.read_checkpoint(
		note bytea,
		OUT origin text, OUT size bigint, OUT root bytea, OUT epoch bigint, OUT chain bigint, OUT at timestamptz,
		OUT head bytea, OUT before bytea, OUT key text, OUT next_key text)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_read_checkpoint';
REVOKE ALL ON FUNCTION csec.read_checkpoint(bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.read_checkpoint(bytea) IS
	'what a checkpoint says; all null where it is none, or not signed by the key that it names';

CREATE FUNCTION csec.await_checkpoint() RETURNS void
	LANGUAGE c VOLATILE STRICT
	AS 'MODULE_PATHNAME', 'csec_await_checkpoint';
REVOKE ALL ON FUNCTION csec.await_checkpoint() FROM PUBLIC;
COMMENT ON FUNCTION csec.await_checkpoint() IS 'internal: let the sealer make a checkpoint, and wait for it';

CREATE FUNCTION csec.checkpoint_trouble(OUT failed_at timestamptz, OUT error text)
	LANGUAGE c VOLATILE STRICT
	AS 'MODULE_PATHNAME', 'csec_checkpoint_trouble';
REVOKE ALL ON FUNCTION csec.checkpoint_trouble() FROM PUBLIC;
COMMENT ON FUNCTION csec.checkpoint_trouble() IS 'internal: what kept the sealer from making the last checkpoint';

CREATE FUNCTION csec.make_checkpoint() RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM csec.flush_audit();
	PERFORM csec.await_checkpoint();
	RETURN (SELECT max(epoch) FROM csec_trail.checkpoint);
END
$$;
REVOKE ALL ON FUNCTION csec.make_checkpoint() FROM PUBLIC;
COMMENT ON FUNCTION csec.make_checkpoint() IS
	'seal all that happened so far under a checkpoint now; gives the number of its epoch';

CREATE FUNCTION csec.checkpoint_note(epoch bigint) RETURNS bytea
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT c.note || coalesce((
			SELECT string_agg(w.evidence, '' ORDER BY w.added_at, w.witness)
			FROM csec_trail.checkpoint_witness w
			WHERE w.epoch = c.epoch AND w.kind = 'signature'), '')
		FROM csec_trail.checkpoint c WHERE c.epoch = checkpoint_note.epoch);
END
$$;
REVOKE ALL ON FUNCTION csec.checkpoint_note(bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.checkpoint_note(bigint) IS
	'the checkpoint of an epoch as it goes outside: a C2SP signed note with all its signatures, in UTF-8';

CREATE FUNCTION csec.checkpoints(
		OUT epoch bigint, OUT at timestamptz, OUT records bigint, OUT root bytea, OUT chain bigint,
		OUT key text, OUT next_key text, OUT signed boolean, OUT witnesses text[])
	RETURNS SETOF record
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN QUERY
		SELECT c.epoch, c.at, c.size, c.root, n.chain, n.key, n.next_key, n.epoch IS NOT NULL,
			(SELECT array_agg(w.witness ORDER BY w.witness) FROM csec_trail.checkpoint_witness w WHERE w.epoch = c.epoch)
		FROM csec_trail.checkpoint c, csec.read_checkpoint(c.note) n
		ORDER BY c.epoch;
END
$$;
REVOKE ALL ON FUNCTION csec.checkpoints() FROM PUBLIC;
COMMENT ON FUNCTION csec.checkpoints() IS
	'the checkpoints: records, root, the key that signed and the one that signs next, whether the signature is that key''s, and who else vouches';

GRANT EXECUTE ON FUNCTION csec.make_checkpoint() TO csec_admin, csec_auditor;
GRANT EXECUTE ON FUNCTION csec.read_checkpoint(bytea), csec.checkpoint_note(bigint), csec.checkpoints()
	TO csec_admin, csec_auditor;

CREATE FUNCTION csec.verifier_key_problem(key text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_verifier_key_problem';
REVOKE ALL ON FUNCTION csec.verifier_key_problem(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.verifier_key_problem(text) IS
	'internal: what is wrong with a key as C2SP signed notes write it; null: nothing';
