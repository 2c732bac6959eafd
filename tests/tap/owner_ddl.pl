# Were this to fail, who owns a table and is nobody else could not go on with it
# once it is protected: change, index, partition, move and drop it as before.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('owner_ddl');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE own LOGIN; CREATE ROLE reader LOGIN; CREATE DATABASE plain; CREATE DATABASE guarded');
foreach my $db (qw(plain guarded))
{
	$node->safe_psql($db, q{
		CREATE SCHEMA app AUTHORIZATION own;
		CREATE SCHEMA other AUTHORIZATION own;
		ALTER ROLE own SET search_path = app;
		SET search_path = app;
		SET ROLE own;
		CREATE TABLE cust (id int PRIMARY KEY, phone text, email text, n int);
		CREATE TABLE parts (id int PRIMARY KEY, phone text, n int) PARTITION BY RANGE (id);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
		CREATE TABLE orders (no int PRIMARY KEY, cust int CONSTRAINT of_cust REFERENCES cust ON DELETE CASCADE ON UPDATE CASCADE, phone text);
		INSERT INTO cust SELECT g, '1380000' || lpad(g::text, 4, '0'), 'a' || g || '@example.com', g FROM generate_series(1, 50) g;
		INSERT INTO parts SELECT id, phone, n FROM cust;
		INSERT INTO orders SELECT id, id, phone FROM cust});
}
$node->safe_psql('guarded', q{
	SET client_min_messages = warning;
	CREATE EXTENSION csec CASCADE;
	SET search_path = app;
	SELECT csec.protect('cust', 'id', '{"phone": "phone", "email": "email"}');
	SELECT csec.protect('parts', 'id', '{"phone": "phone"}');
	SELECT csec.protect('orders', 'cust', '{"phone": "phone"}', subject_of => 'cust')});

# What each statement gives: its rows, and its error.
sub said
{
	my ($db, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, $sql, extra_params => [ '-U', 'own' ], stdout => \$out, stderr => \$err, on_error_stop => 0);
	return "$out$err" =~ s/^psql:<stdin>:\d+: //gmr;
}

while (my $sql = <DATA>)
{
	chomp $sql;
	next if $sql eq '' or $sql =~ /^#/;
	my $plain = said('plain', $sql);
	unlike($plain, qr/ERROR/, "it works: $sql");
	is(said('guarded', $sql), $plain, "$sql");
}
is($node->safe_psql('guarded', q{SELECT csec.flush_audit(); SELECT verified FROM csec.verify_trail()}), "\nt", 'the trail is whole');
$node->stop;
done_testing();

__DATA__
ALTER TABLE cust ADD COLUMN extra text DEFAULT 'x'
ALTER TABLE cust ALTER extra SET DEFAULT 'y', ALTER extra SET NOT NULL
ALTER TABLE cust ALTER n TYPE bigint
CREATE INDEX ON cust (phone)
CREATE UNIQUE INDEX ON cust (email)
CREATE INDEX CONCURRENTLY ON cust (n)
REINDEX TABLE cust
REINDEX TABLE CONCURRENTLY cust
VACUUM FULL cust
VACUUM ANALYZE cust
CLUSTER cust USING cust_pkey
CREATE STATISTICS both_numbers ON n, id FROM cust
COMMENT ON COLUMN cust.phone IS 'by day'
CREATE VIEW seen AS SELECT id, phone FROM cust; GRANT SELECT ON seen TO reader
CREATE MATERIALIZED VIEW kept AS SELECT id, phone FROM cust; CREATE UNIQUE INDEX ON kept (id)
REFRESH MATERIALIZED VIEW CONCURRENTLY kept
ALTER TABLE cust ADD CONSTRAINT positive CHECK (n > 0) NOT VALID
ALTER TABLE cust VALIDATE CONSTRAINT positive
ALTER TABLE cust ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY few ON cust USING (n < 10); SELECT count(*) FROM cust
ALTER TABLE cust DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY; SELECT count(*) FROM cust
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.extra := ''z''; RETURN NEW; END'
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON cust FOR EACH ROW EXECUTE FUNCTION stamp()
INSERT INTO cust (id, phone, email, n) VALUES (100, '13800009999', 'q@example.com', 1) RETURNING id, n, extra
UPDATE cust SET n = n + 1 WHERE id = 100 RETURNING n; UPDATE cust SET id = 101 WHERE id = 100; DELETE FROM cust WHERE id = 101
ALTER TABLE cust DISABLE TRIGGER stamp
ALTER TABLE cust RENAME COLUMN n TO m; ALTER TABLE cust RENAME COLUMN m TO n
ALTER TABLE cust RENAME COLUMN phone TO mobile; UPDATE cust SET mobile = '13900000001' WHERE id = 2; SELECT count(*) FROM cust WHERE mobile = '13900000001'
ALTER TABLE cust RENAME COLUMN id TO no; INSERT INTO cust (no, mobile) VALUES (900, '13900000002'); DELETE FROM cust WHERE no = 900
ALTER TABLE cust RENAME COLUMN mobile TO phone; ALTER TABLE cust RENAME COLUMN no TO id
ALTER TABLE orders RENAME COLUMN cust TO customer; SELECT count(*) FROM orders WHERE customer = 3; ALTER TABLE orders RENAME COLUMN customer TO cust
ALTER TABLE parts RENAME COLUMN phone TO mobile; UPDATE parts SET mobile = '13900000003' WHERE id = 2; SELECT count(*) FROM parts_1 WHERE mobile = '13900000003'
ALTER TABLE parts RENAME COLUMN mobile TO phone
ALTER TABLE cust RENAME TO people; ALTER TABLE people RENAME TO cust
ALTER TABLE cust SET SCHEMA other; ALTER TABLE other.cust SET SCHEMA app
ALTER TABLE cust SET (fillfactor = 80), ALTER phone SET STATISTICS 10, REPLICA IDENTITY FULL, CLUSTER ON cust_pkey
CREATE TABLE child (more int) INHERITS (cust); INSERT INTO child (id, phone, n) VALUES (200, '13800008888', 2)
ALTER TABLE child NO INHERIT cust; ALTER TABLE child INHERIT cust; SELECT count(*) FROM cust; DROP TABLE child
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200)
CREATE TABLE parts_3 (LIKE parts INCLUDING ALL); ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (200) TO (300)
INSERT INTO parts VALUES (150, '13800001500', 1), (250, '13800002500', 1); SELECT id, n FROM parts_3
ALTER TABLE parts DETACH PARTITION parts_3; UPDATE parts_3 SET n = 2; ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (200) TO (300)
ALTER TABLE parts DETACH PARTITION parts_2 CONCURRENTLY; DROP TABLE parts_2
CREATE TABLE sub PARTITION OF parts FOR VALUES FROM (300) TO (400) PARTITION BY RANGE (id); CREATE TABLE sub_1 PARTITION OF sub DEFAULT; INSERT INTO parts VALUES (350, '1', 1)
ALTER TABLE orders DROP CONSTRAINT of_cust; ALTER TABLE orders ADD CONSTRAINT of_cust FOREIGN KEY (cust) REFERENCES cust ON DELETE CASCADE ON UPDATE CASCADE
DELETE FROM cust WHERE id = 50; UPDATE cust SET id = 1000 WHERE id = 49; SELECT count(*), max(cust) FROM orders
CREATE RULE put AS ON INSERT TO seen DO INSTEAD INSERT INTO cust (id, phone, n) VALUES (NEW.id, NEW.phone, 1); INSERT INTO seen VALUES (300, '13800007777'); SELECT count(*) FROM seen
CREATE TABLE none AS SELECT * FROM cust WHERE false; CREATE TABLE alike (LIKE cust INCLUDING ALL); DROP TABLE none, alike
BEGIN; LOCK TABLE cust IN ACCESS EXCLUSIVE MODE; COMMIT
TRUNCATE orders; TRUNCATE cust CASCADE
ALTER TABLE parts DROP COLUMN n; DROP TABLE parts
DROP VIEW seen; DROP MATERIALIZED VIEW kept; DROP TABLE orders; ALTER TABLE cust DROP COLUMN extra
DROP TABLE cust CASCADE
