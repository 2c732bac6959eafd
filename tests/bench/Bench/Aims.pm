# What csec aims at, beside what was measured: data, and the table of it.
#
# Aims are ratios to the base of a work where nothing else is said, so that
# they mean the same on another machine.
package Bench::Aims;

use strict;
use warnings;

use Bench::Report qw(figures ratio_to_base short with_spread);
use Bench::Stats qw(median ratios);
use Exporter 'import';

our @EXPORT_OK = qw(aims);

# label, work, least or most, what is measured in each round
my @AIMS = (
	[ '`pgbench -S`, 1 client', 'select_1', at_least(0.85), rate('csec') ],
	[ '`pgbench -S`, 4 clients', 'select_4', at_least(0.75), rate('csec') ],
	[ 'its processor time, sealer included', 'select_4', at_most(1.5), cpu('csec') ],
	[ 'strict, 1 client', 'select_1', at_least(0.26), rate('csec_strict') ],
	[ 'strict, 4 clients', 'select_4', at_least(0.32), rate('csec_strict') ],
	[ 'loaded, table not protected, 1 client', 'select_1', at_least(0.98), rate('csec_idle') ],
	[ 'the same, 4 clients', 'select_4', at_least(0.98), rate('csec_idle') ],
	[ 'three fields that a permit shows, ÷ a clearance', 'select_fields', at_least(0.95), against('csec_permit', 'csec') ],
	[ 'SELECT of 100,000 rows', 'select_all', at_most(1.05), rate('csec') ],
	[ 'single-row UPDATE, 1 client', 'update_1', at_least(0.90), rate('csec') ],
	[ 'single-row UPDATE, 4 clients', 'update_4', at_least(0.80), rate('csec') ],
	[ 'TPC-B, three updated tables protected', 'tpcb_4', at_least(0.88), rate('csec') ],
	[ 'UPDATE of 100,000 rows', 'update_bulk', at_most(2.3), rate('csec') ],
	[ 'COPY FROM of 100,000 rows', 'copy_in', at_most(3), rate('csec') ],
	[ 'COPY out, three masks', 'copy_out', at_most(1.5), rate('csec') ],
	[   'sealing, with the tree and signed checkpoints, records/s',
		'seal', at_least(100_000), per_second('csec')
	],
	[ 'verification, the tree with it, s per million records', 'verify', at_most(1.3), million('csec') ],
	[ 'encrypt, beyond the scan', 'encrypt', at_most(2), beyond('csec', 'csec_scan') ],
	[ 'decrypt, beyond the scan', 'decrypt', at_most(2), beyond('csec', 'csec_scan') ],
	[ 'encrypt, SM4 suite, beyond the scan', 'encrypt_sm4', at_most(2), beyond('csec', 'csec_scan') ],
	[ 'decrypt, SM4 suite, beyond the scan', 'decrypt_sm4', at_most(2), beyond('csec', 'csec_scan') ],
	[ 'search tag, beyond the scan', 'search_tag', at_most(2), beyond('csec', 'csec_scan') ],
	[ 'look-up by an encrypted column', 'find_encrypted', at_least(0.95), rate('csec') ],
	[ 'the same by a hash index', 'find_encrypted', at_least(0.95), rate('csec_hash') ],
	[ 'COPY with two encrypted columns', 'copy_in_encrypted', at_most(2), rate('csec') ],
	[ 're-encryption, values/s', 'reencrypt', at_least(50_000), per_second('csec') ],
	[ 'look-ups meanwhile', 'find_reencrypt', at_least(0.8), rate('csec_busy') ],
	[   'trail of a read, indexes included, ÷ pgaudit\'s line',
		'select_1', at_most(2), bytes('csec', 'pgaudit_read')
	],
	[   'trail of a change ÷ pgaudit\'s line',
		'update_1', at_most(2), bytes('csec', 'pgaudit_write')
	]);

sub at_least
{
	my ($aim) = @_;
	return [ '≥', $aim, sub { $_[0] >= $aim } ];
}

sub at_most
{
	my ($aim) = @_;
	return [ '≤', $aim, sub { $_[0] <= $aim } ];
}

# Of a rate, more is better; of a time, less: as the work's own table has it.
sub rate { my ($way) = @_; return sub { ratio_to_base($_[0], $way, 'seconds') } }
sub cpu { my ($way) = @_; return sub { ratio_to_base($_[0], $way, 'cpu') } }

# The rate of one way to that of another.
sub against
{
	my ($way, $other) = @_;
	return sub {
		my ($work) = @_;
		return ratios(map { [ figures($work, $_, 'seconds') ] } $other, $way);
	};
}

# What comes on top of another way's time: of encrypting, without the scan.
sub beyond
{
	my ($way, $other) = @_;
	return sub {
		my @these = ratio_to_base($_[0], $way, 'seconds');
		my @those = ratio_to_base($_[0], $other, 'seconds');
		return map { defined $these[$_] && defined $those[$_] ? $these[$_] - $those[$_] : undef } 0 .. $#these;
	};
}

sub per_second
{
	my ($way) = @_;
	return sub { map { $_ ? 1 / $_ : undef } figures($_[0], $way, 'seconds') };
}

sub million
{
	my ($way) = @_;
	return sub { map { defined $_ ? $_ * 1e6 : undef } figures($_[0], $way, 'seconds') };
}

sub bytes
{
	my ($way, $other) = @_;
	return sub {
		my ($work) = @_;
		return ratios(map { [ figures($work, $_, 'record_bytes') ] } $way, $other);
	};
}

# [header], [row], ...; a work that was not measured has no row.
sub aims
{
	my ($works) = @_;
	my %work = map { $_->{name} => $_ } @$works;
	my @rows = ([ 'work', 'aim', 'measured', '' ]);
	for my $aim (@AIMS)
	{
		my ($label, $name, $bound, $measure) = @$aim;
		my $work = $work{$name} // next;
		my @measured = $measure->($work);
		my $median = median(@measured) // next;
		my ($sign, $value, $holds) = @$bound;
		push @rows,
		  [ "$label (`$name`)", "$sign " . short($value), with_spread(@measured),
			$holds->($median) ? 'reached' : 'missed' ];
	}
	return @rows;
}

1;
