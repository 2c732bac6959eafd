# Were this to fail, records that left would leave gaps or a trail that does not
# verify on every copy of the server: a standby, a restored backup, a server set
# back to before the cut, an upgraded one, a dump.

use strict;
use warnings;
use CsecFaults;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Keys that are in no data directory, and serve all copies.
my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;
open my $key, '>', "$keys/root.key" or die;
print $key '5a' x 32;
close $key;
chmod 0600, "$keys/root.key";
my $conf = "csec.embedded_keys = off\ncsec.key_directory = '$keys'\nwal_keep_size = 1GB";

faulty();
my $node = PostgreSQL::Test::Cluster->new('cut_origin');
$node->init(has_archiving => 1, allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf);
set_fault('clock', -4 * 365 * 86400);
$node->start;
make_trail($node, 'postgres');
sub sql { my ($on, $sql, $user) = @_; return $on->safe_psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }
sql($node, q{
	CREATE ROLE anna LOGIN IN ROLE csec_officer;
	CREATE ROLE bert LOGIN IN ROLE csec_officer});
record_some($node, 100, object => 'long ago');
flush_trail($node);
sql($node, 'SELECT csec.make_checkpoint()');
clear_fault('clock');
$node->restart;
record_some($node, 600, object => 'today');
flush_trail($node);
sql($node, 'SELECT csec.make_checkpoint()');
is_verified($node, 'before the cut');
$node->backup('before');

my $bound = sql($node, "SELECT bound::date FROM csec.trail_months() ORDER BY month LIMIT 1");
my $standby = PostgreSQL::Test::Cluster->new('cut_standby');
$standby->init_from_backup($node, 'before', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'csec.standby_reads = masked_only');
$standby->start;
my $order = sql($node, "SELECT csec.propose_trail_cut('$bound', 'over')", 'anna');
# (a sealer that has not come as far as the backup needs WAL of before it, which a copy has not)
flush_trail($node);
my $target = sql($node, 'SELECT pg_switch_wal(); SELECT pg_current_wal_lsn()');
$target =~ s/.*\n//s;
# the sealer is behind: there is more to be sealed than it comes to before the cut
my $busy = $node->background_psql('postgres');
$busy->query_until(qr/go/, "\\echo go\nSELECT count(csec.control('test', 'busy ' || g, '{}')) FROM generate_series(1, 20000) g;\n");
sql($node, "SELECT csec.approve_trail_cut($order)", 'bert');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM csec.trail_cuts'), 'cut, with the sealer behind');
$busy->quit;
flush_trail($node);
is_verified($node, 'after it');
is(records($node, 'count(*)', "object LIKE 'busy %'"), '20000', '  nothing is lost');
my $begins = sql($node, 'SELECT first_seq FROM csec.trail_begin()');
sql($node, 'SELECT csec.make_checkpoint()');
$node->backup('after');

# A copy is what the primary is, and goes on from there.
sub is_cut
{
	my ($copy, $name, $writes) = @_;
	is(sql($copy, 'SELECT first_seq, last_seq > 0 FROM csec.check_trail(1, NULL)'), "$begins|t", "$name begins at the cut");
	if ($writes)
	{
		is(sql($copy, 'SELECT min(seq), (SELECT count(*) FROM csec.trail_cuts) FROM csec_trail.audit_log'), "$begins|1", '  has the record of it');
		wait_for_sealer($copy);
		record_some($copy, 5, object => $copy->name);
		flush_trail($copy);
		is(records($copy, 'count(*)', "object LIKE '@{[$copy->name]} %'"), '5', '  goes on');
	}
	is(sql($copy, 'SELECT verified, problem, bad_seq FROM csec.check_trail(1, NULL)'), 't||', '  verifies');
	is(sql($copy, "SELECT count(*) FROM csec.gaps WHERE what = 'gap' AND why IS DISTINCT FROM 'copied'"), '0', '  without a gap') if $writes;
	my $out = '';
	local $ENV{PGHOST} = $copy->host; local $ENV{PGPORT} = $copy->port;
	ok(IPC::Run::run([ 'csec_verify', '-U', 'postgres', 'postgres' ], '>', \$out, '2>&1'), '  csec_verify, too') or diag $out;
}

$node->wait_for_catchup($standby, 'replay');
is_cut($standby, 'a standby', 0);
# (where the segment is empty nothing is switched, and the one before is named)
my $segment = sql($node, 'SELECT pg_walfile_name(pg_switch_wal())');
$node->poll_query_until('postgres', "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver") or die 'not archived';

my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-U', 'postgres', '-f', $dump, 'postgres' ], 'a dump');
$node->stop;
$standby->promote;
is_cut($standby, 'a promoted standby', 1);
is(records($standby, 'detail', "kind = 'server' AND action = 'timeline'"), '{"from": 1, "to": 2}', '  says that it was promoted');
$standby->stop;

sub restored
{
	my ($name, $backup, $how) = @_;
	my $copy = PostgreSQL::Test::Cluster->new($name);
	$copy->init_from_backup($node, $backup, has_restoring => 1, standby => 0);
	$copy->append_conf('postgresql.conf', "$how\nrecovery_target_action = promote");
	$copy->start;
	$copy->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no end of recovery';
	return $copy;
}
my $copy = restored('cut_later', 'after', "recovery_target_timeline = 'current'");
is_cut($copy, 'a backup of after the cut', 1);
$copy->stop;
$copy = restored('cut_across', 'before', "recovery_target_timeline = 'current'");
is_cut($copy, 'a backup of before the cut, and the archive', 1);
$copy->stop;

# back to before: the months are there again, and their order still waits for its approval
$copy = restored('cut_back', 'before', "recovery_target_lsn = '$target'");
wait_for_sealer($copy);
flush_trail($copy);
is(sql($copy, 'SELECT min(seq), (SELECT count(*) FROM csec.trail_cuts) FROM csec_trail.audit_log'), '1|0', 'back to before the cut: the records are there again');
is_verified($copy, '  and verify');
is(sql($copy, 'SELECT state FROM csec.trail_cut_orders'), 'proposed', '  the order waits');
record_some($copy, 5, object => 'copied');
flush_trail($copy);
sql($copy, 'SELECT csec.make_checkpoint()');
sql($copy, "SELECT csec.approve_trail_cut($order)", 'bert');
ok($copy->poll_query_until('postgres', 'SELECT count(*) = 1 FROM csec.trail_cuts'), '  they can leave again');
is_cut($copy, '  and what remains', 1);
$copy->stop;

# pg_upgrade --link takes trail and tree along
my $new = PostgreSQL::Test::Cluster->new('cut_upgraded');
$new->init(allows_streaming => 1);
$new->append_conf('postgresql.conf', $conf);
chdir PostgreSQL::Test::Utils::tempdir;
my $out = '';
ok(IPC::Run::run([ 'pg_upgrade', '--no-sync', '--link', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $node->config_data('--bindir'),
		'-B', $new->config_data('--bindir'), '-s', $new->host, '-p', $node->port, '-P', $new->port ], '>', \$out, '2>&1'), 'pg_upgrade --link') or diag $out;
$new->start;
is_cut($new, 'an upgraded server', 1);
like(records($new, 'detail', "kind = 'server' AND action = 'copied'"), qr/"same_key": true/, '  names the cluster it came from');

# a dump takes the trail along, if it is told to
sql($new, 'CREATE DATABASE dumped');
my ($ret, $err);
IPC::Run::run([ 'pg_restore', '-h', $new->host, '-p', $new->port, '-U', 'postgres', '-d', 'dumped', $dump ], '>', \$out, '2>', \$err);
$new->safe_psql('dumped', 'SELECT csec.create_trail()');
wait_for_sealer($new, 'dumped');
flush_trail($new, 'dumped');
is_verified($new, 'a restored dump has the trail', 'dumped');
is($new->safe_psql('dumped', 'SELECT first_seq, cut FROM csec.trail_begin()'), "$begins|1", '  from the cut on');
is($new->safe_psql('dumped', 'SELECT count(*) FROM csec.trail_cut_order'), '1', '  knows of the order');
is($new->safe_psql('dumped', "SELECT state FROM csec.trail_cut_orders"), 'done', '  which is done');
$new->command_ok([ 'csec_verify', '-U', 'postgres', 'dumped' ], '  csec_verify, too');
$new->stop;
done_testing();
