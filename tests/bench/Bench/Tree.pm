# A private copy of PostgreSQL's program tree (its binaries find their files
# relative to themselves), into which csec and the peers are installed.  The
# system's PostgreSQL is only read.
package Bench::Tree;

use strict;
use warnings;

use Bench::Host qw(capture);

# Debian packages of extensions that do comparable work.
my %PEER = (
	pgaudit => 'postgresql-%s-pgaudit',
	table_log => 'postgresql-%s-tablelog');

# new(dir => scratch folder, top => source tree, pg_config => program)
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {%arg, missing => {}, versions => {}}, $class;
	my %path = map {
		my $key = $_;
		chomp(my $value = `$arg{pg_config} --$key`);
		$value or die "$arg{pg_config} --$key gives nothing\n";
		($key => $value);
	} qw(bindir sharedir pkglibdir version);
	($self->{major}) = $path{version} =~ /(\d+)/;
	$self->{version} = $path{version};
	$self->{root} = "$arg{dir}/pg";

	# Debian keeps bin and lib of one major version in one folder.
	(my $program_dir = $path{bindir}) =~ s{/bin$}{};
	$self->copy($_) for $program_dir, $path{sharedir};
	$self->{bin} = "$self->{root}$path{bindir}";
	$self->{lib} = "$self->{root}$path{pkglibdir}";
	$self->{share} = "$self->{root}$path{sharedir}";
	return $self;
}

sub copy
{
	my ($self, $from) = @_;
	system('mkdir', '-p', "$self->{root}$from") == 0
	  && system('cp', '-r', "$from/.", "$self->{root}$from") == 0
	  or die "cannot copy $from\n";
}

# Installs csec from the source tree; why not is kept for the report.
sub install_csec
{
	my ($self) = @_;
	eval {
		capture(
			[   'make', '-s', '-C', $self->{top}, 'install', 'with_llvm=no',
				"PG_CONFIG=$self->{pg_config}", "DESTDIR=$self->{root}"
			],
			dir => $self->{dir});
		die "csec.so is not among the files installed\n"
		  unless -e "$self->{lib}/csec.so";
		1;
	} or $self->miss('csec', "csec cannot be installed: $@");
	return;
}

# Unpacks the peers' packages into the tree, unless they are installed.
sub install_peers
{
	my ($self) = @_;
	for my $name (sort keys %PEER)
	{
		my $package = sprintf $PEER{$name}, $self->{major};
		eval { $self->unpack_peer($name, $package); 1 }
		  or $self->miss($name, "package $package cannot be had: $@");
	}
	return;
}

sub miss
{
	my ($self, $name, $why) = @_;
	$why =~ s/\s+/ /g;
	$self->{missing}{$name} = $why;
	return;
}

sub unpack_peer
{
	my ($self, $name, $package) = @_;
	my $debs = "$self->{dir}/debs";
	mkdir $debs;

	if (-e "$self->{lib}/$name.so")
	{
		$self->{versions}{$name} =
		  capture([ 'dpkg-query', '-W', '-f', '${Package} ${Version}', $package ],
			dir => $self->{dir});
		return;
	}
	capture([ 'sh', '-c', 'cd "$0" && apt-get -q download "$1"', $debs, $package ],
		dir => $self->{dir}, limit => 60);
	my ($deb) = glob("$debs/${package}_*.deb") or die "no file came\n";
	capture([ 'dpkg-deb', '-x', $deb, "$debs/$name" ], dir => $self->{dir});
	for my $part ('lib', 'share')
	{
		my $from = "$debs/$name/usr/$part/postgresql/$self->{major}";
		my $to = $part eq 'lib' ? "$self->{lib}/.." : $self->{share};
		system('cp', '-r', "$from/.", $to) == 0 or die "cannot copy $from\n";
	}
	$self->{versions}{$name} =
	  capture([ 'dpkg-deb', '-W', '--showformat=${Package} ${Version}', $deb ],
		dir => $self->{dir});
	return;
}

1;
