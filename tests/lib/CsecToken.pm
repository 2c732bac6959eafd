# Who issues login tokens: a key pair, and tokens signed with it, good ones and
# whatever else a test wants to see refused.
package CsecToken;

use strict;
use warnings;
use MIME::Base64 'encode_base64url';
use PostgreSQL::Test::Utils;

my $count = 0;

# The issuer "https://sso" and its key of that name, kept in a directory.
sub new
{
	my ($class, $dir, $kid) = @_;
	my $self = bless { dir => $dir, kid => $kid, key => "$dir/$kid.pem" }, $class;
	system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'ed25519', '-out', $self->{key});
	return $self;
}

# The public key as SQL has it.
sub public
{
	my ($self) = @_;
	my $der = `openssl pkey -in $self->{key} -pubout -outform DER`;
	return "'\\x" . unpack('H*', substr($der, -32)) . "'";
}

# Sign these texts, whatever they are.
sub sign
{
	my ($self, $header, $claims) = @_;
	my $signed = encode_base64url($header) . '.' . encode_base64url($claims);
	my $file = "$self->{dir}/signed." . $count++;
	append_to_file($file, $signed);
	my $signature = `openssl pkeyutl -sign -rawin -inkey $self->{key} -in $file`;
	die 'openssl has not signed' if length $signature != 64;
	return "$signed." . encode_base64url($signature);
}

sub header { return qq({"alg":"EdDSA","typ":"JWT","kid":"$_[0]{kid}"}) }

# The claims of a good token, as JSON, some of them otherwise; undef: left out.
sub claims
{
	my ($self, %other) = @_;
	my $now = time;
	my %claim = (iss => '"https://sso"', aud => '"bank"', sub => '"li"', jti => '"' . join('-', $$, $now, $count++) . '"',
		iat => $now, exp => $now + 60, %other);
	return '{' . join(',', map { qq("$_":$claim{$_}) } grep { defined $claim{$_} } sort keys %claim) . '}';
}

sub token { my ($self, %other) = @_; return $self->sign($self->header, $self->claims(%other)) }

1;
