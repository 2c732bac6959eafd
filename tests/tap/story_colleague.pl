# The snooping colleague.  Were this to fail, he could look up his neighbour, a
# celebrity, or himself, and nobody would know, or nobody could stop him.

use strict;
use warnings;
use CsecStory;
use CsecWire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = bank('colleague');
# He has a reason to be there: he calls customers.  Others call through an application.
says('postgres', q{
	SELECT csec.set_clearance('colleague', level => 'important', reason => 'calls');
	SELECT csec.set_clearance('app', level => 'important', reason => 'the call centre');
	SELECT csec.set_own_customer('E3', 'cust', '33')});
is(says('admin', q{UPDATE csec.alert_rule SET params = '{"levels": ["important", "core"]}' WHERE kind = 'no_ticket'}), '', 'who sees fields in clear needs a ticket');
is(says('officer', q{INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '50', 'vip'), ('cust', '51', 'decoy')}), '', 'the officer says whom to watch');

# What he does.
is(says('colleague', q{SELECT name, phone FROM cust WHERE id = 12}), 'Customer AC|13800000012', 'he looks at his neighbour');
is(says('colleague', q{SELECT phone FROM cust WHERE id = 50}), '13800000050', '  at a celebrity');
is(says('colleague', q{SELECT phone FROM cust WHERE id = 51}), '13800000051', '  at somebody who does not exist');
is(says('colleague', q{SELECT phone FROM cust WHERE id = 33}), '13800000033', '  at himself');
is(says('app', q{BEGIN; SELECT csec.set_context('zhao.qiang', 'call', 'T-1') \gset x
	SELECT phone FROM cust WHERE id = 50; COMMIT}), '13800000050', '  and again through the application, where many share a login');
is(says('app', q{BEGIN; SELECT csec.set_context('E3', 'call', 'T-2') \gset x
	SELECT phone FROM cust WHERE id = 33; COMMIT}), '13800000033', '  where he looks at himself, too');
alerted('watched', 'colleague', 'the celebrity is watched');
alerted('decoy', 'colleague', '  the decoy worked');
alerted('own_record', 'colleague', '  he was found looking at himself');
alerted('no_ticket', 'colleague', '  and without a ticket');
alerted('watched', 'app', '  the application is not a place to hide');
alerted('own_record', 'app', '  nor to look at himself');
says('auditor', 'SELECT csec.flush_audit()');
is(says('auditor', q{SELECT login, actor FROM csec.who_saw('cust', '50') ORDER BY seq}), "colleague|\napp|zhao.qiang", '  where the end user stands beside the login');

# The inquiry.
my ($alert) = split /\n/, says('officer', q{SELECT id FROM csec.alert WHERE kind = 'own_record' AND login = 'colleague'});
like(says('colleague', "SELECT csec.acknowledge_alert($alert, 'nothing')"), qr/ERROR/, 'he cannot wave the alert away');
my $incident = says('officer', "SELECT csec.incident_of_alert($alert, 'A colleague looks at people he knows')");
like($incident, qr/^\d+$/, 'the officer makes an incident of it');
is(says('officer', "SELECT accused FROM csec.incident WHERE id = $incident"), '{E3}', '  which accuses the person');
is(says('officer', "SELECT csec.triage_incident($incident, 'E4')"), '', '  and looks into it');
my $day = q{from_time => now() - interval '1 day', to_time => now() + interval '1 day'};
like(says('officer', "SELECT csec.add_scope($incident, person => 'E3', $day)"), qr/^4$/, '  four customers are concerned');

# Meanwhile he reads on, row by row; then he is suspended.
my $open = CsecWire->connect($node, 'colleague');
$open->portal('SELECT phone FROM cust ORDER BY id');
is($open->execute(3) =~ tr/D//, 3, 'his cursor is open');
is(says('officer', q{SELECT csec.set_person_state('E3', 'suspended', 'inquiry')}), '', 'he is suspended');
$open->execute(3);
unlike($open->last_row, qr/13800000/, '  his open cursor gives masks at its next fetch');
$open->sync;
$open->vanish;
is(says('colleague', q{SELECT phone FROM cust WHERE id = 12}), '138****0012', '  and so does all that he asks');
is(says('colleague', q{SELECT DISTINCT why FROM csec.why_masked WHERE category = 'phone'}), 'suspended', '  which he can see the reason of');
like(says('colleague', q{SELECT csec.request_access('cust', '{phone}', 'to go on', subjects => '{12}', lasting => '1 hour')}), qr/ERROR/, '  nor can he ask for more');

# A friend of his is a superuser: as the trail has it now, the application looked.
says('auditor', 'SELECT csec.flush_audit()');
my $seen = says('auditor', q{SELECT seq FROM csec.who_saw('cust', '50') WHERE login = 'colleague'});
is(says('postgres', "UPDATE csec_trail.audit_log SET login = 'app' WHERE seq = $seen"), '', 'his friend edits the record of the celebrity');
is(says('auditor', 'SELECT verified, bad_seq, problem FROM csec.verify_trail()'), "f|$seen|column_differs", '  which is named');
my ($told, $error) = run_command([ 'csec_verify', '--json', '-U', 'auditor', '-d', $node->connstr('postgres') ]);
like("$told$error", qr/"record": $seen, "problem": "column_differs"/, '  from outside, too');
is(says('postgres', "UPDATE csec_trail.audit_log SET login = 'colleague' WHERE seq = $seen"), '', '  and put back as the record itself says');
ends_well(50, qr/access_records.*"login": "colleague"/, qr/access_records.*"actor": "zhao.qiang"/, qr/incidents.*people he knows/);
