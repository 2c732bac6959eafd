-- table_log writes as the user who changes the row, so the log is open to him.
CREATE EXTENSION table_log;
ALTER DEFAULT PRIVILEGES IN SCHEMA trail GRANT INSERT, SELECT ON TABLES TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA trail GRANT USAGE ON SEQUENCES TO app;
