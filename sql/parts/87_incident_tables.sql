-- Incidents: what happened, to whom, until when somebody must be told, and
-- what became of it.  Deadlines and severities are rows, not code.

CREATE TABLE csec.severity_rule (
	level		text NOT NULL,
	shown		text NOT NULL CHECK (shown IN ('revealed', 'masked')),
	persons		int8 NOT NULL CHECK (persons > 0),
	severity	text NOT NULL CHECK (severity IN ('minor', 'moderate', 'major', 'critical')),
	shipped		bool NOT NULL DEFAULT false,
	PRIMARY KEY (level, shown, persons)
);
COMMENT ON TABLE csec.severity_rule IS 'how severe an incident is, from the level of the fields, how they were shown, and the number of persons: the worst row that applies';
COMMENT ON COLUMN csec.severity_rule.persons IS 'from so many persons on';
COMMENT ON COLUMN csec.severity_rule.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.severity_rule');

INSERT INTO csec.severity_rule (level, shown, persons, severity, shipped) VALUES
	('core', 'revealed', 1, 'moderate', true), ('core', 'revealed', 500, 'major', true), ('core', 'revealed', 100000, 'critical', true),
	('important', 'revealed', 1, 'minor', true), ('important', 'revealed', 5000, 'moderate', true),
	('important', 'revealed', 100000, 'major', true), ('important', 'revealed', 10000000, 'critical', true),
	('general', 'revealed', 1, 'minor', true), ('general', 'revealed', 1000000, 'moderate', true),
	('general', 'revealed', 10000000, 'major', true), ('general', 'revealed', 100000000, 'critical', true),
	('core', 'masked', 1, 'minor', true), ('core', 'masked', 100000, 'moderate', true),
	('important', 'masked', 1, 'minor', true), ('general', 'masked', 1, 'minor', true);

CREATE TABLE csec.deadline_rule (
	regime		text CHECK (regime ~ '^[a-z][a-z0-9_]{0,62}$'),
	recipient	text CHECK (recipient IN ('authority', 'persons', 'media')),
	persons		int8 CHECK (persons > 0),
	class		text,
	within		interval NOT NULL CHECK (within >= interval '0'),
	law			text NOT NULL CHECK (length(law) BETWEEN 1 AND 1000),
	applies		bool NOT NULL DEFAULT true,
	shipped		bool NOT NULL DEFAULT false,
	PRIMARY KEY (regime, recipient, persons)
);
COMMENT ON TABLE csec.deadline_rule IS 'whom an incident must be told to, by when; of the rows of one regime and recipient that with the most persons applies';
COMMENT ON COLUMN csec.deadline_rule.regime IS 'the law or the rules';
COMMENT ON COLUMN csec.deadline_rule.recipient IS 'authority, the persons concerned, or media';
COMMENT ON COLUMN csec.deadline_rule.persons IS 'from so many persons on';
COMMENT ON COLUMN csec.deadline_rule.class IS 'how the regime calls an incident of that size';
COMMENT ON COLUMN csec.deadline_rule.within IS 'from the discovery on';
COMMENT ON COLUMN csec.deadline_rule.law IS 'where it says so, and what is csec''s own limit where it gives no number';
COMMENT ON COLUMN csec.deadline_rule.applies IS 'to incidents that name no regimes of their own';
COMMENT ON COLUMN csec.deadline_rule.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.deadline_rule');

INSERT INTO csec.deadline_rule (regime, recipient, persons, class, within, law, applies, shipped) VALUES
	('pipl', 'authority', 1, NULL, interval '24 hours', 'PIPL art. 57: at once; 24 hours are the limit that csec sets', true, true),
	('pipl', 'persons', 1, NULL, interval '72 hours', 'PIPL art. 57: at once, unless the measures avert the harm; 72 hours are the limit that csec sets', true, true),
	('cn_network', 'authority', 1, 'general', interval '24 hours', 'National measures for reporting network security incidents: a general incident; 24 hours are the limit that csec sets', true, true),
	('cn_network', 'authority', 1000000, 'larger', interval '4 hours', 'National measures for reporting network security incidents: personal information of over 1 million persons; 1 hour for critical infrastructure', true, true),
	('cn_network', 'authority', 10000000, 'major', interval '4 hours', 'National measures for reporting network security incidents: over 10 million persons; 1 hour for critical infrastructure', true, true),
	('cn_network', 'authority', 100000000, 'especially major', interval '4 hours', 'National measures for reporting network security incidents: over 100 million persons; 1 hour for critical infrastructure', true, true),
	('postal', 'authority', 1, NULL, interval '24 hours', 'Rules on personal information of users of postal services: at once; 24 hours are the limit that csec sets', false, true),
	('gdpr', 'authority', 1, NULL, interval '72 hours', 'GDPR art. 33', false, true),
	('gdpr', 'persons', 1, NULL, interval '72 hours', 'GDPR art. 34: without undue delay; 72 hours are the limit that csec sets', false, true),
	('hipaa', 'persons', 1, NULL, interval '60 days', '45 CFR 164.404', false, true),
	('hipaa', 'authority', 500, NULL, interval '60 days', '45 CFR 164.408', false, true),
	('hipaa', 'media', 501, NULL, interval '60 days', '45 CFR 164.406', false, true);

CREATE SEQUENCE csec.incident_id;
REVOKE ALL ON SEQUENCE csec.incident_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.incident_id IS 'numbers incidents';

CREATE TABLE csec.incident (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.incident_id'),
	state		text NOT NULL DEFAULT 'reported' CHECK (state IN ('reported', 'triaged', 'confirmed', 'false_alarm', 'contained',
					'notified', 'recovered', 'lessons', 'closed')),
	kind		text NOT NULL CHECK (kind IN ('leak', 'misuse', 'tampering', 'loss', 'outage', 'other')),
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	place		text CHECK (length(place) <= 200),
	happened_from timestamptz,
	happened_until timestamptz CHECK (happened_until >= happened_from),
	discovered_at timestamptz NOT NULL,
	reported_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	reported_by	text NOT NULL,
	handler		text,
	severity	text NOT NULL DEFAULT 'unrated' CHECK (severity IN ('unrated', 'minor', 'moderate', 'major', 'critical')),
	severity_set text CHECK (severity_set IN ('minor', 'moderate', 'major', 'critical')),
	persons		int8 NOT NULL DEFAULT 0 CHECK (persons >= 0),
	regimes		text[],
	accused		text[] NOT NULL DEFAULT '{}',
	impact		text CHECK (length(impact) <= 10000),
	cause		text CHECK (length(cause) <= 10000),
	measures	text CHECK (length(measures) <= 10000),
	recovery	text CHECK (length(recovery) <= 10000),
	lessons		text CHECK (length(lessons) <= 10000),
	result		text CHECK (length(result) <= 10000),
	changed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	changed_by	text NOT NULL,
	closed_at	timestamptz
);
CREATE INDEX incident_open ON csec.incident (state) WHERE state NOT IN ('closed', 'false_alarm');
COMMENT ON TABLE csec.incident IS 'incidents, and where each of them stands';
SELECT pg_temp.sign_rows('csec.incident');
COMMENT ON COLUMN csec.incident.place IS 'the system or the place';
COMMENT ON COLUMN csec.incident.discovered_at IS 'deadlines run from here';
COMMENT ON COLUMN csec.incident.reported_by IS 'the person who reported it; csec: an alert did';
COMMENT ON COLUMN csec.incident.handler IS 'the person who is in charge of it';
COMMENT ON COLUMN csec.incident.severity IS 'the worst of what csec.severity_rule says of its scope, and of severity_set';
COMMENT ON COLUMN csec.incident.severity_set IS 'what was set at triage; it can only make it worse';
COMMENT ON COLUMN csec.incident.persons IS 'how many persons are concerned: those of the scope, or more where more was stated';
COMMENT ON COLUMN csec.incident.regimes IS 'whose deadlines apply; null: those that csec.deadline_rule says apply';
COMMENT ON COLUMN csec.incident.accused IS 'persons who may be at fault: they decide nothing about it';
COMMENT ON COLUMN csec.incident.impact IS 'what it means for those concerned';
COMMENT ON COLUMN csec.incident.measures IS 'how it was contained';
COMMENT ON COLUMN csec.incident.recovery IS 'how things were put right';
COMMENT ON COLUMN csec.incident.lessons IS 'what is to be done so that it does not come again';
COMMENT ON COLUMN csec.incident.result IS 'how it ended; why it was a false alarm';

CREATE TABLE csec.incident_move (
	incident	int8,
	at			timestamptz DEFAULT clock_timestamp(),
	from_state	text,
	to_state	text NOT NULL,
	person		text NOT NULL,
	reason		text,
	policy		int8 NOT NULL,
	PRIMARY KEY (incident, at)
);
COMMENT ON TABLE csec.incident_move IS 'who brought an incident into which state, when and why';
COMMENT ON COLUMN csec.incident_move.policy IS 'version of the policy';

-- What the trail says of who was concerned: csec.add_scope().
CREATE TABLE csec.incident_scope (
	incident	int8,
	number		int,
	role		text,
	person		text,
	from_time	timestamptz NOT NULL,
	to_time		timestamptz NOT NULL,
	level		text NOT NULL,
	shown		text NOT NULL CHECK (shown IN ('revealed', 'masked')),
	relid		regclass NOT NULL,
	relation	text NOT NULL,
	fields		text[] NOT NULL,
	customers	int8 NOT NULL,
	reads		int8 NOT NULL,
	complete	bool NOT NULL,
	digest		text NOT NULL,
	PRIMARY KEY (incident, number, relid, level, shown)
);
COMMENT ON TABLE csec.incident_scope IS 'what csec.scope_incident() found for an incident';
COMMENT ON COLUMN csec.incident_scope.number IS 'numbers the calls of csec.add_scope()';
COMMENT ON COLUMN csec.incident_scope.relation IS 'the table by the name it had in the trail';
COMMENT ON COLUMN csec.incident_scope.complete IS 'false: a read is among them of which all customers of the table must be assumed';
COMMENT ON COLUMN csec.incident_scope.digest IS 'SHA-256 over the sorted customers and fields: the same on every run';

CREATE TABLE csec.incident_subject (
	incident	int8,
	relid		regclass,
	subject		text COLLATE "C",
	revealed	text[] NOT NULL DEFAULT '{}',
	masked		text[] NOT NULL DEFAULT '{}',
	level		text,
	PRIMARY KEY (incident, relid, subject)
);
CREATE INDEX incident_subject_subject ON csec.incident_subject (relid, subject);
COMMENT ON TABLE csec.incident_subject IS 'the customers whom an incident concerns, and their fields';
COMMENT ON COLUMN csec.incident_subject.revealed IS 'fields that were seen in clear';
COMMENT ON COLUMN csec.incident_subject.masked IS 'fields of which masks were seen';
COMMENT ON COLUMN csec.incident_subject.level IS 'the highest level among them';

CREATE TABLE csec.incident_letter (
	incident	int8 PRIMARY KEY,
	kinds		text NOT NULL,
	cause		text NOT NULL,
	harm		text NOT NULL,
	remedies	text NOT NULL,
	advice		text NOT NULL,
	contact		text NOT NULL,
	written_by	text NOT NULL,
	written_at	timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE csec.incident_letter IS 'what the persons concerned are told';
COMMENT ON COLUMN csec.incident_letter.kinds IS 'the kinds of information';
COMMENT ON COLUMN csec.incident_letter.harm IS 'what may come of it';
COMMENT ON COLUMN csec.incident_letter.remedies IS 'what was done against it';
COMMENT ON COLUMN csec.incident_letter.advice IS 'what one can do oneself';
COMMENT ON COLUMN csec.incident_letter.contact IS 'whom to ask';

CREATE TABLE csec.incident_notice (
	incident	int8,
	relid		regclass,
	subject		text COLLATE "C",
	state		text NOT NULL DEFAULT 'listed' CHECK (state IN ('listed', 'sent', 'failed')),
	channel		text CHECK (length(channel) <= 100),
	attempts	int NOT NULL DEFAULT 0,
	at			timestamptz,
	by			text,
	error		text CHECK (length(error) <= 1000),
	PRIMARY KEY (incident, relid, subject)
);
COMMENT ON TABLE csec.incident_notice IS 'whom of those concerned a letter goes to, and whether it has gone';
COMMENT ON COLUMN csec.incident_notice.error IS 'why it could not be sent';

CREATE TABLE csec.incident_report (
	incident	int8,
	regime		text,
	recipient	text CHECK (recipient IN ('authority', 'media')),
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	by			text NOT NULL,
	reference	text NOT NULL CHECK (length(reference) BETWEEN 1 AND 200),
	due_at		timestamptz,
	PRIMARY KEY (incident, regime, recipient)
);
COMMENT ON TABLE csec.incident_report IS 'the reports that were made to authorities and media';
COMMENT ON COLUMN csec.incident_report.reference IS 'the number or the receipt that it was given';
COMMENT ON COLUMN csec.incident_report.due_at IS 'when it was due, as the rules then were';

CREATE SEQUENCE csec.evidence_hold_id;
REVOKE ALL ON SEQUENCE csec.evidence_hold_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.evidence_hold_id IS 'numbers evidence holds';

CREATE TABLE csec.evidence_hold (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.evidence_hold_id'),
	incident	int8,
	relid		regclass,
	subject		text,
	from_time	timestamptz,
	to_time		timestamptz,
	reason		text NOT NULL,
	placed_by	text NOT NULL,
	placed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	released_by	text,
	released_at	timestamptz,
	release_reason text,
	CHECK (subject IS NULL OR relid IS NOT NULL),
	CHECK (num_nonnulls(released_by, released_at, release_reason) IN (0, 3))
);
CREATE INDEX evidence_hold_standing ON csec.evidence_hold (relid) WHERE released_at IS NULL;
COMMENT ON TABLE csec.evidence_hold IS 'what must not be destroyed while it stands: records of the trail and rows of customers; ask csec.evidence_is_held()';
COMMENT ON COLUMN csec.evidence_hold.relid IS 'the protected table; null: all';
COMMENT ON COLUMN csec.evidence_hold.subject IS 'the customer; null: all';
COMMENT ON COLUMN csec.evidence_hold.from_time IS 'records from then on; null: from the first';
COMMENT ON COLUMN csec.evidence_hold.to_time IS 'records before then; null: all to come';
SELECT pg_temp.sign_rows('csec.evidence_hold');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('severity_rule', 'level', '{level,shown,persons}'), ('deadline_rule', 'regime', '{regime,recipient,persons}')) v (name, object, key) LOOP
		PERFORM pg_temp.ship_rules(format('csec.%I', t.name), VARIADIC t.key::name[]);
		PERFORM pg_temp.count_policy(format('csec.%I', t.name));
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON csec.%I TO csec_admin', t.name);
	END LOOP;
	-- the lists are long, and made by functions that say so: what is told is that one was changed or cut
	FOR t IN SELECT * FROM (VALUES ('severity_rule', 'level', false), ('deadline_rule', 'regime', false), ('incident', 'id', false),
			('incident_letter', 'incident', false), ('incident_report', 'incident', false), ('evidence_hold', 'id', false),
			('incident_move', 'incident', true), ('incident_scope', 'incident', true),
			('incident_subject', 'incident', true), ('incident_notice', 'incident', true)) v (name, object, is_list) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object, CASE WHEN t.is_list THEN 'DELETE' ELSE 'INSERT OR UPDATE OR DELETE' END);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_management, csec_backup', t.name);
	END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('csec.severity_rule', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.deadline_rule', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_move', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_scope', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_subject', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_letter', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_notice', '');
SELECT pg_catalog.pg_extension_config_dump('csec.incident_report', '');
SELECT pg_catalog.pg_extension_config_dump('csec.evidence_hold_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.evidence_hold', '');
