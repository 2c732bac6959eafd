# Witnesses and time stamp authorities for the tests, made with OpenSSL: people
# outside, who sign and stamp checkpoints.
package CsecVouch;

use strict;
use warnings;
use Exporter 'import';
use Digest::SHA qw(sha256);
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(keypair signature_line cosigned make_authority let_expire stamp);

sub put { my ($name, $bytes) = @_; open my $f, '>:raw', $name or die; print $f $bytes; close $f; return $name }

# A key of C2SP's type \x01 (signs a text) or \x04 (a witness's).
sub keypair
{
	my ($dir, $name, $type) = @_;
	my $pem = "$dir/" . ($name =~ s/\W/_/gr) . '.pem';
	system_log('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', $pem) == 0 or die;
	my $public = substr `openssl pkey -in $pem -pubout -outform DER`, -32;
	my $id = substr sha256("$name\n$type$public"), 0, 4;
	return { name => $name, pem => $pem, id => $id, type => $type, public => $public, vkey => "$name+" . unpack('H*', $id) . '+' . encode_base64($type . $public, '') };
}

# Its signature line of a text, at a time in seconds since 1970.
sub signature_line
{
	my ($key, $text, $time) = @_;
	my $message = put("$key->{pem}.message", $key->{type} eq "\x04" ? "cosignature/v1\ntime $time\n$text" : $text);
	system_log('openssl', 'pkeyutl', '-sign', '-inkey', $key->{pem}, '-rawin', '-in', $message, '-out', "$key->{pem}.signature") == 0 or die;
	return "\xe2\x80\x94 $key->{name} " . encode_base64($key->{id} . ($key->{type} eq "\x04" ? pack('Q>', $time) : '') . slurp_file("$key->{pem}.signature"), '') . "\n";
}

# The same for a note.
sub cosigned
{
	my ($key, $note, $time) = @_;
	my ($text) = $note =~ /\A(.*\n)\n/s;
	return signature_line($key, $text, $time);
}

# Gives DIR/NAME.crt, and what stamp() needs.
sub make_authority
{
	my ($dir, $name) = @_;
	put("$dir/tsa.cnf", qq{
[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = a time stamp authority\n
[ext]\nextendedKeyUsage = critical,timeStamping\n
[tsa]\ndefault_tsa = tsa1\n[tsa1]\ndir = $dir\nserial = $dir/serial\ncrypto_device = builtin\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha1, sha256\naccuracy = secs:1\nordering = no\ntsa_name = no\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n});
	put("$dir/serial", "01\n") if !-e "$dir/serial";
	system_log('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-config', "$dir/tsa.cnf", '-extensions', 'ext', '-keyout', "$dir/$name.key", '-out', "$dir/$name.crt") == 0 or die;
	return "$dir/$name.crt";
}

# Its certificate made anew, over since yesterday.
sub let_expire
{
	my ($dir, $name) = @_;
	system_log('openssl', 'req', '-new', '-config', "$dir/tsa.cnf", '-key', "$dir/$name.key", '-out', "$dir/$name.csr") == 0 or die;
	system_log('openssl', 'x509', '-req', '-in', "$dir/$name.csr", '-signkey', "$dir/$name.key", '-days', '-1', '-extfile', "$dir/tsa.cnf", '-extensions', 'ext', '-out', "$dir/$name.crt") == 0 or die;
	return "$dir/$name.crt";
}

# The response of that authority about these bytes.
sub stamp
{
	my ($dir, $name, $bytes, $digest) = @_;
	put("$dir/stamped", $bytes);
	system_log('openssl', 'ts', '-query', '-data', "$dir/stamped", '-' . ($digest // 'sha256'), '-cert', '-out', "$dir/q") == 0 or die;
	system_log('openssl', 'ts', '-reply', '-config', "$dir/tsa.cnf", '-queryfile', "$dir/q", '-signer', "$dir/$name.crt", '-inkey', "$dir/$name.key", '-out', "$dir/r") == 0 or die;
	return slurp_file("$dir/r");
}

1;
