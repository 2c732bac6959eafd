# What the tests of the trail share: a node with a trail, and ways to fill it.
package CsecTrail;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(trail_node make_trail record_some flush_trail is_verified
  is_found sealer_pid wait_for_sealer records);

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

# What a superuser does to the trail (and takes back) is found, and named.  LAST
# is the number of the last record: the sealer is kept out meanwhile, as every
# look at the trail adds to it.
sub is_found
{
	my ($node, $name, $damage, $expected) = @_;
	$damage =~ s/LAST/(SELECT seq FROM before)/g;
	my ($last, $got) = split /\n/, $node->safe_psql('postgres', qq{
		BEGIN;
		SET LOCAL client_min_messages = error;
		-- should the sealer be at work, it gives way, and not this
		SET LOCAL deadlock_timeout = '1min';
		LOCK TABLE csec_trail.sealer_state;
		CREATE TEMP TABLE before ON COMMIT DROP AS SELECT seq FROM csec_trail.sealer_state;
		SELECT seq FROM before;
		$damage;
		$verdict;
		ROLLBACK});
	$expected =~ s/LAST([+-]\d+)?/$last + ($1 \/\/ 0)/e;
	is($got, "f|$expected", $name);
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

1;
