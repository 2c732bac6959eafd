# Were this to fail, the sealer would stop at the end of a month, or its clock
# could be set back without anybody seeing.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('months');
$node->init(allows_streaming => 1);
$node->start;

# a trail whose partitions are missing when its first batch comes
$node->safe_psql('postgres', q{
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE witness (n int);
	BEGIN;
	SELECT csec.create_trail();
	DO $$
	DECLARE leaf regclass;
	BEGIN
		PERFORM csec.own_ddl(true);
		FOR leaf IN SELECT inhrelid::regclass FROM pg_inherits
			WHERE inhparent IN ('csec_trail.audit_log'::regclass, 'csec_trail.audit_subject'::regclass) LOOP
			EXECUTE 'DROP TABLE ' || leaf;
		END LOOP;
	END $$;
	CREATE ROLE spied;
	CREATE FUNCTION spy() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN
			EXECUTE 'GRANT SELECT ON csec_trail.audit_log TO spied';
		END $$;
	CREATE EVENT TRIGGER spy ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION spy();
	COMMIT});
record_some($node, 5);
flush_trail($node);
$node->safe_psql('postgres', 'DROP EVENT TRIGGER spy');
flush_trail($node);
is(records($node, "string_agg(DISTINCT action || ' ' || object, ', ')", "kind = 'control' AND application IS NULL"),
	'GRANT csec_trail.audit_log', 'of making partitions nothing is recorded but what somebody else did on the occasion');
my $leaves = q{SELECT count(*) FROM pg_inherits
	WHERE inhparent IN ('csec_trail.audit_log'::regclass, 'csec_trail.audit_subject'::regclass)};
is($node->safe_psql('postgres', $leaves), '4', 'the sealer makes what is missing: this month and the next');
is_verified($node, 'in partitions of its own');

# any month, once, whatever the time zone; nobody else's
$node->safe_psql('postgres',
	"SET TimeZone = '$_'; SELECT csec.add_trail_partitions('2031-12-31 23:30:00+00')")
  foreach 'Asia/Shanghai', 'America/Los_Angeles', 'UTC';
is($node->safe_psql('postgres', $leaves), '8', 'two months more');
is($node->safe_psql('postgres', q{
	SELECT string_agg(c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid), ', ' ORDER BY c.relname)
	FROM pg_class c WHERE c.relname ~ '^audit_log_203'}),
	q{audit_log_2031_12 FOR VALUES FROM ('2031-12-01 00:00:00+00') TO ('2032-01-01 00:00:00+00'), }
	. q{audit_log_2032_01 FOR VALUES FROM ('2032-01-01 00:00:00+00') TO ('2032-02-01 00:00:00+00')},
	'their bounds are months of UTC');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM pg_class c
	WHERE c.relnamespace = 'csec_trail'::regnamespace
		AND (c.relowner <> 10 OR EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0) OR EXISTS (
			SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass))}),
	'0', 'all of the trail is the first superuser\'s, PUBLIC has nothing, the extension does not own it');

# an auditor's open query does not hold the sealer up, nor do new partitions
my $auditor = $node->background_psql('postgres');
$auditor->query_safe('BEGIN; SELECT count(*) FROM csec_trail.audit_log');
$node->safe_psql('postgres', "SET lock_timeout = '60s'; SELECT csec.add_trail_partitions('2033-06-15')");
record_some($node, 5);
flush_trail($node);
$auditor->query_safe('COMMIT');
$auditor->quit;
is_verified($node, 'beside an open query');

# a table that only has a partition's name
$node->safe_psql('postgres', q{CREATE TABLE csec_trail.audit_log_2040_01 (i int)});
my ($ret, $out, $err) = $node->psql('postgres', "SELECT csec.add_trail_partitions('2040-01-15')");
like($err, qr/already exists/, 'a table that takes the name is not taken for a partition');

# the clock set back: as the sealer sees it
$node->stop;
my $conf = slurp_file($node->data_dir . '/postgresql.conf');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
$node->safe_psql('postgres', "UPDATE csec_trail.sealer_state SET sealed_at = sealed_at + interval '1 hour'");
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'csec'");
$node->start;
record_some($node, 5);
flush_trail($node);
my $us = records($node, "string_agg(detail::jsonb->>'microseconds', ',')", "kind = 'server' AND action = 'clock set back'");
cmp_ok($us, '<', -3000 * 1e6, 'a clock set back is on record, with how far');
is_verified($node, 'after the clock was set back');

# no worker free
my $few = PostgreSQL::Test::Cluster->new('few');
$few->init(allows_streaming => 1);
$few->append_conf('postgresql.conf', 'max_worker_processes = 2');
$few->start;
$few->safe_psql('postgres', 'CREATE EXTENSION csec CASCADE; SELECT csec.create_trail()');
($ret, $out, $err) = $few->psql('postgres', "SET csec.flush_timeout = '2s'; SELECT csec.flush_audit()");
like($err, qr/not sealed within 2000 ms.*no background worker is free: raise max_worker_processes.*csec\.trail_status/s, 'no worker is free: waiting ends');
like(slurp_file($few->logfile), qr/no background worker is free.*max_worker_processes/s, 'and the log says what to do');
is($few->safe_psql('postgres', 'SELECT state, sealer_pid IS NULL FROM csec.trail_status'), 'failing|t', 'the status too');
$few->append_conf('postgresql.conf', 'max_worker_processes = 3');
$few->restart;
flush_trail($few);
is_verified($few, 'with a worker more');
$few->stop;
$node->stop;
done_testing();
