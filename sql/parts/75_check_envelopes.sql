-- Are the stored values what was encrypted?  Nothing here shows a value.

CREATE FUNCTION csec.envelope_info(value csec.encrypted,
		OUT suite text, OUT category text, OUT category_id int4, OUT key_id int4, OUT key_version int4,
		OUT search_mark text, OUT next_mark text, OUT subject_key boolean, OUT overhead int4)
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_envelope_info';
REVOKE ALL ON FUNCTION csec.envelope_info(csec.encrypted) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.envelope_info(csec.encrypted) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.envelope_info(csec.encrypted) IS
	'what the header of an encrypted value says, not authenticated: suite, category, keys; the marks are those of the search keys (the first four bytes of csec.key.commitment), null: no tag; overhead: bytes besides the text. Needs no key';

CREATE FUNCTION csec.envelope_problem(value csec.encrypted, category text DEFAULT NULL) RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_envelope_problem_sql';
REVOKE ALL ON FUNCTION csec.envelope_problem(csec.encrypted, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.envelope_problem(csec.encrypted, text) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.envelope_problem(csec.encrypted, text) IS
	'what is wrong with an encrypted value (docs/envelope-format.md#problems), null if nothing; category: that of its field. Authenticates it, computes its search tags anew, and shows nothing of it';

CREATE FUNCTION csec.check_relation(tab regclass, OUT attnum int2, OUT row_ctid tid, OUT element int4, OUT problem text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_check_relation';
REVOKE ALL ON FUNCTION csec.check_relation(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_relation(regclass) IS
	'internal: the encrypted values of one relation that something is wrong with, under the snapshot of the query';

CREATE FUNCTION csec.check_envelopes(tab regclass,
		OUT relid regclass, OUT attname name, OUT row_ctid tid, OUT element int4, OUT problem text)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found_wrong int8 := 0;
	target regclass;
BEGIN
	IF NOT EXISTS (SELECT FROM csec.reencrypt_targets(tab)) THEN
		RAISE EXCEPTION '% stores no encrypted values', tab
			USING ERRCODE = 'wrong_object_type', HINT = 'Name a table that has columns of type csec.encrypted.';
	END IF;
	FOR target IN SELECT t FROM csec.reencrypt_targets(tab) t ORDER BY t LOOP
		FOR relid, attname, row_ctid, element, problem IN
			SELECT target, a.attname, c.row_ctid, c.element, c.problem
			FROM csec.check_relation(target) c JOIN pg_attribute a ON a.attrelid = target AND a.attnum = c.attnum
		LOOP
			found_wrong := found_wrong + 1;
			RETURN NEXT;
		END LOOP;
	END LOOP;
	PERFORM csec.control('check envelopes', csec.qualified(tab), jsonb_build_object('problems', found_wrong));
END
$$;
REVOKE ALL ON FUNCTION csec.check_envelopes(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.check_envelopes(regclass) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.check_envelopes(regclass) IS
	'the encrypted values of a table and its partitions that something is wrong with: column, place of the row, element of an array, and the problem (docs/envelope-format.md#problems). Authenticates every value and computes its search tags anew; shows none. On record';
