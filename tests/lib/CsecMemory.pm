# What is in the memory of a process of the server, and whose it is.
package CsecMemory;

use strict;
use warnings;
no warnings 'portable';
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(memory_regions search_memory memory_owners);

# The regions of its memory that can be read.  Those of keys are left out of dumps.
sub memory_regions
{
	my ($pid) = @_;
	my @regions;
	foreach my $line (split /\n/, slurp_file("/proc/$pid/smaps"))
	{
		push @regions, { from => hex $1, to => hex $2, may => $3, offset => hex $4, name => $5 }
		  if $line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+) (\S+) \S+ \S+\s*(.*)/;
		$regions[-1]{flags} = " $1 " if $line =~ /^VmFlags: (.*)/;
	}
	$_->{undumped} = $_->{flags} =~ / dd / && $_->{name} !~ /^\[|vvar/ foreach @regions;
	return grep { $_->{may} =~ /^r/ && $_->{name} !~ /^\[v/ } @regions;
}

sub open_memory
{
	my ($pid) = @_;
	open(my $memory, '<:raw', "/proc/$pid/mem") or die "no memory of $pid: $! (kernel.yama.ptrace_scope?)";
	return $memory;
}

# Calls back with the name of each of these texts that is found, the region and the address.
sub search_memory
{
	my ($pid, $regions, $found, %trace) = @_;
	my $memory = open_memory($pid);
	foreach my $region (@$regions)
	{
		my $rest = '';
		for (my $at = $region->{from}; $at < $region->{to}; $at += 1 << 22)
		{
			my $size = $region->{to} - $at < 1 << 22 ? $region->{to} - $at : 1 << 22;
			sysseek $memory, $at, 0;
			my $n = sysread $memory, my ($bytes), $size;
			last if !$n;
			my $from = $at - length $rest;
			$bytes = $rest . $bytes;
			foreach my $name (sort keys %trace)
			{
				for (my $i = index $bytes, $trace{$name}; $i >= 0; $i = index $bytes, $trace{$name}, $i + 1)
				{
					# what ends in the rest was found before
					$found->($name, $region, $from + $i) if $from + $i + length $trace{$name} > $at;
				}
			}
			$rest = substr $bytes, -256;
		}
	}
}

sub number_at
{
	my ($memory, $at) = @_;
	sysseek $memory, $at, 0;
	sysread($memory, my ($bytes), 8) == 8 or die sprintf('no memory at %x', $at);
	return unpack 'Q', $bytes;
}

sub text_at
{
	my ($memory, $at) = @_;
	sysseek $memory, $at, 0;
	sysread $memory, my ($bytes), 64;
	return $bytes =~ s/\0.*//sr;
}

sub symbol
{
	my ($server, $regions, $name) = @_;
	my ($offset) = `nm -D --defined-only '$server'` =~ /^([0-9a-f]+) \w $name$/m or die "no $name in $server";
	my ($first) = grep { $_->{name} eq $server && $_->{offset} == 0 } @$regions;
	return $first->{from} + hex $offset;
}

# The blocks of all memory contexts (of the kind that csec makes, with what they look
# like since PostgreSQL 9.6), with their names.  What a session keeps of policy is put
# together once and never reset: what lies behind its last piece is not csec's, but what
# was there when PostgreSQL used the memory before.
sub context_blocks
{
	my ($memory, $context) = @_;
	my @blocks;
	my $name = text_at($memory, number_at($memory, $context + 56));
	for (my $block = number_at($memory, $context + 80); $block != 0; $block = number_at($memory, $block + 16))
	{
		last if (eval { number_at($memory, $block) } // 0) != $context;	# another kind
		push @blocks, { from => $block, to => number_at($memory, $block + ($name eq 'csec policy' ? 24 : 32)), name => $name };
	}
	for (my $child = number_at($memory, $context + 32); $child != 0; $child = number_at($memory, $child + 48))
	{
		push @blocks, context_blocks($memory, $child);
	}
	return @blocks;
}

=pod

memory_owners($node, $pid): what tells whose an address is.

Ours, as "csec: ...", are the data of csec.so, memory contexts that csec names,
those that live as long as the process and that all share, locked pages, and
what csec has in shared memory.  The rest, "PostgreSQL: ...", are its buffers of
the network, the statement and its plan, tables in shared buffers, and what a
statement used and gave back.

=cut
sub memory_owners
{
	my ($node, $pid) = @_;
	my @regions = memory_regions($pid);
	my $memory = open_memory($pid);
	my $server = readlink "/proc/$pid/exe";
	my @blocks = context_blocks($memory, number_at($memory, symbol($server, \@regions, 'TopMemoryContext')));
	my %shared = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT name, off || ' ' || size FROM pg_shmem_allocations WHERE name LIKE 'csec%' OR name = 'Proc Header'});
	my $segment = number_at($memory, symbol($server, \@regions, 'ProcGlobal')) - (split / /, delete $shared{'Proc Header'})[0];
	foreach my $name (keys %shared)
	{
		my ($off, $size) = split / /, $shared{$name};
		push @blocks, { from => $segment + $off, to => $segment + $off + $size, name => "$name, shared" };
	}
	# what is not initialized follows what is
	my ($before, %static) = ({ name => '', to => 0 });
	foreach my $region (@regions)
	{
		$static{$region->{from}} = 1 if $region->{may} =~ /w/ && ($region->{name} =~ m{/csec\.so$} ||
			$region->{name} eq '' && $before->{to} == $region->{from} && $before->{name} =~ m{/csec\.so$});
		$before = $region;
	}
	return sub
	{
		my ($region, $at) = @_;
		return 'csec: static' if $static{$region->{from}};
		my ($block) = grep { $_->{from} <= $at && $at < $_->{to} } @blocks;
		return "csec: $block->{name}" if $block && $block->{name} =~ /^csec|^(Top|Cache)MemoryContext$/;
		return "PostgreSQL: $block->{name}" if $block;
		return 'csec: locked pages' if $region->{undumped};
		return 'PostgreSQL: shared memory' if $region->{may} =~ /s$/;
		return 'PostgreSQL: ' . ($region->{name} || 'other');
	};
}

1;
