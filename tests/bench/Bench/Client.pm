# A client that speaks just enough of PostgreSQL's protocol to time one
# statement and throw its result away.  libpq would keep a result of a million
# rows in memory and psql would format it: on two cores that is measured too.
package Bench::Client;

use strict;
use warnings;

use IO::Socket::UNIX;
use Time::HiRes qw(time);

# new(socket => path, user =>, database =>, options => '-c ...').  The servers
# trust their socket, which lies in a folder of the harness.
sub new
{
	my ($class, %arg) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => $arg{socket})
	  or die "cannot connect to $arg{socket}: $!\n";
	my $self = bless { sock => $sock, buf => '' }, $class;
	my %set = (
		user => $arg{user},
		database => $arg{database},
		application_name => 'bench',
		client_encoding => 'UTF8',
		options => $arg{options} // '');
	my $body = pack('N', 196608)
	  . join('', map { "$_\0$set{$_}\0" } sort keys %set) . "\0";
	$self->put(pack('N', 4 + length $body) . $body);
	$self->until_ready;
	return $self;
}

sub put
{
	my ($self, $data) = @_;
	my $at = 0;
	while ($at < length $data)
	{
		my $n = syswrite($self->{sock}, $data, length($data) - $at, $at);
		die "connection lost: $!\n" unless $n;
		$at += $n;
	}
}

# Next whole message: (type, body).
sub message
{
	my ($self) = @_;
	while (1)
	{
		if (length $self->{buf} >= 5)
		{
			my ($type, $len) = unpack('aN', $self->{buf});
			if (length $self->{buf} > $len)
			{
				my $body = substr($self->{buf}, 5, $len - 4);
				substr($self->{buf}, 0, $len + 1) = '';
				return ($type, $body);
			}
		}
		sysread($self->{sock}, $self->{buf}, 65536, length $self->{buf})
		  or die "connection lost\n";
	}
}

# The primary message of an ErrorResponse.
sub error_text
{
	my %field = map { substr($_, 0, 1) => substr($_, 1) }
	  grep { length } split /\0/, $_[0];
	return "$field{M} ($field{C})" . ($field{H} ? ": $field{H}" : '');
}

# Reads up to ReadyForQuery; returns the rows, dies with the server's error.
sub until_ready
{
	my ($self) = @_;
	my (@rows, $error);
	while (1)
	{
		my ($type, $body) = $self->message;
		if ($type eq 'D')
		{
			my ($n, $at, @row) = (unpack('n', $body), 2);
			for (1 .. $n)
			{
				my $len = unpack('N', substr($body, $at, 4));
				$at += 4;
				if ($len == 0xFFFFFFFF) { push @row, undef; next }
				push @row, substr($body, $at, $len);
				$at += $len;
			}
			push @rows, \@row;
		}
		elsif ($type eq 'E') { $error //= error_text($body) }
		elsif ($type eq 'R')
		{
			die "the server asks for a password\n" if unpack('N', $body);
		}
		elsif ($type eq 'Z') { last }
	}
	die "$error\n" if defined $error;
	return @rows;
}

# Runs SQL and returns its rows.
sub query
{
	my ($self, $sql) = @_;
	$self->put('Q' . pack('N', 5 + length $sql) . "$sql\0");
	return $self->until_ready;
}

# Sends SQL and does not wait; until_ready() does.
sub start
{
	my ($self, $sql) = @_;
	$self->put('Q' . pack('N', 5 + length $sql) . "$sql\0");
}

# First column of the first row.
sub value { return ($_[0]->query($_[1]))[0][0] }

# Runs one statement, throws away what it returns, and gives the seconds until
# the server is ready again.  Only the tail of the stream is looked at: parsing
# every row here would cost more than the server's work.
sub drain
{
	my ($self, $sql) = @_;
	my $start = time;
	$self->put('Q' . pack('N', 5 + length $sql) . "$sql\0");
	my ($buf, $tail) = ('', '');
	while (sysread($self->{sock}, $buf, 1 << 18))
	{
		$tail = substr($tail . $buf, -4096);
		next if $tail !~ /Z\0\0\0\x05[ITE]\z/;
		my $seconds = time - $start;
		return $seconds if $tail =~ /C\0\0\0.[A-Z]+[A-Z0-9 ]*\0Z\0\0\0\x05I\z/s;
		my ($error) = $tail =~ /E....(S[^\0]+\0.*?)\0\0Z\0\0\0\x05[ITE]\z/s;
		die( (defined $error ? error_text($error) : 'no command tag') . "\n");
	}
	die "connection lost\n";
}

# COPY ... FROM STDIN of the text given by reference; seconds as in drain.
sub copy_in
{
	my ($self, $sql, $data) = @_;
	my $start = time;
	$self->put('Q' . pack('N', 5 + length $sql) . "$sql\0");
	while (1)
	{
		my ($type, $body) = $self->message;
		last if $type eq 'G';
		if ($type eq 'E') { eval { $self->until_ready }; die error_text($body) . "\n" }
	}
	for (my $at = 0; $at < length $$data; $at += 65536)
	{
		my $chunk = substr($$data, $at, 65536);
		$self->put('d' . pack('N', 4 + length $chunk) . $chunk);
	}
	$self->put('c' . pack('N', 4));
	$self->until_ready;
	return time - $start;
}

# COPY ... TO STDOUT, kept; returns a reference to the bytes.
sub copy_out
{
	my ($self, $sql) = @_;
	$self->put('Q' . pack('N', 5 + length $sql) . "$sql\0");
	my ($data, $error) = ('');
	while (1)
	{
		my ($type, $body) = $self->message;
		if ($type eq 'd') { $data .= $body }
		elsif ($type eq 'E') { $error = error_text($body) }
		elsif ($type eq 'Z') { last }
	}
	die "$error\n" if defined $error;
	return \$data;
}

sub close
{
	my ($self) = @_;
	my $sock = delete $self->{sock} or return;
	syswrite($sock, 'X' . pack('N', 4));
	$sock->close;
}

1;
