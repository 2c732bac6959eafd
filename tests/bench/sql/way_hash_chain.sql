-- By hand: a trigger that links each record to the one before with SHA-256.
-- One lock for all, held until the transaction ends, or two records would
-- follow the same one.
CREATE EXTENSION pgcrypto;
CREATE TABLE trail.chain (
	seq bigint PRIMARY KEY,
	at timestamptz NOT NULL,
	login name NOT NULL,
	relation regclass NOT NULL,
	action text NOT NULL,
	old_row text,
	new_row text,
	hash bytea NOT NULL
);
INSERT INTO trail.chain
VALUES (0, now(), session_user, 'trail.chain', 'START', NULL, NULL, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION chain_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	last record;
	now_is timestamptz;
	old_row text;
	new_row text;
BEGIN
	PERFORM pg_advisory_xact_lock(20230518);
	SELECT seq, hash INTO last FROM trail.chain ORDER BY seq DESC LIMIT 1;
	now_is := clock_timestamp();
	IF TG_OP <> 'INSERT' THEN
		old_row := OLD::text;
	END IF;
	IF TG_OP <> 'DELETE' THEN
		new_row := NEW::text;
	END IF;
	INSERT INTO trail.chain
	VALUES (last.seq + 1, now_is, session_user, TG_RELID, TG_OP, old_row, new_row,
			public.digest(last.hash || convert_to(
				concat_ws('|', last.seq + 1, extract(epoch FROM now_is), session_user,
						  TG_RELID, TG_OP, coalesce(old_row, '-'), coalesce(new_row, '-')),
				'UTF8'), 'sha256'));
	RETURN NULL;
END $$;
