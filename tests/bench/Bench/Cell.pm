# One cell: one work by one variant in one round.  Each kind of work is a
# function here; all return the same sums:
#
#   units    transactions, statements or records done
#   seconds  time they took, as the client saw it
#   tail     time from then until everything was in the trail
#   cpu      processor seconds of the whole server, until the end of the tail
#   wal      bytes of WAL but for page images, which are wal_images
#   trail_bytes, trail_count    growth of the trail
#   sealer_cpu, sealer_memory   where there is a sealer
#   beside   what another session did in a second, all the while
package Bench::Cell;

use strict;
use warnings;

use Bench::Host qw(capture private_memory slurp);
use Exporter 'import';
use List::Util qw(min);
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(run_cell);

my %KIND = (
	pgbench => \&pgbench,
	statement => \&statement,
	copy_in => \&copy_in,
	seal => \&seal,
	program => \&program);

# run_cell(server or undef, variant, work, settings, round)
sub run_cell
{
	my ($server, $variant, $work, $p, $round) = @_;
	my $cell = {
		server => $server,
		variant => $variant,
		work => $work,
		p => $p,
		round => $round,
		sum => {}
	};
	$KIND{ $work->{kind} }->($cell);
	return $cell->{sum};
}

# A stretch that is measured: what lies before and after it is not counted.
sub measured
{
	my ($cell, $body) = @_;
	my ($server, $variant) = @$cell{qw(server variant)};
	my $control = $server->control;

	$control->query($_) for @{ $cell->{work}{before} // [] };
	flush_trail($server, $variant);
	$control->query('CHECKPOINT');
	my $trail = trail_size($server, $variant);
	my $wal = $server->wal_position;
	my $cpu = $server->cpu;

	my ($units, $seconds) = $body->();
	my $start = time;
	flush_trail($server, $variant);
	my $tail = time - $start;

	my %got = (
		units => $units,
		seconds => $seconds,
		tail => $tail,
		cpu => $server->cpu - $cpu);
	@got{qw(wal wal_images)} =
	  $server->wal_between($wal, $server->wal_position);
	if (my $now = $trail && trail_size($server, $variant))
	{
		$got{trail_bytes} = $now->{bytes} - $trail->{bytes};
		$got{trail_count} = $now->{count} - $trail->{count};
	}
	$cell->{sum}{$_} += $got{$_} for keys %got;
	return;
}

sub flush_trail
{
	my ($server, $variant) = @_;
	$server->control->query($variant->{flush}) if $variant->{flush};
	return;
}

# Size of the trail and number of its records, or undef if there is none.  For
# a trail in the log only what was added since the last look is read.
sub trail_size
{
	my ($server, $variant) = @_;
	if (my $mark = $variant->{log_mark})
	{
		my $seen = $server->{seen} //= { at => 0, bytes => 0, count => 0 };
		open(my $log, '<:raw', $server->{log}) or die "$server->{log}: $!\n";
		seek($log, $seen->{at}, 0);
		while (my $line = <$log>)
		{
			$seen->{at} += length $line;
			next if index($line, $mark) < 0;
			$seen->{bytes} += length $line;
			$seen->{count}++;
		}
		return {%$seen};
	}
	return undef unless $variant->{bytes};
	my $control = $server->control;
	return {
		bytes => $control->value($variant->{bytes}),
		count => $control->value($variant->{count})
	};
}

sub role { return $_[0]{variant}{role} // $_[0]{work}{role} // 'app' }

sub session_options
{
	my ($cell) = @_;
	return join ' ', '-c statement_timeout=300s', $cell->{variant}{options} // ();
}

# Runs pgbench; returns (transactions, seconds without the connecting).
sub run_pgbench
{
	my ($cell, @limit) = @_;
	my ($server, $work, $p) = @$cell{qw(server work p)};
	my $out = capture(
		[   "$server->{tree}{bin}/pgbench", '-n', '-M', 'prepared',
			'-h', $server->{socket}, '-U', role($cell),
			'-c', $work->{clients}, '-j', min($work->{clients}, $p->{cores}),
			'-s', $p->{scale}, '-f', "$p->{scripts}/$work->{script}",
			'--random-seed', $p->{seed} + $cell->{round}, @limit, 'bench'
		],
		dir => $server->{dir},
		env => { PGOPTIONS => session_options($cell) },
		limit => 120 + 5 * $p->{seconds});
	my ($n) = $out =~ /^number of transactions actually processed: (\d+)/m;
	my ($failed) = $out =~ /^number of failed transactions: (\d+)/m;
	my ($tps) = $out =~ /^tps = ([\d.]+)/m;
	die "pgbench did nothing: $out\n" unless $n && $tps > 0;
	die "pgbench: $failed transactions failed\n" if $failed;
	return ($n, $n / $tps);
}

sub pgbench
{
	my ($cell) = @_;
	run_pgbench($cell, '-t', 100);    # warms caches, creates first partitions
	measured(
		$cell,
		sub {
			beside($cell, sub { run_pgbench($cell, '-T', $cell->{work}{seconds} // $cell->{p}{seconds}) });
		});
	return;
}

# What another session does all the while: its statement must outlast the
# stretch, and is then cancelled.
sub beside
{
	my ($cell, $body) = @_;
	my ($server, $work) = @$cell{qw(server work)};
	return $body->() unless $work->{beside};
	my $control = $server->control;
	my $other = $server->connect;
	my $pid = $other->value('SELECT pg_backend_pid()');
	$other->start($work->{beside});
	sleep 0.02 until $control->value($work->{beside_done});

	my ($from, $start) = ($control->value($work->{beside_done}), time);
	my @got = $body->();
	my $done = $control->value($work->{beside_done});
	$cell->{sum}{beside} = ($done - $from) / (time - $start) if defined $done;
	my $went_on = $control->value(
		"SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'");
	$control->query("SELECT pg_cancel_backend($pid)");
	eval { $other->until_ready };
	$other->close;
	die "what ran beside it ended before it did\n" unless $went_on;
	return @got;
}

# Repeats a statement for two thirds of the time of a cell (it varies less than
# what many clients do).  What must be prepared before each run ends the
# stretch that is measured.
sub repeated
{
	my ($cell, $once) = @_;
	my $until = time + $cell->{p}{seconds} * 2 / 3;
	do
	{
		measured(
			$cell,
			sub {
				my ($n, $seconds) = (0, 0);
				do
				{
					$seconds += $once->();
					$n++;
				} while (!$cell->{work}{before} && time < $until);
				return ($n, $seconds);
			});
	} while (time < $until);
	return;
}

# Where a statement stands for many units (records), counts those.
sub scale_units
{
	my ($cell) = @_;
	my $work = $cell->{work};
	my $units = $work->{units};
	$units = $cell->{server}->control->value($work->{units_sql})
	  if $work->{units_sql};
	$cell->{sum}{units} *= $units if $units;
	return;
}

sub statement
{
	my ($cell) = @_;
	my $client = $cell->{server}
	  ->connect(user => role($cell), options => session_options($cell));
	repeated($cell, sub { $client->drain($cell->{work}{sql}) });
	$client->close;
	scale_units($cell);
	return;
}

# The seed is the same everywhere, so that it is fetched once per run of a work.
my %rows;

sub copy_in
{
	my ($cell) = @_;
	my ($server, $work) = @$cell{qw(server work)};
	my $rows = $rows{ $work->{rows} } //= $server->control->copy_out($work->{rows});
	my $client =
	  $server->connect(user => role($cell), options => session_options($cell));
	repeated($cell, sub { $client->copy_in($work->{sql}, $rows) });
	$client->close;
	scale_units($cell);
	return;
}

# The sealer's processes on this server: (pid ...).
sub sealers
{
	my ($server) = @_;
	return map { $_->[0] } $server->control->query(
		"SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '%sealer%'");
}

# Reads pile up while the sealer is stopped from outside; then it is let go and
# timed until it has caught up.  Only this time counts.
sub seal
{
	my ($cell) = @_;
	my ($server, $variant, $p) = @$cell{qw(server variant p)};
	my @sealers = sealers($server) or die "no sealer is running\n";
	my $clients = $cell->{work}{clients};

	run_pgbench($cell, '-t', 100);
	flush_trail($server, $variant);
	my $before = trail_size($server, $variant);
	kill 'STOP', @sealers;
	my $ok = eval { run_pgbench($cell, '-t', int($p->{backlog} / $clients)); 1 };
	my $error = $@;
	my $cpu = sum_cpu(@sealers);
	my $start = time;
	kill 'CONT', @sealers;
	die $error unless $ok;
	flush_trail($server, $variant);
	my $seconds = time - $start;

	my $after = trail_size($server, $variant);
	my $records = $after->{count} - $before->{count};
	die "no record came into the trail\n" if $records < 1;
	$cell->{sum} = {
		units => $records,
		seconds => $seconds,
		tail => 0,
		cpu => sum_cpu(@sealers) - $cpu,
		trail_bytes => $after->{bytes} - $before->{bytes},
		trail_count => $records,
		sealer_memory => (sort { $a <=> $b } map { private_memory($_) } @sealers)[-1]
	};
	return;
}

# Processor seconds of processes, finer than ticks.
sub sum_cpu
{
	my $sum = 0;
	$sum += (split ' ', slurp("/proc/$_/schedstat"))[0] / 1e9 for @_;
	return $sum;
}

sub program
{
	my ($cell) = @_;
	my ($name, @arg) = @{ $cell->{work}{program} };
	my $out = capture([ "$cell->{p}{dir}/$name", @arg ], dir => $cell->{p}{dir});
	my ($seconds) = $out =~ /^([\d.]+)/ or die "$name printed nothing\n";
	$cell->{sum} = {
		units => $cell->{work}{units},
		seconds => $seconds,
		tail => 0,
		cpu => $seconds
	};
	return;
}

1;
