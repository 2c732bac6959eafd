-- The event triggers here go by what the transaction sees; what is no longer so is refused.

CREATE FUNCTION csec.sees_policy() RETURNS bool
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'csec_sees_policy';
REVOKE ALL ON FUNCTION csec.sees_policy() FROM PUBLIC;
COMMENT ON FUNCTION csec.sees_policy() IS
	'internal: does this transaction see which tables csec protects now?';

-- The library is asked where it is loaded alone: without it nothing protects or
-- unprotects a table beside a transaction, and what has nothing to do with csec goes on.
CREATE FUNCTION csec.policy_seen() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
BEGIN
	IF csec.sees_now() OR NOT EXISTS (SELECT FROM pg_settings WHERE name = 'csec.max_unsealed') THEN
		RETURN;
	END IF;
	IF NOT csec.sees_policy() THEN
		RAISE EXCEPTION 'could not serialize access due to a change of which tables csec protects'
			USING ERRCODE = 'serialization_failure', HINT = 'The transaction might succeed if retried.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.policy_seen() FROM PUBLIC;
COMMENT ON FUNCTION csec.policy_seen() IS
	'event trigger: refuses DDL of a transaction that does not see which tables csec protects now';

CREATE EVENT TRIGGER csec_aa_policy_seen ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'CREATE FOREIGN TABLE', 'CREATE STATISTICS', 'CREATE DOMAIN',
		'ALTER TABLE', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER DOMAIN', 'DROP TRIGGER', 'ALTER TRIGGER')
	EXECUTE FUNCTION csec.policy_seen();
CREATE EVENT TRIGGER csec_aa_policy_seen_drop ON sql_drop EXECUTE FUNCTION csec.policy_seen();
ALTER EVENT TRIGGER csec_aa_policy_seen ENABLE ALWAYS;
ALTER EVENT TRIGGER csec_aa_policy_seen_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER csec_aa_policy_seen IS 'refuses DDL of a transaction that does not see which tables csec protects now';
COMMENT ON EVENT TRIGGER csec_aa_policy_seen_drop IS 'the same, of what drops something';
