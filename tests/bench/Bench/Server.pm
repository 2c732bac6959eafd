# One PostgreSQL server with a data directory and a socket of its own, that
# belongs to one variant.  Started and stopped by its own process id.
package Bench::Server;

use strict;
use warnings;

use Bench::Client;
use Bench::Host qw(server_user spawn capture reap children_cpu slurp);
use Time::HiRes qw(time sleep);

# The same for everybody.  Nothing may run but what is measured: no autovacuum,
# no timed checkpoint (each measurement begins after one), no JIT and no
# parallel query, which would make two servers differ by chance.
my %COMMON = (
	listen_addresses => "''",
	fsync => 'on',
	synchronous_commit => 'on',
	full_page_writes => 'on',
	wal_level => 'replica',
	shared_buffers => "'256MB'",
	max_connections => 50,
	checkpoint_timeout => "'1d'",
	max_wal_size => "'4GB'",
	min_wal_size => "'1GB'",
	log_checkpoints => 'off',
	autovacuum => 'off',
	jit => 'off',
	max_parallel_workers_per_gather => 0);

my %running;    # pid => server

# new(name =>, dir => scratch folder, tree =>, conf => {...},
#     control_options => options of the connection that prepares and accounts)
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {%arg}, $class;
	$self->{data} = "$arg{dir}/$arg{name}";
	$self->{log} = "$arg{dir}/$arg{name}.log";
	$self->{socket} = "$arg{dir}/s/$arg{name}";
	return $self;
}

sub start
{
	my ($self) = @_;
	my @user = server_user();
	my @as = @user ? (user => \@user) : ();
	my $template = "$self->{dir}/template";
	if (!-e "$template/PG_VERSION")
	{
		capture(
			[   "$self->{tree}{bin}/initdb", '-D', $template, '-U', 'postgres',
				'-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'
			],
			dir => $self->{dir}, @as);
	}
	system('cp', '-a', $template, $self->{data}) == 0
	  or die "cannot copy the template\n";
	mkdir $_ for "$self->{dir}/s", $self->{socket};
	chown $user[1], $user[2], $self->{socket} if @user;

	my %conf = (
		%COMMON,
		cluster_name => "'bench_$self->{name}'",
		unix_socket_directories => "'$self->{socket}'",
		%{ $self->{conf} // {} });
	open(my $fh, '>>', "$self->{data}/postgresql.conf") or die "conf: $!\n";
	print $fh map { "$_ = $conf{$_}\n" } sort keys %conf;
	close $fh;

	$self->{pid} = spawn([ "$self->{tree}{bin}/postgres", '-D', $self->{data} ],
		out => $self->{log}, @as);
	$running{ $self->{pid} } = $self;
	$self->wait_ready;
	$self->psql('postgres', '-c', 'CREATE DATABASE bench');
	return $self;
}

sub wait_ready
{
	my ($self) = @_;
	my $until = time + 60;
	while (time < $until)
	{
		Bench::Host::check_interrupt();
		if (defined reap($self->{pid}, 0.02))
		{
			delete $running{ $self->{pid} };
			my ($why) = slurp($self->{log}) =~ /(?:FATAL|PANIC):\s+(.*)/;
			die 'the server does not start: '
			  . ($why // substr(slurp($self->{log}), -500)) . "\n";
		}
		return if eval { $self->connect(database => 'postgres')->close; 1 };
	}
	die "the server is not ready after 60 s\n";
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	if (my $control = delete $self->{control}) { eval { $control->close } }
	delete $running{$pid};
	kill 'INT', $pid;
	return if defined reap($pid, 60);
	print STDERR "server $self->{name} does not stop: immediate shutdown\n";
	kill 'QUIT', $pid;
	reap($pid, 20) // do { kill 'KILL', $pid; waitpid($pid, 0) };
	return;
}

sub stop_all
{
	local ($?, $@);
	$_->stop for values %running;
	return;
}

# connect(user =>, database =>, options =>)
sub connect
{
	my ($self, %arg) = @_;
	return Bench::Client->new(
		socket => "$self->{socket}/.s.PGSQL.5432",
		user => 'postgres',
		database => 'bench',
		%arg);
}

# The connection that prepares and accounts, kept open: a new one for each
# question would be counted in the processor time.
sub control
{
	my ($self) = @_;
	return $self->{control} //= $self->connect(
		options => join ' ',
		'-c statement_timeout=600s',
		$self->{control_options} // ());
}

# psql's own arguments (-c, -f, -v) after the database.
sub psql
{
	my ($self, $database, @arguments) = @_;
	return capture(
		[   "$self->{tree}{bin}/psql", '-X', '-q', '-v', 'ON_ERROR_STOP=1',
			'-h', $self->{socket}, '-U', 'postgres', '-d', $database, @arguments
		],
		dir => $self->{dir});
}

sub cpu { return children_cpu($_[0]{pid}) }

sub wal_position
{
	return $_[0]->control->value('SELECT pg_current_wal_insert_lsn()');
}

# Bytes of WAL between two positions: (records, page images).  The images say
# how long ago the last checkpoint was, and little of the work.
sub wal_between
{
	my ($self, $from, $to) = @_;
	my $control = $self->control;
	my $order = $control->value("SELECT '$from'::pg_lsn < '$to'::pg_lsn");
	return (0, 0) if $order ne 't';
	my $until = time + 10;
	# at the end of a page the next position lies behind the header of a page
	# (40 bytes at most) that nobody writes before there is something on it
	until ($control->value("SELECT pg_current_wal_flush_lsn() >= '$to'::pg_lsn - 40") eq 't')
	{
		die "WAL up to $to is not flushed after 10 s\n" if time > $until;
		sleep 0.05;
	}
	$to = $control->value("SELECT least('$to', pg_current_wal_flush_lsn())");
	return @{ ($control->query(
				'SELECT coalesce(sum(record_size), 0), coalesce(sum(fpi_size), 0)'
				  . " FROM pg_get_wal_stats('$from', '$to')"))[0] };
}

1;
