# On a standby nothing can be recorded: protected tables are not read there,
# or, with csec.standby_reads = masked_only, nobody sees a value of theirs.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 'logical');
$primary->start;
$primary->safe_psql('postgres', <<'END');
CREATE EXTENSION csec CASCADE;
CREATE TABLE customers (id int PRIMARY KEY, phone text);
INSERT INTO customers VALUES (1, '13812341234');
SELECT csec.protect('customers', 'id', '{"phone": "phone"}');
CREATE ROLE clerk LOGIN;
CREATE ROLE backup LOGIN IN ROLE csec_backup;
GRANT SELECT ON customers TO clerk, backup;
SELECT csec.set_clearance('clerk', level => 'important');
END

# A copy has no WAL from before it began.  Nothing happened there: a copy that
# goes on alone must not call it a gap, however long nothing had to be sealed.
# One session for all of it, and no look at the trail: both would be recorded.
my $backup = 'base';
my $folder = $primary->backup_dir . "/$backup";
my $session = $primary->background_psql('postgres');
$session->query_safe('SELECT csec.flush_audit()');
my $began = $session->query_safe(q{SELECT pg_backup_start('base', true)});
$session->query_safe(qq{
	DO \$\$ BEGIN FOR i IN 1 .. 300 LOOP
		IF (SELECT restart_lsn >= '$began' FROM pg_replication_slots WHERE slot_name LIKE 'csec%') THEN RETURN; END IF;
		PERFORM pg_sleep(0.1);
	END LOOP; RAISE 'the position of an idle trail is not stored'; END \$\$});
PostgreSQL::Test::RecursiveCopy::copypath($primary->data_dir, $folder,
	filterfn => sub { $_[0] ne 'postmaster.pid' && $_[0] !~ m{^(log|pg_wal|pg_replslot)/.} });
append_to_file("$folder/backup_label", $session->query_safe('SELECT labelfile FROM pg_backup_stop(false)') . "\n");
$session->quit;
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($primary, $backup, has_streaming => 1);
# what recovery has replayed, the checkpoint at its end may remove before a sealer has read it
$copy->append_conf('postgresql.conf', 'wal_keep_size = 64MB');
chmod 0600, $copy->data_dir . '/csec_embedded.key';
$copy->start;
$copy->promote;
$copy->safe_psql('postgres', 'SELECT csec.flush_audit()');
is(records($copy, "string_agg(concat_ws(' ', kind, action), '; ')", "kind = 'gap'"), '', 'a copy of an idle server knows of no gap');
$copy->stop('immediate');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, $backup, has_streaming => 1);
# the copy of a folder that tests make has modes of its own
chmod 0600, $standby->data_dir . '/csec_embedded.key';
$standby->start;
$primary->wait_for_catchup($standby);

# A session of its own for each role: what is set within one clears nobody.
sub as
{
	my ($node, $role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return ($out, $err);
}
my ($out, $err) = as($primary, 'clerk', 'SELECT phone FROM customers');
is($out, '13812341234', 'the primary shows it to who is cleared');
foreach my $sql ('SELECT phone FROM customers', 'COPY customers TO STDOUT', 'SELECT count(*) FROM customers')
{
	($out, $err) = as($standby, 'clerk', $sql);
	is($out, '', "the standby refuses: $sql");
	like($err, qr/cannot be read on a standby.*primary/s, '  with the remedy');
}

$standby->append_conf('postgresql.conf', 'csec.standby_reads = masked_only');
$standby->reload;
$standby->poll_query_until('postgres', "SELECT current_setting('csec.standby_reads') = 'masked_only'");
($out, $err) = as($standby, 'clerk', 'SELECT phone FROM customers');
is($out, '138****1234', 'masked_only masks for who is cleared');
($out, $err) = as($standby, 'clerk', 'COPY customers TO STDOUT');
is($out, "1\t138****1234", '  in COPY, too');
($out, $err) = as($standby, 'clerk', "SELECT shown, why FROM csec.why_masked WHERE category = 'phone'");
is($out, 'mask|standby', '  and says why');
foreach my $role (qw(clerk backup))
{
	($out, $err) = as($standby, $role, 'SET row_security = off; SELECT phone FROM customers');
	is($out, '', "no complete dump for $role there");
	like($err, qr/would be masked/, '  but an error');
}

# It can decode from version 16 on, where no call of a function is recorded: fields come out as from the primary.
if ($standby->safe_psql('postgres', "SELECT current_setting('server_version_num')::int >= 160000") eq 't')
{
	$primary->safe_psql('postgres', q{
		CREATE ROLE watcher LOGIN REPLICATION;
		ALTER ROLE backup REPLICATION;
		CREATE TABLE patients (id int PRIMARY KEY, id_no csec.id_card)});
	$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
	$standby->reload;
	$standby->create_logical_slot_on_standby($primary, $_, 'postgres') foreach qw(shown told);
	$primary->safe_psql('postgres', q{INSERT INTO patients VALUES (1, '11010519491231002X')});
	my $between = $primary->lsn('insert');
	$primary->safe_psql('postgres', q{INSERT INTO customers VALUES (2, '13987654321')});
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	foreach my $role (qw(postgres watcher backup))
	{
		($out, $err) = as($standby, $role, "SELECT data FROM pg_logical_slot_peek_changes('shown', '$between', NULL)");
		like($out, qr/patients: INSERT: .*id_no\[csec\.id_card\]:'csec:e1:[^']+'/, "a standby decodes envelopes for $role");
		unlike($out . $err, qr/11010519491231002X|\*\*/, '  and nothing in clear, nor a mask');
		($out, $err) = as($standby, $role, "SELECT data FROM pg_logical_slot_peek_changes('shown', NULL, NULL)");
		like($err, qr/would be masked/, '  and refuses what is masked');
		unlike($out . $err, qr/13987654321|\*\*/, '  of which nothing shows');
		my ($stdout, $stderr) = ('', '');
		IPC::Run::run [ 'pg_recvlogical', '-U', $role, '-d', $standby->connstr('postgres'), '-S', 'told', '--start', '-f', '-', '--no-loop', '-o', 'skip-empty-xacts=1', '-E', $primary->lsn('insert') ], '>', \$stdout, '2>', \$stderr;
		like($stdout, qr/id_no\[csec\.id_card\]:'csec:e1:[^']+'/, "  streams envelopes to $role");
		like($stderr, qr/would be masked/, '  and refuses there, too');
		unlike($stdout . $stderr, qr/13987654321|11010519491231002X/, '  of which nothing shows');
	}
	$standby->safe_psql('postgres', "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name IN ('shown', 'told')");
	$primary->safe_psql('postgres', 'DELETE FROM customers WHERE id = 2');
}

# the record of a batch read may be in memory for csec.audit_flush_interval, and
# streams after that: what has not reached the standby is lost with the primary
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
# a read that the loss of the primary cuts off
$primary->safe_psql('postgres', q{
	CREATE FUNCTION wait_at(row_id int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN PERFORM pg_advisory_lock_shared(row_id); RETURN row_id; END $$;
	CREATE TABLE orders (id int PRIMARY KEY, phone text);
	INSERT INTO orders SELECT i, '13812341234' FROM generate_series(1, 100) i;
	SELECT csec.protect('orders', 'id', '{"phone": "phone"}', audit => 'strict');
	GRANT SELECT ON orders TO clerk});
my $holder = $primary->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(50)');
my $reader = $primary->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$reader->query_until(qr/begun/, "\\echo begun\nSELECT wait_at(id), phone FROM orders ORDER BY id;\n");
$primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") or die 'nobody waits';
$primary->safe_psql('postgres', 'SELECT csec.flush_audit()');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$standby->promote;
($out, $err) = as($standby, 'clerk', 'SELECT phone FROM customers');
is($out, '13812341234', 'promoted, it shows and records');
$standby->safe_psql('postgres', 'SELECT csec.flush_audit()');
is($standby->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '1') WHERE login = 'clerk'"),
	'2', '  what was read before and after');
is(records($standby, "string_agg(concat_ws(' ', kind, action, status, detail), '; ')", "kind IN ('gap', 'rejected') OR action LIKE 'ran %'"),
	'', '  and nothing lies between');
is_verified($standby, '  in a trail that verifies');
is($standby->safe_psql('postgres', "SELECT login, exactness FROM csec.who_saw('orders', '99')"),
	'clerk|intent', '  and what the loss of the primary cut off');
$standby->stop;
done_testing();
