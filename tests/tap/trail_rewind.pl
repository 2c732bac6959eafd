# Were this to fail, a former primary that pg_rewind sets on the way of the new one
# would not go on with its trail, or go on in silence; or what it had sealed by itself
# meanwhile would be gone without anybody being able to tell.

use strict;
use warnings;
use CsecTrail;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $old = trail_node('old', wal_keep_size => '1GB', 'csec.standby_reads' => 'masked_only');

sub verdict
{
	my ($node, @options) = @_;
	my ($out, $err);
	IPC::Run::run(['csec_verify', '--json', '-w', '-d', $node->connstr('postgres'), @options], '>', \$out, '2>', \$err);
	my $code = $? >> 8;
	return "2: $err" if $code == 2;
	my ($finding) = map { @{ $_->{findings} } } @{ decode_json($out)->{trails} };
	return "$code: " . ($finding ? "$finding->{problem}|$finding->{record}" : 'verified');
}

sub sealed
{
	my ($node, $object) = @_;
	record_some($node, 5, object => $object);
	$node->safe_psql('postgres', 'SELECT csec.flush_audit(), csec.make_checkpoint()');
	return;
}

sub timelines { return records($_[0], "string_agg(detail, ' ' ORDER BY seq)", "kind = 'server' AND action = 'timeline'") }
sub hashes { return split /\n/, $_[0]->safe_psql('postgres', 'SELECT hash FROM csec_trail.audit_log ORDER BY seq') }
sub evidence { IPC::Run::run(['csec_export', '-q', '-w', '-d', $_[0]->connstr('postgres'), '-o', "$dir/$_[1]"]) or die; return "$dir/$_[1]" }

sealed($old, 'common');
my $common = evidence($old, 'common');
flush_trail($old);
$old->backup('base');
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init_from_backup($old, 'base', has_streaming => 1);
chmod 0600, $new->data_dir . '/csec_embedded.key';
$new->start;
# the sealer stores its position when it meets the checkpoint of the backup, which lacks what is older
flush_trail($old);
$old->wait_for_catchup($new, 'replay', $old->lsn('insert'));

# both believe that they are the primary
$new->promote;
wait_for_sealer($new);
sealed($old, 'lost');
sealed($new, 'kept');
my $lost = evidence($old, 'lost');
is(verdict($old), '0: verified', 'the former primary went on');
is(verdict($new), '0: verified', 'and so did the new one');
my @old = hashes($old);
my @new = hashes($new);
my ($fork) = grep { $old[$_ - 1] ne $new[$_ - 1] } 1 .. (@old < @new ? @old : @new);
is(verdict($new, '--against', $old->connstr('postgres')), "1: fork|$fork", 'given both servers, the fork is named');
my $said;
IPC::Run::run([ 'csec_verify', '-d', $new->connstr('postgres'), '--against', $old->connstr('postgres') ], '>', \$said);
my ($here, $there) = map { 'postgres at ' . $_->host . ', port ' . $_->port } $new, $old;
like($said, qr/^\Q$here\E: TAMPERED\n.*record $fork: from this record on "\Q$here\E" and "\Q$there\E" have gone on each on its own\n.*^\Q$there\E: verified\n/ms, '... of two databases of one name, which is which');
IPC::Run::run([ 'csec_verify', '-d', $new->connstr('postgres'), '--against', $new->connstr('postgres') ], '>', \$said);
like($said, qr/^\Q$here\E: verified\n.*^what --against names: verified\n/ms, '... even of one that is given twice');

# pg_rewind looks for the timeline in the source's control file, where the checkpoint
# after a promotion, which nobody waits for, puts it
$new->safe_psql('postgres', 'CHECKPOINT');
$old->stop;
my $conf = slurp_file($old->data_dir . '/postgresql.conf');
$old->command_ok([ 'pg_rewind', '--target-pgdata', $old->data_dir, '--source-server', $new->connstr('postgres') ], 'the former primary is rewound');
open my $f, '>', $old->data_dir . '/postgresql.conf' or die;
print $f $conf;
close $f;
$old->enable_streaming($new);
$old->start;
sealed($new, 'more');
$new->wait_for_catchup($old, 'replay', $new->lsn('insert'));
is(records($old, "string_agg(DISTINCT split_part(object, ' ', 1), ',')", "action = 'test'"), 'common,kept,more', 'it has what the new one has');
is(timelines($old), '{"from": 1, "to": 2}', '... and that the new one went on from it');
is(verdict($old), '0: verified', '... which verifies on the standby that it is');

# what it had sealed by itself is in evidence alone, and there it tells
is(verdict($old, '--against', $lost), "1: fork|$fork", 'what was sealed on the lost branch is named as a fork');
like(verdict($old, '--from', "$lost/checkpoints"), qr/^1: (?:checkpoint_\w+|rewritten)\|\d+$/, '... by a checkpoint of that branch as well');
is(verdict($old, '--from', "$common/checkpoints"), '0: verified', '... and what was sealed before stands');

# and back again
$new->stop;
$old->promote;
wait_for_sealer($old);
sealed($old, 'again');
is(timelines($old), '{"from": 1, "to": 2} {"from": 2, "to": 3}', 'promoted again it goes on, with a record that says so');
is(records($old, "string_agg(DISTINCT split_part(object, ' ', 1), ',')", "action = 'test'"), 'again,common,kept,more', '... and nothing of the new one is lost');
is(records($old, 'count(*)', "kind = 'gap'"), '0', '... without a gap, as the WAL was kept');
is_verified($old, '... verified');
is(verdict($old, '--from', "$common/checkpoints"), '0: verified', '... outside, too');
is(verdict($old, '--against', $lost), "1: fork|$fork", '... and the fork is where it was');
$old->stop;
done_testing();
