# Were this to fail, a server that is lost while a customer's key is destroyed, or made,
# would bring the customer back, lose another one, or let it be said that nothing was done.

use strict;
use warnings;
use CsecSubjectKeys;
use CsecTrail;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $keys) = customers_node('killed', "restart_after_crash = on\n");
sub as { my ($role, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) }
sub error { my ($role, $sql) = @_; my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]); return $err }
sub seen { return as('clerk', "SELECT phone::text FROM cust WHERE id = $_[0]") }
sub told { return as('clerk', "SELECT string_agg(new_value, ',' ORDER BY seq) FROM csec.history('cust', '$_[0]') WHERE column_name = 'phone'") }
sub status { return $node->safe_psql('postgres', 'SELECT customers, destroyed FROM csec.subject_key_status') }
sub state { return $node->safe_psql('postgres', "SELECT state FROM csec.subject_destruction WHERE id = $_[0]") }
sub session { my ($role) = @_; my $s = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $role ]); return ($s, $s->query_safe('SELECT pg_backend_pid()')) }
sub killed
{
	my ($pid) = @_;
	my $from = -s $node->logfile;
	kill 'KILL', $pid or die;
	$node->wait_for_log(qr/all server processes terminated; reinitializing.*ready to accept connections/s, $from);
	wait_for_sealer($node);
}
# what stands in the way of an error that says nothing of the cause
my $path = sub { (my $p = $node->safe_psql('postgres', "SELECT replace(csec.subject_pseudonym('cust', '$_[0]')::text, '-', '')")) =~ s/^(..)/$1\//; return "$keys/destroyed/$p" };

# before the note: nothing has happened
my $request = as('one', q{SELECT csec.destroy_subject_key('cust', '42', 'erasure')});
my ($session, $pid) = session('two');
$session->query_safe("BEGIN; SELECT csec.approve_destruction($request)");
ok(!-e $path->(42), 'approved in a transaction that is open');
killed($pid);
is(seen(42), '13800001042', '  and lost: the customer is there');
flush_trail($node);
is(told(42), '138****1042', '  in the trail as well');
is(status() . ' ' . state($request), '50|0 requested', '  and it can be approved yet');

# Between the note and the commit: a pipe that nobody reads takes the place of the
# note, so the session stops where it is made.
my $note = $path->(42);
(my $above = $note) =~ s{/[^/]*$}{};
mkdir $above, 0700;
POSIX::mkfifo($note, 0600) or die;
($session, $pid) = session('two');
$session->query_until(qr/sent/, "\\echo sent\nSELECT csec.approve_destruction($request);\n");
$node->poll_query_until('postgres', qq{SELECT xmax <> 0 FROM csec.subject_key WHERE pseudonym = csec.subject_pseudonym('cust', '42')}) or die;
killed($pid);
unlink $note;
append_to_file($note, '');
is(seen(42), '***', 'with the note alone: the customer is gone');
is(seen(41), '13800001041', '  nobody else is');
flush_trail($node);
is(told(42), '***', '  from the trail as well');
is(status() . ' ' . state($request), '50|0 requested', '  and the request is open');
like(error('clerk', q{UPDATE cust SET phone = '13900000042' WHERE id = 42}), qr/the key of this customer .* was destroyed/, '  nothing new is kept of it');
like(error('one', "SELECT csec.withdraw_destruction($request)"), qr/request $request was carried out: the key of this customer is noted as destroyed.*HINT: .*csec\.approve_destruction/s, '  it cannot be said that it was withdrawn');
as('two', "SELECT csec.approve_destruction($request)");
is(status() . ' ' . state($request), '49|1 destroyed', '  but be approved again');
is(seen(42), '***', '  which ends it');

# where it lapsed meanwhile, it is asked for anew
$request = as('one', q{SELECT csec.destroy_subject_key('cust', '43', 'erasure')});
($note = $path->(43)) =~ m{^(.*)/};
mkdir $1, 0700;
append_to_file($note, '');
$node->safe_psql('postgres', qq{ALTER TABLE csec.subject_destruction DISABLE TRIGGER destruction_rules;
	UPDATE csec.subject_destruction SET requested_at = now() - interval '49 hours' WHERE id = $request; ALTER TABLE csec.subject_destruction ENABLE ALWAYS TRIGGER destruction_rules});
$request = as('one', q{SELECT csec.destroy_subject_key('cust', '43', 'erasure')});
as('two', "SELECT csec.approve_destruction($request)");
is(status() . ' ' . state($request), '48|2 destroyed', 'a request that lapsed with the key gone is made anew');

# After the commit record is written the client may not know. Others do.
$request = as('one', q{SELECT csec.destroy_subject_key('cust', '44', 'erasure')});
as('two', "SELECT csec.approve_destruction($request)");
$node->stop('immediate');
$node->start;
is(seen(44) . ' ' . status() . ' ' . state($request), '*** 47|3 destroyed', 'after an immediate stop');

# a key that is being made: it goes with what is under it
($session, $pid) = session('clerk');
$session->query_safe(q{BEGIN; INSERT INTO cust VALUES (51, '13800001051')});
$node->safe_psql('postgres', 'CREATE TABLE written (); CHECKPOINT');
killed($pid);
is(seen(51) . ' ' . status(), ' 47|3', 'a customer whose key was being made is not there, nor is the key');
as('clerk', q{INSERT INTO cust VALUES (51, '13800001051')});
is(seen(51) . ' ' . status(), '13800001051 48|3', '  and can be made again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.check_envelopes('cust') WHERE problem <> 'destroyed_key'}), '0', '  and all opens that was not destroyed');
is_verified($node, 'the trail');
$node->stop;
done_testing();
