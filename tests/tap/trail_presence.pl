# Were this to fail, a trail would not tell whether nothing happened or nobody
# looked, nor who guessed passwords or took a copy of the database.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('presence');
$node->init(allows_streaming => 1, auth_extra => [ '--create-role', 'clerk' ]);
$node->append_conf('postgresql.conf', 'csec.heartbeat_interval = 1s');
$node->start;
make_trail($node, 'postgres');
flush_trail($node);
sub last_seq { flush_trail($node); return $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log') }

# Until another record is there, without a look at the trail: that is one, too.
sub wait_for_another
{
	my ($seq) = @_;
	$node->poll_query_until('postgres', "SELECT last_seq > $seq FROM csec.trail_status WHERE database = 'postgres'") or die 'nothing is sealed';
}
sub actions_since
{
	my ($seq) = @_;
	return $node->safe_psql('postgres', qq{SELECT string_agg(DISTINCT r.action, ',') FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE l.seq > $seq AND l.kind <> 2});
}
sub wait_for
{
	my ($condition) = @_;
	$node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE $condition")
	  or die "no record: $condition";
}

# ---- a start says with what ----
my ($library, $interval, $level, $left_out) = split /\|/, $node->safe_psql('postgres', q{
	SELECT d ->> 'library', d #>> '{settings,csec.heartbeat_interval}', concat_ws(' ', d #>> '{settings,wal_level}', d #>> '{settings,synchronous_commit}'),
		d -> 'settings' ?| '{csec.key_command,csec.actor,csec.reason}' FROM csec_trail.audit_log l, csec.record_fields(l.record) r, LATERAL (SELECT r.detail::jsonb AS d) x
	WHERE l.kind = 8 AND r.action = 'start' ORDER BY l.seq LIMIT 1});
my ($file) = glob($node->safe_psql('postgres', q{SELECT setting FROM pg_config() WHERE name = 'PKGLIBDIR'}) . '/csec.so');
my $digest = $node->safe_psql('postgres', "SELECT encode(sha256(pg_read_binary_file('$file')), 'hex')");
is($library, $digest, 'a start names the library by its digest');
is("$interval $level", '1 replica on', '  and the settings, as sessions have them and not its own');
is($left_out, 'f', '  but no commands and no claims');
$node->safe_psql('postgres', q{CREATE TABLE customers (id int PRIMARY KEY, phone text); SELECT csec.protect('customers', 'id', '{"phone": "phone"}')});
$node->restart;
flush_trail($node);
my @policy = split /\n/, records($node, q{csec.detail(detail) ->> 'policy'}, "kind = 'server' AND action = 'start' ORDER BY seq");
is($policy[-1], $node->safe_psql('postgres', 'SELECT csec.policy_version()'), '  and the version of the policy with which it came up');
cmp_ok($policy[-1], '>', $policy[0], '  which grew since');

# ---- heartbeats ----
my $seq = last_seq();
wait_for_another($seq + 1);	# one is last_seq()'s own look
is(actions_since($seq), 'heartbeat', 'where nothing happens there is a heartbeat');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.gaps WHERE why = 'heartbeat'}), '0', 'a heartbeat is no gap');
$node->append_conf('postgresql.conf', 'csec.heartbeat_interval = 0');
$node->reload;

# ---- settings edited in the server's file ----
$seq = last_seq();
$node->append_conf('postgresql.conf', "csec.seal_delay = 300\nsynchronous_commit = local\ncsec.alert_command = 'true secret'\nwork_mem = 5MB");
$node->reload;
wait_for_another($seq + 1);
is(records($node, "action || ' ' || detail", "kind = 'server' AND seq > $seq"),
	'settings {"changed": {"csec.seal_delay": "300", "csec.alert_command": null, "synchronous_commit": "local"}}', 'settings that are edited in the file are told when they are read, commands without their text');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.gaps WHERE why = 'settings'}), '0', '  which is no gap');
$seq = last_seq();
$node->append_conf('postgresql.conf', 'work_mem = 6MB');
$node->reload;
record_some($node, 1);
flush_trail($node);
is(actions_since($seq), 'test', '  and others are not');

# ---- away, in order and not ----
sub away
{
	my ($from) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(why || CASE WHEN since < until THEN ' away' ELSE '' END, ',' ORDER BY seq)
		FROM csec.gaps WHERE what = 'sealer' AND seq > $from});
}
$seq = last_seq();
$node->restart;
flush_trail($node);
is(away($seq), 'stop away,start', 'a restart: the sealer was away from its stop to its start');
$seq = last_seq();
$node->stop('immediate');
$node->start;
flush_trail($node);
is(away($seq), 'start away', 'a crash: since the last record before');

# ---- a sealer that does not run, though its process is there ----
$node->append_conf('postgresql.conf', 'csec.heartbeat_interval = 1s');
$node->reload;
$seq = last_seq();
my $pid = sealer_pid($node);
wait_for_another($seq + 1);
kill 'STOP', $pid;
sleep 12;
kill 'CONT', $pid;
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM csec.gaps WHERE what = 'sealer' AND why = 'late heartbeat' AND since < until AND seq > $seq"),
	'a sealer that was held up says since when');
$node->append_conf('postgresql.conf', 'csec.heartbeat_interval = 0');
$node->reload;

# ---- connections ----
sub connections
{
	my ($from) = @_;
	$node->safe_psql('postgres', 'SELECT csec.flush_audit()');
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(concat_ws(' ', what, role, database, client, count), ', ' ORDER BY what, role, first)
		FROM (SELECT what, role, database, client, sum(count) AS count, min(seq) AS first FROM csec.connection_records WHERE seq > $from GROUP BY 1, 2, 3, 4) c});
}
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN PASSWORD 'right'; CREATE ROLE copier LOGIN REPLICATION; CREATE DATABASE other});
my $hba = $node->data_dir . '/pg_hba.conf';
my $trusting = slurp_file($hba);
append_to_file("$hba.new", "local all clerk scram-sha-256\n$trusting");
rename "$hba.new", $hba or die $!;
$node->reload;
$seq = last_seq();
{
	local $ENV{PGPASSWORD} = 'wrong';
	$node->psql($_, 'SELECT 1', extra_params => [ '-U', 'clerk' ]) foreach ('postgres', 'postgres', 'other');
	local $ENV{PGPASSWORD} = 'right';
	$node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'clerk' ]);
}
$node->command_ok([ 'psql', '-X', '-q', '-U', 'copier', '-c', 'IDENTIFY_SYSTEM', $node->connstr('postgres') . ' replication=true' ], 'replication');
wait_for("l.seq > $seq AND l.kind = 10 AND r.action = 'replication'");
is(connections($seq), 'login failed clerk postgres [local] 2, login failed clerk other [local] 1, replication copier [local] 1',
	'failed logins are told, in any database, and counted; so is replication');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.connection_records WHERE what = 'login'}), '0', '  logins are not, unless asked for');
$seq = last_seq();
$node->safe_psql('postgres', 'CREATE ROLE group_of NOLOGIN; CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
$node->psql(@$_[0], 'SELECT 1', extra_params => [ '-U', @$_[1] ]) foreach ([ 'postgres', 'absent' ], [ 'postgres', 'group_of' ], [ 'closed', 'copier' ], [ 'nowhere', 'copier' ]);
$node->poll_query_until('postgres', "SELECT count(*) = 4 FROM csec.connection_records WHERE seq > $seq") or die 'not told';
is(connections($seq), join(', ', map { "login failed $_ [local] 1" } 'absent postgres', 'copier closed', 'copier nowhere', 'group_of postgres'),
	'  who is refused after he has proved who he is has failed, too: no such role, no login, no such database, not for him');
$node->append_conf('postgresql.conf', 'csec.record_connections = all');
$node->reload;
$seq = last_seq();
{
	local $ENV{PGPASSWORD} = 'right';
	$node->psql($_, 'SELECT 1', extra_params => [ '-U', 'clerk' ]) foreach ('other', 'postgres');
}
wait_for("l.seq > $seq AND l.kind = 10 AND r.action = 'login' AND r.object = 'clerk'");
like(connections($seq), qr/login clerk postgres \[local\] 1/, '  then they are');
unlike(connections($seq), qr/login clerk other/, '  those of this database');

# more than there is room for until the sealer is back
$seq = last_seq();
$pid = sealer_pid($node);
hold_still($node, '', $pid);
my $nothing = PostgreSQL::Test::Utils::tempdir . '/nothing.sql';
append_to_file($nothing, 'SELECT 1;');
$node->command_ok([ 'pgbench', '-n', '-C', '-c', '4', '-t', '300', '-f', $nothing, '-h', $node->host, '-p', $node->port, 'postgres' ], 'many connect');
kill 'CONT', $pid;
wait_for("l.seq > $seq AND r.action = 'connections not told'");
my ($told, $untold) = split /\|/, $node->safe_psql('postgres', qq{
	SELECT (SELECT sum(count) FROM csec.connection_records WHERE seq > $seq), (SELECT sum((detail ->> 'count')::int) FROM csec.gaps WHERE seq > $seq AND why = 'connections not told')});
cmp_ok($told, '>=', 1024, 'as many are told as there is room for');
cmp_ok($untold, '>', 0, '  and that there were more');
cmp_ok($told + $untold, '>=', 1200, '  and how many');
is_verified($node, 'the trail verifies');
$node->stop;
done_testing();
