# What the tests of work that is ended in its midst share: a session at work that waits,
# and the ways in which it ends.
package CsecEnded;

use strict;
use warnings;
use CsecTrail;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(session_of at_work ended @endings);

our @endings = qw(cancelled terminated killed);

# A session, and its process.
sub session_of
{
	my ($node, $role) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $role // 'postgres' ]);
	$session->query_safe('SET client_min_messages = warning');
	return ($session, $session->query_safe('SELECT pg_backend_pid()'));
}

# A session that has begun a statement, and waits: for another session, or for what $until says.
sub at_work
{
	my ($node, $sql, %at) = @_;
	my ($session, $pid) = session_of($node, $at{role});
	$session->query_until(qr/sent/, "\\echo sent\n$sql;\n");
	if ($at{until})
	{
		$at{until}->($pid);
	}
	else
	{
		$node->poll_query_until('postgres', "SELECT cardinality(pg_blocking_pids($pid)) > 0") or die "it does not wait: $sql";
	}
	return ($session, $pid);
}

# Its statement ends; gives what the client was told.  $let_go: what keeps it from seeing that it is to end.
sub ended
{
	my ($node, $how, $session, $pid, $let_go) = @_;
	my $from = -s $node->logfile;
	if ($how eq 'cancelled')
	{
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$let_go->() if $let_go;
		$session->query('SELECT 1');
		(my $told = $session->{stderr}) =~ s/^psql:.*?: //mg;
		$session->{stderr} = '';
		return $told;
	}
	if ($how eq 'terminated')
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		$let_go->() if $let_go;
		$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)") or die 'it does not end';
	}
	else
	{
		kill 'KILL', $pid or die;
		$let_go->() if $let_go;
		$node->wait_for_log(qr/all server processes terminated; reinitializing.*ready to accept connections/s, $from);
		wait_for_sealer($node);
	}
	eval { $session->{run}->finish };
	return $session->{stderr};
}

1;
