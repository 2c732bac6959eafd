# Were this to fail, protecting a large table beside its use would lose or
# change rows, or could not go on after a crash.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();

my $node = trail_node('online', fsync => 'on', 'csec.seal_delay' => '50ms');
$node->safe_psql('postgres', <<'END');
CREATE ROLE app LOGIN IN ROLE csec_loader;
CREATE TABLE big (id int PRIMARY KEY, phone text, id_no text);
CREATE TABLE model (id int PRIMARY KEY, phone text);
INSERT INTO big SELECT n, '138' || lpad(n::text, 8, '0'), lpad(n::text, 18, '1') FROM generate_series(1, 20000) n;
INSERT INTO model SELECT id, phone FROM big;
CREATE INDEX ON big (phone);
CREATE TABLE parted (LIKE big, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO parted SELECT * FROM big;
CREATE INDEX ON parted (phone);
GRANT ALL ON big, parted, model TO app;
SELECT csec.set_clearance('app', level => 'important');
END

# Each transaction does the same to the tables and to their model.
my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, q{
\set id random(1, 22000)
\set n random(1, 99999999)
\set what random(1, 10)
BEGIN;
\if :what <= 2
DELETE FROM big WHERE id = :id;
DELETE FROM parted WHERE id = :id;
DELETE FROM model WHERE id = :id;
\else
INSERT INTO big (id, phone) VALUES (:id, '139' || :n) ON CONFLICT (id) DO UPDATE SET phone = excluded.phone;
INSERT INTO parted (id, phone) VALUES (:id, '139' || :n) ON CONFLICT (id) DO UPDATE SET phone = excluded.phone;
INSERT INTO model (id, phone) VALUES (:id, '139' || :n) ON CONFLICT (id) DO UPDATE SET phone = excluded.phone;
\endif
COMMIT;
});
my $log = $node->basedir . '/pgbench.log';
sub begin_load
{
	return IPC::Run::start([ 'pgbench', '-n', '-c', 3, '-T', 120, '-f', $script, '-U', 'app',
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', $log, '2>', $log);
}
my $call = q{CALL csec.protect_online('big', '{id}', '{"phone": "phone", "id_no": "id_card"}', batch => 1000)};

# killed in the middle
my $load = begin_load();
my $work = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', $call ], '>', \my $out, '2>', \my $err);
$node->poll_query_until('postgres', 'SELECT coalesce(max(copied), 0) >= 4000 FROM csec.migration') or die 'no progress';
$node->stop('immediate');
eval { $work->finish };
$load->kill_kill;
$node->start;
my $copied = $node->safe_psql('postgres', 'SELECT copied FROM csec.migrations');
cmp_ok($copied, '>=', 4000, 'after a crash the copy is where it was');
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.protected_table'), '0', '  and the table is not protected yet');

# goes on where it was, beside the load
$load = begin_load();
$node->safe_psql('postgres', $call);
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.protected_field'), '2', 'it ends while the table is in use');
$node->safe_psql('postgres', $call =~ s/'big'/'parted'/r);
is($node->safe_psql('postgres', 'SELECT count(*) FROM csec.protected_field'), '4', '  so it does with a partitioned one');
$load->signal('INT');
eval { $load->finish };
unlike(slurp_file($log), qr/ERROR|aborted in command/, '  and no transaction of the application fails');

foreach my $table (qw(big parted))
{
	is($node->safe_psql('postgres', qq{SELECT (SELECT count(*) FROM $table) - (SELECT count(*) FROM model),
		(SELECT count(*) FROM $table t JOIN model USING (id) WHERE t.phone::text IS DISTINCT FROM model.phone)},
			extra_params => [ '-U', 'app' ]), '0|0', "$table: no row is lost, none is another");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM $table t JOIN model USING (id) WHERE t.phone = model.phone},
			extra_params => [ '-U', 'app' ]),
		$node->safe_psql('postgres', 'SELECT count(*) FROM model'), '  values are found by equality');
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM $table WHERE id_no IS NOT NULL AND csec.category_of(id_no) <> 'id_card'}), '0',
		'  values have their category');
}
$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
is($node->safe_psql('postgres', q{SELECT count(bt_index_check(indexrelid, true)) FROM pg_index WHERE indrelid = ANY ('{big,parted_0,parted_1,parted_2}'::regclass[])}), '8', 'the indexes fit the tables');
flush_trail($node);
is_verified($node, 'the trail');
$node->stop;
done_testing();
