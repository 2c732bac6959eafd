# Were this to fail, PgBouncer in transaction mode would mix up the people behind
# it: one would be left on the server's connection for the next, or be recorded
# as somebody else.

use strict;
use warnings;
use CsecToken;
use CsecTrail;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $sso = CsecToken->new($dir, 'k1');
my $node = trail_node('login_pool');
$node->safe_psql('postgres', qq{
	SET csec.probe_limit = 1000000; SET csec.probe_quota = 1000000;
	CREATE ROLE app LOGIN;
	CREATE TABLE cust (id int PRIMARY KEY, phone csec.phone);
	INSERT INTO cust SELECT i, '138' || lpad(i::text, 8, '0') FROM generate_series(1, 100) i;
	SELECT csec.protect('cust', 'id', '{"phone": "phone"}');
	GRANT SELECT ON cust TO app;
	SELECT csec.register_person('p' || i, 'Person ' || i) FROM generate_series(0, 3) i;
	SELECT csec.set_pool_role('app', 'the web application');
	SELECT csec.add_issuer_key('k1', } . $sso->public . q{, 'https://sso', 'bank')});

# The pooler: its clients share two connections to the server.
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $server = $node->host . ' port=' . $node->port;
append_to_file("$dir/users", qq{"app" ""\n});
append_to_file("$dir/pgbouncer.ini", qq{[databases]
postgres = host=$server dbname=postgres
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 2
logfile = $dir/log
});
local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
my $pooler = IPC::Run::start([ 'pgbouncer', '-q', "$dir/pgbouncer.ini" ], '<', \undef, '>', '/dev/null', '2>', '/dev/null');
END { $pooler->kill_kill if $pooler }
foreach (1 .. 600) { last if -S "$dir/.s.PGSQL.$port"; select undef, undef, undef, 0.1 }

# Tokens of four people, 12 for each, and one more of the first.
my @tokens = map { my $who = $_; map { "p$who " . $sso->token(sub => qq{"p$who"}) } 1 .. 12 } 0 .. 3;
append_to_file("$dir/tokens", join("\n", @tokens, 'p0 ' . $sso->token(sub => '"p0"'), ''));
append_to_file("$dir/client.py", q{
import sys, threading, psycopg
where, tokens = sys.argv[1], [line.split() for line in open(sys.argv[2])]
last = tokens.pop()
def connect():
    # whatever is prepared would stay on a connection of the server's
    return psycopg.connect(where, prepare_threshold=None)
wrong = []
def work(n):
    mine = [t for t in tokens if t[0] == 'p%d' % n]
    with connect() as c:
        for i, (person, token) in enumerate(mine):
            with c.transaction():
                c.execute('SELECT csec.login(%s)', (token,))
                c.execute('SELECT phone FROM cust WHERE id = %s', (1 + 20 * n + i,)).fetchall()
                who = c.execute('SELECT csec.authenticated_person()').fetchone()[0]
                if who != person:
                    wrong.append('%s is %s' % (person, who))
            with c.transaction():
                who = c.execute('SELECT csec.authenticated_person()').fetchone()[0]
                if who is not None:
                    wrong.append('%s was left to the next' % who)
def ask(sql, *values):
    try:
        with connect() as c, c.transaction():
            return c.execute(sql, values).fetchone()[0]
    except psycopg.Error as e:
        return str(e).split('\n')[0]
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print('; '.join(wrong) or 'all are who they are')
with connect() as c:
    try:
        with c.transaction():
            c.execute('SELECT csec.login(%s)', (last[1],))
            c.execute('SELECT phone FROM cust WHERE id = 99')
            c.execute('SELECT 1 / 0')
    except psycopg.errors.DivisionByZero:
        pass
print(ask('SELECT csec.authenticated_person()') or 'nobody')
print(ask('SELECT csec.login(%s)', last[1]))
print(ask('SELECT csec.login(%s)', tokens[0][1]))
});
my ($out, $err) = run_command([ 'python3', "$dir/client.py", "host=$dir port=$port user=app dbname=postgres", "$dir/tokens" ]);
is($err, '', 'four clients share two connections');
my @said = split /\n/, $out;
is($said[0], 'all are who they are', 'each transaction is of whose token it began with, and the next one of nobody');
is($said[1], 'nobody', 'nor is one left that ended in an error');
like($said[2], qr/used before/, '  whose token is spent');
like($said[3], qr/used before/, '  as one is that served, on whatever connection');
flush_trail($node);
is($node->safe_psql('postgres', q{SELECT count(DISTINCT session_pid) FROM csec.access_pieces WHERE login = 'app'}), '2', 'two connections there were');
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE w.person = 'p' || (c.id - 1) / 20)
	FROM cust c, csec.who_saw('cust', c.id::text) w WHERE c.id % 20 BETWEEN 1 AND 12 AND c.id < 80 AND w.login = 'app'}),
	'48|48', 'each read is on record as of whom it was');
is($node->safe_psql('postgres', q{SELECT person FROM csec.who_saw('cust', '99') WHERE login = 'app'}), 'p0', '  that of the transaction that failed, too');
is_verified($node, 'the trail');
$pooler->signal('TERM');
$pooler->finish;
undef $pooler;
$node->stop;
done_testing();
