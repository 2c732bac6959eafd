# Were this to fail, a client that takes its rows slowly would have some that
# the trail forgets when the server is lost (B.3).

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;

# So long an interval that nothing is emitted for its sake.
my $node = trail_node('slow', 'csec.audit_flush_interval' => '60s');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, pad text);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0'), repeat('x', i % 500) FROM generate_series(1, 20000) i;
	INSERT INTO cust VALUES (20001, '13800020001', repeat('x', 1000000));
	ALTER TABLE cust ALTER pad SET STORAGE external;
	CREATE TABLE code (id text PRIMARY KEY, pad text);
	INSERT INTO code SELECT 'c' || i, repeat('x', i % 500) FROM generate_series(1, 20000) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	SELECT csec.protect('code', 'id');
	GRANT SELECT ON cust, code TO clerk});

# How many rows a client gets until the server is gone.
sub rows_got
{
	my ($client) = @_;
	my $rows = 0;
	eval {
		for (;;)
		{
			my ($type) = $client->next;
			$rows++ if $type eq 'D' || $type eq 'd';
		}
	};
	return $rows;
}

my %queries = (
	'SELECT' => [ 'cust', 'SELECT id, phone, pad FROM cust ORDER BY id' ],
	'COPY' => [ 'cust', 'COPY (SELECT id, phone, pad FROM cust ORDER BY id) TO STDOUT' ],
	'one long row' => [ 'cust', 'SELECT pad FROM cust WHERE id = 20001' ],
	'keys that are texts' => [ 'code', 'SELECT id, pad FROM code' ],
	'a function' => [ 'cust', q{SELECT (SELECT phone FROM cust WHERE id = i), repeat('x', 500) FROM generate_series(1, 20000) i} ]);
foreach my $name (sort keys %queries)
{
	my ($table, $sql) = @{ $queries{$name} };
	my $seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	my $client = CsecWire->connect($node, 'clerk');
	$client->send_query($sql);
	$node->poll_query_until('postgres', "SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = $client->{pid}")
	  or die 'it does not wait';
	# on disk by now, or never
	flush_trail($node);
	$node->stop('immediate');
	my $got = rows_got($client);
	$node->start;
	flush_trail($node);
	my $told = $node->safe_psql('postgres', qq{
		SELECT count(DISTINCT s) FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			CROSS JOIN LATERAL csec.record_subjects(l.record) s
		WHERE l.seq > $seen AND f.relation = 'public.$table' AND l.kind = 2 AND f.subjects IS NOT NULL});
	cmp_ok($told, '>=', $name eq 'one long row' ? 1 : $got, "$name: each of the $got rows that the client has is recorded");
	cmp_ok($told, '<', $got + 8000, "$name: and not all of the table");
}

# A client that is fast makes no more records than before.
my $seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
my $client = CsecWire->connect($node, 'clerk');
$client->query('SELECT id, phone FROM cust WHERE id <= 1000');
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) FROM csec_trail.audit_log WHERE seq > $seen AND kind = 2 AND relid = 'cust'::regclass"),
	'1', 'a read that nothing holds up is one record');
$node->stop;
done_testing();
