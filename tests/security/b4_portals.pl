# Were this to fail, what a driver fetches from a portal in parts, and then
# leaves, would be recorded late, not at all, or whole; a clearance taken back
# would not reach who is being served (B.4).

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;

my $node = trail_node('portals');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN;
	SELECT csec.set_clearance('clerk', level => 'important');
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, pad text);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0'), repeat('x', 1000) FROM generate_series(1, 20000) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	GRANT SELECT ON cust TO clerk});

# Which customers of the last reads, in the trail's order, since the last look.
my $seen = 0;
sub seen
{
	flush_trail($node);
	my $got = $node->safe_psql('postgres', qq{
		SELECT string_agg(concat(csec.record_subject_keys(l.record), ' ', f.exactness, CASE WHEN f.status <> 'ok' THEN ' ' || f.status END), '; ' ORDER BY l.seq)
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
		WHERE l.seq > $seen AND f.relation = 'public.cust' AND l.kind = 2});
	$seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	return $got;
}
seen();

my $client = CsecWire->connect($node, 'clerk');
$client->portal('SELECT id, phone FROM cust ORDER BY id');
like($client->execute(3), qr/DDDs$/, 'three rows and the portal is suspended');
is(seen(), '{[1,4)} delivered', 'they are recorded while it is');
like($client->execute(2), qr/DDs$/, 'two more');
is(seen(), '{[4,6)} delivered', 'are recorded apart');
$client->close_portal;
$client->sync;
is(seen(), '', 'closing it adds nothing');

$client->portal('SELECT id, phone FROM cust ORDER BY id');
$client->execute(4);
$client->vanish;
is(seen(), '{[1,5)} delivered', 'a portal whose client is gone');

$client = CsecWire->connect($node, 'clerk');
$client->query('BEGIN');
$client->portal('SELECT id, phone FROM cust WHERE id < 3 ORDER BY id');
like($client->execute(0), qr/DDC$/, 'without a limit');
$client->sync;
$client->query('ROLLBACK');
is(seen(), '{[1,3)} delivered', 'rolled back, it is there');

# a portal that changes rows runs to its end, whatever is fetched of it
$node->safe_psql('postgres', 'GRANT UPDATE ON cust TO clerk');
$client->portal("UPDATE cust SET pad = '' WHERE id < 5 RETURNING id, phone");
like($client->execute(1), qr/Ds$/, 'one row of an UPDATE');
is(seen(), '{[1,5)} scanned', 'all rows that it gives back are recorded');
$client->sync;

# Clearance taken back while a portal is open, and while COPY is being drained.
my %shown = (clear => "138000000", masked => '138****');
my ($type, $row);
sub one_row
{
	$client->message('E', "\0" . pack('N', 1));
	$client->message('H', '');
	do { ($type, $row) = $client->next } until $type eq 'D';
	$client->until_type('s');
	return $row;
}

# the rows of all but the first come out of a store that was filled before
foreach my $query ('SELECT phone FROM cust ORDER BY id', "UPDATE cust SET pad = '' WHERE id < 5 RETURNING phone", 'EXECUTE kept', 'FETCH 3 FROM kept', 'FETCH 3 FROM held')
{
	$node->safe_psql('postgres', "SELECT csec.set_clearance('clerk', level => 'important')");
	$client->query('BEGIN');
	$client->query('PREPARE kept AS SELECT phone FROM cust WHERE id < 5 ORDER BY id') if $query =~ /^EXECUTE/;
	$client->query('DECLARE kept CURSOR FOR SELECT phone FROM cust ORDER BY id') if $query =~ /FETCH.*kept/;
	$client->query('DECLARE held CURSOR WITH HOLD FOR SELECT phone FROM cust WHERE id < 5 ORDER BY id; COMMIT; BEGIN') if $query =~ /held/;
	$client->portal($query);
	like(one_row(), qr/\Q$shown{clear}\E/, "in clear for a cleared reader: $query");
	$node->safe_psql('postgres', "SELECT csec.revoke_clearance('clerk', level => 'important')");
	like(one_row(), qr/\Q$shown{masked}\E/, '  masked as soon as the clearance is gone');
	like(one_row(), qr/\Q$shown{masked}\E/, '  and from then on');
	$client->query('ROLLBACK');
}

# so do those of a cursor that outlived its transaction
foreach my $within ('a transaction', 'none')
{
	$node->safe_psql('postgres', "SELECT csec.set_clearance('clerk', level => 'important')");
	my $held = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
	$held->query_safe('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT phone FROM cust ORDER BY id; COMMIT');
	$held->query_safe('BEGIN') if $within ne 'none';
	like($held->query_safe('FETCH 2 FROM c'), qr/\Q$shown{clear}\E/, "in clear from a cursor WITH HOLD, within $within");
	$node->safe_psql('postgres', "SELECT csec.revoke_clearance('clerk', level => 'important')");
	like($held->query_safe('FETCH 1 FROM c'), qr/\Q$shown{masked}\E/, '  masked as soon as the clearance is gone');
	$held->quit;
}

$node->safe_psql('postgres', "SELECT csec.set_clearance('clerk', level => 'important')");
$client->send_query('COPY (SELECT phone, pad FROM cust ORDER BY id) TO STDOUT');
do { ($type, $row) = $client->next } until $type eq 'd';
like($row, qr/\Q$shown{clear}\E/, 'COPY gives it in clear');
# 20 MB are to come, which do not fit between the two: the server waits for us
$node->safe_psql('postgres', "SELECT csec.revoke_clearance('clerk', level => 'important')");
my ($clear, $masked) = (1, 0);
for (;;)
{
	($type, $row) = $client->next;
	last if $type eq 'Z';
	next if $type ne 'd';
	$row =~ /\Q$shown{masked}\E/ ? $masked++ : $clear++;
}
is($clear + $masked, 20000, 'COPY went on to its end');
cmp_ok($masked, '>', 10000, "and gave masks from where it was told ($clear in clear)");
seen();

$node->stop;
done_testing();
