-- The customer's security record: its parts, as rows and as JSON.
--
-- What is read here is read by the executor in the session of who asks, so
-- masks are his, and the read is on record as one of that customer.

-- The rows of a table about a customer.  A clearance is no privilege to read:
-- without one of SELECT the reader gets masks of fields, whatever his
-- clearance, and nothing of other columns.
CREATE FUNCTION csec.customer_rows(tab regclass, subject text, newest_by name DEFAULT NULL, most int DEFAULT 1000)
	RETURNS TABLE (row_no int8, attnum int2, field text, category text, shown text, value text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' AS $$
DECLARE
	key name[];
	parts text[];
	sees jsonb := (SELECT jsonb_object_agg(w.category, w.shown) FROM csec.why_masked() w);
	condition text;
	columns text;
	attnums int2[];
	fields text[];
	categories text[];
	hows text[];
	contents text[];
	ordering text := '';
BEGIN
	SELECT t.subject INTO key FROM csec.protected_table t WHERE t.relid = tab;
	parts := CASE WHEN cardinality(key) = 1 THEN ARRAY[subject] ELSE csec.subject_parts(subject) END;
	IF key IS NULL OR cardinality(key) = 0 OR cardinality(parts) <> cardinality(key) THEN
		RETURN;
	END IF;
	-- No cast to text and none to a type or domain of a user's: those may be
	-- functions of his, and would run with the rights of this one's owner.
	SELECT string_agg(CASE WHEN y.typnamespace IN ('pg_catalog'::regnamespace, 'csec'::regnamespace)
			THEN format('t.%I = ($1[%s])::%s', a.attname, k.n, y.oid::regtype)
			ELSE format('format(''%%s'', t.%I) = $1[%s]', a.attname, k.n) END, ' AND ' ORDER BY k.n) INTO condition
		FROM unnest(key) WITH ORDINALITY k (name, n) JOIN pg_attribute a ON a.attrelid = tab AND a.attname = k.name
			JOIN pg_type y ON y.oid = csec.base_type(a.atttypid);
	SELECT string_agg(c.expression, ', ' ORDER BY c.attnum), array_agg(c.attnum ORDER BY c.attnum), array_agg(c.attname::text ORDER BY c.attnum),
			array_agg(c.category ORDER BY c.attnum), array_agg(c.how ORDER BY c.attnum)
		INTO columns, attnums, fields, categories, hows
		FROM (SELECT a.attnum, a.attname, k.category, s.how,
				CASE WHEN k.category IS NOT NULL AND NOT k.typed AND s.how = 'mask' THEN format('csec.mask(format(''%%s'', t.%I), %L)', a.attname, k.category)
					WHEN k.category IS NOT NULL AND NOT r.may THEN format('csec.mask(t.%I)', a.attname)
					WHEN s.how = 'withheld' THEN 'NULL::text'
					ELSE format('CASE WHEN t.%1$I IS NOT NULL THEN format(''%%s'', t.%1$I) END', a.attname) END AS expression
			FROM pg_attribute a
				CROSS JOIN LATERAL (SELECT csec.column_category(tab, a.attname) IS NOT NULL AS typed,
					coalesce(csec.column_category(tab, a.attname), (SELECT f.category FROM csec.protected_field f WHERE f.relid = tab AND f.attname = a.attname)) AS category) k
				CROSS JOIN LATERAL (SELECT has_column_privilege(csec.reader(), tab, a.attnum, 'SELECT') AS may) r
				CROSS JOIN LATERAL (SELECT CASE WHEN k.category IS NULL THEN CASE WHEN r.may THEN 'plain' ELSE 'withheld' END
					WHEN NOT k.typed THEN CASE WHEN r.may THEN 'reveal' ELSE 'mask' END
					WHEN r.may THEN coalesce(sees ->> k.category, 'redact') ELSE 'mask' END AS how) s
			WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped) c;
	IF newest_by IS NOT NULL AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tab AND a.attname = newest_by AND NOT a.attisdropped) THEN
		ordering := format('ORDER BY t.%I DESC NULLS LAST', newest_by);
	END IF;
	row_no := 0;
	FOR contents IN EXECUTE format('SELECT ARRAY[%s]::text[] FROM %s t WHERE %s %s LIMIT %s', columns, csec.qualified(tab), condition, ordering, most) USING parts LOOP
		row_no := row_no + 1;
		RETURN QUERY SELECT customer_rows.row_no, u.* FROM unnest(attnums, fields, categories, hows, contents) u;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.customer_rows(regclass, text, name, int) FROM PUBLIC;
COMMENT ON FUNCTION csec.customer_rows(regclass, text, name, int) IS 'internal: the fields of a customer''s rows, as the reader may see them';

CREATE FUNCTION csec.basic_information(tab regclass, subject text)
	RETURNS TABLE (row_no int8, field text, title text, title_zh text, value text, shown text, category text, level text,
		registered_at timestamptz, protected_at timestamptz)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	since timestamptz;
	added timestamptz;
BEGIN
	PERFORM csec.check_record_reader('basic_information', tab);
	PERFORM csec.check_question(tab, subject);
	SELECT t.protected_at INTO since FROM csec.protected_table t WHERE t.relid = tab;
	SELECT min(h.at) INTO added FROM csec.history(tab, subject) h WHERE h.op = 'INSERT' AND h.outcome = 'committed';
	RETURN QUERY
		SELECT r.row_no, r.field, coalesce(f.title, upper(left(r.field, 1)) || replace(substr(r.field, 2), '_', ' ')), coalesce(f.title_zh, c.title_zh), r.value,
			CASE r.shown WHEN 'reveal' THEN 'clear' WHEN 'mask' THEN 'masked' WHEN 'redact' THEN 'hidden' ELSE r.shown END,
			r.category, c.level, added, since
		FROM csec.customer_rows(tab, subject) r
			LEFT JOIN csec.category c ON c.name = r.category
			LEFT JOIN csec.record_field f ON f.relid = tab AND f.part = 'basic_information' AND f.field = r.field
		WHERE coalesce(f.shown, true)
		ORDER BY r.row_no, f.position NULLS LAST, r.attnum;
	IF NOT FOUND THEN
		-- the read above told of nobody
		PERFORM csec.control('customer_record', csec.qualified(tab), jsonb_build_object('customer', subject, 'rows', 0));
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.basic_information(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.basic_information(regclass, text) TO PUBLIC;
COMMENT ON FUNCTION csec.basic_information(regclass, text) IS
	'the fields of a customer as the reader may see them, with category, level, when he was registered (as far as the trail knows) and since when the table is protected';

CREATE VIEW csec.basic_information AS
	SELECT f.relid AS tab, f.attname AS field, f.category, c.title_zh, c.level, c.storage, t.enforce AS masks_on, t.protected_at, t.protected_by
	FROM csec.protected_field f JOIN csec.protected_table t ON t.relid = f.relid LEFT JOIN csec.category c ON c.name = f.category;
REVOKE ALL ON csec.basic_information FROM PUBLIC;
GRANT SELECT ON csec.basic_information TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.basic_information IS
	'the fields of protected tables, their categories and levels, and since when; csec.basic_information(table, customer) has a customer''s';

CREATE FUNCTION csec.access_records(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, person text, login text, role text, actor text, client text, application text, reason text, ticket text,
		permit int8, repeats int8, relation text, statement text, revealed text[], masked text[], redacted text[], other text[], exactness text, outcome text, seq int8)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
	PERFORM csec.check_record_reader('access_records', tab);
	RETURN QUERY
		-- where a permit showed the rows, what it was given for is the reason that nobody had to state again
		SELECT w.at, coalesce(csec.person_title(w.person), p.title, w.login), w.login, nullif(w.reader, w.login), w.actor, w.client, w.application, coalesce(w.reason, q.purpose), coalesce(w.ticket, q.ticket),
			w.permit, w.repeats, w.relation, w.statement, w.revealed, w.masked, w.redacted, w.other, w.exactness, w.status, w.seq
		FROM csec.who_saw(tab, subject, from_time, to_time) w LEFT JOIN csec.login_titles() p ON p.login = w.login
			LEFT JOIN csec.access_request q ON q.id = w.permit
		ORDER BY w.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.access_records(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.access_records(regclass, text, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.access_records(regclass, text, timestamptz, timestamptz) IS
	'each read that includes or may include a customer: when, who, from where, why, by which permit, how often where the record tells equal ones as a number, which columns in clear, masked or hidden, how exact that is and how it ended';

CREATE FUNCTION csec.table_accesses(tab regclass, from_time timestamptz, to_time timestamptz)
	RETURNS TABLE (at timestamptz, person text, login text, role text, actor text, client text, application text, reason text, ticket text,
		permit int8, repeats int8, relation text, statement text, revealed text[], masked text[], redacted text[], other text[], exactness text, outcome text, seq int8,
		customers int8)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
	PERFORM csec.check_record_reader('table_accesses', tab);
	RETURN QUERY
		SELECT a.at, coalesce(csec.person_title(a.person), p.title, a.login), a.login, nullif(a.reader, a.login), a.actor, a.client, a.application, coalesce(a.reason, q.purpose), coalesce(a.ticket, q.ticket),
			a.permit, a.repeats, a.relation, a.statement, a.revealed, a.masked, a.redacted, a.other, a.exactness, a.status, a.seq, a.subjects
		FROM csec.access_records a LEFT JOIN csec.login_titles() p ON p.login = a.login
			LEFT JOIN csec.access_request q ON q.id = a.permit
		WHERE a.relid = ANY (csec.subject_tables(tab, true))
			-- sealing comes after reading; a day for clocks that were set
			AND a.sealed_at >= coalesce(from_time - interval '1 day', '-infinity')
			AND (from_time IS NULL OR a.at >= from_time) AND (to_time IS NULL OR a.at < to_time)
		ORDER BY a.seq;
END
$$;
REVOKE ALL ON FUNCTION csec.table_accesses(regclass, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.table_accesses(regclass, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.table_accesses(regclass, timestamptz, timestamptz) IS
	'each read of a table, and of those that refer to its customers, within a time: as csec.access_records(), with the number of customers';

CREATE FUNCTION csec.change_records(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, person text, login text, actor text, reason text, ticket text, relation text, operation text,
		field text, old_value text, new_value text, outcome text, seq int8)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
	PERFORM csec.check_record_reader('change_records', tab);
	-- who may not read a column may not read what was in it either
	RETURN QUERY
		SELECT h.at, coalesce(csec.person_title(h.person), t.title, h.login), h.login, h.actor, h.reason, h.ticket, h.relation, h.op, h.column_name,
			CASE WHEN p.may THEN h.old_value END, CASE WHEN p.may THEN h.new_value END, h.outcome, h.seq
		FROM csec.history(tab, subject, from_time, to_time) WITH ORDINALITY h LEFT JOIN csec.login_titles() t ON t.login = h.login
			CROSS JOIN LATERAL (SELECT h.classified OR csec.is_member(csec.reader(), 'csec_auditor') OR csec.is_member(csec.reader(), 'csec_officer')
				OR coalesce((SELECT has_column_privilege(csec.reader(), tab, a.attnum, 'SELECT') FROM pg_attribute a
					WHERE a.attrelid = tab AND a.attname = h.column_name AND NOT a.attisdropped), false) AS may) p
		ORDER BY h.ordinality;
END
$$;
REVOKE ALL ON FUNCTION csec.change_records(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.change_records(regclass, text, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.change_records(regclass, text, timestamptz, timestamptz) IS
	'each change of a customer''s row, column by column; of classified columns the masks';

-- Of which a customer's row is listed, or all customers must be assumed.
-- Without a customer: all that concern the table.
CREATE FUNCTION csec.record_incidents(tab regclass, subject text DEFAULT NULL)
	RETURNS TABLE (id int8, kind text, title text, severity text, happened_from timestamptz, happened_until timestamptz, discovered_at timestamptz,
		place text, concerned text, revealed text[], masked text[], customers int8, impact text, measures text, result text, state text,
		notice text, notice_at timestamptz)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_record_reader('record_incidents', tab);
	RETURN QUERY
		SELECT i.id, i.kind, i.title, i.severity, i.happened_from, i.happened_until, i.discovered_at, i.place,
			CASE WHEN record_incidents.subject IS NULL THEN NULL WHEN s.subject IS NULL THEN 'possibly' ELSE 'concerned' END,
			s.revealed, s.masked, CASE WHEN record_incidents.subject IS NULL THEN i.persons END, i.impact, i.measures, i.result, i.state, n.state, n.at
		FROM csec.incident i
			LEFT JOIN csec.incident_subject s ON s.incident = i.id AND s.relid = tab AND s.subject = record_incidents.subject
			LEFT JOIN csec.incident_notice n ON n.incident = i.id AND n.relid = tab AND n.subject = record_incidents.subject
		WHERE s.subject IS NOT NULL
			OR EXISTS (SELECT FROM csec.incident_scope c WHERE c.incident = i.id AND c.relid = tab AND (record_incidents.subject IS NULL OR NOT c.complete))
		ORDER BY i.discovered_at, i.id;
END
$$;
REVOKE ALL ON FUNCTION csec.record_incidents(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_incidents(regclass, text) TO PUBLIC;
COMMENT ON FUNCTION csec.record_incidents(regclass, text) IS
	'the incidents that concern a customer, or may; without a customer those that concern a protected table';

CREATE FUNCTION csec.record_reviews(tab regclass)
	RETURNS TABLE (id int8, reviewed_at timestamptz, title text, reviewer text, state text, conclusion text, summary text,
		finding text, severity text, fixed_by text, fix text, fixed_at timestamptz, verified_by text, verified_at timestamptz)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_record_reader('record_reviews', tab);
	RETURN QUERY
		SELECT r.id, coalesce(r.concluded_at, r.started_at, r.planned_at),
			format('%s %s %s - %s', coalesce(c.title, r.checklist), r.id, to_char(r.period_from, 'YYYY-MM-DD'), to_char(r.period_to, 'YYYY-MM-DD')),
			csec.person_title(r.reviewer), r.state, r.conclusion, r.summary, f.finding, f.severity,
			csec.person_title(f.fixed_by), f.fix, f.fixed_at, csec.person_title(f.verified_by), f.verified_at
		FROM csec.review r LEFT JOIN csec.checklist c ON c.name = r.checklist LEFT JOIN csec.review_finding f ON f.review = r.id
		WHERE r.relid IS NULL OR r.relid = tab
		ORDER BY r.period_from, r.id, f.id;
END
$$;
REVOKE ALL ON FUNCTION csec.record_reviews(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_reviews(regclass) TO PUBLIC;
COMMENT ON FUNCTION csec.record_reviews(regclass) IS
	'the reviews of a protected table, and of all: a row for each finding, with who fixed and who verified it';

-- The rows of a part of one's own.
CREATE FUNCTION csec.own_part(tab regclass, part text, subject text)
	RETURNS TABLE (row_no int8, content jsonb)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	p csec.record_part;
BEGIN
	PERFORM csec.check_record_reader('own_part', tab);
	SELECT * INTO p FROM csec.record_part r WHERE r.relid = tab AND r.name = part;
	-- asked again: protection may have ended since
	IF p.source IS NULL OR NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = p.source AND tab IN (t.relid, t.subject_of)) THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT r.row_no, jsonb_object_agg(r.field, CASE WHEN r.shown = 'withheld' THEN NULL ELSE r.value END)
		FROM csec.customer_rows(p.source, own_part.subject, p.newest_by) r
			LEFT JOIN csec.record_field f ON f.relid = tab AND f.part = own_part.part AND f.field = r.field
		WHERE coalesce(f.shown, true)
		GROUP BY r.row_no ORDER BY r.row_no;
END
$$;
REVOKE ALL ON FUNCTION csec.own_part(regclass, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.own_part(regclass, text, text) TO PUBLIC;
COMMENT ON FUNCTION csec.own_part(regclass, text, text) IS
	'a customer''s rows in the source of a part that csec.record_part names, as the reader may see them';

-- The fields of a part, in their order: those that have a row, then, of a part
-- of one's own, the other columns of its source.
CREATE FUNCTION csec.part_fields(tab regclass, part text)
	RETURNS TABLE (field text, title text, title_zh text, kind text, beside text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT q.field, q.title, q.title_zh, q.kind, q.beside FROM (
			SELECT f.field::text, f.title, f.title_zh, f.kind, f.beside::text, f.position, 0 AS attnum
			FROM csec.record_field f
			WHERE f.part = part_fields.part AND f.shown AND (f.relid = 0 OR f.relid = tab AND f.part <> 'basic_information')
				AND NOT (f.relid = 0 AND EXISTS (SELECT FROM csec.record_field o WHERE o.relid = tab AND o.part = f.part AND o.field = f.field))
			UNION ALL
			SELECT a.attname::text, upper(left(a.attname, 1)) || replace(substr(a.attname, 2), '_', ' '), c.title_zh, 'text', NULL, NULL, a.attnum
			FROM csec.record_part p JOIN pg_attribute a ON a.attrelid = p.source AND a.attnum > 0 AND NOT a.attisdropped
				LEFT JOIN csec.category c ON c.name = csec.column_category(p.source, a.attname)
			WHERE p.relid = tab AND p.name = part_fields.part AND p.source IS NOT NULL
				AND NOT EXISTS (SELECT FROM csec.record_field o WHERE o.relid = tab AND o.part = p.name AND o.field = a.attname)) q
		ORDER BY q.position NULLS LAST, q.attnum, q.field COLLATE "C"
	$$;
REVOKE ALL ON FUNCTION csec.part_fields(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.part_fields(regclass, text) IS 'internal: the fields of a part of a record, in their order';

CREATE FUNCTION csec.record_parts(tab regclass)
	RETURNS TABLE (name text, title text, title_zh text, own bool)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT p.name, p.title, p.title_zh, p.source IS NOT NULL FROM csec.record_part p
		WHERE p.shown AND (p.relid = tab OR p.relid = 0 AND NOT EXISTS (SELECT FROM csec.record_part o WHERE o.relid = tab AND o.name = p.name))
		ORDER BY p.position, p.name COLLATE "C"
	$$;
REVOKE ALL ON FUNCTION csec.record_parts(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.record_parts(regclass) IS 'internal: the parts of a record, in their order';

CREATE FUNCTION csec.customer_record(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL)
	RETURNS TABLE (part text, no int8, at timestamptz, content jsonb)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	p record;
BEGIN
	PERFORM csec.check_record_reader('customer_record', tab);
	PERFORM csec.check_question(tab, subject);
	PERFORM csec.check_period(from_time, to_time);
	FOR p IN SELECT * FROM csec.record_parts(tab) LOOP
		CASE
			WHEN p.own THEN
				RETURN QUERY SELECT p.name, r.row_no, NULL::timestamptz, r.content FROM csec.own_part(tab, p.name, subject) r;
			WHEN p.name = 'basic_information' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.registered_at, to_jsonb(r) FROM csec.basic_information(tab, subject) r;
			WHEN p.name = 'access_records' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.at, to_jsonb(r) FROM csec.access_records(tab, subject, from_time, to_time) r;
			WHEN p.name = 'change_records' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.at, to_jsonb(r) FROM csec.change_records(tab, subject, from_time, to_time) r;
			WHEN p.name = 'security_measures' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.attested_at, to_jsonb(r) FROM csec.security_measures(tab) r;
			WHEN p.name = 'effective_access' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), NULL::timestamptz, to_jsonb(r) FROM csec.effective_access(tab) r;
			WHEN p.name = 'incidents' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.discovered_at, to_jsonb(r) FROM csec.record_incidents(tab, subject) r;
			WHEN p.name = 'reviews' THEN
				RETURN QUERY SELECT p.name, row_number() OVER (), r.reviewed_at, to_jsonb(r) FROM csec.record_reviews(tab) r;
			ELSE
				NULL;
		END CASE;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.customer_record(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.customer_record(regclass, text, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.customer_record(regclass, text, timestamptz, timestamptz) IS
	'the security record of a customer, part by part; the parts are rows of csec.record_part. For auditors, officers and who decides on access to the table; on record as a read of the customer';

-- Rows in charts: accesses by time, by person and by field.
CREATE FUNCTION csec.access_charts(rows jsonb) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH a AS MATERIALIZED (
			SELECT (r ->> 'at')::timestamptz AS at, r ->> 'person' AS person, coalesce((r ->> 'repeats')::int8, 1) AS times,
				CASE WHEN r -> 'revealed' NOT IN ('[]', 'null') THEN 1 WHEN r -> 'masked' NOT IN ('[]', 'null') OR r -> 'redacted' NOT IN ('[]', 'null') THEN 2 ELSE 3 END AS how,
				r -> 'revealed' AS revealed, r -> 'masked' AS masked, r -> 'redacted' AS redacted
			FROM jsonb_array_elements(rows) r),
		span AS (SELECT min(at) AS first, max(at) AS last FROM a),
		unit AS (SELECT CASE WHEN last - first <= interval '2 days' THEN 'hour' WHEN last - first <= interval '60 days' THEN 'day'
			WHEN last - first <= interval '400 days' THEN 'week' ELSE 'month' END AS u FROM span),
		fields AS (
			SELECT f, 1 AS how, times FROM a, jsonb_array_elements_text(nullif(revealed, 'null')) f
			UNION ALL SELECT f, 2, times FROM a, jsonb_array_elements_text(nullif(masked, 'null')) f
			-- what was hidden was seen even less than a mask
			UNION ALL SELECT f, 2, times FROM a, jsonb_array_elements_text(nullif(redacted, 'null')) f)
		SELECT jsonb_build_object(
			'total', (SELECT coalesce(sum(times), 0) FROM a), 'people_total', (SELECT count(DISTINCT person) FROM a),
			'clear_total', (SELECT coalesce(sum(times), 0) FROM a WHERE how = 1),
			'time', (SELECT coalesce(jsonb_agg(jsonb_build_array(label, c, m, n) ORDER BY b), '[]') FROM (
				SELECT b, to_char(b, CASE u WHEN 'hour' THEN 'MM-DD HH24:00' WHEN 'month' THEN 'YYYY-MM' ELSE 'YYYY-MM-DD' END) AS label,
					coalesce(sum(times) FILTER (WHERE how = 1), 0) AS c, coalesce(sum(times) FILTER (WHERE how = 2), 0) AS m, coalesce(sum(times) FILTER (WHERE how = 3), 0) AS n
				FROM (SELECT u, s AS b, s + ('1 ' || u)::interval AS ends
						FROM unit, span, generate_series(date_trunc(u, first), last, ('1 ' || u)::interval) s) w
					LEFT JOIN a ON a.at >= b AND a.at < ends
				GROUP BY b, u) t),
			'people', (SELECT coalesce(jsonb_agg(jsonb_build_array(person, c, m, n) ORDER BY total DESC, person COLLATE "C"), '[]') FROM (
				SELECT person, sum(times) AS total, coalesce(sum(times) FILTER (WHERE how = 1), 0) AS c, coalesce(sum(times) FILTER (WHERE how = 2), 0) AS m, coalesce(sum(times) FILTER (WHERE how = 3), 0) AS n
				FROM a GROUP BY person ORDER BY total DESC, person COLLATE "C" LIMIT 12) t),
			'fields', (SELECT coalesce(jsonb_agg(jsonb_build_array(f, c, m, n) ORDER BY total DESC, f COLLATE "C"), '[]') FROM (
				SELECT f, sum(times) AS total, coalesce(sum(times) FILTER (WHERE how = 1), 0) AS c, coalesce(sum(times) FILTER (WHERE how = 2), 0) AS m, coalesce(sum(times) FILTER (WHERE how = 3), 0) AS n
				FROM fields GROUP BY f ORDER BY total DESC, f COLLATE "C" LIMIT 12) t))
	$$;
REVOKE ALL ON FUNCTION csec.access_charts(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.access_charts(jsonb) IS 'internal: accesses counted by time, person and field: each [label, in clear, masked, neither]';

CREATE FUNCTION csec.record_head(tab regclass, subject text, from_time timestamptz, to_time timestamptz) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT jsonb_build_object('table', csec.qualified(tab), 'subject', subject, 'from', from_time, 'to', to_time,
			-- what was before has left the trail by an approved cut
			'trail_since', (SELECT b.complete_since FROM csec.trail_begin() b),
			'made_at', clock_timestamp(), 'made_by', csec.person_title(csec.current_person()), 'reason', c.reason, 'ticket', c.ticket,
			'database', current_database(), 'server', current_setting('server_version'),
			'csec', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'csec'),
			'trail_seq', s.seq, 'trail_hash', encode(s.hash, 'hex'), 'trail_at', s.sealed_at)
		FROM csec_trail.sealer_state s CROSS JOIN csec.current_context() c
	$$;
REVOKE ALL ON FUNCTION csec.record_head(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.record_head(regclass, text, timestamptz, timestamptz) IS 'internal: what a record is of, who made it when, and where the trail stood';

CREATE FUNCTION csec.customer_record_json(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	rows jsonb;
BEGIN
	PERFORM csec.check_record_reader('customer_record_json', tab);
	SELECT coalesce(jsonb_object_agg(r.part, r.rows), '{}') INTO rows FROM (
		SELECT c.part, jsonb_agg(c.content ORDER BY c.no) AS rows FROM csec.customer_record(tab, subject, from_time, to_time) c GROUP BY c.part) r;
	RETURN jsonb_build_object('record', csec.record_head(tab, subject, from_time, to_time),
		'parts', (SELECT jsonb_agg(jsonb_build_object('name', p.name, 'title', p.title, 'title_zh', p.title_zh,
				'fields', (SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]') FROM csec.part_fields(tab, p.name) f),
				'rows', coalesce(rows -> p.name, '[]')))
			FROM csec.record_parts(tab) p),
		'charts', csec.access_charts(coalesce(rows -> 'access_records', '[]')));
END
$$;
REVOKE ALL ON FUNCTION csec.customer_record_json(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.customer_record_json(regclass, text, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.customer_record_json(regclass, text, timestamptz, timestamptz) IS
	'csec.customer_record() as one document, with titles, counts for charts, and the state of the trail at that moment';

CREATE FUNCTION csec.table_record_json(tab regclass, from_time timestamptz, to_time timestamptz DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	rows jsonb;
BEGIN
	PERFORM csec.check_record_reader('table_record', tab);
	PERFORM csec.check_period(from_time, to_time);
	PERFORM csec.control('table_record', csec.qualified(tab), jsonb_build_object('from', from_time, 'to', to_time));
	rows := jsonb_build_object(
		'access_records', (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.seq), '[]') FROM csec.table_accesses(tab, from_time, to_time) a),
		'security_measures', (SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM csec.security_measures(tab) m),
		'effective_access', (SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM csec.effective_access(tab) e),
		'incidents', (SELECT coalesce(jsonb_agg(to_jsonb(i)), '[]') FROM csec.record_incidents(tab) i),
		'reviews', (SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM csec.record_reviews(tab) r));
	RETURN jsonb_build_object('record', csec.record_head(tab, NULL, from_time, to_time),
		'parts', (SELECT jsonb_agg(jsonb_build_object('name', p.name, 'title', p.title, 'title_zh', p.title_zh,
				'fields', (SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]') FROM csec.part_fields(tab, p.name) f),
				'rows', coalesce(rows -> p.name, '[]')))
			FROM csec.record_parts(tab) p WHERE rows ? p.name),
		'charts', csec.access_charts(rows -> 'access_records'));
END
$$;
REVOKE ALL ON FUNCTION csec.table_record_json(regclass, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.table_record_json(regclass, timestamptz, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION csec.table_record_json(regclass, timestamptz, timestamptz) IS
	'all accesses to a table and those that refer to it within a time, its security measures, incidents and reviews, as one document; no customer''s data';
