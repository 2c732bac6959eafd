-- Thresholds of alerts, by records made up for them: one less, as many, one
-- more; across midnight, hours that one batch has slept through, a clock that was
-- set back.  Were this to fail, something would go by for how the minutes fall.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT csec.create_trail();
-- What a rule finds in batches, one after the other, and nothing of it stays.
-- A batch is a list of records; what a record does not say is as here.
CREATE FUNCTION hits(what text, p jsonb, VARIADIC batches jsonb[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	b jsonb;
	batch csec.alert_record[];
	came text[] := '{}';
BEGIN
	UPDATE csec.alert_rule SET params = p WHERE kind = what;
	FOREACH b IN ARRAY batches LOOP
		batch := ARRAY(SELECT jsonb_populate_record(NULL::csec.alert_record, '{"seq": 1, "kind": 2, "login": "l", "who": "me", "relid": 1, "customers": 1, "revealed": ["phone"],
			"told": true, "shows": true, "session_started": "2024-03-01 00:00Z"}' || r) FROM jsonb_array_elements(b) r);
		PERFORM csec.note_activity(batch), csec.note_seen(batch);
		came := came || coalesce((SELECT string_agg(concat_ws(' ', h.times, h.detail - 'application'), ' + ' ORDER BY h.key COLLATE "C") FROM csec.alert_hits(what, p, batch) h), '-');
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'OK000', MESSAGE = array_to_string(came, ' | ');
EXCEPTION WHEN SQLSTATE 'OK000' THEN
	RETURN SQLERRM;
END $$;
-- so many records from a time on, so far apart, each of another customer, with what else is said of them
CREATE FUNCTION recs(n int, from_at timestamptz, apart interval, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(jsonb_build_object('at', from_at + (i - 1) * apart, 'subject', i) || more ORDER BY i) FROM generate_series(1, n) i $$;
SET timezone = 'UTC';

-- refusals: 9, 10, 11 of 10 in 5 minutes; just within them, wherever the minute begins; just without; across midnight
\set denied '\'{"kind": 6}\''
SELECT n, hits('denial_burst', '{"least": 10, "minutes": 5}', recs(n, '2024-03-01 10:00:45', '20 s', :denied)) FROM generate_series(9, 11) n;
SELECT hits('denial_burst', '{"least": 10, "minutes": 5}', recs(10, '2024-03-01 10:00:45', '33 s', :denied)) AS within,
	hits('denial_burst', '{"least": 10, "minutes": 5}', recs(10, '2024-03-01 10:00:00', '40 s', :denied)) AS without,
	hits('denial_burst', '{"least": 10, "minutes": 5}', recs(10, '2024-03-01 23:58:00', '30 s', :denied)) AS midnight,
	hits('denial_burst', '{"least": 10, "minutes": 1}', recs(10, '2024-03-01 10:00:55', '5 s', :denied)) AS one_minute;
-- in two batches; long before the end of one batch; a clock set back by an hour between (and 20 hours apart: none)
SELECT hits('denial_burst', '{"least": 10, "minutes": 5}', recs(5, '2024-03-01 10:00', '1 s', :denied), recs(5, '2024-03-01 10:02', '1 s', :denied)) AS two,
	hits('denial_burst', '{"least": 10, "minutes": 5}', recs(10, '2024-03-01 10:00', '1 s', :denied) || recs(1, '2024-03-01 16:00', '1 s', :denied)) AS before,
	hits('denial_burst', '{"least": 10, "minutes": 5}', recs(1, '2024-03-01 16:00', '1 s', :denied), recs(10, '2024-03-01 10:00', '1 s', :denied)) AS set_back,
	hits('denial_burst', '{"least": 10, "minutes": 5}', recs(24, '2024-03-01 00:00', '1 hour', :denied)) AS day;
-- of two persons each counts for himself
SELECT hits('denial_burst', '{"least": 10, "minutes": 5}', recs(9, '2024-03-01 10:00', '1 s', :denied) || recs(9, '2024-03-01 10:00', '1 s', '{"kind": 6, "who": "you"}')) AS two_people;

-- customers one by one: 5, 6, 7 of 6 in 10 minutes; one customer often; slowly; long before the end of the batch
SELECT n, hits('enumeration', '{"customers": 6, "minutes": 10}', recs(n, '2024-03-01 10:00', '1 s')) FROM generate_series(5, 7) n;
SELECT hits('enumeration', '{"customers": 6, "minutes": 10}', recs(20, '2024-03-01 10:00', '1 s', '{"subject": 1}')) AS one_often,
	hits('enumeration', '{"customers": 6, "minutes": 10}', recs(20, '2024-03-01 10:00', '3 min')) AS slowly,
	hits('enumeration', '{"customers": 6, "minutes": 10}', recs(6, '2024-03-01 23:55', '1 min') || recs(1, '2024-03-02 09:00', '1 s')) AS before;
-- the same customers again after the ten minutes, and within them
SELECT hits('enumeration', '{"customers": 6, "minutes": 10}', recs(6, '2024-03-01 10:00', '1 s'), recs(6, '2024-03-02 10:00', '1 s'), recs(1, '2024-03-02 18:00', '1 s')) AS next_day,
	hits('enumeration', '{"customers": 6, "minutes": 10}', recs(5, '2024-03-01 10:00', '1 s'), recs(5, '2024-03-01 10:05', '1 s')) AS within;

-- several people on one customer: 2, 3, 4 of 3 in an hour; just within, just without; one who comes back; long before the end of the batch
CREATE FUNCTION people(n int, from_at timestamptz, apart interval) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(jsonb_build_object('at', from_at + (i - 1) * apart, 'subject', 7, 'who', 'p' || i) ORDER BY i) FROM generate_series(1, n) i $$;
SELECT n, hits('one_customer', '{"persons": 3, "minutes": 60}', people(n, '2024-03-01 10:00', '1 s')) FROM generate_series(2, 4) n;
SELECT hits('one_customer', '{"persons": 3, "minutes": 60}', people(3, '2024-03-01 23:30:59', '29 min 58 s')) AS within,
	hits('one_customer', '{"persons": 3, "minutes": 60}', people(3, '2024-03-01 10:00', '35 min')) AS without,
	hits('one_customer', '{"persons": 3, "minutes": 60}', people(3, '2024-03-01 10:00', '1 min') || people(1, '2024-03-01 16:00', '1 s')) AS before,
	hits('one_customer', '{"persons": 3, "minutes": 60}', people(1, '2024-03-01 10:00', '1 min') || people(1, '2024-03-01 10:00:59', '1 min'), recs(1, '2024-03-01 11:00:30', '1 s', '{"subject": 7, "who": "p8"}') || recs(1, '2024-03-01 11:00:31', '1 s', '{"subject": 7, "who": "p9"}')) AS comes_back,
	hits('one_customer', '{"persons": 3, "minutes": 60}', people(2, '2024-03-01 16:00', '1 s'), people(2, '2024-03-01 10:00', '1 s'), recs(1, '2024-03-01 10:05', '1 s', '{"subject": 7, "who": "p3"}')) AS set_back;
-- what is looked at now and then is, whatever the clock was
BEGIN;
UPDATE csec.alert_cursor SET looked_at = now() + interval '1 year', hba_looked_at = now() + interval '1 year';
SELECT csec.evaluate_alerts() >= 0 AS evaluated;
SELECT looked_at < now() + interval '1 day' AS looked, hba_looked_at < now() + interval '1 day' AS at_hba FROM csec.alert_cursor;
ROLLBACK;

-- many in clear in a day: 199, 200 of 200; above five times the mean, and not beyond; the day begins anew at midnight (UTC)
SELECT n, hits('bulk_reveal', '{"factor": 5, "least": 200}', recs(1, '2024-03-01 10:00', '1 s', jsonb_build_object('customers', n))) FROM generate_series(199, 201) n;
SELECT n, hits('bulk_reveal', '{"factor": 5, "least": 200}', recs(1, '2024-02-01 10:00', '1 s', '{"customers": 40}'), recs(1, '2024-02-20 10:00', '1 s', '{"customers": 60}'), recs(1, '2024-03-01 10:00', '1 s', jsonb_build_object('customers', n)))
	FROM unnest(ARRAY[250, 251]) n;
SELECT hits('bulk_reveal', '{"factor": 5, "least": 200}', recs(1, '2024-01-31 10:00', '1 s', '{"customers": 100}'), recs(1, '2024-03-01 10:00', '1 s', '{"customers": 201}')) AS month_old,
	hits('bulk_reveal', '{"factor": 5, "least": 200}', recs(2, '2024-03-01 23:59:59', '1 s', '{"customers": 199}')) AS midnight,
	hits('bulk_reveal', '{"factor": 5, "least": 200}', recs(1, '2024-03-01 10:00', '1 s', '{"customers": 5000, "revealed": []}')) AS masked;

-- hours: the last moment before and the first after; weekdays; night shifts; a zone whose clocks change
\set hours '\'{"from": "07:00", "until": "21:00", "days": [1, 2, 3, 4, 5], "zone": "Europe/Berlin"}\''
SELECT t, hits('off_hours', :hours, recs(1, t, '1 s')) FROM unnest(ARRAY['2024-03-29 05:59:59', '2024-03-29 06:00', '2024-03-29 19:59:59', '2024-03-29 20:00', '2024-03-30 12:00',
	'2024-04-01 04:59:59', '2024-04-01 05:00', '2024-04-01 18:59:59', '2024-04-01 19:00']::timestamptz[]) t;
SELECT t, hits('off_hours', '{"from": "22:00", "until": "06:00", "days": [1, 2, 3, 4, 5, 6, 7], "zone": "UTC"}', recs(1, t, '1 s'))
	FROM unnest(ARRAY['2024-03-29 21:59:59', '2024-03-29 22:00', '2024-03-30 00:00', '2024-03-30 05:59:59', '2024-03-30 06:00']::timestamptz[]) t;

-- one reason: 29, 30 of 30 customers in a day, in one read or many; another reason, another day
\set said '\'{"reason": "x"}\''
SELECT n, hits('same_reasons', '{"customers": 30}', recs(n, '2024-03-01 10:00', '1 s', :said)), hits('same_reasons', '{"customers": 30}', recs(1, '2024-03-01 10:00', '1 s', jsonb_build_object('customers', n, 'reason', 'x')))
	FROM generate_series(29, 31) n;
SELECT hits('same_reasons', '{"customers": 30}', recs(29, '2024-03-01 10:00', '1 s', :said) || recs(29, '2024-03-01 10:00', '1 s', '{"reason": "y"}')) AS other,
	hits('same_reasons', '{"customers": 30}', recs(40, '2024-03-01 23:59:40', '1 s', :said)) AS midnight;

-- a session that began a millisecond before or as somebody else set the password; the last minute of a day, and the next
\set reset '\'{"kind": 5, "action": "ALTER ROLE", "object": "l", "login": "boss"}\''
SELECT hits('login_after_reset', '{"minutes": 1440}', recs(1, '2024-03-01 10:00', '1 s', :reset) || recs(1, '2024-03-01 10:05', '1 s', '{"session_started": "2024-03-01 09:59:59.999Z"}')) AS before,
	hits('login_after_reset', '{"minutes": 1440}', recs(1, '2024-03-01 10:00', '1 s', :reset) || recs(1, '2024-03-01 10:05', '1 s', '{"session_started": "2024-03-01 10:00Z"}')) AS as_it_was,
	hits('login_after_reset', '{"minutes": 1440}', recs(1, '2024-03-01 10:00', '1 s', :reset), recs(1, '2024-03-02 09:59:59', '1 s', '{"session_started": "2024-03-01 12:00Z"}')) AS last_minute,
	hits('login_after_reset', '{"minutes": 1440}', recs(1, '2024-03-01 10:00', '1 s', :reset), recs(1, '2024-03-02 10:00', '1 s', '{"session_started": "2024-03-01 12:00Z"}')) AS day_after;

-- a permit that nobody uses: given or used last 14 days ago but for a minute, and a minute more; used later, over, to come
CREATE FUNCTION dormant(given interval, used interval DEFAULT NULL, ends interval DEFAULT '1 hour') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n int;
BEGIN
	INSERT INTO csec.access_permit (id, login, relid, fields, max_rows, export, valid_from, valid_until) VALUES (0, 'postgres', 'pg_class', '{relname}', 1, false, now() - given, now() + ends);
	IF used IS NOT NULL THEN
		PERFORM csec.note_permits(ARRAY[jsonb_populate_record(NULL::csec.alert_record, jsonb_build_object('permit', 0, 'at', now() - used))]);
	END IF;
	PERFORM csec.look_around(), csec.look_around();
	SELECT count(*) INTO n FROM csec.alert WHERE kind = 'dormant_permit' AND key ~ '^permit 0';
	-- the same again is no other alert, what comes after another use is
	UPDATE csec.alert SET state = 'acknowledged' WHERE kind = 'dormant_permit';
	PERFORM csec.note_permits(ARRAY[jsonb_populate_record(NULL::csec.alert_record, jsonb_build_object('permit', 0, 'at', now() - interval '15 days'))]), csec.look_around();
	RAISE EXCEPTION USING ERRCODE = 'OK000', MESSAGE = n || ' ' || (SELECT count(*) FROM csec.alert WHERE kind = 'dormant_permit' AND key ~ '^permit 0');
EXCEPTION WHEN SQLSTATE 'OK000' THEN
	RETURN SQLERRM;
END $$;
SELECT dormant('13 days 23:59') AS given_less, dormant('14 days 00:01') AS given, dormant('90 days', '13 days 23:59') AS used_less, dormant('90 days', '14 days 00:01') AS used,
	dormant('90 days', NULL, '-1 second') AS over, dormant('-1 hour', NULL, '2 hours') AS to_come;
DROP FUNCTION dormant;

-- what was acknowledged, and is done again: another alert, whose number goes out with no name
BEGIN;
SELECT csec.raise_alert('decoy', 'thresholds', 'l', 'me', NULL, '42', '{"why": "decoy"}', 1, 1, now(), now(), 1), csec.raise_alert('decoy', 'thresholds', 'l', 'me', NULL, '42', '{}', 2, 5, now(), now(), 4);
SELECT state, times, first_seq, last_seq FROM csec.alert WHERE key = 'thresholds';
UPDATE csec.alert SET state = 'acknowledged' WHERE key = 'thresholds';
SELECT csec.raise_alert('decoy', 'thresholds', repeat('l', 63), repeat('w', 200), NULL, repeat('s', 9000), '{}', 6, 6, now(), now(), 1);
SELECT state, times, first_seq, last_seq FROM csec.alert WHERE key = 'thresholds' ORDER BY id;
ROLLBACK;
DROP FUNCTION hits, recs, people;
