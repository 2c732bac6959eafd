# Were this to fail, who follows docs/keys.md in the night after a key was lost would not come to an end,
# would lose more than is lost, or find less than is there.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
mkdir $keys, 0700 or die;

sub write_key
{
	my ($name, $hex) = @_;
	open my $f, '>', "$keys/$name.key" or die;
	print $f "$hex\n";
	close $f;
	chmod 0600, "$keys/$name.key";
}
write_key('root', 'a1' x 32);
write_key('k2', 'b2' x 32);

my $node = PostgreSQL::Test::Cluster->new('keys_lost');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "csec.embedded_keys = off\ncsec.key_directory = '$keys'\ncsec.kek = 'k2, root'");
$node->start;
make_trail($node, 'postgres');
sub id_no { sprintf '11010519491231%03dX', $_[0] }
$node->safe_psql('postgres', <<'END');
CREATE ROLE clerk LOGIN;
SELECT csec.set_clearance('clerk', level => 'core');
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card';
CREATE TABLE cust (id int PRIMARY KEY, id_no text UNIQUE, phone text);
INSERT INTO cust SELECT i, '11010519491231' || lpad(i::text, 3, '0') || 'X', '138' || lpad(i::text, 8, '0') FROM generate_series(1, 200) i;
SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone"}');
GRANT SELECT, INSERT, UPDATE, DELETE ON cust TO clerk;
CREATE TABLE lists (id int PRIMARY KEY, ids csec.id_card[]);
INSERT INTO lists VALUES (1, '{11010519491231001X,11010519491231002X}');
CREATE INDEX ON lists USING hash ((ids[1]));
GRANT SELECT ON lists TO clerk;
CREATE VIEW found AS SELECT id FROM cust WHERE id_no = '11010519491231009X';
GRANT SELECT ON found TO clerk;
END

sub clerk { return with_reason($node, 'clerk', $_[0]) }
sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);
	isnt($rc, 0, $name);
	like($err, $pattern, '  and it is said why');
}
sub by_index { return clerk("SET LOCAL enable_seqscan = off; SELECT id FROM cust WHERE id_no = '" . id_no($_[0]) . "'") }
sub key_of { return $node->safe_psql('postgres', "SELECT id || ', ' || version FROM csec.keys WHERE purpose = '$_[0]' AND state = '$_[1]' ORDER BY created_at LIMIT 1") }

fails(q{CALL csec.replace_search_key('x')}, qr/the search key opens.*rotate_key/s, 'a search key that is there is not replaced');
fails(q{CALL csec.replace_search_key(' ')}, qr/needs a reason/, '  nor without a reason');
fails(q{SET ROLE clerk; CALL csec.replace_search_key('x')}, qr/permission denied/, '  nor by anybody');

# the row of the search key is lost, and no dump has it
$node->safe_psql('postgres', q{DELETE FROM csec.key WHERE purpose = 'search'});
like(by_index(7), qr/no active search key.*replace_search_key/s, 'without a search key a look-up is an error that says what helps');
like(clerk(q{INSERT INTO cust VALUES (201, '110105194912312019', '13900000000')}), qr/no active search key/, '  nothing is stored');
is(clerk('SELECT id_no FROM cust WHERE id = 7'), id_no(7), '  what is there is shown');
is($node->safe_psql('postgres', q{SELECT purpose, unwraps, columns FROM csec.key_status}), 'data|t|{public.cust.id_no,public.lists.ids}', '  and the state of the keys, too');
is($node->safe_psql('postgres', q{SELECT DISTINCT problem FROM csec.check_envelopes('cust')}), 'unknown_search_key', '  csec.check_envelopes() names it');
$node->safe_psql('postgres', q{CALL csec.replace_search_key('the row is lost')});
is(by_index(7), '7', 'with another one values are found by the index');
is(clerk("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SELECT id FROM cust WHERE id_no = '" . id_no(7) . "'"), '7', '  and without it');
is(clerk("SET LOCAL enable_seqscan = off; SELECT id FROM lists WHERE ids[1] = '" . id_no(1) . "'"), '1', '  in arrays, by a hash');
is(clerk('SELECT id FROM found'), '9', '  and by the constants of views');
like(clerk("INSERT INTO cust VALUES (201, '" . id_no(8) . "', '13900000000')"), qr/duplicate key/, '  and no value comes twice');
$node->safe_psql('postgres', "CALL csec.reencrypt('$_')") foreach qw(cust lists);
is($node->safe_psql('postgres', q{SELECT DISTINCT search, current FROM csec.encryption_share('cust')}), 'active|t', '  and re-encrypted values have tags of it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.check_envelopes('cust')}), '0', '  with nothing wrong');
is(records($node, 'count(*)', q{action = 'replace search key' AND detail LIKE '%the row is lost%'}), '1', '  on record');

# the KEK is lost, under which all keys are
$node->append_conf('postgresql.conf', q{csec.kek = 'root'});
unlink "$keys/k2.key";
$node->restart;
wait_for_sealer($node);
like(clerk('SELECT id_no FROM cust WHERE id = 7'), qr/is wrapped under key "k2", which this server does not have/, 'without the KEK values are not there');
is(clerk('SELECT phone FROM cust WHERE id = 7'), '13800000007', '  masked ones are');
is($node->safe_psql('postgres', q{SELECT state, count(*), count(*) FILTER (WHERE finding LIKE 'does not open: key % is wrapped under key "k2"%') FROM csec.security_measures('cust') WHERE measure = 'field_keys' GROUP BY 1}), 'fail|2|2', '  the security measures do not say that all is well');
like(by_index(7), qr/is wrapped under key "k2"/, '  look-ups are errors');
fails(q{SELECT csec.rewrap_keys()}, qr/is wrapped under key "k2"/, '  and the keys cannot be wrapped anew');
fails(q{CALL csec.replace_search_key('x')}, qr/is wrapped under key "k2"/, '  nor the search key replaced, while values under a lost key count as there');

my ($data, $search) = (key_of('data', 'active'), key_of('search', 'active'));
$node->safe_psql('postgres', q{CALL csec.rotate_key('data', reason => 'the KEK is lost')});
is(clerk(q{UPDATE cust SET phone = '13900000007' WHERE id = 7; SELECT phone FROM cust WHERE id = 7}), '13900000007', 'with another data key masked fields can be changed');
like(clerk(q{INSERT INTO cust VALUES (201, '110105194912312019', '13900000000')}), qr/is wrapped under key "k2"/, '  encrypted ones not yet');
$node->safe_psql('postgres', "CALL csec.destroy_key($data, reason => 'the KEK is lost', force => true)");
$node->safe_psql('postgres', q{CALL csec.replace_search_key('the KEK is lost')});
is(clerk("INSERT INTO cust VALUES (201, '110105194912312019', '13900000000'); SELECT id_no FROM cust WHERE id_no = '110105194912312019'"), '110105194912312019', 'with another search key encrypted ones, too, and they are found');
like(clerk('SELECT id_no FROM cust WHERE id = 7'), qr/key \d+ version \d+ was destroyed/, '  what is lost is named');
is($node->safe_psql('postgres', q{SELECT problem, count(*) FROM csec.check_envelopes('cust') GROUP BY 1}), 'destroyed_key|200', '  by csec.check_envelopes(), too');
is(clerk("UPDATE cust SET id_no = '" . id_no(7) . "' WHERE id = 7; SELECT id_no FROM cust WHERE id_no = '" . id_no(7) . "'"), id_no(7), '  and can be written anew');
$node->safe_psql('postgres', q{CALL csec.reencrypt('cust')});
$node->safe_psql('postgres', "CALL csec.destroy_key($search, reason => 'the KEK is lost', force => true)");
is($node->safe_psql('postgres', q{SELECT bool_and(unwraps), count(*) FROM csec.key_status WHERE state <> 'destroyed'}), 't|2', '  all keys that are left open');
is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys()'), '0', '  and can be wrapped');

# the row of the active data key is lost, and an older version there
$node->safe_psql('postgres', q{DELETE FROM csec.key WHERE purpose = 'data' AND state = 'active'});
like(clerk(q{INSERT INTO cust VALUES (202, '110105194912312029', '13900000000')}), qr/no active key "data" to encrypt with.*rotate_key\('data'/s, 'without a data key nothing is stored, and it is said what helps');
like(clerk('SELECT id_no FROM cust WHERE id = 201'), qr/key \d+ version 2 is not in this database/, '  and what is under it is named');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.key_status WHERE state = 'active'}), '1', '  the state of the keys is shown');
$node->safe_psql('postgres', q{CALL csec.rotate_key('data', reason => 'the row is lost')});
is(clerk(q{INSERT INTO cust VALUES (202, '110105194912312029', '13900000000'); SELECT id FROM cust WHERE id_no = '110105194912312029'}), '202', '  with another one it goes on');
like(clerk('SELECT id_no FROM cust WHERE id = 201'), qr/key \d+ version 2 is not in this database/, '  under a number of its own');
flush_trail($node);
is_verified($node, 'the trail');

$node->stop;
done_testing();
