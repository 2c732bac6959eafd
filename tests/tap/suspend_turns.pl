# Recording is suspended while somebody else resumes it: were this to fail, the trail's last
# word could be that recording goes on while it does not.
use strict;
use warnings;
use CsecTrail;
use CsecWire;
use Test::More;

my $node = trail_node('turns', 'csec.heartbeat_interval' => '0');
my ($one, $two) = map { CsecWire->connect($node, 'postgres') } 1, 2;
foreach my $session ($one, $two) { $session->query($_) foreach 'SELECT 1', "SET application_name = 'turns'" }

sub standbys { $node->append_conf('postgresql.conf', "synchronous_standby_names = '$_[0]'"); $node->reload }
sub many_wait
{
	my ($many) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = $many FROM pg_stat_activity WHERE application_name = 'turns' AND state = 'active'
		AND (wait_event = 'SyncRep' OR wait_event_type = 'Lock')") or die 'nobody waits';
}
sub last_word
{
	$node->safe_psql('postgres', 'SELECT csec.flush_audit()');
	return $node->safe_psql('postgres', q{SELECT action FROM csec.control_records WHERE action IN ('suspend recording', 'resume recording') ORDER BY seq DESC LIMIT 1});
}
sub is_suspended { return $node->safe_psql('postgres', 'SELECT suspended_until IS NOT NULL FROM csec.trail_status') }

# Each record waits for a standby that is not there, so the second comes while the first is at it.
sub in_turn
{
	my ($first, $second) = @_;
	standbys('nobody');
	$node->poll_query_until('postgres', q{SELECT current_setting('synchronous_standby_names') = 'nobody'}) or die;
	$one->send_query($first);
	many_wait(1);
	$two->send_query($second);
	many_wait(2);
	standbys('');
	$_->until_ready foreach $one, $two;
}

my $suspend = "SELECT csec.suspend_recording('a bad night', now() + interval '1 hour')";
my $resume = 'SELECT csec.resume_recording()';
in_turn($suspend, $resume);
is(last_word(), 'resume recording', 'who resumes comes last');
is(is_suspended(), 'f', '  and recording goes on');
in_turn($resume, $suspend);
is(last_word(), 'suspend recording', 'who suspends comes last');
is(is_suspended(), 't', '  and recording is suspended');
$_->vanish foreach $one, $two;
done_testing();
