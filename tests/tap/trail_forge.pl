# Were this to fail, who may call pg_logical_emit_message could put records
# into the trail, or put genuine ones there again (B.10).

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = trail_node('forge', wal_level => 'logical');
$node->safe_psql('postgres', q{
	CREATE DATABASE other;
	CREATE PUBLICATION p;
	SELECT pg_create_logical_replication_slot('watch', 'pgoutput')});

# Every message of csec's as the WAL has it.
# pgoutput: 'M', flags, lsn of eight bytes, prefix with its zero, length of four
my $messages = q{
	SELECT substr(data, 1 + 1 + 1 + 8 + 5 + 4) AS message
	FROM pg_logical_slot_get_binary_changes('watch', NULL, NULL,
		'proto_version', '1', 'publication_names', 'p', 'messages', 'true')
	WHERE get_byte(data, 0) = 77 AND substr(data, 11, 5) = '\x6373656300'};

record_some($node, 3, object => 'genuine');
flush_trail($node);
$node->safe_psql('postgres', "CREATE TABLE message AS $messages");
flush_trail($node);
my $genuine = q{(SELECT message FROM message WHERE position('genuine 2'::bytea in message) > 0)};
is($node->safe_psql('postgres', "SELECT length($genuine) > 60"), 't', 'a genuine message can be read from the WAL');

sub rejected { return records($node, "coalesce(string_agg(action, ',' ORDER BY seq), '')", "kind = 'rejected'") }

my $expected = '';
sub is_rejected
{
	my ($name, $as, $sql, $db) = @_;
	$expected .= ($expected eq '' ? '' : ',') . $as if defined $as;
	$node->safe_psql($db // 'postgres', $sql);
	flush_trail($node);
	is(rejected(), $expected, $name);
}

is_rejected('text', 'forged', q{SELECT pg_logical_emit_message(false, 'csec', 'hello')});
is_rejected('nothing', 'forged', q{SELECT pg_logical_emit_message(false, 'csec', '')});
is_rejected('a megabyte', 'forged', q{SELECT pg_logical_emit_message(false, 'csec', repeat('x', 1000000))});
is_rejected('a transactional message', 'forged', q{SELECT pg_logical_emit_message(true, 'csec', 'hello')});
is_rejected('a genuine message again', 'repeated', "SELECT pg_logical_emit_message(false, 'csec', $genuine)");
is_rejected('a genuine message with one bit changed', 'forged',
	"SELECT pg_logical_emit_message(false, 'csec', set_bit($genuine, 300, 1 - get_bit($genuine, 300)))");
is_rejected('a genuine message in another number', 'forged',
	"SELECT pg_logical_emit_message(false, 'csec', set_byte($genuine, 23, 200))");
is_rejected('a genuine message, cut', 'forged',
	"SELECT pg_logical_emit_message(false, 'csec', substr($genuine, 1, length($genuine) - 1))");
is_rejected('another prefix is nobody\'s business', undef, q{SELECT pg_logical_emit_message(false, 'csecx', 'hello')});

# another database's messages are looked at by that database's sealer only
make_trail($node, 'other');
my $hex = $node->safe_psql('postgres', "SELECT encode($genuine, 'hex')");
$node->safe_psql('other', "SELECT pg_logical_emit_message(false, 'csec', decode('$hex', 'hex'))");
flush_trail($node, 'other');
is(records($node, "string_agg(action, ',')", "kind = 'rejected'", 'other'), 'forged', 'a message of another database');
flush_trail($node);
is(rejected(), $expected, 'and not in the first one');

# again after the session has ended, the sealer was another, and it was forgotten
$node->restart;
is_rejected('again after a restart', 'repeated', "SELECT pg_logical_emit_message(false, 'csec', $genuine)");
my $first = q{(SELECT message FROM message WHERE position('genuine 1'::bytea in message) > 0)};
is($node->safe_psql('postgres', "SELECT encode(substr($first, 17, 8), 'hex')"), '0000000000000001', 'the first one of its session');
# as if housekeeping had let go of it
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
$node->safe_psql('postgres', q{
	DELETE FROM csec_trail.sealer_session;
	UPDATE csec_trail.sealer_state SET forgotten_lsn = resume_lsn});
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'csec'");
$node->start;
is_rejected('the first record of a forgotten session', 'repeated', "SELECT pg_logical_emit_message(false, 'csec', $first)");
is_rejected('a later record of a forgotten session', 'unknown session', "SELECT pg_logical_emit_message(false, 'csec', $genuine)");

is(records($node, 'max(length(payload))', "kind = 'rejected'"), '256', 'what was rejected is kept, cut');
is($node->safe_psql('postgres', q{
	SELECT d.detail::jsonb->>'bytes' FROM csec_trail.audit_log l, csec.record_fields(l.record) d
	WHERE l.kind = 9 ORDER BY l.seq OFFSET 2 LIMIT 1}), '1000000', 'and how long it was');
is(records($node, 'count(*)', "object LIKE 'genuine %'"), '3', 'the genuine ones are there once');
is_verified($node, 'after all that');
$node->stop;
done_testing();
