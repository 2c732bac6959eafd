# Were this to fail, a server that is lost while the directory of destroyed keys is made could
# not go on with it, and a customer whose key was being destroyed would be half there.

use strict;
use warnings;
use CsecEnded;
use CsecFaults;
use CsecSubjectKeys;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

faulty();
my ($node, $keys) = customers_node('tombstones_ended', "restart_after_crash = on\nfsync = on\n");
my $marked = $node->data_dir . '/csec_has_destroyed';
sub as { my ($role, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) }
sub error { my ($role, $sql) = @_; my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]); return $err }
sub status { return $node->safe_psql('postgres', 'SELECT customers, destroyed FROM csec.subject_key_status ORDER BY 1') =~ s/\n/ /r }
sub held { my ($part, $sql, %at) = @_; my $waits = hold_at($part); return at_work($node, $sql, %at, until => sub { my ($pid) = @_; my $who = $waits->(); die "$who waits, not $pid" if $who != $pid }) }
sub let_go { clear_fault('held'); return }

# ---- the directory: as on a server that never had customers with keys ----

$node->safe_psql('postgres', q{
	SELECT csec.unprotect('cust', 'test');
	DELETE FROM csec.subject_key; DELETE FROM csec.subject_space;
	CREATE TABLE more (id int PRIMARY KEY, phone text); INSERT INTO more VALUES (1, '13800001001'); GRANT ALL ON more TO clerk});
my $protect = q{SELECT csec.protect('more', 'id', '{"phone": "phone"}', subject_keys => true)};
foreach my $stage ([ 'made', "$keys/destroyed", 0 ], [ 'made and noted', 'csec_has_destroyed', 1 ])
{
	foreach my $how (@endings)
	{
		rmdir "$keys/destroyed" or die $!;
		unlink $marked or die $!;
		my ($session, $pid) = held($stage->[1], $protect);
		is((-d "$keys/destroyed" ? 1 : 0) . (-e $marked ? 1 : 0), "1$stage->[2]", "the directory is $stage->[0], $how");
		ended($node, $how, $session, $pid, \&let_go);
		$session->quit if $how eq 'cancelled';
		is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.protected_table') . $node->safe_psql('postgres', 'SELECT phone FROM more'), '013800001001', '  and the table as it was');
		$node->safe_psql('postgres', $protect);
		ok(-d "$keys/destroyed" && -e $marked, '  tried again it is protected');
		is(as('clerk', 'SELECT phone FROM more'), '13800001001', '  and shown');
		$node->safe_psql('postgres', q{SELECT csec.unprotect('more', 'test'); DELETE FROM csec.subject_key; DELETE FROM csec.subject_space});
	}
}

# noted, and lost since: no directory is made in its place
rmdir "$keys/destroyed" or die $!;
like(error('postgres', $protect), qr/the directory of destroyed keys, "\Q$keys\E\/destroyed", is not there.*HINT: .*Bring it back/s, 'one that is lost is not made anew');
mkdir "$keys/destroyed", 0700 or die $!;

# ---- a note: from the moment that it may be there ----

$node->safe_psql('postgres', q{SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card"}', subject_keys => true)});
my $there = 50;
my $gone = 0;
my $customer = 0;
foreach my $stage ([ 'on the way to the note', 0 ], [ 'at the note', 1 ])
{
	foreach my $how (@endings)
	{
		$customer++;
		my ($name, $noted) = @$stage;
		my $request = as('one', qq{SELECT csec.destroy_subject_key('cust', '$customer', 'erasure')});
		my ($first, $rest) = $node->safe_psql('postgres', "SELECT replace(csec.subject_pseudonym('cust', '$customer')::text, '-', '')") =~ /^(..)(.*)/;
		my ($session, $pid) = held($noted ? "$keys/destroyed/$first/$rest" : "$keys/destroyed", "SELECT csec.approve_destruction($request)", role => 'two');
		is(-e "$keys/destroyed/$first/$rest" ? 1 : 0, $noted, "$name, $how");
		ended($node, $how, $session, $pid, \&let_go);
		$session->quit if $how eq 'cancelled';
		my $now = $node->safe_psql('postgres', "SELECT state FROM csec.subject_destruction WHERE id = $request");
		my $noticed = -e "$keys/destroyed/$first/$rest" ? '***' : "1380000" . (1000 + $customer);
		is(as('clerk', "SELECT phone::text FROM cust WHERE id = $customer"), $noticed, '  what is shown goes by the note');
		# who is asked to end is past the point: it is carried out
		is($now, $how eq 'killed' ? 'requested' : 'destroyed', '  and so does the request, but where the server was lost');
		as('two', "SELECT csec.approve_destruction($request)") if $now eq 'requested';
		is(as('clerk', "SELECT phone::text FROM cust WHERE id = $customer"), '***', '  in the end the customer is gone');
		($there, $gone) = ($there - 1, $gone + 1);
		is(status(), "$there|$gone", '  and nobody else');
	}
}
# A commit that ends after the note: what it has yet to do waits, here for a temporary table.
foreach my $end ([ 'its approval', sub { as('two', "SELECT csec.approve_destruction($_[0])") } ], [ 'the look at the notes', sub { $node->safe_psql('postgres', 'SELECT csec.apply_tombstones()') } ])
{
	$customer++;
	my ($name, $finish) = @$end;
	my $request = as('one', qq{SELECT csec.destroy_subject_key('cust', '$customer', 'erasure')});
	my ($session, $pid) = session_of($node, 'two');
	$session->query_safe('CREATE TEMP TABLE own (n int) ON COMMIT DELETE ROWS');
	my $own = $node->safe_psql('postgres', 'SELECT ' . $session->query_safe(q{SELECT 'own'::regclass::oid}) . '::regclass');
	my ($holder) = session_of($node);
	$holder->query_safe("BEGIN; LOCK TABLE $own IN ACCESS SHARE MODE");
	$session->query_safe("BEGIN; INSERT INTO own VALUES (1); DO 'BEGIN PERFORM csec.approve_destruction($request); END'");
	$session->query_until(qr/sent/, "\\echo sent\nCOMMIT;\n");
	$node->poll_query_until('postgres', "SELECT cardinality(pg_blocking_pids($pid)) > 0") or die 'the commit does not wait';
	ended($node, 'cancelled', $session, $pid);
	$holder->quit;
	$session->quit;
	is(as('clerk', "SELECT phone::text FROM cust WHERE id = $customer"), '***', 'a commit cancelled after the note: the customer is gone');
	is($node->safe_psql('postgres', 'SELECT customers, noted FROM csec.subject_key_status ORDER BY 1 DESC LIMIT 1'), "$there|1", '  and the status shows it');
	like(error('one', "SELECT csec.withdraw_destruction($request)"), qr/was carried out: the key of this customer is noted as destroyed.*csec\.approve_destruction/s, '  and the request cannot be withdrawn');
	$finish->($request);
	($there, $gone) = ($there - 1, $gone + 1);
	is(status() . ' ' . $node->safe_psql('postgres', "SELECT state, subject IS NULL FROM csec.subject_destruction WHERE id = $request"), "$there|$gone destroyed|t", "  until $name ends it");
	like(error('two', "SELECT csec.approve_destruction($request)"), qr/request $request is destroyed/, '  for good');
}
flush_trail($node);
is(as('clerk', q{SELECT count(*) FROM csec.control_records WHERE action = 'destroy subject key' AND (detail::jsonb ->> 'noted_before')::bool}), '1', 'the trail has the request that the notes ended');
is($node->safe_psql('postgres', 'SELECT * FROM csec.apply_tombstones()'), '0|0', 'table and directory agree');
flush_trail($node);
is(as('clerk', qq{SELECT count(*), count(*) FILTER (WHERE phone::text = '1380000' || 1000 + id) FROM cust WHERE id > $customer}), "$there|$there", 'all others are there');
is_verified($node, 'the trail');
$node->stop;
done_testing();
