-- The application has clearance and may load data; the reader has none.
CREATE EXTENSION csec CASCADE;
SELECT csec.set_clearance('app', level => 'important');
GRANT csec_loader TO app;
