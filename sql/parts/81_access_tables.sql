-- Access by request: what the rules are, what was asked for, and the permits
-- that are in force.
--
-- csec.access_request has the whole story, csec.access_permit only what may be used:
-- that is what the C side reads (src/policy/permit.c).  A permit goes when its
-- request ends; when it ends is said by times that are in the permit, so no
-- job has to run.

CREATE TABLE csec.access_rule (
	level		text PRIMARY KEY,
	longest		interval NOT NULL CHECK (longest > interval '0' AND longest <= interval '400 days'),
	needs_owner	bool NOT NULL DEFAULT true,
	needs_officer bool NOT NULL DEFAULT true,
	most_rows	int8 NOT NULL CHECK (most_rows BETWEEN 1 AND 1000000000),
	may_export	bool NOT NULL DEFAULT false,
	shipped		bool NOT NULL DEFAULT false,
	CHECK (needs_owner OR needs_officer)
);
COMMENT ON TABLE csec.access_rule IS 'what may be asked for at each level, and who has to agree; a level without a row cannot be asked for';
COMMENT ON COLUMN csec.access_rule.longest IS 'the longest time for which a permit may be given';
COMMENT ON COLUMN csec.access_rule.needs_owner IS 'the owner of the data has to agree';
COMMENT ON COLUMN csec.access_rule.needs_officer IS 'a member of csec_officer has to agree';
COMMENT ON COLUMN csec.access_rule.most_rows IS 'the largest quota of rows';
COMMENT ON COLUMN csec.access_rule.may_export IS 'permits may serve COPY and statements that change data';
COMMENT ON COLUMN csec.access_rule.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.access_rule');

INSERT INTO csec.access_rule (level, longest, needs_owner, needs_officer, most_rows, may_export, shipped) VALUES
	('general', interval '365 days', true, false, 1000000, true, true),
	('important', interval '90 days', true, false, 100000, true, true),
	('core', interval '8 hours', true, true, 1000, false, true);

CREATE TABLE csec.access_limit (
	name		text PRIMARY KEY CHECK (name IN ('lapse', 'break_glass', 'review', 'recertify', 'match')),
	limit_to	interval NOT NULL CHECK (limit_to > interval '0'),
	shipped		bool NOT NULL DEFAULT false,
	-- by the clock: a year less 360 days is less than an hour to PostgreSQL
	CHECK (name NOT IN ('break_glass', 'match') OR limit_to <= interval '1 hour'
		AND extract(year FROM limit_to) = 0 AND extract(month FROM limit_to) = 0 AND extract(day FROM limit_to) = 0)
);
COMMENT ON TABLE csec.access_limit IS 'times of the workflow: lapse (of a request that nobody decided), break_glass (longest), review (of one, at the latest), recertify (how often), match (of the permit that csec.match_customer() opens)';
COMMENT ON COLUMN csec.access_limit.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.access_limit');

INSERT INTO csec.access_limit (name, limit_to, shipped) VALUES
	('lapse', interval '48 hours', true), ('break_glass', interval '1 hour', true),
	('review', interval '24 hours', true), ('recertify', interval '90 days', true),
	('match', interval '10 minutes', true);

-- No time at all where none is known that csec has set.
CREATE FUNCTION csec.access_limit(name text) RETURNS interval
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT l.limit_to FROM csec.access_limit l WHERE l.name = access_limit.name AND csec.row_is_sound(l)), '0')
	$$;
REVOKE ALL ON FUNCTION csec.access_limit(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.access_limit(text) IS 'internal: a time of the workflow';

-- As for levels: a changed shipped row is dumped and takes the shipped one's
-- place when it is restored.  The trigger's arguments are the columns by which
-- the rows of its table are told apart.
CREATE FUNCTION csec.rule_shipped() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.shipped := TG_OP = 'UPDATE' AND OLD.shipped AND to_jsonb(NEW) - 'mac' = to_jsonb(OLD) - 'mac';
	IF TG_OP = 'INSERT' THEN
		EXECUTE (SELECT format('DELETE FROM csec.%I r WHERE r.shipped AND %s', TG_TABLE_NAME, string_agg(format('r.%1$I = ($1).%1$I', k), ' AND '))
			FROM unnest(TG_ARGV) k) USING NEW;
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.rule_shipped() FROM PUBLIC;
COMMENT ON FUNCTION csec.rule_shipped() IS 'trigger of tables with rules of csec''s: a changed row is not csec''s, and takes the shipped one''s place';

CREATE TABLE csec.data_owner (
	relid		regclass,
	role		regrole,
	PRIMARY KEY (relid, role)
);
COMMENT ON TABLE csec.data_owner IS 'who decides on access to a protected table in place of its owner in PostgreSQL: members of these roles';
SELECT pg_temp.sign_rows('csec.data_owner');

CREATE TABLE csec.match_permit (
	relid		regclass PRIMARY KEY,
	fields		name[] NOT NULL CHECK (cardinality(fields) > 0),
	max_rows	int8 NOT NULL DEFAULT 20 CHECK (max_rows BETWEEN 1 AND 1000)
);
COMMENT ON TABLE csec.match_permit IS 'tables of which csec.match_customer() opens a short permit for the customer that was matched';
COMMENT ON COLUMN csec.match_permit.fields IS 'the columns that it shows';
SELECT pg_temp.sign_rows('csec.match_permit');

CREATE SEQUENCE csec.access_request_id;
REVOKE ALL ON SEQUENCE csec.access_request_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.access_request_id IS 'numbers requests, and the permits that come of them';

CREATE TABLE csec.access_request (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.access_request_id'),
	kind		text NOT NULL DEFAULT 'request' CHECK (kind IN ('request', 'break_glass', 'match')),
	state		text NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'rejected', 'withdrawn',
					'lapsed', 'active', 'expired', 'revoked', 'suspended')),
	person		text NOT NULL,
	login		regrole NOT NULL,
	relid		regclass NOT NULL,
	fields		name[] NOT NULL CHECK (cardinality(fields) > 0),
	level		text NOT NULL,
	subjects	text[] CHECK (cardinality(subjects) BETWEEN 1 AND 10000),
	max_rows	int8 NOT NULL CHECK (max_rows > 0),
	export		bool NOT NULL DEFAULT false,
	purpose		text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 1000),
	ticket		text CHECK (length(ticket) <= 200),
	lasting		interval CHECK (lasting > interval '0'),
	valid_from	timestamptz,
	valid_until	timestamptz,
	recertify_by timestamptz,
	made_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	submitted_at timestamptz,
	changed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	changed_by	text NOT NULL,
	why			text,
	review_by	timestamptz,
	review		text CHECK (review IN ('open', 'escalated', 'justified', 'abuse')),
	reviewed_by	text,
	review_why	text,
	CHECK (lasting IS NOT NULL OR valid_until IS NOT NULL)
);
CREATE INDEX access_request_open ON csec.access_request (state)
	WHERE state IN ('draft', 'submitted', 'approved', 'active', 'suspended') OR review IN ('open', 'escalated');
CREATE INDEX access_request_person ON csec.access_request (person);
COMMENT ON TABLE csec.access_request IS 'what was asked for, by whom, and what became of it';
COMMENT ON COLUMN csec.access_request.kind IS 'request; break_glass; match: opened by csec.match_customer()';
COMMENT ON COLUMN csec.access_request.state IS 'as it was recorded last: csec.access_requests shows what time has made of it';
COMMENT ON COLUMN csec.access_request.login IS 'the login that asked, and the only one that the permit serves';
COMMENT ON COLUMN csec.access_request.fields IS 'the columns that it is for, by the names they had';
COMMENT ON COLUMN csec.access_request.subjects IS 'the customers that it is for; null: any but oneself';
COMMENT ON COLUMN csec.access_request.lasting IS 'how long it lasts from its approval on, where no times are given';
COMMENT ON COLUMN csec.access_request.recertify_by IS 'when it ends unless the owner keeps it by then';
COMMENT ON COLUMN csec.access_request.why IS 'the reason of the last change of state';
COMMENT ON COLUMN csec.access_request.review IS 'of a broken glass: open, escalated (nobody looked in time), justified, abuse';
SELECT pg_temp.sign_rows('csec.access_request');

CREATE TABLE csec.access_approval (
	request		int8,
	capacity	text CHECK (capacity IN ('owner', 'officer')),
	person		text NOT NULL,
	login		text NOT NULL,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	reason		text,
	PRIMARY KEY (request, capacity),
	UNIQUE (request, person)
);
COMMENT ON TABLE csec.access_approval IS 'who agreed to what, and as what';
SELECT pg_temp.sign_rows('csec.access_approval');

CREATE TABLE csec.access_permit (
	id			int8 PRIMARY KEY,
	login		regrole NOT NULL,
	person		text,
	relid		regclass NOT NULL,
	fields		name[] NOT NULL,
	attnums		int2[],
	subjects	text[],
	not_subjects text[],
	max_rows	int8 NOT NULL CHECK (max_rows > 0),
	export		bool NOT NULL,
	valid_from	timestamptz NOT NULL,
	valid_until	timestamptz NOT NULL
);
COMMENT ON TABLE csec.access_permit IS 'the permits that may be used, each signed; when one ends is in it';
COMMENT ON COLUMN csec.access_permit.person IS 'of those who share the login the one whom it serves, logged in by a token; null: the login is one person''s';
COMMENT ON COLUMN csec.access_permit.attnums IS 'the columns by number: a renamed one stays in, one made anew under the name does not come in';
COMMENT ON COLUMN csec.access_permit.not_subjects IS 'whom it never shows: the reader himself';
COMMENT ON COLUMN csec.access_permit.valid_until IS 'its end: that of the request, or the day by which it has to be recertified';
SELECT pg_temp.sign_rows('csec.access_permit');

-- Written below the executor, so that it survives a rollback: see
-- src/policy/permit_quota.c.
CREATE TABLE csec.permit_use (
	permit		int8 PRIMARY KEY,
	taken		int8 NOT NULL DEFAULT 0
);
COMMENT ON TABLE csec.permit_use IS 'how much of its quota of rows each permit has been given so far, in advance by a small part';

-- Columns by number, from the names: when a permit is made, or restored from a dump.
CREATE FUNCTION csec.permit_columns() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'INSERT' OR NEW.fields <> OLD.fields THEN
		NEW.attnums := ARRAY(SELECT a.attnum FROM pg_attribute a
			WHERE a.attrelid = NEW.relid AND a.attname = ANY (NEW.fields) AND a.attnum > 0 AND NOT a.attisdropped);
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.permit_columns() FROM PUBLIC;
COMMENT ON FUNCTION csec.permit_columns() IS 'trigger of csec.access_permit: finds the columns that are named';

SELECT pg_temp.ship_rules('csec.access_rule', 'level');
SELECT pg_temp.ship_rules('csec.access_limit', 'name');
SELECT pg_temp.add_trigger('csec.access_permit', 'permit_columns', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'permit_columns()');
SELECT pg_temp.add_trigger('csec.access_permit', 'policy_changed', 'AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT', 'policy_changed()');

DO $$
DECLARE
	t record;
BEGIN
	-- a new permit has taken nothing; what else happens to the count is an act.  Requests and approvals tell themselves
	FOR t IN SELECT * FROM (VALUES ('access_rule', 'level', 'INSERT OR UPDATE OR DELETE', true), ('access_limit', 'name', 'INSERT OR UPDATE OR DELETE', true),
			('data_owner', 'relid', 'INSERT OR UPDATE OR DELETE', true), ('match_permit', 'relid', 'INSERT OR UPDATE OR DELETE', true),
			('access_approval', 'request', NULL, false), ('access_request', 'id', NULL, false),
			('access_permit', 'id', 'INSERT OR UPDATE OR DELETE', false), ('permit_use', 'permit', 'UPDATE OR DELETE', false)) v (name, object, ops, rule) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object, t.ops);
		IF t.rule THEN
			PERFORM pg_temp.count_policy(format('csec.%I', t.name));
		END IF;
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_backup', t.name);
	END LOOP;
END
$$;
GRANT INSERT, UPDATE, DELETE ON csec.access_rule, csec.access_limit, csec.match_permit TO csec_admin;

SELECT pg_catalog.pg_extension_config_dump('csec.access_rule', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.access_limit', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.data_owner',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid) AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT pg_catalog.pg_extension_config_dump('csec.match_permit',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');
SELECT pg_catalog.pg_extension_config_dump('csec.access_request_id', '');
-- The story outlives its tables and roles: a number, where the name is gone,
-- is read as a number by regclass and regrole.
SELECT pg_catalog.pg_extension_config_dump('csec.access_request', '');
SELECT pg_catalog.pg_extension_config_dump('csec.access_approval', '');
SELECT pg_catalog.pg_extension_config_dump('csec.access_permit',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid) AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = login)');
SELECT pg_catalog.pg_extension_config_dump('csec.permit_use', '');
