-- A visitor has no clearance: what he reads, a permit shows him.
CREATE ROLE visitor LOGIN;
CREATE ROLE owner LOGIN;
GRANT SELECT ON customers TO visitor;
SELECT csec.register_person('bench_visitor', 'Visitor'), csec.assign_login('bench_visitor', 'visitor');
SELECT csec.register_person('bench_owner', 'Owner'), csec.assign_login('bench_owner', 'owner');
SELECT csec.set_data_owner('customers', 'owner');
UPDATE csec.access_rule SET most_rows = 1000000;
\c - visitor
SELECT csec.request_access('customers', '{name, phone, email}', 'the bench', max_rows => 1000000, lasting => '8 hours') AS request \gset
\c - owner
SELECT csec.approve_request(:request, 'the bench');
\c - visitor
-- else there is nothing to be measured
SELECT 1 / (name::text || phone::text || email::text !~ '\*')::int FROM customers WHERE aid = 1;
