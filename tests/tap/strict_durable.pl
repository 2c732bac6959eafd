# Were this to fail, somebody could learn something of a strict table and nobody
# would know, if the server is lost in the moment after: that nobody of that key is
# there, or what an error tells.  What could save the record by chance, the sealer
# and the walwriter, is stopped, and then all are killed.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;
use Time::HiRes qw(sleep);

my $node = trail_node('durable', restart_after_crash => 'off', autovacuum => 'off');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone);
	INSERT INTO cust VALUES (1, '13800000001'), (2, '13800000002');
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}', audit => 'strict');
	GRANT SELECT, UPDATE ON cust TO clerk;
	CREATE FUNCTION fail_at(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'seen: %', $1; END $$});

# Processes of the server, by their titles.
sub processes
{
	my ($title) = @_;
	my @found;
	foreach my $file (glob '/proc/[0-9]*/stat')
	{
		open my $stat, '<', $file or next;
		my ($pid, $parent) = (<$stat> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		next if $parent != $node->{_pid};
		open my $line, '<', "/proc/$pid/cmdline" or next;
		push @found, $pid if (<$line> // '') =~ $title;
	}
	return @found;
}

# Whether the read is on record although the server is gone once the client was told.
sub survives
{
	my ($name, $statement, @sql) = @_;
	wait_for_sealer($node);
	flush_trail($node);
	my $seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	my $client = CsecWire->connect($node, 'clerk');
	# what a session does at first is over
	$client->query('SELECT 1');
	flush_trail($node);
	hold_still($node, 'SELECT phone FROM cust', processes(qr/csec (sealer|launcher)|walwriter|checkpointer|background writer/));
	if (ref $sql[0])
	{
		$sql[0]->($client);
	}
	else
	{
		$client->query($_) foreach @sql;
	}
	my $server = $node->{_pid};
	kill 'KILL', $server, processes(qr/./);
	sleep 0.1 while kill 0, $server;
	$node->{_pid} = undef;
	$node->start;
	wait_for_sealer($node);
	flush_trail($node);
	is(records($node, "count(*) > 0", "seq > $seen AND login = 'clerk' AND kind = 'read' AND relation = 'public.cust' AND statement = '$statement'"),
		't', $name);
}

survives('a row', 'SELECT', 'SELECT phone FROM cust WHERE id = 1');
survives('that there is none', 'SELECT', 'SELECT phone FROM cust WHERE id = 99');
survives('that there is none, told by a function on its way', 'SELECT', sub {
	my ($client) = @_;
	$client->send_query(q{DO $$ BEGIN IF NOT EXISTS (SELECT FROM cust WHERE id = 99) THEN RAISE NOTICE 'none'; PERFORM pg_sleep(60); END IF; END $$});
	$client->until_type('N') });
survives('what an error tells of a row that nothing has given yet', 'SELECT', 'SELECT phone FROM cust WHERE 1 / (id - 1) > 0');
survives('what an error of a function tells', 'SELECT', 'SELECT fail_at(id) FROM cust WHERE id = 2');
survives('that a change finds nobody', 'UPDATE', q{UPDATE cust SET phone = phone WHERE phone = '13800000009'});
$node->stop;
done_testing();
