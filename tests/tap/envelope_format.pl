# Were this to fail, docs/envelope-format.md would not describe what a database
# stores: here is a reader of envelopes written from that page alone, which
# shares no code with csec.  AES, SM4 and SM3 are the openssl program's; the
# rest of GCM, HKDF and the envelope is here.

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use IPC::Run ();
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- primitives ----

sub openssl
{
	my ($in, @command) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'openssl', @command ], '<', \$in, '>', \$out, '2>', \$err) or die "openssl @command: $err";
	return $out;
}
sub encrypt { my ($cipher, $key, $iv, $in) = @_; return openssl($in, 'enc', "-$cipher", '-K', unpack('H*', $key), $iv eq '' ? () : ('-iv', unpack('H*', $iv)), '-nopad') }
sub hmac_sm3 { my ($data, $key) = @_; return openssl($data, 'dgst', '-sm3', '-mac', 'HMAC', '-macopt', 'hexkey:' . unpack('H*', $key), '-binary') }

# RFC 5869
sub hkdf
{
	my ($hmac, $key, $info, $len, $salt) = @_;
	my $prk = $hmac->($key, $salt // 'csec 1');
	my ($out, $block) = ('', '');
	for (my $i = 1; length $out < $len; $i++)
	{
		$block = $hmac->($block . $info . chr $i, $prk);
		$out .= $block;
	}
	return substr $out, 0, $len;
}
sub hkdf_sha256 { return hkdf(\&hmac_sha256, @_) }
sub hkdf_sm3 { return hkdf(\&hmac_sm3, @_) }

# A product in GF(2^128), as NIST SP 800-38D has it: bits from the left.
sub multiply
{
	my ($x, $y) = @_;
	my @v = unpack 'N4', $y;
	my @z = (0, 0, 0, 0);
	foreach my $bit (split //, unpack 'B128', $x)
	{
		@z = map { $z[$_] ^ $v[$_] } 0 .. 3 if $bit;
		my $low = $v[3] & 1;
		@v = ($v[0] >> 1, map { ($v[$_] >> 1) | (($v[ $_ - 1 ] & 1) << 31) } 1 .. 3);
		$v[0] ^= 0xe1000000 if $low;
	}
	return pack 'N4', @z;
}

sub padded { my ($bytes) = @_; return $bytes . "\0" x (-length($bytes) % 16) }

# Ciphertext or text, whichever it is not, and the tag over the ciphertext.
sub gcm
{
	my ($key, $nonce, $aad, $in, $is_cipher) = @_;
	my $out = encrypt('aes-256-ctr', $key, $nonce . pack('N', 2), $in);
	my $cipher = $is_cipher ? $in : $out;
	my $h = encrypt('aes-256-ecb', $key, '', "\0" x 16);
	my $hash = "\0" x 16;
	$hash = multiply($hash ^ $_, $h) foreach (padded($aad) . padded($cipher) . pack('Q>Q>', 8 * length $aad, 8 * length $cipher)) =~ /(.{16})/sg;
	return ($out, $hash ^ encrypt('aes-256-ecb', $key, '', $nonce . pack('N', 1)));
}

my $vector = pack 'H*', '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662';
my ($text, $tag) = gcm(pack('H*', 'feffe9928665731c6d6a8f9467308308' x 2), pack('H*', 'cafebabefacedbaddecaf888'),
	pack('H*', 'feedfacedeadbeeffeedfacedeadbeefabaddad2'), $vector, 1);
is(unpack('H*', $tag), '76fc6ece0f4e1768cddf8853bb2d551b', 'the GCM of this test is GCM');
is(unpack('H*', hkdf_sha256("\x0b" x 22, pack('H*', 'f0f1f2f3f4f5f6f7f8f9'), 42, pack('H*', '000102030405060708090a0b0c'))),
	'3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865', '  and its HKDF is HKDF');

# ---- the envelope ----

sub parse
{
	my ($bytes) = @_;
	my %e;
	@e{qw(magic suite flags category key_id version nonce commitment)} = unpack 'CCCNNna12a16', $bytes;
	my $at = 41;
	foreach ([ 1, 'search' ], [ 2, 'next' ])
	{
		next if !($e{flags} & $$_[0]);
		@e{ "$$_[1]_mark", "$$_[1]_tag" } = unpack 'Na16', substr $bytes, $at, 20;
		$at += 20;
	}
	if ($e{flags} & 8)
	{
		$e{subject} = substr $bytes, $at, 8;
		$at += 8;
	}
	$e{header} = substr $bytes, 0, $at;
	$e{cipher} = substr $bytes, $at, length($bytes) - $at - 16;
	$e{tag} = substr $bytes, -16;
	die 'magic' if $e{magic} != 0xC1;
	return \%e;
}

sub open_by_page
{
	my ($key, $e) = @_;
	die 'commitment' if hkdf_sha256($key, 'commitment', 16) ne $e->{commitment};
	my ($text, $tag);
	if ($e->{suite} == 1)
	{
		($text, $tag) = gcm(hkdf_sha256($key, 'aes-256-gcm', 32), $e->{nonce}, $e->{header}, $e->{cipher}, 1);
	}
	elsif ($e->{suite} == 2)
	{
		$text = encrypt('sm4-ctr', hkdf_sm3($key, 'sm4-ctr', 16), $e->{nonce} . "\0" x 4, $e->{cipher});
		$tag = substr hmac_sm3(pack('Q>', length $e->{header}) . $e->{header} . $e->{nonce} . $e->{cipher}, hkdf_sm3($key, 'hmac-sm3', 32)), 0, 16;
	}
	die 'tag' if $tag ne $e->{tag};
	return $text;
}

# ---- the examples of the page ----

my $page = slurp_file('docs/envelope-format.md');
my $example_key = join '', map chr, 0 .. 31;
my $examples = 0;
while ($page =~ /^\| `(aes_256_gcm|sm4_ctr_hmac_sm3)` \| `([0-9a-f]+)` \|$/mg)
{
	my $e = parse(pack 'H*', $2);
	is(open_by_page($example_key, $e), '11010519491231002X', "the example of $1 opens");
	$examples++;
}
is($examples, 2, 'there are two');
my ($wrapped) = $page =~ /^\| wrapped \| `([0-9a-f]+)` \|$/m;
my ($kek) = $page =~ /^\| KEK `root` \| `([0-9a-f]+)` \|$/m;
is(unpack('H*', hkdf_sha256("\xa1" x 32, 'kek', 32)), $kek, 'the KEK of the example');
my ($suite, $nonce, $cipher, $wtag) = unpack 'Ca12a32a16', pack 'H*', $wrapped;
my ($bare, $computed) = gcm(hkdf_sha256(pack('H*', $kek), 'aes-256-gcm', 32), $nonce, 'csec key: data 661943316 1', $cipher, 1);
is("$suite " . unpack('H*', $computed), '1 ' . unpack('H*', $wtag), 'the wrapped key of the example is authentic');
is(unpack('H*', $bare), unpack('H*', $example_key), '  and holds the key');

# A masked field in a dump, by the KEKs that there are.
sub open_dumped
{
	my ($bytes, @keks) = @_;
	my ($magic, $flags, $category, $mark, $name, $suite, $wnonce, $wcipher, $wtag) = unpack 'CCNa8C/aCa12a32a16', $bytes;
	my ($kek) = grep { substr(hkdf_sha256($_, 'commitment', 16), 0, 8) eq $mark } @keks or die 'no KEK of that mark';
	my ($key, $computed) = gcm(hkdf_sha256($kek, 'aes-256-gcm', 32), $wnonce, 'csec dump key', $wcipher, 1);
	die 'wrap' if $magic != 0xC2 || $suite != 1 || $computed ne $wtag;
	my $head = 14 + 1 + length($name) + 61;
	my $cipher = substr $bytes, $head + 12, length($bytes) - $head - 12 - 16;
	(my $text, $computed) = gcm(hkdf_sha256($key, 'aes-256-gcm', 32), substr($bytes, $head, 12), substr($bytes, 0, $head), $cipher, 1);
	die 'tag' if $computed ne substr $bytes, -16;
	return { text => $text, category => $category, flags => $flags, name => $name, nonce => unpack('H*', substr $bytes, $head, 12) };
}

# Its other way, under a key and nonces of the caller's.
sub seal_dumped
{
	my ($text, $category, $name, $kek, $key, $wnonce, $nonce) = @_;
	my ($wcipher, $wtag) = gcm(hkdf_sha256($kek, 'aes-256-gcm', 32), $wnonce, 'csec dump key', $key, 0);
	my $head = pack 'CCNa8C/aCa12a32a16', 0xC2, 0, unpack('N', sha256($category)) & 0x7ffffffe,
		hkdf_sha256($kek, 'commitment', 16), $name, 1, $wnonce, $wcipher, $wtag;
	my ($cipher, $tag) = gcm(hkdf_sha256($key, 'aes-256-gcm', 32), $nonce, $head, $text, 0);
	return $head . $nonce . $cipher . $tag;
}
my ($dumped) = $page =~ /^\| in a dump \| `csec:d1:([A-Za-z0-9+\/=]+)` \|$/m;
my $d = open_dumped(decode_base64($dumped), pack 'H*', $kek);
is("$d->{text} $d->{name} $d->{category} $d->{nonce}", '13800000042 root ' . (unpack('N', sha256('phone')) & 0x7ffffffe) . ' 000000000000000000000007', 'the example of a masked field in a dump opens');
is(seal_dumped('13800000042', 'phone', 'root', pack('H*', $kek), $example_key, $nonce, pack 'x4Q>', 7), decode_base64($dumped), '  and is made so');

# ---- a database ----

my $node = PostgreSQL::Test::Cluster->new('format');
$node->init(allows_streaming => 1);
$node->start;
my %value = (1 => '11010519491231002X', 2 => '张三 的 身份证 ３３０１０５x', 3 => '', 4 => 'x' x 3000);
$node->safe_psql('postgres', q{
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE t (id int PRIMARY KEY, a csec.id_card, s csec.bank_card, h csec.health);
	UPDATE csec.category SET suite = 'sm4_ctr_hmac_sm3' WHERE name = 'bank_card'});
$node->safe_psql('postgres', "INSERT INTO t VALUES ($_, '$value{$_}', '$value{$_}', '$value{$_}')") foreach sort keys %value;

my $root = pack 'H*', slurp_file($node->data_dir . '/csec_embedded.key') =~ s/\s//gr;
my %key;
my $search;
foreach (split /\n/, $node->safe_psql('postgres', q{SELECT id, version, purpose, encode(wrapped, 'hex'), encode(commitment, 'hex') FROM csec.key}))
{
	my ($id, $version, $purpose, $wrapped, $commitment) = split /\|/;
	my ($suite, $nonce, $cipher, $tag) = unpack 'Ca12a32a16', pack 'H*', $wrapped;
	my ($bare, $computed) = gcm(hkdf_sha256(hkdf_sha256($root, 'kek', 32), 'aes-256-gcm', 32), $nonce, "csec key: $purpose $id $version", $cipher, 1);
	is(unpack('H*', $computed), unpack('H*', $tag), "the $purpose key is unwrapped from csec.key");
	is(unpack('H*', hkdf_sha256($bare, 'commitment', 16)), $commitment, '  and is committed to');
	$key{"$id $version"} = $bare if $purpose eq 'data';
	$search = { key => $bare, mark => unpack('N', pack 'H*', $commitment) } if $purpose eq 'search';
}
$node->safe_psql('postgres', 'CHECKPOINT');
my $file = slurp_file($node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('t')}));
my %form = (1 => '11010519491231002X', 2 => '张三的身份证330105X', 3 => '', 4 => 'X' x 3000);
my %category = (a => 'id_card', s => 'bank_card', h => 'health');
foreach my $column (qw(a s h))
{
	foreach my $id (sort keys %value)
	{
		my $text = $node->safe_psql('postgres', "SET row_security = off; SELECT $column FROM t WHERE id = $id");
		like($text, qr/^csec:e1:[A-Za-z0-9+\/]+=*$/, "$column, $id: the text of an envelope");
		my $bytes = decode_base64(substr $text, 8);
		my $e = parse($bytes);
		is($e->{suite}, $column eq 's' ? 2 : 1, '  its suite');
		is($e->{category}, unpack('N', sha256($category{$column})) & 0x7ffffffe, '  its category');
		is(open_by_page($key{"$e->{key_id} $e->{version}"}, $e), $value{$id}, '  it opens by what the page says');
		is($e->{flags} & 1, $column eq 'h' ? 0 : 1, '  it has a search tag, or none');
		is("$e->{search_mark} " . unpack('H*', $e->{search_tag}), "$search->{mark} " . unpack('H*', substr hmac_sha256($form{$id}, $search->{key}), 0, 16), '  which is that of the search form')
		  if $column ne 'h';
		ok(index($file, $bytes) >= 0, '  and is what lies in the file') if $id < 4;
	}
}

# ---- the other way: what this program makes, csec reads ----

sub seal
{
	my ($suite, $column, $text, $form) = @_;
	my ($number, $key) = %key;
	my ($id, $version) = split / /, $number;
	my $nonce = join '', map { chr 16 * $suite + $_ } 1 .. 12;
	my $header = pack('CCCNNna12a16', 0xC1, $suite, 1, unpack('N', sha256($category{$column})) & 0x7ffffffe, $id, $version, $nonce, hkdf_sha256($key, 'commitment', 16))
	  . pack('Na16', $search->{mark}, substr hmac_sha256($form, $search->{key}), 0, 16);
	my ($cipher, $tag);
	if ($suite == 1)
	{
		($cipher, $tag) = gcm(hkdf_sha256($key, 'aes-256-gcm', 32), $nonce, $header, $text, 0);
	}
	else
	{
		$cipher = encrypt('sm4-ctr', hkdf_sm3($key, 'sm4-ctr', 16), $nonce . "\0" x 4, $text);
		$tag = substr hmac_sm3(pack('Q>', length $header) . $header . $nonce . $cipher, hkdf_sm3($key, 'hmac-sm3', 32)), 0, 16;
	}
	return 'csec:e1:' . MIME::Base64::encode_base64($header . $cipher . $tag, '');
}
$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN; SELECT csec.set_clearance('clerk', level => 'core'); GRANT SELECT ON t TO clerk});
foreach my $suite (1, 2)
{
	my $envelope = seal($suite, 'a', "made elsewhere $suite", "MADEELSEWHERE$suite");
	$node->safe_psql('postgres', "INSERT INTO t (id, a) VALUES (10 + $suite, '$envelope')");
	is($node->safe_psql('postgres', qq{BEGIN; SELECT csec.set_context('a', 'b', 'c') \\gset x
		SELECT a FROM t WHERE a = 'MADE elsewhere$suite'; COMMIT}, extra_params => [ '-U', 'clerk' ]), "made elsewhere $suite", "suite $suite: csec finds and opens what was made by the page");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM t WHERE csec.envelope_problem(a, 'id_card') IS NOT NULL}), '0', 'and has nothing to say against it');

# ---- the search form, character by character ----

my ($blanks) = $page =~ /Blanks are (.*?);/s or die 'no blanks in the page';
my @blanks = map { my ($from, $to) = /U\+(\w+)(?: to U\+(\w+))?/; hex $from .. hex($to // $from) } $blanks =~ /U\+\w+(?: to U\+\w+)?/g;
$node->safe_psql('postgres', q{
	GRANT csec_loader TO postgres;
	CREATE TABLE form (n int, v csec.encrypted(account_number));
	INSERT INTO form SELECT n, 'a' || CASE WHEN n > 0 THEN chr(n) ELSE '' END || 'b' FROM generate_series(0, 65535) n WHERE n NOT BETWEEN 55296 AND 57343;
	ANALYZE form});
is($node->safe_psql('postgres', q{SELECT string_agg(b.n::text, ' ' ORDER BY b.n) FROM form b JOIN form z ON b.v = z.v WHERE z.n = 0 AND b.n > 0}), "@blanks", 'blanks are those of the page');
# 26 letters of two cases and two widths each, and 42 other characters of two widths
is($node->safe_psql('postgres', q{WITH f AS (SELECT * FROM form WHERE v <> (SELECT v FROM form WHERE n = 0))
	SELECT count(*), count(*) FILTER (WHERE upper(chr(CASE WHEN a.n > 65280 THEN a.n - 65248 ELSE a.n END)) = upper(chr(CASE WHEN b.n > 65280 THEN b.n - 65248 ELSE b.n END)))
	FROM f a JOIN f b ON a.v = b.v AND a.n < b.n}), 26 * 6 + 42 . '|' . (26 * 6 + 42), '  and nothing else is folded than widths and cases of ASCII');

# ---- masked fields in dumps ----

$node->safe_psql('postgres', q{
	CREATE ROLE backup LOGIN IN ROLE csec_backup;
	CREATE ROLE loader LOGIN IN ROLE csec_loader;
	CREATE TABLE m (id int PRIMARY KEY, p csec.person_name);
	GRANT SELECT, INSERT ON m TO backup, loader, clerk;
	INSERT INTO m VALUES (1, '张三'), (2, 'Ann Lee')});
my @dumped = map { decode_base64(substr $_, 8) } split /\n/, $node->safe_psql('postgres', 'SET row_security = off; SELECT p FROM m ORDER BY id', extra_params => [ '-U', 'backup' ]);
my $kek_here = hkdf_sha256($root, 'kek', 32);
is(join(', ', map { my $o = open_dumped($_, $kek_here); "$o->{text} $o->{flags} $o->{name}" } @dumped), '张三 0 root, Ann Lee 0 root', 'what a dump has of a masked field opens by what the page says');
isnt(open_dumped($dumped[0], $kek_here)->{nonce}, open_dumped($dumped[1], $kek_here)->{nonce}, '  under a nonce of its own each');
my $made = 'csec:d1:' . MIME::Base64::encode_base64(seal_dumped('Made Elsewhere', 'person_name', 'root', $kek_here, "\x77" x 32, "\x01" x 12, pack 'x4Q>', 0), '');
$node->safe_psql('postgres', "INSERT INTO m VALUES (3, '$made')", extra_params => [ '-U', 'loader' ]);
is($node->safe_psql('postgres', 'BEGIN; SELECT csec.set_context(\'a\', \'b\', \'c\') \gset x
	SELECT p FROM m WHERE id = 3; COMMIT', extra_params => [ '-U', 'clerk' ]), 'Made Elsewhere', 'csec opens what was made by the page');

# ---- keys of customers ----

$node->safe_psql('postgres', q{
	SELECT csec.create_trail();
	INSERT INTO csec.category (name, level, mask, storage, search) VALUES
		('tagged', 'core', 'all', 'encrypted', 'equality'), ('untagged', 'core', 'all', 'encrypted', 'none');
	CREATE TABLE cust (id int PRIMARY KEY, tagged text, untagged text);
	SELECT csec.protect('cust', 'id', '{"tagged": "tagged", "untagged": "untagged"}', subject_keys => true);
	INSERT INTO cust VALUES (42, '332598', '332598')});
sub unwrap
{
	my ($wrapped, $about) = @_;
	my ($suite, $id, $version, $nonce, $cipher, $tag) = unpack 'CNna12a32a16', pack 'H*', $wrapped;
	my ($bare, $computed) = gcm(hkdf_sha256($key{"$id $version"}, 'aes-256-gcm', 32), $nonce, $about, $cipher, 1);
	is("$suite " . unpack('H*', $computed), '1 ' . unpack('H*', $tag), substr($about, 0, 18) . ': the key is unwrapped');
	return $bare;
}
my ($space_id, $space_wrapped) = split /\|/, $node->safe_psql('postgres', q{SELECT id, encode(wrapped, 'hex') FROM csec.subject_space WHERE relid = 'cust'::regclass});
my $space = unwrap($space_wrapped, 'csec subject space' . pack 'N', $space_id);
my ($pseudonym, $subject_wrapped) = split /\|/, $node->safe_psql('postgres', q{SELECT replace(pseudonym::text, '-', ''), encode(wrapped, 'hex') FROM csec.subject_key});
is($pseudonym, unpack('H*', substr hmac_sha256('42', $space), 0, 16), 'the pseudonym of a customer');
my $subject_key = unwrap($subject_wrapped, 'csec subject key' . pack 'H*', $pseudonym);
sub stored { my ($column) = @_; return parse(decode_base64(substr $node->safe_psql('postgres', "SET row_security = off; SELECT $column FROM cust WHERE id = 42"), 8)) }
foreach my $column (qw(tagged untagged))
{
	my $e = stored($column);
	is(open_by_page($subject_key, $e), '332598', "$column: it opens under the customer's key");
	is("$e->{key_id} $e->{version} " . unpack('H*', $e->{subject}), '0 0 ' . substr($pseudonym, 0, 16), '  which its header names');
}

# What who has a copy of the files and the search key learns when the customer's
# key is gone: a code of six digits by its tag, and nothing without one.
$node->safe_psql('postgres', 'UPDATE csec.subject_key SET wrapped = NULL, destroyed_at = now()');
sub guess
{
	my ($e) = @_;
	return 'nothing to try by' if !($e->{flags} & 1);
	foreach my $code ('000000' .. '999999')
	{
		return $code if substr(hmac_sha256($code, $search->{key}), 0, 16) eq $e->{search_tag};
	}
	return 'not found';
}
is(guess(stored('tagged')), '332598', 'with tag and search key a code of six digits is guessed');
is(guess(stored('untagged')), 'nothing to try by', '  without a tag it is not');
$node->stop;
done_testing();
