-- Match without reveal: is the caller who he says he is?

CREATE FUNCTION csec.match_value(value csec.masked, claimed text, last bool) RETURNS bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_match_value';
CREATE FUNCTION csec.match_value(value csec.encrypted, claimed text, last bool) RETURNS bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_match';
CREATE FUNCTION csec.match_value(value text, claimed text, last bool) RETURNS bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_match_text';
CREATE FUNCTION csec.match_value(value numeric, claimed text, last bool) RETURNS bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_match_number';
REVOKE ALL ON FUNCTION csec.match_value(csec.masked, text, bool) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.match_value(csec.encrypted, text, bool) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.match_value(text, text, bool) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.match_value(numeric, text, bool) FROM PUBLIC;
COMMENT ON FUNCTION csec.match_value(csec.masked, text, bool) IS 'internal: compares within csec.match_customer(), and nowhere else';
COMMENT ON FUNCTION csec.match_value(csec.encrypted, text, bool) IS 'internal: compares within csec.match_customer(), and nowhere else';
COMMENT ON FUNCTION csec.match_value(text, text, bool) IS 'internal: compares within csec.match_customer(), and nowhere else';
COMMENT ON FUNCTION csec.match_value(numeric, text, bool) IS 'internal: compares within csec.match_customer(), and nowhere else';

CREATE FUNCTION csec.match_customer(tab regclass, subject text[], claims jsonb) RETURNS bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET DateStyle = 'ISO, YMD'
	AS 'MODULE_PATHNAME', 'csec_match_customer';
REVOKE ALL ON FUNCTION csec.match_customer(regclass, text[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.match_customer(regclass, text[], jsonb) IS
	'is all that is claimed of a customer so? claims: column to text or number, to {"last": "its last characters"}, or "table.column" to {"is": value, "newest_by": "column"}; counts failures and locks the reader out, never the customer';

CREATE FUNCTION csec.match_customer(tab regclass, subject text, claims jsonb) RETURNS bool
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT csec.match_customer(tab, ARRAY[subject], claims) $$;
REVOKE ALL ON FUNCTION csec.match_customer(regclass, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.match_customer(regclass, text, jsonb) IS
	'the same for a customer who is named by one column';
