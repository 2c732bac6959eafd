# Were this to fail, a change that comes by logical replication, or whose end is
# told by another session after a restart, would not be recorded, or without its
# outcome (B.7, B.8); or a subscription would bring clearances.

use strict;
use warnings;
use CsecTrail;
use Test::More;

my $node = trail_node('publisher', wal_level => 'logical', max_prepared_transactions => 5);
my $replica = trail_node('subscriber', wal_level => 'logical');
my $table = q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, bal int);
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	CREATE TABLE part (id int, phone csec.phone, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
	SELECT csec.protect('part', 'id', '{"phone": "phone"}')};
$node->safe_psql('postgres', $table);
$replica->safe_psql('postgres', $table);

# The changes of one row: what, and how it ended.
sub changes
{
	my ($at, $where) = @_;
	flush_trail($at);
	return $at->safe_psql('postgres', qq{
		SELECT string_agg(concat(c.op, ' ', c.subject, ' ', c.outcome), ', ' ORDER BY c.seq, c.row_no) FROM csec.change_records c WHERE $where});
}

# prepared: committed, rolled back, or neither
$node->safe_psql('postgres', "INSERT INTO cust VALUES (1, '13800000001', 1), (2, '13800000002', 2)");
foreach my $id (11, 12, 13)
{
	$node->safe_psql('postgres', qq{
		BEGIN;
		INSERT INTO cust (id) VALUES ($id);
		SAVEPOINT s;
		UPDATE cust SET bal = $id WHERE id = $id;
		ROLLBACK TO s;
		SELECT phone FROM cust WHERE id = 1;
		PREPARE TRANSACTION 'p$id'});
}
is(changes($node, "c.subject IN ('11', '12', '13') AND c.op = 'INSERT'"),
	'INSERT 11 prepared, INSERT 12 prepared, INSERT 13 prepared', 'prepared changes are told as that');
is(changes($node, "c.subject IN ('11', '12', '13') AND c.op = 'UPDATE'"),
	'UPDATE 11 aborted, UPDATE 12 aborted, UPDATE 13 aborted', 'what was taken back before as rolled back');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('cust', '1') WHERE statement = 'SELECT'"), '3',
	'what was read on the way is there');
$node->safe_psql('postgres', "COMMIT PREPARED 'p11'");
$node->restart;
$node->safe_psql('postgres', "ROLLBACK PREPARED 'p12'");
is(changes($node, "c.subject IN ('11', '12', '13') AND c.op = 'INSERT'"),
	'INSERT 11 committed, INSERT 12 aborted, INSERT 13 prepared', 'and their ends when they come');
$node->stop('immediate');
$node->start;
is(changes($node, "c.subject = '13' AND c.op = 'INSERT'"), 'INSERT 13 prepared', 'one that never ends stays prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'p13'");
is(changes($node, "c.subject = '13' AND c.op = 'INSERT'"), 'INSERT 13 committed', 'until it does, after a crash as well');

# applied by a subscription, in the name of its owner
# (who replicates gets values whole, as a member of csec_backup, or not at all)
$node->safe_psql('postgres', 'CREATE ROLE copier LOGIN REPLICATION IN ROLE csec_backup; GRANT SELECT ON cust, part, part_1 TO copier');
my $url = $node->connstr . ' dbname=postgres user=copier';
$node->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE cust, part');
$replica->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$url' PUBLICATION p WITH (copy_data = true)");
$node->wait_for_catchup('s');
$replica->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')")
  or die 'no first copy';
is(changes($replica, "c.subject IN ('1', '2') AND c.op = 'INSERT'"), 'INSERT 1 committed, INSERT 2 committed', 'the first copy is recorded');
flush_trail($node);
is($node->safe_psql('postgres', "SELECT string_agg(concat(statement, ' ', subjects, ' ', exactness, ' ', revealed), ', ') FROM csec.access_records WHERE reader = 'copier' AND relation = 'public.cust'"),
	'COPY 4 delivered {phone}', 'what the copier took is on record at the publisher');
$node->safe_psql('postgres', q{
	UPDATE cust SET bal = 20 WHERE id = 2;
	DELETE FROM cust WHERE id = 1;
	INSERT INTO part VALUES (5, '13800000005');
	UPDATE part SET phone = '13900000005' WHERE id = 5;
	TRUNCATE part});
$node->wait_for_catchup('s');
is(changes($replica, "c.relation = 'public.cust' AND c.op <> 'INSERT'"), 'UPDATE 2 committed, DELETE 1 committed', 'applied changes are recorded');
is(changes($replica, "c.relation = 'public.part'"), 'INSERT 5 committed, UPDATE 5 committed, TRUNCATE  committed', 'those of a partition too');
is($replica->safe_psql('postgres', "SELECT string_agg(DISTINCT client, ',') FROM csec.change_records WHERE op = 'DELETE'"), '[internal]', 'as no person\'s');
is($replica->safe_psql('postgres', "SELECT phone = '13800000002' FROM cust WHERE id = 2"), 't', 'and the value came whole, not masked');

# where it could not be recorded, nothing is applied
my $log;
my $edit = q{UPDATE pg_trigger SET tgenabled = '%s' WHERE tgname = '%s' AND tgrelid = 'cust'::regclass;
	UPDATE pg_class SET relhastriggers = relhastriggers WHERE oid = 'cust'::regclass};
foreach my $case ([ 'csec_zz_record', 'INSERT INTO cust VALUES (30, NULL, 0)', 'SELECT count(*) FROM cust WHERE id = 30', 0, 1 ],
	[ 'csec_zz_truncate', 'TRUNCATE cust', 'SELECT count(*) > 0 FROM cust', 't', 'f' ])
{
	my ($trigger, $change, $look, $before, $after) = @$case;
	$log = -s $replica->logfile;
	$replica->safe_psql('postgres', sprintf($edit, 'D', $trigger));
	$node->safe_psql('postgres', $change);
	ok($replica->wait_for_log(qr/"cust" cannot be changed: the change could not be recorded/, $log), "$trigger is off: refused");
	is($replica->safe_psql('postgres', $look), $before, '  and not applied');
	$replica->safe_psql('postgres', sprintf($edit, 'A', $trigger));
	$node->wait_for_catchup('s');
	is($replica->safe_psql('postgres', $look), $after, '  until it is on again');
}

# another server's policy does not become this one's; of the trail, which its sealer changes meanwhile, nothing is published
$_->safe_psql('postgres', 'CREATE ROLE boss') foreach $node, $replica;
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR TABLES IN SCHEMA csec');
$replica->safe_psql('postgres', "CREATE SUBSCRIPTION everything CONNECTION '$url' PUBLICATION everything WITH (copy_data = false)");
$log = -s $replica->logfile;
$node->safe_psql('postgres', "SELECT csec.set_clearance('boss', level => 'core')");
ok($replica->wait_for_log(qr/rows of csec\.clearance are not taken from another server/, $log), 'a clearance that is replicated is refused');
is($replica->safe_psql('postgres', "SELECT count(*) FROM csec.effective_clearances WHERE role = 'boss'::regrole"), '0', '  and clears nobody');
$node->safe_psql('postgres', "SELECT csec.revoke_clearance('boss', level => 'core')");
is($node->safe_psql('postgres', q{SELECT string_agg(oid::regclass::text, ' ') FROM pg_class c WHERE relnamespace = 'csec'::regnamespace AND relkind = 'r'
	AND relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)}), '', '  nor does a publication keep a row of policy from being deleted');
$replica->safe_psql('postgres', 'ALTER SUBSCRIPTION everything DISABLE');
$node->poll_query_until('postgres', "SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'everything'") or die 'still sending';
$replica->safe_psql('postgres', 'DROP SUBSCRIPTION everything');

# prepared after it was sealed as open
my $since = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
my $evidence = "SELECT count(*) FROM csec.records_to_export('cust', '10001', NULL, NULL, NULL, $since, NULL) s (seq) JOIN csec_trail.audit_log l USING (seq) WHERE l.kind = 4";
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; INSERT INTO cust (id) SELECT generate_series(10001, 15000)");
my $many = "c.subject IN ('10001') AND c.op = 'INSERT'";
is(changes($node, $many), 'INSERT 10001 open', 'a long transaction is told of before its end');
$session->query_safe("PREPARE TRANSACTION 'long'");
is(changes($node, $many), 'INSERT 10001 prepared', '  then that it is prepared');
is($node->safe_psql('postgres', $evidence), '1', '  which evidence has with it');
$session->query_safe("COMMIT PREPARED 'long'");
is(changes($node, $many), 'INSERT 10001 committed', '  then its end');
is($node->safe_psql('postgres', $evidence), '2', '  which evidence has, too');
$session->quit;

is_verified($node, 'the publisher\'s trail');
is_verified($replica, 'the subscriber\'s trail');
$replica->stop;
$node->stop;
done_testing();
