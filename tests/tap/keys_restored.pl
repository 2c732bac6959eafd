# Were this to fail, rows of keys that are lost, or come out of a dump, would make look-ups miss values, make a
# second key for a customer whose key can still be restored, or leave values that nobody can write over.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('keys_restored');
$node->safe_psql('postgres', <<'END');
CREATE ROLE clerk LOGIN;
CREATE ROLE backup LOGIN;
GRANT csec_backup, pg_read_all_data TO backup;
GRANT csec_loader TO postgres;
SELECT csec.set_clearance('clerk', level => 'core');
UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card';
CREATE TABLE cust (id int PRIMARY KEY, id_no text UNIQUE, phone text);
INSERT INTO cust SELECT i, 'ID' || i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 500) i;
SELECT csec.protect('cust', 'id', '{"id_no": "id_card", "phone": "phone"}');
CREATE TABLE own (id int PRIMARY KEY, id_no text, name text, note text);
INSERT INTO own SELECT i, 'OWN' || i, 'name ' || i, 'note' FROM generate_series(1, 20) i;
SELECT csec.protect('own', 'id', '{"id_no": "id_card", "name": "person_name"}', subject_keys => true);
GRANT SELECT, INSERT, UPDATE, DELETE ON cust, own TO clerk;
CREATE TABLE kept AS SELECT * FROM csec.subject_key;
SELECT csec.flush_audit();
END

sub clerk { return with_reason($node, 'clerk', @_) }
sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]) }
sub by_index { return clerk("SET LOCAL enable_seqscan = off; SELECT id FROM cust WHERE id_no = 'ID$_[0]'", $_[1]) }

# several jobs: the rows of csec.key may come after an index that needs them
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->command_ok([ 'pg_dump', '-U', 'backup', '-Fd', '-j', '2', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump by several jobs');
sql('CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-e', '-j', '3', @$_, '-d', $node->connstr('copy'), $dump ], "restored by several jobs, @$_")
  foreach [qw(--section=pre-data --section=data)], [qw(--section=post-data)];
is(by_index(7, 'copy'), '7', '  with indexes that find');
is(sql(q{SELECT count(*) FROM csec.check_envelopes('cust')}, 'copy'), '0', '  and nothing wrong');
is(clerk(q{SELECT id_no, name FROM own WHERE id = 7}, 'copy'), 'OWN7|name 7', '  customers have their keys');

# the keys of another database, over values that are there
sql('CREATE DATABASE other');
sql('CREATE EXTENSION csec CASCADE', 'other');
my $rows = sql(q{SELECT format('INSERT INTO csec.key SELECT (%L::csec.key).*', k) FROM csec.key k}, 'other');
sql("$_;", 'copy') foreach split /\n/, $rows;
is(by_index(7, 'copy'), '7', 'with the keys of another database indexes find as before');
is(clerk(q{INSERT INTO cust VALUES (501, 'ID501', '13900000000'); SET LOCAL enable_seqscan = off; SELECT id FROM cust WHERE id_no = 'ID501'}, 'copy'), '501', '  also new values');
is(sql(q{SELECT purpose, count(*) FROM csec.key WHERE state = 'active' GROUP BY 1 ORDER BY 1}, 'copy'), "data|1\nsearch|1", '  one key of each kind is active');

# the search key is lost, and another database's comes in its place
my $search = sql(q{SELECT format('INSERT INTO csec.key SELECT (%L::csec.key).*', k) FROM csec.key k WHERE purpose = 'search' AND state = 'active'}, 'copy');
sql('CREATE DATABASE third');
sql('CREATE EXTENSION csec CASCADE', 'third');
my $foreign = sql(q{SELECT format('INSERT INTO csec.key SELECT (%L::csec.key).*', k) FROM csec.key k WHERE purpose = 'search'}, 'third');
sql(q{DELETE FROM csec.key WHERE purpose = 'search' AND state = 'active'}, 'copy');
my ($rc, $out, $err) = $node->psql('copy', $foreign);
like($err, qr/NOTICE.*not the one by which fields are indexed here.*HINT.*csec\.replace_search_key/s, 'another database\'s search key does not become active where the own one is lost');
like(by_index(7, 'copy'), qr/there is no active search key in this database/, '  so nothing is looked for in the wrong order');
like(clerk(q{UPDATE cust SET id_no = 'ID7b' WHERE id = 7}, 'copy'), qr/there is no active search key/, '  nor stored under it');
($rc, $out, $err) = $node->psql('copy', q{UPDATE csec.key SET state = 'active' WHERE purpose = 'search'});
like($err, qr/fields are indexed under another search key/, '  by hand neither');
is(sql(q{SELECT count(*) FROM csec.key WHERE purpose = 'search' AND state = 'active'}, 'copy'), '0', '  none is active');
sql($search, 'copy');
is(by_index(7, 'copy'), '7', '  until the own one is back');
is(sql(q{SELECT count(*) FROM csec.key WHERE purpose = 'search' AND state = 'active'}, 'copy'), '1', '  which is');
sql(q{DELETE FROM csec.key WHERE purpose = 'search' AND state = 'active'}, 'copy');
sql(q{CALL csec.replace_search_key('lost')}, 'copy');
is(by_index(7, 'copy'), '7', '  or another one takes its place, with new indexes');
is(by_index(499, 'copy'), '499', '  of all values');
sql($search, 'copy');
is(by_index(7, 'copy'), '7', '  and is not displaced by the old one, should that be found');

# a restore that has triggers disabled (pg_restore --data-only --disable-triggers)
my $mine = sql(q{SELECT format('INSERT INTO csec.key SELECT (%L::csec.key).*', k) FROM csec.key k WHERE purpose = 'search' AND state = 'active'}, 'copy');
sql("ALTER TABLE csec.key DISABLE TRIGGER ALL; DELETE FROM csec.key WHERE purpose = 'search' AND state = 'active'; UPDATE csec.key SET state = 'active' WHERE id = " . sql(q{SELECT id FROM csec.key WHERE purpose = 'search'}, 'third'), 'copy');
like(by_index(7, 'copy'), qr/fields are indexed under another search key than the active one.*replace_search_key/s, 'a foreign search key that came past csec\'s triggers finds nothing in the wrong order');
like(clerk(q{UPDATE cust SET id_no = 'ID7b' WHERE id = 7}, 'copy'), qr/fields are indexed under another search key/, '  nor is anything stored under it');
like(sql(q{SELECT unwraps, trouble FROM csec.key_status WHERE purpose = 'search' AND state = 'active'}, 'copy'), qr/^t\|fields are indexed under another search key/, '  and csec.key_status tells');
sql(q{CALL csec.replace_search_key('foreign')}, 'copy');
is(by_index(7, 'copy'), '7', '  until it is replaced');
sql('ALTER TABLE csec.key ENABLE ALWAYS TRIGGER key_rules, ENABLE ALWAYS TRIGGER key_changed, ENABLE ALWAYS TRIGGER key_recorded, ENABLE ALWAYS TRIGGER key_truncated', 'copy');
sql($mine, 'copy');
is(by_index(7, 'copy'), '7', '  and when the own one is found again');

# the row of a customer's key
my $seven = q{pseudonym = csec.subject_pseudonym('own', '7')};
sql("DELETE FROM csec.subject_key WHERE $seven");
like(clerk(q{SELECT name FROM own WHERE id = 7}), qr/the key of a customer \(\d+\) is not in this database/, 'a customer whose key is lost is not shown');
like(clerk(q{UPDATE own SET note = 'x' WHERE id = 7}), qr/the key of a customer \(\d+\) is not in this database.*lost/s, '  and does not get another one unnoticed');
like(clerk(q{UPDATE own SET id_no = 'NEW7' WHERE id = 7}), qr/is not in this database/, '  nor for one field of several');
like(clerk(q{INSERT INTO own SELECT 21, id_no, name, note FROM own WHERE id = 7}), qr/is not in this database/, '  nor in another row');
is(sql("SELECT count(*) FROM csec.subject_key WHERE $seven"), '0', '  so nothing is in the way');
sql("INSERT INTO csec.subject_key SELECT * FROM kept WHERE $seven");
is(clerk(q{UPDATE own SET note = 'x' WHERE id = 7; SELECT id_no, name, note FROM own WHERE id = 7}), 'OWN7|name 7|x', '  of the row that a dump has');
sql("DELETE FROM csec.subject_key WHERE $seven");
is(clerk(q{UPDATE own SET id_no = 'NEW7', name = NULL WHERE id = 7; SELECT id_no, name, note FROM own WHERE id = 7}), 'NEW7||x', 'where no dump has it all fields can be written anew');

# the key of a customer, where values have the tags of a search key that was lost
sql('CREATE EXTENSION amcheck', 'copy');
sql('CREATE INDEX own_id_no ON own (id_no)', 'copy');
sql('CREATE ROLE asks LOGIN IN ROLE csec_officer; CREATE ROLE approves LOGIN IN ROLE csec_officer');
foreach my $customer (1 .. 6)
{
	my (undef, $request, $said) = $node->psql('copy', "SELECT csec.destroy_subject_key('own', '$customer', 'test')", extra_params => [ '-U', 'asks' ]);
	is($said, '', "nobody is warned of what is rebuilt for customer $customer");
	$node->safe_psql('copy', "SELECT csec.approve_destruction($request)", extra_params => [ '-U', 'approves' ]);
}
is(sql(q{SELECT bt_index_check('own_id_no', true)}, 'copy'), '', 'an index is in order when customers are destroyed');
is(clerk(q{SET LOCAL enable_seqscan = off; SELECT string_agg(id::text, ' ' ORDER BY id) FROM own WHERE id_no IN ('own8', 'own9', 'own10', 'own15', 'own20')}, 'copy'), '8 9 10 15 20', '  so that the others are found');

# the row of a data key
my ($id, $version) = split /\|/, sql(q{SELECT id, version FROM csec.key WHERE purpose = 'data' AND state = 'active'}, 'copy');
my ($old, $v) = split /\|/, sql(q{SELECT id, version FROM csec.key k WHERE purpose = 'data' AND EXISTS (SELECT FROM csec.encryption_share('cust') s WHERE s.key_id = k.id AND s."values" = 500)}, 'copy');
sql("DELETE FROM csec.key WHERE id = $old AND version = $v", 'copy');
like(clerk($_, 'copy'), qr/key $old version $v is not in this database/, "without its data key: $_")
  foreach q{UPDATE cust SET id_no = 'NEW9' WHERE id = 9}, q{DELETE FROM cust WHERE id = 9};
($rc, $out, $err) = $node->psql('copy', "CALL csec.destroy_key($old, $v, reason => 'lost')");
like($err, qr/is not in this database.*force => true gives up/s, '  and it is said what helps');
sql("CALL csec.destroy_key($old, $v, reason => 'lost', force => true)", 'copy');
is(clerk(q{UPDATE cust SET id_no = 'NEW9' WHERE id = 9; DELETE FROM cust WHERE id = 10; SELECT id, id_no FROM cust WHERE id_no = 'new9'}, 'copy'), '9|NEW9', 'given up: its values are written anew');
is(sql(q{SELECT problem, count(*) FROM csec.check_envelopes('cust') GROUP BY 1}, 'copy'), 'destroyed_key|498', '  the others are lost');
my $in_order = q{SELECT bt_index_check('cust_id_no_key', true)};
is(sql($in_order, 'copy'), '', '  and indexes are in order');

# values of another database, with its tags
sql(q{UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card'; CREATE TABLE t AS SELECT i AS id, ('F' || i)::csec.id_card AS id_no FROM generate_series(1, 50) i}, 'third');
sql(sql(q{SELECT format('INSERT INTO csec.key SELECT (%L::csec.key).*', k) FROM csec.key k WHERE purpose = 'data'}, 'third'), 'copy');
my @values = split /\n/, $node->safe_psql('third', q{SET row_security = off; SELECT format('(%s, %L, %L)', 600 + id, id_no, '13700000000') FROM t}, extra_params => [ '-U', 'backup' ]);
sql('INSERT INTO cust VALUES ' . join(', ', @values), 'copy');
is(clerk(q{SET LOCAL enable_seqscan = off; SELECT id, id_no FROM cust WHERE id_no = 'f50'}, 'copy'), '650|F50', 'values of another database are found');
sql(q{CALL csec.rotate_key('data', reason => 'test')}, 'copy');
my $theirs = sql(q{SELECT id FROM csec.key WHERE purpose = 'data'}, 'third');
sql("CALL csec.destroy_key($theirs, 1, reason => 'test', force => true)", 'copy');
is(sql($in_order, 'copy'), '', '  and when their key is destroyed indexes are in order');
is(clerk(q{SET LOCAL enable_seqscan = off; SELECT id, id_no FROM cust WHERE id_no = 'new9'}, 'copy'), '9|NEW9', '  and find what is left');
flush_trail($node);
is_verified($node, 'the trail');

$node->stop;
done_testing();
