# Were this to fail, a dump would lose requests, incidents, reviews, alerts or
# persons, or a restored one would stand still or begin anew: each workflow is
# left in the middle, dumped by who makes backups and is no superuser, and goes
# on in the restored database from where it was.

use strict;
use warnings;
use CsecToken;
use CsecTrail;
use Test::More;

my $node = trail_node('workflows_dump');

sub sql
{
	my ($sql, $user, $db) = @_;
	return $node->safe_psql($db // 'postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]);
}

# The error of a statement, or "".
sub refused
{
	my ($sql, $user, $db) = @_;
	$node->psql($db, $sql, stderr => \my $stderr, extra_params => [ '-U', $user ]);
	return $stderr =~ /ERROR:\s+([^\n]*)/ ? $1 : '';
}

sql(q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN IN ROLE csec_break_glass;
	CREATE ROLE owner LOGIN; CREATE ROLE fixer LOGIN;
	CREATE ROLE officer LOGIN IN ROLE csec_officer;
	CREATE ROLE boss LOGIN IN ROLE csec_management, csec_officer;
	CREATE ROLE auditor LOGIN IN ROLE csec_auditor;
	CREATE ROLE pool LOGIN;
	CREATE ROLE dumper LOGIN IN ROLE csec_backup, pg_read_all_data;
	CREATE ROLE restorer LOGIN SUPERUSER IN ROLE csec_backup, csec_loader;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0'), '11010519491231002X' FROM generate_series(1, 50) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card"}');
	ALTER TABLE cust OWNER TO owner;
	GRANT SELECT ON cust TO PUBLIC;
	SELECT csec.register_person('p1', 'Li Lei'), csec.register_person('p2', 'Han Mei', manager => 'p1'), csec.register_person('p3', 'Wang Fang');
	SELECT csec.assign_login('p1', 'clerk'), csec.assign_login('p2', 'fixer'), csec.assign_login('p3', 'auditor');
	SELECT csec.set_own_customer('p1', 'cust', '50');
	SELECT csec.set_default_reason('clerk', 'daily business');
	INSERT INTO csec.match_permit (relid, fields) VALUES ('cust', '{phone}');
	INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '9', 'vip');
	UPDATE csec.alert_rule SET params = '{"least": 3, "minutes": 5}' WHERE kind = 'denial_burst';
	UPDATE csec.access_rule SET most_rows = 500 WHERE level = 'core';
	UPDATE csec.access_limit SET limit_to = '50 minutes' WHERE name = 'break_glass';
	UPDATE csec.severity_rule SET severity = 'major' WHERE level = 'core' AND shown = 'revealed' AND persons = 1;
	UPDATE csec.deadline_rule SET within = '12 hours' WHERE regime = 'pipl' AND recipient = 'authority';
	INSERT INTO csec.checklist (name, title, every, sample) VALUES ('small', 'Small', '1 month', 0);
	INSERT INTO csec.checklist_item (checklist, item, position, question) VALUES ('small', 'one', 1, 'One?'), ('small', 'two', 2, 'Two?');
	SELECT csec.set_data_owner('cust', 'owner')});

# whose tokens are good: the old key while it overlaps, the new one, and one retired
my $dir = PostgreSQL::Test::Utils::tempdir;
my %key = map { $_ => CsecToken->new($dir, $_) } qw(old new gone);
sql("SELECT csec.set_pool_role('pool', 'the web application')");
sql("SELECT csec.add_issuer_key('$_', " . $key{$_}->public . ", 'https://sso', 'bank')") foreach 'old', 'gone';
sql("SELECT csec.rotate_issuer_key('old', 'new', " . $key{new}->public . "), csec.retire_issuer_key('gone', 'broken into')");

# What statements give to a person in the pool, and the error.
sub in_pool
{
	my ($key, $person, $sql, $db) = @_;
	my $token = $key{$key}->token(sub => qq("$person"));
	$node->psql($db, "BEGIN; SELECT csec.login('$token') \\g /dev/null\n$sql; COMMIT", stdout => \my $out, stderr => \my $err, extra_params => [ '-U', 'pool' ]);
	return $out . ($err =~ /ERROR:\s+([^\n]*)/ ? $1 : '');
}
my $pooled = in_pool('new', 'p2', q{SELECT csec.request_access('cust', '{phone}', 'pooled', '{10}', 20, '2 hours')}, 'postgres');

# requests in every state
my %request;
$request{$_} = sql("SELECT csec.request_access('cust', '{phone}', '$_', '{1,2,3}', 20, '2 hours')", 'clerk') foreach qw(submitted active suspended revoked rejected withdrawn);
$request{draft} = sql(q{SELECT csec.request_access('cust', '{phone}', 'draft', '{4}', 20, '2 hours', submit => false)}, 'clerk');
$request{agreed} = sql(q{SELECT csec.request_access('cust', '{id_no}', 'agreed', '{1}', 20, '2 hours')}, 'clerk');
$request{later} = sql(q{SELECT csec.request_access('cust', '{phone}', 'later', '{5}', 20, from_time => now() + interval '1 day', until => now() + interval '2 days')}, 'clerk');
$request{standing} = sql(q{SELECT csec.request_access('cust', '{phone}', 'standing', '{6}', 20, '90 days')}, 'clerk');
$request{short} = sql(q{SELECT csec.request_access('cust', '{phone}', 'short', '{7}', 20, '3 seconds')}, 'clerk');
sql("SELECT csec.approve_request($request{$_}, 'needed')", 'owner') foreach qw(active suspended revoked agreed later standing short);
sql("SELECT csec.approve_request($pooled, 'needed')", 'owner');
sql("SELECT csec.suspend_permit($request{suspended}, 'looked into'), csec.revoke_permit($request{revoked}, 'over'), csec.reject_request($request{rejected}, 'no')", 'owner');
sql("SELECT csec.withdraw_request($request{withdrawn}, 'not needed')", 'clerk');
$request{glass} = sql(q{SELECT csec.break_glass('cust', '{8}', 'accident', '{phone}')}, 'clerk');
is(sql(q{SELECT phone::text FROM cust WHERE id = 1}, 'clerk'), '13800000001', 'a permit serves');

# an incident that is contained, with its scope and letters; one that was reported; a hold
sql(q{SELECT csec.flush_audit()});
sql(q{SELECT csec.report_incident('reported', 'misuse', accused => '{p1}')}, 'fixer');
sql(q{SELECT csec.report_incident('contained <b>', 'leak', now() - interval '1 hour')}, 'fixer');
sql(q{SELECT csec.triage_incident(2, 'login:officer', 'minor');
	SELECT csec.add_scope(2, 'clerk', from_time => now() - interval '1 hour', to_time => now());
	SELECT csec.confirm_incident(2, 'a key');
	SELECT csec.write_letter(2, 'phone numbers', 'a key', 'calls', 'changed', 'beware', 'call us');
	SELECT csec.contain_incident(2, 'revoked'), csec.list_notices(2);
	SELECT csec.record_report(2, 'pipl', 'authority', 'R 1');
	SELECT csec.hold_evidence('the incident', 'cust', '1')}, 'officer');

# a review in progress, and one with findings
sql(q{SELECT csec.plan_review('small', 'p1', 'p3', now() + interval '7 days'), csec.plan_review('small', 'p1', 'p3', now() + interval '7 days'),
	csec.plan_review('monthly', 'p1', 'p3', now() + interval '7 days', to_time => now() + interval '1 hour')}, 'officer');
sql(q{SELECT csec.start_review(1), csec.start_review(2), csec.start_review(3);
	SELECT csec.answer_item(1, 'one', 'yes', 'seen'), csec.answer_item(2, 'one', 'no', 'seen'), csec.answer_item(2, 'two', 'yes', 'seen');
	SELECT csec.add_finding(2, 'minor', 'a door', 'p2', now() + interval '1 day') IS NOT NULL AND csec.add_finding(2, 'minor', 'a window', 'p2', now() + interval '1 day') IS NOT NULL;
	SELECT csec.conclude_review(2, 'needs improvement', 'doors')}, 'auditor');
sql(q{SELECT csec.fix_finding(1, 'closed')}, 'fixer');

# alerts, and what persons vouch for
refused(q{SELECT csec.approve_request(1)}, 'clerk', 'postgres') foreach 1 .. 4;
sql(q{SELECT csec.attest('mfa', 'tokens for all', now() + interval '30 days')}, 'officer');
sql(q{SELECT csec.flush_audit(); SELECT csec.evaluate_alerts()});
cmp_ok(sql(q{SELECT count(*) FROM csec.alert WHERE kind = 'denial_burst'}), '>=', 1, 'there are alerts');
sql(q{SELECT csec.acknowledge_alert(id, 'known') FROM csec.alert WHERE kind = 'break_glass' LIMIT 1}, 'officer');

# All rows that csec has configured to be dumped, without their codes; how often
# keys were used is another's test.
my $picture = q{SELECT string_agg(csec_rows, E'\n' ORDER BY csec_rows) FROM (
	SELECT format('%s %s', c.oid::regclass, (xpath('/row/r/text()', query_to_xml(format(
		'SELECT jsonb_agg(to_jsonb(t) - ''mac'' - ''filed_as'' ORDER BY to_jsonb(t) - ''mac'' - ''filed_as'') AS r FROM %s t WHERE %s', c.oid::regclass,
		coalesce(nullif(regexp_replace(x.condition, '^\s*WHERE', '', 'i'), ''), 'true')), false, true, '')))[1]) AS csec_rows
	FROM pg_extension e, unnest(e.extconfig, e.extcondition) x (tab, condition) JOIN pg_class c ON c.oid = x.tab AND c.relkind = 'r'
	WHERE e.extname = 'csec' AND c.relname NOT IN ('order_key', 'key')) p};
my @workflow = qw(person person_login person_customer access_rule access_limit data_owner match_permit access_request access_approval access_permit
	permit_use alert_rule watched_customer alert activity severity_rule deadline_rule incident incident_move incident_scope incident_subject
	incident_letter incident_notice incident_report evidence_hold checklist checklist_item review review_answer review_sample review_finding
	attestation default_reason pool_role issuer_key);
sql('SELECT csec.flush_audit()');
my $before = sql($picture);
like($before, qr/^csec\.$_ \[/m, "there are rows of $_") foreach @workflow;

$node->command_ok([ 'pg_dump', '-U', 'dumper', '-F', 'custom', '-f', "$dir/dump", 'postgres' ], 'dumped by a member of csec_backup');
sql('CREATE DATABASE there');
$node->command_ok([ 'pg_restore', '-U', 'restorer', '--exit-on-error', '--jobs', '2', '-d', 'there', "$dir/dump" ], 'restored into another database');
my $after = sql($picture, 'postgres', 'there');
my %after = map { /^(\S+) (.*)/ } split /\n/, $after;
my @other;
foreach (split /\n/, $before)
{
	my ($table, $rows) = /^(\S+) (.*)/;
	push @other, $table if $after{$table} ne $rows;
}
is("@other", '', 'all rows of all tables are there, as they were');
is(sql('SELECT count(*) FROM csec.unsound_rows', 'postgres', 'there'), 0, '  and signed');

# permits as they were: times and quotas go on
is(sql('SELECT phone::text FROM cust WHERE id = 2', 'clerk', 'there'), '13800000002', 'an active permit serves');
is(sql('SELECT phone::text FROM cust WHERE id = 8', 'clerk', 'there'), '13800000008', '  a broken glass');
sleep 1 while sql("SELECT csec.request_state(r) FROM csec.access_request r WHERE id = $request{short}", 'postgres', 'there') ne 'expired';
is(sql('SELECT string_agg(phone::text, \' \' ORDER BY id) FROM cust WHERE id IN (5, 7, 50)', 'clerk', 'there'), '138****0005 138****0007 138****0050', '  one that has not begun, or has ended, does not');
sql("SELECT csec.revoke_permit($request{active}, 'over')", 'owner', 'there');
is(sql('SELECT phone::text FROM cust WHERE id = 2', 'clerk', 'there'), '138****0002', '  one that was revoked since');
is(sql('SELECT phone::text FROM cust WHERE id = 2', 'clerk'), '13800000002', '  there, not here');

# the pool is one still, and the same tokens are good
my $ten = 'SELECT phone::text FROM cust WHERE id = 10';
is(in_pool($_, 'p2', $ten, 'there'), '13800000010', "a token by the $_ key names who has a permit in the pool") foreach 'old', 'new';
is(in_pool('new', 'p3', $ten, 'there'), '138****0010', '  it serves nobody else');
is(in_pool('gone', 'p2', $ten, 'there'), 'login token refused: retired key', '  a retired key stays retired');
is(refused(q{SELECT csec.request_access('cust', '{phone}', 'x', '{9}', 20, '2 hours')}, 'pool', 'there'), 'nobody acts here: several people share the login, and none has logged in in this transaction', '  who has no token is nobody');

# each goes on from where it was
sub goes_on { my ($name, $sql, $user) = @_; return is(refused($sql, $user, 'there'), '', "goes on: $name") }
goes_on('a draft is submitted', "SELECT csec.submit_request($request{draft})", 'clerk');
goes_on('a request is approved', "SELECT csec.approve_request($request{submitted}, 'needed')", 'owner');
is(refused("SELECT csec.approve_request($request{agreed}, 'needed')", 'owner', 'there'), 'one person agrees once, in one capacity', '  who agreed before the dump agreed');
goes_on('the second approval', "SELECT csec.approve_request($request{agreed}, 'needed')", 'officer');
is(refused("SELECT csec.approve_request($request{rejected})", 'owner', 'there'), "request $request{rejected} is rejected", '  what was decided is decided');
goes_on('a suspended permit is resumed', "SELECT csec.resume_permit($request{suspended}, 'cleared')", 'owner');
goes_on('a standing permit is recertified', "SELECT csec.recertify($request{standing}, 'keep', 'needed')", 'owner');
is(refused("SELECT csec.review_break_glass($request{glass}, 'justified', 'x')", 'clerk', 'there'), 'nobody decides on a request of his own', '  nobody reviews himself');
goes_on('a broken glass is reviewed', "SELECT csec.review_break_glass($request{glass}, 'justified', 'an accident')", 'officer');
goes_on('a new request', q{SELECT csec.request_access('cust', '{phone}', 'new', '{9}', 20, '2 hours')}, 'clerk');
is(sql('SELECT max(id) FROM csec.access_request', 'postgres', 'there'), $request{glass} + 1, '  with the next number');

goes_on('an incident is triaged', q{SELECT csec.triage_incident(1, 'login:boss', 'minor')}, 'boss');
is(refused(q{SELECT csec.notify_incident(2, 'told')}, 'boss', 'there') =~ /^not everybody was told: cn_network authority, pipl persons/ ? 'same' : 'other', 'same', '  another has the same to do');
goes_on('the other report', q{SELECT csec.record_report(2, 'cn_network', 'authority', 'R 2')}, 'boss');
goes_on('the letters', q{SELECT count(csec.note_notice(2, relid, subject, true, 'letter')) FROM csec.incident_notice}, 'boss');
goes_on('notified, recovered, learnt', q{SELECT csec.notify_incident(2, 'told'), csec.recover_incident(2, 'new keys'), csec.learn_from_incident(2, 'scan')}, 'boss');
goes_on('closed', q{SELECT csec.close_incident(2, 'over')}, 'boss');
is(sql(q{SELECT csec.evidence_is_held('cust', '1'), csec.evidence_is_held('cust', '2')}, 'officer', 'there'), 't|f', '  evidence is held');

goes_on('a review is answered and concluded', q{SELECT csec.answer_item(1, 'two', 'yes', 'seen'); SELECT csec.conclude_review(1, 'satisfactory', 'well')}, 'auditor');
is(refused(q{SELECT csec.verify_finding(1, true, 'x')}, 'fixer', 'there') =~ /^this is for security officers/ ? 'refused' : '', 'refused', '  who put it right does not make sure');
goes_on('a finding is verified', q{SELECT csec.verify_finding(1, true, 'seen')}, 'auditor');
goes_on('the other one is put right', q{SELECT csec.fix_finding(2, 'closed')}, 'fixer');
goes_on('and verified', q{SELECT csec.verify_finding(2, true, 'seen')}, 'officer');
goes_on('the review is closed', q{SELECT csec.close_review(2, 'done')}, 'auditor');
goes_on('an alert is acknowledged', q{SELECT csec.acknowledge_alert(id, 'known', seen => times) FROM csec.alert WHERE kind = 'denial_burst'}, 'officer');
is(sql(q{SELECT state, evidence FROM csec.security_measures WHERE measure = 'mfa'}, 'auditor', 'there'), 'pass|attested', 'what was vouched for still is');
goes_on('the leaver', q{SELECT count(*) FROM csec.offboard('p1', 'left')}, 'officer');
is(sql('SELECT string_agg(DISTINCT person, \' \') FROM csec.access_permit', 'postgres', 'there'), 'p2', '  has no permit any more, others have theirs');

is_verified($node, 'postgres');
is_verified($node, 'there');
$node->stop;
done_testing();
