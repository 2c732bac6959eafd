# Were this to fail, an auditor who has kept a checkpoint, or knows a witness, would be
# shown evidence under a key that anybody made, and told that it hangs on what he has.

use strict;
use warnings;
use CsecTrail;
use CsecVouch;
use Digest::SHA qw(sha256 sha256_hex);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('kept', 'csec.checkpoint_interval' => '1d');
my $dir = PostgreSQL::Test::Utils::tempdir;
my @live = ('-d', $node->connstr('postgres'), '-w');

sub verdict
{
	my $out;
	IPC::Run::run([ 'csec_verify', '--json', @_ ], '<', \undef, '>', \$out);
	my $code = $? >> 8;
	my ($trail) = @{ decode_json($out)->{trails} };
	my ($finding) = @{ $trail->{findings} };
	return "$code: " . ($finding ? "$finding->{problem}|$finding->{record}" : $trail->{checkpoints}{known_key} ? 'verified, known' : 'verified');
}
sub export_to { my ($name, @options) = @_; system_or_bail('csec_export', @live, '-q', '-o', "$dir/$name", @options); return "$dir/$name" }
sub bytes_of { open my $f, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return scalar <$f> }
sub put { my ($path, $bytes) = @_; open my $f, '>:raw', $path or die; print $f $bytes; close $f }
sub notes_of { my ($bytes, @notes) = @_; push @notes, substr $bytes, 0, $1, '' while $bytes =~ s/\Anote (\d+)\n//; return @notes }

record_some($node, 30);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my $all = export_to('all');
my $part = export_to('part', '--since', 20, '--until', 20);
my @from = ('--from', "$all/checkpoints");
my @key = ('--key', "$all/keys");
is(verdict('-f', $part, @$_), '0: verified, known', "a selection under the @{[ $_->[0] ]} that was kept") foreach \@from, \@key;

# ---- a record that never was, in a tree that nobody sealed, signed by the forger ----

# Behind the genuine checkpoints, which are no secret, he begins a chain of his own.
my @notes = notes_of(bytes_of("$all/checkpoints"));
my ($origin, $size) = $notes[-1] =~ /\A(.*)\n(\d+)\n/;
my ($witness, $forger) = (keypair($dir, 'witness.example', "\x04"), keypair($dir, $origin, "\x01"));
my $signed = cosigned($witness, $notes[-1], time);
my $number = 64;
$number *= 2 while $number < $size;
my $record = substr bytes_of("$part/records"), 56;
$record = substr $record, 0, -32;
substr $record, 4, 8, pack 'Q>', $number;
my $hash = sha256(("\x07" x 32) . $record);

# RFC 6962: the root over leaves, and that a tree goes on from that of the first so many
sub half { my $half = 1; $half *= 2 while 2 * $half < $_[0]; return $half }
sub root_of { return $_[0] if @_ == 1; my $k = half(scalar @_); return sha256("\1" . root_of(@_[0 .. $k - 1]) . root_of(@_[$k .. $#_])) }
sub goes_on
{
	my ($m, $whole, @leaf) = @_;
	return $whole ? () : root_of(@leaf) if $m == @leaf;
	my $k = half(scalar @leaf);
	my ($left, $right) = ([ @leaf[0 .. $k - 1] ], [ @leaf[$k .. $#leaf] ]);
	return $m <= $k ? (goes_on($m, $whole, @$left), root_of(@$right)) : (goes_on($m - $k, 0, @$right), root_of(@$left));
}
# The genuine records are no secret, either: he puts leaves behind theirs that are what he likes.
my ($bytes, @leaf) = bytes_of("$all/records");
while ($bytes ne '')
{
	my $entries = substr $bytes, 52, unpack('N', substr $bytes, 16, 4);
	substr $bytes, 0, 52 + length $entries, '';
	while ($entries ne '')
	{
		my $entry = substr $entries, 0, 4 + unpack('N', $entries) + 32, '';
		push @leaf, sha256("\0" . substr $entry, -32);
	}
}
my @genuine = @leaf[0 .. $size - 1];
my %sizes = map { /\A.*\n(\d+)\n/ ? ($1 => 1) : () } @notes;
my @sizes = sort { $a <=> $b } grep { $_ > 0 } keys %sizes;
# The last leaf of a full tree: all its siblings stand left of it.
sub tree_of
{
	my @tree = (@_, (map { sha256("filler $_") } @_ + 1 .. $number - 1), sha256("\0$hash"));
	my @path;
	for (my ($width, $end) = (1, $number - 1); $width < $number; $end -= $width, $width *= 2)
	{
		push @path, root_of(@tree[$end - $width .. $end - 1]);
	}
	return (root_of(@tree), "csec proofs 1\ntree $number\n" . join('', map { join(' ', "from $_", map { unpack 'H*', $_ } goes_on($_, 1, @tree)) . "\n" } @sizes) .
		join(' ', $number, map { unpack 'H*', $_ } @path) . "\n");
}
my ($root, $proofs) = tree_of(@genuine);
my $epoch = @notes + 1;
my %b64 = (root => $root, head => $hash, before => sha256($notes[-1]), public => $forger->{public});
$_ = encode_base64($_, '') foreach values %b64;
my $text = "$origin\n$number\n$b64{root}\nepoch $epoch\nchain $epoch\ntime 1795662525329497\nhead $b64{head}\nbefore $b64{before}\nkey $b64{public}\nnext $b64{public}\n";
my $own = "$text\n" . signature_line($forger, $text, 0);

mkdir "$dir/forged" or die;
my %file = (
	records => pack('a4Q>NNa32N', 'CSR1', $number, 1, 36 + length $record, "\x07" x 32, length $record) . $record . $hash,
	checkpoints => join('', map { 'note ' . length($_) . "\n$_" . ($_ eq $notes[-1] ? 'cosignatures ' . length($signed) . "\n$signed" : '') } @notes, $own),
	proofs => $proofs,
	keys => "$forger->{vkey}\n");
my %told = (records => 1, runs => 1, 'runs digest' => unpack('H*', sha256("\0" x 32 . pack('Q>N', $number, 1) . "\x07" x 32 . $hash)),
	map { $_ => sha256_hex($file{$_}) } qw(checkpoints proofs keys));
$file{MANIFEST} = bytes_of("$part/MANIFEST");
$file{MANIFEST} =~ s/^$_: .*$/$_: $told{$_}/m foreach keys %told;
put("$dir/forged/$_", $file{$_}) foreach keys %file;

my $loose = "1: key_unknown|@{[ $size + 1 ]}";
is(verdict('-f', "$dir/forged"), '0: verified', 'forged: it fits, and without a key nothing says whose it is');
is(verdict('-f', "$dir/forged", @key), $loose, '  it is not under the key that was kept');
is(verdict('-f', "$dir/forged", @from), $loose, '  nor under the checkpoint');
is(verdict('-f', "$dir/forged", '--witness', $witness->{vkey}), $loose, '  nor what the witness signed');
# without the genuine ones there is nothing that what was kept could be compared with
$file{checkpoints} = 'note ' . length($own) . "\n$own";
put("$dir/forged/checkpoints", $file{checkpoints});
put("$dir/forged/MANIFEST", $file{MANIFEST} =~ s/^checkpoints: \w+/'checkpoints: ' . sha256_hex($file{checkpoints})/mer);
is(verdict('-f', "$dir/forged", @$_), '1: checkpoint_missing|1', "  with the genuine checkpoints left out (@{[ $_->[0] // 'nothing given' ]})") foreach \@from, [ '--witness', $witness->{vkey} ], [];

# ---- a chain that a server had to begin anew ----

$node->stop;
unlink glob $node->data_dir . '/csec_sealing_*.key';
$node->start;
wait_for_sealer($node);
record_some($node, 5);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
my $later = export_to('later');
my $later_part = export_to('later.part', '--since', 20, '--until', 20);
my $until = $node->safe_psql('postgres', q{SELECT max(size) FROM csec_trail.checkpoint WHERE convert_from(note, 'UTF8') ~ 'chain 1\n'});
foreach ([ 'a server', @live ], [ 'evidence', '-f', $later ])
{
	my ($name, @place) = @$_;
	is(verdict(@place, @from), '0: verified', "$name: what was kept before a new chain is still what was signed");
	my $said;
	IPC::Run::run([ 'csec_verify', @place, @from ], '<', \undef, '>', \$said);
	like($said, qr/, up to record $until under the checkpoint given; behind it begins another chain of keys\n/, '  and the report says how far it reaches');
	is(verdict(@place, '--from', "$later/checkpoints"), '0: verified, known', '  one of the new chain vouches for it, and for those before');
}
is(verdict('-f', $later_part, @from), "1: key_unknown|@{[ $until + 1 ]}", 'a selection does not show who named the new key');
is(verdict('-f', $later_part, '--from', "$later/checkpoints"), '0: verified, known', '  which a later checkpoint does');
is(verdict('-f', $later_part, '--key', "$later/keys"), '0: verified, known', '  or its key');
$node->stop;
done_testing();
