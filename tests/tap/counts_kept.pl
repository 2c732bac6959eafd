# Were this to fail, a restart or a crash of the server, or a clock that is set back, would
# give who tries values, or claims what is not so, all his guesses back.

use strict;
use warnings;
use CsecFaults;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();

faulty();
my $node = trail_node('counts', restart_after_crash => 'on');
$node->safe_psql('postgres', q{
	CREATE ROLE low LOGIN;
	ALTER ROLE low SET csec.probe_quota = 5;
	ALTER ROLE low SET csec.match_failures = 2;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, name csec.person_name);
	INSERT INTO cust VALUES (1, '13812345678', 'Zhang Wei');
	SELECT csec.protect('cust', 'id');
	GRANT SELECT ON cust TO low;
	GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO low});

# What becomes of trying n values, and of a claim.
sub try_values
{
	my ($n, $role) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', join(';', map { "SELECT id FROM cust WHERE phone = '1381234567$_'" } 1 .. $n),
		extra_params => [ '-U', $role // 'low' ], on_error_stop => 1);
	return $err =~ /too many values tried/ ? 'stopped' : $err eq '' ? 'went on' : $err;
}
sub claim
{
	my ($ret, $out, $err) = $node->psql('postgres', qq{SELECT csec.match_customer('cust', '1', '{"name": "$_[0]", "phone": "13812345678"}')},
		extra_params => [ '-U', 'low' ]);
	return $err =~ /locked/ ? 'locked' : $err eq '' ? $out : $err;
}

is(try_values(4), 'went on', 'within the quota');
is(claim('Li Si'), 'f', 'a claim that is not so');
$node->restart;
is(try_values(3), 'stopped', 'after a restart, the rest of the quota');
is(claim('Wang Wu'), 'f', 'and of the claims');
is(claim('Zhang Wei'), 'locked', 'are all there is');
$node->restart;
is(try_values(1), 'stopped', 'and after another');
is(claim('Zhang Wei'), 'locked', 'who is locked is so still');

# a crash gives nothing back either: of all, of one session, in the middle of trying
$node->stop('immediate');
$node->start;
is(try_values(1), 'stopped', 'after an immediate stop');
is(claim('Zhang Wei'), 'locked', 'and of who is locked');
$node->safe_psql('postgres', 'CREATE ROLE other LOGIN; ALTER ROLE other SET csec.probe_quota = 5; GRANT SELECT ON cust TO other');
sub other { return try_values($_[0], 'other') }
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'other' ], on_error_stop => 0);
$session->query("SELECT id FROM cust WHERE phone = '1381234560$_'") foreach 1 .. 4;
my $from = -s $node->logfile;
my $pid = $session->query_safe('SELECT pg_backend_pid()');
kill 'KILL', $pid;
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $from);
eval { $session->quit };
$node->poll_query_until('postgres', 'SELECT true') or die 'no server';
is(other(1), 'went on', 'after a crash the one value that is left');
is(other(1), 'stopped', 'and no other');

# many sessions at once have no guess more than one
my $claims = PostgreSQL::Test::Utils::tempdir . '/claims.sql';
append_to_file($claims, q{SELECT csec.match_customer('cust', '1', '{"name": "a", "phone": "1"}');});
$node->safe_psql('postgres', q{CREATE ROLE racer LOGIN; GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO racer});
IPC::Run::run([ 'pgbench', '-n', '-c', 5, '-j', 2, '-t', 20, '-f', $claims, '-U', 'racer', '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \my $raced, '2>', \my $stopped);
is(scalar(() = $stopped =~ /too many claims/g), 5, 'all of many sessions at once are stopped') or diag "$raced $stopped";
flush_trail($node);
is(records($node, 'count(*)', q{action = 'match' AND login = 'racer'}), '5', '  after as many claims as one has');

# a clock that is set back gives nobody his guesses back, and locks nobody for years; so does
# one that a session read before another came first
set_fault('clock', 86400);
$node->safe_psql('postgres', 'CREATE ROLE late LOGIN; ALTER ROLE late SET csec.probe_quota = 5; GRANT SELECT ON cust TO late;
	CREATE ROLE liar LOGIN; GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO liar');
sub lies
{
	my ($n) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', join(';', map { q{SELECT csec.match_customer('cust', '1', '{"name": "a", "phone": "1"}')} } 1 .. $n),
		extra_params => [ '-U', 'liar' ], on_error_stop => 1);
	return $err =~ /too many claims/ ? 'locked' : $err eq '' ? 'went on' : $err;
}
is(try_values(4, 'late'), 'went on', 'within the quota, before the clock is set back');
is(lies(4), 'went on', '  and of the claims');
set_fault('clock', 86399);
is(try_values(2, 'late'), 'stopped', 'after it was set back there is what was left');
is(lies(2), 'locked', '  and of the claims');
set_fault('clock', -400 * 86400);
is(try_values(1, 'late'), 'stopped', 'set back by more than a year: stopped');
is(lies(1), 'locked', '  and locked');
set_fault('clock', -400 * 86400 + 3700);
is(try_values(4, 'late'), 'went on', 'for an hour from then on');
is(lies(4), 'went on', '  and not for years');
clear_fault('clock');

# what is damaged counts nothing, and the log says so; the rest counts
$node->stop;
my @files = sort glob($node->data_dir . '/pg_stat/csec_*.stat');
is(scalar(@files), 2, 'they are kept in files');
foreach my $file (@files)
{
	open my $f, '+<', $file or die $!;
	# of an entry that nobody has
	seek $f, -10, 2;
	print $f "damage";
	close $f;
}
$from = -s $node->logfile;
$node->start;
my $said = () = slurp_file($node->logfile, $from) =~ /ignoring 1 damaged counts in file "pg_stat\/csec_\w+\.stat"/g;
is($said, 2, 'a damaged entry is ignored, and the log says so');
is(try_values(1), 'stopped', 'the others count');
$node->stop;
truncate $_, 100 foreach @files;
$from = -s $node->logfile;
$node->start;
$said = () = slurp_file($node->logfile, $from) =~ /ignoring file "pg_stat\/csec_\w+\.stat": it has another size/g;
is($said, 2, 'so is a file of another form');
is(try_values(5), 'went on', 'and counting begins anew');
is(try_values(1), 'stopped', 'in a file that is right again');

# what cannot be counted cannot be tried
$node->stop;
rename $files[1], "$files[1].away" or die;
$node->start;
unlink $files[1] or die;
like(other(1), qr/could not open file "pg_stat\/csec_probe\.stat"/, 'without the file nothing is tried');
$node->stop;
done_testing();
