# A.3: were this to fail, the server's log would hold values that a plan, its
# parameters or a query's error carries, though nobody wrote them there.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('plans', session_preload_libraries => 'auto_explain',
	'auto_explain.log_min_duration' => '0', 'auto_explain.log_analyze' => 'on', 'auto_explain.log_verbose' => 'on',
	'auto_explain.log_nested_statements' => 'on', log_parameter_max_length_on_error => '-1');
$node->safe_psql('postgres', q{
	SET csec.probe_limit = 1000;
	CREATE ROLE low LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
	INSERT INTO cust SELECT g, '1381234' || lpad(g::text, 4, '0'), NULL FROM generate_series(1, 50) g;
	UPDATE cust SET id_no = '11010519491231002X' WHERE id = 7;
	SELECT csec.protect('cust', 'id');
	CREATE FUNCTION fixed() RETURNS csec.phone LANGUAGE sql IMMUTABLE SECURITY DEFINER AS 'SELECT phone FROM public.cust WHERE id = 7';
	CREATE FUNCTION fixed_no() RETURNS csec.id_card LANGUAGE sql IMMUTABLE SECURITY DEFINER AS 'SELECT id_no FROM public.cust WHERE id = 7';
	CREATE FUNCTION walk() RETURNS int LANGUAGE plpgsql AS $$
		DECLARE p csec.phone; n csec.id_card; k int;
		BEGIN
			SELECT phone, id_no INTO p, n FROM cust WHERE id = 7;
			SELECT count(*) INTO k FROM cust c WHERE c.phone = p AND c.id_no = n;
			EXECUTE 'SELECT count(*) FROM cust WHERE phone = $1 AND id_no = $2' INTO k USING p, n;
			RETURN k / (k - 1);
		END $$;
	GRANT SELECT ON cust TO low});

my $from = -s $node->logfile;
foreach my $sql (
	q{SELECT id FROM cust WHERE phone = fixed() AND id_no = fixed_no()},
	q{SELECT fixed(), fixed_no(), fixed()::text FROM generate_series(1, 2)},
	q{SELECT * FROM cust a JOIN cust b ON a.phone = b.phone AND b.id = 7 ORDER BY a.phone},
	q{SELECT id FROM cust WHERE phone = (SELECT phone FROM cust WHERE id = 7)},
	q{SELECT id FROM cust WHERE phone = ANY (ARRAY(SELECT phone FROM cust WHERE id < 9))},
	q{SET plan_cache_mode = force_custom_plan; SELECT walk()},
	q{SET plan_cache_mode = force_generic_plan; SELECT walk()})
{
	$node->psql('postgres', $sql, extra_params => [ '-U', 'low' ]);
}

# a statement that a driver prepares; its parameters are in the plan and, as it
# fails, in the error's context
my $client = CsecWire->connect($node, 'low');
$client->query('PREPARE p(csec.phone) AS SELECT 1 / (id - 7) FROM cust WHERE phone = $1');
$client->query('EXECUTE p((SELECT fixed()))');
$client->query('EXECUTE p(fixed())');

my $log = slurp_file($node->logfile, $from);
my $plans = () = $log =~ /duration: .* plan:/g;
cmp_ok($plans, '>=', 10, 'plans are logged');
like($log, qr/Filter: .*138\*\*\*\*0007/, '  with constants as the reader may see them');
like($log, qr/division by zero/, '  and errors');
unlike($log, qr/13812340007|138123400\d\d/, 'no phone number is in the log');
unlike($log, qr/11010519491231002/i, 'nor is an ID number');
$node->stop;
done_testing();
