-- The encrypted field type.  What leaves a value goes through the functions of
-- csec.masked, which take both types.

CREATE TYPE csec.encrypted;

CREATE FUNCTION csec.encrypted_in(cstring, oid, int4) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_in';
CREATE FUNCTION csec.encrypted_out(csec.encrypted) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_out';
CREATE FUNCTION csec.encrypted_recv(internal, oid, int4) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_recv';
CREATE FUNCTION csec.encrypted_send(csec.encrypted) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_send';
CREATE FUNCTION csec.encrypted_typmod_in(cstring[]) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_typmod_in';
CREATE FUNCTION csec.encrypted_typmod_out(int4) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_typmod_out';
CREATE FUNCTION csec.encrypted_typanalyze(internal) RETURNS bool
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_typanalyze';

-- A string type, so that literals and parameters resolve as for text, but not
-- the preferred one: with text in an expression, the result is text.
CREATE TYPE csec.encrypted (
	INPUT = csec.encrypted_in,
	OUTPUT = csec.encrypted_out,
	RECEIVE = csec.encrypted_recv,
	SEND = csec.encrypted_send,
	TYPMOD_IN = csec.encrypted_typmod_in,
	TYPMOD_OUT = csec.encrypted_typmod_out,
	ANALYZE = csec.encrypted_typanalyze,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	-- nothing is gained by compressing what looks random
	STORAGE = external,
	CATEGORY = 'S',
	PREFERRED = false
);
COMMENT ON TYPE csec.encrypted IS
	'text that is stored encrypted, and shows itself, a mask or nothing, as its category and the reader''s clearance say: csec.encrypted(category)';
COMMENT ON FUNCTION csec.encrypted_in(cstring, oid, int4) IS 'I/O';
COMMENT ON FUNCTION csec.encrypted_out(csec.encrypted) IS 'I/O';
COMMENT ON FUNCTION csec.encrypted_recv(internal, oid, int4) IS 'I/O';
COMMENT ON FUNCTION csec.encrypted_send(csec.encrypted) IS 'I/O';
COMMENT ON FUNCTION csec.encrypted_typmod_in(cstring[]) IS 'I/O of the type''s modifier';
COMMENT ON FUNCTION csec.encrypted_typmod_out(int4) IS 'I/O of the type''s modifier';
COMMENT ON FUNCTION csec.encrypted_typanalyze(internal) IS 'statistics without values';
REVOKE ALL ON FUNCTION csec.encrypted_typanalyze(internal) FROM PUBLIC;

-- A value gets the category of its field, or keeps the one it was born with.
-- STABLE: what a reader may convert is not for a plan to remember.
CREATE FUNCTION csec.encrypted(csec.encrypted, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_coerce';
COMMENT ON FUNCTION csec.encrypted(csec.encrypted, int4, bool) IS 'gives a value the category of a field';
CREATE CAST (csec.encrypted AS csec.encrypted) WITH FUNCTION csec.encrypted(csec.encrypted, int4, bool) AS IMPLICIT;

-- To text: implicit, for all that is written for text.  Functions, as a
-- binary-coercible cast would hand out the bytes.
CREATE FUNCTION csec.to_text(csec.encrypted) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_to_text';
CREATE FUNCTION csec.to_varchar(csec.encrypted) RETURNS varchar
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_to_text';
CREATE FUNCTION csec.to_bpchar(csec.encrypted) RETURNS bpchar
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_to_text';
COMMENT ON FUNCTION csec.to_text(csec.encrypted) IS 'what the reader may see';
COMMENT ON FUNCTION csec.to_varchar(csec.encrypted) IS 'what the reader may see';
COMMENT ON FUNCTION csec.to_bpchar(csec.encrypted) IS 'what the reader may see';
CREATE CAST (csec.encrypted AS text) WITH FUNCTION csec.to_text(csec.encrypted) AS IMPLICIT;
CREATE CAST (csec.encrypted AS varchar) WITH FUNCTION csec.to_varchar(csec.encrypted) AS IMPLICIT;
CREATE CAST (csec.encrypted AS bpchar) WITH FUNCTION csec.to_bpchar(csec.encrypted) AS IMPLICIT;

-- From text: on assignment only.  Implicit, it would compete with the casts
-- above wherever both types meet.
CREATE FUNCTION csec.encrypted(text, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_text';
CREATE FUNCTION csec.encrypted(varchar, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_text';
CREATE FUNCTION csec.encrypted(bpchar, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_bpchar';
CREATE FUNCTION csec.encrypted(date, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_date';
COMMENT ON FUNCTION csec.encrypted(date, int4, bool) IS 'makes a value of a date, as yyyy-mm-dd';
COMMENT ON FUNCTION csec.encrypted(text, int4, bool) IS 'makes a value of a text';
COMMENT ON FUNCTION csec.encrypted(varchar, int4, bool) IS 'makes a value of a text';
COMMENT ON FUNCTION csec.encrypted(bpchar, int4, bool) IS 'makes a value of a text, without the blanks that pad it';
CREATE CAST (text AS csec.encrypted) WITH FUNCTION csec.encrypted(text, int4, bool) AS ASSIGNMENT;
CREATE CAST (varchar AS csec.encrypted) WITH FUNCTION csec.encrypted(varchar, int4, bool) AS ASSIGNMENT;
CREATE CAST (bpchar AS csec.encrypted) WITH FUNCTION csec.encrypted(bpchar, int4, bool) AS ASSIGNMENT;
CREATE CAST (date AS csec.encrypted) WITH FUNCTION csec.encrypted(date, int4, bool) AS ASSIGNMENT;

-- Between the two types: explicit, by functions, as the conversion that
-- PostgreSQL would make of it goes through text, which is the mask.
CREATE FUNCTION csec.encrypted(csec.masked, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_masked';
CREATE FUNCTION csec.masked(csec.encrypted, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_encrypted';
COMMENT ON FUNCTION csec.encrypted(csec.masked, int4, bool) IS 'the same value, encrypted';
COMMENT ON FUNCTION csec.masked(csec.encrypted, int4, bool) IS 'the same value, no longer encrypted: for readers with clearance';
CREATE CAST (csec.masked AS csec.encrypted) WITH FUNCTION csec.encrypted(csec.masked, int4, bool) AS ASSIGNMENT;
CREATE CAST (csec.encrypted AS csec.masked) WITH FUNCTION csec.masked(csec.encrypted, int4, bool);

-- Functions that are more than a cast, as for csec.masked.
CREATE FUNCTION csec.mask(value csec.encrypted) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_mask';
COMMENT ON FUNCTION csec.mask(csec.encrypted) IS
	'the mask of a value by its own category, whatever the reader may see';

CREATE FUNCTION csec.category_of(value csec.encrypted) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_category';
COMMENT ON FUNCTION csec.category_of(csec.encrypted) IS
	'the category that a value carries: its name, its number if no category has it, null if it never got one';

CREATE FUNCTION pg_catalog.lower(csec.encrypted) RETURNS csec.encrypted
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_lower';
CREATE FUNCTION pg_catalog.upper(csec.encrypted) RETURNS csec.encrypted
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_upper';
CREATE FUNCTION pg_catalog.btrim(csec.encrypted) RETURNS csec.encrypted
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_btrim';
CREATE FUNCTION pg_catalog.ltrim(csec.encrypted) RETURNS csec.encrypted
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_ltrim';
CREATE FUNCTION pg_catalog.rtrim(csec.encrypted) RETURNS csec.encrypted
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_encrypted_rtrim';
COMMENT ON FUNCTION pg_catalog.lower(csec.encrypted) IS 'lowercase, encrypted as the value is';
COMMENT ON FUNCTION pg_catalog.upper(csec.encrypted) IS 'uppercase, encrypted as the value is';
COMMENT ON FUNCTION pg_catalog.btrim(csec.encrypted) IS 'without blanks at both ends, encrypted as the value is';
COMMENT ON FUNCTION pg_catalog.ltrim(csec.encrypted) IS 'without blanks at the left, encrypted as the value is';
COMMENT ON FUNCTION pg_catalog.rtrim(csec.encrypted) IS 'without blanks at the right, encrypted as the value is';

CREATE FUNCTION pg_catalog.pg_column_size(csec.encrypted) RETURNS int4
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_column_size';
COMMENT ON FUNCTION pg_catalog.pg_column_size(csec.encrypted) IS
	'size of what the reader sees: the stored size would tell the length that a mask hides';
