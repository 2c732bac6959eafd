-- Equality in pg_catalog, where every search_path finds it: were it in csec,
-- phone = '138...' would become a comparison of texts, that is of masks.
-- LEAKPROOF: why that is true is said in masked_compare.c.

CREATE FUNCTION csec.masked_eq(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_eq';
CREATE FUNCTION csec.masked_ne(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_ne';
CREATE FUNCTION csec.masked_eq(csec.masked, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_eq_text';
CREATE FUNCTION csec.masked_ne(csec.masked, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_ne_text';
CREATE FUNCTION csec.masked_eq(text, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_eq_masked';
CREATE FUNCTION csec.masked_ne(text, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_ne_masked';
COMMENT ON FUNCTION csec.masked_eq(csec.masked, csec.masked) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.masked_ne(csec.masked, csec.masked) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.masked_eq(csec.masked, text) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.masked_ne(csec.masked, text) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.masked_eq(text, csec.masked) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.masked_ne(text, csec.masked) IS 'implementation of operator <>';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.masked_eq, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.masked_ne, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.masked, csec.masked) IS 'equal texts, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (csec.masked, csec.masked) IS 'different texts, whatever the reader sees of them';

-- With text: not MERGES, as text has no order of its own in this family.
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.masked_eq, LEFTARG = csec.masked, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.masked_ne, LEFTARG = csec.masked, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.masked_eq, LEFTARG = text, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.masked_ne, LEFTARG = text, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.masked, text) IS 'equal texts, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (csec.masked, text) IS 'different texts, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.= (text, csec.masked) IS 'equal texts, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (text, csec.masked) IS 'different texts, whatever the reader sees of them';

-- Order is for indexes and sorts.  In csec, so that what a user writes as <
-- falls to text and means what he sees.
CREATE FUNCTION csec.masked_lt(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_lt';
CREATE FUNCTION csec.masked_le(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_le';
CREATE FUNCTION csec.masked_gt(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_gt';
CREATE FUNCTION csec.masked_ge(csec.masked, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_ge';
COMMENT ON FUNCTION csec.masked_lt(csec.masked, csec.masked) IS 'implementation of operator csec.<';
COMMENT ON FUNCTION csec.masked_le(csec.masked, csec.masked) IS 'implementation of operator csec.<=';
COMMENT ON FUNCTION csec.masked_gt(csec.masked, csec.masked) IS 'implementation of operator csec.>';
COMMENT ON FUNCTION csec.masked_ge(csec.masked, csec.masked) IS 'implementation of operator csec.>=';

CREATE OPERATOR csec.< (
	FUNCTION = csec.masked_lt, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(csec.>), NEGATOR = OPERATOR(csec.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR csec.<= (
	FUNCTION = csec.masked_le, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(csec.>=), NEGATOR = OPERATOR(csec.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR csec.> (
	FUNCTION = csec.masked_gt, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(csec.<), NEGATOR = OPERATOR(csec.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR csec.>= (
	FUNCTION = csec.masked_ge, LEFTARG = csec.masked, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(csec.<=), NEGATOR = OPERATOR(csec.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR csec.< (csec.masked, csec.masked) IS 'before in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.<= (csec.masked, csec.masked) IS 'not after in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.> (csec.masked, csec.masked) IS 'after in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.>= (csec.masked, csec.masked) IS 'not before in the keyed order, which tells nothing';

-- Support functions.  Not for PUBLIC, and they refuse to be called by name.
CREATE FUNCTION csec.masked_cmp(csec.masked, csec.masked) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_cmp';
CREATE FUNCTION csec.masked_cmp(csec.masked, text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_cmp_text';
CREATE FUNCTION csec.masked_cmp(text, csec.masked) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_cmp_masked';
CREATE FUNCTION csec.masked_cmp(text, text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_cmp_text';
CREATE FUNCTION csec.masked_sortsupport(internal) RETURNS void
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_sortsupport';
CREATE FUNCTION csec.masked_hash(csec.masked) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_hash';
CREATE FUNCTION csec.masked_hash(csec.masked, int8) RETURNS int8
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_hash_extended';
CREATE FUNCTION csec.masked_hash(text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_hash';
CREATE FUNCTION csec.masked_hash(text, int8) RETURNS int8
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_hash_extended';
REVOKE ALL ON FUNCTION csec.masked_cmp(csec.masked, csec.masked) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_cmp(csec.masked, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_cmp(text, csec.masked) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_cmp(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_sortsupport(internal) FROM PUBLIC;
-- masked_hash(csec.masked) is left to PUBLIC: the executor asks for the
-- privilege where it hashes an IN list of nine values or more.
REVOKE ALL ON FUNCTION csec.masked_hash(csec.masked, int8) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_hash(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.masked_hash(text, int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.masked_cmp(csec.masked, csec.masked) IS 'btree support';
COMMENT ON FUNCTION csec.masked_cmp(csec.masked, text) IS 'btree support';
COMMENT ON FUNCTION csec.masked_cmp(text, csec.masked) IS 'btree support';
COMMENT ON FUNCTION csec.masked_cmp(text, text) IS 'btree support';
COMMENT ON FUNCTION csec.masked_sortsupport(internal) IS 'btree support';
COMMENT ON FUNCTION csec.masked_hash(csec.masked) IS 'hash support';
COMMENT ON FUNCTION csec.masked_hash(csec.masked, int8) IS 'hash support';
COMMENT ON FUNCTION csec.masked_hash(text) IS 'hash support';
COMMENT ON FUNCTION csec.masked_hash(text, int8) IS 'hash support';

-- Not "equal image": equal texts may carry different categories.
CREATE OPERATOR FAMILY csec.masked_ops USING btree;
CREATE OPERATOR CLASS csec.masked_ops DEFAULT FOR TYPE csec.masked USING btree FAMILY csec.masked_ops AS
	OPERATOR 1 csec.<,
	OPERATOR 2 csec.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 csec.>=,
	OPERATOR 5 csec.>,
	FUNCTION 1 csec.masked_cmp(csec.masked, csec.masked),
	FUNCTION 2 csec.masked_sortsupport(internal);
ALTER OPERATOR FAMILY csec.masked_ops USING btree ADD
	OPERATOR 3 pg_catalog.= (csec.masked, text),
	OPERATOR 3 pg_catalog.= (text, csec.masked),
	FUNCTION 1 (csec.masked, text) csec.masked_cmp(csec.masked, text),
	FUNCTION 1 (text, csec.masked) csec.masked_cmp(text, csec.masked),
	FUNCTION 1 (text, text) csec.masked_cmp(text, text);

-- Refuses a function in a statement that somebody has written, and not in a plan that PostgreSQL puts it into.
CREATE FUNCTION csec.of_planner_alone(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'csec_of_planner_alone';
REVOKE ALL ON FUNCTION csec.of_planner_alone(internal) FROM PUBLIC;
COMMENT ON FUNCTION csec.of_planner_alone(internal) IS 'planner support of csec.== and csec.===';
-- What phone IN (SELECT a text) makes the texts distinct by.  An operator of
-- its own: the common one, put into this family, would be hashed by its key.
CREATE FUNCTION csec.text_eq(text, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE SUPPORT csec.of_planner_alone AS 'MODULE_PATHNAME', 'csec_text_eq_text';
COMMENT ON FUNCTION csec.text_eq(text, text) IS 'implementation of operator csec.==';
CREATE OPERATOR csec.== (
	FUNCTION = csec.text_eq, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(csec.==), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR csec.== (text, text) IS 'the same bytes, whatever the collation';

CREATE OPERATOR FAMILY csec.masked_ops USING hash;
CREATE OPERATOR CLASS csec.masked_ops DEFAULT FOR TYPE csec.masked USING hash FAMILY csec.masked_ops AS
	OPERATOR 1 pg_catalog.=,
	FUNCTION 1 csec.masked_hash(csec.masked),
	FUNCTION 2 csec.masked_hash(csec.masked, int8);
ALTER OPERATOR FAMILY csec.masked_ops USING hash ADD
	OPERATOR 1 pg_catalog.= (csec.masked, text),
	OPERATOR 1 pg_catalog.= (text, csec.masked),
	OPERATOR 1 csec.== (text, text),
	FUNCTION 1 (text, text) csec.masked_hash(text),
	FUNCTION 2 (text, text) csec.masked_hash(text, int8);
COMMENT ON OPERATOR FAMILY csec.masked_ops USING btree IS 'equality of the values, and an order that tells nothing of them';
COMMENT ON OPERATOR CLASS csec.masked_ops USING btree IS 'equality of the values, and an order that tells nothing of them';
COMMENT ON OPERATOR FAMILY csec.masked_ops USING hash IS 'equality of the values';
COMMENT ON OPERATOR CLASS csec.masked_ops USING hash IS 'equality of the values';
