-- The trail's own entries: what csec's functions call to record an act.

CREATE FUNCTION csec.control(action text, object text, detail jsonb) RETURNS void
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_control';
REVOKE ALL ON FUNCTION csec.control(text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.control(text, text, jsonb) IS
	'internal: put a control record into the trail';

CREATE FUNCTION csec.own_ddl("on" boolean) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_own_ddl_sql';
REVOKE ALL ON FUNCTION csec.own_ddl(boolean) FROM PUBLIC;
COMMENT ON FUNCTION csec.own_ddl(boolean) IS
	'internal: switch csec''s guards off, and on again, for DDL of its own; ends with the statement';

CREATE FUNCTION csec.record_change() RETURNS trigger
	LANGUAGE c VOLATILE
	AS 'MODULE_PATHNAME', 'csec_record_change';
-- PostgreSQL asks the owner of a table for this right whenever it copies a
-- trigger to a new partition; CREATE TRIGGER itself is refused him (capture/guard.c).
GRANT EXECUTE ON FUNCTION csec.record_change() TO PUBLIC;
COMMENT ON FUNCTION csec.record_change() IS
	'trigger of protected tables: records each changed row';

CREATE FUNCTION csec.suspend_recording(reason text, until timestamptz) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_suspend_recording';
REVOKE ALL ON FUNCTION csec.suspend_recording(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.suspend_recording(text, timestamptz) IS
	'leave reads and changes of this database unrecorded until a time at most 24 hours ahead; masks stay, and the suspension is in the trail';

CREATE FUNCTION csec.resume_recording() RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_resume_recording';
REVOKE ALL ON FUNCTION csec.resume_recording() FROM PUBLIC;
COMMENT ON FUNCTION csec.resume_recording() IS
	'end csec.suspend_recording() before its time';
