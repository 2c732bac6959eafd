-- The event triggers here go by what the transaction sees; src/policy/seen.c
-- refuses DDL where that is no longer so.

CREATE FUNCTION csec.policy_seen() RETURNS event_trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'csec_policy_seen';
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
