# Were this to fail, what was shown or committed would be lost from the trail, or
# told otherwise than it was, when a server under load is killed, its disk is full,
# or it is lost and a standby takes over (B.3, B.9).
#
# The clients keep journals of what they were told (CsecLoad.pm); an oracle compares
# them with the trail (CsecOracle.pm).  What happens when is by chance, from a seed
# that is printed.  "make test-faults" runs it for an hour:
#
#	CSEC_FAULTS_SECONDS     how long; without it a few faults of each kind
#	CSEC_FAULTS_SEED        the seed of an earlier run
use strict;
use warnings;
use CsecFaults;
use CsecLoad;
use CsecOracle;
use CsecTrail;
use File::Path ();
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{CSEC_FAULTS_SECONDS};
my $seed = $ENV{CSEC_FAULTS_SEED} // int rand 2**31;
my $clients = 4;
my $folder = PostgreSQL::Test::Utils::tempdir;
my (%happened, @lost, %pid_of);
note "seed $seed";
srand $seed;
$| = 1;

# ---- the servers ----

faulty();
my $node = trail_node(
	'first', restart_after_crash => 'on', max_prepared_transactions => 20, wal_recycle => 'off',
	min_wal_size => "'32MB'", max_wal_size => "'128MB'", log_statement => 'none');
my $nodes = 1;
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE TABLE strict_cust (id int8 PRIMARY KEY, phone csec.phone, note text);
	CREATE TABLE batch_cust (LIKE strict_cust INCLUDING ALL);
	INSERT INTO strict_cust SELECT i, '138' || lpad(i::text, 8, '0'), '' FROM generate_series(1, 200) i;
	INSERT INTO batch_cust SELECT * FROM strict_cust;
	SELECT csec.protect('strict_cust', 'id', '{"phone": "phone"}', audit => 'strict');
	SELECT csec.protect('batch_cust', 'id', '{"phone": "phone"}');
	CREATE TABLE ledger (token text PRIMARY KEY)});
$node->safe_psql('postgres', "CREATE ROLE load_$_ LOGIN IN ROLE csec_loader; GRANT ALL ON strict_cust, batch_cust, ledger TO load_$_")
  foreach 1 .. $clients;

sub announce
{
	append_to_file("$folder/server.new", join ' ', $node->host, $node->port);
	rename "$folder/server.new", "$folder/server" or die $!;
}

sub is_up { return IPC::Run::run([ 'psql', '-XqAtc', 'SELECT 1', '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \my $out, '2>', \my $err) }

# The server goes on by itself, or is started.
sub bring_back
{
	for (my $tries = 0; $tries < 1200; $tries++)
	{
		return if is_up();
		if (!kill 0, $pid_of{server})
		{
			$node->{_pid} = undef;
			$node->start;
			$pid_of{server} = $node->{_pid};
		}
		sleep 0.1;
	}
	BAIL_OUT('the server does not come back');
}

# Processes of the server whose title is like this.
sub processes
{
	my ($title) = @_;
	my @found;
	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $file, '<', $stat or next;
		my ($pid, $parent) = (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		next if $parent != $pid_of{server};
		open my $line, '<', "/proc/$pid/cmdline" or next;
		push @found, $pid if (<$line> // '') =~ $title;
	}
	return @found;
}

# ---- the faults ----

sub kill_one
{
	my ($title) = @_;
	my @pids = processes($title);
	return kill 'KILL', $pids[rand @pids] if @pids;
	return 0;
}

# No room for files of the server's data whose path is like this.
sub no_room { set_fault('full', join "\n", map { $node->data_dir . "/$_" } @_) }

my %faults = (
	'server killed' => sub { kill 'KILL', $pid_of{server}, processes(qr/./) },
	'immediate stop' => sub { kill 'QUIT', $pid_of{server} },
	'sealer killed' => sub { kill_one(qr/csec sealer/) },
	'walwriter killed' => sub { kill_one(qr/walwriter/) },
	'backend killed' => sub { kill_one(qr/ load_\d/) },
	'no room for WAL' => sub {
		no_room('pg_wal/');
		for (my $i = 0; $i < 100 && is_up(); $i++)
		{
			$node->psql('postgres', "SELECT pg_switch_wal(), pg_logical_emit_message(false, 'filler', repeat('x', 100000))");
		}
		clear_fault('full');
	},
	'no room for tables' => sub {
		no_room('base/');
		sleep($seconds ? 15 : 3);
		clear_fault('full');
	},
	'no room for the trail' => sub {
		no_room(split /\n/, $node->safe_psql('postgres', q{
			SELECT pg_relation_filepath(oid) FROM pg_class WHERE relnamespace = 'csec_trail'::regnamespace AND relkind IN ('r', 'i')}));
		sleep($seconds ? 15 : 3);
		clear_fault('full');
	},
	'standby promoted' => \&promote_standby);

# A standby that has all that was promised takes over from a server that is lost.
sub promote_standby
{
	my $old = $node;
	my $name = 'server_' . ++$nodes;
	my $new = PostgreSQL::Test::Cluster->new($name);
	$old->backup($name);
	$new->init_from_backup($old, $name, has_streaming => 1);
	File::Path::remove_tree($old->backup_dir . "/$name");
	chmod 0600, $new->data_dir . '/csec_embedded.key';
	$new->start;
	$old->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '*'");
	$old->reload;
	$old->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'") or BAIL_OUT('no standby');
	sleep 1;
	$old->wait_for_catchup($new, 'replay', $old->lsn('insert'));
	sleep($seconds ? 3 + rand 5 : 1);
	my $at = time;
	$faults{'server killed'}->();
	$old->{_pid} = undef;
	$new->promote;
	$node = $new;
	$pid_of{server} = $node->{_pid};
	announce();
	File::Path::remove_tree($old->data_dir);
	return $at;
}

# Do one, and have the server back.
sub fault
{
	my ($what) = @_;
	my $at = time;
	my $done = $faults{$what}->() or return 0;
	$at = $done if $what eq 'standby promoted';
	# whoever was killed, the others follow a moment later
	sleep 0.1;
	bring_back();
	push @lost, [ $at, time ];
	$happened{$what}++;
	return 1;
}

# What happens, in order; a fault that finds nobody to kill is another one.
sub plan_of_faults
{
	my @kinds = grep { /killed|stop/ } sort keys %faults;
	return ((sort { rand() <=> 0.5 } @kinds), 'no room for WAL', 'no room for the trail', 'standby promoted', 'server killed') unless $seconds;
	my @plan = map { $kinds[rand @kinds] } 1 .. 210;
	my @rare = ('standby promoted', 'no room for WAL', 'standby promoted', 'no room for tables', 'standby promoted',
		'no room for the trail', 'standby promoted', 'standby promoted');
	# in the middle of each part of the run
	splice @plan, int(210 * ($_ + 0.5) / @rare) + $_, 0, $rare[$_] foreach 0 .. $#rare;
	return @plan;
}

# ---- the run ----

$pid_of{server} = $node->{_pid};
announce();
foreach my $number (1 .. $clients)
{
	my $pid = fork // die $!;
	if ($pid == 0)
	{
		eval {
			CsecLoad::run(number => $number, role => "load_$number", seed => $seed + $number, pause => $seconds ? 0.1 : 0.01,
				journal => "$folder/journal_$number", server => "$folder/server");
			1;
		} or print STDERR "client $number: $@";
		# not the parent's END blocks, which stop servers
		POSIX::_exit($@ ? 1 : 0);
	}
	$pid_of{"client $number"} = $pid;
}

my @plan = plan_of_faults();
my $began = time;
while (my $what = shift @plan)
{
	my $left = ($seconds // 0) - (time - $began);
	sleep($seconds ? ($left > 0 ? rand(2 * $left / (@plan + 1)) : 0.5) : 1);
	fault($what) or fault($what = 'server killed');
	note sprintf '%4d s: %s, %d to come', time - $began, $what, scalar @plan;
}
sleep 1;
my @clients = grep { /^client/ } sort keys %pid_of;
my $ended_well = 0;
foreach my $client (@clients)
{
	kill 'TERM', $pid_of{$client};
	waitpid $pid_of{$client}, 0;
	$ended_well++ if $? == 0;
}
is($ended_well, $clients, 'the clients have worked to the end');
my $lasted = time - $began;

# ---- an oracle that sees nothing wrong must be one that would ----

sub told_by_oracle
{
	my (%heard) = @_;
	my $journal = "$folder/example";
	append_to_file($journal, join '', map { "$_\n" } (
		"may\tload_1.1\tread\tstrict_cust\t5\t6", "sent\tload_1.1\tread_some\t10", "rows\tload_1.1\tstrict_cust\t5,6\t11", "done\tload_1.1\t11",
		"may\tload_1.2\tread\tstrict_cust\t-1\t-1", "sent\tload_1.2\tread_none\t12", "rows\tload_1.2\tstrict_cust\t\t13", "done\tload_1.2\t13",
		"may\tload_1.3\tread\tbatch_cust\t7\t7", "sent\tload_1.3\tread_one\t14", "rows\tload_1.3\tbatch_cust\t7\t15", "lost\tload_1.3\t15",
		"may\tload_1.4\tchange\tbatch_cust\tUPDATE\t8\tload_1.4\t1", "sent\tload_1.4\tupdate\t16", "done\tload_1.4\t17")) unless -f $journal;
	my $oracle = CsecOracle->new(journals => [$journal], faults => [ [ $heard{lost_at} // 99, 100 ] ], moments => 1);
	$oracle->committed(@{ $heard{ledger} // ['load_1.4'] });
	$oracle->recorded_read(1, 'load_1', @$_) foreach @{ $heard{reads} };
	$oracle->recorded_change(2, 'load_1', @$_) foreach @{ $heard{changes} };
	$oracle->compare;
	return join '; ', map { s/:.*//r } @{ $oracle->{wrong} };
}
my @reads = ([ 'load_1.1', 'strict_cust', 'delivered', [ 5, 6 ] ], [ 'load_1.2', 'strict_cust', 'delivered', [] ], [ 'load_1.3', 'batch_cust', 'delivered', [7] ]);
my @change = ('load_1.4', 'batch_cust', 'UPDATE', 8, 'load_1.4');
is(told_by_oracle(reads => \@reads, changes => [ [ @change, 'committed' ] ]), '', 'the oracle: all is told');
is(told_by_oracle(), 'delivered strict reads without a record; delivered strict reads without a record; delivered batch reads without a record; committed changes without a record',
	'  nothing is told');
is(told_by_oracle(reads => [ [ @{ $reads[0] }[ 0 .. 2 ], [5] ], @reads[ 1 .. 2 ] ], changes => [ [ @change, 'committed' ] ]), 'delivered strict reads without a record', '  one row is not told');
is(told_by_oracle(reads => [ @reads[ 0 .. 1 ] ], changes => [ [ @change, 'committed' ] ], lost_at => 15.5), '', '  a batch read, but the server was lost in that moment');
is(told_by_oracle(reads => \@reads, changes => [ [ @change, 'aborted' ] ]), 'outcomes that are not so', '  a wrong outcome');
is(told_by_oracle(reads => \@reads, changes => [ ([ @change, 'committed' ]) x 2 ]), 'records without an event', '  told twice');
is(told_by_oracle(reads => [ @reads, [ 'load_1.1', 'strict_cust', 'delivered', [9] ], [ 'load_2.1', 'strict_cust', 'delivered', [5] ], [ 'load_1.2', 'strict_cust', 'intent', undef ] ],
	changes => [ [ @change, 'committed' ] ]), join('; ', ('records without an event') x 3), '  what nobody did');
is(told_by_oracle(reads => \@reads, changes => [ [ @change, 'aborted' ] ], ledger => []), 'acknowledged, but not committed', '  what the server took back');

# ---- what came of it ----

sub rows_of
{
	my ($sql, $each) = @_;
	my $file = "$folder/rows";
	IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-c', "COPY ($sql) TO STDOUT", 'postgres' ],
		'>', $file) or die 'no rows';
	open my $rows, '<', $file or die $!;
	while (<$rows>)
	{
		chomp;
		$each->(map { $_ eq '\N' ? undef : $_ } split /\t/, $_, -1);
	}
}

wait_for_sealer($node);
rows_of("SELECT gid FROM pg_prepared_xacts", sub { $node->safe_psql('postgres', "ROLLBACK PREPARED '$_[0]'") });
# by its own: the sealer may have much to catch up
$node->safe_psql('postgres', "SET csec.flush_timeout = '250s'; SELECT csec.flush_audit()");
my $oracle = CsecOracle->new(journals => [ map { "$folder/journal_$_" } 1 .. $clients ], faults => \@lost, moments => 1);
my @tokens;
rows_of('SELECT token FROM ledger', sub { push @tokens, $_[0] });
$oracle->committed(@tokens);
rows_of(q{
	SELECT l.seq, f.login, f.application, split_part(f.relation, '.', 2), f.exactness,
		(SELECT CASE WHEN bool_or(s IS NULL) THEN NULL ELSE coalesce(string_agg(s, ','), '') END FROM csec.record_subjects(l.record) s)
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.kind = 2 AND f.login LIKE 'load%' ORDER BY l.seq},
	sub { $oracle->recorded_read(@_[ 0 .. 4 ], defined $_[5] ? [ split /,/, $_[5] ] : undef) });
rows_of(q{
	SELECT l.seq, f.login, f.application, split_part(f.relation, '.', 2),
		CASE c.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' ELSE c.op END, c.subject,
		max(c.new_value) FILTER (WHERE c.column_name = 'note'),
		coalesce(CASE WHEN f.outcome IN ('open', 'prepared') THEN (SELECT o.told FROM csec_trail.audit_log e CROSS JOIN LATERAL csec.record_fields(e.record) o
			WHERE e.kind = 4 AND e.relid = 0 AND e.subject = f.xid AND e.seq > l.seq AND o.told <> 'prepared' ORDER BY e.seq LIMIT 1) END, f.outcome)
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f CROSS JOIN LATERAL csec.record_changes(l.record) c
	WHERE l.kind = 3 AND f.login LIKE 'load%' GROUP BY l.seq, f.login, f.application, f.relation, f.outcome, f.xid, c.row_no, c.op, c.subject ORDER BY l.seq, c.row_no},
	sub { $oracle->recorded_change(map { $_ // '' } @_) });
rows_of(q{
	SELECT l.seq, f.login, f.application, split_part(f.relation, '.', 2), f.detail
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.kind = 3 AND f.status = 'error' AND f.login LIKE 'load%'},
	sub { $oracle->recorded_failure(@_) });
$oracle->compare;

note $_ foreach splice @{ [ @{ $oracle->{wrong} } ] }, 0, 40;
is($oracle->{figures}{$_} // 0, 0, $_)
  foreach ('committed changes without a record', 'delivered strict reads without a record', 'delivered batch reads without a record',
	'records without an event', 'outcomes that are not so', 'acknowledged, but not committed');
cmp_ok($oracle->{figures}{$_} // 0, '>=', $seconds ? 1000 : 20, "there were $_")
  foreach ('committed changes', 'strict reads delivered', 'batch reads delivered');
cmp_ok($oracle->{figures}{'empty answers'} // 0, '>', 0, 'there were empty answers');
is(records($node, q{string_agg(concat_ws(' ', kind, action, detail), '; ')}, "kind IN ('gap', 'rejected')"), '', 'no gap, nothing rejected');
is_verified($node, 'the chain');
is($node->safe_psql('postgres', 'SELECT verified, problem FROM csec.verify_trail()'), 't|', 'csec.verify_trail()');
IPC::Run::run([ 'csec_verify', '-h', $node->host, '-p', $node->port, '-d', 'postgres' ], '>', \my $out, '2>', \my $err);
is($?, 0, 'csec_verify') or diag "$out$err";

note sprintf 'seed %d, %d clients, %d s', $seed, $clients, $lasted;
note sprintf '%6d %s', $happened{$_}, $_ foreach sort keys %happened;
note sprintf '%6d %s', $oracle->{figures}{$_}, $_ foreach sort keys %{ $oracle->{figures} };
note sprintf '%6d records in the trail', $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
$node->stop;
done_testing();
