# Were this to fail, a re-encryption that meets a crash, locked rows or a
# running load would lose an update, leave values behind, or never end; or a
# key would encrypt beyond its limit.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();

my $node = trail_node('reencrypt', fsync => 'on', restart_after_crash => 'on', max_wal_size => '1GB',
	autovacuum => 'off', max_prepared_transactions => '10');
my $rows = 20_000;

$node->safe_psql('postgres', qq{
	CREATE ROLE loader SUPERUSER LOGIN IN ROLE csec_loader;
	SELECT csec.set_clearance('loader', level => 'core');
	UPDATE csec.category SET check_mode = 'lax' WHERE name = 'id_card'});
sub sql { return $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'loader' ]) }

# n says what id_no must be: the load changes both in one row, or only n2
sub id_no { return "'3301051987' || lpad(($_[0])::text, 8, '0')" }
sql(qq{
	CREATE TABLE cust (id int PRIMARY KEY, n int, n2 int DEFAULT 0, id_no csec.id_card UNIQUE, health csec.health);
	INSERT INTO cust (id, n, id_no, health) SELECT g, g, ${\ id_no('g')}, 'h' || g FROM generate_series(1, $rows) g;
	SELECT csec.protect('cust', subject => 'id')});

# All values, opened, are what the row says; and an index finds each of some.
sub values_right
{
	my ($name) = @_;
	is(sql(qq{BEGIN; DO \$\$ BEGIN PERFORM csec.set_context('test', 'test', 't'); END \$\$;
		SELECT count(*), count(*) FILTER (WHERE id_no::text <> ${\ id_no('n')}), count(*) FILTER (WHERE health::text <> 'h' || id) FROM cust; COMMIT}),
		"$rows|0|0", "$name: every value opens to what it was last set to");
	is(sql(qq{SET enable_seqscan = off; SELECT count(*) FROM (SELECT id, n FROM cust WHERE id % 200 = 0) s
		CROSS JOIN LATERAL (SELECT c.id FROM cust c WHERE c.id_no = ${\ id_no('s.n')}) f WHERE f.id = s.id}),
		$rows / 200, "$name: the index finds them");
}
sub left { return sql(q{SELECT coalesce(sum("values"), 0) FROM csec.encryption_share('cust') WHERE NOT current}) }
sub progress { return sql("SELECT $_[0] FROM csec.reencrypt_progress WHERE relid = 'cust'::regclass") }

# Updates of both kinds, and of neither: what moves rows about while they are
# re-encrypted.
my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, qq{
\\set id random(1, $rows)
\\set n random(0, 99)
UPDATE cust SET n2 = n2 + 1 WHERE id = :id;
\\set id random(1, $rows)
UPDATE cust SET n = id + :n * 100000, id_no = '3301051987' || lpad((id + :n * 100000)::text, 8, '0') WHERE id = :id;
\\set id random(1, $rows)
SELECT id FROM cust WHERE id = :id;
});
my @load;

sub begin_load
{
	my $log = $node->basedir . '/pgbench.log';
	push @load, IPC::Run::start(
		[ 'pgbench', '-n', '-c', 3, '-j', 1, '-T', 120, '-f', $script, '-U', 'loader',
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', $log, '2>', $log);
	my $before = sql('SELECT sum(n2) FROM cust');
	$node->poll_query_until('postgres', "SELECT sum(n2) > $before + 100 FROM cust") or die 'no load';
}
sub end_load
{
	foreach my $h (splice @load)
	{
		ok($h->pumpable, 'the load met no error');
		$h->signal('INT');
		$h->finish;
	}
	unlike(slurp_file($node->basedir . '/pgbench.log'), qr/ERROR|aborted/, 'nor did any of its clients');
}

# ---- the server killed in the midst of it, under load ----
sql(q{CALL csec.rotate_key(reason => 'crash')});
values_right('rotated');
my $before_crash = sql('SELECT count(*) FROM csec_trail.audit_log');
my $run = IPC::Run::start([ 'psql', '-X', '-q', '-U', 'loader', '-h', $node->host, '-p', $node->port, 'postgres', '-c',
		q{CALL csec.reencrypt('cust', 50)} ], '>', \my $out, '2>', \my $err);
begin_load();
$node->poll_query_until('postgres', q{SELECT next_block > 20 FROM csec.reencrypt_progress}) or die 'no progress';
my $from = -s $node->logfile;
kill 'KILL', sql(q{SELECT pid FROM csec.reencrypt_progress});
eval { $run->finish };
foreach my $h (splice @load) { $h->kill_kill }
$node->wait_for_log(qr/ready to accept connections/, $from);
my $position = progress('next_block');
cmp_ok($position, '>', 20, 'how far it was outlives the crash');
is(progress('state'), 'running', 'and that it was under way');
is(sql(q{SELECT pid IS NULL FROM csec.reencryption}), 't', 'by nobody now');
cmp_ok(left(), '>', 0, 'part is still under the old key');
values_right('crashed');

# taken up again, under load
begin_load();
sql(q{CALL csec.reencrypt('cust', 500)});
end_load();
is(progress('state'), 'done', 'it ends, while others update');
is(left(), 0, 'nothing is left under the old key, nor moved out of sight');
values_right('resumed');
flush_trail($node);
is(records($node, "string_agg(action || coalesce(' ' || (detail::jsonb ? 'block')::text, ''), ',' ORDER BY seq)",
	"kind = 'control' AND action LIKE '%reencrypt%'"),
	'reencrypt,resume reencrypt true,reencrypted false', 'the run, its resumption and its end are in the trail');
is(records($node, 'count(*)', "kind = 'change' AND seq > $before_crash AND relation LIKE '%cust' AND login <> 'loader'"), '0',
	'and no change but those of the load');
is_verified($node, 'the trail verifies');
my ($id, $old) = split /\|/, sql(q{SELECT id, min(version) FROM csec.key WHERE purpose = 'data' GROUP BY 1});
sql("CALL csec.destroy_key($id, $old, 'nothing is under it')");
values_right('old key destroyed');

# ---- rows that others hold ----
sql(q{CALL csec.rotate_key(reason => 'locks')});
my $holder = $node->background_psql('postgres', extra_params => [ '-U', 'loader' ]);
$holder->query_safe('SET client_min_messages = error');
$holder->query_safe('BEGIN; UPDATE cust SET n2 = n2 + 1 WHERE id IN (1, 2)');
(my $ret, $out, $err) = $node->psql('postgres', q{SET statement_timeout = '60s'; CALL csec.reencrypt('cust', 5000, patience => '0.5 s')},
	extra_params => [ '-U', 'loader' ]);
is($ret, 0, 'held rows do not stop it');
like($err, qr/WARNING:  4 values of (?:public\.)?cust were left as they are/, 'and it says that they are left');
is(progress('state'), 'left', 'in its progress, too');
is(left(), 4, 'they are the only ones');
($ret, $out, $err) = $node->psql('postgres', "SET lock_timeout = '200ms'; CALL csec.destroy_key($id, " . ($old + 1) . ", 'x')", extra_params => [ '-U', 'loader' ]);
like($err, qr/lock timeout/, 'a key waits for transactions that may still use it');
$holder->query_safe('COMMIT');
($ret, $out, $err) = $node->psql('postgres', "CALL csec.destroy_key($id, " . ($old + 1) . ", 'x')", extra_params => [ '-U', 'loader' ]);
like($err, qr/in use: 2 values of public\.cust\.health, 2 values of public\.cust\.id_no/, 'then it is found in use');
sql(q{CALL csec.reencrypt('cust', 5000)});
is(left(), 0, 'called again, it gets them');

# a lock that is let go while it waits; a cursor does not hold it up
sql(q{CALL csec.rotate_key(reason => 'locks')});
$holder->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM cust ORDER BY id; FETCH 10 FROM c; SELECT id FROM cust WHERE id = 3 FOR KEY SHARE');
$run = IPC::Run::start([ 'psql', '-X', '-q', '-U', 'loader', '-h', $node->host, '-p', $node->port, 'postgres', '-c',
		q{CALL csec.reencrypt('cust', 5000, patience => '100 s')} ], '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', q{SELECT state = 'waiting' AND pid IS NOT NULL FROM csec.reencryption}) or die 'it does not wait';
(undef, undef, my $busy) = $node->psql('postgres', q{CALL csec.reencrypt('cust')}, extra_params => [ '-U', 'loader' ]);
like($busy, qr/process \d+ is re-encrypting (?:public\.)?cust already/, 'two do not work at one table');
$holder->query_safe('FETCH 10 FROM c; COMMIT');
$run->finish;
is($run->result(0), 0, 'it ends when the row is let go');
is(left(), 0, 'with nothing left');
values_right('locks');

# ---- the search key, under load, with a cursor and a plan that are there before ----
sql(q{CALL csec.rotate_key('search', 'test')});
begin_load();
sql(q{CALL csec.reencrypt('cust', 2000)});
$holder->query_safe(qq{PREPARE find (text) AS SELECT count(*) FROM cust WHERE id_no = \$1; EXECUTE find ('330105198700000001')});
my $n = 0;
$holder->query_safe(q{SET enable_seqscan = off; BEGIN; DECLARE c CURSOR FOR SELECT id FROM cust ORDER BY id_no; FETCH 10 FROM c});
(undef, undef, $err) = $node->psql('postgres', q{SET lock_timeout = '300ms'; CALL csec.finish_search_rotation('test')}, extra_params => [ '-U', 'loader' ]);
like($err, qr/lock timeout/, 'an open cursor over an index keeps the order from changing under it');
is(scalar(split(/\n/, $holder->query_safe('FETCH ALL FROM c'))), $rows - 10, 'and it gives all of its rows');
$holder->query_safe('COMMIT');
my $temp = $holder->query_safe(q{CREATE TEMP TABLE mine AS SELECT id_no FROM cust LIMIT 3; SELECT 1});
(undef, undef, $err) = $node->psql('postgres', q{CALL csec.finish_search_rotation('test')}, extra_params => [ '-U', 'loader' ]);
like($err, qr/column "id_no" of pg_temp_\d+\.mine cannot be looked at/, 'nor does it change under a temporary table of another session');
$holder->query_safe('DROP TABLE mine');
my $maker = $node->background_psql('postgres', extra_params => [ '-U', 'loader' ]);
sql(q{CALL csec.finish_search_rotation('test')});
end_load();
values_right('search key rotated under load');
is($holder->query_safe(q{SELECT count(*) FROM (SELECT n FROM cust WHERE id < 100) s, LATERAL (SELECT id FROM cust c WHERE c.id_no = '3301051987' || lpad(s.n::text, 8, '0')) f}),
	99, 'a session that was there before finds by the new order');
my $known = sql('SELECT n FROM cust WHERE id = 5');
is($holder->query_safe(sprintf(q{EXECUTE find ('3301051987%08d')}, $known)), 1, 'so does a plan that was there before');
sql(q{CALL csec.reencrypt('cust', 5000)});
is(sql(q{SELECT string_agg(DISTINCT search, ' ' ORDER BY search) FROM csec.encryption_share('cust')}), 'active none', 'afterwards the old tags go');
values_right('old tags stripped');
$_->quit foreach $holder, $maker;

# a prepared transaction may hold values that nobody sees
sql(q{CALL csec.rotate_key('search', 'test'); BEGIN; INSERT INTO cust (id, n, id_no, health) VALUES (0, 0, '330105198700000000', 'h0'); PREPARE TRANSACTION 'p'});
sql(q{CALL csec.reencrypt('cust', 5000)});
(undef, undef, $err) = $node->psql('postgres', q{CALL csec.finish_search_rotation('test')}, extra_params => [ '-U', 'loader' ]);
like($err, qr/there are prepared transactions/, 'it waits for prepared transactions by saying so');
sql(q{ROLLBACK PREPARED 'p'});
sql(q{CALL csec.finish_search_rotation('test')});
sql(q{CALL csec.reencrypt('cust', 5000)});

# ---- how often a key may encrypt ----
flush_trail($node);
$node->append_conf('postgresql.conf', 'csec.key_max_uses = 100');
$node->restart;
wait_for_sealer($node);
my $active = q{SELECT max(version) FROM csec.key WHERE purpose = 'data' AND state = 'active'};
sql(q{CALL csec.rotate_key(reason => 'fresh')});
my $version = sql($active);
sql(q{CREATE TABLE few (h csec.health); INSERT INTO few SELECT 'x' FROM generate_series(1, 120)});
$node->poll_query_until('postgres', "SELECT ($active) > $version") or die 'the key was not rotated';
flush_trail($node);
like(records($node, "string_agg(detail, ' ' ORDER BY seq)", "kind = 'control' AND action = 'rotate key'"),
	qr/csec\.key_max_uses was reached/, 'the sealer rotates a key that is spent, and says why in the trail');
cmp_ok(sql("SELECT uses FROM csec.keys WHERE purpose = 'data' AND version = $version"), '>=', 120, 'its uses are counted');
cmp_ok(sql("SELECT uses FROM csec.key_use WHERE version = $version"), '>=', 100, 'and stored');

# one transaction cannot be given the new key in its midst: it is stopped
($ret, $out, $err) = $node->psql('postgres', q{INSERT INTO few SELECT 'x' FROM generate_series(1, 1000)}, extra_params => [ '-U', 'loader' ]);
like($err, qr/key "data" \(\d+ version \d+\) has encrypted as often as it may.*CALL csec\.rotate_key\('data'/s, 'a key stops well before the limit');
is(sql('SELECT count(*) FROM few'), 120, 'and nothing of it is stored');

# the count outlives crashes, and errs upwards
$node->poll_query_until('postgres', "SELECT coalesce((SELECT uses FROM csec.keys WHERE purpose = 'data' AND version = ($active)), 0) < 10")
  or die 'the spent key was not rotated';
$version = sql($active);
sql(q{INSERT INTO few SELECT 'x' FROM generate_series(1, 60)});
$node->poll_query_until('postgres', "SELECT coalesce(max(uses), 0) >= 60 FROM csec.key_use WHERE version = $version") or die 'not stored';
$node->stop('immediate');
$node->start;
sql(q{INSERT INTO few SELECT 'x'});
cmp_ok(sql("SELECT uses FROM csec.keys WHERE purpose = 'data' AND version = $version"), '>=', 61, 'a crash takes no use back');
$node->stop;
done_testing();
