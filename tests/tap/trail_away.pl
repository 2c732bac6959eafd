# Were this to fail, somebody could work on a protected database while its sealer
# is away (single-user mode, no library, pg_resetwal), and nothing would tell (B.9).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('away');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text, city text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0'), 'Xian' FROM generate_series(1, 20) g;
	GRANT SELECT, UPDATE ON customers TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}')});
flush_trail($node);

# What "postgres --single" says.
sub single
{
	my ($sql, @options) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'postgres', '--single', '-D', $node->data_dir, @options, 'postgres' ], '<', \"$sql\n", '>', \$out, '2>', \$err);
	return $out . $err;
}

sub server_records
{
	my ($from) = @_;
	return records($node, "string_agg(concat(coalesce(action, kind), CASE WHEN action IS DISTINCT FROM 'start' THEN ' ' || detail END), ', ' ORDER BY seq)", "kind IN ('server', 'gap') AND seq > $from");
}
sub last_seq { return $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log') }

# An ordinary restart is nothing to speak of.
my $seq = last_seq();
$node->restart;
flush_trail($node);
is(server_records($seq), 'stop, start', 'a restart');
# A shutdown ends sessions and sealer at the same time: what sessions say when they
# end is sealed all the same, before the sealer says that it stops.
$seq = last_seq();
my $reader = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$reader->query_until(qr/begun/, "\\echo begun\nSELECT phone, pg_sleep(600) FROM customers WHERE id = 5;\n");
my $writer = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$writer->query_safe("BEGIN; UPDATE customers SET city = 'Lhasa' WHERE id = 6");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die 'no reader';
$node->stop('fast');
$_->{run}->finish foreach $reader, $writer;
$node->start;
flush_trail($node);
my $stop = records($node, 'max(seq)', "kind = 'server' AND action = 'stop'");
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '5') WHERE login = 'clerk' AND seq < $stop"), '1',
	'the read of a session that a shutdown ended is sealed before');
is(records($node, 'count(*)', "(outcome = 'aborted' AND kind = 'change' OR told = 'aborted') AND seq BETWEEN $seq AND $stop"), '1',
	'  and what became of a transaction');
is_verified($node, '  in a trail that verifies');

# Told to end alone, the sealer waits for nobody.
$writer = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$writer->query_safe("BEGIN; UPDATE customers SET city = 'Lhasa' WHERE id = 6");
my $pid = sealer_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', "SELECT sealer_pid <> $pid FROM csec.trail_status"), 'a sealer that is ended alone leaves, and another comes');
$writer->quit;

$seq = last_seq();
$node->stop('immediate');
$node->start;
flush_trail($node);
is(server_records($seq), 'start', 'a crash');

# Single-user mode with the library: masks, and a record, sealed at the next start.
$seq = last_seq();
$node->stop;
my $said = single("SELECT phone FROM customers WHERE id = 7");
like($said, qr/phone = "138\*{4}0007"/, 'single-user mode shows masks');
unlike($said, qr/13800000007/, '  and no value');
$said = single("UPDATE customers SET city = 'Beijing' WHERE id = 8");
unlike($said, qr/ERROR/, '  it can change');
$node->start;
wait_for_sealer($node);
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '7')"), '1', '  the read is on record');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.change_records WHERE subject = '8' AND op = 'UPDATE' AND outcome = 'committed'"), '1', '  the change, too');
like(server_records($seq), qr/^stop, start, .*ran without its sealer/, '  and that the server ran without a sealer');

# ... and without it: nothing of a field, and the trail says that somebody was there.
$seq = last_seq();
$node->stop;
$said = single("SELECT phone FROM customers WHERE id = 7", '-c', 'shared_preload_libraries=');
like($said, qr/csec must be loaded when the server starts/, 'without the library: an error');
unlike($said, qr/138\d{8}|138\*/, '  and neither value nor mask');
$said = single("SELECT city FROM customers WHERE id = 7\nDELETE FROM customers WHERE id = 9", '-c', 'shared_preload_libraries=');
like($said, qr/city = "Xian"/, '  what is no field can be read');
$node->start;
wait_for_sealer($node);
flush_trail($node);
like(server_records($seq), qr/ran without its sealer/, '  and the trail says that the server ran meanwhile');
is_verified($node, 'after single-user mode');

# pg_resetwal throws the WAL away, and with it what was not sealed.
$seq = last_seq();
$node->safe_psql('postgres', 'CHECKPOINT');
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
record_some($node, 5, object => 'thrown away');
$node->stop('immediate');
$keeper->{run}->finish;
$node->command_ok([ 'pg_resetwal', '-f', $node->data_dir ], 'pg_resetwal');
$node->start;
wait_for_sealer($node);
record_some($node, 5, object => 'afterwards');
flush_trail($node);
is(records($node, 'count(*)', "kind = 'gap' AND from_lsn < to_lsn AND seq > $seq"), '1', 'the gap is named');
is(records($node, "count(*) FILTER (WHERE object LIKE 'thrown%'), count(*) FILTER (WHERE object LIKE 'afterwards%')", "action = 'test'"), '0|5', '  the trail goes on');
is_verified($node, 'after pg_resetwal');
$node->stop;
done_testing();
