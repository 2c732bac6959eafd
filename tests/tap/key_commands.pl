# Were this to fail, who sets a provider up as docs/keys.md has it would have a server that does not start.
#
# The programs are stand-ins that take what the examples give them, and nothing else, as the real
# ones do: vault 1.x, and pkcs11-tool of OpenSC 0.23.

use strict;
use warnings;
use CsecTrail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir;
my $hex = 'a1' x 32;
mkdir "$tmp/$_", 0700 foreach qw(bin etc secret);

sub put
{
	my ($path, $content, $mode) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $content;
	close $f;
	chmod $mode, $path;
}

# The examples, with this test's directory in the place of /etc/csec.
my $page = slurp_file('docs/keys.md') =~ s{/etc/csec}{$tmp/etc}gr;
my %example = map { m/^(\S+)/ => $_ } $page =~ /^    csec\.key_command = '(.*)'$/mg;
is_deeply([ sort keys %example ], [qw(pkcs11-tool vault)], 'the page has an example for each');

put("$tmp/bin/vault", <<'END', 0700);
#!/bin/sh
[ "$#" = 4 ] && [ "$1 $2 $3" = "kv get -field=key" ] || { echo "Incorrect usage." >&2; exit 1; }
[ -n "$VAULT_ADDR" ] && [ -n "$VAULT_TOKEN" ] || { echo "Code: 403. * permission denied" >&2; exit 2; }
[ -e "$STAND_IN/secret/$(basename "$4")" ] || { echo "No value found at $4" >&2; exit 2; }
case $4 in secret/csec/*) ;; *) exit 2 ;; esac
printf %s "$(cat "$STAND_IN/secret/$(basename "$4")")"
END
put("$tmp/bin/pkcs11-tool", <<'END', 0700);
#!/usr/bin/perl
use strict;
use warnings;
use Getopt::Long;
my %o;
GetOptions(\%o, 'module=s', 'login', 'pin=s', 'decrypt', 'id=s', 'm=s', 'hash-algorithm=s', 'mgf=s',
	'input-file=s', 'read-object', 'type=s', 'o=s') && !@ARGV or exit 1;
die "error: Failed to load pkcs11 module\n" unless $o{module} =~ m{^/usr/lib/x86_64-linux-gnu/\w+-pkcs11\.so$};
die "error: object not found\n" unless $o{id} eq '01';
print STDERR "Using slot 0 with a present token (0x0)\n";
my $key = "$ENV{STAND_IN}/token.pem";
if ($o{'read-object'})
{
	exit system('openssl', 'pkey', '-in', $key, '-pubout', '-outform', 'DER', '-out', $o{o}) >> 8;
}
my ($pin) = $o{pin} =~ /^env:(\w+)$/;
die "error: PKCS11 function C_Login failed: rv = CKR_PIN_INCORRECT (0xa0)\n"
  unless $o{login} && $pin && ($ENV{$pin} // '') eq '1234';
die "error: PKCS11 function C_DecryptInit failed: rv = CKR_ARGUMENTS_BAD (0x7)\n"
  unless $o{decrypt} && $o{m} eq 'RSA-PKCS-OAEP' && ($o{'hash-algorithm'} // 'SHA256') eq 'SHA-1' && ($o{mgf} // '') eq 'MGF1-SHA1';
print STDERR "Using decrypt algorithm RSA-PKCS-OAEP\n";
exit system('openssl', 'pkeyutl', '-decrypt', '-inkey', $key, '-pkeyopt', 'rsa_padding_mode:oaep', '-in', $o{'input-file'}) >> 8;
END
$ENV{STAND_IN} = $tmp;
$ENV{PATH} = "$tmp/bin:$ENV{PATH}";
delete @ENV{qw(VAULT_ADDR VAULT_TOKEN PIN)};

my $node = PostgreSQL::Test::Cluster->new('key_commands');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'csec.embedded_keys = off');
append_to_file($node->logfile, '');

sub command { $node->append_conf('postgresql.conf', "csec.key_command = '$example{$_[0]}'") }

sub no_start
{
	my ($name, $said) = @_;
	my $from = -s $node->logfile;
	ok(!$node->start(fail_ok => 1), "no start: $name");
	my $log = substr slurp_file($node->logfile), $from;
	like($log, qr/\Q$said\E/, '  and the log has what the program said');
	like($log, qr/FATAL:  csec\.key_command failed for key "root".*DETAIL:  It ended with status \d+\..*HINT:/s, '  and what csec says');
	unlike($log, qr/(a1){8}/, '  and no key');
}

command('vault');
no_start('the client has no token', 'permission denied');
@ENV{qw(VAULT_ADDR VAULT_TOKEN)} = ('https://127.0.0.1:8200', 's.1');
no_start('the secret is not there', 'No value found at secret/csec/root');
put("$tmp/secret/root", "$hex\n", 0600);
$node->start;
make_trail($node, 'postgres');
$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN; SELECT csec.set_clearance('clerk', level => 'core');
	CREATE TABLE t (v csec.id_card); INSERT INTO t VALUES ('11010519491231002X'); GRANT SELECT ON t TO clerk});

sub opened
{
	return $node->safe_psql('postgres', "BEGIN; SELECT csec.set_context('a', 'test', 't') \\gset x\nSELECT v FROM t; COMMIT", extra_params => [ '-U', 'clerk' ]);
}
is(opened(), '11010519491231002X', "a secrets manager's client is a provider");

# the same key, wrapped for a token as the page has it
chdir $tmp or die;
system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'token.pem');
put('root.key', "$hex\n", 0600);
my @wrap = $page =~ /^    ((?:pkcs11-tool|openssl pkeyutl) .*)$/mg;
is(scalar @wrap, 2, 'the page says how a key is wrapped for a token');
system_or_bail('sh', '-c', $_) foreach @wrap;
unlike(slurp_file("$tmp/etc/root.wrapped"), qr/$hex/, '  and it is');

$node->stop;
command('pkcs11-tool');
no_start('no PIN', 'CKR_PIN_INCORRECT');
$ENV{PIN} = '1234';
rename "$tmp/etc/root.wrapped", "$tmp/etc/other" or die;
no_start('no key for the token', 'root.wrapped');
rename "$tmp/etc/other", "$tmp/etc/root.wrapped" or die;
$node->start;
is(opened(), '11010519491231002X', 'a token is a provider');

# a provider that does not answer keeps nobody from stopping the server
$node->stop;
$node->append_conf('postgresql.conf', "csec.key_command = 'touch $tmp/asked; sleep 600'\ncsec.key_command_timeout = 3600");
my $from = -s $node->logfile;
system_log('pg_ctl', '-W', '-D', $node->data_dir, '-l', $node->logfile, 'start');
for (my $i = 0; $i < 1800 && !-e "$tmp/asked"; $i++) { select undef, undef, undef, 0.1 }
ok(-e "$tmp/asked", 'a server that starts asks its provider');
is(system_log('pg_ctl', '-D', $node->data_dir, '-m', 'fast', '-t', '60', 'stop'), 0, '  and is stopped while that does not answer');
like(substr(slurp_file($node->logfile), $from), qr/FATAL:  csec\.key_command was ended for key "root", as the server is to stop/, '  as the log says');
done_testing();
