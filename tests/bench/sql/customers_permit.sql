-- The application has no clearance here: what it reads, a permit shows it.
CREATE ROLE owner LOGIN;
CREATE ROLE officer LOGIN IN ROLE csec_officer;
SELECT csec.register_person('bench_app', 'Application'), csec.assign_login('bench_app', 'app');
SELECT csec.register_person('bench_owner', 'Owner'), csec.assign_login('bench_owner', 'owner');
SELECT csec.register_person('bench_officer', 'Officer'), csec.assign_login('bench_officer', 'officer');
SELECT csec.protect('customers', 'aid', '{"name": "person_name", "phone": "phone", "email": "email"}');
ALTER TABLE customers OWNER TO owner;
UPDATE csec.access_rule SET most_rows = 1000000000;
\c - app
SELECT csec.request_access('customers', '{name, phone, email}', 'the bench', max_rows => 1000000000, lasting => '8 hours') AS request \gset
\c - owner
SELECT csec.approve_request(:request, 'the bench');
\c - app
-- else there is nothing to be measured
SELECT 1 / (name::text || phone::text || email::text !~ '\*')::int FROM customers WHERE aid = 1;
