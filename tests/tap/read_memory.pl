# Were this to fail, a read of many rows would take memory without bound for its
# subjects, or would leave some of them out; or a sealer that is far behind would
# take memory for what waits.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;

my $node = trail_node('memory', shared_buffers => '16MB', max_parallel_workers_per_gather => 0,
	max_wal_size => '4GB', autovacuum => 'off');

# keys in order, keys of which no two are neighbours, and texts
my %keys = (ordered => [10_000_000, 'g'], scattered => [2_000_000, '(g * 2654435761) & 1099511627775'],
	texts => [1_000_000, "'customer ' || g"]);
my %type = (ordered => 'int8', scattered => 'int8', texts => 'text');

foreach my $name (sort keys %keys)
{
	my ($rows, $key) = @{ $keys{$name} };
	$node->safe_psql('postgres', qq{
		CREATE UNLOGGED TABLE plain_$name AS SELECT $key AS id FROM generate_series(1::int8, $rows) g;
		CREATE UNLOGGED TABLE $name (id $type{$name} NOT NULL UNIQUE);
		ALTER TABLE $name DROP CONSTRAINT ${name}_id_key;
		INSERT INTO $name SELECT id FROM plain_$name;
		-- its trigger and its rows are not what this is about
		INSERT INTO csec.protected_table (relid, subject) VALUES ('$name', '{id}')});
}

# The most memory that a session of its own ever had for one statement, in kB.
sub peak
{
	my ($sql) = @_;
	my $client = CsecWire->connect($node, 'postgres');
	my $came = $client->query($sql);
	die $client->{error} if $came =~ /E/;
	open my $status, '<', "/proc/$client->{pid}/status" or die "no status of $client->{pid}: $!";
	my ($peak) = join('', <$status>) =~ /VmHWM:\s+(\d+)/;
	return $peak;
}

foreach my $name (sort keys %keys)
{
	my $rows = $keys{$name}[0];
	my $plain = peak("SELECT count(*) FROM plain_$name");
	my $read = peak("SELECT count(*) FROM $name");
	cmp_ok($read - $plain, '<=', 32 * 1024, sprintf('%s: %d kB for the subjects of %d rows', $name, $read - $plain, $rows));
}

# all subjects are there, each once
flush_trail($node);
foreach my $name ('ordered', 'scattered')
{
	is($node->safe_psql('postgres', qq{
		SELECT sum(f.rows), sum(f.subjects), bool_and(f.exactness = 'scanned')
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f WHERE f.relation = 'public.$name'}),
		"$keys{$name}[0]|$keys{$name}[0]|t", "$name: complete");
}
is($node->safe_psql('postgres', q{
	SELECT (SELECT sum(f.rows) FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f WHERE f.relation = 'public.texts'),
		(SELECT count(*) = count(DISTINCT s) FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			CROSS JOIN LATERAL csec.record_subjects(l.record) s WHERE f.relation = 'public.texts'),
		(SELECT count(*) FROM plain_texts p WHERE NOT EXISTS (
			SELECT FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			CROSS JOIN LATERAL csec.record_subjects(l.record) s WHERE f.relation = 'public.texts' AND s = p.id))}),
	'1000000|t|0', 'texts: complete');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('scattered', ((77 * 2654435761) & 1099511627775)::text)"), '==', 1,
	'one of two million is found');

# A sealer that was kept from sealing 500,000 changes, over 80 MB of WAL, takes no more
# memory for it.  What a process has for itself is not in its peak, so look often.
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE changed (id int PRIMARY KEY, note text);
	SELECT csec.protect('changed', subject => 'id')});
flush_trail($node);
my $keeper = CsecWire->connect($node, 'postgres');
$keeper->query($_) foreach 'BEGIN', 'LOCK TABLE csec_trail.sealer_state IN ACCESS EXCLUSIVE MODE';
$node->safe_psql('postgres', q{INSERT INTO changed SELECT g, repeat('x', 200) FROM generate_series(1, 500000) g});
cmp_ok($node->safe_psql('postgres', 'SELECT lag_bytes FROM csec.trail_status'), '>', 80_000_000, 'the sealer is far behind');
$keeper->query('ROLLBACK');
my ($most, $looks) = (0, 0);
while (1)
{
	my ($sealer, $behind) = split /\|/, $node->safe_psql('postgres', 'SELECT sealer_pid, lag_bytes > 0 FROM csec.trail_status');
	if ($sealer ne '' && open my $status, '<', "/proc/$sealer/status")
	{
		my ($now) = join('', <$status>) =~ /^RssAnon:\s+(\d+)/m;
		($most, $looks) = ($now, $looks + 1) if ($now // 0) > $most;
	}
	last if $behind eq 'f';
}
cmp_ok($looks, '>', 0, 'and comes to seal it');
cmp_ok($most, '<=', 64 * 1024, "with $most kB of its own");

$node->stop;
done_testing();
