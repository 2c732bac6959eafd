# Were this to fail, a read that ends otherwise than well would leave no trace:
# failed, cancelled, out of time, terminated, its client gone, its server killed
# (B.3).

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;

my $node = trail_node('ends', 'csec.audit_flush_interval' => '1ms', client_connection_check_interval => '100ms',
	restart_after_crash => 'on');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE clerk LOGIN;
	CREATE TABLE batch (id int PRIMARY KEY, phone csec.phone);
	CREATE TABLE strict (id int PRIMARY KEY, phone csec.phone);
	INSERT INTO batch SELECT i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 3000) i;
	INSERT INTO strict SELECT * FROM batch;
	SELECT csec.protect('batch', 'id', '{"phone": "phone"}');
	SELECT csec.protect('strict', 'id', '{"phone": "phone"}', audit => 'strict');
	GRANT SELECT ON batch, strict TO clerk;
	-- waits at a row for as long as somebody holds the lock of that number
	CREATE FUNCTION wait_at(row_id int, VARIADIC at int[]) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		IF row_id = ANY (at) THEN
			PERFORM pg_advisory_lock_shared(row_id);
			PERFORM pg_advisory_unlock_shared(row_id);
		END IF;
		RETURN row_id;
	END $$});

my $holder = CsecWire->connect($node, 'postgres');
my $seen = 0;

# All reads of a table since the last look, without what the sealer says of
# those that were cut off: customers, whether one failed, strict.
sub seen
{
	my ($table) = @_;
	flush_trail($node);
	my $got = $node->safe_psql('postgres', qq{
		SELECT range_agg(csec.record_subject_keys(l.record)), CASE WHEN bool_or(f.status = 'error') THEN 'error' ELSE 'ok' END, bool_and(f.was_strict)
		FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
		WHERE l.seq > $seen AND f.relation = 'public.$table' AND l.kind = 2 AND f.subjects IS NOT NULL});
	$seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	return $got;
}

# As what, and how surely, clerk has seen a customer by reads that were cut off.
sub cut_off
{
	my ($table, $id) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(concat_ws(' ', w.login, w.statement, array_to_string(w.masked, ','), w.exactness), '; ' ORDER BY w.seq)
		FROM csec.who_saw('$table', '$id') w JOIN csec.access_pieces p USING (seq) WHERE p.partial AND w.exactness = 'intent'});
}

sub hold { $holder->query("SELECT pg_advisory_lock($_)") foreach @_ }
sub let_go { $holder->query("SELECT pg_advisory_unlock($_)") foreach @_ }

sub waits_at
{
	my ($id) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = $id AND NOT granted")
	  or die "nobody waits at $id";
}

sub is_gone
{
	my ($pid) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
	  or die "session $pid is still there";
}

# All sessions have been ended, and new ones are let in.
sub is_back
{
	eval { $holder->until_ready };
	foreach (1 .. 1800)
	{
		return if eval { CsecWire->connect($node, 'postgres') };
		select undef, undef, undef, 0.1;
	}
	die 'the server did not come back';
}

foreach my $table ('batch', 'strict')
{
	my $told = $table eq 'strict' ? 't' : 'f';
	my $client = CsecWire->connect($node, 'clerk');

	# it fails after rows have gone out
	$client->query("COPY (SELECT id, phone, 1 / (id - 1500) FROM $table ORDER BY id) TO STDOUT");
	is(seen($table), "{[1,1501)}|error|$told", "$table: COPY that fails half way");
	$client->query("SELECT id, phone, 1 / (id - 1500) FROM $table ORDER BY id");
	is(seen($table), "{[1,1501)}|error|$told", "$table: SELECT that fails half way");

	# it is ended from outside, in the middle
	my %ends = (
		cancelled => sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($client->{pid})") },
		terminated => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($client->{pid})") },
		'out of time' => sub { },
		'client gone' => sub { $client->vanish });
	foreach my $end (sort keys %ends)
	{
		$client = CsecWire->connect($node, 'clerk');
		# it can only be cut off in its wait, which nobody else ends
		$client->query("SET statement_timeout = '2s'") if $end eq 'out of time';
		hold(2000);
		$client->send_query("SELECT wait_at(id, 2000), phone FROM $table ORDER BY id");
		waits_at(2000) unless $end eq 'out of time';
		$ends{$end}->();
		if ($end eq 'cancelled' || $end eq 'out of time')
		{
			$client->until_ready;
		}
		else
		{
			is_gone($client->{pid});
		}
		let_go(2000);
		# when time runs out is for the machine to say
		my $upto = $end eq 'out of time' ? '\d+' : '2001';
		like(seen($table), qr/^\{\[1,$upto\)\}\|error\|$told$/, "$table: $end");
		$client->query("SELECT phone FROM $table WHERE id = 7") if $end eq 'cancelled';
		is(seen($table), "{[7,8)}|ok|$told", "$table: and the session goes on") if $end eq 'cancelled';
	}

	# it is cut off by the end of the server: what was read longer ago than
	# csec.audit_flush_interval is there
	foreach my $end ('killed', 'immediate')
	{
		$client = CsecWire->connect($node, 'clerk');
		hold(1000, 2000);
		$client->send_query("SELECT wait_at(id, 1000, 2000), phone FROM $table ORDER BY id");
		waits_at(1000);
		let_go(1000);
		waits_at(2000);
		# the walwriter has been by
		my $at = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
		# and another sealer knows what is open
		my $sealer = sealer_pid($node);
		flush_trail($node);
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($sealer)");
		$node->poll_query_until('postgres',
			"SELECT sealer_pid <> $sealer AND state = 'running' FROM csec.trail_status WHERE database = 'postgres'") or die 'no new sealer';
		$node->poll_query_until('postgres', "SELECT pg_current_wal_flush_lsn() >= '$at'") or die 'nothing flushed';
		if ($end eq 'killed')
		{
			kill 'KILL', $client->{pid};
			is_back();
		}
		else
		{
			$node->stop('immediate');
			$node->start;
		}
		like(seen($table), qr/^\{\[1,(100[1-9]|10[1-9][0-9]|1[1-9][0-9][0-9]|200[01])\)\}\|ok\|$told$/, "$table: server $end");
		is($node->safe_psql('postgres', "SELECT count(*) FROM csec.access_records WHERE relation = 'public.$table' AND NOT complete AND seq > 1"),
			$end eq 'killed' ? 1 : 2, "$table: and it shows that more may have been read");
		is(cut_off($table, 2900), join('; ', ('clerk SELECT phone intent') x ($end eq 'killed' ? 1 : 2)),
			"$table: by whom any other customer may have been seen");
		$holder = CsecWire->connect($node, 'postgres');
	}
	is($node->safe_psql('postgres', "SELECT exactness FROM csec.who_saw('$table', '700') ORDER BY seq DESC LIMIT 1"), 'delivered',
		"$table: what is known is told as it is known");
	# those of this test itself end a moment later
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM csec_trail.sealer_reading'), "$table: and no read is open");
}

# strict: nothing leaves before it is on disk
my $client = CsecWire->connect($node, 'clerk');
hold(1);
$client->send_query("SELECT wait_at(id, 1), phone FROM strict WHERE id = 1");
waits_at(1);
$node->stop('immediate');
$node->start;
is(seen('strict'), '{[1,2)}|ok|t', 'strict: the intent was on disk before the row was looked at');
like(cut_off('strict', 2950), qr/^(clerk SELECT phone intent(; )?){3}$/, 'strict: and more may have been seen');

# One row by its key is told by one record, which says all before the row leaves.
sub pieces
{
	my ($after) = @_;
	flush_trail($node);
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(concat_ws(' ', exactness, status, rows, subjects, strict, CASE WHEN partial THEN 'partial' END), ', ' ORDER BY seq)
		FROM csec.access_pieces WHERE seq > $after AND relation = 'public.strict'});
}

$node->append_conf('postgresql.conf', "csec.audit_flush_interval = '10s'\nwal_writer_delay = '10s'\n");
$node->restart;
flush_trail($node);
$seen = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
$client = CsecWire->connect($node, 'clerk');
$client->query("SELECT id, phone FROM strict WHERE id = 7");
$node->stop('immediate');
$node->start;
is(pieces($seen), 'delivered ok 1 1 t', 'strict: one row by its key is one record, and on disk when the row is out');
foreach (
	[ "SELECT id, phone FROM strict WHERE id = 7 LIMIT 1", 'delivered ok 1 1 t', 'LIMIT' ],
	[ "SELECT phone FROM strict WHERE id IN (7, 8)", 'intent ok 0 1 t partial, delivered ok 2 2 t', 'several keys' ],
	[ "SELECT wait_at(id, 1), phone FROM strict WHERE id = 7", 'intent ok 0 1 t partial, delivered ok 1 1 t', 'a function in between' ],
	[ "SELECT count(phone) FROM strict WHERE id = 7", 'intent ok 0 1 t partial, scanned ok 1 1 t', 'an aggregate' ],
	[ "SELECT phone FROM strict WHERE id = 9999", 'delivered ok 0 0 t', 'a key that nobody has' ],
	[ "SET row_security = off; SELECT phone FROM strict WHERE id = 7", 'delivered ok 1 1 t, intent error 0 1 t', 'a row that failed on its way out' ])
{
	my ($query, $expected, $what) = @$_;
	flush_trail($node);
	my $after = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
	$node->psql('postgres', $query, extra_params => [ '-U', 'clerk' ]);
	is(pieces($after), $expected, "strict: $what");
}

# reads told as a number, by a session that is terminated before it could tell it
$node->safe_psql('postgres', q{SELECT csec.set_coalescing('batch', '1 hour')});
my $counted = $node->safe_psql('postgres', 'SELECT max(seq) FROM csec_trail.audit_log');
$client = CsecWire->connect($node, 'clerk');
$client->query('SELECT id FROM batch WHERE id = 7') foreach 1 .. 5;
my $counting = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE usename = 'clerk'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($counting)");
is_gone($counting);
flush_trail($node);
is($node->safe_psql('postgres', qq{SELECT string_agg(coalesce(repeats::text, 'one'), ', ' ORDER BY seq)
	FROM csec.access_records WHERE seq > $counted AND relation = 'public.batch'}), 'one, 4', 'a terminated session tells how often it repeated a read');

is_verified($node, 'the trail verifies');
$node->stop;
done_testing();
