DROP FUNCTION pg_temp.title(bytea);
