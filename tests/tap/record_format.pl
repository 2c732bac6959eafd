# Were this to fail, docs/record-format.md would not describe the trail: here
# is a verifier written from that page alone, which shares no code with csec.

use strict;
use warnings;
use CsecTrail;
use Digest::SHA qw(sha256);
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- the reader ----

sub varint
{
	my ($bytes) = @_;
	my ($v, $shift) = (0, 0);
	while (1)
	{
		die 'varint ends early' if $$bytes eq '';
		my $b = ord substr($$bytes, 0, 1, '');
		$v |= ($b & 0x7f) << $shift;
		die 'varint longer than it need be' if $b == 0 && $shift > 0;
		return $v if $b < 0x80;
		$shift += 7;
		die 'varint too long' if $shift > 63;
	}
}

sub zigzag { my $u = varint($_[0]); use integer; return (($u >> 1) & 0x7fffffffffffffff) ^ -($u & 1) }

sub counted
{
	my ($bytes) = @_;
	my $len = varint($bytes);
	die 'bytes end early' if $len > length $$bytes;
	return substr($$bytes, 0, $len, '');
}

sub header
{
	my ($record) = @_;
	my %h;
	@h{qw(version hash kind outcome seq sealed_at lsn timeline body_len)} = unpack 'CCCCQ>q>Q>NN', $record;
	die 'version' if $h{version} != 1 || $h{hash} != 1;
	die 'length' if length($record) != 36 + $h{body_len};
	return \%h;
}

sub body
{
	my ($body) = @_;
	my %b = (field => {});
	@b{qw(version kind flags started pid number at)} = unpack 'CCnq>NQ>q>', $body;
	substr($body, 0, 32, '');
	my $last = -1;
	while ($body ne '')
	{
		my $tag = ord substr($body, 0, 1, '');
		die "tag $tag after $last" if $tag <= $last || $tag > 34;
		$last = $tag;
		$b{field}{$tag} = counted(\$body);
	}
	return \%b;
}

# The fields of a body, or of a part of one: tag => bytes with tag and length.
sub fields_of
{
	my ($bytes) = @_;
	my %field;
	while ($bytes ne '')
	{
		my $all = $bytes;
		my $tag = ord substr($bytes, 0, 1, '');
		counted(\$bytes);
		die "tag $tag twice" if exists $field{$tag};
		$field{$tag} = substr $all, 0, length($all) - length $bytes;
	}
	return \%field;
}

# A record from what is stored of it; parts that records have themselves are kept by their number.
my %part = (0x10 => {}, 0x20 => {});
sub whole
{
	my ($stored) = @_;
	my $form = ord $stored;
	return $stored if $form < 0x80;
	die "form $form" if ($form & 0x0f) > 4 || $form & 0x40;
	substr($stored, 0, 1, '');
	my $seq = varint(\$stored);
	my $sealed_at = unpack 'q>', substr($stored, 0, 8, '');
	my ($lsn, $number) = (varint(\$stored), varint(\$stored));
	my $at = $sealed_at - zigzag(\$stored);
	my ($session, $statement) = map {
		$form & $_ ? $part{$_}{ $seq - varint(\$stored) } // die "no part for $seq" : ($part{$_}{$seq} = counted(\$stored))
	} 0x10, 0x20;
	my %field = (%{ fields_of(substr $session, 16) }, %{ fields_of(substr $statement, 3) }, %{ fields_of($stored) });
	my $body = pack('C', 1) . substr($statement, 0, 3) . substr($session, 4, 12) . pack('Q>q>', $number, $at)
	  . join '', @field{ sort { $a <=> $b } keys %field };
	return pack('CCCCQ>q>Q>', 1, 1, ord $statement, $form & 0x0f, $seq, $sealed_at, $lsn) . substr($session, 0, 4)
	  . pack('N', length $body) . $body;
}

# The keys of the subjects, or 'all', or nothing.
sub keys_of
{
	my ($field) = @_;
	return () if !defined $field;
	my $form = ord substr($field, 0, 1, '');
	return ('all') if $form == 3;
	my (@keys, $high);
	for (my $n = varint(\$field); $n > 0; $n--)
	{
		if ($form == 2)
		{
			push @keys, unpack 'q>', sha256(counted(\$field));
			next;
		}
		my $low = ($high // 0) + zigzag(\$field);
		die 'ranges touch' if defined $high && $low <= $high + 1;
		$high = $low + varint(\$field);
		push @keys, $low .. $high;
	}
	die 'bytes to spare' if $field ne '';
	my %seen;
	return sort { $a <=> $b } grep { !$seen{$_}++ } @keys;
}

sub names
{
	my ($field, $marked) = @_;
	my @names;
	while ($field ne '')
	{
		my $mark = $marked ? ord substr($field, 0, 1, '') : '';
		push @names, $mark . counted(\$field);
	}
	return @names;
}

# A classified value: its mask and the envelope's text length, or a digest.
sub classified
{
	my ($value, $digest, $headers) = @_;
	my $mask = counted(\$value);
	if ($digest)
	{
		die 'no digest' if length $value != 16;
		return "$mask#";
	}
	my $place = ord substr($value, 0, 1, '');
	if ($place >= 0x80)
	{
		my ($magic, $suite, $flags, $category, $key, $version) = unpack 'CCCNNn', $value;
		die 'no envelope' if $magic != 0xc1 || $suite < 1 || $suite > 2 || $flags != 0x10 || $key == 0 || $version == 0;
		die 'not its turn' if ($place & 0x7f) != $headers->{n}++ % 16;
		$headers->{told}{ $place &= 0x7f } = 1;
		substr($value, 0, 41, '');
	}
	die 'no header' if !$headers->{told}{$place};
	return "$mask(" . (length($value) - 16) . ')';
}

sub rows
{
	my ($field) = @_;
	my (%columns, @rows, %headers);
	foreach (1 .. varint(\$field))
	{
		my $number = varint(\$field);
		$columns{$number} = [ counted(\$field), ord substr($field, 0, 1, '') ];
	}
	while ($field ne '')
	{
		my $row = substr($field, 0, 1, '');
		die "operation $row" if $row !~ /^[IUDT]$/;
		$row .= ' ' . counted(\$field);
		foreach (1 .. unpack 'n', substr($field, 0, 2, ''))
		{
			my $column = $columns{ varint(\$field) } // die 'no such column';
			my $flags = ord substr($field, 0, 1, '');
			my @values;
			foreach ([ 1, 4, 0x10 ], [ 2, 8, 0x20 ])
			{
				push @values, $$column[1] ? classified(counted(\$field), $flags & $$_[2], \%headers) : counted(\$field) if $flags & $$_[0];
				push @values, 'null' if $flags & $$_[1];
			}
			$row .= " $$column[0]:" . join '>', @values;
		}
		push @rows, $row;
	}
	return @rows;
}

# ---- the example ----

my $page = slurp_file('docs/record-format.md');
my ($prev, $record, $hash, $stored) = map {
	my ($block) = $page =~ /^\Q$_\E:\n\n((?:    .*\n)+)/m;
	join '', map { my ($hex) = /^ +((?:[0-9a-f]{2}(?: |$))+)/; defined $hex ? pack 'H*', $hex =~ s/ //gr : '' } split /\n/, $block;
} 'Hash of the record before', 'The record', 'Its hash',
  'As it is stored, where record 994 has its session part and record 992 its statement part';
is(length $prev, 32, 'the example has a hash before');
is(unpack('H*', sha256($prev . $record)), unpack('H*', $hash), 'the hash of the example');
my $h = header($record);
is_deeply([ @$h{qw(kind outcome seq timeline body_len)} ], [ 2, 0, 1001, 1, 128 ], 'its header');
my $b = body(substr $record, 36);
is_deeply([ @$b{qw(kind flags pid number)} ], [ 2, 0, 4711, 7 ], 'its body');
is_deeply([ @{ $b->{field} }{ 1, 6, 8, 13, 14 } ], [ 'clerk', '[local]', 'complaint', 'public.customers', 'SELECT' ], 'its texts');
is_deeply([ keys_of($b->{field}{20}) ], [ 42, 100, 101, 102 ], 'its subjects');
is_deeply([ names($b->{field}{19}, 1) ], [ '3phone', '2id_no' ], 'its columns');
is(varint(\(my $n = $b->{field}{15})), 300, 'its statement');
my $fields = fields_of(substr $record, 68);
$part{0x10}{994} = substr($record, 28, 4) . substr($record, 40, 12) . join '', @$fields{ 1, 6 };
$part{0x20}{992} = substr($record, 37, 3) . join '', @$fields{ 12, 13, 14, 16, 17, 19 };
is(unpack('H*', whole($stored)), unpack('H*', $record), 'the record from what is stored of it');

# ---- a trail of every kind of record ----

my $node = trail_node('format');
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', q{
	CREATE TABLE customers (id int PRIMARY KEY, name text, phone text, note text);
	CREATE TABLE shops (code text PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, 'name ' || g, '138' || lpad(g::text, 8, '0'), repeat('n', g) FROM generate_series(-5, 300) g;
	INSERT INTO shops SELECT 's' || g, '139' || lpad(g::text, 8, '0') FROM generate_series(1, 100) g;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone"}');
	SELECT csec.protect('shops', subject => 'code', fields => '{"phone": "phone"}')});
$node->safe_psql('postgres', $_) foreach (
	'SELECT * FROM customers WHERE id = 42',
	'SELECT * FROM customers WHERE id = 43; SELECT * FROM customers WHERE id = 44',
	'SELECT * FROM customers WHERE id IN (-3, 1, 2, 3, 77)',
	'SELECT * FROM customers',
	q{SELECT * FROM shops WHERE code = 's7'},
	q{SELECT * FROM shops WHERE code < 's3'},
	'SELECT * FROM shops',
	q{UPDATE customers SET phone = '13900000000', note = NULL WHERE id BETWEEN 7 AND 9},
	q{UPDATE customers SET note = repeat('long', 50000) WHERE id = 10},
	q{UPDATE customers SET phone = repeat('1', 70000) WHERE id = 13},
	'BEGIN; DELETE FROM customers WHERE id = 11; ROLLBACK',
	q{INSERT INTO customers VALUES (9223372, 'x', '13800000000', '')},
	'TRUNCATE shops',
	q{SELECT pg_logical_emit_message(false, 'csec', 'forged')});
my $open = $node->background_psql('postgres');
$open->query_safe('BEGIN; DELETE FROM customers WHERE id = 12');
flush_trail($node);
$open->query_safe('COMMIT');
$open->quit;
flush_trail($node);

my $copy = $node->safe_psql('postgres', q{
	COPY (SELECT seq, (extract(epoch FROM at) * 1000000)::int8 - 946684800000000, subject, relid, kind, login, subjects,
		encode(record, 'hex'), encode(hash, 'hex') FROM csec_trail.audit_log ORDER BY seq) TO STDOUT});
my %subject_rows = map { $_ => 1 } split /\n/,
  $node->safe_psql('postgres', "SELECT seq || ' ' || relid || ' ' || subject FROM csec_trail.audit_subject");

my (%kinds, %numbers, @wrong, %changed, $short, $other);
my $seq = 0;
my $before = "\0" x 32;
foreach my $line (split /\n/, $copy)
{
	my ($row_seq, $at, $subject, $relid, $kind, $login, $subjects, $bytes, $row_hash) =
	  map { $_ eq '\N' ? undef : $_ } split /\t/, $line;
	last if ++$seq != $row_seq;
	my $record = whole(pack 'H*', $bytes);
	$short++ if $bytes =~ /^[89ab]/;
	$other++ if $bytes =~ /^[9ab]/;
	$before = sha256($before . $record);
	push @wrong, "$seq: hash" if unpack('H*', $before) ne $row_hash;
	my $h = header($record);
	my $b = body(substr $record, 36);
	my $f = $b->{field};
	$kinds{ $h->{kind} }++;
	push @wrong, "$seq: header" if $h->{seq} != $seq || $h->{sealed_at} != $at || $h->{kind} != $kind || $b->{kind} != $kind;
	push @wrong, "$seq: login" if ($login // '') ne ($f->{1} // '');
	my $table = $kind == 4 ? 0 : defined $f->{12} ? unpack('N', $f->{12}) : undef;
	push @wrong, "$seq: relid" if ($table // '') ne ($relid // '');
	my @keys = $kind == 4 ? unpack('N', $f->{11}) : keys_of($f->{20});
	push @wrong, "$seq: subject" if (@keys == 1 && $keys[0] ne 'all' ? $keys[0] : '') ne ($subject // '');
	push @wrong, "$seq: subjects"
	  if defined $subjects != (@keys > 64 || "@keys" eq 'all') || ("@keys" eq 'all' && $subjects ne '{(,)}');
	if (@keys > 1 && @keys <= 64)
	{
		delete $subject_rows{"$seq $table $_"} or push @wrong, "$seq: row for $_" foreach @keys;
	}
	my $session = "$b->{started} $b->{pid}";
	push @wrong, "$seq: number" if exists $numbers{$session} && $b->{number} != $numbers{$session} + 1;
	$numbers{$session} = $b->{number};
	names($f->{19}, 1) if defined $f->{19};
	names($f->{22}, 0) if defined $f->{22};
	$changed{$_}++ foreach defined $f->{21} ? rows($f->{21}) : ();
	$changed{'T all'}++ if $kind == 3 && $f->{14} eq 'TRUNCATE' && "@keys" eq 'all';
}
is(join(', ', @wrong), '', 'a trail verified by what the page says');
is(join(', ', sort keys %subject_rows), '', 'no subject too many');
cmp_ok($seq, '>', 20, 'there was something to verify');
cmp_ok($short, '>', $other, 'with records that have parts for others');
cmp_ok($other, '>', 0, '  and records that refer to them');
ok($kinds{$_}, "with records of kind $_") foreach 1, 2, 3, 4, 5, 8, 9;
my @changes = sort keys %changed;
ok((grep { /^U 7 .*phone:138\*{4}0007\(11\)>139\*{4}0000\(11\) .*note:nnnnnnn>null$/ } @changes),
	'a changed row: mask and envelope of the classified column, old and new of the other')
  or diag join "\n", map { substr $_, 0, 100 } @changes;
ok((grep { /^U 13 phone:138\*{4}0013\(11\)>\*\*\*#$/ } @changes), 'a digest for the envelope of a long value');
ok((grep { /^D 11 / } @changes), 'a deleted row');
ok((grep { /^T all/ } @changes), 'a truncated table');

# ---- the tree, its tiles, and the checkpoints ----

sub leaf { return sha256("\x00$_[0]") }
sub node { return sha256("\x01$_[0]$_[1]") }

# RFC 6962, 2.1
sub root_of
{
	my (@leaves) = @_;
	return sha256('') if !@leaves;
	return $leaves[0] if @leaves == 1;
	my $k = 1;
	$k *= 2 while $k * 2 < @leaves;
	return node(root_of(@leaves[0 .. $k - 1]), root_of(@leaves[$k .. $#leaves]));
}

# RFC 9162, 2.1.3.2
sub is_included
{
	my ($at, $size, $hash, $root, @proof) = @_;
	my $last = $size - 1;
	foreach my $next (@proof)
	{
		return 0 if $last == 0;
		if ($at & 1 || $at == $last)
		{
			$hash = node($next, $hash);
			while (!($at & 1) && $at) { $at >>= 1; $last >>= 1 }
		}
		else { $hash = node($hash, $next) }
		$at >>= 1;
		$last >>= 1;
	}
	return $last == 0 && $hash eq $root;
}

# RFC 9162, 2.1.4.2
sub is_consistent
{
	my ($first, $second, $first_root, $second_root, @proof) = @_;
	return !@proof && $first_root eq $second_root if $first == $second;
	unshift @proof, $first_root if ($first & ($first - 1)) == 0;
	my ($fn, $sn) = ($first - 1, $second - 1);
	while ($fn & 1) { $fn >>= 1; $sn >>= 1 }
	my $fr = my $sr = shift @proof;
	foreach my $next (@proof)
	{
		return 0 if $sn == 0;
		if ($fn & 1 || $fn == $sn)
		{
			($fr, $sr) = (node($next, $fr), node($next, $sr));
			while (!($fn & 1) && $fn) { $fn >>= 1; $sn >>= 1 }
		}
		else { $sr = node($sr, $next) }
		$fn >>= 1;
		$sn >>= 1;
	}
	return $sn == 0 && $fr eq $first_root && $sr eq $second_root;
}

record_some($node, 600);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
record_some($node, 3);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my @hashes = map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', q{SELECT encode(hash, 'hex') FROM csec_trail.audit_log ORDER BY seq});
my @leaves = map { leaf($_) } @hashes;
my @tiles = split /\n/, $node->safe_psql('postgres', q{SELECT level || ' ' || tile || ' ' || encode(root, 'hex') || ' ' || encode(hashes, 'hex') FROM csec_trail.tree_tile ORDER BY level, tile});
is(join("\n", @tiles), join("\n", map {
	my @below = @leaves[256 * $_ .. 256 * $_ + 255];
	"0 $_ " . unpack('H*', root_of(@below)) . ' ' . unpack('H*', join '', @below) } 0 .. int(@leaves / 256) - 1), 'the tiles are those of the records');

my ($last_note, $last_next, $last_size, $chain_origin) = ('', undef, 0, undef);
my ($epoch, @bad) = (0);
foreach my $hex (split /\n/, $node->safe_psql('postgres', q{SELECT encode(note, 'hex') FROM csec_trail.checkpoint ORDER BY epoch}))
{
	my $note = pack 'H*', $hex;
	my ($text, $signer, $signature) = $note =~ /\A(.*\n)\n\xe2\x80\x94 (\S+) (\S+)\n\z/s or die 'no signed note';
	my ($origin, $size, $root, $e, $chain, $time, $h, $before, $public, $next) =
	  $text =~ /\A(csec\/\d+\/\d+)\n(\d+)\n(\S{44})\nepoch (\d+)\nchain (\d+)\ntime (\d+)\nhead (\S+)\nbefore (\S+)\nkey (\S+)\nnext (\S+)\n\z/ or die 'no checkpoint';
	my $key = decode_base64($public);
	push @bad, "$e: epoch" if $e != ++$epoch;
	push @bad, "$e: size" if $size < $last_size;
	push @bad, "$e: before" if decode_base64($before) ne ($e == 1 ? "\0" x 32 : sha256($last_note));
	push @bad, "$e: key" if $chain == $e ? $e != 1 : $public ne $last_next || $origin ne $chain_origin;
	push @bad, "$e: root" if decode_base64($root) ne root_of(@leaves[0 .. $size - 1]);
	push @bad, "$e: head" if $size > 0 && decode_base64($h) ne $hashes[$size - 1];
	push @bad, "$e: signer" if $signer ne $origin || substr(decode_base64($signature), 0, 4) ne substr(sha256("$origin\n\x01$key"), 0, 4);
	my %file = (text => $text, sig => substr(decode_base64($signature), 4), key => "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00$key");
	foreach my $name (keys %file) { open my $f, '>:raw', "$dir/$name" or die; print $f $file{$name}; close $f }
	push @bad, "$e: signature" if system_log('openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', "$dir/key", '-rawin', '-in', "$dir/text", '-sigfile', "$dir/sig") != 0;
	($last_note, $last_next, $last_size, $chain_origin) = ($note, $next, $size, $origin);
}
cmp_ok($epoch, '>=', 2, 'there are checkpoints');
is(join(', ', @bad), '', 'checkpoints verified by what the page says');
foreach my $n (1, 256, 300, $last_size)
{
	my @proof = map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', "SELECT encode(h, 'hex') FROM unnest(csec.inclusion_proof($n, $last_size)) h");
	ok(is_included($n - 1, $last_size, $leaves[$n - 1], root_of(@leaves[0 .. $last_size - 1]), @proof), "record $n is proved to be among them");
}
foreach my $n (1, 256, 300, $last_size)
{
	my @proof = map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', "SELECT encode(h, 'hex') FROM unnest(csec.consistency_proof($n, $last_size)) h");
	my ($old, $new) = map { root_of(@leaves[0 .. $_ - 1]) } $n, $last_size;
	ok(is_consistent($n, $last_size, $old, $new, @proof), "the first $n are proved to be its beginning");
	ok(!is_consistent($n, $last_size, $old ^ "\x01", $new, @proof), '  and others are not');
}
is_verified($node, 'csec says so too');
$node->stop;
done_testing();
