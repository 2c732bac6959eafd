-- Equality, order and hash of csec.encrypted: by search tags.  Equality is in
-- pg_catalog and LEAKPROOF as it is for csec.encrypted (32_operators.sql).

CREATE FUNCTION csec.encrypted_eq(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_eq';
CREATE FUNCTION csec.encrypted_ne(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_ne';
CREATE FUNCTION csec.encrypted_eq(csec.encrypted, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_eq_text';
CREATE FUNCTION csec.encrypted_ne(csec.encrypted, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_ne_text';
CREATE FUNCTION csec.encrypted_eq(text, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_eq_encrypted';
CREATE FUNCTION csec.encrypted_ne(text, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_ne_encrypted';
COMMENT ON FUNCTION csec.encrypted_eq(csec.encrypted, csec.encrypted) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.encrypted_ne(csec.encrypted, csec.encrypted) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.encrypted_eq(csec.encrypted, text) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.encrypted_ne(csec.encrypted, text) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.encrypted_eq(text, csec.encrypted) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.encrypted_ne(text, csec.encrypted) IS 'implementation of operator <>';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.encrypted_eq, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.encrypted_ne, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.encrypted, csec.encrypted) IS 'equal search forms, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (csec.encrypted, csec.encrypted) IS 'different search forms, whatever the reader sees of them';

-- With text: not MERGES, as text has no order of its own in this family.
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.encrypted_eq, LEFTARG = csec.encrypted, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.encrypted_ne, LEFTARG = csec.encrypted, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.encrypted_eq, LEFTARG = text, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.encrypted_ne, LEFTARG = text, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.encrypted, text) IS 'equal search forms, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (csec.encrypted, text) IS 'different search forms, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.= (text, csec.encrypted) IS 'equal search forms, whatever the reader sees of them';
COMMENT ON OPERATOR pg_catalog.<> (text, csec.encrypted) IS 'different search forms, whatever the reader sees of them';

-- Order is for indexes and sorts.  In csec, so that what a user writes as <
-- falls to text and means what he sees.
CREATE FUNCTION csec.encrypted_lt(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_lt';
CREATE FUNCTION csec.encrypted_le(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_le';
CREATE FUNCTION csec.encrypted_gt(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_gt';
CREATE FUNCTION csec.encrypted_ge(csec.encrypted, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_ge';
COMMENT ON FUNCTION csec.encrypted_lt(csec.encrypted, csec.encrypted) IS 'implementation of operator csec.<';
COMMENT ON FUNCTION csec.encrypted_le(csec.encrypted, csec.encrypted) IS 'implementation of operator csec.<=';
COMMENT ON FUNCTION csec.encrypted_gt(csec.encrypted, csec.encrypted) IS 'implementation of operator csec.>';
COMMENT ON FUNCTION csec.encrypted_ge(csec.encrypted, csec.encrypted) IS 'implementation of operator csec.>=';

CREATE OPERATOR csec.< (
	FUNCTION = csec.encrypted_lt, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(csec.>), NEGATOR = OPERATOR(csec.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR csec.<= (
	FUNCTION = csec.encrypted_le, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(csec.>=), NEGATOR = OPERATOR(csec.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR csec.> (
	FUNCTION = csec.encrypted_gt, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(csec.<), NEGATOR = OPERATOR(csec.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR csec.>= (
	FUNCTION = csec.encrypted_ge, LEFTARG = csec.encrypted, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(csec.<=), NEGATOR = OPERATOR(csec.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR csec.< (csec.encrypted, csec.encrypted) IS 'before in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.<= (csec.encrypted, csec.encrypted) IS 'not after in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.> (csec.encrypted, csec.encrypted) IS 'after in the keyed order, which tells nothing';
COMMENT ON OPERATOR csec.>= (csec.encrypted, csec.encrypted) IS 'not before in the keyed order, which tells nothing';

-- Support functions.  Not for PUBLIC, and they refuse to be called by name.
CREATE FUNCTION csec.encrypted_cmp(csec.encrypted, csec.encrypted) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_cmp';
CREATE FUNCTION csec.encrypted_cmp(csec.encrypted, text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_cmp_text';
CREATE FUNCTION csec.encrypted_cmp(text, csec.encrypted) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_cmp_encrypted';
CREATE FUNCTION csec.encrypted_cmp(text, text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_tag_cmp_text';
CREATE FUNCTION csec.encrypted_sortsupport(internal) RETURNS void
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_sortsupport';
CREATE FUNCTION csec.encrypted_hash(csec.encrypted) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_hash';
CREATE FUNCTION csec.encrypted_hash(csec.encrypted, int8) RETURNS int8
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_hash_extended';
CREATE FUNCTION csec.encrypted_hash(text) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_tag_hash';
CREATE FUNCTION csec.encrypted_hash(text, int8) RETURNS int8
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_text_tag_hash_extended';
REVOKE ALL ON FUNCTION csec.encrypted_cmp(csec.encrypted, csec.encrypted) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_cmp(csec.encrypted, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_cmp(text, csec.encrypted) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_cmp(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_sortsupport(internal) FROM PUBLIC;
-- masked_hash(csec.encrypted) is left to PUBLIC: the executor asks for the
-- privilege where it hashes an IN list of nine values or more.
REVOKE ALL ON FUNCTION csec.encrypted_hash(csec.encrypted, int8) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_hash(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION csec.encrypted_hash(text, int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.encrypted_cmp(csec.encrypted, csec.encrypted) IS 'btree support';
COMMENT ON FUNCTION csec.encrypted_cmp(csec.encrypted, text) IS 'btree support';
COMMENT ON FUNCTION csec.encrypted_cmp(text, csec.encrypted) IS 'btree support';
COMMENT ON FUNCTION csec.encrypted_cmp(text, text) IS 'btree support';
COMMENT ON FUNCTION csec.encrypted_sortsupport(internal) IS 'btree support';
COMMENT ON FUNCTION csec.encrypted_hash(csec.encrypted) IS 'hash support';
COMMENT ON FUNCTION csec.encrypted_hash(csec.encrypted, int8) IS 'hash support';
COMMENT ON FUNCTION csec.encrypted_hash(text) IS 'hash support';
COMMENT ON FUNCTION csec.encrypted_hash(text, int8) IS 'hash support';

-- Not "equal image": equal texts may carry different categories.
CREATE OPERATOR FAMILY csec.encrypted_ops USING btree;
CREATE OPERATOR CLASS csec.encrypted_ops DEFAULT FOR TYPE csec.encrypted USING btree FAMILY csec.encrypted_ops AS
	OPERATOR 1 csec.<,
	OPERATOR 2 csec.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 csec.>=,
	OPERATOR 5 csec.>,
	FUNCTION 1 csec.encrypted_cmp(csec.encrypted, csec.encrypted),
	FUNCTION 2 csec.encrypted_sortsupport(internal);
ALTER OPERATOR FAMILY csec.encrypted_ops USING btree ADD
	OPERATOR 3 pg_catalog.= (csec.encrypted, text),
	OPERATOR 3 pg_catalog.= (text, csec.encrypted),
	FUNCTION 1 (csec.encrypted, text) csec.encrypted_cmp(csec.encrypted, text),
	FUNCTION 1 (text, csec.encrypted) csec.encrypted_cmp(text, csec.encrypted),
	FUNCTION 1 (text, text) csec.encrypted_cmp(text, text);

-- What id_no IN (SELECT a text) makes the texts distinct by.  An operator of
-- its own: the common one, put into this family, would be hashed by its key.
CREATE FUNCTION csec.text_tag_eq(text, text) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE SUPPORT csec.of_planner_alone AS 'MODULE_PATHNAME', 'csec_text_tag_eq_text';
COMMENT ON FUNCTION csec.text_tag_eq(text, text) IS 'implementation of operator csec.===';
CREATE OPERATOR csec.=== (
	FUNCTION = csec.text_tag_eq, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(csec.===), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR csec.=== (text, text) IS 'the same search form';

CREATE OPERATOR FAMILY csec.encrypted_ops USING hash;
CREATE OPERATOR CLASS csec.encrypted_ops DEFAULT FOR TYPE csec.encrypted USING hash FAMILY csec.encrypted_ops AS
	OPERATOR 1 pg_catalog.=,
	FUNCTION 1 csec.encrypted_hash(csec.encrypted),
	FUNCTION 2 csec.encrypted_hash(csec.encrypted, int8);
ALTER OPERATOR FAMILY csec.encrypted_ops USING hash ADD
	OPERATOR 1 pg_catalog.= (csec.encrypted, text),
	OPERATOR 1 pg_catalog.= (text, csec.encrypted),
	OPERATOR 1 csec.=== (text, text),
	FUNCTION 1 (text, text) csec.encrypted_hash(text),
	FUNCTION 2 (text, text) csec.encrypted_hash(text, int8);

-- With csec.masked: neither HASHES nor MERGES, as that type's hash and order
-- are of its exact text.  An index over the encrypted column serves.
CREATE FUNCTION csec.encrypted_cmp(csec.encrypted, csec.masked) RETURNS int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_cmp_masked';
REVOKE ALL ON FUNCTION csec.encrypted_cmp(csec.encrypted, csec.masked) FROM PUBLIC;
COMMENT ON FUNCTION csec.encrypted_cmp(csec.encrypted, csec.masked) IS 'btree support';
CREATE FUNCTION csec.encrypted_eq(csec.encrypted, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_eq_masked';
COMMENT ON FUNCTION csec.encrypted_eq(csec.encrypted, csec.masked) IS 'implementation of operator =';
CREATE FUNCTION csec.encrypted_ne(csec.encrypted, csec.masked) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_encrypted_ne_masked';
COMMENT ON FUNCTION csec.encrypted_ne(csec.encrypted, csec.masked) IS 'implementation of operator <>';
CREATE FUNCTION csec.encrypted_eq(csec.masked, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_eq_encrypted';
COMMENT ON FUNCTION csec.encrypted_eq(csec.masked, csec.encrypted) IS 'implementation of operator =';
CREATE FUNCTION csec.encrypted_ne(csec.masked, csec.encrypted) RETURNS bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'csec_masked_ne_encrypted';
COMMENT ON FUNCTION csec.encrypted_ne(csec.masked, csec.encrypted) IS 'implementation of operator <>';
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.encrypted_eq, LEFTARG = csec.encrypted, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.encrypted, csec.masked) IS 'equal search forms, whatever the reader sees of them';
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.encrypted_ne, LEFTARG = csec.encrypted, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (csec.encrypted, csec.masked) IS 'different search forms, whatever the reader sees of them';
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.encrypted_eq, LEFTARG = csec.masked, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.masked, csec.encrypted) IS 'equal search forms, whatever the reader sees of them';
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.encrypted_ne, LEFTARG = csec.masked, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (csec.masked, csec.encrypted) IS 'different search forms, whatever the reader sees of them';
ALTER OPERATOR FAMILY csec.encrypted_ops USING btree ADD
	OPERATOR 3 pg_catalog.= (csec.encrypted, csec.masked),
	FUNCTION 1 (csec.encrypted, csec.masked) csec.encrypted_cmp(csec.encrypted, csec.masked);
COMMENT ON OPERATOR FAMILY csec.encrypted_ops USING btree IS 'equality of the search forms, and an order that tells nothing of them';
COMMENT ON OPERATOR CLASS csec.encrypted_ops USING btree IS 'equality of the search forms, and an order that tells nothing of them';
COMMENT ON OPERATOR FAMILY csec.encrypted_ops USING hash IS 'equality of the search forms';
COMMENT ON OPERATOR CLASS csec.encrypted_ops USING hash IS 'equality of the search forms';
