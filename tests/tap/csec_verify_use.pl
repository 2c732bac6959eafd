# Were this to fail, a script would take a failure of csec_verify for a verdict, a large
# trail, or evidence made to do so, would exhaust it, or what it prints would not be what
# a person or a program can read.

use strict;
use warnings;
use CsecTrail;
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = trail_node('use', 'csec.checkpoint_interval' => '1d');
my $dir = PostgreSQL::Test::Utils::tempdir;
my @live = ('-d', $node->connstr('postgres'), '-w');

sub run_verify
{
	my ($out, $err);
	IPC::Run::run(['csec_verify', @_], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return ($? >> 8, $out, $err);
}
sub code_of { my ($code, $out, $err) = run_verify(@_); return "$code: " . ($err =~ s/^csec_verify: //r =~ s/\s+\z//r) }
sub verdict
{
	my ($code, $out, $err) = run_verify('--json', @_);
	return "2: $err" if $code == 2;
	my ($finding) = map { @{ $_->{findings} } } @{ decode_json($out)->{trails} };
	return "$code: " . ($finding ? "$finding->{problem}|$finding->{record}" : 'verified');
}
sub export_to
{
	my ($name, @options) = @_;
	my $err;
	IPC::Run::run([ 'csec_export', @live, '-q', '-o', "$dir/$name", @options ], '2>', \$err) or die $err;
	return "$dir/$name";
}
sub file { my ($bundle, $file) = @_; open my $f, '<:raw', "$dir/$bundle/$file" or die; local $/; return scalar <$f> }
sub put { my ($bundle, $file, $bytes) = @_; open my $f, '>:raw', "$dir/$bundle/$file" or die; print $f $bytes; close $f }

record_some($node, 300);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my $small = export_to('small', '--reason', "\xe6\xa1\x88\xe5\x8f\xb7 \"7\" \t\\");
my $part = export_to('part', '--since', 20, '--until', 40);

# ---- options that make no sense ----

foreach (
	[ [ '-f', $small, '-f', $part ], qr/one evidence at a time/ ],
	[ [ '-f', $small, 'postgres' ], qr/either a server or evidence/ ],
	[ [ '-f', $small, '-d', 'postgres' ], qr/either a server or evidence/ ],
	[ [ '-f', $small, '--since', 1 ], qr/--since is for a server/ ],
	[ [ @live, '--since', 'the day before never' ], qr/invalid input syntax/ ],
	[ [ @live, '--since', '' ], qr/./ ],
	[ [ @live, '--since', '99999999999999999999' ], qr/out of range/ ],
	[ [ @live, '--key', "$dir/none" ], qr/could not open/ ],
	[ [ @live, '--key', '' ], qr/could not open/ ],
	[ [ @live, '--witness', "$small/MANIFEST" ], qr/no verification key/ ],
	[ [ @live, '--witnesses', 2, '--witness', "$small/keys" ], qr/asks for 2, and 1 were given/ ],
	[ [ @live, '--witnesses', 0 ], qr/must be a number/ ],
	[ [ @live, '--from', "$small/keys" ], qr/no signed checkpoint|no file of checkpoints/ ],
	[ [ @live, '--tsa-ca', "$small/keys" ], qr/./ ],
	[ [ @live, '--stamped-within', 60 ], qr/needs an authority/ ],
	[ [ @live, '-j', 0 ], qr/must be a number/ ],
	[ [ @live, '-j', '2x' ], qr/must be a number/ ],
	[ [ @live, '--against', "$dir/none" ], qr/no evidence/ ],
	[ [ @live, 'more' ], qr/too many arguments/ ],
	[ [ '--frm', 'x' ], qr/./ ],
	[ [ '-d', $node->connstr('no_such_database'), '-w' ], qr/does not exist/ ],
	[ [ '-d', $node->connstr('template1'), '-w' ], qr/has no trail/ ])
{
	my ($options, $said) = @$_;
	my ($code, $out, $err) = run_verify(@$options);
	ok($code == 2 && $out eq '' && $err =~ $said, "no verdict: @{[ map { s{\Q$dir\E/}{}r } grep { $_ ne $live[1] } @$options ]}") or diag "$code $out$err";
}
is(code_of(@live, '-q', '--since', 250, '--key', "$small/keys", '--from', "$small/checkpoints", '--from', $small . '/checkpoints', '--key', "$part/keys"),
	'0: ', 'options that go together, and twice');
is(code_of('-q', '-f', $part, '--key', "$small/keys", '--from', "$small/checkpoints"), '0: ', '  also with evidence');
is(code_of('-q', '-f', $small, '--against', $small), '0: ', 'evidence is no fork of itself');
is(code_of('-q', '-f', $part, '--against', $small), '2: two trails can only be compared where all their records are there', '  and no verdict with a part of it');
is(system("csec_verify -f $small > /dev/full 2>/dev/null") >> 8, 2, 'a verdict that could not be written is none');

# ---- what it prints ----

my ($code, $out, $err) = run_verify('--json', '-f', $small);
my $json = eval { decode_json($out) };
is($json->{trails}[0]{evidence}{reason}, "\x{6848}\x{53f7} \"7\" ?\\", 'JSON has names and reasons as they are');
is($out =~ tr/\x00-\x09\x0b-\x1f\x7f-\xff//, 0, '  in ASCII, without control characters');
my $saying = file('small', 'MANIFEST');
put('small', 'MANIFEST', $saying =~ s/^reason: .*$/reason: a\xff\xf0\x9f\x98\x80/mr);
(undef, $out) = run_verify('--json', '-f', $small);
is(decode_json($out)->{trails}[0]{evidence}{reason}, "a\x{fffd}\x{1f600}", '  also where they are no text');
put('small', 'MANIFEST', $saying);
sub on_terminal
{
	my $shown = '';
	IPC::Run::run([@_], '<', \undef, '>pty>', \$shown, IPC::Run::timeout(60));
	return $shown;
}

# a trail that is larger than the memory it may have
$node->safe_psql('postgres', q{SELECT count(csec.control('test', repeat('x', 1000), '{}')) FROM generate_series(1, 70000)});
flush_trail($node);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my $large = export_to('large');
cmp_ok(-s "$large/records", '>', 70_000_000, 'a trail of more than 70 MB');
my $shown = on_terminal('csec_verify', '-j', 1, '-f', $large);
like($shown, qr/\r\S+ \[#+\.*\] +\d+ %  \d+ records, \d+ a second/, 'a bar tells how far it has come');
like($shown, qr/\r {79}\r\S+: verified/, '  and makes room for the verdict');
unlike(on_terminal('csec_verify', '-q', '-f', $large), qr/\S/, '  not with -q');
($code, $out, $err) = run_verify('-f', $large);
is("$code|$err", '0|', '  nor where nobody looks');
foreach ([ 'evidence', '-f', $large ], [ 'a server', @live ])
{
	my ($what, @place) = @$_;
	is(system('bash', '-c', 'ulimit -v 60000; exec csec_verify -q -j 1 "$@"', '-', @place) >> 8, 0, "memory is bounded: $what");
}

# ---- evidence that is made to break it ----

sub hostile
{
	my ($name, $bundle, $file, $make, $expected, $seconds) = @_;
	my $path = "$dir/$bundle/$file";
	rename $path, "$path.good" or die;
	$make->($path);
	my $began = time;
	like(verdict('-f', "$dir/$bundle"), $expected, "hostile: $file is $name");
	cmp_ok(time - $began, '<', $seconds // 5, '  which does not hold it up');
	unlink $path;
	rmdir $path;
	rename "$path.good", $path or die;
}
foreach my $file (qw(MANIFEST records checkpoints proofs keys))
{
	my $no = qr/^2: .*$file" is no ordinary file/;
	hostile('a link out of the folder', 'small', $file, sub { symlink '/etc/passwd', $_[0] or die }, $no);
	hostile('an endless device', 'small', $file, sub { symlink '/dev/zero', $_[0] or die }, $no);
	hostile('a pipe', 'small', $file, sub { system('mkfifo', $_[0]) == 0 or die }, $no);
	hostile('a folder', 'small', $file, sub { mkdir $_[0] or die }, $no);
	hostile('not there', 'small', $file, sub { }, qr/^2: .*could not open/);
	hostile('empty', 'small', $file, sub { open my $f, '>', $_[0] or die }, $file eq 'MANIFEST' ? qr/^2: .*no manifest/ : qr/^1: \w+\|/);
	# four gigabytes that take no room
	hostile('a hole', 'small', $file, sub { open my $f, '>', $_[0] or die; truncate $f, $file eq 'records' ? 4 << 30 : 256 << 20 }, $file eq 'MANIFEST' ? qr/^2: .*larger than it may be/ : qr/^1: bundle_damaged\|/, 10);
}
my $sparse = "$dir/small/proofs";
rename $sparse, "$sparse.good";
{ open my $f, '>', $sparse or die; truncate $f, 256 << 20 }
# AddressSanitizer reserves memory of its own, far more
is(system('bash', '-c', 'ulimit -v 60000; exec csec_verify -q -j 1 "$@"', '-', '-f', $small) >> 8, 1, 'a file of any length takes no memory')
	if ($ENV{CSEC_SANITIZER} // '') ne 'asan';
rename "$sparse.good", $sparse;

# a folder of checkpoints, to which the server may write
mkdir "$dir/notary" or die;
put('notary', '1.note', file('small', 'checkpoints'));
symlink '1.note', "$dir/notary/latest.note" or die;
is(verdict('-f', $small, '--from', "$dir/notary"), '0: verified', 'checkpoints that were kept, one by a link');
foreach (sub { system('mkfifo', $_[0]) == 0 or die }, sub { symlink '/dev/zero', $_[0] or die })
{
	$_->("$dir/notary/2.note");
	like(verdict('-f', $small, '--from', "$dir/notary"), qr/^2: .*2\.note" is no ordinary file/, '  a pipe or a device among them holds nobody up');
	unlink "$dir/notary/2.note" or die;
}

# Any bytes, in the same order each time; the manifest tells of every other file as it is then.
sub altered
{
	my ($bytes) = @_;
	foreach (0 .. int rand 4)
	{
		my $at = int rand(1 + length $bytes);
		my $n = int rand 24;
		my $kind = int rand 5;
		substr($bytes, $at, $n, '') if $kind == 0;
		substr($bytes, $at, 0, "\xff" x $n) if $kind == 1;
		substr($bytes, $at, $n, substr($bytes, int rand(1 + length $bytes), $n)) if $kind == 2;
		substr($bytes, $at, 1, chr int rand 256) if $kind > 2;
	}
	return $bytes;
}
srand 20261127;
my (@mad, %seen);
foreach my $round (1 .. 100)
{
	my ($bundle, $name) = ((qw(small part))[ rand 2 ], (qw(MANIFEST records records checkpoints proofs keys))[ rand 6 ]);
	my ($whole, $told) = (file($bundle, $name), file($bundle, 'MANIFEST'));
	my $new = altered($whole);
	put($bundle, $name, $new);
	put($bundle, 'MANIFEST', $told =~ s/^($name): \w{64}$/"$1: " . sha256_hex($new)/mer) if $round % 2 && $name ne 'MANIFEST';
	my ($status, $said, $error) = run_verify('--json', '-f', "$dir/$bundle");
	my $died = $? & 127;
	$seen{$status}++;
	push @mad, "round $round, $name of $bundle: $status, signal $died, $error"
	  if $died || $status > 2 || ($status == 2 ? $error eq '' : $error ne '' || !eval { decode_json($said) }) || ($status == 0 && $name eq 'records' && $new ne $whole);
	put($bundle, $name, $whole);
	put($bundle, 'MANIFEST', $told);
}
is(join("\n", @mad), '', 'evidence altered at random has a verdict, or none');
ok($seen{1} && $seen{2}, '  of both kinds');

# names in the manifest lead nowhere
my $manifest = file('small', 'MANIFEST');
foreach my $to ('../../etc', "/etc/passwd\0", "x\e]0;title\a", 'x' x 100_000)
{
	put('small', 'MANIFEST', $manifest =~ s/^database: .*$/database: $to/mr);
	like(verdict('-f', $small), $to =~ /^\.\./ ? qr/^0: verified$/ : qr/^2: /, 'a database named ' . substr($to, 0, 12) =~ s/[^ -~]/?/gr);
}
put('small', 'MANIFEST', $manifest);

# any byte of any file altered, cut off, said twice: never sound, never a crash
my $seed = $ENV{CSEC_SEED} // 4711;
srand $seed;
my %bytes = map { $_ => file('part', $_) } qw(MANIFEST records checkpoints proofs keys);
my (@sound, @crashed, %codes);
foreach my $n (1 .. 150)
{
	my $file = (sort keys %bytes)[ rand keys %bytes ];
	my $new = $bytes{$file};
	my $at = int rand length $new;
	my $how = $n % 4;
	if ($how == 0) { substr($new, $at, 1) ^= chr(1 << int rand 8) }
	elsif ($how == 1) { $new = substr $new, 0, $at }
	elsif ($how == 2) { $new .= substr $new, $at }
	else { substr($new, $at, 4) = pack 'N', rand 2**32 }
	next if $new eq $bytes{$file};
	put('part', $file, $new);
	system("csec_verify -q -f $part 2>/dev/null");
	push @crashed, "$file $how $at" if $? & 127 || ($? >> 8) > 2;
	$codes{ $? >> 8 }++;
	# who exported it, what from, when, why: only the digest, which is kept elsewhere, says so
	my $said = qr/^(?:system|database|database id|exported \w+|server|reason|selection|trail|trail hash): .*\n/m;
	push @sound, "$file $how $at" if $? == 0 && ($file ne 'MANIFEST' || $new =~ s/$said//gr ne $bytes{MANIFEST} =~ s/$said//gr);
	put('part', $file, $bytes{$file});
}
is(join(', ', @crashed), '', "damaged at random (seed $seed): no crash");
is(join(', ', @sound), '', '  and never sound');
ok($codes{1} && $codes{2}, '  but tampered with, or no evidence');

# a checkpoint twice, in evidence that fits
my $twice = $bytes{checkpoints} . $bytes{checkpoints};
put('part', 'checkpoints', $twice);
put('part', 'MANIFEST', $bytes{MANIFEST} =~ s/^(checkpoints): \w+/"$1: " . sha256_hex($twice)/mer);
like(verdict('-f', $part), qr/^1: checkpoint_reordered\|\d+$/, 'checkpoints twice');
put('part', $_, $bytes{$_}) foreach keys %bytes;

# ---- a chain of keys that is not the first ----

$node->stop;
unlink glob $node->data_dir . '/csec_sealing_*.key';
$node->start;
wait_for_sealer($node);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my $named = records($node, 'max(seq)', "kind = 'server' AND action = 'sealing key'");
is(verdict(@live), '0: verified', 'a new chain of keys that a record names');
($code, $out) = run_verify(@live, '--key', "$small/keys");
like("$code $out", qr/^1 .*key_unknown, record \d+: .*new chain of keys.*record $named names its key/s, '  who trusts only the first key is told of it, and of that record');
my $later = export_to('later');
is(verdict(@live, '--key', "$later/keys"), '0: verified', '  until the second is given, too');
is(verdict('-f', $later), '0: verified', '  evidence of it');
is(verdict(@live, '--since', $named + 1), '0: verified', '  and from behind it');
$node->stop;
done_testing();
