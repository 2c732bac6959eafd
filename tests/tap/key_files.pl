# Were this to fail, a server would wait for ever for a key that is no file, take what others
# may have written, or say something else than what is wrong.

use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
my $hex = 'a1' x 32;
mkdir $keys, 0700 or die;

my $node = PostgreSQL::Test::Cluster->new('key_files');
$node->init;
$node->append_conf('postgresql.conf', 'csec.embedded_keys = off');
append_to_file($node->logfile, '');

sub from_directory { $node->append_conf('postgresql.conf', "csec.key_directory = '$_[0]'") }
from_directory($keys);

sub put
{
	my ($path, $content, $mode) = @_;
	unlink $path;
	open my $f, '>', $path or die "$path: $!";
	print $f $content;
	close $f;
	chmod $mode // 0600, $path;
}

# pg_ctl waits for a minute at most, so a server that hangs fails the test, too.
sub no_start
{
	my ($name, $pattern) = @_;
	my $from = -s $node->logfile;
	local $ENV{PGCTLTIMEOUT} = 60;
	ok(!$node->start(fail_ok => 1), "no start: $name");
	my $log = substr slurp_file($node->logfile), $from;
	like($log, qr/FATAL:  $pattern/, '  and says why');
	like($log, qr/HINT:/, '  and what helps');
	unlike($log, qr/(a1){8}/, '  and nothing of what is there');
}

my $key = "$keys/root.key";
no_start('no file', qr/could not open csec's key "\S+root\.key": No such file/);

mkfifo($key, 0600) or die;
no_start('a pipe that nobody writes to', qr/csec's key "\S+root\.key" is not a file/);
unlink $key;

mkdir $key, 0700 or die;
no_start('a directory', qr/csec's key "\S+root\.key" is not a file/);
rmdir $key;

# (the path of a socket has 107 bytes at most)
chdir $keys or die;
my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => 'root.key', Listen => 1) or die;
no_start('a socket', qr/could not open csec's key "\S+root\.key"/);
close $socket;
unlink $key;
chdir PostgreSQL::Test::Utils::tempdir or die;

put("$keys/elsewhere", "$hex\n");
symlink "$keys/elsewhere", $key or die;
no_start('a symbolic link', qr/csec's key "\S+root\.key" is a symbolic link/);
unlink $key;
symlink '/dev/zero', $key or die;
no_start('a link to a device', qr/csec's key "\S+root\.key" is a symbolic link/);
unlink $key;

foreach (
	[ 'an empty file', '' ],
	[ 'half a key', substr $hex, 32 ],
	[ 'a key and another line', "$hex\n$hex\n" ],
	[ 'a key with blanks', " $hex\n" ],
	[ 'a line as Windows ends it', "$hex\r\n" ],
	[ 'digits that are none', ('g1' x 32) . "\n" ],
	[ 'zero bytes', "\0" x 64 ])
{
	put($key, $_->[1]);
	no_start($_->[0], qr/"\S+root\.key" is not a csec key/);
}
truncate $key, 2**40 or die;
no_start('a file of a terabyte', qr/"\S+root\.key" is not a csec key/);

put($key, "$hex\n", 0644);
no_start('a file that all can read', qr/"\S+root\.key" can be reached by others/);
put($key, "$hex\n", 0620);
no_start('a file that the group can write', qr/"\S+root\.key" can be reached by others/);
put($key, "$hex\n", 0000);
no_start('a file that nobody can read', qr/could not open csec's key "\S+root\.key": Permission denied/);
put($key, "$hex\n");

from_directory("$keys/nothing");
no_start('a directory that is not there', qr/could not stat csec\.key_directory/);
from_directory($key);
no_start('a directory that is a file', qr/csec\.key_directory "\S+" is not a directory/);
from_directory('/etc');
no_start('a directory of somebody else', qr/"\/etc" does not belong to the user/);
from_directory('.');
no_start('the data directory', qr/csec\.key_directory "\S+" lies inside the data directory/);
symlink $node->data_dir, "$keys/data" or die;
from_directory("$keys/data");
no_start('a link into the data directory', qr/csec\.key_directory "\S+" lies inside the data directory/);

from_directory($keys);
put($key, uc $hex);
$node->start;
ok(1, 'capitals and no end of line are a key');

# at a reload it is the launcher that reads
sub reload_says
{
	my ($name, $pattern) = @_;
	my $from = -s $node->logfile;
	$node->reload;
	$node->wait_for_log(qr/$pattern/, $from);
	ok(1, $name);
}
mkfifo("$keys/k2.key", 0600) or die;
$node->append_conf('postgresql.conf', "csec.kek = 'k2, root'");
reload_says('a KEK that is a pipe is told at a reload', qr/could not read the keys of csec\.kek anew: csec's key "\S+k2\.key" is not a file/);
unlink "$keys/k2.key";
put("$keys/k2.key", ('b2' x 32) . "\n");
reload_says('  and the right one is taken at the next', qr/csec wraps keys under those of csec\.kek as they are now: k2, root/);

$node->stop;
done_testing();
