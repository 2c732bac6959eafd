# Were this to fail, a provider that has lost a key would be noticed when the server is to
# start again, or when a standby takes over, and the data cannot be read.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir;
my %hex = (root => 'a1' x 32, k2 => 'b2' x 32, k3 => 'd4' x 32);
my $secret = qr/(a1|b2|c3|d4){8}|rubbish/;

sub put
{
	my ($path, $text) = @_;
	append_to_file("$path.new", $text);
	rename "$path.new", $path or die "$path: $!";
}

# A provider for each server: files, and a command that prints them. It notes that it is asked, whether it is
# while it still answers, and does first what the file "first" says.
sub provider
{
	my ($name, @keys) = @_;
	mkdir "$tmp/$name";
	put("$tmp/$name/$_.key", "$hex{$_}\n") foreach @keys;
	put("$tmp/$name/give", <<'END');
cd "$(dirname "$0")" || exit 2
exec 9>lock
flock -n 9 || echo "$1" >> twice
echo "$1" >> asked
[ ! -e first ] || . ./first
cat "$1.key"
END
	return "csec.embedded_keys = off\ncsec.key_command = 'sh $tmp/$name/give %k'\ncsec.key_check_interval = 1\n";
}

sub set
{
	my ($node, @settings) = @_;
	$node->append_conf('postgresql.conf', join "\n", '', @settings);
	$node->reload;
}

# These need no reload, nor does anything that they wait for.
sub becomes
{
	my ($node, $condition, $name, $query) = @_;
	$query //= "SELECT $condition FROM csec.key_provider";
	ok($node->poll_query_until('postgres', $query), $name) or die $node->safe_psql('postgres', 'SELECT * FROM csec.key_provider');
}

sub appears
{
	my ($file, $name) = @_;
	for (my $i = 0; $i < 1800 && !-e $file; $i++) { select undef, undef, undef, 0.1 }
	ok(-e $file, $name) or die $name;
}

my $conf = provider('own', qw(root k2));
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf . "csec.kek = 'k2, root'\n");
$node->start;
make_trail($node, 'postgres');
$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN; SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE t (v csec.id_card); INSERT INTO t VALUES ('11010519491231002X'); GRANT SELECT ON t TO clerk});

sub clerk { return with_reason($node, 'clerk', 'SELECT v FROM t') }
sub told { return records($_[0], q{coalesce(string_agg(replace(action, 'key provider ', ''), ', ' ORDER BY seq), '')}, q{action LIKE 'key provider %'}) }

# With what was told before sealed: another sealer.
sub replace_sealer
{
	my ($node) = @_;
	my $pid = sealer_pid($node);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres', "SELECT sealer_pid <> $pid AND state = 'running' FROM csec.trail_status WHERE database = 'postgres'") or die 'no other sealer';
	flush_trail($node);
}

# ---- it is well, and asked again ----
is($node->safe_psql('postgres', 'SELECT tried_at <= now() AND well_at = tried_at AND failing_since IS NULL FROM csec.key_provider'), 't', 'the provider gave the keys when the server started');
my $well = $node->safe_psql('postgres', 'SELECT well_at FROM csec.key_provider');
becomes($node, "well_at > '$well' AND failing_since IS NULL", 'it is asked again, without a reload');
unlike(slurp_file($node->logfile), qr/the provider has the keys/, '  of which the log says nothing');
is(told($node), '', '  nor the trail');

# ---- it fails ----
rename "$tmp/own/k2.key", "$tmp/k2.key" or die;
becomes($node, 'failing_since IS NOT NULL', 'a key that the provider has lost is noticed');
my $shown = sub { $node->safe_psql('postgres', "SELECT $_[0] FROM csec.key_provider") };
like($shown->('trouble'), qr/^csec\.key_command failed for key "k2"\. It ended with status 1\. Run it by hand/, '  with why, and what helps');
is($shown->('well_at < failing_since AND failing_since <= tried_at'), 't', '  when it was well last, and since when it is not');
$node->wait_for_log(qr/WARNING:  could not read the keys of csec\.kek anew: csec\.key_command failed for key "k2"\n.*DETAIL:  It ended with status 1\. Those that were in force stay so: k2, root\./);
my $measured = sub { $node->safe_psql('postgres', q{SELECT state, csec.finding_zh(finding) <> finding, finding FROM csec.live_encryption(0::regclass) WHERE item = 'key provider'}) };
like($measured->(), qr/^fail\|t\|fails since \d{4}-\d\d-\d\d \d\d:\d\d: csec\.key_command failed/, '  among the security measures, in Chinese as well');
is($node->safe_psql('postgres', q{SELECT bool_and(unwraps), bool_and(provider LIKE '%for key "k2"%') FROM csec.key_status}), 't|t', '  and in csec.key_status');
is(clerk(), '11010519491231002X', '  what is in force unwraps');
is($node->safe_psql('postgres', q{SELECT kek FROM csec.generate_key('data', 1, 1)}), 'k2', '  and wraps');
my $before = $shown->('well_at, failing_since');
my $tried = $shown->('tried_at');
becomes($node, "tried_at > '$tried'", 'it is asked again while it fails');
is($shown->('well_at, failing_since'), $before, '  and fails since the same time');
becomes($node, undef, '  as the trail says', q{SELECT count(*) = 1 FROM csec_trail.audit_log l, csec.record_fields(l.record) d WHERE d.action = 'key provider fails'});
flush_trail($node);
replace_sealer($node);
is(told($node), 'fails', '  once, whatever sealer says it');
put("$tmp/own/k2.key", "rubbish\n");
becomes($node, q{trouble LIKE 'what csec.key_command printed for key "k2" is not a csec key.%'}, 'it fails otherwise');
is($shown->('well_at, failing_since'), $before, '  since the same time');

# ---- it gives another one ----
put("$tmp/own/k2.key", 'c3' x 32);
becomes($node, q{trouble LIKE 'key "k2" that the provider gives is another one than the one in force.%'}, 'another key of the same name is named');
is(clerk(), '11010519491231002X', '  and not taken');
put("$tmp/own/root.key", 'c3' x 32);
becomes($node, q{trouble LIKE 'the root key that the provider gives is not the one that csec was started with.%'}, 'another root key is named');
unlike($shown->('trouble'), $secret, '  without what the provider gave');
put("$tmp/own/root.key", $hex{root});
put("$tmp/own/k2.key", $hex{k2});
becomes($node, 'failing_since IS NULL AND trouble IS NULL AND well_at = tried_at', 'it is well again');
$node->wait_for_log(qr/LOG:  the provider has the keys of csec\.kek that are in force: k2, root\n/);
is($measured->(), '', '  as for the security measures');
becomes($node, undef, '  and the trail', q{SELECT count(*) = 1 FROM csec_trail.audit_log l, csec.record_fields(l.record) d WHERE d.action = 'key provider is well again'});
flush_trail($node);
replace_sealer($node);
like(told($node), qr/^(fails, ){3,}is well again$/, '  once, each failure of another kind as well');
is($node->safe_psql('postgres', q{SELECT csec.evaluate_alerts() > 0; SELECT state, severity, times >= 3, detail FROM csec.alert WHERE kind = 'key_trouble'}),
	qq{t\nopen|major|t|{"what": "key provider fails"}}, 'an alert is raised');
unlike(slurp_file($node->logfile), $secret, 'no key or output is in the log');
is(records($node, 'count(*)', "detail::text ~ '(a1|b2|c3|d4){8}|rubbish'"), '0', '  or the trail');

# ---- what a reload asked for and did not get comes with a check ----
set($node, "csec.kek = 'k3, k2, root'");
becomes($node, q{trouble LIKE '%for key "k3"%'}, 'a reload names a key that is not there yet');
put("$tmp/own/k3.key", $hex{k3});
becomes($node, q{keks = 'k3, k2, root' AND failing_since IS NULL}, '  which is taken when it is');

# ---- lost for good: what the running server has is saved under another one ----
unlink "$tmp/own/k2.key", "$tmp/own/root.key" or die;
becomes($node, q{trouble LIKE '%for key "root"%'}, 'a KEK and the root key are lost');
put("$tmp/own/k5.key", 'f6' x 32);
set($node, "csec.kek = 'k5, k2, root'");
becomes($node, q{keks = 'k5, k2, root' AND failing_since IS NOT NULL}, '  another KEK is taken all the same');
is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys() > 0'), 't', '  keys are wrapped under it');
set($node, "csec.kek = 'k5'");
becomes($node, q{keks = 'k5'}, '  the lost one goes');
is(clerk(), '11010519491231002X', '  and is not needed any more');
is($node->safe_psql('postgres', 'SELECT bool_and(unwraps) FROM csec.key_status'), 't', '  by any key');
put("$tmp/own/$_.key", $hex{$_}) foreach qw(root k2);
set($node, "csec.kek = 'k3, k2, k5, root'");
becomes($node, q{keks = 'k3, k2, k5, root' AND failing_since IS NULL}, 'they are found after all, and used again');
is($node->safe_psql('postgres', 'SELECT csec.rewrap_keys() > 0'), 't', '  after all is wrapped anew');
set($node, "csec.kek = 'k3, k2, root'");
becomes($node, q{keks = 'k3, k2, root'}, '  and the other one goes');

# ---- off ----
set($node, 'csec.key_check_interval = 0');
becomes($node, undef, 'without checks nothing is known', q{SELECT count(*) = 1 FROM csec.live_encryption(0::regclass) WHERE item = 'key provider' AND state = 'unknown' AND finding ~ '^not asked since .* is 0$' AND csec.finding_zh(finding) <> finding});

# ---- beside reloads ----
put("$tmp/own/first", "sleep 0.1\n");
set($node, 'csec.key_check_interval = 1');
my $asked = -s "$tmp/own/asked";
for (1 .. 10)
{
	$node->reload;
	$tried = $shown->('tried_at');
	becomes($node, "tried_at > '$tried'", "checks and reloads, $_");
}
cmp_ok(-s "$tmp/own/asked", '>', $asked, 'the provider was asked');
ok(!-e "$tmp/own/twice", '  by one at a time');

# ---- it does not answer ----
set($node, 'csec.key_command_timeout = 3600');
put("$tmp/own/first", "touch hangs\nsleep 98765\n");
appears("$tmp/own/hangs", 'a check meets a provider that does not answer');
$node->safe_psql('postgres', $_) foreach 'CREATE DATABASE other TEMPLATE template0', 'DROP DATABASE other';
ok(1, '  databases are made and dropped meanwhile');
is(clerk(), '11010519491231002X', '  and values read');
is(system_log('pg_ctl', '-D', $node->data_dir, '-m', 'fast', '-t', '60', 'stop'), 0, '  and the server is stopped');
is(`ps -eo args | grep -c '^sleep 9876[5]'`, "0\n", '  with the command');
unlike(slurp_file($node->logfile), qr/ended for key/, '  which is no failure of the provider');
unlink "$tmp/own/first", "$tmp/own/hangs";
$node->_update_pid(0);

# ---- a wrong key is mended by a reload ----
put("$tmp/own/k3.key", 'c3' x 32);
my $from = -s $node->logfile;
$node->start;
$node->wait_for_log(qr/WARNING:  database "postgres": key \d+ version 1 does not open under key "k3"/, $from);
flush_trail($node);
like(clerk(), qr/does not open under key "k3"/, 'a server starts with another key than its values need');
put("$tmp/own/k3.key", $hex{k3});
becomes($node, q{trouble LIKE 'key "k3" that the provider gives is another one%'}, '  and says that the provider has another one by now');
$node->reload;
becomes($node, 'failing_since IS NULL', '  which a reload takes, as something does not open');
like(substr(slurp_file($node->logfile), $from), qr/LOG:  key "k3" is another one than before/, '  and tells');
is(clerk(), '11010519491231002X', '  and opens it');
becomes($node, undef, '  as is known', q{SELECT count(*) > 0 FROM csec.key_status HAVING bool_and(unwraps)});
flush_trail($node);
is($node->safe_psql('postgres', q{SELECT csec.evaluate_alerts() > 0; SELECT state FROM csec.alert WHERE kind = 'key_trouble' AND detail ->> 'what' = 'key does not open'}), "t\nopen", '  an alert tells of it');

# ---- a standby, whose provider is its own ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', provider('others', qw(root k2 k3)) . 'csec.key_command_timeout = 30');
$standby->start;
$shown = sub { $standby->safe_psql('postgres', "SELECT $_[0] FROM csec.key_provider") };
$well = $shown->('well_at');
becomes($standby, "pg_is_in_recovery() AND well_at > '$well'", 'a standby asks its provider, too');
put("$tmp/others/root.key", 'c3' x 32);
becomes($standby, q{pg_is_in_recovery() AND trouble LIKE 'the root key that the provider gives is not%'}, '  and says that it fails');
$standby->wait_for_log(qr/WARNING:  could not read the keys of csec\.kek anew: the root key that the provider gives is not/);
put("$tmp/others/root.key", $hex{root});
becomes($standby, 'failing_since IS NULL', '  and that it is well again');

# the primary has another KEK, of which nobody told the standby
put("$tmp/own/k4.key", 'e5' x 32);
set($node, "csec.kek = 'k4, k3, k2, root'");
becomes($node, q{keks LIKE 'k4, %'}, 'the primary gets another KEK');
$node->safe_psql('postgres', 'SELECT csec.rewrap_keys()');
becomes($standby, q{trouble ~ '^database "postgres": key \d+ version 1 is wrapped under key "k4", which this server does not have\. .*csec\.kek'}, 'the standby says that it does not have it');
$standby->wait_for_log(qr/WARNING:  database "postgres": key \d+ version 1 is wrapped under key "k4", which this server does not have/);
is($shown->('well_at < failing_since'), 't', '  and since when');
put("$tmp/others/k4.key", 'e5' x 32);
set($standby, "csec.kek = 'k4, k3, k2, root'");
becomes($standby, q{keks LIKE 'k4, %' AND failing_since IS NULL}, '  until it has it, by a reload');

# it was set up with the root key of another cluster, but with the right KEK
$standby->stop;
put("$tmp/others/root.key", 'c3' x 32);
ok(!$standby->start(fail_ok => 1), 'a standby with the root key of another cluster does not start');
# a copy from before there was a mark has none
unlink $standby->data_dir . '/csec_root_key.mark' or die;
$standby->start;
becomes($standby, q{trouble ~ '^database "postgres": this database.s indexes were built under another csec root key\. Bring back the root key'}, '  and without a mark says so before it is promoted');
$standby->stop;
put("$tmp/others/root.key", $hex{root});
$standby->start;

# promoted while its provider fails, and does not even answer
rename "$tmp/others/k3.key", "$tmp/k3.key" or die;
becomes($standby, 'failing_since IS NOT NULL', 'the provider of a standby fails');
set($standby, 'csec.key_command_timeout = 3600');
put("$tmp/others/first", "touch hangs\nsleep 98765\n");
appears("$tmp/others/hangs", '  and then does not answer');
is(system_log('pg_ctl', '-D', $standby->data_dir, '-t', '60', 'promote'), 0, '  while it is promoted');
$standby->safe_psql('postgres', 'SELECT csec.flush_audit()');
ok(1, '  which keeps no sealer from its work');
unlink "$tmp/others/first";
becomes($standby, undef, '  and what the standby found is told to the trail', q{SELECT count(*) > 0 FROM csec_trail.audit_log l, csec.record_fields(l.record) d WHERE d.action = 'key provider fails' AND (d.detail::jsonb ->> 'why') LIKE '%for key "k3"%'});
ok(!-e "$tmp/others/twice", 'the provider of a standby is asked by one at a time');
$standby->stop;
is(`ps -eo args | grep -c '^sleep 9876[5]'`, "0\n", '  and none of it stays behind');
is_verified($node, 'the trail');
$node->stop;
done_testing();
