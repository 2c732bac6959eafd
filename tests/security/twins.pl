# Were this to fail, some statement would give a reader another result than the values, or their
# masks, do; or the trail would miss a customer who was read or changed, name one who was not, or
# name other columns.  Random statements over protected tables are held against the same ones over
# tables of plain text.
#
# CSEC_TWINS is how many for each reader, CSEC_TWINS_SEED which.

use strict;
use warnings;
use CsecTrail;
use CsecTwins;
use Test::More;

my $count = $ENV{CSEC_TWINS} // 150;
my $seed = $ENV{CSEC_TWINS_SEED} // 3;
my $twins = CsecTwins->new($seed);
my $node = trail_node('twins', 'csec.probe_limit' => 1000000, 'csec.probe_quota' => 1000000);

$node->safe_psql('postgres', $twins->tables . q{
	SELECT csec.protect('app.cust', 'id', '{"name": "person_name", "phone": "phone", "email": "email", "id_no": "id_card"}');
	SELECT csec.protect('app.ord', 'cust_id', '{"phone": "phone"}', subject_of => 'app.cust');
	SELECT csec.protect('app.deal', ARRAY['a', 'b'], '{"phone": "phone", "card": "bank_card"}');
	CREATE ROLE low LOGIN;
	CREATE ROLE clerk LOGIN;
	SELECT csec.set_clearance('clerk', level => 'core');
	GRANT USAGE ON SCHEMA app TO low, clerk;
	GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO low, clerk;
	ANALYZE});

# Tables that have been in use: rows that were updated in their page, once or often, some of them pruned.
sub use_rows
{
	my ($every) = @_;
	return map { "UPDATE app.$_->[0] SET $_->[1] = $_->[1] WHERE $_->[1] % $every = 0;" } [ 'cust', 'id' ], [ 'ord', 'no' ], [ 'deal', 'b' ], [ 'ext', 'no' ];
}
$node->safe_psql('postgres', join "\n", use_rows(2), use_rows(3), 'VACUUM;', use_rows(5), use_rows(10));

# What each of some scripts writes, its lines in order; errors and notices included.
sub outputs
{
	my ($role, @scripts) = @_;
	my $in = "\\set VERBOSITY sqlstate\n" . join '', map { "\\echo ==\n$_\n" } @scripts;
	my $out = '';
	IPC::Run::run([ 'psql', '-XqAtU', $role, '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>&1');
	(undef, my @parts) = split /^==\n/m, $out;
	return map { join '', sort split /^/m, $_ } @parts;
}

# Customers, one a line, as a set; a row may be nobody's.
sub set { return { map { $_ => 1 } grep { $_ ne '-' } split /\n/, $_[0] } }
sub outside { my ($some, $all) = @_; return join ' ', sort grep { !$all->{$_} } keys %$some }

# The lines that one has more often than the other.
sub difference
{
	my ($got, $expected) = @_;
	my %more;
	$more{$_}++ foreach split /^/m, $got;
	$more{$_}-- foreach split /^/m, $expected;
	return join '', map { sprintf '%+d %s', $more{$_}, $_ } grep { $more{$_} } sort keys %more;
}

# What the trail says of each statement: relation => reads, customers changed.
sub told
{
	my ($reader) = @_;
	my @told;
	flush_trail($node);
	foreach my $line (split /\n/, $node->safe_psql('postgres', qq{
		SELECT substr(r.ticket, length('$reader ') + 1), r.relation, r.exactness, array_to_string(r.revealed, ' '), array_to_string(r.masked || r.redacted, ' '),
			coalesce((SELECT string_agg(coalesce(s, 'all'), E'\\x02') FROM csec.subjects_of(r.seq) s), '')
		FROM csec.access_records r WHERE r.ticket LIKE '$reader %'
		UNION ALL
		SELECT substr(ticket, length('$reader ') + 1), relation, outcome, NULL, NULL, string_agg(coalesce(subject, '-'), E'\\x02')
		FROM csec.change_records WHERE ticket LIKE '$reader %' AND failed IS NOT TRUE GROUP BY ticket, relation, outcome}))
	{
		my ($i, $relation, $how, $revealed, $masked, $subjects) = split /\|/, $line, -1;
		push @{ $told[$i]->{$relation} }, { how => $how, revealed => $revealed, masked => $masked, who => set($subjects =~ tr/\x02/\n/r) };
	}
	return @told;
}

my %problems;
sub problem
{
	my ($s, $what, @text) = @_;
	$problems{$what}++;
	diag("$what: $s->{settings} $s->{real}\n@text") if $problems{$what} < 4;
	return;
}

# Hold what is told of one relation against what the twins say.
sub compare
{
	my ($s, $reader, $relation, $about, @told) = @_;
	my @reads = grep { $_->{how} !~ /^(aborted|committed)$/ } @told;
	my %all = map { %{ $_->{who} } } @reads;
	my %given = map { %{ $_->{who} } } grep { $_->{how} eq 'delivered' } @reads;
	my %changed = map { %{ $_->{who} } } grep { $_->{how} eq 'aborted' } @told;
	my %fields = map { $_ => 1 } map { split / /, "$_->{revealed} $_->{masked}" } @reads;
	my $says = join "\n", map { "$relation: $_->{how} " . join ' ', sort keys %{ $_->{who} } } @told;
	my $check = sub { my ($what, $wrong) = @_; problem($s, "$reader: $what", $says, "\n$wrong") if $wrong ne ''; };

	if ($s->{changes})
	{
		$check->('a change missed', outside($about->{most}, \%changed));
		$check->('a change that was none', outside(\%changed, $about->{most}));
		$check->('a customer named who was not met', outside(\%all, $about->{most}));
		return;
	}
	$check->('a customer missed', outside($about->{least}, \%all));
	$check->('a customer named who was not met', outside(\%all, $about->{most}));
	$check->('a customer told as delivered who was not', outside(\%given, $about->{given}));
	$check->('a column named that was not read', outside(\%fields, $about->{may_read}));
	$check->('a column missed', outside($about->{reads}, \%fields)) if %{ $about->{least} // {} };
	$check->('a column told wrongly as shown or masked', join '', map { $reader eq 'low' ? $_->{revealed} : $_->{masked} } @reads);
	return;
}

foreach my $reader (qw(low clerk))
{
	my @statements = map { $twins->statement($reader eq 'low') } 1 .. $count;
	my $claims = q{SET LOCAL csec.actor = 'twins'; SET LOCAL csec.reason = 'control'; SET LOCAL csec.ticket = };
	my @real = outputs($reader, map {
		my ($s, $c) = ($statements[$_], "$claims'$reader $_';");
		"BEGIN; $c $s->{settings}\n" . $s->{real} =~ s/<claims>/$c/r . "\nROLLBACK;" } 0 .. $#statements);
	my @twin = outputs('postgres', map { "BEGIN;\n$_->{twin};\nROLLBACK;" } @statements);
	my @told = told($reader);

	my @asked = map { my $s = $_; map { my $about = $_; map { [ $about, $_, join ' UNION ', @{ $about->{$_} } ] } grep { $about->{$_} } qw(least given most) } values %{ $s->{about} } } @statements;
	my @answers = outputs('postgres', map { "$_->[2];" } @asked);
	$asked[$_]->[0]->{ $asked[$_]->[1] } = set($answers[$_]) foreach 0 .. $#asked;

	foreach my $i (0 .. $#statements)
	{
		my $s = $statements[$i];
		my $difference = difference($real[$i], $twin[$i]);
		problem($s, "$reader: another result", "of $s->{twin}\n$difference") if $difference ne '';
		compare($s, $reader, $_, $s->{about}->{$_}, @{ $told[$i]->{$_} // [] }) foreach sort keys %{ $s->{about} };
		problem($s, "$reader: another table", $_) foreach grep { !$s->{about}->{$_} } keys %{ $told[$i] };
	}
}
is_deeply(\%problems, {}, "statements of seed $seed give what they should, and are told of as they should");
done_testing();
