-- A key for each customer: fields and trail are under it, and with it they go.
\set VERBOSITY terse
\pset null '(null)'
SET client_min_messages = warning;
CREATE ROLE regress_subjkeys_clerk LOGIN IN ROLE csec_trail_reader, csec_auditor;
CREATE ROLE regress_subjkeys_low LOGIN;
CREATE ROLE regress_subjkeys_one LOGIN IN ROLE csec_officer;
CREATE ROLE regress_subjkeys_one_too LOGIN IN ROLE csec_officer;
CREATE ROLE regress_subjkeys_two LOGIN IN ROLE csec_admin;
CREATE ROLE regress_subjkeys_backup LOGIN IN ROLE csec_backup;
INSERT INTO csec.clearance (role, level) VALUES ('regress_subjkeys_clerk', 'core');
INSERT INTO csec.default_reason (role, reason) VALUES ('regress_subjkeys_clerk', 'test');
UPDATE csec.level SET needs_reason = false;
GRANT csec_loader TO postgres;
INSERT INTO csec.category (name, level, mask, storage) VALUES ('short_code', 'core', 'all', 'encrypted');
CREATE FUNCTION fails(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'did not fail';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || regexp_replace(SQLERRM, '[0-9]{12,}', 'N', 'g');
END
$$;
-- what a value is under: a data key, the key of a customer
CREATE FUNCTION under(value csec.encrypted) RETURNS text LANGUAGE sql AS
	$$ SELECT CASE WHEN (csec.envelope_info(value)).subject_key THEN 'subject' ELSE 'data' END $$;

CREATE TABLE cust (id int PRIMARY KEY, name text NOT NULL, phone text, code text, note text);
INSERT INTO cust SELECT g, '张三', '1380000' || 1000 + g, lpad((g * 7919 % 1000000)::text, 6, '0'), 'note ' || g FROM generate_series(1, 300) g;
CREATE TABLE account (no int PRIMARY KEY, cust int, iban text, amount numeric);
INSERT INTO account SELECT g, nullif(g % 100, 99), 'acc' || g, g FROM generate_series(1, 200) g;

-- refused, with the reason
SELECT fails($$SELECT csec.protect('cust', 'id', '{"name": "person_name"}', enforce => false, subject_keys => true)$$);
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "code": "short_code"}', subject_keys => true);
CREATE TABLE plain (id int PRIMARY KEY, phone csec.phone);
SELECT fails($$SELECT csec.protect('plain', 'id', subject_keys => true)$$);
SELECT csec.protect('plain', 'id');
SELECT fails($$SELECT csec.protect('account', 'cust', '{"iban": "account_number"}', subject_of => 'plain', subject_keys => true)$$);
SELECT object, what FROM csec.plan_protect('account', 'cust', '{"iban": "account_number"}', subject_of => 'cust') WHERE object = 'subject_keys';
SELECT csec.protect('account', 'cust', '{"iban": "account_number"}', subject_of => 'cust', subject_keys => true);

-- every field is encrypted, also those that are masked elsewhere, and under the
-- customer's key; of nobody's rows under a data key
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cust'::regclass AND attnum > 0 ORDER BY attnum;
SELECT under(name), under(code), count(*) FROM cust GROUP BY 1, 2;
SELECT cust IS NULL AS nobody, under(iban), count(*) FROM account GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM csec.subject_key;
SELECT * FROM csec.check_envelopes('cust') UNION ALL SELECT * FROM csec.check_envelopes('account');
SELECT attname, key, key_state, current, share FROM csec.encryption_status WHERE relid = 'cust'::regclass ORDER BY 1;
-- the measures say so, too
SELECT item, state, finding FROM csec.live_encryption('cust') WHERE measure = 'field_storage' ORDER BY 1;

-- by every way in
SET csec.subject_key_cache = 2;
INSERT INTO cust VALUES (301, 'Li', '13900000001', '123456', 'x');
COPY cust FROM STDIN (DELIMITER ',');
302,Wang,13900000002,000002,y
303,Zhao,13900000003,000003,y
304,Qian,13900000004,000004,y
\.
INSERT INTO cust SELECT id + 400, name, phone, code, note FROM cust WHERE id BETWEEN 1 AND 5;
INSERT INTO cust VALUES (301, 'Li', NULL, '777777', 'z') ON CONFLICT (id) DO UPDATE SET code = excluded.code;
MERGE INTO cust c USING (VALUES (302), (500)) v (id) ON c.id = v.id
	WHEN MATCHED THEN UPDATE SET phone = '13911111111' WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'Sun', '13922222222', '000005', NULL);
UPDATE cust SET id = 501 WHERE id = 500;
UPDATE account SET cust = 301 WHERE no = 99;
UPDATE account SET cust = NULL WHERE no = 1;
SELECT under(name), count(*), count(*) FILTER (WHERE phone = '13911111111') AS found FROM cust GROUP BY 1;
SELECT cust IS NULL AS nobody, under(iban), count(*) FROM account GROUP BY 1, 2 ORDER BY 1;
SELECT * FROM csec.check_envelopes('cust') UNION ALL SELECT * FROM csec.check_envelopes('account');
-- an index over a function of a field holds no envelope under another key
CREATE INDEX cust_lower ON cust (lower(name));
SELECT under(lower(name)) FROM cust WHERE id = 301;
RESET csec.subject_key_cache;

-- a key goes with the transaction that made it, and is not used afterwards
BEGIN;
INSERT INTO cust VALUES (600, 'Gone', NULL, NULL, NULL);
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO cust VALUES (601, 'Gone', NULL, NULL, NULL);
ROLLBACK TO s;
INSERT INTO cust VALUES (601, 'Stays', NULL, NULL, NULL);
COMMIT;
INSERT INTO cust VALUES (600, 'Stays', NULL, NULL, NULL);
\c -
SET client_min_messages = warning;
SELECT count(*) FROM csec.check_envelopes('cust');
\c - regress_subjkeys_clerk
SELECT fails('SELECT 1 FROM cust');
\c - postgres
GRANT SELECT, UPDATE, INSERT, DELETE ON cust, account TO regress_subjkeys_clerk, regress_subjkeys_low;

-- readers see what they see elsewhere; a mask that is written back changes nothing
\c - regress_subjkeys_clerk
SELECT name, phone, code FROM cust WHERE id IN (301, 601) ORDER BY id;
\c - regress_subjkeys_low
SELECT name, phone, code FROM cust WHERE id = 42;
UPDATE cust SET name = '张*', phone = '138****1042', note = 'new' WHERE id = 42;
\c - regress_subjkeys_clerk
SELECT name, phone, note FROM cust WHERE id = 42;

-- a trigger that comes after csec's and sets a field would store it outside the key
\c - postgres
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.code := '111111'; RETURN NEW; END $$;
CREATE TRIGGER zzz_late BEFORE UPDATE ON cust FOR EACH ROW EXECUTE FUNCTION late();
UPDATE cust SET note = 'late' WHERE id = 43;
ALTER TRIGGER zzz_late ON cust RENAME TO aaa_early;
UPDATE cust SET note = 'early' WHERE id = 43;
DROP TRIGGER aaa_early ON cust;

-- the trail: all columns, also those that are no fields, and nothing in clear
UPDATE cust SET note = 'a note in clear', phone = '13700000042' WHERE id = 42;
SELECT csec.flush_audit();
SELECT count(*) FROM csec_trail.audit_log WHERE position('a note in clear'::bytea IN record) > 0 OR position('137****0042'::bytea IN record) > 0;
SELECT op, column_name, classified, old_value, new_value, old_digest, old_length FROM csec.history('cust', '42') WHERE seq = (SELECT max(seq) FROM csec.history('cust', '42'));
-- a record of more customers than it has places for headers of envelopes
UPDATE cust SET note = 'of ' || id WHERE id BETWEEN 241 AND 280;
SELECT csec.flush_audit();
SELECT count(*) FROM generate_series(241, 280) g, csec.history('cust', g::text) h
WHERE h.op = 'UPDATE' AND h.column_name = 'note' AND h.old_value = 'note ' || g AND h.new_value = 'of ' || g;
-- a row that moves to another customer leaves the one and comes to the other
SELECT op, column_name, old_value, new_value FROM csec.history('account', '301') ORDER BY seq, column_name;
SELECT op, column_name, old_value, new_value FROM csec.history('cust', '500') WHERE column_name IN ('id', 'phone') ORDER BY seq, column_name;
\c - regress_subjkeys_clerk
SELECT column_name, old_value, new_value, revealed FROM csec.open_change((SELECT max(seq) FROM csec.history('cust', '42'))) ORDER BY 1;

-- two persons, whatever their logins
\c - postgres
INSERT INTO csec.person (id, name) VALUES ('one', 'Han Mei');
INSERT INTO csec.person_login VALUES ('regress_subjkeys_one', 'one'), ('regress_subjkeys_one_too', 'one');
\c - regress_subjkeys_low
SELECT csec.destroy_subject_key('cust', '42', 'erasure');
\c - regress_subjkeys_one
SELECT csec.destroy_subject_key('cust', '42', ' ');
SELECT csec.destroy_subject_key('cust', '4200', 'erasure');
SELECT csec.destroy_subject_key('plain', '42', 'erasure');
SELECT csec.destroy_subject_key('cust', '42; DROP TABLE cust', 'erasure');
SELECT csec.destroy_subject_key('account', '042', 'erasure, case 7') AS request \gset
SELECT csec.destroy_subject_key('cust', '42', 'again');
SELECT csec.approve_destruction(:request);
SELECT csec.approve_destruction(:request + 100);
SELECT csec.destroy_subject_key('cust', '7', 'a mistake') AS mistake \gset
SELECT csec.destroy_subject_key('cust', '8', 'forgotten') AS forgotten \gset
\c - regress_subjkeys_one_too
SELECT csec.approve_destruction(:request);
\c - postgres
SELECT csec.set_person_state('one', 'suspended', 'on leave');
\c - regress_subjkeys_one
SELECT csec.destroy_subject_key('cust', '41', 'erasure');
SELECT csec.withdraw_destruction(:mistake);
\c - postgres
SELECT csec.set_person_state('one', 'active', 'back');
\c - regress_subjkeys_two
SELECT csec.withdraw_destruction(:mistake);
SELECT csec.approve_destruction(:mistake);
\c - postgres
SELECT fails($$UPDATE csec.subject_destruction SET requested_by = 'somebody'$$);
SELECT fails('DELETE FROM csec.subject_destruction');
SELECT fails('TRUNCATE csec.subject_destruction');
UPDATE csec.subject_destruction SET requested_at = now() - interval '48 hours' WHERE id = :forgotten;
\c - regress_subjkeys_two
SELECT csec.approve_destruction(:forgotten);
-- rolled back: nothing is destroyed
BEGIN;
SELECT csec.approve_destruction(:request);
ROLLBACK;
\c - regress_subjkeys_clerk
SELECT name FROM cust WHERE id = 42;
BEGIN;
SELECT count(*) FROM account WHERE cust = 42;
-- nor while it is evidence: of a customer however written, of another table of his, of all; another's is not
\c - regress_subjkeys_one
SELECT csec.hold_evidence('inquiry', 'cust', '0042') AS hold \gset
SELECT csec.hold_evidence('inquiry', 'cust', 'forty-two');
SELECT csec.hold_evidence('inquiry', 'cust', '43') AS other \gset
\c - regress_subjkeys_two
SELECT csec.approve_destruction(:request);
SELECT csec.destroy_subject_key('cust', '42', 'again');
SELECT csec.evidence_is_held('cust', ' 042 ') AS however_written, csec.evidence_is_held('account', '42') AS elsewhere, csec.evidence_is_held('cust', '44') AS another;
\c - regress_subjkeys_one
SELECT csec.hold_evidence('inquiry', from_time => '2024-01-01', to_time => '2024-02-01') AS all \gset
SELECT csec.release_evidence(:hold, 'over');
\c - regress_subjkeys_two
SELECT csec.approve_destruction(:request);
\c - regress_subjkeys_one
SELECT csec.release_evidence(:all, 'over');
\c - regress_subjkeys_two
SELECT csec.approve_destruction(:request);
SELECT csec.approve_destruction(:request);
\c - regress_subjkeys_one
SELECT csec.release_evidence(:other, 'over');
\c - regress_subjkeys_two
SELECT relid, customers, destroyed FROM csec.subject_key_status;

-- nothing is to be seen, for anybody, and no report fails for it
\c - regress_subjkeys_clerk
SELECT name, phone, code FROM cust WHERE id IN (41, 42, 43) ORDER BY id;
SELECT iban::text FROM account WHERE cust IN (41, 42) ORDER BY no;
SELECT count(*) FROM cust WHERE name::text LIKE '张%';
SELECT lower(name), name || '!' FROM cust WHERE id = 42;
SELECT op, column_name, old_value, new_value FROM csec.history('cust', '42') ORDER BY seq, column_name;
SELECT column_name, old_value, new_value, revealed FROM csec.open_change((SELECT max(seq) FROM csec.history('cust', '42'))) ORDER BY 1;
SELECT count(*) > 0 AS still_known FROM csec.who_saw('cust', '42');
\c - postgres
GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO regress_subjkeys_low;
\c - regress_subjkeys_low
SELECT csec.match_customer('cust', '42', '{"name": "张三", "note": "a note in clear"}'), csec.match_customer('cust', '41', '{"name": "张三", "note": "note 41"}');
-- rows can be updated elsewhere, their masks written back, fields emptied; nothing new
\c - regress_subjkeys_clerk
UPDATE cust SET name = '***', phone = '***', note = 'closed' WHERE id = 42;
SELECT fails($$UPDATE cust SET phone = '13800000000' WHERE id = 42$$);
SELECT fails($$UPDATE cust SET id = 4242 WHERE id = 42$$);
SELECT fails($$INSERT INTO account VALUES (1000, 42, NULL, 1)$$);
UPDATE cust SET phone = NULL WHERE id = 42;
DELETE FROM account WHERE cust = 42;
SELECT csec.flush_audit();
SELECT op, column_name, old_value, new_value FROM csec.history('cust', '42') ORDER BY seq DESC, column_name LIMIT 2;
-- the trail verifies, and has both persons
SELECT verified, problem FROM csec.verify_trail();
SELECT login, action, detail::jsonb - 'pseudonym' - 'request' - 'destroyed_at' - 'space' FROM csec.control_records WHERE action LIKE '%subject key%' ORDER BY seq;
-- the subject of a number that is destroyed is gone from the request, too
\c - postgres
SELECT subject, state, requested_by, decided_by FROM csec.subject_destruction ORDER BY id;
SELECT fails($$UPDATE csec.subject_key SET destroyed_at = NULL, wrapped = decode(repeat('00', 67), 'hex') WHERE destroyed_at IS NOT NULL$$);
SELECT fails($$SELECT csec.destroy_subject_key('cust', '42', 'again')$$);
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 1;

-- What search tags still allow, while the search key lives: a code of six
-- digits is found by trying them all, also of a destroyed customer; one
-- without a tag is not.
SELECT c.id, s.code FROM cust c JOIN (SELECT lpad(g::text, 6, '0') AS code FROM generate_series(0, 999999) g) s ON c.code = s.code WHERE c.id = 42;
CREATE TABLE untagged (id int PRIMARY KEY, code text);
INSERT INTO csec.category (name, level, mask, storage, search) VALUES ('pass_code', 'core', 'all', 'encrypted', 'none');
INSERT INTO untagged VALUES (42, '332598');
SELECT csec.protect('untagged', 'id', '{"code": "pass_code"}', subject_keys => true);
SELECT fails($$SELECT 1 FROM untagged WHERE code = '332598'$$);

-- rows that are not their customer's: by an edit of the policy only
DO $$ BEGIN
	PERFORM csec.own_ddl(true);
	ALTER TABLE cust DISABLE TRIGGER csec_zy_rekey;
END $$;
SELECT fails($$UPDATE cust SET phone = '13800000000' WHERE id = 44$$);
DO $$ BEGIN
	PERFORM csec.own_ddl(true);
	ALTER TABLE cust ENABLE ALWAYS TRIGGER csec_zy_rekey;
END $$;
UPDATE csec.protected_table SET subject_keys = false WHERE relid = 'cust'::regclass;
UPDATE cust a SET phone = b.phone FROM cust b WHERE a.id = 44 AND b.id = 45;
UPDATE cust SET phone = '13800000000' WHERE id = 46;
UPDATE csec.protected_table SET subject_keys = true WHERE relid = 'cust'::regclass;
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 2, 1;
-- the encryption of what lacks a key is not current, and is made so
SELECT attname, key, current, "values" FROM csec.encryption_share('cust') WHERE attname = 'phone' AND (current IS FALSE OR key <> 'per subject');
CALL csec.reencrypt('cust');
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 2, 1;
-- and all are set right by any update
UPDATE cust SET note = note WHERE id IN (44, 46);
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 2, 1;

-- keys that change: customers' keys are wrapped anew, values stay
SELECT id, version FROM csec.key WHERE purpose = 'data' AND state = 'active' \gset old_
CALL csec.rotate_key('data', reason => 'test');
CALL csec.reencrypt('account');
SELECT regexp_replace(fails(format('CALL csec.destroy_key(%s, %s, ''test'')', :old_id, :old_version)), 'key [0-9]+ version', 'key N version');
CALL csec.rewrap_subject_keys(100);
SELECT csec.subject_keys_under(:old_id, :old_version), csec.subject_keys_under(k.id, k.version) > 300 AS rewrapped FROM csec.key k WHERE purpose = 'data' AND state = 'active';
CALL csec.destroy_key(:old_id, :old_version, 'test', force => true);
\c -
SET client_min_messages = warning;
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 2, 1;
-- another suite, beside the first
SET csec.suite = sm4_ctr_hmac_sm3;
UPDATE cust SET phone = '13800000777' WHERE id = 47;
INSERT INTO cust VALUES (700, '李四', '13800000700', NULL, NULL);
SELECT attname, suite, current, "values" FROM csec.encryption_share('cust') WHERE attname = 'phone' ORDER BY 2;
RESET csec.suite;
SELECT csec.mask(phone) FROM cust WHERE id IN (46, 47, 700) ORDER BY id;
CALL csec.reencrypt('cust');
SELECT attname, suite, current, "values" FROM csec.encryption_share('cust') WHERE attname = 'phone' ORDER BY 2;
-- the search key: tags are renewed under the customer's key; those of a
-- destroyed customer stay behind and find nothing
GRANT SELECT ON cust TO regress_subjkeys_backup;
\c - regress_subjkeys_backup
SET row_security = off;
SELECT phone AS kept FROM cust WHERE id = 46 \gset
\c - postgres
SET client_min_messages = warning;
CALL csec.rotate_key('search', reason => 'test');
CALL csec.reencrypt('cust');
CALL csec.reencrypt('account');
CALL csec.finish_search_rotation('test');
CALL csec.reencrypt('cust');
-- a value from before the rotation is put back: its place in indexes depends on the customer's key, which is said before that goes
BEGIN;
SELECT csec.destroy_subject_key('cust', '46', 'test') > 0;
ROLLBACK;
BEGIN;
UPDATE cust SET phone = :'kept' WHERE id = 46;
SELECT csec.destroy_subject_key('cust', '46', 'test') > 0;
ROLLBACK;
-- one of many blocks is enough
BEGIN;
CREATE TABLE far (no int PRIMARY KEY, who int, phone csec.encrypted(phone)) WITH (fillfactor = 10);
SELECT csec.protect('far', 'who', subject_of => 'cust', subject_keys => true);
INSERT INTO far SELECT g, 46, '13800000000' FROM generate_series(1, 1000) g;
SELECT csec.destroy_subject_key('cust', '46', 'test') > 0;
SELECT csec.withdraw_destruction(max(id)) FROM csec.subject_destruction;
UPDATE far SET phone = :'kept' WHERE no = (SELECT min(no) FROM far
	WHERE (ctid::text::point)[0]::int8 NOT IN (SELECT i * (pg_relation_size('far') / 8192) / 64 FROM generate_series(0, 63) i));
SELECT csec.destroy_subject_key('cust', '46', 'test') > 0;
ROLLBACK;
UPDATE cust SET phone = :'kept' WHERE id = 46;
CALL csec.reencrypt('cust');
BEGIN;
SELECT csec.destroy_subject_key('cust', '46', 'test') > 0;
ROLLBACK;
SELECT under(name), count(*), count(*) FILTER (WHERE code = '332598') AS found FROM cust GROUP BY 1;
SELECT attname, problem FROM csec.check_envelopes('cust') ORDER BY 2, 1;

-- a text as subject stands in the trail as a pseudonym, and is found by its name
CREATE TABLE person (ssn text PRIMARY KEY, phone text);
CREATE TABLE visit (no int PRIMARY KEY, who text, at text);
SELECT csec.protect('person', 'ssn', '{"phone": "phone"}', subject_keys => true);
SELECT csec.protect('visit', 'who', subject_of => 'person', subject_keys => true);
INSERT INTO person VALUES ('ssn-ann', '13800000001'), ('ssn-bob', '13800000002');
INSERT INTO visit VALUES (1, 'ssn-ann', 'bank'), (2, 'ssn-bob', 'shop');
SELECT count(*) FROM person WHERE phone IS NOT NULL;
SELECT at FROM visit WHERE who = 'ssn-ann';
SELECT csec.flush_audit();
SELECT count(*) FROM csec_trail.audit_log WHERE position('ssn-ann'::bytea IN record) > 0;
SELECT DISTINCT relation FROM csec.who_saw('person', 'ssn-ann') ORDER BY 1;
SELECT count(*) FROM csec.who_saw('person', 'ssn-nobody');
SELECT op, column_name, new_value FROM csec.history('visit', 'ssn-ann') ORDER BY 2;
SELECT csec.destroy_subject_key('visit', 'ssn-ann', 'erasure') AS request \gset
\c - regress_subjkeys_two
SELECT csec.approve_destruction(:request);
\c - postgres
SELECT op, column_name, new_value FROM csec.history('visit', 'ssn-ann') ORDER BY 2;
SELECT DISTINCT relation FROM csec.who_saw('person', 'ssn-ann') ORDER BY 1;
SELECT csec.flush_audit();
SELECT detail ? 'subject' AS named FROM csec.control_records WHERE action = 'destroy subject key' ORDER BY seq;
-- of several columns; a partition; an array
CREATE TABLE member (bank int, no int, codes csec.encrypted(secret)[], phone text, PRIMARY KEY (bank, no)) PARTITION BY LIST (bank);
CREATE TABLE member_1 PARTITION OF member FOR VALUES IN (1);
INSERT INTO member VALUES (1, 1, ARRAY['111111', '222222']::csec.encrypted(secret)[], '13800000001');
SELECT csec.protect('member', ARRAY['bank', 'no'], '{"phone": "phone"}', subject_keys => true);
CREATE TABLE member_2 PARTITION OF member FOR VALUES IN (2);
INSERT INTO member VALUES (2, 1, ARRAY['111111', NULL]::csec.encrypted(secret)[], '13800000001');
SELECT * FROM csec.check_envelopes('member');
UPDATE member SET phone = '13800000003';
UPDATE member SET bank = 2, no = 2 WHERE bank = 1;
SELECT tableoid::regclass, under(codes[1]), under(phone) FROM member ORDER BY no;
SELECT * FROM csec.check_envelopes('member');

-- beside the table's use
CREATE TABLE big (id int PRIMARY KEY, phone text);
INSERT INTO big SELECT g, '1380000' || 1000 + g FROM generate_series(1, 100) g;
SET client_min_messages = warning;
CALL csec.protect_online('big', '{id}', '{"phone": "phone"}', subject_keys => true);
SELECT under(phone), count(*) FROM big GROUP BY 1;
SELECT * FROM csec.check_envelopes('big');

-- the way back: all but what was destroyed
SELECT fails($$SELECT csec.unprotect('cust', 'test')$$);
SELECT csec.unprotect('account', 'test');
\set VERBOSITY default
\set SHOW_CONTEXT never
DO $$ DECLARE hint text; BEGIN PERFORM csec.unprotect('cust', 'test'); EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9]{12,}', 'N') USING HINT = hint; END $$;
\set VERBOSITY terse
SELECT count(*), min(id), max(id) FROM cust WHERE (tableoid::regclass, ctid) IN (SELECT relid, row_ctid FROM csec.check_envelopes('cust') WHERE problem = 'destroyed_key');
DELETE FROM cust WHERE (tableoid::regclass, ctid) IN (SELECT relid, row_ctid FROM csec.check_envelopes('cust') WHERE problem = 'destroyed_key');
SELECT csec.unprotect('cust', 'test');
SELECT name, phone FROM cust WHERE id = 41;
SELECT name FROM cust WHERE phone = '13900000003';
-- its trail can still be read, and its keys be destroyed
SELECT csec.flush_audit();
SELECT column_name, new_value FROM csec.history('cust', '303') ORDER BY 1;
SELECT csec.destroy_subject_key('cust', '303', 'erasure') > 0 AS requested;
SELECT verified, problem FROM csec.verify_trail();
-- a customer whom the trail knows by his pseudonym: watched, exported, however his number is written
CREATE TABLE shop (code numeric PRIMARY KEY, phone text);
INSERT INTO shop VALUES (7.50, '13800000750'), (8, '13800000800');
SELECT csec.protect('shop', subject => 'code', fields => '{"phone": "phone"}', subject_keys => true);
INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('shop', '7.5', 'vip');
UPDATE shop SET code = 7.500, phone = '13800000751' WHERE code = 7.5;
SELECT phone FROM shop WHERE code = 7.5;
SELECT csec.flush_audit();
SELECT csec.evaluate_alerts() > 0 AS evaluated;
SELECT kind, relid::regclass, subject, times FROM csec.alert WHERE kind = 'watched';
SELECT op, column_name, old_value, new_value FROM csec.history('shop', '7.5') ORDER BY seq, column_name;
SELECT count(*) FROM csec.who_saw('shop', '7.50');
SELECT count(*) FROM csec.records_to_export('shop', '7.50', NULL, NULL, NULL, NULL, NULL);
SELECT count(*) FROM csec.check_envelopes('shop');
SELECT count(DISTINCT k.pseudonym) FROM csec.subject_key k JOIN csec.subject_space s ON s.id = k.space WHERE s.relid = 'shop'::regclass;
SELECT csec.unprotect('shop', 'over');
DROP TABLE shop;
-- a data key that is destroyed with customers' keys under it keeps no others from being wrapped anew
CREATE TABLE half (id int PRIMARY KEY, phone text);
SELECT csec.protect('half', subject => 'id', fields => '{"phone": "phone"}', subject_keys => true);
INSERT INTO half VALUES (1, '13800000001');
SELECT id, version FROM csec.key WHERE purpose = 'data' AND state = 'active' \gset old_
CALL csec.rotate_key('data', reason => 'test');
INSERT INTO half VALUES (2, '13800000002');
CALL csec.destroy_key(:old_id, :old_version, 'lost', force => true);
SELECT id, version FROM csec.key WHERE purpose = 'data' AND state = 'active' \gset old_
CALL csec.rotate_key('data', reason => 'test');
CALL csec.rewrap_subject_keys(100);
SELECT csec.subject_keys_under(:old_id, :old_version) AS left_behind, csec.subject_keys_under(k.id, k.version) AS wrapped FROM csec.key k WHERE purpose = 'data' AND state = 'active';
SELECT phone FROM half WHERE id = 2;
-- roles are shared with other tests
REVOKE csec_loader FROM postgres;
DROP OWNED BY regress_subjkeys_clerk, regress_subjkeys_low, regress_subjkeys_backup;
