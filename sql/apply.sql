-- The policy as one document.  Wrong if applying it twice did something, if a
-- typing error passed, or if it took protection away.
\set VERBOSITY terse
CREATE ROLE regress_apply_clerk;
CREATE ROLE "regress_Apply.app";
CREATE ROLE regress_apply_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_apply_low;
CREATE TABLE customers (id int PRIMARY KEY, name text, phone text, contract text);
CREATE TABLE tickets (id int PRIMARY KEY, customer int, note text);
INSERT INTO customers VALUES (1, 'Zhang Wei', '13800000001', 'AB-12345-Z');
INSERT INTO tickets VALUES (1, 1, 'calls');
SELECT csec.set_clearance('regress_apply_low', level => 'general');

SELECT '{
	"levels": {"board": {"rank": 40, "audit": "strict", "needs_reason": true}},
	"categories": {
		"contract_no": {"level": "board", "mask": "first_last", "keep_left": 2, "keep_right": 1},
		"phone": {"level": "general"}},
	"tables": {
		"public.tickets": {"subject": "customer", "subject_of": "public.customers", "fields": {"note": "free_text"}},
		"public.customers": {"subject": "id", "fields": {"phone": "phone", "contract": "contract_no"}}},
	"clearances": [
		{"role": "regress_apply_clerk", "level": "important", "reason": "service"},
		{"role": "regress_apply_clerk", "category": "contract_no", "until": "2099-01-01 00:00:00+00"}],
	"default_reasons": {"regress_Apply.app": "daily business"}
}' AS policy \gset
SELECT * FROM csec.apply(:'policy', dry_run => true);
SELECT count(*) FROM csec.protected_table;
SELECT * FROM csec.apply(:'policy');
SELECT * FROM csec.apply(:'policy');
SELECT name, rank, audit, needs_reason FROM csec.level WHERE NOT shipped;
SELECT name, level, mask, keep_left, keep_right, check_kind FROM csec.category WHERE NOT shipped ORDER BY 1;
SELECT * FROM customers, tickets;

-- what it gives is what it takes
SELECT jsonb_pretty(csec.policy_document());
SELECT * FROM csec.apply(csec.policy_document());

-- what is left out: access goes, protection stays
SELECT * FROM csec.apply('{"levels": {}, "categories": {}, "tables": {}, "clearances": [], "default_reasons": {}}', dry_run => true);
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "fields": {"phone": "phone", "name": "person_name"}, "audit": "strict"}},
	"clearances": [{"role": "regress_apply_clerk", "level": "general"}]}');
SELECT role, level, category FROM csec.clearance;
SELECT role, reason FROM csec.default_reason;

-- what is wrong is refused, and nothing of it done
SELECT * FROM csec.apply(NULL);
SELECT * FROM csec.apply('[]');
SELECT * FROM csec.apply('{"table": {}}');
SELECT * FROM csec.apply('{"levels": {"Board": {"rank": 50}}}');
SELECT * FROM csec.apply('{"levels": {"x": {"rang": 50}}}');
SELECT * FROM csec.apply('{"levels": {"x": {"rank": 50, "shipped": true}}}');
SELECT * FROM csec.apply('{"levels": {"x": 5}}');
SELECT * FROM csec.apply('{"categories": {"x": {"level": "nothing"}}}');
SELECT * FROM csec.apply('{"categories": {"x": {"level": "core", "mask": "nothing"}}}');
SELECT * FROM csec.apply('{"tables": {"customers": {"subject": "id"}}}');
SELECT * FROM csec.apply('{"tables": {"public.nothing": {"subject": "id"}}}');
SELECT * FROM csec.apply('{"tables": {"pg_catalog.pg_class": {"subject": "oid"}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "name"}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "enforce": false}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "subject_keys": true}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "field": {}}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "fields": {"phone": "email"}}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "audit": "sometimes"}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id"}, "PUBLIC.customers": {"subject": "id"}}}');
SELECT * FROM csec.apply('{"clearances": {"regress_apply_clerk": "general"}}');
SELECT * FROM csec.apply('{"clearances": [{"role": "nobody", "level": "general"}]}');
SELECT * FROM csec.apply('{"clearances": [{"role": "regress_apply_clerk"}]}');
SELECT * FROM csec.apply('{"clearances": [{"role": "regress_apply_clerk", "level": "general"}, {"role": "regress_apply_clerk", "level": "general"}]}');
SELECT * FROM csec.apply('{"clearances": [{"role": "regress_apply_clerk", "level": "general", "until": "2001-01-01"}]}');
SELECT * FROM csec.apply('{"levels": {"fine": {"rank": 60}}, "default_reasons": {"regress_apply_clerk": "a\nb"}}');
SELECT * FROM csec.apply('{"default_reasons": {"regress_apply_clerk": 5}}');
SELECT count(*) FROM csec.level WHERE name = 'fine';

-- who may: not a clearance for oneself, not somebody else's table
SET SESSION AUTHORIZATION regress_apply_low;
SELECT * FROM csec.apply('{}');
SELECT csec.policy_document();
RESET SESSION AUTHORIZATION;
\set me :USER
\c - regress_apply_admin
SELECT * FROM csec.apply('{"clearances": [{"role": "regress_apply_admin", "level": "core"}]}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "fields": {"contract": "contract_no", "name": "person_name", "phone": "phone"}, "audit": "strict"}}}');
SELECT * FROM csec.apply('{"tables": {"public.customers": {"subject": "id", "fields": {"contract": "contract_no"}, "audit": "batch"}}}');
SELECT * FROM csec.apply('{"clearances": []}');
\c - :me

-- observed first, then masked
CREATE TABLE o (id int PRIMARY KEY, phone text);
SELECT * FROM csec.apply('{"tables": {"public.o": {"subject": ["id"], "fields": {"phone": "phone"}, "enforce": false}}}');
SELECT * FROM csec.apply('{"tables": {"public.o": {"subject": ["id"], "fields": {"phone": "phone"}, "enforce": false}}}');
SELECT * FROM csec.apply('{"tables": {"public.o": {"subject": ["id"], "fields": {"phone": "phone"}}}}');

SELECT csec.unprotect_all('the test is over');
DROP TABLE o, tickets, customers;
DELETE FROM csec.default_reason;
DROP ROLE regress_apply_clerk, "regress_Apply.app", regress_apply_admin, regress_apply_low;
