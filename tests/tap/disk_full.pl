# Were this to fail, a full disk would stop the trail without a word, lose what was
# to be recorded, or leave a sealer that needs somebody to help it up again (B.9).

use strict;
use warnings;
use CsecFaults;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();

faulty();
# little WAL is kept for use again, so that new files are soon needed
my $node = trail_node('full', 'csec.max_unsealed' => "'2MB'", wal_recycle => 'off', min_wal_size => "'32MB'",
	max_wal_size => "'64MB'", restart_after_crash => 'on');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text, note text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 20) g;
	CREATE TABLE plain (note text);
	GRANT ALL ON customers, plain TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}');
	SELECT csec.set_clearance('clerk', level => 'important')});
flush_trail($node);

sub as_clerk
{
	my ($ret, $out, $err) = $node->psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ], on_error_stop => 0);
	return $out . $err;
}
sub status { return $node->safe_psql('postgres', "SELECT $_[0] FROM csec.trail_status") }
sub reads_of
{
	return join ',', map { $node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '$_') WHERE login = 'clerk'") } @_;
}
my $slot = "SELECT r.restart_lsn <= s.sealed_lsn FROM pg_replication_slots r, csec.trail_status s WHERE r.slot_name LIKE 'csec%'";

# ---- no room for the trail's tables ----

set_fault('full', join "\n", split /\n/, $node->safe_psql('postgres', q{
	WITH trail AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace = 'csec_trail'::regnamespace AND relkind IN ('r', 'i'))
	SELECT pg_relation_filepath(oid) FROM trail
	UNION ALL SELECT pg_relation_filepath(reltoastrelid) FROM trail WHERE reltoastrelid <> 0}));
# more than fits into the pages that are there
my $filler = "UPDATE customers SET note = (SELECT string_agg(md5((g * id)::text), '') FROM generate_series(1, 1000) g)";
like(as_clerk("SELECT phone FROM customers WHERE id = 1"), qr/^13800000001$/, 'a read before');
as_clerk($filler);
# at once: a batch that is small enough still goes in now and then
ok($node->poll_query_until('postgres', "SELECT state = 'failing' AND last_error ~ 'could not extend file .*No space left on device' FROM csec.trail_status"),
	'no room for the trail: the status says that the sealer fails, and why');
like(as_clerk("SELECT phone FROM customers WHERE id = 2"), qr/^13800000002$/, '  protected work goes on up to csec.max_unsealed');
my $i = 0;
as_clerk($filler) while $i++ < 20 && status("lag_bytes < 2200000") eq 't';
like(as_clerk("SELECT phone FROM customers WHERE id = 3"), qr/behind by more than csec\.max_unsealed.*HINT/s, '  is refused beyond');
like(as_clerk("UPDATE customers SET note = NULL WHERE id = 3"), qr/behind by more than csec\.max_unsealed/, '  changes, too');
is(as_clerk("INSERT INTO plain VALUES ('x')"), '', '  and other work goes on');
$node->safe_psql('postgres', 'INSERT INTO plain VALUES (1); SELECT pg_switch_wal(); CHECKPOINT') foreach 1 .. 3;
is($node->safe_psql('postgres', $slot), 't', '  the slot keeps what waits');
my ($ret, $out, $err) = $node->psql('postgres', "SET csec.flush_timeout = '1s'; SELECT csec.flush_audit()");
like($err, qr/not sealed within 1000 ms.*The sealer failed with: could not extend.*HINT/s, '  who waits is told');
$node->append_conf('postgresql.conf', 'csec.unsealed_policy = warn');
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('csec.unsealed_policy') = 'warn'");
like(as_clerk("SELECT phone FROM customers WHERE id = 4"), qr/^13800000004.*WARNING:.*behind by more than/s, '  by policy only warned of');

clear_fault('full');
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND last_error IS NULL AND lag_bytes = 0 FROM csec.trail_status"),
	'room again: it goes on by itself');
flush_trail($node);
is(reads_of(1, 2, 3, 4), '1,1,0,1', '  nothing is lost');
is(records($node, 'count(*)', "kind IN ('gap', 'rejected')"), '0', '  there is no gap');
is_verified($node, '  the chain verifies');
like(as_clerk("SELECT phone FROM customers WHERE id = 5"), qr/^13800000005$/, '  protected work is open');

# ---- no room for WAL ----
# PostgreSQL itself stops then, and comes back when there is room.  What was
# committed or shown strictly before has its record; what was not is told.

record_some($node, 5, object => 'before');
set_fault('full', 'pg_wal/');
$node->psql('postgres', 'CREATE TABLE large AS SELECT md5(g::text) AS a, md5((g + 1)::text) AS b FROM generate_series(1, 400000) g');
like(slurp_file($node->logfile), qr/PANIC: .*No space left on device/, 'no room for WAL: the server stops, as PostgreSQL does');
clear_fault('full');
my $up = 0;
for (my $tries = 0; -f $node->data_dir . '/postmaster.pid' && !$up && $tries < 1800; $tries++)
{
	$up = IPC::Run::run([ 'pg_isready', '-q', '-h', $node->host, '-p', $node->port ]);
	select undef, undef, undef, 0.1 unless $up;
}
$node->{_pid} = undef unless $up;
$node->start unless $up;
wait_for_sealer($node);
record_some($node, 5, object => 'after');
flush_trail($node);
is(records($node, "count(*) FILTER (WHERE object LIKE 'before %'), count(*) FILTER (WHERE object LIKE 'after %')", "action = 'test'"), '5|5', 'room again: nothing is lost');
is(reads_of(5), '1', '  no read either');
is(records($node, 'count(*)', "kind IN ('gap', 'rejected')"), '0', '  there is no gap');
is_verified($node, '  the chain verifies');
$node->stop;
done_testing();
