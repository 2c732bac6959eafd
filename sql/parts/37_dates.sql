-- Fields of dates (csec.birth_date): what an application does with a column of
-- dates, it does with them.

CREATE FUNCTION csec.to_date(csec.masked) RETURNS date
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_value_to_date';
CREATE FUNCTION csec.to_date(csec.encrypted) RETURNS date
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_value_to_date';
COMMENT ON FUNCTION csec.to_date(csec.masked) IS 'the date, or null for a reader who sees a mask';
COMMENT ON FUNCTION csec.to_date(csec.encrypted) IS 'the date, or null for a reader who sees a mask';
-- Implicit: < and BETWEEN with dates, extract(), and what adds and subtracts.
-- Where text would do as well PostgreSQL takes text, the preferred type.
CREATE CAST (csec.masked AS date) WITH FUNCTION csec.to_date(csec.masked) AS IMPLICIT;
CREATE CAST (csec.encrypted AS date) WITH FUNCTION csec.to_date(csec.encrypted) AS IMPLICIT;

-- Said only: as of a text, which may have a time behind the day; but a mask is null, and
-- no error.
CREATE FUNCTION csec.to_timestamp(csec.masked) RETURNS timestamp
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	RETURN (SELECT CASE WHEN v.seen NOT LIKE '%*%' THEN v.seen::timestamp END FROM (SELECT csec.to_text($1) OFFSET 0) v (seen));
CREATE FUNCTION csec.to_timestamp(csec.encrypted) RETURNS timestamp
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	RETURN (SELECT CASE WHEN v.seen NOT LIKE '%*%' THEN v.seen::timestamp END FROM (SELECT csec.to_text($1) OFFSET 0) v (seen));
CREATE FUNCTION csec.to_timestamptz(csec.masked) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	RETURN (SELECT CASE WHEN v.seen NOT LIKE '%*%' THEN v.seen::timestamptz END FROM (SELECT csec.to_text($1) OFFSET 0) v (seen));
CREATE FUNCTION csec.to_timestamptz(csec.encrypted) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	RETURN (SELECT CASE WHEN v.seen NOT LIKE '%*%' THEN v.seen::timestamptz END FROM (SELECT csec.to_text($1) OFFSET 0) v (seen));
COMMENT ON FUNCTION csec.to_timestamp(csec.masked) IS 'the time that the text says, of a date its beginning; null for a reader who sees a mask';
COMMENT ON FUNCTION csec.to_timestamp(csec.encrypted) IS 'the time that the text says, of a date its beginning; null for a reader who sees a mask';
COMMENT ON FUNCTION csec.to_timestamptz(csec.masked) IS 'the time that the text says, of a date its beginning; null for a reader who sees a mask';
COMMENT ON FUNCTION csec.to_timestamptz(csec.encrypted) IS 'the time that the text says, of a date its beginning; null for a reader who sees a mask';
CREATE CAST (csec.masked AS timestamp) WITH FUNCTION csec.to_timestamp(csec.masked);
CREATE CAST (csec.encrypted AS timestamp) WITH FUNCTION csec.to_timestamp(csec.encrypted);
CREATE CAST (csec.masked AS timestamptz) WITH FUNCTION csec.to_timestamptz(csec.masked);
CREATE CAST (csec.encrypted AS timestamptz) WITH FUNCTION csec.to_timestamptz(csec.encrypted);

-- What a driver sends with a time, of a date that it has as one.
CREATE FUNCTION csec.masked(timestamp, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_timestamp';
COMMENT ON FUNCTION csec.masked(timestamp, int4, bool) IS 'makes a value of a time: in a field of dates, of its day';
CREATE CAST (timestamp AS csec.masked) WITH FUNCTION csec.masked(timestamp, int4, bool) AS ASSIGNMENT;
CREATE FUNCTION csec.masked(timestamptz, int4, bool) RETURNS csec.masked
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_masked_from_timestamptz';
COMMENT ON FUNCTION csec.masked(timestamptz, int4, bool) IS 'makes a value of a time: in a field of dates, of its day';
CREATE CAST (timestamptz AS csec.masked) WITH FUNCTION csec.masked(timestamptz, int4, bool) AS ASSIGNMENT;
CREATE FUNCTION csec.encrypted(timestamp, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_timestamp';
COMMENT ON FUNCTION csec.encrypted(timestamp, int4, bool) IS 'makes a value of a time: in a field of dates, of its day';
CREATE CAST (timestamp AS csec.encrypted) WITH FUNCTION csec.encrypted(timestamp, int4, bool) AS ASSIGNMENT;
CREATE FUNCTION csec.encrypted(timestamptz, int4, bool) RETURNS csec.encrypted
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_encrypted_from_timestamptz';
COMMENT ON FUNCTION csec.encrypted(timestamptz, int4, bool) IS 'makes a value of a time: in a field of dates, of its day';
CREATE CAST (timestamptz AS csec.encrypted) WITH FUNCTION csec.encrypted(timestamptz, int4, bool) AS ASSIGNMENT;

CREATE FUNCTION csec.date_text(date) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'csec_text_of_date';
COMMENT ON FUNCTION csec.date_text(date) IS 'a date as fields hold it: yyyy-mm-dd';

-- Equality works on the value, for every reader.  These are inlined: what is
-- planned is the comparison with a text, which uses indexes and counts tries.
CREATE FUNCTION csec.date_eq(csec.masked, date) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $1 OPERATOR(pg_catalog.=) csec.date_text($2);
CREATE FUNCTION csec.date_eq(date, csec.masked) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN csec.date_text($1) OPERATOR(pg_catalog.=) $2;
CREATE FUNCTION csec.date_ne(csec.masked, date) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $1 OPERATOR(pg_catalog.<>) csec.date_text($2);
CREATE FUNCTION csec.date_ne(date, csec.masked) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN csec.date_text($1) OPERATOR(pg_catalog.<>) $2;
CREATE FUNCTION csec.date_eq(csec.encrypted, date) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $1 OPERATOR(pg_catalog.=) csec.date_text($2);
CREATE FUNCTION csec.date_eq(date, csec.encrypted) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN csec.date_text($1) OPERATOR(pg_catalog.=) $2;
CREATE FUNCTION csec.date_ne(csec.encrypted, date) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $1 OPERATOR(pg_catalog.<>) csec.date_text($2);
CREATE FUNCTION csec.date_ne(date, csec.encrypted) RETURNS bool
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN csec.date_text($1) OPERATOR(pg_catalog.<>) $2;
COMMENT ON FUNCTION csec.date_eq(csec.masked, date) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.date_eq(date, csec.masked) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.date_ne(csec.masked, date) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.date_ne(date, csec.masked) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.date_eq(csec.encrypted, date) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.date_eq(date, csec.encrypted) IS 'implementation of operator =';
COMMENT ON FUNCTION csec.date_ne(csec.encrypted, date) IS 'implementation of operator <>';
COMMENT ON FUNCTION csec.date_ne(date, csec.encrypted) IS 'implementation of operator <>';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.date_eq, LEFTARG = csec.masked, RIGHTARG = date,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.date_ne, LEFTARG = csec.masked, RIGHTARG = date,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.date_eq, LEFTARG = date, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.date_ne, LEFTARG = date, RIGHTARG = csec.masked,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.date_eq, LEFTARG = csec.encrypted, RIGHTARG = date,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.date_ne, LEFTARG = csec.encrypted, RIGHTARG = date,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.= (
	FUNCTION = csec.date_eq, LEFTARG = date, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = csec.date_ne, LEFTARG = date, RIGHTARG = csec.encrypted,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (csec.masked, date) IS 'the same day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.<> (csec.masked, date) IS 'another day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.= (date, csec.masked) IS 'the same day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.<> (date, csec.masked) IS 'another day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.= (csec.encrypted, date) IS 'the same day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.<> (csec.encrypted, date) IS 'another day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.= (date, csec.encrypted) IS 'the same day, whatever the reader sees of it';
COMMENT ON OPERATOR pg_catalog.<> (date, csec.encrypted) IS 'another day, whatever the reader sees of it';

-- Functions of timestamps, which take a date by a cast of PostgreSQL's, and two
-- casts in a row it does not make.
CREATE FUNCTION pg_catalog.date_trunc(text, csec.masked) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.date_trunc($1, csec.to_date($2));
CREATE FUNCTION pg_catalog.date_trunc(text, csec.encrypted) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.date_trunc($1, csec.to_date($2));
CREATE FUNCTION pg_catalog.date_part(text, csec.masked) RETURNS float8
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.date_part($1, csec.to_date($2));
CREATE FUNCTION pg_catalog.date_part(text, csec.encrypted) RETURNS float8
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.date_part($1, csec.to_date($2));
CREATE FUNCTION pg_catalog.to_char(csec.masked, text) RETURNS text
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.to_char(csec.to_date($1), $2);
CREATE FUNCTION pg_catalog.to_char(csec.encrypted, text) RETURNS text
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.to_char(csec.to_date($1), $2);
CREATE FUNCTION pg_catalog.age(csec.masked) RETURNS interval
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.age(csec.to_date($1));
CREATE FUNCTION pg_catalog.age(csec.encrypted) RETURNS interval
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.age(csec.to_date($1));
CREATE FUNCTION pg_catalog.age(timestamptz, csec.masked) RETURNS interval
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.age($1, csec.to_date($2));
CREATE FUNCTION pg_catalog.age(timestamptz, csec.encrypted) RETURNS interval
	LANGUAGE sql STABLE PARALLEL RESTRICTED RETURN pg_catalog.age($1, csec.to_date($2));
COMMENT ON FUNCTION pg_catalog.date_trunc(text, csec.masked) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.date_trunc(text, csec.encrypted) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.date_part(text, csec.masked) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.date_part(text, csec.encrypted) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.to_char(csec.masked, text) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.to_char(csec.encrypted, text) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.age(csec.masked) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.age(csec.encrypted) IS 'of the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.age(timestamptz, csec.masked) IS 'since the date that the reader sees, or null';
COMMENT ON FUNCTION pg_catalog.age(timestamptz, csec.encrypted) IS 'since the date that the reader sees, or null';
