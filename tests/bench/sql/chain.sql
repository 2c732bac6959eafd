-- A hash chain of a million records (or :records) of 300 bytes, as a careful
-- DBA would keep it, with the indexes of a trail; and an empty table like it.
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE TABLE chain (
	seq bigint PRIMARY KEY,
	at timestamptz NOT NULL,
	subject bigint NOT NULL,
	record bytea NOT NULL,
	hash bytea NOT NULL
);
CREATE INDEX ON chain (subject);
INSERT INTO chain
WITH RECURSIVE link(seq, record, hash) AS (
	SELECT 1, r, digest(decode(repeat('00', 32), 'hex') || r, 'sha256')
	  FROM (SELECT decode(repeat('00000001', 75), 'hex')) first(r)
	UNION ALL
	SELECT seq + 1, r, digest(hash || r, 'sha256')
	  FROM link, LATERAL (SELECT decode(repeat(lpad(to_hex(seq + 1), 8, '0'), 75), 'hex')) next(r)
	 WHERE seq < :records
)
SELECT seq, timestamptz '2025-01-01 00:00+00' + seq * interval '1 ms',
	   seq * 7919::bigint % 100000, record, hash
  FROM link;
CREATE TABLE chain_in (LIKE chain INCLUDING ALL);
