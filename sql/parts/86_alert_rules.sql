-- What each kind of alert looks for, in batches of records that are sealed.
--
-- A worker of its own (src/sealer/alerter.c) calls csec.evaluate_alerts(): an
-- error here never keeps the trail from being sealed.  Each rule runs for
-- itself; one that fails raises an alert and leaves the others be.

-- Of a record what the rules want to know.  They count by who it was: the person
-- whom a token named, else the one whose login it is, else login:NAME.
CREATE TYPE csec.alert_record AS (seq int8, at timestamptz, kind int2, login text, who text, actor text, relid oid, subject int8, keys int8multirange,
	customers int8, revealed text[], reason text, ticket text, application text, session_started timestamptz, action text, object text, told bool, shows bool, sealed_at timestamptz, others text[], permit int8);
COMMENT ON TYPE csec.alert_record IS 'internal: of an audit record what alert rules look at';

CREATE FUNCTION csec.raise_alert(kind text, key text, login text, who text, relid oid, subject text, detail jsonb, seq int8, last_seq int8,
		at timestamptz, last_at timestamptz, times int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	how text := (SELECT r.severity FROM csec.alert_rule r WHERE r.kind = raise_alert.kind);
	name text := key;
	held int8;
	made int8;
BEGIN
	-- One that somebody is acknowledging is not waited for, as he may take his time,
	-- nor does it take in what he has not seen: what comes now is another alert.
	LOOP
		SELECT a.id INTO made FROM csec.alert a WHERE a.kind = raise_alert.kind AND a.key = name AND a.state = 'open' FOR UPDATE SKIP LOCKED;
		IF FOUND THEN
			UPDATE csec.alert a SET times = a.times + raise_alert.times, last_seq = greatest(a.last_seq, raise_alert.last_seq), last_at = greatest(a.last_at, raise_alert.last_at)
				WHERE a.id = made;
			RETURN;
		END IF;
		SELECT a.id INTO held FROM csec.alert a WHERE a.kind = raise_alert.kind AND a.key = name AND a.state = 'open';
		EXIT WHEN NOT FOUND;
		name := format('%s, after alert %s', key, held);
	END LOOP;
	INSERT INTO csec.alert (kind, key, severity, login, person, relid, subject, detail, first_seq, last_seq, times, at, last_at)
		VALUES (raise_alert.kind, name, coalesce(how, 'major'), raise_alert.login, raise_alert.who, raise_alert.relid, raise_alert.subject,
			coalesce(raise_alert.detail, '{}'), seq, raise_alert.last_seq, raise_alert.times, raise_alert.at, raise_alert.last_at)
		RETURNING id INTO made;
	PERFORM csec.notify_alert(jsonb_build_object('alert', made, 'kind', kind, 'severity', how));
	PERFORM csec.control('alert raised', 'alert ' || made, jsonb_strip_nulls(jsonb_build_object('kind', kind, 'severity', how, 'login', login, 'person', who, 'record', seq, 'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.raise_alert(text, text, text, text, oid, text, jsonb, int8, int8, timestamptz, timestamptz, int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.raise_alert(text, text, text, text, oid, text, jsonb, int8, int8, timestamptz, timestamptz, int8) IS 'internal: raise an alert, or count it with the one that is open';

-- Add to the counts of a rule, by minute.
CREATE FUNCTION csec.count_for_alert(kind text, keys text[], minutes timestamptz[], ns int8[]) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		INSERT INTO csec.alert_tally AS t (kind, key, minute, n)
			SELECT count_for_alert.kind, u.key, u.minute, sum(u.n) FROM unnest(keys, minutes, ns) u (key, minute, n) GROUP BY u.key, u.minute
			ON CONFLICT ON CONSTRAINT alert_tally_pkey DO UPDATE SET n = t.n + EXCLUDED.n
	$$;
REVOKE ALL ON FUNCTION csec.count_for_alert(text, text[], timestamptz[], int8[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.count_for_alert(text, text[], timestamptz[], int8[]) IS 'internal: counts of an alert rule';

-- The most of these counts within a span, of the spans that end in a batch: the
-- batch may be of hours, if the worker was not there.  What is a little older than
-- the span is counted, too, as minutes are: a burst is never cut in two.
CREATE FUNCTION csec.most_within(kind text, key text, span interval, since timestamptz) RETURNS int8
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT max(w.n)::int8 FROM (
			SELECT t.minute, sum(t.n) OVER (ORDER BY t.minute RANGE BETWEEN most_within.span PRECEDING AND CURRENT ROW) AS n
				FROM csec.alert_tally t WHERE t.kind = most_within.kind AND t.key = most_within.key AND t.minute >= date_trunc('minute', since) - most_within.span) w
			WHERE w.minute >= date_trunc('minute', since)
	$$;
REVOKE ALL ON FUNCTION csec.most_within(text, text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.most_within(text, text, interval, timestamptz) IS 'internal: the most that a rule counted within a span of time';

-- Customers whom to look at is worth an alert, by the keys of the trail, of
-- the tables whose records are about them.
CREATE FUNCTION csec.watched_keys()
	RETURNS TABLE (relid oid, key int8, subject text, customers_of oid, why text, person text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT DISTINCT t.relid, k.key, w.subject, w.relid::oid, w.why, w.person
			FROM (SELECT c.relid, c.subject, c.why, c.person FROM csec.watched_customer c
				UNION ALL SELECT c.relid, c.subject, 'own', c.person FROM csec.person_customer c) w
				CROSS JOIN LATERAL unnest(csec.subject_tables(w.relid, true)) t (relid)
				CROSS JOIN LATERAL unnest(csec.keys_of_names(csec.subject_names(w.relid, w.subject))) k (key)
	$$;
REVOKE ALL ON FUNCTION csec.watched_keys() FROM PUBLIC;
COMMENT ON FUNCTION csec.watched_keys() IS 'internal: customers who are watched, as the trail files them';

-- What a kind finds in a batch of records: at most one row for each key.
CREATE TYPE csec.alert_hit AS (key text, login text, who text, relid oid, subject text, detail jsonb, seq int8, last_seq int8,
	at timestamptz, last_at timestamptz, times int8);
COMMENT ON TYPE csec.alert_hit IS 'internal: an alert to raise, or to count with the one that is open';

-- Customers in clear within a day, beside the days before.
CREATE FUNCTION csec.bulk_reveal_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT b.who || ' ' || b.day, b.login, b.who, NULL::oid, NULL::text,
			jsonb_build_object('customers', t.revealed, 'mean', round(m.mean, 1)),
			b.seq, b.last_seq, b.at, b.last_at, b.times
		FROM (SELECT r.who, min(r.login) AS login, (r.at AT TIME ZONE 'UTC')::date AS day,
					min(r.seq) AS seq, max(r.seq) AS last_seq, min(r.at) AS at, max(r.at) AS last_at, count(*) AS times
				FROM unnest(batch) r WHERE r.kind = 2 AND r.told AND cardinality(r.revealed) > 0 GROUP BY 1, 3) b
			JOIN csec.activity t ON t.who = b.who AND t.day = b.day
			CROSS JOIN LATERAL (SELECT coalesce(avg(d.revealed), 0) AS mean FROM csec.activity d
				WHERE d.who = b.who AND d.day < b.day AND d.day >= b.day - 30) m
		WHERE t.revealed >= (p ->> 'least')::numeric AND t.revealed > (p ->> 'factor')::numeric * m.mean;
END
$$;

-- Values in clear outside the hours of work.
CREATE FUNCTION csec.off_hours_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT r.who || ' ' || r.here::date, min(r.login), r.who, NULL::oid, NULL::text, '{}'::jsonb,
			min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM (SELECT u.*, u.at AT TIME ZONE (p ->> 'zone') AS here FROM unnest(batch) u WHERE u.kind = 2 AND cardinality(u.revealed) > 0) r
		WHERE NOT ((CASE WHEN (p ->> 'from')::time <= (p ->> 'until')::time THEN r.here::time >= (p ->> 'from')::time AND r.here::time < (p ->> 'until')::time
				ELSE r.here::time >= (p ->> 'from')::time OR r.here::time < (p ->> 'until')::time END)
			AND p -> 'days' @> to_jsonb(extract(isodow FROM r.here)::int))
		GROUP BY r.who, r.here::date;
END
$$;

-- Refusals within some minutes.
CREATE FUNCTION csec.denial_burst_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	span interval := make_interval(mins => (p ->> 'minutes')::int);
BEGIN
	PERFORM csec.count_for_alert('denial_burst', array_agg(r.who), array_agg(date_trunc('minute', r.at)), array_agg(1::int8))
		FROM unnest(batch) r WHERE r.kind = 6 AND r.who IS NOT NULL HAVING count(*) > 0;
	RETURN QUERY
		SELECT b.who, b.login, b.who, NULL::oid, NULL::text, jsonb_build_object('denials', t.n), b.seq, b.last_seq, b.at, b.last_at, b.times
		FROM (SELECT r.who, min(r.login) AS login, min(r.seq) AS seq, max(r.seq) AS last_seq, min(r.at) AS at, max(r.at) AS last_at, count(*) AS times
				FROM unnest(batch) r WHERE r.kind = 6 AND r.who IS NOT NULL GROUP BY r.who) b
			CROSS JOIN LATERAL (SELECT csec.most_within('denial_burst', b.who, span, b.at) AS n) t
		WHERE t.n >= (p ->> 'least')::numeric;
END
$$;

-- One customer, looked for by many: who did so last stands in csec.alert_seen, to
-- the minute, and who did so before within the batch, in the batch.
CREATE FUNCTION csec.one_customer_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	span interval := make_interval(mins => (p ->> 'minutes')::int);
BEGIN
	RETURN QUERY
		-- few customers have so many at all
		WITH asked AS MATERIALIZED (
			SELECT r.relid, r.subject, min(r.seq) AS seq, max(r.seq) AS last_seq, min(r.at) AS at, max(r.at) AS last_at, count(*) AS times
				FROM unnest(batch) r WHERE r.kind = 2 AND r.told AND r.subject IS NOT NULL GROUP BY r.relid, r.subject
				HAVING (SELECT count(*) FROM csec.alert_seen a WHERE a.relid = r.relid AND a.subject = r.subject) >= (p ->> 'persons')::int),
		looks AS MATERIALIZED (
			SELECT r.relid, r.subject, r.who COLLATE "C" AS who, r.at FROM asked b JOIN unnest(batch) r ON r.relid = b.relid AND r.subject = b.subject AND r.kind = 2 AND r.told)
		SELECT b.relid || ' ' || b.subject, NULL::text, NULL::text, b.relid, b.subject::text,
			jsonb_build_object('persons', s.persons), b.seq, b.last_seq, b.at, b.last_at, b.times
		FROM asked b CROSS JOIN LATERAL (
			SELECT w.persons FROM (
					SELECT date_trunc('minute', k.at) AS minute, max(k.at) AS at FROM looks k WHERE k.relid = b.relid AND k.subject = b.subject GROUP BY 1) m
				CROSS JOIN LATERAL (
					SELECT array_agg(DISTINCT o.who) AS persons FROM (
							SELECT a.who, a.at FROM csec.alert_seen a WHERE a.relid = b.relid AND a.subject = b.subject
							UNION ALL SELECT k.who, k.at FROM looks k WHERE k.relid = b.relid AND k.subject = b.subject) o
						WHERE o.at <= m.at AND o.at > m.at - span - interval '1 minute') w
				WHERE cardinality(w.persons) >= (p ->> 'persons')::int
				ORDER BY m.at DESC LIMIT 1) s;
END
$$;

-- Customers whom to look at is worth an alert, of one kind or another.
CREATE FUNCTION csec.watched_hits(what text, p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		WITH w AS MATERIALIZED (SELECT * FROM csec.watched_keys()),
		hit AS (
			SELECT r.seq, r.at, r.login, r.who, r.actor, w.* FROM unnest(batch) r JOIN w ON w.relid = r.relid AND w.key = r.subject
				WHERE r.kind IN (2, 3) AND r.shows AND r.subject IS NOT NULL
			UNION ALL
			SELECT r.seq, r.at, r.login, r.who, r.actor, w.* FROM unnest(batch) r JOIN w ON w.relid = r.relid AND r.keys @> w.key
				WHERE r.kind IN (2, 3) AND r.shows AND r.keys IS NOT NULL AND NOT lower_inf(r.keys))
		SELECT h.who || ' ' || h.customers_of || ' ' || h.subject || ' ' || (h.at AT TIME ZONE 'UTC')::date,
			min(h.login), h.who, h.customers_of, h.subject,
			jsonb_strip_nulls(jsonb_build_object('why', min(h.why), 'actor', min(h.actor) FILTER (WHERE h.person = h.actor AND h.actor <> h.who))),
			min(h.seq), max(h.seq), min(h.at), max(h.at), count(*)
		FROM hit h
		-- who has no token may be named by the application
		WHERE CASE what WHEN 'own_record' THEN h.why = 'own' AND h.person IN (h.who, h.actor)
			WHEN 'colleague' THEN h.why = 'own' AND h.person IS DISTINCT FROM h.who AND h.person IS DISTINCT FROM h.actor
			WHEN 'decoy' THEN h.why = 'decoy'
			ELSE h.why = 'vip' OR h.why = 'relative' AND h.person IN (h.who, h.actor) END
		GROUP BY h.who, h.customers_of, h.subject, (h.at AT TIME ZONE 'UTC')::date;
END
$$;

-- Values of some levels in clear without a ticket.
CREATE FUNCTION csec.no_ticket_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		-- the levels are looked up once for each set of fields
		WITH levels AS MATERIALIZED (
			SELECT s.relid, s.revealed
			FROM (SELECT DISTINCT r.relid, r.revealed FROM unnest(batch) r
					WHERE r.kind = 2 AND cardinality(r.revealed) > 0 AND r.ticket IS NULL) s
			WHERE EXISTS (SELECT FROM unnest(s.revealed) f WHERE p -> 'levels' ? csec.field_level(s.relid, f)))
		SELECT r.who || ' ' || (r.at AT TIME ZONE 'UTC')::date, min(r.login), r.who, min(r.relid), NULL::text, '{}'::jsonb,
			min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r JOIN levels v ON v.relid = r.relid AND v.revealed = r.revealed
		WHERE r.kind = 2 AND r.ticket IS NULL GROUP BY r.who, (r.at AT TIME ZONE 'UTC')::date;
END
$$;

-- Customers looked for within some minutes, each once: csec.note_seen() counts them.
CREATE FUNCTION csec.enumeration_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	span interval := make_interval(mins => (p ->> 'minutes')::int);
BEGIN
	RETURN QUERY
		SELECT b.who, b.login, b.who, NULL::oid, NULL::text, jsonb_build_object('customers', t.n), b.seq, b.last_seq, b.at, b.last_at, b.times
		FROM (SELECT r.who, min(r.login) AS login, min(r.seq) AS seq, max(r.seq) AS last_seq, min(r.at) AS at, max(r.at) AS last_at, count(*) AS times
				FROM unnest(batch) r WHERE r.kind = 2 AND r.told AND r.subject IS NOT NULL GROUP BY r.who) b
			CROSS JOIN LATERAL (SELECT csec.most_within('enumeration', b.who, span, b.at) AS n) t
		WHERE t.n >= (p ->> 'customers')::numeric;
END
$$;

-- Values in clear by a login just after what lets somebody in was changed.
CREATE FUNCTION csec.login_after_reset_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	span interval := make_interval(mins => (p ->> 'minutes')::int);
BEGIN
	-- somebody else's password, or what else lets one in
	PERFORM csec.count_for_alert('login_after_reset', array_agg(r.object), array_agg(date_trunc('milliseconds', r.at)), array_agg(r.seq))
		FROM unnest(batch) r
		WHERE r.kind = 5 AND r.action IN ('ALTER ROLE', 'CREATE ROLE') AND r.object IS DISTINCT FROM r.login AND r.object IS NOT NULL HAVING count(*) > 0;
	RETURN QUERY
		SELECT r.who || ' ' || r.session_started, min(r.login), r.who, NULL::oid, NULL::text, jsonb_build_object('what', min(v.why)),
			min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r CROSS JOIN LATERAL (
			SELECT 'role changed' AS why FROM csec.alert_tally c
				WHERE c.kind = 'login_after_reset' AND c.key = r.login AND c.minute <= r.session_started AND c.minute > r.at - span
			UNION ALL SELECT 'pg_hba.conf changed' FROM csec.alert_tally c
				WHERE c.kind = 'pg_hba.conf' AND c.key = '' AND c.minute <= r.session_started AND c.minute > r.at - span) v
		WHERE r.kind = 2 AND cardinality(r.revealed) > 0 GROUP BY r.who, r.session_started;
END
$$;

-- One reason for many customers in a day.
CREATE FUNCTION csec.same_reasons_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.count_for_alert('same_reasons', array_agg(r.who || ' ' || md5(r.reason)), array_agg(date_trunc('day', r.at, 'UTC')), array_agg(r.customers))
		FROM unnest(batch) r
		WHERE r.kind = 2 AND r.told AND r.reason IS NOT NULL AND NOT EXISTS (SELECT FROM csec.default_reason d WHERE d.reason = r.reason) HAVING count(*) > 0;
	RETURN QUERY
		SELECT b.who || ' ' || b.hash || ' ' || b.day, b.login, b.who, NULL::oid, NULL::text, jsonb_build_object('customers', t.n),
			b.seq, b.last_seq, b.at, b.last_at, b.times
		FROM (SELECT r.who, min(r.login) AS login, md5(r.reason) AS hash, date_trunc('day', r.at, 'UTC') AS day,
					min(r.seq) AS seq, max(r.seq) AS last_seq, min(r.at) AS at, max(r.at) AS last_at, count(*) AS times
				FROM unnest(batch) r WHERE r.kind = 2 AND r.told AND r.reason IS NOT NULL GROUP BY 1, 3, 4) b
			JOIN csec.alert_tally t ON t.kind = 'same_reasons' AND t.key = b.who || ' ' || b.hash AND t.minute = b.day
		WHERE t.n >= (p ->> 'customers')::numeric;
END
$$;

-- The login of an application, used by a program for people.
CREATE FUNCTION csec.service_account_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT r.login || ' ' || r.who || ' ' || (r.at AT TIME ZONE 'UTC')::date, r.login, r.who, NULL::oid, NULL::text,
			jsonb_build_object('application', min(r.application)), min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r WHERE p -> 'logins' ? r.login AND r.application ILIKE ANY (ARRAY(SELECT jsonb_array_elements_text(p -> 'applications')))
		GROUP BY r.login, r.who, (r.at AT TIME ZONE 'UTC')::date;
END
$$;

-- What was not recorded, or was no record of a session.
CREATE FUNCTION csec.audit_gap_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT coalesce(r.action, '') || ' ' || r.kind, min(r.login), CASE WHEN count(DISTINCT r.who) = 1 THEN min(r.who) END, NULL::oid, NULL::text,
			jsonb_build_object('what', r.action), min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r WHERE r.kind IN (7, 9) OR r.kind = 5 AND r.action = 'suspend recording' GROUP BY r.action, r.kind;
END
$$;

-- Keys that could not be had, or do not open.
CREATE FUNCTION csec.key_trouble_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT r.action, NULL::text, NULL::text, NULL::oid, NULL::text, jsonb_build_object('what', r.action), min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r WHERE r.kind = 8 AND r.action IN ('key provider fails', 'key does not open') GROUP BY r.action;
END
$$;

-- Glasses that were broken.
CREATE FUNCTION csec.break_glass_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT r.action || ' ' || r.object, r.login, r.who, NULL::oid, NULL::text, jsonb_build_object('what', r.action, 'request', r.object), r.seq, r.seq, r.at, r.at, 1::int8
		FROM unnest(batch) r WHERE r.kind = 5 AND r.action IN ('break glass', 'break glass escalated', 'break glass abuse');
END
$$;

-- Changes of what decides who sees what, and of what keeps watch.
CREATE FUNCTION csec.policy_change_hits(p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
		SELECT r.who || ' ' || r.action, min(r.login), r.who, NULL::oid, NULL::text,
			jsonb_build_object('what', r.action, 'of', (array_agg(DISTINCT r.object))[1:20]), min(r.seq), max(r.seq), min(r.at), max(r.at), count(*)
		FROM unnest(batch) r WHERE r.kind = 5 AND (r.action IN ('set_clearance', 'revoke_clearance', 'set_default_reason', 'clear_default_reason')
			-- what is signed is policy, but for the moves of the workflows; nobody but csec writes the others
			OR r.action ~ '^(insert|update|delete|truncate) ' AND split_part(r.action, ' ', 2) IN (SELECT c.relname FROM pg_class c
				LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'mac' AND NOT a.attisdropped WHERE c.relnamespace = 'csec'::regnamespace
				AND (a.attnum IS NOT NULL AND c.relname NOT IN ('access_request', 'access_approval', 'access_permit', 'attestation')
					OR c.relname IN ('alert', 'alert_cursor', 'activity', 'permit_use', 'used_token')))
			OR r.action IN ('ALTER TABLE', 'CREATE TRIGGER', 'CREATE RULE', 'DROP TABLE') AND r.object LIKE 'csec.%')
		GROUP BY r.who, r.action;
END
$$;

CREATE FUNCTION csec.alert_hits(what text, p jsonb, batch csec.alert_record[]) RETURNS SETOF csec.alert_hit
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE what
		WHEN 'bulk_reveal' THEN RETURN QUERY SELECT * FROM csec.bulk_reveal_hits(p, batch);
		WHEN 'off_hours' THEN RETURN QUERY SELECT * FROM csec.off_hours_hits(p, batch);
		WHEN 'denial_burst' THEN RETURN QUERY SELECT * FROM csec.denial_burst_hits(p, batch);
		WHEN 'one_customer' THEN RETURN QUERY SELECT * FROM csec.one_customer_hits(p, batch);
		WHEN 'own_record', 'colleague', 'watched', 'decoy' THEN RETURN QUERY SELECT * FROM csec.watched_hits(what, p, batch);
		WHEN 'no_ticket' THEN RETURN QUERY SELECT * FROM csec.no_ticket_hits(p, batch);
		WHEN 'enumeration' THEN RETURN QUERY SELECT * FROM csec.enumeration_hits(p, batch);
		WHEN 'login_after_reset' THEN RETURN QUERY SELECT * FROM csec.login_after_reset_hits(p, batch);
		WHEN 'same_reasons' THEN RETURN QUERY SELECT * FROM csec.same_reasons_hits(p, batch);
		WHEN 'service_account' THEN RETURN QUERY SELECT * FROM csec.service_account_hits(p, batch);
		WHEN 'audit_gap' THEN RETURN QUERY SELECT * FROM csec.audit_gap_hits(p, batch);
		WHEN 'key_trouble' THEN RETURN QUERY SELECT * FROM csec.key_trouble_hits(p, batch);
		WHEN 'break_glass' THEN RETURN QUERY SELECT * FROM csec.break_glass_hits(p, batch);
		WHEN 'policy_change' THEN RETURN QUERY SELECT * FROM csec.policy_change_hits(p, batch);
		ELSE RETURN;	-- found by csec.look_around()
	END CASE;
END
$$;

-- A rule is for csec.evaluate_alerts() alone.
DO $$
DECLARE
	rule regprocedure;
BEGIN
	FOR rule IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'csec'::regnamespace AND p.prorettype = 'csec.alert_hit'::regtype LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', rule);
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', rule, 'internal: what a kind of alert finds in a batch of records');
	END LOOP;
END
$$;

-- Who is named other than as the login: csec.what_did() asks.
CREATE FUNCTION csec.note_names(batch csec.alert_record[]) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		INSERT INTO csec.acted_as (who, seqs, from_at, to_at)
			SELECT n, range_agg(int8range(r.seq, r.seq, '[]')), min(r.sealed_at), max(r.sealed_at)
			FROM unnest(batch) r CROSS JOIN LATERAL unnest(r.others) n WHERE n <> '' AND r.kind IN (2, 3, 5, 6) GROUP BY n
	$$;
REVOKE ALL ON FUNCTION csec.note_names(csec.alert_record[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.note_names(csec.alert_record[]) IS 'internal: remember which records name whom';

-- Who looked for which customer last, and how many new ones one looks for.
CREATE FUNCTION csec.note_seen(batch csec.alert_record[]) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		WITH looked AS (
			SELECT r.relid, r.subject, r.who, min(r.at) AS first_at, max(r.at) AS last_at FROM unnest(batch) r
				WHERE r.kind = 2 AND r.told AND r.subject IS NOT NULL AND r.who IS NOT NULL GROUP BY r.relid, r.subject, r.who),
		noted AS (
			INSERT INTO csec.alert_seen AS s (relid, subject, who, at, since) SELECT relid, subject, who, last_at, first_at FROM looked
				ON CONFLICT ON CONSTRAINT alert_seen_pkey DO UPDATE SET at = EXCLUDED.at, since = EXCLUDED.since,
						anew = (SELECT s.at NOT BETWEEN EXCLUDED.since - p.span AND EXCLUDED.since + p.span
							FROM (SELECT make_interval(mins => (e.params ->> 'minutes')::int) AS span FROM csec.alert_rule e WHERE e.kind = 'enumeration') p)
					-- later, or before the clock was set back
					WHERE s.at NOT BETWEEN EXCLUDED.at - interval '1 minute' AND EXCLUDED.at + interval '1 minute'
				RETURNING s.who, s.since, s.anew)
		SELECT csec.count_for_alert('enumeration', array_agg(n.who), array_agg(date_trunc('minute', n.since)), array_agg(1::int8))
			FROM noted n WHERE n.anew HAVING count(*) > 0
	$$;
REVOKE ALL ON FUNCTION csec.note_seen(csec.alert_record[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.note_seen(csec.alert_record[]) IS 'internal: remember who looked for whom';

CREATE FUNCTION csec.note_permits(batch csec.alert_record[]) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		INSERT INTO csec.permit_seen (permit, at) SELECT r.permit, max(r.at) FROM unnest(batch) r WHERE r.permit IS NOT NULL GROUP BY r.permit
			ON CONFLICT ON CONSTRAINT permit_seen_pkey DO UPDATE SET at = EXCLUDED.at
	$$;
REVOKE ALL ON FUNCTION csec.note_permits(csec.alert_record[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.note_permits(csec.alert_record[]) IS 'internal: remember when permits were used';

CREATE FUNCTION csec.note_activity(batch csec.alert_record[]) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
		INSERT INTO csec.activity AS a (who, day, reads, revealed, masked, denials)
			SELECT r.who, (r.at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE r.kind = 2),
				coalesce(sum(r.customers) FILTER (WHERE r.kind = 2 AND cardinality(r.revealed) > 0), 0),
				coalesce(sum(r.customers) FILTER (WHERE r.kind = 2 AND coalesce(cardinality(r.revealed), 0) = 0), 0), count(*) FILTER (WHERE r.kind = 6)
			FROM unnest(batch) r WHERE r.who IS NOT NULL AND (r.kind = 6 OR r.kind = 2 AND r.told) GROUP BY 1, 2
			ON CONFLICT ON CONSTRAINT activity_pkey DO UPDATE SET reads = a.reads + EXCLUDED.reads, revealed = a.revealed + EXCLUDED.revealed,
				masked = a.masked + EXCLUDED.masked, denials = a.denials + EXCLUDED.denials
	$$;
REVOKE ALL ON FUNCTION csec.note_activity(csec.alert_record[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.note_activity(csec.alert_record[]) IS 'internal: count what persons did, by day';

-- The first record of a range that does not fit the one before; null: none.
CREATE FUNCTION csec.first_break(after int8, until int8, hash_before bytea) RETURNS int8
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT min(w.seq) FROM (
			SELECT l.seq, csec.whole_record(l.record, missing_ok => true) AS record, l.hash, lag(l.hash, 1, hash_before) OVER o AS before, lag(l.seq, 1, CASE WHEN hash_before IS NULL THEN l.seq - 1 ELSE after END) OVER o AS seq_before
				FROM csec_trail.audit_log l WHERE l.seq > after AND l.seq <= until WINDOW o AS (ORDER BY l.seq)) w
			WHERE w.seq <> w.seq_before + 1 OR w.before IS NOT NULL AND w.hash IS DISTINCT FROM sha256(w.before || w.record)
	$$;
REVOKE ALL ON FUNCTION csec.first_break(int8, int8, bytea) FROM PUBLIC;
COMMENT ON FUNCTION csec.first_break(int8, int8, bytea) IS 'internal: where the chain of a range of records is broken';
