# Were this to fail, who verifies the later part of a trail would take for granted
# more than a checkpoint covers, or be told that a trail is sound whose earlier part
# was made anew.

use strict;
use warnings;
use CsecTrail;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('since');
my $log = 'csec_trail.audit_log';
my $dir = PostgreSQL::Test::Utils::tempdir;
sub sql { return $node->safe_psql('postgres', $_[0]) }

# The program's verdict: problem and record, or else what it took for granted.
sub since
{
	my ($out, $err);
	IPC::Run::run(['csec_verify', '-d', $node->connstr('postgres'), '-w', '--json', @_], '>', \$out, '2>', \$err);
	my $code = $? >> 8;
	return "2: $err" if $code == 2;
	my $trail = decode_json($out)->{trails}[0];
	my ($finding) = @{ $trail->{findings} };
	my $granted = defined $trail->{granted} ? " granted $trail->{granted} by $trail->{granted_by}" : '';
	return ($finding ? "$code: $finding->{problem}|$finding->{record}" : "$code: verified") . $granted;
}

# 700 records, three checkpoints
foreach my $n (1 .. 3)
{
	record_some($node, $n == 2 ? 300 : 200, object => "part $n");
	sql('SELECT csec.flush_audit(); SELECT csec.make_checkpoint()');
}
# the first of each size: an empty epoch says nothing new
my @size = split /\n/, sql('SELECT size FROM csec_trail.checkpoint WHERE size > 0 GROUP BY 1 ORDER BY 1');
my @epoch = split /\n/, sql('SELECT min(epoch) FROM csec_trail.checkpoint WHERE size > 0 GROUP BY size ORDER BY size');
# the first may be older than the records
my ($first, $second) = map { my $i = $_; (grep { $size[$_] > 150 } 0 .. $#size)[$i] } 0, 1;
IPC::Run::run(['csec_export', '-q', '-d', $node->connstr('postgres'), '-o', "$dir/kept"]) or die;
my @from = ('--from', "$dir/kept/checkpoints");
my $begin = $size[$second];
my $granted = "granted $begin by $epoch[$second]";

is(since('--since', $begin + 1), "0: verified $granted", 'from a checkpoint on');
is(since('--since', $begin + 50), "0: verified $granted", '... from the last one before the point');
is(since('--since', $begin), "0: verified granted $size[$first] by $epoch[$first]", '... never from one behind it');
is(since('--since', $begin + 50, '-j', 1, @from), "0: verified $granted", '... with checkpoints that were kept, by one thread');
is(since('--since', 'yesterday'), '0: verified granted 0 by 0', 'where none stands before it all is looked at');
my $end = since('--since', 'tomorrow');
like($end, qr/^0: verified granted (\d+) by \d+$/, 'nothing was sealed since');
cmp_ok($end =~ /granted (\d+)/ ? $1 : 0, '>', $begin, '... so the last checkpoint is where it begins');
is(since('--since', 9_000_000), $end, '... and so with a number that is not there yet');
like(since('--since', 0), qr/^2: .*numbered from 1/, 'records are numbered from 1');

# ---- what stands before is altered ----

sub locked { return sql('BEGIN; SET LOCAL client_min_messages = error; LOCK TABLE csec_trail.sealer_state; ' . $_[0] . '; COMMIT') }
sub damaged
{
	my ($do, $undo, $then) = @_;
	locked($do);
	$then->();
	locked($undo);
}
my $flip = "UPDATE $log SET record = set_byte(record, 60, get_byte(record, 60) # 1) WHERE seq = 20";
damaged($flip, $flip, sub {
	is(since(), '1: altered|20', 'a record before it is edited');
	is(since('--since', $begin + 50), "0: verified $granted", '... and is not looked at: the checkpoint stands for what was sealed');
});
my $tile = 'UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 32 * 19, get_byte(hashes, 32 * 19) # 1), root = set_byte(root, 3, get_byte(root, 3) # 1) WHERE level = 0 AND tile = 0';
damaged($tile, $tile, sub {
	is(since('--since', $begin + 50), '1: tree_differs|1 granted 0 by 0', 'the tree before it is edited: all is looked at');
});
damaged("$flip; $tile", "$flip; $tile", sub {
	is(since('--since', $begin + 50), '1: altered|20 granted 0 by 0', 'a record and the tree before it');
});
my $second_flip = $flip =~ s/= 20$/"= $begin"/er;
damaged($second_flip, $second_flip, sub {
	is(since('--since', $begin + 1), "0: verified $granted", 'the hash before the first comes from the checkpoint, not from a row');
});
my $third_flip = $flip =~ s/= 20$/'= ' . ($begin + 7)/er;
damaged($third_flip, $third_flip, sub {
	is(since('--since', $begin + 50), '1: altered|' . ($begin + 7) . " $granted", 'a record between the checkpoint and the point');
});

# ---- a liar makes the trail anew, and goes on ----

# With the key of the trail, as the server's user has it; of the seals only the
# current key is his.  So the old checkpoints stand, over another tree.
locked(qq{
	DO \$\$
	DECLARE
		r record;
		link bytea := decode(repeat('00', 32), 'hex');
	BEGIN
		FOR r IN SELECT seq, csec.whole_record(record) AS record FROM $log ORDER BY seq LOOP
			IF r.seq = 20 THEN r.record := set_byte(r.record, 60, get_byte(r.record, 60) # 1); END IF;
			link := sha256(link || r.record);
			UPDATE $log SET record = r.record, hash = link WHERE seq = r.seq;
		END LOOP;
	END \$\$;
	} . seals_anew($node));
my $rewritten = '1: rewritten|' . ((grep { $_ < 20 } @size) ? (sort { $b <=> $a } grep { $_ < 20 } @size)[0] + 1 : 1);
is(since(), $rewritten, 'a trail made anew is not what was signed');
is(since('--since', $begin + 50), "$rewritten granted 0 by 0", '... nor is it from a later record on');
$node->restart;
record_some($node, 30, object => 'after');
sql('SELECT csec.flush_audit(); SELECT csec.make_checkpoint()');
my $later = sql('SELECT max(size) FROM csec_trail.checkpoint');
cmp_ok($later, '>', $size[-1], 'it goes on, and is signed again');
is(since('--since', $later + 1), "$rewritten granted 0 by 0", 'the new checkpoint does not follow from the old ones: all is looked at');
is(since('--since', $later + 1, @from), "$rewritten granted 0 by 0", '... nor from those that were kept');

# what he gives of it is a record that fits, under a chain of keys that was never broken
foreach my $made ([ 'edited', 20 ], [ 'not_edited', $later ])
{
	my ($bundle, $seq) = @$made;
	IPC::Run::run([ 'csec_export', '-q', '-d', $node->connstr('postgres'), '-o', "$dir/$bundle", '--since', $seq, '--until', $seq ]) or die;
	foreach my $kept ([], ['--key', "$dir/kept/keys"], \@from)
	{
		my $out;
		IPC::Run::run([ 'csec_verify', '--json', '-f', "$dir/$bundle", @$kept ], '>', \$out);
		my ($finding) = @{ decode_json($out)->{trails}[0]{findings} };
		is(($? >> 8) . ($finding ? ": $finding->{problem}|$finding->{record}" : ''), $rewritten,
			"... nor is the tree of one record of it ($bundle) that of the checkpoints before: " . ($kept->[0] // 'nothing kept'));
	}
}
$node->stop;
done_testing();
