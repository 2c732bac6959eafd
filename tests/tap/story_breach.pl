# The breach of a partner's key.  Were this to fail, the bank would not know
# whom it concerns, would be late, or would write letters that say nothing.

use strict;
use warnings;
use CsecStory;
use Test::More;

my $node = bank('breach');
says('postgres', q{SELECT csec.set_clearance('partner', level => 'important', reason => 'parcels')});

# For an hour somebody else uses the partner's login.
is(says('partner', 'SELECT count(phone) FROM cust WHERE id <= 40'), '40', 'a thief counts');
like(says('partner', 'SELECT phone FROM cust WHERE id BETWEEN 5 AND 29'), qr/^(138000000\d\d\n?){25}$/, '  and takes phone numbers');
is(says('partner', 'SELECT id_no FROM cust WHERE id = 7'), '110*************2X', '  of ID numbers masks');
later(3600);
says('postgres', 'ALTER ROLE partner NOLOGIN');

# The partner calls.
my $incident = says('clerk', q{SELECT csec.report_incident('A partner has lost its key', 'leak', place => 'the gateway', accused => '{login:partner}')});
like($incident, qr/^\d+$/, 'the clerk who takes the call reports it');
is(says('officer', "SELECT csec.triage_incident($incident, 'E4', regimes => '{pipl,gdpr}')"), '', 'the officer takes it up');
my $span = q{from_time => now() - interval '3 hours', to_time => now()};
my $scope = says('officer', "SELECT \"table\", level, shown, fields, customers, complete, digest FROM csec.scope_incident('partner', $span)");
like($scope, qr/^(public\.)?cust\|important\|revealed\|\{phone\}\|40\|t\|/m, 'whom it concerns: forty customers, their phone numbers');
like($scope, qr/^(public\.)?cust\|core\|masked\|\{id_no\}\|1\|t\|/m, '  and one of whom a mask was seen');
is(says('deputy', "SELECT \"table\", level, shown, fields, customers, complete, digest FROM csec.scope_incident('partner', $span)"), $scope, '  the same for who asks again, digest and all');
is(says('officer', "SELECT csec.add_scope($incident, 'partner', $span)"), '40', '  which goes into the file');
is(says('officer', "SELECT csec.confirm_incident($incident, 'The key lay in a public repository')"), '', 'it is confirmed');
is(says('officer', "SELECT severity FROM csec.incidents WHERE id = $incident"), 'minor', '  and how severe it is follows from fields and numbers');
like(says('officer', "SELECT regime, recipient, state FROM csec.incident_deadlines WHERE incident = $incident ORDER BY 1, 2"), qr/^gdpr\|.*\|due$/m, '  deadlines run');

# Letters.
my @parts = (kinds => 'phone numbers', cause => 'a partner lost its key', harm => 'calls by strangers', remedies => 'the key is withdrawn', advice => 'hang up', contact => '95588');
sub letter { my %p = @_; return "SELECT csec.write_letter($incident, " . join(', ', map { "$_ => '$p{$_}'" } sort keys %p) . ')' }
like(says('officer', letter(@parts, remedies => '')), qr/ERROR/, 'a letter without remedies is refused');
is(says('officer', letter(@parts)), '', '  one with all its parts is not');
is(says('officer', "SELECT csec.list_notices($incident)"), '40', 'forty have to be told');
like(says('officer', "SELECT letter FROM csec.incident_letters($incident) WHERE subject = '7'"), qr/phone numbers.*hang up.*95588/s, '  in a letter each');
is(says('officer', "SELECT csec.contain_incident($incident, 'login closed, key withdrawn')"), '', 'it is contained');
like(says('officer', "SELECT csec.notify_incident($incident, 'all told')"), qr/ERROR/, '  nobody is told yet, so it goes no further');
says('officer', "SELECT csec.note_notice($incident, 'cust', i::text, true, 'post') FROM generate_series(1, 39) i");
says('officer', "SELECT csec.note_notice($incident, 'cust', '40', false, 'post', 'moved away')");
says('officer', "SELECT csec.record_report($incident, regime, recipient, 'ref ' || regime) FROM csec.incident_deadlines WHERE incident = $incident AND recipient <> 'persons'");
like(says('officer', "SELECT csec.notify_incident($incident, 'all told')"), qr/ERROR/, '  a letter that failed is still to be sent');
is(says('officer', "SELECT csec.note_notice($incident, 'cust', '40', true, 'telephone')"), '', '  by telephone');
is(says('officer', "SELECT csec.notify_incident($incident, 'all told')"), '', 'now all are told');
is(says('officer', "SELECT count(*) FROM csec.incident_deadlines WHERE incident = $incident AND state <> 'met'"), '0', '  in time');
is(says('officer', "SELECT csec.recover_incident($incident, 'a new key, kept in a vault'); SELECT csec.learn_from_incident($incident, 'keys of partners expire')"), '', 'the partner is back');

# Who closes it.
says('postgres', 'GRANT csec_management TO partner; ALTER ROLE partner LOGIN');
like(says('partner', "SELECT csec.close_incident($incident, 'nothing to see')"), qr/ERROR/, 'the accused cannot close it, in whatever office');
is(says('officer', "SELECT csec.close_incident($incident, 'forty told, no loss known')"), '', '  the officer does');
ends_well(7, qr/incidents.*A partner has lost its key/, qr/access_records.*"login": "partner"/);
