# Were this to fail, a permit that was revoked would go on serving who has a
# portal, a held cursor or a COPY open; one that was altered behind csec's back,
# in whatever column, would serve; workers and sessions at once would get more
# rows than its quota.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use IPC::Run;
use Test::More;

my $node = trail_node('permit_ends');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE owner LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, pad text);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0'), repeat('x', 1000) FROM generate_series(1, 20000) i;
	ANALYZE cust;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	ALTER TABLE cust OWNER TO owner;
	GRANT SELECT ON cust TO clerk});

sub sql { my ($sql, $user) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }

# A permit of the clerk's for so many rows; export: for COPY, too.
sub permit
{
	my ($rows, $export) = @_;
	my $id = sql("SELECT csec.request_access('cust', '{phone}', 'care', NULL, $rows, '1 hour', export => " . ($export ? 'true' : 'false') . ')', 'clerk');
	sql("SELECT csec.approve_request($id)", 'owner');
	return $id;
}
sub revoke { return sql("SELECT csec.revoke_permit($_[0], 'over')", 'owner') }
my $clear = qr/138\d{8}/;

# what a driver fetches row by row
my $id = permit(1000);
my $client = CsecWire->connect($node, 'clerk');
$client->query('BEGIN');
$client->portal('SELECT phone FROM cust ORDER BY id');
$client->execute(2);
like($client->last_row, $clear, 'a portal shows values by a permit');
revoke($id);
$client->execute(1);
unlike($client->last_row, $clear, '  and at the next fetch after it was revoked none');
$client->query('ROLLBACK');

# what was read and kept
$id = permit(1000);
$client->query('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT phone FROM cust WHERE id < 100 ORDER BY id; COMMIT');
$client->query('FETCH 1 FROM h');
like($client->last_row, $clear, 'a held cursor shows values by a permit');
revoke($id);
$client->query('FETCH 1 FROM h');
unlike($client->last_row, $clear, '  and at the next FETCH after it was revoked none');
$client->query('CLOSE h');

# what streams: 20 MB do not fit between the two, so the server waits for us
$id = permit(100000, 1);
$client->send_query('COPY (SELECT phone, pad FROM cust ORDER BY id) TO STDOUT');
my ($type, $row);
do { ($type, $row) = $client->next } until $type eq 'd' || $type eq 'E';
like($row, $clear, 'COPY gives values by a permit for export');
revoke($id);
my ($shown, $rows) = (1, 1);
while ((($type, $row) = $client->next) && $type ne 'Z')
{
	next if $type ne 'd';
	$rows++;
	$shown++ if $row =~ /138\d{8}/;
}
is($rows, 20000, '  goes on to its end');
cmp_ok($shown, '<', 10000, "  with masks soon after it was revoked ($shown in clear)");

# every column, one by one
my %alter = (
	id => 'id + 100000', login => q{'owner'}, person => q{'p1'}, relid => q{'pg_class'}, fields => q{'{phone,id}'}, attnums => q{'{1,2}'},
	subjects => q{'{1,2,3,4,5}'}, not_subjects => q{'{99999}'}, max_rows => 'max_rows + 1', export => 'NOT export',
	valid_from => q{valid_from - interval '1 microsecond'}, valid_until => q{valid_until + interval '1 microsecond'}, mac => q{'\x00' || substr(mac, 2)});
my @columns = split /\n/, sql(q{SELECT attname FROM pg_attribute WHERE attrelid = 'csec.access_permit'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum});
is(join(' ', grep { !exists $alter{$_} } @columns), '', 'each column of a permit is tried');
$id = permit(1000);
my $triggers = sql(q{SELECT string_agg('ENABLE ALWAYS TRIGGER ' || tgname, ', ') FROM pg_trigger WHERE tgrelid = 'csec.access_permit'::regclass AND NOT tgisinternal});
sub behind { return sql("ALTER TABLE csec.access_permit DISABLE TRIGGER ALL; $_[0]; ALTER TABLE csec.access_permit $triggers") }
is(sql('SELECT count(*) FILTER (WHERE p !~ $$\*$$) FROM (SELECT phone::text p FROM cust WHERE id < 6 OFFSET 0) s', 'clerk'), 5, 'a permit serves');
sql('CREATE TABLE kept AS SELECT * FROM csec.access_permit');
foreach my $column (@columns)
{
	behind("UPDATE csec.access_permit SET $column = $alter{$column} WHERE id = $id");
	my $seen = sql('SELECT count(*) FILTER (WHERE p !~ $$\*$$) FROM (SELECT phone::text p FROM cust WHERE id < 6 OFFSET 0) s', 'clerk');
	my $told = sql(q{SELECT count(*) FROM csec.unsound_rows WHERE "table" = 'csec.access_permit'});
	is("$seen $told", '0 1', "  and not with $column altered, which is told");
	behind("DELETE FROM csec.access_permit WHERE id IN ($id, $id + 100000); INSERT INTO csec.access_permit SELECT * FROM kept WHERE id = $id");
}
is(sql('SELECT count(*) FILTER (WHERE p !~ $$\*$$) FROM (SELECT phone::text p FROM cust WHERE id < 6 OFFSET 0) s', 'clerk'), 5, '  and does when it is as it was');
revoke($id);

# a quota, raced by sessions whose plans have workers
$id = permit(100);
my @runs;
foreach my $n (0 .. 3)
{
	my $out = '';
	push @runs, [ IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'clerk', '-d', 'postgres', '-c',
		'SET client_min_messages = error; SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4',
		'-c', "SELECT phone FROM cust WHERE id % 4 = $n AND id <= 400" ], '>', \$out), \$out ];
}
my $seen = 0;
foreach my $run (@runs)
{
	$run->[0]->finish;
	$seen += () = ${ $run->[1] } =~ /^138\d{8}$/mg;
}
is($seen, 100, 'four sessions with workers together see as many rows as the permit has');
is(sql("SELECT taken FROM csec.permit_use WHERE permit = $id"), 100, '  as the table says');

is_verified($node, 'postgres');
$node->stop;
done_testing();
