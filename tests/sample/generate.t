#!/usr/bin/perl
#
# The generator of sample data: same arguments, same bytes; valid check
# digits; references that hold; and a server takes it.  Wants PGHOST and the
# like set for a server to use, as tests/run does.

use strict;
use warnings;
use Test::More;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Cwd qw(abs_path);

my $here = abs_path(dirname(__FILE__));
my $top = "$here/../..";

sub generate
{
	my $out = `'$^X' '$here/generate' @_`;

	die "generate @_ failed" if $?;
	return $out;
}

# The rows of the tables in a script for psql: table => [[field, ...], ...].
sub rows_of
{
	my %unescape = (n => "\n", t => "\t", r => "\r", '\\' => '\\');
	my %rows;

	while ($_[0] =~ /^COPY (\w+) FROM stdin;\n(.*?)^\\\.$/gms)
	{
		$rows{$1} = [
			map {
				[ map { $_ eq '\\N' ? undef : s/\\(.)/$unescape{$1}/gr }
					  split /\t/, $_, -1 ]
			} split /\n/, $2 ];
	}
	return \%rows;
}

# What these bytes are is fixed: tests and figures elsewhere rest on them.
# After a change that is meant, put the new sums here.
my %sums = (
	'--format sql' =>
	  '0180c331a6e71f746af805d419010526e9886fd2a1281d17678655d128313bf7',
	'--format csv' =>
	  '105892e2c52a7c1b8f49b7783cbf438bf0c14c4de97964e9b94aaa0f029197bf',
	'--format csv --table orders' =>
	  'e09d84842ceb9373f98f9e510ec211fc304fa12381ad1326b2b8f2fc1113a2a0',
	'--format csv --table tickets' =>
	  'b2d7e0cf13660e35c236b73623ba64a282f01fc541b285871ec1781cd039e637');

for my $how (sort keys %sums)
{
	is(sha256_hex(generate("--customers 200 --seed 42 $how")),
		$sums{$how}, "200 customers of seed 42, $how: the bytes we know");
}

my $script = generate('--customers 3000 --seed 7');
my $rows = rows_of($script);
my %small = %{ rows_of(generate('--customers 100 --seed 7')) };
my $busy = rows_of(generate('--customers 3000 --seed 7 --orders-per 5'));

ok($script eq generate('--customers 3000 --seed 7'),
	'the same arguments give the same bytes');
for my $table (qw(customers orders tickets))
{
	my $other = rows_of(generate('--customers 3000 --seed 8'))->{$table};

	isnt("@{$other->[0]}[2..4]", "@{$rows->{$table}[0]}[2..4]",
		"another seed gives other $table");
}
is_deeply(
	$small{customers},
	[ @{ $rows->{customers} }[ 0 .. 99 ] ],
	'more customers do not change the first ones');
is_deeply($busy->{customers}, $rows->{customers},
	'more orders do not change the customers');

# --- customers

my %customer = map { $_->[0] => $_ } @{ $rows->{customers} };
my (@bad, %emails, @to_check);
my ($chinese, $identified, $no_email, $notes) = (0) x 4;

# GB 11643 the other way round: the weighted sum of all 18 is 1 mod 11.
sub id_valid
{
	my @d = map { $_ eq 'X' ? 10 : $_ } split //, $_[0];
	my $sum = 0;

	$sum += $d[$_] * 2**(17 - $_) % 11 for 0 .. 17;
	return $sum % 11 == 1;
}

sub luhn_valid
{
	my @d = reverse split //, $_[0];
	my $sum = 0;

	for my $i (0 .. $#d)
	{
		my $v = $i % 2 ? 2 * $d[$i] : $d[$i];

		$sum += $v > 9 ? $v - 9 : $v;
	}
	return $sum % 10 == 0;
}

for my $c (@{ $rows->{customers} })
{
	my ($id, $name, $phone, $email, $address, $id_no, $card, $born, $note,
		$balance, $registered) = @$c;

	push @bad, "$id: columns" if @$c != 11;
	push @bad, "$id: registered_at"
	  unless $registered =~ /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\+08$/;
	push @bad, "$id: balance" unless $balance =~ /^-?\d{1,10}\.\d\d$/;
	push @bad, "$id: birth_date" unless $born =~ /^\d{4}-\d\d-\d\d$/;
	push @bad, "$id: bank_card" unless luhn_valid($card);
	if (defined $id_no)
	{
		push @bad, "$id: id_no" unless id_valid($id_no);
		push @bad, "$id: id_no and birth_date"
		  unless substr($id_no, 6, 8) eq $born =~ tr/-//dr;
		$identified++;
	}
	$chinese++ if $name =~ /^[\xE4-\xE9]/;
	push @bad, "$id: a foreigner with a resident's number"
	  if defined $id_no && $name !~ /^[\xE4-\xE9]/;
	$no_email++ unless defined $email;
	$notes++ if defined $note;
	$emails{$email}++ if defined $email;
	push @to_check,
	  "person_name\t$name", "phone\t$phone", "bank_card\t$card",
	  "birth_date\t$born",
	  (defined $email ? "email\t$email" : ()),
	  (defined $id_no ? "id_card\t$id_no" : ());
}
is("@bad[0 .. ($#bad > 9 ? 9 : $#bad)]", '', 'every customer is well-formed');
is(scalar(keys %customer), 3000, 'ids are unique');
is((grep { $_ > 1 } values %emails), 0, 'e-mail addresses are unique');
cmp_ok(abs($chinese / 3000 - 0.7), '<', 0.05, '70 % are Chinese');
cmp_ok($identified / $chinese, '>', 0.9, 'most Chinese have an id_no');
cmp_ok($identified, '<', $chinese, 'and some have none yet');
cmp_ok($no_email, '>', 50, 'some have no e-mail address');
cmp_ok($notes, '>', 500, 'some have notes');

# --- numbers that are one customer's alone, of so many that chance would repeat some

my (%numbers, @repeated);
open my $many, '-|', $^X, "$here/generate", qw(--customers 100000 --seed 9 --format csv)
  or die $!;
while (<$many>)
{
	# an identity number, or a card's, stands behind the address
	push @repeated, grep { $numbers{$_}++ } /,(\d{17}[\dX]|\d{15,16}|\d{19})(?=,)/g;
}
close $many or die $!;
cmp_ok(scalar(keys %numbers), '>', 160000, '100,000 customers have their numbers');
is("@repeated", '', 'no number of theirs is another\'s, too');

# --- what the C checks say of them, as csec would on loading

my $dir = tempdir(CLEANUP => 1);
open my $c, '>', "$dir/judge.c" or die $!;
print $c <<'END';
#include <stdio.h>
#include <string.h>
#include "policy/check.h"
int main(void)
{
	char line[4096];
	int n = 0;
	while (fgets(line, sizeof(line), stdin))
	{
		char *value = strchr(line, '\t');
		CsecCheckKind kind;
		CsecCheckResult r;
		line[strcspn(line, "\n")] = '\0';
		*value++ = '\0';
		if (!csec_check_kind_from_name(line, &kind))
			return 2;
		r = csec_check_on(kind, value, strlen(value), 20261122);
		if (r != CSEC_CHECK_OK)
			printf("%s %s: %s\n", line, value, csec_check_reason(r));
		n++;
	}
	printf("%d\n", n);
	return 0;
}
END
close $c or die $!;
my $cc = $ENV{CC} || 'cc';
is(system("$cc -std=gnu11 -I'$top/src' '$dir/judge.c' "
		  . "'$top/src/policy/check.c' -o '$dir/judge'"),
	0, 'the checks compile by themselves');
open my $in, '>', "$dir/values" or die $!;
print $in "$_\n" for @to_check, 'id_card	110105194912310021';
close $in or die $!;
is( scalar(`'$dir/judge' <'$dir/values'`),
	"id_card 110105194912310021: check digit does not agree\n"
	  . (@to_check + 1) . "\n",
	'all fields pass their checks, and a wrong one does not');

# --- references

for my $table (qw(orders tickets))
{
	my (%ids, @lost, @early);

	for my $row (@{ $rows->{$table} })
	{
		my $owner = $customer{ $row->[1] };

		$ids{ $row->[0] }++;
		push @lost, $row->[0] unless $owner;
		push @early, $row->[0]
		  if $owner && $row->[4] lt $owner->[10];
	}
	is("@lost", '', "$table refer to customers");
	is("@early", '', "$table are no older than their customers");
	is(scalar(keys %ids), scalar @{ $rows->{$table} },
		"ids of $table are unique");
}
cmp_ok(abs(@{ $rows->{orders} } / 3000 - 2), '<', 0.2,
	'two orders per customer');
cmp_ok(abs(@{ $busy->{orders} } / 3000 - 5), '<', 0.4,
	'five orders per customer where asked for');
cmp_ok(abs(@{ $rows->{tickets} } / 3000 - 0.2), '<', 0.05,
	'a ticket for every fifth customer');

# --- a server takes it

my $schema = "sample_generate_$$";
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-At');

open my $sql, '>', "$dir/load.sql" or die $!;
print $sql "CREATE SCHEMA $schema; SET search_path = $schema;\n", $script,
  "SELECT count(*), count(id_no), sum(balance) FROM customers;\n",
  "SELECT count(*), sum(amount) FROM orders;\n",
  "SELECT count(*) FROM customers WHERE notes LIKE E'%\\n%';\n",
  "SELECT count(*) FROM tickets WHERE opened_at <= now();\n",
  "DROP SCHEMA $schema CASCADE;\n";
close $sql or die $!;

my ($cents, $spent, $lines) = (0, 0, 0);
$cents += $_->[9] =~ tr/.//dr for @{ $rows->{customers} };
$spent += $_->[3] =~ tr/.//dr for @{ $rows->{orders} };
$lines += ($_->[8] // '') =~ /\n/ for @{ $rows->{customers} };
cmp_ok($lines, '>', 10, 'some notes have several lines');
is( scalar(`PGOPTIONS='-c client_min_messages=warning' @psql -f '$dir/load.sql' 2>&1`),
	sprintf("3000|%d|%.2f\n%d|%.2f\n%d\n%d\n",
		$identified, $cents / 100, scalar @{ $rows->{orders} },
		$spent / 100, $lines, scalar @{ $rows->{tickets} }),
	'a server loads the script and holds what was written');

# CSV holds the same: the server reads it back to the same rows.
my $csv = generate('--customers 3000 --seed 7 --format csv');
open my $file, '>', "$dir/customers.csv" or die $!;
print $file $csv;
close $file or die $!;
open $sql, '>', "$dir/csv.sql" or die $!;
print $sql "CREATE SCHEMA $schema; SET search_path = $schema;\n", $script,
  "CREATE TABLE again (LIKE customers);\n",
  "\\copy again FROM '$dir/customers.csv' (FORMAT csv, HEADER match)\n",
  "SELECT count(*) FROM (TABLE again EXCEPT TABLE customers) x;\n",
  "SELECT count(*) FROM (TABLE customers INTERSECT TABLE again) x;\n",
  "DROP SCHEMA $schema CASCADE;\n";
close $sql or die $!;
is( scalar(`PGOPTIONS='-c client_min_messages=warning' @psql -f '$dir/csv.sql' 2>&1`),
	"0\n3000\n", 'the CSV holds the same customers');

# --- arguments

for my $wrong ('', '--customers x', '--customers -1', '--customers 1 --format xml',
	'--customers 1 --table cust', '--customers 1 --orders-per -1',
	'--customers 1 more', '--customers 1 --seed 18446744073709551557')
{
	my $out = `'$^X' '$here/generate' $wrong 2>&1`;

	is($? >> 8, 2, "refused with the usage: $wrong");
	like($out, qr/^usage: generate /m, '... which is shown');
}
is(scalar @{ rows_of(generate('--customers 0'))->{customers} },
	0, 'no customers, no rows');

done_testing();
