# Were this to fail, who lost the root key and follows docs/keys.md would not come to an end, would
# find rows of policy that nobody honours, or an index in the order of the lost key.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700 or die;

sub write_root
{
	open my $f, '>', "$keys/root.key" or die;
	print $f "$_[0]\n";
	close $f;
	chmod 0600, "$keys/root.key";
}
write_root('a1' x 32);

my $node = PostgreSQL::Test::Cluster->new('root_key_lost');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "csec.embedded_keys = off\ncsec.key_directory = '$keys'");
$node->start;
make_trail($node, 'postgres');
$node->safe_psql('postgres', <<'END');
CREATE ROLE clerk LOGIN;
CREATE ROLE admin LOGIN IN ROLE csec_admin;
GRANT csec_loader TO postgres;
SELECT csec.set_clearance('clerk', level => 'core');
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card';
CREATE TABLE cust (id int PRIMARY KEY, id_no text UNIQUE, phone text UNIQUE);
INSERT INTO cust SELECT i, 'ID' || i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 50) i;
SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone"}');
CREATE TABLE own (id text PRIMARY KEY, id_no text UNIQUE, name text, note text);
INSERT INTO own SELECT 'c' || i, 'OWN' || i, 'name ' || i, 'note' FROM generate_series(1, 20) i;
SELECT csec.protect('own', 'id', '{"id_no": "id_card", "name": "person_name"}', subject_keys => true);
GRANT SELECT, INSERT, UPDATE, DELETE ON cust, own TO clerk;
-- what is in the order of the key, and no field of a protected table
CREATE VIEW seventh AS SELECT id FROM cust WHERE phone = '13800000007';
CREATE INDEX cust_seventh ON cust (id) WHERE phone = '13800000007';
CREATE TABLE kin (id int PRIMARY KEY, phones csec.phone[], grid csec.masked(phone)[], main csec.phone DEFAULT '13800000001', plain csec.masked);
CREATE INDEX ON kin (main);
CREATE INDEX ON kin (plain);
CREATE INDEX ON kin (phones);
INSERT INTO kin SELECT i, ARRAY['138' || lpad(i::text, 8, '0'), NULL], ARRAY[ARRAY['138' || lpad(i::text, 8, '0')]], '138' || lpad(i::text, 8, '0'), 'p' || i FROM generate_series(1, 50) i;
INSERT INTO kin VALUES (51, NULL, NULL, '138****0051', NULL);
CREATE TABLE texts (id int PRIMARY KEY, t text);
INSERT INTO texts SELECT i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 50) i;
CREATE FUNCTION as_phone(text) RETURNS csec.phone LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE INDEX ON texts (as_phone(t));
CREATE INDEX ON kin (lower(main));
CREATE MATERIALIZED VIEW mat AS SELECT id, phone FROM cust;
CREATE INDEX ON mat (phone);
CREATE TABLE parts (phone csec.phone) PARTITION BY HASH (phone);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE rows_in (k kin);
INSERT INTO rows_in SELECT k FROM kin k WHERE id = 1;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''written''; END';
CREATE TRIGGER spy BEFORE UPDATE ON kin FOR EACH ROW EXECUTE FUNCTION spy();
END

sub clerk { return with_reason($node, 'clerk', $_[0]) }
sub admin
{
	my ($sql, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'admin' ], on_error_stop => 0);
	is($err, '', $name) if defined $name;
	return $err;
}
sub sql { return $node->safe_psql('postgres', $_[0]) }
my $shipped = q{SELECT (SELECT count(*) FROM csec.category WHERE shipped), (SELECT count(*) FROM csec.level WHERE shipped), (SELECT count(*) FROM csec.alert_rule WHERE shipped), (SELECT count(*) FROM csec.access_rule WHERE shipped)};
my $were = sql($shipped);
my $data = sql(q{SELECT id || ', ' || version FROM csec.key WHERE purpose = 'data'});
my $search = sql(q{SELECT id || ', ' || version FROM csec.key WHERE purpose = 'search'});

my ($rc, $out, $err) = $node->psql('postgres', 'SELECT csec.adopt_order_key()');
like($err, qr/is that of this database/, 'a root key that is the right one is not accepted anew');
like(admin(q{CALL csec.replace_subject_space('own', 'x')}), qr/can be had/, '  nor is what opens replaced');
like(admin(q{CALL csec.replace_subject_space('cust', 'x')}), qr/have no keys of their own/, '  or what is not there');

flush_trail($node);
my $sealed = sql('SELECT (csec.verify_trail()).last_seq');
my $first = sql('SELECT csec.make_checkpoint()');
my $parts = sub { sql("SELECT verified, problem FROM csec.verify_trail($_[0])") };

$node->stop;
write_root('b2' x 32);
my $mark = $node->data_dir . '/csec_root_key.mark';
my $log = -s $node->logfile;
ok(!$node->start(fail_ok => 1), 'under another root key the server does not start');
my ($said) = slurp_file($node->logfile, $log) =~ /(FATAL: .*)/s;
like($said, qr/root key is not the one.*DETAIL:  .*"\Q$mark\E".*HINT:  .*remove this file; docs\/keys\.md/s, '  and says what to do');
write_root('a1' x 32);
$node->start;
wait_for_sealer($node);
is(sql('SELECT verified FROM csec.verify_trail()'), 't', '  so that nothing has happened when the right one is back');
flush_trail($node);
$sealed = sql('SELECT (csec.verify_trail()).last_seq');
$node->stop;
write_root('b2' x 32);
unlink $mark or die;
$node->start;
wait_for_sealer($node);
# the server cannot tell a root key that was exchanged from a head that was: it says so, and where
my $noted = sql(q{SELECT string_agg(seq::text, ' ') FROM csec_trail.audit_log WHERE position('head not sound'::bytea IN record) > 0 AND kind = 8});
cmp_ok($noted, '>', $sealed, 'under another root key the sealer notes that it did not know the head');
is(sql('SELECT verified, bad_seq, problem FROM csec.verify_trail()'), "f|$noted|head_forged", '  verification says so, and where');
like(sql('SELECT detail FROM csec.verify_trail()'), qr/or the root key was another one/, '  and why it may be');
is($parts->('1, ' . ($noted - 1)), 't|', '  what was sealed before verifies');
is($parts->($noted + 1), 't|', '  and what was since');
like(clerk($_), qr/another csec root key.*adopt_order_key/s, "under another root key: $_")
  foreach q{SELECT phone FROM cust WHERE id = 7}, q{SELECT id FROM cust WHERE phone = '13800000007'}, q{SELECT note FROM own};
is(sql('SELECT count(*) FROM csec.effective_clearances WHERE in_force'), '0', '  no clearance counts, nor is shown as if it did');
is(clerk(q{SELECT count(*) > 0, array_agg(DISTINCT shown), array_agg(DISTINCT why), count(*) = (SELECT count(*) FROM csec.category) FROM csec.why_masked}), 't|{redact}|{"not sound"}|t', '  each reader is told why nothing is shown');
like(admin($_), qr/another csec root key/, "  and no policy is made that would not count when the right one is back: $_")
  foreach q{SELECT csec.set_clearance('clerk', category => 'phone')}, q{UPDATE csec.category SET mask = 'last4' WHERE name = 'phone'};
is(sql(q{SELECT count(*) FILTER (WHERE measure = 'field_keys' AND state = 'pass'), count(*) FILTER (WHERE finding LIKE 'does not open: %' AND state = 'fail'),
	count(*) FILTER (WHERE item = 'root key' AND state = 'fail'), count(*) FILTER (WHERE item = 'id_no' AND state = 'unknown') FROM csec.live_encryption('cust')}), '0|2|1|1', '  the security measures say so');
is(sql(q{SELECT count(*) > 20 FROM csec.security_measures('cust')}), 't', '  all of them can be seen');
like(clerk(q{SELECT id FROM cust WHERE id_no = 'ID7'}), qr/does not open under key "root"/, '  nothing is found by an encrypted field');
is(sql(q{SELECT count(*), bool_or(unwraps), count(columns), bool_and(trouble LIKE '%does not open under key "root"%') FROM csec.key_status}), '2|f|0|t', '  csec.key_status says what does not open');
like(admin(q{CALL csec.replace_search_key('x')}), qr/another csec root key/, '  and what is too early says why');

admin(q{CALL csec.rotate_key('data', reason => 'the root key is lost')}, 'a new data key');
is(sql(q{SELECT count(*) FROM csec.unsound_rows WHERE "table" = 'csec.protected_table'}), '2', 'under another root key no row of policy is sound');
# accepted and put in order in one step, or not at all
($rc, $out, $err) = $node->psql('postgres', 'SELECT csec.adopt_order_key()');
like($err, qr/partitioned by a masked column/, 'rows that lie in partitions by masked values stay where they are');
sql('DROP TABLE parts');
($rc, $out, $err) = $node->psql('postgres', 'SELECT csec.adopt_order_key()');
like($err, qr/column "k" of public\.rows_in cannot be written anew/, '  and so do values in rows');
sql('DROP TABLE rows_in');
($rc, $out, $err) = $node->psql('postgres', q{BEGIN; SELECT csec.adopt_order_key(); SELECT id FROM mat WHERE phone = '13800000007'::csec.phone; ROLLBACK; SELECT id FROM mat WHERE phone = '13800000007'::csec.phone}, on_error_stop => 0);
is($out, "\n7", 'within a transaction that accepts it the key is in force');
like($err, qr/another csec root key/, '  and not any more when it is rolled back');
($rc, $out, $err) = $node->psql('postgres', q{BEGIN; SAVEPOINT a; SELECT csec.adopt_order_key(); ROLLBACK TO a; SELECT id FROM mat WHERE phone = '13800000007'::csec.phone}, on_error_stop => 0);
like($err, qr/another csec root key/, '  also to a savepoint');
like(clerk(q{SELECT phone FROM cust WHERE id = 7}), qr/another csec root key/, '  nor for anybody else');
my ($accept) = slurp_file('docs/types.md') =~ /^(    SELECT csec.adopt_order_key\(\);)/ms or die 'no statement in docs/types.md';
$node->psql('postgres', $accept, on_error_die => 1);
is(sql('SELECT count(*) FROM csec.unsound_rows'), '0', 'when the new one is accepted all are');
is(sql($shipped), $were, '  what csec shipped is csec\'s still');
flush_trail($node);
is(records($node, 'count(*)', q{action = 'adopt order key'}), '3', '  on record, as what was rolled back is');
is(records($node, q{string_agg(DISTINCT object || ' ' || detail, E'\n' ORDER BY object || ' ' || detail)}, q{action = 'restamp'}), qq{public.cust {"rows": 50}\npublic.kin {"rows": 51}\npublic.mat {"rows": 50}}, '  with what was written anew');
is(clerk(q{SET LOCAL enable_seqscan = off; SELECT id, phone FROM cust WHERE phone = '13800000007'}), '7|13800000007', '  masked values are there, and found by the index');
my $by_index = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET row_security = on;";
is(sql("$by_index SELECT count(*) FROM cust o WHERE EXISTS (SELECT FROM cust i WHERE i.phone = o.phone)"), '50', '  each of them');
is(sql("$by_index SELECT $_"), '7', "  by index: $_")
  foreach q{id FROM kin WHERE main = '13800000007'}, q{id FROM kin WHERE plain = 'p7'}, q{id FROM texts WHERE as_phone(t) = '13800000007'}, q{id FROM kin WHERE lower(main) = '13800000007'},
  q{id FROM mat WHERE phone = '13800000007'}, q{id FROM kin WHERE phones = ARRAY['13800000007', NULL]::csec.phone[]}, q{id FROM seventh},
  q{id FROM cust WHERE phone = '13800000007'}, q{k.id FROM kin k JOIN seventh s ON s.id = k.id WHERE k.main = '13800000007'};
is(sql("$by_index SELECT id FROM kin WHERE main = '138****0051'"), '51', '  also what has the form of a mask');
is(sql("SET enable_hashjoin = on; SET enable_mergejoin = off; SET enable_nestloop = off; SELECT count(*) FROM cust c JOIN kin k ON k.main = c.phone"), '50', '  and by hash');
is(sql("SET enable_hashjoin = off; SET enable_mergejoin = on; SET enable_nestloop = off; SELECT count(*) FROM cust c JOIN mat k ON k.phone = c.phone"), '50', '  and by order');
is(sql(q{SELECT count(DISTINCT p) FROM (SELECT grid[1][1]::csec.masked(phone) AS p FROM kin UNION ALL SELECT phones[1] FROM kin UNION ALL SELECT phone FROM cust) a}), '50', '  in arrays, too');
sql(q{INSERT INTO kin (id) VALUES (52)});
is(sql("$by_index SELECT string_agg(id::text, ',' ORDER BY id) FROM kin WHERE main = '13800000001'"), '1,52', '  and a default from before is found');
like(clerk(q{SELECT id_no FROM cust WHERE id = 7}), qr/does not open under key "root"/, '  encrypted ones are not');
is(sql(q{SELECT problem, count(*) FROM csec.check_envelopes('own') GROUP BY 1}), 'key_does_not_open|40', '  nor those under keys of customers, says csec.check_envelopes()');
is(sql(q{SELECT columns FROM csec.key_status WHERE purpose = 'data' AND state = 'active'}), '{public.cust.id_no,public.own.id_no,public.own.name}', '  csec.key_status names the columns again');

admin("CALL csec.destroy_key($data, reason => 'the root key is lost', force => true)", 'the lost data key is given up');
admin(q{CALL csec.replace_search_key('the root key is lost')}, 'another search key, though there are values that nothing opens');
like(clerk(q{INSERT INTO own VALUES ('c21', 'OWN21', 'name 21', 'x')}), qr/key \d+ version 1 was destroyed/, 'of customers with keys of their own nothing is stored');
admin(q{CALL csec.replace_subject_space('own', reason => 'the root key is lost')}, '  until there is another key for their pseudonyms');
flush_trail($node);
is(records($node, 'count(*)', q{action = 'replace subject space' AND detail LIKE '%the root key is lost%'}), '1', '  on record');
sql("CALL csec.reencrypt('$_')") foreach qw(cust own);
admin("CALL csec.destroy_key($search, reason => 'the root key is lost', force => true)", '  and the lost search key is given up');

is(clerk(q{INSERT INTO own VALUES ('c21', 'OWN21', 'name 21', 'x'); SELECT name FROM own WHERE id_no = 'own21'}), 'name 21', 'new customers are stored, and found');
is(clerk(q{SELECT id_no, name, note FROM own WHERE id = 'c7'}), '***|***|note', '  the old ones show what is lost');
like(clerk(q{UPDATE own SET note = 'y' WHERE id = 'c7'}), qr/was destroyed.*set to null/s, '  their rows are not left half under another key');
is(clerk(q{UPDATE own SET id_no = 'OWN7', name = NULL, note = 'y' WHERE id = 'c7'; SELECT id_no, name, note FROM own WHERE id_no = 'OWN7'}), 'OWN7||y', '  but written anew');
is(clerk(q{DELETE FROM own WHERE id = 'c8'; SELECT count(*) FROM own}), '20', '  or deleted');
is(clerk(q{UPDATE cust SET id_no = 'ID7' WHERE id = 7; SELECT id, id_no FROM cust WHERE id_no = 'id7'}), '7|ID7', 'encrypted fields are written anew');
is(sql(q{SELECT problem, count(*) FROM csec.check_envelopes('cust') GROUP BY 1}), 'destroyed_key|49', '  what is lost is listed');
is(sql(q{SELECT problem, count(*) FROM csec.check_envelopes('own') GROUP BY 1}), 'destroyed_key|36', '  of customers with keys of their own, too');
is(sql(q{SELECT bool_and(unwraps), count(*) FROM csec.key_status WHERE state <> 'destroyed'}), 't|2', '  and all keys that are left open');

# the row that makes pseudonyms is lost, and no dump has it
sql('DELETE FROM csec.subject_space');
like(clerk(q{UPDATE own SET note = 'z' WHERE id = 'c7'}), qr/cannot be had.*replace_subject_space/s, 'without the row that makes pseudonyms nothing is stored');
like(clerk(q{SELECT id_no FROM own WHERE id = 'c7'}), qr/cannot be had/, '  nor shown, as nobody could say to whom it belongs');
is(sql(q{SELECT count(*) FROM csec.check_envelopes('own') WHERE problem = 'key_does_not_open'}), '3', '  and not taken for sound');
is(sql('SELECT count(*) FROM csec.key_status'), '4', '  the state of the keys is shown');
admin(q{CALL csec.replace_subject_space('own', reason => 'the row is lost')}, '  with another one');
is(clerk(q{UPDATE own SET note = 'z' WHERE id = 'c7'; SELECT id_no, note FROM own WHERE id = 'c7'}), 'OWN7|z', '  rows are written again, and lose nothing');
is(sql(q{SELECT count(*) FROM csec.check_envelopes('own') WHERE problem = 'wrong_subject'}), '2', '  those that were not are named');

# the row by which the key is known is lost
sql('DELETE FROM csec.order_key');
($rc, $out, $err) = $node->psql('postgres', q{SELECT '13900000007'::csec.phone});
like($err, qr/fingerprint of csec's order key is missing.*adopt_order_key/s, 'without the row by which the root key is known no value is made');
sql('SELECT csec.adopt_order_key()');
is(sql("SELECT count(*) FROM csec.order_key; $by_index SELECT id FROM mat WHERE phone = '13800000007'"), "1\n7", '  and what the error says makes it again');

# the trail afterwards: as docs/keys.md says
flush_trail($node);
sql('SELECT csec.make_checkpoint()');
my ($before, $since) = slurp_file('docs/keys.md') =~ /^ +(SELECT [^\n]* FROM csec\.verify_trail\(1, N - 1\);)\n +(SELECT [^\n]* FROM csec\.verify_trail\(N \+ 1\);)/m or die 'no statements in docs/keys.md';
is(sql('SELECT verified, bad_seq, problem FROM csec.verify_trail()'), "f|$noted|head_forged", 'verification goes on saying so');
my ($verdict, $errors) = run_command([ 'csec_verify', '--json', '-w', '-d', $node->connstr('postgres') ]);
my ($finding) = @{ (eval { decode_json($verdict)->{trails}[0]{findings} } or die "$verdict$errors") };
is("$finding->{problem}|$finding->{record}", "head_forged|$noted", '  csec_verify names the same record');
like(sql($_ =~ s/\bN\b/$noted/gr), qr/^t\|/, "  $_") foreach $before, $since;
ok(!-e $mark, 'a key that had not been accepted when the sealer started has left no mark');
$node->restart;
wait_for_sealer($node);
flush_trail($node);
ok(-e $mark, '  it does when it has');
is(sql(q{SELECT count(*) FROM csec_trail.audit_log WHERE position('head not sound'::bytea IN record) > 0 AND kind = 8}), '1', '  once');

$node->stop;
done_testing();
