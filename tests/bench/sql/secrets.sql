-- Texts of 20 bytes, and tables that hold them: plain here, encrypted where
-- secrets_csec.sql follows.
CREATE TABLE texts AS SELECT aid AS id, '11010819' || lpad(aid::text, 12, '0') AS v FROM seed;
VACUUM ANALYZE texts;
CREATE TABLE secrets (id int PRIMARY KEY, v text, sm4 text, found text UNIQUE);
INSERT INTO secrets SELECT id, v, v, v FROM texts;
VACUUM ANALYZE secrets;
CREATE TABLE secrets_hash (id int PRIMARY KEY, v text, sm4 text, found text);
INSERT INTO secrets_hash SELECT * FROM secrets;
CREATE INDEX ON secrets_hash USING hash (found);
VACUUM ANALYZE secrets_hash;
CREATE TABLE secrets_bulk (id int PRIMARY KEY, v text);
INSERT INTO secrets_bulk SELECT id, v FROM texts LIMIT :bulk;
CREATE TABLE secrets_in (LIKE seed INCLUDING ALL);
GRANT SELECT ON texts, secrets, secrets_hash TO app, reader;
GRANT INSERT ON secrets_in TO app;
