# Were this to fail, who sets the clock back could date what is recorded as he
# likes, or stop the sealer until the clock has caught up (B.9).

use strict;
use warnings;
use CsecFaults;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;

use constant DAY => 86400;

faulty();
my $node = trail_node('clock', 'csec.seal_delay' => "'1s'");
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text);
	INSERT INTO customers VALUES (1, '13812341234');
	GRANT SELECT ON customers TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}')});
record_some($node, 5, object => 'before');
flush_trail($node);

# Waits for the sealer as it goes by itself, asked by nobody.
sub is_sealed
{
	my ($object, $name) = @_;
	ok($node->poll_query_until('postgres', qq{
		SELECT count(*) = 5 FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE r.object LIKE '$object %'}), $name);
}

# while the sealer gathers what it will seal
record_some($node, 5, object => 'while it gathers');
set_fault('clock', -40 * DAY);
is_sealed('while it gathers', 'a clock that is set back stops no sealer');
is(records($node, "count(*), bool_and((detail::json ->> 'microseconds')::int8 < -39.9 * 86400 * 1000000.0)", "action = 'clock set back'"),
	'1|t', '  and is put on record, with by how much');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.gaps WHERE why = 'clock set back'}), '1', '  where auditors look');
record_some($node, 5, object => 'in the past');
flush_trail($node);
is_verified($node, '  the trail goes on, in the months before');

# while the sealer has failed, and waits to be started again
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
record_some($node, 5, object => 'while it fails');
$node->poll_query_until('postgres', "SELECT state = 'failing' AND sealer_pid IS NULL FROM csec.trail_status") or die 'does not fail';
set_fault('clock', -80 * DAY);
$keeper->query_safe('ROLLBACK');
$keeper->quit;
is_sealed('while it fails', 'nor one that is to start again');

# ahead, and back to what it was
set_fault('clock', 400 * DAY);
record_some($node, 5, object => 'ahead');
flush_trail($node);
clear_fault('clock');
record_some($node, 5, object => 'right again');
flush_trail($node);
$node->safe_psql('postgres', 'SELECT phone FROM customers WHERE id = 1', extra_params => [ '-U', 'clerk' ]);
flush_trail($node);
is(records($node, 'count(*)', "action = 'clock set back'"), '3', 'each step back is on record');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '1') WHERE login = 'clerk'"), '1', 'reads are found');
is(records($node, 'count(*)', "kind IN ('gap', 'rejected')"), '0', 'nothing is taken for forged');
is_verified($node, 'after all that');

# while the server is down
set_fault('clock', -DAY);
$node->restart;
record_some($node, 5, object => 'after a restart');
flush_trail($node);
is(records($node, 'count(*)', "action = 'clock set back'"), '4', 'nor does a restart hide it');
is_verified($node, '  and it verifies');
$node->stop;
done_testing();
