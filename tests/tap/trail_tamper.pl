# Were this to fail, a superuser could edit the trail and verification would
# say nothing, or name the wrong record (C.1, B.10).

use strict;
use warnings;
use CsecTrail;
use Test::More;

my $node = trail_node('tamper');
record_some($node, 40);
flush_trail($node);
record_some($node, 40, object => 'y');
flush_trail($node);
is_verified($node, 'an untouched trail');

my $log = 'csec_trail.audit_log';

# as csec's own functions alter tables: what somebody does while the library is away
sub own_ddl { return "DO \$\$ BEGIN PERFORM csec.own_ddl(true); " . join('; ', @_) . "; END \$\$" }

# (while the trail is short: with 256 records the tree has a tile, which tells first)
is_found($node, 'a whole trail forged by SQL', qq{
	DO \$\$
	DECLARE r record; prev bytea := decode(repeat('00', 32), 'hex');
	BEGIN
		FOR r IN SELECT seq, at, csec.whole_record(record) AS record FROM $log ORDER BY seq LOOP
			IF r.seq = 20 THEN r.record := set_byte(r.record, 60, get_byte(r.record, 60) # 1); END IF;
			prev := sha256(prev || r.record);
			UPDATE $log SET record = r.record, hash = prev WHERE seq = r.seq;
		END LOOP;
		UPDATE csec_trail.sealer_state SET hash = prev;
	END \$\$}, 'head_forged|LAST');

# a record's bytes: time, kind, text, outcome, number
foreach my $byte (0, 3, 13, 25, 50, 60, 100)
{
	is_found($node, "byte $byte of a record",
		"UPDATE $log SET record = set_byte(record, $byte, get_byte(record, $byte) # 1) WHERE seq = 20",
		'altered|20');
}
is_found($node, 'the number within the record',
	"UPDATE $log SET record = set_byte(record, 11, 99) WHERE seq = 20", 'reordered|20');
is_found($node, 'a longer record', "UPDATE $log SET record = record || '\\x00' WHERE seq = 20", 'altered|20');
is_found($node, 'an empty record', "UPDATE $log SET record = '' WHERE seq = 20", 'altered|20');
is_found($node, 'a hash', "UPDATE $log SET hash = set_byte(hash, 7, 1 # get_byte(hash, 7)) WHERE seq = 20", 'altered|20');
is_found($node, 'a record and its hash together', qq{
	UPDATE $log t SET record = r.new, hash = digest(
		(SELECT hash FROM $log WHERE seq = 19) || r.new, 'sha256')
	FROM (SELECT set_byte(record, 60, get_byte(record, 60) # 1) AS new FROM $log WHERE seq = 20) r WHERE seq = 20},
	'altered|21');

# columns
is_found($node, 'the time column', "UPDATE $log SET at = at + interval '1 us' WHERE seq = 20", 'column_differs|20');
is_found($node, 'the kind', "UPDATE $log SET kind = 2 WHERE seq = 20", 'column_differs|20');
is_found($node, 'the login', "UPDATE $log SET login = 'somebody' WHERE seq = 20", 'column_differs|20');
is_found($node, 'the login taken away', "UPDATE $log SET login = NULL WHERE seq = 20", 'column_differs|20');
is_found($node, 'the table', "UPDATE $log SET relid = 1 WHERE seq = 20", 'column_differs|20');
is_found($node, 'the subject', "UPDATE $log SET subject = 1 WHERE seq = 20", 'column_differs|20');
is_found($node, 'the subjects', "UPDATE $log SET subjects = '{[1,5)}' WHERE seq = 20", 'column_differs|20');
is_found($node, 'a subject of its own', qq{
	INSERT INTO csec_trail.audit_subject (subject, seq, at, relid) SELECT 1, seq, at, 1 FROM $log WHERE seq = 20},
	'column_differs|20');

# places
is_found($node, 'a record deleted', "DELETE FROM $log WHERE seq = 20", 'missing|20');
is_found($node, 'the first record deleted', "DELETE FROM $log WHERE seq = 1", 'missing|1');
is_found($node, 'a stretch deleted', "DELETE FROM $log WHERE seq BETWEEN 20 AND 30", 'missing|20');
is_found($node, 'all deleted', "TRUNCATE $log", 'tail_cut|1');
is_found($node, 'numbers exchanged', "UPDATE $log SET seq = 41 - seq WHERE seq IN (20, 21)", 'reordered|20');
is_found($node, 'contents exchanged', qq{
	UPDATE $log t SET record = o.record, hash = o.hash FROM $log o
	WHERE t.seq IN (20, 21) AND o.seq = 41 - t.seq}, 'reordered|20');
is_found($node, 'columns exchanged between records', qq{
	UPDATE $log t SET record = o.record FROM $log o
	WHERE t.seq IN (20, 21) AND o.seq = 41 - t.seq}, 'reordered|20');
is_found($node, 'a record twice', "INSERT INTO $log SELECT * FROM $log WHERE seq = 20", 'duplicated|20');
is_found($node, 'the last record twice',
	"INSERT INTO $log SELECT * FROM $log ORDER BY seq DESC LIMIT 1",
	'duplicated|LAST');
is_found($node, 'another record under a number',
	"INSERT INTO $log SELECT seq, at, subject, relid, kind, login, subjects, set_byte(record, 60, get_byte(record, 60) # 1), sha256(hash) FROM $log WHERE seq = 20",
	'inserted|20');
is_found($node, 'a record before the first',
	"INSERT INTO $log SELECT 0, at, subject, relid, kind, login, subjects, record, hash FROM $log WHERE seq = 20", 'inserted|0');
is_found($node, 'a record put in between, the rest moved up', qq{
	UPDATE $log SET seq = seq + 1 WHERE seq >= 20;
	INSERT INTO $log SELECT 20, at, subject, relid, kind, login, subjects, record, hash FROM $log WHERE seq = 19},
	'reordered|20');

# the end
is_found($node, 'the tail cut', "DELETE FROM $log WHERE seq >= LAST - 4", 'tail_cut|LAST-4');
is_found($node, 'the tail cut, and the head too', qq{
	DELETE FROM $log WHERE seq >= LAST - 4;
	UPDATE csec_trail.sealer_state SET seq = LAST - 5,
		hash = (SELECT hash FROM $log WHERE seq = LAST - 5)},
	'head_forged|LAST-5');
is_found($node, 'a record after the head', qq{
	INSERT INTO $log SELECT seq + 1, at, subject, relid, kind, login, subjects, record, hash
	FROM $log WHERE seq = LAST}, 'inserted|LAST+1');
is_found($node, 'the head removed', 'DELETE FROM csec_trail.sealer_state', 'head_forged|LAST', 'f|LAST+1');
is_found($node, 'the head without what makes it one', own_ddl(
		'ALTER TABLE csec_trail.sealer_state ALTER hash DROP NOT NULL',
		'UPDATE csec_trail.sealer_state SET hash = NULL'), 'head_forged|LAST');
is_found($node, 'the head without its code', own_ddl(
		'ALTER TABLE csec_trail.sealer_state ALTER head_mac DROP NOT NULL',
		'UPDATE csec_trail.sealer_state SET head_mac = NULL'), 'head_forged|LAST');
is_found($node, 'a record that is none', own_ddl(
		"ALTER TABLE $log ALTER record DROP NOT NULL",
		"UPDATE $log SET record = NULL WHERE seq = 20"), 'altered|20');
is_found($node, 'the head twice',
	'INSERT INTO csec_trail.sealer_state SELECT * FROM csec_trail.sealer_state', 'head_forged|LAST');

# ways around: the rows are looked at, not what a query would show
is_found($node, 'rows hidden by row security', qq{
	ALTER TABLE $log ENABLE ROW LEVEL SECURITY;
	CREATE POLICY nothing ON $log USING (false);
	DELETE FROM $log WHERE seq = 20}, 'missing|20');

# a column of another type: refused, where its values would be taken for addresses
foreach my $column ("$log.seq numeric", "$log.record int", "$log.hash int8", "$log.login int8",
	'csec_trail.audit_subject.relid text', 'csec_trail.tree_tile.hashes int', 'csec_trail.tree_tile.level text',
	'csec_trail.checkpoint.root int', 'csec_trail.checkpoint.epoch numeric', 'csec_trail.sealer_state.hash int', 'csec_trail.sealer_state.seq text')
{
	my ($table, $name, $type) = $column =~ /^(.*)\.(\w+) (\w+)$/;
	my ($ret, $out, $err) = $node->psql('postgres', 'BEGIN; ' .
		own_ddl("LOCK TABLE csec_trail.sealer_state", "DROP INDEX IF EXISTS csec_trail.audit_log_pieces", "ALTER TABLE $table ALTER $name TYPE $type USING 1")
		. '; SELECT verified FROM csec.check_trail(1, NULL); ROLLBACK');
	like($err, qr/csec_trail\.\w+ is not as csec made it/, "$table: $name of another type");
}

# what changes nothing in the records must raise no alarm
$node->safe_psql('postgres', "SET TimeZone = 'Asia/Shanghai'; VACUUM FULL $log; REINDEX TABLE $log");
is_verified($node, 'after VACUUM FULL, REINDEX and in another time zone');
is($node->safe_psql('postgres',
		"SET TimeZone = 'Asia/Shanghai'; SET DateStyle = 'German'; SELECT verified FROM csec.check_trail(20, 30)"),
	't', 'a part of the trail');
is($node->safe_psql('postgres', 'SELECT records, first_seq, last_seq FROM csec.check_trail(20, 30)'),
	'11|20|30', 'which part');
my ($ret, $out, $err) = $node->psql('postgres', 'SELECT * FROM csec.check_trail(5, 4)');
like($err, qr/numbered from 1/, 'a part that is none');

# verification is itself on record
$node->safe_psql('postgres', 'SELECT csec.verify_trail()');
flush_trail($node);
is(records($node, 'count(*)', "kind = 'control' AND action = 'verify'"), '1', 'who verified is on record');

# COPY into the trail, by a superuser: on record, as an INSERT is, and found
($ret, $out, $err) = $node->psql('postgres', "COPY csec_trail.audit_subject (subject, seq, at, relid) FROM STDIN;\n1\t20\t2020-01-01\t1\n\\.\n");
like($err, qr/no partition/, 'COPY into the trail');
my $month = $node->safe_psql('postgres', 'SELECT now()');
$node->psql('postgres', "COPY csec_trail.audit_subject (subject, seq, at, relid) FROM STDIN;\n1\t20\t$month\t1\n\\.\n");
flush_trail($node);
is(records($node, "string_agg(object || ' ' || outcome, ', ' ORDER BY seq)", "kind = 'control' AND action = 'COPY'"),
	'csec_trail.audit_subject aborted, csec_trail.audit_subject committed', '  is on record, with its outcome');
is($node->safe_psql('postgres', 'SELECT problem, bad_seq FROM csec.check_trail(1, NULL)'), 'column_differs|20', '  and found');
$node->safe_psql('postgres', "DELETE FROM csec_trail.audit_subject WHERE relid = 1");

# who may what
$node->safe_psql('postgres', 'CREATE ROLE nobody_here LOGIN; CREATE ROLE auditor LOGIN IN ROLE csec_auditor');
foreach my $act ("SELECT count(*) FROM $log", "DELETE FROM $log", 'SELECT csec.verify_trail()',
	"SELECT csec.control('a', 'b', '{}')", 'SELECT csec.create_trail()')
{
	($ret, $out, $err) = $node->psql('postgres', "SET SESSION AUTHORIZATION nobody_here; $act");
	like($err, qr/permission denied/, "nobody may: $act");
}
is($node->safe_psql('postgres', 'SET SESSION AUTHORIZATION auditor; SELECT verified FROM csec.verify_trail()'),
	't', 'an auditor verifies');
($ret, $out, $err) = $node->psql('postgres', "SET SESSION AUTHORIZATION auditor; DELETE FROM $log");
like($err, qr/permission denied/, 'an auditor changes nothing');

# cut, and continued: told by the record with which the sealer went on
$node->safe_psql('postgres', 'SELECT csec.flush_audit()');
my $seq = $node->safe_psql('postgres', 'SELECT seq - 4 FROM csec_trail.sealer_state');
$node->safe_psql('postgres', qq{
	BEGIN;
	SET LOCAL client_min_messages = error;
	LOCK TABLE csec_trail.sealer_state;
	DELETE FROM $log WHERE seq >= $seq;
	UPDATE csec_trail.sealer_state SET seq = $seq - 1, hash = (SELECT hash FROM $log WHERE seq = $seq - 1);
	COMMIT});
$node->restart;
record_some($node, 3);
flush_trail($node);
is($node->safe_psql('postgres', 'SELECT problem, bad_seq FROM csec.check_trail(1, NULL)'),
	"head_forged|$seq", 'a tail cut and continued');

$node->stop;
done_testing();
