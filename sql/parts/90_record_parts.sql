-- The customer's security record: what it is made of.
--
-- Parts, fields, their titles and the words of the page are rows, so that a
-- bank, an insurer, a shop and a parcel service each keep the record that
-- they need: see docs/record.md.  Titles in Chinese: see 10_policy.sql.

CREATE TABLE csec.record_word (
	word		text PRIMARY KEY CHECK (word ~ '^[a-z][a-z0-9_ ]{0,62}$'),
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	title_zh	text CHECK (length(title_zh) BETWEEN 1 AND 200),
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.record_word IS 'words of the record and its page, as they are shown';
COMMENT ON COLUMN csec.record_word.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

CREATE FUNCTION csec.record_words() RETURNS TABLE (word text, title text, title_zh text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT w.word, w.title, w.title_zh FROM csec.record_word w
		UNION ALL
		SELECT n.name, n.name, n.title_zh FROM (SELECT l.name, l.title_zh FROM csec.level l UNION SELECT c.name, c.title_zh FROM csec.category c) n
			WHERE NOT EXISTS (SELECT FROM csec.record_word w WHERE w.word = n.name)
	$$;
REVOKE ALL ON FUNCTION csec.record_words() FROM PUBLIC;
COMMENT ON FUNCTION csec.record_words() IS 'internal: the words of the record, with levels and categories, whose titles are their own';

CREATE TABLE csec.record_part (
	relid		regclass NOT NULL DEFAULT 0::oid,
	name		text CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	position	int NOT NULL,
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	title_zh	text CHECK (length(title_zh) BETWEEN 1 AND 200),
	source		regclass,
	newest_by	name,
	shown		bool NOT NULL DEFAULT true,
	shipped		bool NOT NULL DEFAULT false,
	PRIMARY KEY (relid, name)
);
COMMENT ON TABLE csec.record_part IS 'the parts of a customer''s record, in their order; insert rows to add your own';
COMMENT ON COLUMN csec.record_part.relid IS 'the protected table whose customers have it; 0: all';
COMMENT ON COLUMN csec.record_part.source IS 'the protected table with its rows, which must refer to the customers (subject_of); null: csec''s own part of that name';
COMMENT ON COLUMN csec.record_part.newest_by IS 'column by which the newest rows come first';
COMMENT ON COLUMN csec.record_part.shown IS 'false: left out of the record';
COMMENT ON COLUMN csec.record_part.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

CREATE TABLE csec.record_field (
	relid		regclass NOT NULL DEFAULT 0::oid,
	part		text CHECK (part ~ '^[a-z][a-z0-9_]{0,62}$'),
	field		name,
	position	int NOT NULL,
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	title_zh	text CHECK (length(title_zh) BETWEEN 1 AND 200),
	kind		text NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'time', 'word', 'list')),
	beside		name CHECK (beside <> field),
	shown		bool NOT NULL DEFAULT true,
	shipped		bool NOT NULL DEFAULT false,
	PRIMARY KEY (relid, part, field)
);
COMMENT ON TABLE csec.record_field IS 'titles and order of the fields of a part: of csec''s parts its columns, of basic_information the customers'' columns, of an own part those of its source';
COMMENT ON COLUMN csec.record_field.relid IS 'the protected table of customers; 0: all';
COMMENT ON COLUMN csec.record_field.kind IS 'how the page shows it: word: by csec.record_word, or as a level or category is called';
COMMENT ON COLUMN csec.record_field.beside IS 'the field in whose place on the page it stands, too';
COMMENT ON COLUMN csec.record_field.shown IS 'false: left out of the record';
COMMENT ON COLUMN csec.record_field.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

INSERT INTO csec.record_part (name, position, title, title_zh, shipped) VALUES
	('basic_information', 10, 'Basic information', pg_temp.title(E'\\xe59fbae69cace4bfa1e681af'), true),
	('access_records', 20, 'Access records', pg_temp.title(E'\\xe8aebfe997aee8aeb0e5bd95'), true),
	('change_records', 30, 'Changes', pg_temp.title(E'\\xe58f98e69bb4e8aeb0e5bd95'), true),
	('security_measures', 40, 'Security measures', pg_temp.title(E'\\xe5ae89e585a8e68eaae696bd'), true),
	('effective_access', 45, 'Who can reach the table', pg_temp.title(E'\\xe69c89e69d83e8aebfe997aee4babae59198'), true),
	('incidents', 50, 'Incidents', pg_temp.title(E'\\xe5ae89e585a8e4ba8be4bbb6'), true),
	('reviews', 60, 'Reviews', pg_temp.title(E'\\xe5aea1e69fa5e8aeb0e5bd95'), true);

INSERT INTO csec.record_field (part, field, position, title, title_zh, kind, beside, shipped) VALUES
	('basic_information', 'title', 10, 'Field', pg_temp.title(E'\\xe5ad97e6aeb5'), 'text', NULL, true),
	('basic_information', 'field', 20, 'Column', pg_temp.title(E'\\xe58897e5908d'), 'text', NULL, true),
	('basic_information', 'value', 30, 'Content', pg_temp.title(E'\\xe58685e5aeb9'), 'text', NULL, true),
	('basic_information', 'shown', 40, 'Shown', pg_temp.title(E'\\xe698bee7a4bae696b9e5bc8f'), 'word', NULL, true),
	('basic_information', 'category', 50, 'Category', pg_temp.title(E'\\xe695b0e68daee7b1bbe588ab'), 'word', NULL, true),
	('basic_information', 'level', 60, 'Level', pg_temp.title(E'\\xe695b0e68daee7baa7e588ab'), 'word', NULL, true),
	('basic_information', 'registered_at', 70, 'Registered', pg_temp.title(E'\\xe799bbe8aeb0e697b6e997b4'), 'time', NULL, true),
	('basic_information', 'protected_at', 80, 'Protected since', pg_temp.title(E'\\xe4bf9de68aa4e8b5b7e5a78be697b6e997b4'), 'time', NULL, true),
	('access_records', 'at', 10, 'Time', pg_temp.title(E'\\xe8aebfe997aee697b6e997b4'), 'time', NULL, true),
	('access_records', 'repeats', 15, 'Times', pg_temp.title(E'\\xe9878de5a48de6aca1e695b0'), 'text', 'at', true),
	('access_records', 'person', 20, 'Person', pg_temp.title(E'\\xe8aebfe997aee4babae59198'), 'text', NULL, true),
	('access_records', 'login', 30, 'Login', pg_temp.title(E'\\xe799bbe5bd95e8b4a6e58fb7'), 'text', 'person', true),
	('access_records', 'role', 40, 'Role', pg_temp.title(E'\\xe4bdbfe794a8e8a792e889b2'), 'text', 'person', true),
	('access_records', 'actor', 50, 'User named', pg_temp.title(E'\\xe5a3b0e6988ee794a8e688b7'), 'text', 'person', true),
	('access_records', 'client', 60, 'From where', pg_temp.title(E'\\xe8aebfe997aee69da5e6ba90'), 'text', NULL, true),
	('access_records', 'application', 70, 'Application', pg_temp.title(E'\\xe5ba94e794a8e7a88be5ba8f'), 'text', 'client', true),
	('access_records', 'reason', 80, 'Reason', pg_temp.title(E'\\xe8aebfe997aee58e9fe59ba0'), 'text', NULL, true),
	('access_records', 'ticket', 90, 'Ticket', pg_temp.title(E'\\xe5b7a5e58d95e58fb7'), 'text', 'reason', true),
	('access_records', 'permit', 100, 'Permit', pg_temp.title(E'\\xe8aeb8e58fafe7bc96e58fb7'), 'text', 'reason', true),
	('access_records', 'relation', 110, 'Table', pg_temp.title(E'\\xe695b0e68daee8a1a8'), 'text', NULL, true),
	('access_records', 'statement', 120, 'Command', pg_temp.title(E'\\xe6938de4bd9c'), 'text', 'relation', true),
	('access_records', 'revealed', 130, 'In clear', pg_temp.title(E'\\xe6988ee69687e5ad97e6aeb5'), 'list', NULL, true),
	('access_records', 'masked', 140, 'Masked', pg_temp.title(E'\\xe68ea9e7a081e5ad97e6aeb5'), 'list', NULL, true),
	('access_records', 'redacted', 150, 'Hidden', pg_temp.title(E'\\xe99a90e8978fe5ad97e6aeb5'), 'list', 'masked', true),
	('access_records', 'other', 160, 'Other columns', pg_temp.title(E'\\xe585b6e4bb96e5ad97e6aeb5'), 'list', NULL, true),
	('access_records', 'exactness', 170, 'How exact', pg_temp.title(E'\\xe7a1aee5ae9ae7a88be5baa6'), 'word', NULL, true),
	('access_records', 'outcome', 180, 'Outcome', pg_temp.title(E'\\xe8aebfe997aee7bb93e69e9c'), 'word', 'exactness', true),
	('access_records', 'seq', 190, 'Record', pg_temp.title(E'\\xe8aeb0e5bd95e58fb7'), 'text', NULL, true),
	('change_records', 'at', 10, 'Time', pg_temp.title(E'\\xe58f98e69bb4e697b6e997b4'), 'time', NULL, true),
	('change_records', 'person', 20, 'Person', pg_temp.title(E'\\xe58f98e69bb4e4babae59198'), 'text', NULL, true),
	('change_records', 'login', 30, 'Login', pg_temp.title(E'\\xe799bbe5bd95e8b4a6e58fb7'), 'text', 'person', true),
	('change_records', 'actor', 40, 'User named', pg_temp.title(E'\\xe5a3b0e6988ee794a8e688b7'), 'text', 'person', true),
	('change_records', 'reason', 50, 'Reason', pg_temp.title(E'\\xe58f98e69bb4e58e9fe59ba0'), 'text', NULL, true),
	('change_records', 'ticket', 60, 'Ticket', pg_temp.title(E'\\xe5b7a5e58d95e58fb7'), 'text', 'reason', true),
	('change_records', 'relation', 70, 'Table', pg_temp.title(E'\\xe695b0e68daee8a1a8'), 'text', NULL, true),
	('change_records', 'operation', 80, 'Command', pg_temp.title(E'\\xe6938de4bd9c'), 'text', 'relation', true),
	('change_records', 'field', 90, 'Column', pg_temp.title(E'\\xe5ad97e6aeb5'), 'text', NULL, true),
	('change_records', 'old_value', 100, 'Before', pg_temp.title(E'\\xe58e9fe580bc'), 'text', NULL, true),
	('change_records', 'new_value', 110, 'After', pg_temp.title(E'\\xe696b0e580bc'), 'text', NULL, true),
	('change_records', 'outcome', 120, 'Outcome', pg_temp.title(E'\\xe58f98e69bb4e7bb93e69e9c'), 'word', NULL, true),
	('change_records', 'seq', 130, 'Record', pg_temp.title(E'\\xe8aeb0e5bd95e58fb7'), 'text', NULL, true),
	('security_measures', 'area', 10, 'Area', pg_temp.title(E'\\xe9a286e59f9f'), 'word', NULL, true),
	('security_measures', 'title', 20, 'Measure', pg_temp.title(E'\\xe68eaae696bd'), 'text', NULL, true),
	('security_measures', 'item', 30, 'Of what', pg_temp.title(E'\\xe5afb9e8b1a1'), 'text', NULL, true),
	('security_measures', 'state', 40, 'State', pg_temp.title(E'\\xe7bb93e8aeba'), 'word', NULL, true),
	('security_measures', 'evidence', 50, 'Evidence', pg_temp.title(E'\\xe8af81e68dae'), 'word', NULL, true),
	('security_measures', 'finding', 60, 'Finding', pg_temp.title(E'\\xe8afb4e6988e'), 'text', NULL, true),
	('security_measures', 'attested_by', 70, 'Attested by', pg_temp.title(E'\\xe8af81e6988ee4baba'), 'text', NULL, true),
	('security_measures', 'until', 80, 'Until', pg_temp.title(E'\\xe69c89e69588e69c9fe887b3'), 'time', 'attested_by', true),
	('incidents', 'kind', 10, 'Kind', pg_temp.title(E'\\xe4ba8be4bbb6e7b1bbe59e8b'), 'word', NULL, true),
	('incidents', 'id', 15, 'Number', pg_temp.title(E'\\xe7bc96e58fb7'), 'text', 'kind', true),
	('incidents', 'title', 20, 'What', pg_temp.title(E'\\xe4ba8be4bbb6'), 'text', NULL, true),
	('incidents', 'severity', 30, 'Severity', pg_temp.title(E'\\xe4b8a5e9878de7a88be5baa6'), 'word', NULL, true),
	('incidents', 'happened_from', 40, 'Time', pg_temp.title(E'\\xe58f91e7949fe697b6e997b4'), 'time', NULL, true),
	('incidents', 'happened_until', 50, 'until', pg_temp.title(E'\\xe887b3'), 'time', 'happened_from', true),
	('incidents', 'discovered_at', 60, 'Discovered', pg_temp.title(E'\\xe58f91e78eb0e697b6e997b4'), 'time', 'happened_from', true),
	('incidents', 'place', 70, 'Place', pg_temp.title(E'\\xe58f91e7949fe59cb0e782b9'), 'text', NULL, true),
	('incidents', 'concerned', 80, 'This customer', pg_temp.title(E'\\xe698afe590a6e6b689e58f8a'), 'word', NULL, true),
	('incidents', 'revealed', 90, 'In clear', pg_temp.title(E'\\xe6988ee69687e5ad97e6aeb5'), 'list', 'concerned', true),
	('incidents', 'masked', 100, 'Masked', pg_temp.title(E'\\xe68ea9e7a081e5ad97e6aeb5'), 'list', 'concerned', true),
	('incidents', 'customers', 105, 'Customers', pg_temp.title(E'\\xe6b689e58f8ae4babae695b0'), 'text', NULL, true),
	('incidents', 'impact', 110, 'Impact', pg_temp.title(E'\\xe5bdb1e5938d'), 'text', NULL, true),
	('incidents', 'measures', 120, 'Measures', pg_temp.title(E'\\xe5a484e7bdaee68eaae696bd'), 'text', NULL, true),
	('incidents', 'result', 130, 'Result', pg_temp.title(E'\\xe5a484e79086e7bb93e69e9c'), 'text', NULL, true),
	('incidents', 'state', 140, 'State', pg_temp.title(E'\\xe78ab6e68081'), 'word', NULL, true),
	('incidents', 'notice', 150, 'Letter', pg_temp.title(E'\\xe9809ae79fa5'), 'word', 'state', true),
	('incidents', 'notice_at', 160, 'on', pg_temp.title(E'\\xe9809ae79fa5e697b6e997b4'), 'time', 'state', true),
	('reviews', 'reviewed_at', 10, 'Date', pg_temp.title(E'\\xe5aea1e69fa5e697a5e69c9f'), 'time', NULL, true),
	('reviews', 'title', 20, 'Review', pg_temp.title(E'\\xe5aea1e69fa5e4ba8be9a1b9'), 'text', NULL, true),
	('reviews', 'reviewer', 30, 'Reviewer', pg_temp.title(E'\\xe5aea1e69fa5e4baba'), 'text', NULL, true),
	('reviews', 'state', 40, 'State', pg_temp.title(E'\\xe78ab6e68081'), 'word', NULL, true),
	('reviews', 'conclusion', 50, 'Conclusion', pg_temp.title(E'\\xe5aea1e69fa5e7bb93e8aeba'), 'word', NULL, true),
	('reviews', 'summary', 60, 'Summary', pg_temp.title(E'\\xe69198e8a681'), 'text', 'conclusion', true),
	('reviews', 'finding', 70, 'Finding', pg_temp.title(E'\\xe58f91e78eb0e997aee9a298'), 'text', NULL, true),
	('reviews', 'severity', 80, 'Severity', pg_temp.title(E'\\xe4b8a5e9878de7a88be5baa6'), 'word', 'finding', true),
	('reviews', 'fixed_by', 90, 'Fixed by', pg_temp.title(E'\\xe695b4e694b9e4baba'), 'text', NULL, true),
	('reviews', 'fix', 100, 'Fix', pg_temp.title(E'\\xe695b4e694b9e68eaae696bd'), 'text', 'fixed_by', true),
	('reviews', 'fixed_at', 110, 'on', pg_temp.title(E'\\xe695b4e694b9e697b6e997b4'), 'time', 'fixed_by', true),
	('reviews', 'verified_by', 120, 'Verified by', pg_temp.title(E'\\xe5a48de6a0b8e4baba'), 'text', NULL, true),
	('reviews', 'verified_at', 130, 'on', pg_temp.title(E'\\xe5a48de6a0b8e697b6e997b4'), 'time', 'verified_by', true),
	('effective_access', 'role', 10, 'Role', pg_temp.title(E'\\xe8a792e889b2'), 'text', NULL, true),
	('effective_access', 'can_login', 20, 'Logs in', pg_temp.title(E'\\xe58fafe799bbe5bd95'), 'word', NULL, true),
	('effective_access', 'person', 30, 'Person', pg_temp.title(E'\\xe4babae59198'), 'text', NULL, true),
	('effective_access', 'via', 40, 'By which way', pg_temp.title(E'\\xe68e88e69d83e98094e5be84'), 'list', NULL, true),
	('effective_access', 'privileges', 50, 'Privileges', pg_temp.title(E'\\xe6938de4bd9ce69d83e99990'), 'list', NULL, true),
	('effective_access', 'clearances', 60, 'Sees in clear', pg_temp.title(E'\\xe6988ee69687e69d83e99990'), 'list', NULL, true);

INSERT INTO csec.record_word (word, title, title_zh, shipped) VALUES
	('record', 'Customer security record', pg_temp.title(E'\\xe5aea2e688b7e5ae89e585a8e8aeb0e5bd95'), true),
	('table record', 'Security record of a table', pg_temp.title(E'\\xe695b0e68daee8a1a8e5ae89e585a8e8aeb0e5bd95'), true),
	('table', 'Table', pg_temp.title(E'\\xe695b0e68daee8a1a8'), true),
	('customer', 'Customer', pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'), true),
	('period', 'Period', pg_temp.title(E'\\xe69c9fe997b4'), true),
	('beginning', 'the beginning', pg_temp.title(E'\\xe8b5b7e5a78b'), true),
	('today', 'today', pg_temp.title(E'\\xe887b3e4bb8a'), true),
	('made', 'Made', pg_temp.title(E'\\xe7949fe68890e697b6e997b4'), true),
	('made_by', 'Made by', pg_temp.title(E'\\xe7949fe68890e4babae59198'), true),
	('server', 'Server', pg_temp.title(E'\\xe69c8de58aa1e599a8'), true),
	('trail', 'State of the trail', pg_temp.title(E'\\xe5aea1e8aea1e993bee78ab6e68081'), true),
	('accesses', 'Accesses', pg_temp.title(E'\\xe8aebfe997aee6aca1e695b0'), true),
	('people', 'People', pg_temp.title(E'\\xe8aebfe997aee4babae695b0'), true),
	('in_clear', 'In clear', pg_temp.title(E'\\xe6988ee69687e8aebfe997ae'), true),
	('measures_held', 'Measures held', pg_temp.title(E'\\xe68eaae696bde8bebee6a087'), true),
	('not_held', 'Not held', pg_temp.title(E'\\xe68eaae696bde69caae8bebee6a087'), true),
	('over_time', 'Accesses over time', pg_temp.title(E'\\xe8aebfe997aee8b68be58abf'), true),
	('by_person', 'Accesses by person', pg_temp.title(E'\\xe68c89e4babae59198e7bb9fe8aea1'), true),
	('by_field', 'In clear against masked, by field', pg_temp.title(E'\\xe5ad97e6aeb5e6988ee69687e4b88ee68ea9e7a081e5afb9e6af94'), true),
	('clear', 'in clear', pg_temp.title(E'\\xe6988ee69687'), true),
	('masked', 'masked', pg_temp.title(E'\\xe68ea9e7a081'), true),
	('hidden', 'hidden', pg_temp.title(E'\\xe99a90e8978f'), true),
	('no field', 'no classified field', pg_temp.title(E'\\xe69caae6b689e58f8ae6958fe6849fe5ad97e6aeb5'), true),
	('none', 'Nothing on record.', pg_temp.title(E'\\xe697a0e8aeb0e5bd95e38082'), true),
	('newest', 'the newest of', pg_temp.title(E'\\xe69c80e696b0e983a8e58886efbc8ce585b1'), true),
	('page note', 'Values are shown as the person who made this page may see them. Reading them is itself on record.', pg_temp.title(E'\\xe58685e5aeb9e68c89e7949fe68890e4babae59198e79a84e69d83e99990e698bee7a4baefbc9be7949fe68890e69cace9a1b5e79a84e8a18ce4b8bae4baa6e5b7b2e8aeb0e5bd95e38082'), true),
	('true', 'yes', pg_temp.title(E'\\xe698af'), true),
	('false', 'no', pg_temp.title(E'\\xe590a6'), true),
	('plain', 'not classified', pg_temp.title(E'\\xe99d9ee6958fe6849f'), true),
	('withheld', 'withheld: no privilege', pg_temp.title(E'\\xe697a0e69d83e69fa5e79c8b'), true),
	('general', 'general', pg_temp.title(E'\\xe4b880e888ac'), true),
	('important', 'important', pg_temp.title(E'\\xe9878de8a681'), true),
	('core', 'core', pg_temp.title(E'\\xe6a0b8e5bf83'), true),
	('delivered', 'delivered', pg_temp.title(E'\\xe5b7b2e5b195e7a4ba'), true),
	('scanned', 'scanned', pg_temp.title(E'\\xe7bb8fe689abe68f8f'), true),
	('all', 'all of the table', pg_temp.title(E'\\xe585a8e8a1a8'), true),
	('intent', 'possibly seen', pg_temp.title(E'\\xe58fafe883bde5b7b2e8a781'), true),
	('ok', 'complete', pg_temp.title(E'\\xe68890e58a9f'), true),
	('error', 'failed', pg_temp.title(E'\\xe5a4b1e8b4a5'), true),
	('committed', 'committed', pg_temp.title(E'\\xe5b7b2e68f90e4baa4'), true),
	('aborted', 'rolled back', pg_temp.title(E'\\xe5b7b2e59b9ee6bb9a'), true),
	('open', 'open', pg_temp.title(E'\\xe69caae7bb93e69d9f'), true),
	('prepared', 'prepared', pg_temp.title(E'\\xe9a284e5a487e68f90e4baa4'), true),
	('leak', 'leak', pg_temp.title(E'\\xe6b384e99cb2'), true),
	('misuse', 'misuse', pg_temp.title(E'\\xe6bba5e794a8'), true),
	('tampering', 'tampering', pg_temp.title(E'\\xe7afa1e694b9'), true),
	('loss', 'loss', pg_temp.title(E'\\xe4b8a2e5a4b1'), true),
	('outage', 'outage', pg_temp.title(E'\\xe4b8ade696ad'), true),
	('other', 'other', pg_temp.title(E'\\xe585b6e4bb96'), true),
	('reported', 'reported', pg_temp.title(E'\\xe5b7b2e4b88ae68aa5'), true),
	('triaged', 'triaged', pg_temp.title(E'\\xe5b7b2e58886e7baa7'), true),
	('confirmed', 'confirmed', pg_temp.title(E'\\xe5b7b2e7a1aee8aea4'), true),
	('false_alarm', 'false alarm', pg_temp.title(E'\\xe8afafe68aa5'), true),
	('contained', 'contained', pg_temp.title(E'\\xe5b7b2e68ea7e588b6'), true),
	('notified', 'notified', pg_temp.title(E'\\xe5b7b2e9809ae79fa5'), true),
	('recovered', 'recovered', pg_temp.title(E'\\xe5b7b2e681a2e5a48d'), true),
	('lessons', 'lessons drawn', pg_temp.title(E'\\xe5b7b2e680bbe7bb93'), true),
	('closed', 'closed', pg_temp.title(E'\\xe5b7b2e585b3e997ad'), true),
	('unrated', 'not rated', pg_temp.title(E'\\xe69caae5ae9ae7baa7'), true),
	('minor', 'minor', pg_temp.title(E'\\xe8bdbbe5beae'), true),
	('moderate', 'moderate', pg_temp.title(E'\\xe8be83e5a4a7'), true),
	('major', 'major', pg_temp.title(E'\\xe9878de5a4a7'), true),
	('critical', 'critical', pg_temp.title(E'\\xe789b9e588abe9878de5a4a7'), true),
	('concerned', 'concerned', pg_temp.title(E'\\xe6b689e58f8a'), true),
	('possibly', 'possibly concerned', pg_temp.title(E'\\xe58fafe883bde6b689e58f8a'), true),
	('planned', 'planned', pg_temp.title(E'\\xe5b7b2e8aea1e58892'), true),
	('in_progress', 'in progress', pg_temp.title(E'\\xe8bf9be8a18ce4b8ad'), true),
	('concluded', 'concluded', pg_temp.title(E'\\xe5b7b2e587bae7bb93e8aeba'), true),
	('findings_open', 'findings open', pg_temp.title(E'\\xe997aee9a298e5be85e695b4e694b9'), true),
	('fixed', 'fixed', pg_temp.title(E'\\xe5b7b2e695b4e694b9'), true),
	('satisfactory', 'satisfactory', pg_temp.title(E'\\xe59088e6a0bc'), true),
	('needs improvement', 'needs improvement', pg_temp.title(E'\\xe5be85e694b9e8bf9b'), true),
	('unsatisfactory', 'unsatisfactory', pg_temp.title(E'\\xe4b88de59088e6a0bc'), true),
	('listed', 'to be sent', pg_temp.title(E'\\xe5be85e9809ae79fa5'), true),
	('sent', 'sent', pg_temp.title(E'\\xe5b7b2e58f91e98081'), true),
	('failed', 'failed', pg_temp.title(E'\\xe58f91e98081e5a4b1e8b4a5'), true),
	('verified', 'verified', pg_temp.title(E'\\xe5b7b2e5a48de6a0b8'), true),
	('pass', 'pass', pg_temp.title(E'\\xe8bebee6a087'), true),
	('fail', 'fail', pg_temp.title(E'\\xe69caae8bebee6a087'), true),
	('unknown', 'unknown', pg_temp.title(E'\\xe69caae79fa5'), true),
	('live', 'live', pg_temp.title(E'\\xe7b3bbe7bb9fe5ae9ee6b58b'), true),
	('attested', 'attested', pg_temp.title(E'\\xe4babae5b7a5e8af81e6988e'), true),
	('encryption', 'Encryption', pg_temp.title(E'\\xe58aa0e5af86'), true),
	('access', 'Access rights', pg_temp.title(E'\\xe8aebfe997aee69d83e99990'), true),
	('authentication', 'Authentication', pg_temp.title(E'\\xe8baabe4bbbde8aea4e8af81'), true),
	('transport', 'Transport', pg_temp.title(E'\\xe4bca0e8be93e5ae89e585a8'), true),
	('people_area', 'People', pg_temp.title(E'\\xe4babae59198e7aea1e79086'), true),
	('availability', 'Availability', pg_temp.title(E'\\xe58fafe794a8e680a7'), true),
	('software', 'Software', pg_temp.title(E'\\xe8bdafe4bbb6'), true),
	('trail_area', 'Trail', pg_temp.title(E'\\xe5aea1e8aea1'), true),
	('draft', 'draft', pg_temp.title(E'\\xe88d89e7a8bf'), true),
	('submitted', 'submitted', pg_temp.title(E'\\xe5be85e5aea1e689b9'), true),
	('approved', 'approved', pg_temp.title(E'\\xe5b7b2e689b9e58786'), true),
	('rejected', 'rejected', pg_temp.title(E'\\xe5b7b2e9a9b3e59b9e'), true),
	('withdrawn', 'withdrawn', pg_temp.title(E'\\xe5b7b2e692a4e59b9e'), true),
	('lapsed', 'lapsed', pg_temp.title(E'\\xe980bee69c9fe69caae689b9'), true),
	('active', 'active', pg_temp.title(E'\\xe7949fe69588e4b8ad'), true),
	('expired', 'expired', pg_temp.title(E'\\xe5b7b2e588b0e69c9f'), true),
	('revoked', 'revoked', pg_temp.title(E'\\xe5b7b2e694b6e59b9e'), true),
	('suspended', 'suspended', pg_temp.title(E'\\xe5b7b2e69a82e5819c'), true),
	('request', 'request', pg_temp.title(E'\\xe8aebfe997aee794b3e8afb7'), true),
	('break_glass', 'broken glass', pg_temp.title(E'\\xe7b4a7e680a5e8aebfe997ae'), true),
	('match', 'match', pg_temp.title(E'\\xe5aea2e688b7e6a0b8e9aa8c'), true),
	('escalated', 'escalated', pg_temp.title(E'\\xe5b7b2e4b88ae68aa5'), true),
	('justified', 'justified', pg_temp.title(E'\\xe5b19ee5ae9e'), true),
	('abuse', 'abuse', pg_temp.title(E'\\xe6bba5e794a8'), true),
	('due', 'due', pg_temp.title(E'\\xe69caae588b0e69c9f'), true),
	('overdue', 'overdue', pg_temp.title(E'\\xe5b7b2e980bee69c9f'), true),
	('met', 'met', pg_temp.title(E'\\xe68c89e69c9fe5ae8ce68890'), true),
	('met late', 'met late', pg_temp.title(E'\\xe980bee69c9fe5ae8ce68890'), true),
	('not needed', 'not needed', pg_temp.title(E'\\xe697a0e99c80e9809ae68aa5'), true),
	('authority', 'authority', pg_temp.title(E'\\xe79b91e7aea1e69cbae69e84'), true),
	('persons', 'persons', pg_temp.title(E'\\xe5bd93e4ba8be4baba'), true),
	('media', 'media', pg_temp.title(E'\\xe5aa92e4bd93'), true),
	('person active', 'works here', pg_temp.title(E'\\xe59ca8e8818c'), true),
	('person suspended', 'suspended', pg_temp.title(E'\\xe5819ce8818c'), true),
	('person left', 'left', pg_temp.title(E'\\xe7a6bbe8818c'), true),
	('key active', 'active', pg_temp.title(E'\\xe4bdbfe794a8e4b8ad'), true),
	('key next', 'next', pg_temp.title(E'\\xe58db3e5b086e590afe794a8'), true),
	('key decrypt_only', 'decrypt_only', pg_temp.title(E'\\xe4bb85e794a8e4ba8ee8a7a3e5af86'), true),
	('key destroyed', 'destroyed', pg_temp.title(E'\\xe5b7b2e99480e6af81'), true),
	('key unknown', 'unknown', pg_temp.title(E'\\xe69caae79fa5'), true),
	('acknowledged', 'acknowledged', pg_temp.title(E'\\xe5b7b2e7a1aee8aea4'), true),
	('bulk_reveal', 'bulk reveal', pg_temp.title(E'\\xe689b9e9878fe6988ee69687e8aebfe997ae'), true),
	('off_hours', 'off hours', pg_temp.title(E'\\xe99d9ee5b7a5e4bd9ce697b6e997b4e8aebfe997ae'), true),
	('denial_burst', 'burst of denials', pg_temp.title(E'\\xe9a291e7b981e8a2abe68b92'), true),
	('one_customer', 'several people on one customer', pg_temp.title(E'\\xe5a49ae4babae69fa5e79c8be5908ce4b880e5aea2e688b7'), true),
	('own_record', 'own record', pg_temp.title(E'\\xe69fa5e79c8be69cace4baba'), true),
	('colleague', 'colleague', pg_temp.title(E'\\xe69fa5e79c8be5908ce4ba8b'), true),
	('watched', 'watched customer', pg_temp.title(E'\\xe69fa5e79c8be9878de782b9e5aea2e688b7'), true),
	('decoy', 'decoy', pg_temp.title(E'\\xe69fa5e79c8be8afb1e9a5b5e8aeb0e5bd95'), true),
	('no_ticket', 'no ticket', pg_temp.title(E'\\xe697a0e5b7a5e58d95e8aebfe997ae'), true),
	('dormant_permit', 'dormant permit', pg_temp.title(E'\\xe8aeb8e58fafe995bfe69c9fe69caae794a8'), true),
	('enumeration', 'enumeration', pg_temp.title(E'\\xe98090e4b8aae9818de58e86e5aea2e688b7'), true),
	('login_after_reset', 'login after a reset', pg_temp.title(E'\\xe9878de7bdaee5908ee799bbe5bd95'), true),
	('same_reasons', 'identical reasons', pg_temp.title(E'\\xe79086e794b1e99bb7e5908c'), true),
	('service_account', 'service account', pg_temp.title(E'\\xe4babae59198e4bdbfe794a8e7a88be5ba8fe8b4a6e58fb7'), true),
	('audit_gap', 'gap in the trail', pg_temp.title(E'\\xe5aea1e8aea1e7bcbae58fa3'), true),
	('chain_break', 'break in the chain', pg_temp.title(E'\\xe5aea1e8aea1e993bee696ade8a382'), true),
	('key_trouble', 'trouble with keys', pg_temp.title(E'\\xe5af86e992a5e5bc82e5b8b8'), true),
	('policy_change', 'change of policy', pg_temp.title(E'\\xe7ad96e795a5e58f98e69bb4'), true),
	('policy_edited', 'policy edited', pg_temp.title(E'\\xe7ad96e795a5e8a2abe7bb95e8bf87e4bfaee694b9'), true),
	('rule_failed', 'rule failed', pg_temp.title(E'\\xe8a784e58899e689a7e8a18ce5a4b1e8b4a5'), true);

-- As for levels: a row of one's own takes the place of the shipped one.  A
-- source shows a customer's rows only where csec records that they are read.
CREATE FUNCTION csec.record_rules() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.shipped := false;
	IF TG_TABLE_NAME = 'record_part' THEN
		-- not while a dump is restored, whose tables come in any order: csec.own_part() asks again
		IF NEW.source IS NOT NULL AND current_setting('row_security')::bool AND NOT EXISTS (SELECT FROM csec.protected_table t
				WHERE t.relid = NEW.source AND NEW.relid IN (t.relid, t.subject_of)) THEN
			RAISE EXCEPTION 'the source of part "%" is not protected as a table about customers of %', NEW.name, NEW.relid
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'csec.protect(..., subject_of => the customers'' table) comes first; its fields may be none.';
		END IF;
		IF TG_OP = 'INSERT' THEN
			DELETE FROM csec.record_part p WHERE p.relid = NEW.relid AND p.name = NEW.name AND p.shipped;
		END IF;
	ELSIF TG_OP = 'INSERT' THEN
		IF TG_TABLE_NAME = 'record_field' THEN
			DELETE FROM csec.record_field f WHERE f.relid = NEW.relid AND f.part = NEW.part AND f.field = NEW.field AND f.shipped;
		ELSIF TG_TABLE_NAME = 'record_word' THEN
			DELETE FROM csec.record_word w WHERE w.word = NEW.word AND w.shipped;
		ELSE
			DELETE FROM csec.measure m WHERE m.name = NEW.name AND m.shipped;
		END IF;
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION csec.record_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.record_rules() IS 'trigger of the tables that say what a record is made of';

-- The measures that a record answers for: live ones are looked up by
-- csec.live_measures(), the others somebody attests.
CREATE TABLE csec.measure (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	area		text NOT NULL,
	position	int NOT NULL,
	title		text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	title_zh	text CHECK (length(title_zh) BETWEEN 1 AND 200),
	most		numeric,
	shown		bool NOT NULL DEFAULT true,
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.measure IS 'security measures that the record answers for; a row of one''s own is attested by csec.attest()';
COMMENT ON COLUMN csec.measure.area IS 'the area that it belongs to: see csec.record_word';
COMMENT ON COLUMN csec.measure.most IS 'of measures that count something, the most that is good: superusers, days, months';
COMMENT ON COLUMN csec.measure.shown IS 'false: left out of the record';
COMMENT ON COLUMN csec.measure.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';

INSERT INTO csec.measure (name, area, position, title, title_zh, most, shipped) VALUES
	('field_storage', 'encryption', 100, 'Encryption of the field', pg_temp.title(E'\\xe5ad97e6aeb5e58aa0e5af86e696b9e5bc8f'), NULL, true),
	('field_keys', 'encryption', 110, 'Keys of fields are in use and not too old (days)', pg_temp.title(E'\\xe5af86e992a5e78ab6e68081e4b88ee69c89e69588e69c9fefbc88e5a4a9efbc89'), 400, true),
	('keys_outside', 'encryption', 120, 'Keys are kept outside the database', pg_temp.title(E'\\xe5af86e992a5e5ad98e694bee4ba8ee695b0e68daee5ba93e4b98be5a496'), NULL, true),
	('masks_on', 'encryption', 130, 'Masks are on', pg_temp.title(E'\\xe5ad97e6aeb5e68ea9e7a081e5b7b2e590afe794a8'), NULL, true),
	('superusers', 'access', 200, 'Few superusers can log in', pg_temp.title(E'\\xe58fafe799bbe5bd95e79a84e8b685e7baa7e794a8e688b7e695b0e9878f'), 2, true),
	('public_privileges', 'access', 210, 'Nothing is granted to PUBLIC', pg_temp.title(E'\\xe69caae59091e68980e69c89e794a8e688b7e68e88e69d83'), NULL, true),
	('logins_known', 'access', 220, 'Logins with access belong to a person', pg_temp.title(E'\\xe69c89e69d83e8b4a6e58fb7e59d87e5afb9e5ba94e4babae59198'), NULL, true),
	('core_until', 'access', 230, 'Clearances for core have an end', pg_temp.title(E'\\xe6a0b8e5bf83e7baa7e69d83e99990e59d87e8aebee69c9fe99990'), NULL, true),
	('rows_sound', 'access', 240, 'No permit was edited by hand', pg_temp.title(E'\\xe8aeb8e58fafe69caae8a2abe7afa1e694b9'), NULL, true),
	('recertification', 'access', 250, 'Access rights are confirmed regularly', pg_temp.title(E'\\xe8aebfe997aee69d83e99990e5ae9ae69c9fe5a48de6a0b8'), NULL, true),
	('password_rules', 'authentication', 300, 'Passwords must be strong', pg_temp.title(E'\\xe5af86e7a081e5bcbae5baa6e7ad96e795a5'), NULL, true),
	('password_storage', 'authentication', 310, 'Passwords are stored as SCRAM-SHA-256', pg_temp.title(E'\\xe5af86e7a081e4bba5534352414d2d5348412d323536e5ad98e582a8'), NULL, true),
	('password_end', 'authentication', 320, 'Passwords have an end', pg_temp.title(E'\\xe5af86e7a081e8aebee69c89e69c89e69588e69c9f'), NULL, true),
	('login_rules', 'authentication', 330, 'No rule of pg_hba.conf trusts or takes weak passwords', pg_temp.title(E'\\xe799bbe5bd95e8a784e58899e4b88de590abe5858de5af86e4b88ee5bcb1e8aea4e8af81'), NULL, true),
	('mfa', 'authentication', 340, 'More than one factor for people', pg_temp.title(E'\\xe5a49ae59ba0e7b4a0e8aea4e8af81'), NULL, true),
	('tls_on', 'transport', 400, 'TLS is on, version 1.2 or later', pg_temp.title(E'\\xe5b7b2e590afe794a8544c5320312e32e58f8ae4bba5e4b88a'), NULL, true),
	('tls_required', 'transport', 410, 'No rule of pg_hba.conf lets a network connection go without TLS', pg_temp.title(E'\\xe799bbe5bd95e8a784e58899e5bcbae588b6e4bdbfe794a8544c53'), NULL, true),
	('tls_used', 'transport', 420, 'Connections of this moment use TLS', pg_temp.title(E'\\xe5bd93e5898de8bf9ee68ea5e4bdbfe794a8544c53'), NULL, true),
	('training', 'people_area', 500, 'Staff are trained', pg_temp.title(E'\\xe59198e5b7a5e5ae89e585a8e59fb9e8aead'), NULL, true),
	('agreements', 'people_area', 510, 'Staff have signed for secrecy', pg_temp.title(E'\\xe59198e5b7a5e4bf9de5af86e58d8fe8aeae'), NULL, true),
	('partners', 'people_area', 520, 'Partners are bound by contract', pg_temp.title(E'\\xe59088e4bd9ce696b9e695b0e68daee58d8fe8aeae'), NULL, true),
	('drill', 'people_area', 530, 'Incidents are drilled', pg_temp.title(E'\\xe5ae89e585a8e5ba94e680a5e6bc94e7bb83'), NULL, true),
	('checksums', 'availability', 600, 'Pages carry checksums', pg_temp.title(E'\\xe695b0e68daee9a1b5e6a0a1e9aa8c'), NULL, true),
	('durable', 'availability', 610, 'Commits are on disk', pg_temp.title(E'\\xe68f90e4baa4e890bde79b98'), NULL, true),
	('archiving', 'availability', 620, 'The write-ahead log is archived', pg_temp.title(E'\\xe697a5e5bf97e5bd92e6a1a3'), NULL, true),
	('restore_drill', 'availability', 630, 'A backup was restored', pg_temp.title(E'\\xe5a487e4bbbde681a2e5a48de6bc94e7bb83'), NULL, true),
	('server_version', 'software', 700, 'The server gets security fixes', pg_temp.title(E'\\xe69c8de58aa1e599a8e78988e69cace58f97e694afe68c81'), NULL, true),
	('newest_minor', 'software', 710, 'The newest minor version is installed', pg_temp.title(E'\\xe5b7b2e5ae89e8a385e69c80e696b0e8a1a5e4b881'), NULL, true),
	('statements_logged', 'software', 720, 'The log keeps no values', pg_temp.title(E'\\xe697a5e5bf97e4b88de590abe695b0e68daee58685e5aeb9'), NULL, true),
	('recording', 'trail_area', 800, 'Reads and changes are recorded', pg_temp.title(E'\\xe8aebfe997aee4b88ee58f98e69bb4e59d87e69c89e8aeb0e5bd95'), NULL, true),
	('no_gaps', 'trail_area', 810, 'The trail has no gap in so many days', pg_temp.title(E'\\xe5aea1e8aea1e993bee697a0e7bcbae58fa3efbc88e5a4a9efbc89'), 90, true),
	('verified', 'trail_area', 820, 'The trail was verified in so many days', pg_temp.title(E'\\xe5aea1e8aea1e993bee5ae9ae69c9fe9aa8ce8af81efbc88e5a4a9efbc89'), 31, true);

CREATE SEQUENCE csec.attestation_id;
REVOKE ALL ON SEQUENCE csec.attestation_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.attestation_id IS 'numbers attestations';

CREATE TABLE csec.attestation (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.attestation_id'),
	measure		text NOT NULL,
	holds		bool NOT NULL,
	statement	text NOT NULL CHECK (length(statement) BETWEEN 1 AND 1000),
	until		timestamptz NOT NULL,
	person		text NOT NULL,
	login		text NOT NULL,
	at			timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX attestation_measure ON csec.attestation (measure, at);
COMMENT ON TABLE csec.attestation IS 'what a person vouches for, and until when; the newest of a measure counts; each row is signed';
COMMENT ON COLUMN csec.attestation.holds IS 'false: the person says that the measure is not kept';
SELECT pg_temp.sign_rows('csec.attestation');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('record_word', 'word'), ('record_part', 'name'), ('record_field', 'field'), ('measure', 'name'), ('attestation', 'measure')) v (name, object) LOOP
		IF t.name <> 'attestation' THEN
			PERFORM pg_temp.add_trigger(format('csec.%I', t.name), 'record_rules', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'record_rules()');
			EXECUTE format('GRANT INSERT, UPDATE, DELETE ON csec.%I TO csec_admin', t.name);
		END IF;
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_backup', t.name);
	END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('csec.record_word', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.record_part', 'WHERE NOT shipped
	AND (relid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid))
	AND (source IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = source))');
SELECT pg_catalog.pg_extension_config_dump('csec.record_field', 'WHERE NOT shipped
	AND (relid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid))');
SELECT pg_catalog.pg_extension_config_dump('csec.measure', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.attestation_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.attestation', '');

CREATE FUNCTION csec.attest(measure text, statement text, until timestamptz, holds bool DEFAULT true) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('attest', measure);
	made int8;
BEGIN
	IF NOT EXISTS (SELECT FROM csec.measure m WHERE m.name = attest.measure) THEN
		PERFORM csec.refuse('attest', measure, format('measure "%s" does not exist', measure), 'See csec.measure.', 'undefined_object');
	END IF;
	PERFORM csec.check_reason('attest', measure, statement);
	IF until IS NULL OR until <= clock_timestamp() OR until > clock_timestamp() + interval '400 days' OR holds IS NULL THEN
		PERFORM csec.refuse('attest', measure, 'an attestation holds for 400 days at most', 'Say until when, and look again then.', 'invalid_parameter_value');
	END IF;
	INSERT INTO csec.attestation (measure, holds, statement, until, person, login)
		VALUES (attest.measure, attest.holds, attest.statement, attest.until, who, csec.login()::text)
		RETURNING id INTO made;
	RETURN made;
END
$$;
REVOKE ALL ON FUNCTION csec.attest(text, text, timestamptz, bool) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.attest(text, text, timestamptz, bool) TO csec_officer, csec_admin;
COMMENT ON FUNCTION csec.attest(text, text, timestamptz, bool) IS
	'vouch for a measure, by name and on record, until a time; holds => false: it is not kept. The newest word on a measure counts';
