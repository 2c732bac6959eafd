-- The customer's security record: were this to fail, it would lack what is
-- known of a customer, show more than the reader may see, call something good
-- that nobody knows, or serve somebody whom it is not for.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_record_owner LOGIN;
CREATE ROLE regress_record_clerk LOGIN;
CREATE ROLE regress_record_core LOGIN;
CREATE ROLE regress_record_auditor LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_record_officer LOGIN IN ROLE csec_officer;
CREATE ROLE regress_record_admin LOGIN IN ROLE csec_admin;
CREATE TABLE cust (id int PRIMARY KEY, name text, id_no text, city text);
CREATE TABLE account (no int PRIMARY KEY, owner int, iban text, balance numeric, opened date);
INSERT INTO cust VALUES (42, 'Zhang Wei', '11010519491231002X', 'Xi''an'), (43, 'Li Na', '11010519491231002X', 'Lhasa');
INSERT INTO account VALUES (1, 42, 'DE89370400440532013000', 10, '2020-01-01'), (2, 42, 'GB29NWBK60161331926819', 20, '2021-01-01'), (3, 43, NULL, 30, '2022-01-01');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "id_no": "id_card"}');
SELECT csec.protect('account', 'owner', '{"iban": "iban"}', subject_of => 'cust');
ALTER TABLE cust OWNER TO regress_record_owner;
GRANT SELECT, INSERT, UPDATE ON cust, account TO regress_record_clerk, regress_record_core;
SELECT csec.set_clearance('regress_record_clerk', category => 'person_name');
SELECT csec.set_clearance('regress_record_core', level => 'core');
SELECT csec.set_clearance('regress_record_officer', level => 'core');
\c - regress_record_admin
SELECT csec.register_person('e1', 'Wang Fang', 'service', 'clerk'), csec.assign_login('e1', 'regress_record_clerk');

-- what there is to tell
\c - regress_record_clerk
SET application_name = 'desk';
BEGIN;
SELECT csec.set_context('w.fang', 'delivery', 'T-1');
SELECT name, id_no FROM cust WHERE id = 42;
UPDATE cust SET city = 'Wuhan' WHERE id = 42;
COMMIT;
INSERT INTO cust VALUES (44, 'New One', NULL, 'Ningbo');
SELECT count(*) FROM account;

-- who may not ask
SELECT * FROM csec.customer_record('cust', '42');
SELECT csec.customer_record_json('cust', '42') IS NULL;
SELECT csec.customer_record_html('cust', '42') IS NULL;
SELECT csec.table_record_html('cust', now()) IS NULL;
SELECT * FROM csec.basic_information('cust', '42');
SELECT * FROM csec.access_records('cust', '42');
SELECT * FROM csec.change_records('cust', '42');
SELECT * FROM csec.security_measures('cust');
SELECT * FROM csec.record_incidents('cust', '42');
SELECT * FROM csec.record_reviews('cust');
SELECT csec.record_html('{}');
SELECT csec.attest('mfa', 'why not', now() + interval '1 day');
\c - regress_record_admin
SELECT * FROM csec.customer_record('cust', '42');
\c - postgres
SET ROLE regress_record_auditor;
SELECT * FROM csec.customer_record('cust', '42');
RESET ROLE;

-- the auditor has no privilege on the table: masks of fields, nothing else
\c - regress_record_auditor
SELECT csec.flush_audit();
SELECT field, title, value, shown, category, level, registered_at IS NOT NULL AS registered, protected_at IS NOT NULL AS protected
	FROM csec.basic_information('cust', '42');
SELECT field, value, registered_at IS NOT NULL AS registered FROM csec.basic_information('cust', '44') WHERE field IN ('id', 'name');
SELECT person, login, role, actor, client, application, reason, ticket, permit, relation, statement, revealed, masked, redacted, other, exactness, outcome
	FROM csec.access_records('cust', '42') WHERE login = 'regress_record_clerk';
SELECT person, actor, reason, ticket, relation, operation, field, old_value, new_value, outcome FROM csec.change_records('cust', '42');
-- a clearance is no privilege to read
\c - regress_record_officer
BEGIN;
SELECT csec.set_context(reason => 'complaint');
SELECT field, value, shown FROM csec.basic_information('cust', '42');
COMMIT;
-- with both, and a reason
\c - postgres
GRANT SELECT ON cust, account TO regress_record_officer;
\c - regress_record_officer
SELECT field, value, shown FROM csec.basic_information('cust', '42') WHERE field = 'id_no';
BEGIN;
SELECT csec.set_context(reason => 'complaint');
SELECT field, value, shown FROM csec.basic_information('cust', '42');
COMMIT;
-- the owner of the table
\c - regress_record_owner
SELECT field, value, shown FROM csec.basic_information('cust', '42');
SELECT count(*) > 1 AS tells FROM csec.access_records('cust', '42');
SELECT field, new_value FROM csec.change_records('cust', '42');
-- not of a table of somebody else's
SELECT count(*) FROM csec.security_measures('account');

-- each of these was a read of this customer, and of no other
\c - regress_record_auditor
SELECT csec.flush_audit();
SELECT DISTINCT login, revealed, masked, exactness FROM csec.access_records('cust', '42')
	WHERE relation = 'public.cust' AND login <> 'regress_record_clerk' ORDER BY 1, 2, 3;
SELECT DISTINCT login FROM csec.access_records('cust', '43') WHERE relation = 'public.cust';
SELECT count(*) > 0 AS denials FROM csec.denials WHERE denied = 'customer_record' AND login = 'regress_record_clerk';
-- of a customer who is not there, too
SELECT count(*) FROM csec.basic_information('cust', '99');
SELECT csec.flush_audit();
SELECT detail FROM csec.control_records WHERE action = 'customer_record' AND login = 'regress_record_auditor';
-- what is no question
SELECT * FROM csec.customer_record('cust', NULL);
SELECT * FROM csec.customer_record(NULL, '42');
SELECT * FROM csec.customer_record('pg_class', '42');

-- parts of one's own are rows
\c - regress_record_admin
INSERT INTO csec.record_part (relid, name, position, title, title_zh, source, newest_by) VALUES ('cust', 'accounts', 15, 'Accounts', NULL, 'account', 'opened');
INSERT INTO csec.record_field (relid, part, field, position, title) VALUES ('cust', 'accounts', 'no', 1, 'Account'), ('cust', 'basic_information', 'city', 1, 'Lives in');
INSERT INTO csec.record_field (relid, part, field, position, title, shown) VALUES ('cust', 'accounts', 'owner', 2, 'Customer', false);
-- not of what csec does not watch, or of other customers
INSERT INTO csec.record_part (relid, name, position, title, source) VALUES ('cust', 'roles', 99, 'Roles', 'pg_authid');
INSERT INTO csec.record_part (relid, name, position, title, source) VALUES ('account', 'customers', 99, 'Customers', 'cust');
INSERT INTO csec.record_part (name, position, title, source) VALUES ('customers', 99, 'Customers', 'cust');
-- shipped ones can be had otherwise
UPDATE csec.record_part SET shown = false WHERE name = 'reviews';
INSERT INTO csec.record_word (word, title) VALUES ('clear', 'as it is');
SELECT title, shipped FROM csec.record_word WHERE word = 'clear';
\c - regress_record_officer
SELECT part, no, content FROM csec.customer_record('cust', '42') WHERE part = 'accounts';
SELECT part, count(*) > 0 AS has_rows FROM csec.customer_record('cust', '42') WITH ORDINALITY r (part, no, at, content, n) GROUP BY part ORDER BY min(n);
SELECT field, title FROM csec.basic_information('cust', '42');
SELECT jsonb_path_query_array(j, '$.parts[*].name') AS parts, j -> 'record' ->> 'table' AS "table", j -> 'record' ->> 'subject' AS subject,
	jsonb_path_query_array(j, '$.parts[*] ? (@.name == "accounts").fields[*].title') AS fields, j -> 'charts' -> 'people' -> 0 ->> 0 <> '' AS has_charts
	FROM csec.customer_record_json('cust', '42') j;
-- the auditor sees that there are accounts, and no more
\c - regress_record_auditor
SELECT content FROM csec.own_part('cust', 'accounts', '42');
SELECT csec.own_part('cust', 'basic_information', '42');
-- where the protection of the source has ended nothing is shown
\c - postgres
SELECT csec.unprotect('account', reason => 'trial is over');
\c - regress_record_officer
SELECT count(*) FROM csec.own_part('cust', 'accounts', '42');

-- measures: what is not known is no pass
\c - regress_record_auditor
SELECT measure, item, state, evidence, regexp_replace(finding, '\d{4}-\d\d-\d\d', 'date') AS finding FROM csec.security_measures('cust')
	WHERE measure IN ('field_storage', 'masks_on', 'public_privileges', 'core_until', 'rows_sound', 'mfa', 'training', 'checksums', 'keys_outside', 'durable');
SELECT DISTINCT state, evidence FROM csec.security_measures('cust') ORDER BY 1, 2;
SELECT count(DISTINCT measure) = (SELECT count(*) FROM csec.measure) AS each_measure FROM csec.security_measures('cust');
\c - regress_record_officer
SELECT csec.attest('mfa', 'Tokens for all staff, see T-77', now() + interval '90 days') > 0 AS attested;
SELECT csec.attest('training', 'No course this year', now() + interval '90 days', holds => false) > 0 AS attested;
-- nobody's word mends what was looked up
SELECT csec.attest('core_until', 'They end when we say so', now() + interval '90 days') > 0 AS attested;
SELECT csec.attest('no_such', 'x', now() + interval '90 days');
SELECT csec.attest('mfa', '', now() + interval '90 days');
SELECT csec.attest('mfa', 'x', now() - interval '1 second');
SELECT csec.attest('mfa', 'x', now() + interval '401 days');
SELECT csec.attest('mfa', 'x', 'infinity');
SELECT csec.attest('mfa', 'x', NULL);
SELECT measure, state, evidence, finding, attested_by, until > now() AS holds FROM csec.security_measures('cust') WHERE measure IN ('mfa', 'training', 'core_until');
-- a word is over, one was edited behind csec's back
\c - postgres
GRANT csec_admin TO current_user;
SET session_replication_role = replica;
ALTER TABLE csec.attestation DISABLE TRIGGER sign_row;
UPDATE csec.attestation SET until = now() + interval '300 days' WHERE measure = 'mfa';
ALTER TABLE csec.attestation ENABLE ALWAYS TRIGGER sign_row;
RESET session_replication_role;
REVOKE csec_admin FROM current_user;
UPDATE csec.attestation SET until = now() WHERE measure = 'training';
GRANT SELECT ON cust TO PUBLIC;
CREATE ROLE regress_record_via LOGIN IN ROLE regress_record_clerk;
\c - regress_record_officer
SELECT measure, state, evidence, finding FROM csec.security_measures('cust') WHERE measure IN ('mfa', 'training', 'public_privileges');
-- effective access: by whatever way
SELECT role, can_login, person, via, privileges, clearances FROM csec.effective_access('cust') WHERE role ~ '^regress_record' AND role <> 'regress_record_admin';

-- incidents and reviews: what the workflows made of them
\c - regress_record_admin
UPDATE csec.record_part SET shown = true WHERE name = 'reviews';
SELECT csec.register_person('o1', 'Officer One'), csec.assign_login('o1', 'regress_record_officer');
\c - regress_record_clerk
SELECT csec.report_incident('Looked at <b>', 'misuse', place => 'Xi''an') > 0 AS reported;
\c - regress_record_officer
SELECT csec.triage_incident((SELECT max(id) FROM csec.incident), 'o1', 'minor');
SELECT csec.add_scope((SELECT max(id) FROM csec.incident), role => 'regress_record_clerk', from_time => now() - interval '1 hour', to_time => now() + interval '1 hour') >= 0 AS scoped;
SELECT kind, title, place, concerned, revealed, masked, customers, state FROM csec.record_incidents('cust', '42');
-- who is in no read is in no incident
SELECT count(*) FROM csec.record_incidents('cust', '44');
SELECT kind, concerned, customers FROM csec.record_incidents('cust');
SELECT csec.plan_review('monthly', 'e1', 'o1', now() + interval '9 days', now() - interval '30 days', now(), 'cust') > 0 AS planned;
SELECT csec.start_review((SELECT max(id) FROM csec.review));
SELECT csec.add_finding((SELECT max(id) FROM csec.review), 'minor', 'a login is nobody''s', 'e1', now() + interval '9 days') > 0 AS found;
\c - regress_record_auditor
SELECT reviewer, state, conclusion, finding, severity, fixed_by, verified_by FROM csec.record_reviews('cust');
SELECT part, count(*) FROM csec.customer_record('cust', '42') WHERE part IN ('incidents', 'reviews') GROUP BY part ORDER BY part;

-- a table's owner runs nothing in the name of who reads a record
\c - postgres
CREATE SCHEMA AUTHORIZATION regress_record_owner;
\c - regress_record_owner
SET search_path = regress_record_owner;
CREATE FUNCTION ran() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE sql AS 'SELECT regress_record_owner.ran()::text';
CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood);
CREATE TABLE sick (no int PRIMARY KEY, how mood);
INSERT INTO sick VALUES (1, 'ill');
\c - postgres
SELECT csec.protect('regress_record_owner.sick', 'no', '{}');
\c - regress_record_owner
SELECT how::text FROM regress_record_owner.sick;
SELECT field, value FROM csec.basic_information('regress_record_owner.sick', '1');

-- the twins have Chinese titles
\c - regress_record_clerk
SELECT csec.request_access('cust', '{name}', '<b>电话回访</b>', '{42}', lasting => '1 hour') > 0 AS asked;
\c - postgres
INSERT INTO csec.alert (kind, key, severity, login, person, at, last_at) VALUES ('off_hours', 'x', 'minor', 'regress_record_clerk', 'e1', now(), now());
\c - regress_record_auditor
SELECT "数据表", "字段", "数据类别", "数据级别", "存储方式" FROM csec_zh."基本信息" WHERE "数据表" = 'cust'::regclass ORDER BY 2;
SELECT "访问人员", "访问原因", "工单号", "明文字段", "掩码字段" FROM csec_zh."访问记录" WHERE "访问原因" = 'delivery';
SELECT "变更人员", "变更原因", "变更内容" FROM csec_zh."变更记录" WHERE "客户编号" = '42';
SELECT "字段", "加密方式", "密钥状态" FROM csec_zh."加密方式" WHERE "数据表" = 'cust'::regclass;
SELECT "措施", "结论", "证据" FROM csec_zh."安全措施" WHERE "数据表" = 'cust'::regclass AND "措施" LIKE '%SCRAM%';
SELECT count(*) FROM csec_zh."安全事件";
SELECT count(*) FROM csec_zh."审查记录";
-- those of the workflows, too; all of them can be read
SELECT "姓名", "状态" FROM csec_zh."人员" ORDER BY 1;
SELECT "申请类型", "状态", "申请人", "字段", "申请目的", "数据级别" FROM csec_zh."访问申请";
SELECT DISTINCT "法规", "通报对象", "状态" FROM csec_zh."通报期限" ORDER BY 1, 2;
SELECT "告警类型", "严重程度", "状态", "相关人员" FROM csec_zh."安全告警";
SELECT "姓名", "未整改问题数" FROM csec_zh."人员指标" WHERE "未整改问题数" > 0;
SELECT "部门", "人数", "未整改问题数" FROM csec_zh."部门指标" WHERE "未整改问题数" > 0;
SELECT count(*) AS read FROM pg_views v, LATERAL xpath('//c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I.%I', v.schemaname, v.viewname), false, true, '')) x WHERE v.schemaname = 'csec_zh';
-- no state, kind or severity that csec can be in is without a Chinese word
SELECT w.word FROM (SELECT kind AS word FROM csec.alert_rule UNION SELECT m[1] FROM pg_constraint c, LATERAL regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_ ]+)''::text', 'g') m
	WHERE c.conrelid IN ('csec.access_request'::regclass, 'csec.incident'::regclass, 'csec.review'::regclass, 'csec.alert'::regclass, 'csec.deadline_rule'::regclass) AND c.contype = 'c' AND c.conname <> 'alert_told_check') w
	WHERE NOT EXISTS (SELECT FROM csec.record_word r WHERE r.word = w.word AND r.title_zh IS NOT NULL) ORDER BY 1;
SELECT "部分", "内容" ->> '访问人员' AS who FROM csec_zh."客户记录"('cust', '42') WHERE "内容" ->> '访问原因' = 'delivery';
SELECT csec_zh."客户记录网页"('cust', '42') ~ '客户安全记录' AS page;
\c - regress_record_clerk
SELECT * FROM csec_zh."访问记录";
