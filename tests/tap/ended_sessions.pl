# Were this to fail, reads that are told as a number would not be told where their
# session is ended, or what is cancelled in the middle would be half done.
use strict;
use warnings;
use CsecTrail;
use CsecWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('ended_sessions', fsync => 'on', restart_after_crash => 'on');

sub sql { return $node->safe_psql('postgres', $_[0]) }

sql(q{
	CREATE TABLE cust (id int PRIMARY KEY, city text, phone text);
	INSERT INTO cust SELECT g, 'x', '138' || lpad(g::text, 8, '0') FROM generate_series(1, 50) g;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	SELECT csec.set_coalescing('cust', '1 hour');
	CREATE ROLE clerk LOGIN;
	GRANT SELECT ON cust TO clerk});

# A session that has read the same customer four times; its process.
sub reader
{
	my ($name) = @_;
	my $session = CsecWire->connect($node, 'clerk');
	$session->query("SET application_name = '$name'");
	$session->query('SELECT city FROM cust WHERE id = 42') for 1 .. 4;
	return $session;
}
sub pid_of { return sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$_[0]'") }
sub gone { return $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '$_[0]'") }
sub end_it { my $pid = pid_of($_[0]); sql("SELECT pg_terminate_backend($pid)"); gone($_[0]) or die "$_[0] goes on"; return }

# Reads in all, how many of them told as a number, and of how many a failure.
sub told
{
	sql('SELECT csec.flush_audit()');
	return sql(qq{SELECT sum(coalesce(repeats, 1)), sum(repeats), count(*) FILTER (WHERE status <> 'ok')
		FROM csec.access_records WHERE relation = 'public.cust' AND application = '$_[0]'});
}

my %session;
my @ways = (
	['idle', undef],
	['in a transaction', [ 'BEGIN', 'SELECT city FROM cust WHERE id = 42' ]],
	['in a failed one', [ 'BEGIN', 'SELECT city FROM cust WHERE id = 42', 'SELECT 1/0' ]],
	['with a cursor', [ 'BEGIN', 'DECLARE c CURSOR FOR SELECT city FROM cust', 'FETCH 2 FROM c' ]]);
foreach my $way (@ways)
{
	my ($name, $statements) = @$way;
	$session{$name} = reader($name);
	eval { $session{$name}->query($_) } for @{ $statements // [] };
	end_it($name);
}
is(told('idle'), '4|3|0', 'of a session that is ended the number is told');
is(told('in a transaction'), '5|4|0', '  within a transaction, too');
is(told('in a failed one'), '5|4|0', '  and one that has failed');
is(told('with a cursor'), '5|3|0', '  and beside a cursor that is open');

# in the midst of a read
$session{running} = reader('running');
$session{running}->send_query('SELECT city, pg_sleep(600) FROM cust WHERE id = 42');
$node->poll_query_until('postgres', q{SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE application_name = 'running'}) or die 'does not run';
end_it('running');
is(told('running'), '5|3|1', '  and while it reads, which is on record as well');

# by its own timeouts
foreach my $timeout ('idle_session_timeout', 'idle_in_transaction_session_timeout')
{
	$session{$timeout} = reader($timeout);
	$session{$timeout}->query("SET $timeout = '1ms'") if $timeout eq 'idle_session_timeout';
	eval { $session{$timeout}->query("BEGIN; SET $timeout = '1ms'") } if $timeout ne 'idle_session_timeout';
	gone($timeout) or die 'stays';
	is(told($timeout), '4|3|0', "  by $timeout");
}
$session{vanished} = reader('vanished');
$session{vanished}->vanish;
gone('vanished') or die 'stays';
is(told('vanished'), '4|3|0', '  and where the client is gone');

# with the server
$session{stop} = reader('stop');
$node->stop('fast');
$node->start;
is(told('stop'), '4|3|0', 'of all sessions where the server is stopped');

# what is cancelled in the middle goes on, by whoever calls it next; the other is not done at all
my $holder = CsecWire->connect($node, 'postgres');
$holder->query('BEGIN');
$holder->query('LOCK TABLE cust IN ROW EXCLUSIVE MODE');
my (undef, undef, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT csec.apply('{"categories": {"city": {"level": "general"}},
	"tables": {"public.cust": {"subject": "id", "fields": {"phone": "phone", "city": "address"}}}, "clearances": [{"role": "clerk", "level": "important"}]}')});
like($err, qr/lock timeout/, 'csec.apply() waits for a table');
$holder->query('COMMIT');
is(sql(q{SELECT (SELECT count(*) FROM csec.category WHERE name = 'city'), (SELECT count(*) FROM csec.clearance), (SELECT string_agg(attname, ',') FROM csec.protected_field)}),
	'0|0|phone', '  and has done nothing when it gives up');

sql(q{CREATE TABLE big (id int PRIMARY KEY, phone text); INSERT INTO big SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 50) g});
$holder->query('BEGIN');
$holder->query(q{INSERT INTO big VALUES (51, '13812345678')});
my $call = q{CALL csec.protect_online('big', '{id}', '{"phone": "phone"}', batch => 10)};
(undef, undef, $err) = $node->psql('postgres', "SET lock_timeout = '100ms'; $call");
like($err, qr/lock timeout/, 'csec.protect_online() waits for its table');
$holder->query('COMMIT');
my $first = CsecWire->connect($node, 'postgres');
$first->query($call);
is(sql(q{SELECT count(*), count(*) FILTER (WHERE csec.category_of(phone) = 'phone'), (SELECT count(*) FROM csec.migration) FROM big}), '51|51|0', '  and another session ends it');
# also while the session that called it is still there; one that is at work is left alone
sql(q{CREATE TABLE keyed (id int PRIMARY KEY, phone csec.encrypted(phone)); SELECT csec.protect('keyed', 'id');
	INSERT INTO keyed SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 20) g});
sql(q{CALL csec.rotate_key('data', 'old')});
$holder->query('BEGIN');
$holder->query('SELECT id FROM keyed WHERE id = 7 FOR UPDATE');
$first->send_query(q{CALL csec.reencrypt('keyed', 5, patience => '1 hour')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.reencrypt_progress WHERE state = 'waiting'}) or die 'does not wait';
(undef, undef, $err) = $node->psql('postgres', q{CALL csec.reencrypt('keyed', 5)});
like($err, qr/process \d+ is re-encrypting/, 'csec.reencrypt() does not meddle with one that is at work');
sql('SELECT pg_cancel_backend(pid) FROM csec.reencryption');
eval { $first->until_ready };
$node->poll_query_until('postgres', q{SELECT a.state = 'idle' FROM csec.reencrypt_progress p JOIN pg_stat_activity a USING (pid)}) or die 'goes on';
is(sql('SELECT state, pid IS NULL FROM csec.reencryption'), 'waiting|t', '  and that it was cancelled is seen');
$holder->query('COMMIT');
sql(q{CALL csec.reencrypt('keyed', 5)});
is(sql(q{SELECT state, values_left, (SELECT count(*) FROM csec.encryption_share('keyed') WHERE NOT current) FROM csec.reencryption}), 'done|0|0',
	'  so another session ends it, while the first one is there');
is(sql('SELECT count(*) FROM csec.verify_trail() WHERE problem IS NOT NULL'), '0', 'the trail verifies');

done_testing();
