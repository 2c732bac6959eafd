-- The same tables, encrypted; not protected, so that only this is measured.
SELECT csec.create_trail();
SET csec.probe_limit = 2147483647;
SET csec.probe_quota = 2147483647;
INSERT INTO csec.category (name, level, storage, search, suite) VALUES
	('bench', 'important', 'encrypted', 'none', NULL),
	('bench_sm4', 'important', 'encrypted', 'none', 'sm4_ctr_hmac_sm3'),
	('bench_found', 'important', 'encrypted', 'equality', NULL);
DROP TABLE secrets, secrets_hash, secrets_bulk, secrets_in;
CREATE TABLE secrets (id int PRIMARY KEY, v csec.encrypted(bench), sm4 csec.encrypted(bench_sm4), found csec.encrypted(bench_found) UNIQUE);
INSERT INTO secrets SELECT id, v, v, v FROM texts;
VACUUM ANALYZE secrets;
CREATE TABLE secrets_hash (id int PRIMARY KEY, v csec.encrypted(bench), sm4 csec.encrypted(bench_sm4), found csec.encrypted(bench_found));
INSERT INTO secrets_hash SELECT id, v, v, v FROM texts;
CREATE INDEX ON secrets_hash USING hash (found);
VACUUM ANALYZE secrets_hash;
CREATE TABLE secrets_bulk (id int PRIMARY KEY, v csec.encrypted(bench_found));
INSERT INTO secrets_bulk SELECT id, v FROM texts LIMIT :bulk;
CREATE TABLE secrets_in (LIKE seed INCLUDING ALL);
ALTER TABLE secrets_in ALTER phone TYPE csec.encrypted(bench_found), ALTER email TYPE csec.encrypted(bench);
GRANT SELECT ON secrets, secrets_hash TO app, reader;
ALTER ROLE reader SET csec.probe_quota = 2147483647;
GRANT INSERT ON secrets_in TO app;
