# What was measured, as text, as Markdown, and raw.
package Bench::Report;

use strict;
use warnings;

use Bench::Stats qw(median spread ratios);
use Exporter 'import';
use List::Util qw(max sum);

our @EXPORT_OK = qw(print_work markdown markdown_table raw_rows put_into figures
	ratio_to_base short with_spread);

# Figures of each round of one variant, per unit of work.
my %FIGURE = (
	seconds => sub { $_[0]{seconds} / $_[0]{units} },
	sealed => sub { ($_[0]{seconds} + $_[0]{tail}) / $_[0]{units} },
	cpu => sub { $_[0]{cpu} / $_[0]{units} },
	wal => sub { defined $_[0]{wal} ? $_[0]{wal} / $_[0]{units} : undef },
	records => sub {
		defined $_[0]{trail_count} ? $_[0]{trail_count} / $_[0]{units} : undef;
	},
	trail => sub {
		defined $_[0]{trail_bytes} ? $_[0]{trail_bytes} / $_[0]{units} : undef;
	},
	record_bytes => sub {
		$_[0]{trail_count} ? $_[0]{trail_bytes} / $_[0]{trail_count} : undef;
	},
	sealer_memory => sub { $_[0]{sealer_memory} },
	beside => sub { $_[0]{beside} });

sub figures
{
	my ($work, $name, $what) = @_;
	return map { defined $_ ? $FIGURE{$what}->($_) : undef }
	  @{ $work->{got}{$name} // [] };
}

# Throughput where there is a rate, otherwise time: a ratio of 0.9 is a tenth
# slower in the first case, a tenth faster in the second.
sub is_rate { return $_[0]{kind} && $_[0]{kind} eq 'pgbench' || $_[0]{name} eq 'seal' }

# What counts as 1, of each round: the mean of the variants that are the base,
# of those that could be measured.
sub base_figures
{
	my ($work, $what) = @_;
	my @each = map { [ figures($work, $_, $what) ] } @{ $work->{base} };
	return map {
		my $round = $_;
		my @known = grep { defined } map { $_->[$round] } @each;
		@known ? sum(@known) / @known : undef;
	} 0 .. max(map { $#$_ } @each);
}

sub ratio_to_base
{
	my ($work, $name, $what) = @_;
	my @these = figures($work, $name, $what);
	my @base = base_figures($work, $what eq 'sealed' ? 'seconds' : $what);
	return $what ne 'cpu' && is_rate($work)
	  ? ratios(\@base, \@these)
	  : ratios(\@these, \@base);
}

sub number
{
	my ($v, $format) = @_;
	return defined $v ? sprintf($format, $v) : '-';
}

# Three significant digits, without exponent.
sub short
{
	my ($v) = @_;
	return '-' unless defined $v;
	my $places = $v >= 100 ? 0 : $v >= 10 ? 1 : $v >= 0.1 ? 2 : 3;
	return sprintf "%.${places}f", $v;
}

sub scaled { return defined $_[0] ? $_[0] * $_[1] : undef }

sub with_spread
{
	my ($median, $low, $high) = spread(@_) or return '-';
	return short($median) if $low == $high;
	return sprintf '%s (%s..%s)', map { short($_) } $median, $low, $high;
}

# [header], [row], ... of one work.
sub table
{
	my ($work, $variants) = @_;
	my $per = $work->{per};
	my $rate = is_rate($work);
	my $bulk = $per eq 'statement';
	my ($value_head, $value_of, $cpu_head, $cpu_scale) =
	    $per =~ /^(?:record|value)$/ && !$rate
	  ? ('s per million', sub { short($_[0] * 1e6) }, "CPU µs/$per", 1e6)
	  : $rate
	  ? ($per eq 'tx' ? 'tx/s' : "${per}s/s", sub { number(1 / $_[0], '%.0f') }, "CPU µs/$per", 1e6)
	  : ('ms', sub { short($_[0] * 1e3) }, 'CPU ms', 1e3);
	my $ratio_head = $rate ? 'rate ÷ base' : 'time ÷ base';

	my @rows = (
		[   'way', $value_head, $ratio_head, 'until sealed', $cpu_head,
			'CPU ÷ base', $bulk ? "WAL kB/$per" : "WAL B/$per",
			"trail records/$per", 'trail B/record'
		]);
	for my $name (@{ $work->{order} })
	{
		my $label = $variants->{$name}{label};
		if (my $why = $work->{failed}{$name})
		{
			push @rows, [ $label, "not measured: $why" ];
			next;
		}
		my ($seconds, $cpu) =
		  map { median(figures($work, $name, $_)) } qw(seconds cpu);
		push @rows,
		  [ $label,
			$value_of->($seconds),
			with_spread(ratio_to_base($work, $name, 'seconds')),
			$variants->{$name}{flush}
			? with_spread(ratio_to_base($work, $name, 'sealed'))
			: '',
			short($cpu * $cpu_scale),
			with_spread(ratio_to_base($work, $name, 'cpu')),
			short(scaled(median(figures($work, $name, 'wal')), $bulk ? 1e-3 : 1)),
			map { short(median(figures($work, $name, $_))) } qw(records record_bytes)
		  ];
	}
	return @rows;
}

# Display width of UTF-8 bytes: the labels hold no wide characters.
sub width
{
	my $text = shift;
	utf8::decode($text);
	return length $text;
}

sub print_work
{
	my ($work, $variants) = @_;
	my ($head, @rows) = table($work, $variants);
	my @width;
	for my $row ($head, grep { @$_ > 2 } @rows)
	{
		$width[$_] = max($width[$_] // 0, width($row->[$_])) for 0 .. $#$row;
	}
	$width[0] = max(map { width($_->[0]) } @rows, $head);
	for my $row ($head, @rows)
	{
		print join('  ', map {
				my $pad = ' ' x max(0, $width[$_] - width($row->[$_]));
				$_ ? $pad . $row->[$_] : "  $row->[$_]$pad"
			} 0 .. $#$row), "\n";
	}
	print "  $_\n" for notes($work);
	return;
}

# What does not fit the columns.
sub notes
{
	my ($work) = @_;
	my @notes;
	for my $name (@{ $work->{order} })
	{
		my $memory = median(figures($work, $name, 'sealer_memory'));
		push @notes, sprintf 'The sealer ended with %.1f MB of private memory.',
		  $memory / 1e6
		  if defined $memory;
		my $beside = median(figures($work, $name, 'beside'));
		push @notes, sprintf 'Beside it %d values a second were re-encrypted.', $beside
		  if defined $beside;
	}
	return @notes;
}

sub markdown_table
{
	my ($head, @rows) = @_;
	my $line = sub { return '| ' . join(' | ', @_) . " |\n" };
	return join '', $line->(@$head), $line->('---', ('--:') x $#$head),
	  map { $line->(@$_, ('') x (@$head - @$_)) } @rows;
}

# What the trail takes, per record of it and per million reads or changes: WAL
# beyond what plain PostgreSQL writes for the same work, and the trail itself.
sub storage
{
	my ($works, $variants) = @_;
	my @rows = (
		[   'work', 'way', 'WAL, B per record', 'trail, B per record',
			'for a million', 'WAL, MB', 'trail, MB'
		]);
	for my $work (grep { $_->{per} !~ /^(?:record|value)$/ } @$works)
	{
		my $plain = median(figures($work, 'plain', 'wal')) // next;
		my $each = 1 / ($work->{rows_per_unit} // 1);
		for my $name (@{ $work->{order} })
		{
			my ($wal, $records, $trail, $bytes) =
			  map { median(figures($work, $name, $_)) } qw(wal records trail record_bytes);
			next unless $records;

			# A trail in the log writes no WAL; the difference would be chance.
			my $more = $variants->{$name}{log_mark} ? undef : $wal - $plain;
			push @rows,
			  [ "`$work->{name}`", $variants->{$name}{label},
				number(scaled($more, 1 / $records), '%.0f'), number($bytes, '%.0f'),
				$work->{rows_per_unit} ? 'rows' : 'transactions',
				short(scaled($more, $each)), short($trail * $each)
			  ];
		}
	}
	return @rows;
}

sub markdown
{
	my ($p, $works, $variants) = @_;
	my $text = "Measured by `make bench`"
	  . ($p->{quick} ? ' with `BENCH_QUICK=1` (rough)' : '')
	  . ": $p->{rounds} rounds of $p->{seconds} s a cell, the ways in a seeded"
	  . " order within each round (seed $p->{seed}).\n\n";
	$text .= markdown_table([ 'machine', '' ], @{ $p->{machine} });
	for my $work (@$works)
	{
		my ($head, @rows) = table($work, $variants);
		$text .= "\n**`$work->{name}`** $work->{title}\n\n";
		$text .= markdown_table($head, @rows);
		$text .= "\n$_\n" for notes($work);
	}
	my ($head, @rows) = storage($works, $variants);
	$text .= "\n**What the trail takes**\n\n" . markdown_table($head, @rows) if @rows;
	return $text;
}

# Every cell of every round, tab separated.
sub raw_rows
{
	my ($works) = @_;
	my @fields = qw(units seconds tail cpu wal wal_images trail_bytes trail_count sealer_memory beside);
	my $text = join("\t", qw(work way round), @fields) . "\n";
	for my $work (@$works)
	{
		for my $name (grep { $work->{got}{$_} } @{ $work->{order} })
		{
			my $rounds = $work->{got}{$name};
			$text .= join("\t", $work->{name}, $name, $_ + 1,
				map { $_ // '' } @{ $rounds->[$_] }{@fields}) . "\n"
			  for 0 .. $#$rounds;
		}
	}
	return $text;
}

# Replaces what lies between the two marks of this name in a document.
sub put_into
{
	my ($file, $name, $text) = @_;
	my ($from, $to) = ("<!-- $name: begin -->", "<!-- $name: end -->");
	open(my $in, '<:raw', $file) or die "cannot read $file: $!\n";
	my $doc = do { local $/; <$in> };
	close $in;
	$doc =~ s/\Q$from\E\n.*?\Q$to\E/$from\n$text$to/s
	  or die "$file has no marks for $name\n";
	open(my $out, '>:raw', $file) or die "cannot write $file: $!\n";
	print $out $doc;
	close $out or die "cannot write $file: $!\n";
	return;
}

1;
