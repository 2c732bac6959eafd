-- Were this to fail, tables of other shapes than one integer key would be
-- refused, or rows, partitions or children of theirs would go unrecorded.
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = ISO;

-- composite keys; commas and backslashes in them are told apart
CREATE TABLE branch (region text, no int, phone text, PRIMARY KEY (region, no));
INSERT INTO branch VALUES ('a,b', 1, '13800000001'), ('a\', 2, '13800000002');
SELECT csec.protect('branch', subject => ARRAY['region', 'no'], fields => '{"phone": "phone"}');
UPDATE branch SET phone = '13900000001' WHERE no = 1;
DELETE FROM branch WHERE no = 2;

-- uuid and text keys
CREATE TABLE person (id uuid PRIMARY KEY, name varchar(10) NOT NULL DEFAULT '无名');
CREATE TABLE account (no varchar(20) PRIMARY KEY, card char(19));
INSERT INTO account VALUES ('A-1', '6222020200000000006');
SELECT csec.protect('person', subject => 'id', fields => '{"name": "person_name"}');
SELECT csec.protect('account', subject => 'no', fields => '{"card": "bank_card"}', audit => 'batch');
INSERT INTO person VALUES ('11111111-1111-1111-1111-111111111111', '欧阳锋');
SELECT * FROM account WHERE card = '6222020200000000006';

-- a table that refers to customers by a column of its own
CREATE TABLE ticket (id int PRIMARY KEY, person uuid REFERENCES person, text text);
SELECT csec.protect('ticket', subject => 'person', fields => '{"text": "free_text"}', subject_of => 'person');
INSERT INTO ticket VALUES (1, '11111111-1111-1111-1111-111111111111', 'called'), (2, NULL, 'nobody');
SELECT csec.protect('branch', subject => 'no', subject_of => 'ticket');
CREATE TABLE other (id int, person int);
SELECT csec.protect('other', subject => 'person', subject_of => 'person');

-- partitioned: columns in another order, a default, a check and an index of
-- its own in a partition
CREATE TABLE visit (id int, at date, phone varchar(20) DEFAULT 'x', email text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE visit_2 (email text, id int NOT NULL, gone int, at date NOT NULL, phone varchar(20) NOT NULL DEFAULT 'y');
ALTER TABLE visit_2 DROP COLUMN gone;
ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX ON visit (phone varchar_pattern_ops);
CREATE INDEX ON visit_2 (lower(phone));
ALTER TABLE visit ADD CHECK (phone <> 'z');
ALTER TABLE visit_1 ADD CHECK (email <> 'zz');
-- indexes of the parent alone, of partitions attached by hand, under each other's names
CREATE INDEX on_parent ON ONLY visit (phone);
CREATE INDEX by_hand ON ONLY visit (phone, id);
CREATE INDEX by_hand_1 ON visit_1 (phone, id) WITH (fillfactor = 90);
CREATE INDEX "by hand ON ONLY 2" ON visit_2 (phone, id);
ALTER INDEX by_hand ATTACH PARTITION by_hand_1;
ALTER INDEX by_hand ATTACH PARTITION "by hand ON ONLY 2";
COMMENT ON INDEX "by hand ON ONLY 2" IS 'the second';
ALTER TABLE visit_1 CLUSTER ON by_hand_1;
ALTER INDEX visit_1_phone_idx RENAME TO aside;
ALTER INDEX visit_2_phone_idx RENAME TO visit_1_phone_idx;
ALTER INDEX aside RENAME TO visit_2_phone_idx;
CREATE VIEW visit_indexes AS
	SELECT i.indrelid::regclass AS tab, i.indexrelid::regclass::text AS index, h.inhparent::regclass::text AS parent, i.indisvalid AS valid, i.indisclustered AS clustered, obj_description(i.indexrelid, 'pg_class') AS comment
	FROM pg_index i LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid
	WHERE i.indrelid IN (SELECT relid FROM pg_partition_tree('visit')) AND NOT i.indisprimary;
CREATE TABLE visit_indexes_before AS TABLE visit_indexes;
SELECT * FROM visit_indexes ORDER BY tab, index COLLATE "C";
CREATE VIEW visits_2 AS SELECT * FROM visit_2 WHERE phone = '13800000002';
INSERT INTO visit VALUES (1, '2020-02-02', '13800000001', 'a@b.c'), (2, '2021-02-02', '13800000002', 'b@b.c');
SELECT csec.protect('visit_1', subject => 'id');
SELECT csec.protect('visit', subject => 'id', fields => '{"phone": "phone", "email": "email"}');
SELECT csec.protect('visit', subject => 'id');
\d visit_2
TABLE visit_indexes EXCEPT TABLE visit_indexes_before;
TABLE visit_indexes_before EXCEPT TABLE visit_indexes;
SELECT * FROM visits_2;
-- a new partition, a partition attached and a child are protected like the rest
CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE visit_4 (LIKE visit INCLUDING CONSTRAINTS);
ALTER TABLE visit ATTACH PARTITION visit_4 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE branch_child (extra int) INHERITS (branch);
SELECT tgrelid::regclass, string_agg(tgname || ' ' || tgenabled::text, ', ' ORDER BY tgname) FROM pg_trigger
	WHERE tgname LIKE 'csec%' AND tgrelid IN ('visit_3'::regclass, 'visit_4'::regclass, 'branch_child'::regclass) GROUP BY 1 ORDER BY 1;
INSERT INTO visit VALUES (3, '2022-02-02', '13800000003', 'c@b.c');
UPDATE visit SET phone = '13800000013', at = '2023-02-02' WHERE id = 3;
TRUNCATE visit_4;
INSERT INTO branch_child VALUES ('c', 3, '13800000004', 1);
UPDATE branch SET phone = '13800000005' WHERE no = 3;

SELECT text FROM ticket WHERE id = 1;
SELECT id FROM person;

-- one customer, however his key is written: in the tables, and by who asks
CREATE TABLE money (id numeric PRIMARY KEY, at int8 NOT NULL UNIQUE, phone text);
CREATE TABLE payment (no int PRIMARY KEY, id numeric REFERENCES money);
SELECT csec.protect('money', subject => 'id', fields => '{"phone": "phone"}');
SELECT csec.protect('payment', subject => 'id', subject_of => 'money');
INSERT INTO money VALUES (1.10, 9223372036854775807, '13800000110');
INSERT INTO payment VALUES (1, 1.1), (2, 1.100);
SELECT id FROM payment;
UPDATE money SET id = 1.1000;
SELECT csec.flush_audit();
SELECT n, (SELECT string_agg(w.relation || ' ' || w.statement || ' ' || w.exactness, ', ' ORDER BY w.seq) FROM csec.who_saw('money', n) w) AS who_saw,
	(SELECT string_agg(h.op || ' ' || h.column_name || ' ' || coalesce(h.old_value, '') || '>' || h.new_value, ', ' ORDER BY h.seq, h.column_name) FROM csec.history('money', n) h) AS history
	FROM unnest('{1.1,1.10,01.1000,1.11}'::text[]) n;
SELECT count(*) FROM csec.who_saw('person', upper('11111111-1111-1111-1111-111111111111'));
SELECT csec.subjects_as_filed('test', 'money', '{1.10,-0,007.50,12}'), csec.subjects_as_filed('test', 'person', ARRAY[upper('abcdef11-1111-1111-1111-111111111111')]);
SELECT csec.unprotect('payment', 'the next'), csec.unprotect('money', 'the next');
SELECT csec.protect('money', subject => 'at');
SELECT csec.subjects_as_filed('test', 'money', '{9223372036854775807,-9223372036854775808}');
SELECT csec.subjects_as_filed('test', 'money', '{9223372036854775808}');
SELECT csec.subjects_as_filed('test', 'money', '{1.0}');
SELECT csec.unprotect('money', 'the next');
-- texts that differ and are equal would be two
CREATE COLLATION either (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE login (code text COLLATE either PRIMARY KEY);
SELECT csec.protect('login', subject => 'code');
DROP TABLE payment, money, login;

-- names that the policy knows
SELECT csec.rename_column('person', 'name', 'full_name');
SELECT attname, category FROM csec.protected_field WHERE relid = 'person'::regclass;
ALTER TABLE account RENAME COLUMN no TO number;
INSERT INTO account VALUES ('A-2', NULL);
ALTER TABLE account DROP COLUMN number;
ALTER TABLE account DROP COLUMN card;
ALTER TABLE account DROP COLUMN card CASCADE;
SELECT attname FROM csec.protected_field WHERE relid = 'account'::regclass;
ALTER TABLE visit DROP COLUMN email CASCADE;
SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE tgname = 'csec_aa_keep' AND tgrelid IN ('visit'::regclass, 'visit_4'::regclass, 'account'::regclass) ORDER BY 1;
ALTER TABLE account RENAME TO accounts;
SELECT relid FROM csec.protected_table WHERE relid = 'accounts'::regclass;
DROP TABLE accounts;
SELECT count(*) FROM csec.protected_table WHERE relid::text !~ '^(branch|person|ticket|visit)$';

SELECT csec.flush_audit();
SELECT f.relation, f.statement, x.subject, x.column_name, x.old_value, x.new_value
	FROM csec.trail() l, csec.record_fields(l.record) f LEFT JOIN csec.record_changes(l.record) x ON true
	WHERE l.kind = 3 ORDER BY l.seq, x.row_no, x.column_name;
SELECT relation, subjects, statement FROM csec.who_saw('person', '11111111-1111-1111-1111-111111111111') w
	JOIN csec.access_records USING (seq, relation, statement) ORDER BY seq;

SELECT csec.unprotect('person', 'its tickets are in the way');
SELECT csec.unprotect_all('the test is over');
TABLE visit_indexes_before EXCEPT TABLE visit_indexes;
\d visit_2
SELECT * FROM visit ORDER BY id;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'csec%';
