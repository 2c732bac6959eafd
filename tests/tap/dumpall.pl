# Were this to fail, a whole cluster could not be taken down in one piece and
# brought back into an empty one: roles, clearances, databases, trails (A.9).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $old = trail_node('source');
$old->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE ROLE low LOGIN;
	CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	CREATE DATABASE "shop 客户";
	ALTER DATABASE "shop 客户" SET csec.reason = 'support'});
my $db = 'shop 客户';
make_trail($old, $db);
$old->safe_psql($db, q{
	CREATE TABLE customers (id int PRIMARY KEY, phone text UNIQUE);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 200) g;
	GRANT SELECT, UPDATE ON customers TO clerk, low;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone"}');
	SELECT csec.set_clearance('clerk', level => 'important')});

sub as
{
	my ($node, $role, $sql) = @_;
	my ($ret, $out, $err) = $node->psql($db, $sql, extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}
as($old, 'clerk', 'SELECT phone FROM customers WHERE id = 7');
as($old, 'clerk', "UPDATE customers SET id = 1003, phone = '13900000003' WHERE id = 3");
flush_trail($old, $db);
flush_trail($old);

sub dumpall
{
	my ($role, $file) = @_;
	return [ 'pg_dumpall', '-h', $old->host, '-p', $old->port, '-U', $role, '-l', 'postgres', '-f', $file ];
}
$old->safe_psql('postgres', 'CREATE ROLE other LOGIN SUPERUSER');
$old->command_fails_like(dumpall('other', "$dir/other.sql"), qr/would be masked/, 'a superuser without the right is refused');
unlike(slurp_file("$dir/other.sql"), qr/\b138\d{8}\b|138\*/, '  and got neither values nor masks');
$old->command_ok(dumpall('dumper', "$dir/all.sql"), 'by a member of csec_backup');
my $numbers = () = slurp_file("$dir/all.sql") =~ /\tcsec:d1:\S+\n/g;
is($numbers, 200, '  complete');
unlike(slurp_file("$dir/all.sql"), qr/\b13[89]\d{8}\b/, '  and nothing in clear');

# Restore into a new cluster; the errors.
sub restore
{
	my ($node) = @_;

	$node->start;
	# the role that restores has to be there, and what it needs of csec's roles
	$node->safe_psql('postgres', 'CREATE ROLE csec_loader NOLOGIN; CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_loader');
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-h', $node->host, '-p', $node->port, '-U', 'dumper', '-d', 'postgres', '-f', "$dir/all.sql" ], '>', \$out, '2>', \$err);
	# (the roles that were there before)
	return join "\n", grep { /ERROR|FATAL|HINT/ && !/role "(csec_loader|dumper|\w+)" already exists/ } split /\n/, $err;
}
my $without = PostgreSQL::Test::Cluster->new('without');
$without->init(allows_streaming => 1);
like(restore($without), qr/a dump is encrypted under key "root" \([0-9a-f]{8}\), which is not among those of csec\.kek.*HINT:  .*csec\.kek.*docs\/keys\.md/s, 'without the KEK the values do not come back, and the error names it');
is($without->safe_psql($db, 'SELECT count(*) FROM customers'), '0', '  none of them');
$without->stop;

# the old KEK "root" as one of its own, as docs/keys.md has it
my $new = PostgreSQL::Test::Cluster->new('target');
$new->init(allows_streaming => 1);
chomp(my $root = slurp_file($old->data_dir . '/csec_embedded.key'));
my $kek = lc qx(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:$root -kdfopt 'salt:csec 1' -kdfopt info:kek HKDF | tr -d ':\n');
my $file = $new->data_dir . '/csec_embedded_old.key';
append_to_file($file, "$kek\n");
chmod 0600, $file;
$new->append_conf('postgresql.conf', "csec.kek = 'root, old'");
is(restore($new), '', 'restored without an error');

is(as($new, 'clerk', 'SELECT phone FROM customers WHERE id = 7'), '13800000007', 'a clearance, by the role of the same name');
is(as($new, 'low', 'SELECT phone FROM customers WHERE id = 7'), '138****0007', 'a mask for who has none');
is(as($new, 'clerk', q{SELECT current_setting('csec.reason')}), 'support', 'settings of the database');
is(as($new, 'low', "SET enable_seqscan = off; SELECT id FROM customers WHERE phone = '13800000009'"), '9', 'indexes, in the order of the new key');
like(as($new, 'clerk', "INSERT INTO customers VALUES (201, '13800000009')"), qr/permission denied|duplicate key/, 'constraints');
# the KEK is another, so what the trail keeps encrypted needs a key of this one
like(as($new, 'clerk', "UPDATE customers SET phone = '13900000009' WHERE id = 9"), qr/key \d+ version 1 does not open under key "root"/, 'a change says which key is missing');
$new->safe_psql($db, q{CALL csec.rotate_key('data', reason => 'restored where its KEK is not')});
as($new, 'clerk', "UPDATE customers SET phone = '13900000009' WHERE id = 9");
flush_trail($new, $db);
is($new->safe_psql($db, "SELECT string_agg(login || ' ' || exactness, ', ' ORDER BY seq) FROM csec.who_saw('customers', '7') WHERE login = 'clerk'"),
	'clerk delivered, clerk delivered', 'reads of before and after are in the trail');
is($new->safe_psql($db, "SELECT subject, login FROM csec.change_records WHERE relation = 'public.customers' ORDER BY seq DESC LIMIT 1"), '9|clerk', 'and changes');
is($new->safe_psql($db, "SELECT string_agg(concat(op, ' ', column_name, ' ', new_value), ', ' ORDER BY seq, column_name) FROM csec.history('customers', '3') WHERE op = 'U' OR op = 'UPDATE'"),
	'UPDATE id 1003, UPDATE phone 139****0003', '  those of before, too, of a customer whose key was another');
foreach my $name ($db, 'postgres')
{
	flush_trail($new, $name);
	like(records($new, 'detail', "kind = 'server' AND action = 'copied'", $name), qr/"same_key": false/, "$name: the trail names where it comes from, and that the key is another");
	my $copied = records($new, 'seq', "kind = 'server' AND action = 'copied'", $name);
	is($new->safe_psql($name, "SELECT verified FROM csec.check_trail($copied, NULL)"), 't', '  and verifies from there');
	is($new->safe_psql($name, 'SELECT verified FROM csec.verify_trail_sql()'), 't', '  its hashes from the beginning');
	is($new->safe_psql($name, 'SELECT verified, problem, bad_seq FROM csec.check_trail(1, NULL)'), 't||', '  and all of it');
}
$new->stop;
$old->stop;
done_testing();
