# Were this to fail, a crash of the sealer or of the server would lose records,
# or seal some of them twice (B.3, B.9).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();
use Time::HiRes ();

my $node = trail_node('crash', fsync => 'on', restart_after_crash => 'on');
$node->safe_psql('postgres', 'CREATE TABLE done (worker int, n int)');

# Each worker records an act and commits a row that says so, over and over:
# whatever is committed must be in the trail, exactly once.
my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, q{
\set n random(1, 1000000000)
BEGIN;
SELECT csec.control('load', :client_id || ' ' || :n, '{}');
INSERT INTO done VALUES (:client_id, :n);
COMMIT;
});
my @load;

sub begin_load
{
	my $log = $node->basedir . '/pgbench.log';
	my $h = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 4, '-j', 2, '-T', 60, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', $log, '2>', $log);
	push @load, $h;
	my $before = count();
	$node->poll_query_until('postgres', "SELECT count(*) > $before + 200 FROM done") or die 'no load';
}
sub end_load { foreach my $h (splice @load) { $h->kill_kill } }
sub count { return $node->safe_psql('postgres', 'SELECT count(*) FROM done') }

sub nothing_lost
{
	my ($name) = @_;
	flush_trail($node);
	my $acts = q{SELECT d.object AS act, count(*) AS times, bool_or(d.outcome = 'committed' OR d.outcome IN ('open', 'prepared')) AS committed
		FROM csec_trail.audit_log l, csec.record_fields(l.record) d
		WHERE l.kind = 5 AND d.action = 'load' GROUP BY 1};
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM done LEFT JOIN ($acts) a ON a.act = worker || ' ' || n WHERE a.act IS NULL}),
		'0', "$name: every committed act is in the trail");
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM ($acts) a
		WHERE times > (SELECT count(*) FROM done WHERE worker || ' ' || n = act) AND times > 1}),
		'0', "$name: none is there twice");
	is(records($node, 'count(*)', "kind IN ('gap', 'rejected')"), '0', "$name: no gap, nothing rejected");
	is_verified($node, $name);
}

# the launcher asked to end: the postmaster starts another, which starts sealers
my $launcher = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'csec launcher'};
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($launcher) l") or die 'no launcher';
my $first = $node->safe_psql('postgres', $launcher);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($first)");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($launcher) l WHERE pid <> $first") or die 'no new launcher';
wait_for_sealer($node);

# the sealer asked to end, under load: the launcher starts another
begin_load();
foreach (1 .. 3)
{
	my $pid = sealer_pid($node);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres',
		"SELECT sealer_pid <> $pid AND state = 'running' FROM csec.trail_status WHERE database = 'postgres'")
	  or die 'no new sealer';
	Time::HiRes::sleep(1.2);
}
end_load();
nothing_lost('sealer terminated');
cmp_ok(records($node, 'count(*)', "kind = 'server' AND action = 'start'"), '>=', 4,
	'each start of the sealer is on record');
cmp_ok(records($node, 'count(*)', "kind = 'server' AND action = 'stop'"), '>=', 3,
	'each stop of the sealer is on record');

# killed: the server restarts all of its processes
foreach my $round (1 .. 2)
{
	begin_load();
	my $pid = sealer_pid($node);
	my $from = -s $node->logfile;
	kill 'KILL', $pid;
	end_load();
	$node->wait_for_log(qr/ready to accept connections/, $from);
	wait_for_sealer($node);
	nothing_lost("sealer killed, round $round");
}

# the server gone at any instant
foreach my $round (1 .. 3)
{
	begin_load();
	Time::HiRes::sleep(0.1 * $round);
	$node->stop('immediate');
	end_load();
	$node->start;
	wait_for_sealer($node);
	nothing_lost("server gone, round $round");
}

# stopped in order, under load
begin_load();
$node->stop('fast');
end_load();
$node->start;
wait_for_sealer($node);
nothing_lost('fast shutdown');
is(records($node, 'count(*)', "kind = 'control' AND outcome = 'open'
	AND NOT EXISTS (SELECT FROM csec_trail.audit_log o WHERE o.kind = 4 AND o.relid = 0 AND o.subject = r.xid)"),
	'0', 'no transaction is left open');

# an auditor's lock stalls the sealer, and no longer than it is held
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE csec_trail.audit_log IN ACCESS EXCLUSIVE MODE');
record_some($node, 10);
my ($ret, $out, $err) = $node->psql('postgres', "SET csec.flush_timeout = '5s'; SELECT csec.flush_audit()");
like($err, qr/not sealed within 5000 ms.*lock timeout.*csec\.trail_status/s, 'what stalls the sealer is told');
is($node->safe_psql('postgres', "SELECT last_error FROM csec.trail_status WHERE database = 'postgres'"),
	'canceling statement due to lock timeout', 'and shown');
$locker->query_safe('ROLLBACK');
$locker->quit;
nothing_lost('after a lock');
is($node->safe_psql('postgres', "SELECT state, last_error IS NULL FROM csec.trail_status WHERE database = 'postgres'"),
	'running|t', 'the error is forgotten');

# transactions of every kind of end
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->restart;
$node->safe_psql('postgres', q{
	BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'committed', '{}'); COMMIT;
	BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'aborted', '{}'); ROLLBACK;
	BEGIN; INSERT INTO done VALUES (9, 1); SAVEPOINT s; INSERT INTO done VALUES (9, 1);
	SELECT csec.control('end', 'aborted', '{}'); ROLLBACK TO s; SELECT csec.control('end', 'committed', '{}'); COMMIT;
	BEGIN; INSERT INTO done VALUES (9, 1); SAVEPOINT s; INSERT INTO done VALUES (9, 1);
	SELECT csec.control('end', 'committed', '{}'); RELEASE s; COMMIT;
	BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'committed', '{}'); PREPARE TRANSACTION 'p1';
	BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'aborted', '{}'); PREPARE TRANSACTION 'p2';
	BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'prepared', '{}'); PREPARE TRANSACTION 'p3'});
flush_trail($node);
my $open = $node->background_psql('postgres');
$open->query_safe(q{BEGIN; INSERT INTO done VALUES (9, 1); SELECT csec.control('end', 'aborted', '{}')});
flush_trail($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec_trail.sealer_open'), '4', 'what is open is remembered');
$node->stop('immediate');
eval { $open->quit };
$node->start;
$node->safe_psql('postgres', "COMMIT PREPARED 'p1'");
$node->safe_psql('postgres', "ROLLBACK PREPARED 'p2'");
flush_trail($node);
is(records($node, "count(*), count(*) FILTER (WHERE object <> coalesce((
		SELECT d.told FROM csec_trail.audit_log o, csec.record_fields(o.record) d
		WHERE o.kind = 4 AND o.relid = 0 AND o.subject = r.xid AND o.seq > r.seq), outcome))",
	"kind = 'control' AND action = 'end'"), '9|0', 'each record tells how its transaction ended');
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(prepared) FROM csec_trail.sealer_open'), '1|t',
	'only the prepared one is left');
is_verified($node, 'transactions of every kind');
$node->stop;
done_testing();
