# Who leaves, at the same instant as others: were this to fail, a server could
# be left without anybody who can look after it, or who has left would stay
# connected, or go on deciding.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use CsecWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('leavers');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION csec CASCADE;
	CREATE TABLE cust (id int PRIMARY KEY, phone text);
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	CREATE ROLE anna LOGIN SUPERUSER;
	CREATE ROLE bert LOGIN SUPERUSER;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE boss LOGIN IN ROLE csec_officer;
	INSERT INTO csec.data_owner VALUES ('cust', 'boss')});

sub session { return CsecWire->connect($node, $_[0]) }
sub can_log_in { return $node->safe_psql('postgres', "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolsuper AND rolcanlogin", extra_params => ['-U', $_[0]]) }
sub until_waits
{
	my ($who, $as) = @_;
	local $ENV{PGUSER} = $as;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = '$who' AND wait_event_type = 'Lock'") or die "$who does not wait";
}
sub is_gone { my ($s) = @_; local $SIG{PIPE} = 'IGNORE'; return !eval { $s->query('SELECT 1'); 1 } }

# He logs in after he was seen off, before that is committed.
my $boss = session('boss');
$boss->query('BEGIN');
unlike($boss->query(q{SELECT count(*) FROM csec.offboard('login:clerk', 'left')}), qr/E/, 'somebody is seen off');
my $late = session('clerk');
unlike($late->query('SELECT 1'), qr/E/, '  and logs in before that is committed');
$boss->query('COMMIT');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'clerk'}), '  but stays no longer than that');
ok(is_gone($late), '  as his session sees');

# Somebody with many logins: his sessions end, and nobody else's, nor those of who sees him off.
$node->safe_psql('postgres', q{
	SELECT csec.register_person('many', 'Many');
	DO $$ BEGIN FOR i IN 1 .. 12 LOOP EXECUTE format('CREATE ROLE many_%s LOGIN', i); PERFORM csec.assign_login('many', ('many_' || i)::regrole); END LOOP; END $$;
	ALTER ROLE clerk LOGIN});
my $bystander = session('clerk');
my @his = map { session("many_$_") } 1, 12;
my $workers = q{SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type LIKE 'csec %'};
my $before = $node->safe_psql('postgres', $workers);
unlike($boss->query(q{SELECT count(*) FROM csec.offboard('many', 'left')}), qr/E/, 'somebody with many logins is seen off');
ok(is_gone($_), '  his session is gone') foreach @his;
ok(!is_gone($bystander), '  and nobody else\'s');
is($node->safe_psql('postgres', $workers), $before, '  nor are workers of csec');
$_->vanish foreach $boss, $bystander;

# What is taken back ends nobody's sessions.
$node->safe_psql('postgres', 'ALTER ROLE clerk LOGIN');
my $anna = session('anna');
$anna->query('BEGIN; SAVEPOINT s');
$anna->query(q{SELECT count(*) FROM csec.offboard('login:clerk', 'left')});
my $stays = session('clerk');
$anna->query('ROLLBACK TO s; COMMIT');
ok(!is_gone($stays), 'what was taken back ends no session');
$stays->vanish;

# The first superuser, in whose name the server's workers are: his sessions end, and no worker.
my $first = session('postgres');
$before = $node->safe_psql('postgres', $workers, extra_params => ['-U', 'anna']);
$anna->query('BEGIN');
unlike($anna->query(q{DO $$ BEGIN IF EXISTS (SELECT FROM csec.offboard('login:postgres', 'left') WHERE kind = 'session') THEN RAISE EXCEPTION 'a session is left'; END IF; END $$}), qr/E/,
	'the first superuser leaves, and no worker is a session of his');
ok(is_gone($first), '  his session is gone');
is($node->safe_psql('postgres', $workers, extra_params => ['-U', 'anna']), $before, '  and all workers are there');
$anna->query('ROLLBACK');

# Two that are the last ones, each of whom leaves: one of them stays.
$node->safe_psql('postgres', 'ALTER ROLE postgres NOLOGIN');
my $bert = session('bert');
$anna->query('BEGIN');
unlike($anna->query(q{SELECT count(*) FROM csec.offboard('login:anna', 'leaves')}), qr/E/, 'one of the two last superusers leaves');
$bert->send_query(q{SELECT count(*) FROM csec.offboard('login:bert', 'leaves')});
until_waits('bert', 'bert');
$anna->query('COMMIT');
$bert->until_ready;
is(can_log_in('bert'), 'bert', '  and so does the other one, who keeps his login as the last');
$bert->query('ALTER ROLE anna LOGIN');
$_->vanish foreach $anna, $bert;

# Each sees the other off, at one instant and many times: one of them at least remains.
for my $try (1 .. 10)
{
	my @two = map { session($_) } qw(anna bert);
	local $SIG{PIPE} = 'IGNORE';
	$two[0]->send_query(q{SELECT count(*) FROM csec.offboard('login:bert', 'leaves')});
	$two[1]->send_query(q{SELECT count(*) FROM csec.offboard('login:anna', 'leaves')});
	eval { $_->until_ready } foreach @two;
	eval { $_->vanish } foreach @two;
	my ($left) = grep { eval { session($_)->vanish; 1 } } qw(anna bert);
	ok($left, "somebody is left, try $try") or last;
	$node->safe_psql('postgres', 'ALTER ROLE anna LOGIN; ALTER ROLE bert LOGIN', extra_params => ['-U', $left]);
}

# Of two, the one who was seen off comes back before that is committed, and sees the other off: he has left, too.
$anna = session('anna');
$anna->query('BEGIN');
$anna->query(q{SELECT count(*) FROM csec.offboard('login:bert', 'left')});
$bert = session('bert');
$bert->send_query(q{SELECT count(*) FROM csec.offboard('login:anna', 'left, too')});
until_waits('bert', 'anna');
$anna->query('COMMIT');
{ local $SIG{PIPE} = 'IGNORE'; eval { $bert->until_ready } }
is(can_log_in('anna'), 'anna', 'who was seen off sees nobody off');

is($node->safe_psql('postgres', 'SELECT problem FROM csec.verify_trail()', extra_params => ['-U', 'anna']), '', 'the trail verifies');
$node->safe_psql('postgres', 'ALTER ROLE postgres LOGIN', extra_params => ['-U', 'anna']);
$node->stop;
done_testing();
