# Were this to fail, who ends work on keys in its midst, or loses the server then, would lose
# values, leave keys that nothing finishes, or be told by csec what is not so.

use strict;
use warnings;
use CsecEnded;
use CsecSubjectKeys;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $keys) = customers_node('keys_ended', "restart_after_crash = on\ncsec.kek = 'root, k2'\n", keys => { k2 => 'b2' x 32 });
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub as { my ($role, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) }
sub error { my ($sql) = @_; my ($rc, $out, $err) = $node->psql('postgres', $sql); return $err }

# beside the customers with keys of their own those of a table under the data key
sql(q{
	CREATE TABLE plain (id int PRIMARY KEY, id_no csec.id_card);
	INSERT INTO plain SELECT g, '1101051949123100' || lpad(g::text, 2, '0') FROM generate_series(1, 50) g;
	SELECT csec.protect('plain', 'id');
	GRANT ALL ON plain TO clerk});
sub all_there
{
	my ($name) = @_;
	is(as('clerk', q{SELECT count(*) FILTER (WHERE id_no::text = '1101051949123100' || lpad(id::text, 2, '0')) FROM plain})
		. '|' . as('clerk', q{SELECT count(*) FILTER (WHERE phone::text = '1380000' || 1000 + id) FROM cust}), '50|50', "$name: all values are what they were");
	is(sql(q{SELECT count(*) FROM csec.key_status WHERE NOT unwraps}), '0', '  the keys open');
	is(sql(q{SELECT string_agg(purpose || ' ' || name, ', ' ORDER BY purpose, name) FROM csec.key_status WHERE state = 'active'}), 'data data, search search', '  one of each is active');
	is(sql(q{SELECT (SELECT count(*) FROM csec.check_envelopes('plain')) + (SELECT count(*) FROM csec.check_envelopes('cust'))}), '0', '  and nothing is wrong with the values');
}
sub versions { return sql(q{SELECT string_agg(version || ' ' || state, ', ' ORDER BY version) FROM csec.keys WHERE purpose = 'data'}) }
sub held { my ($sql) = @_; my ($holder) = session_of($node); $holder->query_safe($sql); return $holder }
# The statement waits for the holder, and ends.
sub ended_by
{
	my ($how, $holder, $sql, $meanwhile) = @_;
	my ($session, $pid) = at_work($node, $sql);
	$meanwhile->($pid) if $meanwhile;
	my $told = ended($node, $how, $session, $pid);
	eval { $how eq 'killed' ? $holder->{run}->finish : $holder->quit };
	return ($session, $told);
}

# ---- a rotation, with values under the new key already, in a transaction that is lost ----

# (what the trail has of it is under a key that nobody has any more)
my $version = 1;
foreach my $how (@endings, 'rolled back')
{
	my ($session, $pid) = session_of($node);
	my $mark = sql('SELECT max(seq) FROM csec_trail.audit_log');
	$session->query_safe(q{BEGIN; CALL csec.rotate_key('data', reason => 'test'); UPDATE plain SET id_no = '330105198703043471' WHERE id = 1; SAVEPOINT s});
	is(versions(), join(', ', (map { "$_ decrypt_only" } 1 .. $version - 1), "$version active"), "a rotation that is not committed, $how: nobody sees it");
	if ($how eq 'rolled back')
	{
		$session->query_safe('ROLLBACK');
		$session->query_safe(q{UPDATE plain SET id_no = id_no WHERE id = 2});
		$session->quit;
	}
	elsif ($how eq 'cancelled')
	{
		my $holder = held(q{BEGIN; UPDATE plain SET id_no = id_no WHERE id = 2});
		$session->query_until(qr/sent/, "\\echo sent\nUPDATE plain SET id_no = id_no WHERE id = 2;\n");
		$node->poll_query_until('postgres', "SELECT cardinality(pg_blocking_pids($pid)) > 0") or die 'it does not wait';
		ended($node, $how, $session, $pid);
		$holder->quit;
		$session->query_safe('ROLLBACK');
		$session->query_safe(q{UPDATE plain SET id_no = id_no WHERE id = 2});
		$session->quit;
	}
	else
	{
		flush_trail($node);
		ended($node, $how, $session, $pid);
	}
	all_there("  $how");
	sql(q{CALL csec.rotate_key('data', reason => 'again')});
	$version++;
	is(versions(), join(', ', (map { "$_ decrypt_only" } 1 .. $version - 1), "$version active"), '  tried again there is one more');
	flush_trail($node);
	# the number is another key's now
	my @lost = split /\n/, records($node, 'seq', qq{kind = 'change' AND seq > $mark AND relation LIKE '%plain' AND outcome IS DISTINCT FROM 'committed' ORDER BY seq});
	cmp_ok(scalar @lost, '>', 0, '  the trail has what was lost');
	is(as('clerk', "SELECT new_value, revealed FROM csec.open_change($lost[0]) WHERE column_name = 'id_no'") =~ s/^.*\n//sr, '330*************71|f', '  with its mask, as its key is no more');
	is(as('clerk', q{SELECT count(*) > 0 FROM csec.history('plain', '1')}), 't', '  and the history of its customer can be read');
}

# ---- re-encryption ----

my $before = sql(q{SELECT count(*) FROM csec.encryption_share('plain') WHERE NOT current});
foreach my $how (@endings)
{
	# (over the field, too, so that each new version of a row has its entry)
	sql(q{
		CREATE OR REPLACE FUNCTION indexed(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF id = 30 THEN PERFORM pg_advisory_xact_lock_shared(1); END IF; RETURN id; END $$;
		CREATE INDEX IF NOT EXISTS plain_indexed ON plain (indexed(id), id_no);
		CALL csec.rotate_key('data', reason => 'test')});
	my $holder = held('SELECT pg_advisory_lock(1)');
	my ($session, $told) = ended_by($how, $holder, q{CALL csec.reencrypt('plain', batch => 10)}, sub {
		my ($pid) = @_;
		is(as('one', 'SELECT pid FROM csec.reencryption'), $pid, 're-encryption: an officer sees who is at work');
	});
	all_there("re-encryption, $how");
	is(sql(q{SELECT pid IS NULL, state FROM csec.reencryption}), 't|running', '  it is under way, by nobody');
	# the session goes on with something else
	if ($how eq 'cancelled')
	{
		my $other = held('SELECT pg_advisory_lock(2)');
		$session->query_until(qr/sent/, "\\echo sent\nSELECT pg_advisory_xact_lock(2);\n");
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'it does not wait';
		is(sql(q{SELECT pid IS NULL FROM csec.reencryption}), 't', '  also when its session does something else');
		sql(q{CALL csec.reencrypt('plain', batch => 10)});
		$other->quit;
		$session->quit;
	}
	else
	{
		sql(q{CALL csec.reencrypt('plain', batch => 10)});
	}
	is(sql(q{SELECT count(*) FROM csec.encryption_share('plain') WHERE NOT current}), '0', '  called again it comes to its end');
	all_there("  $how");
}

# ---- the keys of customers, wrapped anew ----

sql('CALL csec.rewrap_subject_keys()');
my $middle = sql(q{SELECT pseudonym FROM csec.subject_key ORDER BY 1 LIMIT 1 OFFSET 25});
sub under_active { return sql(q{SELECT csec.subject_keys_under(id, version) FROM csec.keys WHERE purpose = 'data' AND state = 'active'}) }
foreach my $how (@endings)
{
	sql(q{CALL csec.rotate_key('data', reason => 'test')});
	my $holder = held("BEGIN; SELECT FROM csec.subject_key WHERE pseudonym = '$middle' FOR UPDATE");
	my ($session) = ended_by($how, $holder, 'CALL csec.rewrap_subject_keys(5)');
	$session->quit if $how eq 'cancelled';
	is(under_active(), 26, "customers' keys wrapped anew, $how: those of the batches before are");
	all_there("  $how");
	my ($id, $old) = split /\|/, sql(q{SELECT id, max(version) FROM csec.keys WHERE purpose = 'data' AND state = 'decrypt_only' GROUP BY 1});
	like(error("CALL csec.destroy_key($id, $old, 'test')"), qr/key $id version $old wraps 25 keys of customers.*CALL csec\.rewrap_subject_keys\(\) first/s, '  the old one is kept for the others');
	sql('CALL csec.rewrap_subject_keys(5)');
	is(under_active(), 51, '  called again it wraps all');
	all_there("  $how");
}

# two at once, one a customer at a time; and beside a destruction that is on its way
sql(q{CALL csec.rotate_key('data', reason => 'test')});
my $holder = held("BEGIN; SELECT FROM csec.subject_key WHERE pseudonym = '$middle' FOR UPDATE");
my ($one) = at_work($node, 'CALL csec.rewrap_subject_keys(1)');
my ($two) = at_work($node, 'CALL csec.rewrap_subject_keys(1000)');
$holder->query_safe('COMMIT');
$holder->quit;
$_->query('SELECT 1') foreach $one, $two;
is($one->{stderr} . $two->{stderr}, '', 'two at once meet no error');
is(under_active(), 51, '  and wrap all');
$_->quit foreach $one, $two;
all_there('two at once');

# ---- a KEK ----

foreach my $how (@endings)
{
	my ($first, $then) = $how eq 'terminated' ? qw(root k2) : qw(k2 root);
	my $from = -s $node->logfile;
	$node->append_conf('postgresql.conf', "csec.kek = '$first, $then'");
	$node->reload;
	$node->wait_for_log(qr/as they are now: $first, $then/, $from);
	my $under = sub { sql("SELECT string_agg(DISTINCT kek, ', ') FROM csec.keys WHERE state <> 'destroyed'") };
	my $was = $under->();
	my $holder = held(q{BEGIN; SELECT FROM csec.key ORDER BY id DESC, version DESC LIMIT 1 FOR UPDATE});
	my ($session) = ended_by($how, $holder, 'SELECT csec.rewrap_keys()');
	$session->quit if $how eq 'cancelled';
	is($under->(), $was, "keys wrapped under another KEK, $how: none is");
	all_there("  $how");
	sql('SELECT csec.rewrap_keys()');
	is($under->(), $first, '  called again all are');
	all_there("  $how");
}

# ---- another search key, while its indexes are built; and a key that is destroyed ----

sql('CREATE INDEX plain_found ON plain (id_no) WHERE indexed(id) > 0');
my $found = q{SET enable_seqscan = off; SELECT id FROM plain WHERE id_no = '110105194912310007' AND indexed(id) > 0};
my $searched = sub { sql(q{SELECT string_agg(state, ', ' ORDER BY version) FROM csec.keys WHERE purpose = 'search' AND state <> 'decrypt_only'}) };
foreach my $how (@endings)
{
	sql(q{CALL csec.rotate_key('search', reason => 'test')});
	sql("CALL csec.reencrypt('$_')") foreach qw(plain cust);
	my $holder = held('SELECT pg_advisory_lock(1)');
	my ($session) = ended_by($how, $holder, q{CALL csec.finish_search_rotation('test')});
	if ($how eq 'cancelled')
	{
		is($session->query_safe($found), '7', 'a search key made the active one, cancelled: its session finds by the old one');
		$session->quit;
	}
	is($searched->() . ' ' . sql($found), 'active, next 7', "a search key made the active one, $how: it is not");
	all_there("  $how");
	sql(q{CALL csec.finish_search_rotation('test')});
	is($searched->() . ' ' . sql($found), 'active 7', '  called again it is');
	all_there("  $how");

	my ($id, $old) = split /\|/, sql(q{SELECT id, min(version) FROM csec.keys WHERE purpose = 'data' AND state = 'decrypt_only' GROUP BY 1});
	$holder = held('BEGIN; SELECT FROM plain LIMIT 1');
	($session) = ended_by($how, $holder, "CALL csec.destroy_key($id, $old, 'test', trail_too => true)");
	$session->quit if $how eq 'cancelled';
	is(sql("SELECT state FROM csec.keys WHERE id = $id AND version = $old"), 'decrypt_only', "a key destroyed, $how: it is there");
	sql("CALL csec.destroy_key($id, $old, 'test', trail_too => true)");
	is(sql("SELECT state FROM csec.keys WHERE id = $id AND version = $old"), 'destroyed', '  called again it is gone');
	all_there("  $how");
}
flush_trail($node);
is_verified($node, 'the trail');
$node->stop;
done_testing();
