# The sealer fills the btrees of the trail page by page, by itself. Were this to
# fail, an index of the trail would lose records or give wrong ones, on the
# server, after a crash, or on a standby.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# the standby compares each page with what the primary made of it
my $node = trail_node('indexes', wal_consistency_checking => "'generic, btree'", restart_after_crash => 'on');
$node->safe_psql('postgres', q{
	CREATE EXTENSION amcheck;
	CREATE EXTENSION pageinspect;
	CREATE TABLE customers (id int PRIMARY KEY, n int);
	INSERT INTO customers SELECT i, 0 FROM generate_series(1, 3000) i;
	SELECT csec.protect('customers', 'id', '{}');
	-- indexes of somebody's own: in another order, of one column, unique
	CREATE INDEX mine_down ON csec_trail.audit_log (login DESC NULLS LAST, at);
	CREATE INDEX mine_subject ON csec_trail.audit_log (subject NULLS FIRST);
	CREATE INDEX mine_names ON csec_trail.audit_log (login COLLATE "C" text_pattern_ops, seq);
	CREATE UNIQUE INDEX mine_unique ON csec_trail.audit_subject (relid, subject, seq, at);
	DO $$ BEGIN FOR i IN 1 .. 7 LOOP
		EXECUTE format('CREATE ROLE %I LOGIN', repeat(chr(96 + i), i * 8));
		EXECUTE format('GRANT ALL ON customers TO %I', repeat(chr(96 + i), i * 8));
	END LOOP; END $$});
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
chmod 0600, $standby->data_dir . '/csec_embedded.key';
$standby->start;

# Reads of one customer, of several, in and out of order, by people whose names
# sort before and behind others', and records without customer or table. All of
# a round is sealed in few batches: the sealer stands meanwhile.
my $files = PostgreSQL::Test::Utils::tempdir;
append_to_file("$files/read.sql", q{
\set id random_zipfian(1, 3000, 1.2)
SELECT n FROM customers WHERE id = :id;
});
append_to_file("$files/few.sql", q{
\set id random(1, 3000)
SELECT count(n) FROM customers WHERE id IN (:id, :id + 1, :id * 7 % 3000);
});
append_to_file("$files/change.sql", q{
\set id random(1, 3000)
UPDATE customers SET n = n + 1 WHERE id = :id;
});

sub load
{
	my ($times) = @_;
	my $pid = sealer_pid($node);
	hold_still($node, 'SELECT n FROM customers LIMIT 1', $pid);
	foreach my $i (map { $_ * 3 % 7 + 1 } 1 .. 7)
	{
		$node->command_ok([ 'pgbench', '-n', '-c', 2, '-t', $times, '-M', 'prepared', '-U', chr(96 + $i) x ($i * 8),
				'-f', "$files/read.sql\@8", '-f', "$files/few.sql", '-f', "$files/change.sql", 'postgres' ], "load by $i");
	}
	record_some($node, 50);
	kill 'CONT', $pid;
	return;
}

my $btrees = q{SELECT c.oid, c.relname FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid
	WHERE c.relnamespace = 'csec_trail'::regnamespace AND c.relkind = 'i' AND a.amname = 'btree'};

my $pages = qq{SELECT b.oid, block, h.lsn, h.lower
	FROM ($btrees) b, generate_series(1, pg_relation_size(b.oid) / 8192 - 1) block, page_header(get_raw_page(b.oid::regclass::text, block::bigint)) h};

sub is_sound
{
	my ($n, $name) = @_;
	my $check = $n == $node ? 'bt_index_parent_check(oid, true, true)' : 'bt_index_check(oid, true)';
	cmp_ok($n->safe_psql('postgres', "SELECT count(*) FROM (SELECT $check FROM ($btrees) b OFFSET 0) c"),
		'>=', 9, "$name: each btree has all rows, in order");
	return;
}

sub same_both_ways
{
	my ($name) = @_;
	foreach my $by (q{relid = 'customers'::regclass AND subject BETWEEN 1 AND 20}, 'login = repeat(\'d\', 32)', 'seq BETWEEN 500 AND 900')
	{
		my @found = map { $node->safe_psql('postgres', "SET enable_seqscan = $_->[0]; SET enable_indexscan = $_->[1]; SET enable_bitmapscan = $_->[1];
			SELECT count(*), sum(seq) FROM csec_trail.audit_log WHERE $by") } [ 'off', 'on' ], [ 'on', 'off' ];
		is($found[0], $found[1], "$name: an index finds what the table has, by $by");
		unlike($found[0], qr/^0/, "$name: there is something, by $by");
	}
	return;
}

# Each page that was filled has the position of the WAL that tells of it: else it
# could be on disk before that is.
sub remember_pages
{
	$node->safe_psql('postgres', "DROP TABLE IF EXISTS page; CREATE TABLE page AS $pages");
	return;
}

sub is_logged
{
	my ($name) = @_;
	is($node->safe_psql('postgres', "SELECT count(*) > 0, count(*) FILTER (WHERE n.lsn <= p.lsn)
		FROM page p JOIN ($pages) n USING (oid, block) WHERE n.lower <> p.lower"), 't|0', "$name: pages tell how far the WAL must be");
	return;
}

load(150);
flush_trail($node);
is_sound($node, 'filled');
load(150);
$node->safe_psql('postgres', 'REINDEX TABLE CONCURRENTLY csec_trail.audit_log');
flush_trail($node);
is_sound($node, 'rebuilt meanwhile');

# Rows of a superuser's own between the sealer's: with the same keys, some gone
# again. Their place is too small for what is sealed next, so that rows of the
# same values stand before and behind others that were there.
$node->safe_psql('postgres', q{
	CREATE TABLE copies AS SELECT * FROM csec_trail.audit_log WHERE seq % 15 = 0;
	INSERT INTO csec_trail.audit_log SELECT * FROM copies});
load(50);
flush_trail($node);
$node->safe_psql('postgres', q{
	DELETE FROM csec_trail.audit_log l USING copies c WHERE l.seq = c.seq AND l.ctid <> (SELECT min(m.ctid) FROM csec_trail.audit_log m WHERE m.seq = c.seq)});
$node->safe_psql('postgres', 'VACUUM csec_trail.audit_log');
remember_pages();
load(50);
flush_trail($node);
is_sound($node, 'beside rows of others');
is_logged('many on a page');
remember_pages();
record_some($node, 3);
flush_trail($node);
is_logged('few on a page');
same_both_ways('beside rows of others');

# the server gone while the sealer is at it.  What it had not committed leaves dead
# entries, which a scan marks without a word to the WAL: PostgreSQL knows to look
# past such marks where it checks its own records of btrees, not generic ones.
$node->append_conf('postgresql.conf', 'wal_consistency_checking = btree');
foreach my $round (1 .. 2)
{
	load(50);
	my $seq = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	$node->poll_query_until('postgres', "SELECT max(seq) > $seq FROM csec_trail.audit_log") if $round == 2;
	$node->stop('immediate');
	$node->start;
	wait_for_sealer($node);
	flush_trail($node);
	is_sound($node, "crash $round");
}
is_verified($node, 'the trail verifies');
$node->wait_for_catchup($standby);
is_sound($standby, 'standby');
same_both_ways('in the end');
$node->stop;
$standby->stop;
done_testing();
