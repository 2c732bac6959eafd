# Were this to fail, a server restored from a base backup and the archive, to an
# earlier moment, would go on with its trail as if nothing had been: what is
# missing, and what was done twice, would not show (B.9, C.2).

use strict;
use warnings;
use CsecTrail;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('origin');
$node->init(has_archiving => 1, allows_streaming => 1);
$node->start;
make_trail($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 20) g;
	GRANT SELECT, UPDATE ON customers TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}');
	SELECT csec.set_clearance('clerk', level => 'important')});
record_some($node, 5, object => 'before');
flush_trail($node);
$node->backup('base');

# Read, changed and sealed after the backup, before the moment to come back to;
# one transaction is in the air then, and one read is not sealed yet.
sub as_clerk { return $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]) }
record_some($node, 5, object => 'archived');
as_clerk("SELECT phone FROM customers WHERE id = 1");
flush_trail($node);
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN; UPDATE customers SET phone = '13900000002' WHERE id = 2");
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('BEGIN; LOCK TABLE csec_trail.sealer_state');
record_some($node, 5, object => 'waiting');
as_clerk("SELECT phone FROM customers WHERE id = 3");
my $target = $node->safe_psql('postgres', 'SELECT pg_switch_wal(); SELECT pg_current_wal_lsn()');
$target =~ s/.*\n//s;
$keeper->query_safe('ROLLBACK');
$keeper->quit;

# What is undone by going back.
$open->query_safe('COMMIT');
$open->quit;
record_some($node, 5, object => 'undone');
as_clerk("SELECT phone FROM customers WHERE id = 4");
flush_trail($node);
is_verified($node, 'before');
my ($last, $head) = split /\|/, $node->safe_psql('postgres', "SELECT last_seq, encode(head_hash, 'hex') FROM csec.check_trail(1, NULL)");
my $kept = PostgreSQL::Test::Utils::tempdir . '/kept';
IPC::Run::run([ 'csec_export', '-q', '-w', '-d', $node->connstr('postgres'), '-o', $kept ]) or die;
# (where the segment is empty nothing is switched, and the one before is named)
my $segment = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
$node->poll_query_until('postgres', "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver") or die 'not archived';
$node->stop;

sub restored
{
	my ($name, $conf) = @_;
	my $copy = PostgreSQL::Test::Cluster->new($name);
	$copy->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
	chmod 0600, $copy->data_dir . '/csec_embedded.key';
	$copy->append_conf('postgresql.conf', "$conf\nrecovery_target_action = promote");
	$copy->start;
	$copy->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no end of recovery';
	$copy->poll_query_until('postgres', "SELECT count(*) = 1 FROM csec.trail_status WHERE state = 'running' AND sealed_lsn IS NOT NULL") or die 'no sealer';
	flush_trail($copy);
	return $copy;
}

# What csec_verify, outside, finds in a copy: kinds and records, by record.
sub found
{
	my ($copy, @options) = @_;
	my $out;
	IPC::Run::run([ 'csec_verify', '--json', '-w', '-d', $copy->connstr('postgres'), @options ], '>', \$out);
	return join ' ', map { "$_->{problem}|$_->{record}" } map { @{ $_->{findings} } } @{ decode_json($out)->{trails} };
}

sub reads_of
{
	my ($copy, @ids) = @_;
	return join ',', map { $copy->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '$_') WHERE login = 'clerk'") } @ids;
}

# to a moment; what recovery has replayed is kept for the sealer
my $pitr = restored('pitr', "recovery_target_lsn = '$target'\nwal_keep_size = 1GB");
is(records($pitr, "string_agg(DISTINCT split_part(object, ' ', 1), ',')", "action = 'test'"), 'archived,before,waiting', 'back to a moment: the trail has what there was');
is(records($pitr, 'detail', "kind = 'server' AND action = 'timeline'"), '{"from": 1, "to": 2}', '  says that it went back, and from where');
is(records($pitr, 'count(*)', "kind IN ('gap', 'rejected') OR action LIKE 'ran %'"), '0', '  misses nothing');
is(reads_of($pitr, 1, 3, 4), '1,1,0', '  knows the reads up to then');
is($pitr->safe_psql('postgres', "SELECT outcome FROM csec.change_records WHERE subject = '2' AND op = 'UPDATE'"), 'aborted', '  and what became of the transaction in the air');
is_verified($pitr, '  verifies');
is(found($pitr), '', '  outside, too');
like(found($pitr, '--from', "$kept/checkpoints"), qr/^(?:tail_cut\|\d+|rewritten\|\d+)\b/, '  to who has a checkpoint of later it is a trail set back');
record_some($pitr, 5, object => 'forked');
flush_trail($pitr);
is(records($pitr, 'count(*)', "object LIKE 'forked %'"), '5', '  goes on');
is_verified($pitr, '  and verifies again');

# the fork shows to who noted the head: the same number, another record
isnt($pitr->safe_psql('postgres', "SELECT encode(hash, 'hex') FROM csec_trail.audit_log WHERE seq = $last"), $head,
	'  a head noted before does not fit the fork');
$pitr->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
is(found($pitr), '', '  by itself it is sound');
like(found($pitr, '--from', "$kept/checkpoints"), qr/^(?:rewritten|checkpoint_replaced)\|\d+/, '  but not to who has a checkpoint of before');
my ($fork) = found($pitr, '--against', $kept) =~ /^fork\|(\d+)$/;
ok(defined $fork && $fork > 1 && $fork <= $last, '  nor beside evidence of the other, from which it parts');
$pitr->stop;

# to the end of the archive
my $whole = restored('whole', "recovery_target_timeline = 'current'\nwal_keep_size = 1GB");
is(records($whole, "string_agg(DISTINCT split_part(object, ' ', 1), ',')", "action = 'test'"), 'archived,before,undone,waiting', 'to the end: everything is there');
is(reads_of($whole, 1, 3, 4), '1,1,1', '  every read');
is(records($whole, 'count(*)', "kind IN ('gap', 'rejected') OR action LIKE 'ran %'"), '0', '  no gap');
is($whole->safe_psql('postgres', "SELECT encode(hash, 'hex') FROM csec_trail.audit_log WHERE seq = $last"), $head, '  the head noted before fits');
is_verified($whole, '  verifies');
is(found($whole, '--from', "$kept/checkpoints", '--against', $kept), '', '  as checkpoints and evidence from before say');
$whole->stop;

# not kept: what was sealed is there, and the rest is named
my $thin = restored('thin', "recovery_target_lsn = '$target'");
is(records($thin, "count(*) FILTER (WHERE object LIKE 'archived %')", 'true'), '5', 'without the WAL: what was sealed is there');
is(records($thin, "count(*) FILTER (WHERE object LIKE 'waiting %') = 5 OR count(*) FILTER (WHERE kind = 'gap' AND from_lsn < to_lsn) = 1", 'true'),
	't', '  what was not is there, or named as a gap');
is_verified($thin, '  verifies');
$thin->stop;
done_testing();
