# Were this to fail, csec.anchor_status would call records anchored that nobody outside vouches for after a
# crash, a promotion or a copy of the files; or two servers from one copy would pass for one.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
mkdir "$dir/outside" or die;
my $node = trail_node('first', 'csec.checkpoint_interval' => '1d', 'csec.checkpoint_directory' => "'$dir/outside'");

sub status { my ($of, $place, $what) = @_; return $of->safe_psql('postgres', "SELECT $what FROM csec.anchor_status WHERE place = '$place'") }
sub reaches { my ($of, $condition) = @_; return $of->poll_query_until('postgres', "SELECT $condition FROM csec.anchor_status WHERE place = 'directory'") }
sub make { return $_[0]->safe_psql('postgres', 'SELECT csec.make_checkpoint()') }
# What stands behind the last checkpoint there, counted by itself.
my $behind = q{unanchored_records = (SELECT max(seq) FROM csec_trail.audit_log) - coalesce((SELECT c.size FROM csec_trail.checkpoint c WHERE c.epoch = anchor_status.epoch), 0)};
# ---- a crash ----

record_some($node, 20);
my $epoch = make($node);
ok(reaches($node, "epoch = $epoch"), 'a checkpoint is outside');
record_some($node, 30);
flush_trail($node);
chmod 0500, "$dir/outside" or die;
my $waiting = make($node);
record_some($node, 5);
$node->stop('immediate');
$node->start;
wait_for_sealer($node);
flush_trail($node);
is(status($node, 'directory', 'epoch'), $epoch, 'after a crash it is known what got there');
cmp_ok(status($node, 'directory', 'unanchored_records'), '>=', 35, '  and what did not');
is(status($node, 'directory', $behind), 't', '  to the record');
is(status($node, 'checkpoint', $behind), 't', '  also behind the last checkpoint of all');
cmp_ok(status($node, 'directory', 'waiting_checkpoints'), '>=', 1, '  a checkpoint waits');
chmod 0700, "$dir/outside" or die;
ok(reaches($node, "epoch >= $waiting AND waiting_checkpoints = 0 AND problem IS NULL"), '  and goes out');

# ---- a promotion ----

$node->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'standby', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'csec.standby_reads = masked_only');
chmod 0600, $standby->data_dir . '/csec_embedded.key';
$standby->start;
record_some($node, 10);
$epoch = make($node);
ok(reaches($node, "epoch = $epoch"), 'another one is outside');
record_some($node, 15);
flush_trail($node);
$node->wait_for_catchup($standby);
is(status($standby, 'checkpoint', $behind), 't', 'a standby states the tail');
$node->stop('immediate');
$standby->promote;
wait_for_sealer($standby);
flush_trail($standby);
is(status($standby, 'checkpoint', $behind), 't', 'promoted it goes on to');
cmp_ok(status($standby, 'directory', 'unanchored_records'), '>=', 0, '  with what is outside');
my $own = make($standby);
ok(reaches($standby, "epoch = $own OR problem IS NOT NULL"), '  its checkpoints go out, or it is said why not');
is_verified($standby, '  its trail verifies');

# ---- a copy of the files of a server that was stopped ----

my $cold = trail_node('cold', 'csec.checkpoint_interval' => '1d');
record_some($cold, 12);
make($cold);
$cold->stop('fast');
my $base = $cold->data_dir;
my $clone = PostgreSQL::Test::Cluster->new('clone');
mkdir $clone->basedir;
system_or_bail('cp', '-a', $base, $clone->data_dir);
$clone->append_conf('postgresql.conf', 'port = ' . $clone->port . "\nunix_socket_directories = '" . $clone->host . "'");
$_->start foreach $cold, $clone;
wait_for_sealer($_) foreach $cold, $clone;
foreach my $one ([ $cold, 3 ], [ $clone, 4 ])
{
	record_some($one->[0], $one->[1], object => $one->[0]->name);
	make($one->[0]);
	is_verified($one->[0], 'of a copy by cp, ' . $one->[0]->name . ' verifies by itself');
}
my $at = do {
	my %hash = map { $_->name => [ split /\n/, $_->safe_psql('postgres', q{SELECT encode(hash, 'hex') FROM csec_trail.audit_log ORDER BY seq}) ] } $cold, $clone;
	my $n = 0;
	$n++ while $hash{cold}[$n] eq $hash{clone}[$n];
	$n + 1;
};
cmp_ok($at, '>', 12, 'both have what came before');
command_checks_all([ 'csec_verify', $cold->connstr('postgres'), '--against', $clone->connstr('postgres') ], 1,
	[ qr/fork/, qr/\b$at\b/ ], [], '  and the verifier given both names the fork, and its first record');
system_or_bail('csec_export', '-q', '-o', "$dir/kept", '--reason', 'kept', $cold->connstr('postgres'));
command_checks_all([ 'csec_verify', $clone->connstr('postgres'), '--from', "$dir/kept/checkpoints" ], 1,
	[ qr/./ ], [], '  as does a checkpoint of the other');

done_testing();
