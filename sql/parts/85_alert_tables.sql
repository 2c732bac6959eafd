-- Alerts: the rules, what they found, and how far the trail was looked at.
--
-- A rule is a row: whether it is on, how severe its alerts are, and its
-- thresholds.  What it looks for is code (86_alert_rules.sql): who may change
-- rows changes numbers, and runs nothing.

CREATE TABLE csec.alert_rule (
	kind		text PRIMARY KEY,
	enabled		bool NOT NULL DEFAULT true,
	severity	text NOT NULL CHECK (severity IN ('minor', 'moderate', 'major', 'critical')),
	params		jsonb NOT NULL DEFAULT '{}',
	meaning		text NOT NULL CHECK (length(meaning) BETWEEN 1 AND 1000),
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.alert_rule IS 'what raises an alert; members of csec_admin change thresholds and switch rules off, on record';
COMMENT ON COLUMN csec.alert_rule.params IS 'thresholds; each kind has its own, and no others';
COMMENT ON COLUMN csec.alert_rule.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.alert_rule');

INSERT INTO csec.alert_rule (kind, severity, params, meaning, shipped) VALUES
	('bulk_reveal', 'major', '{"factor": 5, "least": 200}', 'a person saw more customers in clear within a day than factor times his mean of the 30 days before, and at least so many', true),
	('off_hours', 'minor', '{"from": "07:00", "until": "21:00", "days": [1, 2, 3, 4, 5, 6], "zone": "Asia/Shanghai"}', 'a person saw customers in clear outside these hours of these days of the week (1 is Monday)', true),
	('denial_burst', 'moderate', '{"least": 10, "minutes": 5}', 'a person was refused so often within so many minutes', true),
	('one_customer', 'moderate', '{"persons": 4, "minutes": 60}', 'so many persons looked for one and the same customer within so many minutes', true),
	('own_record', 'major', '{}', 'somebody looked at himself as a customer', true),
	('colleague', 'moderate', '{}', 'somebody looked at a customer who works here', true),
	('watched', 'major', '{}', 'a customer was looked at who is watched: a VIP, or a relative of who looked', true),
	('decoy', 'critical', '{}', 'a customer was looked at who does not exist', true),
	('no_ticket', 'minor', '{"levels": ["core"]}', 'fields of these levels were seen in clear without a ticket', true),
	('dormant_permit', 'minor', '{"days": 14}', 'a permit was not used for so many days', true),
	('enumeration', 'major', '{"customers": 60, "minutes": 10}', 'a person looked for so many customers one by one within so many minutes', true),
	('login_after_reset', 'critical', '{"minutes": 1440}', 'within so many minutes after a password was set or pg_hba.conf changed, somebody else''s or anybody''s, a session of it saw fields in clear', true),
	('same_reasons', 'minor', '{"customers": 30}', 'a person gave one reason for so many customers within a day', true),
	('service_account', 'major', '{"logins": [], "applications": ["psql", "pgAdmin%", "DBeaver%", "DataGrip%", "Navicat%"]}', 'one of these logins, which are for programs, was used with a tool for people', true),
	('break_glass', 'major', '{}', 'somebody broke the glass, nobody reviewed it in time, or it was abuse', true),
	('audit_gap', 'critical', '{}', 'records are missing, were rejected, or recording was suspended', true),
	('chain_break', 'critical', '{"records": 20000}', 'a record of the trail does not fit the one before; so many older ones are looked at again each time', true),
	('key_trouble', 'major', '{}', 'the provider of keys did not give them, or a key does not open: what is read now may not be after the next start of the server', true),
	('policy_change', 'moderate', '{}', 'a level, category, clearance, protection or rule was changed', true),
	('policy_edited', 'critical', '{}', 'a row of policy was put or changed behind csec''s back; such a row is not honoured', true),
	('rule_failed', 'major', '{}', 'a rule could not be evaluated', true);

CREATE TABLE csec.watched_customer (
	relid		regclass,
	subject		text,
	why			text NOT NULL CHECK (why IN ('vip', 'relative', 'decoy')),
	person		text NOT NULL DEFAULT '',
	note		text CHECK (length(note) <= 200),
	PRIMARY KEY (relid, subject, why, person),
	CHECK ((why = 'relative') = (person <> ''))
);
COMMENT ON TABLE csec.watched_customer IS 'customers whom to look at raises an alert';
COMMENT ON COLUMN csec.watched_customer.why IS 'vip; relative of a person; decoy: there is no such customer';
COMMENT ON COLUMN csec.watched_customer.person IS 'whose relative it is; else empty';
SELECT pg_temp.sign_rows('csec.watched_customer');

CREATE SEQUENCE csec.alert_id;
REVOKE ALL ON SEQUENCE csec.alert_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.alert_id IS 'numbers alerts';

CREATE TABLE csec.alert (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.alert_id'),
	kind		text NOT NULL,
	key			text NOT NULL,
	severity	text NOT NULL,
	state		text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged')),
	login		text,
	person		text,
	relid		regclass,
	subject		text,
	detail		jsonb NOT NULL DEFAULT '{}',
	first_seq	int8,
	last_seq	int8,
	times		int8 NOT NULL DEFAULT 1,
	at			timestamptz NOT NULL,
	last_at		timestamptz NOT NULL,
	raised_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	acknowledged_by text,
	acknowledged_at timestamptz,
	reason		text,
	incident	int8,
	told		text CHECK (told IN ('yes', 'failed')),
	tries		int NOT NULL DEFAULT 0,
	told_at		timestamptz,
	tell_error	text
);
-- What goes on while nobody has acknowledged it is one alert.
CREATE UNIQUE INDEX alert_open ON csec.alert (kind, key) WHERE state = 'open';
CREATE INDEX alert_untold ON csec.alert (id) WHERE told IS DISTINCT FROM 'yes';
CREATE INDEX alert_person ON csec.alert (person, at);
CREATE INDEX alert_subject ON csec.alert (relid, subject) WHERE subject IS NOT NULL;
COMMENT ON TABLE csec.alert IS 'what the rules found in the trail';
COMMENT ON COLUMN csec.alert.key IS 'what makes two of a kind the same: then one alert counts both, until it is acknowledged';
COMMENT ON COLUMN csec.alert.first_seq IS 'number of the audit record that raised it';
COMMENT ON COLUMN csec.alert.times IS 'how often it was met';
COMMENT ON COLUMN csec.alert.at IS 'when it was done, by the clock of the session';
COMMENT ON COLUMN csec.alert.incident IS 'the incident that it opened';
COMMENT ON COLUMN csec.alert.told IS 'whether csec.alert_command took it; failed: not in several tries, it is tried again every minute; null: not yet, or there is none';
COMMENT ON COLUMN csec.alert.tries IS 'how often csec.alert_command was run for it';
COMMENT ON COLUMN csec.alert.told_at IS 'when it was run last';
COMMENT ON COLUMN csec.alert.tell_error IS 'how it failed then';

CREATE TABLE csec.alert_cursor (
	seq			int8 NOT NULL,
	hash		bytea,
	checked_seq	int8 NOT NULL DEFAULT 0,
	checked_hash bytea,
	hba_digest	text,
	hba_looked_at timestamptz,
	hba_changed_at timestamptz,
	looked_at	timestamptz
);
ALTER TABLE csec.alert_cursor REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX alert_cursor_one ON csec.alert_cursor ((true));
COMMENT ON TABLE csec.alert_cursor IS 'one row: how far the rules have looked at the trail';
COMMENT ON COLUMN csec.alert_cursor.checked_seq IS 'how far the chain was looked at again; it starts over at the end';
COMMENT ON COLUMN csec.alert_cursor.hba_digest IS 'of the rules in pg_hba.conf as they were, and of when the file was changed';
COMMENT ON COLUMN csec.alert_cursor.hba_changed_at IS 'when pg_hba.conf was last seen to have changed';
COMMENT ON COLUMN csec.alert_cursor.looked_at IS 'when what else no record tells was looked at: permits, the chain';
INSERT INTO csec.alert_cursor (seq) VALUES (0);

-- What the rules remember.  Of no use to anybody else, and not dumped.
CREATE TABLE csec.alert_tally (
	kind		text,
	key			text COLLATE "C",
	minute		timestamptz,
	n			int8 NOT NULL,
	PRIMARY KEY (kind, key, minute)
);
COMMENT ON TABLE csec.alert_tally IS 'internal: counts of the rules, by minute';
CREATE TABLE csec.alert_seen (
	relid		oid,
	subject		int8,
	who			text COLLATE "C",
	at			timestamptz NOT NULL,
	since		timestamptz NOT NULL,
	anew		bool NOT NULL DEFAULT true,
	PRIMARY KEY (relid, subject, who)
) WITH (fillfactor = 70);
COMMENT ON TABLE csec.alert_seen IS 'internal: who looked for which customer last, of those looked for lately';
COMMENT ON COLUMN csec.alert_seen.since IS 'when he first did in the batch of records that was looked at last';
COMMENT ON COLUMN csec.alert_seen.anew IS 'then not looked for by him in the time that the rule enumeration counts';
CREATE TABLE csec.permit_seen (
	permit		int8 PRIMARY KEY,
	at			timestamptz NOT NULL
);
COMMENT ON TABLE csec.permit_seen IS 'internal: when each permit was used last, by the trail';

-- Made from the trail again where it is lost: it is not dumped, either.
CREATE TABLE csec.acted_as (
	who			text COLLATE "C" NOT NULL,
	seqs		int8multirange NOT NULL,
	from_at		timestamptz NOT NULL,
	to_at		timestamptz NOT NULL
);
ALTER TABLE csec.acted_as REPLICA IDENTITY FULL;
CREATE INDEX acted_as_who ON csec.acted_as (who, to_at);
COMMENT ON TABLE csec.acted_as IS 'internal: the records that name somebody as role, person or actor whose login it is not; csec.what_did() finds them by it';
COMMENT ON COLUMN csec.acted_as.from_at IS 'when the first of them was sealed';
COMMENT ON COLUMN csec.acted_as.to_at IS 'when the last of them was sealed';

-- Kept for good: what is usual for somebody, and the indicators.
CREATE TABLE csec.activity (
	who			text COLLATE "C",
	day			date,
	reads		int8 NOT NULL DEFAULT 0,
	revealed	int8 NOT NULL DEFAULT 0,
	masked		int8 NOT NULL DEFAULT 0,
	denials		int8 NOT NULL DEFAULT 0,
	PRIMARY KEY (who, day)
);
COMMENT ON TABLE csec.activity IS 'what each person read and was denied on each day (UTC)';
COMMENT ON COLUMN csec.activity.who IS 'whom a token named, else whose login it was; login:NAME for a login that is nobody''s';
COMMENT ON COLUMN csec.activity.revealed IS 'customers whose fields were in clear, counted once for each read';
COMMENT ON COLUMN csec.activity.masked IS 'customers of whom only masks were seen, likewise';

-- A rule says what its kind knows, in the form that its kind takes.
CREATE FUNCTION csec.check_alert_rule() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	known jsonb := (SELECT jsonb_object_agg(v.kind, v.params) FROM (VALUES
		('bulk_reveal', '{"factor": "number", "least": "number"}'::jsonb), ('off_hours', '{"from": "time", "until": "time", "days": "days", "zone": "zone"}'),
		('denial_burst', '{"least": "number", "minutes": "number"}'), ('one_customer', '{"persons": "number", "minutes": "number"}'),
		('own_record', '{}'), ('colleague', '{}'), ('watched', '{}'), ('decoy', '{}'), ('no_ticket', '{"levels": "texts"}'),
		('dormant_permit', '{"days": "number"}'), ('enumeration', '{"customers": "number", "minutes": "number"}'),
		('login_after_reset', '{"minutes": "number"}'), ('same_reasons', '{"customers": "number"}'),
		('service_account', '{"logins": "texts", "applications": "texts"}'), ('audit_gap', '{}'), ('chain_break', '{"records": "number"}'),
		('key_trouble', '{}'), ('policy_change', '{}'), ('break_glass', '{}'), ('policy_edited', '{}'), ('rule_failed', '{}')) v (kind, params));
	p record;
	v jsonb;
	good bool;
BEGIN
	NEW.shipped := TG_OP = 'UPDATE' AND OLD.shipped AND to_jsonb(NEW) - 'mac' = to_jsonb(OLD) - 'mac';
	IF NOT known ? NEW.kind THEN
		RAISE EXCEPTION 'there is no alert of kind "%"', NEW.kind USING ERRCODE = 'check_violation', HINT = 'Kinds are code; their thresholds can be changed.';
	END IF;
	IF jsonb_typeof(NEW.params) <> 'object' OR NEW.params - ARRAY(SELECT jsonb_object_keys(known -> NEW.kind)) <> '{}' THEN
		RAISE EXCEPTION 'an alert of kind "%" has no such parameter', NEW.kind USING ERRCODE = 'check_violation', HINT = 'See csec.alert_rule.';
	END IF;
	FOR p IN SELECT * FROM jsonb_each_text(known -> NEW.kind) LOOP
		v := NEW.params -> p.key;
		good := v IS NOT NULL AND CASE p.value
			WHEN 'number' THEN jsonb_typeof(v) = 'number' AND v::numeric BETWEEN 1 AND 1000000000 AND (p.key <> 'minutes' OR v::numeric <= 10080)
			WHEN 'time' THEN jsonb_typeof(v) = 'string' AND (v #>> '{}') ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
			WHEN 'zone' THEN EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = v #>> '{}')
			WHEN 'days' THEN jsonb_typeof(v) = 'array' AND v <@ '[1, 2, 3, 4, 5, 6, 7]'
			ELSE jsonb_typeof(v) = 'array' AND NOT jsonb_path_exists(v, '$[*] ? (@.type() != "string")') END;
		IF NOT coalesce(good, false) THEN
			RAISE EXCEPTION 'parameter "%" of an alert of kind "%" is missing, or not in its form', p.key, NEW.kind
				USING ERRCODE = 'check_violation', HINT = 'Numbers begin with 1, minutes go to 10080, times are HH:MM.';
		END IF;
	END LOOP;
	IF TG_OP = 'INSERT' THEN
		DELETE FROM csec.alert_rule r WHERE r.kind = NEW.kind AND r.shipped;
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.check_alert_rule() FROM PUBLIC;
COMMENT ON FUNCTION csec.check_alert_rule() IS 'trigger of csec.alert_rule: refuses what its kind does not know';
SELECT pg_temp.add_trigger('csec.alert_rule', 'check_rule', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'check_alert_rule()');
SELECT pg_temp.count_policy('csec.alert_rule');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('alert_rule', 'kind', 'INSERT OR UPDATE OR DELETE'), ('watched_customer', 'relid', 'INSERT OR UPDATE OR DELETE'),
			('alert', 'id', 'DELETE'), ('activity', 'who', 'DELETE'), ('alert_cursor', 'seq', 'INSERT OR DELETE')) v (name, object, ops) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object, t.ops);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_management, csec_backup', t.name);
	END LOOP;
END
$$;
-- who is watched, and why, is not for those who look after the rules
REVOKE SELECT ON csec.watched_customer FROM csec_admin;
GRANT INSERT, UPDATE, DELETE ON csec.alert_rule TO csec_admin;
GRANT INSERT, UPDATE, DELETE ON csec.watched_customer TO csec_officer;
REVOKE ALL ON csec.alert_tally, csec.alert_seen, csec.permit_seen, csec.acted_as FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('csec.alert_rule', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.watched_customer',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');
SELECT pg_catalog.pg_extension_config_dump('csec.alert_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.alert', '');
SELECT pg_catalog.pg_extension_config_dump('csec.activity', '');
