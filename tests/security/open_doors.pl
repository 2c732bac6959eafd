# What docs/threat-model.md says csec does not prevent.  Were this to fail, the page would call a
# door open that is closed, or what should be evident of it would not be.
use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('doors');
$node->safe_psql('postgres', q{
	CREATE ROLE dba SUPERUSER LOGIN;
	CREATE ROLE owner LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone, id_no csec.id_card);
	INSERT INTO cust VALUES (1, '13982461234', '11010519491231002X');
	SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card"}');
	ALTER TABLE cust OWNER TO owner;
	GRANT CREATE ON SCHEMA public TO owner;
	GRANT SELECT ON cust TO clerk;
	SELECT csec.set_clearance('clerk', level => l) FROM unnest('{general,important,core}'::text[]) l;
	SELECT csec.set_default_reason('clerk', 'daily business');
	CHECKPOINT;
});
sub as
{
	my ($role, $sql, $on) = @_;
	my ($ret, $out, $err) = ($on // $node)->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return "$out$err";
}

# files
my $file = $node->safe_psql('postgres', "SELECT pg_relation_filepath('cust')");
my $bytes = slurp_file($node->data_dir . "/$file");
like($bytes, qr/13982461234/, 'who has the files reads what is masked');
unlike($bytes, qr/1101051949|002X/, '  and not what is encrypted');
my $seen = records($node, 'count(*)', "login = 'dba'");
is(as('dba', "SELECT position('13982461234'::bytea IN pg_read_binary_file('$file')) > 0"), 't', 'a superuser reads the file by SQL');
flush_trail($node);
is(records($node, 'count(*)', "login = 'dba' AND kind = 'read'"), '0', '  which is no read of the table');
is(records($node, q{string_agg(action || ' ' || object, ', ')}, "login = 'dba'"), 'CALL pg_catalog.pg_read_binary_file', '  but on record');

# becoming somebody
is(as('dba', 'SELECT phone FROM cust'), '139****1234', 'a superuser sees masks');
is(as('dba', q{SELECT FROM csec.set_clearance('owner', level => 'important')}), '', 'he may clear somebody');
is(as('owner', 'SELECT phone FROM cust'), '13982461234', '  who then sees values');
flush_trail($node);
is(records($node, 'count(*) > 0', "login = 'dba' AND kind = 'control' AND object ~ 'owner'"), 't', '  and that is on record');
as('dba', q{SELECT csec.revoke_clearance('owner', level => 'important')});
is(as('owner', 'SELECT phone FROM cust'), '139****1234', '  until it is taken back');

# code on the table: recorded when it is made
as('owner', q{
	CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER noop BEFORE INSERT ON cust FOR EACH ROW EXECUTE FUNCTION noop();
	CREATE RULE also AS ON UPDATE TO cust DO ALSO NOTHING;
	CREATE POLICY mine ON cust USING (true);
	CREATE INDEX folded ON cust (upper(phone))});
flush_trail($node);
is(records($node, q{string_agg(action || ' ' || outcome, ', ' ORDER BY seq)}, "login = 'owner' AND kind = 'control' AND action ~ '^CREATE (TRIGGER|RULE|POLICY|INDEX)'"),
	'CREATE TRIGGER committed, CREATE RULE committed, CREATE POLICY committed, CREATE INDEX committed', 'triggers, rules, policies and indexes on a protected table are recorded');

# code in a cleared session
as('owner', q{
	CREATE TABLE kept (t text);
	GRANT INSERT ON kept TO PUBLIC;
	CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.kept VALUES ($1); RETURN $1; END $$;
	CREATE VIEW shown AS SELECT id, spy(phone::text) AS phone FROM cust;
	GRANT SELECT ON shown TO clerk});
is(as('clerk', 'SELECT phone FROM shown'), '13982461234', 'a cleared reader reads through a function of the owner');
is(as('owner', 'SELECT t FROM kept'), '13982461234', '  which keeps what he was shown');
flush_trail($node);
is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM csec.who_saw('cust', '1') WHERE login = 'clerk'"), 't', '  his read is on record');

# a copy of the server, with its keys
$node->backup('base');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'base');
chmod 0600, $copy->data_dir . '/csec_embedded.key';
$copy->start;
is(as('clerk', q{BEGIN; SELECT FROM csec.set_context('clerk', 'copied', 'T1'); SELECT id_no FROM cust; COMMIT}, $copy) =~ s/^\s+//r, '11010519491231002X', 'who has a backup and the keys has a server of his own');
$copy->stop;
$node->stop;
done_testing();
