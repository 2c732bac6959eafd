# Were this to fail, csec_verify would call sound records of reads tampered
# with, by their subjects of any shape, or miss subjects that were edited; or
# evidence about one customer would not be about him.

use strict;
use warnings;
use CsecTrail;
use JSON::PP;
use Test::More;

my $node = trail_node('subjects');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $log = 'csec_trail.audit_log';
$node->safe_psql('postgres', q{
	CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
	CREATE TABLE cust (id int8 PRIMARY KEY, phone text);
	INSERT INTO cust SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 1000) g;
	CREATE TABLE named (id text PRIMARY KEY, phone text);
	INSERT INTO named SELECT 'n' || g, '139' || lpad(g::text, 8, '0') FROM generate_series(1, 300) g;
	SELECT csec.protect('cust', subject => 'id', fields => '{"phone": "phone"}');
	SELECT csec.protect('named', subject => 'id', fields => '{"phone": "phone"}')});
$node->safe_psql('postgres', $_) foreach
	'SELECT phone FROM cust WHERE id = 42', 'SELECT phone FROM cust WHERE id IN (7, 42, 99)',
	'SELECT phone FROM cust WHERE id % 3 = 0', 'SELECT phone FROM cust',
	"SELECT phone FROM named WHERE id = 'n42'", "SELECT phone FROM named WHERE id IN ('n1', 'n2')", 'SELECT phone FROM named',
	"UPDATE cust SET phone = '13800000001' WHERE id = 42", 'INSERT INTO cust VALUES (9223372036854775807, NULL), (-9223372036854775808, NULL)',
	'SELECT phone FROM cust WHERE id > 900 OR id < 0';
flush_trail($node);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');

sub verdict
{
	my ($out, $err);
	IPC::Run::run(['csec_verify', '--json', @_], '>', \$out, '2>', \$err);
	return "2: $err" if $? >> 8 == 2;
	my ($finding) = map { @{ $_->{findings} } } @{ decode_json($out)->{trails} };
	return $finding ? "$finding->{problem}|$finding->{record}" : 'verified';
}

my @live = ('-d', $node->connstr('postgres'), '-U', 'auditor', '-w');
is($node->safe_psql('postgres', "SELECT count(*) > 2 FROM $log WHERE subjects IS NOT NULL AND NOT lower_inf(subjects)"), 't', 'there are reads of many');
is(verdict(@live), 'verified', 'subjects of every shape, live');

# ---- edited ----

sub edited_is
{
	my ($name, $where, $damage, $undo) = @_;
	my $seq = $node->safe_psql('postgres', "SELECT min(seq) FROM $log WHERE $where");
	$node->safe_psql('postgres', $_ =~ s/SEQ/$seq/gr) foreach "CREATE TABLE keep AS SELECT * FROM $log WHERE seq = SEQ; CREATE TABLE keep_subject AS SELECT * FROM csec_trail.audit_subject WHERE seq = SEQ", $damage;
	is(verdict(@live), "column_differs|$seq", $name);
	$node->safe_psql('postgres', qq{
		UPDATE $log l SET subjects = k.subjects, subject = k.subject FROM keep k WHERE l.seq = k.seq;
		DELETE FROM csec_trail.audit_subject WHERE seq = $seq;
		INSERT INTO csec_trail.audit_subject SELECT * FROM keep_subject;
		DROP TABLE keep, keep_subject});
}

my $many = 'subjects IS NOT NULL AND NOT lower_inf(subjects)';
my $few = 'seq IN (SELECT seq FROM csec_trail.audit_subject)';
edited_is('one customer taken out of many', $many, "UPDATE $log SET subjects = subjects - int8multirange(int8range(6, 7, '[]')) - int8multirange(int8range(lower(subjects), lower(subjects) + 1)) WHERE seq = SEQ");
edited_is('one customer put in among many', $many, "UPDATE $log SET subjects = subjects + '{[5000,5001)}' WHERE seq = SEQ");
edited_is('all customers in place of many', $many, "UPDATE $log SET subjects = '{(,)}' WHERE seq = SEQ");
edited_is('one of a few taken out', $few, 'DELETE FROM csec_trail.audit_subject WHERE seq = SEQ AND subject = (SELECT max(subject) FROM csec_trail.audit_subject WHERE seq = SEQ)');
edited_is('one of a few made another', $few, 'UPDATE csec_trail.audit_subject SET subject = subject + 1 WHERE seq = SEQ');
edited_is('the only one made another', 'subject = 42 AND kind = 2', "UPDATE $log SET subject = 43 WHERE seq = SEQ");
is(verdict(@live), 'verified', 'all of it taken back');

# ---- evidence about one customer ----

sub evidence
{
	my ($name, @options) = @_;
	my ($out, $err);
	IPC::Run::run(['csec_export', @live, '-o', "$dir/$name", @options], '>', \$out, '2>', \$err) or die $err;
	return $out =~ /: (\d+) records in/ ? $1 : $out;
}

# read alone, with two others, by thirds, all; his change; the outcome where it came later
my $about = $node->safe_psql('postgres', q{
	SELECT count(*) FROM csec.records_to_export('cust', '42', NULL, NULL, NULL, NULL, NULL)});
cmp_ok($about, '>=', 5, 'the customer is in several records');
is(evidence('customer', '--table', 'cust', '--subject', 42), $about, 'evidence has the records about him');
is(verdict('-f', "$dir/customer"), 'verified', '... and they are proved to be in the trail, without the others');
cmp_ok(evidence('named', '--table', 'named', '--subject', 'n42'), '>=', 2, 'a customer whose key is a text');
is(verdict('-f', "$dir/named"), 'verified', '... likewise');
is(evidence('nobody', '--table', 'cust', '--subject', 'x', '--until', 1), 0, 'nobody has no records');
is(verdict('-f', "$dir/nobody"), 'verified', '... and that is sound, too');
$node->stop;
done_testing();
