# A client that speaks PostgreSQL's protocol itself, to do what libpq does not:
# take rows one by one, leave a portal half fetched, be gone without a word.
package CsecWire;

use strict;
use warnings;
use IO::Socket::UNIX;

sub connect
{
	my ($class, $node, $user, $db) = @_;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	my $socket = IO::Socket::UNIX->new(Peer => $path) or die "cannot connect to $path: $!";
	my $self = bless { socket => $socket }, $class;
	my $body = pack('N', 196608) . join("\0", 'user', $user, 'database', $db // 'postgres', '', '');
	$self->put(pack('N', 4 + length $body) . $body);
	$self->until_ready;
	return $self;
}

sub put { my ($self, $bytes) = @_; $self->{socket}->syswrite($bytes) // die "cannot send: $!" }

sub message
{
	my ($self, $type, $body) = @_;
	$self->put($type . pack('N', 4 + length $body) . $body);
}

sub get
{
	my ($self, $n) = @_;
	my $bytes = '';
	while (length $bytes < $n)
	{
		my $got = $self->{socket}->sysread($bytes, $n - length $bytes, length $bytes);
		die 'the server has closed the connection' unless $got;
	}
	return $bytes;
}

# The next message: its type and body.  Backend keys are kept on the way.
sub next
{
	my ($self) = @_;
	my ($type, $len) = unpack 'aN', $self->get(5);
	my $body = $self->get($len - 4);
	$self->{pid} = unpack 'N', $body if $type eq 'K';
	return ($type, $body);
}

# Read until one of these types comes; gives all types that came.
sub until_type
{
	my ($self, $types) = @_;
	my $came = '';
	for (;;)
	{
		my ($type, $body) = $self->next;
		$came .= $type;
		$self->{error} = $body if $type eq 'E';
		$self->{row} = $body if $type eq 'D';
		return $came if index($types, $type) >= 0;
	}
}

# The bytes of the row that came last.
sub last_row { return $_[0]->{row} }

sub until_ready { return $_[0]->until_type('Z') }

sub send_query { my ($self, $sql) = @_; $self->message('Q', "$sql\0") }

sub query { my ($self, $sql) = @_; $self->send_query($sql); return $self->until_ready }

# A portal over a statement, unnamed; then rows from it, as many as asked for.
sub portal
{
	my ($self, $sql) = @_;
	$self->message('P', "\0$sql\0" . pack('n', 0));
	$self->message('B', "\0\0" . pack('nnn', 0, 0, 0));
}

# Gives the types of the messages that came: s means suspended, C complete.
sub execute
{
	my ($self, $rows) = @_;
	$self->message('E', "\0" . pack('N', $rows));
	$self->message('H', '');
	return $self->until_type('sCE');
}

sub close_portal { $_[0]->message('C', "P\0") }
sub sync { my ($self) = @_; $self->message('S', ''); return $self->until_ready }

# Not a word of goodbye.
sub vanish { $_[0]->{socket}->close }

1;
