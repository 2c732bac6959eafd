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

# Partitions of which a plan is known to change no row when it starts are not set up (18).
$node->safe_psql('postgres', 'GRANT UPDATE ON parts TO low');
news('low');
is(as('low', q{SET plan_cache_mode = force_generic_plan; PREPARE u (int) AS UPDATE parts SET bal = 0 WHERE region = $1 RETURNING id, phone; EXECUTE u (2)}),
	join("\n", map { "$_|139****123$_" } 1, 3, 5, 7), 'some partitions are changed');
is(news('low'), 'read UPDATE 4 clear= masked=phone; change UPDATE 4', '  which is on record');

# A list is looked up in a btree in the order of its values (17): where a field is ordered otherwise, rows would be missing.
$node->safe_psql('postgres', q{
	INSERT INTO csec.category (name, level, mask, sort) VALUES ('town', 'important', 'first_last', 'plain');
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE TABLE lists (id int, town csec.masked(town, plain), born csec.birth_date, phone csec.phone);
	INSERT INTO lists SELECT g, 'c' || g % 40, (DATE '1990-01-01' + g % 40)::text, '1398246' || 1000 + g % 40 FROM generate_series(1, 400) g;
	CREATE INDEX ON lists (town); CREATE INDEX ON lists (born); CREATE INDEX ON lists (phone); ANALYZE lists});
foreach my $plan ('enable_indexscan', 'enable_bitmapscan')
{
	my $in = join ', ', map { "'c$_'" } 1 .. 9;
	my $days = join ', ', map { sprintf "'1990-01-%02d%s'", $_, ('', ' 00:00:00', 'T00:00:00+00')[ $_ % 3 ] } 1 .. 8;
	my $phones = join ', ', map { "'139824610$_'" } 10 .. 18;
	is($node->safe_psql('postgres', qq{SET enable_seqscan = off; SET enable_indexonlyscan = off; SET $plan = off; SET csec.probe_quota = 1000000;
		SELECT count(id) FROM lists WHERE town IN ($in);
		SELECT count(id) FROM lists WHERE town = ANY (ARRAY[$in]::text[]);
		SELECT count(id) FROM lists WHERE born IN ($days);
		SELECT count(id) FROM lists WHERE born = ANY (ARRAY[$days]::text[]);
		SELECT count(id) FROM lists WHERE phone IN ($phones)}), "90\n90\n80\n80\n90", "all of a list is found without $plan");
}
like($node->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_bitmapscan = off; EXPLAIN (COSTS OFF) SELECT id FROM lists WHERE phone IN ('13982461010', '13982461011')}),
	qr/Index Cond: .*ANY/, '  by an index where that is in order');

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

	# Input that is none of a category's can be asked about, and passed over.
	$node->safe_psql('postgres', q{
		UPDATE csec.category SET check_mode = 'strict' WHERE name IN ('phone', 'id_card');
		CREATE TABLE strict (id int, phone csec.phone, id_no csec.id_card);
		GRANT ALL ON strict TO low});
	is(as('low', q{SELECT pg_input_is_valid('13982461231', 'csec.phone'), pg_input_is_valid('1398', 'csec.phone'), pg_input_is_valid('11010519491231002X', 'csec.id_card'), pg_input_is_valid('110105194912310020', 'csec.id_card')}),
		't|f|t|f', 'what is none of a category is not valid');
	like(as('low', q{SELECT message FROM pg_input_error_info('139846', 'csec.phone')}), qr/^(?!.*139846)invalid value for a field of category "phone": /, '  and why, without the value');
	unlike(as('low', q{SELECT JSON_OBJECT('p': phone RETURNING bytea), JSON_OBJECT(phone: 1), JSON_ARRAY(phone), JSON_ARRAYAGG(phone), JSON_OBJECTAGG(id: phone), any_value(phone), array_shuffle(array_agg(phone)), array_sample(array_agg(phone), 1), min(ARRAY[phone]) FROM cust GROUP BY phone}),
		qr/1398246|ERROR/, 'SQL/JSON and aggregates make masks');
}
if ($version >= 17)
{
	my $copied = as('low', qq{COPY strict FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose);\n1\t13982461231\t11010519491231002X\n2\t139846\t11010519491231002X\n3\t13982461231\t110105194912310020\nx\t13982461231\t11010519491231002X\n\\.\nSELECT id FROM strict;\n});
	like($copied, qr/^1(?!.*(139846|110105))/s, 'COPY passes over what is none of a category, and shows nothing of it');
	like($copied, qr/line 2 for column "phone".*line 3 for column "id_no".*line 4 for column "id".*3 rows were skipped/s, '  and says where');
	$node->safe_psql('postgres', q{UPDATE csec.category SET check_mode = 'lax' WHERE name IN ('phone', 'id_card')});
	news('low');
	is(as('low', 'MERGE INTO cust c USING (VALUES (1)) s (id) ON c.id = s.id WHEN MATCHED THEN UPDATE SET bal = 9
		WHEN NOT MATCHED BY SOURCE AND c.id > 4 THEN DELETE RETURNING merge_action(), c.phone'), "UPDATE|139****1231\nDELETE|139****1235", 'MERGE returns masks');
	is(news('low'), 'change UPDATE 1; read MERGE 5 clear= masked=phone; change DELETE 1', '  which is a read');
	like(as('low', q{MERGE INTO cust c USING (VALUES (1)) s (id) ON c.id = s.id WHEN NOT MATCHED BY SOURCE AND c.phone LIKE '%1232' THEN DELETE}), qr/masked text of a field/, '  and changes nothing by a mask');
	$node->safe_psql('postgres', 'CREATE VIEW shown AS SELECT * FROM cust; ALTER VIEW shown OWNER TO clerk; GRANT ALL ON shown TO low');
	like(as('low', q{MERGE INTO shown v USING (VALUES (1)) s (id) ON v.id = s.id WHEN MATCHED AND v.phone LIKE '139%' THEN UPDATE SET bal = 1}), qr/masked text of a field/, '  nor through a view');
	is(as('low', q{MERGE INTO shown v USING (VALUES (1)) s (id) ON v.id = s.id WHEN MATCHED THEN UPDATE SET phone = '139****1231' RETURNING v.phone}), '139****1231', '  where a mask that the row shows keeps what is there');
	is(as('clerk', 'SELECT phone FROM cust WHERE id = 1'), '13982461231', '  whole');
	news('low');
	like(as('low', "EXPLAIN (ANALYZE, SERIALIZE) $read"), qr/Serialization/, 'EXPLAIN prints rows');
	is(news('low'), 'read SELECT 1 clear= masked=phone', '  which is a read');
	$node->safe_psql('postgres', q{SET ROLE low; CREATE FUNCTION sees(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
		CREATE DOMAIN seen AS text CHECK (sees(VALUE))});
	like(as('low', q{SELECT id FROM cust WHERE JSON_VALUE(to_jsonb(phone), '$' RETURNING seen) = 'nobody'}), qr/(saw 139.*){4}/s, 'a check sees what JSON_VALUE makes');
	like(news('low'), qr/^read SELECT 4 clear= masked=phone/, '  and that is a read of rows that nobody gets');
	unlike(as('low', q{SELECT JSON_SCALAR(phone), xmltext(phone), j.* FROM cust c, JSON_TABLE(to_jsonb(c), '$' COLUMNS (p text PATH '$.phone', b bytea PATH '$.phone', n csec.person_name PATH '$.phone')) j}),
		qr/1398246|ERROR/, '  and no part of what is made of a row is more than the mask');
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

	$node->safe_psql('postgres', 'GRANT MAINTAIN ON cust TO head; CREATE ROLE keeper LOGIN IN ROLE pg_maintain');
	is($node->safe_psql('postgres', q{SELECT role, via, privileges FROM csec.effective_access('cust') WHERE role IN ('head', 'keeper') ORDER BY 1}),
		"head|{grant}|{MAINTAIN}\nkeeper|{\"member of pg_maintain\"}|{MAINTAIN}", 'who may maintain a table reaches it');

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
if ($version >= 18)
{
	# News with all columns.
	my $columns_of = sub {
		flush_trail($node);
		my $news = records($node, q{string_agg(DISTINCT concat_ws(' ', statement, 'masked=' || array_to_string(masked, ','), 'other=' || array_to_string(other, ',')), '; ')},
			"login = 'low' AND kind = 'read' AND seq > (SELECT seq FROM told)");
		news('low');
		return $news;
	};
	news('low');
	foreach my $plan ('', 'SET enable_indexscan = off; SET enable_bitmapscan = off; ')
	{
		is(as('low', "${plan}SELECT a.bal, b.phone FROM cust a JOIN cust b ON a.id = b.id WHERE a.id + 0 = 2"), '2|139****1232', 'a table is joined to itself');
		is($columns_of->(), 'SELECT masked=phone other=id,bal', '  and the columns of both are told');
		is(as('low', "${plan}SELECT count(*) FROM cust a JOIN cust b ON a.id = b.id WHERE b.phone LIKE '139%'"), '4', '  also in a condition');
		is($columns_of->(), 'SELECT masked=phone other=id', '  and told');
	}
	is(as('low', 'SELECT b.bal, a.phone FROM cust a JOIN cust b ON a.id = b.id WHERE b.id + 0 = 2'), '2|139****1232', '  whichever has the field');
	is($columns_of->(), 'SELECT masked=phone other=id,bal', '  and told');
	is(as('low', 'SELECT a.id FROM cust a LEFT JOIN cust b ON a.id = b.id AND b.phone IS NOT NULL WHERE a.id = 2'), '2', 'a join that tells nothing');
	is($columns_of->(), 'SELECT masked= other=id', '  shows no column of the other side');
	is(as('low', q{SELECT count(*) FROM cust a JOIN cust b ON a.id = b.id + 1 WHERE b.bal > 0}), '3', 'two scans');
	like($columns_of->(), qr/^(?!.*phone)/, '  have their columns');

	is(as('low', 'UPDATE cust SET bal = 7 WHERE id = 2 RETURNING old.phone, new.phone, old.bal'), '139****1232|139****1232|2', 'RETURNING gives old and new masks');
	like(news('low'), qr/read UPDATE 1 clear= masked=phone/, '  which is a read');
	is(as('low', q{INSERT INTO cust VALUES (2, '13982461299', 1) ON CONFLICT (id) DO UPDATE SET bal = 8 RETURNING old.phone}), '139****1232', '  also of the row in conflict');
	like(news('low'), qr/read INSERT 1 clear= masked=phone/, '  which is a read');
	is(as('low', 'MERGE INTO cust c USING (VALUES (3)) s (id) ON c.id = s.id WHEN MATCHED THEN DELETE RETURNING old.phone, new.phone'), '139****1233|', '  also of a row that is deleted');
	like(news('low'), qr/read MERGE \d+ clear= masked=phone/, '  which is a read');
	like(as('low', q{WITH u AS (UPDATE cust SET bal = 9 WHERE id = 2 RETURNING old.phone::text AS p) INSERT INTO loot SELECT p FROM u}), qr/masked text of a field/, '  and stores none');
	is(as('low', q{UPDATE cust SET phone = '13982461277' WHERE id = 2 RETURNING new.phone; UPDATE cust SET phone = '13982461232' WHERE id = 2}), '139****1277', '  of what was typed in, too');

	# What nothing stores is no key, holds no field, and is not copied.
	foreach my $of ('phone::text', 'phone IS NULL')
	{
		like(as('clerk', "ALTER TABLE cust ADD v text GENERATED ALWAYS AS (($of)::text) VIRTUAL"), qr/not immutable|user-defined/, "no column is computed from $of when it is read");
	}
	$node->safe_psql('postgres', q{
		CREATE TABLE visit (no int PRIMARY KEY, who int, seen_of int GENERATED ALWAYS AS (who * 1) VIRTUAL, note text, twice text GENERATED ALWAYS AS (note || note) VIRTUAL);
		INSERT INTO visit (no, who, note) SELECT g, g, 'n' || g FROM generate_series(1, 4) g});
	my ($rc, $out, $err) = $node->psql('postgres', q{SELECT csec.protect('visit', 'seen_of', '{}', subject_of => 'cust')});
	like($err, qr/"seen_of" is generated and not stored/, 'a subject that no row has is refused');
	($rc, $out, $err) = $node->psql('postgres', q{SELECT csec.protect('visit', 'who', '{"note": "free_text"}', subject_of => 'cust')});
	like($err, qr/generated column public\.visit\.twice is computed from a field/, '  and a field that a virtual column is computed from');
	$node->safe_psql('postgres', q{ALTER TABLE visit DROP twice; CALL csec.protect_online('visit', '{who}', '{"note": "free_text"}', subject_of => 'cust'); GRANT SELECT ON visit TO low});
	news('low');
	is(as('low', 'SELECT seen_of FROM visit WHERE no = 3'), '3', 'a virtual column is read beside fields');
	is($columns_of->(), 'SELECT masked= other=no,seen_of', '  and told by its name');
	$node->safe_psql('postgres', q{CREATE EXTENSION IF NOT EXISTS pageinspect});
	is($node->safe_psql('postgres', q{SELECT count(*) FROM heap_page_item_attrs(get_raw_page('visit', 0), 'visit') WHERE t_attrs[3] IS NOT NULL}), '0', '  and the copy did not store it');

	# A key with a period: its checks are nobody's read; a look that is like one, and asks more, is.
	$node->safe_psql('postgres', q{
		CREATE EXTENSION btree_gist;
		CREATE TABLE policy (id int, valid daterange, phone csec.phone, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
		INSERT INTO policy VALUES (1, '[2026-01-01,2026-06-01)', '13982461231'), (1, '[2026-06-01,2027-01-01)', '13982461231');
		SELECT csec.protect('policy', 'id', '{"phone": "phone"}', subject_of => 'cust');
		CREATE TABLE claim (policy int, at daterange, FOREIGN KEY (policy, PERIOD at) REFERENCES policy (id, PERIOD valid));
		GRANT ALL ON policy, claim TO low});
	news('low');
	is(as('low', q{INSERT INTO claim VALUES (1, '[2026-05-01,2026-07-01)')}), '', 'a key with a period holds');
	is(news('low'), '', '  and its check is no read');
	like(as('low', q{INSERT INTO claim VALUES (1, '[2026-05-01,2028-07-01)')}), qr/violates foreign key/, '  and is one');
	like(as('low', q{INSERT INTO policy VALUES (1, '[2026-05-01,2026-07-01)', '13982461239')}), qr/conflicts with existing key \(id, valid\)/, '  no two overlap');

	# Statistics that somebody writes are values that he tries, and are shown as any; what ANALYZE keeps, and a dump takes along, are none.
	$node->safe_psql('postgres', 'ANALYZE cust; GRANT MAINTAIN ON cust TO low');
	my $dumped = '';
	IPC::Run::run([ 'pg_dump', '-U', 'clerk', '-d', $node->connstr('postgres'), '--statistics-only', '-t', 'cust' ], '>', \$dumped) or die 'pg_dump';
	like($dumped, qr/'attname', 'phone'/, 'a dump of statistics has those of fields');
	unlike($dumped, qr/1398246|139\*/, '  without values');
	my $stats = q{SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', 'cust', 'attname', 'phone', 'inherited', false, 'most_common_freqs', array_fill(0.001::real, ARRAY[%1$s]), 'most_common_vals',
		(SELECT array_agg(13982461231 + g)::text FROM generate_series(0, %1$s - 1) g))};
	like(as('low', sprintf($stats, 100)), qr/too many values tried/, '  who writes them tries values');
	is(as('low', sprintf($stats, 2)), 't', '  of which a few can be');
	is($node->safe_psql('postgres', q{SELECT most_common_vals FROM pg_stats WHERE tablename = 'cust' AND attname = 'phone'}), '{139****1231,139****1232}', '  which show as masks');
	$node->safe_psql('postgres', q{REVOKE MAINTAIN ON cust FROM low; SELECT pg_clear_attribute_stats('public', 'cust', 'phone', false)});

	# COPY reads a materialized view, and processes share the making of an index over arrays.
	$node->safe_psql('postgres', q{CREATE MATERIALIZED VIEW mv AS SELECT id, phone, ARRAY[phone] AS phones FROM cust; GRANT SELECT ON mv TO low});
	like(as('low', 'COPY mv TO STDOUT'), qr/^(?!.*1398246).*1\t139\*{4}1231\t/s, 'COPY of a materialized view has masks');
	$node->safe_psql('postgres', q{
		SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
		CREATE TABLE wide (id int PRIMARY KEY, phones csec.phone[]);
		INSERT INTO wide SELECT g, ARRAY[(13900000000 + g)::text, (13800000000 + g)::text] FROM generate_series(1, 5000) g});
	like(as('postgres', q{SET min_parallel_table_scan_size = 0; SET client_min_messages = debug1; CREATE INDEX wide_phones ON wide USING gin (phones)}), qr/"wide_phones".* parallel worker/, 'an index over arrays of fields is made by several processes');
	is(as('postgres', q{SET csec.probe_quota = 1000000; SET enable_seqscan = off; SELECT id FROM wide WHERE phones @> ARRAY['13800004321']::csec.phone[]}), '4321', '  and finds');

	# A check that nobody enforces comes back so.
	$node->safe_psql('postgres', q{
		CREATE TABLE lax (id int PRIMARY KEY, phone text CHECK (phone <> '') NOT ENFORCED, bal int NOT NULL);
		ALTER TABLE lax ADD CONSTRAINT later NOT NULL phone NOT VALID;
		INSERT INTO lax VALUES (1, '', 1);
		SELECT csec.protect('lax', 'id', '{"phone": "phone"}')});
	is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', contype, conenforced, convalidated), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'lax'::regclass}),
		'n t f, n t t, n t t, c f f, p t t', 'constraints that are not enforced, or not validated, stay so');

	# An index that begins with a field is skipped through: comparing what is stored tries nothing.
	$node->safe_psql('postgres', q{
		CREATE TABLE many (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card, bal int);
		SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
		INSERT INTO many SELECT g, '139' || lpad(g::text, 8, '0'), g::text, g % 10 FROM generate_series(1, 300) g;
		SELECT csec.protect('many', 'id', '{"phone": "phone", "id_no": "id_card"}');
		CREATE INDEX ON many (phone, bal); CREATE INDEX ON many (id_no, bal);
		ANALYZE many; GRANT SELECT ON many TO low});
	my $skip = 'SET enable_seqscan = off; SET enable_bitmapscan = off;';
	like(as('low', "$skip EXPLAIN (COSTS OFF) SELECT count(*) FROM many WHERE bal = 3"), qr/Index/, 'an index that begins with a field is used');
	is(as('low', "$skip SELECT count(*) FROM many WHERE bal = 3"), '30', '  and tries no values');
	like(as('low', q{SELECT count(*) FROM many WHERE phone IN (VALUES } . join(',', map { sprintf "('139%08d')", $_ } 1 .. 100) . ')'), qr/too many values tried/, 'candidates in VALUES are tried');
	like(as('low', 'SELECT count(*) FROM many WHERE ' . join(' OR ', map { sprintf "phone = '139%08d'", $_ } 1 .. 100)), qr/too many values tried/, '  and joined by OR');
	is(as('low', q{SELECT array_sort(array_agg(phone ORDER BY id)) = array_agg(phone ORDER BY id) FROM many}), 'f', 'array_sort() does not tell the order');
	unlike(as('low', q{SELECT array_sort(array_agg(phone)), min(ARRAY[phone]), max(ROW(phone)), array_reverse(array_agg(phone)), string_agg(casefold(phone), ''), string_agg(reverse(phone::text::bytea)::text, '') FROM many}), qr/1390000|0000931/, '  nor do others of its kind show values');
}

# A slot that was idle for too long holds no WAL: the sealer makes a new one, and says so.
if ($version >= 18)
{
	my $conf = 'postgresql.conf';
	$node->append_conf($conf, "shared_preload_libraries = ''\nidle_replication_slot_timeout = '1s'");
	$node->restart;
	$node->poll_query_until('postgres', q{CHECKPOINT; SELECT count(*) = 1 FROM pg_replication_slots WHERE slot_name LIKE 'csec%' AND invalidation_reason = 'idle_timeout'}, "CHECKPOINT\nt") or die 'the slot is not idle';
	$node->append_conf($conf, "shared_preload_libraries = 'csec'");
	$node->restart;
	wait_for_sealer($node);
	flush_trail($node);
	is($node->safe_psql('postgres', q{SELECT active, invalidation_reason, wal_status FROM pg_replication_slots WHERE slot_name LIKE 'csec%'}), 't||reserved', 'a slot that was taken for idle is made anew');
	is(records($node, q{count(*)}, "kind = 'server' AND action = 'slot lost'"), '1', '  and the trail says so');
	is_verified($node, '  and verifies');
}
$node->stop;
done_testing();
