# Were this to fail, docs/record-format.md would not describe the trail: here
# is a verifier written from that page alone, which shares no code with csec.

use strict;
use warnings;
use CsecTrail;
use Digest::SHA qw(sha256);
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
	my $last = 0;
	while ($body ne '')
	{
		my $tag = ord substr($body, 0, 1, '');
		die "tag $tag after $last" if $tag <= $last || $tag > 32;
		$last = $tag;
		$b{field}{$tag} = counted(\$body);
	}
	return \%b;
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

# A classified value: its digest, its mask and the envelope's text length.
sub classified
{
	my ($value) = @_;
	die 'short digest' if length $value < 16;
	substr($value, 0, 16, '');
	my $mask = counted(\$value);
	return "#$mask" if $value eq '';
	my ($magic, $suite, $flags, $category, $key, $version) = unpack 'CCCNNn', $value;
	die 'no envelope' if $magic != 0xc1 || $suite < 1 || $suite > 2 || $flags != 0x10 || $key == 0 || $version == 0;
	return "#$mask(" . (length($value) - 41 - 16) . ')';
}

sub rows
{
	my ($field) = @_;
	my (@columns, @rows);
	foreach (1 .. varint(\$field))
	{
		push @columns, [ counted(\$field), ord substr($field, 0, 1, '') ];
	}
	while ($field ne '')
	{
		my $row = substr($field, 0, 1, '');
		die "operation $row" if $row !~ /^[IUDT]$/;
		$row .= ' ' . counted(\$field);
		foreach (1 .. unpack 'n', substr($field, 0, 2, ''))
		{
			my $column = $columns[ varint(\$field) ] // die 'no such column';
			my $flags = ord substr($field, 0, 1, '');
			my @values;
			foreach ([ 1, 4 ], [ 2, 8 ])
			{
				push @values, $$column[1] ? classified(counted(\$field)) : counted(\$field) if $flags & $$_[0];
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
my ($prev, $record, $hash) = map {
	my ($block) = $page =~ /^\Q$_\E:\n\n((?:    .*\n)+)/m;
	join '', map { my ($hex) = /^ +((?:[0-9a-f]{2}(?: |$))+)/; defined $hex ? pack 'H*', $hex =~ s/ //gr : '' } split /\n/, $block;
} 'Hash of the record before', 'The record', 'Its hash';
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

# ---- a trail of every kind of record ----

my $node = trail_node('format');
$node->safe_psql('postgres', q{
	CREATE TABLE customers (id int PRIMARY KEY, name text, phone text, note text);
	CREATE TABLE shops (code text PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, 'name ' || g, '138' || lpad(g::text, 8, '0'), repeat('n', g) FROM generate_series(-5, 300) g;
	INSERT INTO shops SELECT 's' || g, '139' || lpad(g::text, 8, '0') FROM generate_series(1, 100) g;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone"}');
	SELECT csec.protect('shops', subject => 'code', fields => '{"phone": "phone"}')});
$node->safe_psql('postgres', $_) foreach (
	'SELECT * FROM customers WHERE id = 42',
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

my (%kinds, %numbers, @wrong, %changed);
my $seq = 0;
my $before = "\0" x 32;
foreach my $line (split /\n/, $copy)
{
	my ($row_seq, $at, $subject, $relid, $kind, $login, $subjects, $bytes, $row_hash) =
	  map { $_ eq '\N' ? undef : $_ } split /\t/, $line;
	last if ++$seq != $row_seq;
	my $record = pack 'H*', $bytes;
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
ok($kinds{$_}, "with records of kind $_") foreach 1, 2, 3, 4, 5, 8, 9;
my @changes = sort keys %changed;
ok((grep { /^U 7 .*phone:#138\*{4}0007\(11\)>#139\*{4}0000\(11\) .*note:nnnnnnn>null$/ } @changes),
	'a changed row: mask and envelope of the classified column, old and new of the other')
  or diag join "\n", map { substr $_, 0, 100 } @changes;
ok((grep { /^U 13 phone:#138\*{4}0013\(11\)>#\*\*\*$/ } @changes), 'a long value without an envelope');
ok((grep { /^D 11 / } @changes), 'a deleted row');
ok((grep { /^T all/ } @changes), 'a truncated table');
is_verified($node, 'csec says so too');
$node->stop;
done_testing();
