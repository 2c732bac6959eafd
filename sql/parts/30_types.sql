-- The field type: input, output, typmod, statistics, and the casts within it.

CREATE TYPE csec.masked;

CREATE FUNCTION csec.masked_in(cstring, oid, int4) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_in';
CREATE FUNCTION csec.masked_out(csec.masked) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_out';
CREATE FUNCTION csec.masked_recv(internal, oid, int4) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_recv';
CREATE FUNCTION csec.masked_send(csec.masked) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_send';
CREATE FUNCTION csec.masked_typmod_in(cstring[]) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_typmod_in';
CREATE FUNCTION csec.masked_typmod_out(int4) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_typmod_out';
CREATE FUNCTION csec.masked_typanalyze(internal) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_typanalyze';

-- A string type, so that literals and parameters resolve as for text, but not
-- the preferred one: with text in an expression, the result is text.
CREATE TYPE csec.masked (
	INPUT = csec.masked_in,
	OUTPUT = csec.masked_out,
	RECEIVE = csec.masked_recv,
	SEND = csec.masked_send,
	TYPMOD_IN = csec.masked_typmod_in,
	TYPMOD_OUT = csec.masked_typmod_out,
	ANALYZE = csec.masked_typanalyze,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended,
	CATEGORY = 'S',
	PREFERRED = false
);
COMMENT ON TYPE csec.masked IS
	'text that shows itself, a mask or nothing, as its category and the reader''s clearance say: csec.masked(category), or csec.masked(category, plain) for a field that sorts by its text';
COMMENT ON FUNCTION csec.masked_in(cstring, oid, int4) IS 'I/O';
COMMENT ON FUNCTION csec.masked_out(csec.masked) IS 'I/O';
COMMENT ON FUNCTION csec.masked_recv(internal, oid, int4) IS 'I/O';
COMMENT ON FUNCTION csec.masked_send(csec.masked) IS 'I/O';
COMMENT ON FUNCTION csec.masked_typmod_in(cstring[]) IS 'I/O of the type''s modifier';
COMMENT ON FUNCTION csec.masked_typmod_out(int4) IS 'I/O of the type''s modifier';
COMMENT ON FUNCTION csec.masked_typanalyze(internal) IS 'statistics without values';
REVOKE ALL ON FUNCTION csec.masked_typanalyze(internal) FROM PUBLIC;

-- A value gets the category of its field, or keeps the one it was born with.
-- STABLE: what a reader may convert is not for a plan to remember.
CREATE FUNCTION csec.masked(csec.masked, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_coerce';
COMMENT ON FUNCTION csec.masked(csec.masked, int4, bool) IS 'gives a value the category of a field';
CREATE CAST (csec.masked AS csec.masked) WITH FUNCTION csec.masked(csec.masked, int4, bool) AS IMPLICIT;

-- To text: implicit, for all that is written for text.  Functions, as a
-- binary-coercible cast would hand out the bytes.
CREATE FUNCTION csec.to_text(csec.masked) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_to_text';
CREATE FUNCTION csec.to_varchar(csec.masked) RETURNS varchar
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_to_text';
CREATE FUNCTION csec.to_bpchar(csec.masked) RETURNS bpchar
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_to_text';
COMMENT ON FUNCTION csec.to_text(csec.masked) IS 'what the reader may see';
COMMENT ON FUNCTION csec.to_varchar(csec.masked) IS 'what the reader may see';
COMMENT ON FUNCTION csec.to_bpchar(csec.masked) IS 'what the reader may see';
CREATE CAST (csec.masked AS text) WITH FUNCTION csec.to_text(csec.masked) AS IMPLICIT;
CREATE CAST (csec.masked AS varchar) WITH FUNCTION csec.to_varchar(csec.masked) AS IMPLICIT;
CREATE CAST (csec.masked AS bpchar) WITH FUNCTION csec.to_bpchar(csec.masked) AS IMPLICIT;

-- From text: on assignment only.  Implicit, it would compete with the casts
-- above wherever both types meet.
CREATE FUNCTION csec.masked(text, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_text';
CREATE FUNCTION csec.masked(varchar, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_text';
CREATE FUNCTION csec.masked(bpchar, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_bpchar';
CREATE FUNCTION csec.masked(date, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_date';
COMMENT ON FUNCTION csec.masked(date, int4, bool) IS 'makes a value of a date, as yyyy-mm-dd';
COMMENT ON FUNCTION csec.masked(text, int4, bool) IS 'makes a value of a text';
COMMENT ON FUNCTION csec.masked(varchar, int4, bool) IS 'makes a value of a text';
COMMENT ON FUNCTION csec.masked(bpchar, int4, bool) IS 'makes a value of a text, without the blanks that pad it';
CREATE CAST (text AS csec.masked) WITH FUNCTION csec.masked(text, int4, bool) AS ASSIGNMENT;
CREATE CAST (varchar AS csec.masked) WITH FUNCTION csec.masked(varchar, int4, bool) AS ASSIGNMENT;
CREATE CAST (bpchar AS csec.masked) WITH FUNCTION csec.masked(bpchar, int4, bool) AS ASSIGNMENT;
CREATE CAST (date AS csec.masked) WITH FUNCTION csec.masked(date, int4, bool) AS ASSIGNMENT;
