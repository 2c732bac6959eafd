-- Functions over the field type that are more than a cast.

CREATE FUNCTION csec.mask(value text, category text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_mask';
COMMENT ON FUNCTION csec.mask(text, text) IS
	'the category''s mask of a text, whatever the reader may see';

CREATE FUNCTION csec.mask(value csec.masked) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_mask_value';
COMMENT ON FUNCTION csec.mask(csec.masked) IS
	'the mask of a value by its own category, whatever the reader may see';

CREATE FUNCTION csec.category_of(value csec.masked) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_category_of';
COMMENT ON FUNCTION csec.category_of(csec.masked) IS
	'the category that a value carries: its name, its number if no category has it, null if it never got one';

-- In pg_catalog, where they are found whatever the search_path.  They work on
-- the whole value and give a masked one: an index over lower(email) and a
-- look-up by it go on working.  Trimming takes blanks only: characters of the
-- caller's choice would shift what a mask shows.
CREATE FUNCTION pg_catalog.lower(csec.masked) RETURNS csec.masked
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_lower';
CREATE FUNCTION pg_catalog.upper(csec.masked) RETURNS csec.masked
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_upper';
CREATE FUNCTION pg_catalog.btrim(csec.masked) RETURNS csec.masked
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_btrim';
CREATE FUNCTION pg_catalog.ltrim(csec.masked) RETURNS csec.masked
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_ltrim';
CREATE FUNCTION pg_catalog.rtrim(csec.masked) RETURNS csec.masked
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_masked_rtrim';
COMMENT ON FUNCTION pg_catalog.lower(csec.masked) IS 'lowercase, masked as the value is';
COMMENT ON FUNCTION pg_catalog.upper(csec.masked) IS 'uppercase, masked as the value is';
COMMENT ON FUNCTION pg_catalog.btrim(csec.masked) IS 'without blanks at both ends, masked as the value is';
COMMENT ON FUNCTION pg_catalog.ltrim(csec.masked) IS 'without blanks at the left, masked as the value is';
COMMENT ON FUNCTION pg_catalog.rtrim(csec.masked) IS 'without blanks at the right, masked as the value is';

CREATE FUNCTION pg_catalog.pg_column_size(csec.masked) RETURNS int4
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_column_size';
COMMENT ON FUNCTION pg_catalog.pg_column_size(csec.masked) IS
	'size of what the reader sees: the stored size would tell the length that a mask hides';

-- Masks that come back as values.
CREATE FUNCTION csec.keep_masked() RETURNS trigger
	LANGUAGE c VOLATILE
	AS 'MODULE_PATHNAME', 'csec_keep_masked';
-- as csec.record_change(): of partitions
GRANT EXECUTE ON FUNCTION csec.keep_masked() TO PUBLIC;
COMMENT ON FUNCTION csec.keep_masked() IS
	'BEFORE UPDATE row trigger: the mask that the reader was shown keeps the value, any other mask is refused';
