# A server whose clock can be set and whose disk can be full: see faults.c.
package CsecFaults;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(faulty set_fault clear_fault);

my $folder;

# Servers that this script starts from now on can be given faults.
sub faulty
{
	$folder = PostgreSQL::Test::Utils::tempdir;
	my $library = "$folder/faults.so";
	my $source = (grep { -f } map { "$_/faults.c" } @INC)[0];
	PostgreSQL::Test::Utils::system_or_bail('gcc', '-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC',
		'-o', $library, $source, '-ldl');
	$ENV{CSEC_FAULTS} = $folder;
	$ENV{LD_PRELOAD} = $library;
}

# The whole text appears at once.
sub set_fault
{
	my ($name, $text) = @_;
	open my $file, '>', "$folder/$name.new" or die "$folder: $!";
	print $file $text;
	close $file or die "$folder: $!";
	rename "$folder/$name.new", "$folder/$name" or die "$folder: $!";
}

sub clear_fault { unlink "$folder/$_[0]" or die "$folder/$_[0]: $!" }

1;
