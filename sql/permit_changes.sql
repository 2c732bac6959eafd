-- What changes under an open permit: columns, tables and roles that are
-- renamed, dropped and made anew under the name.  It shows what it was given
-- for, or nothing.  And times that no permit can have, whatever their form.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_pc_clerk LOGIN;
CREATE ROLE regress_pc_owner LOGIN;
CREATE ROLE regress_pc_officer LOGIN IN ROLE csec_officer;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, email text);
INSERT INTO cust VALUES (42, 'Zhang Wei', '13812345678', 'wei@example.com'), (43, 'Li Na', '13912345678', 'na@example.com');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "email": "email"}');
SELECT csec.set_data_owner('cust', 'regress_pc_owner');
GRANT SELECT ON cust TO regress_pc_clerk;
ALTER SEQUENCE csec.access_request_id RESTART 1;

-- times: over, for ever, too long, too long for a timestamp, none, backwards
\c - regress_pc_clerk
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', until => '-infinity');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', from_time => 'infinity', until => 'infinity');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', from_time => '-infinity', until => now() + interval '1 hour');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', until => '294000-01-01');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', until => '2024-02-29');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '178000000 years');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '-178000000 years');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '4 months -1 day');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '1 month -31 days');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '0');
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '1 hour', max_rows => NULL);
SELECT csec.request_access('cust', '{{phone},{email}}', 'why', '{42}', lasting => '1 hour');
SELECT csec.request_access('cust', NULL, 'why', '{42}', lasting => '1 hour');
SELECT csec.request_access(NULL, '{phone}', 'why', '{42}', lasting => '1 hour');
SELECT csec.request_access('cust', '{phone}', 'why', '{99999999999999999999}', lasting => '1 hour');
SELECT csec.submit_request(NULL);
-- 90 days are 90 days in any time zone, over leap days and changes of the clock
SET timezone = 'America/New_York';
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '90 days 1 hour');
SELECT csec.request_access('cust', '{phone}', 'call back', '{42}', lasting => '90 days') AS whole;
RESET timezone;
SELECT csec.withdraw_request(1, 'not needed');
SELECT count(*) AS left FROM csec.access_requests WHERE state NOT IN ('withdrawn');

SELECT csec.request_access('cust', '{phone,email}', 'call back', '{42}', lasting => '1 hour') AS id;
\c - regress_pc_owner
SELECT csec.approve_request(2);
SELECT csec.recertify(2, 'reduce', 'why', until => 'infinity');
SELECT csec.recertify(2, 'reduce', 'why', until => '-infinity');
SELECT csec.recertify(2, 'reduce', 'why', subjects => '{43}');
\c - regress_pc_clerk
-- of another customer: a mask, and no use of the permit in the record
SELECT id, phone, email FROM cust ORDER BY id;

-- a column is renamed; one is dropped, and made anew with other values
\c - postgres
SELECT csec.rename_column('cust', 'phone', 'mobile');
ALTER TABLE cust DROP COLUMN email CASCADE;
\c - regress_pc_clerk
SELECT id, mobile FROM cust ORDER BY id;
\c - postgres
ALTER TABLE cust ADD COLUMN email text;
UPDATE cust SET email = 'new' || id || '@example.com';
SELECT csec.add_fields('cust', '{"email": "email"}');
\c - regress_pc_clerk
SELECT id, mobile, email FROM cust ORDER BY id;
-- the table is renamed, and another one takes its name
\c - postgres
ALTER TABLE cust RENAME TO cust_before;
CREATE TABLE cust (id int PRIMARY KEY, phone text, mobile text, email text);
INSERT INTO cust VALUES (42, '13812345678', '13812345678', 'wei@example.com');
SELECT csec.protect('cust', 'id', '{"phone": "phone", "mobile": "phone", "email": "email"}');
GRANT SELECT ON cust TO regress_pc_clerk;
\c - regress_pc_clerk
SELECT id, phone, mobile, email FROM cust ORDER BY id;
SELECT id, mobile FROM cust_before ORDER BY id;
-- the login is renamed, then dropped, and another one takes its name
\c - postgres
ALTER ROLE regress_pc_clerk RENAME TO regress_pc_clerk2;
\c - regress_pc_clerk2
SELECT id, mobile FROM cust_before ORDER BY id;
\c - postgres
DROP OWNED BY regress_pc_clerk2;
DROP ROLE regress_pc_clerk2;
CREATE ROLE regress_pc_clerk2 LOGIN;
GRANT SELECT ON cust, cust_before TO regress_pc_clerk2;
SELECT id, csec.request_state(r) FROM csec.access_request r ORDER BY id;
\c - regress_pc_clerk2
SELECT id, mobile FROM cust_before ORDER BY id;
SELECT count(*) FROM csec.access_requests;
-- and once the table is gone
\c - postgres
DROP TABLE cust_before;
SELECT csec.settle_access();
-- ten days are 240 hours, also for an approver whose clocks change in the meantime
SELECT csec.set_data_owner('cust', 'regress_pc_owner');
\c - regress_pc_clerk2
SELECT csec.request_access('cust', '{phone}', 'why', '{42}', lasting => '10 days') AS ten \gset
\c - regress_pc_owner
SELECT set_config('TimeZone', format('<here>0<there>-1,J%s/0,J%s/0', least(extract(doy FROM now() + interval '3 days'), 365), least(extract(doy FROM now() + interval '90 days'), 365)), false) <> '' AS clocks_change;
SELECT csec.approve_request(:ten);
SELECT extract(epoch FROM valid_until - valid_from) / 3600 = 240 AS as_long FROM csec.access_requests WHERE id = :ten;
SELECT csec.revoke_permit(:ten, 'not needed');
\c - postgres

-- somebody leaves who may act as others, as whom others may act, and for whom things wait
SELECT csec.register_person('pc1', 'Han Mei'), csec.register_person('pc2', 'Li Lei', manager => 'pc1'), csec.assign_login('pc1', 'regress_pc_owner');
GRANT regress_pc_clerk2 TO regress_pc_owner WITH ADMIN OPTION;
GRANT regress_pc_owner TO regress_pc_officer;
SELECT csec.set_data_owner('cust', 'regress_pc_owner');
\c - regress_pc_officer
SELECT csec.plan_review('monthly', 'pc1', 'pc2', now() + interval '1 month') > 0 AS planned;
SELECT kind, regexp_replace(object, '^(review) .*', '\1'), detail, residue FROM csec.offboard('pc1', 'leaves') WHERE kind <> 'read';
\c - postgres
SELECT count(*) AS owners FROM csec.data_owner;

-- the record of the reads: what was shown by the permit, and what was not
SELECT csec.flush_audit();
SELECT relation, revealed, masked, permit, subjects FROM csec.access_records WHERE login LIKE 'regress_pc_clerk%' AND relation LIKE '%cust%' ORDER BY seq;
SELECT denied, detail ->> 'why' AS why, count(*) FROM csec.denials WHERE login LIKE 'regress_pc%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT problem FROM csec.verify_trail();
SELECT csec.unprotect('cust', 'test is over', allow_lock => true);
DELETE FROM csec.review;
DROP TABLE cust;
DROP OWNED BY regress_pc_clerk2, regress_pc_owner, regress_pc_officer;
DROP ROLE regress_pc_clerk2, regress_pc_owner, regress_pc_officer;
