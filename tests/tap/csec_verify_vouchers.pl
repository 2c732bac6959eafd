# Were this to fail, an auditor would believe a forged signature or time stamp, one
# witness would pass for two, evidence would lose what others said of it, or a
# server whose clock lies would be believed over an authority (C.3).

use strict;
use warnings;
use CsecTrail;
use CsecVouch;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('vouched', 'csec.checkpoint_interval' => '1d');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $kept = 'csec_trail.checkpoint_witness';

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub bytes { return pack 'H*', sql($_[0]) }
sub note { return bytes("SELECT encode(note, 'hex') FROM csec_trail.checkpoint WHERE epoch = $_[0]") }
sub first_of { return sql("SELECT coalesce(max(size), 0) + 1 FROM csec_trail.checkpoint WHERE epoch < $_[0]") }

# As somebody who has the tables would put it there.
sub attach
{
	my ($epoch, $kind, $witness, $evidence) = @_;
	return "INSERT INTO $kept VALUES ($epoch, '$kind', '$witness', now(), now(), '\\x" . unpack('H*', $evidence) . "')";
}

sub judge
{
	my ($out, $err);
	IPC::Run::run(['csec_verify', '--json', @_], '>', \$out, '2>', \$err);
	my $code = $? >> 8;
	return ("$code: $err") if $out eq '';
	my $verdict = decode_json($out);
	my ($finding) = map { @{ $_->{findings} } } @{ $verdict->{trails} };
	return ("$code: " . ($finding ? "$finding->{problem}|$finding->{record}" : 'verified'), $verdict->{trails}[0]{checkpoints});
}
sub live { return ('-d', $node->connstr('postgres'), '-w', @_) }

foreach my $epoch (1 .. 4)
{
	record_some($node, 10, object => $epoch);
	sql('SELECT csec.make_checkpoint()');
}
my ($one, $two, $three) = map { keypair($dir, "witness$_.example", "\x04") } 1 .. 3;
mkdir "$dir/again" or die;
my $again = keypair("$dir/again", 'witness1.example', "\x01");
my $authority = make_authority($dir, 'tsa');
my $other = make_authority($dir, 'other');
my $now = time;

# ---- nothing is there yet ----

is((judge(live('--witness', $one->{vkey})))[0], '1: witness_missing|1', 'a witness who has not signed');
is((judge(live('--tsa-ca', $authority)))[0], '1: timestamp_missing|1', 'an authority that has not stamped');

# ---- what there is ----

sql(attach(2, 'signature', 'witness1.example', cosigned($one, note(2), $now)));
sql(attach(3, 'signature', 'witness1.example', cosigned($one, note(3), $now)));
sql(attach(3, 'signature', 'witness2.example', cosigned($two, note(3), $now)));
sql(attach(2, 'timestamp', 'tsa', stamp($dir, 'tsa', note(2))));
sql(attach(3, 'timestamp', 'tsa', stamp($dir, 'tsa', note(3))));
sql(attach(3, 'timestamp', 'other', stamp($dir, 'other', note(3))));
my ($out, $err);
IPC::Run::run(['csec_export', live(), '-q', '-o', "$dir/all"], '2>', \$err) or die $err;
IPC::Run::run(['csec_export', live(), '-q', '-o', "$dir/part", '--since', 5, '--until', 9], '2>', \$err) or die $err;

my $size = sql('SELECT size FROM csec_trail.checkpoint WHERE epoch = 3');
foreach my $place ([ 'live', live() ], [ 'evidence', '-f', "$dir/all" ], [ 'a selection', '-f', "$dir/part" ])
{
	my ($name, @where) = @$place;
	my ($verdict, $what) = judge(@where, map { ('--witness', $_->{vkey}) } $one, $two);
	is("$verdict $what->{cosigned} $what->{cosigned_records}", "0: verified 1 $size", "$name: both witnesses have signed, and what");
	is((judge(@where, map { ('--witness', $_->{vkey}) } $one, $two, $three))[0], '1: witness_missing|1', "$name: not all three have");
	is((judge(@where, '--witnesses', 2, map { ('--witness', $_->{vkey}) } $one, $two, $three))[0], '0: verified', "$name: two of three have");
	($verdict, $what) = judge(@where, '--tsa-ca', $authority);
	is("$verdict $what->{stamped} $what->{stamped_records} $what->{foreign_stamps}", "0: verified 2 $size 1", "$name: time stamps are good");
	like($what->{stamped_at}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "$name: and say when");
	is((judge(@where, '--tsa-ca', $authority, '--stamped-within', 900))[0], '0: verified', "$name: in time");
	is((judge(@where, '--tsa-ca', $authority, '--tsa-ca', $other))[1]{foreign_stamps}, 0, "$name: of two authorities, both given");
}
like((judge(live('--witness', $one->{vkey}, '--witnesses', 2)))[0], qr/^2: .*--witnesses asks for 2/, 'more than were given');
like((judge(live('--tsa-ca', "$dir/tsa.key")))[0], qr/^2: .*no certificate/, 'a certificate that is none');
like((judge(live('--stamped-within', 5)))[0], qr/^2: .*--tsa-ca/, 'in time, by nobody\'s clock');
my $text = `csec_verify -f $dir/all --tsa-ca $authority --witness $one->{vkey}`;
like($text, qr/signed by the witnesses: 2, the last over $size records\n.*stamped by the authority: 2, the last over $size records at .*\n.*not given.*: 1\n/,
	'the report says so');

# ---- what somebody with the tables does to it ----

sub changed_is
{
	my ($name, $change, $expected, @options) = @_;
	sql("CREATE TABLE before AS SELECT * FROM $kept; $change");
	is((judge(live(@options)))[0], $expected, $name);
	sql("DELETE FROM $kept; INSERT INTO $kept SELECT * FROM before; DROP TABLE before");
}

my @by_one = ('--witness', $one->{vkey});
my @stamped = ('--tsa-ca', $authority);
changed_is('a signature altered', "UPDATE $kept SET evidence = set_byte(evidence, 60, get_byte(evidence, 60) # 1) WHERE epoch = 2 AND kind = 'signature'",
	'1: witness_forged|' . first_of(2), @by_one);
sql("CREATE TABLE before AS SELECT * FROM $kept; UPDATE $kept SET evidence = set_byte(evidence, 60, get_byte(evidence, 60) # 1) WHERE epoch = 2 AND kind = 'signature'");
IPC::Run::run(['csec_export', live(), '-q', '-o', "$dir/forged", '--since', 5, '--until', 9], '2>', \$err) or die $err;
is((judge('-f', "$dir/forged", @by_one))[0], '1: witness_forged|' . first_of(2), '... in a selection');
sql("DELETE FROM $kept; INSERT INTO $kept SELECT * FROM before; DROP TABLE before");
changed_is('a signature of another checkpoint', "UPDATE $kept SET epoch = 4 WHERE epoch = 2 AND kind = 'signature'",
	'1: witness_forged|' . first_of(4), @by_one);
changed_is('signatures taken away', "DELETE FROM $kept WHERE kind = 'signature'", '1: witness_missing|1', @by_one);
changed_is('a witness under two keys is one', attach(4, 'signature', 'x', cosigned($one, note(4), $now) . cosigned($again, note(4), $now)) .
	"; DELETE FROM $kept WHERE witness = 'witness2.example'", '1: witness_missing|1', '--witnesses', 2, @by_one, '--witness', $again->{vkey});
changed_is('a stamp of another checkpoint', "UPDATE $kept SET epoch = 4 WHERE epoch = 2 AND kind = 'timestamp'",
	'1: timestamp_forged|' . first_of(4));
changed_is('a stamp altered', "UPDATE $kept SET evidence = set_byte(evidence, length(evidence) - 1, 1 # get_byte(evidence, length(evidence) - 1)) WHERE epoch = 2 AND kind = 'timestamp'",
	'1: timestamp_forged|' . first_of(2), @stamped);
changed_is('no stamp at all in its place', "UPDATE $kept SET evidence = '' WHERE epoch = 2 AND kind = 'timestamp'",
	'1: timestamp_forged|' . first_of(2));
changed_is('a stamp over a weak hash', "DELETE FROM $kept; " . attach(2, 'timestamp', 'tsa', stamp($dir, 'tsa', note(2), 'sha1')),
	'1: timestamp_forged|' . first_of(2), @stamped);
make_authority($dir, 'over');
my $over = let_expire($dir, 'over');
changed_is('a stamp made after the certificate was over', "DELETE FROM $kept; " . attach(2, 'timestamp', 'tsa', stamp($dir, 'over', note(2))),
	'1: timestamp_forged|' . first_of(2), '--tsa-ca', $over);
changed_is('stamps of another authority only', "DELETE FROM $kept WHERE witness = 'tsa'", '1: timestamp_foreign|' . first_of(3), @stamped);
changed_is('stamps taken away', "DELETE FROM $kept WHERE kind = 'timestamp'", '1: timestamp_missing|1', @stamped);

# ---- a server whose clock lies, told by the clock of the authority ----

# A stamp covers what is before it: the one on epoch 4 cannot make epoch 1 older.
sleep 3;
changed_is('stamped too late', "DELETE FROM $kept; " . attach(4, 'timestamp', 'tsa', stamp($dir, 'tsa', note(4))),
	'1: time_differs|1', @stamped, '--stamped-within', 2);
changed_is('... and in time for who waits longer', "DELETE FROM $kept; " . attach(4, 'timestamp', 'tsa', stamp($dir, 'tsa', note(4))),
	'0: verified', @stamped, '--stamped-within', 600);
$node->stop;
done_testing();
