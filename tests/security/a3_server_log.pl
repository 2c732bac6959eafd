# A.3: were this to fail, the server's log, which anybody may read who looks after the server, would
# hold what errors tell a reader who sees values in clear.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('log', log_min_error_statement => 'panic', log_min_messages => 'notice', max_parallel_workers => 4);
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000;
	CREATE ROLE clerk LOGIN; CREATE ROLE low LOGIN; CREATE ROLE permitted LOGIN; CREATE ROLE loader LOGIN IN ROLE csec_backup, csec_loader;
	SELECT csec.set_clearance('clerk', level => l) FROM unnest('{general,important,core}'::text[]) l;
	UPDATE csec.category SET check_mode = 'lax';
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone UNIQUE, id_no csec.id_card UNIQUE, bal int CHECK (bal >= 0));
	INSERT INTO cust SELECT g, '1398246' || lpad(g::text, 4, '0'), '22021234567890' || lpad(g::text, 4, '0'), g FROM generate_series(1, 50) g;
	SELECT csec.protect('cust', 'id');
	CREATE TABLE plain (id int PRIMARY KEY);
	CREATE TABLE loan (id int, id_no csec.id_card REFERENCES cust (id_no) DEFERRABLE INITIALLY DEFERRED, phone csec.phone);
	INSERT INTO csec.access_permit (id, login, relid, fields, subjects, max_rows, export, valid_from, valid_until)
		VALUES (1, 'permitted', 'cust', '{id_no,phone}', '{1,2}', 1000, true, '-infinity', 'infinity');
	INSERT INTO csec.permit_use (permit) VALUES (1);
	CREATE FUNCTION strict(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$
	#print_strict_params on
	DECLARE p text; n int;
	BEGIN SELECT phone::text INTO p FROM cust WHERE id = $1; SELECT 1 INTO STRICT n WHERE p IS NULL; RETURN n; END $$;
	CREATE FUNCTION dynamic() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE p text; BEGIN SELECT id_no::text INTO p FROM cust WHERE id = 7; EXECUTE format('SELECT 1 / (length(%L) - length(%1$L))', p); END $$;
	GRANT ALL ON cust, loan, plain TO clerk, low, permitted, loader});
my $value = qr/1398246\d{4}|22021234567890\d{4}/;
my $withheld = qr/DETAIL:  The client alone has the detail, as this transaction saw fields in clear\./;

# What the client is told of a statement that fails, and what the log.
sub told
{
	my ($role, $sql) = @_;
	my $from = -s $node->logfile;
	my ($rc, $out, $err) = $node->psql('postgres', "BEGIN; SELECT FROM csec.set_context('a', 'daily', 'T1'); $sql; COMMIT", extra_params => [ '-U', $role ]);
	return ($err, slurp_file($node->logfile, $from));
}

my %fails = (
	'a check, of a row that nobody typed in' => 'UPDATE cust SET bal = -1 WHERE id = 7',
	'a unique key' => 'UPDATE cust SET id_no = (SELECT id_no FROM cust WHERE id = 8) WHERE id = 7',
	'a foreign key, at the end' => q{INSERT INTO loan SELECT 1, id_no || '9' FROM cust WHERE id = 7},
	'parameters of PL/pgSQL' => 'SELECT strict(7)',
	'a worker, too' => 'SET LOCAL force_parallel_mode = on; SELECT strict(id) FROM cust WHERE id = 7',
	'a statement that was put together' => 'SELECT dynamic()');
foreach my $what (sort keys %fails)
{
	my ($client, $log) = told('clerk', $fails{$what});
	like($client, qr/ERROR:.*$value/s, "$what: the client is told of the value");
	like($log, qr/ERROR: /, '  the log of the error');
	unlike($log, $value, '  and of no value');
	like($log, $withheld, '  but that there is one') unless $what =~ /put together/;
}

# by a permit, and in a restore
my ($client, $log) = told('permitted', 'SELECT strict(1)');
like($client, qr/parameters: .*13982460001/, 'who has a permit is told of a value');
unlike($log, $value, '  the log is not');
like($log, $withheld, '  and says so');
($client, $log) = told('loader', q{SET LOCAL row_security = off; UPDATE cust SET bal = -1 WHERE id = 7});
unlike($log, $value, 'of one who restores neither');

# others, and the next transaction, have their errors in the log as they are
($client, $log) = told('low', 'UPDATE cust SET bal = -1 WHERE id = 7');
like($log, qr/DETAIL:  Failing row contains \(7, 139\*\*\*\*0007, 220\*+07, -1\)/, 'what a reader without clearance is told is logged');
($client, $log) = told('clerk', q{SELECT phone FROM cust WHERE id = 7; COMMIT; BEGIN; INSERT INTO plain VALUES (8), (8)});
like($log, qr/DETAIL:  Key \(id\)=\(8\) already exists/, 'and where nothing was shown');
# (a procedure goes on with what was decided before its COMMIT)
$node->safe_psql('postgres', q{CREATE PROCEDURE goes_on() LANGUAGE plpgsql AS $$ DECLARE p text; BEGIN
	SELECT phone::text INTO p FROM cust WHERE id = 7; COMMIT; UPDATE cust SET bal = -1 WHERE id = 7; END $$});
my $from = -s $node->logfile;
(undef, undef, $client) = $node->psql('postgres', q{SELECT csec.set_default_reason('clerk', 'daily')});
(undef, undef, $client) = $node->psql('postgres', 'CALL goes_on()', extra_params => [ '-U', 'clerk' ]);
like($client, qr/Failing row contains \(7, 13982460007/, 'behind a COMMIT of a procedure the client is told of a value');
unlike(slurp_file($node->logfile, $from), $value, '  the log is not');
$node->stop;
done_testing();
