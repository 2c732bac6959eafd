-- What the tests of the trail share: a protected table, and what the trail says
-- since the last look.  Read in with
--
--	\getenv source PG_ABS_SRCDIR
--	\set trail :source '/lib/trail.sql'
--	\i :trail

-- the trail's tables are not there yet
SET check_function_bodies = off;
CREATE SCHEMA trail;
CREATE TABLE trail.told (seq int8 NOT NULL);
INSERT INTO trail.told VALUES (0);
GRANT USAGE ON SCHEMA trail TO PUBLIC;

-- A table of customers, in clear for whoever is cleared for "important".
CREATE FUNCTION trail.make_cust(customers int) RETURNS void
	LANGUAGE plpgsql
	SET csec.probe_limit = 1000000
	SET csec.probe_quota = 1000000
	AS $$
BEGIN
	CREATE TABLE public.cust (id int8 PRIMARY KEY, phone csec.phone, bal int);
	INSERT INTO public.cust SELECT i, '138' || lpad(i::text, 8, '0'), i FROM generate_series(1, customers) i;
	PERFORM csec.protect('public.cust', 'id', '{"phone": "phone"}');
END
$$;

-- Numbers as ranges, other keys as they are; what is about all rows is "all".
CREATE FUNCTION trail.subjects(record bytea) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	keys text[] := ARRAY(SELECT DISTINCT s FROM csec.record_subjects(record) s);
BEGIN
	IF array_position(keys, NULL) IS NOT NULL THEN
		RETURN 'all';
	ELSIF keys = '{}' THEN
		RETURN 'none';
	ELSIF EXISTS (SELECT FROM unnest(keys) k WHERE k !~ '^-?[0-9]{1,18}$') THEN
		RETURN (SELECT string_agg(k, '|' ORDER BY k COLLATE "C") FROM unnest(keys) k);
	END IF;
	RETURN (SELECT string_agg(CASE WHEN upper(r) - 1 = lower(r) THEN lower(r)::text ELSE lower(r) || '-' || upper(r) - 1 END, ',' ORDER BY r)
		FROM (SELECT unnest(range_agg(int8range(k::int8, k::int8, '[]'))) AS r FROM unnest(keys) k) ranges);
END
$$;

CREATE FUNCTION trail.columns(name text, columns text[]) RETURNS text
	LANGUAGE sql AS $$
		SELECT ' ' || name || '=' || (SELECT string_agg(c, ',' ORDER BY c) FROM unnest(columns) c) WHERE cardinality(columns) > 0
	$$;

-- Where the two differ.
CREATE FUNCTION trail.person(reader text, effective text) RETURNS text
	LANGUAGE sql AS $$ SELECT reader || CASE WHEN effective <> reader THEN ' as ' || effective ELSE '' END $$;

CREATE FUNCTION trail.read_line(record bytea) RETURNS text
	LANGUAGE sql AS $$
		SELECT concat('read by ', trail.person(f.reader, f.effective_role), ': ', f.statement, ' ', f.relation, ', ', f.rows, ' rows, ',
			trail.subjects(record), ' ', f.exactness,
			trail.columns('clear', f.revealed), trail.columns('masked', f.masked),
			trail.columns('redacted', f.redacted), trail.columns('other', f.other),
			CASE WHEN f.status <> 'ok' THEN ', ' || f.status END, CASE WHEN f.was_strict THEN ', strict' END,
			CASE WHEN f.partial THEN ', more' END, CASE WHEN f.parallel THEN ', worker' END)
		FROM csec.record_fields(record) f
	$$;

CREATE FUNCTION trail.outcome(record bytea) RETURNS text
	LANGUAGE sql AS $$
		SELECT coalesce((SELECT o.told FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) o
				WHERE l.kind = 4 AND o.xid = f.xid AND l.seq > f.seq ORDER BY l.seq LIMIT 1), f.outcome)
		FROM csec.record_fields(record) f
	$$;

CREATE FUNCTION trail.change_lines(record bytea) RETURNS SETOF text
	LANGUAGE sql AS $$
		SELECT concat('change by ', trail.person(f.reader, f.effective_role), ': ', f.statement, ' ', f.relation, ' ', coalesce(c.subject, trail.subjects(record)),
			string_agg(concat(' ', c.column_name, CASE WHEN c.op <> 'I' THEN ' ' || coalesce(c.old_value, 'digest of ' || c.old_length, 'null') END,
				CASE WHEN c.op <> 'D' THEN ' -> ' || coalesce(c.new_value, 'digest of ' || c.new_length, 'null') END), ',' ORDER BY c.column_name)
				FILTER (WHERE c.column_name IS NOT NULL),
			CASE WHEN f.status = 'error' THEN concat(' failed', ' after ' || f.rows || ' rows', ' with ' || (f.detail::jsonb ->> 'sqlstate')) END,
			', ', trail.outcome(record))
		FROM csec.record_fields(record) f LEFT JOIN csec.record_changes(record) c ON true
		GROUP BY f.reader, f.effective_role, f.statement, f.relation, f.status, f.rows, f.detail, c.row_no, c.subject ORDER BY c.row_no
	$$;

CREATE FUNCTION trail.other_line(record bytea) RETURNS text
	LANGUAGE sql AS $$
		SELECT concat(f.kind, ' ', f.action, ' ' || f.object, CASE WHEN f.kind IN ('server', 'rejected') THEN ' ' || f.detail END,
			CASE WHEN f.kind = 'control' THEN ', ' || trail.outcome(record) END)
		FROM csec.record_fields(record) f
	$$;

-- Since the last look, in the trail's order, but for what was read of the
-- trail itself and what the sealer says of how it is.
CREATE FUNCTION trail.news() RETURNS SETOF text
	LANGUAGE plpgsql AS $$
DECLARE
	since int8 := (SELECT seq FROM trail.told);
BEGIN
	PERFORM csec.flush_audit();
	UPDATE trail.told SET seq = (SELECT max(l.seq) FROM csec_trail.audit_log l);
	RETURN QUERY
		SELECT n.line
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			CROSS JOIN LATERAL (
				SELECT trail.read_line(l.record) AS line WHERE l.kind = 2 AND f.relation NOT LIKE 'csec\_trail.%'
				UNION ALL SELECT trail.change_lines(l.record) WHERE l.kind = 3
				UNION ALL SELECT trail.other_line(l.record) WHERE l.kind > 4 AND f.action IS DISTINCT FROM 'start') n
		WHERE l.seq > since ORDER BY l.seq;
END
$$;

-- What was read and changed since the last look.
CREATE FUNCTION trail.seen() RETURNS SETOF text
	LANGUAGE sql AS $$ SELECT n FROM trail.news() n WHERE n ~ '^(read|change) ' $$;

-- Forget what has been recorded until now.
CREATE FUNCTION trail.mute() RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.flush_audit();
	UPDATE trail.told SET seq = (SELECT max(l.seq) FROM csec_trail.audit_log l);
END
$$;

RESET check_function_bodies;
