# A client that works on protected tables while its server is killed under it, and
# keeps a journal of what it was told.  tests/tap/load_faults.pl starts several;
# CsecOracle.pm compares their journals with the trail.
#
# Each piece of work has a token, which is its application_name and therefore in
# each of its records.  The journal's lines, tab-separated, are forced to disk:
#
#	sent  TOKEN WORK     before anything of it is sent
#	may   TOKEN read TABLE LOW HIGH
#	may   TOKEN change TABLE OPERATION KEY VALUE KEPT
#	                     what it can come to: all of it stands before "sent"
#	rows  TOKEN TABLE KEY,KEY...   rows were delivered (or a read that gave none
#	                     is complete: no keys), and when
#	done  TOKEN          all of it is acknowledged
#	fail  TOKEN SQLSTATE the server refused
#	lost  TOKEN          the connection broke: nobody knows
#
# What changes something adds its token to the table "ledger", which csec does not
# know, in the same transaction: whether that is committed, the table tells later.
package CsecLoad;

use strict;
use warnings;
use CsecWire;
use IO::Handle;
use Time::HiRes qw(sleep time);

use constant CUSTOMERS => 200;	# that are there from the beginning, in each table

my @works = qw(read_one read_none read_some read_count exists_none cursor copy_out
  update update_returning insert upsert delete copy_in rolled_back savepoint two_phase);

# Work until told to end (SIGTERM).  server: a file with the socket's folder and the
# port of the server of the moment.
sub run
{
	my (%arg) = @_;
	my $self = bless { %arg, n => 0, own => { strict_cust => [], batch_cust => [] }, ended => 0 }, __PACKAGE__;

	srand $arg{seed};
	open my $journal, '>>', $arg{journal} or die "$arg{journal}: $!";
	$self->{journal} = $journal;
	local $SIG{TERM} = sub { $self->{ended} = 1 };
	local $SIG{PIPE} = 'IGNORE';
	until ($self->{ended})
	{
		$self->{wire} //= $self->reconnect or next;
		$self->work($works[rand @works]);
		sleep $arg{pause} * rand 2;
	}
}

sub note
{
	my ($self, @lines) = @_;
	my $text = join '', map { "$_\n" } @lines;
	syswrite $self->{journal}, $text or die "journal: $!";
	$self->{journal}->sync or die "journal: $!";
}

# The server of the moment, where it is up.
sub reconnect
{
	my ($self) = @_;
	my $wire = eval {
		open my $file, '<', $self->{server} or die;
		my ($host, $port) = split ' ', <$file>;
		local $SIG{ALRM} = sub { die 'timeout' };
		alarm 20;
		my $w = CsecWire->connect(bless({ host => $host, port => $port }, 'CsecLoad::Place'), $self->{role});
		$w->query("SET lock_timeout = '2s'");
		$self->{wire} = $w;
		$self->finish_prepared;
		alarm 0;
		$w;
	};
	alarm 0;
	sleep 0.2 unless $wire;
	return $wire;
}

# Transactions that were prepared when the connection broke: some are committed.
sub finish_prepared
{
	my ($self) = @_;
	$self->ask("SET application_name = '$self->{role} finishes'");
	my $ids = $self->ask("SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '$self->{role}.%'");
	$self->ask((rand() < 0.5 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$_'") foreach @$ids;
}

# Send a query, with rows for a COPY that asks for them; gives the first column of
# each row that came, also where it breaks off (in {got}).
sub ask
{
	my ($self, $sql, @copy) = @_;
	my $wire = $self->{wire};
	my @got;
	$self->{got} = \@got;
	$self->{error} = undef;
	$wire->send_query($sql);
	for (;;)
	{
		my ($type, $body) = $wire->next;
		if ($type eq 'D')
		{
			push @got, substr $body, 6, unpack('N', substr $body, 2, 4);
		}
		elsif ($type eq 'd')
		{
			push @got, (split /\t/, $body)[0];
		}
		elsif ($type eq 'G')
		{
			$wire->message('d', "$_\n") foreach @copy;
			$wire->message('c', '');
		}
		elsif ($type eq 'E')
		{
			($self->{error}) = $body =~ /(?:^|\0)C([0-9A-Z]{5})\0/;
		}
		return \@got if $type eq 'Z';
	}
}

# A query whose failure ends the work.
sub must
{
	my ($self, @query) = @_;
	my $got = $self->ask(@query);
	die { sqlstate => $self->{error} } if defined $self->{error};
	return $got;
}

# A query that delivers rows of a table, or tells that there are none.
sub reading
{
	my ($self, $table, $sql) = @_;
	my $ok = eval { $self->ask($sql); 1 };
	my $why = $@;
	my @keys = @{ $self->{got} };
	# an answer that is not complete and has no rows tells nothing
	$self->note(join "\t", 'rows', $self->{token}, $table, join(',', @keys), time)
	  if @keys || ($ok && !defined $self->{error});
	die $why unless $ok;
	die { sqlstate => $self->{error} } if defined $self->{error};
}

sub may_read { my ($self, @range) = @_; push @{ $self->{may} }, join "\t", 'may', $self->{token}, 'read', @range }

# A row that will be changed, and by itself read, perhaps.
sub may_change
{
	my ($self, @change) = @_;
	push @{ $self->{may} }, join "\t", 'may', $self->{token}, 'change', @change;
}

# What the work can come to is in the journal before it begins.
sub begin
{
	my ($self, $name) = @_;
	$self->note(@{ $self->{may} }, join "\t", 'sent', $self->{token}, $name, time);
	$self->must("SET application_name = '$self->{token}'");
}

sub work
{
	my ($self, $name) = @_;
	$self->{token} = join '.', $self->{role}, ++$self->{n};
	$self->{may} = [];
	my $table = rand() < 0.5 ? 'strict_cust' : 'batch_cust';
	my $ok = eval {
		local $SIG{ALRM} = sub { die 'no answer' };
		alarm 90;
		no strict 'refs';
		"work_$name"->($self, $table, 1 + int rand CUSTOMERS);
		alarm 0;
		1;
	};
	my $why = $@;
	alarm 0;
	if ($ok)
	{
		$self->note("done\t$self->{token}\t" . time);
	}
	elsif (ref $why)
	{
		$self->note("fail\t$self->{token}\t$why->{sqlstate}\t" . time);
		eval { $self->ask('ROLLBACK') ; 1 } or $self->{wire} = undef;
		# 57P0x: the server ends this session
		$self->{wire} = undef if $why->{sqlstate} =~ /^57P/;
	}
	else
	{
		$self->note("lost\t$self->{token}\t" . time . "\t" . ($why =~ s/\s+/ /gr));
		$self->{wire} = undef;
	}
}

sub ledger { return "INSERT INTO ledger VALUES ('$_[0]{token}')" }

# ---- reads ----

sub work_read_one
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key);
	$self->begin('read_one');
	$self->reading($table, "SELECT id, phone FROM $table WHERE id = $key");
}

sub work_read_none
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, -1, -1);
	$self->begin('read_none');
	$self->reading($table, "SELECT id, phone FROM $table WHERE id = -$key");
}

sub work_read_some
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key + 20);
	$self->begin('read_some');
	$self->reading($table, "SELECT id, phone FROM $table WHERE id BETWEEN $key AND $key + 20");
}

# What it gives is one number, not rows of the table; whom it looked at is asked for.
sub work_read_count
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key + 5);
	$self->begin('read_count');
	$self->must("SELECT count(phone) FROM $table WHERE id BETWEEN $key AND $key + 5");
	$self->note(join "\t", 'rows', $self->{token}, $table, '', time);
}

sub work_exists_none
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, -1, -1);
	$self->begin('exists_none');
	$self->must("SELECT EXISTS (SELECT FROM $table WHERE id = -$key)");
	$self->note(join "\t", 'rows', $self->{token}, $table, '', time);
}

sub work_cursor
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key + 30);
	$self->begin('cursor');
	$self->must("BEGIN; DECLARE c CURSOR FOR SELECT id, phone FROM $table WHERE id BETWEEN $key AND $key + 30 ORDER BY id");
	$self->reading($table, 'FETCH 5 FROM c') foreach 1 .. 3;
	$self->must(rand() < 0.5 ? 'COMMIT' : 'ROLLBACK');
}

sub work_copy_out
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key + 50);
	$self->begin('copy_out');
	$self->reading($table, "COPY (SELECT id, phone FROM $table WHERE id BETWEEN $key AND $key + 50) TO STDOUT");
}

# ---- changes ----

sub work_update
{
	my ($self, $table, $key) = @_;
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 1);
	$self->begin('update');
	$self->must("UPDATE $table SET note = '$self->{token}' WHERE id = $key; " . $self->ledger);
}

sub work_update_returning
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key);
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 1);
	$self->begin('update_returning');
	$self->must('BEGIN');
	$self->reading($table, "UPDATE $table SET note = '$self->{token}' WHERE id = $key RETURNING id, phone");
	$self->must($self->ledger . '; COMMIT');
}

# A key that nobody has had.
sub new_key { my ($self) = @_; return $self->{number} * 10_000_000 + ++$self->{keys} }

sub row
{
	my ($self, $key) = @_;
	return ($key, '139' . substr("0000000$key", -8), $self->{token});
}

sub work_insert
{
	my ($self, $table) = @_;
	my $key = $self->new_key;
	$self->may_change($table, 'INSERT', $key, $self->{token}, 1);
	$self->begin('insert');
	$self->must(sprintf("INSERT INTO %s VALUES (%s, '%s', '%s'); %s", $table, $self->row($key), $self->ledger));
	push @{ $self->{own}{$table} }, $key;
}

sub work_upsert
{
	my ($self, $table, $key) = @_;
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 1);
	$self->begin('upsert');
	$self->must(sprintf("INSERT INTO %s VALUES (%s, '%s', '%s') ON CONFLICT (id) DO UPDATE SET note = excluded.note; %s",
		$table, $self->row($key), $self->ledger));
}

sub work_delete
{
	my ($self, $table) = @_;
	my $key = shift @{ $self->{own}{$table} } or return $self->work_insert($table);
	$self->may_change($table, 'DELETE', $key, '', 1);
	$self->begin('delete');
	$self->must("DELETE FROM $table WHERE id = $key; " . $self->ledger);
}

sub work_copy_in
{
	my ($self, $table) = @_;
	my @keys = map { $self->new_key } 1 .. 5;
	$self->may_change($table, 'INSERT', $_, $self->{token}, 1) foreach @keys;
	$self->begin('copy_in');
	$self->must('BEGIN');
	$self->must("COPY $table FROM STDIN", map { join "\t", $self->row($_) } @keys);
	$self->must($self->ledger . '; COMMIT');
	push @{ $self->{own}{$table} }, @keys;
}

sub work_rolled_back
{
	my ($self, $table, $key) = @_;
	$self->may_read($table, $key, $key);
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 0);
	$self->begin('rolled_back');
	$self->must("BEGIN; UPDATE $table SET note = '$self->{token}' WHERE id = $key");
	$self->reading($table, "SELECT id, phone FROM $table WHERE id = $key");
	$self->must('ROLLBACK');
}

sub work_savepoint
{
	my ($self, $table, $key) = @_;
	$self->may_change($table, 'UPDATE', $key, "$self->{token} undone", 0);
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 1);
	$self->begin('savepoint');
	$self->must("BEGIN; SAVEPOINT s; UPDATE $table SET note = '$self->{token} undone' WHERE id = $key");
	$self->must('ROLLBACK TO s');
	$self->must("UPDATE $table SET note = '$self->{token}' WHERE id = $key; " . $self->ledger . '; COMMIT');
}

sub work_two_phase
{
	my ($self, $table, $key) = @_;
	my $commit = rand() < 0.7;
	$self->may_change($table, 'UPDATE', $key, $self->{token}, 1);
	$self->begin('two_phase');
	$self->must("BEGIN; UPDATE $table SET note = '$self->{token}' WHERE id = $key; " . $self->ledger);
	$self->must("PREPARE TRANSACTION '$self->{token}'");
	$self->must(($commit ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$self->{token}'");
	die { sqlstate => 'taken back' } unless $commit;
}

package CsecLoad::Place;

sub host { return $_[0]{host} }
sub port { return $_[0]{port} }

1;
