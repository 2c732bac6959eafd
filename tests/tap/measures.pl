# Each measure that csec looks up by itself, as it should be and as it should
# not: were this to fail, one would pass whatever the server is like, or be
# found wanting where all is well.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('measures');
$node->init(extra => ['--data-checksums']);
$node->append_conf("postgresql.conf", "wal_level = replica\narchive_mode = on\narchive_command = 'true'\nlisten_addresses = '127.0.0.1'\ncsec.seal_delay = 50ms\n");
my $data = $node->data_dir;
system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=measures', '-keyout', "$data/server.key", '-out', "$data/server.crt");
chmod 0600, "$data/server.key";
$node->start;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sql(q{
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE cust (id int PRIMARY KEY, phone text);
	INSERT INTO cust VALUES (1, '13812345678');
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	CREATE ROLE clerk LOGIN;
	GRANT SELECT ON cust TO clerk});

# What a measure says; asked by way of a connection that is described.
sub found
{
	my ($measure, $by) = @_;
	my $sql = "SELECT string_agg(state || ' ' || evidence, ', ') FROM csec.security_measures('cust') WHERE measure = '$measure'";
	return $by ? $node->safe_psql('postgres', $sql, connstr => $node->connstr('postgres') . " $by") : sql($sql);
}
sub becomes { my ($what, $measure, $state, $how, $by) = @_; $how->() if $how; return is(found($measure, $by), $state, "$what: $measure is $state") }
sub set { my ($name, $value) = @_; return sub { sql("ALTER SYSTEM SET $name = $value"); $node->reload; $node->poll_query_until('postgres', "SELECT setting = $value FROM pg_settings WHERE name = '$name'") or die $name } }
sub run_sql { my $sql = shift; return sub { sql($sql) } }

becomes('page checksums', 'checksums', 'pass live');
becomes('a version that gets fixes', 'server_version', 'pass live');

becomes('one superuser', 'superusers', 'pass live');
becomes('many', 'superusers', 'fail live', run_sql(join '', map { "CREATE ROLE super$_ LOGIN SUPERUSER;" } 1 .. 10));
becomes('who cannot log in', 'superusers', 'pass live', run_sql(join '', map { "ALTER ROLE super$_ NOLOGIN;" } 1 .. 10));

becomes('logins of nobody', 'logins_known', 'fail live');
becomes('of persons', 'logins_known', 'pass live', run_sql(q{INSERT INTO csec.person (id, name) VALUES ('p1', 'Li Na'), ('p2', 'Wang Wei'); INSERT INTO csec.person_login VALUES ('clerk', 'p1'), ('postgres', 'p2')}));

becomes('no password', 'password_end', 'unknown unknown');
becomes('no module', 'password_rules', 'unknown unknown');
becomes('an old hash', 'password_storage', 'fail live', run_sql(q{SET password_encryption = md5; ALTER ROLE clerk PASSWORD 'a long 1 password'}));
becomes('for ever', 'password_end', 'fail live');
becomes('a new one', 'password_storage', 'pass live', run_sql(q{ALTER ROLE clerk PASSWORD 'a long 1 password' VALID UNTIL '2100-01-01'}));
becomes('until a day', 'password_end', 'pass live');
becomes('new ones would be old', 'password_storage', 'fail live', set('password_encryption', q{'md5'}));
set('password_encryption', q{'scram-sha-256'})->();

becomes('no TLS', 'tls_on', 'fail live');
becomes('nobody from afar', 'tls_used', 'unknown unknown');
becomes('TLS', 'tls_on', 'pass live', set('ssl', q{'on'}));
becomes('in clear', 'tls_used', 'fail live', undef, 'host=127.0.0.1 sslmode=disable');
becomes('over it', 'tls_used', 'pass live', undef, 'host=127.0.0.1 sslmode=require');
becomes('of an old version', 'tls_on', 'fail live', set('ssl_min_protocol_version', q{'TLSv1.1'}));

# pg_hba.conf is read as a reload would make it: so there is none
my $hba = slurp_file("$data/pg_hba.conf");
sub hba
{
	my @rules = @_;
	return sub { open my $f, '>', "$data/pg_hba.conf" or die; print $f map { "$_\n" } @rules; close $f };
}
becomes('trust', 'login_rules', 'fail live', hba('local all all scram-sha-256', 'hostssl all all all trust'));
becomes('  over TLS', 'tls_required', 'pass live');
becomes('passwords over TLS or not', 'tls_required', 'fail live', hba('local all all scram-sha-256', 'host all all all scram-sha-256'));
becomes('  which are strong', 'login_rules', 'pass live');
becomes('  without a second factor', 'mfa', 'unknown unknown');
becomes('what is refused needs none', 'tls_required', 'pass live', hba('hostssl all all all scram-sha-256', 'hostnossl all all all reject'));
becomes('a certificate as well', 'mfa', 'pass live', hba('local all all peer', 'hostssl all all all scram-sha-256 clientcert=verify-full'));
becomes('a file with an error', 'login_rules', 'unknown unknown', hba('local all all scram-sha-256', 'nonsense'));
becomes('  which says nothing', 'tls_required', 'unknown unknown');
hba($hba)->();

becomes('fsync is off in tests', 'durable', 'fail live');
becomes('and on', 'durable', 'pass live', set('fsync', q{'on'}));
becomes('commits that need not be on disk', 'durable', 'fail live', set('synchronous_commit', q{'off'}));

sql('CREATE TABLE filler AS SELECT 1; SELECT pg_switch_wal()');
$node->poll_query_until('postgres', 'SELECT archived_count > 0 FROM pg_stat_archiver') or die 'nothing is archived';
becomes('a file was archived', 'archiving', 'pass live');
set('archive_command', q{'false'})->();
sql('CREATE TABLE filler2 AS SELECT 1; SELECT pg_switch_wal()');
$node->poll_query_until('postgres', 'SELECT failed_count > 0 AND last_failed_time > last_archived_time FROM pg_stat_archiver') or die 'nothing fails';
becomes('one could not be', 'archiving', 'fail live');
set('archive_command', q{'true'})->();

becomes('the log has no statements', 'statements_logged', 'pass live', set('log_statement', q{'none'}));
becomes('it has', 'statements_logged', 'fail live', set('log_statement', q{'all'}));
becomes('  those that are slow', 'statements_logged', 'fail live', sub { set('log_statement', q{'none'})->(); set('log_min_duration_statement', q{'100'})->() });

sql('SELECT csec.flush_audit()');
becomes('it is recorded', 'recording', 'pass live');
becomes('without a gap', 'no_gaps', 'pass live');
becomes('nobody has verified it', 'verified', 'unknown unknown');
becomes('it was found true', 'verified', 'pass live', run_sql('SELECT count(*) FROM csec.verify_trail(); SELECT csec.flush_audit()'));
becomes('and false', 'verified', 'fail live', run_sql(q{
	UPDATE csec_trail.audit_log SET login = 'clerk' WHERE seq = 3;
	SELECT count(*) FROM csec.verify_trail(); SELECT csec.flush_audit()}));
becomes('suspended', 'recording', 'fail live', run_sql(q{SELECT csec.suspend_recording('a bad night', now() + interval '1 hour')}));
becomes('resumed', 'recording', 'pass live', run_sql('SELECT csec.resume_recording(); SELECT csec.flush_audit()'));
becomes('with a gap', 'no_gaps', 'fail live');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'csec, passwordcheck'\n");
$node->restart;
becomes('a module that checks passwords', 'password_rules', 'pass live');
$node->stop;
done_testing();
