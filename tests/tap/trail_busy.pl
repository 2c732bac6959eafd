# Were this to fail, a command on a whole database would wait for a sealer that is
# at work, be refused, or lose what it has not sealed (B.9).

use strict;
use warnings;
use CsecTrail;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# the sealer always has something in hand
my $node = trail_node('busy', 'csec.seal_delay' => "'1s'", log_statement => 'none');
my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, "\\set id random(1, 100)\nUPDATE customers SET note = repeat('x', :id) WHERE id = :id;\nSELECT phone FROM customers WHERE id = :id;\n");

sub shop
{
	my ($db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	make_trail($node, $db);
	$node->safe_psql($db, q{
		CREATE TABLE customers (id int PRIMARY KEY, phone text, note text);
		INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 100) g;
		SELECT csec.protect('customers', 'id', '{"phone": "phone"}')});
}

# Four clients at work until they are thrown out; back when they have begun.
sub load_on
{
	my ($db) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '60', '-f', $script, '-h', $node->host, '-p', $node->port, $db ], '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', "SELECT count(*) >= 4 FROM pg_stat_activity WHERE datname = '$db' AND backend_type = 'client backend'") or die 'no load';
	$node->poll_query_until('postgres', "SELECT lag_bytes > 0 FROM csec.trail_status WHERE database = '$db'") or die 'no records';
	return $run;
}

sub is_quick
{
	my ($name, $db, $sql) = @_;
	my $began = time;
	my ($ret, $out, $err) = $node->psql($db, $sql);
	is($err, '', $name);
	cmp_ok(time - $began, '<', 10, '  does not wait for the sealer');
}

# a template with a thousand records that are not sealed
shop('shop');
my $session = $node->background_psql('shop');
$session->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
record_some($node, 1000, db => 'shop', object => 'unsealed');
$session->query_safe('ROLLBACK');
$session->quit;
is_quick('CREATE DATABASE … TEMPLATE', 'postgres', 'CREATE DATABASE copy TEMPLATE shop');
record_some($node, 5, db => 'copy', object => 'copy');
flush_trail($node, $_) foreach qw(shop copy);
is(records($node, 'count(*)', "object LIKE 'unsealed %'", 'shop'), '1000', '  the template loses nothing');
is(records($node, "count(*) FILTER (WHERE object LIKE 'unsealed %') = 1000 OR count(*) FILTER (WHERE kind = 'gap' AND from_lsn < to_lsn) = 1", 'true', 'copy'),
	't', '  the copy has it, or names the gap');
is(records($node, 'count(*)', "kind = 'rejected'", $_), '0', "  nothing is rejected in $_") foreach qw(shop copy);
is_verified($node, "  $_", $_) foreach qw(shop copy);

# the extension is dropped while its sealer works: nobody can stay in its way
my $load = load_on('shop');
$node->safe_psql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend' AND pid <> pg_backend_pid()");
$load->finish;
is_quick('DROP EXTENSION', 'shop', "SET client_min_messages = error; SELECT csec.unprotect_all('goes'); DROP EXTENSION csec");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM csec.trail_status WHERE database = 'shop' AND sealer_pid IS NOT NULL"), '  its sealer leaves');
$node->safe_psql('shop', 'CREATE EXTENSION csec');
record_some($node, 5, db => 'shop', object => 'back');
flush_trail($node, 'shop');
cmp_ok(records($node, 'count(*)', "kind = 'change' AND relation = 'public.customers'", 'shop'), '>=',
	4, '  what was done last is in the trail');
is(records($node, 'count(*)', "kind IN ('gap', 'rejected')", 'shop'), '0', '  without a gap');
is_verified($node, '  which verifies', 'shop');

# dropped under its clients
shop('other');
$load = load_on('other');
is_quick('DROP DATABASE … (FORCE) under load', 'postgres', 'DROP DATABASE other WITH (FORCE)');
$load->finish;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 3 FROM pg_replication_slots'), '  its slot goes');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.trail_status WHERE database IS NULL OR state = 'failing'"), '0', '  its status, too');

# the others have gone on
record_some($node, 5, object => 'still');
flush_trail($node);
is_verified($node, 'the others go on');
$node->stop;
done_testing();
