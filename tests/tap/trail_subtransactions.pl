# Were this to fail, a transaction of very many subtransactions would take the sealer's memory,
# as all of their ends were one batch, or a crash amid them would tell an end twice or never.

use strict;
use warnings;
use CsecTrail;
use Test::More;

use constant { MANY => 36_000, BATCH => 16_384 };

my $node = trail_node('subxacts', max_prepared_transactions => 2, restart_after_crash => 'on', log_statement => 'none',
	'csec.max_unsealed' => "'1GB'");
$node->safe_psql('postgres', 'CREATE TABLE customers (id int PRIMARY KEY, note text);
	INSERT INTO customers SELECT g FROM generate_series(1, ' . MANY . q{) g;
	SELECT csec.protect('customers', 'id')});

# A session in whose transaction each customer was changed by a subtransaction of its own, which
# is sealed as open.
sub changed_one_by_one
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; DO $$ BEGIN FOR i IN 1 .. ' . MANY . q{ LOOP
		BEGIN UPDATE customers SET note = 'x' WHERE id = i; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$});
	flush_trail($node);
	return $session;
}

my $last = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');

# The ends told since the last call, by a change's own record where that is sealed anew after a
# crash: what was told of how many, each once, and whether no batch had more than fit.
sub told
{
	flush_trail($node);
	my ($told, $end) = split /\n/, $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE told AS SELECT f.xid, f.sealed_at, coalesce(f.told, f.outcome) AS told FROM csec_trail.audit_log l, csec.record_fields(l.record) f
			WHERE l.seq > $last AND (f.kind = 'outcome' OR f.kind = 'change' AND f.outcome <> 'open');
		SELECT (SELECT string_agg(told || ' ' || n, ', ' ORDER BY told) FROM (SELECT told, count(*) n, count(DISTINCT xid) o FROM told GROUP BY told) t WHERE n = o),
			(SELECT max(n) <= @{[ BATCH + 100 ]} FROM (SELECT count(*) n FROM told GROUP BY sealed_at) b);
		SELECT max(seq) FROM csec_trail.audit_log});
	$last = $end;
	return $told;
}

my $session = changed_one_by_one();
$session->query_safe('COMMIT');
is(told(), 'committed ' . MANY . '|t', 'all ends of one that commits are told, in batches');
$session->quit;

$session = changed_one_by_one();
$session->query_safe('ROLLBACK');
is(told(), 'aborted ' . MANY . '|t', 'of one that is rolled back');
$session->quit;

$session = changed_one_by_one();
$session->query_safe(q{PREPARE TRANSACTION 'many'});
is(told(), 'prepared ' . MANY . '|t', 'of one that is prepared');
$session->query_safe(q{COMMIT PREPARED 'many'});
is(told(), 'committed ' . MANY . '|t', '  and commits');
$session->quit;

$session = changed_one_by_one();
$node->stop('immediate');
eval { $session->quit };
$node->start;
is(told(), 'aborted ' . MANY . '|t', 'of one that a crash ends');

# the server crashes when some of the ends are sealed
$session = changed_one_by_one();
$session->query_safe('COMMIT');
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM csec_trail.audit_log WHERE kind = 4 AND relid = 0 AND seq > $last") or die 'nothing told';
$node->stop('immediate');
eval { $session->quit };
$node->start;
is(told(), 'committed ' . MANY . '|t', 'amid which the server crashes');

# so does the sealer alone, which is started again
$session = changed_one_by_one();
my $pid = sealer_pid($node);
$session->query_safe('COMMIT');
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM csec_trail.audit_log WHERE kind = 4 AND relid = 0 AND seq > $last") or die 'nothing told';
kill 'TERM', $pid;
$session->quit;
is(told(), 'committed ' . MANY . '|t', '  or the sealer is stopped');
is_verified($node, 'all of it verifies');
$node->stop;
done_testing();
