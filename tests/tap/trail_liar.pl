# Were this to fail, a sealer that leaves out what one session did, and makes all
# hashes and the head fit, would not be found (C.5).  What numbers cannot show is
# here as well: docs/limits.md says so.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;

# A checkpoint is made before what is left out, and none of its own accord after.
my $node = trail_node('liar', 'csec.checkpoint_interval' => '1d');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk LOGIN;
	CREATE ROLE honest LOGIN;
	CREATE TABLE customers (id int PRIMARY KEY, phone text);
	INSERT INTO customers SELECT g, '138' || lpad(g::text, 8, '0') FROM generate_series(1, 20) g;
	GRANT SELECT ON customers TO clerk, honest;
	SELECT csec.protect('customers', 'id', '{"phone": "phone"}');
	SELECT csec.make_checkpoint()});
sub session
{
	my ($role) = @_;
	$node->psql('postgres', join(';', map { "SELECT phone FROM customers WHERE id IN ($_, $_ + 10)" } 1 .. 5), extra_params => [ '-U', $role ]);
}
session('honest');
session('clerk');
session('honest');
flush_trail($node);
is_verified($node, 'what was sealed');
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.who_saw('customers', '13')"), '3', 'three saw a customer');

# Leaves records out as if they had never been: the others close up, and hashes,
# numbers, subjects, tree and head are made anew.
sub without
{
	my ($dropped) = @_;
	return qq{
		CREATE TEMP TABLE told ON COMMIT DROP AS SELECT l.seq, l.at, l.subject, l.relid, l.kind, l.login, l.subjects, csec.whole_record(l.record) AS record, row_number() OVER (ORDER BY l.seq) AS new_seq
			FROM csec_trail.audit_log l, csec.record_fields(l.record) r WHERE NOT coalesce($dropped, false);
		CREATE TEMP TABLE filed ON COMMIT DROP AS SELECT s.subject, t.new_seq AS seq, s.at, s.relid
			FROM csec_trail.audit_subject s JOIN told t USING (seq);
		TRUNCATE csec_trail.audit_log, csec_trail.audit_subject;
		DO \$\$
		DECLARE
			t told;
			link bytea := decode(repeat('00', 32), 'hex');
		BEGIN
			FOR t IN SELECT * FROM told ORDER BY seq LOOP
				t.record := overlay(t.record PLACING int8send(t.new_seq) FROM 5 FOR 8);
				link := digest(link || t.record, 'sha256');
				INSERT INTO csec_trail.audit_log VALUES (t.new_seq, t.at, t.subject,
					t.relid, t.kind, t.login, t.subjects, t.record, link);
			END LOOP;
			INSERT INTO csec_trail.audit_subject SELECT * FROM filed;
		END \$\$;
		} . seals_anew($node);
}

sub found_without
{
	my ($dropped, $expected, $name) = @_;
	my $out = $node->safe_psql('postgres', qq{
		BEGIN;
		SET LOCAL client_min_messages = error;
		$keeps_sealer_out;
		} . without($dropped) . q{;
		SELECT verified, problem FROM csec.check_trail(1, NULL);
		SELECT verified FROM csec.verify_trail_sql();
		SELECT count(*) FROM csec.who_saw('customers', '13');
		ROLLBACK});
	# which of the two it is depends on how many records were sealed since
	$out =~ s/tail_cut|checkpoint_differs/checkpoint/;
	is($out, $expected, $name);
}

my $clerks = "r.login = 'clerk'";
found_without('false', "t|\nt\n3", 'nothing left out: the forgery is made well');
found_without("$clerks AND r.number = 3", "f|session_gap\nt\n2", 'one record from the midst of a session');
found_without("$clerks AND r.number = 1", "f|session_gap\nt\n3", 'its first');
found_without("$clerks AND r.number IN (2, 3, 4)", "f|session_gap\nt\n2", 'several');

# What only somebody outside, who noted the head before, can find.
my ($last, $head) = split /\|/, $node->safe_psql('postgres', "SELECT last_seq, encode(head_hash, 'hex') FROM csec.check_trail(1, NULL)");
found_without("$clerks AND r.number > 3", "t|\nt\n3", 'the end of a session is not found by numbers');
found_without($clerks, "t|\nt\n2", 'nor is a session as a whole');

# So it is with a checkpoint, whose key is gone: not even the liar can sign it again.
$node->safe_psql('postgres', 'SELECT csec.make_checkpoint()');
found_without('false', "t|\nt\n3", 'a checkpoint fits what was sealed');
found_without("$clerks AND r.number > 3", "f|checkpoint\nt\n3", 'it does not fit without the end of a session');
found_without($clerks, "f|checkpoint\nt\n2", 'nor without a session');
my $out = $node->safe_psql('postgres', qq{
	BEGIN;
	SET LOCAL client_min_messages = error;
	$keeps_sealer_out;
	} . without($clerks) . qq{;
	SELECT count(*) FROM csec_trail.audit_log WHERE seq = $last AND hash = '\\x$head';
	ROLLBACK});
is($out, '0', 'but a head noted before does not fit any more');
is_verified($node, 'what was sealed stands');
$node->stop;
done_testing();
