# Medians and spreads.
package Bench::Stats;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(min max);

our @EXPORT_OK = qw(median spread ratios shuffled);

sub median
{
	my @v = sort { $a <=> $b } grep { defined } @_ or return undef;
	return ($v[ $#v / 2 ] + $v[ @v / 2 ]) / 2;
}

# (median, least, greatest)
sub spread
{
	my @v = grep { defined } @_ or return;
	return (median(@v), min(@v), max(@v));
}

# Quotients of two lists, pairwise: what was measured in the same round.
sub ratios
{
	my ($these, $those) = @_;
	return map {
		     defined $these->[$_]
		  && defined $those->[$_]
		  && $those->[$_] > 0 ? $these->[$_] / $those->[$_] : undef
	} 0 .. $#$these;
}

# Fisher-Yates on the generator that the run has seeded.
sub shuffled
{
	my @v = @_;
	for my $i (reverse 1 .. $#v)
	{
		my $j = int rand($i + 1);
		@v[ $i, $j ] = @v[ $j, $i ];
	}
	return @v;
}

1;
