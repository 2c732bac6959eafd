-- Who sees what in clear: levels, categories, time, roles, the reader.
-- Sessions of their own (\c): what a superuser becomes by SET ROLE is nobody.
\set VERBOSITY terse
CREATE ROLE regress_clearance_low LOGIN;
CREATE ROLE regress_clearance_clerk LOGIN;
CREATE ROLE regress_clearance_ann LOGIN IN ROLE regress_clearance_clerk;
CREATE ROLE regress_clearance_noinherit LOGIN NOINHERIT IN ROLE regress_clearance_clerk;
CREATE ROLE regress_clearance_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_clearance_backup LOGIN IN ROLE csec_backup;
CREATE ROLE regress_clearance_dba LOGIN SUPERUSER;
CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, email csec.email, id_no csec.id_card);
INSERT INTO cust VALUES (1, '13812345678', 'zhang.wei@example.com', '11010519491231002X');
GRANT SELECT ON cust TO PUBLIC;
CREATE FUNCTION shown(OUT phone text, OUT email text, OUT id_no text)
	LANGUAGE sql AS 'SELECT phone::text, email::text, id_no::text FROM public.cust';
CREATE FUNCTION shown_definer(OUT phone text, OUT email text, OUT id_no text)
	LANGUAGE sql SECURITY DEFINER AS 'SELECT phone::text, email::text, id_no::text FROM public.cust';

-- a superuser has none by default
SELECT * FROM shown();

-- levels: important covers general and important, not core
SELECT csec.set_clearance('regress_clearance_clerk', level => 'important', reason => 'customer service');
\c - regress_clearance_clerk
SELECT * FROM shown();
SELECT category, shown, why FROM csec.why_masked WHERE category IN ('phone', 'email', 'id_card', 'bank_card') ORDER BY category COLLATE "C";
\c - regress_clearance_low
SELECT * FROM shown();

-- inherited, and where not inherited, by SET ROLE
\c - regress_clearance_ann
SELECT csec.login(), csec.reader();
SELECT * FROM shown();
\c - regress_clearance_noinherit
SELECT * FROM shown();
SET ROLE regress_clearance_clerk;
SELECT csec.login(), csec.reader();
SELECT * FROM shown();
RESET ROLE;
SELECT * FROM shown();

-- A.13: becoming a role by the superuser attribute
\c - regress_clearance_dba
SET ROLE regress_clearance_clerk;
SELECT csec.login(), csec.reader();
SELECT * FROM shown();
SELECT DISTINCT shown, why FROM csec.why_masked;
RESET ROLE;
SET SESSION AUTHORIZATION regress_clearance_clerk;
SELECT csec.login(), csec.reader();
SELECT * FROM shown();
SET ROLE regress_clearance_clerk;
SELECT * FROM shown();
RESET SESSION AUTHORIZATION;
-- by membership that somebody gave, he does
GRANT regress_clearance_clerk TO regress_clearance_dba;
SELECT * FROM shown();
SET ROLE regress_clearance_clerk;
SELECT * FROM shown();
RESET ROLE;
REVOKE regress_clearance_clerk FROM regress_clearance_dba;
SELECT * FROM shown();

-- SECURITY DEFINER neither raises nor lowers
SET ROLE postgres;
CREATE FUNCTION switching() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT (SELECT phone::text FROM public.cust);
	SET LOCAL ROLE regress_clearance_clerk;
	RETURN NEXT (SELECT phone::text FROM public.cust);
	RESET ROLE;
	RETURN NEXT (SELECT phone::text FROM public.cust);
END
$$;
ALTER FUNCTION shown_definer() OWNER TO regress_clearance_clerk;
\c - regress_clearance_low
SELECT * FROM shown_definer();
\c - postgres
ALTER FUNCTION shown_definer() OWNER TO regress_clearance_low;
\c - regress_clearance_clerk
SELECT * FROM shown_definer();

-- a role switched inside a function counts at once, both ways
\c - regress_clearance_noinherit
SELECT * FROM switching();

-- in a security-restricted operation nothing is revealed
\c - postgres
GRANT CREATE ON SCHEMA public TO regress_clearance_clerk;
\c - regress_clearance_clerk
CREATE MATERIALIZED VIEW seen AS SELECT phone::text FROM cust;
SELECT * FROM seen;
REFRESH MATERIALIZED VIEW seen;
SELECT * FROM seen;
DROP MATERIALIZED VIEW seen;

-- a category alone
\c - regress_clearance_admin
SELECT csec.set_clearance('regress_clearance_low', category => 'email');
\c - regress_clearance_low
SELECT * FROM shown();
-- complete or refused: cleared for email, not for phone
SET row_security = off;
SELECT email FROM cust;
SELECT phone FROM cust;
COPY cust TO STDOUT;
\c - regress_clearance_backup
SELECT * FROM cust;
SET row_security = off;
-- envelopes, and nothing in clear
SELECT id, phone, email FROM cust \gset
SELECT :'id' AS id, left(:'phone', 8) AS phone, left(:'email', 8) AS email, length(:'phone') > 100 AS long;
SELECT phone::text FROM cust;
-- of an encrypted field a backup has the envelope, and nothing in clear
SELECT id_no FROM cust \gset
SELECT left(:'id_no', 8), length(:'id_no') > 100 AS long;
SELECT id_no::text FROM cust;
\c - regress_clearance_dba
SET row_security = off;
SELECT * FROM cust;

-- an end in time, within an open cursor and a transaction
\c - postgres
SELECT clock_timestamp() + '5 seconds' AS until \gset
SELECT csec.set_clearance('regress_clearance_low', category => 'email', until => :'until');
\c - regress_clearance_low
BEGIN ISOLATION LEVEL REPEATABLE READ;
DECLARE c CURSOR FOR SELECT email FROM cust UNION ALL SELECT email FROM cust;
FETCH 1 FROM c;
SELECT pg_sleep_for(:'until'::timestamptz - clock_timestamp() + '0.1 s');
FETCH 1 FROM c;
SELECT email FROM cust;
COMMIT;
\c - regress_clearance_admin
SELECT role, category, in_force FROM csec.effective_clearances
	WHERE role = 'regress_clearance_low'::regrole;
SELECT csec.revoke_clearance('regress_clearance_low', category => 'email');
SELECT csec.revoke_clearance('regress_clearance_low', category => 'email');
SELECT role, level, category, via_role, in_force, reason, granted_by FROM csec.effective_clearances
	WHERE role::text LIKE 'regress_clearance%' ORDER BY role::text COLLATE "C";

-- who may set them: csec_admin, for others; a superuser for himself, on record
SELECT csec.set_clearance('regress_clearance_admin', level => 'core');
SELECT csec.set_clearance('csec_admin', level => 'core');
INSERT INTO csec.clearance (role, level) VALUES ('regress_clearance_admin', 'core');
UPDATE csec.clearance SET until = NULL;
\c - regress_clearance_clerk
SELECT csec.set_clearance('regress_clearance_low', level => 'core');
SELECT csec.revoke_clearance('regress_clearance_clerk', level => 'important');
SELECT * FROM csec.clearance;
\c - regress_clearance_dba
SELECT csec.set_clearance('regress_clearance_dba', level => 'important');
SELECT * FROM shown();
-- taken back within the transaction, and the taking back rolled back
BEGIN;
SELECT csec.revoke_clearance('regress_clearance_dba', level => 'important');
SELECT * FROM shown();
ROLLBACK;
SELECT * FROM shown();
BEGIN;
SAVEPOINT s;
SELECT csec.revoke_clearance('regress_clearance_dba', level => 'important');
ROLLBACK TO s;
SELECT * FROM shown();
COMMIT;
SELECT csec.revoke_clearance('regress_clearance_dba', level => 'important');

-- bad input
SELECT csec.set_clearance('regress_clearance_low', level => 'secret');
SELECT csec.set_clearance('regress_clearance_low', category => 'no_such');
SELECT csec.set_clearance('regress_clearance_low');
SELECT csec.set_clearance('regress_clearance_low', level => 'core', category => 'phone');
SELECT csec.set_clearance('regress_clearance_low', level => 'core', until => '2001-01-01');
SELECT csec.set_clearance('regress_clearance_gone', level => 'core');
SELECT csec.set_clearance(NULL, level => 'core');
SELECT csec.set_clearance(4294967295::oid, level => 'core');

-- a role that was dropped leaves nothing that serves another
CREATE ROLE regress_clearance_leaver LOGIN;
SELECT csec.set_clearance('regress_clearance_leaver', level => 'core');
DROP ROLE regress_clearance_leaver;
SELECT count(*) FROM csec.clearance c WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = c.role);
SELECT csec.set_clearance('regress_clearance_low', category => 'phone');
SELECT count(*) FROM csec.clearance c WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = c.role);
SELECT csec.revoke_clearance('regress_clearance_low', category => 'phone');

-- categories and levels of one's own; usable at the next statement
\c - regress_clearance_admin
INSERT INTO csec.level (name, rank, title_zh) VALUES ('internal', 15, '内部');
INSERT INTO csec.category (name, level, mask, keep_left, keep_right) VALUES ('contract', 'internal', 'first_last', 2, 2);
\c - regress_clearance_clerk
SELECT category, level, shown FROM csec.why_masked WHERE category = 'contract';
SELECT csec.mask('AB-2026-0042', 'contract');
\c - regress_clearance_admin
UPDATE csec.category SET level = 'core' WHERE name = 'contract';
\c - regress_clearance_clerk
SELECT category, level, shown, why FROM csec.why_masked WHERE category = 'contract';
UPDATE csec.category SET level = 'general';
\c - regress_clearance_admin
UPDATE csec.category SET name = 'agreement' WHERE name = 'contract';
INSERT INTO csec.category (name, level, mask) VALUES ('x', 'internal', 'none_such');
INSERT INTO csec.category (name, level, check_kind) VALUES ('x', 'internal', 'none_such');
INSERT INTO csec.category (name, level) VALUES ('Not A Name', 'internal');
INSERT INTO csec.category (name, level) VALUES ('x', 'none_such');
INSERT INTO csec.category (name, level) VALUES ('contract', 'internal');
UPDATE csec.category SET level = 'internal' WHERE name = 'contract';
DELETE FROM csec.level WHERE name = 'internal';
DELETE FROM csec.category WHERE name = 'contract';
DELETE FROM csec.level WHERE name = 'internal';
-- two names whose numbers are the same
SELECT csec.category_id('c17439') = csec.category_id('c24164') AS same;
INSERT INTO csec.category (name, level) VALUES ('c17439', 'general');
INSERT INTO csec.category (name, level) VALUES ('c24164', 'general');
DELETE FROM csec.category WHERE name = 'c17439';
-- a shipped row that is changed is one's own from then on
SELECT shipped FROM csec.category WHERE name = 'phone';
UPDATE csec.category SET level = 'core' WHERE name = 'phone' RETURNING level, shipped;
\c - regress_clearance_clerk
SELECT phone FROM cust;
\c - regress_clearance_admin
UPDATE csec.category SET level = 'important' WHERE name = 'phone';
\c - regress_clearance_clerk
SELECT phone FROM cust;

-- without its policy nothing is shown
\c - postgres
ALTER TABLE csec.category RENAME TO category_away;
\c - regress_clearance_clerk
SELECT * FROM shown();
\c - postgres
ALTER TABLE csec.category_away RENAME TO category;
ALTER TABLE csec.clearance RENAME TO clearance_away;
\c - regress_clearance_clerk
SELECT * FROM shown();
\c - postgres
ALTER TABLE csec.clearance_away RENAME TO clearance;
\c - regress_clearance_clerk
SELECT * FROM shown();

-- put or changed behind csec's back: not honoured, and reported
\c - postgres
INSERT INTO csec.clearance (role, level) VALUES ('regress_clearance_low', 'general');
ALTER TABLE csec.clearance DISABLE TRIGGER sign_row;
UPDATE csec.clearance SET level = 'core' WHERE role = 'regress_clearance_low'::regrole;
ALTER TABLE csec.clearance ENABLE ALWAYS TRIGGER sign_row;
SELECT * FROM csec.unsound_rows;
\c - regress_clearance_low
SELECT id_no FROM cust;
\c - postgres
DELETE FROM csec.clearance WHERE role = 'regress_clearance_low'::regrole;

DROP FUNCTION shown, shown_definer, switching;
DROP TABLE cust;
SELECT csec.revoke_clearance('regress_clearance_clerk', level => 'important');
DROP OWNED BY regress_clearance_clerk, regress_clearance_low, regress_clearance_dba;
DROP ROLE regress_clearance_low, regress_clearance_ann, regress_clearance_noinherit,
	regress_clearance_clerk, regress_clearance_admin, regress_clearance_backup, regress_clearance_dba;
