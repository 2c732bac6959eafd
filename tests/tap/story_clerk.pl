# The bank clerk.  Were this to fail, she would see more than her work needs,
# or less, or the record of her customer would not tell.

use strict;
use warnings;
use CsecStory;
use Test::More;

my $node = bank('clerk');
says('admin', q{INSERT INTO csec.match_permit (relid, fields) VALUES ('cust', '{phone}')});
my $sees = 'SELECT name, phone, id_no FROM cust WHERE id = 42';

is(says('clerk', $sees), 'C*** D***|138****0042|110*************2X', 'she sees masks');

# Somebody calls and says that he is customer 42.
is(says('clerk', q{SELECT csec.match_customer('cust', '42', '{"name": "Customer DC", "id_no": {"last": "003X"}, "balance": 4200}')}), 'f', 'one who errs is not matched');
is(says('clerk', 'SELECT phone FROM cust WHERE id = 42'), '138****0042', '  and opens nothing');
is(says('clerk', q{SELECT csec.match_customer('cust', '42', '{"name": "customer dc", "id_no": {"last": "002x"}, "balance": 4200}')}), 't', 'he himself is matched, though nothing is shown');
is(says('clerk', $sees), 'C*** D***|13800000042|110*************2X', '  which shows his phone, and that alone');
is(says('clerk', 'SELECT phone FROM cust WHERE id = 43'), '138****0043', '  and nobody else\'s');
later(11 * 60);
is(says('clerk', 'SELECT phone FROM cust WHERE id = 42'), '138****0042', '  for ten minutes');

# He complains; she has to see his ID number, which is core.
my $request = says('clerk', q{SELECT csec.request_access('cust', '{id_no}', 'complaint', subjects => '{42}', max_rows => 3, lasting => '30 minutes', ticket => 'T-7')});
like(says('clerk', "SELECT csec.approve_request($request)"), qr/ERROR/, 'she cannot agree to her own request');
is(says('clerk', $sees), 'C*** D***|138****0042|110*************2X', '  nor use it meanwhile');
is(says('manager', "SELECT csec.approve_request($request, 'our customer')"), 'submitted', 'the owner of the data agrees');
is(says('clerk', $sees), 'C*** D***|138****0042|110*************2X', '  which is not enough for core');
is(says('officer', "SELECT csec.approve_request($request, 'T-7 is open')"), 'active', 'the officer agrees, too');
is(says('clerk', "BEGIN; $sees; ROLLBACK"), 'C*** D***|138****0042|11010519491231002X', 'she sees it, and rolls back');
like(says('clerk', "COPY ($sees) TO STDOUT"), qr/110\*{13}2X/, '  what she exports has a mask');
later(31 * 60);
like(says('clerk', $sees), qr/\Q110*************2X\E/, 'after half an hour it is over');
like(says('clerk', 'SELECT category, why FROM csec.why_masked'), qr/^id_card\|/m, '  and she can ask why');
is(says('clerk', "SELECT state FROM csec.access_requests WHERE id = $request"), 'expired', '  as her request says');

# All of it is on record, what was rolled back above all.
says('auditor', 'SELECT csec.flush_audit()');
is(says('auditor', "SELECT permit, revealed, reason, status FROM csec.who_saw('cust', '42') WHERE 'id_no' = ANY (revealed)"), "$request|{id_no}||ok", 'the reveal that was rolled back is on record, with its permit');
ends_well(42, qr/access_records.*"permit": $request,.*"reason": "complaint", "ticket": "T-7"/, qr/access_records.*"phone"/);
