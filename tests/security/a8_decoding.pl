# A.8, A.9: were this to fail, logical decoding would tell what is encrypted, or
# replication would store it in clear, as a mask, or as something else.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('decoding');
$node->init(allows_streaming => 'logical');
$node->start;
my $id_no = '11010519491231002X';
my $later = '330105198703043471';
$node->safe_psql('postgres', qq{
	CREATE EXTENSION csec CASCADE;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE watcher LOGIN REPLICATION;
	SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, note csec.health, phone csec.encrypted(phone), ids csec.id_card[]);
	CREATE INDEX ON cust (id_no);
	GRANT ALL ON cust TO clerk;
	CREATE PUBLICATION pub FOR TABLE cust;
	INSERT INTO cust VALUES (1, '$id_no', 'cold', '13812341234', ARRAY['$id_no'])});

# by SQL functions, as a superuser, as one with clearance, and as one who may replicate
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('shown', 'test_decoding')});
$node->safe_psql('postgres', qq{
	INSERT INTO cust VALUES (2, '$later', 'broken leg', '13900001111', ARRAY['$later', NULL]);
	ALTER TABLE cust REPLICA IDENTITY FULL;
	UPDATE cust SET note = 'mended' WHERE id = 2;
	DELETE FROM cust WHERE id = 2});
foreach my $role (qw(postgres watcher))
{
	my $changes = $node->safe_psql('postgres', q{SELECT data FROM pg_logical_slot_peek_changes('shown', NULL, NULL)}, extra_params => [ '-U', $role ]);
	like($changes, qr/INSERT: .*id_no\[csec\.id_card\]:'csec:e1:[^']+'.*note\[csec\.health\]:'csec:e1:.*ids\[csec\.id_card\[\]\]:'\{csec:e1:[^',]+,NULL\}'/, "test_decoding shows $role envelopes");
	like($changes, qr/UPDATE: old-key: .*note\[csec\.health\]:'csec:e1:/, '  of old rows, too');
	unlike($changes, qr/$later|3301|broken|mended|139000|\*\*/, '  and nothing in clear, nor a mask');
}
my $raw = $node->safe_psql('postgres', q{SELECT encode(string_agg(data, ''), 'escape') FROM pg_logical_slot_peek_binary_changes('shown', NULL, NULL)});
unlike($raw, qr/$later|broken|mended/, '  in binary neither');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('shown')});

# to a database that has the keys, first as a copy and then change by change
my $sub = PostgreSQL::Test::Cluster->new('subscriber');
$sub->init(allows_streaming => 1);
$sub->append_conf('postgresql.conf', "csec.kek = 'root, there'");
my $root = slurp_file($node->data_dir . '/csec_embedded.key') =~ s/\s//gr;
my $kek = qx(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:$root -kdfopt 'salt:csec 1' -kdfopt info:kek HKDF | tr -d ':\\n');
open my $f, '>', $sub->data_dir . '/csec_embedded_there.key' or die;
print $f lc $kek, "\n";
close $f;
chmod 0600, $sub->data_dir . '/csec_embedded_there.key';
$sub->start;
my $keys = $node->safe_psql('postgres', q{SELECT string_agg(format('INSERT INTO csec.key (id, version, purpose, name, state, commitment, kek, wrapped) VALUES (%s, %s, %L, %L, %L, %L, %L, %L)',
	id, version, purpose, name, state, commitment, 'there', wrapped), ';') FROM csec.key});
# (with something before it, so that its types have other numbers than the publisher's)
$sub->safe_psql('postgres', qq{
	CREATE TYPE first AS ENUM ('x');
	CREATE EXTENSION csec CASCADE;
	$keys;
	CREATE ROLE clerk LOGIN;
	SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, note csec.health, phone csec.encrypted(phone), ids csec.id_card[]);
	CREATE INDEX ON cust (id_no);
	GRANT SELECT ON cust TO clerk});
$sub->safe_psql('postgres', 'CREATE SUBSCRIPTION sub CONNECTION $$' . $node->connstr('postgres') . '$$ PUBLICATION pub');
$sub->wait_for_subscription_sync($node, 'sub');
$node->safe_psql('postgres', qq{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	INSERT INTO cust VALUES (3, '$later', repeat('a long history ', 1000), '13900001111', ARRAY['$later', NULL]);
	INSERT INTO cust SELECT g, g::text, 'x', 'y' FROM generate_series(100, 200) g});
$node->wait_for_catchup('sub');
my $same = q{SET row_security = off; SELECT md5(string_agg(concat_ws('|', id, to_json(id_no), to_json(note), to_json(phone), to_json(ids)), ',' ORDER BY id)) FROM cust};
is($sub->safe_psql('postgres', $same), $node->safe_psql('postgres', $same), 'a subscriber has the same envelopes, byte for byte');
is($sub->safe_psql('postgres', qq{BEGIN; SELECT csec.set_context('a', 'b', 'c') \\gset x
	SET enable_seqscan = off; SELECT id, id_no, length(note), phone, ids FROM cust WHERE id_no = '$later'; COMMIT}, extra_params => [ '-U', 'clerk' ]),
	"3|$later|15000|13900001111|{$later,NULL}", '  finds and opens them');
is($sub->safe_psql('postgres', q{SELECT id_no, note FROM cust WHERE id = 3}), '330*************71|***', '  and masks them');
is($sub->safe_psql('postgres', q{SELECT count(*) FROM cust c WHERE csec.envelope_problem(id_no, 'id_card') IS NOT NULL OR csec.envelope_problem(note, 'health') IS NOT NULL}), '0', '  with nothing wrong');

# in binary: new rows, changed ones, and what an update leaves as it was out of line
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION sub SET (binary = true)');
$node->safe_psql('postgres', qq{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	INSERT INTO cust VALUES (4, '$later', repeat('a long history ', 1000), '13900002222', ARRAY['$later', NULL, '$id_no']), (5, NULL, NULL, NULL, NULL);
	UPDATE cust SET ids = ids || '$id_no'::csec.id_card WHERE id = 1;
	UPDATE cust SET phone = '13900003333' WHERE id = 3;
	UPDATE cust SET id_no = '$later' WHERE id = 5;
	DELETE FROM cust WHERE id = 200});
$node->wait_for_catchup('sub');
is($sub->safe_psql('postgres', $same), $node->safe_psql('postgres', $same), 'and in binary as well');
is($sub->safe_psql('postgres', qq{SELECT string_agg(id::text, ',' ORDER BY id) FROM cust WHERE id_no = '$later'}), '3,4,5', '  found by their tags');
is($sub->safe_psql('postgres', q{SELECT count(*) FROM csec.check_envelopes('cust')}), '0', '  and authentic');
isnt($sub->safe_psql('postgres', q{SELECT 'csec.id_card'::regtype::oid}), $node->safe_psql('postgres', q{SELECT 'csec.id_card'::regtype::oid}), '  though the types have other numbers there');
is($sub->safe_psql('postgres', qq{BEGIN; SELECT csec.set_context('a', 'b', 'c') \\gset x
	SELECT id, ids FROM cust WHERE id IN (1, 4) ORDER BY id; COMMIT}, extra_params => [ '-U', 'clerk' ]),
	"1|{$id_no,$id_no}\n4|{$later,NULL,$id_no}", '  in arrays, too');

# from a column of text: encrypted where it arrives, and no count of tried values stops it
$node->safe_psql('postgres', 'CREATE TABLE plain (id int PRIMARY KEY, id_no text); ALTER PUBLICATION pub ADD TABLE plain; INSERT INTO plain SELECT g, g FROM generate_series(1, 100) g');
$sub->safe_psql('postgres', 'CREATE TABLE plain (id int PRIMARY KEY, id_no csec.id_card); ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
$sub->wait_for_subscription_sync($node, 'sub');
$node->safe_psql('postgres', 'INSERT INTO plain SELECT g, g FROM generate_series(101, 200) g');
$node->wait_for_catchup('sub');
is($sub->safe_psql('postgres', q{SELECT count(*), count(DISTINCT id_no) FROM plain WHERE csec.category_of(id_no) = 'id_card'}), '200|200', 'text becomes envelopes where it arrives');
$sub->stop;
$node->stop;
done_testing();
