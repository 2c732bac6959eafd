# Were this to fail, who ends csec.protect_online() in its midst, or loses the server then, would
# be left with a table that is neither what it was nor protected, or could not go on.

use strict;
use warnings;
use CsecEnded;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;
append_to_file("$keys/root.key", 'a1' x 32 . "\n");
chmod 0600, "$keys/root.key";
my $node = trail_node('online_ended', restart_after_crash => 'on', 'csec.embedded_keys' => 'off', 'csec.key_directory' => "'$keys'");
sub sql { return $node->safe_psql('postgres', $_[0]) }

# What a row is copied by, and what an index is built by, wait for whoever holds their number.
sql(q{
	CREATE ROLE clerk LOGIN IN ROLE csec_auditor, csec_trail_reader;
	SELECT csec.set_clearance('clerk', level => 'core');
	UPDATE csec.level SET needs_reason = false;
	CREATE FUNCTION opened(stored text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		IF stored LIKE '%held%' THEN
			PERFORM pg_advisory_xact_lock_shared(1);
		END IF;
		RETURN right(stored, 11);
	END $$;
	CREATE FUNCTION indexed(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		IF id = 7 THEN
			PERFORM pg_advisory_xact_lock_shared(2);
		END IF;
		RETURN id;
	END $$});

# Rows 1 to 20; the 13th is held where it is asked for.
my $made = 0;
sub table_of
{
	my ($held) = @_;
	my $table = 'cust' . ++$made;
	sql(qq{
		CREATE TABLE $table (id int PRIMARY KEY, phone text, id_no text);
		INSERT INTO $table SELECT g, (CASE WHEN g = 13 * $held THEN 'held ' ELSE 'free ' END) || '1380000' || 1000 + g, '1101051949123100' || lpad(g::text, 2, '0')
			FROM generate_series(1, 20) g;
		CREATE INDEX ON $table (indexed(id));
		GRANT ALL ON $table TO clerk});
	return $table;
}
sub arguments { return qq{'$_[0]', '{id}', '{"phone": "phone", "id_no": "id_card"}', decrypt => '{"phone": "public.opened(t.phone)"}', subject_keys => true} }
sub call { return 'CALL csec.protect_online(' . arguments($_[0]) . ', batch => 5)' }
sub begun { my ($table, $steps) = @_; sql(qq{SELECT csec.migration_begin('$table', '{id}', '{"phone": "phone", "id_no": "id_card"}', NULL, NULL, '{"phone": "public.opened(t.phone)"}', true)}); sql("SELECT csec.migration_copy('$table', 5)") for 1 .. $steps; return }

# The table is as it was: in clear, with all rows, whatever was written meanwhile.
sub is_plain
{
	my ($table, $name) = @_;
	is(sql("SELECT count(*), count(*) FILTER (WHERE right(phone, 11) = '1380000' || 1000 + id), count(*) FILTER (WHERE id_no = '1101051949123100' || lpad(id::text, 2, '0')),
			(SELECT count(*) FROM csec.protected_table WHERE relid = '$table'::regclass) FROM $table"), '20|20|20|0', $name);
}
sub is_protected
{
	my ($table, $name) = @_;
	is($node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE phone = '1380000' || 1000 + id), count(*) FILTER (WHERE id_no = '1101051949123100' || lpad(id::text, 2, '0')) FROM $table",
			extra_params => [ '-U', 'clerk' ]), '20|20|20', $name);
	is(sql("SELECT count(*) FROM csec.check_envelopes('$table')"), '0', '  all opens');
	is(sql("SELECT count(*) FROM csec.subject_key k JOIN csec.subject_space s ON s.id = k.space AND s.relid = '$table'::regclass"), '20', '  with a key for each customer');
	is(sql("SELECT count(*) FROM $table WHERE indexed(id) = 7"), '1', '  and the index finds');
}
sub guarded
{
	my ($session, $table) = @_;
	$session->query("ALTER TABLE $table DISABLE TRIGGER csec_zy_queue");
	my $told = $session->{stderr};
	$session->{stderr} = '';
	return $told;
}

# By stage: what stands before it, and who holds it up.
my %stage = (
	'beginning' => { before => sub { table_of(0) }, hold => sub { "BEGIN; LOCK TABLE $_[0] IN ROW EXCLUSIVE MODE" } },
	'copying, in the midst of a batch' => { before => sub { my $t = table_of(1); begun($t, 1); $t }, hold => sub { 'SELECT pg_advisory_lock(1)' }, guarded => 1 },
	'following changes' => { before => sub { my $t = table_of(0); begun($t, 5); sql("UPDATE $t SET phone = replace(phone, 'free', 'held') WHERE id = 3"); $t },
		hold => sub { 'SELECT pg_advisory_lock(1)' }, guarded => 1 },
	'waiting for its lock' => { before => sub { my $t = table_of(0); begun($t, 5); $t }, hold => sub { "BEGIN; SELECT FROM $_[0] LIMIT 1" }, guarded => 1 },
	'exchanging the files' => { before => sub { my $t = table_of(0); begun($t, 5); $t }, hold => sub { 'SELECT pg_advisory_lock(2)' }, guarded => 1 });

foreach my $name (sort keys %stage)
{
	my $stage = $stage{$name};
	my $table = $stage->{before}->();
	foreach my $how (@endings)
	{
		my ($holder) = session_of($node);
		$holder->query_safe($stage->{hold}->($table));
		my ($session, $pid) = at_work($node, call($table));
		my $copied = sql('SELECT coalesce(max(copied), 0) FROM csec.migration');
		my $told = ended($node, $how, $session, $pid);
		like($told, qr/canceling statement due to user request/, "$name, $how: the client is told") if $how eq 'cancelled';
		like($told, qr/terminating connection due to administrator command/, "$name, $how: the client is told") if $how eq 'terminated';
		$holder->quit if $how ne 'killed';
		eval { $holder->{run}->finish } if $how eq 'killed';
		is_plain($table, "$name, $how: the table is as it was");
		is(sql('SELECT coalesce(max(copied), 0) FROM csec.migrations'), $copied, '  and what was copied stays so');
		is(sql('SELECT count(*) FROM csec.key_status WHERE NOT unwraps'), '0', '  all keys open');
		if ($how eq 'cancelled')
		{
			like(guarded($session, $table), qr/is being protected and cannot be altered/, '  and the session is not let past the guards') if $stage->{guarded};
			$session->quit;
		}
	}
	sql(call($table));
	is_protected($table, "$name: called again it comes to its end");
	is(sql(q{SELECT count(*) FROM csec.migrations}) . sql(q{SELECT count(*) FROM pg_namespace WHERE nspname = 'csec_work'}), '00', '  and leaves nothing behind');
}

# given up after a crash
my $table = table_of(1);
begun($table, 1);
my ($holder) = session_of($node);
$holder->query_safe('SELECT pg_advisory_lock(1)');
ended($node, 'killed', at_work($node, call($table)));
eval { $holder->{run}->finish };
sql("SELECT csec.protect_online_cancel('$table')");
is_plain($table, 'given up after a crash: the table is as it was');
is(sql(qq{SELECT count(*) FROM pg_trigger WHERE tgrelid = '$table'::regclass AND tgname LIKE 'csec%'}), '0', '  without triggers');
sql(call($table));
is_protected($table, '  and can be protected from the start');

flush_trail($node);
is(records($node, 'count(*)', q{action = 'protect online' AND detail LIKE '%finished%' AND outcome = 'committed'}), $made, 'each end is in the trail, once');
is_verified($node, 'the trail');
$node->stop;
done_testing();
