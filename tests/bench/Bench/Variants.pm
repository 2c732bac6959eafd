# The ways that are compared: what each needs on its server.
#
#   label    how the report names it
#   needs    a part that the tree must have (csec, pgaudit, table_log)
#   server   the server it shares with another variant, otherwise its own
#   role     whom it works as there, otherwise whom the work says
#   conf     settings of the server
#   setup    SQL files run once in the fresh database
#   with     more SQL files for a fixture, by its name
#   control_options    settings of the session that prepares and accounts
#   attach   SQL that puts a table under this way: a function of the table's
#            {name, subject, fields}; without it tables stay as they are
#   options  settings of the client's session
#   flush    SQL that returns when everything done so far is in the trail
#   bytes, count    SQL: size of the trail and number of its records
#   log_mark        or: the trail is the server's log, in lines with this text
package Bench::Variants;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(variants);

# Trails that are tables in schema trail.
my %TABLE_TRAIL = (
	bytes => q{SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
		FROM pg_class c WHERE c.relnamespace = 'trail'::regnamespace
		AND c.relkind IN ('r', 'p')},
	count => q{SELECT coalesce(sum((xpath('//n/text()', query_to_xml(
			format('SELECT count(*) AS n FROM %s', c.oid::regclass),
			false, true, '')))[1]::text::bigint), 0)
		FROM pg_class c WHERE c.relnamespace = 'trail'::regnamespace
		AND c.relkind = 'r'});

my %CSEC = (
	needs => 'csec',
	conf => {
		shared_preload_libraries => "'csec'",
		'csec.embedded_keys' => 'on',
		# what alerts cost is measured by itself: docs/alerts.md
		'csec.alerts' => 'off'
	},
	setup => ['way_csec.sql'],
	with => { secrets => ['secrets_csec.sql'], permit => ['permit.sql'] },
	flush => 'SELECT csec.flush_audit()',
	bytes => q{SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'csec_trail' AND c.relkind = 'r'},
	count => 'SELECT coalesce(max(seq), 0) FROM csec_trail.audit_log');

sub protect
{
	my ($table, @more) = @_;
	my @arg = ("'$table->{name}'", "subject => '$table->{subject}'");
	if (my $fields = $table->{fields})
	{
		push @arg, "fields => '{"
		  . join(', ', map { qq("$_": "$fields->{$_}") } sort keys %$fields) . "}'";
	}
	return 'SELECT csec.protect(' . join(', ', @arg, @more) . ')';
}

sub row_trigger
{
	my ($function) = @_;
	return sub {
		my ($table) = @_;
		return "CREATE TRIGGER trail AFTER INSERT OR UPDATE OR DELETE"
		  . " ON $table->{name} FOR EACH ROW EXECUTE FUNCTION $function()";
	};
}

sub pgaudit
{
	my ($class) = @_;
	return (
		label => "pgaudit `$class`",
		needs => 'pgaudit',
		conf => {
			shared_preload_libraries => "'pgaudit'",
			'pgaudit.log' => "'$class'",

			# Without it a prepared statement does not say whom it read.
			'pgaudit.log_parameter' => 'on'
		},
		setup => ['way_pgaudit.sql'],
		control_options => '-c pgaudit.log=none',
		log_mark => 'AUDIT:');
}

my %VARIANT = (
	plain => { label => 'plain PostgreSQL' },
	plain_again => { label => 'plain PostgreSQL, a second server' },

	csec => { %CSEC, label => 'csec, batch', attach => \&protect },
	csec_strict => {
		%CSEC,
		label => 'csec, strict',
		attach => sub { protect($_[0], "audit => 'strict'") }
	},
	csec_permit => {
		%CSEC,
		label => 'csec, shown by a permit',
		server => 'csec',
		role => 'visitor',
		attach => \&protect
	},
	csec_scan => { %CSEC, label => 'the scan alone', server => 'csec' },
	csec_hash => { %CSEC, label => 'csec, hash index', server => 'csec' },
	csec_busy => { %CSEC, label => 'csec, re-encrypting', server => 'csec' },
	csec_idle => {
		%CSEC,
		label => 'csec loaded, table not protected',
		bytes => undef
	},

	pgaudit_read => { pgaudit('read') },
	pgaudit_write => { pgaudit('write') },
	tablelog => {
		label => 'tablelog',
		needs => 'table_log',
		setup => ['way_tablelog.sql'],
		attach => sub {
			my ($table) = @_;
			return "SELECT table_log_init(5, 'public', '$table->{name}',"
			  . " 'trail', '$table->{name}')";
		},
		%TABLE_TRAIL
	},

	insert_read => {
		label => 'by hand: INSERT per read',
		setup => ['way_insert_read.sql'],
		with => { customers => ['read_functions.sql'] },
		%TABLE_TRAIL
	},
	insert_async => {
		label => 'by hand: INSERT per read, not flushed',
		server => 'insert_read',
		setup => ['way_insert_read.sql'],
		with => { customers => ['read_functions.sql'] },
		options => '-c synchronous_commit=off',
		%TABLE_TRAIL
	},
	audit_trigger => {
		label => 'by hand: jsonb audit trigger',
		setup => ['way_audit_trigger.sql'],
		attach => row_trigger('audit_row'),
		%TABLE_TRAIL
	},
	hash_chain => {
		label => 'by hand: hash-chain trigger',
		setup => ['way_hash_chain.sql'],
		attach => row_trigger('chain_row'),
		%TABLE_TRAIL
	},

	plain_hash => { label => 'plain PostgreSQL, hash index', server => 'plain' },
	left_right => { label => 'view with left(), right()', server => 'plain' },
	plpgsql_mask => { label => 'view with PL/pgSQL masks', server => 'plain' },
	binary_copy => { label => 'binary COPY into such a table', server => 'plain' },
	sql_check => { label => 'SQL with window functions', server => 'plain' },
	c_loop => { label => 'bare C loop over OpenSSL', server => undef });

sub variants
{
	for my $name (keys %VARIANT)
	{
		my $variant = $VARIANT{$name};
		$variant->{name} = $name;
		$variant->{server} = $name unless exists $variant->{server};
	}
	return \%VARIANT;
}

1;
