# Were this to fail, a database that is not in UTF-8, or a client that is not, would
# be shown what it should not, or a table would be locked longer than was allowed
# (A.1, A.3).

use strict;
use warnings;
use CsecTrail;
use Encode ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = trail_node('encodings');
$node->safe_psql('postgres', 'CREATE ROLE low LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE dumper LOGIN SUPERUSER IN ROLE csec_backup, csec_loader');

# What psql says as a role, in bytes.
sub as
{
	my ($role, $db, $encoding, $sql) = @_;
	my ($ret, $out, $err) = $node->psql($db, "SET client_encoding = '$encoding'; $sql", extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}

my %perl_name = (SQL_ASCII => 'utf8', EUC_CN => 'gb2312', LATIN1 => 'iso-8859-1', UTF8 => 'utf8');
my %name = (SQL_ASCII => '张三丰', EUC_CN => '张三丰', LATIN1 => 'Jérôme Müller', UTF8 => '张三丰');
foreach my $encoding (qw(UTF8 SQL_ASCII EUC_CN LATIN1))
{
	my $db = lc $encoding;
	my $characters = Encode::decode('utf8', $name{$encoding});
	my $bytes = Encode::encode($perl_name{$encoding}, $characters);
	my $hex = unpack 'H*', $bytes;

	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	make_trail($node, $db);
	my ($ret, $out, $err) = $node->psql($db, qq{
		SET client_encoding = 'SQL_ASCII';
		SET client_min_messages = warning;
		CREATE TABLE customers (id int PRIMARY KEY, name text, phone text, note text, free text);
		INSERT INTO customers SELECT g, convert_from('\\x$hex', '$encoding'), '1380000000' || g, 'talked to ' || convert_from('\\x$hex', '$encoding'), 'free' FROM generate_series(1, 3) g;
		GRANT SELECT, UPDATE ON customers TO low, clerk;
		SELECT csec.protect('customers', 'id', '{"name": "person_name", "phone": "phone", "note": "free_text"}');
		SELECT csec.set_clearance('clerk', level => 'important')});
	is($err, '', "$encoding: a table is protected");
	is($node->safe_psql($db, "SELECT count(title_zh) FROM csec.level"), $encoding eq 'LATIN1' ? '0' : '3', '  Chinese titles, where there are characters for them');

	foreach my $client ($encoding eq 'LATIN1' ? qw(LATIN1 UTF8) : $encoding eq 'SQL_ASCII' ? qw(SQL_ASCII UTF8)
		: $encoding eq 'EUC_CN' ? qw(EUC_CN UTF8) : qw(EUC_CN UTF8 GB18030))
	{
		my $said = as('low', $db, $client, "SELECT name, phone, note FROM customers WHERE id = 1; SELECT customers FROM customers WHERE id = 1; COPY (SELECT name, note FROM customers) TO STDOUT; SELECT to_json(name), name || note, substr(name, 1, 1), length(note) FROM customers; SELECT 1 / (id - 1), name FROM customers");
		foreach my $target (qw(utf8 gb2312 gb18030 iso-8859-1))
		{
			my $whole = eval { Encode::encode($target, $characters, Encode::FB_CROAK | Encode::LEAVE_SRC) } // next;
			unlike($said, qr/\Q$whole\E/, "$encoding, client $client: no name, in $target");
		}
		unlike($said, qr/1380000000\d/, '  nor number');
		like($said, qr/138\*{4}000\d/, '  ASCII is masked as everywhere');
		is(as('clerk', $db, $client, 'SELECT phone FROM customers WHERE id = 2'), '13800000002', '  who is cleared sees it');
	}
	is($node->safe_psql($db, "SELECT count(*) FROM customers WHERE name = convert_from('\\x$hex', '$encoding') OR phone = '13800000002'"), '3', "$encoding: equality works on the bytes");

	# a dump has envelopes of UTF-8, for a database in any encoding
	my $dump = PostgreSQL::Test::Utils::tempdir . "/$db.sql";
	$node->command_ok([ 'pg_dump', '-U', 'dumper', '-a', '-t', 'customers', '--inserts', '-f', $dump, $db ], "$encoding: a dump");
	my ($envelope) = slurp_file($dump) =~ /VALUES \(1, '(csec:d1:[^']+)'/;
	is($node->safe_psql('utf8', "SELECT '$envelope'::csec.person_name = convert_from('\\x" . unpack('H*', $name{$encoding}) . "', 'UTF8')"), 't', '  comes back in UTF-8');
	my $odd = as('low', $db, 'SQL_ASCII', "UPDATE customers SET name = E'\\xff\\xfe\\xfd' WHERE id = 3; SELECT name FROM customers WHERE id = 3");
	unlike($odd, qr/\Q$bytes\E/, '  bytes of no encoding show nothing');
	like(as('postgres', $db, 'UTF8', 'SET row_security = off; SELECT name FROM customers'), qr/would be masked/, '  complete or refused');
	as('clerk', $db, 'SQL_ASCII', "UPDATE customers SET free = 'x' WHERE id = 1");
	flush_trail($node, $db);
	is($node->safe_psql($db, q{SELECT count(*) > 0 FROM csec.who_saw('customers', '1') WHERE login = 'low'}), 't', '  reads are in the trail');
	is($node->safe_psql($db, q{SELECT count(*) FROM csec.change_records WHERE subject = '1' AND op = 'UPDATE' AND login = 'clerk'}), '1', '  changes, too');
	is_verified($node, "  its trail", $db);
	$node->safe_psql($db, "SET client_min_messages = warning; SELECT csec.unprotect_all('back')");
	is($node->safe_psql($db, "SELECT encode(convert_to(name, '$encoding'), 'hex') FROM customers WHERE id = 1"), $hex, '  and back, byte by byte');
}

# lock_timeout: protect waits no longer than it may, and has done nothing
$node->safe_psql('postgres', "CREATE TABLE busy (id int PRIMARY KEY, phone text)");
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT count(*) FROM busy');
foreach my $sql ("SELECT csec.protect('busy', 'id', '{\"phone\": \"phone\"}')")
{
	my $began = time;
	my ($ret, $out, $err) = $node->psql('postgres', "SET lock_timeout = '200ms'; $sql");
	like($err, qr/canceling statement due to lock timeout/, "$sql: lock_timeout ends it");
	cmp_ok(time - $began, '<', 5, '  in time');
	is($node->safe_psql('postgres', "SELECT count(*), (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'busy'::regclass) FROM csec.protected_table WHERE relid = 'busy'::regclass"),
		'0|0', '  with nothing half done');
}
$holder->query_safe('COMMIT');
$node->safe_psql('postgres', "SELECT csec.protect('busy', 'id', '{\"phone\": \"phone\"}')");
$holder->query_safe('BEGIN; SELECT count(*) FROM busy');
my ($ret, $out, $err) = $node->psql('postgres', "SET lock_timeout = '200ms'; SELECT csec.unprotect('busy', 'test')");
like($err, qr/canceling statement due to lock timeout/, 'csec.unprotect, too');
$holder->query_safe('COMMIT');
$holder->quit;
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.protected_table WHERE relid = 'busy'::regclass"), '1', '  the table stays protected');
$node->stop;
done_testing();
