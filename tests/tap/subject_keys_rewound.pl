# Were this to fail, a customer whose key was destroyed would come back where the
# database is recovered to a time before that.

use strict;
use warnings;
use CsecSubjectKeys;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $keys, $conf) = customers_node('origin', "csec.standby_reads = masked_only\n", has_archiving => 1);
sub as { my ($n, $role, $sql) = @_; return $n->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) }
sub seen { my ($n, $id) = @_; return as($n, 'clerk', "SELECT phone::text, id_no::text FROM cust WHERE id = $id") }
sub told { my ($n, $id) = @_; return as($n, 'clerk', "SELECT string_agg(new_value, ',' ORDER BY seq, column_name) FROM csec.history('cust', '$id') WHERE column_name <> 'id'") }
sub status { return $_[0]->safe_psql('postgres', 'SELECT customers, destroyed FROM csec.subject_key_status') }

$node->backup('base');
# what only the WAL has: a change, and the keys of two customers who came later
$node->safe_psql('postgres', q{
	UPDATE cust SET phone = '13900000042' WHERE id = 42;
	INSERT INTO cust VALUES (51, '13800001051', NULL), (52, '13800001052', NULL)});
flush_trail($node);
is(told($node, 42), '110*************42,138****1042,139****0042', 'there is a customer');
$node->safe_psql('postgres', q{SELECT pg_create_restore_point('before')});
as($node, 'two', 'SELECT csec.approve_destruction(' . as($node, 'one', "SELECT csec.destroy_subject_key('cust', '$_', 'erasure')") . ')') foreach 42, 51;
is(seen($node, $_), /42/ ? '***|***' : '***|', "customer $_ is destroyed") foreach 42, 51;
$node->safe_psql('postgres', q{INSERT INTO cust VALUES (53, '13800001053', NULL); SELECT csec.flush_audit(); SELECT pg_create_restore_point('after')});
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
$node->stop;

sub recovered
{
	my ($name, $point) = @_;
	my $n = PostgreSQL::Test::Cluster->new($name);
	$n->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
	$n->append_conf('postgresql.conf', "${conf}recovery_target_name = '$point'\nrecovery_target_action = pause\narchive_mode = off\n");
	$n->start;
	$n->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die;
	return $n;
}
sub resumed
{
	my ($n) = @_;
	$n->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	$n->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
	wait_for_sealer($n);
}

my $before = recovered('before', 'before');
is(status($before), '52|0', 'at a time before it was destroyed the keys are there again');
my $masked = 'SELECT string_agg(phone::text, $$,$$ ORDER BY id) FROM cust WHERE id IN (41, 42, 51, 52, 53)';
is($before->safe_psql('postgres', $masked), '138****1041,***,***,138****1052', '  and not used, while recovery goes on');
resumed($before);
is(seen($before, 42), '***|***', '  nor after it');
is(seen($before, 51), '***|', '  also of a customer whom only the WAL had');
is(seen($before, 41) . ' ' . seen($before, 52), '13800001041|110105194912310041 13800001052|', '  others are there');
flush_trail($before);
is(told($before, 42), '***,***,***', '  nor used for the trail');
my ($rc, $out, $err) = $before->psql('postgres', "UPDATE cust SET phone = '13900000043' WHERE id = 42");
like($err, qr/the key of this customer .* was destroyed/, '  nor for new values');
is($before->safe_psql('postgres', 'SELECT * FROM csec.apply_tombstones()'), '2|0', '  and taken out');
is(status($before), '50|2', '  of the table');
is(seen($before, 42), '***|***', '  for good');
is_verified($before, 'the trail from there on');
$before->stop;

my $after = recovered('after', 'after');
is(status($after), '51|2', 'at a time after it they are destroyed in the table, too');
is($after->safe_psql('postgres', $masked), '138****1041,***,***,138****1052,138****1053', '  nothing is shown');
# a host to which the notes were not copied: the database knows by itself
rename "$keys/destroyed", "$keys/elsewhere" or die;
mkdir "$keys/destroyed", 0700 or die;
resumed($after);
is(seen($after, $_), /42/ ? '***|***' : '***|', '  also without the notes') foreach 42, 51;
is($after->safe_psql('postgres', 'SELECT * FROM csec.apply_tombstones()'), '0|2', '  which are made anew');
$after->stop;

done_testing();
