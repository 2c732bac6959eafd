# Were this to fail, records could leave the trail without two persons' word, too
# early or under a hold; what remains would no longer verify; or records that
# somebody took away would pass for retention.

use strict;
use warnings;
use CsecFaults;
use CsecTrail;
use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use Time::Local;

# Four and a half years ago, in the middle of a month; then month by month.
my $ago = 54;
faulty();
sub set_month
{
	my @t = gmtime(time);
	my $months = $t[5] * 12 + $t[4] - $_[0];
	set_fault('clock', timegm(0, 0, 12, 15, $months % 12, int($months / 12) + 1900) - time);
}
set_month($ago);
my $node = trail_node('retention', 'restart_after_crash' => 'on', 'max_connections' => 40);
sub sql { my ($sql, $user) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }
sub fails
{
	my ($sql, $like, $name, $user) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]);
	like($err, $like, $name);
}
sql(q{
	CREATE ROLE clerk LOGIN;
	CREATE ROLE anna LOGIN IN ROLE csec_officer;
	CREATE ROLE anna2 LOGIN IN ROLE csec_officer;
	CREATE ROLE bert LOGIN IN ROLE csec_officer, csec_auditor;
	CREATE ROLE carl LOGIN IN ROLE csec_management;
	SELECT csec.register_person('anna', 'Anna'), csec.register_person('bert', 'Bert'), csec.register_person('carl', 'Carl');
	SELECT csec.assign_login('anna', 'anna'), csec.assign_login('anna', 'anna2'), csec.assign_login('bert', 'bert'), csec.assign_login('carl', 'carl');
	CREATE TABLE customers (id int PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, '13812341234' FROM generate_series(1, 50) g;
	GRANT SELECT ON customers TO clerk;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}')});

# What is wrong with the trail behind its last cut, by docs/record-format.md alone.
sub varint { my ($bytes) = @_; my ($v, $shift) = (0, 0); while (1) { my $b = ord substr $$bytes, 0, 1, ''; $v |= ($b & 0x7f) << $shift; return $v if $b < 0x80; $shift += 7 } }
sub fields_of
{
	my ($rest) = substr $_[0], 36 + 32;
	my %field;
	while ($rest ne '') { my $tag = ord substr $rest, 0, 1, ''; $field{$tag} = substr $rest, 0, varint(\$rest), '' }
	return \%field;
}
sub wrong_by_page
{
	my @wrong;
	my @rows = map { my ($seq, $record, $hash) = split /\|/; { seq => $seq, record => pack('H*', $record), hash => pack('H*', $hash) } }
	  split /\n/, sql(q{SELECT seq, encode(csec.whole_record(record), 'hex'), encode(hash, 'hex') FROM csec_trail.audit_log ORDER BY seq});
	$_->{field} = fields_of($_->{record}) foreach @rows;
	my @cuts = grep { ord(substr $_->{record}, 2, 1) == 11 } @rows;
	my $anchor = $cuts[-1]{field}{30};
	my ($magic, $order, $first, $n, $first_at, $last_at, $bound, $subjects, $epoch, $size, $hash, $before, $gap_at) = unpack 'a4Q>Q>Q>q>q>q>Q>Q>Q>a32a32q>', $anchor;
	my $rest = substr $anchor, 148;
	my ($asked, $approved, $reason) = map { my $len = unpack 'n', substr $rest, 0, 2, ''; substr $rest, 0, $len, '' } 1 .. 3;
	my @peaks = map { $n >> $_ & 1 ? [ 1 << $_, substr $rest, 0, 32, '' ] : () } reverse 0 .. 62;
	my %session = map { my ($start, $pid, $number) = unpack 'q>NQ>', substr $rest, 0, 20, ''; ("$start $pid" => $number & ~(1 << 63)) } 1 .. unpack 'N', substr $rest, 0, 4, '';
	my $keys = unpack 'n', substr $rest, 0, 2, '';
	push @wrong, 'length' if length $rest != 32 * $keys;
	push @wrong, 'magic, or times' if $magic ne 'CSA1' || grep { $_ >= $bound } $first_at, $last_at, $gap_at;
	push @wrong, 'before' if $before ne (@cuts > 1 ? sha256($cuts[-2]{field}{30}) : $before);

	# the chain, the tree and the sessions go on from it
	push @wrong, 'first' if $rows[0]{seq} != $n + 1;
	my $root;
	foreach my $row (@rows)
	{
		$hash = sha256($hash . $row->{record});
		push @wrong, "hash $row->{seq}" if $hash ne $row->{hash};
		push @peaks, [ 1, sha256("\0$hash") ];
		splice @peaks, -2, 2, [ 2 * $peaks[-1][0], sha256("\1$peaks[-2][1]$peaks[-1][1]") ] while @peaks > 1 && $peaks[-2][0] == $peaks[-1][0];
		my $whose = join ' ', unpack 'q>N', substr $row->{record}, 36 + 4, 12;
		my $number = unpack 'Q>', substr $row->{record}, 36 + 16, 8;
		push @wrong, "number $row->{seq}" if $number != ($session{$whose} // 0) + 1;
		$session{$whose} = $number;
		$root->{ $row->{seq} } = sub { my $r = pop @{ $_[0] }; $r = [ 0, sha256("\1" . (pop @{ $_[0] })->[1] . $r->[1]) ] while @{ $_[0] }; return $r->[1] }->([ @peaks ]);
	}
	my %signed = map { (split /\n/)[1] => decode_base64((split /\n/)[2]) } split /\0/, sql(q{SELECT string_agg(convert_from(note, 'UTF8'), chr(1)) FROM csec_trail.checkpoint}) =~ tr/\1/\0/r;
	my @compared = grep { defined $root->{$_} } keys %signed;
	push @wrong, 'no checkpoint behind it' if !@compared;
	push @wrong, map { "root $_" } grep { $root->{$_} ne $signed{$_} } @compared;
	push @wrong, 'its checkpoint' if !defined $signed{$size} || $size < $n;

	# two logins
	my %step = map { $_->{field}{24} => $_ } grep { ($_->{field}{23} // '') eq 'trail' && ($_->{field}{24} // '') =~ /^cut (proposed|approved)$/ && $_->{field}{25} =~ /"order": $order\b/ } @rows;
	push @wrong, 'approval' if $step{'cut approved'}{field}{25} !~ /"anchor": "@{[ sha256_hex($anchor) ]}"/ || $step{'cut proposed'}{field}{1} eq $step{'cut approved'}{field}{1};
	return join(', ', @wrong) . " $asked $approved $reason";
}

# A session that goes on through all the months.
my $long = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
sub a_month
{
	set_month($_[0]);
	record_some($node, 300, object => "month $_[0]");
	sql("SELECT csec.flush_audit()");
	$long->query_safe('SELECT * FROM customers WHERE id < 5');
	sql('SELECT csec.make_checkpoint()');
}
a_month($_) foreach $ago, $ago - 1, $ago - 2;
my $bundle = PostgreSQL::Test::Utils::tempdir . '/before';
$node->command_ok([ 'csec_export', '-q', '-o', $bundle, '-U', 'postgres', '--reason', 'kept', 'postgres' ], 'evidence from before');
my $kept = sql('SELECT max(epoch), max(size) FROM csec_trail.checkpoint');
my ($kept_epoch, $kept_size) = split /\|/, $kept;
my $kept_root = sql("SELECT root FROM csec_trail.checkpoint WHERE epoch = $kept_epoch");
clear_fault('clock');
record_some($node, 300, object => 'today');
$long->query_safe('SELECT * FROM customers WHERE id = 7');
sql('SELECT csec.make_checkpoint()');
is_verified($node, 'before');

# the months by name, oldest first
my @first = split /\n/, sql(q{SELECT month FROM csec.retention_plan WHERE last_seq IS NOT NULL});
is(scalar @first, 4, 'three months and this one');
is(sql(q{SELECT string_agg(state, ',' ORDER BY month) FROM csec.retention_plan WHERE last_seq IS NOT NULL}), 'due,due,due,kept', 'what is due');

# too early, held, not one's own
my $this_month = $first[3];
fails("SELECT csec.propose_trail_cut(('$this_month'::date + interval '1 month')::date, 'space')", qr/cannot leave: kept by rule cn_network/, 'not under the floor', 'anna');
fails("SELECT csec.propose_trail_cut('$first[1]'::date + 1, 'space')", qr/no month of the trail ends there/, 'whole months only', 'anna');
sql("SELECT csec.hold_evidence('a case', NULL, NULL, '$first[1]', '$first[2]')", 'bert');
is(sql(q{SELECT string_agg(state || coalesce(' ' || kept_by[1], ''), ',' ORDER BY month) FROM csec.retention_plan WHERE month < now() - interval '4 years'}),
	"due,held evidence hold 1,behind month $first[1] before it is held,behind month $first[1] before it is held", 'the plan names the hold, and what stands behind it');
fails("SELECT csec.propose_trail_cut('$first[2]', 'space')", qr/kept by evidence hold 1/, 'not under a hold', 'anna');
sql("SELECT csec.release_evidence(1, 'over')", 'bert');
sql("INSERT INTO csec.retention_rule VALUES ('house', '10 years', 'our own')");
fails("SELECT csec.propose_trail_cut('$first[1]', 'space')", qr/kept by rule house/, 'rules are rows', 'anna');
sql("DELETE FROM csec.retention_rule WHERE name = 'house'");
fails("SELECT csec.propose_trail_cut('$first[1]', 'space')", qr/permission denied/, 'not for everybody', 'clerk');

my $order = sql("SELECT csec.propose_trail_cut('$first[1]', 'three years are over')", 'anna');
fails("SELECT csec.approve_trail_cut($order)", qr/nobody approves an order of his own/, 'not by who asked', 'anna');
fails("SELECT csec.approve_trail_cut($order)", qr/nobody approves an order of his own/, '  nor by another login of his', 'anna2');
flush_trail($node);
is(sql("SELECT count(*) FROM csec.denials WHERE object = 'order $order'"), '2', '  and that is on record');

# what does not verify does not leave
sql("BEGIN; LOCK TABLE csec_trail.sealer_state; UPDATE csec_trail.audit_log SET record = set_byte(record, 60, get_byte(record, 60) # 1) WHERE seq = 20; COMMIT");
fails("SELECT csec.approve_trail_cut($order)", qr/does not verify: altered, record 20/, 'what does not verify stays', 'bert');
sql("BEGIN; LOCK TABLE csec_trail.sealer_state; UPDATE csec_trail.audit_log SET record = set_byte(record, 60, get_byte(record, 60) # 1) WHERE seq = 20; COMMIT");

# an approved order that somebody edits is not carried out
sql(q{
	CREATE FUNCTION edit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.anchor := set_byte(NEW.anchor, 150, get_byte(NEW.anchor, 150) # 1); RETURN NEW; END $$;
	CREATE TRIGGER edit BEFORE UPDATE ON csec.trail_cut_order FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION edit()});
sql("SELECT csec.approve_trail_cut($order, 'yes')", 'bert');
sql('DROP TRIGGER edit ON csec.trail_cut_order');
my $last = sql("SELECT last_seq FROM csec.trail_cut_order WHERE id = $order");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE l.kind = 8 AND r.action = 'cut refused'"),
	'an edited order is refused, on record');
is(sql('SELECT min(seq) FROM csec_trail.audit_log'), '1', '  and nothing leaves');
sql("UPDATE csec.trail_cut_order SET state = 'rejected', decision = 'edited', decided_by = 'x' WHERE id = $order");

# nor one that is edited with its triggers disabled, even back to what it was approved for
$order = sql("SELECT csec.propose_trail_cut('$first[1]', 'three years are over')", 'anna');
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('BEGIN; SELECT FROM csec_trail.audit_log LIMIT 1');	# keeps the sealer from cutting
sql("SELECT csec.approve_trail_cut($order, 'yes')", 'bert');
sql("ALTER TABLE csec.trail_cut_order DISABLE TRIGGER sign_row; UPDATE csec.trail_cut_order SET requested_by = 'other' WHERE id = $order; ALTER TABLE csec.trail_cut_order ENABLE ALWAYS TRIGGER sign_row");
$keeper->query_safe('COMMIT');
$keeper->quit;
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE l.kind = 8 AND r.action = 'cut refused' AND csec.detail(r.detail) ->> 'order' = '$order'"),
	'so is one whose row csec did not sign');
is(sql("SELECT state FROM csec.trail_cut_orders WHERE id = $order"), 'altered', '  which is named');
sql("UPDATE csec.trail_cut_order SET state = 'rejected', decision = 'edited', decided_by = 'x' WHERE id = $order");

# held between proposal and approval, and between approval and cut
$order = sql("SELECT csec.propose_trail_cut('$first[1]', 'three years are over')", 'anna');
sql("SELECT csec.hold_evidence('a case', NULL, NULL, '$first[0]', '$first[1]')", 'bert');
fails("SELECT csec.approve_trail_cut($order)", qr/kept by evidence hold 2/, 'no approval under a hold that came later', 'bert');
sql("SELECT csec.release_evidence(2, 'over')", 'bert');
my $incident = sql("SELECT csec.report_incident('a case', 'leak', happened_from => '$first[0]', happened_until => '$first[1]')", 'bert');
fails("SELECT csec.approve_trail_cut($order)", qr/kept by incident $incident is open/, '  nor under an incident', 'bert');
sql("SELECT csec.triage_incident($incident, 'bert'); SELECT csec.dismiss_incident($incident, 'no leak')", 'bert');
my $holder = $node->background_psql('postgres', extra_params => [ '-U', 'bert' ]);
$holder->query_safe("BEGIN; SELECT csec.hold_evidence('in the last instant', NULL, NULL, '$first[0]', '$first[1]')");
sql("SELECT csec.approve_trail_cut($order, 'yes')", 'bert');
$node->wait_for_log(qr/cut of the audit trail by order $order could not be carried out yet/);
$holder->query_safe('COMMIT');
$holder->quit;
is(sql("SELECT waits_for FROM csec.trail_cut_orders WHERE id = $order"), 'kept by evidence hold 3', 'a hold of the last instant keeps what was approved');
is(sql('SELECT min(seq) FROM csec_trail.audit_log'), '1', '  and nothing leaves');
# ... and after 48 hours it is over
sql("UPDATE csec.trail_cut_order SET decided_at = decided_at - interval '48 hours' WHERE id = $order");
sql("SELECT csec.release_evidence(3, 'over')", 'bert');
is(sql("SELECT state FROM csec.trail_cut_orders WHERE id = $order"), 'lapsed', 'what is not carried out in 48 hours lapses');
fails("SELECT csec.approve_trail_cut($order)", qr/order $order is lapsed/, '  and is not approved again', 'bert');

# killed between all steps: either whole or not
$order = sql("SELECT csec.propose_trail_cut('$first[1]', 'three years are over')", 'anna');
sql("SELECT csec.approve_trail_cut($order, 'yes')", 'bert');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM csec.trail_cuts"), 'the sealer carries it out');
is(sql("SELECT string_agg(state, ',' ORDER BY id) FROM csec.trail_cut_orders"), 'rejected,rejected,lapsed,done', 'the order is done');
is(sql("SELECT min(seq) FROM csec_trail.audit_log"), $last + 1, 'the first month is gone');
is(sql("SELECT from_seq, to_seq, records, requested_by, approved_by, reason FROM csec.trail_cuts"),
	"1|$last|$last|anna|bert|three years are over", 'who, why, from, to');
is(sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'csec_trail'::regnamespace AND relkind = 'r' AND relname LIKE 'audit_subject_%' AND relname < 'audit_subject_' || to_char('$first[1]'::date, 'YYYY_MM')"),
	'0', 'subjects with it');
is_verified($node, 'what remains verifies from its anchor');
is(sql('SELECT first_seq FROM csec.verify_trail()'), $last + 1, '  from its first record');
is(wrong_by_page(), ' anna bert three years are over', '  and by the page on the format alone');
$long->query_safe('SELECT * FROM customers WHERE id = 8');
flush_trail($node);
is_verified($node, 'with a session that goes on across the cut');

# proofs and checkpoints from before
is(sql("SELECT csec.verify_consistency($kept_size, csec.tree_size(), '$kept_root', csec.tree_root(csec.tree_size()), csec.consistency_proof($kept_size, csec.tree_size()))"),
	't', 'the tree still proves that it goes on from a checkpoint of before');
is(sql("SELECT csec.tree_root($kept_size) = '$kept_root'"), 't', '  and has its root');
is(sql("SELECT cardinality(csec.inclusion_proof(5, $kept_size)) > 0"), 't', '  a record that left can be proved, by who kept it');

# from outside: the server, evidence from after the cut, and from before
sub verify { my ($name, $code, $like, @args) = @_; my ($out, $err); my $got = IPC::Run::run([ 'csec_verify', @args ], '>', \$out, '2>', \$err) ? 0 : $? >> 8;
	is($got, $code, $name) or diag "$out$err"; like($out, $like, "  $name: what is said"); }
$ENV{PGHOST} = $node->host; $ENV{PGPORT} = $node->port; $ENV{PGUSER} = 'postgres';
verify('csec_verify begins at the anchor', 0, qr/verified.* records, @{[$last + 1]} to /s, 'postgres');
verify('... or behind a later checkpoint', 0, qr/verified.*records up to \d+ were not looked at/s, '--since', 'tomorrow', 'postgres');
verify('  with a checkpoint kept from before', 0, qr/under the key or checkpoint given/, '--from', "$bundle/checkpoints", 'postgres');
verify('  in several units', 0, qr/verified/, '-j', '1', 'postgres');
my $after = "$bundle.after";
$node->command_ok([ 'csec_export', '-q', '-o', $after, '-U', 'postgres', '--reason', 'kept', 'postgres' ], 'evidence from after the cut');
verify('evidence from after the cut', 0, qr/verified.* records, @{[$last + 1]} to /s, '-f', $after);
verify('  with a checkpoint kept from before', 0, qr/verified/, '--from', "$bundle/checkpoints", '-f', $after);
# the records are not in it, but that the tree goes on from theirs
my $goes_on = slurp_file("$after/proofs");
like($goes_on, qr/^tree \d+\nfrom \d+ /m, '  which proves that its tree goes on from theirs');
foreach ([ 'another tree', qr/rewritten, record 1:/, $goes_on =~ s/([0-9a-f]{64})$/reverse $1/emr ],
	[ 'no proof', qr/bundle_damaged, record \d+: there is no proof/, $goes_on =~ s/^from .*\n//mr ],
	[ 'no proofs', qr/bundle_damaged, record 1: the proofs are not/, "csec proofs 1\ntree 0\n" ])
{
	my ($what, $told, $proofs) = @$_;
	system_or_bail('cp', '-r', $after, "$after.edited");
	my $manifest = slurp_file("$after/MANIFEST") =~ s/^(proofs): \w+/"$1: " . sha256_hex($proofs)/mer;
	foreach ([ proofs => $proofs ], [ MANIFEST => $manifest ])
	{
		open my $f, '>:raw', "$after.edited/$_->[0]" or die;
		print $f $_->[1];
		close $f;
	}
	verify("  $what: not verified", 1, $told, '-f', "$after.edited");
	system_or_bail('rm', '-r', "$after.edited");
}
verify('evidence from before still verifies', 0, qr/verified/, '--from', "$bundle/checkpoints", '-f', $bundle);
verify('  and goes on in it', 0, qr/verified/, '-f', $bundle, '--against', $after);

my $told;
foreach my $selection ([ 1, '--until', '5' ], [ 1, '--person', 'clerk' ], [ 0, '--since', $last + 1 ])
{
	my ($warned, @selection) = @$selection;
	IPC::Run::run([ 'csec_export', '-q', '-o', "$after.$selection[1]", '--reason', 'kept', @selection, 'postgres' ], '2>', \$told);
	is($told =~ /the trail begins with record @{[$last + 1]}/ ? 1 : 0, $warned, "who selects evidence (@selection) is told whether some of it has left");
	verify('  which goes on from checkpoints of before', 0, qr/verified/, '--from', "$bundle/checkpoints", '-f', "$after.$selection[1]");
}

# where the trail begins
sub warns
{
	my ($sql, $like, $name) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql);
	like($err, $like, $name);
}
warns("SELECT count(*) FROM csec.who_saw('customers', '3')", qr/WARNING:  the trail begins with record @{[$last + 1]}, of $first[1] and later/, 'who_saw says where the trail begins');
warns("SELECT count(*) FROM csec.scope_incident(role => 'clerk', from_time => '2000-01-01', to_time => now())", qr/the trail begins with/, 'scope_incident, too');
warns("SELECT count(*) FROM csec.who_saw('customers', '3', now() - interval '1 day')", qr/^(?!.*the trail begins)/s, 'but not of a time that is whole');
is(sql("SELECT why, (since IS NOT NULL), until = '$first[1]'::timestamp AT TIME ZONE 'UTC' FROM csec.gaps WHERE what = 'cut'"), 'retention|t|t', 'csec.gaps lists it');
is(sql("SELECT csec.record_head('customers', '3', NULL, NULL) ->> 'trail_since' IS NOT NULL"), 't', 'the customer record says since when');

# tampered with, and not by retention
my $next = $last + 1;
my $cut_seq = sql('SELECT seq FROM csec.trail_cuts');
my $second = sql("SELECT (csec.month_span(log)).last_seq + 1 FROM csec.trail_months() ORDER BY month LIMIT 1");
my $leaf = sql('SELECT log FROM csec.trail_months() ORDER BY month LIMIT 1');
is_found($node, 'a month more than the order said', "DO \$\$ BEGIN PERFORM csec.own_ddl(true); EXECUTE 'DROP TABLE $leaf'; END \$\$", "cut_exceeded|$next");
is_found($node, 'the first record gone as well', "DELETE FROM csec_trail.audit_log WHERE seq = $next", "cut_exceeded|$next");
is_found($node, 'the record of the cut deleted', "DELETE FROM csec_trail.audit_log WHERE seq = $cut_seq", 'missing|1');
is_found($node, 'the anchor edited', "UPDATE csec_trail.audit_log SET record = set_byte(record, length(record) - 1, get_byte(record, length(record) - 1) # 1) WHERE seq = $cut_seq", "altered|$cut_seq");
is_found($node, 'a record that left put back', "INSERT INTO csec_trail.audit_log SELECT 5, at, subject, relid, kind, login, subjects, record, hash FROM csec_trail.audit_log WHERE seq = $next", 'inserted|5');
is_found($node, 'a tile of what left gone', 'DELETE FROM csec_trail.tree_tile WHERE level = 0 AND tile = 0', 'tree_differs|1');
is_found($node, 'a tile of what left edited', 'UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 100, get_byte(hashes, 100) # 1) WHERE level = 0 AND tile = 0', 'tree_differs|1');
is_found($node, 'behind the cut a record less of a session', "DELETE FROM csec_trail.audit_log WHERE seq = $next + 3", 'missing|' . ($next + 3));

# ---- who is at work while months leave ----

$long->quit;
sub holder { my ($user, @sql) = @_; my $s = $node->background_psql('postgres', extra_params => [ '-U', $user ]); $s->query_safe($_) foreach 'BEGIN', @sql; return $s }
sub let_go { my ($s, $how) = @_; $s->query_safe($how // 'ROLLBACK'); $s->quit }
# What goes on meanwhile; when it has ended: its exit code, and all that it said.
sub meanwhile
{
	my ($out, @command) = ('', @_);
	my $run = IPC::Run::start(\@command, '<', \undef, '>&', \$out);
	return sub { $run->finish; return ($run->result(0), $out) };
}
sub asks { my ($user, $sql) = @_; return meanwhile('psql', '-XAtq', '-U', $user, '-c', $sql, 'postgres') }
sub poll { $node->poll_query_until('postgres', "SELECT $_[0]") or die "not so: $_[0]" }
sub sealer_has { return "EXISTS (SELECT FROM pg_locks WHERE relation = 'csec_trail.$_[0]'::regclass AND mode = 'AccessExclusiveLock' AND granted)" }

# two approvals at once: the first is taken back
$order = sql("SELECT csec.propose_trail_cut('$first[2]', 'again')", 'anna');
my $all = sql('SELECT count(*) FROM csec_trail.audit_log');
my $cursor = holder('postgres', 'DECLARE c CURSOR FOR SELECT seq FROM csec_trail.audit_log ORDER BY seq', 'FETCH 1 FROM c');
my $approves = holder('bert', "SELECT csec.approve_trail_cut($order, 'taken back')");
my $too = asks('carl', "SELECT csec.approve_trail_cut($order, 'seen')");
poll("EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'carl' AND wait_event_type = 'Lock')");
let_go($approves);
is(($too->())[0], 0, 'of two approvals at once the second waits for the first');
is(sql("SELECT state, decided_by FROM csec.trail_cut_order WHERE id = $order"), 'approved|carl', '  and holds where that is taken back');

# who reads has begun before: he reads all there was, and the months leave behind him
$node->wait_for_log(qr/cut of the audit trail by order $order could not be carried out yet/);
verify('csec_verify, while a cut waits', 0, qr/verified.* records, $next to /s, '-j', '4', 'postgres');
cmp_ok(scalar(() = $cursor->query_safe('FETCH ALL FROM c') =~ /^\d+$/mg), '>=', $all - 1, 'an open cursor reads all there was when it began');
my $before_it = $node->background_psql('postgres', on_error_stop => 0);
$before_it->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
my $leaf_of_it = sql('SELECT log FROM csec.trail_months() ORDER BY month LIMIT 1');
my $keeper = holder('postgres', "SELECT FROM $leaf_of_it LIMIT 1");
let_go($cursor);

# who begins meanwhile waits with the snapshot of before, and is told nothing false
poll(sealer_has('audit_log'));
my %works = (
	'csec_verify, with threads' => [ meanwhile('csec_verify', '-j', '4', 'postgres'), qr/verified/ ],
	'csec_verify, with one' => [ meanwhile('csec_verify', '-j', '1', 'postgres'), qr/verified/ ],
	'csec_export' => [ meanwhile('csec_export', '-q', '-o', "$bundle.meanwhile", '--reason', 'kept', 'postgres'), qr// ],
	'verify_trail()' => [ asks('postgres', 'SELECT verified, problem FROM csec.verify_trail()'), qr/^t\|$/ ],
	'verify_trail_sql()' => [ asks('postgres', 'SELECT verified, bad_seq FROM csec.verify_trail_sql()'), qr/^t\|$/ ],
	'who_saw()' => [ asks('postgres', "SELECT count(*) FROM csec.who_saw('customers', '3')"), qr/the trail begins with record / ],
	'hold_evidence()' => [ asks('bert', "SELECT csec.hold_evidence('too late', NULL, NULL, '$first[0]', '$first[1]')"), qr/the trail begins with record / ]);
poll("count(*) >= 5 FROM pg_locks WHERE NOT granted AND relation IN ('csec_trail.audit_log'::regclass, 'csec.evidence_hold'::regclass)");
let_go($keeper);
foreach my $name (sort keys %works)
{
	my ($code, $out) = $works{$name}[0]->();
	is($code, 0, "$name, while months leave") or diag $out;
	like($out, $works{$name}[1], '  says what is true');
}
poll('count(*) = 2 FROM csec.trail_cuts');
is($before_it->query_safe('SELECT verified, problem FROM csec.verify_trail()'), 't|', 'an older snapshot does not keep verify_trail() from the truth');
$before_it->query('SELECT verified FROM csec.verify_trail_sql()');
like($before_it->{stderr}, qr/cannot run in an older snapshot/, '  and verify_trail_sql() tells no break of what it cannot see');
$before_it->quit;
sql("SELECT csec.release_evidence(max(id), 'over') FROM csec.evidence_hold", 'bert');
verify('evidence of meanwhile', 0, qr/verified/, '-f', "$bundle.meanwhile");
verify('evidence from before still verifies', 0, qr/verified/, '-f', $bundle);
$next = sql('SELECT first_seq FROM csec.trail_begin()');

# ---- killed at each step ----

sub killed
{
	my ($pid, $name) = @_;
	my $from = -s $node->logfile;
	kill 'KILL', $pid or die "no process $pid";
	$node->wait_for_log(qr/ready to accept connections/, $from);
	wait_for_sealer($node);
	return $name;
}
# All partitions, as they are committed: without a lock, which the sealer may have.
sub partitions { return sql(q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relname ~ '^audit_(log|subject)_\d'}) }
# The sealer rests behind each table that it drops and that is named here.
sql(q{
	CREATE TABLE rest (behind text);
	CREATE FUNCTION rest() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_sleep(20) FROM pg_event_trigger_dropped_objects() d JOIN public.rest r ON d.object_type = 'table' AND d.object_name ~ r.behind; END $$;
	CREATE EVENT TRIGGER rest ON sql_drop EXECUTE FUNCTION rest()});
my $until = sql("SELECT bound::date FROM csec.trail_months() ORDER BY month LIMIT 1");
$order = sql("SELECT csec.propose_trail_cut('$until', 'once more')", 'anna');
$approves = holder('bert', "SELECT csec.approve_trail_cut($order, 'lost')");
my $backend = $approves->query_safe('SELECT pg_backend_pid()');
killed($backend);
$approves->{run}->finish;
is(sql("SELECT state FROM csec.trail_cut_orders WHERE id = $order"), 'proposed', 'killed in the approval, with the anchor made: the order waits');

my $before = partitions();
$keeper = holder('postgres', 'SELECT FROM ' . sql('SELECT log FROM csec.trail_months() ORDER BY month LIMIT 1') . ' LIMIT 1');
$approves = holder('bert', "SELECT csec.approve_trail_cut($order)");
$too = asks('carl', "SELECT csec.approve_trail_cut($order, 'as well')");
poll("EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'carl' AND wait_event_type = 'Lock')");
let_go($approves, 'COMMIT');
my ($failed, $why) = $too->();
isnt($failed, 0, 'of two approvals at once the second is refused where the first holds');
like($why, qr/order $order is approved/, '  and told');
is(sql("SELECT state, decided_by FROM csec.trail_cut_order WHERE id = $order"), 'approved|bert', '  which changes nothing');
poll(sealer_has('audit_log'));
foreach my $step ([ 'with the lock', 'audit_log' ], [ 'with records dropped', 'audit_subject' ], [ 'with subjects dropped, too', 'nothing' ])
{
	my ($name, $next_rest) = @$step;
	sql("DELETE FROM rest; INSERT INTO rest VALUES ('$next_rest')");
	killed(sealer_pid($node));
	$keeper->{run}->finish if $next_rest eq 'audit_log';
	poll("count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'csec sealer' AND wait_event = 'PgSleep'") if $next_rest ne 'nothing';
	is(partitions(), $before, "killed $name: nothing has left") if $next_rest ne 'nothing';
}
poll('count(*) = 3 FROM csec.trail_cuts');
killed(sealer_pid($node));
is(sql('SELECT count(*), (SELECT min(seq) FROM csec_trail.audit_log) FROM csec.trail_cuts'), '3|' . sql("SELECT last_seq + 1 FROM csec.trail_cut_order WHERE id = $order"),
	'killed with the record of it sealed: all of it has left');
isnt(partitions(), $before, '  with its partitions');
is_verified($node, 'after all kills');
is(wrong_by_page(), ' anna bert once more', '  by the page, too');
is(sql('SELECT (csec.read_cut(c.anchor)).before = sha256(b.anchor) FROM csec.trail_cuts c JOIN csec.trail_cuts b ON b.to_seq + 1 = c.from_seq ORDER BY c.seq DESC LIMIT 1'), 't', 'an anchor names the one before');

# what csec_verify says of damage, with the sealer away
my $seq = sql('SELECT max(seq) FROM csec.trail_cuts');
my $begins = sql('SELECT first_seq FROM csec.trail_begin()');
my ($approval, $by) = split /\|/, records($node, 'seq, login', "action = 'cut approved' ORDER BY seq DESC LIMIT 1");
all_whole($node);
sub damaged
{
	my ($name, $damage, $like) = @_;
	$node->safe_psql('postgres', 'CREATE DATABASE damaged TEMPLATE postgres');
	$node->safe_psql('damaged', $damage);
	verify($name, 1, $like, 'damaged');
	$node->safe_psql('postgres', 'DROP DATABASE damaged');
}
damaged('a month more than the order said', "DELETE FROM csec_trail.audit_log WHERE seq < $begins + 300", qr/cut_exceeded, record $begins:/);
damaged('the record of the cut deleted', "DELETE FROM csec_trail.audit_log WHERE seq = $seq", qr/record/);
damaged('the anchor edited', "UPDATE csec_trail.audit_log SET record = set_byte(record, length(record) - 1, get_byte(record, length(record) - 1) # 1) WHERE seq = $seq", qr/altered, record $seq:/);
# by who can make all hashes anew, and had the checkpoints away
my $anew = sub { qq{
	DO \$\$
	DECLARE r record; link bytea := (SELECT hash FROM csec_trail.audit_log WHERE seq = $_[0] - 1);
	BEGIN
		FOR r IN SELECT seq, record FROM csec_trail.audit_log WHERE seq >= $_[0] ORDER BY seq LOOP
			link := sha256(link || r.record);
			UPDATE csec_trail.audit_log SET hash = link WHERE seq = r.seq;
		END LOOP;
		UPDATE csec_trail.sealer_state SET hash = link;
		DELETE FROM csec_trail.checkpoint WHERE size >= $_[0];
	END \$\$} };
damaged('the approval signed by who asked', "UPDATE csec_trail.audit_log SET login = 'anna', record = overlay(record PLACING 'anna'::bytea FROM position('$by'::bytea in record)) WHERE seq = $approval; " .
	$anew->($approval), qr/cut_unapproved, record $seq:/);
damaged('a tile of what left edited, its checkpoints away', "DELETE FROM csec_trail.checkpoint; UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 100, get_byte(hashes, 100) # 1) WHERE level = 0 AND tile = 0",
	qr/cut_forged, record $begins:/);
damaged('a tile of what left edited', 'UPDATE csec_trail.tree_tile SET hashes = set_byte(hashes, 100, get_byte(hashes, 100) # 1) WHERE level = 0 AND tile = 0', qr/(rewritten|cut_forged), record/);
damaged('a record that left put back', "INSERT INTO csec_trail.audit_log SELECT 5, at, subject, relid, kind, login, subjects, record, hash FROM csec_trail.audit_log WHERE seq = $begins", qr/inserted, record 5:/);
$node->stop;
done_testing();
