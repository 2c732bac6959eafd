# Were this to fail, a restart of the server would give who tries values, or
# claims what is not so, all his guesses back.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('counts');
$node->safe_psql('postgres', q{
	CREATE ROLE low LOGIN;
	ALTER ROLE low SET csec.probe_quota = 5;
	ALTER ROLE low SET csec.match_failures = 2;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, name csec.person_name);
	INSERT INTO cust VALUES (1, '13812345678', 'Zhang Wei');
	SELECT csec.protect('cust', 'id');
	GRANT SELECT ON cust TO low;
	GRANT EXECUTE ON FUNCTION csec.match_customer(regclass, text, jsonb), csec.match_customer(regclass, text[], jsonb) TO low});

# What becomes of trying n values, and of a claim.
sub try_values
{
	my ($ret, $out, $err) = $node->psql('postgres', join(';', map { "SELECT id FROM cust WHERE phone = '1381234567$_'" } 1 .. $_[0]),
		extra_params => [ '-U', 'low' ], on_error_stop => 1);
	return $err =~ /too many values tried/ ? 'stopped' : $err eq '' ? 'went on' : $err;
}
sub claim
{
	my ($ret, $out, $err) = $node->psql('postgres', qq{SELECT csec.match_customer('cust', '1', '{"name": "$_[0]", "phone": "13812345678"}')},
		extra_params => [ '-U', 'low' ]);
	return $err =~ /locked/ ? 'locked' : $err eq '' ? $out : $err;
}

is(try_values(4), 'went on', 'within the quota');
is(claim('Li Si'), 'f', 'a claim that is not so');
$node->restart;
is(try_values(3), 'stopped', 'after a restart, the rest of the quota');
is(claim('Wang Wu'), 'f', 'and of the claims');
is(claim('Zhang Wei'), 'locked', 'are all there is');
$node->restart;
is(try_values(1), 'stopped', 'and after another');
is(claim('Zhang Wei'), 'locked', 'who is locked is so still');

# what is no count of a shutdown's is not taken for one
$node->stop;
my @files = sort glob($node->data_dir . '/pg_stat/csec_*.stat');
is(scalar(@files), 2, 'they are kept in files');
foreach my $file (@files)
{
	open my $f, '+<', $file or die $!;
	seek $f, 100, 0;
	print $f "damage";
	close $f;
}
my $from = -s $node->logfile;
$node->start;
my $said = () = slurp_file($node->logfile, $from) =~ /ignoring file "pg_stat\/csec_\w+\.stat"/g;
is($said, 2, 'a damaged one is ignored, and the log says so');
is(try_values(1), 'went on', 'and counting begins anew');
is(scalar(() = glob($node->data_dir . '/pg_stat/csec_*')), 0, 'no file outlives its start, to come back after a crash');
$node->stop;
done_testing();
