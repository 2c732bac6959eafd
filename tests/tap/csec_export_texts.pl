# Were this to fail, an auditor would be given nothing about the customer whom he named, in
# a database of another encoding, would not learn the digest of what he was given, or evidence could write its own verdict on his screen.

use strict;
use warnings;
use CsecTrail;
use Encode qw(decode);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('texts', 'csec.checkpoint_interval' => '1d');
my $dir = PostgreSQL::Test::Utils::tempdir;

sub run { my ($out, $err); IPC::Run::run([@_], '<', \undef, '>', \$out, '2>', \$err); return ($? >> 8, $out, $err) }

# ---- what was typed is found, whatever the encoding of the database ----

my %customer = (EUC_CN => '张三', LATIN1 => 'Müller', UTF8 => '张三');
foreach my $encoding (sort keys %customer)
{
	my $db = lc $encoding;
	my ($name, $clerk) = ($customer{$encoding}, "$customer{$encoding} \"X\"");
	$node->safe_psql('postgres', "CREATE DATABASE $db ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	make_trail($node, $db);
	my $said = qq{
		SET client_min_messages = error;
		CREATE TABLE customer (id text PRIMARY KEY, phone text);
		INSERT INTO customer VALUES ('$name', '13812345678'), ('other', '13912345678');
		SELECT csec.protect('customer', 'id', '{"phone": "phone"}');
		SELECT csec.set_context('$clerk', 'complaint');
		SELECT * FROM customer WHERE id = '$name';
		SELECT csec.flush_audit()};
	IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-c', 'SET client_encoding = UTF8', '-c', $said ], '>', \my $out) or die;
	foreach ([ subject => '--table', 'customer', '--subject', $name ], [ person => '--person', $clerk ])
	{
		my ($what, @selection) = @$_;
		my ($code, undef, $err) = run('csec_export', '-w', '-d', $node->connstr($db), '-o', "$dir/$db.$what", '--reason', "Grund: $name", @selection);
		is("$code$err", '0', "$encoding: the records of a $what");
		($code, $out) = run('csec_verify', '--json', '-f', "$dir/$db.$what");
		my $trail = decode_json($out)->{trails}[0];
		cmp_ok($trail->{records}, '>', 0, '  are found');
		is($trail->{evidence}{reason}, 'Grund: ' . decode('UTF-8', $name), '  and what is said of them is UTF-8');
	}
}

# ---- who exported is named as in the trail ----

$node->safe_psql('postgres', 'CREATE ROLE "Rev ""1""" LOGIN IN ROLE csec_auditor');
my ($code) = run('csec_export', '-w', '-q', '-d', $node->connstr('postgres'), '-U', 'Rev "1"', '-o', "$dir/all");
is($code, 0, 'an auditor whose name needs quotes');
like(slurp_file("$dir/all/MANIFEST"), qr/^exported by: Rev "1"$/m, '  is told by it, without them');
is(records($node, 'DISTINCT login', "action = 'export'"), 'Rev "1"', '  as in the trail');

is(system(qq{csec_export -w -d '@{[ $node->connstr('postgres') ]}' -o $dir/untold >/dev/full 2>/dev/null}) >> 8, 2, 'a digest that could not be told is a failure');

# ---- evidence that would write over the verdict ----

my $manifest = slurp_file("$dir/all/MANIFEST");
# CSI of one character, of one byte, and a change of direction
foreach my $command ("\xc2\x9b", "\x9b", "\xe2\x80\xae", "\xe2\x81\xa6")
{
	open my $f, '>:raw', "$dir/all/MANIFEST" or die;
	print $f $manifest =~ s/^(database|reason|server|exported by|exported with|selection|exported at): .*/$1: a${command}3A${command}2Kverified/mgr;
	close $f;
	my (undef, $shown) = run('csec_verify', '-f', "$dir/all");
	like($shown, qr/^  reason: a\?3A\?2Kverified$/m, 'what moves the cursor is shown as a question mark: ' . unpack('H*', $command));
	unlike($shown, qr/\Q$command\E/, '  everywhere');
	(undef, $shown) = run('csec_verify', '--json', '-f', "$dir/all");
	is($shown =~ tr/\x20-\x7e\n//c, 0, '  and escaped in JSON');
}
$node->stop;
done_testing();
