# Were this to fail, commands on whole databases would hang on the sealer or
# fail, or leave a slot behind that fills the disk.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);

my $node = trail_node('databases');
my $oid_of = "SELECT oid FROM pg_database WHERE datname = ";

# Done within a second or two: PostgreSQL itself would wait five, and fail.
sub is_quick
{
	my ($name, $sql) = @_;
	my $began = time;
	my ($ret, $out, $err) = $node->psql('postgres', $sql);
	is($err, '', $name);
	cmp_ok(time - $began, '<', 4.5, "$name: does not wait for the sealer");
}
sub slots { return $node->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots') }

$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_trail($node, 'shop');
record_some($node, 5, db => 'shop', object => 'shop');
flush_trail($node, 'shop');
my $pid = sealer_pid($node, 'shop');

# a copy: a fork that says whose it is
is_quick('CREATE DATABASE … TEMPLATE', 'CREATE DATABASE copy TEMPLATE shop');
wait_for_sealer($node, 'shop');
isnt(sealer_pid($node, 'shop'), $pid, 'the sealer made way, and came back');
record_some($node, 5, db => 'shop', object => 'shop again');
flush_trail($node, 'shop');
is_verified($node, 'the template', 'shop');
record_some($node, 5, db => 'copy', object => 'copy');
flush_trail($node, 'copy');
my $shop = $node->safe_psql('postgres', "$oid_of 'shop'");
like(records($node, 'detail', "kind = 'server' AND action = 'copied'", 'copy'),
	qr/"database_id": $shop, "seq": \d+, "same_key": true/, 'the copy names its template');
is(records($node, "count(*) FILTER (WHERE object LIKE 'shop %'), count(*) FILTER (WHERE object LIKE 'copy %')", 'true', 'copy'),
	'5|5', 'it has what the template had, and its own');
is_verified($node, 'the copy', 'copy');
is(records($node, 'count(*)', "object LIKE 'copy %'", 'shop'), '0', 'nothing of the copy in the template');
is(slots(), '3', 'one slot each');

# no copy without a slot for its sealer
my $free = $node->safe_psql('postgres', "SELECT current_setting('max_replication_slots')::int - count(*) FROM pg_replication_slots");
$node->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1, $free) n");
my (undef, undef, $no_slot) = $node->psql('postgres', '\set VERBOSITY verbose
	CREATE DATABASE no_room TEMPLATE shop');
like($no_slot, qr/53400: database "shop" has an audit trail, and no replication slot is free/, 'no copy where no slot is free for it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'no_room'"), '0', 'and nothing of it is there');
$node->safe_psql('postgres', 'CREATE DATABASE without_trail');
$node->safe_psql('postgres', 'DROP DATABASE without_trail');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('taken_' || n) FROM generate_series(1, $free) n");

# renamed, moved
is_quick('ALTER DATABASE … RENAME', 'ALTER DATABASE copy RENAME TO renamed');
record_some($node, 5, db => 'renamed', object => 'renamed');
flush_trail($node, 'renamed');
is_verified($node, 'a renamed database', 'renamed');

# a command that fails lets the sealer go on
my ($ret, $out, $err) = $node->psql('postgres', 'CREATE DATABASE shop TEMPLATE renamed');
like($err, qr/already exists/, 'a command that fails');
record_some($node, 5, db => 'renamed', object => 'on');
flush_trail($node, 'renamed');
is(records($node, 'count(*)', "object LIKE 'on %'", 'renamed'), '5', 'and the sealer goes on');

# dropped
is_quick('DROP DATABASE', 'DROP DATABASE renamed');
is_quick('DROP DATABASE … (FORCE)', 'DROP DATABASE shop WITH (FORCE)');
is(slots(), '1', 'no slot is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.trail_status'), '1', 'nor a status');

# dropped without csec looking: the launcher clears up
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_trail($node, 'shop');
flush_trail($node, 'shop');
is(slots(), '2', 'a slot for it');
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
$node->safe_psql('postgres', 'DROP DATABASE shop');
is(slots(), '2', 'it stays behind where csec is not loaded');
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'csec'");
$node->start;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_replication_slots'), 'the launcher drops it');

# the extension leaves, the trail stays, and goes on when it comes back
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_trail($node, 'shop');
record_some($node, 5, db => 'shop', object => 'before');
flush_trail($node, 'shop');
my $began = time;
$node->safe_psql('shop', 'DROP EXTENSION csec');
cmp_ok(time - $began, '<', 4.5, 'DROP EXTENSION does not wait for the sealer');
is($node->safe_psql('shop', 'SELECT count(*) > 5 FROM csec_trail.audit_log'), 't', 'the trail stays');
ok($node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_replication_slots WHERE slot_name = (SELECT 'csec_' || oid FROM pg_database WHERE datname = 'shop')"),
	'its slot goes');
$node->safe_psql('shop', 'CREATE EXTENSION csec');
record_some($node, 5, db => 'shop', object => 'after');
flush_trail($node, 'shop');
is(records($node, "count(*) FILTER (WHERE object LIKE 'before %'), count(*) FILTER (WHERE object LIKE 'after %')", 'true', 'shop'),
	'5|5', 'it goes on');
is(records($node, "string_agg(coalesce(action, kind), ',' ORDER BY seq)", "kind IN ('server', 'gap')", 'shop'),
	'start,sealing key,extension gone,slot lost,start', 'and says that it was away');
is_verified($node, 'after the extension was away', 'shop');

# It goes again, and comes back over the trail that there is: its sealer sees it when that is committed, and waits.
$node->safe_psql('shop', 'DROP EXTENSION csec');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(sealer_pid) FROM csec.trail_status WHERE database = 'shop'});
ok($node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = (SELECT 'csec_' || oid FROM pg_database WHERE datname = 'shop'))
	AND NOT EXISTS (SELECT FROM csec.trail_status WHERE database = 'shop' AND sealer_pid IS NOT NULL)}), 'without the extension no sealer stays');
my $back = $node->background_psql('shop');
$back->query_safe('BEGIN; CREATE EXTENSION csec; SELECT csec.create_trail()');
my $waits = q{SELECT t.sealer_pid FROM csec.trail_status t JOIN pg_stat_activity a ON a.pid = t.sealer_pid WHERE t.database = 'shop' AND a.wait_event_type = 'Extension'};
ok($node->poll_query_until('postgres', "SELECT EXISTS ($waits)"), 'a sealer waits for the extension that is made anew');
my $sealer = $node->safe_psql('postgres', $waits);
$back->query_safe('COMMIT');
$back->quit;
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND sealer_pid = $sealer FROM csec.trail_status WHERE database = 'shop'"), '  and goes on with it');
is_verified($node, 'with the extension that was made anew', 'shop');

# Where there is no trail none is waited for, however many sessions have something for one.
$node->safe_psql('postgres', 'CREATE DATABASE none');
$node->safe_psql('none', 'CREATE EXTENSION csec CASCADE');
$node->safe_psql('none', "SELECT csec.set_default_reason('postgres', 'try $_')") foreach 1 .. 3;
is($node->safe_psql('postgres', q{SELECT state, sealer_pid FROM csec.trail_status WHERE database = 'none'}), 'stopped|', 'a database without a trail is not about to be sealed');
$node->safe_psql('none', 'SELECT csec.create_trail(); CREATE TABLE witness (n int)');
record_some($node, 5, db => 'none', object => 'some');
flush_trail($node, 'none');
is($node->safe_psql('postgres', q{SELECT state FROM csec.trail_status WHERE database = 'none'}), 'running', '  until it gets one');
is_verified($node, 'the trail of it', 'none');

# who parks a sealer and dies lets it go
my $session = $node->background_psql('postgres');
my $backend = $session->query_safe('SELECT pg_backend_pid()');
my $blocker = $node->background_psql('shop');
$blocker->query_safe('SELECT 1');
$session->query_until(qr/begun/, "\\echo begun\nALTER DATABASE shop RENAME TO shop2;\n");
$node->poll_query_until('postgres', "SELECT state = 'parked' FROM csec.trail_status WHERE database = 'shop'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($backend)");
eval { $session->quit };
$blocker->quit;
wait_for_sealer($node, 'shop');
record_some($node, 5, db => 'shop', object => 'released');
flush_trail($node, 'shop');
is(records($node, 'count(*)', "object LIKE 'released %'", 'shop'), '5', 'a sealer parked by a session that died');
$node->stop;
done_testing();
