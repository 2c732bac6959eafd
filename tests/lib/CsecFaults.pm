# A server whose clock can be set, whose disk can be full, and that can be held at a file:
# see faults.c.
package CsecFaults;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(faulty set_fault clear_fault hold_at);

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

# Holds up who flushes a file of that part of a path (or reads at PATH@OFFSET; of one); gives what waits until somebody is, and
# says who.  clear_fault('held') lets go.
sub hold_at
{
	my ($part) = @_;
	unlink "$folder/waits";
	set_fault('held', $part);
	return sub {
		foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
		{
			my $pid = -s "$folder/waits" ? slurp_file("$folder/waits") : '';
			return $1 if $pid =~ /^(\d+)\n/;
			select undef, undef, undef, 0.1;
		}
		die "nobody comes to $part";
	};
}

sub clear_fault { unlink "$folder/$_[0]" or die "$folder/$_[0]: $!" }

1;
