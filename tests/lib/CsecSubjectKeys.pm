# What the tests of customers' keys share: a server whose keys lie outside of it, with fifty
# customers under keys of their own, two officers, and a clerk who sees and changes all.
package CsecSubjectKeys;

use strict;
use warnings;
use CsecTrail;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(customers_node);

# The server, the folder of its keys, and the settings that name it.  Options are those of init(),
# and keys: more of them, by name.
sub customers_node
{
	my ($name, $more, %options) = @_;
	my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
	mkdir $keys, 0700;
	my %keys = (root => 'a1' x 32, %{ delete $options{keys} // {} });
	foreach (keys %keys)
	{
		append_to_file("$keys/$_.key", "$keys{$_}\n");
		chmod 0600, "$keys/$_.key";
	}
	my $conf = "csec.embedded_keys = off\ncsec.key_directory = '$keys'\n$more";

	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1, %options);
	$node->append_conf('postgresql.conf', $conf);
	$node->start;
	make_trail($node, 'postgres');
	$node->safe_psql('postgres', q{
		CREATE ROLE clerk LOGIN IN ROLE csec_trail_reader, csec_auditor;
		CREATE ROLE one LOGIN IN ROLE csec_officer;
		CREATE ROLE two LOGIN IN ROLE csec_officer;
		UPDATE csec.level SET needs_reason = false;
		SELECT csec.set_clearance('clerk', level => 'core');
		CREATE TABLE cust (id int PRIMARY KEY, phone text, id_no text);
		SELECT csec.protect('cust', 'id', '{"phone": "phone", "id_no": "id_card"}', subject_keys => true);
		GRANT ALL ON cust TO clerk;
		GRANT csec_loader TO postgres;
		INSERT INTO cust SELECT g, '1380000' || 1000 + g, '1101051949123100' || lpad(g::text, 2, '0') FROM generate_series(1, 50) g});
	return ($node, $keys, $conf);
}

1;
