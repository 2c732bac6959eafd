# Were this to fail, keys would be lost or taken for others, a provider that is
# set up wrongly would be noticed late, or stolen files would tell core values.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();
use MIME::Base64 ();
use Time::HiRes qw(time);

my $id_no = '11010519491231002X';
my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;
sub write_key
{
	my ($name, $hex) = @_;
	open my $f, '>', "$keys/$name.key" or die;
	print $f "$hex\n";
	close $f;
	chmod 0600, "$keys/$name.key";
}
my %hex = (root => 'a1' x 32, k2 => 'b2' x 32);
write_key($_, $hex{$_}) foreach keys %hex;
sub copy_key { my ($name, $to) = @_; append_to_file("$to/$name.key", "$hex{$name}\n"); chmod 0600, "$to/$name.key" }

my $node = PostgreSQL::Test::Cluster->new('keys');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'csec.embedded_keys = off');
sub set { $node->append_conf('postgresql.conf', "$_[0] = '$_[1]'") }

# Starts that must fail, with what the log says then.
sub fails_to_start
{
	my ($name, $pattern) = @_;
	my $from = -s $node->logfile // 0;
	ok(!$node->start(fail_ok => 1), "no start: $name");
	my $log = substr(slurp_file($node->logfile), $from);
	like($log, $pattern, '  and says why');
	unlike($log, qr/(a1){8}|rubbish/, '  and not what the command printed');
}
append_to_file($node->logfile, '');
fails_to_start('no provider', qr/csec has no key/);
set('csec.key_command', "echo rubbish");
fails_to_start('a command that prints something else', qr/is not a csec key/);
set('csec.key_command', "cat $keys/%k.key; false");
fails_to_start('a command that fails', qr/key_command failed for key "root".*status 1/s);
set('csec.key_command', "cat $keys/%x.key");
fails_to_start('a % that stands for nothing', qr/"%" that stands for nothing/);
set('csec.key_command_timeout', '1s');
set('csec.key_command', "cat $keys/%k.key; sleep 300");
my $began = time;
fails_to_start('a command that does not end', qr/took longer than 1 s/);
cmp_ok(time - $began, '<', 60, '  in time');
set('csec.key_command', "cat $keys/%k.key; sleep 300 & echo \$! > $keys/left");
fails_to_start('a command that leaves what holds its output', qr/took longer than 1 s/);
my $left = slurp_file("$keys/left") + 0;
ok(!-e "/proc/$left" || slurp_file("/proc/$left/stat") =~ /\) Z /, '  which is ended, too');
set('csec.key_command', 'yes ' . $hex{root});
fails_to_start('a command that prints for ever', qr/took longer than 1 s/);
set('csec.key_command', "cat $keys/%k.key; head -c 5000000 /dev/zero");
fails_to_start('a command that prints more than a key', qr/is not a csec key/);
set('csec.key_command_timeout', '30s');
set('csec.key_command', "cat $keys/%k.key");
set('csec.kek', 'root, nothing');
fails_to_start('a KEK that is not there', qr/key_command failed for key "nothing"/);
set('csec.kek', 'root, ../root');
fails_to_start('a KEK that is no name', qr/is not the name of a key/);
set('csec.kek', 'root');
set('csec.key_directory', $keys);
fails_to_start('two providers', qr/more than one of/);
$node->append_conf('postgresql.conf', "csec.key_directory = ''");
$node->start;
ok(1, 'a command that prints the key is a provider');

make_trail($node, 'postgres');
$node->safe_psql('postgres', <<"END");
CREATE ROLE clerk LOGIN;
CREATE ROLE backup LOGIN IN ROLE csec_backup, pg_read_all_data;
SELECT csec.set_clearance('clerk', level => 'core');
CREATE TABLE cust (id int PRIMARY KEY, id_no text, phone text);
INSERT INTO cust VALUES (1, '$id_no', '13812345678');
SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone"}');
GRANT SELECT, UPDATE ON cust TO clerk;
CREATE INDEX ON cust (id_no);
END
my $read = "BEGIN; SELECT csec.set_context('a', 'test', 't') \\gset x\nSELECT id_no FROM cust WHERE id = 1; COMMIT";
sub clerk
{
	my ($on, $sql) = @_;
	my ($rc, $out, $err) = $on->psql('postgres', $sql // $read, extra_params => [ '-U', 'clerk', '-q' ], on_error_stop => 0);
	return $out . $err;
}
is(clerk($node), $id_no, 'a value is opened');

# a base backup without the keys
$node->backup('base');
my $dir = $node->backup_dir . '/base';
# (pg_wal has the row from before it was protected)
is(qx(grep -rao --exclude-dir=pg_wal -e '$id_no' '$dir' | wc -l) + 0, 0, 'the files of a backup do not hold it');
$node->safe_psql('postgres', "UPDATE cust SET id_no = '330105198703043471'");
$node->safe_psql('postgres', 'SELECT csec.flush_audit(); CHECKPOINT');
is(qx(grep -rao -e '330105198703043471' '@{[$node->data_dir]}' | wc -l) + 0, 0, '  nor WAL or trail one that came later');
$node->safe_psql('postgres', "UPDATE cust SET id_no = '$id_no'");

# who starts it, as a server or a standby, has no key, or another one
my $thief = PostgreSQL::Test::Cluster->new('thief');
$thief->init_from_backup($node, 'base', has_streaming => 1);
append_to_file($thief->logfile, '');
sub of_thief { $thief->append_conf('postgresql.conf', join "\n", @_) }
sub thief_cannot_start
{
	my ($name, $pattern) = @_;
	my $from = -s $thief->logfile;
	ok(!$thief->start(fail_ok => 1), "a standby does not start $name");
	like(substr(slurp_file($thief->logfile), $from), $pattern, '  and says why');
}
of_thief("csec.key_command = ''");
thief_cannot_start('without a key', qr/csec has no key/);
of_thief("csec.key_directory = '@{[$thief->data_dir]}/global'");
thief_cannot_start('with keys in its data directory', qr/lies inside the data directory/);
my $open_keys = PostgreSQL::Test::Utils::tempdir . '/open_keys';
mkdir $open_keys, 0700;
copy_key('root', $open_keys);
of_thief("csec.key_directory = '$open_keys'");
chmod 0640, "$open_keys/root.key";
thief_cannot_start('with a key that others can read', qr/"\S+root\.key" can be reached by others/);
chmod 0600, "$open_keys/root.key";
chmod 0750, $open_keys;
thief_cannot_start('with a directory that others can read', qr/"\S+open_keys" can be reached by others/);
chmod 0700, $open_keys;
of_thief("csec.key_directory = ''", 'csec.embedded_keys = on', 'csec.standby_reads = masked_only');
thief_cannot_start('with another key', qr/root key is not the one that this cluster's trails were sealed under/);
unlink $thief->data_dir . '/csec_root_key.mark' or die;
$thief->start;
sub thief_sees_nothing
{
	my ($name) = @_;
	my ($rc, $out, $err) = $thief->psql('postgres', 'SET row_security = off; SELECT id_no FROM cust');
	like($out, qr/^(csec:e1:\S+)?$/, "$name: an envelope at most");
	my $seen = clerk($thief) . clerk($thief, "SELECT id_no FROM cust WHERE id_no = '$id_no'") . clerk($thief, 'SELECT phone::text, to_json(cust) FROM cust');
	unlike($seen =~ s/^.*LINE \d+:.*$//mgr, qr/$id_no|330105198703043471/, '  and no value');
	is(scalar(() = $seen =~ /ERROR:  .*(?:built under another csec root key|does not open under key "root")/g), 3, '  but errors that name the key') or diag $seen;
}
thief_sees_nothing('with another key, as a standby');
$thief->promote;
thief_sees_nothing('  and promoted');
$thief->stop;

# another KEK, as docs/keys.md has it
set('csec.kek', 'k2, root');
$node->restart;
is(clerk($node), $id_no, 'two KEKs are valid at a time');
is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys() > 0, csec.rewrap_keys()'), 't|0', 'keys are wrapped anew, once');
is($node->safe_psql('postgres', 'SELECT DISTINCT kek FROM csec.keys'), 'k2', '  all of them');
is(clerk($node), $id_no, '  and values are as they were');
set('csec.kek', 'k2');
$node->restart;
is(clerk($node), $id_no, 'the old KEK is not needed any more');
$node->safe_psql('postgres', 'CREATE DATABASE no_trail');
$node->safe_psql('no_trail', q{CREATE EXTENSION csec CASCADE});
my $troubled = q{SELECT string_agg(DISTINCT concat_ws(' ', purpose, state, kek, embedded, unwraps, past_age, trouble LIKE '%does not have. Add it to csec.kek%'), ', ') FROM csec.key_status};
is($node->safe_psql('postgres', $troubled), 'data active k2 f t f, search active k2 f t f', 'the keys open, says csec.key_status');
is($node->safe_psql('postgres', q{SELECT purpose, columns FROM csec.key_status ORDER BY 1}), "data|{public.cust.id_no}\nsearch|{public.cust.id_no}", '  and which columns they are for');
$node->safe_psql('postgres', q{ALTER SYSTEM SET csec.max_key_age = '1min'});
$node->safe_psql('postgres', q{SELECT pg_reload_conf(); UPDATE csec.key SET created_at = now() - interval '2 min'});
$node->poll_query_until('postgres', q{SELECT bool_and(past_age) FROM csec.key_status WHERE state = 'active'})
  or die 'no key is too old';
$node->safe_psql('postgres', q{ALTER SYSTEM RESET csec.max_key_age});
set('csec.kek', 'root');
my $before = -s $node->logfile;
$node->restart;
wait_for_sealer($node);
ok($node->wait_for_log(qr/WARNING:  database "postgres": key $_ version 1 is wrapped under key "k2", which this server does not have.*?HINT:  Add it to csec\.kek/s, $before), "key $_ that does not open is named at the start, with the remedy")
  foreach split /\n/, $node->safe_psql('postgres', 'SELECT id FROM csec.key');
$node->wait_for_log(qr/WARNING:  database "no_trail": key \d+ version 1 is wrapped under key "k2"/, $before);
ok(1, '  of a database without a trail, too');
is(records($node, 'count(*)', q{action = 'key does not open' AND detail LIKE '%"kek": "k2"%' AND detail LIKE '%which this server does not have%'}), '2', '  in the trail, too');
is($node->safe_psql('postgres', $troubled), 'data active k2 f f f t, search active k2 f f f t', '  and in csec.key_status');
like(clerk($node), qr/key \d+ version 1 is wrapped under key "k2", which this server does not have.*csec\.kek/s, 'a KEK that is missing is named');
like(clerk($node, "SELECT id_no FROM cust WHERE id_no = '$id_no'"), qr/search key|is wrapped under key "k2"/, '  by a look-up, too');
is(clerk($node, 'SELECT phone FROM cust'), '13812345678', '  what is masked is there');
like(clerk($node, "UPDATE cust SET phone = '1' WHERE id = 1"), qr/is wrapped under key "k2"/, '  and does not change without its record');
write_key('k2', 'c3' x 32);
set('csec.kek', 'k2, root');
$node->restart;
like(clerk($node), qr/does not open under key "k2"/, 'a KEK of the same name is told from the right one');
$node->safe_psql('no_trail', q{UPDATE csec.key SET wrapped = wrapped || '\x00' WHERE purpose = 'search'});
$before = -s $node->logfile;
write_key('k2', $hex{k2});
$node->restart;
$node->wait_for_log(qr/WARNING:  database "no_trail": key \d+ version 1 does not open under key "k2".*?DETAIL:  .*was altered.*HINT:/s, $before);
ok(1, 'a row that was altered is told');
is(clerk($node), $id_no, 'the right one brings all back');

# a dump, into a cluster with another root key
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-U', 'backup', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
unlike(slurp_file($dump), qr/$id_no/, '  has nothing of core in clear');
like(slurp_file($dump), qr/csec:e1:/, '  but envelopes');
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init(allows_streaming => 1);
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE clerk LOGIN; CREATE ROLE backup LOGIN; CREATE ROLE csec_loader; GRANT csec_loader TO postgres');
sub restore
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $other->connstr('postgres'), '-v', 'ON_ERROR_STOP=1', '-f', $dump ], '>', \$out, '2>', \$err);
	return $err;
}
like(restore(), qr/a dump is encrypted under key "k2" \([0-9a-f]{8}\), which is not among those of csec\.kek.*csec\.kek/s, 'restored elsewhere: the KEK is asked for');
my $there = $other->data_dir . '/csec_embedded_other_name.key';
open my $f, '>', $there or die;
print $f "$hex{k2}\n";
close $f;
chmod 0600, $there;
$other->append_conf('postgresql.conf', "csec.kek = 'root, other_name'");
$other->restart;
$other->safe_psql('template1', 'DROP DATABASE postgres WITH (FORCE)');
$other->safe_psql('template1', 'CREATE DATABASE postgres');
is(restore() =~ s/^.*already exists\n?//mgr, '', '  and with it values come back, whatever its name');
like(clerk($other), qr/is wrapped under key "k2", which this server does not have/, '  those of core as they were');
rename $there, $other->data_dir . '/csec_embedded_k2.key';
$other->append_conf('postgresql.conf', "csec.kek = 'root, k2'");
$other->restart;
is(clerk($other), $id_no, '  and by its name they are opened');
like(clerk($other, "SELECT id FROM cust WHERE id_no = '$id_no'"), qr{^1}, '  and found');
is(clerk($other, 'SELECT phone FROM cust WHERE id = 1'), '13812345678', '  masked ones are there');
is($other->safe_psql('postgres', q{SELECT count(*) FROM csec.keys WHERE state = 'active'}), '2', '  one active key of each kind');
is($other->safe_psql('postgres', 'SELECT csec.rewrap_keys() > 0'), 't', '  and can be wrapped under a KEK of that cluster');

# the KEK root of another cluster, made a KEK of its own
my ($command) = slurp_file('docs/keys.md') =~ /^    (openssl kdf .*?old\.key)$/ms or die 'no command in docs/keys.md';
system_or_bail('sh', '-c', 'umask 022; ' . $command =~ s/OLD_ROOT_KEY/$hex{root}/r =~ s{/etc/csec}{$keys}r);
is($node->safe_psql('postgres', "SELECT 1"), '1', 'the old cluster');
set('csec.kek', 'root, k2, old');
$node->restart;
$node->safe_psql('postgres', 'SELECT csec.rewrap_keys()');
$node->safe_psql('postgres', q{UPDATE csec.key SET kek = 'old'});
is(clerk($node), $id_no, 'what openssl derives is the KEK root');

# another key of the same number
my $envelope = $node->safe_psql('postgres', 'SET row_security = off; SELECT id_no FROM cust');
my $number = $node->safe_psql('postgres', q{SELECT id FROM csec.keys WHERE purpose = 'data'});
$node->safe_psql('postgres', 'CREATE DATABASE two');
$node->safe_psql('two', "CREATE EXTENSION csec CASCADE; SELECT csec.add_key('data', 'same_number', $number, 1, 'decrypt_only'); CREATE TABLE t (v csec.id_card)");
my ($rc, $o, $e) = $node->psql('two', "INSERT INTO t VALUES ('$envelope')");
like($e, qr/not authentic.*another key of this number/s, 'a key of the same number is told from the right one');
$node->safe_psql('two', 'DROP TABLE t');
$node->safe_psql('postgres', "INSERT INTO cust (id, id_no) VALUES (2, '$id_no')");
($rc, $o, $e) = $node->psql('two', "CREATE TABLE t (v csec.id_card); DELETE FROM csec.key WHERE name = 'same_number'; INSERT INTO t VALUES ('$envelope'); GRANT SELECT ON t TO PUBLIC; SELECT csec.set_clearance('clerk', level => 'core')");
is($e, '', 'an envelope may come before its key');
($rc, $o, $e) = $node->psql('two', "BEGIN; SELECT csec.set_context('a', 'b', 'c') \\gset x\nSELECT v FROM t; COMMIT", extra_params => [ '-U', 'clerk' ]);
like($e, qr/key $number version 1 is not in this database/, '  and is not opened without it');

# an edit in the page
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('cust')});
my $bytes = $node->safe_psql('postgres', 'SET row_security = off; SELECT id_no FROM cust WHERE id = 1') =~ s/^csec:e1://r;
$bytes = MIME::Base64::decode_base64($bytes);
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop;
my $content = slurp_file($file);
# (in the versions of the row that failed updates left, too)
open $f, '+<:raw', $file or die;
my $flipped = 0;
for (my $at = index $content, $bytes; $at >= 0; $at = index $content, $bytes, $at + 1)
{
	seek $f, $at + length($bytes) - 20, 0;
	print $f chr(ord(substr $bytes, -20, 1) ^ 1);
	$flipped++;
}
close $f;
cmp_ok($flipped, '>', 0, 'the envelope is in the page');
$node->start;
like(clerk($node), qr/not authentic.*was altered/s, 'a bit flipped in the page is an error');
unlike(clerk($node), qr/1101/, '  and shows nothing');
like(clerk($node, 'SELECT csec.category_of(id_no) FROM cust WHERE id = 1'), qr/^id_card/, '  the rest of the row can be read');
flush_trail($node);
is_verified($node, 'the trail');
$other->stop;
$node->stop;
done_testing();
