# The urgent claim, at two in the night.  Were this to fail, help would wait for
# an office to open, or an emergency would open more than it is about, or nobody
# would look at it afterwards.

use strict;
use warnings;
use CsecStory;
use Test::More;

my $node = bank('claim');
is(says('admin', q{UPDATE csec.alert_rule SET params = params || '{"zone": "UTC"}' WHERE kind = 'off_hours'}), '', 'the bank works by UTC');
later(says('admin', q{SELECT ceil(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '26 hours' - now() AT TIME ZONE 'UTC'))}));
my $sees = 'SELECT phone, id_no FROM cust WHERE id = ';

is(says('clerk', $sees . 17), '138****0017|110*************2X', 'she sees masks, and there is nobody to ask');
my $glass = says('clerk', q{SELECT csec.break_glass('cust', '{17}', 'accident on the A4, claim 88', lasting => '30 minutes')});
like($glass, qr/^\d+$/, 'she breaks the glass');
is(says('clerk', $sees . 17), '13800000017|11010519491231002X', '  and sees the customer');
is(says('clerk', $sees . 18), '138****0018|110*************2X', '  and no second one');
is(says('colleague', $sees . 17), '138****0017|110*************2X', '  nor does anybody else');
like(says('colleague', q{SELECT csec.break_glass('cust', '{17}', 'me too')}), qr/ERROR/, '  who may not break it');
alerted('break_glass', 'clerk', 'that is told');
alerted('off_hours', 'clerk', '  and that it was at night');
later(31 * 60);
is(says('clerk', $sees . 17), '138****0017|110*************2X', 'it is over after the time that she asked for');

# In the morning another person looks at it.
later(6 * 3600);
like(says('clerk', "SELECT csec.review_break_glass($glass, 'justified', 'it was me')"), qr/ERROR/, 'she does not judge it herself');
is(says('officer', "SELECT csec.review_break_glass($glass, 'justified', 'claim 88 is real')"), '', 'the officer does');
is(says('officer', "SELECT review, reviewed_by FROM csec.access_requests WHERE id = $glass"), 'justified|E4', '  as the request says');

# Another night, and nobody looks.
later(86400);
my $second = says('clerk', q{SELECT csec.break_glass('cust', '{19}', 'fire')});
is(says('clerk', $sees . 19), '13800000019|11010519491231002X', 'she does it again');
later(25 * 3600);
says('officer', 'SELECT csec.settle_access()');
is(says('officer', "SELECT review FROM csec.access_requests WHERE id = $second"), 'escalated', 'what nobody reviewed in a day is escalated');
like(says('clerk', q{SELECT csec.break_glass('cust', '{20}', 'flood')}), qr/ERROR/, '  and she breaks no other glass until then');
is(says('deputy', "SELECT csec.review_break_glass($second, 'abuse', 'there was no fire')"), '', 'it was abuse');
is(says('officer', q{SELECT kind, state, accused, reported_by FROM csec.incident}), 'misuse|reported|{E1}|E5', '  which is an incident');
ends_well(17, qr/access_records.*"permit": $glass,.*"reason": "accident on the A4, claim 88"/);
