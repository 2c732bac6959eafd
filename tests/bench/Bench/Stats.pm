# Medians and spreads.
package Bench::Stats;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(median spread ratios shuffled);

# The value below which that part of a sorted list lies, between two neighbours
# in proportion.
sub quantile
{
	my ($part, @v) = @_;
	my $at = $part * $#v;
	my $low = int $at;
	return $low == $#v ? $v[$low] : $v[$low] + ($at - $low) * ($v[ $low + 1 ] - $v[$low]);
}

# A scalar in a list too: undef where there is no value.
sub median
{
	my ($median) = spread(@_);
	return $median;
}

# (median, lower quartile, upper quartile): the extremes of many rounds tell of
# the worst moment of the machine and of nothing else.
sub spread
{
	my @v = sort { $a <=> $b } grep { defined } @_ or return;
	return map { quantile($_, @v) } 0.5, 0.25, 0.75;
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
