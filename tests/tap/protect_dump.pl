# Were this to fail, a protected database could not be backed up and brought
# back whole: with its values, its policy, its triggers and its trail.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('protect_dump');
$node->init(allows_streaming => 1);
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q{
	CREATE DATABASE src;
	CREATE ROLE low LOGIN;
	CREATE ROLE app LOGIN;
});
$node->safe_psql('src', q{
	CREATE EXTENSION csec CASCADE;
	CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	CREATE ROLE reader LOGIN IN ROLE csec_backup, pg_read_all_data;
	CREATE SCHEMA zzz;
	CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), phone varchar(20) DEFAULT 'none', CHECK (phone <> ''));
	CREATE INDEX ON customers (phone varchar_pattern_ops);
	CREATE TABLE zzz.visits (customer int, at date, note text, PRIMARY KEY (customer, at)) PARTITION BY RANGE (at);
	CREATE TABLE zzz.visits_1 PARTITION OF zzz.visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
	CREATE TABLE zzz.visits_2 PARTITION OF zzz.visits FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
	CREATE VIEW found AS SELECT id, name FROM customers WHERE phone = '13800000007';
	CREATE POLICY own ON customers TO app USING (phone = current_setting('app.phone', true));
	ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
	INSERT INTO customers SELECT g, '张三', '138' || lpad(g::text, 8, '0') FROM generate_series(1, 200) g;
	INSERT INTO zzz.visits SELECT g, '2020-02-02', 'saw the doctor' FROM generate_series(1, 100) g;
	GRANT USAGE ON SCHEMA zzz TO low;
	GRANT SELECT, UPDATE ON customers, zzz.visits, found TO app, low;
	SELECT csec.protect('customers', subject => 'id', fields => '{"phone": "phone", "name": "person_name"}');
	SELECT csec.protect('zzz.visits', subject => 'customer', fields => '{"note": "free_text"}', subject_of => 'customers');
	SELECT csec.set_clearance('app', level => 'important');
	UPDATE customers SET name = '李四' WHERE id = 3;
});

# dump
$node->command_fails_like([ 'pg_dump', '-U', 'low', '-t', 'customers', '-f', "$dir/low.sql", 'src' ],
	qr/would be affected by row-level security|would be masked|permission denied/, 'pg_dump by low is refused');
$node->command_fails_like([ 'pg_dump', '-U', 'low', '-t', 'zzz.visits*', '-f', "$dir/low.sql", 'src' ],
	qr/would be masked|permission denied/, '  of a table without row security, too');
unlike(-e "$dir/low.sql" ? slurp_file("$dir/low.sql") : '', qr/saw the doctor|\t\*\*\*/, '  and wrote neither values nor masks');
$node->command_ok([ 'pg_dump', '-U', 'reader', '-a', '-t', 'zzz.visits*', '-f', "$dir/reader.sql", 'src' ],
	'pg_dump by a member of csec_backup that is no superuser');
my $visits = () = slurp_file("$dir/reader.sql") =~ /\tcsec:d1:\S+\n/g;
is($visits, 100, '  is complete');
unlike(slurp_file("$dir/reader.sql"), qr/saw the doctor/, '  and nothing in it is in clear');
$node->safe_psql('src', 'SELECT csec.flush_audit()');
$node->command_ok([ 'pg_dump', '-U', 'dumper', '-f', "$dir/all.sql", 'src' ], 'the whole database, as text');
$node->command_ok([ 'pg_dump', '-U', 'dumper', '-Fc', '-f', "$dir/all.dump", 'src' ], '  and in custom format');
is($node->safe_psql('src', q{SELECT csec.flush_audit(); SELECT count(*) > 0 FROM csec.access_records
	WHERE relation = 'public.customers' AND login = 'dumper' AND 'phone' = ANY (revealed)}), "\nt", 'the dump is in the trail');

# What is to come back, but for the trail.
my $picture = q{
	SET row_security = off;
	SELECT md5(string_agg(concat_ws(',', id, name::text, phone::text), '|' ORDER BY id)) FROM customers c;
	SELECT md5(string_agg(concat_ws(',', customer, at, note::text), '|' ORDER BY customer)) FROM zzz.visits v;
	SELECT relid, subject, subject_of, enforce, audit, protected_by FROM csec.protected_table ORDER BY relid::text;
	SELECT relid, attname, category, original_type FROM csec.protected_field ORDER BY relid::text, attname;
	SELECT relid, name, definition, remade FROM csec.replaced_object ORDER BY name;
	SELECT role, level, category FROM csec.clearance;
	SELECT tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger
		WHERE tgname LIKE 'csec%' ORDER BY tgrelid::regclass::text, tgname;
	SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy;
	SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = 'customers'::regclass;
	SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('customers'::regclass, 'zzz.visits_1'::regclass) ORDER BY indexrelid::regclass::text;
	SELECT evtname, evtenabled FROM pg_event_trigger ORDER BY 1;
	SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attnum > 0;
};
my %as = (extra_params => [ '-U', 'dumper' ]);
my $before = $node->safe_psql('src', $picture, %as);
like($before, qr/csec_zz_truncate/, 'there are triggers to come back');

sub alive
{
	my ($database) = @_;

	is($node->safe_psql($database, $picture, %as), $before, "$database: values, policy and triggers");
	is($node->safe_psql($database, 'SELECT phone, name FROM customers WHERE id = 7'), '138****0007|张*', "$database: masked");
	is($node->safe_psql($database, q{SET app.phone = '13800000007'; SELECT phone, name FROM customers},
			extra_params => [ '-U', 'app' ]), '13800000007|张三', "$database: clearance and row security");
	$node->safe_psql($database, q{
		UPDATE customers SET phone = '13900000009' WHERE id = 9;
		TRUNCATE zzz.visits_2;
		CREATE TABLE zzz.visits_3 PARTITION OF zzz.visits FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
		INSERT INTO zzz.visits VALUES (9, '2022-02-02', 'new');
		SELECT csec.flush_audit()}, %as);
	is($node->safe_psql($database, q{
			SELECT f.relation, f.statement, x.subject, x.column_name, x.new_value
			FROM csec.trail() l, csec.record_fields(l.record) f LEFT JOIN csec.record_changes(l.record) x ON true
			WHERE l.kind = 3 ORDER BY l.seq DESC, x.column_name LIMIT 5}, %as),
		"zzz.visits|INSERT|9|at|2022-02-02\nzzz.visits|INSERT|9|customer|9\nzzz.visits|INSERT|9|note|***\n"
		  . "zzz.visits|TRUNCATE|||\npublic.customers|UPDATE|9|phone|139****0009", "$database: changes are recorded");
	like($node->safe_psql($database, q{SELECT csec.flush_audit(); SELECT string_agg(DISTINCT login, ' ') FROM csec.who_saw('customers', '7')}, %as),
		qr/app/, "$database: reads are recorded");
	$node->safe_psql($database, q{SELECT csec.unprotect_all('back to plain')}, %as);
	is($node->safe_psql($database, q{SELECT phone, name FROM customers WHERE id = 7;
			SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'phone'}),
		"13800000007|张三\ncharacter varying(20)", "$database: unprotected");
}

$node->safe_psql('postgres', 'CREATE ROLE idle LOGIN SUPERUSER');
$node->safe_psql('postgres', 'CREATE DATABASE refused');
$node->command_fails_like([ 'psql', '-X', '-U', 'idle', '-v', 'ON_ERROR_STOP=1', '-q', '-d', 'refused', '-f', "$dir/all.sql" ],
	qr/the change could not be recorded.*restored by a superuser who is a member of csec_loader|values from a dump may not be stored/s, 'who may not load is told who restores');
$node->safe_psql('postgres', 'DROP DATABASE refused WITH (FORCE)');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-X', '-U', 'dumper', '-v', 'ON_ERROR_STOP=1', '-q', '-d', 'plain', '-f', "$dir/all.sql" ],
	'restored from text');
alive('plain');
$node->safe_psql('postgres', 'CREATE DATABASE jobs');
$node->command_ok([ 'pg_restore', '-U', 'dumper', '--jobs', '3', '-e', '-d', 'jobs', "$dir/all.dump" ],
	'restored with several jobs');
alive('jobs');
$node->safe_psql('postgres', 'CREATE DATABASE once');
$node->command_ok([ 'pg_restore', '-U', 'dumper', '-1', '-d', 'once', "$dir/all.dump" ], 'restored in one transaction');
alive('once');

$node->stop;
done_testing();
