-- Outside: who vouches for checkpoints, and how far they have come.

CREATE TABLE csec.witness (
	name text COLLATE "C" PRIMARY KEY,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('signature', 'timestamp')),
	key text COLLATE "C" NOT NULL
);
REVOKE ALL ON csec.witness FROM PUBLIC;
GRANT SELECT ON csec.witness TO csec_admin, csec_auditor;
COMMENT ON TABLE csec.witness IS 'whose signatures and time stamps on checkpoints are believed';
COMMENT ON COLUMN csec.witness.name IS 'name of the witness; of a signing key the name in it';
COMMENT ON COLUMN csec.witness.kind IS 'signature (a key, C2SP signed-note or cosignature/v1) or timestamp (an authority, RFC 3161)';
COMMENT ON COLUMN csec.witness.key IS 'the key as name+number+base64, or certificates in PEM';
CREATE TRIGGER policy_recorded AFTER INSERT OR UPDATE OR DELETE ON csec.witness
	FOR EACH ROW EXECUTE FUNCTION csec.policy_recorded();
CREATE TRIGGER policy_truncated AFTER TRUNCATE ON csec.witness
	FOR EACH STATEMENT EXECUTE FUNCTION csec.policy_recorded();
ALTER TABLE csec.witness ENABLE ALWAYS TRIGGER policy_recorded, ENABLE ALWAYS TRIGGER policy_truncated;
SELECT pg_catalog.pg_extension_config_dump('csec.witness', '');

CREATE FUNCTION csec.signature_by(note bytea, lines bytea, key text, OUT line bytea, OUT at timestamptz)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_signature_by';
REVOKE ALL ON FUNCTION csec.signature_by(bytea, bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.signature_by(bytea, bytea, text) IS
	'of the signature lines (alone, or in a note of the same text) the one by which this key signs the note, and the time in it; nulls where there is none';

CREATE FUNCTION csec.timestamp_by(note bytea, token bytea, certificates text) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_timestamp_by';
REVOKE ALL ON FUNCTION csec.timestamp_by(bytea, bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.timestamp_by(bytea, bytea, text) IS
	'when the token (RFC 3161) says that the note was there, by an authority with one of these certificates; null where it does not';

CREATE FUNCTION csec.certificates_problem(certificates text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_certificates_problem';
REVOKE ALL ON FUNCTION csec.certificates_problem(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.certificates_problem(text) IS 'internal: is there a certificate in it?';

CREATE FUNCTION csec.add_witness(key text, name text DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	is_certificate boolean := key LIKE '-----BEGIN %';
	problem text := CASE WHEN is_certificate THEN csec.certificates_problem(key) ELSE csec.verifier_key_problem(key) END;
BEGIN
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'that is no key of a witness'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = problem || '.';
	END IF;
	IF is_certificate AND coalesce(name, '') = '' THEN
		RAISE EXCEPTION 'an authority for time stamps needs a name'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Call csec.add_witness(certificate, name).';
	END IF;
	IF NOT is_certificate THEN
		name := split_part(key, '+', 1);
	END IF;
	INSERT INTO csec.witness VALUES (name, CASE WHEN is_certificate THEN 'timestamp' ELSE 'signature' END, key);
	RETURN name;
END
$$;
REVOKE ALL ON FUNCTION csec.add_witness(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.add_witness(text, text) IS
	'believe a witness: a key as name+number+base64, or the certificates (PEM) of an authority for time stamps with a name for it';

CREATE FUNCTION csec.drop_witness(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM csec.witness w WHERE w.name = drop_witness.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no witness "%"', name USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.drop_witness(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.drop_witness(text) IS 'believe a witness no longer; what it has signed stays where it is';

CREATE FUNCTION csec.attach_signatures(epoch bigint, lines bytea) RETURNS text[]
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	checkpoint bytea := (SELECT c.note FROM csec_trail.checkpoint c WHERE c.epoch = attach_signatures.epoch);
	attached text[];
BEGIN
	IF checkpoint IS NULL THEN
		RAISE EXCEPTION 'there is no checkpoint of epoch %', epoch USING ERRCODE = 'undefined_object';
	END IF;
	WITH good AS (
		INSERT INTO csec_trail.checkpoint_witness AS w (epoch, kind, witness, at, evidence)
		SELECT attach_signatures.epoch, 'signature', k.name, coalesce(s.at, now()), s.line
		FROM csec.witness k, csec.signature_by(checkpoint, lines, k.key) s
		WHERE k.kind = 'signature' AND s.line IS NOT NULL
		ON CONFLICT ON CONSTRAINT checkpoint_witness_pkey DO UPDATE SET evidence = w.evidence
		RETURNING w.witness)
	SELECT array_agg(witness ORDER BY witness) INTO attached FROM good;
	IF attached IS NULL THEN
		RAISE EXCEPTION 'none of the signatures is one of a known witness on the checkpoint of epoch %', epoch
			USING ERRCODE = 'invalid_parameter_value', HINT = 'See csec.witness and csec.add_witness().';
	END IF;
	RETURN attached;
END
$$;
REVOKE ALL ON FUNCTION csec.attach_signatures(bigint, bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.attach_signatures(bigint, bytea) IS
	'attach signatures of known witnesses to the checkpoint of an epoch: their lines, or the whole note; says whose they are';

CREATE FUNCTION csec.attach_timestamp(epoch bigint, token bytea) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	checkpoint bytea := (SELECT c.note FROM csec_trail.checkpoint c WHERE c.epoch = attach_timestamp.epoch);
	stamped timestamptz;
BEGIN
	IF checkpoint IS NULL THEN
		RAISE EXCEPTION 'there is no checkpoint of epoch %', epoch USING ERRCODE = 'undefined_object';
	END IF;
	INSERT INTO csec_trail.checkpoint_witness AS w (epoch, kind, witness, at, evidence)
	SELECT attach_timestamp.epoch, 'timestamp', k.name, s.at, token
	FROM csec.witness k, csec.timestamp_by(checkpoint, token, k.key) AS s(at)
	WHERE k.kind = 'timestamp' AND s.at IS NOT NULL
	ORDER BY k.name LIMIT 1
	ON CONFLICT ON CONSTRAINT checkpoint_witness_pkey DO UPDATE SET evidence = w.evidence
	RETURNING w.at INTO stamped;
	IF stamped IS NULL THEN
		RAISE EXCEPTION 'that is no time stamp of a known authority on the checkpoint of epoch %', epoch
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Stamp the note in csec_trail.checkpoint, SHA-256 or stronger; see csec.witness and csec.add_witness().';
	END IF;
	RETURN stamped;
END
$$;
REVOKE ALL ON FUNCTION csec.attach_timestamp(bigint, bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.attach_timestamp(bigint, bytea) IS
	'attach a time stamp (RFC 3161: response or token in DER, over the note) to the checkpoint of an epoch; gives its time';

CREATE FUNCTION csec.check_witnesses(
		OUT epoch bigint, OUT kind text, OUT witness text, OUT at timestamptz, OUT good boolean, OUT problem text)
	RETURNS SETOF record
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN QUERY
		SELECT w.epoch, w.kind, w.witness, w.at, p.problem IS NULL, p.problem
		FROM csec_trail.checkpoint_witness w
		LEFT JOIN csec_trail.checkpoint c ON c.epoch = w.epoch
		LEFT JOIN csec.witness k ON k.name = w.witness AND k.kind = w.kind
		CROSS JOIN LATERAL (SELECT CASE
			WHEN c.epoch IS NULL THEN 'there is no checkpoint of this epoch'
			WHEN k.name IS NULL THEN 'the witness is not known'
			WHEN w.kind = 'signature' AND s.line IS DISTINCT FROM w.evidence THEN 'not a signature of this witness on this checkpoint'
			WHEN w.kind = 'signature' AND s.at <> w.at THEN 'the time is not the one that was signed'
			WHEN w.kind = 'timestamp' AND t.at IS NULL THEN 'not a time stamp of this authority on this checkpoint'
			WHEN w.kind = 'timestamp' AND t.at <> w.at THEN 'the time is not the one that was stamped'
			END AS problem
			FROM csec.signature_by(c.note, CASE w.kind WHEN 'signature' THEN w.evidence END, k.key) s,
				csec.timestamp_by(c.note, CASE w.kind WHEN 'timestamp' THEN w.evidence END, k.key) AS t(at)) p
		ORDER BY w.epoch, w.kind, w.witness;
END
$$;
REVOKE ALL ON FUNCTION csec.check_witnesses() FROM PUBLIC;
COMMENT ON FUNCTION csec.check_witnesses() IS
	'check all signatures of witnesses and time stamps anew: whether each is what it is said to be, and what is wrong where not';

CREATE FUNCTION csec.anchor_report(
		OUT place text, OUT epoch bigint, OUT reached_at timestamptz, OUT unanchored_records bigint,
		OUT unanchored_seconds numeric, OUT waiting_checkpoints bigint, OUT failed_at timestamptz,
		OUT failures bigint, OUT problem text)
	RETURNS SETOF record
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	sealed bigint;
	last_epoch bigint;
	last_size bigint;
	last_at timestamptz;
BEGIN
	IF to_regclass('csec_trail.checkpoint') IS NULL THEN
		RETURN;
	END IF;
	sealed := csec.tree_size();
	SELECT c.epoch, c.size, c.at INTO last_epoch, last_size, last_at
	FROM csec_trail.checkpoint c ORDER BY c.epoch DESC LIMIT 1;
	-- inside: what no checkpoint covers yet
	RETURN QUERY
		SELECT 'checkpoint'::text, last_epoch, last_at, sealed - coalesce(last_size, 0),
			round(extract(epoch FROM clock_timestamp() - last_at), 1), NULL::bigint,
			t.failed_at, NULL::bigint, t.error
		FROM csec.checkpoint_trouble() t;
	-- outside
	RETURN QUERY
		SELECT p.place, a.epoch, a.reached_at, sealed - coalesce(a.size, 0),
			round(extract(epoch FROM clock_timestamp() - coalesce(
				(SELECT c.at FROM csec_trail.checkpoint c WHERE c.epoch = a.epoch),
				(SELECT l.at FROM csec_trail.audit_log l ORDER BY l.seq LIMIT 1))), 1),
			coalesce(last_epoch, 0) - coalesce(a.epoch, 0), a.failed_at, a.failures,
			CASE WHEN p.setting = '' THEN 'not set' ELSE a.error END
		FROM (VALUES ('sign', current_setting('csec.sign_command')),
				('directory', current_setting('csec.checkpoint_directory')),
				('command', current_setting('csec.checkpoint_command'))) p(place, setting)
		LEFT JOIN csec_trail.anchor a ON a.place = p.place
		WHERE p.setting <> '' OR a.place IS NOT NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.anchor_report() FROM PUBLIC;
COMMENT ON FUNCTION csec.anchor_report() IS 'internal: what csec.anchor_status shows';

CREATE VIEW csec.anchor_status AS SELECT * FROM csec.anchor_report();
REVOKE ALL ON csec.anchor_status FROM PUBLIC;
COMMENT ON VIEW csec.anchor_status IS 'what an attacker could still replace unnoticed: the records behind the last checkpoint, and behind the last one that went outside';
COMMENT ON COLUMN csec.anchor_status.place IS 'checkpoint: in the trail itself; sign, directory, command: outside';
COMMENT ON COLUMN csec.anchor_status.epoch IS 'last epoch that got there';
COMMENT ON COLUMN csec.anchor_status.reached_at IS 'when it did';
COMMENT ON COLUMN csec.anchor_status.unanchored_records IS 'records sealed after that checkpoint';
COMMENT ON COLUMN csec.anchor_status.unanchored_seconds IS 'seconds since that checkpoint was made';
COMMENT ON COLUMN csec.anchor_status.waiting_checkpoints IS 'checkpoints that have not got there yet';
COMMENT ON COLUMN csec.anchor_status.failed_at IS 'when it failed last; null after a success';
COMMENT ON COLUMN csec.anchor_status.failures IS 'failures since the last success';
COMMENT ON COLUMN csec.anchor_status.problem IS 'how it failed';

GRANT EXECUTE ON FUNCTION csec.add_witness(text, text), csec.drop_witness(text),
	csec.attach_signatures(bigint, bytea), csec.attach_timestamp(bigint, bytea) TO csec_admin;
GRANT EXECUTE ON FUNCTION csec.check_witnesses(), csec.anchor_report() TO csec_admin, csec_auditor;
GRANT SELECT ON csec.anchor_status TO csec_admin, csec_auditor;
