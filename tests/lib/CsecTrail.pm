# What the tests of the trail share: a node with a trail, and ways to fill it.
package CsecTrail;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(trail_node make_trail record_some flush_trail is_verified
  is_found sealer_pid wait_for_sealer records seals_anew with_reason hold_still all_whole $keeps_sealer_out);

# A running server; its database postgres has csec and an empty trail.
sub trail_node
{
	my ($name, %conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1, extra => ['--data-checksums']);
	$node->append_conf('postgresql.conf', "$_ = $conf{$_}") foreach sort keys %conf;
	$node->start;
	make_trail($node, 'postgres');
	return $node;
}

sub make_trail
{
	my ($node, $db) = @_;
	$node->safe_psql($db, 'CREATE EXTENSION csec CASCADE; SELECT csec.create_trail(); CREATE TABLE witness (n int)');
}

# n control records from one session, told apart by their object; durable, as
# their transaction changes something too, and commits.
sub record_some
{
	my ($node, $n, %at) = @_;
	my $object = $at{object} // 'x';
	$node->safe_psql($at{db} // 'postgres',
		"BEGIN; INSERT INTO witness VALUES ($n); SELECT count(csec.control('test', '$object ' || g, '{}')) FROM generate_series(1, $n) g; COMMIT");
}

sub flush_trail { $_[0]->safe_psql($_[1] // 'postgres', 'SELECT csec.flush_audit()') }

# A condition over the records of the trail, decoded.
sub records
{
	my ($node, $columns, $where, $db) = @_;
	return $node->safe_psql($db // 'postgres', qq{
		SELECT $columns FROM (SELECT d.* FROM csec_trail.audit_log l, csec.record_fields(l.record) d) r
		WHERE $where});
}

my $verdict = q{SELECT verified, problem, bad_seq FROM csec.check_trail(1, NULL)};

sub is_verified
{
	my ($node, $name, $db) = @_;
	is($node->safe_psql($db // 'postgres', $verdict), 't||', $name);
	is($node->safe_psql($db // 'postgres', 'SELECT verified, bad_seq FROM csec.verify_trail_sql()'),
		't|', "$name, by SQL");
}

# SQL with which a transaction has the trail to itself until it ends.  The sealer
# is met between two of its transactions, and waits: whoever waited for it might
# meet it in a deadlock, and a sealer that gives way starts again, with a new
# checkpoint.
our $keeps_sealer_out = q{
	DO $$
	DECLARE
		tables text := string_agg(oid::regclass::text, ', ') FROM pg_class
			WHERE relnamespace = 'csec_trail'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition;
	BEGIN
		LOOP
			BEGIN
				EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE NOWAIT';
				EXIT;
			EXCEPTION WHEN lock_not_available THEN
				PERFORM pg_sleep(0.01);
			END;
		END LOOP;
	END $$};

# What a superuser does to the trail (and takes back) is found, and named.  LAST
# is the number of the last record: the sealer is kept out meanwhile, as every
# look at the trail adds to it.  By SQL the hashes and the end are looked at, and
# neither columns nor seals.
sub is_found
{
	my ($node, $name, $damage, $expected, $by_sql) = @_;
	$by_sql //= $expected =~ /^(?:altered|missing|reordered|duplicated|inserted|tail_cut|cut_exceeded)\|(.*)/ ? "f|$1" : 't|';
	$damage =~ s/LAST/(SELECT seq FROM before)/g;
	my ($last, $got, $got_by_sql) = split /\n/, $node->safe_psql('postgres', qq{
		BEGIN;
		SET LOCAL client_min_messages = error;
		$keeps_sealer_out;
		CREATE TEMP TABLE before ON COMMIT DROP AS SELECT seq FROM csec_trail.sealer_state;
		SELECT seq FROM before;
		$damage;
		$verdict;
		SELECT verified, bad_seq FROM csec.verify_trail_sql();
		ROLLBACK});
	s/LAST([+-]\d+)?/$last + ($1 \/\/ 0)/e foreach $expected, $by_sql;
	is($got, "f|$expected", $name);
	is($got_by_sql, $by_sql, "$name, by SQL");
}

# What a role gets, errors and all, for a statement for which it states a reason,
# as core fields ask.
sub with_reason
{
	my ($node, $role, $sql, $db) = @_;
	my ($rc, $out, $err) = $node->psql($db // 'postgres', "BEGIN; SELECT csec.set_context('a', 'test', 't') \\gset x\n$sql; COMMIT",
		extra_params => [ '-U', $role, '-q' ], on_error_stop => 0);
	return $out . $err;
}

sub sealer_pid
{
	my ($node, $db) = @_;
	$db //= 'postgres';
	return $node->safe_psql('postgres',
		"SELECT sealer_pid FROM csec.trail_status WHERE database = '$db'");
}

sub wait_for_sealer
{
	my ($node, $db) = @_;
	$db //= 'postgres';
	$node->poll_query_until('postgres',
		"SELECT state = 'running' FROM csec.trail_status WHERE database = '$db'")
	  or die 'no sealer';
}

# Stops processes of a server, but none of them within a lock, as the others would wait
# for it: then they go on and are stopped elsewhere.  $sql: what must go on without them.
sub hold_still
{
	my ($node, $sql, @pids) = @_;
	for (1 .. 50)
	{
		kill 'STOP', @pids;
		$node->psql('postgres', "SELECT pg_current_xact_id(); $sql", timeout => 5, timed_out => \my $waits);
		return if !$waits;
		kill 'CONT', @pids;
	}
	die 'processes that are stopped hold locks';
}

# All records whole, as who makes hashes anew by SQL needs them: for one that does without
# the library from now on.
sub all_whole
{
	my ($node) = @_;
	$node->safe_psql('postgres', "SELECT csec.suspend_recording('all whole', now() + interval '1 hour')");
	flush_trail($node);
	$node->safe_psql('postgres', q{
		BEGIN;
		SET LOCAL client_min_messages = error;
		LOCK TABLE csec_trail.sealer_state;
		UPDATE csec_trail.audit_log SET record = csec.whole_record(record) WHERE get_byte(record, 0) >= 128;
		COMMIT});
	$node->stop;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->start;
	my $short = $node->safe_psql('postgres', 'SELECT count(*) FROM csec_trail.audit_log WHERE get_byte(record, 0) >= 128');
	die "$short records were sealed meanwhile" if $short > 0;
}

# What who has the trail's key (root, or the server's user) can do: SQL that makes
# the tree and the head anew, over records whose hashes fit already.
sub seals_anew
{
	my ($node) = @_;
	my $root = slurp_file($node->data_dir . '/csec_embedded.key');
	chomp $root;
	my $key = unpack 'H*', hmac_sha256("trail mac\x01", hmac_sha256(pack('H*', $root), 'csec 1'));
	return qq{
		DO \$\$
		DECLARE
			r record;
			leaves bytea[];
			hashes bytea;
		BEGIN
			DELETE FROM csec_trail.tree_tile;
			FOR r IN SELECT seq, hash FROM csec_trail.audit_log ORDER BY seq LOOP
				leaves := leaves || sha256('\\x00' || r.hash);
				IF cardinality(leaves) = 256 THEN
					SELECT string_agg(l, '' ORDER BY i) INTO hashes FROM unnest(leaves) WITH ORDINALITY u(l, i);
					WHILE cardinality(leaves) > 1 LOOP
						SELECT array_agg(sha256('\\x01' || leaves[2 * i - 1] || leaves[2 * i]) ORDER BY i) INTO leaves
						FROM generate_series(1, cardinality(leaves) / 2) i;
					END LOOP;
					INSERT INTO csec_trail.tree_tile VALUES (0, r.seq / 256 - 1, leaves[1], hashes);
					leaves := NULL;
				END IF;
			END LOOP;
			SELECT seq, hash INTO r FROM csec_trail.audit_log ORDER BY seq DESC LIMIT 1;
			UPDATE csec_trail.sealer_state SET seq = r.seq, hash = r.hash,
				head_mac = substr(hmac('csec head' || int8send(r.seq) || r.hash, '\\x$key', 'sha256'), 1, octet_length(head_mac));
		END \$\$};
}

1;
