# Were this to fail, a server would have to be restarted for another KEK, would
# lose the ones it has by a failed attempt, or would not say that it did fail.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;

sub write_key
{
	my ($name, $text) = @_;
	open my $f, '>', "$keys/$name.key" or die;
	print $f "$text\n";
	close $f;
	chmod 0600, "$keys/$name.key";
}
my %hex = (root => 'a1' x 32, k2 => 'b2' x 32, k3 => 'd4' x 32);
write_key($_, $hex{$_}) foreach qw(root k2);

my $node = PostgreSQL::Test::Cluster->new('reload');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "restart_after_crash = on\ncsec.embedded_keys = off\ncsec.key_directory = '$keys'");
$node->start;
make_trail($node, 'postgres');
$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN; SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE t (v csec.id_card); INSERT INTO t VALUES ('11010519491231002X'); GRANT SELECT ON t TO clerk});
my $read = "BEGIN; SELECT csec.set_context('a', 'test', 't') \\gset x\nSELECT v FROM t; COMMIT";
sub clerk
{
	my ($rc, $out, $err) = $node->psql('postgres', $read, extra_params => [ '-U', 'clerk', '-q' ], on_error_stop => 0);
	return $out . $err;
}
my $postmaster = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# Reload with these settings, and wait for what the log says of it.
sub reload
{
	my ($pattern, $name, @settings) = @_;
	my $from = -s $node->logfile;
	$node->append_conf('postgresql.conf', join "\n", '', @settings);
	$node->reload;
	$node->wait_for_log($pattern, $from);
	ok(1, $name);
	unlike(substr(slurp_file($node->logfile), $from), qr/(a1|b2|d4|c3){8}|rubbish/, '  and no key or output is in the log');
}
# Where a DBA and an auditor look. The state is there before the log is.
my $shown = sub { $node->safe_psql('postgres', 'SELECT (failing_since <= tried_at)::text, trouble FROM csec.key_provider') };
my $measured = sub { $node->safe_psql('postgres', q{SELECT csec.finding_zh(finding) <> finding, finding FROM csec.live_encryption(0::regclass) WHERE item = 'key provider'}) };
sub is_kept
{
	my ($name, $message, @settings) = @_;
	reload(qr/could not read the keys of csec\.kek anew: [^\n]*$message.*?DETAIL:  [^\n]*Those that were in force stay so: root\./s, $name, @settings);
	is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys()'), '0', '  and the one that was there wraps');
	is(clerk(), '11010519491231002X', '  and unwraps');
	like($shown->(), qr/^true\|.*$message/, '  csec.key_provider shows it');
	unlike($shown->(), qr/(a1|b2|d4|c3){8}|rubbish/, '  without what the provider gave');
}

# a session that is open all the time
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $wrapped_by = sub { $session->query_safe('SELECT kek FROM csec.generate_key(\'data\', 1, 1)') };
is($wrapped_by->(), 'root', 'the server starts with one');

is($shown->(), '|', 'csec.key_provider shows nothing wrong');
is_kept('a key that is not there', qr/could not open csec's key ".*k3\.key"/, "csec.kek = 'k3, root'");
like($measured->(), qr/^t\|fails since \d{4}-\d\d-\d\d \d\d:\d\d: could not open csec's key/, 'it is among the security measures, in Chinese as well');
is($node->safe_psql('postgres', q{SELECT bool_and(unwraps), count(DISTINCT provider), bool_and(provider LIKE '%k3.key%') FROM csec.key_status}), 't|1|t', '  and in csec.key_status, as are the keys that still open');
my $since = $node->safe_psql('postgres', 'SELECT failing_since FROM csec.key_provider');
write_key('k3', 'rubbish');
is_kept('a file that holds no key', qr/is not a csec key/, "csec.kek = 'k3, root'");
write_key('k3', $hex{k3});
chmod 0644, "$keys/k3.key";
is_kept('a file that others can read', qr/can be reached by others/);
unlink "$keys/k3.key";
# what is wrong in itself is not even taken: neither by ALTER SYSTEM nor by a reload
for (['csec.kek', "'root, root'", qr/names a key twice/], ['csec.kek', "'root, ../k2'", qr/"\.\.\/k2" in csec\.kek is not the name of a key/],
	['csec.kek', q{''}, qr/is not a list of names/], ['csec.kek', "'a, b, c, d, e, f, g, h, i'", qr/more than 8 keys/],
	# (names in SQL are cut at 63 bytes)
	['csec.kek', "'root, " . 'k' x 64 . "'", qr/"k{64}" in csec\.kek is not the name of a key/], ['csec.kek', "'\"" . 'k' x 63 . "\x{c3}\x{a9}\"'", qr/in csec\.kek is not the name of a key/],
	['csec.key_command', "'cat %x.key'", qr/has a "%" that stands for nothing/])
{
	my ($setting, $value, $message) = @$_;
	my (undef, undef, $err) = $node->psql('postgres', "ALTER SYSTEM SET $setting = $value");
	like($err, qr/ERROR:  .*$message/, "ALTER SYSTEM takes no $setting = $value");
	reload(qr/LOG:  [^\n]*$message/, '  nor does a reload', "$setting = $value");
	is($node->safe_psql('postgres', "SHOW csec.kek"), 'k3, root', '  what is asked for stays');
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_file_settings WHERE name = 'csec.kek' AND error IS NOT NULL}), '1', 'pg_file_settings names it');
$node->append_conf('postgresql.conf', "csec.key_command = ''");
is_kept('a command that fails', qr/key_command failed for key "root"/, "csec.kek = 'k2, root'", "csec.key_directory = ''", "csec.key_command = 'cat $keys/k2.key; false'");
foreach ([ 'exit 3', 'It ended with status 3\.' ], [ 'kill -9 $$', 'It was ended by signal 9: Killed\.' ])
{
	reload(qr/key_command failed for key "root"\n[^\n]*DETAIL:  $_->[1] Those that were in force stay so: root\./, '  and says how', "csec.key_command = '$_->[0]'");
}
is_kept('a command that does not end', qr/took longer than 1 s/, "csec.key_command_timeout = 1", "csec.key_command = 'cat $keys/%k.key; sleep 300'");
is_kept('two providers', qr/more than one of/, "csec.key_directory = '$keys'");
$node->append_conf('postgresql.conf', "csec.key_command = ''\ncsec.key_command_timeout = 30");
write_key('root', 'c3' x 32);
is_kept('another root key', qr/is not the one that csec was started with/);
write_key('root', $hex{root});
is($node->safe_psql('postgres', 'SELECT failing_since FROM csec.key_provider'), $since, 'it is told since when the provider fails');

reload(qr/csec wraps keys under those of csec\.kek as they are now: k2, root/, 'a KEK is added', "csec.kek = 'k2, root'");
is($shown->() . $measured->() . $node->safe_psql('postgres', 'SELECT count(provider) FROM csec.key_status'), '|0', '  nothing is wrong with the provider any more');
reload(qr/LOG:  the provider has the keys of csec\.kek that are in force: k2, root\n/, 'a reload says that the provider has what is in force');
is($wrapped_by->(), 'k2', '  in a session that was there before, too');
is(clerk(), '11010519491231002X', '  what is wrapped under the old one opens');
is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys() > 0, csec.rewrap_keys()'), 't|0', '  all is wrapped anew');
reload(qr/as they are now: k2\n/, 'the old one goes', "csec.kek = 'k2'");
is(clerk(), '11010519491231002X', '  and is not needed any more');
my $opens = q{SELECT bool_and(unwraps) FROM csec.key_status};
is($session->query_safe($opens), 't', '  as csec.key_status says');

# what no key of csec.kek opens
my $from;
reload(qr/WARNING:  database "postgres": key \d+ version 1 is wrapped under key "k2", which this server does not have/, 'a KEK goes that is needed: it is told at once', "csec.kek = 'root'");
is($session->query_safe($opens), 'f', '  and in csec.key_status');
like(clerk(), qr/which this server does not have.*pg_reload_conf/s, '  and in a new session');
reload(qr/as they are now: root, k2/, 'it comes back', "csec.kek = 'root, k2'");
is(clerk(), '11010519491231002X', '  and opens what is under it');
is($session->query_safe($opens), 't', '  in all sessions');

# the file of a key is exchanged
write_key('k2', 'c3' x 32);
reload(qr/WARNING:  could not read the keys of csec\.kek anew: key "k2" that the provider gives is another one than the one in force\n/, 'another key of the same name is told');
is(clerk(), '11010519491231002X', '  and does not take the place of one that opens all');
write_key('k2', $hex{k2});
reload(qr/LOG:  the provider has the keys of csec\.kek that are in force: root, k2\n/, '  and the right one is there again');

# a server that fell over in between has what was in force
reload(qr/as they are now: k2, root/, 'another order', "csec.kek = 'k2, root'");
my $noted = sub { records($node, "string_agg(detail::jsonb ->> 'keks', '; ' ORDER BY seq)", "action = 'keks read'") };
for (my $i = 0; $i < 200 && $noted->() !~ /; k2, root$/; $i++) { select undef, undef, undef, 0.05 }
is($noted->(), 'k2, root; k2; root; root, k2; k2, root', '  each change is in the trail');
my @told = split /\n/, records($node, q{action || coalesce(' ' || (detail::jsonb ->> 'why'), '') || ' ' || (detail::jsonb ->> 'in_force')}, q{action LIKE 'key provider %' ORDER BY seq});
like($told[0], qr/^key provider fails could not open csec's key ".*k3\.key".* root$/, 'that the provider fails is in the trail');
is($told[-1], 'key provider is well again root, k2', '  and that it does no more');
unlike("@told", qr/(a1|b2|d4|c3){8}|rubbish/, '  without what it gave');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
# ... in the middle of making a key, when something is under it already
$session->query_safe(q{BEGIN; CALL csec.rotate_key('data', reason => 'crash'); INSERT INTO t VALUES ('330105198703043471')});
is($session->query_safe(q{SELECT count(*) FROM csec.keys WHERE purpose = 'data'}), '2', '  a key is being made');
$node->safe_psql('postgres', 'CREATE TABLE written (); CHECKPOINT');
$from = -s $node->logfile;
kill 'KILL', $pid;
$node->wait_for_log(qr/all server processes terminated; reinitializing.*ready to accept connections/s, $from);
is($node->safe_psql('postgres', q{SELECT kek FROM csec.generate_key('data', 1, 1)}), 'k2', '  survives a crash of a session');
is($node->safe_psql('postgres', q{SELECT version, state FROM csec.keys WHERE purpose = 'data'}), '1|active', '  the key that was being made is not there');
$node->safe_psql('postgres', q{INSERT INTO t VALUES ('11010519491231002X')});
is(clerk(), "11010519491231002X\n11010519491231002X", '  and nothing is under it, before or after');
$node->safe_psql('postgres', q{CALL csec.rotate_key('data', reason => 'again')});
is($node->safe_psql('postgres', q{SELECT version FROM csec.keys WHERE purpose = 'data' AND state = 'active'}), '2', '  it can be made again');
is(records($node, 'count(*) > 0', "action = 'key does not open'"), 't', '  and what did not open then');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()') eq $postmaster ? 'same' : 'other', 'same', 'all that without a restart');

# a standby reads them, too
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$from = -s $standby->logfile;
$standby->append_conf('postgresql.conf', "csec.kek = 'root, k2'");
$standby->reload;
$standby->wait_for_log(qr/as they are now: root, k2/, $from);
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery(), keks FROM csec.key_provider'), 't|root, k2', 'a standby reads what csec.kek names');
$standby->promote;
$standby->safe_psql('postgres', 'SELECT csec.flush_audit()');
is($standby->safe_psql('postgres', q{SELECT kek FROM csec.generate_key('data', 1, 1)}), 'root', '  and goes by it when it is promoted');
$standby->stop;
is_verified($node, 'the trail');
$node->stop;
done_testing();
