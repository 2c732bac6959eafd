# A.12: were this to fail, who can write into the files of a database would make
# an encrypted field tell a value that nobody stored, or a damaged value would
# keep its row from being mended.

use strict;
use warnings;
use CsecTrail;
use MIME::Base64 ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('envelopes');
$node->init(allows_streaming => 1);
# csec is to find what is altered in files, and not the page's checksum, which 18 has unless told otherwise
run_log([ 'pg_checksums', '--disable', '-D', $node->data_dir ]);
$node->start;
make_trail($node, 'postgres');

# Values of one length, so that one fits into the place of another.
sub id_no { return sprintf '1101051949%08d', $_[0] }
sub card { return sprintf '6222021234%08d', $_[0] }

$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE low LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
	SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE cust (id int PRIMARY KEY, id_no csec.id_card, card csec.bank_card, ids csec.id_card[], note text);
	INSERT INTO cust SELECT g, '1101051949' || lpad(g::text, 8, '0'), '6222021234' || lpad(g::text, 8, '0'),
		CASE WHEN g = 20 THEN ARRAY['first', 'second'] END, 'n' FROM generate_series(1, 30) g;
	UPDATE csec.category SET suite = 'sm4_ctr_hmac_sm3' WHERE name = 'id_card';
	INSERT INTO cust SELECT g, '1101051949' || lpad(g::text, 8, '0') FROM generate_series(31, 60) g;
	CREATE INDEX cust_id_no ON cust (id_no);
	SELECT csec.protect('cust', 'id');
	GRANT SELECT, UPDATE, DELETE ON cust TO clerk, low;
	CREATE DATABASE two});
# a key of another database under the same number
my $number = $node->safe_psql('postgres', q{SELECT id FROM csec.keys WHERE purpose = 'data'});
$node->safe_psql('two', qq{
	CREATE EXTENSION csec CASCADE;
	SELECT csec.add_key('data', 'data', $number, 1, 'active');
	CREATE TABLE cust (id_no csec.id_card);
	INSERT INTO cust VALUES ('} . id_no(7) . q{')});

sub envelope
{
	my ($db, $query) = @_;
	my $text = $node->safe_psql($db, "SET row_security = off; $query");
	$text =~ s/^csec:e1:// or die "no envelope: $text";
	return MIME::Base64::decode_base64($text);
}
my %stored = map { $_ => envelope('postgres', "SELECT id_no FROM cust WHERE id = $_") } 1 .. 60;
my %cards = map { $_ => envelope('postgres', "SELECT card FROM cust WHERE id = $_") } 1 .. 3;
my $element = envelope('postgres', 'SELECT ids[2] FROM cust WHERE id = 20');
my $elsewhere = envelope('two', 'SELECT id_no FROM cust');
my $category = unpack 'N', substr $stored{1}, 3, 4;
is(length $elsewhere, length $stored{7}, 'an envelope from elsewhere fits');

# What is put into the place of the id_no of each row, and what csec calls it.
my $length = length $stored{1};
sub flipped { my ($id, $at, $bit) = @_; my $bytes = $stored{$id}; substr($bytes, $at, 1) ^= chr($bit // 1); return $bytes }
my %damage = (
	1 => [ 'the magic', flipped(1, 0), 'malformed' ],
	2 => [ 'the suite', flipped(2, 1, 3), 'not_authentic' ],
	3 => [ 'a suite that is none', flipped(3, 1, 8), 'malformed' ],
	4 => [ 'a flag: the form of a mask', flipped(4, 2, 4), 'not_authentic' ],
	5 => [ 'a flag: without a tag', flipped(5, 2, 1), 'not_authentic' ],
	6 => [ 'a flag that is none', flipped(6, 2, 0x40), 'malformed' ],
	7 => [ 'a key of this number from another database', $elsewhere, 'other_key' ],
	8 => [ 'the number of the key', flipped(8, 9), 'unknown_key' ],
	9 => [ 'the version of the key', flipped(9, 12, 2), 'unknown_key' ],
	10 => [ 'the nonce', flipped(10, 15), 'not_authentic' ],
	11 => [ 'the commitment', flipped(11, 30), 'other_key' ],
	12 => [ 'the search mark', flipped(12, 42), 'not_authentic' ],
	13 => [ 'the search tag', flipped(13, 60), 'not_authentic' ],
	14 => [ 'the ciphertext', flipped(14, 62), 'not_authentic' ],
	15 => [ 'the last byte', flipped(15, $length - 1, 0x80), 'not_authentic' ],
	16 => [ 'a forged category', substr($stored{16}, 0, 3) . substr($cards{1}, 3, 4) . substr($stored{16}, 7), 'not_authentic' ],
	17 => [ 'the ciphertext of another row', substr($stored{17}, 0, 61) . substr($stored{18}, 61), 'not_authentic' ],
	19 => [ 'the search tag of another row', substr($stored{19}, 0, 41) . substr($stored{18}, 41, 20) . substr($stored{19}, 61), 'not_authentic' ],
	21 => [ 'zeros', "\0" x $length, 'malformed' ],
	22 => [ 'a text in the form of a masked value', pack('C N N a*', 0, $category, 0, '44052418800101001' . ' ' x ($length - 26)), 'malformed' ],
	23 => [ 'a text in clear', sprintf("%-${length}s", id_no(99)), 'malformed' ],
	24 => [ 'cut short, in the place of its length', substr($stored{24}, 0, 61) . "\0" x ($length - 61), 'not_authentic' ],
	31 => [ 'SM4: the ciphertext', flipped(31, 62), 'not_authentic' ],
	32 => [ 'SM4: the tag', flipped(32, $length - 1), 'not_authentic' ],
	33 => [ 'SM4: the nonce', flipped(33, 13), 'not_authentic' ],
	34 => [ 'SM4: the ciphertext of another row', substr($stored{34}, 0, 61) . substr($stored{35}, 61), 'not_authentic' ],
	# authentic, and yet not what belongs there
	2001 => [ 'an element of an array', do { my $bytes = $element; substr($bytes, -1, 1) ^= "\1"; $bytes }, 'not_authentic' ],
	25 => [ 'a card in the place of an ID number', $cards{2}, 'wrong_category' ]);
is(scalar(grep { length $damage{$_}[1] != ($_ == 2001 ? length $element : $length) } keys %damage), 0, 'all of them fit');

$node->safe_psql('postgres', 'CHECKPOINT');
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('cust')});
$node->stop;
my $content = slurp_file($file);
foreach my $id (keys %damage)
{
	my $old = $id == 2001 ? $element : $stored{$id};
	my $times = () = $content =~ /\Q$old\E/g;
	die "row $id is $times times in the file" if $times < 1;
	$content =~ s/\Q$old\E/$damage{$id}[1]/g;
}
open my $f, '>:raw', $file or die;
print $f $content;
close $f;
$node->start;

# What psql says as a role: rows, or the error with detail and hint.
sub as
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role, '-q' ], on_error_stop => 0);
	return $out . $err;
}
my $context = q{BEGIN; SELECT csec.set_context('a', 'test', 't') \gset x} . "\n";
my $told = qr/not authentic|malformed value|key \d+ version \d+ is not in this database/;

foreach my $id (sort { $a <=> $b } grep { $_ < 2000 && $_ != 25 } keys %damage)
{
	my $read = as('clerk', "$context SELECT id_no FROM cust WHERE id = $id; COMMIT");
	like($read, qr/ERROR: .*(?:$told)/, "$damage{$id}[0]: an error");
	unlike($read, qr/1101051949|6222021234|44052418/, '  and no value') or diag $read;
	like(as('low', "SELECT id_no, id_no::text FROM cust WHERE id = $id"), qr/^psql:\S+ ERROR: .*(?:$told)/, '  nor a mask');
}
like(as('clerk', "$context SELECT ids::text FROM cust WHERE id = 20; COMMIT"), qr/not authentic/, 'an element of an array: an error');
is(as('clerk', "$context SELECT id_no FROM cust WHERE id IN (26, 36) ORDER BY id; COMMIT"), id_no(26) . "\n" . id_no(36), 'all others are what they were');
# A value that belongs elsewhere goes on being what it is: another rule never shows it.
is(as('low', 'SELECT csec.category_of(id_no), id_no FROM cust WHERE id = 25'), 'bank_card|************0002', 'a card in the place of an ID number is masked as a card');

# An index that leads to a damaged row gives no value of it either.
like(as('clerk', "SET enable_seqscan = off; $context SELECT note, id_no FROM cust WHERE id_no = '" . id_no(14) . "'; COMMIT"), qr/not authentic/, 'found by the index: an error');

# csec.check_envelopes() names all of them, and nothing else, and shows nothing.
my $names = q{SELECT u.id || coalesce('.' || c.element, ''), c.attname, c.problem FROM csec.check_envelopes('cust') c JOIN cust u ON u.ctid = c.row_ctid AND u.tableoid = c.relid
	ORDER BY u.id, c.attname};
my $expected = join "\n", sort { $a <=> $b } map { $_ == 2001 ? '20.2|ids|not_authentic' : "$_|id_no|$damage{$_}[2]" } keys %damage;
is($node->safe_psql('postgres', $names), $expected, 'csec.check_envelopes() names all of them');
my $list = as('auditor', q{SELECT * FROM csec.check_envelopes('cust')});
is(scalar(() = $list =~ /^cust\|/mg), scalar keys %damage, '  for an auditor, too');
unlike($list, qr/110105|622202|csec:e1/, '  without a value');
flush_trail($node);
is(records($node, 'count(*)', q{action = 'check envelopes' AND object = 'public.cust' AND detail::jsonb ->> 'problems' = '} . scalar(keys %damage) . q{'}), '2', '  on record');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT csec.envelope_problem(id_no, 'id_card'), ',' ORDER BY csec.envelope_problem(id_no, 'id_card')) FROM cust}),
	'malformed,not_authentic,other_key,unknown_key,wrong_category', 'csec.envelope_problem() of each value says the same');
like(as('auditor', 'SELECT count(*) FROM csec.encryption_share(\'cust\')'), qr/malformed/, 'what counts by headers does not pass over what has none');

# Mending: what is damaged can be written anew, and its row deleted, on record.
is(as('clerk', "$context UPDATE cust SET id_no = '" . id_no($_) . "' WHERE id = $_; SELECT id_no FROM cust WHERE id = $_; COMMIT"), id_no($_), "$damage{$_}[0]: mended")
  foreach 1, 7, 10, 14, 22, 25, 31;
is(as('clerk', "$context UPDATE cust SET note = 'other' WHERE id = $_; DELETE FROM cust WHERE id = $_; COMMIT") . as('postgres', "SELECT count(*) FROM cust WHERE id = $_"), '0', "$damage{$_}[0]: deleted")
  foreach 3, 11, 15, 21, 23, 32;
like(as('clerk', "$context UPDATE cust SET id_no = NULL WHERE id = 8; COMMIT"), qr/key \d+ version \d+ is not in this database/, 'a key that can come back is waited for');
flush_trail($node);
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.history('cust', '14') WHERE old_value = '***' AND column_name = 'id_no'}), '1', 'the trail says that there was something');
is_verified($node, 'the trail verifies');

# A key that was destroyed: nothing is read, and rows go away all the same.
$node->safe_psql('postgres', $_) foreach q{CALL csec.rotate_key('data', reason => 'test')},
  q{UPDATE csec.key SET state = 'destroyed', wrapped = NULL WHERE purpose = 'data' AND version = 1};
like(as('clerk', "$context SELECT id_no FROM cust WHERE id = 40; COMMIT"), qr/key $number version 1 was destroyed/, 'a destroyed key is named');
is($node->safe_psql('postgres', q{SELECT DISTINCT problem FROM csec.check_envelopes('cust') c JOIN cust u ON u.ctid = c.row_ctid WHERE u.id BETWEEN 40 AND 50}), 'destroyed_key', '  as a problem, too');
is(as('clerk', "$context UPDATE cust SET id_no = '" . id_no(41) . "' WHERE id = 41; DELETE FROM cust WHERE id = 40; SELECT id_no FROM cust WHERE id IN (40, 41); COMMIT"), id_no(41), '  what it encrypted is written anew, or deleted');

# Twice the same text, at any time: never the same bytes.
$node->safe_psql('postgres', q{SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000; CREATE TABLE same AS SELECT g, 'the same'::csec.id_card AS a, 'the same'::csec.health AS b FROM generate_series(1, 2000) g});
my @bytes = split /\n/, $node->safe_psql('postgres', 'SET row_security = off; SELECT a FROM same; SELECT b FROM same');
my %seen;
my %nonces;
foreach (@bytes)
{
	my $bytes = MIME::Base64::decode_base64(s/^csec:e1://r);
	$seen{$bytes}++;
	$nonces{ substr $bytes, 13, 12 }++;
}
is(scalar(keys %seen) . ' ' . scalar(keys %nonces), '4000 4000', 'the same text 4000 times: no nonce and no envelope twice');

# A constant has the same bytes each time, as PostgreSQL compares it by them; but
# never one nonce under two headers, which would give AES-GCM's key away.
sub constants
{
	return split /\n/, $node->safe_psql('two', q{SELECT encode(bytes('the same'::csec.encrypted), 'hex'); SELECT encode(bytes('the same'::csec.encrypted), 'hex'); SELECT encode(bytes('other'::csec.encrypted), 'hex')});
}
$node->safe_psql('two', q{CREATE FUNCTION bytes(csec.encrypted) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'textsend'});
my @one = constants();
$node->safe_psql('two', q{SELECT csec.add_key('search', 'search', (SELECT id FROM csec.key WHERE purpose = 'search'), 2, 'next')});
my @other = constants();
is("$one[0] $other[0]", "$one[1] $other[1]", 'a constant has the same bytes each time');
isnt($one[0], $other[0], '  until what is in its header changes');
my %nonce = map { substr($_, 26, 24) => 1 } @one, @other;
is(scalar(keys %nonce), 4, '  and no nonce stands under two headers, or for two texts');

$node->stop;
done_testing();
