# Were this to fail, who takes the machine could seal the past anew, a crash would
# lose the chain of keys or let one sign twice, or an edit, a removal or an
# exchange of checkpoints would pass (C.2, C.3).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('sealed', 'csec.checkpoint_interval' => '1d');
my $table = 'csec_trail.checkpoint';

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub checkpoint { return sql('SELECT csec.make_checkpoint()') }
sub restart_hard { my ($n) = @_; $n->stop('immediate'); $n->start; wait_for_sealer($n); return }
sub key_file { my ($n) = @_; my ($file) = glob $n->data_dir . '/csec_sealing_*.key'; return $file }
# chains, as they begin
sub chains { my ($n) = @_; return $n->safe_psql('postgres', "SELECT string_agg(DISTINCT chain::text, ',') FROM csec.checkpoints()") }
sub whys { my ($n) = @_; return records($n, q{string_agg((detail::jsonb)->>'why', ',' ORDER BY seq)}, "kind = 'server' AND action = 'sealing key'") }

# ---- what a checkpoint is ----

record_some($node, 300);
my $first = checkpoint();
record_some($node, 300, object => 'y');
my $second = checkpoint();
is($second, $first + 1, 'epochs are numbered');
# by another name the file of before can be looked at when it is no more
link key_file($node), key_file($node) . '.before' or die $!;
is(checkpoint(), $first + 2, 'an epoch without records is sealed, too');
like(slurp_file(key_file($node) . '.before'), qr/^\0+\z/, 'the key of before is overwritten where it lay');
unlink key_file($node) . '.before' or die $!;
is_verified($node, 'the trail, with its checkpoints');
is(sql("SELECT count(*) FROM csec.checkpoints() c WHERE signed AND csec.tree_root(records) = root"), $first + 2, 'each root is that of the tree');
is(sql(q{SELECT bool_and(key = before) FROM (SELECT key, lag(next_key, 1, key) OVER (ORDER BY epoch) AS before FROM csec.checkpoints()) c}),
	't', 'each is signed by the key that the one before named');
is(sql('SELECT count(DISTINCT key) = count(*) FROM csec.checkpoints()'), 't', 'no key signs twice');
is(sql("SELECT split_part(key, '+', 1) = format('csec/%s/%s', (SELECT system_identifier FROM pg_control_system()), (SELECT oid FROM pg_database WHERE datname = 'postgres')) FROM csec.checkpoints() LIMIT 1"),
	't', 'the origin is the server and the database');
my $start_key = sql('SELECT key FROM csec.checkpoints() WHERE epoch = 1');
like(slurp_file($node->logfile), qr/a new chain of keys.*first key\): \Q$start_key\E/, 'the first key is shown once, in the log');
is(whys($node), 'first key', '  and on record');
is(sql(q{SELECT csec.verify_consistency(a.records, b.records, a.root, b.root, csec.consistency_proof(a.records, b.records))
	FROM csec.checkpoints() a, csec.checkpoints() b WHERE a.epoch = 1 AND b.epoch = } . $second), 't', 'from one to another by a proof');

# by another program, that knows RFC 8032 and no more: OpenSSL
my $dir = PostgreSQL::Test::Utils::tempdir;
my $note = pack 'H*', sql("SELECT encode(csec.checkpoint_note($second), 'hex')");
my ($text, $line) = $note =~ /\A(.*\n)\n(.*\n)\z/s or die 'no note';
sub put { my ($name, $bytes) = @_; open my $f, '>:raw', "$dir/$name" or die; print $f $bytes; close $f; return "$dir/$name" }
use MIME::Base64 qw(decode_base64 encode_base64);
my ($name, $signature) = $line =~ /^\xe2\x80\x94 (\S+) (\S+)$/;
my $key = substr decode_base64((split /\+/, sql("SELECT key FROM csec.checkpoints() WHERE epoch = $second"), 3)[2]), 1;
my @pem = (put('key.der', "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00" . $key), put('text', $text), put('sig', substr decode_base64($signature), 4));
is(system_log('openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', $pem[0], '-rawin', '-in', $pem[1], '-sigfile', $pem[2]), 0,
	'OpenSSL verifies the signature');
is(substr(unpack('H*', decode_base64($signature)), 0, 8), (split /\+/, sql("SELECT key FROM csec.checkpoints() WHERE epoch = $second"))[1], 'the number of the key is in it');

# ---- tampering ----

is_found($node, 'a checkpoint deleted', "DELETE FROM $table WHERE epoch = $first", "epoch_missing|" . (sql("SELECT size + 1 FROM $table WHERE epoch = $first - 1")));
is_found($node, 'the first one deleted', "DELETE FROM $table WHERE epoch = 1", 'epoch_missing|1');
foreach my $byte (30, 60, 100, 200, 250, 330, 400)
{
	is_found($node, "byte $byte of a note", "UPDATE $table SET note = set_byte(note, $byte, get_byte(note, $byte) # 1) WHERE epoch = 1", 'checkpoint_forged|1');
}
is_found($node, 'its size', "UPDATE $table SET size = size + 1 WHERE epoch = 1", 'checkpoint_forged|1');
is_found($node, 'its root', "UPDATE $table SET root = sha256('') WHERE epoch = 1", 'checkpoint_forged|1');
is_found($node, 'its time', "UPDATE $table SET at = at - interval '1 day' WHERE epoch = 1", 'checkpoint_forged|1');
is_found($node, 'no note', "UPDATE $table SET note = '' WHERE epoch = 1", 'checkpoint_forged|1');
my $after = sql("SELECT size + 1 FROM $table WHERE epoch = $first - 1");
is_found($node, 'two exchanged', "UPDATE $table SET epoch = epoch + 1000; UPDATE $table SET epoch = CASE epoch - 1000 WHEN $first THEN $second WHEN $second THEN $first ELSE epoch - 1000 END",
	"checkpoint_forged|$after");
is_found($node, 'notes exchanged', "UPDATE $table t SET note = o.note, size = o.size, root = o.root, at = o.at FROM $table o WHERE t.epoch IN ($first, $second) AND o.epoch = $first + $second - t.epoch",
	"checkpoint_forged|$after");
is_found($node, 'the records and their chain replaced, the key in hand', qq{
	DO \$\$
	DECLARE r record; prev bytea := decode(repeat('00', 32), 'hex');
	BEGIN
		FOR r IN SELECT seq, at, csec.whole_record(record) AS record FROM csec_trail.audit_log ORDER BY seq LOOP
			IF r.seq = $after + 5 THEN r.record := set_byte(r.record, 27, 1 # get_byte(r.record, 27)); END IF;
			prev := sha256(prev || r.record);
			UPDATE csec_trail.audit_log SET record = r.record, hash = prev WHERE seq = r.seq;
		END LOOP;
		UPDATE csec_trail.sealer_state SET hash = prev;
		DELETE FROM csec_trail.tree_tile;
	END \$\$}, "tree_differs|1");
is_found($node, 'the tail cut, behind the tree, with a head that fits', qq{
	DELETE FROM $table WHERE epoch > $second;
	DELETE FROM csec_trail.audit_log WHERE seq > $after + 100}, 'tail_cut|' . ($after + 101));

# re-signed with another key, which is what a thief can make: a chain of his own
my $pkey = "$dir/thief.pem";
system_log('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', $pkey);
my $thief = substr((`openssl pkey -in $pkey -pubout -outform DER`), -32);
(my $forged = $text) =~ s/^key .*$/'key ' . encode_base64($thief, '')/me;
put('forged', $forged);
system_log('openssl', 'pkeyutl', '-sign', '-inkey', $pkey, '-rawin', '-in', "$dir/forged", '-out', "$dir/forged.sig");
use Digest::SHA qw(sha256);
my $id = substr sha256("$name\n\x01$thief"), 0, 4;
my $resigned = unpack 'H*', "$forged\n\xe2\x80\x94 $name " . encode_base64($id . slurp_file("$dir/forged.sig"), '') . "\n";
is(sql("SELECT epoch FROM csec.read_checkpoint('\\x$resigned')"), $second, 'a thief signs a checkpoint that is well formed');
is_found($node, '  and nothing vouches for his key', "UPDATE $table SET note = '\\x$resigned' WHERE epoch = $second",
	'checkpoint_forged|' . sql("SELECT size + 1 FROM $table WHERE epoch = $first"));
(my $chain = $forged) =~ s/^chain \d+$/chain $second/m;
put('forged', $chain);
system_log('openssl', 'pkeyutl', '-sign', '-inkey', $pkey, '-rawin', '-in', "$dir/forged", '-out', "$dir/forged.sig");
$resigned = unpack 'H*', "$chain\n\xe2\x80\x94 $name " . encode_base64($id . slurp_file("$dir/forged.sig"), '') . "\n";
is_found($node, '  nor in a chain that he begins', "UPDATE $table SET note = '\\x$resigned' WHERE epoch = $second",
	'checkpoint_forged|' . sql("SELECT size + 1 FROM $table WHERE epoch = $first"));

# ---- crashes ----

# Until the file of keys is longer than with one, or for three minutes.
sub until_two_keys
{
	my ($one_key) = @_;
	foreach (1 .. 18000)
	{
		return if -s key_file($node) > $one_key;
		select undef, undef, undef, 0.01;
	}
}

# The sealer is kept from storing the checkpoint: the file has both keys then.
my $last = sql("SELECT max(epoch) FROM $table");
my $lock = $node->background_psql('postgres');
$lock->query_safe("BEGIN; LOCK TABLE $table IN SHARE MODE");
my $one_key = -s key_file($node);
my $asks = $node->background_psql('postgres', on_error_stop => 0);
$asks->query_until(qr/asked/, "\\echo asked\nSELECT csec.make_checkpoint();\n");
my $both = '';
until_two_keys($one_key);
cmp_ok(-s key_file($node), '>', $one_key, 'before a checkpoint is stored, the file has this key and the next');
$both = slurp_file(key_file($node));
$node->stop('immediate');
$lock->{run}->finish;
$asks->{run}->finish;
$node->start;
wait_for_sealer($node);
checkpoint();
is(chains($node), '1', 'a crash before the checkpoint was stored: the chain goes on');
is(-s key_file($node), $one_key, '  and one key is left');
is(sql('SELECT count(DISTINCT key) = count(*) FROM csec.checkpoints()'), 't', '  no key signed twice');
is_verified($node, '  verifies');

# Stored, and the old key not yet erased: the file is what it was before.
$lock = $node->background_psql('postgres');
$lock->query_safe("BEGIN; LOCK TABLE $table IN SHARE MODE");
$asks = $node->background_psql('postgres', on_error_stop => 0);
$asks->query_until(qr/asked/, "\\echo asked\nSELECT csec.make_checkpoint();\n");
until_two_keys($one_key);
$both = slurp_file(key_file($node));
$lock->query_safe('COMMIT');
$lock->quit;
$asks->quit;
is(-s key_file($node), $one_key, 'when it is stored, the key that signed is gone');
$node->stop('immediate');
{ open my $f, '>:raw', key_file($node) or die; print $f $both; close $f }
$node->start;
wait_for_sealer($node);
checkpoint();
is(chains($node), '1', 'a crash before the key was erased: the chain goes on with the next');
is(-s key_file($node), $one_key, '  and the old one is erased');
is(sql('SELECT count(DISTINCT key) = count(*) FROM csec.checkpoints()'), 't', '  and did not sign again');
is_verified($node, '  verifies');
foreach my $n (1 .. 3) { record_some($node, 5); restart_hard($node) }
checkpoint();
is(chains($node), '1', 'crashes one after the other');
is_verified($node, '  verify');

# What cannot be signed is sealed all the same, and told.
my $old = key_file($node);
chmod 0000, $old or die;

{
	my ($ret, $out, $err) = $node->psql('postgres', 'SELECT csec.make_checkpoint()');
	like($err, qr/no checkpoint of the audit trail was made/, 'a key that cannot be read: said so');
	like($err, qr/could not read the sealing keys/, '  with the reason');
	record_some($node, 5, object => 'unsigned');
	flush_trail($node);
	is(records($node, 'count(*)', "object LIKE 'unsigned %'"), '5', '  and records are sealed meanwhile');
	like(sql("SELECT problem FROM csec.anchor_status WHERE place = 'checkpoint'"), qr/sealing keys/, '  the status tells, too');
}
chmod 0600, $old;
checkpoint();
is(chains($node), '1', '  later it goes on');
is(sql("SELECT problem IS NULL FROM csec.anchor_status WHERE place = 'checkpoint'"), 't', '  and the status is clean');

# ---- tiles that were taken away ----

sql('DELETE FROM csec_trail.tree_tile WHERE tile = 0; UPDATE csec_trail.tree_tile SET tile = 77 WHERE tile = 1');
is(sql('SELECT problem FROM csec.check_trail(1, NULL)'), 'tree_differs', 'tiles taken away are missed');
restart_hard($node);
flush_trail($node);
is(records($node, 'count(*)', "kind = 'server' AND action = 'tree mended'"), '1', '  the sealer makes them anew, and says so');
checkpoint();
is_verified($node, '  verifies');

# ---- copies, and a machine that was taken ----

# The last checkpoint removed: its key is gone, and nobody can sign another.
my $newest = sql("SELECT max(epoch) FROM $table");
sql("DELETE FROM $table WHERE epoch = $newest");
is(checkpoint(), $newest, 'the last checkpoint removed, and another one made');
is(whys($node), 'first key,other key', '  a new chain, by a record that says why');
is(chains($node), "1,$newest", '  and shows in the checkpoints');
is_verified($node, '  the rest verifies');

# A base backup has no key where keys are outside; here they are embedded, and taken out.
$node->backup('copy');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'copy');
chmod 0600, $copy->data_dir . '/csec_embedded.key';
unlink key_file($copy) or die;
$copy->start;
wait_for_sealer($copy);
$copy->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
like(whys($copy), qr/,no key$/, 'a copy of the server cannot go on with the chain of keys');
is_verified($copy, '  verifies');

# A standby of it that is promoted
$copy->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($copy, 'standby', has_streaming => 1);
chmod 0600, $standby->data_dir . '/csec_embedded.key';
unlink key_file($standby);
$standby->start;
$copy->wait_for_catchup($standby);
$copy->stop('immediate');
$standby->promote;
wait_for_sealer($standby);
$standby->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
like(whys($standby), qr/,no key,no key$/, 'nor can a standby that is promoted');
is_verified($standby, '  verifies');
$standby->stop;

# A database made from this one has an origin of its own.
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE template0');
make_trail($node, 'twin');
$node->safe_psql('twin', 'SELECT csec.make_checkpoint()');
is($node->safe_psql('twin', "SELECT count(DISTINCT split_part(key, '+', 1)) FROM csec.checkpoints()"), '1', 'each database has a chain of its own');
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE twin');
flush_trail($node, 'copied');
$node->safe_psql('copied', 'SELECT csec.make_checkpoint()');
is($node->safe_psql('copied', "SELECT count(DISTINCT split_part(key, '+', 1)) FROM csec.checkpoints()"), '2', 'a copied one begins another');
is_verified($node, '  and verifies', 'copied');
my $kept = PostgreSQL::Test::Utils::tempdir . '/kept';
$node->command_ok([ 'csec_export', '-q', '-d', $node->connstr('twin'), '-o', $kept ], '  (what was sealed of the first is kept)');
$node->command_ok([ 'csec_verify', '-q', '-d', $node->connstr('copied') ], '  outside, too');
$node->command_ok([ 'csec_verify', '-q', '-d', $node->connstr('copied'), '--since', 'tomorrow' ], '  and since');
$node->command_ok([ 'csec_export', '-q', '-d', $node->connstr('copied'), '-o', "$kept.copied" ], '  is exported');
$node->command_ok([ 'csec_verify', '-q', '-f', "$kept.copied" ], '  and verifies as evidence');

$node->stop;
done_testing();
