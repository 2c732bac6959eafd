# What only later versions of PostgreSQL can do, where the server is one.  Were this to fail, a
# server that was upgraded would show, or leave unrecorded, what one of version 15 does not.
use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('later');
$node->safe_psql('postgres', q{
	CREATE ROLE dba SUPERUSER LOGIN;
	CREATE ROLE low LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE head LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, bal int);
	INSERT INTO cust SELECT g, '1398246123' || g, g FROM generate_series(1, 5) g;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	ALTER TABLE cust OWNER TO clerk;
	GRANT ALL ON cust TO low;
	GRANT CREATE ON SCHEMA public TO low;
	SELECT csec.set_clearance('clerk', level => 'important');
	CREATE FUNCTION spy(csec.masked) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
	CREATE TABLE told AS SELECT 0::int8 AS seq;
});
my $version = $node->safe_psql('postgres', "SELECT current_setting('server_version_num')::int / 10000");

sub as
{
	my ($role, $sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return "$out$err";
}

# What has been recorded of a role since the last look.
sub news
{
	my ($role) = @_;
	flush_trail($node);
	my $news = records($node, q{string_agg(concat_ws(' ', kind, statement, action, rows, 'clear=' || array_to_string(revealed, ','), 'masked=' || array_to_string(masked, ',')), '; ' ORDER BY seq)},
		"login = '$role' AND kind <> 'session' AND seq > (SELECT seq FROM told)");
	$node->safe_psql('postgres', 'UPDATE told SET seq = (SELECT max(seq) FROM csec_trail.audit_log)');
	return $news;
}
news('low');

# A worker reads partitions; another child, whose columns have other numbers, through its parent.
$node->safe_psql('postgres', q{
	CREATE TABLE parts (id int, region int, bal int, phone csec.phone, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1);
	CREATE TABLE parts2 (phone csec.phone, dropped int, bal int, region int NOT NULL, id int NOT NULL);
	ALTER TABLE parts2 DROP dropped;
	ALTER TABLE parts ATTACH PARTITION parts2 FOR VALUES IN (2);
	INSERT INTO parts SELECT g, 1 + g % 2, g, '1398246123' || g FROM generate_series(1, 8) g;
	SELECT csec.protect('parts', 'id', '{"phone": "phone"}');
	GRANT SELECT ON parts TO low;
	UPDATE told SET seq = (SELECT max(seq) FROM csec_trail.audit_log)});
flush_trail($node);
my $columns = q{string_agg(DISTINCT concat_ws(' ', 'masked=' || array_to_string(masked, ','), 'other=' || array_to_string(other, ',')), '; ')};
foreach my $worker ('', 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;')
{
	my $by = $worker ? 'a parallel worker' : 'a scan';
	is(as('low', "SET max_parallel_workers_per_gather = " . ($worker ? 2 : 0) . "; $worker SELECT count(phone), sum(bal) FROM parts"), '8|36', "$by reads partitions");
	flush_trail($node);
	my $new = "login = 'low' AND kind = 'read' AND seq > (SELECT seq FROM told)";
	is(records($node, "$columns, sum(rows), bool_or(parallel)", $new), 'masked=phone other=bal|8|' . ($worker ? 't' : 'f'), '  and tells their columns');
	$node->safe_psql('postgres', 'UPDATE told SET seq = (SELECT max(seq) FROM csec_trail.audit_log)');
}

# Who is a member of a role may act as it, not by being a superuser.
my $read = 'SELECT phone FROM cust WHERE id = 1';
is(as('dba', "SET ROLE clerk; $read"), '139****1231', 'a superuser acts as somebody whose member he is not');
$node->safe_psql('postgres', 'GRANT clerk TO dba');
is(as('dba', "SET ROLE clerk; $read"), '13982461231', '  and as somebody whose member he is');

# Of duties each goes, whoever granted it, and those of others stay.
$node->safe_psql('postgres', q{
	CREATE ROLE leaver LOGIN;
	CREATE ROLE stayer LOGIN;
	GRANT csec_officer TO head WITH ADMIN OPTION;
	SET SESSION AUTHORIZATION head;
	GRANT csec_officer TO leaver WITH ADMIN OPTION;
	SET SESSION AUTHORIZATION leaver;
	GRANT csec_officer TO stayer;
});
is($node->safe_psql('postgres', "SELECT count(*) FROM csec.offboard('login:leaver', 'leaves') WHERE kind = 'membership'"), '0', 'who leaves keeps no duty');
is($node->safe_psql('postgres', q{SELECT string_agg(member::regrole::text, ' ' ORDER BY 1) FROM (SELECT DISTINCT member FROM pg_auth_members WHERE roleid = 'csec_officer'::regrole) m}),
	'head stayer', '  and takes none from others');

if ($version >= 16)
{
	$node->safe_psql('postgres', q{
		REVOKE clerk FROM dba;
		GRANT clerk TO dba WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
		GRANT csec_officer TO low WITH ADMIN TRUE, INHERIT FALSE, SET FALSE});
	is(as('dba', "SET ROLE clerk; $read"), '139****1231', 'who may only grant a role does not act as it by being a superuser');
	is(as('dba', "SET SESSION AUTHORIZATION clerk; $read"), '139****1231', '  nor by becoming its session');
	is($node->safe_psql('postgres', "SELECT csec.is_member('low', 'csec_officer')"), 'f', '  and has none of its duties');
	$node->safe_psql('postgres', 'GRANT csec_admin TO low');
	like(as('low', "SELECT csec.set_clearance('csec_officer', level => 'general')"), qr/a clearance for oneself/, '  but clears himself when he clears it');
	$node->safe_psql('postgres', 'REVOKE csec_officer, csec_admin FROM low');
}
if ($version >= 17)
{
	news('low');
	is(as('low', 'MERGE INTO cust c USING (VALUES (1)) s (id) ON c.id = s.id WHEN MATCHED THEN UPDATE SET bal = 9
		WHEN NOT MATCHED BY SOURCE AND c.id > 4 THEN DELETE RETURNING merge_action(), c.phone'), "UPDATE|139****1231\nDELETE|139****1235", 'MERGE returns masks');
	is(news('low'), 'change UPDATE 1; read MERGE 5 clear= masked=phone; change DELETE 1', '  which is a read');
	like(as('low', q{MERGE INTO cust c USING (VALUES (1)) s (id) ON c.id = s.id WHEN NOT MATCHED BY SOURCE AND c.phone LIKE '%1232' THEN DELETE}), qr/masked text of a field/, '  and changes nothing by a mask');
	news('low');
	like(as('low', "EXPLAIN (ANALYZE, SERIALIZE) $read"), qr/Serialization/, 'EXPLAIN prints rows');
	is(news('low'), 'read SELECT 1 clear= masked=phone', '  which is a read');
	$node->safe_psql('postgres', q{SET ROLE low; CREATE FUNCTION sees(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
		CREATE DOMAIN seen AS text CHECK (sees(VALUE))});
	like(as('low', q{SELECT id FROM cust WHERE JSON_VALUE(to_jsonb(phone), '$' RETURNING seen) = 'nobody'}), qr/(saw 139.*){4}/s, 'a check sees what JSON_VALUE makes');
	like(news('low'), qr/^read SELECT 4 clear= masked=phone/, '  and that is a read of rows that nobody gets');
	my $candidates = q{(SELECT jsonb_agg('139' || lpad(g::text, 8, '0')) FROM generate_series(1, 100) g)};
	foreach my $type ('text', 'csec.phone')
	{
		like(as('low', "SELECT count(*) FROM cust c JOIN JSON_TABLE($candidates, '\$[*]' COLUMNS (p $type PATH '\$')) j ON j.p = c.phone"),
			qr/too many values tried/, "values from JSON_TABLE are tried as $type");
	}
	news('clerk');
	like(as('clerk', q{ALTER TABLE cust ADD t text GENERATED ALWAYS AS ('') STORED; ALTER TABLE cust ALTER t SET EXPRESSION AS (spy(phone))}), qr/saw 1398246/, 'a new expression of a column sees fields');
	like(news('clerk'), qr/read ALTER TABLE \d+ clear=phone masked=/, '  which is a read');
	$node->safe_psql('postgres', 'ALTER TABLE cust DROP t');

	$node->safe_psql('postgres', 'SET ROLE low; CREATE MATERIALIZED VIEW mine AS SELECT phone::text, spy(phone) FROM cust; GRANT MAINTAIN ON mine TO clerk');
	unlike(as('clerk', 'REFRESH MATERIALIZED VIEW mine') . as('low', 'SELECT * FROM mine'), qr/1398246/, 'who maintains the view of another lends it no clearance');

	as('low', "SET transaction_timeout = '100ms'; BEGIN; SELECT phone FROM cust WHERE id = 3; SELECT pg_sleep(60)");
	like(news('low'), qr/read SELECT 1 clear= masked=phone$/, 'what was read before a transaction took too long is on record');

	$node->safe_psql('postgres', q{
		CREATE TABLE loot (p text);
		GRANT ALL ON loot TO PUBLIC;
		CREATE FUNCTION at_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			IF session_user = 'clerk' THEN INSERT INTO public.loot SELECT phone::text FROM public.cust WHERE id = 2; END IF; END $$;
		CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION at_login()});
	news('clerk');
	as('clerk', 'SELECT 1');
	is(news('clerk'), 'read INSERT 1 clear=phone masked=', 'what a trigger reads at a login is told of who logs in');
	flush_trail($node);
	is(records($node, 'count(*)', "action = 'CREATE EVENT TRIGGER'"), '1', '  and the trigger is on record');
}
$node->stop;
done_testing();
