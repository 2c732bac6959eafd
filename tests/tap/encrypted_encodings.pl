# Were this to fail, a value that was encrypted in a database of one encoding would be another value in
# a database of another one, would not be found there, or an error about its characters would tell them.

use strict;
use warnings;
use CsecTrail;
use Encode ();
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('encodings', max_worker_processes => 60);
$node->safe_psql('postgres', q{CREATE ROLE low LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE backup LOGIN IN ROLE csec_backup;
	CREATE ROLE mover LOGIN SUPERUSER IN ROLE csec_backup, csec_loader});

my %perl_name = (SQL_ASCII => 'utf8', EUC_CN => 'gb2312', LATIN1 => 'iso-8859-1', UTF8 => 'utf8');
my %text = map { $_ => Encode::decode('utf8', $_ eq 'LATIN1' ? 'Jérôme Müller' : '张三 丰') } keys %perl_name;

# What psql says, in bytes.
sub as
{
	my ($role, $db, $sql) = @_;
	my ($ret, $out, $err) = $node->psql($db, $sql, extra_params => [ '-U', $role ], on_error_stop => 0);
	return $out . $err;
}

# As the bytes that the database of that encoding holds.
sub hex_in { return unpack 'H*', Encode::encode($perl_name{ $_[0] }, $_[1], Encode::FB_CROAK | Encode::LEAVE_SRC) }
sub literal { return "convert_from('\\x" . hex_in(@_) . "', '$_[0]')" }

sub database
{
	my ($db, $encoding) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
}

# The bytes of a field as who is cleared sees it, and the rows that "=" finds.
sub seen
{
	my ($db, $encoding, $column, $where) = @_;
	return as('clerk', $db, "SET client_encoding = 'SQL_ASCII'; BEGIN; SELECT csec.set_context('a', 'b', 'c') \\gset x
		SELECT encode(convert_to($column\::text, '$encoding'), 'hex') FROM c WHERE $where; COMMIT");
}

my %to = (UTF8 => [qw(EUC_CN LATIN1)], EUC_CN => [qw(UTF8 SQL_ASCII)], LATIN1 => [qw(UTF8)], SQL_ASCII => [qw(UTF8)]);
foreach my $from (qw(UTF8 EUC_CN LATIN1 SQL_ASCII))
{
	my $db = 'from_' . lc $from;
	database($db, $from);
	make_trail($node, $db);
	my $value = literal($from, $text{$from});
	my ($ret, $out, $err) = $node->psql($db, qq{
		SET client_min_messages = warning;
		CREATE TABLE c (id int PRIMARY KEY, p csec.encrypted(person_name), h csec.health, m csec.person_name);
		CREATE INDEX c_p ON c (p);
		CREATE TABLE own (name text PRIMARY KEY, p text);
		INSERT INTO own VALUES ($value, $value);
		SELECT csec.protect('own', 'name', '{"p": "person_name"}', subject_keys => true);
		INSERT INTO c VALUES (1, $value, $value, NULL), (2, 'plain', 'plain', 'plain');
		GRANT ALL ON c, own TO low, clerk, backup;
		SELECT csec.set_clearance('clerk', level => 'core')});
	is($err, '', "$from: values are encrypted");
	my $dump = PostgreSQL::Test::Utils::tempdir . "/$db.sql";
	$node->command_ok([ 'pg_dump', '-U', 'mover', '-E', ($from eq 'SQL_ASCII' ? $from : 'UTF8'), '-f', $dump, $db ], '  and dumped');

	foreach my $to (@{ $to{$from} })
	{
		my $here = eval { $to eq 'SQL_ASCII' ? hex_in('UTF8', $text{$from}) : hex_in($to, $text{$from}) };
		my $copy = "to_" . lc $to;
		database($copy, $to);
		# (a row of another table does not come back where its key column is no text there)
		$node->command_ok([ 'psql', '-qX', '-U', 'mover', '-o', '/dev/null', '-f', $dump, $copy ], "$from to $to: restored");
		if (defined $here)
		{
			is(seen($copy, $to eq 'SQL_ASCII' ? 'UTF8' : $to, $_, 'id = 1'), $here, "  $_ is the same text") foreach qw(p h);
			my $sought = $to eq 'SQL_ASCII' ? literal('UTF8', $text{$from}) : literal($to, $text{$from});
			is($node->safe_psql($copy, "SET enable_seqscan = off; SELECT id FROM c WHERE p = $sought"), '1', '  and found');
			is($node->safe_psql($copy, "SELECT count(*) FROM csec.check_envelopes('c')"), '0', '  with nothing wrong');
			as('clerk', $copy, "UPDATE own SET p = 'new' WHERE name = $sought");
			is($node->safe_psql($copy, "SELECT customers FROM csec.subject_key_status"), '1', '  a customer goes on with the key that there was')
			  if $to ne 'SQL_ASCII';
		}
		else
		{
			my $said = seen($copy, $to, 'h', 'id = 1');
			like($said, qr/an encrypted value of category "health" has characters that the encoding of this database, $to, does not have/, '  what is no text here is an error');
			unlike($said, qr/byte sequence|0x/, '  that shows none of its bytes');
			is($node->safe_psql($copy, "SELECT attname, problem FROM csec.check_envelopes('c') ORDER BY 1"), "h|other_encoding\np|other_encoding", '  csec.check_envelopes() names it');
			as('postgres', $copy, q{CALL csec.rotate_key('data', reason => 'x'); CALL csec.reencrypt('c')});
			is($node->safe_psql($copy, "SELECT count(*) FROM csec.encryption_share('c') WHERE NOT current"), '0', '  it is re-encrypted');
			is(as('mover', $copy, "UPDATE c SET p = NULL WHERE id = 1; DELETE FROM c WHERE id = 1; SELECT id FROM c"), '2', '  and can be written over and deleted');
		}
		is($node->safe_psql($copy, q{SELECT id FROM c WHERE p = 'PLAIN'}), '2', '  what is ASCII is found everywhere');
		$node->safe_psql('postgres', "DROP DATABASE \"$copy\" WITH (FORCE)");
	}
}

# What has no equivalent in UTF-8: bytes of GBK in SQL_ASCII, and what GB 2312 left free.
foreach ([ 'SQL_ASCII', 'd5c5c8fd' ], [ 'EUC_CN', 'aaa1' ])
{
	my ($encoding, $hex) = @$_;
	my $db = 'from_' . lc $encoding;
	my $value = "convert_from('\\x$hex', '$encoding')";
	as('mover', $db, "DELETE FROM c; INSERT INTO c VALUES (1, $value, $value, $value)");
	is(seen($db, $encoding, $_, 'id = 1'), $hex, "$encoding: $_ comes out as it came in") foreach qw(p h m);
	is($node->safe_psql($db, "SELECT id FROM c WHERE p = $value"), '1', '  is found');
	is($node->safe_psql($db, "SELECT count(*) FROM csec.check_envelopes('c')"), '0', '  with nothing wrong');
	my $dump = PostgreSQL::Test::Utils::tempdir . "/$encoding.bytes";
	$node->command_ok([ 'pg_dump', '-U', 'mover', '-t', 'c', '-E', $encoding, '-f', $dump, $db ], '  is dumped, a masked field as well');
	foreach my $to ($encoding eq 'EUC_CN' ? $encoding : 'UTF8')
	{
		database('bytes', $to);
		make_trail($node, 'bytes');
		# the keys first
		$node->safe_psql('bytes', "CREATE TABLE k AS TABLE csec.key WITH NO DATA");
		my $keys = $node->safe_psql($db, q{SELECT format('INSERT INTO csec.key (id, version, purpose, name, state, commitment, kek, wrapped) VALUES (%s, %s, %L, %L, %L, %L, %L, %L);',
			id, version, purpose, name, 'decrypt_only', commitment, kek, wrapped) FROM csec.key});
		$node->safe_psql('bytes', $keys);
		my $said = as('mover', 'bytes', "\\i $dump");
		if ($to eq $encoding)
		{
			$node->safe_psql('bytes', q{GRANT ALL ON c TO clerk; SELECT csec.set_clearance('clerk', level => 'core')});
			is(seen('bytes', $encoding, $_, 'id = 1'), $hex, "  $_ comes back in $to") foreach qw(p h m);
			is($node->safe_psql('bytes', "SELECT id FROM c WHERE p = $value"), '1', '  and is found');
		}
		else
		{
			like($said, qr/ERROR:  a value from a dump has characters that the encoding of this database, UTF8, does not have/, '  is refused in UTF8');
			unlike($said, qr/byte sequence|0x/, '  by an error without its bytes');
		}
		$node->safe_psql('postgres', 'DROP DATABASE bytes WITH (FORCE)');
	}
}
$node->stop;
done_testing();
