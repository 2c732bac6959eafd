# Were this to fail, a core dump, swap or freed memory of the server would hold
# keys, or values that csec opened to mask or check them.

use strict;
use warnings;
use CsecMemory;
use CsecTrail;
use CsecWire;
use Digest::SHA qw(hmac_sha256);
use Encode qw(decode encode);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700;
# (of no byte twice, so that nothing else in memory looks like them)
my %key = map { my $name = $_; ($name => join '', map { substr hmac_sha256($_, $name), 0, 16 } 1, 2) } qw(root k2 k3);
sub write_key
{
	my ($name) = @_;
	open my $f, '>', "$keys/$name.key" or die;
	print $f unpack('H*', $key{$name}), "\n";
	close $f;
	chmod 0600, "$keys/$name.key";
}
write_key($_) foreach keys %key;

my $node = PostgreSQL::Test::Cluster->new('in_memory');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "csec.embedded_keys = off\ncsec.key_directory = '$keys'\ncsec.kek = 'k2, root'\nautovacuum = off");
$node->start;
make_trail($node, 'postgres');

# RFC 5869, for outputs of up to 32 bytes
sub hkdf { my ($key, $salt, $info, $len) = @_; return substr hmac_sha256("$info\1", hmac_sha256($key, $salt)), 0, $len }
sub unwrapped
{
	my ($kek, $wrapped) = @_;
	my ($nonce, $cipher) = unpack 'x a12 a32', $wrapped;
	my $aes = hkdf($kek, 'csec 1', 'aes-256-gcm', 32);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'openssl', 'enc', '-d', '-aes-256-ctr', '-nopad', '-K', unpack('H*', $aes), '-iv', unpack('H*', $nonce) . '00000002' ], '<', \$cipher, '>', \$out, '2>', \$err) or die $err;
	return $out;
}
$key{'kek root'} = hkdf($key{root}, 'csec 1', 'kek', 32);
$key{trail} = hkdf($key{root}, 'csec 1', 'trail mac', 32);
$key{digest} = hkdf($key{root}, 'csec 1', 'trail digest', 32);
$key{order} = hkdf($key{root}, 'csec 1', 'order', 16);
$key{constant} = hkdf($key{root}, 'csec 1', 'constants', 32);
sub note_keys
{
	foreach my $row (split /\n/, $node->safe_psql('postgres', q{SELECT purpose || version, encode(wrapped, 'hex'), encode(commitment, 'hex') FROM csec.key WHERE kek = 'k2'}))
	{
		my ($name, $wrapped, $commitment) = split /\|/, $row;
		$key{$name} = unwrapped($key{k2}, pack 'H*', $wrapped);
		is(unpack('H*', hkdf($key{$name}, 'csec 1', 'commitment', 16)), $commitment, "$name is the key that we look for");
	}
}
note_keys();

# What would give each of them away: bytes, digits, what HMAC keeps.
sub traces
{
	my %traces = %key;
	foreach my $name (keys %key)
	{
		my $padded = $key{$name} . "\0" x (64 - length $key{$name});
		$traces{"$name, digits"} = unpack 'H*', $key{$name};
		$traces{"$name, inner"} = $padded ^ ("\x36" x 64);
		$traces{"$name, outer"} = $padded ^ ("\x5c" x 64);
	}
	return %traces;
}

# Names of what is in the memory of a process; pages that are left out of dumps
# do not count, but must be there.
sub found_in
{
	my ($pid, %trace) = @_;
	my @regions = memory_regions($pid);
	my @dumped = grep { !$_->{undumped} } @regions;
	my %found;
	search_memory($pid, \@dumped, sub { my ($name, $region, $at) = @_; $found{$name} .= sprintf ' %s at %x', $region->{name} || 'heap', $at }, %trace);
	return (join(', ', map { "$_:$found{$_}" } sort keys %found), @regions - @dumped);
}

sub has_no_keys
{
	my ($pid, $who) = @_;
	my ($found, $secure) = found_in($pid, traces());
	is($found, '', "$who: no key in memory that could be dumped");
	cmp_ok($secure, '>=', 2, '  as they are in pages of their own');
}

my $id_no = '330105198703043471';
my $phone = '13812345678';
my $illness = "Ren\xc3\xa9e \xc3\x9cberschw\xc3\xa4nglich";
$node->safe_psql('postgres', qq{
	CREATE ROLE clerk LOGIN; CREATE ROLE low LOGIN; CREATE ROLE backup LOGIN IN ROLE csec_backup;
	SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE cust (id int PRIMARY KEY, id_no text, phone text, illness text);
	INSERT INTO cust VALUES (1, '$id_no', '$phone', '$illness');
	SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone", "illness": "health"}');
	GRANT SELECT, UPDATE ON cust TO clerk, low, backup; GRANT CREATE ON SCHEMA public TO clerk; GRANT csec_loader TO postgres});

# a session that has done all that needs keys
my $clerk = CsecWire->connect($node, 'clerk');
$clerk->query("BEGIN; SELECT csec.set_context('a', 'b', 'c'); SELECT id_no, phone FROM cust; UPDATE cust SET phone = '13900000001'; SELECT id FROM cust WHERE id_no = '$id_no'; COMMIT");
has_no_keys($clerk->{pid}, 'a session that encrypts, decrypts and searches');
my $backup = CsecWire->connect($node, 'backup');
$backup->query('SET row_security = off; SELECT phone, id_no FROM cust');
has_no_keys($backup->{pid}, 'one that makes a dump');

# one that makes keys and wraps them
my $admin = CsecWire->connect($node, 'postgres');
$admin->query("CALL csec.rotate_key('data', 'test'); SELECT csec.rewrap_keys()");
note_keys();
has_no_keys($admin->{pid}, 'one that makes keys');
$node->append_conf('postgresql.conf', "csec.kek = 'k3, k2, root'");
my $from = -s $node->logfile;
$node->reload;
$node->wait_for_log(qr/as they are now: k3, k2, root/, $from);
$admin->query('SELECT csec.rewrap_keys()');
flush_trail($node);
has_no_keys($admin->{pid}, '  and wraps them anew');
my %worker = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT backend_type, pid FROM pg_stat_activity WHERE backend_type LIKE 'csec%' OR backend_type = 'checkpointer'});
is(join(' ', sort keys %worker), 'checkpointer csec alerts csec launcher csec sealer', 'there are workers');
has_no_keys($worker{$_}, $_) foreach sort keys %worker;
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
has_no_keys($postmaster, 'the postmaster');

# The pages are as they should be: locked in the postmaster, in no dump anywhere.
sub secure_pages { my ($pid) = @_; return grep { / dd / && !/ io / && / wr / } slurp_file("/proc/$pid/smaps") =~ /^VmFlags:( .* )$/mg }
cmp_ok(scalar(secure_pages($postmaster)), '>=', 2, 'pages are left out of dumps');
# AddressSanitizer lets nothing be locked
if (($ENV{CSEC_SANITIZER} // '') ne 'asan')
{
	is(scalar(grep { !/ lo / } secure_pages($postmaster)), 0, '  and locked');
	cmp_ok(scalar(grep { / lo / } secure_pages($clerk->{pid})), '>=', 2, '  what a session makes of keys, too');
}

# What csec opens for itself is gone afterwards.  (Shared memory has the rows
# from before they were protected, and statements.)
$node->restart;
my %opened = (value => $id_no);
my $low = CsecWire->connect($node, 'low');
$low->query('SELECT id_no FROM cust; SELECT to_json(cust) FROM cust; SELECT id_no || id_no FROM cust; SELECT upper(id_no) FROM cust; COPY (SELECT id_no FROM cust) TO STDOUT');
is((found_in($low->{pid}, %opened))[0], '', 'a value that was masked is not in the memory of the session');
my $other = CsecWire->connect($node, 'postgres');
$other->query("SELECT * FROM csec.check_envelopes('cust')");
$other->query("CALL csec.reencrypt('cust')");
$other->query("SELECT csec.match_customer('cust', '1', '{\"id_no\": \"330105198703043472\", \"phone\": \"1\"}')");
$other->query("ALTER TABLE cust ADD n int; UPDATE cust SET n = 1; VACUUM FULL cust; REINDEX TABLE cust; ANALYZE cust");
is((found_in($other->{pid}, %opened))[0], '', 'nor one that was checked, re-encrypted, matched and indexed');
# with accents: as it is, its letters apart, in bytes and in characters, and the form that is compared
my $matches = CsecWire->connect($node, 'postgres');
$matches->query("SELECT csec.match_customer('cust', '1', '{\"illness\": \"nothing\", \"phone\": \"1\"}')");
my $apart = decode('UTF-8', $illness) =~ s/\x{e9}/e\x{301}/r =~ s/\x{dc}/U\x{308}/r =~ s/\x{e4}/a\x{308}/r;
my %accented = ('as it is' => $illness, apart => encode('UTF-8', $apart), characters => encode('UTF-32LE', decode('UTF-8', $illness)),
	'characters apart' => encode('UTF-32LE', $apart), compared => encode('UTF-8', uc($apart) =~ s/ //r));
$accented{"$_, its end"} = substr delete $accented{$_}, -24 foreach keys %accented;	# the head of freed memory is overwritten
is((found_in($matches->{pid}, %accented))[0], '', 'nor one that was matched letter by letter');
$backup = CsecWire->connect($node, 'backup');
$backup->query('SET row_security = off; SELECT id_no FROM cust');
is((found_in($backup->{pid}, %opened))[0], '', 'nor one that was dumped');
# (the test is one: who is cleared gets it)
$clerk = CsecWire->connect($node, 'clerk');
$clerk->query("BEGIN; SELECT csec.set_context('a', 'b', 'c'); SELECT id_no FROM cust");
isnt((found_in($clerk->{pid}, %opened))[0], '', 'one that was shown is found');
$node->stop;

# (a server inherits the limit of who starts it)
command_ok([ 'prlimit', '--memlock=0', '--pid', $$ ], 'no memory may be locked');
my $start = -s $node->logfile;
$node->start;
$node->stop;
my $said = substr slurp_file($node->logfile), $start;
like($said, qr/could not lock the memory of csec's keys: .*HINT: .*ulimit -l.*ready to accept connections/s, '  which is said when the server starts');
done_testing();
