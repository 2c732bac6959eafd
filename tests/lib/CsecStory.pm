# A bank in which the stories happen: its customers, its people, each with a
# login and a session of his own, a clock that can be moved, and how a story
# ends: with the customer's record and a trail that verifies.
package CsecStory;

use strict;
use warnings;
use Exporter 'import';
use CsecFaults;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(bank says later alerted ends_well);

my $node;
my %session;
my $ahead = 0;

# As what each person works, and by which login.
my @people = (
	[ 'E1', 'Li Na', 'service', 'clerk' ],
	[ 'E2', 'Wang Wei', 'service', 'manager' ],
	[ 'E3', 'Zhao Qiang', 'marketing', 'colleague' ],
	[ 'E4', 'Chen Jie', 'security', 'officer' ],
	[ 'E5', 'Liu Yang', 'security', 'deputy' ],
	[ 'E6', 'Sun Li', 'board', 'boss' ],
	[ 'E7', 'Zhou Min', 'audit', 'auditor' ],
	[ 'E8', 'Wu Hao', 'operations', 'admin' ]);

# The bank opens: customers 1 to 60, protected; gives its node.
sub bank
{
	my ($name) = @_;
	faulty();
	set_fault('clock', 0);
	$node = trail_node($name, 'csec.seal_delay' => '50ms', 'csec.alerts' => 'on', log_statement => 'none', max_connections => 30);
	$node->safe_psql('postgres', q{
		SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
		CREATE ROLE owners;
		CREATE ROLE clerk LOGIN IN ROLE csec_break_glass;
		CREATE ROLE manager LOGIN IN ROLE owners;
		CREATE ROLE colleague LOGIN;
		CREATE ROLE officer LOGIN IN ROLE csec_officer;
		CREATE ROLE deputy LOGIN IN ROLE csec_officer;
		CREATE ROLE boss LOGIN IN ROLE csec_management;
		CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
		CREATE ROLE admin LOGIN IN ROLE csec_admin;
		CREATE ROLE app LOGIN;
		CREATE ROLE partner LOGIN;
		CREATE TABLE cust (id int PRIMARY KEY, name text, phone text, id_no text, balance numeric);
		INSERT INTO cust SELECT i, 'Customer ' || chr(64 + i / 10) || chr(65 + i % 10), '138' || lpad(i::text, 8, '0'), '11010519491231002X', 100 * i FROM generate_series(1, 60) i;
		SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
		ALTER TABLE cust OWNER TO owners;
		GRANT SELECT ON cust TO clerk, colleague, app, partner;
		GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO clerk});
	$node->safe_psql('postgres', "SELECT csec.register_person('$$_[0]', '$$_[1]', '$$_[2]'); SELECT csec.assign_login('$$_[0]', '$$_[3]')") foreach @people;
	return $node;
}

# Somebody says something in his session; gives what he is told, errors and
# notices too.  A session that has been ended is opened again.
sub says
{
	my ($who, $sql) = @_;
	$session{$who} //= $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $who ]);
	my $said = $session{$who}->query($sql);
	$said .= ($said eq '' ? '' : "\n") . $session{$who}->{stderr};
	$session{$who}->{stderr} = '';
	return $said =~ s/\n+\z//r;
}

# Time goes by.
sub later
{
	my ($seconds) = @_;
	$ahead += $seconds;
	set_fault('clock', $ahead);
}

# Is an alert of that kind open about a login?
sub alerted
{
	my ($kind, $login, $name) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM csec.alert WHERE kind = '$kind' AND login = '$login' AND state = 'open'"), $name);
}

# The customer's record, as the auditor makes it, has all of these; and nobody
# has touched the trail.
sub ends_well
{
	my ($customer, @has) = @_;
	says('auditor', 'SELECT csec.flush_audit()');
	my $record = says('auditor', "SELECT part, content FROM csec.customer_record('cust', '$customer')");
	like($record, $_, "the record of customer $customer has it") foreach @has;
	unlike($record, qr/138000000(?!$customer)\d\d|11010519491231002X/, '  and nothing of others, nor what is core');
	$_->quit foreach values %session;
	%session = ();
	is_verified($node, 'the trail verifies');
	command_ok([ 'csec_verify', '-d', $node->connstr('postgres') ], '  from outside, too');
	$node->stop;
	done_testing();
}

1;
