# The works that are measured: data only; Bench::Cell knows how each kind runs.
#
#   kind      pgbench    a script in scripts/, by clients, for a time
#             statement  one statement whose result is thrown away
#             copy_in    COPY FROM STDIN of the seed's rows
#             seal       a backlog made while the sealer stands, then sealed
#             program    a program that prints the seconds it took
#   base      the variants whose mean counts as 1: both plain servers where two
#             run, for two servers differ by more than what is to be measured
#   for       the variants, each with what it does differently, if anything
#   fixture   the fixtures that must be there, in order
#   before    SQL run ahead of each timed stretch, not counted
#   per       what one unit is called
#   units, units_sql    how many units one statement stands for
#   rows_per_unit       rows that one statement reads or changes
#   beside    SQL that another session runs all the while (kind pgbench), and
#   beside_done    SQL: how much of it is done
#   seconds   of a stretch, whatever BENCH_SECONDS says
#   rounds    at most so many
#   instance  servers of this work's own, not those of the other works
package Bench::Works;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(works fixtures);

my %PERSON = (name => 'person_name', phone => 'phone', email => 'email');

sub customers { return { name => $_[0], subject => 'aid', fields => {%PERSON} } }

# Fixtures: files run in order, then the tables are put under the variant's
# way, then `after` is run through the application.  `only` is for one variant.
sub fixtures
{
	my ($p) = @_;
	return {
		seed => { files => [ 'roles.sql', 'seed.sql' ] },
		customers => {
			files => ['customers.sql'],
			tables => [ customers('customers') ]
		},
		customers_bulk => {
			files => ['customers_bulk.sql'],
			tables => [ customers('customers_bulk') ]
		},
		customers_in => {
			files => ['customers_in.sql'],
			tables => [ customers('customers_in') ]
		},
		customers_big => {
			files => ['customers_big.sql'],
			tables => [ customers('customers_big') ]
		},
		masking_views => { files => ['masking_views.sql'] },
		permit => { files => [] },
		secrets => { files => ['secrets.sql'] },
		tpcb => {
			pgbench_scale => $p->{scale},
			files => ['tpcb_grants.sql'],
			tables => [
				{ name => 'pgbench_accounts', subject => 'aid' },
				{ name => 'pgbench_tellers', subject => 'tid' },
				{ name => 'pgbench_branches', subject => 'bid' }
			]
		},
		chain => { files => ['chain.sql'] },
		trail => {
			files => ['customers_bulk.sql'],
			tables => [ customers('customers_bulk') ],
			after =>
			  [ ('UPDATE customers_bulk SET abalance = abalance + 1')
				x ($p->{records} / $p->{bulk}) ]
		}
	};
}

sub works
{
	my ($p) = @_;
	my @plain = same(qw(plain plain_again));
	my @reading = (
		@plain,
		same(qw(csec csec_strict csec_idle pgaudit_read)),
		insert_read => { script => 'select_insert.sql' },
		insert_async => { script => 'select_insert.sql' });
	my @by_trigger = qw(tablelog audit_trigger hash_chain);
	my @changing = (@plain, same(qw(csec pgaudit_write), @by_trigger));

	# A trigger per row takes many seconds: fewer rounds tell enough.
	my @bulk = (
		@plain,
		same(qw(csec pgaudit_write)),
		map { $_ => { rounds => $p->{slow_rounds} } } @by_trigger);
	my $bulk = count($p->{bulk});
	my $big = count($p->{big});
	my $records = count($p->{records});

	return (
		(   map { {
				name => "select_$_",
				title => "`pgbench -S`, prepared, " . clients($_),
				kind => 'pgbench',
				clients => $_,
				script => 'select.sql',
				fixture => ['customers'],
				for => [@reading]
			} } 1, 4),
		{   name => 'select_fields',
			title => 'SELECT of three masked fields by key, reader with clearance, prepared, 1 client',
			kind => 'pgbench',
			clients => 1,
			script => 'contact.sql',
			fixture => [ 'customers', 'permit' ],
			for => [
				@plain,
				same(qw(csec csec_permit pgaudit_read)),
				insert_async => { script => 'contact_insert.sql' }
			]
		},
		{   name => 'select_all',
			title => 'SELECT of 100,000 rows, client discards',
			kind => 'statement',
			sql => 'SELECT * FROM customers',
			rows_per_unit => 100_000,
			fixture => ['customers'],
			for => [
				@plain,
				csec => {},
				csec_strict => {},
				pgaudit_read => {},
				insert_async => { sql => 'SELECT * FROM read_customers()' }
			]
		},
		(   map { {
				name => "update_$_",
				title => 'single-row UPDATE by key, prepared, ' . clients($_),
				kind => 'pgbench',
				clients => $_,
				script => 'update.sql',
				before => ['VACUUM customers'],
				fixture => ['customers'],
				for => [ @changing, $_ == 1 ? same('csec_idle') : () ]
			} } 1, 4),
		{   name => 'tpcb_4',
			title => "TPC-B, scale $p->{scale}, its three updated tables protected, 4 clients",
			kind => 'pgbench',
			clients => 4,
			script => 'tpcb.sql',
			before => [
				'VACUUM pgbench_branches', 'VACUUM pgbench_tellers',
				'VACUUM pgbench_accounts', 'TRUNCATE pgbench_history'
			],
			fixture => ['tpcb'],
			for => [@changing]
		},
		{   name => 'update_bulk',
			title => "UPDATE of $bulk rows in one statement",
			kind => 'statement',
			sql => 'UPDATE customers_bulk SET abalance = abalance + 1',
			rows_per_unit => $p->{bulk},
			before => ['VACUUM customers_bulk'],
			fixture => ['customers_bulk'],
			for => [@bulk]
		},
		{   name => 'copy_in',
			title => "COPY FROM of $bulk rows",
			kind => 'copy_in',
			sql => 'COPY customers_in FROM STDIN',
			rows => "COPY (SELECT * FROM seed LIMIT $p->{bulk}) TO STDOUT",
			rows_per_unit => $p->{bulk},
			before => ['TRUNCATE customers_in'],
			fixture => ['customers_in'],
			for => [@bulk]
		},
		{   name => 'copy_out',
			title => "COPY out of $big rows, three masked columns, reader without clearance",
			kind => 'statement',
			role => 'reader',
			sql => 'COPY customers_big TO STDOUT',
			rows_per_unit => $p->{big},
			fixture => ['customers_big'],
			for => [
				@plain,
				csec => {},
				left_right => {
					fixture => [ 'customers_big', 'masking_views' ],
					sql => 'COPY (SELECT * FROM customers_left_right) TO STDOUT'
				},
				plpgsql_mask => {
					rounds => $p->{slow_rounds},
					fixture => [ 'customers_big', 'masking_views' ],
					sql => 'COPY (SELECT * FROM customers_plpgsql) TO STDOUT'
				}
			]
		},
		{   name => 'seal',
			title => 'sealing a backlog of reads (read WAL, hash, store)',
			per => 'record',
			base => ['binary_copy'],
			instance => 'trail',
			rounds => $p->{long_rounds},
			for => [
				binary_copy => {
					kind => 'copy_in',
					instance => undef,
					role => 'postgres',
					rows => "COPY (SELECT * FROM chain LIMIT $p->{backlog}) TO STDOUT (FORMAT binary)",
					sql => 'COPY chain_in FROM STDIN (FORMAT binary)',
					units => $p->{backlog},
					before => ['TRUNCATE chain_in'],
					fixture => ['chain']
				},
				csec => {
					kind => 'seal',
					clients => 4,
					script => 'select.sql',
					fixture => ['customers']
				}
			]
		},
		{   name => 'verify',
			title => "verification of a trail of $records records",
			per => 'record',
			base => ['c_loop'],
			instance => 'trail',
			rounds => $p->{long_rounds},
			for => [
				c_loop => {
					kind => 'program',
					program => [ 'baseline', 'sha', $p->{records}, 300 ],
					units => $p->{records}
				},
				csec => {
					kind => 'statement',
					role => 'postgres',
					sql => 'SELECT csec.verify_trail()',
					units_sql => 'SELECT max(seq) FROM csec_trail.audit_log',
					fixture => [ 'customers', 'trail' ]
				},
				sql_check => {
					kind => 'statement',
					instance => undef,
					role => 'postgres',
					sql => q{SELECT count(*) FILTER (WHERE hash <> digest(
						before || record, 'sha256')) FROM (SELECT hash, record,
						lag(hash, 1, decode(repeat('00', 32), 'hex'))
						OVER (ORDER BY seq) AS before FROM chain) link},
					units => $p->{records},
					fixture => ['chain']
				}
			]
		},
		# What encrypting costs, beside a loop over OpenSSL alone and the scan of
		# the same rows.
		(   map {
				my ($name, $title, $loop, $sql, $scan) = @$_;
				{
					name => $name,
					title => $title,
					per => 'value',
					base => ['c_loop'],
					for => [
						c_loop => {
							kind => 'program',
							program => [ 'baseline', $loop, 1_000_000, 20 ],
							units => 1_000_000
						},
						map { $_->[0] => {
							kind => 'statement',
							sql => $_->[1],
							units => 100_000,
							fixture => ['secrets']
						} } [ csec_scan => $scan ], [ csec => $sql ]
					]
				}
			} [ encrypt => 'encrypting 20 bytes, AES-256-GCM', 'seal',
				'SELECT count(v::csec.encrypted(bench)) FROM texts', 'SELECT count(v) FROM texts' ],
			[ decrypt => 'decrypting 20 bytes, AES-256-GCM', 'open',
				'SELECT count(v::text) FROM secrets', 'SELECT count(v) FROM secrets' ],
			[ encrypt_sm4 => 'encrypting 20 bytes, SM4-CTR and HMAC-SM3', 'sm4_seal',
				'SELECT count(v::csec.encrypted(bench_sm4)) FROM texts', 'SELECT count(v) FROM texts' ],
			[ decrypt_sm4 => 'decrypting 20 bytes, SM4-CTR and HMAC-SM3', 'sm4_open',
				'SELECT count(sm4::text) FROM secrets', 'SELECT count(sm4) FROM secrets' ],
			[ search_tag => 'the search tag of 20 bytes, HMAC-SHA256', 'hmac',
				'SELECT count(*) FROM texts WHERE v = (SELECT found FROM secrets LIMIT 1)',
				q{SELECT count(*) FROM texts WHERE v = (SELECT 'none')} ]),
		{   name => 'find_encrypted',
			title => 'SELECT by an encrypted column with an index, prepared, 1 client',
			kind => 'pgbench',
			clients => 1,
			script => 'find.sql',
			fixture => ['secrets'],
			for => [
				@plain,
				csec => {},
				csec_hash => { script => 'find_hash.sql' },
				plain_hash => { script => 'find_hash.sql' }
			]
		},
		{   name => 'find_hidden',
			title => 'the same, by a reader without clearance, whose tries are counted',
			kind => 'pgbench',
			clients => 1,
			role => 'reader',
			script => 'find.sql',
			fixture => ['secrets'],
			for => [ @plain, same('csec') ]
		},
		{   name => 'copy_in_encrypted',
			title => "COPY FROM of $bulk rows, two encrypted columns, one with a search tag",
			kind => 'copy_in',
			sql => 'COPY secrets_in FROM STDIN',
			rows => "COPY (SELECT * FROM seed LIMIT $p->{bulk}) TO STDOUT",
			rows_per_unit => $p->{bulk},
			before => ['TRUNCATE secrets_in'],
			fixture => ['secrets'],
			for => [ @plain, same('csec') ]
		},
		{   name => 'find_reencrypt',
			title => 'the same, 1 client, while csec.reencrypt() is at work on that table; base: without it',
			kind => 'pgbench',
			clients => 1,
			seconds => 1,			# the table is done soon
			script => 'find.sql',
			fixture => ['secrets'],
			base => ['csec'],
			for => [
				csec => {},
				csec_busy => {
					before => [ 'VACUUM secrets', q{CALL csec.rotate_key(reason => 'bench')} ],
					beside => q{CALL csec.reencrypt('secrets')},
					beside_done => q{SELECT (SELECT values_changed FROM csec.reencryption WHERE relid = 'secrets'::regclass AND pid IS NOT NULL)}
				}
			]
		},
		{   name => 'reencrypt',
			title => "csec.reencrypt() of $bulk values with search tags; base: UPDATE of as many rows",
			per => 'value',
			kind => 'statement',
			role => 'postgres',
			units => $p->{bulk},
			rounds => $p->{long_rounds},
			fixture => ['secrets'],
			for => [
				plain => {
					sql => 'UPDATE secrets_bulk SET v = v',
					before => ['VACUUM secrets_bulk']
				},
				csec => {
					sql => q{CALL csec.reencrypt('secrets_bulk')},
					before => [ 'VACUUM secrets_bulk', q{CALL csec.rotate_key(reason => 'bench')} ]
				}
			]
		});
}

# Ways that do the work as it stands.
sub same { return map { $_ => {} } @_ }

sub clients { return $_[0] == 1 ? '1 client' : "$_[0] clients" }

sub count
{
	my $n = reverse $_[0];
	$n =~ s/(\d{3})(?=\d)/$1,/g;
	return scalar reverse $n;
}

1;
