# Were this to fail, a cluster with protected tables could not be upgraded: or it
# could, and its values, its policy or its trail would be gone, or records that
# were not sealed would be lost in silence (A.9, B.9).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A key that lives in no data directory, and serves both clusters.
my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;
open my $key, '>', "$keys/root.key" or die;
print $key '5a' x 32;
close $key;
chmod 0600, "$keys/root.key";

# CSEC_OLD_POSTGRES: where an earlier version is, with csec in it; else the same is upgraded to.
my $earlier = $ENV{CSEC_OLD_POSTGRES};
delete $ENV{CSEC_TEMPLATES} if $earlier;
sub cluster
{
	my ($name, @of) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, @of);
	# 18 has them unless told otherwise, and both clusters must agree
	$node->init(extra => $earlier && !@of && $node->pg_version >= 18 ? ['--no-data-checksums'] : []);
	# not by allows_streaming, which would give an earlier version settings that it does not have
	$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 10\ncsec.embedded_keys = off\ncsec.key_directory = '$keys'");
	return $node;
}

my $old = cluster('old', $earlier ? (install_path => $earlier) : ());
$old->start;
$old->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE ROLE low LOGIN;
	CREATE DATABASE shop;
	CREATE DATABASE plain});
$old->safe_psql('shop', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE witness (n int);
	CREATE TABLE customers (id int PRIMARY KEY, name text, phone varchar(20) UNIQUE, CHECK (phone <> ''),
		id_no text DEFAULT '11010519491231002X' CHECK (id_no <> 'none'));
	CREATE TABLE visits (customer int REFERENCES customers, at date, note text) PARTITION BY RANGE (at);
	CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
	CREATE VIEW found AS SELECT id, name FROM customers WHERE phone = '13800000007';
	CREATE VIEW by_id_no AS SELECT id FROM customers WHERE id_no = '110105000000000007';
	CREATE INDEX by_id_no_index ON customers (id_no) WHERE id_no <> '110105000000000009';
	INSERT INTO customers SELECT g, '张三', '138' || lpad(g::text, 8, '0'), '1101050000' || lpad(g::text, 8, '0') FROM generate_series(1, 200) g;
	INSERT INTO visits SELECT g, '2020-02-02', 'saw the doctor' FROM generate_series(1, 100) g;
	GRANT SELECT, UPDATE ON customers, visits, found TO clerk, low;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone", "name": "person_name", "id_no": "id_card"}');
	SELECT csec.protect('visits', subject => 'customer', fields => '{"note": "free_text"}', subject_of => 'customers');
	-- constants of the type itself, which are made before csec.key is there
	CREATE VIEW by_literal AS SELECT id FROM customers WHERE id_no = '110105000000000008';
	CREATE TABLE cards (id serial, no csec.bank_card DEFAULT '6222021234567890' CHECK (no <> '1'), kind csec.encrypted DEFAULT 'x' CHECK (kind <> 'y' AND kind <> 'z'));
	CREATE INDEX ON cards (id) WHERE no <> '2';
	CREATE TABLE members (id int PRIMARY KEY, phone text);
	INSERT INTO members VALUES (1, '13900000001'), (2, '13900000002');
	SELECT csec.protect('members', subject => 'id', fields => '{"phone": "phone"}', subject_keys => true);
	CREATE ROLE officer LOGIN IN ROLE csec_officer;
	SELECT csec.destroy_subject_key('members', '2', 'erasure');
	SELECT csec.set_clearance('clerk', level => 'important')});
$old->safe_psql('shop', 'SELECT csec.approve_destruction(1)', extra_params => [ '-U', 'officer' ]);

sub as
{
	my ($node, $role, $sql) = @_;
	my ($ret, $out, $err) = $node->psql('shop', $sql, extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}
as($old, 'clerk', 'SELECT phone FROM customers WHERE id = 7');
as($old, 'clerk', "UPDATE customers SET name = '李四' WHERE id = 3");
flush_trail($old, 'shop');

# Everything by which the new cluster is to be like the old one.
my $picture = q{
	SELECT relid::regclass, subject, subject_of, enforce, audit, protected_by FROM csec.protected_table ORDER BY relid::text;
	SELECT relid::regclass, attname, category, original_type FROM csec.protected_field ORDER BY relid::text, attname;
	SELECT role::regrole, level, category FROM csec.clearance;
	SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'csec%' ORDER BY tgrelid::regclass::text, tgname;
	SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('customers'::regclass, 'visits'::regclass) AND contype <> 'n' ORDER BY conname;
	SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'customers'::regclass ORDER BY indexrelid::regclass::text;
	SELECT regexp_replace(pg_get_viewdef(v), '\mcustomers\.', '', 'g') FROM unnest('{found,by_id_no,by_literal}'::regclass[]) v;
	SELECT id FROM by_id_no;
	SELECT id FROM by_literal;
	SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'cards'::regclass ORDER BY adnum;
	SELECT id, phone FROM members ORDER BY id;
	SELECT relid, attname, problem FROM csec.check_envelopes('members');
	SELECT id, name, phone, id_no FROM customers WHERE id IN (3, 7) ORDER BY id};
my $before = $old->safe_psql('shop', $picture);
flush_trail($old, 'shop');
$old->safe_psql('shop', 'SELECT csec.make_checkpoint()');
my $evidence = PostgreSQL::Test::Utils::tempdir . '/kept';
$old->command_ok([ 'csec_export', '-q', '-d', $old->connstr('shop'), '-o', $evidence ], 'checkpoints are kept');
my $head = $old->safe_psql('shop', 'SELECT last_seq FROM csec.check_trail(1, NULL)');

# Records that no sealer of the old cluster ever comes to.
sub record_unsealed
{
	my ($node) = @_;
	my $session = $node->background_psql('shop');
	$session->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
	record_some($node, 10, db => 'shop', object => 'unsealed');
	$node->stop('immediate');
	$session->{run}->finish;
	my $conf = slurp_file($node->data_dir . '/postgresql.conf');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->start;
	$node->stop;
	open my $f, '>', $node->data_dir . '/postgresql.conf' or die;
	print $f $conf;
	close $f;
}

sub upgrade
{
	my ($from, $to, @options) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir;
	my ($out, $err) = ('', '');
	chdir $dir;
	my $ok = IPC::Run::run([ 'pg_upgrade', '--no-sync', '-d', $from->data_dir, '-D', $to->data_dir,
			'-b', $from->config_data('--bindir'), '-B', $to->config_data('--bindir'),
			'-s', $to->host, '-p', $from->port, '-P', $to->port, @options ], '>', \$out, '2>', \$err);
	$ok = is($ok ? $? : 1, 0, "pg_upgrade @options");
	diag($out, $err, map { slurp_file($_) } glob($to->data_dir . '/pg_upgrade_output.d/*/log/*.log')) unless $ok;
	return $ok;
}

sub is_upgraded
{
	my ($node, $how) = @_;

	$node->start;
	is($node->safe_psql('shop', $picture), $before, "$how: policy, clearances, triggers, indexes, masks");
	is(as($node, 'clerk', "SELECT phone, name FROM customers WHERE id = 7"), '13800000007|张三', '  values, for who is cleared');
	is(as($node, 'low', 'SELECT phone, name FROM customers WHERE id = 7'), '138****0007|张*', '  masks, for who is not');
	is(as($node, 'clerk', "SET enable_seqscan = off; SELECT id FROM customers WHERE phone = '13800000009'"), '9', '  a look-up by index');
	is(as($node, 'clerk', "SELECT id FROM found"), '7', '  a view with a constant');
	like(as($node, 'clerk', "UPDATE customers SET phone = '13800000009' WHERE id = 8"), qr/duplicate key/, '  a unique constraint');
	is($node->safe_psql('shop', "INSERT INTO cards DEFAULT VALUES RETURNING no = '6222 0212 3456 7890', kind"), 't|x', '  defaults that are encrypted constants');
	like(as($node, 'postgres', "INSERT INTO cards (no) VALUES (' 1')"), qr/violates check constraint/, '  and checks');
	is($node->safe_psql('shop', "SELECT count(*) FROM csec.check_envelopes('cards')"), '0', '  with nothing wrong');
	is($node->safe_psql('shop', "SELECT count(*) FROM csec.key k, csec.index_key i WHERE k.purpose = 'search' AND k.state = 'active' AND i.commitment = k.commitment"), '1', '  the search key by which fields are indexed');
	$node->safe_psql('shop', $_) foreach q{CALL csec.rotate_key('search', reason => 'upgraded')}, (map { "CALL csec.reencrypt('$_')" } qw(customers cards members)), q{CALL csec.finish_search_rotation('upgraded')};
	is($node->safe_psql('shop', q{SET enable_seqscan = off; SELECT id FROM customers WHERE id_no = '110105000000000009'}), '9', '  which can be rotated');
	as($node, 'clerk', "UPDATE customers SET name = '王五' WHERE id = 4");
	record_some($node, 5, db => 'shop', object => 'upgraded');
	flush_trail($node, 'shop');
	is_verified($node, "$how: the trail", 'shop');
	$node->safe_psql('shop', 'SELECT csec.make_checkpoint()');
	$node->command_ok([ 'csec_verify', '-q', '-d', $node->connstr('shop'), '--from', "$evidence/checkpoints" ], '  outside, too, with checkpoints from before');
	cmp_ok($node->safe_psql('shop', 'SELECT last_seq FROM csec.check_trail(1, NULL)'), '>', $head, '  goes on');
	is($node->safe_psql('shop', "SELECT count(*) FROM csec.who_saw('customers', '7') WHERE login = 'clerk'") > 1, 1, '  has the reads of before and after');
	is($node->safe_psql('shop', "SELECT string_agg(subject, ',' ORDER BY seq) FROM csec.change_records WHERE login = 'clerk' AND relation = 'public.customers'"), '3,4', '  and the changes');
	like(records($node, 'detail', "kind = 'server' AND action = 'copied'", 'shop'), qr/"same_key": true/, '  names the cluster it came from');
	is(records($node, "count(*) FILTER (WHERE object LIKE 'unsealed %'), count(*) FILTER (WHERE kind = 'gap' AND from_lsn < to_lsn)", 'true', 'shop'),
		'0|1', '  what was not sealed is named as a gap');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots'), '1', '  one slot');
}

record_unsealed($old);
my $copy = cluster('copied');
if (upgrade($old, $copy))
{
	is_upgraded($copy, 'copied');
	$copy->stop;
}
my $link = cluster('linked');
if (upgrade($old, $link, '--link'))
{
	PostgreSQL::Test::Utils::system_log('rm', '-rf', $old->data_dir);
	is_upgraded($link, 'linked, the old one deleted');
	$link->stop;
}
done_testing();
