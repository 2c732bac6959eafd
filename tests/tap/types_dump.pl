# Were this to fail, a dump would hold masks in place of values, or would not
# come back as it was.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init(allows_streaming => 1);
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir;

# Schemas whose data is dumped before csec's own, and after it.
$node->safe_psql('postgres', 'CREATE DATABASE src');
$node->safe_psql('src', q{
	CREATE EXTENSION csec CASCADE;
	CREATE ROLE backup LOGIN IN ROLE csec_backup, csec_loader;
	CREATE ROLE low LOGIN;
	GRANT csec_loader TO CURRENT_USER;
	INSERT INTO csec.category (name, level, mask, sort) VALUES ('city', 'important', 'first_last', 'plain');
	CREATE SCHEMA app;
	CREATE SCHEMA zzz;
	CREATE DOMAIN app.city AS csec.masked(city, plain);
	CREATE TABLE app.t (id int PRIMARY KEY, phone csec.phone DEFAULT '13800000000', city app.city,
		tags csec.phone[], CHECK (phone <> '13'));
	CREATE UNIQUE INDEX ON app.t (phone);
	CREATE INDEX ON app.t USING hash (phone);
	CREATE INDEX ON app.t (city);
	INSERT INTO app.t SELECT g, '138' || lpad(g::text, 8, '0'), 'c' || g % 5, ARRAY['139' || lpad(g::text, 8, '0')]
		FROM generate_series(1, 200) g;
	CREATE TABLE zzz.t AS SELECT * FROM app.t;
	CREATE VIEW zzz.v AS SELECT id, phone FROM app.t WHERE phone = '13800000007' OR city IN ('c1', 'c2');
	GRANT USAGE ON SCHEMA app, zzz, csec TO backup, low;
	GRANT SELECT ON ALL TABLES IN SCHEMA app, zzz TO backup, low;
});

sub refused
{
	my ($who, @options) = @_;

	$node->command_fails_like(
		[ 'pg_dump', '-U', $who, '-f', "$dir/refused.sql", @options, 'src' ],
		qr/would be masked/, "pg_dump by $who is refused");
	unlike(slurp_file("$dir/refused.sql"), qr/138\*{4}/, '  and has written no mask')
	  if -e "$dir/refused.sql";
}

refused('low', '-t', 'app.t');
refused($node->safe_psql('postgres', 'SELECT current_user'));

$node->command_ok(
	[ 'pg_dump', '-U', 'low', '--enable-row-security', '-t', 'app.t', '-f', "$dir/masked.sql", 'src' ],
	'a masked dump is there for who asks for it');
like(slurp_file("$dir/masked.sql"), qr/138\*{4}0007/, '  with masks');
unlike(slurp_file("$dir/masked.sql"), qr/13800000007\t/, '  and without values');

# The tables of the user, by one who may: as text and in the custom format.
my @tables = ('-t', 'app.t', '-t', 'zzz.t');
$node->command_ok([ 'pg_dump', '-U', 'backup', '-a', @tables, '-f', "$dir/whole.sql", 'src' ],
	'pg_dump by a member of csec_backup');
my $protected = qr/13[89]0{5}\d{3}/;
sub is_enveloped
{
	my ($dump, $name, $n) = @_;
	my $content = slurp_file($dump);
	# (the default of a column is what its definition says)
	unlike($content =~ s/DEFAULT '13800000000'|phone = '13800000007'//gr, $protected, "$name: nothing protected is in clear");
	my %seen = map { $_ => 1 } my @values = $content =~ m{csec:d1:[A-Za-z0-9+/]+=*}g;
	is(scalar @values, $n, "$name: all of it is there");
	is(scalar keys %seen, $n, "$name: equal values do not look the same");
}
# phones, cities and tags of two tables, each of 200 rows
is_enveloped("$dir/whole.sql", 'a dump of tables', 1200);
foreach my $way ('--inserts', '--column-inserts')
{
	$node->command_ok([ 'pg_dump', '-U', 'backup', $way, '-a', @tables, '-f', "$dir/inserts.sql", 'src' ], "with $way");
	is_enveloped("$dir/inserts.sql", $way, 1200);
}

# Beyond output a backup sees nothing, and whatever it copies is no text of it.
sub as
{
	my ($role, $sql, $db) = @_;
	my ($rc, $out, $err) = $node->psql($db // 'src', "SET row_security = off; $sql", extra_params => [ '-U', $role ]);
	return $out . $err;
}
$node->safe_psql('postgres', 'CREATE ROLE only_backup LOGIN IN ROLE csec_backup, pg_read_all_data');
like(as('only_backup', 'SELECT phone FROM app.t WHERE id = 7'), qr/^csec:d1:/, 'a member of csec_backup gets envelopes');
like(as('only_backup', 'SELECT row_to_json(t) FROM app.t WHERE id = 7'), qr/"phone":"csec:d1:.*"tags":\["csec:d1:/, '  in JSON, too');
like(as('only_backup', $_), qr/would be masked/, "  and no text: $_")
  foreach 'SELECT phone::text FROM app.t', "SELECT left(phone, 20) FROM app.t", 'SELECT upper(phone)::text FROM app.t';
$node->command_ok([ 'psql', '-X', '-U', 'only_backup', '-d', 'src', '-c', 'SET row_security = off', '-c', "\\copy (SELECT phone FROM app.t WHERE id = 7) TO '$dir/binary' (FORMAT binary)" ], 'a binary copy');
like(slurp_file("$dir/binary"), qr/csec:d1:/, '  has envelopes');
my $envelope = as('only_backup', 'SELECT phone FROM app.t WHERE id = 7');

# What comes back, and who may bring it.
$node->safe_psql('src', q{CREATE TABLE app.back (phone csec.phone, mail csec.email, note csec.free_text); GRANT INSERT ON app.back TO low, backup});
is(as('backup', "INSERT INTO app.back (phone) VALUES ('$envelope')"), '', 'a loader stores what an envelope holds');
is($node->safe_psql('src', q{SELECT phone = '13800000007' FROM app.back}), 't', '  the value');
like(as('low', "INSERT INTO app.back (phone) VALUES ('$envelope')"), qr/may not be stored by this reader.*csec_loader/s, 'who may not see it cannot store it, to compare it with what he knows');
like(as('backup', "INSERT INTO app.back (mail) VALUES ('$envelope')"), qr/cannot become one of category/, 'it belongs to its category');
is(as('backup', "INSERT INTO app.back (phone) VALUES ('13x')") =~ /invalid value|^$/ ? 'ok' : 'other', 'ok', 'ordinary input is as it was');
foreach my $damaged (substr($envelope, 0, -8), substr($envelope, 0, 40), 'csec:d1:', 'csec:d1:????', $envelope =~ s/^(.{60})../$1AA/r, $envelope =~ s/(..)(.{12})$/AA$2/r, $envelope =~ s/^(csec:d1:...)./$1Z/r)
{
	my $said = as('backup', "INSERT INTO app.back (phone) VALUES ('$damaged')");
	like($said, qr/invalid value from a dump|was altered after it was dumped|is not among those of csec\.kek|cannot become one of/, 'one that was altered is refused');
	unlike($said, $protected, '  without what it held');
}
$node->command_ok([ 'psql', '-X', '-U', 'backup', '-d', 'src', '-c', "\\copy app.back (phone) FROM '$dir/binary' (FORMAT binary)" ], 'and binary');
is($node->safe_psql('src', q{SELECT count(*) FROM app.back WHERE phone = '13800000007'}), '2', '  the value, too');

# In clear, where that is meant: by a superuser's setting, and on record.
$node->safe_psql('src', q{SELECT csec.create_trail()});
like(as('only_backup', 'SET csec.dump_plain = on'), qr/permission denied/, 'plain dumps are not for a backup to choose');
$node->safe_psql('src', 'ALTER ROLE only_backup SET csec.dump_plain = on');
$node->command_ok([ 'pg_dump', '-U', 'only_backup', '-a', @tables, '-f', "$dir/plain.sql", 'src' ], 'with csec.dump_plain');
like(slurp_file("$dir/plain.sql"), qr/13800000007\t/, '  values are in clear');
$node->safe_psql('src', 'SELECT csec.flush_audit()');
is($node->safe_psql('src', q{SELECT login, count(*) FROM csec.control_records WHERE action = 'plain dump' GROUP BY 1}), 'only_backup|1', '  and that is in the trail');
is($node->safe_psql('src', q{SELECT count(*) FROM csec.control_records WHERE action = 'ALTER ROLE' AND object = 'only_backup'}), '1', '  like the setting');

# The whole database needs a superuser who is a member.
$node->safe_psql('postgres', 'CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader');
$node->command_ok([ 'pg_dump', '-U', 'dumper', '-f', "$dir/all.sql", 'src' ], 'the whole database, as text');
$node->command_ok([ 'pg_dump', '-U', 'dumper', '-Fc', '-f', "$dir/all.dump", 'src' ], 'and in custom format');

sub same_as_source
{
	my ($database) = @_;
	my $sum = join ';', map {
		"SELECT md5(string_agg(concat_ws(',', id, phone::text, city::text, tags[1]::text), '|' ORDER BY id)) FROM $_" } 'app.t', 'zzz.t';
	$sum = "SET row_security = off; $sum";
	my %as = (extra_params => [ '-U', 'dumper' ]);

	is($node->safe_psql($database, $sum, %as), $node->safe_psql('src', $sum, %as), "$database: the values");
	is($node->safe_psql($database, q{SET enable_seqscan = off;
			SELECT id FROM app.t WHERE phone = '13800000007';
			SELECT count(*) FROM app.t WHERE city = 'c1';
			SELECT count(*) FROM zzz.v}, %as), "7\n40\n80", "$database: found by index");
	is($node->safe_psql($database, q{SELECT phone, csec.category_of(phone), city, csec.category_of(tags[1])
			FROM zzz.t WHERE id = 7}), '138****0007|phone|***|phone', "$database: masked");
	is($node->safe_psql($database, q{SELECT pg_get_viewdef('zzz.v'), pg_get_expr(adbin, adrelid)
			FROM pg_attrdef WHERE adrelid = 'app.t'::regclass}),
		$node->safe_psql('src', q{SELECT pg_get_viewdef('zzz.v'), pg_get_expr(adbin, adrelid)
			FROM pg_attrdef WHERE adrelid = 'app.t'::regclass}), "$database: definitions");
}

$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-X', '-U', 'dumper', '-v', 'ON_ERROR_STOP=1', '-q', '-d', 'plain', '-f', "$dir/all.sql" ],
	'restored from text');
same_as_source('plain');
$node->safe_psql('postgres', 'CREATE DATABASE jobs');
$node->command_ok([ 'pg_restore', '-U', 'dumper', '--jobs', '3', '-e', '-d', 'jobs', "$dir/all.dump" ],
	'restored with several jobs');
same_as_source('jobs');

# Who may not try values without limit cannot load them either: not by halves.
$node->safe_psql('postgres', 'CREATE DATABASE unable');
$node->safe_psql('unable', 'CREATE EXTENSION csec CASCADE; CREATE SCHEMA app; CREATE TABLE app.t (id int, phone csec.phone); ALTER TABLE app.t OWNER TO low; GRANT USAGE ON SCHEMA app TO low; INSERT INTO csec.category (name, level) VALUES (\'x\', \'important\')');
my ($rc, $out, $err) = $node->psql('unable',
	q{INSERT INTO app.t SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 100) g},
	extra_params => [ '-U', 'low' ]);
isnt($rc, 0, 'loading by one who is no csec_loader is refused');
like($err, qr/too many values tried.*csec_loader/s, '  with the remedy');
unlike($err, qr/138000/, '  and without a value');
is($node->safe_psql('unable', 'SELECT count(*) FROM app.t'), '0', '  and nothing is left');

$node->stop;
done_testing();
