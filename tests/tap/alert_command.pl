# csec.alert_command and its ends: were this to fail, an alert would be told to
# nobody because of a bad moment, or a command would go on that nobody waits for.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A server with customers of whom each is watched.
sub server
{
	my ($name, @conf) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);
	$server->init(allows_streaming => 1);
	$server->append_conf('postgresql.conf', $_) foreach ("csec.seal_delay = 100ms\ncsec.alerts = on\nrestart_after_crash = on\n", @conf);
	$server->start;
	$server->safe_psql('postgres', q{
		CREATE EXTENSION csec CASCADE;
		CREATE TABLE cust (id int PRIMARY KEY, phone text);
		INSERT INTO cust SELECT i, '138' || (10000000 + i) FROM generate_series(1, 100) i;
		SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
		INSERT INTO csec.watched_customer (relid, subject, why) SELECT 'cust', i, 'decoy' FROM generate_series(1, 99) i});
	return $server;
}
my $node = server('alert_command');
my $told = $node->basedir . '/told';
my $seconds = 7100;

# On another server, whose settings nobody touches meanwhile: a command that fails for long.
# Whether all are told once it does not any more is seen at the end, as that takes a minute.
my ($mended, $told_late) = map { $node->basedir . "/$_" } qw(mended told_late);
my $other = server('alert_retry', "csec.alert_command = 'test -e $mended && echo %i >> $told_late'\n");
$other->safe_psql('postgres', 'SELECT phone FROM cust WHERE id > 75');
ok($other->poll_query_until('postgres', "SELECT count(*) = 24 FROM csec.alert WHERE told = 'failed' AND tell_error = 'ended with status 1' AND subject::int > 75"), 'a command that fails for long is seen to');
append_to_file($mended, 'yes');

sub command
{
	my ($command) = @_;
	$node->append_conf('postgresql.conf', "csec.alert_command = '$command'\n");
	$node->reload;
}

# Who is looked at is told: the alert of each decoy has a key of its own.
my $customer = 0;
sub alert
{
	$customer++;
	$node->safe_psql('postgres', "SELECT phone FROM cust WHERE id = $customer");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM csec.alert WHERE kind = 'decoy' AND subject = '$customer'") or die 'no alert';
	return $node->safe_psql('postgres', "SELECT id FROM csec.alert WHERE kind = 'decoy' AND subject = '$customer'");
}

sub lines { my ($id, $where) = (@_, $told); return -f $where ? (grep { $_ eq $id } split /\n/, slurp_file($where)) : () }

# How many processes have such a command line (they come and go).
sub processes
{
	my ($line) = @_;
	return scalar grep { (eval { slurp_file($_) } // '') =~ $line } glob '/proc/[0-9]*/cmdline';
}

sub running { return processes(qr/^sleep\x00$_[0]\x00$/) }

sub until_running
{
	my ($seconds, $many) = @_;
	for (1 .. 300) { return 1 if running($seconds) == $many; select undef, undef, undef, 0.1 }
	return 0;
}

sub worker { return $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'csec alerts'})
	&& $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'csec alerts'}) }

# Two processes and a shell that waits for them, until nobody is to be told for a while:
# whoever is started again then begins no other one.
my $nobody = $node->basedir . '/nobody';
sub hang
{
	unlink $nobody;
	$seconds++;
	command("test ! -e $nobody || exit 1; sleep $seconds & sleep $seconds; :");
	my $id = alert();
	ok(until_running($seconds, 2), 'a command runs');
	append_to_file($nobody, 'yes');
	return $id;
}

sub told_after
{
	my ($id, $what) = @_;
	command("echo %i >> $told");
	ok($node->poll_query_until('postgres', "SELECT told = 'yes' FROM csec.alert WHERE id = $id"), "  and the alert is told after $what");
	ok(lines($id) > 0, '  indeed');
}

# The worker is ended, or killed, while a command runs.
my $id = hang();
kill 'TERM', worker();
ok(until_running($seconds, 0), '  and is gone with the worker that is asked to end');
told_after($id, 'that');

$id = hang();
kill 'KILL', worker();
ok(until_running($seconds, 0), '  and is gone with the worker that is killed');
$node->poll_query_until("postgres", "SELECT true") or die 'the server does not come back';
told_after($id, 'that');

# The server is stopped.
for my $how ('fast', 'immediate')
{
	$id = hang();
	$node->stop($how);
	ok(until_running($seconds, 0), "  and is gone with the server that is stopped, $how");
	$node->start;
	told_after($id, 'that');
}

# The postmaster alone is killed: its children end by themselves.
$id = hang();
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/ && $1;
my @children = grep { (eval { slurp_file("/proc/$_/stat") } // '') =~ /\) \S $postmaster / } map { m{(\d+)} } glob '/proc/[0-9]*';
$node->kill9;
ok(until_running($seconds, 0), '  and is gone with a postmaster that is killed');
my @left;
for (1 .. 600) { last if !(@left = grep { (eval { slurp_file("/proc/$_/stat") } // '') =~ /\) [^ZX] / } $postmaster, @children); select undef, undef, undef, 0.1 }
is(join(', ', map { "$_ " . (eval { slurp_file("/proc/$_/cmdline") } // '') } @left), '', '  and so is all of the server');
# (what has ended keeps its number until the system's init takes note, which may be late, and none starts beside it)
for (1 .. 600) { last if !kill 0, $postmaster; select undef, undef, undef, 0.1 }
$node->start;
told_after($id, 'that');

# The command itself is killed: what it began is not left.
$seconds++;
command("sleep $seconds & sleep 1; kill -KILL \$\$");
$id = alert();
ok($node->poll_query_until('postgres', "SELECT told = 'failed' FROM csec.alert WHERE id = $id"), 'a command that is killed has not told');
ok(until_running($seconds, 0), '  and nothing of it is left');
is($node->safe_psql('postgres', "SELECT tell_error FROM csec.alert WHERE id = $id"), 'was ended by signal 9', '  and it is seen why');
told_after($id, 'that');
is($node->safe_psql('postgres', "SELECT tell_error IS NULL FROM csec.alert WHERE id = $id"), 't', '  and nothing is amiss any more');

# One that takes too long; what cannot be evaluated meanwhile keeps nobody from being told.
$node->append_conf('postgresql.conf', "csec.alert_command_timeout = 1\n");
command('sleep 600 & sleep 600');
$id = alert();
ok($node->poll_query_until('postgres', "SELECT told = 'failed' AND tell_error = 'took longer than 1 s' FROM csec.alert WHERE id = $id"), 'a command that takes too long has not told');
my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE csec.alert_cursor');
told_after($id, 'that, though no rule can be evaluated');
$lock->quit;

# What a command leaves running on purpose is its own affair; what it prints is read or not.
$seconds++;
command("sleep $seconds & yes no | head -c 3000000; exit 0");
$id = alert();
ok($node->poll_query_until('postgres', "SELECT told = 'yes' FROM csec.alert WHERE id = $id"), 'a command that says much has told');
is(running($seconds), 1, '  and what it left to run goes on');
for my $process (glob '/proc/[0-9]*/cmdline')
{
	kill 'KILL', $process =~ /(\d+)/ if (eval { slurp_file($process) } // q{}) eq "sleep\x00$seconds\x00";
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.alert WHERE told IS NULL'), '0', 'no alert is left untold');
$node->stop;

# Without anybody's help.
ok($other->poll_query_until('postgres', "SELECT bool_and(told = 'yes') FROM csec.alert"), 'all are told when a command does not fail any more');
is(scalar(grep { lines($_, $told_late) } split /\n/, $other->safe_psql('postgres', 'SELECT id FROM csec.alert WHERE subject::int > 75')), 24, '  indeed');
$other->stop;
done_testing();
