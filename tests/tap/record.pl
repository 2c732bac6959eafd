# The customer's security record in databases of other encodings, and after a
# dump.  Were this to fail, a database could not be had, or would lose its own
# parts of the record, or what people vouched for.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('record');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN');

sub rows { my ($db, $sql) = @_; return $node->safe_psql($db, $sql, extra_params => [ '-U', 'auditor' ]) }

foreach my $encoding (qw(UTF8 SQL_ASCII EUC_CN LATIN1))
{
	my $db = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($db, q{
		CREATE EXTENSION csec CASCADE;
		GRANT csec_auditor TO auditor;
		CREATE TABLE customers (id int PRIMARY KEY, name text, phone text);
		CREATE TABLE orders (id int PRIMARY KEY, customer int, item text);
		INSERT INTO customers VALUES (42, 'Zhang Wei', '13812345678');
		INSERT INTO orders VALUES (1, 42, 'book'), (2, 42, 'pen'), (3, 43, 'ink');
		SELECT csec.protect('customers', 'id', '{"name": "person_name", "phone": "phone"}');
		SELECT csec.protect('orders', 'customer', subject_of => 'customers')});
	is($node->safe_psql($db, q{SELECT count(*) FROM pg_views WHERE schemaname = 'csec_zh'}), $encoding eq 'LATIN1' ? '0' : '13',
		"$encoding: twins with Chinese titles, where there are characters for them");
	is(rows($db, q{SELECT value FROM csec.basic_information('customers', '42') WHERE field = 'phone'}), '138****5678', '  a record');
	is(rows($db, q{SELECT csec.customer_record_html('customers', '42') ~ '138\*{4}5678.*</html>'}), 't', '  a page');
}

# its own rows outlive a dump
$node->safe_psql('utf8', q{
	CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	INSERT INTO csec.record_part (relid, name, position, title, source, newest_by) VALUES ('customers', 'orders', 15, 'Orders', 'orders', 'id');
	INSERT INTO csec.record_field (relid, part, field, position, title, shown) VALUES ('customers', 'orders', 'customer', 1, 'Customer', false);
	UPDATE csec.record_part SET title = 'Who looked' WHERE name = 'access_records';
	INSERT INTO csec.record_word (word, title) VALUES ('pass', 'good');
	INSERT INTO csec.measure (name, area, position, title) VALUES ('clean_desk', 'people_area', 540, 'Desks are clean');
	SELECT csec.attest('clean_desk', 'seen on Monday', now() + interval '90 days');
	GRANT SELECT ON customers, orders TO auditor});
my $asked = q{
	SELECT content FROM csec.own_part('customers', 'orders', '42');
	SELECT name, title FROM csec.record_part ORDER BY position;
	SELECT title FROM csec.record_word WHERE word = 'pass';
	SELECT state, evidence, finding FROM csec.security_measures('customers') WHERE measure = 'clean_desk'};
my $before = rows('utf8', $asked);
like($before, qr/\{"id": "2", "item": "pen"\}.*access_records\|Who looked.*\ngood\npass\|attested\|seen on Monday/s, 'a database has parts of its own');
foreach my $jobs (1, 2)
{
	my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump$jobs";
	command_ok([ 'pg_dump', '-Fd', '-f', $dump, '-d', $node->connstr('utf8'), '-U', 'dumper' ], 'a dump');
	$node->safe_psql('postgres', "CREATE DATABASE copy$jobs TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
	my ($out, $err) = run_command([ 'pg_restore', '-j', $jobs, '-d', $node->connstr("copy$jobs"), '-U', 'dumper', $dump ]);
	is($err, '', "... restored with $jobs job(s)");
	is(rows("copy$jobs", $asked), $before, '... has them, and what was vouched for');
}
$node->stop;
done_testing();
