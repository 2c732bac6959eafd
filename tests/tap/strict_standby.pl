# Were this to fail, a reader of a strict table could see to it that the standby which
# takes over from a lost server has no record of what he was shown.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('first', 'csec.heartbeat_interval' => '0');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone);
	INSERT INTO cust VALUES (1, '13800000001'), (2, '13800000002');
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}', audit => 'strict');
	GRANT SELECT, UPDATE ON cust TO clerk});
$node->backup('second');
my $standby = PostgreSQL::Test::Cluster->new('second');
$standby->init_from_backup($node, 'second', has_streaming => 1);
chmod 0600, $standby->data_dir . '/csec_embedded.key';
$standby->start;
$node->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$node->reload;
sub synchronous { $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'") or die 'no standby' }
synchronous();

# What the server does for the clerk, once it does nothing more by itself.
sub comes_to
{
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'clerk' AND (wait_event = 'SyncRep' OR state <> 'active')}) or die 'neither';
	return $node->safe_psql('postgres', q{SELECT CASE WHEN wait_event = 'SyncRep' THEN 'waits' ELSE 'is done' END FROM pg_stat_activity WHERE usename = 'clerk'});
}

foreach my $way ([ 'as the server has it' ], [ 'without', 'SET synchronous_commit = off' ], [ 'for this server alone', 'SET synchronous_commit = local' ],
	[ 'before it is on disk there', 'SET synchronous_commit = remote_write' ])
{
	my ($name, @settings) = @$way;
	my $client = CsecWire->connect($node, 'clerk');
	$client->query($_) foreach 'SELECT 1', @settings;
	$client->query('SELECT phone FROM cust WHERE id = 2');
	$standby->stop;
	$client->send_query('SELECT phone FROM cust WHERE id = 1');
	is(comes_to(), 'waits', "a commit waits $name: a strict read waits for the standby");
	$standby->start;
	is($client->until_ready, 'TDCZ', '  and is answered when that has the record');
	synchronous();
	$client->vanish;
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'clerk'}) or die 'stays';
}

# who does not want to wait is not shown it
foreach my $way ([ 'whose time is up', sub { $_[0]->query("SET statement_timeout = '500ms'") }, sub { } ],
	[ 'who cancels', sub { }, sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'") } ])
{
	my ($name, $before, $then) = @$way;
	my $client = CsecWire->connect($node, 'clerk');
	$client->query('SELECT 1');
	$before->($client);
	$standby->stop;
	$client->send_query('SELECT phone FROM cust WHERE id = 1');
	is(comes_to(), 'waits', "a reader $name ...") if $name eq 'who cancels';
	$then->();
	my $came = $client->until_ready;
	unlike($came, qr/D/, "a reader $name while the standby is away is shown nothing");
	like($came, qr/E/, '  and told why');
	like($client->{error}, qr/C57014.*its record did not reach a synchronous standby/s, '  in these words');
	$standby->start;
	synchronous();
	is($client->query('SELECT phone FROM cust WHERE id = 1'), 'TDCZ', '  until it is back');
	$client->vanish;
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'clerk'}) or die 'stays';
}
# nor is he who catches that, and goes on
my $client = CsecWire->connect($node, 'clerk');
$client->query("SET statement_timeout = '500ms'");
$standby->stop;
my $from = -s $node->logfile;
$client->send_query(q{
	DO $$
	DECLARE
		p text;
	BEGIN
		BEGIN
			SELECT phone::text INTO p FROM cust WHERE id = 1;
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
		SELECT phone::text INTO p FROM cust WHERE id = 2;
		RAISE NOTICE '%', p;
	END $$});
$node->wait_for_log(qr/canceling wait for synchronous replication/, $from);
is(comes_to(), 'waits', 'who catches the error waits with the next read');
$standby->start;
like($client->until_ready, qr/N.*CZ$/, '  until the standby is back');
$client->vanish;
synchronous();
flush_trail($node);
is_verified($node, 'the trail');
$standby->stop;
$node->stop;
done_testing();
