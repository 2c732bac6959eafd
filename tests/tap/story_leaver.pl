# The leaver.  Were this to fail, somebody who is gone could still get in, or
# nobody would know what he took along.

use strict;
use warnings;
use CsecStory;
use CsecWire;
use Test::More;

my $node = bank('leaver');
says('postgres', q{
	CREATE ROLE evening LOGIN IN ROLE csec_break_glass;
	SELECT csec.assign_login('E1', 'evening');
	SELECT csec.set_clearance('clerk', level => 'important', reason => 'service');
	GRANT SELECT (id, phone) ON cust TO evening;
	GRANT CREATE ON SCHEMA public TO evening});
is(says('clerk', 'SELECT phone FROM cust WHERE id = 42'), '13800000042', 'she works');
says('evening', 'CREATE TABLE mine (n int)');
my $active = says('clerk', q{SELECT csec.request_access('cust', '{phone}', 'campaign', lasting => '10 days')});
is(says('manager', "SELECT csec.approve_request($active, 'yes')"), 'active', '  has a permit');
my $waiting = says('evening', q{SELECT csec.request_access('cust', '{phone}', 'campaign', lasting => '10 days')});
my $at_work = CsecWire->connect($node, 'clerk');

# Her last day.
like(says('clerk', q{SELECT * FROM csec.offboard('E1', 'myself')}), qr/ERROR/, 'she cannot see herself off');
# While it waits for what she does under her other name to be over, she logs in once more.
my $gate = CsecWire->connect($node, 'postgres');
$gate->query(q{BEGIN; SELECT csec.lock_name('person E1', true)});
my $officer = CsecWire->connect($node, 'officer');
$officer->send_query(q{SELECT count(*) FROM csec.offboard('E1', 'left for another bank')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'officer' AND wait_event = 'advisory'}) or die 'nothing waits';
my $again = CsecWire->connect($node, 'evening');
$gate->query('COMMIT');
unlike($officer->until_ready, qr/E/, 'the officer sees her off');
$_->vanish foreach $gate, $officer;
{
	local $SIG{PIPE} = 'IGNORE';
	ok(!eval { $at_work->query('SELECT 1'); 1 }, '  the session in which she works is gone');
	ok(!eval { $again->query('SELECT 1'); 1 }, '  and so is the one of the last moment');
}
my $report = says('officer', q{SELECT kind, object, residue FROM csec.offboard_report('E1')});
like($report, qr/\|t$/m, 'what is left of her is named');
like($report, qr/mine\|t|public\.mine\|t/m, '  a table that is hers, for one');
is(says('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE usename IN ('clerk', 'evening')}), '0', 'her sessions are gone');
foreach my $login (qw(clerk evening))
{
	my ($ret, $out, $err) = $node->psql('postgres', 'SELECT 1', extra_params => [ '-U', $login ]);
	like($err, qr/not permitted to log in/, "  nor does $login get in again");
}
is(says('officer', "SELECT string_agg(state, ',' ORDER BY id) FROM csec.access_requests WHERE id IN ($active, $waiting)"), 'revoked,withdrawn', 'permit and request are over');
is(says('officer', q{SELECT count(*) FROM csec.clearance WHERE role IN ('clerk'::regrole, 'evening'::regrole)}), '0', '  so is her clearance');

# Somebody clears up, until nothing is left.
says('postgres', q{
	REASSIGN OWNED BY evening TO postgres;
	REVOKE ALL ON cust FROM clerk, evening;
	REVOKE SELECT (id, phone) ON cust FROM evening;
	REVOKE CREATE ON SCHEMA public FROM evening;
	REVOKE ALL ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) FROM clerk});
is(says('officer', q{SELECT kind, object FROM csec.offboard_report('E1') WHERE residue}), '', 'nothing is left');
like(says('officer', q{SELECT kind, object, detail FROM csec.offboard_report('E1') WHERE NOT residue}), qr/cust/, '  but what she read is told');
ends_well(42, qr/access_records.*"login": "clerk"/);
