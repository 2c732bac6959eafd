# Were this to fail, records that are stored without what an earlier one has
# would be shown with another's name, be lost with it unnoticed, or keep alerts
# from what came after (C.1).

use strict;
use warnings;
use CsecTrail;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('short');
my $log = 'csec_trail.audit_log';
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub says { my ($out, $err); $node->psql('postgres', $_[0], stdout => \$out, stderr => \$err, on_error_stop => 0); return "$out$err" }

sql(q{
	CREATE TABLE customers (id int PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 300) g;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone"}');
	CREATE ROLE amelia LOGIN; CREATE ROLE bertha LOGIN; CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
	GRANT SELECT, UPDATE ON customers TO amelia, bertha});

# one session: reads, a change, reads of another form, claims
sub session
{
	my ($login) = @_;
	my $session = $node->background_psql('postgres', extra_params => [ '-U', $login ]);
	$session->query_safe("SELECT phone FROM customers WHERE id = $_") foreach 1 .. 5;
	$session->query_safe('UPDATE customers SET id = id WHERE id = 7');
	$session->query_safe(q{SET csec.actor = 'web user 7'; SET csec.reason = 'a complaint'});
	$session->query_safe("SELECT count(*) FROM customers WHERE id = $_") foreach 1 .. 3;
	$session->query_safe('SELECT phone FROM customers WHERE id IN (3, 8, 9)');
	$session->quit;
	flush_trail($node);
}
session('amelia');
session('bertha');
session('amelia');
# (so that the tree has a tile over them, and misses none that is taken away)
record_some($node, 256);
flush_trail($node);
is_verified($node, 'what was sealed');

# kinds of what is stored: 0x80 short, with parts of its own; 0x90, 0xa0, 0xb0 refer to others
my %forms = map { split /\|/ } split /\n/, sql("SELECT to_hex(get_byte(record, 0) & 240), count(*) FROM $log GROUP BY 1");
ok($forms{$_}, "records of form $_") foreach qw(0 80 90 a0 b0);
is(sql("SELECT count(*) FROM $log WHERE get_byte(record, 0) >= 128 AND kind NOT IN (2, 3)"), '0', 'only reads and changes are short');
is(sql("SELECT bool_and(csec.whole_record(record) = csec.whole_record(csec.whole_record(record))), bool_and(get_byte(csec.whole_record(record), 0) = 1) FROM $log"),
	't|t', 'every record comes out whole');
is(sql(q{SELECT login, actor, reason, count(*) FROM csec.who_saw('customers', '3') GROUP BY 1, 2, 3 ORDER BY 1, 2}),
	"amelia|web user 7|a complaint|4\namelia|||2\nbertha|web user 7|a complaint|2\nbertha|||1", 'each is told of who it was');

# The first record of bertha's session has its part; what comes after refers to it.
my $base = sql("SELECT min(seq) FROM $log WHERE login = 'bertha' AND get_byte(record, 0) & 144 = 128");
my $later = sql("SELECT min(seq) FROM $log WHERE login = 'bertha' AND seq > $base AND get_byte(record, 0) & 240 = 176");
ok($base > 0 && $later > $base, "record $base has what record $later refers to");
my $named = "record $base, with which it has a part in common, is missing or altered";

is_found($node, 'the name in it', "UPDATE $log SET record = overlay(record PLACING 'amelia'::bytea FROM position('bertha'::bytea IN record)) WHERE seq = $base", "altered|$base");
is_found($node, 'it deleted', "DELETE FROM $log WHERE seq = $base", "missing|$base");
is_found($node, 'another in its place', "UPDATE $log SET record = (SELECT record FROM $log WHERE seq = $base - 1) WHERE seq = $base", "reordered|$base", "f|$base");
is_found($node, 'it exchanged with one that refers to it', "UPDATE $log SET seq = $base + $later - seq WHERE seq IN ($base, $later)", "reordered|$base", "f|$base");
is_found($node, 'nothing in place of one', "UPDATE $log SET record = '\\xb0' WHERE seq = $later", "altered|$later");

# each byte of a short record, and of one that others refer to
foreach my $seq ($later, $base)
{
	my $told = sql(qq{
		DO \$\$
		DECLARE
			bytes bytea := (SELECT record FROM $log WHERE seq = $seq);
			v record;
		BEGIN
			LOCK TABLE csec_trail.sealer_state;
			CREATE TEMP TABLE told (at int, verdict text);
			FOR i IN 0 .. length(bytes) - 1 LOOP
				BEGIN
					UPDATE $log SET record = set_byte(bytes, i, get_byte(bytes, i) # 1) WHERE seq = $seq;
					SELECT * INTO v FROM csec.verify_trail();
					RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = concat(v.verified, ' ', v.problem, ' ', v.bad_seq);
				EXCEPTION WHEN SQLSTATE 'P0099' THEN
					INSERT INTO told VALUES (i, SQLERRM);
				END;
			END LOOP;
		END \$\$;
		SELECT string_agg(at || ': ' || verdict, ', ') FROM told WHERE verdict !~ '^f (altered|reordered) $seq\$'});
	is($told, '', "each byte of record $seq counts");
}

# a part that is gone: who looks at what refers to it is told, and by which record
is(sql("BEGIN; LOCK TABLE csec_trail.sealer_state; DELETE FROM $log WHERE seq = $base; SELECT verified, bad_seq, problem, detail FROM csec.verify_trail($later + 1); ROLLBACK"),
	"f|@{[ $later + 1 ]}|altered|the record cannot be put together: $named", 'verified from behind it');
foreach my $look (q{SELECT * FROM csec.who_saw('customers', '3')}, 'SELECT * FROM csec.access_records', "SELECT * FROM csec.trail() WHERE seq = $later")
{
	my $said = says("BEGIN; LOCK TABLE csec_trail.sealer_state; DELETE FROM $log WHERE seq = $base; $look; ROLLBACK");
	like($said, qr/audit record \d+ cannot be put together.*DETAIL:  \Q$named\E/s, 'nobody is shown less than there was');
}
is(sql("BEGIN; LOCK TABLE csec_trail.sealer_state; DELETE FROM $log WHERE seq = $base; SELECT csec.whole_record(record, missing_ok => true) IS NULL FROM $log WHERE seq = $later; ROLLBACK"),
	't', '  but who asks for what there is');
my ($evaluated, $broken, $after) = split /\n/, sql(qq{
	BEGIN; LOCK TABLE csec_trail.sealer_state;
	UPDATE csec.alert_cursor SET seq = $base - 1, hash = (SELECT hash FROM $log WHERE seq = $base - 1);
	DELETE FROM csec.alert;
	DELETE FROM $log WHERE seq = $base;
	SELECT csec.evaluate_alerts();
	SELECT string_agg(DISTINCT detail ->> 'record', ',') FROM csec.alert WHERE kind = 'chain_break';
	SELECT seq = (SELECT max(seq) FROM $log) FROM csec.alert_cursor;
	ROLLBACK});
is($broken, $base + 1, 'an alert tells where the chain is broken');
is($after, 't', '  and what came after was looked at');

# a part that was looked at long ago, and is none any more
my $early = sql("SELECT min(seq) FROM $log WHERE position('\\x0d107075626c6963'::bytea IN record) > 0 AND get_byte(record, 0) & 160 = 128");
($evaluated, $broken, $after) = split /\n/, sql(qq{
	BEGIN; LOCK TABLE csec_trail.sealer_state;
	UPDATE csec.alert_cursor SET seq = $early, hash = (SELECT hash FROM $log WHERE seq = $early);
	DELETE FROM csec.alert;
	UPDATE $log SET record = set_byte(record, position('\\x0d107075626c6963'::bytea IN record) - 1, 99) WHERE seq = $early;
	SELECT csec.evaluate_alerts();
	SELECT count(*) > 0 FROM csec.alert WHERE kind = 'chain_break';
	SELECT seq = (SELECT max(seq) FROM $log) FROM csec.alert_cursor;
	ROLLBACK});
is("$broken $after", 't t', 'records that come out as none are told of, and stop no alerts');

# a table that only has the name of the month in which a reference would lie
sub varint { my ($v) = @_; my $out = ''; while ($v >= 0x80) { $out .= chr($v & 0x7f | 0x80); $v >>= 7 } return $out . chr $v }
my $sealed_at = sql("SELECT encode(substr(record, 2 + length('\\x@{[ unpack 'H*', varint($later) ]}'::bytea), 8), 'hex') FROM $log WHERE seq = $later");
is_found($node, 'a time of sealing in a month that another table has the name of',
	"DO \$\$ BEGIN PERFORM csec.own_ddl(true); CREATE TABLE csec_trail.audit_log_2000_01 (); END \$\$; UPDATE $log SET record = overlay(record PLACING int8send(1000000) FROM position('\\x$sealed_at'::bytea IN record)) WHERE seq = $later", "altered|$later");

# a record that must stand whole, as it is looked for by its bytes, in short form: of its own parts
sub shorten
{
	my ($record) = @_;
	my ($outcome, $seq, $sealed_at, $lsn) = unpack 'xxxCQ>q>Q>', $record;
	my ($number, $at) = unpack 'Q>q>', substr $record, 52, 16;
	my @part = (substr($record, 28, 4) . substr($record, 40, 12), substr($record, 37, 3));
	my %part_of = (map({ $_ => 0 } 0 .. 6), map { $_ => 1 } 12, 13, 14, 16, 17, 19, 22, 33);
	my $own = '';
	for (my $i = 68; $i < length $record;)
	{
		my ($tag, $len, $shift, $j) = (ord(substr $record, $i, 1), 0, 0, $i + 1);
		while (1) { my $b = ord substr $record, $j++, 1; $len |= ($b & 0x7f) << $shift; $shift += 7; last if $b < 0x80 }
		my $field = substr $record, $i, $j + $len - $i;
		if (exists $part_of{$tag}) { $part[ $part_of{$tag} ] .= $field } else { $own .= $field }
		$i = $j + $len;
	}
	return chr(0x80 | $outcome) . varint($seq) . pack('q>', $sealed_at) . varint($lsn) . varint($number)
	  . varint(2 * ($sealed_at - $at)) . join('', map { varint(length) . $_ } @part) . $own;
}
sql(q{CREATE TABLE strict (id int PRIMARY KEY, phone text); INSERT INTO strict VALUES (1, '13800000001');
	SELECT csec.protect('strict', subject => 'id', fields => '{"phone": "phone"}', audit => 'strict'); GRANT SELECT ON strict TO amelia});
$node->safe_psql('postgres', 'SELECT phone FROM strict', extra_params => [ '-U', 'amelia' ]);
flush_trail($node);
my ($piece, $whole) = split /\|/, sql("SELECT seq, encode(record, 'hex') FROM $log WHERE kind = 2 AND get_byte(record, 0) = 1 AND get_byte(record, 39) & 58 <> 0 AND relid = 'strict'::regclass ORDER BY seq LIMIT 1");
my ($plain, $plain_whole) = split /\|/, sql("SELECT seq, encode(csec.whole_record(record), 'hex') FROM $log WHERE seq = $base");
my $stored = sub { return unpack 'H*', shorten(pack 'H*', $_[0]) };
is(sql("SELECT csec.whole_record('\\x@{[ $stored->($plain_whole) ]}') = '\\x$plain_whole'"), 't', 'a short form that was made here is one');
is_found($node, 'a piece of a strict read in short form', "UPDATE $log SET record = '\\x@{[ $stored->($whole) ]}' WHERE seq = $piece", "altered|$piece");
my ($start, $start_whole) = split /\|/, sql("SELECT seq, encode(record, 'hex') FROM $log WHERE kind = 5 ORDER BY seq LIMIT 1");
is_found($node, 'a control record in short form', "UPDATE $log SET record = '\\x@{[ $stored->($start_whole) ]}' WHERE seq = $start", "altered|$start");

# what the program says that asks the server for rows alone
sub verdict
{
	my ($out, $err);
	IPC::Run::run([ 'csec_verify', '--json', '-d', $node->connstr('postgres'), '-U', 'postgres', '-w', @_ ], '>', \$out, '2>', \$err);
	my ($finding) = map { @{ $_->{findings} } } @{ decode_json($out)->{trails} };
	return $finding ? "$finding->{problem}|$finding->{record}|$finding->{detail}" : 'verified';
}
sql("CREATE TABLE kept AS SELECT * FROM $log");
sub is_seen
{
	my ($name, $damage, $expected) = @_;
	sql("SET client_min_messages = error; $damage");
	like(verdict('-j', $_), $expected, "$name, outside, with $_") foreach 1, 2;
	sql("SET client_min_messages = error; DELETE FROM $log l USING kept k WHERE l.seq = k.seq; INSERT INTO $log SELECT * FROM kept");
}
is_seen('untouched', 'SELECT 1', qr/^verified$/);
is_seen('the name in it', "UPDATE $log SET record = overlay(record PLACING 'amelia'::bytea FROM position('bertha'::bytea IN record)) WHERE seq = $base", qr/^altered\|$base\|/);
is_seen('it deleted', "DELETE FROM $log WHERE seq = $base", qr/^missing\|$base\|/);
is_seen('it exchanged with one that refers to it', "UPDATE $log SET seq = $base + $later - seq WHERE seq IN ($base, $later)", qr/^reordered\|$base\|/);
is_seen('a reference to one that has no such part', "UPDATE $log SET record = '\\xb0' || substr(record, 2) WHERE seq = $base", qr/^altered\|$base\|/);
is_seen('a piece of a strict read in short form', "UPDATE $log SET record = '\\x@{[ $stored->($whole) ]}' WHERE seq = $piece", qr/^altered\|$piece\|/);
is_seen('all of them whole', "UPDATE $log SET record = csec.whole_record(record)", qr/^verified$/);

# only who may read the trail
sql('CREATE ROLE curious LOGIN; GRANT USAGE ON SCHEMA csec TO curious; GRANT EXECUTE ON FUNCTION csec.record_fields(bytea) TO curious');
my $bytes = sql("SELECT encode(record, 'hex') FROM $log WHERE seq = $later");
like(says("SET ROLE curious; SELECT login FROM csec.record_fields('\\x$bytes')"), qr/permission denied to read the records that an audit record refers to/, 'bytes that refer to the trail tell nobody what is in it');
is(sql("SET ROLE auditor; SELECT login FROM csec.record_fields('\\x$bytes')"), 'bertha', '  but an auditor');

# a sealer that starts again remembers nothing, and refers to nothing of before
$node->stop('immediate');
$node->start;
session('bertha');
is(sql("SELECT get_byte(record, 0) & 240 FROM $log WHERE seq > (SELECT max(seq) FROM $log WHERE kind = 8) AND get_byte(record, 0) >= 128 ORDER BY seq LIMIT 1"), '128', 'after a crash parts are told anew');
is_verified($node, '  and the trail is whole');
$node->stop;
done_testing();
