# Were this to fail, a sealer that cannot keep up, a suspension, a key that is
# not there or a server set up wrongly would let protected work go on unrecorded,
# and nobody would be told (B.9, A.10).

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('faults', max_prepared_transactions => 1);
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE admin LOGIN IN ROLE csec_admin;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, note text);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 100) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	CREATE TABLE plain AS SELECT 1 AS id;
	GRANT ALL ON cust, plain TO clerk});
flush_trail($node);
$node->append_conf('postgresql.conf', "csec.max_unsealed = '1MB'");
$node->reload;

# What psql says as a role: rows, or the error with detail and hint.
sub as
{
	my ($role, $sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}

# A megabyte that waits for a sealer that is kept from sealing.
my $keeper = CsecWire->connect($node, 'postgres');
sub stall
{
	$keeper->query('BEGIN');
	$keeper->query('LOCK TABLE csec_trail.sealer_state IN ACCESS EXCLUSIVE MODE');
	as('postgres', "UPDATE cust SET note = repeat(md5(random()::text), 1500)") foreach 1;
}
sub let_go { $keeper->query('ROLLBACK') }

my $before = records($node, 'count(*)', "kind = 'change'");
stall();
like(as('clerk', 'SELECT phone FROM cust WHERE id = 1'),
	qr/behind by more than csec\.max_unsealed.*HINT:.*csec\.trail_status/s, 'too far behind: a read is refused, with the remedy');
foreach my $sql ('UPDATE cust SET note = NULL WHERE id = 1', 'INSERT INTO cust (id) VALUES (101)', 'DELETE FROM cust WHERE id = 1',
	'COPY cust TO STDOUT', 'SELECT count(*) FROM cust')
{
	like(as('clerk', $sql), qr/behind by more than csec\.max_unsealed/, "  and: $sql");
}
like(as('clerk', 'SELECT id FROM plain'), qr/^1$/, 'other tables are open');
is(as('postgres', 'SELECT lag_bytes > 1000000 FROM csec.trail_status'), 't', 'the status says how far');
let_go();
flush_trail($node);
like(as('clerk', 'SELECT phone FROM cust WHERE id = 1'), qr/^138\*{4}0001$/, 'open again when it has caught up');
cmp_ok(records($node, 'count(*)', "kind = 'change'"), '>', $before, 'and what waited is sealed');

# Who floods the sealer is slowed down first, from half of the limit on, and refused in the end.
flush_trail($node);
my $slowed = 'SELECT slowed FROM csec.trail_status';
my $slowed_before = $node->safe_psql('postgres', $slowed);
$before = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
$keeper->query('BEGIN');
$keeper->query('LOCK TABLE csec_trail.sealer_state IN ACCESS EXCLUSIVE MODE');
my $flood = PostgreSQL::Test::Utils::tempdir . '/flood.sql';
append_to_file($flood, "SELECT phone FROM cust WHERE id = 1;\n" x 8000);
my ($ret, $out, $err) = $node->psql('postgres', "\\i $flood", extra_params => [ '-U', 'clerk' ]);
like($err, qr/behind by more than csec\.max_unsealed/, 'a flood of reads comes to the limit');
my $slowed_then = $node->safe_psql('postgres', $slowed);
# how many depends on what else writes WAL meanwhile
cmp_ok($slowed_then, '>', $slowed_before, '  and waited before it was refused');
let_go();
flush_trail($node);
is($node->safe_psql('postgres', qq{
	SELECT count(*) > 400 FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > $before AND f.login = 'clerk' AND f.kind = 'read'}),
	't', '  and all of it before is on record');
as('clerk', 'SELECT phone FROM cust WHERE id = 1');
is($node->safe_psql('postgres', $slowed), $slowed_then, '  nobody waits when the sealer has caught up');

$node->append_conf('postgresql.conf', 'csec.unsealed_policy = warn');
$node->reload;
stall();
like(as('clerk', 'SELECT phone FROM cust WHERE id = 2'), qr/^138\*{4}0002.*WARNING:.*behind by more than csec\.max_unsealed/s,
	'by policy only warned of');
let_go();
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('cust', '2') WHERE login = 'clerk'"), '1', 'and recorded');

# Suspended: named in the trail with its reason and its end; masks stay.
like(as('clerk', "SELECT csec.suspend_recording('night', now() + interval '1 hour')"), qr/permission denied/, 'not by everybody');
like(as('admin', "SELECT csec.suspend_recording('', now() + interval '1 hour')"), qr/needs a reason/, 'not without a reason');
like(as('admin', "SELECT csec.suspend_recording('night', now() + interval '25 hours')"), qr/at most 24 hours/, 'not for ever');
like(as('admin', "SELECT csec.suspend_recording('night', now() - interval '1 s')"), qr/at most 24 hours/, 'not backwards');
like(as('admin', "SELECT csec.suspend_recording(NULL, now() + interval '1 hour')"), qr/needs a reason.*HINT:/s, 'not without one that is NULL');
like(as('admin', "SELECT csec.suspend_recording('night', NULL)"), qr/at most 24 hours.*HINT:/s, 'not until NULL');
like(as('clerk', 'SELECT phone FROM cust WHERE id = 3'), qr/^138\*{4}0003$/, 'so far nothing is suspended');
as('admin', "SELECT csec.suspend_recording('bad night', now() + interval '1 hour')");
like(as('clerk', 'SELECT phone FROM cust WHERE id = 4'), qr/^138\*{4}0004$/, 'suspended: the mask stays');
as('clerk', 'UPDATE cust SET note = NULL WHERE id = 4');
as('admin', 'SELECT csec.resume_recording()');
like(as('clerk', 'SELECT phone FROM cust WHERE id = 5'), qr/^138\*{4}0005$/, 'resumed');
flush_trail($node);
is($node->safe_psql('postgres', q{
	SELECT string_agg(id || ':' || (SELECT count(*) FROM csec.who_saw('cust', id::text) WHERE login = 'clerk'), ' ') FROM generate_series(3, 5) id}),
	'3:1 4:0 5:1', 'what was read meanwhile is not recorded');
is($node->safe_psql('postgres', "SELECT string_agg(concat(what, ' ', why, ' ', login), ', ' ORDER BY seq) FROM csec.gaps WHERE what IN ('suspension', 'resumption')"),
	'suspension bad night admin, resumption  admin', 'but that it is not, and why, and by whom');
as('admin', "SELECT csec.suspend_recording('again', now() + interval '1 hour')");
$node->restart;
$keeper = CsecWire->connect($node, 'postgres');
as('clerk', 'SELECT phone FROM cust WHERE id = 6');
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('cust', '6') WHERE login = 'clerk'"), '1', 'a restart ends it');

# The server set up wrongly: without the library, with too little WAL, without
# its key, with another one.
sub restarted_with
{
	my ($conf) = @_;
	$node->stop;
	$node->append_conf('postgresql.conf', $conf);
	return $node->start(fail_ok => 1);
}
restarted_with("shared_preload_libraries = ''") or BAIL_OUT('no server');
like(as('clerk', 'SELECT phone FROM cust WHERE id = 7'), qr/csec must be loaded when the server starts.*HINT:.*shared_preload_libraries/s, 'without the library: no field is read');
like(as('clerk', 'UPDATE cust SET note = NULL WHERE id = 7'), qr/csec must be loaded when the server starts/, 'nothing is changed');
foreach my $role (qw(clerk postgres))
{
	foreach my $sql ('SELECT cust FROM cust WHERE id = 7', 'SELECT phone::text FROM cust', 'SELECT to_jsonb(cust) FROM cust', 'SELECT array_agg(phone) FROM cust',
		'SELECT min(phone::text) FROM cust', "SELECT id FROM cust WHERE phone = '13800000007'", 'SELECT id FROM cust ORDER BY phone', 'COPY cust TO STDOUT', 'COPY (SELECT phone FROM cust) TO STDOUT (FORMAT binary)',
		"LOAD '\$libdir/csec'; SELECT phone FROM cust", 'SET row_security = off; SELECT phone FROM cust', 'SELECT DISTINCT phone FROM cust')
	{
		my $said = as($role, $sql);
		like($said, qr/csec must be loaded when the server starts|access to library .* is not allowed/, "nor by $role with: $sql");
		unlike($said =~ s/^LINE.*//mr, qr/138\d{8}|138\*/, '  and neither value nor mask is shown');
	}
}
$node->command_fails_like([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-t', 'cust', 'postgres' ], qr/csec must be loaded when the server starts/, 'a dump fails');
like(as('postgres', $_), qr/is refused while csec is not loaded.*HINT:/s, "and: $_")
  foreach 'DROP EXTENSION csec CASCADE', 'DROP EXTENSION pgcrypto CASCADE', 'DROP SCHEMA csec CASCADE', 'DROP OWNED BY postgres', 'DROP DOMAIN csec.phone CASCADE';
is(as('postgres', "SELECT count(*) FROM information_schema.columns WHERE table_name = 'cust' AND column_name = 'phone'"), '1', '  which are still there');
is(as('postgres', 'CREATE TABLE made AS SELECT 1 AS id; CREATE INDEX ON made (id); CREATE VIEW seen AS SELECT id FROM made; DROP VIEW seen; DROP INDEX made_id_idx; DROP TABLE made'),
	'', '  while what has nothing to do with csec comes and goes');
like(as('postgres', $_), qr/csec must be loaded when the server starts/, "  but: $_") foreach 'CREATE TABLE made (id int)', 'ALTER TABLE plain ADD later int';
as('postgres', "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
restarted_with("shared_preload_libraries = 'csec'\nwal_level = minimal\nmax_wal_senders = 0\nmax_replication_slots = 0\nmax_slot_wal_keep_size = 0")
  or BAIL_OUT('no server');
like(($node->psql('fresh', 'CREATE EXTENSION csec CASCADE'))[2], qr/wal_level is "minimal".*HINT:.*wal_level = replica/s, 'with minimal WAL: csec is not created');
like(as('postgres', "SELECT csec.protect('plain', 'id')"), qr/stays as it is.*wal_level is minimal.*max_slot_wal_keep_size is 0 MB/s, '  nor a table protected');
like(as('clerk', 'SELECT phone FROM cust WHERE id = 8'), qr/csec cannot record: wal_level is "minimal".*HINT:.*wal_level = replica/s, 'with minimal WAL: nothing is read');
like(as('clerk', 'UPDATE cust SET note = NULL WHERE id = 8'), qr/wal_level is "minimal"/, 'nor changed');
like(as('clerk', 'SELECT id FROM plain'), qr/^1$/, 'other tables are open');
is(as('postgres', 'ALTER TABLE plain ADD more int CHECK (more > 0); CREATE INDEX ON plain ((more + 1))'), '', '  and can be altered');
is($node->safe_psql('fresh', 'CREATE TABLE other (id int); ALTER TABLE other ADD CHECK (id > 0)'), '', '  in databases without csec, too');
restarted_with('wal_level = replica') or BAIL_OUT('no server');
my $protect = q{SELECT csec.protect('t', 'id', '{"phone": "phone"}'::jsonb)};
$node->safe_psql('fresh', "CREATE EXTENSION csec CASCADE; CREATE TABLE t (id int PRIMARY KEY, phone text)");
like(($node->psql('fresh', $protect))[2], qr/stays as it is, for 2 reasons.*no replication slot is free.*Raise max_replication_slots.*max_slot_wal_keep_size is 0 MB.*above csec\.max_unsealed/s,
	'with no slot free, and less WAL kept than may wait: both are said');
restarted_with('max_slot_wal_keep_size = -1') or BAIL_OUT('no server');
like(($node->psql('fresh', "\\set VERBOSITY verbose\n$protect"))[2], qr/ERROR:  53400: no replication slot is free.*HINT:.*max_replication_slots/s, 'with no slot free: no table is protected');
is($node->safe_psql('fresh', "SELECT count(*) FROM csec.protected_table"), '0', '  and nothing is half done');
is($node->safe_psql('fresh', "SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'phone'"), 'text', '  the column is as it was');

# (PostgreSQL's own launcher takes one place, csec's the second)
restarted_with("max_wal_senders = 10\nmax_replication_slots = 10\nmax_worker_processes = 2") or BAIL_OUT('no server');
as('clerk', 'SELECT phone FROM cust WHERE id = 8');
ok($node->poll_query_until('postgres', "SELECT state = 'failing' AND last_error ~ 'max_worker_processes' FROM csec.trail_status WHERE database = 'postgres'"),
	'with no worker free for the sealer: trail_status says so');
restarted_with('max_worker_processes = 1') or BAIL_OUT('no server');
as('clerk', 'SELECT phone FROM cust WHERE id = 8');
like($node->safe_psql('postgres', "SELECT warning FROM csec.trail_status WHERE database = 'postgres'"), qr/launcher does not run.*max_worker_processes/, '  nor for the launcher');
ok(restarted_with('max_worker_processes = 16'), 'and with enough again');
$node->safe_psql('postgres', 'DROP DATABASE fresh');
wait_for_sealer($node);
flush_trail($node);
is(records($node, "count(*) > 0", "kind = 'server' AND action = 'slot lost'"), 't', 'the trail says what happened to its slot');

# (what was not sealed under one key is rejected under the other)
flush_trail($node);
my $start_of_log = -s $node->logfile;
ok(!restarted_with('csec.embedded_keys = off'), 'without a key the server does not start');
like(slurp_file($node->logfile, $start_of_log), qr/csec has no key.*HINT:.*root\.key/s, '  and says what it wants');
my $directory = $node->basedir . '/keys';
mkdir $directory, 0700;
$node->append_conf('postgresql.conf', "csec.key_directory = '$directory'");
$start_of_log = -s $node->logfile;
ok(!$node->start(fail_ok => 1), 'nor with an empty directory');
like(slurp_file($node->logfile, $start_of_log), qr/could not open csec's key.*HINT:.*openssl rand/s, '  and says how to make one');
{
	open my $file, '>', "$directory/root.key" or die;
	print $file '00' x 32;
}
chmod 0644, "$directory/root.key";
$start_of_log = -s $node->logfile;
ok(!$node->start(fail_ok => 1), 'nor with a key that others can read');
like(slurp_file($node->logfile, $start_of_log), qr/can be reached by others.*HINT:.*chmod/s, '  and says how to close it');
chmod 0600, "$directory/root.key";
$start_of_log = -s $node->logfile;
ok(!$node->start(fail_ok => 1), 'nor with another key than that of its trail');
like(slurp_file($node->logfile, $start_of_log), qr/root key is not the one that this cluster's trails were sealed under.*csec_root_key\.mark.*HINT:.*Give the server the right one/s, '  and says so');
unlink $node->data_dir . '/csec_root_key.mark' or die;
ok($node->start(fail_ok => 1), 'with another key it starts where somebody has removed the mark') or BAIL_OUT('no server');
like(as('clerk', "SELECT count(*) FROM cust WHERE phone = '13800000009'"), qr/another csec root key.*HINT:/s, '  and searches no field');
like(as('postgres', 'SELECT verified, problem FROM csec.verify_trail()'), qr/^f\|/m, '  and says of the trail that it is not of this key');
flush_trail($node);
ok(restarted_with("csec.key_directory = ''\ncsec.embedded_keys = on"), 'with its own key again');
flush_trail($node);
is(records($node, 'count(*)', "kind = 'rejected'"), '0', 'no genuine record was taken for a forged one');
like(as('clerk', 'SELECT phone FROM cust WHERE id = 9'), qr/^138\*{4}0009$/, 'all works');
like(as('postgres', 'SELECT verified, problem FROM csec.verify_trail()'), qr/^f\|head_forged$/m, 'that another key was there stays in the trail');

# What one key's server did not seal, another's cannot read: rejected, and said so.
# A prepared transaction keeps the sealer out over the restart as well: what is
# written before there is a sealer is told apart all the same.
$node->safe_psql('postgres', q{
	BEGIN;
	LOCK TABLE csec_trail.sealer_state IN ACCESS EXCLUSIVE MODE;
	PREPARE TRANSACTION 'keeper'});
record_some($node, 5, object => 'under the first key');
$node->stop('immediate');
$node->append_conf('postgresql.conf', "csec.embedded_keys = off\ncsec.key_directory = '$directory'");
unlink $node->data_dir . '/csec_root_key.mark';
$node->start;
as('postgres', "SELECT pg_logical_emit_message(false, 'csec', 'x')");
$node->safe_psql('postgres', "COMMIT PREPARED 'keeper'");
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) > 4 FROM csec.gaps WHERE what = 'rejected' AND why = 'another key'"), 't',
	'what was not sealed when the key was exchanged is rejected, by that name');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.gaps WHERE what = 'rejected' AND why = 'forged'"), '1',
	'  and what is forged afterwards, by its own');
is(records($node, 'count(*)', "object LIKE 'under the first key%'"), '0', '  its first bytes are kept, not believed');

$node->stop;
done_testing();
