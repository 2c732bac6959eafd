# Compares what clients were told (the journals of CsecLoad.pm) with what the trail
# says, and with what is committed.  It knows nothing of how csec works: only its
# promises.
#
#	- what is committed has its record, once, as committed; what is not, as aborted
#	- rows of a strict read that were delivered, and an answer that there are none,
#	  have their record; those of a batch read, too, unless the server was lost
#	  within moments after
#	- no record is about what nobody did
package CsecOracle;

use strict;
use warnings;

# journals: files; faults: when the server was lost, and when it was back; moments:
# within how many seconds before that a batch read, or the end of a strict one, may
# be lost.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless { work => {}, faults => $arg{faults}, moments => $arg{moments}, figures => {}, wrong => [] }, $class;
	$self->read_journal($_) foreach @{ $arg{journals} };
	return $self;
}

sub read_journal
{
	my ($self, $path) = @_;
	open my $file, '<', $path or die "$path: $!";
	while (<$file>)
	{
		chomp;
		my ($what, $token, @rest) = split /\t/, $_, -1;
		my $work = $self->{work}{$token} //= { token => $token, changes => {}, reads => [], rows => [], end => 'sent' };
		if ($what eq 'may' && $rest[0] eq 'read')
		{
			push @{ $work->{reads} }, [ @rest[ 1 .. 3 ] ];
		}
		elsif ($what eq 'may')
		{
			my (undef, $table, $op, $key, $value, $kept) = @rest;
			$work->{changes}{"$table $op $key $value"} = { kept => $kept };
			push @{ $work->{reads} }, [ $table, $key, $key ];
		}
		elsif ($what eq 'rows')
		{
			push @{ $work->{rows} }, { table => $rest[0], keys => [ split /,/, $rest[1] ], at => $rest[2] };
		}
		else
		{
			$work->{end} = $what;
			$work->{name} = $rest[0] if $what eq 'sent';
			$work->{at} = $what eq 'done' ? $rest[0] : $rest[1];
		}
	}
}

sub count { my ($self, $what, $n) = @_; $self->{figures}{$what} += $n // 1 }

# A promise that was not kept.
sub wrong
{
	my ($self, $kind, $work, $what) = @_;
	$self->count($kind);
	push @{ $self->{wrong} }, "$kind: " . (ref $work ? "$work->{token} ($work->{name}, $work->{end})" : $work) . ": $what";
}

# The tokens that are in the table "ledger".
sub committed
{
	my ($self, @tokens) = @_;
	foreach my $token (@tokens)
	{
		$self->{work}{$token}{committed} = 1;
	}
	foreach my $work (values %{ $self->{work} })
	{
		$self->wrong('acknowledged, but not committed', $work, 'the ledger does not have it')
		  if $work->{end} eq 'done' && !$work->{committed} && grep { $_->{kept} } values %{ $work->{changes} };
	}
}

# Who says so must be who has it, or else it is nobody's.
sub work_of
{
	my ($self, $seq, $login, $token) = @_;
	my $work = $self->{work}{$token};
	return $work if $work && index($token, "$login.") == 0;
	$self->wrong('records without an event', "record $seq", "$login: $token");
	return undef;
}

# A read as the trail has it; keys: those in it, or undef for all of the table.
sub recorded_read
{
	my ($self, $seq, $login, $token, $table, $exactness, $keys) = @_;
	my $work = $self->work_of($seq, $login, $token) or return;
	my @allowed = grep { $_->[0] eq $table } @{ $work->{reads} };
	$self->count('records of reads');
	return $self->wrong('records without an event', "record $seq", "$token did not read $table") unless @allowed;
	$work->{recorded}{$table}{any} = 1;
	if (!defined $keys)
	{
		# possibly seen: of a read whose end was lost with the server
		$self->wrong('records without an event', "record $seq", "$token was not cut off, but all of $table is told")
		  if $exactness ne 'intent' || ($work->{end} ne 'lost' && $self->until_lost($work->{at}) > $self->{moments});
		$work->{recorded}{$table}{all} = 1;
		return;
	}
	foreach my $key (@$keys)
	{
		$self->wrong('records without an event', "record $seq", "$token did not read $key of $table")
		  unless grep { $key >= $_->[1] && $key <= $_->[2] } @allowed;
		$work->{recorded}{$table}{key}{$key} = 1;
	}
}

# A changed row as the trail has it, with the outcome that it tells.
sub recorded_change
{
	my ($self, $seq, $login, $token, $table, $op, $key, $value, $outcome) = @_;
	my $work = $self->work_of($seq, $login, $token) or return;
	my $what = "$table $op $key " . ($op eq 'DELETE' ? '' : $value);
	my $change = $work->{changes}{$what};
	$self->count('records of changed rows');
	return $self->wrong('records without an event', "record $seq", "$token: $what") unless $change;
	return $self->wrong('records without an event', "record $seq", "$token: $what for the second time") if $change->{told};
	$change->{told} = 1;
	my $is = $change->{kept} && $work->{committed} ? 'committed' : 'aborted';
	$self->wrong('outcomes that are not so', "record $seq", "$token: $what is $is, told as $outcome") if $outcome ne $is;
}

# A change that was tried and failed, as the trail has it.
sub recorded_failure
{
	my ($self, $seq, $login, $token, $table, $sqlstate) = @_;
	my $work = $self->work_of($seq, $login, $token) or return;
	$self->count('records of failed changes');
	$self->wrong('records without an event', "record $seq", "$token did not fail to change $table")
	  if $work->{end} eq 'done' || !grep { /^$table / } keys %{ $work->{changes} };
}

# How much later the server was lost; 0: it was away, or about to be.
sub until_lost
{
	my ($self, $at) = @_;
	foreach my $fault (@{ $self->{faults} })
	{
		my ($from, $to) = @$fault;
		return $from > $at ? $from - $at : 0 if $to >= $at;
	}
	return 9e9;
}

sub compare_rows
{
	my ($self, $work, $rows) = @_;
	my $recorded = $work->{recorded}{ $rows->{table} } // {};
	my $strict = $rows->{table} =~ /^strict/;
	my @missing = grep { !$recorded->{key}{$_} } @{ $rows->{keys} };
	$self->count($strict ? 'strict reads delivered' : 'batch reads delivered');
	$self->count('rows delivered', scalar @{ $rows->{keys} });
	$self->count('empty answers') unless @{ $rows->{keys} };
	return if $recorded->{all};
	return if $recorded->{any} && !@missing;
	my $what = @{ $rows->{keys} } ? "$rows->{table}: @missing" : "$rows->{table}: nothing was found";
	return $self->wrong('delivered strict reads without a record', $work, $what) if $strict;
	my $age = $self->until_lost($rows->{at});
	return $self->wrong('delivered batch reads without a record', $work, sprintf '%s, %.3f s before the next loss of the server', $what, $age)
	  if $age > $self->{moments};
	$self->count('batch reads lost with the server, in its last moments');
	$self->{figures}{'  the oldest of them, ms before'} = int(1000 * $age)
	  if 1000 * $age > ($self->{figures}{'  the oldest of them, ms before'} // 0);
}

# When all of the trail has been told.
sub compare
{
	my ($self) = @_;
	foreach my $work (map { $self->{work}{$_} } sort keys %{ $self->{work} })
	{
		$self->count('pieces of work');
		$self->count("  $work->{end}");
		$self->compare_rows($work, $_) foreach @{ $work->{rows} };
		next unless $work->{committed};
		foreach my $what (sort grep { $work->{changes}{$_}{kept} } keys %{ $work->{changes} })
		{
			$self->count('committed changes');
			$self->wrong('committed changes without a record', $work, $what) unless $work->{changes}{$what}{told};
		}
	}
}

1;
