# A.1, A.2: were this to fail, an application's driver would get values that
# the text protocol masks, or would find that its statements work no more.

use strict;
use warnings;
use CsecTrail;
use CsecWire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = trail_node('drivers');
$node->safe_psql('postgres', q{
	CREATE ROLE low LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE boss SUPERUSER LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, name csec.person_name, phone csec.phone, id_no csec.id_card, tags csec.phone[], bal numeric);
	INSERT INTO cust VALUES (1, '张小明', '13812341234', '11010519491231002X', '{13700000001,NULL}', 12.5);
	SELECT csec.protect('cust', 'id');
	CREATE TABLE plain (id int, phone text);
	INSERT INTO plain VALUES (1, '13812341234');
	GRANT SELECT, INSERT, UPDATE ON cust, plain TO low, clerk;
	SELECT csec.set_clearance('clerk', level => 'core'), csec.set_clearance('boss', level => 'core')});

# What a driver does for an application: parameters whose types it does not say,
# and says; results as text and in binary; statements prepared by itself, kept on
# the server, in a pipeline, with a cursor of the server's; COPY both ways.
my $program = PostgreSQL::Test::Utils::tempdir . '/driver.py';
append_to_file($program, <<'END');
import psycopg, sys
from psycopg.types.string import StrDumper, StrBinaryDumper

what, dsn, binary = sys.argv[1], sys.argv[2], sys.argv[3] == 'binary'
conn = psycopg.connect(dsn)
conn.prepare_threshold = 1

def rows(cursor):
    return ';'.join('|'.join('-' if v is None else v.decode() if isinstance(v, bytes) else str(v) for v in row) for row in cursor)

def tell(name, value):
    print(f'{name}: {value}')

with conn.transaction():
    cur = conn.cursor(binary=binary)
    if what == 'clerk':
        cur.execute("SELECT csec.set_context('app', 'call', 'T1')")
    find = 'SELECT name, phone, id_no, tags[1] FROM cust WHERE id = %s'
    for i in range(3):
        cur.execute(find, (1,))
        found = rows(cur)
    tell('prepared', found)
    tell('by phone', rows(cur.execute('SELECT id FROM cust WHERE phone = %s', ('13812341234',))))
    tell('by id_no', rows(cur.execute('SELECT id FROM cust WHERE id_no = %b', ('11010519491231002x',))))
    conn.adapters.register_dumper(str, StrDumper)
    conn.adapters.register_dumper(str, StrBinaryDumper)
    cur = conn.cursor(binary=binary)
    tell('as text', rows(cur.execute('SELECT id FROM cust WHERE phone = %b', ('13812341234',))))
    tell('any', rows(cur.execute('SELECT id FROM cust WHERE phone = ANY(%s)', (['13812341234', '1'],))))
    tell('row', rows(cur.execute('SELECT (c).phone FROM (SELECT c FROM cust c) s')))
    with conn.cursor('walk', binary=binary) as walk:
        walk.itersize = 1
        walk.execute('SELECT phone, id_no FROM cust')
        tell('cursor', rows(walk))
    with conn.pipeline():
        first, second = conn.cursor(binary=binary), conn.cursor(binary=binary)
        first.execute('SELECT phone FROM cust WHERE id = %s', (1,))
        second.execute('SELECT name FROM cust WHERE id = %s', (1,))
        tell('pipeline', rows(first) + ',' + rows(second))
    with cur.copy('COPY cust (id, phone, id_no) TO STDOUT' + (' (FORMAT binary)' if binary else '')) as copy:
        if binary:
            copy.set_types(['int4', 'text', 'text'])
        tell('copy', ';'.join('|'.join(str(v) for v in row) for row in copy.rows()))

def write(name, sql, parameters):
    try:
        with conn.transaction():
            cur = conn.cursor(binary=binary)
            if what == 'clerk':
                cur.execute("SELECT csec.set_context('app', 'call', 'T1')")
            cur.execute(sql, parameters)
            tell(name, 'done')
    except psycopg.Error as e:
        tell(name, e.sqlstate)
        if '13812341234' in str(e):
            tell(name, 'THE VALUE IS IN THE ERROR')

n = {'low': 10, 'clerk': 20}[what] + binary
write('insert', 'INSERT INTO cust (id, phone, id_no, tags) VALUES (%s, %s, %b, %s)', (n, '13900000001', '330105198703043471', ['13700000002']))
write('mask back', 'UPDATE cust SET phone = %s WHERE id = 1', ('138****1234',))
write('bad', 'UPDATE cust SET id = %s WHERE phone = %s', (n, '13812341234'))
with conn.transaction():
    cur = conn.cursor()
    if binary:
        with cur.copy('COPY plain FROM STDIN (FORMAT binary)') as copy:
            copy.set_types(['int4', 'text'])
            copy.write_row((n, '13900000001'))
        with cur.copy('COPY cust (id, phone) FROM STDIN (FORMAT binary)') as copy:
            copy.set_types(['int4', 'text'])
            copy.write_row((n + 5, '13900000002'))
    else:
        with cur.copy('COPY cust (id, phone) FROM STDIN') as copy:
            copy.write_row((n + 5, '13900000002'))
tell('copied in', 'done')
END

my %shown = (
	low => [ '张**', '138****1234', '110*************2X', '137****0001' ],
	clerk => [ '张小明', '13812341234', '11010519491231002X', '13700000001' ]);
foreach my $role (qw(low clerk))
{
	my ($name, $phone, $id_no, $tag) = @{ $shown{$role} };
	foreach my $format (qw(text binary))
	{
		my ($out, $err);
		IPC::Run::run([ '/usr/bin/python3', $program, $role, $node->connstr('postgres') . " user=$role", $format ], '>', \$out, '2>', \$err);
		is($err, '', "$role, $format: the driver met no error");
		is($out, <<"END", '  and got what it may see, of each way');
prepared: $name|$phone|$id_no|$tag
by phone: 1
by id_no: 1
as text: 1
any: 1
row: $phone
cursor: $phone|$id_no
pipeline: $phone,$name
copy: 1|$phone|$id_no
insert: done
mask back: done
bad: 23505
copied in: done
END
		is($node->safe_psql('postgres', q{DELETE FROM cust WHERE id <> 1; TRUNCATE plain;
			BEGIN; DO $$ BEGIN PERFORM csec.set_context('t', 'test', 't'); END $$; SELECT phone, id_no FROM cust; COMMIT},
			extra_params => [ '-U', 'boss' ]), '13812341234|11010519491231002X', '  and destroyed nothing');
	}
}
$node->stop;
done_testing();
