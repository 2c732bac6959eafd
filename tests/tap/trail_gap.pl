# Were this to fail, WAL that was never sealed would be bridged in silence:
# a dropped slot, removed segments, a promoted standby, a copied trail (B.9, C.2).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('gap');
my $oid = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'postgres'");
my $slot = "csec_$oid";

sub server_records
{
	my ($n, $db) = @_;
	return records($n, "string_agg(coalesce(action, kind), ',' ORDER BY seq)", "kind IN ('server', 'gap', 'genesis')", $db);
}

# Records are written, and the server stops before they are sealed.
sub record_unsealed
{
	my ($n) = @_;
	$n->safe_psql('postgres', q{
		BEGIN;
		LOCK TABLE csec_trail.sealer_state;
		SELECT count(csec.control('test', 'unsealed ' || g, '{}')) FROM generate_series(1, 10) g;
		SELECT pg_switch_wal();
		COMMIT});
}

# Start without the library, so that nothing guards what is done.
sub without_csec
{
	my ($n, $what) = @_;
	$n->stop('immediate') if $n->{_pid};
	my $conf = slurp_file($n->data_dir . '/postgresql.conf');
	$n->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$n->start;
	$what->();
	$n->stop;
	open my $f, '>', $n->data_dir . '/postgresql.conf' or die;
	print $f $conf;
	close $f;
	$n->start;
}

$node->safe_psql('postgres', 'CREATE TABLE w (i int)');
record_some($node, 5);
flush_trail($node);
is(server_records($node), 'genesis,start,sealing key', 'a new trail');

# while the sealer runs, its slot cannot be taken from it
my ($ret, $out, $err) = $node->psql('postgres', "SELECT pg_drop_replication_slot('$slot')");
like($err, qr/is active/, 'a slot in use cannot be dropped');
($ret, $out, $err) = $node->psql('postgres', "SELECT pg_replication_slot_advance('$slot', pg_current_wal_lsn())");
like($err, qr/is active/, 'nor moved on');

# dropped, but the WAL is still there: said, and nothing is lost
record_some($node, 5, object => 'before');
without_csec($node, sub { $node->safe_psql('postgres', "SELECT pg_drop_replication_slot('$slot')") });
flush_trail($node);
is(server_records($node), 'genesis,start,sealing key,slot lost,start,ran without its sealer', 'a dropped slot is named, and that the server ran meanwhile');
is(records($node, 'count(*)', "object LIKE 'before %'"), '5', 'and what was in the WAL is there');
is_verified($node, 'after a dropped slot');

# dropped, and the WAL gone with it: a gap
record_some($node, 5, object => 'lost');
without_csec($node, sub {
	$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('$slot')");
	$node->safe_psql('postgres', 'INSERT INTO w VALUES (1); SELECT pg_switch_wal(); CHECKPOINT')
	  foreach 1 .. 4;
});
record_some($node, 5, object => 'after');
flush_trail($node);
is(server_records($node), 'genesis,start,sealing key,slot lost,start,ran without its sealer,slot lost,wal removed,start', 'removed WAL is named');
is(records($node, 'count(*), bool_and(from_lsn < to_lsn)', "kind = 'gap'"), '1|t', 'the gap says from where to where');
is(records($node, 'count(*)', "object LIKE 'after %'"), '5', 'what came after it is there');
is_verified($node, 'after a gap');

# moved on while csec was away
record_some($node, 5, object => 'skipped');
without_csec($node, sub {
	$node->safe_psql('postgres', 'INSERT INTO w VALUES (1); SELECT pg_switch_wal(); CHECKPOINT') foreach 1 .. 2;
	$node->safe_psql('postgres', "SELECT pg_replication_slot_advance('$slot', pg_current_wal_lsn())");
	$node->safe_psql('postgres', 'INSERT INTO w VALUES (1); SELECT pg_switch_wal(); CHECKPOINT') foreach 1 .. 3;
});
flush_trail($node);
is(records($node, 'count(*)', "kind = 'gap'"), '2', 'a slot that was moved on leaves a gap record');
is_verified($node, 'after a moved slot');

# a session that lives on across a restart of the sealer is no gap
my $live = $node->background_psql('postgres');
$live->query_safe("SELECT csec.control('live', '1', '{}')");
flush_trail($node);
my $pid = sealer_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT sealer_pid <> $pid AND state = 'running' FROM csec.trail_status WHERE database = 'postgres'");
$live->query_safe("SELECT csec.control('live', '2', '{}')");
$live->quit;
flush_trail($node);
is(records($node, 'count(*)', "action = 'live'"), '2', 'a session across two sealers');
is_verified($node, 'after a sealer of its own');

# too few slots, workers, WAL
my $full = PostgreSQL::Test::Cluster->new('full');
$full->init(allows_streaming => 1);
$full->append_conf('postgresql.conf', 'max_replication_slots = 1');
$full->append_conf('postgresql.conf', "max_slot_wal_keep_size = '64MB'");
$full->start;
# the launcher says so when it comes, which may be after the server is ready
ok($full->wait_for_log(qr/max_slot_wal_keep_size may remove WAL.*Set max_slot_wal_keep_size = -1/s),
	'a setting that may lose records is warned of');
$full->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('taken'); CREATE EXTENSION csec CASCADE");
($ret, $out, $err) = $full->psql('postgres', 'SELECT csec.create_trail()');
like($err, qr/all replication slots are in use.*HINT/s, 'no slot is free: an error with a hint');
is($full->safe_psql('postgres', "SELECT to_regnamespace('csec_trail') IS NULL"), 't', 'and nothing half done');
$full->safe_psql('postgres', "SELECT pg_drop_replication_slot('taken')");

# a trail that is not committed leaves no slot behind
$full->safe_psql('postgres', 'BEGIN; SELECT csec.create_trail(); ROLLBACK');
ok($full->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_replication_slots'), 'rolled back: the slot goes');
$full->safe_psql('postgres', 'SELECT csec.create_trail(); CREATE TABLE witness (n int)');
flush_trail($full);
is_verified($full, 'with one slot');
like($full->safe_psql('postgres', 'SELECT warning FROM csec.trail_status'), qr/max_slot_wal_keep_size/, 'the status warns');

# the slot invalidated by that setting
$full->append_conf('postgresql.conf', "max_slot_wal_keep_size = '1MB'\nmax_wal_size = '32MB'\nmin_wal_size = '32MB'");
$full->reload;
my $locker = $full->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
record_some($full, 5);
$full->safe_psql('postgres', 'CREATE TABLE w (i int)');
$full->safe_psql('postgres', 'INSERT INTO w VALUES (1); SELECT pg_switch_wal()') foreach 1 .. 6;
$full->safe_psql('postgres', 'CHECKPOINT');
$locker->query_safe('ROLLBACK');
$locker->quit;
$full->safe_psql('postgres', "SET csec.flush_timeout = '60s'; SELECT csec.flush_audit()");
is(records($full, 'count(*) > 0', "kind = 'gap'"), 't', 'a slot invalidated: a gap record');
is_verified($full, 'after a slot invalidated');
$full->stop;

# minimal WAL cannot carry records
my $minimal = PostgreSQL::Test::Cluster->new('minimal');
$minimal->init;
$minimal->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0");
ok(!$minimal->start(fail_ok => 1) || do {
	my ($r, $o, $e) = $minimal->psql('postgres', 'CREATE EXTENSION csec CASCADE; SELECT csec.create_trail()');
	my $refused = $e =~ /wal_level/;
	$minimal->stop;
	$refused;
}, 'wal_level = minimal is refused');

# a standby: reads the trail, verifies it, and goes on with it when promoted
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
# the copy of the test's is not as careful as pg_basebackup
chmod 0600, $standby->data_dir . '/csec_embedded.key';
$standby->start;
record_some($node, 5, object => 'streamed');
flush_trail($node);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT verified FROM csec.verify_trail()'), 't', 'verified on a standby');
($ret, $out, $err) = $standby->psql('postgres', 'SELECT csec.flush_audit()');
like($err, qr/during recovery/, 'nothing to flush on a standby');
record_unsealed($node);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$node->stop('immediate');
$standby->promote;
wait_for_sealer($standby);
record_some($standby, 5, object => 'promoted');
flush_trail($standby);
is(records($standby, "detail", "kind = 'server' AND action = 'timeline'"), '{"from": 1, "to": 2}', 'the new timeline is named');
is(records($standby, 'count(*)', "object LIKE 'promoted %'"), '5', 'a promoted standby records');
is(records($standby, "(count(*) FILTER (WHERE object LIKE 'unsealed %') = 10) OR count(*) FILTER (WHERE kind = 'gap' AND from_lsn < to_lsn) > 2", 'true'),
	't', 'what was not sealed is there, or named as a gap');
is_verified($standby, 'promoted');
$standby->stop;

# restored from a dump: a named fork
$node->start;
flush_trail($node);
my $dump = PostgreSQL::Test::Utils::tempdir . '/trail.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-h', $node->host, '-p', $node->port, 'postgres' ], 'the trail is dumped');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init(allows_streaming => 1);
$restored->start;
$restored->safe_psql('postgres', 'CREATE DATABASE copy');
$restored->command_ok([ 'pg_restore', '-d', 'copy', '-h', $restored->host, '-p', $restored->port, $dump ], 'and restored');
record_some($restored, 5, db => 'copy', object => 'restored');
flush_trail($restored, 'copy');
my $system = $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');
like(records($restored, 'detail', "kind = 'server' AND action = 'copied'", 'copy'),
	qr/"system_id": "$system", "database_id": $oid, "seq": \d+/, 'a restored trail names the one it came from');
is(records($restored, 'count(*)', "object LIKE 'restored %'", 'copy'), '5', 'and goes on');
is_verified($restored, 'restored', 'copy');
$restored->stop;
$node->stop;
done_testing();
