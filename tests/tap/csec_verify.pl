# Were this to fail, an auditor who does not trust the server would be told
# that an edited trail is sound, or be told the wrong kind or record (C.1-C.5).

use strict;
use warnings;
use CsecTrail;
use Digest::SHA;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('verify');
my $log = 'csec_trail.audit_log';
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE csec_auditor; CREATE ROLE nobody_here LOGIN');

# The program's exit code, and its verdict.
sub run_verify
{
	my (@options) = @_;
	my ($out, $err);
	IPC::Run::run(['csec_verify', @options], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub live { return ('-d', $node->connstr('postgres'), '-U', 'auditor', '-w', @_) }

sub verdict
{
	my ($code, $out, $err) = run_verify('--json', @_);
	return "2: $err" if $code == 2;
	my $verdict = decode_json($out);
	my ($finding) = map { @{ $_->{findings} } } @{ $verdict->{trails} };
	return "$code: " . ($finding ? "$finding->{problem}|$finding->{record}" : $verdict->{verified} ? 'verified' : 'not verified');
}

sub export_evidence
{
	my ($name, @options) = @_;
	my ($out, $err);
	IPC::Run::run(['csec_export', live(), '-o', "$dir/$name", @options], '>', \$out, '2>', \$err)
	  or die "csec_export: $err";
	return $out;
}

record_some($node, 40);
flush_trail($node);
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
record_some($node, 40, object => 'y');
flush_trail($node);
my $out = export_evidence('all', '--reason', 'inquiry 7');
my ($digest) = $out =~ /^digest: (\w{64})$/m;
ok(defined $digest, 'evidence is exported, and its digest told');
my $key = "$dir/all/keys";

# ---- sound ----

is(verdict(live()), '0: verified', 'a sound trail, live');
is(verdict(live('-j', 1)), '0: verified', '... by one thread');
is(verdict(live('--key', $key)), '0: verified', '... under the key of its first checkpoint');
is(verdict(live('--from', "$dir/all/checkpoints")), '0: verified', '... with checkpoints that were kept');
is(verdict(live('--since', 30)), '0: verified', '... from a record on');
is(verdict(live('--since', 'yesterday')), '0: verified', '... from a time on');
is(verdict('-f', "$dir/all", '--key', $key), '0: verified', 'evidence');
is(verdict('-f', "$dir/all/MANIFEST", '--from', "$dir/all/checkpoints"), '0: verified', '... by its manifest');
is(verdict(live('--against', "$dir/all")), '0: verified', 'a trail that goes on where evidence ends is no fork');
my ($code, $text, $err) = run_verify('-q', '-f', "$dir/all");
is("$code$text$err", '0', 'a script can ask for the exit code alone');
($code, $text, $err) = run_verify('-f', "$dir/all");
like($text, qr/verified\n.*all of database postgres, exported .* by auditor .*reason: inquiry 7.*digest: $digest/s,
	'the report says who exported what, and the digest');

# ---- the act of exporting ----

flush_trail($node);
is(records($node, q{string_agg(login || ' ' || action || ' ' || coalesce(detail::jsonb->>'digest', detail::jsonb->>'reason'), ', ' ORDER BY seq)},
		"action IN ('export', 'exported')"),
	"auditor export inquiry 7, auditor exported $digest", 'the export is on record, with its digest');
($code) = run_verify('-d', $node->connstr('postgres'), '-U', 'nobody_here', '-w');
is($code, 2, 'who is no auditor cannot verify');
isnt(system('csec_export', '-d', $node->connstr('postgres'), '-U', 'nobody_here', '-w', '-q', '-o', "$dir/no"), 0,
	'... nor export');
ok(!-e "$dir/no", '... and nothing is written');
isnt(system('csec_export', live(), '-q', '-o', "$dir/all"), 0, 'evidence is never written over');

# ---- parts ----

$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION auditor; SELECT count(*) FROM csec.trail()});
flush_trail($node);
export_evidence('part', '--since', 20, '--until', 29);
export_evidence('person', '--person', 'auditor');
like(slurp_file("$dir/person/MANIFEST"), qr/^selection: person auditor$/m, 'the manifest says what was selected');
is(verdict('-f', "$dir/part", '--key', $key), '0: verified', 'some records, proved without the others');
is(verdict('-f', "$dir/person", '--key', $key), '0: verified', 'the records of a person');
is(verdict('-f', "$dir/part", '--from', "$dir/all/checkpoints"), '0: verified', '... below checkpoints that were kept');
like(slurp_file("$dir/part/MANIFEST"), qr/^records: 10$/m, 'of ten records ten are there');

# ---- evidence edited, cut, and hostile ----

sub file_of { my ($bundle, $file) = @_; open my $f, '<:raw', "$dir/$bundle/$file" or die; local $/; return scalar <$f> }

sub edited_is
{
	my ($name, $bundle, $file, $edit, $expected, @options) = @_;
	my $whole = file_of($bundle, $file);
	my $copy = $whole;
	my $new = $edit->($copy);
	ok($new ne $whole, "$name: something is edited");
	open my $f, '>:raw', "$dir/$bundle/$file" or die;
	print $f $new;
	close $f;
	like(verdict('-f', "$dir/$bundle", @options), $expected, $name);
	open $f, '>:raw', "$dir/$bundle/$file" or die;
	print $f $whole;
	close $f;
}

# where the entry of the n-th record of the first run begins
sub entry
{
	my ($records, $n) = @_;
	my $at = 52;
	$at += 4 + unpack('N', substr($records, $at, 4)) + 32 foreach 2 .. $n;
	return $at;
}

edited_is('evidence: a byte of a record', 'all', 'records',
	sub { substr($_[0], entry($_[0], 20) + 4 + 60, 1) ^= "\x01"; $_[0] }, qr/^1: altered\|20$/);
edited_is('evidence: a hash', 'all', 'records',
	sub { substr($_[0], entry($_[0], 21) - 5, 1) ^= "\x01"; $_[0] }, qr/^1: altered\|20$/);
edited_is('evidence: two records exchanged', 'all', 'records', sub {
		my ($a, $b, $c) = map { entry($_[0], $_) } 20 .. 22;
		substr($_[0], 0, $a) . substr($_[0], $b, $c - $b) . substr($_[0], $a, $b - $a) . substr($_[0], $c);
	}, qr/^1: reordered\|20$/);
edited_is('evidence: a record left out', 'all', 'records', sub {
		my ($a, $b) = map { entry($_[0], $_) } 20, 21;
		substr($_[0], 0, $a) . substr($_[0], $b);
	}, qr/^1: bundle_damaged\|1$/);
edited_is('evidence: cut short', 'all', 'records', sub { substr($_[0], 0, -10) }, qr/^1: bundle_damaged\|1$/);
edited_is('evidence: nothing left', 'all', 'records', sub { '' }, qr/^1: (tail_cut|bundle_damaged)\|1$/);
edited_is('evidence: bytes behind its end', 'all', 'records', sub { $_[0] . 'x' x 100 }, qr/^1: bundle_damaged\|/);
edited_is('evidence: a length beyond the run', 'all', 'records',
	sub { substr($_[0], entry($_[0], 20), 4) = "\xff\xff\xff\xff"; $_[0] }, qr/^1: bundle_damaged\|20$/);
edited_is('evidence: a run of four gigabytes', 'all', 'records',
	sub { substr($_[0], 16, 4) = "\xff\xff\xff\xff"; $_[0] }, qr/^1: bundle_damaged\|1$/);
edited_is('evidence: numbered beyond all numbers', 'all', 'records',
	sub { substr($_[0], 4, 8) = "\x7f" . "\xff" x 7; $_[0] }, qr/^1: bundle_damaged\|1$/);
edited_is('evidence: who exported it', 'all', 'MANIFEST',
	sub { $_[0] =~ s/^exported by: .*$/exported by: somebody/mr }, qr/^0: verified$/);
edited_is('evidence: the head', 'all', 'MANIFEST', sub { $_[0] =~ s/^trail: (\d+)$/'trail: ' . ($1 + 1)/mer }, qr/^1: tail_cut\|/);
edited_is('evidence: how many records', 'all', 'MANIFEST', sub { $_[0] =~ s/^records: \d+$/records: 7/mr }, qr/^1: bundle_damaged\|/);
edited_is('evidence: a manifest of another form', 'all', 'MANIFEST', sub { $_[0] =~ s/^runs: /run: /mr }, qr/^2: /);
edited_is('evidence: a manifest with more', 'all', 'MANIFEST', sub { "$_[0]x: y\n" }, qr/^2: /);
edited_is('evidence: a checkpoint left out', 'all', 'checkpoints',
	sub { $_[0] =~ s/\Anote (\d+)\n//; substr($_[0], $1) }, qr/^1: bundle_damaged\|/);
edited_is('evidence: a checkpoint edited', 'all', 'checkpoints', sub { $_[0] =~ s/^epoch 2$/epoch 3/mr }, qr/^1: bundle_damaged\|/);
edited_is('evidence: a proof edited', 'part', 'proofs', sub { $_[0] =~ s/([0-9a-f]{64})$/reverse $1/emr }, qr/^1: (bundle_damaged|not_in_tree)\|/);
edited_is('evidence: a selection called all', 'part', 'MANIFEST', sub { $_[0] =~ s/^selection: .*/selection: all/mr }, qr/^1: missing\|1$/);

# a manifest made to fit: the signatures do not
sub refit
{
	my ($bundle, @files) = @_;
	my $manifest = file_of($bundle, 'MANIFEST');
	$manifest =~ s/^($_): \w+$/"$1: " . Digest::SHA::sha256_hex(file_of($bundle, $_))/me foreach @files;
	open my $f, '>:raw', "$dir/$bundle/MANIFEST" or die;
	print $f $manifest;
	close $f;
}

sub refitted_is
{
	my ($name, $bundle, $file, $edit, $expected, @options) = @_;
	my $manifest = file_of($bundle, 'MANIFEST');
	edited_is($name, $bundle, $file, sub {
			my $new = $edit->($_[0]);
			open my $f, '>:raw', "$dir/$bundle/$file" or die;
			print $f $new;
			close $f;
			refit($bundle, $file);
			return $new;
		}, $expected, @options);
	open my $f, '>:raw', "$dir/$bundle/MANIFEST" or die;
	print $f $manifest;
	close $f;
}

refitted_is('checkpoints: one edited, the manifest too', 'all', 'checkpoints',
	sub { $_[0] =~ s/^epoch 2$/epoch 3/mr }, qr/^1: checkpoint_forged\|/);
refitted_is('checkpoints: the first left out, the manifest too', 'all', 'checkpoints',
	sub { $_[0] =~ s/\Anote (\d+)\n//; substr($_[0], $1) }, qr/^1: checkpoint_missing\|1$/, @$_) foreach [ '--key', $key ], [ '--from', "$dir/all/checkpoints" ], [ ];
refitted_is('checkpoints: all left out, the manifest too', 'all', 'checkpoints',
	sub { '' }, qr/^1: checkpoint_missing\|1$/, '--key', $key);
refitted_is('checkpoints: two exchanged, the manifest too', 'all', 'checkpoints', sub {
		my @notes;
		while ($_[0] =~ /\Gnote (\d+)\n/g)
		{
			my $n = $1;
			push @notes, "note $n\n" . substr($_[0], pos($_[0]), $n);
			pos($_[0]) += $n;
		}
		join '', @notes[1, 0], @notes[2 .. $#notes];
	}, qr/^1: (key_unknown|checkpoint_\w+)\|/, '--key', $key);
refitted_is('a proof of another record, the manifest too', 'part', 'proofs',
	sub { $_[0] =~ s/([0-9a-f]{64})\n\z/reverse($1) . "\n"/er }, qr/^1: not_in_tree\|20$/);
my ($older) = file_of('part', 'proofs') =~ /^from (\d+) /m;
ok($older, 'a selection proves that its tree goes on from earlier ones');
refitted_is('a tree that does not go on from an earlier one, the manifest too', 'part', 'proofs',
	sub { $_[0] =~ s/^(from $older .*)([0-9a-f]{64})$/$1 . reverse $2/emr }, qr/^1: rewritten\|1$/);
refitted_is('no proof that it goes on, the manifest too', 'part', 'proofs',
	sub { $_[0] =~ s/^from $older .*\n//mr }, qr/^1: bundle_damaged\|$older$/);
refitted_is('the proof that it goes on from another one, the manifest too', 'part', 'proofs',
	sub { $_[0] =~ s/^from $older /'from ' . ($older + 1) . ' '/emr }, qr/^1: bundle_damaged\|$older$/);
refitted_is('proofs for an earlier tree, the manifest too', 'part', 'proofs',
	sub { $_[0] =~ s/^tree \d+$/tree $older/mr }, qr/^1: bundle_damaged\|1$/);
refitted_is('no proofs at all, the manifest too', 'part', 'proofs',
	sub { "csec proofs 1\ntree 0\n" }, qr/^2: /);
refitted_is('a tree that no checkpoint signs', 'part', 'proofs',
	sub { $_[0] =~ s/^tree \d+$/tree 77/mr }, qr/^1: bundle_damaged\|/);

# what a selection proves, and what is bound by its digest alone (docs/evidence-bundle.md)
flush_trail($node);
is(records($node, "detail::jsonb ->> 'digest'", "action = 'exported' AND detail::jsonb ->> 'selection' = 'from record 20, to record 29'"),
	Digest::SHA::sha256_hex(file_of('part', 'MANIFEST')), 'the digest of a selection is on record');
edited_is("a selection: $_->[0] is bound by the digest alone", 'part', 'MANIFEST', sub { $_[0] =~ s/^$_->[0]: .*$/$_->[0]: $_->[1]/mr }, qr/^0: verified$/, '--key', $key)
  foreach [ 'system', 1 ], [ 'database id', 1 ], [ 'database', 'x' ], [ 'exported by', 'x' ], [ 'exported at', '2020-01-01T00:00:00.000000Z' ], [ 'exported with', 'x' ], [ 'server', 'x' ],
	[ 'reason', 'x' ], [ 'selection', 'table 1, subject 1' ], [ 'trail', 77 ], [ 'trail hash', '0' x 64 ];
edited_is("a selection: $_->[0] is bound by what is in it", 'part', 'MANIFEST', sub { $_[0] =~ s/^$_->[0]: .*$/$_->[0]: $_->[1]/mr }, $_->[2], '--key', $key)
  foreach [ 'records', 9, qr/^1: bundle_damaged\|/ ],
	[ 'runs', 2, qr/^1: bundle_damaged\|/ ], [ 'runs digest', '0' x 64, qr/^1: bundle_damaged\|/ ];

# a run that is left out with its proof is missed by nobody; a record within a run is
sub without_last_run
{
	my ($bundle) = @_;
	my ($bytes, $kept, @runs) = (file_of($bundle, 'records'), '');
	while ($bytes ne '')
	{
		my (undef, $first, $count, $size, $before) = unpack 'a4Q>NNa32', $bytes;
		push @runs, [ $first, $count, $before, substr($bytes, 52 + $size - 32, 32), substr($bytes, 0, 52 + $size, '') ];
	}
	my ($left_out, $digest, $records) = (pop @runs, "\0" x 32, 0);
	foreach my $run (@runs)
	{
		$digest = Digest::SHA::sha256($digest . pack('Q>N', @$run[0, 1]) . $run->[2] . $run->[3]);
		$records += $run->[1];
		$kept .= $run->[4];
	}
	my $last = $left_out->[0] + $left_out->[1] - 1;
	my $proofs = file_of($bundle, 'proofs') =~ s/^$last .*\n//mr;
	my $manifest = file_of($bundle, 'MANIFEST');
	my %fits = (records => $records, runs => scalar @runs, 'runs digest' => unpack('H*', $digest), proofs => Digest::SHA::sha256_hex($proofs));
	$manifest =~ s/^$_: .*/$_: $fits{$_}/m foreach keys %fits;
	PostgreSQL::Test::Utils::system_or_bail('cp', '-r', "$dir/$bundle", "$dir/$bundle.less");
	foreach ([ records => $kept ], [ proofs => $proofs ], [ MANIFEST => $manifest ])
	{
		open my $f, '>:raw', "$dir/$bundle.less/$_->[0]" or die;
		print $f $_->[1];
		close $f;
	}
	return scalar @runs;
}
cmp_ok(without_last_run('person'), '>', 0, 'a selection of several runs');
is(verdict('-f', "$dir/person.less", '--key', $key), '0: verified', '... verifies with one of them left out, too: that it is complete is not proved');

# another key
open my $other, '>', "$dir/other.key" or die;
print $other slurp_file($key) =~ s/\+([0-9a-f]{8})\+.*//sr . "+00000000+AQ==\n";
close $other;
like(verdict(live('--key', "$dir/other.key")), qr/^2: .*no verification key/, 'a key that is none');
$node->safe_psql('postgres', 'CREATE DATABASE second');
make_trail($node, 'second');
record_some($node, 3, db => 'second');
flush_trail($node, 'second');
IPC::Run::run(['csec_export', '-q', '-d', $node->connstr('second'), '-o', "$dir/second"]) or die;
is(verdict(live('--key', "$dir/second/keys")), '1: key_unknown|1', 'a genuine key of another trail');
like(verdict(live('--from', "$dir/second/checkpoints")), qr/^1: other_trail\|1$/, 'a genuine checkpoint of another trail');
mkdir "$dir/notary";
like(verdict(live('--from', "$dir/notary")), qr/^2: .*no file \*\.note/, 'a folder without checkpoints');
PostgreSQL::Test::Utils::system_or_bail('cp', "$dir/second/checkpoints", "$dir/notary/second.note");
like(verdict(live('--from', "$dir/notary")), qr/^1: other_trail\|1$/, '... with those of another trail alone');
PostgreSQL::Test::Utils::system_or_bail('cp', "$dir/all/checkpoints", "$dir/notary/all.note");
PostgreSQL::Test::Utils::append_to_file("$dir/notary/unfinished.tmp", 'csec');
is(verdict(live('--from', "$dir/notary")), '0: verified', '... with those of this trail, too');
like(verdict(live('--against', "$dir/second")), qr/^1: fork\|1$/, 'another trail is no copy');

# ---- the tables edited by a superuser ----

# Without the library nothing is recorded, so that what is found is what was done.
my $last_export = export_evidence('kept');
all_whole($node);
my $head = $node->safe_psql('postgres', 'SELECT seq FROM csec_trail.sealer_state');
my @tables = map { "csec_trail.$_" } qw(audit_log audit_subject sealer_state checkpoint tree_tile);
$node->safe_psql('postgres', join '; ', 'CREATE SCHEMA saved',
	map { 'CREATE TABLE saved.' . s/.*\.//r . " AS SELECT * FROM $_" } @tables);
my $restore = join '; ', 'BEGIN', 'SET LOCAL client_min_messages = error', (map { "DELETE FROM $_" } @tables),
  (map { "INSERT INTO $_ SELECT * FROM saved." . s/.*\.//r } @tables), 'COMMIT';
my @from = ('--from', "$dir/kept/checkpoints");

sub live_is
{
	my ($name, $damage, $expected, @options) = @_;
	$damage =~ s/HEAD/$head/g;
	$expected =~ s/HEAD([+-]\d+)?/$head + ($1 \/\/ 0)/e;
	$node->safe_psql('postgres', "SET client_min_messages = error; $damage");
	like(verdict(live(@options)), qr/^1: @{[ $expected =~ s{\|(?=-?\d+$)}{\\|}r ]}$/, $name);
	$node->safe_psql('postgres', $restore);
}

is(verdict(live(@from)), '0: verified', 'the trail before it is edited');
live_is('a byte of a record', "UPDATE $log SET record = set_byte(record, 60, get_byte(record, 60) # 1) WHERE seq = 20", 'altered|20');
live_is('the number within a record', "UPDATE $log SET record = set_byte(record, 11, 99) WHERE seq = 20", 'reordered|20');
live_is('a hash', "UPDATE $log SET hash = set_byte(hash, 7, 1 # get_byte(hash, 7)) WHERE seq = 20", 'altered|20');
live_is('an empty record', "UPDATE $log SET record = '' WHERE seq = 20", 'altered|20');
live_is('the time column', "UPDATE $log SET at = at + interval '1 us' WHERE seq = 20", 'column_differs|20');
live_is('the login', "UPDATE $log SET login = 'somebody' WHERE seq = 20", 'column_differs|20');
live_is('the login taken away', "UPDATE $log SET login = NULL WHERE seq = 20", 'column_differs|20');
live_is('the kind', "UPDATE $log SET kind = 2 WHERE seq = 20", 'column_differs|20');
live_is('the table', "UPDATE $log SET relid = 1 WHERE seq = 20", 'column_differs|20');
live_is('the subject', "UPDATE $log SET subject = 1 WHERE seq = 20", 'column_differs|20');
live_is('the subjects', "UPDATE $log SET subjects = '{[1,5)}' WHERE seq = 20", 'column_differs|20');
live_is('a subject of its own', qq{
	INSERT INTO csec_trail.audit_subject (subject, seq, at, relid) SELECT 1, seq, at, 1 FROM $log WHERE seq = 20}, 'column_differs|20');
live_is('a record deleted', "DELETE FROM $log WHERE seq = 20", 'missing|20');
live_is('the first record deleted', "DELETE FROM $log WHERE seq = 1", 'missing|1');
live_is('all deleted', "DELETE FROM $log", 'tail_cut|1');
live_is('two records exchanged', "UPDATE $log SET seq = 41 - seq WHERE seq IN (20, 21)", 'reordered|20');
live_is('a record twice', "INSERT INTO $log SELECT * FROM $log WHERE seq = 20", 'duplicated|20');
live_is('another record under a number', qq{
	INSERT INTO $log SELECT seq, at, subject, relid, kind, login, subjects, set_byte(record, 60, get_byte(record, 60) # 1), sha256(hash) FROM $log WHERE seq = 20},
	'(?:inserted|altered)|20');
live_is('a record before the first',
	"INSERT INTO $log SELECT 0, at, subject, relid, kind, login, subjects, record, hash FROM $log WHERE seq = 20", 'inserted|0');
live_is('the tail cut', "DELETE FROM $log WHERE seq >= HEAD - 4", 'tail_cut|HEAD-4');
live_is('a record after the head', qq{
	INSERT INTO $log SELECT seq + 1, at, subject, relid, kind, login, subjects, record, hash FROM $log WHERE seq = HEAD}, 'inserted|HEAD+1');
live_is('the head removed', 'DELETE FROM csec_trail.sealer_state', 'head_forged|HEAD');
live_is('the tail cut, the head and the checkpoints with it', qq{
	DELETE FROM $log WHERE seq > 60;
	DELETE FROM csec_trail.checkpoint WHERE size > 60;
	UPDATE csec_trail.sealer_state SET seq = 60, hash = (SELECT hash FROM $log WHERE seq = 60)}, 'tail_cut|61', @from);

# a consistent forgery, as who has the server's key would make it, but for the seals
my $forge = qq{
	DO \$\$
	DECLARE r record; prev bytea := decode(repeat('00', 32), 'hex'); node bytea[];
	BEGIN
		FOR r IN SELECT seq, record FROM $log ORDER BY seq LOOP
			IF r.seq = 20 THEN r.record := set_byte(r.record, 60, get_byte(r.record, 60) # 1); END IF;
			prev := sha256(prev || r.record);
			UPDATE $log SET record = r.record, hash = prev WHERE seq = r.seq;
		END LOOP;
		UPDATE csec_trail.sealer_state SET hash = prev;
		FOR r IN SELECT tile FROM csec_trail.tree_tile WHERE level = 0 LOOP
			SELECT array_agg(sha256('\\x00'::bytea || hash) ORDER BY seq) INTO node FROM $log WHERE (seq - 1) / 256 = r.tile;
			UPDATE csec_trail.tree_tile SET hashes = (SELECT string_agg(n, ''::bytea ORDER BY i) FROM unnest(node) WITH ORDINALITY u(n, i)) WHERE level = 0 AND tile = r.tile;
			WHILE cardinality(node) > 1 LOOP
				node := ARRAY(SELECT sha256('\\x01'::bytea || node[2 * i - 1] || node[2 * i]) FROM generate_series(1, cardinality(node) / 2) i ORDER BY i);
			END LOOP;
			UPDATE csec_trail.tree_tile SET root = node[1] WHERE level = 0 AND tile = r.tile;
		END LOOP;
	END \$\$};
my $under = $node->safe_psql('postgres', 'SELECT max(size) + 1 FROM csec_trail.checkpoint WHERE size < 20');
live_is('a whole trail forged', $forge, "rewritten|$under");
live_is('a whole trail forged, its checkpoints removed', "$forge; DELETE FROM csec_trail.checkpoint", "rewritten|$under", @from);
live_is('... and who verifies has the key alone', "$forge; DELETE FROM csec_trail.checkpoint", 'checkpoint_missing|1', '--key', $key);

# a copy that went on by itself: sound in itself, and evidence of the other says from where
my $other_way = "$forge; DELETE FROM csec_trail.checkpoint WHERE size >= 20";
live_is('a copy that went on by itself is a fork', $other_way, 'fork|20', '--against', "$dir/kept");
$node->safe_psql('postgres', $other_way);
is(verdict(live()), '0: verified', '... which nothing but the other copy, or a checkpoint, can show');
$node->safe_psql('postgres', $restore);

# seals and checkpoints
live_is('a checkpoint edited', q{
	UPDATE csec_trail.checkpoint SET note = set_byte(note, 40, 1 # get_byte(note, 40)) WHERE epoch = 2}, 'checkpoint_forged|' .
	($node->safe_psql('postgres', 'SELECT size + 1 FROM csec_trail.checkpoint WHERE epoch = 1')));
live_is('a checkpoint deleted', 'DELETE FROM csec_trail.checkpoint WHERE epoch = 2', 'checkpoint_missing|' .
	($node->safe_psql('postgres', 'SELECT size + 1 FROM csec_trail.checkpoint WHERE epoch = 1')));
live_is('checkpoints exchanged', 'UPDATE csec_trail.checkpoint SET epoch = -epoch; UPDATE csec_trail.checkpoint SET epoch = CASE -epoch WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE -epoch END',
	'checkpoint_missing|1', '--key', $key);
live_is('the first checkpoints deleted', 'DELETE FROM csec_trail.checkpoint WHERE epoch < 3', 'checkpoint_missing|1');
live_is('the columns of a checkpoint', 'UPDATE csec_trail.checkpoint SET size = size + 1 WHERE epoch = 1', 'checkpoint_forged|' .
	($node->safe_psql('postgres', 'SELECT size + 1 FROM csec_trail.checkpoint WHERE epoch = 1')));

# tables, types, views; who does that puts csec's event triggers out of the way
my $event_triggers = 'DO $$ DECLARE t name; BEGIN FOR t IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format(\'ALTER EVENT TRIGGER %I %s\', t, \'STATE\'); END LOOP; END $$';
$node->safe_psql('postgres', $event_triggers =~ s/STATE/DISABLE/r);
sub altered_is
{
	my ($name, $do, $undo) = @_;
	$node->safe_psql('postgres', $do);
	is(verdict(live()), '1: table_altered|1', $name);
	$node->safe_psql('postgres', $undo);
}
altered_is('a default', "ALTER TABLE $log ALTER COLUMN kind SET DEFAULT 2", "ALTER TABLE $log ALTER COLUMN kind DROP DEFAULT");
altered_is('a column more', "ALTER TABLE $log ADD COLUMN note text", "ALTER TABLE $log DROP COLUMN note");
altered_is('a rule', "CREATE RULE hide AS ON INSERT TO $log DO INSTEAD NOTHING", "DROP RULE hide ON $log");
$node->safe_psql('postgres', "ALTER TABLE $log RENAME TO real_log; CREATE VIEW $log AS SELECT * FROM csec_trail.real_log; GRANT SELECT ON $log TO csec_auditor");
is(verdict(live()), '1: table_altered|1', 'a view that takes the name');
$node->safe_psql('postgres', "DROP VIEW $log; ALTER TABLE csec_trail.real_log RENAME TO audit_log");
$node->safe_psql('postgres', "ALTER TABLE $log ENABLE ROW LEVEL SECURITY; CREATE POLICY nothing ON $log USING (false)");
like(verdict(live()), qr/^2: .*row-level security/, 'rows hidden by row security: no verdict');
$node->safe_psql('postgres', "DROP POLICY nothing ON $log; ALTER TABLE $log DISABLE ROW LEVEL SECURITY");

# no false alarm
$node->safe_psql('postgres', "ALTER DATABASE postgres SET timezone = 'Asia/Shanghai'; ALTER DATABASE postgres SET datestyle = 'German'; VACUUM FULL $log; REINDEX TABLE $log");
is(verdict(live(@from)), '0: verified', 'another time zone, VACUUM FULL and REINDEX are no tampering');

$node->safe_psql('postgres', $event_triggers =~ s/STATE/ENABLE ALWAYS/r);

# in the data file: one byte of a record, and the page's checksum no longer fits
my $file = $node->safe_psql('postgres', "SELECT pg_relation_filepath(relid) FROM pg_partition_tree('$log') WHERE isleaf ORDER BY pg_relation_size(relid) DESC LIMIT 1");
$node->stop;
sub patch_file
{
	my ($from, $to) = @_;
	open my $f, '+<:raw', $node->data_dir . "/$file" or die;
	local $/;
	my $bytes = <$f>;
	my $n = () = $bytes =~ /\Q$from\E/g;
	$bytes =~ s/\Q$from\E/$to/;
	seek $f, 0, 0;
	print $f $bytes;
	close $f;
	return $n;
}
is(patch_file("x 17\x18", "x 71\x18"), 1, 'a byte of the data file is edited');
$node->append_conf('postgresql.conf', 'ignore_checksum_failure = on');
$node->start;
like(verdict(live()), qr/^1: altered\|\d+$/, 'an edit in the data file');
$node->stop;
is(patch_file("x 71\x18", "x 17\x18"), 1, '... taken back');
$node->start;

$node->stop;

# ---- what is no trail ----

like(verdict(live()), qr/^2: /, 'no server');
like(verdict('-f', "$dir/nowhere"), qr/^2: /, 'no evidence');
like(verdict('-f', $dir), qr/^2: /, 'a folder that is no evidence');
like(verdict('-f', "$dir/all", '--from', "$dir/all/records"), qr/^2: /, 'checkpoints that are none');
like(verdict('-f', "$dir/all", '--since', 3), qr/^2: /, 'options that contradict each other');
done_testing();
