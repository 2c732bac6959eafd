-- Were this to fail, a rotation would lose values, leave some under an old key unseen, or let look-ups go astray on the way.
\set SHOW_CONTEXT never

SELECT current_user AS dba \gset
CREATE ROLE regress_keys_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_keys_admin LOGIN IN ROLE csec_admin;
CREATE ROLE regress_keys_manager LOGIN;
CREATE ROLE regress_keys_auditor LOGIN IN ROLE csec_auditor;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_keys_manager', level => 'core');
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card';
SELECT csec.create_trail();

-- What a statement fails with, without the numbers of keys, which are random.
-- (whom it waits for before it fails is by chance)
CREATE FUNCTION fails(command text) RETURNS text LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || regexp_replace(SQLERRM, 'key \d+', 'key ID', 'g');
END
$$;

\c - regress_keys_owner
-- One of each kind of place that a value can be in.
CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card UNIQUE, health csec.health, old_ids csec.id_card[], note text);
CREATE TABLE loan (id int PRIMARY KEY, id_no csec.id_card REFERENCES cust (id_no), part int) PARTITION BY RANGE (id);
CREATE TABLE loan_1 PARTITION OF loan FOR VALUES FROM (0) TO (50);
CREATE TABLE loan_2 PARTITION OF loan FOR VALUES FROM (50) TO (100);
CREATE INDEX loan_hash ON loan USING hash (id_no);
INSERT INTO cust SELECT g, '33010519870304' || lpad(g::text, 4, '0'),
	CASE WHEN g % 10 = 0 THEN repeat('history of ' || g, 400) WHEN g % 3 > 0 THEN 'cold' END,
	ARRAY['33010519870305' || lpad(g::text, 4, '0'), NULL], 'n'
	FROM generate_series(1, 99) g;
INSERT INTO loan SELECT g, '33010519870304' || lpad(g::text, 4, '0'), g % 7 FROM generate_series(1, 99) g;
CREATE MATERIALIZED VIEW ids AS SELECT id, id_no FROM cust WHERE id < 10;
CREATE UNIQUE INDEX ids_id_no ON ids (id_no);
CREATE INDEX cust_alias ON cust (btrim(id_no)) WHERE id_no <> '330105198703040001';
CREATE VIEW one AS SELECT id FROM cust WHERE id_no = '330105198703040042';
GRANT SELECT ON cust, loan, one, ids TO PUBLIC;
-- a row trigger of the application's, which a re-encryption must not fire
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'touched'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON cust FOR EACH ROW EXECUTE FUNCTION touch();
-- whoever re-encrypts, a function of the owner's in an index runs as the owner
CREATE FUNCTION sly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'regress_keys_owner' THEN
		RAISE EXCEPTION 'the index''s function runs as %', CASE WHEN current_setting('is_superuser')::bool THEN 'superuser' ELSE current_user END;
	END IF;
	RETURN $1;
END
$$;

\c - :dba
CREATE FUNCTION owned_index() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN CREATE INDEX loan_sly ON loan_1 (sly(part)); END';
ALTER FUNCTION owned_index() OWNER TO regress_keys_owner;
SELECT csec.protect('cust', subject => 'id');
SELECT csec.protect('loan', subject => 'id');

-- What the values are, and that every way of finding them works.
CREATE PROCEDURE look(INOUT seen text DEFAULT NULL) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM csec.set_context('test', 'rotation', 't');
	SELECT concat_ws(' ', (SELECT md5(string_agg(id_no::text || health::text || (old_ids[1])::text || note, ',' ORDER BY id)) = current_setting('test.sum', true) FROM cust),
		(SELECT count(*) FROM cust WHERE id_no = '330105198703040007'), (SELECT id FROM one),
		(SELECT count(*) FROM loan WHERE id_no = '３３０１０５１９８７０３０４００４２'),
		(SELECT count(*) FROM cust JOIN loan USING (id_no)), (SELECT count(DISTINCT id_no) FROM loan),
		(SELECT id FROM ids WHERE id_no = '330105198703040007'::text)) INTO seen;
END
$$;
GRANT EXECUTE ON PROCEDURE look(text) TO PUBLIC;
CREATE VIEW keys AS SELECT purpose, version, state, retired_at IS NOT NULL AS retired FROM csec.keys ORDER BY 1, 2;
CREATE FUNCTION share(tab regclass) RETURNS TABLE (attname name, suite text, version int4, state text, search text, current boolean, n int8)
	LANGUAGE sql AS 'SELECT attname, suite, key_version, key_state, search, current, "values" FROM csec.encryption_share(tab)';

\c - regress_keys_manager
BEGIN;
SELECT csec.set_context('test', 'rotation', 't');
SELECT md5(string_agg(id_no::text || health::text || (old_ids[1])::text || note, ',' ORDER BY id)) AS sum FROM cust \gset
COMMIT;
\c - :dba
ALTER ROLE regress_keys_manager SET test.sum = :'sum';
ALTER ROLE regress_keys_manager SET enable_seqscan = off;

-- ---- who may, and with what ----
\c - regress_keys_owner
SELECT fails('CALL csec.rotate_key(reason => ''x'')');
SELECT fails('CALL csec.reencrypt(''cust'')');
SELECT fails('SELECT csec.reencrypt_step(''cust'', 1, ''0'')');
\c - regress_keys_admin
SELECT fails('CALL csec.rotate_key()');
SELECT fails('CALL csec.rotate_key(reason => '' '')');
SELECT fails(format('CALL csec.rotate_key(reason => %L)', repeat('x', 1001)));
SELECT fails(format('CALL csec.rotate_key(reason => %L)', E'x\ny'));
SELECT fails('CALL csec.rotate_key(''none'', ''x'')');
SELECT fails('SELECT csec.reencrypt_begin(''cust'')');
SELECT fails('SELECT csec.reencrypt_blocks(''cust'', 0, 1, 1)');
SELECT fails('SELECT csec.scan_envelopes(''cust'', ''{}'', NULL)');
SELECT fails('SELECT csec.create_key(''search'')');
SELECT fails('SELECT csec.create_key(''Bad Name'')');
SELECT fails('SELECT csec.create_key(NULL)');
SELECT fails('CALL csec.destroy_key(NULL, NULL, ''x'', force => true)');
SELECT fails('CALL csec.destroy_key(7, 70000, ''x'', force => true)');

-- ---- a data key ----
CALL csec.rotate_key(reason => 'every year');
\c - :dba
SELECT * FROM keys;
INSERT INTO cust (id, id_no) VALUES (100, '330105198703040100');
SELECT count(csec.control('mark', 'before reencrypt', NULL));
SELECT * FROM share('cust');
SELECT * FROM share('loan');
SELECT id AS data FROM csec.key WHERE purpose = 'data' AND version = 1 \gset
SELECT fails(format('CALL csec.destroy_key(%s, 2, ''x'')', :data));
SELECT fails(format('CALL csec.destroy_key(%s, 1, '''')', :data));
SELECT fails('CALL csec.destroy_key(7, 1, ''x'')');
-- the view and the index hold constants
SELECT regexp_replace(fails(format('CALL csec.destroy_key(%s, 1, ''x'')', :data)), 'index \S+|rule _RETURN on view \S+', 'OBJECT', 'g');
DROP INDEX cust_alias;
CREATE OR REPLACE VIEW one AS SELECT id FROM cust WHERE id_no = '330105198703040042';
SELECT fails(format('CALL csec.destroy_key(%s, 1, ''x'')', :data));
-- not inside a transaction of somebody's
BEGIN;
CALL csec.reencrypt('cust');
ROLLBACK;
CALL csec.reencrypt('one');
CALL csec.reencrypt('cust', batch => 7);
SELECT owned_index();
CALL csec.reencrypt('loan', 10);
DROP INDEX loan_sly;
CALL csec.reencrypt('ids');
SELECT relid, state, percent, rows_done, rows_changed, values_changed, rows_skipped, values_left, eta, pid FROM csec.reencryption ORDER BY relid::text;
SELECT * FROM share('cust');
SELECT * FROM share('loan');
SELECT count(*) AS touched FROM cust WHERE note = 'touched';
CALL csec.reencrypt('cust');
SELECT rows_changed FROM csec.reencryption WHERE relid = 'cust'::regclass;
\c - regress_keys_manager
CALL look();
\c - :dba
SET enable_seqscan = off;
-- the indexes have what the table has
CREATE EXTENSION amcheck;
SELECT bool_and(bt_index_check(i, true) IS NOT NULL) FROM unnest('{cust_pkey,cust_id_no_key,ids_id_no}'::regclass[]) i;
-- each run is on record, no change of a customer's data is
SELECT csec.flush_audit();
SELECT d.kind, d.action, d.object, d.detail FROM csec_trail.audit_log l, csec.record_fields(l.record) d
	WHERE l.seq > (SELECT m.seq FROM csec_trail.audit_log m, csec.record_fields(m.record) f WHERE f.action = 'mark')
		AND (d.kind = 'change' OR d.action LIKE '%reencrypt%') ORDER BY l.seq;

-- a destroyed key is gone, and said so
BEGIN;
CALL csec.rotate_key(reason => 'in this transaction');
SELECT fails(format('CALL csec.destroy_key(%s, 2, ''x'')', :data));
ROLLBACK;
CALL csec.destroy_key(:data, 1, 'nothing is under it');
SELECT state, wrapped IS NULL AS gone FROM csec.key WHERE id = :data ORDER BY version;
SELECT fails(format('CALL csec.destroy_key(%s, 1, ''x'')', :data));
CALL csec.rotate_key(reason => 'lost on purpose');
-- not while there is evidence under it, perhaps
INSERT INTO csec.evidence_hold (reason, placed_by) VALUES ('inquiry', 'login:postgres') RETURNING id AS hold \gset
SELECT fails(format('CALL csec.destroy_key(%s, 2, ''x'', force => true)', :data));
SELECT fails(format('CALL csec.destroy_key(%s, 2, ''x'', trail_too => true)', :data));
UPDATE csec.evidence_hold SET released_by = 'login:postgres', released_at = now(), release_reason = 'over' WHERE id = :hold;
CALL csec.destroy_key(:data, 2, 'its holder leaked it', force => true);
SELECT fails('SELECT csec.mask(id_no) FROM cust WHERE id = 1');
SELECT fails('SELECT id FROM one');
SELECT count(*) FROM cust WHERE id_no = '330105198703040007';
-- what is lost stays as it is, and holds up nothing else
CALL csec.reencrypt('cust');
SELECT * FROM share('cust');
-- a value under a key that is not here ends it, and is named
\set VERBOSITY sqlstate
DELETE FROM csec.key WHERE id = :data AND version = 2;
CALL csec.reencrypt('loan');
SELECT relid, state, rows_changed FROM csec.reencryption WHERE relid::text LIKE 'loan%' ORDER BY relid::text;
\set VERBOSITY default
DELETE FROM csec.reencrypt_progress;

-- begin again
TRUNCATE loan, cust;
\c - regress_keys_owner
INSERT INTO cust SELECT g, '33010519870304' || lpad(g::text, 4, '0'), CASE WHEN g % 3 > 0 THEN 'cold' END,
	ARRAY['33010519870305' || lpad(g::text, 4, '0'), NULL], 'n' FROM generate_series(1, 99) g;
INSERT INTO loan SELECT g, '33010519870304' || lpad(g::text, 4, '0'), g % 7 FROM generate_series(1, 99) g;
REFRESH MATERIALIZED VIEW ids;
CREATE OR REPLACE VIEW one AS SELECT id FROM cust WHERE id_no = '330105198703040042';
\c - regress_keys_manager
BEGIN;
SELECT csec.set_context('test', 'rotation', 't');
SELECT md5(string_agg(id_no::text || health::text || (old_ids[1])::text || note, ',' ORDER BY id)) AS sum FROM cust \gset
COMMIT;
\c - :dba
ALTER ROLE regress_keys_manager SET test.sum = :'sum';

-- ---- the suite of a category ----
UPDATE csec.category SET suite = 'sm4_ctr_hmac_sm3' WHERE name = 'id_card';
CALL csec.reencrypt('cust');
SELECT * FROM share('cust');

-- ---- the search key ----
SELECT fails('CALL csec.finish_search_rotation(''x'')');
BEGIN;
CALL csec.rotate_key('search', 'in this transaction');
SELECT fails('CALL csec.finish_search_rotation(''x'')');
ROLLBACK;
CALL csec.rotate_key('search', 'every third year');
SELECT fails('CALL csec.rotate_key(''search'', ''again'')');
SELECT * FROM keys WHERE purpose = 'search';
SELECT fails('CALL csec.finish_search_rotation(''x'')');
\c - regress_keys_manager
CALL look();
\c - :dba
-- new values have both tags, and meet the old ones
INSERT INTO cust (id, id_no) VALUES (101, '330105198703040101');
SELECT fails('INSERT INTO cust (id, id_no) VALUES (102, ''330105198703040007'')');
SELECT fails('INSERT INTO loan (id, id_no) VALUES (0, ''330105198703040102'')');
CALL csec.reencrypt('cust');
SELECT fails('CALL csec.finish_search_rotation(''x'')');
CALL csec.reencrypt('loan');
CALL csec.reencrypt('ids');
SELECT * FROM share('cust');
\c - regress_keys_manager
CALL look();
\c - :dba
-- rows that lie where their tags say cannot be moved
CREATE TABLE parted (id_no csec.id_card) PARTITION BY HASH (id_no);
SELECT fails('CALL csec.finish_search_rotation(''x'')');
DROP TABLE parted;
-- nor can values be reached in a row in a row
CREATE TYPE pair AS (a csec.id_card, b int);
CREATE TABLE pairs (p pair);
SELECT fails('CALL csec.finish_search_rotation(''x'')');
DROP TABLE pairs;
BEGIN;
PREPARE find AS SELECT id FROM cust WHERE id_no = $1;
EXECUTE find ('330105198703040007');
COMMIT;
CALL csec.finish_search_rotation('all have it');
EXECUTE find ('330105198703040007');
SELECT * FROM keys WHERE purpose = 'search';
SELECT bool_and(bt_index_check(i, true) IS NOT NULL) FROM unnest('{cust_pkey,cust_id_no_key,ids_id_no}'::regclass[]) i;
\c - regress_keys_manager
CALL look();
\c - :dba
SELECT * FROM share('cust');
SELECT fails('INSERT INTO cust (id, id_no) VALUES (102, ''330105198703040007'')');
SELECT fails('INSERT INTO loan (id, id_no) VALUES (0, ''330105198703040102'')');
INSERT INTO loan (id, id_no) VALUES (0, '330105198703040101');
CALL csec.reencrypt('cust');
CALL csec.reencrypt('loan');
CALL csec.reencrypt('ids');
SELECT * FROM share('cust');
\c - regress_keys_manager
CALL look();
\c - :dba
SELECT id AS search FROM csec.key WHERE purpose = 'search' AND version = 1 \gset
CALL csec.destroy_key(:search, 1, 'no tag is under it');
SELECT * FROM keys;

-- ---- what the auditor sees ----
CREATE TABLE watched (id int PRIMARY KEY, id_no text);
INSERT INTO watched SELECT g, '330105198703040001' FROM generate_series(1, 10) g;
SELECT csec.protect('watched', subject => 'id', fields => '{"id_no": "id_card"}', enforce => false);
\c - regress_keys_auditor
SELECT purpose, version, state, past_age, kek, embedded, unwraps, trouble, columns FROM csec.key_status ORDER BY purpose, version;
SELECT relid, attname, category, storage, suite, key, key_version, key_state, search, current, share, values_sampled
	FROM csec.encryption_status ORDER BY relid::text, attname;
SELECT count(*) FROM csec.scans();
SELECT fails('SELECT * FROM csec.encrypted_columns()');
\c - :dba
-- what the trail has under a key: it is not destroyed without a word
SELECT id AS data, version AS before FROM csec.key WHERE purpose = 'data' AND state = 'active' \gset
UPDATE watched SET id_no = '330105198703043471' WHERE id = 1;
CALL csec.rotate_key('data', reason => 'test');
DROP VIEW one;
CALL csec.reencrypt('cust');
CALL csec.reencrypt('loan');
CALL csec.reencrypt('ids');
SELECT csec.trail_values_under(:data, :before) > 0 AS before, csec.trail_values_under(:data, :before + 1) AS after, csec.trail_values_under(1, 1) AS other;
SELECT regexp_replace(fails(format('CALL csec.destroy_key(%s, %s, ''x'')', :data, :before)), '\d+ old', 'N old');
CALL csec.destroy_key(:data, :before, 'to be lost', trail_too => true);
SELECT csec.trail_values_under(:data, :before) > 0 AS still_there;
SELECT csec.flush_audit();
SELECT detail ->> 'reason' AS reason, (detail ->> 'trail_values')::int > 0 AS lost FROM csec.control_records WHERE action = 'destroy key' ORDER BY seq DESC LIMIT 1;
SELECT verified, problem FROM csec.verify_trail();
