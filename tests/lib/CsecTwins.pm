# Random statements over protected tables, each in two wordings: as a reader sends it, and over
# tables of plain text that hold the same (twins); with queries of the twins that tell which
# customers it is about.
#
#	my $s = CsecTwins->new($seed)->statement($low);
#
#	$s->{real}      as it is sent
#	$s->{settings}  of the planner, for it alone
#	$s->{twin}      over the twins, with masks in place of what $low does not see
#	$s->{changes}   it changes rows
#	$s->{about}     relation => what the trail may tell of it:
#		least   queries of the customers whose rows made the result
#		given   of those that may be told as delivered: as EXISTS may also tell what it found
#		most    of those whose rows pass the conditions upon their own table
#		reads, may_read  fields
package CsecTwins;

use strict;
use warnings;

# name => [ key of a row, its customer as text, plain columns, fields and their categories ]
my %tables = (
	cust => { key => 'id', subject => '%s.id::text', link => 'id', numbers => [qw(id bal)],
		fields => { name => 'person_name', phone => 'phone', email => 'email', id_no => 'id_card' } },
	ord => { key => 'no', subject => '%s.cust_id::text', link => 'cust_id', numbers => [qw(no amount)],
		fields => { phone => 'phone' } },
	deal => { key => "b", subject => 'csec.subject_key(%s.a, %s.b::text)', link => 'b', numbers => [qw(b score)],
		fields => { phone => 'phone', card => 'bank_card' } },
	ext => { key => 'no', link => 'cust_id', numbers => [qw(no cust_id)], fields => {} });

my @toggles = ((map { "enable_$_ = off" } qw(seqscan indexscan indexonlyscan bitmapscan hashjoin mergejoin nestloop memoize
	hashagg sort material incremental_sort tidscan partition_pruning)),
  'force_parallel_mode = on', 'enable_partitionwise_join = on', 'enable_partitionwise_aggregate = on', 'jit_above_cost = 0',
  'work_mem = 64', "search_path = pg_temp, app", 'from_collapse_limit = 1; SET LOCAL join_collapse_limit = 1', 'plan_cache_mode = force_generic_plan',
  "parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0");

sub new
{
	my ($class, $seed) = @_;
	return bless { state => $seed }, $class;
}

# A number below n, the same ones after the same seed with every perl.
sub below
{
	my ($self, $n) = @_;
	$self->{state} = ($self->{state} * 1103515245 + 12345) % 2**31;
	return int($self->{state} / 2**31 * $n);
}

sub pick { my $self = shift; return $_[ $self->below(scalar @_) ] }
sub now_and_then { return $_[0]->below($_[1]) == 0 }

# Both schemas' tables: app is to be protected, plain is its twin.
sub tables
{
	my ($self) = @_;
	my $sql = '';
	foreach my $schema (qw(plain app))
	{
		my %type = $schema eq 'app' ? (phone => 'csec.phone', name => 'csec.person_name', email => 'csec.email', id_no => 'csec.id_card', card => 'csec.bank_card') : ();
		my $t = sub { $type{ $_[0] } // 'text' };
		$sql .= qq{
			CREATE SCHEMA $schema;
			CREATE TABLE $schema.cust (id int8 PRIMARY KEY, name ${\ $t->('name')}, phone ${\ $t->('phone')}, email ${\ $t->('email')},
				id_no ${\ $t->('id_no')}, city text, bal int);
			CREATE TABLE $schema.ord (no int PRIMARY KEY, cust_id int8, phone ${\ $t->('phone')}, amount int) PARTITION BY RANGE (no);
			CREATE TABLE $schema.ord_1 PARTITION OF $schema.ord FOR VALUES FROM (0) TO (50);
			CREATE TABLE $schema.ord_2 (amount int, junk int, phone ${\ $t->('phone')}, cust_id int8, no int NOT NULL);
			ALTER TABLE $schema.ord_2 DROP junk;
			ALTER TABLE $schema.ord ATTACH PARTITION $schema.ord_2 FOR VALUES FROM (50) TO (1000);
			CREATE TABLE $schema.deal (a text, b int, score int, phone ${\ $t->('phone')}, card ${\ $t->('card')}, PRIMARY KEY (a, b));
			CREATE TABLE $schema.ext (no int PRIMARY KEY, cust_id int8, x text);};
		if ($schema eq 'plain')
		{
			$sql .= q{
			INSERT INTO plain.cust SELECT 3 * i, CASE WHEN i % 11 > 0 THEN 'Zhang ' || chr(65 + i % 26) END, '1380000' || lpad((i % 31 * 37)::text, 4, '0'),
				'u' || i || '@example.com', CASE WHEN i % 7 > 0 THEN '1101051949123' || lpad(i::text, 5, '0') END, 'town ' || i % 5, i % 13 FROM generate_series(1, 60) i;
			INSERT INTO plain.ord SELECT i, CASE WHEN i % 9 > 0 THEN 3 * (i % 40) END, '1380000' || lpad((i % 17 * 37)::text, 4, '0'), i % 10 FROM generate_series(1, 100) i;
			INSERT INTO plain.deal SELECT 'k,' || i % 3, i, i % 7, '1380000' || lpad((i % 23 * 37)::text, 4, '0'), '62220212345' || lpad(i::text, 4, '0') FROM generate_series(1, 40) i;
			INSERT INTO plain.ext SELECT i, 3 * (i % 50), 'x' || i % 4 FROM generate_series(1, 80) i;};
		}
		else
		{
			$sql .= join '', map { "INSERT INTO app.$_ SELECT * FROM plain.$_;" } qw(cust ord deal ext);
		}
		$sql .= qq{
			CREATE INDEX ON $schema.cust (bal); CREATE INDEX ON $schema.cust (phone); CREATE INDEX ON $schema.cust (city, bal) INCLUDE (id);
			CREATE INDEX ON $schema.cust (id_no); CREATE INDEX ON $schema.ord (cust_id); CREATE INDEX ON $schema.ord USING hash (phone); CREATE INDEX ON $schema.ord (amount);
			CREATE INDEX ON $schema.deal (phone); CREATE INDEX ON $schema.ext (cust_id);};
	}
	return $sql;
}

# A field as a wording names it: {t1.phone=} where its value counts, {t1.phone!phone} where it is shown.
sub field
{
	my ($self, $ref, $how) = @_;
	my @fields = sort keys %{ $ref->{table}->{fields} } or return undef;
	my $field = $self->pick(@fields);
	return $how eq '=' ? "{$ref->{name}.$field=}" : "{$ref->{name}.$field!$ref->{table}->{fields}->{$field}}";
}

my %value = (
	phone => sub { '1380000' . sprintf('%04d', 37 * $_[0]->below(35)) }, name => sub { 'Zhang ' . chr(65 + $_[0]->below(27)) },
	email => sub { 'u' . $_[0]->below(62) . '@example.com' }, id_no => sub { '1101051949123' . sprintf('%05d', $_[0]->below(62)) },
	card => sub { '62220212345' . sprintf('%04d', $_[0]->below(42)) });

sub constant
{
	my ($self, $field) = @_;
	$field =~ /\.(\w+)/;
	return "'" . $value{$1}->($self) . "'";
}

# A condition on one table alone.
sub condition
{
	my ($self, $ref, $by_text) = @_;
	my $number = "$ref->{name}." . $self->pick(@{ $ref->{table}->{numbers} });
	my $n = sub { $self->below(90) };
	my @ways = (
		sub { "$number < " . $n->() }, sub { "$number > " . $n->() }, sub { "$number IN (" . join(', ', map { $n->() } 1 .. 4) . ')' },
		sub { "$number BETWEEN " . $n->() . ' AND ' . $n->() * 2 }, sub { "$number % 3 = " . $self->below(3) }, sub { 'true' },
		sub { "$number = ANY ('{" . join(',', map { $n->() } 1 .. 3) . "}')" }, sub { "($number < " . $n->() . " OR $number = " . $n->() . ')' },
		sub { "NOT $number = " . $n->() });
	my $f = $self->field($ref, '=');
	if (defined $f)
	{
		my $c = sub { $self->constant($f) };
		my $s = $self->field($ref, '!');
		push @ways, sub { "$f = " . $c->() }, sub { "$f IN (" . join(', ', map { $c->() } 1 .. 4) . ')' }, sub { "$f <> " . $c->() }, sub { "$f IS NOT NULL" },
		  sub { "$f IS DISTINCT FROM " . $c->() }, sub { $c->() . " = $f" }, sub { "($f = " . $c->() . " OR $number < " . $n->() . ')' }, sub { "$f = ANY (ARRAY[" . join(', ', map { $c->() } 1 .. 3) . '])' };
		push @ways, sub { "$s\::text LIKE '%" . $self->below(10) . "%'" }, sub { "$s ~ '[" . $self->below(10) . "Z]'" }, sub { "length($s) > " . $self->below(20) }, sub { "$s\::text > '" . $self->below(20) . "'" }
		  if $by_text;
	}
	return $self->pick(@ways)->();
}

# What is shown of a table.
sub shown
{
	my ($self, $ref) = @_;
	my $f = $self->now_and_then(4) ? undef : $self->field($ref, '!');
	return "$ref->{name}." . $self->pick(@{ $ref->{table}->{numbers} }) unless defined $f;
	return sprintf $self->pick('%s', '%s', '%s', '%s::text', 'upper(%s::text)', "%s || '#'", "concat(%s, '-', 1)", 'to_json(%s)', 'left(%s::text, 5)', 'length(%s::text)',
		'coalesce(%s, NULL)', 'CASE WHEN true THEN %s END', "format('<%%s>', %s)", "regexp_replace(%s::text, '[0-9]', 'd', 'g')", 'ARRAY[%s]', '(SELECT %s)', 'md5(%s::text)', "to_jsonb(ARRAY[%s, NULL])", 'ROW(%s, 1)::text'), $f;
}

sub aggregate
{
	my ($self, $ref) = @_;
	my $f = $self->field($ref, '!');
	my $v = $self->field($ref, '=');
	my $number = "$ref->{name}." . $self->pick(@{ $ref->{table}->{numbers} });
	return $self->pick('count(*)', "avg($number)", "sum($number)", "count($number)") if !defined $f || $self->now_and_then(4);
	return $self->pick("count(DISTINCT $v)", "count($f)", "string_agg($f\::text, ',' ORDER BY $f\::text)", "array_agg($f\::text ORDER BY $f\::text)", "min($f\::text)", "max($f\::text COLLATE \"C\")",
		"bool_or($v = " . $self->constant($v) . ')', "jsonb_agg($f ORDER BY $f\::text)", "count(*) FILTER (WHERE $f\::text LIKE '%1%')", "string_agg(DISTINCT $f\::text, '+')");
}

sub reference
{
	my ($self, $name, $by_text, @among) = @_;
	@among = qw(cust cust cust ord ord deal ext) unless @among;
	my $table = $self->pick(@among);
	my $ref = { name => $name, is => $table, table => $tables{$table} };
	$ref->{where} = $self->condition($ref, $by_text);
	$ref->{where} .= ' AND ' . $self->condition($ref, $by_text) if $self->now_and_then(3);
	return $ref;
}

sub link
{
	my ($self, $a, $b) = @_;
	my @ways = (sub { "$a->{name}.$a->{table}->{link} = $b->{name}.$b->{table}->{link}" }) x 2;
	push @ways, sub { "{$a->{name}.phone=} = {$b->{name}.phone=}" } if $a->{table}->{fields}->{phone} && $b->{table}->{fields}->{phone};
	push @ways, sub { "$a->{name}.$a->{table}->{link} > $b->{name}.$b->{table}->{link} + 100" };
	return $self->pick(@ways)->();
}

# FROM and WHERE, and which of the references make rows of the result.
sub source
{
	my ($self, $by_text) = @_;
	my @refs = ($self->reference('t1', $by_text, qw(cust cust cust ord ord deal)));
	my ($from, $where) = ("app.$refs[0]->{is} t1", $refs[0]->{where});
	my @optional;

	foreach my $i (2 .. 1 + $self->pick(0, 0, 1, 1, 2))
	{
		my $ref = $self->reference("t$i", $by_text);
		my $link = $self->link($self->pick(@refs), $ref);
		my $how = $self->below(6);
		if ($how < 2)
		{
			$from .= " JOIN app.$ref->{is} t$i ON $link";
			$where .= " AND $ref->{where}";
			push @refs, $ref;
		}
		# (joins to what is unique and not shown are not made at all)
		elsif ($how == 2 && $ref->{is} ne 'cust')
		{
			$from .= " LEFT JOIN app.$ref->{is} t$i ON $link AND $ref->{where}";
			$ref->{optional} = 1;
			push @refs, $ref;
		}
		elsif ($how == 3)
		{
			$where .= " AND EXISTS (SELECT FROM app.$ref->{is} t$i WHERE $link AND $ref->{where})";
			$ref->{lets_pass} = 1;
			push @optional, $ref;
		}
		elsif ($how == 4)
		{
			$where .= " AND NOT EXISTS (SELECT FROM app.$ref->{is} t$i WHERE $link AND $ref->{where})";
			push @optional, $ref;
		}
		else
		{
			(my $inner = "$link AND $ref->{where}") =~ s/\bt$i\b/l$i/g;
			$from .= " CROSS JOIN LATERAL (SELECT * FROM app.$ref->{is} l$i WHERE $inner OFFSET 0) t$i";
			$ref->{whole} = 1;
			push @refs, $ref;
		}
	}
	return { refs => \@refs, optional => \@optional, from => $from, where => $where };
}

# The wordings of a form.
sub real { return $_[0] =~ s/\{(\w+\.\w+)(?:=|!\w+)\}/$1/gr }

sub twin
{
	my ($form, $low) = @_;
	$form =~ s/\bapp\./plain./g;
	$form =~ s/\{(\w+\.\w+)=\}/$1/g;
	$form =~ s/\{(\w+\.\w+)!(\w+)\}/$low ? "csec.mask($1, '$2')" : $1/ge;
	return $form;
}

# Which customers and fields a form is about.
sub bounds
{
	my ($s, $low, $source, $rest) = @_;
	my @all = grep { $_->{table}->{subject} } @{ $source->{refs} }, @{ $source->{optional} };

	foreach my $ref (@all)
	{
		my ($name, $about) = ($ref->{name}, $s->{about}->{"app.$ref->{is}"} //= {});
		my $subject = "coalesce(" . sprintf($ref->{table}->{subject}, $name, $name) . ", '-')";
		my $most = twin("SELECT $subject FROM app.$ref->{is} $name WHERE $ref->{where}", $low);
		my $least = twin("SELECT s FROM (SELECT CASE WHEN $name.$ref->{table}->{key} IS NOT NULL THEN $subject END AS s "
			. "FROM $source->{from} WHERE $source->{where} $rest) x WHERE s IS NOT NULL", $low);
		my $shows = grep { $_ == $ref } @{ $source->{refs} };
		push @{ $about->{least} }, $least if $shows;
		push @{ $about->{given} }, $shows ? $least : $most if $shows || $ref->{lets_pass};
		push @{ $about->{most} }, $most;
		my $fields = $ref->{whole} ? $ref->{table}->{fields} : { map { $_ => 1 } $s->{form} =~ /\{$name\.(\w+)/g };
		$about->{may_read}->{$_} = 1 foreach keys %$fields;
		$about->{reads}->{$_} = 1 foreach $shows && !$ref->{optional} ? keys %$fields : ();
	}
	return;
}

sub query
{
	my ($self, $low) = @_;
	my $source = $self->source(1);
	my $tail = "FROM $source->{from} WHERE $source->{where}";
	my @refs = @{ $source->{refs} };
	my $columns = join ', ', map { $self->shown($self->pick(@refs)) . " AS c$_" } 0 .. $self->below(4);
	my $one = $self->pick(grep { %{ $_->{table}->{fields} } } @refs);
	my $f = $self->field($one, '!');
	my $v = $f =~ s/!\w+\}/=}/r;
	my ($column, $category) = $f =~ /\.(\w+)!(\w+)/;
	my $order = 'ORDER BY ' . join(', ', map { "$_->{name}.$_->{table}->{key}" } @refs);
	my $rest = '';
	my $form = $self->pick(
		(sub { "SELECT $columns $tail" }) x 3,
		sub { "SELECT $columns $tail $order" },
		sub { $rest = "$order LIMIT " . $self->below(8); "SELECT $columns $tail $rest" },
		sub { $rest = "$order OFFSET " . $self->below(20); "SELECT $columns $tail $rest" },
		sub { 'SELECT ' . join(', ', map { $self->aggregate($self->pick(@refs)) . " AS c$_" } 0 .. $self->below(3)) . " $tail" },
		sub { "SELECT {x.g!$category}, n FROM (SELECT $v AS g, count(*) AS n $tail GROUP BY $v) x" },
		sub { "SELECT {x.g!$category} FROM (SELECT DISTINCT $v AS g $tail) x" },
		sub { "SELECT $columns, count(*) OVER (PARTITION BY $v) AS many $tail" },
		sub { "SELECT row_number() OVER ($order), $columns, lag($f) OVER ($order) AS before $tail" },
		sub { "SELECT {x.g!$category} FROM (SELECT $v AS g $tail UNION SELECT {u.$column=} FROM app.$one->{is} u WHERE false) x" },
		sub { "WITH w AS MATERIALIZED (SELECT $v AS g, $refs[0]->{name}.$refs[0]->{table}->{key} AS k $tail) SELECT {a.g!$category}, a.k FROM w a JOIN w b USING (k)" },
		sub { "SELECT * FROM (SELECT $columns $tail OFFSET 0) x" })->();
	my $s = { form => $form };
	bounds($s, $low, $source, $rest);
	return $s;
}

sub change
{
	my ($self, $low) = @_;
	my $ref = $self->reference('t1', 0, qw(cust cust ord deal));
	my ($from, $where, $f) = ("app.$ref->{is} t1", $ref->{where}, $self->field($ref, '!'));
	my $source = { refs => [$ref], optional => [], from => $from, where => $where };
	my $v = $f =~ s/!\w+\}/=}/r;
	my $column = $v =~ s/\{\w+\.(\w+)=\}/$1/r;
	my $other = $self->reference('t2', 0, qw(cust ord ext));
	my $link = $self->link($ref, $other);
	my $form = $self->pick(
		sub { "UPDATE $from SET $ref->{table}->{numbers}->[-1] = $ref->{table}->{numbers}->[-1] + 500 WHERE $where RETURNING $f, t1.$ref->{table}->{key}" },
		sub { "UPDATE $from SET $column = ${\ $self->constant($v)} WHERE $where RETURNING 1" },
		sub { "DELETE FROM $from WHERE $where RETURNING t1.$ref->{table}->{key}, $f" },
		sub { "DELETE FROM $from WHERE $where" })->();
	$form =~ s/ AS t1//;
	my $s = { form => $form };
	bounds($s, $low, $source, '');
	$s->{changes} = 1;
	return $s;
}

# How a query is sent.
sub way
{
	my ($self, $q) = @_;
	return $self->pick(
		("$q;") x 6,
		"DECLARE c CURSOR FOR $q; FETCH ALL FROM c; CLOSE c;",
		"DECLARE c CURSOR FOR $q; FETCH 3 FROM c; FETCH ALL FROM c;",
		"PREPARE p AS $q; EXECUTE p; DEALLOCATE p;",
		"COPY ($q) TO STDOUT (DELIMITER '|', NULL '');",
		"CREATE TEMP VIEW v AS $q; TABLE v; DROP VIEW v;",
		"DECLARE c CURSOR WITH HOLD FOR $q; COMMIT; BEGIN; <claims> FETCH ALL FROM c; CLOSE c;");
}

sub statement
{
	my ($self, $low) = @_;
	my $changes = $self->now_and_then(6);
	my $s = $changes ? $self->change($low) : $self->query($low);
	my @settings = map { $self->pick(@toggles) } 1 .. $self->below(4);

	$s->{settings} = join '', map { "SET LOCAL $_;" } @settings;
	$s->{twin} = twin($s->{form}, $low);
	$s->{real} = $changes ? real($s->{form}) . ';' : $self->way(real($s->{form}));
	return $s;
}

1;
