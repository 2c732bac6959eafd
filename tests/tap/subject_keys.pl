# Were this to fail, a customer whose key was destroyed would come back with a
# backup, a dump or a standby, or values would reach the disk under another key.

use strict;
use warnings;
use CsecSubjectKeys;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $keys, $conf) = customers_node('origin', '');
$node->safe_psql('postgres', q{
	CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	UPDATE cust SET phone = '13900000042' WHERE id = 42;
	CHECKPOINT});
sub as { my ($n, $role, $sql) = @_; return $n->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) }
sub seen { my ($n, $id) = @_; return as($n, 'clerk', "SELECT phone::text, id_no::text FROM cust WHERE id = $id") }
sub told { my ($n, $id) = @_; return as($n, 'clerk', "SELECT string_agg(new_value, ',' ORDER BY seq, column_name) FROM csec.history('cust', '$id') WHERE column_name <> 'id'") }
flush_trail($node);
is(seen($node, 42), '13900000042|110105194912310042', 'there is a customer');
is(told($node, 42), '110*************42,138****1042,139****0042', 'and what was changed');

# Nothing but envelopes under customers' keys reaches the table and the WAL.
my $category = pack 'N', $node->safe_psql('postgres', "SELECT csec.category_id('phone')");
my $other = 0;
my $found = 0;
my @files = ($node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('cust')"), glob($node->data_dir . '/pg_wal/0*'));
foreach my $file (@files)
{
	my $bytes = slurp_file($file);
	while ($bytes =~ /\xC1[\x01\x02](.)\Q$category\E/gs)
	{
		ord($1) & 0x08 ? $found++ : $other++;
	}
}
cmp_ok($found, '>', 50, 'envelopes are on the disk');
is($other, 0, 'none of them under another key than a customer\'s');

# Copies from before.
$node->backup('base');
my $dump = PostgreSQL::Test::Utils::tempdir . '/before.sql';
$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'dumper', '-f', $dump, 'postgres' ], 'a dump of before');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "csec.standby_reads = masked_only");
$standby->start;

# Where it cannot be noted, it is not done.
my $request = as($node, 'one', "SELECT csec.destroy_subject_key('cust', '42', 'erasure')");
chmod 0500, "$keys/destroyed";
my ($rc, $out, $err) = $node->psql('postgres', "SELECT csec.approve_destruction($request)", extra_params => [ '-U', 'two' ]);
isnt($rc, 0, 'a directory that cannot be written');
like($err, qr/could not create directory/, '  is an error');
chmod 0700, "$keys/destroyed";
is(seen($node, 42), '13900000042|110105194912310042', '  and nothing is destroyed');

as($node, 'two', "SELECT csec.approve_destruction($request)");
$node->stop('immediate');
$node->start;
is(seen($node, 42), '***|***', 'destroyed, also after a crash');
is(told($node, 42), '***,***,***', '  in the trail as well');
is(seen($node, 41), '13800001041|110105194912310041', '  nobody else is');
is_verified($node, 'after it');

# On a standby, before and after it is promoted.
$node->wait_for_catchup($standby);
my $masked = "SELECT phone::text FROM cust WHERE id IN (41, 42) ORDER BY id";
is($standby->safe_psql('postgres', $masked), "138****1041\n***", 'a standby shows nothing either');
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is(seen($standby, 42), '***|***', '  nor when it is promoted');
$standby->stop;

# A dump of before, restored after.
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-U', 'dumper', '-f', $dump, 'restored' ], 'the dump is restored');
my $shown = $node->safe_psql('restored', 'SELECT phone::text, id_no::text FROM cust WHERE id IN (41, 42) ORDER BY id', extra_params => [ '-U', 'clerk' ]);
is($shown, "13800001041|110105194912310041\n***|***", '  and the customer is not in it');
is($node->safe_psql('restored', 'SELECT customers, destroyed FROM csec.subject_key_status'), '49|1', '  nor the key in the table');
$node->safe_psql('restored', "INSERT INTO cust VALUES (51, '13800001051', NULL)", extra_params => [ '-U', 'postgres' ]);
is($node->safe_psql('restored', 'SELECT attname, problem FROM csec.check_envelopes(\'cust\') ORDER BY 1'), "id_no|destroyed_key\nphone|destroyed_key", '  and it goes on');
$node->stop;

# A base backup of before, with the keys of today: as after a crash between the
# note and the commit.
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'base');
$restored->append_conf('postgresql.conf', $conf);
$restored->start;
is($restored->safe_psql('postgres', 'SELECT customers, destroyed, noted, trouble FROM csec.subject_key_status'), '50|0|1|', 'a base backup has the key again');
is(seen($restored, 42), '***|***', '  it is not used');
is(seen($restored, 41), '13800001041|110105194912310041', '  the others are');
flush_trail($restored);
is(told($restored, 42), '***,***,***', '  nor for the trail');
($rc, $out, $err) = $restored->psql('postgres', "UPDATE cust SET phone = '1' WHERE id = 42");
like($err, qr/the key of this customer .* was destroyed/, '  nor for new values');
is($restored->safe_psql('postgres', 'SELECT * FROM csec.apply_tombstones()'), '1|0', '  and can be taken out');
is($restored->safe_psql('postgres', 'SELECT customers, destroyed, noted, trouble FROM csec.subject_key_status'), '49|1|0|', '  which it is');
my $told_of = sub {
	return map { $restored->safe_psql('postgres', $_) } 'SELECT noted, trouble FROM csec.subject_key_status',
		q{SELECT trouble FROM csec.key_status WHERE state = 'active' AND purpose = 'data'},
		q{SELECT state || ': ' || finding FROM csec.security_measures('cust') WHERE measure = 'field_keys' AND item = 'destroyed keys' AND csec.finding_zh(finding) <> finding}};
is(join(' ', $told_of->()), '0|  ', '  and nothing is wrong');
is_verified($restored, 'restored');

# Without the notes nobody can tell who is destroyed: nothing is shown.
rename "$keys/destroyed", "$keys/elsewhere" or die;
($rc, $out, $err) = $restored->psql('postgres', "SELECT phone::text FROM cust WHERE id = 41", extra_params => [ '-U', 'clerk' ]);
like($err, qr/the directory of destroyed keys, .*, is not there/, 'without the notes there is an error');
is($out, '', '  and nothing else');
foreach my $case ([ 'that is missing', sub { }, sub { }, 'is not there. Bring it back' ],
	[ 'that nobody may write', sub { mkdir "$keys/destroyed", 0500 or die }, sub { rmdir "$keys/destroyed" or die }, 'cannot be used: Permission denied. The server' ],
	[ 'that nobody may read', sub { mkdir "$keys/destroyed", 0300 or die }, sub { rmdir "$keys/destroyed" or die }, 'cannot be used: Permission denied. The server' ],
	[ 'of which a part cannot be read', sub { mkdir "$keys/destroyed", 0700 or die; mkdir "$keys/destroyed/00", 0000 or die }, sub { rmdir "$keys/destroyed/00" or die; rmdir "$keys/destroyed" or die }, 'Permission denied' ])
{
	my ($which, $spoil, $mend, $why) = @$case;
	$spoil->();
	my ($status, $key, $measure) = $told_of->();
	like($status, qr/^\|.*"\Q$keys\E\/destroyed.*\Q$why\E/, "of a directory $which the status of customers' keys tells");
	like($key, qr/^keys of customers are not used: .*\Q$why\E/, '  and that of the key that wraps them');
	like($measure, qr/^fail: keys of customers are not used: .*\Q$why\E/, '  and the security measures');
	$mend->();
}
# ... and nothing that needs them makes an empty directory, which would bring the destroyed back.
$restored->safe_psql('postgres', 'CREATE TABLE later (id int PRIMARY KEY, phone text)');
my $later = q{SELECT csec.protect('later', 'id', '{"phone": "phone"}', subject_keys => true)};
($rc, $out, $err) = $restored->psql('postgres', $later);
like($err, qr/the directory of destroyed keys, .*, is not there/, '  another table of customers is refused');
$restored->safe_psql('postgres', 'CREATE DATABASE later');
$restored->safe_psql('later', 'CREATE EXTENSION csec CASCADE; CREATE TABLE later (id int PRIMARY KEY, phone text)');
($rc, $out, $err) = $restored->psql('later', $later);
like($err, qr/the directory of destroyed keys, .*, is not there/, '  in another database as well');
($rc, $out, $err) = $restored->psql('postgres', 'SELECT csec.bury(gen_random_uuid())');
like($err, qr/the directory of destroyed keys, .*, is not there/, '  and no key is destroyed');
ok(!-e "$keys/destroyed", '  so it stays missing');
# What only the database knows is noted again.
mkdir "$keys/destroyed", 0700 or die;
is($restored->safe_psql('postgres', 'SELECT * FROM csec.apply_tombstones()'), '0|1', 'what the table knows is noted anew');
my @notes = glob("$keys/destroyed/*/*");
is(scalar @notes, 1, '  in a file');
is_deeply([ map { s/.*destroyed//r } @notes ], [ map { s/.*elsewhere//r } glob("$keys/elsewhere/*/*") ], '  of the same name');
is(-s $notes[0], 0, '  which is empty');
$restored->stop;

# A provider that is no directory leaves no place for notes; one can be named.
my $command = PostgreSQL::Test::Cluster->new('command');
$command->init(allows_streaming => 1);
$command->append_conf('postgresql.conf', "csec.embedded_keys = off\ncsec.key_command = 'cat $keys/%k.key'");
$command->start;
make_trail($command, 'postgres');
$command->safe_psql('postgres', 'CREATE TABLE cust (id int PRIMARY KEY, phone text)');
my $protect = q{SELECT csec.protect('cust', 'id', '{"phone": "phone"}', subject_keys => true)};
($rc, $out, $err) = $command->psql('postgres', $protect);
like($err, qr/there is no place to note destroyed keys/, 'without a place for notes there are no keys of customers');
mkdir "$keys/notes", 0700;
$command->append_conf('postgresql.conf', "csec.tombstone_directory = '$keys/notes'");
$command->restart;
chmod 0770, "$keys/notes";
($rc, $out, $err) = $command->psql('postgres', $protect);
like($err, qr/can be written by others/, '  one that others can write is none');
chmod 0700, "$keys/notes";
$command->safe_psql('postgres', $protect);
ok(1, '  with one there are');
mkdir $command->data_dir . '/notes', 0700;
$command->append_conf('postgresql.conf', "csec.tombstone_directory = '" . $command->data_dir . "/notes'");
$command->restart;
($rc, $out, $err) = $command->psql('postgres', "INSERT INTO cust VALUES (1, '13800000001')");
like($err, qr/lies inside the data directory/, '  in the data directory it is none');
$command->stop;

done_testing();
