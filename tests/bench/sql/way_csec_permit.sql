-- The application may load data, but has no clearance: a permit shows what it reads.
CREATE EXTENSION csec CASCADE;
GRANT csec_loader TO app;
