# Were this to fail, the memory of a session would hold values of fields for longer than csec needs
# them.  (Ours are csec.so's data, csec's memory contexts and shared memory, what lives as long as the
# process, and locked pages; what PostgreSQL keeps of statements, parameters and results is its own.)

use strict;
use warnings;
use CsecMemory;
use CsecTrail;
use CsecWire;
use Encode qw(decode encode);
use Test::More;

my $node = trail_node('values', autovacuum => 'off', log_statement => 'none', shared_buffers => '16MB', 'csec.probe_limit' => 1000);
my %id_no = (1 => '330105198703043470', 2 => '44030419780812001X', 3 => '510107196602293339');
my %phone = (1 => '13812345678', 2 => '13987654321', 3 => '13700112233');
my $illness = "Ren\xc3\xa9e \xc3\x9cberschw\xc3\xa4nglich";
my $mail = 'Jemand.Anders@Irgendwo.example';
$node->safe_psql('postgres', qq{
	CREATE ROLE clerk LOGIN; CREATE ROLE low LOGIN; CREATE ROLE permitted LOGIN;
	SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE cust (id int PRIMARY KEY, id_no text, phone text, illness text, mail text);
	INSERT INTO cust VALUES (1, '$id_no{1}', '$phone{1}', '$illness', '$mail'), (2, '$id_no{2}', '$phone{2}', 'nothing', 'x\@y.example'), (3, '$id_no{3}', '$phone{3}', 'nothing', 'y\@y.example');
	SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone", "illness": "health", "mail": "email"}');
	CREATE INDEX ON cust (id_no); CREATE INDEX ON cust (phone); CREATE INDEX ON cust USING hash (mail);
	CREATE TABLE noted (phone csec.phone, mail csec.email);
	GRANT ALL ON cust, noted TO clerk, low, permitted;
	INSERT INTO csec.access_permit (id, login, relid, fields, subjects, max_rows, export, valid_from, valid_until)
		VALUES (1, 'permitted', 'cust', '{id_no,phone,illness}', '{1,2}', 1000, false, '-infinity', 'infinity');
	INSERT INTO csec.permit_use (permit) VALUES (1)});
# shared buffers have the rows from before they were protected, and statements
$node->restart;

# A statement with parameters, as drivers send them; gives what came.
sub ask
{
	my ($client, $sql, @values) = @_;
	$client->message('P', "\0$sql\0" . pack('n', 0));
	$client->message('B', "\0\0" . pack('nn', 0, scalar @values) . join('', map { pack('N', length) . $_ } @values) . pack('n', 0));
	$client->message('E', "\0" . pack('N', 0));
	return $client->sync;
}

# Whose memory each of these texts is found in.
sub owners
{
	my ($client, %texts) = @_;
	my @regions = memory_regions($client->{pid});
	my $owner = memory_owners($node, $client->{pid});
	my %found;
	search_memory($client->{pid}, \@regions, sub { my ($name, $region, $at) = @_; $found{"$name: " . $owner->($region, $at)}++ }, %texts);
	return sort keys %found;
}

# After what it did an idle session has none of these texts in memory of csec's, and those that
# only csec has opened or made in none but what all share.
sub holds_nothing
{
	my ($client, $what, $texts, $opened) = @_;
	my %opened = map { ($_ => 1) } @$opened;
	is(join("\n", grep { /^(.*): csec: / || /^(.*): / && $opened{$1} && !/shared memory$/ }
		owners($client, map { ($_ => $_) } @$texts, @$opened)), '', $what);
}

# What is there is found: policy, what one says, and rows.
my $low = CsecWire->connect($node, 'low');
$low->query(q{BEGIN; SELECT csec.set_context('somebody', 'something', 'some ticket'); SELECT * FROM cust});
my @owners = owners($low, id_card => 'id_card', ticket => 'some ticket', phone => $phone{1});
foreach my $found ('id_card: csec: csec policy', qr/^ticket: csec: csec.*, shared/, 'phone: PostgreSQL: shared memory')
{
	ok(scalar(grep { ref $found ? $_ =~ $found : $_ eq $found } @owners), "$found");
}
$low->query('ROLLBACK');

my @encrypted = (values %id_no, $illness, uc $illness);
my @masked = (values %phone, $mail, lc $mail);

# a reader without clearance: all kinds of exits, and errors
$low->query($_) foreach 'SELECT * FROM cust', 'SELECT to_json(cust), cust::text FROM cust', q{SELECT id_no || phone, upper(id_no), upper(illness), lower(mail) FROM cust},
  q{SELECT id FROM cust WHERE phone LIKE '%1' OR id_no LIKE '%1'}, 'COPY (SELECT * FROM cust) TO STDOUT', 'SELECT count(*) FROM cust a JOIN cust b USING (id_no)',
  'SELECT DISTINCT id_no, mail FROM cust', 'SELECT id FROM cust ORDER BY phone::text, id_no::text', q{UPDATE cust SET phone = phone};
my %refused = ('division by zero' => 'SELECT id_no, illness, 1 / (id - 1) FROM cust', 'invalid input syntax' => q{SELECT (id_no || 'x')::int FROM cust}, 'would be masked' => 'SELECT illness::text FROM cust',
	'sees a mask' => q{DELETE FROM cust WHERE upper(illness) LIKE 'X'});
ask($low, 'UPDATE cust SET id_no = $1 WHERE id = 1', '440*************70');
like($low->{error}, qr/mask cannot be stored/, 'a mask of something else is refused');
holds_nothing($low, 'a reader without clearance holds nothing', \@masked, \@encrypted);
foreach my $error (sort keys %refused)
{
	my $client = CsecWire->connect($node, 'low');
	$client->query('SET row_security = off') if $error eq 'would be masked';
	ask($client, 'SELECT id_no, illness FROM cust');
	ask($client, $refused{$error});
	like($client->{error}, qr/$error/, "an error in the middle: $error");
	holds_nothing($client, '  after which he holds nothing', \@masked, \@encrypted);
}

# one who saw it, with a clearance and by a permit that has ended, and went on
my $clerk = CsecWire->connect($node, 'clerk');
my $permitted = CsecWire->connect($node, 'permitted');
foreach my $reader ($clerk, $permitted)
{
	ask($reader, 'SELECT id_no, phone, illness, upper(id_no) FROM cust WHERE id < 3');
	like($reader->last_row, qr/13987654321/, 'somebody sees values');
	$reader->query($_) foreach 'BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT id_no, phone FROM cust WHERE id < 3; COMMIT', 'FETCH c', 'SELECT id_no, illness, 1 / (id - 2) FROM cust WHERE id < 3 ORDER BY id', 'CLOSE c';
}
$node->safe_psql('postgres', 'UPDATE csec.access_permit SET valid_until = now()');
ask($permitted, 'SELECT id_no, phone FROM cust WHERE id < 3');
unlike($permitted->last_row, qr/13987654321/, 'until the permit has ended');
holds_nothing($_, '  csec holds none of them', [ @encrypted, @masked ], []) foreach $clerk, $permitted;

# what one looks up, in each way, joins and stores
my $typed = '4403 0419 7808 1200 1x';
foreach my $role ('low', 'clerk')
{
	my $client = CsecWire->connect($node, $role);
	foreach my $seqscan ('on', 'off')
	{
		$client->query("SET enable_seqscan = $seqscan");
		foreach my $type ('', '::text')
		{
			ask($client, "SELECT id FROM cust WHERE phone = \$1$type", $phone{2});
			like($client->last_row, qr/2$/, "$role: found by phone");
			ask($client, "SELECT id FROM cust WHERE id_no = \$1$type", $typed);
			like($client->last_row, qr/2$/, '  by number');
			ask($client, "SELECT id FROM cust WHERE mail = \$1$type", $mail);
			like($client->last_row, qr/1$/, '  by mail');
		}
	}
	holds_nothing($client, '  csec holds nothing of it', [ $typed, $phone{2}, $mail ], [ $id_no{2} ]);
	$client = CsecWire->connect($node, $role);
	ask($client, 'SELECT count(*) FROM cust WHERE phone = ANY ($1)', "{$phone{1},$phone{2}}");
	ask($client, 'SELECT count(*) FROM cust c JOIN (VALUES ($1::text), ($2)) v (p) ON c.phone = v.p', $phone{1}, $phone{2});
	ask($client, 'INSERT INTO noted VALUES ($1, $2)', $phone{3}, $mail);
	ask($client, 'SELECT 1 / (id - 2) FROM cust WHERE id_no = $1::text', $typed);
	holds_nothing($client, '  nor of what is joined and stored, or meets an error', [ values %phone, $mail, $typed ], [ $id_no{2} ]);
	ask($client, q{SELECT csec.mask($1, 'phone'), csec.mask($2, 'id_card')}, $phone{1}, $id_no{1});
	like($client->last_row, qr/138\*\*\*\*5678/, '  a text is masked');
	holds_nothing($client, '  of which csec holds nothing', [ $phone{1}, $id_no{1} ], []);
}

# what somebody claims, as it is written and as it is compared
my $claimed = "ren\xc3\xa9e \xc3\xbcberschw\xc3\xa4nglich";
my $compared = encode('UTF-8', uc(decode('UTF-8', $claimed) =~ s/\x{e9}/e\x{301}/r =~ s/\x{fc}/u\x{308}/r =~ s/\x{e4}/a\x{308}/r =~ s/ //r));
my %claims = (qq({"illness": "$claimed", "id_no": "3301 0519 8703 0434 70"}) => 't', qq({"illness": "$claimed", "phone": "1"}) => 'f', qq({"id_no": {"last": "434 70"}, "illness": "$claimed"}) => 't');
foreach my $claims (sort keys %claims)
{
	my $client = CsecWire->connect($node, 'postgres');
	ask($client, q{SELECT csec.match_customer('cust', '1', $1)}, $claims);
	like($client->last_row, qr/$claims{$claims}$/, 'a customer is matched');
	holds_nothing($client, '  and csec holds nothing of it', [ $claimed, '3301 0519 8703 0434 70', '434 70' ], [ $compared, substr($compared, -20), $id_no{1}, $illness ]);
}
$node->stop;
done_testing();
