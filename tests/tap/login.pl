# Were this to fail, one could act in a pool as somebody else: with a token that
# was forged, meant for others, spent, or left on the connection by the last one
# who had it, and separation of duties and alerts would be about logins, not people.

use strict;
use warnings;
use CsecToken;
use CsecTrail;
use CsecWire;
use IPC::Run;
use MIME::Base64 'encode_base64url';
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $sso = CsecToken->new($dir, 'k1');
my $node = trail_node('login', 'log_min_messages' => 'warning', 'log_statement' => 'none',
	'log_min_error_statement' => 'panic', max_prepared_transactions => 5);
$node->safe_psql('postgres', qq{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE pool LOGIN;
	CREATE ROLE officers LOGIN IN ROLE csec_officer;
	CREATE ROLE keeper LOGIN IN ROLE csec_admin;
	CREATE ROLE plain LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 2000) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	GRANT SELECT, UPDATE ON cust TO pool, plain;
	SELECT csec.register_person('li', 'Li Lei', 'desk'), csec.register_person('han', 'Han Meimei', 'desk'),
		csec.register_person('gone', 'Lucy', 'desk'), csec.register_person('shut', 'Lily', 'desk');
	UPDATE csec.person SET state = 'left' WHERE id = 'gone';
	SELECT csec.set_person_state('shut', 'suspended', 'test');
	SELECT csec.set_own_customer('han', 'cust', '7');
	SELECT csec.set_pool_role('pool', 'the web application'), csec.set_pool_role('officers', 'the back office');
	SELECT csec.add_issuer_key('k1', } . $sso->public . q{, 'https://sso', 'bank')});

# The result and the error of statements in one session of a role.
sub run_as
{
	my ($role, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $role ]);
	return wantarray ? ($out, $err) : $out;
}

sub in_pool { my ($token, $sql) = @_; return scalar run_as('pool', "BEGIN; SELECT csec.login('$token'); $sql; COMMIT") }

sub refused
{
	my ($token, $why, $name) = @_;
	my ($out, $err) = run_as('pool', "BEGIN; SELECT csec.login('$token'); ROLLBACK; SELECT coalesce(csec.authenticated_person(), 'nobody')");
	like($err, qr/login token refused: $why$/m, $name);
	is($out, 'nobody', "  and nobody is logged in");
	my ($body) = $token =~ /\.([^.]{20})/;
	unlike($err, qr/\Q$body\E/, '  the token is not repeated') if defined $body;
}

# ---- one that is good
my $good = $sso->token;
is(in_pool($good, "SELECT csec.current_person(), csec.authenticated_person()"), "li\nli|li", 'a good token names the person');
refused($good, 'used before', 'it is good once');
is(in_pool($sso->token(aud => '["x", "bank"]', name => '"\u5f20\/"', nested => '{"a": [1, -2.5e3, null, true]}'), 'SELECT 1'),
	"li\n1", 'several audiences, and claims that mean nothing here');
is(scalar run_as('pool', "SELECT coalesce(csec.current_person(), 'nobody')"), 'nobody', 'behind a pool without a token there is nobody');
like((run_as('pool', "SELECT csec.request_access('cust', '{phone}', 'care', '{1}', 10, '1 hour')"))[1], qr/several people share the login, and none has logged in/, '  who asks for nothing');
like((run_as('plain', "SELECT csec.login('" . $sso->token . "')"))[1], qr/refused: the login is no pool role/, 'a login of one person takes no token');
like((run_as('pool', "SELECT csec.login('" . $sso->token . "')"))[1], qr/WARNING:  the login ends with this statement/, 'outside a transaction it warns');
like((run_as('pool', 'BEGIN; SELECT csec.login(NULL); ROLLBACK'))[1], qr/refused: no token/, 'no token');

# ---- bad ones
my $claims = $sso->claims;
my $other = CsecToken->new($dir, 'other');
my $h = $sso->header;
refused('', 'not three parts', 'an empty one');
refused('a.b', 'not three parts', 'two parts');
refused('....', 'malformed signature', 'four dots');
refused('x' x 5000, 'longer than a token may be', 'a long one');
refused(encode_base64url('{"alg":"none","kid":"k1"}') . '.' . encode_base64url($claims) . '.', 'malformed signature', 'alg none without a signature');
refused($sso->sign('{"alg":"none","kid":"k1"}', $claims), 'algorithm is not EdDSA', 'alg none');
refused($sso->sign(qq({"alg":"$_","kid":"k1"}), $claims), 'algorithm is not EdDSA', "alg $_") foreach 'HS256', 'RS256', 'ES256', 'eddsa', 'EdDSA ';
refused($sso->sign('{"alg":["EdDSA"],"kid":"k1"}', $claims), 'algorithm is not EdDSA', 'alg as a list');
refused($sso->sign('{"kid":"k1"}', $claims), 'algorithm is not EdDSA', 'no alg');
refused($sso->sign('{"alg":"EdDSA"}', $claims), 'header names no key', 'no kid');
refused($sso->sign(qq({"alg":"EdDSA","kid":"k1",$_}), $claims), 'header has more than alg, kid and typ', "header with $_")
  foreach '"crit":["exp"]', '"jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}', '"jku":"https://evil"', '"b64":false', '"x5c":[]';
refused($sso->sign('{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}', $claims), 'type is not JWT', 'another type');
refused($sso->sign('{"alg":"none","alg":"EdDSA","kid":"k1"}', $claims), 'malformed header', 'a name twice in the header');
refused($sso->sign('{"\u0061lg":"none","alg":"EdDSA","kid":"k1"}', $claims), 'malformed header', '  or once by escapes');
refused($sso->sign($h, substr($claims, 0, -1) . ',"sub":"han"}'), 'malformed claims', 'a name twice in the claims');
refused($sso->sign($h, $_), 'malformed claims', "claims $_") foreach '[]', '{}x', "{'sub':1}", '';
refused($sso->sign($h, $sso->claims(jti => undef)), 'claims have no jti', 'no jti');
refused($sso->sign($h, $sso->claims(jti => 7)), 'claims have no jti', 'a number for jti');
refused($sso->sign($h, $sso->claims(sub => '["li"]')), 'claims name no subject', 'a list for sub');
refused($sso->sign($h, $sso->claims(exp => undef)), 'claims have no iat and exp in whole seconds', 'no exp');
refused($sso->sign($h, $sso->claims(iat => undef)), 'claims have no iat and exp in whole seconds', 'no iat');
refused($sso->sign($h, $sso->claims($_ => '9999999999999999999')), 'claims have no iat and exp in whole seconds', "a large $_") foreach 'exp', 'iat';
refused($sso->token(exp => '"' . (time + 60) . '"'), 'claims have no iat and exp in whole seconds', 'exp as a text');
refused($sso->token(nbf => '1.5'), 'malformed claims', 'a fraction for nbf');
refused($sso->token(iss => '"https://evil"'), "made by another issuer than the key's", 'another issuer');
refused($sso->token(iss => undef), "made by another issuer than the key's", 'no issuer');
refused($sso->token(aud => '"shop"'), 'made for another audience', 'another audience');
refused($sso->token(aud => '["shop", ["bank"]]'), 'made for another audience', '  deeper in a list');
refused($sso->token(aud => undef), 'made for another audience', 'no audience');
refused($sso->token(sub => '"nobody"'), 'unknown person', 'an unknown person');
refused($sso->token(sub => '"gone"'), 'person has left', 'one who has left');
refused($sso->token(sub => '"shut"'), 'person is suspended', 'one who is suspended');
refused($other->token, 'unknown key', 'an unknown key');
refused($other->sign($h, $claims), 'wrong signature', 'signed by another key than it says');
my $t = time;
refused($sso->token(iat => $t - 100, exp => $t - 50), 'expired', 'expired');
refused($sso->token(iat => $t + 50, exp => $t + 100), 'not yet valid', 'issued in time to come');
refused($sso->token(nbf => $t + 50, exp => $t + 100), 'not yet valid', 'not to be used yet');
refused($sso->token(iat => $t, exp => $t + 301), 'valid for longer than csec.token_lifetime', 'good for too long');
refused($sso->token(iat => $t, exp => $t), 'never valid', 'good for no time');

# each bit of the signature, and of what is signed, counts
my $signed = $sso->token;
my @parts = split /\./, $signed;
foreach my $n (0 .. 2)
{
	my @p = @parts;
	foreach my $at (0, int(length($p[$n]) / 2), length($p[$n]) - 1)
	{
		my $bent = $p[$n];
		substr($bent, $at, 1) = substr($bent, $at, 1) eq 'A' ? 'B' : 'A';
		my ($out, $err) = run_as('pool', "BEGIN; SELECT csec.login('" . join('.', map { $_ == $n ? $bent : $p[$_] } 0 .. 2) . "'); COMMIT");
		like($err, qr/login token refused/, "part $n changed at $at");
	}
}
refused("$signed=", 'malformed signature', 'padding');
refused(" $signed", 'malformed header', 'a blank before it');
is(in_pool($signed, 'SELECT 1'), "li\n1", 'and it is still good itself');

# ---- clocks that are apart
$t = time;
is(in_pool($sso->token(iat => $t - 60, exp => $t - 3), 'SELECT 1'), "li\n1", 'a few seconds late is in time');
is(in_pool($sso->token(iat => $t + 3, exp => $t + 60), 'SELECT 1'), "li\n1", '  and a few early');
$node->append_conf('postgresql.conf', "csec.token_clock_skew = 0\ncsec.token_lifetime = 30");
$node->reload;
$node->poll_query_until('postgres', "SHOW csec.token_lifetime", '30s');
$t = time;
refused($sso->token(iat => $t - 20, exp => $t - 2), 'expired', 'no longer, as csec.token_clock_skew says');
refused($sso->token(exp => $t + 60), 'valid for longer than csec.token_lifetime', 'csec.token_lifetime is obeyed');
like((run_as('pool', "SET csec.token_lifetime = 300"))[1], qr/cannot be changed now/, 'and nobody sets it in a session');
$node->append_conf('postgresql.conf', "csec.token_clock_skew = 5\ncsec.token_lifetime = 300");
$node->reload;
$node->poll_query_until('postgres', "SHOW csec.token_lifetime", '5min');

# ---- once, whatever becomes of the transaction or of the server
sub is_spent { my ($token, $name) = @_; like((run_as('pool', "BEGIN; SELECT csec.login('$token')"))[1], qr/refused: used before/, "$name: the token is spent") }

my %token = map { $_ => $sso->token } qw(rollback savepoint error readonly prepared serial crash restart);
run_as('pool', "BEGIN; SELECT csec.login('$token{rollback}'); ROLLBACK");
is_spent($token{rollback}, 'ROLLBACK');
is(scalar run_as('pool', "BEGIN; SAVEPOINT a; SELECT csec.login('$token{savepoint}'); ROLLBACK TO a; SELECT csec.current_person(); COMMIT; SELECT coalesce(csec.current_person(), 'nobody')"),
	"li\nli\nnobody", 'ROLLBACK TO takes nothing back: the person stays until the end of the transaction');
is_spent($token{savepoint}, 'ROLLBACK TO');
run_as('pool', "BEGIN; SELECT csec.login('$token{error}'); SELECT 1/0; COMMIT");
is_spent($token{error}, 'an error');
is(scalar run_as('pool', "BEGIN READ ONLY; SELECT csec.login('$token{readonly}'); SELECT count(*) FROM cust WHERE id = 9; COMMIT"), "li\n1", 'READ ONLY will do');
is_spent($token{readonly}, 'READ ONLY');
is(scalar run_as('pool', "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT csec.login('$token{serial}'); SELECT csec.current_person(); COMMIT"), "li\nli", 'SERIALIZABLE too');
is_spent($token{serial}, 'SERIALIZABLE');
is(scalar run_as('pool', "BEGIN; SELECT csec.login('$token{prepared}'); UPDATE cust SET phone = '13800000001' WHERE id = 1; PREPARE TRANSACTION 'p'; SELECT coalesce(csec.current_person(), 'nobody')"),
	"li\nnobody", 'PREPARE TRANSACTION takes the person along');
is_spent($token{prepared}, 'PREPARE TRANSACTION');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'p'");
like((run_as('pool', "BEGIN; SELECT csec.login('" . $sso->token . "'); SAVEPOINT a; SELECT csec.login('" . $sso->token(sub => '"han"') . "'); ROLLBACK TO a; SELECT csec.current_person(); COMMIT"))[1],
	qr/refused: somebody is logged in in this transaction/, 'nobody becomes somebody else within a transaction');

is(scalar run_as('pool', "BEGIN; SELECT csec.login('$token{restart}'); ROLLBACK"), 'li', 'before a restart');
$node->restart;
is_spent($token{restart}, 'restart');
# the transaction that used it never ends
my $crashed = CsecWire->connect($node, 'pool');
$crashed->query('BEGIN');
$crashed->query("SELECT csec.login('$token{crash}')");
$node->stop('immediate');
$node->start;
is_spent($token{crash}, 'crash');

# ---- raced: exactly one wins, each time
foreach my $round (1 .. 5)
{
	my $token = $sso->token;
	my @run = map {
		my ($out, $err) = ('', '');
		my $h = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' user=pool', '-c', "SELECT csec.login('$token')" ],
			'>', \$out, '2>', \$err);
		{ h => $h, out => \$out };
	} 1 .. 8;
	IPC::Run::finish($_->{h}) foreach @run;
	is(scalar(grep { ${ $_->{out} } =~ /^li$/ } @run), 1, "of eight at one instant one wins, round $round");
}
is($node->safe_psql('postgres', "SELECT count(*) = count(DISTINCT digest) FROM csec.used_token"), 't', 'no token is written down twice');

# ---- keys come and go
sub as_keeper { return (run_as('keeper', "SELECT $_[0]"))[1] }
my $new = CsecToken->new($dir, 'k2');
like((run_as('officers', "SELECT csec.add_issuer_key('x', " . $other->public . ", 'i', 'a')"))[1], qr/permission denied/, 'an officer adds no key');
like(as_keeper("csec.add_issuer_key('k1', " . $other->public . ", 'i', 'a')"), qr/known already/, 'a name of a key serves once');
like(as_keeper("csec.add_issuer_key('k3', '\\x00', 'i', 'a')"), qr/has 32 bytes/, 'a key has 32 bytes');
is(as_keeper("csec.rotate_issuer_key('k1', 'k2', " . $new->public . ")"), '', 'keys are rotated');
is(in_pool($_->token, 'SELECT 1'), "li\n1", "$_->{kid} is good while they overlap") foreach $sso, $new;
is(as_keeper("csec.retire_issuer_key('k1', 'rotated')"), '', 'the old one is retired');
refused($sso->token, 'retired key', '  and good no more');
like(as_keeper("csec.retire_issuer_key('k1', 'again')"), qr/no such key that is not retired/, 'once');
$node->safe_psql('postgres', "BEGIN; ALTER TABLE csec.issuer_key DISABLE TRIGGER sign_row; UPDATE csec.issuer_key SET until = NULL WHERE kid = 'k1'; COMMIT");
refused($sso->token, 'key that csec did not enter', 'a superuser who brings it back behind csec');
is($node->safe_psql('postgres', 'SELECT * FROM csec.unsound_rows'), 'csec.issuer_key|k1', '  is told of');
like(as_keeper("csec.rotate_issuer_key('k1', 'k9', " . $other->public . ')'), qr/csec did not enter the key/, '  and no successor takes its trust over');
$node->safe_psql('postgres', "ALTER TABLE csec.issuer_key ENABLE ALWAYS TRIGGER sign_row");

$node->safe_psql('postgres', "BEGIN; ALTER TABLE csec.person DISABLE TRIGGER sign_row; UPDATE csec.person SET state = 'active' WHERE id = 'gone'; COMMIT");
refused($new->token(sub => '"gone"'), 'person that csec did not enter', 'and so is who is made active again');
$node->safe_psql('postgres', "ALTER TABLE csec.person ENABLE ALWAYS TRIGGER sign_row; DELETE FROM csec.person WHERE id = 'gone'");

# ---- what is done is the person's: with what the application claims beside it
my ($li, $han) = map { $new->token(sub => qq("$_")) } 'li', 'han';
is(scalar run_as('pool', qq{
	BEGIN; SELECT csec.login('$li'); SELECT csec.set_context('web user 1', 'care'); SELECT count(phone::text) FROM cust WHERE id = 11; COMMIT;
	BEGIN; SELECT csec.login('$han'); SELECT count(phone::text) FROM cust WHERE id = 12; UPDATE cust SET phone = '13800000012' WHERE id = 12; ROLLBACK;
	SELECT count(phone::text) FROM cust WHERE id = 13}), "li\n\n1\nhan\n1\n1", 'two persons, and nobody, one after the other on one connection');
# parallel workers' records are the person's, too
my $par = $new->token(sub => '"han"');
run_as('pool', qq{
	SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	BEGIN; SELECT csec.login('$par'); SELECT count(id) FROM cust; COMMIT});
flush_trail($node);
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws('/', w.login, w.person, w.actor), ' ' ORDER BY seq)
	FROM generate_series(11, 13) s, csec.who_saw('cust', s::text) w WHERE w.statement = 'SELECT' AND 'phone' = ANY (w.masked)}),
	'pool/li/web user 1 pool/han pool', 'the trail tells them apart');
is(records($node, "count(DISTINCT session_pid) > 1, count(*) FILTER (WHERE person IS DISTINCT FROM 'han')", "kind = 'read' AND statement_no = (SELECT max(d.statement_no) FROM csec_trail.audit_log l, csec.record_fields(l.record) d WHERE d.parallel) AND (parallel OR rows > 100)"),
	't|0', 'also in the records of parallel workers');
is($node->safe_psql('postgres', "SELECT count(*), min(acted_as::text) FROM csec.what_did('han') WHERE kind = 'change'"), '1|{person}', 'csec.what_did() finds a person');
is($node->safe_psql('postgres', "SELECT bool_or(l = 'phone'), max(customers) FROM csec.scope_incident(person => 'han', from_time => now() - interval '1 hour', to_time => now()) s, unnest(s.fields) l WHERE shown = 'masked'"),
	't|1', 'the scope of an incident is the person\'s');
is(records($node, "string_agg(DISTINCT concat_ws(' ', object, detail) COLLATE \"C\", '; ')", "kind = 'denial' AND action = 'login by token' AND detail ~ 'signature|person|spent'"),
	'gone {"why": "person has left", "key": "k1"}; gone {"why": "person that csec did not enter", "key": "k2"}; nobody {"why": "unknown person", "key": "k1"}; shut {"why": "person is suspended", "key": "k1"}; {"why": "malformed signature"}; {"why": "wrong signature", "key": "k1"}',
	'refusals are on record, with what is known to be true');
is(records($node, "count(*) FILTER (WHERE outcome = 'none') = count(*), count(*) > 20", "action = 'login by token' AND kind = 'control'"), 't|t', 'logins are on record, and stand whatever became of their transactions');
is(records($node, 'count(*)', "encode(convert_to(coalesce(detail, '') || coalesce(object, ''), 'UTF8'), 'escape') ~ '[A-Za-z0-9_-]{40}[.]'"), '0', 'no token is in the trail');
is_verified($node, 'the trail with persons verifies');

# ---- workflows: the person asks, decides, and is served
my $kid = $new;
sub act { my ($role, $person, $sql) = @_; my $t = $kid->token(sub => qq("$person")); return run_as($role, "BEGIN; SELECT csec.login('$t'); $sql; COMMIT") }
$node->safe_psql('postgres', "GRANT csec_officer TO pool; SELECT csec.set_data_owner('cust', 'pool')");
my $request = (split /\n/, act('pool', 'li', "SELECT csec.request_access('cust', '{phone}', 'care', '{21}', 10, '1 hour')"))[1];
is($node->safe_psql('postgres', "SELECT person, login FROM csec.access_request WHERE id = $request"), 'li|pool', 'the person asks');
like((act('pool', 'li', "SELECT csec.approve_request($request)"))[1], qr/nobody decides on a request of his own/, '  and does not decide on it');
like((run_as('pool', "SELECT csec.approve_request($request)"))[1], qr/none has logged in/, '  nor by leaving the token out');
is((split /\n/, act('pool', 'han', "SELECT csec.approve_request($request)"))[1], 'active', '  but another one of the same pool');
my $look = "SELECT phone::text FROM cust WHERE id = 21";
is((split /\n/, act('pool', 'li', $look))[1], '13800000021', 'the permit serves who asked');
isnt((split /\n/, act('pool', 'han', $look))[1], '13800000021', '  not others in the pool');
isnt(scalar run_as('pool', $look), '13800000021', '  nor the pool itself');
my $two = $kid->token(sub => '"li"');
like((run_as('pool', "BEGIN; SELECT csec.login('$two'); DECLARE c CURSOR WITH HOLD FOR $look; COMMIT; FETCH ALL FROM c"))[1], qr/a pool role has no cursors WITH HOLD/, '  nor is it left in a held cursor');
like((act('pool', 'han', "SELECT csec.request_access('cust', '{phone}', 'care', '{7}', 10, '1 hour')"))[1], qr/nobody gets a permit for himself/, 'nobody gets a permit for himself through a pool');
like((run_as('keeper', "SELECT csec.assign_login('li', 'pool')"))[1], qr/several people share the login/, 'a shared login is given to nobody');
like((run_as('keeper', "SELECT csec.set_pool_role('pool', 'no more', false)"))[1], qr/requests and permits of the login are open/, 'a pool with open permits stays one');
$node->safe_psql('postgres', "SELECT csec.set_person_state('li', 'suspended', 'looked around')");
refused($kid->token(sub => '"li"'), 'person is suspended', 'who is suspended does not come in');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.access_permit WHERE person = 'li'"), '0', '  and his permit is gone');

# ---- anyone reports an incident, and is named where he is known
my $reported = (split /\n/, act('pool', 'han', "SELECT csec.report_incident('a screen left open', 'misuse')"))[1];
my $nameless = run_as('pool', "SELECT csec.report_incident('found by the application', 'outage')");
is($node->safe_psql('postgres', "SELECT string_agg(title || ' ' || reported_by, ', ' ORDER BY id) FROM csec.incident WHERE id IN ($reported, $nameless)"),
	'a screen left open han, found by the application login:pool', 'an incident is reported by the person who logged in, or by the pool');
like((run_as('pool', "SELECT csec.triage_incident($reported, 'han', 'minor')"))[1], qr/none has logged in/, '  nobody, and decides nothing');

# ---- alerts count persons, not the login that they share
$node->safe_psql('postgres', q{
	SELECT csec.register_person('wang', 'Wang', 'desk'), csec.register_person('zhao', 'Zhao', 'desk'), csec.set_clearance('pool', level => 'important');
	UPDATE csec.alert_rule SET enabled = kind IN ('bulk_reveal', 'denial_burst', 'enumeration', 'same_reasons', 'one_customer', 'off_hours', 'service_account', 'watched', 'policy_change');
	UPDATE csec.alert_rule SET params = '{"factor": 5, "least": 30}' WHERE kind = 'bulk_reveal';
	UPDATE csec.alert_rule SET params = '{"least": 4, "minutes": 10000}' WHERE kind = 'denial_burst';
	UPDATE csec.alert_rule SET params = '{"customers": 15, "minutes": 10000}' WHERE kind = 'enumeration';
	UPDATE csec.alert_rule SET params = '{"customers": 15}' WHERE kind = 'same_reasons';
	UPDATE csec.alert_rule SET params = '{"persons": 2, "minutes": 10000}' WHERE kind = 'one_customer';
	UPDATE csec.alert_rule SET params = '{"logins": ["pool"], "applications": ["login.pl"]}' WHERE kind = 'service_account';
	UPDATE csec.alert_rule SET params = '{"from": "07:00", "until": "21:00", "days": [], "zone": "UTC"}' WHERE kind = 'off_hours';
	INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '1999', 'vip')});

# Everything sealed is looked at, and what was found before is put aside.
sub evaluate
{
	flush_trail($node);
	1 while $node->safe_psql('postgres', 'SELECT csec.evaluate_alerts(100000)') > 0;
}
sub alerts
{
	evaluate();
	return $node->safe_psql('postgres', qq{SELECT string_agg(kind || ' ' || coalesce(person, array_to_string(ARRAY(SELECT jsonb_array_elements_text(detail -> 'persons')), '+')), ', ' ORDER BY kind, person) FROM csec.alert
		WHERE state = 'open' AND kind IN ($_[0]) AND coalesce(login, '') <> 'postgres'});
}
sub each_of { my ($from, $to) = @_; return join ';', map { "SELECT phone::text FROM cust WHERE id = $_" } $from .. $to }
sub denials { return join ';', ("SAVEPOINT d; SELECT csec.approve_request(0); ROLLBACK TO d") x $_[0] }
evaluate();
$node->safe_psql('postgres', "UPDATE csec.alert SET state = 'acknowledged'; DELETE FROM csec.alert_tally; DELETE FROM csec.activity");

act('pool', 'wang', "SELECT csec.set_context(reason => 'care'); " . each_of(101, 110) . ';' . denials(2));
act('pool', 'zhao', "SELECT csec.set_context(reason => 'care'); " . each_of(201, 210) . '; SELECT count(phone::text) FROM cust WHERE id BETWEEN 301 AND 312;' . denials(2));
my $rates = "'bulk_reveal', 'denial_burst', 'enumeration', 'one_customer'";
is(alerts($rates), '', 'what each of two does is little, though it is much for their login');
act('pool', 'zhao', "SELECT csec.set_context(reason => 'care'); " . each_of(211, 216) . '; SELECT count(phone::text) FROM cust WHERE id BETWEEN 301 AND 312;' . denials(2));
is(alerts($rates), 'bulk_reveal zhao, denial_burst zhao, enumeration zhao', '  until one does more: he is named, not the other');
is(alerts("'same_reasons'"), 'same_reasons zhao', '  who gave one reason for many');
is(alerts("'off_hours', 'service_account'"), 'off_hours wang, off_hours zhao, service_account login:pool, service_account wang, service_account zhao', '  each was there at night, with a tool');
is($node->safe_psql('postgres', "SELECT string_agg(who || ' ' || revealed || ' ' || denials, ', ' ORDER BY who) FROM csec.activity WHERE who IN ('wang', 'zhao', 'pool', 'login:pool')"),
	'wang 10 2, zhao 40 4', '  and the days are theirs');
# one's own mean, and nobody else's
$node->safe_psql('postgres', "UPDATE csec.alert SET state = 'acknowledged'; INSERT INTO csec.activity (who, day, revealed) SELECT 'wang', (now() AT TIME ZONE 'UTC')::date - i, 40 FROM generate_series(1, 10) i");
act('pool', $_, 'SELECT count(phone::text) FROM cust WHERE id BETWEEN 401 AND 440') foreach 'wang', 'zhao';
is(alerts("'bulk_reveal'"), 'bulk_reveal zhao', 'what is usual for one is not for the other');
act('pool', $_, 'SELECT phone::text FROM cust WHERE id = 1999') foreach 'wang', 'zhao';
is(alerts("'one_customer', 'watched'"), 'one_customer wang+zhao, watched wang, watched zhao', 'two behind one login are two at one customer');
my $about = $node->safe_psql('postgres', "SELECT id FROM csec.alert WHERE kind = 'watched' AND person = 'zhao' AND state = 'open'");
like((act('pool', 'zhao', "SELECT csec.acknowledge_alert($about, 'nothing')"))[1], qr/nobody acknowledges an alert about himself/, '  who is named does not wave it away');
is((act('pool', 'wang', "SELECT csec.acknowledge_alert($about, 'seen')"))[1], '', '  somebody else does, in the same pool');

# who comes in, and whose tokens are good, is policy
$node->safe_psql('postgres', "UPDATE csec.alert SET state = 'acknowledged'");
$kid = CsecToken->new($dir, 'k4');
as_keeper("csec.add_issuer_key('k4', " . $kid->public . ", 'https://sso', 'bank')");
run_as('keeper', "SELECT csec.register_person('new', 'New'); SELECT csec.set_pool_role('plain', 'test'); SELECT csec.set_pool_role('plain', 'test', false); UPDATE csec.access_limit SET limit_to = limit_to");
evaluate();
is($node->safe_psql('postgres', "SELECT string_agg(detail ->> 'what', ', ' ORDER BY detail ->> 'what') FROM csec.alert WHERE state = 'open' AND kind = 'policy_change' AND login = 'keeper'"),
	'insert issuer_key, insert person, insert pool_role, update access_limit, update pool_role', 'whose tokens are good, who is a person, which login is shared: a change raises an alert');

# who waits to use his token up, and is suspended meanwhile, is not logged in
$node->safe_psql('postgres', "SELECT csec.register_person('slow', 'Slow')");
my ($gate, $slow) = (CsecWire->connect($node, 'postgres'), CsecWire->connect($node, 'pool'));
$gate->query('BEGIN; LOCK TABLE csec.used_token IN EXCLUSIVE MODE');
$slow->query('BEGIN');
$slow->send_query("SELECT csec.login('" . $kid->token(sub => '"slow"') . "')");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'pool' AND wait_event_type = 'Lock'}) or die 'nobody waits';
$node->safe_psql('postgres', "SELECT csec.set_person_state('slow', 'suspended', 'test')");
$gate->query('COMMIT');
like($slow->until_ready, qr/E/, 'who is suspended while he waits to log in');
like($slow->{error}, qr/person is suspended/, '  is told so');
$_->vanish foreach $gate, $slow;

# what expired long ago is forgotten
is($node->safe_psql('postgres', "SELECT count(*) > 30 FROM csec.used_token"), 't', 'used tokens are kept');
$node->safe_psql('postgres', "UPDATE csec.used_token SET expires = now() - interval '2 hours'");
flush_trail($node);
cmp_ok(records($node, 'count(*)', "action = 'update used_token'"), '>', 30, 'who touches them is on record');
$node->restart;
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM csec.used_token") or diag 'they are still there';
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.used_token"), '0', '  until the sealer forgets them');

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$parts[1]\E/, 'no token is in the log');
done_testing();
