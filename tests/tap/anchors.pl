# Were this to fail, checkpoints would not get outside, a command that hangs would
# hold up the sealing, or a forged signature or time stamp would be believed.

use strict;
use warnings;
use CsecTrail;
use CsecVouch;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $outside = "$dir/outside";
mkdir $outside or die;
my $node = trail_node('anchored', 'csec.checkpoint_interval' => '1d');

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub fails { my ($sql, $like, $name) = @_; my ($ret, $out, $err) = $node->psql('postgres', $sql); return like($err, $like, $name) }
sub put { my ($name, $bytes) = @_; open my $f, '>:raw', "$dir/$name" or die; print $f $bytes; close $f; return "$dir/$name" }
sub set { my (%to) = @_; $node->safe_psql('postgres', "ALTER SYSTEM SET csec.$_ = '$to{$_}'") foreach sort keys %to; $node->reload; return }
sub status { my ($place, $what) = @_; return sql("SELECT $what FROM csec.anchor_status WHERE place = '$place'") }
sub reaches { my ($place, $condition) = @_; return $node->poll_query_until('postgres', "SELECT $condition FROM csec.anchor_status WHERE place = '$place'") }
sub note { return pack 'H*', sql("SELECT encode(csec.checkpoint_note($_[0]), 'hex')") }
sub make { return sql('SELECT csec.make_checkpoint()') }

# ---- the directory and the command ----

make();
is(status('checkpoint', 'unanchored_records >= 0 AND unanchored_seconds >= 0'), 't', 'the tail that no checkpoint covers is stated');
put('take.sh', qq{#!/bin/sh\n[ ! -e $dir/broken ] || exit 3\n[ ! -e $dir/hangs ] || exec sleep @{[ 100000 + $node->port ]}\ncat > $outside/command.\$1.\$2\n});
chmod 0755, "$dir/take.sh";
set(checkpoint_directory => $outside, checkpoint_command => "$dir/take.sh %e %d");
record_some($node, 10);
my $epoch = make();
ok(reaches('command', "epoch = $epoch"), 'the command has taken the last checkpoint');
ok(reaches('directory', "epoch = $epoch AND waiting_checkpoints = 0 AND problem IS NULL"), 'and so has the directory');
my $oid = sql("SELECT oid FROM pg_database WHERE datname = 'postgres'");
is(join(',', map { slurp_file("$outside/command.$_.$oid") eq note($_) ? 'same' : 'other' } 1 .. $epoch), join(',', ('same') x $epoch), 'every one from the first on, byte for byte');
is(scalar(my @files = glob "$outside/csec_*_${oid}_*.note"), $epoch, 'and a file of each');
is(slurp_file((glob "$outside/csec_*_${oid}_$epoch.note")[0]), note($epoch), '  with what it should have');

# a command that fails is tried again, and lag shows
put('broken', '');
record_some($node, 7);
$epoch = make();
ok(reaches('command', 'failures >= 2 AND waiting_checkpoints >= 1'), 'a command that fails is repeated');
like(status('command', 'problem'), qr/csec.checkpoint_command ended with status 3 for epoch $epoch/, '  and says how it failed');
cmp_ok(status('command', 'unanchored_records'), '>=', 7, '  the records that nobody outside vouches for are counted');
ok(reaches('directory', "epoch = $epoch"), '  the other place is not held up');
unlink "$dir/broken";
ok(reaches('command', "epoch = $epoch AND failed_at IS NULL AND problem IS NULL"), '  until it succeeds');

# one that hangs holds up nobody
put('hangs', '');
set(anchor_timeout => '1h');
$epoch = make();
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'csec anchor' AND query = 'csec.checkpoint_command'"), 'a command hangs');
record_some($node, 50, object => 'meanwhile');
flush_trail($node);
is(records($node, 'count(*)', "object LIKE 'meanwhile %'"), '50', '  and the sealer seals');
cmp_ok(make(), '>', $epoch, '  and makes checkpoints');
$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE template0');
make_trail($node, 'other');
$node->safe_psql('other', 'SELECT csec.make_checkpoint()');
ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'csec anchor' AND query = 'csec.checkpoint_command'"), '  one in another database, too');
$node->safe_psql('postgres', 'DROP DATABASE other');
pass('  that can be dropped all the same');
unlink "$dir/hangs";
$node->stop('fast');
$node->start;
wait_for_sealer($node);
pass('  and a server that stops does not wait for it');
is(scalar(() = `ps -eo args` =~ /^sleep @{[ 100000 + $node->port ]}$/mg), 0, "  nor is the command left behind");
set(anchor_timeout => '60s');
$epoch = make();
ok(reaches('command', "epoch = $epoch"), '  after that it goes on');

# one that takes too long is ended
set(anchor_timeout => '1s');
put('hangs', '');
make();
ok(reaches('command', "problem LIKE '%took longer than 1 s%'"), 'a command that takes too long is ended');
unlink "$dir/hangs";
$epoch = make();
ok(reaches('command', "epoch = $epoch"), '  and repeated');

# evidence that lies there is not written over
set(checkpoint_command => '');
my $next = $epoch + 1;
my ($stem) = (glob "$outside/csec_*_${oid}_1.note")[0] =~ /(.*_)1\.note$/;
put("outside/" . ($stem =~ s{.*/}{}r) . "$next.note", 'of the other branch');
make();
ok(reaches('directory', "problem LIKE '%another checkpoint of epoch $next is in csec.checkpoint_directory%'"), 'what a fork finds in the directory is not written over');
is(slurp_file("$stem$next.note"), 'of the other branch', '  it is still there');
unlink "$stem$next.note";
set(checkpoint_directory => '');

# ---- keys that are elsewhere, and witnesses ----

sub text_of { my ($text) = note($_[0]) =~ /\A(.*\n)\n/s; return $text }
sub attach { my ($epoch, $lines) = @_; return "SELECT csec.attach_signatures($epoch, '\\x" . unpack('H*', $lines) . "')" }

my $witness = keypair($dir, 'witness.example/w1', "\x04");
my $stranger = keypair($dir, 'stranger.example', "\x04");
is(sql("SELECT csec.add_witness('$witness->{vkey}')"), 'witness.example/w1', 'a witness is made known');
flush_trail($node);
is(records($node, 'max(action)', "object = 'witness.example/w1'"), 'insert witness', '  on record');
my $line = signature_line($witness, text_of(1), 1790000000);
is(sql(attach(1, $line)), '{witness.example/w1}', 'his signature is attached');
is(sql(attach(1, note(1))), '{witness.example/w1}', '  also as a whole note, and again');
like(note(1), qr/\Q$line\E\z/, '  and goes out with the checkpoint');
is(sql("SELECT epoch, kind, extract(epoch FROM at)::bigint, good FROM csec.check_witnesses()"), '1|signature|1790000000|t', '  with the time that he signed');
fails(attach(2, $line), qr/none of the signatures/, 'not on another checkpoint');
fails(attach(1, signature_line($stranger, text_of(1), 1790000000)), qr/none of the signatures/, 'not by a stranger');
fails(attach(1, signature_line({ %$stranger, name => $witness->{name}, id => $witness->{id} }, text_of(1), 1790000000)), qr/none of the signatures/, 'not by a stranger under his name');
fails(attach(1, substr($line, 0, -5)), qr/none of the signatures/, 'not in part');
fails(attach(999, $line), qr/no checkpoint of epoch 999/, 'not on what is not there');
foreach my $damage (
	[ "evidence = set_byte(evidence, 60, get_byte(evidence, 60) # 1)", 'not a signature of this witness' ],
	[ "at = at + interval '1 day'", 'the time is not the one that was signed' ],
	[ 'epoch = 2', 'not a signature of this witness' ], [ 'epoch = 999', 'no checkpoint of this epoch' ], [ "witness = 'x'", 'the witness is not known' ])
{
	like(sql("BEGIN; UPDATE csec_trail.checkpoint_witness SET $damage->[0]; SELECT problem FROM csec.check_witnesses(); ROLLBACK"), qr/$damage->[1]/, "evidence altered: $damage->[0]");
}

# csec.sign_command: a key that is not on the server signs before anything goes out
my $signer = keypair($dir, 'bank.example/trail', "\x01");
sql("SELECT csec.add_witness('$signer->{vkey}')");
put('sign.pl', qq{
	local \$/; my \$note = <STDIN>; my (\$text) = \$note =~ /\\A(.*\\n)\\n/s;
	open my \$f, '>:raw', '$dir/to_sign' or die; print \$f \$text; close \$f;
	system('openssl', 'pkeyutl', '-sign', '-inkey', '$signer->{pem}', '-rawin', '-in', '$dir/to_sign', '-out', '$dir/signed') == 0 or die;
	use MIME::Base64; open \$f, '<:raw', '$dir/signed' or die;
	print "\\xe2\\x80\\x94 $signer->{name} ", encode_base64(pack('H*', '@{[unpack 'H*', $signer->{id}]}') . <\$f>, ''), "\\n";
});
set(sign_command => 'exit 1', checkpoint_directory => "$outside");
$epoch = make();
ok(reaches('sign', 'failures >= 1'), 'a signer that does not answer');
ok(!-e "$stem$epoch.note", '  keeps checkpoints inside');
set(sign_command => "perl $dir/sign.pl");
make();
ok(reaches('sign', 'waiting_checkpoints = 0 AND problem IS NULL'), 'a signer that does');
ok(reaches('directory', 'waiting_checkpoints = 0 AND problem IS NULL'), '  lets them out');
like(slurp_file("$stem$epoch.note"), qr/\n\xe2\x80\x94 bank.example\/trail \S+\n\z/, '  with his signature');
is(sql('SELECT count(*) FROM csec.check_witnesses() WHERE NOT good'), '0', '  and all of it is good');
set(sign_command => '', checkpoint_directory => '');

# ---- time stamps ----

make_authority($dir, $_) foreach 'tsa', 'other';
sub stamp_of { my ($who, $epoch, $digest) = @_; return unpack 'H*', stamp($dir, $who, pack('H*', sql("SELECT encode(note, 'hex') FROM csec_trail.checkpoint WHERE epoch = $epoch")), $digest) }
my $certificate = slurp_file("$dir/tsa.crt");
fails("SELECT csec.add_witness('$certificate')", qr/needs a name/, 'an authority needs a name');
is(sql("SELECT csec.add_witness('$certificate', 'tsa')"), 'tsa', 'an authority is made known');
my $response = stamp_of('tsa', 2);
is(sql("SELECT abs(extract(epoch FROM now() - csec.attach_timestamp(2, '\\x$response'))) < 60"), 't', 'its time stamp is attached, with its time');
is(sql("SELECT count(*) FROM csec.check_witnesses() WHERE kind = 'timestamp' AND good"), '1', '  and good');
fails("SELECT csec.attach_timestamp(3, '\\x$response')", qr/no time stamp of a known authority/, 'not on another checkpoint');
fails("SELECT csec.attach_timestamp(2, '\\x" . stamp_of('other', 2) . "')", qr/no time stamp of a known authority/, 'not by another authority');
fails("SELECT csec.attach_timestamp(2, '\\x" . substr($response, 0, 200) . "')", qr/no time stamp of a known authority/, 'not in part');
fails("SELECT csec.attach_timestamp(2, '\\x" . stamp_of('tsa', 2, 'sha1') . "')", qr/no time stamp of a known authority/, 'not over a weak hash');
fails("SELECT csec.attach_timestamp(2, '')", qr/no time stamp of a known authority/, 'not from nothing');
(my $bent = $response) =~ s/(.)$/$1 eq '0' ? '1' : '0'/e;
fails("SELECT csec.attach_timestamp(2, '\\x$bent')", qr/no time stamp of a known authority/, 'not altered');
like(sql("BEGIN; UPDATE csec_trail.checkpoint_witness SET at = at - interval '1 year' WHERE kind = 'timestamp'; SELECT problem FROM csec.check_witnesses() WHERE kind = 'timestamp'; ROLLBACK"),
	qr/not the one that was stamped/, 'a time that was altered is found');
is_verified($node, 'and the trail verifies');

$node->stop;
done_testing();
