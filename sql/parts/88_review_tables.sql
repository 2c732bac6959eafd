-- Reviews: what is looked at every month, quarter and year, what was found,
-- who put it right, and who made sure.

CREATE TABLE csec.checklist (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	every		interval NOT NULL CHECK (every > interval '0'),
	sample		int NOT NULL DEFAULT 0 CHECK (sample BETWEEN 0 AND 10000),
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.checklist IS 'what is reviewed regularly';
COMMENT ON COLUMN csec.checklist.every IS 'how often';
COMMENT ON COLUMN csec.checklist.sample IS 'how many accesses are drawn to be looked at';
COMMENT ON COLUMN csec.checklist.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

CREATE TABLE csec.checklist_item (
	checklist	text,
	item		text CHECK (item ~ '^[a-z][a-z0-9_]{0,62}$'),
	position	int NOT NULL,
	question	text NOT NULL CHECK (length(question) BETWEEN 1 AND 1000),
	shipped		bool NOT NULL DEFAULT false,
	PRIMARY KEY (checklist, item)
);
COMMENT ON TABLE csec.checklist_item IS 'the questions of a checklist; csec answers itself those items that csec.live_answer() knows by name';
COMMENT ON COLUMN csec.checklist_item.question IS 'yes is the good answer';
COMMENT ON COLUMN csec.checklist_item.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

CREATE SEQUENCE csec.review_id;
REVOKE ALL ON SEQUENCE csec.review_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.review_id IS 'numbers reviews';

CREATE TABLE csec.review (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.review_id'),
	state		text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'in_progress', 'concluded', 'findings_open', 'verified', 'closed')),
	checklist	text NOT NULL,
	relid		regclass,
	period_from	timestamptz NOT NULL,
	period_to	timestamptz NOT NULL CHECK (period_to > period_from),
	due			timestamptz NOT NULL,
	owner		text NOT NULL,
	reviewer	text NOT NULL CHECK (reviewer <> owner),
	planned_by	text NOT NULL,
	planned_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	started_at	timestamptz,
	seed		text,
	concluded_at timestamptz,
	conclusion	text CHECK (conclusion IN ('satisfactory', 'needs improvement', 'unsatisfactory')),
	summary		text CHECK (length(summary) <= 10000),
	closed_at	timestamptz,
	changed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	changed_by	text NOT NULL
);
CREATE INDEX review_open ON csec.review (state) WHERE state <> 'closed';
COMMENT ON TABLE csec.review IS 'reviews, and where each of them stands';
COMMENT ON COLUMN csec.review.relid IS 'the protected table that it is about; null: all';
COMMENT ON COLUMN csec.review.owner IS 'the person who answers for what is reviewed';
COMMENT ON COLUMN csec.review.reviewer IS 'another person, who reviews it';
COMMENT ON COLUMN csec.review.seed IS 'by which the sample of accesses is drawn: the same seed draws the same ones';

CREATE TABLE csec.review_answer (
	review		int8,
	item		text,
	answer		text NOT NULL CHECK (answer IN ('yes', 'no', 'unknown', 'not applicable')),
	live		bool NOT NULL,
	evidence	text CHECK (length(evidence) <= 10000),
	by			text NOT NULL,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (review, item)
);
COMMENT ON TABLE csec.review_answer IS 'the answers to the questions of a review';
COMMENT ON COLUMN csec.review_answer.answer IS 'unknown is never a yes';
COMMENT ON COLUMN csec.review_answer.live IS 'csec answered it from what is in force; otherwise a person did';

CREATE TABLE csec.review_sample (
	review		int8,
	number		int,
	seq			int8 NOT NULL,
	verdict		text CHECK (verdict IN ('justified', 'not justified', 'unclear')),
	note		text CHECK (length(note) <= 1000),
	by			text,
	at			timestamptz,
	PRIMARY KEY (review, number)
);
COMMENT ON TABLE csec.review_sample IS 'the accesses that were drawn to be looked at, and what was thought of them';
COMMENT ON COLUMN csec.review_sample.seq IS 'number of the audit record';

CREATE SEQUENCE csec.review_finding_id;
REVOKE ALL ON SEQUENCE csec.review_finding_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.review_finding_id IS 'numbers findings';

CREATE TABLE csec.review_finding (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.review_finding_id'),
	review		int8 NOT NULL,
	state		text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'fixed', 'verified')),
	severity	text NOT NULL CHECK (severity IN ('minor', 'moderate', 'major', 'critical')),
	finding		text NOT NULL CHECK (length(finding) BETWEEN 1 AND 10000),
	fixer		text NOT NULL,
	due			timestamptz NOT NULL,
	found_by	text NOT NULL,
	found_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	fixed_by	text,
	fixed_at	timestamptz,
	fix			text CHECK (length(fix) <= 10000),
	verified_by	text CHECK (verified_by <> fixed_by),
	verified_at	timestamptz,
	verification text CHECK (length(verification) <= 10000)
);
CREATE INDEX review_finding_review ON csec.review_finding (review);
COMMENT ON TABLE csec.review_finding IS 'what reviews found, who put it right and who made sure';
COMMENT ON COLUMN csec.review_finding.fixer IS 'the person who has to put it right';

INSERT INTO csec.checklist (name, title, every, sample, shipped) VALUES
	('monthly', 'Monthly review', interval '1 month', 20, true),
	('quarterly', 'Quarterly review', interval '3 months', 50, true),
	('yearly', 'Yearly review', interval '1 year', 100, true);
INSERT INTO csec.checklist_item (checklist, item, position, question, shipped) VALUES
	('monthly', 'trail_whole', 10, 'Is the trail of the period without gaps, suspensions and broken links?', true),
	('monthly', 'alerts_acknowledged', 20, 'Was every alert of the period acknowledged?', true),
	('monthly', 'break_glass_reviewed', 30, 'Was every broken glass looked at by another person in time?', true),
	('monthly', 'policy_sound', 40, 'Is no row of policy changed behind csec''s back?', true),
	('monthly', 'sample_looked_at', 50, 'Was every access of the sample looked at, and justified?', true),
	('monthly', 'denials_looked_at', 60, 'Were the denials of the period looked at, and explained?', true),
	('quarterly', 'trail_verified', 10, 'Was the trail verified by csec.verify_trail(), and is it whole?', true),
	('quarterly', 'masks_enforced', 20, 'Are the masks of all protected tables in force?', true),
	('quarterly', 'permits_recertified', 30, 'Was every standing permit recertified in time?', true),
	('quarterly', 'leavers_gone', 40, 'Has nobody who left or is suspended a login, a clearance or a permit?', true),
	('quarterly', 'logins_known', 50, 'Does every login with a clearance belong to a known person?', true),
	('quarterly', 'clearances_needed', 60, 'Does everybody need the clearances that he has?', true),
	('quarterly', 'sample_looked_at', 70, 'Was every access of the sample looked at, and justified?', true),
	('yearly', 'findings_closed', 10, 'Is no finding of an earlier review overdue?', true),
	('yearly', 'incidents_closed', 20, 'Is no incident overdue with a report or a letter?', true),
	('yearly', 'restore_drill', 30, 'Was a restore from backup tried, keys included?', true),
	('yearly', 'incident_drill', 40, 'Was the handling of an incident rehearsed?', true),
	('yearly', 'training', 50, 'Was everybody trained who reads customers'' data?', true),
	('yearly', 'agreements', 60, 'Are the agreements with those who process data for us in force?', true),
	('yearly', 'sample_looked_at', 70, 'Was every access of the sample looked at, and justified?', true);

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('checklist', 'name', '{name}'), ('checklist_item', 'item', '{checklist,item}'), ('review', 'id', NULL), ('review_answer', 'review', NULL),
			('review_sample', 'review', NULL), ('review_finding', 'id', NULL)) v (name, object, key) LOOP
		IF t.key IS NOT NULL THEN
			PERFORM pg_temp.ship_rules(format('csec.%I', t.name), VARIADIC t.key::name[]);
			EXECUTE format('GRANT INSERT, UPDATE, DELETE ON csec.%I TO csec_admin', t.name);
		END IF;
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_management, csec_backup', t.name);
	END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('csec.checklist', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.checklist_item', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.review_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.review', '');
SELECT pg_catalog.pg_extension_config_dump('csec.review_answer', '');
SELECT pg_catalog.pg_extension_config_dump('csec.review_sample', '');
SELECT pg_catalog.pg_extension_config_dump('csec.review_finding_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.review_finding', '');
