# Were this to fail, two approvers at one instant could make two permits or
# none, a quota would hold in one session only, be filled up by a rollback, a
# restart or a crash, or permits and persons would not survive a dump.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use IPC::Run;
use Test::More;

my $node = trail_node('permits');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN IN ROLE csec_break_glass;
	CREATE ROLE owners;
	CREATE ROLE owner LOGIN IN ROLE owners;
	CREATE ROLE deputy LOGIN IN ROLE owners;
	CREATE ROLE officer LOGIN IN ROLE csec_officer;
	CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0'), '11010519491231002X' FROM generate_series(1, 400) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card"}');
	ALTER TABLE cust OWNER TO owners;
	GRANT SELECT ON cust TO clerk;
	SELECT csec.register_person('p1', 'Li Lei', 'desk');
	SELECT csec.assign_login('p1', 'clerk');
	SELECT csec.set_own_customer('p1', 'cust', '400')});

sub sql { my ($sql, $user, $db) = @_; return $node->safe_psql($db // 'postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }

sub ask
{
	my ($fields, $rows) = @_;
	return sql("SELECT csec.request_access('cust', '{$fields}', 'care', NULL, $rows, '1 hour')", 'clerk');
}

# How many of these customers the clerk sees in clear.
sub clear
{
	my ($from, $to, $db) = @_;
	return sql("SELECT count(*) FILTER (WHERE p NOT LIKE '%*%') FROM (SELECT phone::text p FROM cust WHERE id BETWEEN $from AND $to OFFSET 0) s", 'clerk', $db);
}

# Two sessions that decide at one instant: the first has not committed when
# the second comes.  Gives what became of the second, and the request's state.
sub race
{
	my ($id, $first, $second, $end, $how) = @_;
	my $one = CsecWire->connect($node, $first);
	my $two = CsecWire->connect($node, $second);
	$one->query('BEGIN');
	$one->query("SELECT csec.approve_request($id)");
	$two->send_query($how // "SELECT csec.approve_request($id)");
	$node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $two->{pid}")
	  or die 'the second does not wait for the first';
	$one->query($end);
	my $came = $two->until_ready;
	$_->vanish foreach $one, $two;
	return (($came =~ /E/ ? 'refused' : 'done') . ' ' . sql("SELECT csec.request_state(r) || ' ' || (SELECT count(*) FROM csec.access_permit p WHERE p.id = r.id) FROM csec.access_request r WHERE id = $id"));
}

is(race(ask('phone', 10), 'owner', 'deputy', 'COMMIT'), 'refused active 1', 'of two owners at one instant one approves');
is(race(ask('phone', 10), 'owner', 'deputy', 'ROLLBACK'), 'done active 1', '  the other one if the first takes it back');
is(race(ask('id_no', 10), 'owner', 'officer', 'COMMIT'), 'done active 1', 'owner and officer at one instant make one permit');
is(race(ask('id_no', 10), 'owner', 'deputy', 'COMMIT'), 'refused submitted 0', '  two owners make none');
my $withdrawn = ask('phone', 10);
is(race($withdrawn, 'owner', 'clerk', 'COMMIT', "SELECT csec.withdraw_request($withdrawn)"), 'refused active 1', 'withdrawn while it is approved');
my $rejected = ask('phone', 10);
is(race($rejected, 'owner', 'officer', 'COMMIT', "SELECT csec.reject_request($rejected, 'no')"), 'refused active 1', 'rejected while it is approved');
sql("SELECT csec.revoke_permit(id, 'over') FROM csec.access_requests WHERE state = 'active'", 'officer');

# one quota for all sessions
my $quota = ask('phone', 50);
sql("SELECT csec.approve_request($quota)", 'owner');
my @runs;
foreach my $n (0 .. 3)
{
	my $out = '';
	my $from = 1 + 50 * $n;
	my $to = $from + 49;
	push @runs, [ IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'clerk', '-d', 'postgres', '-c',
		"SET client_min_messages = error; SELECT phone FROM cust WHERE id BETWEEN $from AND $to" ], '>', \$out), \$out ];
}
my $shown = 0;
foreach my $run (@runs)
{
	$run->[0]->finish;
	$shown += () = ${ $run->[1] } =~ /^138\d{8}$/mg;
}
is($shown, 50, 'four sessions together see as many rows as the permit has');
is(clear(300, 310), 0, '  and nobody sees one more');
is(clear(400, 400), 0, '  nor the clerk himself');

# neither a rollback nor a restart nor a crash fills it up
my $kept = ask('phone', 64);
sql("SELECT csec.approve_request($kept)", 'owner');
is(sql("BEGIN; SELECT count(*) FILTER (WHERE p NOT LIKE '%*%') FROM (SELECT phone::text p FROM cust WHERE id <= 10 OFFSET 0) s; ROLLBACK", 'clerk'), 10, 'ten rows are seen and rolled back');
$node->restart;
is(clear(11, 20), 10, 'after a restart ten more are left');
$node->stop('immediate');
$node->start;
my $left = clear(21, 100);
cmp_ok($left, '<=', 44, 'after a crash no more than there were');
cmp_ok($left, '>=', 64 - 20 - 2 * 4, '  and but for the parts that were given out, as many');
is(clear(101, 110), 0, '  and then none');
is(sql("SELECT taken FROM csec.permit_use WHERE permit = $kept"), 64, '  as the table says');

# a part is never so small that one who reads much waits for a flush all the time, nor more than
# a restart may cost
sql('UPDATE csec.access_rule SET most_rows = 1000000');
foreach my $quota ([ 32, 2 ], [ 8000, 256 ], [ 1000000, 3906 ])
{
	my $id = ask('phone', $quota->[0]);
	sql("SELECT csec.approve_request($id)", 'owner');
	clear(1, 1);
	is(sql("SELECT taken FROM csec.permit_use WHERE permit = $id"), $quota->[1], "of $quota->[0] rows $quota->[1] are given out at a time");
	sql("SELECT csec.revoke_permit($id, 'done')", 'owner');
}

# whoever listens hears of a broken glass
my ($stdout, $stderr);
$node->psql('postgres', q{LISTEN csec_alert; SELECT csec.break_glass('cust', '{7}', 'fire')}, stdout => \$stdout, stderr => \$stderr, extra_params => [ '-U', 'clerk' ]);
like($stdout, qr/"kind": "break glass"/, 'a broken glass is announced');

# there and back
my $dump = ask('phone', 100);
sql("SELECT csec.approve_request($dump)", 'owner');
sql('UPDATE csec.access_rule SET most_rows = 7 WHERE level = $$core$$');
sql("SELECT csec.set_person_state('p1', 'active', 'nothing new')", 'officer');
sql('SELECT csec.flush_audit()');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $picture = q{SELECT p FROM csec.person p; SELECT l FROM csec.person_login l; SELECT person, relid, subject FROM csec.person_customer;
	SELECT id, state, person, login, relid, fields, subjects, valid_until, review FROM csec.access_request ORDER BY id;
	SELECT a FROM csec.access_approval a ORDER BY request, capacity;
	SELECT id, login, relid, fields, not_subjects, max_rows, valid_until FROM csec.access_permit ORDER BY id;
	SELECT u FROM csec.permit_use u ORDER BY permit; SELECT * FROM csec.access_rule ORDER BY level; SELECT count(*) FROM csec.access_limit;
	SELECT count(*) FROM csec.unsound_rows; SELECT nextval('csec.access_request_id') > 9};
my $before = sql($picture);
foreach my $form (qw(plain custom))
{
	$node->command_ok([ 'pg_dump', '-U', 'dumper', '-F', $form, '-f', "$dir/$form", 'postgres' ], "dumped, $form");
	sql("CREATE DATABASE $form");
	$node->command_ok($form eq 'plain' ? [ 'psql', '-Xq', '-U', 'dumper', '-v', 'ON_ERROR_STOP=1', '-d', $form, '-f', "$dir/$form" ] :
		[ 'pg_restore', '-U', 'dumper', '--exit-on-error', '--jobs', '2', '-d', $form, "$dir/$form" ], '  and restored');
	is(sql($picture, 'postgres', $form), $before, '  persons, requests and permits are there, and signed');
	is(clear(120, 125, $form), 6, '  and serve');
}

# what was signed for another database does not
sql(q{ALTER TABLE csec.access_permit DISABLE TRIGGER sign_row;
	UPDATE csec.access_permit SET mac = '\x00' || substr(mac, 2);
	ALTER TABLE csec.access_permit ENABLE ALWAYS TRIGGER sign_row}, 'postgres', 'plain');
is(clear(130, 135, 'plain'), 0, 'a signature that does not fit');
cmp_ok(sql('SELECT count(*) FROM csec.unsound_rows', 'postgres', 'plain'), '>', 0, '  is reported');

is_verified($node, 'postgres');
$node->stop;
done_testing();
