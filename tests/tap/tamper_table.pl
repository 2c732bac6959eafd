# Were this to fail, an edit of the trail would pass, or be told under another name or
# of another record: one row for each way in, as csec_verify, outside, tells it (C.1-C.5).

use strict;
use warnings;
use CsecTrail;
use CsecVouch;
use Digest::SHA qw(sha256);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('table', 'csec.checkpoint_interval' => '1d');
my $log = 'csec_trail.audit_log';
my $seal = 'csec_trail.checkpoint';
my $dir = PostgreSQL::Test::Utils::tempdir;
sub sql { return $node->safe_psql('postgres', $_[0]) }

sub verdict
{
	my ($out, $err);
	IPC::Run::run(['csec_verify', '--json', @_], '>', \$out, '2>', \$err);
	return (($? >> 8) . ": $err") if $out eq '';
	my $verdict = decode_json($out);
	my ($finding) = map { @{ $_->{findings} } } @{ $verdict->{trails} };
	return $finding ? "$finding->{problem}|$finding->{record}" : $verdict->{verified} ? 'verified' : 'not verified';
}
sub live { return ('-d', $_[0]->connstr('postgres'), '-w') }

# ---- a trail with a read and a change that say all that can be said ----

sql(q{
	CREATE ROLE clerk LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text, note text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0'), 'n' FROM generate_series(1, 20) g;
	GRANT SELECT, UPDATE ON customers TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}');
	SELECT csec.set_clearance('clerk', level => 'important')});
record_some($node, 300);
sql('SELECT csec.make_checkpoint()');
$node->safe_psql('postgres', q{
	BEGIN; SET LOCAL csec.actor = 'mallory'; SET LOCAL csec.reason = 'complaint'; SELECT phone FROM customers WHERE id IN (7, 11); COMMIT;
	BEGIN; SET LOCAL csec.actor = 'mallory'; SET LOCAL csec.reason = 'complaint'; UPDATE customers SET note = 'was here' WHERE id = 9; COMMIT;
	SELECT phone FROM customers WHERE id = 3; SELECT phone FROM customers WHERE id = 4; SELECT phone FROM customers WHERE id = 5},
	extra_params => [ '-U', 'clerk' ]);
record_some($node, 300, object => 'y');
sql('SELECT csec.make_checkpoint()');
my $common = sql('SELECT seq FROM csec_trail.sealer_state');
$node->backup('copy');
record_some($node, 20, object => 'z');
sql('SELECT csec.make_checkpoint()');
my ($read) = split /\n/, records($node, 'seq', "actor = 'mallory' AND kind = 'read' ORDER BY seq");
my ($change) = split /\n/, records($node, 'seq', "actor = 'mallory' AND kind = 'change' ORDER BY seq");
ok($read && $change && $change > $read, 'a read and a change of somebody');
my ($alone) = split /\n/, records($node, 'seq', "login = 'clerk' AND seq > $change ORDER BY seq");
my $err;
IPC::Run::run(['csec_export', live($node), '-q', '-o', "$dir/kept"], '2>', \$err) or die $err;

# ---- a fork: a restored copy that goes on, both servers running ----

my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'copy');
chmod 0600, $copy->data_dir . '/csec_embedded.key';
$copy->start;
wait_for_sealer($copy);
record_some($copy, 20, object => 'forked');
$copy->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
is(verdict(live($copy)), 'verified', 'C.2 a restored copy goes on, and verifies by itself');
my $parted = verdict(live($node), '--against', $copy->connstr('postgres'));
like($parted, qr/^fork\|\d+$/, 'C.2 given both servers it is a fork');
my ($at) = $parted =~ /(\d+)/;
cmp_ok($at, '>', $common, '... after what they have in common');
sub hash_of { my ($n, $seq) = @_; return $n->safe_psql('postgres', "SELECT encode(hash, 'hex') FROM $log WHERE seq = $seq") }
is(hash_of($node, $at - 1), hash_of($copy, $at - 1), '... the record before is the same');
isnt(hash_of($node, $at), hash_of($copy, $at), '... and this is the first that differs');
is(verdict(live($copy), '--against', "$dir/kept"), $parted, '... so it is with one server and evidence of the other');
IPC::Run::run(['csec_export', live($copy), '-q', '-o', "$dir/copied"], '2>', \$err) or die $err;
my $told;
IPC::Run::run(['csec_verify', live($node), '--from', "$dir/copied/checkpoints"], '>', \$told);
like($told, qr/^  rewritten, record \d+: .*^  checkpoint_replaced, record \d+: /ms, '... and the checkpoints of one are not those of the other');
like(verdict('-f', "$dir/kept", '--against', "$dir/copied"), qr/^fork\|$at$/, '... nor is evidence of both');
$copy->stop;

# ---- who has the tables ----

# Without the library nothing is recorded, so that what is found is what was done.
all_whole($node);
sql(q{DO $$ DECLARE t name; BEGIN FOR t IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', t); END LOOP; END $$});
my $head = sql('SELECT seq FROM csec_trail.sealer_state');
my @tables = map { "csec_trail.$_" } qw(audit_log audit_subject sealer_state checkpoint tree_tile);
sql(join '; ', 'CREATE SCHEMA saved', map { 'CREATE TABLE saved.' . s/.*\.//r . " AS SELECT * FROM $_" } @tables);
my $restore = join '; ', 'BEGIN', 'SET LOCAL client_min_messages = error', (map { "DELETE FROM $_" } @tables),
  (map { "INSERT INTO $_ SELECT * FROM saved." . s/.*\.//r } @tables), 'COMMIT';
# the records as they stand, under new numbers, in a chain that fits, with a head that does
sql(qq{
	CREATE FUNCTION saved.chain_anew() RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE r record; link bytea := decode(repeat('00', 32), 'hex'); n int8 := 0;
	BEGIN
		CREATE TEMP TABLE anew ON COMMIT DROP AS SELECT * FROM $log ORDER BY seq;
		DELETE FROM $log;
		FOR r IN SELECT * FROM anew ORDER BY seq LOOP
			n := n + 1;
			r.record := overlay(r.record PLACING int8send(n) FROM 5 FOR 8);
			link := sha256(link || r.record);
			INSERT INTO $log (seq, at, subject, relid, kind, login, subjects, record, hash)
			VALUES (n, r.at, r.subject, r.relid, r.kind, r.login, r.subjects, r.record, link);
			UPDATE csec_trail.audit_subject SET seq = n WHERE seq = r.seq AND n <> r.seq;
		END LOOP;
		UPDATE csec_trail.sealer_state SET seq = n, hash = link;
	END \$\$});
my $anew = 'BEGIN; SELECT saved.chain_anew(); COMMIT';

my ($epochs, $middle) = split /\|/, sql("SELECT max(epoch), (SELECT min(epoch) FROM $seal WHERE size >= $read) FROM $seal");
sub sealed { return sql("SELECT size FROM $seal WHERE epoch = $_[0]") }
my $below = sealed($middle - 1);
my @kept = ('--from', "$dir/kept/checkpoints");
my $edit = "UPDATE $log SET record = overlay(record PLACING %s FROM %s) WHERE seq = %s";
sub text { my ($seq, $from, $to) = @_; return sprintf $edit, "'$to'::bytea", "position('$from'::bytea in record)", $seq }
sub byte { my ($seq, $at) = @_; return "UPDATE $log SET record = set_byte(record, $at, 1 # get_byte(record, $at)) WHERE seq = $seq" }

# another's signature under the checkpoint in the middle
my $note = pack 'H*', sql("SELECT encode(note, 'hex') FROM $seal WHERE epoch = $middle");
my ($told, $origin) = $note =~ /\A((\S+)\n.*\n)\n/s;
my $thief = keypair($dir, $origin, "\x01");
(my $forged = $told) =~ s/^key .*$/'key ' . encode_base64($thief->{public}, '')/me;
my $resigned = unpack 'H*', "$forged\n" . signature_line($thief, $forged);

# a chain of keys that the thief begins behind the last one
my $last_note = pack 'H*', sql("SELECT encode(note, 'hex') FROM $seal WHERE epoch = $epochs");
(my $begun) = $last_note =~ /\A(.*\n)\n/s;
my $one_more = $epochs + 1;
$begun =~ s/^(epoch|chain) \d+$/$1 $one_more/gm;
$begun =~ s/^before .*$/'before ' . encode_base64(sha256($last_note), '')/me;
$begun =~ s/^(key|next) .*$/"$1 " . encode_base64($thief->{public}, '')/gme;
my $new_chain = unpack 'H*', "$begun\n" . signature_line($thief, $begun);

my @rows = (
	[ 'C.1 the value', text($change, 'was here', 'not here'), "altered|$change" ],
	[ 'C.1 the time', byte($read, 19), "altered|$read" ],
	[ 'C.1 the actor', text($read, 'mallory', 'somebod'), "altered|$read" ],
	[ 'C.1 the reason', text($read, 'complaint', 'complains'), "altered|$read" ],
	[ 'C.1 the subjects', qq{UPDATE $log SET record = overlay(record PLACING '\\x14' FROM length(record)) WHERE seq = $read}, "altered|$read" ],
	[ 'C.1 the subjects in their table', "UPDATE csec_trail.audit_subject SET subject = subject + 1 WHERE seq = $read AND subject = 7", "column_differs|$read" ],
	[ 'C.1 the outcome', byte($change, 3), "altered|$change" ],
	[ 'C.1 two records exchanged', "UPDATE $log SET seq = 2 * $read + 1 - seq WHERE seq IN ($read, $read + 1)", "reordered|$read" ],
	[ 'C.1 one deleted', "DELETE FROM $log WHERE seq = $read", "missing|$read" ],
	[ 'C.1 one deleted, the others closed up', "DELETE FROM $log WHERE seq = $alone; $anew", "session_gap|$alone" ],
	[ 'C.1 one put in', "INSERT INTO $log SELECT seq, at, subject, relid, kind, login, subjects, set_byte(record, 60, get_byte(record, 60) # 1), sha256(hash) FROM $log WHERE seq = $read", "(?:inserted|altered)|$read" ],
	[ 'C.1 one twice', "INSERT INTO $log SELECT * FROM $log WHERE seq = $read", "duplicated|$read" ],
	[ 'C.1 columns exchanged between records', "UPDATE $log t SET at = o.at, login = o.login, subject = o.subject, kind = o.kind, relid = o.relid FROM $log o WHERE (t.seq, o.seq) IN (($read, 20), (20, $read))", 'column_differs|20' ],
	[ 'C.2 the tail cut', "DELETE FROM $log WHERE seq > $head - 5", 'tail_cut|' . ($head - 4) ],
	[ 'C.2 cut, and continued', "DELETE FROM $seal WHERE size > $below; UPDATE $log SET record = overlay(record PLACING 'done'::bytea FROM position('test'::bytea in record)) WHERE seq > $below AND position('test'::bytea in record) > 0; $anew", "rewritten|" . ($below + 1), @kept ],
	[ 'C.2 a consistent forgery of all', text($read, 'complaint', 'nothing..') . "; $anew", 'rewritten|' . ($below + 1) ],
	[ 'C.2 back to an older backup', "DELETE FROM $log WHERE seq > $below; DELETE FROM csec_trail.audit_subject WHERE seq > $below; DELETE FROM $seal WHERE size > $below; DELETE FROM csec_trail.tree_tile WHERE tile >= $below / 256; UPDATE csec_trail.sealer_state SET seq = $below, hash = (SELECT hash FROM $log WHERE seq = $below)", 'tail_cut|' . ($below + 1), @kept ],
	[ 'C.3 a checkpoint edited', "UPDATE $seal SET note = set_byte(note, 60, 1 # get_byte(note, 60)) WHERE epoch = $middle", 'checkpoint_forged|' . ($below + 1) ],
	[ 'C.3 a checkpoint deleted: an epoch missing', "DELETE FROM $seal WHERE epoch = $middle", 'checkpoint_missing|' . ($below + 1) ],
	[ 'C.3 the last checkpoints deleted: a range without a seal', "DELETE FROM $seal WHERE epoch >= $middle", 'checkpoint_missing|\d+', @kept ],
	[ 'C.3 signed again with another key', "UPDATE $seal SET note = '\\x$resigned' WHERE epoch = $middle", 'checkpoint_forged|' . ($below + 1) ],
	[ 'C.3 checkpoints in another order', "UPDATE $seal SET epoch = -epoch WHERE epoch IN ($middle, $middle + 1); UPDATE $seal SET epoch = 2 * $middle + 1 + epoch WHERE epoch < 0", 'checkpoint_missing|' . ($below + 1) ],
	[ 'C.3 a chain of keys that no record names', "INSERT INTO $seal SELECT $one_more, at, size, root, '\\x$new_chain' FROM $seal WHERE epoch = $epochs", 'key_unknown|\d+' ],
	[ 'C.3 the head', 'UPDATE csec_trail.sealer_state SET hash = sha256(hash)', "head_forged|$head" ],
	[ 'C.3 a tile of the tree', 'UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 40, 1 # get_byte(hashes, 40)) WHERE level = 0 AND tile = 1', 'tree_differs|257' ],
	[ 'C.3 the root of a tile', 'UPDATE csec_trail.tree_tile SET root = sha256(root) WHERE level = 0 AND tile = 0', 'tree_differs|1' ],
	[ 'C.3 a tile taken away', 'DELETE FROM csec_trail.tree_tile WHERE level = 0 AND tile = 1', 'tree_differs|257' ],
	[ 'C.3 a tile too many', "INSERT INTO csec_trail.tree_tile SELECT 0, 77, root, hashes FROM csec_trail.tree_tile WHERE tile = 0 AND level = 0", 'tree_differs|' . ($head + 1) ],
	[ 'C.5 bytes that are no record, sealed as one', "UPDATE $log SET record = set_byte(record, 36, 9) WHERE seq = $alone; DELETE FROM $seal; DELETE FROM csec_trail.tree_tile; $anew", "malformed|$alone" ],
	[ 'C.5 a record left out by a sealer that lies', "DELETE FROM $log WHERE seq = $alone; DELETE FROM $seal; DELETE FROM csec_trail.tree_tile; $anew", "session_gap|$alone" ],
);
is(verdict(live($node), @kept), 'verified', 'the trail before it is edited');
foreach my $row (@rows)
{
	my ($name, $damage, $expected, @options) = @$row;
	sql("SET client_min_messages = error; $damage");
	like(verdict(live($node), @options), qr/^@{[ $expected =~ s{\|(?=[-\\\d]+\+?$)}{\\|}r ]}$/, $name);
	sql($restore);
}

# ---- C.4: the tables ----

foreach my $row (
	[ 'a default', "ALTER TABLE $log ALTER COLUMN kind SET DEFAULT 2", "ALTER TABLE $log ALTER COLUMN kind DROP DEFAULT", 'table_altered|1' ],
	[ 'a generated column', "ALTER TABLE $log ADD COLUMN twice int GENERATED ALWAYS AS (kind * 2) STORED", "ALTER TABLE $log DROP COLUMN twice", 'table_altered|1' ],
	[ 'another type', "ALTER TABLE $log ALTER COLUMN kind TYPE int", "ALTER TABLE $log ALTER COLUMN kind TYPE int2", 'table_altered|1' ],
	[ 'a view that takes the name', "ALTER TABLE $log RENAME TO real; CREATE VIEW $log AS SELECT * FROM csec_trail.real", "DROP VIEW $log; ALTER TABLE csec_trail.real RENAME TO audit_log", 'table_altered|1' ],
	[ 'a table that takes the name', "ALTER TABLE $log RENAME TO real; CREATE TABLE $log AS SELECT * FROM csec_trail.real", "DROP TABLE $log; ALTER TABLE csec_trail.real RENAME TO audit_log", 'table_altered|1' ],
	[ 'a rule on the checkpoints', "CREATE RULE r AS ON INSERT TO $seal DO INSTEAD NOTHING", "DROP RULE r ON $seal", 'table_altered|1' ],
	[ 'a column more in the tree', 'ALTER TABLE csec_trail.tree_tile ADD COLUMN x int', 'ALTER TABLE csec_trail.tree_tile DROP COLUMN x', 'table_altered|1' ],
	[ 'another collation is no tampering', "ALTER TABLE $log ALTER COLUMN login TYPE text COLLATE \"POSIX\"", "ALTER TABLE $log ALTER COLUMN login TYPE text COLLATE \"C\"", 'verified' ],
	[ 'another time zone is no tampering', "ALTER DATABASE postgres SET timezone = 'Asia/Shanghai'", 'ALTER DATABASE postgres RESET timezone', 'verified' ])
{
	my ($name, $do, $undo, $expected) = @$row;
	sql("SET client_min_messages = error; $do");
	is(verdict(live($node), @kept), $expected, "C.4 $name");
	sql("SET client_min_messages = error; $undo");
}
is(verdict(live($node), @kept), 'verified', 'and all is as it was');
$node->stop;
done_testing();
