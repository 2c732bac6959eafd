-- A.9: if this failed, amcheck would call an index over fields damaged that is not, or miss one
-- that is; or who runs it, on his own tables or on all, would learn of values.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT current_user AS dba \gset
CREATE EXTENSION amcheck;
CREATE ROLE regress_amcheck_owner LOGIN;
CREATE ROLE regress_amcheck_cleared LOGIN IN ROLE regress_amcheck_owner;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
GRANT EXECUTE ON FUNCTION bt_index_check(regclass, bool), bt_index_parent_check(regclass, bool, bool), verify_heapam(regclass, bool, bool, text, bigint, bigint) TO PUBLIC;
SELECT csec.set_clearance('regress_amcheck_cleared', level => 'core');
SELECT csec.create_trail();
GRANT csec_loader TO CURRENT_USER;

-- each kind of index that a field can be in
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, mail text, alias csec.encrypted(person_name), card csec.encrypted(phone), spare csec.encrypted(phone), bal numeric);
INSERT INTO cust SELECT g, 'Canary ' || g, '139' || lpad(g::text, 8, '0'), ' Canary' || g || '@Example.org', 'Canary Ü' || g, '139' || lpad(g::text, 8, '0'), '139' || lpad(g::text, 8, '0'), g
	FROM generate_series(1, 400) g;
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "mail": "email"}');
CREATE UNIQUE INDEX ON cust (phone);
CREATE INDEX ON cust (lower(mail), btrim(name));
CREATE UNIQUE INDEX ON cust (card);
CREATE INDEX ON cust (card) WHERE bal > 100;
CREATE INDEX ON cust (id) WHERE card <> '13900000042' AND name IS NOT NULL;
CREATE INDEX ON cust (alias, phone DESC NULLS LAST, id) INCLUDE (mail, spare);
CREATE INDEX ON cust (coalesce(card, spare));
CREATE UNIQUE INDEX ON cust (lower(alias), id);
CREATE INDEX ON cust (upper(ltrim(alias)), rtrim(card)) WHERE spare IS NOT NULL;
-- and one of a table whose customers have keys of their own
CREATE TABLE own (id int PRIMARY KEY, alias csec.encrypted(person_name), note text);
INSERT INTO own SELECT g, 'Canary Ü' || g, 'canary' FROM generate_series(1, 100) g;
SELECT csec.protect('own', 'id', '{"note": "health"}', subject_keys => true);
CREATE INDEX ON own (alias);
CREATE INDEX ON own (lower(alias)) INCLUDE (note);
ALTER TABLE cust OWNER TO regress_amcheck_owner;
ALTER TABLE own OWNER TO regress_amcheck_owner;

CREATE FUNCTION alarms() RETURNS TABLE (what regclass, says text) LANGUAGE plpgsql AS $$
DECLARE
	n int := 0;
BEGIN
	FOR what IN SELECT i.indexrelid FROM pg_index i WHERE i.indrelid IN ('cust'::regclass, 'own'::regclass) ORDER BY i.indexrelid::regclass::text LOOP
		n := n + 1;
		BEGIN
			PERFORM bt_index_check(what, true), bt_index_parent_check(what, true, true);
		EXCEPTION WHEN OTHERS THEN
			says := regexp_replace(SQLERRM, '\(\d+,\d+\)', '(TID)');
			RETURN NEXT;
		END;
	END LOOP;
	RETURN QUERY SELECT v.t, h.msg FROM (VALUES ('cust'::regclass), ('own')) v (t), verify_heapam(v.t, check_toast => true) h;
	IF n <> 13 THEN
		RAISE EXCEPTION 'looked at % indexes', n;
	END IF;
END
$$;

SELECT * FROM alarms();
UPDATE cust SET alias = 'Other' || id, card = NULL WHERE id % 7 = 0;
UPDATE cust SET spare = NULL WHERE id % 11 = 0;
DELETE FROM cust WHERE id % 13 = 0;
UPDATE own SET alias = 'Other' || id WHERE id % 7 = 0;
SELECT * FROM alarms();
-- as those who have the tables
\c - regress_amcheck_owner
SELECT * FROM alarms();
\c - regress_amcheck_cleared
SELECT * FROM alarms();

-- what new values would be made with does not matter to those that are there
\c - :dba
SET client_min_messages = warning;
SET csec.suite = 'sm4_ctr_hmac_sm3';
SELECT * FROM alarms();
INSERT INTO cust (id, alias, card) VALUES (1001, 'Canary', '13900001001');
SELECT * FROM alarms();
RESET csec.suite;
SELECT * FROM alarms();
CALL csec.rotate_key(reason => 'test');
SELECT * FROM alarms();
CALL csec.rotate_key('search', reason => 'test');
SELECT * FROM alarms();
INSERT INTO cust (id, alias, card) VALUES (1002, 'Canary', '13900001002');
CALL csec.reencrypt('cust');
SELECT * FROM alarms();
CALL csec.reencrypt('own');
CALL csec.finish_search_rotation(reason => 'test');
SELECT * FROM alarms();
CALL csec.reencrypt('cust');
CALL csec.reencrypt('own');
SELECT * FROM alarms();
SET enable_seqscan = off;
SELECT id FROM cust WHERE lower(alias) = 'canary ü10';

-- an index that misses a row is found, and nothing else is said
UPDATE pg_index SET indisready = false WHERE indexrelid = 'cust_lower_id_idx'::regclass;
INSERT INTO cust (id, alias, card) VALUES (1003, 'Canary', '13900001003');
UPDATE pg_index SET indisready = true WHERE indexrelid = 'cust_lower_id_idx'::regclass;
SELECT * FROM alarms();
REINDEX INDEX cust_lower_id_idx;
SELECT * FROM alarms();

-- what was made of a value whose key is destroyed cannot be made again: that index must be built anew
CREATE ROLE regress_amcheck_asks LOGIN IN ROLE csec_officer;
CREATE ROLE regress_amcheck_approves LOGIN IN ROLE csec_officer;
\c - regress_amcheck_asks
SELECT csec.destroy_subject_key('own', '5', 'test') AS request \gset
\c - regress_amcheck_approves
SELECT csec.approve_destruction(:request) \gset
\c - :dba
SET client_min_messages = warning;
SELECT * FROM alarms();
REINDEX INDEX own_lower_note_idx;
SELECT * FROM alarms();

-- what is made of a value is as secret as that, and of two equal ones not the same
UPDATE cust SET alias = 'Canary' WHERE id IN (1, 2);
SET row_security = off;
GRANT csec_backup TO CURRENT_USER;
SELECT count(DISTINCT lower(alias)::csec.encrypted), count(DISTINCT to_json(lower(alias))::text) FROM cust WHERE id IN (1, 2);
SELECT to_json(lower(alias))::text = to_json(lower(alias))::text AS same, to_json(lower(alias))::text <> to_json(btrim(lower(alias)))::text AS other,
	to_json(lower(alias))::text <> to_json(alias)::text AS not_the_first FROM cust WHERE id = 1;
RESET row_security;
REVOKE csec_backup, csec_loader FROM CURRENT_USER;

DELETE FROM own WHERE id = 5;
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP TABLE cust, own;
DROP OWNED BY regress_amcheck_owner, regress_amcheck_cleared;
DROP ROLE regress_amcheck_asks, regress_amcheck_approves, regress_amcheck_cleared, regress_amcheck_owner;
