# Were this to fail, a customer whose key is wrapped anew just when it is looked for would be
# told to be without one.

use strict;
use warnings;
use CsecEnded;
use CsecFaults;
use CsecSubjectKeys;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

faulty();
my ($node) = customers_node('replaced', "shared_buffers = 1MB\nautovacuum = off\nbgwriter_lru_maxpages = 0\n");
sub sql { return $node->safe_psql('postgres', $_[0]) }

# Rows are looked for in the order of their places.  So a row is moved to a place that is met
# before its old one; who looks is held between the two until the move is committed.
sub looked_for_while_moved
{
	my ($table, $which, $move, $look, $found, $what) = @_;
	my $block = sql("SELECT (ctid::text::point)[0] FROM $table WHERE $which");
	my ($writer) = session_of($node);
	my ($reader, $pid) = session_of($node);
	$writer->query_safe("BEGIN; UPDATE $table SET wrapped = $move WHERE $which");
	my $now = $writer->query_safe("SELECT (ctid::text::point)[0] FROM $table WHERE $which");
	ok($now < $block, "$what is wrapped anew, from block $block to $now");
	sql('SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(t) FROM filler WHERE id > 0') foreach 1 .. 2;
	my $waits = hold_at(sql("SELECT pg_relation_filepath('$table')") . '@' . $block * 8192 . ';');
	$reader->query_until(qr/sent/, "\\echo sent\n$look;\n");
	is($waits->(), $pid, '  looked for between the two');
	$writer->query_safe('COMMIT');
	clear_fault('held');
	is($reader->query('SELECT 1') =~ s/\n1$//r, $found, '  and found while that is committed');
	is($reader->{stderr}, '', '  without an error');
	$_->quit foreach $reader, $writer;
	return;
}

# what takes the buffers of all that is not in use
sql(q{CREATE TABLE filler (id int PRIMARY KEY, t text); INSERT INTO filler SELECT g, repeat('x', 1000) FROM generate_series(1, 8000) g});

# room on the first pages, which another version is put into
sql(q{
	INSERT INTO cust SELECT g, '1380000' || 1000 + g, NULL FROM generate_series(51, 400) g;
	DELETE FROM csec.subject_key WHERE (ctid::text::point)[0] = 0});
sql('VACUUM csec.subject_key');
my ($id, $pseudonym) = split /\|/, sql(q{
	SELECT g, k.pseudonym FROM generate_series(1, 400) g JOIN csec.subject_key k ON k.pseudonym = csec.subject_pseudonym('cust', g::text)
	WHERE (k.ctid::text::point)[0] > 2 ORDER BY g LIMIT 1});
looked_for_while_moved('csec.subject_key', "pseudonym = '$pseudonym'", 'csec.rewrap_subject(wrapped, space, pseudonym)',
	"SELECT csec.envelope_problem(phone, 'phone') IS NULL FROM cust WHERE id = $id", 't', "a customer's key");

my $others = q{INSERT INTO csec.subject_space (id, wrapped) SELECT -%d - g, wrapped FROM csec.subject_space, generate_series(1, 200) g WHERE relid = 'cust'::regclass};
sql(sprintf $others, 1000);
sql(q{UPDATE csec.subject_space SET created_at = created_at WHERE relid = 'cust'::regclass});
sql(sprintf $others, 2000);
sql(q{DELETE FROM csec.subject_space WHERE (ctid::text::point)[0] = 0});
sql('VACUUM csec.subject_space');
looked_for_while_moved('csec.subject_space', "relid = 'cust'::regclass", 'csec.rewrap_subject(wrapped, id, NULL)',
	"SELECT csec.customers_known('cust')", 't', 'the key of a table');

$node->stop;
done_testing();
