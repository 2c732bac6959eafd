# The machine and the processes on it: who runs the servers, what a process
# has used, what the machine is.
package Bench::Host;

use strict;
use warnings;

use Exporter 'import';
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(server_user spawn capture reap children_cpu
  private_memory describe slurp);

my $TICKS = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

# PostgreSQL refuses to run as root.  Returns (name, uid, gid) of the ordinary
# user that takes its place, or an empty list where we are ordinary already.
sub server_user
{
	return () if $> != 0;
	for my $name (qw(postgres nobody))
	{
		my @pw = getpwnam($name) or next;
		return ($name, $pw[2], $pw[3]);
	}
	die "neither user postgres nor nobody exists: run as an ordinary user\n";
}

# Ctrl-C: ends what is under way.  An eval may swallow the first die, therefore
# whatever waits looks again.
my $interrupted;

sub interrupt { $interrupted = 1; check_interrupt(); return }

sub check_interrupt
{
	$! = 130;    # the exit code of die
	die "interrupted\n" if $interrupted;
	return;
}

# Starts a program in a session of its own, so that a Ctrl-C on the terminal
# reaches this harness only, which then stops things in order.
# spawn([argv], user => [name, uid, gid], out => file, err => file,
#       env => {...}); returns its pid.
sub spawn
{
	my ($argv, %how) = @_;
	my $pid = fork() // die "cannot fork: $!\n";
	return $pid if $pid;

	# Nothing of the parent's (END blocks, handlers) may run in the child.
	$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM);
	my $ok = eval {
		POSIX::setsid();
		open(STDIN, '<', '/dev/null') or die "/dev/null: $!";
		open(STDOUT, '>>', $how{out} // '/dev/null') or die "$how{out}: $!";
		open(STDERR, '>>', $how{err} // $how{out} // '/dev/null')
		  or die "stderr: $!";
		if (my $user = $how{user})
		{
			my (undef, $uid, $gid) = @$user;
			$) = "$gid $gid";
			$( = $gid;
			POSIX::setuid($uid) or die "setuid: $!";
			chdir '/';
		}
		$ENV{$_} = $how{env}{$_} for keys %{ $how{env} // {} };
		exec { $argv->[0] } @$argv or die "$argv->[0]: $!";
	};
	print STDERR $@ unless $ok;
	POSIX::_exit(127);
}

# Waits for a child until a limit in seconds; returns its wait status, or undef
# if it still runs.
sub reap
{
	my ($pid, $limit) = @_;
	my $until = time + $limit;
	while (time < $until)
	{
		return $? if waitpid($pid, WNOHANG) == $pid;
		sleep 0.005;
	}
	return undef;
}

# Runs a program to its end and returns what it printed; dies with its output
# if it fails or outlives limit (seconds, 600 unless told).
my $serial = 0;

sub capture
{
	my ($argv, %how) = @_;
	check_interrupt();
	my $file = "$how{dir}/out." . $serial++;
	my $pid = spawn($argv, %how, out => $file, err => "$file.err");
	my $limit = $how{limit} // 600;
	my $status = eval { reap($pid, $limit) };
	my $interrupted = $@;
	if (!defined $status)
	{
		kill 'TERM', $pid;
		reap($pid, 5) // do { kill 'KILL', $pid; waitpid($pid, 0) };
	}
	die $interrupted if $interrupted;
	my ($out, $err) = map { -e $_ ? slurp($_) : '' } $file, "$file.err";
	unlink $file, "$file.err";
	die "$argv->[0] did not end within $limit s\n" unless defined $status;
	die "$argv->[0] failed: " . substr($err . $out, -1500) . "\n" if $status;
	return $out;
}

sub slurp
{
	my ($file) = @_;
	open(my $fh, '<:raw', $file) or die "cannot read $file: $!\n";
	local $/;
	return scalar <$fh>;
}

# utime, stime, cutime, cstime in ticks and the parent of a process.
sub process_stat
{
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/stat") or return;
	my $line = <$fh> // return;
	$line =~ s/^.*\)\s+//s;
	my @f = split ' ', $line;
	return { ppid => $f[1], own => $f[11] + $f[12], reaped => $f[13] + $f[14] };
}

# Processor seconds of a process and all its children, those that have ended
# included.  A child that ends while we look would be counted twice or never:
# look again until nobody was reaped meanwhile.
sub children_cpu
{
	my ($parent) = @_;
	for (1 .. 20)
	{
		my $before = process_stat($parent) or die "process $parent is gone\n";
		my $sum = 0;
		opendir(my $proc, '/proc') or die "/proc: $!\n";
		for my $pid (grep { /^\d+$/ } readdir $proc)
		{
			my $stat = process_stat($pid) or next;
			next if $stat->{ppid} != $parent;
			$sum += $stat->{own} + $stat->{reaped};
		}
		my $after = process_stat($parent) or die "process $parent is gone\n";
		next if $after->{reaped} != $before->{reaped};
		return ($sum + $after->{own} + $after->{reaped}) / $TICKS;
	}
	die "processes of $parent end faster than they can be counted\n";
}

# Memory of a process that it shares with nobody, in bytes.
sub private_memory
{
	my ($pid) = @_;
	return slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 * 1024 : 0;
}

# What the figures were taken on: a list of [what, value].
sub describe
{
	my ($server_version, $flush_us) = @_;
	my $cpuinfo = slurp('/proc/cpuinfo');
	my ($model) = $cpuinfo =~ /^model name\s*:\s*(.+)$/m;
	my $cores = () = $cpuinfo =~ /^processor\s*:/mg;
	my ($kb) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
	my ($mhz) = $cpuinfo =~ /^cpu MHz\s*:\s*(\d+)/m;
	my ($sysname, undef, $release, undef, $arch) = POSIX::uname();
	my ($load) = slurp('/proc/loadavg') =~ /^(\S+)/;
	my $os = -e '/etc/os-release' ? slurp('/etc/os-release') : '';
	my ($pretty) = $os =~ /^PRETTY_NAME="?([^"\n]+)/m;
	return (
		[ 'processor', ($model // 'unknown') . ($mhz ? ", $mhz MHz" : '') ],
		[ 'cores', $cores ],
		[ 'memory', sprintf('%.1f GB', $kb / 1024 / 1024) ],
		[ 'system', ($pretty // $sysname) . ", kernel $release, $arch" ],
		[ 'PostgreSQL', $server_version ],
		[ 'flush of 8 kB (fdatasync)', "$flush_us µs, median" ],
		[ 'load average at the start', $load ]);
}

1;
