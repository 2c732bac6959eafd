# The superuser of every node of a test is postgres, as on Debian, whoever runs the tests;
# and a script's first node is a copy of what initdb made once for all scripts, in the
# folder $CSEC_TEMPLATES.  (Its other nodes are not: servers that meet have system
# identifiers of their own.)
package CsecSuperuser;

use strict;
use warnings;
use Fcntl qw(LOCK_EX);
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;

my $init = \&PostgreSQL::Test::Cluster::init;
my $run = \&PostgreSQL::Test::Utils::system_or_bail;
my $nodes = 0;

sub copy_template
{
	my ($folder, @initdb) = @_;
	my $template = "$ENV{CSEC_TEMPLATES}/" . join('_', grep { $_ ne $folder } @initdb);
	open my $lock, '>', "$template.lock" or die "$template.lock: $!";
	flock $lock, LOCK_EX or die "$template.lock: $!";
	if (!-d $template)
	{
		$run->(map { $_ eq $folder ? "$template.new" : $_ } @initdb);
		rename "$template.new", $template or die "$template: $!";
	}
	close $lock;
	$run->('cp', '-a', '--reflink=auto', $template, $folder);
}

no warnings 'redefine';
*PostgreSQL::Test::Cluster::init = sub {
	my ($self, %params) = @_;
	$params{extra} = [ '-U', 'postgres', @{ $params{extra} // [] } ];
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $_[0] eq 'initdb' && !$nodes++ ? copy_template($self->data_dir, @_) : $run->(@_);
	} if defined $ENV{CSEC_TEMPLATES};
	return $self->$init(%params);
};
$ENV{PGUSER} = 'postgres';

1;
