# The superuser of every node of a test is postgres, as on Debian, whoever runs the tests.
package CsecSuperuser;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;

my $init = \&PostgreSQL::Test::Cluster::init;

no warnings 'redefine';
*PostgreSQL::Test::Cluster::init = sub {
	my ($self, %params) = @_;
	$params{extra} = [ '-U', 'postgres', @{ $params{extra} // [] } ];
	return $self->$init(%params);
};
$ENV{PGUSER} = 'postgres';

1;
