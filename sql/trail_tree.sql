-- Were this to fail, a proof that a record is in the trail, or that the trail
-- only grew, would not hold, or would hold for what was altered.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SELECT csec.create_trail();
CREATE TABLE witness (n int);
BEGIN; INSERT INTO witness VALUES (1);
SELECT count(csec.control('test', 'tree ' || g, '{}')) FROM generate_series(1, 600) g; COMMIT;
SELECT csec.flush_audit();

-- the tree by SQL alone: RFC 6962, word by word
CREATE FUNCTION plain_root(hashes bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	n int := cardinality(hashes);
	k int := 1;
BEGIN
	IF n = 0 THEN RETURN sha256(''); END IF;
	IF n = 1 THEN RETURN sha256('\x00' || hashes[1]); END IF;
	WHILE k * 2 < n LOOP k := k * 2; END LOOP;
	RETURN sha256('\x01' || plain_root(hashes[1:k]) || plain_root((hashes[k + 1:n])[:]));
END
$$;
CREATE FUNCTION leaves(n int) RETURNS bytea[] LANGUAGE sql AS
	'SELECT coalesce(array_agg(hash ORDER BY seq), ''{}'') FROM csec_trail.audit_log WHERE seq <= n';
SELECT n, csec.tree_root(n) = plain_root(leaves(n)) AS same
FROM unnest(ARRAY[0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 600]) n ORDER BY n;

-- proofs, of records in full tiles and in the last one, to trees of every kind
SELECT count(*), bool_and(csec.verify_inclusion(seq, size, hash, csec.inclusion_proof(seq, size), csec.tree_root(size))) AS proved,
	max(cardinality(csec.inclusion_proof(seq, size))) AS longest
FROM (VALUES (256), (300), (512), (599), (600)) s(size), csec_trail.audit_log
WHERE seq IN (1, 2, 255, 256, 257, 300, 511, 512, 513, 600) AND seq <= size;
SELECT count(*), bool_and(csec.verify_consistency(a, b, csec.tree_root(a), csec.tree_root(b), csec.consistency_proof(a, b))) AS proved
FROM unnest(ARRAY[0, 1, 7, 255, 256, 257, 512, 600]) a, unnest(ARRAY[1, 7, 255, 256, 257, 512, 600]) b WHERE a <= b;

-- nothing else is proved
SELECT csec.verify_inclusion(300, 600, sha256('another record'), csec.inclusion_proof(300, 600), csec.tree_root(600)) AS another_record,
	csec.verify_inclusion(301, 600, (leaves(600))[300], csec.inclusion_proof(300, 600), csec.tree_root(600)) AS another_place,
	csec.verify_inclusion(300, 600, (leaves(600))[300], csec.inclusion_proof(300, 600), csec.tree_root(599)) AS another_tree,
	csec.verify_inclusion(300, 600, (leaves(600))[300], '{}', csec.tree_root(600)) AS no_proof,
	csec.verify_inclusion(300, 600, (leaves(600))[300], csec.inclusion_proof(300, 600) || sha256(''), csec.tree_root(600)) AS too_long,
	csec.verify_inclusion(300, 600, '\x00', csec.inclusion_proof(300, 600), csec.tree_root(600)) AS no_hash,
	csec.verify_inclusion(0, 600, (leaves(600))[1], csec.inclusion_proof(1, 600), csec.tree_root(600)) AS no_record,
	csec.verify_inclusion(-5, -4, (leaves(600))[1], '{}', csec.tree_root(600)) AS negative,
	csec.verify_consistency(300, 600, csec.tree_root(299), csec.tree_root(600), csec.consistency_proof(300, 600)) AS not_grown,
	csec.verify_consistency(600, 300, csec.tree_root(600), csec.tree_root(300), csec.consistency_proof(300, 600)) AS shrunk;
-- (how many records there are is not the same in every run)
CREATE FUNCTION refused(query text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN true;
END
$$;
SELECT refused('SELECT csec.tree_root(1000000000)'), refused('SELECT csec.tree_root(-1)');
SELECT csec.inclusion_proof(0, 600);
SELECT csec.inclusion_proof(601, 600);
SELECT csec.consistency_proof(601, 600);

-- whatever was done to a tile is found
CREATE FUNCTION found_after(damage text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	BEGIN
		EXECUTE damage;
		SELECT concat_ws(' ', verified, problem, CASE WHEN bad_seq < 600 THEN bad_seq END) INTO found FROM csec.check_trail(1, NULL);
		RAISE EXCEPTION USING ERRCODE = 'raise_exception', MESSAGE = 'back';
	EXCEPTION WHEN raise_exception THEN
		RETURN found;
	END;
END
$$;
SELECT found_after('SELECT 1') AS nothing_done,
	found_after('UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 100, get_byte(hashes, 100) # 1) WHERE tile = 1') AS a_hash,
	found_after('UPDATE csec_trail.tree_tile SET root = set_byte(root, 3, get_byte(root, 3) # 1) WHERE tile = 0') AS a_root,
	found_after('DELETE FROM csec_trail.tree_tile WHERE tile = 1') AS deleted,
	found_after('UPDATE csec_trail.tree_tile SET hashes = substr(hashes, 33) WHERE tile = 0') AS cut,
	found_after('UPDATE csec_trail.tree_tile SET tile = 1 - tile + 10; UPDATE csec_trail.tree_tile SET tile = tile - 10') AS exchanged,
	found_after('INSERT INTO csec_trail.tree_tile SELECT level, tile + 50, root, hashes FROM csec_trail.tree_tile') AS one_more;
-- only a part looked at: what is in it is compared, on the tiles that are whole in it
BEGIN;
UPDATE csec_trail.tree_tile SET root = sha256('') WHERE tile = 1;
SELECT verified, problem, bad_seq FROM csec.check_trail(1, 511);
SELECT verified, problem, bad_seq FROM csec.check_trail(257, 512);
ROLLBACK;

-- who may
CREATE ROLE regress_tree_nobody;
CREATE ROLE regress_tree_auditor IN ROLE csec_auditor;
SET ROLE regress_tree_nobody;
SELECT csec.tree_root(1);
SELECT csec.inclusion_proof(1, 1);
SELECT csec.make_checkpoint();
SELECT csec.attach_signatures(1, '');
SELECT csec.add_witness('x');
SET ROLE regress_tree_auditor;
SELECT csec.inclusion_proof(1, 1);
SELECT csec.add_witness('x');
RESET ROLE;
DROP ROLE regress_tree_nobody, regress_tree_auditor;
SELECT csec.add_witness('PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
SELECT csec.add_witness('-----BEGIN CERTIFICATE-----', 'tsa');
SELECT csec.add_witness('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
SELECT csec.drop_witness('PeterNeumann');
SELECT csec.drop_witness('PeterNeumann');
