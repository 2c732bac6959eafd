# Alerts by their worker: were this to fail, one would not be raised in time,
# its command could be made to run something else, or hold up the sealer.
use strict;
use warnings;
use CsecWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('alerts');
my $told = $node->basedir . '/told';
my $evil = q{x'; touch evil; echo '"$(id)`id`};
$node->init;
$node->append_conf('postgresql.conf', slurp_conf());
$node->append_conf('postgresql.conf', "csec.alert_command = 'echo %k %u 100%% >> $told'\ncsec.seal_delay = 100ms\ncsec.alerts = on\n");
$node->start;

sub slurp_conf { local (@ARGV, $/) = ('tests/lib/csec.conf'); return -f 'tests/lib/csec.conf' ? scalar <> : '' }

(my $quoted = $evil) =~ s/"/""/g;
(my $literal = $evil) =~ s/'/''/g;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE cust (id int PRIMARY KEY, phone text);
	INSERT INTO cust SELECT i, '138' || (10000000 + i) FROM generate_series(1, 100) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	CREATE ROLE "$quoted" LOGIN;
	GRANT SELECT ON cust TO PUBLIC;
	INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '7', 'decoy')});

sub told { return -f $told ? slurp_file($told) : '' }

# The clock is the server's: what was done, and when it was raised.
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 7', extra_params => [ '-U', $evil ]);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'decoy'}), 'an alert is raised');
cmp_ok($node->safe_psql('postgres', q{SELECT extract(epoch FROM raised_at - at) < 60 FROM csec.alert WHERE kind = 'decoy'}), 'eq', 't', 'soon, on however busy a machine');
ok($node->poll_query_until('postgres', q{SELECT told = 'yes' FROM csec.alert WHERE kind = 'decoy'}), 'the command is told');
like(told(), qr/^decoy \Q$evil\E 100%$/m, 'what a role is called is a word, whatever it is');
ok(!-e $node->data_dir . '/evil', 'and runs nothing');

# What the worker looks up in the trail is not recorded, or it would go on for ever.
my $rest = 0;
for (1 .. 60)
{
	my $before = $node->safe_psql('postgres', 'SELECT last_seq FROM csec.trail_status');
	sleep 1;
	last if $rest = $node->safe_psql('postgres', 'SELECT last_seq FROM csec.trail_status') eq $before;
}
ok($rest, 'where nothing happens the trail comes to rest');

# A command that hangs or fails: the sealer goes on, alerts are raised.
$node->append_conf('postgresql.conf', "csec.alert_command = 'sleep 600'\ncsec.alert_command_timeout = 1\n");
$node->reload;
$node->safe_psql('postgres', q{UPDATE csec.alert SET state = 'acknowledged'});
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 7', extra_params => [ '-U', $evil ]);
$node->safe_psql('postgres', 'SELECT csec.flush_audit()');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'decoy' AND state = 'open'}), 'a command that hangs keeps no alert from being raised');
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM csec.alert WHERE told = 'failed'}), 'and is given up in the end');

# One that hangs for good, and for whose end nobody waits: another alert is raised meanwhile.
$node->append_conf('postgresql.conf', "csec.alert_command = 'exec sleep 6143'\ncsec.alert_command_timeout = 3600\n");
$node->reload;
# (processes come and go)
my $hangs = sub { return scalar grep { (eval { slurp_file($_) } // '') eq "sleep\0" . "6143\0" } glob '/proc/[0-9]*/cmdline' };
$node->safe_psql('postgres', q{UPDATE csec.alert SET state = 'acknowledged'});
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 7', extra_params => [ '-U', $evil ]);
for (1 .. 600) { last if $hangs->(); select undef, undef, undef, 0.1 }
is($hangs->(), 1, 'a command hangs');
$node->safe_psql('postgres', q{INSERT INTO csec.watched_customer (relid, subject, why) VALUES ('cust', '9', 'vip')});
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 9', extra_params => [ '-U', $evil ]);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'watched' AND state = 'open'}), '  and what is done meanwhile is raised meanwhile');
is($hangs->(), 1, '  while it goes on hanging');
is($node->safe_psql('postgres', q{SELECT DISTINCT told IS NULL FROM csec.alert WHERE kind = 'watched'}), 't', '  it will be told of it later');
# A rule that fails meanwhile, and the worker that ends, leave no command behind.
$node->append_conf('postgresql.conf', "csec.alert_command = 'exit 3'\n");
$node->reload;
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'csec alerts'});
for (1 .. 600) { last if !$hangs->(); select undef, undef, undef, 0.1 }
is($hangs->(), 0, '  and it is ended with the worker');

# A database can be copied, and dropped, while they are watched.
$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
$node->safe_psql('template1', 'DROP DATABASE copy');
pass('a copy of the database is made, and dropped');

# The worker that is killed is back, and has lost nothing.
$node->append_conf('postgresql.conf', "csec.alert_command = 'exit 3'\n");
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'csec alerts' AND datname = 'postgres'}), 'the worker is there');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'csec alerts'});
$node->safe_psql('postgres', q{UPDATE csec.alert SET state = 'acknowledged'});
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 7', extra_params => [ '-U', $evil ]);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'decoy' AND state = 'open'}), 'a worker that was ended is started again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM csec.verify_trail() WHERE NOT verified}), '0', 'the trail is whole');

# pg_hba.conf: who reads in clear in a session that began after it changed.
$node->safe_psql('postgres', q{SELECT csec.set_clearance('postgres', level => 'important')});
ok($node->poll_query_until('postgres', q{SELECT hba_digest IS NOT NULL FROM csec.alert_cursor}), 'pg_hba.conf is known');
append_to_file($node->data_dir . '/pg_hba.conf', "local nosuch all trust\n");
ok($node->poll_query_until('postgres', q{SELECT hba_changed_at IS NOT NULL FROM csec.alert_cursor}), 'its change is seen');
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 8');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'login_after_reset'}), 'and who comes after it');

# Who lets himself in and puts the file back before anybody looks, and reads then.
$node->safe_psql('postgres', q{UPDATE csec.alert SET state = 'acknowledged'});
my $kept = slurp_file($node->data_dir . '/pg_hba.conf');
append_to_file($node->data_dir . '/pg_hba.conf', "local nosuch2 all trust\n");
$node->reload;
my $in = CsecWire->connect($node, 'postgres');
$in->query('SELECT 1');
open my $hba, '>', $node->data_dir . '/pg_hba.conf' or die;
print $hba $kept;
close $hba;
$node->reload;
$node->poll_query_until('postgres', q{SELECT hba_looked_at > pg_conf_load_time() FROM csec.alert_cursor}) or die 'nobody looks';
$in->query('SELECT phone FROM cust WHERE id = 8');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'login_after_reset' AND state = 'open'}), '  and whose file is back as it was when he reads');
$in->vanish;

# A file that cannot be read keeps no rule from its work.
rename $node->data_dir . '/pg_hba.conf', $node->data_dir . '/pg_hba.away' or die;
$node->poll_query_until('postgres', q{SELECT hba_digest !~ '^[0-9a-f]{32}$' FROM csec.alert_cursor}) or die 'nobody looks';
$node->safe_psql('postgres', 'SELECT phone FROM cust WHERE id = 7', extra_params => [ '-U', $evil ]);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM csec.alert WHERE kind = 'decoy' AND state = 'open'}), 'without pg_hba.conf the other rules go on');
rename $node->data_dir . '/pg_hba.away', $node->data_dir . '/pg_hba.conf' or die;
$node->stop;
done_testing();
