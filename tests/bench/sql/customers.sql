-- The customers that are read and updated one by one.
CREATE TABLE customers (LIKE seed INCLUDING ALL);
INSERT INTO customers SELECT * FROM seed;
GRANT SELECT, UPDATE ON customers TO app;
GRANT SELECT ON customers TO reader;
